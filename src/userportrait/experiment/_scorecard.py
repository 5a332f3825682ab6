"""Did the campaign pay: treated customers against a hold-out, in money."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.stats import binomtest

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule, check_values
from userportrait._core.units import MICROS_PER_DAY, as_moment, to_micros
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment._confidence_set import ConfidenceSet, fieller_set
from userportrait.experiment._scorecard_lines import (
    Difference,
    MeanPair,
    compare_means,
    compare_ratios,
    compare_shares,
    compare_totals,
)
from userportrait.experiment._scorecard_result import Scorecard, ScorecardLine
from userportrait.experiment._scorecard_values import (
    Arms,
    OrderValues,
    Span,
    cost_values,
    order_values,
    rating_values,
    read_arms,
    sums,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["campaign_scorecard"]

_OWNER = "campaign_scorecard"


def campaign_scorecard(
    customers: IntoFrame,
    orders: Orders | IntoFrame,
    *,
    control: object,
    variant: str = "variant",
    treated: object = None,
    starts_at: object = None,
    days: int = 28,
    retention_days: int = 30,
    costs: float | IntoFrame | None = None,
    fixed_cost: float = 0.0,
    margin: float = 1.0,
    ratings: IntoFrame | None = None,
    satisfaction: Literal["mean", "top"] = "mean",
    top: float = 4.0,
    adjust: Sequence[str] = (),
    history_days: int | None = None,
    planned_share: float | None = None,
    as_of: object = None,
    alpha: float = 0.05,
) -> Scorecard:
    """Compare treated customers with those held out, from conversion to return on investment.

    Parameters
    ----------
    customers : frame or table
        One row per customer of the campaign: `customer_id` and the arm that chance put the
        customer into, whether reached or not.
    orders : Orders or frame
        Orders of these customers, before and during the campaign; those of others do not count.
    control : str, int or bool
        The label of the hold-out.
    variant : str, default='variant'
        The column with the arms' labels.
    treated : str, int or bool, optional
        The label of the treated arm, where there are several; by default the other one.
    starts_at : date, datetime or str, optional
        Orders count from here on, for `days`. Without it, all orders count.
    days : int, default=28
        Length of the campaign, 1 to 3660.
    retention_days : int, default=30
        Who buys again within so many days after the first order of the campaign is retained.
    costs : float or frame, optional
        The cost of each treated customer, or touches with `customer_id` and `cost`, in the
        orders' currency: those from `starts_at` on, for `days`, where they have a
        `touched_at`. Give only touches of this campaign. Without costs there is no return.
    fixed_cost : float, default=0.0
        What the campaign cost whatever the number of customers.
    margin : float, default=1.0
        The share of revenue that stays, above 0 and at most 1.
    ratings : frame, optional
        `customer_id` and `rating`, and perhaps `reviewed_at`: ratings from `starts_at` on.
    satisfaction : {'mean', 'top'}, default='mean'
        The mean rating, or the share of ratings of at least `top`.
    top : float, default=4.0
    adjust : sequence of str, default=()
        Numeric columns of `customers` that were known before the campaign: they make the
        intervals of orders, revenue and what follows from them shorter.
    history_days : int, optional
        Adjust for each customer's orders and revenue in so many days before `starts_at`.
    planned_share : float, optional
        The share of customers that should be treated, to check the split.
    as_of : date, datetime or str, optional
        Nothing later counts; by default the newest order.
    alpha : float, default=0.05
        Each interval holds the truth in a share of 1 - `alpha` of campaigns.

    Returns
    -------
    Scorecard

    Raises
    ------
    InvalidParameterError
        If a parameter cannot be used, an arm is unknown or several arms could be meant.
    MissingColumnError
        If a table lacks a column.
    InvalidDataError
        If a customer comes twice or has no arm, an arm has fewer than two customers, numbers
        are missing, or the IDs of two tables are of different kinds.

    Notes
    -----
    The customer is the unit. Returns lower revenue when they come back; an order counts if its
    lines sum to more than 0, and belongs to the moment of its first line.

    - Shares (conversion, retention): score test, and score intervals of the difference [1]_
      and the ratio [2]_, which keep their level for small shares and unequal arms.
    - Order value and ratings are ratios of sums: delta method.
    - Orders and revenue: Welch's t, after adjustment with slopes of each arm. Incremental
      figures are differences of means times the number of treated customers.
    - Profit is `margin` times incremental revenue less the cost. ROI is profit over cost.
    - ROI, cost per incremental order and relative differences are ratios: their regions are
      Fieller's. [3]_ Where the denominator may be 0 the region has no bound; the text says so.

    No p-value is adjusted for the number of figures: choose the one that decides beforehand.

    References
    ----------
    .. [1] Miettinen and Nurminen (1985), "Comparative analysis of two rates", Statistics in
       Medicine 4(2).
    .. [2] Koopman (1984), "Confidence intervals for the ratio of two binomial proportions",
       Biometrics 40(2).
    .. [3] Fieller (1954), "Some problems in interval estimation", Journal of the Royal
       Statistical Society B 16(2).

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.experiment import campaign_scorecard
    >>> shop = up.make_shop(n_customers=3000, random_state=0)
    >>> touches = shop.touches.frame
    >>> sent = touches[touches["campaign_id"] == "K01"]
    >>> card = campaign_scorecard(
    ...     sent, shop.orders, variant="treatment", control=False, costs=sent, margin=0.3,
    ...     starts_at=sent["touched_at"].iloc[0], history_days=365,
    ... )
    >>> card["conversion"].label(), card["conversion"].p_value < 0.05
    ('Conversion', True)
    """
    given = {k: v for k, v in locals().items() if k in _RULES}
    check_values(_OWNER, given, _RULES)
    if history_days is not None and starts_at is None:
        raise InvalidParameterError(_OWNER, ["history_days needs starts_at: before what?"])
    lines_of = orders if isinstance(orders, Orders) else Orders(orders)
    span = _span(lines_of, starts_at, days, as_of)
    arms = read_arms(customers, variant, control, treated, list(adjust))
    found = order_values(
        lines_of, arms, span, retention_days=retention_days, history_days=history_days
    )
    pair, cost = _means(arms, found, span, costs)
    money = _Money(pair, margin, fixed_cost if cost else math.nan, alpha)
    described = [
        _line("conversion", compare_shares(found.n_orders > 0, _all(arms), arms.treated, alpha)),
        _line(
            "average_order_value",
            compare_ratios(
                found.revenue, found.n_orders, arms.treated, alpha, counted=found.n_orders > 0
            ),
        ),
        _line("retention", compare_shares(found.returned, found.followed, arms.treated, alpha)),
    ]
    if ratings is not None:
        described.append(_satisfaction(ratings, arms, span, satisfaction, top, alpha))
    n_treated = int(arms.treated.sum())
    n = len(arms.ids)
    return Scorecard(
        lines=(*described, *money.lines()),
        treated=arms.names[1],
        hold_out=arms.names[0],
        n_treated=n_treated,
        n_hold_out=n - n_treated,
        alpha=alpha,
        srm_p_value=math.nan
        if planned_share is None
        else float(binomtest(n_treated, n, planned_share).pvalue),
        n_not_followed=int(((found.n_orders > 0) & ~found.followed).sum()),
        largest_share=_largest_share(found.revenue[arms.treated]),
        is_over=span.end is None or span.newest >= span.end - MICROS_PER_DAY,
    )


_RULES: dict[str, Rule] = {
    "variant": InstanceOf((str,), "the name of a column"),
    "days": Between(1, 3660, integer=True),
    "retention_days": Between(1, 3660, integer=True),
    "fixed_cost": Between(0.0, math.inf, open_high=True),
    "margin": Between(0.0, 1.0, open_low=True),
    "satisfaction": OneOf(("mean", "top")),
    "top": Between(-math.inf, math.inf, open_low=True, open_high=True),
    "adjust": InstanceOf((list, tuple), "a list of columns"),
    "history_days": Optional(Between(1, 36_600, integer=True)),
    "planned_share": Optional(Between(0.0, 1.0, open_low=True, open_high=True)),
    "alpha": Between(0.0, 0.5, open_low=True),
}


def _span(orders: Orders, starts_at: object, days: int, as_of: object) -> Span:
    newest = to_micros(orders.moment(as_of, owner=_OWNER))
    if starts_at is None:
        return Span(None, None, newest)
    start = to_micros(as_moment(starts_at, owner=_OWNER, name="starts_at"))
    if start > newest:
        message = (
            f"{_OWNER}: the newest order is before starts_at, so nothing could have come of the "
            f"campaign yet. Give newer orders."
        )
        raise InvalidDataError(message, column="ordered_at")
    return Span(start, start + days * MICROS_PER_DAY, newest)


def _all(arms: Arms) -> NDArray[np.bool_]:
    return np.ones(len(arms.ids), dtype=np.bool_)


def _means(
    arms: Arms, found: OrderValues, span: Span, costs: float | IntoFrame | None
) -> tuple[MeanPair, bool]:
    """Return means of orders, revenue and cost in both arms, and whether a cost is known."""
    cost = np.zeros(len(arms.ids)) if costs is None else cost_values(costs, arms, span)
    before = [column[:, None] for column in arms.columns.values()]
    if found.history is not None:
        before.append(found.history)
    covariates = np.hstack(before) if before else None
    values = np.column_stack([found.n_orders, found.revenue, cost])
    return compare_means(values, arms.treated, covariates), costs is not None


def _satisfaction(
    ratings: IntoFrame, arms: Arms, span: Span, kind: str, top: float, alpha: float
) -> ScorecardLine:
    rating, place = rating_values(ratings, arms, span)
    given = (rating >= top).astype(np.float64) if kind == "top" else rating
    n = len(arms.ids)
    count = np.bincount(place, minlength=n).astype(np.float64)
    total = sums(place, given, n)
    found = compare_ratios(total, count, arms.treated, alpha, counted=count > 0)
    return _line("top_box_share" if kind == "top" else "mean_rating", found)


def _largest_share(revenue: Floats) -> float:
    positive = np.maximum(revenue, 0.0)
    total = float(positive.sum())
    return float(positive.max(initial=0.0)) / total if total else 0.0


def _line(measure: str, found: Difference) -> ScorecardLine:
    return ScorecardLine(
        measure=measure,
        value=found.value,
        region=found.region,
        treated=found.treated,
        hold_out=found.hold_out,
        relative=found.relative,
        relative_region=found.relative_region,
        p_value=found.p_value,
        n_treated=found.n_treated,
        n_hold_out=found.n_hold_out,
    )


_ORDERS, _REVENUE, _COST = np.eye(3)


class _Money:
    """Turns differences per customer into totals, profit and return.

    Parameters
    ----------
    pair : MeanPair
        Of orders, revenue and cost.
    margin, alpha : float
    fixed_cost : float
        NaN if no cost is known.
    """

    def __init__(self, pair: MeanPair, margin: float, fixed_cost: float, alpha: float) -> None:
        self._pair = pair
        self._margin = margin
        self._fixed = fixed_cost
        self._alpha = alpha
        self._n = float(pair.counts[1])

    def lines(self) -> Iterator[ScorecardLine]:
        for measure, weights in (
            ("orders_per_customer", _ORDERS),
            ("revenue_per_customer", _REVENUE),
        ):
            yield _line(measure, compare_totals(self._pair, weights, self._alpha))
        yield self._total("incremental_orders", _ORDERS * self._n)
        yield self._total("incremental_revenue", _REVENUE * self._n)
        if math.isnan(self._fixed):
            return
        profit = (self._margin * _REVENUE - _COST) * self._n
        yield self._total("incremental_profit", profit, less=self._fixed)
        yield self._quotient("roi", self._margin * _REVENUE, over=_COST, less=1.0)
        yield self._quotient("cost_per_incremental_order", _COST, over=_ORDERS, less=0.0)

    def _total(self, measure: str, weights: Floats, less: float = 0.0) -> ScorecardLine:
        found = compare_totals(self._pair, weights, self._alpha)
        p_value = self._pair.p_value(weights, less)
        return self._made(measure, found.value - less, found.region.shift(-less), p_value)

    def _quotient(self, measure: str, top: Floats, *, over: Floats, less: float) -> ScorecardLine:
        pair, n = self._pair, self._n
        above = pair.effect(top) * n + (self._fixed if top is _COST else 0.0)
        below = pair.effect(over) * n + (self._fixed if over is _COST else 0.0)
        region = fieller_set(
            above, below,
            variance=pair.covariance(top, top) * n * n,
            denominator_variance=pair.covariance(over, over) * n * n,
            covariance=pair.covariance(top, over) * n * n,
            critical=pair.critical(top if over is _COST else over, self._alpha),
        )  # fmt: skip
        value = above / below - less if below else math.nan
        p_value = math.nan
        if measure == "roi" and below:
            p_value = self._total("incremental_profit", (top - over) * n, self._fixed).p_value
        return self._made(measure, value, region.shift(-less), p_value)

    def _made(
        self, measure: str, value: float, region: ConfidenceSet, p_value: float
    ) -> ScorecardLine:
        return ScorecardLine(
            measure=measure, value=value, region=region, p_value=p_value,
            n_treated=self._pair.counts[1], n_hold_out=self._pair.counts[0],
        )  # fmt: skip
