"""Rows, outcomes and weights, as models take them."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.scikit import from_sklearn
from userportrait.errors import InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = [
    "check_classes",
    "check_folds",
    "is_frame",
    "read_numbers",
    "read_outcome",
    "read_rows",
    "read_weights",
]


def is_frame(X: Any) -> bool:
    """Return whether rows come as a frame of any engine."""
    # Of the type, because a lazy frame warns where it is asked itself.
    return hasattr(cast("Any", type(X)), "columns") or hasattr(X, "__narwhals_dataframe__")


def read_rows(X: Any) -> Any:
    """Return a frame of any engine as a pandas frame, and everything else as it is."""
    if not is_frame(X) or isinstance(X, pd.DataFrame):
        return X
    return frames.to_pandas(frames.enter(X, argument="X"))


def read_outcome(
    y: Any, n_rows: int, *, owner: str, positive: object = None
) -> tuple[NDArray[Any], Floats]:
    """Return the two classes, the outcome last, and 1.0 for rows of the outcome.

    The outcome is the larger class, if it is not named.

    Raises
    ------
    InvalidDataError
        If the length differs, values are missing or of more than one kind, or there are not
        two classes.
    InvalidParameterError
        If `positive` is neither of them.
    """
    if y is None:
        message = f"{owner} requires y to be passed, but the target y is None."
        raise InvalidDataError(message)
    as_column: Any = from_sklearn("utils.validation.column_or_1d")
    try:
        values: NDArray[Any] = np.asarray(as_column(_plain(y), warn=True))
    except ValueError as error:
        raise InvalidDataError(f"{owner}: {error}") from None
    if len(values) != n_rows:
        message = (
            f"{owner}: Found input variables with inconsistent numbers of samples: "
            f"[{n_rows}, {len(values)}]."
        )
        raise InvalidDataError(message)
    _check_known(values, owner)
    values = _of_one_kind(values, owner)
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) == 1:
        message = (
            f"{owner}: y has one class only: {classes.tolist()[0]!r}. Give rows of both classes."
        )
        raise InvalidDataError(message)
    if len(classes) > 2:
        message = (
            f"Only binary classification is supported. {owner} models one outcome against the "
            f"rest: make y two values. The type of the target is multiclass, with "
            f"{len(classes)} classes."
        )
        raise InvalidDataError(message)
    outcome: Floats = codes.astype(np.float64)
    if positive is None or positive == classes.tolist()[1]:
        return classes, outcome
    if positive != classes.tolist()[0]:
        problem = f"positive must be one of the values of y, {classes.tolist()}; got {positive!r}."
        raise InvalidParameterError(owner, [problem])
    return classes[::-1], 1.0 - outcome


def _plain(y: Any) -> Any:
    to_numpy = getattr(y, "to_numpy", None)
    return y if to_numpy is None else to_numpy()


def _of_one_kind(values: NDArray[Any], owner: str) -> NDArray[Any]:
    """Return labels whose type says what they are."""
    kinds = {_kind(value) for value in values.tolist()} if values.dtype == object else set[str]()
    if len(kinds) > 1:
        message = f"{owner}: y mixes {' and '.join(sorted(kinds))}. Make it one kind."
        raise InvalidDataError(message)
    # Objects that are all booleans or numbers, as pandas keeps them beside missing values.
    plain = values if kinds <= {"texts"} else np.asarray(values.tolist())
    if plain.dtype.kind not in "biufUSTO" or "other values" in kinds:
        message = (
            f"{owner}: Unknown label type: y must hold texts, booleans or whole numbers. "
            f"Make it two of them."
        )
        raise InvalidDataError(message)
    if plain.dtype.kind == "f" and (plain != np.floor(plain)).any():
        message = (
            f"{owner}: Unknown label type: continuous. y holds fractions; make it two classes "
            f"first, such as y > 0.5."
        )
        raise InvalidDataError(message)
    return plain


def _kind(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return "texts"
    if isinstance(value, (bool, np.bool_)):
        return "booleans"
    return "numbers" if isinstance(value, Real) else "other values"


def check_classes(model: Any, classes: NDArray[Any], *, owner: str) -> bool:
    """Return whether the outcome, the last of the classes, is a fitted model's first class.

    Raises
    ------
    InvalidDataError
        If the model says what its classes are, and these are others.
    """
    known = getattr(model, "classes_", None)
    if known is None:
        return False
    knows, has = np.asarray(known).tolist(), classes.tolist()
    if knows not in (has, has[::-1]):
        message = (
            f"{owner}: {type(model).__name__} was fitted to the classes {knows}; y has {has}. "
            f"Give y the values that it had in fit."
        )
        raise InvalidDataError(message)
    return bool(knows != has)


def _check_known(values: NDArray[Any], owner: str) -> None:
    missing = np.flatnonzero(pd.isna(values))
    if len(missing):
        message = f"{owner}: y contains NaN. Leave out rows whose outcome is unknown."
        raise InvalidDataError(message, rows=missing[:5].tolist(), n_rows=len(missing))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        message = f"{owner}: y contains infinity."
        raise InvalidDataError(message)


def check_folds(y: Any, n_folds: int, *, owner: str) -> None:
    """Refuse more folds than the rarest class of an outcome has rows.

    Raises
    ------
    InvalidDataError
        If there are.
    """
    least = int(pd.Series(np.ravel(np.asarray(_plain(y)))).value_counts().min())
    if least < n_folds:
        message = (
            f"{owner}: the rarest class of y has {least} rows, too few for {n_folds} folds. Give "
            f"a smaller n_folds or more rows of it."
        )
        raise InvalidDataError(message)


def read_numbers(values: Any, *, owner: str, name: str) -> Floats:
    """Return numbers as an array of any shape; texts are refused, also those of digits.

    Raises
    ------
    InvalidDataError
        If it holds anything else.
    """
    message = f"{owner}: {name} must hold numbers."
    try:
        plain = np.asarray(_plain(values))
        is_text = plain.dtype.kind in "USmM" or (
            plain.dtype == object and any(isinstance(v, (str, bytes)) for v in plain.flat)
        )
        if is_text:
            raise InvalidDataError(message)
        return plain.astype(np.float64)
    except (TypeError, ValueError):
        raise InvalidDataError(message) from None


def read_weights(
    sample_weight: Any, n_rows: int, *, owner: str
) -> tuple[Floats | None, Ints | None]:
    """Return the weights of the rows that count, and which rows these are.

    Returns
    -------
    weights : ndarray or None
        None where all rows count once.
    kept : ndarray of int or None
        None where all rows count.
    """
    if sample_weight is None:
        return None, None
    weights = read_numbers(sample_weight, owner=owner, name="sample_weight")
    if weights.ndim == 0:
        weights = np.full(n_rows, float(weights))
    if weights.shape != (n_rows,):
        message = f"{owner}: sample_weight has shape {weights.shape}, expected ({n_rows},)."
        raise InvalidDataError(message)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        message = f"{owner}: sample_weight must be 0 or more and finite."
        raise InvalidDataError(message, rows=bad[:5].tolist(), n_rows=len(bad))
    kept = np.flatnonzero(weights > 0)
    if not len(kept):
        message = f"{owner}: every sample_weight is zero. Give some rows a weight."
        raise InvalidDataError(message)
    return weights[kept], kept
