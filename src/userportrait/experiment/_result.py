"""What an experiment found: one effect for each metric and pair of arms."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core.display import definition_list, format_count, page_fragment, table
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.experiment._aggregates_keys import label_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.axes import Axes

    from userportrait.experiment._base import Goal, Role
    from userportrait.experiment._estimate import Alternative
    from userportrait.experiment._metrics import Claim, MarginKind

__all__ = ["Effect", "ExperimentResult", "MarginTest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTest:
    """Whether an effect stays within the margin that is still acceptable.

    Parameters
    ----------
    claim : {'non-inferior', 'equivalent'}
        What was to be shown: no loss larger than the margin, or no change larger than it.
    margin : float
    kind : {'relative', 'absolute'}
    p_value, log_p_value : float
        Of the one-sided test, or for equivalence the larger of the two.
    is_shown : bool
        Whether the p-value is at most `alpha` of the experiment.

    Examples
    --------
    >>> from userportrait.experiment import MarginTest
    >>> print(MarginTest(claim="non-inferior", margin=0.02, kind="relative", p_value=0.003,
    ...                  log_p_value=-5.8, is_shown=True))
    non-inferior within 2 % (p = 0.003)
    """

    claim: Claim
    margin: float
    kind: MarginKind
    p_value: float
    log_p_value: float
    is_shown: bool

    def __str__(self) -> str:
        size = f"{100.0 * self.margin:.4g} %" if self.kind == "relative" else f"{self.margin:.4g}"
        verb = self.claim if self.is_shown else f"not shown to be {self.claim}"
        return f"{verb} within {size} ({write_p(self.p_value, self.log_p_value)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Difference of a metric between two arms, with its uncertainty.

    Parameters
    ----------
    metric, control, variant : str
        Names.
    role : {'primary', 'secondary', 'guardrail'}
        What the metric is for.
    goal : {'increase', 'decrease'}
        Which way is good.
    n_control, n_variant : int
        Units.
    control_mean, variant_mean : float
        Adjusted for covariates, if the metric has any.
    effect, std_error : float
        Variant less control, in the unit of the metric.
    interval : tuple of float
        Of the effect, adjusted if several hypotheses share the chance of error.
    relative : float
        Effect as a share of the control's mean; NaN if that is 0.
    relative_interval : tuple of float
        Infinite ends where the data set no bound.
    p_value, log_p_value : float
        Not adjusted; the logarithm stays exact where the p-value is 0 as a float.
    adjusted_p_value : float
        Equal to `p_value` if nothing was adjusted.
    alpha : float
        Chance of a false alarm that `is_significant` allows.
    interval_alpha : float
        One minus the level of the intervals; below `alpha` if they are adjusted.
    statistic, degrees_of_freedom : float
    method : str
        What was computed, in a few words.
    margin : MarginTest, optional
        For metrics with a margin.
    facts : mapping of str to (float, bool or str)
        What else the design or the metric says.
    notes : tuple of str
        What the reader must know.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean
    >>> frame = pd.DataFrame(
    ...     {"variant": ["A"] * 4 + ["B"] * 4, "spend": [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0, 5.0]}
    ... )
    >>> found = Experiment(Mean("spend"), control="A").analyze(frame)["spend"]
    >>> found.effect, found.is_significant, found.is_better
    (3.0, True, True)
    """

    metric: str
    control: str
    variant: str
    role: Role
    goal: Goal
    n_control: int
    n_variant: int
    control_mean: float
    variant_mean: float
    effect: float
    std_error: float
    interval: tuple[float, float]
    relative: float
    relative_interval: tuple[float, float]
    p_value: float
    log_p_value: float
    adjusted_p_value: float
    alpha: float
    interval_alpha: float
    statistic: float
    degrees_of_freedom: float
    method: str
    margin: MarginTest | None = None
    facts: Mapping[str, float | bool | str] = field(default_factory=dict[str, "float | bool | str"])
    notes: tuple[str, ...] = ()

    @property
    def is_significant(self) -> bool:
        """Whether the adjusted p-value is at most `alpha`; without one, the interval decides."""
        if math.isnan(self.adjusted_p_value):
            return self.interval[0] > 0.0 or self.interval[1] < 0.0
        return self.adjusted_p_value <= self.alpha

    @property
    def is_better(self) -> bool | None:
        """Whether the variant is better; None where the data do not tell."""
        if not self.is_significant:
            return None
        return (self.effect > 0.0) == (self.goal == "increase")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON but for infinities and NaN."""
        found = asdict(self)
        found["interval"], found["relative_interval"] = (
            list(self.interval),
            list(self.relative_interval),
        )
        found["facts"], found["notes"] = dict(self.facts), list(self.notes)
        return found

    def __str__(self) -> str:
        return "  ".join(_cells(self))

    def _repr_html_(self) -> str:
        return page_fragment(self.metric, _html_rows([self]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """Effects of all metrics, and what they rest on.

    Parameters
    ----------
    effects : tuple of Effect
        By metric in the order given, then by pair of arms.
    control : str
    counts : mapping of str to int
        Units of each arm.
    alpha : float
    alternative : {'two-sided', 'greater', 'less'}
    design : str
        Name of the design's class.
    multiplicity : str, optional
        How p-values and intervals were adjusted.
    dropped, filled : mapping of str to int
        Rows left out, and values counted as 0, because something was missing, by arm.
    notes : tuple of str
        What concerns the experiment as a whole.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean
    >>> frame = pd.DataFrame(
    ...     {"variant": ["A"] * 4 + ["B"] * 4, "spend": [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0, 5.0]}
    ... )
    >>> print(Experiment(Mean("spend"), control="A").analyze(frame))
    4 units of A (control), 4 units of B; Fixed, 95 % intervals
    spend  B against A  2 -> 5  +150.0 % [+57.0 %, +409.2 %]  p = 0.002  better
    """

    effects: tuple[Effect, ...]
    control: str
    counts: Mapping[str, int]
    alpha: float
    alternative: Alternative
    design: str
    multiplicity: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    filled: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, in order."""
        return tuple(dict.fromkeys(effect.metric for effect in self.effects))

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the arms besides the control, in order."""
        return tuple(name for name in self.counts if name != self.control)

    def __len__(self) -> int:
        return len(self.effects)

    def __iter__(self) -> Iterator[Effect]:
        return iter(self.effects)

    def __getitem__(self, key: str | tuple[str, object] | tuple[str, object, object]) -> Effect:
        """Return the effect on a metric: ``result["spend"]``, ``result["spend", "B"]``.

        Parameters
        ----------
        key : str or tuple
            The metric; with more than one variant, the variant too; for another pair than
            with the control, ``(metric, variant, control)``.

        Raises
        ------
        InvalidParameterError
            If there is no such effect, or more than one.
        """
        metric, *arms = (key,) if isinstance(key, str) else key
        if metric not in self.metrics:
            problem = unknown_name("metric", metric, self.metrics)
            raise InvalidParameterError("ExperimentResult", [problem])
        wanted = [label_of(arm) for arm in arms] + ([] if len(arms) > 1 else [self.control])
        found = [e for e in self.effects if e.metric == metric]
        if arms:
            found = [e for e in found if [e.variant, e.control] == wanted]
        elif len(found) > 1:
            found = [e for e in found if e.control == self.control]
        if len(found) == 1:
            return found[0]
        if not found:
            problem = unknown_name("variant", label_of(arms[0]), self.variants)
        else:
            problem = f"'{metric}' has several variants; ask for result['{metric}', variant]."
        raise InvalidParameterError("ExperimentResult", [problem])

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each effect.

        Returns
        -------
        DataFrame
            ``metric, variant, control, role, control_mean, variant_mean, effect, ci_low,
            ci_high, relative, relative_ci_low, relative_ci_high, p_value, adjusted_p_value,
            n_control, n_variant, std_error, is_significant, method``.
        """
        rows = [_row(effect) for effect in self.effects]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON but for infinities and NaN."""
        return {
            "control": self.control,
            "counts": dict(self.counts),
            "alpha": self.alpha,
            "alternative": self.alternative,
            "design": self.design,
            "multiplicity": self.multiplicity,
            "dropped": dict(self.dropped),
            "filled": dict(self.filled),
            "notes": list(self.notes),
            "effects": [effect.to_dict() for effect in self.effects],
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effects with their intervals, one line each.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes
        """
        from userportrait.experiment._plots_forest import plot_effects

        return plot_effects(self, ax=ax)

    def __str__(self) -> str:
        rows = [_cells(effect) for effect in self.effects]
        widths = [max(len(row[i]) for row in rows) for i in range(6)] if rows else []
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        notes = [f"- {note}" for note in self._all_notes()]
        return "\n".join([self._headline(), *lines, *notes])

    def _repr_html_(self) -> str:
        notes = dict.fromkeys(self._all_notes())
        parts = [f"<p>{_escaped(self._headline())}</p>", _html_rows(self.effects)]
        if notes:
            parts.append(definition_list({f"note {i}": n for i, n in enumerate(notes, start=1)}))
        return page_fragment("Experiment", *parts)

    def _headline(self) -> str:
        arms = [
            f"{format_count(n, 'unit')} of {name}" + (" (control)" if name == self.control else "")
            for name, n in sorted(self.counts.items(), key=lambda item: item[0] != self.control)
        ]
        levels = {f"{100.0 * (1.0 - e.interval_alpha):.4g}" for e in self.effects}
        level = f"{levels.pop()} % intervals" if len(levels) == 1 else "intervals"
        how = f", adjusted: {self.multiplicity}" if self.multiplicity else ""
        return f"{', '.join(arms)}; {self.design}, {level}{how}"

    def _all_notes(self) -> list[str]:
        found = list(self.notes)
        missing = sum(self.dropped.values()), sum(self.filled.values())
        if missing[0]:
            found.append(f"{format_count(missing[0], 'row')} left out for a missing value.")
        if missing[1]:
            found.append(f"{format_count(missing[1], 'missing value')} counted as 0.")
        several = len({(e.control, e.variant) for e in self.effects}) > 1
        for e in self.effects:
            where = f"{e.metric}, {e.variant}" if several else e.metric
            found.extend(f"{where}: {note}" for note in e.notes)
        return list(dict.fromkeys(found))


_COLUMNS = (
    "metric", "variant", "control", "role", "control_mean", "variant_mean", "effect", "ci_low",
    "ci_high", "relative", "relative_ci_low", "relative_ci_high", "p_value", "adjusted_p_value",
    "n_control", "n_variant", "std_error", "is_significant", "method",
)  # fmt: skip


def write_p(p_value: float, log_p_value: float) -> str:
    """Return a p-value in words that stay readable below the smallest float.

    Examples
    --------
    >>> write_p(0.012, -4.42), write_p(0.0, -1804.32)
    ('p = 0.012', 'p = 10^-784')
    """
    if math.isnan(p_value):
        return "no p-value"
    if p_value < 1e-300:
        return "p = 0" if math.isinf(log_p_value) else f"p = 10^{log_p_value / math.log(10.0):.0f}"
    return f"p = {p_value:.2g}" if p_value < 0.1 else f"p = {p_value:.2f}"


def _row(effect: Effect) -> tuple[object, ...]:
    (low, high), (relative_low, relative_high) = effect.interval, effect.relative_interval
    return (
        effect.metric, effect.variant, effect.control, effect.role, effect.control_mean,
        effect.variant_mean, effect.effect, low, high, effect.relative, relative_low,
        relative_high, effect.p_value, effect.adjusted_p_value, effect.n_control,
        effect.n_variant, effect.std_error, effect.is_significant, effect.method,
    )  # fmt: skip


def _cells(effect: Effect) -> tuple[str, str, str, str, str, str]:
    """Return what a line of text says, in six pieces."""
    if math.isnan(effect.relative):
        size = f"{effect.effect:+.4g} [{effect.interval[0]:+.4g}, {effect.interval[1]:+.4g}]"
    else:
        low, high = (_percent(end) for end in effect.relative_interval)
        size = f"{_percent(effect.relative)} [{low}, {high}]"
    verdict = {True: "better", False: "worse", None: "unclear"}[effect.is_better]
    if effect.margin is not None:
        verdict += f"; {effect.margin}"
    adjusted = effect.adjusted_p_value
    p = write_p(effect.p_value, effect.log_p_value)
    # The exponential of a logarithm need not give back the last digit.
    if not math.isnan(adjusted) and not math.isclose(adjusted, effect.p_value, rel_tol=1e-9):
        p += f" (adjusted {adjusted:.2g})"
    means = f"{effect.control_mean:.4g} -> {effect.variant_mean:.4g}"
    return (
        effect.metric,
        f"{effect.variant} against {effect.control}",
        means,
        size,
        p,
        verdict,
    )


def _percent(share: float) -> str:
    if math.isnan(share):
        return "none"
    return f"{share:+.1%}".replace("%", " %") if math.isfinite(share) else f"{share:+}"


def _html_rows(effects: list[Effect] | tuple[Effect, ...]) -> str:
    heads = ("metric", "arms", "means", "relative effect", "p-value", "verdict")
    return table(heads, [_cells(effect) for effect in effects], numeric=heads[2:5])


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
