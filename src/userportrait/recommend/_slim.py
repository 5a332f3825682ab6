"""SLIM: sparse item-to-item weights, none negative, by coordinate descent."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from userportrait._core.params import Between, Rule
from userportrait.errors import DataWarning
from userportrait.recommend._base import Recommender
from userportrait.recommend._engines import (
    ENGINE_RULES,
    Engine,
    part_bounds,
    plain_array,
    run_in_parts,
    thread_count,
    uses_numba,
)
from userportrait.recommend._interactions import csr
from userportrait.recommend._linear import WEIGHTING_RULE, Weighting, row_sums, weighted
from userportrait.recommend._sparse import main_past_items, top_of_product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._top import Top

__all__ = ["SLIM"]

_BATCH = 32  # columns a thread fits at a time
_DENSE_ITEMS = 8192  # up to here NumPy keeps all products of items


class _Fit(NamedTuple):
    """Weights of one column, and how much they still moved; 0 once they stand still."""

    items: NDArray[np.int32]
    weights: NDArray[np.float64]
    gap: float


class SLIM(Recommender):
    """Recommend by few item-to-item weights, none negative, that predict items from the others.

    Each item's column of weights is an elastic net of its own; columns are fitted side by side.

    Parameters
    ----------
    l1 : float, default=5.0
        Penalty on the sum of weights, 0 or more: the higher, the fewer weights. An item that
        shares less than this with another can have no weight for it and is never looked at.
    l2 : float, default=50.0
        Penalty on half the sum of squared weights, above 0.
    tolerance : float, default=1e-8
        The descent ends when no weight w moves by more than ``w^2 (x'x + l2) <= tolerance y'y``,
        x the past item and y the item of the column.
    max_sweeps : int, default=500
        Most passes over the weights of a column; a `DataWarning` tells if they were not enough.
    weighting : {'binary', 'raw', 'log'}, default='binary'
        Whether an interaction counts 1, its weight, or the logarithm of 1 + weight.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Both visit weights in the same order and agree to rounding; numba (extra `fast`) is much
        quicker.
    n_jobs : int, optional
        Threads of the compiled code; by default one for each processor.

    Attributes
    ----------
    item_weights_ : csr_array of float32, shape (n_items, n_items)
        What a past item (row) adds to the score of an item (column).
    n_not_converged_ : int
        Columns that `max_sweeps` was not enough for.

    See Also
    --------
    EASE : Without signs and sparsity, in closed form.

    Notes
    -----
    Column w of item j minimises ``|x_j - X w|^2 / 2 + l1 |w|_1 + l2 |w|^2 / 2`` over ``w >= 0``,
    ``w_j = 0`` [1]_, by cyclic coordinate descent [2]_ with passes over the weights above 0
    between passes over all. As no interaction is negative, the gradient at an item is at most what
    it shares with item j, less `l1`; so leaving out those that share less is exact.

    In terms of scikit-learn's ``ElasticNet(positive=True, fit_intercept=False)`` of n rows,
    ``alpha = (l1 + l2) / n`` and ``l1_ratio = l1 / (l1 + l2)``.

    References
    ----------
    .. [1] Ning and Karypis (2011), "SLIM: sparse linear methods for top-N recommender systems",
       ICDM.
    .. [2] Friedman, Hastie and Tibshirani (2010), "Regularization paths for generalized linear
       models via coordinate descent", Journal of Statistical Software 33(1).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": ["ann", "ann", "bo", "bo", "cy"],
    ...                       "item_id": ["tea", "cup", "tea", "cup", "tea"]})
    >>> model = SLIM(l1=0.5, l2=1.0).fit(frame)
    >>> model.recommend(["cy"], k=1)[["item_id", "score", "reason"]].round(3)
      item_id  score          reason
    0     cup  0.375  because of tea
    """

    item_weights_: Matrix
    n_not_converged_: int

    _rules: ClassVar[Mapping[str, Rule]] = {
        "l1": Between(0.0, float("inf"), open_high=True),
        "l2": Between(0.0, float("inf"), open_low=True, open_high=True),
        "tolerance": Between(0.0, 1.0, open_low=True),
        "max_sweeps": Between(2, 10_000_000, integer=True),
        "weighting": WEIGHTING_RULE,
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = ("item_weights_", "n_not_converged_")
    _positive_only = True

    def __init__(
        self,
        l1: float = 5.0,
        l2: float = 50.0,
        *,
        tolerance: float = 1e-8,
        max_sweeps: int = 500,
        weighting: Weighting = "binary",
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.l1 = l1
        self.l2 = l2
        self.tolerance = tolerance
        self.max_sweeps = max_sweeps
        self.weighting: Weighting = weighting
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def _learn(self, data: Interactions) -> None:
        matrix = weighted(data.matrix, self.weighting)
        across = matrix.T.tocsr()
        if uses_numba(self.engine, "SLIM"):
            fits = self._compiled_fits(matrix, across)
        else:
            fits = self._plain_fits(across)
        n = data.n_items
        columns = np.repeat(np.arange(n, dtype=np.int32), [len(fit.items) for fit in fits])
        rows = np.concatenate([np.zeros(0, np.int32), *(fit.items for fit in fits)])
        values = np.concatenate([np.zeros(0), *(fit.weights for fit in fits)]).astype(np.float32)
        order = np.lexsort((columns, rows))
        indptr = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
        self.item_weights_ = csr(values[order], columns[order], indptr, (n, n))
        self.n_not_converged_ = sum(fit.gap > 0 for fit in fits)
        if self.n_not_converged_:
            message = (
                f"SLIM: {self.n_not_converged_:,} of {n:,} items did not converge in "
                f"max_sweeps={self.max_sweeps}. Raise it, l1 or l2; silence this with "
                f'warnings.simplefilter("ignore", DataWarning).'
            )
            warnings.warn(message, DataWarning, stacklevel=4)

    def _compiled_fits(self, matrix: Matrix, across: Matrix) -> list[_Fit]:
        from userportrait.recommend._slim_numba import fit_columns

        n = len(across.indptr) - 1
        sides = (*_parts(matrix), *_parts(across), _squares(across))
        numbers = (float(self.l1), float(self.l2), float(self.tolerance), int(self.max_sweeps))
        # Popular items first: what takes longest must not come last.
        columns = np.argsort(-np.diff(across.indptr), kind="stable").astype(np.int64)
        found: list[_Fit | None] = [None] * n

        def work(start: int, stop: int) -> None:
            items = np.empty(_BATCH * n, dtype=np.int32)
            weights = np.empty(_BATCH * n)
            for low in range(start, stop, _BATCH):
                part = columns[low : min(low + _BATCH, stop)]
                starts = np.arange(len(part), dtype=np.int64) * n
                counts, gaps = np.zeros(len(part), dtype=np.int64), np.zeros(len(part))
                fit_columns(
                    *sides, *numbers, part, starts, items, weights, counts, gaps, 0, len(part)
                )
                for place, column in enumerate(part.tolist()):
                    inside = slice(int(starts[place]), int(starts[place] + counts[place]))
                    found[column] = _Fit(
                        items[inside].copy(), weights[inside].copy(), float(gaps[place])
                    )

        n_threads = thread_count(self.n_jobs)
        run_in_parts(
            work, part_bounds(np.diff(across.indptr)[columns] ** 1.5, n_threads), n_threads
        )
        return [fit for fit in found if fit is not None]

    def _plain_fits(self, across: Matrix) -> list[_Fit]:
        """Fit by descent on products of items; the same steps as the compiled code."""
        n = len(across.indptr) - 1
        every: NDArray[np.intp] = np.arange(n)
        products = (across @ across.T).tocsr()
        dense = products.toarray() if n <= _DENSE_ITEMS else None
        squares = _squares(across)
        fits: list[_Fit] = []
        for column in range(n):
            part = slice(products.indptr[column], products.indptr[column + 1])
            shared: NDArray[np.float64] = np.zeros(n)
            shared[products.indices[part]] = products.data[part]
            items = np.flatnonzero((shared > self.l1) & (every != column))
            if dense is not None:
                between = dense[np.ix_(items, items)]
            else:
                between = products[items][:, items].toarray()
            weights, gap = self._descend(
                between, shared[items], squares[items], float(squares[column])
            )
            inside = weights > 0
            fits.append(_Fit(items[inside].astype(np.int32), weights[inside], gap))
        return fits

    def _descend(
        self,
        between: NDArray[np.float64],
        shared: NDArray[np.float64],
        squares: NDArray[np.float64],
        square: float,
    ) -> tuple[NDArray[np.float64], float]:
        gradient = shared.copy()
        weights = np.zeros(len(shared))
        limit, every, gap = self.tolerance * square, True, 0.0
        for _ in range(self.max_sweeps):
            gap = 0.0
            for place in range(len(shared)) if every else np.flatnonzero(weights).tolist():
                old = weights[place]
                steep = squares[place] + self.l2
                new = max(0.0, (gradient[place] + squares[place] * old - self.l1) / steep)
                if new != old:
                    weights[place] = new
                    gradient -= between[place] * (new - old)
                    gap = max(gap, (new - old) ** 2 * steep)
            if gap <= limit and every:
                return weights, 0.0
            every = gap <= limit
        return weights, gap / square

    # Scores

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        wide = self.item_weights_.astype(np.float64)
        found: NDArray[np.float64] = (weighted(history, self.weighting) @ wide).toarray()
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
            weighted(history, self.weighting),
            self.item_weights_,
            k,
            allowed=allowed,
            blocked=blocked,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64]:
        one = csr(weights, items, np.array([0, len(items)]), (1, self.item_weights_.shape[0]))
        column = self.item_weights_[items][:, [item]].toarray().ravel().astype(np.float64)
        found: NDArray[np.float64] = weighted(one, self.weighting).data * column
        return found

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        return main_past_items(
            weighted(history, self.weighting),
            self.item_weights_,
            row,
            item,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )


def _squares(across: Matrix) -> NDArray[np.float64]:
    """Return the sum of squares of each row."""
    return row_sums(csr(across.data**2, across.indices, across.indptr, across.shape))


def _parts(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    return (
        plain_array(matrix.indptr, np.int64),
        plain_array(matrix.indices, np.int32),
        plain_array(matrix.data, np.float64),
    )
