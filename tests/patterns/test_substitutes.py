"""Substitutes: planted ones are found, strangers are told apart, similarity by brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from userportrait.errors import InvalidParameterError
from userportrait.patterns import Baskets, find_substitutes
from userportrait.patterns._substitutes import context_similarity


def draw_shop(rng: np.random.Generator, n: int = 6_000) -> list[list[str]]:
    """Visits for a breakfast, a barbecue or other things.

    At breakfast one of two milks goes with bread and jam; at a barbecue one of two colas goes
    with coal and sausages. Milk and cola avoid each other, too, but are no substitutes.
    """
    lists: list[list[str]] = []
    for kind in rng.random(n):
        basket: list[str] = []
        if kind < 0.3:
            basket += [["milk a", "milk b"][int(rng.integers(2))]] if rng.random() < 0.8 else []
            basket += [x for x in ("bread", "jam", "butter") if rng.random() < 0.6]
        elif kind < 0.6:
            basket += [["cola x", "cola y"][int(rng.integers(2))]] if rng.random() < 0.8 else []
            basket += [x for x in ("coal", "sausage", "mustard") if rng.random() < 0.6]
        basket += [f"other {i}" for i in np.flatnonzero(rng.random(10) < 0.1)]
        lists.append(basket)
    return lists


def test_planted_substitutes_come_first_and_strangers_have_no_score() -> None:
    found = find_substitutes(Baskets.from_lists(draw_shop(np.random.default_rng(0))))
    frame = found.to_frame()
    assert list(found)[:2] in (
        [("milk a", "milk b"), ("cola x", "cola y")],
        [("cola x", "cola y"), ("milk a", "milk b")],
    )
    best = frame.iloc[:2]
    assert (best["count"] == 0).all()
    assert (best["similarity"] > 0.9).all()
    assert (best["score"] > 0.8).all()
    assert found.n_never >= 2
    strangers = [(a, b) for a, b in found if {a[:4], b[:4]} == {"milk", "cola"}]
    assert strangers == []  # they avoid each other, but keep other company
    every = find_substitutes(
        Baskets.from_lists(draw_shop(np.random.default_rng(0))), min_similarity=-1
    )
    assert every.n_dropped == 0
    assert len(every) == len(found) + found.n_dropped
    assert ("cola x", "milk a") in set(every)


def test_p_values_are_fishers_also_for_pairs_that_never_meet() -> None:
    lists = draw_shop(np.random.default_rng(1), 500)
    found = find_substitutes(
        Baskets.from_lists(lists), min_similarity=-1, adjustment="none", alpha=0.2
    ).to_frame()
    sets, n = [set(one) for one in lists], len(lists)
    assert (found["count"] == 0).sum() > 5
    for row in found.itertuples():
        both = sum({row.item_a, row.item_b} <= one for one in sets)
        a, b = row.count_a, row.count_b
        p = fisher_exact([[both, a - both], [b - both, n - a - b + both]], alternative="less")
        assert row.p_value == pytest.approx(p.pvalue, rel=1e-8)
        assert row.count == both


def test_given_the_category_two_rivals_are_found_that_all_baskets_hide() -> None:
    # A barbecue needs several sausages, and never two of rival brands; few visits are barbecues.
    rng = np.random.default_rng(2)
    lists: list[list[str]] = []
    for need in rng.random(20_000) < 0.02:
        basket = ["rest"] if rng.random() < 0.5 else []
        if need:
            basket += [["brand a", "brand b"][int(rng.integers(2))]]
            basket += [x for x in ("kind c", "kind d", "kind e") if rng.random() < 0.6]
        lists.append(basket)
    categories = {i: "sausage" for one in lists for i in one if i != "rest"}
    baskets = Baskets.from_lists(lists)
    options = {"categories": categories, "min_similarity": -1.0}
    plain = find_substitutes(baskets, among="within", **options)  # type: ignore[arg-type]
    given = find_substitutes(baskets, given="category", **options)  # type: ignore[arg-type]
    assert list(plain) == []
    assert list(given) == [("brand a", "brand b")]


def test_given_the_category_independent_items_are_no_substitutes() -> None:
    # Among baskets that hold the category at all, items chosen independently look exclusive.
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(40):
        picked = rng.random((1_500, 4)) < 0.25
        lists = [[f"i{i}" for i in np.flatnonzero(row)] for row in picked]
        found = find_substitutes(
            Baskets.from_lists(lists),
            categories={f"i{i}": "x" for i in range(4)},
            given="category",
            min_similarity=-1,
            adjustment="holm",
        )
        assert found.n_tested == 6
        alarms += len(found) > 0
    assert alarms <= 6  # 2 expected at 5 %; more than 6 in 0.3 % of cases


def brute_similarity(lists: list[list[str]], a: str, b: str) -> float:
    items = sorted({i for one in lists for i in one})
    sets = [set(one) for one in lists]
    together = {(i, j): sum({i, j} <= s for s in sets) for i in items for j in items if i != j}
    company = {i: sum(len(s) - 1 for s in sets if i in s) for i in items}

    def profile(item: str, but: str) -> np.ndarray:
        total = sum(together[item, c] for c in items if c != item)
        rest = sum(company[c] for c in items if c != item)
        return np.array(
            [
                np.sqrt(together[item, c]) - np.sqrt(total * company[c] / max(rest, 1))
                for c in items
                if c not in (item, but)
            ]
        )

    one, other = profile(a, b), profile(b, a)
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norm) if norm > 1e-9 else 0.0


def test_similarity_of_company_is_that_of_brute_force() -> None:
    lists = draw_shop(np.random.default_rng(4), 60)
    baskets = Baskets.from_lists(lists)
    pairs = list(combinations(range(len(baskets.items)), 2))
    first, second = (np.array(side, dtype=np.int32) for side in zip(*pairs, strict=True))
    found = context_similarity(baskets, first, second)
    wanted = [brute_similarity(lists, baskets.items[a], baskets.items[b]) for a, b in pairs]
    np.testing.assert_allclose(found, wanted, atol=2e-5)  # profiles are float32


def test_items_without_company_are_not_alike() -> None:
    baskets = Baskets.from_lists([["a"], ["b"], ["c", "d"]])
    codes = np.array([0], dtype=np.int32), np.array([1], dtype=np.int32)
    assert context_similarity(baskets, *codes).tolist() == [0.0]
    assert context_similarity(baskets, codes[0][:0], codes[1][:0]).tolist() == []


def test_a_bad_similarity_is_refused() -> None:
    with pytest.raises(
        InvalidParameterError, match=r"min_similarity must be a number in \[-1, 1\]"
    ):
        find_substitutes(Baskets.from_lists([["a"]]), min_similarity=2)
