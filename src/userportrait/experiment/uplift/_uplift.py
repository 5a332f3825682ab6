"""Uplift: what a treatment changes for each customer."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

import numpy as np

from userportrait._core import frames
from userportrait._core.estimator import Estimator
from userportrait._core.params import Between, InstanceOf, OneOf, Rule, check_params
from userportrait._core.threads import one_blas_thread
from userportrait.errors import (
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment.uplift._arms import (
    ids_of,
    read_arms,
    take_columns,
    wrong_propensity,
)
from userportrait.experiment.uplift._features import Design, Encoder, Table, read_table
from userportrait.experiment.uplift._learners import (
    KINDS,
    EffectModel,
    Lesson,
    learn_effect,
)
from userportrait.experiment.uplift._overlap import (
    Overlap,
    Poor,
    chance_model,
    clip_chances,
    estimate_chances,
    judge_overlap,
    report_overlap,
)
from userportrait.experiment.uplift._target import Targeting, target
from userportrait.experiment.uplift._trial import (
    as_numbers,
    as_shares,
    check_arms,
    check_lengths,
    is_binary,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

__all__ = ["Uplift"]

Kind: TypeAlias = Literal[
    "interacted",
    "s",
    "t",
    "x",
    "r",
    "dr",
    "class_transformation",
    "transformed_outcome",
]


class _Arm(NamedTuple):
    """What was learned for one treatment."""

    model: EffectModel
    chances: Any
    share: float

    def effect(self, design: Design) -> Floats:
        n = len(design.linear)
        if self.chances is None:
            chance = np.full(n, self.share)
        else:
            chance = clip_chances(self.chances.predict(design.linear))
        return self.model.effect(design, chance)


class Uplift(Estimator):
    """Predict what a treatment, such as an e-mail, changes for each customer.

    A model of who buys finds those who would have bought anyway. This one learns the
    difference that the treatment makes, from customers who got it and customers who did not.

    Parameters
    ----------
    kind : str, default='interacted'
        How to learn. ``'interacted'``: one regression (logistic for outcomes of 0 and 1) with
        curved main effects and an effect that depends on the features linearly, shrunk
        towards one effect for all. ``'s'``: one model with the treatment as a feature.
        ``'t'``: a model for each arm. ``'x'``: imputed effects of both arms, weighted by
        propensity. ``'r'``: residual outcomes on residual treatment. ``'dr'``: doubly robust
        scores regressed on features. ``'class_transformation'`` (outcomes of 0 and 1 only)
        and ``'transformed_outcome'``: one model of a changed outcome.
    base : scikit-learn estimator, optional
        Model of outcomes: a regressor, or a classifier for outcomes of 0 and 1. By default a
        ridge or logistic regression. ``'interacted'`` takes none.
    effect_base : scikit-learn regressor, optional
        Model of effects, of ``'x'``, ``'r'``, ``'dr'`` and ``'transformed_outcome'``. By
        default a ridge regression. ``'r'`` asks it for `sample_weight`.
    propensity : None, float, 'model' or classifier, default=None
        The chance of being treated. None: assigned at random, with the share that was
        treated; a warning comes if features tell who was. A number: known and the same for
        all. ``'model'``: a logistic regression, cross-fitted, for data that no experiment made;
        or a classifier of your own. Chances that differ between customers and are known go
        into `fit`.
    control : str or int, optional
        The label of the control group where `treatment` holds labels; then every other label
        is an arm of its own. By default `treatment` holds 0 and 1.
    overlap : {'raise', 'warn', 'ignore'}, default='raise'
        What to do if more than 5 % of the customers have hardly a match in the other arm.
    l2 : float, default=1.0
        Penalty on main effects of standardised features, at least 0.
    l2_effect : float, default=30.0
        Penalty on differences in the effect between customers, at least 0.
    max_levels : int, default=50
        Levels of a text column that get a coefficient; rarer ones share one.
    n_folds : int, default=5
        Parts that take turns in cross-fitting (``'r'``, ``'dr'`` and ``propensity='model'``).
    random_state : int, default=0
        Decides who is in which part.

    Attributes
    ----------
    arms_ : tuple
        Labels of the treatments, 1 where `treatment` held 0 and 1.
    feature_names_ : tuple of str
        The encoded features, such as ``'channel = Web'``.
    columns_ : tuple of str
        The columns that `predict` needs.
    overlap_ : dict of label to Overlap
    is_binary_ : bool
        Whether outcomes were 0 and 1.
    n_customers_ : int

    See Also
    --------
    userportrait.experiment.choose_uplift : Choose a kind by cross-fitting.
    userportrait.experiment.evaluate_uplift : Judge predictions on other customers.

    Notes
    -----
    Numbers are standardised; a missing one counts as the mean, with an indicator if there are
    any in `fit`. A text column gives one indicator per level, a missing text is a level; a
    level that `fit` has not seen counts as the average customer, or joins the rare ones. A
    column `customer_id` is never a feature. Neither the order of the rows nor the engine of
    the frame changes the result. The kinds follow [1]_ (S, T, X), [2]_ (R), [3]_ (DR), [4]_
    (class transformation) and [5]_ (transformed outcome).

    References
    ----------
    .. [1] Künzel, Sekhon, Bickel and Yu (2019), "Metalearners for estimating heterogeneous
       treatment effects using machine learning", PNAS 116(10).
    .. [2] Nie and Wager (2021), "Quasi-oracle estimation of heterogeneous treatment effects",
       Biometrika 108(2).
    .. [3] Kennedy (2023), "Towards optimal doubly robust estimation of heterogeneous causal
       effects", Electronic Journal of Statistics 17(2).
    .. [4] Jaskowski and Jaroszewicz (2012), "Uplift modeling for clinical trial data", ICML
       Workshop on Clinical Data Analysis.
    .. [5] Athey and Imbens (2015), "Machine learning methods for estimating heterogeneous
       causal effects", arXiv:1504.01132.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> customers = pd.DataFrame(
    ...     {
    ...         "customer_id": np.arange(4000),
    ...         "recency": rng.integers(1, 13, 4000),
    ...         "channel": rng.choice(["Phone", "Web"], 4000),
    ...     }
    ... )
    >>> mailed = rng.integers(0, 2, 4000)
    >>> chance = 0.1 + 0.15 * mailed * (customers["channel"] == "Web")
    >>> bought = rng.random(4000) < chance
    >>> model = Uplift().fit(customers, bought, mailed)
    >>> new = pd.DataFrame(
    ...     {"customer_id": ["ann", "bo"], "recency": [3, 3], "channel": ["Web", "Phone"]}
    ... )
    >>> model.score(new).round(2)
      customer_id  uplift
    0         ann    0.14
    1          bo    0.01
    """

    arms_: tuple[Any, ...]
    feature_names_: tuple[str, ...]
    columns_: tuple[str, ...]
    overlap_: dict[Any, Overlap]
    is_binary_: bool
    n_customers_: int

    _rules: ClassVar[Mapping[str, Rule]] = {
        "kind": OneOf(tuple(sorted(KINDS))),
        "overlap": OneOf(("raise", "warn", "ignore")),
        "l2": Between(0, float("inf"), open_high=True),
        "l2_effect": Between(0, float("inf"), open_high=True),
        "max_levels": Between(2, 10_000, integer=True),
        "n_folds": Between(2, 100, integer=True),
        "random_state": Between(0, 2**32 - 1, integer=True),
        "control": InstanceOf((type(None), str, int, float, np.generic), "a label or None"),
    }

    def __init__(
        self,
        kind: Kind = "interacted",
        *,
        base: Any = None,
        effect_base: Any = None,
        propensity: Any = None,
        control: str | int | None = None,
        overlap: Poor = "raise",
        l2: float = 1.0,
        l2_effect: float = 30.0,
        max_levels: int = 50,
        n_folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.kind: Kind = kind
        self.base = base
        self.effect_base = effect_base
        self.propensity = propensity
        self.control = control
        self.overlap: Poor = overlap
        self.l2 = l2
        self.l2_effect = l2_effect
        self.max_levels = max_levels
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(
        self,
        X: IntoFrame | ArrayLike,
        y: ArrayLike | str,
        treatment: ArrayLike | str,
        *,
        propensity: ArrayLike | None = None,
    ) -> Self:
        """Learn the effect.

        Parameters
        ----------
        X : frame or array-like of shape (n, k)
            Facts of each customer from before the treatment.
        y : array-like of shape (n,) or str
            What each customer did: 0 or 1, or an amount; or the column of `X` that says so.
        treatment : array-like of shape (n,) or str
            0 for control, 1 for treated, or labels (see `control`); or a column of `X`.
        propensity : array-like of shape (n,), optional
            Known chances of being treated, strictly between 0 and 1.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters will not do; all bad ones at once.
        InvalidDataError
            If lengths differ, an outcome is missing, an arm is empty, a column is of a kind
            that cannot be learned from, or the overlap is poor.
        """
        self.check()
        inside = [name for name in (y, treatment) if isinstance(name, str)]
        taken = take_columns(X, inside)
        outcome = as_numbers(taken[y] if isinstance(y, str) else y, "y")
        labels = np.asarray(taken[treatment] if isinstance(treatment, str) else treatment)
        table = read_table(X, without=inside)
        check_lengths(X=table.n, y=len(outcome), treatment=len(labels))
        self.is_binary_ = is_binary(outcome)
        if self.kind == "class_transformation" and not self.is_binary_:
            message = "kind 'class_transformation' needs outcomes of 0 and 1."
            raise InvalidDataError(message)
        self._encoder = Encoder(max_levels=self.max_levels).fit(table)
        self.columns_ = tuple(table.columns)
        self.feature_names_ = tuple(self._encoder.names)
        self.n_customers_ = table.n
        with one_blas_thread():
            self._learn_arms(self._encoder.transform(table), outcome, labels, propensity)
        return self

    def predict(self, X: IntoFrame | ArrayLike) -> Floats:
        """Return the predicted uplift of each customer.

        Parameters
        ----------
        X : frame or array-like of shape (n, k)
            The columns seen in `fit`; others are ignored.

        Returns
        -------
        ndarray of float64, shape (n,), or (n, number of arms) if there are several
            In units of the outcome: 0.02 is two more buyers among a hundred.
        """
        return self._predict(self._read(X))

    def best_arm(self, X: IntoFrame | ArrayLike) -> NDArray[np.object_]:
        """Return the label of the best treatment for each customer, None where none helps.

        Parameters
        ----------
        X : frame or array-like of shape (n, k)

        Returns
        -------
        ndarray of object, shape (n,)
            Of equally good arms the first one in `arms_`.
        """
        found = self._predict(self._read(X)).reshape(-1, len(self.arms_))
        labels = np.array([*self.arms_, None], dtype=object)
        best = found.argmax(axis=1) if len(found) else np.zeros(0, dtype=np.int64)
        return labels[np.where(found.max(axis=1, initial=-np.inf) > 0, best, len(self.arms_))]

    def score(self, frame: IntoFrame) -> Any:
        """Return `customer_id` and `uplift`, in a frame of the same library.

        Parameters
        ----------
        frame : frame
            `customer_id` and the columns seen in `fit`.

        Returns
        -------
        frame
            One row per row of the input. With several arms, a column ``uplift_<arm>`` for each.
        """
        table = self._read(frame)
        entered = frames.enter(frame)
        there = frames.column_names(entered)
        if "customer_id" not in there:
            raise MissingColumnError("customer_id", there)
        key, _ = frames.collect_keyed(entered, "customer_id", [])
        found = self._predict(table)
        if found.ndim == 1:
            columns = {"uplift": found}
        else:
            columns = {f"uplift_{arm}": found[:, i] for i, arm in enumerate(self.arms_)}
        return frames.from_arrays({"customer_id": key, **columns}, entered.engine, like=entered)

    def target(
        self,
        X: IntoFrame | ArrayLike,
        *,
        budget: float | None = None,
        cost: float | ArrayLike = 0.0,
        value: float = 1.0,
        max_customers: int | None = None,
        min_profit: float = 0.0,
    ) -> Targeting:
        """Choose the customers whose treatment should earn most within a budget.

        Parameters
        ----------
        X : frame or array-like of shape (n, k)
            With a column `customer_id`, the result names the customers.
        budget, cost, value, max_customers, min_profit
            As for `userportrait.experiment.target`.

        Returns
        -------
        Targeting
        """
        uplift = self.predict(X)
        if uplift.ndim == 2:
            message = (
                "a budget is for one treatment. Give the uplift of one arm to "
                "target(model.predict(X)[:, arm], ...)."
            )
            raise InvalidDataError(message)
        return target(
            uplift,
            budget=budget,
            cost=cost,
            value=value,
            max_customers=max_customers,
            min_profit=min_profit,
            customer_id=ids_of(X),
        )

    def check(self) -> None:
        """Raise one error that lists every parameter that will not do."""
        check_params(self, self._rules)
        problems: list[str] = []
        if self.kind == "interacted" and self.base is not None:
            problems.append("base: kind 'interacted' takes none. Try kind='s' with this base.")
        for name in ("base", "effect_base"):
            value = getattr(self, name)
            if value is not None and not (hasattr(value, "fit") and hasattr(value, "predict")):
                problems.append(f"{name} must have fit and predict; got {type(value).__name__}.")
        problems += wrong_propensity(self.propensity)
        if problems:
            raise InvalidParameterError(type(self).__name__, problems)

    def _learn_arms(
        self, design: Design, outcome: Floats, labels: NDArray[Any], known: ArrayLike | None
    ) -> None:
        members, control = read_arms(labels, self.control)
        several = len(members) > 1
        if several and (known is not None or isinstance(self.propensity, float)):
            message = "with several arms, propensity must be None, 'model' or a classifier."
            raise InvalidDataError(message)
        self.arms_ = tuple(members)
        self.overlap_ = {}
        self._arms: list[_Arm] = []
        for label, treated in members.items():
            rows = control | treated
            check_arms(treated[rows])
            self._arms.append(
                self._learn(label, design.take(rows), outcome[rows], treated[rows], known)
            )

    def _learn(
        self, label: Any, design: Design, outcome: Floats, treated: Bools, known: ArrayLike | None
    ) -> _Arm:
        share = float(treated.mean())
        modelled = known is None and not isinstance(self.propensity, (float, type(None)))
        chances = None
        if modelled:
            base = None if self.propensity == "model" else self.propensity
            chance = estimate_chances(design.linear, treated, base, self.n_folds, self.random_state)
            chances = chance_model(base)
            chances.fit(design.linear, treated.astype(np.float64))
        else:
            given = known if known is not None else self.propensity
            chance = as_shares(share if given is None else given, "propensity", len(treated))
            share = float(chance.mean())
        found = judge_overlap(design.linear, self._encoder.names, treated, chance)
        self._report(found, assumed=known is None and self.propensity is None)
        self.overlap_[label] = found
        lesson = Lesson(
            design=design,
            outcome=outcome,
            treated=treated,
            chance=chance,
            binary=self.is_binary_,
            base=self.base,
            effect_base=self.effect_base,
            l2=self.l2,
            l2_effect=self.l2_effect,
            n_folds=self.n_folds,
            random_state=self.random_state,
        )
        return _Arm(learn_effect(self.kind, lesson), chances, share)

    def _report(self, found: Overlap, *, assumed: bool) -> None:
        if not assumed:
            report_overlap(found, self.overlap, depth=6)
        elif not found.is_random and self.overlap != "ignore":
            message = (
                f"features tell who was treated (p = {found.random_p_value:.2g}), so that the "
                "assignment was hardly random. Give propensity='model', the known chances, or "
                "overlap='ignore'."
            )
            warnings.warn(message, DataWarning, stacklevel=5)

    def _read(self, X: IntoFrame | ArrayLike) -> Table:
        self._check_fitted("arms_")
        return read_table(X, names=self.columns_)

    def _predict(self, table: Table) -> Floats:
        design = self._encoder.transform(table)
        with one_blas_thread():
            found = np.column_stack([arm.effect(design) for arm in self._arms])
        return found[:, 0] if len(self._arms) == 1 else found
