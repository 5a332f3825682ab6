"""The NumPy engine against looking at every candidate, and against published counts."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.brute_itemsets import all_itemsets, closed, generators, maximal
from userportrait.patterns import _numpy_blocks, _numpy_search
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._budget import Budget, Watch
from userportrait.patterns._numpy_engine import mine

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.patterns._itemsets import ItemsetKind
    from userportrait.patterns._trie import Trie

KINDS: tuple[ItemsetKind, ...] = ("all", "closed", "maximal", "generators")
Sets = dict[frozenset[int], int]


def build(lists: list[set[int]], n_items: int, weights: list[int] | None = None) -> Baskets:
    """Return baskets of the items 0 to ``n_items - 1``."""
    indptr = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    indices = np.array([item for items in lists for item in sorted(items)], dtype=np.int32)
    heavy = None if weights is None else np.array(weights, dtype=np.int64)
    return Baskets(indptr, indices, np.arange(n_items), weights=heavy)


def sets_of(trie: Trie) -> Sets:
    """Return the listed sets; no set may be there twice, no parent after its child."""
    assert np.all(trie.parent < np.arange(len(trie.parent)))
    nodes = trie.nodes()
    found: Sets = {}
    for length in range(1, int(trie.depths.max(initial=0)) + 1):
        some = nodes[trie.depths[nodes] == length]
        for codes, count in zip(trie.codes(some, length).tolist(), trie.count[some], strict=True):
            assert frozenset(codes) not in found
            assert len(set(codes)) == length
            found[frozenset(codes)] = int(count)
    assert len(found) == len(trie)
    return found


def expected(
    lists: list[set[int]], min_count: int, kind: ItemsetKind, max_length: int | None = None
) -> Sets:
    """Return the sets of a kind by brute force, then those that are short enough."""
    found = all_itemsets(lists, min_count)
    if kind == "closed":
        found = closed(found)
    elif kind == "maximal":
        found = maximal(found)
    elif kind == "generators":
        found = generators(found, len(lists))
    return {s: n for s, n in found.items() if max_length is None or len(s) <= max_length}


def mined(
    baskets: Baskets,
    min_count: int,
    kind: ItemsetKind = "all",
    max_length: int | None = None,
    watch: Watch | None = None,
) -> Sets:
    """Return what the engine finds, which must be complete."""
    found, stopped = mine(
        baskets, min_count=min_count, kind=kind, max_length=max_length, watch=watch or Watch()
    )
    assert stopped is None
    return sets_of(found)


baskets_of_few = st.lists(st.sets(st.integers(0, 7)), max_size=14)


@pytest.mark.parametrize("kind", KINDS)
@given(lists=baskets_of_few, min_count=st.integers(1, 5))
@example(lists=[{1}, {1, 2}, {1, 2}], min_count=1)  # PyFIM 6.28 loses the item of every basket
@example(lists=[{0, 1, 2, 3}] * 3, min_count=3)
@example(lists=[{0, 1, 2}], min_count=1)
@example(lists=[set(), set()], min_count=1)
@example(lists=[], min_count=1)
def test_every_kind_equals_brute_force(
    kind: ItemsetKind, lists: list[set[int]], min_count: int
) -> None:
    assert mined(build(lists, 8), min_count, kind) == expected(lists, min_count, kind)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(lists=baskets_of_few, min_count=st.integers(1, 3), max_length=st.integers(1, 4))
def test_a_longest_length_drops_the_longer_sets_and_nothing_else(
    kind: ItemsetKind, lists: list[set[int]], min_count: int, max_length: int
) -> None:
    found = mined(build(lists, 8), min_count, kind, max_length)
    assert found == expected(lists, min_count, kind, max_length)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.sets(st.integers(0, 6)), st.integers(1, 5)), max_size=9),
    min_count=st.integers(1, 8),
)
def test_weights_are_baskets_that_are_alike(
    kind: ItemsetKind, rows: list[tuple[set[int], int]], min_count: int
) -> None:
    lists = [items for items, weight in rows for _ in range(weight)]
    baskets = build([items for items, _ in rows], 7, [weight for _, weight in rows])
    assert mined(baskets, min_count, kind) == expected(lists, min_count, kind)


def test_weights_may_be_large() -> None:
    baskets = build([{0, 1, 2}, {0, 1}, {1, 2, 3}], 4, [2**40, 2**33 + 5, 7])
    found = mined(baskets, 5)
    assert found[frozenset({0, 1})] == 2**40 + 2**33 + 5
    assert found[frozenset({1, 2, 3})] == 7
    assert len(found) == 11


@pytest.mark.parametrize("seed", range(3))
def test_itemsets_of_many_baskets_equal_brute_force(seed: int) -> None:
    """Bitmaps of several words, and a block of many first items."""
    random = np.random.default_rng(seed)
    shares = random.uniform(0.05, 0.6, size=14)
    rows = random.random((700, 14)) < shares
    rows[:, 13] = rows[:, 12] | rows[:, 3]
    lists = [set(np.flatnonzero(row).tolist()) for row in rows]
    assert mined(build(lists, 14), 12) == expected(lists, 12, "all")
    weights = random.integers(1, 9, size=300).tolist()
    heavy = build(lists[:300], 14, weights)
    repeated = [items for items, n in zip(lists[:300], weights, strict=True) for _ in range(n)]
    assert mined(heavy, 30) == expected(repeated, 30, "all")


def test_thresholds_on_a_count_keep_the_set() -> None:
    lists = [{0, 1}] * 5 + [{0}] * 2 + [{1}]
    assert frozenset({0, 1}) in mined(build(lists, 2), 5)
    assert frozenset({0, 1}) not in mined(build(lists, 2), 6)
    assert mined(build(lists, 2), 8) == {}


def test_the_longest_length_bounds_the_search_itself() -> None:
    """Sixty items that always come together have 2**60 sets, of which 36,050 are short."""
    baskets = build([set(range(60))] * 3 + [set()], 60)
    assert len(mined(baskets, 2, max_length=3)) == 60 + 60 * 59 // 2 + 60 * 59 * 58 // 6


def test_an_explosion_stops_at_the_budget_with_right_counts() -> None:
    baskets = build([set(range(60))] * 3 + [set(range(40))] * 4, 60)
    watch = Watch(Budget(max_itemsets=5_000))
    trie, stopped = mine(baskets, min_count=2, kind="all", max_length=None, watch=watch)
    assert stopped == "more than 5,000 itemsets"
    found = sets_of(trie)
    assert 0 < len(found) <= 5_000
    assert all(n == (7 if max(s) < 40 else 3) for s, n in found.items())


class _Stops(Watch):
    """Stops at the n-th question."""

    def __init__(self, questions: int) -> None:
        super().__init__()
        self.left = questions

    def stop(self, n_itemsets: int, n_bytes: int, share: float) -> str | None:
        assert n_itemsets >= 0
        assert n_bytes >= 0
        assert 0 <= share <= 1
        self.left -= 1
        return None if self.left >= 0 else "enough"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("questions", [0, 1, 2, 3, 5, 8])
def test_whatever_was_found_before_a_stop_is_right(kind: ItemsetKind, questions: int) -> None:
    random = np.random.default_rng(questions)
    lists = [set(random.integers(0, 12, size=7).tolist()) for _ in range(60)]
    complete = expected(lists, 3, kind)
    watch = _Stops(questions)
    trie, stopped = mine(build(lists, 12), min_count=3, kind=kind, max_length=None, watch=watch)
    found = sets_of(trie)
    assert found.items() <= complete.items()
    assert stopped == "enough" or found == complete


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [4, 40])
def test_a_budget_of_itemsets_leaves_only_right_ones(kind: ItemsetKind, most: int) -> None:
    """Rarest items first: what is closed or maximal is known before the search is complete."""
    random = np.random.default_rng(7)
    shares = np.linspace(0.05, 0.5, 30)
    lists = [set(np.flatnonzero(row).tolist()) for row in random.random((300, 30)) < shares]
    complete = mined(build(lists, 30), 12, kind)
    watch = Watch(Budget(max_itemsets=most))
    trie, stopped = mine(build(lists, 30), min_count=12, kind=kind, max_length=None, watch=watch)
    assert stopped == f"more than {most} itemsets"
    assert sets_of(trie).items() < complete.items()


def test_parts_of_a_block_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items with more pairs than are delivered at a time are counted in parts."""
    monkeypatch.setattr(_numpy_blocks, "_MOST_DELIVERED", 20)
    monkeypatch.setattr(_numpy_blocks, "_MOST_CELLS", 64)
    monkeypatch.setattr(_numpy_search, "_CHUNK_PAIRS", 4)
    monkeypatch.setattr(_numpy_search, "_KEPT_WORDS", 8)
    random = np.random.default_rng(2)
    lists = [set(random.integers(0, 12, size=6).tolist()) for _ in range(150)]
    for kind in KINDS:
        assert mined(build(lists, 12), 4, kind) == expected(lists, 4, kind)
        weights = random.integers(1, 4, size=40).tolist()
        repeated = [s for s, n in zip(lists[:40], weights, strict=True) for _ in range(n)]
        assert mined(build(lists[:40], 12, weights), 4, kind) == expected(repeated, 4, kind)


def test_the_order_of_baskets_changes_nothing() -> None:
    random = np.random.default_rng(5)
    lists = [set(random.integers(0, 30, size=6).tolist()) for _ in range(400)]
    found = mined(build(lists, 30), 4)
    assert mined(build(lists[::-1], 30), 4) == found


def read_fimi(file: Path) -> Baskets:
    """Return baskets of a file with one basket a line."""
    with gzip.open(file, "rt") as lines:
        lists = [{int(item) for item in line.split()} for line in lines]
    return build(lists, max(max(items) for items in lists if items) + 1)


def test_retail_has_the_published_counts(shared_data: Path) -> None:
    """Borgelt's PyFIM 6.28 (eclat) gives the same numbers at 88 of 88,162 baskets."""
    baskets = read_fimi(shared_data / "fimi" / "retail.dat.gz")
    assert n_sets(baskets, 88) == {"all": 7712, "closed": 7695, "maximal": 3507}


def test_mushroom_has_the_published_counts(shared_data: Path) -> None:
    """PyFIM 6.28 gives 574,430 and 4,884: it loses the item that is in every basket."""
    file = shared_data / "mushroom_uci" / "mushrooms.csv.gz"
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    frame = frame.apply(lambda column: column.name + "=" + column)
    codes, items = pd.factorize(frame.to_numpy().ravel(), sort=True)
    lists = [set(row) for row in codes.reshape(frame.shape).tolist()]
    baskets = build(lists, len(items))
    assert n_sets(baskets, 813) == {"all": 574_431, "closed": 4885, "maximal": 547}


def n_sets(baskets: Baskets, min_count: int) -> dict[str, int]:
    """Return how many sets of each kind there are."""
    kinds: tuple[ItemsetKind, ...] = ("all", "closed", "maximal")
    return {
        kind: len(mine(baskets, min_count=min_count, kind=kind, max_length=None, watch=Watch())[0])
        for kind in kinds
    }
