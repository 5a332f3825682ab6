"""Which category a customer's next order will be of."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.estimator import Estimator
from userportrait._core.params import Between, InstanceOf, Optional, check_params, check_values
from userportrait._core.units import MICROS_PER_DAY, from_micros, to_micros
from userportrait.data import Orders
from userportrait.errors import InvalidDataError
from userportrait.predict._choice import fit_choice
from userportrait.predict._next_category_features import (
    FEATURES,
    blocks,
    category_features,
    own_counts,
    read_market,
)
from userportrait.predict._next_category_lines import TableOfItems, read_purchases
from userportrait.predict._next_category_scores import baselines, score_table
from userportrait.predict._propensity import LeakageWarning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.data import Items
    from userportrait.predict._choice import Choice
    from userportrait.predict._next_category_features import Market
    from userportrait.predict._next_category_lines import Purchases
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]
    Codes: TypeAlias = NDArray[np.int64]

__all__ = ["NextPurchaseCategory", "next_purchase_category"]

_LEVEL_PENALTY = 100.0
_WEIGHT_PENALTY = 1.0
_CELLS = 3_000_000
"""Rows by categories to learn from; more would not move so few weights."""


class NextPurchaseCategory(Estimator):
    """Predict the main category of each customer's next order.

    Learned from snapshots: what was known of the customers at some moments of the past, and
    the first order that each of them placed after it, within `horizon`.

    Parameters
    ----------
    by : str, default='category'
        What to predict: a column of the order lines, or of `items`, such as ``'brand'`` or
        ``'channel'``. Texts or whole numbers; lines where it is missing do not count.
    items : Items or frame, optional
        What is sold, with the column `by`, where order lines lack it.
    horizon : float, default=90.0
        Days after a moment in which the next order is looked for; above 0, up to 36500.
    n_moments : int, default=6
        Moments to learn from, 1 to 1000; those before the first order are left out.
    step : float, default=30.0
        Days between them.
    half_life_days : float, default=90.0
        After so many days an order counts half, in the one feature that fades.
    max_categories : int, default=50
        Categories to tell apart, 2 to 1000. Of more, the least frequent become ``'other'``.

    Attributes
    ----------
    categories_ : ndarray of shape (n_categories,)
        Sorted; ``'other'`` last.
    evaluation_ : DataFrame
        How well the last moment was predicted by a model of earlier moments whose horizons
        were over by then: ``model`` (``'next_category'``, ``'own_most_frequent'``,
        ``'global_shares'``), ``n_customers``, ``top1`` and ``top3`` (share of customers whose
        category was the first, or among the first three), ``log_loss`` and
        ``calibration_error`` (over all categories, in tenths). Categories are those told
        apart on what was known at the last moment; others bought after it count as
        ``'other'``. Empty if the history is too short.
    weights_ : Series
        Weight of each feature of a customer and category: ``own_share`` of the money,
        ``own_main`` (share of orders of this main category), ``own_recent`` (share of the
        money, older orders fading), ``own_orders`` (share among all categories in orders),
        ``transition`` (from the last order's category), ``is_last``. All but the last are
        logarithms of how far a share is from everybody's.
    as_of_ : datetime
        The moment of `fit`, UTC.
    n_rows_ : int
        Customers by moments that were learned from.
    n_left_out_ : int
        Those without an order within the horizon, which teach nothing.

    See Also
    --------
    userportrait.predict.snapshots : Frames to learn from, for models of your own.
    userportrait.predict.Propensity : The chance that a customer orders at all.

    Notes
    -----
    A conditional logit [1]_: the chance of a category is proportional to its share among all
    orders, half of it taken from the newest ones, times what the features add. The weights
    are the same for all categories, so rare ones borrow from frequent ones, and shares of
    customers with few orders are pulled to everybody's. The chances are on condition that the
    customer orders within the horizon; multiply them by that chance where it matters.

    Lines of one order at one time are an order. Its main category has the most money, then
    the most lines, then the smaller name. Returns do not count. The model of `fit` learns
    from the last moment too, once it has been used to judge. Works in memory.

    What is learned holds everybody's shares at the moment of `fit`. To say what would have
    been predicted at an earlier moment, fit with that `as_of`: a model that is asked about a
    moment before `as_of_` warns. A ``ScoredTag`` fits anew for each build by default.

    References
    ----------
    .. [1] McFadden (1974), "Conditional logit analysis of qualitative choice behavior", in
       Frontiers in Econometrics.

    Examples
    --------
    >>> from userportrait.data import make_shop
    >>> from userportrait.predict import NextPurchaseCategory
    >>> shop = make_shop(500)
    >>> model = NextPurchaseCategory().fit(shop.orders)
    >>> model.evaluation_[["model", "n_customers", "top1"]].round(2)
                   model  n_customers  top1
    0      next_category          153  0.46
    1  own_most_frequent          153  0.45
    2      global_shares          153  0.15
    >>> model.predict(shop.orders).head(2).round(2)
      customer_id  category  probability
    0     C000001      Home         0.39
    1     C000002  Clothing         0.37
    """

    categories_: NDArray[Any]
    evaluation_: pd.DataFrame
    weights_: pd.Series
    as_of_: datetime
    n_rows_: int
    n_left_out_: int

    _rules: ClassVar[Mapping[str, Rule]] = {
        "by": InstanceOf((str,), "the name of a column"),
        "items": Optional(TableOfItems()),
        "horizon": Between(0.0, 36_500.0, open_low=True),
        "n_moments": Between(1, 1000, integer=True),
        "step": Between(0.0, 36_500.0, open_low=True),
        "half_life_days": Between(0.0, 36_500.0, open_low=True),
        "max_categories": Between(2, 1000, integer=True),
    }

    def __init__(
        self,
        by: str = "category",
        *,
        items: Items | IntoFrame | None = None,
        horizon: float = 90.0,
        n_moments: int = 6,
        step: float = 30.0,
        half_life_days: float = 90.0,
        max_categories: int = 50,
    ) -> None:
        self.by = by
        self.items = items
        self.horizon = horizon
        self.n_moments = n_moments
        self.step = step
        self.half_life_days = half_life_days
        self.max_categories = max_categories

    def fit(self, orders: Orders | IntoFrame, *, as_of: object = None) -> Self:
        """Learn from the orders up to a moment.

        Parameters
        ----------
        orders : Orders or frame
        as_of : datetime, date or ISO 8601 text, optional
            Later lines are not used; by default the newest line's time.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range, all of them at once; or `as_of` is before the
            first order.
        MissingColumnError
            If neither the lines nor the items have the column `by`.
        InvalidDataError
            If there are not two categories, or nobody ordered within a horizon.
        """
        check_params(self, self._rules)
        table = orders if isinstance(orders, Orders) else Orders(orders)
        moment = table.moment(as_of, owner="NextPurchaseCategory.fit")
        end = to_micros(moment)
        purchases = read_purchases(
            table, self.by, self.items, until=end, most=self.max_categories,
            owner="NextPurchaseCategory",
        )  # fmt: skip
        if len(purchases.categories) < 2:
            message = (
                f"NextPurchaseCategory: '{self.by}' has {len(purchases.categories)} different "
                f"values in the purchases until {moment.isoformat()}; two or more are needed."
            )
            raise InvalidDataError(message, column=self.by)
        if "customer_id" in purchases.categories.tolist():
            message = "NextPurchaseCategory: a category is called 'customer_id'. Rename it."
            raise InvalidDataError(message, column=self.by)
        # Names that the last moment did not know would help to predict what came after it.
        judged = read_purchases(
            table, self.by, self.items, until=end, named_until=end - _micros(self.horizon),
            most=self.max_categories, owner="NextPurchaseCategory",
        )  # fmt: skip
        self._learn(purchases, judged, end)
        self.as_of_ = moment
        return self

    def _learn(self, purchases: Purchases, judged: Purchases, end: int) -> None:
        moments = self._moments(purchases, end - _micros(self.horizon))
        found = {moment: self._snapshot(purchases, moment) for moment in moments}
        samples = [sample for sample in found.values() if len(sample.chosen)]
        if not samples:
            self._raise_nothing(purchases, end)
        same = judged.categories.tolist() == purchases.categories.tolist()
        choice = self._judge(judged, end, found if same else {})
        self._choice: Choice = _fitted(samples, choice if same else None)
        self._market: Market = read_market(purchases, end, self.horizon)
        self._rest: int = purchases.rest
        self.categories_ = purchases.categories
        self.weights_ = pd.Series(self._choice.weights, index=list(FEATURES), name="weight")
        self.n_rows_ = sum(len(sample.chosen) for sample in samples)
        self.n_left_out_ = sum(sample.n_left_out for sample in found.values())

    def _judge(
        self, purchases: Purchases, end: int, found: Mapping[int, _Snapshot]
    ) -> Choice | None:
        """Predict the last moment by those before it; return the model that did, if any."""
        horizon = _micros(self.horizon)
        moments = [end - horizon, *self._moments(purchases, end - 2 * horizon)]
        last, *earlier = [found.get(m) or self._snapshot(purchases, m) for m in moments]
        earlier = [sample for sample in earlier if len(sample.chosen)]
        chances: dict[str, Floats] = {}
        choice: Choice | None = None
        if earlier and len(last.chosen):
            choice = _fitted(earlier)
            chances["next_category"] = choice.probabilities(last.x, last.base)
            chances |= baselines(last.own, last.shares)
        self.evaluation_ = score_table(chances, last.chosen)
        return choice

    def _moments(self, purchases: Purchases, last: int) -> list[int]:
        step = _micros(self.step)
        found = [last - at * step for at in range(self.n_moments)]
        oldest = int(purchases.at.min())
        return [moment for moment in found if moment >= oldest]

    def _snapshot(self, purchases: Purchases, moment: int) -> _Snapshot:
        """Return the customers who ordered within the horizon, as they were at a moment."""
        p, size = purchases, len(purchases.categories)
        target = p.next_after(moment, moment + _micros(self.horizon))
        known = p.known_at(moment)
        buyers = known[target[known] >= 0]
        n_left_out = len(known) - len(buyers)
        most = max(1, _CELLS // (size * self.n_moments))
        if len(buyers) > most:
            buyers = buyers[np.linspace(0, len(buyers) - 1, most).astype(np.int64)]
        market = read_market(p, moment, self.horizon)
        parts: list[Floats] = [np.zeros((0, size, len(FEATURES)))]
        own: list[Codes] = [np.zeros((0, size), dtype=np.int64)]
        for block in blocks(len(p.customer_ids), size):
            wanted = buyers[(buyers >= block[0]) & (buyers < block[1])] - block[0]
            x = category_features(p, market, moment, self.half_life_days, block)
            parts.append(x[wanted])
            own.append(own_counts(p, moment, block)[wanted])
        return _Snapshot(
            x=np.concatenate(parts), base=np.tile(market.base, (len(buyers), 1)),
            chosen=target[buyers], own=np.concatenate(own), shares=market.shares,
            n_left_out=n_left_out,
        )  # fmt: skip

    def _raise_nothing(self, purchases: Purchases, end: int) -> NoReturn:
        oldest, last = int(purchases.at.min()), end - _micros(self.horizon)
        if oldest > last:
            days = np.floor(10 * (end - oldest) / MICROS_PER_DAY) / 10
            message = (
                f"NextPurchaseCategory: the history of {days:,g} days is shorter than the horizon "
                f"of {self.horizon:,g} days. Give a longer history or a smaller horizon."
            )
            raise InvalidDataError(message)
        message = (
            f"NextPurchaseCategory: nobody ordered again within {self.horizon:g} days of a moment "
            f"between {from_micros(oldest).isoformat()} and {from_micros(last).isoformat()}. Give "
            f"a longer history or another horizon."
        )
        raise InvalidDataError(message)

    def predict_proba(self, orders: Orders | IntoFrame, *, as_of: object = None) -> pd.DataFrame:
        """Return the chance of each category, for customers who will order.

        Parameters
        ----------
        orders : Orders or frame
        as_of : datetime, date or ISO 8601 text, optional
            Later lines are not used; by default the newest line's time.

        Returns
        -------
        DataFrame
            One row for each customer with a line by then, sorted: `customer_id`, and one
            column for each of `categories_`, which add up to 1. Who has bought nothing of a
            known category has the chances of everybody.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Warns
        -----
        LeakageWarning
            If `as_of` is before `as_of_`: shares and weights of later orders are used. Also of
            `predict` and `score`.
        """
        ids, chances = self._chances(orders, as_of, "NextPurchaseCategory.predict_proba")
        columns = [str(name) for name in self.categories_.tolist()]
        found = pd.DataFrame(chances, columns=columns)
        found.insert(0, "customer_id", ids)
        return found

    def predict(self, orders: Orders | IntoFrame, *, as_of: object = None) -> pd.DataFrame:
        """Return the likeliest category of each customer's next order.

        Parameters
        ----------
        orders : Orders or frame
        as_of : datetime, date or ISO 8601 text, optional
            As in `predict_proba`.

        Returns
        -------
        DataFrame
            One row a customer, sorted: `customer_id`, `category` and its `probability`. Of
            equally likely categories the smaller name is taken.
        """
        ids, chances = self._chances(orders, as_of, "NextPurchaseCategory.predict")
        return self._named(ids, chances)

    def score(self, orders: Orders | IntoFrame, *, as_of: datetime) -> pd.DataFrame:
        """Score customers, which makes the estimator a scorer for tags.

        Parameters
        ----------
        orders : Orders or frame
        as_of : datetime
            Later lines are not used.

        Returns
        -------
        DataFrame
            The columns of `predict`, and ``probability_`` with the name of each category.
        """
        ids, chances = self._chances(orders, as_of, "NextPurchaseCategory.score")
        columns = [f"probability_{name}" for name in self.categories_.tolist()]
        wide = pd.DataFrame(chances, columns=columns)
        return pd.concat([self._named(ids, chances), wide], axis=1)

    def _named(self, ids: NDArray[Any], chances: Floats) -> pd.DataFrame:
        best = chances.argmax(axis=1)
        return pd.DataFrame(
            {
                "customer_id": ids,
                "category": self.categories_[best],
                "probability": chances[np.arange(len(best)), best],
            }
        )

    def _chances(
        self, orders: Orders | IntoFrame, as_of: object, owner: str
    ) -> tuple[NDArray[Any], Floats]:
        """Return customers and chances; a customer's depend on no other customer's lines."""
        self._check_fitted("categories_")
        table = orders if isinstance(orders, Orders) else Orders(orders)
        asked = table.moment(as_of, owner=owner)
        moment = to_micros(asked)
        if moment < to_micros(self.as_of_):
            message = (
                f"{owner}: as_of is {asked.isoformat()}, but the model was fitted at "
                f"{self.as_of_.isoformat()}, so it knows what was bought in between. Fit with "
                f"that as_of to see what would have been predicted, or give a later one; silence "
                f"with warnings.simplefilter('ignore', LeakageWarning)."
            )
            warnings.warn(message, LeakageWarning, stacklevel=3)
        p = read_purchases(
            table, self.by, self.items, until=moment, known=(self.categories_, self._rest),
            owner=owner,
        )  # fmt: skip
        size = len(self.categories_)
        parts: list[Floats] = []
        for block in blocks(len(p.customer_ids), size):
            x = category_features(p, self._market, moment, self.half_life_days, block)
            parts.append(self._choice.probabilities(x, self._market.base))
        known = p.known_at(moment)
        return p.customer_ids[known], np.concatenate(parts)[known]


def next_purchase_category(
    orders: Orders | IntoFrame,
    as_of: object = None,
    *,
    by: str = "category",
    items: Items | IntoFrame | None = None,
    horizon: float = 90.0,
    top: int | None = None,
) -> pd.DataFrame:
    """Return the chance of each category for each customer's next order.

    Learns from the orders themselves, up to `as_of`. `NextPurchaseCategory` has more
    settings, and tells how well it predicts.

    Parameters
    ----------
    orders : Orders or frame
    as_of : datetime, date or ISO 8601 text, optional
        Later lines are not used; by default the newest line's time.
    by : str, default='category'
        What to predict: a column of the order lines, or of `items`.
    items : Items or frame, optional
        What is sold, where order lines lack the column.
    horizon : float, default=90.0
        Days in which the next order is looked for.
    top : int, optional
        How many categories of each customer; by default all.

    Returns
    -------
    DataFrame
        One row for each customer with a line by then and category: `customer_id`,
        `category`, `probability` (of all categories they add up to 1: the customer is taken
        to order) and `rank` from 1. Sorted by customer and rank; equal chances by name.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range.
    InvalidDataError
        If there are not two categories, or nobody ordered within a horizon.

    References
    ----------
    .. [1] McFadden (1974), "Conditional logit analysis of qualitative choice behavior", in
       Frontiers in Econometrics.

    Examples
    --------
    >>> from userportrait.data import make_shop
    >>> from userportrait.predict import next_purchase_category
    >>> shop = make_shop(500)
    >>> next_purchase_category(shop.orders, top=2).head(4).round(2)
      customer_id     category  probability  rank
    0     C000001         Home         0.39     1
    1     C000001  Electronics         0.16     2
    2     C000002     Clothing         0.37     1
    3     C000002        Books         0.17     2
    """
    rule = {"top": Optional(Between(1, 1000, integer=True))}
    check_values("next_purchase_category", {"top": top}, rule)
    table = orders if isinstance(orders, Orders) else Orders(orders)
    model = NextPurchaseCategory(by, items=items, horizon=horizon).fit(table, as_of=as_of)
    wide = model.predict_proba(table, as_of=as_of)
    chances = wide.iloc[:, 1:].to_numpy()
    n_shown = min(top or len(model.categories_), len(model.categories_))
    ranked = np.argsort(-chances, axis=1, kind="stable")[:, :n_shown]
    return pd.DataFrame(
        {
            "customer_id": np.repeat(wide.iloc[:, 0].to_numpy(), n_shown),
            "category": model.categories_[ranked].ravel(),
            "probability": np.take_along_axis(chances, ranked, axis=1).ravel(),
            "rank": np.tile(np.arange(1, n_shown + 1), len(wide)),
        }
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshot:
    """Customers at a moment, and the category of their next order."""

    x: Floats
    base: Floats
    chosen: Codes
    own: Codes
    shares: Floats
    n_left_out: int


def _fitted(samples: list[_Snapshot], start: Choice | None = None) -> Choice:
    return fit_choice(
        np.concatenate([sample.x for sample in samples]),
        np.concatenate([sample.base for sample in samples]),
        np.concatenate([sample.chosen for sample in samples]),
        level_penalty=_LEVEL_PENALTY,
        weight_penalty=_WEIGHT_PENALTY,
        start=start,
    )


def _micros(days: float) -> int:
    return round(days * MICROS_PER_DAY)
