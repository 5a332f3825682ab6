"""Plots of rules as a whole: a grouped matrix and a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.axes import (
    INK,
    LINE,
    Canvas,
    check_plot,
    finish,
    open_axes,
    plain_axes,
    size_in_points,
)
from userportrait._core.params import Between, InstanceOf
from userportrait.report._format import Formatter
from userportrait.report._rule_choice import (
    STRENGTH,
    check_rules,
    choose_rules,
    item_names,
    shorten,
)
from userportrait.report._rule_groups import group_rules
from userportrait.report._rule_layout import place_nodes
from userportrait.report._rule_scale import (
    LiftScale,
    account,
    dashes,
    escape,
    grey_line,
    grey_marker,
    key_below,
    percent,
    say_below,
    side_text,
    size_classes,
)
from userportrait.report._svg import fit_lines, text_width
from userportrait.report._words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from userportrait.data import Items
    from userportrait.patterns import Rules
    from userportrait.report._figures import Floats
    from userportrait.report._format import Language
    from userportrait.report._rule_choice import RuleLine, Side
    from userportrait.report._rule_groups import RuleTable

__all__ = ["plot_rule_graph", "plot_rule_matrix"]

_MEASURE = InstanceOf((str,), "the name of a measure")
_LARGEST = 19.0
"""Diameter of the largest point of the matrix, in points."""


def plot_rule_matrix(
    rules: Rules,
    *,
    labels: Mapping[Any, str] | Items | None = None,
    max_groups: int = 16,
    by: str = STRENGTH,
    max_rules: int = 200,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw rules as a table: what is in the basket down, what is added across.

    Each point is a rule. The darker, the higher the lift; the larger, the higher the support. A
    lift under 1 is a hollow point. With more than `max_groups` sides, those whose lifts are
    alike share a row or a column, named for the strongest. What is still too many is put
    together last. Points of several rules show medians.

    Parameters
    ----------
    rules : Rules
        From `derive_rules`; usually only those that are significant.
    labels : mapping of item to name, or Items, optional
        What to call the items; see `plot_rule_scatter`.
    max_groups : int, default=16
        The most rows, and the most columns, 2 to 60.
    by : str, default='odds_ratio_low'
        The measure that makes a rule strong; see `plot_rule_scatter`.
    max_rules : int, default=200
        How many of the strongest rules are drawn; a note says what is left out.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure, as large as the table needs.

    Returns
    -------
    matplotlib Axes
        With one collection of points, strongest row first.

    Raises
    ------
    InvalidDataError
        If there are no rules.
    InvalidParameterError
        If a parameter has no such value or `by` is no measure.

    Notes
    -----
    A grouped matrix [1]_. Sides are described by the logarithms of their lifts, 0 where there
    is no rule, and grouped by hierarchical clustering with average linkage of cosine distances,
    up to a distance of 0.7.

    References
    ----------
    .. [1] Hahsler and Karpienko (2017), "Visualizing association rules in hierarchical
       groups", Journal of Business Economics 87(3), 317-335.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_rule_matrix
    >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea"], ["pot"]])
    >>> rules = up.derive_rules(up.mine_itemsets(baskets, min_support=2))
    >>> [tick.get_text() for tick in plot_rule_matrix(rules).get_yticklabels()]
    ['milk', 'tea']
    """
    check_rules(rules, "plot_rule_matrix")
    check_plot(
        "plot_rule_matrix", ax=ax, language=language, by=(by, _MEASURE),
        max_groups=(max_groups, Between(2, 60, integer=True)),
        max_rules=(max_rules, Between(1, 2000, integer=True)),
    )  # fmt: skip
    chosen = choose_rules(rules, by=by, most=max_rules, owner="plot_rule_matrix")
    names = item_names(chosen.items(), labels, owner="plot_rule_matrix")
    words = Words(Formatter(language))
    table = group_rules(chosen.lines, max_groups)
    drawn = open_axes(ax, 4.6 + 0.36 * len(table.columns), 3.6 + 0.34 * len(table.rows))
    scale = LiftScale.of(table.lifts)
    top = max(table.supports)
    drawn.scatter(
        table.x, table.y, s=[_area(share, top) for share in table.supports], zorder=3,
        **scale.points(table.lifts),
    )  # fmt: skip
    _matrix_axes(drawn, table, names, words)
    lifts = [scale.marker(step, label=text) for step, text in scale.classes(words)]
    sizes = [
        grey_marker(_area(share, top) ** 0.5, percent(share))
        for share in size_classes(table.supports)
    ]
    keys = [(words("plot.lift"), lifts), (words("plot.size_support"), sizes)]
    drop = key_below(drawn, keys, drop=10, gap=42)
    notes = [account(chosen, len(chosen.lines), words)]
    if table.is_grouped:
        notes.append(words("plot.rules_grouped"))
    say_below(drawn, "\n".join(note for note in notes if note), drop=drop)
    return finish(drawn, title=words("plot.rules_matrix"))


def _area(share: float, top: float) -> float:
    return max(_LARGEST**2 * share / top, 16.0)


def _matrix_axes(ax: Canvas, table: RuleTable, names: Mapping[Any, str], words: Words) -> None:
    plain_axes(ax)
    ax.spines["bottom"].set_visible(b=False)
    n_rows, n_columns = len(table.rows), len(table.columns)
    ax.hlines(range(n_rows), -0.5, n_columns - 0.5, color=LINE, linewidth=0.8, zorder=0)
    ax.vlines(range(n_columns), -0.5, n_rows - 0.5, color=LINE, linewidth=0.8, zorder=0)
    downwards = [_group_text(group, names, words, 34) for group in table.rows]
    across = [_group_text(group, names, words, 26) for group in table.columns]
    for texts, groups, has_rest in zip(
        (downwards, across), (table.rows, table.columns), table.others, strict=True
    ):
        if has_rest:
            texts[-1] = words("plot.others", n=words.fmt.count(len(groups[-1])))
    ax.set_yticks(range(n_rows), downwards)
    ax.set_xticks(range(n_columns), across, rotation=50, ha="left", rotation_mode="anchor")
    ax.tick_params(labelsize=9)
    ax.xaxis.tick_top()
    ax.set(xlim=(-0.6, n_columns - 0.4), ylim=(n_rows - 0.4, -0.6))


def _group_text(
    group: tuple[Side, ...], names: Mapping[Any, str], words: Words, width: float
) -> str:
    if len(group) == 1:
        return side_text(group[0], names, words, width)
    first = side_text(group[0], names, words, width - 8)
    return words("plot.and_more", name=first, n=words.fmt.count(len(group) - 1))


def plot_rule_graph(
    rules: Rules,
    *,
    labels: Mapping[Any, str] | Items | None = None,
    by: str = STRENGTH,
    max_rules: int = 30,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw items as boxes and rules as arrows between them.

    An arrow points from what is in the basket to what is bought, too; both ways where the
    reverse is a rule as well. A rule with several items on a side passes through a point. The
    darker, the higher the lift; the wider, the higher the support. A lift under 1 is dashed.

    Parameters
    ----------
    rules : Rules
        From `derive_rules`; usually only those that are significant.
    labels : mapping of item to name, or Items, optional
        What to call the items; see `plot_rule_scatter`.
    by : str, default='odds_ratio_low'
        The measure that makes a rule strong; see `plot_rule_scatter`.
    max_rules : int, default=30
        How many of the strongest rules are drawn; a note says what is left out.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure, as large as the graph needs. On smaller axes
        the letters become smaller.

    Returns
    -------
    matplotlib Axes
        With one text for each item and one patch for each arrow.

    Raises
    ------
    InvalidDataError
        If there are no rules.
    InvalidParameterError
        If a parameter has no such value or `by` is no measure.

    Notes
    -----
    The layout draws no random number: items that hang together are placed by their distance in
    the graph, by majorising stress [1]_, and boxes that overlap are pushed apart.

    References
    ----------
    .. [1] Gansner, Koren and North (2005), "Graph drawing by stress majorization", Graph
       Drawing 2004, LNCS 3383, 239-250.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_rule_graph
    >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea"], ["pot"]])
    >>> rules = up.derive_rules(up.mine_itemsets(baskets, min_support=2))
    >>> sorted(text.get_text() for text in plot_rule_graph(rules).texts if text.get_text())
    ['milk', 'tea']
    """
    check_rules(rules, "plot_rule_graph")
    check_plot(
        "plot_rule_graph", ax=ax, language=language, by=(by, _MEASURE),
        max_rules=(max_rules, Between(1, 200, integer=True)),
    )  # fmt: skip
    chosen = choose_rules(rules, by=by, most=max_rules, owner="plot_rule_graph")
    names = item_names(chosen.items(), labels, owner="plot_rule_graph")
    words = Words(Formatter(language))
    graph = _graph_of(chosen.lines)
    texts = [_box_text(names[item]) for item in graph.items]
    boxes = np.array([*(_box_size(text) for text in texts), *[(3.0, 3.0)] * graph.n_joints])
    spots, size = place_nodes(boxes, [(a, b) for a, b, _ in graph.links])
    drawn = open_axes(ax, max(size[0] / 72 + 0.4, 6.2), max(size[1] / 72 + 1.9, 2.8))
    shrink = _graph_axes(drawn, size, is_own=ax is None)
    scale = LiftScale.of(line.lift for line in chosen.lines)
    top = max(line.support for line in chosen.lines)
    for (start, end, line), heads in graph.arrows():
        _arrow(drawn, spots[[start, end]], boxes[[start, end]], heads, scale.step(line.lift),
               scale, (1.0 + 2.6 * line.support / top) * shrink)  # fmt: skip
    for start, end, line in graph.links:
        joint = max(start, end)
        if joint >= len(texts):
            drawn.plot(*spots[joint], marker="o", markersize=6 * shrink, zorder=7,
                       color=scale.colour(scale.step(line.lift)))  # fmt: skip
    for text, spot in zip(texts, spots, strict=False):
        drawn.text(
            *spot, text, ha="center", va="center", fontsize=_FONT * shrink, color=INK, zorder=5,
            linespacing=1.15,
            bbox={"boxstyle": "round,pad=0.35", "fc": "white", "ec": INK, "lw": 0.8},
        )  # fmt: skip
    lifts = [scale.line(step, label=text) for step, text in scale.classes(words)]
    sizes = [
        grey_line(1.0 + 2.6 * share / top, percent(share))
        for share in size_classes([line.support for line in chosen.lines])
    ]
    keys = [(words("plot.lift"), lifts), (words("plot.width_support"), sizes)]
    drop = key_below(drawn, keys, drop=8, gap=38)
    say_below(drawn, account(chosen, len(chosen.lines), words), drop=drop)
    return finish(drawn, title=words("plot.rules_graph"))


_FONT = 9.0


@dataclass(frozen=True, slots=True)
class _Graph:
    """Items, then joints of rules with several items on a side; links between them."""

    items: tuple[Any, ...]
    n_joints: int
    links: tuple[tuple[int, int, RuleLine], ...]

    def arrows(self) -> list[tuple[tuple[int, int, RuleLine], str]]:
        """Return each link once with its heads, weakest rule first."""
        found: dict[tuple[int, int], tuple[tuple[int, int, RuleLine], str]] = {}
        n_items = len(self.items)
        for start, end, line in self.links:
            if (end, start) in found:
                found[end, start] = (found[end, start][0], "<|-|>")
            else:
                found[start, end] = ((start, end, line), "-|>" if end < n_items else "-")
        return list(reversed(found.values()))


def _graph_of(lines: Sequence[RuleLine]) -> _Graph:
    items = tuple(dict.fromkeys(item for line in lines for item in line.items))
    code = {item: i for i, item in enumerate(items)}
    n_joints = 0
    links: list[tuple[int, int, RuleLine]] = []
    for line in lines:
        if len(line.antecedent) == len(line.consequent) == 1:
            links.append((code[line.antecedent[0]], code[line.consequent[0]], line))
            continue
        joint = len(items) + n_joints
        n_joints += 1
        links += [(code[item], joint, line) for item in line.antecedent]
        links += [(joint, code[item], line) for item in line.consequent]
    return _Graph(items, n_joints, tuple(links))


def _box_text(name: str) -> str:
    """Break a name into at most two lines."""
    for width in (96.0, 124.0):
        lines = fit_lines(name, width, _FONT, 2)
        if lines:
            return "\n".join(escape(line) for line in lines)
    first, _, rest = shorten(name, 36).partition(" ")
    return escape(f"{first}\n{rest}" if rest and len(first) > 8 else shorten(name, 22))


def _box_size(text: str) -> tuple[float, float]:
    lines = text.split("\n")
    width = max(text_width(line, _FONT) for line in lines)
    return width + 8, 11.5 * len(lines) + 8


def _graph_axes(ax: Canvas, size: tuple[float, float], *, is_own: bool) -> float:
    """Set limits so that a unit is a point, or as much as fits; return how much that is."""
    ax.spines[:].set_visible(b=False)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="box", anchor="NW")
    width, height = size
    room = size_in_points(ax)
    shrink = 1.0 if is_own else min(room[0] / width, room[1] / height, 1.0)
    ax.set(xlim=(0, width), ylim=(height, 0))
    return max(shrink, 0.45)


def _arrow(
    ax: Canvas, ends: Floats, boxes: Floats, heads: str, step: int, scale: LiftScale, width: float
) -> None:
    from matplotlib.patches import FancyArrowPatch

    start = _edge(ends[0], ends[1], boxes[0])
    stop = _edge(ends[1], ends[0], boxes[1])
    ax.add_patch(
        FancyArrowPatch(
            tuple(start), tuple(stop), arrowstyle=heads, mutation_scale=7 + 1.8 * width,
            shrinkA=0, shrinkB=0, linewidth=width, color=scale.colour(step),
            linestyle=dashes(step), zorder=2 + step, joinstyle="miter", capstyle="butt",
        )
    )  # fmt: skip


def _edge(inside: Floats, outside: Floats, box: Floats) -> Floats:
    """Return where the line between two places leaves the box around the first."""
    way = outside - inside
    reach = np.abs(way) / (box / 2 + 2.0)
    return inside + way / max(float(reach.max()), 1.0)
