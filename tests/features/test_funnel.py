"""The funnel: pairs of customer and item, step by step in time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from userportrait.data import make_shop
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.features import BehaviourSummary


def events_of(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["customer_id", "event", "occurred_at", "item_id"])
    return frame.assign(occurred_at=pd.to_datetime(frame["occurred_at"], format="ISO8601"))


def test_steps_count_in_order_and_on_one_day_in_any_order() -> None:
    frame = events_of(
        ("ann", "cart", "2026-01-05 09:00", "p1"),  # before the view, but on its day
        ("ann", "view", "2026-01-05 10:00", "p1"),
        ("ann", "purchase", "2026-01-07 10:00", "p1"),
        ("ann", "purchase", "2026-01-05 10:00", "p2"),  # never in the cart
        ("ann", "view", "2026-01-05 10:00", "p2"),
        ("bo", "cart", "2026-01-04 10:00", "p1"),  # the day before the view
        ("bo", "view", "2026-01-05 10:00", "p1"),
        ("cy", "purchase", "2026-01-05 10:00", "p1"),  # without a view
    )
    state = BehaviourSummary().update(frame)
    table = state.finalize().set_index("customer_id")
    steps = ["funnel_view", "funnel_cart", "funnel_purchase"]
    assert table[steps].to_numpy().tolist() == [[2, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert table["deepest_step"].tolist()[:2] == ["purchase", "view"]
    assert pd.isna(table.loc["cy", "deepest_step"])
    assert table.loc["ann", "funnel_cart_share"] == 0.5
    assert np.isnan(table.loc["bo", "funnel_purchase_share"])
    expected = pd.DataFrame(
        {
            "step": ["view", "cart", "purchase"],
            "n_pairs": [3, 1, 1],
            "n_customers": [2, 1, 1],
            "share_of_previous": [np.nan, 1 / 3, 1.0],
            "share_of_first": [1.0, 1 / 3, 1 / 3],
        }
    )
    pd.testing.assert_frame_equal(state.funnel().astype({"step": object}),
                                  expected.astype({"step": object}), check_exact=True)  # fmt: skip


def test_a_later_view_does_not_take_a_step_back() -> None:
    frame = events_of(
        ("ann", "view", "2026-01-05", "p1"),
        ("ann", "cart", "2026-01-06", "p1"),
        ("ann", "view", "2026-01-09", "p1"),
    )
    assert BehaviourSummary().update(frame).funnel()["n_pairs"].tolist() == [1, 1, 0]


def test_nothing_after_as_of_is_a_step() -> None:
    frame = events_of(
        ("ann", "view", "2026-01-05 10:00", "p1"), ("ann", "cart", "2026-01-06 00:01", "p1")
    )
    state = BehaviourSummary().update(frame)
    assert state.funnel("2026-01-06")["n_pairs"].tolist() == [1, 0, 0]
    assert state.funnel("2026-01-07")["n_pairs"].tolist() == [1, 1, 0]


def test_a_funnel_of_your_own() -> None:
    frame = events_of(("ann", "search", "2026-01-05", "p1"), ("ann", "cart", "2026-01-05", "p1"))
    state = BehaviourSummary(funnel=("search", "cart")).update(frame)
    assert state.finalize()[["funnel_search", "funnel_cart"]].to_numpy().tolist() == [[1, 1]]
    empty = BehaviourSummary(funnel=()).update(frame)
    assert len(empty.funnel()) == 0
    assert "deepest_step" not in empty.finalize().columns


def test_by_default_the_steps_are_those_that_are_counted() -> None:
    frame = events_of(("ann", "view", "2026-01-05", "p1"))
    state = BehaviourSummary(kinds=("view", "purchase")).update(frame)
    assert state.funnel()["step"].tolist() == ["view", "purchase"]
    with pytest.raises(InvalidParameterError, match="Did you mean 'cart'"):
        BehaviourSummary(funnel=("view", "crat"))


def test_items_are_needed() -> None:
    frame = events_of(("ann", "view", "2026-01-05", "p1")).drop(columns="item_id")
    with pytest.raises(InvalidDataError, match="needs events with item_id"):
        BehaviourSummary().update(frame).funnel()


def test_events_without_a_known_item_are_not_in_the_funnel() -> None:
    frame = events_of(("ann", "view", "2026-01-05", "p1")).assign(item_id=[None])
    assert BehaviourSummary().update(frame).funnel()["n_pairs"].tolist() == [0, 0, 0]


def test_every_order_line_of_the_sample_shop_gets_through_the_funnel() -> None:
    # The shop makes a view, a cart event and a purchase of every order line, in one session;
    # an item bought twice is one pair, and only a session over midnight can be out of order.
    shop = make_shop(n_customers=100, random_state=0)
    lines = shop.orders.to_pandas()
    bought = lines[lines["quantity"] > 0][["customer_id", "item_id"]].drop_duplicates()
    funnel = BehaviourSummary().update(shop.events).funnel()
    assert funnel["n_pairs"].tolist()[-1] == len(bought)
