"""What some rows say about a raw column: small, mergeable, the same for any cut of the rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from userportrait.data._clean_columns import RAW_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.data._clean_columns import RawColumn, RawKind

__all__ = ["MOST_TEXTS", "ColumnFacts", "facts_from_json", "facts_to_json", "kind_facts"]

MOST_TEXTS = 1000
"""So many texts that are no times are told apart when they are counted."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What rows say about a column; facts of two sets of rows join to those of both.

    Parameters
    ----------
    kind : str
        What the values are, as in `RawColumn`.
    known : int
        Rows that are not null.
    float_texts : bool, optional
        For IDs: whether every text looks like ``'17850.0'``; None without a text.
    whole : bool, optional
        For IDs: whether every decimal is a whole number; None without a decimal.
    broken, large : int
        For IDs: rows with a fraction or infinity; rows beyond 2**53.
    naive, aware : tuple of int
        For times: rows read without and with a zone, month first and day first.
    day_dates, month_dates : frozenset of int
        For times: dates that only start with the day, only with the month.
    either : bool
        For times: whether any date could start with both.
    dashed : int
        For times: rows such as 11-02-13.
    unread : tuple of str
        For times: the first texts, sorted, of rows none of which is a time.
    dates : int
        For times: rows with a number such as 20260131.
    magnitudes : tuple of int
        For times: finite numbers by size, to guess what they count.
    """

    kind: RawKind = "text"
    known: int = 0
    float_texts: bool | None = None
    whole: bool | None = None
    broken: int = 0
    large: int = 0
    naive: tuple[int, int] = (0, 0)
    aware: tuple[int, int] = (0, 0)
    day_dates: frozenset[int] = frozenset()
    month_dates: frozenset[int] = frozenset()
    either: bool = False
    dashed: int = 0
    unread: tuple[str, ...] = ()
    dates: int = 0
    magnitudes: tuple[int, ...] = ()

    def join(self, other: ColumnFacts) -> ColumnFacts:
        """Return the facts of both sets of rows."""
        return ColumnFacts(
            kind=_joined_kind(self, other),
            known=self.known + other.known,
            float_texts=_both(self.float_texts, other.float_texts),
            whole=_both(self.whole, other.whole),
            broken=self.broken + other.broken,
            large=self.large + other.large,
            naive=_pair_sum(self.naive, other.naive),
            aware=_pair_sum(self.aware, other.aware),
            day_dates=self.day_dates | other.day_dates,
            month_dates=self.month_dates | other.month_dates,
            either=self.either or other.either,
            dashed=self.dashed + other.dashed,
            unread=tuple(sorted({*self.unread, *other.unread})[: MOST_TEXTS + 1]),
            dates=self.dates + other.dates,
            magnitudes=_sums(self.magnitudes, other.magnitudes),
        )


def _joined_kind(one: ColumnFacts, two: ColumnFacts) -> RawKind:
    """Nothing but nulls says nothing about the kind."""
    if one.known and two.known:
        return RAW_KINDS[max(RAW_KINDS.index(one.kind), RAW_KINDS.index(two.kind))]
    return two.kind if two.known else one.kind


def _both(one: bool | None, two: bool | None) -> bool | None:
    if one is None or two is None:
        return two if one is None else one
    return one and two


def _pair_sum(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    return one[0] + two[0], one[1] + two[1]


def _sums(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    if not one or not two:
        return one or two
    return tuple(a + b for a, b in zip(one, two, strict=True))


def kind_facts(raw: RawColumn) -> ColumnFacts:
    """Return the least that a column says: what it holds, and in how many rows."""
    return ColumnFacts(raw.kind, len(raw) - int(np.count_nonzero(raw.missing)))


def facts_to_json(facts: Mapping[str, ColumnFacts]) -> bytes:
    """Write facts by role."""
    document = {role: asdict(found) for role, found in facts.items()}
    return json.dumps(document, default=sorted).encode()


def facts_from_json(payload: bytes) -> dict[str, ColumnFacts]:
    """Read what `facts_to_json` wrote."""
    document = cast("dict[str, dict[str, Any]]", json.loads(payload))
    return {role: ColumnFacts(**_typed(found)) for role, found in document.items()}


def _typed(found: dict[str, Any]) -> dict[str, Any]:
    sets = {name: frozenset(found[name]) for name in ("day_dates", "month_dates")}
    tuples = {name: tuple(found[name]) for name in ("naive", "aware", "unread", "magnitudes")}
    return {**found, **sets, **tuples}
