"""Resample customers: intervals of means, and tests of paired differences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Resampled", "resample_means", "sign_flip_p_values"]

_CELLS = 1 << 20
"""Numbers that one block of resamples may hold."""


_normal_shares: Any = special.ndtr
_normal_quantiles: Any = special.ndtri


class Resampled:
    """Means of columns, and of each column in every resample.

    Parameters
    ----------
    means : ndarray of shape (n_columns,)
        NaN for a column without a number.
    resampled : ndarray of shape (n_resamples, n_columns)
    skewness : ndarray of shape (n_columns,)
        The acceleration of the BCa interval.
    """

    def __init__(self, means: Floats, resampled: Floats, skewness: Floats) -> None:
        self.means = means
        self.resampled = resampled
        self.skewness = skewness

    def interval(self, column: int, confidence_level: float) -> tuple[float, float]:
        """Return the BCa interval of one mean; NaN without resamples."""
        drawn = self.resampled[:, column]
        drawn = drawn[np.isfinite(drawn)]
        mean = float(self.means[column])
        if not len(drawn) or not np.isfinite(mean):
            return float("nan"), float("nan")
        below = np.count_nonzero(drawn < mean) + 0.5 * np.count_nonzero(drawn == mean)
        half = 0.5 / len(drawn)
        bias = float(_normal_quantiles(np.clip(below / len(drawn), half, 1.0 - half)))
        tail = (1.0 - confidence_level) / 2.0
        z = bias + _normal_quantiles(np.array([tail, 1.0 - tail]))
        level: list[float] = _normal_shares(
            bias + z / np.maximum(1.0 - self.skewness[column] * z, 1e-3)
        ).tolist()
        return float(np.quantile(drawn, level[0])), float(np.quantile(drawn, level[1]))


def resample_means(
    values: Floats, *, n_resamples: int, random_state: int | None, scale_bits: int = 52
) -> Resampled:
    """Return the means of columns, and of each column in samples of the rows with replacement.

    All columns share the samples, so that differences of columns are paired.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        NaN is no value: it counts in no mean.
    n_resamples : int
        0 for none. With fewer than two rows there are none.
    random_state : int, optional

    Notes
    -----
    Values are rounded to whole multiples of a power of two, so small that all sums are exact:
    the same bits on any number of threads.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    n = known.sum(axis=0)
    means = _over(filled.sum(axis=0), n)
    off = np.where(known, filled - np.where(n > 0, means, 0.0), 0.0)
    spread = (off**2).sum(axis=0)
    third = (off**3).sum(axis=0)
    skewness = third / (6.0 * np.where(spread > 0, spread, 1.0) ** 1.5)
    n_rows, n_columns = values.shape
    drawn = np.empty((n_resamples if n_rows > 1 else 0, n_columns))
    if not len(drawn):
        return Resampled(means, drawn, skewness)
    whole, unit = whole_numbers(filled, scale_bits)
    all_known = bool(known.all())
    columns = whole if all_known else np.hstack([whole, known.astype(np.float64)])
    for start, counts in _samples(n_rows, n_resamples, random_state):
        sums = counts @ columns
        size: Any = float(n_rows) if all_known else sums[:, n_columns:]
        drawn[start : start + len(counts)] = _over(sums[:, :n_columns] * unit, size)
    return Resampled(means, drawn, skewness)


def _over(above: Floats, below: Any) -> Floats:
    size = np.broadcast_to(np.asarray(below, dtype=np.float64), above.shape)
    found: Floats = np.full(above.shape, np.nan)
    np.divide(above, size, out=found, where=size > 0)
    return found


def whole_numbers(values: Floats, bits: int = 52) -> tuple[Floats, float]:
    """Return values as whole multiples of a unit, so that any sum of as many of them is exact."""
    largest = float(np.abs(values).max(initial=0.0)) * max(len(values), 1)
    unit = 2.0 ** (math.ceil(math.log2(largest)) - bits) if largest > 0 else 1.0
    whole: Floats = np.round(values / unit)
    return whole, unit


def _samples(
    n_rows: int, n_resamples: int, random_state: int | None
) -> Iterator[tuple[int, Floats]]:
    """Yield blocks of samples: how often each row is in each of them."""
    source = np.random.SFC64(random_state)
    step = max(1, min(n_resamples, _CELLS // n_rows))
    n_words = n_rows // 2 + 1
    for start in range(0, n_resamples, step):
        counts = np.empty((min(step, n_resamples - start), n_rows))
        for row in counts:
            # A 32-bit number times n over 2**32: uneven by n / 2**32 at most.
            words = source.random_raw(n_words).view(np.uint32)[:n_rows].astype(np.uint64)
            words *= np.uint64(n_rows)
            words >>= np.uint64(32)
            row[:] = np.bincount(words.view(np.int64), minlength=n_rows)
        yield start, counts


def sign_flip_p_values(
    differences: Floats, *, n_resamples: int, random_state: int | None
) -> Floats:
    """Return two-sided p-values of the hypothesis that signs are as likely + as -.

    All patterns of signs are tried where they are no more than `n_resamples`; then the value
    is exact. Otherwise that many are drawn, and the one observed counts as one of them.

    Parameters
    ----------
    differences : ndarray of shape (n_rows, n_columns)
        NaN counts as 0: it is the same under either sign.
    """
    values = np.where(np.isnan(differences), 0.0, differences)
    values = values[(values != 0.0).any(axis=1)]
    n_rows = len(values)
    whole, _ = whole_numbers(values)
    observed = np.abs(whole.sum(axis=0))
    exact = n_rows <= 30 and 2**n_rows <= n_resamples
    n_patterns = 2**n_rows if exact else n_resamples
    as_large = np.zeros(values.shape[1], dtype=np.int64)
    source = np.random.SFC64(random_state)
    step = max(1, min(n_patterns, _CELLS // max(n_rows, 1)))
    for start in range(0, n_patterns, step):
        n = min(step, n_patterns - start)
        if exact:
            patterns: NDArray[Any] = (np.arange(start, start + n)[:, None] >> np.arange(n_rows)) & 1
        else:
            words = source.random_raw(n * ((n_rows + 63) // 64)).view(np.uint8).reshape(n, -1)
            patterns = np.unpackbits(words, axis=1)[:, :n_rows]
        sums = patterns.astype(np.float64) @ whole  # those with a plus
        as_large += (np.abs(2.0 * sums - whole.sum(axis=0)) >= observed).sum(axis=0)
    if exact:
        return np.asarray(as_large / n_patterns, dtype=np.float64)
    return np.asarray((as_large + 1.0) / (n_patterns + 1.0), dtype=np.float64)
