"""The customer summary against tables worked out by hand, and the law of its state."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines import installed_engines, to_engine, to_pandas
from userportrait.data import Orders
from userportrait.errors import DuplicateBatchError, InvalidDataError, InvalidParameterError
from userportrait.features import BehaviourSummary, CustomerSummary, summarise_orders


def five_lines() -> pd.DataFrame:
    """Ann buys on two days and returns one thing; Bo buys once; Cy only returns."""
    return pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "bo", "ann", "ann", "cy"],
            "order_id": ["o1", "o1", "o2", "o3", "c3", "c4"],
            "ordered_at": pd.to_datetime(
                [
                    "2026-01-01 10:00",
                    "2026-01-01 10:00",
                    "2026-01-20 23:59",
                    "2026-01-11 00:00",
                    "2026-01-12 08:00",
                    "2026-01-15 12:00",
                ],
                format="ISO8601",
            ),
            "quantity": [2, 1, 1, 4, -1, -1],
            "price": [5.0, 1.25, 80.0, 2.5, 2.5, 9.99],
        }
    )


def test_a_summary_worked_out_by_hand_on_every_engine(engine: str) -> None:
    native = to_engine(engine, five_lines())
    summary = summarise_orders(native, as_of="2026-01-21")
    assert type(summary) is type(native)
    found = to_pandas(summary).sort_values("customer_id", ignore_index=True)
    expected = pd.DataFrame(
        {
            "customer_id": ["ann", "bo", "cy"],
            "first_order_at": pd.to_datetime(["2026-01-01 10:00", "2026-01-20 23:59", None]),
            "last_order_at": pd.to_datetime(["2026-01-11 00:00", "2026-01-20 23:59", None]),
            "n_orders": [2, 1, 0],
            "n_lines": [3, 1, 0],
            "n_items": [7, 1, 0],
            "n_days": [2, 1, 0],
            "n_returns": [1, 0, 1],
            "spend": [18.75, 80.0, -9.99],  # 10 + 1.25 + 10 - 2.50
            "gross_spend": [21.25, 80.0, 0.0],
            "refunds": [2.5, 0.0, 9.99],
            "mean_order_value": [10.625, 80.0, np.nan],
            "recency": [10, 1, 6],  # Cy: since the return
            "tenure": [20, 1, 6],
            "mean_gap": [10.0, np.nan, np.nan],
        }
    )
    shown = found[expected.columns]
    pd.testing.assert_frame_equal(
        shown.astype(
            {"customer_id": object, "first_order_at": "M8[us]", "last_order_at": "M8[us]"}
        ),
        expected.astype(
            {"customer_id": object, "first_order_at": "M8[us]", "last_order_at": "M8[us]"}
        ),
        check_exact=True,
    )


def test_a_window_holds_today_and_the_days_before_it() -> None:
    found = summarise_orders(five_lines(), as_of="2026-01-21 09:00", windows=(1, 11, 21))
    ann, bo = found.iloc[0], found.iloc[1]
    # 11 days back from the 21st is the 11th: Ann's second order is in, her first is not.
    assert (ann["orders_1d"], ann["orders_11d"], ann["orders_21d"]) == (0, 1, 2)
    assert (ann["spend_11d"], ann["spend_21d"]) == (7.5, 18.75)
    assert (bo["orders_1d"], bo["orders_11d"]) == (0, 1)


def test_nothing_after_as_of_is_used_and_later_customers_are_not_there() -> None:
    found = summarise_orders(five_lines(), as_of="2026-01-11")
    assert found["customer_id"].tolist() == ["ann"]
    assert found["spend"].tolist() == [21.25]
    assert found["last_order_at"].iloc[0] == pd.Timestamp("2026-01-11 00:00")


def test_an_order_whose_lines_have_several_times_counts_once() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1],
            "order_id": [7, 7],
            "ordered_at": pd.to_datetime(["2026-01-01 10:00", "2026-01-01 10:01"]),
            "amount": [1.0, 2.0],
        }
    )
    assert summarise_orders(frame)["n_orders"].tolist() == [1]


def test_one_order_id_used_by_two_customers_counts_for_both() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 1],
            "order_id": [7, 7, 8],
            "ordered_at": pd.to_datetime(["2026-01-01"] * 3),
            "amount": [1.0, 2.0, 3.0],
        }
    )
    assert summarise_orders(frame)["n_orders"].tolist() == [2, 1]


def test_fractions_of_units_add_up_exactly() -> None:
    frame = five_lines().assign(quantity=[0.1, 0.2, 1.0, 0.3, -0.5, -1.0])
    assert (
        summarise_orders(frame)["n_items"].tolist()[0] == 0.6
    )  # 0.1 + 0.2 + 0.3 in floats: 0.6000000000000001


line = st.tuples(
    st.sampled_from(["ann", "bo", "cy", "dö", "戊"]),
    st.integers(1, 6),
    st.integers(0, 60 * 24 * 40),
    st.sampled_from([-3, -1, 1, 2, 5]),
    st.integers(0, 10_000_000),
)


def frame_of(lines: list[tuple[str, int, int, int, int]]) -> pd.DataFrame:
    customer, order, minute, quantity, price = zip(*lines, strict=True)
    start = pd.Timestamp("2026-01-01")
    return pd.DataFrame(
        {
            "customer_id": list(customer),
            "order_id": list(order),
            "ordered_at": [start + pd.Timedelta(minutes=m) for m in minute],
            "quantity": list(quantity),
            "price": [p / 1000 for p in price],
        }
    )


@settings(max_examples=60)
@given(st.lists(line, min_size=1, max_size=40), st.data())
def test_any_split_in_any_order_on_any_engine_gives_the_same_state_bit_for_bit(
    lines: list[tuple[str, int, int, int, int]], data: st.DataObject
) -> None:
    whole = CustomerSummary().update(frame_of(lines))
    shuffled = data.draw(st.permutations(lines))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    bounds = zip([0, *cuts], [*cuts, len(lines)], strict=True)
    parts = [shuffled[a:b] for a, b in bounds if b > a]
    engines = [name for name in installed_engines() if name != "spark"]
    states = [
        CustomerSummary().update(to_engine(data.draw(st.sampled_from(engines)), frame_of(part)))
        for part in parts
    ]
    merged = CustomerSummary()
    for state in data.draw(st.permutations(states)):
        merged = merged.merge(CustomerSummary.from_bytes(state.to_bytes()))
    assert merged == whole
    moment = datetime(2026, 1, 1) + pd.Timedelta(minutes=max(ln[2] for ln in lines[:3]))
    left, right = merged.finalize(moment), whole.finalize(moment)
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    pd.testing.assert_frame_equal(
        summarise_orders(frame_of(shuffled), as_of=moment), right, check_exact=True
    )


@settings(max_examples=60)
@given(st.lists(line, min_size=1, max_size=30))
def test_the_summary_agrees_with_a_loop_over_the_lines(
    lines: list[tuple[str, int, int, int, int]],
) -> None:
    frame = frame_of(lines)
    found = summarise_orders(frame).set_index("customer_id")
    for customer, rows in frame.groupby("customer_id"):
        cents = [
            int(np.copysign(np.floor(abs(q * p) * 100 + 0.500001), q * p))
            for q, p in zip(rows["quantity"], rows["price"], strict=True)
        ]
        bought = rows[(rows["quantity"] > 0)]
        row = found.loc[customer]
        assert row["spend"] == sum(cents) / 100
        assert row["n_orders"] == bought["order_id"].nunique()
        assert row["n_lines"] == len(bought)
        assert row["n_days"] == bought["ordered_at"].dt.date.nunique()
        assert row["n_returns"] == len(rows) - len(bought)


def test_an_empty_state_changes_nothing_and_cannot_be_finalized() -> None:
    state = CustomerSummary().update(five_lines())
    assert CustomerSummary().merge(state) == state == state.merge(CustomerSummary())
    assert CustomerSummary.from_bytes(CustomerSummary().to_bytes()).n_customers == 0
    with pytest.raises(InvalidDataError, match="is empty: update it with orders"):
        CustomerSummary().finalize()


def test_merge_changes_neither_side() -> None:
    a, b = CustomerSummary().update(five_lines()[:3]), CustomerSummary().update(five_lines()[3:])
    before = a.to_bytes(), b.to_bytes()
    a.merge(b)
    assert (a.to_bytes(), b.to_bytes()) == before


def test_a_state_merges_with_its_own_kind_only() -> None:
    others: list[Any] = [None, BehaviourSummary(), b""]
    for other, name in zip(others, ("None", "BehaviourSummary", "bytes"), strict=True):
        with pytest.raises(InvalidParameterError, match=f"CustomerSummary .* got .*{name}"):
            CustomerSummary().merge(other)


def test_results_stay_on_the_connection_of_the_input() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        rows = five_lines()
        relation = connection.from_df(rows)
        found = summarise_orders(relation)
        assert len(relation.join(found.set_alias("found"), "customer_id").df()) == len(rows)


def test_a_state_survives_pickling() -> None:
    state = CustomerSummary().update(five_lines())
    assert pickle.loads(pickle.dumps(state)) == state


@pytest.mark.parametrize("payload", [b"", b"hello world", b"UPCS\x00\x01"])
def test_other_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidDataError, match="not a customer summary, or they are damaged"):
        CustomerSummary.from_bytes(payload)


def test_texts_and_whole_numbers_cannot_be_mixed_between_batches() -> None:
    state = CustomerSummary().update(five_lines())
    other = five_lines().assign(customer_id=[1, 1, 2, 1, 1, 3])
    before = state.to_bytes()
    with pytest.raises(InvalidDataError, match="'customer_id' holds texts in one batch and whole"):
        state.update(other, batch_id="numbers")
    assert state.to_bytes() == before
    with pytest.raises(InvalidDataError, match="'customer_id' holds texts in one batch and whole"):
        state.merge(CustomerSummary().update(other))


def test_a_named_batch_counts_once() -> None:
    state = CustomerSummary().update(five_lines(), batch_id="january")
    before = state.to_bytes()
    with pytest.raises(DuplicateBatchError, match="the batch 'january' is in this state already"):
        state.update(object(), batch_id="january")  # type: ignore[arg-type]
    assert state.to_bytes() == before
    again = CustomerSummary.from_bytes(before)
    assert again == state
    assert list(again.batch_ids) == ["january"]
    assert CustomerSummary().update(five_lines()) != state
    for name in (7, ""):
        with pytest.raises(InvalidParameterError, match="batch_id must be a text"):
            state.update(five_lines(), batch_id=name)  # type: ignore[arg-type]


def test_forgotten_customers_leave_no_trace() -> None:
    state = CustomerSummary().update(five_lines())
    assert state.forget(["cy", "nobody", 7]) == 1
    only_others = five_lines().query("customer_id != 'cy'")
    assert state == CustomerSummary().update(only_others)
    assert state.forget(["ann", "bo"]) == 2
    assert state == CustomerSummary()
    with pytest.raises(InvalidParameterError, match="customer_ids must be a list of customers"):
        state.forget("ann")


def test_batches_must_agree_on_minor_digits() -> None:
    with pytest.raises(InvalidParameterError, match="minor_digits=0"):
        CustomerSummary().update(Orders(five_lines(), minor_digits=0))
    with pytest.raises(InvalidParameterError, match="minor_digits differ: 2 and 0"):
        CustomerSummary().merge(CustomerSummary(minor_digits=0))


@pytest.mark.parametrize("as_of", ["2025-12-31", "yesterday", object()])
def test_a_moment_that_cannot_be_used_is_refused(as_of: Any) -> None:
    state = CustomerSummary().update(five_lines())
    with pytest.raises(InvalidParameterError, match="as_of"):
        state.finalize(as_of)


def test_windows_must_be_numbers_of_days() -> None:
    with pytest.raises(InvalidParameterError, match=r"windows\[1\] must be an integer"):
        summarise_orders(five_lines(), windows=(30, 0))
    with pytest.raises(InvalidParameterError, match="windows must be a list of numbers of days"):
        summarise_orders(five_lines(), windows=30)  # type: ignore[arg-type]


def test_finalize_gives_the_engine_asked_for() -> None:
    state = CustomerSummary().update(five_lines())
    expected = to_pandas(state.finalize())
    for name in ("polars", "polars-lazy", "pyarrow", "duckdb"):
        if name in installed_engines():
            pd.testing.assert_frame_equal(to_pandas(state.finalize(engine=name)), expected)


def test_representations_show_no_customer() -> None:
    state = CustomerSummary().update(five_lines())
    assert repr(state) == "<CustomerSummary: 3 customers, 5 entries>"
    assert "ann" not in repr(state) + state._repr_html_()
