"""What an experiment is planned with, and its chance to find an effect with so many units."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np
from scipy.special import ndtr

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError
from userportrait.experiment._base import Design
from userportrait.experiment._clustered import Clustered
from userportrait.experiment._fixed import Fixed
from userportrait.experiment._intervals import critical_value
from userportrait.experiment._power_chance import (
    Looks,
    drift_curve,
    drift_power,
    equivalence_power,
    one_look_power,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from userportrait._core.params import Rule
    from userportrait.experiment._base import Goal
    from userportrait.experiment._estimate import Alternative
    from userportrait.experiment._metrics import Claim

__all__ = ["Kind", "Trial"]

Kind: TypeAlias = Literal["proportion", "mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Everything about a planned experiment but its size and its effect.

    Parameters
    ----------
    baseline : float
        Mean of the control.
    variance : float, optional
        Of a unit, before covariates; None for a proportion, whose variance follows its mean.
    r2 : float, default=0.0
        Share of the variance that covariates explain.
    ratio : float, default=1.0
        Units of the variant by units of the control.
    alpha : float, default=0.05
    alternative : {'two-sided', 'greater', 'less'}, default='two-sided'
    comparisons : int, default=1
        Tests that share alpha, as Bonferroni does.
    design : Design, default=Fixed()
    margin : float, optional
        Acceptable loss, or change, for non-inferiority and equivalence.
    relative : bool, default=False
        Whether the margin is a share of the control's mean.
    claim : {'non-inferior', 'equivalent'}, default='non-inferior'
    goal : {'increase', 'decrease'}, default='increase'
    cluster_size : float, optional
        Units of a cluster, where whole clusters are assigned.
    icc : float, default=0.0
        Correlation of two units of a cluster.
    cluster_size_cv : float, default=0.0
        Standard deviation of the clusters' sizes by their mean.

    Examples
    --------
    >>> from userportrait.experiment._power_trial import Trial
    >>> round(Trial(baseline=0.12).power(n_control=17_169, effect=0.01), 4)
    0.8
    """

    baseline: float
    variance: float | None = None
    r2: float = 0.0
    ratio: float = 1.0
    alpha: float = 0.05
    alternative: Alternative = "two-sided"
    comparisons: int = 1
    design: Design = field(default_factory=Fixed)
    margin: float | None = None
    relative: bool = False
    claim: Claim = "non-inferior"
    goal: Goal = "increase"
    cluster_size: float | None = None
    icc: float = 0.0
    cluster_size_cv: float = 0.0

    _rules: ClassVar[Mapping[str, Rule]] = {
        "baseline": Between(-math.inf, math.inf, open_low=True, open_high=True),
        "variance": Optional(Between(0.0, math.inf, open_low=True, open_high=True)),
        "r2": Between(0.0, 1.0, open_high=True),
        "ratio": Between(0.0, math.inf, open_low=True, open_high=True),
        "alpha": Between(0.0, 1.0, open_low=True, open_high=True),
        "alternative": OneOf(("two-sided", "greater", "less")),
        "comparisons": Between(1, 1_000_000, integer=True),
        "design": InstanceOf((Design,), "a design"),
        "margin": Optional(Between(0.0, math.inf, open_low=True, open_high=True)),
        "relative": InstanceOf((bool,), "True or False"),
        "claim": OneOf(("non-inferior", "equivalent")),
        "goal": OneOf(("increase", "decrease")),
        "cluster_size": Optional(Between(1.0, math.inf, open_high=True)),
        "icc": Between(0.0, 1.0),
        "cluster_size_cv": Between(0.0, math.inf, open_high=True),
    }

    def check(self, owner: str) -> None:
        """Raise one error that lists everything that cannot be."""
        check_values(owner, {name: getattr(self, name) for name in self._rules}, self._rules)
        problems: list[str] = []
        if self.kind == "proportion" and not 0.0 < self.baseline < 1.0:
            problems.append(
                f"baseline of a proportion must be in (0, 1); got {self.baseline:g}. "
                "Give variance= for a mean."
            )
        if self.relative and self.baseline == 0.0:
            problems.append("relative effects need a baseline that is not 0.")
        if not isinstance(self.design, Fixed | Clustered | Looks):
            problems.append(
                f"design {type(self.design).__name__} has no power to plan; use Fixed, "
                "GroupSequential, Anytime or Clustered."
            )
        if isinstance(self.design, Clustered) and self.cluster_size is None:
            problems.append("design Clustered needs cluster_size and icc.")
        if self.icc and self.cluster_size is None:
            problems.append("icc needs cluster_size.")
        if self.is_equivalence and isinstance(self.design, Looks):
            problems.append("claim='equivalent' is planned for one look only.")
        if problems:
            raise InvalidParameterError(owner, problems)

    @property
    def kind(self) -> Kind:
        """Whether the variance follows the mean."""
        return "proportion" if self.variance is None else "mean"

    @property
    def is_equivalence(self) -> bool:
        """Whether an equivalence is to be shown."""
        return self.margin is not None and self.claim == "equivalent"

    @property
    def side(self) -> Alternative:
        """What is tested: a margin makes it one-sided."""
        if self.margin is None:
            return self.alternative
        return "greater" if self.goal == "increase" else "less"

    @property
    def level(self) -> float:
        """Level of each test."""
        return self.alpha / self.comparisons

    @property
    def design_effect(self) -> float:
        """Variance with clusters by variance of as many independent units."""
        if self.cluster_size is None:
            return 1.0
        return 1.0 + ((1.0 + self.cluster_size_cv**2) * self.cluster_size - 1.0) * self.icc

    @property
    def absolute_margin(self) -> float:
        """The margin in the unit of the metric; 0 without one."""
        if self.margin is None:
            return 0.0
        return self.margin * abs(self.baseline) if self.relative else self.margin

    def unit_variances(self, effect: float) -> tuple[float, float]:
        """Return the variance of a unit of each arm, after covariates and with clusters."""
        left = (1.0 - self.r2) * self.design_effect
        if self.variance is not None:
            return self.variance * left, self.variance * left
        other = min(max(self.baseline + effect, 0.0), 1.0)
        return self.baseline * (1.0 - self.baseline) * left, other * (1.0 - other) * left

    def std_error(self, n_control: float, effect: float) -> float:
        """Return the standard error of the estimated effect."""
        first, second = self.unit_variances(effect)
        return math.sqrt(first / n_control + second / (n_control * self.ratio))

    def power(self, n_control: float, effect: float) -> float:
        """Return the chance to find a true effect, or to show what the margin is for.

        Parameters
        ----------
        n_control : float
            Units of the control; the variant has `ratio` times as many.
        effect : float
            Mean of the variant less mean of the control.

        Returns
        -------
        float
            A significant effect in the wrong direction is not power. NaN if there are too
            few units for a standard error.
        """
        freedom = self._freedom(n_control, effect)
        if not freedom > 0.0:
            return math.nan
        if self.margin is not None:
            return self._margin_power(n_control, effect, freedom)
        if isinstance(self.design, Looks):
            drift = self.drift(n_control, effect)
            return drift_power(self.design, drift, self.level, self.side)
        if self._is_pooled:
            return self._pooled_power(n_control, effect, self._sign(effect))
        return one_look_power(self.drift(n_control, effect), freedom, self.level, self.side)

    def powers(self, n_control: Sequence[float], effect: float) -> list[float]:
        """Return `power` of many numbers of units, for a curve."""
        if not isinstance(self.design, Looks):
            return [self.power(n, effect) for n in n_control]
        drifts = np.array([self.drift(n, effect) for n in n_control])
        return drift_curve(self.design, drifts, self.level, self.side)

    def drift(self, n_control: float, effect: float) -> float:
        """Return the effect, or its distance from the margin, in standard errors.

        Turned so that up is what is to be shown.
        """
        if self.margin is None:
            return self._sign(effect) * effect / self.std_error(n_control, effect)
        toward = 1.0 if self.goal == "increase" else -1.0
        error = self._margin_error(n_control, effect, -toward)
        return (toward * effect + self.absolute_margin) / error

    def needed(self, power: float) -> float | None:
        """Return the drift that a design with looks needs; None for one look."""
        design = self.design
        if not isinstance(design, Looks):
            return None
        return design.needed_drift(self.level, power, self.side)

    def excess(self, n_control: float, effect: float, power: float, needed: float | None) -> float:
        """Return a number that is at least 0 where the power is reached.

        Parameters
        ----------
        n_control, effect, power : float
        needed : float or None
            What `needed` says of the power; it takes long, and no size or effect changes it.
        """
        if needed is not None:
            return self.drift(n_control, effect) - needed
        found = self.power(n_control, effect)
        return -1.0 if math.isnan(found) else found - power

    @property
    def _is_pooled(self) -> bool:
        return self.kind == "proportion" and self.r2 == 0.0 and self.cluster_size is None

    def _sign(self, effect: float) -> float:
        if self.side == "two-sided":
            return math.copysign(1.0, effect)
        return 1.0 if self.side == "greater" else -1.0

    def _pooled_power(self, n_control: float, effect: float, sign: float) -> float:
        """Return the power of the z-test, whose variance is pooled only as long as it accepts."""
        pooled = (self.baseline * (1.0 + self.ratio) + effect * self.ratio) / (1.0 + self.ratio)
        under_null = pooled * (1.0 - pooled) * (1.0 / n_control) * (1.0 + 1.0 / self.ratio)
        critical = critical_value(self.level, self.side)
        error = self.std_error(n_control, effect)
        off = sign * effect - critical * math.sqrt(max(under_null, 0.0))
        if error == 0.0:
            return 1.0 if off > 0.0 else 0.0
        return float(ndtr(off / error))

    def _margin_power(self, n_control: float, effect: float, freedom: float) -> float:
        """Return the chance to show that nothing is lost, or that nothing changes."""
        low = self.drift(n_control, effect)
        if self.is_equivalence:
            toward = 1.0 if self.goal == "increase" else -1.0
            high = (self.absolute_margin - toward * effect) / self._margin_error(
                n_control, effect, toward
            )
            return equivalence_power(low, high, freedom, self.level)
        if isinstance(self.design, Looks):
            return drift_power(self.design, low, self.level, self.side)
        return one_look_power(low, freedom, self.level, self.side)

    def _margin_error(self, n_control: float, effect: float, direction: float) -> float:
        """Return the standard error of the variant less what the margin allows the control."""
        if not self.relative or self.margin is None:
            return self.std_error(n_control, effect)
        factor = 1.0 + math.copysign(self.margin, direction * self.baseline)
        first, second = self.unit_variances(effect)
        return math.sqrt((factor * factor * first + second / self.ratio) / n_control)

    def _freedom(self, n_control: float, effect: float) -> float:
        """Return Welch's degrees of freedom; infinite for proportions of single units."""
        if self.kind == "proportion" and self.cluster_size is None:
            return math.inf
        size = 1.0 if self.cluster_size is None else self.cluster_size
        first, second = self.unit_variances(effect)
        groups = (n_control / size, n_control * self.ratio / size)
        if min(groups) <= 1.0:
            return math.nan
        parts = (first / n_control, second / (n_control * self.ratio))
        if not sum(parts):
            return math.inf
        squares = sum(part**2 / (n - 1.0) for part, n in zip(parts, groups, strict=True))
        return sum(parts) ** 2 / squares
