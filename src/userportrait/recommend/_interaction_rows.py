"""Put rows together to pairs of customer and item, and two readings to one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from userportrait._core.units import MICROS_PER_DAY, as_moment, from_micros, to_micros
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.recommend._interactions import (
    Feedback,
    InteractionLog,
    Interactions,
    check_not_empty,
    csr,
    entry_rows,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Lines", "assemble", "join_interactions"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lines:
    """Rows that may count, as parallel arrays.

    Parameters
    ----------
    customer, item : ndarray of int32
        Positions in `customer_ids` and `item_ids`, which are sorted.
    customer_ids, item_ids : ndarray
    weight : ndarray of float64, optional
        By default 1.
    at : ndarray of int64, optional
        Microseconds since 1970-01-01 UTC.
    order : ndarray of int32, optional
        Baskets, numbered in the order of their names; -1 for a row without one, which then
        belongs to its time.
    count : ndarray of int64, optional
        How many ratings each row is the mean of; by default 1.
    flags : mapping of str to ndarray of bool
        Rows that do not count, by reason.
    """

    customer: NDArray[np.int32]
    customer_ids: NDArray[Any]
    item: NDArray[np.int32]
    item_ids: NDArray[Any]
    weight: NDArray[np.float64] | None = None
    at: NDArray[np.int64] | None = None
    order: NDArray[np.int32] | None = None
    count: NDArray[np.int64] | None = None
    flags: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict[str, Any])


class _Rows(NamedTuple):
    """Rows that count, sorted."""

    customer: NDArray[np.int32]
    item: NDArray[np.int32]
    weight: NDArray[np.float64]
    at: NDArray[np.int64] | None
    order: NDArray[np.int32] | None
    n_ratings: NDArray[np.int64] | None

    def take(self, rows: Any) -> _Rows:
        """Return some rows."""
        return _Rows(*(None if part is None else part[rows] for part in self))  # type: ignore[arg-type]


def assemble(
    lines: Lines,
    owner: str,
    *,
    feedback: Feedback = "implicit",
    half_life: float | None = None,
    as_of: object = None,
    keep_ids: bool = False,
) -> Interactions:
    """Leave out what does not count, and sum up pairs.

    With `keep_ids`, customers and items without a row that counts stay known.
    """
    now = _moment(lines, owner, half_life, as_of)
    kept, ignored = _kept_rows(lines, now)
    check_not_empty(int(np.count_nonzero(kept)), owner, ignored)
    n = len(lines.customer)
    weight = np.ones(n) if lines.weight is None else lines.weight
    rows = _Rows(lines.customer, lines.item, weight, lines.at, lines.order, lines.count)
    customer_ids, item_ids = lines.customer_ids, lines.item_ids
    if ignored:
        rows = rows.take(kept)
        if not keep_ids:
            customer, customer_ids = _present(rows.customer, customer_ids)
            item, item_ids = _present(rows.item, item_ids)
            rows = rows._replace(customer=customer, item=item)
    rows, log = _with_log(rows)
    worth = rows.weight
    if half_life is not None and rows.at is not None and now is not None:
        worth = worth * np.exp2(-(now - rows.at) / (half_life * MICROS_PER_DAY))
    shape = (len(customer_ids), len(item_ids))
    matrix, n_ratings = _pairs(rows._replace(weight=worth), shape, feedback)
    return Interactions(
        matrix,
        customer_ids,
        item_ids,
        feedback,
        log,
        ignored,
        n_rows=n,
        half_life=half_life,
        as_of=now,
        n_ratings=n_ratings,
    )


def _moment(lines: Lines, owner: str, half_life: float | None, as_of: object) -> int | None:
    """Return the moment that counts, None if there are no times."""
    if lines.at is None:
        if half_life is not None or as_of is not None:
            problem = "half_life and as_of need times; there is no occurred_at."
            raise InvalidParameterError(owner, [problem])
        return None
    if as_of is None:
        return int(lines.at.max(initial=0))
    return to_micros(as_moment(as_of, owner=owner))


def _kept_rows(
    lines: Lines, now: int | None
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.intp]]]:
    """Return which rows count, and the others by the first reason."""
    flags = dict(lines.flags)
    if lines.at is not None and now is not None:
        flags["after_as_of"] = lines.at > now
    kept = np.ones(len(lines.customer), dtype=bool)
    ignored: dict[str, NDArray[np.intp]] = {}
    for reason, flag in flags.items():
        rows = np.flatnonzero(flag & kept)
        if len(rows):
            ignored[reason] = rows
            kept[rows] = False
    return kept, ignored


def _present(codes: NDArray[np.int32], ids: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Leave out the IDs that no row has any more."""
    there = np.zeros(len(ids), dtype=bool)
    there[codes] = True
    new = np.cumsum(there, dtype=np.int32) - np.int32(1)
    return new[codes], ids[there]


def _with_log(rows: _Rows) -> tuple[_Rows, InteractionLog | None]:
    """Sort the rows so that their order does not matter, and write the log."""
    if rows.at is None:
        return rows.take(np.lexsort((rows.weight, rows.item, rows.customer))), None
    has_orders = rows.order is not None
    rows = rows.take(np.lexsort((rows.weight, rows.item, rows.at, rows.customer)))
    at: Any = rows.at
    order = _basket_numbers(rows.customer, at, rows.order)
    sort = np.lexsort((rows.item, order, rows.customer))
    rows, order, at = rows.take(sort), order[sort], at[sort]
    return rows, InteractionLog(rows.customer, rows.item, at, order, rows.weight, has_orders)


def _basket_numbers(
    customer: NDArray[np.int32], at: NDArray[np.int64], order: NDArray[np.int32] | None
) -> NDArray[np.int32]:
    """Number the baskets of rows sorted by customer and time.

    An order has the time of its first line; orders of one time come by their ID. Rows without
    an order are one basket if they have one time.
    """
    if order is None:
        new = _changes(customer) | _changes(at)
        return np.cumsum(new, dtype=np.int32) - np.int32(1)
    time = np.where(order < 0, at, 0)
    sort = np.lexsort((time, order, customer))
    new = _changes(customer[sort]) | _changes(order[sort]) | _changes(time[sort])
    starts = np.flatnonzero(new)
    first = np.minimum.reduceat(at[sort], starts)
    named = sort[starts]
    rank = np.empty(len(starts), dtype=np.int32)
    by_time = np.lexsort((order[named], first, customer[named]))
    rank[by_time] = np.arange(len(starts), dtype=np.int32)
    found = np.empty(len(order), dtype=np.int32)
    found[sort] = rank[np.cumsum(new) - 1]
    return found


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a sorted column has another value than in the row before."""
    return np.concatenate(([True], values[1:] != values[:-1]))


def _pairs(
    rows: _Rows, shape: tuple[int, int], feedback: Feedback
) -> tuple[Any, NDArray[np.int64] | None]:
    """Sum the weights of each pair, or choose its rating; the order of rows does not matter.

    Also returns how many ratings each stored value is the mean of.
    """
    key = rows.customer.astype(np.int64) * shape[1] + rows.item
    at = () if rows.at is None else (rows.at,)
    sort = np.lexsort((rows.weight, *at, key))
    key, weight = key[sort], rows.weight[sort]
    starts = np.flatnonzero(_changes(key))
    n_ratings = None
    if feedback == "implicit":
        values = np.add.reduceat(weight, starts)
    elif rows.at is not None:
        values = weight[np.concatenate((starts[1:], [len(key)])) - 1]
    else:
        count = np.ones(len(key), np.int64) if rows.n_ratings is None else rows.n_ratings[sort]
        n_ratings = np.add.reduceat(count, starts)
        values = np.add.reduceat(weight * count, starts) / n_ratings
    pair = key[starts]
    row = pair // shape[1]
    indptr = np.zeros(shape[0] + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=shape[0]), out=indptr[1:])
    columns = (pair % shape[1]).astype(np.int32)
    return csr(values, columns, indptr.astype(np.int32), shape), n_ratings


def join_interactions(old: Interactions, new: Interactions, *, owner: str) -> Interactions:
    """Return what reading the rows of both at once would give.

    Raises
    ------
    InvalidDataError
        If the IDs have different types, or one has times and the other none although they matter.
    """
    _check_alike(old, new, owner)
    customers = _union(old.customer_ids, new.customer_ids, "customer_id", owner)
    items = _union(old.item_ids, new.item_ids, "item_id", owner)
    timed = old.log is not None and new.log is not None
    parts = [_single_rows(part, customers, items, timed=timed) for part in (old, new)]
    if timed:
        parts = _with_orders_apart(old, new, parts)
    joined = _Rows(*(_end_to_end(pieces) for pieces in zip(*parts, strict=True)))
    lines = Lines(
        customer=joined.customer,
        customer_ids=customers,
        item=joined.item,
        item_ids=items,
        weight=joined.weight,
        at=joined.at,
        order=joined.order,
        count=joined.n_ratings,
    )
    moments = [part.as_of for part in (old, new) if timed and part.as_of is not None]
    found = assemble(
        lines,
        owner,
        feedback=old.feedback,
        half_life=old.half_life,
        as_of=from_micros(max(moments)) if moments else None,
        keep_ids=True,
    )
    return _with_readings(found, old, new)


def _check_alike(old: Interactions, new: Interactions, owner: str) -> None:
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
    if old.log is not None and new.log is None:
        message = (
            f"{owner}: the new interactions have no times, the old ones have. Give times "
            f"(`occurred_at` or `ordered_at`), or fit again without any."
        )
        raise InvalidDataError(message)


def _single_rows(
    part: Interactions, customers: NDArray[Any], items: NDArray[Any], *, timed: bool
) -> _Rows:
    """Return the rows of one reading in the codes of both."""
    customer_of = np.searchsorted(customers, part.customer_ids).astype(np.int32)
    item_of = np.searchsorted(items, part.item_ids).astype(np.int32)
    log = part.log
    if timed and log is not None:
        customer, item = customer_of[log.customer], item_of[log.item]
        order = log.order if log.has_orders else None
        return _Rows(customer, item, log.weight, log.at, order, None)
    matrix = part.matrix
    customer, item = customer_of[entry_rows(matrix)], item_of[matrix.indices]
    return _Rows(customer, item, matrix.data, None, None, part.n_ratings)


def _with_orders_apart(old: Interactions, new: Interactions, parts: list[_Rows]) -> list[_Rows]:
    """Number the orders of both readings differently; without any, equal times are a basket."""
    logs = [part.log for part in (old, new) if part.log is not None]
    if not any(log.has_orders for log in logs):
        return parts
    first = int(logs[0].order.max()) + 1
    orders = (logs[0].order, logs[1].order + np.int32(first))
    return [part._replace(order=order) for part, order in zip(parts, orders, strict=True)]


def _end_to_end(pieces: tuple[Any, ...]) -> Any:
    return None if pieces[0] is None else np.concatenate(pieces)


def _with_readings(found: Interactions, old: Interactions, new: Interactions) -> Interactions:
    """Count rows, and those that were left out, as if both readings had been one frame."""
    if old.n_rows is None or new.n_rows is None:
        return replace(found, n_rows=None)
    ignored = dict(old.ignored)
    for reason, rows in new.ignored.items():
        before = ignored.get(reason, np.empty(0, dtype=np.intp))
        ignored[reason] = np.concatenate((before, rows + old.n_rows))
    return replace(found, n_rows=old.n_rows + new.n_rows, ignored=ignored)


def _union(old: NDArray[Any], new: NDArray[Any], column: str, owner: str) -> NDArray[Any]:
    if old.dtype != new.dtype:
        kinds = ["texts" if ids.dtype == object else "whole numbers" for ids in (old, new)]
        message = f"{owner}: '{column}' was {kinds[0]} and is {kinds[1]} now. Convert one of them."
        raise InvalidDataError(message, column=column)
    return np.union1d(old, new)
