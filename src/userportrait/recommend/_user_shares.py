"""Which of a customer's own items stand behind what the nearest customers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from userportrait.recommend._engines import (
    Engine,
    part_bounds,
    plain_array,
    run_in_parts,
    thread_count,
    uses_numba,
)
from userportrait.recommend._interactions import row_sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["Neighbourhood", "main_shared_items", "shared_items"]


class Neighbourhood(NamedTuple):
    """Rows that are asked for, and their nearest customers.

    Parameters
    ----------
    own : csr_array, shape (n_rows, n_items)
        Values by which a row is compared.
    near : csr_array, shape (n_rows, n_customers)
        Similarities.
    values, taken : csr_array, shape (n_customers, n_items)
        Values by which customers are compared, and what is summed up; of one pattern.
    """

    own: Matrix
    near: Matrix
    values: Matrix
    taken: Matrix


def _part(matrix: Matrix, row: int) -> tuple[NDArray[Any], NDArray[Any]]:
    start, stop = matrix.indptr[row], matrix.indptr[row + 1]
    return matrix.indices[start:stop], matrix.data[start:stop]


def shared_items(around: Neighbourhood, row: int, wanted: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return what each past item of one row adds to each wanted item.

    A neighbour's part is shared out among the past items as they make up the similarity.

    Parameters
    ----------
    around : Neighbourhood
    row : int
    wanted : ndarray of int
        All different.

    Returns
    -------
    ndarray of float64, shape (n_wanted, n_past)
    """
    past, own = _part(around.own, row)
    customers, similarity = _part(around.near, row)
    n_items = around.own.shape[1]
    starts = around.values.indptr[customers].astype(np.intp)
    sizes = around.values.indptr[customers + 1] - starts
    entry = np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
    near = np.repeat(np.arange(len(customers)), sizes)
    items = around.values.indices[entry]
    slots = np.full(n_items, -1, dtype=np.intp)
    products = np.zeros((len(customers), len(past)))
    slots[past] = np.arange(len(past))
    hit = np.flatnonzero(slots[items] >= 0)
    place = slots[items[hit]]
    products[near[hit], place] = own[place] * around.values.data[entry[hit]]
    slots[past] = -1
    slots[wanted] = np.arange(len(wanted))
    hit = np.flatnonzero(slots[items] >= 0)
    amounts = np.zeros((len(customers), len(wanted)))
    amounts[near[hit], slots[items[hit]]] = around.taken.data[entry[hit]]
    return _summed(amounts, similarity.astype(np.float64), products)


def _summed(
    amounts: NDArray[np.float64], similarity: NDArray[np.float64], products: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Add up the neighbours in their order, without BLAS, so that compiled code rounds alike."""
    total = np.zeros(len(products))
    for column in products.T:
        total += column
    rate = np.divide(similarity, total, out=np.zeros(len(total)), where=total > 0)
    shares = products * rate[:, None]
    found = np.zeros((amounts.shape[1], products.shape[1]))
    for amount, share in zip(amounts, shares, strict=True):
        inside = np.flatnonzero(amount)
        found[inside] += amount[inside, None] * share
    return found


def main_shared_items(
    around: Neighbourhood,
    row: NDArray[Any],
    item: NDArray[Any],
    *,
    engine: Engine = "auto",
    n_jobs: int | None = None,
) -> NDArray[np.intp]:
    """Return the past item that adds most to each pair of a row and an item, -1 for none.

    Of items that add the same, the first counts.
    """
    n_rows, n_items = around.own.shape
    keys, back = np.unique(row.astype(np.int64) * n_items + item, return_inverse=True)
    pair_row, pair_item = keys // max(n_items, 1), keys % max(n_items, 1)
    ends = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(pair_row, minlength=n_rows), out=ends[1:])
    found = np.full(len(keys), -1, dtype=np.int64)
    if uses_numba(engine, "main_shared_items"):
        _compiled(around, ends, pair_item, found, n_jobs)
        return found[back].astype(np.intp)
    for one in np.flatnonzero(np.diff(ends)).tolist():
        pairs = slice(ends[one], ends[one + 1])
        adds = shared_items(around, one, pair_item[pairs])
        if adds.shape[1]:
            past, _ = _part(around.own, one)
            best = adds.argmax(axis=1)
            found[pairs] = np.where(adds.max(axis=1) > 0, past[best], -1)
    return found[back].astype(np.intp)


def _compiled(
    around: Neighbourhood,
    ends: NDArray[np.int64],
    items: NDArray[np.int64],
    found: NDArray[np.int64],
    n_jobs: int | None,
) -> None:
    from userportrait.recommend._user_shares_numba import main_of_rows

    own, near = around.own, around.near
    arrays = (
        plain_array(own.indptr, np.int64),
        plain_array(own.indices, np.int32),
        plain_array(own.data, np.float64),
        plain_array(near.indptr, np.int64),
        plain_array(near.indices, np.int32),
        plain_array(near.data, np.float32),
        plain_array(around.values.indptr, np.int64),
        plain_array(around.values.indices, np.int32),
        plain_array(around.values.data, np.float64),
        plain_array(around.taken.data, np.float64),
    )
    n_items = own.shape[1]

    def work(start: int, stop: int) -> None:
        main_of_rows(*arrays, ends, items, n_items, found, start, stop)

    costs = row_sizes(near) * (row_sizes(own) + 1)
    n_threads = thread_count(n_jobs)
    run_in_parts(work, part_bounds(costs, n_threads), n_threads)
