"""Population stability: by hand, beside SciPy's chi-square test, and by simulation."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.predict import population_stability


def test_the_index_is_the_one_worked_by_hand() -> None:
    found = population_stability(["a"] * 50 + ["b"] * 50, ["a"] * 60 + ["b"] * 40)
    assert found.psi == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))
    assert found.chance_psi == pytest.approx(0.02)
    assert (found.level, found.df, found.n_expected, found.n_actual) == ("stable", 1, 100, 100)
    assert found.psi == pytest.approx(found.to_frame()["psi"].sum())


def test_the_p_value_is_that_of_scipy() -> None:
    source = np.random.default_rng(0)
    before, after = source.normal(0, 1, 900), source.normal(0.1, 1.1, 400)
    found = population_stability(before, after, n_bins=7)
    assert len(found.bins) == 7
    counts = found.bins[["n_expected", "n_actual"]].to_numpy().T
    chi2, p, df, _ = stats.chi2_contingency(counts, correction=False)
    assert (found.chi2, found.p_value) == pytest.approx((chi2, p))
    assert found.df == df
    # numpy counts between the same edges.
    cuts = np.unique(np.sort(before)[(np.arange(1, 7) * 900) // 7])
    edges = np.r_[-np.inf, cuts, np.inf]
    assert found.bins["n_actual"].tolist() == np.histogram(after, edges)[0].tolist()


def test_missing_values_are_a_bin_of_numbers_and_of_texts() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    numbers = population_stability([1.0, 2.0, np.nan, 4.0], [1.0, np.nan, np.nan, 4.0], n_bins=2)
    assert numbers.bins["bin"].tolist() == ["< 2", ">= 2", "missing"]
    assert numbers.bins["n_actual"].tolist() == [1, 1, 2]
    texts = population_stability(["a", None, "b"], pl.Series(["b", "b", None, "c"]))
    assert texts.bins["bin"].tolist() == ["a", "b", "c", "missing"]
    assert texts.bins["n_actual"].tolist() == [0, 2, 1, 1]


def test_a_bin_empty_on_one_side_counts_as_half_a_row_there() -> None:
    found = population_stability(["a"] * 10, ["a"] * 8 + ["b"] * 2)
    by_hand = (0.8 - 1.0) * np.log(0.8) + (0.2 - 0.05) * np.log(0.2 / 0.05)
    assert found.psi == pytest.approx(by_hand)


def test_a_feature_without_any_value_is_compared_by_its_missing_bin() -> None:
    gone = population_stability(["a", "b"] * 20, [None] * 40)
    assert gone.bins["n_actual"].tolist() == [0, 0, 40]
    assert gone.level == "large"
    come = population_stability([np.nan] * 40, np.arange(40.0), n_bins=2)
    assert come.bins["n_expected"].tolist() == [0, 0, 40]
    never = population_stability([np.nan] * 4, [None] * 3)
    assert (never.psi, never.p_value, never.df) == (0.0, 1.0, 0)


def test_the_test_is_false_as_often_as_promised_where_nothing_moves() -> None:
    source = np.random.default_rng(3)
    found = [population_stability(source.random(300), source.random(200)) for _ in range(500)]
    alarms = np.mean([one.p_value < 0.05 for one in found])
    assert 0.02 < alarms < 0.08  # 0.05 and three standard errors of 0.01
    by_chance = np.mean([one.psi for one in found])
    assert by_chance == pytest.approx(found[0].chance_psi, rel=0.1)


def test_order_and_scale_change_nothing() -> None:
    source = np.random.default_rng(1)
    before, after = source.integers(0, 30, 200).astype(float), source.integers(3, 33, 100) * 1.0
    one = population_stability(before, after)
    other = population_stability(before[::-1] * 8, pd.Series(after[::-1] * 8))
    assert one.psi == pytest.approx(other.psi, rel=1e-14)
    assert one.bins["n_actual"].tolist() == other.bins["n_actual"].tolist()
    same = population_stability(before, before)
    assert (same.psi, same.chi2, same.p_value) == (0.0, 0.0, 1.0)
    assert pickle.loads(pickle.dumps(one)).psi == one.psi
    assert "stability index" in one._repr_html_()
    assert one.to_dict()["level"] == one.level


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ColumnTypeError, match="numbers, the other texts"):
        population_stability([1.0, 2.0], ["a", "b"])
    with pytest.raises(InvalidDataError, match="0 sample"):
        population_stability(np.zeros(0), [1.0])
    with pytest.raises(InvalidDataError, match="one column"):
        population_stability(np.zeros((2, 2)), [1.0])
    with pytest.raises(InvalidDataError, match="infinity"):
        population_stability([1.0, np.inf], [1.0])
    with pytest.raises(InvalidParameterError, match="n_bins"):
        population_stability([1.0], [1.0], n_bins=1)


@pytest.mark.parametrize(
    ("before", "after", "psi"),
    [
        ([0] * 95 + [1] * 5, [0] * 5 + [1] * 95, 0.9 * np.log(19) * 2),
        ([False] * 95 + [True] * 5, [False] * 5 + [True] * 95, 0.9 * np.log(19) * 2),
        ([1] * 100, [2] * 100, 0.995 * np.log(200) * 2),
        ([1] * 100, [0] * 100, 0.995 * np.log(200) * 2),
        ([0] * 5 + [1] * 95, [1] * 5 + [2] * 95, None),
    ],
)
def test_a_value_that_most_rows_share_is_seen_to_move(
    before: list[float], after: list[float], psi: float | None
) -> None:
    found = population_stability(before, after)
    assert found.level == "large"
    assert psi is None or found.psi == pytest.approx(psi)
    assert population_stability(before, before).psi == 0.0


def test_numbers_that_are_mostly_zero_are_cut_above_zero() -> None:
    before = np.r_[np.zeros(92), np.arange(1.0, 9.0)]
    found = population_stability(before, np.r_[np.zeros(10), np.arange(1.0, 91.0)])
    assert found.bins["bin"].tolist() == ["[0, 1)", ">= 1"]
    assert found.bins["n_actual"].tolist() == [10, 90]
    negative = population_stability(before, before - 1.0)
    assert negative.bins["bin"].tolist() == ["< 0", "[0, 1)", ">= 1"]
    assert negative.bins["n_actual"].tolist() == [92, 1, 7]


def test_a_constant_has_a_bin_of_its_own() -> None:
    found = population_stability([3.5] * 4, [1.0, 3.5, 3.5, 7.0])
    assert found.bins["bin"].tolist() == ["< 3.5", "3.5", "> 3.5"]
    assert found.bins["n_actual"].tolist() == [1, 2, 1]


def test_levels_that_look_like_numbers_stand_by_size() -> None:
    before = pd.Series([0, 1, 10, 2] * 5).astype("category")
    found = population_stability(before, ["2", "10", "new", "1"] * 5)
    assert found.bins["bin"].tolist() == ["0", "1", "2", "10", "new"]
