"""Where to draw the line, and what is right and wrong on its two sides."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError
from userportrait.predict._classes import read_outcome
from userportrait.predict._lift import read_score
from userportrait.predict._roc import counts_by_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Confusion", "choose_threshold", "confusion", "confusion_of", "shown_threshold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Right and wrong answers at one threshold.

    Parameters
    ----------
    threshold : float
        Rows with at least this score are called positive.
    true_positive, false_positive, false_negative, true_negative : int

    Examples
    --------
    >>> from userportrait.predict import confusion
    >>> found = confusion([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], threshold=0.5)
    >>> found.accuracy, found.precision, found.recall
    (0.5, 0.5, 0.5)
    """

    threshold: float
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def n_rows(self) -> int:
        """All rows."""
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return (self.true_positive + self.true_negative) / self.n_rows

    @property
    def precision(self) -> float:
        """Share of outcomes among those called positive; 0 if nobody is."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of outcomes that are called positive."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> float:
        """Share of the others that are not called positive."""
        return _share(self.true_negative, self.true_negative + self.false_positive)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.true_positive, 2 * self.true_positive + self._wrong)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of recall and specificity."""
        return (self.recall + self.specificity) / 2.0

    @property
    def _wrong(self) -> int:
        return self.false_positive + self.false_negative

    def to_dict(self) -> dict[str, float]:
        """Return the counts and the shares by name."""
        names = ("accuracy", "precision", "recall", "specificity", "f1", "balanced_accuracy")
        return asdict(self) | {name: float(getattr(self, name)) for name in names}

    def __str__(self) -> str:
        return (
            f"threshold {shown_threshold(self.threshold)}: {self.true_positive:,} right and "
            f"{self.false_positive:,} wrong among those called positive; "
            f"{self.false_negative:,} missed of {self.true_positive + self.false_negative:,}; "
            f"accuracy {self.accuracy:.1%}"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("did it", f"{self.true_positive:,}", f"{self.false_negative:,}"),
            ("did not", f"{self.false_positive:,}", f"{self.true_negative:,}"),
        ]
        columns = ("", "called positive", "called negative")
        title = f"Confusion matrix at {shown_threshold(self.threshold)}"
        return page_fragment(title, table(columns, rows, numeric=columns[1:]))


def shown_threshold(threshold: float) -> str:
    """Return a threshold in a few digits."""
    return f"{threshold:.4g}" if abs(threshold) > 1e-300 else "0"  # just above 0 as well


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def confusion(y: Any, score: Any, threshold: float = 0.5, *, positive: Any = None) -> Confusion:
    """Return right and wrong answers at a threshold.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Two different values.
    score : array-like of shape (n_rows,)
    threshold : float, default=0.5
        Rows with at least this score are called positive; ``inf`` calls nobody.
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    Confusion

    Raises
    ------
    InvalidParameterError
        If `threshold` is not a number.
    InvalidDataError
        If lengths differ, values are missing, or `y` has not two values.

    References
    ----------
    .. [1] Fawcett (2006), "An introduction to ROC analysis", Pattern Recognition Letters 27.

    Examples
    --------
    >>> from userportrait.predict import confusion
    >>> print(confusion([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9]))
    threshold 0.5: 1 right and 1 wrong among those called positive; 1 missed of 2; accuracy 50.0%
    """
    check_values("confusion", {"threshold": threshold}, {"threshold": Between(-np.inf, np.inf)})
    scores = read_score(score, owner="confusion")
    _, outcome = read_outcome(y, len(scores), owner="confusion", positive=positive)
    return confusion_of(outcome, scores, threshold)


def confusion_of(y: Floats, score: Floats, threshold: float) -> Confusion:
    """Return the matrix of checked arrays."""
    called = score >= threshold
    hit = int((called & (y > 0.5)).sum())
    n_called, ones = int(called.sum()), int(y.sum())
    return Confusion(
        threshold=float(threshold),
        true_positive=hit,
        false_positive=n_called - hit,
        false_negative=ones - hit,
        true_negative=len(y) - n_called - ones + hit,
    )


def choose_threshold(
    y: Any,
    score: Any,
    *,
    by: Literal["youden", "f1", "cost", "budget"] = "youden",
    false_positive_cost: float = 1.0,
    false_negative_cost: float = 1.0,
    budget: float | None = None,
    positive: Any = None,
) -> float:
    """Return the threshold that does best by one rule.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Two different values.
    score : array-like of shape (n_rows,)
    by : {'youden', 'f1', 'cost', 'budget'}, default='youden'
        Largest recall plus specificity, largest F1, least cost of wrong answers, or at most
        `budget` of the rows called positive.
    false_positive_cost, false_negative_cost : float, default=1.0
        For ``'cost'``.
    budget : float, optional
        For ``'budget'``: a share of the rows, in (0, 1].
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    float
        The highest of equally good ones; rows with at least this score are called positive.
        ``inf`` where calling nobody is best, or all of the best score exceed the budget.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range, or `budget` is missing.

    References
    ----------
    .. [1] Youden (1950), "Index for rating diagnostic tests", Cancer 3; Elkan (2001), "The
       foundations of cost-sensitive learning", IJCAI.

    Examples
    --------
    >>> from userportrait.predict import choose_threshold
    >>> y, score = [0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9]
    >>> choose_threshold(y, score, by="cost", false_negative_cost=5)
    0.4
    >>> choose_threshold(y, score, by="budget", budget=0.25)
    0.9
    """
    cost = Between(0.0, 1e300)
    check_values(
        "choose_threshold",
        {
            "by": by, "false_positive_cost": false_positive_cost,
            "false_negative_cost": false_negative_cost, "budget": budget,
        },
        {
            "by": OneOf(("youden", "f1", "cost", "budget")), "false_positive_cost": cost,
            "false_negative_cost": cost, "budget": Optional(Between(0.0, 1.0, open_low=True)),
        },
    )  # fmt: skip
    if by == "budget" and budget is None:
        raise InvalidParameterError("choose_threshold", ["by='budget' needs budget=."])
    scores = read_score(score, owner="choose_threshold")
    _, outcome = read_outcome(y, len(scores), owner="choose_threshold", positive=positive)
    thresholds, rows, hits = counts_by_score(outcome, scores)
    thresholds, rows, hits = np.r_[np.inf, thresholds], np.r_[0.0, rows], np.r_[0.0, hits]
    ones = float(outcome.sum())
    zeros = len(outcome) - ones
    if by == "budget":
        limit = (budget or 0.0) * len(scores) * (1.0 + 1e-12)  # 0.29 of 100 rows are 29
        return float(thresholds[np.flatnonzero(rows <= limit)[-1]])
    gains = {
        "youden": hits * zeros - (rows - hits) * ones,  # whole numbers: ties are exact
        "f1": 2.0 * hits / (rows + ones),
        "cost": -(false_positive_cost * (rows - hits) + false_negative_cost * (ones - hits)),
    }
    gain = gains[by]
    # Costs are added up with rounding; the highest of equally good thresholds comes first.
    even = 1e-12 * float(np.abs(gain).max())
    return float(thresholds[int(np.argmax(gain >= gain.max() - even))])
