"""The statistic of an experiment look by look, beside the bounds that it has to cross."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, InstanceOf, OneOf, Rule, check_values
from userportrait.errors import InvalidDataError
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._anytime import Anytime
from userportrait.experiment._group_sequential import GroupSequential, normal_statistic

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from userportrait.experiment._base import MomentMetric
    from userportrait.experiment._estimate import Alternative, Estimate, Judgement
    from userportrait.experiment._moments import Moments

__all__ = ["SequentialPath", "path_by_day", "sequential_path"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialPath:
    """Several looks at one metric with the bounds of each.

    Parameters
    ----------
    metric, control, variant : str
        Names.
    look : tuple of int, of length K
        From 1 on.
    information : tuple of float, of length K
        Units so far by those planned.
    statistic : tuple of float, of length K
        Effect by standard error, as a normal quantile; NaN at looks to come.
    lower, upper : tuple of float, of length K
        Bounds beyond which the experiment stops; infinite where there is none.
    decision : tuple of str, of length K
        'continue', 'effect', 'futility', 'no effect', or 'planned' at looks to come. Each
        look is judged for itself, also after a stop.
    inner : tuple of float, of length K
        Half-widths around 0 that stop a two-sided test for futility; 0 where there are none.
    label : tuple of str, of length K
        What a look is called, such as its day; the number by default.

    Examples
    --------
    >>> from userportrait.experiment import Estimate, GroupSequential, sequential_path
    >>> looks = [
    ...     Estimate(
    ...         metric="spend", control="A", variant="B", n_control=n, n_variant=n,
    ...         control_mean=10.0, variant_mean=10.6, control_variance=4 / n,
    ...         variant_variance=4 / n,
    ...     )
    ...     for n in (100, 200)
    ... ]
    >>> path = sequential_path(looks, GroupSequential(looks=4))
    >>> path.to_frame().round(2)
       look  information  statistic  lower  upper  decision
    0     1         0.25       2.12  -4.33   4.33  continue
    1     2         0.50       3.00  -2.96   2.96    effect
    2     3         0.75        NaN  -2.36   2.36   planned
    3     4         1.00        NaN  -2.01   2.01   planned
    >>> path.stopped_at
    2
    """

    metric: str
    control: str
    variant: str
    look: tuple[int, ...]
    information: tuple[float, ...]
    statistic: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    decision: tuple[str, ...]
    inner: tuple[float, ...]
    label: tuple[str, ...]

    @property
    def stopped_at(self) -> int | None:
        """The first look that stops; None if none has."""
        going = ("continue", "planned")
        return next(
            (
                look
                for look, told in zip(self.look, self.decision, strict=True)
                if told not in going
            ),
            None,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look: look, information, statistic, lower, upper, decision."""
        import pandas as pd

        names = ("look", "information", "statistic", "lower", "upper", "decision")
        return pd.DataFrame({name: list(getattr(self, name)) for name in names})

    def to_dict(self) -> dict[str, object]:
        """Return every value under its name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __str__(self) -> str:
        title = f"{self.metric}: {self.variant} against {self.control}"
        return f"{title}\n{self.to_frame().to_string(index=False, float_format='%.4g')}"

    def plot(self, *, alpha: float = 0.05, ax: Axes | None = None) -> Axes:
        """Draw the statistic at each look between the bounds.

        Parameters
        ----------
        alpha : float, default=0.05
            Of the thin line, which a test with a single look would use.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes

        See Also
        --------
        plot_path : The same, in another language too.
        """
        from userportrait.experiment._plots_sequential import plot_path

        return plot_path(self, alpha=alpha, ax=ax)

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        rows = [
            [row[0], *(f"{value:.4g}" for value in row[1:5]), row[5]]
            for row in frame.itertuples(index=False)
        ]
        names = [str(name) for name in frame.columns]
        return page_fragment(
            f"{self.metric}: {self.variant} against {self.control}",
            table(names, rows, numeric=names[:5]),
        )


_RULES: dict[str, Rule] = {
    "design": InstanceOf((GroupSequential, Anytime), "GroupSequential or Anytime"),
    "alpha": Between(0.0, 1.0, open_low=True, open_high=True),
    "alternative": OneOf(("two-sided", "greater", "less")),
}


def sequential_path(
    estimates: Sequence[Estimate],
    design: GroupSequential | Anytime,
    *,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    labels: Sequence[object] | None = None,
) -> SequentialPath:
    """Return the looks that were made, and those that are planned, with their bounds.

    Parameters
    ----------
    estimates : sequence of Estimate
        Of all units up to each look, in order; the first is the first look.
    design : GroupSequential or Anytime
        With ``planned_n``, a group sequential design takes the shares that the looks really
        had; each bound knows only the looks up to its own.
    alpha : float, default=0.05
    alternative : {'two-sided', 'greater', 'less'}, default='two-sided'
    labels : sequence, optional
        What the looks are called, one per estimate.

    Returns
    -------
    SequentialPath

    Raises
    ------
    InvalidDataError
        If there is no estimate, or more than there are planned looks.

    Examples
    --------
    >>> from userportrait.experiment import Anytime, Estimate, sequential_path
    >>> looks = [
    ...     Estimate(
    ...         metric="spend", control="A", variant="B", n_control=n, n_variant=n,
    ...         control_mean=10.0, variant_mean=10.6, control_variance=4 / n,
    ...         variant_variance=4 / n,
    ...     )
    ...     for n in (100, 250)
    ... ]
    >>> sequential_path(looks, Anytime(n_star=500), labels=["Monday", "Tuesday"]).decision
    ('continue', 'effect')
    """
    values = {"design": design, "alpha": alpha, "alternative": alternative}
    check_values("sequential_path", values, _RULES)
    if not estimates:
        raise InvalidDataError("there is no look: estimates must hold at least one.")
    if labels is not None and len(labels) != len(estimates):
        message = f"labels must have one entry per look, {len(estimates)}; got {len(labels)}."
        raise InvalidDataError(message)
    if isinstance(design, GroupSequential):
        rows = _group_rows(estimates, design, alpha, alternative)
    else:
        rows = [
            _row(found, design.judge(found, alpha=alpha, alternative=alternative), alternative)
            for found in estimates
        ]
    shown = [str(label) for label in labels or range(1, len(estimates) + 1)]
    shown += [str(look) for look in range(len(shown) + 1, len(rows) + 1)]
    first = estimates[0]
    return SequentialPath(
        metric=first.metric,
        control=first.control,
        variant=first.variant,
        look=tuple(range(1, len(rows) + 1)),
        information=tuple(row.information for row in rows),
        statistic=tuple(row.statistic for row in rows),
        lower=tuple(row.lower for row in rows),
        upper=tuple(row.upper for row in rows),
        decision=tuple(row.decision for row in rows),
        inner=tuple(row.inner for row in rows),
        label=tuple(shown),
    )


def path_by_day(
    metric: MomentMetric,
    aggregates: Aggregates,
    design: GroupSequential | Anytime,
    *,
    control: object,
    variant: object,
    day: str = "day",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> SequentialPath:
    """Return one look at the end of each day, at all units up to then.

    Parameters
    ----------
    metric : metric of moments, such as Mean, Ratio or Proportion
    aggregates : Aggregates
        By the day among others, each unit in one day (that of its assignment).
    design : GroupSequential or Anytime
        A group sequential design needs a look for each day.
    control, variant : object
        Labels of the two arms.
    day : str, default='day'
        Name of the day among the groups.
    alpha : float, default=0.05
    alternative : {'two-sided', 'greater', 'less'}, default='two-sided'

    Returns
    -------
    SequentialPath
        Days before both arms have two units are left out. Labels are the days.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Aggregates, GroupSequential, Mean, path_by_day
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 6,
    ...         "day": [1] * 4 + [2] * 4 + [3] * 4,
    ...         "spend": [1.0, 3.0, 2.0, 5.0, 1.0, 4.0, 2.0, 3.0, 1.0, 6.0, 3.0, 4.0],
    ...     }
    ... )
    >>> days = Aggregates.from_frame(frame, ["spend"], by=["day"])
    >>> path = path_by_day(
    ...     Mean("spend"), days, GroupSequential(looks=3), control="A", variant="B"
    ... )
    >>> path.decision
    ('continue', 'effect', 'effect')
    """
    rule = InstanceOf((Aggregates,), "Aggregates by day: Aggregates.from_frame(..., by=['day'])")
    check_values("path_by_day", {"aggregates": aggregates}, {"aggregates": rule})
    by_day = aggregates.collapse((day,))
    found: list[Estimate] = []
    labels: list[object] = []
    before: list[Moments] | None = None
    for (moment,) in by_day.groups():
        arms = [by_day.moments(arm, **{day: moment}) for arm in (control, variant)]
        if before is not None:
            arms = [old.merge(new) for old, new in zip(before, arms, strict=True)]
        before = arms
        if min(arm.n for arm in arms) < 2:
            continue
        estimate = metric.estimate(arms[0], arms[1])
        found.append(replace(estimate, control=str(control), variant=str(variant)))
        labels.append(moment)
    return sequential_path(found, design, alpha=alpha, alternative=alternative, labels=labels)


@dataclass(frozen=True, slots=True)
class _Row:
    information: float
    statistic: float
    lower: float
    upper: float
    decision: str
    inner: float = 0.0


def _row(estimate: Estimate, judged: Judgement, alternative: Alternative) -> _Row:
    bound = float(judged.facts.get("boundary", math.nan))
    stop = judged.facts.get("futility")
    known = estimate.std_error > 0.0
    lower, upper, inner = _sides(bound, None if stop is None else float(stop), alternative)
    return _Row(
        information=float(judged.facts.get("information", math.nan)),
        statistic=normal_statistic(estimate) if known else math.nan,
        lower=lower,
        upper=upper,
        decision=str(judged.facts["decision"]),
        inner=inner,
    )


def _sides(
    bound: float, stop: float | None, alternative: Alternative
) -> tuple[float, float, float]:
    """Return the lower and the upper bound and the inner half-width, turned back."""
    if alternative == "two-sided":
        return -bound, bound, max(stop or 0.0, 0.0)
    low = -math.inf if stop is None else stop
    return (low, bound, 0.0) if alternative == "greater" else (-bound, -low, 0.0)


def _group_rows(
    estimates: Sequence[Estimate],
    design: GroupSequential,
    alpha: float,
    alternative: Alternative,
) -> list[_Row]:
    if len(estimates) > len(design.planned):
        message = (
            f"{len(estimates)} looks were made, and {len(design.planned)} were planned. "
            "Give the design as many fractions as there are looks."
        )
        raise InvalidDataError(message)
    rows = list[_Row]()
    for at, estimate in enumerate(estimates):
        design = _moved(design, at, estimate)
        judged = design.judge(estimate, alpha=alpha, alternative=alternative)
        rows.append(_row(estimate, judged, alternative))
    bounds = design.bounds(alpha, alternative)
    for at in range(len(estimates), len(bounds.times)):
        stop = None if bounds.futility is None else bounds.futility[at]
        lower, upper, inner = _sides(bounds.upper[at], stop, alternative)
        rows.append(_Row(bounds.times[at], math.nan, lower, upper, "planned", inner))
    return rows


def _moved(design: GroupSequential, at: int, estimate: Estimate) -> GroupSequential:
    """Return the design at a look, with the share that it really had."""
    here = replace(design, look=at + 1)
    if design.planned_n is None or isinstance(design.boundary, str):
        return here
    share = (estimate.n_control + estimate.n_variant) / design.planned_n
    if at + 1 == len(design.planned):
        return here
    later = [step for step in design.planned[at + 1 :] if step > share + 1e-4]
    return replace(here, looks=None, fractions=(*design.planned[:at], share, *later))
