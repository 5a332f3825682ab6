"""Market-basket analysis: itemsets, rules, sequences, complements and substitutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.patterns._basket_report import BasketReport
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Budget
    from userportrait.patterns._itemsets import Itemsets

__all__ = ["BasketReport", "Baskets", "Budget", "Itemsets"]

_HOMES: dict[str, str] = {
    "BasketReport": f"{__name__}._basket_report",
    "Baskets": f"{__name__}._baskets",
    "Budget": f"{__name__}._budget",
    "Itemsets": f"{__name__}._itemsets",
}

__getattr__, __dir__ = lazy_exports(__name__, _HOMES, globals())
