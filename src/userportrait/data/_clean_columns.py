"""One column of raw data, the same on every engine: values, which are missing, what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import numpy as np
import pandas as pd

from userportrait._core.units import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

__all__ = [
    "RAW_KINDS",
    "RawColumn",
    "RawKind",
    "coded",
    "column_from_pandas",
    "column_from_polars",
    "with_none",
]

RawKind: TypeAlias = Literal["integer", "number", "decimal", "text", "boolean", "time", "other"]
RAW_KINDS: tuple[RawKind, ...] = get_args(RawKind)

_INT64 = np.iinfo(np.int64)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


@dataclass(frozen=True, slots=True, eq=False)
class RawColumn:
    """A column as it came, engine left behind.

    Parameters
    ----------
    kind : str
        What the values are. Categories count as their values, dates as times.
    values : ndarray
        int64, float64, bool or datetime64[us] (UTC where there was a zone); for ``text`` and
        ``decimal`` positions in `labels`, -1 where missing; for ``other`` objects. Elsewhere
        anything where missing.
    missing : ndarray of bool
        Null, NaN or NaT.
    labels : ndarray of objects, optional
        The distinct texts or decimals, in no particular order.
    aware : ndarray of bool, optional
        For times: which of them had a zone.
    memo : dict
        What has been worked out before.
    """

    kind: RawKind
    values: NDArray[Any]
    missing: NDArray[np.bool_]
    labels: NDArray[Any] | None = None
    aware: NDArray[np.bool_] | None = None
    memo: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[Any]) -> RawColumn:
        """Return these rows: positions, or a mask."""
        aware = None if self.aware is None else self.aware[rows]
        return RawColumn(self.kind, self.values[rows], self.missing[rows], self.labels, aware)

    def once(self, name: str, work: Callable[[], Any]) -> Any:
        """Return what `work` returns, worked out when first asked for under this name."""
        if name not in self.memo:
            self.memo[name] = work()
        return self.memo[name]

    def identity(self) -> NDArray[np.int64]:
        """Return a code for each row, the same for equal values; missing is one value."""
        codes = self._codes(sort=False)
        codes[self.missing] = -1
        return codes

    def ranks(self) -> NDArray[np.int64]:
        """Return a code for each row that grows with the value; missing comes first."""
        codes = self._codes(sort=True)
        codes[self.missing] = -1
        return codes

    def _codes(self, *, sort: bool) -> NDArray[np.int64]:
        if self.kind == "other":
            texts = np.array([repr(value) for value in self.values], dtype=object)
            return _factorized(texts, sort=sort)
        if self.labels is not None:
            if not sort:
                return self.values.astype(np.int64)
            rank = np.full(len(self.labels) + 1, -1, dtype=np.int64)
            rank[np.argsort(self.labels, kind="stable")] = np.arange(len(self.labels))
            ranks: NDArray[np.int64] = rank[self.values]
            return ranks
        if self.kind == "time":
            return self.values.view(np.int64).copy()
        if self.kind in ("integer", "boolean"):
            return self.values.astype(np.int64)
        return _factorized(self.values, sort=sort)


def _factorized(values: NDArray[Any], *, sort: bool) -> NDArray[np.int64]:
    codes, _ = pd.factorize(values, sort=sort)
    return np.asarray(codes, dtype=np.int64)


def with_none(values: Any, gaps: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the values as objects, None in the gaps."""
    found = np.array(values, dtype=object)
    found[gaps] = None
    return found


def coded(values: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return positions in the distinct values, -1 for null, and those as objects."""
    codes, labels = cast("tuple[Any, Any]", pd.factorize(values))
    return np.asarray(codes, dtype=np.int64), np.asarray(labels, dtype=object)


def _texts(values: Any) -> RawColumn:
    codes, labels = coded(values)
    return RawColumn("text", codes, codes < 0, labels=labels)


def _decimals(values: Any) -> RawColumn:
    codes, labels = coded(values)
    return RawColumn("decimal", codes, codes < 0, labels=labels)


def _nothing(n_rows: int) -> RawColumn:
    codes = np.full(n_rows, -1, dtype=np.int64)
    return RawColumn("text", codes, codes < 0, labels=np.empty(0, dtype=object))


def column_from_pandas(series: Any) -> RawColumn:
    """Read a pandas column, whatever its dtype."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = pd.Series(series.cat.categories)
        return _spread(column_from_pandas(categories), np.asarray(series.cat.codes))
    dtype: Any = series.dtype
    missing = np.asarray(series.isna(), dtype=bool)
    letter = getattr(dtype, "kind", "O")
    if letter == "b":
        return RawColumn("boolean", series.to_numpy(dtype=bool, na_value=False), missing)
    if letter in "iu":
        return _integers(series, missing)
    if letter == "f":
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return RawColumn("number", numbers, missing | np.isnan(numbers))
    if letter == "M":
        return _times(_as_moments(series), missing)
    if isinstance(dtype, pd.StringDtype) or letter == "U":
        return _texts(series.array)
    if str(dtype).startswith("decimal"):
        return _arrow_decimals(series)
    objects = np.asarray(series.to_numpy(dtype=object))
    return _column_from_objects(objects, missing)


def _arrow_decimals(series: Any) -> RawColumn:
    """Read exact decimals by their distinct values, which are few."""
    arrow = series.array.__arrow_array__()
    coded_values = arrow.combine_chunks() if hasattr(arrow, "combine_chunks") else arrow
    found = coded_values.dictionary_encode()
    codes = np.asarray(found.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    if not (codes >= 0).any():
        return _nothing(len(codes))
    labels = _objects(found.dictionary.to_pylist())
    return RawColumn("decimal", codes, codes < 0, labels=labels)


def _spread(column: RawColumn, codes: NDArray[Any]) -> RawColumn:
    """Give each row its category's value."""
    if len(column) == 0:
        return _nothing(len(codes))
    found = column.take(codes.astype(np.int64))
    missing = found.missing | (codes < 0)
    values = found.values if found.labels is None else np.where(missing, -1, found.values)
    return RawColumn(found.kind, values, missing, found.labels, found.aware)


def _integers(series: Any, missing: NDArray[np.bool_]) -> RawColumn:
    if str(series.dtype).lower().startswith("uint64"):
        objects = np.asarray(series.to_numpy(dtype=object))
        return _column_from_objects(objects, missing)
    if missing.any():
        return RawColumn("integer", series.to_numpy(dtype=np.int64, na_value=0), missing)
    return RawColumn("integer", series.to_numpy(dtype=np.int64), missing)


def _as_moments(series: Any) -> Any:
    """Turn days of Arrow into times."""
    days = str(series.dtype).startswith(("date32", "date64"))
    return series.astype("timestamp[us][pyarrow]") if days else series


def _times(series: Any, missing: NDArray[np.bool_]) -> RawColumn:
    zoned = series.dt.tz is not None
    if zoned:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(series.dtype, np.dtype):
        moments = series.to_numpy().astype("datetime64[us]")
    else:
        moments = series.to_numpy(dtype="datetime64[us]", na_value=np.datetime64("NaT"))
    return RawColumn("time", moments, missing, aware=np.full(len(moments), zoned))


def _column_from_objects(objects: NDArray[Any], missing: NDArray[np.bool_]) -> RawColumn:
    kind = str(pd.api.types.infer_dtype(objects, skipna=True))
    if missing.all():
        return _nothing(len(objects))
    if kind == "string":
        return _texts(with_none(objects, missing))
    if kind in ("boolean", "bool"):
        return RawColumn("boolean", np.where(missing, False, objects).astype(bool), missing)
    if kind == "decimal":
        return _decimals(with_none(objects, missing))
    if kind in ("floating", "mixed-integer-float"):
        numbers = np.where(missing, np.nan, objects).astype(np.float64)
        return RawColumn("number", numbers, missing)
    if kind == "integer":
        return _whole_objects(objects, missing)
    if kind in ("datetime", "datetime64", "date"):
        return _moments(objects, missing)
    return _mixture(objects, missing)


def _whole_objects(objects: NDArray[Any], missing: NDArray[np.bool_]) -> RawColumn:
    known = [int(value) for value in objects[~missing]]
    if min(known) < _INT64.min or max(known) > _INT64.max:
        return _mixture(objects, missing)
    whole = np.zeros(len(objects), dtype=np.int64)
    whole[~missing] = known
    return RawColumn("integer", whole, missing)


def _moments(objects: NDArray[Any], missing: NDArray[np.bool_]) -> RawColumn:
    """Read Python times one by one: each may have a zone of its own."""
    micros = np.zeros(len(objects), dtype=np.int64)
    aware = np.zeros(len(objects), dtype=bool)
    for row in np.flatnonzero(~missing).tolist():
        micros[row], aware[row] = _moment(objects[row])
    return RawColumn("time", micros.view("datetime64[us]"), missing, aware=aware)


def _moment(value: Any) -> tuple[int, bool]:
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[us]").view(np.int64)), False
    if not isinstance(value, datetime):
        return to_micros(datetime(value.year, value.month, value.day)), False  # noqa: DTZ001
    offset = value.utcoffset()
    naive = value.replace(tzinfo=None)
    if offset is None:
        return to_micros(naive), False
    return to_micros(naive) - to_micros(_EPOCH + offset), True


def _mixture(objects: NDArray[Any], missing: NDArray[np.bool_]) -> RawColumn:
    """Read values of several types as texts where that loses nothing."""
    texts: list[str | None] = []
    for value, gap in zip(objects, missing, strict=True):
        text = None if gap else _text(value)
        if text is None and not gap:
            return RawColumn("other", objects, missing)
        texts.append(text)
    return _texts(np.array(texts, dtype=object))


def _plain(value: Any) -> Any:
    """Take a numpy scalar out of its shell; an array has no plain value."""
    return value.item() if getattr(value, "shape", None) == () else value


def _text(value: Any) -> str | None:
    plain = _plain(value)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bool):
        return None
    if isinstance(plain, int):
        return str(plain)
    if isinstance(plain, float):
        return str(int(plain)) if plain.is_integer() else repr(plain)
    if isinstance(plain, (datetime, date)):
        return plain.isoformat()
    return str(plain) if isinstance(plain, Decimal) else None


def column_from_polars(series: Any) -> RawColumn:
    """Read a polars column, whatever its dtype."""
    import polars as pl

    dtype = series.dtype
    missing = np.asarray(series.is_null().to_numpy(), dtype=bool)
    if dtype == pl.Null:
        return _nothing(len(series))
    if dtype == pl.Boolean:
        flags = np.asarray(series.fill_null(value=False).to_numpy(), dtype=bool)
        return RawColumn("boolean", flags, missing)
    if dtype.is_integer():
        return _polars_integers(series, missing)
    if dtype.is_float():
        numbers = np.asarray(series.cast(pl.Float64).fill_null(float("nan")).to_numpy())
        return RawColumn("number", numbers, missing | np.isnan(numbers))
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        return _polars_times(series, missing)
    if isinstance(dtype, pl.Decimal):
        return _decimals(_objects(series.to_list()))
    if dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum)):
        return _texts(_objects(series.cast(pl.String).to_list()))
    if dtype == pl.Object:
        return column_from_pandas(pd.Series(series.to_list(), dtype=object))
    return RawColumn("other", _objects(series.to_list()), missing)


def _objects(values: Iterable[Any]) -> NDArray[Any]:
    found = list(values)
    objects = np.empty(len(found), dtype=object)
    objects[:] = found
    return objects


def _polars_integers(series: Any, missing: NDArray[np.bool_]) -> RawColumn:
    import polars as pl

    whole = series.cast(pl.Int64, strict=False)
    if whole.null_count() > series.null_count():
        return _column_from_objects(_objects(series.to_list()), missing)
    return RawColumn("integer", np.asarray(whole.fill_null(0).to_numpy()), missing)


def _polars_times(series: Any, missing: NDArray[np.bool_]) -> RawColumn:
    import polars as pl

    zone = getattr(series.dtype, "time_zone", None)
    if zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    series = series.cast(pl.Datetime("us"))
    moments = np.asarray(series.to_numpy()).astype("datetime64[us]")
    return RawColumn("time", moments, missing, aware=np.full(len(moments), zone is not None))
