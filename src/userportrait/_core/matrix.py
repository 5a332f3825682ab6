"""The base of estimators of a matrix `X`: they pass scikit-learn's own checks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np

from userportrait._core.estimator import Estimator
from userportrait._core.feature_table import read_features
from userportrait._core.scikit import from_sklearn
from userportrait.errors import InvalidDataError, NotFittedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

__all__ = ["MatrixEstimator", "MatrixNotFittedError"]

if TYPE_CHECKING:

    class _BaseEstimator:
        """scikit-learn's, which has no types."""

    class _SetOutputMixin:
        """scikit-learn's, which has no types."""

        def set_output(
            self, *, transform: Literal["default", "pandas", "polars"] | None = None
        ) -> Self: ...

    class _SklearnNotFittedError(ValueError, AttributeError):
        """scikit-learn's, which has no types."""

else:
    _BaseEstimator = from_sklearn("base.BaseEstimator")
    # Its TransformerMixin would give `fit_transform` to those that transform nothing.
    _SetOutputMixin = from_sklearn("utils._set_output._SetOutputMixin")
    _SklearnNotFittedError = from_sklearn("exceptions.NotFittedError")

Kind: TypeAlias = Literal["classifier", "clusterer", "transformer", "regressor"]


class MatrixNotFittedError(NotFittedError, _SklearnNotFittedError):
    """An estimator of a matrix was used before `fit`; scikit-learn's error too."""


class MatrixEstimator(Estimator, _SetOutputMixin, _BaseEstimator):
    """An estimator of rows by columns that scikit-learn's tools take for one of their own.

    Children say what they are in `_kind`, read their input with `_read_features`, and
    otherwise keep the habits of `Estimator`. Those with `transform` and
    `get_feature_names_out` have scikit-learn's `set_output`.
    """

    n_features_in_: int
    feature_names_in_: NDArray[Any]

    _kind: ClassVar[Kind] = "transformer"
    _allow_missing: ClassVar[bool] = False
    _is_binary: ClassVar[bool] = False

    def _read_features(self, X: Any, *, fitting: bool) -> FeatureTable:
        """Return the features; learn their names in `fit`, hold later input to them.

        Later input has the names of `fit`, also where it came without any.
        """
        owner = type(self).__name__
        if not fitting:
            self._check_fitted("n_features_in_")
        table = read_features(X, owner=owner, allow_missing=self._allow_missing)
        if fitting:
            self._learn_names(table)
            return table
        known = getattr(self, "feature_names_in_", None)
        known = None if known is None else tuple(known.tolist())
        self._check_names(table, known)
        if len(table.names) != self.n_features_in_:
            message = (
                f"X has {len(table.names)} features, but {owner} is expecting "
                f"{self.n_features_in_} features as input."
            )
            raise InvalidDataError(message)
        if table.is_named == (known is not None):
            return table
        names = known or tuple(f"x{at}" for at in range(self.n_features_in_))
        return table.renamed(names, is_named=known is not None)

    def _learn_names(self, table: FeatureTable) -> None:
        self.n_features_in_ = len(table.names)
        if table.is_named:
            self.feature_names_in_ = np.array(table.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _check_names(self, table: FeatureTable, known: tuple[str, ...] | None) -> None:
        """Raise if the columns are others than in `fit`; scikit-learn's words are a contract.

        Where only one side has names, columns are taken by position, with a warning; without
        one where the names are but positions, as those of a frame made from an array.
        """
        owner = type(self).__name__
        given = table.names if table.is_named else None
        if known is not None and given is not None:
            if given != known:
                raise InvalidDataError(_other_names(list(given), list(known)))
        elif given is not None and not _are_positions(given):
            message = f"X has feature names, but {owner} was fitted without feature names"
            warnings.warn(message, UserWarning, stacklevel=4)
        elif known is not None and not _are_positions(known):
            message = (
                f"X does not have valid feature names, but {owner} was fitted with feature names"
            )
            warnings.warn(message, UserWarning, stacklevel=4)

    def _check_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            raise MatrixNotFittedError(type(self).__name__)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    @property
    def _estimator_type(self) -> str | None:
        return None if self._kind == "transformer" else self._kind

    def _more_tags(self) -> dict[str, Any]:
        """Return what scikit-learn before 1.6 asks for."""
        is_supervised = self._kind in ("classifier", "regressor")
        return {
            "allow_nan": self._allow_missing,
            "binary_only": self._is_binary,
            "requires_y": is_supervised,
        }

    def __sklearn_tags__(self) -> Any:
        base: Any = super()
        tags = base.__sklearn_tags__()
        tags.estimator_type = self._estimator_type
        tags.target_tags.required = self._kind in ("classifier", "regressor")
        tags.input_tags.allow_nan = self._allow_missing
        if self._kind == "classifier":
            tags.classifier_tags = from_sklearn("utils.ClassifierTags")(
                multi_class=not self._is_binary
            )
        elif self._kind == "regressor":
            tags.regressor_tags = from_sklearn("utils.RegressorTags")()
        if hasattr(type(self), "transform"):
            tags.transformer_tags = from_sklearn("utils.TransformerTags")()
        return tags


def _are_positions(names: tuple[str, ...]) -> bool:
    return names == tuple(str(at) for at in range(len(names)))


def _other_names(given: list[str], known: list[str]) -> str:
    """Say how the names differ, in the words that scikit-learn's checks ask for."""
    unseen = sorted(set(given) - set(known))
    missing = sorted(set(known) - set(given))
    message = "The feature names should match those that were passed during fit.\n"
    if unseen:
        message += "Feature names unseen at fit time:\n" + _listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message


def _listed(names: list[str], most: int = 5) -> str:
    lines = [f"- {name}\n" for name in names[:most]]
    return "".join([*lines, "- ...\n"] if len(names) > most else lines)
