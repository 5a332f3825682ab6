"""SQL text for DuckDB and Spark: names, constants, and one projection for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from userportrait._core.frames._engine import Frame, check_plain_names, column_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "column",
    "epoch_sql",
    "filter_sql",
    "is_awkward",
    "kept_beside",
    "literal",
    "names_of",
    "project_sql",
    "quoted",
    "select_sql",
]


def quoted(frame: Frame, name: str) -> str:
    """Return a column's name as SQL."""
    mark = "`" if frame.engine == "spark" else '"'
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def is_awkward(frame: Frame, name: str) -> bool:
    """Return whether an SQL engine would take the name apart, as in "a.b"."""
    return frame.is_sql and ("." in name or "`" in name)


def column(frame: Frame, name: str) -> Any:
    """Return a column as a narwhals expression, whatever its name."""
    if frame.engine == "spark" and is_awkward(frame, name):
        return nw.col(quoted(frame, name))
    check_plain_names(frame, [name])
    return nw.col(name)


def literal(frame: Frame, value: bool | float | str | None) -> str:
    """Return a constant as SQL: null, a boolean, a bigint, a double or a text."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"CAST({value} AS BIGINT)"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if frame.engine == "spark":
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def names_of(given: str | Sequence[str]) -> list[str]:
    """Return column names as a list; a single name may stand alone, and is not its letters."""
    return [given] if isinstance(given, str) else list(given)


def project_sql(frame: Frame, parts: Sequence[str]) -> Any:
    """Return the native frame of these SQL columns."""
    if frame.engine == "spark":
        return frame.native.selectExpr(*parts)
    return frame.native.project(", ".join(parts))


def filter_sql(frame: Frame, condition: str) -> Frame:
    """Keep the rows for which an SQL condition is true."""
    return frame.over(frame.native.filter(condition))


def select_sql(frame: Frame, columns: Mapping[str, str]) -> Frame:
    """Add or replace columns by SQL: name to text. All other columns stay."""
    kept = kept_beside(frame, list(columns))
    parts = [quoted(frame, name) for name in kept]
    parts += [f"{text} AS {quoted(frame, name)}" for name, text in columns.items()]
    return frame.over(project_sql(frame, parts), same=kept)


def kept_beside(frame: Frame, added: Sequence[str]) -> list[str]:
    """Name the columns that differ from added ones; on SQL engines by more than case."""
    if not frame.is_sql:
        return [name for name in column_names(frame) if name not in added]
    folded = {name.lower() for name in added}
    return [name for name in column_names(frame) if name.lower() not in folded]


def epoch_sql(frame: Frame, name: str) -> str:
    """Return SQL for the microseconds since 1970 of a column of times or dates."""
    dtype = frame.inner.collect_schema()[name]
    value = quoted(frame, name)
    zoned = getattr(dtype, "time_zone", None) is not None
    if frame.engine == "spark":
        if zoned:
            return f"unix_micros({value})"
        days = f"CAST(unix_date(CAST({value} AS DATE)) AS BIGINT) * 86400000000"
        if dtype == nw.Date:
            return days
        # A cast to TIMESTAMP would depend on the time zone of the session.
        clock = f"(hour({value}) * 3600 + minute({value}) * 60) * CAST(1000000 AS BIGINT)"
        return f"{days} + {clock} + CAST(extract(SECOND FROM {value}) * 1000000 AS BIGINT)"
    if zoned:
        return f"epoch_us(CAST({value} AS TIMESTAMPTZ))"
    if getattr(dtype, "time_unit", None) == "ns":  # older versions cast towards zero
        nanos = f"epoch_ns({value})"
        return f"(({nanos} - (({nanos} % 1000) + 1000) % 1000) // 1000)"
    return f"epoch_us(CAST({value} AS TIMESTAMP))"
