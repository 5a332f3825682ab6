"""The kernels against the plainest possible code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError
from userportrait.features._measures import (
    Lines,
    OrderEnds,
    count_distinct_pairs,
    exact_sums,
    greatest,
    least,
)

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


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 9)), max_size=50))
def test_orders_since_a_moment_agree_with_sets(rows: list[tuple[int, int, int]]) -> None:
    # Orders of one customer each, and orders that several customers share.
    for shared in (False, True):
        order = [o if shared else o * 4 + c for c, o, _ in rows]
        lines = Lines(
            customer=np.array([c for c, _, _ in rows], dtype=np.int32),
            n_customers=4,
            order=np.array(order, dtype=np.int64),
            at=np.array([at for _, _, at in rows], dtype=np.int64),
            amount=np.ones(len(rows), dtype=np.int64),
            units=np.ones(len(rows), dtype=np.int64),
            is_return=np.zeros(len(rows), dtype=bool),
            n_lines=np.ones(len(rows), dtype=np.int64),
        )
        ends = OrderEnds(lines)
        for moment in (-(10**18), 0, 5, 10):
            expected = [
                len(
                    {
                        o
                        for (c, _, at), o in zip(rows, order, strict=True)
                        if c == n and at >= moment
                    }
                )
                for n in range(4)
            ]
            assert ends.count_since(moment).tolist() == expected


def test_sums_that_int64_cannot_hold_are_refused_rather_than_wrapped() -> None:
    values = np.full(3000, 8 * 10**15, dtype=np.int64)  # 2.4e19, beyond 2**63 = 9.2e18
    with pytest.raises(InvalidDataError, match="too large to be summed exactly"):
        exact_sums(np.zeros(3000, dtype=np.int32), 1, values)
    fits = values[:1000]
    assert exact_sums(np.zeros(1000, dtype=np.int32), 1, fits).tolist() == [8 * 10**18]
