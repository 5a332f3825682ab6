"""Lines from orders and from frames of any engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core import frames
from userportrait._core.display import format_count
from userportrait._core.entries import Coded
from userportrait._core.units import minor_units
from userportrait.data._clean_table import collect_table
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.patterns._basket_engines import Pairs, collect_pairs
from userportrait.patterns._basket_lines import (
    UNIT_DIGITS,
    Lines,
    code_known,
    join_codes,
    record_ignored,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.typing import IntoFrame

__all__ = ["Columns", "lines_of_frame", "lines_of_orders"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a frame mean what.

    Parameters
    ----------
    order_id : tuple of str
        One column, or several that name an order together.
    item_id : str
    customer_id, ordered_at, price, quantity : str, optional
    """

    order_id: tuple[str, ...]
    item_id: str
    customer_id: str | None = None
    ordered_at: str | None = None
    price: str | None = None
    quantity: str | None = None

    def named(self) -> dict[str, str]:
        """Return role to column, without those that are not there."""
        one = "order_id" if len(self.order_id) == 1 else "order_id {}"
        found = {one.format(place): name for place, name in enumerate(self.order_id)}
        rest = ("item_id", "customer_id", "ordered_at", "price", "quantity")
        pairs = ((role, getattr(self, role)) for role in rest)
        return found | {role: name for role, name in pairs if name is not None}


# Orders


def lines_of_orders(orders: Orders) -> Lines:
    """Read the purchases among order lines."""
    if "item_id" not in orders.columns:
        raise MissingColumnError("item_id", orders.columns, "Baskets.from_orders")
    return _orders_in_memory(orders) if orders.in_memory else _orders_on_engine(orders)


def _orders_in_memory(orders: Orders) -> Lines:
    arrays = orders.arrays
    has_units = arrays.has("quantity")
    item, items = arrays.codes("item_id")
    flags: dict[str, NDArray[np.bool_]] = {"missing_item_id": item < 0}
    if arrays.has_returns:
        flags["return"] = arrays.is_return
    if has_units:
        flags["no_units"] = arrays.quantity == 0
    inner = frames.enter(orders.frame) if any(flag.any() for flag in flags.values()) else None
    read = None if inner is None else lambda: collect_table(inner)
    kept, ignored, rows = record_ignored(flags, read)
    every = slice(None) if not ignored else kept
    ones = np.ones(len(arrays), dtype=np.int64)
    units = _ten_thousandths(arrays.quantity) if has_units else ones * 10**UNIT_DIGITS
    return Lines(
        "orders",
        Coded(arrays.order[every], arrays.order_ids),
        Coded(item[every], items),
        n_lines=len(arrays),
        n_kept=int(np.count_nonzero(kept)),
        ignored=ignored,
        customer=Coded(arrays.customer[every], arrays.customer_ids),
        at=arrays.at[every],
        revenue=arrays.amount[every],
        units=units[every],
        revenue_digits=orders.minor_digits,
        rows=rows,
    )


def _ten_thousandths(values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind in "iu":
        whole: NDArray[np.int64] = values.astype(np.int64) * 10**UNIT_DIGITS
        return whole
    rounded: NDArray[np.int64] = np.rint(values * 10.0**UNIT_DIGITS).astype(np.int64)
    return rounded


def _orders_on_engine(orders: Orders) -> Lines:
    lines = orders.lines
    units = None
    if "quantity" in orders.columns:
        lines = frames.with_minor_units(lines, "quantity", "__units", digits=UNIT_DIGITS)
        units = "__units"
    pairs = Pairs(("order_id",), "item_id", "customer_id", "at", "amount_minor", units)
    return replace(collect_pairs(lines, pairs, "orders"), revenue_digits=orders.minor_digits)


# Frames


def lines_of_frame(
    frame: IntoFrame, columns: Columns, *, owner: str, keep_rows: bool = True
) -> Lines:
    """Read the lines of a frame of any engine; keep the ignored ones of a frame in memory."""
    inner = _checked(frames.enter(frame), columns, owner)
    if inner.is_sql or inner.engine == "polars-lazy":
        return _frame_on_engine(inner, columns)
    return _frame_in_memory(inner, columns, keep_rows=keep_rows)


_KINDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "id": (("integer", "number", "text", "category", "empty"), "whole numbers or texts"),
    "ordered_at": (("time", "date", "empty"), "times or dates; convert texts first"),
    "price": (("integer", "number", "decimal", "empty"), "numbers"),
    "quantity": (("integer", "number", "decimal", "empty"), "numbers"),
}


def _checked(frame: frames.Frame, columns: Columns, owner: str) -> frames.Frame:
    """Check the columns, and make the IDs whole numbers or texts."""
    names = frames.column_names(frame)
    roles = columns.named()
    for role, name in roles.items():
        if name not in names:
            raise MissingColumnError(name, names, f"{owner}: {role}")
    twice = {name for name in roles.values() if list(roles.values()).count(name) > 1}
    if twice:
        same = ", ".join(f"{role}='{name}'" for role, name in roles.items() if name in twice)
        raise InvalidParameterError(owner, [f"two roles name the same column: {same}."])
    frame = frames.select_columns(frame, list(roles.values())) if frame.is_sql else frame
    kinds = frames.column_kinds(frame, roles.values())
    for role, name in roles.items():
        fit, words = _KINDS.get(role, _KINDS["id"])
        if kinds[name] not in fit:
            message = f"{owner}: '{name}' ({role}) must hold {words}; it holds {kinds[name]}."
            raise ColumnTypeError(message, column=name)
    ids = [name for role, name in roles.items() if role not in _KINDS]
    coded = [name for name in ids if kinds[name] == "category"]
    frame = frames.with_category_values(frame, coded)
    numeric = [n for n, k in frames.column_kinds(frame, ids).items() if k in ("integer", "number")]
    for name in numeric:
        unfit = frames.unfit_ids(frame, name)
        if len(unfit):
            message = (
                f"{owner}: '{name}' must hold whole numbers or texts; "
                f"{format_count(len(unfit), 'row')} hold a fraction, infinity, or a number too "
                f"large for its type. Convert the column to int64 or to text."
            )
            rows = unfit[:5].tolist()
            raise ColumnTypeError(message, column=name, rows=rows, n_rows=len(unfit))
    return frames.with_whole_ids(frame, numeric)


def _frame_in_memory(frame: frames.Frame, columns: Columns, *, keep_rows: bool) -> Lines:
    roles = columns.named()
    ids = [name for role, name in roles.items() if role not in ("ordered_at", "price", "quantity")]
    found = frames.collect_columns(frame, ids)
    item = code_known(found[columns.item_id])
    order = join_codes([code_known(found[name]) for name in columns.order_id])
    flags = {"missing_order_id": order.codes < 0, "missing_item_id": item.codes < 0}
    price, units = _numbers(frame, columns.price), _numbers(frame, columns.quantity)
    revenue, pieces = _revenue(price, units), None if units is None else _small_units(units)
    signed = [values for values in (revenue, pieces) if values is not None]
    if signed:
        flags["return"] = np.logical_or.reduce([values < 0 for values in signed])
    if pieces is not None:
        flags["no_units"] = pieces == 0
    read = (lambda: collect_table(frame)) if keep_rows else None
    kept, ignored, rows = record_ignored(flags, read)
    every = slice(None) if not ignored else kept
    customer = None if columns.customer_id is None else code_known(found[columns.customer_id])
    return Lines(
        "a frame",
        Coded(order.codes[every], order.distinct),
        Coded(item.codes[every], item.distinct),
        n_lines=len(kept),
        n_kept=int(np.count_nonzero(kept)),
        ignored=ignored,
        customer=None if customer is None else Coded(customer.codes[every], customer.distinct),
        at=_times(frame, columns, every),
        revenue=None if revenue is None else revenue[every],
        units=None if price is None else _priced(price, pieces)[every],
        rows=rows,
    )


def _revenue(
    price: NDArray[np.float64] | None, units: NDArray[np.float64] | None
) -> NDArray[np.int64] | None:
    """Return the money of each line in ten thousandths, 0 where it is unknown."""
    if price is None:
        return None
    return _small_units(price if units is None else price * units)


def _priced(price: NDArray[np.float64], pieces: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the pieces sold at a known price, in ten thousandths."""
    sold = np.full(len(price), 10**UNIT_DIGITS, dtype=np.int64) if pieces is None else pieces
    return np.where(np.isfinite(price), sold, 0).astype(np.int64)


def _numbers(frame: frames.Frame, column: str | None) -> NDArray[np.float64] | None:
    if column is None:
        return None
    values = frames.collect_arrays(frame, [column])[column]
    if values.dtype == object:  # huge whole numbers beside nulls, or nothing but nulls
        values = np.array([np.nan if value is None else value for value in values.tolist()])
    return values.astype(np.float64)


def _small_units(values: NDArray[np.float64]) -> NDArray[np.int64]:
    limit = 2.0**53 / 10**UNIT_DIGITS
    values = np.where(np.isfinite(values), values, 0.0)
    if max(values.max(initial=0.0), -values.min(initial=0.0)) >= limit:
        message = (
            f"prices and quantities must stay below {limit:.1e} together. Check their units, or "
            f"leave price= out."
        )
        raise InvalidDataError(message)
    return minor_units(values, UNIT_DIGITS)


def _times(
    frame: frames.Frame, columns: Columns, every: slice | NDArray[np.bool_]
) -> NDArray[np.int64] | None:
    if columns.ordered_at is None:
        return None
    found = frames.collect_arrays(frame, [columns.ordered_at])[columns.ordered_at]
    times = found.astype("datetime64[us]")[every]
    missing = np.isnat(times)
    if missing.any():
        rows = np.flatnonzero(np.isnat(found.astype("datetime64[us]")))[:5].tolist()
        raise _missing_times(columns.ordered_at, int(missing.sum()), rows)
    return times.view(np.int64)


def _missing_times(column: str, n: int, rows: Sequence[int] = ()) -> InvalidDataError:
    message = (
        f"{format_count(n, 'time')} of '{column}' missing. Drop those rows, or leave ordered_at= "
        f"out."
    )
    return InvalidDataError(message, column=column, rows=rows, n_rows=n)


def _frame_on_engine(frame: frames.Frame, columns: Columns) -> Lines:
    roles = columns.named()
    new = {role: f"__{role.replace(' ', '_')}" for role in roles}
    frame = frames.select_columns(frame, list(roles.values()))
    frame = frames.name_columns(frame, {name: new[role] for role, name in roles.items()})
    if columns.ordered_at is not None:
        frame = frames.with_epoch_micros(frame, "__ordered_at", "__at")
        missing = frames.count_missing(frame, ["__at"])["__at"]
        if missing:
            raise _missing_times(columns.ordered_at, missing)
    if columns.quantity is not None:
        frame = frames.with_minor_units(frame, "__quantity", "__units", digits=UNIT_DIGITS)
    if columns.price is not None:
        revenue = "__price"
        if columns.quantity is not None:
            frame = frames.with_product(frame, "__price", "__quantity", "__revenue")
            revenue = "__revenue"
        frame = frames.with_minor_units(frame, revenue, "__money", digits=UNIT_DIGITS)
    pairs = Pairs(
        tuple(new[role] for role in roles if role.startswith("order_id")),
        "__item_id",
        new.get("customer_id"),
        None if columns.ordered_at is None else "__at",
        None if columns.price is None else "__money",
        None if columns.quantity is None else "__units",
    )
    return collect_pairs(frame, pairs, "a frame")
