"""Logistic regression: statsmodels' figures, Firth by brute force, searches by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from helpers.estimator_checks import check_matrix_estimator
from helpers.logistic import customers, oracle_fit, written_out
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.predict import LeakageWarning, Propensity, SeparationWarning


def test_coefficients_errors_and_odds_are_those_of_statsmodels() -> None:
    frame, y = customers()
    model = Propensity().fit(frame, y)
    summary, oracle = model.summary(), oracle_fit(model, frame, y)
    assert summary["coef"].to_numpy() == pytest.approx(oracle.params, rel=1e-8)
    assert summary["std_error"].to_numpy() == pytest.approx(oracle.bse, rel=1e-8)
    assert summary["wald_chi2"].to_numpy() == pytest.approx(oracle.tvalues**2, rel=1e-8)
    assert summary["p_value"].to_numpy() == pytest.approx(oracle.pvalues, rel=1e-7)
    interval = np.exp(oracle.conf_int())
    assert summary[["ci_low", "ci_high"]].to_numpy() == pytest.approx(interval, rel=1e-8)
    assert summary["odds_ratio"].to_numpy() == pytest.approx(np.exp(oracle.params), rel=1e-8)
    assert model.log_likelihood_ == pytest.approx(oracle.llf, rel=1e-10)
    assert model.null_log_likelihood_ == pytest.approx(oracle.llnull, rel=1e-10)
    assert model.aic_ == pytest.approx(oracle.aic, rel=1e-10)
    assert model.predict_proba(frame)[:, 1] == pytest.approx(oracle.fittedvalues, rel=1e-8)


def test_a_factor_is_tested_whole_whatever_its_reference() -> None:
    frame, y = customers()
    model = Propensity().fit(frame, y)
    oracle, summary = oracle_fit(model, frame, y), model.summary()
    tests = model.factor_tests().set_index("term")
    for term in tests.index:
        rows = np.flatnonzero(summary["term"] == term)
        matrix = np.eye(len(summary))[rows]
        joint = oracle.wald_test(matrix, scalar=True, use_f=False)
        assert tests.loc[term, "wald_chi2"] == pytest.approx(float(joint.statistic), rel=1e-8)
        assert tests.loc[term, "p_value"] == pytest.approx(float(joint.pvalue), rel=1e-7)
        assert tests.loc[term, "df"] == len(rows)
    other = Propensity(reference="most_frequent").fit(frame, y).factor_tests()
    assert other["wald_chi2"].to_numpy() == pytest.approx(tests["wald_chi2"].to_numpy())


def test_references_are_chosen_by_rule_or_by_name() -> None:
    frame, y = customers()
    shown = {
        rule: set(
            Propensity(reference=rule).fit(frame, y).summary().query("term == 'channel'")["level"]
        )
        for rule in ("first", "last", "most_frequent")
    }
    assert shown == {"first": {"web"}, "last": {"app"}, "most_frequent": {"app"}}
    named = Propensity(reference={"plan": "gold"}).fit(frame, y).summary()
    assert set(named.loc[named["term"] == "plan", "level"]) == {"basic", "plus"}
    with pytest.raises(InvalidParameterError, match="Did you mean 'gold'"):
        Propensity(reference={"plan": "golt"}).fit(frame, y)
    with pytest.raises(InvalidParameterError, match="Did you mean 'plan'"):
        Propensity(reference={"plam": "gold"}).fit(frame, y)


def test_weights_count_rows_as_often() -> None:
    frame, y = customers(300)
    weights = np.random.default_rng(3).integers(0, 4, len(frame))
    model = Propensity().fit(frame, y, sample_weight=weights)
    repeated = np.repeat(np.arange(len(frame)), weights)
    other = Propensity().fit(frame.iloc[repeated], y[repeated])
    assert model.coef_ == pytest.approx(other.coef_, rel=1e-8)
    assert model.covariance_ == pytest.approx(other.covariance_, rel=1e-8)
    assert model.n_rows_ == len(repeated)


def test_neither_order_nor_units_change_the_model() -> None:
    frame, y = customers()
    order = np.random.default_rng(0).permutation(len(frame))
    first = Propensity().fit(frame, y)
    second = Propensity().fit(frame.iloc[order], y[order])
    assert first.summary()["coef"].to_numpy() == pytest.approx(
        second.summary()["coef"].to_numpy(), rel=1e-9
    )
    cents = Propensity().fit(frame.assign(spend=100 * frame["spend"]), y).summary()
    row = first.summary()["term"] == "spend"
    assert 100 * cents.loc[row, "coef"].item() == pytest.approx(
        first.summary().loc[row, "coef"].item()
    )
    assert cents.loc[row, "p_value"].item() == pytest.approx(
        first.summary().loc[row, "p_value"].item()
    )


def test_a_number_far_from_zero_costs_no_digits() -> None:
    frame, y = customers()
    near, far = (
        Propensity().fit(frame, y),
        Propensity().fit(frame.assign(age=frame["age"] + 1e8), y),
    )
    row = near.summary()["term"] == "age"
    assert far.summary().loc[row, "coef"].item() == pytest.approx(
        near.summary().loc[row, "coef"].item(), rel=1e-6
    )


def firth_by_hand(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Maximise the likelihood times the root of the information, from the definition."""

    def loss(beta: np.ndarray) -> float:
        eta = X @ beta
        p = 1 / (1 + np.exp(-eta))
        information = (X.T * (p * (1 - p))) @ X
        likelihood = (y * eta - np.logaddexp(0, eta)).sum()
        return -float(likelihood + 0.5 * np.linalg.slogdet(information)[1])

    found = optimize.minimize(loss, np.zeros(X.shape[1]), method="BFGS", options={"gtol": 1e-9})
    return np.asarray(found.x)


def test_firths_penalty_is_the_maximum_of_its_definition() -> None:
    frame, y = customers(80)
    model = Propensity(penalty="firth").fit(frame[["plan", "channel"]], y)
    oracle = firth_by_hand(written_out(model, frame), y)
    assert model.summary()["coef"].to_numpy() == pytest.approx(oracle, abs=1e-5)
    assert model.is_penalised_


def test_a_level_of_one_outcome_is_named_and_penalised() -> None:
    frame, y = customers(200)
    y = np.where(frame["city"] == "Oslo", 0, y)
    n = int((frame["city"] == "Oslo").sum())
    with pytest.warns(SeparationWarning, match=f"all {n} rows with city = 'Oslo' are 0"):
        model = Propensity().fit(frame[["city", "plan"]], y)
    assert model.is_penalised_
    assert np.isfinite(model.coef_).all()
    assert [(one.term, one.level, one.outcome) for one in model.separation_] == [
        ("city", "Oslo", 0)
    ]
    oracle = firth_by_hand(written_out(model, frame), y)
    assert model.summary()["coef"].to_numpy() == pytest.approx(oracle, abs=1e-4)
    with pytest.raises(InvalidDataError, match="Merge the level, leave the column out"):
        Propensity(on_separation="error").fit(frame[["city", "plan"]], y)


@pytest.mark.filterwarnings("ignore::userportrait.predict.SeparationWarning")
def test_a_limit_that_splits_the_classes_is_named_and_may_be_a_leak() -> None:
    frame, y = customers(200)
    model, leaking = Propensity(), frame[["age"]].assign(copy=y.astype(float))
    with pytest.warns(LeakageWarning, match="'copy' alone tells y"):
        model.fit(leaking, y)
    assert ("copy", None) in [(one.term, one.level) for one in model.separation_]


def test_columns_that_separate_together_are_named() -> None:
    source = np.random.default_rng(1)
    a, b = source.normal(size=(2, 200))
    y = (a + b > 0).astype(int)
    with pytest.warns(
        SeparationWarning,
        match="several columns together tell the two classes apart, among them a, b",
    ):
        model = Propensity().fit(pd.DataFrame({"a": a, "b": b, "c": source.normal(size=200)}), y)
    assert {one.term for one in model.separation_} == {"a", "b"}


def search_with_statsmodels(frame: pd.DataFrame, y: np.ndarray, terms: list[str]) -> list[str]:
    """Choose terms forward and backward by likelihood ratios of whole factors."""

    def fit(chosen: list[str]) -> Any:
        parts = [np.ones((len(frame), 1))]
        for term in chosen:
            levels = sorted(frame[term].unique())[1:]
            parts.append(
                np.column_stack([(frame[term] == level) for level in levels]).astype(float)
            )
        return sm.GLM(y, np.hstack(parts), family=sm.families.Binomial()).fit(tol=1e-12)

    chosen: list[str] = []
    while True:
        base = fit(chosen)
        p_values = {}
        for term in [t for t in terms if t not in chosen]:
            more = fit([*chosen, term])
            df = len(more.params) - len(base.params)
            p_values[term] = stats.chi2.sf(2 * (more.llf - base.llf), df)
        best = min(p_values, key=p_values.__getitem__, default=None)
        if best is None or p_values[best] >= 0.05:
            return chosen
        chosen.append(best)


def test_a_search_takes_factors_whole_and_agrees_with_statsmodels() -> None:
    source = np.random.default_rng(5)
    n = 1_500
    frame = pd.DataFrame({f"f{at}": source.choice(list("abcd"), n) for at in range(5)})
    eta = (
        -0.5 + 0.5 * (frame["f1"] == "b") + 0.8 * (frame["f3"] == "c") - 0.6 * (frame["f4"] == "d")
    )
    y = (source.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    model = Propensity(stepwise="both").fit(frame, y)
    path = model.stepwise_path_
    entered = path.loc[path["action"] == "enter", "term"].tolist()
    assert entered == search_with_statsmodels(frame, y, frame.columns.tolist())
    assert path["df"].tolist()[1:] == [3] * len(entered)
    assert set(model.summary()["term"]) - {"intercept"} == set(entered)
    assert model.terms_ == tuple(sorted(entered))


def test_the_score_test_to_enter_is_raos() -> None:
    frame, y = customers()
    path = Propensity(stepwise="forward").fit(frame[["age"]], y).stepwise_path_
    # Rao's statistic of one number against the mean: n times the squared correlation.
    correlation = np.corrcoef(frame["age"], y)[0, 1]
    assert path["statistic"].iloc[1] == pytest.approx(len(y) * correlation**2)


@pytest.mark.parametrize("criterion", ["aic", "bic"])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_criteria_fall_at_every_step(criterion: str, direction: Any) -> None:
    frame, y = customers()
    model = Propensity(stepwise=direction, criterion=criterion).fit(frame, y)  # type: ignore[arg-type]
    values = model.stepwise_path_[criterion]
    assert values.is_monotonic_decreasing
    # No single term in or out does better: tried one by one.
    best = values.iloc[-1]
    for name in frame:
        others = set(model.terms_) ^ {name}
        if others:
            other = Propensity().fit(frame[[n for n in frame if n in others]], y)
            assert getattr(other, f"{criterion}_") >= best - 1e-9


def test_backward_removes_what_the_likelihood_does_not_miss() -> None:
    frame, y = customers(3_000, seed=1)
    for removal in ("wald", "lr"):
        model = Propensity(stepwise="backward", removal=removal).fit(frame, y)
        assert "city" not in model.terms_
        assert {"age", "plan"} <= set(model.terms_)


def test_regularised_models_are_those_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    frame, y = customers()
    X = frame[["age", "spend"]]
    model = Propensity(penalty="l2", C=0.1).fit(X, y)
    oracle = LogisticRegression(C=0.1, tol=1e-10).fit(StandardScaler().fit_transform(X), y)
    scale = X.to_numpy().std(axis=0)
    assert model.coef_[0] * scale == pytest.approx(oracle.coef_[0], rel=1e-5)
    assert np.isnan(model.summary()["std_error"]).all()
    lasso = Propensity(penalty="l1", C=0.01).fit(frame, y)
    assert (lasso.coef_ == 0).any()


def test_dependent_and_constant_columns_are_left_out_and_named() -> None:
    frame, y = customers()
    wider = frame.assign(twice=2 * frame["age"] + 1, same=7.0)
    model = Propensity().fit(wider, y)
    assert model.dropped_ == ("same",)
    assert model.aliased_ == (("twice", None),)
    assert model.log_likelihood_ == pytest.approx(Propensity().fit(frame, y).log_likelihood_)


def test_new_levels_are_refused_or_taken_for_the_reference() -> None:
    frame, y = customers()
    strange = frame.head(3).assign(plan=["basic", "silver", "gold"])
    with pytest.raises(InvalidDataError, match="'plan' has levels that fit did not see: 'silver'"):
        Propensity().fit(frame, y).predict(strange)
    model = Propensity(unseen="reference").fit(frame, y)
    plain = frame.head(3).assign(plan=["basic", "basic", "gold"])
    assert model.predict_proba(strange).tolist() == model.predict_proba(plain).tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": np.zeros(50)}, "one class only"),
        ({"y": np.arange(50) % 3}, "Only binary classification is supported"),
        ({"y": np.full(50, np.nan)}, "y contains NaN"),
        ({"y": np.zeros(49)}, "inconsistent numbers of samples"),
        ({"X": pd.DataFrame({"a": [np.nan] * 50})}, "column 'a' has missing values"),
        ({"X": pd.DataFrame({"a": [np.inf] * 50})}, "column 'a' holds infinity"),
        ({"sample_weight": -np.ones(50)}, "sample_weight must be 0 or more"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], words: str) -> None:
    good = {"X": pd.DataFrame({"a": np.arange(50.0)}), "y": np.arange(50) % 2}
    with pytest.raises(InvalidDataError, match=words):
        Propensity().fit(**(good | change))


def test_bad_parameters_are_named_together() -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)reference.*stepwise.*enter"):
        Propensity(reference="frist", stepwise="bth", enter=0.0).fit([[1.0], [2.0]], [0, 1])  # type: ignore[arg-type]
    with pytest.raises(NotFittedError):
        Propensity().summary()


def test_more_columns_than_rows_are_warned_of() -> None:
    X = np.random.default_rng(0).normal(size=(10, 20))
    y = np.arange(10) % 2
    with pytest.warns(SeparationWarning) as told:
        Propensity().fit(X, y)
    assert "21 coefficients and 10 rows" in str(told[0].message)
    with pytest.raises(InvalidDataError, match="set penalty='l2'"):
        Propensity(on_separation="error").fit(X, y)


@pytest.mark.parametrize("settings", [{}, {"penalty": "l2"}, {"stepwise": "both"}])
def test_estimator_checks_of_scikit_learn_pass(settings: dict[str, Any]) -> None:
    check_matrix_estimator(Propensity(**settings))
