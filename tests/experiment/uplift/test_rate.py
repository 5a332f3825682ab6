"""Rank-weighted effects: a slow oracle, known truth, and false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift import doubly_robust_scores, rank_weighted_effect


def slow_rate(effect: list[float], score: list[int], weighting: str) -> float:
    """The mean over customers of the TOC, with the mean effect of a tie for each of its members."""
    n = len(effect)
    order = sorted(range(n), key=lambda i: -score[i])
    mean_of = {
        level: np.mean([e for e, s in zip(effect, score, strict=True) if s == level])
        for level in set(score)
    }
    smooth = [mean_of[score[i]] for i in order]
    toc = [np.mean(smooth[: k + 1]) - np.mean(effect) for k in range(n)]
    weights = [1.0] * n if weighting == "autoc" else [(k + 1) / n for k in range(n)]
    return float(np.mean(np.array(toc) * weights))


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 4)), min_size=4, max_size=30
    ),
    st.sampled_from(["autoc", "qini"]),
)
def test_the_rate_is_the_mean_of_the_curve(
    rows: list[tuple[int, int, int]], weighting: str
) -> None:
    rows = [(1, 1, 0), (0, 0, 1), *rows]
    y, treatment, score = (list(column) for column in zip(*rows, strict=True))
    effect = doubly_robust_scores(y, treatment).tolist()
    found = rank_weighted_effect(y, treatment, score, weighting=weighting, n_resamples=2)  # type: ignore[arg-type]
    assert found.value == pytest.approx(slow_rate(effect, score, weighting), abs=1e-12)


def test_scores_are_those_of_the_formula() -> None:
    y, treatment = [3.0, 1.0, 2.0], [1, 0, 1]
    found = doubly_robust_scores(
        y, treatment, propensity=[0.5, 0.25, 0.8], baseline=([1.0, 1.5, 0.0], [2.0, 2.5, 1.0])
    )
    # The difference of expectations, plus the arm's own surprise over the chance to be in it.
    assert found == pytest.approx([1 + 1 / 0.5, 1 + 0.5 / 0.75, 1 + 1 / 0.8])


def test_without_models_the_mean_score_is_the_difference_of_means() -> None:
    rng = np.random.default_rng(0)
    treatment, y = rng.integers(0, 2, 100), rng.normal(size=100)
    wanted = y[treatment == 1].mean() - y[treatment == 0].mean()
    assert doubly_robust_scores(y, treatment).mean() == pytest.approx(wanted)


def test_the_rate_of_a_known_effect_is_found() -> None:
    # Effect s, uniform: TOC(q) = (1 - q) / 2, so that AUTOC is 1/4 and the Qini-weighted one 1/12.
    rng = np.random.default_rng(3)
    n = 10_000
    score, treatment = rng.random(n), rng.integers(0, 2, n)
    y = score * treatment + rng.normal(scale=0.5, size=n)
    for weighting, truth in (("autoc", 1 / 4), ("qini", 1 / 12)):
        found = rank_weighted_effect(y, treatment, score, weighting=weighting, n_resamples=60)  # type: ignore[arg-type]
        assert found.interval[0] < truth < found.interval[1]
        assert found.p_value < 1e-6
        assert found.standard_error < 0.04


def test_a_useless_ranking_alarms_at_the_level() -> None:
    # 250 trials: 5 % plus or minus four standard errors of 1.4 points.
    rng = np.random.default_rng(5)
    alarms = []
    for _ in range(250):
        treatment, y = rng.integers(0, 2, 400), rng.random(400) < 0.2
        score = rng.integers(0, 10, 400)
        alarms.append(rank_weighted_effect(y, treatment, score, n_resamples=60).p_value < 0.05)
    assert 0.0 < np.mean(alarms) <= 0.106


def test_chances_that_differ_are_corrected_for() -> None:
    # Customers who buy anyway are treated more often; their effect is no larger.
    rng = np.random.default_rng(7)
    n = 40_000
    rich = rng.random(n) < 0.5
    chance = np.where(rich, 0.8, 0.2)
    treatment = rng.random(n) < chance
    y = 1.0 * rich + 0.5 * treatment + rng.normal(size=n)
    score = rng.random(n)
    fair = rank_weighted_effect(y, treatment, score, propensity=chance, n_resamples=30)
    assert abs(fair.value) < 4 * fair.standard_error
    assert doubly_robust_scores(y, treatment, propensity=chance).mean() == pytest.approx(
        0.5, abs=0.05
    )
    assert doubly_robust_scores(y, treatment).mean() > 1.0


def test_neither_row_order_nor_the_run_matters() -> None:
    rng = np.random.default_rng(2)
    treatment, y, score = rng.integers(0, 2, 300), rng.random(300), rng.integers(0, 9, 300)
    first = rank_weighted_effect(y, treatment, score)
    order = rng.permutation(300)
    assert rank_weighted_effect(y[order], treatment[order], score[order]) == first
    assert rank_weighted_effect(y, treatment, score, random_state=1) != first


def test_the_curve_ends_at_zero_and_starts_at_the_best() -> None:
    y, treatment, score = [1, 0, 0, 0], [1, 0, 1, 0], [2, 2, 1, 1]
    found = rank_weighted_effect(y, treatment, score).to_frame()
    effect = doubly_robust_scores(y, treatment)
    assert found["share"].tolist() == [0.25, 0.5, 0.75, 1.0]
    above = effect[:2].mean() - effect.mean()
    assert found["effect_above_mean"][1] == pytest.approx(above)
    assert found["effect_above_mean"][0] == pytest.approx(above)
    assert found["effect_above_mean"][3] == pytest.approx(0)


def test_the_result_reads_well() -> None:
    found = rank_weighted_effect([1, 0, 1, 0], [1, 1, 0, 0], [4, 3, 2, 1])
    assert str(found).startswith("AUTOC: 0.1667 [")
    assert "weighting" in found._repr_html_()
    assert set(found.to_dict()) >= {"value", "interval", "p_value", "n"}


def test_messages() -> None:
    y, treatment, score = [1, 0, 1, 0], [1, 1, 0, 0], [4, 3, 2, 1]
    with pytest.raises(InvalidParameterError, match=r"(?s)2 problems.*weighting.*n_resamples"):
        rank_weighted_effect(y, treatment, score, weighting="auto", n_resamples=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="propensity must lie strictly between 0 and 1"):
        rank_weighted_effect(y, treatment, score, propensity=[0.5, 1.0, 0.5, 0.5])
    with pytest.raises(InvalidDataError, match="baseline must be two arrays"):
        rank_weighted_effect(y, treatment, score, baseline=([1.0] * 4,))  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="customers has 4, propensity has 2"):
        rank_weighted_effect(y, treatment, score, propensity=[0.5, 0.5])
