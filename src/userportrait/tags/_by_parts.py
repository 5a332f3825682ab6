"""Tags of customers whose order lines are not in memory: part by part, with the same code.

A part has some of the customers, each with all rows of orders, events and the customers
table. What a tag must know of all customers is gathered first: a scorer is fitted on the
engine, and evidence of the parts is put together. Then each part is evaluated as a shop of
its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core import frames
from userportrait.errors import ColumnTypeError
from userportrait.tags._context import TagContext
from userportrait.tags._evaluation import check_column, evaluate_tags
from userportrait.tags._facts import FactTag, FrameTag
from userportrait.tags._kinds import column_kinds
from userportrait.tags._merge import merge_columns, merge_ids
from userportrait.tags._packing import pack_columns, unpack_columns
from userportrait.tags._part_tables import PartCustomers, PartEvents, PartItems, PartOrders
from userportrait.tags._plain import engine_column, nothing_known
from userportrait.tags._values import as_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.data import Table
    from userportrait.tags._base import Tag

__all__ = ["PartEvaluator", "evaluate_in_parts", "frame_in_parts"]

ROWS_PER_PART = 1_000_000
"""Rows of all tables in one part, about: some hundred megabytes while it is worked on."""

_ROLES = ("customer_id", "order_id", "ordered_at", "item_id", "quantity", "amount")
_EVENT_ROLES = ("customer_id", "event", "occurred_at", "item_id")


@dataclass(frozen=True)
class PartEvaluator:
    """Evaluates tags on one part; goes to the workers, so it holds nothing large but items.

    Parameters
    ----------
    tags : mapping of str to Tag
        In catalogue order, fitted; a tag of a frame gets its rows with the part.
    order : sequence of str
        The names, each one after all that the tag is made from.
    as_of : datetime
    currency : str or None
    minor_digits : int
    items : DataFrame or None
    learned : mapping of str to JSON value
        What tags have learned from all customers.
    """

    tags: Mapping[str, Tag]
    order: Sequence[str]
    as_of: datetime
    currency: str | None
    minor_digits: int
    items: pd.DataFrame | None
    learned: Mapping[str, Any]

    def context(self, part: Mapping[str, Any]) -> TagContext:
        """Return the part as a shop of its own."""
        lines = PartOrders(part["orders"], currency=self.currency, minor_digits=self.minor_digits)
        context = TagContext(
            lines,
            as_of=self.as_of,
            customers=PartCustomers(part["customers"]) if "customers" in part else None,
            events=PartEvents(part["events"]) if "events" in part else None,
            items=None if self.items is None else PartItems(self.items),
        )
        return context.given(self.learned)

    def evidence(self, part: Mapping[str, Any]) -> bytes:
        """Return the evidence of all tags that learn, as JSON."""
        context = self.context(part)
        found = {name: tag.evidence(context) for name, tag in self.tags.items() if tag.learns}
        return json.dumps(found).encode()

    def evaluate(
        self, part: Mapping[str, Any], *, check: bool
    ) -> tuple[NDArray[Any], dict[str, Column]]:
        """Return the part's customers and their values."""
        context = self.context(part)
        tags = {name: _with_rows(tag, part) for name, tag in self.tags.items()}
        columns = evaluate_tags(tags, self.order, context, check=check)
        return context.customer_ids, columns

    def packed(self, part: Mapping[str, Any]) -> bytes:
        """Return what `evaluate` returns, unchecked, for the driver to put together."""
        return pack_columns(*self.evaluate(part, check=False))

    def frame(self, part: Mapping[str, Any]) -> pd.DataFrame:
        """Return the part's customers and their values, checked, as a frame."""
        ids, columns = self.evaluate(part, check=True)
        told = {name: engine_column(column, "pandas") for name, column in columns.items()}
        return pd.DataFrame({"customer_id": ids, **told})


def _rows_name(tag: Tag) -> str:
    return f"rows of tag {tag.name}"


def _with_rows(tag: Tag, part: Mapping[str, Any]) -> Tag:
    """Return a tag of a frame with the part's rows of it."""
    if not isinstance(tag, FrameTag):
        return tag
    return replace(tag, frame=part[_rows_name(tag)])


def part_evaluator(
    tags: Mapping[str, Tag], order: Sequence[str], context: TagContext
) -> PartEvaluator:
    """Fit the tags, and say how a part of the customers is evaluated.

    What tags learn by evidence is not there yet; see `learn_from`.
    """
    fitted = {name: tag.fitted(context) for name, tag in tags.items()}
    bare = {
        name: replace(tag, frame=_no_rows(tag)) if isinstance(tag, FrameTag) else tag
        for name, tag in fitted.items()
    }
    items = None if context.items is None else context.items.to_pandas()
    orders = context.orders
    return PartEvaluator(
        bare, tuple(order), context.as_of, orders.currency, orders.minor_digits, items, {}
    )


def check_data(tags: Mapping[str, Tag], context: TagContext) -> None:
    """Let the tags that lack their data say so, before any work: they see tables without rows."""
    lacking = {name: tag for name, tag in tags.items() if tag.lacks(context) is not None}
    if not lacking:
        return
    evaluator = part_evaluator({}, (), context)
    whole = {"orders": context.orders, "events": context.events, "customers": context.customers}
    empty = {
        name: frames.collect_some(frames.enter(table.frame), 0)
        for name, table in whole.items()
        if table is not None
    }
    nobody = evaluator.context(empty)
    for tag in lacking.values():
        nothing = {name: nothing_known(0, tags[name].value_kind) for name in tag.inputs}
        tag.evaluate(nobody, nothing)


def _no_rows(tag: FrameTag) -> pd.DataFrame:
    return _frame_rows(tag).head(0)


def _frame_rows(tag: FrameTag) -> pd.DataFrame:
    """Return the rows of a tag's frame, with IDs that can be hashed."""
    inner = frames.enter(tag.frame, argument=f"FrameTag '{tag.name}'")
    names = dict.fromkeys(name for name in ("customer_id", tag.column, tag.at) if name is not None)
    rows = frames.to_pandas(frames.select_columns(inner, list(names))).reset_index(drop=True)
    ids = as_ids(rows["customer_id"], what=f"tag '{tag.name}'")
    return rows.assign(customer_id=ids)


def cut_tables(tags: Mapping[str, Tag], context: TagContext) -> frames.Parts:
    """Cut the shop's tables into parts, with the columns that the tags may read."""
    tables = chosen_tables(tags, context)
    _check_ids(tables)
    given = (context.orders, context.events, context.customers)
    n_rows = sum(len(table) for table in given if table is not None)
    return frames.cut_by_key(tables, rows_per_part=ROWS_PER_PART, n_rows=n_rows)


def chosen_tables(
    tags: Mapping[str, Tag], context: TagContext
) -> dict[str, tuple[frames.Frame, str]]:
    """Return the shop's tables with the columns that the tags may read, and their keys."""
    reads = [tag.reads for tag in tags.values()]
    named = None if None in reads else {name for one in reads if one for name in one}
    tables: dict[str, tuple[frames.Frame, str]] = {
        "orders": _chosen(context.orders, named, _ROLES, drop=("amount_minor",))
    }
    if context.events is not None:
        tables["events"] = _chosen(context.events, named, _EVENT_ROLES)
    if context.customers is not None:
        facts = {tag.column for tag in tags.values() if isinstance(tag, FactTag)}
        known = None if named is None else facts
        tables["customers"] = _chosen(context.customers, known, ("customer_id", "registered_at"))
    for tag in tags.values():
        if isinstance(tag, FrameTag):
            tables[_rows_name(tag)] = (frames.enter(_frame_rows(tag)), "customer_id")
    return tables


def _chosen(
    table: Table, named: set[str] | None, roles: Sequence[str], *, drop: Sequence[str] = ()
) -> tuple[frames.Frame, str]:
    inner = frames.enter(table.frame)
    names = [name for name in frames.column_names(inner) if name not in drop]
    if named is not None:
        names = [name for name in names if name in named or name in roles]
    return frames.select_columns(inner, names), "customer_id"


def _check_ids(tables: Mapping[str, tuple[frames.Frame, str]]) -> None:
    """Raise if customers are whole numbers in one table and texts in another."""
    kinds = {n: frames.column_kinds(frame, [key])[key] for n, (frame, key) in tables.items()}
    texts = kinds["orders"] == "text"
    for name, kind in kinds.items():
        if (kind == "text") == texts or kind == "empty":
            continue
        first, second = ("whole numbers", "texts") if texts else ("texts", "whole numbers")
        what = name.replace("rows of ", "").capitalize()
        message = (
            f"{what}: 'customer_id' holds {first}, but that of the orders holds {second}. "
            f"Convert one of them, for example with .astype(str)."
        )
        raise ColumnTypeError(message, column="customer_id")


def learn_from(parts: frames.Parts, evaluator: PartEvaluator) -> PartEvaluator:
    """Gather the evidence of all parts, in one pass, if a tag learns from it."""
    learning = {name: tag for name, tag in evaluator.tags.items() if tag.learns}
    if not learning:
        return evaluator
    gatherer = replace(evaluator, tags=learning)
    found = [json.loads(one) for one in parts.collect(gatherer.evidence)]
    learned = {name: tag.learn([one[name] for one in found]) for name, tag in learning.items()}
    return replace(evaluator, learned=learned)


def evaluate_in_parts(
    tags: Mapping[str, Tag],
    order: Sequence[str],
    context: TagContext,
    *,
    progress: Callable[[float], None] | None = None,
) -> tuple[dict[str, Tag], NDArray[Any], dict[str, Column]]:
    """Evaluate tags part by part, and collect the values.

    Returns
    -------
    tags : dict of str to Tag
        As they were used, fitted.
    customer_ids : ndarray
        Sorted.
    columns : dict of str to column
        In memory, one value for each customer.
    """
    tell = progress if progress is not None else _silent
    tell(0.0)
    check_data(tags, context)
    evaluator = part_evaluator(tags, order, context)
    with cut_tables(tags, context) as parts:
        evaluator = learn_from(parts, evaluator)
        tell(0.5)
        found = [unpack_columns(one) for one in parts.collect(evaluator.packed)]
    ids, rows = merge_ids([one[0] for one in found])
    columns: dict[str, Column] = {}
    for name in order:
        merged = merge_columns(name, [one[1].pop(name) for one in found]).take(rows)
        check_column(tags[name], merged)
        columns[name] = merged
    tell(1.0)
    return dict(evaluator.tags), ids, {name: columns[name] for name in tags}


def frame_in_parts(tags: Mapping[str, Tag], order: Sequence[str], context: TagContext) -> Any:
    """Evaluate tags part by part, and leave the values on the engine.

    Returns
    -------
    frame
        One row per customer in no particular order: `customer_id` and the tags. On Spark it
        is computed when it is used.
    """
    check_data(tags, context)
    evaluator = part_evaluator(tags, order, context)
    with cut_tables(tags, context) as parts:
        evaluator = learn_from(parts, evaluator)
        kinds = column_kinds(tags, context, lambda: _sample(evaluator, tags, context))
        ids: frames.Kind = "text" if _has_text_ids(context) else "integer"
        return frames.leave(parts.map(evaluator.frame, {"customer_id": ids, **kinds}))


def _has_text_ids(context: TagContext) -> bool:
    inner = frames.enter(context.orders.frame)
    return frames.column_kinds(inner, ["customer_id"])["customer_id"] == "text"


_SAMPLE = 200


def _sample(
    evaluator: PartEvaluator, tags: Mapping[str, Tag], context: TagContext
) -> dict[str, Column]:
    """Return the values of some customers, those of a few order lines."""
    part: dict[str, Any] = {}
    for name, (frame, _) in chosen_tables(tags, context).items():
        wanted = frame
        if name == "orders":
            wanted = frames.keep_rows_until(frame, "ordered_at", context.as_of)
        part[name] = frames.collect_some(wanted, _SAMPLE)
    return evaluator.evaluate(part, check=False)[1]


def _silent(share: float) -> None:
    """Tell nobody."""
