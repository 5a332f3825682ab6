"""Rules beside their shorter versions: improvement, productivity, minimal rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait.patterns._significance import log_p_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._rule_index import SetIndex

__all__ = [
    "PruneMethod",
    "best_general",
    "is_minimal",
    "log_p_of_extension",
]

Codes: TypeAlias = "NDArray[np.int32]"
Floats: TypeAlias = "NDArray[np.float64]"
Bools: TypeAlias = "NDArray[np.bool_]"
PruneMethod: TypeAlias = Literal["redundant", "productive", "improvement", "minimal"]

_BLOCK = 1 << 18


def _by_lengths(
    index: SetIndex, antecedents: Codes, itemsets: Codes, splits: Codes
) -> Iterator[tuple[NDArray[np.intp], Codes]]:
    """Yield rules with as many items on the left and in all, a block at a time.

    With them, as (size, n_rules), which item of the itemset each item of the antecedent is.
    """
    size, length = index.lengths(antecedents), index.lengths(itemsets)
    both = size * 64 + length
    for key in np.flatnonzero(np.bincount(both)).tolist():
        rows = np.flatnonzero(both == key)
        n_left, n_all = divmod(int(key), 64)
        step = max(1, _BLOCK >> n_left)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            yield some, _ranks(splits[some], n_left, n_all)


def _ranks(splits: Codes, size: int, length: int) -> Codes:
    """Return which bits are set, the highest first, as (size, n_rules)."""
    found = np.zeros((size, len(splits)), dtype=np.int32)
    turn = np.zeros(len(splits), dtype=np.intp)
    for item in range(length):
        there = np.flatnonzero(splits >> (length - 1 - item) & 1)
        found[turn[there], there] = item
        turn[there] += 1
    return found


def best_general(
    index: SetIndex, antecedents: Codes, itemsets: Codes, splits: Codes, *, one_less: bool = False
) -> Floats:
    """Return the greatest confidence of the same consequent after a smaller antecedent.

    Parameters
    ----------
    index : SetIndex
    antecedents, itemsets : ndarray of int32 of shape (n_rules,)
        Places of each rule's antecedent and of all its items.
    splits : ndarray of int32 of shape (n_rules,)
        See `Rules`.
    one_less : bool, default=False
        Look only at antecedents with one item less, not at all proper subsets.

    Returns
    -------
    ndarray of float64
        The empty antecedent is a subset: its confidence is the consequent's share of all
        baskets. Subsets whose counts mining left out are passed over.
    """
    found = np.empty(len(antecedents))
    for rows, ranks in _by_lengths(index, antecedents, itemsets, splits):
        left, whole = antecedents[rows], itemsets[rows]
        look = _shorter if one_less else _subsets
        parts, wholes = look(index, left, whole, ranks)
        confidence = index.counts[wholes] / index.counts[parts]
        confidence[(parts == index.unknown) | (wholes == index.unknown)] = -1.0
        found[rows] = confidence.max(axis=0)
    return found


def _shorter(index: SetIndex, left: Codes, whole: Codes, ranks: Codes) -> tuple[Codes, Codes]:
    """Return the places of antecedent and itemset without each antecedent item."""
    return index.facets[: len(ranks)][:, left], index.facets[ranks, whole]


def _subsets(index: SetIndex, left: Codes, whole: Codes, ranks: Codes) -> tuple[Codes, Codes]:
    """Return the places of each proper part of the antecedent, and of it with the consequent.

    Rows as in `subset_places`; the itemset loses the same item, which there has the rank it has
    in the whole, because all smaller items are still there.
    """
    size = len(ranks)
    full = 1 << size
    parts = np.empty((full, len(left)), dtype=np.int32)
    wholes = np.empty_like(parts)
    parts[-1], wholes[-1] = left, whole
    for item in range(size - 1, -1, -1):
        step = 1 << (size - 1 - item)
        above, below = slice(full - step, full), slice(full - 2 * step, full - step)
        parts[below] = index.facets[item][parts[above]]
        wholes[below] = index.facets[ranks[item], wholes[above]]
    return parts[:-1], wholes[:-1]


def log_p_of_extension(
    index: SetIndex, antecedents: Codes, itemsets: Codes, splits: Codes
) -> Floats:
    """Return the largest log p-value, over antecedent items, that the item adds nothing.

    For each item z of X: Fisher's test, among the baskets with the rest of X, of whether those
    with z hold the consequent more often than the others.
    """
    counts = index.counts.astype(np.int64)
    found = np.empty(len(antecedents))
    for rows, ranks in _by_lengths(index, antecedents, itemsets, splits):
        left, whole = antecedents[rows], itemsets[rows]
        parts, wholes = _shorter(index, left, whole, ranks)
        worst = np.full(len(rows), -np.inf)
        for part, with_consequent in zip(parts, wholes, strict=True):
            known = (part != index.unknown) & (with_consequent != index.unknown)
            log_p = log_p_values(
                counts[whole[known]],
                counts[left[known]],
                counts[with_consequent[known]],
                counts[part[known]],
            )
            worst[known] = np.maximum(worst[known], log_p)
        found[rows] = worst
    return found


def is_minimal(index: SetIndex, antecedents: Codes, itemsets: Codes) -> Bools:
    """Say which rules lead from a generator to a closed itemset.

    No other rule with a smaller antecedent and a larger consequent then has the same baskets
    on both sides.
    """
    counts: NDArray[Any] = index.counts
    places = np.arange(index.n_sets)
    generator = np.ones(index.n_sets + 2, dtype=np.bool_)
    closed = np.ones(index.n_sets + 2, dtype=np.bool_)
    for facet in index.facets:
        without = facet[: index.n_sets]
        known = without != index.unknown
        same = known & (counts[without] == counts[places])
        generator[places[same]] = False
        closed[without[same]] = False
    return generator[antecedents] & closed[itemsets]
