"""Switching: counts by brute force, quasi-independence, and false discoveries."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns import Baskets, find_switching
from userportrait.patterns._switching_moves import count_moves, expected_moves

Visit = tuple[int, int, list[str]]  # customer, day, items
CATEGORIES = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "y"}  # f has none
VISITS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 9),
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=25,
)


def baskets_of(visits: list[Visit]) -> Baskets:
    start = datetime(2026, 1, 1)
    rows = [
        (customer, order, start + timedelta(days=day), item)
        for order, (customer, day, items) in enumerate(visits)
        for item in items
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "item_id"])
    return Baskets.from_frame(frame, customer_id="customer_id", ordered_at="ordered_at")


def brute(visits: list[Visit], categories: dict[str, str] | None, window: int | None) -> Any:
    """Count switches, what was left and what was taken, one purchase after the other."""
    purchases: dict[tuple[int, str, int], set[str]] = {}
    for customer, day, items in visits:
        for item in items:
            category = "" if categories is None else categories.get(item)
            if category is not None:
                purchases.setdefault((customer, category, day), set()).add(item)
    moves: Counter[tuple[str, str]] = Counter()
    left_by: Counter[str] = Counter()
    taken_by: Counter[str] = Counter()
    steps = 0
    keys = sorted(purchases)
    for one, other in pairwise(keys):
        if one[:2] != other[:2] or (window is not None and other[2] - one[2] > window):
            continue
        steps += 1
        left, taken = purchases[one] - purchases[other], purchases[other] - purchases[one]
        if left and taken:
            left_by.update(left)
            taken_by.update(taken)
            moves.update((a, b) for a in left for b in taken)
    return dict(moves), dict(left_by), dict(taken_by), steps


@given(VISITS, st.sampled_from([None, 0, 2, 5]), st.booleans())
def test_switches_are_those_of_brute_force(
    visits: list[Visit], window: int | None, grouped: bool
) -> None:
    baskets = baskets_of(visits)
    items = baskets.items.tolist()
    names = sorted(set(CATEGORIES.values()))
    groups = [names.index(CATEGORIES[i]) if i in CATEGORIES else -1 for i in items]
    codes = np.array(groups, dtype=np.int32) if grouped else None
    micros = None if window is None else window * 86_400_000_000
    moves = count_moves(baskets, codes, micros)
    wanted = brute(visits, CATEGORIES if grouped else None, window)
    found = {
        (items[a], items[b]): n
        for a, b, n in zip(
            moves.left.tolist(), moves.taken.tolist(), moves.count.tolist(), strict=True
        )
    }
    assert found == wanted[0]
    assert {i: n for i, n in zip(items, moves.n_left.tolist(), strict=True) if n} == wanted[1]
    assert {i: n for i, n in zip(items, moves.n_taken.tolist(), strict=True) if n} == wanted[2]
    assert moves.n_steps == wanted[3]


def steps(pairs: list[tuple[str, str]]) -> list[Visit]:
    """One customer for each switch."""
    return [
        (customer, 7 * day, [item])
        for customer, pair in enumerate(pairs)
        for day, item in enumerate(pair)
    ]


def test_expected_switches_have_the_sums_of_the_observed_ones() -> None:
    rng = np.random.default_rng(0)
    pairs = [tuple(rng.choice(list("abcdefgh"), 2, replace=False).tolist()) for _ in range(400)]
    moves = count_moves(baskets_of(steps(pairs)), None, None)
    expected_moves(moves)
    out, into = moves.out_factor, moves.in_factor
    table = np.outer(out, into)
    np.fill_diagonal(table, 0.0)
    np.testing.assert_allclose(table.sum(axis=1), moves.n_left, rtol=1e-6)
    np.testing.assert_allclose(table.sum(axis=0), moves.n_taken, rtol=1e-6)
    tested = int((np.minimum(table, np.minimum.outer(moves.n_left, moves.n_taken)) >= 5).sum())
    assert moves.count_expected(5.0) == tested
    assert moves.n_pairs == 56


def test_in_a_category_of_two_items_there_is_nothing_to_find() -> None:
    found = find_switching(baskets_of(steps([("a", "b")] * 40 + [("b", "a")] * 30)))
    assert len(found) == 0
    assert found.n_tested == 2


def draw(rng: np.random.Generator, n: int = 800) -> list[Visit]:
    """Customers who come three times; each time any of eight items, some liked more."""
    likings = 1.0 / np.arange(1, 9)
    return [
        (customer, 5 * visit, [f"i{rng.choice(8, p=likings / likings.sum())}"])
        for customer in range(n)
        for visit in range(3)
    ]


def test_customers_without_habits_rarely_seem_to_switch() -> None:
    rng = np.random.default_rng(1)
    alarms = sum(
        len(find_switching(baskets_of(draw(rng)), adjustment="holm")) > 0 for _ in range(20)
    )
    assert alarms <= 4  # 1 expected at 5 %; more than 4 in 0.3 % of cases


def test_a_planted_switch_comes_first() -> None:
    rng = np.random.default_rng(2)
    visits = draw(rng)
    for customer in range(1_000, 1_060):
        visits += [(customer, 0, ["i3"]), (customer, 5, ["i6"])]
    found = find_switching(baskets_of(visits))
    frame = found.to_frame()
    assert next(iter(found)) == ("i3", "i6")
    first = frame.iloc[0]
    assert first["lift"] > 1.5
    assert first["net"] == first["count"] - first["count_back"]
    assert first["share"] == pytest.approx(first["count"] / first["n_left"])
    assert frame["p_value"].is_monotonic_increasing


def test_the_window_and_categories_decide_what_follows() -> None:
    visits = [(c, d, [i]) for c in range(20) for d, i in ((0, "a"), (3, "d"), (20, "b"), (21, "a"))]
    near = find_switching(baskets_of(visits), categories=CATEGORIES, window_days=10)
    assert near.n_baskets == 20  # b to a only: a to b takes 20 days, d is another category
    far = find_switching(baskets_of(visits), categories=CATEGORIES)
    assert far.n_baskets == 40
    plain = find_switching(baskets_of(visits))
    assert plain.n_baskets == 60


def test_order_of_rows_does_not_matter() -> None:
    visits = draw(np.random.default_rng(3), 200)
    visits += [(5_000 + c, d, [i]) for c in range(40) for d, i in ((0, "i3"), (5, "i6"))]
    one = find_switching(baskets_of(visits))
    assert len(one)
    assert one == find_switching(baskets_of(visits[::-1]))


def test_baskets_without_customers_or_times_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="no customers and no times"):
        find_switching(Baskets.from_lists([["a"]]))
    with pytest.raises(InvalidDataError, match="stand for several baskets"):
        find_switching(baskets_of([(1, 0, ["a"]), (1, 1, ["b"])]).with_weights([2, 1]))
    with pytest.raises(InvalidParameterError, match="window_days must be a number"):
        find_switching(baskets_of([(1, 0, ["a"])]), window_days=-1)


def test_without_switches_the_table_is_empty() -> None:
    found = find_switching(baskets_of([(1, 0, ["a"]), (1, 1, ["a"])]))
    assert len(found) == found.n_tested == found.n_untested == 0
    assert found.n_baskets == 1
    assert str(found)
