"""Rules as a table: filtering, sorting, showing; and the same rules in two groups."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from helpers.brute_itemsets import brute_itemsets
from userportrait.errors import InvalidParameterError
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._rules_compare import compare_rules, count_sets
from userportrait.patterns._rules_derive import derive_rules

if TYPE_CHECKING:
    from userportrait.patterns._rules import Rules

SHOP = ["abcd", "abc", "abd", "acd", "bcd", "ab", "cd", "a"]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return derive_rules(brute_itemsets(SHOP, 1))


def test_the_frame_worked_by_hand() -> None:
    rules = derive_rules(brute_itemsets(["ab", "ab", "a", "c"], 2))
    wanted = pd.DataFrame(
        {
            "antecedent": [("a",), ("b",)],
            "consequent": [("b",), ("a",)],
            "antecedent_count": [3, 2],
            "consequent_count": [2, 3],
            "count": [2, 2],
            "support": [0.5, 0.5],
            "confidence": [2 / 3, 1.0],
            "lift": [4 / 3, 4 / 3],
            "leverage": [0.125, 0.125],
            "conviction": [1.5, np.inf],
        }
    )
    pd.testing.assert_frame_equal(rules.to_frame(), wanted)


def test_ids_are_the_rows_of_the_itemsets_frame(rules: Rules) -> None:
    sets = brute_itemsets(SHOP, 1).to_frame()["items"]
    ids, plain = rules.to_frame(["lift"], ids=True), rules.to_frame(["lift"])
    assert sets[ids["antecedent_id"]].tolist() == plain["antecedent"].tolist()
    assert sets[ids["consequent_id"]].tolist() == plain["consequent"].tolist()
    whole = [
        tuple(sorted(x + y)) for x, y in zip(plain["antecedent"], plain["consequent"], strict=True)
    ]
    assert sets[ids["itemset_id"]].tolist() == whole


def test_filters_sorting_and_top_agree_with_pandas(rules: Rules) -> None:
    frame = rules.to_frame()
    kept = rules.filter(at_least={"lift": 1.0}, at_most={"confidence": 0.9}).to_frame()
    wanted = frame[(frame["lift"] >= 1.0) & (frame["confidence"] <= 0.9)]
    pd.testing.assert_frame_equal(kept, wanted.reset_index(drop=True))
    ranked = frame.sort_values("lift", ascending=False, kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(rules.sort_by("lift").to_frame(), ranked)
    pd.testing.assert_frame_equal(rules.top(5).to_frame(), ranked.head(5))
    upwards = frame.sort_values("count", kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(rules.sort_by("count", ascending=True).to_frame(), upwards)
    with_d = frame[
        [("d" in x + y) for x, y in zip(frame["antecedent"], frame["consequent"], strict=True)]
    ]
    pd.testing.assert_frame_equal(rules.of("d").to_frame(), with_d.reset_index(drop=True))
    right = rules.filter(consequents=["a"]).to_frame()
    assert set(right["consequent"]) == {("a",)}


def test_steps_count_what_went(rules: Rules) -> None:
    few = rules.filter(at_least={"lift": 1.0}).prune("redundant").top(3)
    assert [step.n_before for step in few.steps] == [
        len(rules),
        *(s.n_after for s in few.steps[:-1]),
    ]
    assert few.steps[-1].n_after == len(few) == 3
    assert rules.steps == ()


def test_columns_of_a_test_stay_with_their_rules(rules: Rules) -> None:
    tested = rules.test()
    assert rules.columns == {}
    first = tested.sort_by("p_value", ascending=True).top(4, "odds_ratio")
    for row, p in zip(
        first.to_frame(["count"]).itertuples(), first.measure("p_value"), strict=True
    ):
        same = rules.filter(antecedents=row.antecedent, consequents=row.consequent)
        frame = same.test().to_frame()
        one = frame[
            (frame["antecedent"] == row.antecedent) & (frame["consequent"] == row.consequent)
        ]
        assert one["p_value"].tolist() == [p]
    assert list(tested.to_frame().columns[-7:]) == list(tested.columns)


def test_texts_and_html(rules: Rules) -> None:
    assert repr(rules) == "Rules(50 rules of 11 itemsets, 8 baskets)"
    text = str(rules.filter(at_least={"lift": 1.2}))
    assert "- filter lift ≥ 1.2: 50 → " in text
    html = derive_rules(brute_itemsets([["<b>", "x"], ["<b>", "x"]], 1))._repr_html_()
    assert "&lt;b&gt; → x" in html
    assert "<b>" not in html
    assert "40 more" in rules._repr_html_()
    empty = rules.take([])
    assert repr(empty) == "Rules(0 rules of 0 itemsets, 8 baskets)"
    assert "0 rules" in empty._repr_html_()
    assert len(empty.to_frame()) == len(empty.test().to_frame()) == 0


def test_rules_survive_pickling(rules: Rules) -> None:
    again = pickle.loads(pickle.dumps(rules.test()))
    pd.testing.assert_frame_equal(again.to_frame(), rules.test().to_frame())


def test_unknown_items_and_measures_are_named(rules: Rules) -> None:
    with pytest.raises(InvalidParameterError, match="'x' is not a known item"):
        rules.of("x")
    with pytest.raises(InvalidParameterError, match="Did you mean 'lift'"):
        rules.filter(at_least={"lif": 1})
    with pytest.raises(InvalidParameterError, match="n must be"):
        rules.top(-1)


def groups() -> tuple[list[Any], list[Any]]:
    rng = np.random.default_rng(0)
    young = [[i for i in "abce" if rng.random() < 0.6] for _ in range(130)]
    old = [[i for i in "abcd" if rng.random() < 0.4] for _ in range(70)]
    return young, old


def test_groups_equal_counting_by_hand() -> None:
    young, old = groups()
    rules = derive_rules(brute_itemsets(young + old, 5))
    found = compare_rules(
        rules, Baskets.from_lists(young), Baskets.from_lists(old), names=("young", "old")
    )
    assert len(found) == len(rules)
    for row in found.itertuples():
        left = set(row.antecedent)
        whole = left | set(row.consequent)
        counts = [
            (sum(left <= set(b) for b in group), sum(whole <= set(b) for b in group))
            for group in (young, old)
        ]
        assert [(row.n_young, row.hits_young), (row.n_old, row.hits_old)] == counts
        table = [[hits, n - hits] for n, hits in counts]
        both = [fisher_exact(table, alternative=way).pvalue for way in ("less", "greater")]
        assert row.p_value == pytest.approx(min(1.0, 2 * min(both)))
    assert (found["adjusted_p_value"] >= found["p_value"] - 1e-15).all()
    no_old = found[[x == ("e",) for x in found["antecedent"]]]
    assert (no_old["n_old"] == 0).all()
    assert no_old["confidence_old"].isna().all()
    assert (no_old["p_value"] == 1).all()


def test_counting_takes_weights_and_other_vocabularies(rules: Rules) -> None:
    baskets = Baskets.from_lists(map(list, ["az", "abz", "z", "bc"]))
    weighted = Baskets(
        baskets.indptr, baskets.indices, baskets.items, weights=np.array([2, 3, 1, 4])
    )
    sets = np.arange(rules.index.n_sets, dtype=np.int32)
    found = dict(
        zip(
            brute_itemsets(SHOP, 1).to_frame()["items"],
            count_sets(rules.index, sets, weighted),
            strict=True,
        )
    )
    assert (found[("a",)], found[("b",)], found[("a", "b")], found[("b", "c")]) == (5, 7, 3, 4)
    assert found[("c", "d")] == 0


def test_groups_refuse_wrong_parameters(rules: Rules) -> None:
    baskets = Baskets.from_lists(map(list, SHOP))
    with pytest.raises(InvalidParameterError, match="baskets_b must be Baskets"):
        compare_rules(rules, baskets, SHOP)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="two different names"):
        compare_rules(rules, baskets, baskets, names=("a", "a"))
