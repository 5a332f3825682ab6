"""Factors: against statsmodels, by properties of loadings, on simulated customers, at the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.estimator_checks import check_matrix_estimator
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.segment import FactorAnalysis, count_factors, measure_adequacy
from userportrait.segment._factor_rotations import quartimin

Factor = pytest.importorskip("statsmodels.multivariate.factor").Factor
rotation = pytest.importorskip("statsmodels.multivariate.factor_rotation")

TRUE = np.zeros((9, 3))
TRUE[:3, 0], TRUE[3:6, 1], TRUE[6:, 2] = (0.9, 0.8, 0.7), (0.8, 0.7, 0.6), (0.7, 0.6, 0.5)


def simulated(n: int = 1000, between: float = 0.0, seed: int = 0) -> np.ndarray:
    source = np.random.default_rng(seed)
    shared = np.full((3, 3), between)
    np.fill_diagonal(shared, 1.0)
    factors = source.multivariate_normal(np.zeros(3), shared, size=n)
    unique = np.sqrt(1.0 - (TRUE**2).sum(axis=1))
    found: np.ndarray = 5.0 + 2.0 * (factors @ TRUE.T + source.normal(size=(n, 9)) * unique)
    return found


def reproduced(factors: FactorAnalysis) -> np.ndarray:
    loadings, between = factors.loadings_.to_numpy(), factors.factor_correlations_.to_numpy()
    found: np.ndarray = loadings @ between @ loadings.T
    return found


def discrepancy(loadings: np.ndarray, x: np.ndarray) -> float:
    """What maximum likelihood makes small, from its definition."""
    model = loadings @ loadings.T
    np.fill_diagonal(model, 1.0)
    ratio = np.linalg.solve(model, np.corrcoef(x, rowvar=False))
    return float(np.trace(ratio) - np.linalg.slogdet(ratio)[1] - len(ratio))


@pytest.mark.parametrize("between", [0.0, 0.4])
def test_the_largest_likelihood_is_that_of_statsmodels(between: float) -> None:
    x = simulated(400, between)
    ours = FactorAnalysis(3, rotation=None).fit(x)
    start = (TRUE, 1.0 - (TRUE**2).sum(axis=1))  # by default a random one
    theirs = Factor(x, n_factor=3, method="ml").fit(start=start).loadings
    # Loadings are settled up to a turn, what they reproduce is not.
    assert reproduced(ours) == pytest.approx(theirs @ theirs.T, abs=2e-4)


@pytest.mark.parametrize("n_factors", [1, 2])
def test_of_several_peaks_none_is_higher(n_factors: int) -> None:
    x = simulated(400)
    ours = FactorAnalysis(n_factors, rotation=None).fit(x).loadings_.to_numpy()
    source = np.random.default_rng(0)
    for _ in range(2):
        start = (source.uniform(0.1, 0.6, size=(9, n_factors)), np.full(9, 0.5))
        theirs = Factor(x, n_factor=n_factors, method="ml").fit(start=start).loadings
        assert discrepancy(ours, x) <= discrepancy(theirs, x) + 1e-6


def test_principal_axes_are_those_of_statsmodels() -> None:
    x = simulated(400)
    ours = FactorAnalysis(3, method="principal_axis", rotation=None, tol=1e-9).fit(x)
    theirs = Factor(x, n_factor=3, method="pa").fit(maxiter=1000, tol=1e-9).loadings
    assert np.abs(ours.loadings_.to_numpy()) == pytest.approx(np.abs(theirs), abs=1e-5)
    assert ours.fit_test_ is None


def test_varimax_is_that_of_statsmodels_on_rows_of_length_one() -> None:
    x = simulated(400)
    plain = FactorAnalysis(3, rotation=None).fit(x).loadings_.to_numpy()
    lengths = np.sqrt((plain**2).sum(axis=1, keepdims=True))
    theirs, _ = rotation.rotate_factors(plain / lengths, "varimax", max_tries=2000, tol=1e-10)
    ours = FactorAnalysis(3).fit(x).loadings_.to_numpy()
    order = [int(np.abs(theirs.T @ ours[:, [k]]).argmax()) for k in range(3)]
    assert np.abs(ours) == pytest.approx(np.abs(theirs * lengths)[:, order], abs=1e-4)


# Eight physical measures of girls (Harman 1976), and their direct quartimin solution as
# Bernaards and Jennrich (2005), Educational and Psychological Measurement 65(5), compute it.
PHYSICAL = np.array(
    [
        [0.830, -0.396], [0.818, -0.469], [0.777, -0.470], [0.798, -0.401],
        [0.786, 0.500], [0.672, 0.458], [0.594, 0.444], [0.647, 0.333],
    ]
)  # fmt: skip
QUARTIMIN = np.array(
    [
        [0.891822, 0.056015], [0.953680, -0.023246], [0.929150, -0.046503], [0.876683, 0.033658],
        [0.013701, 0.925000], [-0.017265, 0.821253], [-0.052445, 0.764953], [0.085890, 0.683115],
    ]
)  # fmt: skip


def criterion(loadings: np.ndarray) -> float:
    """Quartimin's, from its definition."""
    squares = loadings**2
    pairs = squares.T @ squares
    return float(pairs.sum() - np.trace(pairs)) / 4


def test_quartimin_is_that_of_published_loadings() -> None:
    loadings, between = quartimin(PHYSICAL)
    assert loadings == pytest.approx(QUARTIMIN, abs=5e-6)
    assert np.diag(between) == pytest.approx(1.0)
    assert loadings @ between @ loadings.T == pytest.approx(PHYSICAL @ PHYSICAL.T)


@pytest.mark.parametrize(("p", "k"), [(9, 3), (15, 4)])
def test_no_start_finds_a_smaller_criterion_than_quartimin(p: int, k: int) -> None:
    source = np.random.default_rng(p)
    plain = source.normal(size=(p, k)) * (source.random((p, k)) < 0.4) + 0.1
    loadings, between = quartimin(plain)
    assert loadings @ between @ loadings.T == pytest.approx(plain @ plain.T)
    for _ in range(4):
        turn = np.linalg.qr(source.normal(size=(k, k)))[0]
        theirs, _ = rotation.rotate_factors(plain @ turn, "oblimin", 0, "oblique", max_tries=2000)
        assert criterion(loadings) <= criterion(theirs) + 1e-8


def test_oblimin_is_that_of_statsmodels_on_rows_of_length_one() -> None:
    x = simulated(400, between=0.4)
    plain = FactorAnalysis(3, rotation=None).fit(x).loadings_.to_numpy()
    lengths = np.sqrt((plain**2).sum(axis=1, keepdims=True))
    theirs, turn = rotation.rotate_factors(
        plain / lengths, "oblimin", 0, "oblique", max_tries=2000, tol=1e-10
    )
    found = FactorAnalysis(3, rotation="oblimin").fit(x)
    ours = found.loadings_.to_numpy()
    likeness = ours.T @ (theirs * lengths)
    order = np.abs(likeness).argmax(axis=1)
    signs = np.sign(likeness[np.arange(3), order])
    assert ours == pytest.approx((theirs * lengths)[:, order] * signs, abs=2e-5)
    between = (turn.T @ turn)[np.ix_(order, order)] * np.outer(signs, signs)
    assert found.factor_correlations_.to_numpy() == pytest.approx(between, abs=2e-5)


def test_one_factor_needs_no_turn() -> None:
    x = simulated(400)
    plain, turned = (FactorAnalysis(1, rotation=how).fit(x) for how in (None, "oblimin"))
    pd.testing.assert_frame_equal(plain.loadings_, turned.loadings_)
    assert turned.factor_correlations_.to_numpy().tolist() == [[1.0]]


@pytest.mark.parametrize("oblique_rotation", ["promax", "oblimin"])
@pytest.mark.parametrize("method", ["ml", "principal_axis"])
def test_rotations_reproduce_the_same_correlations(method: str, oblique_rotation: str) -> None:
    x = simulated(between=0.4)
    plain, straight, oblique = (
        FactorAnalysis(3, method=method, rotation=how).fit(x)  # type: ignore[arg-type]
        for how in (None, "varimax", oblique_rotation)
    )
    assert reproduced(straight) == pytest.approx(reproduced(plain), abs=1e-10)
    assert reproduced(oblique) == pytest.approx(reproduced(plain), abs=1e-10)
    assert np.array_equal(straight.factor_correlations_, np.eye(3))
    assert np.diag(oblique.factor_correlations_) == pytest.approx(1.0)
    for factors in (plain, straight, oblique):
        assert factors.communalities_.to_numpy() == pytest.approx(np.diag(reproduced(factors)))
        total = factors.communalities_.sum()
        assert factors.variance_["variance"].sum() == pytest.approx(total)
        assert factors.variance_["cumulative_share"].iloc[-1] == pytest.approx(total / 9)


def test_known_loadings_are_found() -> None:
    found = FactorAnalysis().fit(simulated(20_000))
    assert found.n_factors_ == 3
    assert found.loadings_.to_numpy() == pytest.approx(TRUE, abs=0.04)
    assert found.boundary_ == ()


@pytest.mark.parametrize("how", ["promax", "oblimin"])
def test_oblique_rotations_find_that_factors_are_correlated(how: Any) -> None:
    x = simulated(20_000, between=0.4)
    found = FactorAnalysis(3, rotation=how).fit(x)
    between = found.factor_correlations_.to_numpy()
    assert between[np.triu_indices(3, 1)] == pytest.approx(0.4, abs=0.1)
    assert np.abs(found.loadings_.to_numpy()[TRUE == 0]).max() < 0.08


def test_the_test_of_fit_keeps_its_level_and_sees_missing_factors() -> None:
    p_values = [
        FactorAnalysis(3, n_simulations=20).fit(simulated(300, seed=seed)).fit_test_.p_value  # type: ignore[union-attr]
        for seed in range(25)
    ]
    # Of 25 true hypotheses at 5 %, more than 5 rejections have a chance of 0.1 %.
    assert sum(p < 0.05 for p in p_values) <= 5
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    too_few = FactorAnalysis(2).fit(simulated(300)).fit_test_
    assert too_few is not None
    assert too_few.n_degrees == 19
    assert too_few.p_value < 1e-4


def test_scores_follow_the_factors() -> None:
    source = np.random.default_rng(5)
    factors = source.normal(size=(3000, 3))
    x = factors @ TRUE.T + source.normal(size=(3000, 9)) * np.sqrt(1 - (TRUE**2).sum(axis=1))
    scores = FactorAnalysis(3).fit_transform(x)
    for at in range(3):
        assert np.corrcoef(scores[:, at], factors[:, at])[0, 1] > 0.8
    assert scores.mean(axis=0) == pytest.approx(0.0, abs=1e-10)


def test_units_rows_and_engines_do_not_matter() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    x = simulated(300)
    frame = pd.DataFrame(x, columns=[f"f{at}" for at in range(9)])
    known = FactorAnalysis().fit(frame)
    for other in (frame * 1e6, frame.sample(frac=1.0, random_state=0), pl.from_pandas(frame)):
        found = FactorAnalysis().fit(other)
        pd.testing.assert_frame_equal(found.loadings_, known.loadings_, atol=1e-4)
    assert known.loadings_.index.tolist() == [f"f{at}" for at in range(9)]
    assert known.get_feature_names_out().tolist() == ["factor_1", "factor_2", "factor_3"]
    largest = known.loadings_.abs().to_numpy().argmax(axis=0)
    assert (known.loadings_.to_numpy()[largest, [0, 1, 2]] > 0).all()


@pytest.mark.parametrize("method", ["ml", "principal_axis"])
def test_features_of_one_source_come_up_to_the_limit(method: str) -> None:
    source = np.random.default_rng(0)
    x = source.normal(size=(200, 4))
    x[:, 1] = x[:, 0] + 0.01 * x[:, 1]
    found = FactorAnalysis(1, method=method).fit(x)  # type: ignore[arg-type]
    assert set(found.boundary_) <= {"x0", "x1"}
    assert found.boundary_
    assert found.communalities_.max() <= 0.995 + 1e-9


def test_kmo_is_that_of_partial_correlations() -> None:
    x = simulated(200)
    found = measure_adequacy(x)
    plain, partial = np.zeros((9, 9)), np.zeros((9, 9))
    for a in range(9):
        for b in range(9):
            if a == b:
                continue
            rest = np.c_[np.ones(200), np.delete(x, [a, b], axis=1)]
            left = [x[:, c] - rest @ np.linalg.lstsq(rest, x[:, c], rcond=None)[0] for c in (a, b)]
            partial[a, b] = np.corrcoef(*left)[0, 1]
            plain[a, b] = np.corrcoef(x[:, a], x[:, b])[0, 1]
    own, others = (plain**2).sum(axis=0), (partial**2).sum(axis=0)
    assert list(found.by_feature.values()) == pytest.approx(own / (own + others))
    assert found.kmo == pytest.approx(own.sum() / (own.sum() + others.sum()))


def test_bartletts_test_keeps_its_level_and_sees_correlations() -> None:
    source = np.random.default_rng(0)
    p_values = [measure_adequacy(source.normal(size=(60, 5))).bartlett.p_value for _ in range(300)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    found = measure_adequacy(simulated(200)).bartlett
    assert found.n_degrees == 36
    assert found.p_value < 1e-20


def test_parallel_limits_are_those_of_drawn_rows() -> None:
    source = np.random.default_rng(1)
    drawn = [
        np.linalg.eigvalsh(np.corrcoef(source.normal(size=(50, 6)), rowvar=False))[::-1]
        for _ in range(2000)
    ]
    found = count_factors(source.normal(size=(50, 6)), n_simulations=2000)
    assert found["limit"].to_numpy() == pytest.approx(np.quantile(drawn, 0.95, axis=0), abs=0.03)


def test_parallel_analysis_counts_factors_and_finds_none_in_noise() -> None:
    counted = [int(count_factors(simulated(500, seed=s))["is_kept"].sum()) for s in range(20)]
    assert counted == [3] * 20
    source = np.random.default_rng(2)
    noise = [int(count_factors(source.normal(size=(100, 8)))["is_kept"].sum()) for _ in range(60)]
    assert sum(n > 0 for n in noise) <= 9  # 3 expected
    assert FactorAnalysis().fit(source.normal(size=(100, 8))).n_factors_ >= 1


def test_pictures_tell_what_the_tables_tell() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt

    found = FactorAnalysis().fit(simulated(300))
    axes = found.plot_scree()
    assert axes.lines[0].get_ydata() == pytest.approx(found.parallel_["eigenvalue"].to_numpy())
    assert axes.get_title(loc="left") == "3 factors beyond chance"
    assert len(found.plot_loadings().texts) == 27
    plt.close("all")


@pytest.mark.parametrize("method", ["ml", "principal_axis"])
def test_estimator_checks_of_scikit_learn_pass(method: str) -> None:
    check_matrix_estimator(FactorAnalysis(method=method, n_simulations=20))  # type: ignore[arg-type]


def test_bad_input_is_named() -> None:
    x = simulated(50)
    with pytest.raises(InvalidParameterError, match=r"(?s)n_factors.*'ml'.*tol"):
        FactorAnalysis("paralel", method="mll", tol=0.0).fit(x)  # type: ignore[arg-type]
    for seed in ("x", -1, 1.5):
        with pytest.raises(InvalidParameterError, match="random_state must be"):
            FactorAnalysis(random_state=seed).fit(x)  # type: ignore[arg-type]
        with pytest.raises(InvalidParameterError, match="random_state must be"):
            count_factors(x, random_state=seed)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="at most 5 for 9 features; got 6"):
        FactorAnalysis(6).fit(x)
    with pytest.raises(ColumnTypeError, match="'c' holds texts"):
        FactorAnalysis().fit(pd.DataFrame({"a": [1.0, 2, 3], "c": ["x", "y", "z"]}))
    with pytest.raises(InvalidDataError, match=r"'x8'|'x9'"):
        FactorAnalysis().fit(np.c_[x, x[:, 8] * 2 + 1])
    with pytest.raises(InvalidDataError, match="column 'x1' holds one value"):
        FactorAnalysis().fit(np.c_[x[:, 0], np.ones(50)])
    with pytest.raises(InvalidDataError, match="more rows than features"):
        FactorAnalysis().fit(x[:9])
