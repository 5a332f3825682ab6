"""Every way through the compiled search of single items gives what numpy and brute force give."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import brute_sequences as brute
from userportrait.patterns import Budget, Sequences, mine_sequences
from userportrait.patterns._budget import Watch
from userportrait.patterns._sequence_found import Found
from userportrait.patterns._sequence_mine import mine_with_totals
from userportrait.patterns._sequence_steps import Limits
from userportrait.patterns._sequence_threads import Team

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytest.importorskip("numba")

from userportrait.patterns import _sequence_flat_mine as flat
from userportrait.patterns import _sequence_numba as general

WAYS: dict[str, dict[str, float]] = {
    "pairs of all items at once": {"_CELLS": 1e9, "_INNER_CELLS": 10**9},
    "row by row": {"_CELLS": 0, "_INNER_CELLS": 0},
    "sorted by last entries": {"_REPEATS": 1e9},
    "never sorted": {"_REPEATS": 0},
    "in threads at once": {"_ALONE": -1},
    "in threads, row by row": {"_ALONE": -1, "_CELLS": 0},
    "in threads after a while": {"_ALONE": 400, "_CELLS": 1e9},
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in WAYS[request.param].items():
        monkeypatch.setattr(flat, name, value)
    return str(request.param)


def of_single_items(n: int, n_items: int, longest: int, seed: int) -> Sequences:
    """Return customers of skewed items, with repeats; some have no step."""
    rng = np.random.default_rng(seed)
    return Sequences.from_lists(
        [(rng.zipf(1.4, rng.integers(0, longest)) % n_items).tolist() for _ in range(n)]
    )


short = st.lists(st.lists(st.sampled_from("abcd"), max_size=7), max_size=5)


@given(short, st.integers(1, 3))
@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_single_items_equal_brute_force(way: str, lists: list[list[str]], least: int) -> None:
    customers = [[(n, frozenset([item])) for n, item in enumerate(items)] for items in lists]
    expected = brute.all_patterns(customers, least)
    found = mine_sequences(
        Sequences.from_lists(lists), min_support=least, max_length=4, engine="numba", n_threads=2
    )
    assert dict(zip(found.patterns(), found.counts.tolist(), strict=True)) == expected


@pytest.mark.parametrize(("n_items", "longest", "least"), [(6, 14, 25), (90, 12, 4), (300, 30, 12)])
def test_every_way_finds_the_same_patterns_and_sums(
    way: str, n_items: int, longest: int, least: int
) -> None:
    sequences = of_single_items(400, n_items, longest, 11)
    weights = np.random.default_rng(1).integers(-50, 50, len(sequences))
    limits = Limits(max_length=6)
    found: list[dict[Any, tuple[int, int]]] = []
    for engine in ("numpy", "numba"):
        trie, total, used, stopped = mine_with_totals(
            sequences, limits, least, weights, engine=engine, n_threads=3
        )
        assert (used, stopped) == (engine, None)
        assert (trie.parent < np.arange(len(trie.parent))).all()
        found.append(
            {
                tuple(trie.item[path].tolist()): (int(trie.count[node]), int(total[node]))
                for length in range(1, int(trie.lengths.max()) + 1)
                for node in trie.nodes(length)
                for path in trie.path(np.array([node]), length)
            }
        )
        assert len(found[-1]) == len(trie)
    assert found[1] == found[0]
    assert max(map(len, found[0])) > 2


@pytest.mark.parametrize("settings", [{"max_length": 2}, {"max_length": 3}, {"max_steps": 4}])
def test_limits_on_lengths_hold(way: str, settings: dict[str, Any]) -> None:
    sequences = of_single_items(300, 8, 12, 3)
    fast, slow = (
        mine_sequences(sequences, min_support=20, engine=engine, min_length=2, **settings)
        for engine in ("numba", "numpy")
    )
    pd.testing.assert_frame_equal(fast.to_frame(), slow.to_frame())


@pytest.mark.parametrize("options", [{}, {"min_steps": 3}, {"min_support": 30}])
def test_the_most_frequent_patterns_are_the_same(way: str, options: dict[str, Any]) -> None:
    sequences = of_single_items(300, 12, 12, 4)
    for top_k in (5, 60):
        fast, slow = (
            mine_sequences(sequences, top_k=top_k, engine=engine, **options)
            for engine in ("numba", "numpy")
        )
        pd.testing.assert_frame_equal(fast.to_frame(), slow.to_frame())


def test_steps_of_one_frequent_item_are_single_items() -> None:
    lists = [[{"a", f"rare {n}"}, {"b"}, {f"scarce {n}", "a"}] for n in range(6)]
    sequences = Sequences.from_lists(lists)
    weights = np.arange(6)
    trie, total, _, _ = mine_with_totals(sequences, Limits(), 2, weights, engine="numba")
    assert sorted(trie.lengths.tolist()) == [1, 1, 2, 2, 2, 3]
    assert set(trie.count.tolist()) == {6}
    assert set(total.tolist()) == {15}


def test_arrays_that_must_not_be_written_to_are_read() -> None:
    sequences = of_single_items(50, 5, 8, 5)
    expected = mine_sequences(sequences, min_support=5, engine="numpy").to_frame()
    step_ptr: Any = sequences.step_ptr.astype(np.int32)
    item_ptr, indices = sequences.item_ptr.copy(), sequences.indices.copy()
    for array in (step_ptr, item_ptr, indices):
        array.flags.writeable = False
    locked = Sequences(step_ptr, item_ptr, indices, sequences.items, sequences.customer_ids)
    found = mine_sequences(locked, min_support=5, engine="numba").to_frame()
    pd.testing.assert_frame_equal(found, expected)


def test_an_endless_search_of_single_items_stops_in_time() -> None:
    sequences = Sequences.from_lists([list(range(40))] * 3)
    start = time.perf_counter()
    with pytest.warns(UserWarning, match=r"more than 0\.3 seconds"):
        found = mine_sequences(
            sequences, min_support=3, engine="numba", budget=Budget(max_seconds=0.3)
        )
    assert time.perf_counter() - start < 30
    assert set(found.counts.tolist()) == {3}
    assert len(found) > 1000


def test_general_loops_find_the_same_alone_and_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    lists = [[rng.choice(9, 2, replace=False) for _ in range(7)] for _ in range(80)]
    sequences = Sequences.from_lists(lists)
    limits: dict[str, Any] = {"max_gap": 2, "unit": "steps", "min_support": 8}
    expected = mine_sequences(sequences, engine="numpy", **limits).to_frame()
    for alone in (10**9, 3_000, -1):
        monkeypatch.setattr(general, "_ALONE", alone)
        found = mine_sequences(sequences, engine="numba", n_threads=2, **limits)
        pd.testing.assert_frame_equal(found.to_frame(), expected)


def test_a_team_does_each_piece_once_and_tells_the_truth() -> None:
    told: list[float] = []
    watch = Watch(progress=lambda _, share: told.append(share))
    both = threading.Barrier(2, timeout=20)

    def work(piece: int, worker: int, signal: NDArray[np.int64]) -> tuple[int, int]:
        if piece < 2:
            both.wait()  # both threads are at work
        signal[1] = 5
        return piece * piece, worker

    results, stopped = Team[tuple[int, int]](2, watch, Found(), (0.0, 1.0)).do(work, 7)
    assert stopped is None
    assert [square for square, _ in results.values()] == [n * n for n in range(7)]
    assert {worker for _, worker in results.values()} == {0, 1}
    assert told == sorted(told)


def test_a_team_counts_what_is_found_and_stops() -> None:
    watch = Watch(Budget(max_itemsets=50))

    def work(piece: int, _worker: int, signal: NDArray[np.int64]) -> int:
        signal[1] = 20
        until = time.monotonic() + 20
        while piece == 4 and signal[0] == 0 and time.monotonic() < until:
            time.sleep(0.01)
        return int(signal[0])

    results, stopped = Team[int](1, watch, Found(), (0.0, 1.0)).do(work, 9)
    assert stopped == "more than 50 itemsets"
    assert results == {0: 0, 1: 0, 2: 0, 3: 0, 4: 1}


def test_an_error_in_a_thread_reaches_the_caller() -> None:
    def work(_piece: int, _worker: int, _signal: NDArray[np.int64]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Team[None](2, Watch(), Found(), (0.0, 1.0)).do(work, 3)
