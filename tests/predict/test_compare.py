"""Comparison of classifiers: its tests, its frame, and what it is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from helpers.scored_rows import rows
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.predict import (
    Propensity,
    calibrate,
    compare_classifiers,
    cross_fitted_scores,
    evaluate_classifier,
)
from userportrait.predict._roc import areas_with_covariance, delong_p_value


def test_models_are_compared_on_rows_they_have_not_seen() -> None:
    X, y = rows()
    models = {"deep": DecisionTreeClassifier(random_state=0), "logistic": Propensity()}
    table = compare_classifiers(models, X, y)
    assert table["model"].tolist() == ["logistic", "deep"]
    scores = [cross_fitted_scores(m, X, y) for m in models.values()]
    areas, covariance = areas_with_covariance(y.astype(float), np.vstack(scores))
    assert table["p_value"].iloc[1] == pytest.approx(
        delong_p_value(areas, covariance, 0, 1, (1, 1))
    )
    assert np.isnan(table["p_value"].iloc[0])
    assert len(table.attrs["pairs"]) == 1
    with pytest.raises(InvalidParameterError, match="two or more"):
        compare_classifiers({"one": Propensity()}, X, y)


def test_a_comparison_can_be_printed_joined_and_written(tmp_path: Any) -> None:
    X, y = rows(120)
    models = {"a": LogisticRegression(), "b": Propensity(), "c": LogisticRegression(C=0.01)}
    table = compare_classifiers(models, X, y)
    other = compare_classifiers(dict(list(models.items())[:2]), X, y)
    assert "model" in repr(table)
    assert "<table" in table.to_html()
    assert len(table.merge(other, on="model")) == 2
    assert len(pd.concat([table, other])) == 5
    pairs = pd.DataFrame(table.attrs["pairs"])
    by_hand = np.maximum.accumulate(np.sort(pairs["p_value"]) * [3, 2, 1]).clip(max=1)
    assert np.sort(pairs["adjusted_p_value"]) == pytest.approx(by_hand)
    pytest.importorskip("pyarrow")
    table.to_parquet(tmp_path / "compared.parquet")
    assert len(pd.read_parquet(tmp_path / "compared.parquet")) == 3


def test_few_rows_and_wrong_models_are_told_by_the_function_called() -> None:
    X, y = rows(40)
    models = {"a": LogisticRegression(), "b": Propensity()}
    with pytest.raises(InvalidParameterError, match="compare_classifiers: models must map names"):
        compare_classifiers([LogisticRegression(), Propensity()], X, y)  # type: ignore[arg-type]
    few = np.r_[1, 1, np.zeros(38, dtype=int)]
    for name, call in (
        ("compare_classifiers", lambda: compare_classifiers(models, X, few)),
        ("cross_fitted_scores", lambda: cross_fitted_scores(Propensity(), X, few)),
        ("calibrate", lambda: calibrate(Propensity(), X, few)),
    ):
        with pytest.raises(InvalidDataError, match=f"{name}: the rarest class of y has 2 rows"):
            call()
    plain = {"a": LogisticRegression(), "b": DecisionTreeClassifier()}
    small = compare_classifiers(plain, X.iloc[:8], [0, 1] * 4, n_folds=2)
    assert small["model"].nunique() == 2
    with pytest.raises(InvalidDataError, match="evaluate_classifier: 10 bins need as many rows"):
        evaluate_classifier(Propensity().fit(X, y), X.iloc[:8], [0, 1] * 4)


def test_models_are_compared_alike_on_frames_of_all_engines() -> None:
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    X, y = rows(120)
    X = X[["a"]].assign(plan=np.where(X["b"] > 0, "gold", "basic"))
    models = {"plain": Propensity(), "l2": Propensity(penalty="l2")}
    expected = compare_classifiers(models, X, y)
    for other, outcome in (
        (pl.from_pandas(X), pl.Series(y)),
        (pa.Table.from_pandas(X), pa.chunked_array([pa.array(y)])),
    ):
        pd.testing.assert_frame_equal(compare_classifiers(models, other, outcome), expected)


def test_all_models_are_compared_on_the_same_folds() -> None:
    X, y = rows(100)
    models = {"a": LogisticRegression(), "b": LogisticRegression()}
    table = compare_classifiers(models, X, y, random_state=None)
    assert table["difference"].tolist() == [0.0, 0.0]
