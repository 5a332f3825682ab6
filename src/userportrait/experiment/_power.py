"""How many units, what chance, how small an effect: questions before an experiment starts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from scipy.optimize import brentq

from userportrait._core.params import Between, InstanceOf, Optional, Rule, check_values
from userportrait.errors import InvalidParameterError
from userportrait.experiment._anytime import Anytime
from userportrait.experiment._fixed import Fixed
from userportrait.experiment._group_sequential import GroupSequential
from userportrait.experiment._power_pilot import Pilot
from userportrait.experiment._power_result import PowerPlan
from userportrait.experiment._power_trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait.experiment._base import Design, Goal
    from userportrait.experiment._estimate import Alternative
    from userportrait.experiment._metrics import Claim
    from userportrait.experiment._power_result import Question

__all__ = ["minimum_detectable_effect", "power", "sample_size"]

_MOST = 10**15
_FEW = 5.0
_POWER = Between(0.0, 1.0, open_low=True, open_high=True)
_EFFECT = Between(-math.inf, math.inf, open_low=True, open_high=True)


def sample_size(
    pilot: Pilot | None = None,
    *,
    effect: float,
    power: float = 0.8,
    baseline: float | None = None,
    variance: float | None = None,
    relative: bool = False,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    ratio: float = 1.0,
    comparisons: int = 1,
    r2: float | None = None,
    design: Design | None = None,
    margin: float | None = None,
    claim: Claim = "non-inferior",
    goal: Goal = "increase",
    cluster_size: float | None = None,
    icc: float | None = None,
    cluster_size_cv: float | None = None,
) -> PowerPlan:
    """Return the fewest units with which an effect is found.

    Parameters
    ----------
    pilot : Pilot, optional
        Of `from_pilot`: baseline, variance, what covariates explain, clusters. Values that
        are given beside it come first.
    effect : float
        True difference of the means that shall be found, or share of the baseline if
        `relative`. With a margin, the true effect under which it shall be shown; often 0.
    power : float, default=0.8
        Chance to find it.
    baseline : float, optional
        Mean of the control. Without `variance` it is a proportion, in (0, 1).
    variance : float, optional
        Of a unit, the same in both arms, for a mean. For a ratio, of its linearised unit.
    relative : bool, default=False
        Whether `effect` and `margin` are shares of the baseline.
    alpha : float, default=0.05
        Chance of a false alarm.
    alternative : {'two-sided', 'greater', 'less'}, default='two-sided'
        A margin makes the test one-sided whatever is given here.
    ratio : float, default=1.0
        Units of the variant by units of the control.
    comparisons : int, default=1
        Tests that share `alpha` equally, such as several variants with one control; sizes
        are those of one pair of arms.
    r2 : float, optional
        Share of the variance that covariates explain (CUPED), in [0, 1).
    design : Design, default=Fixed()
        `Fixed`, `GroupSequential`, `Anytime` or `Clustered`. With looks, units are those of
        the last look; `Anytime` is taken to be tuned to that number.
    margin : float, optional
        The loss, or change, that is acceptable, above 0.
    claim : {'non-inferior', 'equivalent'}, default='non-inferior'
        What is to be shown with the margin.
    goal : {'increase', 'decrease'}, default='increase'
        Which way is good; with a margin.
    cluster_size : float, optional
        Mean number of units of a cluster, where whole clusters are assigned.
    icc : float, optional
        Correlation of two units of a cluster, in [0, 1].
    cluster_size_cv : float, optional
        Standard deviation of the clusters' sizes by their mean.

    Returns
    -------
    PowerPlan

    Raises
    ------
    InvalidParameterError
        If a value cannot be used, or no number of units is enough.

    Notes
    -----
    A significant effect in the wrong direction is not counted as power. Means have the t-test
    with Welch's degrees of freedom (exactly noncentral t for equal arms), proportions the
    pooled z-test; with covariates, clusters, margins or looks they have unpooled variances.
    Clusters of size m multiply the variance by 1 + ((1 + cv^2) m - 1) icc [2]_ and leave a t
    distribution of their own number. Non-inferiority and equivalence are one-sided tests at
    `alpha` each; a relative margin scales the control and its variance.

    References
    ----------
    .. [1] Cohen (1988), "Statistical Power Analysis for the Behavioral Sciences".
    .. [2] Eldridge, Ashby and Kerry (2006), "Sample size for cluster randomized trials: effect
       of coefficient of variation of cluster size and analysis method", International Journal
       of Epidemiology 35(5).

    Examples
    --------
    One more buyer in a hundred visitors, from 12:

    >>> from userportrait.experiment import GroupSequential, sample_size
    >>> print(sample_size(baseline=0.12, effect=0.01))
    17,169 + 17,169 units show an effect of +0.01 on 0.12 (+0.0833 of it) with power 0.800.

    Two per cent more revenue; a covariate explains 40 % of its variance; five looks:

    >>> plan = sample_size(
    ...     baseline=20.0, variance=900.0, effect=0.02, relative=True, r2=0.4,
    ...     design=GroupSequential(looks=5),
    ... )
    >>> plan.n, round(plan.expected_n)
    (108580, 87276)
    """
    values = {"power": power, "effect": effect, "pilot": pilot}
    rules: dict[str, Rule] = {"power": _POWER, "effect": _EFFECT, "pilot": _PILOT}
    check_values("sample_size", values, rules)
    trial = _trial(
        "sample_size", pilot, baseline, variance, r2, cluster_size, icc, cluster_size_cv,
        relative=relative, alpha=alpha, alternative=alternative, ratio=ratio,
        comparisons=comparisons, design=design, margin=margin, claim=claim, goal=goal,
    )  # fmt: skip
    trial = _planned_for(trial, power, "sample_size")
    true = _absolute("sample_size", trial, effect)
    _check_effect("sample_size", trial, true)
    step, needed = trial.cluster_size or 1.0, trial.needed(power)

    def is_enough(count: int) -> bool:
        exact = replace(trial, ratio=_of_variant(count, ratio) / count)
        return exact.excess(count * step, true, power, needed) >= 0.0

    count = _smallest(is_enough)
    if count is None:
        problem = f"no number of units up to {_MOST:,} has that power."
        raise InvalidParameterError("sample_size", [problem])
    sizes = round(count * step), round(_of_variant(count, ratio) * step)
    return _plan("sample size", trial, *sizes, true)


def power(
    pilot: Pilot | None = None,
    *,
    n: int,
    effect: float,
    baseline: float | None = None,
    variance: float | None = None,
    relative: bool = False,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    ratio: float = 1.0,
    comparisons: int = 1,
    r2: float | None = None,
    design: Design | None = None,
    margin: float | None = None,
    claim: Claim = "non-inferior",
    goal: Goal = "increase",
    cluster_size: float | None = None,
    icc: float | None = None,
    cluster_size_cv: float | None = None,
) -> PowerPlan:
    """Return the chance that so many units find an effect.

    Parameters
    ----------
    pilot : Pilot, optional
        As in `sample_size`.
    n : int
        Units of both arms together, at the last look if there are several.
    effect : float
        True difference of the means, or share of the baseline if `relative`.
    baseline, variance, relative, alpha, alternative, ratio, comparisons, r2, design, margin, \
claim, goal, cluster_size, icc, cluster_size_cv
        As in `sample_size`.

    Returns
    -------
    PowerPlan
        With ``power``.

    Raises
    ------
    InvalidParameterError
        If a value cannot be used.

    See Also
    --------
    sample_size : The other way round, with all parameters explained.

    Examples
    --------
    >>> from userportrait.experiment import power
    >>> round(power(n=20_000, baseline=0.12, effect=0.01).power, 3)
    0.571
    """
    values = {"n": n, "effect": effect, "pilot": pilot}
    rules: dict[str, Rule] = {"n": _UNITS, "effect": _EFFECT, "pilot": _PILOT}
    check_values("power", values, rules)
    trial = _trial(
        "power", pilot, baseline, variance, r2, cluster_size, icc, cluster_size_cv,
        relative=relative, alpha=alpha, alternative=alternative, ratio=ratio,
        comparisons=comparisons, design=design, margin=margin, claim=claim, goal=goal,
    )  # fmt: skip
    true = _absolute("power", trial, effect)
    first, second = _arms(n, trial)
    return _plan("power", trial, first, second, true)


def minimum_detectable_effect(
    pilot: Pilot | None = None,
    *,
    n: int,
    power: float = 0.8,
    baseline: float | None = None,
    variance: float | None = None,
    relative: bool = False,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    ratio: float = 1.0,
    comparisons: int = 1,
    r2: float | None = None,
    design: Design | None = None,
    margin: float | None = None,
    goal: Goal = "increase",
    cluster_size: float | None = None,
    icc: float | None = None,
    cluster_size_cv: float | None = None,
) -> PowerPlan:
    """Return the smallest effect that so many units find.

    Parameters
    ----------
    pilot : Pilot, optional
        As in `sample_size`.
    n : int
        Units of both arms together, at the last look if there are several.
    power : float, default=0.8
        Chance to find it.
    goal : {'increase', 'decrease'}, default='increase'
        Direction of the effect, where the alternative is two-sided.
    margin : float, optional
        Then the answer is the least favourable true effect with which non-inferiority is
        still shown; it may be a loss.
    baseline, variance, relative, alpha, alternative, ratio, comparisons, r2, design, \
cluster_size, icc, cluster_size_cv
        As in `sample_size`; `relative` concerns the margin only.

    Returns
    -------
    PowerPlan
        With ``effect`` and ``relative_effect``.

    Raises
    ------
    InvalidParameterError
        If a value cannot be used, or no effect is large enough.

    See Also
    --------
    sample_size : The other way round, with all parameters explained.

    Examples
    --------
    >>> from userportrait.experiment import minimum_detectable_effect
    >>> plan = minimum_detectable_effect(n=20_000, baseline=0.12)
    >>> round(plan.effect, 4), round(plan.relative_effect, 3)
    (0.0132, 0.11)
    """
    owner = "minimum_detectable_effect"
    values = {"n": n, "power": power, "pilot": pilot}
    check_values(owner, values, {"n": _UNITS, "power": _POWER, "pilot": _PILOT})
    trial = _trial(
        owner, pilot, baseline, variance, r2, cluster_size, icc, cluster_size_cv,
        relative=relative, alpha=alpha, alternative=alternative, ratio=ratio,
        comparisons=comparisons, design=design, margin=margin, claim="non-inferior", goal=goal,
    )  # fmt: skip
    trial = _planned_for(trial, power, owner)
    first, second = _arms(n, trial)
    trial = replace(trial, ratio=second / first)
    needed = trial.needed(power)
    effect = _least_effect(
        owner, trial, first, lambda effect: trial.excess(first, effect, power, needed)
    )
    return _plan("minimum detectable effect", trial, first, second, effect)


_PILOT = Optional(InstanceOf((Pilot,), "a Pilot, as from_pilot returns it"))
_UNITS = Between(4, 2**53, integer=True)


def _trial(
    owner: str,
    pilot: Pilot | None,
    baseline: float | None,
    variance: float | None,
    r2: float | None,
    cluster_size: float | None,
    icc: float | None,
    cluster_size_cv: float | None,
    *,
    relative: bool,
    alpha: float,
    alternative: Alternative,
    ratio: float,
    comparisons: int,
    design: Design | None,
    margin: float | None,
    claim: Claim,
    goal: Goal,
) -> Trial:
    """Put together what was given and what the pilot says, and check it."""
    if pilot is None and baseline is None:
        raise InvalidParameterError(owner, ["give a pilot or a baseline."])
    known = pilot or Pilot(metric="", n=0, baseline=0.0, variance=None)
    trial = Trial(
        baseline=known.baseline if baseline is None else baseline,
        variance=known.variance if variance is None else variance,
        r2=known.r2 if r2 is None else r2,
        ratio=ratio,
        alpha=alpha,
        alternative=alternative,
        comparisons=comparisons,
        design=Fixed() if design is None else design,
        margin=margin,
        relative=relative,
        claim=claim,
        goal=goal,
        cluster_size=known.cluster_size if cluster_size is None else cluster_size,
        icc=known.icc if icc is None else icc,
        cluster_size_cv=known.cluster_size_cv if cluster_size_cv is None else cluster_size_cv,
    )
    trial.check(owner)
    return trial


def _planned_for(trial: Trial, power: float, owner: str) -> Trial:
    """Return the trial with bounds for futility made for this power."""
    if power <= trial.level:
        problem = f"power must be above the level of the test, {trial.level:g}; got {power:g}."
        raise InvalidParameterError(owner, [problem])
    design = trial.design
    if isinstance(design, GroupSequential) and design.futility is not None:
        return replace(trial, design=design.with_power(power))
    return trial


def _absolute(owner: str, trial: Trial, effect: float) -> float:
    """Return the effect in the unit of the metric."""
    true = effect * abs(trial.baseline) if trial.relative else effect
    if trial.kind == "proportion" and not 0.0 <= trial.baseline + true <= 1.0:
        problem = (
            f"effect moves the proportion from {trial.baseline:g} to {trial.baseline + true:g}, "
            "out of [0, 1]."
        )
        raise InvalidParameterError(owner, [problem])
    return true


def _check_effect(owner: str, trial: Trial, effect: float) -> None:
    """Refuse an effect that no number of units can find."""
    toward = effect if trial.goal == "increase" else -effect
    problem = ""
    if trial.margin is not None:
        bound = trial.absolute_margin
        if toward <= -bound or (trial.is_equivalence and toward >= bound):
            problem = f"effect must be within the margin, {bound:g}; got {effect:g}."
    elif effect == 0.0 or (trial.side == "greater" and effect < 0.0):
        problem = f"effect must not be 0, nor against '{trial.side}'; got {effect:g}."
    elif trial.side == "less" and effect > 0.0:
        problem = f"effect must be below 0 for 'less'; got {effect:g}."
    if problem:
        raise InvalidParameterError(owner, [problem])


def _of_variant(count: int, ratio: float) -> int:
    """Return the whole number of the variant's units, or clusters, for so many of the control."""
    return max(math.ceil(count * ratio - 1e-9), 1)


def _smallest(is_enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number from 1 on that is enough, where more always helps."""
    high = 2
    while not is_enough(high):
        high *= 2
        if high > _MOST:
            return None
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _least_effect(
    owner: str, trial: Trial, n_control: int, excess: Callable[[float], float]
) -> float:
    """Return the effect at which the power is reached, seen from no effect or the margin."""
    down = trial.side == "less" if trial.side != "two-sided" else trial.goal == "decrease"
    if trial.margin is not None:
        down = trial.goal == "decrease"
    sign = -1.0 if down else 1.0
    start = -trial.absolute_margin
    limit = math.inf
    if trial.kind == "proportion":
        limit = trial.baseline if down else 1.0 - trial.baseline
    step = trial.std_error(n_control, 0.0)
    near, far = start, min(start + step, limit)
    while excess(sign * far) < 0.0:
        if far >= limit or step > 1e300:
            problem = f"with {n_control:,} units of the control no effect has that power."
            raise InvalidParameterError(owner, [problem])
        step *= 2.0
        near, far = far, min(far + step, limit)
    if near <= 0.0 and trial.margin is None:
        near = 1e-12 * step  # no effect at all has no direction
    found = brentq(lambda size: excess(sign * size), near, far, xtol=1e-14 * step, rtol=1e-12)
    return sign * float(found)


def _arms(n: int, trial: Trial) -> tuple[int, int]:
    """Share units between the arms, in whole clusters."""
    size = trial.cluster_size or 1.0
    groups = round(n / size)
    first = min(max(round(groups / (1.0 + trial.ratio)), 1), max(groups - 1, 1))
    return round(first * size), round(max(groups - first, 1) * size)


def _plan(
    question: Question, trial: Trial, n_control: int, n_variant: int, effect: float
) -> PowerPlan:
    exact = replace(trial, ratio=n_variant / n_control)
    return PowerPlan(
        question=question,
        n_control=n_control,
        n_variant=n_variant,
        effect=effect,
        relative_effect=effect / abs(trial.baseline) if trial.baseline else math.nan,
        power=exact.power(n_control, effect),
        std_error=exact.std_error(n_control, effect),
        trial=exact,
        expected_n=_expected(exact, n_control, effect),
        notes=_notes(exact, n_control, effect),
    )


def _expected(trial: Trial, n_control: int, effect: float) -> float | None:
    """Return the mean number of units at the stop, under the effect."""
    if not isinstance(trial.design, GroupSequential):
        return None
    bounds = trial.design.bounds(trial.level, trial.side)
    found = bounds.exits(trial.drift(n_control, effect))
    stops = found.above + found.below + found.inside
    going, share = 1.0, 0.0
    for time, stop in zip(bounds.times[:-1], stops[:-1].tolist(), strict=True):
        share += time * stop
        going -= stop
    return n_control * (1.0 + trial.ratio) * (share + going * bounds.times[-1])


def _notes(trial: Trial, n_control: int, effect: float) -> tuple[str, ...]:
    notes: list[str] = []
    n = round(n_control * (1.0 + trial.ratio))
    if trial.cluster_size is not None:
        notes.append(
            f"{trial.design_effect:.3g} times the units that independent ones would need, in "
            f"{n / trial.cluster_size:,.0f} clusters."
        )
    if isinstance(trial.design, Anytime):
        notes.append(f"Give Anytime the {n:,} units of both arms as n_star or horizon.")
    if trial.kind == "proportion":
        rates = (trial.baseline, trial.baseline + effect)
        fewest = min(
            n_arm * min(rate, 1.0 - rate)
            for n_arm, rate in zip((n_control, n_control * trial.ratio), rates, strict=True)
        )
        if fewest < _FEW:
            notes.append(f"A count of {fewest:.2g} is expected: too few for a normal test.")
    return tuple(notes)
