"""Words of whole numbers against tables worked out by hand, on every engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from helpers.flavours import build, build_spark, every_flavour
from helpers.words import Case, check, check_on_spark
from userportrait._core import frames

LARGE = 2**60 + 1  # float64 does not hold it


def sums(make: Any) -> frames.Frame:
    frame = make(a=("int64", [7, -7, None, LARGE]), b=("int64", [2, 3, 1, -1]))
    frame = frames.with_arithmetic(frame, "a", "+", "b", "plus")
    frame = frames.with_arithmetic(frame, 1, "-", "b", "minus")
    frame = frames.with_arithmetic(frame, "b", "*", 100, "times")
    frame = frames.with_arithmetic(frame, "a", "max", "b", "greater")
    frame = frames.with_arithmetic(frame, "b", "max", 0, "at_least")
    return frames.select_columns(frame, ["plus", "minus", "times", "greater", "at_least"])


def quotients(make: Any) -> frames.Frame:
    frame = make(a=("int64", [7_000_000, -1, 1_999_999, None, 0]))
    return frames.select_columns(frames.with_arithmetic(frame, "a", "//", 10**6, "q"), ["q"])


def first_known(make: Any) -> frames.Frame:
    frame = make(a=("int64", [1, None, None]), b=("int64", [5, LARGE, None]))
    return frames.select_columns(frames.with_first_known(frame, ["a", "b"], "c"), ["c"])


def exact_ratio(make: Any) -> frames.Frame:
    frame = frames.with_value(make(cents=("int64", list(range(2000)))), "scale", 100)
    return frames.select_columns(frames.with_ratio(frame, "cents", "scale", "money"), ["money"])


CASES = [
    Case(
        "whole numbers are computed exactly and null spreads",
        sums,
        [
            (9, -1, 200, 7, 2),
            (-4, -2, 300, 3, 3),
            (None, 0, 100, None, 1),
            (LARGE - 1, 2, -100, LARGE, 0),
        ],
        dict.fromkeys(["plus", "minus", "times", "greater", "at_least"], "Int64"),
    ),
    Case("quotients round down", quotients, [(7,), (-1,), (1,), (None,), (0,)], {"q": "Int64"}),
    Case("the first known value counts", first_known, [(1,), (LARGE,), (None,)], {"c": "Int64"}),
    Case(
        "a ratio is one division, also by a constant (polars multiplies by its reciprocal)",
        exact_ratio,
        [(cents / 100,) for cents in range(2000)],
    ),
]


@every_flavour
@pytest.mark.parametrize("case", CASES, ids=str)
def test_words_of_whole_numbers_give_the_table_worked_out_by_hand(case: Case, flavour: str) -> None:
    check(case, flavour)


COLUMNS: dict[str, Any] = {
    "i": ("int64", [LARGE, 2, None, 2, -1]),
    "x": ("float64", [0.1, math.nan, 0.1, None, 0.3]),
}


def check_counts(native: Any) -> None:
    found = frames.count_values(frames.enter(native), ["x", "i"])
    values, counts = found["i"]
    assert (values.tolist(), counts.tolist()) == ([-1, 2, LARGE], [1, 2, 1])
    assert values.dtype == counts.dtype == np.int64
    values, counts = found["x"]
    assert (values.tolist(), counts.tolist()) == ([0.1, 0.3], [2, 1])


@every_flavour
def test_values_are_counted_and_nulls_left_out(flavour: str) -> None:
    check_counts(build(flavour, **COLUMNS))


@pytest.mark.spark
def test_words_of_whole_numbers_give_the_same_on_spark(spark: Any) -> None:
    check_on_spark(CASES, spark)
    check_counts(build_spark(spark, **COLUMNS))
