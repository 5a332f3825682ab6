"""The items that most customers have: overall, in a segment, in a category, or lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np

from userportrait._core.params import Between, OneOf, Rule, check_params
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.recommend._base import Recommender
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.recommend._interactions import entry_rows, row_sizes
from userportrait.recommend._labels import coded_labels, label_texts
from userportrait.recommend._top import Top, drop_blocked, top_of_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._labels import Labels
    from userportrait.typing import IntoFrame

__all__ = ["Popularity"]

Scope: TypeAlias = Literal["overall", "segment", "category", "trending"]

_MICROS_PER_DAY = 86_400_000_000


class Popularity(Recommender):
    r"""Recommend what is popular: the model that every other one has to beat.

    Parameters
    ----------
    scope : {'overall', 'segment', 'category', 'trending'}, default='overall'
        Popular with whom: all customers; those of the customer's segment (give `segments` to
        `fit`); within the categories that the customer buys (give `categories`); or rising now
        (needs times).
    shrinkage : float, default=10.0
        How many customers like all others are added to each segment or category, so that small
        ones say little. 0 or more.
    trend_days : float, default=28.0
        Length of the window whose customers are compared with those of the window before it.

    Attributes
    ----------
    interactions_ : Interactions
        What `fit` has seen.
    item_scores_ : ndarray of shape (n_groups, n_items)
        The score of each item for everybody (one row), in each segment, or in its category.
    groups_ : ndarray
        The segments or categories, sorted; empty for the other scopes.

    See Also
    --------
    ItemKNN : Items that go with those of the customer.

    Notes
    -----
    The score is the share of customers that have the item. In a segment of :math:`n` customers,
    :math:`c` of them with the item, it is :math:`(c + s p) / (n + s)` with the overall share
    :math:`p` and the shrinkage :math:`s`, which is the posterior mean under a beta prior. For
    categories it is the share of the category's interactions that the item has, weighted by the
    shares of the customer's categories. A trend is the signed root of the likelihood of two equal
    Poisson rates: :math:`(c_1 - c_0) / \sqrt{c_1 + c_0 + 1}` for the customers of the two
    windows [1]_. Equal scores go by item.

    References
    ----------
    .. [1] Przyborowski and Wilenski (1940), "Homogeneity of results in testing samples from
       Poisson series", Biometrika 31(3/4), 313-323.

    Examples
    --------
    >>> import pandas as pd
    >>> bought = [(1, "tea"), (1, "cup"), (2, "tea"), (3, "tea"), (3, "pot"), (2, "pot")]
    >>> frame = pd.DataFrame(bought, columns=["customer_id", "item_id"])
    >>> Popularity().fit(frame).recommend([1, 9], k=1)[["customer_id", "item_id", "score"]]
       customer_id item_id     score
    0            1     pot  0.666667
    1            9     tea  0.000000
    """

    item_scores_: NDArray[np.float64]
    groups_: NDArray[Any]

    _rules: ClassVar[Mapping[str, Rule]] = {
        "scope": OneOf(("overall", "segment", "category", "trending")),
        "shrinkage": Between(0.0, float("inf"), open_high=True),
        "trend_days": Between(0.0, 36_500.0, open_low=True),
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "item_scores_",
        "groups_",
        "_customer_group",
        "_item_group",
        "_segment_of",
        "_segments",
        "_categories",
    )

    def __init__(
        self, scope: Scope = "overall", *, shrinkage: float = 10.0, trend_days: float = 28.0
    ) -> None:
        self.scope: Scope = scope
        self.shrinkage = shrinkage
        self.trend_days = trend_days

    def fit(
        self,
        interactions: Interactions | Orders | IntoFrame,
        *,
        segments: Labels | None = None,
        categories: Labels | None = None,
    ) -> Self:
        """Count the customers of each item.

        Parameters
        ----------
        interactions : Interactions, Orders or frame
            A frame has `customer_id` and `item_id`, and may have `weight` and `occurred_at`.
        segments : mapping or frame, optional
            The segment of each customer: customer to segment, or a frame of `customer_id` and one
            more column. Customers without one are recommended what is popular overall. Customers
            without interactions may be in it.
        categories : mapping or frame, optional
            The category of each item: item to category, or a frame of `item_id` and one more
            column. Items without one are a category of their own.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters do not fit, or `segments` or `categories` are needed and not given.
        InvalidDataError
            If times are needed and not there.
        """
        check_params(self, self._rules)
        needed = {"segment": ("segments", segments), "category": ("categories", categories)}
        if self.scope in needed and needed[self.scope][1] is None:
            problem = f"scope={self.scope!r} needs {needed[self.scope][0]}."
            raise InvalidParameterError("Popularity.fit", [problem])
        data = as_interactions(interactions, owner="Popularity.fit")
        self._segments = _as_dict(segments, "customer_id")
        self._categories = _as_dict(categories, "item_id")
        return self._fit(data)

    def _learn(self, data: Interactions) -> None:
        self._customer_group: NDArray[np.intp] | None = None
        self._item_group: NDArray[np.intp] | None = None
        self._segment_of: dict[Any, int] = {}
        self.groups_ = np.empty(0, dtype=object)
        if self.scope == "segment":
            self._learn_segments(data)
        elif self.scope == "category":
            self._learn_categories(data)
        elif self.scope == "trending":
            self.item_scores_ = _trend(data, self.trend_days)[None, :]
        else:
            self.item_scores_ = (data.item_counts / data.n_customers)[None, :]

    def _learn_segments(self, data: Interactions) -> None:
        found = coded_labels(
            self._segments, data.customer_ids, key="customer_id", owner="Popularity.fit"
        )
        codes, self.groups_ = found.codes, found.labels
        self._customer_group = codes
        self._segment_of = found.others
        overall = data.item_counts / data.n_customers
        n_groups = len(self.groups_)
        row = codes[entry_rows(data.matrix)]
        inside = row >= 0
        key = row[inside] * data.n_items + data.matrix.indices[inside]
        counts = np.bincount(key, minlength=n_groups * data.n_items)
        counts = counts.reshape(n_groups, data.n_items)
        sizes = np.bincount(codes[codes >= 0], minlength=n_groups)[:, None]
        weight = np.maximum(sizes + self.shrinkage, np.finfo(float).tiny)
        shares = (counts + self.shrinkage * overall) / weight
        self.item_scores_ = np.vstack([shares, overall])  # the last row is for all others

    def _learn_categories(self, data: Interactions) -> None:
        found = coded_labels(self._categories, data.item_ids, key="item_id", owner="Popularity.fit")
        codes, self.groups_ = found.codes, found.labels
        codes = np.where(codes < 0, len(self.groups_), codes)
        self._item_group = codes
        counts = data.item_counts.astype(np.float64)
        total = np.bincount(codes, weights=counts, minlength=len(self.groups_) + 1)
        overall = counts / max(counts.sum(), 1.0)
        n_items = np.bincount(codes, minlength=len(self.groups_) + 1)
        even = 1.0 / np.maximum(n_items, 1)
        weight = np.maximum(total + self.shrinkage, np.finfo(float).tiny)
        inside = (counts + self.shrinkage * even[codes]) / weight[codes]
        self.item_scores_ = np.vstack([inside, overall])

    def _settle(self) -> None:
        where = {"overall": "", "segment": " in the segment", "category": " in the category"}
        trending = self.scope == "trending"
        self._plain_reason = "rising" if trending else f"popular{where[self.scope]}"

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        if self._item_group is None:
            return self.item_scores_[self._group_of(known)]
        row = entry_rows(history)
        n_groups = len(self.groups_) + 1
        key = row * n_groups + self._item_group[history.indices]
        shares = np.bincount(key, minlength=history.shape[0] * n_groups).astype(np.float64)
        shares = shares.reshape(-1, n_groups)
        sizes = np.maximum(row_sizes(history), 1)[:, None]
        found: NDArray[np.float64] = (shares / sizes)[:, self._item_group] * self.item_scores_[0]
        return found

    def _group_of(self, known: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the row of `item_scores_` of each customer; the last one is for everybody."""
        if self._customer_group is None:
            return np.zeros(len(known), dtype=np.intp)
        group = np.where(known >= 0, self._customer_group[known], -1)
        return np.where(group < 0, len(self.groups_), group)

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64] | None:
        if self._item_group is None:
            return None
        same = self._item_group[items] == self._item_group[item]
        found: NDArray[np.float64] = same * (self.item_scores_[0, item] / max(len(items), 1))
        return found

    def _cold_top(
        self,
        customers: NDArray[Any],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top | None:
        if self.scope != "segment":
            return None
        groups = [self._segment_of.get(customer, len(self.groups_)) for customer in customers]
        scores = self.item_scores_[np.array(groups, dtype=np.intp)]
        if allowed is not None:
            scores = np.where(allowed, scores, -np.inf)
        drop_blocked(scores, blocked)
        return top_of_scores(scores, k)


def _as_dict(given: Labels | None, key: str) -> dict[Any, str] | None:
    if given is None:
        return None
    return label_texts(given, key=key, owner="Popularity.fit")


def _trend(data: Interactions, days: float) -> NDArray[np.float64]:
    """Return how surely the customers of each item have become more."""
    log = data.log
    if log is None:
        message = (
            "Popularity.fit: scope='trending' needs times. Give a frame with occurred_at, or "
            "Orders."
        )
        raise InvalidDataError(message)
    span = round(days * _MICROS_PER_DAY)
    age = int(log.at.max()) - log.at
    counts = [_customers_of(data, (age >= start) & (age < start + span)) for start in (0, span)]
    found: NDArray[np.float64] = (counts[0] - counts[1]) / np.sqrt(counts[0] + counts[1] + 1.0)
    return found


def _customers_of(data: Interactions, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Count the customers of each item in some rows of the log."""
    log = data.log
    if log is None:
        return np.zeros(data.n_items)
    pairs = np.unique(log.customer[rows].astype(np.int64) * data.n_items + log.item[rows])
    return np.bincount(pairs % data.n_items, minlength=data.n_items).astype(np.float64)
