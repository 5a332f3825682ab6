"""Mined sequences are those that trying every occurrence finds, under every limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import brute_sequences as brute
from userportrait.data import Events, Orders
from userportrait.errors import (
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    MissingExtraError,
)
from userportrait.patterns import Baskets, Budget, SequencePatterns, Sequences, mine_sequences

if TYPE_CHECKING:
    from helpers.brute_sequences import Customer, Pattern

START = np.datetime64("2026-01-01", "us")


@pytest.fixture(scope="module", params=["numpy", "numba"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "numba":
        pytest.importorskip("numba")
    return str(request.param)


@st.composite
def many_customers(draw: st.DrawFn) -> list[Customer]:
    """Return customers of few items, so that patterns repeat; some have no step."""
    most = draw(st.integers(1, 2))
    step = st.frozensets(st.sampled_from("abc"), min_size=1, max_size=most)
    times = st.lists(st.integers(0, 9), unique=True, max_size=5).map(sorted)
    return [
        [(float(time), draw(step)) for time in draw(times)] for _ in range(draw(st.integers(0, 5)))
    ]


@st.composite
def many_limits(draw: st.DrawFn) -> dict[str, float]:
    found: dict[str, float] = {}
    if draw(st.booleans()):
        found["min_gap"] = draw(st.integers(0, 3))
    if draw(st.booleans()):
        found["max_gap"] = draw(st.integers(int(found.get("min_gap", 0)), 5))
    if draw(st.booleans()):
        found["max_span"] = draw(st.integers(0, 8))
    return found


def as_sequences(customers: list[Customer]) -> Sequences:
    lists = [[set(items) for _, items in customer] for customer in customers]
    day = np.timedelta64(1, "D")
    at = [[START + int(time) * day for time, _ in customer] for customer in customers]
    return Sequences.from_lists(lists, at=at)


def counts_of(found: SequencePatterns) -> dict[Pattern, int]:
    return dict(zip(found.patterns(), found.counts.tolist(), strict=True))


def holders(
    customers: list[Customer], found: dict[Pattern, int], limits: dict[str, float]
) -> dict[Pattern, frozenset[int]]:
    return {
        p: frozenset(n for n, c in enumerate(customers) if brute.holds(p, c, **limits))
        for p in found
    }


def closed_by_holders(held: dict[Pattern, frozenset[int]]) -> set[Pattern]:
    """Patterns without a larger one of the very same customers."""
    return {
        p
        for p, who in held.items()
        if not any(q != p and who == held[q] and brute.contains(q, p) for q in held)
    }


@given(many_customers(), many_limits(), st.integers(1, 3), st.sampled_from([None, 1, 2]))
@settings(max_examples=60)
def test_every_limit_equals_brute_force(
    engine: str,
    customers: list[Customer],
    limits: dict[str, float],
    least: int,
    max_steps: int | None,
) -> None:
    expected = brute.all_patterns(customers, least, max_steps=max_steps, **limits)
    settings: dict[str, Any] = {"max_length": 4, "max_steps": max_steps, "engine": engine, **limits}
    sequences = as_sequences(customers)
    found = mine_sequences(sequences, min_support=least, **settings)
    assert counts_of(found) == expected
    patterns = found.patterns()
    assert patterns == sorted(patterns, key=lambda p: (sum(map(len, p)), p))
    maximal = mine_sequences(sequences, min_support=least, kind="maximal", **settings)
    assert counts_of(maximal) == brute.maximal(expected)


@given(many_customers(), many_limits(), st.integers(1, 2))
@settings(max_examples=50)
def test_closed_and_most_frequent_patterns_equal_brute_force(
    engine: str, customers: list[Customer], limits: dict[str, float], least: int
) -> None:
    every = brute.all_patterns(customers, least, **limits)
    held = holders(customers, every, limits)
    expected = {p: every[p] for p in closed_by_holders(held)}
    if "max_gap" not in limits:  # then a part has more customers, so counts tell
        assert expected == brute.closed(every)
    sequences = as_sequences(customers)
    settings: dict[str, Any] = {"max_length": 4, "engine": engine, **limits}
    found = mine_sequences(sequences, min_support=least, kind="closed", **settings)
    assert counts_of(found) == expected
    for kind, patterns in (("all", every), ("closed", expected)):
        for k in (1, 4):
            best = mine_sequences(sequences, min_support=least, top_k=k, kind=kind, **settings)
            ranked = sorted(patterns.values(), reverse=True)
            last = ranked[k - 1] if len(ranked) >= k else 0
            assert counts_of(best) == {p: n for p, n in patterns.items() if n >= last}


@given(many_customers(), many_limits(), st.integers(0, 4), st.integers(1, 2))
@settings(max_examples=40)
def test_a_window_equals_brute_force(
    customers: list[Customer], limits: dict[str, float], window: int, least: int
) -> None:
    limits = {**limits, "window": window}
    expected = brute.all_patterns(customers, least, **limits)
    found = mine_sequences(as_sequences(customers), min_support=least, max_length=4, **limits)
    assert counts_of(found) == expected


@given(many_customers(), many_limits(), st.integers(1, 2))
@settings(max_examples=40)
def test_limits_in_steps_equal_brute_force_on_numbered_steps(
    engine: str, customers: list[Customer], limits: dict[str, float], least: int
) -> None:
    numbered = [[(n, items) for n, (_, items) in enumerate(c)] for c in customers]
    expected = brute.all_patterns(numbered, least, **limits)
    lists = [[set(items) for _, items in customer] for customer in customers]
    found = mine_sequences(
        Sequences.from_lists(lists), min_support=least, max_length=4, unit="steps", engine=engine,
        **limits,
    )  # fmt: skip
    assert counts_of(found) == expected


@given(many_customers(), many_limits(), st.sampled_from([None, 0, 2]))
@settings(max_examples=40)
def test_matches_are_the_customers_who_hold_a_pattern(
    customers: list[Customer], limits: dict[str, float], window: int | None
) -> None:
    if window is not None:
        limits = {**limits, "window": window}
    sequences = as_sequences(customers)
    found = mine_sequences(sequences, min_support=1, max_length=3, **limits)
    matrix = found.matches(sequences).toarray()
    held = holders(customers, counts_of(found), limits)
    for column, pattern in enumerate(found.patterns()):
        assert frozenset(np.flatnonzero(matrix[:, column]).tolist()) == held[pattern]


def random_sequences(n: int, n_items: int, seed: int, *, most: int = 3) -> Sequences:
    rng = np.random.default_rng(seed)
    lists = [
        [rng.zipf(1.5, rng.integers(1, most + 1)) % n_items for _ in range(rng.integers(0, 9))]
        for _ in range(n)
    ]
    at = [
        START + np.sort(rng.integers(0, 90, len(steps))) * np.timedelta64(1, "D") for steps in lists
    ]
    return Sequences.from_lists(lists, at=at)


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize(
    "limits",
    [{}, {"max_gap": 14.0}, {"min_gap": 2.0, "max_span": 30.0}, {"max_gap": 20, "max_span": 40}],
)
def test_both_engines_and_any_number_of_threads_agree(limits: dict[str, float], most: int) -> None:
    pytest.importorskip("numba")
    sequences = random_sequences(600, 30, 5, most=most)
    slow = mine_sequences(sequences, min_support=12, engine="numpy", **limits)
    assert slow.engine == "numpy"
    assert slow.max_length > 1
    for n_threads in (1, 2, 3):
        fast = mine_sequences(
            sequences, min_support=12, engine="numba", n_threads=n_threads, **limits
        )
        assert fast.engine == "numba"
        pd.testing.assert_frame_equal(fast.to_frame(), slow.to_frame())
    for top_k in (10, 200):
        best = [
            mine_sequences(sequences, top_k=top_k, engine=e, **limits) for e in ("numba", "numpy")
        ]
        pd.testing.assert_frame_equal(best[0].to_frame(), best[1].to_frame())


def test_work_in_small_batches_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = random_sequences(300, 20, 6)
    whole = mine_sequences(sequences, min_support=10, engine="numpy").to_frame()
    monkeypatch.setattr("userportrait.patterns._sequence_numpy._ENTRIES", 100)
    monkeypatch.setattr("userportrait.patterns._sequence_numpy._KEYS", 60)
    parts = mine_sequences(sequences, min_support=10, engine="numpy").to_frame()
    pd.testing.assert_frame_equal(parts, whole)


def test_the_example_of_prefixspan() -> None:
    # Table 1 and the frequent patterns of Pei et al. (2001), "PrefixSpan", at a support of 2:
    # 53 patterns, among them <(ab)dc>, <a(bc)a> and <efcb>.
    text = ["a (abc) (ac) d (cf)", "(ad) c (bc) (ae)", "(ef) (ab) (df) c b", "e g (af) c b c"]
    lists = [[set(step.strip("()")) for step in line.split()] for line in text]
    found = mine_sequences(Sequences.from_lists(lists), min_support=2)
    assert len(found) == 53
    single = found.filter(max_length=1)
    assert dict(zip("abcdef", single.counts.tolist(), strict=True)) == {
        "a": 4, "b": 4, "c": 4, "d": 3, "e": 3, "f": 3,
    }  # fmt: skip
    for pattern in (["ab", "d", "c"], ["a", "bc", "a"], ["e", "f", "c", "b"]):
        assert found.count_of([set(element) for element in pattern]) == 2


def test_a_window_and_gaps_as_in_gsp() -> None:
    # Srikant and Agrawal (1996), section 2.1: <(1, 2) (3)> is not in the data sequence of
    # single books on different days; with a window of 7 days it is.
    sequences = Sequences.from_lists(
        [[[1], [2], [3]], [[1, 2], [3]]],
        at=[["2026-01-01", "2026-01-06", "2026-02-01"], ["2026-01-01", "2026-01-03"]],
    )
    assert mine_sequences(sequences, min_support=1).count_of([{1, 2}, {3}]) == 1
    assert mine_sequences(sequences, min_support=1, window=7).count_of([{1, 2}, {3}]) == 2
    near = mine_sequences(sequences, min_support=1, window=7, max_gap=30)
    assert near.count_of([{1, 2}, {3}]) == 1  # from the start of (1, 2) it is 31 days


def test_a_later_occurrence_counts_where_the_first_is_too_far(engine: str) -> None:
    sequences = Sequences.from_lists([["a", "x", "x", "a", "b"]])
    found = mine_sequences(sequences, min_support=1, max_gap=1, unit="steps", engine=engine)
    assert found.count_of(["a", "b"]) == 1
    assert found.count_of(["x", "b"]) is None


def test_baskets_of_one_moment_are_one_step() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "ann", "bo"],
            "order_id": [1, 2, 3, 4],
            "ordered_at": pd.to_datetime(["2026-01-02", "2026-01-02", "2026-01-01", "2026-01-01"]),
            "item_id": ["tea", "cup", "pot", "tea"],
            "quantity": 1,
            "price": 1.0,
        }
    )
    sequences = Sequences.from_baskets(Baskets.from_orders(Orders(frame)))
    assert sequences.n_steps == 3
    found = mine_sequences(Baskets.from_orders(Orders(frame)), min_support=1)
    assert found.count_of(["pot", {"cup", "tea"}]) == 1
    assert found.count_of(["tea", "cup"]) is None
    shuffled = mine_sequences(Baskets.from_orders(Orders(frame.iloc[[2, 0, 3, 1]])), min_support=1)
    pd.testing.assert_frame_equal(shuffled.to_frame(), found.to_frame())


def test_events_are_sequences_of_their_kinds_or_items() -> None:
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2],
            "event": ["view", "cart", "view", "search"],
            "occurred_at": pd.to_datetime(["2026-01-05", "2026-01-06"] * 2),
            "item_id": ["tea", "tea", "pot", None],
        }
    )
    found = mine_sequences(Events(log), min_support=1)
    assert found.count_of(["view", "cart"]) == 1
    items = Sequences.from_events(log, step="item_id")
    assert items.ignored == {"events without 'item_id'": 1}
    assert items.n_customers == 2
    assert mine_sequences(items, min_support=1).count_of(["tea", "tea"]) == 1
    with pytest.raises(MissingColumnError, match="'evnt'"):
        Sequences.from_events(log, step="evnt")


def test_customers_without_a_step_are_in_the_denominator() -> None:
    found = mine_sequences(Sequences.from_lists([["a"], [], [set()]]), min_support=1 / 3)
    assert found.n_customers == 3
    assert found.support_of(["a"]) == pytest.approx(1 / 3)
    assert found.min_count == 1


@pytest.mark.parametrize("lists", [[], [[]], [[set()], []]])
def test_no_step_at_all_gives_no_pattern(engine: str, lists: list[Any]) -> None:
    found = mine_sequences(Sequences.from_lists(lists), min_support=1, engine=engine)
    assert len(found) == 0
    assert list(found.to_frame().columns) == ["pattern", "n_items", "n_steps", "count", "support"]
    assert found.is_complete
    assert "SequencePatterns: 0 patterns" in repr(found)
    assert found.matches(Sequences.from_lists([["a"]])).shape == (1, 0)


def test_filter_looks_at_items_sizes_and_counts() -> None:
    sequences = Sequences.from_lists([["a", {"a", "b"}], ["a", {"a", "b"}], ["b"]])
    found = mine_sequences(sequences, min_support=1)
    assert found.filter(containing=["b"], min_steps=2).patterns() == [
        (("a",), ("b",)), (("a",), ("a", "b")),
    ]  # fmt: skip
    assert found.filter(min_count=3).patterns() == [(("b",),)]
    assert found.filter(max_length=1, containing=["a"]).patterns() == [(("a",),)]
    assert (("a",), ("b",)) in found
    assert (("b",), ("a",)) not in found
    assert ["b"] not in found.filter(min_length=2)
    with pytest.raises(InvalidDataError, match="no customer has"):
        found.filter(containing=["z"])


def test_only_some_items_may_be_in_patterns(engine: str) -> None:
    sequences = Sequences.from_lists([["a", "b", "c"], ["a", "c"]])
    found = mine_sequences(sequences, min_support=1, items=["a", "c"], engine=engine)
    assert found.patterns() == [(("a",),), (("c",),), (("a",), ("c",))]
    gap = mine_sequences(
        sequences, min_support=1, items=["a", "c"], max_gap=1, unit="steps", engine=engine
    )
    assert gap.count_of(["a", "c"]) == 1  # the step of b counts as a step
    with pytest.raises(InvalidParameterError, match="Did you mean"):
        mine_sequences(sequences, min_support=1, items=["A"])


def test_matches_reads_other_customers_with_other_items() -> None:
    found = mine_sequences(Sequences.from_lists([["b", "d"], ["b", "d"]]), min_support=2)
    others = Sequences.from_lists([["b", "c", "d"], ["a"], ["d", "b"]])
    assert found.patterns() == [(("b",),), (("d",),), (("b",), ("d",))]
    assert found.matches(others).toarray().tolist() == [
        [True, True, True], [False, False, False], [True, True, False],
    ]  # fmt: skip


def test_a_used_budget_is_said_and_what_is_found_is_right(engine: str) -> None:
    sequences = Sequences.from_lists([[{n, n + 1} for n in range(9)]] * 3)
    with pytest.warns(DataWarning, match="more than 50 patterns"):
        found = mine_sequences(
            sequences, min_support=3, budget=Budget(max_itemsets=50), engine=engine
        )
    assert not found.is_complete
    assert found.stopped == "more than 50 patterns"
    assert set(found.counts.tolist()) == {3}
    assert "stopped" in repr(found)


def test_progress_ends_at_one(engine: str) -> None:
    told: list[float] = []
    mine_sequences(
        random_sequences(50, 9, 1), min_support=3, engine=engine,
        progress=lambda step, share: told.append(share),
    )  # fmt: skip
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_every_bad_parameter_is_named() -> None:
    sequences = Sequences.from_lists([["a"]])
    with pytest.raises(InvalidParameterError) as caught:
        mine_sequences(sequences, min_support=0, max_gap=-1, kind="close", unit="weeks")  # type: ignore[arg-type]
    text = str(caught.value)
    assert "min_support must be a count" in text
    assert "max_gap" in text
    assert "Did you mean 'closed'" in text
    assert "unit" in text
    with pytest.raises(InvalidParameterError, match="give min_support, or top_k"):
        mine_sequences(sequences)
    with pytest.raises(InvalidParameterError, match="min_gap must be at most max_gap"):
        mine_sequences(sequences, min_support=1, min_gap=3, max_gap=2)
    with pytest.raises(InvalidParameterError, match="kind='maximal'"):
        mine_sequences(sequences, top_k=3, kind="maximal")
    with pytest.raises(InvalidParameterError, match="must be Sequences"):
        mine_sequences([["a"]], min_support=1)  # type: ignore[arg-type]


def test_days_need_times() -> None:
    with pytest.raises(InvalidDataError, match="unit='steps'"):
        mine_sequences(Sequences.from_lists([["a", "b"]]), min_support=1, max_gap=3)
    with pytest.raises(InvalidDataError, match="no customers"):
        Sequences.from_baskets(Baskets.from_lists([["a"]]))


@pytest.mark.parametrize(
    ("lists", "settings", "message"),
    [
        ([[1.5]], {}, "all texts or all integers"),
        ([["a", 1]], {}, "all texts or all integers"),
        ([["a"]], {"at": [[]]}, "one time for each step"),
        ([["a"]], {"at": [[None]]}, "times are missing"),
        ([["a"], ["b"]], {"customer_ids": ["x", "x"]}, "different ID"),
    ],
)
def test_lists_that_cannot_be_read(
    lists: list[Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidDataError, match=message):
        Sequences.from_lists(lists, **settings)


def test_without_numba_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from userportrait.patterns import _sequence_numba

    def missing(name: str, *, what: str, extra: str) -> None:
        raise MissingExtraError(what, name, extra)

    _sequence_numba._kernel.cache_clear()
    monkeypatch.setattr(_sequence_numba, "optional_import", missing)
    with pytest.raises(MissingExtraError, match=r"userportrait\[fast\]"):
        mine_sequences(Sequences.from_lists([["a"]]), min_support=1, engine="numba")


def test_the_table_for_notebooks_is_escaped() -> None:
    found = mine_sequences(
        Sequences.from_lists([["<b>", "c"]]), min_support=1, max_span=3, unit="steps"
    )
    html = found._repr_html_()
    assert "&lt;b&gt; → c" in html
    assert "3 steps" in html
    assert "<dt>customers</dt>" in Sequences.from_lists([["a"]])._repr_html_()
