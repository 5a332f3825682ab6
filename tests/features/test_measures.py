"""The kernels against the plainest possible code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.features._measures import count_distinct_pairs, exact_sums, greatest, least

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50)), max_size=60)


@given(pairs)
def test_distinct_pairs_agree_with_sets(rows: list[tuple[int, int]]) -> None:
    codes = np.array([c for c, _ in rows], dtype=np.int32)
    values = np.array([v for _, v in rows], dtype=np.int64)
    expected = [len({v for c, v in rows if c == code}) for code in range(5)]
    assert count_distinct_pairs(codes, 5, values).tolist() == expected
    huge = values * 10**12  # too wide for a look-up table: pairs are sorted
    if len(rows):
        assert count_distinct_pairs(codes, 5, huge).tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**52), 2**52)), max_size=30))
def test_sums_are_exact_where_floats_would_not_be(rows: list[tuple[int, int]]) -> None:
    codes = np.array([c for c, _ in rows], dtype=np.int32)
    values = np.array([v for _, v in rows], dtype=np.int64)
    expected = [sum(v for c, v in rows if c == code) for code in range(4)]
    assert exact_sums(codes, 4, values).tolist() == expected


def test_extremes_by_code_leave_empty_codes_marked() -> None:
    codes = np.array([0, 0, 2], dtype=np.int32)
    values = np.array([3, -1, 7])
    assert greatest(codes, 3, values, -99).tolist() == [3, -99, 7]
    assert least(codes, 3, values, 99).tolist() == [-1, 99, 7]


@pytest.mark.parametrize("kernel", [count_distinct_pairs, exact_sums])
def test_no_rows_give_zeros(kernel: object) -> None:
    empty = np.array([], dtype=np.int32)
    assert kernel(empty, 2, empty.astype(np.int64)).tolist() == [0, 0]  # type: ignore[operator]
