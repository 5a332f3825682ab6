"""The sample shop's parameters: who its customers are, what it sells, when they buy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ADVERTISING",
    "AGE",
    "APP_SHARE",
    "ARRIVAL_END",
    "ARRIVAL_START",
    "BASKET",
    "BROWSER_SHARE",
    "CATEGORIES",
    "CATEGORY_COST",
    "CATEGORY_LIKING",
    "CATEGORY_PRICE",
    "CATEGORY_RETURNS",
    "CATEGORY_SHARE",
    "COUNTRY_SHARE",
    "DEVICES",
    "DISCOUNT_SHARE",
    "DROPOUTS_PER_YEAR",
    "DROPOUT_SHAPE",
    "HOUR",
    "MONTH",
    "OFFER_CHANCE",
    "OFFER_DAYS",
    "ORDERS_PER_YEAR",
    "RATE_SHAPE",
    "RETURNS",
    "SEGMENTS",
    "SEGMENT_SHARE",
    "SPEND_SHAPE",
    "TIERS",
    "TIER_PRICE",
    "TIER_SHARE",
    "TOUCH_COST",
    "WEEKDAY",
]


def _row(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _rows(*rows: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64)


def _mean_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = values / values.mean(axis=-1, keepdims=True)
    return scaled


SEGMENTS: tuple[str, ...] = ("family", "bargain", "enthusiast", "gift", "occasional")
SEGMENT_SHARE: NDArray[np.float64] = _row(0.24, 0.24, 0.12, 0.22, 0.18)

BROWSER_SHARE: float = 0.1
"""Customers who register and look around, but never buy."""

# How often they buy and how fast they leave: Pareto/NBD within each segment.
RATE_SHAPE: float = 0.9
ORDERS_PER_YEAR: NDArray[np.float64] = _row(9.5, 6.0, 18.0, 3.6, 2.0)
DROPOUT_SHAPE: float = 1.1
DROPOUTS_PER_YEAR: NDArray[np.float64] = _row(0.35, 0.7, 0.25, 0.8, 1.6)

# How much they buy: further lines per order and the spread of spending between customers.
SPEND_SHAPE: float = 5.0
BASKET: NDArray[np.float64] = _row(1.6, 0.8, 1.2, 0.9, 0.5)
DISCOUNT_SHARE: NDArray[np.float64] = _row(0.12, 0.45, 0.06, 0.15, 0.12)
RETURNS: NDArray[np.float64] = _row(0.9, 1.2, 0.7, 1.0, 1.5)

# What they buy.
CATEGORIES: tuple[str, ...] = (
    "Kitchen", "Home", "Clothing", "Beauty", "Toys", "Books", "Sports", "Electronics",
)  # fmt: skip
CATEGORY_SHARE: NDArray[np.float64] = _row(0.15, 0.17, 0.17, 0.12, 0.11, 0.1, 0.1, 0.08)
CATEGORY_PRICE: NDArray[np.float64] = _row(14, 19, 27, 12, 16, 11, 24, 55)
CATEGORY_COST: NDArray[np.float64] = _row(0.52, 0.5, 0.45, 0.4, 0.55, 0.62, 0.55, 0.72)
CATEGORY_RETURNS: NDArray[np.float64] = _row(0.03, 0.04, 0.14, 0.03, 0.04, 0.02, 0.06, 0.1)
CATEGORY_LIKING: NDArray[np.float64] = _rows(
    (0.6, 0.6, 0.6, 0.2, 0.9, 0.3, 0.3, 0.2),
    (0.4, 0.5, 0.7, 0.5, 0.2, 0.2, 0.3, 0.3),
    (0.2, 0.2, 0.4, 0.3, 0.2, 0.5, 0.8, 0.9),
    (0.4, 0.5, 0.2, 0.7, 0.5, 0.6, 0.2, 0.2),
    (0.4, 0.5, 0.6, 0.4, 0.3, 0.4, 0.4, 0.3),
)
"""Dirichlet weights of each segment for each category."""

TIERS: tuple[str, ...] = ("budget", "standard", "premium")
TIER_PRICE: NDArray[np.float64] = _row(0.55, 1.0, 2.1)
TIER_SHARE: NDArray[np.float64] = _rows(
    (0.3, 0.55, 0.15), (0.75, 0.22, 0.03), (0.1, 0.4, 0.5), (0.2, 0.5, 0.3), (0.4, 0.5, 0.1)
)

# When they buy: factors with mean 1 on the customer's own rate.
MONTH: NDArray[np.float64] = _mean_one(
    _row(0.85, 0.8, 0.9, 0.92, 0.97, 0.93, 0.85, 0.82, 0.95, 1.05, 1.4, 1.56)
)
"""January to December."""

WEEKDAY: NDArray[np.float64] = _mean_one(_row(1.05, 1.0, 0.97, 0.95, 0.9, 0.98, 1.15))
"""Monday to Sunday."""

_DAYTIME = (1, 1, 1, 1, 1, 2, 5, 10, 18, 28, 34, 33, 30, 28, 27, 26, 25, 24, 24, 26, 26, 20, 10, 4)
_EVENING = (4, 2, 1, 1, 1, 1, 3, 6, 9, 11, 13, 15, 18, 16, 14, 14, 16, 19, 25, 36, 45, 42, 28, 12)
_LUNCHTIME = (2, 1, 1, 1, 1, 1, 4, 8, 12, 15, 19, 30, 46, 36, 19, 15, 15, 18, 20, 22, 22, 18, 10, 5)
HOUR: NDArray[np.float64] = _mean_one(_rows(_EVENING, _LUNCHTIME, _EVENING, _DAYTIME, _LUNCHTIME))
"""Midnight to 23:00 UTC, by segment."""

# Where they come from and how they are reached.
ADVERTISING: tuple[str, ...] = ("search", "social", "affiliate", "display", "email", "direct")
TOUCH_COST: NDArray[np.float64] = _row(0.45, 0.3, 0.8, 0.03, 0.01, 0.0)
ARRIVAL_START: NDArray[np.float64] = _row(0.38, 0.12, 0.14, 0.16, 0.02, 0.18)
ARRIVAL_END: NDArray[np.float64] = _row(0.30, 0.34, 0.08, 0.06, 0.04, 0.18)
"""Shares of channels that bring new customers, moving from start to end of the period."""

# The randomised campaign.
OFFER_DAYS: int = 28
OFFER_CHANCE: NDArray[np.float64] = _row(0.1, 0.24, 0.0, 0.14, 0.05)
"""Chance that the offer makes a customer who still buys place one more order, by segment."""

# Who they are.
COUNTRY_SHARE: NDArray[np.float64] = _row(0.42, 0.18, 0.14, 0.16, 0.1)
AGE: NDArray[np.float64] = _row(39, 43, 33, 52, 30)
APP_SHARE: NDArray[np.float64] = _row(0.45, 0.35, 0.65, 0.15, 0.25)
DEVICES: tuple[str, ...] = ("mobile", "desktop", "tablet")
