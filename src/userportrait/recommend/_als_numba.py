"""Weighted least squares of many short rows, compiled.

In the axes of the common part of all rows, with each axis stretched to one, a row's equations are
the identity plus what its own entries add. So a row with few entries needs a system of that size
only, and conjugate gradients start almost at the end.
"""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled, compiled_freely

__all__ = ["exact_rows", "main_entries", "stepped_rows"]

_GAP = 256


@compiled
def _factorise(system: Array) -> None:
    """Replace the upper half of a matrix by its Cholesky factor, diagonal entries inverted."""
    size = len(system)
    for first in range(0, size, 8):
        last = min(first + 8, size)
        for row in range(first, last):
            inverse = 1.0 / np.sqrt(system[row, row])
            for column in range(row, size):
                system[row, column] *= inverse
            system[row, row] = inverse
            for below in range(row + 1, last):
                value = system[row, below]
                for column in range(below, size):
                    system[below, column] -= value * system[row, column]
        if last - first < 8:
            break
        for below in range(last, size):
            a, b = system[first, below], system[first + 1, below]
            c, d = system[first + 2, below], system[first + 3, below]
            e, f = system[first + 4, below], system[first + 5, below]
            g, h = system[first + 6, below], system[first + 7, below]
            for column in range(below, size):
                system[below, column] -= (
                    a * system[first, column]
                    + b * system[first + 1, column]
                    + c * system[first + 2, column]
                    + d * system[first + 3, column]
                    + e * system[first + 4, column]
                    + f * system[first + 5, column]
                    + g * system[first + 6, column]
                    + h * system[first + 7, column]
                )


@compiled
def _solve(system: Array, values: Array) -> None:
    """Solve a factorised system in place."""
    size = len(system)
    for row in range(size):
        value = values[row] * system[row, row]
        values[row] = value
        for column in range(row + 1, size):
            values[column] -= value * system[row, column]
    for row in range(size - 1, -1, -1):
        value = values[row]
        for column in range(row + 1, size):
            value -= system[row, column] * values[column]
        values[row] = value * system[row, row]


@compiled
def _gather(
    first: Number,
    indices: Array,
    weight: Array,
    target: Array,
    factors: Array,
    scale: Array,
    entries: Array,
    right: Array,
    system: Array,
) -> None:
    """Set up the equations of one row, of the smaller of both sizes, and factorise them."""
    n, n_factors = entries.shape
    for j in range(n):
        other = indices[first + j]
        root = np.sqrt(weight[first + j])
        for d in range(n_factors):
            entries[j, d] = factors[other, d] * scale[d] * root
        right[j] = target[first + j] / root
    if n <= n_factors:
        np.dot(entries, entries.T, system)
    else:
        np.dot(entries.T, entries, system)
    for place in range(len(system)):
        system[place, place] += 1.0
    _factorise(system)


@compiled
def exact_rows(
    indptr: Array,
    indices: Array,
    weight: Array,
    target: Array,
    factors: Array,
    base: Array,
    ridge: Array,
    turn: Array,
    out: Array,
    gain: Array,
    start: Number,
    stop: Number,
) -> None:
    """Solve rows exactly; see `Sides` in `_least_squares`."""
    n_factors = factors.shape[1]
    longest = 0
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    space = np.empty(longest * n_factors)
    square = np.empty(min(longest, n_factors) ** 2)
    right, scale = np.empty(longest), np.empty(n_factors)
    short, solved = np.empty(longest), np.empty(n_factors)
    for row in range(start, stop):
        n = indptr[row + 1] - indptr[row]
        for d in range(n_factors):
            out[row, d] = 0.0
            scale[d] = 1.0 / np.sqrt(base[d] + ridge[row])
            solved[d] = 0.0
        gain[row] = 0.0
        if n == 0:
            continue
        m = min(n, n_factors)
        entries, system = space[: n * n_factors].reshape(n, n_factors), square[: m * m]
        system = system.reshape(m, m)
        first = indptr[row]
        _gather(first, indices, weight, target, factors, scale, entries, right, system)
        total = 0.0
        if n <= n_factors:
            values = short[:n]
            for j in range(n):
                values[j] = right[j]
            _solve(system, values)
            for j in range(n):
                total += right[j] * (right[j] - values[j])
                for d in range(n_factors):
                    solved[d] += values[j] * entries[j, d]
        else:
            for j in range(n):
                for d in range(n_factors):
                    solved[d] += right[j] * entries[j, d]
            for d in range(n_factors):
                out[row, d] = solved[d]
            _solve(system, solved)
            for d in range(n_factors):
                total += out[row, d] * solved[d]
                out[row, d] = 0.0
        gain[row] = total
        if len(turn) == 0:
            for d in range(n_factors):
                out[row, d] = solved[d] * scale[d]
        else:
            for d in range(n_factors):
                value = solved[d] * scale[d]
                for column in range(n_factors):
                    out[row, column] += value * turn[d, column]


@compiled_freely
def stepped_rows(
    indptr: Array,
    indices: Array,
    weight: Array,
    factors: Array,
    base: Array,
    ridge: Array,
    old: Array,
    n_steps: Number,
    out: Array,
    loss: Array,
    start: Number,
    stop: Number,
) -> None:
    """Improve rows by conjugate gradients in float32, four entries at a time.

    Targets are 1 plus the weight. What is left of the equations is divided by the common part,
    which is the same as to stretch each axis. `loss` becomes the loss of each row, its penalty
    included.
    """
    n_factors = factors.shape[1]
    longest = 0
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    # Compiled loops take a slower way, with sums in another order, where two arrays are close to
    # each other in memory. So their distances are fixed.
    gap = n_factors + _GAP
    space = np.empty(6 * gap + (longest + 4) * n_factors, dtype=np.float32)
    common, inverse, point = space[:n_factors], space[gap:][:n_factors], space[2 * gap :]
    rest, step, image = space[3 * gap :], space[4 * gap :], space[5 * gap :]
    entries = space[6 * gap :].reshape(longest + 4, n_factors)
    heavy = np.empty(longest + 4, dtype=np.float32)
    aim = np.empty(longest + 4, dtype=np.float32)
    one, zero = np.float32(1.0), np.float32(0.0)
    for row in range(start, stop):
        first = indptr[row]
        n = indptr[row + 1] - first
        loss[row] = 0.0
        if n == 0:
            out[row] = zero
            continue
        for j in range(n):
            other = indices[first + j]
            heavy[j] = weight[first + j]
            aim[j] = one + heavy[j]
            for d in range(n_factors):
                entries[j, d] = factors[other, d]
        whole = (n + 3) // 4 * 4
        for j in range(n, whole):
            heavy[j] = zero
            aim[j] = zero
            for d in range(n_factors):
                entries[j, d] = zero
        for d in range(n_factors):
            common[d] = base[d] + ridge[row]
            inverse[d] = one / common[d]
            point[d] = old[row, d]
            rest[d] = -common[d] * point[d]
        total = 0.0
        for j in range(0, whole, 4):
            a, b, c, e = zero, zero, zero, zero
            for d in range(n_factors):
                value = point[d]
                a += entries[j, d] * value
                b += entries[j + 1, d] * value
                c += entries[j + 2, d] * value
                e += entries[j + 3, d] * value
            total += np.float64(
                aim[j] * (one - a)
                + aim[j + 1] * (one - b)
                + aim[j + 2] * (one - c)
                + aim[j + 3] * (one - e)
            )
            a, b = aim[j] - heavy[j] * a, aim[j + 1] - heavy[j + 1] * b
            c, e = aim[j + 2] - heavy[j + 2] * c, aim[j + 3] - heavy[j + 3] * e
            for d in range(n_factors):
                rest[d] += (
                    a * entries[j, d]
                    + b * entries[j + 1, d]
                    + c * entries[j + 2, d]
                    + e * entries[j + 3, d]
                )
        size, along = zero, zero
        for d in range(n_factors):
            step[d] = inverse[d] * rest[d]
            size += rest[d] * step[d]
            along += rest[d] * point[d]
        total -= np.float64(along)
        for _ in range(n_steps):
            if not size > np.float32(1e-20):
                break
            for d in range(n_factors):
                image[d] = common[d] * step[d]
            for j in range(0, whole, 4):
                a, b, c, e = zero, zero, zero, zero
                for d in range(n_factors):
                    value = step[d]
                    a += entries[j, d] * value
                    b += entries[j + 1, d] * value
                    c += entries[j + 2, d] * value
                    e += entries[j + 3, d] * value
                a, b, c, e = a * heavy[j], b * heavy[j + 1], c * heavy[j + 2], e * heavy[j + 3]
                for d in range(n_factors):
                    image[d] += (
                        a * entries[j, d]
                        + b * entries[j + 1, d]
                        + c * entries[j + 2, d]
                        + e * entries[j + 3, d]
                    )
            curve = zero
            for d in range(n_factors):
                curve += step[d] * image[d]
            length = size / curve
            total -= np.float64(length) * size
            after = zero
            for d in range(n_factors):
                point[d] += length * step[d]
                rest[d] -= length * image[d]
                after += inverse[d] * rest[d] * rest[d]
            keep = after / size
            for d in range(n_factors):
                step[d] = inverse[d] * rest[d] + keep * step[d]
            size = after
        loss[row] = total
        for d in range(n_factors):
            out[row, d] = point[d]


@compiled
def main_entries(
    indptr: Array,
    indices: Array,
    weight: Array,
    target: Array,
    factors: Array,
    base: Array,
    ridge: Array,
    pair_ptr: Array,
    pair_item: Array,
    found: Array,
    start: Number,
    stop: Number,
) -> None:
    """Find the entry of each row that adds most to each of its pairs, -1 if none adds anything.

    Pairs are sorted by row; `pair_ptr` says where those of each row start.
    """
    n_factors = factors.shape[1]
    longest = 0
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    space = np.empty(longest * n_factors)
    square = np.empty(min(longest, n_factors) ** 2)
    right, scale = np.empty(longest), np.empty(n_factors)
    short, aim = np.empty(longest), np.empty(n_factors)
    for row in range(start, stop):
        n = indptr[row + 1] - indptr[row]
        if n == 0 or pair_ptr[row] == pair_ptr[row + 1]:
            continue
        for d in range(n_factors):
            scale[d] = 1.0 / np.sqrt(base[d] + ridge[row])
        m = min(n, n_factors)
        entries, system = space[: n * n_factors].reshape(n, n_factors), square[: m * m]
        system = system.reshape(m, m)
        first = indptr[row]
        _gather(first, indices, weight, target, factors, scale, entries, right, system)
        values = short[:n]
        for pair in range(pair_ptr[row], pair_ptr[row + 1]):
            item = pair_item[pair]
            for d in range(n_factors):
                aim[d] = factors[item, d] * scale[d]
            if n > n_factors:
                _solve(system, aim)
            np.dot(entries, aim, values)
            if n <= n_factors:
                _solve(system, values)
            most = 0.0
            for j in range(n):
                value = values[j] * right[j]
                if value > most:
                    most = value
                    found[pair] = j
