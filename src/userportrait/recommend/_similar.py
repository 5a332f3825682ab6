"""Nearest rows of a sparse matrix by cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.recommend._interactions import csr
from userportrait.recommend._top import Top, block_rows, drop_blocked, top_of_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["similar_rows", "unit_rows"]


def unit_rows(matrix: Matrix) -> Matrix:
    """Return rows of length 1; rows of zeros stay as they are."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    length = np.sqrt(np.bincount(row, weights=matrix.data**2, minlength=matrix.shape[0]))
    length[length == 0] = 1.0
    return csr(matrix.data / length[row], matrix.indices, matrix.indptr, matrix.shape)


def similar_rows(matrix: Matrix, places: NDArray[np.intp], k: int) -> Top:
    """Return the k nearest rows of some rows, by cosine; a row is no neighbour of itself.

    Rows that share nothing are no neighbours.
    """
    unit = unit_rows(matrix)
    across = unit.T.tocsr()
    parts: list[Top] = []
    step = block_rows(matrix.shape[0])
    for start in range(0, len(places), step):
        chosen = places[start : start + step]
        scores = (unit[chosen] @ across).toarray()
        scores[scores <= 0] = -np.inf
        n = len(chosen)
        itself = csr(np.ones(n), chosen.astype(np.int32), np.arange(n + 1, dtype=np.int32),
                     scores.shape)  # fmt: skip
        drop_blocked(scores, itself)
        parts.append(top_of_scores(scores, k))
    return Top(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))
