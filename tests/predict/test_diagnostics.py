"""Diagnostics of a logistic regression: statsmodels' figures and definitions written out."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from helpers.logistic import customers, oracle_fit, written_out
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.predict import Propensity, hosmer_lemeshow


def test_likelihood_ratios_are_those_of_statsmodels_fits_without_the_column() -> None:
    frame, y = customers()
    model = Propensity().fit(frame, y)
    full, summary = oracle_fit(model, frame, y), model.summary()
    matrix = written_out(model, frame)
    tests = model.factor_tests(frame, y)
    assert tests[["term", "wald_chi2"]].equals(model.factor_tests()[["term", "wald_chi2"]])
    for at, term in enumerate(tests["term"]):
        kept = matrix[:, (summary["term"] != term).to_numpy()]
        less = sm.GLM(y, kept, family=sm.families.Binomial()).fit(tol=1e-14)
        ratio = 2 * (full.llf - less.llf)
        df = len(full.params) - len(less.params)
        assert tests["lr_chi2"].iloc[at] == pytest.approx(ratio, rel=1e-8)
        assert tests["lr_p_value"].iloc[at] == pytest.approx(stats.chi2.sf(ratio, df), rel=1e-7)


def test_the_test_of_the_model_and_r_squared_are_those_of_statsmodels() -> None:
    frame, y = customers()
    model = Propensity().fit(frame, y)
    found = model.fit_statistics()
    oracle = sm.Logit(y, written_out(model, frame)).fit(disp=0, method="newton", tol=1e-14)
    assert found["lr_chi2"] == pytest.approx(oracle.llr, rel=1e-9)
    assert found["p_value"] == pytest.approx(oracle.llr_pvalue, rel=1e-8)
    assert found["df"] == oracle.df_model
    assert found["mcfadden"] == pytest.approx(oracle.prsquared, rel=1e-9)
    size = len(oracle.params)
    assert found["mcfadden_adjusted"] == pytest.approx(1 - (oracle.llf - size) / oracle.llnull)
    cox_snell = oracle_fit(model, frame, y).pseudo_rsquared(kind="cs")
    assert found["cox_snell"] == pytest.approx(cox_snell, rel=1e-9)
    most = 1 - np.exp(oracle.llnull) ** (2 / len(y))
    assert found["nagelkerke"] == pytest.approx(cox_snell / most, rel=1e-8)
    p = oracle.predict()
    assert found["tjur"] == pytest.approx(p[y == 1].mean() - p[y == 0].mean(), rel=1e-8)


def test_weights_count_rows_as_often_in_every_figure() -> None:
    frame, y = customers(300)
    weights = np.random.default_rng(3).integers(0, 4, len(frame))
    at = np.repeat(np.arange(len(frame)), weights)
    model = Propensity().fit(frame, y, sample_weight=weights)
    other = Propensity().fit(frame.iloc[at], y[at])
    assert model.fit_statistics().to_numpy() == pytest.approx(other.fit_statistics().to_numpy())
    first = model.factor_tests(frame, y, weights).drop(columns="term").to_numpy()
    second = other.factor_tests(frame.iloc[at], y[at]).drop(columns="term").to_numpy()
    assert first == pytest.approx(second, rel=1e-7)
    repeated = other.influence(frame.iloc[at], y[at]).to_numpy()
    assert model.influence(frame, y).to_numpy()[at] == pytest.approx(repeated, rel=1e-7)


def test_inflation_is_fox_and_monettes_of_the_weighted_columns() -> None:
    frame, y = customers()
    frame = frame.assign(older=frame["age"] + np.random.default_rng(9).normal(0, 4, len(frame)))
    model = Propensity().fit(frame, y)
    p = model.predict_proba(frame)[:, 1]
    # Their definition: determinants of the correlation of the columns, here with the weights
    # of the last step; we start from the correlation of the coefficients, its inverse.
    covariance = np.cov(written_out(model, frame)[:, 1:].T, aweights=p * (1 - p))
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    terms = model.summary()["term"].to_numpy()[1:]
    found = model.variance_inflation()
    assert found["term"].tolist() == list(frame)
    for at, name in enumerate(frame):
        own = terms == name
        blocks = [np.linalg.det(correlation[np.ix_(some, some)]) for some in (own, ~own)]
        expected = blocks[0] * blocks[1] / np.linalg.det(correlation)
        assert found["gvif"].iloc[at] == pytest.approx(expected, rel=1e-8)
        assert found["df"].iloc[at] == own.sum()
        root = expected ** (1 / (2 * own.sum()))
        assert found["gvif_scaled"].iloc[at] == pytest.approx(root, rel=1e-8)
    assert found["gvif"].max() > 5
    other = Propensity(reference="last").fit(frame, y).variance_inflation()
    assert other["gvif"].to_numpy() == pytest.approx(found["gvif"].to_numpy(), rel=1e-8)
    alone = Propensity().fit(frame[["plan"]], y).variance_inflation()
    assert alone["gvif"].tolist() == pytest.approx([1.0])


def test_influence_is_that_of_statsmodels() -> None:
    frame, y = customers()
    model = Propensity().fit(frame, y)
    result = oracle_fit(model, frame, y)
    oracle, found = result.get_influence(), model.influence(frame, y)
    expected = {
        "leverage": oracle.hat_matrix_diag,
        "pearson_residual": result.resid_pearson,
        "deviance_residual": result.resid_deviance,
        "cooks_distance": oracle.cooks_distance[0],
    }
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].to_numpy() == pytest.approx(values, rel=1e-8)
    # The trace of the hat matrix is the number of coefficients.
    assert found["leverage"].sum() == pytest.approx(len(model.summary()))


def test_penalised_models_have_no_ratio_tests_and_other_rows_are_refused() -> None:
    frame, y = customers()
    firth = Propensity(penalty="firth").fit(frame, y)
    assert firth.factor_tests(frame, y)["lr_chi2"].isna().all()
    statistics = firth.fit_statistics()
    assert np.isnan(statistics["p_value"])
    # So large a sample hardly feels the penalty.
    plain = Propensity().fit(frame, y)
    assert statistics["mcfadden"] == pytest.approx(plain.fit_statistics()["mcfadden"], abs=1e-3)
    with pytest.raises(InvalidDataError, match="needs the rows that fit was given"):
        plain.factor_tests(frame.head(700), y[:700])
    with pytest.raises(InvalidDataError, match="other classes"):
        plain.influence(frame, y + 1)


def test_hosmer_and_lemeshow_by_their_definition() -> None:
    frame, y = customers()
    p = Propensity().fit(frame, y).predict_proba(frame)[:, 1]
    statistic = 0.0
    for rows in np.array_split(np.argsort(p), 10):
        expected, observed = p[rows].sum(), y[rows].sum()
        statistic += (observed - expected) ** 2 / expected
        statistic += (expected - observed) ** 2 / (len(rows) - expected)
    found = hosmer_lemeshow(y, p)
    assert found.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.df == 8
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 8), rel=1e-8)
    assert found.groups["n_rows"].tolist() == [80] * 10


def test_hosmer_and_lemeshow_are_right_as_often_as_they_say() -> None:
    source = np.random.default_rng(0)
    p_values = []
    for _ in range(300):
        p = source.uniform(0.1, 0.9, 400)
        outcome = (source.random(400) < p).astype(int)
        p_values.append(hosmer_lemeshow(outcome, p, in_sample=False).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    wrong = hosmer_lemeshow((source.random(4_000) < 0.3).astype(int), source.random(4_000))
    assert wrong.p_value < 1e-6


def test_hosmer_and_lemeshow_at_the_edges() -> None:
    with pytest.raises(InvalidDataError, match="1 groups of different probabilities are too few"):
        hosmer_lemeshow([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5])
    with pytest.raises(InvalidParameterError, match="n_groups"):
        hosmer_lemeshow([0, 1], [0.1, 0.9], n_groups=1)
    sure = [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
    assert hosmer_lemeshow([0, 0, 0, 1, 1, 1], sure, n_groups=3).statistic == 0.0
    assert hosmer_lemeshow([0, 1, 0, 1, 1, 1], sure, n_groups=3).statistic == np.inf


def test_dfbetas_are_those_of_statsmodels() -> None:
    frame, y = customers(200)
    model = Propensity().fit(frame, y)
    found = model.influence(frame, y, dfbetas=True)
    assert found.iloc[:, :4].equals(model.influence(frame, y))
    oracle = oracle_fit(model, frame, y).get_influence()
    assert found.iloc[:, 4:].to_numpy() == pytest.approx(oracle.dfbetas, rel=1e-6, abs=1e-12)
    summary = model.summary()
    assert found.columns[4] == "dfbetas_intercept"
    level = summary[summary["level"].notna()].iloc[0]
    assert f"dfbetas_{level['term']}={level['level']}" in found.columns
    # One row left out in earnest, for scale and sign.
    worst = int(found["cooks_distance"].argmax())
    kept = np.arange(len(y)) != worst
    less = Propensity().fit(frame[kept], y[kept]).summary()
    moved = (summary["coef"] - less["coef"]) / summary["std_error"]
    assert np.corrcoef(moved, found.iloc[worst, 4:].to_numpy(dtype=float))[0, 1] > 0.99


def test_inflation_is_unknown_where_errors_are() -> None:
    frame, y = customers(200)
    found = Propensity(penalty="l2").fit(frame, y).variance_inflation()
    assert found["term"].tolist() == list(frame.columns)
    assert found[["gvif", "gvif_scaled"]].isna().all(axis=None)
