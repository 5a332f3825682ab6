"""Customers to model, and the same model by statsmodels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import statsmodels.api as sm

if TYPE_CHECKING:
    from userportrait.predict import Propensity

__all__ = ["customers", "oracle_fit", "written_out"]


def customers(n: int = 800, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return two numbers and three factors, of which `city` has nothing to say."""
    source = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": source.normal(45, 12, n),
            "plan": source.choice(["basic", "gold", "plus"], n),
            "spend": source.lognormal(3, 1, n),
            "city": source.choice(["Bonn", "Lima", "Oslo", "Rome"], n),
            "channel": source.choice(["app", "web"], n, p=[0.2, 0.8]),
        }
    )
    eta = (
        -1.5 + 0.03 * (frame["age"] - 45) + 0.9 * (frame["plan"] == "gold")
        - 0.7 * (frame["plan"] == "plus") + 0.01 * frame["spend"]
        + 0.5 * (frame["channel"] == "app")
    )  # fmt: skip
    y = (source.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    return frame, y


def written_out(model: Propensity, frame: pd.DataFrame) -> np.ndarray:
    """Return the columns of the model's summary as a matrix."""
    summary = model.summary()
    columns = [
        np.ones(len(frame))
        if term == "intercept"
        else frame[term].to_numpy(dtype=float)
        if level is None
        else (frame[term] == level).to_numpy(dtype=float)
        for term, level in zip(summary["term"], summary["level"], strict=True)
    ]
    return np.column_stack(columns)


def oracle_fit(model: Propensity, frame: pd.DataFrame, y: np.ndarray, **more: Any) -> Any:
    """Return statsmodels' fit of those columns."""
    family = sm.families.Binomial()
    return sm.GLM(y, written_out(model, frame), family=family, **more).fit(tol=1e-14, maxiter=200)
