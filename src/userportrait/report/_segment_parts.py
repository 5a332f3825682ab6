"""The sections of a page of segments."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from userportrait.report._format import Formatter
from userportrait.report._html import Child, Markup, caption_of, element, join, text_table
from userportrait.report._page import bar, details, paragraph, section
from userportrait.report._segment_charts import Panel, measures_chart
from userportrait.report._segment_facts import FEWEST, NOISE, effect_step, read_facts
from userportrait.report._segment_words import GLOSSARY, MEASURES, SAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.report._format import Language
    from userportrait.report._segment_facts import Facts, Line, Portrait
    from userportrait.segment import ClusterChoice, CustomerSegments

__all__ = [
    "answer_section",
    "breakable",
    "cards_section",
    "features_section",
    "headline",
    "mean_text",
    "method_section",
    "notes_section",
    "number_section",
    "segment_section",
    "swatch",
    "two_sided",
]

_MOST_TRAITS = 5
_MOST_ROWS = 40
_LONG = 18
"""Words of headings may break if they have more letters."""
_STABLE = 0.85
"""Jaccard index from which Hennig (2007) calls a cluster highly stable."""
_CLEAR = ((0.7, "strong"), (0.5, "fair"), (0.25, "weak"))
"""What mean silhouettes say by Kaufman and Rousseeuw (1990), table 2.4."""


def segment_section(
    segments: CustomerSegments, X: Any, language: Language, *, key: str = "customer-segments"
) -> Markup:
    """Return segments in short, as a section of another page.

    Parameters
    ----------
    segments : CustomerSegments
        Fitted.
    X : array-like or frame
        Customers to learn the rules from, such as those of `fit`.
    language : {'en', 'zh'}
    key : str, default='customer-segments'
        Where links lead to.
    """
    facts = read_facts(segments, X, language)
    told = [headline(segments, facts, language), *_said(segments, facts, language)]
    joint = "" if language == "zh" else " "
    words = paragraph(joint.join(told))
    return section(key, SAY["section"](language), words, _overview(facts, language, rules=True))


def headline(segments: CustomerSegments, facts: Facts, language: Language) -> str:
    """Return how many segments there are, in a sentence."""
    fmt = Formatter(language)
    customers = fmt.counted(facts.n_customers, "customer")
    if len(facts.portraits) > 1 or facts.noise is not None:
        n = fmt.counted(len(facts.portraits), "segment")
        return SAY["headline"](language, customers=customers, segments=n)
    if segments.choice_ is not None or segments.method == "hdbscan":
        return SAY["headline.one"](language)
    return SAY["headline.asked"](language, customers=customers)


def answer_section(segments: CustomerSegments, facts: Facts, language: Language) -> Markup:
    """Return how many segments there are, why, and who they are at a glance."""
    reasons = (element("li", told) for told in _said(segments, facts, language))
    return section(
        "answer",
        SAY["answer"](language),
        element("p", headline(segments, facts, language), class_="answer"),
        element("ul", *reasons, class_="reasons"),
        _overview(facts, language, rules=False) if len(facts.everyone) > 1 else None,
    )


def _said(segments: CustomerSegments, facts: Facts, language: Language) -> list[str]:
    """Return the reasons for the number of segments."""
    fmt = Formatter(language)
    choice = segments.choice_
    found: list[str] = []
    if facts.noise is not None and facts.noise.n_customers:
        n = fmt.counted(facts.noise.n_customers, "customer")
        found.append(SAY["noise"](language, customers=n, share=fmt.share(facts.noise.share)))
    if choice is None:
        found.append(SAY["dense" if segments.method == "hdbscan" else "given"](language))
    else:
        found += _chosen(choice, language)
    return found


def _chosen(choice: ClusterChoice, language: Language) -> list[str]:
    measures = choice.to_frame()
    if not len(measures):
        return []
    n = choice.n_clusters
    cloud = _decimal(choice.cloud_silhouette)
    if n == 1:
        best = measures.iloc[int(measures["silhouette"].to_numpy().argmax())]
        value, cut = _decimal(float(best["silhouette"])), str(int(best["n_clusters"]))
        return [SAY["chosen.none"](language, n=cut, value=value, cloud=cloud)]
    low, high = int(measures["n_clusters"].min()), int(measures["n_clusters"].max())
    found = [SAY["chosen"](language, n=str(n), low=str(low), high=str(high))]
    row = measures[measures["n_clusters"] == n].iloc[0]
    silhouette = float(row["silhouette"])
    told = SAY["chosen.silhouette"](language, value=_decimal(silhouette), cloud=cloud)
    clear = next((word for limit, word in _CLEAR if silhouette > limit), "poor")
    joint = "" if language == "zh" else " "
    found.append(told + joint + SAY[f"clear.{clear}"](language))
    if "stability" in row.index:
        value = _decimal(float(row["stability"]))
        found.append(SAY["chosen.stability"](language, value=value))
    return found


def _overview(facts: Facts, language: Language, *, rules: bool) -> Markup:
    """Return a table of all segments, a line each."""
    fmt = Formatter(language)
    largest = max(portrait.share for portrait in facts.everyone)
    rows: list[list[Child]] = [
        [
            _heading(portrait, language),
            _size(portrait, largest, fmt),
            _apart(portrait, language),
            *([_rule_cell(portrait, language)] if rules else []),
        ]
        for portrait in facts.everyone
    ]
    keys = ["segment", "customers", "apart", *(["rule"] if rules else [])]
    return text_table(
        [SAY[f"col.{key}"](language) for key in keys], rows,
        caption=SAY["table.segments"](language), numeric=(1,),
        class_="kinds" if rules else "kinds brief",
    )  # fmt: skip


def _size(portrait: Portrait, largest: float, fmt: Formatter) -> Markup:
    css = "f3" if portrait.segment == NOISE else "f1"
    length = portrait.share / largest if largest else 0.0
    n, share = fmt.count(portrait.n_customers), element("small", fmt.share(portrait.share))
    return join([n, " ", share, bar(length, css)])


def _heading(portrait: Portrait, language: Language) -> Markup:
    if portrait.segment == NOISE:
        return element("span", SAY["noise.name"](language))
    number = element("span", str(portrait.segment), class_="no")
    return element("span", number, " ", breakable(portrait.name, _LONG))


def breakable(name: str, longest: int = 0) -> Markup:
    """Return a name whose words may break where their parts meet, if longer than `longest`."""
    words = (join([word]) for word in name.split(" "))
    return join([_broken(word) if len(word) > longest else word for word in words], " ")


def _broken(word: Markup) -> Markup:
    return Markup(re.sub("_(?=.)|(?<=[a-z]{2})(?=[A-Z][a-z])", r"\g<0><wbr>", word))


def _apart(portrait: Portrait, language: Language) -> Child:
    if portrait.is_hidden:
        return SAY["hidden"](language, n=str(FEWEST))
    lines = portrait.telling(3)
    if not lines:
        return SAY["apart.none"](language)
    said = [
        breakable(
            SAY["apart.of"](
                language, label=line.label, mean=mean_text(line.level, line.mean),
                everybody=mean_text(line.level, line.everybody),
            )
        )
        for line in lines
    ]  # fmt: skip
    return join(said, "、" if language == "zh" else ", ")


def _rule_cell(portrait: Portrait, language: Language) -> Child:
    if portrait.rule is None:
        return "–"
    fmt = Formatter(language)
    shares = " / ".join(fmt.share(v) for v in (portrait.rule.precision, portrait.rule.recall))
    return join([_code(portrait.rule.text), " ", element("small", shares)])


def _code(rule: str) -> Markup:
    return element("span", breakable(rule, _LONG), class_="rule")


def number_section(choice: ClusterChoice, language: Language) -> Markup | None:
    """Return the measures of each number of segments; None if nothing was measured."""
    measures = choice.to_frame()
    if not len(measures):
        return None
    counts = tuple(int(k) for k in measures["n_clusters"])
    names = [name for name in MEASURES if name in measures.columns]
    panels: list[Panel] = []
    for name in names:
        values = tuple(float(value) for value in measures[name])
        if all(math.isnan(value) for value in values):
            continue
        said, way = MEASURES[name]
        mark: tuple[float, str] | None = None
        if name == "silhouette" and not math.isnan(choice.cloud_silhouette):
            mark = choice.cloud_silhouette, SAY["one_crowd"](language)
        elif name == "stability":
            mark = _STABLE, SAY["stable"](language)
        panels.append(
            Panel(name=said(language), note=SAY[way](language), counts=counts, values=values,
                  mark=mark)
        )  # fmt: skip
    rows = [
        [str(count), *(f"{value:,.4g}" if value == value else "–" for value in values)]
        for count, values in zip(counts, measures[names].to_numpy().tolist(), strict=True)
    ]
    table = text_table(
        [SAY["col.n_clusters"](language), *(MEASURES[name][0](language) for name in names)], rows,
        caption=SAY["table.measures"](language), numeric=range(1, len(names) + 1),
    )  # fmt: skip
    return section(
        "number",
        SAY["number"](language),
        paragraph(choice.reason[:1].upper() + choice.reason[1:] + ".")
        if language == "en"
        else None,
        paragraph(SAY["number.intro"](language), "quiet"),
        measures_chart(panels, choice.n_clusters, label=SAY["number.alt"](language)),
        details(SAY["details"](language), table),
    )


def cards_section(facts: Facts, language: Language) -> Markup:
    """Return a card for each segment."""
    strong = [abs(line.effect) for p in facts.everyone for line in p.telling(_MOST_TRAITS)]
    reach = max([1.0, *strong])
    cards = (_card(portrait, reach, language) for portrait in facts.everyone)
    return section(
        "cards",
        SAY["cards"](language),
        paragraph(SAY["cards.intro"](language), "quiet"),
        element("div", *cards, class_="cards"),
    )


def _card(portrait: Portrait, reach: float, language: Language) -> Markup:
    fmt = Formatter(language)
    n = fmt.counted(portrait.n_customers, "customer")
    size = element("p", f"{n} · {fmt.share(portrait.share)}", bar(portrait.share), class_="size")
    return element(
        "article",
        element("h3", _heading(portrait, language)),
        size,
        *_traits(portrait, reach, language),
        *_rule(portrait, language),
        id=f"segment-{portrait.segment}",
    )


def _traits(portrait: Portrait, reach: float, language: Language) -> list[Child]:
    if portrait.is_hidden:
        return [paragraph(SAY["hidden"](language, n=str(FEWEST)), "quiet")]
    lines = portrait.telling(_MOST_TRAITS)
    if not lines:
        return [paragraph(SAY["plain"](language), "quiet")]
    rows: list[list[Child]] = [
        [
            breakable(line.label),
            _above(mean_text(line.level, line.mean), mean_text(line.level, line.everybody)),
            _index(line.index),
            join([f"{line.effect:+.2f}", two_sided(line.effect / reach)]),
        ]
        for line in lines
    ]
    heads = [SAY[f"col.{key}"](language) for key in ("feature", "mean", "index", "effect")]
    heads[1] = _above(heads[1], SAY["col.everybody"](language))
    caption = SAY["table.traits"](language)
    return [text_table(heads, rows, caption=caption, numeric=(1, 2, 3), class_="traits")]


def _above(value: str, below: str) -> Markup:
    return join([value, element("small", below)])


def two_sided(share: float) -> Markup:
    """Return a bar that starts in the middle; it repeats a number beside it."""
    width = min(abs(share), 1.0) * 50
    start = 50.0 if share >= 0 else 50 - width
    css = "f1" if share >= 0 else "f2"
    inner = element("span", class_=css, style=f"margin-left:{start:.1f}%;width:{width:.1f}%")
    return element("span", inner, class_="bar both", aria_hidden="true")


def _rule(portrait: Portrait, language: Language) -> list[Child]:
    rule = portrait.rule
    if rule is None:
        return []
    fmt = Formatter(language)
    trust = SAY["rule.trust"](
        language, customers=fmt.counted(rule.n_customers, "customer"),
        precision=fmt.share(rule.precision), recall=fmt.share(rule.recall),
    )  # fmt: skip
    return [
        element("h4", SAY["rule"](language)),
        element("p", _code(rule.text)),
        element("p", trust, class_="quiet"),
    ]


def features_section(facts: Facts, language: Language) -> Markup:
    """Return all features of all segments, shaded by effect size."""
    head, rest = facts.rows[:_MOST_ROWS], facts.rows[_MOST_ROWS:]
    more = None
    if rest:
        more = details(SAY["rest"](language, n=str(len(rest))), _heat(facts, rest, language))
    entries = (
        element(
            "li", *(swatch(f"{way[0]}{step}") for step in (1, 2, 3)), SAY[f"heat.{way}"](language)
        )
        for way in ("up", "down")
    )
    legend = element("ul", *entries, class_="legend")
    return section("table", SAY["table"](language), legend, _heat(facts, head, language), more)


def swatch(css: str) -> Markup:
    """Return a patch of a colour for a legend."""
    return element("span", class_=f"swatch {css}", aria_hidden="true")


def _heat(facts: Facts, keys: Sequence[tuple[str, str]], language: Language) -> Markup:
    shown = facts.everyone
    lines = {p.segment: {line.key: line for line in p.lines} for p in shown}
    heads = [
        element("th", SAY["col.feature"](language), scope="col"),
        element("th", SAY["col.everybody"](language), scope="col"),
    ]
    for portrait in shown:
        is_noise = portrait.segment == NOISE
        number = SAY["noise.name"](language) if is_noise else str(portrait.segment)
        name = breakable(portrait.name) if len(shown) <= 6 and not is_noise else None
        small = element("small", name) if name else None
        heads.append(element("th", element("span", number), small, scope="col"))
    rows: list[Markup] = []
    for key in keys:
        found = [lines[portrait.segment].get(key) for portrait in shown]
        known = next((line for line in found if line is not None), None)
        if known is None:
            continue
        rows.append(
            element(
                "tr",
                element("th", breakable(known.label), scope="row"),
                element("td", mean_text(known.level, known.everybody)),
                *(_cell(line) for line in found),
            )
        )
    caption = SAY["table.features"](language)
    table = element(
        "table",
        caption_of(caption),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
        class_="heat profile",
    )
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _cell(line: Line | None) -> Markup:
    if line is None or math.isnan(line.mean):
        return element("td", "–")
    step = effect_step(line.effect)
    css = f"{'u' if line.effect > 0 else 'd'}{step}" if step else None
    return element(
        "td", mean_text(line.level, line.mean), element("small", _index(line.index)), class_=css
    )


def notes_section(facts: Facts, language: Language) -> Markup:
    """Return what to know before the page is used."""
    told = [SAY["note.advice"](language), SAY["note.sample"](language)]
    if facts.n_levels_hidden:
        n = str(facts.n_levels_hidden)
        told.append(SAY["note.rare"](language, n=n, few=str(FEWEST)))
    if facts.n_levels_rest:
        told.append(SAY["note.levels"](language, n=str(facts.n_levels_rest)))
    items = (element("li", note) for note in told)
    return section("notes", SAY["notes"](language), element("ul", *items, class_="reasons"))


def method_section(language: Language) -> Markup:
    """Return the glossary."""
    terms = [
        part
        for term, meaning in GLOSSARY
        for part in (element("dt", term(language)), element("dd", meaning(language)))
    ]
    return section("method", SAY["method"](language), element("dl", *terms, class_="terms"))


def mean_text(level: str, value: float) -> str:
    """Return a mean in as many digits as help: years without a separator, levels as shares."""
    if math.isnan(value):
        return "–"
    if level:
        return Formatter().share(value)
    if abs(value) >= 9_999.5:
        return f"{value:,.0f}"
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _index(index: float) -> str:
    return "–" if math.isnan(index) else f"{index:,.0f}"


def _decimal(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
