"""Files and databases are read without loss, and what goes wrong is said plainly."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sqlite3
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import require_engine
from userportrait.data import (
    clean_orders,
    guess_roles,
    read_csv,
    read_parquet,
    read_sql,
    read_table,
)
from userportrait.data._csv_types import typed_column
from userportrait.errors import (
    DataFileNotFoundError,
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    MissingExtraError,
    StoreLockedError,
)

if TYPE_CHECKING:
    from pathlib import Path

CSV = "customer_id,order_id,amount\n007,1,12.5\n008,2,3\n"


def write(folder: Path, text: str | bytes, name: str = "orders.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


# CSV


def test_leading_zeros_stay(tmp_path: Path) -> None:
    found = read_csv(write(tmp_path, CSV))
    assert found["customer_id"].tolist() == ["007", "008"]
    assert found["order_id"].dtype == np.int64
    assert found["amount"].tolist() == [12.5, 3.0]


def test_a_late_leading_zero_makes_the_whole_column_text(tmp_path: Path) -> None:
    rows = "".join(f"{i},1\n" for i in range(10, 60_000))
    found = read_csv(write(tmp_path, f"id,x\n{rows}00123,1\n"))
    assert found["id"].iloc[0] == "10"
    assert found["id"].iloc[-1] == "00123"


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["1", "-2"], "int64", [1, -2]),
        (["1", ""], "Int64", [1, None]),
        (["1", "NULL"], "Int64", [1, None]),
        (["123456789012345678", ""], "Int64", [123456789012345678, None]),
        (["1.5", "NA"], "float64", [1.5, None]),
        (["1.", ".5", "1e-05"], "float64", [1.0, 0.5, 1e-05]),
        (["TRUE", "false"], "bool", [True, False]),
        (["true", ""], "boolean", [True, None]),
        (["2026-01-31", "2026-01-31 10:00:00"], "datetime64[us]", None),
        (["2026-01-31", ""], "datetime64[us]", None),
        (["1E5", "2E5"], "text", ["1E5", "2E5"]),
        (["007", "1"], "text", ["007", "1"]),
        (["+49170", "1"], "text", ["+49170", "1"]),
        (["1234567890123456789", "1"], "text", ["1234567890123456789", "1"]),
        (["1234567890123456", "1.5"], "text", ["1234567890123456", "1.5"]),
        (["1,50", "2,00"], "text", ["1,50", "2,00"]),
        (["01/02/2026", "03/04/2026"], "text", ["01/02/2026", "03/04/2026"]),
        (["2026-01-31 10:00+02:00", "2026-01-31"], "text", None),
        (["2026-02-30", "2026-01-31"], "text", ["2026-02-30", "2026-01-31"]),
        (["NA", "DE"], "text", ["NA", "DE"]),
        (["", ""], "text", [None, None]),
    ],
)
def test_types_are_chosen_where_nothing_is_lost(
    values: list[str], dtype: str, expected: list[Any] | None
) -> None:
    found = typed_column(pd.Series([value or None for value in values], dtype="str"))
    if dtype == "text":
        assert pd.api.types.is_string_dtype(found.dtype) or found.dtype == object
    else:
        assert str(found.dtype) == dtype
    if expected is not None:
        assert found.astype("object").where(found.notna(), None).tolist() == expected


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=20))
def test_whole_numbers_are_read_back(values: list[int]) -> None:
    assert typed_column(pd.Series([str(v) for v in values], dtype="str")).tolist() == values


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_are_read_back(values: list[float]) -> None:
    texts = [repr(v) for v in values]
    assert typed_column(pd.Series(texts, dtype="str")).astype("float64").tolist() == values


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    found = read_csv(write(tmp_path, CSV.replace(",", delimiter)))
    assert list(found.columns) == ["customer_id", "order_id", "amount"]


def test_quoted_delimiters_and_line_breaks_are_text(tmp_path: Path) -> None:
    found = read_csv(write(tmp_path, 'id;note;x\n1;"a;b\nc, ""d""";2\n2;"e, f";3\n'))
    assert found["note"].tolist() == ['a;b\nc, "d"', "e, f"]


def test_two_delimiters_that_fit_are_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, "a,b;c\n1,2;3\n")
    with pytest.raises(InvalidDataError, match="commas and semicolons both split the lines into 2"):
        read_csv(file)
    assert list(read_csv(file, delimiter=";").columns) == ["a,b", "c"]


def test_one_column_is_a_table_too(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, "id\n1\n2\n"))["id"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("o.csv.gz", gzip.compress),
        ("o.csv.bz2", bz2.compress),
        ("o.csv.xz", lzma.compress),
    ],
)
def test_packed_files_are_read(tmp_path: Path, name: str, pack: Any) -> None:
    found = read_table(write(tmp_path, pack(CSV.encode()), name))
    assert found["customer_id"].tolist() == ["007", "008"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_without_a_warning(tmp_path: Path, encoding: str) -> None:
    found = read_csv(write(tmp_path, "客户,城市\n1,上海\n".encode(encoding)))
    assert list(found.columns) == ["客户", "城市"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("客户,城市\n张伟,上海\n王芳,北京\n", "gb18030"),
        ("客户,Stadt\nÀéñ,Köln\n".replace("客户", "Kunde"), "cp1252"),
        ("client,ville\nÉtage,Orléans\nHôtel,Nîmes\n", "cp1252"),
        ("item,price\nTea,£5 – €6\n", "cp1252"),
        ("item,note\nTea,\x81é\n", "latin-1"),
    ],
)
def test_other_encodings_are_guessed_with_a_warning(
    tmp_path: Path, text: str, encoding: str
) -> None:
    file = write(tmp_path, text.encode(encoding))
    with pytest.warns(DataWarning, match=f"not UTF-8; it was read as {encoding}"):
        found = read_csv(file)
    lines = text.splitlines()
    assert list(found.columns) == lines[0].split(",")
    assert found.iloc[0].tolist() == lines[1].split(",")
    assert read_csv(file, encoding=encoding).equals(found)


def test_a_wrong_encoding_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, "名,x\n张,1\n".encode("gb18030"))
    with pytest.raises(InvalidDataError, match="cannot be read as CSV: 'utf-8' codec can't decode"):
        read_csv(file, encoding="utf-8")
    with pytest.raises(InvalidParameterError, match="encoding='klingon' is not known"):
        read_csv(file, encoding="klingon")


def test_columns_are_chosen_and_may_stay_text(tmp_path: Path) -> None:
    found = read_csv(
        write(tmp_path, CSV), columns=["amount", "order_id"], text_columns=["order_id"]
    )
    assert list(found.columns) == ["amount", "order_id"]
    assert found["order_id"].tolist() == ["1", "2"]
    with pytest.raises(MissingColumnError, match="Did you mean 'amount'"):
        read_csv(write(tmp_path, CSV), columns=["amuont"])


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    found = read_csv(write(tmp_path, "customer_id,amount\n"))
    assert list(found.columns) == ["customer_id", "amount"]
    assert len(found) == 0


def test_columns_without_a_name_get_one(tmp_path: Path) -> None:
    assert list(read_csv(write(tmp_path, ",id\n0,7\n")).columns) == ["column_1", "id"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty. A CSV file starts with a line of column names"),
        ("  \n ", "is empty"),
        ("a,b\n1,2\n1,2,3\n" + "1,2\n" * 8, "Expected 2 fields in line 3, saw 3"),
        ("a,b\n1,\"2\n", "EOF inside string"),
        ("a,a\n1,2\n", "has two columns named 'a'"),
    ],
)  # fmt: skip
def test_broken_files_are_errors(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidDataError, match=message):
        read_csv(write(tmp_path, text))


def test_a_broken_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match="cannot be unpacked"):
        read_csv(write(tmp_path, b"no archive", "o.csv.gz"))


def test_a_file_that_is_not_there_names_a_near_one(tmp_path: Path) -> None:
    write(tmp_path, CSV)
    for read in (read_csv, read_table, read_parquet):
        with pytest.raises(DataFileNotFoundError, match=r"Did you mean 'orders.csv'"):
            read(tmp_path / "order.csv")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_csv(tmp_path / "nowhere" / "order.csv")


def test_a_folder_is_not_a_csv_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match=r"is a folder. Give a file in it"):
        read_csv(tmp_path)


def test_bad_options_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="2 problems"):
        read_csv(write(tmp_path, CSV), delimiter=":", encoding=8)  # type: ignore[arg-type]


# Any file


def test_endings_decide_and_unknown_ones_name_the_nearest(tmp_path: Path) -> None:
    assert len(read_table(write(tmp_path, CSV.replace(",", "\t"), "o.TSV"))) == 2
    with pytest.raises(
        InvalidDataError, match=r"'.csvx' is not a known ending.*Did you mean '.csv'"
    ):
        read_table(write(tmp_path, CSV, "o.csvx"))
    with pytest.raises(InvalidDataError, match=r"is a spreadsheet. Save it as CSV"):
        read_table(write(tmp_path, CSV, "o.xlsx"))
    with pytest.raises(InvalidDataError, match="'none' is not a known ending"):
        read_table(write(tmp_path, CSV, "orders"))


def test_a_file_goes_straight_into_cleaning(tmp_path: Path) -> None:
    file = write(tmp_path, "CustomerID,InvoiceDate,Amount\n17850.0,2026-01-05,3\n,2026-01-06,4\n")
    raw = read_table(file)
    orders, report = clean_orders(raw, **guess_roles(raw).columns)
    assert orders.frame["customer_id"].tolist() == [17850]
    assert report.removed == {"missing_customer_id": 1}


# Parquet


def test_parquet_keeps_types_and_all_digits(tmp_path: Path) -> None:
    require_engine("pyarrow")
    big = 9_007_199_254_740_993
    frame = pd.DataFrame(
        {"id": pd.array([big, None], dtype="Int64"), "n": [1, 2], "t": ["a", None]}
    )
    frame.to_parquet(tmp_path / "o.parquet")
    found = read_table(tmp_path / "o.parquet")
    assert str(found["id"].dtype) == "Int64"
    assert found["id"].tolist() == [big, pd.NA]
    assert found["n"].dtype == np.int64
    assert list(read_parquet(tmp_path / "o.parquet", columns=["t", "id"]).columns) == ["t", "id"]
    with pytest.raises(MissingColumnError, match="Known: 'id', 'n', 't'"):
        read_parquet(tmp_path / "o.parquet", columns=["x"])


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    require_engine("pyarrow")
    for place in range(2):
        pd.DataFrame({"id": [place]}).to_parquet(tmp_path / f"{place}.parquet")
    assert sorted(read_table(tmp_path)["id"]) == [0, 1]


def test_what_is_not_parquet_is_an_error(tmp_path: Path) -> None:
    require_engine("pyarrow")
    with pytest.raises(InvalidDataError, match="cannot be read as Parquet"):
        read_parquet(write(tmp_path, CSV, "o.parquet"))


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r'pip install "userportrait\[parquet\]"'):
        read_parquet(write(tmp_path, CSV, "o.parquet"))


# Databases


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("CREATE TABLE orders (customer_id INTEGER, at TEXT, amount REAL, n INTEGER)")
    rows = [(9_007_199_254_740_993, "2026-01-05", 12.5, 1), (None, "2026-01-06", 3.0, 2)]
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    yield connection
    connection.close()


def check_shop(found: pd.DataFrame) -> None:
    assert str(found["customer_id"].dtype) == "Int64"
    assert found["customer_id"].tolist() == [9_007_199_254_740_993, pd.NA]
    assert found["n"].dtype == np.int64
    assert found["amount"].tolist() == [12.5, 3.0]
    assert found["at"].tolist() == ["2026-01-05", "2026-01-06"]


def test_queries_run_on_a_dbapi_connection(shop: Any) -> None:
    check_shop(read_sql("SELECT * FROM orders", shop))
    assert len(read_sql("SELECT * FROM orders WHERE n = :n", shop, params={"n": 2})) == 1
    assert list(read_sql("SELECT n FROM orders WHERE n = 9", shop).columns) == ["n"]
    shop.execute("SELECT 1")  # still open


def test_queries_run_on_sqlalchemy_engines_connections_and_urls(shop: Any, tmp_path: Path) -> None:
    alchemy = pytest.importorskip("sqlalchemy")
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    check_shop(read_sql("SELECT * FROM orders", url))
    engine = alchemy.create_engine(url)
    check_shop(read_sql("SELECT * FROM orders", engine))
    with engine.connect() as connection:
        check_shop(read_sql(alchemy.text("SELECT * FROM orders"), connection))
        query = "SELECT * FROM orders WHERE n = :n"
        assert len(read_sql(query, connection, params={"n": 2})) == 1
    with pytest.raises(InvalidDataError, match="refused the query: no such table"):
        read_sql("SELECT * FROM order_lines", engine)
    engine.dispose()


def test_duckdb_connections_are_dbapi_connections() -> None:
    require_engine("duckdb")
    import duckdb

    with duckdb.connect() as connection:
        found = read_sql(
            "SELECT 1.25::DECIMAL(9, 2) AS amount, DATE '2026-01-05' AS day", connection
        )
    assert found["amount"].tolist() == [Decimal("1.25")]


def test_bad_queries_are_errors(shop: Any) -> None:
    with pytest.raises(InvalidDataError, match="refused the query: no such table: order_lines"):
        read_sql("SELECT * FROM order_lines", shop)
    with pytest.raises(InvalidDataError, match=r"the query returned no columns. Give a SELECT"):
        read_sql("UPDATE orders SET n = 1 WHERE n = 99", shop)
    with pytest.raises(InvalidDataError, match="two columns named 'n'"):
        read_sql("SELECT n, n FROM orders", shop)
    with pytest.raises(InvalidParameterError, match="connection must be a DB-API connection"):
        read_sql("SELECT 1", object())


def test_a_locked_database_says_so(shop: Any, tmp_path: Path) -> None:
    reader = sqlite3.connect(tmp_path / "shop.db", timeout=0.05)
    shop.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreLockedError, match=r"shop\.db' stayed locked .* for 0\.05 s"):
            read_sql("SELECT * FROM orders", reader)
    finally:
        shop.rollback()
        reader.close()


def test_a_locked_database_behind_sqlalchemy_says_so(shop: Any, tmp_path: Path) -> None:
    alchemy = pytest.importorskip("sqlalchemy")
    engine = alchemy.create_engine(
        f"sqlite:///{tmp_path / 'shop.db'}", connect_args={"timeout": 0.05}
    )
    shop.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreLockedError, match=r"shop\.db' stayed locked"):
            read_sql("SELECT * FROM orders", engine)
    finally:
        shop.rollback()
        engine.dispose()


def test_a_url_without_sqlalchemy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtraError, match=r'pip install "userportrait\[sql\]"'):
        read_sql("SELECT 1", "sqlite://")
