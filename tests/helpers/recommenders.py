"""Small recommenders whose scores a person can count, and lists as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait.recommend import Recommender
from userportrait.recommend._interactions import csr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Together", "TogetherWithNegatives", "items_of", "lists_of"]


class Together(Recommender):
    """An item scores one for each past item and each customer who has both."""

    _learned: ClassVar[tuple[str, ...]] = ("counts_",)
    _positive_only: ClassVar[bool] = True

    def __init__(self, *, shift: float = 0.0) -> None:
        self.shift = shift

    def _learn(self, data: Any) -> None:
        ones = _ones(data.matrix)
        self.counts_ = np.asarray((ones.T @ ones).todense(), dtype=np.float64) + self.shift
        np.fill_diagonal(self.counts_, 0.0)

    def _scores(self, history: Any, known: Any) -> Any:
        return _ones(history) @ self.counts_

    def _contributions(self, items: Any, weights: Any, known: int, item: int) -> Any:
        return self.counts_[items, item]


class TogetherWithNegatives(Together):
    """The same with every count lowered by one, so that scores may be 0 and below."""

    _positive_only: ClassVar[bool] = False

    def __init__(self, *, shift: float = -1.0) -> None:
        super().__init__(shift=shift)


def _ones(matrix: Any) -> Any:
    return csr(np.ones(len(matrix.data)), matrix.indices, matrix.indptr, matrix.shape)


def lists_of(table: pd.DataFrame, key: str = "customer_id") -> dict[Any, list[tuple[Any, float]]]:
    """Return each customer's items and scores, best first."""
    found: dict[Any, list[tuple[Any, float]]] = {}
    rows = zip(table[key].tolist(), table["item_id"].tolist(), table["score"].tolist(), strict=True)
    for customer, item, score in rows:
        found.setdefault(customer, []).append((item, score))
    return found


def items_of(table: pd.DataFrame, key: str = "customer_id") -> dict[Any, list[Any]]:
    """Return each customer's items, best first."""
    return {who: [item for item, _ in rows] for who, rows in lists_of(table, key).items()}
