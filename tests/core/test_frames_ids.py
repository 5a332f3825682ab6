"""IDs become int64 or texts; what cannot is found, row by row."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from helpers.flavours import build, every_flavour, read, types_of
from userportrait._core import frames


def whole(frame: frames.Frame) -> tuple[str, list[Any]]:
    native = frames.leave(frames.with_whole_ids(frame, ["k"]))
    return types_of(native)["k"], read(native)["k"]


@every_flavour
@pytest.mark.parametrize("kind", ["float64", "float32", "int8", "int32", "uint16", "uint64"])
def test_numbers_become_int64_and_null_stays_null(flavour: str, kind: str) -> None:
    complete = frames.enter(build(flavour, k=(kind, [2, 1, 100])))
    gappy = frames.enter(build(flavour, k=(kind, [2, None, 100])))

    assert whole(complete) == ("Int64", [2, 1, 100])
    assert whole(gappy) == ("Int64", [2, None, 100])


@every_flavour
def test_nan_is_a_missing_id(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("float64", [17850.0, math.nan])))

    assert whole(frame) == ("Int64", [17850, None])
    assert frames.unfit_ids(frame, "k").tolist() == []


@every_flavour
def test_int64_stays_what_it_is_to_the_last_digit(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("int64", [2**63 - 1, -(2**63), 0])))

    assert whole(frame) == ("Int64", [2**63 - 1, -(2**63), 0])
    assert frames.unfit_ids(frame, "k").tolist() == []


@pytest.mark.parametrize(
    ("values", "found"),
    [([2**60 + 1, None], [2**60 + 1, None]), ([1.0, 2.0], [1, 2]), ([1, 2.0, None], [1, 2, None])],
)
def test_numbers_that_are_pandas_objects_become_int64_too(
    values: list[Any], found: list[Any]
) -> None:
    frame = frames.enter(pd.DataFrame({"k": pd.Series(values, dtype=object)}))

    assert frames.unfit_ids(frame, "k").tolist() == []
    assert whole(frame) == ("Int64", found)


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values", "rows"),
    [
        ("float64", [1.0, 1.5, None, math.inf, -math.inf, math.nan, -2.0], [1, 3, 4]),
        ("float64", [2.0**53 - 1, 2.0**53, -(2.0**53), 0.1], [1, 2, 3]),
        ("float32", [2.0**24 - 1, 2.0**24, 0.5, None], [1, 2]),
        ("uint64", [2**63 - 1, 2**63, None, 2**64 - 1], [1, 3]),
        ("uint8", [255, None], []),
        ("float64", [None, None], []),
        ("float64", [], []),
    ],
)
def test_numbers_that_cannot_be_an_id_are_found(
    flavour: str, kind: str, values: list[Any], rows: list[int]
) -> None:
    frame = frames.enter(build(flavour, k=(kind, values)))

    assert frames.unfit_ids(frame, "k").tolist() == rows


def test_python_integers_beyond_int64_are_found() -> None:
    frame = frames.enter(pd.DataFrame({"k": pd.Series([1, 2**70, None], dtype=object)}))

    assert frames.unfit_ids(frame, "k").tolist() == [1]


@pytest.mark.parametrize(
    ("value", "rows"), [("5", []), ("170141183460469231731687303715884105727", [0])]
)
def test_128_bit_integers_are_judged_by_their_value(value: str, rows: list[int]) -> None:
    duckdb = pytest.importorskip("duckdb")
    frame = frames.enter(duckdb.sql(f"SELECT {value}::HUGEINT AS k"))

    assert frames.unfit_ids(frame, "k").tolist() == rows
    if not rows:
        assert whole(frame) == ("Int64", [5])


@every_flavour
def test_categories_become_their_texts(flavour: str) -> None:
    frame = frames.enter(build(flavour, c=("category", ["b", None, "a"]), n=("int64", [1, 2, 3])))

    native = frames.leave(frames.with_category_values(frame, ["c"]))

    assert types_of(native)["c"] == "String"
    assert read(native) == {"c": ["b", None, "a"], "n": [1, 2, 3]}


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([3, 1], "integer", [3, 1]),
        ([3, None], "integer", [3, None]),
        ([1.5, None], "number", [1.5, None]),
        ([datetime(2026, 1, 5)], "time", [datetime(2026, 1, 5)]),
        ([Decimal(1)], "decimal", [Decimal(1)]),
    ],
)
def test_pandas_categories_become_what_they_are(
    values: list[Any], kind: str, found: list[Any]
) -> None:
    column = pd.Series(values)
    if kind == "integer":
        column = column.astype("Int64")
    frame = frames.enter(pd.DataFrame({"c": column.astype("category")}))

    changed = frames.with_category_values(frame, ["c"])

    assert frames.column_kinds(changed) == {"c": kind}
    assert read(frames.leave(changed)) == {"c": found}


@every_flavour
def test_no_column_to_change_changes_nothing(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("int8", [1])))

    assert frames.with_category_values(frame, []) is frame
    assert types_of(frames.leave(frames.with_whole_ids(frame, [])))["k"] == "Int8"
