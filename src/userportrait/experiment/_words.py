"""Sentences in English and Chinese, with places to fill."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Language", "Sentence", "write_number", "write_share"]

Language: TypeAlias = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in two languages with places to fill."""

    english: str
    chinese: str

    def __call__(self, language: Language, **values: str) -> str:
        """Return the sentence filled in."""
        return (self.chinese if language == "zh" else self.english).format(**values)


def write_share(share: float) -> str:
    """Return a change as per cent with its sign; an infinity as a sign, NaN as a dash.

    Examples
    --------
    >>> write_share(0.0512), write_share(-2.5), write_share(float("inf"))
    ('+5.1%', '-250%', '+∞')
    """
    if math.isnan(share):
        return "–"
    if math.isinf(share):
        return "+∞" if share > 0 else "-∞"
    digits = 2 if abs(share) < 0.00995 else 1 if abs(share) < 0.995 else 0
    return f"{100 * share:+,.{digits}f}%"


def write_number(value: float) -> str:
    """Return a number with four digits that count.

    Examples
    --------
    >>> write_number(0.012344), write_number(1234567.0), write_number(12.0)
    ('0.01234', '1,234,567', '12')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
