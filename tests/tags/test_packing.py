"""Values of a part travel as plain bytes."""

from __future__ import annotations

import numpy as np
import pytest

from userportrait._core.columns import column_from
from userportrait.tags._packing import pack_columns, unpack_columns

COLUMNS = {
    "whole": column_from([1, None, 2**62]),
    "share": column_from([0.1, None, 1e300]),
    "flag": column_from([True, None, False]),
    "text": column_from(["你好", None, ""]),
    "none": column_from([None, None, None]),
}


@pytest.mark.parametrize("ids", [np.array([1, 2, 2**62]), np.array(["a", "b", "ç"], dtype=object)])
def test_what_is_packed_comes_back(ids: np.ndarray) -> None:
    found, columns = unpack_columns(pack_columns(ids, COLUMNS))
    assert found.dtype == ids.dtype
    assert found.tolist() == ids.tolist()
    assert list(columns) == list(COLUMNS)
    for name, column in COLUMNS.items():
        assert type(columns[name]) is type(column)
        assert columns[name].to_list() == column.to_list()
        assert [type(v) for v in columns[name].to_list()] == [type(v) for v in column.to_list()]


def test_a_part_without_customers_can_be_packed() -> None:
    nobody = np.zeros(0, dtype=object)
    found, columns = unpack_columns(pack_columns(nobody, {"n": column_from([])}))
    assert len(found) == 0
    assert len(columns["n"]) == 0
