"""Measures of a rule as formulas of its four counts, with every division by zero decided."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import xlogy

from userportrait.patterns._significance import chi_squared as chi_squared_of
from userportrait.patterns._significance import g_statistic as g_statistic_of
from userportrait.patterns._significance import log_p_values, log_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tables", "divide"]

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"

NAN, INF = float("nan"), float("inf")


def divide(
    top: Any, bottom: Any, nothing: float = NAN, *, something: float | None = None
) -> Floats:
    """Divide; where the divisor is 0, give `nothing` for 0 / 0 and `something` for the rest."""
    above, below = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    by_zero = below == 0
    if not by_zero.any():
        return above / below
    above, by_zero = np.broadcast_arrays(above, by_zero)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = above / below
    found[by_zero] = nothing
    if something is not None:
        found[by_zero & (above != 0)] = something
    return found


@dataclass(frozen=True, eq=False)
class Tables:
    """The 2x2 tables of rules: baskets with both sides, with each side, and all.

    Parameters
    ----------
    both, left, right : ndarray of int64 of shape (n_rules,)
        Baskets with both sides, with the antecedent, with the consequent.
    n : int
        All baskets.
    """

    both: Ints
    left: Ints
    right: Ints
    n: int

    @cached_property
    def left_only(self) -> Ints:
        """Baskets with the antecedent and not the whole consequent."""
        return self.left - self.both

    @cached_property
    def right_only(self) -> Ints:
        """Baskets with the consequent and not the whole antecedent."""
        return self.right - self.both

    @cached_property
    def neither(self) -> Ints:
        """Baskets with neither side whole."""
        return self.n - self.left - self.right + self.both

    @cached_property
    def support(self) -> Floats:
        """Share of baskets with both sides."""
        return self.both / self.n

    @cached_property
    def coverage(self) -> Floats:
        """Share of baskets with the antecedent."""
        return self.left / self.n

    @cached_property
    def prevalence(self) -> Floats:
        """Share of baskets with the consequent."""
        return self.right / self.n

    @cached_property
    def confidence(self) -> Floats:
        """Share of the antecedent's baskets that hold the consequent."""
        return self.both / self.left

    @cached_property
    def inverse_confidence(self) -> Floats:
        """Share of the consequent's baskets that hold the antecedent."""
        return self.both / self.right

    @cached_property
    def leverage(self) -> Floats:
        """Support above that of independent sides; exact until the last division."""
        return self.cross / float(self.n) ** 2

    @cached_property
    def expected(self) -> Floats:
        """``left * right``, rounded once."""
        found: Floats = self.left.astype(np.float64) * self.right
        return found

    @cached_property
    def unexpected(self) -> Floats:
        """``left * (n - right)``, rounded once."""
        found: Floats = self.left.astype(np.float64) * (self.n - self.right)
        return found

    @cached_property
    def cross(self) -> Floats:
        """``n * both - left * right``, rounded once."""
        found: Floats = (self.both * self.n - self.left * self.right).astype(np.float64)
        return found


def count(t: Tables) -> Floats:
    return t.both.astype(np.float64)


def support(t: Tables) -> Floats:
    return t.support


def coverage(t: Tables) -> Floats:
    return t.coverage


def prevalence(t: Tables) -> Floats:
    return t.prevalence


def confidence(t: Tables) -> Floats:
    return t.confidence


def lift(t: Tables) -> Floats:
    return t.both * float(t.n) / t.expected


def leverage(t: Tables) -> Floats:
    return t.leverage


def conviction(t: Tables) -> Floats:
    return divide(t.unexpected, t.left_only * float(t.n), INF, something=INF)


def added_value(t: Tables) -> Floats:
    return t.cross / (t.left * float(t.n))


def certainty(t: Tables) -> Floats:
    return divide(t.cross, t.unexpected, 0.0)


def signed_certainty(t: Tables) -> Floats:
    against = t.cross / t.expected
    return np.where(t.cross < 0, against, certainty(t))


def casual_confidence(t: Tables) -> Floats:
    return 0.5 * (t.confidence + divide(t.neither, t.n - t.left))


def casual_support(t: Tables) -> Floats:
    return (t.both + t.neither) / t.n


def chi_squared(t: Tables) -> Floats:
    return chi_squared_of(t.both, t.left, t.right, t.n)


def g_statistic(t: Tables) -> Floats:
    return g_statistic_of(t.both, t.left, t.right, t.n)


def collective_strength(t: Tables) -> Floats:
    left, right = t.left.astype(np.float64), t.right.astype(np.float64)
    agree = (t.both + t.neither).astype(np.float64)
    expected = (left * right + (t.n - left) * (t.n - right)) / t.n
    return divide(agree * (t.n - expected), expected * (t.n - agree), NAN, something=INF)


def confirmed_confidence(t: Tables) -> Floats:
    return (t.both - t.left_only) / t.left


def cosine(t: Tables) -> Floats:
    return t.both / np.sqrt(t.expected)


def counterexample_rate(t: Tables) -> Floats:
    return divide(t.both - t.left_only, t.both)


def difference_of_confidence(t: Tables) -> Floats:
    return t.confidence - divide(t.right_only, t.n - t.left)


def gini(t: Tables) -> Floats:
    # The sum of squares given X and given not X less that without: twice the cross product's
    # square over the margins of X.
    return divide(2 * (t.cross / t.n) ** 2, t.left.astype(np.float64) * (t.n - t.left), 0.0)


def hyper_confidence(t: Tables) -> Floats:
    return -np.expm1(log_tail(t.both, t.left, t.right, t.n))


def hyper_lift(t: Tables) -> Floats:
    return divide(t.both, upper_quantile(t.left, t.right, t.n, 0.99), NAN, something=INF)


def imbalance(t: Tables) -> Floats:
    found: Floats = np.abs(t.left - t.right) / (t.left + t.right - t.both)
    return found


def implication_index(t: Tables) -> Floats:
    return divide(-t.cross, np.sqrt(t.left * float(t.n) * (t.n - t.right)), 0.0) + 0.0


def importance(t: Tables) -> Floats:
    return np.log10((t.both + 1.0) / (t.left_only + 1.0))


def jaccard(t: Tables) -> Floats:
    return t.both / (t.left + t.right - t.both)


def j_measure(t: Tables) -> Floats:
    with_it = xlogy(t.support, lift(t))
    odds = divide(t.left_only * float(t.n), t.unexpected, 1.0)
    return np.asarray(with_it + xlogy(t.left_only / t.n, odds), dtype=np.float64)


def kappa(t: Tables) -> Floats:
    left, right = t.left.astype(np.float64), t.right.astype(np.float64)
    return divide(2 * t.cross, left * (t.n - right) + right * (t.n - left))


def klosgen(t: Tables) -> Floats:
    return np.sqrt(t.support) * added_value(t)


def kulczynski(t: Tables) -> Floats:
    return 0.5 * (t.confidence + t.inverse_confidence)


def goodman_kruskal(t: Tables) -> Floats:
    best = np.maximum(t.right, t.n - t.right)
    given = np.maximum(t.both, t.left_only) + np.maximum(t.right_only, t.neither)
    return divide(given - best, t.n - best)


def laplace(t: Tables) -> Floats:
    return (t.both + 1) / (t.left + 2)


def least_contradiction(t: Tables) -> Floats:
    return (t.both - t.left_only) / t.right


def lerman(t: Tables) -> Floats:
    found: Floats = t.cross / np.sqrt(t.left * float(t.n) * t.right)
    return found


def max_confidence(t: Tables) -> Floats:
    return np.maximum(t.confidence, t.inverse_confidence)


def mutual_information(t: Tables) -> Floats:
    shared = g_statistic(t) / (2 * t.n)
    smaller = np.minimum(_entropy(t.coverage), _entropy(t.prevalence))
    return divide(shared, smaller, 0.0)


def _entropy(share: Floats) -> Floats:
    found = -(xlogy(share, share) + xlogy(1 - share, 1 - share))
    return np.asarray(found, dtype=np.float64)


def odds_ratio(t: Tables) -> Floats:
    top = t.both.astype(np.float64) * t.neither
    return divide(top, t.left_only.astype(np.float64) * t.right_only, NAN, something=INF)


def phi(t: Tables) -> Floats:
    left, right = t.left.astype(np.float64), t.right.astype(np.float64)
    return divide(t.cross, np.sqrt(left * (t.n - left)) * np.sqrt(right * (t.n - right)))


def ralambondrainy(t: Tables) -> Floats:
    return t.left_only / t.n


def relative_linkage_disequilibrium(t: Tables) -> Floats:
    away = t.cross / t.n
    room = np.where(away > 0, np.minimum(t.left_only, t.right_only), -np.minimum(t.both, t.neither))
    return divide(away, away + room, 0.0) + 0.0


def relative_risk(t: Tables) -> Floats:
    top = t.both.astype(np.float64) * (t.n - t.left)
    return divide(top, t.right_only.astype(np.float64) * t.left, NAN, something=INF)


def rule_power_factor(t: Tables) -> Floats:
    return t.support * t.confidence


def sebag(t: Tables) -> Floats:
    return divide(t.both, t.left_only, NAN, something=INF)


def standardised_lift(t: Tables) -> Floats:
    least = np.maximum(t.left + t.right - t.n, 1)
    most = np.minimum(t.left, t.right)
    return divide(t.both - least, most - least, 1.0)


def varying_rates_liaison(t: Tables) -> Floats:
    return t.cross / t.expected


def yule_q(t: Tables) -> Floats:
    same = t.both.astype(np.float64) * t.neither
    other = t.left_only.astype(np.float64) * t.right_only
    return divide(same - other, same + other)


def yule_y(t: Tables) -> Floats:
    same = np.sqrt(t.both.astype(np.float64) * t.neither)
    other = np.sqrt(t.left_only.astype(np.float64) * t.right_only)
    return divide(same - other, same + other)


def zhang(t: Tables) -> Floats:
    one = t.both.astype(np.float64) * (t.n - t.left)
    other = t.left.astype(np.float64) * t.right_only
    return divide(t.cross, np.maximum(one, other), 0.0)


def p_value(t: Tables) -> Floats:
    return np.exp(log_p_values(t.both, t.left, t.right, t.n))


def log10_p_value(t: Tables) -> Floats:
    found: Floats = log_p_values(t.both, t.left, t.right, t.n) / np.log(10.0)
    return found


def upper_quantile(left: Ints, right: Ints, n: int, level: float) -> Ints:
    """Return the least count q with P(C <= q) >= level (0.5 to 0.99), C hypergeometric."""
    share = left / n
    mean = share * right
    deviation = np.sqrt(mean * (1 - share) * ((n - right) / max(n - 1, 1)))
    # The median is within one of the mean, and by Cantelli's inequality no more than
    # 1 / (1 + 100) lies ten deviations above it.
    low = np.maximum(left + right - n, np.floor(mean).astype(np.int64) - 1) - 1
    high: Ints = np.minimum(
        np.minimum(left, right), np.ceil(mean + 10 * deviation).astype(np.int64)
    )
    top = np.log1p(-level)
    while True:  # P(C > low) > 1 - level >= P(C > high)
        open_ = np.flatnonzero(high - low > 1)
        if not len(open_):
            return high
        middle = (low[open_] + high[open_]) // 2
        tail = log_tail(middle + 1, left[open_], right[open_], n)
        enough = tail <= top
        high[open_[enough]] = middle[enough]
        low[open_[~enough]] = middle[~enough]
