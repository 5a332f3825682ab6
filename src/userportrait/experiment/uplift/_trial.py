"""Outcomes, treatment and scores of customers, checked once for every metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError, describe_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

__all__ = ["Trial", "as_flags", "as_numbers", "as_shares", "is_binary", "read_trial"]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Who was treated, what they did, and perhaps how they were ranked.

    Parameters
    ----------
    outcome : ndarray of float64
        Finite.
    treated : ndarray of bool
        Both values occur.
    score : ndarray of float64
        The higher, the earlier a customer is treated; zeros where none was given.
    """

    outcome: Floats
    treated: Bools
    score: Floats

    @property
    def n(self) -> int:
        """Number of customers."""
        return len(self.outcome)

    def sorted(self) -> Trial:
        """Return the customers best score first; the order of the input rows has no say."""
        order = np.lexsort((self.outcome, self.treated, -self.score))
        return Trial(self.outcome[order], self.treated[order], self.score[order])


def read_trial(y: ArrayLike, treatment: ArrayLike, score: ArrayLike | None = None) -> Trial:
    """Check outcomes, treatment and scores.

    Raises
    ------
    InvalidDataError
        If lengths differ, a value is missing or infinite, the treatment has other values than
        0 and 1, or an arm is empty.
    """
    outcome = as_numbers(y, "y")
    treated = as_flags(treatment, "treatment")
    ranked = np.zeros(len(outcome)) if score is None else as_numbers(score, "score")
    check_lengths(y=len(outcome), treatment=len(treated), score=len(ranked))
    check_arms(treated)
    return Trial(outcome, treated, ranked)


def as_numbers(values: ArrayLike, name: str) -> Floats:
    """Return one-dimensional finite numbers."""
    found = np.asarray(values)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        message = f"{name} must be one-dimensional; got {found.ndim} dimensions."
        raise InvalidDataError(message)
    try:
        numbers: Floats = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        message = f"{name} must hold numbers; got values of type {found.dtype}."
        raise InvalidDataError(message) from error
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        message = (
            f"{name} has {len(bad):,} missing or infinite values. Leave out these customers, or "
            f"say what they stand for.{describe_rows(bad[:5].tolist(), len(bad))}"
        )
        raise InvalidDataError(message)
    return numbers


def as_flags(values: ArrayLike, name: str) -> Bools:
    """Return which of 0 and 1, or False and True, each value is."""
    found = np.asarray(values)
    if found.dtype == np.bool_ and found.ndim == 1:
        return found
    if found.dtype.kind in "OUS" and any(isinstance(value, str) for value in found.ravel()[:1]):
        message = (
            f"{name} must be 0 for control and 1 for treated; got texts. "
            f"Compare first: {name} == 'e-mail'."
        )
        raise InvalidDataError(message)
    numbers = as_numbers(found, name)
    bad = np.flatnonzero((numbers != 0) & (numbers != 1))
    if len(bad):
        message = (
            f"{name} must be 0 or 1; {len(bad):,} values are not."
            f"{describe_rows(bad[:5].tolist(), len(bad))}"
        )
        raise InvalidDataError(message)
    return np.asarray(numbers == 1)


def as_shares(values: float | ArrayLike, name: str, n: int) -> Floats:
    """Return chances strictly between 0 and 1, one for each of `n` customers."""
    found: Any = np.asarray(values)
    numbers = as_numbers(np.full(n, found) if found.ndim == 0 else found, name)
    check_lengths(customers=n, **{name: len(numbers)})
    bad = np.flatnonzero((numbers <= 0) | (numbers >= 1))
    if len(bad):
        message = (
            f"{name} must lie strictly between 0 and 1: who is always or never treated has "
            f"nobody to be compared with.{describe_rows(bad[:5].tolist(), len(bad))}"
        )
        raise InvalidDataError(message)
    return numbers


def check_lengths(**lengths: int) -> None:
    """Raise if the lengths are not all the same."""
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        message = f"the inputs must be equally long: {listed}."
        raise InvalidDataError(message)


def check_arms(treated: Bools) -> None:
    """Raise unless there are treated customers and others."""
    n_treated = int(treated.sum())
    if n_treated == 0 or n_treated == len(treated):
        there = "nobody" if n_treated == 0 else "everybody"
        message = (
            f"{there} of {len(treated):,} customers was treated. Uplift needs a treated group "
            "and a control group."
        )
        raise InvalidDataError(message)


def is_binary(outcome: Floats) -> bool:
    """Say whether every outcome is 0 or 1."""
    return bool(np.all((outcome == 0) | (outcome == 1)))
