"""What kind of column each tag makes, known before the values are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait._core import frames
from userportrait._core.columns import BooleanColumn, NumberColumn
from userportrait.tags._facts import FactTag, FrameTag
from userportrait.tags._lines import CLOCK
from userportrait.tags._preferences import PreferenceTag
from userportrait.tags._scores import ScoredTag
from userportrait.tags._statistics import StatisticalTag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from userportrait._core.columns import Column
    from userportrait.data import Table
    from userportrait.tags._base import Tag
    from userportrait.tags._context import TagContext

__all__ = ["column_kinds"]

_KINDS: dict[str, frames.Kind] = {
    "integer": "integer",
    "number": "number",
    "decimal": "number",
    "boolean": "boolean",
}
"""What becomes of a table's column; all else is text."""

_WHOLE_FACTS = ("recency", "tenure", "n_orders", "n_lines", "n_days", "n_returns")
_LABELS = ("item_id", "order_id", "channel", "country", "category", "name", "brand")


def column_kinds(
    tags: Mapping[str, Tag], context: TagContext, sample: Callable[[], Mapping[str, Column]]
) -> dict[str, frames.Kind]:
    """Return the kind of each tag's column: integer, number, text or boolean.

    Parameters
    ----------
    tags : mapping of str to Tag
    context : TagContext
        The whole shop.
    sample : callable
        Returns the values of some customers; only called for scorers and own kinds of tags
        that do not say what they make.
    """
    told: dict[str, frames.Kind | None] = {n: _kind(tag, context) for n, tag in tags.items()}
    nothing: Mapping[str, Column] = {}
    values = sample() if None in told.values() else nothing
    found: dict[str, frames.Kind] = {}
    for name, kind in told.items():
        found[name] = _kind_of(values[name]) if kind is None else kind
    return found


def _kind_of(column: Column) -> frames.Kind:
    if isinstance(column, BooleanColumn):
        return "boolean"
    if not isinstance(column, NumberColumn):
        return "text"
    return "integer" if column.values.dtype.kind == "i" else "number"


def _kind(tag: Tag, context: TagContext) -> frames.Kind | None:
    if tag.value_kind in ("text", "date"):
        return "text"
    if tag.value_kind == "boolean":
        return "boolean"
    if isinstance(tag, FactTag):
        return _of_fact(tag, context)
    if isinstance(tag, FrameTag):
        inner = frames.enter(tag.frame)
        return _KINDS.get(frames.column_kinds(inner, [tag.column])[tag.column], "text")
    if isinstance(tag, StatisticalTag):
        return _of_statistic(tag, context)
    if isinstance(tag, PreferenceTag):
        return _of_preference(tag, context)
    numeric = tag.value_kind == "number" and not isinstance(tag, ScoredTag)
    return "number" if numeric else None


def _of_fact(tag: FactTag, context: TagContext) -> frames.Kind:
    if tag.source == "customers":
        return _of_table(context.customers, tag.column)
    if tag.column == "n_items":
        return _of_line(context, "quantity")
    whole = tag.column in _WHOLE_FACTS or tag.column.startswith("orders_")
    return "integer" if whole else "number"


def _of_table(table: Table | None, column: str) -> frames.Kind:
    if table is None or column not in table.columns:
        return "text"
    return _KINDS.get(frames.column_kinds(frames.enter(table.frame), [column])[column], "text")


def _of_line(context: TagContext, column: str) -> frames.Kind:
    """Return what a column of the order lines holds, as tags see it."""
    if column in ("hour", "month"):
        return "integer"
    if column in CLOCK or column in _LABELS:
        return "text"
    if column == "amount":
        return "integer" if context.orders.minor_digits == 0 else "number"
    if column in context.orders.columns:
        kind = _of_table(context.orders, column)
        return "text" if kind == "boolean" else kind
    if column == "quantity":
        return "integer"  # one unit a line
    if column == "price":
        return "number"
    kind = _of_table(context.items, column)
    return "text" if kind == "boolean" else kind


def _of_statistic(tag: StatisticalTag, context: TagContext) -> frames.Kind:
    if tag.statistic in ("count", "n_unique"):
        return "integer"
    if tag.statistic in ("mean", "std", "median", "quantile", "share"):
        return "number"
    return _of_line(context, str(tag.column))


def _of_preference(tag: PreferenceTag, context: TagContext) -> frames.Kind:
    kind: frames.Kind = "text"
    if context.has_line_column(tag.by):
        kind = _of_line(context, tag.by)
    events = context.events
    as_text = events is not None and tag.by in events.columns and tag.by not in CLOCK
    return "text" if as_text and tag.counts_events else kind
