from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from userportrait.errors import InvalidDataError
from userportrait.recommend import _low_pass
from userportrait.recommend._low_pass import leading_directions


@pytest.fixture(autouse=True)
def iterated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices are decomposed directly; here they are not, so that tests are quick."""
    monkeypatch.setattr(_low_pass, "_DENSE_BELOW", 60)


def matrix(n_rows: int, n_columns: int, density: float = 0.05, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    filled = rng.random((n_rows, n_columns)) < density
    return sparse.csr_array(np.where(filled, rng.random(filled.shape), 0.0))


@pytest.mark.parametrize("shape", [(120, 50), (50, 120), (200, 260), (260, 200)])
def test_they_span_what_the_full_decomposition_spans(shape: tuple[int, int]) -> None:
    given = matrix(*shape)
    found = leading_directions(given, 12, tolerance=1e-5)
    _, values, rows = np.linalg.svd(given.toarray())
    np.testing.assert_allclose(found.values, values[:12] ** 2, rtol=1e-4)
    cosines = np.linalg.svd(rows[:12] @ found.vectors)[1]
    assert cosines.min() > 1 - 1e-4
    gram = found.vectors.T @ found.vectors
    np.testing.assert_allclose(gram, np.eye(12), atol=1e-4)


def test_the_residual_keeps_to_the_tolerance() -> None:
    given = matrix(500, 400)
    for tolerance in (1e-2, 1e-4):
        found = leading_directions(given, 40, tolerance=tolerance)
        image = given.T @ (given @ found.vectors.astype(float))
        residual = np.linalg.norm(image - found.vectors * found.values, axis=0)
        assert residual.max() <= 1.1 * tolerance * found.values[0]


def test_a_wide_spectrum_does_not_drown_the_small_directions() -> None:
    """Values from 1 to 1e-4: rounding errors along the first ones grow with each product."""
    rng = np.random.default_rng(0)
    values = 10.0 ** -np.linspace(0, 4, 300)
    turn = np.linalg.qr(rng.standard_normal((300, 300)))[0]
    given = sparse.csr_array(np.sqrt(values)[:, None] * turn.T)
    found = leading_directions(given, 40, tolerance=1e-5)
    np.testing.assert_allclose(found.values, values[:40], rtol=1e-3)
    image = given.T @ (given @ found.vectors.astype(float))
    assert np.linalg.norm(image - found.vectors * found.values, axis=0).max() < 2e-5


def test_signs_and_bits_are_always_the_same() -> None:
    given = matrix(300, 250)
    one, other = (leading_directions(given, 10, random_state=3) for _ in range(2))
    assert np.array_equal(one.vectors, other.vectors)
    largest = np.abs(one.vectors).argmax(axis=0)
    assert (one.vectors[largest, np.arange(10)] > 0).all()


def test_another_first_guess_finds_the_same_directions() -> None:
    given = matrix(300, 250)
    one, other = (
        leading_directions(given, 10, tolerance=1e-5, random_state=seed) for seed in (0, 1)
    )
    projector = one.vectors @ one.vectors.T - other.vectors @ other.vectors.T
    assert np.abs(projector).max() < 1e-3


def test_a_low_rank_gives_fewer_directions() -> None:
    given = sparse.csr_array(np.ones((30, 20)))
    found = leading_directions(given, 5)
    assert found.vectors.shape == (20, 1)
    np.testing.assert_allclose(found.values, [600.0])
    assert leading_directions(sparse.csr_array((4, 3)), 2).vectors.shape == (3, 0)


def test_what_does_not_converge_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_low_pass, "_MAX_ROUNDS", 1)
    with pytest.raises(InvalidDataError, match="did not converge to a tolerance of 1e-06"):
        leading_directions(matrix(300, 250), 10, tolerance=1e-6)
