"""Attributes of items or customers as rows of numbers: labels, words and steps of numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import InvalidParameterError, MissingColumnError
from userportrait.recommend._log_baskets import weighted_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix
    from userportrait.typing import IntoFrame

__all__ = ["Attributes", "attribute_rows", "read_attributes", "words_of"]

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_HAN = re.compile(r"[\u3400-\u9fff]")
_STEPS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Attributes:
    """What is known of IDs: one row for each fact.

    Parameters
    ----------
    ids : list of int or str
        Each once, sorted by first appearance.
    row : ndarray of int
        Positions in `ids`, one for each fact.
    fact : list of str
        Such as ``'category=tea'``; a word of a text is ``'name: green'``.
    """

    ids: list[Any]
    row: NDArray[np.intp]
    fact: list[str]


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case; Chinese as pairs of characters.

    Examples
    --------
    >>> words_of("Green Tea, 100g")
    ['green', 'tea', '100g']
    >>> words_of("龙井茶")
    ['龙井', '井茶']
    """
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        if len(word) == 1 or not _HAN.search(word):
            found.append(word)
        else:
            found += [word[i : i + 2] for i in range(len(word) - 1)]
    return found


def read_attributes(
    given: IntoFrame, *, key: str, texts: Sequence[str] | None, owner: str
) -> Attributes:
    """Read a frame of attributes; an ID may have several rows, whose facts add up.

    Parameters
    ----------
    given : frame or table
        `key` and any further columns. Numbers are cut into five steps of equal counts.
    key : str
    texts : sequence of str, optional
        Columns that are cut into words. By default those of texts that are longer than a label:
        more than half of them different, with spaces or Chinese.
    owner : str
        For messages.
    """
    inner = frames.enter(getattr(given, "frame", given), argument=owner)
    names = frames.column_names(inner)
    if key not in names:
        raise MissingColumnError(key, names, owner)
    rest = [name for name in names if name != key]
    if not rest:
        problem = f"the frame has no column beside '{key}'. Give attributes."
        raise InvalidParameterError(owner, [problem])
    unknown = [name for name in texts or () if name not in rest]
    if unknown:
        raise MissingColumnError(unknown[0], rest, owner)
    columns = frames.collect_arrays(inner, names)
    codes, distinct = pd.factorize(columns.pop(key))
    row = codes.astype(np.intp)
    rows: list[NDArray[np.intp]] = []
    facts: list[str] = []
    for name in rest:
        as_words = name in texts if texts is not None else _is_prose(columns[name])
        place, found = _facts(name, columns[name], as_words=as_words)
        rows.append(row[place])
        facts += found
    keep = np.concatenate(rows)
    return Attributes(list(distinct.tolist()), keep, facts)


def _is_prose(values: NDArray[Any]) -> bool:
    if values.dtype != object:
        return False
    known = [value for value in values.tolist() if isinstance(value, str)]
    if len(known) < 2 or len(set(known)) * 2 <= len(known):
        return False
    several = sum(len(words_of(text)) > 1 for text in known)
    return several * 2 > len(known)


def _facts(
    name: str, values: NDArray[Any], *, as_words: bool
) -> tuple[NDArray[np.intp], list[str]]:
    """Return positions of rows and their facts; missing values say nothing."""
    if values.dtype == bool or values.dtype.kind in "iuf":
        return _number_facts(name, values)
    place: list[int] = []
    found: list[str] = []
    for i, value in enumerate(values.tolist()):
        for label in _labels_of(value, as_words=as_words):
            place.append(i)
            found.append(f"{name}: {label}" if as_words else f"{name}={label}")
    return np.array(place, dtype=np.intp), found


def _labels_of(value: Any, *, as_words: bool) -> Iterable[str]:
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        parts = cast("Iterable[Any]", value)
        return sorted({str(part) for part in parts})
    if value is None or value != value:
        return ()
    return words_of(str(value)) if as_words else (str(value),)


def _number_facts(name: str, values: NDArray[Any]) -> tuple[NDArray[np.intp], list[str]]:
    if values.dtype == bool:
        return np.arange(len(values)), [f"{name}={value}" for value in values.tolist()]
    known = np.flatnonzero(np.isfinite(values.astype(np.float64)))
    numbers = values[known]
    distinct = np.unique(numbers)
    if len(distinct) <= _STEPS:
        return known, [f"{name}={value:.15g}" for value in numbers.tolist()]
    limits = np.unique(np.quantile(numbers, np.arange(1, _STEPS) / _STEPS))
    step = np.searchsorted(limits, numbers, side="left")
    return known, [f"{name}: step {s + 1} of {len(limits) + 1}" for s in step.tolist()]


def attribute_rows(
    attributes: Attributes, ids: NDArray[Any], *, facts: NDArray[Any] | None = None
) -> tuple[Matrix, NDArray[Any]]:
    """Return TF-IDF rows for some IDs, and the facts that are columns.

    Parameters
    ----------
    attributes : Attributes
    ids : ndarray
        One row each; zeros for an ID of which nothing is known.
    facts : ndarray of str, optional
        The columns; by default all facts, sorted.
    """
    place = {name: i for i, name in enumerate(ids.tolist())}
    to_row = np.array([place.get(name, -1) for name in attributes.ids], dtype=np.intp)
    if facts is None:
        distinct = sorted(set(attributes.fact))
        facts = np.empty(len(distinct), dtype=object)
        facts[:] = distinct
    column_of = {fact: i for i, fact in enumerate(facts.tolist())}
    column = np.array([column_of.get(fact, -1) for fact in attributes.fact], dtype=np.int64)
    row = to_row[attributes.row] if len(attributes.row) else attributes.row
    keep = (row >= 0) & (column >= 0)
    counts = weighted_rows(
        row[keep], column[keep].astype(np.int32), np.ones(int(keep.sum())), (len(ids), len(facts))
    )
    n_with = np.bincount(counts.indices, minlength=len(facts))
    rarity = np.log((1.0 + len(ids)) / (1.0 + n_with)) + 1.0
    counts.data[:] = np.log1p(counts.data) * rarity[counts.indices]
    return counts, facts
