"""What lists are like beside being right: novel, varied, even."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from scipy import sparse

from userportrait.recommend._evaluation_table import places_in
from userportrait.recommend._interactions import csr
from userportrait.recommend._similar import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._metrics import Judged

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["NEEDS", "OF_LISTS", "OF_THE_WHOLE", "Shop"]

_MOST_CELLS = 1 << 22


@dataclass(frozen=True, eq=False)
class Shop:
    """What is known of the items that could be recommended.

    Parameters
    ----------
    train : Interactions, optional
        What the recommender has learned from.
    catalogue : ndarray, optional
        Distinct IDs of all items on offer; by default those of `train`.
    category : ndarray of int, optional
        Of each item of the catalogue, -1 for none.
    """

    train: Interactions | None = None
    catalogue: NDArray[Any] | None = None
    category: NDArray[np.int64] | None = None

    @property
    def items(self) -> NDArray[Any]:
        """IDs of all items on offer."""
        if self.catalogue is not None:
            return self.catalogue
        return self.known.item_ids

    @property
    def known(self) -> Interactions:
        """What the recommender has learned from."""
        return cast("Interactions", self.train)

    @cached_property
    def order_by_popularity(self) -> NDArray[np.intp]:
        """Columns of `train`, most customers first, equal ones by item."""
        return np.argsort(-self.known.item_counts, kind="stable")


class Shown:
    """The first `k` items of the lists, and where they stand in the shop."""

    def __init__(self, judged: Judged, shop: Shop, k: int) -> None:
        inside = judged.lists.place < k
        self.n = judged.n
        self.k = k
        self.shop = shop
        self.judged = judged
        self.customer = judged.lists.customer[inside]
        self.item = judged.lists.item[inside]
        self.sizes = judged.sizes(k)

    @cached_property
    def train_item(self) -> NDArray[np.intp]:
        """The column of each item in `train`, -1 for one that it does not have."""
        return places_in(self.shop.known.item_ids, self.judged.lists.item_ids)[self.item]

    @cached_property
    def customers_of_item(self) -> NDArray[np.int64]:
        """How many customers of `train` have each item."""
        counts = self.shop.known.item_counts
        return np.where(self.train_item >= 0, counts[self.train_item], 0)

    def mean(self, values: Floats) -> Floats:
        """Return the mean of each list; NaN for an empty one."""
        total = np.bincount(self.customer, weights=values, minlength=self.n)
        return _divided(total, self.sizes)

    def matrix(self, item: NDArray[Any], n_items: int) -> Matrix:
        """Return lists as rows of ones; items of place -1 are left out."""
        known = item >= 0
        counts = np.bincount(self.customer[known], minlength=self.n)
        indptr = np.zeros(self.n + 1, dtype=np.int64)
        np.cumsum(counts, out=indptr[1:])
        ones = np.ones(int(known.sum()))
        return csr(ones, item[known].astype(np.int64), indptr, (self.n, n_items))

    def shown_counts(self, rows: NDArray[np.bool_] | None, n_items: int) -> NDArray[np.int64]:
        """Return in how many lists each item on offer is."""
        place = places_in(self.shop.items, self.judged.lists.item_ids)[self.item]
        chosen = place >= 0
        if rows is not None:
            chosen &= rows[self.customer]
        return np.bincount(place[chosen], minlength=n_items)


def _divided(above: NDArray[Any], below: NDArray[Any]) -> Floats:
    found: Floats = np.full(len(above), np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


def _novelty(shown: Shown) -> Floats:
    share = np.maximum(shown.customers_of_item, 1) / shown.shop.known.n_customers
    return shown.mean(-np.log2(share))


def _popularity(shown: Shown) -> Floats:
    return shown.mean(shown.customers_of_item / shown.shop.known.n_customers)


def _serendipity(shown: Shown) -> Floats:
    """Return the share of each list that is wanted and not among the k most popular items."""
    expected = np.zeros(shown.shop.known.n_items + 1, dtype=bool)  # last: unknown to train
    expected[shown.shop.order_by_popularity[: shown.k]] = True
    judged = shown.judged
    place = places_in(shown.shop.known.item_ids, judged.lists.item_ids)
    surprising = ~expected[place[judged.lists.item[judged.hit_row]]]
    found: Floats = judged.sum_hits(shown.k, surprising.astype(np.float64)) / shown.k
    return found


def _diversity(shown: Shown) -> Floats:
    """Return 1 less the mean cosine of two items of a list, by the customers who have them."""
    data = shown.shop.known
    ones = csr(np.ones(data.n_pairs), data.matrix.indices, data.matrix.indptr, data.matrix.shape)
    by_item = unit_rows(ones.T.tocsr())
    return _dissimilarity(shown, shown.matrix(shown.train_item, data.n_items), by_item)


def _category_diversity(shown: Shown) -> Floats:
    """Return how often two items of a list are of two categories; one without is like no other."""
    category = cast("NDArray[np.int64]", shown.shop.category)
    n_categories = int(category.max(initial=-1)) + 1
    place = places_in(shown.shop.items, shown.judged.lists.item_ids)
    of_item = np.where(place >= 0, category[place], -1) if len(category) else place
    code = of_item[shown.item]
    alike: Any = np.zeros(shown.n)
    if n_categories:
        key = shown.customer[code >= 0] * n_categories + code[code >= 0]
        keys, counts = np.unique(key, return_counts=True)
        alike = np.bincount(
            keys // n_categories, weights=counts * (counts - 1.0), minlength=shown.n
        )
    return _without_likeness(alike, shown.sizes)


def _dissimilarity(shown: Shown, lists: Matrix, by_item: Matrix) -> Floats:
    """Return 1 less the mean cosine of two items: |sum|² - n is the sum over all pairs of them."""
    alike = np.zeros(shown.n)
    counts = np.diff(by_item.indptr)
    per_list: Floats = lists @ counts.astype(np.float64)
    work = np.zeros(shown.n + 1)
    np.cumsum(per_list, out=work[1:])
    start = 0
    while start < shown.n:
        limit = float(work[start]) + _MOST_CELLS
        last = int(np.count_nonzero(work <= limit)) - 1
        stop = min(max(last, start + 1), shown.n)
        total: Any = sparse.csr_array(lists[start:stop] @ by_item)
        row = np.repeat(np.arange(stop - start), np.diff(total.indptr))
        alike[start:stop] = np.bincount(row, weights=total.data**2, minlength=stop - start)
        start = stop
    itself = lists @ (counts > 0).astype(np.float64)
    return _without_likeness(np.maximum(alike - itself, 0.0), shown.sizes)


def _without_likeness(alike: Floats, sizes: NDArray[np.int64]) -> Floats:
    return 1.0 - _divided(alike, sizes * (sizes - 1))


def _coverage(shown: Shown, rows: NDArray[np.bool_] | None) -> float:
    n_items = len(shown.shop.items)
    return float(np.count_nonzero(shown.shown_counts(rows, n_items)) / n_items)


def _gini(shown: Shown, rows: NDArray[np.bool_] | None) -> float:
    n_items = len(shown.shop.items)
    counts = np.sort(shown.shown_counts(rows, n_items))
    if not counts.sum() or n_items == 1:
        return float("nan")
    weights = 2.0 * np.arange(1, n_items + 1) - n_items - 1.0
    return float((weights * counts).sum() / ((n_items - 1.0) * counts.sum()))


def _entropy(shown: Shown, rows: NDArray[np.bool_] | None) -> float:
    counts = shown.shown_counts(rows, len(shown.shop.items))
    if not counts.sum():
        return float("nan")
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum() + 0.0)


def _personalization(shown: Shown, rows: NDArray[np.bool_] | None) -> float:
    """Return the mean share of a list that another customer's list does not have."""
    chosen = slice(None) if rows is None else rows[shown.customer]
    n_lists = int(np.count_nonzero(shown.sizes if rows is None else shown.sizes[rows]))
    if n_lists < 2:
        return float("nan")
    counts = np.bincount(shown.item[chosen], minlength=len(shown.judged.lists.item_ids))
    both = float((counts * (counts - 1.0)).sum())
    return 1.0 - both / (n_lists * (n_lists - 1.0) * shown.k)


OF_LISTS: Mapping[str, Callable[[Shown], Floats]] = {
    "novelty": _novelty,
    "popularity": _popularity,
    "serendipity": _serendipity,
    "diversity": _diversity,
    "category_diversity": _category_diversity,
}
"""What a list is like, by name; NaN for a list that is too short, but serendipity is then 0."""

OF_THE_WHOLE: Mapping[str, Callable[[Shown, Any], float]] = {
    "coverage": _coverage,
    "gini": _gini,
    "entropy": _entropy,
    "personalization": _personalization,
}
"""What all lists together are like; no mean over customers."""

NEEDS: Mapping[str, str] = {
    "novelty": "train",
    "popularity": "train",
    "serendipity": "train",
    "diversity": "train",
    "category_diversity": "items",
    "coverage": "train or items",
    "gini": "train or items",
    "entropy": "train or items",
}
"""What else has to be given."""
