"""Boundaries of repeated looks, by numerical integration of a Brownian motion that may stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Regions: TypeAlias = Sequence[tuple[float, float]]

__all__ = [
    "LARGEST",
    "Exits",
    "Walk",
    "around",
    "clip_regions",
    "exits",
    "grid",
    "last_bound",
    "shaped_bounds",
    "solve_above",
    "solve_inside",
    "spent_bounds",
]

_ORDER = 32
"""Nodes of one panel of the Gauss-Legendre rule."""
_PANEL = 14.0
"""Width of a panel, in standard deviations of the narrowest factor of what is integrated."""
_FAR = 7.0
"""Mass beyond so many standard deviations is below what a float adds to 1."""
LARGEST = 37.5
"""The largest normal quantile whose tail is a positive float."""


@cache
def _rule() -> tuple[Floats, Floats]:
    """Return nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    return (nodes + 1.0) / 2.0, weights / 2.0


def _panels(low: float, high: float, scale: float) -> tuple[Floats, Floats]:
    count = max(1, math.ceil((high - low) / (_PANEL * scale)))
    nodes, weights = _rule()
    width = (high - low) / count
    starts = low + width * np.arange(count)
    return (starts[:, None] + width * nodes).ravel(), np.tile(width * weights, count)


def grid(regions: Regions, scale: float) -> tuple[Floats, Floats]:
    """Return nodes and weights of a rule for what changes over `scale`, over some regions."""
    found = [_panels(low, high, scale) for low, high in regions]
    if not found:
        return np.zeros(1), np.zeros(1)
    return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


@dataclass(slots=True)
class Walk:
    """Paths of a Brownian motion with drift that have not stopped yet.

    Parameters
    ----------
    drift : float, default=0.0
        Mean at time 1.

    Notes
    -----
    The density after each look is kept on the nodes of a composite Gauss-Legendre rule; the
    next look integrates it against the normal density of the increment. The integrand is a
    product of normal densities, so panels of a few of its standard deviations give 12 digits
    and more. This is the recursion of Armitage, McPherson and Rowe. [1]_

    References
    ----------
    .. [1] Jennison and Turnbull (2000), "Group Sequential Methods with Applications to
       Clinical Trials", chapter 19.
    """

    drift: float = 0.0
    time: float = 0.0
    nodes: Floats = field(default_factory=lambda: np.zeros(1))
    mass: Floats = field(default_factory=lambda: np.ones(1))

    def _scaled(self, limit: float, time: float) -> Floats:
        gap = time - self.time
        return (self.nodes + self.drift * gap - limit) / math.sqrt(gap)

    def above(self, limit: float, time: float) -> float:
        """Return the probability to be still walking and above a limit at this time."""
        return float(self.mass @ ndtr(self._scaled(limit, time)))

    def log_above(self, limit: float, time: float) -> float:
        """Return the logarithm of `above`, which does not underflow."""
        kept = self.mass > 0.0
        if not kept.any():
            return -math.inf
        tails = np.log(self.mass[kept]) + log_ndtr(self._scaled(limit, time)[kept])
        return float(logsumexp(tails))

    def below(self, limit: float, time: float) -> float:
        """Return the probability to be still walking and below a limit at this time."""
        return float(self.mass @ ndtr(-self._scaled(limit, time)))

    def slope(self, limit: float, time: float) -> float:
        """Return the density at a limit at this time."""
        root = math.sqrt(time - self.time)
        scaled = self._scaled(limit, time)
        return float(self.mass @ np.exp(-0.5 * scaled * scaled)) / (root * math.sqrt(2 * math.pi))

    @property
    def alive(self) -> float:
        """Probability that the walk has not stopped."""
        return float(self.mass.sum())

    def step(self, time: float, regions: Regions, next_time: float) -> None:
        """Go on to a time, and stop every path that is outside the regions then.

        The time after that decides how fine the nodes must be.
        """
        gap, root = time - self.time, math.sqrt(time)
        centre, ahead = self.drift * time, next_time - time
        # The density changes as fast as the last increment lets it near a bound, and what it
        # is multiplied with next as fast as the next one.
        scale = math.sqrt(min(gap, time * ahead / next_time if ahead > 0.0 else time))
        nodes, weights = grid(clip_regions(regions, centre, root), scale)
        spread = math.sqrt(gap)
        kernel = np.subtract.outer((nodes - self.drift * gap) / spread, self.nodes / spread)
        np.multiply(kernel, kernel, out=kernel)
        kernel *= -0.5
        np.exp(kernel, out=kernel)
        density = kernel @ self.mass
        self.mass = density * weights / (spread * math.sqrt(2.0 * math.pi))
        self.time, self.nodes = time, nodes


def clip_regions(regions: Regions, centre: float, root: float) -> list[tuple[float, float]]:
    """Return the parts of the regions that hold any mass that counts.

    Tails within finite limits are kept as far as floats go: a tiny probability to go on and
    then cross matters as a share of itself. Endless ones are cut, the upper one further out,
    since walks are turned so that up is what counts.
    """
    kept: list[tuple[float, float]] = []
    for low, high in regions:
        below = LARGEST if math.isfinite(low) else _FAR
        above = LARGEST if math.isfinite(high) else 2.0 * _FAR
        start = max(low, min(centre, 0.0) - below * root)
        stop = min(high, max(centre, 0.0) + above * root)
        if stop > start:
            kept.append((start, stop))
    return kept


@dataclass(frozen=True, slots=True)
class Exits:
    """Probabilities to stop at each look, all arrays of shape (K,).

    Parameters
    ----------
    below, above, inside : ndarray of shape (K,)
        Beyond the lower bound, beyond the upper one, within the inner bounds.
    """

    below: Floats
    above: Floats
    inside: Floats


def exits(
    lower: Sequence[float],
    upper: Sequence[float],
    times: Sequence[float],
    *,
    drift: float = 0.0,
    inner: Sequence[float] | None = None,
) -> Exits:
    """Return the probabilities to stop at each look.

    Parameters
    ----------
    lower, upper : sequence of float, of length K
        Bounds of the statistic, which has variance 1 at every look; infinities where there
        is none.
    times : sequence of float, of length K
        Information as a share of the planned one, ascending, above 0.
    drift : float, default=0.0
        Mean of the statistic at time 1.
    inner : sequence of float of length K, optional
        Half-widths of inner regions around 0 that stop too; 0 where there is none.

    Returns
    -------
    Exits

    Examples
    --------
    >>> from userportrait.experiment._boundaries import exits
    >>> found = exits([-1.96, -1.96], [1.96, 1.96], [0.5, 1.0])
    >>> round(float((found.above + found.below).sum()), 4)
    0.0831
    """
    walk, n = Walk(drift), len(times)
    below, above, inside = np.zeros(n), np.zeros(n), np.zeros(n)
    for look, time in enumerate(times):
        root = math.sqrt(time)
        low, high = lower[look] * root, upper[look] * root
        half = inner[look] * root if inner is not None else 0.0
        below[look], above[look] = walk.below(low, time), walk.above(high, time)
        if half > 0.0:
            inside[look] = walk.above(-half, time) - walk.above(half, time)
        if look + 1 < n:
            walk.step(time, around(low, high, half), times[look + 1])
    return Exits(below, above, inside)


def around(low: float, high: float, half: float) -> list[tuple[float, float]]:
    """Return where a walk goes on: between two bounds, but not near 0."""
    return [(low, -half), (half, high)] if half > 0.0 else [(low, high)]


def solve_above(walk: Walk, time: float, target: float) -> float:
    """Return the statistic above which a walk stops with a given probability at a time.

    The tail of what remains is log-concave, so that Newton's steps on the logarithm come
    down on the answer from above.
    """
    root = math.sqrt(time)
    if target <= 0.0 or walk.above(LARGEST * root, time) >= target:
        return LARGEST if target > 0.0 else math.inf
    if walk.alive <= target:
        return -math.inf
    found, wanted = float(-ndtri(target)) + walk.drift * root, math.log(target)
    for _ in range(100):
        chance = walk.above(found * root, time)
        if chance <= 0.0:
            found -= 1.0
            continue
        change = (math.log(chance) - wanted) * chance / (walk.slope(found * root, time) * root)
        found = min(found + max(change, -4.0), LARGEST)
        if abs(change) < 1e-12 * max(1.0, abs(found)):
            break
    return found


def solve_inside(walk: Walk, time: float, target: float) -> float:
    """Return the half-width around 0 within which a walk stops with a given probability."""
    root = math.sqrt(time)

    def excess(half: float) -> float:
        return walk.above(-half * root, time) - walk.above(half * root, time) - target

    top = 2.0 * _FAR + abs(walk.drift) * root
    if target <= 0.0:
        return 0.0
    return math.inf if excess(top) <= 0.0 else float(brentq(excess, 0.0, top, xtol=1e-12))


def spent_bounds(
    times: Sequence[float], spends: Sequence[float], *, two_sided: bool
) -> tuple[float, ...]:
    """Return upper bounds that are crossed with given probabilities where there is no effect.

    Parameters
    ----------
    times : sequence of float, of length K
        Information, ascending, above 0.
    spends : sequence of float, of length K
        Probability to stop above at each look, not before; 0 for no bound.
    two_sided : bool
        Whether there are lower bounds too, mirrored.

    Returns
    -------
    tuple of float, of length K

    Examples
    --------
    >>> from userportrait.experiment._boundaries import spent_bounds
    >>> [round(bound, 4) for bound in spent_bounds([0.5, 1.0], [0.005, 0.02], two_sided=True)]
    [2.5758, 2.0027]
    """
    walk, found = Walk(), list[float]()
    for look, (time, spend) in enumerate(zip(times, spends, strict=True)):
        bound = solve_above(walk, time, spend)
        found.append(bound)
        if look + 1 < len(times):
            high = bound * math.sqrt(time)
            walk.step(time, [(-high if two_sided else -math.inf, high)], times[look + 1])
    return tuple(found)


def shaped_bounds(
    times: Sequence[float], alpha: float, shape: float, *, two_sided: bool
) -> tuple[float, ...]:
    """Return upper bounds in proportion to a power of the information.

    Parameters
    ----------
    times : sequence of float, of length K
        Information, ascending, 1 at the last look.
    alpha : float
        Probability to cross an upper bound at all where there is no effect.
    shape : float
        The bounds are ``c * time ** (shape - 0.5)``: 0.5 is Pocock's, 0 is O'Brien and
        Fleming's, what lies between is Wang and Tsiatis'.
    two_sided : bool
        Whether there are lower bounds too, mirrored.

    Returns
    -------
    tuple of float, of length K

    Examples
    --------
    >>> from userportrait.experiment._boundaries import shaped_bounds
    >>> [round(bound, 3) for bound in shaped_bounds([0.5, 1.0], 0.025, 0.5, two_sided=True)]
    [2.178, 2.178]
    """
    curve = np.asarray(times, dtype=np.float64) ** (shape - 0.5)

    def excess(scale: float) -> float:
        bounds = np.minimum(scale * curve, LARGEST)
        lower = -bounds if two_sided else np.full(len(bounds), -math.inf)
        chance = float(exits(list(lower), list(bounds), times).above.sum())
        return math.log(max(chance, 1e-320)) - math.log(alpha)

    scale = _secant(excess, *_bracket(curve, alpha))
    return tuple(float(bound) for bound in np.minimum(scale * curve, LARGEST))


def _secant(excess: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of the logarithm of a tail by its own slope and then by secants.

    Four or five steps do, where a bracketing method takes eight; it stands in should they fail.
    """
    before = low + 0.5 * (high - low)
    value = excess(before)
    hazard = math.exp(-0.5 * before * before - float(log_ndtr(-before))) / math.sqrt(2 * math.pi)
    now = min(max(before + value / hazard, low), high)
    for _ in range(12):
        found = excess(now)
        if found == value:
            break
        after = now - found * (now - before) / (found - value)
        before, value, now = now, found, after
        if abs(now - before) < 1e-7:
            return now
        if not low <= now <= high:
            break
    return float(brentq(excess, low, high, xtol=1e-10, rtol=1e-12))


def _bracket(curve: Floats, alpha: float) -> tuple[float, float]:
    """Return scales between which the answer lies: one bound alone, and the sum of all."""
    low = max(float(-ndtri(alpha) / curve.min()), 0.0)
    high = float(-ndtri(alpha / len(curve)) / curve.min())
    return low - 1e-6, high + 1e-6


def last_bound(
    times: Sequence[float], bounds: Sequence[float], alpha: float, *, two_sided: bool
) -> float:
    """Return the bound of the last look that makes all looks cross with probability alpha.

    Parameters
    ----------
    times : sequence of float, of length K
    bounds : sequence of float, of length K - 1
        Upper bounds of the looks before.
    alpha : float
        Probability to cross an upper bound at all where there is no effect.
    two_sided : bool
        Whether there are lower bounds too, mirrored.

    Returns
    -------
    float
        Minus infinity if the looks before cross with probability `alpha` already.
    """
    walk, left = Walk(), alpha
    for look, bound in enumerate(bounds):
        high = bound * math.sqrt(times[look])
        left -= walk.above(high, times[look])
        walk.step(times[look], [(-high if two_sided else -math.inf, high)], times[look + 1])
    return solve_above(walk, times[-1], left) if left > 0.0 else -math.inf
