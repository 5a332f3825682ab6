"""What another policy would have earned, from what was shown at random."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import t as student

from userportrait._core.display import format_count
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import DataWarning, InvalidParameterError, MissingColumnError, unknown_name
from userportrait.recommend._off_policy_methods import (
    ESTIMATORS,
    Estimate,
    Evidence,
    mean_of,
    reward_model,
    weights_of,
)
from userportrait.recommend._off_policy_table import Log, Policy, read_log, read_policy
from userportrait.recommend._off_policy_value import PolicyValue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame, Recommends

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["evaluate_policy"]

_OWNER = "evaluate_policy"
_METHODS = ("ips", "snips", "dr", "dm")
Slates: TypeAlias = Literal["independent", "cascade", "whole"]


def evaluate_policy(
    logged: IntoFrame,
    policy: IntoFrame | Recommends | None = None,
    *,
    methods: str | Iterable[str] | None = None,
    slates: Slates = "independent",
    clip: float | None = None,
    filter_seen: bool = True,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
) -> PolicyValue:
    """Estimate what another policy would have earned, from a log with known chances.

    Lists that are judged by what customers bought favour whatever was shown to them. If the log
    says with what chance each item was shown, that can be undone.

    Parameters
    ----------
    logged : frame
        One row per item shown: `reward` (a click, an amount) and `propensity`, the chance with
        which the old policy showed this item here. `customer_id` and `item_id` where `policy`
        is given. Items shown together share an `impression_id` and have a `position`, 1, 2, …;
        without it each row is an impression of its own. Optionally `target_propensity`;
        `predicted`, the reward that a model foretells for the row, and `predicted_policy`, the
        one it foretells for what the new policy would show here.
    policy : frame or object that recommends, optional
        What the new policy does for each customer: a frame with `customer_id`, `item_id` and
        `probability` (and `position`, for impressions of several items), or lists as in
        `evaluate_ranking`, of which each position shows the item of that rank. By default
        `logged` has a column `target_propensity`, the new policy's chance of showing what was
        shown.
    methods : str or iterable of {'ips', 'snips', 'dr', 'dm'}, optional
        By default all that the data allow, but ``'dm'``; see Notes.
    slates : {'independent', 'cascade', 'whole'}, default='independent'
        What a reward at a position of an impression depends on: on the item there, also on
        those above, or on all of them. The fewer, the less noise, and the more is assumed.
        Propensities are those of the item at its position (``'independent'``), or of the item
        given those above it.
    clip : float, optional
        Weights above are cut to it: less noise, and a bias towards 0.
    filter_seen : bool, default=True
        Passed to ``recommend`` where `policy` has it.
    confidence_level : float, default=0.95
        Of the intervals.
    random_state : int, optional, default=0
        Seed of the folds of the reward model.

    Returns
    -------
    PolicyValue

    Raises
    ------
    MissingColumnError, ColumnTypeError
        If a column is missing or has a type it cannot have.
    InvalidDataError
        If a propensity is not in (0, 1], a chance of the policy is not in [0, 1], its chances
        for a customer and position do not sum to 1, or it says nothing of a customer.
    InvalidParameterError
        If a method is unknown or lacks what it needs, or a parameter does not fit.

    Warns
    -----
    DataWarning
        If fewer than 100 impressions, or fewer than 1 % of them, count in effect; or if the
        mean weight is too far from 1 for chance. Silence it with
        ``warnings.simplefilter("ignore", DataWarning)``.

    Notes
    -----
    Let w be the policy's chance over the propensity, of each row; a product of several under
    ``'cascade'`` and ``'whole'``.

    - ``ips``, inverse propensity scoring, the mean of w times reward: without bias, and noisy.
      [1]_
    - ``snips``, self-normalised, the sum of w times reward over that of w, position by
      position: a little bias, often much less noise, and a constant added to rewards is added
      to the value. [2]_
    - ``dr``, doubly robust: what a reward model foretells for the policy, and ``ips`` of what
      the model gets wrong. Without bias whatever the model, less noise the better it is. [3]_
    - ``dm``, the model alone: as wrong as the model.

    The model is that of `predicted` and `predicted_policy`, which must not have learned from
    these rows. Without them, and with a `policy`, it is the mean reward of each item beside
    the mean of its position, from the other four fifths of the customers, with 10 showings of
    average reward added.

    Impressions of one customer count as one unit, so intervals allow for their likeness. They
    come from the estimate's influence function, with Student's t of as many degrees of freedom
    as units count in effect. With few such units no interval can be trusted: a reward that the
    policy likes and the log nearly never shows is not in the data.

    References
    ----------
    .. [1] Horvitz and Thompson (1952), "A generalization of sampling without replacement from a
       finite universe", Journal of the American Statistical Association 47(260).
    .. [2] Swaminathan and Joachims (2015), "The self-normalized estimator for counterfactual
       learning", NIPS.
    .. [3] Dudík, Langford and Li (2011), "Doubly robust policy evaluation and learning", ICML.
    .. [4] McInerney et al. (2020), "Counterfactual evaluation of slate recommendations with
       sequential reward interactions", KDD.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 2, 3, 4] * 100,
    ...         "item_id": ["tea", "cup", "tea", "cup"] * 100,
    ...         "reward": [1, 0, 1, 1] * 100,
    ...         "propensity": [0.5] * 400,
    ...     }
    ... )
    >>> always_tea = pd.DataFrame({"customer_id": [1, 2, 3, 4], "item_id": ["tea"] * 4})
    >>> found = evaluate_policy(log, always_tea.assign(rank=1), methods=["ips", "snips"])
    >>> found.logged_value, found.value("ips"), found.value("snips")
    (0.75, 1.0, 1.0)
    """
    rules: dict[str, Any] = {
        "slates": OneOf(("independent", "cascade", "whole")),
        "clip": Optional(Between(0.0, float("inf"), open_low=True)),
        "filter_seen": InstanceOf((bool,), "a bool"),
        "confidence_level": Between(0.0, 1.0, open_low=True, open_high=True),
        "random_state": Optional(Between(0, 2**63, integer=True)),
    }
    given = {
        "slates": slates,
        "clip": clip,
        "filter_seen": filter_seen,
        "confidence_level": confidence_level,
        "random_state": random_state,
    }
    check_values(_OWNER, given, rules)
    wanted = None if methods is None else _read_methods(methods)
    log = read_log(logged)
    plan = None if policy is None else read_policy(policy, log, filter_seen=filter_seen)
    problem = _model_problem(log, plan, slates)
    chosen = wanted or ("ips", "snips", *(("dr",) if problem is None else ()))
    if problem is not None and {"dr", "dm"} & set(chosen):
        raise InvalidParameterError(_OWNER, [problem])
    weights, n_clipped = weights_of(log, _chances(log, plan), slates, clip)
    model = reward_model(log, plan, random_state) if {"dr", "dm"} & set(chosen) else None
    return _valued(Evidence(log, weights, model), chosen, confidence_level, n_clipped)


def _read_methods(methods: str | Iterable[str]) -> tuple[str, ...]:
    names = [methods] if isinstance(methods, str) else list(methods)
    problems = [unknown_name("method", str(n), _METHODS) for n in names if n not in _METHODS]
    if not names:
        problems.append("methods must name at least one, such as 'snips'.")
    if problems:
        raise InvalidParameterError(_OWNER, problems)
    return tuple(dict.fromkeys(names))


def _model_problem(log: Log, policy: Policy | None, slates: str) -> str | None:
    """Say why no reward model can be had; None if one can."""
    if slates == "whole" and log.n_positions > 1:
        return "methods: 'dr' and 'dm' need slates='independent' or 'cascade'."
    if {"predicted", "predicted_policy"} <= set(log.columns) or policy is not None:
        return None
    return "methods: 'dr' and 'dm' need policy=, or columns 'predicted' and 'predicted_policy'."


def _chances(log: Log, policy: Policy | None) -> Floats:
    if policy is not None:
        return policy.of_rows(log)
    if "target_propensity" not in log.columns:
        role = f"{_OWNER} needs policy=, or this column"
        raise MissingColumnError("target_propensity", ["reward", "propensity", *log.columns], role)
    return log.columns["target_propensity"]


def _valued(
    given: Evidence, methods: tuple[str, ...], confidence_level: float, n_clipped: int
) -> PolicyValue:
    log, own = given.log, given.weights.own
    earned = mean_of(log.sum_by_impression(log.reward))
    n_effective = min(_n_effective(own[log.position == place]) for place in range(log.n_positions))
    clusters = np.unique(log.cluster, return_inverse=True)[1].reshape(-1)
    n_clusters = int(clusters.max()) + 1
    by_cluster: Any = np.bincount(clusters, weights=log.sum_by_impression(own))
    freedom = max(_n_effective(by_cluster) - 1.0, 1.0)
    spread = float(student.ppf(0.5 + confidence_level / 2.0, freedom))
    rows: list[dict[str, Any]] = []
    for name in methods:
        found = ESTIMATORS[name](given)
        half = spread * _error(found.influence, clusters)
        difference = found.value - earned.value
        half_difference = spread * _error(found.influence - earned.influence, clusters)
        rows.append(
            {
                "method": name,
                "value": found.value,
                "ci_low": found.value - half,
                "ci_high": found.value + half,
                "difference": difference,
                "difference_low": difference - half_difference,
                "difference_high": difference + half_difference,
            }
        )
    mean_weight = mean_of(log.sum_by_impression(own) / np.bincount(log.impression))
    _warn(log, n_effective, mean_weight, clusters, n_clipped)
    return PolicyValue(
        estimates=pd.DataFrame(rows),
        logged_value=earned.value,
        n_impressions=log.n_impressions,
        n_clusters=n_clusters,
        n_effective=n_effective,
        mean_weight=mean_weight.value,
        largest_weight=float(own.max()),
        share_overlapping=given.weights.overlap,
        n_clipped=n_clipped,
    )


def _n_effective(weight: NDArray[Any]) -> float:
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def _error(influence: Floats, clusters: NDArray[np.intp]) -> float:
    """Return the standard error of a mean of impressions that come in clusters."""
    total = np.bincount(clusters, weights=influence)
    n = len(total)
    if n < 2:
        return float("nan")
    return float(np.sqrt(n / (n - 1.0) * (total**2).sum()) / len(influence))


def _warn(
    log: Log,
    n_effective: float,
    mean_weight: Estimate,
    clusters: NDArray[np.intp],
    n_clipped: int,
) -> None:
    found: list[str] = []
    if n_effective < max(100.0, 0.01 * log.n_impressions):
        found.append(
            f"only {n_effective:,.0f} of {format_count(log.n_impressions, 'impression')} count in "
            f"effect: the policy rarely shows what the log shows, and estimates may be far off"
        )
    error = _error(mean_weight.influence, clusters)
    if not n_clipped and abs(mean_weight.value - 1.0) > 4.0 * error + 1e-6:
        found.append(
            f"the mean weight is {mean_weight.value:.3f}, not 1: propensities do not fit, or the "
            f"policy shows what the log never does"
        )
    if found:
        message = (
            f"{_OWNER}: {'; '.join(found)}. "
            f"Silence this with warnings.simplefilter('ignore', DataWarning)."
        )
        warnings.warn(message, DataWarning, stacklevel=4)
