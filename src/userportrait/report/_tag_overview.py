"""The overview of tags on the shop's page: coverage and values, nobody recognisable."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.columns import BooleanColumn, Column, TextColumn
from userportrait.report._html import Child, Markup, element, join, text_table
from userportrait.report._page import bar, details, paragraph, section
from userportrait.report._segments import segment_names

if TYPE_CHECKING:
    from userportrait.portraits import Portraits
    from userportrait.report._words import Words

__all__ = ["KINDS", "definition_of", "kind_of", "label_of", "tags_section"]

KINDS = ("scored", "statistical", "rule", "preference", "fact", "manual", "own", "other")
"""The kinds of tags in the order of reading."""

FEW = 5
"""A text that fewer customers share is not shown, nor the spread of so few numbers."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def definition_of(portraits: Any, name: str) -> Any:
    """Return a tag's definition, None if the catalogue does not have it."""
    catalogue = getattr(portraits, "catalogue", None)
    return catalogue[name] if catalogue is not None and name in catalogue else None


def kind_of(definition: Any) -> str:
    """Return the kind of a tag, one of `KINDS`."""
    kind = getattr(definition, "kind", "other")
    return kind if kind in KINDS else "own"


def label_of(name: str, definition: Any, words: Words) -> str:
    """Return a tag's name for people."""
    label = definition.label(words.fmt.language) if definition is not None else name
    return str(label) if label != name else name.replace("_", " ")


def tags_section(portraits: Portraits, words: Words) -> Markup:
    """Return every tag with its coverage and values, by kind."""
    columns = portraits.table.columns
    entries = sorted(
        ((kind_of(definition_of(portraits, name)), name) for name in columns),
        key=lambda entry: KINDS.index(entry[0]),
    )
    parts: list[Markup] = []
    for kind, group in groupby(entries, key=lambda entry: entry[0]):
        names = [name for _, name in group]
        rows = [_row(portraits, name, columns[name], words) for name in names]
        heads = [words(f"tags.{head}") for head in ("tag", "known", "values")]
        title = words(f"kind.{kind}")
        table = text_table(heads, rows, caption=words("tags.caption"), class_="tags")
        parts.append(details(f"{title} ({len(names)})", table, is_open=not parts))
    date = words.fmt.date(portraits.as_of)
    intro = paragraph(words("tags.intro", date=date, n=str(FEW)))
    return section("tags", words("section.tags"), intro, *parts)


def _row(portraits: Portraits, name: str, column: Column, words: Words) -> list[Child]:
    definition = definition_of(portraits, name)
    n = len(column)
    share = float(column.known.sum()) / n if n else 0.0
    label: Child = label_of(name, definition, words)
    meaning = getattr(definition, "description", "")
    if meaning and words.fmt.language == "en":
        label = join([label, element("small", meaning)])
    known = join([words.fmt.share(share), bar(share, "f3")])
    return [label, known, _values(portraits, name, column, words)]


def _values(portraits: Portraits, name: str, column: Column, words: Words) -> str:
    n = int(column.known.sum())
    if n == 0:
        return words("tags.none")
    if n < FEW:
        return words("tags.hidden")
    if isinstance(column, BooleanColumn):
        return words("tags.yes", share=words.fmt.share(float(column.values[column.known].mean())))
    if isinstance(column, TextColumn):
        if all(_DATE.fullmatch(text) for text in column.labels):
            return _dates(column, words)
        return _top_texts(portraits, name, column, words)
    low, middle, high = np.quantile(column.values[column.known], (0.1, 0.5, 0.9)).tolist()
    definition = definition_of(portraits, name)
    is_money = getattr(definition, "unit", None) == "currency"
    unit = "" if is_money else _unit(definition, words)
    write = words.fmt.money if is_money else words.fmt.number
    if low == high:
        return words("tags.constant", value=write(middle)) + unit
    return words("tags.range", median=write(middle), low=write(low), high=write(high)) + unit


def _unit(definition: Any, words: Words) -> str:
    unit = getattr(definition, "unit", None)
    return f" ({unit})" if unit and words.fmt.language == "en" else ""


def _dates(column: TextColumn, words: Words) -> str:
    """Say when, by month: a day could be somebody's birthday."""
    codes = column.codes[column.known]
    months = np.sort(np.array([text[:7] for text in column.labels])[codes])
    low, middle, high = (words.fmt.month(str(months[i])) for i in (0, len(months) // 2, -1))
    return words("tags.dates", median=middle, low=low, high=high)


def _top_texts(
    portraits: Portraits, name: str, column: TextColumn, words: Words, top: int = 4
) -> str:
    counts = np.bincount(column.codes[column.known], minlength=len(column.labels))
    ranked = sorted(
        (i for i in range(len(counts)) if counts[i] > 0),
        key=lambda i: (-counts[i], column.labels[i]),
    )
    shown = [i for i in ranked[:top] if counts[i] >= FEW]
    if not shown:
        return words("tags.hidden")
    labels = [column.labels[i] for i in shown]
    names = segment_names(portraits, labels, words.fmt.language, name)
    parts = [
        f"{names[column.labels[i]]} {words.fmt.share(counts[i] / counts.sum())}" for i in shown
    ]
    rest = len(ranked) - len(shown)
    if rest:
        parts.append(words("tags.more", n=words.fmt.count(rest)))
    return words.listing(parts)
