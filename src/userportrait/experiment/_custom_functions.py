"""Ready functions of rows: spread, inequality, association, robust centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["NAMED", "Named"]

_TRIMMED = 0.1


@dataclass(frozen=True, slots=True)
class Named:
    """A function and what it takes.

    Parameters
    ----------
    function : callable
    takes : {'rows', 'weights', 'means'}
    n_columns : int
        Columns that the caller names.
    prepare : callable, optional
        Makes of these columns the ones that the function gets.
    """

    function: Callable[..., Any]
    takes: Literal["rows", "weights", "means"]
    n_columns: int
    prepare: Callable[..., tuple[Floats, ...]] | None = None


def _logarithms(values: Floats) -> tuple[Floats, ...]:
    if bool((values <= 0.0).any()):
        raise InvalidDataError("A geometric mean needs values above 0; some are not.")
    return (np.log(values),)


def _powers(values: Floats) -> tuple[Floats, ...]:
    """Return the values' centre, deviations from it and their squares: no digits are lost."""
    centre = float(values.mean())
    off = values - centre
    return np.full(len(values), centre), off, off * off


def _deviation(_: Floats, mean: Floats, square: Floats) -> Floats:
    return np.sqrt(np.maximum(square - mean * mean, 0.0))


def _relative_deviation(centre: Floats, mean: Floats, square: Floats) -> Floats:
    return np.sqrt(np.maximum(square - mean * mean, 0.0)) / (centre + mean)


def _products(first: Floats, second: Floats) -> tuple[Floats, ...]:
    x, y = first - first.mean(), second - second.mean()
    return x, y, x * x, x * y, y * y


def _correlation(x: Floats, y: Floats, xx: Floats, xy: Floats, yy: Floats) -> Floats:
    return (xy - x * y) / np.sqrt((xx - x * x) * (yy - y * y))


def _sorted(values: Floats, weights: NDArray[Any]) -> tuple[Floats, Floats]:
    order = np.argsort(values, kind="stable")
    return values[order], weights[order].astype(np.float64)


def _gini(values: Floats, weights: NDArray[Any]) -> float:
    """Return the mean difference of two rows by twice the mean."""
    ordered, weight = _sorted(values, weights)
    total = float(weight.sum())
    money = float(weight @ ordered)
    rank = np.cumsum(weight) - weight / 2.0
    return 2.0 * float((weight * rank) @ ordered) / (total * money) - 1.0


def _median(values: Floats, weights: NDArray[Any]) -> float:
    ordered, weight = _sorted(values, weights)
    totals = np.cumsum(weight)
    rank = (totals[-1] - 1.0) / 2.0
    ends = np.searchsorted(totals, [np.floor(rank), np.ceil(rank)], side="right")
    return float(ordered[ends].mean())


def _trimmed_mean(values: Floats, weights: NDArray[Any]) -> float:
    ordered, weight = _sorted(values, weights)
    totals = np.cumsum(weight)
    low, high = _TRIMMED * totals[-1], (1.0 - _TRIMMED) * totals[-1]
    kept = np.diff(np.clip(totals, low, high), prepend=low)
    return float(kept @ ordered / kept.sum())


NAMED: dict[str, Named] = {
    "coefficient_of_variation": Named(_relative_deviation, "means", 1, _powers),
    "correlation": Named(_correlation, "means", 2, _products),
    "geometric_mean": Named(np.exp, "means", 1, _logarithms),
    "gini": Named(_gini, "weights", 1),
    "median": Named(_median, "weights", 1),
    "standard_deviation": Named(_deviation, "means", 1, _powers),
    "trimmed_mean": Named(_trimmed_mean, "weights", 1),
}
"""Each by its name."""
