"""The path of a sequential test between its bounds, look by look."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait._core.axes import (
    BLUE,
    GREY,
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
from userportrait._core.params import InstanceOf
from userportrait.experiment._sequential_path import SequentialPath
from userportrait.experiment._words import Sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from userportrait.experiment._words import Language

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["plot_path"]

_WORDS = {
    "title": Sentence("{metric}: {variant} against {control}", "{metric}：{variant} 对 {control}"),
    "x": Sentence("share of the planned units", "占计划样本量的比例"),
    "y": Sentence("standard errors from no effect", "偏离零效果的标准误个数"),
    "bound": Sentence("stop: an effect", "停止：有效果"),
    "futile": Sentence("stop: no use", "停止：无望"),
    "path": Sentence("so far", "目前"),
    "naive": Sentence("a single look would use this", "只看一次时的界限"),
}
_CROSSING = frozenset({"effect", "futility"})


def plot_path(
    path: SequentialPath,
    *,
    alpha: float = 0.05,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw the statistic at each look between the bounds that stop the experiment.

    Parameters
    ----------
    path : SequentialPath
        From `sequential_path` or `path_by_day`.
    alpha : float, default=0.05
        Of the thin line, which a test with a single look would use.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        Shaded regions stop the experiment. The look that stopped it is marked and named.
        Bounds further out than the path and 5 standard errors are cut off.

    Examples
    --------
    >>> from userportrait.experiment import Estimate, GroupSequential, plot_path, sequential_path
    >>> looks = [
    ...     Estimate(
    ...         metric="spend", control="A", variant="B", n_control=n, n_variant=n,
    ...         control_mean=10.0, variant_mean=10.6, control_variance=4 / n,
    ...         variant_variance=4 / n,
    ...     )
    ...     for n in (100, 200)
    ... ]
    >>> plot_path(sequential_path(looks, GroupSequential(looks=4))).get_title(loc="left")
    'spend: B against A'
    """
    check_plot(
        "plot_path", ax=ax, language=language,
        path=(path, InstanceOf((SequentialPath,), "a SequentialPath, from sequential_path")),
    )  # fmt: skip
    drawn = open_axes(ax, 8.0, 4.4)
    plain_axes(drawn, grid="y")
    at = np.array(path.information, dtype=np.float64)
    seen = np.array(path.statistic, dtype=np.float64)
    lower, upper = (np.array(ends, dtype=np.float64) for ends in (path.lower, path.upper))
    top = _top(seen, lower, upper)
    _draw_bounds(drawn, at, lower, upper, top, language)
    _draw_inner(drawn, at, np.array(path.inner, dtype=np.float64), language)
    _draw_single(drawn, alpha, lower, upper, language)
    known = ~np.isnan(seen)
    drawn.plot(
        at[known], np.clip(seen[known], -top, top), "-o", color=INK, markersize=5.5,
        label=_WORDS["path"](language), zorder=4,
    )  # fmt: skip
    _mark_stop(drawn, path, at, seen)
    drawn.set_xlim(0.0, float(at.max()) * 1.06)
    drawn.set_ylim(-top, top)
    drawn.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
    number_ticks(drawn, "x", "{:.0%}".format)
    drawn.set_xlabel(_WORDS["x"](language), color=MUTED)
    drawn.set_ylabel(_WORDS["y"](language), color=MUTED)
    drawn.legend(
        frameon=False, fontsize=9, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.0, 1.0)
    )
    title = _WORDS["title"](
        language, metric=path.metric, variant=path.variant, control=path.control
    )
    return finish(drawn, title=title)


def _top(seen: Floats, lower: Floats, upper: Floats) -> float:
    """Return how far the axis goes: the path and most of the bounds, not the first bounds."""
    bounds = np.abs(np.concatenate([lower, upper]))
    bounds = bounds[np.isfinite(bounds)]
    path = np.abs(seen[~np.isnan(seen)])
    near = float(np.median(bounds)) * 1.5 if len(bounds) else 3.0
    return max(near, min(5.0, float(bounds.max(initial=0.0))), float(path.max(initial=0.0))) * 1.12


def _draw_bounds(
    ax: Canvas, at: Floats, lower: Floats, upper: Floats, top: float, language: Language
) -> None:
    label: str | None = _WORDS["bound"](language)
    for ends, edge in ((upper, top), (lower, -top)):
        if not np.isfinite(ends).any():
            continue
        line = np.clip(ends, -top, top)
        if len(at) <= 30:
            ax.plot(at, line, "_", color=BLUE, markersize=13, markeredgewidth=2.2, zorder=3)
        ax.plot(at, line, color=BLUE, linewidth=1.2, zorder=2)
        ax.fill_between(at, line, edge, color=BLUE, alpha=0.1, linewidth=0, label=label)
        label = None


def _draw_inner(ax: Canvas, at: Floats, inner: Floats, language: Language) -> None:
    if not (inner > 0).any():
        return
    ax.fill_between(
        at, -inner, inner, color=ORANGE, alpha=0.14, linewidth=0, label=_WORDS["futile"](language)
    )


def _draw_single(
    ax: Canvas, alpha: float, lower: Floats, upper: Floats, language: Language
) -> None:
    from scipy.special import ndtri

    sides = 2.0 if np.isfinite(lower).any() and np.isfinite(upper).any() else 1.0
    bound = -float(ndtri(alpha / sides))
    label: str | None = _WORDS["naive"](language)
    for ends, height in ((upper, bound), (lower, -bound)):
        if np.isfinite(ends).any():
            ax.axhline(height, color=GREY, linestyle=":", linewidth=1.4, label=label, zorder=1)
            label = None


def _mark_stop(ax: Canvas, path: SequentialPath, at: Floats, seen: Floats) -> None:
    for place, decision in enumerate(path.decision):
        if decision in _CROSSING and not math.isnan(seen[place]):
            colour = BLUE if decision == "effect" else ORANGE
            ax.plot(
                at[place], seen[place], "o", markersize=12, markerfacecolor="none",
                markeredgecolor=colour, markeredgewidth=2.2, zorder=5,
            )  # fmt: skip
            ax.annotate(
                path.label[place], (at[place], seen[place]), textcoords="offset points",
                xytext=(-8, 9), color=colour, fontsize=9, fontweight="bold", ha="right",
                bbox={"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
            )  # fmt: skip
            return
