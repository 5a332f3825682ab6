"""The kind of each tag's column is known before its values are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from userportrait._core.columns import column_from
from userportrait.tags import (
    FactTag,
    FrameTag,
    PreferenceTag,
    RuleTag,
    ScoredTag,
    StatisticalTag,
    TagContext,
)
from userportrait.tags._kinds import column_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.tags import Tag


def count_lines(orders: Any, *, as_of: Any) -> Any:
    """Score nothing: only its kind is asked for."""


def given(frame: pd.DataFrame) -> TagContext:
    own = frame.assign(points=[1, 2, 3, 4, 5], weight=0.5, gift=True)
    people = pd.DataFrame({"customer_id": ["ann"], "age": [30], "vip": [True], "city": ["Bonn"]})
    things = pd.DataFrame({"item_id": ["tea"], "brand": ["B"], "grams": [100]})
    seen = pd.DataFrame(
        {
            "customer_id": ["ann"],
            "event": ["view"],
            "occurred_at": [frame["ordered_at"].min()],
            "points": [7],
        }
    )
    return TagContext(own, customers=people, items=things, events=seen)


CASES: list[tuple[Tag, str]] = [
    (FactTag("t", "recency"), "integer"),
    (FactTag("t", "spend"), "number"),
    (FactTag("t", "first_order_at"), "text"),
    (FactTag("t", "n_items"), "integer"),
    (FactTag("t", "age", source="customers"), "integer"),
    (FactTag("t", "vip", source="customers"), "boolean"),
    (FactTag("t", "city", source="customers"), "text"),
    (RuleTag("t", "recency > 3"), "boolean"),
    (StatisticalTag("t", None, "count"), "integer"),
    (StatisticalTag("t", "amount", "sum"), "number"),
    (StatisticalTag("t", "quantity", "max"), "integer"),
    (StatisticalTag("t", "points", "last"), "integer"),
    (StatisticalTag("t", "points", "mean"), "number"),
    (StatisticalTag("t", "weight", "first"), "number"),
    (StatisticalTag("t", "gift", "first"), "text"),
    (StatisticalTag("t", "hour", "most_frequent"), "integer"),
    (StatisticalTag("t", "weekday", "most_frequent"), "text"),
    (StatisticalTag("t", "brand", "most_frequent"), "text"),
    (StatisticalTag("t", "grams", "min"), "integer"),
    (PreferenceTag("t", "brand"), "text"),
    (PreferenceTag("t", "grams"), "integer"),
    (PreferenceTag("t", "points"), "text"),  # of events too, where it is a label
    (PreferenceTag("t", "points", weights={"purchase": 1.0}), "integer"),
    (FrameTag("t", pd.DataFrame({"customer_id": ["ann"], "v": [1.5]}), "v"), "number"),
]


@pytest.mark.parametrize(("tag", "kind"), CASES, ids=lambda value: repr(value)[:60])
def test_a_shipped_kind_of_tag_says_what_it_makes(frame: pd.DataFrame, tag: Tag, kind: str) -> None:
    context = given(frame)

    def never() -> Mapping[str, Any]:
        pytest.fail("no sample is needed")

    assert column_kinds({"t": tag}, context, never) == {"t": kind}
    if not isinstance(tag, RuleTag):
        made = tag.evaluate(context, {}).to_list()
        python = {"integer": int, "number": float, "text": str, "boolean": bool}[kind]
        assert {type(value) for value in made} <= {python, type(None)}


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1, None], "integer"), ([0.5], "number"), (["a"], "text"), ([True], "boolean")],
)
def test_a_scorer_is_asked_for_some_values(
    frame: pd.DataFrame, values: list[Any], kind: str
) -> None:
    tags: dict[str, Tag] = {"t": ScoredTag("t", count_lines), "n": FactTag("n", "recency")}
    found = column_kinds(tags, TagContext(frame), lambda: {"t": column_from(values)})
    assert found == {"t": kind, "n": "integer"}
