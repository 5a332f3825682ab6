"""Events and order lines as behaviour towards values: who, what, which day, how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.entries import Coded
from userportrait.data import Events, Items, Orders
from userportrait.data._order_arrays import OrderArrays
from userportrait.errors import ColumnTypeError, InvalidDataError, MissingColumnError
from userportrait.features._events import micros_of
from userportrait.features._habits_tiers import check_prices
from userportrait.features._sessions import bucket_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.features._habits_tiers import PriceTiers
    from userportrait.typing import IntoFrame

__all__ = ["BehaviourLines", "ItemValues", "as_table", "read_lines"]

_TEXT_COLUMNS = ("channel", "device", "category", "country", "query")


@dataclass(frozen=True, slots=True, eq=False)
class ItemValues:
    """Each item's value of one column.

    Parameters
    ----------
    item_ids : Index
        Distinct.
    value : Coded
        Their values; -1 where missing.
    """

    item_ids: Any
    value: Coded

    @classmethod
    def of(cls, items: Items | IntoFrame, by: str, tiers: PriceTiers | None) -> ItemValues | None:
        """Read the values of a table of items; None if they are not asked for one.

        Raises
        ------
        MissingColumnError
            If the items lack the column.
        ColumnTypeError
            If price bands are asked for and prices are no numbers.
        """
        table = items if isinstance(items, Items) else Items(items)
        source = "price" if tiers is not None else by
        if source == "item_id":
            return None
        if source not in table.columns:
            raise MissingColumnError(source, table.columns, "the items")
        inner = frames.enter(table.frame)
        if tiers is not None:
            check_prices(inner, owner="the items")
        found = frames.collect_columns(inner, ["item_id", source])
        ids = pd.Index(_plain(found["item_id"]))
        if tiers is None:
            return cls(ids, _coded(found, source))
        prices = pd.Series(found["price"]).to_numpy(dtype=np.float64, na_value=np.nan)
        labels = np.array(tiers.labels, dtype=object)
        rank, ordered = code_values(labels)
        place = np.append(rank, np.int32(-1))[tiers.tiers_of(prices)]
        return cls(ids, Coded(place, ordered.astype(object)))

    def lend(self, item: Coded) -> Coded:
        """Return the values of coded items; -1 for unknown ones."""
        _check_same_kind(item.distinct, self.item_ids)
        place = self.item_ids.get_indexer(pd.Index(item.distinct))
        codes = np.append(self.value.codes, np.int32(-1))[place]
        return Coded(np.append(codes, np.int32(-1))[item.codes], self.value.distinct)


@dataclass(frozen=True, slots=True, eq=False)
class BehaviourLines:
    """Rows that count, as parallel arrays."""

    customer: Coded
    value: Coded
    bucket: NDArray[np.int64]
    behaviour: NDArray[np.int64]


def as_table(batch: Events | Orders | IntoFrame) -> Events | Orders:
    """Return a table, from a table or from a raw frame with canonical names."""
    if isinstance(batch, (Events, Orders)):
        return batch
    names = frames.column_names(frames.enter(batch))
    return Orders(batch) if {"order_id", "ordered_at"} <= set(names) else Events(batch)


def read_lines(
    table: Events | Orders, by: str, behaviours: Sequence[str], items: ItemValues | None
) -> BehaviourLines:
    """Read the rows whose behaviour and value are known.

    Parameters
    ----------
    table : Events or Orders
    by : str
        The column of the values.
    behaviours : sequence of str
        The names that count.
    items : ItemValues or None
        Lend their values where the table has no such column.
    """
    inner = frames.enter(table.frame)
    names = frames.column_names(inner)
    own = by in names and by != "price_band"
    if not own and (items is None or "item_id" not in names):
        _raise_missing(by, names, items)
    is_orders = isinstance(table, Orders)
    at = "ordered_at" if is_orders else "occurred_at"
    source = by if own else "item_id"
    wanted = dict.fromkeys(["customer_id", at, source, *(() if is_orders else ("event",))])
    columns = frames.collect_columns(inner, list(wanted))
    value = _coded(columns, source)
    if not own and items is not None:
        value = items.lend(value)
    if isinstance(table, Orders):
        behaviour = _of_orders(table, behaviours)
    else:
        behaviour = _of_events(columns, behaviours)
    kept = (behaviour >= 0) & (value.codes >= 0)
    customer = Coded(*code_values(columns["customer_id"]))
    return BehaviourLines(
        Coded(customer.codes[kept], customer.distinct),
        Coded(value.codes[kept], value.distinct),
        bucket_of(micros_of(columns[at]))[kept],
        behaviour[kept],
    )


def _of_orders(orders: Orders, behaviours: Sequence[str]) -> NDArray[np.int64]:
    place = [behaviours.index(n) if n in behaviours else -1 for n in ("purchase", "return")]
    return np.where(orders.arrays.is_return, place[1], place[0]).astype(np.int64)


def _of_events(columns: dict[str, Any], behaviours: Sequence[str]) -> NDArray[np.int64]:
    event, distinct = OrderArrays(columns, 0).codes("event")
    names = {name: i for i, name in enumerate(behaviours)}
    table = np.array([names.get(str(name), -1) for name in distinct.tolist()], dtype=np.int64)
    return table[event]


def _coded(columns: dict[str, Any], name: str) -> Coded:
    """Code a column of values: whole numbers, or texts."""
    codes, distinct = OrderArrays(columns, 0).codes(name)
    if len(distinct) == 0:
        return Coded(codes, distinct.astype(object))
    if distinct.dtype.kind not in "iO":
        message = (
            f"'{name}' must hold texts or whole numbers to be preferred; it holds "
            f"{distinct.dtype}. Make bands of it first, for example with pandas.cut."
        )
        raise ColumnTypeError(message, column=name)
    return Coded(codes, distinct)


def _plain(values: Any) -> NDArray[Any]:
    codes, distinct = code_values(values)
    return distinct[codes]


def _check_same_kind(given: NDArray[Any], items: Any) -> None:
    if len(given) and len(items) and (given.dtype.kind == "i") != (items.dtype.kind == "i"):
        message = (
            "'item_id' holds whole numbers in one of batch and items and texts in the other. "
            "Convert it to one type before."
        )
        raise InvalidDataError(message, column="item_id")


def _raise_missing(by: str, names: Sequence[str], items: ItemValues | None) -> None:
    what = "price" if by == "price_band" else by
    if items is None:
        role = (
            f"PreferenceSummary by '{by}': the batch has no such column; give items with "
            f"'item_id' and '{what}'"
        )
        raise MissingColumnError(by, names, role)
    role = f"PreferenceSummary by '{by}': the batch needs 'item_id' to find it among the items"
    raise MissingColumnError("item_id", names, role)
