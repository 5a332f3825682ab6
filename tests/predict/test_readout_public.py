"""The read-out on public data: statsmodels' and scikit-learn's figures in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn import metrics

from helpers.logistic import written_out
from helpers.public_outcomes import read_outcomes
from userportrait.predict import propensity_readout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "area", "lift"), [("bank", 0.77, 4.0), ("telco", 0.82, 2.5), ("shoppers", 0.88, 4.3)]
)
def test_the_whole_read_out_has_the_figures_of_others(
    shared_data: Path, name: str, area: float, lift: float
) -> None:
    X, y = read_outcomes(shared_data, name)
    found = propensity_readout(X, y)
    train, held = found.training_rows, found.holdout_rows
    assert len(held) == round(0.2 * (y == 0).sum()) + round(0.2 * (y == 1).sum())
    assert found.summary is not None
    assert found.factor_tests is not None
    matrix = written_out(found.model, X.iloc[train])
    oracle = sm.Logit(y[train], matrix).fit(disp=0, method="newton", tol=1e-9)
    summary = found.summary
    assert summary["coef"].to_numpy() == pytest.approx(oracle.params, rel=1e-7, abs=1e-9)
    # Charges and services of the telephone contracts are all but collinear.
    assert summary["std_error"].to_numpy() == pytest.approx(oracle.bse, rel=1e-6)
    assert summary["odds_ratio"].to_numpy()[1:] == pytest.approx(
        np.exp(oracle.params[1:]), rel=1e-7
    )
    for term, wald in found.factor_tests[["term", "wald_chi2"]].itertuples(index=False):
        joint = np.eye(len(summary))[np.flatnonzero(summary["term"] == term)]
        expected = oracle.wald_test(joint, scalar=True, use_f=False).statistic
        assert wald == pytest.approx(float(expected), rel=1e-6, abs=1e-9)
    p = 1 / (1 + np.exp(-written_out(found.model, X.iloc[held]) @ oracle.params))
    assert found.evaluation.auc == pytest.approx(metrics.roc_auc_score(y[held], p), rel=1e-9)
    assert found.evaluation.brier == pytest.approx(metrics.brier_score_loss(y[held], p))
    c = found.confusion
    counted = [c.true_negative, c.false_positive, c.false_negative, c.true_positive]
    assert counted == metrics.confusion_matrix(y[held], p >= 0.5).ravel().tolist()
    best = np.argsort(-p, kind="stable")[: found.lift["n_rows"].iloc[0]]
    assert found.lift["lift"].iloc[0] == pytest.approx(y[held][best].mean() / y[held].mean())
    # Levels known to be reached; a fall below them is a fault.
    assert found.evaluation.auc > area
    assert found.lift["lift"].iloc[0] > lift
    assert abs(found.optimism) < 0.02
