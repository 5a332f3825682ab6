"""The depth-first search for all itemsets, and for what may be a generator.

The search stops and goes on wherever its arrays ask for it: all that it knows stands in them.
Items are ranked by support, ascending. First items are taken from the last to the first, and so
are the items of each class; so it is known, for most pairs, whether they are frequent within a
smaller prefix, and only those that are get counted again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled, count_ones, trailing_zeros
from userportrait.patterns._numba_emit import block_size, write_block
from userportrait.patterns._numba_project import (
    count_pairs,
    deliver,
    fill_bitmaps,
    forget,
    keep_frequent_pairs,
    known_partners,
    plan_columns,
    thin_out,
    with_partners,
)
from userportrait.patterns._numba_words import (
    count_common,
    count_common_weighted,
    keep_common,
)

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["search"]


END = 1 << 30

# Where the search stands: `now[...]`.
RANK, LOWEST, DEPTH, AT, BASE, WORK = 0, 1, 2, 3, 4, 5
N_IDS, SET_WIDTH, WIDTH, EXACT, WEIGHTED = 6, 7, 8, 9, 10
KNOWN_UNTIL, KNOWN_FROM = 11, 12
NEED_OUT, NEED_WORDS, NEED_SETS, NEED_NUMBERS, NEED_TABLE = 13, 14, 15, 16, 17

# One level of the search: `levels[depth, ...]`. Offsets into `sets`, `numbers` and `words`.
CLASS, N, NEXT, IDS, SLOTS, COUNTS, BITS, BIT_SLOTS, PAIRS, PARENT, N_FREE = range(11)
SETS_END, NUMBERS_END, WORDS_END = 11, 12, 13

DONE, OUT_FULL, ARENA_FULL, PAUSED = 0, 1, 2, 3


@compiled
def search(
    rows: Array,
    places: Array,
    heavy: Array,
    column: Array,
    support: Array,
    code: Array,
    min_count: Number,
    longest: Number,
    generators: bool,
    pairs: Array,
    segments: Array,
    counts: Array,
    found: Array,
    new_id: Array,
    copied: Array,
    weights: Array,
    origin: Array,
    row_of: Array,
    table: Array,
    free: Array,
    scratch: Array,
    local_counts: Array,
    shift: Array,
    now: Array,
    levels: Array,
    sets: Array,
    numbers: Array,
    words: Array,
    parents: Array,
    items: Array,
    results: Array,
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
                rows, places, heavy, column, support, code, min_count, longest, generators,
                pairs, segments, counts, found, new_id, copied, weights, origin, row_of, table,
                free, scratch, local_counts, shift, now, levels, sets, numbers, words, parents,
                items, results,
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
                code, min_count, longest, generators, table, free, shift, now, levels,
                sets, numbers, words, parents, items, results,
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
    generators: bool,
    pairs: Array,
    segments: Array,
    counts: Array,
    found: Array,
    new_id: Array,
    copied: Array,
    weights: Array,
    origin: Array,
    row_of: Array,
    table: Array,
    free: Array,
    scratch: Array,
    local_counts: Array,
    shift: Array,
    now: Array,
    levels: Array,
    sets: Array,
    numbers: Array,
    words: Array,
    parents: Array,
    items: Array,
    results: Array,
) -> Number:
    """Read the baskets of one first item, write it down, and set up its first class."""
    rank = now[RANK]
    first, last = column[rank], column[rank + 1]
    total = support[rank]
    n_found = n_copied = n_rows = 0
    if longest > 1:
        n_found, n_copied, n_rows = deliver(
            rows, places, heavy, first, last, END, min_count, 2, counts, found, copied, weights,
            origin,
        )  # fmt: skip
    # Companions in every basket of the item are set aside; `found` keeps the others.
    n_free = 0
    n_local = 0
    for which in range(n_found):
        item = found[which]
        count = counts[item]
        dropped = generators and (count == total or count == support[item])
        if pairs.shape[1] > 0 and not dropped:
            pairs[rank, item >> 6] |= np.uint64(1) << np.uint64(item & 63)
        if dropped:
            continue
        if count == total:
            free[n_free] = code[item]
            n_free += 1
        else:
            found[n_local] = item
            local_counts[n_local] = count
            n_local += 1
    if longest > 1:
        if (last - first) * 32 > len(counts) - rank:
            counts[rank:] = 0
        else:
            forget(rows, places, first, last, END, counts)
    now[WORK] -= last - first + n_copied + n_local

    # Which companions have partners among the companions?
    width = (n_local + 63) >> 6
    n_ids = 0
    if n_local > 1 and longest > 2:
        if n_local * width + width > len(sets):
            now[NEED_SETS] = n_local * width + width
            return ARENA_FULL
        known_partners(pairs, found, n_local, now[KNOWN_UNTIL], now[KNOWN_FROM], sets, width)
        marks = sets[n_local * width :]
        n_ids = with_partners(sets, n_local, width, 1, marks)
    needed = block_size(n_free, longest - 1)
    if n_local > 0:
        needed += (n_local - n_ids) * block_size(n_free, longest - 2)
    if now[AT] + needed > len(parents):
        now[NEED_OUT] = needed
        return OUT_FULL
    levels_needed = n_ids * 4
    if levels_needed > len(numbers):
        now[NEED_NUMBERS] = levels_needed
        return ARENA_FULL

    # From here on nothing but `table`, `words` may be too small; both are asked for first.
    set_width = (n_ids + 63) >> 6
    ids = numbers[:n_ids]
    if n_ids > 0:
        which = 0
        for local in range(n_local):
            word = sets[n_local * width + (local >> 6)]
            if (word >> np.uint64(local & 63)) & np.uint64(1):
                new_id[found[local]] = which
                ids[which] = found[local]
                numbers[2 * n_ids + which] = local_counts[local]
                which += 1
        if n_ids < n_local:
            known_partners(pairs, ids, n_ids, now[KNOWN_UNTIL], now[KNOWN_FROM], sets, set_width)
        n_copied, n_rows, n_pairs = thin_out(copied, n_copied, END, new_id, END, 2, weights, origin)
        n_wanted = _count_bits(sets, n_ids * set_width)
        now[WORK] -= n_copied
        exact = n_pairs + n_ids * n_ids // 8 < n_wanted * ((n_rows + 63) >> 6) + n_copied
        exact = exact and n_ids * n_ids <= 1 << 24
        n_slots = n_ids
        if exact:
            if n_ids * n_ids > len(table):
                _clear_ids(new_id, ids)
                now[NEED_TABLE] = n_ids * n_ids
                return ARENA_FULL
            count_pairs(copied, n_copied, END, weights, n_ids, table)
            keep_frequent_pairs(table, n_ids, min_count, sets, set_width)
            now[WORK] -= n_pairs + n_ids * n_ids
            marks = sets[n_ids * set_width :]
            n_slots = 0
            if longest > 3:
                n_slots = with_partners(sets, n_ids, set_width, 2, marks)
            if n_slots > 0:
                which = 0
                for local in range(n_ids):
                    inside = (marks[local >> 6] >> np.uint64(local & 63)) & np.uint64(1)
                    scratch[local] = local if inside else -1
                    numbers[3 * n_ids + local] = which if inside else -1
                    which += 1 if inside else 0
                n_copied, n_rows, n_pairs = thin_out(
                    copied, n_copied, END, scratch, END, 3, weights, origin
                )
        else:
            for local in range(n_ids):
                numbers[3 * n_ids + local] = local
        for local in range(n_ids):
            numbers[n_ids + local] = local
        n_words = 0
        if n_slots > 0:
            planes = scratch[:64]
            n_words = plan_columns(weights, n_rows, planes)
            if n_slots * n_words > len(words) or n_words > len(shift):
                _clear_ids(new_id, ids)
                now[NEED_WORDS] = n_slots * n_words
                return ARENA_FULL
            words[: n_slots * n_words] = 0
            fill_bitmaps(
                copied, n_copied, END, weights, planes, numbers[3 * n_ids : 4 * n_ids], words,
                n_words, shift, row_of,
            )  # fmt: skip
            now[WORK] -= n_copied + n_slots * n_words
        now[EXACT] = exact
        now[WIDTH] = n_words
        now[SET_WIDTH] = set_width
        now[N_IDS] = n_ids
        levels[0, WORDS_END] = n_slots * n_words

    _write_item(
        code, total, free, n_free, longest, found, new_id, local_counts, n_local, n_ids, segments,
        now, parents, items, results,
    )  # fmt: skip
    now[WORK] -= needed
    if n_ids > 0:
        _clear_ids(new_id, ids)
        _open_class(now, levels, sets, segments[rank, 0], n_free)
    return DONE


@compiled
def _write_item(
    code: Array,
    total: Number,
    free: Array,
    n_free: Number,
    longest: Number,
    found: Array,
    new_id: Array,
    local_counts: Array,
    n_local: Number,
    n_ids: Number,
    segments: Array,
    now: Array,
    parents: Array,
    items: Array,
    results: Array,
) -> None:
    """Write a first item, and after it its companions without partners."""
    at, base, rank = now[AT], now[BASE], now[RANK]
    node = base + at
    segments[rank, 0] = node
    at = write_block(
        parents, items, results, at, base, -1, code[rank], total, free, n_free, longest - 1
    )
    for local in range(n_local):
        if n_ids == 0 or new_id[found[local]] < 0:
            at = write_block(
                parents, items, results, at, base, node, code[found[local]], local_counts[local],
                free, n_free, longest - 2,
            )  # fmt: skip
    now[AT] = at


@compiled
def _clear_ids(new_id: Array, ids: Array) -> None:
    for which in range(len(ids)):
        new_id[ids[which]] = -1


@compiled
def _count_bits(sets: Array, width: Number) -> Number:
    total = 0
    for word in range(width):
        total += count_ones(sets[word])
    return total


@compiled
def _open_class(now: Array, levels: Array, sets: Array, node: Number, n_free: Number) -> None:
    """Set up the class of a first item: its companions, all of them in the class."""
    n_ids, width = now[N_IDS], now[SET_WIDTH]
    now[DEPTH] = 0
    levels[0, PAIRS] = 0
    levels[0, CLASS] = n_ids * width
    levels[0, SETS_END] = (n_ids + 1) * width
    levels[0, N] = n_ids
    levels[0, NEXT] = n_ids - 1
    levels[0, IDS] = 0
    levels[0, SLOTS] = n_ids
    levels[0, COUNTS] = 2 * n_ids
    levels[0, BIT_SLOTS] = 3 * n_ids
    levels[0, NUMBERS_END] = 4 * n_ids
    levels[0, BITS] = 0
    levels[0, PARENT] = node
    levels[0, N_FREE] = n_free
    for word in range(width):
        sets[n_ids * width + word] = ~np.uint64(0)
    if n_ids & 63:
        sets[n_ids * width + width - 1] = (np.uint64(1) << np.uint64(n_ids & 63)) - np.uint64(1)


@compiled
def _extend(
    code: Array,
    min_count: Number,
    longest: Number,
    generators: bool,
    table: Array,
    free: Array,
    shift: Array,
    now: Array,
    levels: Array,
    sets: Array,
    numbers: Array,
    words: Array,
    parents: Array,
    items: Array,
    results: Array,
) -> Number:
    """Write the next set of the deepest class, and open the class below it if there is one.

    The items of `numbers` from IDS on are ids; those of level 0 hold ranks as well, at 0.
    """
    depth = now[DEPTH]
    level = levels[depth]
    n_ids, width, set_width = now[N_IDS], now[WIDTH], now[SET_WIDTH]
    slot = level[NEXT]
    exact = depth == 0 and now[EXACT] != 0
    me = slot if depth == 0 else numbers[level[IDS] + slot]
    mine = numbers[level[COUNTS] + slot]
    n_free = level[N_FREE]
    size = depth + 2
    below = level[SETS_END]
    # Room below: the class, its marks, its pairs are asked for when their number is known.
    if below + 2 * set_width > len(sets):
        now[NEED_SETS] = below + 2 * set_width
        return ARENA_FULL
    if level[NUMBERS_END] + n_ids > len(numbers):
        now[NEED_NUMBERS] = level[NUMBERS_END] + n_ids
        return ARENA_FULL

    pairs = level[PAIRS] + slot * set_width
    child = below
    kept = level[NUMBERS_END]
    n_child = 0
    if size < longest:
        known = pairs
        if depth > 0:
            above = levels[depth - 1]
            known = above[PAIRS] + numbers[above[SLOTS] + me] * set_width
        here = level[BITS] + numbers[level[BIT_SLOTS] + me] * width
        for word in range(set_width):
            bits = sets[level[CLASS] + word] & sets[known + word]
            frequent = np.uint64(0)
            inside = np.uint64(0)
            while bits != 0:
                bit = bits & (~bits + np.uint64(1))
                bits ^= bit
                other = (word << 6) + trailing_zeros(bit)
                if exact:
                    count = np.int64(table[me * n_ids + other])
                else:
                    there = level[BITS] + numbers[level[BIT_SLOTS] + other] * width
                    if now[WEIGHTED]:
                        count = count_common_weighted(words, here, there, width, shift)
                    else:
                        count = count_common(words, here, there, width)
                    now[WORK] -= width + 4
                if count < min_count:
                    continue
                if generators:
                    theirs = numbers[level[COUNTS] + numbers[level[SLOTS] + other]]
                    if count in (mine, theirs):
                        continue
                elif count == mine:
                    frequent |= bit
                    free[n_free] = code[numbers[other]]
                    n_free += 1
                    continue
                frequent |= bit
                inside |= bit
                numbers[kept + n_child] = count
                n_child += 1
            sets[pairs + word] = frequent
            sets[child + word] = inside

    # Children with partners make the class below; the others are written at once.
    need = child + set_width
    n_need = 0
    if n_child > 1 and size + 1 < longest:
        n_need = _mark_partners(level, numbers, sets, child, need, set_width)
    needed = block_size(n_free, longest - size)
    if n_child > n_need:
        needed += (n_child - n_need) * block_size(n_free, longest - size - 1)
    if now[AT] + needed > len(parents):
        now[NEED_OUT] = needed
        return OUT_FULL
    if n_need > 0:
        if need + (n_need + 1) * set_width > len(sets):
            now[NEED_SETS] = need + (n_need + 1) * set_width
            return ARENA_FULL
        if kept + n_child + 2 * n_need + n_ids > len(numbers):
            now[NEED_NUMBERS] = kept + n_child + 2 * n_need + n_ids
            return ARENA_FULL
        if level[WORDS_END] + n_need * width > len(words):
            now[NEED_WORDS] = level[WORDS_END] + n_need * width
            return ARENA_FULL
    level[NEXT] = slot - 1
    now[WORK] -= needed + n_child

    at, base = now[AT], now[BASE]
    node = base + at
    at = write_block(
        parents, items, results, at, base, level[PARENT], code[numbers[me]], mine, free, n_free,
        longest - size,
    )  # fmt: skip
    if n_child > 0:
        which = 0
        new = 0
        for word in range(set_width):
            bits = sets[child + word]
            wanted = sets[need + word] if n_need > 0 else np.uint64(0)
            while bits != 0:
                bit = bits & (~bits + np.uint64(1))
                bits ^= bit
                other = (word << 6) + trailing_zeros(bit)
                count = numbers[kept + which]
                which += 1
                if wanted & bit:
                    here = level[BITS] + numbers[level[BIT_SLOTS] + me] * width
                    there = level[BITS] + numbers[level[BIT_SLOTS] + other] * width
                    keep_common(words, here, there, level[WORDS_END] + new * width, width)
                    numbers[kept + n_child + new] = other
                    numbers[kept + n_child + n_need + new] = count
                    numbers[kept + n_child + 2 * n_need + other] = new
                    new += 1
                else:
                    at = write_block(
                        parents, items, results, at, base, node, code[numbers[other]], count,
                        free, n_free, longest - size - 1,
                    )  # fmt: skip
        if n_need > 0:
            lower = levels[depth + 1]
            lower[CLASS] = need
            lower[PAIRS] = need + set_width
            lower[SETS_END] = need + (n_need + 1) * set_width
            lower[N] = n_need
            lower[NEXT] = n_need - 1
            lower[IDS] = kept + n_child
            lower[COUNTS] = kept + n_child + n_need
            lower[SLOTS] = kept + n_child + 2 * n_need
            lower[BIT_SLOTS] = lower[SLOTS]
            lower[NUMBERS_END] = kept + n_child + 2 * n_need + n_ids
            lower[BITS] = level[WORDS_END]
            lower[WORDS_END] = level[WORDS_END] + n_need * width
            lower[PARENT] = node
            lower[N_FREE] = n_free
            now[DEPTH] = depth + 1
    now[AT] = at
    return DONE


@compiled
def _mark_partners(
    level: Array, numbers: Array, sets: Array, child: Number, need: Number, set_width: Number
) -> Number:
    """Mark the children that are frequent together with another child, and count them."""
    for word in range(set_width):
        sets[need + word] = 0
    for word in range(set_width):
        bits = sets[child + word]
        while bits != 0:
            bit = bits & (~bits + np.uint64(1))
            bits ^= bit
            other = (word << 6) + trailing_zeros(bit)
            theirs = level[PAIRS] + numbers[level[SLOTS] + other] * set_width
            met = False
            for place in range(word, set_width):
                shared = sets[child + place] & sets[theirs + place]
                if shared != 0:
                    sets[need + place] |= shared
                    met = True
            if met:
                sets[need + word] |= bit
    total = 0
    for word in range(set_width):
        total += count_ones(sets[need + word])
    return total
