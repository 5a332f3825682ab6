"""What a model of two classes answers once it gives the logarithm of the odds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.matrix import MatrixEstimator
from userportrait._core.scikit import from_sklearn
from userportrait.predict._newton import probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["LogOddsClassifier"]


class LogOddsClassifier(MatrixEstimator):
    """The base of classifiers with a `decision_function` in log-odds of the second class."""

    classes_: NDArray[Any]

    if TYPE_CHECKING:

        def decision_function(self, X: Any) -> Floats:
            """Children have it."""
            ...

    def predict_proba(self, X: Any) -> Floats:
        """Return the chance of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        ndarray of shape (n_rows, 2)
            In the order of `classes_`.
        """
        eta = self.decision_function(X)
        return np.column_stack([probabilities(-eta), probabilities(eta)])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the more likely class of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        eta = self.decision_function(X)
        found: NDArray[Any] = self.classes_[(eta > 0).astype(np.intp)]
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose class is predicted rightly.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
        y : array-like of shape (n_rows,)
        sample_weight : array-like of shape (n_rows,), optional

        Returns
        -------
        float
        """
        accuracy: Any = from_sklearn("metrics.accuracy_score")
        return float(accuracy(y, self.predict(X), sample_weight=sample_weight))
