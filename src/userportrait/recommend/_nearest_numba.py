"""The nearest columns of each row, by sums of products, compiled.

Similarities are positive float32, whose bits sort as they do. They are counted by their upper
bits, so that only those near the k-th best are compared one by one.
"""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled, trailing_zeros
from userportrait.recommend._sparse_numba import add, add_noting, count_products

__all__ = ["half_products", "mirror", "nearest", "nearest_in_square", "pack"]

_N_BUCKETS = 2048  # of the upper bits of a positive float32
_BUCKET_SHIFT = np.uint32(20)


@compiled
def _scaled(form: Number, total: Number, left: Number, right: Number, shrinkage: Number) -> Number:
    if form == 0:
        return total * (left * right)
    if form == 1:
        return total / (left * right + shrinkage)
    if form == 2:
        return total / (left + right - total + shrinkage)
    return total / (left + right + shrinkage)


@compiled
def _kth_largest(keys: Array, size: Number, k: Number) -> Number:
    """Return the k-th largest of some keys that all differ; they change places."""
    low, high, want = 0, size - 1, k - 1
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] > keys[low]:
            keys[middle], keys[low] = keys[low], keys[middle]
        if keys[high] > keys[low]:
            keys[high], keys[low] = keys[low], keys[high]
        if keys[high] > keys[middle]:
            keys[high], keys[middle] = keys[middle], keys[high]
        pivot = keys[middle]
        i, j = low, high
        while i <= j:
            while keys[i] > pivot:
                i += 1
            while keys[j] < pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if want <= j:
            high = j
        elif want >= i:
            low = i
        else:
            break
    return keys[want]


@compiled
def _key(bits: Number, column: Number) -> Number:
    """Return a number that is larger for a larger value, or an equal one further in front."""
    return (np.uint64(bits) << np.uint64(32)) | np.uint64(np.uint32(0x7FFFFFFF) - np.uint32(column))


@compiled
def _choose(
    bits: Array, columns: Array, size: Number, k: Number, buckets: Array, keys: Array, chosen: Array
) -> Number:
    """Write where the k best of some values above 0 stand; return how many there are.

    Values are given as the bits of float32, which sort as the values do. They are counted by
    their upper bits; only those in the bucket of the k-th best are compared one by one.
    """
    if size <= k:
        for place in range(size):
            chosen[place] = place
        return size
    buckets[:] = 0
    for place in range(size):
        buckets[bits[place] >> _BUCKET_SHIFT] += 1
    bucket, above = _N_BUCKETS - 1, 0
    while above + buckets[bucket] < k:
        above += buckets[bucket]
        bucket -= 1
    low = np.uint32(bucket) << _BUCKET_SHIFT
    n_near = 0
    for place in range(size):
        chosen[n_near] = place
        n_near += bits[place] >= low
    n_keys = 0
    for near in range(n_near):
        place = chosen[near]
        keys[n_keys] = _key(bits[place], columns[place])
        n_keys += (bits[place] >> _BUCKET_SHIFT) == bucket
    least = _kth_largest(keys, n_keys, k - above)
    n_chosen = 0
    for near in range(n_near):
        place = chosen[near]
        chosen[n_chosen] = place
        n_chosen += _key(bits[place], columns[place]) >= least
    return n_chosen


@compiled
def _emit_sorted(
    bits: Array,
    columns: Array,
    chosen: Array,
    n_chosen: Number,
    marks: Array,
    kept: Array,
    out: Array,
    out_bits: Array,
    at: Number,
) -> None:
    """Write the chosen entries in the order of their columns."""
    for near in range(n_chosen):
        place = chosen[near]
        column = columns[place]
        marks[column >> 6] |= np.uint64(1) << np.uint64(column & 63)
        kept[column] = bits[place]
    for word in range(len(marks)):
        rest = marks[word]
        if rest == np.uint64(0):
            continue
        marks[word] = np.uint64(0)
        while rest != np.uint64(0):
            column = (word << 6) + trailing_zeros(rest)
            rest &= rest - np.uint64(1)
            out[at] = column
            out_bits[at] = kept[column]
            at += 1


@compiled
def nearest(
    left_ptr: Array,
    left: Array,
    left_values: Array,
    right_ptr: Array,
    right: Array,
    right_values: Array,
    form: Number,
    left_scale: Array,
    right_scale: Array,
    shrinkage: Number,
    own: Array,
    k: Number,
    starts: Array,
    out: Array,
    out_values: Array,
    counts: Array,
    start: Number,
    stop: Number,
) -> None:
    """Write the k nearest columns of each row, sorted by column, and their similarity.

    `own` is the column of each row that must not come, or -1.
    """
    n_columns = len(right_scale)
    sums = np.zeros(n_columns)
    touched = np.empty(n_columns + 1, dtype=np.int32)
    values = np.empty(n_columns + 1, dtype=np.float32)
    bits, out_bits = values.view(np.uint32), out_values.view(np.uint32)
    buckets = np.empty(_N_BUCKETS, dtype=np.int32)
    keys = np.empty(n_columns + 1, dtype=np.uint64)
    chosen = np.empty(n_columns + 1, dtype=np.int32)
    marks = np.zeros((n_columns + 63) >> 6, dtype=np.uint64)
    kept = np.empty(n_columns, dtype=np.uint32)
    for row in range(start, stop):
        itself, scale = own[row], left_scale[row]
        size = 0
        if count_products(left_ptr, left, right_ptr, row) > n_columns:
            add(left_ptr, left, left_values, right_ptr, right, right_values, row, sums)
            for column in range(n_columns):
                total = sums[column]
                sums[column] = 0.0
                value = np.float32(_scaled(form, total, scale, right_scale[column], shrinkage))
                values[size], touched[size] = value, column
                size += (value > 0.0) & (column != itself)
        else:
            n_touched = add_noting(
                left_ptr, left, left_values, right_ptr, right, right_values, row, sums, touched
            )
            for place in range(n_touched):
                column = touched[place]
                total = sums[column]
                sums[column] = 0.0
                value = np.float32(_scaled(form, total, scale, right_scale[column], shrinkage))
                values[size], touched[size] = value, column
                size += (value > 0.0) & (column != itself)
        n_chosen = _choose(bits, touched, size, k, buckets, keys, chosen)
        counts[row] = n_chosen
        _emit_sorted(bits, touched, chosen, n_chosen, marks, kept, out, out_bits, starts[row])


@compiled
def half_products(
    left_ptr: Array,
    left: Array,
    left_values: Array,
    places: Array,
    right_ptr: Array,
    right: Array,
    right_values: Array,
    square: Array,
    start: Number,
    stop: Number,
) -> None:
    """Fill rows of a symmetric product from the diagonal on.

    `places` says where the entry of the right matrix stands that belongs to an entry of the left.
    """
    unit = len(right_values) == 0
    for row in range(start, stop):
        sums = square[row]
        for place in range(left_ptr[row], left_ptr[row + 1]):
            weight = left_values[place]
            if unit:
                for other in range(places[place], right_ptr[left[place] + 1]):
                    sums[right[other]] += weight
            else:
                for other in range(places[place], right_ptr[left[place] + 1]):
                    sums[right[other]] += weight * right_values[other]


@compiled
def mirror(square: Array, start: Number, stop: Number) -> None:
    """Fill rows of a symmetric matrix in front of the diagonal from what is behind it."""
    for first in range(0, stop, 32):
        for row in range(start, stop):
            for column in range(first, min(first + 32, row)):
                square[row, column] = square[column, row]


@compiled
def nearest_in_square(
    square: Array,
    form: Number,
    left_scale: Array,
    right_scale: Array,
    shrinkage: Number,
    k: Number,
    starts: Array,
    out: Array,
    out_values: Array,
    counts: Array,
    start: Number,
    stop: Number,
) -> None:
    """Do what `nearest` does, from sums of products that are there."""
    n_columns = len(right_scale)
    columns = np.empty(n_columns + 1, dtype=np.int32)
    values = np.empty(n_columns + 1, dtype=np.float32)
    bits, out_bits = values.view(np.uint32), out_values.view(np.uint32)
    buckets = np.empty(_N_BUCKETS, dtype=np.int32)
    keys = np.empty(n_columns + 1, dtype=np.uint64)
    chosen = np.empty(n_columns + 1, dtype=np.int32)
    for row in range(start, stop):
        sums, scale = square[row], left_scale[row]
        size: Number = 0
        for column in range(n_columns):
            value = np.float32(_scaled(form, sums[column], scale, right_scale[column], shrinkage))
            values[size], columns[size] = value, column
            size += (value > 0.0) & (column != row)
        counts[row] = _choose(bits, columns, size, k, buckets, keys, chosen)
        for near in range(counts[row]):  # they are sorted by column already
            out[starts[row] + near] = columns[chosen[near]]
            out_bits[starts[row] + near] = bits[chosen[near]]


@compiled
def pack(
    starts: Array,
    indptr: Array,
    given: Array,
    given_values: Array,
    out: Array,
    out_values: Array,
    start: Number,
    stop: Number,
) -> None:
    """Copy rows that stand apart next to each other."""
    for row in range(start, stop):
        shift = starts[row] - indptr[row]
        for place in range(indptr[row], indptr[row + 1]):
            out[place] = given[place + shift]
            out_values[place] = given_values[place + shift]
