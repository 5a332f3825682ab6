"""Evidence that may be added up: e-values of several looks, metrics or experiments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, OneOf, check_values
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["combine_e_values", "select_e_values"]


def combine_e_values(
    e_values: Sequence[float],
    *,
    method: Literal["mean", "product"] = "mean",
    weights: Sequence[float] | None = None,
) -> float:
    """Return one e-value of several.

    Parameters
    ----------
    e_values : sequence of float
        Not negative; infinity is allowed.
    method : {'mean', 'product'}, default='mean'
        The mean is an e-value whatever the dependence. The product needs independent
        experiments, or each made from data that came after those of the one before.
    weights : sequence of float, optional
        Of the mean, fixed beforehand; not negative, scaled to sum to 1. Equal by default.

    Returns
    -------
    float
        Its inverse, at most 1, is a p-value.

    Raises
    ------
    InvalidDataError
        If there is no value, one is negative or NaN, or the weights do not fit.

    Notes
    -----
    0 and infinity multiply to 0: what one experiment ruled out stays so.

    References
    ----------
    .. [1] Vovk and Wang (2021), "E-values: calibration, combination and applications", The
       Annals of Statistics 49(3).

    Examples
    --------
    >>> from userportrait.experiment import combine_e_values
    >>> combine_e_values([40.0, 2.0, 0.5], method="product")
    40.0
    >>> combine_e_values([40.0, 2.0, 0.5], weights=[2, 1, 1])
    20.625
    """
    check_values("combine_e_values", {"method": method}, {"method": OneOf(("mean", "product"))})
    values = _checked(e_values)
    if method == "mean":
        shares = _shares(weights, len(values))
        used = shares > 0.0
        return float(values[used] @ shares[used])
    if weights is not None:
        raise InvalidDataError("weights are for the mean; a product has none. Leave them out.")
    if (values == 0.0).any():
        return 0.0
    found = math.prod(float(value) for value in values)
    if 0.0 < found < math.inf:
        return found
    total = float(np.log(values).sum())
    return math.exp(total) if total < 709.0 else math.inf


def select_e_values(e_values: Sequence[float], *, alpha: float = 0.05) -> NDArray[np.bool_]:
    """Say which of many hypotheses to reject, with a bounded share of false discoveries.

    Parameters
    ----------
    e_values : sequence of float
        One per hypothesis, not negative.
    alpha : float, default=0.05
        The expected share of false ones among the rejected, whatever the dependence and the
        times at which they stopped.

    Returns
    -------
    ndarray of bool, in the order given
        Equal values are rejected together.

    Raises
    ------
    InvalidDataError
        If there is no value, or one is negative or NaN.

    References
    ----------
    .. [1] Wang and Ramdas (2022), "False discovery rate control with e-values", Journal of
       the Royal Statistical Society B 84(3).

    Examples
    --------
    >>> from userportrait.experiment import select_e_values
    >>> [bool(found) for found in select_e_values([90.0, 41.0, 28.0, 1.0], alpha=0.05)]
    [True, True, True, False]
    """
    rules = {"alpha": Between(0.0, 1.0, open_low=True, open_high=True)}
    check_values("select_e_values", {"alpha": alpha}, rules)
    values = _checked(e_values)
    n = len(values)
    down = np.sort(values)[::-1]
    enough = np.flatnonzero(np.arange(1, n + 1) * down >= n / alpha)
    if not len(enough):
        return np.zeros(n, dtype=np.bool_)
    found: NDArray[np.bool_] = values >= down[enough[-1]]
    return found


def _checked(e_values: Sequence[float]) -> Floats:
    values = np.asarray(e_values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InvalidDataError("e_values must be a sequence of at least one number.")
    bad = np.flatnonzero(~(values >= 0.0))
    if len(bad):
        message = "e-values must be numbers from 0 on."
        raise InvalidDataError(message, rows=_first(bad), n_rows=len(bad))
    return values


def _shares(weights: Sequence[float] | None, n: int) -> Floats:
    if weights is None:
        return np.full(n, 1.0 / n)
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (n,) or not (np.isfinite(found) & (found >= 0.0)).all() or not found.any():
        message = f"weights must be {n} numbers from 0 on, not all of them 0."
        raise InvalidDataError(message)
    shares: Floats = found / found.sum()
    return shares


def _first(rows: NDArray[Any]) -> list[int]:
    return [int(row) for row in rows[:5]]
