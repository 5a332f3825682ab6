"""How well a classifier tells customers apart, all in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, check_values
from userportrait.errors import InvalidDataError
from userportrait.predict._calibration import calibration_frame, error_of
from userportrait.predict._classes import check_classes, read_outcome
from userportrait.predict._lift import lift_frame, read_score
from userportrait.predict._roc import areas_with_covariance, delong_interval, roc_frame
from userportrait.predict._thresholds import Confusion, confusion_of, shown_threshold

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["ClassifierEvaluation", "evaluate_classifier", "evaluate_scores", "scores_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassifierEvaluation:
    """What a classifier does on rows, best those that it has not seen.

    Parameters
    ----------
    name : str
    n_rows, n_positive : int
    auc : float
        Chance that a row with the outcome scores above one without it; ties count half.
    auc_interval : tuple of float
        DeLong's interval, built on the logit; Newcombe's where that has no width, as of a
        perfect order.
    confidence_level : float
    ks : float
        Largest distance between the two classes' shares at or above a score.
    ks_threshold : float
        Score at which it is reached; also Youden's threshold.
    average_precision : float
    brier, log_loss, calibration_error : float or None
        Of the probabilities; None where the scores are none.
    confusion : Confusion
    roc : DataFrame
        ``threshold``, ``n_rows``, ``true_positive_rate``, ``false_positive_rate``,
        ``precision``.
    lift : DataFrame
        As `lift_table` gives it.
    calibration : DataFrame or None
        As `calibration_table` gives it.

    See Also
    --------
    evaluate_classifier : Make one.

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores
    >>> found = evaluate_scores([0, 0, 1, 1, 0, 1], [0.1, 0.6, 0.4, 0.9, 0.2, 0.7], n_bins=2)
    >>> round(found.auc, 3), round(found.ks, 3)
    (0.889, 0.667)
    """

    name: str
    n_rows: int
    n_positive: int
    auc: float
    auc_interval: tuple[float, float]
    confidence_level: float
    ks: float
    ks_threshold: float
    average_precision: float
    brier: float | None
    log_loss: float | None
    calibration_error: float | None
    confusion: Confusion
    roc: pd.DataFrame
    lift: pd.DataFrame
    calibration: pd.DataFrame | None

    @property
    def gini(self) -> float:
        """Twice the area above one half."""
        return 2.0 * self.auc - 1.0

    def to_dict(self) -> dict[str, float | str | None]:
        """Return the single figures by name."""
        low, high = self.auc_interval
        return {
            "name": self.name, "n_rows": self.n_rows, "n_positive": self.n_positive,
            "auc": self.auc, "auc_ci_low": low, "auc_ci_high": high, "gini": self.gini,
            "ks": self.ks, "ks_threshold": self.ks_threshold,
            "average_precision": self.average_precision, "brier": self.brier,
            "log_loss": self.log_loss, "calibration_error": self.calibration_error,
            "threshold": self.confusion.threshold, "accuracy": self.confusion.accuracy,
            "precision": self.confusion.precision, "recall": self.confusion.recall,
            "f1": self.confusion.f1, "top_bin_lift": float(self.lift["lift"].iloc[0]),
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return the single figures as one row."""
        return pd.DataFrame([self.to_dict()])

    def plot(self) -> Figure:
        """Draw the curve, gain and lift, precision and recall, and calibration.

        Returns
        -------
        matplotlib Figure
            Four panels.
        """
        from userportrait.predict._plots import plot_evaluation

        return plot_evaluation(self)

    def __str__(self) -> str:
        low, high = self.auc_interval
        share, best = self.n_positive / self.n_rows, self.lift.iloc[0]
        lines = [
            f"{self.name}: {self.n_rows:,} rows, {self.n_positive:,} ({share:.1%}) positive",
            f"area under the curve {self.auc:.3f} [{low:.3f}, {high:.3f}], KS {self.ks:.3f}",
            f"best {best.n_rows:,.0f} rows: lift {best.lift:.2f}, {best.gain:.1%} of all outcomes",
            str(self.confusion),
        ]
        if self.brier is not None and self.calibration_error is not None:
            lines.append(
                f"Brier score {self.brier:.4f}, calibration error {self.calibration_error:.4f}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        line = self.confusion.threshold
        shown = [
            (
                name.replace("_", " "),
                "" if v is None else f"{v:,.4g}" if isinstance(v, float) else v,
            )
            for name, v in (self.to_dict() | {"threshold": shown_threshold(line)}).items()
            if name != "name"
        ]
        figures = table(("measure", "value"), shown, numeric=("value",))
        columns = ("bin", "n_rows", "n_positive", "rate", "lift", "gain")
        rows = [
            (int(b), f"{int(n):,}", f"{p:,.1f}", f"{r:.1%}", f"{lift:.2f}", f"{g:.1%}")
            for b, n, p, r, lift, g in self.lift[list(columns)].itertuples(index=False)
        ]
        named = [name.replace("_", " ") for name in columns]
        return page_fragment(
            self.name, figures, table(named, rows, numeric=named, caption="Lift and gain")
        )


def evaluate_classifier(
    model: Any,
    X: Any,
    y: Any,
    *,
    threshold: float | None = None,
    n_bins: int = 10,
    confidence_level: float = 0.95,
    name: str | None = None,
    positive: Any = None,
) -> ClassifierEvaluation:
    """Evaluate any fitted classifier of two classes.

    Parameters
    ----------
    model : classifier
        With ``predict_proba``, or else ``decision_function``; scikit-learn's all do.
    X : array-like of shape (n_rows, n_features), or frame
        Rows that the model has not seen, or the figures flatter it.
    y : array-like of shape (n_rows,)
        The two values that the model was fitted to.
    threshold : float, optional
        For the confusion matrix: rows with at least this score are called positive. By default
        0.5, or 0 of a decision function; where a score is exactly that, the next number above,
        because ``predict`` calls the model's first class where both are equally likely.
    n_bins : int, default=10
        For lift and calibration; 2 to 1000.
    confidence_level : float, default=0.95
    name : str, optional
        By default the class of the model.
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    ClassifierEvaluation

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    InvalidDataError
        If the model gives no scores, `y` has not two values or others than the model's
        ``classes_``, lengths differ, or there are fewer rows than bins.

    References
    ----------
    .. [1] DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two or more
       correlated receiver operating characteristic curves", Biometrics 44(3).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.predict import Propensity, evaluate_classifier
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> y = (np.sin(np.arange(200) * 7.0) + x[:, 0] > 0).astype(int)
    >>> found = evaluate_classifier(Propensity().fit(x, y), x, y)
    >>> round(found.auc, 2), found.confusion.accuracy > 0.8
    (0.97, True)
    """
    owner = "evaluate_classifier"
    _check(owner, 0.0 if threshold is None else threshold, n_bins, confidence_level)
    values = read_score(scores_of(model, X), owner=owner)
    classes, outcome = read_outcome(y, len(values), owner=owner, positive=positive)
    is_first = check_classes(model, classes, owner=owner)
    if is_first:
        values = scores_of(model, X, first=True)
    line = _line_of(model, values, is_first) if threshold is None else threshold
    _check_size(owner, len(values), n_bins)
    return _evaluation(
        outcome, values, name=name or type(model).__name__, threshold=line, n_bins=n_bins,
        confidence_level=confidence_level,
    )  # fmt: skip


def evaluate_scores(
    y: Any,
    score: Any,
    *,
    threshold: float = 0.5,
    n_bins: int = 10,
    confidence_level: float = 0.95,
    name: str = "scores",
    positive: Any = None,
) -> ClassifierEvaluation:
    """Evaluate scores, wherever they come from.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Two different values.
    score : array-like of shape (n_rows,)
        Higher is likelier. All in [0, 1] they are taken for probabilities.
    threshold : float, default=0.5
        For the confusion matrix: rows with at least this score are called positive.
    n_bins : int, default=10
        For lift and calibration; 2 to 1000.
    confidence_level : float, default=0.95
    name : str, default='scores'
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    ClassifierEvaluation

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    InvalidDataError
        If lengths differ, values are missing, `y` has not two values, or there are fewer rows
        than bins.

    References
    ----------
    .. [1] DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two or more
       correlated receiver operating characteristic curves", Biometrics 44(3).

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores
    >>> evaluate_scores([0, 1, 0, 1], [1, 4, 2, 3], threshold=3, n_bins=2).confusion.accuracy
    1.0
    """
    owner = "evaluate_scores"
    _check(owner, threshold, n_bins, confidence_level)
    values = read_score(score, owner=owner)
    _, outcome = read_outcome(y, len(values), owner=owner, positive=positive)
    _check_size(owner, len(values), n_bins)
    return _evaluation(
        outcome, values, name=name, threshold=threshold, n_bins=n_bins,
        confidence_level=confidence_level,
    )  # fmt: skip


def _check(owner: str, threshold: float, n_bins: int, confidence_level: float) -> None:
    check_values(
        owner,
        {"threshold": threshold, "n_bins": n_bins, "confidence_level": confidence_level},
        {
            "threshold": Between(-1e300, 1e300),
            "n_bins": Between(2, 1000, integer=True),
            "confidence_level": Between(0.0, 1.0, open_low=True, open_high=True),
        },
    )


def _check_size(owner: str, n_rows: int, n_bins: int) -> None:
    if n_rows < n_bins:
        message = f"{owner}: {n_bins} bins need as many rows; there are {n_rows}."
        raise InvalidDataError(message)


def _line_of(model: Any, scores: Floats, is_first: bool) -> float:
    """Return a threshold that calls the rows that the model's ``predict`` calls."""
    line = 0.5 if hasattr(model, "predict_proba") else 0.0
    is_even = not is_first and bool((scores == line).any())
    return float(np.nextafter(line, 1.0)) if is_even else line


def _evaluation(
    outcome: Floats,
    values: Floats,
    *,
    name: str,
    threshold: float,
    n_bins: int,
    confidence_level: float,
) -> ClassifierEvaluation:
    areas, covariance = areas_with_covariance(outcome, values[None, :])
    roc = roc_frame(outcome, values)
    distance = (roc["true_positive_rate"] - roc["false_positive_rate"]).to_numpy()
    ones = float(outcome.sum())
    zeros = len(outcome) - ones
    hits = np.rint(roc["true_positive_rate"].to_numpy() * ones)
    # Whole numbers, so that of equal distances the highest threshold is found.
    at = int(np.argmax(hits * len(outcome) - roc["n_rows"].to_numpy() * ones))
    recall = roc["true_positive_rate"].to_numpy()
    is_probability = bool((values >= 0).all() and (values <= 1).all())
    calibration = calibration_frame(outcome, values, n_bins) if is_probability else None
    return ClassifierEvaluation(
        name=name,
        n_rows=len(values),
        n_positive=int(outcome.sum()),
        auc=float(areas[0]),
        auc_interval=delong_interval(
            float(areas[0]), float(covariance[0, 0]), confidence_level, (int(ones), int(zeros))
        ),
        confidence_level=confidence_level,
        ks=float(distance[at]),
        ks_threshold=float(roc["threshold"].iloc[at]),
        average_precision=float((np.diff(recall) * roc["precision"].to_numpy()[1:]).sum()),
        brier=float(((values - outcome) ** 2).mean()) if is_probability else None,
        log_loss=_log_loss(outcome, values) if is_probability else None,
        calibration_error=None if calibration is None else error_of(calibration),
        confusion=confusion_of(outcome, values, threshold),
        roc=roc,
        lift=lift_frame(outcome, values, n_bins),
        calibration=calibration,
    )


def scores_of(model: Any, X: Any, *, first: bool = False) -> Floats:
    """Return the chance of the second class, or of the first, or else the decision function.

    Raises
    ------
    InvalidDataError
        If the model has neither, or knows more than two classes.
    """
    classes = getattr(model, "classes_", None)
    if classes is not None and len(classes) != 2:
        message = f"{type(model).__name__} knows {len(classes)} classes; two are needed."
        raise InvalidDataError(message)
    if hasattr(model, "predict_proba"):
        found: Floats = np.asarray(model.predict_proba(X), dtype=np.float64)[:, 0 if first else 1]
        return found
    if hasattr(model, "decision_function"):
        decision: Floats = np.asarray(model.decision_function(X), dtype=np.float64)
        return -decision if first else decision
    message = (
        f"{type(model).__name__} has neither predict_proba nor decision_function. "
        f"Give evaluate_scores() its scores."
    )
    raise InvalidDataError(message)


def _log_loss(y: Floats, probability: Floats) -> float:
    safe = np.clip(probability, 1e-15, 1.0 - 1e-15)
    return float(-(y * np.log(safe) + (1.0 - y) * np.log1p(-safe)).mean())
