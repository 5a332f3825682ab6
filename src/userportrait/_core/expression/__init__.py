"""The language of audience expressions: text, syntax tree, truth.

A text is parsed, never evaluated as Python. The logic has three values: true, false, unknown.
"""

from __future__ import annotations

from userportrait._core.expression._evaluate import Truth
from userportrait._core.expression._expression import Expression, Leaf, parse_expression

__all__ = ["Expression", "Leaf", "Truth", "parse_expression"]
