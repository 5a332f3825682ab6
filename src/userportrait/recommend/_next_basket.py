"""The next basket: what a customer buys again, and what similar customers buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core.params import Between, Optional, Rule
from userportrait.recommend._base import Recommender
from userportrait.recommend._base_lookup import take_rows
from userportrait.recommend._engines import ENGINE_RULES
from userportrait.recommend._interactions import entry_rows, with_ones
from userportrait.recommend._log_baskets import (
    earlier_baskets,
    log_baskets,
    needed_log,
    weighted_rows,
)
from userportrait.recommend._similar import unit_rows
from userportrait.recommend._sparse import top_of_product, transposed
from userportrait.recommend._top import top_of_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._filters import Filters
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._log_baskets import LogBaskets
    from userportrait.typing import CustomerId

__all__ = ["NextBasket"]

_CANDIDATES = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
_MOST_ASKED = 2_000
_K = 10


class NextBasket(Recommender):
    """Recommend the next basket of goods that are bought again and again, such as groceries.

    Parameters
    ----------
    n_neighbours : int, default=300
        How many similar customers speak for items, too; 0 for none.
    own_share : float, default=0.7
        How much the customer's own baskets count, the similar customers' the rest; 0 to 1.
    decay : float, default=1.0
        How much less each basket counts than the one after it, in (0, 1].
    group_size : int, default=7
        Baskets to a group.
    group_decay : float, default=0.8
        How much less each group of baskets counts than the one after it, in (0, 1].
    shrinkage : float, optional
        How many baskets like everybody's are added to the customer's own, so that a customer of
        few baskets gets what is popular, too. 0 or more. By default that of 0, 1, 3, 10, 30 and
        100 which finds the last basket of 2,000 customers best (NDCG at 10), from the baskets
        before it.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Both give the same lists; ``'auto'`` takes numba where it is installed.
    n_jobs : int, optional
        Threads; by default one for each processor.

    Attributes
    ----------
    interactions_ : Interactions
        What `fit` has seen.
    habits_ : csr_array of float64, shape (n_customers, n_items)
        How regularly, and how lately, each customer buys each item: 1 for in every basket.
    n_baskets_ : ndarray of int64, shape (n_customers,)
    popularity_ : ndarray of float64, shape (n_items,)
        The share of all baskets that hold each item.
    shrinkage_ : float
        As given, or as chosen.

    See Also
    --------
    MarkovNext : What comes after the last basket.
    userportrait.features.CustomerSummary : ``mean_gap`` says when the next purchase is due.

    Notes
    -----
    Temporal-item-frequency k-nearest-neighbours, TIFU-KNN [1]_: baskets are averaged with decay
    within groups, groups with decay across, groups counted from the newest basket; similar
    customers are those whose habits have the highest cosine. ``own_share=1, decay=1,
    group_decay=1, shrinkage=0`` is the customer's own most frequent items, a baseline that many
    published models do not beat [2]_. With :math:`n` baskets of the customer, the score is
    :math:`(n m + s p) / (n + s)`: the mixture *m* of own and neighbours' habits, the popularity
    *p*, and the shrinkage *s*.

    References
    ----------
    .. [1] Hu, He, Gao and Zhang (2020), "Modeling personalized item frequency information for
       next-basket recommendation", SIGIR 2020, 1071-1080.
    .. [2] Li, Jullien, Ariannezhad and de Rijke (2023), "A next basket recommendation reality
       check", ACM Transactions on Information Systems 41(4).

    Examples
    --------
    >>> import pandas as pd
    >>> bought = [(1, "milk", 1), (1, "tea", 2), (1, "milk", 2), (2, "tea", 1), (2, "jam", 3)]
    >>> frame = pd.DataFrame(bought, columns=["customer_id", "item_id", "day"])
    >>> frame["occurred_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame.pop("day"), "D")
    >>> NextBasket().fit(frame).recommend([1], k=2)[["item_id", "rank", "reason"]]
      item_id  rank         reason
    0    milk     1  bought before
    1     tea     2  bought before
    """

    habits_: Matrix
    n_baskets_: NDArray[np.int64]
    popularity_: NDArray[np.float64]
    shrinkage_: float | None

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_neighbours": Between(0, 1_000_000, integer=True),
        "own_share": Between(0.0, 1.0),
        "decay": Between(0.0, 1.0, open_low=True),
        "group_size": Between(1, 1_000_000, integer=True),
        "group_decay": Between(0.0, 1.0, open_low=True),
        "shrinkage": Optional(Between(0.0, float("inf"), open_high=True)),
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "habits_",
        "n_baskets_",
        "popularity_",
        "shrinkage_",
    )
    _positive_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_neighbours: int = 300,
        own_share: float = 0.7,
        decay: float = 1.0,
        group_size: int = 7,
        group_decay: float = 0.8,
        shrinkage: float | None = None,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbours = n_neighbours
        self.own_share = own_share
        self.decay = decay
        self.group_size = group_size
        self.group_decay = group_decay
        self.shrinkage = shrinkage
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def recommend(
        self,
        customers: Sequence[CustomerId] | None = None,
        *,
        k: int = 10,
        filter_seen: bool = False,
        exclude: Iterable[Any] = (),
        filters: Filters | Sequence[Filters] = (),
        reasons: bool = True,
    ) -> pd.DataFrame:
        """Recommend the next basket; unlike other models, it keeps items that were bought before.

        Parameters
        ----------
        customers, k, exclude, filters, reasons
            As in `Recommender.recommend`.
        filter_seen : bool, default=False
            Whether items that the customer has bought are left out: the next new items.

        Returns
        -------
        DataFrame
            `customer_id`, `item_id`, `score`, `rank` and `reason`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidParameterError
            If `k` is below 1, or a filter does not fit.
        """
        return super().recommend(
            customers,
            k=k,
            filter_seen=filter_seen,
            exclude=exclude,
            filters=filters,
            reasons=reasons,
        )

    def _learn(self, data: Interactions) -> None:
        baskets = log_baskets(needed_log(data, "NextBasket.fit"), data.n_items)
        self.n_baskets_ = np.bincount(baskets.customer, minlength=data.n_customers)
        self.popularity_ = _shares(baskets, data.n_items)
        self.habits_ = self._habits(baskets, data)
        self.shrinkage_ = self.shrinkage
        if self.shrinkage is None:
            self.shrinkage_ = self._chosen_shrinkage(baskets, data)

    def _habits(self, baskets: LogBaskets, data: Interactions) -> Matrix:
        group = baskets.age // self.group_size
        inside = baskets.age - group * self.group_size
        n_groups = np.zeros(data.n_customers)
        np.maximum.at(n_groups, baskets.customer, group + 1.0)
        key = baskets.customer * (int(group.max(initial=0)) + 1) + group
        _, place, sizes = np.unique(key, return_inverse=True, return_counts=True)
        of_customer = n_groups[baskets.customer]
        weight = self.decay**inside * self.group_decay**group / (sizes[place] * of_customer)
        row = baskets.row
        return weighted_rows(
            baskets.customer[row].astype(np.intp),
            baskets.items,
            np.asarray(weight, dtype=np.float64)[row],
            (data.n_customers, data.n_items),
        )

    def _chosen_shrinkage(self, baskets: LogBaskets, data: Interactions) -> float:
        """Return what finds the last basket of customers best, from those before it."""
        before = earlier_baskets(baskets)
        if not len(before.customer):
            return _CANDIDATES[len(_CANDIDATES) // 2]
        habits, popular = self._habits(before, data), _shares(before, data.n_items)
        n = np.bincount(before.customer, minlength=data.n_customers)
        asked = np.flatnonzero(n)[:: max(1, int((n > 0).sum()) // _MOST_ASKED)]
        last = baskets.age[baskets.row] == 0
        wanted = weighted_rows(
            baskets.customer[baskets.row[last]].astype(np.intp),
            baskets.items[last],
            np.ones(int(last.sum())),
            (data.n_customers, data.n_items),
        )
        found = np.zeros(len(_CANDIDATES))
        for start in range(0, len(asked), 256):
            rows = asked[start : start + 256]
            own, truth = take_rows(habits, rows).toarray(), take_rows(wanted, rows).toarray()
            size = n[rows][:, None]
            for place, s in enumerate(_CANDIDATES):
                found[place] += _gain((size * own + s * popular) / (size + s), truth)
        return _CANDIDATES[int(np.argmax(found))]

    def _settle(self) -> None:
        self._unit: Matrix = unit_rows(self.habits_)
        self._across, _ = transposed(self._unit, self.engine)

    def _habits_of(self, history: Matrix, known: NDArray[np.intp]) -> Matrix:
        """Return the habits of customers; a basket of an unknown one is a habit of its own."""
        inside = known >= 0
        if inside.all():
            return take_rows(self.habits_, known)
        ones = with_ones(history)
        if not inside.any():
            return ones
        parts = take_rows(self.habits_, known) + take_rows(
            ones, np.where(inside, -1, np.arange(len(known)))
        )
        parts.sort_indices()
        return parts

    def _neighbours(self, habits: Matrix, known: NDArray[np.intp]) -> Matrix:
        """Return how much each neighbour's habits count: even shares of the nearest ones."""
        n, n_customers = habits.shape[0], self.habits_.shape[0]
        inside = np.flatnonzero(known >= 0)
        itself = weighted_rows(
            inside, known[inside].astype(np.int32), np.ones(len(inside)), (n, n_customers)
        )
        near = top_of_product(
            unit_rows(habits),
            self._across,
            min(self.n_neighbours, n_customers),
            blocked=itself,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )
        found = near.items >= 0
        row, _ = np.nonzero(found)
        share = 1.0 / np.maximum(found.sum(axis=1), 1)
        return weighted_rows(row, near.items[found], share[row], (n, n_customers))

    def _mixed(self, history: Matrix, known: NDArray[np.intp]) -> Matrix:
        habits = self._habits_of(history, known)
        if self.n_neighbours == 0 or self.own_share == 1.0:
            return habits
        others = self._neighbours(habits, known) @ self.habits_
        mixed = habits * self.own_share + others * (1.0 - self.own_share)
        mixed.sort_indices()
        return mixed

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        n = np.where(known >= 0, self.n_baskets_[known], 1.0)[:, None]
        mixed = self._mixed(history, known).toarray()
        shrinkage = self.shrinkage_ or 0.0
        found: NDArray[np.float64] = (n * mixed + shrinkage * self.popularity_) / (n + shrinkage)
        return found

    def _own_reasons(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[Any]:
        wanted = row.astype(np.int64) * history.shape[1] + item
        liked = self._mixed(history, known)
        found = np.full(len(row), "popular", dtype=object)
        found[np.isin(wanted, _pairs_of(liked))] = "bought by similar customers"
        found[np.isin(wanted, _pairs_of(history))] = "bought before"
        return found


def _pairs_of(matrix: Matrix) -> NDArray[np.int64]:
    """Return row and column of each entry as one number."""
    found: NDArray[np.int64] = entry_rows(matrix) * matrix.shape[1] + matrix.indices
    return found


def _shares(baskets: LogBaskets, n_items: int) -> NDArray[np.float64]:
    held: NDArray[np.float64] = np.bincount(baskets.items, minlength=n_items).astype(np.float64)
    return held / max(len(baskets.customer), 1)


def _gain(scores: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Return the sum of NDCG at 10 over rows; scores of 0 are not listed."""
    top = top_of_scores(np.where(scores > 0, scores, -np.inf), min(_K, scores.shape[1]))
    hit = np.take_along_axis(truth, np.maximum(top.items, 0), axis=1) * (top.items >= 0)
    places: NDArray[np.float64] = np.arange(2.0, float(hit.shape[1] + 2))
    discount = 1.0 / np.log2(places)
    n_wanted: NDArray[np.intp] = truth.sum(axis=1).astype(np.intp)
    ideal = np.cumsum(discount)[np.minimum(n_wanted, len(discount)) - 1]
    return float(((hit @ discount) / ideal).sum())
