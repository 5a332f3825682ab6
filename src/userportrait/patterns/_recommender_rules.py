"""Rules with one item on the right, arranged so that many baskets find theirs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from scipy.special import ndtri

from userportrait._core.shares import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._rules import Rules

    Codes: TypeAlias = NDArray[np.int32]
    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]

__all__ = ["RuleBook", "Scoring", "make_rule_book"]

Scoring: TypeAlias = Literal["confidence", "lower_bound", "lift", "leverage", "cosine"]
"""What makes a rule good."""

_LARGEST_FILTER = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class RuleBook:
    """Rules by rank, and a tree of their antecedents.

    Parameters
    ----------
    n_items : int
    consequent : ndarray of int32 of shape (n_rules,)
        Rules come best first, so that the number of a rule is its rank, from 0.
    node : ndarray of int64 of shape (n_rules,)
        The antecedent, as a node of the tree; node 0 is the empty set.
    score : ndarray of float64 of shape (n_rules,)
    count, n_antecedent, n_consequent : ndarray of int64 of shape (n_rules,)
        Baskets with the whole rule, and with either side.
    parent, item : ndarray of int64 of shape (n_nodes,)
        The antecedent without its last item, and that item.
    keys : tuple of ndarray of int64
        For each length from 1 on: ``parent * n_items + item``, sorted.
    first_node : tuple of int
        The node of the first key of each length; further ones follow.
    known : tuple of ndarray of bool
        For each length, the remainders of the keys that occur: most keys of baskets that lead
        nowhere are sorted out by one look.
    rules_of : ndarray of int64 of shape (n_rules,)
        The rules, by node, then rank.
    starts : ndarray of int64 of shape (n_nodes + 1,)
        Where the rules of each node start in `rules_of`.
    """

    n_items: int
    consequent: Codes
    node: Ints
    score: Floats
    count: Ints
    n_antecedent: Ints
    n_consequent: Ints
    parent: Ints
    item: Ints
    keys: tuple[Ints, ...]
    first_node: tuple[int, ...]
    known: tuple[NDArray[np.bool_], ...]
    rules_of: Ints
    starts: Ints

    @property
    def n_rules(self) -> int:
        """How many rules there are."""
        return len(self.consequent)

    def antecedent(self, rule: int) -> list[int]:
        """Return the codes of a rule's antecedent, ascending."""
        found: list[int] = []
        node = int(self.node[rule])
        while node:
            found.append(int(self.item[node]))
            node = int(self.parent[node])
        return found[::-1]

    def match(self, indptr: Ints, indices: Codes) -> tuple[Ints, Ints]:
        """Return the antecedents that baskets hold, as pairs of basket and node, sorted."""
        ends = indptr[1:]
        basket = np.repeat(np.arange(len(ends)), np.diff(indptr)).astype(np.int64)
        place, node = np.arange(len(indices), dtype=np.int64), np.zeros(len(indices), np.int64)
        baskets: list[Ints] = []
        nodes: list[Ints] = []
        for level in range(len(self.keys)):
            if level:  # every later item of the basket is tried after each node
                width = ends[basket] - place - 1
                at = np.repeat(np.arange(len(basket)), width)
                step = np.arange(len(at)) - np.repeat(np.cumsum(width) - width, width)
                basket, node, place = basket[at], node[at], place[at] + 1 + step
            reached = self._find(level, node * self.n_items + indices[place])
            fits = np.flatnonzero(reached >= 0)
            basket, place, node = basket[fits], place[fits], reached[fits]
            useful = self.starts[node + 1] > self.starts[node]
            baskets.append(basket[useful])
            nodes.append(node[useful])
        if not baskets:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        found, reached = np.concatenate(baskets), np.concatenate(nodes)
        order = np.argsort(found, kind="stable")
        return found[order], reached[order]

    def _find(self, level: int, wanted: Ints) -> Ints:
        """Return the nodes that have these keys, -1 where there is none."""
        found = np.full(len(wanted), -1, dtype=np.int64)
        known = self.known[level]
        maybe = np.flatnonzero(known[wanted % len(known)])
        keys = self.keys[level]
        place = np.minimum(np.searchsorted(keys, wanted[maybe]), len(keys) - 1)
        right = keys[place] == wanted[maybe]
        found[maybe[right]] = self.first_node[level] + place[right]
        return found

    def fired(self, baskets: Ints, nodes: Ints) -> tuple[Ints, Ints]:
        """Return every rule of these nodes, as pairs of basket and rule."""
        width = self.starts[nodes + 1] - self.starts[nodes]
        step = np.arange(int(width.sum())) - np.repeat(np.cumsum(width) - width, width)
        return np.repeat(baskets, width), self.rules_of[np.repeat(self.starts[nodes], width) + step]


def make_rule_book(
    rules: Rules, scoring: Scoring, confidence_level: float, rules_per_item: int | None
) -> RuleBook:
    """Arrange the rules that have one item on the right; others are left out.

    Of the rules with the same item on the right and as many on the left, the best
    `rules_per_item` are kept.
    Rules are ordered by score, then by count, consequent and antecedent, so that equal scores
    never depend on where a rule came from.
    """
    index = rules.index
    n_items = len(index.items)
    single = index.lengths(rules.consequents) == 1
    kept = rules if bool(single.all()) else rules.take(np.flatnonzero(single))
    consequent = index.codes_at(kept.consequents, 1)[:, 0] if len(kept) else np.empty(0, np.int32)
    counts, n_baskets = index.counts, max(rules.n_baskets, 1)
    count = counts[kept.itemsets].astype(np.int64)
    one = counts[kept.antecedents].astype(np.int64)
    other = counts[kept.consequents].astype(np.int64)
    score = _scores(scoring, count, one, other, n_baskets, confidence_level)
    # Places of itemsets go by length, then by items: the order that ties are broken in.
    order = np.lexsort((kept.antecedents, consequent, -count, -score))
    if rules_per_item is not None:
        # Longer left sides have rules without number: each length has a place of its own.
        group = consequent[order] * np.int64(8) + index.lengths(kept.antecedents[order])
        by_group = np.argsort(group, kind="stable")
        firsts = np.searchsorted(group[by_group], group[by_group])
        chosen = np.sort(by_group[np.arange(len(order)) - firsts < rules_per_item])
        order = order[chosen]
    places, which = np.unique(kept.antecedents[order], return_inverse=True)
    tree = _tree(places, rules)
    node = tree[0][which].astype(np.int64)
    by_node = np.argsort(node, kind="stable")
    n_nodes = len(tree[1])
    return RuleBook(
        n_items=n_items,
        consequent=consequent[order].astype(np.int32),
        node=node,
        score=score[order],
        count=count[order],
        n_antecedent=one[order],
        n_consequent=other[order],
        parent=tree[1],
        item=tree[2],
        keys=tree[3],
        first_node=tree[4],
        known=tuple(_remainders(keys) for keys in tree[3]),
        rules_of=by_node.astype(np.int64),
        starts=np.concatenate(([0], np.cumsum(np.bincount(node, minlength=n_nodes)))),
    )


def _scores(
    scoring: Scoring, count: Ints, one: Ints, other: Ints, n: int, confidence_level: float
) -> Floats:
    if scoring == "lower_bound":
        return wilson_interval(count, one, float(ndtri(confidence_level)))[0]
    if scoring == "lift":
        return count * (n / one) / other
    if scoring == "leverage":
        return count / n - (one / n) * (other / n)
    if scoring == "cosine":
        return count / np.sqrt(one.astype(np.float64) * other)
    return count / one


def _tree(
    places: NDArray[np.integer[Any]], rules: Rules
) -> tuple[Ints, Ints, Ints, tuple[Ints, ...], tuple[int, ...]]:
    """Return the nodes of sets, and the tree: parent, item, keys and first node by length."""
    index = rules.index
    n_items, lengths = len(index.items), index.lengths(places.astype(np.int32))
    longest = int(lengths.max(initial=0))
    codes = np.full((len(places), longest), -1, dtype=np.int64)
    for length in range(1, longest + 1):
        rows = np.flatnonzero(lengths == length)
        codes[rows, :length] = index.codes_at(places[rows].astype(np.int32), length)
    node = np.zeros(len(places), dtype=np.int64)
    parents, items = [np.zeros(1, np.int64)], [np.full(1, -1, np.int64)]
    all_keys: list[Ints] = []
    first: list[int] = []
    n_nodes = 1
    for level in range(longest):
        rows = np.flatnonzero(lengths > level)
        keys, which = np.unique(node[rows] * n_items + codes[rows, level], return_inverse=True)
        node[rows] = n_nodes + which
        all_keys.append(keys)
        first.append(n_nodes)
        parents.append(keys // n_items)
        items.append(keys % n_items)
        n_nodes += len(keys)
    return node, np.concatenate(parents), np.concatenate(items), tuple(all_keys), tuple(first)


def _remainders(keys: Ints) -> NDArray[np.bool_]:
    size = min(_LARGEST_FILTER, 1 << (16 * len(keys) + 1).bit_length())
    found = np.zeros(size, dtype=np.bool_)
    found[keys % size] = True
    return found
