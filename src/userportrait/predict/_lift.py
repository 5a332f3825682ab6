"""Lift and gain: what the best-scored customers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.params import Between, check_values
from userportrait.errors import InvalidDataError
from userportrait.predict._classes import read_numbers, read_outcome
from userportrait.predict._roc import counts_by_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["lift_table", "read_score"]


def lift_table(y: Any, score: Any, n_bins: int = 10, *, positive: Any = None) -> pd.DataFrame:
    """Return what each share of customers holds, the best-scored ones first.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Two different values.
    score : array-like of shape (n_rows,)
        Higher is likelier; a probability or any other number.
    n_bins : int, default=10
        Bins of equal size, as nearly as whole rows allow; 2 to 1000.
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    DataFrame
        One row a bin: ``bin`` (1 is best), ``n_rows``, ``score_low`` and ``score_high``,
        ``n_positive``, ``rate``, ``lift`` (rate over that of everybody), then for all bins so
        far ``cumulative_rows``, ``cumulative_positive``, ``cumulative_rate``,
        ``cumulative_lift``, ``gain`` (share of all outcomes) and ``ks`` (share of outcomes
        less share of the others).

    Raises
    ------
    InvalidDataError
        If lengths differ, values are missing, `y` has not two values, or there are fewer rows
        than bins.

    Notes
    -----
    Customers with the same score are alike. Where a limit between two bins falls among them,
    each bin gets its share of their outcomes, so a count may be a fraction, and the order of
    rows does not matter.

    References
    ----------
    .. [1] Berry and Linoff (2004), "Data Mining Techniques", Wiley, on lift and gain charts.

    Examples
    --------
    >>> from userportrait.predict import lift_table
    >>> table = lift_table([1, 1, 0, 1, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2], n_bins=4)
    >>> table[["bin", "n_positive", "lift", "gain"]].round(3)
       bin  n_positive   lift   gain
    0    1         2.0  2.667  0.667
    1    2         1.0  1.333  1.000
    2    3         0.0  0.000  1.000
    3    4         0.0  0.000  1.000
    """
    check_values("lift_table", {"n_bins": n_bins}, {"n_bins": Between(2, 1000, integer=True)})
    scores = read_score(score, owner="lift_table")
    _, outcome = read_outcome(y, len(scores), owner="lift_table", positive=positive)
    if len(scores) < n_bins:
        message = f"lift_table: {n_bins} bins need as many rows; there are {len(scores)}."
        raise InvalidDataError(message)
    return lift_frame(outcome, scores, n_bins)


def lift_frame(y: Floats, score: Floats, n_bins: int) -> pd.DataFrame:
    """Return the table of checked arrays."""
    n = len(y)
    edges = np.round(np.arange(n_bins + 1) * n / n_bins)
    thresholds, rows, ones = counts_by_score(y, score)
    # Between two distinct scores outcomes are spread evenly over the rows that share one.
    interpolate: Any = np.interp
    reached: Floats = interpolate(edges, np.r_[0.0, rows], np.r_[0.0, ones])
    sizes = np.diff(edges)
    positive: Floats = np.diff(reached)
    first = np.searchsorted(rows, edges[:-1], side="right")
    last = np.searchsorted(rows, edges[1:], side="left")
    rate, total = positive / sizes, float(ones[-1])
    overall = total / n
    gain = reached[1:] / total
    return pd.DataFrame(
        {
            "bin": np.arange(1, n_bins + 1),
            "n_rows": sizes.astype(np.int64),
            "score_low": thresholds[last],
            "score_high": thresholds[first],
            "n_positive": positive,
            "rate": rate,
            "lift": rate / overall,
            "cumulative_rows": edges[1:].astype(np.int64),
            "cumulative_positive": reached[1:],
            "cumulative_rate": reached[1:] / edges[1:],
            "cumulative_lift": reached[1:] / edges[1:] / overall,
            "gain": gain,
            "ks": gain - (edges[1:] - reached[1:]) / (n - total),
        }
    )


def read_score(score: Any, *, owner: str, name: str = "score") -> Floats:
    """Return scores as an array of numbers.

    Raises
    ------
    InvalidDataError
        If it is not one column of finite numbers.
    """
    values = read_numbers(score, owner=owner, name=name)
    if values.ndim != 1:
        message = f"{owner}: {name} must be one column; it has shape {values.shape}."
        raise InvalidDataError(message)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        message = f"{owner}: {name} holds values that are missing or infinite."
        raise InvalidDataError(message, rows=bad[:5].tolist(), n_rows=len(bad))
    return values
