"""Rerankers in turn: each is the source of candidates of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.errors import InvalidParameterError
from userportrait.recommend._interactions import entry_rows
from userportrait.recommend._top import Top, no_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._filters import Candidates, Request, Reranker
    from userportrait.recommend._interactions import Matrix

__all__ = ["Stage", "is_among", "pair_keys"]


def pair_keys(row: NDArray[np.intp], items: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """Return a number for each pair of a row and one of its items, of shape (n_rows, k)."""
    return row[:, None].astype(np.int64) * n_items + items


def is_among(row: NDArray[np.intp], item: NDArray[np.int32], matrix: Matrix) -> NDArray[np.bool_]:
    """Return which pairs a matrix holds."""
    n = matrix.shape[1]
    held = entry_rows(matrix) * n + matrix.indices
    return np.isin(row * n + item, held)


class Stage:
    """What a reranker chooses, as candidates of the next one.

    Parameters
    ----------
    reranker : Reranker
    source : Candidates
        What it chooses from.
    request : Request
    owner : str
        For messages.
    """

    def __init__(
        self, reranker: Reranker, source: Candidates, request: Request, owner: str
    ) -> None:
        self._reranker = reranker
        self._source = source
        self._request = request
        self._owner = owner
        self._whole: dict[int, Top] = {}

    def best(
        self,
        n: int,
        *,
        rows: NDArray[np.intp] | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> Top:
        """Return what the reranker chooses if it is asked for lists of `n` items."""
        n = min(n, self._request.interactions.n_items)
        return self._chosen(n, rows) if among is None else self._chosen_among(n, rows, among)

    def _chosen(self, n: int, rows: NDArray[np.intp] | None) -> Top:
        if rows is None and n in self._whole:
            return self._whole[n]
        request = self._request if rows is None else self._request.take(rows)
        source = self._source if rows is None else _Part(self._source, rows)
        top = self._reranker.choose(request.with_k(n), source)
        self._check(top, (len(request), n))
        if rows is None:
            self._whole[n] = top
        return top

    def _chosen_among(self, n: int, rows: NDArray[np.intp] | None, among: NDArray[np.bool_]) -> Top:
        """Ask for more until `n` of the items wanted are there, or there are no more."""
        n_items = self._request.interactions.n_items
        size = n
        while True:
            size = min(4 * size, n_items)
            top = self._chosen(size, rows)
            wanted = (top.items >= 0) & among[top.items]
            enough = np.count_nonzero(wanted, axis=1) >= n
            if size == n_items or bool((enough | (top.items[:, -1] < 0)).all()):
                return _only(top, wanted, n)

    def moved_in(self, keys: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
        """Return which pairs are in its lists of `k` and not among the `k` best it was given."""
        n_items = self._request.interactions.n_items
        row = np.arange(len(self._request))
        given, chosen = (
            pair_keys(row, top.items, n_items)[top.items >= 0]
            for top in (self._source.best(k), self.best(k))
        )
        return np.isin(keys, chosen) & ~np.isin(keys, given)

    def _check(self, top: Top, shape: tuple[int, int]) -> None:
        """Raise `InvalidParameterError` if a reranker does not keep its promises."""
        items, scores = np.asarray(top.items), np.asarray(top.scores)
        problem = None
        if items.shape != shape or scores.shape != shape or items.dtype.kind != "i":
            problem = f"must return items (whole numbers) and scores of shape {shape}"
        elif bool(((items[:, 1:] >= 0) & (items[:, :-1] < 0)).any()):
            problem = "must put -1 at the end of a list only"
        elif bool(((np.diff(scores, axis=1) > 0) & (items[:, 1:] >= 0)).any()):
            problem = "must return scores that do not rise with the rank"
        elif _has_twice(items):
            problem = "must not choose an item twice for one list"
        if problem is not None:
            text = f"{type(self._reranker).__name__}.choose {problem}."
            raise InvalidParameterError(self._owner, [text])


class _Part:
    """Some rows of candidates."""

    def __init__(self, source: Candidates, rows: NDArray[np.intp]) -> None:
        self._source = source
        self._rows = rows

    def best(
        self,
        n: int,
        *,
        rows: NDArray[np.intp] | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> Top:
        """Return the best items of these rows."""
        chosen = self._rows if rows is None else self._rows[rows]
        return self._source.best(n, rows=chosen, among=among)


def _has_twice(items: NDArray[np.int32]) -> bool:
    ordered = np.sort(items, axis=1)
    return bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any())


def _only(top: Top, wanted: NDArray[np.bool_], n: int) -> Top:
    """Return the first `n` wanted items of each row."""
    found = no_items(len(top.items), n)
    place = np.cumsum(wanted, axis=1) - 1
    wanted = wanted & (place < n)
    row, _ = np.nonzero(wanted)
    found.items[row, place[wanted]] = top.items[wanted]
    found.scores[row, place[wanted]] = top.scores[wanted]
    return found
