"""What is bought next: transitions from one basket to the following one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core.params import Between, Rule
from userportrait.recommend._base import Recommender
from userportrait.recommend._base_lookup import take_rows
from userportrait.recommend._engines import ENGINE_RULES
from userportrait.recommend._interactions import csr, entry_rows, row_sizes, with_ones
from userportrait.recommend._log_baskets import log_baskets, needed_log, weighted_rows
from userportrait.recommend._sparse import main_past_items, top_of_product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._log_baskets import LogBaskets
    from userportrait.recommend._top import Top

__all__ = ["MarkovNext"]


class MarkovNext(Recommender):
    r"""Recommend what customers buy, view or play next, after what they did last.

    Parameters
    ----------
    n_last : int, default=3
        How many of the last baskets (or single events) of a customer are looked at; 1 or more.
    decay : float, default=0.6
        How much less each basket counts than the one after it, in (0, 1]: for what is looked at,
        and for the distance of the baskets between which transitions are counted.
    n_steps : int, default=2
        Transitions are counted from a basket to this many following ones.
    shrinkage : float, default=5.0
        Added to the number of times that an item was followed by anything, so that transitions
        from rare items count less. 0 or more.
    item_power : float, default=0.3
        Transitions are divided by the popularity of the item that follows, to this power: 0 for
        conditional probabilities, 1 for a kind of lift.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Both give the same lists; ``'auto'`` takes numba where it is installed.
    n_jobs : int, optional
        Threads; by default one for each processor.

    Attributes
    ----------
    interactions_ : Interactions
        What `fit` has seen.
    transitions_ : csr_array of float32, shape (n_items, n_items)
        From the item in a row to the item in a column.

    See Also
    --------
    NextBasket : For goods that are bought again and again.
    userportrait.patterns.derive_next_purchases : The same question, answered by rules with tests.

    Notes
    -----
    A first-order Markov chain over baskets, as in FPMC [1]_ without the factorisation: with
    :math:`n_{ij}` the decayed number of times that *j* came up to `n_steps` baskets after *i*,
    the transition is :math:`n_{ij} / ((n_i + s)\, p_j^a)`. The score sums the transitions from
    the last `n_last` baskets, decayed. Items of an unknown customer's basket are one last basket.
    Without `order_id` each moment is a basket. Time is linear in the pairs of items that follow
    each other. [1]_

    References
    ----------
    .. [1] Rendle, Freudenthaler and Schmidt-Thieme (2010), "Factorizing personalized Markov
       chains for next-basket recommendation", WWW 2010, 811-820.

    Examples
    --------
    >>> import pandas as pd
    >>> bought = [(1, "pot", 1), (1, "tea", 2), (2, "pot", 1), (2, "tea", 3), (3, "pot", 5)]
    >>> frame = pd.DataFrame(bought, columns=["customer_id", "item_id", "day"])
    >>> frame["occurred_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame.pop("day"), "D")
    >>> MarkovNext().fit(frame).recommend([3], k=1)[["item_id", "rank", "reason"]]
      item_id  rank          reason
    0     tea     1  because of pot
    """

    transitions_: Matrix

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_last": Between(1, 10_000, integer=True),
        "decay": Between(0.0, 1.0, open_low=True),
        "n_steps": Between(1, 1_000, integer=True),
        "shrinkage": Between(0.0, float("inf"), open_high=True),
        "item_power": Between(0.0, 2.0),
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = ("transitions_", "_last")
    _positive_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_last: int = 3,
        decay: float = 0.6,
        n_steps: int = 2,
        shrinkage: float = 5.0,
        item_power: float = 0.3,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_last = n_last
        self.decay = decay
        self.n_steps = n_steps
        self.shrinkage = shrinkage
        self.item_power = item_power
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def _learn(self, data: Interactions) -> None:
        log = needed_log(data, "MarkovNext.fit")
        baskets = log_baskets(log, data.n_items)
        self._last: Matrix = self._last_items(baskets, data)
        self.transitions_ = self._counted(baskets, data)

    def _last_items(self, baskets: LogBaskets, data: Interactions) -> Matrix:
        """Return the items of each customer's last baskets, decayed."""
        row = baskets.row
        keep = baskets.age[row] < self.n_last
        weight = self.decay ** baskets.age[row[keep]].astype(np.float64)
        customer = baskets.customer[row[keep]].astype(np.intp)
        shape = (data.n_customers, data.n_items)
        return weighted_rows(customer, baskets.items[keep], weight, shape)

    def _counted(self, baskets: LogBaskets, data: Interactions) -> Matrix:
        n_baskets, n_items = len(baskets.customer), data.n_items
        shape = (n_baskets, n_items)
        ones = np.ones(len(baskets.items))
        incidence = csr(ones, baskets.items, baskets.indptr, shape)
        follow = csr(*self._following(baskets), (n_baskets, n_baskets))
        later = follow @ incidence
        counts = (incidence.T.tocsr() @ later).tocsr()
        counts.sort_indices()
        followed = incidence.T @ np.asarray(follow.sum(axis=1))
        share = np.bincount(baskets.items, minlength=n_items) / max(n_baskets, 1)
        row = entry_rows(counts)
        scale = (followed + self.shrinkage)[row] * share[counts.indices] ** self.item_power
        values = (counts.data / scale).astype(np.float32)
        return csr(values, counts.indices.astype(np.int32), counts.indptr, (n_items, n_items))

    def _following(
        self, baskets: LogBaskets
    ) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]]:
        """Return which baskets come up to `n_steps` after each one, as parts of a CSR array."""
        n_later = np.minimum(baskets.age, self.n_steps)
        indptr = np.zeros(len(n_later) + 1, dtype=np.int64)
        np.cumsum(n_later, out=indptr[1:])
        start = np.repeat(np.arange(len(n_later)), n_later)
        step: NDArray[np.int64] = np.arange(len(start), dtype=np.int64) - indptr[start]
        return self.decay ** step.astype(np.float64), (start + step + 1).astype(np.int32), indptr

    def _context(self, history: Matrix, known: NDArray[np.intp]) -> Matrix:
        """Return the items that a list is made of: the last ones, or all of a basket."""
        inside = known >= 0
        if inside.all():
            return take_rows(self._last, known)
        ones = with_ones(history)
        if not inside.any():
            return ones
        last = take_rows(self._last, known)
        sizes = np.where(inside, row_sizes(last), row_sizes(history))
        indptr = np.zeros(len(known) + 1, dtype=np.int64)
        np.cumsum(sizes, out=indptr[1:])
        data, indices = np.empty(indptr[-1]), np.empty(indptr[-1], dtype=np.int32)
        for source, rows in ((last, inside), (ones, ~inside)):
            target = np.repeat(rows, sizes)
            chosen = rows[entry_rows(source)]
            data[target], indices[target] = source.data[chosen], source.indices[chosen]
        return csr(data, indices, indptr, history.shape)

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        weights = self.transitions_
        product = self._context(history, known) @ csr(
            weights.data.astype(np.float64), weights.indices, weights.indptr, weights.shape
        )
        found: NDArray[np.float64] = product.toarray()
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
            self._context(history, known),
            self.transitions_,
            k,
            allowed=allowed,
            blocked=blocked,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64]:
        used = np.ones(len(items))
        if known >= 0:
            used = _entries(self._last, known, items)
        one_column = self.transitions_[:, [item]].toarray().ravel().astype(np.float64)
        found: NDArray[np.float64] = used * one_column[items]
        return found

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        context = self._context(history, known)
        return main_past_items(
            context, self.transitions_, row, item, engine=self.engine, n_jobs=self.n_jobs
        )


def _entries(matrix: Matrix, row: int, columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return some entries of one row of a CSR array with sorted columns."""
    start, stop = matrix.indptr[row], matrix.indptr[row + 1]
    there = matrix.indices[start:stop]
    place = np.minimum(np.searchsorted(there, columns), max(len(there) - 1, 0))
    if not len(there):
        return np.zeros(len(columns))
    found: NDArray[np.float64] = np.where(
        there[place] == columns, matrix.data[start:stop][place], 0.0
    )
    return found
