"""Market-basket analysis: itemsets, rules, sequences, complements and substitutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.patterns._basket_report import BasketReport
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Budget
    from userportrait.patterns._complements import find_complements
    from userportrait.patterns._itemsets import Itemsets
    from userportrait.patterns._mine import mine_itemsets
    from userportrait.patterns._pairs_table import PairTable
    from userportrait.patterns._substitutes import find_substitutes
    from userportrait.patterns._switching import find_switching

__all__ = [
    "BasketReport",
    "Baskets",
    "Budget",
    "Itemsets",
    "PairTable",
    "find_complements",
    "find_substitutes",
    "find_switching",
    "mine_itemsets",
]

_HOMES: dict[str, str] = {
    "BasketReport": f"{__name__}._basket_report",
    "Baskets": f"{__name__}._baskets",
    "Budget": f"{__name__}._budget",
    "Itemsets": f"{__name__}._itemsets",
    "PairTable": f"{__name__}._pairs_table",
    "find_complements": f"{__name__}._complements",
    "find_substitutes": f"{__name__}._substitutes",
    "find_switching": f"{__name__}._switching",
    "mine_itemsets": f"{__name__}._mine",
}

__getattr__, __dir__ = lazy_exports(__name__, _HOMES, globals())
