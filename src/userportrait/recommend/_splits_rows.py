"""Interactions, orders and frames as rows to split, and back to what was given."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait.data import Events, Orders
from userportrait.data._order_arrays import epoch_micros
from userportrait.data._roles import Role
from userportrait.data._tables import Table
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.recommend._interaction_rows import Lines, assemble
from userportrait.recommend._interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["SplitRows", "read_rows"]


class InteractionFrame(Table):
    """One row for each interaction."""

    _roles: ClassVar[tuple[Role, ...]] = (
        Role("customer_id", "id", "who it was", True, ("customer", "userid", "user")),
        Role("item_id", "id", "which item", True, ("item", "itemid", "product", "sku")),
        Role("occurred_at", "time", "when"),
        Role("ordered_at", "time", "when"),
        Role("order_id", "id", "in which order"),
    )
    _cleaner: ClassVar[str] = "clean_orders or clean_events"


@dataclass(frozen=True, slots=True, eq=False)
class SplitRows:
    """What is split, as parallel arrays.

    Parameters
    ----------
    customer, item : ndarray of int64
        Positions in the sorted IDs; -1 for a row without an item.
    customer_ids, item_ids : ndarray
    at : ndarray of int64, optional
        Microseconds since 1970-01-01 UTC.
    order : ndarray of int64, optional
        Baskets, numbered in any way; by default equal times of a customer are one.
    counts : ndarray of bool
        Whether a row is an interaction: neither a return nor without an item.
    take : callable
        Returns what was given, with the rows of a mask only.
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    customer_ids: NDArray[Any]
    item_ids: NDArray[Any]
    at: NDArray[np.int64] | None
    order: NDArray[np.int64] | None
    counts: NDArray[np.bool_]
    take: Callable[[NDArray[np.bool_]], Any]

    @property
    def times(self) -> NDArray[np.int64]:
        """The times, where they are known."""
        return cast("NDArray[np.int64]", self.at)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """A number for each customer and item, -1 for a row that is no interaction."""
        key = self.customer * max(len(self.item_ids), 1) + self.item
        return np.where(self.counts, key, -1)


def read_rows(interactions: Any, owner: str, *, needs_times: bool = False) -> SplitRows:
    """Read what is to be split.

    Raises
    ------
    InvalidParameterError
        If times are needed and there are none.
    """
    if isinstance(interactions, Interactions):
        found = _rows_of_interactions(interactions, owner)
    elif isinstance(interactions, Orders):
        found = _rows_of_orders(interactions, owner)
    elif isinstance(interactions, Events):
        message = (
            f"{owner}: say what each kind of event counts: Interactions.from_events(events, "
            f"weights={{'view': 1, 'purchase': 5}})."
        )
        raise InvalidDataError(message)
    else:
        found = _rows_of_frame(interactions)
    if needs_times and found.at is None:
        problem = (
            "there are no times. Give a column 'occurred_at', or use split_random or split_blocks."
        )
        raise InvalidParameterError(owner, [problem])
    return found


def _rows_of_interactions(data: Interactions, owner: str) -> SplitRows:
    log, matrix = data.log, data.matrix
    if log is not None:
        customer, item = log.customer, log.item
    else:
        customer = np.repeat(np.arange(data.n_customers, dtype=np.int32), np.diff(matrix.indptr))
        item = matrix.indices

    def take(mask: NDArray[np.bool_]) -> Interactions:
        return _part_of(data, mask, owner)

    return SplitRows(
        customer.astype(np.int64),
        item.astype(np.int64),
        data.customer_ids,
        data.item_ids,
        None if log is None else log.at,
        None if log is None else log.order.astype(np.int64),
        np.ones(len(item), dtype=bool),
        take,
    )


def _part_of(data: Interactions, mask: NDArray[np.bool_], owner: str) -> Interactions:
    log, matrix = data.log, data.matrix
    if log is not None:
        customer, item, weight = log.customer[mask], log.item[mask], log.weight[mask]
    else:
        rows = np.repeat(np.arange(data.n_customers, dtype=np.int32), np.diff(matrix.indptr))
        customer, item, weight = rows[mask], matrix.indices[mask], matrix.data[mask]
    customer, customer_ids = _present(customer, data.customer_ids)
    item, item_ids = _present(item, data.item_ids)
    lines = Lines(
        customer=customer,
        customer_ids=customer_ids,
        item=item,
        item_ids=item_ids,
        weight=weight,
        at=None if log is None else log.at[mask],
        order=log.order[mask] if log is not None and log.has_orders else None,
        count=None if data.n_ratings is None else data.n_ratings[mask],
    )
    return assemble(lines, owner, feedback=data.feedback, half_life=data.half_life)


def _present(codes: NDArray[np.int32], ids: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    there = np.zeros(len(ids), dtype=bool)
    there[codes] = True
    new = np.cumsum(there, dtype=np.int32) - np.int32(1)
    return new[codes], ids[there]


def _rows_of_orders(orders: Orders, owner: str) -> SplitRows:
    if "item_id" not in orders.columns:
        raise MissingColumnError("item_id", orders.columns, owner)
    eager, take = _taker(orders.frame)
    if eager is not None:  # a lazy frame may bring its rows in another order next time
        orders = Orders(eager, currency=orders.currency, minor_digits=orders.minor_digits)
    arrays = orders.arrays
    item, item_ids = arrays.codes("item_id")

    def take_lines(mask: NDArray[np.bool_]) -> Orders:
        return Orders(take(mask), currency=orders.currency, minor_digits=orders.minor_digits)

    return SplitRows(
        arrays.customer.astype(np.int64),
        item.astype(np.int64),
        arrays.customer_ids,
        item_ids,
        arrays.at,
        arrays.order.astype(np.int64),
        (item >= 0) & ~arrays.is_return,
        take_lines,
    )


def _rows_of_frame(frame: Any) -> SplitRows:
    eager, take = _taker(frame)
    table = InteractionFrame(frame if eager is None else eager)
    names = [r for r in ("occurred_at", "ordered_at") if r in table.columns][:1]
    wanted = ["customer_id", "item_id", *names]
    wanted += ["order_id"] if "order_id" in table.columns else []
    columns = frames.collect_columns(frames.enter(table.frame), wanted)
    customer, customer_ids = code_values(columns["customer_id"])
    item, item_ids = code_values(columns["item_id"])
    at = epoch_micros(columns[names[0]], names[0]) if names else None
    order = code_values(columns["order_id"])[0] if "order_id" in columns else None
    return SplitRows(
        customer.astype(np.int64),
        item.astype(np.int64),
        customer_ids,
        item_ids,
        at,
        None if order is None else order.astype(np.int64),
        np.ones(len(item), dtype=bool),
        take,
    )


def _taker(frame: Any) -> tuple[Any, Callable[[NDArray[np.bool_]], Any]]:
    """Return a frame in memory, if the given one is not, and what takes rows of it."""
    inner = frames.enter(frame)
    eager: Any = frame
    if inner.engine not in ("pandas", "polars", "pyarrow"):
        eager = frames.to_pandas(inner)
    engine = "pandas" if eager is not frame else inner.engine

    def take(mask: NDArray[np.bool_]) -> Any:
        if engine == "pandas":
            return eager[mask].reset_index(drop=True)
        if engine == "polars":
            return eager.filter(mask)
        return eager.filter(import_module("pyarrow").array(mask))

    return (None if eager is frame else eager), take
