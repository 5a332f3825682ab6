"""Read interactions from frames of any engine, orders, events and sparse matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import sparse

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.display import format_count
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait._core.units import as_moment, to_micros
from userportrait.data._order_arrays import OrderArrays, epoch_micros
from userportrait.data._roles import Role
from userportrait.data._tables import Table
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    unknown_name,
)
from userportrait.recommend._interactions import (
    Feedback,
    InteractionLog,
    Interactions,
    check_not_empty,
    csr,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data import Events, Orders
    from userportrait.typing import CustomerId, IntoFrame

__all__ = [
    "as_interactions",
    "assemble",
    "join_interactions",
    "read_events",
    "read_frame",
    "read_matrix",
    "read_orders",
]

_MICROS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Rows that may count, as parallel arrays."""

    customer: NDArray[np.int32]
    customer_ids: NDArray[Any]
    item: NDArray[np.int32]
    item_ids: NDArray[Any]
    weight: NDArray[np.float64] | None
    at: NDArray[np.int64] | None
    order: NDArray[np.int32] | None
    flags: Mapping[str, NDArray[np.bool_]]


class _InteractionTable(Table):
    """One row per interaction."""

    _roles: ClassVar[tuple[Role, ...]] = (
        Role("customer_id", "id", "who it was", True, ("customer", "userid", "user")),
        Role("item_id", "id", "which item", True, ("item", "productid", "product", "sku")),
        Role("weight", "number", "how much it counts"),
        Role("occurred_at", "time", "when"),
        Role("order_id", "id", "in which order"),
    )
    _cleaner: ClassVar[str] = "clean_orders or clean_events"


def as_interactions(value: object, *, owner: str) -> Interactions:
    """Return interactions, made of orders or of a frame where they are not there yet."""
    from userportrait.data import Events, Orders

    if isinstance(value, Interactions):
        return value
    if isinstance(value, Orders):
        return Interactions.from_orders(value)
    if isinstance(value, Events):
        message = (
            f"{owner}: say what each kind of event counts: Interactions.from_events(events, "
            f"weights={{'view': 1, 'purchase': 5}})."
        )
        raise InvalidDataError(message)
    if sparse.issparse(value) or isinstance(value, np.ndarray):
        message = (
            f"{owner}: a matrix does not say which side the customers are on. Use "
            f"Interactions.from_matrix(matrix, customer_ids=…, item_ids=…)."
        )
        raise InvalidDataError(message)
    return Interactions.from_frame(value)


def read_frame(
    frame: IntoFrame,
    names: Mapping[str, str | None],
    *,
    feedback: Feedback,
    half_life: float | None,
    as_of: object,
) -> Interactions:
    """Read a long frame; see `Interactions.from_frame`."""
    owner = "Interactions.from_frame"
    _check_settings(owner, feedback, half_life)
    inner = frames.enter(frame, argument="frame")
    chosen = _chosen_columns(frames.column_names(inner), names, feedback, owner)
    chosen_frame = frames.select_columns(inner, list(chosen.values()))
    renamed = frames.name_columns(chosen_frame, {name: role for role, name in chosen.items()})
    table = _InteractionTable(frames.leave(renamed))
    columns = frames.collect_columns(frames.enter(table.frame), list(chosen))
    customer, customer_ids = code_values(columns["customer_id"])
    item, item_ids = code_values(columns["item_id"])
    weight = _weights(columns["weight"], owner) if "weight" in chosen else None
    at = epoch_micros(columns["occurred_at"], "occurred_at") if "occurred_at" in chosen else None
    order = code_values(columns["order_id"])[0] if "order_id" in chosen else None
    flags: dict[str, NDArray[np.bool_]] = {}
    if weight is not None and feedback == "implicit":
        flags["no_weight"] = weight == 0
    lines = _Lines(customer, customer_ids, item, item_ids, weight, at, order, flags)
    return assemble(lines, owner, feedback=feedback, half_life=half_life, as_of=as_of)


_GUESSES: dict[str, tuple[str, ...]] = {
    "occurred_at": ("occurred_at", "ordered_at"),
    "order_id": ("order_id",),
}


def _chosen_columns(
    available: Sequence[str], names: Mapping[str, str | None], feedback: Feedback, owner: str
) -> dict[str, str]:
    """Return role to column: those named, and those that go by a known name."""
    guesses = dict(_GUESSES)
    guesses["weight"] = ("weight",) if feedback == "implicit" else ("weight", "rating")
    chosen: dict[str, str] = {}
    for role, name in names.items():
        if name is None:
            found = [guess for guess in guesses[role] if guess in available]
            chosen |= {role: found[0]} if found else {}
        elif name in available:
            chosen[role] = name
        else:
            raise MissingColumnError(name, available, f"{owner}: {role}")
    if feedback == "explicit" and "weight" not in chosen:
        raise MissingColumnError("rating", available, f"{owner}: explicit feedback needs ratings")
    values = list(chosen.values())
    twice = {name for name in values if values.count(name) > 1}
    if twice:
        same = ", ".join(f"{role}='{name}'" for role, name in chosen.items() if name in twice)
        raise InvalidParameterError(owner, [f"two roles name the same column: {same}."])
    return chosen


def _weights(values: Any, owner: str) -> NDArray[np.float64]:
    found = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    _check_weights(found, owner)
    return found


def _check_weights(values: NDArray[np.float64], owner: str) -> None:
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        rows = np.flatnonzero(bad)
        message = (
            f"{owner}: weights must be finite numbers of at least 0; "
            f"{format_count(len(rows), 'row')} hold something else. Leave out dislikes and "
            f"returns, or shift ratings to start at 0."
        )
        raise InvalidDataError(message, column="weight", rows=rows[:5].tolist(), n_rows=len(rows))


def read_orders(
    orders: Orders, *, weight: str, half_life: float | None, as_of: object
) -> Interactions:
    """Read order lines; see `Interactions.from_orders`."""
    owner = "Interactions.from_orders"
    check_values(
        owner, {"weight": weight}, {"weight": OneOf(("lines", "quantity", "amount"))}
    )
    _check_settings(owner, "implicit", half_life)
    if "item_id" not in orders.columns:
        raise MissingColumnError("item_id", orders.columns, owner)
    if weight == "quantity" and "quantity" not in orders.columns:
        raise MissingColumnError("quantity", orders.columns, f"{owner}: weight='quantity'")
    arrays = orders.arrays
    item, item_ids = arrays.codes("item_id")
    flags: dict[str, NDArray[np.bool_]] = {"missing_item_id": item < 0}
    if arrays.has_returns:
        flags["return"] = arrays.is_return
    values: NDArray[np.float64] | None = None
    if weight != "lines":
        raw = arrays.quantity if weight == "quantity" else arrays.amount
        scale = 1.0 if weight == "quantity" else 10.0**-orders.minor_digits
        values = raw * scale
        flags["no_weight"] = values == 0
    lines = _Lines(
        arrays.customer,
        arrays.customer_ids,
        item,
        item_ids,
        values,
        arrays.at,
        arrays.order,
        flags,
    )
    return assemble(lines, owner, half_life=half_life, as_of=as_of)


def read_events(
    events: Events, *, weights: Mapping[str, float], half_life: float | None, as_of: object
) -> Interactions:
    """Read tracking events; see `Interactions.from_events`."""
    owner = "Interactions.from_events"
    _check_settings(owner, "implicit", half_life)
    if "item_id" not in events.columns:
        raise MissingColumnError("item_id", events.columns, owner)
    names = ["customer_id", "item_id", "event", "occurred_at"]
    columns = frames.collect_columns(frames.enter(events.frame), names)
    event, kinds = code_values(columns["event"])
    known = [str(kind) for kind in kinds.tolist()]
    problems = [unknown_name("event", name, known) for name in weights if name not in known]
    rule = Between(0.0, float("inf"), open_high=True)
    found = (rule.problem(f"weights[{name!r}]", value) for name, value in weights.items())
    problems += [problem for problem in found if problem is not None]
    if not weights:
        problems.append("weights must name at least one kind of event.")
    if problems:
        raise InvalidParameterError(owner, problems)
    customer, customer_ids = code_values(columns["customer_id"])
    item, item_ids = OrderArrays(columns, 0).codes("item_id")
    worth = np.array([float(weights.get(name, 0.0)) for name in known])
    values = worth[event]
    flags = {"missing_item_id": item < 0, "other_event": values == 0}
    at = epoch_micros(columns["occurred_at"], "occurred_at")
    lines = _Lines(customer, customer_ids, item, item_ids, values, at, None, flags)
    return assemble(lines, owner, half_life=half_life, as_of=as_of)


def read_matrix(
    matrix: Any,
    customer_ids: Sequence[CustomerId] | NDArray[Any],
    item_ids: Sequence[Any] | NDArray[Any],
    feedback: Feedback,
) -> Interactions:
    """Read a sparse matrix; see `Interactions.from_matrix`."""
    owner = "Interactions.from_matrix"
    _check_settings(owner, feedback, None)
    given = sparse.coo_array(matrix)
    shape, wanted = given.shape, (len(customer_ids), len(item_ids))
    if shape != wanted:
        hint = " It fits the other way round: give matrix.T." if shape == wanted[::-1] else ""
        message = (
            f"{owner}: the matrix is {shape[0]:,} × {shape[1]:,}, but there are {wanted[0]:,} "
            f"customers (rows) and {wanted[1]:,} items (columns).{hint}"
        )
        raise InvalidDataError(message)
    customer, customers = _coded_ids(customer_ids, "customer_ids", owner)
    item, items = _coded_ids(item_ids, "item_ids", owner)
    weight = np.asarray(given.data, dtype=np.float64)
    _check_weights(weight, owner)
    rows, columns = customer[given.row], item[given.col]
    flags = {} if feedback == "explicit" else {"no_weight": weight == 0}
    lines = _Lines(rows, customers, columns, items, weight, None, None, flags)
    return assemble(lines, owner, feedback=feedback, keep_ids=True)


def _coded_ids(values: Any, name: str, owner: str) -> tuple[NDArray[np.int32], NDArray[Any]]:
    table = pd.DataFrame({"id": pd.Series(values)})
    role = Role("id", "id", name, required=True)

    class _Ids(Table):
        _roles: ClassVar[tuple[Role, ...]] = (role,)

    if not len(table):
        raise InvalidDataError(f"{owner}: {name} is empty. One is needed.")
    settled = frames.collect_columns(frames.enter(_Ids(table).frame), ["id"])["id"]
    codes, distinct = code_values(settled)
    if len(distinct) < len(codes):
        rows = np.flatnonzero(pd.Series(codes).duplicated().to_numpy())
        message = f"{owner}: {name} must all be different; some come twice."
        raise InvalidDataError(message, rows=rows[:5].tolist(), n_rows=len(rows))
    return codes, distinct


def _check_settings(owner: str, feedback: Feedback, half_life: float | None) -> None:
    check_values(
        owner,
        {"feedback": feedback, "half_life": half_life},
        {
            "feedback": OneOf(("implicit", "explicit")),
            "half_life": Optional(Between(0.0, float("inf"), open_low=True)),
        },
    )
    if half_life is not None and feedback == "explicit":
        problem = "half_life is for implicit feedback; the newest rating of a pair counts anyway."
        raise InvalidParameterError(owner, [problem])


def assemble(
    lines: _Lines,
    owner: str,
    *,
    feedback: Feedback = "implicit",
    half_life: float | None = None,
    as_of: object = None,
    keep_ids: bool = False,
) -> Interactions:
    """Leave out what does not count, and sum up pairs."""
    kept, ignored, now = _kept_rows(lines, owner, half_life, as_of)
    check_not_empty(int(np.count_nonzero(kept)), owner, ignored)
    every: Any = slice(None) if not ignored else kept
    customer, customer_ids = lines.customer[every], lines.customer_ids
    item, item_ids = lines.item[every], lines.item_ids
    if ignored and not keep_ids:
        customer, customer_ids = _present(customer, customer_ids)
        item, item_ids = _present(item, item_ids)
    n = len(customer)
    raw = np.ones(n) if lines.weight is None else lines.weight[every]
    at = None if lines.at is None else lines.at[every]
    order = None if lines.order is None else lines.order[every]
    sort = np.lexsort((raw, item, *(() if at is None else (at,)), customer))
    customer, item, raw = customer[sort], item[sort], raw[sort]
    log = None
    if at is not None:
        at = at[sort]
        baskets = _basket_numbers(customer, at, None if order is None else order[sort])
        order_of, place = baskets
        sort = np.lexsort((item, order_of, customer)) if place else None
        if sort is not None:
            customer, item, raw, at = customer[sort], item[sort], raw[sort], at[sort]
            order_of = order_of[sort]
        log = InteractionLog(customer, item, at, order_of, raw)
    worth = raw
    if half_life is not None and at is not None:
        worth = raw * np.exp2(-(now - at) / (half_life * _MICROS_PER_DAY))
    shape = (len(customer_ids), len(item_ids))
    matrix = _pairs(customer, item, worth, at, shape, feedback)
    return Interactions(
        matrix,
        customer_ids,
        item_ids,
        feedback,
        log,
        ignored,
        n_rows=len(lines.customer),
        half_life=half_life,
    )


def _kept_rows(
    lines: _Lines, owner: str, half_life: float | None, as_of: object
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.intp]], int]:
    """Return which rows count, the others by the first reason, and the moment that counts."""
    if lines.at is None and (half_life is not None or as_of is not None):
        problem = "half_life and as_of need times; there is no occurred_at."
        raise InvalidParameterError(owner, [problem])
    flags = dict(lines.flags)
    now = 0
    if lines.at is not None:
        now = int(lines.at.max(initial=0)) if as_of is None else to_micros(
            as_moment(as_of, owner=owner)
        )
        flags["after_as_of"] = lines.at > now
    kept = np.ones(len(lines.customer), dtype=bool)
    ignored: dict[str, NDArray[np.intp]] = {}
    for reason, flag in flags.items():
        rows = np.flatnonzero(flag & kept)
        if len(rows):
            ignored[reason] = rows
            kept[rows] = False
    return kept, ignored, now


def _present(codes: NDArray[np.int32], ids: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Leave out the IDs that no row has any more."""
    there = np.zeros(len(ids), dtype=bool)
    there[codes] = True
    new = np.cumsum(there, dtype=np.int32) - np.int32(1)
    return new[codes], ids[there]


def _basket_numbers(
    customer: NDArray[np.int32], at: NDArray[np.int64], order: NDArray[np.int32] | None
) -> tuple[NDArray[np.int32], bool]:
    """Number the baskets of rows sorted by customer and time; say whether rows must move.

    An order has the time of its first line; orders of one time come by their ID.
    """
    new_customer = np.r_[True, customer[1:] != customer[:-1]]
    if order is None:
        new = new_customer | np.r_[True, at[1:] != at[:-1]]
        return np.cumsum(new, dtype=np.int32) - np.int32(1), False
    keys = pd.MultiIndex.from_arrays([customer, order])
    codes, _ = pd.factorize(keys)
    n = int(codes.max(initial=-1)) + 1
    first = np.full(n, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, codes, at)
    owner = np.zeros(n, dtype=np.int32)
    owner[codes] = customer
    name = np.zeros(n, dtype=np.int32)
    name[codes] = order
    rank = np.empty(n, dtype=np.int32)
    rank[np.lexsort((name, first, owner))] = np.arange(n, dtype=np.int32)
    return rank[codes], True


def _pairs(
    customer: NDArray[np.int32],
    item: NDArray[np.int32],
    weight: NDArray[np.float64],
    at: NDArray[np.int64] | None,
    shape: tuple[int, int],
    feedback: Feedback,
) -> Any:
    """Sum the weights of each pair, or choose its rating; the order of rows does not matter."""
    key = customer.astype(np.int64) * shape[1] + item
    keys: tuple[Any, ...] = (weight, key)
    if at is not None:
        keys = (weight, at, key)
    sort = np.lexsort(keys)
    key, weight = key[sort], weight[sort]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    if feedback == "implicit":
        values = np.add.reduceat(weight, starts)
    elif at is not None:
        values = weight[np.r_[starts[1:], len(key)] - 1]
    else:
        values = np.add.reduceat(weight, starts) / np.diff(np.r_[starts, len(key)])
    pair = key[starts]
    row = pair // shape[1]
    indptr = np.zeros(shape[0] + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=shape[0]), out=indptr[1:])
    return csr(values, (pair % shape[1]).astype(np.int32), indptr.astype(np.int32), shape)




def join_interactions(old: Interactions, new: Interactions, *, owner: str) -> Interactions:
    """Return what reading the rows of both at once would give.

    Raises
    ------
    InvalidDataError
        If the IDs have different types, or one has times and the other none although they matter.
    """
    if old.feedback != new.feedback or old.half_life != new.half_life:
        message = (
            f"{owner}: the new interactions are {new.feedback} with half_life={new.half_life}, "
            f"the old ones {old.feedback} with half_life={old.half_life}. Read both the same way."
        )
        raise InvalidDataError(message)
    needs_times = old.half_life is not None or old.feedback == "explicit"
    if needs_times and (old.log is None) != (new.log is None):
        message = f"{owner}: both the old and the new interactions need times, or neither."
        raise InvalidDataError(message)
    customers = _union(old.customer_ids, new.customer_ids, "customer_id", owner)
    items = _union(old.item_ids, new.item_ids, "item_id", owner)
    logs = [part.log for part in (old, new)]
    if old.log is not None and new.log is not None:
        order = np.r_[old.log.order, new.log.order + old.log.order.max() + np.int32(1)]
        at = np.r_[old.log.at, new.log.at]
        weight = np.r_[old.log.weight, new.log.weight]
        pairs = [(log.customer, log.item) for log in logs if log is not None]
    else:
        at = order = None
        weight = np.r_[old.matrix.data, new.matrix.data]
        pairs = [(_rows_of(part.matrix), part.matrix.indices) for part in (old, new)]
    places = [
        (np.searchsorted(customers, part.customer_ids), np.searchsorted(items, part.item_ids))
        for part in (old, new)
    ]
    customer = np.concatenate([p[0][rows] for p, (rows, _) in zip(places, pairs, strict=True)])
    item = np.concatenate([p[1][columns] for p, (_, columns) in zip(places, pairs, strict=True)])
    lines = _Lines(
        customer.astype(np.int32), customers, item.astype(np.int32), items, weight, at, order, {}
    )
    return assemble(lines, owner, feedback=old.feedback, half_life=old.half_life, keep_ids=True)


def _rows_of(matrix: Any) -> NDArray[np.intp]:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _union(old: NDArray[Any], new: NDArray[Any], column: str, owner: str) -> NDArray[Any]:
    if old.dtype != new.dtype:
        kinds = ["texts" if ids.dtype == object else "whole numbers" for ids in (old, new)]
        message = f"{owner}: '{column}' was {kinds[0]} and is {kinds[1]} now. Convert one of them."
        raise InvalidDataError(message, column=column)
    return np.union1d(old, new)
