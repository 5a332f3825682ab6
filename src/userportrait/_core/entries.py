"""Exact sums by key, kept as sorted runs: what mergeable states are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeGuard

import numpy as np
import pandas as pd

from userportrait._core.coding import code_values
from userportrait.errors import ColumnTypeError, InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Coded", "Entries", "compact_codes", "group_starts"]

_TIER = 2
"""A run is joined with the one before it unless that one is more than this many times longer."""


class Coded(NamedTuple):
    """A column as positions in its sorted distinct values; -1 is null.

    Parameters
    ----------
    codes : ndarray of int32
    distinct : ndarray of int64, or of objects that are texts
    """

    codes: NDArray[np.int32]
    distinct: NDArray[Any]

    def values(self) -> NDArray[Any]:
        """Return the column itself, as objects; None is null."""
        table = np.empty(len(self.distinct) + 1, dtype=object)
        table[:-1] = self.distinct
        table[-1] = None
        return table[self.codes]


Key: TypeAlias = "NDArray[Any] | Coded"
Kind = Literal["whole numbers", "booleans", "texts"]


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Rows sorted by distinct keys. Never changed, so that states can share it."""

    keys: dict[str, Key]
    sums: dict[str, NDArray[np.int64]]
    n_rows: int


class Entries:
    """Sums of int64 values by key, exact whatever the order in which they come.

    Rows are kept in runs, each sorted with one row per key. A new batch makes a run of its
    own; runs of like size are joined, so that a batch of m rows costs O(m log m) at once and
    O(log n) joins later. Equal contents give equal `settled` columns.

    Parameters
    ----------
    keys : sequence of str
        Key columns, the most significant first: int64, bool, or objects that are texts or
        None. None sorts before every text; texts sort by Unicode code point.
    sums : sequence of str
        Columns that are added up, int64.

    Examples
    --------
    >>> import numpy as np
    >>> entries = Entries(["customer_id"], ["n"])
    >>> entries.add({"customer_id": np.array([2, 1, 2]), "n": np.array([1, 1, 1])})
    >>> entries.add({"customer_id": np.array([1]), "n": np.array([5])})
    >>> entries.settled()
    {'customer_id': array([1, 2]), 'n': array([6, 2])}
    """

    __slots__ = ("_cache", "_runs", "keys", "sums")

    def __init__(self, keys: Sequence[str], sums: Sequence[str]) -> None:
        self.keys: tuple[str, ...] = tuple(keys)
        self.sums: tuple[str, ...] = tuple(sums)
        self._runs: tuple[_Run, ...] = ()
        self._cache: dict[str, NDArray[Any]] | None = None

    def add(self, columns: Mapping[str, NDArray[Any] | Coded]) -> None:
        """Fold in rows; the entries stay as they are if the rows are refused.

        Parameters
        ----------
        columns : mapping of str to ndarray or Coded
            All key and sum columns, of equal length. No rows change nothing.

        Raises
        ------
        InvalidDataError
            If a key holds texts where it held whole numbers before, or the like.
        ColumnTypeError
            If a key column holds something else.
        """
        run = _run_of({n: columns[n] for n in self.keys}, {n: columns[n] for n in self.sums})
        if run.n_rows == 0:
            return
        self._check_kinds(run)
        self._runs = _tidied((*self._runs, run))
        self._cache = None

    def join(self, other: Entries) -> Entries:
        """Return the sums of both; neither is changed."""
        for run in other._runs[:1]:
            self._check_kinds(run)
        joined = Entries(self.keys, self.sums)
        for run in sorted((*self._runs, *other._runs), key=lambda run: -run.n_rows):
            joined._runs = _tidied((*joined._runs, run))
        return joined

    def copy(self) -> Entries:
        """Return entries of their own with the same content; the runs are shared."""
        copied = Entries(self.keys, self.sums)
        copied._runs, copied._cache = self._runs, self._cache
        return copied

    def settle(self) -> Entries:
        """Join all runs into one, once, and return these entries."""
        if len(self._runs) > 1:
            self._runs = (_joined(self._runs),)
        return self

    def settled(self) -> dict[str, NDArray[Any]]:
        """Return one row per distinct key, sorted by the keys; made once.

        Returns
        -------
        dict of str to ndarray
            Keys, then sums; arrays that are not to be changed. Empty if there are no rows.
        """
        if self._cache is None:
            found = self.settled_keys()
            arrays = {n: v.values() if isinstance(v, Coded) else v for n, v in found.items()}
            self._cache = arrays | (self._runs[0].sums if self._runs else {})
        return dict(self._cache)

    def settled_keys(self) -> dict[str, Key]:
        """Return the key columns of `settled`, texts as `Coded` with no idle value."""
        self.settle()
        return dict(self._runs[0].keys) if self._runs else {}

    def packed(self) -> dict[str, Key]:
        """Return `settled` with texts as `Coded`, which `state.pack` takes."""
        found = self.settled_keys()
        found.update(self._runs[0].sums if self._runs else {})
        return found

    def distinct(self, key: str) -> NDArray[Any]:
        """Return the sorted distinct values of a key, without None; no run is joined."""
        parts = [run.keys[key] for run in self._runs]
        if not parts:
            return np.empty(0, dtype=np.int64)
        texts = [part.distinct for part in parts if isinstance(part, Coded)]
        if texts:
            return texts[0] if len(texts) == 1 else code_values(np.concatenate(texts))[1]
        numbers = [part for part in parts if isinstance(part, np.ndarray)]
        if len(numbers) == 1 and key == self.keys[0]:
            return numbers[0][group_starts(numbers[0])]
        return np.unique(np.concatenate(numbers))

    def without(self, key: str, values: Iterable[object]) -> tuple[Entries, int]:
        """Return entries that lack some values of a key, and how many of them were there.

        Values of another type than the key's are ignored, as unknown ones are.
        """
        wanted = set(values)
        found: set[object] = set()
        kept = Entries(self.keys, self.sums)
        runs: list[_Run] = []
        for run in self._runs:
            gone, erased = _matches(run.keys[key], wanted)
            found |= erased
            runs.append(_kept(run, ~gone) if erased else run)
        kept._runs = tuple(run for run in runs if run.n_rows)
        return kept, len(found)

    @property
    def n_rows(self) -> int:
        """Number of distinct keys."""
        self.settle()
        return sum(run.n_rows for run in self._runs)

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each key holds; empty before there are rows."""
        return {n: _kind(v) for n, v in self._runs[0].keys.items()} if self._runs else {}

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entries):
            return NotImplemented
        if (self.keys, self.sums, self.kinds) != (other.keys, other.sums, other.kinds):
            return False
        mine, its = self.packed(), other.packed()
        return all(_equal(mine[name], its[name]) for name in mine)

    def __hash__(self) -> int:
        message = "Entries change with add, so they cannot be a key."
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"<Entries: {self.n_rows:,} rows>"

    def _check_kinds(self, run: _Run) -> None:
        for name, kind in self.kinds.items():
            given = _kind(run.keys[name])
            if given != kind:
                message = (
                    f"'{name}' holds {kind} in one batch and {given} in another. "
                    f"Convert it to one type before."
                )
                raise InvalidDataError(message, column=name)


def _kind(column: Key) -> Kind:
    if isinstance(column, Coded):
        return "texts"
    return "booleans" if column.dtype == bool else "whole numbers"


def _run_of(keys: Mapping[str, Key], sums: Mapping[str, Any]) -> _Run:
    columns = {name: _key_column(name, values) for name, values in keys.items()}
    values = {name: np.asarray(column).astype(np.int64) for name, column in sums.items()}
    lengths = {len(_numbers(column)) for column in columns.values()}
    if len(lengths | {len(column) for column in values.values()}) != 1:
        message = "the columns differ in length."
        raise InvalidDataError(message)
    return _reduced(columns, values, presorted=False)


def _key_column(name: str, column: NDArray[Any] | Coded) -> Key:
    """Return a key in the form that runs keep."""
    if isinstance(column, Coded):
        if column.distinct.dtype.kind == "i":
            return column.distinct[column.codes].astype(np.int64)
        return compact_codes(Coded(column.codes, column.distinct.astype(object)))
    column = np.asarray(column)
    if column.dtype == bool:
        return column.copy()
    if column.dtype.kind in "iu":
        return column.astype(np.int64)
    if column.dtype.kind in "OUT":
        texts = column.astype(object)
        if pd.api.types.infer_dtype(texts, skipna=True) in ("string", "empty"):
            return Coded(*code_values(texts))
    message = f"'{name}' must hold whole numbers, booleans or texts; it holds {column.dtype}."
    raise ColumnTypeError(message, column=name)


def compact_codes(column: Coded) -> Coded:
    """Drop distinct values that no code names."""
    used = np.zeros(len(column.distinct), dtype=bool)
    used[column.codes[column.codes >= 0]] = True
    if used.all():
        return Coded(column.codes.astype(np.int32, copy=False), column.distinct)
    places = np.full(len(used) + 1, -1, dtype=np.int32)
    places[:-1][used] = np.arange(int(used.sum()), dtype=np.int32)
    return Coded(places[column.codes], column.distinct[used])


def _numbers(column: Key) -> NDArray[Any]:
    return column.codes if isinstance(column, Coded) else column


def _tidied(runs: tuple[_Run, ...]) -> tuple[_Run, ...]:
    """Join the last runs while they are of like size: few runs, and few joins of each row."""
    while len(runs) > 1 and runs[-2].n_rows <= _TIER * runs[-1].n_rows:
        runs = (*runs[:-2], _joined(runs[-2:]))
    return runs


def _joined(runs: Sequence[_Run]) -> _Run:
    keys = {name: _joined_key([run.keys[name] for run in runs]) for name in runs[0].keys}
    sums = {name: np.concatenate([run.sums[name] for run in runs]) for name in runs[0].sums}
    return _reduced(keys, sums, presorted=True)


def _joined_key(parts: list[Key]) -> Key:
    texts = [part for part in parts if isinstance(part, Coded)]
    if not texts:
        return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
    first = texts[0].distinct
    if all(part.distinct is first for part in texts):
        return Coded(np.concatenate([part.codes for part in texts]), first)
    places, distinct = code_values(np.concatenate([part.distinct for part in texts]))
    moved: list[NDArray[np.int32]] = []
    start = 0
    for part in texts:
        end = start + len(part.distinct)
        moved.append(np.append(places[start:end], np.int32(-1))[part.codes])
        start = end
    return Coded(np.concatenate(moved), distinct)


def _reduced(keys: dict[str, Key], sums: dict[str, NDArray[np.int64]], *, presorted: bool) -> _Run:
    """Sort rows by their keys and add up those of one key.

    `presorted` says that the rows are a few sorted runs one after the other.
    """
    n = len(_numbers(next(iter(keys.values()))))
    if n == 0:
        return _Run(keys, sums, 0)
    order, starts = _sorted_groups([_numbers(column) for column in keys.values()], presorted)
    first = order[starts]
    rows: dict[str, Key] = {
        name: Coded(column.codes[first], column.distinct)
        if isinstance(column, Coded)
        else column[first]
        for name, column in keys.items()
    }
    if len(starts) == n:
        totals = {name: column[first] for name, column in sums.items()}
    else:
        totals = {name: np.add.reduceat(column[order], starts) for name, column in sums.items()}
    return _Run(rows, totals, len(starts))


def _sorted_groups(
    columns: Sequence[NDArray[Any]], presorted: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return an order that sorts rows by columns, and where each distinct key starts in it."""
    words = _words(columns)
    order = np.argsort(words[0], kind="stable" if presorted else None)
    new = _changes(words[0][order])
    for word in words[1:]:
        values = word[order]
        moved = _changes(values)
        if (moved & ~new).any():  # a key that the first words do not tell apart
            group = np.cumsum(new)
            mixed = np.zeros(int(group[-1]) + 1, dtype=bool)
            mixed[group[moved & ~new]] = True
            rows = np.flatnonzero(mixed[group])
            order[rows] = order[rows[np.lexsort((values[rows], group[rows]))]]
            values = word[order]
        new |= _changes(values)
    return order, np.flatnonzero(new)


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which values differ from the one before; the first one does."""
    new = np.empty(len(values), dtype=bool)
    new[0] = True
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new


def _words(columns: Sequence[NDArray[Any]]) -> list[NDArray[np.int64]]:
    """Pack columns into as few int64 words as hold them, so that few sorts are needed."""
    words: list[NDArray[np.int64]] = []
    room = 1
    for column in columns:
        low, high = int(column.min()), int(column.max())
        span = high - low + 1
        if words and room * span < 2**63:
            words[-1] = words[-1] * span + (column.astype(np.int64) - low)
            room *= span
        elif span < 2**63:
            words.append(column.astype(np.int64) - low)
            room = span
        else:
            words.append(column.astype(np.int64))
            room = 2**63
    return words


def group_starts(*columns: Key) -> NDArray[np.bool_]:
    """Say where rows, sorted by key columns, start a new key."""
    new = _changes(_numbers(columns[0]))
    for column in columns[1:]:
        new |= _changes(_numbers(column))
    return new


def _matches(column: Key, wanted: set[object]) -> tuple[NDArray[np.bool_], set[object]]:
    """Say which rows hold a wanted value, and which wanted values are there."""
    if isinstance(column, Coded):
        texts = [value for value in wanted if isinstance(value, str)]
        places = pd.Index(column.distinct, dtype=object).get_indexer(pd.Index(texts, dtype=object))
        places = places[places >= 0]
        gone = np.zeros(len(column.distinct) + 1, dtype=bool)
        gone[places] = True
        return gone[column.codes], set(column.distinct[places].tolist())
    plain = [int(value) for value in wanted if _is_whole(value)]
    inside = np.array([v for v in plain if -(2**63) <= v < 2**63], dtype=np.int64)
    there = np.isin(inside, column)
    return np.isin(column, inside[there]), set(inside[there].tolist())


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _kept(run: _Run, rows: NDArray[np.bool_]) -> _Run:
    keys: dict[str, Key] = {
        name: compact_codes(Coded(column.codes[rows], column.distinct))
        if isinstance(column, Coded)
        else column[rows]
        for name, column in run.keys.items()
    }
    sums = {name: column[rows] for name, column in run.sums.items()}
    return _Run(keys, sums, int(rows.sum()))


def _equal(left: Key, right: Key) -> bool:
    if isinstance(left, Coded) and isinstance(right, Coded):
        return np.array_equal(left.codes, right.codes) and np.array_equal(
            left.distinct, right.distinct
        )
    return np.array_equal(_numbers(left), _numbers(right))
