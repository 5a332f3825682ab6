"""Whom to treat with a budget: by hand, against all subsets, and what must hold."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift import target

uplifts = st.lists(st.integers(-20, 50).map(lambda v: v / 100), min_size=1, max_size=8)


def best_profit(uplift: list[float], cost: list[float], value: float, budget: float) -> float:
    """The most that any set of customers within the budget earns."""
    found = 0.0
    for size in range(len(uplift) + 1):
        for chosen in combinations(range(len(uplift)), size):
            if sum(cost[i] for i in chosen) <= budget + 1e-9:
                found = max(found, sum(value * uplift[i] - cost[i] for i in chosen))
    return found


@given(uplifts, st.integers(0, 8))
def test_with_equal_costs_no_choice_earns_more(uplift: list[float], budget: int) -> None:
    chosen = target(uplift, budget=float(budget), cost=1.0, value=10.0)
    wanted = best_profit(uplift, [1.0] * len(uplift), 10.0, budget)
    assert chosen.expected_profit == pytest.approx(wanted)
    assert chosen.spent <= budget


@given(uplifts, st.integers(0, 12), st.data())
def test_with_other_costs_at_most_one_customer_is_lost(
    uplift: list[float], budget: int, data: st.DataObject
) -> None:
    costs = st.lists(st.integers(1, 5).map(float), min_size=len(uplift), max_size=len(uplift))
    cost = data.draw(costs)
    chosen = target(uplift, budget=float(budget), cost=cost, value=10.0)
    wanted = best_profit(uplift, cost, 10.0, budget)
    assert chosen.spent <= budget + 1e-9
    assert chosen.expected_profit >= wanted - 10 * max(0.0, *uplift, 0.0) - 1e-9


def test_no_customer_is_treated_at_a_loss() -> None:
    chosen = target([0.10, 0.02, 0.06, -0.01], cost=1.0, value=50.0)
    assert chosen.chosen.tolist() == [True, False, True, False]
    assert chosen.spent == 2
    assert chosen.expected_outcomes == pytest.approx(0.16)
    assert chosen.expected_profit == pytest.approx(6)
    assert chosen.rank.tolist()[:1] == [1]


def test_free_treatment_goes_to_whom_it_helps() -> None:
    chosen = target([0.1, 0.0, -0.1])
    assert chosen.customer_ids.tolist() == [0]


def test_the_number_of_customers_and_the_least_profit_are_limits() -> None:
    uplift = [0.3, 0.2, 0.1]
    assert target(uplift, max_customers=2).n_chosen == 2
    assert target(uplift, max_customers=0).n_chosen == 0
    assert target(uplift, min_profit=0.15).n_chosen == 2
    assert target(uplift, budget=0.0, cost=1.0).n_chosen == 0


def test_ten_times_a_tenth_fits_into_one() -> None:
    assert target([1.0] * 10, budget=1.0, cost=0.1).n_chosen == 10


def test_equal_customers_come_by_id_whatever_the_row_order() -> None:
    ids = np.array(["cy", "ann", "bo"], dtype=object)
    assert target([0.5] * 3, max_customers=2, customer_id=ids).customer_ids.tolist() == [
        "ann",
        "bo",
    ]
    turned = target([0.5] * 3, max_customers=2, customer_id=ids[::-1])
    assert turned.customer_ids.tolist() == ["ann", "bo"]


def test_nobody_is_there() -> None:
    chosen = target([])
    assert (chosen.n_chosen, chosen.spent, chosen.expected_profit) == (0, 0, 0)


def test_the_result_reads_well() -> None:
    chosen = target([0.10, 0.02], budget=2.0, cost=1.0, value=50.0, customer_id=["ann", "bo"])
    assert str(chosen).startswith("1 customer of 2 for 1.00")
    frame = chosen.to_frame()
    assert frame["customer_id"].tolist() == ["ann", "bo"]
    assert list(frame.columns) == [
        "customer_id",
        "uplift",
        "cost",
        "expected_profit",
        "rank",
        "chosen",
    ]
    assert "expected_profit" in chosen._repr_html_()


def test_messages() -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)2 problems.*budget.*value"):
        target([0.1], budget=-1, value=0)
    with pytest.raises(InvalidDataError, match="more than once"):
        target([0.1, 0.2], customer_id=["ann", "ann"])
    with pytest.raises(InvalidDataError, match="uplift has 1 missing"):
        target([0.1, np.nan])
