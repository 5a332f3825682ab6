"""Weights of a blend, learned on interactions that are held out."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.recommend._base_lookup import take_rows
from userportrait.recommend._interactions import csr, entry_rows, row_sizes
from userportrait.recommend._top import block_rows, drop_blocked, top_of_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._base import Recommender
    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = ["cut_for_validation", "deviation", "learn_weights"]

_K = 20
_CANDIDATES = 200


def cut_for_validation(
    data: Interactions, share: float, random_state: int
) -> tuple[Interactions, Matrix]:
    """Hold out a share of each customer's items: the newest ones, or random ones without times.

    Customers with a single item keep it.

    Returns
    -------
    train : Interactions
        With the same customers and items.
    held_out : csr_array
    """
    matrix = data.matrix
    sizes, row = row_sizes(matrix), entry_rows(matrix)
    newest = _newest_times(data)
    luck: NDArray[np.float64] = np.random.default_rng(random_state).random(int(matrix.nnz))
    order = np.lexsort((luck, row) if newest is None else (luck, newest, row))
    place = np.empty(matrix.nnz, dtype=np.int64)
    place[order] = np.arange(matrix.nnz) - matrix.indptr[:-1][row]
    n_out = np.minimum(np.ceil(sizes * share).astype(np.int64), sizes - 1)
    out = place >= (sizes - n_out)[row]
    held_out = _entries_where(matrix, row, out)
    log = None
    if data.log is not None:
        gone: NDArray[np.int64] = row[out] * data.n_items + matrix.indices[out]
        key = data.log.customer.astype(np.int64) * matrix.shape[1] + data.log.item
        keep = ~np.isin(key, gone)
        parts = ("customer", "item", "at", "order", "weight")
        log = replace(data.log, **{name: getattr(data.log, name)[keep] for name in parts})
    train = replace(data, matrix=_entries_where(matrix, row, ~out), log=log)
    return train, held_out


def _newest_times(data: Interactions) -> NDArray[np.int64] | None:
    """Return the newest time of each entry of the matrix."""
    if data.log is None:
        return None
    key = data.log.customer.astype(np.int64) * data.n_items + data.log.item
    order = np.lexsort((data.log.at, key))
    key, at = key[order], data.log.at[order]
    last = np.r_[np.flatnonzero(key[1:] != key[:-1]), len(key) - 1]
    row = entry_rows(data.matrix)
    wanted: NDArray[np.int64] = row * data.n_items + data.matrix.indices
    place = np.minimum(np.searchsorted(key[last], wanted), len(last) - 1)
    found: NDArray[np.int64] = at[last[place]]
    return found


def _entries_where(matrix: Matrix, row: NDArray[np.intp], keep: NDArray[np.bool_]) -> Matrix:
    indptr = np.zeros(matrix.shape[0] + 1, dtype=np.int64)
    np.cumsum(np.bincount(row[keep], minlength=matrix.shape[0]), out=indptr[1:])
    return csr(matrix.data[keep], matrix.indices[keep], indptr, matrix.shape)


def deviation(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each row as a column; 1 where there is none."""
    found: NDArray[np.float64] = scores.std(axis=1, keepdims=True)
    found[found == 0] = 1.0
    return found


def learn_weights(
    models: Mapping[str, Recommender],
    train: Interactions,
    held_out: Matrix,
    *,
    n_customers: int,
    random_state: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the weights with the best NDCG for held-out items, and the NDCG of each model."""
    rows = np.flatnonzero(row_sizes(held_out) > 0)
    names = list(models)
    if not len(rows):
        return dict.fromkeys(names, 1.0 / len(names)), {}
    if len(rows) > n_customers:
        chosen = np.random.default_rng(random_state).choice(len(rows), n_customers, replace=False)
        rows = rows[np.sort(chosen)]
    parts = [_candidates(list(models.values()), train, held_out, block) for block in _blocks(
        rows, train.n_items)]  # fmt: skip
    scores = np.concatenate([scores for scores, _, _ in parts])
    relevant = np.concatenate([hits for _, hits, _ in parts])
    n_relevant = np.concatenate([sizes for _, _, sizes in parts])
    best = _search(scores, relevant, n_relevant)
    found = {name: _ndcg(scores, relevant, n_relevant, np.eye(len(names))[i])
             for i, name in enumerate(names)}  # fmt: skip
    found["blend"] = _ndcg(scores, relevant, n_relevant, best)
    return {name: float(w) for name, w in zip(names, best, strict=True)}, found


def _blocks(rows: NDArray[np.intp], n_items: int) -> list[NDArray[np.intp]]:
    step = block_rows(n_items)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _candidates(
    models: list[Recommender], train: Interactions, held_out: Matrix, rows: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Return scores by customer, candidate and model; which candidates are held out; how many."""
    history = take_rows(train.matrix, rows)
    n = min(_CANDIDATES, train.n_items)
    dense: list[NDArray[np.float64]] = []
    tops: list[NDArray[np.int32]] = []
    for model in models:
        scores = np.asarray(model.score_rows(history, rows), dtype=np.float64)
        scores = scores / deviation(scores)
        drop_blocked(scores, history)
        dense.append(scores)
        tops.append(top_of_scores(scores, n).items)
    items = np.sort(np.concatenate(tops, axis=1), axis=1)
    twice = np.zeros(items.shape, dtype=bool)
    twice[:, 1:] = items[:, 1:] == items[:, :-1]
    gone = twice | (items < 0)
    place = np.maximum(items, 0)
    across = np.arange(len(rows))[:, None]
    scores = np.stack([found[across, place] for found in dense], axis=2)
    scores[gone] = -np.inf
    wanted = np.zeros((len(rows), train.n_items), dtype=bool)
    truth = take_rows(held_out, rows)
    wanted[entry_rows(truth), truth.indices] = True
    width = n * len(models)
    padded = np.full((len(rows), width, len(models)), -np.inf)
    padded[:, : scores.shape[1]] = scores
    hits = np.zeros((len(rows), width), dtype=bool)
    hits[:, : scores.shape[1]] = wanted[across, place] & ~gone
    return padded, hits, row_sizes(truth).astype(np.int64)


def _search(
    scores: NDArray[np.float64], relevant: NDArray[np.bool_], n_relevant: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Try a grid, then a finer one around the best."""
    n_models = scores.shape[2]
    tried: dict[tuple[int, ...], float] = {}

    def value(point: tuple[int, ...]) -> float:
        if point not in tried:
            tried[point] = _ndcg(scores, relevant, n_relevant, np.array(point) / 20.0)
        return tried[point]

    grid = [tuple(2 * part for part in point) for point in _simplex(n_models, 10)]
    best = max(grid, key=value)
    while True:
        around = [
            tuple(best[m] + (m == up) - (m == down) for m in range(n_models))
            for up in range(n_models)
            for down in range(n_models)
            if up != down and best[down] > 0
        ]
        better = max(around, key=value, default=best)
        if value(better) <= value(best):
            return np.array(best) / 20.0
        best = better


def _simplex(n_parts: int, total: int) -> list[tuple[int, ...]]:
    """Return all ways to cut a total into parts, earlier parts largest first."""
    found: list[tuple[int, ...]] = []
    for bars in combinations(range(total + n_parts - 1), n_parts - 1):
        edges = [-1, *bars, total + n_parts - 1]
        found.append(tuple(edges[i + 1] - edges[i] - 1 for i in range(n_parts)))
    return found[::-1]


def _ndcg(
    scores: NDArray[np.float64],
    relevant: NDArray[np.bool_],
    n_relevant: NDArray[np.int64],
    weights: NDArray[Any],
) -> float:
    """Return the mean NDCG of the blend; equal scores go by item."""
    n_rows, width, n_models = scores.shape
    blend = np.zeros((n_rows, width))
    for m in range(n_models):
        if weights[m]:
            blend += np.where(np.isfinite(scores[:, :, m]), scores[:, :, m] * weights[m], -1e300)
    k = min(_K, width)
    near = np.argpartition(-blend, k - 1, axis=1)[:, :k]
    across = np.arange(len(blend))[:, None]
    order = np.lexsort((near, -blend[across, near]), axis=1)
    top = near[across, order]
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained = (relevant[across, top] * discount).sum(axis=1)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(n_relevant, k)]
    return float((gained / ideal).mean())
