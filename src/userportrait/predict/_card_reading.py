"""What a model card reads: rows column by column, values that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.feature_table import read_features
from userportrait._core.frames import column_kinds, column_names, enter
from userportrait.errors import InvalidDataError
from userportrait.predict._one_column import Column, read_column

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_column", "columns_of", "plain_value"]

_ID = "customer_id"
_TIMES = ("date", "time")


def columns_of(X: Any, names: Sequence[str] | None = None) -> dict[str, Column]:
    """Return the columns of rows by name; of `names` those that are there."""
    chosen: list[str] | None = None
    is_list = type(X) in (list, tuple)
    if getattr(X, "ndim", 2) == 1 or (is_list and len(X) > 0 and not _is_row(X[0])):
        return {"x": read_column(X, owner="model_card", name="x")}
    if hasattr(X, "columns") or not (is_list or hasattr(X, "__array__")):
        frame = enter(X, argument="X")
        there = [name for name in column_names(frame) if name != _ID]
        kinds = column_kinds(frame, there)
        chosen = [n for n in there if kinds[n] not in _TIMES and (names is None or n in names)]
        if not chosen:
            return _no_columns(names)
    table = read_features(X, owner="model_card", allow_missing=True, names=chosen)
    return {name: Column.of_table(table, name) for name in table.names}


def _is_row(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def _no_columns(names: Sequence[str] | None) -> dict[str, Column]:
    if names is None:
        raise InvalidDataError("model_card: X has no features.")
    return {}


def as_column(values: Any, *, is_text: bool, name: str) -> Column:
    """Return scores or outcomes as a column; of two columns the second one."""
    plain = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if plain.ndim == 2 and plain.shape[1] == 2 and not is_text:
        plain = plain[:, 1]
    if is_text:
        known: list[Any] = plain.tolist()
        texts = [None if pd.isna(value) else str(value) for value in known]
        plain = np.array([*texts, None], dtype=object)[:-1]
    return read_column(plain, owner="model_card", name=name)


def plain_value(value: Any) -> Any:
    """Return what JSON can hold of a value; NaN and infinity become None, objects texts."""
    if isinstance(value, np.generic):
        return plain_value(value.item())
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    known: Any = value
    if isinstance(value, Mapping):
        return {str(key): plain_value(part) for key, part in known.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(part) for part in known]
    return repr(known)
