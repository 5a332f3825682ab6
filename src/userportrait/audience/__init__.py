"""Audiences: customers chosen by an expression, counted, compared with everybody, explained."""

from __future__ import annotations

from userportrait._core.expression import Expression, Leaf, Truth, parse_expression
from userportrait.audience._audience import Audience, TagColumns, select_audience
from userportrait.audience._results import Membership, Overlap

__all__ = [
    "Audience",
    "Expression",
    "Leaf",
    "Membership",
    "Overlap",
    "TagColumns",
    "Truth",
    "parse_expression",
    "select_audience",
]
