"""What is recommended: a section of the shop's page, and one of a customer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.report._html import Child, Markup, join, text_table
from userportrait.report._page import bar, paragraph, section
from userportrait.report._rule_choice import item_names

if TYPE_CHECKING:
    from userportrait.report._words import Words
    from userportrait.typing import CustomerId

__all__ = ["read_recommended", "recommended_section", "recommended_to"]

_MOST = 10
_FEWEST = 5
"""Items shown to fewer customers are not named: they could tell of one of them."""
_CONCENTRATED = 0.5
_BECAUSE = "because of "
_NEEDED = ("customer_id", "item_id", "rank")


def read_recommended(given: Any, owner: str) -> pd.DataFrame:
    """Return recommendations as a pandas frame, checked.

    Raises
    ------
    MissingColumnError
        If `customer_id`, `item_id` or `rank` is missing.
    InvalidDataError
        If a rank is missing or below 1.
    """
    inner = frames.enter(given, argument=f"{owner}: recommendations")
    names = frames.column_names(inner)
    for name in _NEEDED:
        if name not in names:
            raise MissingColumnError(name, names, f"{owner}: recommendations")
    table = frames.to_pandas(inner).reset_index(drop=True)
    rank = pd.to_numeric(table["rank"], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~(rank >= 1)
    if bad.any():
        rows = np.flatnonzero(bad)
        message = f"{owner}: ranks of recommendations must be 1 or more."
        raise InvalidDataError(message, column="rank", rows=rows[:5].tolist(), n_rows=len(rows))
    return table.assign(rank=rank.astype(np.int64))


def recommended_section(table: pd.DataFrame, labels: object, words: Words) -> Markup:
    """Return which items are shown, and how evenly.

    Parameters
    ----------
    table : DataFrame
        From `read_recommended`.
    labels : mapping of item to name, Items or None
    words : Words
    """
    heading = words("section.recommended")
    n_customers = table["customer_id"].nunique()
    counts = _counts(table)
    shown = counts[counts["customers"] >= _FEWEST].head(_MOST)
    share = counts["customers"].head(_MOST).sum() / max(len(table), 1)
    intro = words(
        "recommended.intro",
        customers=words.fmt.counted(n_customers, "customer"),
        k=words.fmt.count(int(table["rank"].max()) if len(table) else 0),
        items=words.fmt.count(len(counts)),
        share=words.fmt.share(share),
    )
    said = [paragraph(intro)]
    if share > _CONCENTRATED and len(counts) > 4 * _MOST:
        said.append(paragraph(words("recommended.concentrated")))
    popular = _popular_share(table)
    if popular > 0:
        said.append(paragraph(words("recommended.popular", share=words.fmt.share(popular))))
    if not len(shown):
        none = paragraph(words("recommended.none", n=str(_FEWEST)), "quiet")
        return section("recommended", heading, *said, none)
    return section(
        "recommended",
        heading,
        *said,
        _table(shown, n_customers, labels, words),
        paragraph(_notes(counts, shown, words), "quiet"),
    )


def _counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the customers of each item, and those who have it in first place; most first."""
    found = table.assign(first=table["rank"] == 1).groupby("item_id", sort=True, observed=True)
    counts = found.agg(customers=("customer_id", "nunique"), first=("first", "sum")).reset_index()
    return counts.sort_values("customers", ascending=False, kind="stable", ignore_index=True)


def _popular_share(table: pd.DataFrame) -> float:
    if "reason" not in table or not len(table):
        return 0.0
    return float(table["reason"].astype(str).str.startswith("popular").mean())


def _table(shown: pd.DataFrame, n_customers: int, labels: object, words: Words) -> Markup:
    items = shown["item_id"].tolist()
    names = item_names(items, labels, owner="report", parameter="item_labels")
    top = int(shown["customers"].max())
    rows: list[list[Child]] = [
        [
            names[item],
            join([words.fmt.count(n), bar(n / top)]),
            words.fmt.share(n / n_customers),
            words.fmt.count(first),
        ]
        for item, n, first in zip(
            items, shown["customers"].tolist(), shown["first"].tolist(), strict=True
        )
    ]
    return text_table(
        [words(f"recommended.{column}") for column in ("item", "customers", "share", "first")],
        rows,
        caption=words("recommended.caption"),
        numeric=(1, 2, 3),
    )


def _notes(counts: pd.DataFrame, shown: pd.DataFrame, words: Words) -> str:
    said = [words("recommended.advice")]
    if (counts["customers"] < _FEWEST).any() and len(shown) < _MOST:
        said.append(words("recommended.hidden", n=str(_FEWEST)))
    return ("" if words.fmt.language == "zh" else " ").join(said)


def _told(reason: str, labels: object, words: Words) -> str:
    """Return a reason in the page's language, with the item's name."""
    if reason == "popular":
        return words("person.recommended.popular")
    because, _, item = reason.partition(_BECAUSE)
    if because or not item:
        return reason
    keys: list[Any] = [item, *([int(item)] if item.isdecimal() else [])]
    names = item_names(keys, labels, owner="portrait_page", parameter="item_labels")
    name = next((names[key] for key in keys if names[key] != str(key)), item)
    return words("person.recommended.because", item=name)


def recommended_to(
    customer_id: CustomerId, table: pd.DataFrame, labels: object, words: Words
) -> Markup:
    """Return one customer's list.

    Parameters
    ----------
    customer_id : int or str
    table : DataFrame
        From `read_recommended`; rows of other customers are passed over.
    labels : mapping of item to name, Items or None
    words : Words
    """
    own = table[table["customer_id"] == customer_id].sort_values("rank", kind="stable")
    heading = words("person.recommended")
    if not len(own):
        none = paragraph(words("person.recommended.none"), "quiet")
        return section("recommended", heading, none)
    items = own["item_id"].tolist()
    names = item_names(items, labels, owner="portrait_page", parameter="item_labels")
    columns = ["person.recommended.rank", "recommended.item"]
    rows: list[list[Child]] = [
        [str(rank), names[item]] for rank, item in zip(own["rank"].tolist(), items, strict=True)
    ]
    if "reason" in own:
        columns.append("person.recommended.reason")
        for row, reason in zip(rows, own["reason"].astype(str).tolist(), strict=True):
            row.append(_told(reason, labels, words))
    caption = words("person.recommended.caption")
    table_of = text_table([words(name) for name in columns], rows, caption=caption)
    return section("recommended", heading, table_of)
