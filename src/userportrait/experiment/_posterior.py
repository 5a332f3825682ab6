"""What is known of two means after the data, by integration over that of the control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincc, betaincinv, ndtr

from userportrait.experiment._boundaries import grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.experiment._estimate import Estimate

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["BetaArm", "GaussianArm", "Posterior", "beta_posterior", "gaussian_posterior"]

_REACH = 10.0
_MOST_NODES_SCALE = 400.0


class Arm(Protocol):
    """What is known of the variant's mean for each value of the control's."""

    @property
    def mean(self) -> Floats: ...
    def below(self, limit: Floats) -> Floats:
        """Return the chance to be below a limit."""
        ...

    def above(self, limit: Floats) -> Floats:
        """Return the chance to be above a limit."""
        ...

    def shortfall(self, limit: Floats) -> Floats:
        """Return the expectation of how far below a limit it is, 0 above."""
        ...

    def excess(self, limit: Floats) -> Floats:
        """Return the expectation of how far above a limit it is, 0 below."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class GaussianArm:
    """Normal distributions, one for each value of the control's mean."""

    mean: Floats
    sd: Floats

    def below(self, limit: Floats) -> Floats:
        """Return the chance to be below a limit."""
        found: Floats = ndtr((limit - self.mean) / self.sd)
        return found

    def above(self, limit: Floats) -> Floats:
        """Return the chance to be above a limit."""
        return self.below(2.0 * self.mean - limit)

    def shortfall(self, limit: Floats) -> Floats:
        """Return the expectation of how far below a limit it is, 0 above."""
        scaled = (limit - self.mean) / self.sd
        density = np.exp(-0.5 * scaled * scaled) / math.sqrt(2.0 * math.pi)
        found: Floats = self.sd * (scaled * ndtr(scaled) + density)
        return found

    def excess(self, limit: Floats) -> Floats:
        """Return the expectation of how far above a limit it is, 0 below."""
        return self.shortfall(2.0 * self.mean - limit)


@dataclass(frozen=True, slots=True)
class BetaArm:
    """A beta distribution, the same for each value of the control's rate."""

    a: float
    b: float

    @property
    def mean(self) -> Floats:
        """The mean."""
        return np.asarray(self.a / (self.a + self.b))

    def below(self, limit: Floats) -> Floats:
        """Return the chance to be below a limit."""
        found: Floats = betainc(self.a, self.b, np.clip(limit, 0.0, 1.0))
        return found

    def above(self, limit: Floats) -> Floats:
        """Return the chance to be above a limit."""
        found: Floats = betaincc(self.a, self.b, np.clip(limit, 0.0, 1.0))
        return found

    def shortfall(self, limit: Floats) -> Floats:
        """Return the expectation of how far below a limit it is, 0 above."""
        inside = np.clip(limit, 0.0, 1.0)
        weighted = self.mean * betainc(self.a + 1.0, self.b, inside)
        found: Floats = np.maximum(limit * self.below(limit) - weighted, 0.0)
        return found

    def excess(self, limit: Floats) -> Floats:
        """Return the expectation of how far above a limit it is, 0 below."""
        inside = np.clip(limit, 0.0, 1.0)
        weighted = self.mean * betaincc(self.a + 1.0, self.b, inside)
        found: Floats = np.maximum(weighted - limit * self.above(limit), 0.0)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Joint distribution of two means.

    Parameters
    ----------
    control : ndarray of shape (m,)
        Values of the control's mean.
    weights : ndarray of shape (m,)
        Their probabilities, of sum 1.
    variant : Arm
        The variant's mean for each of them.
    """

    control: Floats
    weights: Floats
    variant: Arm

    def effect_below(self, limit: float) -> float:
        """Return the chance that the effect is below a limit."""
        return float(self.weights @ self.variant.below(self.control + limit))

    def relative_below(self, limit: float) -> float:
        """Return the chance that the effect as a share of the control's mean is below a limit."""
        at = self.control * (1.0 + limit)
        found = np.where(self.control > 0.0, self.variant.below(at), self.variant.above(at))
        return float(self.weights @ found)

    @property
    def better(self) -> float:
        """Chance that the variant's mean is the larger one."""
        return float(self.weights @ self.variant.above(self.control))

    @property
    def mean(self) -> float:
        """Expected effect."""
        return float(self.weights @ (self.variant.mean - self.control))

    @property
    def spread(self) -> float:
        """Standard deviation of the effect's middle 68 %, half of its width."""
        low, high = (self.quantile(self.effect_below, ndtr(side)) for side in (-1.0, 1.0))
        return (high - low) / 2.0

    def losses(self) -> tuple[float, float]:
        """Return the expected loss of choosing the variant, and that of the control."""
        return (
            float(self.weights @ self.variant.shortfall(self.control)),
            float(self.weights @ self.variant.excess(self.control)),
        )

    def relative_losses(self) -> tuple[float, float]:
        """Return the same as shares of the control's mean."""
        kept = self.control != 0.0
        share = np.zeros(len(self.control))
        share[kept] = self.weights[kept] / np.abs(self.control[kept])
        return (
            float(share @ self.variant.shortfall(self.control)),
            float(share @ self.variant.excess(self.control)),
        )

    def quantile(self, below: Callable[[float], float], chance: float) -> float:
        """Return where one of the distribution functions reaches a chance."""
        low, high = -1e-6, 1e-6
        while below(low) > chance and low > -1e300:
            low *= 4.0
        while below(high) < chance and high < 1e300:
            high *= 4.0
        if abs(low) >= 1e300 or high >= 1e300:
            return low if abs(low) >= 1e300 else high
        return float(brentq(lambda at: below(at) - chance, low, high, xtol=1e-15, rtol=1e-12))


def gaussian_posterior(
    estimate: Estimate, prior_mean: float, prior_sd: float, *, relative: bool
) -> Posterior:
    """Return what is known of two normal means.

    The prior is flat for the control's mean; for the effect, or for its share of the
    control's mean, it is normal, or flat if `prior_sd` is infinite. Given the control's mean
    all is conjugate, so that one integral is left.
    """
    spread = math.sqrt(estimate.control_variance)
    slope = estimate.covariance / estimate.control_variance
    rest = max(estimate.variant_variance - slope * estimate.covariance, 1e-30 * spread * spread)
    nodes, widths = _control_nodes(estimate, prior_mean, prior_sd, relative=relative)
    off = nodes - estimate.control_mean
    seen = estimate.variant_mean + slope * off
    log_weight = -0.5 * (off / spread) ** 2
    if math.isinf(prior_sd):
        mean, variance = seen, np.full(len(nodes), rest)
    else:
        expected = nodes * (1.0 + prior_mean) if relative else nodes + prior_mean
        doubt = (nodes * prior_sd) ** 2 if relative else np.full(len(nodes), prior_sd**2)
        total = doubt + rest
        log_weight = log_weight - 0.5 * ((seen - expected) ** 2 / total + np.log(total))
        mean = (seen * doubt + expected * rest) / total
        variance = np.maximum(doubt * rest / total, 1e-300)
    weights = widths * np.exp(log_weight - log_weight.max())
    return Posterior(nodes, weights / weights.sum(), GaussianArm(mean, np.sqrt(variance)))


def _control_nodes(
    estimate: Estimate, prior_mean: float, prior_sd: float, *, relative: bool
) -> tuple[Floats, Floats]:
    """Return nodes wherever data and prior may put the control's mean."""
    spread = math.sqrt(estimate.control_variance)
    low = high = estimate.control_mean
    narrow = spread
    if math.isfinite(prior_sd):
        other = estimate.variant_mean - prior_mean
        if relative:
            other = estimate.variant_mean / max(1.0 + prior_mean, 1e-9)
        reach = 40.0 * spread
        low = max(min(low, other), low - reach)
        high = min(max(high, other), high + reach)
        narrow = min(spread, math.sqrt(estimate.variant_variance))
    low, high = low - _REACH * spread, high + _REACH * spread
    narrow = max(narrow / 2.0, (high - low) / _MOST_NODES_SCALE)
    return grid([(low, high)], narrow)


def beta_posterior(
    control: tuple[float, float], variant: tuple[float, float], prior: tuple[float, float]
) -> Posterior:
    """Return what is known of two rates from counts of successes and failures."""
    a, b = control[0] + prior[0], control[1] + prior[1]
    low, high = float(betaincinv(a, b, 1e-22)), 1.0 - float(betaincinv(b, a, 1e-22))
    # The sine takes the poles out of the density where a or b is below 1.
    start, stop = math.asin(math.sqrt(low)), math.asin(math.sqrt(high))
    angles, widths = grid([(start, stop)], (stop - start) / 120.0)
    sine, cosine = np.sin(angles), np.cos(angles)
    log_density = (2.0 * a - 1.0) * np.log(sine) + (2.0 * b - 1.0) * np.log(cosine)
    weights = widths * np.exp(log_density - log_density.max())
    arm = BetaArm(variant[0] + prior[0], variant[1] + prior[1])
    return Posterior(sine * sine, weights / weights.sum(), arm)
