"""Look for prototypes: seeds far apart, then means and modes until nothing moves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.threads import one_blas_thread
from userportrait.segment._mixed_moves import move_rows
from userportrait.segment._mixed_rows import Prototypes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.segment._mixed_rows import MixedRows

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Found", "search"]

_SAMPLE = 10_000
"""Rows that a start first settles on; all rows take over from there.

Only tables that are no larger are searched further, by moves and swaps: in larger ones a row
counts for little.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where one start ended.

    `is_precise` says whether the distances that led there sum up to the cost.
    """

    prototypes: Prototypes
    labels: Ints
    cost: float
    n_iter: int
    is_precise: bool


def search(
    rows: MixedRows,
    n_clusters: int,
    *,
    n_init: int,
    max_iter: int,
    random_state: int | None,
    n_jobs: int,
) -> Found:
    """Return the cheapest of several starts, the first of equally cheap ones.

    Parameters
    ----------
    rows : MixedRows
        In an order of their own, so that the answer does not depend on the caller's.
    n_clusters : int
        No more than there are distinct rows.
    n_init : int
        Starts.
    max_iter : int
        Passes over all rows in one start, at most.
    random_state : int, optional
    n_jobs : int
        Threads; they change nothing but the time.
    """
    *seeds, last = np.random.SeedSequence(random_state).spawn(n_init + 1)

    def start(seed: np.random.SeedSequence) -> Found:
        found = _start(rows, n_clusters, max_iter, np.random.default_rng(seed))
        if not found.is_precise:
            found = _start(rows.exactly(), n_clusters, max_iter, np.random.default_rng(seed))
        return found if rows.n_rows > _SAMPLE else _moved(rows, found)

    with one_blas_thread():
        if n_jobs == 1 or n_init == 1:
            found = [start(seed) for seed in seeds]
        else:
            with ThreadPoolExecutor(n_jobs) as pool:
                found = list(pool.map(start, seeds))
        best = min(found, key=lambda one: one.cost)
        if rows.n_rows <= _SAMPLE and n_clusters > 1:
            best = _swapped(rows, best, max_iter, 2 * n_init, np.random.default_rng(last))
        return _numbered(rows.exactly(), best)


def _start(rows: MixedRows, n_clusters: int, max_iter: int, source: np.random.Generator) -> Found:
    size = max(_SAMPLE, 200 * n_clusters)
    if rows.n_rows <= 2 * size:
        return _settle(rows, _seed(rows, n_clusters, source), max_iter)
    picked = np.sort(source.choice(rows.n_rows, size=size, replace=False))
    chosen = rows.take(picked)
    prototypes = _settle(chosen, _seed(chosen, n_clusters, source), max_iter).prototypes
    return _settle(rows, prototypes, max_iter)


def _moved(rows: MixedRows, found: Found) -> Found:
    """Let single rows move while that makes it cheaper."""
    labels = move_rows(rows, found.labels, len(found.prototypes))
    prototypes, _ = rows.update(labels, found.prototypes)
    cost = rows.cost(labels, prototypes)
    if cost >= found.cost:
        return found
    return replace(found, prototypes=prototypes, labels=labels, cost=cost)


def _swapped(
    rows: MixedRows, best: Found, max_iter: int, n_swaps: int, source: np.random.Generator
) -> Found:
    """Put a prototype on a row drawn at random, settle, and keep what is cheaper; several times."""
    draw: Any = source.integers
    for _ in range(n_swaps):
        which, row = int(draw(len(best.prototypes))), np.array([int(draw(rows.n_rows))])
        means, modes = best.prototypes.means.copy(), best.prototypes.modes.copy()
        fresh = rows.prototypes_at(row)
        means[which], modes[which] = fresh.means[0], fresh.modes[0]
        found = _moved(rows, _settle(rows, Prototypes(means, modes), max_iter))
        if found.cost < best.cost * (1.0 - 1e-9):
            best = found
    return best


def _numbered(rows: MixedRows, found: Found) -> Found:
    """Number the clusters from the largest, equal ones by their first row.

    Rows as near to two prototypes then go to the one with the lower number, as new rows do,
    unless that would leave a cluster empty.
    """
    sizes = np.bincount(found.labels, minlength=len(found.prototypes))
    first = np.full(len(sizes), rows.n_rows)
    # Backwards: the last one written, the first row, stays.
    first[found.labels[::-1]] = np.arange(rows.n_rows - 1, -1, -1)
    rank = np.lexsort((first, -sizes))
    prototypes = Prototypes(found.prototypes.means[rank], found.prototypes.modes[rank])
    labels = np.argsort(rank)[found.labels]
    while True:
        moved = rows.nearest(prototypes)[0]
        if not np.bincount(moved, minlength=len(sizes)).all():
            return replace(
                found, prototypes=prototypes, labels=labels, cost=rows.cost(labels, prototypes)
            )
        labels = moved
        cost = rows.cost(labels, prototypes)
        better = rows.update(labels, prototypes)[0]
        if rows.cost(labels, better) >= cost * (1.0 - 1e-12):
            return replace(found, prototypes=prototypes, labels=labels, cost=cost)
        prototypes = better


def _seed(rows: MixedRows, n_clusters: int, source: np.random.Generator) -> Prototypes:
    """Draw rows with a chance in proportion to their distance from those already drawn.

    Of a few draws, the one that leaves the least distance is kept.
    """
    n_tries = 2 + int(np.log(n_clusters))
    draw: Any = source.integers
    picked = [int(draw(rows.n_rows))]
    left = rows.nearest(rows.prototypes_at(np.array(picked)))[1]
    for _ in range(1, n_clusters):
        sums: Floats = np.cumsum(left)
        wanted: Floats = source.random(n_tries) * float(sums[-1])
        draws: Ints = np.minimum(np.searchsorted(sums, wanted, side="right"), rows.n_rows - 1)
        tries = [np.minimum(left, rows.nearest(rows.prototypes_at(d[None]))[1]) for d in draws]
        best = int(np.argmin([one.sum() for one in tries]))
        left = tries[best]
        picked.append(int(draws[best]))
    return rows.prototypes_at(np.array(picked))


def _settle(rows: MixedRows, prototypes: Prototypes, max_iter: int) -> Found:
    """Move rows to the nearest prototype and prototypes to the middle, until no row moves."""
    labels, away = rows.nearest(prototypes)
    n_iter = 0
    for _ in range(max_iter):
        n_iter += 1
        prototypes, sizes = rows.update(labels, prototypes)
        empty = np.flatnonzero(sizes == 0)
        if len(empty):
            prototypes = _refill(rows, prototypes, empty, away)
        moved, away = rows.nearest(prototypes)
        if np.array_equal(moved, labels):
            break
        labels = moved
    cost = rows.cost(labels, prototypes)
    is_precise = abs(float(away.sum()) - cost) <= 1e-6 * cost
    labels = _without_gaps(labels, away, len(prototypes))
    prototypes, _ = rows.update(labels, prototypes)
    return Found(prototypes, labels, rows.cost(labels, prototypes), n_iter, is_precise)


def _refill(rows: MixedRows, prototypes: Prototypes, empty: Ints, away: Floats) -> Prototypes:
    """Put the prototypes of empty clusters on the rows that are farthest from their own."""
    farthest = np.argsort(-away, kind="stable")[: len(empty)]
    fresh = rows.prototypes_at(farthest)
    prototypes.means[empty], prototypes.modes[empty] = fresh.means, fresh.modes
    return prototypes


def _without_gaps(labels: Ints, away: Floats, n_clusters: int) -> Ints:
    """Give every cluster at least one row, the farthest ones of clusters that can spare them."""
    sizes = np.bincount(labels, minlength=n_clusters)
    if sizes.all():
        return labels
    labels = labels.copy()
    order = iter(np.argsort(-away, kind="stable").tolist())
    for cluster in np.flatnonzero(sizes == 0).tolist():
        row = next(row for row in order if sizes[labels[row]] > 1)
        sizes[labels[row]] -= 1
        labels[row] = cluster
        sizes[cluster] = 1
    return labels
