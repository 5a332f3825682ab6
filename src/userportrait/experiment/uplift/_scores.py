"""One noisy but unbiased estimate of the effect on each customer: what averages are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from userportrait.errors import InvalidDataError
from userportrait.experiment.uplift._trial import (
    as_numbers,
    as_shares,
    check_lengths,
    read_trial,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from userportrait.experiment.uplift._trial import Trial

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["ArmScores", "MeanOf", "arm_scores", "doubly_robust_scores", "mean_with_interval"]


class ArmScores(NamedTuple):
    """Unbiased estimates of each customer's outcome, untreated and treated."""

    control: Floats
    treated: Floats

    @property
    def effect(self) -> Floats:
        """The difference."""
        return self.treated - self.control


class MeanOf(NamedTuple):
    """A mean with its standard error, interval and two-sided p-value against 0."""

    value: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float


def doubly_robust_scores(
    y: ArrayLike,
    treatment: ArrayLike,
    *,
    propensity: float | ArrayLike | None = None,
    baseline: tuple[ArrayLike, ArrayLike] | None = None,
) -> Floats:
    """Return one unbiased estimate of the treatment's effect for each customer.

    A single score says almost nothing; the mean of the scores of a group is the effect on that
    group, whoever was treated.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated.
    propensity : float or array-like of shape (n,), optional
        The chance with which each customer was treated, strictly between 0 and 1. By default
        the share of treated customers, which is right for a random assignment only.
    baseline : tuple of two array-like of shape (n,), optional
        Expected outcomes without and with treatment, predicted by a model that has not seen
        the customer's own outcome (see `cross_fit_baseline`). By default
        the means of the arms. The better they are, the smaller is the noise; wrong ones do no
        harm while the propensity is right.

    Returns
    -------
    ndarray of float64, shape (n,)
        In units of `y`.

    Raises
    ------
    InvalidDataError
        If lengths differ, a value is missing, an arm is empty, or a propensity is 0 or 1.

    Notes
    -----
    The augmented inverse propensity score of [1]_.

    References
    ----------
    .. [1] Robins, Rotnitzky and Zhao (1994), "Estimation of regression coefficients when some
       regressors are not always observed", JASA 89(427), 846-866.

    Examples
    --------
    >>> doubly_robust_scores([1, 0, 1, 0], [1, 1, 0, 0]).tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    trial = read_trial(y, treatment)
    return arm_scores(trial, propensity, baseline).effect


def arm_scores(
    trial: Trial,
    propensity: float | ArrayLike | None,
    baseline: tuple[ArrayLike, ArrayLike] | None,
    *,
    augmented: bool = True,
) -> ArmScores:
    """Return the scores of both arms; without augmentation the models of outcomes count as 0."""
    share = float(trial.treated.mean()) if propensity is None else propensity
    chance = as_shares(share, "propensity", trial.n)
    treated = trial.treated.astype(np.float64)
    if augmented:
        expected_0, expected_1 = _baseline(trial, baseline)
    else:
        expected_0 = expected_1 = np.zeros(trial.n)
    return ArmScores(
        expected_0 + (1 - treated) / (1 - chance) * (trial.outcome - expected_0),
        expected_1 + treated / chance * (trial.outcome - expected_1),
    )


def _baseline(trial: Trial, baseline: tuple[ArrayLike, ArrayLike] | None) -> tuple[Floats, Floats]:
    if baseline is None:
        means = (trial.outcome[arm].mean() for arm in (~trial.treated, trial.treated))
        low, high = (np.full(trial.n, mean) for mean in means)
        return low, high
    pair: Any = baseline
    if len(pair) != 2:
        message = "baseline must be two arrays: expected outcomes without and with treatment."
        raise InvalidDataError(message)
    without, treated = (as_numbers(part, "baseline") for part in pair)
    check_lengths(y=trial.n, without_treatment=len(without), with_treatment=len(treated))
    return without, treated


def mean_with_interval(terms: Floats, confidence_level: float) -> MeanOf:
    """Return the mean of independent terms with a normal interval."""
    value = float(terms.mean())
    error = float(terms.std(ddof=1) / np.sqrt(len(terms))) if len(terms) > 1 else np.inf
    return normal_interval(value, error, confidence_level)


def normal_interval(value: float, error: float, confidence_level: float) -> MeanOf:
    """Return an estimate with its normal interval and p-value."""
    half = float(-ndtri((1 - confidence_level) / 2)) * error
    z = abs(value) / error if error > 0 else (np.inf if value else 0.0)
    return MeanOf(value, error, (value - half, value + half), float(2 * ndtr(-z)))
