"""The compiled engine finds what looking at every candidate finds, in any number of threads."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.brute_itemsets import all_itemsets, closed, generators, maximal
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._budget import Budget, Watch
from userportrait.patterns._itemsets import ItemsetKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from userportrait.patterns._trie import Trie

pytest.importorskip("numba")

from userportrait.patterns import _numba_engine, _numba_ranks, _numba_workers

KINDS: tuple[ItemsetKind, ...] = get_args(ItemsetKind)
# Closed and maximal sets have two searches; small baskets are merged if `merges` is asked for.
SEARCHES: list[tuple[ItemsetKind, bool]] = [
    *((kind, False) for kind in KINDS),
    ("closed", True),
    ("maximal", True),
]
Found = dict[frozenset[Any], int]

rows = st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=30)
dense = st.lists(st.sets(st.integers(0, 7), min_size=5), min_size=1, max_size=30)


def mined(
    baskets: Baskets,
    min_count: int,
    kind: ItemsetKind = "all",
    merges: bool = False,
    **options: Any,
) -> Found:
    settled = {"max_length": None, "watch": Watch(), "n_threads": 1, **options}
    with merging(merges):
        trie, stopped = _numba_engine.mine(baskets, min_count=min_count, kind=kind, **settled)
    assert stopped is None
    return read(trie, baskets.items)


@contextmanager
def merging(merges: bool) -> Iterator[None]:
    """Merge all baskets of up to 256 items, or none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_numba_ranks, "MOST_ITEMS", 256 if merges else 0)
        patch.setattr(_numba_ranks, "LARGEST_SHARE", 1)
        yield


def read(trie: Trie, items: Any) -> Found:
    """Every listed set once, parents before children."""
    assert (trie.parent < np.arange(len(trie.parent))).all()
    found: Found = {}
    for node in trie.nodes():
        here, path = int(node), []
        while here >= 0:
            path.append(items[trie.item[here]])
            here = int(trie.parent[here])
        assert len(set(path)) == len(path)
        assert frozenset(path) not in found
        found[frozenset(path)] = int(trie.count[node])
    return found


def brute(lists: list[set[int]], min_count: int, kind: ItemsetKind) -> Found:
    found = all_itemsets(lists, min_count)
    if kind == "generators":
        return generators(found, len(lists))
    return {"all": dict, "closed": closed, "maximal": maximal}[kind](found)


@pytest.mark.parametrize(("kind", "merges"), SEARCHES)
@given(lists=rows | dense, share=st.floats(0.01, 1))
@settings(max_examples=40)
def test_every_kind_equals_brute_force(
    kind: ItemsetKind, merges: bool, lists: list[set[int]], share: float
) -> None:
    min_count = max(1, int(share * len(lists)))
    expected = brute(lists, min_count, kind)
    assert mined(Baskets.from_lists(lists), min_count, kind, merges) == expected


@pytest.mark.parametrize(("kind", "merges"), SEARCHES)
@given(lists=rows | dense, data=st.data())
@settings(max_examples=25)
def test_weights_count_as_repeated_baskets(
    kind: ItemsetKind, merges: bool, lists: list[set[int]], data: st.DataObject
) -> None:
    weight = st.sampled_from([1, 1, 2, 3, 5, 40])
    weights = data.draw(st.lists(weight, min_size=len(lists), max_size=len(lists)))
    repeated = [row for row, n in zip(lists, weights, strict=True) for _ in range(n)]
    min_count = data.draw(st.integers(1, len(repeated)))
    plain = Baskets.from_lists(lists)
    heavy = Baskets(plain.indptr, plain.indices, plain.items, weights=np.array(weights))
    assert mined(heavy, min_count, kind, merges) == brute(repeated, min_count, kind)


@pytest.mark.parametrize(("kind", "merges"), SEARCHES)
@given(lists=rows | dense, length=st.integers(1, 8))
@settings(max_examples=25)
def test_max_length_leaves_out_what_is_longer(
    kind: ItemsetKind, merges: bool, lists: list[set[int]], length: int
) -> None:
    expected = {s: n for s, n in brute(lists, 2, kind).items() if len(s) <= length}
    assert mined(Baskets.from_lists(lists), 2, kind, merges, max_length=length) == expected


@pytest.mark.parametrize(("kind", "merges"), SEARCHES)
@given(lists=rows | dense)
@settings(max_examples=20)
def test_threads_change_nothing(kind: ItemsetKind, merges: bool, lists: list[set[int]]) -> None:
    baskets = Baskets.from_lists(lists)
    alone = mined(baskets, 2, kind, merges)
    assert mined(baskets, 2, kind, merges, n_threads=2) == alone
    assert mined(baskets, 2, kind, merges, n_threads=3) == alone


@pytest.mark.parametrize("kind", ["closed", "maximal"])
@pytest.mark.parametrize("n_items", [64, 65, 130])
def test_bitmaps_of_several_words_equal_brute_force(kind: ItemsetKind, n_items: int) -> None:
    # Every item is in two baskets at least, and eight of any rank are in a fifth of them together.
    rng = np.random.default_rng(n_items)
    often = rng.choice(n_items, 8, replace=False)
    lists = [{i % n_items, int(rng.integers(n_items))} for i in range(2 * n_items)]
    for basket in lists[::5]:
        basket.update(often[rng.random(8) < 0.8].tolist())
    merged = _numba_ranks.rank_items(
        Baskets.from_lists(lists), 2, kind, _numba_ranks.in_parallel(None), 1
    )
    assert len(merged.code) == n_items
    found = mined(Baskets.from_lists(lists), 2, kind, merges=True, n_threads=2)
    assert found == brute(lists, 2, kind)


@given(lists=rows | dense)
@settings(max_examples=30)
def test_a_node_of_merged_baskets_is_what_all_of_them_have(lists: list[set[int]]) -> None:
    each = _numba_ranks.in_parallel(None)
    columns = _numba_ranks.rank_items(Baskets.from_lists(lists), 1, "closed", each, 1)
    if len(columns.code) == 0:
        return
    with merging(merges=True):
        merged = _numba_ranks.merge(columns)
    assert merged is not None
    vocabulary = Baskets.from_lists(lists).items[merged.code].tolist()  # from the rarest on
    n = len(vocabulary)
    expected = []
    for rank in range(n - 1, -1, -1):
        alike: dict[frozenset[int], list[set[int]]] = {}
        for basket in lists:
            if vocabulary[rank] in basket:
                alike.setdefault(frozenset(basket & set(vocabulary[rank + 1 :])), []).append(basket)
        for shared in alike.values():
            common = set.intersection(*shared) - {vocabulary[rank]}
            expected.append((rank, len(shared), frozenset(common)))
    actual = [
        (
            n - 1 - place,
            int(merged.weights[node]),
            frozenset(v for bit, v in enumerate(vocabulary) if int(merged.nodes[node]) >> bit & 1),
        )
        for place in range(n)
        for node in range(merged.column[place], merged.column[place + 1])
    ]
    assert Counter(actual) == Counter(expected)


def test_baskets_are_merged_only_where_many_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    def merged(lists: list[set[int]]) -> bool:
        each = _numba_ranks.in_parallel(None)
        columns = _numba_ranks.rank_items(Baskets.from_lists(lists), 1, "closed", each, 1)
        return _numba_ranks.merge(columns) is not None

    alike = [set(range(10))] * 100
    assert merged(alike)
    assert not merged([*alike, set(range(10, 400))])  # more items than bitmaps take
    assert not merged(random_baskets(n_rows=1000))
    monkeypatch.setattr(_numba_ranks, "LARGEST_SHARE", 1)
    assert merged(random_baskets(n_rows=1000))


def random_baskets(n_rows: int = 400, n_items: int = 40, seed: int = 5) -> list[set[int]]:
    chance = np.linspace(0.05, 0.6, n_items)
    drawn = np.random.default_rng(seed).random((n_rows, n_items)) < chance
    return [set(np.flatnonzero(row).tolist()) for row in drawn]


def test_small_buffers_are_grown_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    baskets = Baskets.from_lists(random_baskets())
    whole = {search: mined(baskets, 30, *search) for search in SEARCHES}
    assert len(whole["all", False]) > 1000
    monkeypatch.setattr(_numba_workers, "FIRST_CHUNK", 1)
    monkeypatch.setattr(_numba_workers, "LARGEST_CHUNK", 64)
    monkeypatch.setattr(_numba_workers, "FIRST_ARENA", 1)
    monkeypatch.setattr(_numba_workers, "SLICE", 1)
    for search in SEARCHES:
        assert mined(baskets, 30, *search, n_threads=2) == whole[search]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_budget_stops_the_search_with_right_counts(
    monkeypatch: pytest.MonkeyPatch, n_threads: int
) -> None:
    monkeypatch.setattr(_numba_workers, "SLICE", 1000)
    baskets = Baskets.from_lists(random_baskets())
    whole = mined(baskets, 30)
    watch = Watch(Budget(max_itemsets=500))
    trie, stopped = _numba_engine.mine(
        baskets, min_count=30, kind="all", max_length=None, watch=watch, n_threads=n_threads
    )
    assert stopped == "more than 500 itemsets"
    part = read(trie, baskets.items)
    assert len(part) > 0
    assert n_threads > 1 or len(part) < len(whole)  # only the first thread asks
    assert part.items() <= whole.items()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize(("kind", "merges"), [s for s in SEARCHES if s[0] in {"closed", "maximal"}])
def test_sets_of_a_stopped_search_are_of_their_kind(
    monkeypatch: pytest.MonkeyPatch, kind: ItemsetKind, merges: bool, n_threads: int
) -> None:
    monkeypatch.setattr(_numba_workers, "SLICE", 1000)
    baskets = Baskets.from_lists(random_baskets())
    whole = mined(baskets, 20, kind, merges)
    sizes = set()
    for most in range(50, 3000, 450):
        watch = Watch(Budget(max_itemsets=most))
        with merging(merges):
            trie, stopped = _numba_engine.mine(
                baskets, min_count=20, kind=kind, max_length=None, watch=watch, n_threads=n_threads
            )
        assert stopped is not None
        part = read(trie, baskets.items)
        assert part.items() <= whole.items()
        sizes.add(len(part))
    assert len(sizes) > 1
    assert min(sizes) < len(whole)


def test_a_set_with_too_many_subsets_stops_before_memory_ends() -> None:
    baskets = Baskets.from_lists([set(range(45))] * 3)
    watch = Watch(Budget(max_bytes=10_000_000))
    trie, stopped = _numba_engine.mine(
        baskets, min_count=2, kind="all", max_length=None, watch=watch, n_threads=1
    )
    assert stopped is not None
    assert (trie.count == 3).all()
    assert mined(baskets, 2, "closed") == {frozenset(range(45)): 3}


@pytest.mark.slow  # compiles everything once more, for counts of 64 bits
def test_counts_beyond_32_bits_are_exact() -> None:
    heavy = 3_000_000_000
    plain = Baskets.from_lists([{0, 1}, {1}])
    baskets = Baskets(plain.indptr, plain.indices, plain.items, weights=np.array([heavy, 2]))
    expected = {frozenset({0}): heavy, frozenset({1}): heavy + 2, frozenset({0, 1}): heavy}
    assert mined(baskets, 2) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lists", [[], [set()], [set(), {1}], [{1}, {2}]])
def test_nothing_frequent_gives_an_empty_tree(kind: ItemsetKind, lists: list[set[int]]) -> None:
    assert mined(Baskets.from_lists(lists), 2, kind) == {}


def test_importing_patterns_does_not_import_numba() -> None:
    code = "import sys, userportrait.patterns as p; p.__all__; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("file", "min_count", "kind", "expected"),
    [
        # Counts that PyFIM 6.28 and rusket 0.1.101 agree on; research notes, sections 4 and 9.
        ("retail", 88, "all", 7_712),
        ("retail", 88, "closed", 7_695),
        ("retail", 88, "maximal", 3_507),
        ("T10I4D100K", 100, "all", 27_532),
    ],
)
def test_public_baskets_give_the_known_numbers(
    shared_data: Any, file: str, min_count: int, kind: ItemsetKind, expected: int
) -> None:
    baskets = fimi(str(shared_data / "fimi" / f"{file}.dat.gz"))
    trie, _ = _numba_engine.mine(
        baskets, min_count=min_count, kind=kind, max_length=None, watch=Watch(), n_threads=2
    )
    assert len(trie) == expected


@pytest.mark.parametrize(
    ("min_count", "kind", "expected"),
    [
        # Algorithms sam and relim of PyFIM 6.28 find as many; its others miss the set of the item
        # that is in every basket. 4,885 is by comparing all subsets; research notes, section 1.
        (813, "closed", 4_885),
        (813, "maximal", 547),
        (407, "closed", 12_843),
        (407, "maximal", 1_442),
    ],
)
def test_mushroom_has_the_known_numbers_by_either_search(
    shared_data: Any, min_count: int, kind: ItemsetKind, expected: int
) -> None:
    table = pd.read_csv(shared_data / "mushroom_uci" / "mushrooms.csv.gz", dtype=str)
    values = np.column_stack([f"{name}=" + table[name] for name in table.columns])
    codes = np.sort(pd.factorize(values.ravel())[0].reshape(values.shape), axis=1)
    indptr = np.arange(0, codes.size + 1, codes.shape[1], dtype=np.int64)
    baskets = Baskets(indptr, codes.ravel().astype(np.int32), np.arange(codes.max() + 1))
    columns = _numba_ranks.rank_items(
        baskets, min_count, kind, _numba_ranks.in_parallel(None), n_threads=1
    )
    assert _numba_ranks.merge(columns) is not None  # without being asked to
    merged, plain = (mined(baskets, min_count, kind, way, n_threads=2) for way in (True, False))
    assert len(merged) == expected
    assert merged == plain


@cache
def fimi(path: str) -> Baskets:
    with gzip.open(path, "rt") as file:
        lists = [np.unique(np.array(line.split(), dtype=np.int32)) for line in file]
    indptr = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    indices = np.concatenate(lists)
    return Baskets(indptr, indices, np.arange(indices.max() + 1))
