"""What stands in the cells of a page of segments: names, means, rules and bars."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from userportrait.report._format import Formatter
from userportrait.report._html import Markup, element, join
from userportrait.report._segment_facts import NOISE
from userportrait.report._segment_words import SAY

if TYPE_CHECKING:
    from userportrait.report._format import Language

__all__ = [
    "breakable",
    "heading",
    "index_text",
    "mean_text",
    "rule_text",
    "swatch",
    "two_sided",
]

_LONG = 18
"""Words of headings and rules may break if they have more letters."""

_HUGE = 1e12
"""From here on figures are written in powers of ten."""


def heading(segment: int, name: str, language: Language) -> Markup:
    """Return a segment's number and name."""
    if segment == NOISE:
        return element("span", SAY["noise.name"](language))
    number = element("span", str(segment), class_="no")
    return element("span", number, " ", breakable(name, _LONG))


def breakable(name: str, longest: int = 0) -> Markup:
    """Return a name whose words may break where their parts meet, if longer than `longest`."""
    words = (join([word]) for word in name.split(" "))
    return join([_broken(word) if len(word) > longest else word for word in words], " ")


def _broken(word: Markup) -> Markup:
    return Markup(re.sub("_(?=.)|(?<=[a-z]{2})(?=[A-Z][a-z])", r"\g<0><wbr>", word))


def rule_text(rule: str) -> Markup:
    """Return a rule as it is written."""
    return element("span", breakable(rule, _LONG), class_="rule")


def two_sided(share: float) -> Markup:
    """Return a bar that starts in the middle; it repeats a number beside it."""
    width = min(abs(share), 1.0) * 50
    start = 50.0 if share >= 0 else 50 - width
    css = "f1" if share >= 0 else "f2"
    inner = element("span", class_=css, style=f"margin-left:{start:.1f}%;width:{width:.1f}%")
    return element("span", inner, class_="bar both", aria_hidden="true")


def swatch(css: str) -> Markup:
    """Return a patch of a colour for a legend."""
    return element("span", class_=f"swatch {css}", aria_hidden="true")


def mean_text(level: str, value: float) -> str:
    """Return a mean in as many digits as help: years without a separator, levels as shares."""
    if math.isnan(value):
        return "–"
    if level:
        return Formatter().share(value)
    if abs(value) >= _HUGE:
        return f"{value:.3g}"
    if abs(value) >= 9_999.5:
        return f"{value:,.0f}"
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    return f"{value + 0.0:.3g}"  # + 0.0: no minus sign before a zero


def index_text(index: float) -> str:
    """Return an index, a dash where there is none."""
    if math.isnan(index):
        return "–"
    return f"{round(index):,}" if abs(index) < _HUGE else f"{index:.3g}"
