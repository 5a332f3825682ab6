"""What a rule of whom to treat is worth, from customers treated at random or by known chances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, OneOf, Rule, check_values
from userportrait.errors import InvalidDataError
from userportrait.experiment.uplift._scores import (
    MeanOf,
    arm_scores,
    mean_with_interval,
    normal_interval,
)
from userportrait.experiment.uplift._trial import as_numbers, check_lengths, read_trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["PolicyCurve", "PolicyValue", "policy_curve", "policy_value"]

Method: TypeAlias = Literal["aipw", "ipw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """What a policy earns per customer, alone and beside simple ones.

    Parameters
    ----------
    method : {'aipw', 'ipw'}
    n : int
        Customers that it was estimated on.
    share_treated : float
        Share of them that the policy treats.
    value : float
        Mean worth of the outcome less the cost of treatment, per customer.
    interval : tuple of float
    gains : mapping of str to MeanOf
        What it earns more, per customer, than treating ``'nobody'``, ``'everybody'``, or a
        ``'random'`` group of the same size: value, standard error, interval and p-value.
    confidence_level : float

    Examples
    --------
    >>> found = policy_value([1, 0, 1, 0, 1, 0], [1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0])
    >>> found.to_frame()[["against", "gain"]].round(3)
         against   gain
    0     nobody  0.500
    1  everybody  0.167
    2     random  0.333
    """

    method: Method
    n: int
    share_treated: float
    value: float
    interval: tuple[float, float]
    gains: Mapping[str, MeanOf]
    confidence_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per comparison: `against, gain, ci_low, ci_high, p_value`."""
        return pd.DataFrame(
            [(name, gain.value, *gain.interval, gain.p_value) for name, gain in self.gains.items()],
            columns=["against", "gain", "ci_low", "ci_high", "p_value"],
        )

    def to_dict(self) -> dict[str, object]:
        """Return the figures of the policy itself."""
        names = ("method", "n", "share_treated", "value", "interval", "confidence_level")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        low, high = self.interval
        gain = self.gains["nobody"]
        return (
            f"treats {self.share_treated:.1%}: {self.value:.4g} per customer "
            f"[{low:.4g}, {high:.4g}]; {gain.value:+.4g} [{gain.interval[0]:+.4g}, "
            f"{gain.interval[1]:+.4g}] against nobody"
        )

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        rows = [[str(row[0]), *(f"{value:.4g}" for value in row[1:])] for row in frame.to_numpy()]
        shown = table(list(frame.columns), rows, numeric=frame.columns[1:], caption=str(self))
        return page_fragment("Value of a policy", shown)


_RULES: Mapping[str, Rule] = {
    "method": OneOf(("aipw", "ipw")),
    "confidence_level": Between(0, 1, open_low=True, open_high=True),
    "value": Between(0, float("inf"), open_low=True, open_high=True),
}


def policy_value(
    y: ArrayLike,
    treatment: ArrayLike,
    policy: ArrayLike,
    *,
    value: float = 1.0,
    cost: float | ArrayLike = 0.0,
    method: Method = "aipw",
    propensity: float | ArrayLike | None = None,
    baseline: tuple[ArrayLike, ArrayLike] | None = None,
    confidence_level: float = 0.95,
) -> PolicyValue:
    """Estimate what a policy would have earned.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        Who was in fact treated: 0 or 1.
    policy : array-like of shape (n,)
        Whom the policy treats: 0 or 1, or the chance with which it does. It must have been
        made without these outcomes.
    value : float, default=1.0
        What one unit of `y` is worth, such as the margin of an order.
    cost : float or array-like of shape (n,), default=0.0
        Of treating a customer, in the same currency; at least 0.
    method : {'aipw', 'ipw'}, default='aipw'
        Doubly robust, or by inverse propensities alone, which is noisier.
    propensity, baseline : optional
        As for `doubly_robust_scores`.
    confidence_level : float, default=0.95

    Returns
    -------
    PolicyValue

    Raises
    ------
    InvalidParameterError
        If a parameter will not do.
    InvalidDataError
        If lengths differ, a value is missing, an arm is empty, or a propensity is 0 or 1.

    Notes
    -----
    Intervals are normal. Differences are of the same customers, so that their intervals are
    narrower than those of the two values apart. [1]_

    References
    ----------
    .. [1] Dudík, Langford and Li (2011), "Doubly robust policy evaluation and learning", ICML.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treatment, helped = rng.integers(0, 2, 4000), rng.random(4000) < 0.5
    >>> y = rng.random(4000) < 0.1 + 0.2 * helped * treatment
    >>> found = policy_value(y, treatment, helped, value=30.0, cost=1.5)
    >>> print(found)
    treats 50.0%: 5.337 per customer [4.816, 5.857]; +2.232 [+1.701, +2.763] against nobody
    >>> found.gains["everybody"].interval[0] > 0
    True
    """
    values = {"method": method, "confidence_level": confidence_level, "value": value}
    check_values("policy_value", values, _RULES)
    trial = read_trial(y, treatment)
    chosen = as_numbers(np.asarray(policy), "policy")
    check_lengths(y=trial.n, policy=len(chosen))
    if chosen.min() < 0 or chosen.max() > 1:
        message = "policy must hold 0 and 1, or chances in [0, 1]."
        raise InvalidDataError(message)
    scores = arm_scores(trial, propensity, baseline, augmented=method == "aipw")
    spent = read_costs(cost, trial.n)
    gain = value * scores.effect - spent
    parts = {
        "nobody": chosen * gain,
        "everybody": (chosen - 1) * gain,
        # Centred, because the share of a random group is estimated too.
        "random": (chosen - chosen.mean()) * (gain - gain.mean()),
    }
    own = mean_with_interval(value * scores.control + chosen * gain, confidence_level)
    return PolicyValue(
        method=method,
        n=trial.n,
        share_treated=float(chosen.mean()),
        value=own.value,
        interval=own.interval,
        gains={name: mean_with_interval(part, confidence_level) for name, part in parts.items()},
        confidence_level=confidence_level,
    )


def read_costs(cost: float | ArrayLike, n: int) -> Floats:
    """Return one cost of at least 0 for each customer."""
    given: Any = np.asarray(cost)
    found = as_numbers(np.full(n, given) if given.ndim == 0 else given, "cost")
    check_lengths(customers=n, cost=len(found))
    if found.min(initial=0.0) < 0:
        message = "cost must be at least 0 for every customer."
        raise InvalidDataError(message)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCurve:
    """What treating the first customers of a ranking earns, for every share of them.

    Parameters
    ----------
    share : tuple of float
        Shares of customers, from 0 to 1.
    spent : tuple of float
        Cost of treating them, per customer of all.
    gain : tuple of float
        What that earns more than treating nobody, per customer of all.
    ci_low, ci_high : tuple of float
        Pointwise intervals of `gain`.
    random : tuple of float
        Gain of treating a random group of that size.
    confidence_level : float

    Examples
    --------
    >>> found = policy_curve([1, 0, 1, 0], [1, 1, 0, 0], [4, 3, 2, 1], n_points=2)
    >>> found.to_frame()[["share", "gain"]]
       share  gain
    0    0.0   0.0
    1    0.5   0.0
    2    1.0   0.0
    """

    share: tuple[float, ...]
    spent: tuple[float, ...]
    gain: tuple[float, ...]
    ci_low: tuple[float, ...]
    ci_high: tuple[float, ...]
    random: tuple[float, ...]
    confidence_level: float

    @property
    def best_share(self) -> float:
        """The share with the highest gain; chosen on these data, so a little too hopeful."""
        return self.share[int(np.argmax(self.gain))]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per share."""
        names = ("share", "spent", "gain", "ci_low", "ci_high", "random")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    def to_dict(self) -> dict[str, object]:
        """Return the best share and its gain."""
        return {"best_share": self.best_share, "gain": max(self.gain)}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the gain by share of customers treated, with its interval."""
        from userportrait.experiment.uplift._plots import draw_policy

        return draw_policy(self, ax)

    def __str__(self) -> str:
        best = int(np.argmax(self.gain))
        return (
            f"best to treat the first {self.share[best]:.0%}: {self.gain[best]:+.4g} per customer "
            f"[{self.ci_low[best]:+.4g}, {self.ci_high[best]:+.4g}]"
        )


def policy_curve(
    y: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    *,
    value: float = 1.0,
    cost: float | ArrayLike = 0.0,
    propensity: float | ArrayLike | None = None,
    baseline: tuple[ArrayLike, ArrayLike] | None = None,
    n_points: int = 100,
    confidence_level: float = 0.95,
) -> PolicyCurve:
    """Estimate what treating the best scores earns, for every share of customers.

    Parameters
    ----------
    y, treatment, value, cost, propensity, baseline, confidence_level
        As for `policy_value`.
    score : array-like of shape (n,)
        Customers with higher scores are treated first, equal ones in random order.
    n_points : int, default=100
        Shares besides 0, 1 to 10,000.

    Returns
    -------
    PolicyCurve

    Raises
    ------
    InvalidParameterError
        If a parameter will not do.
    InvalidDataError
        If lengths differ, a value is missing, an arm is empty, or a propensity is 0 or 1.

    Notes
    -----
    Each point is the doubly robust estimate of `policy_value`. [1]_

    References
    ----------
    .. [1] Dudík, Langford and Li (2011), "Doubly robust policy evaluation and learning", ICML.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treatment, helped = rng.integers(0, 2, 4000), rng.random(4000)
    >>> y = rng.random(4000) < 0.1 + 0.2 * helped * treatment
    >>> curve = policy_curve(y, treatment, helped, value=30.0, cost=3.0, n_points=10)
    >>> len(curve.to_frame()), 0.3 <= curve.best_share <= 0.8
    (11, True)
    """
    rules = {**_RULES, "n_points": Between(1, 10_000, integer=True)}
    values = {"method": "aipw", "confidence_level": confidence_level, "value": value}
    check_values("policy_curve", {**values, "n_points": n_points}, rules)
    trial = read_trial(y, treatment, score)
    spent = read_costs(cost, trial.n)
    gain = value * arm_scores(trial, propensity, baseline).effect - spent
    shares = np.linspace(0, 1, n_points + 1)
    points = [_point(gain, spent, part, confidence_level) for part in _treated(trial.score, shares)]
    return PolicyCurve(
        share=tuple(shares.tolist()),
        spent=tuple(cost for cost, _ in points),
        gain=tuple(mean.value for _, mean in points),
        ci_low=tuple(mean.interval[0] for _, mean in points),
        ci_high=tuple(mean.interval[1] for _, mean in points),
        random=tuple((shares * float(gain.mean())).tolist()),
        confidence_level=confidence_level,
    )


def _treated(score: Floats, shares: Floats) -> list[Floats]:
    """Return the chance of treatment of each customer, for each share of customers."""
    ordered = np.sort(-score)
    before = np.searchsorted(ordered, -score, side="left")
    tied = np.searchsorted(ordered, -score, side="right") - before
    return [np.clip((share * len(score) - before) / tied, 0, 1) for share in shares]


def _point(
    gain: Floats, spent: Floats, chosen: Floats, confidence_level: float
) -> tuple[float, MeanOf]:
    if not chosen.any():
        return 0.0, normal_interval(0.0, 0.0, confidence_level)
    return float((chosen * spent).mean()), mean_with_interval(chosen * gain, confidence_level)
