"""Returns are matched as a loop over rows would match them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.data._clean_returns import match_returns, row_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rows = list[tuple[int, int, int, int]]

rows_of_three_groups = st.lists(
    st.tuples(
        st.integers(0, 2),  # customer and item
        st.integers(0, 1),  # unit price
        st.integers(0, 5),  # time
        st.integers(-4, 4).filter(bool),  # units
    ),
    min_size=1,
    max_size=30,
)


def match_by_loop(
    groups: list[list[int]], units: list[int], order: list[int]
) -> tuple[list[int], list[int]]:
    """Match one unit lot after the other: the oracle."""
    left, covered, first = list(units), [0] * len(units), [-1] * len(units)
    for group in groups:
        stock: dict[int, list[int]] = {}
        for row in order:
            lots = stock.setdefault(group[row], [])
            if left[row] > 0:
                lots.append(row)
            while left[row] < 0 and lots:
                taken = min(left[lots[-1]], -left[row])
                if first[row] < 0:
                    first[row] = lots[-1]
                left[lots[-1]] -= taken
                left[row] += taken
                covered[row] += taken
                if left[lots[-1]] == 0:
                    lots.pop()
    return covered, first


def as_arrays(rows: Rows) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.array(rows, dtype=np.int64).reshape(-1, 4).T)


@given(rows_of_three_groups)
def test_matching_agrees_with_a_loop_over_rows(rows: Rows) -> None:
    group, price, at, units = as_arrays(rows)
    finer = group * 2 + price
    order = row_order((at, units < 0), lambda tied: tied)
    found = match_returns((finer, group), (units, units), order)
    covered, first = match_by_loop([finer.tolist(), group.tolist()], units.tolist(), order.tolist())
    assert found.covered.tolist() == covered
    assert found.purchase.tolist() == first


@given(rows_of_three_groups)
def test_no_unit_is_returned_twice_or_before_it_was_bought(rows: Rows) -> None:
    group, price, at, units = as_arrays(rows)
    order = row_order((at, units < 0), lambda tied: tied)
    found = match_returns((group * 2 + price, group), (units, units), order)
    bought = np.bincount(group, weights=np.maximum(units, 0), minlength=3)
    returned = np.bincount(group, weights=found.covered, minlength=3)
    assert (returned <= bought).all()
    hit = found.purchase >= 0
    assert (at[found.purchase[hit]] <= at[hit]).all()
    assert (group[found.purchase[hit]] == group[hit]).all()


def test_returns_take_the_newest_units_first() -> None:
    # Bought 2, then 3; returned 3: all of the second; returned 1: one of the first.
    units = np.array([2, 3, -3, -1, 1, -2])
    group = np.zeros(6, dtype=np.int64)
    found = match_returns((group,), (units,), np.arange(6))
    assert found.covered.tolist() == [0, 0, 3, 1, 0, 2]
    assert found.purchase.tolist() == [-1, -1, 1, 0, -1, 4]


def test_a_return_before_its_purchase_is_not_covered() -> None:
    units = np.array([-1, 1])
    group = np.zeros(2, dtype=np.int64)
    assert match_returns((group,), (units,), np.arange(2)).covered.tolist() == [0, 0]


def test_the_same_unit_price_comes_before_a_newer_purchase_at_another_price() -> None:
    units = np.array([1, 1, -1])
    price = np.array([1, 0, 1])
    group = np.zeros(3, dtype=np.int64)
    found = match_returns((price, group), (units, units), np.arange(3))
    assert found.purchase.tolist() == [-1, -1, 0]


def test_what_the_first_pass_leaves_of_a_purchase_covers_in_the_second() -> None:
    # Three at one price, one of them returned; then three returned at another price.
    units = np.array([3, -1, -3])
    price = np.array([0, 0, 1])
    group = np.zeros(3, dtype=np.int64)
    found = match_returns((price, group), (units, units), np.arange(3))
    assert found.covered.tolist() == [0, 1, 2]


def test_long_histories_of_one_customer_are_matched() -> None:
    # A thousand purchases, one return of 900, then a purchase and returns one by one.
    units = np.r_[np.ones(1000), -900, 1, -np.ones(101)].astype(np.int64)
    group = np.zeros(len(units), dtype=np.int64)
    found = match_returns((group,), (units,), np.arange(len(units)))
    covered, first = match_by_loop([group.tolist()], units.tolist(), list(range(len(units))))
    assert found.covered.tolist() == covered
    assert found.purchase.tolist() == first


def test_the_second_pass_covers_in_its_own_unit_what_the_first_left() -> None:
    # Amounts: bought 500 and 300; returned 300 (equal amount), then 400 (money of the 500).
    money = np.array([500, 300, -300, -400])
    ones = np.sign(money)
    group = np.zeros(4, dtype=np.int64)
    found = match_returns((np.abs(money), group), (ones, money), np.arange(4))
    assert found.covered.tolist() == [0, 0, 300, 400]
    assert found.purchase.tolist() == [-1, -1, 1, 0]


def test_ties_are_broken_by_the_function_and_only_where_there_are_any() -> None:
    asked: list[list[int]] = []

    def ranks(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        asked.append(rows.tolist())
        return -rows

    assert row_order((np.array([3, 1, 2]),), ranks).tolist() == [1, 2, 0]
    assert not asked
    assert row_order((np.array([1, 0, 1]),), ranks).tolist() == [1, 2, 0]
    assert asked == [[0, 2]]


@pytest.mark.parametrize("n_rows", [0, 1])
def test_orders_of_no_rows_and_one_row_are_trivial(n_rows: int) -> None:
    assert row_order((np.zeros(n_rows),), lambda rows: rows).tolist() == list(range(n_rows))
