"""The ways to learn an effect from customers who were treated and customers who were not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from scipy.special import expit

from userportrait.experiment.uplift._folds import make_folds
from userportrait.experiment.uplift._linear import (
    Learner,
    Linear,
    Wrapped,
    fit_logistic,
    fit_ridge,
    with_constant,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from userportrait.experiment.uplift._features import Design

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["KINDS", "EffectModel", "Lesson", "cross_fit_arms", "learn_effect"]


class EffectModel(Protocol):
    """A learned effect."""

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer, given the chances of being treated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What there is to learn from, and how.

    Parameters
    ----------
    design : Design
    outcome : ndarray of float64, shape (n,)
    treated : ndarray of bool, shape (n,)
    chance : ndarray of float64, shape (n,)
        Of being treated.
    binary : bool
        Whether outcomes are 0 and 1.
    base, effect_base : estimator or None
        Models of outcomes and of effects; None for the library's own.
    l2, l2_effect : float
        Penalties on main effects, and on differences between customers in the effect.
    n_folds, random_state : int
    """

    design: Design
    outcome: Floats
    treated: NDArray[np.bool_]
    chance: Floats
    binary: bool
    base: Any
    effect_base: Any
    l2: float
    l2_effect: float
    n_folds: int
    random_state: int

    @property
    def x(self) -> Floats:
        """Standardised features."""
        return self.design.linear

    @property
    def flag(self) -> Floats:
        """1 for treated customers, 0 for others."""
        return self.treated.astype(np.float64)

    def outcome_model(self) -> Learner:
        """Return a fresh model of outcomes."""
        if self.base is None:
            return Linear(binary=self.binary, l2=self.l2)
        return Wrapped(self.base, binary=self.binary)

    def effect_model(self) -> Learner:
        """Return a fresh model of effects, which are amounts whatever the outcome is."""
        if self.effect_base is None:
            return Linear(binary=False, l2=self.l2_effect)
        return Wrapped(self.effect_base, binary=False)

    def folds(self) -> NDArray[np.int64]:
        """Return the fold of each customer."""
        return make_folds(self.x, self.outcome, self.treated, self.n_folds, self.random_state)


def learn_effect(kind: str, lesson: Lesson) -> EffectModel:
    """Learn by one of `KINDS`."""
    return KINDS[kind](lesson)


class Interacted:
    """One regression with curved main effects and an effect that is linear in the features.

    Main effects are easy to learn, differences in the effect are not: so the former may bend
    and are hardly shrunk, the latter are straight and shrunk more.
    """

    def __init__(self, lesson: Lesson) -> None:
        self._binary = lesson.binary
        self._share = float(lesson.flag.mean())
        main = np.column_stack([lesson.x, lesson.design.steps])
        flag = lesson.flag - self._share
        matrix = np.column_stack([with_constant(main), flag, lesson.x * flag[:, None]])
        penalty = np.r_[
            0.0,
            np.full(lesson.x.shape[1], lesson.l2),
            np.full(lesson.design.steps.shape[1], 10 * lesson.l2),
            0.0,
            np.full(lesson.x.shape[1], lesson.l2_effect),
        ]
        find = fit_logistic if lesson.binary else fit_ridge
        found = find(matrix, lesson.outcome, penalty)
        n_main = 1 + main.shape[1]
        self._main, self._effect = found[:n_main], found[n_main:]

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        effect = with_constant(design.linear) @ self._effect
        if not self._binary:
            return effect
        line = with_constant(np.column_stack([design.linear, design.steps])) @ self._main
        without, treated = line - self._share * effect, line + (1 - self._share) * effect
        return np.asarray(expit(treated) - expit(without))


class OneModel:
    """S: one model of the outcome with the treatment as a feature."""

    def __init__(self, lesson: Lesson) -> None:
        # A regression without interactions would predict one and the same effect for everybody.
        self._crossed = lesson.base is None
        self._model = lesson.outcome_model()
        self._model.fit(self._with(lesson.x, lesson.flag), lesson.outcome)

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        n = len(design.linear)
        treated, without = (
            self._model.predict(self._with(design.linear, flag))
            for flag in (np.ones(n), np.zeros(n))
        )
        return treated - without

    def _with(self, x: Floats, flag: Floats) -> Floats:
        parts = [x, flag[:, None]] + ([x * flag[:, None]] if self._crossed else [])
        return np.column_stack(parts)


class TwoModels:
    """T: a model of the outcome for each arm."""

    def __init__(self, lesson: Lesson) -> None:
        self.models = [lesson.outcome_model(), lesson.outcome_model()]
        for model, rows in zip(self.models, (~lesson.treated, lesson.treated), strict=True):
            model.fit(lesson.x[rows], lesson.outcome[rows])

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        without, treated = (model.predict(design.linear) for model in self.models)
        return treated - without


class Crossed:
    """X: what each arm lacked, imputed by the other arm's model, then weighted by propensity."""

    def __init__(self, lesson: Lesson) -> None:
        outcome_0, outcome_1 = TwoModels(lesson).models
        treated, control = lesson.treated, ~lesson.treated
        x, y = lesson.x, lesson.outcome
        self._models = [lesson.effect_model(), lesson.effect_model()]
        self._models[0].fit(x[control], outcome_1.predict(x[control]) - y[control])
        self._models[1].fit(x[treated], y[treated] - outcome_0.predict(x[treated]))

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        of_control, of_treated = (model.predict(design.linear) for model in self._models)
        return chance * of_control + (1 - chance) * of_treated


class Residual:
    """R: residual outcomes on residual treatment, both cross-fitted."""

    def __init__(self, lesson: Lesson) -> None:
        mean = cross_fit_mean(lesson)
        rest = lesson.flag - lesson.chance
        self._model = lesson.effect_model()
        self._model.fit(lesson.x, (lesson.outcome - mean) / rest, rest**2)

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        return self._model.predict(design.linear)


class DoublyRobust:
    """DR: cross-fitted doubly robust scores, regressed on the features."""

    def __init__(self, lesson: Lesson) -> None:
        without, treated = cross_fit_arms(lesson)
        flag, chance = lesson.flag, lesson.chance
        score = treated - without + flag / chance * (lesson.outcome - treated)
        score -= (1 - flag) / (1 - chance) * (lesson.outcome - without)
        self._model = lesson.effect_model()
        self._model.fit(lesson.x, score)

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        return self._model.predict(design.linear)


class ClassTransformation:
    """The chance that a customer did what fits the arm: bought if treated, did not if not."""

    def __init__(self, lesson: Lesson) -> None:
        fits = np.where(lesson.treated, lesson.outcome, 1 - lesson.outcome)
        own = np.where(lesson.treated, lesson.chance, 1 - lesson.chance)
        weight = 1 / (2 * own)
        self._model = lesson.outcome_model()
        even = bool(np.allclose(own, 0.5, atol=1e-9))
        self._model.fit(lesson.x, fits, None if even else weight)

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        return 2 * self._model.predict(design.linear) - 1


class TransformedOutcome:
    """A regression of the outcome times its inverse propensity, minus for controls."""

    def __init__(self, lesson: Lesson) -> None:
        flag, chance = lesson.flag, lesson.chance
        self._model = lesson.effect_model()
        turned = lesson.outcome * (flag - chance) / (chance * (1 - chance))
        self._model.fit(lesson.x, turned)

    def effect(self, design: Design, chance: Floats) -> Floats:
        """Return the effect on each customer."""
        return self._model.predict(design.linear)


KINDS: Mapping[str, Callable[[Lesson], EffectModel]] = {
    "class_transformation": ClassTransformation,
    "dr": DoublyRobust,
    "interacted": Interacted,
    "r": Residual,
    "s": OneModel,
    "t": TwoModels,
    "transformed_outcome": TransformedOutcome,
    "x": Crossed,
}


def cross_fit_mean(lesson: Lesson) -> Floats:
    """Return each customer's expected outcome, learned without the customer's fold."""
    found = np.empty(len(lesson.outcome))
    folds = lesson.folds()
    for fold in range(lesson.n_folds):
        out = folds == fold
        model = lesson.outcome_model()
        model.fit(lesson.x[~out], lesson.outcome[~out])
        found[out] = model.predict(lesson.x[out])
    return found


def cross_fit_arms(lesson: Lesson) -> tuple[Floats, Floats]:
    """Return each customer's expected outcomes without and with treatment, likewise."""
    found = np.empty((2, len(lesson.outcome)))
    folds = lesson.folds()
    for fold in range(lesson.n_folds):
        out = folds == fold
        for arm, members in enumerate((~lesson.treated, lesson.treated)):
            model = lesson.outcome_model()
            rows = members & ~out
            model.fit(lesson.x[rows], lesson.outcome[rows])
            found[arm, out] = model.predict(lesson.x[out])
    return found[0], found[1]
