"""All splits of all itemsets into two sides, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._rule_index import SetIndex

__all__ = ["Demands", "Found", "count_pairs", "count_splits", "split_itemsets"]

Codes: TypeAlias = "NDArray[np.int32]"
Bools: TypeAlias = "NDArray[np.bool_]"

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
    partial = index.has_unknown()
    n_splits = n_unknown = n_rules = 0
    stopped: str | None = None
    started = monotonic()
    for places, length in _blocks(index, demands):
        sides = _single_items if demands.max_consequent == 1 else _all_splits
        antecedents, consequents, masks = sides(index, places, length, demands)
        kept, n_tried, n_missing = _judge(
            index, places, antecedents, consequents, demands, partial=partial
        )
        n_splits += n_tried
        n_unknown += n_missing
        row, column = np.nonzero(kept)
        splits = masks[column]
        parts.append((antecedents[column, row], consequents[column, row], places[row], splits))
        n_rules += len(row)
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


def _single_items(
    index: SetIndex,
    places: Codes,
    length: int,
    demands: Demands,  # noqa: ARG001
) -> tuple[Codes, Codes, Codes]:
    """Return both sides, as (length, n_sets), of the splits with one item on the right."""
    codes = index.codes_at(places, length)
    # The antecedent without the last item comes first among sets of one length.
    order = np.arange(length - 1, -1, -1)
    single = np.full(len(index.items), index.unknown, dtype=np.int32)
    single[index.codes[0][:, 0]] = np.arange(len(index.codes[0]), dtype=np.int32)
    masks = (1 << length) - 1 - (1 << (length - 1 - order))
    return index.facets[order[:, None], places], single[codes.T[order]], masks.astype(np.int32)


def _all_splits(
    index: SetIndex, places: Codes, length: int, demands: Demands
) -> tuple[Codes, Codes, Codes]:
    """Return both sides, as (n_splits, n_sets), in the order of antecedents, and their rows."""
    table = subset_places(index, places, length)
    order = _split_order(length, tuple(demands.sizes(length)))
    return table[order], table[(1 << length) - 1 - order], order.astype(np.int32)


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
    index: SetIndex,
    places: Codes,
    antecedents: Codes,
    consequents: Codes,
    demands: Demands,
    *,
    partial: bool,
) -> tuple[Bools, int, int]:
    """Return, as (n_sets, n_splits), which splits are rules; how many were tried; unknown ones."""
    candidate: Bools | None = None
    for allowed, side in (
        (demands.antecedents, antecedents),
        (demands.consequents, consequents),
    ):
        if allowed is not None:
            fits = allowed[side]
            candidate = fits if candidate is None else candidate & fits
    n_missing = 0
    if partial:
        known = (antecedents != index.unknown) & (consequents != index.unknown)
        n_missing = int(np.count_nonzero(~known if candidate is None else candidate & ~known))
        candidate = known if candidate is None else candidate & known
    n_tried = antecedents.size if candidate is None else int(np.count_nonzero(candidate))
    counts = index.counts
    of_antecedents = counts[antecedents]
    limit = _largest_antecedent(counts[places], demands.min_confidence)
    kept = of_antecedents <= limit
    if candidate is not None:
        kept &= candidate
    if demands.min_lift is not None:
        expected = of_antecedents.astype(np.float64) * counts[consequents]
        kept &= counts[places] * np.float64(index.n_baskets) / expected >= demands.min_lift
    return np.ascontiguousarray(kept.T), n_tried, n_missing


def _largest_antecedent(
    counts: NDArray[np.signedinteger[Any]], min_confidence: float
) -> NDArray[np.signedinteger[Any]]:
    """Return the most baskets an antecedent may have: ``counts / most >= min_confidence``.

    The division of two whole numbers rounds to the nearest number, so 27 / 90 equals 0.3. It
    never rises with the divisor, which is why one limit for each itemset will do.
    """
    top = np.iinfo(counts.dtype).max - 1
    if min_confidence <= 0:
        return np.full_like(counts, top)
    guess = np.minimum(np.floor(counts / min_confidence), top - 1)
    found = np.zeros(len(counts))
    for tried in (guess - 1, guess, guess + 1):  # the quotient may be rounded either way
        fits = (tried >= 1) & (counts / np.maximum(tried, 1) >= min_confidence)
        found = np.where(fits, tried, found)
    return found.astype(counts.dtype)


def count_splits(index: SetIndex, demands: Demands) -> int:
    """Return how many splits there are before any look at confidence; sides not considered."""
    total = 0
    for length in range(2, index.max_length + 1):
        start, end = int(index.starts[length - 1]), int(index.starts[length])
        n_sets = int(np.count_nonzero(index.counts[start:end] >= demands.min_count))
        total += n_sets * sum(comb(length, size) for size in demands.sizes(length))
    return total


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
