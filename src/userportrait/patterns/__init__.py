"""Market-basket analysis: itemsets, rules, sequences, complements and substitutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.patterns._basket_report import BasketReport
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Budget
    from userportrait.patterns._bundles import suggest_bundles
    from userportrait.patterns._bundles_table import BundleTable
    from userportrait.patterns._complements import find_complements
    from userportrait.patterns._estimate import Estimate, estimate_itemsets
    from userportrait.patterns._itemsets import Itemsets
    from userportrait.patterns._measures import rule_measures
    from userportrait.patterns._mine import mine_itemsets
    from userportrait.patterns._next_purchase import NextPurchases, derive_next_purchases
    from userportrait.patterns._numba_engine import warmup_numba
    from userportrait.patterns._pairs_table import PairTable
    from userportrait.patterns._recommender import BasketRuleRecommender
    from userportrait.patterns._rule_sides import RuleSide
    from userportrait.patterns._rules import Rules
    from userportrait.patterns._rules_compare import compare_rules
    from userportrait.patterns._rules_derive import derive_rules
    from userportrait.patterns._sequence_contrast import SequenceContrasts, contrast_sequences
    from userportrait.patterns._sequence_mine import mine_sequences
    from userportrait.patterns._sequence_patterns import SequencePatterns
    from userportrait.patterns._sequences import Sequences
    from userportrait.patterns._significance_shuffle import shuffle_baskets
    from userportrait.patterns._substitutes import find_substitutes
    from userportrait.patterns._switching import find_switching

__all__ = [
    "BasketReport",
    "BasketRuleRecommender",
    "Baskets",
    "Budget",
    "BundleTable",
    "Estimate",
    "Itemsets",
    "NextPurchases",
    "PairTable",
    "RuleSide",
    "Rules",
    "SequenceContrasts",
    "SequencePatterns",
    "Sequences",
    "compare_rules",
    "contrast_sequences",
    "derive_next_purchases",
    "derive_rules",
    "estimate_itemsets",
    "find_complements",
    "find_substitutes",
    "find_switching",
    "mine_itemsets",
    "mine_sequences",
    "rule_measures",
    "shuffle_baskets",
    "suggest_bundles",
    "warmup_numba",
]

_HOMES: dict[str, str] = {
    "BasketReport": f"{__name__}._basket_report",
    "BasketRuleRecommender": f"{__name__}._recommender",
    "Baskets": f"{__name__}._baskets",
    "Budget": f"{__name__}._budget",
    "BundleTable": f"{__name__}._bundles_table",
    "Estimate": f"{__name__}._estimate",
    "Itemsets": f"{__name__}._itemsets",
    "NextPurchases": f"{__name__}._next_purchase",
    "PairTable": f"{__name__}._pairs_table",
    "RuleSide": f"{__name__}._rule_sides",
    "Rules": f"{__name__}._rules",
    "SequenceContrasts": f"{__name__}._sequence_contrast",
    "SequencePatterns": f"{__name__}._sequence_patterns",
    "Sequences": f"{__name__}._sequences",
    "compare_rules": f"{__name__}._rules_compare",
    "contrast_sequences": f"{__name__}._sequence_contrast",
    "derive_next_purchases": f"{__name__}._next_purchase",
    "derive_rules": f"{__name__}._rules_derive",
    "estimate_itemsets": f"{__name__}._estimate",
    "find_complements": f"{__name__}._complements",
    "find_substitutes": f"{__name__}._substitutes",
    "find_switching": f"{__name__}._switching",
    "mine_itemsets": f"{__name__}._mine",
    "mine_sequences": f"{__name__}._sequence_mine",
    "rule_measures": f"{__name__}._measures",
    "shuffle_baskets": f"{__name__}._significance_shuffle",
    "suggest_bundles": f"{__name__}._bundles",
    "warmup_numba": f"{__name__}._numba_engine",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
