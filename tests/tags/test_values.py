from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from userportrait._core.columns import column_from
from userportrait.errors import ColumnTypeError, InvalidDataError
from userportrait.tags._values import (
    Values,
    as_ids,
    column_of_series,
    label_values,
    number_values,
    positions_of,
    spread,
    text_column,
    unite,
)


def test_ids_of_every_kind_become_whole_numbers_or_texts() -> None:
    for given in ([3, 1], [3.0, 1.0], pd.Series([3, 1], dtype="Int64"), pd.Categorical([3, 1])):
        found = as_ids(given, what="x")
        assert found.dtype == np.int64
        assert found.tolist() == [3, 1]
    objects = np.array([3, 1], dtype=object)
    assert as_ids(objects, what="x").dtype == np.int64
    texts = as_ids(["b", "a"], what="x")
    assert texts.dtype == object
    assert texts.tolist() == ["b", "a"]


def test_ids_that_are_missing_or_mixed_are_refused() -> None:
    with pytest.raises(InvalidDataError, match=r"x: every row needs a customer_id.*: 1\."):
        as_ids(["a", None], what="x")
    with pytest.raises(ColumnTypeError, match="whole numbers or texts; it holds mixed-integer"):
        as_ids(["a", 1], what="x")
    with pytest.raises(ColumnTypeError, match="it holds floating"):
        as_ids([1.5], what="x")


def test_positions_of_texts_among_numbers_are_refused_with_a_remedy() -> None:
    ids, among = np.array([1]), np.array(["1"], dtype=object)
    with pytest.raises(ColumnTypeError) as caught:
        positions_of(ids, among, what="Customers")
    assert str(caught.value) == (
        "Customers: 'customer_id' holds whole numbers, but that of the orders holds texts. "
        "Convert one of them, for example with .astype(str)."
    )


def test_positions_are_minus_one_for_strangers() -> None:
    found = positions_of(np.array([5, 9, 1]), np.array([1, 5]), what="x")
    assert found.tolist() == [1, -1, 0]


def test_numbers_keep_whole_numbers_and_drop_what_is_not_finite() -> None:
    assert number_values(np.array([3, 1, 3])).distinct.tolist() == [1, 3]
    found = number_values(np.array([0.0, -0.0, np.nan, np.inf]))
    assert found.codes.tolist() == [0, 0, -1, -1]


def test_labels_that_are_whole_numbers_lose_their_fraction() -> None:
    codes = np.array([1, 0, -1], dtype=np.int32)
    found = label_values(codes, np.array([9.0, 10.0]))
    # As texts, '10' comes before '9'.
    assert found.distinct.tolist() == ["10", "9"]
    assert found.codes.tolist() == [0, 1, -1]


def test_columns_are_brought_onto_one_list_of_values() -> None:
    first = label_values(np.array([0, 1], dtype=np.int32), np.array(["a", "c"], dtype=object))
    second = label_values(np.array([0, -1], dtype=np.int32), np.array(["b"], dtype=object))
    codes, distinct = unite([first, second])
    assert distinct.tolist() == ["a", "b", "c"]
    assert [part.tolist() for part in codes] == [[0, 2], [1, -1]]


def test_numbers_beside_texts_become_texts() -> None:
    numbers = number_values(np.array([5, 7]))
    texts = Values(np.array([0], dtype=np.int32), np.array(["5"], dtype=object))
    codes, distinct = unite([numbers, texts])
    assert distinct.tolist() == ["5", "7"]
    assert [part.tolist() for part in codes] == [[0, 1], [0]]


def test_a_text_column_keeps_only_labels_in_use_sorted() -> None:
    labels = np.array(["z", "unused", "a"], dtype=object)
    column = text_column(np.array([0, 2, -1]), labels)
    assert column.labels == ("a", "z")
    assert column.to_list() == ["z", "a", None]


def test_a_series_of_any_type_becomes_a_column() -> None:
    times = pd.Series(pd.to_datetime(["2026-01-31 23:00", None]))
    assert column_of_series(times).to_list() == ["2026-01-31", None]
    zoned = pd.Series(pd.to_datetime(["2026-01-31 23:00"]).tz_localize("America/New_York"))
    assert column_of_series(zoned).to_list() == ["2026-02-01"]
    assert column_of_series(pd.Series(pd.Categorical(["b", "a"]))).to_list() == ["b", "a"]
    assert column_of_series(pd.Series([Decimal("1.5"), None])).to_list() == [1.5, None]
    assert column_of_series(pd.Series([1, None], dtype="Int64")).to_list() == [1, None]
    assert column_of_series(pd.Series([True, None], dtype="boolean")).to_list() == [True, None]
    days = pd.Series([pd.Timestamp("2026-01-31").date(), None], dtype=object)
    assert column_of_series(days).to_list() == ["2026-01-31", None]


@pytest.mark.parametrize("values", [[True, None], [1, 2], [1.5, None], ["b", "a"]])
def test_spreading_gives_unknown_where_there_is_no_row(values: list[object]) -> None:
    column = column_from(values)
    found = spread(column, np.array([1, -1, 0]))
    assert found.to_list() == [values[1], None, values[0]]
    assert spread(column.take(np.array([], dtype=int)), np.array([-1])).to_list() == [None]
