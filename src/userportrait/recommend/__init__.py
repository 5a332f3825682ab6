"""Recommendation: what to show to whom, with the caller's own IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.recommend._als import ALS
    from userportrait.recommend._als_spark import SparkALS
    from userportrait.recommend._base import Recommender
    from userportrait.recommend._bpr import BPR
    from userportrait.recommend._compare import RankingComparison, compare_rankings
    from userportrait.recommend._content_based import ContentBased
    from userportrait.recommend._ease import EASE
    from userportrait.recommend._evaluate import evaluate_customers, evaluate_ranking
    from userportrait.recommend._explicit_mf import ExplicitMF
    from userportrait.recommend._filters import (
        Candidates,
        ItemFilter,
        PairFilter,
        Request,
        Reranker,
    )
    from userportrait.recommend._filters_customers import (
        Eligible,
        ExcludeFor,
        NotBoughtWithin,
        OnlyCategories,
        OnlyFor,
    )
    from userportrait.recommend._filters_items import (
        ExcludeItems,
        InStock,
        ItemsWhere,
        OnlyItems,
        PriceBand,
    )
    from userportrait.recommend._graph_filter import GraphFilter
    from userportrait.recommend._hybrid import Hybrid
    from userportrait.recommend._interactions import Interactions
    from userportrait.recommend._item_knn import ItemKNN
    from userportrait.recommend._markov_next import MarkovNext
    from userportrait.recommend._next_basket import NextBasket
    from userportrait.recommend._off_policy import evaluate_policy
    from userportrait.recommend._off_policy_value import PolicyValue
    from userportrait.recommend._popularity import Popularity
    from userportrait.recommend._rerank import AtMostPer, CategoryQuota
    from userportrait.recommend._rerank_calibrated import Calibrated
    from userportrait.recommend._rerank_diverse import Diversify
    from userportrait.recommend._rp3beta import RP3Beta
    from userportrait.recommend._rule_based import RuleBased
    from userportrait.recommend._saving import load_recommender
    from userportrait.recommend._slim import SLIM
    from userportrait.recommend._splits import split_blocks, split_by_time, split_last, split_random
    from userportrait.recommend._splits_result import Split
    from userportrait.recommend._tune import tune
    from userportrait.recommend._tune_result import TuningResult
    from userportrait.recommend._user_knn import UserKNN
    from userportrait.recommend._warmup import warmup_recommend

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "SLIM",
    "AtMostPer",
    "Calibrated",
    "Candidates",
    "CategoryQuota",
    "ContentBased",
    "Diversify",
    "Eligible",
    "ExcludeFor",
    "ExcludeItems",
    "ExplicitMF",
    "GraphFilter",
    "Hybrid",
    "InStock",
    "Interactions",
    "ItemFilter",
    "ItemKNN",
    "ItemsWhere",
    "MarkovNext",
    "NextBasket",
    "NotBoughtWithin",
    "OnlyCategories",
    "OnlyFor",
    "OnlyItems",
    "PairFilter",
    "PolicyValue",
    "Popularity",
    "PriceBand",
    "RP3Beta",
    "RankingComparison",
    "Recommender",
    "Request",
    "Reranker",
    "RuleBased",
    "SparkALS",
    "Split",
    "TuningResult",
    "UserKNN",
    "compare_rankings",
    "evaluate_customers",
    "evaluate_policy",
    "evaluate_ranking",
    "load_recommender",
    "split_blocks",
    "split_by_time",
    "split_last",
    "split_random",
    "tune",
    "warmup_recommend",
]

_HOMES: dict[str, str] = {
    "SparkALS": f"{__name__}._als_spark",
    "ALS": f"{__name__}._als",
    "BPR": f"{__name__}._bpr",
    "EASE": f"{__name__}._ease",
    "SLIM": f"{__name__}._slim",
    "AtMostPer": f"{__name__}._rerank",
    "Calibrated": f"{__name__}._rerank_calibrated",
    "Candidates": f"{__name__}._filters",
    "CategoryQuota": f"{__name__}._rerank",
    "ContentBased": f"{__name__}._content_based",
    "Diversify": f"{__name__}._rerank_diverse",
    "Eligible": f"{__name__}._filters_customers",
    "ExcludeFor": f"{__name__}._filters_customers",
    "ExcludeItems": f"{__name__}._filters_items",
    "ExplicitMF": f"{__name__}._explicit_mf",
    "GraphFilter": f"{__name__}._graph_filter",
    "Hybrid": f"{__name__}._hybrid",
    "InStock": f"{__name__}._filters_items",
    "Interactions": f"{__name__}._interactions",
    "ItemKNN": f"{__name__}._item_knn",
    "ItemFilter": f"{__name__}._filters",
    "ItemsWhere": f"{__name__}._filters_items",
    "MarkovNext": f"{__name__}._markov_next",
    "NextBasket": f"{__name__}._next_basket",
    "NotBoughtWithin": f"{__name__}._filters_customers",
    "OnlyCategories": f"{__name__}._filters_customers",
    "OnlyFor": f"{__name__}._filters_customers",
    "OnlyItems": f"{__name__}._filters_items",
    "PairFilter": f"{__name__}._filters",
    "PolicyValue": f"{__name__}._off_policy_value",
    "Popularity": f"{__name__}._popularity",
    "PriceBand": f"{__name__}._filters_items",
    "RP3Beta": f"{__name__}._rp3beta",
    "RankingComparison": f"{__name__}._compare",
    "Recommender": f"{__name__}._base",
    "Request": f"{__name__}._filters",
    "Reranker": f"{__name__}._filters",
    "RuleBased": f"{__name__}._rule_based",
    "Split": f"{__name__}._splits_result",
    "TuningResult": f"{__name__}._tune_result",
    "UserKNN": f"{__name__}._user_knn",
    "compare_rankings": f"{__name__}._compare",
    "evaluate_customers": f"{__name__}._evaluate",
    "evaluate_policy": f"{__name__}._off_policy",
    "evaluate_ranking": f"{__name__}._evaluate",
    "load_recommender": f"{__name__}._saving",
    "split_blocks": f"{__name__}._splits",
    "split_by_time": f"{__name__}._splits",
    "split_last": f"{__name__}._splits",
    "split_random": f"{__name__}._splits",
    "tune": f"{__name__}._tune",
    "warmup_recommend": f"{__name__}._warmup",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
