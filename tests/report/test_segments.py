"""Names, order and advice of segments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from userportrait.report._advice import ADVICE, OWN_ADVICE
from userportrait.report._figures import segments_of
from userportrait.report._segments import (
    advice_for,
    segment_key,
    segment_names,
    segment_order,
)
from userportrait.value import QUINTILE11, VALUE8

if TYPE_CHECKING:
    from userportrait.portraits import Portraits


def test_every_shipped_segment_has_advice_in_both_languages() -> None:
    keys = {*QUINTILE11.keys, *VALUE8.keys}
    assert set(ADVICE) == keys
    for texts in (*ADVICE.values(), *OWN_ADVICE.values()):
        assert set(texts) == {"en", "zh"}
        assert all(len(parts) == 3 and all(parts) for parts in texts.values())


def test_a_segment_is_known_by_its_key_and_by_its_label_in_any_language() -> None:
    assert segment_key("Champions") == segment_key("冠军客户") == "champions"
    assert segment_key("general_keep") == "general_keep"
    assert segment_key("my own") is None


def test_the_order_is_the_builds_then_the_maps_then_by_worth() -> None:
    worth = {"Lost": 9.0, "Champions": 5.0, "Loyal": 7.0}
    assert segment_order(worth, {"labels": ["Loyal", "Lost", "Champions", "New"]}) == [
        "Loyal", "Lost", "Champions",
    ]  # fmt: skip
    assert segment_order(worth, {}) == ["Champions", "Loyal", "Lost"]
    assert segment_order({"b": 1.0, "a": 1.0, "c": 2.0}, {}) == ["c", "a", "b"]
    assert segment_order({"b": 1.0, "Lost": 2.0}, {"labels": ["Lost"]}) == ["Lost", "b"]


def test_names_follow_the_language_of_the_page(portraits: Portraits) -> None:
    assert segment_names(portraits, ["Champions"], "zh") == {"Champions": "冠军客户"}
    assert segment_names(portraits, ["Champions"], "en") == {"Champions": "Champions"}
    assert segment_names(portraits, ["冠军客户"], "en", "no such tag") == {"冠军客户": "Champions"}
    assert segment_names(portraits, ["mine"], "zh") == {"mine": "mine"}


@pytest.mark.parametrize(
    ("recency", "n_orders", "quadrant"),
    [(1, 40, "recent_often"), (1, 10, "recent_rare"), (90, 40, "old_often"), (90, 1, "old_rare")],
)
def test_own_segments_get_advice_by_where_they_stand(
    portraits: Portraits, recency: float, n_orders: int, quadrant: str
) -> None:
    some = segments_of(portraits)[0]
    shop = replace(some, median_recency=30.0, n_customers=100, n_orders=200)
    mine = replace(some, label="mine", median_recency=recency, n_customers=10, n_orders=n_orders)
    assert advice_for(mine, shop, "en").who == OWN_ADVICE[quadrant]["en"][0]
    assert len(advice_for(mine, shop, "zh").actions) == 2
