"""What a recommender learns and how it ranks: the part that each model writes itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core.estimator import Estimator
from userportrait.recommend._base_reasons import because_of, main_items
from userportrait.recommend._interactions import csr
from userportrait.recommend._similar import similar_rows
from userportrait.recommend._top import Top, block_rows, no_items, top_of_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = ["RankingModel"]


class RankingModel(Estimator, ABC):
    """What `Recommender` asks of a model, in rows and columns of the interactions."""

    interactions_: Interactions

    _rules: ClassVar[Mapping[str, Rule]] = {}
    _learned: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that `_learn` sets and `save` writes."""
    _positive_only: ClassVar[bool] = False
    """Whether a score of 0 says that nothing speaks for an item."""

    # What a subclass writes

    @abstractmethod
    def _learn(self, data: Interactions) -> None:
        """Set the learned attributes."""

    @abstractmethod
    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        """Return a score for each row of the history and each item.

        Parameters
        ----------
        history : csr_array of float64, shape (n_rows, n_items)
            Raw weights of what each row is known to have.
        known : ndarray of int
            The customer of each row, -1 for somebody whom `fit` has not seen.
        """

    def _top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        """Return the k best items of each row.

        Parameters
        ----------
        history, known
            As in `_scores`.
        k : int
        allowed : ndarray of bool, shape (n_items,) or (n_rows, n_items), optional
        blocked : csr_array, optional
            Items of each row that must not come.
        """
        n_rows = history.shape[0]
        step = block_rows(history.shape[1])
        if n_rows <= step:
            return self._top_of_block(history, known, k, allowed, blocked)
        parts: list[Top] = []
        for start in range(0, n_rows, step):
            rows = slice(start, start + step)
            mask = allowed if allowed is None or allowed.ndim == 1 else allowed[rows]
            out = None if blocked is None else blocked[rows]
            parts.append(self._top_of_block(history[rows], known[rows], k, mask, out))
        return Top(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))

    def _top_of_block(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        scores = self._scores(history, known)
        return top_of_scores(
            scores, k, allowed=allowed, blocked=blocked, positive_only=self._positive_only
        )

    def _contributions(
        self,
        items: NDArray[np.intp],
        weights: NDArray[np.float64],
        known: int,
        item: int,
    ) -> NDArray[np.float64] | None:
        """Return what each item of one history adds to the score of an item; None if unknown.

        They sum to the score.
        """
        return None

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        """Return the item of the history that speaks most for each pair, -1 for none.

        By default it asks `_contributions` for each pair, which takes some microseconds each.
        `spread_history` and `best_of_each` (in `_base_reasons`) help to do all pairs at once.

        Parameters
        ----------
        history, known
            As in `_scores`.
        row, item : ndarray of int, shape (n_pairs,)
        """
        return main_items(self._contributions, history, known, row, item)

    _plain_reason: str = "by what you like"
    """The reason of an item for which no single item of the history speaks."""
    _cold_reason: ClassVar[str] = "by what is known of this customer"
    """The reason of an item that `_cold_top` has chosen."""

    def _own_reasons(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[Any]:
        """Return a text for each pair of a row and an item that the model itself has chosen."""
        ids = self.interactions_.item_ids
        main = self._main_items(history, known, row, item)
        return because_of(main, lambda places: ids[places], self._plain_reason)

    def _cold_top(
        self,
        customers: NDArray[Any],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top | None:
        """Return items for customers of whom no interaction is known, None for popular ones.

        For models that know more of customers than their items, such as their segment. Short
        lists are filled with popular items.

        Parameters
        ----------
        customers : ndarray of shape (n_rows,)
            IDs; None for an empty basket.
        k, allowed, blocked
            As in `_top`.
        """
        return None

    def _similar_items(self, places: NDArray[np.intp], k: int) -> Top:
        """Return the k items nearest to each item: those recommended to who has just this one."""
        n, n_items = len(places), self.interactions_.n_items
        one = csr(np.ones(n), places.astype(np.int32), np.arange(n + 1, dtype=np.int32),
                  (n, n_items))  # fmt: skip
        return self._top(one, np.full(n, -1, dtype=np.intp), k, None, one)

    def _similar_customers(self, places: NDArray[np.intp], k: int) -> Top:
        """Return the k customers nearest to each customer: by the cosine of their items."""
        return similar_rows(self.interactions_.matrix, places, k)

    def _settle(self) -> None:
        """Make what is derived from the learned attributes, after `fit` and after `load`."""

    def saved_attributes(self) -> tuple[str, ...]:
        """Return the names of what `save` writes."""
        return ("interactions_", *self._learned)

    @classmethod
    def rules_of_params(cls) -> Mapping[str, Rule]:
        """Return the rules that constructor arguments must keep."""
        return cls._rules

    def settle_loaded(self) -> None:
        """Make what is derived from the learned attributes."""
        counts = self.interactions_.item_counts
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        self._popular: NDArray[np.int32] = order.astype(np.int32)
        self._settle()

    @property
    def popular_items(self) -> NDArray[np.int32]:
        """Columns of the items that anybody has, those of most customers first."""
        return self._popular

    def top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        blocked: Matrix | None = None,
    ) -> Top:
        """Return the k best items of each row, as arrays; for services and other models.

        Parameters
        ----------
        history : csr_array, shape (n_rows, n_items)
            Raw weights of what each row is known to have.
        known : ndarray of int
            The row of each customer in `interactions_`, -1 for one that `fit` has not seen.
        k : int
        allowed : ndarray of bool, shape (n_items,) or (n_rows, n_items), optional
        blocked : csr_array, optional
            Items of each row that must not come.

        Returns
        -------
        Top
            `items` (columns, -1 where there are no more) and `scores`, best first.
        """
        if not len(known) or not self.interactions_.n_items:
            return no_items(len(known), k)
        return self._top(history, known, k, allowed, blocked)

    def cold_top(
        self,
        customers: NDArray[Any],
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        blocked: Matrix | None = None,
    ) -> Top | None:
        """Return items for customers without a history, as arrays; None for the popular ones.

        Parameters
        ----------
        customers : ndarray of shape (n_rows,)
            IDs; None where there is no customer.
        k, allowed, blocked
            As in `top`.
        """
        return self._cold_top(customers, k, allowed, blocked)

    def score_rows(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        """Return a score for each row and item; `history` and `known` as in `top`."""
        return self._scores(history, known)

    def contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64] | None:
        """Return what each item of one history adds to a score; None if the model is no sum."""
        return self._contributions(items, weights, known, item)

    def main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        """Return the past item that speaks most for each pair, -1 for none."""
        return self._main_items(history, known, row, item)

    @property
    def has_only_positive_scores(self) -> bool:
        """Whether a score of 0 says that nothing speaks for an item."""
        return self._positive_only
