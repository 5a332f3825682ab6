"""Bundles: the model by hand and by brute force, its interval, limits and messages."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

import userportrait as up
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns import Baskets, mine_itemsets, suggest_bundles

LISTS = [["tea", "cup"]] * 30 + [["tea"]] * 20 + [["cup"]] * 10 + [["milk"]] * 40
PRICES = {"tea": 5.0, "cup": 8.0, "milk": 1.0}


def test_a_bundle_worked_by_hand() -> None:
    found = suggest_bundles(LISTS, prices=PRICES, margins=0.4, discount=0.1, response=0.5)
    row = found.to_frame().iloc[0]
    assert row["items"] == ("cup", "tea")
    # 40 of 100 have a cup, 30 of them tea (0.75 against 0.5): 10 lack tea: 0.5 * 0.25 * 10 = 1.25.
    # 50 have tea, 30 of them a cup (0.6 against 0.4): 20 lack a cup: 0.5 * 0.2 * 20 = 2.
    assert row["near"] == 30
    assert row["extra_units"] == pytest.approx(32.5)
    assert row["lift"] == pytest.approx(1.5)
    assert (row["price"], row["bundle_price"]) == (13.0, pytest.approx(11.7))
    assert row["given_away"] == pytest.approx(10 * 30 * 1.3)
    earned = 1.25 * 2.0 + 2 * 3.2
    assert row["extra_margin"] == pytest.approx(10 * (earned - 1.3 * 33.25))
    assert row["break_even"] == pytest.approx(earned / (13 * 33.25))
    assert row["extra_margin_low"] < row["extra_margin"] < row["extra_margin_high"]


def test_at_the_break_even_discount_nothing_is_left() -> None:
    even = suggest_bundles(LISTS, prices=PRICES, margins=0.4).to_frame()["break_even"].iloc[0]
    found = suggest_bundles(LISTS, prices=PRICES, margins=0.4, discount=even).to_frame()
    assert found["extra_margin"].iloc[0] == pytest.approx(0, abs=1e-9)


def brute(lists: list[list[str]], items: tuple[str, ...], response: float) -> dict[str, float]:
    sets, n = [set(one) for one in lists], len(lists)

    def share(wanted: set[str]) -> float:
        return sum(wanted <= one for one in sets) / n

    whole, units = set(items), {}
    for item in items:
        others = share(whole - {item})
        c = share(whole) / others
        units[item] = response * max(c - share({item}), 0) * (others - share(whole))
    return units


def test_bundles_of_up_to_four_items_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(0)
    lists = [
        [f"i{i}" for i in np.flatnonzero(rng.random(6) < (0.7 if big else 0.2))]
        for big in rng.random(300) < 0.4
    ]
    prices = {f"i{i}": 2.0 + i for i in range(6)}
    margins = {f"i{i}": 1.0 + i / 3 for i in range(6)}
    found = suggest_bundles(
        lists, prices=prices, margins=margins, max_size=4, n_bundles=None, min_support=5,
        min_lift=0, discount=0.05, response=0.8,
    ).to_frame()  # fmt: skip
    assert set(found["n_items"]) == {2, 3, 4}
    names = [f"i{i}" for i in range(6)]
    assert len(found) == sum(len(list(combinations(names, size))) for size in (2, 3, 4))
    for row in found.itertuples():
        units = brute(lists, row.items, 0.8)
        held = row.count / len(lists)
        assert held == sum(set(row.items) <= set(one) for one in lists) / len(lists)
        price = sum(prices[item] for item in row.items)
        earned = sum(units[item] * margins[item] for item in row.items)
        worth = 1000 * (earned - 0.05 * price * (sum(units.values()) + held))
        assert row.extra_margin == pytest.approx(worth)
        singles = [sum(item in one for one in lists) / len(lists) for item in row.items]
        assert row.lift == pytest.approx(held / np.prod(singles))
        assert row.extra_margin_low < row.extra_margin < row.extra_margin_high
    assert found["extra_margin"].is_monotonic_decreasing


def test_the_interval_covers_the_true_worth() -> None:
    # The worth in all orders of a shop is known; samples of it should mostly cover it.
    rng = np.random.default_rng(1)
    options: dict[str, Any] = {"prices": PRICES, "margins": 0.5, "n_draws": 300, "discount": 0.02}

    def draw(n: int) -> list[list[str]]:
        tea = rng.random(n) < 0.3
        cup = rng.random(n) < np.where(tea, 0.4, 0.1)
        return [["tea"] * t + ["cup"] * c for t, c in zip(tea.tolist(), cup.tolist(), strict=True)]

    share = 0.3 * 0.4
    n_tea, n_cup = 0.3, 0.3 * 0.4 + 0.7 * 0.1
    units = [
        0.5 * (share / n_cup - n_tea) * (n_cup - share),
        0.5 * (share / n_tea - n_cup) * (n_tea - share),
    ]
    true = 1000 * (units[0] * 2.5 + units[1] * 4 - 0.02 * 13 * (sum(units) + share))
    hits = 0
    for _ in range(100):
        row = suggest_bundles(draw(1_000), **options).to_frame().iloc[0]
        hits += bool(row["extra_margin_low"] <= true <= row["extra_margin_high"])
    assert 88 <= hits <= 100


def test_prices_come_from_orders_and_items_without_a_margin_are_counted() -> None:
    shop = up.make_shop(n_customers=800, random_state=0)
    items = shop.items.to_pandas().set_index("item_id")
    baskets = Baskets.from_orders(shop.orders)
    found = suggest_bundles(baskets, margins=items["price"] - items["cost"], discount=0.02)
    assert len(found) > 3
    assert found.n_unpriced == 0
    first = found.to_frame().iloc[0]["items"]
    known = (items["price"] - items["cost"]).drop(first[0])
    fewer = suggest_bundles(baskets, margins=known, discount=0.02)
    assert fewer.n_unpriced > 0
    assert all(first[0] not in bundle for bundle in fewer)


def test_an_item_may_be_in_few_bundles_only() -> None:
    lists = [["a", "b", "c", "d"]] * 20 + [["a"], ["b"], ["c"], ["d"]] * 20
    prices = dict.fromkeys("abcd", 1.0)
    every = suggest_bundles(lists, prices=prices, margins=0.9, discount=0.0)
    assert len(every) == every.n_candidates == 10
    once = suggest_bundles(lists, prices=prices, margins=0.9, discount=0.0, per_item=1)
    flat = [item for bundle in once for item in bundle]
    assert len(flat) == len(set(flat))
    assert len(suggest_bundles(lists, prices=prices, margins=0.9, n_bundles=2)) == 2


def test_same_input_same_interval_and_own_itemsets() -> None:
    baskets = Baskets.from_lists(LISTS)
    sets = mine_itemsets(baskets, min_support=5, max_length=3)
    options: dict[str, Any] = {"prices": pd.Series(PRICES), "margins": pd.Series(PRICES) / 2}
    one = suggest_bundles(baskets, itemsets=sets, **options)
    assert one == suggest_bundles(LISTS[::-1], **options)
    assert one != suggest_bundles(baskets, random_state=1, **options)


def test_the_table_prints() -> None:
    found = suggest_bundles(LISTS, prices=PRICES, margins=0.4)
    assert repr(found) == "BundleTable(1 bundle of 1 valued, discount 10 %)"
    assert "cup + tea" in str(found)
    assert "cup + tea" in found._repr_html_()
    assert found.to_dict()["bundles"][0]["count"] == 30
    empty = suggest_bundles([["a"], ["b"]], prices={"a": 1}, margins=0.5)
    assert len(empty) == 0
    assert list(empty.to_frame()) == list(found.to_frame())
    assert str(empty)


def test_bad_input_is_told() -> None:
    with pytest.raises(InvalidDataError, match="no prices"):
        suggest_bundles(LISTS, margins=0.5)
    with pytest.raises(InvalidDataError, match="none of the 3 items has a number in prices"):
        suggest_bundles(LISTS, margins=0.5, prices={1: 2.0})
    with pytest.raises(InvalidDataError, match="a price is negative"):
        suggest_bundles(LISTS, margins=0.5, prices={"tea": -1.0})
    with pytest.raises(InvalidParameterError, match="margins must map items to numbers"):
        suggest_bundles(LISTS, margins="half", prices=PRICES)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="2 problems"):
        suggest_bundles(LISTS, margins=0.5, prices=PRICES, discount=1, max_size=9)
    other = mine_itemsets(Baskets.from_lists([["x", "y"]] * 9), min_support=2)
    with pytest.raises(InvalidDataError, match="mined from other baskets"):
        suggest_bundles(LISTS, margins=0.5, prices=PRICES, itemsets=other)
