from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from userportrait._core.columns import NumberColumn, column_from
from userportrait.tags._plain import collect_ids, column_of_plain, unknown_column


@pytest.mark.parametrize(
    "values",
    [[1, 2], [1, None], [1.5, None], [True, None, False], ["b", None, "a", "b"], [1, 2.5],
     [2**63, 1], [1.5, float("nan"), float("inf")], ["a", 1], [True, 1]],
)  # fmt: skip
def test_plain_values_become_the_same_column_as_anywhere_else(values: list[Any]) -> None:
    found, expected = column_of_plain(values), column_from(values)
    assert type(found) is type(expected)
    assert found.to_list() == expected.to_list()
    if isinstance(found, NumberColumn):
        assert found.values.dtype == expected.values.dtype  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("boolean", "boolean"), ("number", "number"), ("date", "text"), (None, "text")],
)
def test_without_any_value_the_kind_decides(kind: str | None, expected: str) -> None:
    column = column_of_plain([None, None], kind)
    assert (column.kind, column.to_list()) == (expected, [None, None])
    assert unknown_column(column).kind == expected


def test_ids_are_sorted_and_where_they_stood_is_told() -> None:
    ids, order = collect_ids(["b", "a", "c"])
    assert ids.tolist() == ["a", "b", "c"]
    assert order.tolist() == [1, 0, 2]
    ids, _ = collect_ids([5, -1])
    assert ids.dtype == np.int64
