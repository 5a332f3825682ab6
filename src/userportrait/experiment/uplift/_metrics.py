"""How well a score ranks customers by what a treatment changes: Qini, AUUC, uplift at the top."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, Rule, check_values
from userportrait.errors import InvalidDataError
from userportrait.experiment.uplift._blocks import Blocks, perfect_order, rank
from userportrait.experiment.uplift._trial import is_binary, read_trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from userportrait.experiment.uplift._trial import Trial

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Area", "Top", "auuc", "qini", "uplift_at_k"]


def qini(y: ArrayLike, treatment: ArrayLike, score: ArrayLike, *, normalized: bool = True) -> float:
    """Return the area between the Qini curve and that of a random order.

    The Qini curve says, for every number of customers taken from the top of the ranking, how
    many more outcomes the treated ones had than as many controls would have had.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated, assigned at random.
    score : array-like of shape (n,)
        Predicted uplift; any number that is higher for those to be treated first.
    normalized : bool, default=True
        Whether to divide by the area of the perfect order: treated customers by outcome,
        then controls, those with an outcome last. False gives the area in outcomes times
        customers, divided by the square of the number of customers.

    Returns
    -------
    float
        At most 1 if normalised; 0 is what random order has on average, below 0 is worse. NaN
        if the perfect order has no area, as when nobody has an outcome.

    Raises
    ------
    InvalidDataError
        If lengths differ, a value is missing, or an arm is empty.

    See Also
    --------
    userportrait.experiment.evaluate_uplift : With an interval, and other metrics.

    Notes
    -----
    Customers with equal scores form one block, so that their order in the input has no say.
    The definition is that of scikit-uplift's ``qini_auc_score``, with negative effects. Time
    is O(n log n). [1]_

    References
    ----------
    .. [1] Radcliffe (2007), "Using control groups to target on predicted lift", Direct
       Marketing Analytics Journal, 14-21.

    Examples
    --------
    >>> y = [1, 1, 0, 0, 1, 0]
    >>> treatment = [1, 1, 0, 1, 0, 0]
    >>> round(qini(y, treatment, [0.9, 0.8, 0.7, 0.3, 0.2, 0.1]), 4)
    0.7692
    >>> qini(y, treatment, [0.5] * 6)
    0.0
    """
    trial = read_trial(y, treatment, score)
    return float(Area("qini", trial, normalized=normalized)(None))


def auuc(y: ArrayLike, treatment: ArrayLike, score: ArrayLike, *, normalized: bool = True) -> float:
    """Return the area between the uplift curve and that of a random order.

    The uplift curve is the difference of the arms' mean outcomes among the customers taken
    from the top, times their number.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated, assigned at random.
    score : array-like of shape (n,)
        Predicted uplift; any number that is higher for those to be treated first.
    normalized : bool, default=True
        Whether to divide by the area of the perfect order, which is defined for outcomes of
        0 and 1 only. False gives the area divided by the square of the number of customers.

    Returns
    -------
    float
        0 is what random order has on average. NaN if the perfect order has no area.

    Raises
    ------
    InvalidDataError
        If lengths differ, a value is missing, an arm is empty, or a normalised area is asked
        for with other outcomes than 0 and 1.

    Notes
    -----
    Equal scores form one block. The definition is that of scikit-uplift's
    ``uplift_auc_score``. An arm without customers so far counts as a mean of 0. [1]_

    References
    ----------
    .. [1] Jaskowski and Jaroszewicz (2012), "Uplift modeling for clinical trial data", ICML
       Workshop on Clinical Data Analysis.

    Examples
    --------
    >>> y = [1, 1, 0, 0, 1, 0]
    >>> treatment = [1, 1, 0, 1, 0, 0]
    >>> round(auuc(y, treatment, [0.9, 0.8, 0.7, 0.3, 0.2, 0.1]), 4)
    0.54
    """
    trial = read_trial(y, treatment, score)
    return float(Area("uplift", trial, normalized=normalized)(None))


def uplift_at_k(
    y: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    *,
    k: float = 0.3,
    strategy: str = "overall",
) -> float:
    """Return the difference of the arms' mean outcomes among the customers with the best scores.

    Parameters
    ----------
    y : array-like of shape (n,)
        What each customer did: 0 or 1, or an amount.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated, assigned at random.
    score : array-like of shape (n,)
        Predicted uplift.
    k : float, default=0.3
        The share of customers at the top, above 0 and at most 1; the number is rounded down.
    strategy : {'overall', 'by_group'}, default='overall'
        Whether the top is that of all customers, or that of each arm.

    Returns
    -------
    float
        NaN if the top holds nobody of an arm.

    Raises
    ------
    InvalidParameterError
        If `k` or `strategy` will not do.
    InvalidDataError
        If lengths differ, a value is missing, or an arm is empty.

    Notes
    -----
    Where the cut falls into customers with equal scores, each of them counts with the share
    that still fits: the mean over all orders of them. Without such ties the value is that of
    scikit-uplift. [1]_

    References
    ----------
    .. [1] Gutierrez and Gerardy (2017), "Causal inference and uplift modelling: a review of
       the literature", PMLR 67.

    Examples
    --------
    >>> y = [1, 1, 0, 0, 1, 0]
    >>> treatment = [1, 1, 0, 1, 0, 0]
    >>> uplift_at_k(y, treatment, [0.9, 0.8, 0.7, 0.3, 0.2, 0.1], k=0.5)
    1.0
    """
    check_values("uplift_at_k", {"k": k, "strategy": strategy}, Top.rules)
    trial = read_trial(y, treatment, score)
    return float(Top(trial, k, by_group=strategy == "by_group")(None))


class Area:
    """The area of a curve, for the sample (``None``) or for resamples."""

    def __init__(self, curve: str, trial: Trial, *, normalized: bool = True) -> None:
        check_values(
            curve, {"normalized": normalized}, {"normalized": InstanceOf((bool,), "a bool")}
        )
        if normalized and curve == "uplift" and not is_binary(trial.outcome):
            message = (
                "a normalised AUUC is defined for outcomes of 0 and 1 only. Ask for "
                "normalized=False, or use qini."
            )
            raise InvalidDataError(message)
        self._curve, self._trial = curve, trial
        self._best = rank(trial, perfect_order(trial, curve)) if normalized else None

    def __call__(self, weights: Floats | None) -> Floats:
        return self.of(rank(self._trial).sums(weights), weights)

    def of(self, sums: Blocks, weights: Floats | None) -> Floats:
        """Return the area, given the sums down the ranking."""
        own = self._area(sums)
        if self._best is None:
            return own / float(self._trial.n) ** 2
        best = self._area(self._best.sums(weights))
        found = np.divide(own, best, out=np.full(np.shape(own), np.nan), where=best > 0)
        return np.asarray(found)

    def _area(self, sums: Blocks) -> Floats:
        heights = sums.qini() if self._curve == "qini" else sums.uplift()
        return sums.area(heights)


class Top:
    """The uplift among the best, for the sample (``None``) or for resamples."""

    rules: ClassVar[Mapping[str, Rule]] = {
        "k": Between(0, 1, open_low=True),
        "strategy": OneOf(("overall", "by_group")),
    }

    def __init__(self, trial: Trial, k: float, *, by_group: bool = False) -> None:
        self._trial, self._k, self._by_group = trial, k, by_group

    def __call__(self, weights: Floats | None) -> Floats:
        return self.of(rank(self._trial).sums(weights), weights)

    def of(self, sums: Blocks, weights: Floats | None) -> Floats:
        """Return the difference, given the sums down the ranking."""
        del weights
        if self._by_group:
            of_treated = self._cut(sums.n_treated, (sums.n_treated, sums.sum_treated))
            of_control = self._cut(sums.n_control, (sums.n_control, sums.sum_control))
        else:
            parts = (sums.n_treated, sums.sum_treated, sums.n_control, sums.sum_control)
            both = self._cut(sums.n, parts)
            of_treated, of_control = both[:2], both[2:]
        return _mean(*of_treated) - _mean(*of_control)

    def _cut(self, along: Floats, parts: tuple[Floats, ...]) -> list[Floats]:
        """Return cumulated values at the share `k` of the customers that `along` counts."""
        wanted = np.trunc(along[..., -1:] * self._k)
        # The block that holds the cut; inside it, everybody counts with the share that fits.
        block = np.sum(along < wanted, axis=-1, keepdims=True)
        before = np.maximum(block - 1, 0)
        first = block == 0

        def ends(values: Floats) -> tuple[Floats, Floats]:
            start = np.where(first, 0.0, np.take_along_axis(values, before, axis=-1))
            return start, np.take_along_axis(values, block, axis=-1)

        low, high = ends(along)
        width = high - low
        share = np.divide(wanted - low, width, out=np.zeros(width.shape), where=width > 0)
        pairs = (ends(values) for values in parts)
        return [(start + share * (end - start))[..., 0] for start, end in pairs]


def _mean(count: Floats, total: Floats) -> Floats:
    found = np.divide(total, count, out=np.full(np.shape(count), np.nan), where=count > 0)
    return np.asarray(found)
