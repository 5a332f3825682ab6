"""The kernels: exact per-customer figures from order lines, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.units import MICROS_PER_DAY
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Lines", "OrderEnds", "count_distinct_pairs", "exact_sums", "greatest", "least"]

_EXACT = float(2**53)
_LARGEST = float(2**63) * (1 - 1e-6)
"""Sums of float64 that reach this may be 2**63 or more."""


class Lines:
    """Order lines, or entries that sum several of them, as parallel arrays.

    Parameters
    ----------
    customer : ndarray of int32
        Positions in a sorted list of customers.
    n_customers : int
    order : ndarray of int32 or int64
        Numbers of the orders, from 0: equal for equal orders.
    at : ndarray of int64
        Epoch microseconds.
    amount : ndarray of int64
        Minor units.
    units : ndarray of int64
        Millionths of a unit.
    is_return : ndarray of bool
    n_lines : ndarray of int64
        Order lines behind each entry.
    """

    def __init__(
        self,
        *,
        customer: NDArray[np.int32],
        n_customers: int,
        order: NDArray[Any],
        at: NDArray[np.int64],
        amount: NDArray[np.int64],
        units: NDArray[np.int64],
        is_return: NDArray[np.bool_],
        n_lines: NDArray[np.int64],
    ) -> None:
        self.customer = customer
        self.n_customers = n_customers
        self.order = order
        self.at = at
        self.amount = amount
        self.units = units
        self.is_return = is_return
        self.n_lines = n_lines

    @property
    def day(self) -> NDArray[np.int64]:
        """Day numbers."""
        return self.at // MICROS_PER_DAY

    def keep(self, rows: NDArray[np.bool_]) -> Lines:
        """Return the lines that a mask chooses."""
        return Lines(
            customer=self.customer[rows],
            n_customers=self.n_customers,
            order=self.order[rows],
            at=self.at[rows],
            amount=self.amount[rows],
            units=self.units[rows],
            is_return=self.is_return[rows],
            n_lines=self.n_lines[rows],
        )


def exact_sums(codes: NDArray[np.int32], n: int, values: NDArray[Any]) -> NDArray[np.int64]:
    """Sum int64 values by code, exactly.

    float64 adds whole numbers exactly below 2**53, in any order, and its accumulation is
    the faster one.

    Raises
    ------
    InvalidDataError
        If a sum might not fit int64.
    """
    if len(values) == 0:
        return np.zeros(n, dtype=np.int64)
    bound = float(max(abs(int(values.max())), abs(int(values.min())))) * len(values)
    total = bound if bound < _EXACT else float(np.abs(values).sum(dtype=np.float64))
    if bound < _EXACT or total < _EXACT / 2:
        return np.bincount(codes, weights=values, minlength=n).astype(np.int64)
    if total >= _LARGEST:
        message = (
            "money or quantities are too large to be summed exactly: together they reach 2**63 "
            "minor units, or millionths of a unit. Check the unit of the column, or give fewer "
            "minor_digits."
        )
        raise InvalidDataError(message)
    sums = np.zeros(n, dtype=np.int64)
    np.add.at(sums, codes, values)
    return sums


def greatest(codes: NDArray[np.int32], n: int, values: NDArray[Any], empty: int) -> NDArray[Any]:
    """Return the greatest value by code; `empty` where a code has none."""
    found = np.full(n, empty, dtype=values.dtype)
    np.maximum.at(found, codes, values)
    return found


def least(codes: NDArray[np.int32], n: int, values: NDArray[Any], empty: int) -> NDArray[Any]:
    """Return the least value by code; `empty` where a code has none."""
    found = np.full(n, empty, dtype=values.dtype)
    np.minimum.at(found, codes, values)
    return found


def count_distinct_pairs(
    codes: NDArray[np.int32], n: int, values: NDArray[Any]
) -> NDArray[np.int64]:
    """Count the distinct values of each code.

    Values are not negative. Where every value belongs to one code only, as orders do to
    customers, one pass over a look-up table counts them; otherwise pairs are sorted.
    """
    if len(codes) == 0:
        return np.zeros(n, dtype=np.int64)
    highest = int(values.max())
    if highest < 8 * len(values) + 1_000_000:
        owner = np.full(highest + 1, -1, dtype=codes.dtype)
        owner[values] = codes
        if bool((owner[values] == codes).all()):
            return np.bincount(owner[owner >= 0], minlength=n)
    pairs = codes.astype(np.int64) * (highest + 1) + values
    pairs.sort()
    new = np.empty(len(pairs), dtype=bool)
    new[0] = True
    np.not_equal(pairs[1:], pairs[:-1], out=new[1:])
    return np.bincount(pairs[new] // (highest + 1), minlength=n)


class OrderEnds:
    """The last line of each order, from which orders since a moment are counted.

    An order counts where it has a line at or after the moment, so its last line tells. This
    needs each order to have one customer; otherwise customers and orders are paired anew.

    Parameters
    ----------
    lines : Lines
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        n_keys = int(lines.order.max()) + 1 if len(lines.order) else 0
        self._owner: NDArray[np.int32] | None = None
        if n_keys > 8 * len(lines.order) + 1_000_000:
            return
        owner = np.full(n_keys, -1, dtype=lines.customer.dtype)
        owner[lines.order] = lines.customer
        if bool((owner[lines.order] == lines.customer).all()):
            there = owner >= 0
            last = greatest(lines.order, n_keys, lines.at, np.iinfo(np.int64).min)
            self._owner, self._last = owner[there], last[there]

    def count_since(self, moment: int) -> NDArray[np.int64]:
        """Count each customer's distinct orders with a line at or after epoch microseconds."""
        lines = self._lines
        if self._owner is not None:
            return np.bincount(self._owner[self._last >= moment], minlength=lines.n_customers)
        recent = lines.at >= moment
        return count_distinct_pairs(lines.customer[recent], lines.n_customers, lines.order[recent])
