"""Find known patterns in sequences: who holds each of them, and where it first ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.patterns._constraints import codes_or_missing
from userportrait.patterns._sequence_numpy import Batch, extend, first_batch, split_batch
from userportrait.patterns._sequence_steps import Steps, prepare_steps
from userportrait.patterns._sequences import Sequences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._sequence_steps import Limits
    from userportrait.patterns._sequence_trie import SequenceTrie

__all__ = ["Visit", "walk_patterns"]


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """Customers who hold patterns, one row for each pattern and customer.

    Parameters
    ----------
    node : ndarray of int64
        The pattern's node in the tree.
    customer : ndarray of int32
    moment : ndarray of int64
        Where the pattern first ends: the position of that step among all steps of the
        sequences.
    """

    node: NDArray[np.int64]
    customer: NDArray[np.int32]
    moment: NDArray[np.int64]


def walk_patterns(
    trie: SequenceTrie, items: NDArray[Any], sequences: Sequences, limits: Limits
) -> Iterator[Visit]:
    """Visit every node of a tree of patterns, with the customers who hold it.

    Parameters
    ----------
    trie : SequenceTrie
    items : ndarray
        The vocabulary of the tree.
    sequences : Sequences
        Of any vocabulary; items that the tree does not know are passed over.
    limits : Limits
        What an occurrence may be; limits on the size of patterns do not matter.
    """
    known = _in_vocabulary(sequences, items)
    used = np.zeros(len(items), dtype=bool)
    used[trie.item] = True
    steps = prepare_steps(known, limits, 1, allowed=used, owner="walk_patterns")
    home = _kept_steps(known, used)
    stack = split_batch(_roots(trie, steps, limits), steps) if steps.n_items else []
    while stack:
        batch = stack.pop()
        yield _visit(batch, steps, home)
        parts = (_children(trie, batch, steps, limits, is_new) for is_new in (True, False))
        for part in parts:
            if part is not None:
                stack.extend(split_batch(part, steps))


def _in_vocabulary(sequences: Sequences, items: NDArray[Any]) -> Sequences:
    """Write sequences in the codes of a vocabulary; a step stays, even without an item."""
    if sequences.items is items or np.array_equal(sequences.items, items):
        return sequences
    code = codes_or_missing(items, sequences.items.tolist()).astype(np.int32)
    codes = code[sequences.indices]
    kept = codes >= 0
    before = np.concatenate(([0], np.cumsum(kept)))
    return Sequences(
        sequences.step_ptr,
        before[sequences.item_ptr],
        codes[kept],
        items,
        sequences.customer_ids,
        at=sequences.at,
    )


def _kept_steps(sequences: Sequences, used: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the steps with an item that is used, as `prepare_steps` keeps them."""
    before = np.concatenate(([0], np.cumsum(used[sequences.indices])))
    return np.flatnonzero(np.diff(before[sequences.item_ptr]) > 0)


def _roots(trie: SequenceTrie, steps: Steps, limits: Limits) -> Batch:
    """Return the patterns of one item, under their numbers in the tree."""
    batch = first_batch(steps, limits)
    outside = np.full(steps.n_items, -1)
    node = trie.child(outside, steps.codes, np.ones(steps.n_items, dtype=bool))
    kept = node >= 0
    rows = kept[batch.pattern]
    rank = (np.cumsum(kept) - 1).astype(np.int32)
    return Batch(
        1,
        node[kept].astype(np.int64),
        batch.tail[kept],
        batch.n_steps[kept],
        batch.count[kept],
        rank[batch.pattern[rows]],
        batch.low[rows],
        batch.high[rows],
        batch.begin[rows],
        None if batch.floor is None else batch.floor[rows],
        None if batch.ceiling is None else batch.ceiling[rows],
        1.0,
    )


def _children(
    trie: SequenceTrie, batch: Batch, steps: Steps, limits: Limits, is_new: bool
) -> Batch | None:
    """Return those of the tree's longer patterns that occur."""

    def nodes_of(keys: NDArray[np.int64]) -> NDArray[np.intp]:
        parent, item = np.divmod(keys, steps.n_items)
        starts = np.full(len(keys), is_new)
        return trie.child(batch.node[parent], steps.codes[item], starts)

    def known(keys: NDArray[np.int64], _counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        return nodes_of(keys) >= 0

    found = extend(batch, steps, limits, known, is_new_step=is_new)
    if found is None:
        return None
    parent, item = np.divmod(found.keys, steps.n_items)
    new = np.ones(len(found.key), dtype=bool)
    new[1:] = found.key[1:] != found.key[:-1]
    return Batch(
        batch.length + 1,
        nodes_of(found.keys).astype(np.int64),
        item.astype(np.int32),
        batch.n_steps[parent] + np.int32(is_new),
        found.counts,
        (np.cumsum(new) - 1).astype(np.int32),
        found.low,
        found.high,
        found.begin,
        found.floor,
        found.ceiling,
        batch.share,
    )


def _visit(batch: Batch, steps: Steps, home: NDArray[np.intp]) -> Visit:
    """Return each customer of each pattern once, with the first end of the pattern."""
    customer = steps.customer[batch.low]
    new = np.ones(len(customer), dtype=bool)
    new[1:] = (customer[1:] != customer[:-1]) | (batch.pattern[1:] != batch.pattern[:-1])
    first = np.minimum.reduceat(batch.high, np.flatnonzero(new)) if len(new) else batch.high
    return Visit(batch.node[batch.pattern[new]], customer[new], home[first].astype(np.int64))
