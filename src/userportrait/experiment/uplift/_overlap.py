"""Whether treated and other customers can be compared: random assignment, balance, overlap."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import fdtrc

from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import Between, OneOf, Rule, check_values
from userportrait.errors import DataWarning, InvalidDataError
from userportrait.experiment.uplift._features import Encoder, read_table
from userportrait.experiment.uplift._folds import make_folds
from userportrait.experiment.uplift._linear import Learner, Linear, Wrapped
from userportrait.experiment.uplift._trial import (
    as_flags,
    as_shares,
    check_arms,
    check_lengths,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

__all__ = [
    "Overlap",
    "Poor",
    "check_overlap",
    "estimate_chances",
    "judge_overlap",
    "report_overlap",
]

Poor: TypeAlias = Literal["raise", "warn", "ignore"]
MOST_WEIGHT = 10.0
MOST_OUTSIDE = 0.05
ALARM = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How comparable treated customers and others are.

    Parameters
    ----------
    n_treated, n_control : int
    random_p_value : float
        Of the test that no feature tells who was treated. Below 0.001, the assignment was
        most likely not random.
    share_outside : float
        Share of customers whose likes are hardly found in the other arm: their own weight, the
        arm's share divided by their chance to be in it, would be above 10 in either arm.
    effective_treated, effective_control : float
        Customers that each arm is worth after weighting by inverse chances.
    balance : tuple of (str, float, float)
        Features with their standardised difference between the arms, before and after
        weighting; the largest after weighting first.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.normal(50, 10, 1000)})
    >>> found = check_overlap(X, rng.integers(0, 2, 1000))
    >>> found.is_random, found.is_poor
    (True, False)
    """

    n_treated: int
    n_control: int
    random_p_value: float
    share_outside: float
    effective_treated: float
    effective_control: float
    balance: tuple[tuple[str, float, float], ...]

    @property
    def is_random(self) -> bool:
        """Whether the features tell nothing of who was treated."""
        return self.random_p_value >= ALARM

    @property
    def is_poor(self) -> bool:
        """Whether more than 5 % of the customers have hardly a match in the other arm."""
        return self.share_outside > MOST_OUTSIDE

    def to_frame(self) -> pd.DataFrame:
        """Return one row per feature: `feature, difference, weighted_difference`."""
        return pd.DataFrame(self.balance, columns=["feature", "difference", "weighted_difference"])

    def to_dict(self) -> dict[str, float]:
        """Return the figures, without those of each feature."""
        names = ("n_treated", "n_control", "random_p_value", "share_outside")
        found = {name: getattr(self, name) for name in names}
        return found | {
            "effective_treated": self.effective_treated,
            "effective_control": self.effective_control,
        }

    def __str__(self) -> str:
        how = "random" if self.is_random else "not random"
        return (
            f"{self.n_treated:,} treated, {self.n_control:,} not; assignment looks {how} "
            f"(p={self.random_p_value:.2g}); {self.share_outside:.1%} without a match"
        )

    def _repr_html_(self) -> str:
        return page_fragment("Overlap", definition_list(self.to_dict()))


_RULES: Mapping[str, Rule] = {
    "poor": OneOf(("raise", "warn", "ignore")),
    "n_folds": Between(2, 100, integer=True),
    "random_state": Between(0, 2**32 - 1, integer=True),
}


def check_overlap(
    X: IntoFrame | ArrayLike,
    treatment: ArrayLike,
    *,
    propensity: Any = None,
    poor: Poor = "ignore",
    n_folds: int = 5,
    random_state: int = 0,
) -> Overlap:
    """Ask whether treated customers and others can be compared.

    Parameters
    ----------
    X : frame or array-like of shape (n, k)
        Facts from before the treatment; a column `customer_id` is left out.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated.
    propensity : array-like of shape (n,) or classifier, optional
        The chances of treatment, or what learns them. By default a logistic regression,
        cross-fitted.
    poor : {'raise', 'warn', 'ignore'}, default='ignore'
        What to do if the overlap is poor.
    n_folds : int, default=5
    random_state : int, default=0

    Returns
    -------
    Overlap

    Raises
    ------
    InvalidDataError
        If the overlap is poor and `poor` is ``'raise'``, or the data will not do.

    Notes
    -----
    The test of randomness is the F test of a linear regression of the treatment on the
    features. Where customers have no match in the other arm, weights explode and effects rest
    on a few of them, or on extrapolation: leave out those customers and say so. [1]_

    References
    ----------
    .. [1] Crump, Hotz, Imbens and Mitnik (2009), "Dealing with limited overlap in estimation
       of average treatment effects", Biometrika 96(1), 187-199.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> spend = rng.normal(50, 10, 1000)
    >>> print(check_overlap(pd.DataFrame({"spend": spend}), spend > 50))
    466 treated, 534 not; assignment looks not random (p=3.9e-218); 69.8% without a match
    """
    values = {"poor": poor, "n_folds": n_folds, "random_state": random_state}
    check_values("check_overlap", values, _RULES)
    table = read_table(X)
    treated = as_flags(treatment, "treatment")
    check_lengths(X=table.n, treatment=len(treated))
    check_arms(treated)
    encoder = Encoder().fit(table)
    matrix = encoder.transform(table).linear
    if propensity is None or hasattr(propensity, "fit"):
        model = propensity
        chance = estimate_chances(matrix, treated, model, n_folds, random_state)
    else:
        chance = as_shares(propensity, "propensity", table.n)
    found = judge_overlap(matrix, encoder.names, treated, chance)
    report_overlap(found, poor)
    return found


def estimate_chances(
    matrix: Floats, treated: Bools, base: Any, n_folds: int, random_state: int
) -> Floats:
    """Return each customer's chance of treatment, learned without the customer's fold."""
    flag = treated.astype(np.float64)
    folds = make_folds(matrix, flag, treated, n_folds, random_state)
    found = np.empty(len(treated))
    for fold in range(n_folds):
        out = folds == fold
        model = chance_model(base)
        model.fit(matrix[~out], flag[~out])
        found[out] = model.predict(matrix[out])
    return clip_chances(found)


def clip_chances(chance: Floats) -> Floats:
    """Keep chances off 0 and 1."""
    return np.clip(chance, 1e-4, 1 - 1e-4)


def chance_model(base: Any) -> Learner:
    """Return a fresh model of the chance of treatment."""
    return Linear(binary=True, l2=1.0) if base is None else Wrapped(base, binary=True)


def judge_overlap(matrix: Floats, names: list[str], treated: Bools, chance: Floats) -> Overlap:
    """Compare the arms."""
    share = float(treated.mean())
    heaviest = np.maximum(share / chance, (1 - share) / (1 - chance))
    weight = np.where(treated, share / chance, (1 - share) / (1 - chance))
    before = _differences(matrix, treated, np.ones(len(treated)))
    after = _differences(matrix, treated, weight)
    order = np.lexsort((-np.abs(before), -np.abs(after))).tolist()
    return Overlap(
        n_treated=int(treated.sum()),
        n_control=int((~treated).sum()),
        random_p_value=_random_p(matrix, treated),
        share_outside=float((heaviest > MOST_WEIGHT).mean()),
        effective_treated=_effective(weight[treated]),
        effective_control=_effective(weight[~treated]),
        balance=tuple((names[int(i)], float(before[i]), float(after[i])) for i in order),
    )


def report_overlap(found: Overlap, poor: Poor, *, depth: int = 3) -> None:
    """Raise or warn if the overlap is poor; `depth` calls up is the caller's line."""
    if not found.is_poor or poor == "ignore":
        return
    message = (
        f"{found.share_outside:.1%} of the customers have hardly a match in the other arm, so "
        "that their uplift would be a guess. Leave out those who are nearly always or nearly "
        "never treated, or set overlap='warn'."
    )
    if poor == "raise":
        raise InvalidDataError(message)
    warnings.warn(message, DataWarning, stacklevel=depth)


def _differences(matrix: Floats, treated: Bools, weight: Floats) -> Floats:
    """Return weighted differences of means; the columns are standardised."""
    means = [
        (weight[arm] @ matrix[arm]) / max(weight[arm].sum(), 1e-300) for arm in (treated, ~treated)
    ]
    return np.asarray(means[0] - means[1])


def _effective(weight: Floats) -> float:
    return float(weight.sum() ** 2 / max(float(weight @ weight), 1e-300))


def _random_p(matrix: Floats, treated: Bools) -> float:
    """Return the p-value of the F test of a regression of the treatment on the features."""
    flag = treated - treated.mean()
    apart = matrix - matrix.mean(axis=0)
    values, vectors = np.linalg.eigh(apart.T @ apart)
    kept = values > 1e-9 * max(float(values.max(initial=0.0)), 1e-300)
    n_free, n_rest = int(kept.sum()), len(flag) - 1 - int(kept.sum())
    if n_free == 0 or n_rest < 1:
        return 1.0
    along = (vectors[:, kept].T @ (apart.T @ flag)) / np.sqrt(values[kept])
    explained, total = float(along @ along), float(flag @ flag)
    ratio = (explained / n_free) / max((total - explained) / n_rest, 1e-300)
    return float(fdtrc(n_free, n_rest, ratio))
