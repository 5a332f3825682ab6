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
