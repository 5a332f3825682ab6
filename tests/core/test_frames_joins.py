"""Words that bring frames together, against tables worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from helpers.flavours import build, every_flavour
from helpers.words import Case, check, check_on_spark
from userportrait._core import frames
from userportrait.errors import ColumnTypeError, InvalidDataError, UnsupportedOnEngine

LEFT: dict[str, tuple[str, list[Any]]] = {
    "k": ("text", ["a", "b", None, "a"]),
    "j": ("int64", [1, 1, 1, 2]),
    "v": ("int64", [10, 20, 30, 40]),
}
RIGHT: dict[str, tuple[str, list[Any]]] = {
    "w": ("int64", [7, 8, 9]),
    "j": ("int32", [1, 1, 2]),
    "flag": ("bool", [True, False, None]),
    "k": ("text", ["a", None, "c"]),
}
MOMENTS: dict[str, tuple[str, list[Any]]] = {
    "who": ("text", ["a", "a", "a", "b", None, "c", "a"]),
    "at": ("int64", [5, 10, 15, 10, 10, 10, None]),
    "row": ("int64", [0, 1, 2, 3, 4, 5, 6]),
}
PRICES: dict[str, tuple[str, list[Any]]] = {
    "price": ("int64", [100, None, 120, 200, 300]),
    "note": ("text", ["x", "gone", None, "y", "z"]),
    "at": ("int64", [6, 10, 12, 11, 1]),
    "who": ("text", ["a", "a", "a", "b", None]),
}


def joined(how: Any) -> Any:
    return lambda make: frames.join_rows(make(**LEFT), make(**RIGHT), ["k", "j"], how)


CASES = [
    Case(
        "an inner join keeps what matches, and null matches nothing",
        joined("inner"),
        [("a", 1, 10, 7, True)],
        {"w": "Int64"},
    ),
    Case(
        "a left join keeps all, and whole numbers stay whole beside null",
        joined("left"),
        [
            ("a", 1, 10, 7, True),
            ("b", 1, 20, None, None),
            (None, 1, 30, None, None),
            ("a", 2, 40, None, None),
        ],
        {"w": "Int64", "v": "Int64"},
    ),
    Case("a semi join keeps each matching row once", joined("semi"), [("a", 1, 10)]),
    Case(
        "an anti join keeps what does not match, null among it",
        joined("anti"),
        [("b", 1, 20), (None, 1, 30), ("a", 2, 40)],
    ),
    Case(
        "rows that match several times come several times, but not in a semi join",
        lambda make: frames.stack(
            [
                frames.join_rows(make(k=("int64", [1, 2])), make(k=("int64", [1, 1])), ["k"], how)
                for how in ("inner", "semi")
            ]
        ),
        [(1,), (1,), (1,)],
    ),
    Case(
        "nan matches nothing",
        lambda make: frames.select_columns(
            frames.join_rows(
                make(k=("float64", [math.nan, 1.0]), v=("int64", [1, 2])),
                make(k=("float64", [math.nan, 1.0]), w=("int64", [3, 4])),
                ["k"],
                "left",
            ),
            ["v", "w"],
        ),
        [(1, None), (2, 4)],
    ),
    Case(
        "categories meet texts",
        lambda make: frames.join_rows(
            make(k=("category", ["b", "a", None]), v=("int64", [1, 2, 3])),
            make(k=("text", ["a", "b"]), w=("int64", [3, 4])),
            ["k"],
            "inner",
        ),
        [("a", 2, 3), ("b", 1, 4)],
    ),
    Case(
        "an as-of join takes the row that was newest then, with its nulls",
        lambda make: frames.join_as_of(
            make(**MOMENTS), make(**PRICES), ["who"], "at", ["price", "note"]
        ),
        [
            ("a", 5, 0, None, None),
            ("a", 10, 1, None, "gone"),
            ("a", 15, 2, 120, None),
            ("b", 10, 3, None, None),
            (None, 10, 4, None, None),
            ("c", 10, 5, None, None),
            ("a", None, 6, None, None),
        ],
        {"price": "Int64", "note": "String", "at": "Int64"},
    ),
    Case(
        "an as-of join with nothing finds nothing",
        lambda make: frames.join_as_of(
            make(**MOMENTS),
            make(**{name: (kind, []) for name, (kind, _) in PRICES.items()}),
            ["who"],
            "at",
            ["note"],
        ),
        [
            (who, at, row, None)
            for who, at, row in zip(*(values for _, values in MOMENTS.values()), strict=True)
        ],
    ),
    Case(
        "frames are stacked by name, and narrow numbers widen",
        lambda make: frames.stack(
            [
                make(a=("int64", [1, None]), t=("text", ["x", None])),
                make(t=("text", ["y"]), a=("int32", [2])),
                make(t=("text", []), a=("int64", [])),
            ]
        ),
        [(1, "x"), (None, None), (2, "y")],
        {"a": "Int64", "t": "String"},
    ),
    Case(
        "columns become rows, null among them",
        lambda make: frames.unpivot(
            make(k=("text", ["p", "q"]), a=("int64", [1, None]), b=("int64", [3, 4])),
            ["k"],
            ["a", "b"],
            "name",
            "n",
        ),
        [("p", "a", 1), ("q", "a", None), ("p", "b", 3), ("q", "b", 4)],
        {"name": "String", "n": "Int64"},
    ),
]


@every_flavour
@pytest.mark.parametrize("case", CASES, ids=str)
def test_joining_words_give_the_table_worked_out_by_hand(case: Case, flavour: str) -> None:
    check(case, flavour)


@pytest.mark.spark
def test_joining_words_give_the_same_on_spark(spark: Any) -> None:
    check_on_spark(CASES, spark)


def test_frames_of_two_libraries_are_not_joined() -> None:
    pl = pytest.importorskip("polars")
    ours = frames.enter(pd.DataFrame({"k": [1]}))
    theirs = frames.enter(pl.DataFrame({"k": [1]}))

    for word in (
        lambda: frames.join_rows(ours, theirs, ["k"], "inner"),
        lambda: frames.stack([ours, theirs]),
        lambda: frames.join_as_of(ours, theirs, ["k"], "k", []),
    ):
        with pytest.raises(UnsupportedOnEngine, match=r"pandas and polars\. Give all frames in"):
            word()


@every_flavour
def test_what_cannot_be_joined_is_said_before_any_work(flavour: str) -> None:
    texts = frames.enter(build(flavour, k=("text", ["1"]), v=("int64", [1])))
    numbers = frames.enter(build(flavour, k=("int64", [1]), v=("int64", [1])))
    other = frames.enter(build(flavour, k=("text", ["1"]), w=("int64", [1])))

    with pytest.raises(ColumnTypeError, match="'k' holds text in one frame and integer"):
        frames.join_rows(texts, frames.select_columns(numbers, ["k"]), ["k"], "inner")
    with pytest.raises(InvalidDataError, match="two columns named 'v'"):
        frames.join_rows(texts, texts, ["k"], "left")
    with pytest.raises(InvalidDataError, match="Only some of the frames have the column 'v'"):
        frames.stack([texts, other])
    with pytest.raises(ColumnTypeError, match="'k' holds"):
        frames.stack([texts, numbers])


def test_duckdb_relations_of_two_connections_are_refused_with_the_remedy() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as one, duckdb.connect() as other:
        ours, theirs = (frames.enter(c.sql("SELECT 1 AS k, 2 AS n")) for c in (one, other))
        prices = frames.enter(other.sql("SELECT 1 AS k, 2 AS n, 3 AS price"))

        for word in (
            lambda: frames.join_rows(ours, theirs, ["k", "n"], "inner"),
            lambda: frames.join_as_of(ours, prices, ["k"], "n", ["price"]),
            lambda: frames.stack([ours, theirs]),
        ):
            with pytest.raises(UnsupportedOnEngine, match=r"two connections\. Make both on one"):
                word()


@pytest.mark.spark
def test_a_frame_is_joined_to_an_aggregate_of_itself(spark: Any) -> None:
    from helpers.flavours import build_spark, read_rows

    frame = frames.enter(build_spark(spark, k=("text", ["a", "a", "b"]), n=("int64", [1, 2, 3])))
    summed = frames.aggregate(frame, ["k"], {"total": ("n", "sum")})
    top = frames.keep_where(frames.with_condition(summed, "total", ">=", 3, "yes"), "yes")

    joined = frames.join_rows(frame, top, ["k"], "left")
    again = frames.join_rows(joined, frame, ["k", "n"], "semi")
    assert read_rows(frames.leave(frames.select_columns(again, ["k", "n", "total"]))) == [
        ("a", 1, 3),
        ("a", 2, 3),
        ("b", 3, 3),
    ]
