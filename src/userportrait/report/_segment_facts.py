"""What a page of segments tells, read from fitted segments by their public methods."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from userportrait.report._format import Language
    from userportrait.segment import CustomerSegments

__all__ = ["FEWEST", "NOISE", "Facts", "Line", "Portrait", "Rule", "effect_step", "read_facts"]

FEWEST = 5
"""Segments and levels of fewer customers are not told of: their figures are those of persons."""

NOISE = -1
"""The label of customers who belong to no segment."""

_MOST_LEVELS = 8
_EFFECTS = (0.2, 0.5, 0.8)
"""Cohen (1988): from here on an effect is small, medium, large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One feature, or level of a category, of one segment."""

    feature: str
    word: str
    level: str
    mean: float
    everybody: float
    index: float
    effect: float

    @property
    def label(self) -> str:
        """What the feature is called, with its level if it is a category."""
        return f"{self.word} = {self.level}" if self.level else self.word

    @property
    def key(self) -> tuple[str, str]:
        """Feature and level."""
        return self.feature, self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A segment in a few comparisons, and how far they can be trusted."""

    text: str
    precision: float
    recall: float
    n_customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """One segment; without lines and rule where it is too small to tell of."""

    segment: int
    name: str
    n_customers: int
    share: float
    lines: tuple[Line, ...]
    rule: Rule | None

    @property
    def is_hidden(self) -> bool:
        """Whether fewer than five customers are in it."""
        return self.n_customers < FEWEST

    def telling(self, most: int) -> list[Line]:
        """Return what sets the segment apart, strongest first, one line a feature."""
        found: dict[str, Line] = {}
        for line in sorted(self.lines, key=lambda line: -abs(line.effect)):
            if effect_step(line.effect) and line.feature not in found:
                found[line.feature] = line
        return list(found.values())[:most]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All segments, and which features and levels tell them apart most."""

    portraits: tuple[Portrait, ...]
    noise: Portrait | None
    rows: tuple[tuple[str, str], ...]
    n_features: int
    n_levels_hidden: int
    n_levels_rest: int

    @property
    def everyone(self) -> tuple[Portrait, ...]:
        """The segments, and last those who belong to none."""
        return (*self.portraits, *([self.noise] if self.noise else []))

    @property
    def n_customers(self) -> int:
        """All customers, those of no segment among them."""
        return sum(portrait.n_customers for portrait in self.everyone)


def effect_step(effect: float) -> int:
    """Return 0 for a trivial effect, 1 for a small, 2 for a medium, 3 for a large one."""
    return 0 if math.isnan(effect) else sum(abs(effect) >= limit for limit in _EFFECTS)


def read_facts(segments: CustomerSegments, X: Any, language: Language) -> Facts:
    """Return the facts of fitted segments; rules are learned from `X`."""
    by_segment: dict[int, list[dict[Any, Any]]] = {}
    for row in segments.profile(language=language).to_dict("records"):
        by_segment.setdefault(int(row["segment"]), []).append(row)
    n_all = sum(int(rows[0]["n_customers"]) for rows in by_segment.values())
    told, n_hidden, n_rest = _kept(next(iter(by_segment.values())), n_all)
    labels = dict(segments.feature_labels or {})
    rules = _rules(segments.rules(X, language=language))
    portraits = [
        _portrait(rows, told, labels, rules.get(segment))
        for segment, rows in sorted(by_segment.items())
    ]
    noise = next((portrait for portrait in portraits if portrait.segment == NOISE), None)
    return Facts(
        portraits=tuple(p for p in portraits if p is not noise),
        noise=noise,
        rows=tuple(_ranked(told, [line for portrait in portraits for line in portrait.lines])),
        n_features=len({feature for feature, _ in told}),
        n_levels_hidden=n_hidden,
        n_levels_rest=n_rest,
    )


def _rules(found: pd.DataFrame) -> dict[int, Rule]:
    return {
        int(row["segment"]): Rule(
            text=str(row["rule"]),
            precision=float(row["precision"]),
            recall=float(row["recall"]),
            n_customers=int(row["n_customers"]),
        )
        for row in found.to_dict("records")
        if int(row["segment"]) != NOISE
        and float(row["n_customers"]) > 0
        and not math.isnan(float(row["recall"]))
    }


def _kept(rows: Sequence[Mapping[Any, Any]], n_all: int) -> tuple[list[tuple[str, str]], int, int]:
    """Return features and levels to tell of, and how many levels are too rare, or too many."""
    levels: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        pair = str(row["level"]), float(row["everybody"])
        levels.setdefault(str(row["feature"]), []).append(pair)
    kept: list[tuple[str, str]] = []
    n_hidden = n_rest = 0
    for feature, pairs in levels.items():
        if len(pairs) == 1 and not pairs[0][0]:
            kept.append((feature, ""))
            continue
        common = [pair for pair in pairs if pair[1] * n_all >= FEWEST - 0.5]
        common.sort(key=lambda pair: -pair[1])
        n_hidden += len(pairs) - len(common)
        n_rest += max(0, len(common) - _MOST_LEVELS)
        kept += [(feature, level) for level, _ in common[:_MOST_LEVELS]]
    return kept, n_hidden, n_rest


def _portrait(
    rows: Sequence[Mapping[Any, Any]],
    told: Sequence[tuple[str, str]],
    labels: Mapping[str, str],
    rule: Rule | None,
) -> Portrait:
    n = int(rows[0]["n_customers"])
    wanted = set(told) if n >= FEWEST else set[tuple[str, str]]()
    lines = tuple(
        Line(
            feature=str(row["feature"]),
            word=labels.get(str(row["feature"]), str(row["feature"])),
            level=str(row["level"]),
            mean=float(row["mean"]),
            everybody=float(row["everybody"]),
            index=float(row["index"]),
            effect=float(row["effect_size"]),
        )
        for row in rows
        if (str(row["feature"]), str(row["level"])) in wanted
    )
    return Portrait(
        segment=int(rows[0]["segment"]),
        name=str(rows[0]["name"]),
        n_customers=n,
        share=float(rows[0]["share"]),
        lines=lines,
        rule=rule if n >= FEWEST else None,
    )


def _ranked(told: list[tuple[str, str]], lines: Iterable[Line]) -> list[tuple[str, str]]:
    """Return features by how far any segment is from everybody, levels beside each other."""
    strongest: dict[str, float] = {}
    for line in lines:
        size = 0.0 if math.isnan(line.effect) else abs(line.effect)
        strongest[line.feature] = max(strongest.get(line.feature, 0.0), size)
    return sorted(told, key=lambda key: -strongest.get(key[0], 0.0))
