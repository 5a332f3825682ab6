"""Measures of many rules, side by side in one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.patterns._measures import MEASURES, measure_tables
from userportrait.patterns._measures_formulas import Tables, divide
from userportrait.patterns._prune import best_general

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.patterns._rules import Rules

__all__ = ["measure_of", "rows_of_measures"]

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"

_BLOCK = 1 << 13


def measure_of(rules: Rules, name: str, tables: Tables) -> Floats:
    """Return one measure, or column of a test, of rules whose counts are `tables`."""
    if name in rules.columns:
        return rules.columns[name]
    needs = MEASURES[name].needs
    if needs == "table":
        return measure_tables(name, tables)
    if needs == "items":
        least, most = _item_counts(rules)
        return (least if name == "cross_support" else tables.both) / most
    best = best_general(
        rules.index,
        rules.antecedents,
        rules.itemsets,
        rules.splits,
        one_less=name == "lift_increase",
    )
    if name == "improvement":
        return tables.confidence - best
    return divide(tables.confidence, best)


def _item_counts(rules: Rules) -> tuple[Ints, Ints]:
    """Return the counts of the rarest and of the most frequent item of each rule."""
    index = rules.index
    of_code = np.zeros(len(index.items), dtype=np.int64)
    if index.codes:
        of_code[index.codes[0][:, 0]] = index.counts[: len(index.codes[0])]
    least = np.empty(index.n_sets, dtype=np.int64)
    most = np.empty_like(least)
    for length, codes in enumerate(index.codes):
        part = slice(int(index.starts[length]), int(index.starts[length + 1]))
        least[part], most[part] = of_code[codes].min(axis=1), of_code[codes].max(axis=1)
    return least[rules.itemsets], most[rules.itemsets]


def rows_of_measures(rules: Rules, names: Sequence[str]) -> dict[str, Floats]:
    """Return measures and columns of tests, as rows of one array.

    Measures of counts are worked out for some rules at a time: what one formula leaves in the
    processor's cache serves the next, and no step needs room for all rules.
    """
    wanted = list(dict.fromkeys(names))
    found = dict(zip(wanted, np.empty((len(wanted), len(rules))), strict=True))
    of_counts = [
        name for name in wanted if name not in rules.columns and MEASURES[name].needs == "table"
    ]
    others = [name for name in wanted if name not in of_counts]
    if others:
        tables = rules.tables
        for name in others:
            found[name][:] = measure_of(rules, name, tables)
    counts = rules.index.counts.astype(np.int64)
    for start in range(0, len(rules) if of_counts else 0, _BLOCK):
        some = slice(start, start + _BLOCK)
        tables = Tables(
            counts[rules.itemsets[some]],
            counts[rules.antecedents[some]],
            counts[rules.consequents[some]],
            rules.n_baskets,
        )
        for name in of_counts:
            found[name][some] = measure_tables(name, tables)
    return found
