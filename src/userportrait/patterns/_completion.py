"""What else belongs into baskets: the best items for very many of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._recommender_rules import RuleBook

    Codes: TypeAlias = NDArray[np.int32]
    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]

__all__ = ["Combine", "Completed", "Rows", "complete_rows"]

Combine: TypeAlias = Literal["best", "sum"]
"""What an item is worth for which several rules speak."""

_CELLS = 4_000_000
_TRIES = 2_000_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Baskets in the codes of the rules, ascending in each row."""

    indptr: Ints
    indices: Codes

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def part(self, low: int, high: int) -> Rows:
        """Return some rows."""
        start, end = self.indptr[low], self.indptr[high]
        return Rows(self.indptr[low : high + 1] - start, self.indices[start:end])


@dataclass(frozen=True, slots=True)
class Completed:
    """The best items of each row, best first.

    Parameters
    ----------
    row, item, rank : ndarray of int64
        `rank` counts from 1 in each row.
    score : ndarray of float64
        0 for an item that no rule speaks for.
    rule : ndarray of int64
        The best rule that speaks for it; -1 if none does.
    """

    row: Ints
    item: Ints
    rank: Ints
    score: Floats
    rule: Ints


def complete_rows(
    book: RuleBook,
    context: Rows,
    seen: Rows | None,
    *,
    k: int,
    allowed: NDArray[np.bool_],
    popularity: Ints | None,
    combine: Combine,
) -> Completed:
    """Return up to `k` items for each row.

    Parameters
    ----------
    book : RuleBook
    context : Rows
        What the rules look at.
    seen : Rows or None
        What is not recommended; None for nothing.
    k : int
    allowed : ndarray of bool of shape (n_items,)
    popularity : ndarray of int64 of shape (n_items,), optional
        The rank of each item, from 0, by which lists are filled up; None leaves them short.
    combine : {'best', 'sum'}
    """
    parts: list[Completed] = []
    for low, high in _blocks(context, book.n_items, len(book.keys)):
        hidden = None if seen is None else seen.part(low, high)
        block = _Block(book, context.part(low, high), hidden, allowed, popularity)
        found = block.by_best(k) if combine == "best" else block.by_sum(k)
        parts.append(Completed(found.row + low, found.item, found.rank, found.score, found.rule))
    if not parts:
        none = np.empty(0, np.int64)
        return Completed(none, none, none, np.empty(0), none)
    names = Completed.__dataclass_fields__
    joined: dict[str, Any] = {n: np.concatenate([getattr(p, n) for p in parts]) for n in names}
    return Completed(**joined)


def _blocks(rows: Rows, n_items: int, n_levels: int) -> Iterator[tuple[int, int]]:
    """Cut rows so that neither cells nor the sets that are tried take too much memory."""
    sizes = np.diff(rows.indptr).astype(np.float64)
    tries = sizes**2 / 2 if n_levels > 1 else sizes
    cost = np.cumsum(np.maximum(tries / _TRIES, n_items / _CELLS))
    low = 0
    while low < len(rows):
        spent = cost[low - 1] if low else 0.0
        high = max(low + 1, int(np.searchsorted(cost, spent + 1.0, side="right")))
        yield low, high
        low = high


class _Block:
    """Some rows, with the rules that fire in them."""

    def __init__(
        self,
        book: RuleBook,
        context: Rows,
        seen: Rows | None,
        allowed: NDArray[np.bool_],
        popularity: Ints | None,
    ) -> None:
        self.book = book
        self.n_rows = len(context)
        self.popularity = popularity
        baskets, nodes = book.match(context.indptr, context.indices)
        rows, self.rules = book.fired(baskets, nodes)
        self.cells: Ints = rows * book.n_items + book.consequent[self.rules]
        self.hidden = np.zeros((self.n_rows, book.n_items), dtype=np.bool_)
        self.hidden[:, ~allowed] = True
        if seen is not None:
            self.hidden[np.repeat(np.arange(self.n_rows), np.diff(seen.indptr)), seen.indices] = (
                True
            )

    def best_rules(self) -> Ints:
        """Return the best rule of each cell; beyond the last rule where none fires."""
        best = np.full(self.n_rows * self.book.n_items, self.book.n_rules, dtype=np.int64)
        np.minimum.at(best, self.cells, self.rules)
        return best.reshape(self.n_rows, self.book.n_items)

    def by_best(self, k: int) -> Completed:
        """Rank items by their best rule; rules have no ties."""
        n_rules, best = self.book.n_rules, self.best_rules()
        worth = best
        if self.popularity is not None:
            worth = np.where(best < n_rules, best, n_rules + self.popularity[None, :])
        out_of_reach = n_rules + self.book.n_items
        worth = np.where(self.hidden, out_of_reach, worth)
        limit = out_of_reach if self.popularity is not None else n_rules
        row, item = _lowest(worth, k, limit)
        rule = best[row, item]
        score = np.append(self.book.score, 0.0)[rule]
        order = np.lexsort((worth[row, item], row))
        return _ranked(
            row[order], item[order], score[order], np.where(rule < n_rules, rule, -1)[order]
        )

    def by_sum(self, k: int) -> Completed:
        """Rank items by the sum of the scores of their rules, then by number."""
        best, total = self.best_rules(), np.zeros(self.n_rows * self.book.n_items)
        np.add.at(total, self.cells, self.book.score[self.rules])
        sums = total.reshape(best.shape)
        worth = -sums
        none = best == self.book.n_rules
        if self.popularity is not None:  # after every item that a rule speaks for
            last = float(worth.max(initial=0.0))
            worth = np.where(none, last + 1.0 + self.popularity[None, :], worth)
            worth = np.where(self.hidden, np.inf, worth)
        else:
            worth = np.where(self.hidden | none, np.inf, worth)
        row, item = _lowest(worth, k, np.inf)
        order = np.lexsort((item, worth[row, item], row))
        row, item = row[order], item[order]
        rule = best[row, item]
        rule = np.where(rule < self.book.n_rules, rule, -1)
        return _ranked(row, item, np.where(rule >= 0, sums[row, item], 0.0), rule, k)


def _lowest(worth: Any, k: int, limit: float) -> tuple[Ints, Ints]:
    """Return the cells with the `k` smallest values of each row below a limit, and their ties."""
    n_items = worth.shape[1]
    if k < n_items:
        kth = np.partition(worth, k - 1, axis=1)[:, k - 1 : k]
        row, item = np.nonzero((worth <= kth) & (worth < limit))
    else:
        row, item = np.nonzero(worth < limit)
    return row.astype(np.int64), item.astype(np.int64)


def _ranked(row: Ints, item: Ints, score: Floats, rule: Ints, k: int | None = None) -> Completed:
    starts = np.searchsorted(row, row)
    rank = np.arange(len(row)) - starts + 1
    kept = slice(None) if k is None else rank <= k
    return Completed(row[kept], item[kept], rank[kept].astype(np.int64), score[kept], rule[kept])
