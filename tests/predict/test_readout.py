"""The read-out: figures of its parts, a search that never sees the hold-out, a split of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn import metrics
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from helpers.logistic import customers, oracle_fit, written_out
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.predict import (
    Propensity,
    PropensityReadout,
    hosmer_lemeshow,
    permutation_importance,
    propensity_readout,
)
from userportrait.predict._readout_effects import nice_step

if TYPE_CHECKING:
    from typing import Any


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, np.ndarray]:
    frame, y = customers(1500, seed=3)
    return frame, y


@pytest.fixture(scope="module")
def found(rows: tuple[pd.DataFrame, np.ndarray]) -> PropensityReadout:
    return propensity_readout(*rows)


def test_every_row_is_on_one_side_and_both_have_the_same_share(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    y = rows[1]
    both = np.r_[found.training_rows, found.holdout_rows]
    assert sorted(both.tolist()) == list(range(len(y)))
    for value in (0, 1):
        assert (y[found.holdout_rows] == value).sum() == round(0.2 * (y == value).sum())


def test_coefficients_are_those_of_statsmodels_on_the_training_rows(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    frame, y = rows[0].iloc[found.training_rows], rows[1][found.training_rows]
    assert "city" not in found.model.terms_
    oracle = oracle_fit(found.model, frame, y)
    assert found.summary is not None
    assert found.summary["coef"].to_numpy() == pytest.approx(oracle.params, rel=1e-8)
    assert found.summary["std_error"].to_numpy() == pytest.approx(oracle.bse, rel=1e-7)
    assert found.factor_tests is not None
    assert {"lr_chi2", "lr_p_value", "holdout_p_value"} <= set(found.factor_tests)


def test_figures_of_the_hold_out_are_those_of_scikit_learn(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    frame, y = rows[0].iloc[found.holdout_rows], rows[1][found.holdout_rows]
    p = found.model.predict_proba(frame)[:, 1]
    assert found.evaluation.auc == pytest.approx(metrics.roc_auc_score(y, p), rel=1e-12)
    matrix = metrics.confusion_matrix(y, p >= 0.5)
    c = found.confusion
    assert [
        [c.true_negative, c.false_positive],
        [c.false_negative, c.true_positive],
    ] == matrix.tolist()
    q = found.model.predict_proba(rows[0].iloc[found.training_rows])[:, 1]
    y_training = rows[1][found.training_rows]
    assert found.training.auc == pytest.approx(metrics.roc_auc_score(y_training, q), rel=1e-12)
    assert found.optimism == pytest.approx(found.training.auc - found.evaluation.auc)
    assert found.hosmer_lemeshow is not None
    assert found.hosmer_lemeshow.statistic == hosmer_lemeshow(y_training, q).statistic
    assert found.holdout_hosmer_lemeshow is not None
    assert found.holdout_hosmer_lemeshow.df == 10


def test_tests_of_the_terms_on_the_hold_out_are_those_of_statsmodels(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    frame, y = rows[0].iloc[found.holdout_rows], rows[1][found.holdout_rows]
    matrix = written_out(found.model, frame)
    oracle = sm.GLM(y, matrix, family=sm.families.Binomial()).fit(tol=1e-14, maxiter=200)
    assert found.summary is not None
    assert found.factor_tests is not None
    for term, p in found.factor_tests[["term", "holdout_p_value"]].itertuples(index=False):
        joint = np.eye(matrix.shape[1])[np.flatnonzero(found.summary["term"] == term)]
        assert p == pytest.approx(float(oracle.wald_test(joint, scalar=True).pvalue), rel=1e-6)


def test_equal_rows_give_equal_figures_whatever_their_order(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    order = np.random.default_rng(0).permutation(len(rows[1]))
    again = propensity_readout(rows[0].iloc[order], rows[1][order])
    assert again.to_dict() == found.to_dict()
    assert again.summary is not None
    assert found.summary is not None
    pd.testing.assert_frame_equal(again.summary, found.summary, check_exact=True)
    assert set(order[again.holdout_rows]) == set(found.holdout_rows)
    other = propensity_readout(*rows, random_state=1)
    assert set(other.holdout_rows) != set(found.holdout_rows)


def test_the_kind_of_frame_does_not_matter(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({name: rows[0][name].to_numpy() for name in rows[0]})
    assert propensity_readout(frame, rows[1]).to_dict() == found.to_dict()
    assert propensity_readout(frame.lazy(), rows[1]).to_dict() == found.to_dict()
    category = rows[0].astype({"plan": "category"})
    assert propensity_readout(category, rows[1]).to_dict() == found.to_dict()


def test_copies_of_a_row_are_spread_over_both_sides() -> None:
    # Were copies kept together, whole levels would be missing from one side.
    X = pd.DataFrame({"plan": ["basic", "gold", "plus"] * 400})
    y = ([0, 1, 0, 1, 0, 0] * 200)[: len(X)]
    found = propensity_readout(X, y, n_bins=2)
    shares = pd.Series(found.holdout_rows).map(X["plan"]).value_counts(normalize=True)
    # Three standard errors of a third of 240.
    assert shares.between(1 / 3 - 0.1, 1 / 3 + 0.1).all()
    assert len(shares) == 3


def test_a_search_among_noise_looks_good_on_its_own_rows_only() -> None:
    gaps: list[float] = []
    for seed in range(5):
        source = np.random.default_rng(seed)
        X = pd.DataFrame(source.normal(size=(400, 40)), columns=[f"n{at}" for at in range(40)])
        y = source.integers(0, 2, 400)
        found = propensity_readout(X, y, model=Propensity(stepwise="forward", enter=0.1))
        assert found.training.auc > 0.6
        gaps.append(found.evaluation.auc - 0.5)
    # The mean of five areas of 80 rows has a standard error of about 0.03.
    assert abs(np.mean(gaps)) < 0.09


def test_effects_have_reference_levels_and_steps_of_numbers(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    effects, summary = found.effects, found.summary
    assert effects is not None
    assert summary is not None
    plan = effects[effects["term"] == "plan"].set_index("level")
    assert plan.index.tolist() == ["basic", "gold", "plus"]
    assert plan["is_reference"].tolist() == [True, False, False]
    assert plan["odds_ratio"].iloc[0] == 1.0
    frame, y = rows[0].iloc[found.training_rows], rows[1][found.training_rows]
    by_plan = pd.Series(y, index=frame.index).groupby(frame["plan"])
    assert plan["rate"].to_numpy() == pytest.approx(by_plan.mean().to_numpy())
    assert plan["n_rows"].to_numpy() == pytest.approx(by_plan.size().to_numpy())
    age = effects[effects["term"] == "age"].iloc[0]
    coefficient = summary.set_index("term")["coef"]["age"]
    assert age["step"] == 10.0
    assert age["odds_ratio"] == pytest.approx(np.exp(10 * coefficient), rel=1e-12)


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([0.0, 1.0, 1.0], 1.0),
        ([0.0, 30.0, 0.0], 30.0),
        ([1.0, 1.0, 2.0, 3.0], 1.0),
        ([100.0, 900.0, 2000.0], 1000.0),
        ([0.01, 0.02, 0.05], 0.02),
        ([7.0, 7.0], 1.0),
    ],
)
def test_steps_are_round_and_near_the_standard_deviation(values: list[float], step: float) -> None:
    assert nice_step(np.array(values)) == pytest.approx(step)


def test_the_latest_moments_are_held_out_whole() -> None:
    frame, y = customers(1000, seed=1)
    days = pd.date_range("2026-01-01", periods=10, freq="30D")
    frame["seen_at"] = np.random.default_rng(2).choice(days, len(frame))
    found = propensity_readout(frame, y, moments="seen_at")
    seen = frame["seen_at"].to_numpy()
    assert seen[found.training_rows].max() < seen[found.holdout_rows].min()
    assert found.first_moment == days[8]
    assert "seen_at" not in found.model.feature_names_in_
    with_gap = propensity_readout(frame, y, moments="seen_at", gap=90)
    assert seen[with_gap.training_rows].max() == days[5]
    assert with_gap.n_left_out == np.isin(seen, days[6:8]).sum()
    assert with_gap.holdout_rows.tolist() == found.holdout_rows.tolist()
    as_numbers = propensity_readout(
        frame.drop(columns="seen_at"),
        y,
        moments=(seen - seen.min()) / np.timedelta64(1, "D"),
        gap=90,
    )
    assert as_numbers.evaluation.auc == with_gap.evaluation.auc
    assert "held out from 2026-08-29" in str(found)


def test_the_whole_table_is_fitted_in_the_end_if_asked_for(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    refitted = propensity_readout(*rows, refit=True)
    assert refitted.evaluation.auc == found.evaluation.auc
    whole = Propensity(stepwise="both").fit(*rows)
    assert refitted.summary is not None
    assert np.allclose(refitted.summary["coef"], whole.summary()["coef"], rtol=1e-8)
    assert refitted.told_model is refitted.final_model
    assert found.told_model is found.model


def test_several_splits_tell_how_much_chance_there_is(
    rows: tuple[pd.DataFrame, np.ndarray], found: PropensityReadout
) -> None:
    several = propensity_readout(*rows, n_repeats=3)
    assert several.to_dict() == found.to_dict()
    assert several.repeats["auc"].nunique() == 3
    assert several.repeats["auc"].iloc[0] == found.evaluation.auc
    second = propensity_readout(*rows, random_state=1)
    assert several.repeats["auc"].iloc[1] == second.evaluation.auc
    assert several.repeats["terms"].iloc[1] == second.model.terms_
    assert "area in 3 splits" in str(several)


def test_weights_are_for_the_fit_and_rows_of_weight_0_are_left_out() -> None:
    frame, y = customers(900, seed=4)
    weights = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    model = Propensity()
    found = propensity_readout(frame, y, model=model, sample_weight=weights)
    assert found.n_left_out == (weights == 0).sum()
    assert (weights[np.r_[found.training_rows, found.holdout_rows]] > 0).all()
    own = found.training_rows
    by_hand = Propensity().fit(frame.iloc[own], y[own], weights[own])
    assert found.summary is not None
    assert np.allclose(found.summary["coef"], by_hand.summary()["coef"], rtol=1e-10)
    assert found.effects is not None
    gold = found.effects[found.effects["level"] == "gold"]["n_rows"].iloc[0]
    assert gold == weights[own][frame["plan"].iloc[own] == "gold"].sum()


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(20, random_state=0), LinearSVC(), LogisticRegression()]
)
def test_any_classifier_will_do(model: Any) -> None:
    frame, y = customers(600, seed=5)
    X = frame[["age", "spend"]]
    found = propensity_readout(
        X, y, model=model, threshold=0.0 if isinstance(model, LinearSVC) else 0.5
    )
    copy: Any = clone(model)
    by_hand = copy.fit(X.iloc[found.training_rows], y[found.training_rows])
    held = X.iloc[found.holdout_rows], y[found.holdout_rows]
    score = (
        by_hand.decision_function(held[0])
        if isinstance(model, LinearSVC)
        else by_hand.predict_proba(held[0])[:, 1]
    )
    assert found.evaluation.auc == pytest.approx(metrics.roc_auc_score(held[1], score))
    expected = permutation_importance(by_hand, *held)
    assert found.importance is not None
    pd.testing.assert_frame_equal(found.importance, expected)
    assert found.summary is None
    assert found.stepwise_path is None
    assert "terms" not in found.repeats
    assert "Loss of area" in str(found)
    assert (found.hosmer_lemeshow is None) == isinstance(model, LinearSVC)


def test_arrays_will_do(rows: tuple[pd.DataFrame, np.ndarray]) -> None:
    X = rows[0][["age", "spend"]].to_numpy()
    found = propensity_readout(X, rows[1])
    assert found.model.terms_ == ("x0", "x1")
    named = propensity_readout(rows[0][["age", "spend"]].set_axis(["x0", "x1"], axis=1), rows[1])
    assert found.to_dict() == named.to_dict()


def test_warnings_are_told_and_not_raised() -> None:
    frame, y = customers(500, seed=6)
    frame["copy"] = y + 0.0
    frame["club"] = np.where((y == 1) & (np.arange(len(y)) % 5 == 0), "member", "none")
    found = propensity_readout(frame, y, model=Propensity())
    assert any("'copy' alone tells y" in one for one in found.warnings)
    assert any("no finite answer" in one for one in found.warnings)
    assert str(found).count("warning:") == len(found.warnings)
    assert found.model.is_penalised_


def test_a_level_seen_by_the_hold_out_only_is_taken_for_the_reference() -> None:
    frame, y = customers(300, seed=7)
    probe = propensity_readout(frame, y)
    frame["city"] = frame["city"].mask(np.arange(len(y)) == probe.holdout_rows[0], "Nome")
    seed, held = -1, [""]
    while "Nome" not in held:
        seed += 1
        found = propensity_readout(frame, y, random_state=seed)
        held = frame["city"].iloc[found.holdout_rows].tolist()
    with pytest.raises(InvalidDataError, match="Nome"):
        propensity_readout(frame, y, model=Propensity(), random_state=seed)


def test_a_search_that_finds_nothing_is_told_too() -> None:
    source = np.random.default_rng(1)
    X = pd.DataFrame({"noise": source.normal(size=300)})
    found = propensity_readout(
        X, source.integers(0, 2, 300), model=Propensity(stepwise="forward", enter=1e-9)
    )
    assert found.model.terms_ == ()
    assert found.evaluation.auc == 0.5
    assert found.hosmer_lemeshow is None
    assert found.effects is not None
    assert found.effects.empty
    assert "lift 1.00" in str(found)
    assert "<table>" in found._repr_html_()


def test_tables_come_together(found: PropensityReadout) -> None:
    tables = found.to_frames()
    assert list(tables) == [
        "figures", "summary", "effects", "factor_tests", "stepwise_path", "variance_inflation",
        "lift", "roc", "calibration", "confusion", "repeats",
    ]  # fmt: skip
    assert len(found.to_frame()) == 1
    assert tables["figures"]["auc"].iloc[0] == found.evaluation.auc
    assert tables["figures"]["n_training"].iloc[0] == len(found.training_rows)


def test_it_reads_well_in_a_terminal_and_a_notebook(found: PropensityReadout) -> None:
    text = str(found)
    assert text.startswith("Propensity, chance of 1: learnt from 1,200 rows, judged by 300 held")
    assert "Nagelkerke" in text
    assert re.search(r"plan = gold +[\d.]+", text)
    assert max(map(len, text.splitlines())) <= 140
    page = found._repr_html_()
    assert "plan = gold" in page
    assert page.count("<table>") == page.count("</table>") == 4


def test_names_are_escaped() -> None:
    X = pd.DataFrame({"<b>": [0.0, 1.0, 2.0, 1.0] * 50})
    page = propensity_readout(X, [0, 1, 1, 0] * 50, n_bins=2, name="<i>")._repr_html_()
    assert "<b>" not in page
    assert "<i>" not in page


def test_bad_parameters_are_named_all_at_once(rows: tuple[pd.DataFrame, np.ndarray]) -> None:
    with pytest.raises(InvalidParameterError, match="2 problems"):
        propensity_readout(*rows, test_size=1.0, n_bins=1)
    with pytest.raises(InvalidParameterError, match="2 problems"):
        propensity_readout(*rows, model=Propensity, gap=3)
    with pytest.raises(InvalidParameterError, match="one split by time"):
        propensity_readout(*rows, moments=rows[1], n_repeats=2)


def test_bad_rows_are_refused(rows: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, y = rows
    with pytest.raises(MissingColumnError, match="seen"):
        propensity_readout(frame, y, moments="seen")
    with pytest.raises(InvalidDataError, match="one moment"):
        propensity_readout(frame, y, moments=np.zeros(len(y)))
    with pytest.raises(InvalidDataError, match="not both outcomes"):
        propensity_readout(frame, y, moments=y)
    with pytest.raises(InvalidDataError, match="some moments are missing"):
        propensity_readout(frame, y, moments=[None, *["2026-01-01"] * (len(y) - 1)])
    with pytest.raises(InvalidDataError, match="dates, times or numbers"):
        propensity_readout(frame, y, moments=["soon"] * len(y))
    with pytest.raises(InvalidDataError, match="3 moments for 1500 rows"):
        propensity_readout(frame, y, moments=[1, 2, 3])
    with pytest.raises(InvalidDataError, match="one class has 1 row"):
        propensity_readout(frame.head(9), [0] * 8 + [1])
    with pytest.raises(InvalidDataError, match="'customer_id' has 1,500 different texts"):
        propensity_readout(frame.assign(customer_id=[f"C{at}" for at in range(len(y))]), y)
    with pytest.raises(InvalidDataError, match="4 rows are held out, too few for 10 bins"):
        propensity_readout(frame.head(20), [0, 1] * 10)
    with pytest.raises(InvalidDataError, match="missing values"):
        propensity_readout(frame.assign(age=np.nan), y)


@pytest.mark.slow
def test_intervals_and_tests_of_the_hold_out_are_right_where_there_is_nothing_to_find() -> None:
    covered: list[bool] = []
    p_values: list[float] = []
    for seed in range(120):
        source = np.random.default_rng(seed)
        X = pd.DataFrame(source.normal(size=(600, 25))).add_prefix("n")
        found = propensity_readout(X, source.integers(0, 2, 600))
        if not found.model.terms_:
            continue
        low, high = found.evaluation.auc_interval
        covered.append(low <= 0.5 <= high)
        assert found.factor_tests is not None
        assert (found.factor_tests["p_value"] < 0.05).all()
        p_values += found.factor_tests["holdout_p_value"].tolist()
    # 81 tables, 141 terms: three standard errors of a share of 5 % are 0.07 and 0.055.
    assert np.mean(covered) > 0.88
    assert np.mean(np.array(p_values) < 0.05) < 0.105


def mixed(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    source = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "plan": source.choice(["basic", "gold"], n),
            "city": source.choice(["Bonn", "Lima"], n),
            "visits": source.poisson(3, n).astype(float),
        }
    )
    eta = 1.5 * (frame["plan"] == "gold") + 0.6 * frame["visits"] - 2.5
    return frame, (source.random(n) < 1 / (1 + np.exp(-eta))).to_numpy(dtype=int)


def test_a_reference_of_a_column_that_the_search_drops_is_no_obstacle() -> None:
    frame, y = mixed()
    model = Propensity(reference={"plan": "basic", "city": "Lima"}, stepwise="both")
    found = propensity_readout(frame, y, model=model)
    assert found.factor_tests is not None
    assert found.factor_tests["holdout_p_value"].notna().all()


def test_a_reference_level_may_be_missing_from_the_rows_held_out() -> None:
    frame, y = mixed()
    frame.loc[:2, "plan"] = "tiny"
    y[:3] = (0, 1, 0)
    model = Propensity(reference={"plan": "tiny"}, stepwise="both", unseen="reference")
    for seed in range(6):
        assert propensity_readout(frame, y, model=model, random_state=seed).evaluation.auc > 0.6


def test_a_model_that_refuses_the_rows_is_named_with_the_remedy() -> None:
    frame, y = mixed()
    with pytest.raises(InvalidDataError, match=r"DecisionTreeClassifier refuses the rows.*encoder"):
        propensity_readout(frame, y, model=DecisionTreeClassifier())
    with pytest.raises(InvalidDataError, match=r"KNeighborsClassifier.*takes no sample_weight"):
        propensity_readout(
            frame[["visits"]], y, model=KNeighborsClassifier(), sample_weight=np.ones(len(y))
        )


@pytest.mark.parametrize("model", [None, LogisticRegression()])
def test_the_outcome_may_be_named(model: Any) -> None:
    frame, y = mixed()
    told = np.where(y == 1, "buys", "stays")
    given = frame if model is None else frame[["visits"]]
    plain = propensity_readout(given, y, model=model)
    named = propensity_readout(given, told, model=model, positive="buys")
    assert named.outcome == "buys"
    assert named.evaluation.auc == pytest.approx(plain.evaluation.auc, abs=0.1)
    assert named.evaluation.auc > 0.6
    assert named.evaluation.n_positive == round(y.mean() * len(named.holdout_rows))
    if model is None:
        model = named.model
        assert model.classes_.tolist() == ["stays", "buys"]
        assert (model.predict(frame) == "buys").mean() == pytest.approx(y.mean(), abs=0.15)
        whole = Propensity(positive="buys").fit(frame, told)
        other = Propensity().fit(frame, y)
        np.testing.assert_array_equal(whole.coef_, other.coef_)
        np.testing.assert_array_equal(
            whole.factor_tests(frame, told)["lr_chi2"], other.factor_tests(frame, y)["lr_chi2"]
        )
    assert named.hosmer_lemeshow is not None
    assert plain.hosmer_lemeshow is not None
    assert named.hosmer_lemeshow.p_value > 1e-6
