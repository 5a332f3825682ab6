"""The picture of what has become of segments: shares, moves, and who went where."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.axes import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    SHADES,
    Canvas,
    check_plot,
    finish,
    number_ticks,
    on_shade,
    plain_axes,
)
from userportrait._core.params import InstanceOf
from userportrait.segment._plot_texts import plain, shortened, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from userportrait.segment._drift import SegmentDrift
    from userportrait.segment._profiles import Language

__all__ = ["plot_segment_drift"]

_MOST_MOVES = 8
_MOST_COUNTS = 12
"""Up to this many segments, each cell of the transitions shows its share."""
_WORDS = {
    "en": {
        "shares": "Share of customers", "before": "before", "after": "after",
        "moves": "Largest moves of members", "effect": "effect size",
        "transitions": "Where customers went", "row": "segment before",
        "column": "segment after", "nothing": "too few members",
        "stable": "Stable", "refit": "Refit", "noise": "noise",
    },
    "zh": {
        "shares": "客户占比", "before": "之前", "after": "之后",
        "moves": "成员变化最大的特征", "effect": "效应量",
        "transitions": "客户去向", "row": "之前的分群", "column": "之后的分群",
        "nothing": "成员太少", "stable": "稳定", "refit": "需要重新分群", "noise": "噪声",
    },
}  # fmt: skip


def plot_segment_drift(drift: SegmentDrift, *, language: Language = "en") -> Figure:
    """Draw the segments' shares, the largest moves of their members, and the transitions.

    Parameters
    ----------
    drift : SegmentDrift
        From `segment_drift`. The panel of transitions, shares of the customers of each segment
        before, is left out where no customer is in both frames.
    language : {'en', 'zh'}, default='en'
        Of the words; reasons are in English and left out of a Chinese title.

    Returns
    -------
    matplotlib Figure
        Dotted lines mark the effect size from which a move asks to refit.

    Raises
    ------
    InvalidParameterError
        If `drift` is none.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.segment import CustomerSegments, plot_segment_drift, segment_drift
    >>> source = np.random.default_rng(0)
    >>> old = np.concatenate([source.normal(at, 1, size=(100, 2)) for at in (0, 8)])
    >>> drift = segment_drift(CustomerSegments(2).fit(old), old, old[:150])
    >>> [axes.get_title(loc="left") for axes in plot_segment_drift(drift).axes]
    ['Share of customers', 'Largest moves of members']
    """
    from matplotlib import pyplot as plt

    from userportrait.segment._drift import SegmentDrift

    kind = InstanceOf((SegmentDrift,), "a SegmentDrift")
    check_plot("plot_segment_drift", ax=None, language=language, drift=(drift, kind))
    n_segments = len(drift.sizes)
    with_transitions = bool(drift.n_both)
    widths = [5.0, 5.0, *([1.6 + 0.55 * n_segments] if with_transitions else [])]
    height = max(3.4, 1.6 + 0.5 * n_segments)
    make: Any = plt.subplots
    figure, axes = make(
        1, len(widths), figsize=(sum(widths), height), width_ratios=widths, layout="constrained"
    )
    _draw_shares(drift, language, axes[0])
    _draw_moves(drift, language, axes[1])
    if with_transitions:
        _draw_transitions(drift, language, axes[2])
    title = _WORDS[language][drift.verdict]
    if language == "en" and drift.reasons:
        title = f"{title}: {'; '.join(drift.reasons)}"
    figure.suptitle(
        plain(textwrap.fill(title, int(9 * sum(widths)))), x=0.01, ha="left", color=INK,
        fontweight="bold", fontsize=12, fontfamily=axes[0].title.get_fontfamily(),
    )  # fmt: skip
    drawn: Figure = figure
    return drawn


def _draw_shares(drift: SegmentDrift, language: Language, ax: Canvas) -> None:
    words, sizes = _WORDS[language], drift.sizes
    places = np.arange(len(sizes))
    old, new = sizes["share_before"].to_numpy(), sizes["share_after"].to_numpy()
    plain_axes(ax, grid="x")
    ax.hlines(places, old, new, color=GREY, linewidth=3, zorder=1)
    look: dict[str, Any] = {"linestyle": "none", "markersize": 8, "markeredgewidth": 1.8}
    ax.plot(
        old, places, "o", markerfacecolor="#ffffff", markeredgecolor=MUTED, label=words["before"],
        **look,
    )  # fmt: skip
    ax.plot(new, places, "o", color=BLUE, label=words["after"], **look)
    ax.set_xlim(0.0, 1.08 * float(max(old.max(), new.max())))
    ax.set_ylim(len(sizes) - 0.5, -0.5)
    pairs = zip(sizes["segment"], sizes["name"], strict=True)
    labels = [
        plain(wrapped(f"{number} · {name}" if number >= 0 else str(name), 26, 2))
        for number, name in pairs
    ]
    ax.set_yticks(places, labels, fontsize=9)
    number_ticks(ax, "x", lambda share: f"{share:.0%}")
    ax.legend(frameon=False, loc="best", labelcolor=INK, fontsize=9)
    finish(ax, title=words["shares"])


def _draw_moves(drift: SegmentDrift, language: Language, ax: Canvas) -> None:
    from userportrait.segment._drift import MOVE_LIMIT

    words, moves = _WORDS[language], drift.strongest_moves(_MOST_MOVES)
    plain_axes(ax, grid="x")
    if moves.empty:
        ax.text(
            0.5, 0.5, words["nothing"], transform=ax.transAxes, ha="center", va="center",
            color=MUTED,
        )  # fmt: skip
        ax.set_xticks([])
        ax.set_yticks([])
    else:
        effects = moves["effect_size"].to_numpy()
        places = np.arange(len(moves))
        ax.barh(places, effects, height=0.6, color=[BLUE if e > 0 else ORANGE for e in effects])
        ax.axvline(0.0, color=INK, linewidth=1)
        for limit in (-MOVE_LIMIT, MOVE_LIMIT):
            ax.axvline(limit, color=MUTED, linewidth=1.2, linestyle=":")
        far = max(1.15 * float(np.abs(effects).max()), 1.2 * MOVE_LIMIT)
        ax.set_xlim(-far, far)
        ax.set_ylim(len(moves) - 0.4, -0.6)
        labels = [
            plain(shortened(f"{feature} = {level}" if level else str(feature), 30))
            for feature, level in zip(moves["feature"], moves["level"], strict=True)
        ]
        numbers = [_number(int(number), words) for number in moves["segment"]]
        named = [f"{n} · {label}" for n, label in zip(numbers, labels, strict=True)]
        ax.set_yticks(places, named, fontsize=9)
        ax.set_xlabel(words["effect"], color=MUTED)
    finish(ax, title=words["moves"])


def _draw_transitions(drift: SegmentDrift, language: Language, ax: Canvas) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    words, table = _WORDS[language], drift.transition_shares
    if table is None:
        return
    shares = table.to_numpy(dtype=np.float64)
    n = len(shares)
    edges = np.arange(n + 1) - 0.5
    limits = np.linspace(0.0, 1.0, len(SHADES) + 1)
    ax.pcolormesh(
        edges, edges, np.ma.masked_invalid(np.minimum(shares, 1.0 - 1e-9)),
        cmap=ListedColormap(SHADES), norm=BoundaryNorm(limits, len(SHADES)), edgecolors="white",
        linewidth=1.5,
    )  # fmt: skip
    for (row, column), share in np.ndenumerate(shares):
        if n <= _MOST_COUNTS and share > 0:
            colour = on_shade(min(int(share * len(SHADES)), len(SHADES) - 1))
            ax.text(column, row, f"{share:.0%}", color=colour, ha="center", va="center", fontsize=9)
    plain_axes(ax)
    ax.spines["bottom"].set_visible(b=False)
    ax.set_ylim(n - 0.5, -0.5)
    names = [_number(int(number), words) for number in table.index]
    ax.set_xticks(range(n), names)
    ax.set_yticks(range(n), names)
    ax.set_xlabel(words["column"], color=MUTED)
    ax.set_ylabel(words["row"], color=MUTED)
    finish(ax, title=words["transitions"])


def _number(segment: int, words: dict[str, str]) -> str:
    return str(segment) if segment >= 0 else words["noise"]
