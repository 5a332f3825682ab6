"""Evaluation: scikit-learn's figures, and what ties, labels and thresholds must not change."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from helpers.scored_rows import rows, scored
from userportrait.errors import InvalidDataError, InvalidParameterError
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
    permutation_importance,
)
from userportrait.predict._one_column import quantile_cuts


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
