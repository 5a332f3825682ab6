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

_CELLS = 250_000  # of one array of resamples: 2 MB stay in the cache
_FEW = 16  # blocks whose sums a matrix product finds faster


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
        x, y = self.n, heights
        inner = np.sum(np.diff(x, axis=-1) * (y[..., 1:] + y[..., :-1]), axis=-1)
        return np.asarray((inner + x[..., 0] * y[..., 0] - x[..., -1] * y[..., -1]) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Customers best first, cut into blocks of equal scores."""

    treated: Floats
    outcome: Floats
    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    def sums(self, weights: Floats | None = None) -> Blocks:
        """Cumulate down the ranking; `weights` (..., n) say how often each customer counts."""
        if weights is not None and len(self.starts) <= _FEW:
            return self._few(weights)
        weight = np.ones(len(self.order)) if weights is None else self._sorted(weights)
        treated = weight * self.treated
        parts = (weight, treated, treated * self.outcome, (weight - treated) * self.outcome)
        return Blocks(*(self._cumulated(part) for part in parts))

    def _cumulated(self, values: Floats) -> Floats:
        if len(self.starts) < len(self.order):
            values = np.add.reduceat(values, self.starts, axis=-1)
        return np.asarray(np.cumsum(values, axis=-1))

    def _sorted(self, weights: Floats) -> Floats:
        is_sorted = bool((self.order[1:] > self.order[:-1]).all())
        return weights if is_sorted else weights[..., self.order]

    def _few(self, weights: Floats) -> Blocks:
        """Multiply by columns of 0 and 1 that say who is in a block or above it."""
        above = (np.arange(len(self.order))[:, None] < self._ends()).astype(np.float64)
        flag, outcome = self.treated[:, None], self.outcome[:, None]
        parts = [above, above * flag, above * flag * outcome, above * (1 - flag) * outcome]
        columns = np.empty((len(self.order), 4 * len(self.starts)))
        columns[self.order] = np.hstack(parts)
        found = weights @ columns
        n = len(self.starts)
        return Blocks(*(found[..., part * n : (part + 1) * n] for part in range(4)))

    def _ends(self) -> NDArray[np.int64]:
        return np.append(self.starts[1:], len(self.order))


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
    summand = trial.outcome if helped > lost else treated
    return np.asarray(2.0 * (trial.outcome == treated) + summand)


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
