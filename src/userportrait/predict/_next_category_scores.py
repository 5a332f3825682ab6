"""How well chances of several categories came true, beside what needs no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from userportrait.predict._calibration import calibration_frame, error_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Codes: TypeAlias = NDArray[np.int64]

__all__ = ["baselines", "score_table"]


def baselines(own: Codes, shares: Floats) -> dict[str, Floats]:
    """Return the chances that a customer's counts give, and those of everybody alike.

    Everybody's shares count as one order of the customer's own, so that nothing is
    impossible and ties go to the more popular category.
    """
    chances = own + shares
    return {
        "own_most_frequent": chances / chances.sum(axis=1, keepdims=True),
        "global_shares": np.tile(shares, (len(own), 1)),
    }


def score_table(chances: Mapping[str, Floats], chosen: Codes) -> pd.DataFrame:
    """Return one row a way of predicting."""
    rows = [{"model": name, **_scores(found, chosen)} for name, found in chances.items()]
    columns = ["model", "n_customers", "top1", "top3", "log_loss", "calibration_error"]
    return pd.DataFrame(rows, columns=columns)


def _scores(chances: Floats, chosen: Codes) -> dict[str, float]:
    n, size = chances.shape
    took = chances[np.arange(n), chosen][:, None]
    places: Codes = np.tile(np.arange(size, dtype=np.int64), (n, 1))
    earlier = np.less(places, chosen[:, None])
    rank = np.count_nonzero((chances > took) | ((chances == took) & earlier), axis=1)
    is_it = np.equal(places, chosen[:, None]).astype(np.float64)
    table = calibration_frame(is_it.ravel(), np.clip(chances, 0.0, 1.0).ravel(), 10)
    return {
        "n_customers": n,
        "top1": float(np.less(rank, 1).mean()),
        "top3": float(np.less(rank, 3).mean()),
        "log_loss": -float(np.log(took).mean()),
        "calibration_error": error_of(table),
    }
