"""What a metric says about two arms, and what a design makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Alternative", "Estimate", "Judgement"]

Alternative: TypeAlias = Literal["two-sided", "greater", "less"]
"""What would count as an effect: any difference, a larger mean of the variant, a smaller one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Two means of a metric with their sampling variances, before any test.

    Parameters
    ----------
    metric, control, variant : str
        Names.
    n_control, n_variant : int
        Units in each arm.
    control_mean, variant_mean : float
        Means after adjustment, so that their difference is the estimated effect.
    control_variance, variant_variance : float
        Sampling variances of the two means (squared standard errors).
    covariance : float, default=0.0
        Sampling covariance of the two means; not 0 where an adjustment is learned from both.
    degrees_of_freedom : float, default=inf
        Of the standard error of the difference; inf stands for the normal distribution.
    notes : tuple of str
        What the reader must know, such as a leverage that a few units have.

    Examples
    --------
    >>> from userportrait.experiment import Estimate
    >>> found = Estimate(
    ...     metric="spend", control="A", variant="B", n_control=100, n_variant=100,
    ...     control_mean=10.0, variant_mean=10.5, control_variance=0.03, variant_variance=0.01,
    ... )
    >>> found.effect, found.std_error, found.relative
    (0.5, 0.2, 0.05)
    """

    metric: str
    control: str
    variant: str
    n_control: int
    n_variant: int
    control_mean: float
    variant_mean: float
    control_variance: float
    variant_variance: float
    covariance: float = 0.0
    degrees_of_freedom: float = math.inf
    notes: tuple[str, ...] = ()

    @property
    def effect(self) -> float:
        """Mean of the variant less mean of the control."""
        return self.variant_mean - self.control_mean

    @property
    def std_error(self) -> float:
        """Standard error of the effect."""
        found = self.control_variance + self.variant_variance - 2.0 * self.covariance
        return math.sqrt(max(found, 0.0))

    @property
    def relative(self) -> float:
        """Effect as a share of the control's mean; NaN if that is 0."""
        return self.effect / self.control_mean if self.control_mean else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Intervals and the p-value that a design gives to an estimate.

    Parameters
    ----------
    interval : tuple of float
        Of the effect; one-sided alternatives leave one end at an infinity.
    relative_interval : tuple of float
        Of the effect as a share of the control's mean; infinite ends where the data cannot
        bound it, both NaN where the share has no meaning.
    p_value : float
    log_p_value : float
        Natural logarithm, exact where the p-value itself is too small for a float.
    statistic : float
    method : str
        What was computed, in a few words.
    facts : mapping of str to (float, bool or str)
        What else the design says, such as a boundary, a probability or an expected loss.
    notes : tuple of str
        What the reader must know.

    Examples
    --------
    >>> from userportrait.experiment import Judgement
    >>> Judgement(
    ...     interval=(0.1, 0.9), relative_interval=(0.01, 0.09), p_value=0.012,
    ...     log_p_value=-4.42, statistic=2.5, method="Welch's t-test",
    ... ).p_value
    0.012
    """

    interval: tuple[float, float]
    relative_interval: tuple[float, float]
    p_value: float
    log_p_value: float
    statistic: float
    method: str
    facts: Mapping[str, float | bool | str] = field(default_factory=dict[str, "float | bool | str"])
    notes: tuple[str, ...] = ()
