"""Importance and partial dependence: worked by hand, for any frame, name and type of column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from helpers.scored_rows import rows
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.predict import (
    Propensity,
    evaluate_classifier,
    partial_dependence,
    permutation_importance,
)


class Recorder:
    """A model that keeps the rows it is given."""

    classes_ = np.array([0, 1])

    def __init__(self, column: Any = 0) -> None:
        self.column = column
        self.seen: list[Any] = []

    def predict_proba(self, X: Any) -> np.ndarray:
        self.seen.append(X)
        p = np.asarray(X)[:, self.column].astype(float) / 100
        return np.column_stack([1 - p, p])


def test_a_useless_column_has_no_importance() -> None:
    X, y = rows()
    model = Propensity().fit(X, y)
    table = permutation_importance(model, X, y).set_index("feature")
    assert table.index[0] == "a"
    assert abs(table.loc["c", "importance"]) < 0.01
    from_array = permutation_importance(LogisticRegression().fit(X.to_numpy(), y), X.to_numpy(), y)
    assert from_array["feature"].iloc[0] == "x0"


def test_partial_dependence_is_the_mean_prediction() -> None:
    X, y = rows()
    X = X.assign(plan=np.where(X["b"] > 0, "gold", "basic"))
    model = Propensity().fit(X, y)
    table = partial_dependence(model, X, "plan")
    by_hand = [model.predict_proba(X.assign(plan=p))[:, 1].mean() for p in ("basic", "gold")]
    assert table["prediction"].to_numpy() == pytest.approx(by_hand)
    assert table["share"].sum() == pytest.approx(1.0)
    numbers = partial_dependence(model, X, "a", n_points=7)
    assert numbers["prediction"].is_monotonic_increasing
    assert len(numbers) == 7
    with pytest.raises(MissingColumnError, match="Did you mean 'plan'"):
        partial_dependence(model, X, "plam")


def test_importance_does_not_depend_on_the_order_of_rows() -> None:
    X, y = rows(200)
    X = X.round(1).assign(plan=np.where(X["b"] > 0, "gold", "basic"))
    model = Propensity().fit(X, y)
    order = np.random.default_rng(5).permutation(200)
    mixed = X.iloc[order]
    found = permutation_importance(model, X, y)
    again = permutation_importance(model, mixed, y[order])
    pd.testing.assert_frame_equal(again, found, check_exact=True)
    curve = partial_dependence(model, X, "a", n_rows=50)
    again = partial_dependence(model, mixed, "a", n_rows=50)
    pd.testing.assert_frame_equal(curve, again, check_exact=True)


def test_a_dependence_is_averaged_over_at_most_the_rows_asked() -> None:
    X = pd.DataFrame({"a": np.arange(1999.0), "b": np.arange(1999.0) % 7})
    model = Recorder()
    found = partial_dependence(model, X, "b", n_rows=1000)
    assert {len(one) for one in model.seen} == {1000}
    assert found["share"].to_numpy() * 1999 == pytest.approx(np.bincount(np.arange(1999) % 7))


def test_a_rare_flag_shows_both_of_its_values() -> None:
    flag = np.r_[np.zeros(97), np.ones(3)]
    X = pd.DataFrame({"flag": flag, "many": np.r_[np.zeros(96), 1.0, 2.0, 3.0, 4.0]})
    found = partial_dependence(Recorder(), X, "flag")
    assert found["value"].tolist() == [0.0, 1.0]
    assert found["share"].tolist() == [0.97, 0.03]
    assert found["prediction"].tolist() == pytest.approx([0.0, 0.01])
    # More values than points, and most rows at 0: from end to end.
    ends = partial_dependence(Recorder(1), X, "many", n_points=3)
    assert ends["value"].tolist() == [0.0, 2.0, 4.0]
    assert ends["share"].tolist() == [0.97, 0.02, 0.01]


@pytest.mark.parametrize("dtype", ["Int64", "int64", "boolean", "bool", "category", "Float64"])
def test_a_value_keeps_the_type_of_its_column(dtype: str) -> None:
    X = pd.DataFrame({"k": pd.Series(np.arange(40) % 2, dtype=dtype), "x": np.arange(40.0)})
    model = Recorder(1)
    found = partial_dependence(model, X, "k")
    assert found["value"].tolist() == [0, 1]
    assert {str(one["k"].dtype) for one in model.seen} == {dtype}


@pytest.mark.parametrize("name", ["self", "plain name", 5])
def test_a_column_may_have_any_name(name: Any) -> None:
    X = pd.DataFrame({name: np.arange(40) % 2, "x": np.arange(40.0)})
    found = partial_dependence(Recorder(), X, name)
    assert found["prediction"].tolist() == pytest.approx([0.0, 0.01])
    table = permutation_importance(Recorder(1), X, np.arange(40) > 20)
    assert table["feature"].tolist() == ["x", str(name)]
    array = partial_dependence(Recorder(), X.to_numpy(), "x0")
    assert array["prediction"].tolist() == pytest.approx([0.0, 0.01])
    with pytest.raises(InvalidDataError, match=f"column '{name}' has no value"):
        partial_dependence(Recorder(), X * np.nan, name)


def test_frames_of_other_engines_are_looked_at_alike() -> None:
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    X, y = rows(120)
    X = X.assign(plan=np.where(X["b"] > 0, "gold", "basic"), n=np.arange(120) % 3)
    model = Propensity().fit(X, y)
    importance = permutation_importance(model, X, y)
    curves = [partial_dependence(model, X, name) for name in ("a", "n", "plan")]
    for other in (pl.from_pandas(X), pl.from_pandas(X).lazy(), pa.Table.from_pandas(X)):
        pd.testing.assert_frame_equal(permutation_importance(model, other, y), importance)
        for name, curve in zip(("a", "n", "plan"), curves, strict=True):
            found = partial_dependence(model, other, name)
            pd.testing.assert_frame_equal(found, curve)


def test_a_model_may_keep_its_classes_in_any_order() -> None:
    class Reversed(Recorder):
        classes_ = np.array([1, 0])

        def predict_proba(self, X: Any) -> np.ndarray:
            return super().predict_proba(X)[:, ::-1]

    X = pd.DataFrame({"a": np.arange(40.0), "b": np.ones(40)})
    y = (np.arange(40) > 25).astype(int)
    assert evaluate_classifier(Reversed(), X, y).auc == 1.0
    table = permutation_importance(Reversed(), X, y)
    assert table["feature"].tolist() == ["a", "b"]
    assert table["importance"].iloc[0] > 0.3
