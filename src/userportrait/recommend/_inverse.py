"""The inverse of a large positive definite matrix, in its own memory.

LAPACK's factorisation of a matrix of 30,000 rows has ended the process in some builds of OpenBLAS.
Here nothing is asked of LAPACK but small blocks; the rest are products of matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Float = TypeVar("_Float", np.float32, np.float64)

__all__ = ["invert_in_place"]

_BLOCK = 1024
_STRIP = 512


def invert_in_place(
    matrix: NDArray[_Float], *, block: int = _BLOCK, strip: int = _STRIP
) -> NDArray[_Float]:
    """Invert a symmetric positive definite matrix; the result takes the place of the matrix.

    Parameters
    ----------
    matrix : ndarray of float32 or float64, shape (n, n)
        C-contiguous. Only what is on and below the diagonal is read.
    block : int, default=1024
        Rows that are swept at a time.
    strip : int, default=512
        Rows that are updated at a time.

    Returns
    -------
    ndarray
        The same array, both halves filled.

    Raises
    ------
    InvalidDataError
        If the matrix is not positive definite. It is then partly overwritten.

    Notes
    -----
    Gauss-Jordan elimination by symmetric blocks, the sweep operator [1]_: after the pivot block of
    rows k has been swept, the matrix of the others is the Schur complement of what was swept. Of a
    positive definite matrix every pivot block is positive definite, so no rows are exchanged.
    n^3 operations, as many as a Cholesky factorisation and the inversion from it. Beside the
    matrix, memory for about (2 block + strip) n numbers is used.

    References
    ----------
    .. [1] Goodnight (1979), "A tutorial on the SWEEP operator", The American Statistician 33(3).

    Examples
    --------
    >>> import numpy as np
    >>> invert_in_place(np.array([[2.0, 1.0], [1.0, 2.0]])).round(3)
    array([[ 0.667, -0.333],
           [-0.333,  0.667]])
    """
    n = len(matrix)
    room = np.empty(min(strip, n) * n, dtype=matrix.dtype)
    for start in range(0, n, block):
        _sweep(matrix, slice(start, min(start + block, n)), strip, room)
    for start in range(0, n, block):
        rows = slice(start, min(start + block, n))
        np.negative(matrix[rows, : rows.stop], out=matrix[rows, : rows.stop])
        _mirror(matrix, rows)
    return matrix


def _sweep(matrix: NDArray[_Float], pivot: slice, strip: int, room: NDArray[_Float]) -> None:
    """Sweep the rows of one block: A, B to -inv(A), inv(A) B; the rest C to C - B' inv(A) B."""
    n, start, stop = len(matrix), pivot.start, pivot.stop
    inverse: Any = _small_inverse(matrix[pivot, pivot]).astype(matrix.dtype)
    before = matrix[pivot, :start].copy()  # rows of the block, columns in front of it
    after = matrix[stop:, pivot].copy()  # columns of the block, rows behind it
    row = inverse @ before
    column = after @ inverse
    for low in range(0, start, strip):
        high = min(low + strip, start)
        _subtract(matrix[low:high, :high], before[:, low:high].T, row[:, :high], room)
    for low in range(stop, n, strip):
        high = min(low + strip, n)
        left = column[low - stop : high - stop]
        _subtract(matrix[low:high, :start], left, before, room)
        _subtract(matrix[low:high, stop:high], left, after[: high - stop].T, room)
    matrix[pivot, :start] = row
    matrix[stop:, pivot] = column
    matrix[pivot, pivot] = -inverse


def _subtract(part: Any, left: Any, right: Any, room: NDArray[_Float]) -> None:
    """Take a product off a part of the matrix; fresh memory for it would take longer than it."""
    product = room[: part.size].reshape(part.shape)
    np.matmul(left, right, out=product)
    np.subtract(part, product, out=part)


def _small_inverse(block: NDArray[Any]) -> NDArray[np.float64]:
    wide = np.tril(block).astype(np.float64)
    wide += np.tril(wide, -1).T
    try:
        np.linalg.cholesky(wide)
        inverse = np.linalg.inv(wide)
    except np.linalg.LinAlgError as error:
        message = "The matrix is not positive definite: raise l2."
        raise InvalidDataError(message) from error
    return (inverse + inverse.T) / 2


def _mirror(matrix: NDArray[Any], rows: slice) -> None:
    """Copy what is left of the diagonal to above it."""
    matrix[: rows.start, rows] = matrix[rows, : rows.start].T
    square = matrix[rows, rows]
    lower = np.tril(square)
    square[:] = lower + np.tril(lower, -1).T
