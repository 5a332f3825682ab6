"""What a model card keeps of a column, and how far later rows have moved from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError
from userportrait.predict._card_reading import level_key
from userportrait.predict._one_column import interval_labels, quantile_cuts
from userportrait.predict._psi import compare_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from userportrait.predict._one_column import Column

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["CardColumn", "describe_column", "drift_row", "read_columns"]

_MOST_LEVELS = 50
_LEAST_ROWS = 10
_LISTS = ("cuts", "levels", "counts")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardColumn:
    """One column as it was when a model was trained: counts, no rows.

    Parameters
    ----------
    name : str
    kind : {'number', 'text'}
        Truths are numbers.
    n_rows, n_missing : int
    cuts : tuple of float
        Lower limits of the bins of a number but the first; empty for texts.
    levels : tuple of str
        Of a text, the most frequent ones first, up to 50; of equally frequent ones those
        first in the alphabet. Where there are more than 50, or more than half as many as rows
        (above 10), only those of ten rows or more. Empty for numbers.
    counts : tuple of int
        Rows of each bin or level, missing ones and further levels left out.
    n_levels : int
        Different texts; 0 for numbers.
    low, high, mean, deviation : float or None
        Of a number: smallest, largest, mean and standard deviation; None without values.

    See Also
    --------
    userportrait.predict.ModelCard : Has one for each column.

    Examples
    --------
    >>> from userportrait.predict import Propensity, model_card
    >>> X = {"plan": ["basic", "gold", "gold", "basic"] * 5}
    >>> import pandas as pd
    >>> frame = pd.DataFrame(X)
    >>> card = model_card(Propensity().fit(frame, [0, 1, 0, 1] * 5), frame)
    >>> card.features[0].levels, card.features[0].counts
    (('basic', 'gold'), (10, 10))
    """

    name: str
    kind: Literal["number", "text"]
    n_rows: int
    n_missing: int
    cuts: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    n_levels: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    deviation: float | None = None

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value."""
        return self.n_missing / self.n_rows

    @property
    def n_other(self) -> int:
        """Rows with a level that is not kept."""
        return self.n_rows - self.n_missing - sum(self.counts)

    @property
    def range(self) -> str:
        """What the column held, in a few words."""
        if self.kind == "number":
            known = self.low is not None and self.high is not None
            return f"{self.low:.6g} to {self.high:.6g}" if known else "no value"
        if not self.levels:
            return f"{self.n_levels:,} different texts"
        shown = ", ".join(self.levels[:5])
        more = self.n_levels - len(self.levels[:5])
        return f"{shown} and {more:,} more" if more else shown

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can write."""
        lists = {key: list(getattr(self, key)) for key in _LISTS}
        return asdict(self) | lists

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; names that it does not know are left out."""
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {key: v for key, v in document.items() if key in known}
        for key in _LISTS:
            given[key] = tuple(given[key])
        return cls(**given)


def describe_column(name: str, column: Column, n_bins: int) -> CardColumn:
    """Return what a card keeps of a column."""
    if column.numbers is not None:
        return _number(name, column.numbers, n_bins)
    codes = np.zeros(0, dtype=np.intp) if column.codes is None else column.codes
    all_counts = np.bincount(codes[codes >= 0], minlength=len(column.levels)).tolist()
    by_level = {level: n for level, n in zip(column.levels, all_counts, strict=True) if n}
    n_known = sum(by_level.values())
    ranked = sorted(by_level, key=lambda level: (-by_level[level], level))
    # Many different texts may be IDs, addresses or words: a few rows of one could be one customer.
    is_whole = len(ranked) <= _MOST_LEVELS and (len(ranked) <= 10 or 2 * len(ranked) <= n_known)
    least = 1 if is_whole else _LEAST_ROWS
    levels = tuple(level for level in ranked[:_MOST_LEVELS] if by_level[level] >= least)
    return CardColumn(
        name=name, kind="text", n_rows=column.n_rows, n_missing=column.n_rows - n_known,
        levels=levels, counts=tuple(by_level[level] for level in levels), n_levels=len(ranked),
    )  # fmt: skip


def drift_row(card: CardColumn, column: Column | None) -> dict[str, Any]:
    """Return how far later rows of a column have moved; `None` says that it is not there."""
    row = {
        "psi": np.nan, "chance_psi": np.nan, "p_value": np.nan,
        "missing_before": card.missing_share, "missing_after": np.nan, "outside": np.nan,
        "mean_before": np.nan if card.mean is None else card.mean, "mean_after": np.nan,
    }  # fmt: skip
    if column is None:
        return {**row, "verdict": "absent"}
    is_number = column.numbers is not None
    if not column.is_blank and is_number != (card.kind == "number"):
        return {**row, "verdict": "other kind"}
    if card.n_levels and not card.levels:
        return {**row, "verdict": "not kept"}
    count = _number_counts if card.kind == "number" else _text_counts
    labels, before, after, outside = count(card, column)
    held = np.flatnonzero(before + after)
    found = compare_counts([labels[at] for at in held.tolist()], before[held], after[held])
    return {
        **row, "psi": found.psi, "chance_psi": found.chance_psi, "p_value": found.p_value,
        "missing_after": float(after[-1] / column.n_rows), "outside": outside,
        "mean_after": _mean(column) if card.kind == "number" else np.nan,
        "verdict": found.level,
    }  # fmt: skip


def _mean(column: Column) -> float:
    values = np.zeros(0) if column.numbers is None else column.numbers
    known = np.sort(values[~np.isnan(values)])
    return float(known.mean()) if len(known) else np.nan


def _number(name: str, values: Floats, n_bins: int) -> CardColumn:
    known = np.sort(values[~np.isnan(values)])
    common: dict[str, Any] = {"name": name, "kind": "number", "n_rows": len(values)}
    if not len(known):
        return CardColumn(n_missing=len(values), **common)
    cuts = quantile_cuts(known, n_bins, closed=True)
    counts = np.bincount(np.searchsorted(cuts, known, side="right"), minlength=len(cuts) + 1)
    return CardColumn(
        n_missing=len(values) - len(known), cuts=tuple(cuts.tolist()),
        counts=tuple(counts.tolist()), low=float(known[0]), high=float(known[-1]),
        mean=float(known.mean()), deviation=float(known.std()), **common,
    )  # fmt: skip


def _number_counts(card: CardColumn, column: Column) -> tuple[list[str], Floats, Floats, float]:
    """Return bins, rows before and after, the missing ones last, and the share out of range."""
    values = np.full(column.n_rows, np.nan) if column.numbers is None else column.numbers
    known = values[~np.isnan(values)]
    counts = card.counts or (0,)
    found = np.bincount(np.searchsorted(card.cuts, known, side="right"), minlength=len(counts))
    before = np.array([*counts, card.n_missing], dtype=np.float64)
    after = np.array([*found.tolist(), len(values) - len(known)], dtype=np.float64)
    outside = np.nan
    if card.low is not None and card.high is not None and len(known):
        outside = float(((known < card.low) | (known > card.high)).mean())
    return [*interval_labels(card.cuts), "missing"], before, after, outside


def _text_counts(card: CardColumn, column: Column) -> tuple[list[str], Floats, Floats, float]:
    """Return levels, rows before and after, other and missing ones last, and the unseen share.

    What is unseen can be told only where all levels are kept; it is NaN elsewhere.
    """
    codes = np.zeros(0, dtype=np.intp) if column.codes is None else column.codes
    found = np.bincount(codes[codes >= 0], minlength=len(column.levels)).tolist()
    n_known = sum(found)
    by_level = _counted(card.levels, zip(column.levels, found, strict=True))
    own = [by_level.get(level, 0) for level in card.levels]
    n_other = n_known - sum(own)
    before = np.array([*card.counts, card.n_other, card.n_missing], dtype=np.float64)
    after = np.array([*own, n_other, column.n_rows - n_known], dtype=np.float64)
    is_whole = card.n_levels == len(card.levels)
    outside = n_other / n_known if is_whole and n_known else np.nan
    return [*card.levels, "other levels", "missing"], before, after, outside


def _counted(known: tuple[str, ...], found: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the rows of each level, under the name that a card has for it.

    A card may have had truths or floats where later rows hold integers, or the other way about.
    """
    own = {level_key(level): level for level in reversed(known)} | {name: name for name in known}
    counts: dict[str, int] = {}
    for level, n_rows in found:
        name = own.get(level, own.get(level_key(level), level))
        counts[name] = counts.get(name, 0) + n_rows
    return counts


def read_columns(document: Any) -> tuple[CardColumn, ...]:
    """Return the columns that a document holds.

    Raises
    ------
    InvalidDataError
        If it holds something else.
    """
    try:
        return tuple(CardColumn.from_dict(column) for column in document)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InvalidDataError("a model card's columns cannot be read.") from error
