"""What is known of two means after the data, by integration over that of the control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincc, betaincinv, betaln, ndtr

from userportrait.experiment._boundaries import grid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._estimate import Estimate

    Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "BetaArm",
    "GaussianArm",
    "GaussianPrior",
    "Posterior",
    "beta_posterior",
    "gaussian_posterior",
]

_REACH = 10.0
_FINEST = 400.0


class Arm(Protocol):
    """What is known of the variant's mean for each value of the control's."""

    @property
    def mean(self) -> Floats: ...
    def density(self, value: Floats) -> Floats:
        """Return the density at a value."""
        ...

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

    def density(self, value: Floats) -> Floats:
        """Return the density at a value."""
        scaled = (value - self.mean) / self.sd
        found: Floats = np.exp(-0.5 * scaled * scaled) / (self.sd * math.sqrt(2.0 * math.pi))
        return found

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

    def density(self, value: Floats) -> Floats:
        """Return the density at a value."""
        inside = (value > 0.0) & (value < 1.0)
        at = np.where(inside, value, 0.5)
        log_density = (self.a - 1.0) * np.log(at) + (self.b - 1.0) * np.log1p(-at)
        found: Floats = np.where(inside, np.exp(log_density - betaln(self.a, self.b)), 0.0)
        return found

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


@dataclass(frozen=True, slots=True)
class GaussianPrior:
    """What is expected of an effect: a normal distribution, flat if `sd` is infinite.

    Parameters
    ----------
    mean, sd : float
    relative : bool
        Whether they speak of the effect as a share of the control's mean.
    """

    mean: float
    sd: float
    relative: bool


def gaussian_posterior(estimates: Sequence[Estimate], prior: GaussianPrior) -> list[Posterior]:
    """Return what is known of the control's mean and of each variant's.

    The estimates share the control, whose prior is flat. Given its mean all is conjugate and
    the variants are independent, so that one integral is left.
    """
    nodes, widths = _control_nodes(estimates, prior)
    first = estimates[0]
    log_weight = -0.5 * (nodes - first.control_mean) ** 2 / first.control_variance
    arms: list[GaussianArm] = []
    for estimate in estimates:
        log_seen, arm = _given_control(estimate, prior, nodes)
        log_weight = log_weight + log_seen
        arms.append(arm)
    weights = widths * np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    return [Posterior(nodes, weights, arm) for arm in arms]


def _given_control(
    estimate: Estimate, prior: GaussianPrior, nodes: Floats
) -> tuple[Floats, GaussianArm]:
    """Return the likelihood of each control mean, in logarithms, and the variant's mean."""
    slope = estimate.covariance / estimate.control_variance
    rest = estimate.variant_variance - slope * estimate.covariance
    rest = max(rest, 1e-30 * estimate.control_variance)
    seen = estimate.variant_mean + slope * (nodes - estimate.control_mean)
    if math.isinf(prior.sd):
        spread = np.full(len(nodes), math.sqrt(rest))
        return np.zeros(len(nodes)), GaussianArm(seen, spread)
    expected = nodes * (1.0 + prior.mean) if prior.relative else nodes + prior.mean
    doubt = (nodes * prior.sd) ** 2 if prior.relative else np.full(len(nodes), prior.sd**2)
    total = doubt + rest
    log_seen = -0.5 * ((seen - expected) ** 2 / total + np.log(total))
    mean = (seen * doubt + expected * rest) / total
    variance = np.maximum(doubt * rest / total, 1e-300)
    return log_seen, GaussianArm(mean, np.sqrt(variance))


def _control_nodes(estimates: Sequence[Estimate], prior: GaussianPrior) -> tuple[Floats, Floats]:
    """Return nodes wherever data and prior may put the control's mean."""
    first = estimates[0]
    spread = math.sqrt(first.control_variance)
    wanted, narrow = [first.control_mean], spread
    if math.isfinite(prior.sd):
        for estimate in estimates:
            other = estimate.variant_mean - prior.mean
            if prior.relative:
                other = estimate.variant_mean / (1.0 + prior.mean)
            wanted.append(min(max(other, wanted[0] - 40.0 * spread), wanted[0] + 40.0 * spread))
            narrow = min(narrow, math.sqrt(estimate.variant_variance))
    low, high = min(wanted) - _REACH * spread, max(wanted) + _REACH * spread
    narrow = max(narrow / (2.0 * math.sqrt(len(estimates))), (high - low) / _FINEST)
    return grid([(low, high)], narrow)


def beta_posterior(
    control: tuple[float, float],
    variants: Sequence[tuple[float, float]],
    prior: tuple[float, float],
) -> list[Posterior]:
    """Return what is known of rates from counts of successes and failures."""
    a, b = control[0] + prior[0], control[1] + prior[1]
    low, high = float(betaincinv(a, b, 1e-22)), 1.0 - float(betaincinv(b, a, 1e-22))
    # The sine takes the poles out of the density where a or b is below 1.
    start, stop = math.asin(math.sqrt(low)), math.asin(math.sqrt(high))
    angles, widths = grid([(start, stop)], (stop - start) / 120.0)
    sine, cosine = np.sin(angles), np.cos(angles)
    log_density = (2.0 * a - 1.0) * np.log(sine) + (2.0 * b - 1.0) * np.log(cosine)
    weights = widths * np.exp(log_density - log_density.max())
    weights /= weights.sum()
    arms = [BetaArm(one[0] + prior[0], one[1] + prior[1]) for one in variants]
    return [Posterior(sine * sine, weights, arm) for arm in arms]
