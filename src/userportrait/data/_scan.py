"""Parquet files as lazy frames, for what does not fit in memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from userportrait._core.lazy import optional_import
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.data._readers import PARQUET_SUFFIXES, chosen_columns, existing_path
from userportrait.errors import InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

__all__ = ["scan_parquet"]

_OWNER = "scan_parquet"


def scan_parquet(
    path: str | PathLike[str],
    *,
    engine: Literal["duckdb", "polars"] = "duckdb",
    columns: Sequence[str] | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> Any:
    """Open a Parquet file, or a folder of them, without reading its rows.

    The result goes into `clean_orders`, `Orders` and everything else that takes a frame. With
    DuckDB, the default, tables of any size are worked on in bounded memory; polars is often
    faster, but its memory is not bounded.

    Parameters
    ----------
    path : str or path
        A file, or a folder with ``.parquet`` or ``.pq`` files, also in folders of its own.
        Folders such as ``year=2026`` make a column `year`. Names that start with ``_`` or
        ``.`` are passed over.
    engine : {'duckdb', 'polars'}, default='duckdb'
        The library of the result.
    columns : sequence of str, optional
        The columns to read, in this order; by default all of them.
    memory_limit : str, optional
        How much memory DuckDB may use, such as ``'2GB'``; what needs more goes to temporary
        files. It holds for DuckDB's default connection, so for all that follows. By default
        DuckDB's own limit stays, four fifths of the machine's memory unless set otherwise.
        The arrays of this library come on top of it: about 1 GB.
    threads : int, optional
        How many threads DuckDB may use, also from now on; by default as it is.

    Returns
    -------
    DuckDBPyRelation or LazyFrame
        A relation of DuckDB's default connection, or a lazy polars frame.

    Raises
    ------
    DataFileNotFoundError
        If there is no such file or folder; the message names a near one.
    InvalidDataError
        If a folder holds no Parquet file, or a file is none.
    MissingColumnError
        If a column is not there.
    MissingExtraError
        If the library is not installed.
    InvalidParameterError
        If an option has no such value, or `memory_limit` or `threads` is given for polars.

    Examples
    --------
    >>> import pandas as pd
    >>> pd.DataFrame({"customer_id": [1, 2], "amount": [3.5, 4.0]}).to_parquet("orders.parquet")
    >>> scan_parquet("orders.parquet", columns=["amount"]).fetchall()
    [(3.5,), (4.0,)]
    """
    check_values(
        _OWNER,
        {"engine": engine, "memory_limit": memory_limit, "threads": threads},
        {
            "engine": OneOf(("duckdb", "polars")),
            "memory_limit": Optional(InstanceOf((str,), "a text such as '2GB'")),
            "threads": Optional(Between(1, 1024, integer=True)),
        },
    )
    if engine == "polars" and not (memory_limit is None and threads is None):
        problem = "memory_limit and threads are for engine='duckdb'; polars has no such limit."
        raise InvalidParameterError(_OWNER, [problem])
    files = _files(existing_path(path, folder=True))
    hive = any("=" in part for file in files for part in file.relative_to(_home(path)).parts[:-1])
    scan = _with_duckdb if engine == "duckdb" else _with_polars
    return scan(files, path, columns, hive=hive, settings=_settings(memory_limit, threads))


def _home(path: str | PathLike[str]) -> Path:
    file = Path(path).expanduser()
    return file if file.is_dir() else file.parent


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.casefold() in PARQUET_SUFFIXES
        and file.is_file()
        and not any(part.startswith(("_", ".")) for part in file.relative_to(path).parts)
    ]
    if not found:
        message = f"'{path}' holds no Parquet file ({', '.join(PARQUET_SUFFIXES)})."
        raise InvalidDataError(message)
    return found


def _settings(memory_limit: str | None, threads: int | None) -> dict[str, str | int]:
    given: dict[str, str | int | None] = {"memory_limit": memory_limit, "threads": threads}
    return {name: value for name, value in given.items() if value is not None}


def _with_polars(
    files: list[Path],
    path: str | PathLike[str],
    columns: Sequence[str] | None,
    *,
    hive: bool,
    settings: dict[str, str | int],
) -> Any:
    del settings
    pl: Any = optional_import("polars", what="scan_parquet(engine='polars')", extra="polars")
    try:
        frame = pl.scan_parquet(files, hive_partitioning=hive)
        names = list(frame.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(path, error) from error
    return frame if columns is None else frame.select(chosen_columns(names, columns))


def _with_duckdb(
    files: list[Path],
    path: str | PathLike[str],
    columns: Sequence[str] | None,
    *,
    hive: bool,
    settings: dict[str, str | int],
) -> Any:
    duckdb: Any = optional_import("duckdb", what="scan_parquet", extra="duckdb")
    for name, value in settings.items():
        _set(duckdb, name, value)
    if "memory_limit" in settings:
        _spill(duckdb)
    try:
        relation = duckdb.read_parquet([str(file) for file in files], hive_partitioning=hive)
    except duckdb.Error as error:
        raise _broken(path, error) from error
    if columns is None:
        return relation
    chosen = chosen_columns(list(relation.columns), columns)
    return relation.project(", ".join('"' + name.replace('"', '""') + '"' for name in chosen))


def _set(duckdb: Any, name: str, value: str | int) -> None:
    text = str(value).replace("'", "''")
    try:
        duckdb.execute(f"SET {name} = '{text}'")
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        problem = f"{name}={value!r} is not what DuckDB takes: {reason}."
        raise InvalidParameterError(_OWNER, [problem]) from None


_SPILLED: list[TemporaryDirectory[str]] = []
"""Where DuckDB's default connection puts what memory does not hold; kept until the end."""


def _spill(duckdb: Any) -> None:
    """Give DuckDB a place for temporary files, unless it has one that somebody chose."""
    current = duckdb.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
    if current not in ("", ".tmp", None):
        return
    folder: TemporaryDirectory[str] = TemporaryDirectory(
        prefix="userportrait-", ignore_cleanup_errors=True
    )
    try:
        _set(duckdb, "temp_directory", folder.name)
    except InvalidParameterError:  # the first one is in use already
        folder.cleanup()
        return
    _SPILLED.append(folder)


def _broken(path: str | PathLike[str], error: Exception) -> InvalidDataError:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    return InvalidDataError(f"'{path}' cannot be read as Parquet: {reason}.")
