"""The kernels: exact per-customer figures from order lines, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.units import MICROS_PER_DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Lines", "count_distinct_pairs", "exact_sums", "greatest", "least"]

_EXACT = float(2**53)


class Lines:
    """Order lines, or entries that sum several of them, as parallel arrays.

    Parameters
    ----------
    customer : ndarray of int32
        Positions in a sorted list of customers.
    n_customers : int
    order : ndarray of int32
        Codes of the orders, from 0.
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
        order: NDArray[np.int32],
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
    """
    if len(values) == 0:
        return np.zeros(n, dtype=np.int64)
    bound = float(max(abs(int(values.max())), abs(int(values.min())))) * len(values)
    if bound < _EXACT or float(np.abs(values).sum(dtype=np.float64)) < _EXACT / 2:
        return np.bincount(codes, weights=values, minlength=n).astype(np.int64)
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
