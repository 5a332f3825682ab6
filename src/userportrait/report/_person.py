"""One customer's page: key figures, where they stand, every tag and why."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.columns import NumberColumn
from userportrait._core.params import OneOf, check_values
from userportrait.errors import UnknownTagError
from userportrait.report._facts import currency_of
from userportrait.report._format import Formatter, Language
from userportrait.report._html import Child, Markup, element, join, text_table
from userportrait.report._page import (
    bar,
    check_target,
    details,
    document,
    paragraph,
    section,
    tiles,
    write_page,
)
from userportrait.report._recommended import read_recommended, recommended_to
from userportrait.report._rule_choice import check_labels
from userportrait.report._tag_overview import KINDS, definition_of, kind_of, label_of
from userportrait.report._words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    import pandas as pd

    from userportrait.data import Items
    from userportrait.portraits import Portrait, Portraits
    from userportrait.tags import Explanation
    from userportrait.typing import IntoFrame, TagValue

__all__ = ["portrait_page"]

_COMPARED = ("spend", "n_orders", "mean_order_value", "recency", "tenure")


def portrait_page(
    portrait: Portrait,
    path: str | Path | None = None,
    *,
    language: Language = "en",
    portraits: Portraits | None = None,
    recommendations: IntoFrame | None = None,
    item_labels: Mapping[Any, str] | Items | None = None,
) -> str | Path:
    """Make one customer's page: self-contained HTML, no network, no script.

    It shows key figures, where the customer stands among all, and every tag by kind with
    the moment it describes, the version that made it, and why it has its value.

    Parameters
    ----------
    portrait : Portrait
        From ``portraits[customer_id]``.
    path : str or Path, optional
        The file to write; an existing one is replaced in one step.
    language : {'en', 'zh'}, default='en'
        Definitions and conditions of tags stay as they were written.
    portraits : Portraits, optional
        All customers, to compare with; without them that section is left out.
    recommendations : frame, optional
        What a recommender's ``recommend()`` returned: `customer_id`, `item_id`, `rank` and, if
        it is there, `reason`. Adds the list of this customer.
    item_labels : mapping of item to name, or Items, optional
        What to call the items; by default their IDs.

    Returns
    -------
    str or Path
        The page, or the file where it was written. Equal portraits give equal bytes.

    Raises
    ------
    InvalidParameterError
        If `path` is a folder or in a folder that is not there, or `language` is unknown.

    Examples
    --------
    >>> import userportrait as up
    >>> portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    >>> customer_id = portraits.customer_ids[0]
    >>> page = up.portrait_page(portraits[customer_id], portraits=portraits)
    >>> page[:15]
    '<!DOCTYPE html>'
    """
    check_values("portrait_page", {"language": language}, {"language": OneOf(("en", "zh"))})
    target = None if path is None else check_target(path, "portrait_page")
    shown = None
    if recommendations is not None:
        shown = read_recommended(recommendations, "portrait_page")
    check_labels(item_labels, owner="portrait_page", parameter="item_labels")
    text = _page(portrait, portraits, language, shown, item_labels)
    return text if target is None else write_page(target, text)


def _page(
    portrait: Portrait,
    portraits: Portraits | None,
    language: Language,
    recommended: pd.DataFrame | None,
    item_labels: object,
) -> str:
    words = Words(Formatter(language, currency_of(portrait.build)))
    date = words("page.as_of", date=words.fmt.date(portrait.as_of))
    parts: list[Child] = [
        _segment_chips(portrait, words),
        tiles(_key_figures(portrait, words)),
        _standing(portrait, portraits, words) if portraits is not None else None,
        None
        if recommended is None
        else recommended_to(portrait.customer_id, recommended, item_labels, words),
        _tags(portrait, words),
    ]
    return document(
        title=words("person.title", id=str(portrait.customer_id)),
        kind=words("person.kind"),
        subtitle=date,
        body=parts,
        foot=words("person.personal"),
        words=words,
    )


def _segment_chips(portrait: Portrait, words: Words) -> Markup | None:
    chips = [
        element("span", _shown(portrait, name, words), class_="chip")
        for name in ("rfm", "activity")
        if portrait.tags.get(name) is not None
    ]
    return element("p", join(chips, " "), class_="chips") if chips else None


def _key_figures(portrait: Portrait, words: Words) -> list[tuple[str, str, str | None]]:
    tags, fmt = portrait.tags, words.fmt

    def number(name: str) -> float | None:
        value = tags.get(name)
        known = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if known else None  # type: ignore[arg-type]

    figures: list[tuple[str, str, str | None]] = []
    for name, label, write in (
        ("spend", "person.spend", fmt.money),
        ("n_orders", "person.orders", fmt.count),
        ("mean_order_value", "person.order_value", fmt.money),
    ):
        value = number(name)
        if value is not None:
            figures.append((words(label), write(value), None))
    for name, label, days in (
        ("last_order_at", "person.last", "recency"),
        ("first_order_at", "person.since", "tenure"),
    ):
        date, gone = tags.get(name), number(days)
        if isinstance(date, str):
            note = None if gone is None else _ago(gone, words)
            figures.append((words(label), fmt.date(date), note))
    favourite = next((n for n in ("favourite_category", "favourite_item") if tags.get(n)), None)
    if favourite is not None:
        label = label_of(favourite, definition_of(portrait, favourite), words)
        figures.append((label, _shown(portrait, favourite, words), None))
    return figures


def _ago(days: float, words: Words) -> str:
    return words("person.days_ago", days=words.fmt.counted(days, "day"))


def _standing(portrait: Portrait, portraits: Portraits, words: Words) -> Markup | None:
    rows: list[Markup] = []
    for name in _COMPARED:
        column = portraits.table.columns.get(name)
        value = portrait.tags.get(name)
        if not isinstance(column, NumberColumn) or not isinstance(value, (int, float)):
            continue
        others = column.values[column.known]
        if len(others) < 2:
            continue
        lower_is_better = name == "recency"
        below = others > value if lower_is_better else others < value
        share = float(np.mean(below))
        said = words(
            "person.more_recent" if lower_is_better else "person.more_than",
            value=_shown(portrait, name, words),
            share=f"{int(100 * share)}%",
        )
        label = label_of(name, definition_of(portrait, name), words)
        rows.append(element("dt", label))
        rows.append(element("dd", bar(share), said))
    if not rows:
        return None
    everybody = words.fmt.counted(len(portraits.table.customer_ids), "customer")
    intro = words("person.stand.intro", customers=everybody)
    return section(
        "standing",
        words("person.stand"),
        paragraph(intro, "quiet"),
        element("dl", *rows, class_="scale"),
    )


def _tags(portrait: Portrait, words: Words) -> Markup:
    entries = sorted(
        ((kind_of(definition_of(portrait, name)), name) for name in portrait.tags),
        key=lambda entry: KINDS.index(entry[0]),
    )
    heads = [words("tags.tag"), words("person.value"), words("person.true_at")]
    parts: list[Child] = []
    for kind, group in groupby(entries, key=lambda entry: entry[0]):
        names = [name for _, name in group]
        known = [name for name in names if portrait.tags[name] is not None]
        title = words(f"kind.{kind}")
        parts.append(element("h3", title))
        if known:
            rows = [_tag_row(portrait, name, words) for name in known]
            parts.append(text_table(heads, rows, caption=title, class_="person"))
        unknown = [label_of(n, definition_of(portrait, n), words) for n in names if n not in known]
        if unknown:
            note = words("person.n_unknown", names=words.listing(unknown))
            parts.append(paragraph(note, "quiet"))
    return section("tags", words("person.tags"), *parts)


def _tag_row(portrait: Portrait, name: str, words: Words) -> list[Child]:
    definition = definition_of(portrait, name)
    label: Child = label_of(name, definition, words)
    version = portrait.versions.get(name)
    try:
        explanation = portrait.explain(name)
    except UnknownTagError:
        explanation = None
    at, until, why = portrait.as_of, "", None
    if explanation is not None:
        why = details(words("person.why"), _reasons(explanation, words))
        at, expires = explanation.true_at, explanation.evidence.expires_at
        if expires is not None:
            until = " " + words("person.expires", date=words.fmt.date(expires))
    made = "" if version is None else words("person.version", n=str(version))
    value = join([element("span", _shown(portrait, name, words)), why])
    return [label, value, join([words.fmt.date(at), until, " ", element("small", made)])]


def _reasons(explanation: Explanation, words: Words) -> Markup:
    """Return the definition, the conditions, and the same for the tags behind it."""
    items: list[Markup] = []
    if explanation.description:
        items.append(element("li", explanation.description))
    items.append(element("li", f"{explanation.kind}: {explanation.definition}"))
    items += [element("li", str(reason)) for reason in explanation.reasons]
    items += [element("li", note) for note in explanation.notes]
    items += [
        element("li", f"{part.tag} = {_plain(part.value, words)}", _reasons(part, words))
        for part in explanation.inputs
    ]
    return element("ul", *items, class_="why")


def _shown(portrait: Portrait, name: str, words: Words) -> str:
    value = portrait.tags.get(name)
    definition = definition_of(portrait, name)
    if isinstance(value, str):
        if getattr(definition, "value_kind", None) == "date":
            return words.fmt.date(value)
        named = value if definition is None else definition.value_label(value, words.fmt.language)
        return str(named)
    unit = getattr(definition, "unit", None)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and unit == "currency":
        return words.fmt.money(value)  # type: ignore[arg-type]
    if number and unit == "days":
        return f"{_plain(value, words)} {words('unit.days')}"
    return _plain(value, words)


def _plain(value: TagValue, words: Words) -> str:
    if value is None:
        return words("person.unknown")
    if isinstance(value, bool):
        return words("person.yes" if value else "person.no")
    if isinstance(value, (int, float)):
        return words.fmt.number(value)
    return value
