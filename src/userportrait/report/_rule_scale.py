"""Colours, sizes and keys that all plots of rules share."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from userportrait._core.axes import GREY, INK, MUTED, ORANGE
from userportrait.report._rule_choice import STRENGTH, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from userportrait._core.axes import Canvas
    from userportrait.report._rule_choice import ChosenRules, RuleLine, Side
    from userportrait.report._words import Words


__all__ = [
    "LiftScale",
    "account",
    "dashes",
    "escape",
    "grey_line",
    "grey_marker",
    "key_below",
    "number_ticks_at",
    "percent",
    "plain",
    "rule_text",
    "say_below",
    "side_text",
    "size_classes",
]

_LINES = ("#9fb6cf", "#6090c4", "#215c98", "#0b2f55")
"""Light to dark; lines of the first are visible on white, and all differ in grey."""


@dataclass(frozen=True, slots=True)
class LiftScale:
    """Classes of a measure of rules, each with a colour.

    Class 0 is for lifts under 1, which are drawn hollow or dashed; the others divide what
    there is into equal ratios, with round limits.

    Parameters
    ----------
    limits : tuple of float
        The limits between classes 1, 2, ….
    has_under : bool
        Whether anything is in class 0.
    write : {'number', 'percent'}
        How limits are written.
    """

    limits: tuple[float, ...]
    has_under: bool
    write: str = "number"

    @classmethod
    def of(cls, values: Iterable[float], *, write: str = "number") -> LiftScale:
        """Return the scale of some values."""
        every = [value for value in values if value > 0]
        floor = 1.0 if write == "number" else 0.0
        usual = [value for value in every if value >= floor]
        limits: list[float] = []
        if usual:
            low, high = min(usual), max(usual)
            n = len(_LINES)
            cuts = (float(f"{low * (high / low) ** (k / n):.2g}") for k in range(1, n))
            limits = sorted({cut for cut in cuts if low < cut <= high})
        return cls(tuple(limits), len(usual) < len(every), write)

    def step(self, value: float) -> int:
        """Return the class of a value."""
        if self.write == "number" and value < 1:
            return 0
        return 1 + bisect_right(self.limits, value)

    def colour(self, step: int) -> str:
        """Return a class's colour."""
        if step == 0:
            return ORANGE
        return _LINES[len(_LINES) - 2 - len(self.limits) + step] if self.limits else _LINES[2]

    def classes(self, words: Words) -> list[tuple[int, str]]:
        """Return each class with its limits in words, lowest first."""
        texts = [percent(limit) if self.write == "percent" else plain(limit)
                 for limit in self.limits]  # fmt: skip
        found = [(0, words("plot.under", high="1"))] if self.has_under else []
        if not texts:
            return found
        found.append((1, words("plot.under", high=texts[0])))
        pairs = pairwise(texts)
        found += [
            (k + 2, words("plot.between", low=low, high=high))
            for k, (low, high) in enumerate(pairs)
        ]
        return [*found, (len(texts) + 1, words("plot.from_on", low=texts[-1]))]

    def marker(self, step: int, size: float = 8.0, label: str = "") -> Any:
        """Return a point of a key."""
        from matplotlib.lines import Line2D

        colour = self.colour(step)
        return Line2D(
            [], [], linestyle="none", marker="o", markersize=size, label=label,
            markerfacecolor="white" if step == 0 else colour,
            markeredgecolor=colour if step == 0 else INK, markeredgewidth=1.4 if step == 0 else 0.5,
        )  # fmt: skip

    def points(self, values: Sequence[float]) -> dict[str, Any]:
        """Return how points of these values are drawn in a scatter."""
        steps = [self.step(value) for value in values]
        colours = [self.colour(step) for step in steps]
        return {
            "c": ["white" if s == 0 else colour for s, colour in zip(steps, colours, strict=True)],
            "edgecolors": [
                colour if s == 0 else INK for s, colour in zip(steps, colours, strict=True)
            ],
            "linewidths": [1.4 if s == 0 else 0.5 for s in steps],
        }

    def line(self, step: int, width: float = 2.5, label: str = "") -> Any:
        """Return a line of a key."""
        from matplotlib.lines import Line2D

        return Line2D([], [], linewidth=width, color=self.colour(step), label=label,
                      linestyle=dashes(step))  # fmt: skip


def dashes(step: int) -> Any:
    """Return how a line is drawn: dashed for lifts under 1."""
    return (0, (3, 2)) if step == 0 else "solid"


def grey_marker(size: float, label: str) -> Any:
    """Return a point that stands for a size."""
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", marker="o", markersize=size, label=label,
                  markerfacecolor="white", markeredgecolor=MUTED)  # fmt: skip


def grey_line(width: float, label: str) -> Any:
    """Return a line that stands for a width."""
    from matplotlib.lines import Line2D

    return Line2D([], [], linewidth=width, color=GREY, label=label)


def key_below(
    ax: Canvas, rows: Sequence[tuple[str, Sequence[Any]]], *, drop: float, gap: float = 40.0
) -> float:
    """Put keys below the axes, one row each; return how far down they reach, in points."""
    from matplotlib.legend import Legend

    for title, handles in rows:
        if not handles:
            continue
        key = Legend(
            ax, list(handles), [handle.get_label() for handle in handles], title=title,
            loc="upper left", ncols=len(handles),
            frameon=False, fontsize=9, title_fontsize=9, labelcolor=INK, alignment="left",
            borderpad=0, borderaxespad=0, columnspacing=1.4, handletextpad=0.5,
            bbox_to_anchor=(0, 0), bbox_transform=below(ax, drop),
        )  # fmt: skip
        key.get_title().set_color(MUTED)
        ax.add_artist(key)
        drop += gap
    return drop


def below(ax: Canvas, points: float) -> Any:
    """Return the transform of places so many points below the axes."""
    from matplotlib.transforms import ScaledTranslation

    return ax.transAxes + ScaledTranslation(0, -points / 72, ax.figure.dpi_scale_trans)


def say_below(ax: Canvas, text: str, *, drop: float, **options: Any) -> None:
    """Write lines below the axes."""
    options = {"color": MUTED, "fontsize": 9, "linespacing": 1.45, **options}
    ax.text(0, 0, text, transform=below(ax, drop), ha="left", va="top", **options)


def account(chosen: ChosenRules, n_drawn: int, words: Words) -> str:
    """Return what is left out, in words; nothing if nothing is."""
    said: list[str] = []
    if n_drawn < chosen.n_all:
        told = {
            STRENGTH: words("plot.odds_ratio_low"),
            "confidence": words("plot.confidence_name"),
            "lift": words("plot.lift_name"),
        }
        measure = told.get(chosen.by, chosen.by)
        said.append(
            words("plot.rules_shown", shown=words.fmt.count(n_drawn),
                  all=words.fmt.counted(chosen.n_all, "rule"), measure=measure)
        )  # fmt: skip
    if chosen.stopped is not None:
        said.append(words("rules.stopped"))
    return "\n".join(said)


def side_text(side: Side, names: Mapping[Any, str], words: Words, width: float = 60) -> str:
    """Return a side in words, shortened; matplotlib takes none of it for mathematics."""
    share = max(width / len(side), 16)
    return escape(words.listing([shorten(names[item], share) for item in side]))


def rule_text(line: RuleLine, names: Mapping[Any, str], words: Words, width: float = 40) -> str:
    """Return a rule in words."""
    sides = (side_text(side, names, words, width) for side in (line.antecedent, line.consequent))
    return " → ".join(sides)


def escape(name: str) -> str:
    """Return a text in which matplotlib sees no formula."""
    return name.replace("$", r"\$")


def percent(share: float) -> str:
    """Return a share as per cent with at most two figures that count."""
    return f"{float(f'{100 * share:.2g}'):g}%"


def plain(value: float) -> str:
    """Return a number with at most two figures that count, never as a power of ten."""
    return f"{float(f'{value:.2g}'):,.10g}"


def number_ticks_at(axis: Any, low: float, high: float, write: Any) -> None:
    """Set round ticks on a logarithmic axis, each with its number."""
    import math

    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**p for p in powers for m in steps if low <= m * 10.0**p <= high]
        if len(ticks) <= 8:
            break
    axis.set_ticks(ticks, [write(tick) for tick in ticks])
    axis.set_ticks([], minor=True)


def size_classes(supports: Sequence[float]) -> list[float]:
    """Return round supports for a key: the largest, a half and a tenth of it where they occur."""
    top, low = max(supports), min(supports)
    cuts = [float(f"{top * share:.2g}") for share in (0.1, 0.5, 1.0)]
    return sorted({cut for cut in cuts if cut >= low * 0.8})
