"""Pictures of segments: how many there are, and what sets each apart."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

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
from userportrait._core.params import Between, InstanceOf, OneOf
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.segment._choose_k import STABLE, ClusterChoice
from userportrait.segment._plot_shades import draw_shades, ink_on
from userportrait.segment._plot_texts import number_writer, plain, shortened, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from userportrait.segment._profiles import Language

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["plot_cluster_choice", "plot_profiles"]

_PANELS = (
    ("silhouette", True, "Silhouette", "轮廓系数"),
    ("calinski_harabasz", True, "Calinski–Harabasz", "Calinski–Harabasz"),
    ("davies_bouldin", False, "Davies–Bouldin", "Davies–Bouldin"),
    ("gap", True, "Gap statistic", "间隔统计量"),
    ("bic", False, "BIC of a mixture", "混合模型 BIC"),
    ("stability", True, "Stability (Jaccard)", "稳定性（Jaccard）"),
)
_WORDS = {
    "en": {
        "more": "↑ more is better", "less": "↓ less is better", "k": "number of clusters",
        "chosen": "chosen", "cloud": "one cloud", "stable": "stable",
        "nothing": "not measured", "profiles": "What sets the segments apart",
        "some": "the {n} most telling of {all} rows", "everybody": "everybody",
        "effect": "effect size", "noise": "noise",
    },
    "zh": {
        "more": "↑ 越大越好", "less": "↓ 越小越好", "k": "分群数",
        "chosen": "选定", "cloud": "单一群体", "stable": "稳定",
        "nothing": "未测量", "profiles": "各分群的特点",
        "some": "共 {all} 行，显示最突出的 {n} 行", "everybody": "全部客户",
        "effect": "效应量", "noise": "噪声",
    },
}  # fmt: skip
_LIMITS = (0.2, 0.5, 0.8, 1.2)
"""Effect sizes where a shade ends: Cohen's small, medium and large, and Sawilowsky's very large."""
_NEEDED = (
    "segment", "name", "share", "feature", "level", "mean", "everybody", "index", "effect_size",
)  # fmt: skip


def plot_cluster_choice(
    choice: ClusterChoice, *, language: Language = "en", axes: Iterable[Axes] | None = None
) -> Figure:
    """Draw all measures of the numbers of clusters, and which number was chosen.

    Each measure has a panel, which says whether more or less is better. A diamond marks the
    number chosen; none does where there are no clusters. The band in the panel of silhouettes
    is what single clouds reach by chance, three deviations to each side: above it clusters are
    believed. The gap has its errors. [1]_

    Parameters
    ----------
    choice : ClusterChoice
        From `choose_n_clusters`, or `CustomerSegments.choice_`. Panels of a choice without
        measures are blank.
    language : {'en', 'zh'}, default='en'
        Of the words; the reason in the title is written in English, and told briefly in
        Chinese.
    axes : six matplotlib Axes, optional
        Where to draw, in the order silhouette, Calinski-Harabasz, Davies-Bouldin, gap, BIC,
        stability; by default a new figure. Their figure keeps its title.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InvalidParameterError
        If `choice` is none or `axes` are not six axes.

    References
    ----------
    .. [1] Tibshirani, Walther and Hastie (2001), "Estimating the number of clusters in a data
       set via the gap statistic", Journal of the Royal Statistical Society B 63(2).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.segment import choose_n_clusters, plot_cluster_choice
    >>> source = np.random.default_rng(0)
    >>> X = np.concatenate([source.normal(at, 1, size=(40, 2)) for at in (0, 8, 16)])
    >>> figure = plot_cluster_choice(choose_n_clusters(X, max_clusters=4))
    >>> [axes.get_title(loc="left") for axes in figure.axes][:3]
    ['Silhouette', 'Calinski–Harabasz', 'Davies–Bouldin']
    """
    from matplotlib import pyplot as plt

    kind = InstanceOf((ClusterChoice,), "a ClusterChoice")
    check_plot("plot_cluster_choice", ax=None, language=language, choice=(choice, kind))
    panels: list[Canvas]
    if axes is None:
        make: Any = plt.subplots
        figure, grid = make(2, 3, figsize=(11.0, 6.2), layout="constrained")
        panels = list(grid.ravel())
    else:
        panels = _six(axes)
        figure = panels[0].figure
    for (name, _, *_), ax in zip(_PANELS, panels, strict=True):
        _draw_measure(choice, name, language, ax)
    if axes is None:
        _set_reason(figure, choice, language)
    drawn: Figure = figure
    return drawn


def _six(axes: Iterable[Axes]) -> list[Canvas]:
    from matplotlib.axes import Axes

    given: Any = axes
    if hasattr(given, "ravel"):
        given = given.ravel()
    panels: list[Any] = list(given) if hasattr(given, "__iter__") else []
    if len(panels) != len(_PANELS) or not all(isinstance(one, Axes) for one in panels):
        problem = f"axes must be {len(_PANELS)} matplotlib Axes or None."
        raise InvalidParameterError("plot_cluster_choice", [problem])
    return panels


def _draw_measure(choice: ClusterChoice, name: str, language: Language, ax: Canvas) -> None:
    words, is_first = _WORDS[language], name == _PANELS[0][0]
    _, is_more, *titles = next(panel for panel in _PANELS if panel[0] == name)
    measures = choice.measures
    plain_axes(ax, grid="y")
    ks = measures["n_clusters"].to_numpy(dtype=np.float64)
    values = measures[name].to_numpy(dtype=np.float64)
    if not np.isfinite(values).any():
        ax.text(
            0.5, 0.5, words["nothing"], transform=ax.transAxes, ha="center", va="center",
            color=MUTED,
        )  # fmt: skip
        ax.set_xticks([])
        ax.set_yticks([])
    else:
        _draw_line(ax, ks, values, measures["gap_error"].to_numpy() if name == "gap" else None)
        _draw_limits(ax, choice, name, words)
        _mark_chosen(ax, ks, values, choice.n_clusters, words if is_first else None)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False, labelcolor=INK, fontsize=9, loc="best")
        if np.nanmax(np.abs(values)) >= 1000:
            number_ticks(ax, "y", number_writer(values))
        ax.set_xticks(ks[:: math.ceil(len(ks) / 10)])
        ax.set_xlabel(words["k"], color=MUTED)
    better = words["more" if is_more else "less"]
    ax.set_title(better, loc="right", color=MUTED, fontsize=9)
    finish(ax, title=titles[0] if language == "en" else titles[1])


def _draw_line(ax: Canvas, ks: Floats, values: Floats, errors: Floats | None) -> None:
    ax.plot(ks, values, "o-", color=BLUE, linewidth=2, markersize=5)
    if errors is not None:
        ax.errorbar(ks, values, yerr=errors, fmt="none", ecolor=BLUE, alpha=0.6, capsize=3)


def _draw_limits(ax: Canvas, choice: ClusterChoice, name: str, words: dict[str, str]) -> None:
    if name == "silhouette" and math.isfinite(choice.cloud_silhouette):
        high = choice.cloud_limit
        low = 2.0 * choice.cloud_silhouette - high
        band = ax.axhspan(low, high, color=GREY, alpha=0.35, linewidth=0, zorder=0)
        band.set_label(words["cloud"])
    if name == "stability":
        ax.axhline(STABLE, color=MUTED, linewidth=1.2, linestyle="--", label=words["stable"])
        ax.set_ylim(top=1.05, bottom=min(0.0, ax.get_ylim()[0]))


def _mark_chosen(
    ax: Canvas, ks: Floats, values: Floats, k: int, words: dict[str, str] | None
) -> None:
    at = np.flatnonzero(ks == k)
    if len(at):
        ax.axvline(k, color=ORANGE, linewidth=1, linestyle=":", zorder=0.5)
        ax.plot(
            [k], [values[at[0]]], "D", color=ORANGE, markersize=9, zorder=4, linestyle="none",
            label=None if words is None else words["chosen"],
        )  # fmt: skip


def _set_reason(figure: Any, choice: ClusterChoice, language: Language) -> None:
    if language == "zh":
        k = choice.n_clusters
        title = f"选定 {k} 个分群" if k > 1 else "没有可分的群：客户像一个整体"
    else:
        title = textwrap.fill(choice.reason[:1].upper() + choice.reason[1:], 105)
    fonts = figure.axes[0].title.get_fontfamily()
    figure.suptitle(
        title, x=0.01, ha="left", color=INK, fontweight="bold", fontsize=12, fontfamily=fonts
    )


def plot_profiles(
    profile: pd.DataFrame,
    *,
    values: str = "mean",
    max_features: int = 15,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw what sets each segment apart: a table of means, shaded by their effect sizes.

    Blue is above everybody, orange below, and pale in between: shades change at 0.2, 0.5, 0.8
    and 1.2, Cohen's small, medium and large, and very large. [1]_

    Parameters
    ----------
    profile : DataFrame
        From `CustomerSegments.profile`, in the language wanted for the segments' names.
    values : {'mean', 'index'}, default='mean'
        What the cells say: means in the units of the features and shares of levels, or
        indices, where 100 is everybody's mean.
    max_features : int, default=15
        Rows, at most: those with the largest effect sizes in any segment; 1 to 1000.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure that is as large as the table.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidParameterError
        If parameters are out of range, all of them at once.
    MissingColumnError
        If a column of a profile is missing.
    InvalidDataError
        If the profile has no rows.

    Notes
    -----
    Noise, segment -1, comes last. Equal effect sizes stay in the order of the features.

    References
    ----------
    .. [1] Sawilowsky (2009), "New effect size rules of thumb", Journal of Modern Applied
       Statistical Methods 8(2).

    Examples
    --------
    >>> from userportrait.segment import CustomerSegments, plot_profiles
    >>> segments = CustomerSegments(2).fit([[1.0], [1.0], [1.0], [5.0]])
    >>> axes = plot_profiles(segments.profile())
    >>> [text.get_text() for text in axes.texts][:3]
    ['2.00', '1.00', '5.00']
    """
    check_plot(
        "plot_profiles", ax=ax, language=language,
        profile=(profile, InstanceOf((pd.DataFrame,), "a DataFrame as `profile` makes it")),
        values=(values, OneOf(("mean", "index"))),
        max_features=(max_features, Between(1, 1000, integer=True)),
    )  # fmt: skip
    for column in _NEEDED:
        if column not in profile.columns:
            raise MissingColumnError(column, [str(name) for name in profile.columns])
    if profile.empty:
        message = "plot_profiles: the profile has no rows."
        raise InvalidDataError(message)
    words = _WORDS[language]
    numbers = _segments_of(profile)
    rows = _rows(profile, numbers, values)
    kept = sorted(rows, key=lambda row: -row.most)[:max_features]
    drawn = open_axes(ax, 3.4 + 1.3 * (len(numbers) + 1), 1.9 + 0.36 * len(kept))
    effects = np.array([row.effects for row in kept])
    draw_shades(drawn, effects, _LIMITS, label=words["effect"], first=1)
    for at, row in enumerate(kept):
        _write_row(drawn, at, row, is_index=values == "index")
    _name_columns(drawn, profile, numbers, words)
    drawn.set_yticks(range(len(kept)), [row.label for row in kept])
    if len(kept) < len(rows):
        some = words["some"].format(n=len(kept), all=len(rows))
        drawn.set_xlabel(some, color=MUTED, fontsize=9, loc="left")
    return finish(drawn, title=words["profiles"])


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """One feature or level: what everybody and the segments have."""

    label: str
    is_share: bool
    everybody: float
    values: Floats
    effects: Floats

    @property
    def most(self) -> float:
        """The largest size of an effect, -1 where none is known."""
        sizes = np.abs(self.effects[np.isfinite(self.effects)])
        return float(sizes.max()) if len(sizes) else -1.0


def _segments_of(profile: pd.DataFrame) -> list[int]:
    """Return the segments in their order, noise last."""
    found = sorted({int(number) for number in profile["segment"]})
    return [number for number in found if number >= 0] + [n for n in found if n < 0]


def _rows(profile: pd.DataFrame, numbers: list[int], values: str) -> list[_Row]:
    found: list[_Row] = []
    for _, part in profile.groupby(["feature", "level"], sort=False):
        of_segment = part.set_index("segment").reindex(numbers)
        feature, level = str(part["feature"].iloc[0]), str(part["level"].iloc[0])
        everybody = float(part["everybody"].iloc[0])
        label = plain(shortened(f"{feature} = {level}" if level else feature, 36))
        if values == "index":
            everybody = 100.0 if everybody > 0 else np.nan
        found.append(
            _Row(
                label=label, is_share=bool(level), everybody=everybody,
                values=of_segment[values].to_numpy(dtype=np.float64),
                effects=of_segment["effect_size"].to_numpy(dtype=np.float64),
            )
        )  # fmt: skip
    return found


def _write_row(ax: Canvas, at: int, row: _Row, *, is_index: bool) -> None:
    every = np.append(row.values, row.everybody)
    write = number_writer(every, is_share=row.is_share and not is_index, is_whole=is_index)
    place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9}
    ax.text(0, at, write(row.everybody), color=MUTED, **place)
    for column, (value, effect) in enumerate(zip(row.values, row.effects, strict=True), 1):
        ax.text(column, at, write(value), color=ink_on(effect, _LIMITS), **place)


def _name_columns(
    ax: Canvas, profile: pd.DataFrame, numbers: list[int], words: dict[str, str]
) -> None:
    first: Any = profile.drop_duplicates("segment").set_index("segment")
    labels = [words["everybody"]]
    for number in numbers:
        name, share = str(first.at[number, "name"]), float(first.at[number, "share"])
        head = f"{number} · {share:.0%}" if number >= 0 else f"{share:.0%}"
        labels.append(f"{head}\n{plain(wrapped(name))}")
    plain_axes(ax)
    ax.spines["bottom"].set_visible(b=False)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_xticks(range(len(labels)), labels, fontsize=8, linespacing=1.15)
