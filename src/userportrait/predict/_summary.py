"""Tables of a fitted model."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import special

from userportrait.predict._stepwise import Step, joint_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.predict._newton import Fit

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["factor_frame", "path_frame", "summary_frame"]


def summary_frame(
    labels: Sequence[tuple[str, Any]], beta: Floats, covariance: Floats, confidence_level: float
) -> pd.DataFrame:
    """Return one row a coefficient."""
    errors = np.sqrt(np.diag(covariance))
    z = float(special.ndtri(0.5 + confidence_level / 2.0))
    with np.errstate(over="ignore", divide="ignore"):
        wald = (beta / errors) ** 2
        odds = np.exp(np.column_stack([beta, beta - z * errors, beta + z * errors]))
    tail: Any = special.chdtrc
    p_values: Floats = tail(1.0, wald)
    return pd.DataFrame(
        {
            "term": [term for term, _ in labels],
            "level": pd.Series([level for _, level in labels], dtype=object),
            "coef": beta,
            "std_error": errors,
            "wald_chi2": wald,
            "p_value": p_values,
            "odds_ratio": odds[:, 0],
            "ci_low": odds[:, 1],
            "ci_high": odds[:, 2],
        }
    )


def factor_frame(fit: Fit, terms: Mapping[str, Ints]) -> pd.DataFrame:
    """Return one row a term."""
    known = bool(np.isfinite(fit.covariance).all())
    rows: list[dict[str, Any]] = []
    for name, columns in terms.items():
        wald, df, p = joint_test(fit, columns) if known else (np.nan, len(columns), np.nan)
        rows.append({"term": name, "df": df, "wald_chi2": wald, "p_value": p})
    return pd.DataFrame(rows, columns=["term", "df", "wald_chi2", "p_value"])


def path_frame(path: Sequence[Step]) -> pd.DataFrame:
    """Return one row a step."""
    columns = ["step", *(field.name for field in fields(Step))]
    rows = [{"step": at, **asdict(step)} for at, step in enumerate(path)]
    return pd.DataFrame(rows, columns=columns)
