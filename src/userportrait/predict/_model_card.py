"""Model cards: of what, for what, how good, and how far the data have moved since."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from userportrait._core.multiplicity import adjust_p
from userportrait.errors import InvalidDataError
from userportrait.predict._card_columns import (
    CardColumn,
    drift_row,
    read_columns,
)
from userportrait.predict._card_reading import as_column, later_columns
from userportrait.predict._card_text import card_fragment, card_lines, card_markdown, card_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.predict._one_column import Column

__all__ = ["ModelCard"]

_FORMAT = 1
_ADDED = {"positive", "positive_column"}  # cards of the first versions lack them
_ARGUMENTS = {"score": "score", "outcome": "y"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What somebody must know who meets a fitted model later.

    It holds counts, not rows: bins of numbers, and rows of each level of texts, so that it can
    say how far later data have moved without the data of the training. Of a number it also
    holds the smallest and the largest value.

    Parameters
    ----------
    name : str
    version : int or None
        In a registry; None outside of one.
    model : str
        The class.
    library : str
        The package that the class is from.
    parameters : dict of str to JSON value
        As the constructor was given them; what JSON has not as a text.
    trained_at : datetime
        UTC, naive.
    data_from, data_to : str or None
        First and last moment of the training data, as the caller said.
    n_rows : int
    features : tuple of CardColumn
    outcome : CardColumn or None
        What was to be predicted.
    score : CardColumn or None
        What the model says of the same rows: the chance of the second class or of `positive`,
        the class of several, the segment, or the prediction.
    scores : dict of str to JSON value
        Of an evaluation, best on rows that the model has not seen.
    intended_use, notes : str
    limits : tuple of str
        For what and for whom it is not meant, or not tested.
    libraries : dict of str to str
        Versions when the card was made, Python's too.
    positive : str or None, default=None
        The outcome of two whose rate and score these are; None is the larger one.
    positive_column : int, default=1
        Its column of `predict_proba`.

    See Also
    --------
    model_card : Make one.
    userportrait.predict.ModelRegistry : Keeps it beside the model.

    References
    ----------
    .. [1] Mitchell et al. (2019), "Model cards for model reporting", FAT*.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import Propensity, model_card
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> card = model_card(Propensity().fit(X, y), X, y, name="churn")
    >>> ModelCard.from_dict(card.to_dict()) == card
    True
    """

    name: str
    version: int | None
    model: str
    library: str
    parameters: dict[str, Any]
    trained_at: datetime
    data_from: str | None
    data_to: str | None
    n_rows: int
    features: tuple[CardColumn, ...]
    outcome: CardColumn | None
    score: CardColumn | None
    scores: dict[str, Any]
    intended_use: str
    limits: tuple[str, ...]
    notes: str
    libraries: dict[str, str]
    positive: str | None = None
    positive_column: int = 1

    @property
    def outcome_rate(self) -> float | None:
        """Share of `positive`, or of the larger outcome; None where there are not two."""
        if self.outcome is None or self.outcome.n_levels != 2:
            return None
        counts = dict(zip(self.outcome.levels, self.outcome.counts, strict=True))
        positive = _larger(list(counts)) if self.positive is None else self.positive
        return counts[positive] / sum(counts.values())

    def drift(self, X: Any, score: Any = None, y: Any = None) -> pd.DataFrame:
        """Say how far later rows are from those of the training, column by column.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            Later rows. Columns that the card does not know are left out. An array has no
            names: it holds the columns of the card, in their order.
        score : array-like of shape (n_rows,), optional
            What the model says of later rows: of two classes the chance of the second one, or
            of `positive`, as a column or as `predict_proba` gives it; else as `predict` gives
            it.
        y : array-like of shape (n_rows,), optional
            Later outcomes. Classes are the same whether they are integers, floats or truths:
            ``1``, ``1.0`` and ``True``.

        Returns
        -------
        DataFrame
            The score and the outcome first, where given, then one row a feature:

            - ``role``: ``'score'``, ``'outcome'`` or ``'feature'``; ``feature``; ``kind``;
            - ``psi``, the stability index against the bins of the card, missing values in a
              bin of their own, and ``chance_psi``, what to expect where nothing has moved;
            - ``p_value`` of the chi-square test, Holm's adjustment for all rows included;
            - ``missing_before``, ``missing_after``: shares of the rows;
            - ``outside``: of the values, the share with a level that the training did not
              have, or a number below its smallest or above its largest; NaN where the card
              does not keep all levels;
            - ``mean_before``, ``mean_after`` of numbers;
            - ``verdict``: ``'stable'`` below an index of 0.1 or where the p-value is 0.01 or
              more, ``'moderate'`` below 0.25, else ``'large'``; ``'absent'`` where `X` lacks
              the column, ``'other kind'`` where numbers have become texts or the other way
              about, ``'not kept'`` where no text had ten rows or more.

        Raises
        ------
        InvalidDataError
            If `X` is empty or holds infinity, or is an array with more or fewer columns than
            the card; if a score or outcome is given that the card has nothing to compare with,
            or of another length than `X`.

        References
        ----------
        .. [1] Siddiqi (2006), "Credit risk scorecards", Wiley.

        Examples
        --------
        >>> import pandas as pd
        >>> from userportrait.predict import model_card
        >>> from userportrait.segment import CustomerSegments
        >>> X = pd.DataFrame({"visits": [1.0, 2, 3, 4, 9, 8, 7, 9] * 25})
        >>> card = model_card(CustomerSegments(2).fit(X), X)
        >>> card.drift(X + 4)[["feature", "outside", "mean_before", "mean_after", "verdict"]]
          feature  outside  mean_before  mean_after verdict
        0  visits      0.5        5.375       9.375   large
        """
        later_X, n_rows = later_columns(X, [column.name for column in self.features])
        rows: list[dict[str, Any]] = []
        for role, own, given in (("score", self.score, score), ("outcome", self.outcome, y)):
            if given is not None:
                if own is None:
                    message = f"the card has no {role} to compare with."
                    raise InvalidDataError(message)
                later = as_column(
                    given, is_text=own.kind == "text", name=_ARGUMENTS[role], n_rows=n_rows,
                    at=self.positive_column, owner="drift",
                )  # fmt: skip
                rows.append(_row(role, own, later))
        rows += [_row("feature", own, later_X.get(own.name)) for own in self.features]
        found = pd.DataFrame(rows)
        found["p_value"] = adjust_p(found["p_value"].to_numpy(dtype=np.float64), "holm")
        by_chance = found["verdict"].isin(["moderate", "large"]) & (found["p_value"] >= 0.01)
        found["verdict"] = found["verdict"].mask(by_chance, "stable")
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return the features of the training, one row each.

        Returns
        -------
        DataFrame
            ``feature``, ``kind``, ``n_rows``, ``missing_share``, ``n_levels``, ``low``,
            ``mean``, ``high``, and ``range`` in words.
        """
        return pd.DataFrame(
            {
                "feature": [column.name for column in self.features],
                "kind": [column.kind for column in self.features],
                "n_rows": [column.n_rows for column in self.features],
                "missing_share": [column.missing_share for column in self.features],
                "n_levels": [column.n_levels for column in self.features],
                "low": np.array([column.low for column in self.features], dtype=np.float64),
                "mean": np.array([column.mean for column in self.features], dtype=np.float64),
                "high": np.array([column.high for column in self.features], dtype=np.float64),
                "range": [column.range for column in self.features],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can write."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {
            "format": _FORMAT,
            "trained_at": self.trained_at.isoformat(),
            "features": [column.to_dict() for column in self.features],
            "outcome": None if self.outcome is None else self.outcome.to_dict(),
            "score": None if self.score is None else self.score.to_dict(),
            "limits": list(self.limits),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        InvalidDataError
            If it is no model card, or one of a newer version.
        """
        if document.get("format") != _FORMAT:
            message = "this is no model card of this version. Update userportrait if it is newer."
            raise InvalidDataError(message)
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {key: value for key, value in document.items() if key in known}
        missing = sorted(known - set(given) - _ADDED)
        if missing:
            raise InvalidDataError(f"the model card lacks '{missing[0]}'.")
        for key in ("outcome", "score"):
            given[key] = None if given[key] is None else read_columns([given[key]])[0]
        given["features"] = read_columns(given["features"])
        given["limits"] = tuple(given["limits"])
        given["trained_at"] = datetime.fromisoformat(given["trained_at"])
        return cls(**given)

    def to_markdown(self) -> str:
        """Return the card as a page of Markdown."""
        return card_markdown(self)

    def to_html(self) -> str:
        """Return the card as one page of HTML that needs nothing from the network."""
        return card_page(self)

    def __str__(self) -> str:
        return "\n".join(card_lines(self))

    def _repr_html_(self) -> str:
        return card_fragment(self)


def _row(role: str, own: CardColumn, later: Column | None) -> dict[str, Any]:
    return {"role": role, "feature": own.name, "kind": own.kind, **drift_row(own, later)}


def _larger(levels: list[str]) -> str:
    """Return the larger of two outcomes: by value where both are numbers."""
    try:
        return max(levels, key=float)
    except ValueError:
        return max(levels)
