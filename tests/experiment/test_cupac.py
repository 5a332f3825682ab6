"""CUPAC: cross-fitted, independent of the arms and of the order of rows, and worth its while."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from helpers.engines import ENGINES, require_engine, to_engine, to_pandas
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment import Experiment, Mean, assign, cupac


def shop(seed: int, n: int = 1_200, effect: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    before = rng.gamma(2.0, 10.0, n)
    country = rng.choice(["de", "fr", "it"], n)
    arm = rng.permutation(n) % 2
    level = np.where(country == "fr", 3.0, 0.0) + 5.0 * np.sin(before / 8.0)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(n)],
            "variant": np.where(arm == 1, "B", "A"),
            "before": before,
            "country": country,
            "spend": level + effect * arm + rng.normal(size=n),
        }
    )


FEATURES = ["before", "country"]


def test_it_finds_what_a_straight_line_cannot() -> None:
    frame = cupac(shop(0, 3_000), "spend", FEATURES)
    metrics = [
        Mean("spend", name="plain"),
        Mean("spend", "before", name="line"),
        Mean("spend", "spend expected", name="cupac"),
    ]
    size = {e.metric: e.std_error for e in Experiment(metrics, control="A").analyze(frame).effects}
    # The noise that no feature explains has a standard deviation of 1.
    assert size["cupac"] < 1.15 * 2.0 / np.sqrt(3_000)
    assert size["line"] > 2.0 * size["cupac"]
    assert size["plain"] > 2.5 * size["cupac"]


def test_no_customer_teaches_the_model_that_predicts_it() -> None:
    frame = shop(1, 400)
    first = cupac(frame, "spend", FEATURES, n_folds=4, name="expected")
    changed = frame.copy()
    changed.loc[7, "spend"] += 1e6
    second = cupac(changed, "spend", FEATURES, n_folds=4, name="expected")
    moved = first["expected"] != second["expected"]
    folds = assign(frame["customer_id"], "cupac 0", shares={str(i): 0.25 for i in range(4)})
    assert not moved[folds == folds[7]].any()
    assert moved[folds != folds[7]].mean() > 0.5


def test_a_line_is_that_of_least_squares_fold_by_fold() -> None:
    frame = shop(2, 300)
    found = cupac(frame, "spend", ["before"], regressor=LinearRegression(), n_folds=3)
    folds = assign(frame["customer_id"], "cupac 0", shares={str(i): 1 / 3 for i in range(3)})
    for fold in np.unique(folds):
        inside = folds == fold
        slope, level = np.polyfit(frame["before"][~inside], frame["spend"][~inside], 1)
        expected = level + slope * frame["before"][inside]
        np.testing.assert_allclose(found["spend expected"][inside], expected, rtol=1e-9)


def test_the_order_of_rows_changes_no_bit() -> None:
    frame = shop(3, 700)
    first = cupac(frame, "spend", FEATURES).set_index("customer_id")["spend expected"]
    mixed = frame.sample(frac=1.0, random_state=0)
    second = cupac(mixed, "spend", FEATURES)
    assert list(second["customer_id"]) == list(mixed["customer_id"])
    pd.testing.assert_series_equal(
        first.sort_index(), second.set_index("customer_id")["spend expected"].sort_index()
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gets_its_own_frame_back(engine: str) -> None:
    require_engine(engine)
    frame = shop(4, 300)
    frame.loc[5, "before"] = np.nan
    frame.loc[6, "country"] = None
    frame.loc[7, "spend"] = np.nan
    given = to_engine(engine, frame)
    found = cupac(given, "spend", FEATURES)
    assert type(found) is type(given)
    table = to_pandas(found).set_index("customer_id").sort_index()
    expected = cupac(frame, "spend", FEATURES).set_index("customer_id").sort_index()
    np.testing.assert_array_equal(
        table["spend expected"].to_numpy(dtype=float), expected["spend expected"].to_numpy()
    )
    assert list(table["variant"]) == list(expected["variant"])


def test_bad_input_is_named() -> None:
    frame = shop(5, 300)
    with pytest.raises(InvalidParameterError, match="'spend', the metric itself"):
        cupac(frame, "spend", ["before", "spend"])
    with pytest.raises(InvalidParameterError, match="at least one column"):
        cupac(frame, "spend", [])
    with pytest.raises(InvalidParameterError, match="has a column 'country' already"):
        cupac(frame, "spend", ["before"], name="country")
    with pytest.raises(InvalidParameterError, match="n_folds must be"):
        cupac(frame, "spend", ["before"], n_folds=1)
    with pytest.raises(MissingColumnError):
        cupac(frame, "spend", ["befor"])
    with pytest.raises(MissingColumnError):
        cupac(frame, "spent", ["before"])
    with pytest.raises(ColumnTypeError, match="must hold numbers"):
        cupac(frame, "country", ["before"])
    with pytest.raises(InvalidDataError, match="1 rows repeat a customer"):
        cupac(pd.concat([frame, frame.iloc[:1]]), "spend", ["before"])
    with pytest.raises(InvalidDataError, match="Take fewer folds"):
        cupac(frame.iloc[:40], "spend", ["before"])
    with pytest.raises(InvalidDataError, match="integers or texts"):
        cupac(frame.assign(customer_id=[None, *frame["customer_id"][1:]]), "spend", ["before"])


def coverage(n_runs: int, features: list[str], regressor: Any = None) -> tuple[float, float]:
    """Return coverage of a true effect of 0.2, and the mean ratio of standard errors."""
    covered, ratios = 0, []
    metrics = [Mean("spend", name="plain"), Mean("spend", "spend expected", name="cupac")]
    for seed in range(n_runs):
        frame = shop(1_000 + seed, 800, effect=0.2)
        frame["noise"] = np.random.default_rng(seed).normal(size=len(frame))
        frame = cupac(frame, "spend", features, regressor=regressor)
        plain, adjusted = Experiment(metrics, control="A").analyze(frame).effects
        covered += adjusted.interval[0] <= 0.2 <= adjusted.interval[1]
        ratios.append(adjusted.std_error / plain.std_error)
    return covered / n_runs, float(np.max(ratios))


@pytest.mark.slow
def test_intervals_cover_and_useless_features_cost_nothing() -> None:
    share, _ = coverage(1_500, FEATURES)
    assert 0.935 <= share <= 0.965
    share, worst = coverage(400, ["noise"])
    assert 0.92 <= share <= 0.98
    assert worst <= 1.0101
