"""Recommendation: what to show to whom, with the caller's own IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.recommend._base import Recommender
    from userportrait.recommend._ease import EASE
    from userportrait.recommend._filters import ExcludeItems, ItemFilter, Request, Reranker
    from userportrait.recommend._interactions import Interactions
    from userportrait.recommend._saving import load_recommender

__all__ = [
    "EASE",
    "ExcludeItems",
    "Interactions",
    "ItemFilter",
    "Recommender",
    "Request",
    "Reranker",
    "load_recommender",
]

_HOMES: dict[str, str] = {
    "EASE": f"{__name__}._ease",
    "ExcludeItems": f"{__name__}._filters",
    "Interactions": f"{__name__}._interactions",
    "ItemFilter": f"{__name__}._filters",
    "Recommender": f"{__name__}._base",
    "Request": f"{__name__}._filters",
    "Reranker": f"{__name__}._filters",
    "load_recommender": f"{__name__}._saving",
}

__getattr__, _names = lazy_exports(__name__, _HOMES, globals())


def __dir__() -> list[str]:
    return _names()
