"""Columns of tag values: what each kind of input becomes, and back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn, column_from

if TYPE_CHECKING:
    from userportrait._core.columns import Column


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([True, None, False], "boolean", [True, None, False]),
        (pd.Series([True, None], dtype="boolean"), "boolean", [True, None]),
        (np.array([True, False]), "boolean", [True, False]),
        ([1, None, -3], "number", [1, None, -3]),
        ([1, 2.5, float("nan")], "number", [1.0, 2.5, None]),
        ([float("inf"), 1.0], "number", [None, 1.0]),
        (pd.Series([1, None], dtype="Int64"), "number", [1, None]),
        (pd.Series([1.5, pd.NA], dtype="Float64"), "number", [1.5, None]),
        (np.array([1.0, np.nan, np.inf]), "number", [1.0, None, None]),
        (np.array([2**64 - 1], dtype=np.uint64), "number", [1.8446744073709552e19]),
        ([2**70, 1], "number", [2.0**70, 1.0]),
        ([Decimal("1.25"), None, 2], "number", [1.25, None, 2.0]),
        (["b", None, "a", "b"], "text", ["b", None, "a", "b"]),
        (np.array(["a", "b"]), "text", ["a", "b"]),
        (pd.Series(["a", None], dtype="category"), "text", ["a", None]),
        (pd.Series(["a", "b"], index=[7, 7]), "text", ["a", "b"]),
        ([1, "1", None], "text", ["1", "1", None]),
        ([float("nan"), "a"], "text", [None, "a"]),
        ([None, None], "text", [None, None]),
        ([], "text", []),
        (np.zeros(0), "number", []),
        (np.array(["2011-12-01", "NaT"], dtype="datetime64[us]"), "text", ["2011-12-01", None]),
        (
            pd.Series(pd.to_datetime(["2011-12-01 08:30", "2011-12-02 00:00"])),
            "text",
            ["2011-12-01T08:30:00", "2011-12-02T00:00:00"],
        ),
        (
            pd.Series(pd.to_datetime(["2011-12-01 08:00+08:00"])),
            "text",
            ["2011-12-01"],
        ),
    ],
)
def test_a_column_takes_what_a_tag_can_be(values: Any, kind: str, expected: list[Any]) -> None:
    column = column_from(values)
    assert column.kind == kind
    assert len(column) == len(expected)
    assert column.to_list() == expected
    assert [type(v) for v in column.to_list()] == [type(v) for v in expected]
    assert [column.value_at(row) for row in range(len(column))] == expected
    assert column.known.tolist() == [value is not None for value in expected]


def test_labels_are_distinct_and_sorted_by_code_point() -> None:
    column = column_from(["b", 1, "é", "1", "B", None])
    assert isinstance(column, TextColumn)
    assert column.labels == ("1", "B", "b", "é")
    assert column.codes.dtype == np.int32


def test_what_is_unknown_holds_nothing_that_could_be_counted() -> None:
    numbers = column_from([5, None])
    flags = column_from([True, None])
    assert isinstance(numbers, NumberColumn)
    assert isinstance(flags, BooleanColumn)
    assert numbers.values.tolist() == [5, 0]
    assert flags.values.tolist() == [True, False]


TAG_VALUES = st.one_of(
    st.lists(st.none() | st.booleans()),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)),
    st.lists(st.none() | st.text(max_size=5)),
)


@given(TAG_VALUES)
def test_values_go_in_and_come_out_unchanged(values: list[Any]) -> None:
    assert column_from(values).to_list() == values


@given(TAG_VALUES)
def test_json_texts_say_the_same(values: list[Any]) -> None:
    texts = column_from(values).json_texts()
    assert [None if text is None else json.loads(text) for text in texts] == values


@given(TAG_VALUES, st.randoms())
def test_rows_can_be_taken(values: list[Any], random: Any) -> None:
    column: Column = column_from(values)
    rows = [random.randrange(len(values)) for _ in range(3)] if values else []
    taken = column.take(np.array(rows, dtype=np.int64))
    assert taken.kind == column.kind
    assert taken.to_list() == [values[row] for row in rows]
    mask = np.array([random.random() < 0.5 for _ in values], dtype=bool)
    assert column.take(mask).to_list() == [v for v, keep in zip(values, mask, strict=True) if keep]
