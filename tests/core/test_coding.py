"""Codes are positions in the sorted distinct values, whatever the values are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from userportrait._core.coding import (
    code_values,
    code_values_natively,
    look_up_keys,
    plain_ids,
)


def assert_like_numpy(values: Any) -> None:
    codes, distinct = code_values(values)

    uniques, inverse = np.unique(np.asarray(values), return_inverse=True)
    assert codes.dtype == np.int32
    assert_array_equal(codes, inverse)
    assert_array_equal(distinct, uniques)
    if uniques.dtype.kind in "iu":
        assert distinct.dtype == np.int64
    elif uniques.dtype.kind == "O":
        assert distinct.dtype == object


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_integers_of_any_range_are_coded_like_numpy_does(values: list[int]) -> None:
    assert_like_numpy(np.array(values, dtype=np.int64))


@given(st.lists(st.integers(-50, 50), min_size=1), st.integers(-(2**62), 2**62))
def test_integers_of_a_narrow_range_are_coded_like_numpy_does(
    values: list[int], start: int
) -> None:
    assert_like_numpy(np.array(values, dtype=np.int64) + start)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64"])
def test_the_whole_range_of_a_narrow_type_is_coded(dtype: str) -> None:
    # In int8 itself, 127 - (-128) is -1.
    limits = np.iinfo(dtype)
    high = min(limits.max, 2**63 - 1)

    assert_like_numpy(np.array([limits.min, high, 0, limits.min, 1], dtype=dtype))
    assert_like_numpy(np.arange(max(limits.min, -200), min(high, 200), dtype=dtype))


@given(st.lists(st.text()))
def test_texts_are_coded_by_code_point(values: list[str]) -> None:
    array = np.array(values, dtype=object)

    codes, distinct = code_values(array)

    assert distinct.tolist() == sorted(set(values))
    assert [distinct[code] for code in codes] == values


@pytest.mark.parametrize("storage", ["object", "python", "pyarrow", "category"])
def test_texts_are_coded_alike_whatever_stores_them(storage: str) -> None:
    values = ["客", "a", "Z", "ä", "e\u0301", "é", "a", "", "z" * 50]
    dtype: Any = storage
    if storage == "pyarrow":
        pytest.importorskip("pyarrow")
    if storage in ("python", "pyarrow"):
        dtype = pd.StringDtype(storage)

    codes, distinct = code_values(pd.Series(values, dtype=dtype))

    assert distinct.dtype == object
    assert distinct.tolist() == sorted(set(values))
    assert [distinct[code] for code in codes] == values


@pytest.mark.parametrize(
    "values",
    [
        np.array([7]),
        np.array([-7, -7]),
        np.array([2**63 - 1, -(2**63)]),
        np.array([], dtype=np.int64),
        np.array(["x"], dtype=object),
        np.array([], dtype=object),
        np.array([1.5, -0.5, 1.5]),
        np.array([], dtype=np.float64),
    ],
    ids=repr,
)
def test_a_single_value_and_none_at_all_are_coded(values: Any) -> None:
    assert_like_numpy(values)


def test_a_gap_of_millions_takes_no_table_of_millions() -> None:
    assert_like_numpy(np.array([0, 10**15, 5, 10**15]))


def test_integers_beyond_int64_keep_their_order() -> None:
    codes, distinct = code_values(np.array([2**64 - 1, 2**63, 2**64 - 1], dtype=np.uint64))

    assert codes.tolist() == [1, 0, 1]
    assert distinct.tolist() == [2**63, 2**64 - 1]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["b", None, "a", "b"]),
        pd.Series(["b", None, "a", "b"], dtype=object),
        pd.Series(["b", None, "a", "b"], dtype="string"),
        pd.Series([5, None, 3, 5], dtype="Int64"),
        pd.Series([5.0, None, 3.0, 5.0]),
        np.array([5.0, np.nan, 3.0, 5.0]),
        np.array(["b", None, "a", "b"], dtype=object),
    ],
    ids=lambda values: str(values.dtype),
)
def test_null_gets_the_code_minus_one(values: Any) -> None:
    codes, distinct = code_values(values)

    assert codes.tolist() == [1, -1, 0, 1]
    assert len(distinct) == 2


def test_nothing_but_null_has_no_distinct_value() -> None:
    for values in (pd.Series([None, None], dtype=object), pd.Series([None, None], dtype="Int64")):
        codes, distinct = code_values(values)

        assert codes.tolist() == [-1, -1]
        assert len(distinct) == 0


@given(st.lists(st.integers(0, 20) | st.integers(10**12, 10**12 + 5), min_size=1), st.randoms())
def test_the_order_of_rows_changes_neither_codes_nor_values(values: list[int], random: Any) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    array = np.array(values)

    codes, distinct = code_values(array)
    turned_codes, turned_distinct = code_values(array[order])

    assert_array_equal(turned_distinct, distinct)
    assert_array_equal(turned_codes, codes[order])


def test_the_input_is_not_changed() -> None:
    values = np.array([5, -3, 5])

    code_values(values)

    assert values.tolist() == [5, -3, 5]


# --- the quick ways ----------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["object", "python", "pyarrow"])
def test_texts_in_their_own_form_are_the_same_texts(storage: str) -> None:
    values = ["客", "a", None, "Z", "ä", "a", ""]
    dtype: Any = storage
    if storage == "pyarrow":
        pytest.importorskip("pyarrow")
    if storage != "object":
        dtype = pd.StringDtype(storage)

    codes, distinct = code_values_natively(pd.Series(values, dtype=dtype))

    assert list(distinct) == ["", "Z", "a", "ä", "客"]
    assert codes.tolist() == [4, 2, -1, 1, 3, 2, 0]
    assert plain_ids(distinct).dtype == object
    assert plain_ids(distinct).tolist() == list(distinct)


def test_plain_numbers_are_handed_on_as_they_are() -> None:
    ids = np.array([3, 5])

    assert plain_ids(ids) is ids


@given(st.lists(st.integers(-1000, 1000), min_size=1), st.integers(-(2**62), 2**62))
def test_keys_are_numbers_from_0_and_tell_values_apart(values: list[int], start: int) -> None:
    array = np.array(values) + start

    found = look_up_keys(array)

    assert found is not None
    keys, low, span = found
    assert keys.min() == 0
    assert (low, span) == (min(values) + start, max(values) - min(values))
    assert_array_equal(keys + low, array)


@pytest.mark.parametrize(
    "values",
    [
        np.array([], dtype=np.int64),
        np.array([0, 10**15]),
        np.array([1.0, 2.0]),
        np.array(["a"], dtype=object),
        np.array([2**63], dtype=np.uint64),
        pd.Series([1, None], dtype="Int64"),
    ],
    ids=repr,
)
def test_values_that_no_table_can_hold_have_no_keys(values: Any) -> None:
    assert look_up_keys(values) is None


def test_the_keys_of_a_narrow_type_do_not_overflow() -> None:
    found = look_up_keys(np.array([-128, 127], dtype=np.int8))

    assert found is not None
    assert found[0].tolist() == [0, 255]
