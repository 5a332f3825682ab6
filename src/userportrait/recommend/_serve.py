"""From a model's best items to lists: filters, seen items, popular items where a list is short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from userportrait._core.params import Between, check_values
from userportrait.recommend._filters import combined_mask
from userportrait.recommend._top import Top, block_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._filters import ItemFilter, Request, Reranker
    from userportrait.recommend._interactions import Matrix

__all__ = ["Lists", "Serving", "serve"]


class Ranks(Protocol):
    """What is asked of a model."""

    @property
    def popular_items(self) -> NDArray[np.int32]:
        """Columns of the items, those of most customers first."""
        ...

    @property
    def has_only_positive_scores(self) -> bool:
        """Whether a score of 0 says that nothing speaks for an item."""
        ...

    def top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        blocked: Matrix | None = None,
    ) -> Top:
        """Return the k best items of each row."""
        ...


@dataclass(frozen=True, slots=True)
class Serving:
    """How lists are made."""

    owner: str
    filter_seen: bool
    filters: tuple[ItemFilter, ...]
    rerankers: tuple[Reranker, ...]


class Lists(NamedTuple):
    """Recommended items as parallel arrays, by row, then rank.

    Parameters
    ----------
    row, item : ndarray of int
    score : ndarray of float64
    rank : ndarray of int64
        From 1.
    filled : ndarray of bool
        Whether only its popularity speaks for the item.
    """

    row: NDArray[np.intp]
    item: NDArray[np.int32]
    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    filled: NDArray[np.bool_]


def serve(model: Ranks, request: Request, history: Matrix, serving: Serving) -> Lists:
    """Return the lists of a request."""
    check_values(serving.owner, {"k": request.k}, {"k": Between(1, 1_000_000, integer=True)})
    n_items = request.interactions.n_items
    request = request if request.k <= n_items else _with_k(request, n_items)
    if not serving.filters and not serving.rerankers:
        return _Candidates(model, request, history, serving).lists(request.k)
    step = block_rows(n_items, 1)
    parts = [
        _serve_block(model, request.take(rows), history[rows], serving)
        for rows in (slice(s, s + step) for s in range(0, len(request), step))
    ]
    if not parts:
        return _Candidates(model, request, history, serving).lists(request.k)
    offsets = np.arange(len(parts)) * step
    rows = [part.row + start for part, start in zip(parts, offsets, strict=True)]
    rest = zip(*(part[1:] for part in parts), strict=True)
    return Lists(np.concatenate(rows), *(np.concatenate(pieces) for pieces in rest))


def _with_k(request: Request, k: int) -> Request:
    return type(request)(request.interactions, request.customers, request.known, k)


def _serve_block(model: Ranks, request: Request, history: Matrix, serving: Serving) -> Lists:
    found = _Candidates(model, request, history, serving)
    if not serving.rerankers:
        return found.lists(request.k)
    top: Top | None = None
    for reranker in serving.rerankers:
        source = found if top is None else _Chosen(top)
        top = reranker.choose(request, source)
    return found.lists_of(top) if top is not None else found.lists(request.k)


class _Chosen:
    """What an earlier reranker has chosen, as candidates of the next."""

    def __init__(self, top: Top) -> None:
        self._found = top

    def best(self, n: int) -> Top:
        """Return the first n items of each list."""
        return Top(self._found.items[:, :n], self._found.scores[:, :n])


class _Candidates:
    """The best allowed items of a request, popular ones last."""

    def __init__(
        self, model: Ranks, request: Request, history: Matrix, serving: Serving
    ) -> None:
        self._model = model
        self._request = request
        self._history = history
        self._allowed = combined_mask(serving.filters, request, serving.owner)
        self._seen = history if serving.filter_seen else None
        self._is_filled: dict[int, NDArray[np.bool_]] = {}

    def best(self, n: int) -> Top:
        """Return the n best allowed items of each row."""
        n = min(n, self._request.interactions.n_items)
        top, _ = self._best(n)
        return top

    def _best(self, n: int) -> tuple[Top, NDArray[np.int64]]:
        """Return lists, and how many items of each the model itself has chosen."""
        sizes = np.diff(self._history.indptr)
        warm = np.flatnonzero((sizes > 0) | (self._request.known >= 0))
        items = np.full((len(self._request), n), -1, dtype=np.int32)
        scores = np.zeros((len(self._request), n))
        if len(warm) == len(self._request):
            top = self._model.top(
                self._history, self._request.known, n, self._allowed, self._seen
            )
            items, scores = top.items.copy(), top.scores.copy()
        elif len(warm):
            allowed = self._allowed
            if allowed is not None and allowed.ndim == 2:
                allowed = allowed[warm]
            history = self._history[warm]
            seen = None if self._seen is None else history
            top = self._model.top(history, self._request.known[warm], n, allowed, seen)
            items[warm], scores[warm] = top.items, top.scores
        n_own = np.count_nonzero(items >= 0, axis=1)
        self._fill(items, scores, n_own)
        return Top(items, scores), n_own

    def _fill(
        self, items: NDArray[np.int32], scores: NDArray[np.float64], n_own: NDArray[np.int64]
    ) -> None:
        """Add the most popular allowed items to lists that are short."""
        n_items, k = self._request.interactions.n_items, items.shape[1]
        popular = self._model.popular_items
        if not self._model.has_only_positive_scores:
            short = np.flatnonzero(n_own == 0)
        else:
            short = np.flatnonzero(n_own < k)
        out = np.zeros(n_items, dtype=bool)
        for row in short.tolist():
            out[:] = False
            if self._allowed is not None:
                np.logical_not(
                    self._allowed if self._allowed.ndim == 1 else self._allowed[row], out=out
                )
            if self._seen is not None:
                start, stop = self._seen.indptr[row], self._seen.indptr[row + 1]
                out[self._seen.indices[start:stop]] = True
            own = int(n_own[row])
            out[items[row, :own]] = True
            chosen = popular[~out[popular]][: k - own]
            items[row, own : own + len(chosen)] = chosen
            if own and scores[row, own - 1] < 0:
                scores[row, own : own + len(chosen)] = scores[row, own - 1]

    def lists(self, k: int) -> Lists:
        """Return the k best items of each row."""
        top, n_own = self._best(k)
        filled = np.arange(k)[None, :] >= n_own[:, None]
        return _flat(top, filled)

    def lists_of(self, top: Top) -> Lists:
        """Return lists that a reranker has chosen."""
        n = min(self._request.interactions.n_items, 4 * top.items.shape[1])
        own, n_own = self._best(n)
        filled = np.zeros(top.items.shape, dtype=bool)
        for row in range(len(top.items)):
            popular = own.items[row, n_own[row] :]
            filled[row] = np.isin(top.items[row], popular)
        return _flat(top, filled)


def _flat(top: Top, filled: NDArray[np.bool_]) -> Lists:
    inside = top.items >= 0
    row, _ = np.nonzero(inside)
    rank = np.cumsum(inside, axis=1)[inside]
    return Lists(row, top.items[inside], top.scores[inside], rank, filled[inside])
