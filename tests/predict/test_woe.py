"""Weights of evidence of a frame: column by column as `OptimalBinning`, in a pipeline."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from helpers.estimator_checks import check_matrix_estimator
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.predict import OptimalBinning, Propensity, WeightOfEvidence


def customers(n: int = 500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a number with gaps, a text with gaps and a number of noise."""
    source = np.random.default_rng(seed)
    spend, plan = source.lognormal(3, 1, n), source.choice(["basic", "gold", "plus"], n)
    eta = -1.0 + 0.02 * spend + 0.8 * (plan == "gold")
    y = (source.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    frame = pd.DataFrame(
        {
            "spend": np.where(source.random(n) < 0.1, np.nan, spend),
            "plan": pd.Series(plan.astype(object)).mask(source.random(n) < 0.1, None),
            "noise": source.random(n),
        }
    )
    return frame, y


def test_it_passes_the_checks_of_scikit_learn() -> None:
    check_matrix_estimator(WeightOfEvidence(n_pre_bins=10))


def test_each_column_is_that_of_optimal_binning() -> None:
    frame, y = customers()
    weights = WeightOfEvidence(max_bins=4).fit(frame, y)
    found = weights.transform(frame)
    for at, name in enumerate(list(frame.columns)):
        alone = OptimalBinning(4).fit(frame[name], y)
        assert found[:, at].tolist() == alone.transform(frame[name]).tolist()
        assert weights.iv_.set_index("feature")["iv"][name] == pytest.approx(alone.iv_)
        own = weights.table_[weights.table_["feature"] == name].drop(columns="feature")
        pd.testing.assert_frame_equal(own.reset_index(drop=True), alone.table_)
    assert weights.iv_["iv"].is_monotonic_decreasing
    assert weights.get_feature_names_out().tolist() == ["spend", "plan", "noise"]


def test_the_engine_does_not_matter() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame, y = customers()
    weights = WeightOfEvidence().fit(frame, y)
    other = WeightOfEvidence().fit(pl.from_pandas(frame), y)
    np.testing.assert_array_equal(
        weights.transform(frame), other.transform(pl.from_pandas(frame).fill_nan(None))
    )
    again = pickle.loads(pickle.dumps(weights))
    np.testing.assert_array_equal(again.transform(frame), weights.transform(frame))


def test_one_column_of_weights_gives_a_regression_of_slope_one() -> None:
    # With next to no smoothing, log odds are the weight plus the overall log odds.
    frame, y = customers()
    how = WeightOfEvidence(smoothing=0.001)
    fitted = make_pipeline(how, Propensity()).fit(frame[["plan"]], y)
    model: Any = fitted[-1]
    assert model.coef_[0, 0] == pytest.approx(1.0, abs=1e-3)
    assert model.intercept_[0] == pytest.approx(np.log(y.mean() / (1 - y.mean())), abs=1e-3)


def test_bad_use_is_told() -> None:
    frame, y = customers(60)
    with pytest.raises(InvalidParameterError, match="2 problems"):
        WeightOfEvidence(max_bins=0, min_share=0.9).fit(frame, y)
    with pytest.raises(NotFittedError):
        WeightOfEvidence().transform(frame)
    with pytest.raises(InvalidDataError, match="one class"):
        WeightOfEvidence().fit(frame, np.zeros(60))
