"""Closed and maximal patterns: those that no larger pattern makes superfluous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._sequence_trie import SequenceTrie

__all__ = ["SequenceKind", "without_larger"]

SequenceKind: TypeAlias = Literal["all", "closed", "maximal"]

_Tokens: TypeAlias = tuple[int, ...]
"""Items of a pattern; the one's complement of an item that joins the last element."""


def without_larger(
    trie: SequenceTrie, label: NDArray[np.int64], *, has_all_parts: bool
) -> NDArray[np.bool_]:
    """Return which nodes have no larger pattern of the same label.

    Parameters
    ----------
    trie : SequenceTrie
    label : ndarray of int64 of shape (n_nodes,)
        What must agree: the count for closed patterns, a constant for maximal ones.
    has_all_parts : bool
        Whether every part of a pattern is in the tree too. Then it is enough to look at the
        patterns with one item more. A limit on gaps breaks this.
    """
    if not has_all_parts:
        return _without_larger_apart(trie, label)
    free = np.ones(len(trie.parent), dtype=bool)
    longest = int(trie.lengths.max(initial=0))
    for length in range(2, longest + 1):
        nodes = np.flatnonzero(trie.lengths == length)
        path = trie.path(nodes, length)
        for left_out in range(length):
            part = _without(trie, path, left_out)
            known = part >= 0
            same = known & (label[np.maximum(part, 0)] == label[nodes])
            free[part[same]] = False
    return free


def _without(trie: SequenceTrie, path: NDArray[np.intp], left_out: int) -> NDArray[np.intp]:
    """Return the nodes of the patterns without one of their items; -1 where there is none."""
    if left_out == path.shape[1] - 1:
        return path[:, -2]
    node = np.full(len(path), -1) if left_out == 0 else path[:, left_out - 1].copy()
    for column in range(left_out + 1, path.shape[1]):
        here = path[:, column]
        is_new = trie.is_new[here]
        if column == left_out + 1:  # the next item begins the element, if the lost one did
            is_new = is_new | trie.is_new[path[:, left_out]]
        found = trie.child(node.astype(np.int64), trie.item[here], is_new)
        node = found if column == left_out + 1 else np.where(node < 0, -1, found)
    return node


def _without_larger_apart(trie: SequenceTrie, label: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Do so where parts may be missing: every part of every pattern is made, then looked up."""
    pairs = list(zip(_all_tokens(trie), label.tolist(), strict=True))
    parts: dict[int, set[tuple[_Tokens, int]]] = {}
    by_length: dict[int, set[tuple[_Tokens, int]]] = {}
    for pair in pairs:
        by_length.setdefault(len(pair[0]), set()).add(pair)
    nothing: set[tuple[_Tokens, int]] = set()
    for length in range(max(by_length, default=0), 1, -1):
        shorter = parts.setdefault(length - 1, set())
        for pattern, value in by_length.get(length, nothing) | parts.get(length, nothing):
            shorter.update((_shortened(pattern, n), value) for n in range(length))
    return np.array([pair not in parts.get(len(pair[0]), nothing) for pair in pairs], dtype=bool)


def _all_tokens(trie: SequenceTrie) -> list[_Tokens]:
    found: list[_Tokens] = []
    items: list[int] = np.where(trie.is_new, trie.item, ~trie.item).tolist()
    parents: list[int] = trie.parent.tolist()
    for parent, token in zip(parents, items, strict=True):
        before: _Tokens = found[parent] if parent >= 0 else ()
        found.append((*before, token))
    return found


def _shortened(pattern: _Tokens, left_out: int) -> _Tokens:
    rest = pattern[left_out + 1 :]
    if rest and pattern[left_out] >= 0 and rest[0] < 0:
        rest = (~rest[0], *rest[1:])
    return (*pattern[:left_out], *rest)
