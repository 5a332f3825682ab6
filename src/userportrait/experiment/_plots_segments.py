"""Effects by segment as a forest plot: as measured, and shrunk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from userportrait._core.axes import INK, MUTED, Canvas, check_plot
from userportrait.experiment._plots_forest import ForestRow, draw_forest, verdict_of
from userportrait.experiment._words import Sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from userportrait.experiment._segments import SegmentEffects
    from userportrait.experiment._words import Language

__all__ = ["plot_segments"]

_WORDS = {
    "title": Sentence("{metric}: effect by segment", "{metric}：各分群的效果"),
    "axis": Sentence("difference to the control", "与对照组的差值"),
    "shrunk": Sentence("shrunk", "收缩估计"),
    "units": Sentence("{n} units", "{n} 个单位"),
}


def plot_segments(
    effects: SegmentEffects,
    metric: str | None = None,
    *,
    variant: object = None,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw the effects of one metric by segment, with the shrunk ones below.

    Parameters
    ----------
    effects : SegmentEffects
        From `effects_by_segment`.
    metric : str, optional
        By default the first one.
    variant : str, optional
        By default the first one.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        Points and lines are effects as measured with adjusted intervals; the short bars
        below are shrunk effects with theirs.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import (
    ...     Experiment, Mean, effects_by_segment, plot_segments,
    ... )
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
    >>> plot_segments(found).get_title(loc="left")
    'spend: effect by segment'
    """
    check_plot("plot_segments", ax=ax, language=language)
    chosen = effects.of(metric, variant)
    several = len({found.column for found in chosen}) > 1
    rows = [
        ForestRow(
            label=f"{found.column}: {found.segment}" if several else found.segment,
            note=_WORDS["units"](
                language, n=f"{found.effect.n_control + found.effect.n_variant:,}"
            ),
            value=found.effect.effect,
            low=found.effect.interval[0],
            high=found.effect.interval[1],
            verdict=verdict_of(found.effect),
        )
        for found in chosen
    ]
    title = _WORDS["title"](language, metric=chosen[0].effect.metric)
    axis = _WORDS["axis"](language)
    drawn: Canvas = draw_forest(
        rows, title=title, axis=axis, scale="absolute", language=language, ax=ax
    )
    for place, found in enumerate(chosen):
        if not math.isnan(found.shrunk):
            low, high = found.shrunk_interval
            drawn.hlines(place + 0.24, low, high, color=INK, linewidth=1.0)
            drawn.plot(found.shrunk, place + 0.24, "|", color=INK, markersize=8)
    _add_to_legend(drawn, _WORDS["shrunk"](language))
    finished: Axes = drawn
    return finished


def _add_to_legend(ax: Canvas, label: str) -> None:
    from matplotlib.lines import Line2D

    make: Canvas = Line2D
    old = ax.get_legend()
    handles = [*old.legend_handles, make([], [], color=INK, linewidth=1.0, marker="|")]
    texts = [*(text.get_text() for text in old.get_texts()), label]
    ax.legend(
        handles, texts, frameon=False, ncols=len(texts), loc="lower right",
        bbox_to_anchor=(1.0, 1.0), labelcolor=MUTED, fontsize=9, borderaxespad=0.2,
    )  # fmt: skip
