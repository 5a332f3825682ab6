"""Rows of a sparse matrix times a sparse matrix, compiled: the best of each row, never the product.

A row is summed up in one dense array; the columns it touches are noted without a branch. Where a
row touches most columns anyway, they are not noted but looked through.
"""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled
from userportrait.recommend._top_numba import finish, offer

__all__ = ["add", "add_noting", "count_products", "main_columns", "top_of_rows", "transpose"]


@compiled
def transpose(indptr: Array, indices: Array, out_ptr: Array, out: Array, places: Array) -> None:
    """Fill the transposed pattern, and where each of its entries stands in the given one."""
    n_columns = len(out_ptr) - 1
    for place in range(len(indices)):
        out_ptr[indices[place] + 1] += 1
    for column in range(n_columns):
        out_ptr[column + 1] += out_ptr[column]
    free = out_ptr[:-1].copy()
    for row in range(len(indptr) - 1):
        for place in range(indptr[row], indptr[row + 1]):
            column = indices[place]
            out[free[column]] = row
            places[free[column]] = place
            free[column] += 1


@compiled
def count_products(left_ptr: Array, left: Array, right_ptr: Array, row: Number) -> Number:
    """Return how many products a row takes."""
    total = 0
    for place in range(left_ptr[row], left_ptr[row + 1]):
        total += right_ptr[left[place] + 1] - right_ptr[left[place]]
    return total


@compiled
def add_noting(
    left_ptr: Array,
    left: Array,
    left_values: Array,
    right_ptr: Array,
    right: Array,
    right_values: Array,
    row: Number,
    sums: Array,
    touched: Array,
) -> Number:
    """Add a row of products to the sums; return how many columns it touches."""
    unit = len(right_values) == 0
    n_touched = 0
    for place in range(left_ptr[row], left_ptr[row + 1]):
        weight = left_values[place]
        if weight == 0.0:
            continue
        for other in range(right_ptr[left[place]], right_ptr[left[place] + 1]):
            column = right[other]
            before = sums[column]
            touched[n_touched] = column
            n_touched += before == 0.0
            if unit:
                sums[column] = before + weight
            else:
                sums[column] = before + weight * right_values[other]
    return n_touched


@compiled
def add(
    left_ptr: Array,
    left: Array,
    left_values: Array,
    right_ptr: Array,
    right: Array,
    right_values: Array,
    row: Number,
    sums: Array,
) -> None:
    """Add a row of products to the sums."""
    unit = len(right_values) == 0
    for place in range(left_ptr[row], left_ptr[row + 1]):
        weight = left_values[place]
        if unit:
            for other in range(right_ptr[left[place]], right_ptr[left[place] + 1]):
                sums[right[other]] += weight
        else:
            for other in range(right_ptr[left[place]], right_ptr[left[place] + 1]):
                sums[right[other]] += weight * right_values[other]


@compiled
def top_of_rows(
    left_ptr: Array,
    left: Array,
    left_values: Array,
    right_ptr: Array,
    right: Array,
    right_values: Array,
    n_columns: Number,
    k: Number,
    allowed: Array,
    blocked_ptr: Array,
    blocked: Array,
    items: Array,
    values: Array,
    start: Number,
    stop: Number,
) -> None:
    """Fill rows of `items` and `values` with the k largest positive entries of the product.

    Masks are as in `top_rows`.
    """
    any_mask, own_mask = len(allowed) > 0, len(allowed) > 1
    any_blocked = len(blocked_ptr) > 1
    sums = np.zeros(n_columns)
    touched = np.empty(n_columns + 1, dtype=np.int32)
    for row in range(start, stop):
        found, best = items[row], values[row]
        mask_row = row if own_mask else 0
        size, limit = 0, 0.0
        if count_products(left_ptr, left, right_ptr, row) > n_columns:
            add(left_ptr, left, left_values, right_ptr, right, right_values, row, sums)
            if any_blocked:
                for place in range(blocked_ptr[row], blocked_ptr[row + 1]):
                    sums[blocked[place]] = 0.0
            for column in range(n_columns):
                score = sums[column]
                if score > limit and (not any_mask or allowed[mask_row, column]):
                    size = offer(found, best, size, k, column, score)
                    limit = best[0] if size == k else 0.0
            sums[:] = 0.0
        else:
            n_touched = add_noting(
                left_ptr, left, left_values, right_ptr, right, right_values, row, sums, touched
            )
            if any_blocked:
                for place in range(blocked_ptr[row], blocked_ptr[row + 1]):
                    sums[blocked[place]] = 0.0
            for place in range(n_touched):
                column = touched[place]
                score = sums[column]
                sums[column] = 0.0
                if score < limit or score <= 0.0:
                    continue
                if any_mask and not allowed[mask_row, column]:
                    continue
                size = offer(found, best, size, k, column, score)
                limit = best[0] if size == k else 0.0
        finish(found, best, size, k)


@compiled
def main_columns(
    history_ptr: Array,
    history: Array,
    weights: Array,
    right_ptr: Array,
    right: Array,
    right_values: Array,
    pair_ptr: Array,
    pair_items: Array,
    n_columns: Number,
    found: Array,
    start: Number,
    stop: Number,
) -> None:
    """Find the item of the history that adds most to each wanted column of a row, -1 for none."""
    slots = np.full(n_columns, -1, dtype=np.int64)
    best = np.zeros(len(pair_items))
    for row in range(start, stop):
        if pair_ptr[row] == pair_ptr[row + 1]:
            continue
        for place in range(pair_ptr[row], pair_ptr[row + 1]):
            slots[pair_items[place]] = place
        for place in range(history_ptr[row], history_ptr[row + 1]):
            item = history[place]
            for other in range(right_ptr[item], right_ptr[item + 1]):
                slot = slots[right[other]]
                if slot >= 0:
                    value = weights[place] * right_values[other]
                    if value > best[slot]:
                        best[slot] = value
                        found[slot] = item
        for place in range(pair_ptr[row], pair_ptr[row + 1]):
            slots[pair_items[place]] = -1
