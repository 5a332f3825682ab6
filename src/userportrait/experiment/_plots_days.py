"""The effect day by day, with the line of its trend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait._core.axes import BLUE, INK, MUTED, check_plot, finish, open_axes, plain_axes
from userportrait.experiment._words import Sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from userportrait.experiment._novelty import DayEffects
    from userportrait.experiment._words import Language

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["plot_days"]

_WORDS = {
    "title": Sentence("{metric}: effect by day", "{metric}：逐日效果"),
    "y": Sentence("difference to the control", "与对照组的差值"),
    "line": Sentence("trend, p = {p}", "趋势，p = {p}"),
}
_MOST_LABELS = 10


def plot_days(
    effects: DayEffects,
    metric: str | None = None,
    *,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw the effect of each day with its interval, and the line of the trend.

    Parameters
    ----------
    effects : DayEffects
        From `effects_by_day`.
    metric : str, optional
        By default the first one.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        The line is full where the trend is significant and dashed where it is not. Intervals
        that leave the picture are those of days with very few units.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, effects_by_day, plot_days
    >>> day, unit = np.divmod(np.arange(400), 40)
    >>> frame = pd.DataFrame({"day": day, "variant": np.where(unit % 2, "B", "A")})
    >>> frame["spend"] = unit % 8 + np.where(unit % 2, 10.0 - day, 0.0)
    >>> found = effects_by_day(Experiment(Mean("spend"), control="A"), frame)
    >>> plot_days(found).get_title(loc="left")
    'spend: effect by day'
    """
    check_plot("plot_days", ax=ax, language=language)
    trend = effects.trends[0] if metric is None else effects[metric]
    drawn = open_axes(ax, 8.0, 3.8)
    plain_axes(drawn, grid="y")
    places = np.arange(len(trend.days))
    sizes = np.array([e.effect for e in trend.effects])
    low, high = (np.array([e.interval[k] for e in trend.effects]) for k in (0, 1))
    drawn.vlines(places, low, high, color=BLUE, linewidth=2.0, alpha=0.5)
    drawn.plot(places, sizes, "o", color=BLUE, markersize=5)
    drawn.axhline(0.0, color=INK, linewidth=1.0)
    if not math.isnan(trend.slope):
        style = "-" if trend.p_value <= trend.alpha else "--"
        label = _WORDS["line"](language, p=f"{trend.p_value:.2g}")
        ends = (places[0], places[-1])
        drawn.plot(ends, (trend.first, trend.last), style, color=INK, linewidth=1.6, label=label)
        drawn.legend(
            frameon=False, labelcolor=INK, fontsize=9, loc="lower right", bbox_to_anchor=(1.0, 1.0)
        )
    drawn.set_ylim(*_limits(sizes, low, high))
    step = max(1, math.ceil(len(places) / _MOST_LABELS))
    drawn.set_xticks(places[::step], trend.days[::step])
    drawn.set_ylabel(_WORDS["y"](language), color=MUTED)
    return finish(drawn, title=_WORDS["title"](language, metric=trend.metric))


def _limits(sizes: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Return an axis for all points and the usual intervals, and 0."""
    ends = np.concatenate([low, high])
    ends = ends[np.isfinite(ends)]
    points = sizes[np.isfinite(sizes)]
    wide = max(3.0 * float(np.median(np.abs(ends))), float(np.abs(points).max(initial=0.0)), 1e-300)
    bottom = max(-wide, float(ends.min(initial=0.0)))
    top = min(wide, float(ends.max(initial=0.0)))
    room = 0.06 * (top - bottom) or 1.0
    return bottom - room, top + room
