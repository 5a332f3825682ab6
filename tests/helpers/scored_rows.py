"""Rows with an outcome, and scores of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["rows", "scored"]


def scored(n: int = 400, seed: int = 0, decimals: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes and probabilities with ties."""
    source = np.random.default_rng(seed)
    p = np.round(source.beta(1.5, 4, n), decimals)
    return (source.random(n) < p).astype(int), p


def rows(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    """Return three columns, and an outcome that two of them drive."""
    source = np.random.default_rng(1)
    X = pd.DataFrame(
        {"a": source.normal(size=n), "b": source.normal(size=n), "c": source.normal(size=n)}
    )
    y = (source.random(n) < 1 / (1 + np.exp(-1.5 * X["a"] - 0.5 * X["b"]))).astype(int)
    return X, y
