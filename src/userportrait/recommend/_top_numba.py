"""The k best of each row of scores, compiled: one pass, a heap of k."""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled

__all__ = ["finish", "offer", "top_rows"]


@compiled
def _is_worse(score: Number, item: Number, other_score: Number, other_item: Number) -> bool:
    return bool(score < other_score or (score == other_score and item > other_item))


@compiled
def _sink(items: Array, scores: Array, place: Number, size: Number) -> None:
    """Move an entry down the heap, whose first entry is the worst."""
    item, score = items[place], scores[place]
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        right = below + 1
        if right < size and _is_worse(scores[right], items[right], scores[below], items[below]):
            below = right
        if not _is_worse(scores[below], items[below], score, item):
            break
        items[place], scores[place] = items[below], scores[below]
        place = below
    items[place], scores[place] = item, score


@compiled
def _rise(items: Array, scores: Array, place: Number) -> None:
    """Move the last entry up the heap."""
    item, score = items[place], scores[place]
    while place > 0:
        above = (place - 1) >> 1
        if not _is_worse(score, item, scores[above], items[above]):
            break
        items[place], scores[place] = items[above], scores[above]
        place = above
    items[place], scores[place] = item, score


@compiled
def offer(
    items: Array, scores: Array, size: Number, k: Number, item: Number, score: Number
) -> Number:
    """Put an entry into a heap of the k best; return how many it has now."""
    if size < k:
        items[size], scores[size] = item, score
        _rise(items, scores, size)
        return size + 1
    if _is_worse(scores[0], items[0], score, item):
        items[0], scores[0] = item, score
        _sink(items, scores, 0, size)
    return size


@compiled
def finish(items: Array, scores: Array, size: Number, k: Number) -> None:
    """Turn a heap into a list, best first; what is left becomes -1."""
    for last in range(size - 1, 0, -1):
        items[0], items[last] = items[last], items[0]
        scores[0], scores[last] = scores[last], scores[0]
        _sink(items, scores, 0, last)
    for place in range(size, k):
        items[place] = -1
        scores[place] = 0.0


@compiled
def top_rows(
    scores: Array,
    k: Number,
    floor: Number,
    allowed: Array,
    blocked_ptr: Array,
    blocked: Array,
    items: Array,
    values: Array,
    start: Number,
    stop: Number,
) -> None:
    """Fill rows of `items` and `values`.

    `allowed` has no row (everything is), one for all, or one for each row of scores; `blocked_ptr`
    has one entry if nothing is blocked. Scores must be above `floor`.
    """
    n_items = scores.shape[1]
    any_mask, own_mask = len(allowed) > 0, len(allowed) > 1
    any_blocked = len(blocked_ptr) > 1
    out = np.zeros(n_items if any_blocked else 0, dtype=np.bool_)
    for row in range(start, stop):
        if any_blocked:
            for place in range(blocked_ptr[row], blocked_ptr[row + 1]):
                out[blocked[place]] = True
        mask_row = row if own_mask else 0
        found, best = items[row], values[row]
        size, limit = 0, floor
        for item in range(n_items):
            score = scores[row, item]
            if not score > limit:
                continue
            if any_mask and not allowed[mask_row, item]:
                continue
            if any_blocked and out[item]:
                continue
            size = offer(found, best, size, k, item, score)
            if size == k:
                limit = best[0]
        finish(found, best, size, k)
        if any_blocked:
            for place in range(blocked_ptr[row], blocked_ptr[row + 1]):
                out[blocked[place]] = False
