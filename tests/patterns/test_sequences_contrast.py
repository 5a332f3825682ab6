"""Contrasts of two groups: counts by brute force, tests by scipy and statsmodels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact, hypergeom
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.multitest import multipletests

from helpers import brute_sequences as brute
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns import Sequences, contrast_sequences, mine_sequences


def shop(n: int, seed: int, *, planted: bool) -> tuple[list[list[set[str]]], dict[int, str]]:
    """Return random steps; in group a, tea is often followed by a cup if it is planted."""
    rng = np.random.default_rng(seed)
    lists: list[list[set[str]]] = []
    groups: dict[int, str] = {}
    for who in range(n):
        steps = [set(rng.choice(list("uvwxyz"), 2).tolist()) for _ in range(3)]
        groups[who] = "a" if rng.random() < 0.4 else "b"
        if planted and groups[who] == "a" and rng.random() < 0.5:
            steps[0].add("tea")
            steps[2].add("cup")
        lists.append(steps)
    return lists, groups


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_counts_of_groups_equal_brute_force(engine: str) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    lists, groups = shop(40, 1, planted=True)
    customers = [[(float(n), frozenset(s)) for n, s in enumerate(steps)] for steps in lists]
    found = contrast_sequences(
        Sequences.from_lists(lists), groups, min_support=6, max_length=3, max_gap=1, unit="steps",
        engine=engine,
    )  # fmt: skip
    expected = brute.all_patterns(customers, 6, max_length=3, max_gap=1)
    assert set(found.patterns.patterns()) == set(expected)
    table = found.to_frame()
    for pattern, count, a, b in table[["pattern", "count", "count_a", "count_b"]].to_numpy():
        held = [groups[n] for n, c in enumerate(customers) if brute.holds(pattern, c, max_gap=1)]
        assert (count, a, b) == (len(held), held.count("a"), held.count("b"))


def test_figures_of_a_table_equal_those_of_scipy_and_statsmodels() -> None:
    lists, groups = shop(300, 2, planted=True)
    found = contrast_sequences(Sequences.from_lists(lists), groups, min_support=0.1)
    table = found.to_frame()
    n_a, n_b = found.sizes
    for row in table.to_dict("records"):
        cells = [[row["count_a"], n_a - row["count_a"]], [row["count_b"], n_b - row["count_b"]]]
        less = fisher_exact(cells, alternative="less").pvalue
        greater = fisher_exact(cells, alternative="greater").pvalue
        assert row["p_value"] == pytest.approx(min(1, 2 * min(less, greater)), rel=1e-9)
        oracle = Table2x2(np.array(cells) + 0.5)
        assert row["odds_ratio"] == pytest.approx(oracle.oddsratio)
        low, high = oracle.oddsratio_confint(0.05)
        assert (row["odds_ratio_low"], row["odds_ratio_high"]) == pytest.approx((low, high))
    adjusted = multipletests(table["p_value"], method="fdr_bh")[1]
    assert table["p_adjusted"].to_numpy() == pytest.approx(adjusted)
    assert table["p_value"].is_monotonic_increasing


def test_a_planted_path_is_found_and_odds_turn_with_the_labels() -> None:
    lists, groups = shop(400, 3, planted=True)
    sequences = Sequences.from_lists(lists)
    found = contrast_sequences(sequences, groups, min_support=0.05, min_steps=2, max_length=2)
    first = found.to_frame(alpha=0.01)
    assert (("tea",), ("cup",)) in first["pattern"].tolist()
    assert found.n_tested > len(first)
    turned = {who: {"a": "z", "b": "b"}[group] for who, group in groups.items()}
    other = contrast_sequences(sequences, turned, min_support=0.05, min_steps=2, max_length=2)
    assert other.groups == ("b", "z")
    by_pattern = other.to_frame().set_index("pattern").loc[found.to_frame()["pattern"]]
    assert (1 / by_pattern["odds_ratio"]).to_numpy() == pytest.approx(
        found.to_frame()["odds_ratio"]
    )
    assert by_pattern["p_value"].to_numpy() == pytest.approx(found.to_frame()["p_value"])


def test_without_a_difference_false_discoveries_are_rare() -> None:
    # The share of runs with any discovery at a false discovery rate of 5 % is at most 5 % when
    # no pattern differs; 40 runs exceed 5 with probability 0.3 % (binomial).
    runs = 0
    for seed in range(40):
        lists, groups = shop(120, 100 + seed, planted=False)
        found = contrast_sequences(
            Sequences.from_lists(lists), groups, min_support=0.1, max_length=2
        )
        runs += len(found.to_frame(alpha=0.05)) > 0
    assert runs <= 5


def test_customers_without_a_group_are_left_out_and_counted() -> None:
    sequences = Sequences.from_lists([["x"], ["x"], ["y"], ["x"]], customer_ids=list("abcd"))
    groups = pd.Series({"a": "new", "b": "old", "c": None, "q": "old"})
    found = contrast_sequences(sequences, groups, min_support=1)
    assert found.sizes == (1, 1)
    assert found.ignored == {
        "customers without a group": 2, "customers of the groups without data": 1,
    }  # fmt: skip
    assert found.to_frame()["pattern"].tolist() == [(("x",),)]
    assert "left out: customers without a group" in found._repr_html_()
    assert repr(found) == "<SequenceContrasts: 1 pattern, new (1) against old (1)>"


def test_the_threshold_is_of_both_groups_together() -> None:
    lists, groups = shop(60, 4, planted=True)
    sequences = Sequences.from_lists(lists)
    found = contrast_sequences(sequences, groups, min_support=0.2, max_length=2)
    mined = mine_sequences(sequences, min_support=0.2, max_length=2)
    assert found.patterns.patterns() == mined.patterns()
    assert len(found) == found.n_tested == len(mined)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({0: "a", 1: "a"}, "have 1"),
        ({0: "a", 1: "b", 2: "c"}, "have 3"),
        ({"0": "a", "1": "b"}, "same type"),
    ],
)
def test_there_must_be_two_groups(groups: dict[Any, str], message: str) -> None:
    with pytest.raises(InvalidDataError, match=message):
        contrast_sequences(Sequences.from_lists([["x"]] * 3), groups, min_support=1)


def test_bad_parameters_are_named() -> None:
    sequences = Sequences.from_lists([["x"], ["y"]])
    with pytest.raises(InvalidParameterError, match="Did you mean 'holm'"):
        contrast_sequences(sequences, {0: "a", 1: "b"}, min_support=1, adjust="hol")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="mapping or a Series"):
        contrast_sequences(sequences, ["a", "b"], min_support=1)  # type: ignore[arg-type]
    found = contrast_sequences(sequences, {0: "a", 1: "b"}, min_support=1)
    with pytest.raises(InvalidParameterError, match="alpha"):
        found.to_frame(alpha=0)


def test_a_table_by_hand() -> None:
    # 3 of 3 in a, 0 of 3 in b: P(C >= 3) = 1 / C(6, 3) = 0.05, doubled.
    sequences = Sequences.from_lists([["x"]] * 3 + [["y"]] * 3)
    groups = dict(enumerate("aaabbb"))
    row = contrast_sequences(sequences, groups, min_support=1).to_frame().iloc[0]
    assert row["p_value"] == pytest.approx(2 * hypergeom.pmf(3, 6, 3, 3))
    assert row["odds_ratio"] == pytest.approx((3.5 * 3.5) / (0.5 * 0.5))
