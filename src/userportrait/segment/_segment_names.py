"""Short names of segments, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from userportrait.segment._profiles import Language, SegmentProfile

__all__ = ["segment_names"]

_TELLING = 0.3
"""Distance from everybody from which a feature may be part of a name."""
_CLEAR = 0.5
_MOST = 2
"""Features in a name, before equal names are told apart."""
_SHARE = 0.1
"""What a level's share must differ by to be told: that hardly anybody has a rare one is no news."""
_ALIKE = 0.6
"""Rank correlation from which a second feature tells nothing new."""

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "one": "everybody", "none": "average", "outside": "outside all segments", "comma": ", ",
        "high": "high ", "low": "low ", "rather high": "rather high ", "rather low": "rather low ",
        "very high": "very high ", "very low": "very low ", "average": "average ",
        "mostly": "mostly ", "often": "often ", "rarely": "rarely ",
    },
    "zh": {
        "one": "全部客户", "none": "普通客户", "outside": "未归入任何分群", "comma": "、",
        "high": "高", "low": "低", "rather high": "较高", "rather low": "较低",
        "very high": "极高", "very low": "极低", "average": "中等",
        "mostly": "多为", "often": "较多", "rarely": "少有",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Trait:
    """One feature of a segment, or a level of it, and how far it is from everybody's."""

    feature: str
    level: str
    standing: float
    share: float
    is_telling: bool

    @property
    def word(self) -> str:
        size = abs(self.standing)
        if self.level:
            if self.standing < 0:
                return "rarely"
            return "mostly" if self.share >= 0.5 else "often"
        if not size >= _TELLING:
            return "average"
        way = "high" if self.standing > 0 else "low"
        return way if size >= _CLEAR else f"rather {way}"


def segment_names(
    profile: SegmentProfile, language: Language, labels: Mapping[str, str] | None
) -> list[str]:
    """Name segments for the two features in which they stand farthest from everybody.

    A feature that goes with one already told is passed over. Equal names are told apart by
    the features in which their segments differ most, then by ``very``, then by numbers.
    """
    words = _WORDS[language]
    if len(profile.segments) == 1:
        return [words["one"]]
    traits = _traits(profile)
    inside = [segment for segment in profile.segments if segment >= 0]
    chosen = [_chosen(traits[segment], profile) for segment in inside]
    told = [[(trait.word, trait) for trait in one] for one in chosen]
    for _ in range(_MOST):
        for group in _equal(told):
            _tell_apart([told[at] for at in group], [traits[inside[at]] for at in group])
    for group in _equal(told):
        _strengthen([told[at] for at in group])
    names = [
        words["comma"].join(_said(word, trait, words, labels or {}) for word, trait in one)
        or words["none"]
        for one in told
    ]
    names = _numbered(names)
    return [*names, *([words["outside"]] if profile.segments[-1] < 0 else [])]


def _traits(profile: SegmentProfile) -> dict[int, list[_Trait]]:
    """Return the traits of each segment, from the farthest from everybody's."""
    found: dict[int, list[_Trait]] = {segment: [] for segment in profile.segments}
    columns = ("segment", "feature", "level", "mean", "everybody")
    rows = zip(*(profile.table[name].tolist() for name in columns), strict=True)
    for (segment, feature, level, mean, everybody), standing in zip(
        rows, profile.standing.tolist(), strict=True
    ):
        is_news = not level or abs(mean - everybody) >= _SHARE
        is_telling = abs(standing) >= _TELLING and is_news
        found[segment].append(_Trait(feature, level, standing, mean, is_telling))
    for one in found.values():
        one.sort(key=lambda trait: -round(abs(np.nan_to_num(trait.standing)), 9))
    return found


def _chosen(traits: Sequence[_Trait], profile: SegmentProfile) -> list[_Trait]:
    """Return the farthest trait, and the farthest that tells something new if there is one."""
    found: list[_Trait] = []
    for most_alike in (_ALIKE, np.inf):
        for trait in traits:
            if len(found) == _MOST:
                break
            if trait.is_telling and all(_alike(trait, one, profile) < most_alike for one in found):
                found.append(_positive(trait, traits))
    return found


def _alike(trait: _Trait, other: _Trait, profile: SegmentProfile) -> float:
    if trait.feature == other.feature:
        return np.inf
    if trait.level or other.level:
        return 0.0
    found: Any = profile.alike.at[trait.feature, other.feature]
    return abs(float(found))


def _positive(trait: _Trait, traits: Sequence[_Trait]) -> _Trait:
    """Return the level that most customers have instead of one that they have rarely."""
    if trait.level and trait.standing < 0:
        for other in traits:
            if other.feature == trait.feature and other.is_telling and other.standing > 0:
                return other
    return trait


_Told = list[tuple[str, _Trait]]


def _equal(told: Sequence[_Told]) -> list[list[int]]:
    """Return the positions of segments that are told in the same words."""
    groups: dict[tuple[tuple[str, str, str], ...], list[int]] = {}
    for at, one in enumerate(told):
        key = tuple(sorted((word, trait.feature, trait.level) for word, trait in one))
        groups.setdefault(key, []).append(at)
    return [group for group in groups.values() if len(group) > 1]


def _tell_apart(group: Sequence[_Told], traits: Sequence[Sequence[_Trait]]) -> None:
    """Add the feature in which the segments of a group differ most, if words can tell it."""
    used = {trait.feature for _, trait in group[0]}
    by_key = [{(trait.feature, trait.level): trait for trait in one} for one in traits]
    best: list[_Trait] = []
    widest = _CLEAR
    for key in by_key[0]:
        own = [one[key] for one in by_key]
        if key[0] in used or len({trait.word for trait in own}) == 1:
            continue
        width = max(trait.standing for trait in own) - min(trait.standing for trait in own)
        if width > widest + 1e-9:
            best, widest = own, width
    for told, trait in zip(group, best, strict=False):
        told.append((trait.word, trait))


def _strengthen(group: Sequence[_Told]) -> None:
    """Call the farthest segment of a group very high, or very low, in what it is known for."""
    for word, first in group[0]:
        if word not in ("high", "low"):
            continue
        at = [[trait.feature for _, trait in told].index(first.feature) for told in group]
        sizes = [abs(told[place][1].standing) for told, place in zip(group, at, strict=True)]
        ranked = sorted(sizes)
        if ranked[-1] - ranked[-2] >= _TELLING:
            farthest = sizes.index(ranked[-1])
            place = at[farthest]
            group[farthest][place] = (f"very {word}", group[farthest][place][1])
            return


def _said(word: str, trait: _Trait, words: Mapping[str, str], labels: Mapping[str, str]) -> str:
    name = labels.get(trait.feature, trait.feature)
    if trait.level:
        name = f"{name} = {trait.level}"
    start = words[word]
    # Latin letters stand off from Chinese ones by a space.
    gap = " " if not start.isascii() and name[:1].isascii() else ""
    return f"{start}{gap}{name}"


def _numbered(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return found
