"""Predicted uplift beside what really happened, group by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import ndtri

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, Rule, check_values
from userportrait.errors import InvalidDataError
from userportrait.experiment._proportion_intervals import newcombe
from userportrait.experiment.uplift._scores import (
    MeanOf,
    arm_scores,
    mean_with_interval,
    normal_interval,
)
from userportrait.experiment.uplift._trial import is_binary, read_trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["CalibrationBin", "UpliftCalibration", "uplift_calibration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Customers with similar predicted uplift.

    Parameters
    ----------
    n_treated, n_control : int
        How many.
    predicted : float
        Mean predicted uplift.
    observed : float
        Difference of the arms' mean outcomes; NaN where an arm is empty.
    interval : tuple of float
        Of `observed`.

    Examples
    --------
    >>> found = uplift_calibration([1, 0, 1, 0], [1, 1, 0, 0], [0.2, 0.2, 0.2, 0.2], n_bins=2)
    >>> found.bins[0].observed
    0.0
    """

    n_treated: int
    n_control: int
    predicted: float
    observed: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftCalibration:
    """Predicted against observed uplift.

    Parameters
    ----------
    bins : tuple of CalibrationBin
        Lowest predictions first.
    slope : float
        Of effects on predictions: 1 if differences between customers are as large as
        predicted, below 1 if they are exaggerated, 0 if the predictions know nothing.
    slope_interval : tuple of float
    mean_predicted, mean_observed : float
        Over all customers.
    confidence_level : float

    Examples
    --------
    >>> found = uplift_calibration([1, 0, 1, 0], [1, 1, 0, 0], [0.2, 0.1, 0.2, 0.1], n_bins=2)
    >>> found.to_frame()[["n_treated", "n_control", "predicted", "observed"]]
       n_treated  n_control  predicted  observed
    0          1          1        0.1       0.0
    1          1          1        0.2       0.0
    """

    bins: tuple[CalibrationBin, ...]
    slope: float
    slope_interval: tuple[float, float]
    mean_predicted: float
    mean_observed: float
    confidence_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per bin."""
        return pd.DataFrame(
            {
                "n_treated": [part.n_treated for part in self.bins],
                "n_control": [part.n_control for part in self.bins],
                "predicted": [part.predicted for part in self.bins],
                "observed": [part.observed for part in self.bins],
                "ci_low": [part.interval[0] for part in self.bins],
                "ci_high": [part.interval[1] for part in self.bins],
            }
        )

    def to_dict(self) -> dict[str, object]:
        """Return the figures over all customers."""
        names = ("slope", "slope_interval", "mean_predicted", "mean_observed", "confidence_level")
        return {name: getattr(self, name) for name in names}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw observed against predicted uplift, with intervals and the line where they agree."""
        from userportrait.experiment.uplift._plots import draw_calibration

        return draw_calibration(self, ax)

    def __str__(self) -> str:
        low, high = self.slope_interval
        return (
            f"{len(self.bins)} groups; mean uplift predicted {self.mean_predicted:.4g}, observed "
            f"{self.mean_observed:.4g}; slope {self.slope:.3g} [{low:.3g}, {high:.3g}]"
        )

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        rows = [[f"{value:.4g}" for value in row] for row in frame.to_numpy().tolist()]
        shown = table(list(frame.columns), rows, numeric=frame.columns, caption=str(self))
        return page_fragment("Calibration of uplift", shown)


_RULES: Mapping[str, Rule] = {
    "n_bins": Between(2, 1000, integer=True),
    "confidence_level": Between(0, 1, open_low=True, open_high=True),
}


def uplift_calibration(
    y: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    *,
    n_bins: int = 10,
    propensity: float | ArrayLike | None = None,
    baseline: tuple[ArrayLike, ArrayLike] | None = None,
    confidence_level: float = 0.95,
) -> UpliftCalibration:
    """Compare predicted with observed uplift in groups of customers.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated.
    score : array-like of shape (n,)
        Predicted uplift in units of `y`, made without these outcomes.
    n_bins : int, default=10
        Groups of equal size by prediction, 2 to 1,000; customers with equal predictions stay
        together, so that there may be fewer.
    propensity, baseline : optional
        As for `doubly_robust_scores`. With either of them, a group's observed uplift is the
        mean of its scores; without, the difference of the arms' means.
    confidence_level : float, default=0.95

    Returns
    -------
    UpliftCalibration

    Raises
    ------
    InvalidParameterError
        If a parameter will not do.
    InvalidDataError
        If lengths differ, a value is missing, or an arm is empty.

    Notes
    -----
    Intervals of shares are Newcombe's [1]_, those of amounts normal with separate variances.
    The slope is that of the best linear predictor of [2]_: doubly robust scores are regressed
    on predictions, with a standard error that allows for unequal variances.

    References
    ----------
    .. [1] Newcombe (1998), "Interval estimation for the difference between independent
       proportions", Statistics in Medicine 17, 873-890, method 10.
    .. [2] Chernozhukov, Demirer, Duflo and Fernández-Val (2018), "Generic machine learning
       inference on heterogeneous treatment effects in randomized experiments", NBER 24678.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treatment, uplift = rng.integers(0, 2, 4000), rng.random(4000)
    >>> y = uplift * treatment + rng.normal(size=4000)
    >>> print(uplift_calibration(y, treatment, uplift, n_bins=4))
    4 groups; mean uplift predicted 0.4986, observed 0.5086; slope 1.02 [0.796, 1.24]
    """
    values = {"n_bins": n_bins, "confidence_level": confidence_level}
    check_values("uplift_calibration", values, _RULES)
    trial = read_trial(y, treatment, score)
    effect = arm_scores(trial, propensity, baseline).effect
    plain = propensity is None and baseline is None
    kind = _shares_differ if is_binary(trial.outcome) else _means_differ
    bins: list[CalibrationBin] = []
    for members in _groups(trial.score, n_bins):
        arms = [trial.outcome[members & arm] for arm in (trial.treated, ~trial.treated)]
        if plain:
            found = kind(arms[0], arms[1], confidence_level)
        else:
            found = mean_with_interval(effect[members], confidence_level)
        bins.append(
            CalibrationBin(
                n_treated=len(arms[0]),
                n_control=len(arms[1]),
                predicted=float(trial.score[members].mean()),
                observed=found.value,
                interval=found.interval,
            )
        )
    slope = _slope(effect, trial.score, confidence_level)
    return UpliftCalibration(
        bins=tuple(bins),
        slope=slope.value,
        slope_interval=slope.interval,
        mean_predicted=float(trial.score.mean()),
        mean_observed=float(effect.mean()),
        confidence_level=confidence_level,
    )


def _groups(score: Floats, n_bins: int) -> list[NDArray[np.bool_]]:
    """Return the members of each group, lowest scores first; equal scores share a group."""
    edges = np.quantile(score, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    place = np.searchsorted(edges, score, side="left")
    return [place == group for group in np.unique(place)]


def _means_differ(treated: Floats, control: Floats, confidence_level: float) -> MeanOf:
    if min(len(treated), len(control)) < 2:
        return _unknown(treated, control)
    error = np.sqrt(sum(part.var(ddof=1) / len(part) for part in (treated, control)))
    value = float(treated.mean() - control.mean())
    return normal_interval(value, float(error), confidence_level)


def _shares_differ(treated: Floats, control: Floats, confidence_level: float) -> MeanOf:
    if min(len(treated), len(control)) == 0:
        return _unknown(treated, control)
    first, second = (int(control.sum()), len(control)), (int(treated.sum()), len(treated))
    interval = newcombe(first, second, float(-ndtri((1 - confidence_level) / 2)))
    return MeanOf(float(treated.mean() - control.mean()), float("nan"), interval, float("nan"))


def _unknown(treated: Floats, control: Floats) -> MeanOf:
    there = min(len(treated), len(control)) > 0
    value = float(treated.mean() - control.mean()) if there else float("nan")
    return MeanOf(value, float("nan"), (-np.inf, np.inf), float("nan"))


def _slope(effect: Floats, score: Floats, confidence_level: float) -> MeanOf:
    """Regress effects on predictions; HC1 standard error."""
    apart = score - score.mean()
    spread = float(apart @ apart)
    if spread <= 1e-24 * len(score) * max(1.0, float(np.abs(score).max()) ** 2):
        return MeanOf(float("nan"), float("nan"), (-np.inf, np.inf), float("nan"))
    if len(score) < 3:
        message = "a slope needs at least 3 customers."
        raise InvalidDataError(message)
    value = float(apart @ effect) / spread
    rest = effect - effect.mean() - value * apart
    error = np.sqrt(float((apart * rest) @ (apart * rest)) * len(score) / (len(score) - 2)) / spread
    return normal_interval(value, float(error), confidence_level)
