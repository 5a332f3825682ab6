"""One feature: numbers or texts, and the names of its bins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.feature_table import read_features
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Column", "interval_labels", "level_rank", "quantile_cuts", "read_column", "short_cut"]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The values of one feature.

    Parameters
    ----------
    n_rows : int
    numbers : ndarray of float or None
        NaN is missing.
    codes : ndarray of int or None
        Of texts; -1 is missing.
    levels : tuple of str
        What the codes stand for.
    """

    n_rows: int
    numbers: Floats | None
    codes: Ints | None
    levels: tuple[str, ...]

    @classmethod
    def of_table(cls, table: FeatureTable, name: str) -> Column:
        """Take one column of a table."""
        if name in table.numbers:
            return cls(table.n_rows, table.numbers[name], None, ())
        codes, distinct = table.texts[name]
        return cls(table.n_rows, None, codes, tuple(str(level) for level in distinct))

    @property
    def is_blank(self) -> bool:
        """Whether no row has a value, so that numbers and texts cannot be told apart."""
        if self.numbers is None:
            return self.codes is None or bool((self.codes < 0).all())
        return bool(np.isnan(self.numbers).all())


def read_column(values: Any, *, owner: str, name: str) -> Column:
    """Return one column of numbers or texts, from any sequence or series.

    Categories are texts, also where they look like numbers, as in a frame.

    Raises
    ------
    InvalidDataError
        If it is empty, not one column, or holds infinity.
    ColumnTypeError
        If it holds neither numbers nor texts.
    """
    plain: Any = values
    if not isinstance(values, pd.Series):
        to_numpy = getattr(values, "to_numpy", None)
        plain = np.asarray(values if to_numpy is None else to_numpy())
        if plain.dtype.kind in "US":
            plain = np.asarray(values, dtype=object)
    if plain.ndim != 1:
        message = f"{owner}: {name} must be one column; it has shape {plain.shape}."
        raise InvalidDataError(message)
    frame = pd.DataFrame({name: plain})
    return Column.of_table(read_features(frame, owner=owner, allow_missing=True), name)


def quantile_cuts(values: Floats, n_bins: int, *, closed: bool = False) -> Floats:
    """Return the lower limits of all bins but the first, each bin of about equal rows.

    Equal values share a bin; a value that fills more than its bin has that bin to itself, so
    heavy ties leave fewer.

    Parameters
    ----------
    values : ndarray
        NaN is left out.
    n_bins : int
        At most; without the bins that `closed` adds.
    closed : bool, default=False
        Whether a least or greatest value that fills more than its bin is also cut off from
        what other rows may hold below or above it.
    """
    ranked = np.sort(values[~np.isnan(values)])
    if not len(ranked):
        return ranked
    starts, n_hits = np.unique(
        ranked[(np.arange(n_bins) * len(ranked)) // n_bins], return_counts=True
    )
    heavy: Floats = starts[n_hits > 1]
    after = np.searchsorted(ranked, heavy, side="right")
    found = np.union1d(starts[1:], ranked[after[after < len(ranked)]])
    if closed and len(heavy):
        ends = [heavy[0]] if heavy[0] == ranked[0] else []
        ends += [np.nextafter(heavy[-1], np.inf)] if heavy[-1] == ranked[-1] else []
        found = np.union1d(found, ends)
    return found


def short_cut(low: float, high: float) -> float:
    """Return the number of fewest digits that is above `low` and at most `high`."""
    for digits in range(1, 18):
        found = float(f"{high:.{digits}g}")
        if low < found <= high:
            return found
    return high


def interval_labels(cuts: Sequence[float]) -> tuple[str, ...]:
    """Return the names of the bins between lower limits.

    A limit just above another one, as `quantile_cuts` closes a bin, leaves one value between.
    """
    if not cuts:
        return ("all",)
    texts = [f"{cut:.15g}" for cut in cuts]
    single = [high == np.nextafter(low, np.inf) for low, high in pairwise(cuts)]
    middle = [
        texts[at] if single[at] else f"[{low}, {high})"
        for at, (low, high) in enumerate(pairwise(texts))
    ]
    last = f"> {texts[-2]}" if single and single[-1] else f">= {texts[-1]}"
    return (f"< {texts[0]}", *middle, last)


def level_rank(level: str) -> tuple[float, str]:
    """Return what sorts levels that look like whole numbers by size, before all others."""
    return (float(level), level) if level.isdecimal() else (np.inf, level)
