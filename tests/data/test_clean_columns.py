"""Columns of any type are read the same; equal values have equal codes, greater ones greater."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data._clean_columns import RawColumn, column_from_pandas


def read(values: Any, dtype: Any = "object") -> RawColumn:
    return column_from_pandas(pd.Series(values, dtype=dtype))


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2], "int8", "integer"),
        ([1, None], "Int64", "integer"),
        ([1, None], "UInt64", "integer"),
        ([2**63, None], "UInt64", "text"),
        ([1, 2], "object", "integer"),
        ([1.5, None], "float32", "number"),
        ([1.5, None], "Float64", "number"),
        ([1, 2.5], "object", "number"),
        ([True, None], "boolean", "boolean"),
        ([True, False], "object", "boolean"),
        (["a", None], "string", "text"),
        (["a", 1, 2.0, Decimal("1.5")], "object", "text"),
        (["a", None], "category", "text"),
        ([1, 2], "category", "integer"),
        ([], "object", "text"),
        ([None, None], "category", "text"),
        ([Decimal("1.5"), None], "object", "decimal"),
        ([date(2026, 1, 1), None], "object", "time"),
        ([datetime(2026, 1, 1), None], "object", "time"),
        ([pd.Timestamp("2026-01-01"), None], "datetime64[ns]", "time"),
        ([pd.Period("2026-01"), None], "period[M]", "other"),
        ([b"x", None], "object", "other"),
        ([[1], None], "object", "other"),
        (["a", True], "object", "other"),
    ],
)
def test_columns_are_of_the_kind_that_their_values_are(
    values: list[Any], dtype: str, kind: str
) -> None:
    found = read(values, dtype)
    assert found.kind == kind
    assert found.missing.tolist() == [value is None for value in values]


@pytest.mark.parametrize("kind", ["int64[pyarrow]", "string[pyarrow]", "timestamp[us][pyarrow]"])
def test_arrow_types_in_pandas_are_read(kind: str) -> None:
    pytest.importorskip("pyarrow")
    values = {"i": [1, None], "s": ["a", None], "t": [datetime(2026, 1, 1), None]}[kind[0]]
    found = read(values, kind)
    assert found.kind == {"i": "integer", "s": "text", "t": "time"}[kind[0]]
    assert found.missing.tolist() == [False, True]


@pytest.mark.parametrize(
    "values",
    [
        [3, 1, None, 3],
        [2.5, -1.0, None, 2.5],
        ["b", "a", None, "b"],
        [Decimal("2.5"), Decimal(-1), None, Decimal("2.50")],
        [True, False, None, True],
        [datetime(2026, 1, 2), datetime(1900, 1, 1), None, datetime(2026, 1, 2)],
        [[2], [1], None, [2]],
    ],
)
def test_codes_tell_equal_values_and_ranks_their_order(values: list[Any]) -> None:
    found = read(values)
    codes, ranks = found.identity().tolist(), found.ranks().tolist()
    assert codes[0] == codes[3] != codes[1]
    assert codes[2] == -1
    assert ranks[2] == -1
    assert ranks[1] < ranks[0] == ranks[3]
    assert found.take(np.array([1, 3])).missing.tolist() == [False, False]
