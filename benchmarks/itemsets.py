"""Frequent itemsets: our engines beside PyFIM, rusket and mlxtend, on public baskets.

Each rival gets its native input, made before the clock starts (CSR arrays for rusket and us,
lists of lists for PyFIM, a sparse frame for mlxtend), and gives its native output within it
(arrays for rusket and us, tuples for PyFIM, a frame of frozensets for mlxtend). Making
frozensets of our result is outside the clock: `to_mlxtend()` does it when asked. All ways run
in turn in one process, after their answers have been compared; memory is measured apart, each
way in a process of its own, and so is mlxtend, which may take minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _basket_files import read_baskets
from _pairs import Times, print_environment

import userportrait as up  # noqa: F401
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._budget import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

WORKLOADS = {
    "groceries@10": 13_492,
    "retail@88": 7_712,
    "retail@18": 67_186,
    "T10I4D100K@100": 27_532,
    "T10I4D100K@20": 129_875,
    "mushroom@813": 574_431,
    "mushroom@407": 3_755_511,
    "online retail@200": 2_026,
    "online retail@100": 18_930,
}
KINDS = {
    "retail@88": (7_695, 3_507),
    "mushroom@813": (4_885, 547),
    "mushroom@407": (12_843, 1_442),
    "T10I4D100K@100": (None, None),
}
OURS = ("numba 1", "numba 2", "numpy")
RIVALS = {
    "PyFIM": ("PyFIM eclat", "PyFIM fpgrowth"),
    "rusket": ("rusket fpgrowth", "rusket eclat"),
}
WAYS = (*OURS, *RIVALS["PyFIM"], *RIVALS["rusket"])


def prepare(way: str, file: Path, min_count: int, kind: str = "all") -> Callable[[], Any]:
    """Make the native input of one way, and return what mines it."""
    data = np.load(file)
    indptr, indices, n_items = data["indptr"], data["indices"], int(data["n_items"])
    if way in OURS:
        return prepare_ours(way, Baskets(indptr, indices, np.arange(n_items)), min_count, kind)
    if way.startswith("PyFIM"):
        import fim

        codes, cuts = indices.tolist(), indptr.tolist()
        lists = [codes[a:b] for a, b in pairwise(cuts)]
        mine = getattr(fim, way.split()[1])
        target = {"all": "s", "closed": "c", "maximal": "m"}[kind]
        return lambda: mine(lists, target=target, supp=-min_count, report="a")
    if way.startswith("rusket"):
        from rusket import _rusket

        mine = getattr(_rusket, f"{way.split()[1]}_from_csr")
        narrow = indptr.astype(np.int32)
        return lambda: mine(narrow, indices, n_items, min_count, None)
    return prepare_mlxtend(indptr, indices, n_items, min_count)


def prepare_ours(way: str, baskets: Baskets, min_count: int, kind: str) -> Callable[[], Any]:
    asked: dict[str, Any] = {"min_count": min_count, "kind": kind, "max_length": None}
    if way == "numpy":
        from userportrait.patterns._numpy_engine import mine as mine_numpy

        return lambda: mine_numpy(baskets, watch=Watch(), **asked)[0]
    from userportrait.patterns import warmup_numba
    from userportrait.patterns._numba_engine import mine

    warmup_numba()
    threads = int(way.split()[1])
    return lambda: mine(baskets, watch=Watch(), n_threads=threads, **asked)[0]


def prepare_mlxtend(indptr: Any, indices: Any, n_items: int, least: int) -> Callable[[], Any]:
    from mlxtend.frequent_patterns import fpgrowth
    from scipy.sparse import csr_matrix

    ones = np.ones(len(indices), dtype=bool)
    matrix = csr_matrix((ones, indices, indptr), shape=(len(indptr) - 1, n_items))
    frame = pd.DataFrame.sparse.from_spmatrix(matrix)
    frame.columns = frame.columns.astype(str)
    share = (least - 0.5) / len(frame)  # mlxtend compares floats
    return lambda: fpgrowth(frame, min_support=share)


def summary(result: Any) -> tuple[int, int]:
    """Return the number of itemsets and the sum of their counts."""
    if isinstance(result, list):
        return len(result), sum(count for _, count in result)
    if isinstance(result, tuple):
        return len(result[0]), int(result[0].sum())
    return len(result), int(result.count[result.nodes()].sum(dtype=np.int64))


def compare(
    name: str, ways: dict[str, Callable[[], Any]], n_baskets: int, known: int | None
) -> None:
    """All find as many sets, with the same sum of counts; PyFIM misses a universal item."""
    found = {way: summary(mine()) for way, mine in ways.items()}
    right = found["numba 2"]
    if known is not None and right[0] != known:
        raise SystemExit(f"{name}: {right[0]:,} itemsets instead of {known:,}")
    for way, (n_sets, total) in found.items():
        if (n_sets, total) == right:
            continue
        if way.startswith("PyFIM") and (n_sets + 1, total + n_baskets) == right:
            print(f"  {way} leaves out the item that is in every basket")
        elif way.startswith("PyFIM") and n_sets + 1 == right[0]:
            print(f"  {way} finds one set less")
        else:
            raise SystemExit(f"{name}: {way} finds {n_sets:,} sets instead of {right[0]:,}")


def time_ways(ways: dict[str, Callable[[], Any]], repeats: int) -> dict[str, Times]:
    """Time all ways in turn; one that takes more than ten seconds runs once."""
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, mine in ways.items():
            if found[way] and found[way][0] > 10:
                continue
            start = time.perf_counter()
            result = mine()
            found[way].append(time.perf_counter() - start)
            del result
    return {way: Times(tuple(seconds)) for way, seconds in found.items()}


def status(field: str) -> float:
    """Return a figure of this process, in MiB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(field + ":")[2].split()[0]) / 1024


def run_one(way: str, file: Path, min_count: int) -> None:
    """Mine once in this process; print seconds and the extra memory."""
    mine = prepare(way, file, min_count)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    start = time.perf_counter()
    result = mine()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "mib": status("VmHWM") - before, "n": len(result)}))


def apart(way: str, file: Path, min_count: int, limit: float) -> dict[str, float] | None:
    """Run one way in a process of its own; None if it takes longer than `limit` seconds."""
    command = [sys.executable, __file__, "--one", way, str(file), str(min_count)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=limit + 60
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def geometric_mean(values: list[float]) -> float:
    return exp(sum(map(log, values)) / len(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--mlxtend", type=float, default=120, help="seconds; 0 leaves it out")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--no-kinds", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options.one[0], Path(options.one[1]), int(options.one[2]))
        return
    print_environment("numba", "numpy", "pyfim", "rusket", "mlxtend")
    print("Native inputs made before the clock; frozensets are outside it, but for mlxtend.")
    ratios: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.workloads:
            run_workload(name, Path(folder), options, ratios)
        print("\nGeometric means (least) of seconds of the rival / ours")
        for (ours, rival), values in ratios.items():
            print(f"  {ours:8s} {rival:8s} {geometric_mean(values):6.2f} ({min(values):.2f})")
        if not options.no_kinds:
            for name, known in KINDS.items():
                if name in options.workloads:
                    run_kinds(name, known, Path(folder), options)


def saved(name: str, folder: Path) -> tuple[Path, int, int]:
    """Write a workload's baskets to a file; return it, the least count and the baskets."""
    source, _, least = name.partition("@")
    file = folder / f"{source}.npz"
    if not file.exists():
        indptr, indices, n_items = read_baskets(source)
        np.savez(file, indptr=indptr, indices=indices, n_items=n_items)
    return file, int(least), len(np.load(file)["indptr"]) - 1


def run_workload(
    name: str,
    folder: Path,
    options: argparse.Namespace,
    ratios: dict[tuple[str, str], list[float]],
) -> None:
    file, least, n_baskets = saved(name, folder)
    print(f"\n{name}: {WORKLOADS[name]:,} itemsets")
    ways = {way: prepare(way, file, least) for way in options.ways}
    if "rusket eclat" in ways and slow_for_eclat(name):
        del ways["rusket eclat"]  # 36 times slower than its fpgrowth, or worse
    compare(name, ways, n_baskets, WORKLOADS[name])
    times = time_ways(ways, options.repeats)
    seconds = {way: min(found.seconds) for way, found in times.items()}
    mib: dict[str, float] = {}
    if not options.no_memory:
        measured = {way: apart(way, file, least, 120) for way in ways}
        mib = {way: found["mib"] for way, found in measured.items() if found is not None}
    if options.mlxtend:
        found = apart("mlxtend fpgrowth", file, least, options.mlxtend)
        seconds["mlxtend fpgrowth"] = found["seconds"] if found else options.mlxtend
        if found:
            mib["mlxtend fpgrowth"] = found["mib"]
    for way, least_seconds in seconds.items():
        memory = f"{mib[way]:9,.1f} MiB extra" if way in mib else ""
        spread = f"{times[way]!s:36s}" if way in times else " " * 36
        print(f"  {way:16s} best {least_seconds:8.4f} s, median {spread} {memory}")
    for ours in OURS:
        if ours in seconds:
            line: list[str] = []
            for rival, theirs in {**RIVALS, "mlxtend": ("mlxtend fpgrowth",)}.items():
                known = [seconds[way] for way in theirs if way in seconds]
                if known:
                    ratio = min(known) / seconds[ours]
                    ratios.setdefault((ours, rival), []).append(ratio)
                    line.append(f"{rival} {ratio:.2f}x")
            print(f"  {ours}: " + ", ".join(line))


def slow_for_eclat(name: str) -> bool:
    return name.split("@")[0] in {"retail", "T10I4D100K"}


def run_kinds(
    name: str, known: tuple[int | None, int | None], folder: Path, options: argparse.Namespace
) -> None:
    file, least, n_baskets = saved(name, folder)
    for kind, number in zip(("closed", "maximal"), known, strict=True):
        chosen = [way for way in options.ways if not way.startswith("rusket")]
        ways = {way: prepare(way, file, least, kind) for way in chosen}
        print(f"\n{name}, {kind}")
        compare(name, ways, n_baskets, number)
        times = time_ways(ways, options.repeats)
        best = min(min(found.seconds) for way, found in times.items() if way[:5] == "PyFIM")
        for way, found in times.items():
            ratio = "" if way[:5] == "PyFIM" else f" better PyFIM {best / min(found.seconds):.2f}x"
            print(f"  {way:16s} best {min(found.seconds):8.4f} s, median {found!s:36s}{ratio}")


if __name__ == "__main__":
    main()
