"""Read numbers as times: dates such as 20260131, or counts of seconds, days and so on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.units import MICROS_PER_DAY
from userportrait.data._clean_time_texts import read_time_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "NUMBER_FORMATS",
    "likely_format",
    "magnitudes",
    "read_dates",
    "read_number_texts",
    "scaled",
]

NUMBER_FORMATS: dict[str, float] = {
    "unix_s": 1_000_000.0,
    "unix_ms": 1_000.0,
    "unix_us": 1.0,
    "unix_ns": 0.001,
    "excel": float(MICROS_PER_DAY),
}
"""Formats of times that are numbers: microseconds in one unit."""

_EXCEL_START = -25_569 * MICROS_PER_DAY
_LARGEST = 2**62

# Times between 1990 and 2100 in each unit.
_MAGNITUDES = (
    ("excel", 32_874.0, 73_051.0),
    ("unix_s", 6.3e8, 4.2e9),
    ("unix_ms", 6.3e11, 4.2e12),
    ("unix_us", 6.3e14, 4.2e15),
    ("unix_ns", 6.3e17, 4.2e18),
)
_EDGES = np.array([edge for _, low, high in _MAGNITUDES for edge in (low, high)])


def read_number_texts(
    texts: Sequence[str], time_format: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read texts that are numbers, whole ones without rounding.

    Returns
    -------
    micros : ndarray of int64
    valid : ndarray of bool
    """
    numbers = np.zeros(len(texts), dtype=np.float64)
    valid = np.zeros(len(texts), dtype=bool)
    exact = np.zeros(len(texts), dtype=np.int64)
    whole = np.zeros(len(texts), dtype=bool)
    for position, text in enumerate(texts):
        try:
            numbers[position] = float(text)
        except ValueError:
            continue
        valid[position] = True
        if text.isdecimal() and len(text) <= 18:
            exact[position], whole[position] = int(text), True
    micros, fits = scaled(numbers, time_format)
    if whole.any():
        micros[whole], fits[whole] = scaled(exact[whole], time_format)
    return micros, valid & fits


def read_dates(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read numbers such as 20260131; return microseconds, and which are dates."""
    fits = np.isfinite(values) & (values >= 1800_01_01) & (values < 2200_01_01)
    whole = np.where(fits, values, 0).astype(np.int64)
    fits &= whole == values
    distinct, codes = np.unique(np.where(fits, whole, 0), return_inverse=True)
    found = read_time_texts([str(value) for value in distinct], day_first=False)
    return found.micros[codes], found.valid[codes] & fits


def scaled(values: NDArray[Any], time_format: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Turn counts into microseconds since 1970; return them, and which fit."""
    unit = NUMBER_FORMATS[time_format]
    if values.dtype.kind == "i" and time_format != "excel":
        fits = np.abs(values.astype(np.float64)) * unit < _LARGEST
        safe = np.where(fits, values, 0)
        return (safe // 1_000 if unit < 1 else safe * int(unit)), fits
    with np.errstate(invalid="ignore", over="ignore"):
        product = np.round(values.astype(np.float64) * unit)
        fits = np.isfinite(product) & (np.abs(product) < _LARGEST)
    micros = np.where(fits, product, 0.0).astype(np.int64)
    if time_format == "excel":
        micros = np.round(micros / 1_000).astype(np.int64) * 1_000 + _EXCEL_START
    return micros, fits


def magnitudes(values: NDArray[Any]) -> tuple[int, ...]:
    """Count finite numbers by size: below, within, between and above those of known units."""
    places = np.searchsorted(_EDGES, values[np.isfinite(values)], side="right")
    return tuple(np.bincount(places, minlength=len(_EDGES) + 1).tolist())


def likely_format(counts: Sequence[int]) -> str | None:
    """Return what numbers of these sizes most likely count: their median says."""
    total = np.cumsum([0, *counts])
    middle = max(int(total[-1]) - 1, 0) // 2
    for place, (before, until) in enumerate(pairwise(total.tolist())):
        if before <= middle < until:
            return _MAGNITUDES[place // 2][0] if place % 2 else None
    return None
