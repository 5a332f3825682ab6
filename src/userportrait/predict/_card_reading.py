"""What a model card reads: rows column by column, values that JSON can hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.feature_table import read_features
from userportrait._core.frames import (
    column_kinds,
    column_names,
    count_rows,
    enter,
    leave,
    select_columns,
)
from userportrait.errors import InvalidDataError
from userportrait.predict._one_column import Column, read_column

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "as_column",
    "columns_of",
    "features_of",
    "later_columns",
    "level_key",
    "level_text",
    "period_problems",
    "plain_value",
]

_ID = "customer_id"
_TIMES = ("date", "time")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)\.0")


def columns_of(X: Any) -> dict[str, Column]:
    """Return the columns of rows by name, ``customer_id`` and times left out."""
    if _is_one(X):
        return {"x": read_column(X, owner="model_card", name="x")}
    chosen = _feature_names(X) if _is_frame(X) else None
    if chosen is not None and not chosen:
        raise InvalidDataError("model_card: X has no features.")
    return _read(X, chosen)


def later_columns(X: Any, names: Sequence[str]) -> tuple[dict[str, Column], int]:
    """Return those of named columns that later rows have, and the number of rows.

    Raises
    ------
    InvalidDataError
        If `X` has no names, and another number of columns.
    """
    if _is_frame(X) and not _is_one(X):
        chosen = [name for name in _feature_names(X) if name in names]
        if chosen:
            found = _read(X, chosen)
            return found, next(iter(found.values())).n_rows
        return {}, count_rows(enter(X, argument="X"))
    columns = list(columns_of(X).values())
    if len(columns) != len(names):
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        message = (
            f"drift: X has no names and {len(columns)} columns; the card has {len(names)}: "
            f"{', '.join(names[:5])}{more}. Give them all in this order, or a frame."
        )
        raise InvalidDataError(message)
    return dict(zip(names, columns, strict=True)), columns[0].n_rows


def features_of(X: Any, model: Any) -> Any:
    """Return rows without what is no feature, for a model of features.

    What the model was fitted on stays; models of orders get their rows as they are.
    """
    if not _is_frame(X) or _is_one(X) or not hasattr(model, "n_features_in_"):
        return X
    frame = enter(X, argument="X")
    fitted = [str(name) for name in getattr(model, "feature_names_in_", ())]
    plain = set(_feature_names(X)) | set(fitted)
    names = column_names(frame)
    kept = [name for name in names if name in plain]
    return X if kept == names else leave(select_columns(frame, kept))


def _is_one(X: Any) -> bool:
    is_list = type(X) in (list, tuple)
    return getattr(X, "ndim", 2) == 1 or (is_list and len(X) > 0 and not _is_row(X[0]))


def _is_frame(X: Any) -> bool:
    is_list = type(X) in (list, tuple)
    # Of the type, because a lazy frame warns where it is asked itself.
    return hasattr(X.__class__, "columns") or not (is_list or hasattr(X, "__array__"))


def _feature_names(X: Any) -> list[str]:
    frame = enter(X, argument="X")
    there = [name for name in column_names(frame) if name != _ID]
    kinds = column_kinds(frame, there)
    return [name for name in there if kinds[name] not in _TIMES]


def _read(X: Any, chosen: list[str] | None) -> dict[str, Column]:
    table = read_features(X, owner="model_card", allow_missing=True, names=chosen)
    return {name: Column.of_table(table, name) for name in table.names}


def _is_row(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def as_column(
    values: Any, *, is_text: bool, name: str, n_rows: int, at: int = 1, owner: str = "model_card"
) -> Column:
    """Return scores or outcomes as a column; of two columns the one at a place.

    Texts of whole numbers and of truths are those of integers: equal classes have one text.

    Raises
    ------
    InvalidDataError
        If it is not one column of so many rows.
    """
    plain = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if plain.ndim == 2 and plain.shape[1] == 2 and not is_text:
        plain = plain[:, at]
    if plain.shape != (n_rows,):
        shape = f"it has shape {plain.shape}"
        raise InvalidDataError(f"{owner}: {name} must be one column of {n_rows} rows; {shape}.")
    if is_text:
        known: list[Any] = plain.tolist()
        texts = [None if pd.isna(value) else level_text(value) for value in known]
        plain = np.array([*texts, None], dtype=object)[:-1]
    return read_column(plain, owner=owner, name=name)


def level_text(value: Any) -> str:
    """Return the text of a class; truths and whole floats are written as integers."""
    if isinstance(value, np.generic):
        return level_text(value.item())
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    return str(value)


def level_key(level: str) -> str:
    """Return what levels that say the same have in common: 1 of ``1``, ``1.0`` and ``True``."""
    if level in ("True", "False"):
        return "1" if level == "True" else "0"
    return str(int(float(level))) if _WHOLE.fullmatch(level) else level


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


def period_problems(first: Any, last: Any) -> list[str]:
    """Return what is wrong with the moments from and up to which the data are.

    A day without a time of day stands for the whole of it.
    """
    found: list[date] = []
    problems: list[str] = []
    for name, given in (("data_from", first), ("data_to", last)):
        if given is None:
            continue
        moment = _moment(given)
        if moment is None:
            shown = repr(given) if isinstance(given, str) else type(given).__name__
            problem = f"{name} must be a date or a text such as '2025-12-31'; got {shown}."
            problems.append(problem)
        else:
            found.append(moment)
    if len(found) == 2 and _is_later(*found):
        problems.append(f"data_from is later than data_to: {first} and {last}.")
    return problems


def _moment(given: Any) -> date | None:
    if not isinstance(given, (str, date)) or pd.isna(given):
        return None
    if not isinstance(given, str):
        return given
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(given)
        except ValueError:
            continue
    return None


def _is_later(first: date, last: date) -> bool:
    if isinstance(first, datetime) and isinstance(last, datetime):
        both = (first, last)
        known = [at if at.tzinfo else at.replace(tzinfo=UTC) for at in both]
        return known[0] > known[1]
    days = [at.date() if isinstance(at, datetime) else at for at in (first, last)]
    return days[0] > days[1]
