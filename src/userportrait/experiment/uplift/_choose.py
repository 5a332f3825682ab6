"""Choose how to learn uplift, by what each way predicts for customers it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, OneOf, Rule, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift._features import Encoder, read_table
from userportrait.experiment.uplift._folds import make_folds
from userportrait.experiment.uplift._linear import Linear
from userportrait.experiment.uplift._metrics import qini
from userportrait.experiment.uplift._trial import is_binary, read_trial
from userportrait.experiment.uplift._uplift import Uplift

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from userportrait.experiment.uplift._trial import Trial
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["UpliftChoice", "choose_uplift"]

Criterion: TypeAlias = Literal["qini", "r_loss"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpliftChoice:
    """Ways to learn uplift, judged by cross-fitting.

    Parameters
    ----------
    criterion : {'qini', 'r_loss'}
    scores : mapping of str to tuple of float
        Of each candidate, one value per fold. Higher is better for ``'qini'``, lower for
        ``'r_loss'``.
    best : str
        The candidate with the best mean.
    model : Uplift
        The best one, learned again from all customers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, treatment = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> y = X[:, 0] * treatment + rng.normal(size=2000)
    >>> found = choose_uplift(X, y, treatment, {"t": Uplift("t"), "dr": Uplift("dr")})
    >>> list(found.to_frame().columns)
    ['candidate', 'mean', 'standard_error', 'behind_best', 'behind_best_error']
    """

    criterion: Criterion
    scores: Mapping[str, tuple[float, ...]]
    best: str
    model: Uplift = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per candidate, the best first.

        `behind_best` is the mean difference over the same folds, and 0 for the best; below one
        or two of its standard errors it says nothing.
        """
        lead = np.array(self.scores[self.best])
        sign = 1 if self.criterion == "qini" else -1
        rows: list[tuple[str, float, float, float, float]] = []
        for name, values in self.scores.items():
            own = np.array(values)
            behind = sign * (lead - own)
            rows.append((name, own.mean(), _error(own), behind.mean(), _error(behind)))
        names = ["candidate", "mean", "standard_error", "behind_best", "behind_best_error"]
        found = pd.DataFrame(rows, columns=names)
        return found.sort_values(["behind_best", "candidate"], ignore_index=True)

    def to_dict(self) -> dict[str, object]:
        """Return the choice and the mean of each candidate."""
        means = {name: float(np.mean(values)) for name, values in self.scores.items()}
        return {"criterion": self.criterion, "best": self.best, "means": means}

    def __str__(self) -> str:
        frame = self.to_frame()
        first = f"{self.best} is best by {self.criterion}"
        return f"{first} ({frame['mean'][0]:.4g}) of {len(frame)} candidates"

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        rows = [[str(row[0]), *(f"{value:.4g}" for value in row[1:])] for row in frame.to_numpy()]
        shown = table(list(frame.columns), rows, numeric=frame.columns[1:], caption=str(self))
        return page_fragment("Choice of an uplift model", shown)


_RULES: Mapping[str, Rule] = {
    "criterion": OneOf(("qini", "r_loss")),
    "n_folds": Between(2, 100, integer=True),
    "random_state": Between(0, 2**32 - 1, integer=True),
}


def choose_uplift(
    X: IntoFrame | ArrayLike,
    y: ArrayLike,
    treatment: ArrayLike,
    candidates: Mapping[str, Uplift] | None = None,
    *,
    criterion: Criterion = "qini",
    n_folds: int = 5,
    random_state: int = 0,
) -> UpliftChoice:
    """Choose a way to learn uplift by cross-fitting.

    Parameters
    ----------
    X : frame or array-like of shape (n, k)
        Facts of each customer from before the treatment. A frame is read into pandas.
    y : array-like of shape (n,)
        What each customer did.
    treatment : array-like of shape (n,)
        0 for control, 1 for treated.
    candidates : mapping of str to Uplift, optional
        By default every kind that fits the outcome, with the library's own base.
    criterion : {'qini', 'r_loss'}, default='qini'
        ``'qini'``: the order that a candidate gives to customers it has not seen; for random
        assignments. ``'r_loss'``: how well its predictions explain residual outcomes by
        residual treatment; for any assignment, and where the size of the prediction matters.
    n_folds : int, default=5
    random_state : int, default=0
        Decides who is in which fold.

    Returns
    -------
    UpliftChoice

    Raises
    ------
    InvalidParameterError
        If a parameter will not do.
    InvalidDataError
        If lengths differ, a value is missing, or an arm is too small.

    Notes
    -----
    The means of the folds differ by chance: with few outcomes every candidate may look best.
    The table says how far each is behind, with a standard error over folds. The winner's own
    mean is a little too hopeful; judge it on customers kept apart. The R-loss is that of [1]_.

    References
    ----------
    .. [1] Nie and Wager (2021), "Quasi-oracle estimation of heterogeneous treatment effects",
       Biometrika 108(2).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, treatment = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> y = X[:, 0] * treatment + rng.normal(size=2000)
    >>> found = choose_uplift(X, y, treatment, criterion="r_loss")
    >>> found.model.predict([[1.0, 0.0], [-1.0, 0.0]]).round(1).tolist()
    [1.1, -0.9]
    """
    values = (criterion, n_folds, random_state)
    check_values("choose_uplift", dict(zip(_RULES, values, strict=True)), _RULES)
    trial = read_trial(y, treatment)
    models = _candidates(trial) if candidates is None else dict(candidates)
    if not models:
        raise InvalidParameterError("choose_uplift", ["candidates must name at least one model."])
    data: Any = np.asarray(X) if isinstance(X, (np.ndarray, list, tuple)) else None
    if data is None:
        data = frames.to_pandas(frames.enter(X, argument="X"))
    if len(data) != trial.n:
        message = f"the inputs must be equally long: X has {len(data):,}, y has {trial.n:,}."
        raise InvalidDataError(message)
    places = _Parts(data, trial, n_folds, random_state, criterion)
    scores = {name: places.judge(model) for name, model in models.items()}
    sign = -1 if criterion == "qini" else 1
    best = min(scores, key=lambda name: (sign * float(np.mean(scores[name])), name))
    chosen = Uplift(**models[best].get_params(deep=False))
    chosen.fit(data, trial.outcome, trial.treated)
    return UpliftChoice(criterion=criterion, scores=scores, best=best, model=chosen)


class _Parts:
    """The folds, and what the criterion needs of each customer."""

    def __init__(
        self, data: Any, trial: Trial, n_folds: int, random_state: int, criterion: str
    ) -> None:
        self._data, self._trial, self._criterion = data, trial, criterion
        table = read_table(data)
        x = Encoder().fit(table).transform(table).linear
        self._folds = make_folds(x, trial.outcome, trial.treated, n_folds, random_state)
        if criterion == "r_loss":
            flag = trial.treated.astype(np.float64)
            self._rest_y = trial.outcome - self._expect(x, trial.outcome, l2=1.0)
            self._rest_t = flag - self._expect(x, flag, l2=1.0)

    def _expect(self, x: Floats, y: Floats, *, l2: float) -> Floats:
        found = np.empty(len(y))
        for fold in np.unique(self._folds):
            out = self._folds == fold
            model = Linear(binary=is_binary(y), l2=l2)
            model.fit(x[~out], y[~out])
            found[out] = model.predict(x[out])
        return found

    def judge(self, model: Uplift) -> tuple[float, ...]:
        """Return the criterion in each fold."""
        found: list[float] = []
        for fold in np.unique(self._folds):
            out = self._folds == fold
            fresh = Uplift(**model.get_params(deep=False))
            fresh.fit(self._take(~out), self._trial.outcome[~out], self._trial.treated[~out])
            uplift = fresh.predict(self._take(out))
            found.append(self._score(uplift, out))
        return tuple(found)

    def _take(self, rows: NDArray[np.bool_]) -> Any:
        data: Any = self._data
        return data.loc[rows] if hasattr(data, "loc") else data[rows]

    def _score(self, uplift: Floats, rows: NDArray[np.bool_]) -> float:
        if self._criterion == "qini":
            return qini(self._trial.outcome[rows], self._trial.treated[rows], uplift)
        return float(np.mean((self._rest_y[rows] - self._rest_t[rows] * uplift) ** 2))


def _candidates(trial: Trial) -> dict[str, Uplift]:
    kinds: list[Any] = ["interacted", "t", "x", "r", "dr", "transformed_outcome"]
    if is_binary(trial.outcome):
        kinds.append("class_transformation")
    return {kind: Uplift(kind) for kind in kinds}


def _error(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
