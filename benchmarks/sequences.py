"""Frequent sequences, beside rusket's PrefixSpan (Rust) and prefixspan-py; and what limits cost.

All get the same sequences of single items, made outside the clock: rusket as arrays, prefixspan-py
as lists, ours as `Sequences`. Inside the clock: the whole call, up to each library's own result
(ours: arrays; rusket: a frame of lists; prefixspan-py: a list of lists). The number of patterns
and the sum of their counts are compared first. Best of several runs in turn, in seconds of
process time over all threads.

Needs `rusket` and `prefixspan`. Times of numba are without its compilation, which is kept on disk.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path
from statistics import geometric_mean
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _pairs import print_environment

from userportrait.patterns import Sequences, mine_sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DAY = 86_400_000_000


def sequences_of(frame: pd.DataFrame, item: str, by: list[str], *, flat: bool = True) -> Any:
    """Order rows by customer and `by`; flat sequences have one item a step, in that order."""
    rows = frame.sort_values(["customer", *by, item], kind="stable")
    codes, items = pd.factorize(rows[item], sort=True)
    owner, ids = pd.factorize(rows["customer"], sort=True)
    sizes = np.bincount(owner, minlength=len(ids))
    step_ptr = np.concatenate(([0], np.cumsum(sizes)))
    at = rows["at"].to_numpy(np.int64) if "at" in rows else np.arange(len(rows)) * DAY
    if flat:
        ptr = np.arange(len(rows) + 1)
        return Sequences(step_ptr, ptr, codes.astype(np.int32), np.asarray(items), ids, at=at)
    lists = pd.DataFrame({"who": owner, "at": at, "item": codes}).drop_duplicates()
    new = (lists[["who", "at"]] != lists[["who", "at"]].shift()).any(axis=1).to_numpy()
    starts = np.flatnonzero(new)
    steps = np.bincount(lists["who"].to_numpy()[starts], minlength=len(ids))
    return Sequences(
        np.concatenate(([0], np.cumsum(steps))),
        np.append(starts, len(lists)),
        lists["item"].to_numpy(np.int32),
        np.asarray(items),
        ids,
        at=lists["at"].to_numpy(np.int64)[starts],
    )


def retail(data: Path) -> pd.DataFrame:
    lines = pd.read_parquet(data / "online_retail" / "online_retail.parquet")
    kept = lines["CustomerID"].notna() & (lines["Quantity"] > 0)
    kept &= ~lines["InvoiceNo"].astype(str).str.startswith("C")
    names = {"CustomerID": "customer", "StockCode": "item", "InvoiceDate": "at"}
    found = lines.loc[kept, list(names)].rename(columns=names)
    found["at"] = found["at"].to_numpy("datetime64[us]").astype(np.int64)
    return found


def workloads(data: Path) -> Iterator[tuple[str, Sequences, int]]:
    """Give each data set with a least count."""
    clicks = pd.read_csv(data / "yoochoose_100k" / "train.csv.gz")
    clicks.columns = ["customer", "item", "at"]
    yield "yoochoose", sequences_of(clicks, "item", ["at"]), 8
    rows = pd.read_parquet(data / "session_diginetica" / "train_sessions.parquet")
    rows = rows.rename(columns={"session": "customer"}).assign(place=np.arange(len(rows)))
    yield "diginetica", sequences_of(rows, "item", ["place"]), 100
    for name in ("beauty", "sasrec_video"):
        rows = pd.read_parquet(data / f"seqrec_{name}" / "sequences.parquet")
        rows = rows.rename(columns={"user": "customer"})
        yield name, sequences_of(rows, "item", ["position"]), 20
    rows = pd.read_parquet(data / "taobao_ghcf" / "buy_train.parquet")
    rows = rows.rename(columns={"user": "customer"}).assign(place=np.arange(len(rows)))
    yield "taobao", sequences_of(rows, "item", ["place"]), 8
    rows = pd.read_csv(data / "groceries_members" / "groceries_members.csv.gz")
    rows.columns = ["customer", "at", "item"]
    rows["at"] = (
        pd.to_datetime(rows["at"], dayfirst=True).to_numpy("datetime64[us]").astype(np.int64)
    )
    yield "members", sequences_of(rows, "item", ["at"]), 20
    yield "online retail", sequences_of(retail(data), "item", ["at"]), 250


def best_of(ways: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], Any]:
    """Run each way in turn; return the best process time of each and the last results."""
    found = {name: way() for name, way in ways.items()}  # compiles, warms up
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for name, way in ways.items():
            gc.collect()
            start = time.process_time()
            way()
            best[name] = min(best[name], time.process_time() - start)
    return best, found


def beside_rivals(data: Path, repeats: int, slow: set[str]) -> None:
    import rusket
    from prefixspan import PrefixSpan

    ratios: dict[str, list[float]] = {"rusket": [], "prefixspan-py": []}
    print(f"\n{'data @ count':22s}{'patterns':>10s}  seconds: numba, numpy, rusket, prefixspan-py")
    for name, sequences, least in workloads(data):
        arrays = sequences.step_ptr.astype(np.uintp), sequences.indices.astype(np.uint32)
        lists = [part.tolist() for part in np.split(sequences.indices, sequences.step_ptr[1:-1])]

        def numba(s: Any = sequences, c: int = least) -> Any:
            return mine_sequences(s, min_support=c, engine="numba")

        def numpy(s: Any = sequences, c: int = least) -> Any:
            return mine_sequences(s, min_support=c, engine="numpy")

        def rust(a: Any = arrays, c: int = least) -> Any:
            return rusket.PrefixSpan(a, c).mine()

        def python(p: Any = lists, c: int = least) -> Any:
            return PrefixSpan(p).frequent(c)

        best, found = best_of({"numba": numba, "numpy": numpy, "rusket": rust}, repeats)
        ours = found["numba"]
        assert len(ours) == len(found["numpy"]) == len(found["rusket"])
        total = int(ours.counts.sum())
        assert total == int(found["numpy"].counts.sum()) == int(found["rusket"]["support"].sum())
        ratios["rusket"].append(best["rusket"] / best["numba"])
        text = f"{best['numba']:.4f}, {best['numpy']:.3f}, {best['rusket']:.3f}"
        over_numpy = best["rusket"] / best["numpy"]
        shown = f"rusket / numba {ratios['rusket'][-1]:.1f}, rusket / numpy {over_numpy:.1f}"
        if name in slow:
            start = time.process_time()
            theirs = python()
            seconds = time.process_time() - start
            assert (len(theirs), sum(count for count, _ in theirs)) == (len(ours), total)
            ratios["prefixspan-py"].append(seconds / best["numba"])
            text += f", {seconds:.2f}"
            shown += f", prefixspan-py / numba {ratios['prefixspan-py'][-1]:.0f}"
        print(f"{name + ' @' + str(least):22s}{len(ours):10,}  {text}; {shown}", flush=True)
    for rival, values in ratios.items():
        if values:
            mean, least_ratio = geometric_mean(values), min(values)
            print(f"geometric mean over {rival}: {mean:.1f}, least {least_ratio:.1f}")


def cost_of_limits(data: Path, repeats: int) -> None:
    """Baskets of online retail as steps, with and without limits of time."""
    baskets = sequences_of(retail(data), "item", ["at"], flat=False)
    limits: dict[str, dict[str, Any]] = {
        "no limit": {},
        "max_gap 60 days": {"max_gap": 60},
        "max_span 90 days": {"max_span": 90},
        "min 1, max gap 60, span 180": {"min_gap": 1, "max_gap": 60, "max_span": 180},
    }
    for engine in ("numba", "numpy"):
        ways = {
            name: (lambda e=engine, k=kept: mine_sequences(baskets, min_support=130, engine=e, **k))
            for name, kept in limits.items()
        }
        best, found = best_of(ways, repeats)
        print(f"\nonline retail, {len(baskets):,} customers, baskets as steps @130, {engine}")
        for name, seconds in best.items():
            ratio, n = seconds / best["no limit"], len(found[name])
            print(f"  {name:30s}{n:8,} patterns {seconds:8.3f} s, {ratio:.2f} of no limit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slow", nargs="*", default=["yoochoose", "members", "beauty"])
    parser.add_argument("--only-limits", action="store_true")
    options = parser.parse_args()
    print_environment("userportrait", "numba", "numpy", "rusket", "prefixspan")
    if not options.only_limits:
        beside_rivals(options.data, options.repeats, set(options.slow))
    cost_of_limits(options.data, options.repeats)


if __name__ == "__main__":
    main()
