"""The arithmetic of preferences: counts that fade, term frequency, rarity, and ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from userportrait.features._events_counts import is_new, run_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DEFAULT_WEIGHTS", "Interests", "best_rows", "fade", "ranked_rows", "rarity"]

DEFAULT_WEIGHTS: dict[str, float] = {"purchase": 1.0, "return": -1.0, "cart": 0.3, "view": 0.1}
"""What each behaviour counts; purchases and returns come from order lines, all else from events."""

_DIGITS = 12
_DUST = 1e-12
"""What rounding may leave of behaviour that cancels out, as a share of it."""


class Interests(NamedTuple):
    """One row per customer and value with a positive interest, sorted by both."""

    customer: NDArray[np.int64]
    code: NDArray[np.int64]
    interest: NDArray[np.float64]

    @property
    def share(self) -> NDArray[np.float64]:
        """Each interest as a share of all of its customer's."""
        totals = np.bincount(self.customer, weights=self.interest)
        return np.asarray(self.interest / totals[self.customer])


def fade(
    customer: NDArray[np.int64],
    code: NDArray[np.int64],
    day: NDArray[np.int64],
    behaviour: NDArray[np.int64],
    times: NDArray[np.int64],
    *,
    weights: Sequence[float],
    half_life_days: float,
) -> Interests:
    """Sum weighted counts that halve with time, and keep what is positive.

    Parameters
    ----------
    customer, code, day, behaviour : ndarray of int64
        Distinct rows, sorted by these keys in turn, so that sums have one order.
    times : ndarray of int64
        How often each row comes.
    weights : sequence of float
        By behaviour.
    half_life_days : float
    """
    told = np.array(list(weights), dtype=np.float64)
    amount = times * told[behaviour] * _decay(customer, day, half_life_days)
    starts = is_new(customer, code)
    pair = np.cumsum(starts) - 1
    interest = np.bincount(pair, weights=amount).astype(np.float64)
    interest[interest <= _DUST * np.bincount(pair, weights=np.abs(amount))] = 0.0
    liked = interest > 0
    return Interests(customer[starts][liked], code[starts][liked], interest[liked])


def _decay(
    customer: NDArray[np.int64], day: NDArray[np.int64], half_life_days: float
) -> NDArray[np.float64]:
    """Return what is left of each day's behaviour on the customer's newest day.

    Term frequencies are the same as with the day of the build, because what happens to all of
    a customer's interests cancels out; and nothing gets too small to tell.
    """
    newest = np.full(int(customer.max(initial=-1)) + 1, np.iinfo(np.int64).min)
    np.maximum.at(newest, customer, day)
    age = newest[customer] - day
    halves = [2.0 ** (-d / half_life_days) for d in range(int(age.max(initial=0)) + 1)]
    return np.asarray(np.array(halves, dtype=np.float64)[age])


def rarity(n_customers: int, n_liking: NDArray[Any]) -> NDArray[np.float64]:
    """Return the inverse document frequency of values, smoothed as in scikit-learn."""
    return np.asarray(1.0 + np.log((1.0 + n_customers) / (1.0 + n_liking)))


def best_rows(customer: NDArray[np.int64], score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return each customer's row with the highest score; of several the first.

    Rows are sorted by customer and value; scores that agree to 12 decimals are ties.
    """
    rounded = np.round(score, _DIGITS)
    best = np.zeros(int(customer.max(initial=-1)) + 1)
    np.maximum.at(best, customer, rounded)
    rows = np.flatnonzero(rounded == best[customer])
    return np.asarray(rows[is_new(customer[rows])])


def ranked_rows(
    customer: NDArray[np.int64], code: NDArray[np.int64], score: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows by customer, best first, and each one's rank within its customer from 0."""
    rounded = np.round(score, _DIGITS)
    order = np.lexsort((code, -rounded, customer))
    starts = np.flatnonzero(is_new(customer[order]))
    lengths = run_lengths(starts, len(order))
    rank = np.arange(len(order)) - np.repeat(starts, lengths)
    return order, rank
