"""The map of segments: a mosaic whose areas are customers, whose places are recency and orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.report._figures import Segment

__all__ = ["Band", "Tile", "mosaic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One segment's place in a unit square, measured from its upper left corner."""

    segment: Segment
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One column of the mosaic: 0 long ago, 1 a while ago, 2 recently."""

    recency: int
    x: float
    width: float
    tiles: tuple[Tile, ...]


def mosaic(segments: Sequence[Segment], top_score: int) -> tuple[Band, ...]:
    """Lay out the segments: recent buyers on the right, frequent buyers on top.

    Each column holds the segments whose mean recency score lies in the same third of the
    scale; its width, and the heights in it, are shares of customers, so that every area is
    the segment's share of all customers.

    Parameters
    ----------
    segments : sequence of Segment
    top_score : int
        The best score.

    Raises
    ------
    InvalidDataError
        If a segment has no scores.
    """
    if any(s.recency_score != s.recency_score for s in segments):
        message = "a segment has no recency scores, so it has no place on the map."
        raise InvalidDataError(message, column="r")
    columns: dict[int, list[Segment]] = {}
    for segment in segments:
        third = int(3 * (segment.recency_score - 1) / max(top_score - 1, 1))
        columns.setdefault(min(max(third, 0), 2), []).append(segment)
    bands: list[Band] = []
    x = 0.0
    for recency in sorted(columns):
        inside = sorted(columns[recency], key=lambda s: (-s.frequency_score, -s.mean_spend))
        width = sum(s.customer_share for s in inside)
        bands.append(Band(recency=recency, x=x, width=width, tiles=_stack(inside, x, width)))
        x += width
    return tuple(bands)


def _stack(segments: Sequence[Segment], x: float, width: float) -> tuple[Tile, ...]:
    tiles: list[Tile] = []
    y = 0.0
    for segment in segments:
        height = segment.customer_share / width
        tiles.append(Tile(segment=segment, x=x, y=y, width=width, height=height))
        y += height
    return tuple(tiles)
