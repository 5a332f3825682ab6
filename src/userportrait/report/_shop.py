"""The shop's page: figures first, then words and charts, then one file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.columns import TextColumn
from userportrait._core.params import InstanceOf, OneOf, Optional, Rule, check_values
from userportrait._core.progress import teller
from userportrait.predict import PropensityReadout
from userportrait.report import _sections as sections
from userportrait.report._facts import (
    cleaning_of,
    cohorts_of,
    currency_of,
    fact_of,
    has_fact,
    months_of,
)
from userportrait.report._figures import (
    Segment,
    Totals,
    concentration,
    n_scores,
    number_tag,
    score_grid,
    segments_of,
    shop_totals,
)
from userportrait.report._format import Formatter, Language
from userportrait.report._html import Markup, element
from userportrait.report._page import check_portraits, check_target, document, write_page
from userportrait.report._propensity_page import propensity_section
from userportrait.report._recommended import read_recommended, recommended_section
from userportrait.report._rule_choice import check_labels, check_rules
from userportrait.report._rules_section import rules_section
from userportrait.report._segment_answer import summary_section
from userportrait.report._segments import segment_names
from userportrait.report._story import findings
from userportrait.report._tag_overview import tags_section
from userportrait.report._words import Words
from userportrait.segment import CustomerSegments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    import pandas as pd

    from userportrait.data import CleaningReport, Items
    from userportrait.patterns import Rules
    from userportrait.portraits import Portraits
    from userportrait.report._facts import CohortTable, Month
    from userportrait.typing import IntoFrame, Progress

__all__ = ["report"]

_MOST_SEGMENTS = 20
_MOST_COHORTS = 24


def report(
    portraits: Portraits,
    path: str | Path,
    *,
    title: str | None = None,
    language: Language = "en",
    cleaning: CleaningReport | None = None,
    rules: Rules | None = None,
    recommendations: IntoFrame | None = None,
    item_labels: Mapping[Any, str] | Items | None = None,
    customer_segments: tuple[CustomerSegments, Any] | None = None,
    propensity: PropensityReadout | None = None,
    progress: Progress | bool | None = None,
) -> Path:
    """Write the shop's report: one HTML page that needs no network and no script.

    The page shows headline figures, what they say in sentences, the map and the table of
    segments with what to do for each, sales by month, cohorts, the concentration of
    revenue, what sells together, what is recommended, segments by features, who will do what,
    the tags, the account of the cleaning, and how to read it all. It follows the reader's light
    or dark setting, fits phones and prints. It names no customer: it holds no ID, no text or
    spread of numbers that fewer than five customers share, no rule with fewer than five orders,
    and no item recommended to fewer than five.

    Parameters
    ----------
    portraits : Portraits
        With the tags ``n_orders`` and ``spend``. A section whose tags or facts are missing
        is left out.
    path : str or Path
        The file to write; an existing one is replaced in one step.
    title : str, optional
        The page's heading.
    language : {'en', 'zh'}, default='en'
    cleaning : CleaningReport, optional
        The account of the cleaning; by default the one that the build kept.
    rules : Rules, optional
        Adds the section of what sells together: the ten strongest rules of a lift above 1, by
        the lower end of the odds ratio's 95 % interval, and of a rule and its reverse the
        stronger one.
    recommendations : frame, optional
        What a recommender's ``recommend()`` returned: `customer_id`, `item_id`, `rank` and, if
        it is there, `reason`. Adds the section of what is recommended.
    item_labels : mapping of item to name, or Items, optional
        What to call the items of rules and recommendations; by default their IDs.
    customer_segments : tuple of CustomerSegments and frame, optional
        Fitted segments, and the customers to learn their rules from. Adds them in short.
    propensity : PropensityReadout, optional
        From `userportrait.predict.propensity_readout`. Adds the whole read-out.
    progress : callable or bool, optional
        Called with the step's name and the share done; True draws a bar where tqdm is
        installed.

    Returns
    -------
    Path
        The file. Equal portraits give equal bytes.

    Raises
    ------
    UnknownTagError
        If ``n_orders`` or ``spend`` is not among the tags.
    InvalidParameterError
        If `path` is a folder or in a folder that is not there, `language` is unknown, or
        `rules`, `customer_segments` or `propensity` are none.
    MissingColumnError
        If `recommendations` lack a column.

    Notes
    -----
    The share of the best fifth is read from the Lorenz curve of spend [1]_, interpolated
    linearly between customers; who got more back than they paid counts as 0.

    References
    ----------
    .. [1] Lorenz (1905), "Methods of measuring the concentration of wealth", Publications
       of the American Statistical Association 9(70), 209-219.

    Examples
    --------
    >>> import userportrait as up
    >>> shop = up.make_shop(n_customers=50, random_state=1)
    >>> portraits = up.build_portraits(shop.orders)
    >>> up.report(portraits, "shop.html", title="My shop").name
    'shop.html'
    """
    known: dict[str, Rule] = {
        "language": OneOf(("en", "zh")),
        "title": Optional(InstanceOf((str,), "a text or None")),
    }
    check_values("report", {"language": language, "title": title}, known)
    _check_models(customer_segments, propensity)
    target = check_target(path, "report")
    check_portraits(portraits, "report")
    if rules is not None:
        check_rules(rules, "report")
    shown = None if recommendations is None else read_recommended(recommendations, "report")
    check_labels(item_labels, owner="report", parameter="item_labels")
    tell = teller(progress, owner="report")
    tell("report", 0.0)
    page = shop_page(
        portraits, title=title, language=language, cleaning=cleaning, rules=rules,
        recommended=shown, item_labels=item_labels, customer_segments=customer_segments,
        propensity=propensity,
    )  # fmt: skip
    tell("report", 0.9)
    written = write_page(target, page)
    tell("report", 1.0)
    return written


def shop_page(
    portraits: Portraits,
    *,
    title: str | None = None,
    language: Language = "en",
    cleaning: CleaningReport | None = None,
    rules: Rules | None = None,
    recommended: pd.DataFrame | None = None,
    item_labels: Mapping[Any, str] | Items | None = None,
    customer_segments: tuple[CustomerSegments, Any] | None = None,
    propensity: PropensityReadout | None = None,
) -> str:
    """Return the shop's page as text; see `report`."""
    words = Words(Formatter(language, currency_of(portraits.build)))
    totals = shop_totals(portraits)
    tag = _segment_tag(portraits)
    segments = segments_of(portraits, tag) if tag else ()
    names = segment_names(portraits, [s.label for s in segments], language, tag or "")
    segments = _merged(segments, names, words)
    months = months_of(portraits) if has_fact(portraits, "months") else ()
    cohorts = cohorts_of(portraits) if has_fact(portraits, "cohorts") else None
    told = findings(totals, segments, names, months, cohorts, words)
    parts = [
        sections.story_section(told, words),
        *_segment_sections(portraits, totals, segments, names, words),
        _grid(portraits, words),
        sections.months_section(months, words) if months else None,
        _cohorts(portraits, cohorts, words),
        _spend(portraits, words),
        None if rules is None else rules_section(rules, item_labels, words),
        None if recommended is None else recommended_section(recommended, item_labels, words),
        _customer_segments(customer_segments, words),
        _propensity(propensity, words),
        tags_section(portraits, words) if portraits.table.columns else None,
        _cleaning(portraits, cleaning, words),
        sections.method_section(
            f"{portraits.as_of:%Y-%m-%d %H:%M}",
            len(portraits.table.columns),
            len(portraits.table.customer_ids),
            words,
        ),
    ]
    found = [part for part in parts if part is not None]
    return document(
        title=title or words("page.title"),
        kind=words("page.kind"),
        subtitle=_subtitle(portraits, months, words),
        body=[sections.headline(totals, words), _contents(parts, words), *found],
        foot=words("page.made_by"),
        words=words,
    )


_KEYS = ("story", "map", "segments", "actions", "grid", "months", "cohorts", "spend", "rules",
         "recommended", "customer-segments", "propensity", "tags", "cleaning",
         "method")  # fmt: skip


def _contents(parts: list[Markup | None], words: Words) -> Markup:
    links = (
        element("li", element("a", words(f"section.{key}"), href=f"#{key}"))
        for key, part in zip(_KEYS, parts, strict=True)
        if part is not None
    )
    return element("nav", element("ul", *links), aria_label=words("page.contents"))


def _subtitle(portraits: Portraits, months: tuple[Month, ...], words: Words) -> str:
    shop = fact_of(portraits.build, "shop")
    parts = [words("page.as_of", date=words.fmt.date(portraits.as_of))]
    if shop.get("first_order_at") and shop.get("last_order_at"):
        first, last = (words.fmt.date(str(shop[f"{end}_order_at"])) for end in ("first", "last"))
        parts.append(words("page.orders_between", first=first, last=last))
    elif months:
        first, last = (words.fmt.month(m.month) for m in (months[0], months[-1]))
        parts.append(words("page.orders_between", first=first, last=last))
    return " · ".join(parts)


def _segment_tag(portraits: Portraits) -> str | None:
    columns = portraits.table.columns
    for name in ("rfm", "rfm8"):
        column = columns.get(name)
        if isinstance(column, TextColumn) and column.known.any():
            return name
    return None


def _merged(
    segments: tuple[Segment, ...], names: dict[str, str], words: Words
) -> tuple[Segment, ...]:
    """Put the smallest of very many segments together."""
    if len(segments) <= _MOST_SEGMENTS:
        return segments
    by_size = sorted(segments, key=lambda s: -s.n_customers)
    small = {s.label for s in by_size[_MOST_SEGMENTS - 1 :]}
    label = words("page.other")
    names[label] = label
    rest = _together([s for s in segments if s.label in small], label)
    return (*(s for s in segments if s.label not in small), rest)


def _together(segments: list[Segment], label: str) -> Segment:
    """Return several segments as one; medians become means weighted by customers."""
    sizes = np.array([s.n_customers for s in segments], dtype=np.float64)

    def mean(name: str) -> float:
        return float(np.average([getattr(s, name) for s in segments], weights=sizes))

    n, n_orders = int(sizes.sum()), sum(s.n_orders for s in segments)
    spend = sum(s.spend for s in segments)
    return replace(
        segments[0],
        label=label,
        n_customers=n,
        customer_share=sum(s.customer_share for s in segments),
        spend=spend,
        spend_share=sum(s.spend_share for s in segments),
        n_orders=n_orders,
        mean_order_value=spend / n_orders if n_orders else float("nan"),
        mean_spend=spend / n,
        median_recency=mean("median_recency"),
        median_orders=mean("median_orders"),
        recency_score=mean("recency_score"),
        frequency_score=mean("frequency_score"),
    )


def _segment_sections(
    portraits: Portraits,
    totals: Totals,
    segments: tuple[Segment, ...],
    names: Mapping[str, str],
    words: Words,
) -> list[Markup | None]:
    if not segments:
        return [None, None, None]
    shop = _whole(portraits, segments, totals)
    placed = all(s.recency_score == s.recency_score for s in segments)
    chart = (
        sections.map_section(
            segments,
            names,
            top_score=n_scores(portraits),
            shop_mean=shop.mean_spend,
            words=words,
        )
        if placed and len(segments) > 1
        else None
    )
    table = sections.segments_section(
        segments,
        shop,
        names,
        n_without=len(portraits.table.customer_ids) - shop.n_customers,
        n_returns_only=max(shop.n_customers - totals.n_customers, 0),
        words=words,
    )
    return [
        chart,
        table,
        sections.actions_section(segments, shop, names, words),
    ]


def _whole(portraits: Portraits, segments: tuple[Segment, ...], totals: Totals) -> Segment:
    """Return all customers who have a segment as one."""
    orders = number_tag(portraits, "n_orders").values
    bought = orders[orders > 0]
    recency = totals.median_recency
    return replace(
        _together(list(segments), "all"),
        customer_share=1.0,
        spend_share=1.0 if sum(s.spend for s in segments) > 0 else float("nan"),
        median_recency=float("nan") if recency is None else recency,
        median_orders=float(np.median(bought)) if len(bought) else float("nan"),
    )


def _grid(portraits: Portraits, words: Words) -> Markup | None:
    columns = portraits.table.columns
    if any(name not in columns or not columns[name].known.any() for name in ("r", "f")):
        return None
    return sections.grid_section(*score_grid(portraits), words)


def _cohorts(portraits: Portraits, cohorts: CohortTable | None, words: Words) -> Markup | None:
    if cohorts is None or cohorts.shares.shape[1] < 2:
        return None
    shown = cohorts_of(portraits, last=_MOST_COHORTS)
    n_all = len(cohorts.months)
    return sections.cohorts_section(shown, words, n_all=n_all, shown=_MOST_COHORTS)


def _spend(portraits: Portraits, words: Words) -> Markup | None:
    bought = number_tag(portraits, "n_orders").values > 0
    spend = number_tag(portraits, "spend").values.astype(np.float64)[bought]
    shares = concentration(spend)
    enough = len(spend) >= len(shares) and not np.isnan(shares).any()
    return sections.spend_section(shares, words) if enough else None


def _check_models(
    customer_segments: tuple[CustomerSegments, Any] | None, propensity: PropensityReadout | None
) -> None:
    pair = InstanceOf((tuple,), "(fitted CustomerSegments, customers), or None")
    first = InstanceOf((CustomerSegments,), "fitted CustomerSegments")
    model = InstanceOf((PropensityReadout,), "from propensity_readout, or None")
    check_values(
        "report",
        {"customer_segments": customer_segments, "propensity": propensity},
        {"customer_segments": Optional(pair), "propensity": Optional(model)},
    )
    if customer_segments is not None:
        name = "customer_segments[0]"
        check_values("report", {name: next(iter(customer_segments), None)}, {name: first})


def _customer_segments(given: tuple[CustomerSegments, Any] | None, words: Words) -> Markup | None:
    return None if given is None else summary_section(*given, words.fmt.language)


def _propensity(readout: PropensityReadout | None, words: Words) -> Markup | None:
    if readout is None:
        return None
    return Markup(propensity_section(readout, language=words.fmt.language))


def _cleaning(portraits: Portraits, cleaning: CleaningReport | None, words: Words) -> Markup | None:
    account = cleaning_of(portraits, cleaning)
    return None if account is None else sections.cleaning_section(account, words)
