"""Evaluation: scikit-learn's figures, DeLong by its definition, and what ties must not change."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.predict import (
    Propensity,
    calibrate,
    calibration_table,
    choose_targets,
    choose_threshold,
    compare_classifiers,
    confusion,
    cross_fitted_scores,
    evaluate_classifier,
    evaluate_scores,
    expected_calibration_error,
    hosmer_lemeshow,
    lift_table,
    partial_dependence,
    permutation_importance,
)
from userportrait.predict._one_column import quantile_cuts
from userportrait.predict._roc import areas_with_covariance, delong_p_value


def scored(n: int = 400, seed: int = 0, decimals: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes and probabilities with ties."""
    source = np.random.default_rng(seed)
    p = np.round(source.beta(1.5, 4, n), decimals)
    return (source.random(n) < p).astype(int), p


def rows(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    source = np.random.default_rng(1)
    X = pd.DataFrame(
        {"a": source.normal(size=n), "b": source.normal(size=n), "c": source.normal(size=n)}
    )
    y = (source.random(n) < 1 / (1 + np.exp(-1.5 * X["a"] - 0.5 * X["b"]))).astype(int)
    return X, y


def test_figures_are_those_of_scikit_learn() -> None:
    y, p = scored()
    found = evaluate_scores(y, p)
    assert found.auc == pytest.approx(metrics.roc_auc_score(y, p), rel=1e-12)
    assert found.average_precision == pytest.approx(metrics.average_precision_score(y, p))
    assert found.brier == pytest.approx(metrics.brier_score_loss(y, p))
    assert found.log_loss == pytest.approx(metrics.log_loss(y, p, labels=[0, 1]))
    ks = stats.ks_2samp(p[y == 1], p[y == 0]).statistic
    assert found.ks == pytest.approx(ks)
    called = p >= 0.5
    assert found.confusion.accuracy == pytest.approx(metrics.accuracy_score(y, called))
    assert found.confusion.f1 == pytest.approx(metrics.f1_score(y, called))
    assert found.confusion.precision == pytest.approx(metrics.precision_score(y, called))
    assert found.confusion.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(y, called)
    )
    assert found.gini == pytest.approx(2 * found.auc - 1)


def test_delong_is_its_definition() -> None:
    # Placements counted pair by pair, as in the paper.
    y, p = scored(60)
    q = np.round(np.random.default_rng(2).random(60), 1)
    areas, covariance = areas_with_covariance(y.astype(float), np.vstack([p, q]))
    above, below = [], []
    for score in (p, q):
        wins = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (
            score[y == 1][:, None] == score[y == 0]
        )
        above.append(wins.mean(axis=1))
        below.append(wins.mean(axis=0))
    expected = np.cov(above) / (y == 1).sum() + np.cov(below) / (y == 0).sum()
    assert areas == pytest.approx([np.mean(one) for one in above])
    assert covariance == pytest.approx(expected)
    z = (areas[0] - areas[1]) / np.sqrt(expected[0, 0] + expected[1, 1] - 2 * expected[0, 1])
    assert delong_p_value(areas, covariance, 0, 1, (1, 1)) == pytest.approx(
        2 * stats.norm.sf(abs(z))
    )
    assert delong_p_value(areas, covariance, 0, 0, (1, 1)) == 1.0


def test_delongs_interval_covers() -> None:
    # Binormal scores: the area is known. 300 samples; the standard error is 1.3 points.
    source = np.random.default_rng(0)
    truth, covered = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(300):
        y = np.repeat([0, 1], [60, 40])
        low, high = evaluate_scores(y, source.normal(size=100) + y).auc_interval
        covered += low <= truth <= high
    assert 0.91 <= covered / 300 <= 0.98


def test_lift_counts_what_each_tenth_holds() -> None:
    y, p = scored(400, decimals=12)
    table = lift_table(y, p)
    order = np.argsort(-p)
    positive = y[order].reshape(10, 40).sum(axis=1)
    assert table["n_positive"].tolist() == positive.tolist()
    assert table["lift"].to_numpy() == pytest.approx(positive / 40 / y.mean())
    assert table["gain"].to_numpy() == pytest.approx(np.cumsum(positive) / y.sum())
    assert table["score_high"].tolist() == p[order][::40].tolist()
    assert table["score_low"].tolist() == p[order][39::40].tolist()
    assert table["cumulative_lift"].iloc[-1] == pytest.approx(1.0)


def test_tied_customers_share_their_outcomes() -> None:
    y, p = scored(403, decimals=1)
    table = lift_table(y, p, n_bins=7)
    order = np.random.default_rng(0).permutation(403)
    pd.testing.assert_frame_equal(table, lift_table(y[order], p[order], n_bins=7))
    assert table["n_positive"].sum() == pytest.approx(y.sum())
    assert table["n_rows"].sum() == 403
    # Everybody alike: every bin has the mean rate.
    alike = lift_table(y, np.zeros(403), n_bins=4)
    assert alike["lift"].to_numpy() == pytest.approx(np.ones(4))


def test_calibration_bins_have_about_equal_rows_and_wilsons_interval() -> None:
    from statsmodels.stats.proportion import proportion_confint

    y, p = scored(1000, decimals=12)
    table = calibration_table(y, p)
    assert table["n_rows"].tolist() == [100] * 10
    order = np.argsort(p)
    assert table["observed"].to_numpy() == pytest.approx(y[order].reshape(10, 100).mean(axis=1))
    low, high = proportion_confint(table["observed"] * 100, 100, method="wilson")
    assert table["ci_low"].to_numpy() == pytest.approx(low, abs=1e-12)
    assert table["ci_high"].to_numpy() == pytest.approx(high, abs=1e-12)
    off = (table["observed"] - table["predicted"]).abs().mean()
    assert expected_calibration_error(y, p) == pytest.approx(off)


def test_a_probability_that_most_rows_share_does_not_swallow_the_others() -> None:
    # Worked by hand: 95 rows at .05 of which 5 come true, 5 rows at .95 of which none does.
    y, p = [0] * 90 + [1] * 5 + [0] * 5, [0.05] * 95 + [0.95] * 5
    table = calibration_table(y, p)
    assert table["n_rows"].tolist() == [95, 5]
    assert table["observed"].to_numpy() == pytest.approx([5 / 95, 0.0])
    by_hand = (95 * (5 / 95 - 0.05) + 5 * 0.95) / 100
    assert expected_calibration_error(y, p) == pytest.approx(by_hand)
    assert evaluate_scores(y, p).calibration_error == pytest.approx(by_hand)
    tested = hosmer_lemeshow(y, p, in_sample=False)
    chi2 = 95 * (5 / 95 - 0.05) ** 2 / (0.05 * 0.95) + 5 * 0.95**2 / (0.95 * 0.05)
    assert (tested.df, tested.statistic) == (2, pytest.approx(chi2))


def test_bins_hold_ties_together_and_never_outnumber_what_was_asked() -> None:
    source = np.random.default_rng(4)
    for _ in range(200):
        n, n_bins = int(source.integers(1, 80)), int(source.integers(1, 12))
        values = source.geometric(source.uniform(0.1, 0.9), n).astype(float)
        cuts = quantile_cuts(values, n_bins)
        assert len(cuts) < n_bins
        bins = np.searchsorted(cuts, values, side="right")
        sizes = np.bincount(bins, minlength=len(cuts) + 1)
        assert (sizes > 0).all()
        for at in np.flatnonzero(sizes >= 2 * n / n_bins):
            # A bin of two shares or more is one value, or starts with a lesser tie.
            counts = np.unique(values[bins == at], return_counts=True)[1]
            assert len(counts) == 1 or counts.sum() - counts[-1] < n / n_bins + 1


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_calibration_mends_probabilities_that_shout(method: Any) -> None:
    from sklearn.naive_bayes import GaussianNB

    source = np.random.default_rng(0)
    a = source.normal(size=6000)
    X = np.column_stack([a, a, a, a]) + 0.01 * source.normal(size=(6000, 4))
    y = (source.random(6000) < 1 / (1 + np.exp(-a))).astype(int)
    train, test = np.arange(3000), np.arange(3000, 6000)
    plain = GaussianNB().fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    mended = calibrate(GaussianNB(), X[train], y[train], method=method)
    error = expected_calibration_error(y[test], mended.predict_proba(X[test])[:, 1])
    assert error < 0.5 * expected_calibration_error(y[test], plain)


def test_thresholds_are_the_best_of_all() -> None:
    y, p = scored(200)
    tried = np.r_[np.inf, np.unique(p)]

    def best(value: Any) -> float:
        return max(value(confusion(y, p, threshold=t)) for t in tried)

    def cost(c: Any) -> float:
        return -(2.0 * c.false_positive + 7.0 * c.false_negative)

    for rule, value, more in (
        ("youden", lambda c: c.recall + c.specificity, {}),
        ("f1", lambda c: c.f1, {}),
        ("cost", cost, {"false_positive_cost": 2.0, "false_negative_cost": 7.0}),
    ):
        chosen = choose_threshold(y, p, by=rule, **more)  # type: ignore[arg-type]
        assert value(confusion(y, p, threshold=chosen)) == pytest.approx(best(value))
    limit = choose_threshold(y, p, by="budget", budget=0.1)
    assert (p >= limit).sum() <= 20
    assert choose_threshold(y, np.zeros(200), by="budget", budget=0.5) == np.inf
    with pytest.raises(InvalidParameterError, match="needs budget"):
        choose_threshold(y, p, by="budget")


@pytest.mark.parametrize(
    "model", [LogisticRegression(), DecisionTreeClassifier(max_depth=3), LinearSVC(), Propensity()]
)
def test_any_classifier_gets_the_same_report(model: Any) -> None:
    X, y = rows()
    model.fit(X, y)
    found = evaluate_classifier(model, X, y)
    assert found.auc > 0.75
    assert found.name == type(model).__name__
    assert (found.calibration is None) == isinstance(model, LinearSVC)
    assert "area under the curve" in str(found)
    assert "<table" in found._repr_html_()
    assert found.to_frame().shape[0] == 1
    assert len(found.plot().axes) == 4


def test_models_are_compared_on_rows_they_have_not_seen() -> None:
    X, y = rows()
    models = {"deep": DecisionTreeClassifier(random_state=0), "logistic": Propensity()}
    table = compare_classifiers(models, X, y)
    assert table["model"].tolist() == ["logistic", "deep"]
    scores = [cross_fitted_scores(m, X, y) for m in models.values()]
    areas, covariance = areas_with_covariance(y.astype(float), np.vstack(scores))
    assert table["p_value"].iloc[1] == pytest.approx(
        delong_p_value(areas, covariance, 0, 1, (1, 1))
    )
    assert np.isnan(table["p_value"].iloc[0])
    assert len(table.attrs["pairs"]) == 1
    with pytest.raises(InvalidParameterError, match="two or more"):
        compare_classifiers({"one": Propensity()}, X, y)


def test_a_useless_column_has_no_importance() -> None:
    X, y = rows()
    model = Propensity().fit(X, y)
    table = permutation_importance(model, X, y).set_index("feature")
    assert table.index[0] == "a"
    assert abs(table.loc["c", "importance"]) < 0.01
    from_array = permutation_importance(LogisticRegression().fit(X.to_numpy(), y), X.to_numpy(), y)
    assert from_array["feature"].iloc[0] == "x0"


def test_partial_dependence_is_the_mean_prediction() -> None:
    X, y = rows()
    X = X.assign(plan=np.where(X["b"] > 0, "gold", "basic"))
    model = Propensity().fit(X, y)
    table = partial_dependence(model, X, "plan")
    by_hand = [model.predict_proba(X.assign(plan=p))[:, 1].mean() for p in ("basic", "gold")]
    assert table["prediction"].to_numpy() == pytest.approx(by_hand)
    assert table["share"].sum() == pytest.approx(1.0)
    numbers = partial_dependence(model, X, "a", n_points=7)
    assert numbers["prediction"].is_monotonic_increasing
    assert len(numbers) == 7
    with pytest.raises(MissingColumnError, match="Did you mean 'plan'"):
        partial_dependence(model, X, "plam")


def test_a_budget_buys_the_best_customers() -> None:
    source = np.random.default_rng(0)
    p, cost = source.random(300), source.integers(1, 5, 300).astype(float)
    found = choose_targets(np.arange(300), p, value=10.0, cost=cost, budget=60.0)
    assert found.cost <= 60.0
    profit = 10 * p - cost
    # The linear relaxation bounds every list from above; the greedy one is within one customer.
    order = np.argsort(-profit / cost)
    order = order[profit[order] > 0]
    spent = np.cumsum(cost[order])
    bound = profit[order][spent <= 60].sum() + profit[order][spent > 60][:1].sum()
    assert bound - profit.max() <= found.expected_profit <= bound + 1e-9
    everyone = choose_targets(np.arange(300), p, value=10.0, cost=cost)
    assert everyone.customers["customer_id"].nunique() == (profit > 0).sum()
    assert everyone.n_unprofitable == (profit <= 0).sum()
    assert len(choose_targets(np.arange(300), p, n_most=5).customers) == 5


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: lift_table([0, 1], [0.1, np.nan], 2), InvalidDataError, "missing or infinite"),
        (lambda: lift_table([0, 1], [0.1, 0.2]), InvalidDataError, "10 bins need as many rows"),
        (lambda: lift_table([0, 0], [0.1, 0.2], 2), InvalidDataError, "one class only"),
        (lambda: lift_table([0, 1, 1], [0.1, 0.2], 2), InvalidDataError, "inconsistent"),
        (lambda: lift_table([0, 1], ["a", "b"], 2), InvalidDataError, "must hold numbers"),
        (lambda: calibration_table([0, 1], [0.5, 1.5]), InvalidDataError, r"must be in \[0, 1\]"),
        (lambda: evaluate_classifier(object(), [[1]], [1]), InvalidDataError, "neither predict"),
        (lambda: choose_targets([1, 1], [0.1, 0.2]), InvalidDataError, "stand twice"),
        (lambda: choose_targets([1, 2], [0.1, 0.2], cost=-1), InvalidDataError, "0 or more"),
        (lambda: evaluate_scores([0, 1], [1, 2], n_bins=1), InvalidParameterError, "n_bins"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    "labels", [("stay", "churn"), ("No", "Yes"), (2, 1), (0.0, 2.0), (False, "yes")]
)
def test_an_outcome_of_other_classes_than_the_models_is_refused(labels: Any) -> None:
    X, y = rows()
    model = LogisticRegression().fit(X, y)
    other = np.array([labels[one] for one in y], dtype=object)
    for judge in (evaluate_classifier, permutation_importance):
        with pytest.raises(InvalidDataError, match=r"classes \[0, 1\]|mixes booleans and texts"):
            judge(model, X, other)
        with pytest.raises(InvalidDataError, match="one class only"):
            judge(model, X, np.ones(len(X), dtype=int))
    texts = LogisticRegression().fit(X, np.where(y, "yes", "no"))
    with pytest.raises(InvalidDataError, match="evaluate_classifier: LogisticRegression was fit"):
        evaluate_classifier(texts, X, np.where(y, "Yes", "No"))
    same = evaluate_classifier(model, X, y).auc
    assert evaluate_classifier(texts, X, np.where(y, "yes", "no")).auc == pytest.approx(same)
    for alike in (y.astype(bool), y.astype(float), y.astype(object), pd.Series(y)):
        assert evaluate_classifier(model, X, alike).auc == pytest.approx(same)


@pytest.mark.parametrize("model", [DecisionTreeClassifier(max_depth=2), LinearSVC(), Propensity()])
def test_the_matrix_is_by_default_that_of_predict(model: Any) -> None:
    # Half of the rows of the middle value came true: a tree gives them one half exactly.
    X = np.repeat([0.0, 1.0, 2.0], 20)[:, None]
    y = np.r_[np.zeros(18), np.ones(2), np.tile([0, 1], 10), np.zeros(2), np.ones(18)].astype(int)
    model.fit(X, y)
    evaluation = evaluate_classifier(model, X, y)
    found = evaluation.confusion
    (tn, fp), (fn, tp) = metrics.confusion_matrix(y, model.predict(X))
    assert (found.true_negative, found.false_positive) == (tn, fp)
    assert (found.false_negative, found.true_positive) == (fn, tp)
    shown = "0" if isinstance(model, LinearSVC) else "0.5"
    assert str(found).startswith(f"threshold {shown}: ")
    for page in (found._repr_html_(), evaluation._repr_html_()):
        assert f">{shown}<" in page or f"at {shown}<" in page


def test_a_decision_of_exactly_zero_is_called_as_predict_does() -> None:
    class Signed:
        classes_ = np.array([0, 1])

        def decision_function(self, X: Any) -> np.ndarray:
            return np.asarray(X)[:, 0]

    y = np.array([0, 0, 1, 1])
    X = np.array([[-1.0], [0.0], [0.0], [2.0]])
    found = evaluate_classifier(Signed(), X, y, n_bins=2).confusion
    assert (found.true_positive, found.false_positive) == (1, 0)
    assert str(found).startswith("threshold 0: ")
    assert evaluate_classifier(Signed(), X + 0.5, y, n_bins=2).confusion.threshold == 0.0


def test_outcomes_of_any_plain_kind_are_read_and_others_named() -> None:
    y, p = scored(60)
    expected = evaluate_scores(y, p).auc
    for alike in (
        y.astype(object), y.astype(bool).astype(object), pd.Series(y, dtype="Int64"),
        y * 2.0, np.where(y, "yes", "no").astype(object), (y * 1.0).astype(object),
    ):  # fmt: skip
        assert evaluate_scores(alike, p).auc == expected
    mixed = np.array([1 if one else "no" for one in y], dtype=object)
    with pytest.raises(InvalidDataError, match="evaluate_scores: y mixes numbers and texts"):
        evaluate_scores(mixed, p)
    with pytest.raises(InvalidDataError, match=r"Propensity: Unknown label type: continuous.*y > "):
        Propensity().fit(p[:, None], y + 0.5)
    with pytest.raises(InvalidDataError, match="evaluate_scores: Unknown label type"):
        evaluate_scores(np.array([(one,) for one in y], dtype="datetime64[D]")[:, 0], p)
    for weights in (["a"] * 60, ["1"] * 60):
        with pytest.raises(InvalidDataError, match="Propensity: sample_weight must hold numbers"):
            Propensity().fit(p[:, None], y, weights)
    with pytest.raises(InvalidDataError, match="evaluate_scores: score must hold numbers"):
        evaluate_scores(y, p.astype(str))


def test_a_budget_and_a_number_of_customers_take_the_better_of_two_orders() -> None:
    # Worked by hand: five cheap customers bring 1.5 each, five dear ones 20 each.
    value, cost = [2.5] * 5 + [40.0] * 5, [1.0] * 5 + [20.0] * 5
    found = choose_targets(range(10), [1.0] * 10, value=value, cost=cost, budget=100.0, n_most=5)
    assert found.customers["customer_id"].tolist() == [5, 6, 7, 8, 9]
    assert (found.expected_profit, found.cost) == (100.0, 100.0)


def test_a_budget_alone_is_within_one_customer_of_every_list() -> None:
    for seed in range(40):
        source = np.random.default_rng(seed)
        p, value = source.random(8), source.integers(1, 20, 8).astype(float)
        cost, budget = source.integers(0, 6, 8).astype(float), float(source.integers(1, 15))
        profit = p * value - cost
        found = choose_targets(range(8), p, value=value, cost=cost, budget=budget)
        sets = (np.array(list(np.binary_repr(code, 8))) == "1" for code in range(256))
        best = max(profit[one].sum() for one in sets if cost[one].sum() <= budget)
        assert found.cost <= budget
        assert best - max(profit.max(), 0.0) <= found.expected_profit <= best + 1e-9


@pytest.mark.parametrize("name", ["value", "cost"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, "10", ["10", "10"], [1, None]])
def test_a_value_or_cost_that_is_no_number_is_refused(name: str, bad: Any) -> None:
    with pytest.raises(InvalidDataError, match=f"choose_targets: {name} "):
        choose_targets(["ann", "bo"], [0.5, 0.5], **{name: bad})


def test_a_budget_of_29_of_100_rows_calls_29() -> None:
    y, score = np.arange(100) % 2, np.arange(100.0)
    for share in np.arange(1, 101):
        limit = choose_threshold(y, score, by="budget", budget=share / 100)
        assert (score >= limit).sum() == share


def test_equally_good_thresholds_give_the_highest() -> None:
    # Brute force in fractions: rounding must not choose between ties.
    source = np.random.default_rng(0)
    for _ in range(300):
        n = int(source.integers(4, 40))
        y = np.r_[0, 1, source.integers(0, 2, n)]
        score = source.integers(0, 8, n + 2).astype(float)
        ones, zeros = int(y.sum()), int((1 - y).sum())
        tried = [np.inf, *sorted(set(score.tolist()), reverse=True)]
        called = [score >= one for one in tried]
        right = [int(y[c].sum()) for c in called]
        wrong = [int((1 - y)[c].sum()) for c in called]
        youden = [Fraction(r, ones) - Fraction(w, zeros) for r, w in zip(right, wrong, strict=True)]
        expected = tried[youden.index(max(youden))]
        assert choose_threshold(y, score) == expected
        assert evaluate_scores(y, score, n_bins=2).ks_threshold == expected
        costs = [
            Fraction(w, 10) + Fraction(3 * (ones - r), 10)
            for r, w in zip(right, wrong, strict=True)
        ]
        chosen = choose_threshold(
            y, score, by="cost", false_positive_cost=0.1, false_negative_cost=0.3
        )
        assert chosen == tried[costs.index(min(costs))]


@pytest.mark.parametrize("bad", [float("nan"), "a", None])
def test_a_threshold_that_is_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidParameterError, match="confusion: threshold"):
        confusion([0, 1], [0.1, 0.9], bad)
    assert confusion([0, 1], [0.1, 0.9], np.inf).false_negative == 1


def test_importance_does_not_depend_on_the_order_of_rows() -> None:
    X, y = rows(200)
    X = X.round(1).assign(plan=np.where(X["b"] > 0, "gold", "basic"))
    model = Propensity().fit(X, y)
    order = np.random.default_rng(5).permutation(200)
    mixed = X.iloc[order]
    found = permutation_importance(model, X, y)
    again = permutation_importance(model, mixed, y[order])
    pd.testing.assert_frame_equal(again, found, check_exact=True)
    curve = partial_dependence(model, X, "a", n_rows=50)
    again = partial_dependence(model, mixed, "a", n_rows=50)
    pd.testing.assert_frame_equal(curve, again, check_exact=True)


class Recorder:
    """A model that keeps the rows it is given."""

    classes_ = np.array([0, 1])

    def __init__(self, column: Any = 0) -> None:
        self.column = column
        self.seen: list[Any] = []

    def predict_proba(self, X: Any) -> np.ndarray:
        self.seen.append(X)
        p = np.asarray(X)[:, self.column].astype(float) / 100
        return np.column_stack([1 - p, p])


def test_a_dependence_is_averaged_over_at_most_the_rows_asked() -> None:
    X = pd.DataFrame({"a": np.arange(1999.0), "b": np.arange(1999.0) % 7})
    model = Recorder()
    found = partial_dependence(model, X, "b", n_rows=1000)
    assert {len(one) for one in model.seen} == {1000}
    assert found["share"].to_numpy() * 1999 == pytest.approx(np.bincount(np.arange(1999) % 7))


def test_a_rare_flag_shows_both_of_its_values() -> None:
    flag = np.r_[np.zeros(97), np.ones(3)]
    X = pd.DataFrame({"flag": flag, "many": np.r_[np.zeros(96), 1.0, 2.0, 3.0, 4.0]})
    found = partial_dependence(Recorder(), X, "flag")
    assert found["value"].tolist() == [0.0, 1.0]
    assert found["share"].tolist() == [0.97, 0.03]
    assert found["prediction"].tolist() == pytest.approx([0.0, 0.01])
    # More values than points, and most rows at 0: from end to end.
    ends = partial_dependence(Recorder(1), X, "many", n_points=3)
    assert ends["value"].tolist() == [0.0, 2.0, 4.0]
    assert ends["share"].tolist() == [0.97, 0.02, 0.01]


@pytest.mark.parametrize("dtype", ["Int64", "int64", "boolean", "bool", "category", "Float64"])
def test_a_value_keeps_the_type_of_its_column(dtype: str) -> None:
    X = pd.DataFrame({"k": pd.Series(np.arange(40) % 2, dtype=dtype), "x": np.arange(40.0)})
    model = Recorder(1)
    found = partial_dependence(model, X, "k")
    assert found["value"].tolist() == [0, 1]
    assert {str(one["k"].dtype) for one in model.seen} == {dtype}


@pytest.mark.parametrize("name", ["self", "plain name", 5])
def test_a_column_may_have_any_name(name: Any) -> None:
    X = pd.DataFrame({name: np.arange(40) % 2, "x": np.arange(40.0)})
    found = partial_dependence(Recorder(), X, name)
    assert found["prediction"].tolist() == pytest.approx([0.0, 0.01])
    table = permutation_importance(Recorder(1), X, np.arange(40) > 20)
    assert table["feature"].tolist() == ["x", str(name)]
    array = partial_dependence(Recorder(), X.to_numpy(), "x0")
    assert array["prediction"].tolist() == pytest.approx([0.0, 0.01])
    with pytest.raises(InvalidDataError, match=f"column '{name}' has no value"):
        partial_dependence(Recorder(), X * np.nan, name)


def test_frames_of_other_engines_are_looked_at_alike() -> None:
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    X, y = rows(120)
    X = X.assign(plan=np.where(X["b"] > 0, "gold", "basic"), n=np.arange(120) % 3)
    model = Propensity().fit(X, y)
    importance = permutation_importance(model, X, y)
    curves = [partial_dependence(model, X, name) for name in ("a", "n", "plan")]
    for other in (pl.from_pandas(X), pl.from_pandas(X).lazy(), pa.Table.from_pandas(X)):
        pd.testing.assert_frame_equal(permutation_importance(model, other, y), importance)
        for name, curve in zip(("a", "n", "plan"), curves, strict=True):
            found = partial_dependence(model, other, name)
            pd.testing.assert_frame_equal(found, curve)


def newcombes(area: float, m: int, n: int) -> list[float]:
    """Return the least and the greatest area on a fine grid that Newcombe's method 5 holds."""
    t = np.linspace(0, 1, 2_000_001)
    more = (m + n) / 2 - 1
    v = t * (1 - t) * (1 + more * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n)
    held = t[np.abs(t - area) <= stats.norm.ppf(0.975) * np.sqrt(v)]
    return [held.min(), held.max()]


def test_a_perfect_order_and_one_score_for_all_have_an_interval() -> None:
    for y, score, area in (
        ([0, 0, 0, 1, 1, 1], range(6), 1.0),
        ([1, 1, 1, 0, 0, 0, 0], range(7), 0.0),
        ([0] * 30 + [1] * 10, [0.3] * 40, 0.5),
    ):
        found = evaluate_scores(y, list(score), n_bins=2)
        m = sum(y)
        assert found.auc == area
        assert found.auc_interval == pytest.approx(newcombes(area, m, len(y) - m), abs=1e-6)
        low, high = found.auc_interval
        assert low <= area <= high
        assert high - low > 0.1
    alone = evaluate_scores([0, 0, 0, 1], [1, 2, 3, 4], n_bins=2)
    assert alone.auc_interval == (0.0, 1.0)


def test_the_interval_covers_where_most_samples_are_ordered_perfectly() -> None:
    # Binormal scores of known area .983: DeLong's interval of no width missed in each of them.
    source = np.random.default_rng(2)
    truth, covered, perfect = stats.norm.cdf(3 / np.sqrt(2)), 0, 0
    y = np.repeat([0, 1], [12, 12])
    for _ in range(300):
        found = evaluate_scores(y, source.normal(size=24) + 3 * y)
        covered += found.auc_interval[0] <= truth <= found.auc_interval[1]
        perfect += found.auc == 1.0
    assert perfect > 60
    assert covered / 300 > 0.92


def test_a_perfect_order_beside_one_score_for_all_is_tested_exactly() -> None:
    # All ways to give out three outcomes among six rows, counted.
    y, perfect, constant = np.repeat([0.0, 1.0], 3), np.arange(6.0), np.zeros(6)
    areas, covariance = areas_with_covariance(y, np.vstack([perfect, constant]))
    apart = []
    for chosen in combinations(range(6), 3):
        other = np.isin(np.arange(6), chosen).astype(float)
        found, _ = areas_with_covariance(other, np.vstack([perfect, constant]))
        apart.append(abs(found[0] - found[1]) >= 0.5)
    p_value = delong_p_value(areas, covariance, 0, 1, (3, 3))
    assert p_value == pytest.approx(np.mean(apart)) == pytest.approx(0.1)
    # Ties broken alike for all: no variance, and no end of the scale.
    y, tied = np.tile([0.0, 1.0], 3), np.repeat([1.0, 2.0, 3.0], 2)
    areas, covariance = areas_with_covariance(y, np.vstack([tied, tied + 0.1 * y]))
    assert np.isnan(delong_p_value(areas, covariance, 0, 1, (3, 3)))


def test_a_comparison_can_be_printed_joined_and_written(tmp_path: Any) -> None:
    X, y = rows(120)
    models = {"a": LogisticRegression(), "b": Propensity(), "c": LogisticRegression(C=0.01)}
    table = compare_classifiers(models, X, y)
    other = compare_classifiers(dict(list(models.items())[:2]), X, y)
    assert "model" in repr(table)
    assert "<table" in table.to_html()
    assert len(table.merge(other, on="model")) == 2
    assert len(pd.concat([table, other])) == 5
    pairs = pd.DataFrame(table.attrs["pairs"])
    by_hand = np.maximum.accumulate(np.sort(pairs["p_value"]) * [3, 2, 1]).clip(max=1)
    assert np.sort(pairs["adjusted_p_value"]) == pytest.approx(by_hand)
    pytest.importorskip("pyarrow")
    table.to_parquet(tmp_path / "compared.parquet")
    assert len(pd.read_parquet(tmp_path / "compared.parquet")) == 3


def test_few_rows_and_wrong_models_are_told_by_the_function_called() -> None:
    X, y = rows(40)
    models = {"a": LogisticRegression(), "b": Propensity()}
    with pytest.raises(InvalidParameterError, match="compare_classifiers: models must map names"):
        compare_classifiers([LogisticRegression(), Propensity()], X, y)  # type: ignore[arg-type]
    few = np.r_[1, 1, np.zeros(38, dtype=int)]
    for name, call in (
        ("compare_classifiers", lambda: compare_classifiers(models, X, few)),
        ("cross_fitted_scores", lambda: cross_fitted_scores(Propensity(), X, few)),
        ("calibrate", lambda: calibrate(Propensity(), X, few)),
    ):
        with pytest.raises(InvalidDataError, match=f"{name}: the rarest class of y has 2 rows"):
            call()
    plain = {"a": LogisticRegression(), "b": DecisionTreeClassifier()}
    small = compare_classifiers(plain, X.iloc[:8], [0, 1] * 4, n_folds=2)
    assert small["model"].nunique() == 2
    with pytest.raises(InvalidDataError, match="evaluate_classifier: 10 bins need as many rows"):
        evaluate_classifier(Propensity().fit(X, y), X.iloc[:8], [0, 1] * 4)


def test_models_are_compared_alike_on_frames_of_all_engines() -> None:
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    X, y = rows(120)
    X = X[["a"]].assign(plan=np.where(X["b"] > 0, "gold", "basic"))
    models = {"plain": Propensity(), "l2": Propensity(penalty="l2")}
    expected = compare_classifiers(models, X, y)
    for other, outcome in (
        (pl.from_pandas(X), pl.Series(y)),
        (pa.Table.from_pandas(X), pa.chunked_array([pa.array(y)])),
    ):
        pd.testing.assert_frame_equal(compare_classifiers(models, other, outcome), expected)


def test_the_outcome_can_be_named() -> None:
    X, y = rows(200)
    words = np.where(y, "Churn", "No")  # the larger word is not the outcome
    model = LogisticRegression().fit(X, words)
    by_number = LogisticRegression().fit(X, y)
    expected = evaluate_classifier(by_number, X, y).to_dict()
    assert evaluate_classifier(model, X, words, positive="Churn").to_dict() == pytest.approx(
        expected
    )
    assert evaluate_classifier(model, X, words).n_positive == (y == 0).sum()
    p = by_number.predict_proba(X)[:, 1]
    assert evaluate_scores(words, p, positive="Churn").to_dict() == (
        evaluate_scores(y, p).to_dict()
    )
    for table in (lift_table, calibration_table):
        pd.testing.assert_frame_equal(table(words, p, positive="Churn"), table(y, p))
    for figure in (confusion, choose_threshold, expected_calibration_error):
        assert figure(words, p, positive="Churn") == figure(y, p)
    models = {"a": LogisticRegression(), "b": LinearSVC()}
    pd.testing.assert_frame_equal(
        compare_classifiers(models, X, words, positive="Churn"), compare_classifiers(models, X, y)
    )
    assert cross_fitted_scores(LinearSVC(), X, words, positive="Churn") == pytest.approx(
        cross_fitted_scores(LinearSVC(), X, y)
    )
    with pytest.raises(InvalidParameterError, match=r"lift_table: positive .*'No'\]; got 'churn'"):
        lift_table(words, p, positive="churn")


@pytest.mark.parametrize("model", [DecisionTreeClassifier(max_depth=2), LinearSVC()])
def test_the_matrix_of_a_named_outcome_is_that_of_predict(model: Any) -> None:
    X = np.repeat([0.0, 1.0, 2.0], 20)[:, None]
    y = np.r_[np.zeros(18), np.ones(2), np.tile([0, 1], 10), np.zeros(2), np.ones(18)].astype(int)
    found = evaluate_classifier(model.fit(X, y), X, y, positive=0).confusion
    (tn, fp), (fn, tp) = metrics.confusion_matrix(y, model.predict(X), labels=[1, 0])
    assert (found.true_negative, found.false_positive) == (tn, fp)
    assert (found.false_negative, found.true_positive) == (fn, tp)


def test_a_model_may_keep_its_classes_in_any_order() -> None:
    class Reversed(Recorder):
        classes_ = np.array([1, 0])

        def predict_proba(self, X: Any) -> np.ndarray:
            return super().predict_proba(X)[:, ::-1]

    X = pd.DataFrame({"a": np.arange(40.0), "b": np.ones(40)})
    y = (np.arange(40) > 25).astype(int)
    assert evaluate_classifier(Reversed(), X, y).auc == 1.0
    table = permutation_importance(Reversed(), X, y)
    assert table["feature"].tolist() == ["a", "b"]
    assert table["importance"].iloc[0] > 0.3


def test_all_models_are_compared_on_the_same_folds() -> None:
    X, y = rows(100)
    models = {"a": LogisticRegression(), "b": LogisticRegression()}
    table = compare_classifiers(models, X, y, random_state=None)
    assert table["difference"].tolist() == [0.0, 0.0]
