"""Orders as arrays: IDs coded once, integer days, money in integer minor units."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import (
    code_values,
    code_values_natively,
    look_up_keys,
    plain_ids,
)
from userportrait._core.display import format_count
from userportrait._core.units import day_numbers, minor_units
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["LARGEST_EXACT", "LARGEST_QUANTITY", "OrderArrays", "money_in_minor_units"]

LARGEST_EXACT = 2**53
"""Beyond this, float64 does not hold every whole number."""
LARGEST_QUANTITY = LARGEST_EXACT / 10**6
"""Units are summed in millionths, as int64."""


_NOT_A_TIME = np.iinfo(np.int64).min
"""How numpy writes NaT."""


class OrderArrays:
    """The columns of order lines as arrays of equal length, each made when first used.

    Parameters
    ----------
    columns : mapping of str to ndarray, Series or extension array
        Canonical columns; IDs are whole numbers or texts.
    digits : int
        Decimal digits of the currency.
    """

    def __init__(self, columns: Mapping[str, Any], digits: int) -> None:
        self._columns = columns
        self._digits = digits

    def __len__(self) -> int:
        return len(self._columns["customer_id"])

    @cached_property
    def _customers(self) -> tuple[NDArray[np.int32], Any]:
        return _code_ids(self._columns["customer_id"], "customer_id")

    @property
    def customer(self) -> NDArray[np.int32]:
        """Each line's customer, as a position in `customer_ids`."""
        return self._customers[0]

    @property
    def customer_column(self) -> Any:
        """The customers, sorted, in the column's own form."""
        return self._customers[1]

    @cached_property
    def customer_ids(self) -> NDArray[Any]:
        """The customers, sorted: int64, or objects that are texts."""
        return plain_ids(self._customers[1])

    @cached_property
    def _orders(self) -> tuple[NDArray[np.int32], Any]:
        return _code_ids(self._columns["order_id"], "order_id")

    @property
    def order(self) -> NDArray[np.int32]:
        """Each line's order, as a position in `order_ids`."""
        return self._orders[0]

    @cached_property
    def order_ids(self) -> NDArray[Any]:
        """The orders, sorted."""
        return plain_ids(self._orders[1])

    @cached_property
    def order_key(self) -> NDArray[Any]:
        """Each line's order as a number from 0, quickly made: equal for equal orders."""
        keys = look_up_keys(self._columns["order_id"])
        return self.order if keys is None else keys[0]

    @cached_property
    def at(self) -> NDArray[np.int64]:
        """Each line's time in microseconds since 1970-01-01 UTC."""
        return epoch_micros(self._columns["ordered_at"], "ordered_at")

    @cached_property
    def day(self) -> NDArray[np.int32]:
        """Each line's day number."""
        return day_numbers(self.at)

    @cached_property
    def quantity(self) -> NDArray[Any]:
        """Each line's units, int64 or float64; 1 (or -1 for a refund) if there is no column."""
        if "quantity" not in self._columns:
            ones = np.ones(len(self), dtype=np.int64)
            return np.where(self.amount < 0, -ones, ones)
        found = _finite_numbers(self._columns["quantity"], "quantity", keep_integers=True)
        if max(-found.min(initial=0), found.max(initial=0)) >= LARGEST_QUANTITY:
            _raise_too_large(np.abs(found) >= LARGEST_QUANTITY)
        return found

    @cached_property
    def amount(self) -> NDArray[np.int64]:
        """Each line's money in minor units; negative for a refund."""
        if "amount" in self._columns:
            money = _finite_numbers(self._columns["amount"], "amount")
        else:
            price = _finite_numbers(self._columns["price"], "price")
            money = price * self.quantity
        return money_in_minor_units(money, self._digits)

    @cached_property
    def is_return(self) -> NDArray[np.bool_]:
        """Whether each line takes something back: negative units or money."""
        found: NDArray[np.bool_] = self.amount < 0
        if "quantity" in self._columns:
            found = found | (self.quantity < 0)
        return found

    @cached_property
    def has_returns(self) -> bool:
        """Whether any line takes something back."""
        return bool(self.is_return.any())

    @cached_property
    def owners(self) -> NDArray[np.int32] | None:
        """The customer of each order, once; None if an order has several customers."""
        key = self.order_key
        found = np.full(int(key.max()) + 1, -1, dtype=np.int32)
        found[key] = self.customer
        if not bool((found[key] == self.customer).all()):
            return None
        return found[found >= 0]

    def has(self, column: str) -> bool:
        """Return whether there is a column of this canonical name."""
        return column in self._columns

    def codes(self, column: str) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Code a label column; -1 where missing. Made once."""
        cache: dict[str, tuple[NDArray[np.int32], NDArray[Any]]] = self.__dict__.setdefault(
            "_coded", {}
        )
        if column not in cache:
            codes, distinct = code_values(_labels(self._columns[column]))
            if distinct.dtype.kind == "f" and _are_whole(distinct):
                distinct = distinct.astype(np.int64)  # integers with nulls come as float64
            cache[column] = codes, distinct
        return cache[column]


def money_in_minor_units(money: NDArray[np.float64], digits: int) -> NDArray[np.int64]:
    """Turn finite money into minor units; refuse what int64 sums could not hold exactly."""
    limit = LARGEST_EXACT / 10**digits
    if max(money.max(initial=0.0), -money.min(initial=0.0)) >= limit:
        rows = np.flatnonzero(np.abs(money) >= limit)
        message = (
            f"Orders: money must be smaller than 2**53 minor units; "
            f"{format_count(len(rows), 'row')} hold more. Check the unit of 'amount' or 'price', "
            f"or give fewer minor_digits."
        )
        raise InvalidDataError(message, column="amount", rows=rows[:5].tolist(), n_rows=len(rows))
    return minor_units(money, digits)


def epoch_micros(values: Any, column: str) -> NDArray[np.int64]:
    """Return times as microseconds since 1970-01-01 UTC; refuse missing ones."""
    dtype: Any = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        found = np.asarray(values).astype("datetime64[us]")
    else:
        times = pd.to_datetime(pd.Series(values), utc=True)
        found = times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    micros = found.view(np.int64)
    if len(micros) and int(micros.min()) == _NOT_A_TIME:
        _raise_missing(column, np.isnat(found))
    return micros


def _code_ids(values: Any, column: str) -> tuple[NDArray[np.int32], Any]:
    codes, distinct = code_values_natively(values)
    if len(codes) and codes.min() < 0:
        _raise_missing(column, codes < 0)
    return codes, distinct


def _is_object(values: Any) -> bool:
    dtype: Any = getattr(values, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _without_categories(values: Any) -> Any:
    dtype: Any = getattr(values, "dtype", None)
    if isinstance(dtype, pd.CategoricalDtype):
        return frames.values_of(pd.Series(values))
    return values


def _labels(values: Any) -> Any:
    """Return values that can be coded: objects become whole numbers or texts."""
    values = _without_categories(values)
    if not _is_object(values) and not pd.api.types.is_bool_dtype(values.dtype):
        return values
    series = pd.Series(values).astype(object)
    if pd.api.types.infer_dtype(series, skipna=True) == "integer":
        return series.astype("Int64")
    known = series.notna().to_numpy(dtype=bool)
    texts = np.full(len(series), None, dtype=object)
    texts[known] = [str(value) for value in series[known]]
    return texts


def _are_whole(numbers: NDArray[np.float64]) -> bool:
    exact = np.abs(numbers) < LARGEST_EXACT
    return bool((exact & (numbers == np.floor(numbers))).all())


def _finite_numbers(values: Any, column: str, *, keep_integers: bool = False) -> NDArray[Any]:
    dtype: Any = getattr(values, "dtype", None)
    if keep_integers and pd.api.types.is_integer_dtype(dtype) and not _has_missing(values):
        return np.asarray(values, dtype=np.int64)
    found = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    # Minimum and maximum are NaN or infinite if any value is.
    if not (np.isfinite(found.min(initial=0.0)) and np.isfinite(found.max(initial=0.0))):
        rows = np.flatnonzero(~np.isfinite(found))
        message = (
            f"Orders: '{column}' must hold finite numbers; {format_count(len(rows), 'row')} hold "
            f"NaN, infinity or nothing. Drop those rows, or use clean_orders, which drops and "
            f"counts them."
        )
        raise InvalidDataError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))
    return found.astype(np.int64) if keep_integers and _are_whole(found) else found


def _has_missing(values: Any) -> bool:
    probe: Callable[[], Any] | None = getattr(values, "isna", None)
    return bool(probe().any()) if probe is not None else False


def _raise_too_large(broken: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(broken)
    message = (
        f"Orders: 'quantity' must be smaller than 9 billion units; "
        f"{format_count(len(rows), 'row')} hold more. Is it another column, such as a barcode?"
    )
    raise InvalidDataError(message, column="quantity", rows=rows[:5].tolist(), n_rows=len(rows))


def _raise_missing(column: str, missing: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(missing)
    message = (
        f"Orders: {format_count(len(rows), 'value')} of '{column}' missing; every row needs one. "
        f"Drop those rows, or use clean_orders, which drops and counts them."
    )
    raise InvalidDataError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))
