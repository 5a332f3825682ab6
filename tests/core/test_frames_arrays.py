"""From frames to arrays and back: types, nulls, zones, texts."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from helpers.engines import installed_engines
from helpers.flavours import build, every_flavour, read, read_rows, types_of
from userportrait._core import frames
from userportrait.errors import InvalidDataError, InvalidParameterError

NAT = np.datetime64("NaT")


def times(*texts: str | None) -> Any:
    return np.array([text or "NaT" for text in texts], dtype="datetime64[us]")


# --- out ---------------------------------------------------------------------------------

# Type, values, and the array that must come out.
COLUMNS: dict[str, tuple[str, list[Any], Any]] = {
    "int8": ("int8", [-128, 127], np.array([-128, 127])),
    "uint8": ("uint8", [255, 0], np.array([255, 0])),
    "int32": ("int32", [-1, 2], np.array([-1, 2])),
    "uint64": ("uint64", [2**63 - 1, 0], np.array([2**63 - 1, 0])),
    "uint64 beyond int64": ("uint64", [2**64 - 1, 0], np.array([2.0**64, 0.0])),
    "int64": ("int64", [2**62 + 1, -5], np.array([2**62 + 1, -5])),
    "int64 with null": ("int64", [7, None], np.array([7.0, np.nan])),
    "large int64 with null": ("int64", [2**53 + 1, None], np.array([2**53 + 1, None], object)),
    "uint8 with null": ("uint8", [None, 255], np.array([np.nan, 255.0])),
    "float64": ("float64", [0.1, None], np.array([0.1, np.nan])),
    "float64 with nan": ("float64", [math.nan, math.inf], np.array([np.nan, np.inf])),
    "float32": ("float32", [0.5, None], np.array([0.5, np.nan])),
    "decimal": ("decimal", [Decimal("1.05"), None], np.array([1.05, np.nan])),
    "bool": ("bool", [True, False], np.array([True, False])),
    "bool with null": ("bool", [True, None], np.array([True, None], object)),
    "text": ("text", ["ä客", None], np.array(["ä客", None], object)),
    "empty text": ("text", ["", " "], np.array(["", " "], object)),
    "no text": ("text", [None, None], np.array([None, None], object)),
    "category": ("category", ["b", "a"], np.array(["b", "a"], object)),
    "category with null": ("category", ["b", None], np.array(["b", None], object)),
    "date": ("date", [date(1969, 12, 31), None], times("1969-12-31", None)),
    "time": (
        "time",
        [datetime(2026, 1, 5, 1, 2, 3, 4), None],
        times("2026-01-05T01:02:03.000004", None),
    ),
    "time_s": ("time_s", [datetime(1900, 3, 1), None], times("1900-03-01", None)),
    "time_ms": (
        "time_ms",
        [datetime(1969, 12, 31, 23, 59, 59, 1000)],
        times("1969-12-31T23:59:59.001"),
    ),
    "time_ns": (
        "time_ns",
        pd.to_datetime([-1, 1]).tolist(),
        times("1969-12-31T23:59:59.999999", "1970-01-01"),
    ),
    "zoned": ("zoned", [datetime(2026, 1, 5, 12), None], times("2026-01-05T12:00", None)),
    "no rows": ("int64", [], np.array([], dtype=np.int64)),
}


@every_flavour
@pytest.mark.parametrize("case", list(COLUMNS))
def test_a_column_becomes_the_array_promised(flavour: str, case: str) -> None:
    kind, values, expected = COLUMNS[case]
    frame = frames.enter(build(flavour, c=(kind, values)))

    found = frames.collect_arrays(frame, ["c"])["c"]

    assert type(found) is np.ndarray
    assert found.dtype == expected.dtype
    assert_array_equal(found, expected)
    if found.dtype == object:
        assert {type(v) for v in found} <= {str, int, bool, type(None)}


@every_flavour
def test_only_the_columns_asked_for_are_collected_in_their_order(flavour: str) -> None:
    frame = frames.enter(build(flavour, a=("int64", [1]), b=("int64", [2]), c=("int64", [3])))

    assert list(frames.collect_arrays(frame, ["c", "a"])) == ["c", "a"]
    assert list(frames.collect_arrays(frames.lazily(frame), ["b"])) == ["b"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], np.array([1, 2])),
        ([1, None], np.array([1.0, np.nan])),
        ([2**60 + 1, None], np.array([2**60 + 1, None], object)),
        ([2**70, 1], np.array([2.0**70, 1.0])),
        ([1.5, None], np.array([1.5, np.nan])),
        ([Decimal("0.5"), None], np.array([0.5, np.nan])),
        ([True, False], np.array([True, False])),
        ([True, None], np.array([True, None], object)),
        (["a", float("nan")], np.array(["a", None], object)),
        (["a", pd.NA], np.array(["a", None], object)),
        ([date(2026, 1, 5), None], times("2026-01-05", None)),
        ([pd.Timestamp("2026-01-05 01:00", tz="Europe/Paris"), pd.NaT], times("2026-01-05", None)),
        ([None, None], np.array([None, None], object)),
    ],
)
def test_pandas_objects_become_what_they_are(values: list[Any], expected: Any) -> None:
    frame = frames.enter(pd.DataFrame({"c": pd.Series(values, dtype=object)}))

    found = frames.collect_arrays(frame, ["c"])["c"]

    assert found.dtype == expected.dtype
    assert_array_equal(found, expected)


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_the_texts_of_pandas_3_come_out_whatever_stores_them(storage: Any) -> None:
    if storage == "pyarrow":
        pytest.importorskip("pyarrow")
    dtypes: list[Any] = [pd.StringDtype(storage)]
    if pd.__version__ >= "3":
        dtypes.append(pd.StringDtype(storage, na_value=np.nan))
    for dtype in dtypes:
        native = pd.DataFrame({"t": pd.Series(["b", None, "a"], dtype=dtype), "n": [1, 2, 3]})
        frame = frames.enter(native)

        assert frames.column_kinds(frame)["t"] == "text"
        assert frames.count_missing(frame, ["t"]) == {"t": 1}
        assert frames.collect_arrays(frame, ["t"])["t"].tolist() == ["b", None, "a"]
        assert read(frames.to_pandas(frame))["t"] == ["b", None, "a"]
        summed = frames.aggregate(frame, ["t"], {"s": ("n", "sum")})
        assert read_rows(frames.leave(summed)) == [("a", 3), ("b", 1)]


def test_a_category_of_whole_numbers_stays_whole_beside_nulls() -> None:
    native = pd.DataFrame({"c": pd.Series([3, None, 1], dtype="Int64").astype("category")})

    assert_array_equal(
        frames.collect_arrays(frames.enter(native), ["c"])["c"], np.array([3.0, np.nan, 1.0])
    )
    assert frames.values_of(native["c"]).tolist() == [3, pd.NA, 1]


def test_a_sum_that_duckdb_keeps_in_128_bits_comes_out_as_int64() -> None:
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("SELECT sum(v) AS s FROM (VALUES (4611686018427387905), (1)) AS t(v)")

    found = frames.collect_arrays(frames.enter(relation), ["s"])["s"]

    assert found.dtype == np.int64
    assert found.tolist() == [2**62 + 2]


# --- back --------------------------------------------------------------------------------

every_engine = pytest.mark.parametrize("engine", [e for e in frames.ENGINES if e != "spark"])


def need(engine: str) -> frames.Engine:
    if engine not in installed_engines():
        pytest.skip(f"{engine} is not installed")
    return engine  # type: ignore[return-value]


ARRAYS: dict[str, Any] = {
    "i": np.array([2**60 + 1, -1]),
    "i32": np.array([1, 2], dtype=np.int32),
    "x": np.array([0.5, np.nan]),
    "b": np.array([True, False]),
    "t": np.array(["客", None], dtype=object),
    "none": np.array([None, None], dtype=object),
    "at": np.array(["1969-12-31T23:59:59.000001", "NaT"], dtype="datetime64[us]"),
}


@every_engine
def test_arrays_become_a_frame_of_the_engine(engine: str) -> None:
    made = frames.from_arrays(ARRAYS, need(engine))

    assert frames.enter(made).engine == engine
    found = read(made)
    assert found == {
        "i": [2**60 + 1, -1],
        "i32": [1, 2],
        "x": [0.5, None],
        "b": [True, False],
        "t": ["客", None],
        "none": [None, None],
        "at": [datetime(1969, 12, 31, 23, 59, 59, 1), None],
    }
    types = types_of(made)
    assert {name: types[name] for name in ("i", "i32", "x", "b", "t")} == {
        "i": "Int64",
        "i32": "Int32",
        "x": "Float64",
        "b": "Boolean",
        "t": "String",
    }
    assert types["at"].startswith("Datetime")
    assert frames.column_kinds(frames.enter(made))["none"] in ("text", "empty")
    if engine != "pandas":  # a pandas column of None has no type of its own
        assert types["none"] == "String"


@every_engine
def test_arrays_of_length_zero_keep_their_types(engine: str) -> None:
    empty = {name: values[:0] for name, values in ARRAYS.items()}

    made = frames.from_arrays(empty, need(engine))

    types = types_of(made)
    assert {name: types[name] for name in ("i", "x", "b", "t")} == {
        "i": "Int64",
        "x": "Float64",
        "b": "Boolean",
        "t": "String",
    }
    assert frames.count_rows(frames.enter(made)) == 0


@every_engine
def test_a_text_that_comes_late_is_found(engine: str) -> None:
    # Libraries guess the type of an object column from its first values.
    texts = np.full(5000, None, dtype=object)
    texts[4567] = "late"

    made = frames.from_arrays({"t": texts}, need(engine))

    assert types_of(made)["t"] == "String"
    assert read(made)["t"][4567] == "late"


@every_engine
def test_what_came_out_goes_back_unchanged(engine: str) -> None:
    made = frames.from_arrays(ARRAYS, need(engine))

    found = frames.collect_arrays(frames.enter(made), list(ARRAYS))

    for name, values in ARRAYS.items():
        assert_array_equal(found[name], values)
    assert found["i32"].dtype == np.int64


@pytest.mark.parametrize("engine", ["polar", "x", None, ["pandas"]])
def test_an_unknown_engine_is_refused_with_the_known_ones(engine: Any) -> None:
    with pytest.raises(InvalidParameterError, match="is not a known engine") as caught:
        frames.from_arrays({"i": np.array([1])}, engine)
    assert "Known: 'duckdb', 'ibis', 'pandas', 'polars'" in str(caught.value)
    assert ("Did you mean 'polars'?" in str(caught.value)) == (engine == "polar")


def test_without_the_library_an_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from userportrait.errors import MissingExtraError

    for module, engine, extra in (
        ("polars", "polars-lazy", "polars"),
        ("duckdb", "duckdb", "duckdb"),
        ("pyarrow", "pyarrow", "parquet"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match=rf'pip install "userportrait\[{extra}\]"'):
            frames.from_arrays({"i": np.array([1])}, engine)  # type: ignore[arg-type]


# --- keys and labels ---------------------------------------------------------------------


@every_flavour
@pytest.mark.parametrize(
    ("kind", "keys"), [("text", ["b", "a", "c"]), ("int64", [5, 2**60 + 1, -1])]
)
def test_a_key_column_goes_back_into_a_frame_as_it_is(
    flavour: str, kind: str, keys: list[Any]
) -> None:
    frame = frames.enter(build(flavour, k=(kind, keys), v=("int64", [3, 1, 2])))

    key, arrays = frames.collect_keyed(frames.sort_rows(frame, ["v"]), "k", ["v"])
    back = frames.from_arrays({"k": key, "w": arrays["v"] * 10}, frame.engine)

    assert list(arrays) == ["v"]
    assert arrays["v"].tolist() == [1, 2, 3]
    assert read(back) == {"k": [keys[1], keys[2], keys[0]], "w": [10, 20, 30]}


@every_flavour
def test_a_key_column_can_be_collected_from_a_lazy_frame(flavour: str) -> None:
    frame = frames.lazily(frames.enter(build(flavour, k=("text", ["b"]), v=("int64", [3]))))

    key, arrays = frames.collect_keyed(frame, "k", ["v"])

    assert list(key) == ["b"]
    assert arrays["v"].tolist() == [3]


@every_engine
def test_labels_are_looked_up_by_position_and_minus_one_is_null(engine: str) -> None:
    codes = np.array([1, -1, 0, 1], dtype=np.int32)

    column = frames.label_column(codes, ["low", "高"], need(engine))
    made = frames.from_arrays({"segment": column, "n": np.arange(4)}, need(engine))

    assert read(made)["segment"] == ["高", None, "low", "高"]
    assert types_of(made)["segment"] == "String"


@every_engine
def test_labels_of_nobody_and_labels_that_are_all_null_are_texts(engine: str) -> None:
    for codes in (np.array([], dtype=np.int32), np.array([-1, -1], dtype=np.int32)):
        column = frames.label_column(codes, ["low"], need(engine))
        made = frames.from_arrays({"segment": column}, need(engine))

        assert read(made)["segment"] == [None] * len(codes)
        assert types_of(made)["segment"] == "String"


def test_a_whole_number_beyond_64_bits_is_named() -> None:
    duckdb = pytest.importorskip("duckdb")
    frame = frames.enter(duckdb.sql("SELECT 1::HUGEINT << 100 AS big, 2 AS small"))

    with pytest.raises(InvalidDataError, match=r"Column 'big' holds a whole number"):
        frames.collect_arrays(frame, ["big", "small"])
