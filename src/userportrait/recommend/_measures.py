"""How alike two rows of a sparse matrix are: cosine and its relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, OneOf, Rule
from userportrait.recommend._interactions import csr, entry_rows
from userportrait.recommend._linear import WEIGHTING_RULE, Weighting, weighted
from userportrait.recommend._sparse import Comparison, Form, transposed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Matrix

__all__ = [
    "MEASURE_RULES",
    "Features",
    "Measure",
    "Similarity",
    "compare_columns",
    "compare_query",
    "compare_rows",
    "narrow_weights",
    "sum_rows",
]

Similarity: TypeAlias = Literal["cosine", "asymmetric", "jaccard", "dice", "tfidf", "bm25"]

MEASURE_RULES: Mapping[str, Rule] = {
    "similarity": OneOf(("asymmetric", "bm25", "cosine", "dice", "jaccard", "tfidf")),
    "shrinkage": Between(0.0, float("inf"), open_high=True),
    "alpha": Between(0.0, 1.0),
    "k1": Between(0.0, float("inf"), open_low=True, open_high=True),
    "b": Between(0.0, 1.0),
    "weighting": WEIGHTING_RULE,
}


def narrow_weights(matrix: Matrix, weighting: Weighting) -> Matrix:
    """Return interactions as a model takes them, in numbers that float32 holds exactly.

    Products of two such numbers are exact in float64, so that sums of them round alike wherever
    they are added up in the same order.
    """
    return _narrow(weighted(matrix, weighting))


def _narrow(matrix: Matrix) -> Matrix:
    data = matrix.data.astype(np.float32).astype(np.float64)
    return csr(data, matrix.indices, matrix.indptr, matrix.shape)


def sum_rows(matrix: Matrix, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each row of some values that stand where a matrix has entries."""
    sums = np.bincount(entry_rows(matrix), weights=values, minlength=matrix.shape[0])
    return sums.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Features:
    """What the values of a row depend on besides the row itself.

    Parameters
    ----------
    inverse_frequency : ndarray of float64, shape (n_features,)
        log(n_rows / (1 + rows that have the feature)), 0 at least.
    mean_length : float
        Mean sum of a row.
    """

    inverse_frequency: NDArray[np.float64]
    mean_length: float

    @classmethod
    def of(cls, rows: Matrix) -> Features:
        """Count the rows of each feature."""
        n_rows, n_features = rows.shape
        counts = np.bincount(rows.indices, minlength=n_features)
        found = np.maximum(np.log(max(n_rows, 1)) - np.log1p(counts), 0.0)
        return cls(found, float(rows.data.sum()) / max(n_rows, 1))


@dataclass(frozen=True)
class Measure:
    """A similarity and its settings; see `ItemKNN`."""

    similarity: Similarity
    shrinkage: float
    alpha: float
    k1: float
    b: float
    weighting: Weighting

    @property
    def is_unit(self) -> bool:
        """Whether all values are 1."""
        return self.weighting == "binary" and self.similarity not in ("tfidf", "bm25")

    @property
    def form(self) -> Form:
        """How sums of products become similarities."""
        if self.similarity == "jaccard":
            return "sum_less_total"
        return "sum" if self.similarity == "dice" else "product"

    def values(self, rows: Matrix, features: Features) -> Matrix:
        """Return the values of rows that are multiplied; `rows` are weighted already."""
        if self.similarity not in ("tfidf", "bm25"):
            return rows
        rarity, weight = features.inverse_frequency[rows.indices], rows.data
        if self.similarity == "tfidf":
            found = np.sqrt(weight) * rarity
        else:
            length = sum_rows(rows, weight)
            relative = 1.0 - self.b + self.b * length / (features.mean_length or 1.0)
            below = self.k1 * relative[entry_rows(rows)] + weight
            found = np.divide(
                weight * (self.k1 + 1.0), below, out=np.zeros(len(weight)), where=below > 0
            )
            found *= rarity
        return _narrow(csr(found, rows.indices, rows.indptr, rows.shape))

    def scales(self, values: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what similarities are divided by: for rows on the left, and on the right."""
        square = sum_rows(values, values.data**2)
        if self.similarity == "bm25":
            ones = np.ones(len(square))
            return ones, ones
        if self.similarity == "asymmetric":
            return _power(square, self.alpha), _power(square, 1.0 - self.alpha)
        if self.similarity == "jaccard":
            return square, square
        found = square / 2 if self.similarity == "dice" else np.sqrt(square)
        return found, found


def _power(values: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    found = np.zeros(len(values))
    inside = values > 0
    found[inside] = np.sqrt(values[inside]) if exponent == 0.5 else values[inside] ** exponent
    return found


def compare_columns(matrix: Matrix, measure: Measure, engine: Engine) -> Comparison:
    """Compare the columns of a matrix of raw weights with each other."""
    pattern = narrow_weights(matrix, measure.weighting)
    rows, places = transposed(pattern, engine)
    values = measure.values(rows, Features.of(rows))
    data = pattern.data
    if not measure.is_unit:
        data = np.empty(len(places))
        data[places] = values.data
    right = csr(data, pattern.indices, pattern.indptr, pattern.shape)
    return _with_itself(values, right, places, measure)


def compare_rows(matrix: Matrix, measure: Measure, engine: Engine) -> Comparison:
    """Compare the rows of a matrix of raw weights with each other."""
    rows = narrow_weights(matrix, measure.weighting)
    values = measure.values(rows, Features.of(rows))
    right, back = transposed(values, engine)
    places = np.empty(len(back), dtype=np.int64)
    places[back] = np.arange(len(back))
    return _with_itself(values, right, places, measure)


def _with_itself(
    values: Matrix, right: Matrix, places: NDArray[np.int64], measure: Measure
) -> Comparison:
    left_scale, right_scale = measure.scales(values)
    own = np.arange(values.shape[0], dtype=np.int32)
    return Comparison(
        values,
        right,
        left_scale,
        right_scale,
        measure.form,
        measure.shrinkage,
        own,
        measure.is_unit,
        places,
    )


def compare_query(
    rows: Matrix,
    features: Features,
    fitted: Comparison,
    measure: Measure,
    own: NDArray[np.int32],
) -> Comparison:
    """Compare other rows of raw weights with those of a comparison of rows.

    Parameters
    ----------
    rows : csr_array
    features : Features
        Of the rows of the comparison.
    fitted : Comparison
        What `compare_rows` has returned.
    measure : Measure
    own : ndarray of int32
        The row of the comparison that each row is itself, -1 for none.
    """
    values = measure.values(narrow_weights(rows, measure.weighting), features)
    left_scale, _ = measure.scales(values)
    return Comparison(
        values,
        fitted.right,
        left_scale,
        fitted.right_scale,
        measure.form,
        measure.shrinkage,
        own,
        measure.is_unit,
    )
