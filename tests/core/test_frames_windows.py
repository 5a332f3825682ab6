"""Words that look at rows in an order, against tables worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.flavours import build, every_flavour, read, read_rows
from helpers.words import Case, check, check_on_spark
from userportrait._core import frames

# Two customers and rows without one; `row` names the rows.
LINES: dict[str, tuple[str, list[Any]]] = {
    "row": ("int64", [0, 1, 2, 3, 4, 5, 6]),
    "who": ("text", ["a", "b", "a", None, "a", "b", None]),
    "n": ("int64", [5, 7, 3, 1, None, 2, 4]),
    "x": ("float64", [0.5, math.nan, None, 1.5, 2.5, 0.25, math.nan]),
    "t": ("text", ["p", None, None, "q", "r", "s", None]),
}


def lines(word: Any, *names: str) -> Any:
    return lambda make: frames.select_columns(word(make(**LINES)), ["row", *names])


CASES = [
    Case(
        "row numbers start at 1 for each key, null is a key, and a null order comes last",
        lines(lambda f: frames.with_row_number(f, ["who"], ["n"], "k"), "k"),
        [(0, 2), (1, 2), (2, 1), (3, 1), (4, 3), (5, 1), (6, 2)],
        {"k": "Int64"},
    ),
    Case(
        "nan orders like null, and the next column breaks the tie",
        lines(lambda f: frames.with_row_number(f, [], ["x", "row"], "k"), "k"),
        [(5, 1), (0, 2), (3, 3), (4, 4), (1, 5), (2, 6), (6, 7)],
    ),
    Case(
        "the previous value is null in the first row and stays whole",
        lines(
            lambda f: frames.with_previous(
                frames.with_previous(f, ["who"], ["row"], "n", "before"), [], ["row"], "t", "t0"
            ),
            "before",
            "t0",
        ),
        [
            (0, None, None),
            (1, None, "p"),
            (2, 5, None),
            (3, None, None),
            (4, 3, "q"),
            (5, 7, "r"),
            (6, 1, "s"),
        ],
        {"before": "Int64", "t0": "String"},
    ),
    Case(
        "values are carried forward over null and nan, within the key",
        lines(lambda f: frames.forward_fill(f, ["who"], ["row"], ["x", "t", "n"]), "x", "t", "n"),
        [
            (0, 0.5, "p", 5),
            (1, None, None, 7),
            (2, 0.5, "p", 3),
            (3, 1.5, "q", 1),
            (4, 2.5, "r", 3),
            (5, 0.25, "s", 2),
            (6, 1.5, "q", 4),
        ],
        {"n": "Int64", "x": "Float64"},
    ),
    Case(
        "values are carried forward over all rows without a key",
        lines(lambda f: frames.forward_fill(f, [], ["row"], ["t"]), "t"),
        [(0, "p"), (1, "p"), (2, "p"), (3, "q"), (4, "r"), (5, "s"), (6, "s")],
    ),
    Case(
        "the first row of a key comes whole, with its nulls; null keys are left out",
        lambda make: frames.first_by(make(**LINES), ["who"], ["n"], ["row", "t", "n"]),
        [("a", 2, None, 3), ("b", 5, "s", 2)],
        {"n": "Int64"},
    ),
    Case(
        "the last row of a key is not the one whose order is null",
        lambda make: frames.last_by(make(**LINES), ["who"], ["n"], ["row", "t"]),
        [("a", 0, "p"), ("b", 1, None)],
    ),
    Case(
        "several order columns break ties in turn",
        lambda make: frames.last_by(
            make(
                k=("int64", [1, 1, 1, 2]),
                at=("int64", [9, 9, 8, 0]),
                t=("text", ["x", "y", "z", "w"]),
            ),
            ["k"],
            ["at", "t"],
            ["t"],
        ),
        [(1, "y"), (2, "w")],
    ),
    Case(
        "tiles share out the known values, equal ones by key",
        lines(lambda f: frames.with_ntile(f, "n", "row", 3, "tile"), "tile"),
        # 1 2 | 3 4 | 5 7: i * 3 // 6 + 1
        [(3, 1), (5, 1), (2, 2), (6, 2), (0, 3), (1, 3), (4, None)],
        {"tile": "Int64"},
    ),
    Case(
        "equal values are told apart by their key, always the same way",
        lambda make: frames.with_ntile(
            make(v=("int64", [1, 1, 1, 1, 1]), k=("text", ["e", "B", "a", "客", "é"])),
            "v",
            "k",
            2,
            "tile",
        ),
        # By code point: B a e é 客; i * 2 // 5 + 1
        [(1, "B", 1), (1, "a", 1), (1, "e", 1), (1, "é", 2), (1, "客", 2)],
    ),
    Case(
        "tiles pass over nan",
        lines(lambda f: frames.with_ntile(f, "x", "row", 2, "tile"), "tile"),
        [(5, 1), (0, 1), (3, 2), (4, 2), (1, None), (2, None), (6, None)],
    ),
    Case(
        "more tiles than rows leave some empty",
        lambda make: frames.with_ntile(
            make(v=("int64", [3, 4]), k=("int64", [1, 2])), "v", "k", 5, "tile"
        ),
        [(3, 1, 1), (4, 2, 3)],
    ),
]

TOP = [
    (["n"], [], [(3, 1), (5, 2), (2, 3)]),
    (["n"], ["n"], [(1, 7), (0, 5), (6, 4)]),
    (["x", "row"], ["x"], [(4, None), (3, 1), (0, 5)]),
    (["t", "row"], ["row"], [(0, 5), (3, 1), (4, None)]),
]


@every_flavour
@pytest.mark.parametrize("case", CASES, ids=str)
def test_window_words_give_the_table_worked_out_by_hand(case: Case, flavour: str) -> None:
    check(case, flavour)


@every_flavour
@pytest.mark.parametrize(("order", "falling", "rows"), TOP)
def test_top_rows_come_in_order_and_null_last(
    flavour: str, order: list[str], falling: list[str], rows: list[Any]
) -> None:
    frame = frames.top_rows(frames.enter(build(flavour, **LINES)), order, 3, descending=falling)
    found = read(frames.leave(frame))

    assert list(zip(found["row"], found["n"], strict=True)) == rows


@every_flavour
def test_no_rows_stay_no_rows(flavour: str) -> None:
    frame = frames.enter(build(flavour, **{n: (kind, []) for n, (kind, _) in LINES.items()}))
    frame = frames.with_row_number(frame, ["who"], ["n"], "k")
    frame = frames.with_ntile(frame, "n", "row", 5, "tile")
    frame = frames.forward_fill(frame, ["who"], ["row"], ["t"])
    frame = frames.with_previous(frame, ["who"], ["row"], "n", "before")

    assert frames.count_rows(frames.first_by(frame, ["who"], ["n"], ["t"])) == 0
    assert frames.count_rows(frame) == 0


@pytest.mark.spark
def test_window_words_give_the_same_on_spark(spark: Any) -> None:
    from helpers.flavours import build_spark

    check_on_spark(CASES, spark)
    for order, falling, rows in TOP:
        frame = frames.enter(build_spark(spark, **LINES))
        found = read(frames.leave(frames.top_rows(frame, order, 3, descending=falling)))
        assert list(zip(found["row"], found["n"], strict=True)) == rows


# --- any table ---------------------------------------------------------------------------

TABLES = st.lists(
    st.tuples(
        st.sampled_from(["a", "é", "客", None]),
        st.one_of(st.none(), st.integers(-3, 3)),
        st.one_of(st.none(), st.sampled_from([0.5, -1.5, math.nan, math.inf])),
    ),
    max_size=12,
)


def everything(flavour: str, table: list[tuple[Any, ...]]) -> list[Any]:
    who, n, x = (list(values) for values in zip(*table, strict=True)) if table else ([], [], [])
    frame = frames.enter(
        build(
            flavour,
            row=("int64", list(range(len(table)))),
            who=("text", who),
            n=("int64", n),
            x=("float64", x),
        )
    )
    frame = frames.with_row_number(frame, ["who"], ["x", "n", "row"], "number")
    frame = frames.with_previous(frame, ["who"], ["n", "row"], "n", "before")
    frame = frames.with_ntile(frame, "x", "row", 3, "tile")
    frame = frames.forward_fill(frame, ["who"], ["row"], ["n", "x"])
    last = frames.last_by(frame, ["who"], ["n", "row"], ["row", "n"])
    last = frames.name_columns(last, {"row": "newest", "n": "largest"})
    joined = frames.join_rows(frame, last, ["who"], "left")
    prices = frames.keep_where(frames.with_condition(frame, "tile", "==", 1, "yes"), "yes")
    prices = frames.select_columns(frames.first_by(prices, ["who"], ["row"], ["row", "number"]), [
        "who", "row", "number",
    ])  # fmt: skip
    prices = frames.name_columns(prices, {"number": "then"})
    found = frames.join_as_of(joined, prices, ["who"], "row", ["then"])
    return read_rows(frames.leave(found))


@settings(max_examples=30)
@given(TABLES)
def test_any_table_gives_the_same_rows_on_every_kind_of_engine(table: list[Any]) -> None:
    expected = everything("pandas", table)
    for flavour in ("pandas-arrow", "polars", "duckdb-private"):
        assert everything(flavour, table) == expected, flavour
