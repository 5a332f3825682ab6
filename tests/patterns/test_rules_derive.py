"""Rules are exact: against brute force, mlxtend, and thresholds that fall on a count."""

from __future__ import annotations

import gzip
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules

from helpers.brute_itemsets import all_itemsets, brute_itemsets
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns import _rule_index, _rules_mlxtend
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._budget import Budget
from userportrait.patterns._itemsets import Itemsets
from userportrait.patterns._mine import mine_itemsets
from userportrait.patterns._rule_sides import RuleSide
from userportrait.patterns._rules_derive import derive_rules
from userportrait.patterns._rules_mlxtend import installed_version
from userportrait.patterns._rules_split import largest_antecedent
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.patterns._rules import Rules

LETTERS = "abcdefg"
BASKETS = st.lists(st.lists(st.sampled_from(LETTERS), max_size=7), min_size=1, max_size=14)
NUMBERS = st.lists(st.lists(st.sampled_from([3, 7, 15, 8, 16, 23]), max_size=6), min_size=1)


def brute_rules(lists: list[Any], min_count: int, min_confidence: float) -> list[tuple[Any, ...]]:
    """Every split of every itemset, by set arithmetic, in public order."""
    found = all_itemsets(lists, min_count)
    rules: list[tuple[Any, ...]] = []
    for whole in sorted(found, key=lambda s: (len(s), sorted(s))):
        for size in range(1, len(whole)):
            for left in combinations(sorted(whole), size):
                right = whole - frozenset(left)
                if found[whole] / found[frozenset(left)] >= min_confidence:
                    rules.append((left, tuple(sorted(right)), found[whole]))
    return rules


def listed(rules: Rules) -> list[tuple[Any, ...]]:
    frame = rules.to_frame(["count"])
    return list(zip(frame["antecedent"], frame["consequent"], frame["count"], strict=True))


@settings(max_examples=40)
@given(BASKETS, st.integers(1, 3), st.sampled_from([0.0, 1 / 3, 0.5, 0.6, 1.0]))
def test_rules_are_those_of_brute_force_in_public_order(
    lists: list[list[str]], min_count: int, min_confidence: float
) -> None:
    rules = derive_rules(brute_itemsets(lists, min_count), min_confidence=min_confidence)
    assert listed(rules) == brute_rules(lists, min_count, min_confidence)
    assert rules.n_unknown == 0
    assert rules.stopped is None


@settings(max_examples=40)
@given(BASKETS, st.sampled_from([0.0, 0.5, 0.8]))
def test_one_item_on_the_right_takes_the_same_rules_by_the_faster_way(
    lists: list[list[str]], min_confidence: float
) -> None:
    itemsets = brute_itemsets(lists, 1)
    single = derive_rules(itemsets, min_confidence=min_confidence, max_consequent=1)
    every = derive_rules(itemsets, min_confidence=min_confidence)
    assert listed(single) == [rule for rule in listed(every) if len(rule[1]) == 1]
    of_single = every.take(every.index.lengths(every.consequents) == 1)
    np.testing.assert_array_equal(single.splits, of_single.splits)


@settings(max_examples=40)
@given(BASKETS | NUMBERS, st.sampled_from([0.0, 0.4, 0.75, 1.0]))
def test_the_mlxtend_frame_is_that_of_mlxtend(lists: list[list[Any]], threshold: float) -> None:
    itemsets = brute_itemsets(lists, 1)
    if not len(itemsets):
        return
    with np.errstate(all="ignore"):
        theirs = association_rules(itemsets.to_mlxtend(), num_itemsets=1, min_threshold=threshold)
    ours = derive_rules(itemsets, min_confidence=threshold).to_mlxtend()
    if len(ours) == len(theirs):  # theirs may lose rules on the threshold
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    else:
        on_it = np.isclose(ours["confidence"], threshold, rtol=1e-12)
        assert len(ours) - on_it.sum() <= len(theirs) < len(ours)


def test_the_mlxtend_frame_has_the_columns_of_the_installed_version() -> None:
    itemsets = brute_itemsets(["ab", "ab", "a", "b", "c"], 1)
    theirs = association_rules(itemsets.to_mlxtend(), num_itemsets=5, min_threshold=0.0)
    ours = derive_rules(itemsets).to_mlxtend()
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-12)
    assert list(ours.columns[2:]) == list(installed_version()[0])


def test_no_rules_give_an_empty_mlxtend_frame() -> None:
    itemsets = brute_itemsets(["ab", "a", "b"], 1)
    theirs = association_rules(itemsets.to_mlxtend(), num_itemsets=3, min_threshold=0.9)
    ours = derive_rules(itemsets, min_confidence=0.9).to_mlxtend()
    pd.testing.assert_frame_equal(ours, theirs)


def test_a_rule_exactly_on_the_threshold_is_kept() -> None:
    lists = ["ab"] * 27 + ["a"] * 63 + ["c"] * 41
    rules = derive_rules(brute_itemsets(lists, 1), min_confidence=0.3, antecedents=["a"])
    assert listed(rules) == [(("a",), ("b",), 27)]


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_any_quotient_meets_itself_as_threshold(first: int, second: int) -> None:
    both, left = sorted((first, second))
    trie = Trie(
        np.array([-1, -1, 0], dtype=np.int32),
        np.array([0, 1, 1], dtype=np.int32),
        np.array([left, left + 5, both], dtype=np.int32),
    )
    itemsets = Itemsets(trie, np.array(["a", "b"], dtype=object), left + 9, min_count=1)
    kept = derive_rules(itemsets, min_confidence=both / left, antecedents=["a"])
    assert len(kept) == 1
    if both < left:
        above = np.nextafter(both / left, 1.0)
        assert len(derive_rules(itemsets, min_confidence=above, antecedents=["a"])) == 0


@pytest.mark.parametrize(
    ("lists", "n_rules"),
    [
        (["", ""], 0),
        ([""], 0),
        (["a"], 0),
        (["ab"], 2),
        (["aab", "ba", ""], 2),
        (["abc"] * 3, 12),
    ],
)
def test_small_cases(lists: list[str], n_rules: int) -> None:
    rules = derive_rules(brute_itemsets(lists, 1))
    assert len(rules) == n_rules
    assert len(rules.to_frame()) == n_rules
    assert len(rules.to_frame(ids=True)) == n_rules


def test_an_item_in_every_basket_has_rules() -> None:
    rules = derive_rules(brute_itemsets(["a", "ab", "ab"], 1))
    assert listed(rules) == [(("a",), ("b",), 2), (("b",), ("a",), 2)]
    assert rules.measure("confidence").tolist() == [2 / 3, 1.0]


SHOP = ["abcd", "abc", "abd", "acd", "bcd", "ab", "cd", "a"]


def kept(**options: Any) -> set[tuple[str, str]]:
    rules = derive_rules(brute_itemsets(SHOP, 1), **options)
    return {("".join(left), "".join(right)) for left, right, _ in listed(rules)}


def test_conditions_on_sides() -> None:
    every = kept()
    assert kept(antecedents=["a", "b"]) == {r for r in every if set(r[0]) <= {"a", "b"}}
    assert kept(consequents={"contains": ["c", "d"]}) == {r for r in every if set(r[1]) & set("cd")}
    assert kept(antecedents={"exclude": ["a"]}, consequents=RuleSide(exclude=("b",))) == {
        r for r in every if "a" not in r[0] and "b" not in r[1]
    }
    assert kept(max_antecedent=1) == {r for r in every if len(r[0]) == 1}
    assert kept(max_consequent=2) == {r for r in every if len(r[1]) <= 2}
    assert kept(max_consequent=1, antecedents={"contains": ["d"]}) == {
        r for r in every if len(r[1]) == 1 and "d" in r[0]
    }


def test_least_lift_and_count() -> None:
    itemsets = brute_itemsets(SHOP, 1)
    every = derive_rules(itemsets)
    assert listed(derive_rules(itemsets, min_lift=1.0)) == listed(
        every.filter(at_least={"lift": 1})
    )
    assert listed(derive_rules(itemsets, min_count=3)) == listed(
        every.filter(at_least={"count": 3})
    )


def test_closed_itemsets_are_refused_with_the_remedy() -> None:
    found = brute_itemsets(SHOP, 1)
    closed = Itemsets(found.trie, found.items, found.n_baskets, min_count=1, kind="closed")
    with pytest.raises(InvalidDataError, match=r"kind 'closed' lack. Mine with kind='all'"):
        derive_rules(closed)


def test_splits_whose_counts_mining_left_out_are_counted() -> None:
    found = brute_itemsets(["ab", "ab", "b"], 1)
    trie = found.trie
    listed_ = np.array(
        [item != 1 or parent >= 0 for parent, item in zip(trie.parent, trie.item, strict=True)]
    )
    partial = Itemsets(
        Trie(trie.parent, trie.item, trie.count, listed_), found.items, 3, min_count=1, stopped="x"
    )
    rules = derive_rules(partial)
    assert (len(rules), rules.n_unknown) == (0, 2)
    assert rules.stopped == "mining stopped: x"
    assert "2 splits without a known count were left out" in str(rules)


def test_limits_stop_with_the_rules_found_by_then() -> None:
    itemsets = brute_itemsets(SHOP, 1)
    every = listed(derive_rules(itemsets))
    some = derive_rules(itemsets, max_rules=5)
    assert listed(some) == every[:5]
    assert some.stopped == "more than 5 rules"
    assert "incomplete: more than 5 rules" in repr(some)
    by_bytes = derive_rules(itemsets, budget=Budget(max_bytes=16 * 7))
    assert listed(by_bytes) == every[:7]
    short = derive_rules(itemsets, budget=Budget(max_seconds=1e-9))
    assert short.stopped == "more than 1e-09 seconds"
    exactly = derive_rules(itemsets, max_rules=len(every))
    assert (len(exactly), exactly.stopped) == (len(every), None)


def test_mlxtend_as_engine_finds_the_same_rules() -> None:
    itemsets = brute_itemsets(SHOP, 1)
    for options in ({}, {"consequents": ["a"]}, {"max_consequent": 1}):
        ours = derive_rules(itemsets, min_confidence=0.45, **options)
        theirs = derive_rules(itemsets, min_confidence=0.45, engine="mlxtend", **options)
        assert listed(ours) == listed(theirs)


@settings(max_examples=60)
@given(
    st.sets(st.frozensets(st.integers(0, 5), min_size=1), min_size=1, max_size=40),
    st.sampled_from([1, 3, 1 << 20]),
)
def test_facets_are_the_sets_without_an_item_whatever_is_missing(
    sets: set[frozenset[int]], few: int
) -> None:
    ordered = sorted(sets, key=lambda s: (len(s), sorted(s)))
    longest = len(ordered[-1])
    codes = [
        np.array([sorted(s) for s in ordered if len(s) == k], dtype=np.int32).reshape(-1, k)
        for k in range(1, longest + 1)
    ]
    found = Itemsets(
        Trie.from_codes([(c, np.full(len(c), 1)) for c in codes], 6),
        np.arange(6),
        9,
        min_count=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rule_index, "_FEW", few)  # by hashes, or by search alone
        index = _rule_index.index_itemsets(found, owner="test")
    place: dict[frozenset[int], int] = {s: i for i, s in enumerate(ordered)}
    place[frozenset()] = index.empty
    missing = 0
    for at, itemset in enumerate(ordered):
        for rank, item in enumerate(sorted(itemset)):
            wanted = place.get(itemset - {item}, index.unknown)
            missing += wanted == index.unknown
            assert index.facets[rank, at] == wanted
    assert index.is_whole == (missing == 0)


@pytest.mark.parametrize(
    "items",
    [
        [8 * i for i in range(7)],  # all want one seat of a small set
        ["tea", "pot", "cup", "milk", "mug", "jug", "jam"],
        [-1, -2, 0, 7, 15, 31, 2**40],
        [0.5, 1.25, 2.0, 3.75, 1e9, -0.5, 7.0],
    ],
)
def test_rows_are_in_the_order_of_mlxtend_however_items_hash(items: list[Any]) -> None:
    itemsets = brute_itemsets([items, items, items[1:], items[:-2]], 1)
    with np.errstate(all="ignore"):
        theirs = association_rules(itemsets.to_mlxtend(), num_itemsets=1, min_threshold=0.0)
    pd.testing.assert_frame_equal(derive_rules(itemsets).to_mlxtend(), theirs, check_exact=True)


def test_rows_are_in_the_order_of_mlxtend_where_no_seat_is_foreseen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    itemsets = brute_itemsets(SHOP, 1)
    expected = derive_rules(itemsets).to_mlxtend()
    monkeypatch.setattr(_rules_mlxtend, "_n_seats", lambda length: 0)
    pd.testing.assert_frame_equal(derive_rules(itemsets).to_mlxtend(), expected)


@given(st.integers(1, 2**31 - 2), st.floats(1e-6, 1.0))
def test_the_largest_antecedent_is_the_last_that_meets_the_threshold(
    count: int, threshold: float
) -> None:
    (most,) = largest_antecedent(np.array([count], dtype=np.int64), threshold).tolist()
    assert count / most >= threshold
    assert count / (most + 1) < threshold


def test_all_wrong_parameters_are_named_at_once() -> None:
    itemsets = brute_itemsets(SHOP, 1)
    with pytest.raises(InvalidParameterError) as caught:
        derive_rules(itemsets, min_confidence=30, max_antecedent=0, engine="rust")  # type: ignore[arg-type]
    text = str(caught.value)
    assert "min_confidence must be a number in [0, 1]; got 30." in text
    assert "max_antecedent must be an integer" in text
    assert "'rust' is not a known option" in text


def test_wrong_sides_are_named() -> None:
    itemsets = brute_itemsets([["tea", "milk"], ["tea"]], 1)
    with pytest.raises(InvalidParameterError, match="Did you mean 'tea'"):
        derive_rules(itemsets, antecedents=["taa"])
    with pytest.raises(InvalidParameterError, match="'onyl' is not a known condition"):
        derive_rules(itemsets, consequents={"onyl": ["tea"]})
    with pytest.raises(InvalidParameterError, match="must be items, a RuleSide or a mapping"):
        derive_rules(itemsets, consequents="tea")
    with pytest.raises(InvalidParameterError, match="'only' must be a list of items"):
        derive_rules(itemsets, consequents={"only": "tea"})


@pytest.mark.slow
def test_retail_has_94730_rules_and_none_is_lost_on_the_threshold(shared_data: Path) -> None:
    # The count is that of efficient-apriori 2.0.6; 24 of the rules have confidence 3/10.
    with gzip.open(shared_data / "fimi" / "retail.dat.gz", "rt") as file:
        baskets = Baskets.from_lists([[int(item) for item in line.split()] for line in file])
    itemsets = mine_itemsets(baskets, min_support=18, engine="numpy")
    rules = derive_rules(itemsets, min_confidence=0.3)
    assert (len(itemsets), len(rules)) == (67_186, 94_730)
    assert np.count_nonzero(rules.measure("confidence") == 0.3) >= 24
    theirs = association_rules(itemsets.to_mlxtend(), num_itemsets=1, min_threshold=0.3)
    pd.testing.assert_frame_equal(rules.to_mlxtend(), theirs, rtol=1e-12)
