"""What dataframe engines silently get wrong, or each in its own way: it must not come through.

Each function is one of ten findings; it runs on every engine.
"""

from __future__ import annotations

import math
import random
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from helpers.flavours import build, build_spark, every_flavour, read, read_rows, types_of
from userportrait._core import frames
from userportrait.errors import UnsupportedOnEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., frames.Frame]


def rows(frame: frames.Frame) -> list[tuple[Any, ...]]:
    return read_rows(frames.leave(frame))


def a_sum_under_a_condition_leaves_the_other_rows_out(make: Make) -> None:
    # pandas, pyarrow and dask, through narwhals: the plain sum, 15 instead of 10.
    frame = make(
        k=("text", ["a", "a", "a", "b"]),
        v=("int64", [7, 3, 5, 1]),
        flag=("bool", [True, True, False, None]),
    )
    frame = frames.with_where(frame, "flag", "v", "counted")

    assert rows(frames.aggregate(frame, ["k"], {"s": ("counted", "sum")})) == [("a", 10), ("b", 0)]


def distinct_values_are_counted_over_all_rows(make: Make) -> None:
    # dask: the counts of its partitions added up, 9 instead of 3.
    frame = make(k=("int64", [1] * 9), t=("text", ["x", "y", "z"] * 3))

    assert rows(frames.aggregate(frame, ["k"], {"n": ("t", "n_unique")})) == [(1, 3)]


def sunday_is_the_seventh_day(make: Make) -> None:
    # Spark, through narwhals: 0.
    frame = make(at=("time", [datetime(2026, 1, 4), datetime(2026, 1, 5)]))
    frame = frames.with_weekday(frames.with_epoch_micros(frame, "at", "us"), "us", "day")

    assert rows(frames.select_columns(frame, ["day"])) == [(1,), (7,)]


def the_first_row_is_the_first_in_order_not_the_first_stored(make: Make) -> None:
    # pyarrow, and ibis on DuckDB: another row.
    frame = make(
        k=("int64", [1, 1, 1, 2, 2]),
        at=("int64", [30, 10, 20, 5, 4]),
        t=("text", ["late", "early", "middle", "q", "p"]),
    )

    assert rows(frames.first_by(frame, ["k"], ["at"], ["t"])) == [(1, "early"), (2, "p")]
    assert rows(frames.last_by(frame, ["k"], ["at"], ["t"])) == [(1, "late"), (2, "q")]


def halves_go_away_from_zero(make: Make) -> None:
    # pandas, polars and dask round to even; DuckDB, Spark and ibis away from zero.
    frame = make(x=("float64", [0.5, 1.5, 2.5, -0.5, -2.5, 1.005]))
    frame = frames.with_minor_units(frame, "x", "units", digits=0)
    cents = frames.with_minor_units(frame, "x", "cents", digits=2)

    assert rows(frames.select_columns(frame, ["units"])) == [(-3,), (-1,), (1,), (1,), (2,), (3,)]
    assert (101,) in rows(frames.select_columns(cents, ["cents"]))


def null_is_neither_above_nor_below_and_nan_is_null(make: Make) -> None:
    # pandas: null compares as false, so that its opposite is true; `contains` of null is false
    # in pandas 3 and null elsewhere; NaN is null in pandas and a number in polars and SQL.
    frame = make(x=("float64", [30.0, 10.0, None, math.nan]), t=("text", ["ab", None, "b", "a"]))
    for op, name in ((">", "above"), ("<=", "below"), ("!=", "other")):
        frame = frames.with_condition(frame, "x", op, 20.0, name)  # type: ignore[arg-type]
    frame = frames.with_contains(frame, "t", "a", "has")
    kept = [frames.count_rows(frames.keep_where(frame, n)) for n in ("above", "below", "other")]

    assert kept == [1, 1, 2]
    assert rows(frames.select_columns(frame, ["has"])) == [(False,), (False,), (True,), (True,)]
    assert frames.count_missing(frame, ["x", "t"]) == {"x": 2, "t": 1}


def an_order_column_is_not_its_letters(make: Make) -> None:
    # `order_by="ts"` means the columns "t" and "s" to all backends of narwhals but polars.
    frame = make(
        t=("int64", [2, 1]), s=("int64", [2, 1]), ts=("int64", [1, 2]), k=("text", ["a", "a"])
    )
    numbered = frames.with_row_number(frame, "k", "ts", "n")

    assert rows(frames.select_columns(numbered, ["ts", "n"])) == [(1, 1), (2, 2)]
    assert rows(frames.first_by(frame, "k", "ts", "ts")) == [("a", 1)]


def counts_and_sums_have_one_type(make: Make) -> None:
    # Counts are unsigned 32 bits in polars; sums of whole numbers 128 bits in DuckDB.
    frame = make(k=("int64", [1, 1]), i=("int32", [2, 3]), b=("bool", [True, True]))
    made = frames.aggregate(
        frame,
        ["k"],
        {"s": ("i", "sum"), "c": ("i", "count"), "u": ("i", "n_unique"), "yes": ("b", "sum")},
        rows="n",
    )

    assert rows(made) == [(1, 5, 2, 2, 2, 2)]
    types = types_of(frames.leave(made))
    assert {types[name] for name in ("s", "c", "u", "yes", "n")} == {"Int64"}


def no_old_index_comes_back_as_a_column(make: Make) -> None:
    # pandas keeps the index of the rows it filters and sorts; arrow shows it as a column.
    frame = make(k=("int64", [3, 1, 2]), keep=("bool", [True, False, True]))
    frame = frames.sort_rows(frames.keep_where(frame, "keep"), ["k"])
    native = frames.leave(frame)

    assert frames.column_names(frames.enter(native)) == ["k", "keep"]
    if isinstance(native, pd.DataFrame):
        assert native.index.equals(pd.RangeIndex(2))
        assert native.index.name is None
    assert read(native)["k"] == [2, 3]


def money_and_tiles_do_not_depend_on_the_order_of_rows(make: Make) -> None:
    # Sums of floats do: 62.54 beside 62.540000000000006 gave two customers another quintile.
    # 0.1 + 0.2 + 0.3 is 0.6000000000000001 or 0.6, from which end one adds.
    lines = [(who, x) for who in range(10) for x in (0.1, 0.2, 0.3)]
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(lines)
        frame = make(k=("int64", [k for k, _ in lines]), x=("float64", [x for _, x in lines]))
        frame = frames.with_minor_units(frame, "x", "cents", digits=2)
        spend = frames.aggregate(frame, ["k"], {"spend": ("cents", "sum")})
        found.append(rows(frames.with_ntile(spend, "spend", "k", 5, "tile")))

    assert found[0] == found[1] == found[2] == [(k, 60, k // 2 + 1) for k in range(10)]


TRAPS = [
    a_sum_under_a_condition_leaves_the_other_rows_out,
    distinct_values_are_counted_over_all_rows,
    sunday_is_the_seventh_day,
    the_first_row_is_the_first_in_order_not_the_first_stored,
    halves_go_away_from_zero,
    null_is_neither_above_nor_below_and_nan_is_null,
    an_order_column_is_not_its_letters,
    counts_and_sums_have_one_type,
    no_old_index_comes_back_as_a_column,
    money_and_tiles_do_not_depend_on_the_order_of_rows,
]


@every_flavour
@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_no_engine_falls_into_a_known_trap(trap: Callable[[Make], None], flavour: str) -> None:
    trap(lambda **columns: frames.enter(build(flavour, **columns)))


@pytest.mark.spark
def test_spark_falls_into_no_known_trap(spark: Any) -> None:
    for trap in TRAPS:
        trap(lambda **columns: frames.enter(build_spark(spark, **columns)))


def test_dask_which_adds_up_distinct_counts_is_refused() -> None:
    dd = pytest.importorskip("dask.dataframe")
    frame = dd.from_pandas(pd.DataFrame({"k": [1, 2, 3]}), npartitions=3)

    with pytest.raises(
        UnsupportedOnEngine, match=r"orders= does not work on dask\.DataFrame\. Giv"
    ):
        frames.enter(frame, argument="orders")
    assert frames.count_rows(frames.enter(frame.compute())) == 3


class DataFrame:
    """What dask might call its frame; touching it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"work was started: {name}")


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("dask.dataframe.core", r"Give dask_frame\.compute\(\)"),
        ("pyspark.pandas.frame", r"Give frame\.to_spark\(\), a Spark DataFrame\."),
        ("modin.pandas.dataframe", r"Give a pandas or polars frame \(eager or lazy\), a pyarrow"),
    ],
)
def test_look_alikes_are_refused_untouched_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, module: str, remedy: str
) -> None:
    monkeypatch.setattr(DataFrame, "__module__", module)

    with pytest.raises(UnsupportedOnEngine, match=remedy):
        frames.enter(DataFrame())
