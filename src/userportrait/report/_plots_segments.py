"""Plots of segments and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.axes import (
    BLUE,
    GREY,
    INK,
    MUTED,
    SHADES,
    Canvas,
    check_plot,
    finish,
    number_ticks,
    on_shade,
    open_axes,
    plain_axes,
    size_in_points,
)
from userportrait._core.params import InstanceOf
from userportrait.errors import InvalidDataError
from userportrait.report._facts import currency_of
from userportrait.report._figures import n_scores, score_grid, segments_of
from userportrait.report._format import Formatter
from userportrait.report._mosaic import mosaic
from userportrait.report._page import check_portraits
from userportrait.report._segments import segment_names
from userportrait.report._shades import (
    COUNT_BEND,
    N_SHADES,
    heat_limits,
    heat_step,
    worth_step,
)
from userportrait.report._svg import fit_lines
from userportrait.report._words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from userportrait.portraits import Portraits
    from userportrait.report._figures import Segment
    from userportrait.report._format import Language
    from userportrait.report._mosaic import Tile

__all__ = ["plot_recency_frequency", "plot_rfm_map", "plot_segment_sizes"]

_NAME = InstanceOf((str,), "the name of a tag")


def plot_rfm_map(
    portraits: Portraits,
    *,
    segments: str = "rfm",
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw the map of segments: who they are, how many, what they are worth.

    Each box is a segment and its area the share of customers. Boxes on the right bought
    recently, boxes on top buy often: columns are thirds of the recency scale, by the mean
    score of each segment, and in a column the mean frequency score decides. The stronger
    the colour, the higher the spend per customer against the shop's mean.

    Parameters
    ----------
    portraits : Portraits
        With the tags ``r``, ``f``, ``n_orders``, ``spend`` and `segments`.
    segments : str, default='rfm'
        The text tag that names each customer's segment. Unknown ones are left out.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnknownTagError
        If a tag is missing.
    InvalidDataError
        If nobody has a segment, or the tag is not a text.

    Notes
    -----
    A mosaic display [1]_: widths and heights are conditional shares, so areas are joint
    shares.

    References
    ----------
    .. [1] Hartigan and Kleiner (1981), "Mosaics for contingency tables", Computer Science
       and Statistics: Proceedings of the 13th Symposium on the Interface, 268-273.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_rfm_map
    >>> portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    >>> len(plot_rfm_map(portraits).patches) >= 2
    True
    """
    check_portraits(portraits, "plot_rfm_map")
    check_plot("plot_rfm_map", ax=ax, language=language, segments=(segments, _NAME))
    score_grid(portraits)  # asks for the tags that give each segment its place
    found, names, words = _segments(portraits, segments, language)
    total = sum(s.n_customers for s in found)
    shop_mean = sum(s.spend for s in found) / total
    drawn = open_axes(ax, 9.6, 6.0)
    drawn.set(xlim=(0, 1), ylim=(1, 0), yticks=[], ylabel=words("map.often"))
    drawn.spines[:].set_visible(b=False)
    drawn.tick_params(length=0, labelcolor=MUTED)
    drawn.yaxis.label.set_color(MUTED)
    points = size_in_points(drawn)
    bands = mosaic(found, n_scores(portraits))
    for band in bands:
        for tile in band.tiles:
            _draw_tile(drawn, tile, names, worth_step(tile.segment.mean_spend, shop_mean), words,
                       points)  # fmt: skip
    keys = ("map.long_ago", "map.a_while", "map.recent")
    titles = [
        "\n".join(fit_lines(words(keys[b.recency]), b.width * points[0] + 20, 10, 3) or [""])
        for b in bands
    ]
    drawn.set_xticks([b.x + b.width / 2 for b in bands], titles)
    _worth_legend(drawn, words)
    return finish(drawn, title=words("section.map"))


def plot_segment_sizes(
    portraits: Portraits,
    *,
    segments: str = "rfm",
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw each segment's share of customers beside its share of revenue.

    Parameters
    ----------
    portraits : Portraits
        With the tags ``n_orders``, ``spend`` and `segments`.
    segments : str, default='rfm'
        The text tag that names each customer's segment. Unknown ones are left out.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        Two bar containers: customers, then revenue; segments best first.

    Raises
    ------
    UnknownTagError
        If a tag is missing.
    InvalidDataError
        If nobody has a segment, or the tag is not a text.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_segment_sizes
    >>> portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    >>> len(plot_segment_sizes(portraits).containers)
    2
    """
    check_portraits(portraits, "plot_segment_sizes")
    check_plot("plot_segment_sizes", ax=ax, language=language, segments=(segments, _NAME))
    found, names, words = _segments(portraits, segments, language)
    drawn = open_axes(ax, 8.4, 1.4 + 0.52 * len(found))
    places = np.arange(len(found), dtype=np.float64)
    customers = np.array([s.customer_share for s in found])
    revenue = np.nan_to_num(np.array([s.spend_share for s in found]))
    series = (
        (-0.2, customers, GREY, words("segments.customers")),
        (0.2, revenue, BLUE, words("segments.revenue")),
    )
    for offset, shares, colour, label in series:
        bars = drawn.barh(places + offset, shares, height=0.38, color=colour, label=label)
        texts = [words.fmt.share(float(share)) for share in shares]
        drawn.bar_label(bars, texts, padding=3, fontsize=9, color=INK)
    drawn.set_yticks(
        places, [f"{names[s.label]} ({words.fmt.count(s.n_customers)})" for s in found]
    )
    drawn.invert_yaxis()
    drawn.set_xlim(
        min(0.0, float(revenue.min()) * 1.12), float(max(customers.max(), revenue.max())) * 1.12
    )
    plain_axes(drawn, grid="x")
    number_ticks(drawn, "x", words.fmt.share)
    drawn.legend(frameon=False, loc="lower right")
    return finish(drawn, title=words("plot.sizes"))


def plot_recency_frequency(
    portraits: Portraits, *, language: Language = "en", ax: Axes | None = None
) -> Axes:
    """Draw how many customers have each pair of recency and frequency scores.

    Each cell shows the number of customers and, below, what one of them has spent on
    average; the colour follows the number.

    Parameters
    ----------
    portraits : Portraits
        With the tags ``r``, ``f`` and ``spend``. Customers without scores are left out.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        With one mesh whose array is the counts, frequency upwards, recency to the right.

    Raises
    ------
    UnknownTagError
        If a tag is missing.
    InvalidDataError
        If nobody has scores.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_recency_frequency
    >>> portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    >>> plot_recency_frequency(portraits).get_xlabel()
    'Recency score'
    """
    check_portraits(portraits, "plot_recency_frequency")
    check_plot("plot_recency_frequency", ax=ax, language=language)
    from matplotlib.colors import BoundaryNorm, ListedColormap

    words = Words(Formatter(language, currency_of(portraits.build)))
    counts, means = score_grid(portraits)
    n = len(counts)
    drawn = open_axes(ax, 7.2, 5.2)
    top, edges = float(counts.max()), np.arange(n + 1) + 0.5
    shown: Any = np.ma.masked_equal(counts.T, 0)
    drawn.pcolormesh(
        edges, edges, shown, cmap=ListedColormap(SHADES), edgecolors="white", linewidth=2,
        norm=BoundaryNorm(heat_limits(top, COUNT_BEND), N_SHADES, clip=True),
    )  # fmt: skip
    for f in range(n):
        for r in range(n):
            colour = on_shade(heat_step(float(counts[r, f]), top, COUNT_BEND))
            if counts[r, f] == 0:
                drawn.text(r + 1, f + 1, "–", ha="center", va="center", color=MUTED)
                continue
            drawn.text(r + 1, f + 1.02, words.fmt.count(int(counts[r, f])), ha="center",
                       va="bottom", color=colour, fontweight="bold")  # fmt: skip
            drawn.text(r + 1, f + 0.97, words.fmt.money_short(float(means[r, f])), ha="center",
                       va="top", color=colour, fontsize=9)  # fmt: skip
    plain_axes(drawn)
    drawn.spines["bottom"].set_visible(b=False)
    scores = list(range(1, n + 1))
    drawn.set_xticks(scores, _ends(scores, words("grid.old"), words("grid.recent")))
    drawn.set_yticks(scores, _ends(scores, words("grid.seldom"), words("grid.often")))
    drawn.set(xlabel=words("plot.recency_score"), ylabel=words("plot.frequency_score"))
    return finish(drawn, title=words("plot.grid"))


def _segments(
    portraits: Portraits, tag: str, language: Language
) -> tuple[tuple[Segment, ...], dict[str, str], Words]:
    found = segments_of(portraits, tag)
    if not found:
        raise InvalidDataError(f"no customer has a value of tag '{tag}'.", column=tag)
    names = segment_names(portraits, [s.label for s in found], language, tag)
    return found, names, Words(Formatter(language, currency_of(portraits.build)))


def _draw_tile(
    ax: Canvas,
    tile: Tile,
    names: Mapping[str, str],
    shade: int,
    words: Words,
    points: tuple[float, float],
) -> None:
    from matplotlib.patches import Rectangle

    segment = tile.segment
    box = Rectangle(
        (tile.x, tile.y), tile.width, tile.height, facecolor=SHADES[shade], edgecolor="white",
        linewidth=2,
    )  # fmt: skip
    ax.add_patch(box)
    width, height = tile.width * points[0] - 10, tile.height * points[1]
    lines = fit_lines(names[segment.label], width, 10.5, 2, bold=True)
    if lines is None or 13 * len(lines) + 4 > height:
        return
    shares = [words("map.of_customers", share=words.fmt.share(segment.customer_share))]
    if segment.spend_share == segment.spend_share:
        shares.append(words("map.of_spend", share=words.fmt.share(segment.spend_share)))
    below = [line for text in shares for line in (fit_lines(text, width, 9, 2) or [])]
    while below and 13 * len(lines) + 11.5 * len(below) + 6 > height:
        below.pop()
    place: dict[str, Any] = {
        "ha": "left",
        "va": "top",
        "textcoords": "offset points",
        "color": on_shade(shade),
    }
    corner = (tile.x, tile.y)
    ax.annotate("\n".join(lines), corner, (6, -5), fontsize=10.5, fontweight="bold", **place)
    ax.annotate("\n".join(below), corner, (6, -7 - 13 * len(lines)), fontsize=9, **place)


def _worth_legend(ax: Canvas, words: Words) -> None:
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=shade, edgecolor="#b8bec6", linewidth=0.6, label=words(f"map.shade{step}"))
        for step, shade in enumerate(SHADES)
    ]
    ax.legend(
        handles=patches, title=words("map.shade"), loc="upper center", ncols=4, frameon=False,
        bbox_to_anchor=(0.5, -0.07), fontsize=9, title_fontsize=9, labelcolor=INK,
    )  # fmt: skip


def _ends(scores: list[int], low: str, high: str) -> list[str]:
    texts = [str(score) for score in scores]
    texts[0] = low.format(score=texts[0])
    texts[-1] = high.format(score=texts[-1])
    return texts
