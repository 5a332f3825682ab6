"""The forest plot: every metric with its interval, and whether it got better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.axes import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    Canvas,
    check_plot,
    finish,
    number_ticks,
    open_axes,
    plain_axes,
)
from userportrait._core.params import OneOf
from userportrait.errors import InvalidDataError
from userportrait.experiment._words import Sentence, write_number, write_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.axes import Axes

    from userportrait.experiment._result import Effect, ExperimentResult
    from userportrait.experiment._words import Language

__all__ = [
    "WORDS",
    "ForestRow",
    "draw_forest",
    "forest_limits",
    "plot_effects",
    "tick_writer",
    "verdict_of",
]

WORDS: dict[str, Sentence] = {
    "title": Sentence("Effect on each metric", "各指标的效果"),
    "relative": Sentence("change against the control", "相对对照组的变化"),
    "absolute": Sentence("difference to the control", "与对照组的差值"),
    "better": Sentence("better", "更好"),
    "worse": Sentence("worse", "更差"),
    "unclear": Sentence("not clear", "不确定"),
    "guardrail": Sentence("guardrail", "护栏"),
    "secondary": Sentence("secondary", "次要"),
    "primary": Sentence("primary", "主要"),
    "margin": Sentence("margin", "容忍界限"),
}

_LOOKS = {"better": (BLUE, "o"), "worse": (ORANGE, "D"), "unclear": (MUTED, "o")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One line of a forest plot.

    Parameters
    ----------
    label, note : str
        What stands at the left, and smaller below it.
    value, low, high : float
        NaN where there is none; ends may be infinite.
    verdict : str
        ``'better'``, ``'worse'`` or ``'unclear'``: colour and mark.
    margin : float, optional
        Where the acceptable loss ends.
    """

    label: str
    value: float
    low: float
    high: float
    verdict: str
    note: str = ""
    margin: float | None = None


def verdict_of(effect: Effect) -> str:
    """Return 'better', 'worse' or 'unclear'."""
    return {True: "better", False: "worse", None: "unclear"}[effect.is_better]


def plot_effects(
    effects: ExperimentResult | Iterable[Effect],
    *,
    scale: str = "relative",
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw effects with their intervals, one line each.

    A full point is a clear effect, round and blue where it is for the better, a diamond and
    orange where it is for the worse; a ring is unclear. An arrow is an interval that goes on.

    Parameters
    ----------
    effects : ExperimentResult, or effects
    scale : {'relative', 'absolute'}, default='relative'
        Shares of the control's mean, or the metric's own unit, which asks for metrics of one
        unit. Effects without a relative size are listed and not drawn.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure that is as high as there are effects.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidDataError
        If there is no effect.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, plot_effects
    >>> frame = pd.DataFrame(
    ...     {"variant": ["A"] * 4 + ["B"] * 4, "spend": [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0, 5.0]}
    ... )
    >>> ax = plot_effects(Experiment(Mean("spend"), control="A").analyze(frame))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['spend']
    """
    owner = "plot_effects"
    check_plot(owner, ax=ax, language=language, scale=(scale, OneOf(("relative", "absolute"))))
    listed = list(effects)
    if not listed:
        message = f"{owner}: there is no effect to draw."
        raise InvalidDataError(message)
    several = len({(e.variant, e.control) for e in listed}) > 1
    rows = [_row(e, scale, language, several=several) for e in listed]
    return draw_forest(
        rows, title=WORDS["title"](language), axis=WORDS[scale](language), scale=scale, ax=ax,
        language=language,
    )  # fmt: skip


def _row(effect: Effect, scale: str, language: Language, *, several: bool) -> ForestRow:
    relative = scale == "relative"
    low, high = effect.relative_interval if relative else effect.interval
    notes = [f"{effect.variant} – {effect.control}"] if several else []
    if effect.role != "primary":
        notes.append(WORDS[effect.role](language))
    return ForestRow(
        label=effect.metric,
        note=" · ".join(notes),
        value=effect.relative if relative else effect.effect,
        low=low,
        high=high,
        verdict=verdict_of(effect),
        margin=_margin(effect, relative=relative),
    )


def _margin(effect: Effect, *, relative: bool) -> float | None:
    test = effect.margin
    if test is None or (test.kind == "relative") != relative:
        return None
    return test.margin if effect.goal == "decrease" else -test.margin


def forest_limits(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Return the values that the axis spans: 0, all points, and ends that are not far out."""
    bounded = [r for r in rows if math.isfinite(r.low) or math.isfinite(r.high)]
    points = [abs(r.value) for r in bounded or rows if math.isfinite(r.value)]
    reaches = [max(abs(r.low), abs(r.high)) for r in rows if math.isfinite(r.low + r.high)]
    if not points + reaches:
        return (-1.0, 1.0)
    # One very wide interval must not press all the others together.
    top = max([3.0 * float(np.median(reaches)) if reaches else 0.0, *(1.2 * p for p in points)])
    shown = [r.margin for r in rows if r.margin is not None and abs(r.margin) <= top]
    values = [0.0, *shown]
    for r in rows:
        values += [min(max(v, -top), top) for v in (r.value, r.low, r.high) if not math.isnan(v)]
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 1.0
    return (low - room, high + room)


def draw_forest(
    rows: Sequence[ForestRow],
    *,
    title: str,
    axis: str,
    scale: str = "relative",
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw the rows from top to bottom, numbers at the right."""
    drawn = open_axes(ax, 8.6, 1.15 + 0.46 * len(rows))
    plain_axes(drawn, grid="x")
    write = write_share if scale == "relative" else write_number
    low, high = forest_limits(rows)
    drawn.set_xlim(low, high)
    drawn.set_ylim(len(rows) - 0.4, -0.6)
    drawn.axvline(0.0, color=INK, linewidth=1.1, zorder=1)
    for place, row in enumerate(rows):
        _draw_row(drawn, row, place, (low, high))
        told = f"{write(row.value)}  [{write(row.low)}, {write(row.high)}]"
        colour = _LOOKS[row.verdict][0]
        drawn.text(
            1.015, place, told if not math.isnan(row.value) else "–", color=colour, va="center",
            fontsize=9, transform=drawn.get_yaxis_transform(),
        )  # fmt: skip
    labels = [f"{r.label}\n{r.note}" if r.note else r.label for r in rows]
    drawn.set_yticks(range(len(rows)), labels)
    number_ticks(drawn, "x", tick_writer(scale, high - low))
    drawn.set_xlabel(axis, color=MUTED)
    _legend(drawn, rows, language)
    return finish(drawn, title=title)


def tick_writer(scale: str, span: float) -> Callable[[float], str]:
    """Return how the numbers of an axis are written: all with the same digits."""
    if scale != "relative":
        return write_number
    digits = 0 if span > 0.08 else 1 if span > 0.008 else 2

    def write(share: float) -> str:
        return "0%" if abs(share) < 1e-12 else f"{100 * share:+,.{digits}f}%"

    return write


def _draw_row(ax: Canvas, row: ForestRow, place: int, limits: tuple[float, float]) -> None:
    colour, marker = _LOOKS[row.verdict]
    if row.margin is not None and limits[0] <= row.margin <= limits[1]:
        ax.vlines(row.margin, place - 0.33, place + 0.33, color=INK, linestyle=":", linewidth=1.4)
    if not (math.isnan(row.low) or math.isnan(row.high)):
        low, high = max(row.low, limits[0]), min(row.high, limits[1])
        ax.hlines(place, low, high, color=colour, linewidth=2.2, alpha=0.75)
        for end, shown, arrow in ((row.low, low, "<"), (row.high, high, ">")):
            if end != shown:
                ax.plot(shown, place, arrow, color=colour, markersize=7, clip_on=False)
    if limits[0] <= row.value <= limits[1]:
        fill = "#ffffff" if row.verdict == "unclear" else colour
        ax.plot(
            row.value, place, marker, markerfacecolor=fill, markeredgecolor=colour,
            markeredgewidth=1.8, markersize=7.5, zorder=3,
        )  # fmt: skip


def _legend(ax: Canvas, rows: Sequence[ForestRow], language: Language) -> None:
    from matplotlib.lines import Line2D

    make: Canvas = Line2D
    found = {row.verdict for row in rows}
    marks = [
        make(
            [], [], linestyle="", marker=marker, markeredgecolor=colour, markersize=7,
            markerfacecolor="#ffffff" if verdict == "unclear" else colour, markeredgewidth=1.8,
            label=WORDS[verdict](language),
        )
        for verdict, (colour, marker) in _LOOKS.items()
        if verdict in found
    ]  # fmt: skip
    if any(row.margin is not None for row in rows):
        marks.append(make([], [], color=INK, linestyle=":", label=WORDS["margin"](language)))
    ax.legend(
        handles=marks, frameon=False, ncols=len(marks), loc="lower right",
        bbox_to_anchor=(1.0, 1.0), labelcolor=INK, fontsize=9, borderaxespad=0.2,
    )  # fmt: skip
