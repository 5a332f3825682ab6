"""What a customer's orders say of each category, as known at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait._core.units import MICROS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.predict._next_category_lines import Purchases

    Floats: TypeAlias = NDArray[np.float64]
    Codes: TypeAlias = NDArray[np.int64]

__all__ = ["FEATURES", "Market", "blocks", "category_features", "own_counts", "read_market"]

FEATURES = ("own_share", "own_main", "own_recent", "own_orders", "transition", "is_last")

_PULL = 2.0
"""Orders that a customer's shares are pulled to everybody's by."""
_PULL_NEXT = 20.0
_PULL_RECENT = 20.0
_FLAT = 0.2
"""Share of the categories' shares that is even: a rare category is no proof of anything."""
_CELLS = 2_000_000
"""Customers by categories that are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """What all customers' orders say of the categories, up to a moment.

    Parameters
    ----------
    shares : ndarray of shape (n_categories,)
        Of orders, by main category.
    base : ndarray of shape (n_categories,)
        Logarithms of the mean of `shares` and those of the newest orders.
    parts, held : ndarray of shape (n_categories,)
        Mean share of an order, and share of pairs of order and category.
    transitions : ndarray of shape (n_categories + 1, n_categories)
        Logarithm of how much likelier a main category follows another than anywhere; 0 in
        the last row, which stands for no order.
    """

    shares: Floats
    base: Floats
    parts: Floats
    held: Floats
    transitions: Floats


def read_market(purchases: Purchases, moment: int, recent_days: float) -> Market:
    """Return the shares of all orders at or before a moment."""
    p, size = purchases, len(purchases.categories)
    is_past = p.at <= moment
    main, customer = p.main[is_past], p.customer[is_past]
    shares = _shares(np.bincount(main, minlength=size))
    newest = main[p.at[is_past] > moment - recent_days * MICROS_PER_DAY]
    recent = np.bincount(newest, minlength=size) + _PULL_RECENT * shares
    inside = is_past[p.order]
    category = p.category[inside]
    follows = customer[1:] == customer[:-1]
    pairs = main[:-1][follows] * size + main[1:][follows]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    lifts = _lifts(counts, _shares(counts.sum(axis=0)), _PULL_NEXT)
    return Market(
        shares=shares,
        base=np.log(0.5 * shares + 0.5 * recent / recent.sum()),
        parts=_shares(np.bincount(category, weights=p.share[inside], minlength=size)),
        held=_shares(np.bincount(category, minlength=size)),
        transitions=np.vstack([lifts, np.zeros(size)]),
    )


def _shares(counts: NDArray[np.generic]) -> Floats:
    """Return shares, with one order more for each category so that none is 0."""
    more = np.asarray(counts, dtype=np.float64) + 1.0
    found: Floats = more / more.sum()
    return found


def _lifts(counts: NDArray[np.generic], shares: Floats, pull: float) -> Floats:
    """Return the logarithm of a row's shares over everybody's, pulled to 0."""
    n = np.asarray(counts, dtype=np.float64)
    level = (1.0 - _FLAT) * shares + _FLAT / len(shares)
    total = n.sum(axis=1, keepdims=True) + pull
    found: Floats = np.log((n + pull * level) / (total * level))
    return found


def blocks(n_customers: int, n_categories: int) -> Iterator[tuple[int, int]]:
    """Return ranges of customers that are small enough to be worked on at once."""
    size = max(1, _CELLS // max(n_categories, 1))
    for low in range(0, n_customers, size):
        yield low, min(low + size, n_customers)


def category_features(
    purchases: Purchases,
    market: Market,
    moment: int,
    half_life_days: float,
    block: tuple[int, int],
) -> Floats:
    """Return the features of a range of customers at a moment.

    Returns
    -------
    ndarray of shape (n_customers, n_categories, n_features)
        In the order of `FEATURES`: logarithms of the customer's share over everybody's (of the
        money, of main categories, of the money with older orders fading, of orders that hold
        the category), that of the category after the last one, and whether it is the last one.
    """
    p, size = purchases, len(purchases.categories)
    low, high = block
    n = high - low
    rows = _past_rows(p, moment, block)
    ends = [rows[0], rows[-1] + 1] if len(rows) else [0, 0]
    begin, end = (int(at) for at in np.searchsorted(p.order, ends))
    entries = begin + np.flatnonzero(p.at[p.order[begin:end]] <= moment)
    place = (p.customer[p.order[entries]] - low) * size + p.category[entries]
    share, age = p.share[entries], (moment - p.at[p.order[entries]]) / MICROS_PER_DAY

    def counted(weights: Floats | None) -> NDArray[np.generic]:
        return np.bincount(place, weights=weights, minlength=n * size).reshape(n, size)

    last = np.full(n, -1, dtype=np.int64)
    last[p.customer[rows] - low] = p.main[rows]  # the last of a customer's rows stays
    found = np.zeros((n, size, len(FEATURES)))
    found[:, :, 0] = _lifts(counted(share), market.parts, _PULL)
    found[:, :, 1] = _lifts(own_counts(p, moment, block), market.shares, _PULL)
    found[:, :, 2] = _lifts(counted(share * 0.5 ** (age / half_life_days)), market.parts, _PULL)
    found[:, :, 3] = _lifts(counted(None), market.held, _PULL)
    found[:, :, 4] = market.transitions[last]
    known = np.flatnonzero(last >= 0)
    found[known, last[known], 5] = 1.0
    return found


def own_counts(purchases: Purchases, moment: int, block: tuple[int, int]) -> Codes:
    """Return how many orders of each main category each customer has had by a moment."""
    low, high = block
    size = len(purchases.categories)
    rows = _past_rows(purchases, moment, block)
    place = (purchases.customer[rows] - low) * size + purchases.main[rows]
    counts: Codes = np.bincount(place, minlength=(high - low) * size)
    return counts.reshape(high - low, size)


def _past_rows(purchases: Purchases, moment: int, block: tuple[int, int]) -> Codes:
    begin, end = (int(at) for at in np.searchsorted(purchases.customer, block))
    found: Codes = begin + np.flatnonzero(purchases.at[begin:end] <= moment)
    return found
