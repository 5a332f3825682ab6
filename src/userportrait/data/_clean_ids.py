"""Clean IDs: whole numbers or texts, trimmed, coded in sorted order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import format_count
from userportrait.data._clean_facts import ColumnFacts, kind_facts
from userportrait.data._order_arrays import LARGEST_EXACT
from userportrait.errors import ColumnTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data._clean_columns import RawColumn

__all__ = [
    "MISSING_TEXTS",
    "IdColumn",
    "IdForm",
    "clean_ids",
    "is_missing_text",
    "learn_ids",
    "plan_ids",
    "strip_text",
    "stripped_labels",
]

IdForm: TypeAlias = Literal["integer", "number", "decimal", "text", "float_text"]
"""How a column of IDs is read; only ``'text'`` gives texts."""

MISSING_TEXTS = frozenset({"nan", "NaN", "NULL", "null", "None", "<NA>", "NaT"})
"""What other software writes for 'nothing'; 'NA' and 'none' may be real values."""

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
_FLOAT_TEXT = re.compile(r"-?(?:0|[1-9]\d{0,17})\.0+")
_HOLDS = {
    "boolean": "true and false",
    "time": "times",
    "decimal": "decimal numbers with a fraction",
    "other": "values that are neither",
}


@dataclass(frozen=True, slots=True, eq=False)
class IdColumn:
    """IDs as positions in their sorted distinct values.

    Parameters
    ----------
    codes : ndarray of int64
        Positions in `labels`; -1 where missing.
    labels : ndarray of int64 or of objects that are texts
        Sorted. Every one occurs.
    trimmed, to_integer : ndarray of bool
        The rows whose ID was changed in this way.
    """

    codes: NDArray[np.int64]
    labels: NDArray[Any]
    trimmed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    to_integer: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @property
    def missing(self) -> NDArray[np.bool_]:
        """The rows without an ID."""
        return self.codes < 0

    @property
    def is_text(self) -> bool:
        """Whether the IDs are texts."""
        return self.labels.dtype == object


def strip_text(text: str) -> str:
    """Take white space off both ends, invisible characters included."""
    return text.strip().strip(_INVISIBLE).strip()


def is_missing_text(text: str) -> bool:
    """Return whether a stripped text stands for nothing."""
    return not text or text in MISSING_TEXTS


def stripped_labels(raw: RawColumn) -> tuple[list[str], NDArray[np.bool_]]:
    """Return a text column's labels without white space, and which of them stand for nothing.

    The second has one element more, for the code -1.
    """
    found: tuple[list[str], NDArray[np.bool_]] = raw.once("stripped", lambda: _stripped(raw))
    return found


def _stripped(raw: RawColumn) -> tuple[list[str], NDArray[np.bool_]]:
    stripped = [] if raw.labels is None else [strip_text(text) for text in raw.labels]
    return stripped, np.array([*(is_missing_text(text) for text in stripped), True], dtype=bool)


def learn_ids(raw: RawColumn) -> ColumnFacts:
    """Return what these rows say about how a column of IDs is to be read."""
    facts = kind_facts(raw)
    if raw.kind == "number":
        broken, large = _unfit(raw)
        return replace(facts, broken=int(broken.sum()), large=int(large.sum()))
    if raw.kind == "text":
        stripped, gone = stripped_labels(raw)
        present = (text for text, lost in zip(stripped, gone, strict=False) if not lost)
        first = next(present, None)
        if first is None:
            return facts
        float_texts = all(_FLOAT_TEXT.fullmatch(text) for text in (first, *present))
        return replace(facts, float_texts=float_texts)
    if raw.kind == "decimal" and raw.labels is not None:
        return replace(facts, whole=all(_is_whole(value) for value in raw.labels))
    return facts


def plan_ids(
    facts: ColumnFacts, column: str, role: str, *, owner: str, raw: RawColumn | None = None
) -> IdForm:
    """Decide how a column of IDs is read.

    Parameters
    ----------
    facts : ColumnFacts
        Of all its rows.
    column, role, owner : str
        For messages.
    raw : RawColumn, optional
        All rows, where they are at hand, to name those at fault.

    Raises
    ------
    ColumnTypeError
        If they are neither whole numbers nor texts, or numbers that lost digits.
    """
    where = f"{owner}: {role}='{column}'"
    if facts.kind == "integer":
        return "integer"
    if facts.kind == "text":
        return "float_text" if facts.float_texts else "text"
    if facts.kind == "decimal" and facts.whole:
        return "decimal"
    if facts.kind != "number":
        message = (
            f"{where} must hold whole numbers or texts; it holds {_HOLDS[facts.kind]}. "
            f"Is it the right column?"
        )
        raise ColumnTypeError(message, column=column)
    if facts.broken:
        rows = () if raw is None else np.flatnonzero(_unfit(raw)[0])[:5]
        message = (
            f"{where} must hold whole numbers or texts; {format_count(facts.broken, 'row')} with "
            f"a fraction or infinity. Is it the right column?"
        )
        raise ColumnTypeError(message, column=column, rows=[*rows], n_rows=facts.broken)
    if facts.large:
        rows = () if raw is None else np.flatnonzero(_unfit(raw)[1])[:5]
        message = (
            f"{where} holds floating-point numbers beyond 2**53, whose last digits are lost "
            f"({format_count(facts.large, 'row')}). Read the column as text or as integers."
        )
        raise ColumnTypeError(message, column=column, rows=[*rows], n_rows=facts.large)
    return "number"


def clean_ids(
    raw: RawColumn, column: str, role: str, *, owner: str, form: IdForm | None = None
) -> IdColumn:
    """Clean a column of IDs.

    Parameters
    ----------
    raw : RawColumn
    column, role, owner : str
        For messages.
    form : str, optional
        What `plan_ids` decided; by default these rows decide.

    Raises
    ------
    ColumnTypeError
        If they are neither whole numbers nor texts, or numbers that lost digits.
    """
    if form is None:
        form = plan_ids(learn_ids(raw), column, role, owner=owner, raw=raw)
    if raw.missing.all():
        return _no_ids(len(raw), form)
    if form == "integer":
        return _coded(raw.values, raw.missing, np.zeros(len(raw), dtype=bool))
    known = ~raw.missing
    if form == "number":
        whole = np.where(known, raw.values, 0.0).astype(np.int64)
        return _coded(whole, raw.missing, known)
    if form == "decimal":
        exact: list[Any] = [] if raw.labels is None else list(raw.labels)
        whole = np.array([*(int(value) for value in exact), 0], dtype=np.int64)
        return _coded(whole[raw.values], raw.missing, known)
    return _from_texts(raw, as_floats=form == "float_text")


def _no_ids(n_rows: int, form: IdForm) -> IdColumn:
    nothing = np.zeros(n_rows, dtype=bool)
    labels = np.empty(0, dtype=object if form == "text" else np.int64)
    return IdColumn(np.full(n_rows, -1, dtype=np.int64), labels, nothing, nothing)


def _is_whole(value: Any) -> bool:
    finite = bool(value.is_finite()) and abs(value) < 2**63
    return finite and bool(value == value.to_integral_value())


def _unfit(raw: RawColumn) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the rows with a fraction or infinity, and those that may have lost digits."""
    values = np.where(raw.missing, 0.0, raw.values)
    broken = ~np.isfinite(values) | (values != np.floor(values))
    return broken, np.abs(values) > LARGEST_EXACT


def _coded(
    whole: NDArray[np.int64], missing: NDArray[np.bool_], to_integer: NDArray[np.bool_]
) -> IdColumn:
    known = ~missing
    codes = np.full(len(whole), -1, dtype=np.int64)
    found, distinct = pd.factorize(whole[known] if missing.any() else whole)
    labels = np.sort(distinct)
    codes[known] = np.searchsorted(labels, distinct)[found]
    return IdColumn(codes, labels, np.zeros(len(whole), dtype=bool), to_integer)


def _from_texts(raw: RawColumn, *, as_floats: bool) -> IdColumn:
    stripped, gone = stripped_labels(raw)
    texts: list[str] = [] if raw.labels is None else list(raw.labels)
    changed = [new != old for new, old in zip(stripped, texts, strict=True)]
    trimmed = np.array([*changed, False], dtype=bool) & ~gone
    values = np.empty(len(stripped), dtype=object)
    values[:] = stripped
    if as_floats:
        heads = [text.partition(".")[0] for text in stripped]
        whole = [0 if lost else int(head) for head, lost in zip(heads, gone, strict=False)]
        values = np.array(whole, dtype=np.int64)
    return _from_labels(raw.values, values, gone, trimmed, as_floats=as_floats)


def _from_labels(
    codes: NDArray[np.int64],
    values: NDArray[Any],
    gone: NDArray[np.bool_],
    trimmed: NDArray[np.bool_],
    *,
    as_floats: bool,
) -> IdColumn:
    """Code again: labels may have become equal, and must be sorted."""
    kept = values[~gone[:-1]]
    label_codes, distinct = pd.factorize(kept)
    labels = np.asarray(distinct, dtype=values.dtype)
    order = np.argsort(labels, kind="stable")
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels))
    new = np.full(len(values) + 1, -1, dtype=np.int64)
    new[:-1][~gone[:-1]] = rank[label_codes]
    known = new[codes] >= 0
    to_integer = known if as_floats else np.zeros(len(codes), dtype=bool)
    return IdColumn(new[codes], labels[order], trimmed[codes], to_integer)
