"""Rules from itemsets: every split that is confident enough, with exact counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.patterns._budget import Budget
from userportrait.patterns._itemsets import Itemsets
from userportrait.patterns._rule_index import index_itemsets
from userportrait.patterns._rule_origin import RuleOrigin
from userportrait.patterns._rule_sides import RuleSide, allowed_sets, check_sides
from userportrait.patterns._rules import Rules
from userportrait.patterns._rules_mlxtend import mlxtend_rules
from userportrait.patterns._rules_split import Demands, Found, split_itemsets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from userportrait.patterns._rule_index import SetIndex

    Side: TypeAlias = RuleSide | Mapping[str, Iterable[Any]] | Iterable[Any] | None

__all__ = ["RulesEngine", "derive_rules"]

RulesEngine: TypeAlias = Literal["auto", "mlxtend"]

_OWNER = "derive_rules"
_BYTES_A_RULE = 16


def derive_rules(
    itemsets: Itemsets,
    *,
    min_confidence: float = 0.0,
    min_lift: float | None = None,
    min_count: int | None = None,
    antecedents: Side = None,
    consequents: Side = None,
    max_antecedent: int | None = None,
    max_consequent: int | None = None,
    max_rules: int | None = 100_000_000,
    budget: Budget | None = None,
    engine: RulesEngine = "auto",
) -> Rules:
    """Split itemsets into rules: baskets with the antecedent often hold the consequent.

    Parameters
    ----------
    itemsets : Itemsets
        Of kind 'all': a rule needs the counts of both its sides. Closed and maximal itemsets
        are refused; `Rules.prune` with 'minimal' gives the rules that they stand for.
    min_confidence : float, default=0.0
        Least share, 0 to 1, of the antecedent's baskets that hold the consequent. Counts are
        divided, so that a rule of 27 in 90 baskets passes 0.3.
    min_lift : float, optional
        Least lift, 0 or more.
    min_count : int, optional
        Least number of baskets with the whole rule; by default that of the itemsets.
    antecedents, consequents : RuleSide, mapping or items, optional
        What may stand on each side: items alone are all that may; a mapping or a `RuleSide`
        has `only`, `contains` (at least one of them) and `exclude`.
    max_antecedent, max_consequent : int, optional
        Most items of a side. ``max_consequent=1`` takes a faster way.
    max_rules : int or None, default=100_000_000
        Stop after so many rules: those found by then are returned, flagged by
        `Rules.stopped`. They are all rules of the itemsets up to one, then none.
    budget : Budget, optional
        Stop, likewise, after `max_seconds` or `max_bytes` (16 bytes a rule).
    engine : {'auto', 'mlxtend'}, default='auto'
        Who splits. mlxtend divides rounded shares, so it may lose rules that lie exactly on
        `min_confidence`; it has no limits while it runs.

    Returns
    -------
    Rules
        By itemset (length, then items), then by antecedent in the same order.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range or name items that no basket has; all are named.
    InvalidDataError
        If the itemsets are not of kind 'all'.

    Notes
    -----
    An itemset of k items has 2 ** k - 2 splits. Each subset is found by one look from a larger
    one, so time and memory follow the number of splits and of rules. Itemsets whose subsets are
    missing, because mining stopped early or had conditions on items, give the rules whose
    counts are known; the others are counted in `Rules.n_unknown`.

    References
    ----------
    .. [1] Agrawal, Imieliński and Swami (1993), "Mining association rules between sets of items
       in large databases", SIGMOD.

    Examples
    --------
    >>> import userportrait as up
    >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea"], ["pot"]])
    >>> itemsets = up.mine_itemsets(baskets, min_support=2)
    >>> rules = derive_rules(itemsets, min_confidence=0.6)
    >>> rules.to_frame(["confidence", "lift"])
      antecedent consequent  confidence      lift
    0    (milk,)     (tea,)    1.000000  1.333333
    1     (tea,)    (milk,)    0.666667  1.333333
    """
    rate = Between(0, 1)
    whole = Optional(Between(1, 2**31, integer=True))
    check_values(
        _OWNER,
        {
            "itemsets": itemsets,
            "min_confidence": min_confidence,
            "min_lift": min_lift,
            "min_count": min_count,
            "max_antecedent": max_antecedent,
            "max_consequent": max_consequent,
            "max_rules": max_rules,
            "budget": budget,
            "engine": engine,
        },
        {
            "itemsets": InstanceOf((Itemsets,), "Itemsets, from mine_itemsets"),
            "min_confidence": rate,
            "min_lift": Optional(Between(0, float("inf"))),
            "min_count": whole,
            "max_antecedent": whole,
            "max_consequent": whole,
            "max_rules": whole,
            "budget": Optional(InstanceOf((Budget,), "a Budget or None")),
            "engine": OneOf(("auto", "mlxtend")),
        },
    )
    given: dict[str, object] = {"antecedents": antecedents, "consequents": consequents}
    sides = check_sides(_OWNER, given, itemsets.items)
    index = index_itemsets(itemsets, owner=_OWNER)
    limits = budget or Budget()
    demands = Demands(
        min_confidence=float(min_confidence),
        min_lift=None if min_lift is None else float(min_lift),
        min_count=max(1, min_count or 1),
        max_antecedent=max_antecedent,
        max_consequent=max_consequent,
        antecedents=allowed_sets(index, sides["antecedents"]),
        consequents=allowed_sets(index, sides["consequents"]),
        max_rules=_most_rules(max_rules, limits.max_bytes),
        max_seconds=limits.max_seconds,
    )
    mine = _with_mlxtend if engine == "mlxtend" else _exactly
    found = mine(itemsets, index, demands)
    origin = RuleOrigin(
        n_splits=found.n_splits,
        n_unknown=found.n_unknown,
        min_count=max(itemsets.min_count, demands.min_count),
        stopped=found.stopped or _why(itemsets),
        limits={
            "min_confidence": min_confidence,
            "min_lift": min_lift,
            "max_antecedent": max_antecedent,
            "max_consequent": max_consequent,
            **sides,
        },
        demands=demands,
    )
    return Rules(
        index,
        found.antecedents,
        found.consequents,
        found.itemsets,
        found.splits,
        origin=origin,
    )


def _why(itemsets: Itemsets) -> str | None:
    return None if itemsets.stopped is None else f"mining stopped: {itemsets.stopped}"


def _most_rules(max_rules: int | None, max_bytes: int | None) -> int | None:
    by_bytes = None if max_bytes is None else max_bytes // _BYTES_A_RULE
    limits = [limit for limit in (max_rules, by_bytes) if limit is not None]
    return min(limits) if limits else None


def _exactly(itemsets: Itemsets, index: SetIndex, demands: Demands) -> Found:  # noqa: ARG001
    return split_itemsets(index, demands)


def _with_mlxtend(itemsets: Itemsets, index: SetIndex, demands: Demands) -> Found:
    """Return the rules that mlxtend finds, in its judgement of the threshold."""
    lower = replace(demands, min_confidence=demands.min_confidence * (1 - 1e-9))
    found = split_itemsets(index, lower)
    frame = mlxtend_rules(itemsets.to_mlxtend(), demands.min_confidence)
    place = _places_of_sets(index)
    left = np.array([place[s] for s in frame["antecedents"]], dtype=np.int64)
    right = np.array([place[s] for s in frame["consequents"]], dtype=np.int64)
    theirs = left * (index.n_sets + 2) + right
    ours = found.antecedents.astype(np.int64) * (index.n_sets + 2) + found.consequents
    kept = np.isin(ours, theirs)
    return Found(
        found.antecedents[kept],
        found.consequents[kept],
        found.itemsets[kept],
        found.splits[kept],
        found.n_splits,
        found.n_unknown,
        found.stopped,
    )


def _places_of_sets(index: SetIndex) -> dict[frozenset[Any], int]:
    items = index.items.tolist()
    found: dict[frozenset[Any], int] = {}
    for codes in index.codes:
        for row in codes.tolist():
            found[frozenset(items[code] for code in row)] = len(found)
    return found
