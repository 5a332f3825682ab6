"""Evaluation, calibration, choice and pictures: coverage, oracles, what the results promise."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift import (
    Uplift,
    auuc,
    choose_uplift,
    evaluate_uplift,
    policy_curve,
    qini,
    rank_weighted_effect,
    target,
    uplift_at_k,
    uplift_calibration,
    uplift_curve,
)


def campaign(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    treatment, score = rng.integers(0, 2, n), rng.random(n)
    return (rng.random(n) < 0.1 + 0.3 * score * treatment).astype(int), treatment, score


def test_the_values_are_those_of_the_single_metrics() -> None:
    y, treatment, score = campaign(500, 0)
    found = evaluate_uplift(y, treatment, score, at=(0.2,), n_resamples=20)
    assert found.to_dict() == pytest.approx(
        {
            "effect": y[treatment == 1].mean() - y[treatment == 0].mean(),
            "qini": qini(y, treatment, score),
            "auuc": auuc(y, treatment, score),
            "uplift@0.2": uplift_at_k(y, treatment, score, k=0.2),
            "autoc": rank_weighted_effect(y, treatment, score).value,
        }
    )
    assert (found.n_treated, found.n_control) == (treatment.sum(), (1 - treatment).sum())


def test_bootstrap_weights_are_the_resampled_rows() -> None:
    # The standard error equals that of rows drawn again and judged one by one.
    y, treatment, score = campaign(60, 1)
    from userportrait.experiment.uplift._blocks import draw_weights
    from userportrait.experiment.uplift._trial import read_trial

    trial = read_trial(y, treatment, score).sorted()
    values = []
    for weights in draw_weights(trial, 25, 3):
        for row in weights.astype(int):
            again = np.repeat(np.arange(60), row)
            drawn = (trial.outcome[again], trial.treated[again], trial.score[again])
            values.append((qini(*drawn), auuc(*drawn), uplift_at_k(*drawn, k=0.3)))
    found = evaluate_uplift(y, treatment, score, at=(0.3,), n_resamples=25, random_state=3)
    for name, column in zip(("qini", "auuc", "uplift@0.3"), zip(*values, strict=True), strict=True):
        value, low, high = found.metrics[name]
        half = 1.959963984540054 * np.std(column, ddof=1)
        assert (low, high) == pytest.approx((value - half, value + half))


def test_the_intervals_cover_the_truth() -> None:
    # Of the best 30 %: mean score 0.85, effect 0.255; of all: 0.15. 60 runs, four standard errors
    # of 2.8 points.
    inside: dict[str, list[bool]] = {"effect": [], "uplift@0.3": []}
    truth = {"effect": 0.15, "uplift@0.3": 0.255}
    for seed in range(60):
        y, treatment, score = campaign(400, seed)
        found = evaluate_uplift(y, treatment, score, at=(0.3,), n_resamples=50)
        for name, value in truth.items():
            inside[name].append(found.metrics[name][1] <= value <= found.metrics[name][2])
    for name, hits in inside.items():
        assert 0.83 <= np.mean(hits) <= 1, name


def test_neither_row_order_nor_the_run_matters() -> None:
    y, treatment, score = campaign(300, 0)
    score = score.round(1)
    first = evaluate_uplift(y, treatment, score, n_resamples=20)
    order = np.random.default_rng(0).permutation(300)
    again = evaluate_uplift(y[order], treatment[order], score[order], n_resamples=20)
    assert again.metrics == first.metrics
    assert again.curve == first.curve
    assert pickle.loads(pickle.dumps(first)) == first


def test_the_curve_ends_where_it_must() -> None:
    y, treatment, score = campaign(2000, 0)
    curve = uplift_curve(y, treatment, score, n_resamples=30)
    n1, n0 = treatment.sum(), (1 - treatment).sum()
    total = y[treatment == 1].sum() - y[treatment == 0].sum() * n1 / n0
    assert (curve.value[0], curve.value[-1]) == (0, pytest.approx(total))
    assert (curve.random[-1], curve.perfect[-1]) == pytest.approx((total, total))
    frame = curve.to_frame()
    assert len(frame) == 201
    assert (frame["ci_low"] <= frame["value"] + 3).all()
    assert (frame["perfect"] >= frame["value"] - 1e-9).all()
    amounts = uplift_curve(y * 9.5, treatment, score, kind="uplift", n_resamples=0)
    assert np.isnan(amounts.perfect).all()


def test_a_group_is_judged_by_its_arms() -> None:
    y, treatment = [1, 0, 1, 1, 0, 0, 1, 0], [1, 1, 0, 0, 1, 1, 0, 0]
    found = uplift_calibration(y, treatment, [0.1] * 4 + [0.3] * 4, n_bins=2)
    assert [part.observed for part in found.bins] == [-0.5, -0.5]
    assert [part.predicted for part in found.bins] == pytest.approx([0.1, 0.3])
    assert found.mean_predicted == pytest.approx(0.2)


def test_the_interval_of_a_share_is_newcombes() -> None:
    # Newcombe 1998, table II, method 10: 56/70 against 48/80, 0.0524 to 0.3339.
    y = np.r_[np.ones(56), np.zeros(14), np.ones(48), np.zeros(32)]
    treatment = np.r_[np.ones(70), np.zeros(80)]
    [part] = uplift_calibration(y, treatment, np.zeros(150), n_bins=2).bins
    assert part.observed == pytest.approx(0.2)
    assert part.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_slope_is_the_regression_of_statsmodels() -> None:
    linear: Any = pytest.importorskip("statsmodels.regression.linear_model")
    from userportrait.experiment.uplift import doubly_robust_scores

    y, treatment, score = campaign(400, 0)
    effect = doubly_robust_scores(y, treatment)
    matrix = np.column_stack([np.ones(400), score])
    wanted = linear.OLS(effect, matrix).fit(cov_type="HC1", use_t=False)
    found = uplift_calibration(y, treatment, score)
    assert found.slope == pytest.approx(wanted.params[1])
    assert found.slope_interval == pytest.approx(tuple(wanted.conf_int()[1]))


def test_equal_predictions_share_a_group() -> None:
    y, treatment, score = campaign(400, 0)
    found = uplift_calibration(y, treatment, (score > 0.7).astype(float), n_bins=10)
    assert len(found.bins) == 2
    flat = uplift_calibration(y, treatment, np.zeros(400))
    assert len(flat.bins) == 1
    assert np.isnan(flat.slope)


def test_groups_of_amounts_and_of_known_chances() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(4000)
    chance = np.where(score > 0.5, 0.7, 0.3)
    treatment = rng.random(4000) < chance
    y = score * treatment + 3 * score + 0.2 * rng.normal(size=4000)
    found = uplift_calibration(y, treatment, score, propensity=chance, n_bins=4)
    for part in found.bins:
        assert part.interval[0] - 0.1 < part.predicted < part.interval[1] + 0.1
    plain = uplift_calibration(y, treatment, score, n_bins=4)
    assert all(np.isfinite(part.interval).all() for part in plain.bins)


def test_the_better_candidate_is_chosen() -> None:
    rng = np.random.default_rng(0)
    x, treatment = rng.normal(size=(3000, 2)), rng.integers(0, 2, 3000)
    y = rng.random(3000) < 0.2 + 0.15 * treatment * (x[:, 0] > 0)
    lazy = Uplift(l2_effect=1e9)  # one logit effect for all
    for criterion in ("qini", "r_loss"):
        found = choose_uplift(
            x,
            y,
            treatment,
            {"lazy": lazy, "own": Uplift()},
            criterion=criterion,  # type: ignore[arg-type]
            n_folds=3,
        )
        assert found.best == "own"
        assert found.model.predict(x).shape == (3000,)
        frame = found.to_frame()
        assert frame["candidate"].tolist() == ["own", "lazy"]
        assert frame["behind_best"][0] == 0
        assert frame["behind_best"][1] > 0
    assert "own is best by r_loss" in str(found)
    assert "candidate" in found._repr_html_()


def test_the_r_loss_is_least_for_the_truth() -> None:
    rng = np.random.default_rng(0)
    x, treatment = rng.normal(size=(3000, 1)), rng.integers(0, 2, 3000)
    y = x[:, 0] * treatment + rng.normal(size=3000)
    found = choose_uplift(x, y, treatment, criterion="r_loss", n_folds=3)
    # Noise of the outcome alone: 1, plus what the mean model misses.
    assert 0.9 < found.to_frame()["mean"].min() < 1.1
    assert "class_transformation" not in found.scores


def test_every_picture_has_a_title_and_labels() -> None:
    y, treatment, score = campaign(400, 0)
    chosen = target(score, budget=50.0, cost=1.0, value=3.0)
    pictures: list[Any] = [
        evaluate_uplift(y, treatment, score, n_resamples=10),
        uplift_curve(y, treatment, score, n_resamples=0),
        rank_weighted_effect(y, treatment, score),
        uplift_calibration(y, treatment, score),
        policy_curve(y, treatment, score, value=10, cost=1),
        chosen,
        target(score),
    ]
    from matplotlib import pyplot as plt

    for result in pictures:
        ax = result.plot()
        assert ax.get_title(loc="left")
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert ax.get_legend() is not None
        plt.close(ax.figure)
    _, own = plt.subplots()
    assert pictures[0].plot(own) is own
    plt.close("all")


def test_the_results_read_well() -> None:
    y, treatment, score = campaign(400, 0)
    found = evaluate_uplift(y, treatment, score, n_resamples=10)
    assert "qini: " in str(found)
    assert found.to_frame()["metric"].tolist()[0] == "effect"
    assert "<table>" in found._repr_html_()
    assert "10 groups" in str(found.calibration)
    assert "<table>" in found.calibration._repr_html_()
    assert set(found.calibration.to_dict()) >= {"slope", "mean_observed"}


def test_messages() -> None:
    y, treatment, score = campaign(40, 0)
    with pytest.raises(InvalidParameterError, match="at must be"):
        evaluate_uplift(y, treatment, score, at=(0.1, 1.5))
    with pytest.raises(InvalidParameterError, match=r"(?s)2 problems.*n_bins.*n_resamples"):
        evaluate_uplift(y, treatment, score, n_bins=1, n_resamples=1)
    with pytest.raises(InvalidParameterError, match=r"(?s)2 problems.*kind.*confidence_level"):
        uplift_curve(y, treatment, score, kind="qinii", confidence_level=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="criterion"):
        choose_uplift(score[:, None], y, treatment, criterion="auuc")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="at least one model"):
        choose_uplift(score[:, None], y, treatment, {})
    with pytest.raises(InvalidDataError, match="equally long"):
        choose_uplift(score[:30, None], y, treatment)


@pytest.mark.slow
def test_the_intervals_of_areas_and_rates_cover_those_of_the_population() -> None:
    # Truth: one sample of two million. 400 runs: 95 % plus or minus four standard errors.
    y, treatment, score = campaign(2_000_000, 1_000_000)
    truth = {
        "qini": qini(y, treatment, score),
        "auuc": auuc(y, treatment, score),
        # Effect 0.3 s, s uniform: the mean over shares of 0.15 (1 - share).
        "autoc": 0.075,
    }
    inside: dict[str, list[bool]] = {name: [] for name in truth}
    for seed in range(400):
        y, treatment, score = campaign(2000, seed)
        found = evaluate_uplift(y, treatment, score, n_resamples=200)
        for name, value in truth.items():
            inside[name].append(found.metrics[name][1] <= value <= found.metrics[name][2])
    for name, hits in inside.items():
        assert 0.906 <= np.mean(hits) <= 0.994, (name, np.mean(hits))
