"""Judge predicted uplift on customers that the model has not seen, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, OneOf, Rule, check_values
from userportrait.errors import InvalidParameterError
from userportrait.experiment.uplift._blocks import Blocks, draw_weights, perfect_order, rank
from userportrait.experiment.uplift._calibration import UpliftCalibration, uplift_calibration
from userportrait.experiment.uplift._metrics import Area, Top
from userportrait.experiment.uplift._rate import RankWeightedEffect, rank_weighted_effect
from userportrait.experiment.uplift._scores import normal_interval
from userportrait.experiment.uplift._trial import is_binary, read_trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from userportrait.experiment.uplift._trial import Trial

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["UpliftCurve", "UpliftEvaluation", "evaluate_uplift", "uplift_curve"]

CurveKind: TypeAlias = Literal["qini", "uplift"]
_POINTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftCurve:
    """Additional outcomes by number of customers taken from the top of a ranking.

    Parameters
    ----------
    kind : {'qini', 'uplift'}
    n : tuple of float
        Customers, from 0 to all.
    value : tuple of float
        Height of the curve, in outcomes.
    ci_low, ci_high : tuple of float
        Pointwise bootstrap interval; NaN without resamples.
    random, perfect : tuple of float
        The same for a random order and for the best one; the latter is NaN where it is not
        defined.
    confidence_level : float

    Examples
    --------
    >>> curve = uplift_curve([1, 0, 1, 0], [1, 1, 0, 0], [4, 3, 2, 1], n_resamples=0)
    >>> curve.to_frame()[["n", "value", "random"]]
         n  value  random
    0  0.0    0.0     0.0
    1  1.0    1.0     0.0
    2  2.0    1.0     0.0
    3  3.0   -1.0     0.0
    4  4.0    0.0     0.0
    """

    kind: CurveKind
    n: tuple[float, ...]
    value: tuple[float, ...]
    ci_low: tuple[float, ...]
    ci_high: tuple[float, ...]
    random: tuple[float, ...]
    perfect: tuple[float, ...]
    confidence_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per point."""
        names = ("n", "value", "ci_low", "ci_high", "random", "perfect")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curve with its interval, beside random order."""
        from userportrait.experiment.uplift._plots import draw_curve

        return draw_curve(self, ax)


_RULES: Mapping[str, Rule] = {
    "kind": OneOf(("qini", "uplift")),
    "confidence_level": Between(0, 1, open_low=True, open_high=True),
    "n_resamples": Between(0, 100_000, integer=True),
    "random_state": Between(0, 2**32 - 1, integer=True),
}


def uplift_curve(
    y: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    *,
    kind: CurveKind = "qini",
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    random_state: int = 0,
) -> UpliftCurve:
    """Return the Qini curve or the uplift curve of a ranking.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated, assigned at random.
    score : array-like of shape (n,)
        Predicted uplift.
    kind : {'qini', 'uplift'}, default='qini'
        Additional outcomes among the treated, or among as many customers as were taken, as if
        all were treated.
    confidence_level : float, default=0.95
    n_resamples : int, default=200
        Bootstrap samples of the pointwise interval; each arm keeps its size. 0 for none.
    random_state : int, default=0

    Returns
    -------
    UpliftCurve
        At the end of each block of equal scores, if there are at most 200; else at 200 numbers
        of customers, straight lines between blocks.

    Raises
    ------
    InvalidParameterError
        If a parameter will not do.
    InvalidDataError
        If lengths differ, a value is missing, or an arm is empty.

    Notes
    -----
    See `userportrait.experiment.qini` for the definition. [1]_

    References
    ----------
    .. [1] Radcliffe (2007), "Using control groups to target on predicted lift", Direct
       Marketing Analytics Journal, 14-21.

    Examples
    --------
    >>> curve = uplift_curve([1, 0, 1, 0], [1, 1, 0, 0], [2, 2, 1, 1], n_resamples=0)
    >>> curve.n, curve.value
    ((0.0, 2.0, 4.0), (0.0, 1.0, 0.0))
    """
    values = (kind, confidence_level, n_resamples, random_state)
    check_values("uplift_curve", dict(zip(_RULES, values, strict=True)), _RULES)
    trial = read_trial(y, treatment, score).sorted()
    ranking = rank(trial)
    ends = np.r_[0.0, ranking.sums().n]
    at = ends if len(ends) <= _POINTS + 1 else np.linspace(0, trial.n, _POINTS + 1)
    value = _heights(ranking.sums(), kind, at)[0]
    low = high = np.full(len(at), np.nan)
    if n_resamples > 0:
        draws = draw_weights(trial, n_resamples, random_state)
        found = np.concatenate([_heights(ranking.sums(weights), kind, at) for weights in draws])
        tail = (1 - confidence_level) / 2
        low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    perfect = np.full(len(at), np.nan)
    if kind == "qini" or is_binary(trial.outcome):
        perfect = _heights(rank(trial, perfect_order(trial, kind)).sums(), kind, at)[0]
    return UpliftCurve(
        kind=kind,
        n=tuple(at.tolist()),
        value=tuple(value.tolist()),
        ci_low=tuple(low.tolist()),
        ci_high=tuple(high.tolist()),
        random=tuple((value[-1] * at / trial.n).tolist()),
        perfect=tuple(perfect.tolist()),
        confidence_level=confidence_level,
    )


def _heights(sums: Blocks, kind: str, at: Floats) -> Floats:
    """Return the curve at numbers of customers, one row per resample."""
    heights = np.atleast_2d(sums.qini() if kind == "qini" else sums.uplift())
    n = np.atleast_2d(sums.n)
    found = np.empty((len(heights), len(at)))
    for row in range(len(heights)):
        found[row] = np.interp(at, np.r_[0.0, n[row]], np.r_[0.0, heights[row]])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftEvaluation:
    """How good predicted uplift is, on customers that the model has not seen.

    Parameters
    ----------
    metrics : mapping of str to (value, low, high)
        ``effect``: the mean effect on everybody. ``qini`` and ``auuc``: areas, normalised where
        that is defined. ``uplift@0.1`` and so on: the effect on the best tenth. ``autoc``: the
        rank-weighted effect, whose p-value is in `rate`.
    curve : UpliftCurve
        The Qini curve.
    calibration : UpliftCalibration
    rate : RankWeightedEffect
    n_treated, n_control : int
    confidence_level : float

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treatment, score = rng.integers(0, 2, 2000), rng.random(2000)
    >>> y = rng.random(2000) < 0.1 + 0.3 * score * treatment
    >>> found = evaluate_uplift(y, treatment, score, n_resamples=50)
    >>> list(found.metrics)
    ['effect', 'qini', 'auuc', 'uplift@0.1', 'uplift@0.3', 'autoc']
    >>> print(found.rate)
    AUTOC: 0.08617 [0.05587, 0.1165], p=2.49e-08
    """

    metrics: Mapping[str, tuple[float, float, float]]
    curve: UpliftCurve = field(repr=False)
    calibration: UpliftCalibration = field(repr=False)
    rate: RankWeightedEffect = field(repr=False)
    n_treated: int
    n_control: int
    confidence_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric: `metric, value, ci_low, ci_high`."""
        rows = [(name, *values) for name, values in self.metrics.items()]
        return pd.DataFrame(rows, columns=["metric", "value", "ci_low", "ci_high"])

    def to_dict(self) -> dict[str, float]:
        """Return the metrics without intervals."""
        return {name: values[0] for name, values in self.metrics.items()}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the Qini curve with its interval."""
        return self.curve.plot(ax)

    def __str__(self) -> str:
        lines = [f"{self.n_treated:,} treated, {self.n_control:,} not"]
        for name, (value, low, high) in self.metrics.items():
            lines.append(f"{name}: {value:.4g} [{low:.4g}, {high:.4g}]")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [[name, *(f"{part:.4g}" for part in parts)] for name, parts in self.metrics.items()]
        columns = ["metric", "value", "ci_low", "ci_high"]
        shown = table(columns, rows, numeric=columns[1:], caption=str(self.calibration))
        return page_fragment("Predicted uplift, judged", shown)


def evaluate_uplift(
    y: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    *,
    at: Sequence[float] = (0.1, 0.3),
    n_bins: int = 10,
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    random_state: int = 0,
) -> UpliftEvaluation:
    """Judge predicted uplift from a random assignment.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated, assigned at random. For chances that differ between
        customers take `rank_weighted_effect` and `policy_value`.
    score : array-like of shape (n,)
        Predicted uplift, of a model that has not seen these customers.
    at : sequence of float, default=(0.1, 0.3)
        Shares of customers for ``uplift@``, above 0 and at most 1.
    n_bins : int, default=10
        Groups of the calibration.
    confidence_level : float, default=0.95
    n_resamples : int, default=200
        Bootstrap samples, at least 2; each arm keeps its size.
    random_state : int, default=0

    Returns
    -------
    UpliftEvaluation

    Raises
    ------
    InvalidParameterError
        If a parameter will not do; all bad ones at once.
    InvalidDataError
        If lengths differ, a value is missing, or an arm is empty.

    Notes
    -----
    Intervals are normal, with a standard error from bootstrap samples, that of ``autoc`` from
    half-samples. They take the model as given. In 400 simulations with 2,000 customers,
    intervals of 95 % covered the population's ``qini`` 94.0, ``auuc`` 94.5 and ``autoc`` 95.5 %
    of the time. [1]_

    References
    ----------
    .. [1] Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 12.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treatment, score = rng.integers(0, 2, 2000), rng.random(2000)
    >>> y = rng.random(2000) < 0.1 + 0.3 * score * treatment
    >>> found = evaluate_uplift(y, treatment, score, n_resamples=50)
    >>> found.to_frame().round(3).head(3)
       metric  value  ci_low  ci_high
    0  effect  0.138   0.110    0.165
    1    qini  0.153   0.097    0.209
    2    auuc  0.096   0.059    0.134
    """
    rules = {
        "n_bins": Between(2, 1000, integer=True),
        "confidence_level": _RULES["confidence_level"],
        "n_resamples": Between(2, 100_000, integer=True),
        "random_state": _RULES["random_state"],
    }
    given = (n_bins, confidence_level, n_resamples, random_state)
    check_values("evaluate_uplift", dict(zip(rules, given, strict=True)), rules)
    wrong = [Top.rules["k"].problem("at", share) for share in at]
    if any(wrong):
        problems = [problem for problem in wrong if problem is not None]
        raise InvalidParameterError("evaluate_uplift", problems)
    trial = read_trial(y, treatment, score).sorted()
    rate = rank_weighted_effect(
        trial.outcome,
        trial.treated,
        trial.score,
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        random_state=random_state,
    )
    metrics = _bootstrap(trial, _statistics(trial, at), confidence_level, n_resamples, random_state)
    metrics["autoc"] = (rate.value, *rate.interval)
    return UpliftEvaluation(
        metrics=metrics,
        curve=uplift_curve(
            trial.outcome,
            trial.treated,
            trial.score,
            confidence_level=confidence_level,
            n_resamples=n_resamples,
            random_state=random_state,
        ),
        calibration=uplift_calibration(
            trial.outcome,
            trial.treated,
            trial.score,
            n_bins=n_bins,
            confidence_level=confidence_level,
        ),
        rate=rate,
        n_treated=int(trial.treated.sum()),
        n_control=int((~trial.treated).sum()),
        confidence_level=confidence_level,
    )


def _statistics(trial: Trial, at: Sequence[float]) -> dict[str, Area | Top]:
    binary = is_binary(trial.outcome)
    return {
        "effect": Top(trial, 1.0),
        "qini": Area("qini", trial),
        "auuc": Area("uplift", trial, normalized=binary),
        **{f"uplift@{share:g}": Top(trial, float(share)) for share in at},
    }


def _bootstrap(
    trial: Trial,
    statistics: Mapping[str, Area | Top],
    confidence_level: float,
    n_resamples: int,
    random_state: int,
) -> dict[str, tuple[float, float, float]]:
    """Return each statistic with a normal interval; the resamples give its standard error."""
    drawn: dict[str, list[Floats]] = {name: [] for name in statistics}
    ranking = rank(trial)
    for weights in draw_weights(trial, n_resamples, random_state):
        sums = ranking.sums(weights)
        for name, statistic in statistics.items():
            drawn[name].append(statistic.of(sums, weights))
    found: dict[str, tuple[float, float, float]] = {}
    for name, statistic in statistics.items():
        values = np.concatenate(drawn[name])
        known = values[np.isfinite(values)]
        error = float(known.std(ddof=1)) if len(known) > 1 else np.nan
        mean = normal_interval(float(statistic(None)), error, confidence_level)
        found[name] = (mean.value, *mean.interval)
    return found
