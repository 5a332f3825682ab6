"""Values of several parts become one column, as if there had been one part."""

from __future__ import annotations

import numpy as np
import pytest

from userportrait._core.columns import column_from
from userportrait.errors import InvalidDataError
from userportrait.tags._merge import merge_columns, merge_ids


def test_customers_are_sorted_and_empty_parts_have_no_say() -> None:
    empty = np.zeros(0, dtype=object)
    ids, order = merge_ids([np.array([5, 9]), empty, np.array([7])])
    assert ids.dtype == np.int64
    assert ids.tolist() == [5, 7, 9]
    assert order.tolist() == [0, 2, 1]
    ids, _ = merge_ids([empty, np.array(["b", "a"], dtype=object)])
    assert ids.tolist() == ["a", "b"]
    assert len(merge_ids([empty])[0]) == len(merge_ids([])[0]) == 0


def test_texts_are_coded_again_in_their_order() -> None:
    merged = merge_columns("t", [column_from(["tea", None]), column_from(["cup", "tea"])])
    assert merged.to_list() == ["tea", None, "cup", "tea"]
    assert merged.labels == ("cup", "tea")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([[1, 2], [3]], [1, 2, 3]),
        ([[1, 2], [0.5]], [1.0, 2.0, 0.5]),
        ([[1, None], [None]], [1, None, None]),
        ([[True], [None, False]], [True, None, False]),
        ([[None], ["a"]], [None, "a"]),
        ([[None], [7]], [None, 7]),
        ([[None], [None]], [None, None]),
    ],
)
def test_the_kind_is_that_of_what_is_known(parts: list[list[object]], expected: object) -> None:
    merged = merge_columns("t", [column_from(part) for part in parts])
    assert merged.to_list() == expected
    assert [type(v) for v in merged.to_list()] == [type(v) for v in expected]  # type: ignore[attr-defined]


def test_nothing_known_as_a_number_does_not_make_whole_numbers_fractions() -> None:
    unknown = column_from(np.array([np.nan]))
    assert merge_columns("t", [unknown, column_from([3])]).to_list() == [None, 3]


def test_one_tag_has_one_kind() -> None:
    with pytest.raises(InvalidDataError, match="tag 't' gives number and text values"):
        merge_columns("t", [column_from([1]), column_from(["a"])])
