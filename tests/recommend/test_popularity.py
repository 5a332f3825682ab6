from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingExtraError
from userportrait.recommend import Interactions, ItemKNN, Popularity, load_recommender
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path


def bought(*pairs: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["customer_id", "item_id"])


SHOP = bought((1, "tea"), (1, "cup"), (2, "tea"), (3, "tea"), (3, "pot"), (4, "pot"), (5, "jam"))


def test_the_score_is_the_share_of_customers() -> None:
    model = Popularity().fit(SHOP)
    lists = model.recommend([5], k=3)
    assert lists["item_id"].tolist() == ["tea", "pot", "cup"]
    assert lists["score"].tolist() == pytest.approx([3 / 5, 2 / 5, 1 / 5])
    assert set(lists["reason"]) == {"popular"}


def test_buying_twice_does_not_make_an_item_more_popular() -> None:
    twice = pd.concat([SHOP, bought((1, "cup"), (1, "cup"), (1, "cup"))])
    assert Popularity().fit(twice).recommend([9], k=2)["item_id"].tolist() == ["tea", "pot"]


def test_segments_have_their_own_favourites_and_shrink_to_all_customers() -> None:
    segments = {1: "a", 2: "a", 3: "b", 4: "b", 5: "b", 77: "b"}
    model = Popularity("segment", shrinkage=2.0).fit(SHOP, segments=segments)
    assert model.groups_.tolist() == ["a", "b"]
    shares = dict(zip(model.interactions_.item_ids, model.item_scores_[1], strict=True))
    assert shares["pot"] == pytest.approx((2 + 2 * 2 / 5) / (3 + 2))  # by hand
    assert shares["tea"] == pytest.approx((1 + 2 * 3 / 5) / (3 + 2))
    assert model.recommend([5], k=1)["item_id"].tolist() == ["pot"]


def test_a_customer_without_purchases_gets_the_favourites_of_the_segment() -> None:
    model = Popularity("segment", shrinkage=0.0).fit(SHOP, segments={1: "a", 4: "b", 77: "b"})
    lists = model.recommend([77, 78], k=1)
    assert lists["item_id"].tolist() == ["pot", "tea"]  # of segment b, of everybody


def test_segments_come_from_a_frame_too() -> None:
    table = pd.DataFrame({"customer_id": [1, 2, 3, 4, 5], "segment": ["a", "a", "b", "b", "b"]})
    mapped = dict(zip(table["customer_id"], table["segment"], strict=True))
    one = Popularity("segment").fit(SHOP, segments=table).recommend()
    assert one.equals(Popularity("segment").fit(SHOP, segments=mapped).recommend())


def test_categories_follow_what_the_customer_buys_and_explain_it() -> None:
    categories = {"tea": "drink", "pot": "ware", "cup": "ware", "jam": "food"}
    model = Popularity("category", shrinkage=0.0).fit(SHOP, categories=categories)
    lists = model.recommend([4], k=2)  # has a pot
    assert lists["item_id"].tolist()[0] == "cup"
    assert lists["score"].tolist()[0] == pytest.approx(1 / 3)  # 1 of 3 purchases of ware
    told = model.explain(1, "pot")  # has tea and a cup: half of the history is ware
    assert told["item_id"].tolist() == ["cup", "tea"]
    assert told["contribution"].tolist() == pytest.approx([2 / 3 / 2, 0.0])


def test_what_rises_comes_before_what_is_only_popular() -> None:
    day = [1, 2, 3, 4, 5, 40, 41, 42, 43]
    items = ["tea"] * 5 + ["tea", "jam", "jam", "jam"]
    frame = pd.DataFrame({"customer_id": range(9), "item_id": items})
    frame["occurred_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(day, unit="D")
    model = Popularity("trending", trend_days=28).fit(frame)
    lists = model.recommend([0], k=2, filter_seen=False)
    assert lists["item_id"].tolist() == ["jam", "tea"]
    assert lists["score"].tolist() == pytest.approx([3 / 2, (1 - 5) / np.sqrt(7)])  # by hand
    assert set(lists["reason"]) == {"rising"}


def test_a_trend_without_times_is_an_error() -> None:
    with pytest.raises(InvalidDataError, match="needs times"):
        Popularity("trending").fit(SHOP)


def test_what_is_needed_must_be_given() -> None:
    with pytest.raises(InvalidParameterError, match="needs segments"):
        Popularity("segment").fit(SHOP)
    with pytest.raises(InvalidDataError, match="no 'customer_id'"):
        Popularity("segment").fit(SHOP, segments={"1": "a"})
    table = pd.DataFrame({"customer_id": [1, 1], "segment": ["a", "b"]})
    with pytest.raises(InvalidDataError, match="two different labels"):
        Popularity("segment").fit(SHOP, segments=table)


@pytest.mark.parametrize("scope", ["overall", "segment", "category"])
def test_rows_in_another_order_updates_and_files_give_the_same_lists(
    scope: str, tmp_path: Path
) -> None:
    extra: dict[str, object] = {}
    if scope == "segment":
        extra = {"segments": {1: "a", 2: "a", 3: "b", 4: "b", 5: "b"}}
    if scope == "category":
        extra = {"categories": {"tea": "drink", "pot": "ware", "cup": "ware"}}

    def fitted(frame: pd.DataFrame) -> Popularity:
        return Popularity(scope).fit(frame, **extra)  # type: ignore[arg-type]

    whole = fitted(SHOP)
    assert whole.recommend().equals(fitted(SHOP.sample(frac=1, random_state=0)).recommend())
    assert whole.recommend().equals(fitted(SHOP[:4]).update(SHOP[4:]).recommend())
    whole.save(tmp_path / "model.zip")
    assert load_recommender(tmp_path / "model.zip").recommend().equals(whole.recommend())


def test_it_keeps_the_promises_of_a_recommender() -> None:
    check_recommends(lambda: Popularity().fit(SHOP))


def test_one_customer_and_one_item_are_enough() -> None:
    one = Interactions.from_frame(bought((1, "tea")))
    assert Popularity().fit(one).recommend(k=5).empty
    assert len(Popularity().fit(one).recommend(k=5, filter_seen=False)) == 1


def test_a_missing_extra_is_named_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"ItemKNN\(engine='numba'\) needs numba"):
        ItemKNN(engine="numba").fit(SHOP)
