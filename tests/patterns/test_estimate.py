"""Estimates: exact where they can be, right on average where not, never an explosion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.brute_itemsets import all_itemsets
from userportrait.errors import InvalidParameterError
from userportrait.patterns import Baskets, estimate_itemsets

LISTS = st.lists(st.lists(st.integers(0, 6), max_size=7), max_size=10)


@given(LISTS, st.integers(1, 3))
def test_few_itemsets_are_counted(lists: list[list[int]], min_count: int) -> None:
    found = all_itemsets(lists, min_count)
    estimate = estimate_itemsets(lists, min_count)
    assert estimate.is_exact
    assert estimate.at_least == estimate.expected == len(found)
    assert estimate.n_items == sum(len(key) == 1 for key in found)
    assert estimate.n_pairs == sum(len(key) == 2 for key in found)
    assert estimate.longest >= max((len(key) for key in found), default=0)
    assert "budget" in estimate.advice or not found


def dense_lists() -> list[list[int]]:
    rng = np.random.default_rng(1)
    rows = rng.random((120, 14)) < np.linspace(1.0, 0.4, 14)
    return [np.flatnonzero(row).tolist() for row in rows]


def test_random_paths_are_right_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("userportrait.patterns._estimate._COUNTED", 10)
    lists = dense_lists()
    for min_count in (12, 30):
        found = all_itemsets(lists, min_count)
        estimate = estimate_itemsets(lists, min_count, n_probes=1_500)
        assert not estimate.is_exact
        assert estimate.pairs_are_exact
        assert estimate.n_pairs == sum(len(key) == 2 for key in found)
        assert estimate.at_least <= len(found)
        assert estimate.expected == pytest.approx(len(found), rel=0.15)
        assert estimate == estimate_itemsets(lists, min_count, n_probes=1_500)


def test_a_sample_of_baskets_serves_where_pairs_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("userportrait.patterns._estimate._COUNTED", 10)
    monkeypatch.setattr("userportrait.patterns._estimate._WORK", 5_000)
    lists = dense_lists()
    estimate = estimate_itemsets(lists, 12)
    found = all_itemsets(lists, 12)
    assert not estimate.pairs_are_exact
    assert estimate.at_least <= len(found)
    assert 0.3 < estimate.expected / len(found) < 3
    assert "frequent pairs      about " in str(estimate)


def test_an_explosion_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("userportrait.patterns._estimate._COUNTED", 10_000)
    rng = np.random.default_rng(3)
    lists = [np.flatnonzero(row).tolist() for row in rng.random((60, 300)) < 0.9]
    estimate = estimate_itemsets(Baskets.from_lists(lists), 2, n_probes=20)
    assert estimate.needs_budget
    assert estimate.expected > 1e20
    assert estimate.n_giant == 60
    assert "A budget is advised" in str(estimate)
    assert "giant baskets" in estimate._repr_html_()
    assert estimate.to_dict()["advice"] == estimate.advice


def test_weights_and_nothing_at_all() -> None:
    weighted = estimate_itemsets(Baskets.from_lists([[1, 2], [3]], weights=[3, 1]), 2)
    assert (weighted.expected, weighted.largest) == (3, 2)
    empty = estimate_itemsets([], 1)
    assert (empty.n_items, empty.longest) == (0, 0)
    assert "Lower min_support" in empty.advice
    with pytest.raises(InvalidParameterError, match="min_support"):
        estimate_itemsets([[1]], 0)
    with pytest.raises(InvalidParameterError, match="n_probes"):
        estimate_itemsets([[1]], 1, n_probes=0)
