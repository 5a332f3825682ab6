"""Tables with roles: what they need, what they refuse and in which words, what they keep."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.flavours import build, engine_of, every_flavour, read, types_of
from userportrait.data import Customers, Events, Items, Orders, Reviews, Table, Touches
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    MissingColumnError,
    UnsupportedOnEngine,
)

AT = datetime(2026, 1, 5, 10)

# The required columns of each table, with one value that fits.
REQUIRED: dict[type[Table], dict[str, tuple[str, Any]]] = {
    Orders: {
        "customer_id": ("text", "ann"),
        "order_id": ("int64", 1),
        "ordered_at": ("time", AT),
        "amount": ("float64", 9.5),
    },
    Events: {
        "customer_id": ("text", "ann"),
        "event": ("text", "view"),
        "occurred_at": ("time", AT),
    },
    Customers: {"customer_id": ("text", "ann")},
    Items: {"item_id": ("text", "tea")},
    Touches: {"customer_id": ("text", "ann"), "touched_at": ("time", AT), "channel": ("text", "x")},
    Reviews: {"item_id": ("text", "tea"), "reviewed_at": ("time", AT)},
}

every_table = pytest.mark.parametrize("table", list(REQUIRED), ids=lambda table: table.__name__)


def columns_of(table: type[Table], n: int = 1) -> dict[str, tuple[str, list[Any]]]:
    return {name: (kind, [value] * n) for name, (kind, value) in REQUIRED[table].items()}


def make(table: type[Table], flavour: str = "pandas", **changes: tuple[str, list[Any]]) -> Table:
    n = len(next(iter(changes.values()))[1]) if changes else 1
    return table(build(flavour, **(columns_of(table, n) | changes)))


# --- what a table is ---------------------------------------------------------------------


@every_flavour
@every_table
def test_the_required_columns_are_enough(flavour: str, table: type[Table]) -> None:
    made = make(table, flavour)

    assert len(made) == 1
    assert made.columns == list(read(made.frame))
    assert list(made.to_pandas().columns) == made.columns
    assert made.engine == engine_of(flavour)


@every_flavour
def test_columns_of_ones_own_are_kept(flavour: str) -> None:
    made = make(Events, flavour, mood=("text", ["good"]), score=("float64", [0.5]))

    assert read(made.frame)["mood"] == ["good"]
    assert made.columns == ["customer_id", "event", "occurred_at", "mood", "score"]


@every_flavour
def test_the_frame_comes_back_in_its_own_library(flavour: str) -> None:
    native = build(flavour, **columns_of(Events))

    assert type(Events(native).frame) is type(native)


def test_the_callers_frame_is_not_changed_and_changes_do_not_come_in() -> None:
    native = build("pandas", customer_id=("float64", [1.0, 2.0]), vip=("bool", [True, False]))
    native.index = pd.Index(["x", "y"])
    before = native.copy(deep=True)

    made = Customers(native)
    for given_out in (made.frame, made.to_pandas()):
        given_out["later"] = 1
    pd.testing.assert_frame_equal(native, before)
    native["later"] = 1

    assert made.columns == ["customer_id", "vip"]
    assert list(made.frame.index) == [0, 1]


@pytest.mark.parametrize("given", [[1], {"customer_id": ["ann"]}, "customers.csv", None])
def test_what_is_no_frame_is_refused(given: Any) -> None:
    with pytest.raises(UnsupportedOnEngine, match=r"^frame= does not work on .* Give a pandas"):
        Customers(given)


@every_table
def test_a_table_survives_pickling(table: type[Table]) -> None:
    made = make(table)

    back = pickle.loads(pickle.dumps(made))

    assert repr(back) == repr(made)
    pd.testing.assert_frame_equal(back.to_pandas(), made.to_pandas())


# --- columns that are not there ----------------------------------------------------------


@every_flavour
@every_table
def test_a_missing_column_is_named_with_what_it_is_for(flavour: str, table: type[Table]) -> None:
    for name in REQUIRED[table]:
        columns = {k: v for k, v in columns_of(table).items() if k != name}
        with pytest.raises(MissingColumnError) as caught:
            table(build(flavour, **columns, note=("text", ["x"])))

        assert caught.value.column == name
        assert str(caught.value).startswith(f"{table.__name__} needs '{name}'")
        assert "note" in caught.value.available


def test_a_misspelt_column_gets_the_nearest_name() -> None:
    with pytest.raises(MissingColumnError) as caught:
        Customers(pd.DataFrame({"custmer_id": ["ann"], "city": ["x"]}))

    assert str(caught.value) == (
        "Customers needs 'customer_id' (the customer): 'customer_id' is not a known column. "
        "Did you mean 'custmer_id'?\nKnown: 'city', 'custmer_id'."
    )


@pytest.mark.parametrize("name", ["CustomerID", "user_id", "用户ID", "Client"])
def test_a_column_of_a_usual_name_is_pointed_out(name: str) -> None:
    with pytest.raises(MissingColumnError, match=f"'{name}' looks like it, so rename it"):
        Customers(pd.DataFrame({"city": ["x"], name: ["ann"]}))


# --- types -------------------------------------------------------------------------------

# A column, values of a type it cannot take, and what the message says it holds.
WRONG: list[tuple[type[Table], str, str, Any, str]] = [
    (
        Events,
        "occurred_at",
        "text",
        "2026-01-05",
        "must hold dates or times; it holds texts. Parse",
    ),
    (Events, "occurred_at", "int64", 20260105, "must hold dates or times; it holds whole numbers."),
    (Events, "occurred_at", "category", "x", "must hold dates or times; it holds categories."),
    (Events, "event", "time", AT, "must hold texts; it holds times."),
    (Events, "customer_id", "bool", True, "must hold whole numbers or texts; it holds true and"),
    (Events, "customer_id", "time", AT, "must hold whole numbers or texts; it holds times."),
    (
        Events,
        "customer_id",
        "decimal",
        Decimal(1),
        "must hold whole numbers or texts; it holds decimal numbers. Convert it to int64 or",
    ),
    (Items, "price", "text", "9.50", "must hold numbers; it holds texts. Convert it first, or"),
    (Items, "price", "bool", True, "must hold numbers; it holds true and false."),
    (Reviews, "rating", "category", "5", "must hold numbers; it holds categories. Convert it"),
    (Touches, "cost", "date", date(2026, 1, 5), "must hold numbers; it holds dates."),
]


@every_flavour
@pytest.mark.parametrize(("table", "column", "kind", "value", "message"), WRONG)
def test_a_column_of_the_wrong_type_is_refused_with_the_remedy(
    flavour: str, table: type[Table], column: str, kind: str, value: Any, message: str
) -> None:
    with pytest.raises(ColumnTypeError) as caught:
        make(table, flavour, **{column: (kind, [value])})

    assert str(caught.value).startswith(f"{table.__name__}: column '{column}' (")
    assert message in str(caught.value)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"], r"values of several types, .* Convert all of them to one type, .*astype\(str\)"),
        ([[1], [2]], "values of several types, or of a type that has no meaning here"),
        ([Decimal(1), Decimal(2)], "decimal numbers. Convert it to int64 or to text"),
        ([True, False], "true and false"),
        ([b"a", b"b"], "values of several types"),
    ],
)
def test_ids_of_mixed_or_odd_types_are_refused(values: list[Any], message: str) -> None:
    with pytest.raises(ColumnTypeError, match=message):
        Customers(pd.DataFrame({"customer_id": pd.Series(values, dtype=object)}))


PARIS = pd.Timestamp("2026-01-05 13:00", tz="Europe/Paris")
SHANGHAI = pd.Timestamp("2026-01-05 20:00", tz="Asia/Shanghai")


def test_times_with_and_without_a_zone_in_one_column_are_refused() -> None:
    times = pd.Series([PARIS, datetime(2026, 1, 5)], dtype=object)

    with pytest.raises(ColumnTypeError, match=r"If the times mix time zones, convert them with"):
        Customers(pd.DataFrame({"customer_id": [1, 2], "registered_at": times}))


def test_times_of_several_zones_are_moments_all_the_same() -> None:
    times = pd.Series([PARIS, SHANGHAI], dtype=object)

    made = Customers(pd.DataFrame({"customer_id": [1, 2], "registered_at": times}))

    assert read(made.to_pandas())["registered_at"] == [datetime(2026, 1, 5, 12)] * 2


# --- missing values, repeated values, no rows --------------------------------------------


@every_flavour
@every_table
def test_a_missing_value_is_counted_and_its_rows_are_named(
    flavour: str, table: type[Table]
) -> None:
    for name, (kind, value) in REQUIRED[table].items():
        if name == "amount":  # has a message of its own
            continue
        with pytest.raises(InvalidDataError) as caught:
            make(table, flavour, **{name: (kind, [value, None, value, None])})

        assert f"{table.__name__}: 2 values of '{name}' missing" in str(caught.value)
        assert "Drop those rows, or use " in str(caught.value)
        assert str(caught.value).endswith("Rows (from 0): 1, 3.")
        assert (caught.value.column, caught.value.rows, caught.value.n_rows) == (name, (1, 3), 2)


@every_flavour
@pytest.mark.parametrize("kind", ["text", "int64", "float64", "category"])
def test_customers_that_are_all_null_are_missing(flavour: str, kind: str) -> None:
    if kind == "category" and flavour.startswith("duckdb"):
        pytest.skip("a DuckDB enum has at least one label")
    with pytest.raises(InvalidDataError, match=r"^Events: 3 values of 'customer_id' missing"):
        make(Events, flavour, customer_id=(kind, [None, None, None]))


def test_a_column_of_bare_nulls_is_missing_not_of_a_wrong_type() -> None:
    pl, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    polars = pl.DataFrame({"customer_id": [None, None]})

    for native in (
        pd.DataFrame({"customer_id": [None, None]}),
        polars,
        polars.lazy(),
        polars.to_arrow(),
        duckdb.sql("SELECT NULL AS customer_id UNION ALL SELECT NULL"),
    ):
        with pytest.raises(InvalidDataError, match="2 values of 'customer_id' missing"):
            Customers(native)


def test_the_cleaner_that_is_named_exists_for_events() -> None:
    with pytest.raises(InvalidDataError, match="or use clean_events, which drops and counts"):
        make(Events, event=("text", [None]))


@every_flavour
@every_table
def test_a_frame_without_rows_is_refused(flavour: str, table: type[Table]) -> None:
    columns: dict[str, tuple[str, list[Any]]] = {
        name: (kind, []) for name, (kind, _) in REQUIRED[table].items()
    }

    with pytest.raises(InvalidDataError) as caught:
        table(build(flavour, **columns))

    assert str(caught.value) == (
        f"{table.__name__}: the frame has no rows. At least one is needed."
    )


@every_flavour
@pytest.mark.parametrize(("table", "column"), [(Customers, "customer_id"), (Items, "item_id")])
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ["a", "b", "a", "a"]),
        ("int64", [2**60 + 1, 2**60, 2**60 + 1, 2**60 + 1]),
        ("float64", [1.0, 2.0, 1.0, 1.0]),
        ("category", ["a", "b", "a", "a"]),
    ],
)
def test_a_repeated_id_is_refused_with_its_rows(
    flavour: str, table: type[Table], column: str, kind: str, values: list[Any]
) -> None:
    with pytest.raises(InvalidDataError) as caught:
        make(table, flavour, **{column: (kind, values)})

    assert str(caught.value) == (
        f"{table.__name__}: '{column}' must be different in every row; "
        "2 rows repeat an earlier one. Rows (from 0): 2, 3."
    )


# --- IDs ---------------------------------------------------------------------------------

IDS: dict[str, tuple[str, list[Any], str, list[Any]]] = {
    "texts": ("text", ["b", "客", "a"], "String", ["b", "客", "a"]),
    "integers": ("int64", [2**60 + 1, -1, 0], "Int64", [2**60 + 1, -1, 0]),
    "narrow integers": ("int32", [3, 1, 2], "Int64", [3, 1, 2]),
    "unsigned integers": ("uint64", [3, 1, 2], "Int64", [3, 1, 2]),
    "whole floats": ("float64", [17850.0, 13047.0, -1.0], "Int64", [17850, 13047, -1]),
    "narrow floats": ("float32", [3.0, 1.0, 2.0], "Int64", [3, 1, 2]),
    "categories": ("category", ["b", "a", "c"], "String", ["b", "a", "c"]),
}


@every_flavour
@pytest.mark.parametrize("case", list(IDS))
@pytest.mark.parametrize(("table", "column"), [(Customers, "customer_id"), (Items, "item_id")])
def test_ids_become_int64_or_texts_in_every_table(
    flavour: str, case: str, table: type[Table], column: str
) -> None:
    kind, values, type_name, ids = IDS[case]

    made = make(table, flavour, **{column: (kind, values)})

    assert types_of(made.frame)[column] == type_name
    assert read(made.frame)[column] == ids
    assert read(made.to_pandas())[column] == ids


@every_flavour
def test_an_optional_id_may_be_missing_and_stays_whole(flavour: str) -> None:
    made = make(Events, flavour, item_id=("float64", [7.0, None, 2.0]))

    assert types_of(made.frame)["item_id"] == "Int64"
    assert read(made.frame)["item_id"] == [7, None, 2]
    assert read(made.to_pandas())["item_id"] == [7, None, 2]
    assert str(made.to_pandas()["item_id"].dtype) == "Int64"


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values", "rows"),
    [
        ("float64", [1.0, 1.5, 2.0, float("inf")], (1, 3)),
        ("float64", [2.0**53, 1.0], (0,)),
        ("uint64", [1, 2**64 - 1], (1,)),
    ],
)
@pytest.mark.parametrize(("table", "column"), [(Events, "customer_id"), (Events, "item_id")])
def test_ids_that_are_no_whole_numbers_are_refused_with_their_rows(
    flavour: str,
    table: type[Table],
    column: str,
    kind: str,
    values: list[Any],
    rows: tuple[int, ...],
) -> None:
    with pytest.raises(ColumnTypeError) as caught:
        make(table, flavour, **{column: (kind, values)})

    assert str(caught.value).startswith(
        f"Events: '{column}' must hold whole numbers or texts; {len(rows)} row"
    )
    assert (caught.value.column, caught.value.rows) == (column, rows)


def test_an_infinite_id_does_not_print_the_other_ids() -> None:
    with pytest.raises(ColumnTypeError) as caught:
        Customers(pd.DataFrame({"customer_id": [987654.0, 0.5]}))

    assert "987654" not in str(caught.value)


@pytest.mark.parametrize(
    "values", [pd.to_datetime(["2026-01-05"]), [1.5], [Decimal(1)]], ids=["times", "floats", "dec"]
)
def test_categories_of_something_else_are_judged_by_what_they_are(values: Any) -> None:
    with pytest.raises(ColumnTypeError, match="must hold whole numbers or texts"):
        Customers(pd.DataFrame({"customer_id": pd.Series(values).astype("category")}))


# --- times and labels --------------------------------------------------------------------


@every_flavour
@pytest.mark.parametrize("kind", ["time", "time_ms", "time_ns", "zoned", "date"])
def test_to_pandas_gives_naive_times_in_utc(flavour: str, kind: str) -> None:
    moment = datetime(2026, 1, 5, 12) if kind != "date" else datetime(2026, 1, 5)
    value = (
        moment.date() if kind == "date" else moment.replace(tzinfo=UTC if kind == "zoned" else None)
    )

    made = make(Events, flavour, occurred_at=(kind, [value]))

    found = made.to_pandas()["occurred_at"]
    assert str(found.dtype) == "datetime64[us]"
    assert found.tolist() == [pd.Timestamp(moment)]


@every_flavour
def test_labels_may_be_numbers_flags_or_missing(flavour: str) -> None:
    made = make(
        Customers,
        flavour,
        customer_id=("int64", [1, 2]),
        gender=("bool", [True, None]),
        city=("int64", [5, None]),
        country=("category", ["DE", None]),
    )

    assert read(made.frame)["country"] == ["DE", None]
    assert read(made.frame)["city"] == [5, None]


# --- printing ----------------------------------------------------------------------------


@every_flavour
@every_table
def test_nobodys_data_is_printed(flavour: str, table: type[Table]) -> None:
    first = next(iter(REQUIRED[table]))
    made = make(table, flavour, **{first: ("text", ["secret-ann@example.org"])})

    for shown in (repr(made), str(made), made._repr_html_()):
        assert "secret" not in shown
        assert "1 row" in shown
        assert all(name in shown for name in REQUIRED[table])


def test_the_html_says_what_the_columns_mean_and_escapes_their_names() -> None:
    html = make(Customers, "pandas", **{"<script>": ("text", ["x"])})._repr_html_()

    assert "<td>customer_id</td><td>text</td><td>the customer</td>" in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_rows_are_counted_in_the_print() -> None:
    many = Customers(pd.DataFrame({"customer_id": np.arange(1234)}))

    assert repr(many) == "<Customers: 1,234 rows, pandas, columns customer_id>"
