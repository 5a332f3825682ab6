"""Baskets of the log: which items, of whom, in which place from the last one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.errors import InvalidDataError
from userportrait.recommend._interactions import csr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import InteractionLog, Interactions, Matrix

__all__ = ["LogBaskets", "earlier_baskets", "log_baskets", "needed_log", "weighted_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class LogBaskets:
    """Baskets in time order, by customer.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_baskets + 1,)
    items : ndarray of int32
        Of each basket, each once, ascending.
    customer : ndarray of int32, shape (n_baskets,)
    age : ndarray of int64, shape (n_baskets,)
        0 for the last basket of a customer, 1 for the one before, and so on.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    customer: NDArray[np.int32]
    age: NDArray[np.int64]

    @property
    def row(self) -> NDArray[np.intp]:
        """The basket of each entry of `items`."""
        return np.repeat(np.arange(len(self.customer), dtype=np.intp), np.diff(self.indptr))


def needed_log(data: Interactions, owner: str) -> InteractionLog:
    """Return the log, or say that times are needed."""
    if data.log is None:
        message = (
            f"{owner}: it learns from the order of purchases and needs times. Give a frame with "
            f"occurred_at, or Orders."
        )
        raise InvalidDataError(message)
    return data.log


def log_baskets(log: InteractionLog, n_items: int) -> LogBaskets:
    """Cut a log into baskets."""
    keys = np.unique(log.order.astype(np.int64) * n_items + log.item)
    order = keys // n_items
    new = np.r_[True, order[1:] != order[:-1]]
    starts = np.flatnonzero(new)
    indptr = np.r_[starts, len(keys)].astype(np.int64)
    owner = np.zeros(int(log.order.max()) + 1, dtype=np.int32)
    owner[log.order] = log.customer
    customer = owner[order[starts]]
    last = np.r_[np.flatnonzero(customer[1:] != customer[:-1]), len(customer) - 1]
    end = last[np.searchsorted(last, np.arange(len(customer)))]
    age = end - np.arange(len(customer))
    return LogBaskets(indptr, (keys % n_items).astype(np.int32), customer, age)


def earlier_baskets(baskets: LogBaskets) -> LogBaskets:
    """Leave out the last basket of each customer."""
    keep = baskets.age > 0
    sizes = np.diff(baskets.indptr)
    indptr = np.zeros(int(keep.sum()) + 1, dtype=np.int64)
    np.cumsum(sizes[keep], out=indptr[1:])
    items = baskets.items[np.repeat(keep, sizes)]
    return LogBaskets(indptr, items, baskets.customer[keep], baskets.age[keep] - 1)


def weighted_rows(
    row: NDArray[np.intp],
    item: NDArray[np.int32],
    weight: NDArray[np.float64],
    shape: tuple[int, int],
) -> Matrix:
    """Sum weights by row and item; entries come in the order of rows, then items."""
    key = row.astype(np.int64) * shape[1] + item
    order = np.argsort(key, kind="stable")
    key, weight = key[order], weight[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, int)
    values = np.add.reduceat(weight, starts) if len(starts) else np.zeros(0)
    pair = key[starts]
    indptr = np.zeros(shape[0] + 1, dtype=np.int64)
    np.cumsum(np.bincount(pair // shape[1], minlength=shape[0]), out=indptr[1:])
    return csr(values, (pair % shape[1]).astype(np.int32), indptr, shape)
