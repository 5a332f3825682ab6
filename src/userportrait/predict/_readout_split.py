"""Which rows a model learns from and which it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]
    Keys: TypeAlias = NDArray[np.uint64]

__all__ = ["Split", "row_keys", "split_by_chance", "split_by_time"]

_OWNER = "propensity_readout"
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Positions of rows, in an order that does not depend on the input's.

    Parameters
    ----------
    training, holdout : ndarray of int
    everything : ndarray of int
        Also the rows between them, whose outcome was not known by the first moment held out.
    first_moment : object
        The first moment held out; None for a split by chance.
    """

    training: Ints
    holdout: Ints
    everything: Ints
    first_moment: Any = None


def row_keys(table: FeatureTable, outcome: Floats, weights: Floats | None, seed: int) -> Keys:
    """Return a random number for each row that depends on what it holds, not on its place.

    Rows that hold the same get numbers of their own, so that copies are spread like others.
    """
    columns: dict[str, Keys] = {name: _hashed(values) for name, values in table.numbers.items()}
    for name, (codes, levels) in table.texts.items():
        texts = np.array([*(f"{level}" for level in levels.tolist()), ""], dtype=object)
        columns[name] = _hash(texts)[codes]
    columns["\0outcome"] = _hashed(outcome)
    if weights is not None:
        columns["\0weight"] = _hashed(weights)
    total = np.zeros(table.n_rows, dtype=np.uint64)
    for name, values in columns.items():
        # A sum, so that the order of the columns does not matter.
        total += _mixed(values ^ _hash(np.array([name], dtype=object)))
    order = np.argsort(total, kind="stable")
    ranked = total[order]
    starts = np.r_[True, ranked[1:] != ranked[:-1]]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(ranked)), 0))
    copy = np.empty(len(ranked), dtype=np.uint64)
    copy[order] = (np.arange(len(ranked)) - first).astype(np.uint64)
    start = _mixed(np.array([seed], dtype=np.uint64) + _GOLDEN)
    return _mixed(_mixed(total ^ start) + copy * _GOLDEN)


def _hash(values: NDArray[Any]) -> Keys:
    hash_array: Any = pd.util.hash_array
    found: Keys = hash_array(values, categorize=False)
    return found


def _hashed(values: Floats) -> Keys:
    # One zero and one NaN, whatever their bits.
    return _hash(np.where(np.isnan(values), np.nan, values + 0.0))


def _mixed(values: Keys) -> Keys:
    """Return the finaliser of splitmix64: every bit depends on every other one."""
    found = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Keys = found ^ (found >> np.uint64(31))
    return mixed


def split_by_chance(outcome: Floats, keys: Keys, test_size: float) -> Split:
    """Hold out the same share of both classes.

    Raises
    ------
    InvalidDataError
        If a class has one row only.
    """
    training: list[Ints] = []
    holdout: list[Ints] = []
    for value in (0.0, 1.0):
        own = np.flatnonzero(outcome == value)
        if len(own) < 2:
            message = f"{_OWNER}: one class has {len(own)} row; two or more are needed."
            raise InvalidDataError(message)
        own = own[np.argsort(keys[own], kind="stable")]
        n = min(max(round(len(own) * test_size), 1), len(own) - 1)
        holdout.append(own[:n])
        training.append(own[n:])
    return _split(np.concatenate(training), np.concatenate(holdout), keys)


def _split(training: Ints, holdout: Ints, keys: Keys, first_moment: Any = None) -> Split:
    order = np.argsort(keys, kind="stable")
    places = np.empty(len(keys), dtype=np.intp)
    places[order] = np.arange(len(keys))
    training = training[np.argsort(places[training])]
    return Split(training, holdout[np.argsort(places[holdout])], order, first_moment)


def split_by_time(
    moments: pd.Series[Any], outcome: Floats, keys: Keys, test_size: float, gap: float
) -> Split:
    """Hold out the latest moments, whole, as near to `test_size` of the rows as they allow.

    Raises
    ------
    InvalidDataError
        If a moment is missing, all are the same, or a side has not both classes.
    """
    at = _as_numbers(moments)
    distinct, counts = np.unique(at, return_counts=True)
    if len(distinct) < 2:
        message = f"{_OWNER}: all rows have one moment. Give no moments, or rows of several."
        raise InvalidDataError(message)
    later = np.cumsum(counts[::-1])[::-1][1:] / len(at)
    cut = float(distinct[1 + int(np.argmin(np.abs(later - test_size)))])
    is_test = at >= cut
    is_training = at + gap <= cut if gap else ~is_test
    training, holdout = np.flatnonzero(is_training), np.flatnonzero(is_test)
    for rows, name in ((training, "to learn from"), (holdout, "held out")):
        if len(np.unique(outcome[rows])) < 2:
            message = (
                f"{_OWNER}: the {len(rows):,} rows {name} have not both outcomes. Change "
                f"test_size or gap, or give more moments."
            )
            raise InvalidDataError(message)
    first = moments.iloc[int(np.flatnonzero(at == cut)[0])]
    return _split(training, holdout, keys, first)


def _as_numbers(series: pd.Series[Any]) -> Floats:
    """Return numbers as they are, times as days."""
    api: Any = pd.api.types
    if api.is_numeric_dtype(series) and not api.is_bool_dtype(series):
        at = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        to_datetime: Any = pd.to_datetime
        try:
            times = to_datetime(series, utc=True)
        except (TypeError, ValueError):
            message = f"{_OWNER}: moments must be dates, times or numbers."
            raise InvalidDataError(message) from None
        at = ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(np.float64)
    bad = np.flatnonzero(~np.isfinite(at))
    if len(bad):
        message = f"{_OWNER}: some moments are missing."
        raise InvalidDataError(message, rows=bad[:5].tolist(), n_rows=len(bad))
    return at
