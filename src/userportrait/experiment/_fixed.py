"""The plainest design: a number of units fixed beforehand, and one look at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from scipy.special import gammaln

from userportrait._core.params import OneOf, check_values
from userportrait.experiment._base import Design
from userportrait.experiment._estimate import Judgement
from userportrait.experiment._intervals import (
    RelativeMethod,
    critical_value,
    effect_interval,
    log_p,
    relative_interval,
)
from userportrait.experiment._resample import RowEstimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._base import MomentMetric
    from userportrait.experiment._estimate import Alternative, Estimate

__all__ = ["Fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed(Design):
    """Analyse once, after the number of units that was planned.

    Parameters
    ----------
    relative_method : {'fieller', 'log', 'delta'}, default='fieller'
        Interval of the effect as a share of the control's mean. Fieller's keeps its level
        with heavy tails and small means; the others are approximations.
    reference : {'t', 'normal'}, default='t'
        Distribution of the statistic: Student's with the metric's degrees of freedom, or the
        normal one for a z-test.
    strata : str or sequence of str, default=()
        Columns known before the experiment, such as a country, whose shares in the arms
        are made equal after the fact (post-stratification). Means and ratios only.

    Notes
    -----
    Looking at the data before the end and stopping on what is seen makes the intervals and
    p-values wrong; `GroupSequential` and `Anytime` are made for that.

    If neither arm varies, the interval has no width, and the p-value is the one of the
    permutation test, the only exact statement left.

    References
    ----------
    .. [1] Welch (1947), "The generalization of 'Student's' problem when several different
       population variances are involved", Biometrika 34(1/2).

    Examples
    --------
    >>> from userportrait.experiment import Estimate, Fixed
    >>> found = Estimate(
    ...     metric="spend", control="A", variant="B", n_control=100, n_variant=100,
    ...     control_mean=10.0, variant_mean=10.5, control_variance=0.03, variant_variance=0.01,
    ... )
    >>> judged = Fixed().judge(found, alpha=0.05, alternative="two-sided")
    >>> round(judged.p_value, 4), [round(end, 3) for end in judged.interval]
    (0.0124, [0.108, 0.892])
    """

    relative_method: RelativeMethod = "fieller"
    reference: Literal["t", "normal"] = "t"
    strata: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        strata = (self.strata,) if isinstance(self.strata, str) else tuple(self.strata)
        object.__setattr__(self, "strata", strata)
        rules = {
            "relative_method": OneOf(("fieller", "log", "delta")),
            "reference": OneOf(("t", "normal")),
        }
        check_values("Fixed", {name: getattr(self, name) for name in rules}, rules)

    @property
    def by(self) -> tuple[str, ...]:
        """Columns to aggregate by besides the variant: the strata."""
        return cast("tuple[str, ...]", self.strata)

    def estimate(
        self, metric: MomentMetric, aggregates: Aggregates, control: str, variant: str
    ) -> Estimate:
        """Return the metric's own estimate, adjusted for the strata if there are any."""
        if not self.by:
            return metric.estimate(aggregates.moments(control), aggregates.moments(variant))
        from userportrait.experiment._strata import estimate_stratified

        return estimate_stratified(metric, aggregates, control, variant, self.by)

    def judge(self, estimate: Estimate, *, alpha: float, alternative: Alternative) -> Judgement:
        """Return intervals at level 1 - `alpha` and the p-value.

        Parameters
        ----------
        estimate : Estimate
        alpha : float
            Chance of a false alarm.
        alternative : {'two-sided', 'greater', 'less'}

        Returns
        -------
        Judgement
        """
        freedom = estimate.degrees_of_freedom if self.reference == "t" else math.inf
        if estimate.std_error == 0.0:
            return _judge_constant(estimate, alternative)
        statistic = estimate.effect / estimate.std_error
        critical = critical_value(alpha, alternative, freedom)
        relative, notes = relative_interval(estimate, critical, alternative, self.relative_method)
        log = log_p(statistic, alternative, freedom)
        return Judgement(
            interval=effect_interval(estimate.effect, estimate.std_error, critical, alternative),
            relative_interval=relative,
            p_value=math.exp(log),
            log_p_value=log,
            statistic=statistic,
            method="z-test" if math.isinf(freedom) else "t-test",
            notes=notes,
        )


_LEAST_RESAMPLED = math.log(1e-16)
"""Chances below this are lost in the sums over resamples."""


def _judge_constant(estimate: Estimate, alternative: Alternative) -> Judgement:
    """Judge two arms without any spread."""
    effect, n_control, n_variant = estimate.effect, estimate.n_control, estimate.n_variant
    as_hoped = alternative == "two-sided" or (effect > 0.0) == (alternative == "greater")
    log = 0.0
    if effect and as_hoped:
        # Of all ways to deal the units out, one puts all equal values into one arm, two if
        # the arms are equally large and both directions count.
        log = float(gammaln(n_control + 1) + gammaln(n_variant + 1))
        log -= float(gammaln(n_control + n_variant + 1))
        log += math.log(2.0) if alternative == "two-sided" and n_control == n_variant else 0.0
        log = min(log, 0.0)
    note = "The estimate does not vary (its standard error is 0), so the interval has no width"
    method = "permutation test"
    if isinstance(estimate, RowEstimate) and log < _LEAST_RESAMPLED:
        # A quantile among many ties: the arms vary, but the quantile does so all but never.
        log, method = _LEAST_RESAMPLED, "bound by resamples"
        note += "; no resample gives another value, so the p-value is below 1e-16."
    else:
        note += "; the p-value is that of a permutation test." if effect else "."
    relative = estimate.relative
    return Judgement(
        interval=(effect, effect),
        relative_interval=(relative, relative),
        p_value=math.exp(log),
        log_p_value=log,
        statistic=math.copysign(math.inf, effect) if effect else 0.0,
        method=method,
        notes=(note,),
    )
