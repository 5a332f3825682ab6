"""Bounds of all looks of a plan, with or without a stop where success has become unlikely."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from scipy.optimize import brentq
from scipy.special import ndtri

from userportrait.experiment._boundaries import (
    LARGEST,
    Exits,
    Walk,
    around,
    exits,
    last_bound,
    shaped_bounds,
    solve_above,
    solve_inside,
    spent_bounds,
)
from userportrait.experiment._spending import Spending

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bounds", "Recipe", "find_bounds"]

SHAPES = {"pocock": 0.5, "obrien-fleming": 0.0, "wang-tsiatis": 0.25}
"""Exponents of the classical bounds; the last is a default."""
INTERIM_SHARE = 0.02
"""Significance at each look before the last, as a share of alpha: 0.001 of 0.05."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the bounds of all looks.

    Parameters
    ----------
    times : tuple of float
        Information of each look as a share of the planned one.
    boundary : str or Spending
    shape : float, optional
    alpha : float
        Of one side.
    two_sided : bool
    futility : Spending, optional
        How the chance to miss an effect is spent.
    beta : float
        Chance to miss the effect that the futility bounds are made for.
    binding : bool
        Whether the upper bounds count on a stop for futility.
    """

    times: tuple[float, ...]
    boundary: str | Spending
    shape: float | None
    alpha: float
    two_sided: bool
    futility: Spending | None = None
    beta: float = 0.2
    binding: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the statistic, turned so that up is what the alternative asks for.

    Parameters
    ----------
    times : tuple of float
    upper : tuple of float
    futility : tuple of float, optional
        Lower bounds of a one-sided test, half-widths around 0 of a two-sided one.
    two_sided : bool
    drift : float
        Mean of the last statistic under the effect that futility was made for; else NaN.
    """

    times: tuple[float, ...]
    upper: tuple[float, ...]
    futility: tuple[float, ...] | None
    two_sided: bool
    drift: float = math.nan

    def exits(self, drift: float, *, futility: bool = True) -> Exits:
        """Return the probabilities to stop at each look under a drift."""
        found = self.futility if futility else None
        lower = (
            [-bound for bound in self.upper] if self.two_sided else [-math.inf] * len(self.upper)
        )
        if found is not None and not self.two_sided:
            lower = list(found)
        inner = found if self.two_sided else None
        return exits(lower, self.upper, self.times, drift=drift, inner=inner)

    def region(self, look: int, *, futility: bool) -> list[tuple[float, float]]:
        """Return where a walk goes on after a look, as limits of the walk itself."""
        root = math.sqrt(self.times[look])
        high = self.upper[look] * root
        stop = self.futility[look] * root if futility and self.futility is not None else None
        if self.two_sided:
            return around(-high, high, max(stop or 0.0, 0.0))
        return [(-math.inf if stop is None else stop, high)]


@lru_cache(maxsize=512)
def find_bounds(recipe: Recipe) -> Bounds:
    """Return the bounds of all looks."""
    if recipe.futility is None:
        return Bounds(recipe.times, _upper(recipe), None, recipe.two_sided)
    upper = None if recipe.binding else _upper(recipe)
    fixed = float(-ndtri(recipe.alpha) - ndtri(recipe.beta))

    def excess(drift: float) -> float:
        return _missed(recipe, upper, drift)[2]

    low, high = 0.7 * fixed, 1.2 * fixed
    while excess(low) <= 0.0:
        low *= 0.7
    while excess(high) >= 0.0:
        high *= 1.2
    drift = float(brentq(excess, low, high, xtol=1e-10))
    found, stops, _ = _missed(recipe, upper, drift)
    return Bounds(recipe.times, found, (*stops[:-1], found[-1]), recipe.two_sided, drift)


def _upper(recipe: Recipe) -> tuple[float, ...]:
    if isinstance(recipe.boundary, Spending):
        spends = _steps(recipe.boundary, recipe.times, recipe.alpha)
        return spent_bounds(recipe.times, spends, two_sided=recipe.two_sided)
    if recipe.boundary == "haybittle-peto":
        share = INTERIM_SHARE if recipe.shape is None else recipe.shape
        early = (float(-ndtri(recipe.alpha * share)),) * (len(recipe.times) - 1)
        last = last_bound(recipe.times, early, recipe.alpha, two_sided=recipe.two_sided)
        return (*early, last)
    shape = SHAPES[recipe.boundary] if recipe.shape is None else recipe.shape
    return shaped_bounds(recipe.times, recipe.alpha, shape, two_sided=recipe.two_sided)


def _steps(spending: Spending, times: Sequence[float], total: float) -> tuple[float, ...]:
    """Return what is spent at each look; the last look spends all that is left."""
    return spending.steps((*times[:-1], 1.0), total)


def _missed(
    recipe: Recipe, upper: tuple[float, ...] | None, drift: float
) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Return upper bounds, futility bounds, and how much the misses exceed what is allowed.

    The bounds meet at the last look, whose misses depend on the drift: the right drift is the
    one at which they add up.
    """
    under, null = Walk(drift), Walk()
    misses = _steps(recipe.futility or Spending(), recipe.times, recipe.beta)
    boundary = recipe.boundary if isinstance(recipe.boundary, Spending) else Spending()
    alarms = _steps(boundary, recipe.times, recipe.alpha)
    highs, stops = list[float](), list[float]()
    spent = 0.0
    for look, time in enumerate(recipe.times):
        last = look + 1 == len(recipe.times)
        high = solve_above(null, time, alarms[look]) if upper is None else upper[look]
        stop = high if last else min(_stop(recipe, under, time, misses[look]), high)
        spent += _chance(recipe, under, time, stop)
        highs.append(high)
        stops.append(stop)
        if not last:
            root = math.sqrt(time)
            low = -high * root if recipe.two_sided else stop * root
            region = around(low, high * root, max(stop, 0.0) * root if recipe.two_sided else 0.0)
            under.step(time, region, recipe.times[look + 1])
            if upper is None:
                null.step(time, region, recipe.times[look + 1])
    return tuple(highs), tuple(stops), spent - recipe.beta


def _stop(recipe: Recipe, walk: Walk, time: float, target: float) -> float:
    if recipe.two_sided:
        return min(solve_inside(walk, time, target), LARGEST)
    mirrored = Walk(-walk.drift, walk.time, -walk.nodes, walk.mass)
    return -solve_above(mirrored, time, target)


def _chance(recipe: Recipe, walk: Walk, time: float, stop: float) -> float:
    limit = stop * math.sqrt(time)
    if recipe.two_sided:
        return walk.above(-limit, time) - walk.above(limit, time)
    return walk.below(limit, time)
