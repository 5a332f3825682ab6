"""Lines of baskets, coded: from them the sparse matrix, its customers, times and prices."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.coding import code_values
from userportrait._core.display import format_count
from userportrait._core.entries import Coded, compact_codes
from userportrait.data._clean_report import RowRecord
from userportrait.errors import DataWarning
from userportrait.patterns._basket_merge import rows_from_pairs, sum_by_code, take_rows
from userportrait.patterns._basket_report import REASONS, BasketReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data._clean_table import RawTable

__all__ = [
    "GIANT_ABOVE",
    "UNIT_DIGITS",
    "Limits",
    "Lines",
    "Parts",
    "assemble",
    "code_known",
    "join_codes",
    "record_ignored",
    "settle",
]

GIANT_ABOVE = 500
"""Baskets with more items are rarely a person's: warehouses, tests, merged tills."""

UNIT_DIGITS = 4
"""Units, and prices of raw frames, are added up in ten thousandths, so that sums are exact."""

ReadRows: TypeAlias = "Callable[[], RawTable]"


class Limits(NamedTuple):
    """What to do with large baskets.

    Parameters
    ----------
    giant_above : int or None
        Warn of baskets with more items.
    max_items : int or None
        Leave out baskets with more items.
    """

    giant_above: int | None = GIANT_ABOVE
    max_items: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines that count, as parallel arrays.

    Parameters
    ----------
    source : str
        What was read.
    order, item : Coded
        No code is -1.
    n_lines : int
        Lines that were read, ignored ones included.
    n_kept : int
        Lines that count; more than there are here where equal ones came as one.
    ignored : mapping of str to int
    customer : Coded, optional
        -1 where unknown.
    at : ndarray of int64, optional
        Epoch microseconds.
    revenue, units : ndarray of int64, optional
        Money in units of 10**-`revenue_digits`, and pieces in ten thousandths.
    revenue_digits : int, default=4
    rows : RowRecord, optional
        The ignored lines as they came.
    """

    source: str
    order: Coded
    item: Coded
    n_lines: int
    n_kept: int
    ignored: Mapping[str, int]
    customer: Coded | None = None
    at: NDArray[np.int64] | None = None
    revenue: NDArray[np.int64] | None = None
    units: NDArray[np.int64] | None = None
    revenue_digits: int = UNIT_DIGITS
    rows: RowRecord | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a `Baskets` object is made of."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    items: NDArray[Any]
    report: BasketReport
    weights: NDArray[np.int64] | None = None
    order_ids: NDArray[Any] | None = None
    customers: NDArray[np.int32] | None = None
    customer_ids: NDArray[Any] | None = None
    at: NDArray[np.int64] | None = None
    prices: NDArray[np.float64] | None = field(default=None)


def code_known(values: Any) -> Coded:
    """Code a column of IDs; -1 for null. Whole numbers that came as floats are whole again."""
    series: Any = values
    if not hasattr(values, "dtype"):
        series = pd.Series(values)
    missing = np.asarray(pd.isna(series), dtype=bool)
    if not missing.any():
        return Coded(*_coded(series))
    codes = np.full(len(missing), -1, dtype=np.int32)
    known: Any = series[~missing]
    codes[~missing], distinct = _coded(known)
    return Coded(codes, distinct)


def _coded(values: Any) -> tuple[NDArray[np.int32], NDArray[Any]]:
    if str(values.dtype) == "object" and pd.api.types.infer_dtype(values) == "integer":
        values = np.asarray(values).astype(np.int64)
    codes, distinct = code_values(values)
    if distinct.dtype.kind == "f" and bool((distinct == np.floor(distinct)).all()):
        distinct = distinct.astype(np.int64)
    return codes, distinct


def join_codes(parts: Sequence[Coded]) -> Coded:
    """Return several columns as one: -1 where any is null, distinct values as tuples."""
    if len(parts) == 1:
        return parts[0]
    keys = np.zeros(len(parts[0].codes), dtype=np.int64)
    missing = np.zeros(len(keys), dtype=bool)
    distinct = keys
    for part in parts:
        keys = keys * (len(part.distinct) + 1) + part.codes + 1
        missing |= part.codes < 0
        distinct, keys = np.unique(keys, return_inverse=True)
    first = np.zeros(len(distinct), dtype=np.intp)
    first[keys] = np.arange(len(keys))
    columns = [
        part.distinct[np.maximum(part.codes[first], 0)].tolist()
        for part in parts
        if len(part.distinct)
    ]
    names = np.empty(len(distinct), dtype=object)
    if len(columns) == len(parts):
        names[:] = list(zip(*columns, strict=True))
    codes = np.where(missing, -1, keys).astype(np.int32)
    return Coded(codes, names)


def record_ignored(
    flags: Mapping[str, NDArray[np.bool_]], read: ReadRows | None
) -> tuple[NDArray[np.bool_], dict[str, int], RowRecord | None]:
    """Sort out the lines to ignore, each for the first reason that applies.

    Parameters
    ----------
    flags : mapping of str to ndarray of bool
        Lines by reason.
    read : callable, optional
        Returns the lines as they came.

    Returns
    -------
    kept : ndarray of bool
    counts : dict of str to int
        Reasons that occur.
    rows : RowRecord or None
    """
    names = [name for name in REASONS if name in flags]
    n_lines = len(next(iter(flags.values())))
    kept = np.ones(n_lines, dtype=bool)
    counts: dict[str, int] = {}
    marks = np.zeros(n_lines, dtype=np.int64)
    for place, name in enumerate(names):
        chosen = flags[name] & kept
        n = int(np.count_nonzero(chosen))
        if n:
            counts[name] = n
            marks[chosen] = 1 << place
            kept &= ~chosen
    if not counts or read is None:
        return kept, counts, None
    gone = np.flatnonzero(~kept)
    return kept, counts, RowRecord(read().take(gone), gone, tuple(names), marks[gone])


def assemble(lines: Lines, limits: Limits) -> Parts:
    """Make baskets of lines: one for each order, and customer where an order has several."""
    row, order_codes, customers = _baskets_of(lines)
    codes, items = compact_codes(lines.item)
    n_rows = len(order_codes)
    indptr, indices = rows_from_pairs(row, codes, n_rows, len(items))
    report = BasketReport(
        source=lines.source,
        n_lines=lines.n_lines,
        n_baskets=n_rows,
        n_entries=len(indices),
        n_duplicates=lines.n_kept - len(indices),
        ignored=dict(lines.ignored),
        _rows=lines.rows,
    )
    parts = Parts(
        indptr,
        indices,
        items,
        report,
        order_ids=lines.order.distinct[order_codes],
        customers=customers,
        customer_ids=None if lines.customer is None else lines.customer.distinct,
        at=_earliest(row, lines.at, n_rows),
        prices=_prices(codes, lines, len(items)),
    )
    return settle(parts, limits)


def _baskets_of(
    lines: Lines,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32] | None]:
    """Return each line's basket, and the order and the customer of each basket.

    Lines without a customer go with the only customer of their order.
    """
    order, n_orders = lines.order.codes, len(lines.order.distinct)
    every = Coded(order, np.arange(n_orders, dtype=np.int32))
    if lines.customer is None:
        row, kept = compact_codes(every)
        return row, kept.astype(np.int32), None
    customer = lines.customer.codes
    known = customer >= 0
    owner = np.full(n_orders, -1, dtype=np.int32)
    owner[order[known]] = customer[known]
    if bool((owner[order[known]] == customer[known]).all()):
        row, kept = compact_codes(every)
        return row, kept.astype(np.int32), owner[kept]
    shared = np.zeros(n_orders, dtype=bool)
    shared[order[known][owner[order[known]] != customer[known]]] = True
    customer = np.where(known | shared[order], customer, owner[order])
    span = len(lines.customer.distinct) + 1
    keys, row = np.unique(order.astype(np.int64) * span + (customer + 1), return_inverse=True)
    return row.astype(np.int32), (keys // span).astype(np.int32), (keys % span - 1).astype(np.int32)


def _earliest(
    row: NDArray[np.int32], at: NDArray[np.int64] | None, n_rows: int
) -> NDArray[np.int64] | None:
    if at is None:
        return None
    found = np.full(n_rows, np.iinfo(np.int64).max, dtype=np.int64)
    found[row] = at
    if not bool((found[row] == at).all()):
        np.minimum.at(found, row, at)
    return found


def _prices(codes: NDArray[np.int32], lines: Lines, n_items: int) -> NDArray[np.float64] | None:
    """Return the mean price of a unit of each item; NaN where none is known."""
    if lines.revenue is None or lines.units is None:
        return None
    revenue = sum_by_code(codes, lines.revenue, n_items).astype(np.float64)
    units = sum_by_code(codes, lines.units, n_items).astype(np.float64)
    found = np.full(n_items, np.nan)
    scale = 10.0**UNIT_DIGITS / 10.0**lines.revenue_digits
    np.divide(revenue * scale, units, out=found, where=units > 0)
    return found


def settle(parts: Parts, limits: Limits, *, stacklevel: int = 4) -> Parts:
    """Look at the sizes: leave out baskets above the limit, count and warn of giant ones.

    Warns
    -----
    DataWarning
        If baskets are giant.
    """
    sizes = np.diff(parts.indptr)
    if limits.max_items is not None and int(sizes.max(initial=0)) > limits.max_items:
        parts = _without_large(parts, sizes, limits.max_items)
        sizes = np.diff(parts.indptr)
    weights = parts.weights

    def count(which: NDArray[np.bool_]) -> int:
        return int(np.count_nonzero(which) if weights is None else weights[which].sum())

    largest = int(sizes.max(initial=0))
    above = limits.giant_above
    n_giant = 0 if above is None else count(sizes > above)
    n_baskets = len(sizes) if weights is None else int(weights.sum())
    report = replace(
        parts.report,
        n_baskets=n_baskets,
        n_entries=int(sizes.sum() if weights is None else (sizes * weights).sum()),
        n_empty=count(sizes == 0),
        giant_above=above,
        n_giant=n_giant,
        largest=largest,
    )
    if n_giant:
        message = (
            f"{format_count(n_giant, 'basket')} of {n_baskets:,} have more than {above:,} items, "
            f"the largest {largest:,}: itemsets grow with 2 to the power of that. Look whether "
            f"customers bought them; leave them out with max_items={above}, or keep them without "
            f"this warning with giant_above=None."
        )
        warnings.warn(message, DataWarning, stacklevel=stacklevel)
    return replace(parts, report=report)


def _without_large(parts: Parts, sizes: NDArray[np.int64], max_items: int) -> Parts:
    large = np.flatnonzero(sizes > max_items)
    rows = np.flatnonzero(sizes <= max_items)
    names = large if parts.order_ids is None else parts.order_ids[large]
    indptr, indices = take_rows(parts.indptr, parts.indices, rows)
    present = np.zeros(len(parts.items), dtype=bool)
    present[indices] = True
    new_code = np.cumsum(present, dtype=np.int32) - np.int32(1)
    return replace(
        parts,
        indptr=indptr,
        indices=new_code[indices],
        items=parts.items[present],
        report=replace(parts.report, removed=names),
        weights=None if parts.weights is None else parts.weights[rows],
        order_ids=None if parts.order_ids is None else parts.order_ids[rows],
        customers=None if parts.customers is None else parts.customers[rows],
        at=None if parts.at is None else parts.at[rows],
        prices=None if parts.prices is None else parts.prices[present],
    )
