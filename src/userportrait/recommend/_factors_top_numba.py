"""The best items of each row of factors, compiled: small products, each searched while it is hot.

Items come longest first, so that a row is done as soon as no shorter item can get into its list.
Products are of float32; what may be in a list is then scored in float64, in one fixed order.
"""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled
from userportrait.recommend._top_numba import finish, offer

__all__ = ["ordered_scores", "top_of_rows"]

_ROWS = 256
_ITEMS = 512
_STEP = 64


@compiled
def _ordered(one: Array, other: Array, start: Number) -> Number:
    """Add up a product in the order of the factors: the same bits for everybody."""
    total = start
    for d in range(len(one)):
        total += one[d] * other[d]
    return total


@compiled
def ordered_scores(rows: Array, turned: Array, out: Array, start: Number, stop: Number) -> None:
    """Add the product of rows and items to `out`; `turned` has one row per factor."""
    n_factors, n_items = turned.shape
    for row in range(start, stop):
        for low in range(0, n_items, _ITEMS):
            high = min(low + _ITEMS, n_items)
            for d in range(n_factors):
                value = rows[row, d]
                for item in range(low, high):
                    out[row, item] += value * turned[d, item]


@compiled
def _close(
    scores: Array, low: Number, ranks: Array, blocked: Array, first: Number, last: Number
) -> None:
    """Take blocked items out of the scores of some items."""
    width = len(scores)
    for entry in range(first, last):
        place = ranks[blocked[entry]] - low
        if 0 <= place < width:
            scores[place] = -np.inf


@compiled
def _search(
    scores: Array,
    low: Number,
    order: Array,
    mask: Array,
    items: Array,
    values: Array,
    size: Number,
) -> Number:
    """Offer the scores of some items to a row's heap; return how many it has now.

    `mask` says for each item whether it is allowed; it is empty if all are.
    """
    n_kept = len(items)
    width = len(scores)
    any_mask = len(mask) > 0
    for first in range(0, width, _STEP):
        last = min(first + _STEP, width)
        limit = np.float32(values[0]) if size == n_kept else np.float32(-np.inf)
        hits = 0
        for place in range(first, last):
            hits += scores[place] > limit
        if hits == 0:
            continue
        for place in range(first, last):
            score = scores[place]
            if not score > limit:
                continue
            item = order[low + place]
            if any_mask and not mask[item]:
                continue
            size = offer(items, values, size, n_kept, item, np.float64(score))
            if size == n_kept:
                limit = np.float32(values[0])
    return size


@compiled
def _exact_row(
    user: Array,
    length: Number,
    start: Number,
    vectors: Array,
    order: Array,
    lengths: Array,
    mask: Array,
    blocked: Array,
    items: Array,
    values: Array,
) -> None:
    """Score all items of one row in float64, longest first; `blocked` has its blocked items."""
    k, size = len(items), 0
    slack = 1e-9 * (abs(start) + length * lengths[0])
    closed = np.zeros(len(vectors), dtype=np.bool_)
    for place in range(len(blocked)):
        closed[blocked[place]] = True
    for place in range(len(order)):
        if size == k and start + length * lengths[place] + slack < values[0]:
            break
        item = order[place]
        if closed[item] or (len(mask) > 0 and not mask[item]):
            continue
        size = offer(items, values, size, k, item, _ordered(user, vectors[item], start))
    finish(items, values, size, k)


@compiled
def top_of_rows(
    users: Array,
    users32: Array,
    user_lengths: Array,
    starts: Array,
    vectors: Array,
    sorted32: Array,
    order: Array,
    ranks: Array,
    lengths: Array,
    allowed: Array,
    blocked_ptr: Array,
    blocked: Array,
    n_kept: Number,
    error: Number,
    items: Array,
    values: Array,
    start: Number,
    stop: Number,
) -> None:
    """Fill rows of `items` and `values`.

    `n_kept` candidates are kept for each row, more than its list is long; `error`, times the
    lengths of both sides, is how far a product of float32 may be off.
    """
    n_items, n_factors = sorted32.shape
    k = items.shape[1]
    n_block = min(_ROWS, stop - start)
    any_mask, own_mask = len(allowed) > 0, len(allowed) > 1
    any_blocked = len(blocked_ptr) > 1
    no_mask = np.ones(0, dtype=np.bool_)
    packed = np.empty((n_block, n_factors), dtype=np.float32)
    space = np.empty(n_block * min(_ITEMS, n_items), dtype=np.float32)
    active = np.empty(n_block, dtype=np.int64)
    sizes = np.empty(n_block, dtype=np.int64)
    kept_items = np.empty((n_block, n_kept), dtype=np.int32)
    kept_values = np.empty((n_block, n_kept), dtype=np.float64)
    for block in range(start, stop, n_block):
        n_rows = min(n_block, stop - block)
        sizes[:] = 0
        for place in range(n_rows):
            active[place] = place
        n_active = n_rows
        for low in range(0, n_items, _ITEMS):
            width = min(_ITEMS, n_items - low)
            still = 0
            for place in range(n_active):
                here = active[place]
                reach = user_lengths[block + here] * lengths[low] * (1.0 + 1e-5)
                if sizes[here] == n_kept and reach < kept_values[here, 0]:
                    continue
                active[still] = here
                for d in range(n_factors):
                    packed[still, d] = users32[block + here, d]
                still += 1
            n_active = still
            if n_active == 0:
                break
            tile = space[: n_active * width].reshape(n_active, width)
            np.dot(packed[:n_active], sorted32[low : low + width].T, tile)
            for place in range(n_active):
                here = active[place]
                row = block + here
                if any_blocked:
                    ends = blocked_ptr[row], blocked_ptr[row + 1]
                    _close(tile[place], low, ranks, blocked, ends[0], ends[1])
                mask = allowed[row if own_mask else 0] if any_mask else no_mask
                found, best = kept_items[here], kept_values[here]
                sizes[here] = _search(tile[place], low, order, mask, found, best, sizes[here])
        for here in range(n_rows):
            row = block + here
            user, found, best = users[row], items[row], values[row]
            size = 0
            for place in range(sizes[here]):
                item = kept_items[here, place]
                score = _ordered(user, vectors[item], starts[row])
                size = offer(found, best, size, k, item, score)
            if sizes[here] == n_kept:
                margin = error * user_lengths[row] * lengths[0] + 1e-12 * abs(starts[row])
                if not best[0] > starts[row] + kept_values[here, 0] + margin:
                    mask = allowed[row if own_mask else 0] if any_mask else no_mask
                    ends = (blocked_ptr[row], blocked_ptr[row + 1]) if any_blocked else (0, 0)
                    _exact_row(
                        user,
                        user_lengths[row],
                        starts[row],
                        vectors,
                        order,
                        lengths,
                        mask,
                        blocked[ends[0] : ends[1]],
                        found,
                        best,
                    )
                    continue
            finish(found, best, size, k)
