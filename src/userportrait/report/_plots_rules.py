"""Plots of rules, each rule by itself: a scatter and parallel coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from userportrait._core.axes import (
    INK,
    LINE,
    MUTED,
    Canvas,
    check_plot,
    finish,
    number_ticks,
    open_axes,
    plain_axes,
    size_in_points,
)
from userportrait._core.params import Between, InstanceOf, OneOf
from userportrait.report._format import Formatter
from userportrait.report._rule_choice import (
    STRENGTH,
    check_rules,
    choose_rules,
    item_names,
    shorten,
)
from userportrait.report._rule_layout import line_order
from userportrait.report._rule_scale import (
    LiftScale,
    account,
    dashes,
    escape,
    grey_line,
    key_below,
    number_ticks_at,
    percent,
    plain,
    rule_text,
    say_below,
    size_classes,
)
from userportrait.report._words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from userportrait.data import Items
    from userportrait.patterns import Rules
    from userportrait.report._figures import Floats
    from userportrait.report._format import Language
    from userportrait.report._rule_choice import RuleLine

__all__ = ["plot_rule_coordinates", "plot_rule_scatter"]

_MEASURE = InstanceOf((str,), "the name of a measure")


def plot_rule_scatter(
    rules: Rules,
    *,
    y: Literal["confidence", "lift"] = "confidence",
    labels: Mapping[Any, str] | Items | None = None,
    n_named: int = 6,
    by: str = STRENGTH,
    max_rules: int = 1000,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw each rule as a point: how often it applies, how often it holds, what it is worth.

    Rules on the right concern many baskets, rules on top hold often. The darker the point, the
    higher the lift (or, with ``y='lift'``, the confidence). The strongest rules are numbered
    and named below; of a rule and its reverse the stronger one is. A lift under 1, less often
    than by chance, is a hollow point.

    Parameters
    ----------
    rules : Rules
        From `derive_rules`; usually only those that are significant.
    y : {'confidence', 'lift'}, default='confidence'
        The vertical axis; the colour shows the other one.
    labels : mapping of item to name, or Items, optional
        What to call the items; Items give the column `name`. An item without a name, or one
        that shares it with another, keeps its ID.
    n_named : int, default=6
        How many rules are named, 0 to 20.
    by : str, default='odds_ratio_low'
        The measure that makes a rule strong, greatest first: any of `rule_measures`, or a
        column that `Rules.test` added. The default is the lower end of the 95 % interval of the
        odds ratio [1]_, for which few baskets do not suffice.
    max_rules : int, default=1000
        How many of the strongest rules are drawn; a note says what is left out.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure. Keys stand below the axes: leave room.

    Returns
    -------
    matplotlib Axes
        With one collection of points, weakest rule first. An axis whose values differ more
        than tenfold is logarithmic.

    Raises
    ------
    InvalidDataError
        If there are no rules.
    InvalidParameterError
        If a parameter has no such value or `by` is no measure.

    References
    ----------
    .. [1] Woolf (1955), "On estimating the relation between blood group and disease", Annals
       of Human Genetics 19(4), 251-253.
    .. [2] Bayardo and Agrawal (1999), "Mining the most interesting rules", KDD, 145-154.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_rule_scatter
    >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea"], ["pot"]])
    >>> rules = up.derive_rules(up.mine_itemsets(baskets, min_support=2))
    >>> plot_rule_scatter(rules).get_ylabel()
    'confidence: share of the orders with the left side'
    """
    check_rules(rules, "plot_rule_scatter")
    check_plot(
        "plot_rule_scatter", ax=ax, language=language, y=(y, OneOf(("confidence", "lift"))),
        n_named=(n_named, Between(0, 20, integer=True)), by=(by, _MEASURE),
        max_rules=(max_rules, Between(1, 100_000, integer=True)),
    )  # fmt: skip
    chosen = choose_rules(rules, by=by, most=max_rules, owner="plot_rule_scatter")
    named = chosen.without_mirrored()[:n_named]
    items = [item for line in named for item in line.items]
    names = item_names(items, labels, owner="plot_rule_scatter")
    words = Words(Formatter(language))
    shade = "lift" if y == "confidence" else "confidence"
    write = "number" if shade == "lift" else "percent"
    scale = LiftScale.of((getattr(line, shade) for line in chosen.lines), write=write)
    drawn = open_axes(ax, 8.4, 5.4 + 0.19 * len(named))
    _points(drawn, chosen.lines, scale, y, shade)
    _point_axes(drawn, chosen.lines, y)
    drawn.set(xlabel=words("plot.support"), ylabel=words(f"plot.{y}"))
    handles = [scale.marker(step, label=text) for step, text in scale.classes(words)]
    drop = key_below(drawn, [(words(f"plot.{shade}"), handles)], drop=44)
    told = [f"{i + 1}  {rule_text(line, names, words, 46)}" for i, line in enumerate(named)]
    if told:
        say_below(drawn, "\n".join(told), drop=drop, color=INK)
    left_out = account(chosen, len(chosen.lines), words)
    if left_out:
        say_below(drawn, left_out, drop=drop + 13.6 * len(told) + (6 if told else 0))
    finished = finish(drawn, title=words("plot.rules_scatter", measure=words(f"plot.{y}_name")))
    if ax is None:
        drawn.figure.draw_without_rendering()  # places are known once it is laid out
    _numbers(drawn, chosen.lines, named, y)
    return finished


def _points(ax: Canvas, lines: Sequence[RuleLine], scale: LiftScale, y: str, shade: str) -> None:
    weakest_first = lines[::-1]
    ax.scatter(
        [line.support for line in weakest_first],
        [getattr(line, y) for line in weakest_first],
        s=46 if len(lines) <= 300 else 26,
        zorder=3,
        **scale.points([getattr(line, shade) for line in weakest_first]),
    )


def _point_axes(ax: Canvas, lines: Sequence[RuleLine], y: str) -> None:
    plain_axes(ax, grid="y")
    for axis, name in (("x", "support"), ("y", y)):
        values = np.array([getattr(line, name) for line in lines])
        low, high = float(values.min()), float(values.max())
        write = plain if name == "lift" else percent
        chosen = ax.xaxis if axis == "x" else ax.yaxis
        if high / low > 10:
            limits = (low / 1.25, high * 1.25)
            getattr(ax, f"set_{axis}scale")("log")
            number_ticks_at(chosen, *limits, write)
        else:
            limits = (0.0, high * 1.12)
            number_ticks(ax, axis, write)
        getattr(ax, f"set_{axis}lim")(*limits)


def _numbers(ax: Canvas, lines: Sequence[RuleLine], named: Sequence[RuleLine], y: str) -> None:
    """Number the strongest rules beside their points, clear of all others."""
    size = np.array(size_in_points(ax))

    def places(some: Sequence[RuleLine]) -> Floats:
        values = np.array([(line.support, getattr(line, y)) for line in some]).reshape(-1, 2)
        found: Floats = ax.transLimits.transform(ax.transScale.transform(values)) * size
        return found

    taken = places(lines)
    for number, (line, place) in enumerate(zip(named, places(named), strict=True), start=1):
        ways = [(reach * dx, reach * dy) for reach in (10.5, 15.0) for dx, dy in _WAYS]
        best = max(ways, key=lambda way: _room(place + way, taken, size))
        taken = np.vstack([taken, [place + best]])
        ax.annotate(
            str(number), (line.support, getattr(line, y)), best, textcoords="offset points",
            ha="center", va="center", fontsize=9.5, fontweight="bold", color=INK, zorder=5,
            bbox={"boxstyle": "circle,pad=0.12", "fc": "white", "ec": "none", "alpha": 0.8},
        )  # fmt: skip


_WAYS = ((1, 0), (0.7, 0.7), (0.7, -0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1))


def _room(place: Floats, taken: Floats, size: Floats) -> float:
    """Return how far a number is from what is there already, and from the edges; 10 is enough."""
    inside = float(np.minimum(place - 6, size - 6 - place).min())
    apart = float(np.hypot(*(taken - place).T).min())
    return min(apart, 10.0) + min(inside, 0.0)


def plot_rule_coordinates(
    rules: Rules,
    *,
    labels: Mapping[Any, str] | Items | None = None,
    by: str = STRENGTH,
    max_rules: int = 25,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw each rule as a path from what is in the basket to what is added.

    Every item has one line across. A path starts on the left at the rule's items, one after
    the other, and its arrow ends on the right at what is bought, too. The darker, the higher
    the lift; the wider, the higher the support. A lift under 1 is dashed. Items are ordered so
    that paths are short.

    Parameters
    ----------
    rules : Rules
        From `derive_rules`; usually only those that are significant.
    labels : mapping of item to name, or Items, optional
        What to call the items; see `plot_rule_scatter`.
    by : str, default='odds_ratio_low'
        The measure that makes a rule strong; see `plot_rule_scatter`.
    max_rules : int, default=25
        How many of the strongest rules are drawn; a note says what is left out.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure, as high as the items need.

    Returns
    -------
    matplotlib Axes
        With three lines for each rule, weakest first: its path, its points, its arrow.

    Raises
    ------
    InvalidDataError
        If there are no rules.
    InvalidParameterError
        If a parameter has no such value or `by` is no measure.

    References
    ----------
    .. [1] Yang (2003), "Visualizing frequent itemsets, association rules, and sequential
       patterns in parallel coordinates", ICCSA, LNCS 2667.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_rule_coordinates
    >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea"], ["pot"]])
    >>> rules = up.derive_rules(up.mine_itemsets(baskets, min_support=2))
    >>> [tick.get_text() for tick in plot_rule_coordinates(rules).get_xticklabels()]
    ['in the basket', 'also bought']
    """
    check_rules(rules, "plot_rule_coordinates")
    check_plot(
        "plot_rule_coordinates", ax=ax, language=language, by=(by, _MEASURE),
        max_rules=(max_rules, Between(1, 500, integer=True)),
    )  # fmt: skip
    chosen = choose_rules(rules, by=by, most=max_rules, owner="plot_rule_coordinates")
    names = item_names(chosen.items(), labels, owner="plot_rule_coordinates")
    words = Words(Formatter(language))
    rows = _item_rows(chosen.lines)
    scale = LiftScale.of(line.lift for line in chosen.lines)
    drawn = open_axes(ax, 9.6, 1.9 + 0.27 * len(rows))
    top = max(line.support for line in chosen.lines)
    for line in reversed(chosen.lines):
        _path(drawn, line, rows, scale, 1.2 + 4.3 * line.support / top)
    _path_axes(drawn, chosen.lines, rows, names, words)
    lifts = [scale.line(step, label=text) for step, text in scale.classes(words)]
    sizes = [
        grey_line(1.2 + 4.3 * share / top, percent(share))
        for share in size_classes([line.support for line in chosen.lines])
    ]
    keys = [(words("plot.lift"), lifts), (words("plot.width_support"), sizes)]
    drop = key_below(drawn, keys, drop=26, gap=38)
    say_below(drawn, account(chosen, len(chosen.lines), words), drop=drop)
    return finish(drawn, title=words("plot.rules_coordinates"))


def _item_rows(lines: Sequence[RuleLine]) -> dict[Any, int]:
    """Return the row of each item, linked ones near each other."""
    items = list(dict.fromkeys(item for line in lines for item in line.items))
    code = {item: i for i, item in enumerate(items)}
    edges = [
        (code[a], code[b]) for line in lines for i, a in enumerate(line.items)
        for b in line.items[i + 1 :]
    ]  # fmt: skip
    order = line_order(len(items), edges)
    return {items[node]: row for row, node in enumerate(order)}


def _path(
    ax: Canvas, line: RuleLine, rows: Mapping[Any, int], scale: LiftScale, width: float
) -> None:
    step = scale.step(line.lift)
    left = sorted(rows[item] for item in line.antecedent)
    right = sorted(rows[item] for item in line.consequent)
    xs = np.arange(-len(left), len(right), dtype=np.float64)
    ys = np.array([*left, *right], dtype=np.float64)
    part = np.linspace(0, 1, 25)
    bend = part * part * (3 - 2 * part)
    x = np.concatenate([xs[i] + part for i in range(len(xs) - 1)])
    y = np.concatenate([ys[i] + (ys[i + 1] - ys[i]) * bend for i in range(len(ys) - 1)])
    colour = scale.colour(step)
    x[-1] -= 0.01
    ax.plot(x, y, color=colour, linewidth=width, linestyle=dashes(step), solid_capstyle="butt",
            zorder=2 + step)  # fmt: skip
    ax.plot(xs[:-1], ys[:-1], linestyle="none", marker="o", markersize=width + 2.5, color=colour,
            zorder=2 + step)  # fmt: skip
    ax.plot(xs[-1:], ys[-1:], linestyle="none", marker=">", markersize=width + 6, color=colour,
            zorder=3 + step)  # fmt: skip


def _path_axes(
    ax: Canvas,
    lines: Sequence[RuleLine],
    rows: Mapping[Any, int],
    names: Mapping[Any, str],
    words: Words,
) -> None:
    n_left = max(len(line.antecedent) for line in lines)
    n_right = max(len(line.consequent) for line in lines)
    plain_axes(ax)
    ax.spines["bottom"].set_visible(b=False)
    ax.hlines(list(rows.values()), -n_left, n_right - 1, color=LINE, linewidth=0.8, zorder=0)
    ax.set_yticks(list(rows.values()), [escape(shorten(names[item], 30)) for item in rows])
    ax.tick_params(axis="y", labelright=True, labelsize=9)
    ticks = [words("plot.left")] * n_left + [words("plot.right")] * n_right
    ax.set_xticks(range(-n_left, n_right), ticks)
    ax.tick_params(axis="x", labelcolor=MUTED)
    ax.set(xlim=(-n_left - 0.06, n_right - 1 + 0.06), ylim=(len(rows) - 0.4, -0.6))
