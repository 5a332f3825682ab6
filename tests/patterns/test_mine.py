"""Mining: every engine against brute force, thresholds on the point, limits, budgets."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import brute_itemsets as brute
from userportrait.data import Orders
from userportrait.errors import DataWarning, InvalidParameterError, MissingExtraError
from userportrait.patterns import Baskets, Budget, Itemsets, mine_itemsets
from userportrait.patterns._support import min_count_of

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALLED = ["numpy", "mlxtend", *(["numba"] if find_spec("numba") else [])]
KINDS = ["all", "closed", "maximal", "generators"]

# Item 0 is in every basket of some examples; baskets may be empty; items may repeat.
LISTS = st.lists(st.lists(st.integers(0, 5), max_size=7), min_size=1, max_size=9) | st.lists(
    st.lists(st.integers(0, 5), max_size=7).map(lambda row: [0, *row]), min_size=1, max_size=9
)
Found = dict[frozenset[Any], int]


def as_dict(found: Itemsets) -> Found:
    frame = found.to_frame()
    sets = dict(zip(map(frozenset, frame["items"]), frame["count"], strict=True))
    assert len(sets) == len(found) == len(frame)
    return {key: int(count) for key, count in sets.items()}


def of_kind(found: Found, kind: str, n_baskets: int) -> Found:
    if kind == "generators":
        return brute.generators(found, n_baskets)
    pick = {"closed": brute.closed, "maximal": brute.maximal}.get(kind)
    return found if pick is None else pick(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", INSTALLED)
def test_every_engine_finds_what_brute_force_finds(engine: str, kind: Any) -> None:
    @settings(max_examples=40)
    @given(LISTS, st.integers(1, 4), st.none() | st.integers(1, 3))
    def check(lists: list[list[int]], min_count: int, max_length: int | None) -> None:
        wanted = of_kind(brute.all_itemsets(lists, min_count), kind, len(lists))
        if max_length is not None:
            wanted = {key: n for key, n in wanted.items() if len(key) <= max_length}
        found = mine_itemsets(
            lists, min_support=min_count, kind=kind, max_length=max_length, engine=engine
        )
        assert as_dict(found) == wanted
        assert (found.n_baskets, found.min_count, found.kind) == (len(lists), min_count, kind)
        assert found.is_complete

    check()


@pytest.mark.spark
@pytest.mark.parametrize("kind", KINDS)
def test_spark_finds_what_brute_force_finds(spark: Any, kind: Any) -> None:
    rng = np.random.default_rng(4)
    lists = [np.flatnonzero(row).tolist() for row in rng.random((40, 7)) < 0.5]
    wanted = of_kind(brute.all_itemsets(lists, 5), kind, len(lists))
    assert as_dict(mine_itemsets(lists, min_support=5, kind=kind, engine="spark")) == wanted


@settings(max_examples=20)
@given(LISTS, st.integers(1, 3))
def test_weights_count_as_baskets(lists: list[list[int]], weight: int) -> None:
    weights = [(weight * place) % 3 for place in range(len(lists))]
    repeated = [row for row, n in zip(lists, weights, strict=True) for _ in range(n)]
    for engine in ("numpy", "mlxtend"):
        found = mine_itemsets(
            Baskets.from_lists(lists, weights=weights), min_support=2, engine=engine
        )
        assert as_dict(found) == brute.all_itemsets(repeated, 2)
        assert found.n_baskets == len(repeated)


# Thresholds


@pytest.mark.parametrize(
    ("min_support", "n_baskets", "count"),
    [
        (0.001, 1_000, 1),
        (0.001, 88_162, 89),
        (88, 88_162, 88),
        (5 / 6, 6, 5),
        (1.0, 6, 6),
        (1, 6, 1),
        (0.3, 90, 27),
        (0.1, 8_124, 813),
        (0.07, 100, 7),
        (1e-9, 50, 1),
        (0.5, 0, 1),
        (np.float64(0.5), 4, 2),
        (np.int64(3), 4, 3),
    ],
)
def test_a_share_becomes_the_least_count_that_reaches_it(
    min_support: float, n_baskets: int, count: int
) -> None:
    assert min_count_of(min_support, n_baskets, owner="") == count


@given(st.integers(1, 10**6), st.data())
def test_a_count_over_the_baskets_is_the_share_of_that_count(n: int, data: Any) -> None:
    count = data.draw(st.integers(1, n))
    assert min_count_of(count / n, n, owner="") == count


@given(st.integers(1, 10**6), st.floats(1e-9, 1.0))
def test_the_rule_of_shares_holds_as_written(n: int, share: float) -> None:
    count = min_count_of(share, n, owner="")
    assert count >= 1
    assert count / n >= share
    assert count == 1 or (count - 1) / n < share


@pytest.mark.parametrize("min_support", [0, -1, 0.0, 1.5, 2.0, True, "1", float("nan")])
def test_other_thresholds_are_refused(min_support: Any) -> None:
    with pytest.raises(InvalidParameterError, match=r"a count .* or a share"):
        mine_itemsets([[1]], min_support=min_support)


# Limits


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(
    lists=LISTS,
    contains=st.none() | st.sets(st.integers(0, 5), min_size=1),
    without=st.none() | st.sets(st.integers(0, 5), min_size=1),
    items=st.none() | st.sets(st.integers(0, 5), min_size=1),
    lengths=st.tuples(st.integers(1, 3), st.none() | st.integers(1, 3)),
)
def test_constraints_equal_a_search_without_and_a_filter(
    kind: Any,
    lists: list[list[int]],
    contains: set[int] | None,
    without: set[int] | None,
    items: set[int] | None,
    lengths: tuple[int, int | None],
) -> None:
    baskets = Baskets.from_lists([*lists, [0, 1, 2, 3, 4, 5]])
    every = [set(row) for row in [*lists, [0, 1, 2, 3, 4, 5]]]
    allowed = (items or set(range(6))) - (without or set())
    wanted = of_kind(brute.all_itemsets([r & allowed for r in every], 2), kind, len(every))
    low, high = lengths
    wanted = {
        key: n
        for key, n in wanted.items()
        if low <= len(key) <= (high or 9) and (contains is None or key & contains)
    }
    found = mine_itemsets(
        baskets,
        min_support=2,
        kind=kind,
        contains=contains,
        without=without,
        items=items,
        min_length=low,
        max_length=high,
        engine="numpy",
    )
    assert as_dict(found) == wanted
    assert found.items.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", ["all", "closed", "generators"])
@pytest.mark.parametrize("cap", [3, 200_000])
def test_top_k_finds_the_highest_counts_and_their_ties(
    kind: Any, cap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("userportrait.patterns._mine._FIRST_CAP", cap)

    @settings(max_examples=20)
    @given(LISTS, st.integers(1, 40), st.integers(1, 2))
    def check(lists: list[list[int]], k: int, min_length: int) -> None:
        every = of_kind(brute.all_itemsets(lists, 1), kind, len(lists))
        fit = {key: n for key, n in every.items() if len(key) >= min_length}
        counts = sorted(fit.values(), reverse=True)
        border = counts[k - 1] if len(counts) >= k else 1
        found = mine_itemsets(lists, top_k=k, kind=kind, min_length=min_length, engine="numpy")
        assert as_dict(found) == {key: n for key, n in fit.items() if n >= border}
        assert found.min_count == border

    check()


def test_top_k_searches_dense_baskets_without_mining_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("userportrait.patterns._mine._FIRST_CAP", 500)
    rng = np.random.default_rng(0)
    rows = rng.random((300, 24)) < np.linspace(0.95, 0.3, 24)
    baskets = Baskets.from_lists([np.flatnonzero(row).tolist() for row in rows])
    for k in (7, 25, 400, 3_000):
        found = mine_itemsets(baskets, top_k=k, engine="numpy")
        again = mine_itemsets(baskets, min_support=found.min_count, engine="numpy")
        assert as_dict(found) == as_dict(again)
        assert len(found) >= k
        above = int((found.counts > found.min_count).sum())
        assert above < k


def test_top_k_and_a_threshold_go_together() -> None:
    lists = [[1, 2], [1, 2], [1], [3]]
    assert as_dict(mine_itemsets(lists, top_k=10, min_support=2)) == {
        frozenset([1]): 3,
        frozenset([2]): 2,
        frozenset([1, 2]): 2,
    }
    assert as_dict(mine_itemsets(lists, top_k=1, min_support=2)) == {frozenset([1]): 3}
    with pytest.raises(InvalidParameterError, match="no meaning for maximal"):
        mine_itemsets(lists, top_k=1, kind="maximal")


# Taxonomy


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(lists=LISTS)
def test_no_set_holds_an_item_and_its_own_category(kind: Any, lists: list[list[int]]) -> None:
    kinds: Mapping[str, str] = {"a": "x", "b": "x", "c": "y", "d": "y"}
    texts = [["abcdef"[item] for item in row] for row in lists]
    if not {item for row in texts for item in row} & set(kinds):
        return
    above = {item: f"category: {name}" for item, name in kinds.items()}
    rows = [{*row, *(above[item] for item in row if item in above)} for row in texts]
    every = of_kind(brute.all_itemsets(rows, 2), kind, len(rows))
    if kind in ("all", "generators"):
        wanted = {k: n for k, n in every.items() if not k & {above.get(i) for i in k}}
    else:
        wanted = {k - {above.get(i) for i in k}: n for k, n in every.items()}
    assert as_dict(mine_itemsets(texts, min_support=2, kind=kind, taxonomy=kinds)) == wanted


# Budgets


@pytest.mark.parametrize("engine", [name for name in INSTALLED if name != "mlxtend"])
@pytest.mark.parametrize(
    "budget",
    [
        Budget(max_itemsets=500),
        Budget(max_bytes=20_000),
        Budget(max_seconds=0.05, max_itemsets=50_000),
    ],
)
def test_a_budget_stops_the_search_and_flags_the_result(engine: str, budget: Budget) -> None:
    rng = np.random.default_rng(2)
    rows = [np.flatnonzero(row).tolist() for row in rng.random((80, 60)) < 0.8]
    with pytest.warns(DataWarning, match="stopped early: more than"):
        found = mine_itemsets(rows, min_support=2, budget=budget, engine=engine)
    assert found.stopped is not None
    assert found.stopped.startswith("more than")
    assert not found.is_complete
    assert "PARTIAL" in repr(found)
    frame = found.to_frame().sample(min(50, len(found)), random_state=1)
    for items, count in zip(frame["items"], frame["count"], strict=True):
        assert count == sum(set(items) <= set(row) for row in rows)


@pytest.mark.parametrize("engine", [name for name in INSTALLED if name != "mlxtend"])
def test_a_default_budget_protects_memory(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("userportrait.patterns._budget.default_bytes", lambda: 100_000)
    with pytest.warns(DataWarning, match="stopped early: more than"):
        found = mine_itemsets([range(40)] * 3, min_support=2, engine=engine)
    assert not found.is_complete
    assert found.nbytes < 10_000_000


@pytest.mark.parametrize(
    "limits", [{"max_itemsets": 0}, {"max_seconds": 0}, {"max_bytes": -1}, {"max_itemsets": 1.5}]
)
def test_budgets_that_make_no_sense_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(limits))):
        Budget(**limits)


def test_progress_is_told_and_ends_at_one() -> None:
    told: list[tuple[str, float]] = []
    mine_itemsets(
        [[1, 2], [1, 2, 3]], min_support=1, progress=lambda step, share: told.append((step, share))
    )
    shares = [share for _, share in told]
    assert {step for step, _ in told} == {"itemsets"}
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


# Input


def test_orders_and_lists_are_taken_as_they_are() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, 2],
            "order_id": [1, 1, 2],
            "ordered_at": pd.to_datetime(["2026-01-01"] * 3),
            "item_id": ["a", "b", "a"],
            "amount": [1.0, 2.0, 3.0],
        }
    )
    found = mine_itemsets(Orders(frame), min_support=2)
    assert as_dict(found) == {frozenset("a"): 2}
    for wrong in (frame, "ab", 3):
        with pytest.raises(InvalidParameterError, match="baskets must be Baskets, Orders"):
            mine_itemsets(wrong, min_support=1)  # type: ignore[arg-type]


def test_bad_parameters_are_named_all_at_once() -> None:
    with pytest.raises(InvalidParameterError) as raised:
        mine_itemsets([[1]], min_support=0, kind="open", engine="numbr", max_length=0)  # type: ignore[arg-type]
    assert len(raised.value.problems) == 4
    assert "Did you mean 'numba'" in str(raised.value)
    with pytest.raises(InvalidParameterError, match="give min_support, or top_k"):
        mine_itemsets([[1]])
    with pytest.raises(InvalidParameterError, match="contains: '7' is not a known item"):
        mine_itemsets([[1]], min_support=1, contains=[7])


def test_nothing_to_find_is_an_empty_result() -> None:
    for lists in ([], [[]], [[], [1]]):
        for engine in INSTALLED:
            found = mine_itemsets(lists, min_support=2, engine=engine)
            assert len(found) == 0
            assert found.to_frame().columns.tolist() == ["items", "length", "count", "support"]


@pytest.mark.skipif(find_spec("numba") is not None, reason="numba is installed")
def test_without_numba_the_extra_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"userportrait\[fast\]"):
        mine_itemsets([[1]], min_support=1, engine="numba")


def test_all_subsets_of_one_basket_are_found() -> None:
    found = mine_itemsets([range(6)], min_support=1, engine="numpy")
    sets = [set(c) for n in range(1, 7) for c in combinations(range(6), n)]
    assert [set(items) for items in found] == sets
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        closed = mine_itemsets([range(6)], min_support=1, kind="closed", engine="numpy")
    assert as_dict(closed) == {frozenset(range(6)): 1}
