"""What a new user gives Propensity by mistake, from a frame and from an array, and what it says."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from userportrait.errors import InvalidDataError
from userportrait.predict import LeakageWarning, Propensity, SeparationWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    Give = Callable[[pd.DataFrame], Any]


def shoppers(n: int = 200) -> tuple[pd.DataFrame, np.ndarray]:
    """Return two numbers and an outcome that depends on the first."""
    source = np.random.default_rng(0)
    frame = pd.DataFrame({"x0": source.normal(40, 10, n), "x1": source.lognormal(3, 1, n)})
    y = (source.random(n) < 1 / (1 + np.exp(-(frame["x0"] - 40) / 10))).astype(int)
    return frame, y


@pytest.fixture(params=["frame", "array"])
def give(request: pytest.FixtureRequest) -> Give:
    """Hand over numbers as a frame, or as an array, whose columns are called x0, x1 …."""
    return (lambda frame: frame) if request.param == "frame" else pd.DataFrame.to_numpy


def test_a_constant_column_is_left_out_and_named(give: Give) -> None:
    frame, y = shoppers()
    model = Propensity().fit(give(frame.assign(x2=3.0)), y)
    assert model.dropped_ == ("x2",)
    assert model.terms_ == ("x0", "x1")
    only = Propensity().fit(give(frame[["x0"]] * 0), y)
    assert only.terms_ == ()
    assert only.predict_proba(give(frame[["x0"]] * 0))[0, 1] == pytest.approx(y.mean())


def test_perfect_separation_is_named_and_penalised(give: Give) -> None:
    frame, y = shoppers()
    apart = frame.assign(x2=np.where(y == 1, 5.0, 1.0) + np.random.default_rng(1).random(len(y)))
    model = Propensity()
    with (
        pytest.warns(SeparationWarning, match="x2 tells the two classes apart by a limit"),
        pytest.warns(LeakageWarning, match="'x2' alone tells y all but perfectly"),
    ):
        model.fit(give(apart), y)
    assert model.is_penalised_
    assert np.isfinite(model.coef_).all()
    with (
        pytest.warns(LeakageWarning),
        pytest.raises(InvalidDataError, match=r"by a limit.*or set on_separation='firth'") as told,
    ):
        Propensity(on_separation="error").fit(give(apart), y)
    assert told.value.column == "x2"


def test_several_columns_that_separate_share_one_clause(give: Give) -> None:
    source = np.random.default_rng(3)
    frame = pd.DataFrame(source.normal(size=(20, 15))).rename(columns=lambda at: f"x{at}")
    y = np.arange(20) % 2
    with pytest.warns(SeparationWarning, match="several columns together") as told:
        Propensity().fit(give(frame), y)
    assert str(told[0].message).count("together") == 1


def test_a_copied_outcome_is_warned_of_whatever_the_fit(give: Give) -> None:
    frame, y = shoppers()
    leaking = give(frame.assign(x2=y.astype(float)))
    fits: list[dict[str, Any]] = [
        {}, {"penalty": "firth"}, {"penalty": "l2"}, {"stepwise": "forward"},
    ]  # fmt: skip
    for settings in fits:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SeparationWarning)
            with pytest.warns(LeakageWarning, match="'x2' alone tells y.*leave it out"):
                Propensity(**settings).fit(leaking, y)


def test_a_copied_outcome_in_words_is_warned_of() -> None:
    frame, y = shoppers()
    leaking = frame.assign(bought=np.where(y == 1, "yes", "no"))
    with (
        pytest.warns(LeakageWarning, match="'bought' alone tells y"),
        pytest.warns(SeparationWarning, match="rows with bought = 'no' are 0"),
    ):
        Propensity().fit(leaking, y)


def test_a_new_level_is_refused_with_its_rows() -> None:
    frame, y = shoppers()
    plans = frame.assign(plan=np.where(np.arange(len(y)) % 3 == 0, "gold", "basic"))
    model = Propensity().fit(plans, y)
    with pytest.raises(InvalidDataError, match=r"'silver'.*set unseen='reference'") as told:
        model.predict_proba(plans.assign(plan=["basic", "silver", *["gold"] * (len(y) - 2)]))
    assert (told.value.column, told.value.rows) == ("plan", (1,))


def test_one_class_is_refused_in_plain_words(give: Give) -> None:
    frame, _ = shoppers()
    with pytest.raises(InvalidDataError, match=r"one class only: 1\.0\. Give rows of both"):
        Propensity().fit(give(frame), np.ones(len(frame)))
    with pytest.raises(InvalidDataError, match="one class only: 'no'"):
        Propensity().fit(give(frame), ["no"] * len(frame))


def test_more_columns_than_rows_are_warned_of_and_fitted(give: Give) -> None:
    source = np.random.default_rng(0)
    wide = pd.DataFrame(source.normal(size=(10, 20))).rename(columns=lambda at: f"x{at}")
    y = np.arange(10) % 2
    with (
        pytest.warns(SeparationWarning, match="21 coefficients and 10 rows"),
        pytest.warns(SeparationWarning, match="no finite answer"),
    ):
        model = Propensity().fit(give(wide), y)
    assert len(model.aliased_) == 11
    ridge = Propensity(penalty="l2").fit(give(wide), y)
    scaled = StandardScaler().fit_transform(wide)
    oracle = LogisticRegression(max_iter=1000).fit(scaled, y)
    assert ridge.aliased_ == ()
    assert ridge.predict_proba(give(wide)) == pytest.approx(oracle.predict_proba(scaled), abs=1e-3)


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "has missing values"), (np.inf, "holds infinity")]
)
def test_a_bad_number_is_refused_with_column_and_row(give: Give, value: float, words: str) -> None:
    frame, y = shoppers()
    broken = frame.copy()
    broken.loc[[3, 7], "x1"] = value
    with pytest.raises(InvalidDataError, match=f"column 'x1' {words}") as told:
        Propensity().fit(give(broken), y)
    assert (told.value.column, told.value.rows, told.value.n_rows) == ("x1", (3, 7), 2)
    with pytest.raises(InvalidDataError, match=f"column 'x1' {words}"):
        Propensity().fit(give(frame), y).predict_proba(give(broken))


def test_a_column_that_is_there_twice_is_left_out_once(give: Give) -> None:
    frame, y = shoppers()
    model = Propensity().fit(give(frame.assign(x2=frame["x0"])), y)
    assert model.aliased_ == (("x2", None),)
    plain = Propensity().fit(give(frame), y)
    assert model.coef_ == pytest.approx(plain.coef_)


def test_a_name_that_is_there_twice_is_refused_and_a_renamed_factor_left_out() -> None:
    frame, y = shoppers()
    with pytest.raises(InvalidDataError, match="two columns named 'x0'"):
        Propensity().fit(pd.concat([frame, frame[["x0"]]], axis=1), y)
    plan = np.where(np.arange(len(y)) % 3 == 0, "gold", "basic")
    model = Propensity().fit(frame.assign(plan=plan, level=np.char.upper(plan)), y)
    assert model.aliased_ == (("level", "GOLD"),)


def test_levels_that_are_whole_numbers_go_by_size() -> None:
    source = np.random.default_rng(0)
    tier = source.choice(["1", "2", "10", "none"], 400)
    y = source.integers(0, 2, 400)
    model = Propensity(reference="last").fit(pd.DataFrame({"tier": tier}), y)
    assert model.summary()["level"].tolist() == [None, "1", "2", "10"]
    assert Propensity().fit(pd.DataFrame({"tier": tier}), y).summary()["level"].tolist() == [
        None, "2", "10", "none",
    ]  # fmt: skip
