"""Outcomes and weights, as models take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.scikit import from_sklearn
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["read_outcome", "read_weights"]


def read_outcome(y: Any, n_rows: int, *, owner: str) -> tuple[NDArray[Any], Floats]:
    """Return the two classes in order, and 1.0 for rows of the second one.

    Raises
    ------
    InvalidDataError
        If the length differs, values are missing, or there are not two classes.
    """
    if y is None:
        message = f"{owner} requires y to be passed, but the target y is None."
        raise InvalidDataError(message)
    as_column: Any = from_sklearn("utils.validation.column_or_1d")
    check_targets: Any = from_sklearn("utils.multiclass.check_classification_targets")
    values: NDArray[Any] = np.asarray(as_column(_plain(y), warn=True))
    if len(values) != n_rows:
        message = (
            f"{owner}: Found input variables with inconsistent numbers of samples: "
            f"[{n_rows}, {len(values)}]."
        )
        raise InvalidDataError(message)
    _check_known(values, owner)
    check_targets(values)
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
    return classes, codes.astype(np.float64)


def _plain(y: Any) -> Any:
    to_numpy = getattr(y, "to_numpy", None)
    return y if to_numpy is None else to_numpy()


def _check_known(values: NDArray[Any], owner: str) -> None:
    import pandas as pd

    missing = np.flatnonzero(pd.isna(values))
    if len(missing):
        message = f"{owner}: y contains NaN. Leave out rows whose outcome is unknown."
        raise InvalidDataError(message, rows=missing[:5].tolist(), n_rows=len(missing))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        message = f"{owner}: y contains infinity."
        raise InvalidDataError(message)


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
    weights = np.asarray(_plain(sample_weight), dtype=np.float64)
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
