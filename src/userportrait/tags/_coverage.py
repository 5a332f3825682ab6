"""How well tags are known, and what their values look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.columns import NumberColumn, TextColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.columns import Column

__all__ = ["cover"]

_COLUMNS = ("tag", "kind", "n_known", "share_known", "n_distinct", "most_frequent",
            "share_most_frequent", "mean", "min", "max")  # fmt: skip


def cover(columns: Mapping[str, Column], n: int) -> pd.DataFrame:
    """Return one row per tag; see `TagTable.coverage`."""
    rows = [_row(name, column, n) for name, column in columns.items()]
    found = pd.DataFrame(rows, columns=pd.Index(_COLUMNS))
    counts = {"n_known": "int64", "n_distinct": "int64"}
    numbers = dict.fromkeys(("share_known", "share_most_frequent", "mean", "min", "max"), "float64")
    return found.astype({**counts, **numbers, "most_frequent": object})


def _row(name: str, column: Column, n: int) -> tuple[Any, ...]:
    distinct, counts = _counts(column)
    n_known = int(counts.sum())
    most: Any = None
    share = np.nan
    if n_known:
        top = int(counts.argmax())  # the first of several, which is the smallest
        most, share = distinct[top], int(counts[top]) / n_known
    low = mean = high = np.nan
    if n_known and not isinstance(column, TextColumn):
        known = column.values[column.known].astype(np.float64)
        mean = float(known.sum()) / n_known
        if isinstance(column, NumberColumn):
            low, high = float(known.min()), float(known.max())
    known_share = n_known / n if n else np.nan
    return (name, column.kind, n_known, known_share, len(distinct), most, share, mean, low, high)


def _counts(column: Column) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the distinct known values, ascending, and how many customers have each."""
    if isinstance(column, TextColumn):
        found = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
        used = np.flatnonzero(found)
        return [column.labels[i] for i in used.tolist()], found[used].astype(np.int64)
    values, counts = np.unique(column.values[column.known], return_counts=True)
    return values.tolist(), counts.astype(np.int64)
