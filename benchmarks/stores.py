"""Loading and reading a million profiles in SQLite, beside the plain way to do it."""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import numpy as np
from _pairs import peak_memory, print_environment

import userportrait as up
from userportrait.tags import TagTable, column_from
from userportrait.typing import Build

if TYPE_CHECKING:
    from collections.abc import Callable


def make_table(n: int) -> TagTable:
    """Thirty tags of mixed kinds; one value in ten of some of them is unknown."""
    rng = np.random.default_rng(0)
    segments = np.array(["Champions", "Loyal", "At Risk", "Hibernating", "Lost"], dtype=object)
    columns: dict[str, Any] = {}
    for i in range(12):
        columns[f"count_{i}"] = column_from(np.asarray(rng.poisson(3, n)))
    for i in range(8):
        columns[f"money_{i}"] = column_from(np.round(rng.lognormal(3, 1, n), 2))
    for i in range(6):
        texts = segments[rng.integers(0, 5, n)]
        texts[rng.random(n) < 0.1] = None
        columns[f"label_{i}"] = column_from(texts)
    for i in range(4):
        columns[f"is_{i}"] = column_from(rng.random(n) < 0.3)
    build = Build(as_of=datetime(2026, 1, 1), versions=dict.fromkeys(columns, 1))
    return TagTable(np.arange(n, dtype=np.int64), columns, build)


def plain_load(path: Path, table: TagTable) -> None:
    """What people write: a dict for each customer, json.dumps, executemany."""
    with sqlite3.connect(path) as connection:
        connection.execute("create table profiles (id integer primary key, tags text)")
        rows = ((customer, json.dumps(tags)) for customer, tags in table.profiles())
        connection.executemany("insert into profiles values (?, ?)", rows)
    connection.close()


def microseconds(read: Callable[[int], object], keys: list[int]) -> tuple[float, float]:
    """Return the median and the 99th percentile of single reads."""
    clock = time.perf_counter_ns
    found = []
    for key in keys:
        start = clock()
        read(key)
        found.append(clock() - start)
    return median(found) / 1000, quantiles(found, n=100)[-1] / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--reads", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    n = options.customers
    print_environment("userportrait", "numpy")
    table = make_table(n)
    loads: dict[str, list[float]] = {"store": [], "plain": []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.repeats):
            ours, plain = Path(folder, f"ours{turn}.db"), Path(folder, f"plain{turn}.db")
            start = time.perf_counter()
            up.SQLiteStore(ours).replace_encoded(table.json_rows(), build=table.build)
            loads["store"].append(time.perf_counter() - start)
            start = time.perf_counter()
            plain_load(plain, table)
            loads["plain"].append(time.perf_counter() - start)
        store, connection = up.SQLiteStore(ours), sqlite3.connect(plain)
        statement = "select tags from profiles where id = ?"

        def read_plain(key: int) -> Any:
            return json.loads(connection.execute(statement, (key,)).fetchone()[0])

        keys = random.Random(0).choices(range(n), k=options.reads)
        for key in keys[:200]:
            known = {name: value for name, value in read_plain(key).items() if value is not None}
            assert store.read_profile(key) == known
        size = ours.stat().st_size / 2**20
        print(f"\n{n:,} profiles of 30 tags, {size:,.0f} MiB on disk")
        print(f"  load: store {median(loads['store']):.2f} s, plain {median(loads['plain']):.2f} s")
        for turn in range(options.repeats):
            a, b = microseconds(store.read_profile, keys), microseconds(read_plain, keys)
            ours_told = f"store median {a[0]:.1f} us (99 %: {a[1]:.1f})"
            plain_told = f"plain median {b[0]:.1f} us (99 %: {b[1]:.1f})"
            print(f"  one decoded read, turn {turn + 1}: {ours_told}, {plain_told}")
        connection.close()
    print(f"  peak memory of table and load: {peak_memory(MEMORY, str(n)):,.0f} MiB")


MEMORY = """
import sys, tempfile, pathlib
sys.path.insert(0, "benchmarks")
import stores, userportrait as up
table = stores.make_table(int(sys.argv[1]))
with tempfile.TemporaryDirectory() as folder:
    store = up.SQLiteStore(pathlib.Path(folder, "x.db"))
    store.replace_encoded(table.json_rows(), build=table.build)
    store.close()
"""


if __name__ == "__main__":
    sys.exit(main())
