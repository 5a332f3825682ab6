"""Steps from one purchase in a category to the next: what is left, what is taken up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Moves", "count_moves", "expected_moves"]

_TURNS = 2_000
_CLOSE = 1e-10


@dataclass(slots=True)
class Moves:
    """Switches between items of one category, those that happened.

    Parameters
    ----------
    left, taken, count : ndarray of int64
        Codes of the items, sorted by both, and how often the one was left and the other taken.
    n_left, n_taken : ndarray of int64 of shape (n_items,)
        Steps at which an item was left, or taken up, for any other one.
    group : ndarray of int32 of shape (n_items,)
        The category of each item; -1 without one.
    n_steps : int
        Pairs of purchases that follow each other.
    out_factor, in_factor : ndarray of float64 of shape (n_items,)
        Their product is the expected number of switches; see `expected_moves`.
    """

    left: Ints
    taken: Ints
    count: Ints
    n_left: Ints
    n_taken: Ints
    group: NDArray[np.int32]
    n_steps: int
    out_factor: Floats = field(default_factory=lambda: np.empty(0))
    in_factor: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def n_pairs(self) -> int:
        """Ordered pairs of items of one category of which the one was left, the other taken."""
        total = 0
        for group in np.unique(self.group[self.group >= 0]).tolist():
            inside = self.group == group
            out, into = inside & (self.n_left > 0), inside & (self.n_taken > 0)
            total += int(out.sum()) * int(into.sum()) - int((out & into).sum())
        return total

    def count_of(self, left: Ints, taken: Ints) -> Ints:
        """Return how often these switches happened."""
        if not len(self.left):
            return np.zeros(len(left), dtype=np.int64)
        size = len(self.group)
        keys, wanted = self.left * size + self.taken, left * size + taken
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, self.count[place], 0)

    def count_expected(self, least: float) -> int:
        """Count the ordered pairs that chance brings together at least so often."""
        total = 0
        for group in np.unique(self.group[self.group >= 0]).tolist():
            inside = np.flatnonzero(self.group == group)
            out, into = self.out_factor[inside], self.in_factor[inside]
            # Expected numbers are cut at the number of trials, as they are for the test.
            own = np.minimum(out * into, np.minimum(self.n_left[inside], self.n_taken[inside]))
            fit_out, fit_in = self.n_left[inside] >= least, self.n_taken[inside] >= least
            ordered = np.sort(into[fit_in])
            needed = least / np.maximum(out[fit_out], 1e-300)
            total += int((len(ordered) - np.searchsorted(ordered, needed)).sum())
            total -= int(np.count_nonzero((own >= least) & fit_out & fit_in))
        return total


def count_moves(baskets: Baskets, groups: NDArray[np.int32] | None, window: int | None) -> Moves:
    """Count switches from each purchase in a category to the customer's next one there.

    Parameters
    ----------
    baskets : Baskets
        With customers and times.
    groups : ndarray of int32 of shape (n_items,), optional
        The category of each item, -1 for none; by default all items are in one.
    window : int, optional
        The longest time between the two, in microseconds.
    """
    n_items = len(baskets.items)
    group = np.zeros(n_items, dtype=np.int32) if groups is None else groups
    entries, customer, category, at = _purchases(baskets, group)
    follows = (customer[1:] == customer[:-1]) & (category[1:] == category[:-1])
    if window is not None:
        follows &= at[1:] - at[:-1] <= window
    first = np.flatnonzero(follows)
    before, after = entries[first], entries[first + 1]
    both = before.multiply(after)
    left, taken = (before - both).tocsr(), (after - both).tocsr()
    left.eliminate_zeros()
    taken.eliminate_zeros()
    # Where nothing is left, or nothing taken up, there is no choice between items to learn from.
    rows = np.flatnonzero((np.diff(left.indptr) > 0) & (np.diff(taken.indptr) > 0))
    left, taken = left[rows], taken[rows]
    together: Any = (left.T.tocsr() @ taken).tocsr()
    together.sort_indices()
    counts = np.asarray(together.data, dtype=np.int64)
    return Moves(
        left=np.repeat(np.arange(n_items), np.diff(together.indptr)).astype(np.int64),
        taken=together.indices.astype(np.int64),
        count=counts,
        n_left=np.asarray(left.sum(axis=0), dtype=np.int64).ravel(),
        n_taken=np.asarray(taken.sum(axis=0), dtype=np.int64).ravel(),
        group=group,
        n_steps=len(first),
    )


def _purchases(
    baskets: Baskets, group: NDArray[np.int32]
) -> tuple[Any, Ints, NDArray[np.int32], Ints]:
    """Return purchases by customer, category and time: items, customer, category, time."""
    assert baskets.customers is not None  # noqa: S101  # the caller has checked
    assert baskets.at is not None  # noqa: S101
    sizes = np.diff(baskets.indptr)
    item = baskets.indices.astype(np.int64)
    customer = np.repeat(baskets.customers.astype(np.int64), sizes)
    at = np.repeat(baskets.at, sizes)
    used = (customer >= 0) & (group[item] >= 0)
    item, customer, at = item[used], customer[used], at[used]
    category = group[item]
    order = np.lexsort((item, at, category, customer))
    item, customer, at, category = item[order], customer[order], at[order], category[order]
    starts = np.ones(len(item), dtype=bool)
    starts[1:] = (
        (customer[1:] != customer[:-1]) | (category[1:] != category[:-1]) | (at[1:] != at[:-1])
    )
    row = np.cumsum(starts) - 1
    new = starts.copy()
    new[1:] |= item[1:] != item[:-1]  # two baskets of one moment may hold the same item
    n_rows = int(row[-1]) + 1 if len(row) else 0
    indptr = np.concatenate(([0], np.cumsum(np.bincount(row[new], minlength=n_rows))))
    entries = sparse.csr_matrix(
        (np.ones(int(new.sum()), dtype=np.int32), item[new].astype(np.int32), indptr),
        shape=(n_rows, len(group)),
    )
    return entries, customer[starts], category[starts], at[starts]


def expected_moves(moves: Moves) -> Floats:
    """Fit quasi-independence by iterative scaling; return what it expects of each switch.

    The factors are kept in `moves`. Items of one category only can follow each other, and no
    item follows itself; apart from that an expected number is a product of two factors, and
    rows and columns have the sums that were observed.
    """
    size = len(moves.group)
    weight = moves.count.astype(np.float64)
    out_sum = np.bincount(moves.left, weights=weight, minlength=size).astype(np.float64)
    in_sum = np.bincount(moves.taken, weights=weight, minlength=size).astype(np.float64)
    group = np.maximum(moves.group, 0)
    n_groups = int(group.max(initial=0)) + 1

    def others(factor: Floats) -> Floats:
        """Sum of the factors of all other items of the category."""
        return np.bincount(group, weights=factor, minlength=n_groups)[group] - factor

    into, out = in_sum.copy(), np.zeros(size)
    for _ in range(_TURNS):
        out = _over(out_sum, others(into))
        renewed = _over(in_sum, others(out))
        change = float(np.abs(renewed - into).max(initial=0.0))
        into = renewed
        if change <= _CLOSE * max(float(into.max(initial=0.0)), 1.0):
            break
    moves.out_factor, moves.in_factor = out, into
    return out[moves.left] * into[moves.taken]


def _over(sums: Floats, rest: Floats) -> Floats:
    return np.divide(sums, rest, out=np.zeros(len(sums)), where=(sums > 0) & (rest > 1e-12))
