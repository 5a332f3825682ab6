"""Propensity on public data: statsmodels' figures, and probabilities that mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold

from helpers.logistic import written_out
from helpers.public_outcomes import read_outcomes
from userportrait.predict import (
    Propensity,
    cross_fitted_scores,
    expected_calibration_error,
)

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["bank", "telco", "shoppers"]


def exact_errors(matrix: np.ndarray, beta: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return standard errors in extended precision, after a Newton step from `beta`."""
    columns = matrix.astype(np.longdouble)
    columns /= np.sqrt((columns**2).mean(axis=0))
    scale = np.sqrt((matrix.astype(np.longdouble) ** 2).mean(axis=0))
    beta = beta * scale
    for _ in range(2):
        p = 1 / (1 + np.exp(-(columns @ beta)))
        covariance = inverse((columns.T * (p * (1 - p))) @ columns)
        beta = beta + covariance @ (columns.T @ (y - p))
    return np.asarray(np.sqrt(np.diag(covariance)) / scale, dtype=float)


def inverse(matrix: np.ndarray) -> np.ndarray:
    """Invert by elimination, for LAPACK knows no extended precision."""
    size = len(matrix)
    wide = np.hstack([matrix, np.eye(size, dtype=matrix.dtype)])
    for at in range(size):
        wide[at] /= wide[at, at]
        others = np.arange(size) != at
        wide[others] -= np.outer(wide[others, at], wide[at])
    return wide[:, size:]


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_those_of_statsmodels(shared_data: Path, name: str) -> None:
    frame, y = read_outcomes(shared_data, name)
    model = Propensity().fit(frame, y)
    assert not model.is_penalised_
    summary, matrix = model.summary(), written_out(model, frame)
    oracle = sm.Logit(y, matrix).fit(disp=0, method="newton", tol=1e-9)
    assert summary["coef"].to_numpy() == pytest.approx(oracle.params, rel=1e-8, abs=1e-10)
    # Telco's charges are all but the sum of its services: there statsmodels keeps seven digits of
    # the errors, so those of extended precision are the judge.
    errors = oracle.bse
    if name == "telco":
        errors = exact_errors(matrix, oracle.params, y)
        assert errors == pytest.approx(oracle.bse, rel=1e-7)
    assert summary["std_error"].to_numpy() == pytest.approx(errors, rel=1e-8)
    wald = (oracle.params / errors) ** 2
    assert summary["wald_chi2"].to_numpy() == pytest.approx(wald, rel=1e-8, abs=1e-10)
    assert summary["odds_ratio"].to_numpy() == pytest.approx(np.exp(oracle.params), rel=1e-8)
    tests = model.factor_tests()
    for at, term in enumerate(tests["term"]):
        rows = np.eye(len(summary))[np.flatnonzero(summary["term"] == term)]
        joint = oracle.wald_test(rows, scalar=True, use_f=False)
        assert tests["wald_chi2"].iloc[at] == pytest.approx(
            float(joint.statistic), rel=1e-7, abs=1e-9
        )


# In some folds nobody buys in February, so a fold's model may be Firth's.
@pytest.mark.parametrize(
    "name", [pytest.param("bank", marks=pytest.mark.slow), "telco", "shoppers"]
)
@pytest.mark.filterwarnings("ignore::userportrait.predict.SeparationWarning")
def test_calibrated_probabilities_are_right_within_two_per_cent(
    shared_data: Path, name: str
) -> None:
    frame, y = read_outcomes(shared_data, name)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = CalibratedClassifierCV(
        Propensity(unseen="reference"), method="isotonic", cv=folds, ensemble=False
    )
    scores = cross_fitted_scores(model, frame, y)
    assert expected_calibration_error(y, scores) <= 0.02
