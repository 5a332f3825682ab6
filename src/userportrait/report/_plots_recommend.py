"""Plots of recommendations: which recommender is best, why an item, how evenly items are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

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
from userportrait._core.params import Between, InstanceOf
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.report._format import Formatter
from userportrait.report._recommended import read_recommended
from userportrait.report._rule_choice import item_names, shorten
from userportrait.report._words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from userportrait.data import Items
    from userportrait.report._format import Language
    from userportrait.typing import IntoFrame

__all__ = ["plot_explanation", "plot_long_tail", "plot_rankings"]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_COLOURS = (BLUE, ORANGE, "#3f7d4e", "#7a4fa3", "#8a6d1f", "#a3324b", "#3a7f8c", "#59626d")


def plot_rankings(
    tables: Mapping[str, pd.DataFrame],
    *,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw the metrics of several recommenders with their intervals.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        For each recommender what `userportrait.recommend.evaluate_ranking` returned: `metric`,
        `value`, and, if they are there, `ci_low` and `ci_high`. Rows of segments are refused.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidParameterError
        If `tables` is no mapping.
    MissingColumnError
        If a table has no `metric` or `value`.
    InvalidDataError
        If there is no table, or a metric comes twice in one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.report import plot_rankings
    >>> table = pd.DataFrame({"metric": ["recall@10"], "value": [0.2]})
    >>> ax = plot_rankings({"popular": table, "EASE": table.assign(value=0.3)})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['recall@10']
    """
    owner = "plot_rankings"
    check_plot(owner, ax=ax, language=language,
               tables=(tables, InstanceOf((Mapping,), "a mapping of name to table")))  # fmt: skip
    words = Words(Formatter(language))
    metrics = _metrics_of(tables, owner)
    drawn = open_axes(ax, 8.4, 1.6 + 0.34 * len(metrics) * (len(tables) + 0.6))
    plain_axes(drawn, grid="x")
    height = 0.72
    for place, (name, table) in enumerate(tables.items()):
        offset = height * ((place + 0.5) / len(tables) - 0.5)
        _draw_ranking(drawn, table, metrics, offset, place, str(name))
    drawn.set_yticks(range(len(metrics)), metrics)
    drawn.set_ylim(len(metrics) - 0.4, -0.6)
    drawn.set_xlim(left=0)
    number_ticks(drawn, "x", words.fmt.number)
    drawn.legend(
        frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=INK, fontsize=9
    )
    return finish(drawn, title=words("plot.rankings"))


def _metrics_of(tables: Mapping[str, pd.DataFrame], owner: str) -> list[str]:
    if not tables:
        message = f"{owner}: there is no table to draw."
        raise InvalidDataError(message)
    found: dict[str, None] = {}
    for name, table in tables.items():
        for column in ("metric", "value"):
            if column not in table:
                raise MissingColumnError(column, list(table.columns), f"{owner}: {name}")
        metrics = table["metric"].astype(str).tolist()
        if len(set(metrics)) < len(metrics):
            message = f"{owner}: a metric comes twice for '{name}'. Choose one segment."
            raise InvalidDataError(message, column="metric")
        found |= dict.fromkeys(metrics)
    return list(found)


def _draw_ranking(
    ax: Canvas, table: pd.DataFrame, metrics: list[str], offset: float, place: int, name: str
) -> None:
    row = np.array([metrics.index(metric) for metric in table["metric"].astype(str)]) + offset
    value = table["value"].to_numpy(dtype=np.float64)
    colour = _COLOURS[place % len(_COLOURS)]
    if {"ci_low", "ci_high"} <= set(table.columns):
        low, high = (table[c].to_numpy(dtype=np.float64) for c in ("ci_low", "ci_high"))
        known = np.isfinite(low) & np.isfinite(high)
        ax.hlines(row[known], low[known], high[known], color=colour, linewidth=2, alpha=0.55)
    marker = _MARKERS[place % len(_MARKERS)]
    ax.plot(value, row, marker, color=colour, markersize=6.5, label=name, zorder=3)


def plot_explanation(
    explanation: pd.DataFrame,
    *,
    labels: Mapping[Any, str] | Items | None = None,
    n_items: int = 8,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw what each past item adds to the score of a recommended one.

    Parameters
    ----------
    explanation : DataFrame
        From ``model.explain(customer, item)``: `item_id` and `contribution`.
    labels : mapping of item to name, or Items, optional
        What to call the items; by default their IDs.
    n_items : int, default=8
        Bars; the others are one bar together. 1 to 100.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InvalidDataError
        If the explanation has no row.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.report import plot_explanation
    >>> told = pd.DataFrame({"item_id": ["tea", "pot"], "contribution": [0.5, 0.1]})
    >>> len(plot_explanation(told).patches)
    2
    """
    owner = "plot_explanation"
    check_plot(owner, ax=ax, language=language,
               explanation=(explanation, InstanceOf((pd.DataFrame,), "a frame of explain()")),
               n_items=(n_items, Between(1, 100, integer=True)))  # fmt: skip
    for column in ("item_id", "contribution"):
        if column not in explanation:
            raise MissingColumnError(column, list(explanation.columns), owner)
    if not len(explanation):
        raise InvalidDataError(f"{owner}: the explanation has no row.")
    words = Words(Formatter(language))
    names, values = _bars(explanation, labels, n_items, words)
    drawn = open_axes(ax, 7.6, 1.2 + 0.36 * len(names))
    plain_axes(drawn, grid="x")
    colours = [BLUE if value >= 0 else ORANGE for value in values]
    drawn.barh(range(len(names)), values, color=colours, height=0.66)
    drawn.axvline(0, color=MUTED, linewidth=0.8)
    drawn.set_yticks(range(len(names)), [shorten(name, 34) for name in names])
    drawn.set_ylim(len(names) - 0.4, -0.6)
    number_ticks(drawn, "x", words.fmt.number)
    return finish(drawn, title=words("plot.explanation"))


def _bars(
    explanation: pd.DataFrame, labels: Any, n_items: int, words: Words
) -> tuple[list[str], list[float]]:
    given = explanation["contribution"].to_numpy(dtype=np.float64)
    order = np.argsort(-np.abs(given), kind="stable")
    first = order[:n_items]
    first = first[np.argsort(-given[first], kind="stable")]
    items = explanation["item_id"].to_numpy(dtype=object)[first].tolist()
    named = item_names(items, labels, owner="plot_explanation", parameter="labels")
    names, values = [named[item] for item in items], given[first].tolist()
    rest = order[n_items:]
    if len(rest):
        names.append(words("plot.explanation.rest", n=words.fmt.count(len(rest))))
        values.append(float(given[rest].sum()))
    return names, cast("list[float]", values)


def plot_long_tail(
    recommended: IntoFrame,
    bought: IntoFrame | None = None,
    *,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw how evenly items are shown, beside how evenly they are bought.

    The nearer a curve is to the diagonal, the more alike items are treated; a curve that stays
    low and rises at the end says that few items take nearly all places. Items that occur in
    neither frame are not there.

    Parameters
    ----------
    recommended : frame
        `customer_id`, `item_id`, `rank`: what ``model.recommend()`` returned.
    bought : frame, optional
        `customer_id` and `item_id`: what the model has learned from.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InvalidDataError
        If nothing is recommended.

    Notes
    -----
    Lorenz curves [1]_ of the number of customers of each item; the Gini coefficient, in
    brackets, is twice the area between a curve and the diagonal.

    References
    ----------
    .. [1] Lorenz (1905), "Methods of measuring the concentration of wealth", Publications of
       the American Statistical Association 9(70), 209-219.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.report import plot_long_tail
    >>> shown = pd.DataFrame({"customer_id": [1, 2], "item_id": ["tea", "pot"], "rank": [1, 1]})
    >>> len(plot_long_tail(shown).lines)
    2
    """
    owner = "plot_long_tail"
    check_plot(owner, ax=ax, language=language)
    words = Words(Formatter(language))
    counts = {"recommended": _customers_of_items(read_recommended(recommended, owner))}
    if bought is not None:
        ranked = _with_rank(bought, owner)
        counts["bought"] = _customers_of_items(ranked)
    every: set[Any] = set()
    for found in counts.values():
        every.update(found.index.tolist())
    items = sorted(every, key=str)
    if not len(counts["recommended"]):
        raise InvalidDataError(f"{owner}: nothing is recommended.")
    drawn = open_axes(ax, 6.4, 5.2)
    plain_axes(drawn, grid="y")
    drawn.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=(0, (4, 3)),
               label=words("plot.long_tail.even"))  # fmt: skip
    for (name, found), colour in zip(counts.items(), (BLUE, ORANGE), strict=False):
        x, y = _lorenz(found.reindex(items, fill_value=0).to_numpy(dtype=np.float64))
        gini = 1.0 - float(np.sum(np.diff(x) * (y[1:] + y[:-1])))
        label = f"{words(f'plot.long_tail.{name}')} ({words.fmt.number(gini)})"
        drawn.plot(x, y, color=colour, linewidth=2.2, label=label)
    drawn.set(xlim=(0, 1), ylim=(0, 1), xlabel=words("plot.long_tail.x"),
              ylabel=words("plot.long_tail.y"))  # fmt: skip
    for axis in "xy":
        number_ticks(drawn, axis, words.fmt.share)
    drawn.xaxis.label.set_color(MUTED)
    drawn.yaxis.label.set_color(MUTED)
    drawn.legend(frameon=False, loc="upper left", labelcolor=INK)
    return finish(drawn, title=words("plot.long_tail"))


def _with_rank(bought: IntoFrame, owner: str) -> pd.DataFrame:
    from userportrait._core import frames

    inner = frames.enter(bought, argument=f"{owner}: bought")
    names = frames.column_names(inner)
    for name in ("customer_id", "item_id"):
        if name not in names:
            raise MissingColumnError(name, names, f"{owner}: bought")
    chosen = frames.select_columns(inner, ["customer_id", "item_id"])
    return frames.to_pandas(chosen)


def _customers_of_items(table: pd.DataFrame) -> pd.Series[Any]:
    found: pd.Series[Any] = table.groupby("item_id", observed=True)["customer_id"].nunique()
    return found


def _lorenz(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    held = np.concatenate([[0.0], np.cumsum(np.sort(counts))])
    return np.linspace(0.0, 1.0, len(held)), held / max(held[-1], 1.0)
