"""Schemas, capabilities, connections and sinks."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.flavours import build, every_flavour, quiet, read
from userportrait._core import frames
from userportrait.errors import (
    ColumnTypeError,
    MissingColumnError,
    MissingExtraError,
    UnsupportedOnEngine,
)

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 1, 5)


@every_flavour
def test_a_schema_that_fits_passes_and_one_that_does_not_is_named(flavour: str) -> None:
    frame = frames.enter(build(flavour, n=("int32", [1]), t=("text", ["a"]), at=("time", [AT])))

    frames.check_schema(frame, {"n": "integer", "t": ("text", "integer"), "at": "time"})
    frames.check_schema(frame, {})
    with pytest.raises(ColumnTypeError, match=r"^Batch 7: 'n' holds integer, not text\."):
        frames.check_schema(frame, {"n": "text"}, what="Batch 7")
    with pytest.raises(ColumnTypeError, match=r"'t' holds text, not date or time\."):
        frames.check_schema(frame, {"t": {"time", "date"}})
    with pytest.raises(MissingColumnError, match=r"Batch 7 needs it: .*'m'"):
        frames.check_schema(frame, {"m": "integer"}, what="Batch 7")


def test_a_column_of_bare_nulls_fits_every_kind() -> None:
    frame = frames.enter(pd.DataFrame({"c": pd.Series([None, None], dtype=object)}))

    frames.check_schema(frame, {"c": "time"})


def test_every_engine_says_what_it_can_do() -> None:
    for engine in frames.ENGINES:
        able = frames.capabilities(engine)
        assert list(able) == list(frames.CAPABILITIES)
        assert able["every_word"]
    assert [e for e in frames.ENGINES if frames.capabilities(e)["distributed"]] == ["spark"]
    assert [e for e in frames.ENGINES if frames.capabilities(e)["out_of_core"]] == [
        "duckdb",
        "spark",
        "ibis",
    ]


def test_what_an_engine_cannot_do_is_refused_with_the_remedy() -> None:
    frame = frames.enter(pd.DataFrame({"n": [1]}))

    frames.needs(frame, "row_positions", "Naming rows")
    with pytest.raises(UnsupportedOnEngine) as caught:
        frames.needs(frame, "distributed", "Running on a cluster")
    assert str(caught.value) == (
        "Running on a cluster does not work on pandas. Give a Spark DataFrame."
    )


# --- files -------------------------------------------------------------------------------


@every_flavour
def test_a_frame_is_written_as_a_directory_that_every_library_reads(
    flavour: str, tmp_path: Path
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    columns: dict[str, tuple[str, list[Any]]] = {
        "at": ("time", [AT, None]),
        "odd name.x": ("int64", [2**60 + 1, None]),
        "t": ("text", ["客", None]),
    }
    frame = frames.enter(build(flavour, **columns))

    frames.sink_parquet(frame, tmp_path / "a" / "out")

    assert pq.read_table(tmp_path / "a" / "out").to_pydict() == {
        name: values for name, (_, values) in columns.items()
    }
    with pytest.raises(FileExistsError, match="exists already"):
        frames.sink_parquet(frame, tmp_path / "a" / "out")


def test_pandas_writes_parquet_only_with_pyarrow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match=r"userportrait\[parquet\]"):
        frames.sink_parquet(frames.enter(pd.DataFrame({"n": [1]})), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- connections -------------------------------------------------------------------------


def test_arrays_join_the_connection_of_the_frame_they_belong_to() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        ours = frames.enter(connection.sql("SELECT 1 AS k, 'a' AS t"))
        arrays = {"k": np.array([1, 2]), "w": np.array(["é", None], dtype=object)}

        made = frames.from_arrays(arrays, "duckdb", like=ours)

        assert made.order("k").fetchall() == [(1, "é"), (2, None)]
        joined = frames.join_rows(ours, frames.enter(made), ["k"], "inner")
        assert frames.leave(joined).fetchall() == [(1, "a", "é")]


def test_two_results_on_one_connection_do_not_take_each_others_place() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        ours = frames.enter(connection.sql("SELECT 1 AS k"))
        first, second = (
            frames.from_arrays({"v": np.array([value])}, "duckdb", like=ours) for value in (1, 2)
        )

        assert (first.fetchall(), second.fetchall()) == ([(1,)], [(2,)])


def test_a_connection_that_looks_for_no_python_variables_still_gets_a_result() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.execute("SET python_enable_replacements = false")
        ours = frames.enter(connection.sql("SELECT 1 AS k"))

        made = frames.from_arrays({"v": np.array([1])}, "duckdb", like=ours)

        assert made.fetchall() == [(1,)]


def test_an_ibis_table_comes_back_on_its_own_connection() -> None:
    ibis = pytest.importorskip("ibis")
    pytest.importorskip("pyarrow_hotfix")
    with quiet():
        backend = ibis.duckdb.connect()
        backend.con.execute("CREATE TABLE lines AS SELECT 1 AS k, 2.5 AS x UNION ALL SELECT 2, 3.5")
        table = backend.table("lines")
        memory = ibis.memtable({"k": [1], "w": [7]})
        both = table.join(memory, "k")

        summed = frames.aggregate(frames.enter(both), ["k"], {"w": ("w", "sum")}, rows="n")
        result = frames.leave(summed)

        assert isinstance(result, ibis.Table)
        assert result.get_backend() is backend
        assert result.join(table, "k").to_pyarrow().to_pydict() == {
            "k": [1],
            "w": [7],
            "n": [1],
            "x": [2.5],
        }
        like = frames.enter(table)
        made = frames.from_arrays({"k": np.array([5])}, "ibis", like=like)
        assert read(made) == {"k": [5]}


def test_an_ibis_table_on_another_engine_is_refused_with_the_remedy() -> None:
    ibis = pytest.importorskip("ibis")
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow_hotfix")
    with quiet():
        table = ibis.polars.connect({"t": pd.DataFrame({"k": [1]})}).table("t")

    with pytest.raises(
        UnsupportedOnEngine, match=r"orders= does not work on ibis on polars\. .*to_pyarrow\(\)"
    ):
        frames.enter(table, argument="orders")
    with pytest.raises(UnsupportedOnEngine, match="ibis on no connection"):
        frames.enter(ibis.table({"k": "int64"}, name="t"))


LAZY = """
import sys
import pandas as pd
import userportrait
from userportrait._core import frames
from userportrait.data import Orders

frame = frames.enter(pd.DataFrame({"a": [1]}))
frames.sort_rows(frames.with_row_number(frame, ["a"], ["a"], "n"), ["n"])
loaded = {"pyspark", "ibis", "duckdb", "polars", "py4j", "dask"} & set(sys.modules)
assert not loaded, loaded
try:
    sys.modules["pyspark"] = None
    frames.from_arrays({}, "spark")
except userportrait.errors.MissingExtraError as error:
    assert "userportrait[spark]" in str(error)
else:
    raise AssertionError
"""


def test_no_engine_is_loaded_before_its_frames_come() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True)


def test_without_an_active_session_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setattr(sql.SparkSession, "getActiveSession", lambda: None)

    with pytest.raises(UnsupportedOnEngine, match=r"getOrCreate\(\)"):
        frames.from_arrays({"n": np.array([1])}, "spark")


def test_the_page_of_the_engines_says_what_the_code_says(repository: Path) -> None:
    text = (repository / "docs" / "engines.rst").read_text("utf-8")
    listed = {}
    for engine in frames.ENGINES:
        cells = text.split(f"   * - ``{engine}``\n")[1].splitlines()[:4]
        listed[engine] = [cell.strip("- ") == "yes" for cell in cells]

    columns = ("lazy", "out_of_core", "distributed", "row_positions")
    assert listed == {
        engine: [able[name] for name in columns]  # type: ignore[index]
        for engine, able in ((e, frames.capabilities(e)) for e in frames.ENGINES)
    }


# --- passes over lazy frames -------------------------------------------------------------


def test_a_survey_saves_the_passes_that_would_follow() -> None:
    pl = pytest.importorskip("polars")
    passes: list[int] = []

    def counted(batch: Any) -> Any:
        passes.append(len(batch))
        return batch

    lazy = pl.LazyFrame({"n": [3, 1, None], "k": pl.Series([1, 2, 3], dtype=pl.Int32), "t": "a"})
    frame = frames.enter(lazy.map_batches(counted))

    frames.survey(frame, ["n", "k", "t"])
    later = frames.with_value(frames.with_whole_ids(frame, ["k"]), "more", 1)

    assert frames.count_rows(frame) == frames.count_rows(later) == 3
    assert frames.count_missing(later, ["n", "t", "k"]) == {"n": 1, "t": 0, "k": 0}
    assert frames.spans(later, ["n", "k"]) == {"n": (1, 3), "k": (1, 3)}
    assert len(passes) == 1
    assert frames.extremes(later, "more") == (1, 1)
    assert len(passes) == 2


def test_what_replaces_a_column_is_looked_at_anew() -> None:
    pl = pytest.importorskip("polars")
    frame = frames.enter(pl.LazyFrame({"n": [3, 1, None]}))
    frames.survey(frame, ["n"])

    assert frames.extremes(frames.with_zero_for_missing(frame, ["n"]), "n") == (0, 3)
    assert frames.extremes(frames.with_value(frame, "n", 9), "n") == (9, 9)
    flagged = frames.with_condition(frame, "n", ">", 1, "large")
    assert frames.count_rows(frames.keep_where(flagged, "large")) == 1


def test_a_collection_that_fails_half_way_leaves_nothing_behind() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE lines AS SELECT '7' AS t UNION ALL SELECT 'seven'")
        frame = frames.enter(connection.sql("SELECT CAST(t AS INTEGER) AS n FROM lines"))

        for _ in range(2):
            with pytest.raises(duckdb.Error, match="seven"):
                frames.count_missing(frame, ["n"])
        connection.execute("DELETE FROM lines WHERE t = 'seven'")

        assert frames.count_missing(frame, ["n"]) == {"n": 0}
        assert frames.extremes(frame, "n") == (7, 7)
