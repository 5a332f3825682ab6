"""A state of many customers: add 1 % of rows, move as_of, and compare with starting anew."""

from __future__ import annotations

import argparse
import gc
import time
from typing import TYPE_CHECKING, Any

import pandas as pd
from _order_files import AS_OF, order_lines
from _pairs import Times, print_environment

import userportrait as up

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 2_000_000
EARLIER = "2025-06-30"


def make_lines(n: int, n_customers: int) -> pd.DataFrame:
    pieces = [
        order_lines(min(_PIECE, n - start), n_customers, seed=start + 1, first_order=start)
        for start in range(0, n, _PIECE)
    ]
    names = ["customer_id", "order_id", "ordered_at", "quantity", "price"]
    return pd.concat([piece.select(names).to_pandas() for piece in pieces], ignore_index=True)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--batches", type=int, default=5, help="how many times rows are added")
    options = parser.parse_args()
    print_environment("userportrait", "pandas", "numpy")
    lines = make_lines(options.lines, options.customers)
    n_new = int(options.lines * options.share)
    n_old = options.lines - options.batches * n_new
    names = ("recompute", "add", "table after adding", "move as_of", "summarise anew", "bytes")
    times: dict[str, list[float]] = {name: [] for name in names}

    def clock(name: str, call: Callable[[], Any]) -> Any:
        seconds, found = timed(call)
        times[name].append(seconds)
        return found

    def fold(rows: pd.DataFrame) -> up.CustomerSummary:
        return up.CustomerSummary().update(rows)

    state = fold(lines[:n_old])
    state.finalize(AS_OF)
    for turn in range(options.batches):
        start = n_old + turn * n_new
        batch, known = lines[start : start + n_new], lines[: start + n_new]
        clock("add", lambda batch=batch, turn=turn: state.update(batch, batch_id=f"day/{turn}"))
        table = clock("table after adding", lambda: state.finalize(AS_OF))
        moved = clock("move as_of", lambda: state.finalize(EARLIER))
        clock("bytes", state.to_bytes)
        anew = clock("recompute", lambda known=known: fold(known))
        pd.testing.assert_frame_equal(anew.finalize(AS_OF), table, check_exact=True)
        del anew
        summary = clock(
            "summarise anew", lambda known=known: up.summarise_orders(known, as_of=EARLIER)
        )
        pd.testing.assert_frame_equal(summary, moved, check_exact=True)
    found = {name: Times(tuple(seconds)) for name, seconds in times.items()}
    print(
        f"\n{options.lines:,} lines, {state.n_customers:,} customers, batches of {n_new:,} lines; "
        f"all tables equal, bit for bit"
    )
    for name, rival in {
        "recompute": "recompute",
        "add": "recompute",
        "table after adding": "summarise anew",
        "move as_of": "summarise anew",
        "summarise anew": "summarise anew",
        "bytes": "recompute",
    }.items():
        share = found[name].median / found[rival].median
        print(f"  {name:20s} {found[name]!s:38s} {share:7.2%} of '{rival}'")


if __name__ == "__main__":
    main()
