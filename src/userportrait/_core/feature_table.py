"""Rows to learn from: numbers and categories by column, from an array or any frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse

from userportrait._core.frames import (
    collect_arrays,
    collect_columns,
    column_kinds,
    column_names,
    enter,
)
from userportrait._core.scikit import from_sklearn
from userportrait.errors import ColumnTypeError, InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["FeatureTable", "read_features"]

_check_array: Any = from_sklearn("utils.validation.check_array")
_NEW = "ensure_all_finite"
_FINITE = _NEW if _NEW in signature(_check_array).parameters else "force_all_finite"
_TEXTS = ("text", "category")
_NUMBERS = ("integer", "number", "decimal", "boolean", "empty")


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Features of a few rows, column by column.

    Parameters
    ----------
    names : tuple of str
        In the order of the input; ``x0``, ``x1`` … where it has no names.
    n_rows : int
    numbers : dict of str to ndarray of float64
        Numbers and booleans; NaN is missing.
    is_named : bool
        Whether the input came with names.
    texts : dict of str to (ndarray of int, ndarray of object)
        For each column of texts or categories, the codes of its rows and what they stand for;
        -1 is missing.
    kinds : dict of str to str
        What columns of numbers held, where it is known: ``'integer'``, ``'boolean'``,
        ``'number'`` …
    """

    names: tuple[str, ...]
    n_rows: int
    numbers: dict[str, Floats]
    is_named: bool
    texts: dict[str, tuple[NDArray[np.intp], NDArray[Any]]]
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def categories(self) -> dict[str, NDArray[Any]]:
        """Columns of texts and categories, row by row; None is missing."""
        found: dict[str, NDArray[Any]] = {}
        for name, (codes, distinct) in self.texts.items():
            with_none = np.empty(len(distinct) + 1, dtype=object)
            with_none[:-1] = distinct
            found[name] = with_none[codes]
        return found

    def take(self, rows: NDArray[np.intp]) -> FeatureTable:
        """Return some of the rows; levels that none of them has are left out."""
        texts = {name: _seen(codes[rows], levels) for name, (codes, levels) in self.texts.items()}
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return replace(self, n_rows=len(rows), numbers=numbers, texts=texts)

    def renamed(self, names: Sequence[str], *, is_named: bool) -> FeatureTable:
        """Return the same columns under other names, given in their order."""
        new = dict(zip(self.names, names, strict=True))
        return replace(
            self,
            names=tuple(names),
            numbers={new[name]: values for name, values in self.numbers.items()},
            is_named=is_named,
            texts={new[name]: coded for name, coded in self.texts.items()},
            kinds={new[name]: kind for name, kind in self.kinds.items()},
        )

    def matrix(self, names: Sequence[str] | None = None) -> Floats:
        """Return columns of numbers side by side, C-ordered."""
        chosen = list(self.numbers) if names is None else list(names)
        found = np.empty((self.n_rows, len(chosen)))
        for at, name in enumerate(chosen):
            found[:, at] = self.numbers[name]
        return found


def read_features(
    X: Any, *, owner: str, allow_missing: bool = False, names: Sequence[str] | None = None
) -> FeatureTable:
    """Return the columns of a matrix or of any frame.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features), or frame
        An array holds numbers only; a frame may also hold texts and categories.
    owner : str
        Who asks, for messages.
    allow_missing : bool, default=False
        Whether NaN and None may stand in it.
    names : sequence of str, optional
        The columns to read from a frame, in this order; by default all.

    Raises
    ------
    InvalidDataError
        If a number is infinite, if something is missing where nothing may be, or if there
        are no rows or no columns.
    ColumnTypeError
        If a column holds times or other things that are neither numbers nor texts, or if an
        array holds texts or is sparse.
    """
    if not _is_frame(X):
        return _from_array(X, owner, allow_missing)
    frame = enter(X, argument="X")
    chosen = tuple(column_names(frame) if names is None else names)
    kinds = column_kinds(frame, chosen)
    for name in chosen:
        if kinds[name] not in (*_NUMBERS, *_TEXTS):
            message = (
                f"{owner}: column '{name}' holds {kinds[name]} values. Give numbers or texts: "
                f"make times into days since a date, for example."
            )
            raise ColumnTypeError(message, column=name)
    columns = collect_columns(frame, chosen)
    plain = collect_arrays(frame, [name for name in chosen if kinds[name] not in _TEXTS])
    texts = {name: _coded(columns[name]) for name in chosen if kinds[name] in _TEXTS}
    numbers = {name: _floats(values) for name, values in plain.items()}
    n_rows = len(next(iter(columns.values()))) if columns else 0
    found = FeatureTable(
        chosen, n_rows, numbers, is_named=True, texts=texts, kinds={n: kinds[n] for n in numbers}
    )
    _check_size(found, owner)
    _check_values(found, owner, allow_missing)
    return found


def _seen(codes: NDArray[np.intp], levels: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return codes and levels without the levels that no row has."""
    is_seen = np.bincount(codes + 1, minlength=len(levels) + 1)[1:] > 0
    if is_seen.all():
        return codes, levels
    places = np.append(np.cumsum(is_seen) - 1, -1)  # the last one is for missing values
    return places[codes], levels[is_seen]


def _coded(column: Any) -> tuple[NDArray[np.intp], NDArray[Any]]:
    factorize: Any = pd.factorize
    codes, distinct = factorize(column)
    return codes, np.asarray(distinct, dtype=object)


def _is_frame(X: Any) -> bool:
    if isinstance(X, (np.ndarray, list, tuple)) or sparse.issparse(X):
        return False
    # Of the type, because a lazy frame warns where it is asked itself.
    return hasattr(X.__class__, "columns") or not hasattr(X, "__array__")


def _floats(values: NDArray[Any]) -> Floats:
    if values.dtype == object:
        return np.array([np.nan if v is None else float(v) for v in values])
    found: Floats = values.astype(np.float64)
    return found


def _from_array(X: Any, owner: str, allow_missing: bool) -> FeatureTable:
    if sparse.issparse(X):
        message = (
            f"{owner}: X is a sparse matrix. Give a dense one: X.toarray(), or "
            f"sparse_output=False in the step that made it."
        )
        raise ColumnTypeError(message)
    finite: Any = {_FINITE: False}  # checked below, where column and row are known
    try:
        checked: NDArray[Any] = _check_array(
            X, dtype="numeric", estimator=owner, input_name="X", **finite
        )
    except ValueError as error:
        if "string" not in str(error):
            raise
        message = f"{owner}: X is an array that holds texts. Give numbers, or a frame."
        raise ColumnTypeError(message) from None
    kind = {"b": "boolean", "i": "integer", "u": "integer"}.get(checked.dtype.kind, "number")
    names = tuple(f"x{at}" for at in range(checked.shape[1]))
    numbers = {name: checked[:, at].astype(np.float64) for at, name in enumerate(names)}
    kinds = dict.fromkeys(names, kind)
    found = FeatureTable(names, len(checked), numbers, is_named=False, texts={}, kinds=kinds)
    _check_values(found, owner, allow_missing)
    return found


def _check_size(table: FeatureTable, owner: str) -> None:
    shape = (table.n_rows, len(table.names))
    if not table.names:
        message = f"0 feature(s) (shape={shape}) while a minimum of 1 is required by {owner}."
        raise InvalidDataError(message)
    if not table.n_rows:
        message = f"Found array with 0 sample(s) (shape={shape}); {owner} needs rows to work on."
        raise InvalidDataError(message)


def _check_values(table: FeatureTable, owner: str, allow_missing: bool) -> None:
    for name, values in table.numbers.items():
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            message = f"{owner}: column '{name}' holds infinity. Remove or cap it first."
            raise InvalidDataError(
                message, column=name, rows=infinite[:5].tolist(), n_rows=len(infinite)
            )
        if not allow_missing:
            _refuse_missing(name, np.flatnonzero(np.isnan(values)), owner)
    if not allow_missing:
        for name, (codes, _) in table.texts.items():
            _refuse_missing(name, np.flatnonzero(codes < 0), owner)


def _refuse_missing(name: str, missing: NDArray[np.intp], owner: str) -> None:
    if len(missing):
        message = f"{owner}: column '{name}' has missing values (NaN). Fill or drop them first."
        raise InvalidDataError(message, column=name, rows=missing[:5].tolist(), n_rows=len(missing))
