"""Recommended lists and what customers turned out to want, as arrays of one coding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.display import format_count
from userportrait.data import Events, Orders
from userportrait.data._roles import Role
from userportrait.data._tables import Table
from userportrait.errors import InvalidDataError
from userportrait.recommend._base import Recommender
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.recommend._interactions import Interactions
from userportrait.typing import Recommends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = ["Lists", "Relevant", "check_same_kind", "places_in", "read_lists", "read_relevant"]

_CUSTOMER = Role("customer_id", "id", "who", True, ("customer", "userid", "user"))
_ITEM = Role("item_id", "id", "which item", True, ("item", "itemid", "product", "sku"))


class Actual(Table):
    """One row for each item that a customer turned out to want."""

    _roles: ClassVar[tuple[Role, ...]] = (
        _CUSTOMER,
        _ITEM,
        Role("weight", "number", "how much it is worth"),
    )


class Recommended(Table):
    """One row for each item of each list."""

    _roles: ClassVar[tuple[Role, ...]] = (
        _CUSTOMER,
        _ITEM,
        Role("rank", "number", "its place in the list", synonyms=("position", "place")),
        Role("score", "number", "how good it is"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Relevant:
    """Pairs of customer and wanted item, sorted by customer, then item; every customer has one.

    Parameters
    ----------
    customer_ids, item_ids : ndarray
        Sorted; int64, or objects that are texts.
    customer, item : ndarray of int64
        Positions in them.
    weight : ndarray of float64
        More than 0.
    """

    customer_ids: NDArray[Any]
    item_ids: NDArray[Any]
    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    weight: NDArray[np.float64]

    @property
    def n_customers(self) -> int:
        """Number of customers."""
        return len(self.customer_ids)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of items of each customer."""
        return np.bincount(self.customer, minlength=self.n_customers)

    def take(self, pairs: NDArray[np.bool_]) -> Relevant:
        """Return some of the pairs, and the customers that have one."""
        customer = self.customer[pairs]
        there = np.zeros(self.n_customers, dtype=bool)
        there[customer] = True
        new = np.cumsum(there) - 1
        return Relevant(
            self.customer_ids[there],
            self.item_ids,
            new[customer],
            self.item[pairs],
            self.weight[pairs],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Recommended items of the customers evaluated, sorted by customer, then place.

    Parameters
    ----------
    customer : ndarray of int64
        Positions in `Relevant.customer_ids`.
    place : ndarray of int64
        In the list, from 0.
    item : ndarray of int64
        Positions in `item_ids`.
    item_ids : ndarray
        Sorted.
    """

    customer: NDArray[np.int64]
    place: NDArray[np.int64]
    item: NDArray[np.int64]
    item_ids: NDArray[Any]


def read_relevant(actual: Any, *, min_weight: float | None, owner: str) -> Relevant:
    """Read what customers turned out to want; weights of a pair are summed.

    Raises
    ------
    InvalidDataError
        If there is nothing that anybody wanted, or a weight is negative or missing.
    """
    if isinstance(actual, (Interactions, Orders, Events)):
        data = as_interactions(actual, owner=owner)
        customer = np.repeat(np.arange(data.n_customers), np.diff(data.matrix.indptr))
        item = data.matrix.indices.astype(np.int64)
        found = Relevant(data.customer_ids, data.item_ids, customer, item, data.matrix.data)
    else:
        found = _relevant_of_frame(actual, owner)
    least = 0.0 if min_weight is None else min_weight
    kept = found.weight > 0.0
    if min_weight is not None:
        kept &= found.weight >= least
    if not kept.any():
        message = (
            f"{owner}: actual has no item that counts: none has a weight of {least:g} or more."
            if min_weight is not None
            else f"{owner}: actual has no item that counts. One of weight above 0 is needed."
        )
        raise InvalidDataError(message)
    return found.take(kept)


def _relevant_of_frame(actual: IntoFrame, owner: str) -> Relevant:
    table = Actual(actual)
    names = [name for name in ("customer_id", "item_id", "weight") if name in table.columns]
    columns = frames.collect_columns(frames.enter(table.frame), names)
    customer, customer_ids = code_values(columns["customer_id"])
    item, item_ids = code_values(columns["item_id"])
    weight = np.ones(len(customer))
    if "weight" in columns:
        weight = pd.Series(columns["weight"]).to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~np.isfinite(weight) | (weight < 0)
        if bad.any():
            rows = np.flatnonzero(bad)
            message = (
                f"{owner}: weights of actual must be finite numbers of at least 0; "
                f"{format_count(len(rows), 'row')} hold something else."
            )
            raise InvalidDataError(
                message, column="weight", rows=rows[:5].tolist(), n_rows=len(rows)
            )
    key = customer.astype(np.int64) * len(item_ids) + item
    order = np.lexsort((weight, key))  # by weight too: sums must not depend on the order of rows
    key, weight = key[order], weight[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    pair = key[starts]
    sums = np.add.reduceat(weight, starts)
    return Relevant(customer_ids, item_ids, pair // len(item_ids), pair % len(item_ids), sums)


def read_lists(
    recommended: Any, relevant: Relevant, *, k: int, filter_seen: bool, owner: str
) -> Lists:
    """Read the first `k` items of the list of each customer of `relevant`.

    Raises
    ------
    InvalidDataError
        If a list has an item or a rank twice, a rank or score is missing, or the IDs are of
        another type than those of `relevant`.
    """
    if isinstance(recommended, Recommends):
        recommended = _asked(recommended, relevant, k, filter_seen, owner)
    columns, n_rows = _list_columns(recommended, owner)
    if not n_rows:
        none = np.empty(0, dtype=np.int64)
        return Lists(none, none, none, relevant.item_ids[:0])
    codes, customer_ids = code_values(columns["customer_id"])
    item_codes, item_ids = code_values(columns["item_id"])
    item = item_codes.astype(np.int64)
    check_same_kind(customer_ids, relevant.customer_ids, "customer_id", owner)
    check_same_kind(item_ids, relevant.item_ids, "item_id", owner)
    customer = places_in(relevant.customer_ids, customer_ids)[codes].astype(np.int64)
    rows = np.flatnonzero(customer >= 0)
    value = _list_values(columns, owner)
    if len(rows) < len(customer):
        customer, item = customer[rows], item[rows]
        value = None if value is None else value[rows]
    order = _list_order(value, customer, item)
    if order is not None:
        customer, item, rows = customer[order], item[order], rows[order]
        value = None if value is None else value[order]
    if "rank" in columns:
        _check_ranks(value, customer, rows, owner)
    _check_once(customer, item, len(item_ids), owner)
    new = np.r_[True, customer[1:] != customer[:-1]]
    place = np.arange(len(customer)) - np.maximum.accumulate(
        np.where(new, np.arange(len(customer)), 0)
    )
    first = place < k
    return Lists(customer[first], place[first], item[first], item_ids)


def _asked(
    model: Recommends, relevant: Relevant, k: int, filter_seen: bool, owner: str
) -> pd.DataFrame:
    customers: Sequence[Any] = relevant.customer_ids.tolist()
    if not isinstance(model, Recommender):
        return model.recommend(customers, k=k, filter_seen=filter_seen)
    if hasattr(model, "interactions_"):  # else it says itself that it is not fitted
        check_same_kind(
            model.interactions_.customer_ids, relevant.customer_ids, "customer_id", owner
        )
    return model.recommend(customers, k=k, filter_seen=filter_seen, reasons=False)


_UNORDERED = ("duckdb", "spark", "ibis")


def _list_columns(recommended: IntoFrame, owner: str) -> tuple[dict[str, Any], int]:
    inner = frames.enter(recommended, argument="recommended")
    names = frames.column_names(inner)
    required = {"customer_id", "item_id"} <= set(names)
    if required and not frames.count_rows(inner):
        return {}, 0
    table = Recommended(recommended)
    inner = frames.enter(table.frame)
    chosen = ["customer_id", "item_id"]
    chosen += [name for name in ("rank", "score") if name in names][:1]
    if len(chosen) == 2 and inner.engine in _UNORDERED:
        message = (
            f"{owner}: recommended needs 'rank' or 'score', because rows on {inner.engine} have "
            f"no order of their own."
        )
        raise InvalidDataError(message)
    return frames.collect_columns(inner, chosen), len(table)


def _list_values(columns: dict[str, Any], owner: str) -> NDArray[np.float64] | None:
    """Return what lists are sorted by, ascending; None for the order of rows."""
    name = next((name for name in ("rank", "score") if name in columns), None)
    if name is None:
        return None
    value = pd.Series(columns[name]).to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(value).any():
        rows = np.flatnonzero(np.isnan(value))
        message = f"{owner}: every row of recommended needs a {name}; some have none."
        raise InvalidDataError(message, column=name, rows=rows[:5].tolist(), n_rows=len(rows))
    return value if name == "rank" else -value


def _list_order(
    value: NDArray[np.float64] | None, customer: NDArray[np.int64], item: NDArray[np.int64]
) -> NDArray[np.intp] | None:
    """Return what sorts rows by customer, then place in the list; None if they are sorted."""
    grouped = bool((customer[1:] >= customer[:-1]).all())
    if value is None:
        return None if grouped else np.argsort(customer, kind="stable")
    rises = value[1:] > value[:-1]
    if grouped and bool((rises | (customer[1:] != customer[:-1])).all()):
        return None
    return np.lexsort((item, value, customer))


def _check_ranks(
    value: NDArray[np.float64] | None,
    customer: NDArray[np.int64],
    rows: NDArray[np.intp],
    owner: str,
) -> None:
    """Raise if a list has a rank twice; without that, ranks may have gaps."""
    if value is None:
        return
    twice = (customer[1:] == customer[:-1]) & (value[1:] == value[:-1])
    if twice.any():
        found = np.sort(rows[1:][twice])
        message = f"{owner}: a customer's list has a rank twice. Ranks go 1, 2, 3, …"
        raise InvalidDataError(message, column="rank", rows=found[:5].tolist(), n_rows=len(found))


def _check_once(
    customer: NDArray[np.int64], item: NDArray[np.int64], n_items: int, owner: str
) -> None:
    key = np.sort(customer * n_items + item)
    n_twice = int(np.count_nonzero(key[1:] == key[:-1]))
    if n_twice:
        message = (
            f"{owner}: recommended has an item twice in a customer's list "
            f"({format_count(n_twice, 'time')}). Keep one row for each customer and item."
        )
        raise InvalidDataError(message, column="item_id", n_rows=n_twice)


def check_same_kind(ids: NDArray[Any], wanted: NDArray[Any], column: str, owner: str) -> None:
    """Raise `InvalidDataError` if one side's IDs are texts and the other's are numbers."""
    if not len(ids) or not len(wanted) or (ids.dtype == object) == (wanted.dtype == object):
        return
    kinds = ["texts" if side.dtype == object else "whole numbers" for side in (ids, wanted)]
    message = (
        f"{owner}: '{column}' holds {kinds[0]} on one side and {kinds[1]} on the other. "
        f"Convert one of them."
    )
    raise InvalidDataError(message, column=column)


def places_in(known: NDArray[Any], ids: NDArray[Any]) -> NDArray[np.intp]:
    """Return where each ID stands among distinct known ones, -1 where it does not."""
    if not len(known) or not len(ids):
        return np.full(len(ids), -1, dtype=np.intp)
    found: NDArray[np.intp] = pd.Index(known, dtype=known.dtype).get_indexer(
        pd.Index(ids, dtype=known.dtype)
    )
    return found
