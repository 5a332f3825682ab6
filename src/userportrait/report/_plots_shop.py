"""Plots of spend, months and cohorts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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
    open_axes,
    plain_axes,
)
from userportrait._core.params import Between, OneOf
from userportrait.errors import InvalidDataError
from userportrait.report._facts import cohorts_of, currency_of, months_of
from userportrait.report._figures import concentration, number_tag
from userportrait.report._format import Formatter
from userportrait.report._page import check_portraits
from userportrait.report._shades import N_SHADES, heat_limits, heat_step
from userportrait.report._words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from userportrait.portraits import Portraits
    from userportrait.report._facts import CohortTable, Month
    from userportrait.report._figures import Floats
    from userportrait.report._format import Language

__all__ = ["plot_cohorts", "plot_months", "plot_spend"]


def plot_spend(
    portraits: Portraits,
    *,
    kind: Literal["histogram", "lorenz"] = "histogram",
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw how spend is spread over the customers.

    Parameters
    ----------
    portraits : Portraits
        With the tags ``spend`` and ``n_orders``; customers without an order are left out.
    kind : {'histogram', 'lorenz'}, default='histogram'
        How many customers spent how much, on a logarithmic scale (who spent nothing, net of
        refunds, is counted in a note); or the share of revenue that the best customers
        bring, as a curve over their share of customers.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        Both kinds say what the 20 % of customers who spend most bring.

    Raises
    ------
    UnknownTagError
        If a tag is missing.
    InvalidDataError
        If nobody spent anything.

    Notes
    -----
    The curve is that of Lorenz [1]_, with the best customers first and linear between
    customers; who got more back than they paid counts as 0.

    References
    ----------
    .. [1] Lorenz (1905), "Methods of measuring the concentration of wealth", Publications
       of the American Statistical Association 9(70), 209-219.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_spend
    >>> portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    >>> plot_spend(portraits).get_xscale()
    'log'
    """
    check_portraits(portraits, "plot_spend")
    check_plot("plot_spend", ax=ax, language=language, kind=(kind, OneOf(("histogram", "lorenz"))))
    words = Words(Formatter(language, currency_of(portraits.build)))
    bought = number_tag(portraits, "n_orders").values > 0
    spend = number_tag(portraits, "spend").values.astype(np.float64)[bought]
    if not (spend > 0).any():
        message = "no customer has spent anything; there is nothing to draw."
        raise InvalidDataError(message, column="spend")
    best = float(concentration(spend, 5)[0])
    said = words("plot.best_fifth", share=words.fmt.share(best))
    if kind == "lorenz":
        drawn = _lorenz(open_axes(ax, 6.4, 5.2), spend, best, said, words)
        return finish(drawn, title=words("plot.lorenz"))
    drawn = _histogram(open_axes(ax, 8.4, 4.4), spend, said, words)
    return finish(drawn, title=words("plot.spend"))


def plot_cohorts(
    portraits: Portraits,
    *,
    values: Literal["share", "customers"] = "share",
    last: int = 24,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw how many customers of each first month bought again, month by month.

    Parameters
    ----------
    portraits : Portraits
        From `build_portraits`, which keeps the cohorts among the build's facts.
    values : {'share', 'customers'}, default='share'
        What the cells say.
    last : int, default=24
        How many of the newest cohorts, and months of each, are drawn.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        With one mesh: a row for each cohort, oldest on top; a column for each month after
        the first. Months that are not over at `as_of` are empty.

    Raises
    ------
    InvalidDataError
        If the build kept no cohorts, or none has had a second month.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_cohorts
    >>> portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    >>> plot_cohorts(portraits).get_xlabel()
    'months since the first order'
    """
    check_portraits(portraits, "plot_cohorts")
    check_plot(
        "plot_cohorts", ax=ax, language=language,
        values=(values, OneOf(("share", "customers"))), last=(last, Between(2, 240, integer=True)),
    )  # fmt: skip
    words = Words(Formatter(language, currency_of(portraits.build)))
    table = cohorts_of(portraits, last=last)
    if table.shares.shape[1] < 2:
        raise InvalidDataError("no cohort has had a whole month after its first one yet.")
    n_rows, n_columns = len(table.months), table.shares.shape[1] - 1
    drawn = open_axes(ax, 1.9 + 0.5 * n_columns, 1.4 + 0.32 * n_rows)
    _cohort_mesh(drawn, table, values, words)
    plain_axes(drawn)
    drawn.spines["bottom"].set_visible(b=False)
    every = 1 if n_columns <= 14 else 2
    shown = list(range(1, n_columns + 1, every))
    drawn.set_xticks(shown, [f"+{j}" for j in shown])
    sizes = zip(table.months, table.sizes, strict=True)
    drawn.set_yticks(
        range(n_rows), [f"{words.fmt.month(m)} ({words.fmt.count(n)})" for m, n in sizes]
    )
    drawn.set_ylim(n_rows - 0.5, -0.5)
    drawn.xaxis.set_label_position("top")
    drawn.xaxis.tick_top()
    drawn.set_xlabel(words("plot.cohorts_x"))
    title = "plot.cohorts" if values == "share" else "plot.cohort_counts"
    return finish(drawn, title=words(title))


def plot_months(
    portraits: Portraits,
    *,
    measure: Literal["revenue", "orders", "customers"] = "customers",
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw the shop month by month.

    Parameters
    ----------
    portraits : Portraits
        From `build_portraits`, which keeps the months among the build's facts.
    measure : {'revenue', 'orders', 'customers'}, default='customers'
        Revenue (net of refunds), orders, or customers who bought: those who came back and
        those whose first order it was.
    language : {'en', 'zh'}, default='en'
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        One bar container, or two for customers: those who came back, then the new ones.
        The month of `as_of` is pale where it is not over.

    Raises
    ------
    InvalidDataError
        If the build kept no months.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.report import plot_months
    >>> portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    >>> len(plot_months(portraits).containers)
    2
    """
    check_portraits(portraits, "plot_months")
    choices = ("revenue", "orders", "customers")
    check_plot("plot_months", ax=ax, language=language, measure=(measure, OneOf(choices)))
    words = Words(Formatter(language, currency_of(portraits.build)))
    months = months_of(portraits)
    drawn = open_axes(ax, 8.8, 4.0)
    if measure == "customers":
        back = np.array([m.returning_customers for m in months], dtype=np.float64)
        new = np.array([m.new_customers for m in months], dtype=np.float64)
        _month_bars(drawn, months, back, np.zeros(len(months)), BLUE, words("months.returning"))
        _month_bars(drawn, months, new, back, ORANGE, words("months.new"))
        drawn.legend(frameon=False, loc="upper left", ncols=2)
        drawn.set_ylim(0, float((back + new).max()) * 1.18 or 1.0)
    else:
        pick = "spend" if measure == "revenue" else "orders"
        heights = np.array([getattr(m, pick) for m in months], dtype=np.float64)
        _month_bars(drawn, months, heights, np.zeros(len(months)), BLUE, words(f"months.{measure}"))
    plain_axes(drawn, grid="y")
    number_ticks(drawn, "y", words.fmt.money_short if measure == "revenue" else words.fmt.short)
    _month_ticks(drawn, months, words)
    return finish(drawn, title=words(f"plot.months_{measure}"))


def _histogram(ax: Canvas, spend: Floats, said: str, words: Words) -> Canvas:
    paid = spend[spend > 0]
    low, high = float(paid.min()), float(paid.max())
    if low == high:
        low, high = low / 2, high * 2
    limit = float(np.quantile(spend, 0.8))
    n_bins = int(np.clip(np.sqrt(len(paid)) * 1.5, 6, 36))
    edges = np.geomspace(low, high * (1 + 1e-9), n_bins + 1)
    counts, _ = np.histogram(paid, bins=edges)
    middles = np.sqrt(edges[:-1] * edges[1:])
    colours = [BLUE if middle >= limit else GREY for middle in middles]
    ax.bar(
        edges[:-1], counts, width=np.diff(edges), align="edge", color=colours, edgecolor="white",
        linewidth=0.8,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set(xlim=(edges[0] * 0.9, edges[-1] * 1.1), ylim=(0, float(counts.max()) * 1.42))
    if limit > 0:
        ax.axvline(limit, color=ORANGE, linewidth=1.5)
        note = f"{said};\n{words('plot.from', money=words.fmt.money(limit))}"
        right = np.log(limit / edges[0]) < 0.55 * np.log(edges[-1] / edges[0])
        ax.annotate(
            note, (limit, 0.97), (8 if right else -8, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="top", ha="left" if right else "right", color=INK,
        )  # fmt: skip
    plain_axes(ax, grid="y")
    number_ticks(ax, "x", words.fmt.money_short)
    number_ticks(ax, "y", words.fmt.short)
    ax.xaxis.set_minor_formatter("")
    label = words("plot.spend_axis")
    n_without = len(spend) - len(paid)
    if n_without:
        customers = words.fmt.counted(n_without, "customer")
        label += f" ({words('plot.not_shown', customers=customers)})"
    ax.set(xlabel=label, ylabel=words("plot.customers_axis"))
    return ax


def _lorenz(ax: Canvas, spend: Floats, best: float, said: str, words: Words) -> Canvas:
    paid = np.sort(np.maximum(spend, 0.0))[::-1]
    curve = np.concatenate([[0.0], np.cumsum(paid) / paid.sum()])
    places = np.linspace(0.0, 1.0, len(curve))
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.plot(places, curve, color=BLUE, linewidth=2.2)
    ax.fill_between(places, curve, places, color=BLUE, alpha=0.08, linewidth=0)
    ax.plot([0.2, 0.2, 0.0], [0.0, best, best], color=ORANGE, linewidth=1.2)
    ax.plot([0.2], [best], marker="o", color=ORANGE)
    ax.text(0.97, 0.06, said, ha="right", va="bottom", color=INK, transform=ax.transAxes)
    ax.text(0.72, 0.66, words("plot.equal"), rotation=38, ha="center", va="center", color=MUTED,
            fontsize=9)  # fmt: skip
    plain_axes(ax, grid="y")
    number_ticks(ax, "x", words.fmt.share)
    number_ticks(ax, "y", words.fmt.share)
    ax.set(
        xlim=(0, 1), ylim=(0, 1.02), xlabel=words("plot.lorenz_x"), ylabel=words("plot.lorenz_y")
    )
    return ax


def _cohort_mesh(ax: Canvas, table: CohortTable, values: str, words: Words) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    shares = table.shares[:, 1:]
    sizes = np.array(table.sizes, dtype=np.float64)[:, None]
    shown = shares if values == "share" else np.round(shares * sizes)
    top = float(np.nanmax(shown))
    n_rows, n_columns = shown.shape
    masked: Any = np.ma.masked_invalid(shown)
    ax.pcolormesh(
        np.arange(n_columns + 1) + 0.5, np.arange(n_rows + 1) - 0.5, masked,
        cmap=ListedColormap(SHADES), norm=BoundaryNorm(heat_limits(top), N_SHADES, clip=True),
        edgecolors="white", linewidth=1.5,
    )  # fmt: skip
    for row in range(n_rows):
        for column in range(n_columns):
            value = float(shown[row, column])
            if value == value:
                text = f"{100 * value:.0f}%" if values == "share" else words.fmt.count(value)
                ax.text(column + 1, row, text, ha="center", va="center", fontsize=8,
                        color=on_shade(heat_step(value, top)))  # fmt: skip


def _month_bars(
    ax: Canvas, months: tuple[Month, ...], heights: Floats, below: Floats, colour: str, label: str
) -> None:
    bars = ax.bar(range(len(months)), heights, bottom=below, width=0.76, color=colour, label=label)
    for month, bar in zip(months, bars, strict=True):
        if not month.is_whole:
            bar.set_alpha(0.45)


def _month_ticks(ax: Canvas, months: tuple[Month, ...], words: Words) -> None:
    n = len(months)
    every = next(step for step in (1, 2, 3, 6, 12, 24, 60) if n / step <= 13 or step == 60)
    places = [i for i, m in enumerate(months) if (int(m.month[5:7]) - 1) % min(every, 12) == 0]
    if every > 12:
        places = [i for i in places if int(months[i].month[:4]) % (every // 12) == 0]
    places = places or list(range(n))
    texts: list[str] = []
    for i in places:
        name = words.fmt.month(months[i].month, short=True)
        year = months[i].month[:4]
        new_year = not texts or year != months[places[len(texts) - 1]].month[:4]
        texts.append(f"{name}\n{year}" if new_year else name)
    ax.set_xticks(places, texts)
