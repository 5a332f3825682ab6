"""Rules as a recommender: brute force over mlxtend-like rules, promises, explanations."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import userportrait as up
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.patterns import BasketRuleRecommender, Baskets, mine_itemsets
from userportrait.patterns._rules_derive import derive_rules
from userportrait.testing import check_recommends
from userportrait.typing import Recommends

LISTS = st.lists(
    st.lists(st.sampled_from("abcdef"), max_size=5, unique=True), min_size=2, max_size=12
)


def brute(
    train: list[list[str]], basket: list[str], k: int, least: int, combine: str
) -> list[tuple[str, float]]:
    """Score every item by trying every rule of up to two items on the left."""
    sets = [set(one) for one in train]
    items = sorted(set().union(*sets))

    def count(wanted: set[str]) -> int:
        return sum(wanted <= one for one in sets)

    scores: dict[str, list[float]] = {}
    lefts = [{a} for a in items] + [{a, b} for a in items for b in items if a < b]
    for left in lefts:
        for right in items:
            if right in left or count(left | {right}) < least or not left <= set(basket):
                continue
            scores.setdefault(right, []).append(count(left | {right}) / count(left))
    merge = max if combine == "best" else sum
    found = [(i, merge(s)) for i, s in scores.items() if i not in basket]
    return sorted(found, key=lambda pair: (-round(pair[1], 9), pair[0]))[:k]


@settings(max_examples=25)
@given(LISTS, LISTS, st.sampled_from(["best", "sum"]), st.integers(1, 4))
def test_scores_are_those_of_trying_every_rule(
    train: list[list[str]], baskets: list[list[str]], combine: Any, k: int
) -> None:
    train = [*train, ["a", "b", "c"], ["a", "b"]]
    model = BasketRuleRecommender(
        min_support=2, min_confidence=0, scoring="confidence", combine=combine,
        max_antecedent=2, fill=False, rules_per_item=None,
    ).fit(train)  # fmt: skip
    found = model.complete(baskets, k=k)
    for number, basket in enumerate(baskets):
        rows = found[found["basket"] == number]
        wanted = brute(train, basket, k, 2, combine)
        assert rows["score"].tolist() == pytest.approx([score for _, score in wanted])
        full = dict(brute(train, basket, 99, 2, combine))
        for item, score in zip(rows["item_id"], rows["score"], strict=True):
            assert full[item] == pytest.approx(score)
            told = model.explain(basket, item)["score"]
            merged = told.max() if combine == "best" else told.sum()
            assert merged == pytest.approx(score)


def purchases(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, pd.Timestamp, str]] = []
    for order in range(300):
        day = pd.Timestamp("2026-01-01") + pd.Timedelta(days=order)
        kind = rng.integers(3)
        items = [f"{'abc'[kind]}{i}" for i in np.flatnonzero(rng.random(6) < 0.5)]
        rows += [(order % 40, order, day, item) for item in items]
    return pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "item_id"])


def fitted(**options: Any) -> BasketRuleRecommender:
    return BasketRuleRecommender(**options).fit(purchases())


@pytest.mark.parametrize("combine", ["best", "sum"])
def test_it_keeps_the_promises_of_a_recommender(combine: Any) -> None:
    model = fitted(combine=combine)
    assert isinstance(model, Recommends)
    check_recommends(lambda: model)
    check_recommends(lambda: fitted(combine=combine, fill=False, last_baskets=1))


def test_texts_as_customers_keep_the_promises_too() -> None:
    frame = purchases()
    frame["customer_id"] = "C" + frame["customer_id"].astype(str)
    model = BasketRuleRecommender().fit(frame)
    check_recommends(lambda: model)


def test_seen_items_are_left_out_unless_asked_for() -> None:
    model, frame = fitted(), purchases()
    bought = set(zip(frame["customer_id"], frame["item_id"], strict=True))
    found = model.recommend(k=20)
    assert not bought & set(zip(found["customer_id"], found["item_id"], strict=True))
    again = model.recommend(k=20, filter_seen=False)
    assert bought & set(zip(again["customer_id"], again["item_id"], strict=True))


def test_the_last_baskets_decide() -> None:
    lists = [["a", "b"]] * 10 + [["c", "d"]] * 10
    rows = [(f"x{i}", i, "2026-01-01", item) for i, one in enumerate(lists) for item in one]
    rows += [("me", 100, "2026-01-02", "a"), ("me", 101, "2026-01-03", "c")]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "item_id"])
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])
    last = BasketRuleRecommender(last_baskets=1, fill=False).fit(frame).recommend(["me"])
    assert last["item_id"].tolist() == ["d"]
    every = BasketRuleRecommender(fill=False).fit(frame).recommend(["me"])
    assert sorted(every["item_id"]) == ["b", "d"]


def test_a_reason_names_the_best_rule_with_its_counts() -> None:
    lists = [["tea", "cup"]] * 8 + [["tea", "pot", "cup"]] * 6 + [["milk"]] * 6 + [["tea"]]
    model = BasketRuleRecommender(scoring="confidence", max_antecedent=2).fit(lists)
    found = model.complete([["tea"], ["nothing known"]], k=2)
    assert found["reason"].tolist() == [
        "tea → cup: 14 of 15 baskets", "tea → pot: 6 of 15 baskets", "popular", "popular",
    ]  # fmt: skip
    assert found["item_id"].tolist() == ["cup", "pot", "tea", "cup"]
    assert found["score"].tolist() == pytest.approx([14 / 15, 6 / 15, 0, 0])
    assert list(model.complete([["tea"]], reasons=False)) == ["basket", "item_id", "score", "rank"]
    rules = model.explain(["tea", "pot"], "cup")
    assert rules["antecedent"].tolist()[0] in [("pot",), ("pot", "tea")]
    assert set(rules["count"]) == {14, 6}


def test_rules_of_your_own_are_used_and_longer_right_sides_counted() -> None:
    lists = [["a", "b", "c"]] * 10 + [["a"]] * 5
    baskets = Baskets.from_lists(lists)
    rules = derive_rules(mine_itemsets(baskets, min_support=2))
    model = BasketRuleRecommender(fill=False).fit(baskets, rules=rules)
    assert model.n_ignored_rules_ == 3  # a → b, c and so on
    assert model.rules_ is rules
    assert model.complete([["a"]])["item_id"].tolist() == ["b", "c"]
    with pytest.raises(InvalidDataError, match="other items than the"):
        BasketRuleRecommender().fit([["a", "z"]] * 9, rules=rules)


def test_order_of_rows_does_not_matter() -> None:
    frame = purchases()
    one = fitted().recommend(k=5)
    other = BasketRuleRecommender().fit(frame.sample(frac=1, random_state=1)).recommend(k=5)
    pd.testing.assert_frame_equal(one, other)
    copy = pickle.loads(pickle.dumps(fitted()))
    pd.testing.assert_frame_equal(one, copy.recommend(k=5))


def test_orders_of_the_sample_shop_give_each_customer_a_full_list() -> None:
    shop = up.make_shop(n_customers=300, random_state=0)
    model = BasketRuleRecommender().fit(shop.orders)
    found = model.recommend(k=5)
    assert (found.groupby("customer_id").size() == 5).all()
    assert set(found["customer_id"]) == set(model.customer_ids_)


def test_excluded_items_and_empty_input() -> None:
    model = fitted()
    assert "a0" not in set(model.complete([["a1"]], k=50, exclude=["a0", "unknown"])["item_id"])
    assert len(model.complete([], k=3)) == 0
    assert len(BasketRuleRecommender().fit([["a"]]).complete([["a"]])) == 0
    with pytest.raises(InvalidParameterError, match="not one text"):
        model.complete([["a1"]], exclude="a0")


def test_bad_use_is_told() -> None:
    with pytest.raises(NotFittedError):
        BasketRuleRecommender().complete([["a"]])
    with pytest.raises(InvalidDataError, match="had no customers"):
        BasketRuleRecommender().fit([["a", "b"]]).recommend()
    bad: dict[str, Any] = {"scoring": "lifts", "combine": "max", "max_antecedent": 9}
    with pytest.raises(InvalidParameterError) as caught:
        BasketRuleRecommender(**bad).fit([["a"]])
    assert len(caught.value.problems) == 3
    with pytest.raises(InvalidDataError, match="last_baskets needs the times"):
        BasketRuleRecommender(last_baskets=1).fit(purchases().drop(columns="ordered_at"))
    with pytest.raises(InvalidParameterError, match="'zz'"):
        fitted().explain(["a1"], "zz")
    with pytest.raises(InvalidParameterError, match="k must be an integer"):
        fitted().recommend(k=0)
