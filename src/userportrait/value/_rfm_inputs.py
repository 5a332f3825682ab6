"""What RFM is given: order lines or a customer summary, collected or left to the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core import frames
from userportrait.data import Orders
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.features import measure_rfm, measure_rfm_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = ["MEASURES", "Collected", "Counted", "Left", "count_measures", "measure_customers"]

MEASURES = ("recency", "frequency", "monetary")
_LEFT = ("spark", "ibis")
"""Engines that keep their customers: only counts of values are collected."""


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """The measures of all customers as arrays.

    Parameters
    ----------
    customer_ids : ndarray, or a column of the engine
    values : mapping of str to ndarray
        By measure.
    as_of : datetime or None
    engine : str
    like : Frame or None
        A frame of the caller's connection, for the result.
    """

    customer_ids: Any
    values: Mapping[str, NDArray[Any]]
    as_of: datetime | None
    engine: frames.Engine
    like: frames.Frame | None


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """The measures of all customers as a query: `customer_id` and the three measures."""

    frame: frames.Frame
    as_of: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What score limits are learned from: the values of a measure, with counts if distinct."""

    values: NDArray[Any]
    counts: NDArray[np.int64] | None

    @property
    def n(self) -> int:
        """Number of customers."""
        return len(self.values) if self.counts is None else int(self.counts.sum())

    def n_above(self, limit: float) -> int:
        """Count the customers above a limit."""
        above = self.values > limit
        return int(above.sum() if self.counts is None else self.counts[above].sum())


def measure_customers(
    given: Orders | IntoFrame, as_of: object, *, net: bool, mean: bool, owner: str
) -> Collected | Left:
    """Measure the customers of order lines, or take their measures from a summary.

    Parameters
    ----------
    given : Orders or frame
    as_of : datetime, date or ISO 8601 text, optional
    net : bool
        Whether refunds are taken off the spend.
    mean : bool
        Whether `monetary` is the mean of the orders.
    owner : str
        For messages.

    Raises
    ------
    InvalidParameterError
        If `as_of` is given with a summary.
    MissingColumnError, ColumnTypeError, InvalidDataError
        If a summary lacks something.
    """
    if not isinstance(given, Orders):
        inner = frames.enter(given)
        names = set(frames.column_names(inner))
        if {"recency", "n_orders"} <= names and "order_id" not in names:
            return _from_summary(inner, as_of, net=net, mean=mean, owner=owner)
        given = Orders(given)
    moment = given.moment(as_of, owner=owner)
    if given.engine in _LEFT:
        found = measure_rfm_frame(given, moment, net=net)
        return Left(_with_monetary(found, mean=mean), moment)
    measures = measure_rfm(given, moment, net=net)
    money = measures.spend / float(10**given.minor_digits)
    values = _values(measures.recency, measures.frequency, money, mean=mean)
    like = None if given.in_memory else given.lines
    return Collected(measures.customer_ids, values, moment, given.engine, like)


def _from_summary(
    inner: frames.Frame, as_of: object, *, net: bool, mean: bool, owner: str
) -> Collected | Left:
    if as_of is not None:
        problem = (
            "as_of does not go with a customer summary, which is made for a moment. Give "
            "as_of to summarise_orders, or give the order lines."
        )
        raise InvalidParameterError(owner, [problem])
    money = "spend" if net else "gross_spend"
    columns = {"customer_id": "customer_id", "recency": "recency", "n_orders": "frequency"}
    columns[money] = "monetary"
    _check_columns(inner, list(columns), money)
    chosen = frames.name_columns(frames.select_columns(inner, list(columns)), columns)
    if inner.engine in _LEFT:
        return Left(_with_monetary(chosen, mean=mean), None)
    if inner.engine in ("duckdb", "polars-lazy"):
        chosen = frames.sort_rows(chosen, ["customer_id"])
    ids, found = frames.collect_keyed(chosen, "customer_id", list(MEASURES))
    if len(found["recency"]) == 0:
        _raise_no_customers(owner)
    for name, column in found.items():
        if column.dtype.kind != "i" and not np.isfinite(column.astype(np.float64)).all():
            _raise_missing(owner, next(old for old, new in columns.items() if new == name))
    whole = {name: found[name].astype(np.int64) for name in ("recency", "frequency")}
    values = _values(whole["recency"], whole["frequency"], found["monetary"], mean=mean)
    return Collected(ids, values, None, inner.engine, inner)


def _check_columns(inner: frames.Frame, columns: list[str], money: str) -> None:
    names = frames.column_names(inner)
    role = "RFM takes order lines, or what summarise_orders returns"
    for name in columns:
        if name not in names:
            raise MissingColumnError(name, names, role)
    kinds = frames.column_kinds(inner, columns)
    for name in ("recency", "n_orders"):
        if kinds[name] != "integer":
            message = f"'{name}' must hold whole numbers; it holds {kinds[name]}. {role}."
            raise ColumnTypeError(message, column=name)
    if kinds[money] not in ("number", "integer"):
        message = f"'{money}' must hold numbers; it holds {kinds[money]}. {role}."
        raise ColumnTypeError(message, column=money)


def _values(
    recency: NDArray[np.int64], frequency: NDArray[np.int64], money: NDArray[Any], *, mean: bool
) -> dict[str, NDArray[Any]]:
    money = money.astype(np.float64, copy=False)
    if mean:
        money = money / np.maximum(frequency, 1)
    return {"recency": recency, "frequency": frequency, "monetary": money}


def _with_monetary(found: frames.Frame, *, mean: bool) -> frames.Frame:
    if mean:
        found = frames.with_arithmetic(found, "frequency", "max", 1, "shares")
    else:
        found = frames.with_value(found, "shares", 1)
    found = frames.with_ratio(found, "monetary", "shares", "monetary")
    return frames.select_columns(found, ["customer_id", *MEASURES])


def count_measures(measured: Collected | Left, *, owner: str) -> dict[str, Counted]:
    """Return what limits are learned from; of an engine's customers only counts are collected."""
    if isinstance(measured, Collected):
        return {name: Counted(values, None) for name, values in measured.values.items()}
    counted = frames.count_values(measured.frame, MEASURES)
    found = {name: Counted(*counts) for name, counts in counted.items()}
    if found["recency"].n == 0:
        _raise_no_customers(owner)
    most = max(counts.n for counts in found.values())
    for name, counts in found.items():
        if counts.n < most or not np.isfinite(counts.values[[0, -1]].astype(np.float64)).all():
            _raise_missing(owner, name)
    return found


def _raise_no_customers(owner: str) -> None:
    message = f"{owner}: the summary has no customers. At least one is needed."
    raise InvalidDataError(message)


def _raise_missing(owner: str, column: str) -> None:
    message = (
        f"{owner}: '{column}' must hold a finite number for each customer. Give what "
        f"summarise_orders returns, or drop the customers without one."
    )
    raise InvalidDataError(message, column=column)
