"""Pruning against its definitions, by set arithmetic."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from helpers.brute_itemsets import all_itemsets, brute_itemsets, closed, generators
from userportrait.errors import InvalidParameterError
from userportrait.patterns._rules_derive import derive_rules

BASKETS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=14)

Pairs = list[tuple[frozenset[str], frozenset[str]]]


def pairs(rules: Any) -> Pairs:
    frame = rules.to_frame([])
    return [
        (frozenset(left), frozenset(right))
        for left, right in zip(frame["antecedent"], frame["consequent"], strict=True)
    ]


def counts(lists: list[Any]) -> dict[frozenset[str], int]:
    return {**all_itemsets(lists, 1), frozenset[str](): len(lists)}


@settings(max_examples=40)
@given(BASKETS, st.sampled_from([0.0, 0.6]), st.sampled_from([0.05, 0.2]))
def test_redundant_rules_have_a_shorter_one_as_confident(
    lists: list[Any], min_confidence: float, least: float
) -> None:
    found = counts(lists)
    rules = derive_rules(brute_itemsets(lists, 1), min_confidence=min_confidence)

    def improvement(left: frozenset[str], right: frozenset[str]) -> float:
        smaller = chain.from_iterable(combinations(left, k) for k in range(len(left)))
        best = max(found[right.union(part)] / found[frozenset(part)] for part in smaller)
        return found[left | right] / found[left] - best

    every = pairs(rules)
    better = [pair for pair in every if improvement(*pair) > 0]
    pruned = rules.prune("redundant")
    assert pairs(pruned) == better
    assert pairs(rules.prune("productive")) == better
    assert str(pruned.steps[-1]).startswith(f"prune redundant: {len(every)} → {len(better)} ")
    much = [pair for pair in better if improvement(*pair) >= least]
    assert pairs(rules.prune("improvement", min_improvement=least)) == much


@settings(max_examples=40)
@given(BASKETS)
def test_minimal_rules_lead_from_generators_to_closed_sets(lists: list[Any]) -> None:
    found = all_itemsets(lists, 1)
    smallest, largest = generators(found, len(lists)), closed(found)
    rules = derive_rules(brute_itemsets(lists, 1))
    wanted = [(x, y) for x, y in pairs(rules) if x in smallest and x | y in largest]
    assert pairs(rules.prune("minimal")) == wanted
    # No other rule with a smaller left and a larger right side has the same counts.
    for x, y in wanted:
        for left, right in pairs(rules):
            if left <= x and right >= y and (left, right) != (x, y):
                assert (found[left | right], found[left]) != (found[x | y], found[x])


@settings(max_examples=20)
@given(BASKETS)
def test_productive_rules_need_each_of_their_items(lists: list[Any]) -> None:
    found = counts(lists)
    rules = derive_rules(brute_itemsets(lists, 1))

    def p_value(left: frozenset[str], right: frozenset[str]) -> float:
        worst = 0.0
        for item in left:
            rest = left - {item}
            a, n_left = found[left | right], found[left]
            n_right, n = found[rest | right], found[rest]
            table = [[a, n_left - a], [n_right - a, n - n_left - n_right + a]]
            worst = max(worst, fisher_exact(table, alternative="greater").pvalue)
        return worst

    improved = rules.prune("productive")
    wanted = [pair for pair in pairs(improved) if p_value(*pair) <= 0.199]
    assert pairs(rules.prune("productive", alpha=0.199)) == wanted


def test_pruning_does_not_depend_on_what_was_filtered_before() -> None:
    rules = derive_rules(brute_itemsets(["abc", "abc", "ab", "ac", "bc", "c"], 1))
    long_ones = rules.take(rules.index.lengths(rules.antecedents) == 2)
    kept = set(pairs(rules.prune("redundant")))
    assert pairs(long_ones.prune("redundant")) == [p for p in pairs(long_ones) if p in kept]


def test_parameters_that_do_not_go_together_are_named() -> None:
    rules = derive_rules(brute_itemsets(["ab"], 1))
    with pytest.raises(InvalidParameterError, match="Did you mean 'productive'"):
        rules.prune("productiv")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="alpha goes with method 'productive'"):
        rules.prune("minimal", alpha=0.1)
    with pytest.raises(InvalidParameterError, match="min_improvement goes with"):
        rules.prune("redundant", min_improvement=0.1)
    with pytest.raises(InvalidParameterError, match="min_improvement must be a number in"):
        rules.prune("improvement")
