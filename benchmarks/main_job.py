"""The whole main job: clean, portray, store, report; seconds of each step and peak memory."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from _pairs import print_environment

import userportrait as up
from userportrait.data import guess_roles, read_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000, help="of the sample shop")
    parser.add_argument("--file", help="a file of order lines, instead of the sample shop")
    options = parser.parse_args()
    print_environment("userportrait", "pandas", "numpy")
    steps: list[tuple[str, float]] = []
    last = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        steps.append((name, now - last))
        last = now

    if options.file:
        raw = read_table(options.file)
    else:
        raw = up.make_shop(n_customers=options.customers, random_state=0).raw_orders
    lap("read or make")
    orders, cleaning = up.clean_orders(raw, **guess_roles(raw).columns)
    lap("clean")
    with tempfile.TemporaryDirectory() as folder:
        store = up.SQLiteStore(Path(folder, "portraits.db"))
        portraits = up.build_portraits(orders, store=store, cleaning=cleaning)
        lap("portray and store")
        up.report(portraits, Path(folder, "report.html"))
        lap("report")
    print(
        f"{cleaning.n_rows_in:,} rows in, {cleaning.n_rows_out:,} kept, "
        f"{len(portraits):,} customers"
    )
    for name, seconds in steps:
        print(f"  {name:18s} {seconds:7.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory        {peak:7,.0f} MiB")


if __name__ == "__main__":
    main()
