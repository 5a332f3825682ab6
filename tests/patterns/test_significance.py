"""Tests of rules against scipy, statsmodels and exact fractions; adjustments; shuffled baskets."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.multitest import multipletests

from userportrait._core.multiplicity import adjust_log_p
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._mine import mine_itemsets
from userportrait.patterns._rules_derive import derive_rules
from userportrait.patterns._significance import (
    chi_squared,
    g_statistic,
    log_p_values,
    log_tail,
    odds_ratio_interval,
)
from userportrait.patterns._significance_shuffle import shuffle_baskets, shuffled

if TYPE_CHECKING:
    from userportrait.patterns._rules import Rules


def random_tables(n: int, size: int, seed: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(1, n + 1, size), rng.integers(1, n + 1, size)
    near = np.round(left * right / n).astype(np.int64) + rng.integers(-30, 30, size)
    anywhere = rng.integers(0, n, size)
    both = np.where(rng.random(size) < 0.7, near, anywhere)
    return np.clip(both, np.maximum(left + right - n, 0), np.minimum(left, right)), left, right


@pytest.mark.parametrize(("n", "size"), [(1, 5), (2, 20), (13, 400), (400, 400), (300_000, 12)])
def test_fisher_agrees_with_scipy(n: int, size: int) -> None:
    both, left, right = random_tables(n, size, seed=n)
    ours = log_tail(both, left, right, n)
    theirs = stats.hypergeom.logsf(both - 1, n, left, right)
    known = np.isfinite(theirs) & (theirs > -600)
    assert known.mean() > 0.3
    assert np.abs(ours - theirs)[known].max() < 1e-9 * max(1.0, np.abs(theirs[known]).max() / 10)
    assert (ours <= 0).all()


def test_fisher_agrees_with_exact_fractions_far_in_the_tail() -> None:
    from fractions import Fraction
    from math import comb

    for both, left, right, n in [(40, 50, 60, 500), (200, 200, 200, 5000), (3, 3, 4, 9)]:
        ways = sum(
            comb(left, k) * comb(n - left, right - k) for k in range(both, min(left, right) + 1)
        )
        exact = Fraction(ways, comb(n, right))
        wanted = log(exact.numerator) - log(exact.denominator)
        (found,) = log_tail(np.array([both]), np.array([left]), np.array([right]), n)
        assert found == pytest.approx(wanted, rel=1e-12)
    assert wanted > -700


@given(st.integers(1, 40), st.data())
def test_one_sided_and_mid_p_values_add_up(n: int, data: st.DataObject) -> None:
    left, right = data.draw(st.integers(1, n)), data.draw(st.integers(1, n))
    both = data.draw(st.integers(max(0, left + right - n), min(left, right)))
    one = (np.array([both]), np.array([left]), np.array([right]), n)
    greater, less, either = (
        float(np.exp(log_p_values(*one, alternative=way))[0])
        for way in ("greater", "less", "two-sided")
    )
    point = stats.hypergeom.pmf(both, n, left, right)
    assert greater == pytest.approx(stats.hypergeom.sf(both - 1, n, left, right), abs=1e-12)
    assert less == pytest.approx(stats.hypergeom.cdf(both, n, left, right), abs=1e-12)
    assert either == pytest.approx(min(1.0, 2 * min(greater, less)), abs=1e-12)
    mid = float(np.exp(log_p_values(*one, method="fisher_midp"))[0])
    fixed = left == n or right == n
    assert mid == pytest.approx(1.0 if fixed else greater - point / 2, abs=1e-12)


def test_chi_square_and_g_agree_with_scipy() -> None:
    both, left, right = random_tables(400, 60, seed=5)
    for method, power in (("chi2", 1.0), ("g", 0.0)):
        values = (chi_squared if method == "chi2" else g_statistic)(both, left, right, 400)
        log_p = log_p_values(both, left, right, 400, method=method, alternative="two-sided")  # type: ignore[arg-type]
        upper = log_p_values(both, left, right, 400, method=method)  # type: ignore[arg-type]
        lower = log_p_values(both, left, right, 400, method=method, alternative="less")  # type: ignore[arg-type]
        for i, (a, x, y) in enumerate(zip(both, left, right, strict=True)):
            table = np.array([[a, x - a], [y - a, 400 - x - y + a]])
            if (table.sum(0) == 0).any() or (table.sum(1) == 0).any():
                assert values[i] == log_p[i] == 0
                continue
            wanted = stats.chi2_contingency(table, correction=False, lambda_=power)
            assert values[i] == pytest.approx(wanted.statistic, rel=1e-9, abs=1e-9)
            assert np.exp(log_p[i]) == pytest.approx(wanted.pvalue, rel=1e-7)
            smaller = min(np.exp(upper[i]), np.exp(lower[i]))
            assert 2 * smaller == pytest.approx(np.exp(log_p[i]), rel=1e-9)


def test_odds_ratios_agree_with_statsmodels() -> None:
    both, left, right = random_tables(400, 100, seed=6)
    ratio, low, high = odds_ratio_interval(both, left, right, 400, confidence_level=0.9)
    for i, (a, x, y) in enumerate(zip(both, left, right, strict=True)):
        table = Table2x2(np.array([[a, x - a], [y - a, 400 - x - y + a]]) + 0.5)
        assert ratio[i] == pytest.approx(table.oddsratio)
        assert (low[i], high[i]) == pytest.approx(table.oddsratio_confint(0.1))


@given(st.lists(st.floats(1e-300, 1), min_size=1, max_size=30), st.integers(0, 40))
def test_adjusted_values_agree_with_statsmodels(p_values: list[float], n_more: int) -> None:
    names = {"bonferroni": "bonferroni", "holm": "holm", "bh": "fdr_bh", "by": "fdr_by"}
    p = np.array(p_values)
    for ours, theirs in names.items():
        wanted = multipletests([*p_values, *[1.0] * n_more], method=theirs)[1][: len(p)]
        found = np.exp(adjust_log_p(np.log(p), ours, len(p) + n_more))  # type: ignore[arg-type]
        np.testing.assert_allclose(found, wanted, rtol=1e-9)
    np.testing.assert_array_equal(adjust_log_p(np.log(p), None, len(p)), np.log(p))


def bundled(seed: int, n: int = 400, n_items: int = 12) -> Baskets:
    """Independent items, but for 0 and 1, which are often together."""
    rng = np.random.default_rng(seed)
    held = rng.random((n, n_items)) < rng.uniform(0.05, 0.3, n_items)
    held[:, 1] |= held[:, 0] & (rng.random(n) < 0.7)
    return Baskets.from_lists([np.flatnonzero(row).tolist() for row in held])


def test_significant_rules_are_those_of_a_known_bundle() -> None:
    rules = derive_rules(mine_itemsets(bundled(1), min_support=5, max_length=2))
    for adjust in ("holm", "bonferroni", "bh", "by"):
        found = rules.significant(adjust=adjust)  # type: ignore[arg-type]
        frame = found.to_frame(["adjusted_p_value"])
        assert set(zip(frame["antecedent"], frame["consequent"], strict=True)) == {
            ((0,), (1,)),
            ((1,), (0,)),
        }
        assert (frame["adjusted_p_value"] <= 0.05).all()
        assert found.steps[-1].n_before == len(rules)
        assert found.steps[-1].n_after == 2


def test_hypotheses_are_all_pairs_of_frequent_sides() -> None:
    lists = [list(basket) for basket in ["ab", "ab", "a", "b", "c", "c", "d"]]
    rules = derive_rules(mine_itemsets(lists, min_support=2))
    assert (rules.n_pairs, rules.origin.n_splits) == (6, 2)  # a, b, c in pairs
    p = np.exp(rules.test(adjust=None).columns["log10_p_value"] * np.log(10))
    for count, m in (("pairs", 6), (2, 2), (50, 50)):
        tested = rules.test(adjust="bonferroni", n_tested=count)  # type: ignore[arg-type]
        np.testing.assert_allclose(tested.columns["adjusted_p_value"], np.minimum(p * m, 1))
    of_a = derive_rules(mine_itemsets(lists, min_support=2), antecedents=["a"])
    assert of_a.n_pairs == 2


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.integers(0, 6), max_size=6), min_size=1, max_size=20), st.integers(0, 9)
)
def test_shuffling_keeps_items_and_sizes(lists: list[list[int]], seed: int) -> None:
    baskets = Baskets.from_lists(lists)
    found = shuffle_baskets(baskets, random_state=seed)
    np.testing.assert_array_equal(found.indptr, baskets.indptr)
    np.testing.assert_array_equal(np.sort(found.indices), np.sort(baskets.indices))
    for start, end in zip(found.indptr[:-1], found.indptr[1:], strict=True):
        assert (np.diff(found.indices[start:end]) > 0).all()
    again = shuffle_baskets(baskets, random_state=seed)
    np.testing.assert_array_equal(found.indices, again.indices)


def test_shuffled_tables_are_equally_likely() -> None:
    baskets = Baskets.from_lists([[0, 1], [2], [0], [1, 2]])
    seen: dict[bytes, int] = {}
    for seed in range(900):
        key = shuffle_baskets(baskets, n_trades=12, random_state=seed).indices.tobytes()
        seen[key] = seen.get(key, 0) + 1
    # Rows as three bits, two of each bit in all: every such table, by looking at all.
    rows = [(2, [3, 5, 6]), (1, [1, 2, 4]), (1, [1, 2, 4]), (2, [3, 5, 6])]
    tables = [
        (a, b, c, d)
        for a in rows[0][1] for b in rows[1][1] for c in rows[2][1] for d in rows[3][1]
        if all(sum(v >> bit & 1 for v in (a, b, c, d)) == 2 for bit in range(3))
    ]  # fmt: skip
    assert len(seen) == len(tables)
    assert stats.chisquare(list(seen.values())).pvalue > 1e-4


def test_permutation_finds_the_bundle_and_nothing_else() -> None:
    baskets = bundled(2)
    rules = derive_rules(mine_itemsets(baskets, min_support=5, max_length=2))
    asked: dict[str, Any] = {
        "adjust": "permutation", "baskets": baskets, "n_permutations": 39, "random_state": 4,
    }  # fmt: skip
    found = rules.significant(**asked)
    assert sorted(found.to_frame([])["antecedent"]) == [(0,), (1,)]
    assert found.columns["adjusted_p_value"] == pytest.approx([0.025, 0.025])
    again = rules.significant(**asked)
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


def test_permutation_needs_the_baskets() -> None:
    rules = derive_rules(mine_itemsets(bundled(2), min_support=5, max_length=2))
    with pytest.raises(InvalidParameterError, match="needs baskets"):
        rules.test(adjust="permutation")
    with pytest.raises(InvalidDataError, match="come from 400 baskets; got 20"):
        rules.test(adjust="permutation", baskets=bundled(1, n=20))


def test_wrong_parameters_of_a_test_are_named_at_once() -> None:
    rules = derive_rules(mine_itemsets(bundled(2), min_support=5, max_length=2))
    with pytest.raises(InvalidParameterError) as caught:
        rules.significant("fischer", adjust="holmes", n_tested=1)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "Did you mean 'fisher'" in text
    assert "Did you mean 'holm'" in text
    assert "n_tested must be an integer" in text
    with pytest.raises(InvalidParameterError, match="alpha"):
        rules.significant(alpha=5)


def false_alarms(n_runs: int, *, adjust: str, n_tested: Any = "pairs", **options: Any) -> float:
    baskets, found = bundled(7, n=300, n_items=15), 0
    for seed in range(n_runs):
        shuffled = shuffle_baskets(baskets, random_state=seed)
        rules = derive_rules(mine_itemsets(shuffled, min_support=4, max_length=3))
        more = {"baskets": shuffled, **options} if adjust == "permutation" else {}
        found += len(rules.significant(adjust=adjust, n_tested=n_tested, **more)) > 0  # type: ignore[arg-type]
    return found / n_runs


@pytest.fixture(scope="module")
def by_chance() -> list[Rules]:
    baskets = bundled(7, n=300, n_items=15)
    return [
        derive_rules(mine_itemsets(shuffle, min_support=4, max_length=3, engine="numpy"))
        for shuffle in shuffled(baskets, 60, np.random.default_rng(0))
    ]


@pytest.mark.parametrize("adjust", ["holm", "bonferroni", "bh"])
def test_shuffled_baskets_rarely_have_a_significant_rule(
    by_chance: list[Rules], adjust: Any
) -> None:
    # Of 60 runs at 5 %, more than 8 would alarm in fewer than 1 of 100 tries.
    assert sum(len(rules.significant(adjust=adjust)) > 0 for rules in by_chance) <= 8


def test_counting_only_the_frequent_pairs_would_be_wrong() -> None:
    # 44,850 pairs that have nothing to do with each other meet 0.8 times on average; the few
    # that meet 5 times by chance are just those whose p-values are small.
    rng = np.random.default_rng(0)
    alarms = {"pairs": 0, "found": 0}
    for _ in range(6):
        held = rng.random((2000, 300)) < 0.02
        baskets = Baskets.from_lists([np.flatnonzero(row).tolist() for row in held])
        rules = derive_rules(mine_itemsets(baskets, min_support=5, max_length=2, engine="numpy"))
        alarms["pairs"] += len(rules.significant()) > 0
        alarms["found"] += len(rules.significant(n_tested=rules.origin.n_splits)) > 0
    assert alarms["pairs"] <= 1
    assert alarms["found"] >= 5


@pytest.mark.slow
def test_false_alarms_stay_below_five_per_cent() -> None:
    assert false_alarms(400, adjust="holm") <= 0.05
    assert false_alarms(100, adjust="permutation", n_permutations=99, random_state=1) <= 0.11
