"""The whole read-out of a model in one call: learnt from some rows, judged by others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.feature_table import FeatureTable, read_features
from userportrait._core.params import Between, InstanceOf, Optional, check_values
from userportrait._core.scikit import from_sklearn
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    UserPortraitError,
)
from userportrait.predict._classes import read_outcome, read_weights
from userportrait.predict._diagnostics import HosmerLemeshow, hosmer_lemeshow
from userportrait.predict._evaluate import ClassifierEvaluation, evaluate_classifier, scores_of
from userportrait.predict._importance import permutation_importance
from userportrait.predict._propensity import LeakageWarning, Propensity
from userportrait.predict._readout_effects import effects_frame
from userportrait.predict._readout_split import Split, row_keys, split_by_chance, split_by_time
from userportrait.predict._readout_text import readout_html, readout_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from userportrait.predict._thresholds import Confusion

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["PropensityReadout", "propensity_readout"]

_OWNER = "propensity_readout"
_FEW_LEVELS = 20
_MOST_SHUFFLED = 5_000
"""Rows held out that importances are measured on, drawn by chance; more would not tell more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PropensityReadout:
    """What a model says, and what it is worth on rows that it has not seen.

    Parameters
    ----------
    name : str
    outcome : object
        The class whose chance is modelled.
    model : classifier
        Fitted to the training rows: neither the fit nor the choice of terms saw the others.
    final_model : classifier or None
        Fitted to all rows, terms chosen again; None unless asked for. The tables of
        coefficients are this one's where it is there.
    evaluation : ClassifierEvaluation
        Of `model` on the rows held out.
    training : ClassifierEvaluation
        Of `model` on the rows it was fitted to: flattered, for comparison.
    training_rows, holdout_rows : ndarray of int
        Positions in the input, in the order in which the model was given them.
    n_left_out : int
        Rows on neither side: of weight 0, or inside the gap before the first moment held out.
    first_moment : object
        The first moment held out; None for a split by chance.
    summary : DataFrame or None
        As `Propensity.summary` gives it; None, like all tables of a regression, for other
        classifiers.
    effects : DataFrame or None
        One row a number and one a level, reference levels in their places: ``term``, ``level``,
        ``is_reference``, ``step``, ``n_rows``, ``rate`` (share of the outcome), ``odds_ratio``,
        ``ci_low``, ``ci_high``, ``p_value``. The odds ratio of a number is that of ``step``
        more, a round figure near its standard deviation.
    factor_tests : DataFrame or None
        As `Propensity.factor_tests` gives it, likelihood ratios included. After a stepwise
        search also ``holdout_p_value``: Wald's test of the same terms fitted to the rows held
        out, which the search did not see.
    stepwise_path : DataFrame or None
        Empty without a search.
    fit_statistics : Series or None
    variance_inflation : DataFrame or None
    hosmer_lemeshow, holdout_hosmer_lemeshow : HosmerLemeshow or None
        Of the training rows and of those held out; None where chances are too few or none.
    importance : DataFrame or None
        As `permutation_importance` gives it, on 5,000 of the rows held out at most; None for
        `Propensity`.
    repeats : DataFrame
        One row a split, this one first: ``split``, ``auc``, ``training_auc``,
        ``calibration_error``, ``top_bin_lift``, and ``terms``, those chosen, for `Propensity`.
    warnings : tuple of str
        What the fits warned of, such as separation and leakage.
    has_leakage : bool
        Whether a column alone tells the outcome all but perfectly.

    See Also
    --------
    propensity_readout : Make one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import propensity_readout
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> found = propensity_readout(X, y, n_bins=4)
    >>> found.model.terms_, found.evaluation.n_rows, found.stepwise_path["term"].tolist()
    (('plan',), 24, ['', 'plan'])
    """

    name: str
    outcome: Any
    model: Any
    final_model: Any
    evaluation: ClassifierEvaluation
    training: ClassifierEvaluation
    training_rows: Ints
    holdout_rows: Ints
    n_left_out: int
    first_moment: Any
    summary: pd.DataFrame | None
    effects: pd.DataFrame | None
    factor_tests: pd.DataFrame | None
    stepwise_path: pd.DataFrame | None
    fit_statistics: pd.Series[Any] | None
    variance_inflation: pd.DataFrame | None
    hosmer_lemeshow: HosmerLemeshow | None
    holdout_hosmer_lemeshow: HosmerLemeshow | None
    importance: pd.DataFrame | None
    repeats: pd.DataFrame
    warnings: tuple[str, ...]
    has_leakage: bool

    @property
    def lift(self) -> pd.DataFrame:
        """Lift and gain of the rows held out."""
        return self.evaluation.lift

    @property
    def confusion(self) -> Confusion:
        """Right and wrong answers on the rows held out."""
        return self.evaluation.confusion

    @property
    def optimism(self) -> float:
        """How much larger the area under the curve is on the rows that the model was fitted to."""
        return self.training.auc - self.evaluation.auc

    @property
    def told_model(self) -> Any:
        """The model that the tables of coefficients tell of."""
        return self.model if self.final_model is None else self.final_model

    def to_dict(self) -> dict[str, Any]:
        """Return the single figures by name: those of the hold-out, and of the training rows."""
        found: dict[str, Any] = {**self.evaluation.to_dict(), "outcome": self.outcome}
        found |= {
            "n_training": self.training.n_rows, "n_left_out": self.n_left_out,
            "training_auc": self.training.auc, "optimism": self.optimism,
            "training_calibration_error": self.training.calibration_error,
        }  # fmt: skip
        if self.fit_statistics is not None:
            found |= {f"fit_{name}": float(v) for name, v in self.fit_statistics.items()}
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return the single figures as one row."""
        return pd.DataFrame([self.to_dict()])

    def to_frames(self) -> dict[str, pd.DataFrame]:
        """Return every table there is, by name: to write each to a sheet, for example.

        Returns
        -------
        dict of str to DataFrame
            ``figures``, the tables of a regression or ``importance``, ``lift``, ``roc``,
            ``calibration``, ``confusion`` and ``repeats``.
        """
        found: dict[str, pd.DataFrame] = {"figures": self.to_frame()}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, pd.DataFrame) and name != "repeats":
                found[name] = value.copy()
        for name, table in (("lift", self.lift), ("roc", self.evaluation.roc)):
            found[name] = table.copy()
        if self.evaluation.calibration is not None:
            found["calibration"] = self.evaluation.calibration.copy()
        found["confusion"] = pd.DataFrame([self.confusion.to_dict()])
        found["repeats"] = self.repeats.copy()
        return found

    def plot(self) -> Figure:
        """Draw the curve, gain and lift, precision and recall, and calibration of the hold-out.

        Returns
        -------
        matplotlib Figure
        """
        return self.evaluation.plot()

    def __str__(self) -> str:
        return readout_text(self)

    def _repr_html_(self) -> str:
        return readout_html(self)


def propensity_readout(
    X: Any,
    y: Any,
    *,
    model: Any = None,
    test_size: float = 0.2,
    moments: Any = None,
    gap: float = 0.0,
    threshold: float | None = None,
    n_bins: int = 10,
    n_repeats: int = 1,
    refit: bool = False,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    sample_weight: Any = None,
    name: str | None = None,
    positive: Any = None,
) -> PropensityReadout:
    """Fit a model to some of the rows, judge it by the others, and tell all of it.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features), or frame
        Numbers, and in a frame texts and categories.
    y : array-like of shape (n_rows,)
        Two different values.
    model : classifier, optional
        By default ``Propensity(stepwise="both", unseen="reference")``. Any classifier of
        scikit-learn will do; it is cloned, and given pandas frames where `X` is a frame.
    test_size : float, default=0.2
        Share of the rows held out; above 0, below 1.
    moments : str or array-like of shape (n_rows,), optional
        When each row was looked at, as dates, times or numbers, or the column of `X` that
        says so, which is then no feature. The latest moments are held out, each of them
        whole. Without moments, rows are held out by chance, the same share of both classes.
    gap : float, default=0.0
        Leaves out rows whose moment is less than this before the first one held out, in days or
        in the unit of the numbers: give the horizon of `snapshots`, so that no outcome learnt
        from lies in the time that the model is judged by.
    threshold : float, optional
        For the confusion matrix; by default 0.5, or 0 of a decision function.
    n_bins : int, default=10
        For lift and calibration; 2 to 1000.
    n_repeats : int, default=1
        Splits by chance, the first of which is told of: 1 to 1000.
    refit : bool, default=False
        Whether to fit all rows in the end, and tell those coefficients. Figures of the
        hold-out stay what they are.
    confidence_level : float, default=0.95
        Of the area under the curve; that of coefficients is the model's.
    random_state : int or None, default=0
        Of the split and of the permutations.
    sample_weight : array-like of shape (n_rows,), optional
        For the fit. Rows of weight 0 are left out, all others are judged as one row each.
    name : str, optional
        By default the class of the model.
    positive : optional
        The value of `y` that is the outcome; by default that of a `Propensity`, else the
        larger one, which of ``'churn'`` and ``'stay'`` is ``'stay'``.

    Returns
    -------
    PropensityReadout

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once. If `gap` comes without `moments`,
        or `n_repeats` with them.
    InvalidDataError
        If `y` has not two values, if one side of a split has not both of them, if a regression
        is given a column of texts with more levels than half of the rows, such as an ID, or if
        the model refuses the rows.
    MissingColumnError
        If `X` lacks the column of moments.

    Notes
    -----
    A search that saw the rows it is judged by flatters itself: terms that fit by luck stay
    in. [1]_ So it sees the training rows only. Where customers change with time, rows held out
    by chance flatter too: the model is to be used on days after those it learnt from.

    The split depends on what rows hold, not on their order or the kind of frame: equal rows
    and `random_state` give equal figures. Warnings of the fits are kept, not raised.

    References
    ----------
    .. [1] Hastie, Tibshirani and Friedman (2009), "The Elements of Statistical Learning",
       section 7.10.2, "The wrong and right way to do cross-validation".

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import propensity_readout
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> found = propensity_readout(X, y, n_bins=4)
    >>> found.effects[["term", "level", "is_reference", "odds_ratio"]].round(1)
       term  level  is_reference  odds_ratio
    0  plan  basic          True         1.0
    1  plan   gold         False         4.4
    """
    _check(
        {
            "model": model, "test_size": test_size, "moments": moments, "gap": gap,
            "threshold": threshold, "n_bins": n_bins, "n_repeats": n_repeats, "refit": refit,
            "confidence_level": confidence_level, "random_state": random_state, "name": name,
        }
    )  # fmt: skip
    given: Any = Propensity(stepwise="both", unseen="reference") if model is None else model
    if isinstance(given, Propensity):
        positive = given.positive if positive is None else positive
        given = from_sklearn("base.clone")(given).set_params(positive=positive)
    reader = _Rows(X, y, sample_weight, moments, positive)
    if model is None or isinstance(model, Propensity):
        _check_texts(reader.table)
    seed = random_state
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    name = type(given).__name__ if name is None else name
    settings: dict[str, Any] = {
        "threshold": threshold, "n_bins": n_bins, "confidence_level": confidence_level,
        "name": name, "positive": reader.classes.tolist()[1],
    }  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        split = reader.split(test_size, gap, seed)
        _check_holdout(len(split.holdout), n_bins)
        fitted = reader.fit(given, split.training)
        final = reader.fit(given, split.everything) if refit else None
        training, evaluation = (
            reader.evaluate(fitted, rows, settings) for rows in (split.training, split.holdout)
        )
        repeats = [_repeat(0, fitted, training, evaluation)]
        for at in range(1, n_repeats):
            again = reader.split(test_size, gap, seed + at)
            other = reader.fit(given, again.training)
            judged = (reader.evaluate(other, r, settings) for r in (again.training, again.holdout))
            repeats.append(_repeat(at, other, *judged))
        rows = split.training if final is None else split.everything
        tables = _tables(reader, fitted if final is None else final, rows, split)
        if not isinstance(fitted, Propensity):
            some = split.holdout[:_MOST_SHUFFLED]
            tables["importance"] = permutation_importance(
                fitted, reader.take(some), reader.labels(some), random_state=seed
            )
    return PropensityReadout(
        name=name,
        outcome=reader.classes.tolist()[1],
        model=fitted,
        final_model=final,
        evaluation=evaluation,
        training=training,
        training_rows=reader.positions[split.training],
        holdout_rows=reader.positions[split.holdout],
        n_left_out=reader.n_given - len(split.training) - len(split.holdout),
        first_moment=split.first_moment,
        **tables,
        hosmer_lemeshow=_hosmer_lemeshow(reader, fitted, split.training, in_sample=True),
        holdout_hosmer_lemeshow=_hosmer_lemeshow(reader, fitted, split.holdout, in_sample=False),
        repeats=pd.DataFrame(repeats),
        warnings=tuple(dict.fromkeys(str(one.message) for one in caught)),
        has_leakage=any(issubclass(one.category, LeakageWarning) for one in caught),
    )


def _check(given: dict[str, Any]) -> None:
    check_values(
        _OWNER,
        given,
        {
            "test_size": Between(0.0, 1.0, open_low=True, open_high=True),
            "gap": Between(0.0, 1e300),
            "threshold": Optional(Between(-1e300, 1e300)),
            "n_bins": Between(2, 1000, integer=True),
            "n_repeats": Between(1, 1000, integer=True),
            "refit": InstanceOf((bool,), "True or False"),
            "confidence_level": Between(0.0, 1.0, open_low=True, open_high=True),
            "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
            "name": Optional(InstanceOf((str,), "a text or None")),
        },
    )
    problems: list[str] = []
    model = given["model"]
    if isinstance(model, type) or (model is not None and not hasattr(model, "fit")):
        problems.append(f"model must be a classifier, such as Propensity(); got {model!r}.")
    if given["moments"] is None and given["gap"]:
        problems.append("gap needs moments=.")
    if given["moments"] is not None and given["n_repeats"] > 1:
        problems.append("n_repeats must be 1 with moments=: there is one split by time.")
    if problems:
        raise InvalidParameterError(_OWNER, problems)


def _check_holdout(n_rows: int, n_bins: int) -> None:
    if n_rows < n_bins:
        message = (
            f"{_OWNER}: {n_rows} rows are held out, too few for {n_bins} bins. Give more rows, a "
            f"larger test_size or fewer n_bins."
        )
        raise InvalidDataError(message)


def _check_texts(table: FeatureTable) -> None:
    """Refuse texts that tell rows apart and nothing else: a regression would need hours for them.

    Raises
    ------
    InvalidDataError
        If a column of texts has a level for every fifth row, or more.
    """
    for name, (_, levels) in table.texts.items():
        if len(levels) > max(_FEW_LEVELS, table.n_rows / 5):
            message = (
                f"{_OWNER}: column '{name}' has {len(levels):,} different texts in "
                f"{table.n_rows:,} rows. An ID tells nothing of other customers: leave it out."
            )
            raise InvalidDataError(message, column=name)


class _Rows:
    """The rows given, checked, and what is done with some of them."""

    def __init__(self, X: Any, y: Any, sample_weight: Any, moments: Any, positive: Any) -> None:
        # Of the type, because a lazy frame warns where it is asked itself.
        is_frame = hasattr(X.__class__, "columns") or hasattr(X, "__narwhals_dataframe__")
        given: Any = frames.to_pandas(frames.enter(X, argument="X")) if is_frame else X
        if isinstance(moments, str):
            names = [str(column) for column in getattr(given, "columns", ())]
            if moments not in names:
                raise MissingColumnError(moments, names, f"{_OWNER}: X")
            moments, given = given[moments], given.drop(columns=moments)
        table = read_features(given, owner=_OWNER, allow_missing=True)
        self.n_given = table.n_rows
        self.classes, outcome = read_outcome(y, table.n_rows, owner=_OWNER, positive=positive)
        weights, kept = read_weights(sample_weight, table.n_rows, owner=_OWNER)
        self.positions: Ints = np.arange(table.n_rows) if kept is None else kept
        self.is_frame = is_frame
        self._X: Any = given if is_frame else np.asarray(given)
        self._moments: Any = None
        if moments is not None:
            self._moments = pd.Series(moments).reset_index(drop=True)
            _check_length(len(self._moments), table.n_rows)
            self._moments = self._moments.iloc[self.positions]
        self.table: FeatureTable = table if kept is None else table.take(kept)
        self.outcome: Floats = outcome[self.positions]
        self.weights = weights

    def split(self, test_size: float, gap: float, seed: int) -> Split:
        keys = row_keys(self.table, self.outcome, self.weights, seed)
        if self._moments is None:
            return split_by_chance(self.outcome, keys, test_size)
        return split_by_time(self._moments, self.outcome, keys, test_size, gap)

    def take(self, rows: Ints, names: tuple[str, ...] | None = None) -> Any:
        """Return rows of X, and of some columns if these are named."""
        at = self.positions[rows]
        found: Any = self._X.iloc[at] if self.is_frame else self._X[at]
        if names is None:
            return found
        if self.is_frame:
            return found[list(names)]
        return found[:, [self.table.names.index(one) for one in names]]

    def labels(self, rows: Ints) -> NDArray[Any]:
        found: NDArray[Any] = self.classes[self.outcome[rows].astype(np.intp)]
        return found

    def weights_of(self, rows: Ints) -> Floats | None:
        return None if self.weights is None else self.weights[rows]

    def fit(self, model: Any, rows: Ints, names: tuple[str, ...] | None = None) -> Any:
        clone: Any = from_sklearn("base.clone")
        weights = self.weights_of(rows)
        more: dict[str, Any] = {} if weights is None else {"sample_weight": weights}
        try:
            return clone(model).fit(self.take(rows, names), self.labels(rows), **more)
        except UserPortraitError:
            raise
        except (TypeError, ValueError) as error:
            what = f"{_OWNER}: {type(model).__name__} refuses the rows"
            if weights is not None and "sample_weight" in str(error):
                raise InvalidDataError(f"{what}: it takes no sample_weight.") from error
            message = (
                f"{what}: {error}. Texts need an encoder and missing values an imputer before it, "
                f"in a Pipeline."
            )
            raise InvalidDataError(message) from error

    def scores(self, model: Any, rows: Ints) -> Floats:
        """Return the scores of the outcome."""
        known: Any = getattr(model, "classes_", self.classes)
        is_first = known.tolist()[0] == self.classes.tolist()[1]
        return scores_of(model, self.take(rows), first=is_first)

    def evaluate(self, model: Any, rows: Ints, settings: dict[str, Any]) -> ClassifierEvaluation:
        return evaluate_classifier(model, self.take(rows), self.labels(rows), **settings)


def _check_length(n: int, n_rows: int) -> None:
    if n != n_rows:
        raise InvalidDataError(f"{_OWNER}: {n} moments for {n_rows} rows.")


def _repeat(
    at: int, model: Any, training: ClassifierEvaluation, evaluation: ClassifierEvaluation
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "split": at, "auc": evaluation.auc, "training_auc": training.auc,
        "calibration_error": evaluation.calibration_error,
        "top_bin_lift": float(evaluation.lift["lift"].iloc[0]),
    }  # fmt: skip
    return row | ({"terms": model.terms_} if isinstance(model, Propensity) else {})


def _tables(reader: _Rows, model: Any, rows: Ints, split: Split) -> dict[str, Any]:
    """Return the tables of a regression; None for each of another classifier."""
    names = ("summary", "effects", "factor_tests", "stepwise_path", "fit_statistics",
             "variance_inflation", "importance")  # fmt: skip
    found: dict[str, Any] = dict.fromkeys(names)
    if not isinstance(model, Propensity):
        return found
    weights = reader.weights_of(rows)
    X, y = reader.take(rows), reader.labels(rows)
    tests = model.factor_tests(X, y, weights)
    if model.stepwise is not None:
        tests["holdout_p_value"] = _holdout_tests(reader, model, tests["term"].tolist(), split)
    found |= {
        "summary": model.summary(),
        "effects": effects_frame(model, reader.table.take(rows), reader.outcome[rows], weights),
        "factor_tests": tests,
        "stepwise_path": model.stepwise_path_,
        "fit_statistics": model.fit_statistics(),
        "variance_inflation": model.variance_inflation(),
    }
    return found


def _holdout_tests(
    reader: _Rows, model: Propensity, terms: list[str], split: Split
) -> NDArray[np.float64]:
    """Return p-values of the chosen terms on rows that the choice did not see."""
    if not terms:
        return np.empty(0)
    clone: Any = from_sklearn("base.clone")
    # The reference does not matter to a test of a whole factor, and may not be there.
    plain: Any = clone(model).set_params(
        stepwise=None, on_separation="firth", reference="most_frequent"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = reader.fit(plain, split.holdout, tuple(terms))
        except InvalidDataError:  # such as a hold-out with one value in all columns
            return np.full(len(terms), np.nan)
    found: pd.DataFrame = fitted.factor_tests().set_index("term")
    return found["p_value"].reindex(terms).to_numpy(dtype=np.float64)


def _hosmer_lemeshow(
    reader: _Rows, model: Any, rows: Ints, *, in_sample: bool
) -> HosmerLemeshow | None:
    score = reader.scores(model, rows)
    if score.min() < 0 or score.max() > 1:
        return None
    try:
        return hosmer_lemeshow(reader.outcome[rows], score, in_sample=in_sample)
    except InvalidDataError:  # too few different chances
        return None
