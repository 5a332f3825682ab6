"""Counts, sums, extremes and distinct counts, against tables worked out by hand."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from helpers.flavours import ARROW_FLAVOURS, FLAVOURS, build, every_flavour, read_rows, types_of
from userportrait._core import frames
from userportrait.errors import ColumnTypeError


def result(frame: frames.Frame) -> list[tuple[Any, ...]]:
    return read_rows(frames.leave(frame))


# --- whole frames ------------------------------------------------------------------------


@every_flavour
@pytest.mark.parametrize("n", [0, 1, 3])
def test_rows_are_counted(flavour: str, n: int) -> None:
    frame = frames.enter(build(flavour, a=("int64", list(range(n)))))

    assert frames.count_rows(frame) == n
    assert frames.count_rows(frames.lazily(frame)) == n


MISSING: dict[str, tuple[str, list[Any]]] = {
    "i": ("int64", [1, None, 3]),
    "x": ("float64", [1.5, None, math.nan]),
    "f": ("float32", [math.nan, 1.0, math.inf]),
    "t": ("text", ["a", None, ""]),
    "b": ("bool", [True, None, None]),
    "d": ("decimal", [Decimal("1.5"), None, None]),
    "at": ("time", [datetime(2026, 1, 5), None, None]),
    "day": ("date", [None, date(2026, 1, 5), None]),
    "c": ("category", ["x", None, "x"]),
    "full": ("int64", [1, 2, 3]),
}
N_MISSING = {"i": 1, "x": 2, "f": 1, "t": 1, "b": 2, "d": 2, "at": 2, "day": 2, "c": 1, "full": 0}


@every_flavour
def test_null_and_nan_are_missing_and_infinity_and_the_empty_text_are_not(flavour: str) -> None:
    frame = frames.enter(build(flavour, **MISSING))

    assert frames.count_missing(frame, list(MISSING)) == N_MISSING
    assert frames.count_missing(frame, []) == {}


@every_flavour
def test_nothing_is_missing_from_no_rows(flavour: str) -> None:
    frame = frames.enter(build(flavour, i=("int64", []), x=("float64", []), t=("text", [])))

    assert frames.count_missing(frame, ["i", "x", "t"]) == {"i": 0, "x": 0, "t": 0}


@pytest.mark.parametrize(
    ("values", "n"),
    [([1.5, None, math.nan], 2), ([None, None], 2), ([Decimal("NaN"), Decimal(1)], 1)],
)
def test_missing_pandas_objects_are_counted(values: list[Any], n: int) -> None:
    frame = frames.enter(pd.DataFrame({"c": pd.Series(values, dtype=object)}))

    assert frames.count_missing(frame, ["c"]) == {"c": n}


@every_flavour
def test_extremes_pass_over_null_and_nan(flavour: str) -> None:
    frame = frames.enter(
        build(
            flavour,
            i=("int8", [3, None, -100]),
            x=("float64", [math.nan, 2.5, -0.5]),
            d=("decimal", [Decimal("1.25"), None, Decimal("-0.5")]),
            inf=("float64", [math.inf, 1.0, -math.inf]),
        )
    )

    assert frames.extremes(frame, "i") == (-100, 3)
    assert frames.extremes(frame, "x") == (-0.5, 2.5)
    assert frames.spans(frame, ["d", "inf"]) == {"d": (-0.5, 1.25), "inf": (-math.inf, math.inf)}
    assert [type(end) for end in frames.extremes(frame, "i")] == [int, int]
    assert [type(end) for end in frames.extremes(frame, "x")] == [float, float]
    assert frames.spans(frame, []) == {}


@every_flavour
@pytest.mark.parametrize("kind", ["time", "time_ms", "time_ns", "zoned", "date"])
def test_extremes_of_times_are_naive_datetimes_in_utc(flavour: str, kind: str) -> None:
    days = [datetime(2026, 1, 5), None, datetime(1969, 12, 31)]
    values: list[Any] = [d and d.date() for d in days] if kind == "date" else days
    frame = frames.enter(build(flavour, t=(kind, values)))

    low, high = frames.extremes(frame, "t")

    assert (low, high) == (datetime(1969, 12, 31), datetime(2026, 1, 5))
    assert type(low) is type(high) is datetime


@every_flavour
def test_extremes_of_nothing_are_none(flavour: str) -> None:
    empty = frames.enter(build(flavour, i=("int64", []), x=("float64", []), t=("time", [])))
    nulls = frames.enter(
        build(flavour, i=("int64", [None]), x=("float64", [math.nan]), t=("time", [None]))
    )

    for frame in (empty, nulls):
        assert frames.spans(frame, ["i", "x", "t"]) == dict.fromkeys("ixt", (None, None))


# --- by key ------------------------------------------------------------------------------

# Worked by hand: customer "a" has rows 0, 2, 5; "b" rows 1 and 3; row 4 has no customer.
LINES: dict[str, tuple[str, list[Any]]] = {
    "who": ("text", ["a", "b", "a", "b", None, "a"]),
    "i": ("int64", [1, None, 2, None, 50, 4]),
    "x": ("float64", [0.5, None, math.nan, None, 9.0, 0.25]),
    "t": ("text", ["p", None, "q", None, "z", "p"]),
    "at": (
        "time",
        [datetime(2026, 1, 5), None, datetime(1969, 1, 1), None, None, datetime(2026, 1, 6)],
    ),
}


@every_flavour
def test_sums_extremes_and_counts_by_key(flavour: str) -> None:
    frame = frames.enter(build(flavour, **LINES))

    found = frames.aggregate(
        frame,
        ["who"],
        {
            "total": ("i", "sum"),
            "least": ("i", "min"),
            "most": ("i", "max"),
            "known": ("i", "count"),
            "money": ("x", "sum"),
            "small": ("x", "min"),
            "large": ("x", "max"),
            "known_x": ("x", "count"),
            "items": ("t", "n_unique"),
            "texts": ("t", "count"),
            "first": ("at", "min"),
            "last": ("at", "max"),
        },
        rows="n",
    )

    first, last = datetime(1969, 1, 1), datetime(2026, 1, 6)
    assert result(found) == [
        ("a", 7, 1, 4, 3, 0.75, 0.25, 0.5, 2, 2, 3, first, last, 3),
        ("b", 0, None, None, 0, 0.0, None, None, 0, 0, 0, None, None, 2),
    ]
    types = types_of(frames.leave(found))
    whole = ("total", "least", "most", "known", "known_x", "items", "texts", "n")
    assert {types[name] for name in whole} == {"Int64"}
    assert {types[name] for name in ("money", "small", "large")} == {"Float64"}
    assert types["who"] == "String"
    assert types["first"].startswith("Datetime")


@every_flavour
def test_the_columns_of_a_result_come_in_the_order_asked_for(flavour: str) -> None:
    frame = frames.enter(build(flavour, **LINES))

    found = frames.aggregate(frame, ["t", "who"], {"z": ("i", "max"), "a": ("i", "min")}, rows="n")

    assert frames.column_names(found) == ["t", "who", "z", "a", "n"]


@every_flavour
def test_without_a_name_the_rows_are_not_counted(flavour: str) -> None:
    frame = frames.enter(build(flavour, **LINES))

    found = frames.aggregate(frame, ["who"], {"items": ("t", "n_unique")})

    assert result(found) == [("a", 2), ("b", 0)]
    assert frames.column_names(found) == ["who", "items"]


@every_flavour
def test_rows_with_a_null_in_any_key_are_left_out(flavour: str) -> None:
    frame = frames.enter(
        build(
            flavour,
            a=("int64", [1, 1, None, 1]),
            b=("text", ["x", None, "x", "x"]),
        )
    )

    assert result(frames.aggregate(frame, ["a", "b"], {}, rows="n")) == [(1, "x", 2)]


@every_flavour
def test_a_key_that_is_nan_is_no_key(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("float64", [1.5, math.nan, None, 1.5])))

    assert result(frames.aggregate(frame, ["k"], {}, rows="n")) == [(1.5, 2)]


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values", "keys"),
    [
        ("int64", [2**60 + 1, 2**60, 2**60 + 1], [2**60, 2**60 + 1]),
        ("int8", [-1, 1, -1], [-1, 1]),
        ("bool", [False, True, False], [False, True]),
        ("text", ["é", "e\u0301", "é"], ["e\u0301", "é"]),
        ("text", ["", " ", ""], ["", " "]),
    ],
)
def test_keys_are_told_apart_exactly(
    flavour: str, kind: str, values: list[Any], keys: list[Any]
) -> None:
    frame = frames.enter(build(flavour, k=(kind, values)))

    found = dict(result(frames.aggregate(frame, ["k"], {}, rows="n")))

    assert found == {values[0]: 2, values[1]: 1}
    assert sorted(found) == keys


@every_flavour
def test_a_category_as_a_key_has_only_the_groups_that_are_there(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("category", ["x", "y", None, "x"])))
    native = frames.leave(frame)
    if isinstance(native, pd.DataFrame) and native["k"].dtype == "category":
        native["k"] = native["k"].cat.add_categories("never")
        frame = frames.enter(native)

    assert result(frames.aggregate(frame, ["k"], {}, rows="n")) == [("x", 2), ("y", 1)]


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values", "total"),
    [
        ("uint8", [200, 100], 300),
        ("int8", [-100, -100], -200),
        ("int16", [30_000, 30_000], 60_000),
        ("int32", [2**31 - 1, 2**31 - 1], 2**32 - 2),
        ("uint32", [2**32 - 1, 2**32 - 1], 2**33 - 2),
        ("uint64", [2**40, 1], 2**40 + 1),
        ("int64", [2**60, 2**60], 2**61),
        ("bool", [True, True], 2),
    ],
)
def test_sums_of_narrow_integers_are_int64_and_do_not_overflow(
    flavour: str, kind: str, values: list[Any], total: int
) -> None:
    frame = frames.enter(build(flavour, k=("int64", [1, 1]), v=(kind, values)))

    found = frames.aggregate(
        frame, ["k"], {"s": ("v", "sum"), "low": ("v", "min"), "high": ("v", "max")}
    )

    assert result(found) == [(1, total, int(min(values)), int(max(values)))]
    assert set(types_of(frames.leave(found)).values()) == {"Int64"}


@every_flavour
def test_decimals_are_summed_as_float64(flavour: str) -> None:
    decimals = [Decimal("0.25"), Decimal("1.5"), None]
    frame = frames.enter(build(flavour, k=("int64", [1, 1, 2]), v=("decimal", decimals)))

    found = frames.aggregate(frame, ["k"], {"s": ("v", "sum"), "m": ("v", "max")})

    assert result(found) == [(1, 1.75, 1.5), (2, 0.0, None)]
    assert types_of(frames.leave(found)) == {"k": "Int64", "s": "Float64", "m": "Float64"}


@every_flavour
def test_dates_are_times_when_they_are_compared(flavour: str) -> None:
    days = [date(2026, 1, 5), None, date(1969, 12, 31)]
    frame = frames.enter(build(flavour, k=("int64", [1, 1, 1]), d=("date", days)))

    found = frames.aggregate(frame, ["k"], {"first": ("d", "min"), "last": ("d", "max")})

    assert result(found) == [(1, datetime(1969, 12, 31), datetime(2026, 1, 5))]


@every_flavour
def test_distinct_values_are_counted_without_null_and_nan(flavour: str) -> None:
    frame = frames.enter(
        build(
            flavour,
            k=("int64", [1, 1, 1, 2]),
            x=("float64", [0.5, math.nan, None, math.nan]),
            c=("category", ["p", "q", "p", None]),
            b=("bool", [True, None, True, None]),
        )
    )

    found = frames.aggregate(
        frame, ["k"], {"x": ("x", "n_unique"), "c": ("c", "n_unique"), "b": ("b", "n_unique")}
    )

    assert result(found) == [(1, 1, 2, 1), (2, 0, 0, 0)]


def test_none_and_nan_in_one_object_column_are_one_missing_value() -> None:
    frame = frames.enter(
        pd.DataFrame({"k": [1] * 4, "t": pd.Series(["a", None, float("nan"), "a"], dtype=object)})
    )

    found = frames.aggregate(frame, ["k"], {"t": ("t", "n_unique"), "n": ("t", "count")})

    assert result(found) == [(1, 1, 2)]


@every_flavour
def test_the_key_itself_can_be_counted(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("text", ["a", "a", "b"]), o=("int64", [1, 2, 2])))

    found = frames.aggregate(frame, ["k"], {"n": ("k", "count"), "u": ("o", "n_unique")})

    assert result(found) == [("a", 2, 2), ("b", 1, 1)]


@every_flavour
def test_a_measure_may_take_the_name_of_its_column(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("text", ["a", "a"]), n=("int8", [100, 100])))

    assert result(frames.aggregate(frame, ["k"], {"n": ("n", "sum")})) == [("a", 200)]


@every_flavour
def test_no_rows_give_no_groups_of_the_right_types(flavour: str) -> None:
    frame = frames.enter(
        build(flavour, k=("text", []), i=("int32", []), x=("float64", []), t=("text", []))
    )

    found = frames.aggregate(
        frame,
        ["k"],
        {"s": ("i", "sum"), "m": ("x", "sum"), "u": ("t", "n_unique")},
        rows="n",
    )

    assert result(found) == []
    types = types_of(frames.leave(found))
    assert {name: types[name] for name in "smun"} == {
        "s": "Int64",
        "m": "Float64",
        "u": "Int64",
        "n": "Int64",
    }


@every_flavour
def test_only_null_keys_give_no_groups(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("text", [None, None]), i=("int64", [1, 2])))

    assert result(frames.aggregate(frame, ["k"], {"s": ("i", "sum")})) == []


@every_flavour
@pytest.mark.parametrize(
    ("column", "function"), [("t", "sum"), ("t", "max"), ("c", "min"), ("at", "sum")]
)
def test_what_cannot_be_summed_or_ordered_is_refused_by_name(
    flavour: str, column: str, function: Any
) -> None:
    frame = frames.enter(
        build(
            flavour,
            k=("int64", [1]),
            t=("text", ["a"]),
            c=("category", ["a"]),
            at=("time", [datetime(2026, 1, 5)]),
        )
    )

    with pytest.raises(
        ColumnTypeError, match=rf"^{function} for 'out' does not work on '{column}'"
    ):
        frames.aggregate(frame, ["k"], {"out": (column, function)})


@every_flavour
def test_the_order_of_rows_changes_no_integer_result(flavour: str) -> None:
    n = 200
    keys = [i * 7 % 13 for i in range(n)]
    values = [(i * 31 % 101) - 50 for i in range(n)]
    turned = sorted(range(n), key=lambda i: i * 17 % n)

    def measured(order: list[int]) -> list[tuple[Any, ...]]:
        frame = frames.enter(
            build(
                flavour,
                k=("int64", [keys[i] for i in order]),
                v=("int64", [values[i] for i in order]),
            )
        )
        what: dict[str, frames.Aggregation] = {
            "s": ("v", "sum"),
            "u": ("v", "n_unique"),
            "m": ("v", "max"),
        }
        return result(frames.aggregate(frame, ["k"], what, rows="n"))

    assert measured(turned) == measured(list(range(n)))


# --- silent wrong answers of the libraries below, fenced off here -------------------------


@every_flavour
def test_a_conditional_sum_does_not_ignore_its_condition(flavour: str) -> None:
    # group_by(k).agg(when(flag).then(a).otherwise(0).sum()) gives 15 on pandas and pyarrow.
    frame = frames.enter(
        build(
            flavour,
            k=("int64", [1, 1, 1]),
            flag=("bool", [False, True, False]),
            a=("int64", [3, 5, 7]),
        )
    )

    shown = frames.with_null_where(frame, "flag", {"kept": "a"})
    found = frames.aggregate(shown, ["k"], {"s": ("kept", "sum")})

    assert result(found) == [(1, 10)]


@every_flavour
def test_halves_are_not_rounded_to_even_on_some_engines_and_away_from_zero_on_others(
    flavour: str,
) -> None:
    halves = [i + 0.5 for i in range(-6, 6)]
    frame = frames.enter(build(flavour, x=("float64", halves)))

    found = frames.with_minor_units(frame, "x", "m", digits=0)

    rounded = [math.floor(x + 0.5) if x > 0 else math.ceil(x - 0.5) for x in halves]
    assert result(frames.select_columns(found, ["m"])) == sorted((m,) for m in rounded)


@every_flavour
def test_a_missing_time_is_not_kept_by_a_comparison(flavour: str) -> None:
    # On pandas a comparison with a missing value is False and its opposite True.
    frame = frames.enter(build(flavour, at=("int64", [1, None, 9])))

    assert result(frames.keep_rows_until(frame, "at", 5)) == [(1,)]
    assert result(frames.keep_rows_until(frame, "at", 0)) == []


@every_flavour
def test_nan_is_null_everywhere_not_on_pandas_only(flavour: str) -> None:
    frame = frames.enter(build(flavour, k=("int64", [1, 1]), x=("float64", [math.nan, 2.0])))

    found = frames.aggregate(
        frame, ["k"], {"s": ("x", "sum"), "m": ("x", "max"), "n": ("x", "count")}
    )

    assert result(found) == [(1, 2.0, 2.0, 1)]


@every_flavour
def test_result_types_do_not_depend_on_the_engine(flavour: str) -> None:
    # A count is UInt32 on polars, a sum of integers is Int128 on DuckDB.
    frame = frames.enter(build(flavour, k=("int64", [1, 1]), v=("int32", [1, 2])))

    found = frames.aggregate(
        frame, ["k"], {"s": ("v", "sum"), "c": ("v", "count"), "u": ("v", "n_unique")}, rows="n"
    )

    assert set(types_of(frames.leave(found)).values()) == {"Int64"}


@every_flavour
def test_no_index_comes_back_after_rows_were_dropped_or_sorted(flavour: str) -> None:
    native = build(flavour, k=("int64", [3, 1, 2]), v=("int64", [30, 10, 20]))
    if isinstance(native, pd.DataFrame):
        native.index = pd.Index(["x", "y", "z"], name="row")
    frame = frames.enter(native)

    kept = frames.leave(frames.sort_rows(frames.keep_rows_until(frame, "v", 20), ["k"]))

    assert read_rows(kept) == [(1, 10), (2, 20)]
    assert "__index_level_0__" not in types_of(kept)
    if isinstance(kept, pd.DataFrame):
        assert kept.index.equals(pd.RangeIndex(2))
        assert kept.index.name is None


@every_flavour
def test_money_sums_and_ranks_do_not_depend_on_the_order_of_addition(flavour: str) -> None:
    # As floats 0.1 + 0.2 + 0.3 is 0.6000000000000001 one way and 0.6 the other.
    totals = set()
    for order in ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.3, 0.1]):
        frame = frames.enter(build(flavour, k=("int64", [1] * 3), x=("float64", order)))
        minor = frames.with_minor_units(frame, "x", "m", digits=2)
        totals |= set(result(frames.aggregate(minor, ["k"], {"s": ("m", "sum")})))

    assert totals == {(1, 60)}


def test_every_library_is_among_the_flavours() -> None:
    libraries = {name.partition("-")[0] for name in FLAVOURS}
    assert libraries | {"spark"} == {name.partition("-")[0] for name in frames.ENGINES}
    assert set(ARROW_FLAVOURS) < set(FLAVOURS)
