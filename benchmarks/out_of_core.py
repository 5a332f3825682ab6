"""The main job on order lines that do not fit in memory: seconds of each step, peak memory.

A folder of Parquet files is made first, in bounded memory, and kept for the next run. Then
the whole job runs on all lines and on a tenth of them, each in a fresh process with a limit on
DuckDB's memory. The customers are the same in both, so only the lines are ten times as many.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _pairs import print_environment

import userportrait as up

CHUNK = 2_000_000
ITEMS = 50_000
FIRST_DAY = np.datetime64("2024-01-01", "us").astype(np.int64)
YEARS_2 = 731 * 86_400_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000_000, help="order lines")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keeps the lines; by default temporary")
    parser.add_argument("--memory-limit", default="1500MB", help="of DuckDB alone")
    parser.add_argument("--threads", type=int, help="of DuckDB; by default all processors")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        run(options.run, options.memory_limit, options.threads)
        return
    print_environment("userportrait", "duckdb", "pyarrow", "pandas", "numpy")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="userportrait-benchmark-"))
    try:
        results = {
            n: measure(make_lines(folder, n, options.customers), options)
            for n in (options.rows // 10, options.rows)
        }
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    tell(results)


# --- the lines -----------------------------------------------------------------------------------


def make_lines(folder: Path, n_rows: int, n_customers: int) -> Path:
    """Write the lines as files of a folder, a chunk at a time, unless they are there."""
    import pyarrow.parquet as pq

    target = folder / f"lines_{n_rows}_{n_customers}"
    if target.is_dir():
        return target
    unfinished = folder / f"unfinished_{n_rows}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for number, start in enumerate(range(0, n_rows, CHUNK)):
        table = chunk_of_lines(number, min(CHUNK, n_rows - start), n_customers)
        pq.write_table(table, unfinished / f"{number:05d}.parquet", compression="zstd")
    unfinished.rename(target)
    return target


def chunk_of_lines(number: int, n: int, n_customers: int):
    """Make lines of about four an order; few customers and few items have most of them."""
    import pyarrow as pa

    rng = np.random.default_rng([7, number])
    order = np.cumsum(rng.random(n) < 0.25)  # the order of each line, counted in the chunk
    n_orders = int(order[-1]) + 1
    customer = (n_customers * rng.random(n_orders) ** 2).astype(np.int64)
    at = FIRST_DAY + (YEARS_2 * rng.random(n_orders)).astype(np.int64) // 1_000_000 * 1_000_000
    item = (ITEMS * rng.random(n) ** 3).astype(np.int64)
    quantity = rng.integers(1, 13, n)
    quantity[rng.random(n) < 0.05] *= -1  # a line that takes something back
    price = (item * 7919 % 9_900 + 100) / 100.0
    return pa.table(
        {
            "customer_id": customer[order],
            "order_id": number * CHUNK + order,
            "item_id": item,
            "ordered_at": pa.array(at[order].view("datetime64[us]")),
            "quantity": quantity,
            "price": price,
        }
    )


# --- the job -------------------------------------------------------------------------------------


def run(lines: Path, memory_limit: str, threads: int | None) -> None:
    """Do the whole job in this process, and print what it took as JSON."""
    seconds: dict[str, float] = {}
    last = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[name] = now - last
        last = now

    raw = up.scan_parquet(lines, engine="duckdb", memory_limit=memory_limit, threads=threads)
    lap("scan")
    orders, cleaning = up.clean_orders(
        raw, customer_id="customer_id", order_id="order_id", ordered_at="ordered_at",
        item_id="item_id", quantity="quantity", price="price",
    )  # fmt: skip
    lap("clean")
    summary = up.summarise_orders(orders)
    n_customers = len(summary)
    del summary
    lap("summary")
    limits = up.RFM().fit(orders).limits_
    lap("RFM limits")
    with tempfile.TemporaryDirectory() as folder:
        store = up.SQLiteStore(Path(folder, "portraits.db"))
        portraits = up.build_portraits(orders, store=store, cleaning=cleaning)
        lap("tag and store")
        portraits.audience("rfm in ('Champions', 'Loyal') and orders_90d >= 2")
        lap("one audience")
    found = {
        "seconds": seconds,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "kept": cleaning.n_rows_out,
        "customers": n_customers,
        "tags": len(portraits.table.columns),
        "checksum": [float(sum(limit)) for limit in limits.values()],
    }
    print(json.dumps(found))


def measure(lines: Path, options: argparse.Namespace) -> dict:
    """Run the job in a fresh process."""
    command = [sys.executable, __file__, "--run", str(lines)]
    command += ["--memory-limit", options.memory_limit]
    command += [] if options.threads is None else ["--threads", str(options.threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def tell(results: dict[int, dict]) -> None:
    """Print the steps side by side."""
    small, large = results
    names = list(results[large]["seconds"])
    print(f"{'step':16s} {small:>14,} {large:>14,}   ratio")
    rows = [(name, *(results[n]["seconds"][name] for n in (small, large))) for name in names]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    for name, first, second in rows:
        print(f"{name:16s} {first:12.2f} s {second:12.2f} s {second / max(first, 1e-9):7.2f}")
    for name, unit in (("peak", "MiB"), ("kept", ""), ("customers", ""), ("tags", "")):
        first, second = (f"{results[n][name]:,.0f} {unit}".strip() for n in (small, large))
        print(f"{name:16s} {first:>14s} {second:>14s}")


if __name__ == "__main__":
    main()
