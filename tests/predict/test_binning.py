"""Optimal bins: every partition tried out, weights by hand, properties."""

from __future__ import annotations

import pickle
from itertools import combinations, pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression

from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    NotFittedError,
)
from userportrait.predict import OptimalBinning, WeightOfEvidence
from userportrait.predict._binning_search import turning_points


def visits(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return whole numbers from 0 to 11 whose chance of the outcome rises and falls."""
    source = np.random.default_rng(seed)
    x = source.integers(0, 12, n).astype(float)
    y = (source.random(n) < 0.15 + 0.3 * np.sin(x / 4.0) ** 2).astype(int)
    return x, y


def best_by_trying_all(
    outcome: np.ndarray, rows: np.ndarray, total: tuple[float, float], how: dict[str, Any]
) -> float:
    """Return the greatest information value of all partitions of neighbours that are allowed."""
    ones, zeros = total
    p, s = ones / (ones + zeros), how.get("smoothing", 1.0)
    least = how.get("min_share", 0.05) * rows.sum()
    best = -np.inf
    for k in range(min(how.get("max_bins", 6), len(rows))):
        for inner in combinations(range(1, len(rows)), k):
            edges = [0, *inner, len(rows)]
            spans = [slice(a, b) for a, b in pairwise(edges)]
            n1 = np.array([outcome[span].sum() for span in spans])
            n0 = np.array([rows[span].sum() for span in spans]) - n1
            if k and (n1 + n0).min() < least - 1e-9:
                continue
            woe = np.log((n1 + s * p) / (n0 + s * (1 - p)) * zeros / ones)
            steps, monotone = np.diff(woe), how.get("monotone", "auto")
            up, down = bool((steps >= -1e-12).all()), bool((steps <= 1e-12).all())
            if {"auto": up or down, "increasing": up, "decreasing": down, "none": True}[monotone]:
                best = max(best, float(((n1 / ones - n0 / zeros) * woe).sum()))
    return best


@pytest.mark.parametrize("monotone", ["auto", "increasing", "decreasing", "none"])
@pytest.mark.parametrize("max_bins", [2, 3, 6])
def test_no_partition_of_the_values_tells_more(monotone: str, max_bins: int) -> None:
    for seed in range(4):
        x, y = visits(seed=seed)
        how: dict[str, Any] = {
            "monotone": monotone, "max_bins": max_bins, "min_share": [0.02, 0.12][seed % 2],
            "smoothing": [1.0, 0.01][seed // 2],
        }  # fmt: skip
        binning = OptimalBinning(**how).fit(x, y)
        outcome, rows = np.bincount(x.astype(int), weights=y), np.bincount(x.astype(int))
        total = (float(y.sum()), float((1 - y).sum()))
        assert binning.iv_ == pytest.approx(best_by_trying_all(outcome, rows, total, how), rel=1e-9)
        rates = binning.table_["rate"]
        assert len(rates) <= max_bins
        assert binning.table_["share"].min() >= how["min_share"] or len(rates) == 1
        woe = binning.table_["woe"].to_numpy()
        if binning.direction_ == "increasing":
            assert (np.diff(woe) >= -1e-12).all()
        if binning.direction_ == "decreasing":
            assert (np.diff(woe) <= 1e-12).all()


@pytest.mark.parametrize("direction", ["increasing", "decreasing"])
def test_blocks_end_where_isotonic_regression_says(
    direction: Literal["increasing", "decreasing"],
) -> None:
    source = np.random.default_rng(3)
    rows = source.integers(1, 30, 200).astype(float)
    ones = source.binomial(rows.astype(int), np.linspace(0.2, 0.5, 200)).astype(float)
    fitted = IsotonicRegression(increasing=direction == "increasing").fit_transform(
        np.arange(200), ones / rows, sample_weight=rows
    )
    steps = np.r_[0, np.flatnonzero(np.abs(np.diff(fitted)) > 1e-12) + 1]
    assert turning_points(ones, rows - ones, direction).tolist() == steps.tolist()


def test_limits_between_quantiles_are_found() -> None:
    # The rate jumps at 0.317 and at the upper 6 %, where few quantiles end.
    x = np.random.default_rng(1).permutation(np.arange(5_000) / 5_000)
    y = np.where(x < 0.317, np.arange(5_000) % 10 == 0, np.arange(5_000) % 3 == 0)
    y = np.where(x >= 0.943, np.arange(5_000) % 3 > 0, y).astype(int)
    binning = OptimalBinning(3, n_pre_bins=5).fit(x, y)
    assert binning.cuts_ == pytest.approx([0.317, 0.943], abs=0.002)


def test_one_bin_has_no_direction() -> None:
    binning = OptimalBinning().fit([1.0] * 20, [0, 1] * 10)
    assert (len(binning.table_), binning.direction_) == (1, "none")


def test_levels_are_joined_as_no_other_partition_in_order_of_rates_does_better() -> None:
    x, y = visits(600, seed=5)
    names = np.array(list("kbhdzfgcaqel"), dtype=object)[x.astype(int)]
    binning = OptimalBinning(3, min_share=0.01).fit(names, y)
    by_level = pd.DataFrame({"x": names, "y": y}).groupby("x")["y"].agg(["sum", "size"])
    by_level = by_level.assign(rate=by_level["sum"] / by_level["size"]).sort_values("rate")
    total = (float(y.sum()), float((1 - y).sum()))
    how = {"max_bins": 3, "min_share": 0.01, "monotone": "none"}
    best = best_by_trying_all(by_level["sum"].to_numpy(), by_level["size"].to_numpy(), total, how)
    assert binning.iv_ == pytest.approx(best)
    assert binning.table_["rate"].is_monotonic_increasing
    assert sorted(", ".join(binning.table_["bin"]).split(", ")) == sorted(set(names))


def test_weights_are_those_worked_by_hand() -> None:
    x = ["a"] * 40 + ["b"] * 60
    y = [1] * 10 + [0] * 30 + [1] * 30 + [0] * 30
    table = OptimalBinning().fit(x, y).table_.set_index("bin")
    # 40 of 100 rows have the outcome, so each bin is given 0.4 of a row with it.
    by_hand = np.log(10.4 / 30.6 * 60 / 40)
    assert table.loc["a", "woe"] == pytest.approx(by_hand)
    assert table.loc["a", "iv"] == pytest.approx((10 / 40 - 30 / 60) * by_hand)
    assert table.loc["b", ["n_rows", "n_outcomes", "rate"]].tolist() == [60, 30, 0.5]


def test_missing_values_have_a_bin_of_their_own() -> None:
    x, y = visits()
    x[::5] = np.nan
    y[::5] = 1
    binning = OptimalBinning().fit(x, y)
    assert binning.table_["bin"].iloc[-1] == "missing"
    assert binning.table_["n_rows"].iloc[-1] == 80
    assert binning.transform([None])[0] == binning.table_["woe"].iloc[-1] > 1
    assert binning.table_["share"].sum() == pytest.approx(1.0)
    nothing_missing = OptimalBinning().fit(*visits())
    assert nothing_missing.transform([np.nan, np.nan]).tolist() == [0.0, 0.0]


def test_rare_levels_are_taken_together_and_new_ones_go_with_them() -> None:
    x = ["a"] * 50 + ["b"] * 46 + ["c", "d", "e", "f"]
    y = [0, 1] * 25 + [0, 0, 1] * 15 + [1] + [1, 1, 1, 0]
    binning = OptimalBinning(min_share=0.04).fit(x, y)
    assert binning.table_["bin"].tolist() == ["b", "a", "rarer levels"]
    assert binning.transform(["c", "new"]).tolist() == [binning.table_["woe"].iloc[-1]] * 2
    no_rare = OptimalBinning().fit(["a", "b"] * 20, [0, 1] * 10 + [1, 1] * 10)
    assert no_rare.transform(["new"]).tolist() == [0.0]


def test_rows_are_placed_where_the_table_says() -> None:
    source = np.random.default_rng(2)
    x = source.lognormal(3, 1, 2000)
    y = (source.random(2000) < 1 / (1 + np.exp(1 - np.log(x) / 3))).astype(int)
    binning = OptimalBinning().fit(x, y)
    assert binning.cuts_ is not None
    assert len(binning.cuts_) > 1
    n_rows = np.histogram(x, np.r_[-np.inf, binning.cuts_, np.inf])[0]
    assert binning.table_["n_rows"].tolist() == n_rows.tolist()
    assert binning.table_["bin"].iloc[0] == f"< {binning.cuts_[0]:.15g}"
    assert all(len(f"{cut:.15g}") <= 8 for cut in binning.cuts_)  # of 17 digits
    woe = binning.transform(x)
    found = pd.Series(y).groupby(woe).mean().to_numpy()
    assert found == pytest.approx(binning.table_.sort_values("woe")["rate"].to_numpy())


def test_order_engine_and_labels_change_nothing() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    x, y = visits()
    one = OptimalBinning().fit(x, y)
    order = np.random.default_rng(0).permutation(len(x))
    told = np.array(["no", "yes"])[y[order]]
    other = OptimalBinning().fit(pl.Series(x[order]), told)
    pd.testing.assert_frame_equal(one.table_, other.table_)
    assert other.classes_.tolist() == ["no", "yes"]
    as_category = pd.Series(x.astype(int).astype(str), dtype="category")
    by_text = OptimalBinning().fit(as_category, y)
    pd.testing.assert_frame_equal(
        by_text.table_, OptimalBinning().fit(as_category[::-1], y[::-1]).table_
    )
    again = pickle.loads(pickle.dumps(one))
    assert again.transform(x).tolist() == one.transform(x).tolist()
    copy: Any = clone(OptimalBinning(3))  # type: ignore[no-untyped-call,unused-ignore]
    assert copy.max_bins == 3


def test_a_feature_that_tells_nothing_has_one_bin_and_no_value() -> None:
    _, y = visits()
    for x in (np.ones(400), np.full(400, np.nan), ["a"] * 400, [None] * 400):
        binning = OptimalBinning().fit(x, y)
        assert len(binning.table_) == 1
        assert binning.iv_ == pytest.approx(0.0)
        assert binning.transform(x) == pytest.approx(np.zeros(400))


def test_bad_use_is_told() -> None:
    with pytest.raises(InvalidParameterError, match="2 problems"):
        OptimalBinning(1, smoothing=0.0).fit([1, 2], [0, 1])
    with pytest.raises(InvalidParameterError, match="Did you mean 'increasing'"):
        OptimalBinning(monotone="increasin").fit([1, 2], [0, 1])  # type: ignore[arg-type]
    with pytest.raises(NotFittedError):
        OptimalBinning().transform([1])
    with pytest.raises(InvalidDataError, match="one class"):
        OptimalBinning().fit([1, 2], [1, 1])
    with pytest.raises(InvalidDataError, match="inconsistent"):
        OptimalBinning().fit([1, 2, 3], [0, 1])
    with pytest.raises(ColumnTypeError, match="learned from numbers"):
        OptimalBinning().fit([1, 2], [0, 1]).transform(["a"])


def test_a_rare_flag_is_cut() -> None:
    flag = np.r_[np.zeros(990), np.ones(10)]
    y = np.r_[np.arange(990) % 10 == 0, np.ones(10)].astype(int)
    found = OptimalBinning(min_share=0.005).fit(flag, y)
    assert found.table_["n_rows"].tolist() == [990, 10]
    assert found.table_["n_outcomes"].tolist() == [99, 10]
    assert found.iv_ > 0.2


def test_categories_of_numbers_are_texts_as_in_a_frame() -> None:
    x, y = visits(600)
    levels = pd.Series(x.astype(int)).astype("category")
    one = OptimalBinning(3).fit(levels, y)
    frame = WeightOfEvidence(max_bins=3).fit(pd.DataFrame({"x": levels}), y)
    texts = OptimalBinning(3).fit(x.astype(int).astype(str), y)
    assert one.cuts_ is None
    assert one.table_["iv"].tolist() == frame.table_["iv"].tolist() == texts.table_["iv"].tolist()
    assert one.transform(levels).tolist() == frame.transform(levels.to_frame("x"))[:, 0].tolist()
