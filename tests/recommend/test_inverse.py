from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from userportrait.errors import InvalidDataError
from userportrait.recommend._inverse import invert_in_place


def positive_definite(n: int, seed: int = 0) -> Any:
    rows = np.random.default_rng(seed).standard_normal((n, 2 * n))
    return rows @ rows.T / n + 0.5 * np.eye(n)


@pytest.mark.parametrize(
    ("n", "block", "strip"), [(1, 4, 4), (7, 7, 3), (40, 8, 16), (41, 8, 5), (300, 64, 100)]
)
def test_it_is_the_inverse_whatever_the_blocks(n: int, block: int, strip: int) -> None:
    matrix = positive_definite(n)
    expected = np.linalg.inv(matrix)
    np.testing.assert_allclose(
        invert_in_place(matrix, block=block, strip=strip), expected, rtol=1e-10, atol=1e-12
    )


def test_float32_stays_float32_in_the_same_memory() -> None:
    matrix = positive_definite(150).astype(np.float32)
    expected = np.linalg.inv(matrix.astype(np.float64))
    found = invert_in_place(matrix, block=32, strip=64)
    assert found is matrix
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_only_the_lower_half_is_read_and_both_are_filled() -> None:
    matrix = positive_definite(50)
    half = np.tril(matrix) + np.triu(np.full((50, 50), np.nan), 1)
    found = invert_in_place(half, block=16, strip=16)
    np.testing.assert_allclose(found, np.linalg.inv(matrix), rtol=1e-10, atol=1e-12)
    assert np.array_equal(found, found.T)


@pytest.mark.parametrize("place", [0, 20, 49])
def test_a_matrix_that_is_not_positive_definite_is_refused(place: int) -> None:
    matrix = positive_definite(50)
    matrix[place, place] = -1.0
    with pytest.raises(InvalidDataError, match="not positive definite"):
        invert_in_place(matrix, block=16)


def test_an_empty_matrix_is_its_own_inverse() -> None:
    assert invert_in_place(np.zeros((0, 0))).shape == (0, 0)
