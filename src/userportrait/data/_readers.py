"""Read tables from CSV and Parquet files and from databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core.lazy import optional_import
from userportrait._core.params import InstanceOf, OneOf, Optional, check_values
from userportrait.data._csv_text import find_delimiter, find_encoding, open_binary
from userportrait.data._csv_types import typed_column
from userportrait.errors import (
    DataFileNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    StoreLockedError,
    unknown_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

__all__ = [
    "PARQUET_SUFFIXES",
    "chosen_columns",
    "existing_path",
    "read_csv",
    "read_parquet",
    "read_sql",
    "read_table",
]

_CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_PACKED_SUFFIXES = (".gz", ".bz2", ".xz")
PARQUET_SUFFIXES = (".parquet", ".pq")
_DELIMITERS = (",", ";", "\t", "|")


def read_table(
    path: str | PathLike[str],
    *,
    encoding: str | None = None,
    text_columns: Sequence[str] = (),
) -> pd.DataFrame:
    r"""Read a file by the ending of its name.

    Parameters
    ----------
    path : str or path
        ``.csv``, ``.tsv`` or ``.txt``, also with ``.gz``, ``.bz2`` or ``.xz`` behind it;
        ``.parquet`` or ``.pq``, also a folder of such files.
    encoding : str, optional
        Of a text file, as for `read_csv`.
    text_columns : sequence of str, default=()
        Columns of a text file that stay texts, as for `read_csv`.

    Returns
    -------
    DataFrame
        As `read_csv` or `read_parquet` returns it.

    Raises
    ------
    DataFileNotFoundError
        If there is no such file; the message names a near one.
    InvalidDataError
        If the ending is not known, or the file cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("orders.csv").write_text("customer_id,amount\n007,12.5\n")
    >>> read_table("orders.csv")
      customer_id  amount
    0         007    12.5
    """
    file = existing_path(path, folder=True)
    ending = _ending(file)
    if file.is_dir() or ending in PARQUET_SUFFIXES:
        return read_parquet(file)
    if ending in _CSV_SUFFIXES:
        return read_csv(file, encoding=encoding, text_columns=text_columns)
    if ending in (".xlsx", ".xls", ".ods"):
        message = (
            f"'{file}' is a spreadsheet. Save it as CSV, or read it with pandas.read_excel and "
            f"give the frame."
        )
        raise InvalidDataError(message)
    known = [*_CSV_SUFFIXES, *(f".csv{packed}" for packed in _PACKED_SUFFIXES), *PARQUET_SUFFIXES]
    message = f"'{file}': {unknown_name('ending of a data file', ending or 'none', known)}"
    raise InvalidDataError(message)


def _ending(file: Path) -> str:
    suffixes = [suffix.casefold() for suffix in file.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in _PACKED_SUFFIXES:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def existing_path(path: str | PathLike[str], *, folder: bool = False) -> Path:
    """Return a path to something that is there; a folder only if it may be one.

    Raises
    ------
    DataFileNotFoundError
        If there is nothing; the message names a near one.
    InvalidDataError
        If it is a folder and must not be.
    """
    file = Path(path).expanduser()
    if not file.exists():
        home = file.parent
        nearby = sorted(entry.name for entry in home.iterdir()) if home.is_dir() else []
        raise DataFileNotFoundError(str(path), nearby)
    if file.is_dir() and not folder:
        message = f"'{path}' is a folder. Give a file in it."
        raise InvalidDataError(message)
    return file


# CSV


def read_csv(
    path: str | PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    columns: Sequence[str] | None = None,
    text_columns: Sequence[str] = (),
) -> pd.DataFrame:
    r"""Read a CSV file without losing what its texts say.

    A column becomes int64 (Int64 where values are missing) if all its values are whole numbers
    without leading zeros, float64 if all are numbers, bool if all are true or false,
    datetime64 if all are ISO 8601 dates or times without a zone; else it stays text. So
    ``007``, ``1E5`` and numbers of more than 18 digits stay texts. What cannot be told without
    a guess, such as 03/04/2026 or ``1,50``, is left to the ``clean_`` functions.

    Parameters
    ----------
    path : str or path
        The file; ``.gz``, ``.bz2`` and ``.xz`` are unpacked while reading.
    delimiter : {',', ';', '\t', '|'}, optional
        What separates values. By default the first lines must tell.
    encoding : str, optional
        By default UTF-8, or UTF-16 with a byte order mark; else GB 18030 if the text is then
        Chinese, else Windows-1252 or Latin-1, both with a warning.
    columns : sequence of str, optional
        The columns to read, in this order; by default all of them.
    text_columns : sequence of str, default=()
        Columns that stay text, whatever they hold.

    Returns
    -------
    DataFrame
        Empty cells are missing; so are ``NA``, ``N/A``, ``NULL``, ``NaN``, ``None`` and ``-``
        in a column of numbers, dates, or true and false.

    Raises
    ------
    DataFileNotFoundError
        If there is no such file; the message names a near one.
    MissingColumnError
        If a column is not there.
    InvalidDataError
        If the file is empty, a folder, in another encoding, or broken; the message names the
        line.

    Warns
    -----
    DataWarning
        If the encoding had to be guessed.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("orders.csv").write_text("order;customer;total\n1;007;12.5\n2;008;3\n")
    >>> read_csv("orders.csv")
       order customer  total
    0      1      007   12.5
    1      2      008    3.0
    """
    check_values(
        "read_csv",
        {"delimiter": delimiter, "encoding": encoding},
        {
            "delimiter": Optional(OneOf(_DELIMITERS)),
            "encoding": Optional(InstanceOf((str,), "the name of an encoding")),
        },
    )
    file = existing_path(path)
    encoding = find_encoding(file, encoding)
    delimiter = find_delimiter(file, encoding, delimiter)
    texts = _read_texts(file, encoding, delimiter)
    chosen = chosen_columns(list(texts.columns), columns)
    chosen_columns(chosen, text_columns)
    typed = {
        name: texts[name] if name in text_columns else typed_column(texts[name]) for name in chosen
    }
    return pd.DataFrame(typed)


def chosen_columns(names: list[str], columns: Sequence[str] | None) -> list[str]:
    """Return the columns to read, all for None; raise `MissingColumnError` for one not there."""
    if columns is None:
        return names
    for name in columns:
        if name not in names:
            raise MissingColumnError(name, names)
    return list(columns)


def _read_texts(file: Path, encoding: str, delimiter: str) -> pd.DataFrame:
    """Read every cell as text; refuse what pandas would mend in silence."""
    with open_binary(file) as handle:
        try:
            found = pd.read_csv(
                handle,
                sep=delimiter,
                encoding=encoding,
                dtype=str,
                header=None,
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=True,
                engine="c",
                low_memory=False,
            )
        except (pd.errors.ParserError, UnicodeDecodeError, EOFError, OSError) as error:
            message = f"'{file}' cannot be read as CSV: {str(error).strip()}."
            raise InvalidDataError(message) from error
    names = [_name(value, place) for place, value in enumerate(found.iloc[0])]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"'{file}' has two columns named '{twice[0]}'. Rename one of them."
        raise InvalidDataError(message, column=twice[0])
    body = found.iloc[1:].reset_index(drop=True)
    return body.set_axis(names, axis="columns")


def _name(value: Any, place: int) -> str:
    return f"column_{place + 1}" if pd.isna(value) else str(value).strip()


# Parquet


def read_parquet(path: str | PathLike[str], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file, or a folder of them, as pandas.

    Parameters
    ----------
    path : str or path
    columns : sequence of str, optional
        The columns to read, in this order; by default all of them.

    Returns
    -------
    DataFrame
        Whole numbers with missing values are Int64, so that no digit is lost.

    Raises
    ------
    DataFileNotFoundError
        If there is no such file; the message names a near one.
    MissingExtraError
        If pyarrow is not installed.
    MissingColumnError
        If a column is not there.
    InvalidDataError
        If the file is not a Parquet file, or broken.

    Examples
    --------
    >>> import pandas as pd
    >>> pd.DataFrame({"customer_id": [1, 2], "amount": [3.5, 4.0]}).to_parquet("orders.parquet")
    >>> read_parquet("orders.parquet", columns=["amount"])
       amount
    0     3.5
    1     4.0
    """
    file = existing_path(path, folder=True)
    pq = optional_import("pyarrow.parquet", what="read_parquet", extra="parquet")
    pa = optional_import("pyarrow", what="read_parquet", extra="parquet")
    try:
        dataset = pq.ParquetDataset(file)
        names = [str(name) for name in dataset.schema.names]
        chosen = chosen_columns(names, columns)
        table = dataset.read(columns=chosen)
    except (pa.ArrowException, OSError) as error:
        message = f"'{path}' cannot be read as Parquet: {str(error).strip().rstrip('.')}."
        raise InvalidDataError(message) from error
    return _from_arrow(table.select(chosen), pa)


def _from_arrow(table: Any, pa: Any) -> pd.DataFrame:
    plain = table.replace_schema_metadata(None)
    gaps = [
        name
        for name in plain.column_names
        if pa.types.is_integer(plain[name].type) and plain[name].null_count
    ]
    frame: pd.DataFrame = plain.to_pandas(strings_to_categorical=False)
    exact = {name: plain[name].to_pandas(types_mapper=_nullable(pa)) for name in gaps}
    return frame.assign(**exact)


def _nullable(pa: Any) -> Callable[[Any], Any]:
    signs = {True: "Int", False: "UInt"}
    return lambda kind: pd.api.types.pandas_dtype(
        f"{signs[pa.types.is_signed_integer(kind)]}{kind.bit_width}"
    )


# Databases


def read_sql(
    query: Any,
    connection: Any,
    *,
    params: Mapping[str, Any] | Sequence[Any] | None = None,
) -> pd.DataFrame:
    """Read the rows that a query returns.

    Parameters
    ----------
    query : str or SQLAlchemy selectable
    connection : connection, engine or str
        A DB-API connection, such as one of `sqlite3`; a SQLAlchemy engine or connection; or a
        SQLAlchemy URL, such as ``'postgresql://host/shop'``. It is left open and in its
        transaction.
    params : mapping or sequence, optional
        Values of the query's parameters, in the style of the connection. Never put values
        into the text of a query yourself.

    Returns
    -------
    DataFrame
        Whole numbers with missing values are Int64, so that no digit is lost; decimals stay
        decimals.

    Raises
    ------
    StoreLockedError
        If another process keeps a SQLite database locked.
    MissingExtraError
        If a URL is given and SQLAlchemy is not installed.
    InvalidDataError
        If the database refuses the query, or it returns no columns.
    InvalidParameterError
        If `connection` is none.

    Examples
    --------
    >>> import sqlite3
    >>> shop = sqlite3.connect(":memory:")
    >>> _ = shop.execute("CREATE TABLE orders (customer_id INTEGER, amount REAL)")
    >>> _ = shop.execute("INSERT INTO orders VALUES (7, 12.5), (NULL, 3.0)")
    >>> read_sql("SELECT * FROM orders WHERE amount > ?", shop, params=[1])
       customer_id  amount
    0            7    12.5
    1         <NA>     3.0
    >>> shop.close()
    """
    if isinstance(connection, str):
        alchemy = optional_import("sqlalchemy", what="read_sql with a URL", extra="sql")
        engine = alchemy.create_engine(connection)
        try:
            return read_sql(query, engine, params=params)
        finally:
            engine.dispose()
    if type(connection).__module__.startswith("sqlalchemy"):
        return _from_alchemy(query, connection, params)
    if not hasattr(connection, "cursor"):
        problem = (
            f"connection must be a DB-API connection, a SQLAlchemy engine or connection, or a "
            f"URL; got {type(connection).__name__}."
        )
        raise InvalidParameterError("read_sql", [problem])
    return _from_dbapi(query, connection, params)


def _from_dbapi(query: Any, connection: Any, params: Any) -> pd.DataFrame:
    cursor = connection.cursor()
    try:
        try:
            cursor.execute(query, params) if params is not None else cursor.execute(query)
            names = _column_names(cursor.description)
            rows = cursor.fetchall()
        finally:
            cursor.close()
    except Exception as error:
        _explain(error, error, connection)
        raise
    return _from_rows(names, rows)


def _from_alchemy(query: Any, connection: Any, params: Any) -> pd.DataFrame:
    alchemy = optional_import("sqlalchemy", what="read_sql", extra="sql")
    statement = alchemy.text(query) if isinstance(query, str) else query
    try:
        if hasattr(connection, "execute"):
            return _from_result(connection.execute(statement, params))
        with connection.connect() as opened:
            return _from_result(opened.execute(statement, params))
    except alchemy.exc.DBAPIError as error:
        _explain(error, error.orig, connection)
        raise


def _from_result(result: Any) -> pd.DataFrame:
    description = result.cursor.description if result.returns_rows else None
    names = _column_names(description)
    return _from_rows(names, result.fetchall())


def _column_names(description: Any) -> list[str]:
    if description is None:
        message = "read_sql: the query returned no columns. Give a SELECT."
        raise InvalidDataError(message)
    names = [str(part[0]) for part in description]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"read_sql: the query returns two columns named '{twice[0]}'. Rename one (AS)."
        raise InvalidDataError(message, column=twice[0])
    return names


def _from_rows(names: list[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pd.DataFrame(
        {name: _from_values(values) for name, values in zip(names, columns, strict=True)}
    )


def _from_values(values: Sequence[Any]) -> Any:
    series: Any = pd.Series(list(values), dtype="object")
    present = series.dropna()
    kind = pd.api.types.infer_dtype(present)
    if kind == "integer" and int(present.min()) >= -(2**63) and int(present.max()) < 2**63:
        return series.astype("int64" if len(present) == len(series) else "Int64")
    if kind in ("floating", "mixed-integer-float"):
        return series.astype("float64")
    return series if kind in ("decimal", "empty") else series.infer_objects()


def _explain(error: Exception, origin: object, connection: Any) -> None:
    """Raise the library's error for a failed query, if there is one."""
    if isinstance(error, (InvalidDataError, StoreLockedError)):
        return
    locked = isinstance(origin, sqlite3.OperationalError) and "locked" in str(origin)
    if locked:
        path, seconds = _sqlite_facts(connection)
        raise StoreLockedError(path, seconds) from error
    home = type(origin).__module__.partition(".")[0]
    if home not in ("builtins", "userportrait"):
        message = f"read_sql: the database refused the query: {str(origin).strip().rstrip('.')}."
        raise InvalidDataError(message) from error


def _sqlite_facts(connection: Any) -> tuple[str, float]:
    """Return the file of a SQLite connection and how long it waits for a lock."""
    url = getattr(connection, "url", None) or getattr(
        getattr(connection, "engine", None), "url", None
    )
    if url is not None:
        return str(getattr(url, "database", url)), 5.0
    path = next((row[2] for row in connection.execute("PRAGMA database_list")), "")
    seconds = connection.execute("PRAGMA busy_timeout").fetchone()[0] / 1000
    return path or ":memory:", float(seconds)
