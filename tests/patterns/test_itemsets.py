"""Itemsets: order, frames, look-ups, kinds, algebra, bytes; mlxtend as the oracle."""

from __future__ import annotations

import csv
import gzip
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import brute_itemsets as brute
from userportrait.errors import (
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.patterns import Baskets, Budget, Itemsets, mine_itemsets
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from pathlib import Path

LISTS = st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=1, max_size=9)


def as_dict(found: Itemsets) -> dict[frozenset[Any], int]:
    return dict(zip(map(frozenset, found), found.counts.tolist(), strict=True))


def mined(lists: list[list[Any]], min_support: float = 1, **options: Any) -> Itemsets:
    return mine_itemsets(lists, min_support=min_support, engine="numpy", **options)


@given(LISTS, st.integers(1, 3))
def test_sets_come_by_length_then_item_by_item(lists: list[list[int]], min_count: int) -> None:
    found = mined(lists, min_count)
    rows = [(len(items), items) for items in found]
    assert rows == sorted(rows)
    frame = found.to_frame()
    assert frame["items"].tolist() == list(found)
    assert frame["length"].tolist() == found.lengths.tolist() == [n for n, _ in rows]
    assert frame["count"].tolist() == found.counts.tolist()
    assert frame["support"].tolist() == [n / len(lists) for n in found.counts.tolist()]
    assert found.n_of_length == pd.Series(found.lengths).value_counts().sort_index().to_dict()


@given(LISTS, st.integers(1, 3))
def test_every_set_is_found_again(lists: list[list[int]], min_count: int) -> None:
    found, wanted = mined(lists, min_count), brute.all_itemsets(lists, min_count)
    for items, count in wanted.items():
        assert items in found
        assert found.count_of(sorted(items, reverse=True)) == count
        assert found.support_of(items) == count / len(lists)
    assert found.count_of([]) == len(lists)
    for odd in ([77], ["a"], [None], range(6), "ab", 3):
        assert (odd in found) == (odd == range(6) and frozenset(odd) in wanted)
    with pytest.raises(KeyError, match="not among"):
        found.count_of([77, 1])
    with pytest.raises(InvalidParameterError, match="list of items"):
        found.count_of("ab")


@settings(max_examples=30)
@given(LISTS, st.integers(1, 3))
def test_kinds_are_told_from_all_sets(lists: list[list[int]], min_count: int) -> None:
    found, every = mined(lists, min_count), brute.all_itemsets(lists, min_count)
    assert as_dict(found.closed()) == brute.closed(every)
    assert as_dict(found.maximal()) == brute.maximal(every)
    assert as_dict(found.generators()) == brute.generators(every, len(lists))
    assert found.closed().kind == "closed"
    for kind in ("closed", "maximal", "generators"):
        assert getattr(found, kind)() == mined(lists, min_count, kind=kind)


def test_kinds_need_all_sets() -> None:
    lists = [[1, 2, 3], [1, 2]]
    for found in (
        mined(lists, kind="closed"),
        mined(lists, max_length=2),
        mined(lists).filter(contains=[1]),
    ):
        with pytest.raises(InvalidDataError, match="kind='maximal'"):
            found.maximal()


@given(
    LISTS,
    st.integers(1, 3),
    st.none() | st.integers(1, 3),
    st.none() | st.sets(st.integers(0, 2), min_size=1),
    st.none() | st.sets(st.integers(0, 2), min_size=1),
    st.none() | st.integers(1, 3) | st.floats(0.1, 1.0),
)
def test_filters_keep_what_fits(
    lists: list[list[int]],
    low: int,
    high: int | None,
    contains: set[int] | None,
    without: set[int] | None,
    min_support: float | None,
) -> None:
    lists = [*lists, [0, 1, 2]]
    every = brute.all_itemsets(lists, 1)
    least = min_support or 1
    fits = {
        key: n
        for key, n in every.items()
        if low <= len(key) <= (high or 9)
        and (contains is None or key & contains)
        and not (without and key & without)
        and (n >= least if isinstance(least, int) else n / len(lists) >= least)
    }
    kept = mined(lists).filter(
        min_length=low,
        max_length=high,
        contains=contains,
        without=without,
        min_support=min_support,
    )
    assert as_dict(kept) == fits
    assert len(kept) == len(fits)
    assert kept.max_length == max(map(len, fits), default=0)


def test_top_lists_the_most_frequent_first() -> None:
    found = mined([["a", "b"], ["a", "b"], ["b"], ["c"]])
    top = found.top(3)
    assert top["items"].tolist() == [("b",), ("a",), ("a", "b")]
    assert top["count"].tolist() == [3, 2, 2]
    assert found.top(5, min_length=2)["items"].tolist() == [("a", "b")]
    assert found.set_at(3) == ("a", "b")
    with pytest.raises(IndexError):
        found.set_at(4)


@given(LISTS, LISTS)
def test_results_can_be_intersected_and_subtracted(
    lists: list[list[int]], others: list[list[int]]
) -> None:
    texts = [["abcdef"[item] for item in row] for row in lists]
    other_texts = [["abcdef"[item] for item in row] for row in others]
    one, two = mined(texts, 2), mined(other_texts, 1)
    first, second = as_dict(one), as_dict(two)
    assert as_dict(one & two) == {k: n for k, n in first.items() if k in second}
    assert as_dict(one - two) == {k: n for k, n in first.items() if k not in second}


def test_results_of_the_same_baskets_can_be_united() -> None:
    lists = [["a", "b"], ["a", "b", "c"], ["c"]]
    with_a, with_c = mined(lists, contains=["a"]), mined(lists, contains=["c"])
    every = as_dict(mined(lists))
    assert as_dict(with_a | with_c) == {k: n for k, n in every.items() if k & {"a", "c"}}
    with pytest.raises(InvalidParameterError, match="same baskets and threshold"):
        _ = with_a | mined(lists, 2)
    with pytest.raises(InvalidParameterError, match="two counts"):
        _ = mined(lists) | mined([["a", "b"], ["a"], ["c"]])
    with pytest.raises(InvalidParameterError, match="whole numbers"):
        _ = mined(lists) | mined([[1], [2], []])
    assert len(mined(lists) & mined([[1]])) == 0


@given(LISTS, st.sampled_from(["all", "closed", "maximal", "generators"]))
def test_bytes_bring_everything_back(lists: list[list[int]], kind: Any) -> None:
    found = mined(lists, kind=kind, max_length=3)
    again = Itemsets.from_bytes(found.to_bytes())
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())
    assert again == found
    assert repr(again) == repr(found)
    assert pickle.loads(pickle.dumps(found)) == found
    assert (found == 3) is False


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="not a set of itemsets"):
        Itemsets.from_bytes(b"something else")


def test_representations_say_what_is_there() -> None:
    found = mined([["<b>", "a"], ["a"]])
    assert repr(found) == "<Itemsets: 3 itemsets of up to 2 items in 1 or more of 2 baskets>"
    assert "&lt;b&gt;" in found._repr_html_()
    assert "support" in str(found)
    empty = mined([["a"]], 2)
    assert str(empty) == "<Itemsets: 0 itemsets in 2 or more of 1 basket>"
    assert empty.to_frame().dtypes.astype(str).tolist() == ["object", "int64", "int64", "float64"]
    assert empty.top().empty
    assert empty._repr_html_()
    with pytest.warns(DataWarning):
        part = mined([range(20)] * 2, 2, budget=Budget(max_itemsets=10))
    assert "PARTIAL: more than 10 itemsets" in repr(part)


def test_a_tree_of_rows_has_every_row() -> None:
    rows = np.array([[0, 2], [1, 2]], dtype=np.int32)
    long = np.array([[0, 2, 3]], dtype=np.int32)
    trie = Trie.from_codes([(rows, np.array([5, 4])), (long, np.array([2**40]))], 4)
    assert len(trie) == 3
    assert len(trie.parent) == 5
    assert trie.count.dtype == np.int64
    assert trie.codes(trie.nodes(2), 2).tolist() == [[0, 2], [1, 2]]
    assert trie.count[trie.nodes(3)].tolist() == [2**40]
    only = trie.list_only(trie.depths == 3)
    assert (len(only), len(only.parent)) == (1, 3)


# mlxtend


def sorted_frame(frame: pd.DataFrame) -> list[tuple[list[Any], float]]:
    rows = zip(frame["itemsets"], frame["support"], strict=True)
    return sorted((sorted(items), float(support)) for items, support in rows)


@settings(max_examples=25)
@given(LISTS, st.floats(0.1, 1.0))
def test_frames_are_those_of_mlxtend(lists: list[list[int]], min_support: float) -> None:
    from mlxtend.frequent_patterns import fpgrowth

    baskets = Baskets.from_lists(lists)
    found = mine_itemsets(baskets, min_support=min_support, engine="numpy")
    if not baskets.n_items:
        return
    theirs = fpgrowth(baskets.to_onehot(sparse=False), min_support, use_colnames=True)
    ours = found.to_mlxtend()
    assert ours.columns.tolist() == ["support", "itemsets"]
    assert sorted_frame(ours) == sorted_frame(theirs)
    again = Itemsets.from_mlxtend(theirs, len(baskets), min_support=min_support)
    assert as_dict(again) == as_dict(found)
    assert again.min_count == found.min_count


def test_mlxtend_makes_rules_of_our_frames() -> None:
    from mlxtend.frequent_patterns import association_rules

    frame = mined([["a", "b"], ["a", "b"], ["a"], ["c"]], 2).to_mlxtend()
    rules = association_rules(frame, num_itemsets=4, metric="confidence", min_threshold=0.9)
    assert rules["antecedents"].tolist() == [frozenset("b")]
    assert rules["support"].tolist() == [0.5]


def test_maximal_sets_of_mlxtend_are_understood() -> None:
    from mlxtend.frequent_patterns import fpmax

    baskets = Baskets.from_lists([["a", "b", "c"], ["a", "b", "c"], ["d"]])
    frame = fpmax(baskets.to_onehot(sparse=False), 1 / 3, use_colnames=True)
    found = Itemsets.from_mlxtend(frame, 3, kind="maximal")
    assert as_dict(found) == {frozenset("abc"): 2, frozenset("d"): 1}
    assert found.kind == "maximal"


def test_frames_of_something_else_are_refused() -> None:
    frame = pd.DataFrame({"support": [0.5], "itemsets": [frozenset("a")]})
    with pytest.raises(InvalidDataError, match="shares of 3 baskets"):
        Itemsets.from_mlxtend(frame, 3)
    with pytest.raises(MissingColumnError, match="itemsets"):
        Itemsets.from_mlxtend(frame[["support"]], 2)
    with pytest.raises(InvalidDataError, match="same itemset twice"):
        Itemsets.from_mlxtend(pd.concat([frame, frame]), 2)
    with pytest.raises(InvalidDataError, match="must be whole numbers, or texts"):
        Itemsets.from_mlxtend(frame.assign(itemsets=[frozenset([1.5])]), 2)
    assert len(Itemsets.from_mlxtend(frame.iloc[:0], 2)) == 0


# Public data: numbers of the research page, found by PyFIM, rusket and brute force alike


def fimi(folder: Path, name: str) -> Baskets:
    path = folder / "fimi" / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    with gzip.open(path, "rt") as lines:
        return Baskets.from_lists([list(map(int, line.split())) for line in lines])


def mushroom(folder: Path) -> Baskets:
    frame = pd.read_csv(folder / "mushroom_uci" / "mushrooms.csv.gz")
    items = [frame[name].astype(str).radd(f"{name}=").tolist() for name in frame.columns]
    return Baskets.from_lists(zip(*items, strict=True))


def test_retail_has_the_known_numbers(shared_data: Path) -> None:
    baskets = fimi(shared_data, "retail.dat.gz")
    assert (len(baskets), baskets.n_items, baskets.n_entries) == (88_162, 16_470, 908_576)
    found = mine_itemsets(baskets, min_support=88, engine="numpy")
    assert (len(found), len(found.closed()), len(found.maximal())) == (7_712, 7_695, 3_507)
    assert mine_itemsets(baskets, min_support=0.001, engine="numpy").min_count == 89


@pytest.mark.slow
def test_mushroom_has_the_known_numbers(shared_data: Path) -> None:
    found = mine_itemsets(mushroom(shared_data), min_support=813, engine="numpy")
    assert len(found) == 574_431
    assert found.nbytes <= 16 * len(found)
    assert (len(found.closed()), len(found.maximal())) == (4_885, 547)


def test_groceries_equal_mlxtend(shared_data: Path) -> None:
    path = shared_data / "groceries_arules" / "groceries.csv.gz"
    with gzip.open(path, "rt") as lines:
        baskets = Baskets.from_lists(list(csv.reader(lines)))
    assert (len(baskets), baskets.n_items) == (9_835, 169)
    assert len(mine_itemsets(baskets, min_support=10, engine="numpy")) == 13_492
    ours = mine_itemsets(baskets, min_support=0.01, engine="numpy")
    theirs = mine_itemsets(baskets, min_support=0.01, engine="mlxtend")
    assert ours == theirs


def test_online_retail_has_the_known_number(shared_data: Path) -> None:
    pytest.importorskip("pyarrow")
    lines = pd.read_parquet(shared_data / "online_retail" / "online_retail.parquet")
    names = {name.lower(): name for name in lines.columns}
    invoice = lines[names["invoiceno"]].astype(str)
    bought = (lines[names["quantity"]] > 0) & (lines[names["unitprice"]] > 0)
    lines = lines[bought & ~invoice.str.startswith("C")]
    with pytest.warns(DataWarning, match="the largest 1,110"):
        baskets = Baskets.from_frame(lines, order_id=names["invoiceno"], item_id=names["stockcode"])
    assert (len(baskets), baskets.n_items, baskets.n_entries) == (19_960, 3_922, 519_602)
    assert len(mine_itemsets(baskets, min_support=200, engine="numpy")) == 2_026
