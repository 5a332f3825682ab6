"""Complements: Fisher's test, planted bundles, false discoveries, and the table of pairs."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.stats import fisher_exact

import userportrait as up
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns import Baskets, PairTable, find_complements


def draw(rng: np.random.Generator, n: int = 400, n_items: int = 12) -> list[list[str]]:
    """Baskets whose items do not look at each other."""
    chances = 0.5 / np.arange(1, n_items + 1) ** 0.5
    picked = rng.random((n, n_items)) < chances
    return [[f"i{i:02d}" for i in np.flatnonzero(row)] for row in picked]


def test_p_values_are_fishers() -> None:
    lists = draw(np.random.default_rng(0))
    found = find_complements(Baskets.from_lists(lists), alpha=0.2, adjustment="none").to_frame()
    assert len(found) > 3
    for row in found.itertuples():
        sets = [set(one) for one in lists]
        both = sum({row.item_a, row.item_b} <= one for one in sets)
        a, b = sum(row.item_a in one for one in sets), sum(row.item_b in one for one in sets)
        square = [[both, a - both], [b - both, len(lists) - a - b + both]]
        p = fisher_exact(square, alternative="greater").pvalue
        assert row.p_value == pytest.approx(p, rel=1e-8)
        assert row.log10_p == pytest.approx(np.log10(p), rel=1e-8)
        assert (row.count, row.count_a, row.count_b, row.n_baskets) == (both, a, b, len(lists))
        assert row.lift == pytest.approx(both * len(lists) / (a * b))
        assert row.confidence_ab == pytest.approx(both / a)
        assert row.confidence_ba == pytest.approx(both / b)
        assert row.lift_low < row.lift < row.lift_high


def test_unrelated_items_are_rarely_called_complements() -> None:
    # At a family-wise level of 5 %, 60 runs have at most 8 alarms in 99 % of cases.
    rng = np.random.default_rng(1)
    runs = [find_complements(Baskets.from_lists(draw(rng)), adjustment="holm") for _ in range(60)]
    assert sum(len(found) > 0 for found in runs) <= 8
    assert min(found.n_tested for found in runs) > 30


def test_the_bundles_of_the_sample_shop_are_found() -> None:
    shop = up.make_shop(n_customers=2_000, random_state=0)
    baskets = Baskets.from_orders(shop.orders)
    bundles = shop.truth.bundles
    planted = {tuple(sorted(pair)) for pair in bundles[["item_a", "item_b"]].to_numpy().tolist()}
    found = find_complements(baskets, given="size")
    pairs = set(found)
    frame = found.to_frame()
    # Bundles that chance alone would bring together too rarely cannot be tested.
    counts = dict(zip(baskets.items.tolist(), baskets.item_counts.tolist(), strict=True))
    testable = {
        (a, b) for a, b in planted if counts.get(a, 0) * counts.get(b, 0) >= 0.2 * len(baskets)
    }
    assert len(testable) >= 10
    assert testable <= pairs
    assert set(list(found)[: len(testable) // 2]) <= planted
    assert frame["lift_low"].is_monotonic_decreasing


def test_customers_tastes_are_complements_too_but_not_size() -> None:
    rng = np.random.default_rng(2)
    lists = [
        [f"i{i:02d}" for i in np.flatnonzero(rng.random(20) < (0.6 if big else 0.05))]
        for big in rng.random(2_000) < 0.3
    ]
    baskets = Baskets.from_lists(lists)
    assert len(find_complements(baskets)) == 190  # large baskets hold everything
    assert len(find_complements(baskets, given="size")) <= 5


def test_interval_of_the_lift_covers_the_true_lift() -> None:
    rng = np.random.default_rng(3)
    hits, n_runs = 0, 80
    for _ in range(n_runs):
        common = rng.random(3_000) < 0.4
        rare = rng.random(3_000) < np.where(common, 0.15, 0.05)
        lists = [["c"] * c + ["r"] * r for c, r in zip(common.tolist(), rare.tolist(), strict=True)]
        row = find_complements(Baskets.from_lists(lists)).to_frame().iloc[0]
        hits += bool(row["lift_low"] <= 0.15 / 0.09 <= row["lift_high"])
    assert hits / n_runs >= 0.88  # of 0.95; the commoner item's share is taken as known


def test_order_of_rows_and_items_does_not_matter() -> None:
    lists = [*draw(np.random.default_rng(4)), *[["i09", "i10", "i11"]] * 40]
    shuffled = [one[::-1] for one in lists[::-1]]
    for given in ("all", "size"):
        options: dict[str, Any] = {"given": given, "alpha": 0.2}
        one = find_complements(Baskets.from_lists(lists), **options)
        other = find_complements(Baskets.from_lists(shuffled), **options)
        assert len(one)
        assert one == other
        assert one == pickle.loads(pickle.dumps(one))
        assert one != find_complements(Baskets.from_lists(lists), given=given, alpha=0.1)  # type: ignore[arg-type]


def test_an_item_and_its_category_are_no_pair() -> None:
    lists = [["tea", "pot"]] * 30 + [["milk"]] * 40 + [["pot"]] * 5
    baskets = Baskets.from_lists(lists).with_taxonomy(
        {"tea": "drinks", "milk": "drinks"}, mode="add"
    )
    found = find_complements(baskets)
    assert ("drinks", "tea") not in set(found)
    assert ("pot", "tea") in set(found)
    assert found.n_tested + found.n_untested == 4  # of 6 pairs of 4 items


def table() -> PairTable:
    lists = [["salsa", "chips"]] * 30 + [["<milk>"]] * 50 + [["chips"]] * 10 + [["salsa"]] * 10
    return find_complements(Baskets.from_lists(lists), categories={"chips": "snacks"})


def test_the_table_prints_what_was_tested() -> None:
    found = table()
    assert repr(found) == "PairTable(1 pair of 3 tested, complements)"
    assert str(found).splitlines()[1] == "1 pair of 3 tested (alpha 0.05, BH)."
    html = found._repr_html_()
    assert "<td>chips</td>" in html
    assert "1 pair of 3 tested" in html
    assert list(found) == [("chips", "salsa")]
    assert found.of_item("salsa").equals(found.to_frame())
    assert len(found.of_item("tea")) == 0
    assert found.to_dict()["pairs"][0]["category_a"] == "snacks"
    assert found.to_dict()["pairs"][0]["category_b"] is None
    mine = found.to_frame()
    mine["count"] = 0
    assert found.to_frame()["count"].tolist() == [30]


def test_html_is_escaped() -> None:
    lists = [["<b>", "&"]] * 30 + [["x"]] * 50
    assert "<td>&lt;b&gt;</td>" in find_complements(Baskets.from_lists(lists))._repr_html_()


def test_without_pairs_the_table_is_empty_and_has_its_columns() -> None:
    columns = list(find_complements(Baskets.from_lists([["a", "b"]] * 9 + [["c"]] * 9)).pairs)
    for lists in ([[]], [["a"]], [["a", "b"]]):
        found = find_complements(Baskets.from_lists(lists))
        assert len(found) == found.n_never == 0
        assert list(found.pairs) == columns
        assert str(found)
        assert found._repr_html_()


def test_all_bad_parameters_are_named_at_once() -> None:
    bad: dict[str, Any] = {"given": "sizes", "alpha": 0.5, "min_expected": 0, "adjustment": "fdr"}
    with pytest.raises(InvalidParameterError) as caught:
        find_complements(Baskets.from_lists([["a"]]), **bad)
    assert len(caught.value.problems) == 4
    assert "Did you mean 'size'?" in str(caught.value)


def test_what_does_not_go_together_is_said() -> None:
    baskets = Baskets.from_lists([["a", "b"]])
    with pytest.raises(InvalidParameterError, match="among='within' needs categories"):
        find_complements(baskets, among="within")
    with pytest.raises(InvalidParameterError, match="given='category' needs categories"):
        find_complements(baskets, given="category")
    with pytest.raises(InvalidParameterError, match="goes with among='within' only"):
        find_complements(baskets, given="category", among="across", categories={"a": "x"})
    with pytest.raises(InvalidDataError, match="none of the 2 items has a category"):
        find_complements(baskets, categories={1: "x"})
    with pytest.raises(InvalidParameterError, match="baskets must be Baskets"):
        find_complements([["a", "b"]])  # type: ignore[arg-type]
