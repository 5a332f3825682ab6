"""Tags: what is said of each customer, how it is made, when it was true and why."""

from __future__ import annotations

from userportrait._core.columns import column_from
from userportrait.tags._base import Tag
from userportrait.tags._catalogue import TagCatalogue
from userportrait.tags._compare import compare_tables
from userportrait.tags._context import TagContext
from userportrait.tags._domain import Domain
from userportrait.tags._explain import Explanation, Reason, TagEvidence, explain_tag
from userportrait.tags._facts import FactTag, FrameTag
from userportrait.tags._preferences import PreferenceTag
from userportrait.tags._rules import RuleTag
from userportrait.tags._scores import ScoredTag
from userportrait.tags._statistics import StatisticalTag
from userportrait.tags._table import TagTable

__all__ = [
    "Domain",
    "Explanation",
    "FactTag",
    "FrameTag",
    "PreferenceTag",
    "Reason",
    "RuleTag",
    "ScoredTag",
    "StatisticalTag",
    "Tag",
    "TagCatalogue",
    "TagContext",
    "TagEvidence",
    "TagTable",
    "column_from",
    "compare_tables",
    "explain_tag",
]
