"""Frequent sequences, beside rusket's PrefixSpan (Rust) and prefixspan-py; and what limits cost.

All get the same sequences of single items, made outside the clock: rusket as arrays, prefixspan-py
as lists, ours as `Sequences`. Inside the clock: the whole call, up to each library's own result
(ours: arrays; rusket: a frame of lists; prefixspan-py: a list of lists). The number of patterns
and the sum of their counts are compared first. Each data set is mined at a count and at half of it.

Ways are run in turn, best of several runs; one that takes over a second is run once. Two clocks are
read: process time, over all threads, and the time of day. The ratios are of the one and the other.

Needs `rusket` and `prefixspan`. Times of numba are without its compilation, which is kept on disk.
"""

from __future__ import annotations

import argparse
import gc
import time
from functools import partial
from pathlib import Path
from statistics import geometric_mean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from _pairs import print_environment

from userportrait.patterns import Sequences, mine_sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DAY = 86_400_000_000
OURS = ("numba", "numpy")


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


class Clocks(NamedTuple):
    """Seconds of process time, and of the time of day."""

    process: float
    day: float

    def over(self, other: Clocks) -> Clocks:
        """Return how many times as long as another."""
        return Clocks(self.process / other.process, self.day / other.day)


def timed(way: Callable[[], Any]) -> tuple[Clocks, Any]:
    gc.collect()
    day, process = time.perf_counter(), time.process_time()
    found = way()
    return Clocks(time.process_time() - process, time.perf_counter() - day), found


def best_of(ways: Mapping[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, Clocks], Any]:
    """Run each way in turn; return the best times of each and the last results."""
    runs: dict[str, list[Clocks]] = {}
    found: dict[str, Any] = {}
    for name, way in ways.items():  # compiles, warms up
        first, found[name] = timed(way)
        runs[name] = [first]
    slow = {name for name, (first, *_) in runs.items() if first.day > 1 and name not in OURS}
    for _ in range(repeats):
        for name in ways.keys() - slow:
            runs[name].append(timed(ways[name])[0])
    return {
        name: Clocks(*map(min, zip(*taken, strict=True))) for name, taken in runs.items()
    }, found


def beside_rivals(data: Path, repeats: int, only: set[str]) -> None:
    import rusket
    from prefixspan import PrefixSpan

    ratios: dict[str, list[Clocks]] = {"rusket": [], "prefixspan-py": []}
    print("\nseconds of process time / of the day; then times the seconds of numba")
    for name, sequences, usual in workloads(data):
        if only and name not in only:
            continue
        arrays = sequences.step_ptr.astype(np.uintp), sequences.indices.astype(np.uint32)
        lists = [part.tolist() for part in np.split(sequences.indices, sequences.step_ptr[1:-1])]
        for least in (usual, usual // 2):
            ways: dict[str, Callable[[], Any]] = {
                "numba": partial(mine_sequences, sequences, min_support=least, engine="numba"),
                "numpy": partial(mine_sequences, sequences, min_support=least, engine="numpy"),
                "rusket": rusket.PrefixSpan(arrays, least).mine,
                "prefixspan-py": partial(PrefixSpan(lists).frequent, least),
            }
            best, found = best_of(ways, repeats)
            sizes = {len(result) for result in found.values()}
            sums = {int(found[engine].counts.sum()) for engine in OURS}
            sums |= {int(found["rusket"]["support"].sum())}
            sums |= {sum(count for count, _ in found["prefixspan-py"])}
            assert len(sizes) == len(sums) == 1
            print(f"{name} @{least}, {sizes.pop():,} patterns")
            for way, clocks in best.items():
                over = clocks.over(best["numba"])
                if way in ratios:
                    ratios[way].append(over)
                text = f"  {way:15s}{clocks.process:10.4f} /{clocks.day:10.4f}"
                print(f"{text}{over.process:10.1f} /{over.day:8.1f}", flush=True)
    for rival, values in ratios.items():
        for clock in Clocks._fields:
            column = [getattr(value, clock) for value in values]
            mean, least_ratio = geometric_mean(column), min(column)
            print(f"{rival}, {clock}: geometric mean {mean:.1f}, least {least_ratio:.1f}")


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
        for name, clocks in best.items():
            over, n = clocks.over(best["no limit"]), len(found[name])
            text = f"  {name:30s}{n:8,} patterns {clocks.process:8.4f} s"
            print(f"{text}, {over.process:.2f} of no limit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="names of data sets")
    parser.add_argument("--only-limits", action="store_true")
    options = parser.parse_args()
    print_environment("userportrait", "numba", "numpy", "rusket", "prefixspan")
    if not options.only_limits:
        beside_rivals(options.data, options.repeats, set(options.only))
    if not options.only:
        cost_of_limits(options.data, options.repeats)


if __name__ == "__main__":
    main()
