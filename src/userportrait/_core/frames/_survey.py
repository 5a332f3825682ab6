"""Words that count and measure whole frames, in as few passes as they can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import pandas as pd

from userportrait._core.frames._columns import (
    known_number,
    select_finite_times,
    with_epoch_micros,
)
from userportrait._core.frames._engine import Facts, Frame, column_kinds, column_names
from userportrait._core.frames._sql import column as column_of
from userportrait._core.units import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["count_missing", "count_rows", "extremes", "spans", "survey"]

_WIDE = 40
_MEASURED = ("integer", "number", "decimal", "time", "date")


def count_rows(frame: Frame) -> int:
    """Return the number of rows."""
    if isinstance(frame.inner, nw.DataFrame):
        return len(frame.inner)
    if frame.facts.rows is None:
        _look(frame, rows=True)
    return int(frame.facts.rows or 0)


def count_missing(frame: Frame, columns: Sequence[str]) -> dict[str, int]:
    """Return how many values of each column are null, NaN or (DuckDB) an infinite time."""
    facts = _look(frame, missing=columns)
    return {name: facts.missing[name] for name in columns}


def extremes(frame: Frame, column: str) -> tuple[Any, Any]:
    """Return the least and the greatest value of numbers, times or dates.

    Null and NaN are passed over; both ends are None where there is nothing else. Whole
    numbers come as int, other numbers and decimals as float, times and dates as naive
    datetimes in UTC.
    """
    return spans(frame, [column])[column]


def spans(frame: Frame, columns: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return the least and greatest value of several columns at once; see `extremes`."""
    facts = _look(frame, spans=columns)
    kinds = column_kinds(frame, columns)
    found: dict[str, tuple[Any, Any]] = {}
    for name in columns:
        low, high = facts.spans[name]
        if kinds[name] in ("time", "date") and low is not None:
            low, high = from_micros(low), from_micros(high)
        found[name] = (low, high)
    return found


def survey(frame: Frame, columns: Sequence[str]) -> None:
    """Look at columns of a lazy frame once, so that the words above need no further pass.

    Counts the rows and the missing values of the columns, and finds the extremes of those
    that hold numbers, times or dates. Does nothing for a frame in memory.

    On Spark the first of these words surveys all columns, unless there are more than 40:
    every job costs seconds on a cluster.
    """
    if isinstance(frame.inner, nw.DataFrame):
        return
    kinds = column_kinds(frame, columns)
    measured = [name for name in columns if kinds[name] in _MEASURED]
    _look(frame, rows=True, missing=columns, spans=measured, widen=False)


def _look(
    frame: Frame,
    *,
    rows: bool = False,
    missing: Sequence[str] = (),
    spans: Sequence[str] = (),
    widen: bool = True,
) -> Facts:
    """Find out what is asked for and not known yet, in one pass."""
    lazy = isinstance(frame.inner, nw.LazyFrame)
    facts = frame.facts if lazy else Facts()  # a frame in memory may be changed by its owner
    missing = [name for name in missing if name not in facts.missing]
    spans = [name for name in spans if name not in facts.spans]
    if not (missing or spans or (rows and facts.rows is None)):
        return facts
    if widen and frame.engine == "spark" and len(column_names(frame)) <= _WIDE:
        kinds = column_kinds(frame)
        countable = [n for n, kind in kinds.items() if kind != "other" or n in missing]
        missing = [n for n in countable if n not in facts.missing]
        measurable = [n for n, kind in kinds.items() if kind in _MEASURED or n in spans]
        spans = [n for n in measurable if n not in facts.spans]
    found = _pass(frame, missing, spans)
    facts.rows = int(found["n"])
    facts.missing |= {name: int(found[f"m{i}"] or 0) for i, name in enumerate(missing)}
    facts.spans |= {
        name: (_plain(found[f"l{i}"]), _plain(found[f"h{i}"])) for i, name in enumerate(spans)
    }
    return facts


def _pass(frame: Frame, missing: Sequence[str], spans: Sequence[str]) -> Mapping[str, Any]:
    if not missing and not spans:
        return {"n": _rows(frame)}
    kinds = column_kinds(frame, {*missing, *spans})
    timed = [name for name in spans if kinds[name] in ("time", "date")]
    if frame.worker == "duckdb" and any(kinds[name] in ("time", "date") for name in missing):
        frame = select_finite_times(frame)
    for position, name in enumerate(timed):
        frame = with_epoch_micros(frame, name, f"__micros_{position}")
    schema = frame.inner.collect_schema()
    chosen: list[Any] = []
    for position, name in enumerate(missing):
        fractional = kinds[name] == "number"
        value = known_number(frame, name, schema[name]) if fractional else column_of(frame, name)
        chosen.append(value.is_null().cast(nw.Int64).alias(f"m{position}"))
    for position, name in enumerate(spans):
        value = (
            nw.col(f"__micros_{timed.index(name)}")
            if name in timed
            else known_number(frame, name, schema[name])
        )
        chosen.append(value.alias(f"v{position}"))
    totals = [nw.len().alias("n"), *(nw.col(f"m{i}").sum() for i in range(len(missing)))]
    for position in range(len(spans)):
        value = nw.col(f"v{position}")
        totals += [value.min().alias(f"l{position}"), value.max().alias(f"h{position}")]
    return _only_row(frame.over(frame.inner.select(*chosen).select(*totals)))


def _rows(frame: Frame) -> int:
    if isinstance(frame.inner, nw.DataFrame):
        return len(frame.inner)
    if frame.worker == "duckdb":
        return int(frame.native.aggregate("count(*) AS n").fetchall()[0][0])
    if frame.engine == "spark":
        with _quiet_spark():
            return int(frame.native.count())
    return int(frame.inner.select(nw.len()).collect().item())


def _quiet_spark() -> Any:
    from userportrait._core.frames._parts_spark import quiet_spark

    return quiet_spark()


def _plain(value: Any) -> Any:
    """Return None for every missing value, and a Python number for a numpy one."""
    if value is None or value is pd.NA or value != value:
        return None
    item = getattr(value, "item", None)
    return value if item is None else item()


def _only_row(frame: Frame) -> dict[str, Any]:
    inner, native = frame.inner, frame.native
    if isinstance(inner, nw.DataFrame):
        return next(inner.iter_rows(named=True))
    if frame.worker == "duckdb":
        return dict(zip(native.columns, native.fetchall()[0], strict=True))
    if frame.engine == "spark":
        with _quiet_spark():
            return dict(native.collect()[0].asDict())
    return next(inner.collect().iter_rows(named=True))
