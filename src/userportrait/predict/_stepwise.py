"""Choose the terms of a logistic regression step by step, factors whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy import linalg, special

from userportrait.predict._newton import Fit, fit_logistic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.predict._design import Design

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Direction", "Step", "Stepwise", "joint_test", "score_test"]

_RUN_AWAY = 15.0
_NEAR = 2.0
"""By how much a foretold gain may err at least; else by a tenth of it."""
Direction: TypeAlias = Literal["forward", "backward", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One term in or out.

    Parameters
    ----------
    action : str
        ``'start'``, ``'enter'`` or ``'remove'``.
    term : str
        Empty at the start.
    df : int
    statistic : float
        Of the score test to enter; of the Wald or likelihood-ratio test to stay.
    p_value : float
    log_likelihood, aic, bic : float
        Of the model after the step.
    n_terms : int
        Terms in it, without the intercept.
    """

    action: str
    term: str
    df: int
    statistic: float
    p_value: float
    log_likelihood: float
    aic: float
    bic: float
    n_terms: int


class Stepwise:
    """A search over terms.

    Parameters
    ----------
    design : Design
    y : ndarray of 0.0 and 1.0
    weights : ndarray, optional
    terms : mapping of str to ndarray of int
        Columns of each term, all of them independent.
    criterion : {'p_value', 'aic', 'bic'}
    enter, stay : float
        p-values below which a term enters, and above which it is removed.
    removal : {'wald', 'lr'}
    max_iter : int
        Newton steps of one fit.
    """

    def __init__(
        self,
        design: Design,
        y: Floats,
        weights: Floats | None,
        terms: Mapping[str, Ints],
        *,
        criterion: Literal["p_value", "aic", "bic"],
        enter: float,
        stay: float,
        removal: Literal["wald", "lr"],
        max_iter: int,
    ) -> None:
        self.design, self.y, self.weights = design, y, weights
        self.terms = dict(terms)
        self.criterion, self.enter, self.stay = criterion, enter, stay
        self.removal, self.max_iter = removal, max_iter
        self.n = float(len(y) if weights is None else weights.sum())
        self.path: list[Step] = []

    def run(self, direction: Direction) -> tuple[list[str], Fit]:
        """Return the terms chosen, in the order of the input, and their fit."""
        chosen = set(self.terms) if direction == "backward" else set[str]()
        fit = self._fit(chosen, None)
        self._note("start", "", 0, np.nan, np.nan, chosen, fit)
        seen = {frozenset(chosen)}
        while True:
            moved = False
            if direction != "backward":
                entered = self._enter(chosen, fit)
                if entered is not None:
                    chosen, fit = entered
                    moved = True
            if direction != "forward":
                removed = self._remove(chosen, fit)
                if removed is not None:
                    chosen, fit = removed
                    moved = True
            if not moved or frozenset(chosen) in seen:
                return [name for name in self.terms if name in chosen], fit
            seen.add(frozenset(chosen))

    def _fit(self, chosen: set[str], start: Floats | None) -> Fit:
        columns = [self.terms[name] for name in self.terms if name in chosen]
        whole = np.concatenate([np.zeros(1, dtype=np.intp), *columns])
        return fit_logistic(
            self.design, self.y, self.weights, whole, start=start, max_iter=self.max_iter
        )

    def _price(self, df: int) -> float:
        """Return what `df` more coefficients must gain in twice the log-likelihood."""
        return df * (2.0 if self.criterion == "aic" else float(np.log(self.n)))

    def _value(self, fit: Fit) -> float:
        return -2.0 * fit.log_likelihood + self._price(len(fit.columns))

    def _enter(self, chosen: set[str], fit: Fit) -> tuple[set[str], Fit] | None:
        tests = {
            name: score_test(fit, columns)
            for name, columns in self.terms.items()
            if name not in chosen
        }
        tests = {name: test for name, test in tests.items() if test[1] > 0}
        if self.criterion == "p_value":
            order = sorted(tests, key=lambda name: (tests[name][2], -tests[name][0]))
            order = [name for name in order[:1] if tests[name][2] < self.enter]
        else:
            order = list(tests)
        gains = {name: test[0] - self._price(test[1]) for name, test in tests.items()}
        best = self._best({name: chosen | {name} for name in order}, gains, fit)
        if best is None:
            return None
        name, wider, found = best
        statistic, df, p_value = tests[name]
        self._note("enter", name, df, statistic, p_value, wider, found)
        return wider, found

    def _best(
        self, moves: Mapping[str, set[str]], gains: Mapping[str, float], fit: Fit
    ) -> tuple[str, set[str], Fit] | None:
        """Return the move that gains most; a single one by p-value is taken as it is."""
        if self.criterion == "p_value":
            return next(
                ((n, moved, self._fit(moved, fit.beta)) for n, moved in moves.items()), None
            )
        best: tuple[str, set[str], Fit] | None = None
        most = 0.0
        # The tests only foretell what the criterion gains: near candidates are fitted.
        for name in sorted(moves, key=lambda name: -gains[name]):
            if gains[name] < most - max(_NEAR, 0.1 * most):
                break
            found = self._fit(moves[name], fit.beta)
            gain = self._value(fit) - self._value(found)
            if gain > most + 1e-9:
                best, most = (name, moves[name], found), gain
        return best

    def _remove(self, chosen: set[str], fit: Fit) -> tuple[set[str], Fit] | None:
        tests = {name: self._stay_test(name, chosen, fit) for name in self.terms if name in chosen}
        if self.criterion == "p_value":
            order = sorted(tests, key=lambda name: (-tests[name][2], tests[name][0]))
            order = [name for name in order[:1] if tests[name][2] > self.stay]
        else:
            order = list(tests)
        gains = {name: self._price(test[1]) - test[0] for name, test in tests.items()}
        best = self._best({name: chosen - {name} for name in order}, gains, fit)
        if best is None:
            return None
        name, narrower, found = best
        statistic, df, p_value = tests[name]
        self._note("remove", name, df, statistic, p_value, narrower, found)
        return narrower, found

    def _stay_test(self, name: str, chosen: set[str], fit: Fit) -> tuple[float, int, float]:
        # Wald's test fails where coefficients run away; the likelihood does not.
        if self.removal == "wald" and fit.largest < _RUN_AWAY:
            return joint_test(fit, self.terms[name])
        without = self._fit(chosen - {name}, fit.beta)
        statistic = max(0.0, 2.0 * (fit.log_likelihood - without.log_likelihood))
        df = len(self.terms[name])
        return statistic, df, float(special.chdtrc(df, statistic))

    def _note(
        self,
        action: str,
        term: str,
        df: int,
        statistic: float,
        p_value: float,
        chosen: set[str],
        fit: Fit,
    ) -> None:
        size = len(fit.columns)
        step = Step(
            action=action, term=term, df=df, statistic=statistic, p_value=p_value,
            log_likelihood=fit.log_likelihood,
            aic=2.0 * size - 2.0 * fit.log_likelihood,
            bic=float(np.log(self.n)) * size - 2.0 * fit.log_likelihood,
            n_terms=len(chosen),
        )  # fmt: skip
        self.path.append(step)


def score_test(fit: Fit, columns: Ints) -> tuple[float, int, float]:
    """Return statistic, degrees of freedom and p-value of terms outside a model.

    The gradient and the information of the outside columns at the fit are all that it takes.
    Columns that those in the model explain wholly count for nothing.
    """
    if not np.isfinite(fit.covariance).all():
        return 0.0, 0, 1.0
    beside = fit.gram[np.ix_(fit.columns, columns)]
    left = fit.gram[np.ix_(columns, columns)] - beside.T @ fit.covariance @ beside
    own = np.diag(fit.gram)[columns]
    scale = 1.0 / np.sqrt(np.where(own > 0, own, 1.0))
    values, vectors = linalg.eigh(left * np.outer(scale, scale))
    kept = values > 1e-9
    along = vectors[:, kept].T @ (fit.score[columns] * scale)
    statistic, df = float((along**2 / values[kept]).sum()), int(kept.sum())
    return statistic, df, float(special.chdtrc(df, statistic)) if df else 1.0


def joint_test(fit: Fit, columns: Ints) -> tuple[float, int, float]:
    """Return statistic, degrees of freedom and p-value of Wald's test that all are 0."""
    place = {column: at for at, column in enumerate(fit.columns.tolist())}
    at = [place[column] for column in columns.tolist()]
    beta = fit.beta[columns]
    try:
        solved = linalg.solve(fit.covariance[np.ix_(at, at)], beta, assume_a="pos")
    except linalg.LinAlgError:
        return 0.0, len(at), 1.0
    statistic = max(0.0, float(beta @ solved))
    return statistic, len(at), float(special.chdtrc(len(at), statistic))
