"""The base of estimators of a matrix passes scikit-learn's checks with a plain child."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
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


def test_columns_go_by_position_where_only_one_side_has_names() -> None:
    X = np.array([[1.0, 10.0], [3.0, 30.0]])
    frame = pd.DataFrame(X, columns=["b", "a"])
    with pytest.warns(UserWarning, match="X does not have valid feature names, but Centre was"):
        assert Centre().fit(frame).transform(X).tolist() == [[-1.0, -10.0], [1.0, 10.0]]
    with pytest.warns(UserWarning, match="X has feature names, but Centre was fitted without"):
        assert Centre().fit(X).transform(frame).tolist() == [[-1.0, -10.0], [1.0, 10.0]]
    with pytest.raises(InvalidDataError, match="X has 1 features, but Centre is expecting 2"):
        Centre().fit(X).transform([[1.0]])


def test_later_rows_have_the_names_of_fit() -> None:
    X = np.array([[1.0, 10.0], [3.0, 30.0]])
    frame = pd.DataFrame({"b": [1.0, 3.0], "a": ["u", "v"]})
    with pytest.warns(UserWarning, match="valid feature names"):
        table = Centre().fit(frame[["b"]])._read_features(X[:, :1], fitting=False)
    assert (table.names, list(table.numbers), table.is_named) == (("b",), ["b"], True)
    with pytest.warns(UserWarning, match="without feature names"):
        table = Centre().fit(X)._read_features(frame, fitting=False)
    assert (table.names, list(table.texts), table.is_named) == (("x0", "x1"), ["x1"], False)


def test_columns_with_numbers_for_names_are_the_same_in_fit_and_later() -> None:
    X = np.array([[1.0, 10.0], [3.0, 30.0]])
    model = Centre().fit(pd.DataFrame(X))
    assert model.transform(pd.DataFrame(X)).tolist() == model.transform(X).tolist()
    assert Centre().fit(X).transform(pd.DataFrame(X)).tolist() == model.transform(X).tolist()
    with pytest.raises(InvalidDataError, match="must be in the same order"):
        model.transform(pd.DataFrame(X)[[1, 0]])
    with pytest.raises(InvalidDataError, match="unseen at fit time:\n- 7"):
        model.transform(pd.DataFrame(X, columns=[7, 0]))


def test_arrow_tables_keep_their_names() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": [1.0, 3.0]})
    assert Centre().fit(table).transform(table).tolist() == [[-1.0], [1.0]]


def test_lazy_frames_are_read_without_a_warning() -> None:
    pl = pytest.importorskip("polars")
    lazy = pl.LazyFrame({"a": [1.0, 3.0]})
    assert Centre().fit(lazy).transform(lazy).tolist() == [[-1.0], [1.0]]


def test_a_sparse_matrix_is_refused_in_our_words() -> None:
    with pytest.raises(ColumnTypeError, match=r"Centre: X is a sparse matrix.*toarray"):
        Centre().fit(sparse.csr_array([[1.0], [2.0]]))


@pytest.mark.parametrize(("value", "words"), [(np.nan, "missing values"), (np.inf, "infinity")])
def test_bad_numbers_of_an_array_are_named_by_column_and_row(value: float, words: str) -> None:
    with pytest.raises(InvalidDataError, match=f"Centre: column 'x1' .*{words}.*: 2") as caught:
        Centre().fit([[1.0, 2.0], [1.0, 2.0], [1.0, value]])
    assert (caught.value.column, tuple(caught.value.rows)) == ("x1", (2,))


def test_texts_of_an_array_are_refused_and_not_shown() -> None:
    for X in ([["Ann"], ["Bo"]], np.array([["Ann"], ["Bo"]], dtype=object)):
        with pytest.raises(ColumnTypeError, match="Centre: X is an array that holds texts") as it:
            Centre().fit(X)
        assert "Ann" not in str(it.value)


class NamedCentre(Centre):
    """Take means away, and say what the columns are called."""

    def transform(self, X: Any) -> Any:
        return super().transform(X)

    def get_feature_names_out(self, input_features: object = None) -> Any:
        self._check_fitted("n_features_in_")
        return getattr(self, "feature_names_in_", np.array(["x0"], dtype=object))


def test_names_of_output_give_set_output() -> None:
    frame = pd.DataFrame({"a": [1.0, 3.0]}, index=["ann", "bo"])
    found = NamedCentre().set_output(transform="pandas").fit_transform(frame)
    pd.testing.assert_frame_equal(found, pd.DataFrame({"a": [-1.0, 1.0]}, index=["ann", "bo"]))
    assert NamedCentre().fit_transform(frame).tolist() == [[-1.0], [1.0]]
    assert not hasattr(Centre(), "set_output")
    assert not hasattr(Majority(), "set_output")


def test_some_of_the_rows_have_their_levels_alone() -> None:
    table = read_features(
        pd.DataFrame({"g": ["a", "b", None, "c"]}), owner="Test", allow_missing=True
    )
    part = table.take(np.array([3, 2, 1]))
    assert part.texts["g"][1].tolist() == ["b", "c"]
    assert part.categories["g"].tolist() == ["c", None, "b"]
    assert table.take(np.array([2])).categories["g"].tolist() == [None]
    assert table.take(np.arange(4)).texts["g"][1] is table.texts["g"][1]


def test_kinds_of_numbers_are_told() -> None:
    frame = pd.DataFrame({"n": [1, 2], "is_vip": [True, False], "x": [0.5, 1.0], "g": ["a", "b"]})
    kinds = read_features(frame, owner="Test").kinds
    assert kinds == {"n": "integer", "is_vip": "boolean", "x": "number"}
    assert read_features(np.array([[1], [2]]), owner="Test").kinds == {"x0": "integer"}
    assert read_features([[1.0], [2]], owner="Test").kinds == {"x0": "number"}
