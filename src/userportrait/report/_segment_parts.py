"""The sections of a page of segments that say who they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from userportrait.report._format import Formatter
from userportrait.report._html import Child, Markup, caption_of, element, join, text_table
from userportrait.report._page import bar, details, paragraph, section
from userportrait.report._segment_cells import (
    breakable,
    heading,
    index_text,
    mean_text,
    rule_text,
    swatch,
    two_sided,
)
from userportrait.report._segment_facts import FEWEST, NOISE, effect_step
from userportrait.report._segment_words import GLOSSARY, SAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.report._format import Language
    from userportrait.report._segment_facts import Facts, Line, Portrait

__all__ = ["cards_section", "features_section", "method_section", "notes_section"]

_MOST_TRAITS = 5
_MOST_ROWS = 40


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
        element("h3", heading(portrait.segment, portrait.name, language)),
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
            index_text(line.index),
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
        element("p", rule_text(rule.text)),
        element("p", trust, class_="quiet"),
    ]


def features_section(facts: Facts, language: Language) -> Markup:
    """Return all features of all segments, shaded by effect size; of one segment, its means."""
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
    legend = element("ul", *entries, class_="legend") if len(facts.everyone) > 1 else None
    return section("table", SAY["table"](language), legend, _heat(facts, head, language), more)


def _heat(facts: Facts, keys: Sequence[tuple[str, str]], language: Language) -> Markup:
    shown = facts.everyone
    lines = {p.segment: {line.key: line for line in p.lines} for p in shown}
    compared = shown if len(shown) > 1 else ()
    heads = [
        element("th", SAY["col.feature"](language), scope="col"),
        element("th", SAY["col.everybody"](language), scope="col"),
    ]
    for portrait in compared:
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
        cells = (_cell(line) for line in found) if compared else ()
        rows.append(
            element(
                "tr",
                element("th", breakable(known.label), scope="row"),
                element("td", mean_text(known.level, known.everybody)),
                *cells,
            )
        )
    caption = SAY["table.features" if compared else "table.features.one"](language)
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
        "td", mean_text(line.level, line.mean), element("small", index_text(line.index)), class_=css
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
