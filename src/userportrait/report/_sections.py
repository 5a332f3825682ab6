"""The sections of the shop's page, each made from figures that are computed already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.report._charts import map_chart, months_chart, tenths_chart
from userportrait.report._html import Child, Markup, caption_of, element, join, text_table
from userportrait.report._page import bar, details, paragraph, section, tiles
from userportrait.report._reasons import reason_text
from userportrait.report._segments import advice_for
from userportrait.report._shades import COUNT_BEND, heat_step
from userportrait.report._svg import legend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.report._facts import Cleaning, CohortTable, Month
    from userportrait.report._figures import Floats, Segment, Totals
    from userportrait.report._story import Finding
    from userportrait.report._words import Words

__all__ = [
    "actions_section",
    "cleaning_section",
    "cohorts_section",
    "grid_section",
    "headline",
    "map_section",
    "method_section",
    "months_section",
    "segments_section",
    "spend_section",
    "story_section",
]


def headline(totals: Totals, words: Words) -> Markup:
    """Return the tiles on top."""
    fmt, known = words.fmt, totals.n_customers > 0
    n_again = round((totals.repeat_rate or 0) * totals.n_customers)
    refunds = totals.refunds
    entries: list[tuple[str, str | None, str | None]] = [
        ("tile.customers", fmt.count(totals.n_customers), _customers_note(totals, words)),
        (
            "tile.orders",
            fmt.count(totals.n_orders),
            words("tile.orders.note", n=fmt.number(totals.n_orders / totals.n_customers))
            if known
            else None,
        ),
        (
            "tile.revenue",
            fmt.money(totals.spend),
            words("tile.revenue.refunds", money=fmt.money_short(refunds))
            if refunds
            else words("tile.revenue.note", money=fmt.money(totals.spend / totals.n_customers))
            if known
            else None,
        ),
        (
            "tile.repeat",
            None if totals.repeat_rate is None else fmt.share(totals.repeat_rate),
            words("tile.repeat.note", n=fmt.count(n_again)),
        ),
        (
            "tile.order_value",
            None if totals.mean_order_value is None else fmt.money(totals.mean_order_value),
            words("tile.order_value.note"),
        ),
        (
            "tile.best_fifth",
            None
            if totals.best_fifth_share is None or totals.n_customers < 5
            else fmt.share(totals.best_fifth_share),
            words("tile.best_fifth.note"),
        ),
    ]
    return tiles(
        [(words(key), value or "–", note if value else None) for key, value, note in entries]
    )


def _customers_note(totals: Totals, words: Words) -> str | None:
    if totals.n_others:
        return words("tile.customers.others", n=words.fmt.count(totals.n_others))
    if totals.n_recent is None:
        return None
    return words("tile.customers.recent", n=words.fmt.count(totals.n_recent))


def story_section(found: Sequence[Finding], words: Words) -> Markup | None:
    """Return what the numbers say; nothing if they say nothing."""
    if not found:
        return None
    items = (
        element("li", element("strong", finding.topic), element("span", finding.text))
        for finding in found
    )
    listing = element("ul", *items, class_="findings")
    return section("story", words("section.story"), listing)


def map_section(
    segments: Sequence[Segment],
    names: Mapping[str, str],
    *,
    top_score: int,
    shop_mean: float,
    words: Words,
) -> Markup:
    """Return the map of segments with its legend."""
    chart, unnamed = map_chart(
        segments, names, top_score=top_score, shop_mean=shop_mean, words=words
    )
    shares = {s.label: words.fmt.share(s.customer_share) for s in segments}
    small = {
        css: words.listing([f"{names[label]} ({shares[label]})" for label in labels])
        for css, labels in unnamed.items()
    }
    return section(
        "map",
        words("section.map"),
        paragraph(words("map.intro")),
        paragraph(words("map.shade") + ":", "quiet"),
        legend([(f"h{step}", words(f"map.shade{step}")) for step in range(7)]),
        chart,
        *(
            paragraph(words("map.small", names=listed), f"quiet {css}")
            for css, listed in small.items()
            if listed
        ),
    )


def segments_section(
    segments: Sequence[Segment],
    shop: Segment,
    names: Mapping[str, str],
    *,
    n_without: int,
    n_returns_only: int,
    words: Words,
) -> Markup:
    """Return the table of segments.

    Parameters
    ----------
    segments, shop, names
        The segments, all of them as one, and what they are called.
    n_without : int
        Customers who have no segment.
    n_returns_only : int
        Customers who have a segment but no order.
    words : Words
    """
    columns = ["segment", "customers", "revenue", "recency", "orders", "order_value", "spend"]
    top = max((s.customer_share for s in segments), default=1.0)
    top = max(top, *(s.spend_share for s in segments if s.spend_share == s.spend_share), 0.0)
    rows = [_segment_row(s, names[s.label], top, words) for s in segments]
    if len(segments) > 1:
        rows.append(_segment_row(shop, words("segments.all"), None, words))
    table = text_table(
        [words(f"segments.{column}") for column in columns],
        rows,
        caption=words("segments.caption"),
        numeric=(3, 4, 5, 6),
        class_="segments",
    )
    notes = [
        paragraph(words(key, customers=words.fmt.counted(n, "customer")), "quiet")
        for key, n in (("segments.without", n_without), ("segments.returns", n_returns_only))
        if n
    ]
    return section("segments", words("section.segments"), table, *notes)


def _segment_row(segment: Segment, name: str, top: float | None, words: Words) -> list[Child]:
    fmt = words.fmt

    def with_share(shown: str, share: float, css: str) -> Child:
        if share != share:
            return shown
        parts: list[Child] = [shown, " ", element("small", fmt.share(share))]
        return join(parts if top is None else [*parts, bar(share / top, css)])

    def told(value: float, write: str) -> str:
        return "–" if value != value else str(getattr(fmt, write)(value))

    return [
        name,
        with_share(fmt.count(segment.n_customers), segment.customer_share, "f3"),
        with_share(fmt.money(segment.spend), segment.spend_share, "f1"),
        told(segment.median_recency, "count"),
        told(segment.median_orders, "number"),
        told(segment.mean_order_value, "money"),
        told(segment.mean_spend, "money"),
    ]


def actions_section(
    segments: Sequence[Segment], shop: Segment, names: Mapping[str, str], words: Words
) -> Markup:
    """Return what to do for each segment, largest revenue first."""
    ordered = sorted(segments, key=lambda s: -s.spend)
    cards = (_action(segment, shop, names[segment.label], words) for segment in ordered)
    return section(
        "actions",
        words("section.actions"),
        paragraph(words("actions.intro")),
        element("ul", *cards, class_="actions"),
    )


def _action(segment: Segment, shop: Segment, name: str, words: Words) -> Markup:
    advice = advice_for(segment, shop, words.fmt.language)
    fmt = words.fmt
    days = segment.median_recency
    values = {
        "customers": fmt.counted(segment.n_customers, "customer"),
        "share": "–"
        if segment.spend_share != segment.spend_share
        else fmt.share(segment.spend_share),
    }
    told = (
        words("actions.figures_short", **values)
        if days != days
        else words("actions.figures", days=fmt.counted(days, "day"), **values)
    )
    return element(
        "li",
        element("h3", name),
        paragraph(told, "quiet"),
        paragraph(advice.who),
        element("ul", *(element("li", action) for action in advice.actions)),
    )


def grid_section(counts: NDArray[np.int64], means: Floats, words: Words) -> Markup:
    """Return the table of customers by recency score (columns) and frequency score (rows)."""
    n = len(counts)
    fmt = words.fmt
    largest = max(int(counts.max()), 1)
    head = [
        words("grid.corner"),
        *(_score(r, n, "grid.old", "grid.recent", words) for r in range(n)),
    ]
    body: list[Markup] = []
    for f in reversed(range(n)):
        name = _score(f, n, "grid.seldom", "grid.often", words)
        cells = [element("th", name, scope="row")]
        for r in range(n):
            count = int(counts[r, f])
            shade = f"h{heat_step(count, largest, COUNT_BEND)}" if count else None
            mean = element("small", fmt.money_short(float(means[r, f]))) if count else None
            cells.append(element("td", fmt.count(count) if count else "–", mean, class_=shade))
        body.append(element("tr", *cells))
    caption = words("grid.caption")
    table = element(
        "table",
        caption_of(caption),
        element("thead", element("tr", *(element("th", name, scope="col") for name in head))),
        element("tbody", *body),
        class_="heat cells",
    )
    return section(
        "grid",
        words("section.grid"),
        paragraph(words("grid.intro", top=str(n))),
        element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption),
    )


def _score(score: int, n: int, low: str, high: str, words: Words) -> str:
    text = str(score + 1)
    if score == 0:
        return words(low, score=text)
    return words(high, score=text) if score == n - 1 else text


def months_section(months: Sequence[Month], words: Words, *, shown: int = 60) -> Markup:
    """Return revenue and customers by month, as charts and as a table."""
    fmt = words.fmt
    cut = months[-shown:]
    revenue = months_chart(
        cut,
        [("f1", lambda m: m.spend)],
        label=words("months.alt_revenue"),
        write=fmt.money_short,
        words=words,
    )
    people = months_chart(
        cut,
        [("f1", lambda m: float(m.returning_customers)), ("f2", lambda m: float(m.new_customers))],
        label=words("months.alt_customers"),
        write=fmt.short,
        words=words,
    )
    columns = ["months.month", "months.orders", "months.revenue", "months.customers", "months.new",
               "months.returning"]  # fmt: skip
    rows = [
        (
            fmt.month(m.month),
            fmt.count(m.orders),
            fmt.money(m.spend),
            fmt.count(m.customers),
            fmt.count(m.new_customers),
            fmt.count(m.returning_customers),
        )
        for m in cut
    ]
    table = text_table(
        [words(c) for c in columns], rows, caption=words("months.caption"), numeric=range(1, 6)
    )
    return section(
        "months",
        words("section.months"),
        element("h3", words("months.revenue")),
        revenue,
        element("h3", words("months.customers")),
        legend([("f1", words("months.returning")), ("f2", words("months.new"))]),
        people,
        paragraph(words("months.note"), "quiet"),
        paragraph(words("months.last", n=str(shown)), "quiet") if len(cut) < len(months) else None,
        details(words("page.numbers"), table),
    )


def cohorts_section(table: CohortTable, words: Words, *, n_all: int, shown: int = 24) -> Markup:
    """Return the retention table."""
    fmt = words.fmt
    n_months = table.shares.shape[1]
    later = table.shares[:, 1:]
    top = float(np.nanmax(later)) if later.size and not np.isnan(later).all() else 0.0
    head = [words("cohorts.cohort"), words("cohorts.size"), *(f"+{j}" for j in range(1, n_months))]
    rows = [
        element(
            "tr",
            element("th", fmt.month(month), scope="row"),
            element("td", fmt.count(size)),
            *(_cohort_cell(share, top) for share in later[row].tolist()),
        )
        for row, (month, size) in enumerate(zip(table.months, table.sizes, strict=True))
    ]
    every = [table.retention_after(j) for j in range(1, n_months)]
    last = element(
        "tr",
        element("th", words("cohorts.all"), scope="row"),
        element("td", fmt.count(sum(table.sizes))),
        *(_cohort_cell(float("nan") if share is None else share, top) for share in every),
    )
    caption = words("cohorts.caption")
    grid = element(
        "table",
        caption_of(caption),
        element("thead", element("tr", *(element("th", name, scope="col") for name in head))),
        element("tbody", *rows, last if len(rows) > 1 else None),
        class_="heat cohorts",
    )
    return section(
        "cohorts",
        words("section.cohorts"),
        paragraph(words("cohorts.intro")),
        paragraph(words("cohorts.first"), "quiet"),
        element("div", grid, class_="scroll", tabindex="0", role="region", aria_label=caption),
        paragraph(words("cohorts.last", n=str(shown)), "quiet") if n_all > shown else None,
    )


def _cohort_cell(share: float, top: float) -> Markup:
    if share != share:
        return element("td")
    return element("td", f"{100 * share:.0f}", class_=f"h{heat_step(share, top)}")


def spend_section(shares: Floats, words: Words) -> Markup:
    """Return what each tenth of the customers brings."""
    fmt = words.fmt
    so_far = np.cumsum(shares)
    rows = [
        (str(i + 1), fmt.share(float(shares[i])), fmt.share(min(float(so_far[i]), 1.0)))
        for i in range(len(shares))
    ]
    columns = [words(f"tenths.{name}") for name in ("group", "share", "so_far")]
    table = text_table(columns, rows, caption=words("tenths.caption"), numeric=(1, 2))
    return section(
        "spend",
        words("section.spend"),
        paragraph(words("tenths.intro")),
        legend([("f1", words("tenths.best")), ("f3", words("tenths.rest"))]),
        tenths_chart(shares, words),
        details(words("page.numbers"), table),
    )


def cleaning_section(cleaning: Cleaning, words: Words) -> Markup:
    """Return the account of every row."""
    fmt = words.fmt
    n_in = cleaning.n_rows_in

    def of_all(n: int) -> str:
        return fmt.share(n / n_in) if n_in else "–"

    totals = (("in", n_in), ("kept", cleaning.n_rows_out))
    told = [(words(f"cleaning.{key}"), "", n) for key, n in totals]
    told += [
        (words(f"cleaning.{action}"), reason_text(reason, fmt.language), n)
        for action, reason, n in cleaning.rows
    ]
    rows = [(action, reason, fmt.count(n), of_all(n)) for action, reason, n in told]
    columns = [words(f"cleaning.{name}") for name in ("action", "reason", "rows", "share")]
    intro = words(
        "cleaning.intro",
        n_in=fmt.counted(n_in, "row"),
        n_out=fmt.count(cleaning.n_rows_out),
        share=of_all(cleaning.n_rows_out),
        n_removed=fmt.count(n_in - cleaning.n_rows_out),
    )
    table = text_table(columns, rows, caption=words("cleaning.caption"), numeric=(2, 3))
    return section("cleaning", words("section.cleaning"), paragraph(intro), table)


def method_section(as_of: str, n_tags: int, n_customers: int, words: Words) -> Markup:
    """Return method, date and glossary."""
    terms = (
        join([element("dt", term), element("dd", meaning)]) for term, meaning in words.glossary()
    )
    made = words(
        "method.tags",
        tags=words.fmt.counted(n_tags, "tag"),
        customers=words.fmt.counted(n_customers, "customer"),
    )
    return section(
        "method",
        words("section.method"),
        paragraph(words("method.text", as_of=as_of)),
        paragraph(made),
        element("h3", words("method.glossary")),
        element("dl", *terms, class_="terms"),
    )
