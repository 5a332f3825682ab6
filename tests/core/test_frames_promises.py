"""Promises that save passes change no answer."""

from __future__ import annotations

import pandas as pd

from helpers.engines import to_engine
from userportrait._core import frames


def test_plain_money_is_rounded_like_any_other(engine: str) -> None:
    # 0.005, 1.005 and 2.675 are halves in decimal, not in binary: they go up.
    values = [0.0, 0.004, 0.005, 1.005, 2.675, 19.99, 1e9]
    frame = frames.enter(to_engine(engine, pd.DataFrame({"x": values})))
    plain = frames.with_minor_units(frame, "x", "m", digits=2, plain=True)
    found = frames.collect_arrays(plain, ["m"])["m"]
    assert sorted(found.tolist()) == [0, 0, 1, 101, 268, 1999, 100_000_000_000]


def test_complete_keys_are_grouped_like_any_other(engine: str) -> None:
    table = pd.DataFrame({"k": ["b", "a", "b"], "x": [1, 2, 3]})
    frame = frames.enter(to_engine(engine, table))
    found = frames.aggregate(frame, ["k"], {"s": ("x", "sum")}, rows="n", complete=True)
    rows = frames.to_pandas(found).sort_values("k")
    assert rows[["s", "n"]].to_numpy().tolist() == [[2, 1], [4, 2]]
