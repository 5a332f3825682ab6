"""Pairs with their counts, against brute force over the lists of items."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.patterns import _pairs
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._pairs import PairBlock, PairScan
from userportrait.patterns._pairs_categories import Categories, code_categories

LISTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), min_size=1, max_size=30)
CATEGORIES = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "y", "f": "y"}  # g has none


def scan(lists: list[list[str]], **options: Any) -> tuple[PairScan, PairBlock, Baskets]:
    baskets = Baskets.from_lists(lists)
    categories = code_categories(CATEGORIES, baskets.items, owner="test")
    found = PairScan(baskets, categories=categories, **options)
    return found, PairBlock.join(list(found.blocks())), baskets


def by_name(block: PairBlock, baskets: Baskets) -> dict[tuple[str, str], tuple[float, ...]]:
    names = zip(baskets.items[block.first], baskets.items[block.second], strict=True)
    figures = zip(
        block.observed, block.n_first, block.n_second, block.n_total, block.expected, strict=True
    )
    return {pair: tuple(float(v) for v in row) for pair, row in zip(names, figures, strict=True)}


@given(LISTS, st.sampled_from([0.01, 0.5, 1.0, 2.0]), st.sampled_from([3, 20, 10**6]))
def test_every_pair_that_chance_brings_together_is_counted_once(
    lists: list[list[str]], least: float, cells: int
) -> None:
    lists = [*lists, ["a", "b"], ["d", "e"]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pairs, "_CELLS", cells)
        found, block, baskets = scan(lists, min_expected=least)
    sets, n = [set(one) for one in lists], len(lists)
    wanted = {}
    items = sorted(set().union(*sets))
    for a, b in combinations(items, 2):
        n_a, n_b = (sum(i in s for s in sets) for i in (a, b))
        if n_a * n_b >= least * n:
            both = sum({a, b} <= s for s in sets)
            wanted[a, b] = (both, n_a, n_b, n, pytest.approx(n_a * n_b / n))
    assert by_name(block, baskets) == wanted
    assert found.n_tested == len(block) == len(wanted)
    assert found.n_pairs == len(items) * (len(items) - 1) // 2


@given(LISTS)
def test_pairs_within_and_across_categories_part_the_pairs_of_known_items(
    lists: list[list[str]],
) -> None:
    lists = [*lists, ["a", "b"], ["d", "e"]]
    parts = {}
    for among in ("within", "across"):
        found, block, baskets = scan(lists, min_expected=1e-9, among=among)
        parts[among] = set(by_name(block, baskets))
        assert len(parts[among]) == found.n_pairs
    items = sorted({i for one in lists for i in one} - {"g"})
    same = {p for p in combinations(items, 2) if CATEGORIES[p[0]] == CATEGORIES[p[1]]}
    assert parts == {"within": same, "across": set(combinations(items, 2)) - same}


@given(LISTS)
def test_given_the_category_a_basket_counts_if_it_holds_a_third_item(
    lists: list[list[str]],
) -> None:
    lists = [*lists, ["a", "b"], ["d", "e"]]
    _, block, baskets = scan(lists, min_expected=1e-9, given="category")
    sets = [set(one) for one in lists]
    wanted = {}
    for group in ("abc", "def"):
        for a, b in combinations(group, 2):
            universe = [s for s in sets if s & (set(group) - {a, b})]
            n_a, n_b, n = (
                sum(a in s for s in universe),
                sum(b in s for s in universe),
                len(universe),
            )
            if n_a * n_b:
                both = sum({a, b} <= s for s in universe)
                wanted[a, b] = (both, n_a, n_b, n, pytest.approx(n_a * n_b / n))
    assert by_name(block, baskets) == wanted


def test_weights_count_as_that_many_baskets() -> None:
    lists = [["a", "b"], ["a"], ["b", "c", "a"], ["d", "e", "f"], []]
    weights = [3, 1, 2, 4, 5]
    spread = [one for one, n in zip(lists, weights, strict=True) for _ in range(n)]
    plain = Baskets.from_lists(lists)
    heavy = Baskets(
        plain.indptr, plain.indices, plain.items, weights=np.array(weights, dtype=np.int64)
    )
    categories = code_categories(CATEGORIES, plain.items, owner="test")
    for kind in ("all", "size", "category"):
        options: dict[str, Any] = {"min_expected": 1e-6, "given": kind, "categories": categories}
        one = PairBlock.join(list(PairScan(heavy, **options).blocks()))
        other = PairBlock.join(list(PairScan(Baskets.from_lists(spread), **options).blocks()))
        assert by_name(one, heavy) == by_name(other, plain)


def draw_by_size(rng: np.random.Generator, n: int) -> list[list[str]]:
    """Baskets whose items do not look at each other, of very different sizes."""
    weight = 1.0 / np.arange(1, 41) ** 0.7
    sizes = np.minimum(1 + rng.geometric(0.25, n), 25)
    return [
        [f"i{i:02d}" for i in rng.choice(40, size=s, replace=False, p=weight / weight.sum())]
        for s in sizes
    ]


def test_given_the_size_the_expected_count_is_that_of_baskets_filled_at_random() -> None:
    lists = draw_by_size(np.random.default_rng(0), 12_000)
    baskets = Baskets.from_lists(lists)
    blocks = {
        kind: PairBlock.join(list(PairScan(baskets, min_expected=50, given=kind).blocks()))
        for kind in ("all", "size")
    }
    z = {
        kind: (block.observed - block.expected) / np.sqrt(block.expected)
        for kind, block in blocks.items()
    }
    # Without regard to size every pair seems to hang together; with it the bias is gone.
    assert z["all"].mean() > 4
    assert abs(z["size"].mean()) < 0.25
    assert z["size"].std() < 1.2
    sums = blocks["size"].observed.sum(), blocks["size"].expected.sum()
    assert sums[0] == pytest.approx(sums[1], rel=0.01)


def test_in_baskets_of_two_likely_items_the_expected_count_is_exact() -> None:
    # All six pairs of four items, equally often: without replacement, each is expected 10 times.
    lists = [list(pair) for pair in combinations("abcd", 2)] * 10
    block = PairBlock.join(
        list(PairScan(Baskets.from_lists(lists), min_expected=1, given="size").blocks())
    )
    np.testing.assert_allclose(block.expected, 10.0)


def test_baskets_without_pairs_give_no_pairs() -> None:
    for lists in ([[]], [["a"]], [["a"], ["a"]]):
        for kind in ("all", "size"):
            scan = PairScan(Baskets.from_lists(lists), min_expected=1e-9, given=kind)  # type: ignore[arg-type]
            assert not list(scan.blocks())
            assert scan.n_pairs == scan.n_tested == 0


def test_categories_are_read_from_mappings_series_and_frames() -> None:
    import pandas as pd

    import userportrait as up

    items = np.array(["a", "b", "c"], dtype=object)
    frame = pd.DataFrame({"item_id": ["a", "b", "q"], "category": ["x", None, "z"]})
    series = frame.set_index("item_id")["category"]
    for given_as in ({"a": "x"}, {"a": "x", "b": None}, series, frame, up.Items(frame)):
        found = code_categories(given_as, items, owner="test")
        assert isinstance(found, Categories)
        assert found.codes.tolist() == [0, -1, -1]
        assert found.names.tolist() == ["x"]
        assert found.n_without == 2
        assert found.labels(np.array([0, 1])).tolist() == ["x", None]
    assert code_categories(None, items, owner="test") is None


def test_categories_that_fit_no_item_are_refused() -> None:
    import pandas as pd

    from userportrait.errors import InvalidDataError, InvalidParameterError

    items = np.array([1, 2])
    with pytest.raises(InvalidDataError, match=r"none of the 2 items has a category.*same type"):
        code_categories({"1": "x"}, items, owner="f")
    twice = pd.DataFrame({"item_id": [1, 2, 1], "category": ["x", "x", "y"]})
    with pytest.raises(InvalidDataError, match=r"two categories.*Rows \(from 0\): 2"):
        code_categories(twice, items, owner="f")
    with pytest.raises(InvalidParameterError, match="must be a mapping of item to category"):
        code_categories(5, items, owner="f")
