"""The figures of a shop: totals, segments, scores and concentration, from the tag table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.columns import Column, NumberColumn, TextColumn
from userportrait.errors import InvalidDataError, UnknownTagError
from userportrait.report._facts import fact_of
from userportrait.report._segments import segment_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.portraits import Portraits

__all__ = [
    "Segment",
    "Totals",
    "concentration",
    "number_tag",
    "score_grid",
    "segments_of",
    "shop_totals",
    "text_tag",
]

Floats: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the whole shop amounts to; a figure that the tags do not give is None.

    Parameters
    ----------
    n_customers : int
        With at least one order.
    n_others : int
        Portrayed without an order.
    n_orders : int
    spend : float
        Net of refunds, in the currency.
    repeat_rate : float or None
        Share of the customers with two orders or more.
    repeat_spend_share : float or None
        What those spend, as a share of all.
    mean_order_value : float or None
        Spend by order.
    best_fifth_share : float or None
        Share of the spend that comes from the 20 % of customers who spend most.
    top_customer_share : float or None
        Share of the spend that comes from the one customer who spent most.
    median_recency : float or None
        Days since the last purchase.
    n_recent : int or None
        Customers with a purchase in the last 90 days.
    median_gap : float or None
        Days between two orders of a repeat buyer, the median of the customers' means.
    refunds : float or None
    """

    n_customers: int
    n_others: int
    n_orders: int
    spend: float
    repeat_rate: float | None
    repeat_spend_share: float | None
    mean_order_value: float | None
    best_fifth_share: float | None
    top_customer_share: float | None
    median_recency: float | None
    n_recent: int | None
    median_gap: float | None
    refunds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment of customers.

    Parameters
    ----------
    label : str
        The tag's value.
    n_customers : int
    customer_share, spend_share : float
        Of the customers who have a segment; the spend's is NaN where there is no spend.
    spend : float
    n_orders : int
    mean_order_value, mean_spend : float
        By order and by customer; the first is NaN without an order.
    median_recency, median_orders : float
        Days and orders; the first is NaN where recency is unknown.
    recency_score, frequency_score : float
        Mean scores; NaN where unknown.
    """

    label: str
    n_customers: int
    customer_share: float
    spend: float
    spend_share: float
    n_orders: int
    mean_order_value: float
    mean_spend: float
    median_recency: float
    median_orders: float
    recency_score: float
    frequency_score: float


def number_tag(portraits: Portraits, name: str) -> NumberColumn:
    """Return a tag's numbers.

    Raises
    ------
    UnknownTagError
        If there is no such tag.
    InvalidDataError
        If its values are not numbers.
    """
    column = _tag(portraits, name)
    if not isinstance(column, NumberColumn):
        message = f"tag '{name}' has {column.kind} values; the report needs numbers."
        raise InvalidDataError(message, column=name)
    return column


def text_tag(portraits: Portraits, name: str) -> TextColumn:
    """Return a tag's texts; raises as `number_tag` does."""
    column = _tag(portraits, name)
    if not isinstance(column, TextColumn):
        message = f"tag '{name}' has {column.kind} values; a segment's name must be a text."
        raise InvalidDataError(message, column=name)
    return column


def shop_totals(portraits: Portraits) -> Totals:
    """Add up the shop.

    Raises
    ------
    UnknownTagError
        If the tag ``n_orders`` or ``spend`` is not there; the other tags may be missing.
    """
    orders = number_tag(portraits, "n_orders").values.astype(np.int64)
    spend = number_tag(portraits, "spend").values.astype(np.float64)
    bought = orders > 0
    n = int(bought.sum())
    total = float(spend.sum())
    n_orders = int(orders.sum())
    recency = _known(portraits, "recency", bought)
    gaps = _known(portraits, "mean_gap", orders > 1)
    refunds = _known(portraits, "refunds", np.ones(len(orders), dtype=bool))
    again = orders > 1
    return Totals(
        n_customers=n,
        n_others=len(orders) - n,
        n_orders=n_orders,
        spend=total,
        repeat_rate=float(again.sum()) / n if n else None,
        repeat_spend_share=float(spend[again].sum()) / total if total > 0 else None,
        mean_order_value=total / n_orders if n_orders else None,
        best_fifth_share=_best_fifth(spend[bought]),
        top_customer_share=float(spend.max()) / total if n and total > 0 else None,
        median_recency=None if recency is None else float(np.median(recency)),
        n_recent=None if recency is None else int((recency <= 90).sum()),
        median_gap=None if gaps is None else float(np.median(gaps)),
        refunds=None if refunds is None else float(refunds.sum()),
    )


def segments_of(portraits: Portraits, tag: str = "rfm") -> tuple[Segment, ...]:
    """Return the segments that have customers, best first.

    Parameters
    ----------
    portraits : Portraits
    tag : str, default='rfm'
        The text tag whose values are the segments.

    Raises
    ------
    UnknownTagError
        If this tag, ``n_orders`` or ``spend`` is not there.
    """
    column = text_tag(portraits, tag)
    orders = number_tag(portraits, "n_orders").values.astype(np.int64)
    spend = number_tag(portraits, "spend").values.astype(np.float64)
    measures = {name: _optional(portraits, name) for name in ("recency", "r", "f")}
    n_known = int(column.known.sum())
    total = float(spend[column.known].sum())
    found: list[Segment] = []
    for code, label in enumerate(column.labels):
        inside = column.codes == code
        n = int(inside.sum())
        if n == 0:
            continue
        money, bought = float(spend[inside].sum()), int(orders[inside].sum())
        found.append(
            Segment(
                label=label,
                n_customers=n,
                customer_share=n / n_known,
                spend=money,
                spend_share=money / total if total > 0 else float("nan"),
                n_orders=bought,
                mean_order_value=money / bought if bought else float("nan"),
                mean_spend=money / n,
                median_recency=_summary(np.median, measures["recency"], inside),
                median_orders=float(np.median(orders[inside])),
                recency_score=_summary(np.mean, measures["r"], inside),
                frequency_score=_summary(np.mean, measures["f"], inside),
            )
        )
    worth = {segment.label: segment.mean_spend for segment in found}
    order = segment_order(worth, fact_of(portraits.build, "rfm"))
    return tuple(sorted(found, key=lambda segment: order.index(segment.label)))


def score_grid(portraits: Portraits) -> tuple[NDArray[np.int64], Floats]:
    """Count customers and average their spend for each pair of scores.

    Returns
    -------
    counts : ndarray of int64, shape (n_recency_scores, n_frequency_scores)
        By ``[r - 1, f - 1]``.
    mean_spend : ndarray of float64, same shape
        NaN where there is no customer.

    Raises
    ------
    UnknownTagError
        If the tag ``r``, ``f`` or ``spend`` is not there.
    InvalidDataError
        If nobody has both scores.
    """
    r, f = number_tag(portraits, "r"), number_tag(portraits, "f")
    spend = number_tag(portraits, "spend").values.astype(np.float64)
    known = r.known & f.known
    if not known.any():
        message = "no customer has both scores, 'r' and 'f'; there is nothing to draw."
        raise InvalidDataError(message, column="r")
    rows = r.values[known].astype(np.int64) - 1
    columns = f.values[known].astype(np.int64) - 1
    n = max(int(rows.max()), int(columns.max()), n_scores(portraits) - 1) + 1
    counts = np.zeros((n, n), dtype=np.int64)
    sums = np.zeros((n, n), dtype=np.float64)
    np.add.at(counts, (rows, columns), 1)
    np.add.at(sums, (rows, columns), spend[known])
    means = np.divide(sums, counts, out=np.full((n, n), np.nan), where=counts > 0)
    return counts, means


def n_scores(portraits: Portraits) -> int:
    """Return how many scores there are: as the build says, else the five of quintiles."""
    limits: dict[str, list[float]] = fact_of(portraits.build, "rfm").get("limits") or {}
    return max((len(found) + 1 for found in limits.values()), default=5)


def concentration(spend: Floats, n_groups: int = 10) -> Floats:
    """Return what each tenth of the customers spends, as a share; best customers first.

    Parameters
    ----------
    spend : ndarray of float64
        Of each customer; who got more back than they paid counts as 0.
    n_groups : int, default=10

    Returns
    -------
    ndarray of float64, shape (n_groups,)
        Adds up to 1; all NaN where nothing was spent. A customer at the border of two
        groups counts for both in proportion (the Lorenz curve is interpolated linearly).
    """
    paid = np.sort(np.maximum(spend, 0.0))[::-1]
    if not paid.sum() > 0:
        return np.full(n_groups, np.nan)
    curve: Floats = np.concatenate([[0.0], np.cumsum(paid)]) / paid.sum()
    places = np.linspace(0.0, 1.0, n_groups + 1)
    reached: Floats = np.interp(places, np.linspace(0.0, 1.0, len(curve)), curve)
    return reached[1:] - reached[:-1]


def _best_fifth(spend: Floats) -> float | None:
    shares = concentration(spend, 5)
    return None if np.isnan(shares).any() else float(shares[0])


def _tag(portraits: Portraits, name: str) -> Column:
    columns = portraits.table.columns
    if name not in columns:
        raise UnknownTagError(name, columns)
    return columns[name]


def _optional(portraits: Portraits, name: str) -> NumberColumn | None:
    column = portraits.table.columns.get(name)
    return column if isinstance(column, NumberColumn) else None


def _known(portraits: Portraits, name: str, among: NDArray[np.bool_]) -> Floats | None:
    column = _optional(portraits, name)
    if column is None or not (column.known & among).any():
        return None
    values: Floats = column.values[column.known & among].astype(np.float64)
    return values


def _summary(how: Any, column: NumberColumn | None, inside: NDArray[np.bool_]) -> float:
    rows = None if column is None else inside & column.known
    if column is None or rows is None or not rows.any():
        return float("nan")
    return float(how(column.values[rows]))
