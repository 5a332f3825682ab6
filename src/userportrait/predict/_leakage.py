"""How well each column alone tells the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.predict._roc import areas_with_covariance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.predict._coding import Coding
    from userportrait.predict._design import Design

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["column_areas"]

_SAMPLE = 20_000


def column_areas(
    coding: Coding, design: Design, y: Floats, terms: Mapping[str, Ints]
) -> dict[str, float]:
    """Return the area under the curve of each column alone, 0.5 to 1.

    Levels of a factor are ordered by their share of the outcome, so a factor with a level for
    each few rows looks better than it is; factors of more than one level for 20 rows are left
    out. Of large tables, evenly spaced rows are looked at.
    """
    step = max(1, design.n_rows // _SAMPLE)
    some = y[::step]
    if some.min() == some.max():
        return {}
    found: dict[str, float] = {}
    for at, number in enumerate(coding.numbers):
        if number.name in terms:
            area = _area(design.numbers[at, ::step], some)
            found[number.name] = max(area, 1.0 - area)
    for at, factor in enumerate(coding.factors):
        codes = design.coded.codes[at, ::step]
        if factor.name in terms and len(factor.levels) * 20 <= len(some):
            counts = np.bincount(codes, minlength=len(factor.levels))
            shares = np.bincount(codes, weights=some, minlength=len(counts)) / np.maximum(counts, 1)
            found[factor.name] = _area(shares[codes], some)
    return found


def _area(score: Floats, y: Floats) -> float:
    """Return the chance that a row with the outcome scores higher, ties counting half."""
    return float(areas_with_covariance(y, score[None, :])[0][0])
