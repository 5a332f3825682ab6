"""Two results beside each other, and results of mlxtend: itemsets as rows of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.patterns._basket_lines import code_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._itemsets import Itemsets

__all__ = ["common", "parts_of_frame", "rows_of", "same_sets", "united"]


def rows_of(itemsets: Itemsets, length: int) -> NDArray[np.int32]:
    """Return the codes of the sets of one length, in public order."""
    return itemsets.of_length(length)[0]


def common(
    mine: NDArray[np.int32], others: NDArray[np.int32], items: NDArray[Any], other: NDArray[Any]
) -> NDArray[np.bool_]:
    """Return which rows of codes name the same items as a row of another vocabulary."""
    if not len(mine) or not len(others):
        return np.zeros(len(mine), dtype=bool)
    translated = _translation(other, items)[others]
    known = translated[(translated >= 0).all(axis=1)]
    both = np.concatenate([mine, known])
    _, inverse = np.unique(both, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    return np.isin(inverse[: len(mine)], inverse[len(mine) :])


def _translation(source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.int32]:
    """Return the place of each item of a vocabulary in another one; -1 where it has none."""
    if not len(source) or not len(target) or (source.dtype == object) != (target.dtype == object):
        return np.full(len(source), -1, dtype=np.int32)
    wanted: Any = pd.Index(source)
    found: NDArray[np.int32] = pd.Index(target).get_indexer(wanted).astype(np.int32)
    return found


def united(
    mine: Itemsets, other: Itemsets
) -> tuple[list[tuple[NDArray[np.int32], NDArray[np.int64]]], NDArray[Any]]:
    """Return the sets of either result by length, and the vocabulary of both."""
    if len(mine.items) and len(other.items) and mine.items.dtype != other.items.dtype:
        problem = "the items of one result are whole numbers, those of the other texts."
        raise InvalidParameterError("Itemsets", [problem])
    items = code_known(np.concatenate([mine.items, other.items])).distinct
    parts: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
    for length in sorted({*mine.n_of_length, *other.n_of_length}):
        rows: list[NDArray[np.int32]] = []
        counts: list[NDArray[np.int64]] = []
        for result in (mine, other):
            codes, found = result.of_length(length)
            rows.append(_translation(result.items, items)[codes])
            counts.append(found)
        both, count = np.concatenate(rows), np.concatenate(counts)
        distinct, first, inverse = np.unique(both, axis=0, return_index=True, return_inverse=True)
        if not bool((count[first][inverse.ravel()] == count).all()):
            problem = "a set has two counts, so the results come from different baskets."
            raise InvalidParameterError("Itemsets", [problem])
        parts.append((distinct.astype(np.int32), count[first]))
    return parts, items


def parts_of_frame(
    frame: pd.DataFrame, n_baskets: int
) -> tuple[list[tuple[NDArray[np.int32], NDArray[np.int64]]], NDArray[Any]]:
    """Return the sets of a frame of mlxtend by length, and their vocabulary."""
    for name in ("support", "itemsets"):
        if name not in frame.columns:
            raise MissingColumnError(name, [str(column) for column in frame.columns])
    counts = _counts(frame["support"].to_numpy(dtype=np.float64), n_baskets)
    sets = [tuple(items) for items in frame["itemsets"].tolist()]
    sizes = np.array([len(items) for items in sets], dtype=np.int64)
    column = np.empty(int(sizes.sum()), dtype=object)
    column[:] = [item for items in sets for item in items]
    kind = pd.api.types.infer_dtype(column)
    if kind not in ("integer", "string", "empty"):
        message = f"items must be whole numbers, or texts; the column 'itemsets' holds {kind}."
        raise InvalidDataError(message, column="itemsets")
    coded = code_known(column.astype(np.int64) if kind == "integer" else column)
    starts = np.cumsum(sizes) - sizes
    parts: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
    for length in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == length)
        codes = np.sort(coded.codes[starts[rows][:, None] + np.arange(length)], axis=1)
        distinct, first = np.unique(codes, axis=0, return_index=True)
        if length and len(distinct) < len(codes):
            message = "the frame holds the same itemset twice. Drop one of them."
            raise InvalidDataError(message, column="itemsets")
        parts.append((distinct.astype(np.int32), counts[rows][first]))
    return [part for part in parts if part[0].shape[1]], coded.distinct


def _counts(supports: NDArray[np.float64], n_baskets: int) -> NDArray[np.int64]:
    counts = np.rint(supports * n_baskets)
    wrong = ~(np.abs(supports * n_baskets - counts) < 1e-6 * max(n_baskets, 1) ** 0.5)
    wrong |= ~((supports > 0) & (supports <= 1))
    if wrong.any():
        rows = np.flatnonzero(wrong)
        message = (
            f"supports must be shares of {n_baskets:,} baskets; some are no whole number of them. "
            f"Give the number of rows of the one-hot frame as n_baskets."
        )
        raise InvalidDataError(message, column="support", rows=rows[:5].tolist(), n_rows=len(rows))
    return counts.astype(np.int64)


def same_sets(first: Itemsets, second: Itemsets) -> bool:
    """Return whether both hold the same sets with the same counts."""
    if first.n_of_length != second.n_of_length:
        return False
    for length in first.n_of_length:
        codes, counts = first.of_length(length)
        others, other_counts = second.of_length(length)
        same = np.array_equal(first.items[codes], second.items[others])
        if not (same and np.array_equal(counts, other_counts)):
            return False
    return True
