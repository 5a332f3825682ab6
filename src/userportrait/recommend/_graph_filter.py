"""A filter of the graph of customers and items: what is near, and what the whole market shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core.params import Between, Optional, Rule
from userportrait.recommend._base import Recommender
from userportrait.recommend._base_reasons import best_of_each, spread_history
from userportrait.recommend._engines import (
    ENGINE_RULES,
    Engine,
    part_bounds,
    plain_array,
    run_in_parts,
    thread_count,
    uses_numba,
)
from userportrait.recommend._graph_filter_coarse import CoarseItems
from userportrait.recommend._interactions import csr
from userportrait.recommend._linear import (
    WEIGHTING_RULE,
    Weighting,
    column_sums,
    dense_pair_sums,
    dense_scores,
    exact_top,
    main_items_by_column,
    power,
    row_numbers,
    row_sums,
    weighted,
)
from userportrait.recommend._low_pass import leading_directions
from userportrait.recommend._top import Top, top_of_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = ["GraphFilter"]

_TILE = 128  # rows scored at a time
_FEW_ROWS = 4  # up to here, reading all directions takes longer than working with them
_DENSE_ITEMS = 4096  # up to here, all item weights are kept as one matrix
_MAX_RANK = 512
_FEW_PAIRS = 2**16  # past items times pairs: up to here, a small table is made
_MANY_PAIRS = 200  # from here on, threads pay


class GraphFilter(Recommender):
    """Recommend by a linear filter of the graph that customers and items make.

    Near items (two steps on the graph: items of customers who share items) and the leading
    directions of the whole graph are added up in one linear model. There is no training but a
    truncated singular value decomposition, and no matrix of items by items is kept for large
    catalogues.

    Parameters
    ----------
    customer_power : float, default=0.6
        How much less a customer with many items says about each of them: a customer of n items
        counts with n to the power of minus this. 0 to 2.
    item_power : float, default=0.4
        How much less a popular item says: an item of n customers counts with n to the power of
        minus this. 0 to 1.
    popularity : float, default=0.3
        How much of the popularity comes back into scores: they are multiplied by n to the power
        of this. 0 to 1; lower gives rarer items.
    sharpness : float, default=2.0
        How much what everybody shares is damped: a direction with the share s of the largest
        eigenvalue counts ``s exp(-sharpness s)``. 0 to 10.
    low_pass : float, default=0.07
        What is added to each leading direction, in the unit of the largest eigenvalue.
    rank : int, optional
        Leading directions. By default the smaller of the numbers of customers and items to the
        power of 0.6, at most 512.
    weighting : {'binary', 'raw', 'log'}, default='binary'
        Whether an interaction counts 1, its weight, or the logarithm of 1 + weight.
    tolerance : float, default=1e-4
        How exact the directions are: the largest residual as a share of the largest eigenvalue.
    random_state : int, default=0
        Of the first guess of the directions.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Both give the same lists; numba (extra `fast`) is quicker on large data.
    n_jobs : int, optional
        Threads of the compiled code; by default one for each processor.

    Attributes
    ----------
    graph_ : csr_array of float64, shape (n_customers, n_items)
        Weighted interactions X; their largest singular value is 1.
    directions_ : ndarray of float32, shape (n_items, rank)
        Right singular vectors V of X, leading ones first.
    shares_ : ndarray of float64, shape (rank,)
        Eigenvalues s of X'X, from 1 down.

    See Also
    --------
    EASE : Item weights in closed form; more memory, better on small dense catalogues.

    Notes
    -----
    With the numbers of customers d and of items m of each, ``X = m^-(customer_power/2) R
    d^-item_power`` and the history r of a customer,

    ``scores = r d^-item_power (c X'X + V diag(s exp(-T s) + w - c s) V') d^popularity``

    where T is `sharpness`, w is `low_pass`, and c makes the response continuous at the last
    direction. So all directions behind the leading ones are kept, with a linear response.
    ``customer_power=1, item_power=0.5, popularity=0.5, sharpness=0`` is the family of GF-CF [1]_;
    the softer powers, the sharpening [2]_ and the rank were chosen on cuts of the training parts
    of two public data sets.

    Scores are linear in the history, so `explain` is exact. Items of which the scores are 0 or
    below count as not spoken for. Memory beside the interactions is that of `directions_`, twice,
    and a quarter more with numba; up to 4,096 items their weights are kept as one matrix.

    References
    ----------
    .. [1] Shen et al. (2021), "How powerful is graph convolution for recommendation?", CIKM.
    .. [2] Choi et al. (2023), "Blurring-sharpening process models for collaborative filtering",
       SIGIR.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": ["ann", "ann", "bo", "bo", "cy"],
    ...                       "item_id": ["tea", "cup", "tea", "pot", "tea"]})
    >>> GraphFilter().fit(frame).recommend(["cy"], k=2)[["item_id", "rank", "reason"]]
      item_id  rank          reason
    0     cup     1  because of tea
    1     pot     2  because of tea
    """

    graph_: Matrix
    directions_: NDArray[np.float32]
    shares_: NDArray[np.float64]

    _rules: ClassVar[Mapping[str, Rule]] = {
        "customer_power": Between(0.0, 2.0),
        "item_power": Between(0.0, 1.0),
        "popularity": Between(0.0, 1.0),
        "sharpness": Between(0.0, 10.0),
        "low_pass": Between(0.0, 100.0),
        "rank": Optional(Between(1, 1_000_000, integer=True)),
        "weighting": WEIGHTING_RULE,
        "tolerance": Between(1e-6, 1.0),
        "random_state": Between(0, 2**63 - 1, integer=True),
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "graph_",
        "directions_",
        "shares_",
        "_past_scale",
        "_item_scale",
    )
    _positive_only = True

    def __init__(
        self,
        *,
        customer_power: float = 0.6,
        item_power: float = 0.4,
        popularity: float = 0.3,
        sharpness: float = 2.0,
        low_pass: float = 0.07,
        rank: int | None = None,
        weighting: Weighting = "binary",
        tolerance: float = 1e-4,
        random_state: int = 0,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.customer_power = customer_power
        self.item_power = item_power
        self.popularity = popularity
        self.sharpness = sharpness
        self.low_pass = low_pass
        self.rank = rank
        self.weighting: Weighting = weighting
        self.tolerance = tolerance
        self.random_state = random_state
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def _learn(self, data: Interactions) -> None:
        uses_numba(self.engine, "GraphFilter")
        given = weighted(data.matrix, self.weighting)
        row = row_numbers(given)
        per_customer = row_sums(given)
        per_item = column_sums(given)
        self._past_scale = power(per_item, -self.item_power)
        self._item_scale = power(per_item, self.popularity)
        scale = power(per_customer, -self.customer_power / 2)
        values = given.data * scale[row] * self._past_scale[given.indices]
        graph = csr(values, given.indices, given.indptr, given.shape)
        rank = self.rank or min(_MAX_RANK, max(1, round(min(given.shape) ** 0.6)))
        found = leading_directions(
            graph, rank, tolerance=self.tolerance, random_state=self.random_state
        )
        largest = found.values[0] if len(found.values) else 1.0
        self.shares_ = found.values / largest
        self.directions_ = found.vectors
        self.graph_ = csr(values / np.sqrt(largest), given.indices, given.indptr, given.shape)

    def _settle(self) -> None:
        shares = self.shares_
        response = shares * np.exp(-self.sharpness * shares)
        slope = float(response[-1] / shares[-1]) if len(shares) else 1.0
        self._slope: float = slope
        self._low: NDArray[np.float64] = response + self.low_pass - slope * shares
        self._across: Matrix = self.graph_.T.tocsr()
        self._item_side = _parts(self._across)
        scaled = self.graph_.data * (slope * self._item_scale[self.graph_.indices])
        self._back: Matrix = csr(scaled, self.graph_.indices, self.graph_.indptr, self.graph_.shape)
        self._customer_side = _parts(self._back)
        self._seen_by = (self.directions_ * self._item_scale[:, None]).astype(np.float32)
        self._item_weights: NDArray[np.float32] | None = None
        self._coarse: CoarseItems | None = None
        n_items = len(self._item_scale)
        if n_items <= _DENSE_ITEMS:
            every = self._columns(np.arange(n_items))
            self._item_weights = every * self._past_scale[:, None].astype(np.float32)
        elif uses_numba(self.engine, "GraphFilter"):
            self._coarse = CoarseItems(self._seen_by)

    # Scores

    def _past(self, history: Matrix) -> Matrix:
        """Return histories as they enter the graph."""
        given = weighted(history, self.weighting)
        values = given.data * self._past_scale[given.indices]
        return csr(values, given.indices, given.indptr, given.shape)

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        if self._item_weights is not None:
            return dense_scores(weighted(history, self.weighting), self._item_weights)
        past, n = self._past(history), history.shape[0]
        found = np.empty(history.shape)
        for start in range(0, n, _TILE):
            rows = slice(start, min(start + _TILE, n))
            amounts = np.zeros((_TILE, len(self._low)), dtype=np.float32)
            amounts[: rows.stop - start] = self._amounts(past[rows])
            shared = amounts @ self._seen_by.T  # always as many rows: then all round alike
            found[rows] = self._near(past[rows]) + shared[: rows.stop - start]
        return found

    def _top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        parts: list[Top] = []
        for start in range(0, history.shape[0], _TILE):
            rows = slice(start, start + _TILE)
            mask = allowed if allowed is None or allowed.ndim == 1 else allowed[rows]
            out = None if blocked is None else blocked[rows]
            parts.append(self._top_of_tile(history[rows], k, mask, out))
        return Top(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))

    def _top_of_tile(
        self, history: Matrix, k: int, allowed: NDArray[np.bool_] | None, blocked: Matrix | None
    ) -> Top:
        dense = self._item_weights
        if dense is not None:
            given = weighted(history, self.weighting)

            def exact(row: NDArray[np.intp], item: NDArray[np.intp]) -> NDArray[np.float64]:
                return dense_pair_sums(given, dense, row, item)

            scores = dense_scores(given, dense)
            return exact_top(scores, exact, k, allowed, blocked, positive_only=True)
        past = self._past(history)
        near, amounts = self._near(past), self._amounts(past)

        def sums(row: NDArray[np.intp], item: NDArray[np.intp]) -> NDArray[np.float64]:
            directions = self.directions_[item].astype(np.float64)
            shared = np.einsum("ij,ij->i", amounts[row], directions)
            found: NDArray[np.float64] = near[row, item] + shared * self._item_scale[item]
            return found

        if self._coarse is not None and len(near) <= _FEW_ROWS:
            row, item = self._coarse.likely(near, amounts, k, allowed, blocked)
            score = sums(row, item)
            score[score <= 0] = -np.inf
            return top_of_pairs(row, item, score, len(near), k)
        scores = amounts.astype(np.float32) @ self._seen_by.T
        np.add(near, scores, out=scores, casting="same_kind")
        return exact_top(scores, sums, k, allowed, blocked, positive_only=True)

    def _amounts(self, past: Matrix) -> NDArray[np.float64]:
        """Return how much of each direction is in each history, times its response."""
        items, code = np.unique(past.indices, return_inverse=True)
        short = csr(past.data, code.astype(np.int32), past.indptr, (past.shape[0], len(items)))
        found: NDArray[np.float64] = short @ self.directions_[items].astype(np.float64)
        return found * self._low

    def _near(self, past: Matrix) -> NDArray[np.float64]:
        """Return what two steps on the graph give."""
        n_rows, n_items = past.shape
        if not uses_numba(self.engine, "GraphFilter"):
            reached = self.graph_ @ np.ascontiguousarray(past.toarray().T)
            turned: NDArray[np.float64] = self._back.T.tocsr() @ reached
            return np.ascontiguousarray(turned.T)
        from userportrait.recommend._graph_filter_numba import two_steps

        sides = (*_parts(past), *self._item_side, *self._customer_side)
        found = np.empty((n_rows, n_items))

        def work(start: int, stop: int) -> None:
            two_steps(*sides, found, start, stop)

        n_threads = thread_count(self.n_jobs)
        run_in_parts(work, part_bounds(np.diff(past.indptr), n_threads), n_threads)
        return found

    # Why

    def _columns(self, items: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return columns of the item weights, without the scale of past items."""
        chosen = self._seen_by[items] * self._low.astype(np.float32)
        found: Any = self.directions_ @ chosen.T
        near: Any = (self._across @ self._across[items].T).tocoo()
        scale = self._slope * self._item_scale[items]
        found[near.row, near.col] += near.data * scale[near.col]
        return np.asarray(found, dtype=np.float32)

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64]:
        one = csr(weights, items.astype(np.int32), np.array([0, len(items)]),
                  (1, self.graph_.shape[1]))  # fmt: skip
        if self._item_weights is not None:
            given = weighted(one, self.weighting).data
            own: NDArray[np.float64] = given * self._item_weights[items, item].astype(np.float64)
            return own
        past = self._past(one)
        column = self._across[[item]].toarray().ravel() * (self._slope * self._item_scale[item])
        near = self._across[items] @ column
        amounts = self.directions_[items].astype(np.float64) * self._low
        shared = amounts @ self.directions_[item].astype(np.float64) * self._item_scale[item]
        found: NDArray[np.float64] = past.data * (near + shared)
        return found

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        dense = self._item_weights
        if dense is not None:
            given = weighted(history, self.weighting)
            return main_items_by_column(lambda chosen: dense[:, chosen], given, row, item)
        past = self._past(history)
        if uses_numba(self.engine, "GraphFilter"):
            return self._main_compiled(past, row, item)
        if history.nnz * len(row) > _FEW_PAIRS:
            return main_items_by_column(self._columns, past, row, item)
        return self._main_of_few(past, row, item)

    def _main_compiled(
        self, past: Matrix, row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        from userportrait.recommend._graph_filter_numba import main_past

        order = np.argsort(row, kind="stable")
        n_rows, n_pairs = past.shape[0], len(row)
        ends = np.zeros(n_rows + 1, dtype=np.int64)
        np.cumsum(np.bincount(row, minlength=n_rows), out=ends[1:])
        best = np.full(n_pairs, -1, dtype=np.int64)
        given = (*_parts(past), ends, item[order].astype(np.int64), *self._item_side)
        filtered = (self.directions_, self._low, self._slope, self.graph_.shape[0])

        def work(start: int, stop: int) -> None:
            main_past(*given, *filtered, best, start, stop)

        n_threads = thread_count(self.n_jobs) if n_pairs >= _MANY_PAIRS else 1
        run_in_parts(work, part_bounds(np.diff(past.indptr), n_threads), n_threads)
        found = np.full(n_pairs, -1, dtype=np.intp)
        told = best >= 0
        found[order[told]] = past.indices[past.indptr[row[order[told]]] + best[told]]
        return found

    def _main_of_few(
        self, past: Matrix, row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        """Return the main items of pairs from a table of past items by items."""
        had, code = np.unique(past.indices, return_inverse=True)
        wanted, column = np.unique(item, return_inverse=True)
        amounts = self.directions_[had].astype(np.float64) * self._low
        table: NDArray[np.float64] = np.einsum(
            "pd,qd->pq", amounts, self.directions_[wanted].astype(np.float64)
        )
        table += self._slope * (self._across[had] @ self._across[wanted].T).toarray()
        place, ends = spread_history(past, row)
        own = np.repeat(column, np.diff(ends))
        best = best_of_each(table[code[place], own] * past.data[place], ends)
        found = np.full(len(row), -1, dtype=np.intp)
        told = best >= 0
        found[told] = past.indices[place[best[told]]]
        return found


def _parts(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    return (
        plain_array(matrix.indptr, np.int64),
        plain_array(matrix.indices, np.int32),
        plain_array(matrix.data, np.float64),
    )
