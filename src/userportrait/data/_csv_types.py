"""Types for the texts of a CSV file, chosen only where nothing is lost or guessed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.data._clean_columns import coded

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["typed_column"]

_NOTHING = frozenset({"", "NA", "N/A", "#N/A", "NULL", "null", "NaN", "nan", "None", "-"})
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(
    r"-?(?:(?:0|[1-9]\d*)(?:\.\d*(?:[eE][+-]?\d{1,3})?|[eE][+-]\d{1,3})?"
    r"|\.\d+(?:[eE][+-]?\d{1,3})?)",
    re.ASCII,
)
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?",
    re.ASCII,
)
_EXACT_DIGITS = 15


def typed_column(texts: Any) -> Any:
    """Return a column of texts with the narrowest type that says the same.

    Parameters
    ----------
    texts : Series of str
        Missing where empty.

    Returns
    -------
    Series
        int64, Int64, float64, bool, boolean, datetime64[us], or the texts.
    """
    codes, labels = coded(texts)
    stripped = [str(label).strip() for label in labels]
    gone = np.array([*(label in _NOTHING for label in stripped), True], dtype=bool)
    present = [label for label, lost in zip(stripped, gone, strict=False) if not lost]
    if not present:
        return texts
    for fits, convert in _KINDS:
        if not fits(present):
            continue
        values = convert(present)
        if values is not None:
            missing = gone[codes]
            by_label = np.zeros(len(labels) + 1, dtype=values.dtype)
            by_label[~gone] = values
            return _column(by_label[codes], missing)
    return texts


def _column(values: NDArray[Any], missing: NDArray[np.bool_]) -> Any:
    if not missing.any():
        return pd.Series(values)
    kind = values.dtype.kind
    if kind == "i":
        return pd.Series(pd.arrays.IntegerArray(values.copy(), missing))
    if kind == "b":
        return pd.Series(pd.arrays.BooleanArray(values.copy(), missing))
    return pd.Series(values).mask(missing)


def _are_integers(labels: list[str]) -> bool:
    return all(_INTEGER.fullmatch(label) for label in labels)


def _to_integers(labels: list[str]) -> NDArray[Any] | None:
    return np.array([int(label) for label in labels], dtype=np.int64)


def _are_numbers(labels: list[str]) -> bool:
    """Long whole numbers among them would lose digits."""
    return all(
        _NUMBER.fullmatch(label)
        and (len(label) <= _EXACT_DIGITS or not label.lstrip("-").isdecimal())
        for label in labels
    )


def _to_numbers(labels: list[str]) -> NDArray[Any] | None:
    return np.array([float(label) for label in labels], dtype=np.float64)


def _are_truths(labels: list[str]) -> bool:
    return {label.casefold() for label in labels} <= {"true", "false"}


def _to_truths(labels: list[str]) -> NDArray[Any] | None:
    return np.array([label.casefold() == "true" for label in labels], dtype=bool)


def _are_iso(labels: list[str]) -> bool:
    return all(_ISO.fullmatch(label) for label in labels)


def _to_times(labels: list[str]) -> NDArray[Any] | None:
    try:
        return np.array(labels, dtype="datetime64[us]")
    except ValueError:
        return None


_KINDS: tuple[tuple[Callable[[list[str]], bool], Callable[[list[str]], Any]], ...] = (
    (_are_integers, _to_integers),
    (_are_numbers, _to_numbers),
    (_are_truths, _to_truths),
    (_are_iso, _to_times),
)
