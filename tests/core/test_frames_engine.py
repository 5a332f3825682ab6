"""Which frames come in, what they become, and how they go out again."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.flavours import build, engine_of, every_flavour, read, types_of
from userportrait._core import frames
from userportrait.errors import InvalidDataError, UnsupportedOnEngine

# --- coming in and going out -------------------------------------------------------------


@every_flavour
def test_a_frame_goes_out_as_the_library_it_came_from(flavour: str) -> None:
    native = build(flavour, n=("int64", [3, 1]), t=("text", ["b", None]))

    frame = frames.enter(native)
    back = frames.leave(frame)

    assert frame.engine == engine_of(flavour)
    assert frame.engine in frames.ENGINES
    assert type(back) is type(native)
    assert read(back) == {"n": [3, 1], "t": ["b", None]}


def test_a_polars_frame_worked_on_lazily_goes_out_eager() -> None:
    pl = pytest.importorskip("polars")
    frame = frames.lazily(frames.enter(pl.DataFrame({"n": [1]})))

    assert isinstance(frame.native, pl.LazyFrame)
    assert isinstance(frames.leave(frame), pl.DataFrame)


@every_flavour
def test_putting_off_the_work_changes_no_value(flavour: str) -> None:
    frame = frames.enter(build(flavour, n=("int64", [3, 1])))

    assert read(frames.leave(frames.lazily(frame))) == {"n": [3, 1]}


def test_the_callers_pandas_index_is_left_behind_and_its_frame_is_not_changed() -> None:
    native = pd.DataFrame({"n": [3, 1]}, index=pd.Index(["x", "y"], name="who"))
    native.columns.name = "field"

    back = frames.leave(frames.enter(native))

    assert list(back.index) == [0, 1]
    assert back.index.name is None
    assert back.columns.name is None
    assert list(native.index) == ["x", "y"]
    assert native.columns.name == "field"


def test_a_named_range_index_is_left_behind_too() -> None:
    native = pd.DataFrame({"n": [3, 1]}, index=pd.RangeIndex(2, name="row"))

    assert frames.leave(frames.enter(native)).index.name is None


def test_a_column_that_the_caller_adds_later_does_not_come_in() -> None:
    native = pd.DataFrame({"n": [3, 1]})
    frame = frames.enter(native)

    native["later"] = 0

    assert frames.column_names(frame) == ["n"]


def test_names_that_are_no_texts_become_texts() -> None:
    native = pd.DataFrame([[1, 2, 3]], columns=[7, ("a", "b"), None])

    assert frames.column_names(frames.enter(native)) == ["7", "('a', 'b')", "None"]
    kept: list[Any] = native.columns.tolist()
    assert kept[0] == 7


def test_categorical_names_become_plain_ones() -> None:
    native = pd.DataFrame([[1, 2]], columns=pd.CategoricalIndex(["a", "b"]))

    frame = frames.with_product(frames.enter(native), "a", "b", "c")

    assert frames.column_names(frame) == ["a", "b", "c"]


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
def test_two_columns_of_one_name_are_refused_in_pandas(names: list[Any]) -> None:
    native = pd.DataFrame([[1, 2]], columns=names)

    with pytest.raises(InvalidDataError, match=r"^orders has two columns named '.'\. Rename"):
        frames.enter(native, argument="orders")


def test_two_columns_of_one_name_are_refused_in_pyarrow() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])

    with pytest.raises(InvalidDataError, match="two columns named 'a'"):
        frames.enter(table)


@pytest.mark.parametrize("query", ["SELECT 1 AS a, 2 AS a", 'SELECT 1 AS a, 2 AS "A"'])
def test_two_columns_of_one_name_are_refused_in_duckdb_whatever_the_case(query: str) -> None:
    duckdb = pytest.importorskip("duckdb")

    with pytest.raises(InvalidDataError, match=r"DuckDB does not tell case apart"):
        frames.enter(duckdb.sql(query))


@every_flavour
def test_strange_names_are_kept_letter_by_letter(flavour: str) -> None:
    names = ["with space", "单价", "semi;colon", "dot.ted", "100 %", "Ünï"]
    native = build(flavour, **{name: ("int64", [i]) for i, name in enumerate(names)})

    frame = frames.enter(native)

    assert frames.column_names(frame) == names
    assert read(frames.leave(frame)) == {name: [i] for i, name in enumerate(names)}


@every_flavour
def test_a_frame_without_rows_comes_in_and_goes_out(flavour: str) -> None:
    native = build(flavour, n=("int64", []), t=("text", []), at=("time", []))

    frame = frames.enter(native)

    assert frames.count_rows(frame) == 0
    assert read(frames.leave(frame)) == {"n": [], "t": [], "at": []}


# --- what is refused ---------------------------------------------------------------------


class DataFrame:
    """What a library that is not supported might have; touching it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"work was started: {name}")


DataFrame.__module__ = "dask.dataframe.core"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ([1, 2], "list"),
        ({"a": [1]}, "dict"),
        (None, "NoneType"),
        ("orders.csv", "str"),
        (np.zeros((2, 2)), "numpy.ndarray"),
        (pd.Series([1]), "pandas.Series"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_supported_frame_is_refused_with_the_remedy(given: Any, name: str) -> None:
    with pytest.raises(UnsupportedOnEngine) as caught:
        frames.enter(given, argument="orders")

    assert str(caught.value) == (
        f"orders= does not work on {name}. Give a pandas or polars frame (eager or lazy), "
        "a pyarrow table, a DuckDB relation, a Spark DataFrame or an ibis table on DuckDB."
    )
    assert isinstance(caught.value, TypeError)


def test_a_polars_series_and_a_duckdb_connection_are_refused() -> None:
    pl, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")

    with pytest.raises(UnsupportedOnEngine, match=r"polars\.Series"):
        frames.enter(pl.Series([1]))
    with duckdb.connect() as connection, pytest.raises(UnsupportedOnEngine, match="Connection"):
        frames.enter(connection)


# --- what the columns hold ---------------------------------------------------------------


@every_flavour
def test_each_type_has_its_kind(flavour: str) -> None:
    day = date(2026, 1, 5)
    native = build(
        flavour,
        int8=("int8", [1]),
        uint64=("uint64", [1]),
        int64=("int64", [1]),
        float32=("float32", [1.5]),
        float64=("float64", [1.5]),
        decimal=("decimal", [Decimal("1.5")]),
        text=("text", ["a"]),
        flag=("bool", [True]),
        category=("category", ["a"]),
        date=("date", [day]),
        at=("time", [datetime(2026, 1, 5)]),
        at_ns=("time_ns", [datetime(2026, 1, 5)]),
        zoned=("zoned", [datetime(2026, 1, 5)]),
    )

    assert frames.column_kinds(frames.enter(native)) == {
        "int8": "integer",
        "uint64": "integer",
        "int64": "integer",
        "float32": "number",
        "float64": "number",
        "decimal": "decimal",
        "text": "text",
        "flag": "boolean",
        "category": "category",
        "date": "date",
        "at": "time",
        "at_ns": "time",
        "zoned": "time",
    }


@every_flavour
def test_kinds_of_some_columns_can_be_asked_for(flavour: str) -> None:
    native = build(flavour, n=("int64", [1]), t=("text", ["a"]))

    assert frames.column_kinds(frames.enter(native), ["t"]) == {"t": "text"}


PARIS, SHANGHAI = (pd.Timestamp("2026-01-05", tz=z) for z in ("Europe/Paris", "Asia/Shanghai"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None, "b"], "text"),
        ([1, None, 2], "integer"),
        ([1.5, None], "number"),
        ([1, 2.5], "number"),
        ([Decimal(1), None], "decimal"),
        ([True, None], "boolean"),
        ([date(2026, 1, 5), None], "date"),
        ([datetime(2026, 1, 5), None], "time"),
        ([date(2026, 1, 5), datetime(2026, 1, 5)], "date"),
        ([PARIS, SHANGHAI, pd.NaT], "time"),
        ([PARIS, datetime(2026, 1, 5)], "other"),
        ([PARIS, date(2026, 1, 5)], "other"),
        ([1, "a"], "other"),
        ([[1], [2]], "other"),
        ([None, None], "empty"),
        ([], "empty"),
    ],
)
def test_pandas_objects_are_looked_at_one_by_one(values: list[Any], kind: str) -> None:
    native = pd.DataFrame({"c": pd.Series(values, dtype=object)})

    assert frames.column_kinds(frames.enter(native)) == {"c": kind}


def test_an_odd_object_far_down_is_not_overlooked() -> None:
    # narwhals looks at the first hundred values only.
    values: list[Any] = ["a"] * 500
    values[400] = 3

    native = pd.DataFrame({"c": pd.Series(values, dtype=object)})

    assert frames.column_kinds(frames.enter(native)) == {"c": "other"}


def test_a_column_of_bare_nulls_is_empty_on_the_other_engines_too() -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")

    for native in (pl.DataFrame({"c": [None]}), pl.LazyFrame({"c": [None]})):
        assert frames.column_kinds(frames.enter(native)) == {"c": "empty"}
    assert frames.column_kinds(frames.enter(pa.table({"c": pa.nulls(2)}))) == {"c": "empty"}
    arrow = pd.DataFrame({"c": pd.Series([None, None], dtype=pd.ArrowDtype(pa.null()))})
    assert frames.column_kinds(frames.enter(arrow)) == {"c": "empty"}


def test_lists_and_times_of_day_have_no_meaning_here() -> None:
    duckdb = pytest.importorskip("duckdb")

    found = frames.column_kinds(frames.enter(duckdb.sql("SELECT [1] AS l, TIME '10:00' AS t")))

    assert found == {"l": "other", "t": "other"}


def test_the_infinite_times_of_duckdb_are_missing() -> None:
    duckdb = pytest.importorskip("duckdb")
    frame = frames.enter(
        duckdb.sql(
            "SELECT TIMESTAMP 'infinity' AS t, TIMESTAMPTZ '-infinity' AS z, DATE 'infinity' AS d, "
            "TIMESTAMP_NS '2026-01-05' AS ns UNION ALL SELECT TIMESTAMP '2026-01-05', "
            "TIMESTAMPTZ '2026-01-05 00:00:00+00', DATE '2026-01-05', NULL"
        )
    )

    assert frames.count_missing(frame, ["t", "z", "d", "ns"]) == dict.fromkeys(
        ("t", "z", "d", "ns"), 1
    )
    found = frames.collect_arrays(frame, ["t", "z", "d"])
    assert {str(values[1]) for values in found.values()} == {"2026-01-05T00:00:00.000000"}
    assert all(np.isnat(values[0]) for values in found.values())
    assert frames.extremes(frame, "z") == (datetime(2026, 1, 5), datetime(2026, 1, 5))


# --- into pandas -------------------------------------------------------------------------


@every_flavour
def test_to_pandas_gives_times_in_utc_and_whole_numbers_that_stay_whole(flavour: str) -> None:
    native = build(
        flavour,
        n=("int64", [2**60 + 1, None, -5]),
        small=("int32", [1, 2, 3]),
        x=("float64", [0.5, None, 2.0]),
        t=("text", ["ä", None, "客"]),
        ns=("time_ns", [datetime(1969, 12, 31, 23, 59, 59), None, datetime(2026, 1, 5)]),
        zoned=("zoned", [datetime(2026, 1, 5, 12), None, datetime(2026, 7, 5, 12)]),
        day=("date", [date(1969, 12, 31), None, date(2026, 1, 5)]),
    )

    found = frames.to_pandas(frames.enter(native))

    assert {c: str(found[c].dtype) for c in ("ns", "zoned", "day")} == dict.fromkeys(
        ("ns", "zoned", "day"), "datetime64[us]"
    )
    assert str(found["n"].dtype).lower() in ("int64", "int64[pyarrow]")
    assert str(found["small"].dtype).lower() in ("int32", "int64", "int32[pyarrow]")
    assert read(found) == {
        "n": [2**60 + 1, None, -5],
        "small": [1, 2, 3],
        "x": [0.5, None, 2.0],
        "t": ["ä", None, "客"],
        "ns": [datetime(1969, 12, 31, 23, 59, 59), None, datetime(2026, 1, 5)],
        # build() takes times as UTC, whatever the zone they are shown in.
        "zoned": [datetime(2026, 1, 5, 12), None, datetime(2026, 7, 5, 12)],
        "day": [datetime(1969, 12, 31), None, datetime(2026, 1, 5)],
    }


def test_to_pandas_of_a_pandas_frame_leaves_the_callers_frame_alone() -> None:
    native = pd.DataFrame({"at": pd.to_datetime(["2026-01-05"]).astype("datetime64[ns]")})

    found = frames.to_pandas(frames.enter(native))
    found["more"] = 1

    assert list(native.columns) == ["at"]
    assert str(native["at"].dtype) == "datetime64[ns]"


# --- what must not be needed -------------------------------------------------------------

WITHOUT_PYARROW = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)

sys.meta_path.insert(0, Hidden())
from datetime import datetime
import duckdb
import pandas as pd
from userportrait._core import frames
from userportrait.data import Orders

connection = duckdb.connect()
relation = connection.sql(
    "SELECT * FROM (VALUES ('ann', 1, TIMESTAMP '2026-01-05', 1.005), (NULL, 2, NULL, NULL),"
    " ('bo', 3, TIMESTAMP '1969-12-31 23:00', -2.5))"
    " AS v(customer_id, order_id, ordered_at, amount)"
)
frame = frames.enter(relation)
assert frames.count_rows(frame) == 3
assert frames.count_missing(frame, ["customer_id", "amount"]) == {"customer_id": 1, "amount": 1}
assert frames.extremes(frame, "order_id") == (1, 3)
frame = frames.with_epoch_micros(frame, "ordered_at", "at")
frame = frames.with_day_number(frame, "at", "day")
frame = frames.with_minor_units(frame, "amount", "minor", digits=2)
kept = frames.keep_rows_until(frame, "ordered_at", datetime(2026, 1, 5))
summed = frames.aggregate(kept, ["customer_id"], {"spend": ("minor", "sum")}, rows="n")
found = frames.collect_arrays(frames.sort_rows(summed, ["customer_id"]), ["customer_id", "spend"])
assert list(found["customer_id"]) == ["ann", "bo"] and list(found["spend"]) == [101, -250]
assert list(frames.to_pandas(frame)["day"][[0, 2]]) == [20458, -1]
made = frames.from_arrays(found, "duckdb")
assert made.fetchall() == [("ann", 101), ("bo", -250)]
orders = Orders(relation.filter("customer_id IS NOT NULL"))
assert orders.newest == datetime(2026, 1, 5) and len(orders.to_pandas()) == 2
texts = pd.DataFrame({"customer_id": ["b", "a"], "order_id": ["x", "y"], "amount": [1.0, 2.0],
                      "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06"])})
assert list(Orders(texts).arrays.customer_ids) == ["a", "b"]
assert "pyarrow" not in sys.modules
"""


def test_pandas_and_duckdb_work_where_pyarrow_is_not_installed() -> None:
    pytest.importorskip("duckdb")

    subprocess.run([sys.executable, "-c", WITHOUT_PYARROW], check=True)


def test_a_pyarrow_table_works_where_polars_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pa = pytest.importorskip("pyarrow")
    monkeypatch.setitem(sys.modules, "polars", None)
    table = pa.table(
        {"n": [2**60 + 1, None], "t": ["a", None], "d": pa.array([date(2026, 1, 5), None])}
    )

    frame = frames.enter(table)
    back = frames.leave(frame)

    assert isinstance(frame.native, pd.DataFrame)
    assert back.to_pydict() == table.to_pydict()
    assert back.schema.types == table.schema.types
    assert back.schema.metadata is None
    assert types_of(back)["n"] == "Int64"
