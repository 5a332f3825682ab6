"""Recommendation: what to show to whom, with the caller's own IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.recommend._base import Recommender
    from userportrait.recommend._content_based import ContentBased
    from userportrait.recommend._ease import EASE
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
    from userportrait.recommend._markov_next import MarkovNext
    from userportrait.recommend._next_basket import NextBasket
    from userportrait.recommend._popularity import Popularity
    from userportrait.recommend._rerank import AtMostPer, CategoryQuota
    from userportrait.recommend._rerank_calibrated import Calibrated
    from userportrait.recommend._rerank_diverse import Diversify
    from userportrait.recommend._rule_based import RuleBased
    from userportrait.recommend._saving import load_recommender
    from userportrait.recommend._slim import SLIM

__all__ = [
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
    "GraphFilter",
    "Hybrid",
    "InStock",
    "Interactions",
    "ItemFilter",
    "ItemsWhere",
    "MarkovNext",
    "NextBasket",
    "NotBoughtWithin",
    "OnlyCategories",
    "OnlyFor",
    "OnlyItems",
    "PairFilter",
    "Popularity",
    "PriceBand",
    "Recommender",
    "Request",
    "Reranker",
    "RuleBased",
    "load_recommender",
]

_HOMES: dict[str, str] = {
    "RuleBased": f"{__name__}._rule_based",
    "Popularity": f"{__name__}._popularity",
    "NextBasket": f"{__name__}._next_basket",
    "MarkovNext": f"{__name__}._markov_next",
    "Hybrid": f"{__name__}._hybrid",
    "ContentBased": f"{__name__}._content_based",
    "AtMostPer": f"{__name__}._rerank",
    "Calibrated": f"{__name__}._rerank_calibrated",
    "Candidates": f"{__name__}._filters",
    "CategoryQuota": f"{__name__}._rerank",
    "Diversify": f"{__name__}._rerank_diverse",
    "EASE": f"{__name__}._ease",
    "Eligible": f"{__name__}._filters_customers",
    "ExcludeFor": f"{__name__}._filters_customers",
    "ExcludeItems": f"{__name__}._filters_items",
    "GraphFilter": f"{__name__}._graph_filter",
    "InStock": f"{__name__}._filters_items",
    "Interactions": f"{__name__}._interactions",
    "ItemFilter": f"{__name__}._filters",
    "ItemsWhere": f"{__name__}._filters_items",
    "NotBoughtWithin": f"{__name__}._filters_customers",
    "OnlyCategories": f"{__name__}._filters_customers",
    "OnlyFor": f"{__name__}._filters_customers",
    "OnlyItems": f"{__name__}._filters_items",
    "PairFilter": f"{__name__}._filters",
    "PriceBand": f"{__name__}._filters_items",
    "Recommender": f"{__name__}._base",
    "Request": f"{__name__}._filters",
    "Reranker": f"{__name__}._filters",
    "SLIM": f"{__name__}._slim",
    "load_recommender": f"{__name__}._saving",
}

__getattr__, _names = lazy_exports(__name__, _HOMES, globals())


def __dir__() -> list[str]:
    return _names()
