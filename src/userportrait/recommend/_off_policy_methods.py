"""Estimators of what another policy earns: by weights, by a reward model, by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._off_policy_table import Log, Policy

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["ESTIMATORS", "Estimate", "Evidence", "mean_of", "reward_model", "weights_of"]

_N_FOLDS = 5
_PRIOR = 10.0
"""Showings of average reward that are added to every item's own."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each row counts, and what the rows above it count."""

    own: Floats
    above: Floats
    overlap: float


def weights_of(log: Log, chance: Floats, slates: str, clip: float | None) -> tuple[Weights, int]:
    single = chance / log.propensity
    own, above = single, np.ones(len(single))
    if slates != "independent" and log.n_positions > 1:
        own, above = _products(log, single)
        if slates == "whole":
            last = np.append(log.starts[1:], len(single)) - 1
            own = own[last][log.impression]
    overlap = float(np.count_nonzero(chance > 0) / len(chance))
    if clip is None:
        return Weights(own, above, overlap), 0
    n_clipped = int(np.count_nonzero(own > clip))
    return Weights(np.minimum(own, clip), np.minimum(above, clip), overlap), n_clipped


def _products(log: Log, single: Floats) -> tuple[Floats, Floats]:
    """Return the product of the ratios down to each row, and down to the one above."""
    own, above = single.copy(), np.ones(len(single))
    for place in range(1, log.n_positions):
        rows = np.flatnonzero(log.position == place)
        above[rows] = own[rows - 1]
        own[rows] = own[rows - 1] * single[rows]
    return own, above


@dataclass(frozen=True, slots=True)
class Model:
    """The reward foretold for each row, and for what the policy would show there."""

    shown: Floats
    policy: Floats


def reward_model(log: Log, policy: Policy | None, random_state: int | None) -> Model:
    """Return what is foretold in the log's columns, or else by the means of items."""
    if {"predicted", "predicted_policy"} <= set(log.columns):
        return Model(log.columns["predicted"], log.columns["predicted_policy"])
    return _item_means(log, cast("Policy", policy), random_state)


def _item_means(log: Log, policy: Policy, random_state: int | None) -> Model:
    """Foretell by item and position, each fold of customers from the other folds."""
    n_customers, n_positions = len(log.customer_ids), log.n_positions
    shuffled = np.random.default_rng(random_state).permutation(n_customers)
    fold_of = np.empty(n_customers, dtype=np.int64)
    fold_of[shuffled] = np.arange(n_customers) % min(_N_FOLDS, n_customers)
    n_items = int(max(policy.item.max(initial=0), log.item.max(initial=0))) + 1
    inside = policy.position < n_positions
    shown, by_policy = np.zeros(len(log.reward)), np.zeros(n_customers * n_positions)
    for fold in range(int(fold_of.max()) + 1):
        learn = fold_of[log.customer] != fold
        if not learn.any():
            learn = np.ones(len(learn), dtype=bool)  # one customer: there is nobody else
        place = log.position[learn]
        counts = np.bincount(place, minlength=n_positions)
        sums = np.bincount(place, weights=log.reward[learn], minlength=n_positions)
        base = sums / np.maximum(counts, 1)
        item = log.item[learn]
        more = np.bincount(item, weights=log.reward[learn] - base[place], minlength=n_items)
        extra = more / (np.bincount(item, minlength=n_items) + _PRIOR)
        rows = fold_of[log.customer] == fold
        shown[rows] = base[log.position[rows]] + extra[log.item[rows]]
        parts = inside & (fold_of[policy.customer] == fold)
        foretold = base[policy.position[parts]] + extra[policy.item[parts]]
        key = policy.customer[parts] * n_positions + policy.position[parts]
        by_policy += np.bincount(
            key, weights=policy.probability[parts] * foretold, minlength=len(by_policy)
        )
    return Model(shown, by_policy[log.customer * n_positions + log.position])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over impressions, and how much each impression moves it."""

    value: float
    influence: Floats


def mean_of(values: Floats) -> Estimate:
    value = float(values.mean())
    return Estimate(value, values - value)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an estimator works with; `model` is None unless one of them asks for it."""

    log: Log
    weights: Weights
    model: Model | None

    @property
    def foretold(self) -> Model:
        """The model, where there is one."""
        return cast("Model", self.model)


def _ips(given: Evidence) -> Estimate:
    log = given.log
    return mean_of(log.sum_by_impression(given.weights.own * log.reward))


def _snips(given: Evidence) -> Estimate:
    log, own = given.log, given.weights.own
    n_positions, n = log.n_positions, log.n_impressions
    count = np.bincount(log.position, minlength=n_positions)
    below = np.bincount(log.position, weights=own, minlength=n_positions)
    above = np.bincount(log.position, weights=own * log.reward, minlength=n_positions)
    if (below == 0).any():
        return Estimate(float("nan"), np.full(n, np.nan))
    mean = above / below
    share = (count / below)[log.position]
    rows = own * (log.reward - mean[log.position]) * share + mean[log.position]
    value = float((mean * count).sum() / n)
    return Estimate(value, log.sum_by_impression(rows) - value)


def _dr(given: Evidence) -> Estimate:
    log, weights, model = given.log, given.weights, given.foretold
    rows = weights.own * (log.reward - model.shown) + weights.above * model.policy
    return mean_of(log.sum_by_impression(rows))


def _dm(given: Evidence) -> Estimate:
    return mean_of(given.log.sum_by_impression(given.foretold.policy))


ESTIMATORS: Mapping[str, Callable[[Evidence], Estimate]] = {
    "ips": _ips,
    "snips": _snips,
    "dr": _dr,
    "dm": _dm,
}
