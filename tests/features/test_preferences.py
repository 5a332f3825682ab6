"""Preferences as a state, against the tag of the same definition and loops over the rows."""

from __future__ import annotations

from collections import defaultdict
from math import log
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines import (
    ENGINES,
    installed_engines,
    require_engine,
    to_engine,
    to_pandas,
)
from userportrait.data import make_shop
from userportrait.errors import (
    ColumnTypeError,
    DuplicateBatchError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.features import PreferenceSummary
from userportrait.tags import PreferenceTag, TagContext
from userportrait.testing import check_mergeable

IN_MEMORY = [name for name in installed_engines() if name in ENGINES]
WEIGHTS = {"purchase": 1.0, "return": -1.0, "cart": 0.3, "view": 0.1}


def events_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    customer, event, day, item = zip(*rows, strict=True)
    start = pd.Timestamp("2026-01-01")
    return pd.DataFrame(
        {
            "customer_id": list(customer),
            "event": list(event),
            "occurred_at": [start + pd.Timedelta(days=d) for d in day],
            "item_id": pd.Series(item, dtype=pd.Series(["a"]).dtype),
        }
    )


def same(left: Any, right: Any) -> None:
    pd.testing.assert_frame_equal(to_pandas(left), to_pandas(right), check_exact=True)


def loop(rows: list[tuple[Any, ...]], until: float, half_life: float) -> dict[Any, dict[str, Any]]:
    """Return each customer's values with share and score."""
    interest: dict[Any, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    known = [r for r in rows if r[2] <= until and r[3] is not None and r[1] in WEIGHTS]
    for customer, event, day, item in known:
        age = int(until // 1) - int(day // 1)
        interest[customer][item] += WEIGHTS[event] * 0.5 ** (age / half_life)
    kept = {
        customer: {item: v for item, v in values.items() if v > 1e-13}
        for customer, values in interest.items()
    }
    kept = {customer: values for customer, values in kept.items() if values}
    found: dict[Any, dict[str, Any]] = {}
    for customer, values in kept.items():
        total = sum(values.values())
        found[customer] = {}
        for item, v in values.items():
            n = sum(item in other for other in kept.values())
            share = v / total
            found[customer][item] = (share, share * (1 + log((1 + len(kept)) / (1 + n))))
    return found


row = st.tuples(
    st.sampled_from(["ann", "bo", "cy"]),
    st.sampled_from(["view", "view", "cart", "purchase", "return", "search"]),
    st.one_of(st.integers(0, 40), st.floats(0, 40).map(lambda d: round(d, 3))),
    st.sampled_from(["p1", "p2", "p3", "p4", None]),
)


@settings(max_examples=60)
@given(st.lists(row, min_size=1, max_size=30), st.integers(0, 41))
def test_scores_agree_with_a_loop_over_the_events(rows: list[tuple[Any, ...]], until: int) -> None:
    rows = [("ann", "purchase", 0, "p1"), *rows]
    state = PreferenceSummary(half_life_days=7).update(events_of(rows))
    as_of = pd.Timestamp("2026-01-01") + pd.Timedelta(days=until)
    found = state.finalize(as_of)
    expected = loop(rows, until, 7)
    assert set(found["customer_id"]) == set(expected)
    for customer, values in expected.items():
        own = found[found["customer_id"] == customer]
        assert set(own["value"]) == set(values)
        for r in own.itertuples():
            assert (r.share, r.score) == pytest.approx(values[r.value], rel=1e-9)
        rounded = [(-round(r.score, 12), r.value) for r in own.itertuples()]
        assert rounded == sorted(rounded)


@settings(max_examples=30)
@given(st.lists(row, min_size=1, max_size=30), st.data())
def test_any_split_in_any_order_on_any_engine_gives_the_same_state_bit_for_bit(
    rows: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    rows = [("ann", "purchase", 0, "p1"), *rows]
    whole = PreferenceSummary().update(events_of(rows))
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    merged = PreferenceSummary()
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            engine = data.draw(st.sampled_from(IN_MEMORY))
            state = PreferenceSummary().update(to_engine(engine, events_of(part)))
            merged = PreferenceSummary.from_bytes(state.to_bytes()).merge(merged)
    assert merged == whole
    same(merged.finalize(), whole.finalize())


@pytest.mark.parametrize("by", ["item_id", "category", "brand", "channel"])
@pytest.mark.parametrize("idf", [True, False])
def test_orders_and_events_score_as_the_tag_does_bit_for_bit(by: str, idf: bool) -> None:
    shop = make_shop(n_customers=80, random_state=0)
    # The tag knows customers with an order only, and stops at the newest order.
    events = shop.events.to_pandas()
    events = events[events["customer_id"].isin(shop.orders.to_pandas()["customer_id"])]
    events = events[events["occurred_at"] <= shop.orders.newest]
    context = TagContext(shop.orders, events=events.reset_index(drop=True), items=shop.items)
    expected = PreferenceTag("favourite", by, idf=idf).scores(context)
    items = shop.items if by in shop.items.columns else None
    state = PreferenceSummary(by, idf=idf, items=items)
    found = state.update(events[::2]).update(shop.orders).update(events[1::2]).finalize()
    assert found["customer_id"].tolist() == expected["customer_id"].tolist()
    assert found["value"].tolist() == expected["value"].tolist()
    assert found["score"].tolist() == expected["score"].tolist()


def test_the_state_keeps_every_promise() -> None:
    shop = make_shop(n_customers=30, random_state=0)
    events, lines = shop.events.to_pandas(), shop.orders.to_pandas()
    batches = [
        to_engine(IN_MEMORY[i % len(IN_MEMORY)], events[i::4].reset_index(drop=True))
        for i in range(4)
    ]
    refused = [
        events[:5].assign(customer_id=range(5)),
        events[:5].drop(columns="item_id"),
        events[:0],
    ]
    check_mergeable(
        PreferenceSummary,
        [*batches, lines[::2], lines[1::2]],
        as_of="2025-07-01",
        refused=refused,
    )


def test_large_relations_are_reduced_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    require_engine("duckdb")
    from userportrait._core.frames import _parts

    shop = make_shop(n_customers=30, random_state=0)
    state = PreferenceSummary("category", items=shop.items).update(shop.events)
    state.update(shop.orders)
    monkeypatch.setattr(_parts, "PARTS_ABOVE", 500)
    found = PreferenceSummary("category", items=shop.items)
    found.update(to_engine("duckdb", shop.events.to_pandas()))
    assert found.update(to_engine("duckdb", shop.orders.to_pandas())) == state


def one(**columns: Any) -> pd.DataFrame:
    frame = events_of([("ann", "view", 0, "p1"), ("ann", "cart", 1, "p2")])
    return frame.assign(**columns)


def test_purchases_are_taken_from_orders_as_soon_as_there_are_any() -> None:
    events = one(event=["purchase", "view"])
    lines = pd.DataFrame(
        {
            "customer_id": ["ann"],
            "order_id": [1],
            "ordered_at": [pd.Timestamp("2026-01-02")],
            "item_id": ["p2"],
            "amount": [5.0],
        }
    )
    alone = PreferenceSummary(idf=False, half_life_days=36_500).update(events).finalize()
    assert alone["value"].tolist() == ["p1", "p2"]
    both = PreferenceSummary(idf=False).update(events).update(lines).finalize()
    assert both["value"].tolist() == ["p2"]
    assert both["share"].tolist() == [1.0]


def test_top_leaves_the_best_of_each_customer() -> None:
    state = PreferenceSummary(idf=False).update(one())
    assert state.finalize(top=1)["value"].tolist() == ["p2"]  # 0.3 against 0.1
    assert state.finalize()["share"].round(2).tolist() == [0.75, 0.25]
    with pytest.raises(InvalidParameterError, match="top must be an integer"):
        state.finalize(top=0)


def test_ties_go_to_the_smallest_value_and_numbers_stay_numbers() -> None:
    frame = one(event=["view", "view"], item_id=[10, 9], occurred_at=pd.Timestamp("2026-01-01"))
    found = PreferenceSummary().update(frame).finalize()
    assert found["value"].tolist() == [9, 10]


def test_only_the_window_counts() -> None:
    state = PreferenceSummary(window_days=1).update(one())
    assert state.finalize()["value"].tolist() == ["p2"]
    assert state.finalize("2026-01-01")["value"].tolist() == ["p1"]
    assert len(state.finalize("2026-03-01")) == 0


def test_price_bands_are_learned_from_the_items_or_given() -> None:
    items = pd.DataFrame({"item_id": ["p1", "p2", "p3", "p4"], "price": [1.0, 2.0, 5.0, None]})
    given_edges = PreferenceSummary("price_band", items=items, price_band_edges=[1.5])
    found = given_edges.update(one()).finalize()
    assert found["value"].tolist() == ["over 1.5", "up to 1.5"]
    learned = PreferenceSummary("price_band", items=items)
    assert learned.price_bands is not None
    assert learned.price_bands.edges == (1.0, 2.0)
    again = PreferenceSummary.from_bytes(learned.to_bytes())
    assert again.update(one(), items=items) == learned.update(one())
    with pytest.raises(InvalidParameterError, match="needs price_band_edges, or items"):
        PreferenceSummary("price_band")
    with pytest.raises(InvalidParameterError, match="are for by='price_band'"):
        PreferenceSummary("category", price_band_edges=[1])


def test_prices_of_price_bands_must_be_numbers() -> None:
    items = pd.DataFrame({"item_id": ["p1", "p2"], "price": ["x", "y"]})
    for edges in (None, [1.0]):
        with pytest.raises(ColumnTypeError, match="'price'") as caught:
            PreferenceSummary("price_band", items=items, price_band_edges=edges)
        assert caught.value.column == "price"


def test_a_column_of_the_batch_comes_before_that_of_the_items() -> None:
    items = pd.DataFrame({"item_id": ["p1", "p2"], "category": ["tea", "tea"]})
    state = PreferenceSummary("category", items=items)
    assert state.update(one()).finalize()["value"].tolist() == ["tea"]
    assert set(state.update(one(category=["x", "y"])).finalize()["value"]) == {"tea", "x", "y"}


def test_a_column_that_nobody_has_is_named() -> None:
    with pytest.raises(MissingColumnError, match="give items with 'item_id' and 'categroy'"):
        PreferenceSummary("categroy").update(one())
    items = pd.DataFrame({"item_id": ["p1"], "category": ["tea"]})
    with pytest.raises(MissingColumnError, match="Did you mean 'category'"):
        PreferenceSummary("categroy", items=items)
    state = PreferenceSummary("category", items=items)
    with pytest.raises(MissingColumnError, match="the batch needs 'item_id'"):
        state.update(one().drop(columns="item_id"))


def test_values_that_cannot_be_preferred_are_refused() -> None:
    with pytest.raises(ColumnTypeError, match="must hold texts or whole numbers"):
        PreferenceSummary("height").update(one(height=[1.5, 2.5]))
    items = pd.DataFrame({"item_id": [1], "category": ["tea"]})
    with pytest.raises(InvalidDataError, match="'item_id' holds whole numbers in one of batch"):
        PreferenceSummary("category", items=items).update(one())


def test_a_batch_counts_once_and_unknown_items_not_at_all() -> None:
    items = pd.DataFrame({"item_id": ["p1"], "category": ["tea"]})
    state = PreferenceSummary("category", items=items).update(one(), batch_id="a")
    with pytest.raises(DuplicateBatchError):
        state.update(one(), batch_id="a")
    assert state.finalize()["value"].tolist() == ["tea"]


def test_moments_before_the_first_row_and_inside_a_day_are_refused() -> None:
    state = PreferenceSummary().update(one())
    with pytest.raises(InvalidParameterError, match="before the first event or order"):
        state.finalize("2025-12-31")
    with pytest.raises(InvalidParameterError, match="'2026-01-01' or '2026-01-02'"):
        state.finalize("2026-01-01T12:00")
    with pytest.raises(InvalidDataError, match="the state is empty"):
        PreferenceSummary().finalize()


def test_settings_must_agree_and_be_possible() -> None:
    with pytest.raises(InvalidParameterError, match=r"half_life_days differs: 90\.0 and 30\.0"):
        PreferenceSummary().merge(PreferenceSummary(half_life_days=30))
    with pytest.raises(InvalidParameterError, match=r"PreferenceSummary.* got None"):
        PreferenceSummary().merge(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError) as caught:
        PreferenceSummary("", half_life_days=0, weights={"view": -1.0}, window_days=0)
    for name in ("by must be", "half_life_days", "window_days", "at least one must be positive"):
        assert name in str(caught.value)


def test_other_bytes_are_refused_and_representations_show_no_customer() -> None:
    with pytest.raises(InvalidDataError, match="not a preference summary"):
        PreferenceSummary.from_bytes(b"UPBH")
    state = PreferenceSummary().update(one())
    assert repr(state) == "<PreferenceSummary by item_id: 1 customers, 2 entries>"
    assert "ann" not in repr(state) + state._repr_html_()
    with pytest.raises(TypeError):
        hash(state)


def test_behaviour_that_cancels_out_is_no_interest() -> None:
    frame = one(
        event=["purchase", "return"], item_id=["p1", "p1"], occurred_at=one()["occurred_at"][0]
    )
    found = PreferenceSummary().update(frame).finalize()
    assert len(found) == 0
    assert found["score"].dtype == np.float64
