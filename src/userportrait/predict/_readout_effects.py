"""What each level and each number does to the odds, with the reference levels in their places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait.predict._propensity import Propensity

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["effects_frame", "nice_step"]

_COLUMNS = ["term", "level", "is_reference", "step", "n_rows", "rate", "odds_ratio", "ci_low",
            "ci_high", "p_value"]  # fmt: skip


def effects_frame(
    model: Propensity, table: FeatureTable, outcome: Floats, weights: Floats | None
) -> pd.DataFrame:
    """Return one row a number and one a level of each factor in the model.

    Parameters
    ----------
    model : Propensity
        Fitted to these rows.
    table : FeatureTable
    outcome : ndarray of 0.0 and 1.0
    weights : ndarray, optional
    """
    each = np.ones(table.n_rows) if weights is None else weights
    summary = model.summary()
    aliased = set(model.aliased_)
    rows: list[dict[str, Any]] = []
    for term in model.terms_:
        own = summary[summary["term"] == term]
        if term in table.numbers:
            rows.append(_number_row(term, table.numbers[term], own, float(each.sum())))
            continue
        codes, levels = table.texts[term]
        n = np.bincount(codes, weights=each, minlength=len(levels))
        ones = np.bincount(codes, weights=each * outcome, minlength=len(levels))
        found = dict(zip(own["level"].tolist(), range(len(own)), strict=True))
        for at in _in_order(levels.tolist(), list(found)):
            level = levels[at]
            if (term, level) in aliased or n[at] == 0:
                continue
            row: dict[str, Any] = {
                "term": term, "level": level, "is_reference": level not in found, "step": np.nan,
                "n_rows": float(n[at]), "rate": float(ones[at] / n[at]),
            }  # fmt: skip
            rows.append(row | _figures(own, found.get(level)))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    frame["level"] = pd.Series([row["level"] for row in rows], dtype=object)  # None stays None
    return frame.astype({"is_reference": bool})


def _in_order(levels: list[Any], shown: list[Any]) -> list[int]:
    """Return places of levels as the model has them, the reference where it would stand."""
    if shown == sorted(shown, key=str):
        return sorted(range(len(levels)), key=lambda at: str(levels[at]))
    others = [at for at, level in enumerate(levels) if level not in shown]
    return others + [levels.index(level) for level in shown]


def _figures(own: pd.DataFrame, place: int | None) -> dict[str, float]:
    """Return the figures of one row of the summary; those of a reference level for None."""
    if place is None:
        return {"odds_ratio": 1.0, "ci_low": np.nan, "ci_high": np.nan, "p_value": np.nan}
    names = ("odds_ratio", "ci_low", "ci_high", "p_value")
    return {name: float(own[name].to_numpy(np.float64)[place]) for name in names}


def _number_row(term: str, values: Floats, own: pd.DataFrame, n_rows: float) -> dict[str, Any]:
    step = nice_step(values)
    figures = _figures(own, 0)
    with np.errstate(over="ignore"):
        powers = {k: float(np.power(figures[k], step)) for k in ("odds_ratio", "ci_low", "ci_high")}
    return {
        "term": term, "level": None, "is_reference": False, "step": step, "n_rows": n_rows,
        "rate": np.nan, **figures, **powers,
    }  # fmt: skip


def nice_step(values: Floats) -> float:
    """Return a round difference about as large as the standard deviation of some numbers.

    1, 2 or 5 times a power of ten; 1 or more for whole numbers, and the difference itself for
    numbers of two values.
    """
    spread, low, high = float(values.std()), float(values.min()), float(values.max())
    if not spread > 0:
        return 1.0
    if ((values == low) | (values == high)).all():
        return high - low
    power = 10.0 ** math.floor(math.log10(spread))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda m: abs(math.log(m / spread)))
    return max(step, 1.0) if (values == np.round(values)).all() else step
