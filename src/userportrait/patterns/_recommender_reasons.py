"""Why an item is recommended: the rules that fired, in words and in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.patterns._constraints import item_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._completion import Rows
    from userportrait.patterns._recommender_rules import RuleBook

__all__ = ["explain_rules", "reason_texts"]


def reason_texts(book: RuleBook, items: NDArray[Any], rules: NDArray[np.int64]) -> NDArray[Any]:
    """Return a text for each rule number; 'popular' for -1."""
    distinct, which = np.unique(rules, return_inverse=True)
    texts = np.empty(len(distinct), dtype=object)
    for place, rule in enumerate(distinct.tolist()):
        texts[place] = "popular" if rule < 0 else _text(book, items, rule)
    found: NDArray[Any] = texts[which]
    return found


def _text(book: RuleBook, items: NDArray[Any], rule: int) -> str:
    left = ", ".join(str(items[code]) for code in book.antecedent(rule))
    right = items[book.consequent[rule]]
    return f"{left} → {right}: {book.count[rule]:,} of {book.n_antecedent[rule]:,} baskets"


def explain_rules(
    book: RuleBook, items: NDArray[Any], n_baskets: int, basket: Rows, item: Any
) -> pd.DataFrame:
    """Return the rules that speak for an item in one basket, best first."""
    code = int(item_codes(items, [item], owner="BasketRuleRecommender.explain", argument="item")[0])
    _, rules = book.fired(*book.match(basket.indptr, basket.indices))
    chosen = np.sort(rules[book.consequent[rules] == code])
    count, one, other = book.count[chosen], book.n_antecedent[chosen], book.n_consequent[chosen]
    sides = [tuple(items[book.antecedent(rule)].tolist()) for rule in chosen.tolist()]
    return pd.DataFrame(
        {
            "antecedent": pd.Series(sides, dtype=object),
            "count": count,
            "n_antecedent": one,
            "n_consequent": other,
            "confidence": count / one,
            "lift": count * (n_baskets / one) / other,
            "score": book.score[chosen],
        }
    )
