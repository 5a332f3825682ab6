"""The leading directions of a sparse matrix: Chebyshev-filtered subspace iteration.

Plain subspace iteration needs one product with the matrix for each power. A Chebyshev polynomial
that is small on the unwanted part of the spectrum gets the same gain from far fewer products.
Directions that have converged are set aside, so that the growth of the others stays within what
float32 can hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

    _Product = Callable[[NDArray[np.float32]], NDArray[np.float32]]

__all__ = ["Directions", "leading_directions"]

_DENSE_BELOW = 800
_MAX_DEGREE = 12
_MAX_GROWTH = 1e4
_MAX_ROUNDS = 60


class Directions(NamedTuple):
    """Leading eigenvalues of X'X, largest first, and their directions.

    Parameters
    ----------
    values : ndarray of float64, shape (rank,)
        Squares of singular values of X.
    vectors : ndarray of float32, shape (n_columns, rank)
        Right singular vectors; of each, the entry largest in size is positive.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float32]


def leading_directions(
    matrix: Matrix, rank: int, *, tolerance: float = 1e-4, random_state: int = 0
) -> Directions:
    """Return the leading right singular vectors of a sparse matrix.

    Parameters
    ----------
    matrix : csr_array of float, shape (n_rows, n_columns)
    rank : int
        How many; at most the smaller side, and fewer if the matrix has a lower rank.
    tolerance : float, default=1e-4
        Largest ``|X'X v - value v|`` of a direction, as a share of the largest value. A matrix
        with a side below 800 is decomposed directly, in float64.
    random_state : int, default=0
        Of the first guess.

    Raises
    ------
    InvalidDataError
        If the tolerance is not reached, which happens only where it is near the precision of
        float32, about 1e-6.

    References
    ----------
    .. [1] Zhou, Saad, Tiago and Chelikowsky (2006), "Self-consistent-field calculations using
       Chebyshev-filtered subspace iteration", Journal of Computational Physics 219(1).
    """
    n_rows, n_columns = matrix.shape
    wide = n_columns > n_rows
    side: Any = matrix.T.tocsr() if wide else matrix  # its columns are the smaller side
    n = side.shape[1]
    rank = min(rank, n)
    if n < _DENSE_BELOW or 2 * rank > n:
        values, vectors = _dense(side)
    else:
        values, vectors = _iterated(side, rank, tolerance, random_state)
    keep: NDArray[np.bool_] = (
        values[:rank] > max(1e-10 * values[0], 0.0) if len(values) else np.zeros(0, bool)
    )
    values, vectors = values[:rank][keep], vectors[:, :rank][:, keep]
    if wide:
        vectors = np.asarray(side @ vectors) / np.sqrt(values)
    return Directions(values, _with_sign(vectors).astype(np.float32))


def _with_sign(vectors: NDArray[Any]) -> NDArray[Any]:
    if not vectors.size:
        return vectors
    largest = np.abs(vectors).argmax(axis=0)
    sign = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    signed: NDArray[Any] = vectors * sign
    return signed


def _dense(side: Matrix) -> tuple[NDArray[np.float64], NDArray[Any]]:
    gram = np.asarray((side.T @ side).toarray(), dtype=np.float64)
    values, vectors = np.linalg.eigh(gram)
    return values[::-1], np.ascontiguousarray(vectors[:, ::-1])


def _iterated(
    side: Matrix, rank: int, tolerance: float, random_state: int
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    narrow: Any = side.astype(np.float32)
    across = narrow.T.tocsr()

    def product(block: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = across @ (narrow @ block)
        return found

    n = side.shape[1]
    width = min(n, rank + max(16, rank // 4))
    rng = np.random.default_rng(random_state)
    space = rng.standard_normal((n, width)).astype(np.float32)
    for _ in range(2):
        space = _orthonormal(product(space))
    settled = np.zeros((n, 0), dtype=np.float32)
    settled_values = np.zeros(0)
    for _ in range(_MAX_ROUNDS):
        values, space, image = _ritz(space, product(space))
        largest = settled_values[0] if len(settled_values) else values[0]
        error = np.linalg.norm(image - space * values.astype(np.float32), axis=0)
        wanted = rank - settled.shape[1]
        n_good = _leading_true(error[:wanted] <= tolerance * largest)
        settled = np.concatenate([settled, space[:, :n_good]], axis=1)
        settled_values = np.concatenate([settled_values, values[:n_good]])
        if n_good == wanted:
            order = np.argsort(-settled_values, kind="stable")
            return settled_values[order], settled[:, order]
        values, space, image = values[n_good:], space[:, n_good:], image[:, n_good:]
        open_product = _without(product, settled, settled_values)
        space = _filtered(open_product, space, image, values, wanted - n_good - 1)
        for _ in range(2):
            space -= settled @ (settled.T @ space)
            space = _orthonormal(space)
    message = (
        f"The leading directions did not converge to a tolerance of {tolerance:g}. Raise it; "
        f"1e-4 is the default."
    )
    raise InvalidDataError(message)


def _without(
    product: _Product, vectors: NDArray[np.float32], values: NDArray[np.float64]
) -> _Product:
    """Return the product less what some directions do: rounding errors along them cannot grow."""
    scaled = vectors * values.astype(np.float32)

    def reduced(block: NDArray[np.float32]) -> NDArray[np.float32]:
        found: Any = product(block) - scaled @ (vectors.T @ block)
        return np.asarray(found, dtype=np.float32)

    return reduced


def _ritz(
    space: NDArray[np.float32], image: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Return the best approximations within a space: values, vectors, and their images."""
    small = (space.T @ image).astype(np.float64)
    values, turn = np.linalg.eigh((small + small.T) / 2)
    turn32 = np.ascontiguousarray(turn[:, ::-1]).astype(np.float32)
    return values[::-1].copy(), space @ turn32, image @ turn32


def _filtered(
    product: _Product,
    space: NDArray[np.float32],
    image: NDArray[np.float32],
    values: NDArray[np.float64],
    last: int,
) -> NDArray[np.float32]:
    """Return T(P) of a space: T is a Chebyshev polynomial, within [-1, 1] on what is unwanted."""
    limit = max(float(values[-1]), 1e-6 * float(values[0]))
    degree = _safe_degree(2 * values[0] / limit - 1, 2 * values[last] / limit - 1)
    scale = np.float32(2 / limit)
    before, now = space, scale * image - space
    for _ in range(degree - 1):
        before, now = now, 2 * (scale * product(now) - now) - before
        length = np.linalg.norm(now, axis=0)
        length[length == 0] = 1
        before, now = before / length, now / length
    return now


def _safe_degree(top: float, last: float) -> int:
    """Return the highest degree at which the first direction does not drown the last one."""
    growth = np.arccosh(max(top, 1.0)) - np.arccosh(max(last, 1.0))
    return int(np.clip(np.log(_MAX_GROWTH) / max(growth, 1e-9), 2, _MAX_DEGREE))


def _orthonormal(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an orthonormal basis of what columns span.

    By the eigenvalues of their products: twice, as float32 leaves the first pass inexact. Several
    times quicker than a QR factorisation of a tall matrix.
    """
    for _ in range(2):
        values, turn = np.linalg.eigh((block.T @ block).astype(np.float64))
        floor = max(1e-7 * float(values[-1]), 1e-30)
        block = block @ (turn / np.sqrt(np.maximum(values, floor))).astype(np.float32)
    return block


def _leading_true(flags: NDArray[np.bool_]) -> int:
    return int(flags.argmin()) if not flags.all() else len(flags)
