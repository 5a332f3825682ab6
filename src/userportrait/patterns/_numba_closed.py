"""The depth-first search for closed itemsets, and for the maximal ones among them.

A set is extended by all items that its baskets share. It is written only where no item before
its last one could have been added as well (the prefix-preserving extension of Uno et al., 2004),
so that nothing needs to be remembered, and threads find the same sets as one would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled, trailing_zeros
from userportrait.patterns._numba_left import (
    any_around,
    any_common,
    any_in_all,
    any_in_enough,
    count_left,
    fill_left,
    is_inside,
    list_positions,
)
from userportrait.patterns._numba_project import (
    deliver,
    fill_bitmaps,
    known_partners,
    plan_columns,
    thin_out,
)
from userportrait.patterns._numba_search import (
    ARENA_FULL,
    AT,
    BASE,
    BITS,
    CLASS,
    COUNTS,
    DEPTH,
    DONE,
    END,
    IDS,
    KNOWN_FROM,
    KNOWN_UNTIL,
    LOWEST,
    N_IDS,
    NEED_NUMBERS,
    NEED_OUT,
    NEED_SETS,
    NEED_WORDS,
    NEXT,
    NUMBERS_END,
    OUT_FULL,
    PAIRS,
    PARENT,
    PAUSED,
    RANK,
    SET_WIDTH,
    SETS_END,
    SLOTS,
    WEIGHTED,
    WIDTH,
    WORDS_END,
    WORK,
    N,
)
from userportrait.patterns._numba_words import (
    count_common,
    count_common_weighted,
    keep_common,
)

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["search_closed"]


SIZE = 14  # items of the set above a level
N_LEFT, SCANNED, NEED_LEFT = 18, 19, 20  # of `now`, beside those of the other search


@compiled
def search_closed(
    rows: Array,
    places: Array,
    heavy: Array,
    column: Array,
    support: Array,
    code: Array,
    min_count: Number,
    longest: Number,
    maximal: bool,
    pairs: Array,
    segments: Array,
    counts: Array,
    found: Array,
    new_id: Array,
    copied: Array,
    weights: Array,
    origin: Array,
    row_of: Array,
    positions: Array,
    left_weights: Array,
    left: Array,
    free: Array,
    scratch: Array,
    shift: Array,
    now: Array,
    levels: Array,
    sets: Array,
    numbers: Array,
    words: Array,
    parents: Array,
    items: Array,
    results: Array,
    listed: Array,
) -> Number:
    """Go on until first item `now[LOWEST]` is done, an array is full or the time is up."""
    while True:
        depth = now[DEPTH]
        if depth < 0:
            if now[RANK] < now[LOWEST]:
                return DONE
            if now[WORK] <= 0:
                return PAUSED
            status = _open_item(
                rows, places, heavy, column, support, code, min_count, longest, maximal, pairs,
                segments, counts, found, new_id, copied, weights, origin, row_of, scratch, shift,
                now, levels, sets, numbers, words, parents, items, results, listed, free,
            )  # fmt: skip
            if status != DONE:
                return status
            if now[DEPTH] < 0:
                segments[now[RANK], 1] = now[BASE] + now[AT]
                now[RANK] -= 1
        elif levels[depth, NEXT] < 0:
            now[DEPTH] = depth - 1
            if depth == 0:
                segments[now[RANK], 1] = now[BASE] + now[AT]
                now[RANK] -= 1
        else:
            if now[WORK] <= 0:
                return PAUSED
            status = _extend(
                rows, code, min_count, longest, maximal, counts, origin, row_of,
                positions, left_weights, left, new_id, found, free, scratch, shift, now, levels,
                sets, numbers, words, parents, items, results, listed,
            )  # fmt: skip
            if status != DONE:
                return status


@compiled
def _open_item(
    rows: Array,
    places: Array,
    heavy: Array,
    column: Array,
    support: Array,
    code: Array,
    min_count: Number,
    longest: Number,
    maximal: bool,
    pairs: Array,
    segments: Array,
    counts: Array,
    found: Array,
    new_id: Array,
    copied: Array,
    weights: Array,
    origin: Array,
    row_of: Array,
    scratch: Array,
    shift: Array,
    now: Array,
    levels: Array,
    sets: Array,
    numbers: Array,
    words: Array,
    parents: Array,
    items: Array,
    results: Array,
    listed: Array,
    free: Array,
) -> Number:
    """Read the baskets of one first item, write its closure, and set up its first class."""
    rank = now[RANK]
    first, last = column[rank], column[rank + 1]
    total = support[rank]
    segments[rank, 0] = now[BASE] + now[AT]
    n_found, n_copied, n_rows = deliver(
        rows, places, heavy, first, last, END, min_count, 1, counts, found, copied, weights, origin
    )
    now[WORK] -= last - first + n_copied
    n_free = 0
    n_ids = 0
    if now[AT] + n_found + 1 > len(parents):
        now[NEED_OUT] = n_found + 1
        counts[rank:] = 0
        return OUT_FULL
    if 4 * n_found > len(numbers):
        now[NEED_NUMBERS] = 4 * n_found
        counts[rank:] = 0
        return ARENA_FULL
    for which in range(n_found):
        item = found[which]
        if pairs.shape[1] > 0:
            pairs[rank, item >> 6] |= np.uint64(1) << np.uint64(item & 63)
        if counts[item] == total:
            free[n_free] = code[item]
            n_free += 1
        else:
            found[n_ids] = item
            numbers[2 * n_found + n_ids] = counts[item]
            n_ids += 1
    counts[rank:] = 0
    size = 1 + n_free
    if size > longest or any_in_all(rows, places[first:last], last - first, END, scratch):
        return DONE

    set_width = (n_ids + 63) >> 6
    n_words = 0
    if n_ids > 0 and size < longest:
        if (n_ids + 1) * set_width > len(sets):
            now[NEED_SETS] = (n_ids + 1) * set_width
            return ARENA_FULL
        for which in range(n_ids):
            new_id[found[which]] = which
            numbers[which] = found[which]
            numbers[n_ids + which] = which
        n_copied, n_rows, _ = thin_out(copied, n_copied, END, new_id, END, 1, weights, origin)
        for which in range(n_ids):
            new_id[found[which]] = -1
        planes = scratch[:64]
        n_words = plan_columns(weights, n_rows, planes)
        if n_ids * n_words > len(words):
            now[NEED_WORDS] = n_ids * n_words
            return ARENA_FULL
        known_partners(pairs, found, n_ids, now[KNOWN_UNTIL], now[KNOWN_FROM], sets, set_width)
        words[: n_ids * n_words] = 0
        fill_bitmaps(
            copied, n_copied, END, weights, planes, numbers[n_ids : 2 * n_ids], words, n_words,
            shift, row_of,
        )  # fmt: skip
        now[WORK] -= n_copied + n_ids * n_words
    is_listed = True
    if maximal:
        is_listed = n_ids == 0 and not any_in_enough(
            rows, places[first:last], heavy[first:last], last - first, END, min_count, counts
        )
        now[WORK] -= last - first
    node = _write_chain(
        code[rank], total, -1, free, 0, n_free, is_listed, now, parents, items, results, listed
    )
    if n_ids > 0 and size < longest:
        now[N_IDS] = n_ids
        now[SET_WIDTH] = set_width
        now[WIDTH] = n_words
        now[DEPTH] = 0
        now[N_LEFT] = -1
        now[SCANNED] = 0
        top = levels[0]
        top[PAIRS] = 0
        top[CLASS] = n_ids * set_width
        top[SETS_END] = (n_ids + 1) * set_width
        top[N] = n_ids
        top[NEXT] = n_ids - 1
        top[IDS] = 0
        top[SLOTS] = n_ids
        top[COUNTS] = 2 * n_found
        top[NUMBERS_END] = 2 * n_found + n_ids
        top[BITS] = 0
        top[WORDS_END] = n_ids * n_words
        top[PARENT] = node
        top[SIZE] = size
        for word in range(set_width):
            sets[top[CLASS] + word] = ~np.uint64(0)
    return DONE


@compiled
def _write_chain(
    item: Number,
    count: Number,
    parent: Number,
    free: Array,
    first: Number,
    last: Number,
    is_listed: bool,
    now: Array,
    parents: Array,
    items: Array,
    results: Array,
    listed: Array,
) -> Number:
    """Write an item and those that follow from it; only the last node may be a result."""
    at, base = now[AT], now[BASE]
    for which in range(first, last + 1):
        parents[at] = parent
        items[at] = item
        results[at] = count
        listed[at] = is_listed and which == last
        parent = base + at
        if which < last:
            item = free[which]
        at += 1
    now[AT] = at
    return parent


@compiled
def _extend(
    rows: Array,
    code: Array,
    min_count: Number,
    longest: Number,
    maximal: bool,
    counts: Array,
    origin: Array,
    row_of: Array,
    positions: Array,
    left_weights: Array,
    left: Array,
    new_id: Array,
    found: Array,
    free: Array,
    scratch: Array,
    shift: Array,
    now: Array,
    levels: Array,
    sets: Array,
    numbers: Array,
    words: Array,
    parents: Array,
    items: Array,
    results: Array,
    listed: Array,
) -> Number:
    """Extend the set above by one item: drop it, or write its closure and open its class."""
    depth = now[DEPTH]
    level = levels[depth]
    n_ids, width, set_width = now[N_IDS], now[WIDTH], now[SET_WIDTH]
    slot = level[NEXT]
    me = numbers[level[IDS] + slot]
    if depth == 0:
        me = slot
    mine = numbers[level[COUNTS] + slot]
    here = level[BITS] + slot * width
    pairs = level[PAIRS] + slot * set_width
    child = level[SETS_END]
    kept = level[NUMBERS_END]
    if child + set_width > len(sets):
        now[NEED_SETS] = child + set_width
        return ARENA_FULL
    if kept + n_ids > len(numbers):
        now[NEED_NUMBERS] = kept + n_ids
        return ARENA_FULL
    known = pairs
    if depth > 0:
        above = levels[depth - 1]
        known = above[PAIRS] + numbers[above[SLOTS] + me] * set_width

    n_child = 0
    n_free = 0
    for word in range(set_width):
        bits = sets[level[CLASS] + word] & sets[known + word]
        frequent = np.uint64(0)
        inside = np.uint64(0)
        while bits != 0:
            bit = bits & (~bits + np.uint64(1))
            bits ^= bit
            other = (word << 6) + trailing_zeros(bit)
            there = level[BITS] + numbers[level[SLOTS] + other] * width
            if now[WEIGHTED]:
                count = count_common_weighted(words, here, there, width, shift)
            else:
                count = count_common(words, here, there, width)
            now[WORK] -= width + 4
            if count < min_count:
                continue
            frequent |= bit
            if count == mine:
                free[n_free] = code[numbers[other]]
                n_free += 1
            else:
                inside |= bit
                numbers[kept + n_child] = count
                n_child += 1
        sets[pairs + word] = frequent
        sets[child + word] = inside

    size = level[SIZE] + 1 + n_free
    if size > longest or _belongs_left(words, here, width, depth, levels, now):
        level[NEXT] = slot - 1
        return DONE
    if now[N_LEFT] < 0 and now[SCANNED] > 4 * width * 64:
        status = _look_left(
            rows, min_count, counts, origin, row_of, left, new_id, found, shift, now, levels, words
        )
        if status != DONE:
            return status
    n_positions = 0
    if now[N_LEFT] >= 0:
        now[WORK] -= now[N_LEFT]
        passed_over = any_around(words, here, left, now[N_LEFT], width)
    else:
        n_positions = list_positions(words, here, width, row_of, origin, positions)
        now[WORK] -= n_positions
        now[SCANNED] += n_positions
        passed_over = any_in_all(rows, positions, n_positions, END, scratch)
    if passed_over:
        level[NEXT] = slot - 1
        return DONE
    opens = n_child > 0 and size < longest
    if now[AT] + n_free + 1 > len(parents):
        now[NEED_OUT] = n_free + 1
        return OUT_FULL
    if opens:
        if child + (n_child + 1) * set_width > len(sets):
            now[NEED_SETS] = child + (n_child + 1) * set_width
            return ARENA_FULL
        if kept + 2 * n_child + n_ids > len(numbers):
            now[NEED_NUMBERS] = kept + 2 * n_child + n_ids
            return ARENA_FULL
        if level[WORDS_END] + n_child * width > len(words):
            now[NEED_WORDS] = level[WORDS_END] + n_child * width
            return ARENA_FULL
    is_listed = True
    if maximal:
        is_listed = n_child == 0 and not _is_frequent_left(
            rows, min_count, counts, positions, left_weights, left, n_positions, here, shift, now,
            levels, words,
        )  # fmt: skip
    level[NEXT] = slot - 1
    node = _write_chain(
        code[numbers[me]], mine, level[PARENT], free, 0, n_free, is_listed, now, parents, items,
        results, listed,
    )  # fmt: skip
    if not opens:
        return DONE
    lower = levels[depth + 1]
    new = 0
    for word in range(set_width):
        bits = sets[child + word]
        while bits != 0:
            bit = bits & (~bits + np.uint64(1))
            bits ^= bit
            other = (word << 6) + trailing_zeros(bit)
            there = level[BITS] + numbers[level[SLOTS] + other] * width
            keep_common(words, here, there, level[WORDS_END] + new * width, width)
            numbers[kept + n_child + new] = other
            numbers[kept + 2 * n_child + other] = new
            new += 1
    lower[CLASS] = child
    lower[PAIRS] = child + set_width
    lower[SETS_END] = child + (n_child + 1) * set_width
    lower[N] = n_child
    lower[NEXT] = n_child - 1
    lower[COUNTS] = kept
    lower[IDS] = kept + n_child
    lower[SLOTS] = kept + 2 * n_child
    lower[NUMBERS_END] = kept + 2 * n_child + n_ids
    lower[BITS] = level[WORDS_END]
    lower[WORDS_END] = level[WORDS_END] + n_child * width
    lower[PARENT] = node
    lower[SIZE] = size
    now[DEPTH] = depth + 1
    return DONE


@compiled
def _belongs_left(
    words: Array, here: Number, width: Number, depth: Number, levels: Array, now: Array
) -> bool:
    """Whether an item that a class passed over is in all baskets of the bitmap `here`."""
    for height in range(depth, -1, -1):
        passed = levels[height, NEXT] + (1 if height < depth else 0)
        now[WORK] -= passed
        for slot in range(passed):
            if is_inside(words, here, levels[height, BITS] + slot * width, width):
                return True
    return False


@compiled
def _is_frequent_left(
    rows: Array,
    min_count: Number,
    counts: Array,
    positions: Array,
    left_weights: Array,
    left: Array,
    n_positions: Number,
    here: Number,
    shift: Array,
    now: Array,
    levels: Array,
    words: Array,
) -> bool:
    """Whether an item before could be added and leave the set frequent."""
    width, depth = now[WIDTH], now[DEPTH]
    for height in range(depth, -1, -1):
        passed = levels[height, NEXT] + (1 if height < depth else 0)
        now[WORK] -= passed * width
        for slot in range(passed):
            there = levels[height, BITS] + slot * width
            if now[WEIGHTED]:
                count = count_common_weighted(words, here, there, width, shift)
            else:
                count = count_common(words, here, there, width)
            if count >= min_count:
                return True
    if now[N_LEFT] >= 0:
        now[WORK] -= now[N_LEFT] * width
        return any_common(words, here, left, now[N_LEFT], width, shift, min_count)
    now[SCANNED] += n_positions
    now[WORK] -= n_positions
    if now[WEIGHTED]:
        which = 0
        for word in range(width):
            bits = words[here + word]
            while bits != 0:
                left_weights[which] = np.int64(1) << shift[word]
                bits &= bits - np.uint64(1)
                which += 1
        return any_in_enough(rows, positions, left_weights, n_positions, END, min_count, counts)
    return any_in_enough(rows, positions, left_weights[:0], n_positions, END, min_count, counts)


@compiled
def _look_left(
    rows: Array,
    min_count: Number,
    counts: Array,
    origin: Array,
    row_of: Array,
    left: Array,
    new_id: Array,
    found: Array,
    shift: Array,
    now: Array,
    levels: Array,
    words: Array,
) -> Number:
    """Make bitmaps of the items to the left; worth it once their baskets were read often."""
    n_slots, width = levels[0, N], now[WIDTH]
    n_left = count_left(
        rows, words, n_slots, width, row_of, origin, shift, END, min_count, counts, new_id, found
    )
    status = DONE
    if n_left * width > len(left):
        now[NEED_LEFT] = n_left * width
        status = ARENA_FULL
    else:
        left[: n_left * width] = 0
        fill_left(rows, words, n_slots, width, row_of, origin, END, new_id, left)
        now[N_LEFT] = n_left
        now[WORK] -= n_slots * width + (width << 8)
    for which in range(n_left):
        new_id[found[which]] = -1
    return status
