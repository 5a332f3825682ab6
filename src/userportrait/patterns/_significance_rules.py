"""Tests of many rules: which method, over how many hypotheses, adjusted how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.multiplicity import adjust_log_p
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._significance import log_p_values
from userportrait.patterns._significance_shuffle import shuffled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._measures_formulas import Tables
    from userportrait.patterns._rules import Rules
    from userportrait.patterns._significance import Alternative, SignificanceMethod

__all__ = ["AdjustMethod", "HypothesisCount", "RuleTest", "adjusted", "run_test"]

Floats: TypeAlias = "NDArray[np.float64]"
AdjustMethod: TypeAlias = Literal["holm", "bonferroni", "bh", "by", "permutation"]
HypothesisCount: TypeAlias = int | Literal["pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """What was asked for; see `Rules.test`."""

    method: SignificanceMethod
    adjust: AdjustMethod | None
    n_tested: HypothesisCount
    alternative: Alternative
    n_permutations: int
    random_state: int | None

    def check(self, owner: str, n_rules: int, confidence_level: float, baskets: object) -> None:
        """Raise if parameters do not fit; all are named."""
        counted = self.n_tested
        some: Any = (
            OneOf(("pairs",))
            if isinstance(counted, str)
            else Between(max(n_rules, 1), float("inf"), integer=True)
        )
        check_values(
            owner,
            {
                "method": self.method,
                "adjust": self.adjust,
                "n_tested": counted,
                "alternative": self.alternative,
                "confidence_level": confidence_level,
                "baskets": baskets,
                "n_permutations": self.n_permutations,
                "random_state": self.random_state,
            },
            {
                "method": OneOf(("fisher", "fisher_midp", "chi2", "g")),
                "adjust": Optional(OneOf(("holm", "bonferroni", "bh", "by", "permutation"))),
                "n_tested": some,
                "alternative": OneOf(("greater", "less", "two-sided")),
                "confidence_level": Between(0, 1, open_low=True, open_high=True),
                "baskets": Optional(InstanceOf((Baskets,), "Baskets or None")),
                "n_permutations": Between(1, 10**7, integer=True),
                "random_state": Optional(Between(0, 2**63 - 1, integer=True)),
            },
        )
        if self.adjust == "permutation" and baskets is None:
            problem = "adjust='permutation' needs baskets, where the itemsets come from."
            raise InvalidParameterError(owner, [problem])


def run_test(tables: Tables, asked: RuleTest) -> Floats:
    """Return the logarithm of each rule's own p-value."""
    return log_p_values(
        tables.both,
        tables.left,
        tables.right,
        tables.n,
        method=asked.method,
        alternative=asked.alternative,
    )


def adjusted(log_p: Floats, asked: RuleTest, rules: Rules, baskets: Baskets | None) -> Floats:
    """Return the logarithm of each rule's adjusted p-value."""
    if asked.adjust == "permutation":
        if baskets is None or len(baskets) != rules.n_baskets:
            given = 0 if baskets is None else len(baskets)
            message = (
                f"Rules.test: the rules come from {rules.n_baskets:,} baskets; got {given:,}. "
                "Give the baskets that the itemsets were mined from."
            )
            raise InvalidDataError(message)
        return _by_permutation(log_p, asked, rules, baskets)
    n_tested = rules.n_pairs if isinstance(asked.n_tested, str) else asked.n_tested
    return adjust_log_p(log_p, asked.adjust, max(n_tested, len(log_p), 1))


def _by_permutation(log_p: Floats, asked: RuleTest, rules: Rules, baskets: Baskets) -> Floats:
    """Compare with the smallest p-value of each shuffle's rules."""
    least = np.sort(smallest_by_chance(asked, rules, baskets))
    as_good = np.searchsorted(least, log_p + 1e-9, side="right")
    found: Floats = np.log((1 + as_good) / (1 + len(least)))
    return found


def smallest_by_chance(asked: RuleTest, rules: Rules, baskets: Baskets) -> Floats:
    """Return the smallest log p-value of the rules of each shuffle; 0 where it has none."""
    from userportrait.patterns._mine import mine_itemsets
    from userportrait.patterns._rules_derive import derive_rules

    longest = int(rules.index.max_length)
    found = np.zeros(asked.n_permutations)
    rng = np.random.default_rng(asked.random_state)
    for turn, chance in enumerate(shuffled(baskets, asked.n_permutations, rng)):
        itemsets = mine_itemsets(
            chance, min_support=rules.origin.min_count, max_length=max(longest, 2)
        )
        by_chance = derive_rules(itemsets, **rules.origin.limits)
        if len(by_chance):
            found[turn] = run_test(by_chance.tables, asked).min()
    return found
