"""A model as a scorer: only what was known, the columns of the model, and its own answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import userportrait as up
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.predict import ModelScorer, Propensity, snapshots
from userportrait.tags import ScoredTag, TagContext
from userportrait.typing import Scorer

MOMENT = datetime(2025, 9, 1)


@pytest.fixture(scope="module")
def orders() -> up.Orders:
    return up.make_shop(300, random_state=0).orders


def habits(past: up.Orders, as_of: datetime) -> pd.DataFrame:
    found: Any = up.summarise_orders(past, as_of=as_of)
    return found[["customer_id", "n_orders", "recency"]]


@pytest.fixture(scope="module")
def model(orders: up.Orders) -> Propensity:
    known = snapshots(orders, habits, "bought", ["2025-03-01", "2025-06-01"])
    return Propensity().fit(known[["n_orders", "recency"]], known["target"])


def test_the_score_is_the_models_on_what_was_known(orders: up.Orders, model: Propensity) -> None:
    found = ModelScorer(model, habits).score(orders, as_of=MOMENT)
    lines = orders.to_pandas()
    past = up.Orders(lines[lines["ordered_at"] <= MOMENT].drop(columns="amount_minor"))
    expected = habits(past, MOMENT)
    assert found["customer_id"].tolist() == expected["customer_id"].tolist()
    chance = model.predict_proba(expected[["n_orders", "recency"]])[:, 1]
    np.testing.assert_array_equal(found["probability"].to_numpy(), chance)


def test_columns_go_by_name_and_others_are_left_out(orders: up.Orders, model: Propensity) -> None:
    def shuffled(past: up.Orders, as_of: datetime) -> pd.DataFrame:
        return habits(past, as_of)[["recency", "customer_id", "n_orders"]].assign(more=1)

    pd.testing.assert_frame_equal(
        ModelScorer(model, shuffled).score(orders, as_of=MOMENT),
        ModelScorer(model, habits).score(orders, as_of=MOMENT),
    )


def test_a_model_of_numbers_and_one_without_names_predict(orders: up.Orders) -> None:
    table = habits(orders, orders.newest)
    values = table[["n_orders", "recency"]].to_numpy(dtype=float)
    line = LinearRegression().fit(values, values[:, 0])
    found = ModelScorer(line, habits).score(orders, as_of=orders.newest)
    assert found.columns.tolist() == ["customer_id", "prediction"]
    np.testing.assert_allclose(found["prediction"], values[:, 0])
    three = LogisticRegression().fit(values, np.arange(len(values)) % 3)
    assert set(ModelScorer(three, habits).score(orders, as_of=MOMENT)["prediction"]) <= {0, 1, 2}


def test_it_is_a_scorer_and_serves_a_tag(orders: up.Orders, model: Propensity) -> None:
    scorer = ModelScorer(model, habits)
    assert isinstance(scorer, Scorer)
    tag = ScoredTag("will_buy", scorer)
    told = tag.evaluate(TagContext(orders, as_of=MOMENT), {}).to_list()
    expected = scorer.score(orders, as_of=MOMENT)["probability"].tolist()
    assert told == expected


def test_what_cannot_be_used_is_told(orders: up.Orders, model: Propensity) -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)model must be .*features must be"):
        ModelScorer(3, "habits")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="before the first order"):
        ModelScorer(model, habits).score(orders, as_of=datetime(1999, 1, 1))
    with pytest.raises(MissingColumnError, match="recency"):
        ModelScorer(model, lambda past, at: habits(past, at).drop(columns="recency")).score(
            orders, as_of=MOMENT
        )
    with pytest.raises(InvalidDataError, match="ModelScorer: features returned a customer with"):
        ModelScorer(model, lambda _past, _at: habits(orders, orders.newest)).score(
            orders, as_of=datetime(2024, 2, 1)
        )


def test_features_of_any_column_reach_the_tag_on_a_lazy_engine(orders: up.Orders) -> None:
    duckdb = pytest.importorskip("duckdb")
    shop = up.make_shop(200, random_state=0)
    lines = shop.orders.to_pandas().drop(columns="amount_minor")
    lines["note"] = np.where(np.arange(len(lines)) % 3 == 0, "gift", "plain")

    def gifts(past: up.Orders, _as_of: datetime) -> pd.DataFrame:
        table = past.to_pandas()
        told = (table["note"] == "gift").groupby(table["customer_id"]).sum()
        return told.rename("n").reset_index()

    frame = gifts(up.Orders(lines), datetime(2026, 1, 1))
    model = LinearRegression().fit(frame[["n"]], frame["n"])
    tag = ScoredTag("gifts", ModelScorer(model, gifts))
    assert tag.reads is None
    catalogue = up.default_tags() + tag
    plain = up.build_portraits(up.Orders(lines), catalogue)
    connection = duckdb.connect()
    lazy = up.build_portraits(up.Orders(connection.from_df(lines)), catalogue)
    for portraits in (plain, lazy):
        table = portraits.to_frame().sort_values("customer_id")
        np.testing.assert_allclose(table["gifts"], frame.sort_values("customer_id")["n"], atol=1e-9)
