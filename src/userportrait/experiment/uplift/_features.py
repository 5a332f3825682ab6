"""From a table or an array to numbers: standardised columns, one column per level of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import InvalidDataError, MissingColumnError, UnsupportedOnEngine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Design", "Encoder", "Table", "read_table"]

_NUMBERS = ("integer", "number", "decimal", "boolean")
_TEXTS = ("text", "category")
_MISSING, _REST = "\x00missing", "\x00rest"


class Table(NamedTuple):
    """Columns of customers' facts, equally long: numbers as float64, texts as objects."""

    columns: Mapping[str, NDArray[Any]]
    n: int


class Design(NamedTuple):
    """Encoded customers.

    Parameters
    ----------
    linear : ndarray of shape (n, k)
        Standardised columns; what is not known is 0, the mean.
    steps : ndarray of shape (n, m)
        Standardised indicators of intervals of the numbers, for curved main effects.
    """

    linear: Floats
    steps: Floats

    def take(self, rows: Any) -> Design:
        """Return some of the rows."""
        return Design(self.linear[rows], self.steps[rows])


def read_table(
    data: Any, *, without: Sequence[str] = (), names: Sequence[str] | None = None
) -> Table:
    """Read a frame of any engine, or an array of numbers with one column per feature.

    Parameters
    ----------
    data : frame or array-like of shape (n, k)
    without : sequence of str
        Columns of a frame that are no features, besides ``customer_id``.
    names : sequence of str, optional
        The columns wanted, as seen before; the others are left out.
    """
    frame = _as_frame(data)
    if frame is None:
        return _from_array(data, names)
    there = frames.column_names(frame)
    wanted = [name for name in there if name not in ("customer_id", *without)]
    if names is not None:
        for name in names:
            if name not in there:
                raise MissingColumnError(name, there)
        wanted = list(names)
    if not wanted:
        message = "X has no column to learn from."
        raise InvalidDataError(message)
    kinds = frames.column_kinds(frame, wanted)
    arrays = frames.collect_arrays(frame, wanted)
    found = {name: _column(name, kinds[name], arrays[name]) for name in wanted}
    return Table(found, len(found[wanted[0]]))


def _as_frame(data: Any) -> frames.Frame | None:
    if isinstance(data, (np.ndarray, list, tuple)):
        return None
    try:
        return frames.enter(data, argument="X")
    except UnsupportedOnEngine:
        if hasattr(data, "__array__"):
            return None
        raise


def _from_array(data: Any, names: Sequence[str] | None) -> Table:
    found = np.asarray(data)
    if found.ndim != 2:
        message = f"X must have two dimensions, customers by features; got {found.ndim}."
        raise InvalidDataError(message)
    try:
        numbers: Floats = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        message = "an array X must hold numbers; give texts in a frame, whose columns have types."
        raise InvalidDataError(message) from error
    keys = [f"x{place}" for place in range(numbers.shape[1])]
    if names is not None and list(names) != keys:
        message = f"X must have the {len(names)} columns seen in fit; got an array of {len(keys)}."
        raise InvalidDataError(message)
    if not keys:
        message = "X has no column to learn from."
        raise InvalidDataError(message)
    columns = {key: _finite(key, numbers[:, place]) for place, key in enumerate(keys)}
    return Table(columns, len(numbers))


def _column(name: str, kind: str, values: NDArray[Any]) -> NDArray[Any]:
    if kind in _NUMBERS or (kind == "empty" and values.dtype != object):
        return _finite(name, pd.to_numeric(pd.Series(values)).to_numpy(np.float64, na_value=np.nan))
    if kind in _TEXTS or kind == "empty":
        found: NDArray[Any] = values.astype(object)
        return found
    what = "mixed values" if kind == "other" else kind
    message = (
        f"column '{name}' is of a kind that cannot be learned from ({what}). Turn times into "
        "days before the campaign, or leave the column out."
    )
    raise InvalidDataError(message, column=name)


def _finite(name: str, values: Floats) -> Floats:
    if np.isinf(values).any():
        message = f"column '{name}' holds infinite values."
        raise InvalidDataError(message, column=name)
    return values


@dataclass(slots=True)
class _Numbers:
    """A column of numbers: centred, scaled, and cut into intervals."""

    mean: float
    scale: float
    with_missing: bool
    edges: Floats

    @classmethod
    def learn(cls, values: Floats, n_steps: int) -> _Numbers:
        known = values[~np.isnan(values)]
        mean = float(known.mean()) if len(known) else 0.0
        spread = float(known.std()) if len(known) else 0.0
        scale = spread if spread > 1e-12 * max(1.0, abs(mean)) else 0.0
        edges = np.zeros(0)
        if n_steps > 1 and len(known) and len(np.unique(known)) > 2:
            shares = np.arange(1, n_steps) / n_steps
            edges = np.unique(np.quantile(known, shares, method="inverted_cdf"))
            edges = edges[edges < known.max()]
        return cls(mean, scale, len(known) < len(values), edges)

    def encode(self, values: Floats) -> tuple[list[Floats], list[Floats]]:
        missing = np.isnan(values)
        scale = self.scale or np.inf
        linear = [np.where(missing, 0.0, (values - self.mean) / scale)]
        if self.with_missing:
            linear.append(missing.astype(np.float64))
        if not len(self.edges):
            return linear, []
        place = np.searchsorted(self.edges, values, side="left")
        place[missing] = -1
        return linear, [(place == step).astype(np.float64) for step in range(len(self.edges) + 1)]


@dataclass(slots=True)
class _Levels:
    """A column of texts: one indicator per level; rare ones share one."""

    levels: list[str]

    @classmethod
    def learn(cls, values: NDArray[Any], max_levels: int) -> _Levels:
        """Keep the most frequent levels; of equally frequent ones, the first by name."""
        codes, names = _coded(values)
        counts: dict[str, int] = {}
        for name, count in zip(names, np.bincount(codes, minlength=len(names)), strict=True):
            counts[name] = counts.get(name, 0) + int(count)
        ordered = sorted(counts, key=lambda name: (-counts[name], name))
        if len(ordered) > max_levels:
            return cls([*sorted(ordered[: max_levels - 1]), _REST])
        return cls(sorted(ordered))

    def encode(self, values: NDArray[Any]) -> list[Floats]:
        """Return one column of 0 and 1 per level; NaN for a level that is not known."""
        codes, names = _coded(values)
        known = {level: place for place, level in enumerate(self.levels)}
        # NaN, so that an unknown level becomes the mean after centring.
        other = known.get(_REST, -1)
        places = np.array([known.get(name, other) for name in names], dtype=np.int64)
        place = places[codes] if len(names) else np.zeros(0, dtype=np.int64)
        blank = np.where(place < 0, np.nan, 0.0)
        return [blank + (place == level) for level in range(len(self.levels))]


def _coded(values: NDArray[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """Return the place of each value in a list of distinct texts; a missing one is a text too."""
    found: Any = pd.factorize(values)
    codes = np.asarray(found[0], dtype=np.int64)
    names = [_text(value) for value in found[1]]
    if (codes < 0).any():
        codes = np.where(codes < 0, len(names), codes)
        names.append(_MISSING)
    return codes, names


def _text(value: Any) -> str:
    # Whole numbers beside missing ones arrive as floats.
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)


class Encoder:
    """Learns means, scales and levels; applies them to other customers unchanged.

    A number that is missing counts as the mean, with an indicator of its own if `fit` has seen
    missing ones. A missing text is a level. A level that `fit` has not seen counts as the
    average customer, or joins the rare levels where there are any.
    """

    def __init__(self, *, max_levels: int = 50, n_steps: int = 10) -> None:
        self.max_levels = max_levels
        self.n_steps = n_steps

    def fit(self, table: Table) -> Encoder:
        """Learn from the customers of a table."""
        self.parts: dict[str, _Numbers | _Levels] = {}
        for name, values in table.columns.items():
            if values.dtype == object:
                self.parts[name] = _Levels.learn(values, self.max_levels)
            else:
                self.parts[name] = _Numbers.learn(values, self.n_steps)
        linear, steps = self._raw(table)
        self._linear, self._steps = _Scaling.learn(linear), _Scaling.learn(steps)
        self.names = [self._labels()[place] for place in self._linear.kept]
        return self

    def transform(self, table: Table) -> Design:
        """Encode customers."""
        linear, steps = self._raw(table)
        return Design(self._linear.apply(linear, table.n), self._steps.apply(steps, table.n))

    def _raw(self, table: Table) -> tuple[list[Floats], list[Floats]]:
        linear: list[Floats] = []
        steps: list[Floats] = []
        for name, part in self.parts.items():
            values = table.columns[name]
            if isinstance(part, _Levels):
                linear += part.encode(values.astype(object))
            else:
                added = part.encode(_as_floats(name, values))
                linear, steps = linear + added[0], steps + added[1]
        return linear, steps

    def _labels(self) -> list[str]:
        labels: list[str] = []
        shown = {_MISSING: "missing", _REST: "all others"}
        for name, part in self.parts.items():
            if isinstance(part, _Levels):
                labels += [f"{name} = {shown.get(level, level)}" for level in part.levels]
            else:
                labels += [name, f"{name} is missing"] if part.with_missing else [name]
        return labels


def _as_floats(name: str, values: NDArray[Any]) -> Floats:
    if values.dtype != object:
        return values.astype(np.float64)
    message = f"column '{name}' held numbers in fit and holds texts now."
    raise InvalidDataError(message, column=name)


@dataclass(slots=True)
class _Scaling:
    """Means and scales of columns; those without spread are left out."""

    kept: list[int]
    mean: Floats
    scale: Floats

    @classmethod
    def learn(cls, columns: list[Floats]) -> _Scaling:
        means = np.array([float(np.nanmean(column)) for column in columns])
        spread = np.array([float(np.nanstd(column)) for column in columns])
        kept = [place for place, value in enumerate(spread) if value > 1e-12]
        return cls(
            kept, means[kept] if kept else np.zeros(0), spread[kept] if kept else np.zeros(0)
        )

    def apply(self, columns: list[Floats], n: int) -> Floats:
        found = np.zeros((n, len(self.kept)))
        for place, column in enumerate(self.kept):
            found[:, place] = (columns[column] - self.mean[place]) / self.scale[place]
        return np.nan_to_num(found, nan=0.0)
