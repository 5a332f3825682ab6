"""Does the effect last: estimates day by day, and whether they fade or grow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, InstanceOf, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.experiment._shrinkage import heterogeneity
from userportrait.experiment._slices import cut, effects_of
from userportrait.experiment._words import write_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._experiment import Experiment
    from userportrait.experiment._result import Effect
    from userportrait.experiment._words import Language
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["DayEffects", "Trend", "effects_by_day"]

Course: TypeAlias = Literal["fades", "grows", "changes sign", "unclear"]

_OWNER = "effects_by_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How a metric's effect goes from day to day.

    Parameters
    ----------
    metric, variant, control : str
    days : tuple of str
    effects : tuple of Effect
        One for each day.
    slope : float
        Change of the effect a day, by weighted least squares.
    slope_interval : tuple of float
    p_value : float
        Two-sided, of no trend.
    first, last : float
        The effect that the line has on the first and on the last day.
    early, late : float
        Effect in the first days and after them, weighted by precision.
    early_late_p_value : float
        Of no difference between the two.
    q_p_value : float
        Cochran's Q: of no difference between any days.
    alpha : float

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_day
    >>> day, unit = np.divmod(np.arange(400), 40)
    >>> frame = pd.DataFrame({"day": day, "variant": np.where(unit % 2, "B", "A")})
    >>> frame["spend"] = unit % 8 + np.where(unit % 2, 10.0 - day, 0.0)
    >>> found = effects_by_day(Experiment(Mean("spend"), control="A"), frame)
    >>> trend = found["spend"]
    >>> trend.course, round(trend.first, 6), round(trend.last, 6)
    ('fades', 11.0, 2.0)
    """

    metric: str
    variant: str
    control: str
    days: tuple[str, ...]
    effects: tuple[Effect, ...]
    slope: float
    slope_interval: tuple[float, float]
    p_value: float
    first: float
    last: float
    early: float
    late: float
    early_late_p_value: float
    q_p_value: float
    alpha: float

    @property
    def course(self) -> Course:
        """What the trend does to the effect: nearer to 0, further off, or through it."""
        if not self.p_value <= self.alpha:
            return "unclear"
        if self.first * self.last < 0:
            return "changes sign"
        return "fades" if abs(self.last) < abs(self.first) else "grows"

    def __str__(self) -> str:
        low, high = self.slope_interval
        verb = {
            "fades": "fades",
            "grows": "grows",
            "changes sign": "changes its sign",
            "unclear": "shows no clear trend",
        }[self.course]
        return (
            f"{self.metric}, {self.variant} against {self.control}: the effect {verb}; "
            f"{self.slope:+.3g} a day [{low:+.3g}, {high:+.3g}], p = {self.p_value:.2g}; "
            f"first days {self.early:+.4g}, later {self.late:+.4g}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayEffects:
    """Effects day by day; made by `effects_by_day`.

    Parameters
    ----------
    trends : tuple of Trend
        One for each metric and pair of arms.
    left_out : mapping of str to int
        Days where an arm has too few units, and the units of both.

    See Also
    --------
    effects_by_day : Make one.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_day
    >>> day, unit = np.divmod(np.arange(400), 40)
    >>> frame = pd.DataFrame({"day": day, "variant": np.where(unit % 2, "B", "A")})
    >>> frame["spend"] = unit % 8 + np.where(unit % 2, 10.0 - day, 0.0)
    >>> found = effects_by_day(Experiment(Mean("spend"), control="A"), frame, "day")
    >>> found["spend"].course, round(found["spend"].slope, 6)
    ('fades', -1.0)
    """

    trends: tuple[Trend, ...]
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])

    def __iter__(self) -> Iterator[Trend]:
        return iter(self.trends)

    def __len__(self) -> int:
        return len(self.trends)

    def __getitem__(self, key: str | tuple[str, str]) -> Trend:
        """Return the trend of a metric, or of a metric and a variant."""
        metric, variant = (key, None) if isinstance(key, str) else key
        found = [t for t in self.trends if t.metric == metric and variant in (None, t.variant)]
        if found:
            return found[0]
        known = [t.metric for t in self.trends]
        kind, given = ("metric", metric) if metric not in known else ("variant", str(variant))
        names = known if kind == "metric" else [t.variant for t in self.trends]
        raise InvalidParameterError("DayEffects", [unknown_name(kind, given, names)])

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each metric, pair of arms and day.

        Columns: ``metric, variant, control, day, n_control, n_variant, effect, ci_low,
        ci_high, p_value``.
        """
        import pandas as pd

        rows = [
            {
                "metric": t.metric, "variant": t.variant, "control": t.control, "day": day,
                "n_control": e.n_control, "n_variant": e.n_variant, "effect": e.effect,
                "ci_low": e.interval[0], "ci_high": e.interval[1], "p_value": e.p_value,
            }
            for t in self.trends
            for day, e in zip(t.days, t.effects, strict=True)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def trends_frame(self) -> pd.DataFrame:
        """Return one row for each trend: slope with interval, early and late effect, p-values."""
        import pandas as pd

        rows = [
            {
                "metric": t.metric, "variant": t.variant, "control": t.control,
                "course": t.course, "slope": t.slope, "ci_low": t.slope_interval[0],
                "ci_high": t.slope_interval[1], "p_value": t.p_value, "early": t.early,
                "late": t.late, "early_late_p_value": t.early_late_p_value,
                "q_p_value": t.q_p_value,
            }
            for t in self.trends
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def plot(
        self, metric: str | None = None, *, language: Language = "en", ax: Axes | None = None
    ) -> Axes:
        """Draw one metric's effect day by day; see `plot_days`."""
        from userportrait.experiment._plots_days import plot_days

        return plot_days(self, metric, language=language, ax=ax)

    def __str__(self) -> str:
        return "\n".join(str(trend) for trend in self.trends)

    def _repr_html_(self) -> str:
        heads = ("metric", "arms", "course", "a day", "interval", "p", "first days", "later")
        rows = [
            (
                t.metric, f"{t.variant} against {t.control}", t.course, write_number(t.slope),
                "{} to {}".format(*map(write_number, t.slope_interval)), write_number(t.p_value),
                write_number(t.early), write_number(t.late),
            )
            for t in self.trends
        ]  # fmt: skip
        return page_fragment("Effect by day", table(heads, rows, numeric=heads[3:]))


def effects_by_day(
    experiment: Experiment,
    data: IntoFrame | Aggregates,
    day: str = "day",
    *,
    early_days: int = 7,
) -> DayEffects:
    """Estimate the effects day by day and test whether they fade (novelty) or grow (learning).

    Parameters
    ----------
    experiment : Experiment
        Its metrics and design; each day is judged on its own, and the trend on all days.
    data : frame or Aggregates
        One row for each unit with the day that it belongs to: the date on which it came, or
        the number of days since its first exposure, each unit once. If units come back every
        day, days share units and the p-values of trends are too large rather than too small.
    day : str, default='day'
        The column: dates, times, or whole numbers.
    early_days : int, default=7
        How many days, from the first one, are compared with the rest.

    Returns
    -------
    DayEffects

    Raises
    ------
    InvalidDataError
        If fewer than three days have two units in each arm, or a day is none.
    MissingColumnError
        If the column is not there.

    Notes
    -----
    The trend is a line through the daily effects, each weighted by the inverse of its
    variance; the standard error takes these variances for known. A trend with the date may
    also come from a season or from other customers; with the days since exposure it cannot
    come from dates.

    References
    ----------
    .. [1] Kohavi, Tang and Xu (2020), "Trustworthy Online Controlled Experiments",
       chapter 23.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_day
    >>> day, unit = np.divmod(np.arange(400), 40)
    >>> frame = pd.DataFrame({"day": day, "variant": np.where(unit % 2, "B", "A")})
    >>> frame["spend"] = unit % 8 + np.where(unit % 2, 10.0 - day, 0.0)
    >>> print(effects_by_day(Experiment(Mean("spend"), control="A"), frame, early_days=3))
    spend, B against A: the effect fades; -1 a day [-1.16, -0.843], p = 5.8e-36; first days \
+10, later +5
    """
    check_values(
        _OWNER,
        {"early_days": early_days, "day": day},
        {"early_days": Between(1, 36_600, integer=True), "day": InstanceOf((str,), "a column")},
    )
    slices = cut(experiment, data, day, owner=_OWNER)
    if len(slices.labels) < 3:
        message = (
            f"{_OWNER}: a trend needs three days with two units in each arm; column '{day}' has "
            f"{len(slices.labels)}."
        )
        raise InvalidDataError(message, column=day)
    numbers = _day_numbers(slices.labels, day)
    order = np.argsort(numbers, kind="stable")
    trends = [
        _trend(key, effects, slices.labels, numbers, order, early_days, experiment.alpha)
        for key, effects in effects_of(slices.analyze()).items()
    ]
    return DayEffects(trends=tuple(trends), left_out=dict(slices.left_out))


def _day_numbers(labels: Sequence[str], column: str) -> Floats:
    """Read labels as whole numbers or dates; days count from the first one."""
    try:
        return np.array([float(int(label)) for label in labels])
    except ValueError:
        pass
    try:
        return np.array([float(date.fromisoformat(label[:10]).toordinal()) for label in labels])
    except ValueError:
        message = f"{_OWNER}: '{column}' must hold dates or whole numbers of days."
        raise InvalidDataError(message, column=column) from None


def _trend(
    key: tuple[str, str, str],
    effects: Sequence[Effect],
    labels: Sequence[str],
    numbers: Floats,
    order: NDArray[np.intp],
    early_days: int,
    alpha: float,
) -> Trend:
    shown = [effects[int(place)] for place in order]
    size = np.array([e.effect for e in shown], dtype=np.float64)
    error = np.array([e.std_error for e in shown], dtype=np.float64)
    at = numbers[order] - numbers[order[0]]
    good = np.isfinite(size) & np.isfinite(error) & (error > 0)
    slope, slope_error, first, last = _line(at[good], size[good], error[good])
    reach = -float(ndtri(alpha / 2.0)) * slope_error
    is_early = at < early_days
    early, late = (_mean(size[good & part], error[good & part]) for part in (is_early, ~is_early))
    return Trend(
        metric=key[0],
        variant=key[1],
        control=key[2],
        days=tuple(labels[int(place)] for place in order),
        effects=tuple(shown),
        slope=slope,
        slope_interval=(slope - reach, slope + reach),
        p_value=_two_sided(slope, slope_error),
        first=first,
        last=last,
        early=early[0],
        late=late[0],
        early_late_p_value=_two_sided(late[0] - early[0], math.hypot(early[1], late[1])),
        q_p_value=heterogeneity(size[good], error[good]).p_value if good.sum() > 1 else math.nan,
        alpha=alpha,
    )


def _line(at: Floats, size: Floats, error: Floats) -> tuple[float, float, float, float]:
    """Return slope, its standard error, and the line's value on the first and the last day."""
    if len(at) < 3:
        return math.nan, math.nan, math.nan, math.nan
    weight = 1.0 / error**2
    centre = float(weight @ at / weight.sum())
    level = float(weight @ size / weight.sum())
    spread = float(weight @ (at - centre) ** 2)
    slope = float(weight @ ((at - centre) * (size - level))) / spread
    first, last = (level + slope * (end - centre) for end in (float(at.min()), float(at.max())))
    return slope, 1.0 / math.sqrt(spread), first, last


def _mean(size: Floats, error: Floats) -> tuple[float, float]:
    if not len(size):
        return math.nan, math.nan
    weight = 1.0 / error**2
    return float(weight @ size / weight.sum()), 1.0 / math.sqrt(float(weight.sum()))


def _two_sided(value: float, error: float) -> float:
    if math.isnan(value) or not error > 0:
        return math.nan
    return 2.0 * float(ndtr(-abs(value) / error))
