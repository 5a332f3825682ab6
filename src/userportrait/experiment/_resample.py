"""Rows of one arm in an order of their own, and Poisson weights for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.coding import code_values
from userportrait._core.threads import one_blas_thread
from userportrait.errors import ColumnTypeError, InvalidDataError, MissingColumnError
from userportrait.experiment._estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._base import Rows

__all__ = ["RowEstimate", "Sample", "draw_weights", "stream", "weighted_means", "welch_freedom"]

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.intp]"

_BLOCK = 2**20
"""Weights held at once: 1 MiB."""
_SMALL_BLOCK = 2**17
"""Weights multiplied at once: 1 MiB of float64, which stays in a core's cache."""
_COUNTS = (24_109, 24_109, 12_055, 4_018, 1_005, 201, 33, 5, 1)
"""How many of 65,536 equally likely numbers stand for a Poisson(1) weight of 0, 1, 2 ... 8."""
_LIMITS = np.cumsum(_COUNTS[:-1]).astype(np.uint16)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEstimate(Estimate):
    """An estimate made from rows, which knows what it took for a unit.

    Parameters
    ----------
    unit : str, optional
        The column of units; None if each row counted as one.

    Examples
    --------
    >>> from userportrait.experiment import Quantile
    >>> rows = {"wait": [1.0, 2.0, 3.0, 4.0], "customer_id": [1, 1, 2, 2]}
    >>> found = Quantile("wait", 0.5, unit="customer_id").estimate_rows(
    ...     rows, rows, random_state=0
    ... )
    >>> found.unit, found.n_control
    ('customer_id', 2)
    """

    unit: str | None = None


def welch_freedom(variances: tuple[float, float], counts: tuple[int, int]) -> float:
    """Return Welch's degrees of freedom for the difference of two independent estimates."""
    spread = sum(v * v / (n - 1) for v, n in zip(variances, counts, strict=True))
    return sum(variances) ** 2 / spread if spread > 0.0 else float(sum(counts) - 2)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows of one arm, sorted, so that the order in which they came does not matter.

    Parameters
    ----------
    columns : tuple of ndarray of float64
        Each of shape (n,); sorted by unit, then by the columns in turn.
    unit_of_row : ndarray of intp of shape (n,), optional
        Position of each row's unit among the sorted units, ascending; None if each row is a
        unit of its own.
    n_units : int
    """

    columns: tuple[Floats, ...]
    unit_of_row: Ints | None
    n_units: int

    @classmethod
    def of(cls, rows: Rows, columns: Sequence[str], unit: str | None, *, arm: str) -> Sample:
        """Sort the rows of an arm.

        Raises
        ------
        MissingColumnError
            If a column is not there.
        InvalidDataError
            If there are fewer than two units, a number is missing or infinite, or a unit is
            missing.
        """
        found = [_numbers_of(rows, name, arm=arm) for name in columns]
        if unit is None:
            _check_count(len(found[0]), "rows", columns[0], arm)
            order = _order(found)
            return cls(tuple(values[order] for values in found), None, len(order))
        codes, distinct = code_values(_column(rows, unit))
        missing = np.flatnonzero(codes < 0)
        if len(missing):
            raise InvalidDataError(
                f"'{unit}' is missing in rows of the {arm}; each row needs the unit it belongs to.",
                column=unit,
                rows=missing[:5].tolist(),
                n_rows=len(missing),
            )
        _check_count(len(distinct), f"units of '{unit}'", columns[0], arm)
        order = _order([codes.astype(np.float64), *found])
        return cls(
            tuple(values[order] for values in found), codes[order].astype(np.intp), len(distinct)
        )

    def with_columns(self, columns: tuple[Floats, ...]) -> Sample:
        """Return the same rows and units with other columns."""
        return Sample(columns, self.unit_of_row, self.n_units)

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.columns[0])

    def unit_sums(self, values: Floats) -> Floats:
        """Add up values of rows by unit; the values themselves if each row is a unit."""
        if self.unit_of_row is None:
            return values
        found = np.bincount(self.unit_of_row, weights=values, minlength=self.n_units)
        return found.astype(np.float64)

    def row_weights(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Spread weights of units, along the last axis, over their rows."""
        return weights if self.unit_of_row is None else weights[..., self.unit_of_row]


def _check_count(count: int, what: str, column: str, arm: str) -> None:
    if count < 2:
        message = f"The {arm} has {count} {what} for '{column}'; at least 2 are needed."
        raise InvalidDataError(message, column=column)


def _order(keys: Sequence[NDArray[Any]]) -> Ints:
    """Return the positions that sort by the first key, then by the next."""
    if len(keys) == 1:
        return np.argsort(keys[0], kind="stable")
    return np.lexsort(tuple(reversed(keys)))


def _column(rows: Rows, name: str) -> NDArray[Any]:
    if name not in rows:
        raise MissingColumnError(name, rows)
    return np.asarray(rows[name])


def _numbers_of(rows: Rows, name: str, *, arm: str) -> Floats:
    """Return a column as finite float64, or say which rows are not."""
    values = _column(rows, name)
    try:
        found: Floats = values.astype(np.float64)
    except (TypeError, ValueError):
        message = f"'{name}' must hold numbers; it holds {values.dtype} values."
        raise ColumnTypeError(message, column=name) from None
    odd = np.flatnonzero(~np.isfinite(found))
    if len(odd):
        raise InvalidDataError(
            f"'{name}' is missing or infinite in {len(odd):,} of {len(found):,} rows of the {arm}. "
            "Say what a missing value means: Experiment(missing='drop') or missing='zero'.",
            column=name,
            rows=odd[:5].tolist(),
            n_rows=len(odd),
        )
    return found


def _poisson(rng: np.random.Generator, n_rows: int, n_columns: int) -> NDArray[np.uint8]:
    """Return Poisson(1) weights, made from 16 random bits each by comparisons."""
    drawn = rng.integers(0, 2**16, size=(n_rows, n_columns), dtype=np.uint16)
    weights: NDArray[np.uint8] = (drawn >= _LIMITS[0]).view(np.uint8)
    for limit in _LIMITS[1:]:
        weights += (drawn >= limit).view(np.uint8)
    return weights


def stream(random_state: int | None, arm: int) -> np.random.Generator:
    """Return the random numbers of an arm: 0 for the control, 1 for the variant."""
    return np.random.default_rng(np.random.SeedSequence(random_state, spawn_key=(arm,)))


def draw_weights(
    rng: np.random.Generator, n_units: int, n_resamples: int, *, n_rows: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Yield Poisson(1) weights, some resamples at a time.

    Parameters
    ----------
    rng : Generator
    n_units, n_resamples : int
    n_rows : int, optional
        Over which the caller spreads the weights; keeps the blocks small enough.

    Yields
    ------
    ndarray of uint8 of shape (some resamples, n_units)

    Notes
    -----
    Weights come from 16 random bits each: their mean is 1.00005 and their variance 1.0002,
    which no resampling of this size can tell from 1.
    """
    step = max(1, _BLOCK // max(n_units, n_rows or 0, 1))
    for start in range(0, n_resamples, step):
        yield _poisson(rng, min(step, n_resamples - start), n_units)


def weighted_means(
    rng: np.random.Generator, sample: Sample, n_resamples: int
) -> tuple[Floats, ...]:
    """Return each column's mean in every Poisson resample, by blocks of units.

    Returns
    -------
    tuple of ndarray of float64 of shape (n_resamples,)
        NaN for a resample in which no unit has a weight.
    """
    centres = [float(values.mean()) for values in sample.columns]
    off = [values - mean for values, mean in zip(sample.columns, centres, strict=True)]
    sums = np.column_stack([sample.unit_sums(v) for v in (np.ones(sample.n), *off)])
    totals = np.zeros((n_resamples, sums.shape[1]))
    step = max(1, _SMALL_BLOCK // n_resamples)
    with one_blas_thread():
        for start in range(0, len(sums), step):
            block = sums[start : start + step]
            totals += _poisson(rng, n_resamples, len(block)).astype(np.float64) @ block
    with np.errstate(invalid="ignore", divide="ignore"):
        means = totals[:, 1:] / totals[:, :1]
    return tuple(means[:, at] + centre for at, centre in enumerate(centres))
