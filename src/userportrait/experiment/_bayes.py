"""A design that turns a prior into what is known of the effect."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, OneOf, Optional, Rule, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment._base import Design
from userportrait.experiment._estimate import Judgement
from userportrait.experiment._posterior import (
    GaussianPrior,
    Posterior,
    beta_posterior,
    gaussian_posterior,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from userportrait.experiment._base import Goal
    from userportrait.experiment._estimate import Alternative, Estimate

    Fact: TypeAlias = float | bool | str

__all__ = ["Bayes"]

_FEW = 30
_UNSURE = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Bayes(Design):
    """Say how probable an effect is, and what a wrong choice is expected to cost.

    Parameters
    ----------
    prior_sd : float, optional
        Standard deviation of the effects that are expected before the data; flat by default.
    prior_mean : float, default=0.0
        Their mean.
    prior_kind : {'relative', 'absolute'}, default='relative'
        Whether the prior speaks of the effect as a share of the control's mean.
    prior_counts : tuple of (float, float), optional
        For rates: successes and failures that each arm is given before the data, such as
        ``(1, 1)`` for a flat prior. The likelihood is then the binomial one, and no other
        prior is used. Needs a `Proportion` without covariates.
    equivalence : float or tuple of (float, float), optional
        Effects that make no practical difference: a half-width around 0, or low and high.
    equivalence_kind : {'relative', 'absolute'}, default='relative'
        Of what.
    acceptable_loss : float, optional
        Choose an arm once its expected loss, as a share of the control's mean, is at most
        this.
    more_is_better : bool, default=True
        Which arm a loss speaks for. A metric with ``goal='decrease'`` has it the other way in
        an `Experiment`, whatever is said here.

    Notes
    -----
    Means are normal and the control's has a flat prior; given it, all is conjugate, and the
    last integral is numerical. Shares of the control's mean therefore need no linearisation,
    and a prior on them is taken at its word.

    Intervals have equal tails. A posterior has no p-value: it is NaN. Probabilities hold if
    the prior does, whenever one stops; they do not bound false alarms over many looks.

    References
    ----------
    .. [1] Stucchio (2015), "Bayesian A/B testing at VWO".
    .. [2] Kruschke (2018), "Rejecting or accepting parameter values in Bayesian estimation",
       Advances in Methods and Practices in Psychological Science 1(2).
    .. [3] Deng (2015), "Objective Bayesian two sample hypothesis testing for online controlled
       experiments", Proceedings of the 24th International Conference on World Wide Web.

    Examples
    --------
    >>> from userportrait.experiment import Bayes, Estimate
    >>> found = Estimate(
    ...     metric="spend", control="A", variant="B", n_control=900, n_variant=900,
    ...     control_mean=10.0, variant_mean=10.5, control_variance=0.03, variant_variance=0.03,
    ... )
    >>> judged = Bayes(prior_sd=0.05).judge(found, alpha=0.05, alternative="two-sided")
    >>> round(judged.facts["probability_better"], 3)
    0.967
    >>> [round(end, 3) for end in judged.relative_interval]
    [-0.003, 0.084]
    """

    prior_sd: float | None = None
    prior_mean: float = 0.0
    prior_kind: Literal["relative", "absolute"] = "relative"
    prior_counts: tuple[float, float] | None = None
    equivalence: float | tuple[float, float] | None = None
    equivalence_kind: Literal["relative", "absolute"] = "relative"
    acceptable_loss: float | None = None
    more_is_better: bool = True

    def __post_init__(self) -> None:
        kinds = OneOf(("relative", "absolute"))
        rules: dict[str, Rule] = {
            "prior_sd": Optional(Between(0.0, 1e150, open_low=True)),
            "prior_mean": Between(-1e150, 1e150),
            "prior_kind": kinds,
            "equivalence_kind": kinds,
            "acceptable_loss": Optional(Between(0.0, 1e150)),
        }
        check_values("Bayes", {name: getattr(self, name) for name in rules}, rules)
        problems = [*self._prior_problems(), *self._region_problems()]
        if problems:
            raise InvalidParameterError("Bayes", problems)

    def _prior_problems(self) -> list[str]:
        found: list[str] = []
        if self.prior_sd is None and self.prior_mean:
            found.append("prior_mean needs prior_sd; a flat prior has no mean.")
        if self.prior_kind == "relative" and self.prior_mean <= -1.0:
            found.append(f"prior_mean as a share must be above -1; got {self.prior_mean!r}.")
        if self.prior_counts is not None:
            counts = tuple(self.prior_counts)
            if len(counts) != 2 or not all(0.0 < count < math.inf for count in counts):
                found.append(f"prior_counts must be two numbers above 0; got {counts!r}.")
            if self.prior_sd is not None:
                found.append("give prior_sd or prior_counts, not both.")
        return found

    def _region_problems(self) -> list[str]:
        if self.equivalence is None:
            return []
        low, high = self.region
        if math.isfinite(low) and math.isfinite(high) and low < high:
            return []
        told = f"a number above 0 or an ascending pair of numbers; got {self.equivalence!r}."
        return [f"equivalence must be {told}"]

    @property
    def region(self) -> tuple[float, float]:
        """Effects that make no practical difference; empty, both 0, if none were named."""
        if isinstance(self.equivalence, tuple):
            return self.equivalence
        half = 0.0 if self.equivalence is None else float(self.equivalence)
        return (-half, half)

    def posteriors(self, estimates: Sequence[Estimate]) -> list[Posterior]:
        """Return what is known of the control's mean and of each variant's.

        Parameters
        ----------
        estimates : sequence of Estimate
            Of variants that share one control.
        """
        if self.prior_counts is None:
            sd = math.inf if self.prior_sd is None else self.prior_sd
            prior = GaussianPrior(self.prior_mean, sd, self.prior_kind == "relative")
            return gaussian_posterior(estimates, prior)
        first = estimates[0]
        return beta_posterior(
            _counts(first.control_mean, first.n_control, first.metric),
            [_counts(one.variant_mean, one.n_variant, one.metric) for one in estimates],
            self.prior_counts,
        )

    def for_goal(self, goal: Goal) -> Bayes:
        """Return the design for a metric with this goal.

        Parameters
        ----------
        goal : {'increase', 'decrease'}

        Returns
        -------
        Bayes
            With ``more_is_better=False`` for ``'decrease'``; as it is otherwise.
        """
        return replace(self, more_is_better=False) if goal == "decrease" else self

    def judge(self, estimate: Estimate, *, alpha: float, alternative: Alternative) -> Judgement:
        """Return the posterior's intervals, probabilities and expected losses.

        Parameters
        ----------
        estimate : Estimate
        alpha : float
            Probability outside the interval.
        alternative : {'two-sided', 'greater', 'less'}
            With one side, all of `alpha` is in one tail.

        Returns
        -------
        Judgement
            ``facts``: probability_better (that the variant's mean is larger), posterior_mean,
            loss_variant and loss_control (expected loss of choosing either, in the metric's
            unit) and relative_loss_variant and relative_loss_control; with `equivalence`
            probability_equivalent; with `acceptable_loss` decision ('variant', 'control',
            'either' or 'continue') and stopped.

        Raises
        ------
        InvalidDataError
            If `prior_counts` is given and a mean is not a share of a whole number of units.
        """
        if self.prior_counts is None and not (
            estimate.control_variance > 0.0 and estimate.variant_variance > 0.0
        ):
            return _judge_constant()
        (known,) = self.posteriors([estimate])
        notes = list(self._notes(estimate, known))
        interval = _tails(known.quantile, known.effect_below, alpha, alternative)
        upward = estimate.control_mean >= 0.0
        turned: Alternative = alternative
        if alternative != "two-sided" and not upward:
            turned = "less" if alternative == "greater" else "greater"
        relative = _tails(known.quantile, known.relative_below, alpha, turned)
        return Judgement(
            interval=interval,
            relative_interval=relative,
            p_value=math.nan,
            log_p_value=math.nan,
            statistic=known.mean / known.spread,
            method="beta-binomial posterior" if self.prior_counts else "normal posterior",
            facts=self._facts(known),
            notes=tuple(notes),
        )

    def _facts(self, known: Posterior) -> dict[str, Fact]:
        loss = known.losses()
        relative = known.relative_losses()
        if not self.more_is_better:
            loss, relative = (loss[1], loss[0]), (relative[1], relative[0])
        facts: dict[str, Fact] = {
            "probability_better": known.better if self.more_is_better else 1.0 - known.better,
            "posterior_mean": known.mean,
            "loss_variant": loss[0],
            "loss_control": loss[1],
            "relative_loss_variant": relative[0],
            "relative_loss_control": relative[1],
        }
        if self.equivalence is not None:
            is_share = self.equivalence_kind == "relative"
            below: Callable[[float], float] = (
                known.relative_below if is_share else known.effect_below
            )
            low, high = self.region
            facts["probability_equivalent"] = below(high) - below(low)
        if self.acceptable_loss is not None:
            facts["decision"] = _choice(relative, self.acceptable_loss)
            facts["stopped"] = facts["decision"] != "continue"
        return facts

    def _notes(self, estimate: Estimate, known: Posterior) -> list[str]:
        found: list[str] = []
        least = min(estimate.n_control, estimate.n_variant)
        if self.prior_counts is None and least < _FEW:
            found.append(f"An arm has {least} units; its mean may not be normal.")
        negative = float(known.weights[known.control <= 0.0].sum())
        if _UNSURE < negative < 1.0 - _UNSURE:
            found.append(
                "The control's mean cannot be told from 0, so the relative effect means little."
            )
        return found


def _choice(losses: tuple[float, float], most: float) -> str:
    variant, control = (loss <= most for loss in losses)
    if variant and control:
        return "either"
    return "variant" if variant else "control" if control else "continue"


def _tails(
    quantile: Callable[[Callable[[float], float], float], float],
    below: Callable[[float], float],
    alpha: float,
    alternative: Alternative,
) -> tuple[float, float]:
    tail = alpha / 2.0 if alternative == "two-sided" else alpha
    low = -math.inf if alternative == "less" else quantile(below, tail)
    high = math.inf if alternative == "greater" else quantile(below, 1.0 - tail)
    return low, high


def _counts(mean: float, n: int, metric: str) -> tuple[float, float]:
    """Return successes and failures; refuse means that are no shares of whole units."""
    successes = mean * n
    whole = float(np.rint(successes))
    if not 0.0 <= whole <= n or abs(successes - whole) > 1e-6 * max(1.0, whole):
        message = (
            f"'{metric}' has a mean of {mean:.6g} over {n:,} units, which is no share of them. "
            "prior_counts is for a Proportion without covariates; use prior_sd instead."
        )
        raise InvalidDataError(message)
    return whole, n - whole


def _judge_constant() -> Judgement:
    note = "An arm does not vary (or has too few units), so no normal posterior exists."
    nan = (math.nan, math.nan)
    return Judgement(
        interval=nan,
        relative_interval=nan,
        p_value=math.nan,
        log_p_value=math.nan,
        statistic=math.nan,
        method="normal posterior",
        facts={"probability_better": math.nan},
        notes=(note,),
    )
