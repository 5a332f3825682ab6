"""The rule of a shallow tree that tells a segment best, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.scikit import from_sklearn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait.segment._profiles import Language

    Bools: TypeAlias = NDArray[np.bool_]
    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["RuleFound", "rules_of"]

_MOVED = 0.005
"""Share of the rows that a limit with fewer digits may put on its other side."""

_WORDS: dict[Language, dict[str, str]] = {
    "en": {"and": " and ", "is": " is ", "is not": " is not ", "all": "everybody",
           "nobody": "nobody", "none": "none"},
    "zh": {"and": " 且 ", "is": " 为 ", "is not": " 不为 ", "all": "全部客户",
           "nobody": "无客户", "none": "无"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleFound:
    """A rule as written, and its figures."""

    rule: str
    precision: float
    recall: float
    n_customers: int


@dataclass(frozen=True, slots=True)
class _Column:
    """A number, or a level of a category as 0 and 1; `filled` is what the tree sees."""

    name: str
    level: str
    values: Floats
    filled: Floats
    ordered: Floats


@dataclass(frozen=True, slots=True)
class _Condition:
    """What a column must be above, and what it may be at most."""

    column: int
    above: float = -np.inf
    most: float = np.inf

    def takes(self, values: Floats) -> Bools:
        return (values > self.above) & (values <= self.most)


def rules_of(
    table: FeatureTable,
    labels: Ints,
    segments: Sequence[int],
    *,
    max_depth: int,
    language: Language,
    names: Mapping[str, str] | None,
) -> list[RuleFound]:
    """Return a rule for each segment.

    It is the path to one leaf of a tree of the segment against the rest: the leaf with the
    best harmonic mean of precision and recall. All figures are those of the rule as written,
    limits rounded.
    """
    columns = _columns(table, names or {})
    values = np.column_stack([column.filled for column in columns])
    make: Any = from_sklearn("tree.DecisionTreeClassifier")
    words = _WORDS[language]
    found: list[RuleFound] = []
    for segment in segments:
        inside = labels == segment
        if not inside.any():
            found.append(RuleFound(words["nobody"], np.nan, np.nan, 0))
            continue
        if inside.all():
            found.append(RuleFound(words["all"], 1.0, 1.0, len(inside)))
            continue
        smallest = max(1, int(0.05 * inside.sum()))
        tree = make(
            max_depth=max_depth, min_samples_leaf=smallest, class_weight="balanced", random_state=0
        ).fit(values, inside)
        found.append(_best_rule(_paths(tree.tree_), columns, inside, words))
    return found


def _columns(table: FeatureTable, names: Mapping[str, str]) -> list[_Column]:
    """Return features, a column for each level.

    The tree takes a missing number for the median, as `PrepareFeatures` does; the rule as
    written does not hold for it.
    """
    found: list[_Column] = []
    for name in table.names:
        shown = names.get(name, name)
        if name in table.numbers:
            values = table.numbers[name]
            known = values[~np.isnan(values)]
            middle = float(np.median(known)) if len(known) else 0.0
            filled = np.where(np.isnan(values), middle, values)
            found.append(_Column(shown, "", values, filled, np.sort(filled)))
            continue
        codes, levels = table.texts[name]
        for at in sorted(range(len(levels)), key=lambda at: str(levels[at])):
            is_level = (codes == at).astype(np.float64)
            found.append(_Column(shown, str(levels[at]), is_level, is_level, np.array([0.0, 1.0])))
    return found


def _paths(tree: Any) -> list[list[tuple[int, bool, float]]]:
    """Return the comparisons on the way to each leaf: column, whether above, limit."""
    found: list[list[tuple[int, bool, float]]] = []
    waiting: list[tuple[int, list[tuple[int, bool, float]]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            found.append(path)
            continue
        column, limit = int(tree.feature[node]), float(tree.threshold[node])
        waiting.append((right, [*path, (column, True, limit)]))
        waiting.append((left, [*path, (column, False, limit)]))
    return found


def _best_rule(
    paths: Sequence[list[tuple[int, bool, float]]],
    columns: Sequence[_Column],
    inside: Bools,
    words: Mapping[str, str],
) -> RuleFound:
    best = RuleFound(words["none"], 0.0, 0.0, 0)
    best_mean = -1.0
    for path in paths:
        short = _shortened(path, columns)
        taken = np.ones(len(inside), dtype=bool)
        for one in short:
            taken &= one.takes(columns[one.column].values)
        hits = int((taken & inside).sum())
        precision = hits / int(taken.sum()) if taken.any() else 0.0
        recall = hits / int(inside.sum())
        mean = 2 * precision * recall / (precision + recall) if hits else 0.0
        if mean > best_mean:
            told = words["and"].join(_said(one, columns, words) for one in short)
            best = RuleFound(told or words["all"], precision, recall, int(taken.sum()))
            best_mean = mean
    return best


def _shortened(
    path: Sequence[tuple[int, bool, float]], columns: Sequence[_Column]
) -> list[_Condition]:
    """Make one condition of all comparisons of a column, with the simplest limits."""
    found: dict[int, _Condition] = {}
    for column, is_above, exact in path:
        known = found.get(column, _Condition(column))
        limit = 0.5 if columns[column].level else _simplest(exact, columns[column].ordered)
        above = max(known.above, limit) if is_above else known.above
        most = known.most if is_above else min(known.most, limit)
        found[column] = _Condition(column, above, most)
    return list(found.values())


def _simplest(limit: float, ordered: Floats) -> float:
    """Return the number of fewest digits that cuts the values as a limit does, or nearly so.

    Whole numbers are cut at a whole number.
    """
    at = int(np.searchsorted(ordered, limit, side="right"))
    below = float(ordered[at - 1]) if at else limit
    is_whole = bool((ordered == np.floor(ordered)).all())
    for digits in range(1, 17):
        for near in (np.floor(limit) if is_whole else limit, below):
            rounded = float(f"{near:.{digits}g}")
            moved = int(np.searchsorted(ordered, rounded, side="right")) - at
            if abs(moved) <= _MOVED * len(ordered):
                return rounded
    return limit


def _said(one: _Condition, columns: Sequence[_Column], words: Mapping[str, str]) -> str:
    column = columns[one.column]
    if column.level:
        return f"{column.name}{words['is' if one.above > 0 else 'is not']}{column.level}"
    if np.isfinite(one.above) and np.isfinite(one.most):
        return f"{_number(one.above)} < {column.name} <= {_number(one.most)}"
    if np.isfinite(one.above):
        return f"{column.name} > {_number(one.above)}"
    return f"{column.name} <= {_number(one.most)}"


def _number(value: float) -> str:
    return f"{value + 0.0:,.16g}"
