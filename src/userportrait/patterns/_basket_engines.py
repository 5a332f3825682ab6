"""Lines that stay on their engine: only distinct pairs of order and item are collected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from userportrait._core import frames
from userportrait._core.entries import Coded
from userportrait.patterns._basket_lines import UNIT_DIGITS, Lines, code_known, join_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Pairs", "collect_pairs"]


class Pairs(NamedTuple):
    """Columns of a frame on its engine.

    Parameters
    ----------
    orders : tuple of str
        One or more columns that name an order.
    item : str
    customer : str, optional
    at : str, optional
        Epoch microseconds without nulls.
    money, units : str, optional
        int64; units in ten thousandths.
    """

    orders: tuple[str, ...]
    item: str
    customer: str | None = None
    at: str | None = None
    money: str | None = None
    units: str | None = None


def collect_pairs(frame: frames.Frame, pairs: Pairs, source: str) -> Lines:
    """Leave out what is no purchase, and collect one row for each order, item and customer."""
    n_lines = frames.count_rows(frame)
    frame, ignored = _purchases(frame, pairs)
    n_left = n_lines - sum(ignored.values())
    frame, pieces = _with_pieces(frame, pairs)
    keys = [*pairs.orders, pairs.item]
    found = _collected(frame, keys, pairs, pieces)
    n_kept = int(found["__n"].sum())
    missing = _without_order(frame, pairs, n_left)
    counts = {"missing_order_id": missing, "missing_item_id": n_left - n_kept - missing}
    customer: Coded | None = None
    if pairs.customer is not None:
        found, customer = _with_customers(frame, found, keys, pairs, pieces)
    priced = pairs.money is not None
    return Lines(
        source,
        join_codes([code_known(found[name]) for name in pairs.orders]),
        code_known(found[pairs.item]),
        n_lines=n_lines,
        n_kept=n_kept,
        ignored=ignored | {why: n for why, n in counts.items() if n},
        customer=customer,
        at=None if pairs.at is None else np.asarray(found["__first"], dtype=np.int64),
        revenue=np.asarray(found["__revenue"], dtype=np.int64) if priced else None,
        units=np.asarray(found["__pieces"], dtype=np.int64) if priced else None,
    )


def _purchases(frame: frames.Frame, pairs: Pairs) -> tuple[frames.Frame, dict[str, int]]:
    """Keep the lines that take nothing back; count the others."""
    marks: list[str] = []
    signed = [name for name in (pairs.money, pairs.units) if name is not None]
    for name in signed:
        mark = f"__mark_{len(marks)}"
        frame = frames.with_condition(frame, name, "<", 0, "__flag")
        frame = frames.with_choice(frame, "__flag", 2, 0, mark)
        marks.append(mark)
    if pairs.units is not None:
        frame = frames.with_condition(frame, pairs.units, ">", 0, "__flag")
        frame = frames.with_choice(frame, "__flag", 0, 1, "__mark_units")
        marks.append("__mark_units")
    if not marks:
        return frame, {}
    for mark in marks[1:]:
        frame = frames.with_arithmetic(frame, marks[0], "max", mark, marks[0])
    values, counts = frames.count_values(frame, marks[:1])[marks[0]]
    by_mark = dict(zip(values.tolist(), counts.tolist(), strict=True))
    names = {"return": 2, "no_units": 1}
    ignored = {why: int(by_mark[mark]) for why, mark in names.items() if mark in by_mark}
    frame = frames.with_condition(frame, marks[0], "==", 0, "__flag")
    return frames.keep_where(frame, "__flag"), ignored


def _with_pieces(frame: frames.Frame, pairs: Pairs) -> tuple[frames.Frame, str | None]:
    """Add the units that were sold at a known price."""
    if pairs.money is None:
        return frame, None
    units = pairs.units
    if units is None:
        frame = frames.with_value(frame, "__one", 10**UNIT_DIGITS)
        units = "__one"
    frame = frames.with_condition(frame, pairs.money, ">=", 0, "__flag")
    return frames.with_where(frame, "__flag", units, "__sold"), "__sold"


def _without_order(frame: frames.Frame, pairs: Pairs, n_left: int) -> int:
    if len(pairs.orders) == 1:
        return frames.count_missing(frame, pairs.orders)[pairs.orders[0]]
    grouped = frames.aggregate(frame, pairs.orders, {}, rows="__n")
    return n_left - int(frames.collect_arrays(grouped, ["__n"])["__n"].sum())


def _collected(
    frame: frames.Frame, keys: list[str], pairs: Pairs, pieces: str | None
) -> dict[str, Any]:
    measures: dict[str, frames.Aggregation] = {}
    if pairs.at is not None:
        measures["__first"] = (pairs.at, "min")
    if pairs.money is not None and pieces is not None:
        measures |= {"__revenue": (pairs.money, "sum"), "__pieces": (pieces, "sum")}
    grouped = frames.aggregate(frame, keys, measures, rows="__n")
    return frames.collect_columns(grouped, [*keys, *measures, "__n"])


_SUMS = ("__revenue", "__pieces", "__n")


def _with_customers(
    frame: frames.Frame, every: dict[str, Any], keys: list[str], pairs: Pairs, pieces: str | None
) -> tuple[dict[str, Any], Coded]:
    """Split the pairs by customer; what no customer accounts for has none.

    The engine leaves null keys out, so the pairs of unknown customers are what is left over.
    """
    name = str(pairs.customer)
    known = _collected(frame, [*keys, name], pairs, pieces)
    customer = code_known(known[name])
    rows, extra = known["__n"], every["__n"]
    if int(np.sum(rows)) == int(np.sum(extra)):
        return known, customer
    both = {key: np.concatenate([_plain(every[key]), _plain(known[key])]) for key in every}
    joint = join_codes([code_known(both[key]) for key in keys])
    pair = joint.codes
    n_every = len(extra)
    for column in _SUMS:
        if column in both:
            taken = np.zeros(len(joint.distinct), dtype=np.int64)
            np.add.at(taken, pair[n_every:], both[column][n_every:])
            both[column][:n_every] -= taken[pair[:n_every]]
    unknown = np.full(n_every, -1, dtype=np.int32)
    codes = np.concatenate([unknown, customer.codes])
    left: NDArray[np.bool_] = both["__n"] > 0
    return {key: values[left] for key, values in both.items()}, Coded(
        codes[left], customer.distinct
    )


def _plain(values: Any) -> NDArray[Any]:
    found = np.asarray(values)
    return found if found.dtype.kind in "iuf" else found.astype(object)
