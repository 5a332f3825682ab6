"""What models with factors share: a vector for each customer and each item."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait.recommend._base import Recommender
from userportrait.recommend._factors_top import (
    ItemVectors,
    item_vectors,
    scores_of_factors,
    top_of_factors,
)
from userportrait.recommend._interactions import csr
from userportrait.recommend._top import Top

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Matrix

__all__ = ["FactorRecommender", "first_factors"]


def first_factors(
    n_rows: int, n_factors: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return small random factors to start from; rows have a length of about 0.1."""
    scale = 0.1 / np.sqrt(n_factors)
    drawn: NDArray[np.float64] = generator.standard_normal((n_rows, n_factors)) * scale
    return drawn.astype(np.float32)


class FactorRecommender(Recommender):
    """Scores are products of two vectors: one of the customer, one of the item.

    A subclass learns both, says how somebody new gets a vector (`_fold_in`), and what else is in
    a score: `_wide` vectors may have more places than factors, `_starts` begins the sum.
    """

    customer_factors_: NDArray[np.float64]
    item_factors_: NDArray[np.float64]

    engine: Engine
    n_jobs: int | None

    _learned: ClassVar[tuple[str, ...]] = ("customer_factors_", "item_factors_")

    @abstractmethod
    def _fold_in(self, history: Matrix) -> NDArray[np.float64]:
        """Return a vector for each history of somebody whom `fit` has not seen."""

    def _wide_items(self) -> NDArray[np.float64]:
        """Return what the vectors of customers are multiplied with."""
        return self.item_factors_

    def _wide_rows(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the vectors of customers, as long as those of items."""
        return factors

    def _starts(
        self, factors: NDArray[np.float64], history: Matrix, known: NDArray[np.intp]
    ) -> NDArray[np.float64] | None:
        """Return what begins the score of each row."""
        return None

    def _settle(self) -> None:
        self._searched: ItemVectors = item_vectors(self._wide_items())
        self._near: dict[str, ItemVectors] = {}

    def _factors_of(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the factors of each row: those of `fit`, or folded in."""
        found = self.customer_factors_[known]
        new = np.flatnonzero(known < 0)
        if len(new):
            found[new] = self._fold_in(history if len(new) == len(known) else history[new])
        return found

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        factors = self._factors_of(history, known)
        return scores_of_factors(
            self._wide_rows(factors),
            self._searched,
            starts=self._starts(factors, history, known),
            engine=self.engine,
            n_jobs=self.n_jobs,
        )

    def _top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        factors = self._factors_of(history, known)
        return top_of_factors(
            self._wide_rows(factors),
            self._searched,
            k,
            starts=self._starts(factors, history, known),
            allowed=allowed,
            blocked=blocked,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )

    def _similar_items(self, places: NDArray[np.intp], k: int) -> Top:
        return self._nearest("items", self.item_factors_, places, k)

    def _similar_customers(self, places: NDArray[np.intp], k: int) -> Top:
        return self._nearest("customers", self.customer_factors_, places, k)

    def _nearest(
        self, side: str, factors: NDArray[np.float64], places: NDArray[np.intp], k: int
    ) -> Top:
        """Return the nearest rows by the cosine of their factors, of a cosine above 0."""
        if side not in self._near:
            self._near[side] = item_vectors(_unit(factors))
        near = self._near[side]
        n = len(places)
        itself = csr(
            np.ones(n),
            places.astype(np.int32),
            np.arange(n + 1, dtype=np.int32),
            (n, len(factors)),
        )
        top = top_of_factors(
            near.vectors[places], near, k, blocked=itself, engine=self.engine, n_jobs=self.n_jobs
        )
        close = top.scores > 0
        return Top(
            np.where(close, top.items, -1).astype(np.int32), np.where(close, top.scores, 0.0)
        )


def _unit(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.sqrt(np.einsum("ij,ij->i", factors, factors))
    length[length == 0] = 1.0
    found: NDArray[np.float64] = factors / length[:, None]
    return found
