"""Estimators of X in both rooms: names of columns, arrays in their place, frames for output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from userportrait.errors import InvalidDataError
from userportrait.predict import Propensity, Scorecard, WeightOfEvidence
from userportrait.segment import (
    CustomerSegments,
    FactorAnalysis,
    KPrototypes,
    PrepareFeatures,
    segment_drift,
)


def test_a_level_of_rows_without_weight_is_unknown() -> None:
    source = np.random.default_rng(0)
    X = pd.DataFrame({"g": source.choice(list("abc"), 300), "x": source.normal(size=300)})
    y = source.integers(2, size=300)
    counted = (X["g"] != "a").to_numpy()
    model = Propensity().fit(X, y, counted.astype(float))
    other = Propensity().fit(X[counted], y[counted])
    pd.testing.assert_frame_equal(model.summary(), other.summary())
    with pytest.raises(InvalidDataError, match="column 'g' has levels that fit did not see: 'a'"):
        model.predict(X[~counted])


@pytest.mark.parametrize("model", [Propensity(), Scorecard()])
def test_an_array_stands_for_the_columns_of_fit(model: Propensity | Scorecard) -> None:
    source = np.random.default_rng(0)
    X = source.normal(size=(300, 2))
    y = (X[:, 0] + source.normal(size=300) > 0).astype(int)
    frame = pd.DataFrame(X, columns=["b", "a"])
    expected = model.fit(X, y).predict_proba(X).tolist()
    with pytest.warns(UserWarning, match="X has feature names"):
        assert model.predict_proba(frame).tolist() == expected
    model.fit(frame, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert model.predict_proba(X).tolist() == expected
    model.fit(pd.DataFrame(X), y)
    assert model.predict_proba(pd.DataFrame(X)).tolist() == model.predict_proba(X).tolist()


@pytest.mark.parametrize(
    "step", [WeightOfEvidence(), PrepareFeatures(), FactorAnalysis(1), KPrototypes(2, n_init=1)]
)
def test_pipelines_with_output_as_frames_keep_names(step: Any) -> None:
    source = np.random.default_rng(0)
    X = pd.DataFrame(source.normal(size=(200, 4)), columns=list("abcd"))
    X["b"] += X["a"]
    y = (X["a"] + source.normal(size=200) > 0).astype(int)
    pipe = make_pipeline(step, Propensity()).set_output(transform="pandas").fit(X, y)
    assert pipe[-1].feature_names_in_.tolist() == step.get_feature_names_out().tolist()
    assert pipe[0].transform(X).index.equals(X.index)
    plain = make_pipeline(clone(step).set_output(transform="default"), Propensity()).fit(X, y)
    assert plain.predict_proba(X).tolist() == pipe.predict_proba(X).tolist()


def test_segments_and_their_drift_do_not_mind_frames_for_output() -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 2)), columns=list("ab"))
    plain = CustomerSegments(2).fit(X)
    with config_context(transform_output="pandas"):
        model = CustomerSegments(2).fit(X)
        assert model.predict(X).tolist() == plain.labels_.tolist()
        assert str(segment_drift(model, X, X)) == str(segment_drift(plain, X, X))
