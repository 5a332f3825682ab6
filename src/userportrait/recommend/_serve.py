"""From a model's best items to lists: filters, rerankers, popular items where a list is short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from userportrait._core.params import Between, check_values
from userportrait.errors import InvalidParameterError
from userportrait.recommend._filters import (
    blocked_pairs,
    combined_mask,
    is_same_for_all,
    replaces_seen,
)
from userportrait.recommend._filters_items import ExcludeItems
from userportrait.recommend._interactions import row_sizes
from userportrait.recommend._serve_fill import fill_popular
from userportrait.recommend._serve_stages import Stage, is_among, pair_keys
from userportrait.recommend._top import Top, block_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.recommend._filters import (
        Candidates,
        Filters,
        ItemFilter,
        PairFilter,
        Request,
        Reranker,
    )
    from userportrait.recommend._interactions import Matrix

__all__ = ["Lists", "Serving", "serve", "serving_of"]


class Ranks(Protocol):
    """What is asked of a model."""

    @property
    def popular_items(self) -> NDArray[np.int32]:
        """Columns of the items that anybody has, those of most customers first."""
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

    def cold_top(
        self,
        customers: NDArray[Any],
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        blocked: Matrix | None = None,
    ) -> Top | None:
        """Return items for customers without a history; None for the popular ones."""
        ...


@dataclass(frozen=True, slots=True)
class Serving:
    """How lists are made.

    Parameters
    ----------
    owner : str
        For messages.
    filter_seen : bool
    item_filters, pair_filters, rerankers
    explains : bool
        Whether it must be known why each item is there.
    """

    owner: str
    filter_seen: bool
    item_filters: tuple[ItemFilter, ...]
    pair_filters: tuple[PairFilter, ...]
    rerankers: tuple[Reranker, ...]
    explains: bool

    @property
    def hides_seen(self) -> bool:
        """Whether items of the history are left out."""
        return self.filter_seen and not any(map(replaces_seen, self.pair_filters))

    @property
    def is_one_block(self) -> bool:
        """Whether nothing needs memory for each customer and item."""
        return not self.rerankers and all(map(is_same_for_all, self.item_filters))


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
    moved_by : ndarray of int
        Which reranker has moved the item in, -1 for none.
    """

    row: NDArray[np.intp]
    item: NDArray[np.int32]
    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    filled: NDArray[np.bool_]
    moved_by: NDArray[np.intp]


def serving_of(
    owner: str,
    filter_seen: bool,
    exclude: Sequence[Any],
    filters: Filters | Sequence[Filters],
    explains: bool,
) -> Serving:
    """Sort filters by their kind.

    Raises
    ------
    InvalidParameterError
        If one of them is none.
    """
    asked: Any = filters
    if not _is_filter(asked) and not hasattr(asked, "__iter__"):
        problem = f"filters must be a list of filters; got {type(asked).__name__}."
        raise InvalidParameterError(owner, [problem])
    given: list[Any] = [asked] if _is_filter(asked) else list(asked)
    wrong = [f for f in given if not _is_filter(f)]
    if wrong:
        name = wrong[0].__name__ if isinstance(wrong[0], type) else type(wrong[0]).__name__
        made = " itself: call it" if isinstance(wrong[0], type) else ""
        problem = f"filters must have a method allowed, blocked or choose; got {name}{made}."
        raise InvalidParameterError(owner, [problem])
    if len(exclude):
        given.insert(0, ExcludeItems(exclude))
    return Serving(
        owner,
        filter_seen,
        tuple(f for f in given if hasattr(f, "allowed")),
        tuple(f for f in given if hasattr(f, "blocked")),
        tuple(f for f in given if hasattr(f, "choose")),
        explains,
    )


def _is_filter(value: object) -> bool:
    # As isinstance with the protocols says, which takes longer than a filter itself.
    kinds = ("allowed", "blocked", "choose")
    return not isinstance(value, type) and any(hasattr(value, kind) for kind in kinds)


def serve(model: Ranks, request: Request, serving: Serving) -> Lists:
    """Return the lists of a request."""
    check_values(serving.owner, {"k": request.k}, {"k": Between(1, 1_000_000, integer=True)})
    n_items = request.interactions.n_items
    request = request.with_k(min(request.k, n_items))
    step = len(request) if serving.is_one_block else block_rows(n_items, 1)
    if len(request) <= step:
        return _serve_block(model, request, serving)
    starts = range(0, len(request), step)
    parts = [_serve_block(model, request.take(slice(s, s + step)), serving) for s in starts]
    rows = [part.row + start for part, start in zip(parts, starts, strict=True)]
    rest = zip(*(part[1:] for part in parts), strict=True)
    return Lists(np.concatenate(rows), *(np.concatenate(pieces) for pieces in rest))


def _serve_block(model: Ranks, request: Request, serving: Serving) -> Lists:
    found = _ModelCandidates(model, request, serving)
    stages: list[Stage] = []
    source: Candidates = found
    for reranker in serving.rerankers:
        source = Stage(reranker, source, request, serving.owner)
        stages.append(source)
    top = source.best(request.k)
    if stages:
        found.check_allowed(top, serving)
    inside = top.items >= 0
    row, column = np.nonzero(inside)
    item = top.items[inside]
    filled, moved_by = np.zeros(len(row), dtype=bool), np.full(len(row), -1, dtype=np.intp)
    if serving.explains:
        keys = row * request.interactions.n_items + item
        filled = found.is_filled(keys)
        for number, stage in reversed(list(enumerate(stages))):
            moved_by[stage.moved_in(keys, request.k)] = number
    return Lists(row, item, top.scores[inside], column + 1, filled, moved_by)


class _ModelCandidates:
    """The best allowed items of a model, popular ones last."""

    def __init__(self, model: Ranks, request: Request, serving: Serving) -> None:
        self._model = model
        self._request = request
        self._n_items = request.interactions.n_items
        self._allowed = combined_mask(serving.item_filters, request, serving.owner)
        seen = request.history if serving.hides_seen else None
        self._blocked = blocked_pairs(serving.pair_filters, request, seen, serving.owner)
        self._explains = serving.explains
        self._filled: list[NDArray[np.int64]] = []
        self._kept: Top | None = None

    def best(
        self,
        n: int,
        *,
        rows: NDArray[np.intp] | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> Top:
        """Return the n best allowed items of each row."""
        n = min(n, self._n_items)
        if rows is not None or among is not None:
            return self._made(n, rows, among)
        if self._kept is None or self._kept.items.shape[1] < n:
            self._kept = self._made(n, None, None)
        return Top(self._kept.items[:, :n], self._kept.scores[:, :n])

    def _made(self, n: int, rows: NDArray[np.intp] | None, among: NDArray[np.bool_] | None) -> Top:
        request, allowed, blocked = self._request, self._allowed, self._blocked
        if rows is not None:
            request = request.take(rows)
            allowed = allowed[rows] if allowed is not None and allowed.ndim == 2 else allowed
            blocked = None if blocked is None else blocked[rows]
        if among is not None:
            allowed = among if allowed is None else allowed & among
        top = self._own(request, n, allowed, blocked)
        n_own = np.count_nonzero(top.items >= 0, axis=1)
        cold = row_sizes(request.history) == 0
        short = (n_own < n) & (cold | self._model.has_only_positive_scores)
        if short.any():
            chosen = np.flatnonzero(short)
            popular = self._model.popular_items
            fill_popular(top, n_own, chosen, popular, self._n_items, allowed, blocked)
            if self._explains:
                extra = (np.arange(n) >= n_own[:, None]) & (top.items >= 0)
                number = np.arange(len(n_own)) if rows is None else rows
                keys = pair_keys(number, top.items, self._n_items)
                self._filled.append(keys[extra])
        return top

    def _own(
        self,
        request: Request,
        n: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        """Return what the model itself has to say; the rows of others stay empty."""
        is_cold = row_sizes(request.history) == 0
        if not is_cold.any():
            top = self._model.top(request.history, request.known, n, allowed, blocked)
            return Top(top.items.copy(), top.scores.copy())
        items = np.full((len(request), n), -1, dtype=np.int32)
        scores = np.zeros((len(request), n))
        for cold in (True, False):
            rows = np.flatnonzero(is_cold == cold)
            if not len(rows):
                continue
            mask = allowed[rows] if allowed is not None and allowed.ndim == 2 else allowed
            out = None if blocked is None else blocked[rows]
            found: Top | None
            if cold:
                found = self._model.cold_top(request.customers[rows], n, mask, out)
            else:
                history, known = request.history[rows], request.known[rows]
                found = self._model.top(history, known, n, mask, out)
            if found is not None:
                items[rows], scores[rows] = found.items, found.scores
        return Top(items, scores)

    def is_filled(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for which pairs only the item's popularity speaks."""
        if not self._filled:
            return np.zeros(len(keys), dtype=bool)
        return np.isin(keys, np.concatenate(self._filled))

    def check_allowed(self, top: Top, serving: Serving) -> None:
        """Raise `InvalidParameterError` if rerankers have chosen what filters do not allow."""
        row, _ = np.nonzero(top.items >= 0)
        item = top.items[top.items >= 0]
        wrong = np.zeros(len(row), dtype=bool)
        if self._allowed is not None:
            wrong |= ~(self._allowed[item] if self._allowed.ndim == 1 else self._allowed[row, item])
        if self._blocked is not None:
            wrong |= is_among(row, item, self._blocked)
        if wrong.any():
            name = type(serving.rerankers[-1]).__name__
            problem = f"{name}.choose must choose candidates only, not what filters leave out."
            raise InvalidParameterError(serving.owner, [problem])
