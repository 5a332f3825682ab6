from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.data import Orders
from userportrait.errors import ColumnTypeError, InvalidParameterError, MissingColumnError
from userportrait.tags import TagContext


def test_customers_are_those_with_a_line_until_the_moment(frame: pd.DataFrame) -> None:
    context = TagContext(frame, as_of="2026-01-06 23:29:59")
    assert context.customer_ids.tolist() == ["ann"]
    assert TagContext(frame, as_of="2026-01-06 23:30").customer_ids.tolist() == ["ann", "bo"]
    assert TagContext(frame).as_of == datetime(2026, 2, 3)


def test_people_who_registered_and_did_not_buy_are_customers_too(frame: pd.DataFrame) -> None:
    people = pd.DataFrame({"customer_id": ["zoe", "ann"], "city": ["Kiel", "Ulm"]})
    context = TagContext(frame, customers=people)
    assert context.customer_ids.tolist() == ["ann", "bo", "cy", "zoe"]
    assert context.customer_column("city").to_list() == ["Ulm", None, None, "Kiel"]


def test_who_registers_later_is_not_known_yet(frame: pd.DataFrame) -> None:
    people = pd.DataFrame(
        {
            "customer_id": ["zoe", "yan", "ann"],
            "registered_at": pd.to_datetime(["2026-02-03", "2026-02-04", None]),
            "city": ["Kiel", "Hamm", "Ulm"],
        }
    )
    context = TagContext(frame, customers=people)
    assert context.customer_ids.tolist() == ["ann", "bo", "cy", "zoe"]
    assert context.customer_column("registered_at").to_list() == [None, None, None, "2026-02-03"]


def test_without_orders_counts_and_money_are_zero_and_all_else_is_unknown(
    frame: pd.DataFrame,
) -> None:
    context = TagContext(frame, customers=pd.DataFrame({"customer_id": ["zoe"]}))
    zoe = context.customer_ids.tolist().index("zoe")
    found = {
        name: context.summary_column(name).value_at(zoe)
        for name in context.summary.columns
        if name != "customer_id"
    }
    zero = {"n_orders", "n_lines", "n_items", "n_days", "n_returns", "spend", "gross_spend",
            "refunds", "orders_30d", "orders_90d", "orders_365d", "spend_30d", "spend_90d",
            "spend_365d"}  # fmt: skip
    assert {name for name, value in found.items() if value == 0} == zero
    unknown = {"first_order_at", "last_order_at", "mean_order_value", "recency", "tenure",
               "mean_gap"}  # fmt: skip
    assert {name for name, value in found.items() if value is None} == unknown


def test_a_given_summary_is_used_and_days_stay_whole(frame: pd.DataFrame) -> None:
    summary = pd.DataFrame({"customer_id": ["ann", "bo"], "recency": [29.0, np.nan]})
    context = TagContext(frame, summary=summary)
    assert context.summary_column("recency").to_list() == [29, None, None]
    assert context.summary_column("recency").values.dtype == np.int64
    with pytest.raises(MissingColumnError, match="Did you mean 'recency'"):
        context.summary_column("recenci")


def test_ids_of_different_types_are_refused(frame: pd.DataFrame) -> None:
    context = TagContext(frame, customers=pd.DataFrame({"customer_id": [1]}))
    with pytest.raises(ColumnTypeError, match="Customers: 'customer_id' holds whole numbers"):
        _ = context.customer_ids


def test_a_moment_before_the_first_order_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidParameterError, match="before the first order"):
        TagContext(frame, as_of="2020-01-01")


def test_a_fact_without_a_customers_table_says_what_to_give(context: TagContext) -> None:
    with pytest.raises(InvalidParameterError, match="give customers="):
        context.customer_column("city")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("amount", [10.0, 10.0, 10.0, -10.0, 25.0]),
        ("quantity", [1, 2, 1, -1, 5]),
        ("price", [10.0, 5.0, 10.0, 10.0, 5.0]),
        ("item_id", ["tea", "cup", "tea", "tea", "cup"]),
        ("order_id", ["1", "1", "2", "3", "4"]),
        ("country", ["DE", "DE", None, "CN", "DE"]),
        ("hour", [10, 10, 23, 8, 0]),
        ("month", [1, 1, 1, 2, 2]),
        # 2026-01-05 is a Monday.
        ("weekday", ["Monday", "Monday", "Tuesday", "Sunday", "Tuesday"]),
        ("date", ["2026-01-05", "2026-01-05", "2026-01-06", "2026-02-01", "2026-02-03"]),
        ("shelf", [1.5, None, 2.5, 1.5, 3.5]),
        ("category", ["drinks", None, "drinks", "drinks", None]),
    ],
)
def test_lines_give_their_own_columns_those_of_items_and_of_the_clock(
    frame: pd.DataFrame, engine: str, column: str, expected: list[object]
) -> None:
    frame["shelf"] = [1.5, np.nan, 2.5, 1.5, 3.5]
    items = pd.DataFrame({"item_id": ["tea", "pot"], "category": ["drinks", "pots"]})
    context = TagContext(to_engine(engine, frame), items=to_engine(engine, items))
    lines = context.lines_with(column)
    values = lines.values(column)
    assert values is not None
    assert values.column(values.codes).to_list() == expected


def test_prices_are_told_from_money_and_units_without_a_price_column() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, 1],
            "order_id": [1, 2, 3],
            "ordered_at": pd.to_datetime(["2026-01-05"] * 3),
            "amount": [10.0, 9.0, 5.0],
            "quantity": [4, 0, 1],
        }
    )
    values = TagContext(frame).lines.values("price")
    assert values is not None
    assert values.column(values.codes).to_list() == [2.5, None, 5.0]


def test_hours_follow_the_zone(context: TagContext) -> None:
    values = context.lines.values("hour", "Asia/Shanghai")
    assert values is not None
    # UTC + 8 hours.
    assert values.column(values.codes).to_list() == [18, 18, 7, 16, 8]
    with pytest.raises(InvalidParameterError, match="such as 'Asia/Shanghai'; got 'Mars'"):
        context.lines.values("hour", "Mars")


def test_item_ids_meet_whether_they_are_numbers_or_texts() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1],
            "order_id": [1, 2],
            "ordered_at": pd.to_datetime(["2026-01-05"] * 2),
            "amount": [10.0, 9.0],
            "item_id": [85123.0, np.nan],
        }
    )
    items = pd.DataFrame({"item_id": ["85123"], "category": ["lamps"]})
    values = TagContext(frame, items=items).lines.values("category")
    assert values is not None
    assert values.column(values.codes).to_list() == ["lamps", None]


def test_events_of_strangers_and_of_later_are_left_out(frame: pd.DataFrame, engine: str) -> None:
    events = pd.DataFrame(
        {
            "customer_id": ["bo", "nobody", "ann", "ann"],
            "event": ["view", "view", "cart", "view"],
            "occurred_at": pd.to_datetime(["2026-01-07", "2026-01-07", "2026-02-02", "2026-02-04"]),
            "item_id": ["tea", "tea", "cup", "cup"],
        }
    )
    lines = TagContext(frame, events=to_engine(engine, events)).event_lines("item_id")
    assert lines is not None
    assert lines.customer.tolist() == [1, 0]
    found = lines.values("event")
    assert found is not None
    assert found.column(found.codes).to_list() == ["view", "cart"]


def test_shared_work_is_done_once(context: TagContext) -> None:
    calls: list[int] = []

    def make() -> int:
        calls.append(1)
        return 7

    assert [context.shared("mine", make) for _ in range(3)] == [7, 7, 7]
    assert len(calls) == 1


def test_the_columns_that_lines_can_give_are_known(frame: pd.DataFrame) -> None:
    items = pd.DataFrame({"item_id": ["tea"], "brand": ["A"]})
    context = TagContext(frame, items=items)
    assert context.line_columns == (
        "amount", "brand", "country", "item_id", "order_id", "price", "quantity",
    )  # fmt: skip
    assert context.has_line_column("weekday")
    assert not TagContext(frame).has_line_column("brand")


def test_a_context_says_what_it_holds(context: TagContext, frame: pd.DataFrame) -> None:
    assert repr(context) == "<TagContext: 5 order lines, 2026-02-03T00:00:00>"
    people: Any = pd.DataFrame({"customer_id": ["<b>"]})
    more = TagContext(Orders(frame), customers=people)
    assert "with customers" in repr(more)
    assert "1 rows" in more._repr_html_()
