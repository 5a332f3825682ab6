"""Models whose score is a sum of neighbours of past items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait.recommend._base import Recommender
from userportrait.recommend._base_lookup import take_rows
from userportrait.recommend._interactions import csr, entry_rows
from userportrait.recommend._similar import top_of_neighbours
from userportrait.recommend._sparse import main_past_items, top_of_product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Matrix
    from userportrait.recommend._top import Top

__all__ = ["ItemToItem"]


class ItemToItem(Recommender, ABC):
    """A recommender with a sparse matrix of what each past item says for others."""

    neighbours_: Matrix

    _learned: ClassVar[tuple[str, ...]] = ("neighbours_",)
    _positive_only: ClassVar[bool] = True

    engine: Engine
    n_jobs: int | None

    @abstractmethod
    def _history_weights(self, history: Matrix) -> Matrix:
        """Return how much each past item counts, in numbers that float32 holds exactly."""

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        found: NDArray[Any] = (self._history_weights(history) @ self.neighbours_).toarray()
        return found

    def _top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        return top_of_product(
            self._history_weights(history),
            self.neighbours_,
            k,
            allowed=allowed,
            blocked=blocked,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )

    def _contributions(
        self,
        items: NDArray[np.intp],
        weights: NDArray[np.float64],
        known: int,
        item: int,
    ) -> NDArray[np.float64]:
        indptr = np.array([0, len(items)])
        row = csr(weights, items.astype(np.int32), indptr, (1, self.neighbours_.shape[0]))
        past = take_rows(self.neighbours_, items)
        hits = np.flatnonzero(past.indices == item)
        found = np.zeros(len(items))
        found[entry_rows(past)[hits]] = past.data[hits]
        found *= self._history_weights(row).data
        return found

    def _main_items(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        row: NDArray[np.intp],
        item: NDArray[Any],
    ) -> NDArray[np.intp]:
        weights = self._history_weights(history)
        return main_past_items(
            weights, self.neighbours_, row, item, engine=self.engine, n_jobs=self.n_jobs
        )

    def _similar_items(self, places: NDArray[np.intp], k: int) -> Top:
        return top_of_neighbours(take_rows(self.neighbours_, places), k)
