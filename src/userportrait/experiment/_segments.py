"""For whom did it work: effects by segment, whether they differ, and what each is likely to be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from userportrait._core.display import format_count, page_fragment, table
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.experiment._adjusted import adjust_family
from userportrait.experiment._shrinkage import Heterogeneity, heterogeneity, shrink
from userportrait.experiment._slices import Slices, cut, known_columns
from userportrait.experiment._words import write_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._experiment import Experiment
    from userportrait.experiment._result import Effect
    from userportrait.experiment._words import Language
    from userportrait.typing import IntoFrame

__all__ = ["SegmentDifference", "SegmentEffect", "SegmentEffects", "effects_by_segment"]

Adjusting: TypeAlias = Literal["bonferroni", "holm", "bh", "by"]

_OWNER = "effects_by_segment"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """An effect among the units of one segment.

    Parameters
    ----------
    column, segment : str
        What was cut by, and the value.
    effect : Effect
        As measured in the segment alone, p-value and interval adjusted.
    shrunk : float
        What the effect is likely to be, given all segments; NaN where it cannot be told.
    shrunk_interval : tuple of float

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_segment
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 8,
    ...         "city": ["Rome"] * 8 + ["Lyon"] * 8,
    ...         "spend": [1.0, 4, 2, 5, 3, 6, 2, 5, 1, 1, 2, 3, 3, 2, 2, 3],
    ...     }
    ... )
    >>> found = effects_by_segment(
    ...     Experiment(Mean("spend"), control="A"), frame, "city", known_before=["city"]
    ... )
    >>> found.effects[0].segment, found.effects[0].effect.n_control
    ('Lyon', 4)
    """

    column: str
    segment: str
    effect: Effect
    shrunk: float
    shrunk_interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentDifference:
    """Whether a metric's effects differ between the segments of a column.

    Parameters
    ----------
    column, metric, variant, control : str
    test : Heterogeneity
        Cochran's Q.
    adjusted_p_value : float
        For the number of such tests.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_segment
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 8,
    ...         "city": ["Rome"] * 8 + ["Lyon"] * 8,
    ...         "spend": [1.0, 4, 2, 5, 3, 6, 2, 5, 1, 1, 2, 3, 3, 2, 2, 3],
    ...     }
    ... )
    >>> found = effects_by_segment(
    ...     Experiment(Mean("spend"), control="A"), frame, "city", known_before=["city"]
    ... )
    >>> found.differences[0].test.n, round(found.differences[0].adjusted_p_value, 4)
    (2, 0.0013)
    """

    column: str
    metric: str
    variant: str
    control: str
    test: Heterogeneity
    adjusted_p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffects:
    """Effects by segment; made by `effects_by_segment`.

    Parameters
    ----------
    effects : tuple of SegmentEffect
    differences : tuple of SegmentDifference
        One for each column, metric and pair of arms with at least two segments.
    alpha : float
    multiplicity : str or None
        How p-values and intervals were adjusted.
    left_out : mapping of str to mapping of str to int
        By column, the segments with too few units in an arm, and their units.

    See Also
    --------
    effects_by_segment : Make one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_segment
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 8,
    ...         "city": ["Rome"] * 8 + ["Lyon"] * 8,
    ...         "spend": [1.0, 4, 2, 5, 3, 6, 2, 5, 1, 1, 2, 3, 3, 2, 2, 3],
    ...     }
    ... )
    >>> found = effects_by_segment(
    ...     Experiment(Mean("spend"), control="A"), frame, "city", known_before=["city"]
    ... )
    >>> [(e.segment, e.effect.effect, round(e.shrunk, 2)) for e in found]
    [('Lyon', 0.25, 0.56), ('Rome', 3.0, 2.74)]
    """

    effects: tuple[SegmentEffect, ...]
    differences: tuple[SegmentDifference, ...]
    alpha: float
    multiplicity: str | None
    left_out: Mapping[str, Mapping[str, int]] = field(
        default_factory=dict[str, "Mapping[str, int]"]
    )

    def __iter__(self) -> Iterator[SegmentEffect]:
        return iter(self.effects)

    def __len__(self) -> int:
        return len(self.effects)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each effect.

        Columns: ``column, segment, metric, variant, control, n_control, n_variant,
        control_mean, variant_mean, effect, ci_low, ci_high, relative, p_value,
        adjusted_p_value, shrunk, shrunk_ci_low, shrunk_ci_high``.
        """
        import pandas as pd

        return pd.DataFrame([_row(found) for found in self.effects])

    def differences_frame(self) -> pd.DataFrame:
        """Return one row for each test of a difference between segments.

        Columns: ``column, metric, variant, control, n_segments, pooled, q, p_value,
        adjusted_p_value, spread, share``.
        """
        import pandas as pd

        return pd.DataFrame([_difference_row(found) for found in self.differences])

    def plot(
        self,
        metric: str | None = None,
        *,
        variant: object = None,
        language: Language = "en",
        ax: Axes | None = None,
    ) -> Axes:
        """Draw one metric's effects by segment; see `plot_segments`."""
        from userportrait.experiment._plots_segments import plot_segments

        return plot_segments(self, metric, variant=variant, language=language, ax=ax)

    def of(self, metric: str | None = None, variant: object = None) -> tuple[SegmentEffect, ...]:
        """Return the effects of one metric and variant, by default of the first ones.

        Raises
        ------
        InvalidParameterError
            If there is no such metric or variant.
        """
        from userportrait.experiment._aggregates_keys import label_of

        found = self.effects
        for kind, wanted in (("metric", metric), ("variant", variant)):
            known = list(dict.fromkeys(str(getattr(e.effect, kind)) for e in found))
            name = known[0] if wanted is None else label_of(wanted)
            if name not in known:
                problem = unknown_name(kind, name, known)
                raise InvalidParameterError("SegmentEffects", [problem])
            found = tuple(e for e in found if getattr(e.effect, kind) == name)
        return found

    def __str__(self) -> str:
        lines = [self._headline()]
        for found in self.effects:
            e = found.effect
            low, high = e.interval
            shrunk = "not shrunk" if math.isnan(found.shrunk) else f"shrunk {found.shrunk:+.4g}"
            lines.append(
                f"{found.column}={found.segment}  {e.metric}, {e.variant} against {e.control}  "
                f"{e.effect:+.4g} [{low:+.4g}, {high:+.4g}]  adjusted p = "
                f"{e.adjusted_p_value:.2g}  {shrunk}"
            )
        return "\n".join([*lines, *(f"- {note}" for note in self.notes())])

    def _headline(self) -> str:
        how = f"adjusted: {self.multiplicity}" if self.multiplicity else "not adjusted"
        return f"{format_count(len(self.effects), 'effect')} by segment, {how}"

    def notes(self) -> tuple[str, ...]:
        """Return whether effects differ, in sentences, and what was left out."""
        notes = [_told(found, self.alpha) for found in self.differences]
        for column, small in self.left_out.items():
            if small:
                n = format_count(sum(small.values()), "unit")
                notes.append(
                    f"{column}: {format_count(len(small), 'segment')} with too few units in an "
                    f"arm left out ({n})."
                )
        return tuple(notes)

    def _repr_html_(self) -> str:
        heads = ("segment", "metric", "arms", "effect", "interval", "adjusted p", "shrunk")
        rows = [
            (
                f"{s.column}={s.segment}", s.effect.metric,
                f"{s.effect.variant} against {s.effect.control}", write_number(s.effect.effect),
                "{} to {}".format(*map(write_number, s.effect.interval)),
                write_number(s.effect.adjusted_p_value), write_number(s.shrunk),
            )
            for s in self.effects
        ]  # fmt: skip
        from html import escape

        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes())
        shown = table(heads, rows, numeric=heads[3:])
        return page_fragment(self._headline(), shown, f"<ul>{notes}</ul>")


def effects_by_segment(
    experiment: Experiment,
    data: IntoFrame | Aggregates,
    by: str | Sequence[str],
    *,
    known_before: Sequence[str],
    multiplicity: Adjusting | None = "bh",
    min_units: int = 2,
) -> SegmentEffects:
    """Estimate the effects in each segment, test whether they differ, and shrink them.

    Parameters
    ----------
    experiment : Experiment
        Its metrics and design; a `multiplicity` of its own is not used here.
    data : frame or Aggregates
        One row for each unit, or aggregates `by` the columns.
    by : str or sequence of str
        Columns to cut by, one after the other.
    known_before : sequence of str
        Columns that were known before the first exposure. Those to cut by must be among them:
        a segment that the treatment can change has arms that are no longer comparable.
    multiplicity : {'bh', 'by', 'holm', 'bonferroni'} or None, default='bh'
        Adjusts p-values and intervals for all effects of all columns together, and the tests
        of differences among themselves.
    min_units : int, default=2
        Segments where an arm has fewer units are left out and counted.

    Returns
    -------
    SegmentEffects

    Raises
    ------
    InvalidParameterError
        If a column is not declared, a parameter cannot be used, or aggregates lack a column.
    MissingColumnError
        If a column is not there.
    InvalidDataError
        If no segment has enough units.

    Notes
    -----
    Segments share no units, so that their estimates are independent. Whether they differ is
    asked of Cochran's Q [1]_, not of which segments are significant: one may be and another
    not, and both have the same effect. Shrunk effects are posterior means, see `shrink`;
    they are what to expect of the segment that looks best.

    References
    ----------
    .. [1] Cochran (1954), "The combination of estimates from different experiments",
       Biometrics 10(1).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_segment
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 8,
    ...         "city": ["Rome"] * 8 + ["Lyon"] * 8,
    ...         "spend": [1.0, 4, 2, 5, 3, 6, 2, 5, 1, 1, 2, 3, 3, 2, 2, 3],
    ...     }
    ... )
    >>> found = effects_by_segment(
    ...     Experiment(Mean("spend"), control="A"), frame, "city", known_before=["city"]
    ... )
    >>> found.differences_frame()[["column", "q", "p_value"]].round(4)
      column        q  p_value
    0   city  10.3714   0.0013
    """
    check_values(
        _OWNER,
        {"multiplicity": multiplicity, "min_units": min_units, "known_before": known_before},
        {
            "multiplicity": Optional(OneOf(("bonferroni", "holm", "bh", "by"))),
            "min_units": Between(2, 2**53, integer=True),
            "known_before": InstanceOf((list, tuple, set, frozenset, str), "a list of columns"),
        },
    )
    columns = known_columns(by, known_before, experiment, _OWNER)
    cuts = {c: cut(experiment, data, c, owner=_OWNER, smallest=min_units) for c in columns}
    plain = [
        SegmentEffect(column=c, segment=label, effect=effect, shrunk=math.nan,
                      shrunk_interval=(math.nan, math.nan))
        for c, slices in cuts.items()
        for label, result in slices.analyze().items()
        for effect in result.effects
    ]  # fmt: skip
    adjusted = _adjusted(plain, cuts, multiplicity, experiment.alpha)
    shrunk, differences = _compared(adjusted, experiment.alpha)
    return SegmentEffects(
        effects=shrunk,
        differences=_adjust_differences(differences, multiplicity),
        alpha=experiment.alpha,
        multiplicity=multiplicity,
        left_out={c: dict(slices.left_out) for c, slices in cuts.items()},
    )


def _adjusted(
    effects: Sequence[SegmentEffect],
    cuts: Mapping[str, Slices],
    multiplicity: Adjusting | None,
    alpha: float,
) -> list[SegmentEffect]:
    """Share the chance of error between all effects; intervals are made anew at their level."""
    if multiplicity is None:
        return list(effects)
    log_p, level = adjust_family([e.effect.log_p_value for e in effects], multiplicity, alpha)
    wide = {
        (c, label, e.metric, e.variant, e.control): e
        for c, slices in cuts.items()
        for label, result in slices.analyze(level).items()
        for e in result.effects
    }
    found: list[SegmentEffect] = []
    for one, log in zip(effects, log_p.tolist(), strict=True):
        e = one.effect
        other = wide[one.column, one.segment, e.metric, e.variant, e.control]
        new = replace(
            e, interval=other.interval, relative_interval=other.relative_interval,
            adjusted_p_value=math.exp(log), interval_alpha=level,
        )  # fmt: skip
        found.append(replace(one, effect=new))
    return found


def _compared(
    effects: Sequence[SegmentEffect], alpha: float
) -> tuple[tuple[SegmentEffect, ...], list[SegmentDifference]]:
    """Test the effects of each family for a difference, and shrink them."""
    families: dict[tuple[str, str, str, str], list[int]] = {}
    for place, one in enumerate(effects):
        e = one.effect
        families.setdefault((one.column, e.metric, e.variant, e.control), []).append(place)
    found, differences = list(effects), list[SegmentDifference]()
    for (column, metric, variant, control), places in families.items():
        sizes = np.array([effects[p].effect.effect for p in places])
        errors = np.array([effects[p].effect.std_error for p in places])
        usable = np.isfinite(sizes) & np.isfinite(errors) & (errors > 0)
        if usable.sum() < 2:
            continue
        test = heterogeneity(sizes[usable], errors[usable])
        differences.append(
            SegmentDifference(column=column, metric=metric, variant=variant, control=control,
                       test=test, adjusted_p_value=test.p_value)
        )  # fmt: skip
        likely = shrink(sizes[usable], errors[usable], alpha=alpha)
        kept = [place for place, good in zip(places, usable, strict=True) if good]
        for k, place in enumerate(kept):
            limits = (float(likely.low[k]), float(likely.high[k]))
            found[place] = replace(
                found[place], shrunk=float(likely.means[k]), shrunk_interval=limits
            )
    return tuple(found), differences


def _adjust_differences(
    differences: Sequence[SegmentDifference], multiplicity: Adjusting | None
) -> tuple[SegmentDifference, ...]:
    from userportrait._core.multiplicity import adjust_p

    p_values = np.array([found.test.p_value for found in differences], dtype=np.float64)
    adjusted = adjust_p(p_values, multiplicity) if len(p_values) else p_values
    return tuple(
        replace(one, adjusted_p_value=float(adjusted[place]))
        for place, one in enumerate(differences)
    )


def _told(found: SegmentDifference, alpha: float) -> str:
    p = f"Q = {found.test.q:.3g}, adjusted p = {found.adjusted_p_value:.2g}"
    differ = found.adjusted_p_value <= alpha
    what = "differ" if differ else "cannot be told apart"
    return (
        f"{found.metric}, {found.variant} against {found.control}: effects by {found.column} "
        f"{what} ({p})."
    )


def _row(found: SegmentEffect) -> dict[str, object]:
    e = found.effect
    return {
        "column": found.column, "segment": found.segment, "metric": e.metric,
        "variant": e.variant, "control": e.control, "n_control": e.n_control,
        "n_variant": e.n_variant, "control_mean": e.control_mean, "variant_mean": e.variant_mean,
        "effect": e.effect, "ci_low": e.interval[0], "ci_high": e.interval[1],
        "relative": e.relative, "p_value": e.p_value, "adjusted_p_value": e.adjusted_p_value,
        "shrunk": found.shrunk, "shrunk_ci_low": found.shrunk_interval[0],
        "shrunk_ci_high": found.shrunk_interval[1],
    }  # fmt: skip


def _difference_row(found: SegmentDifference) -> dict[str, object]:
    test = found.test
    return {
        "column": found.column, "metric": found.metric, "variant": found.variant,
        "control": found.control, "n_segments": test.n, "pooled": test.pooled, "q": test.q,
        "p_value": test.p_value, "adjusted_p_value": found.adjusted_p_value,
        "spread": test.spread, "share": test.share,
    }  # fmt: skip
