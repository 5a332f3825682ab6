"""Moves of single rows and swaps of prototypes, against costs written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from userportrait.segment import KPrototypes
from userportrait.segment._mixed_moves import move_rows
from userportrait.segment._mixed_rows import MixedRows


def cost_by_hand(X: np.ndarray, labels: np.ndarray, n_numbers: int, gamma: float) -> float:
    """Return squares from means and rows off the modes, the first columns being the numbers."""
    total = 0.0
    for cluster in np.unique(labels):
        part = X[labels == cluster]
        total += float(((part[:, :n_numbers] - part[:, :n_numbers].mean(axis=0)) ** 2).sum())
        for column in part[:, n_numbers:].T:
            total += gamma * (len(column) - np.unique(column, return_counts=True)[1].max())
    return total


def noise(seed: int, n: int, n_numbers: int) -> np.ndarray:
    """Return numbers and three categories of four levels without any clusters."""
    source = np.random.default_rng(seed)
    return np.column_stack([source.normal(size=(n, n_numbers)), source.integers(4, size=(n, 3))])


def cheapest_neighbour(X: np.ndarray, labels: np.ndarray, k: int, n_numbers: int) -> float:
    """Return the least cost after one row has moved, trying all of them."""
    least = np.inf
    for row in range(len(X)):
        for to in range(k):
            moved = labels.copy()
            moved[row] = to
            if len(np.unique(moved)) == k:
                least = min(least, cost_by_hand(X, moved, n_numbers, 0.6))
    return least


@pytest.mark.parametrize(("seed", "n_numbers"), [(0, 2), (1, 1), (2, 0)])
def test_no_row_can_move_and_make_it_cheaper(seed: int, n_numbers: int) -> None:
    X = noise(seed, 40, n_numbers)
    codes = X[:, n_numbers:].T.astype(np.intp)
    rows = MixedRows(X[:, :n_numbers].T.reshape(n_numbers, len(X)), codes, [4, 4, 4], 0.6)
    start = np.random.default_rng(seed).permutation(np.arange(40) % 3)
    labels = move_rows(rows, start, 3)
    cost = cost_by_hand(X, labels, n_numbers, 0.6)
    assert cost < cost_by_hand(X, start, n_numbers, 0.6)
    assert cheapest_neighbour(X, labels, 3, n_numbers) >= cost * (1.0 - 1e-9)


def test_a_fit_ends_where_no_row_can_move() -> None:
    X = noise(5, 40, 2)
    model = KPrototypes(3, categorical=[2, 3, 4], gamma=0.6, n_init=1).fit(X)
    assert model.cost_ == pytest.approx(cost_by_hand(X, model.labels_, 2, 0.6))
    assert cheapest_neighbour(X, model.labels_, 3, 2) >= model.cost_ * (1.0 - 1e-9)


def test_ten_starts_are_near_the_best_of_many() -> None:
    for seed in range(2):
        X = noise(seed, 200, 2)
        frame = pd.DataFrame(X, columns=list("abcde"))
        ten = KPrototypes(4, categorical=list("cde")).fit(frame)
        many = KPrototypes(4, categorical=list("cde"), n_init=50, random_state=9).fit(frame)
        assert ten.cost_ < many.cost_ * 1.005
