"""Words that work value by value, against tables worked out by hand."""

from __future__ import annotations

import math
from hashlib import md5
from typing import Any

import pytest

from helpers.flavours import build, every_flavour, read
from helpers.words import Case, check, check_on_spark
from userportrait._core import frames

NAN = math.nan


def one(word: Any, *names: str) -> Any:
    """Return a run that applies a word to the table below and picks columns."""

    def run(make: Any) -> frames.Frame:
        frame = make(
            i=("int64", [1, None, 3, -3]),
            s=("int32", [10, 20, 30, None]),
            x=("float64", [0.5, NAN, 2.0, None]),
            t=("text", ["ab%c", None, "", "客x"]),
            b=("bool", [True, None, False, True]),
        )
        return frames.select_columns(word(frame), list(names))

    return run


def conditions(frame: frames.Frame) -> frames.Frame:
    wanted: list[tuple[str, str, Any]] = [
        ("i", ">", 1),
        ("i", "!=", 3),
        ("x", "!=", 0.5),
        ("x", "<=", 0.5),
        ("t", "==", ""),
        ("t", "!=", ""),
        ("t", ">=", "b"),
        ("b", "==", True),
        ("s", "<", 20.5),
    ]
    for column, op, constant in wanted:
        frame = frames.with_condition(frame, column, op, constant, f"{column}{op}")  # type: ignore[arg-type]
    return frame


def constants(frame: frames.Frame) -> frames.Frame:
    for name, value in {"one": 1, "half": 0.5, "yes": True, "text": 'o\'ne\\ "x" `'}.items():
        frame = frames.with_value(frame, name, value)
    return frame


LETTERS = {"ab%c": 1, "客x": 2}
CASES = [
    Case(
        "a constant stands in every row with its own type",
        one(constants, "one", "half", "yes", "text"),
        [(1, 0.5, True, 'o\'ne\\ "x" `')] * 4,
        {"one": "Int64", "half": "Float64", "yes": "Boolean", "text": "String"},
    ),
    Case(
        "a ratio is null where its denominator is 0 or a part is missing",
        lambda make: frames.select_columns(
            frames.with_ratio(
                make(
                    a=("int64", [1, 2, None, 0, 3]),
                    b=("float64", [4.0, 0.0, 1.0, 2.0, NAN]),
                ),
                "a",
                "b",
                "r",
            ),
            ["a", "r"],
        ),
        [(1, 0.25), (2, None), (None, None), (0, 0.0), (3, None)],
        {"r": "Float64"},
    ),
    Case(
        "a condition is false for null and nan, also when it says not equal",
        one(conditions, "i>", "i!=", "x!=", "x<=", "t==", "t!=", "t>=", "b==", "s<"),
        [
            (False, True, False, True, False, True, False, True, True),
            (False, False, False, False, False, False, False, False, True),
            (True, False, True, False, True, False, False, False, False),
            (False, True, False, False, False, True, True, True, False),
        ],
        {"i>": "Boolean"},
    ),
    Case(
        "where a flag is false or null the constant stands",
        one(lambda f: frames.with_where(f, "b", "i", "v"), "v"),
        [(1,), (0,), (0,), (-3,)],
        {"v": "Int64"},
    ),
    Case(
        "where a flag is true null stays, and narrow numbers widen",
        one(
            lambda f: frames.with_where(
                frames.with_where(f, "b", "s", "v", 7), "b", "x", "w", -1.0
            ),
            "v",
            "w",
        ),
        [(10, 0.5), (7, -1.0), (7, -1.0), (None, None)],
        {"v": "Int64", "w": "Float64"},
    ),
    Case(
        "where a flag is false null stands if asked for, and whole numbers stay whole",
        one(
            lambda f: frames.with_where(
                frames.with_where(f, "b", "i", "v", None), "b", "t", "w", None
            ),
            "v",
            "w",
        ),
        [(1, "ab%c"), (None, None), (None, None), (-3, "客x")],
        {"v": "Int64", "w": "String"},
    ),
    Case(
        "a bin counts the edges below, and an edge ends the bin before it",
        lambda make: frames.select_columns(
            frames.with_bins(
                frames.with_bins(
                    make(
                        row=("int64", list(range(9))),
                        x=("float64", [0.0, 1.0, 1.5, 2.0, 99.0, NAN, None, -math.inf, math.inf]),
                        i=("int64", [0, 1, 2, 3, None, 1, 2, 3, 4]),
                    ),
                    "x",
                    [1.0, 2.0, 2.0],
                    "bin",
                ),
                "i",
                [1, 2.5],
                "b",
            ),
            ["row", "bin", "b"],
        ),
        [
            (0, 0, 0),
            (1, 0, 0),
            (2, 1, 1),
            (3, 1, 2),
            (4, 3, None),
            (5, None, 0),
            (6, None, 1),
            (7, 0, 2),
            (8, 3, 2),
        ],
        {"bin": "Int64", "b": "Int64"},
    ),
    Case(
        "without edges everything falls into bin 0",
        lambda make: frames.with_bins(make(x=("float64", [1.0, None])), "x", [], "bin"),
        [(1.0, 0), (None, None)],
    ),
    Case(
        "a text is searched letter by letter, and null holds nothing",
        one(
            lambda f: frames.with_contains(
                frames.with_contains(f, "t", "b%", "found"), "t", "客", "x"
            ),
            "found",
            "x",
        ),
        [(True, False), (False, False), (False, False), (False, True)],
        {"found": "Boolean"},
    ),
    Case(
        "indicators are 1 or 0, never null",
        one(
            lambda f: frames.with_indicators(
                frames.with_indicators(f, "t", {"empty": "", "ab": "ab%c"}), "i", {"three": 3}
            ),
            "empty",
            "ab",
            "three",
        ),
        [(0, 1, 0), (0, 0, 0), (1, 0, 1), (0, 0, 0)],
        {"empty": "Int64", "three": "Int64"},
    ),
    Case(
        "a mapping gives its values, the default for others, and null for null",
        one(
            lambda f: frames.with_mapped(
                frames.with_mapped(
                    frames.with_mapped(f, "t", LETTERS, "n", 0), "i", {1: "o'ne", 3: "three"}, "w"
                ),
                "s",
                {10: 0.5},
                "x2",
                1.5,
            ),
            "n",
            "w",
            "x2",
        ),
        [(1, "o'ne", 0.5), (None, None, 1.5), (0, "three", 1.5), (2, None, None)],
        {"n": "Int64", "w": "String", "x2": "Float64"},
    ),
    Case(
        "a mapping of many values gives the same as one of few",
        one(
            lambda f: frames.with_mapped(
                frames.with_mapped(f, "t", {f"x{i}": i for i in range(150)} | LETTERS, "n", 0),
                "s",
                {i: f"n{i}" for i in range(15, 200)},
                "t",
            ),
            "n",
            "t",
        ),
        [(1, None), (None, "n20"), (0, "n30"), (2, None)],
        {"n": "Int64", "t": "String"},
    ),
    Case(
        "an empty mapping gives the default",
        one(lambda f: frames.with_mapped(f, "t", {}, "n", 7), "n"),
        [(7,), (None,), (7,), (7,)],
        {"n": "Int64"},
    ),
    Case(
        "a mapping to truth values gives booleans",
        one(lambda f: frames.with_mapped(f, "i", {1: True, 3: False}, "n"), "n"),
        [(True,), (None,), (False,), (None,)],
        {"n": "Boolean"},
    ),
    Case(
        "a flag that is null keeps no row",
        one(lambda f: frames.keep_where(f, "b"), "i"),
        [(1,), (-3,)],
    ),
]


def drawn(key: object, salt: str, share: float) -> bool:
    return int(md5(f"{salt}:{key}".encode()).hexdigest()[:8], 16) < share * 2**32


KEYS = [f"客{i}" for i in range(40)]
IDS = [*range(-5, 35), None, 2**60 + 1]
CASES += [
    Case(
        "a sample keeps the same keys everywhere: texts",
        lambda make: frames.keep_sample(
            make(k=("text", [*KEYS, *KEYS, None])), "k", 0.3, salt="a'b"
        ),
        [(key,) for key in KEYS if drawn(key, "a'b", 0.3)] * 2,
        {"k": "String"},
    ),
    Case(
        "a sample keeps the same keys everywhere: whole numbers",
        lambda make: frames.keep_sample(make(k=("int64", IDS)), "k", 0.5),
        [(key,) for key in IDS if key is not None and drawn(key, "", 0.5)],
    ),
    Case(
        "a share of 1 keeps every key and a share of 0 none",
        lambda make: frames.stack(
            [
                frames.keep_sample(make(k=("int64", [1, 2, None])), "k", 1.0),
                frames.keep_sample(make(k=("int64", [3])), "k", 0.0),
            ]
        ),
        [(1,), (2,)],
    ),
]


@every_flavour
@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_words_give_the_table_worked_out_by_hand(case: Case, flavour: str) -> None:
    check(case, flavour)


@pytest.mark.spark
def test_value_words_give_the_same_on_spark(spark: Any) -> None:
    check_on_spark(CASES, spark)


@every_flavour
def test_rows_in_memory_keep_their_order(flavour: str) -> None:
    frame = frames.enter(build(flavour, i=("int64", [3, 1, 2]), b=("bool", [True, False, True])))

    assert read(frames.leave(frames.keep_where(frame, "b")))["i"] == [3, 2]
