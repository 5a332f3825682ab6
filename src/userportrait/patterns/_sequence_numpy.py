"""Mining of sequences in numpy: many patterns at a time, each with all its occurrences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from userportrait.patterns._sequence_found import Best, Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._budget import Watch
    from userportrait.patterns._sequence_steps import Limits, Steps

__all__ = ["Batch", "extend", "first_batch", "mine_in_numpy", "split_batch"]

_ENTRIES = 2_000_000
"""Entries that one batch may look at."""
_KEYS = 8_000_000
"""Pairs of pattern and item that one batch may count."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Patterns of one length and where they occur.

    An occurrence is a row: the customer's last element lies in the steps from `low` to
    `high`, anything from `floor` to below `ceiling` may join it, and the first element begins
    at `begin`. Rows are ordered by pattern, customer and step. Without a window an element is
    in one step: then `low` is `high`, and `floor` and `ceiling` are None.

    Parameters
    ----------
    length : int
        Items of each pattern.
    node : ndarray of int64 of shape (n_patterns,)
        The number of each pattern.
    tail, n_steps, count : ndarray of shape (n_patterns,)
        The last item, the elements and the customers.
    pattern : ndarray of int32 of shape (n_rows,)
        Position of the row's pattern in `node`.
    share : float
        Share of the whole work.
    """

    length: int
    node: NDArray[np.int64]
    tail: NDArray[np.int32]
    n_steps: NDArray[np.int32]
    count: NDArray[np.int64]
    pattern: NDArray[np.int32]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    begin: NDArray[np.int32]
    floor: NDArray[np.int32] | None
    ceiling: NDArray[np.int32] | None
    share: float

    def keep(self, rows: slice, patterns: slice, share: float) -> Batch:
        """Return a run of patterns."""
        return Batch(
            self.length,
            self.node[patterns],
            self.tail[patterns],
            self.n_steps[patterns],
            self.count[patterns],
            self.pattern[rows] - np.int32(patterns.start),
            self.low[rows],
            self.high[rows],
            self.begin[rows],
            None if self.floor is None else self.floor[rows],
            None if self.ceiling is None else self.ceiling[rows],
            share,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Extended:
    """Patterns longer by one item: rows, ordered by key, customer and step."""

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64] | None
    key: NDArray[np.int64]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    begin: NDArray[np.int32]
    floor: NDArray[np.int32] | None
    ceiling: NDArray[np.int32] | None


class Chooser(Protocol):
    """Says which of the counted keys go on."""

    def __call__(self, keys: NDArray[np.int64], counts: NDArray[np.int64], /) -> NDArray[np.bool_]:
        """Return a mask; counts may be too large, never too small."""
        ...


def mine_in_numpy(
    steps: Steps,
    limits: Limits,
    min_count: int,
    *,
    watch: Watch,
    weights: NDArray[np.int64] | None = None,
    top_k: int | None = None,
) -> tuple[Found, str | None]:
    """Find every pattern of at least `min_count` customers.

    Parameters
    ----------
    steps : Steps
    limits : Limits
    min_count : int
    watch : Watch
    weights : ndarray of int64 of shape (n_customers,), optional
        Summed over the customers of each pattern.
    top_k : int, optional
        Patterns that are certainly not among the `top_k` most frequent may be left out.

    Returns
    -------
    Found, str or None
        The patterns, parents before children, and why mining stopped early.
    """
    best = Best(min_count, top_k)
    found = Found.of_items(steps, weights)
    first = first_batch(steps, limits)
    best.add(first.count[(limits.min_length <= 1) & (limits.min_steps <= first.n_steps)])
    stack = split_batch(first, steps) if limits.max_length != 1 else []
    done = 0.0
    while stack:
        reason = watch.stop(len(found), found.nbytes, min(done, 1.0))
        if reason is not None:
            return found, reason
        batch = stack.pop()
        children = _children(batch, steps, limits, best, found, weights)
        if children is None or children.length == limits.max_length:
            done += batch.share
        else:
            stack.extend(split_batch(children, steps))
    watch.stop(len(found), found.nbytes, 1.0)
    return found, None


def first_batch(steps: Steps, limits: Limits) -> Batch:
    """Return the patterns of one item."""
    entries = steps.entries_by_item
    step = steps.step[entries]
    sizes = np.diff(steps.item_starts)
    pattern = np.repeat(np.arange(steps.n_items, dtype=np.int32), sizes)
    if steps.needs_first_only:
        step, pattern = step[steps.is_first], pattern[steps.is_first]
    has_window = limits.window is not None
    ones = np.ones(steps.n_items, dtype=np.int32)
    return Batch(
        1,
        np.arange(steps.n_items, dtype=np.int64),
        np.arange(steps.n_items, dtype=np.int32),
        ones,
        steps.counts,
        pattern,
        step,
        step,
        step,
        steps.start[step] if has_window else None,
        steps.end[step] if has_window else None,
        1.0,
    )


def _children(
    batch: Batch,
    steps: Steps,
    limits: Limits,
    best: Best,
    found: Found,
    weights: NDArray[np.int64] | None,
) -> Batch | None:
    """Extend the patterns by one item, note what is found, and return it."""

    def frequent(_keys: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        return counts >= best.min_count

    parts: list[Batch] = []
    for is_new_step in (True, False):
        part = extend(batch, steps, limits, frequent, is_new_step=is_new_step, weights=weights)
        if part is None:
            continue
        pattern, item = np.divmod(part.keys, steps.n_items)
        n_steps = batch.n_steps[pattern] + np.int32(is_new_step)
        node = found.add(batch.node[pattern], item, is_new_step, part.counts, part.totals)
        if batch.length + 1 >= limits.min_length:
            best.add(part.counts[n_steps >= limits.min_steps])
        ranks = np.cumsum(_is_new(part.key)) - 1
        parts.append(
            Batch(
                batch.length + 1,
                node,
                item.astype(np.int32),
                n_steps,
                part.counts,
                ranks.astype(np.int32),
                part.low,
                part.high,
                part.begin,
                part.floor,
                part.ceiling,
                batch.share,
            )
        )
    return _joined(parts) if parts else None


def extend(
    batch: Batch,
    steps: Steps,
    limits: Limits,
    choose: Chooser,
    *,
    is_new_step: bool,
    weights: NDArray[np.int64] | None = None,
) -> Extended | None:
    """Extend patterns by one item, in a new step or in the last element.

    Returns None if nothing is chosen. A key is the pattern's position times the number of
    items, plus the item.
    """
    low, high = _later(batch, steps, limits) if is_new_step else _beside(batch, steps)
    if not is_new_step and steps.is_flat and batch.floor is None:
        return None
    row, entry = _expanded(steps.item_ptr[low], steps.item_ptr[np.maximum(low, high)])
    item = steps.item[entry]
    if not is_new_step:
        larger = item > batch.tail[batch.pattern[row]]
        row, entry, item = row[larger], entry[larger], item[larger]
    key = batch.pattern[row].astype(np.int64) * steps.n_items + item
    counts = np.bincount(key, minlength=len(batch.node) * steps.n_items)
    keys = np.flatnonzero(counts)
    wanted = np.zeros(len(counts), dtype=bool)
    wanted[keys] = choose(keys, counts[keys])
    chosen = wanted[key]
    if not chosen.any():
        return None
    row, entry, key = row[chosen], entry[chosen], key[chosen]
    step = steps.step[entry]
    if batch.floor is None:
        found = _plain_rows(batch, row, step, key)
    else:
        found = _window_rows(batch, steps, row, step, key, (low, high), is_new_step=is_new_step)
    return _counted(found, steps, choose, weights)


def _later(
    batch: Batch, steps: Steps, limits: Limits
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the steps that may begin, and be, the next element of each row."""
    low = steps.after[batch.high]
    high = steps.end[batch.low]
    if steps.gap_end is not None:
        high = np.minimum(high, steps.gap_end[batch.low])
    if steps.span_end is not None:
        high = np.minimum(high, steps.span_end[batch.begin])
    if batch.floor is None and len(low) > 1:
        # What several rows of a customer reach is left to the last of them: its first element
        # begins last, so that it allows all that the others allow.
        same = ~_is_new(batch.pattern, steps.customer[batch.low])[1:]
        high[:-1][same] = np.minimum(high[:-1][same], low[1:][same])
    if limits.max_steps is not None:
        high = np.where(batch.n_steps[batch.pattern] < limits.max_steps, high, low)
    return low, np.maximum(low, high)


def _beside(batch: Batch, steps: Steps) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the steps whose items may join the last element of each row."""
    if batch.floor is None or batch.ceiling is None:
        return batch.low, batch.high + np.int32(1)
    assert steps.near_start is not None  # noqa: S101  # both come with the window
    assert steps.near_end is not None  # noqa: S101
    low = np.maximum(batch.floor, steps.near_start[batch.high])
    high = np.minimum(batch.ceiling, steps.near_end[batch.low])
    return low, np.maximum(low, high)


def _plain_rows(
    batch: Batch,
    row: NDArray[np.intp],
    step: NDArray[np.int32],
    key: NDArray[np.int64],
) -> Extended:
    order = _stable_order(key)
    row, step, key = row[order], step[order], key[order]
    nothing = np.empty(0, dtype=np.int64)
    return Extended(nothing, nothing, None, key, step, step, batch.begin[row], None, None)


def _window_rows(
    batch: Batch,
    steps: Steps,
    row: NDArray[np.intp],
    step: NDArray[np.int32],
    key: NDArray[np.int64],
    reach: tuple[NDArray[np.int32], NDArray[np.int32]],
    *,
    is_new_step: bool,
) -> Extended:
    """Return each different occurrence once, without those that another one makes useless."""
    begin = batch.begin[row]
    assert batch.floor is not None  # noqa: S101  # said by the caller
    assert batch.ceiling is not None  # noqa: S101
    if is_new_step:
        low, high, floor, ceiling = step, step, reach[0][row], reach[1][row]
    else:
        low, high = np.minimum(batch.low[row], step), np.maximum(batch.high[row], step)
        floor, ceiling = batch.floor[row], batch.ceiling[row]
        first = batch.n_steps[batch.pattern[row]] == 1
        begin = np.where(first, low, begin)
        if steps.span_end is not None:
            fits = high < steps.span_end[begin]
            low, high, floor, ceiling = low[fits], high[fits], floor[fits], ceiling[fits]
            begin, key = begin[fits], key[fits]
    order = np.lexsort((-begin, -ceiling, floor, high, low, key))
    key, low, high, begin = key[order], low[order], high[order], begin[order]
    floor, ceiling = floor[order], ceiling[order]
    new = _is_new(key, low, high)
    leader = np.flatnonzero(new)[np.cumsum(new) - 1] if len(new) else np.empty(0, dtype=np.intp)
    useful = new | (ceiling > ceiling[leader]) | (begin > begin[leader])
    useful[1:] &= _is_new(key, low, high, floor, ceiling, begin)[1:]
    nothing = np.empty(0, dtype=np.int64)
    return Extended(
        nothing, nothing, None, key[useful], low[useful], high[useful], begin[useful],
        floor[useful], ceiling[useful],
    )  # fmt: skip


def _counted(
    rows: Extended, steps: Steps, choose: Chooser, weights: NDArray[np.int64] | None
) -> Extended | None:
    """Count customers, and keep the rows of the keys that are chosen now."""
    if not len(rows.key):
        return None
    customer = steps.customer[rows.low]
    new_key = _is_new(rows.key)
    rank = np.cumsum(new_key) - 1
    new = _is_new(rows.key, customer)
    keys = rows.key[new_key]
    counts = np.bincount(rank[new], minlength=len(keys)).astype(np.int64)
    chosen = choose(keys, counts)
    if not chosen.any():
        return None
    totals = None
    if weights is not None:
        totals = np.add.reduceat(weights[customer[new]], np.flatnonzero(new_key[new]))[chosen]
    kept = chosen[rank]
    if steps.needs_first_only:
        kept &= new
    return Extended(
        keys[chosen],
        counts[chosen],
        totals,
        rows.key[kept],
        rows.low[kept],
        rows.high[kept],
        rows.begin[kept],
        None if rows.floor is None else rows.floor[kept],
        None if rows.ceiling is None else rows.ceiling[kept],
    )


def split_batch(batch: Batch, steps: Steps) -> list[Batch]:
    """Cut a batch between patterns so that no piece looks at too much, the first piece last."""
    if not len(batch.node):
        return []
    reach = steps.item_ptr[steps.end[batch.low]] - steps.item_ptr[batch.low]
    bounds = np.searchsorted(batch.pattern, np.arange(len(batch.node) + 1))
    sums: NDArray[np.int64] = np.concatenate(([0], np.cumsum(reach, dtype=np.int64)))
    before: NDArray[np.int64] = sums[bounds]
    most = max(1, _KEYS // max(1, steps.n_items))
    pieces: list[Batch] = []
    start = 0
    while start < len(batch.node):
        limit = int(before[start]) + _ENTRIES
        stop = int(np.searchsorted(before, limit, side="right")) - 1
        stop = min(max(stop, start + 1), start + most, len(batch.node))
        rows = slice(int(bounds[start]), int(bounds[stop]))
        share = batch.share * (rows.stop - rows.start) / max(1, len(batch.pattern))
        pieces.append(batch.keep(rows, slice(start, stop), share))
        start = stop
    return pieces[::-1]


def _joined(parts: list[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    one, two = parts
    patterns = np.concatenate([one.pattern, two.pattern + np.int32(len(one.node))])
    has_window = one.floor is not None
    return Batch(
        one.length,
        np.concatenate([one.node, two.node]),
        np.concatenate([one.tail, two.tail]),
        np.concatenate([one.n_steps, two.n_steps]),
        np.concatenate([one.count, two.count]),
        patterns,
        np.concatenate([one.low, two.low]),
        np.concatenate([one.high, two.high]),
        np.concatenate([one.begin, two.begin]),
        np.concatenate([p.floor for p in parts if p.floor is not None]) if has_window else None,
        np.concatenate([p.ceiling for p in parts if p.ceiling is not None]) if has_window else None,
        one.share,
    )


def _expanded(
    starts: NDArray[np.int32], ends: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return every position of every range, with the number of its range."""
    sizes = (ends - starts).astype(np.int64)
    row = np.repeat(np.arange(len(starts)), sizes)
    before = np.cumsum(sizes) - sizes
    return row, np.arange(len(row), dtype=np.int64) + np.repeat(starts - before, sizes)


def _stable_order(key: NDArray[np.int64]) -> NDArray[np.intp]:
    """Sort by key; few different keys are sorted in linear time."""
    top = int(key.max())
    if top < 4 * len(key) + 1_000_000:
        present = np.zeros(top + 1, dtype=bool)
        present[key] = True
        rank: NDArray[np.int64] = np.cumsum(present) - 1
        if int(rank[-1]) < 2**16:
            return np.argsort(rank[key].astype(np.uint16), kind="stable")
    return np.argsort(key, kind="stable")


def _is_new(*keys: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which rows differ from the row before in any key; the first one does."""
    new = np.ones(len(keys[0]), dtype=bool)
    if len(new) > 1:
        np.not_equal(keys[0][1:], keys[0][:-1], out=new[1:])
        for key in keys[1:]:
            new[1:] |= key[1:] != key[:-1]
    return new
