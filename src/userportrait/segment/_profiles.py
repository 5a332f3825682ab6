"""What sets segments apart: means beside everybody's, names, and rules in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.scikit import from_sklearn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Bools: TypeAlias = NDArray[np.bool_]
    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Language", "profile_segments", "rules_of", "segment_names"]

Language: TypeAlias = Literal["en", "zh"]

_TELLING = 0.2
"""Effect size from which a feature may be part of a name; Cohen calls less than it trivial."""


def profile_segments(table: FeatureTable, labels: Ints, segments: Sequence[int]) -> pd.DataFrame:
    """Compare each segment with everybody, feature by feature.

    `segments` are 0, 1 and so on, and -1 last where some rows are in none.

    Returns
    -------
    DataFrame
        Columns ``segment``, ``n_customers``, ``share``, ``feature``, ``level``, ``mean``,
        ``everybody``, ``index``, ``effect_size``. The mean of a level is its share.
    """
    labels = np.where(labels < 0, len(segments) - 1, labels)
    sizes = np.bincount(labels, minlength=len(segments))
    parts: list[pd.DataFrame] = []
    for name in table.names:
        if name in table.numbers:
            values = table.numbers[name]
            parts.append(_compared(name, "", values, labels, sizes, is_share=False))
            continue
        codes, levels = table.texts[name]
        for at in sorted(range(len(levels)), key=lambda at: str(levels[at])):
            is_level = (codes == at).astype(np.float64)
            is_level[codes < 0] = np.nan
            level = str(levels[at])
            parts.append(_compared(name, level, is_level, labels, sizes, is_share=True))
    found = pd.concat(parts, ignore_index=True)
    found = found.sort_values("segment", kind="stable", ignore_index=True)
    found["segment"] = np.array(segments, dtype=np.intp)[found["segment"].to_numpy()]
    return found


def _compared(
    name: str, level: str, values: Floats, labels: Ints, sizes: Ints, *, is_share: bool
) -> pd.DataFrame:
    known = ~np.isnan(values)
    whose, kept, n_clusters = labels[known], values[known], len(sizes)
    counts = np.bincount(whose, minlength=n_clusters)
    sums = np.bincount(whose, weights=kept, minlength=n_clusters)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = sums / counts
    everybody = float(kept.mean()) if len(kept) else np.nan
    spread = float(kept.std()) if len(kept) else 0.0
    if is_share:
        angle = 2.0 * np.arcsin(np.sqrt(np.clip(np.append(means, everybody), 0.0, 1.0)))
        effect = angle[:-1] - angle[-1]
    else:
        effect = (means - everybody) / spread if spread > 0 else np.where(counts, 0.0, np.nan)
    return pd.DataFrame(
        {
            "segment": np.arange(n_clusters), "n_customers": sizes,
            "share": sizes / max(1, len(labels)), "feature": name, "level": level,
            "mean": means, "everybody": everybody,
            "index": 100.0 * means / everybody if everybody > 0 else np.nan,
            "effect_size": effect,
        }
    )  # fmt: skip


def segment_names(profile: pd.DataFrame, segments: Sequence[int], language: Language) -> list[str]:
    """Name segments for the two features in which they differ most from everybody.

    Names that would be the same get numbers.
    """
    plain = {
        "en": ("everybody", "average", "outside all segments"),
        "zh": ("全部客户", "普通客户", "未归入任何分群"),
    }[language]
    if len(segments) == 1:
        return [plain[0]]
    names: list[str] = []
    for segment in segments:
        if segment < 0:
            names.append(plain[2])
            continue
        rows = profile[profile["segment"] == segment]
        rows = rows[rows["effect_size"].abs() >= _TELLING]
        size = -rows["effect_size"].abs().to_numpy()
        rows = rows.iloc[np.argsort(size, kind="stable")].drop_duplicates("feature").head(2)
        told = [
            _told(str(feature), str(level), float(effect), language)
            for feature, level, effect in zip(
                rows["feature"], rows["level"], rows["effect_size"], strict=True
            )
        ]
        names.append((", " if language == "en" else "、").join(told) or plain[1])
    return _numbered(names)


def _told(feature: str, level: str, effect: float, language: Language) -> str:
    words = {"en": ("high", "low", "often", "rarely"), "zh": ("高", "低", "多为", "少为")}[language]
    if level:
        return f"{words[2] if effect > 0 else words[3]} {feature} = {level}"
    return f"{words[0] if effect > 0 else words[1]} {feature}"


def _numbered(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return found


@dataclass(frozen=True, slots=True)
class _Condition:
    """One comparison: a number with a limit, or a category with a level."""

    column: int
    is_above: bool
    limit: float


def rules_of(
    table: FeatureTable, labels: Ints, segments: Sequence[int], *, max_depth: int
) -> list[tuple[str, float, float, int]]:
    """Return for each segment a rule, its precision, its recall and how many rows it takes.

    The rule is the path to one leaf of a tree of the segment against the rest: the leaf with
    the best harmonic mean of precision and recall. All figures are those of the rule as
    written, limits rounded.
    """
    names, values = _columns(table)
    make: Any = from_sklearn("tree.DecisionTreeClassifier")
    found: list[tuple[str, float, float, int]] = []
    for segment in segments:
        inside = labels == segment
        if not inside.any() or inside.all():
            found.append(("everybody" if inside.any() else "nobody", 1.0, 1.0, int(inside.sum())))
            continue
        smallest = max(1, int(0.05 * inside.sum()))
        tree = make(
            max_depth=max_depth, min_samples_leaf=smallest, class_weight="balanced", random_state=0
        ).fit(values, inside)
        found.append(_best_rule(_paths(tree.tree_), names, values, inside))
    return found


def _columns(table: FeatureTable) -> tuple[list[tuple[str, str]], Floats]:
    """Return features, a column for each level, and what they are called.

    A missing number counts as the median, as `PrepareFeatures` has it.
    """
    names: list[tuple[str, str]] = []
    columns: list[Floats] = []
    for name in table.names:
        if name in table.numbers:
            values = table.numbers[name]
            known = values[~np.isnan(values)]
            middle = float(np.median(known)) if len(known) else 0.0
            names.append((name, ""))
            columns.append(np.where(np.isnan(values), middle, values))
            continue
        codes, levels = table.texts[name]
        for at in sorted(range(len(levels)), key=lambda at: str(levels[at])):
            names.append((name, str(levels[at])))
            columns.append((codes == at).astype(np.float64))
    return names, np.column_stack(columns)


def _paths(tree: Any) -> list[list[_Condition]]:
    """Return the conditions on the way to each leaf."""
    found: list[list[_Condition]] = []
    waiting: list[tuple[int, list[_Condition]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            found.append(path)
            continue
        column, limit = int(tree.feature[node]), float(tree.threshold[node])
        waiting.append((right, [*path, _Condition(column, True, limit)]))
        waiting.append((left, [*path, _Condition(column, False, limit)]))
    return found


def _best_rule(
    paths: list[list[_Condition]], names: list[tuple[str, str]], values: Floats, inside: Bools
) -> tuple[str, float, float, int]:
    best: tuple[str, float, float, int] = ("none", 0.0, 0.0, 0)
    best_mean = -1.0
    for path in paths:
        short = _shortened(path, names)
        taken = np.ones(len(values), dtype=bool)
        for one in short:
            column = values[:, one.column]
            taken &= column > one.limit if one.is_above else column <= one.limit
        hits = int((taken & inside).sum())
        precision = hits / int(taken.sum()) if taken.any() else 0.0
        recall = hits / int(inside.sum())
        mean = 2 * precision * recall / (precision + recall) if hits else 0.0
        if mean > best_mean:
            words = " and ".join(_said(one, names) for one in short) or "everybody"
            best, best_mean = (words, precision, recall, int(taken.sum())), mean
    return best


def _shortened(path: list[_Condition], names: list[tuple[str, str]]) -> list[_Condition]:
    """Keep the strictest of several limits on one side of a feature, rounded to four digits."""
    kept: dict[tuple[int, bool], _Condition] = {}
    for one in path:
        limit = 0.5 if names[one.column][1] else float(f"{one.limit:.4g}")
        known = kept.get((one.column, one.is_above))
        if known is not None:
            limit = max(limit, known.limit) if one.is_above else min(limit, known.limit)
        kept[(one.column, one.is_above)] = _Condition(one.column, one.is_above, limit)
    return list(kept.values())


def _said(one: _Condition, names: list[tuple[str, str]]) -> str:
    feature, level = names[one.column]
    if level:
        return f"{feature} is {level}" if one.is_above else f"{feature} is not {level}"
    shown = f"{one.limit:,.10g}"
    return f"{feature} > {shown}" if one.is_above else f"{feature} <= {shown}"
