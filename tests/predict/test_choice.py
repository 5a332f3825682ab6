"""Conditional logit: scipy's optimum, derivatives by differences, and weights found again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from userportrait.predict._choice import Choice, fit_choice


def choices(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, base and choices of a known model of four alternatives."""
    source = np.random.default_rng(seed)
    x = source.normal(size=(n, 4, 2))
    base = np.log(np.broadcast_to([0.4, 0.3, 0.2, 0.1], (n, 4)))
    p = special.softmax(x @ [1.0, -0.5] + base + [0.0, 0.0, 0.3, 0.0], axis=1)
    chosen = (p.cumsum(axis=1) > source.random(n)[:, None]).argmax(axis=1)
    return x, base, chosen


def test_the_answer_is_that_of_a_general_optimiser() -> None:
    x, base, chosen = choices(300)

    def loss(beta: np.ndarray) -> float:
        logs = special.log_softmax(x @ beta[4:] + base + beta[:4], axis=1)
        taken = logs[np.arange(len(chosen)), chosen].sum()
        return float(-taken + 0.5 * 3.0 * beta[:4] @ beta[:4] + 0.5 * 0.7 * beta[4:] @ beta[4:])

    best = optimize.minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-8}).x
    found = fit_choice(x, base, chosen, level_penalty=3.0, weight_penalty=0.7)
    assert np.concatenate([found.levels, found.weights]) == pytest.approx(best, abs=1e-5)
    far = Choice(np.full(4, 3.0), np.array([-20.0, 30.0]))
    again = fit_choice(x, base, chosen, level_penalty=3.0, weight_penalty=0.7, start=far)
    assert again.weights == pytest.approx(found.weights, abs=1e-8)
    assert again.levels == pytest.approx(found.levels, abs=1e-8)


def test_the_weights_of_the_model_that_made_the_choices_are_found() -> None:
    x, base, chosen = choices(20_000, seed=1)
    found = fit_choice(x, base, chosen, level_penalty=1.0, weight_penalty=1.0)
    assert found.weights == pytest.approx([1.0, -0.5], abs=0.05)
    assert found.levels[2] - found.levels[0] == pytest.approx(0.3, abs=0.1)
    chances = found.probabilities(x, base)
    assert chances.sum(axis=1) == pytest.approx(1.0)
    shares = np.bincount(chosen, minlength=4) / len(chosen)
    assert chances.mean(axis=0) == pytest.approx(shares, abs=1e-4)
