"""An experiment: metrics, a design, and the analysis of its data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

from userportrait._core.params import Between, InstanceOf, OneOf, Optional
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.experiment._adjusted import (
    MULTIPLICITY,
    Multiplicity,
    adjust_family,
    adjust_with_control,
)
from userportrait.experiment._aggregates import Aggregates, Missing
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._base import Design
from userportrait.experiment._experiment_data import (
    Arms,
    check_declared,
    is_row_metric,
    prepare_aggregates,
    prepare_frame,
)
from userportrait.experiment._fixed import Fixed
from userportrait.experiment._margins import judge_margin
from userportrait.experiment._metrics import listed
from userportrait.experiment._result import Effect, ExperimentResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait._core.params import Rule
    from userportrait.experiment._base import Metric, MomentMetric, RowMetric
    from userportrait.experiment._estimate import Alternative, Estimate, Judgement
    from userportrait.typing import IntoFrame

__all__ = ["Comparisons", "Experiment"]

_PLAIN = (Design.estimate, Fixed.estimate)
"""Designs that take the metric's own estimate: each arm's moments are looked up once."""

Comparisons: TypeAlias = Literal["control", "all"]
"""Every variant with the control, or every pair of arms."""
_HOLM = (
    "Holm's test rejects, but the interval holds 0: it covers all effects at once, which takes "
    "Bonferroni's level."
)


@dataclass(frozen=True, slots=True)
class _Case:
    """One metric of one pair of arms."""

    metric: Metric
    control: str
    variant: str
    estimate: Estimate
    judgement: Judgement
    adjusted: float
    interval_alpha: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """Metrics and a design, fixed before the data are seen.

    Parameters
    ----------
    metrics : metric or sequence of metrics
        `Mean`, `Ratio`, `Proportion`, `Quantile`, ...; each name once.
    control : object
        Label of the arm that the others are compared with.
    variant : str, default='variant'
        The column that says which arm a unit was in.
    design : Design, default=Fixed()
        How the experiment was planned.
    alpha : float, default=0.05
        Chance of a false alarm, in (0, 1).
    alternative : {'two-sided', 'greater', 'less'}, default='two-sided'
        What would count as an effect, on every metric.
    missing : {'error', 'drop', 'zero'}, default='error'
        What becomes of null and NaN in a metric's columns: an error that counts them, the
        unit is left out, or the value counts as 0. The result says how many there were.
    comparisons : {'control', 'all'}, default='control'
        Every variant with the control, or every pair of arms.
    merged : mapping of str to sequence, optional
        Further arms, each made of the units of some others, such as
        ``{"any e-mail": ["men's", "women's"]}``.
    multiplicity : {'bonferroni', 'holm', 'bh', 'by', 'dunnett'}, optional
        Adjusts p-values and intervals for the number of hypotheses: all comparisons of all
        metrics that are not guardrails, and with ``'dunnett'`` all comparisons of one metric
        with the control.
    measured_after : sequence of str, default=()
        Columns known to be measured after the experiment started; as covariates or strata
        they are refused, since the treatment may have changed them. A frame must have them,
        so that a misspelt name cannot go unnoticed.
    random_state : int, optional
        For metrics that resample.

    Raises
    ------
    InvalidParameterError
        All problems at once.

    See Also
    --------
    Aggregates : What can be analysed instead of a frame.
    check_srm : Whether the arms have the sizes that were planned.

    Notes
    -----
    A metric with a margin is tested against it too, one-sided at level `alpha`: `MarginTest`.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean
    >>> frame = pd.DataFrame(
    ...     {"variant": ["A"] * 4 + ["B"] * 4, "spend": [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0, 5.0]}
    ... )
    >>> result = Experiment(Mean("spend"), control="A").analyze(frame)
    >>> result.to_frame()[["metric", "variant", "effect", "p_value"]].round(4)
      metric variant  effect  p_value
    0  spend       B     3.0    0.002
    """

    metrics: Metric | Sequence[Metric]
    control: str = field(kw_only=True)
    variant: str = field(default="variant", kw_only=True)
    design: Design = field(default_factory=Fixed, kw_only=True)
    alpha: float = field(default=0.05, kw_only=True)
    alternative: Alternative = field(default="two-sided", kw_only=True)
    missing: Missing = field(default="error", kw_only=True)
    comparisons: Comparisons = field(default="control", kw_only=True)
    merged: Mapping[str, Sequence[Any]] | None = field(default=None, kw_only=True)
    multiplicity: Multiplicity | None = field(default=None, kw_only=True)
    measured_after: Sequence[str] = field(default=(), kw_only=True)
    random_state: int | None = field(default=None, kw_only=True)

    _rules: ClassVar[Mapping[str, Rule]] = {
        "variant": InstanceOf((str,), "the name of a column"),
        "design": InstanceOf((Design,), "a design such as Fixed()"),
        "alpha": Between(0.0, 1.0, open_low=True, open_high=True),
        "alternative": OneOf(("two-sided", "greater", "less")),
        "missing": OneOf(("error", "drop", "zero")),
        "comparisons": OneOf(("control", "all")),
        "merged": Optional(InstanceOf((Mapping,), "a mapping of names to lists of arms")),
        "multiplicity": Optional(OneOf(MULTIPLICITY)),
        "random_state": Optional(Between(0, 2**63 - 1, integer=True)),
    }

    def __post_init__(self) -> None:
        given: Any = self.metrics
        metrics = listed(given)
        object.__setattr__(self, "metrics", metrics)
        object.__setattr__(self, "control", label_of(self.control))
        after: Any = self.measured_after
        after = (after,) if isinstance(after, str) else tuple(after)
        object.__setattr__(self, "measured_after", after)
        problems = [
            problem
            for name, rule in self._rules.items()
            if (problem := rule.problem(name, getattr(self, name))) is not None
        ]
        problems += _metric_problems(metrics)
        if not problems:
            merged = {
                str(name): tuple(label_of(part) for part in listed(parts))
                for name, parts in (self.merged or {}).items()
            }
            object.__setattr__(self, "merged", merged)
            problems += self._contradictions(metrics)
        if problems:
            raise InvalidParameterError("Experiment", problems)

    def analyze(self, data: IntoFrame | Aggregates) -> ExperimentResult:
        """Estimate and judge every metric.

        Parameters
        ----------
        data : frame or Aggregates
            One row for each unit that was assigned, or the aggregates of such rows.

        Returns
        -------
        ExperimentResult

        Raises
        ------
        InvalidParameterError
            If the control is not among the arms, or a metric needs rows that aggregates lack.
        InvalidDataError
            If there is one arm only, an arm has fewer than 2 units, or values are missing.
        MissingColumnError
            If a column is not there.
        """
        merged = cast("Mapping[str, tuple[str, ...]]", self.merged)
        if isinstance(data, Aggregates):
            arms = prepare_aggregates(self._given, data, by=self.design.by, merged=merged)
        else:
            check_declared(data, self.measured_after, "measured_after")
            arms = prepare_frame(
                self._given,
                data,
                variant=self.variant,
                by=self.design.by,
                merged=merged,
                missing=self.missing,
            )
        self._check_arms(arms)
        cases = self._adjusted(self._cases(arms), arms)
        return ExperimentResult(
            effects=tuple(self._effect(case, arms.heavy) for case in cases),
            control=self.control,
            counts=arms.counts,
            alpha=self.alpha,
            alternative=self.alternative,
            design=type(self.design).__name__,
            multiplicity=self.multiplicity,
            dropped=arms.dropped,
            filled=arms.filled,
        )

    @property
    def _given(self) -> tuple[Metric, ...]:
        return cast("tuple[Metric, ...]", self.metrics)

    def _contradictions(self, metrics: Sequence[Metric]) -> list[str]:
        """Return what is wrong with values that are right by themselves."""
        found: list[str] = []
        for metric in metrics:
            for term in getattr(metric, "covariates", ()):
                found += [
                    f"'{metric.name}' is adjusted for '{column.source}', which is measured "
                    "after the experiment started: the treatment may have changed it."
                    for column in term.columns
                    if column.source in self.measured_after
                ]
        found += [
            f"the design groups by '{name}', which is measured after the experiment started."
            for name in self.design.by
            if name in self.measured_after
        ]
        if self.multiplicity == "dunnett" and self.comparisons == "all":
            found.append("multiplicity='dunnett' is for comparisons='control'; take 'holm'.")
        if self.control in (self.merged or {}):
            found.append(f"merged must not make the control '{self.control}'.")
        return found

    def _check_arms(self, arms: Arms) -> None:
        known = tuple(arms.counts)
        if not known:
            raise InvalidDataError("the data have no rows; an experiment needs at least two arms.")
        if self.control not in known:
            problem = f"control: {unknown_name('variant', self.control, known)}"
            raise InvalidParameterError("Experiment", [problem])
        if len(known) < 2:
            message = (
                f"column '{self.variant}' has one arm only, '{self.control}'; an experiment "
                "needs at least two."
            )
            raise InvalidDataError(message, column=self.variant)
        small = [name for name, n in arms.counts.items() if n < 2]
        if small:
            name = small[0]
            units = "1 unit" if arms.counts[name] else "no units"
            message = (
                f"arm '{name}' has {units}; a variance needs at least 2. Wait for more, or "
                "leave the arm out."
            )
            raise InvalidDataError(message, column=self.variant)

    def _pairs(self, arms: Arms) -> list[tuple[str, str]]:
        others = [name for name in arms.counts if name != self.control]
        merged = self.merged or {}
        found = [
            (self.control, name) for name in others if self.control not in merged.get(name, ())
        ]
        if self.comparisons == "control":
            return found
        members = {name: set(merged.get(name, (name,))) for name in others}
        return found + [
            (first, second)
            for i, first in enumerate(others)
            for second in others[i + 1 :]
            if not members[first] & members[second]
        ]

    def _cases(self, arms: Arms) -> list[_Case]:
        found: list[_Case] = []
        for metric in arms.metrics:
            for control, variant in self._pairs(arms):
                try:
                    estimate = self._estimate(metric, arms, control, variant)
                except InvalidDataError:
                    if metric.name in arms.parts:
                        continue  # the metric itself can do without its parts
                    raise
                judgement = self._judge(metric, estimate, arms, self.alpha)
                if hasattr(metric, "facts"):
                    moments = arms.moments[control], arms.moments[variant]
                    facts = {**cast("Any", metric).facts(*moments), **judgement.facts}
                    judgement = replace(judgement, facts=facts)
                log = judgement.log_p_value
                found.append(_Case(metric, control, variant, estimate, judgement, log, self.alpha))
        return found

    def _estimate(self, metric: Metric, arms: Arms, control: str, variant: str) -> Estimate:
        if is_row_metric(metric):
            found = cast("RowMetric", metric).estimate_rows(
                arms.rows[control], arms.rows[variant], random_state=self.random_state
            )
        elif not self.design.by and type(self.design).estimate in _PLAIN:
            moments = arms.moments
            found = cast("MomentMetric", metric).estimate(moments[control], moments[variant])
        else:
            found = self.design.estimate(
                cast("MomentMetric", metric), cast("Aggregates", arms.aggregates), control, variant
            )
        return replace(found, metric=metric.name, control=control, variant=variant)

    def _judge(self, metric: Metric, estimate: Estimate, arms: Arms, alpha: float) -> Judgement:
        """Let the metric judge where it has a test of its own for this design."""
        own: Any = getattr(metric, "judge_fixed", None)
        fits = type(self.design) is Fixed and not self.design.by and not is_row_metric(metric)
        if own is not None and fits:
            control, variant = arms.moments[estimate.control], arms.moments[estimate.variant]
            found = own(control, variant, estimate, alpha=alpha, alternative=self.alternative)
            if found is not None:
                return cast("Judgement", found)
        turn: Any = getattr(self.design, "for_goal", None)
        design = self.design if turn is None else cast("Design", turn(metric.goal))
        return design.judge(estimate, alpha=alpha, alternative=self.alternative)

    def _adjusted(self, cases: list[_Case], arms: Arms) -> list[_Case]:
        """Share the chance of error between the hypotheses."""
        found = list(cases)
        for i, (log, level) in self._shares(cases, arms.parts).items():
            case = cases[i]
            judged = self._judge(case.metric, case.estimate, arms, level)
            notes = judged.notes
            is_rejected = log <= math.log(self.alpha)
            if self.multiplicity == "holm" and is_rejected and _holds_zero(judged.interval):
                notes = (*notes, _HOLM)
            judged = replace(
                case.judgement,
                interval=judged.interval,
                relative_interval=judged.relative_interval,
                notes=notes,
            )
            found[i] = replace(case, adjusted=log, interval_alpha=level, judgement=judged)
        return found

    def _shares(self, cases: list[_Case], parts: frozenset[str]) -> dict[int, tuple[float, float]]:
        """Return the adjusted logarithm and the level of each hypothesis in the family."""
        family = [
            i
            for i, case in enumerate(cases)
            if case.metric.role != "guardrail" and case.metric.name not in parts
        ]
        if self.multiplicity is None or not family:
            return {}
        logs = [case.judgement.log_p_value for case in cases]
        if self.multiplicity != "dunnett":
            adjusted, level = adjust_family(
                [logs[i] for i in family], self.multiplicity, self.alpha
            )
            return {i: (log, level) for i, log in zip(family, adjusted.tolist(), strict=True)}
        found: dict[int, tuple[float, float]] = {}
        for name in dict.fromkeys(cases[i].metric.name for i in family):
            of_metric = [i for i in family if cases[i].metric.name == name]
            both = adjust_with_control(
                [logs[i] for i in of_metric],
                [cases[i].estimate for i in of_metric],
                self.alternative,
                self.alpha,
            )
            found.update(zip(of_metric, zip(*both, strict=True), strict=True))
        return found

    def _effect(self, case: _Case, heavy: Mapping[str, tuple[str, ...]]) -> Effect:
        estimate, judged, metric = case.estimate, case.judgement, case.metric
        return Effect(
            metric=metric.name,
            control=case.control,
            variant=case.variant,
            role=metric.role,
            goal=metric.goal,
            n_control=estimate.n_control,
            n_variant=estimate.n_variant,
            control_mean=estimate.control_mean,
            variant_mean=estimate.variant_mean,
            effect=estimate.effect,
            std_error=estimate.std_error,
            interval=judged.interval,
            relative=estimate.relative,
            relative_interval=judged.relative_interval,
            p_value=judged.p_value,
            log_p_value=judged.log_p_value,
            adjusted_p_value=math.exp(case.adjusted),
            alpha=self.alpha,
            interval_alpha=case.interval_alpha,
            statistic=judged.statistic,
            degrees_of_freedom=estimate.degrees_of_freedom,
            method=judged.method,
            margin=judge_margin(cast("Any", metric), estimate, self.design, alpha=self.alpha),
            facts=judged.facts,
            notes=(*estimate.notes, *judged.notes, *heavy.get(metric.name, ())),
        )


def _metric_problems(metrics: Sequence[Any]) -> list[str]:
    if not metrics:
        return ["metrics must hold at least one metric, such as Mean('spend')."]
    strangers = [
        f"metrics must hold metrics such as Mean('spend'); got {type(m).__name__}."
        for m in metrics
        if not (hasattr(m, "estimate") or hasattr(m, "estimate_rows"))
    ]
    if strangers:
        return strangers
    names = [metric.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"two metrics are called '{name}'; give one of them name=." for name in twice]


def _holds_zero(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0.0 <= interval[1]
