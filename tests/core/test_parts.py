"""Work in parts gives what work on the whole gives, on every engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine, to_pandas
from userportrait._core import frames
from userportrait._core.frames import _parts
from userportrait.errors import ColumnTypeError, InvalidDataError, MissingColumnError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = {
    "customer_id": "text",
    "n": "integer",
    "mean": "number",
    "last": "time",
    "day": "date",
    "big": "boolean",
    "name": "text",
}


def sample() -> pd.DataFrame:
    """Return rows of four customers with nulls in every optional column."""
    return pd.DataFrame(
        {
            "customer_id": ["ann", "bo", "ann", "cid", "bo", "ann", "dee"],
            "at": pd.Series(
                ["2026-01-05", None, "2026-01-06 10:30", "2026-01-07", "2026-01-01", None, None],
                dtype="datetime64[us]",
            ),
            "units": pd.array([1, 2, None, 2**60 + 1, 5, 6, None], dtype="Int64"),
            "price": [1.5, 2.5, np.nan, 4.0, 5.0, 6.0, np.nan],
            "note": ["x", None, "y.z", "你好", "", None, None],
        }
    )


def summarise(part: dict[str, Any]) -> pd.DataFrame:
    """Sum up each customer, with a null in every column of somebody's."""
    rows = frames.to_pandas(frames.enter(part["rows"]))
    groups = rows.groupby("customer_id", sort=False)
    last = groups["at"].max()
    units = pd.array(
        [None if g.isna().all() else int(g.dropna().max()) for _, g in groups["units"]],
        dtype="Int64",
    )
    names = [next((v for v in g if isinstance(v, str)), None) for _, g in groups["note"]]
    n = len(last)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(last.index, dtype=object),
            "n": units,
            "mean": groups["price"].mean().to_numpy(),
            "last": last.to_numpy(),
            "day": last.dt.floor("D").to_numpy(),
            "big": pd.array([None if pd.isna(u) else bool(u > 4) for u in units], dtype="boolean"),
            "name": pd.Series(names, dtype=object) if n else pd.Series([], dtype=object),
            "unasked": 1,
        }
    )


def expected() -> list[tuple[Any, ...]]:
    """Return the result by hand."""
    first = pd.Timestamp("2026-01-06 10:30")
    return [
        ("ann", 6, 3.75, first, pd.Timestamp("2026-01-06"), True, "x"),
        ("bo", 5, 3.75, pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-01"), True, ""),
        ("cid", 2**60 + 1, 4.0, pd.Timestamp("2026-01-07"), pd.Timestamp("2026-01-07"), True,
         "你好"),
        ("dee", None, None, None, None, None, None),
    ]  # fmt: skip


def rows_of(native: Any) -> list[tuple[Any, ...]]:
    """Return the rows of any engine's frame, sorted, None for every missing value."""
    found = frames.to_pandas(frames.enter(native))
    rows = [
        tuple(None if value is None or value is pd.NA or value != value else value for value in row)
        for row in found.astype(object).itertuples(index=False)
    ]
    return sorted(rows, key=lambda row: row[0])


def test_a_function_sees_all_rows_of_a_customer_on_every_engine(engine: str) -> None:
    frame = frames.enter(to_engine(engine, sample()))
    with frames.cut_by_key({"rows": (frame, "customer_id")}) as parts:
        result = parts.map(summarise, SCHEMA)
    assert result.engine == frame.engine
    assert frames.column_names(result) == list(SCHEMA)
    kinds = frames.column_kinds(result)
    assert [kinds[name] for name in ("n", "mean", "last", "big", "name")] == [
        "integer", "number", "time", "boolean", "text",
    ]  # fmt: skip
    assert rows_of(frames.leave(result)) == expected()


@pytest.mark.parametrize("n_parts", [1, 3, 40])
@pytest.mark.parametrize("has_arrow", [True, False])
def test_duckdb_works_through_files_part_by_part(
    n_parts: int, has_arrow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    plain = sample()
    relation = connection.from_df(plain)
    if not has_arrow:
        monkeypatch.setattr("userportrait._core.frames._parts_duckdb.has_arrow", lambda: False)
    frame = frames.enter(relation)
    tables = {"rows": (frame, "customer_id")}
    sizes: list[int] = []

    def counted(part: dict[str, Any]) -> pd.DataFrame:
        sizes.append(len(part["rows"]))
        return summarise(part)

    parts = frames.cut_by_key(tables, n_parts=n_parts, directory=tmp_path)
    assert parts.n_parts == n_parts
    result = frames.leave(parts.map(counted, SCHEMA))
    assert sum(sizes) == 7  # every row once
    assert len(sizes) <= min(n_parts, 4)  # no call for a part without rows
    parts.close()
    assert rows_of(result) == expected()
    # The result is on the caller's own connection, and can be queried further.
    assert result.filter("customer_id = 'bo'").fetchall()[0][1] == 5
    assert connection.sql("SELECT count(*) FROM result").fetchall() == [(4,)]


def test_a_large_relation_is_cut_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb")
    monkeypatch.setattr(_parts, "PARTS_ABOVE", 5)
    frame = frames.enter(to_engine("duckdb", sample()))
    assert frames.is_large(frame)
    parts = frames.cut_by_key({"rows": (frame, "customer_id")}, rows_per_part=2)
    assert parts.n_parts == 4  # 7 rows, 2 in each part
    assert rows_of(frames.leave(parts.map(summarise, SCHEMA))) == expected()
    parts.close()


def count_both(part: dict[str, Any]) -> bytes:
    """Say how many rows of each table each customer has."""
    left = frames.to_pandas(frames.enter(part["left"]))
    right = frames.to_pandas(frames.enter(part["right"]))
    assert list(right.columns) == ["key", "value"]
    keys = sorted({*left["customer_id"], *right["key"]})
    counted = {
        int(key): [int((left["customer_id"] == key).sum()), int((right["key"] == key).sum())]
        for key in keys
    }
    return json.dumps(counted).encode()


@pytest.mark.parametrize("n_parts", [None, 3])
def test_several_tables_are_cut_alike(engine: str, n_parts: int | None) -> None:
    left = to_engine(engine, pd.DataFrame({"customer_id": np.arange(50) % 7, "a.b": 1.0}))
    right = pd.DataFrame({"key": np.array([3, 5, 90], dtype=np.int32), "value": ["x", "y", None]})
    tables = {
        "left": (frames.enter(left), "customer_id"),
        "right": (frames.enter(right), "key"),
    }
    with frames.cut_by_key(tables, n_parts=n_parts) as parts:
        found = [json.loads(text) for text in parts.collect(count_both)]
    merged = {key: value for one in found for key, value in one.items()}
    assert sum(len(one) for one in found) == len(merged) == 8  # no customer in two parts
    assert merged["3"] == [7, 1]
    assert merged["0"] == [8, 0]
    assert merged["90"] == [0, 1]


def test_nulls_in_the_key_stay_together() -> None:
    pytest.importorskip("duckdb")
    frame = frames.enter(
        to_engine("duckdb", pd.DataFrame({"k": ["a", None, "b", None, "c"], "v": range(5)}))
    )
    parts = frames.cut_by_key({"rows": (frame, "k")}, n_parts=8)
    found = parts.collect(
        lambda part: str(frames.to_pandas(frames.enter(part["rows"]))["k"].isna().sum()).encode()
    )
    assert max(found) == b"2"
    parts.close()


def test_wide_types_survive_the_files() -> None:
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql(
        "SELECT 1 AS k, 12345678901234567890::HUGEINT AS huge, 'b'::ENUM('a', 'b') AS choice, "
        "1.10::DECIMAL(10, 2) AS money, TIMESTAMPTZ '2026-01-01 08:00:00+08' AS at"
    )
    with frames.cut_by_key({"rows": (frames.enter(relation), "k")}, n_parts=2) as parts:
        (found,) = parts.collect(
            lambda part: repr(
                [str(value) for value in frames.to_pandas(frames.enter(part["rows"])).iloc[0]]
            ).encode()
        )
    assert found.decode() == repr(
        ["1", "1.2345678901234567e+19", "b", "1.1", "2026-01-01 00:00:00"]
    )


def test_a_result_without_rows_has_its_columns(engine: str) -> None:
    frame = frames.enter(to_engine(engine, sample()))
    nothing = frames.cut_by_key({"rows": (frame, "customer_id")}).map(
        lambda _: pd.DataFrame({"customer_id": pd.Series([], dtype=object), "n": []}),
        {"customer_id": "text", "n": "integer"},
    )
    assert frames.count_rows(nothing) == 0
    assert frames.column_kinds(nothing)["n"] == "integer"


def test_bad_keys_and_results_are_named() -> None:
    pytest.importorskip("duckdb")
    numbers = frames.enter(to_engine("duckdb", pd.DataFrame({"k": [1, 2]})))
    texts = frames.enter(pd.DataFrame({"k": ["a"]}))
    floats = frames.enter(to_engine("duckdb", pd.DataFrame({"k": [1.5]})))
    with pytest.raises(ColumnTypeError, match="whole numbers in all tables, or texts in all"):
        frames.cut_by_key({"a": (numbers, "k"), "b": (texts, "k")})
    with pytest.raises(ColumnTypeError, match="'k' of 'a' must hold whole numbers or texts"):
        frames.cut_by_key({"a": (floats, "k")})
    with pytest.raises(MissingColumnError, match="the key of 'a'"):
        frames.cut_by_key({"a": (numbers, "customer")})
    parts = frames.cut_by_key({"a": (numbers, "k")})
    with pytest.raises(InvalidDataError, match="decimal"):
        parts.map(lambda part: part["a"], {"k": "decimal"})
    with pytest.raises(MissingColumnError, match="'kk' is not a known column"):
        parts.map(lambda part: part["a"], {"kk": "integer"})


@pytest.mark.parametrize("large", [False, True])
def test_batches_are_worked_on_row_by_row(
    engine: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(_parts, "PARTS_ABOVE", 3)
    frame = frames.enter(to_engine(engine, sample()))

    def double(rows: Any) -> pd.DataFrame:
        found = frames.to_pandas(frames.enter(rows))
        return pd.DataFrame({"customer_id": found["customer_id"], "twice": found["price"] * 2})

    result = frames.map_batches(frame, double, {"customer_id": "text", "twice": "number"})
    found = to_pandas(frames.leave(result))
    assert sorted(found["customer_id"]) == sorted(sample()["customer_id"])
    assert found["twice"].sum() == 2 * 19.0  # 1.5 + 2.5 + 4 + 5 + 6
    pieces = frames.collect_batches(frame, lambda rows: str(len(rows)).encode())
    assert sum(int(piece) for piece in pieces) == 7
    if engine == "duckdb" and large:
        assert len(pieces) == 3  # 7 rows, 3 at a time


def test_loose_keys_do_not_part_what_cleaning_unites() -> None:
    duckdb = pytest.importorskip("duckdb")
    texts = ["17850", " 17850", "17850.0", "17850\u200b", "\ufeff17850.00", "17850\u00a0", "a b.c"]
    frame = frames.enter(duckdb.from_df(pd.DataFrame({"id": [*texts, None]})))
    keyed = frames.with_loose_key(frame, "id", "key")
    found = frames.collect_arrays(keyed, ["key"])["key"].tolist()
    assert found == ["17850"] * 6 + ["ab", None]
    floats = frames.enter(duckdb.sql("SELECT unnest([17850.0, 12346.0, NULL, 'nan'::DOUBLE]) AS i"))
    keyed = frames.with_loose_key(floats, "i", "key")
    assert frames.column_kinds(keyed)["key"] == "integer"
    known = frames.collect_arrays(keyed, ["key"])["key"]
    assert [None if pd.isna(v) else int(v) for v in known] == [17850, 12346, None, None]
    plain = frames.with_loose_key(frames.enter(pd.DataFrame({"id": texts})), "id", "key")
    assert frames.collect_arrays(plain, ["key"])["key"].tolist() == [0] * 7


def test_a_part_s_error_is_raised_as_it_is() -> None:
    pytest.importorskip("duckdb")
    frame = frames.enter(to_engine("duckdb", sample()))

    def fail(_: dict[str, Any]) -> bytes:
        message = "this part is broken"
        raise InvalidDataError(message, column="price", n_rows=3)

    with (
        frames.cut_by_key({"rows": (frame, "customer_id")}, n_parts=2) as parts,
        pytest.raises(InvalidDataError, match="this part is broken"),
    ):
        parts.collect(fail)


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
@pytest.mark.parametrize("name", ["made", "rows", "userportrait_rows"])
def test_a_table_of_the_user_never_stands_for_a_result(name: str, kind: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE lines AS SELECT 'ann' AS customer_id, 1::BIGINT AS n")
    connection.execute(f"CREATE {kind} {name} AS SELECT 'WRONG' AS customer_id, 99::BIGINT AS n")
    frame = frames.enter(connection.table("lines"))
    same = frames.map_batches(frame, lambda rows: rows, {"customer_id": "text", "n": "integer"})
    assert frames.leave(same).fetchall() == [("ann", 1)]
    made = {"customer_id": np.array(["bo"], dtype=object), "n": np.array([2])}
    assert frames.from_arrays(made, "duckdb", like=frame).fetchall() == [("bo", 2)]
