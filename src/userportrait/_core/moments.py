"""Moments of a column of numbers, without overflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["skewness", "standardized"]


def skewness(values: Floats) -> float:
    """Return the third moment of standardized values, 0 where there is one value only.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        None missing; n of 0 gives 0. The population's formula, divided by n.

    References
    ----------
    .. [1] Joanes and Gill (1998), "Comparing measures of sample skewness and kurtosis", The
       Statistician 47(1): their g1.
    """
    if not len(values) or float(values.min()) == float(values.max()):
        return 0.0
    return float((standardized(values) ** 3).sum() * np.sqrt(len(values)))


def standardized(values: Floats) -> Floats:
    """Return values, not all the same, with mean 0 and length 1."""
    scaled = values / np.abs(values).max()
    off: Floats = scaled - scaled.mean()
    length = float(np.sqrt(off @ off))
    found: Floats = off / length
    return found
