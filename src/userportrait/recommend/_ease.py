"""EASE: the best linear item-to-item weights, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core.params import Between, Rule
from userportrait.recommend._base import Recommender
from userportrait.recommend._interactions import csr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = ["EASE"]


class EASE(Recommender):
    """Draft."""

    _rules: ClassVar[Mapping[str, Rule]] = {
        "l2": Between(0.0, float("inf"), open_low=True, open_high=True),
    }
    _learned: ClassVar[tuple[str, ...]] = ("item_weights_",)

    def __init__(self, *, l2: float = 500.0) -> None:
        self.l2 = l2

    def _learn(self, data: Interactions) -> None:
        x = binary(data.matrix)
        gram = (x.T @ x).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += self.l2
        inverse = np.linalg.inv(gram)
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        self.item_weights_ = weights

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        return binary(history) @ self.item_weights_

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64]:
        return self.item_weights_[items, item].astype(np.float64)


def binary(matrix: Matrix) -> Matrix:
    """Return ones where there is anything."""
    return csr(np.ones(len(matrix.data)), matrix.indices, matrix.indptr, matrix.shape)
