"""Measures against their definitions in exact fractions, table by table."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, chain, combinations
from math import comb, inf, isnan, log, log10, nan, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helpers.brute_itemsets import all_itemsets, brute_itemsets
from userportrait.errors import InvalidParameterError
from userportrait.patterns._measures import MEASURES, measure_tables, rule_measures
from userportrait.patterns._measures_formulas import Tables
from userportrait.patterns._rules_derive import derive_rules

if TYPE_CHECKING:
    from pathlib import Path

# (baskets with both, with X, with Y, all): usual ones, then every kind of edge.
TABLES = [
    (30, 60, 50, 200),
    (5, 60, 50, 200),
    (15, 60, 50, 200),  # independent
    (1, 1, 1, 10),
    (3, 3, 8, 10),  # confidence 1
    (3, 8, 3, 10),
    (4, 10, 4, 10),  # X everywhere
    (4, 4, 10, 10),  # Y everywhere
    (10, 10, 10, 10),  # both everywhere
    (2, 7, 5, 10),  # no basket with neither
    (7, 7, 7, 12),  # X and Y always together
    (1, 400, 500, 1000),
]


def over(
    top: Fraction, bottom: Fraction, nothing: float = nan, something: float | None = None
) -> Any:
    if bottom:
        return top / bottom
    return something if something is not None and top else nothing


def xlog(weight: Fraction, ratio: Fraction) -> float:
    return float(weight) * log(ratio) if weight else 0.0


def tail(both: int, left: int, right: int, n: int) -> Fraction:
    ways = sum(comb(left, k) * comb(n - left, right - k) for k in range(both, min(left, right) + 1))
    return Fraction(ways, comb(n, right))


def quantile(left: int, right: int, n: int) -> int:
    ways = (comb(left, q) * comb(n - left, right - q) for q in range(min(left, right) + 1))
    needed = Fraction(99, 100) * comb(n, right)
    return next(q for q, total in enumerate(accumulate(ways)) if total >= needed)


def cells(a: int, x: int, y: int, n: int) -> list[tuple[Fraction, Fraction]]:
    """Observed and expected shares of the four cells."""
    return [
        (Fraction(a, n), Fraction(x, n) * Fraction(y, n)),
        (Fraction(x - a, n), Fraction(x, n) * Fraction(n - y, n)),
        (Fraction(y - a, n), Fraction(n - x, n) * Fraction(y, n)),
        (Fraction(n - x - y + a, n), Fraction(n - x, n) * Fraction(n - y, n)),
    ]


@lru_cache
def defined(a: int, x: int, y: int, n: int) -> dict[str, Any]:
    """Every measure from its published definition, in shares."""
    s, X, Y = Fraction(a, n), Fraction(x, n), Fraction(y, n)
    xny, nxy, nn = X - s, Y - s, 1 - X - Y + s
    conf, odds = s / X, over(s * nn, xny * nxy, nan, inf)
    agree, chance = s + nn, X * Y + (1 - X) * (1 - Y)
    p, q = conf, over(nxy, 1 - X)
    information = sum(xlog(o, o / e) for o, e in cells(a, x, y, n) if o)
    entropies = [-xlog(z, z) - xlog(1 - z, 1 - z) for z in (X, Y)]
    best = max(Y, 1 - Y)
    d = s - X * Y
    least, most = max(X + Y - 1, Fraction(1, n)) / (X * Y), 1 / max(X, Y)
    fisher = tail(a, x, y, n)
    q99 = quantile(x, y, n)
    zhang = max(s * (1 - X), X * (Y - s))
    certainty = over(conf - Y, 1 - Y, 0.0) if Y < 1 else 0.0
    room = min(xny, nxy) if d > 0 else -min(s, nn)
    return {
        "count": a,
        "support": s,
        "coverage": X,
        "prevalence": Y,
        "confidence": conf,
        "lift": s / (X * Y),
        "leverage": d,
        "conviction": over(X * (1 - Y), xny, inf, inf),
        "added_value": conf - Y,
        "casual_confidence": (conf + nn / (1 - X)) / 2 if X < 1 else nan,
        "casual_support": agree,
        "certainty": certainty,
        "certainty_factor": (conf - Y) / Y if conf < Y else certainty,
        "chi_squared": n * sum((o - e) ** 2 / e for o, e in cells(a, x, y, n) if e),
        "g_statistic": 2 * n * information,
        "collective_strength": over(agree * (1 - chance), chance * (1 - agree), nan, inf),
        "confirmed_confidence": conf - xny / X,
        "cosine": float(s) / sqrt(X * Y),
        "counterexample_rate": (s - xny) / s,
        "difference_of_confidence": conf - q if X < 1 else nan,
        "gini": X * (p**2 + (1 - p) ** 2) + (1 - X) * (q**2 + (1 - q) ** 2) - Y**2 - (1 - Y) ** 2
        if X < 1
        else 0,
        "goodman_kruskal": over(max(s, xny) + max(nxy, nn) - best, 1 - best),
        "hyper_confidence": 1 - fisher,
        "hyper_lift": Fraction(a, q99) if q99 else inf,
        "imbalance": abs(X - Y) / (X + Y - s),
        "implication_index": sqrt(n) * float(xny - X * (1 - Y)) / sqrt(X * (1 - Y)) if Y < 1 else 0,
        "importance": log10(Fraction(a + 1, x - a + 1)),
        "j_measure": xlog(s, conf / Y) + (xlog(xny, (1 - conf) / (1 - Y)) if xny else 0),
        "jaccard": s / (X + Y - s),
        "kappa": over(agree - chance, 1 - chance),
        "klosgen": sqrt(s) * float(conf - Y),
        "kulczynski": (conf + s / Y) / 2,
        "laplace": Fraction(a + 1, x + 2),
        "least_contradiction": (s - xny) / Y,
        "lerman": sqrt(n) * float(d) / sqrt(X * Y),
        "log10_p_value": log10(fisher),
        "max_confidence": max(conf, s / Y),
        "mutual_information": information / min(entropies) if min(entropies) > 0 else 0,
        "odds_ratio": odds,
        "p_value": fisher,
        "phi": float(d) / sqrt(X * Y * (1 - X) * (1 - Y)) if X < 1 and Y < 1 else nan,
        "ralambondrainy": xny,
        "relative_linkage_disequilibrium": d / (d + room) if d else 0,
        "relative_risk": over(conf, q, nan, inf) if X < 1 else nan,
        "rule_power_factor": s * conf,
        "sebag": over(s, xny, nan, inf),
        "standardised_lift": (s / (X * Y) - least) / (most - least) if most > least else 1,
        "varying_rates_liaison": s / (X * Y) - 1,
        "yule_q": 1.0 if odds == inf else nan if odds != odds else (odds - 1) / (odds + 1),
        "yule_y": 1.0
        if odds == inf
        else nan
        if odds != odds
        else (sqrt(odds) - 1) / (sqrt(odds) + 1),
        "zhang": d / zhang if zhang else 0,
    }


OF_TABLES = sorted(name for name, found in MEASURES.items() if found.needs == "table")


def test_every_measure_of_a_table_is_tested() -> None:
    assert sorted(defined(*TABLES[0])) == OF_TABLES


@pytest.mark.parametrize("name", OF_TABLES)
def test_a_measure_is_what_its_definition_gives(name: str) -> None:
    both, left, right = (np.array([t[i] for t in TABLES if t[3] == 200]) for i in range(3))
    for a, x, y, n in TABLES:
        tables = Tables(np.array([a]), np.array([x]), np.array([y]), n)
        (found,) = measure_tables(name, tables).tolist()
        wanted = defined(a, x, y, n)[name]
        assert found == pytest.approx(float(wanted), rel=1e-11, abs=1e-12, nan_ok=True), (a, x, y)
    several = measure_tables(name, Tables(both, left, right, 200))
    alone = [
        measure_tables(name, Tables(*(v[i : i + 1] for v in (both, left, right)), 200))[0]
        for i in range(3)
    ]
    np.testing.assert_array_equal(several, alone)


@pytest.mark.parametrize("name", OF_TABLES)
def test_values_keep_the_limits_that_the_catalogue_says(name: str) -> None:
    measure = MEASURES[name]
    rng = np.random.default_rng(3)
    n = 60
    left, right = rng.integers(1, n + 1, 4000), rng.integers(1, n + 1, 4000)
    low, high = np.maximum(left + right - n, 1), np.minimum(left, right)
    both = rng.integers(low, high + 1)
    values = measure_tables(name, Tables(both, left, right, n))
    undefined = np.isnan(values)
    assert (not undefined.any()) or "NaN" in measure.undefined
    assert (not np.isinf(values).any()) or "infinite" in measure.undefined
    known = values[~undefined]
    assert known.min() >= measure.range[0] - 1e-12
    assert known.max() <= measure.range[1] + 1e-12
    swapped = measure_tables(name, Tables(both, right, left, n))
    same = np.isclose(swapped, values, rtol=1e-9, equal_nan=True)
    assert same.all() == measure.symmetric
    more = measure_tables(name, Tables(both, left, right, n + 40))
    assert np.isclose(more, values, rtol=1e-9, equal_nan=True).all() == measure.null_invariant


@pytest.mark.parametrize("name", OF_TABLES)
def test_independent_sides_have_the_value_that_the_catalogue_says(name: str) -> None:
    neutral = MEASURES[name].at_independence
    tables = [(a, b, c) for a, b, c in [(15, 60, 50), (50, 100, 100), (2, 20, 20)]]
    values = measure_tables(name, Tables(*(np.array(v) for v in zip(*tables, strict=True)), 200))
    if neutral is not None:
        np.testing.assert_allclose(values, neutral, atol=1e-12)


LISTS = ["abcd", "abc", "abd", "acd", "bcd", "ab", "cd", "a", "ac", "bd", "e", "ae"]


@pytest.fixture(scope="module")
def brute() -> list[dict[str, float]]:
    """Measures that need more than a table, by set arithmetic, one dict a rule."""
    found = {**all_itemsets(LISTS, 1), frozenset[str](): len(LISTS)}
    rows = []
    frame = derive_rules(brute_itemsets(LISTS, 1)).to_frame([])
    for left, right in zip(frame["antecedent"], frame["consequent"], strict=True):
        whole = frozenset(left + right)

        def sure(part: Any, right: tuple[str, ...] = right) -> float:
            return found[frozenset(part) | frozenset(right)] / found[frozenset(part)]

        smaller = chain.from_iterable(combinations(left, k) for k in range(len(left)))
        best = max(map(sure, smaller))
        one_less = max(map(sure, combinations(left, len(left) - 1)))
        single = [found[frozenset(item)] for item in whole]
        rows.append(
            {
                "improvement": sure(left) - best,
                "confidence_boost": sure(left) / best,
                "lift_increase": sure(left) / one_less,
                "all_confidence": found[whole] / max(single),
                "cross_support": min(single) / max(single),
            }
        )
    return rows


@pytest.mark.parametrize("name", sorted(set(MEASURES) - set(OF_TABLES)))
def test_measures_of_items_and_subsets_equal_brute_force(
    name: str, brute: list[dict[str, float]]
) -> None:
    rules = derive_rules(brute_itemsets(LISTS, 1))
    np.testing.assert_allclose(rules.measure(name), [row[name] for row in brute], rtol=1e-14)


def test_the_catalogue_has_one_row_a_measure() -> None:
    frame = rule_measures()
    assert frame["name"].tolist() == sorted(MEASURES)
    assert len(frame) >= 50
    assert (frame["formula"].str.len() > 0).all()
    assert (frame["source"].str.len() > 0).all()


def test_an_unknown_measure_has_a_nearest_name() -> None:
    rules = derive_rules(brute_itemsets(LISTS, 1))
    with pytest.raises(InvalidParameterError, match="Did you mean 'conviction'"):
        rules.measure("convicton")
    with pytest.raises(InvalidParameterError, match="Did you mean 'lift'"):
        rules.to_frame(["lifft"])


def test_large_counts_do_not_overflow() -> None:
    n = 2_000_000_000
    tables = Tables(np.array([400_000_000]), np.array([10**9]), np.array([8 * 10**8]), n)
    for name in set(OF_TABLES) - {"p_value", "log10_p_value", "hyper_confidence", "hyper_lift"}:
        if MEASURES[name].at_independence is not None:
            value = float(measure_tables(name, tables)[0])
            assert value == pytest.approx(MEASURES[name].at_independence, abs=1e-9), name
        assert not isnan(float(measure_tables(name, tables)[0]))


def test_the_page_of_rules_lists_every_measure_with_its_formula(repository: Path) -> None:
    text = (repository / "docs" / "patterns_rules.rst").read_text("utf-8")
    for measure in MEASURES.values():
        assert f"   * - ``{measure.name}``\n     - {measure.formula}" in text
        assert measure.source in text
