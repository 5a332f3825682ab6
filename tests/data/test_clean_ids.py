"""IDs become int64 or trimmed texts, whatever they came as."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data._clean_columns import column_from_pandas
from userportrait.data._clean_ids import IdColumn, clean_ids
from userportrait.errors import ColumnTypeError


def read(values: Any, dtype: Any = "object") -> IdColumn:
    raw = column_from_pandas(pd.Series(values, dtype=dtype))
    return clean_ids(raw, "who", "customer_id", owner="clean_orders")


def values(found: IdColumn) -> list[Any]:
    return [None if code < 0 else found.labels[code] for code in found.codes.tolist()]


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        ([3, 1, 3], "int64", [3, 1, 3]),
        ([3, None, 1], "Int64", [3, None, 1]),
        ([17850.0, None, 12346.0], "float64", [17850, None, 12346]),
        ([17850.0, "", 12346], "object", ["17850", None, "12346"]),
        ([3, 1.0, None], "object", [3, 1, None]),
        ([Decimal("7.00"), Decimal(8), None], "object", [7, 8, None]),
        (["17850.0", " 12346.0", None], "object", [17850, 12346, None]),
        (["17850.0", "x7"], "object", ["17850.0", "x7"]),
        (["007", "12"], "object", ["007", "12"]),
        (["007.0"], "object", ["007.0"]),
        ([" ann", "ann ", "\u00a0ann\ufeff", "Ann"], "object", ["ann", "ann", "ann", "Ann"]),
        (["a", "", "  ", "nan", "NULL", "None", "<NA>"], "object", ["a", *[None] * 6]),
        (["NA", "none", "n/a"], "object", ["NA", "none", "n/a"]),
        ([536365, "C536379", None], "object", ["536365", "C536379", None]),
        ([2**60 + 1, None], "object", [2**60 + 1, None]),
        ([2**64, 1], "object", [str(2**64), "1"]),
        ([None, None], "object", [None, None]),
        (["x", None, "y"], "category", ["x", None, "y"]),
        ([2.0, None, 1.0], "category", [2, None, 1]),
    ],
)
def test_ids_are_read_as_they_are_meant(given: Any, dtype: str, expected: list[Any]) -> None:
    assert values(read(given, dtype)) == expected


def test_codes_follow_the_sorted_ids_and_every_label_is_used() -> None:
    found = read(["b", " a", "a", "NULL"])
    assert found.labels.tolist() == ["a", "b"]
    assert found.codes.tolist() == [1, 0, 0, -1]
    assert found.trimmed.tolist() == [False, True, False, False]


def test_what_became_an_integer_is_marked() -> None:
    assert read([1.0, None], "float64").to_integer.tolist() == [True, False]
    assert read(["1.0", "2.0"]).to_integer.all()
    assert not read([1, 2], "int64").to_integer.any()


@pytest.mark.parametrize(
    ("given", "dtype", "message"),
    [
        ([1.5, 2.0], "float64", r"1 row with a fraction or infinity.*Rows \(from 0\): 0"),
        ([1.0, np.inf], "float64", "1 row with a fraction or infinity"),
        ([2.0**60], "float64", r"beyond 2\*\*53, whose last digits are lost"),
        ([True, False], "bool", "it holds true and false"),
        ([Decimal("1.5")], "object", "decimal numbers with a fraction"),
        (pd.to_datetime(["2026-01-01"]), None, "it holds times"),
        ([[1], [2]], "object", "values that are neither"),
        (["a", True], "object", "values that are neither"),
    ],
)
def test_what_cannot_be_an_id_is_refused(given: Any, dtype: str | None, message: str) -> None:
    with pytest.raises(ColumnTypeError, match=message) as caught:
        read(given, dtype)
    assert "customer_id='who'" in str(caught.value)
    assert caught.value.column == "who"
