"""Scorecards: points beside the regression that they tell, by hand, and scikit-learn's checks."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from helpers.estimator_checks import check_matrix_estimator
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.predict import Scorecard, WeightOfEvidence


def customers(n: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return two features that tell, one of them with gaps, and one of noise."""
    source = np.random.default_rng(seed)
    spend, plan = source.lognormal(3, 1, n), source.choice(["basic", "gold", "plus"], n)
    eta = -1.5 + 0.03 * spend + 0.8 * (plan == "gold")
    y = (source.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    spend = np.where(source.random(n) < 0.1, np.nan, spend)
    return pd.DataFrame({"spend": spend, "plan": plan, "noise": source.random(n)}), y


def test_it_passes_the_checks_of_scikit_learn() -> None:
    check_matrix_estimator(Scorecard(n_pre_bins=10, min_iv=0.0))


def test_points_tell_the_odds_of_a_regression_on_the_weights() -> None:
    frame, y = customers()
    card = Scorecard(
        rounded=False, points_to_double=50, base_points=500, base_odds=0.2, min_iv=0.05
    ).fit(frame, y)
    assert card.features_ == ("spend", "plan")
    weights = WeightOfEvidence().fit(frame, y).transform(frame)[:, :2]
    oracle = sm.GLM(y, sm.add_constant(weights), family=sm.families.Binomial()).fit(tol=1e-12)
    odds = np.exp(sm.add_constant(weights) @ oracle.params)
    assert card.points(frame) == pytest.approx(500 + 50 * np.log2(odds / 0.2), rel=1e-8)
    assert card.predict_proba(frame)[:, 1] == pytest.approx(odds / (1 + odds))
    assert (card.predict(frame) == (odds > 1)).all()
    assert card.score(frame, y) == pytest.approx(((odds > 1) == y).mean())


def test_a_person_adds_the_same_points_from_the_table() -> None:
    frame, y = customers()
    card = Scorecard().fit(frame, y)
    assert (card.points_["points"] == card.points_["points"].round()).all()
    at = {(f, b): p for f, b, p in card.points_[["feature", "bin", "points"]].to_numpy()}
    rows = pd.DataFrame({"spend": [np.nan, 1e9], "plan": ["gold", "basic"], "noise": [0.5, 0.5]})
    top = card.points_.loc[card.points_["feature"] == "spend", "bin"].iloc[-2]
    assert top.startswith(">= ")
    known = at["intercept", "all"] + at["spend", "missing"] + at["plan", "gold"]
    plan_bin = next(b for f, b in at if f == "plan" and "basic" in b)
    other = at["intercept", "all"] + at["spend", top] + at["plan", plan_bin]
    by_feature = card.points_by_feature(rows)
    noise = by_feature["noise"].to_numpy() if "noise" in by_feature else np.zeros(2)
    assert (card.points(rows) - noise).tolist() == [known, other]


def test_rounding_is_off_by_half_a_point_a_part_at_most() -> None:
    frame, y = customers()
    whole, exact = Scorecard().fit(frame, y), Scorecard(rounded=False).fit(frame, y)
    off = np.abs(whole.points(frame) - exact.points(frame))
    assert 0 < off.max() <= 0.5 * (1 + len(whole.features_))
    assert whole.predict_proba(frame).tolist() == exact.predict_proba(frame).tolist()


def test_a_copy_is_left_at_no_points_and_overlap_shows_as_reversed() -> None:
    frame, y = customers()
    card = Scorecard().fit(frame.assign(copy=frame["plan"]), y)
    points = card.points_.set_index("feature")["points"]
    assert (points["copy"] == 0).all()
    assert points["plan"].abs().max() > 0
    assert card.reversed_ == ()
    # Once the sum of the two is known, either of them alone speaks against the outcome.
    source = np.random.default_rng(0)
    hidden, shift = source.normal(size=(2, 4000))
    y = (source.random(4000) < 1 / (1 + np.exp(-2 * hidden))).astype(int)
    both = pd.DataFrame({"sum": hidden + shift, "shift": shift + 0.3 * hidden})
    assert Scorecard().fit(both, y).reversed_ == ("shift",)


def test_what_fit_did_not_see_has_no_points() -> None:
    frame, y = customers()
    card = Scorecard().fit(frame[["plan"]], y)
    start = card.points_["points"].iloc[0]
    assert card.points(pd.DataFrame({"plan": ["new", None]})).tolist() == [start, start]
    assert pickle.loads(pickle.dumps(card)).points(frame[["plan"]]).tolist() == (
        card.points(frame[["plan"]]).tolist()
    )


def test_bad_use_is_told() -> None:
    frame, y = customers(200)
    with pytest.raises(InvalidParameterError, match="3 problems"):
        Scorecard(points_to_double=0.0, base_odds=-1.0, max_bins=1).fit(frame, y)
    with pytest.raises(NotFittedError):
        Scorecard().points(frame)
    with pytest.raises(InvalidDataError, match=r"information value of 0\.02"):
        Scorecard().fit(np.ones((200, 2)), y)
