"""Target lists: brute force over all lists, and what is no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from userportrait.errors import InvalidDataError
from userportrait.predict import (
    choose_targets,
)


def test_a_budget_buys_the_best_customers() -> None:
    source = np.random.default_rng(0)
    p, cost = source.random(300), source.integers(1, 5, 300).astype(float)
    found = choose_targets(np.arange(300), p, value=10.0, cost=cost, budget=60.0)
    assert found.cost <= 60.0
    profit = 10 * p - cost
    # The linear relaxation bounds every list from above; the greedy one is within one customer.
    order = np.argsort(-profit / cost)
    order = order[profit[order] > 0]
    spent = np.cumsum(cost[order])
    bound = profit[order][spent <= 60].sum() + profit[order][spent > 60][:1].sum()
    assert bound - profit.max() <= found.expected_profit <= bound + 1e-9
    everyone = choose_targets(np.arange(300), p, value=10.0, cost=cost)
    assert everyone.customers["customer_id"].nunique() == (profit > 0).sum()
    assert everyone.n_unprofitable == (profit <= 0).sum()
    assert len(choose_targets(np.arange(300), p, n_most=5).customers) == 5


def test_a_budget_and_a_number_of_customers_take_the_better_of_two_orders() -> None:
    # Worked by hand: five cheap customers bring 1.5 each, five dear ones 20 each.
    value, cost = [2.5] * 5 + [40.0] * 5, [1.0] * 5 + [20.0] * 5
    found = choose_targets(range(10), [1.0] * 10, value=value, cost=cost, budget=100.0, n_most=5)
    assert found.customers["customer_id"].tolist() == [5, 6, 7, 8, 9]
    assert (found.expected_profit, found.cost) == (100.0, 100.0)


def test_a_budget_alone_is_within_one_customer_of_every_list() -> None:
    for seed in range(40):
        source = np.random.default_rng(seed)
        p, value = source.random(8), source.integers(1, 20, 8).astype(float)
        cost, budget = source.integers(0, 6, 8).astype(float), float(source.integers(1, 15))
        profit = p * value - cost
        found = choose_targets(range(8), p, value=value, cost=cost, budget=budget)
        sets = (np.array(list(np.binary_repr(code, 8))) == "1" for code in range(256))
        best = max(profit[one].sum() for one in sets if cost[one].sum() <= budget)
        assert found.cost <= budget
        assert best - max(profit.max(), 0.0) <= found.expected_profit <= best + 1e-9


@pytest.mark.parametrize("name", ["value", "cost"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, "10", ["10", "10"], [1, None]])
def test_a_value_or_cost_that_is_no_number_is_refused(name: str, bad: Any) -> None:
    with pytest.raises(InvalidDataError, match=f"choose_targets: {name} "):
        choose_targets(["ann", "bo"], [0.5, 0.5], **{name: bad})


@pytest.mark.parametrize("is_tied", [False, True])
def test_both_limits_are_within_one_customer_of_every_list(is_tied: bool) -> None:
    for seed in range(60):
        source = np.random.default_rng(seed)
        p, n = np.ones(9) if is_tied else source.random(9), int(source.integers(1, 6))
        value = source.choice([3.0, 30.0], 9) if is_tied else source.gamma(0.5, 30, 9)
        cost = source.choice([1.0, 12.0], 9) if is_tied else source.gamma(0.5, 5, 9)
        budget = float(source.integers(1, 40))
        profit = p * value - cost
        found = choose_targets(range(9), p, value=value, cost=cost, budget=budget, n_most=n)
        assert found.cost <= budget * (1 + 1e-9)
        assert len(found.customers) == found.customers["customer_id"].nunique() <= n
        sets = (np.array(list(np.binary_repr(code, 9))) == "1" for code in range(512))
        sums = [profit[s].sum() for s in sets if s.sum() <= n and cost[s].sum() <= budget]
        assert max(sums) - max(profit.max(), 0.0) <= found.expected_profit + 1e-9
        assert found.expected_profit <= max(sums) + 1e-9


def test_cheap_and_dear_customers_are_mixed_to_spend_the_budget() -> None:
    # Worked by hand: of five contacts 90 buy four dear customers (20 each) and a cheap one (1.5).
    value, cost = [2.5] * 10 + [40.0] * 10, [1.0] * 10 + [20.0] * 10
    found = choose_targets(range(20), [1.0] * 20, value=value, cost=cost, budget=90.0, n_most=5)
    assert (found.expected_profit, found.cost) == (81.5, 81.0)
