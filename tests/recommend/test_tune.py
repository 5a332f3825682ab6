"""Tuning: it finds what evaluation would, sees no more than it is given, and says what it did."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform

import userportrait as up
from userportrait.errors import InvalidParameterError
from userportrait.recommend import (
    EASE,
    Interactions,
    Split,
    evaluate_ranking,
    split_by_time,
    split_last,
    tune,
)

GRID = {"l2": [1.0, 30.0, 1000.0]}


@pytest.fixture(scope="module")
def data() -> Interactions:
    return Interactions.from_orders(up.make_shop(n_customers=250, random_state=1).orders)


@pytest.fixture(scope="module")
def found(data: Interactions) -> Any:
    return tune(EASE(), GRID, data, metric="recall@10", metrics="ndcg@10")


def test_it_finds_what_evaluation_of_each_setting_finds(data: Interactions, found: Any) -> None:
    cut = split_by_time(data, share=0.2).narrow_test(known_customers=True, new_pairs=True)
    values = {}
    for l2 in GRID["l2"]:
        model = EASE(l2=l2).fit(cut.train)
        frame = evaluate_ranking(model, cut.test, metrics=["recall@10", "ndcg@10"])
        values[l2] = frame[["value", "ci_low", "ci_high"]].to_numpy()
    table = found.to_frame().set_index("l2")
    for l2, expected in values.items():
        row = table.loc[l2]
        assert row[["recall@10", "ci_low", "ci_high"]].tolist() == pytest.approx(expected[0])
        assert row["ndcg@10"] == pytest.approx(expected[1, 0])
    best = max(values, key=lambda l2: values[l2][0, 0])
    assert found.best_params == {"l2": best}
    assert found.best_value == pytest.approx(values[best][0, 0])
    assert table["recall@10"].is_monotonic_decreasing
    assert table["behind"].tolist() == pytest.approx(
        [found.best_value - v for v in table["recall@10"]]
    )


def test_the_best_setting_is_fitted_to_everything(data: Interactions, found: Any) -> None:
    expected = EASE(**found.best_params).fit(data).recommend(k=5)
    pd.testing.assert_frame_equal(found.model.recommend(k=5), expected)


def test_the_model_given_stays_as_it_was(data: Interactions) -> None:
    model = EASE(l2=77.0)
    result = tune(model, GRID, data, refit=False)
    assert model.get_params()["l2"] == 77.0
    assert not hasattr(model, "interactions_")
    assert result.model is None


def test_no_model_is_fitted_to_the_validation_part(data: Interactions) -> None:
    seen: list[int] = []

    class Spy(EASE):
        def fit(self, interactions: Any) -> Any:
            seen.append(int(interactions.log.at.max()))
            return super().fit(interactions)

    cut = split_by_time(data, share=0.2)
    tune(Spy(), GRID, data, refit=False)
    assert len(seen) == 3
    assert cut.test.log is not None
    assert max(seen) < int(cut.test.log.at.min())


def test_a_split_may_be_a_function_or_ready(data: Interactions) -> None:
    by_function = tune(EASE(), GRID, data, split=lambda d: split_last(d, 2), refit=False)
    ready = tune(EASE(), GRID, data, split=split_last(data, 2), refit=False)
    columns = ["l2", "ndcg@20", "ci_low", "behind"]
    pd.testing.assert_frame_equal(by_function.table[columns], ready.table[columns])
    assert by_function.method == "the last 2 interactions of each customer"


def test_settings_are_drawn_at_random_and_by_seed(data: Interactions) -> None:
    values = {"l2": loguniform(1.0, 1e4)}
    drawn = [
        sorted(tune(EASE(), values, data, n_settings=3, random_state=s, refit=False).table["l2"])
        for s in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(1.0 <= value <= 1e4 for value in drawn[0])
    some = tune(EASE(), {"l2": np.arange(1.0, 41.0)}, data, n_settings=4, refit=False)
    assert some.table["l2"].nunique() == 4


def test_grids_may_be_several(data: Interactions) -> None:
    grids = [{"l2": [1.0]}, {"l2": [2.0, 3.0]}]
    assert sorted(tune(EASE(), grids, data, refit=False).table["l2"]) == [1.0, 2.0, 3.0]


def test_some_customers_may_be_enough(data: Interactions, found: Any) -> None:
    some = tune(EASE(), GRID, data, max_customers=10, refit=False)
    assert (some.n_customers, found.n_customers > 10) == (10, True)


def test_frames_without_times_are_cut_in_blocks() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"customer_id": rng.integers(0, 60, 900), "item_id": rng.integers(0, 25, 900)}
    )
    assert tune(EASE(), GRID, frame).method == "a block of 0.2 of each customer's items"


def test_equal_settings_go_by_their_order(data: Interactions) -> None:
    result = tune(EASE(), {"l2": [50.0, 50.0]}, data, refit=False)
    assert result.table["behind"].tolist() == [0.0, 0.0]
    assert result.n_as_good == 2


def test_other_models_may_be_tuned(data: Interactions) -> None:
    orders = up.make_shop(n_customers=120, random_state=1).orders
    from userportrait.patterns import BasketRuleRecommender

    result = tune(BasketRuleRecommender(), {"min_support": [3, 8]}, orders, metric="recall@5")
    assert set(result.table["min_support"]) == {3, 8}
    assert len(result.model.recommend(k=2)) > 0


def test_results_print_and_pickle(found: Any) -> None:
    assert "3 settings judged by" in str(found)
    assert repr(found).startswith("TuningResult(3 settings, best recall@10")
    assert "<table>" in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    assert again.best_params == found.best_params
    pd.testing.assert_frame_equal(again.table, found.table)


def test_progress_is_told(data: Interactions) -> None:
    told: list[float] = []
    tune(EASE(), GRID, data, progress=lambda step, share: told.append(share))
    assert told == pytest.approx([0.25, 0.5, 0.75, 1.0])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"grid": {"l": [1.0]}}, "Did you mean 'l2'"),
        ({"grid": {"l2": 3.0}}, "must be a list of values"),
        ({"grid": {"l2": []}}, "has no value"),
        ({"grid": {}}, "must map names"),
        ({"grid": {"l2": loguniform(1, 2)}}, "say n_settings"),
        ({"metric": "ndgc@20"}, "Did you mean 'ndcg'"),
        ({"metric": "coverage@20"}, "not a known metric"),
        ({"split": 3}, "split must be a Split"),
        ({"split": lambda data: data}, "it returned a Interactions"),
        ({"n_settings": 0, "refit": 1}, "2 problems"),
    ],
)
def test_bad_parameters_are_refused(data: Interactions, more: Any, message: str) -> None:
    given = {"grid": GRID} | more
    grid = given.pop("grid")
    with pytest.raises(InvalidParameterError, match=message):
        tune(EASE(), grid, data, **given)


def test_an_error_of_a_model_names_the_setting(data: Interactions) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        tune(EASE(), {"l2": [-1.0]}, data)
    assert caught.value.__notes__ == ["tune: with {'l2': -1.0}"]


def test_a_split_is_a_split(data: Interactions) -> None:
    assert isinstance(split_last(data), Split)
