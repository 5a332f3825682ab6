"""Areas under the curve: DeLong by its definition, Newcombe on a grid, and coverage."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from helpers.scored_rows import scored
from userportrait.predict import (
    evaluate_scores,
)
from userportrait.predict._roc import areas_with_covariance, delong_p_value


def test_delong_is_its_definition() -> None:
    # Placements counted pair by pair, as in the paper.
    y, p = scored(60)
    q = np.round(np.random.default_rng(2).random(60), 1)
    areas, covariance = areas_with_covariance(y.astype(float), np.vstack([p, q]))
    above, below = [], []
    for score in (p, q):
        wins = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (
            score[y == 1][:, None] == score[y == 0]
        )
        above.append(wins.mean(axis=1))
        below.append(wins.mean(axis=0))
    expected = np.cov(above) / (y == 1).sum() + np.cov(below) / (y == 0).sum()
    assert areas == pytest.approx([np.mean(one) for one in above])
    assert covariance == pytest.approx(expected)
    z = (areas[0] - areas[1]) / np.sqrt(expected[0, 0] + expected[1, 1] - 2 * expected[0, 1])
    assert delong_p_value(areas, covariance, 0, 1, (1, 1)) == pytest.approx(
        2 * stats.norm.sf(abs(z))
    )
    assert delong_p_value(areas, covariance, 0, 0, (1, 1)) == 1.0


def test_delongs_interval_covers() -> None:
    # Binormal scores: the area is known. 300 samples; the standard error is 1.3 points.
    source = np.random.default_rng(0)
    truth, covered = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(300):
        y = np.repeat([0, 1], [60, 40])
        low, high = evaluate_scores(y, source.normal(size=100) + y).auc_interval
        covered += low <= truth <= high
    assert 0.91 <= covered / 300 <= 0.98


def newcombes(area: float, m: int, n: int) -> list[float]:
    """Return the least and the greatest area on a fine grid that Newcombe's method 5 holds."""
    t = np.linspace(0, 1, 2_000_001)
    more = (m + n) / 2 - 1
    v = t * (1 - t) * (1 + more * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n)
    held = t[np.abs(t - area) <= stats.norm.ppf(0.975) * np.sqrt(v)]
    return [held.min(), held.max()]


def test_a_perfect_order_and_one_score_for_all_have_an_interval() -> None:
    for y, score, area in (
        ([0, 0, 0, 1, 1, 1], range(6), 1.0),
        ([1, 1, 1, 0, 0, 0, 0], range(7), 0.0),
        ([0] * 30 + [1] * 10, [0.3] * 40, 0.5),
    ):
        found = evaluate_scores(y, list(score), n_bins=2)
        m = sum(y)
        assert found.auc == area
        assert found.auc_interval == pytest.approx(newcombes(area, m, len(y) - m), abs=1e-6)
        low, high = found.auc_interval
        assert low <= area <= high
        assert high - low > 0.1
    alone = evaluate_scores([0, 0, 0, 1], [1, 2, 3, 4], n_bins=2)
    assert alone.auc_interval == (0.0, 1.0)


def test_the_interval_covers_where_most_samples_are_ordered_perfectly() -> None:
    # Binormal scores of known area .983: DeLong's interval of no width missed in each of them.
    source = np.random.default_rng(2)
    truth, covered, perfect = stats.norm.cdf(3 / np.sqrt(2)), 0, 0
    y = np.repeat([0, 1], [12, 12])
    for _ in range(300):
        found = evaluate_scores(y, source.normal(size=24) + 3 * y)
        covered += found.auc_interval[0] <= truth <= found.auc_interval[1]
        perfect += found.auc == 1.0
    assert perfect > 60
    assert covered / 300 > 0.92


def test_a_perfect_order_beside_one_score_for_all_is_tested_exactly() -> None:
    # All ways to give out three outcomes among six rows, counted.
    y, perfect, constant = np.repeat([0.0, 1.0], 3), np.arange(6.0), np.zeros(6)
    areas, covariance = areas_with_covariance(y, np.vstack([perfect, constant]))
    apart = []
    for chosen in combinations(range(6), 3):
        other = np.isin(np.arange(6), chosen).astype(float)
        found, _ = areas_with_covariance(other, np.vstack([perfect, constant]))
        apart.append(abs(found[0] - found[1]) >= 0.5)
    p_value = delong_p_value(areas, covariance, 0, 1, (3, 3))
    assert p_value == pytest.approx(np.mean(apart)) == pytest.approx(0.1)
    # Ties broken alike for all: no variance, and no end of the scale.
    y, tied = np.tile([0.0, 1.0], 3), np.repeat([1.0, 2.0, 3.0], 2)
    areas, covariance = areas_with_covariance(y, np.vstack([tied, tied + 0.1 * y]))
    assert np.isnan(delong_p_value(areas, covariance, 0, 1, (3, 3)))
