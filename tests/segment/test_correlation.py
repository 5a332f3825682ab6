"""Correlations of mixed features: against scipy, against formulas in loops, and at the edges."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.segment import correlate


def customers(n: int = 300) -> pd.DataFrame:
    source = np.random.default_rng(0)
    age = source.normal(40, 9, n)
    channel = np.where(age + source.normal(0, 8, n) > 40, "web", "app")
    spend = np.exp(age / 20 + source.normal(0, 1.2, n))
    region = np.where(source.random(n) < 0.6, channel, source.choice(["n", "s", "e"], n))
    frame = pd.DataFrame({"age": age, "spend": spend, "channel": channel, "region": region})
    frame.loc[source.random(n) < 0.1, "age"] = np.nan
    frame.loc[source.random(n) < 0.1, "region"] = None
    return frame


def pair(frame: pd.DataFrame, first: str, second: str, **options: object) -> pd.Series:
    pairs = correlate(frame, **options).pairs  # type: ignore[arg-type]
    return pairs[(pairs["first"] == first) & (pairs["second"] == second)].iloc[0]


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_two_numbers_are_as_in_scipy(method: str) -> None:
    frame = customers()
    whole = frame.dropna(subset=["age"])
    oracle: Any = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[method]
    expected = oracle(whole["age"], whole["spend"])
    row = pair(frame, "age", "spend", method=method)
    assert row["measure"] == method
    assert row["value"] == pytest.approx(expected.statistic, rel=1e-12)
    assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-8)
    assert row["n"] == len(whole)


def test_auto_takes_ranks_for_long_tails_only() -> None:
    frame = customers()
    frame["score"] = np.random.default_rng(1).normal(size=len(frame))
    assert pair(frame, "age", "spend")["measure"] == "spearman"
    assert pair(frame, "age", "score")["measure"] == "pearson"


def test_the_correlation_ratio_is_tested_as_in_scipy() -> None:
    frame = customers()
    whole = frame.dropna()
    groups = [part["age"].to_numpy() for _, part in whole.groupby("region")]
    row = pair(frame, "age", "region")
    assert row["p_value"] == pytest.approx(stats.f_oneway(*groups).pvalue, rel=1e-8)
    centre = whole["age"].mean()
    between = sum(len(group) * (group.mean() - centre) ** 2 for group in groups)
    total = ((whole["age"] - centre) ** 2).sum()
    # Kelley (1935): variances by their degrees of freedom, as in an adjusted R squared.
    n, k = len(whole), len(groups)
    corrected = 1 - ((total - between) / (n - k)) / (total / (n - 1))
    assert row["value"] == pytest.approx(np.sqrt(corrected), rel=1e-10)
    assert row["value"] < np.sqrt(between / total)


def test_the_correlation_ratio_of_many_levels_of_chance_averages_near_zero() -> None:
    source = np.random.default_rng(4)
    found = [
        correlate(pd.DataFrame({"a": source.normal(size=200), "b": levels})).pairs["value"][0]
        for levels in source.choice(np.arange(60).astype(str), (60, 200))
    ]
    assert np.mean(found) < 0.15  # without the correction about 0.54


def test_cramers_v_is_bergsmas_and_its_test_is_scipys() -> None:
    frame = customers()
    counts = pd.crosstab(frame["channel"], frame["region"]).to_numpy()
    row = pair(frame, "channel", "region")
    chi_square = stats.chi2_contingency(counts, correction=False)
    assert row["p_value"] == pytest.approx(chi_square.pvalue, rel=1e-8)
    # Bergsma (2013), equations for the corrected phi-square and numbers of levels.
    n, (r, c) = counts.sum(), counts.shape
    phi = max(0.0, chi_square.statistic / n - (r - 1) * (c - 1) / (n - 1))
    r_left, c_left = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    assert row["value"] == pytest.approx(np.sqrt(phi / min(r_left - 1, c_left - 1)), rel=1e-10)
    plain = stats.contingency.association(counts, method="cramer")
    assert row["value"] < plain


def test_cramers_v_of_independent_columns_averages_near_zero_and_of_equal_ones_is_one() -> None:
    source = np.random.default_rng(3)
    found = [
        correlate(pd.DataFrame(source.choice(list("abcde"), (60, 2)))).pairs["value"][0]
        for _ in range(60)
    ]
    assert np.mean(found) < 0.08  # without the correction about 0.26
    frame = pd.DataFrame({"a": ["x", "y", "z"] * 9, "b": ["p", "q", "r"] * 9})
    assert correlate(frame).pairs["value"][0] == pytest.approx(1.0)


def test_p_values_are_adjusted_for_all_pairs() -> None:
    pairs = correlate(customers(), adjust="bonferroni").pairs
    expected = np.minimum(pairs["p_value"].to_numpy() * 6, 1.0)
    assert pairs["adjusted_p_value"].to_numpy() == pytest.approx(expected)
    pairs = correlate(customers(), adjust=None).pairs
    assert pairs["adjusted_p_value"].equals(pairs["p_value"])
    pairs = correlate(customers(), adjust="bh").pairs
    expected = stats.false_discovery_control(pairs["p_value"])
    assert pairs["adjusted_p_value"].to_numpy() == pytest.approx(expected)


def test_the_matrix_is_symmetric_and_that_of_pandas_for_numbers() -> None:
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 4)), columns=list("abcd"))
    found = correlate(x, method="pearson").matrix
    pd.testing.assert_frame_equal(found, x.corr(), rtol=1e-10)
    mixed = correlate(customers()).matrix
    assert np.array_equal(mixed, mixed.T)
    assert np.diag(mixed).tolist() == [1.0] * 4


def test_the_order_of_rows_and_the_engine_do_not_matter() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = customers()
    known = correlate(frame)
    shuffled = correlate(frame.sample(frac=1.0, random_state=1))
    pd.testing.assert_frame_equal(known.pairs, shuffled.pairs, rtol=1e-9)
    polars = correlate(pl.from_pandas(frame))
    pd.testing.assert_frame_equal(known.pairs, polars.pairs, rtol=1e-12)


def test_pairs_without_a_value_say_so() -> None:
    frame = pd.DataFrame(
        {
            "one": [1.0, 1.0, 1.0, 1.0],
            "few": [1.0, 2.0, np.nan, np.nan],
            "up": [1.0, 2.0, 3.0, 4.0],
            "id": ["a", "b", "c", "d"],
            "same": ["a", "a", "a", "a"],
        }
    )
    found = correlate(frame)
    assert pair(frame, "few", "up")["n"] == 2
    assert found.pairs["value"].isna().all()
    assert found.pairs["p_value"].isna().all()
    assert found.strongest().empty


def test_perfect_and_huge_columns_are_measured() -> None:
    frame = pd.DataFrame({"a": [1e300, 2e300, 3e300], "b": [3.0, 2.0, 1.0]})
    row = pair(frame, "a", "b", method="pearson")
    assert row["value"] == pytest.approx(-1.0)
    assert row["p_value"] < 1e-6


def test_results_are_shown_and_pickled() -> None:
    found = correlate(customers())
    assert "channel ~ region" in str(found) or "age ~ channel" in str(found)
    assert "<table>" in found._repr_html_()
    sizes = found.strongest(3)["value"].abs().tolist()
    assert sizes == sorted(sizes, reverse=True)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)).pairs, found.pairs)


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)'pearson'.*adjust"):
        correlate(customers(), method="person", adjust="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="two columns"):
        correlate(pd.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(InvalidParameterError, match="n must be an integer in"):
        correlate(customers()).strongest(-1)
    with pytest.raises(ColumnTypeError, match="'t'"):
        correlate(pd.DataFrame({"a": [1.0], "t": pd.to_datetime(["2024-01-01"])}))


def test_the_picture_shows_every_cell_with_its_sign() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt

    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [4.0, 3.0, 1.0, 2.0]})
    axes = correlate(frame).plot()
    assert [text.get_text() for text in axes.texts] == ["1.00", "-0.80", "-0.80", "1.00"]
    plt.close("all")


def test_signs_differ_in_colour_and_long_names_and_dollars_fit() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt
    from matplotlib.colors import to_hex

    source = np.random.default_rng(0)
    frame = pd.DataFrame(source.normal(size=(30, 20)))
    frame.columns = pd.Index([f"$ a_long_name_of_a_feature_that_goes_on_{k} $" for k in range(20)])
    frame[frame.columns[1]] = -frame[frame.columns[0]]
    axes: Any = correlate(frame).plot()
    axes.figure.canvas.draw()
    assert not axes.texts  # 20 columns have no room for numbers
    shades = [to_hex(colour) for colour in axes.collections[0].get_facecolors()]
    red, blue = int(shades[1][1:3], 16), int(shades[1][5:7], 16)
    assert red > blue  # orange: the first two features run against each other
    assert int(shades[0][1:3], 16) < int(shades[0][5:7], 16)
    plt.close("all")
