"""Rank-weighted average treatment effects: whether a ranking finds whom the treatment helps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import Between, OneOf, Rule, check_values
from userportrait.experiment.uplift._scores import arm_scores, normal_interval
from userportrait.experiment.uplift._trial import read_trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["RankWeightedEffect", "rank_weighted_effect"]

_CELLS = 250_000
Weighting: TypeAlias = Literal["autoc", "qini"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankWeightedEffect:
    """A rank-weighted average treatment effect (RATE) and the curve below it.

    Parameters
    ----------
    weighting : {'autoc', 'qini'}
        How shares of customers are weighted.
    value : float
        In units of the outcome; 0 for a ranking that knows nothing.
    standard_error : float
        By half-sampling.
    interval : tuple of float
        Normal, at `confidence_level`.
    p_value : float
        Two-sided, against 0.
    confidence_level : float
    n : int
        Number of customers.
    share, curve : tuple of float
        The targeting operator characteristic: for shares of customers from the top, the mean
        effect on them less the mean effect on everybody. At most 100 points.

    Examples
    --------
    >>> found = rank_weighted_effect([1, 0, 1, 0], [1, 1, 0, 0], [4, 3, 2, 1])
    >>> found.weighting, round(found.value, 3)
    ('autoc', 0.167)
    """

    weighting: Weighting
    value: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float
    confidence_level: float
    n: int
    share: tuple[float, ...] = field(repr=False)
    curve: tuple[float, ...] = field(repr=False)

    def to_dict(self) -> dict[str, object]:
        """Return the figures, without the curve."""
        names = ("weighting", "value", "standard_error", "interval", "p_value")
        return {name: getattr(self, name) for name in (*names, "confidence_level", "n")}

    def to_frame(self) -> pd.DataFrame:
        """Return the curve: columns `share` and `effect_above_mean`."""
        return pd.DataFrame({"share": self.share, "effect_above_mean": self.curve})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curve: the height at a share is what targeting it adds per customer."""
        from userportrait.experiment.uplift._plots import draw_targeting

        return draw_targeting(self, ax)

    def __str__(self) -> str:
        low, high = self.interval
        name = {"autoc": "AUTOC", "qini": "Qini-weighted effect"}[self.weighting]
        return f"{name}: {self.value:.4g} [{low:.4g}, {high:.4g}], p={self.p_value:.3g}"

    def _repr_html_(self) -> str:
        return page_fragment("Rank-weighted effect", definition_list(self.to_dict()))


_RULES: Mapping[str, Rule] = {
    "weighting": OneOf(("autoc", "qini")),
    "confidence_level": Between(0, 1, open_low=True, open_high=True),
    "n_resamples": Between(2, 100_000, integer=True),
    "random_state": Between(0, 2**32 - 1, integer=True),
}


def rank_weighted_effect(
    y: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    *,
    weighting: Weighting = "autoc",
    propensity: float | ArrayLike | None = None,
    baseline: tuple[ArrayLike, ArrayLike] | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    random_state: int = 0,
) -> RankWeightedEffect:
    """Test whether customers with higher scores gain more from the treatment.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated.
    score : array-like of shape (n,)
        Any ranking made without these outcomes, the highest first.
    weighting : {'autoc', 'qini'}, default='autoc'
        ``'autoc'`` weighs all shares of customers equally, so that the very top counts most:
        best where few gain much. ``'qini'`` weighs each share by its size: best where many gain
        a little.
    propensity, baseline : optional
        As for `doubly_robust_scores`. With a propensity, the data need no random assignment.
    confidence_level : float, default=0.95
        Of the interval.
    n_resamples : int, default=200
        Half-samples that the standard error is made of.
    random_state : int, default=0
        Which half-samples.

    Returns
    -------
    RankWeightedEffect

    Raises
    ------
    InvalidParameterError
        If a parameter will not do; all bad ones at once.
    InvalidDataError
        If lengths differ, a value is missing, an arm is empty, or a propensity is 0 or 1.

    Notes
    -----
    Customers with equal scores share the mean of their doubly robust scores. The integral over
    shares is the mean over the n customers, as in the R package grf. The interval takes the
    ranking as given: learn it on other customers. [1]_

    References
    ----------
    .. [1] Yadlowsky, Fleming, Shah, Brunskill and Wager (2025), "Evaluating treatment
       prioritization rules via rank-weighted average treatment effects", JASA 120(549).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treatment, helped = rng.integers(0, 2, 4000), rng.random(4000)
    >>> y = helped * treatment + rng.normal(size=4000)
    >>> rank_weighted_effect(y, treatment, helped).p_value < 0.001
    True
    >>> rank_weighted_effect(y, treatment, rng.random(4000)).p_value > 0.05
    True
    """
    values = (weighting, confidence_level, n_resamples, random_state)
    check_values("rank_weighted_effect", dict(zip(_RULES, values, strict=True)), _RULES)
    trial = read_trial(y, treatment, score)
    # Summed in one order, whatever the order of the rows, so that the last bit is the same too.
    effect = arm_scores(trial, propensity, baseline).effect
    order = np.lexsort((trial.outcome, effect, trial.treated, -trial.score))
    if propensity is None and baseline is None:
        effect[order] = arm_scores(trial.sorted(), None, None).effect
    tied = _Tied(effect[order], trial.score[order])
    draws = _half_samples(trial.treated[order], n_resamples, random_state)
    found = np.concatenate([tied.rate(weighting, weights) for weights in draws])
    value = float(tied.rate(weighting, np.ones((1, trial.n)))[0])
    mean = normal_interval(value, float(found.std(ddof=1)), confidence_level)
    share, curve = tied.curve()
    return RankWeightedEffect(
        weighting=weighting,
        value=value,
        standard_error=mean.standard_error,
        interval=mean.interval,
        p_value=mean.p_value,
        confidence_level=confidence_level,
        n=trial.n,
        share=tuple(share.tolist()),
        curve=tuple(curve.tolist()),
    )


class _Tied:
    """Effects of customers, best first, in blocks of equal scores."""

    _points: ClassVar[int] = 100

    def __init__(self, effect: Floats, score: Floats) -> None:
        self._effect = effect
        self._starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
        steps = 1 / np.arange(1, len(effect) + 1)
        self._harmonic = np.concatenate([[0.0], np.cumsum(steps)])

    def rate(self, weighting: str, weights: Floats) -> Floats:
        """Return one value for each row of whole weights; none may exceed 1."""
        count = np.add.reduceat(weights, self._starts, axis=-1)
        total = np.add.reduceat(weights * self._effect, self._starts, axis=-1)
        mean = np.divide(total, count, out=np.zeros(total.shape), where=count > 0)
        n_before = np.cumsum(count, axis=-1) - count
        sum_before = np.cumsum(total, axis=-1) - total
        n = count.sum(axis=-1)
        everybody = total.sum(axis=-1) / n
        if weighting == "qini":
            # sum over k = 1..count of (sum_before + k * mean) / n
            parts = (count * sum_before + mean * count * (count + 1) / 2).sum(axis=-1) / n**2
            return np.asarray(parts - everybody * (n + 1) / (2 * n))
        # sum over k = 1..count of (sum_before + k * mean) / (n_before + k), by harmonic numbers
        first = n_before.astype(np.int64)
        spread = self._harmonic[first + count.astype(np.int64)] - self._harmonic[first]
        parts = count * mean + (sum_before - n_before * mean) * spread
        return np.asarray(parts.sum(axis=-1) / n - everybody)

    def curve(self) -> tuple[Floats, Floats]:
        """Return shares and the mean effect down to each of them, less that of everybody."""
        n = len(self._effect)
        ends = np.r_[self._starts[1:], n]
        summed = np.r_[0.0, np.cumsum(np.add.reduceat(self._effect, self._starts))]
        at: Floats = np.unique(np.ceil(np.linspace(0, n, self._points + 1)[1:]))
        upto: Floats = np.asarray(np.interp(at, np.r_[0.0, ends], summed), dtype=np.float64)
        return at / n, np.asarray(upto / at - summed[-1] / n)


def _half_samples(
    treated: NDArray[np.bool_], n_resamples: int, random_state: int
) -> Iterator[Floats]:
    """Yield weights of 0 and 1 that keep one half of each arm."""
    rng = np.random.default_rng(random_state)
    arms = [np.flatnonzero(treated), np.flatnonzero(~treated)]
    at_once = max(1, _CELLS // len(treated))
    for start in range(0, n_resamples, at_once):
        rows: Any = np.zeros((min(at_once, n_resamples - start), len(treated)))
        for row in rows:
            for arm in arms:
                row[rng.choice(arm, max(1, len(arm) // 2), replace=False)] = 1.0
        yield rows
