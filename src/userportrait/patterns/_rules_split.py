"""All splits of all itemsets into two sides, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._rule_index import SetIndex

__all__ = ["Demands", "Found", "count_pairs", "largest_antecedent", "split_itemsets"]

Codes: TypeAlias = "NDArray[np.int32]"
Bools: TypeAlias = "NDArray[np.bool_]"
Rows: TypeAlias = "NDArray[np.intp]"

_BLOCK = 1 << 18
"""Splits looked at together: what fits into the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demands:
    """What a rule must be and do.

    Parameters
    ----------
    min_confidence : float
    min_lift : float or None
    min_count : int
    max_antecedent, max_consequent : int or None
        Most items of a side.
    antecedents, consequents : ndarray of bool of shape (n_sets + 2,) or None
        The sets that may be a side, by place.
    max_rules : int or None
    max_seconds : float or None
    """

    min_confidence: float
    min_lift: float | None
    min_count: int
    max_antecedent: int | None
    max_consequent: int | None
    antecedents: Bools | None
    consequents: Bools | None
    max_rules: int | None
    max_seconds: float | None

    def sizes(self, length: int) -> list[int]:
        """Return how many items an antecedent may have in a set of `length` items."""
        most = min(length - 1, self.max_antecedent or length)
        least = max(1, length - (self.max_consequent or length))
        return list(range(least, most + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Rules as places in the index, and how many splits there were.

    A split is the antecedent as bits: item i of the itemset, counted from 0, is in it where
    bit ``length - 1 - i`` is set.
    """

    antecedents: Codes
    consequents: Codes
    itemsets: Codes
    splits: Codes
    n_splits: int
    n_unknown: int
    stopped: str | None


def split_itemsets(index: SetIndex, demands: Demands) -> Found:
    """Return the splits that meet the demands, by itemset, then by antecedent."""
    parts: list[tuple[Codes, Codes, Codes, Codes]] = []
    n_splits = n_unknown = n_rules = 0
    stopped: str | None = None
    started = monotonic()
    for places, length in _blocks(index, demands):
        split = _single_items if demands.max_consequent == 1 else _all_splits
        sides = split(index, places, length, demands)
        kept, n_tried, n_missing = _judge(index, places, sides, demands)
        n_splits += n_tried
        n_unknown += n_missing
        # By itemset, then by antecedent: the position has both.
        at = np.flatnonzero(kept.T)
        of_set = at // len(kept)
        turn = at - of_set * len(kept)
        parts.append(
            (
                sides.table.take(sides.left[turn] * len(places) + of_set),
                sides.table.take(sides.right[turn] * len(places) + of_set),
                places[of_set],
                sides.bits[turn],
            )
        )
        n_rules += len(at)
        if demands.max_rules is not None and n_rules > demands.max_rules:
            stopped = f"more than {demands.max_rules:,} rules"
            break
        if demands.max_seconds is not None and monotonic() - started > demands.max_seconds:
            stopped = f"more than {demands.max_seconds:g} seconds"
            break
    joined = [_join([part[side] for part in parts]) for side in range(4)]
    if stopped is not None and demands.max_rules is not None:
        joined = [side[: demands.max_rules] for side in joined]
    return Found(joined[0], joined[1], joined[2], joined[3], n_splits, n_unknown, stopped)


def _join(parts: list[Codes]) -> Codes:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)


def _blocks(index: SetIndex, demands: Demands) -> Iterator[tuple[Codes, int]]:
    """Yield itemsets of one length, so many at a time that their splits fill a block."""
    for length in range(2, index.max_length + 1):
        if not demands.sizes(length):
            continue
        start, end = int(index.starts[length - 1]), int(index.starts[length])
        places = np.arange(start, end, dtype=np.int32)
        places = places[index.counts[start:end] >= demands.min_count]
        width = length if demands.max_consequent == 1 else 1 << length
        step = max(1, _BLOCK // width)
        for first in range(0, len(places), step):
            yield places[first : first + step], length


class _Sides(NamedTuple):
    """The sides of all splits of some sets of one length.

    Parameters
    ----------
    table : ndarray of int32 of shape (n_rows, n_sets)
        Places of subsets.
    antecedents, consequents : ndarray of int32 of shape (n_unordered, n_sets)
        Views of it that face each other.
    rows : ndarray of intp of shape (n_splits,)
        Their rows that are asked for, in the order of rules.
    left, right : ndarray of intp of shape (n_splits,)
        The same as rows of `table`.
    bits : ndarray of int32 of shape (n_splits,)
        The antecedent; see `Found`.
    """

    table: Codes
    antecedents: Codes
    consequents: Codes
    rows: Rows
    left: Rows
    right: Rows
    bits: Codes


def _single_items(
    index: SetIndex,
    places: Codes,
    length: int,
    demands: Demands,  # noqa: ARG001
) -> _Sides:
    """Return the splits with one item on the right."""
    single = np.full(len(index.items), index.unknown, dtype=np.int32)
    single[index.codes[0][:, 0]] = np.arange(len(index.codes[0]), dtype=np.int32)
    table = np.empty((2 * length, len(places)), dtype=np.int32)
    table[:length] = index.facets[:length].take(places, axis=1)
    table[length:] = single[index.codes_at(places, length).T]
    # The antecedent without the last item comes first among sets of one length.
    rows = np.arange(length - 1, -1, -1)
    bits = (1 << length) - 1 - (1 << (length - 1 - rows))
    return _Sides(
        table, table[:length], table[length:], rows, rows, rows + length, bits.astype(np.int32)
    )


def _all_splits(index: SetIndex, places: Codes, length: int, demands: Demands) -> _Sides:
    """Return the splits of every size that is asked for."""
    table = subset_places(index, places, length)
    order = _split_order(length, tuple(demands.sizes(length)))
    # A subset and the rest of its set stand as far from either end of the table.
    mirrored = (1 << length) - 1 - order
    return _Sides(
        table, table[1:-1], table[-2:0:-1], order - 1, order, mirrored, order.astype(np.int32)
    )


def subset_places(index: SetIndex, places: Codes, length: int) -> Codes:
    """Return the place of every subset of sets of one length, as (2 ** length, n_sets).

    Row r is the subset that has item i where bit ``length - 1 - i`` of r is set. The rows whose
    items 0 to j are all there are the last ones; taking away item j gives as many rows before
    them, so each row takes one look into the facets.
    """
    full = 1 << length
    table = np.empty((full, len(places)), dtype=np.int32)
    table[-1] = places
    for item in range(length - 1, -1, -1):
        size = 1 << (length - 1 - item)
        np.take(
            index.facets[item],
            table[full - size :],
            out=table[full - 2 * size : full - size],
            mode="clip",
        )
    return table


@lru_cache(maxsize=256)
def _split_order(length: int, sizes: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the rows of a subset table that are antecedents: by size, then by codes."""
    rows = [
        sum(1 << (length - 1 - item) for item in chosen)
        for size in sizes
        for chosen in combinations(range(length), size)
    ]
    return np.array(rows, dtype=np.intp)


def _judge(
    index: SetIndex, places: Codes, sides: _Sides, demands: Demands
) -> tuple[Bools, int, int]:
    """Return, as (n_splits, n_sets), which splits are rules; how many were tried; unknown ones."""
    antecedents, consequents = sides.antecedents, sides.consequents
    candidate: Bools | None = None
    for allowed, side in ((demands.antecedents, antecedents), (demands.consequents, consequents)):
        if allowed is not None:
            fits = allowed[side]
            candidate = fits if candidate is None else candidate & fits
    n_missing = 0
    if not index.is_whole:
        known = (antecedents != index.unknown) & (consequents != index.unknown)
        missing = ~known if candidate is None else candidate & ~known
        n_missing = int(np.count_nonzero(missing[sides.rows]))
        candidate = known if candidate is None else candidate & known
    n_tried = len(sides.rows) * len(places)
    if candidate is not None:
        n_tried = int(np.count_nonzero(candidate[sides.rows]))
    counts = index.counts
    of_antecedents = counts.take(antecedents)
    kept = of_antecedents <= largest_antecedent(counts[places], demands.min_confidence)
    if candidate is not None:
        kept &= candidate
    if demands.min_lift is not None:
        expected = of_antecedents.astype(np.float64) * counts.take(consequents)
        kept &= counts[places] * np.float64(index.n_baskets) / expected >= demands.min_lift
    return kept[sides.rows], n_tried, n_missing


def largest_antecedent(
    counts: NDArray[np.signedinteger[Any]], min_confidence: float
) -> NDArray[np.signedinteger[Any]]:
    """Return the most baskets an antecedent may have: ``counts / most >= min_confidence``.

    The division of two whole numbers rounds to the nearest number, so 27 / 90 equals 0.3. It
    never rises with the divisor, which is why one limit for each itemset will do. The counts are
    1 or more, and the limit is not below them.
    """
    top = np.iinfo(counts.dtype).max - 1  # the unknown have one more
    if min_confidence <= 0:
        return np.full_like(counts, top)
    most = np.floor(counts / min_confidence)
    # The quotient may have been rounded past a whole number either way.
    most -= counts / most < min_confidence
    most += counts / (most + 1) >= min_confidence
    np.minimum(most, top, out=most)
    return most.astype(counts.dtype)


def count_pairs(index: SetIndex, demands: Demands) -> int:
    """Return how many rules could be made of two frequent sides, frequent together or not.

    Pairs of at most as many items as the longest itemset. Sides that share an item are left
    out where a side is one item; among longer sides they are counted, which errs on the safe
    side.
    """
    left = _allowed_by_length(index, demands.antecedents)
    right = _allowed_by_length(index, demands.consequents)
    total = 0
    for length in range(2, index.max_length + 1):
        for size in demands.sizes(length):
            total += len(left[size - 1]) * len(right[length - size - 1])
            if size == 1 or length - size == 1:
                single, longer = sorted((left[size - 1], right[length - size - 1]), key=_width)
                is_there = np.zeros(len(index.items), dtype=np.bool_)
                is_there[single[:, 0]] = True
                total -= int(np.count_nonzero(is_there[longer]))
    return total


def _width(codes: Codes) -> int:
    return int(codes.shape[1])


def _allowed_by_length(index: SetIndex, allowed: Bools | None) -> list[Codes]:
    if allowed is None:
        return list(index.codes)
    return [
        codes[allowed[index.starts[place] : index.starts[place + 1]]]
        for place, codes in enumerate(index.codes)
    ]
