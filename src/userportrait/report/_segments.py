"""The shop's segments for people: their order, their names, what they mean and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from userportrait.report._advice import ADVICE, OWN_ADVICE
from userportrait.value import QUINTILE11, VALUE8

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.portraits import Portraits
    from userportrait.report._figures import Segment
    from userportrait.report._format import Language

__all__ = ["Advice", "advice_for", "segment_key", "segment_names", "segment_order"]

_MAPS = (QUINTILE11, VALUE8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Who a segment's customers are, and two things to do."""

    who: str
    actions: tuple[str, ...]


def segment_key(label: str) -> str | None:
    """Return the key of a segment of the shipped maps, from its key or any label of it."""
    for segments in _MAPS:
        for names in (segments.keys, *segments.labels.values()):
            if label in names:
                return segments.keys[names.index(label)]
    return None


def segment_order(worth: Mapping[str, float], fact: Mapping[str, Any]) -> list[str]:
    """Return the segments, best first.

    Parameters
    ----------
    worth : mapping of str to float
        Mean spend by segment; decides where nothing else does.
    fact : mapping
        What the build kept of RFM; its ``labels`` are best first.
    """
    told: list[str] = list(fact.get("labels") or ())
    by_worth = sorted(worth, key=lambda label: (-worth[label], label))
    if all(label in told for label in worth):
        return [label for label in told if label in worth]
    keys = {label: segment_key(label) for label in worth}
    for segments in _MAPS:
        if all(key in segments.keys for key in keys.values()):
            return sorted(worth, key=lambda label: segments.keys.index(keys[label] or ""))
    return by_worth


def segment_names(
    portraits: Portraits, labels: list[str], language: Language, tag: str = "rfm"
) -> dict[str, str]:
    """Return each segment's name in a language: the tag's, else the shipped map's, else itself."""
    catalogue = getattr(portraits, "catalogue", None)
    definition = catalogue[tag] if catalogue is not None and tag in catalogue else None
    return {label: _name(label, language, definition) for label in labels}


def _name(label: str, language: Language, definition: Any) -> str:
    if definition is not None:
        named = str(definition.value_label(label, language))
        if named != label:
            return named
    key = segment_key(label)
    for segments in _MAPS:
        if key in segments.keys:
            return segments.labels[language][segments.keys.index(key)]
    return label


def advice_for(segment: Segment, shop: Segment, language: Language) -> Advice:
    """Return who the segment's customers are and what to do.

    Parameters
    ----------
    segment : Segment
    shop : Segment
        All customers as one segment, to compare with where the segment is the user's own.
    language : {'en', 'zh'}
    """
    key = segment_key(segment.label)
    texts = ADVICE.get(key or "") or OWN_ADVICE[_quadrant(segment, shop)]
    who, *actions = texts[language]
    return Advice(who=who, actions=tuple(actions))


def _quadrant(segment: Segment, shop: Segment) -> str:
    recent = not segment.median_recency > shop.median_recency
    often = segment.n_orders * shop.n_customers >= shop.n_orders * segment.n_customers
    return f"{'recent' if recent else 'old'}_{'often' if often else 'rare'}"
