from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.features import summarise_orders
from userportrait.tags import FactTag, FrameTag, TagContext
from userportrait.tags._facts import SUMMARY_COLUMNS


def test_a_fact_of_the_summary_is_read_as_it_stands(context: TagContext) -> None:
    assert FactTag("n", "n_orders").evaluate(context, {}).to_list() == [1, 1, 1]
    assert FactTag("s", "spend").evaluate(context, {}).to_list() == [10.0, 10.0, 25.0]
    # ann's last purchase was on 5 January; the return of 1 February is none.
    assert FactTag("r", "recency").evaluate(context, {}).to_list() == [29, 28, 0]
    first = FactTag("f", "first_order_at").evaluate(context, {})
    assert first.to_list() == ["2026-01-05", "2026-01-06", "2026-02-03"]


def test_every_column_of_the_summary_can_be_a_fact(context: TagContext, frame: Any) -> None:
    assert set(SUMMARY_COLUMNS) == set(summarise_orders(frame).columns) - {"customer_id"}
    for name, kind in SUMMARY_COLUMNS.items():
        tag = FactTag("t", name)
        assert tag.value_kind == kind
        assert tag.evaluate(context, {}).kind == ("text" if kind == "date" else kind)


def test_a_fact_of_the_customers_table_is_unknown_without_a_row(frame: pd.DataFrame) -> None:
    people = pd.DataFrame({"customer_id": ["bo"], "vip": [True], "points": [7]})
    context = TagContext(frame, customers=people)
    vip = FactTag("vip", "vip", source="customers")
    assert vip.evaluate(context, {}).to_list() == [None, True, None]
    points = FactTag("points", "points", source="customers").evaluate(context, {})
    assert points.to_list() == [None, 7, None]


def test_a_fact_says_what_it_lacks(frame: pd.DataFrame, context: TagContext) -> None:
    tag = FactTag("city", "city", source="customers")
    assert tag.lacks(context) == "a customers table"
    people = TagContext(frame, customers=pd.DataFrame({"customer_id": ["bo"]}))
    assert tag.lacks(people) == "the column 'city' of the customers table"
    assert FactTag("n", "n_orders").lacks(context) is None
    with pytest.raises(MissingColumnError, match="the customers table: 'city' is not a known"):
        tag.evaluate(people, {})


def test_a_misspelt_column_of_the_summary_is_refused_when_the_tag_is_made() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        FactTag("n", "n_ordrs")
    assert str(caught.value).startswith(
        "FactTag 'n': 'n_ordrs' is not a known column of the customer summary. "
        "Did you mean 'n_orders'?"
    )
    with pytest.raises(InvalidParameterError, match="is not a known option"):
        FactTag("n", "n_orders", source="sumary")  # type: ignore[arg-type]


def test_values_given_in_a_frame_of_any_engine_are_taken(context: TagContext, engine: str) -> None:
    given = pd.DataFrame({"customer_id": ["nobody", "cy", "ann"], "advisor": ["X", "Mei", "Bo"]})
    tag = FrameTag("advisor", to_engine(engine, given), "advisor")
    assert tag.evaluate(context, {}).to_list() == ["Bo", None, "Mei"]


def test_of_several_rows_the_newest_until_the_moment_counts(frame: pd.DataFrame) -> None:
    given = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "ann", "bo"],
            "stage": ["new", "warm", "hot", "old"],
            "at": pd.to_datetime(["2026-01-01", "2026-02-02", "2026-03-01", "2025-12-01"]),
        }
    )
    context = TagContext(frame)  # as of 2026-02-03
    assert FrameTag("s", given, "stage", at="at").evaluate(context, {}).to_list() == [
        "warm", "old", None,
    ]  # fmt: skip
    # bo's row is 64 days old.
    for days, value in ((64, "old"), (63, None)):
        tag = FrameTag("s", given, "stage", at="at", ttl_days=days)
        assert tag.evaluate(context, {}).to_list() == ["warm", value, None]


def test_two_rows_for_one_customer_are_refused(context: TagContext) -> None:
    given = pd.DataFrame({"customer_id": ["ann", "ann"], "x": [1, 2]})
    with pytest.raises(InvalidDataError, match="tag 't': 1 customers have more than one row"):
        FrameTag("t", given, "x").evaluate(context, {})


def test_a_frame_without_the_column_is_refused_when_the_tag_is_made() -> None:
    given = pd.DataFrame({"customer_id": ["ann"], "stage": ["new"]})
    with pytest.raises(MissingColumnError, match="Did you mean 'stage'"):
        FrameTag("t", given, "stge")


def test_frame_tags_are_equal_only_with_the_same_frame() -> None:
    given = pd.DataFrame({"customer_id": ["ann"], "x": [1]})
    assert FrameTag("t", given, "x") == FrameTag("t", given, "x")
    assert hash(FrameTag("t", given, "x")) == hash(FrameTag("t", given, "x"))
    assert FrameTag("t", given, "x") != FrameTag("t", given.copy(), "x")
    assert repr(FrameTag("t", given, "x")) == "FrameTag('t', column='x')"
