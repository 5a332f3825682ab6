"""Sums over blocks of customers with equal scores, for the sample and for resamples of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.experiment.uplift._trial import Trial

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Blocks", "Ranking", "draw_weights", "perfect_order", "rank"]

_CELLS = 4_000_000  # of one array of resamples, 32 MB


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Cumulated sums down a ranking, at the end of each block; the last axis runs over blocks.

    Parameters
    ----------
    n, n_treated : ndarray of float64
        Customers, and treated ones.
    sum_treated, sum_control : ndarray of float64
        Outcomes of both arms.
    """

    n: Floats
    n_treated: Floats
    sum_treated: Floats
    sum_control: Floats

    @property
    def n_control(self) -> Floats:
        """Customers who were not treated."""
        return self.n - self.n_treated

    def qini(self) -> Floats:
        """Return extra outcomes among the treated, controls scaled to their number."""
        share = _divide(self.n_treated, self.n_control)
        return self.sum_treated - self.sum_control * share

    def uplift(self) -> Floats:
        """Return the difference of the arms' means, times the customers so far."""
        treated = _divide(self.sum_treated, self.n_treated)
        return (treated - _divide(self.sum_control, self.n_control)) * self.n

    def area(self, heights: Floats) -> Floats:
        """Return the area between a curve and the straight line to its end, by trapezoids."""
        x = np.concatenate([np.zeros((*self.n.shape[:-1], 1)), self.n], axis=-1)
        y = np.concatenate([np.zeros((*heights.shape[:-1], 1)), heights], axis=-1)
        steps = np.diff(x, axis=-1) * (y[..., 1:] + y[..., :-1]) / 2
        return np.asarray(steps.sum(axis=-1) - x[..., -1] * y[..., -1] / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Customers best first, cut into blocks of equal scores."""

    treated: Floats
    outcome: Floats
    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    def sums(self, weights: Floats | None = None) -> Blocks:
        """Cumulate down the ranking; `weights` (..., n) say how often each customer counts."""
        weight = np.ones(len(self.order)) if weights is None else weights[..., self.order]
        treated = weight * self.treated
        parts = (weight, treated, treated * self.outcome, (weight - treated) * self.outcome)
        return Blocks(*(self._cumulated(part) for part in parts))

    def _cumulated(self, values: Floats) -> Floats:
        blocks = np.add.reduceat(values, self.starts, axis=-1)
        return np.asarray(np.cumsum(blocks, axis=-1))


def rank(trial: Trial, score: Floats | None = None) -> Ranking:
    """Rank customers by a score, the highest first; equal scores form one block."""
    values = trial.score if score is None else score
    order = np.argsort(-values, kind="stable")
    found = values[order]
    starts = np.flatnonzero(np.r_[True, found[1:] != found[:-1]])
    treated = trial.treated[order].astype(np.float64)
    return Ranking(treated, trial.outcome[order], order, starts)


def perfect_order(trial: Trial, curve: str) -> Floats:
    """Return the scores that make a curve's area largest, as scikit-uplift defines them."""
    treated = trial.treated.astype(np.float64)
    if curve == "qini":
        return np.asarray(trial.outcome * (2 * treated - 1))
    helped = np.sum((trial.outcome == 1) & ~trial.treated)
    lost = np.sum((trial.outcome == 0) & trial.treated)
    return 2.0 * (trial.outcome == treated) + (trial.outcome if helped > lost else treated)


def draw_weights(trial: Trial, n_resamples: int, random_state: int | None) -> Iterator[Floats]:
    """Yield bootstrap weights, some resamples at a time; each arm keeps its size."""
    rng = np.random.default_rng(random_state)
    arms = [np.flatnonzero(trial.treated), np.flatnonzero(~trial.treated)]
    at_once = max(1, _CELLS // trial.n)
    for start in range(0, n_resamples, at_once):
        rows = min(at_once, n_resamples - start)
        weights = np.zeros((rows, trial.n))
        for row in weights:
            for arm in arms:
                drawn = rng.integers(0, len(arm), len(arm))
                row[arm] = np.bincount(drawn, minlength=len(arm))
        yield weights


def _divide(left: Floats, right: Floats) -> Floats:
    return np.divide(left, right, out=np.zeros(np.shape(left)), where=right != 0)
