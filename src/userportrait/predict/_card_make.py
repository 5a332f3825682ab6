"""Make a card of a fitted model."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.params import Between, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.predict._card_columns import CardColumn, describe_column
from userportrait.predict._card_reading import (
    as_column,
    columns_of,
    features_of,
    level_text,
    period_problems,
    plain_value,
)
from userportrait.predict._classes import check_classes, read_outcome
from userportrait.predict._model_card import ModelCard

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["model_card"]

_MOST_CLASSES = 20
_LIBRARIES = ("userportrait", "scikit-learn", "numpy", "scipy", "pandas")


def model_card(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    name: str | None = None,
    data_from: date | str | None = None,
    data_to: date | str | None = None,
    trained_at: datetime | None = None,
    scores: Any = None,
    intended_use: str = "",
    limits: Sequence[str] = (),
    notes: str = "",
    n_bins: int = 10,
    positive: Any = None,
) -> ModelCard:
    """Describe a fitted model and the rows it was trained on.

    Parameters
    ----------
    model : estimator
        Fitted: any of this library or with scikit-learn's verbs, classifier, clusterer,
        regressor or transformer.
    X : array-like of shape (n_rows, n_features), or frame
        The rows of the training. A column ``customer_id`` and columns of times are no
        features: they are left out, and the model gets them only if it was fitted on them. A
        single column will do for models of one feature.
    y : array-like of shape (n_rows,), optional
        The outcome. Up to 20 different values are classes; ``1.0`` and ``True`` are the class
        ``1``.
    name : str, optional
        By default the class of the model.
    data_from, data_to : date, datetime or str, optional
        First and last moment of the data; texts as in ``'2025-12-31'`` or
        ``'2025-12-31T18:00'`` (ISO 8601). They are kept as they are given.
    trained_at : datetime, optional
        UTC; by default now.
    scores : mapping, ClassifierEvaluation or anything with `to_dict`, optional
        How good the model is, best on rows that it has not seen.
    intended_use, notes : str, optional
    limits : sequence of str, optional
    n_bins : int, default=10
        Bins of numbers, of about equal rows; 2 to 1000.
    positive : optional
        The value of `y` whose rate and chance the card keeps, as in `evaluate_classifier`; by
        default the larger one, which of ``'churn'`` and ``'stay'`` is ``'stay'``.

    Returns
    -------
    ModelCard

    Raises
    ------
    InvalidParameterError
        If a parameter is out of range or of the wrong kind, or `data_from` is later than
        `data_to`; all of them at once. If `positive` is no value of `y`.
    InvalidDataError
        If `X` is empty, holds infinity, or has another length than `y`; with `positive`, if `y`
        has not two values without missing ones, or others than the model's ``classes_``.
    NotFittedError
        If the model is not fitted.

    References
    ----------
    .. [1] Mitchell et al. (2019), "Model cards for model reporting", FAT*.

    Examples
    --------
    >>> from datetime import datetime
    >>> import pandas as pd
    >>> from userportrait.predict import Propensity, evaluate_classifier, model_card
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> model = Propensity().fit(X, y)
    >>> card = model_card(
    ...     model,
    ...     X,
    ...     y,
    ...     name="gold offer",
    ...     data_from="2025-01-01",
    ...     data_to="2025-12-31",
    ...     trained_at=datetime(2026, 1, 5),
    ...     scores=evaluate_classifier(model, X, y),
    ...     intended_use="Whom to call first.",
    ...     limits=["Not for prices."],
    ... )
    >>> card.outcome_rate, round(card.scores["auc"], 3)
    (0.5, 0.667)
    >>> print(card.to_frame()[["feature", "range"]])
      feature        range
    0    plan  basic, gold
    1  visits       1 to 5
    """
    _check(name, intended_use, notes, n_bins, trained_at, limits, (data_from, data_to))
    columns = columns_of(X)
    n_rows = next(iter(columns.values())).n_rows
    column = 1 if positive is None else _positive_column(model, y, n_rows, positive)
    module = type(model).__module__.partition(".")[0]
    return ModelCard(
        name=type(model).__name__ if name is None else name,
        version=None,
        model=type(model).__name__,
        library=module,
        parameters=_parameters(model),
        trained_at=_moment(trained_at),
        data_from=_day(data_from),
        data_to=_day(data_to),
        n_rows=n_rows,
        features=tuple(describe_column(key, column, n_bins) for key, column in columns.items()),
        outcome=None if y is None else _outcome(y, n_rows, n_bins),
        score=_score(model, X, n_rows, n_bins, column),
        scores=_scores(scores),
        intended_use=intended_use,
        limits=tuple(limits),
        notes=notes,
        libraries=_versions(),
        positive=None if positive is None else level_text(positive),
        positive_column=column,
    )


def _check(
    name: object,
    intended_use: object,
    notes: object,
    n_bins: object,
    trained_at: Any,
    limits: Any,
    days: tuple[Any, Any],
) -> None:
    check_values("model_card", {"n_bins": n_bins}, {"n_bins": Between(2, 1000, integer=True)})
    texts = {
        "intended_use": intended_use,
        "notes": notes,
        **({} if name is None else {"name": name}),
    }
    problems = [
        f"{key} must be a text; got {type(value).__name__}."
        for key, value in texts.items()
        if not isinstance(value, str)
    ]
    if trained_at is not None and not isinstance(trained_at, datetime):
        problems.append(f"trained_at must be a datetime; got {type(trained_at).__name__}.")
    if isinstance(limits, str) or not all(isinstance(limit, str) for limit in limits):
        problems.append("limits must be a sequence of texts.")
    problems += period_problems(*days)
    if problems:
        raise InvalidParameterError("model_card", problems)


def _outcome(y: Any, n_rows: int, n_bins: int) -> CardColumn:
    plain = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    if plain.ndim != 1 or len(plain) != n_rows:
        message = f"model_card: y must be one column of {n_rows} rows; it has shape {plain.shape}."
        raise InvalidDataError(message)
    is_number = plain.dtype.kind in "iuf" and len(np.unique(plain)) > _MOST_CLASSES
    column = as_column(plain, is_text=not is_number, name="y", n_rows=n_rows)
    return describe_column("outcome", column, n_bins)


def _positive_column(model: Any, y: Any, n_rows: int, positive: Any) -> int:
    classes, _ = read_outcome(y, n_rows, owner="model_card", positive=positive)
    return 0 if check_classes(model, classes, owner="model_card") else 1


def _score(model: Any, X: Any, n_rows: int, n_bins: int, at: int) -> CardColumn | None:
    """Return what the model says of its own rows; None for transformers."""
    found, is_text = _said(model, features_of(X, model), at)
    if found is None or np.shape(found) != (n_rows,):
        return None
    column = as_column(found, is_text=is_text, name="score", n_rows=n_rows)
    return describe_column("score", column, n_bins)


def _said(model: Any, X: Any, at: int) -> tuple[Any, bool]:
    """Return what a model says of rows, None for nothing, and whether that is a class."""
    n_classes = len(getattr(model, "classes_", ()))
    if n_classes == 2 and hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X))[:, at], False
    if n_classes == 2 and hasattr(model, "decision_function"):
        margin = np.asarray(model.decision_function(X))
        return margin if at else -margin, False
    if not hasattr(model, "predict"):
        return getattr(model, "labels_", None), True
    found = np.asarray(model.predict(X))
    is_many = found.dtype.kind in "iu" and len(np.unique(found)) > _MOST_CLASSES
    return found, n_classes > 0 or not (found.dtype.kind == "f" or is_many)


def _parameters(model: Any) -> dict[str, Any]:
    get_params: Any = getattr(model, "get_params", None)
    if not callable(get_params):
        return {}
    given: Any = get_params(deep=False)
    return {name: plain_value(given[name]) for name in sorted(given)}


def _scores(scores: Any) -> dict[str, Any]:
    to_dict: Any = getattr(scores, "to_dict", None)
    given: Any = to_dict() if callable(to_dict) else scores
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        problem = f"scores must be a mapping or have to_dict; got {type(scores).__name__}."
        raise InvalidParameterError("model_card", [problem])
    found: dict[str, Any] = plain_value(given)
    return found


def _moment(given: datetime | None) -> datetime:
    if given is None:
        return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return given if given.tzinfo is None else given.astimezone(UTC).replace(tzinfo=None)


def _day(given: date | str | None) -> str | None:
    return given if given is None or isinstance(given, str) else given.isoformat()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
