"""Customers who bought the same items: what nearest neighbours have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core.params import Between, Rule
from userportrait.recommend._base import Recommender
from userportrait.recommend._base_lookup import take_rows
from userportrait.recommend._engines import ENGINE_RULES, Engine
from userportrait.recommend._interactions import csr
from userportrait.recommend._measures import (
    MEASURE_RULES,
    Features,
    Measure,
    Similarity,
    compare_query,
    compare_rows,
    narrow_weights,
)
from userportrait.recommend._similar import top_of_neighbours
from userportrait.recommend._sparse import Comparison, nearest_rows, top_of_product
from userportrait.recommend._user_shares import Neighbourhood, main_shared_items, shared_items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._linear import Weighting
    from userportrait.recommend._top import Top

__all__ = ["UserKNN"]


class UserKNN(Recommender):
    """Recommend what the nearest customers have.

    A customer's score of an item is the sum of the similarities of those nearest customers who
    have it.

    Parameters
    ----------
    n_neighbours : int, default=100
        Nearest customers that are asked. Of equally near ones, those in front in the order of
        IDs.
    similarity : {'cosine', 'asymmetric', 'jaccard', 'dice', 'tfidf', 'bm25'}, default='cosine'
        How alike two customers are: as in `ItemKNN`, with customers in the place of items, and
        items in the place of customers.
    shrinkage : float, default=0.0
        Added to what similarities are divided by: larger values trust customers less with whom
        few items are shared.
    alpha : float, default=0.5
        Only for ``'asymmetric'``, in [0, 1]: at 1 a neighbour counts by the share of the
        customer's items that it has, which favours customers of many items; 0.5 is the cosine.
    k1, b : float, default=1.2 and 0.75
        Only for ``'bm25'``: how soon further weight stops to count (above 0), and how much
        customers of many items are held back, in [0, 1].
    weighting : {'binary', 'raw', 'log'}, default='binary'
        Whether an interaction counts 1, its weight, or log(1 + weight); both when customers are
        compared and when the neighbours' items are summed up.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        ``'auto'`` runs compiled code where numba is installed. The lists are the same.
    n_jobs : int, optional
        Threads of the compiled code; by default one for each processor. The lists are the same.

    Attributes
    ----------
    interactions_ : Interactions
        What it was fitted on.
    neighbours_ : csr_array of float32, shape (n_customers, n_customers)
        Nearest customers of each customer, and their similarities above 0.

    See Also
    --------
    ItemKNN : Nearest items instead of nearest customers; for the formulas.

    Notes
    -----
    The neighbours of known customers are found by `fit`, those of baskets when they are asked
    for: `complete` looks at all customers of the basket's items. [1]_

    In `explain`, a neighbour's part of the score is shared out among the items it has in common
    with the customer, as they make up the similarity; `update` is a refit.

    References
    ----------
    .. [1] Herlocker, Konstan, Borchers and Riedl (1999), "An algorithmic framework for performing
       collaborative filtering", SIGIR.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 1, 2, 2, 3, 3, 4],
    ...         "item_id": ["cup", "tea", "cup", "tea", "tea", "pot", "cup"],
    ...     }
    ... )
    >>> UserKNN().fit(lines).recommend([4], k=2).round(3)
       customer_id item_id  score  rank          reason
    0            4     tea  1.414     1  because of cup
    1            4     pot  0.000     2         popular
    """

    neighbours_: Matrix

    _learned: ClassVar[tuple[str, ...]] = ("neighbours_",)
    _positive_only: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_neighbours": Between(1, 1_000_000, integer=True),
        **MEASURE_RULES,
        **ENGINE_RULES,
    }

    def __init__(
        self,
        n_neighbours: int = 100,
        *,
        similarity: Similarity = "cosine",
        shrinkage: float = 0.0,
        alpha: float = 0.5,
        k1: float = 1.2,
        b: float = 0.75,
        weighting: Weighting = "binary",
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbours = n_neighbours
        self.similarity: Similarity = similarity
        self.shrinkage = shrinkage
        self.alpha = alpha
        self.k1 = k1
        self.b = b
        self.weighting: Weighting = weighting
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    @property
    def _measure(self) -> Measure:
        return Measure(self.similarity, self.shrinkage, self.alpha, self.k1, self.b, self.weighting)

    def _learn(self, data: Interactions) -> None:
        compared = compare_rows(data.matrix, self._measure, self.engine)
        self.neighbours_ = self._nearest(compared, self.n_neighbours)

    def _settle(self) -> None:
        matrix = self.interactions_.matrix
        self._compared = compare_rows(matrix, self._measure, self.engine)
        self._taken = narrow_weights(matrix, self.weighting)
        self._features = Features.of(self._taken)
        self._taken_narrow = csr(
            self._taken.data.astype(np.float32), matrix.indices, matrix.indptr, matrix.shape
        )

    def _nearest(self, compared: Comparison, k: int) -> Matrix:
        return nearest_rows(compared, k, engine=self.engine, n_jobs=self.n_jobs)

    def _nearest_to(self, history: Matrix, known: NDArray[np.intp]) -> Matrix:
        """Return the nearest customers of each row; those of unknown ones are looked for now."""
        found = take_rows(self.neighbours_, known)
        new = np.flatnonzero(known < 0)
        if not len(new):
            return found
        nobody = np.full(len(new), -1, dtype=np.int32)
        query = compare_query(
            take_rows(history, new), self._features, self._compared, self._measure, nobody
        )
        looked_up = self._nearest(query, self.n_neighbours)
        if len(new) == len(known):
            return looked_up
        both = _stacked(found, looked_up)
        places = np.arange(len(known))
        places[new] = len(known) + np.arange(len(new))
        return take_rows(both, places)

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        near = self._nearest_to(history, known)
        wide = csr(near.data.astype(np.float64), near.indices, near.indptr, near.shape)
        found: NDArray[Any] = (wide @ self._taken).toarray()
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
            self._nearest_to(history, known),
            self._taken_narrow,
            k,
            allowed=allowed,
            blocked=blocked,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )

    def _neighbourhood(self, history: Matrix, known: NDArray[np.intp]) -> Neighbourhood:
        given = narrow_weights(history, self.weighting)
        return Neighbourhood(
            self._measure.values(given, self._features),
            self._nearest_to(history, known),
            self._compared.left,
            self._taken,
        )

    def _contributions(
        self,
        items: NDArray[np.intp],
        weights: NDArray[np.float64],
        known: int,
        item: int,
    ) -> NDArray[np.float64]:
        indptr = np.array([0, len(items)])
        row = csr(weights, items.astype(np.int32), indptr, (1, self.interactions_.n_items))
        around = self._neighbourhood(row, np.array([known], dtype=np.intp))
        found: NDArray[np.float64] = shared_items(around, 0, np.array([item], dtype=np.intp))[0]
        return found

    def _main_items(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        row: NDArray[np.intp],
        item: NDArray[Any],
    ) -> NDArray[np.intp]:
        around = self._neighbourhood(history, known)
        return main_shared_items(around, row, item, engine=self.engine, n_jobs=self.n_jobs)

    def _similar_customers(self, places: NDArray[np.intp], k: int) -> Top:
        if k <= self.n_neighbours:
            return top_of_neighbours(take_rows(self.neighbours_, places), k)
        rows = take_rows(self.interactions_.matrix, places)
        own = places.astype(np.int32)
        query = compare_query(rows, self._features, self._compared, self._measure, own)
        return top_of_neighbours(self._nearest(query, k), k)


def _stacked(first: Matrix, second: Matrix) -> Matrix:
    indptr = np.r_[first.indptr, second.indptr[1:] + first.indptr[-1]]
    shape = (first.shape[0] + second.shape[0], first.shape[1])
    return csr(np.r_[first.data, second.data], np.r_[first.indices, second.indices], indptr, shape)
