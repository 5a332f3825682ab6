"""The base of estimators of a matrix passes scikit-learn's checks with a plain child."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

from helpers.estimator_checks import check_matrix_estimator
from userportrait._core.feature_table import read_features
from userportrait._core.matrix import MatrixEstimator
from userportrait.errors import ColumnTypeError, InvalidDataError, NotFittedError


class Centre(MatrixEstimator):
    """Take means away."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def fit(self, X: Any, y: Any = None) -> Centre:
        table = self._read_features(X, fitting=True)
        self.means_ = table.matrix().mean(axis=0)
        return self

    def transform(self, X: Any) -> Any:
        return self.factor * (self._read_features(X, fitting=False).matrix() - self.means_)

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)


class Majority(MatrixEstimator):
    """Say what most said on this side of the middle."""

    _kind: ClassVar = "classifier"


def test_a_child_passes_the_checks_of_scikit_learn() -> None:
    check_matrix_estimator(Centre())


def test_a_classifier_is_known_as_one() -> None:
    assert is_classifier(Majority())
    assert not is_classifier(clone(Centre()))


def test_the_error_before_fit_is_ours_and_scikit_learns() -> None:
    with pytest.raises(NotFittedError) as ours:
        Centre().transform([[1.0]])
    assert isinstance(ours.value, SklearnNotFittedError)


def test_columns_of_a_frame_are_numbers_or_texts() -> None:
    table = read_features(
        pd.DataFrame({"age": [30, 41], "city": ["Rome", None], "vip": [True, False]}),
        owner="Test",
        allow_missing=True,
    )
    assert table.names == ("age", "city", "vip")
    assert table.matrix().tolist() == [[30.0, 1.0], [41.0, 0.0]]
    assert table.categories["city"].tolist() == ["Rome", None]
    assert table.take(np.array([1])).numbers["age"].tolist() == [41.0]


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        ({"age": [1.0, np.nan]}, InvalidDataError, "column 'age' has missing values"),
        ({"city": ["Rome", None]}, InvalidDataError, "column 'city' has missing values"),
        ({"age": [1.0, np.inf]}, InvalidDataError, "column 'age' holds infinity"),
        ({"day": pd.to_datetime(["2026-01-01"] * 2)}, ColumnTypeError, "'day' holds time"),
        ({}, InvalidDataError, "0 feature"),
        ({"age": np.zeros(0)}, InvalidDataError, "0 sample"),
    ],
)
def test_what_cannot_be_learnt_from_is_named(
    frame: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_features(pd.DataFrame(frame), owner="Test")


def test_categories_of_a_frame_are_texts_unused_levels_left_out() -> None:
    city = pd.Categorical(["Rome", "Oslo", None], categories=["Oslo", "Rome", "Bonn"])
    table = read_features(pd.DataFrame({"city": city}), owner="Test", allow_missing=True)
    assert table.categories["city"].tolist() == ["Rome", "Oslo", None]
    assert sorted(table.texts["city"][1].tolist()) == ["Oslo", "Rome"]


def test_categories_of_polars_are_texts() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"city": ["Rome", "Oslo", None]}, schema={"city": pl.Categorical})
    table = read_features(frame, owner="Test", allow_missing=True)
    assert table.categories["city"].tolist() == ["Rome", "Oslo", None]
