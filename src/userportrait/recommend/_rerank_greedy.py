"""The best list that keeps least and most numbers of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.recommend._filters_tables import KeyedTable, label_codes
from userportrait.recommend._top import Top, no_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._filters import Candidates, Request
    from userportrait.recommend._interactions import Interactions

__all__ = ["Needs", "choose_greedily", "codes_of_items"]

_CELLS = 4_000_000
"""So many candidates are held at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """How many items of each label a list has.

    Parameters
    ----------
    code : ndarray of int, shape (n_items,)
        The label of each item; -1 for none.
    least, most : ndarray of int, shape (n_labels,)
    """

    code: NDArray[np.int32]
    least: NDArray[np.intp]
    most: NDArray[np.intp]


def codes_of_items(table: KeyedTable, by: str, data: Interactions) -> tuple[NDArray[Any], int]:
    """Return the label of each item of the model, -1 for none, and how many labels there are."""
    code, labels = label_codes(table.columns[by])
    return np.append(code, np.int32(-1))[table.for_items(data)], len(labels)


def choose_greedily(request: Request, candidates: Candidates, needs: Needs) -> Top:
    """Return for each row the list of the largest sum of scores that keeps all numbers.

    That is the best items of each label with a least number, as many as there are, and the best
    others whose label is not used up. Candidates are asked for until lists are full or there
    are no more.
    """
    k, n_items = request.k, request.interactions.n_items
    found = no_items(len(request), k)
    required = _required(request, candidates, needs)
    rows, n = np.arange(len(request)), min(n_items, 4 * k)
    while len(rows):
        left: list[NDArray[np.intp]] = []
        step = max(1, _CELLS // max(n, 1))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            top = candidates.best(n, rows=None if len(part) == len(request) else part)
            chosen, full = _chosen(top, part, required, needs, k)
            done = full | (n == n_items) | (top.items[:, -1] < 0)
            _write(found, part[done], _rows(top, done), chosen[done], required)
            left.append(part[~done])
        rows, n = np.concatenate(left), min(n_items, 4 * n)
    return found


def _rows(top: Top, rows: NDArray[np.bool_]) -> Top:
    return Top(top.items[rows], top.scores[rows])


def _required(request: Request, candidates: Candidates, needs: Needs) -> Top:
    """Return the best items of each label with a least number, in any order."""
    labels = np.flatnonzero(needs.least)
    found = [
        candidates.best(int(needs.least[label]), among=needs.code == label)
        for label in labels.tolist()
    ]
    if not found:
        return no_items(len(request), 0)
    return Top(*(np.concatenate(pieces, axis=1) for pieces in zip(*found, strict=True)))


def _chosen(
    top: Top, rows: NDArray[np.intp], required: Top, needs: Needs, k: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which candidates are chosen, and which lists are full then."""
    inside = top.items >= 0
    code = np.where(inside, needs.code[top.items], -1)
    place = _places_within(code, len(needs.least))
    has_label = code >= 0
    is_required = has_label & (place < np.append(needs.least, 0)[code])
    may = inside & ~is_required & (~has_label | (place < np.append(needs.most, 0)[code]))
    room = k - np.count_nonzero(required.items[rows] >= 0, axis=1)
    number = np.cumsum(may, axis=1)
    others = may & (number <= room[:, None])
    return is_required | others, np.count_nonzero(others, axis=1) == room


def _places_within(code: NDArray[Any], n_labels: int) -> NDArray[np.intp]:
    """Return how many earlier candidates of the same row have the same label."""
    n_rows, n = code.shape
    row = np.repeat(np.arange(n_rows, dtype=np.int64), n)
    key = row * (n_labels + 1) + code.reshape(-1) + 1
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(key)])
    sizes = np.diff(np.append(first, len(key)))
    found = np.empty(len(key), dtype=np.intp)
    found[order] = np.arange(len(key)) - np.repeat(first, sizes)
    return found.reshape(n_rows, n)


def _write(
    found: Top, rows: NDArray[np.intp], top: Top, chosen: NDArray[np.bool_], required: Top
) -> None:
    """Write chosen candidates in their order, then required items that come after all of them."""
    k = found.items.shape[1]
    row, _ = np.nonzero(chosen)
    place = (np.cumsum(chosen, axis=1) - 1)[chosen]
    item, score = top.items[chosen], top.scores[chosen]
    found.items[rows[row], place] = item
    found.scores[rows[row], place] = score
    if not required.items.shape[1]:
        return
    n_items = int(required.items.max(initial=0)) + int(top.items.max(initial=0)) + 1
    extra = required.items[rows]
    key = np.arange(len(rows))[:, None] * n_items + extra
    late = (extra >= 0) & ~np.isin(key, row * n_items + item)
    for number in np.flatnonzero(late.any(axis=1)).tolist():
        here = np.flatnonzero(late[number])
        items, scores = extra[number, here], required.scores[rows[number], here]
        order = np.lexsort((items, -scores))
        start = int(np.count_nonzero(chosen[number]))
        stop = min(k, start + len(here))
        found.items[rows[number], start:stop] = items[order][: stop - start]
        found.scores[rows[number], start:stop] = scores[order][: stop - start]
