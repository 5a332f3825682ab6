"""Nearest rows of a sparse matrix by cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.recommend._base_lookup import take_rows
from userportrait.recommend._interactions import csr, entry_rows
from userportrait.recommend._measures import Features, Measure, compare_query, compare_rows
from userportrait.recommend._sparse import nearest_rows
from userportrait.recommend._top import Top, top_of_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["similar_rows", "top_of_neighbours", "unit_rows"]

_COSINE = Measure("cosine", 0.0, 0.5, 1.2, 0.75, "raw")


def unit_rows(matrix: Matrix) -> Matrix:
    """Return rows of length 1; rows of zeros stay as they are."""
    row = entry_rows(matrix)
    length = np.sqrt(np.bincount(row, weights=matrix.data**2, minlength=matrix.shape[0]))
    length[length == 0] = 1.0
    return csr(matrix.data / length[row], matrix.indices, matrix.indptr, matrix.shape)


def similar_rows(matrix: Matrix, places: NDArray[np.intp], k: int) -> Top:
    """Return the k nearest rows of some rows, by cosine; a row is no neighbour of itself.

    Rows that share nothing are no neighbours. Similarities are rounded to float32.
    """
    fitted = compare_rows(matrix, _COSINE, "auto")
    query = compare_query(
        take_rows(matrix, places), Features.of(matrix), fitted, _COSINE, places.astype(np.int32)
    )
    return top_of_neighbours(nearest_rows(query, k), k)


def top_of_neighbours(neighbours: Matrix, k: int) -> Top:
    """Return the largest entries of each row, equal ones by position."""
    values = neighbours.data.astype(np.float64)
    row = entry_rows(neighbours)
    return top_of_pairs(row, neighbours.indices, values, neighbours.shape[0], k)
