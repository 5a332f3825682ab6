from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import to_pandas
from userportrait._core.columns import TextColumn, column_from
from userportrait.errors import (
    CustomerNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    UnknownTagError,
)
from userportrait.tags import FactTag, TagTable
from userportrait.typing import Build

BUILD = Build(
    as_of=datetime(2026, 1, 31),
    versions={"n": 1, "spend": 3, "vip": 1, "city": 1},
    facts={"tags": {"spend": {"values": "number", "ttl_days": 30}}},
)


def make_table(ids: Any = (3, 5, 2**60)) -> TagTable:
    kind = object if isinstance(ids[0], str) else np.int64
    columns = {
        "n": column_from([1, None, 2**53 + 1]),
        "spend": column_from([0.1, -1e300, None]),
        "vip": column_from([True, None, False]),
        "city": column_from(['a"b', "北京", None]),
    }
    return TagTable(np.array(ids, dtype=kind), columns, BUILD)


def test_a_customer_is_found_by_number_and_by_digits() -> None:
    table = make_table()
    assert [table.row_of(i) for i in (3, "5", np.int64(2**60), str(2**60))] == [0, 1, 2, 2]
    strangers: list[Any] = [4, "05", " 5", "x", "", 3.0, True, None, 2**70, -(2**70), "²", "5_0"]
    assert [table.row_of(i) for i in strangers] == [None] * len(strangers)


def test_digits_are_found_where_ids_are_texts() -> None:
    table = make_table(("007", "12", "ann"))
    found = [table.row_of(i) for i in ("007", 12, np.int32(12), "ann", 7, True, None)]
    assert found == [0, 1, 1, 2, None, None, None]


def test_one_customers_tags_are_plain_values_and_none() -> None:
    table = make_table()
    assert table.tags_of(3) == {"n": 1, "spend": 0.1, "vip": True, "city": 'a"b'}
    assert table.tags_of("5") == {"n": None, "spend": -1e300, "vip": None, "city": "北京"}
    with pytest.raises(CustomerNotFoundError, match="among 3 customers"):
        table.tags_of(4)


def test_json_rows_say_what_tags_of_says_without_the_unknown() -> None:
    table = make_table()
    assert list(table.json_rows()) == [
        (3, '{"n":1,"spend":0.1,"vip":true,"city":"a\\"b"}'),
        (5, '{"spend":-1e+300,"city":"北京"}'),
        (2**60, '{"n":9007199254740993,"vip":false}'),
    ]
    for customer_id, text in table.json_rows():
        known = {k: v for k, v in table.tags_of(customer_id).items() if v is not None}
        assert json.loads(text) == known
    assert dict(table.profiles()) == {i: json.loads(text) for i, text in table.json_rows()}


def test_a_table_comes_back_from_its_profiles_in_any_order() -> None:
    table = make_table()
    profiles = [(i, json.loads(text)) for i, text in table.json_rows()]
    found = TagTable.from_profiles(reversed(profiles), BUILD)
    assert found.customer_ids.tolist() == [3, 5, 2**60]
    assert list(found.profiles()) == list(table.profiles())
    for name, column in table.columns.items():
        assert type(found[name]) is type(column)
        assert not isinstance(column, TextColumn) or found[name].labels == column.labels  # type: ignore[union-attr]
        assert found[name].to_list() == column.to_list()


def test_a_tag_that_nobody_has_keeps_its_kind() -> None:
    found = TagTable.from_profiles([("ann", {"n": 1, "left_over": 2})], BUILD)
    assert {name: column.kind for name, column in found.columns.items()} == {
        "n": "number", "spend": "number", "vip": "text", "city": "text",
    }  # fmt: skip
    assert len(TagTable.from_profiles([], BUILD)) == 0
    assert list(TagTable.from_profiles([], BUILD).json_rows()) == []
    assert len(TagTable.from_profiles([], BUILD).coverage()) == 4


def test_profiles_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="customer_ids must be different; 1 repeat"):
        TagTable.from_profiles([(1, {}), (2, {}), (1, {})], BUILD)
    with pytest.raises(InvalidDataError, match="all whole numbers or all texts; found int, str"):
        TagTable.from_profiles([(1, {}), ("1", {})], BUILD)


def test_columns_must_fit_the_customers() -> None:
    with pytest.raises(InvalidDataError, match="must be sorted and different"):
        TagTable(np.array([2, 1]), {}, BUILD)
    with pytest.raises(InvalidDataError, match="tag 'n' has 1 value for 2 customers"):
        TagTable(np.array([1, 2]), {"n": column_from([1])}, BUILD)
    with pytest.raises(UnknownTagError, match="Did you mean 'spend'"):
        _ = make_table()["spent"]
    with pytest.raises(TypeError):
        make_table().columns["x"] = column_from([1])  # type: ignore[index]


def test_each_value_says_when_it_was_true_and_which_version_made_it() -> None:
    found = make_table().evidence(3, "spend")
    assert (found.value, found.version) == (0.1, 3)
    assert found.true_at == datetime(2026, 1, 31)
    assert found.expires_at == datetime(2026, 3, 2)
    assert str(found) == "spend = 0.1 (version 3, true at 2026-01-31 until 2026-03-02)"
    assert make_table().evidence(3, "n").expires_at is None


def test_values_past_their_time_to_live_are_unknown() -> None:
    table = make_table()
    assert table.read_at("2026-03-02")["spend"].to_list() == [0.1, -1e300, None]
    late = table.read_at(datetime(2026, 3, 2, 0, 0, 1))
    assert late["spend"].to_list() == [None] * 3
    assert late["spend"].kind == "number"
    assert late["n"].to_list() == table["n"].to_list()
    with pytest.raises(InvalidParameterError, match="must not be before the build"):
        table.read_at("2026-01-30")


def test_tables_can_be_cut_by_tags_and_by_customers() -> None:
    table = make_table()
    assert table.select(["city", "n"]).build.versions == {"city": 1, "n": 1}
    rest = table.without([0, 2])
    assert rest.customer_ids.tolist() == [5]
    assert rest.tags_of(5) == table.tags_of(5)
    assert len(table.without([])) == 3
    changed = table.with_build(replace(BUILD, facts={"x": 1}))
    assert changed.build.facts == {"x": 1}


@pytest.mark.parametrize("ids", [(3, 5, 2**60), ("a", "b", "ü")])
def test_frames_of_every_engine_hold_the_same(engine: str, ids: Any) -> None:
    if engine == "pandas-pyarrow":
        pytest.skip("not an engine of its own")
    frame = to_pandas(make_table(ids).to_frame(engine=engine))  # type: ignore[arg-type]
    assert list(frame.columns) == ["customer_id", "n", "spend", "vip", "city"]
    for name, column in make_table(ids).columns.items():
        found = [None if pd.isna(v) else v for v in frame[name]]
        assert found == (
            column.to_list()
            if engine == "pandas" or name != "n"
            else pytest.approx(column.to_list())
        )
    assert frame["customer_id"].tolist() == list(ids)


def test_whole_numbers_stay_whole_where_some_are_unknown() -> None:
    frame = make_table().to_frame(["n"])
    assert frame["n"].tolist() == [1, pd.NA, 2**53 + 1]
    polars = pytest.importorskip("polars")
    assert make_table().to_frame(["n"], engine="polars")["n"].to_list() == [1, None, 2**53 + 1]
    assert make_table().to_frame(["n"], engine="polars").schema["n"] == polars.Int64
    pytest.importorskip("pyarrow")
    arrow = make_table().to_frame(["n", "vip"], engine="pyarrow")
    assert arrow.column("n").to_pylist() == [1, None, 2**53 + 1]
    assert arrow.column("vip").to_pylist() == [True, None, False]
    pytest.importorskip("duckdb")
    relation = make_table().to_frame(["n", "vip"], engine="duckdb")
    assert relation.fetchall() == [
        (3, 1, True), (5, None, None), (2**60, 2**53 + 1, False),
    ]  # fmt: skip


def test_an_unknown_engine_or_tag_is_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"engine must be one of 'pandas', .* got 'R'"):
        make_table().to_frame(engine="R")  # type: ignore[arg-type]
    with pytest.raises(UnknownTagError):
        make_table().to_frame(["spent"])


def test_coverage_counts_what_is_known_and_what_is_common() -> None:
    ids = np.arange(5)
    columns = {
        "n": column_from([1, 1, 4, None, None]),
        "vip": column_from([True, False, True, True, None]),
        "city": column_from(["b", "a", "a", "b", "c"]),
        "none": column_from([None] * 5),
    }
    build = Build(as_of=datetime(2026, 1, 31), versions=dict.fromkeys(columns, 1))
    found = TagTable(ids, columns, build).coverage().set_index("tag")
    assert found["n_known"].to_dict() == {"n": 3, "vip": 4, "city": 5, "none": 0}
    assert found["share_known"].to_dict() == {"n": 0.6, "vip": 0.8, "city": 1.0, "none": 0.0}
    assert found["n_distinct"].to_dict() == {"n": 2, "vip": 2, "city": 3, "none": 0}
    assert found["most_frequent"].to_dict() == {"n": 1, "vip": True, "city": "a", "none": None}
    assert found.loc["n", ["mean", "min", "max"]].tolist() == [2.0, 1.0, 4.0]
    assert found.loc["vip", "mean"] == 0.75
    assert found.loc["city", ["mean", "min", "max"]].isna().all()


def test_a_table_says_itself_and_escapes_values() -> None:
    table = make_table()
    assert repr(table) == "<TagTable: 3 customers, 4 tags, as of 2026-01-31 00:00:00 UTC>"
    columns = {"city": column_from(["<script>"])}
    html = TagTable(np.array([1]), columns, BUILD)._repr_html_()
    assert "<script>" not in html
    assert FactTag("spend", "spend").name in table._repr_html_()


values = st.one_of(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4),
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    st.lists(st.none() | st.booleans(), min_size=4, max_size=4),
    st.lists(st.none() | st.text(), min_size=4, max_size=4),
)


@given(st.lists(values, min_size=1, max_size=4))
def test_every_value_survives_the_way_through_json(lists: list[list[Any]]) -> None:
    names = [f"t{i}" for i in range(len(lists))]
    columns = {name: column_from(found) for name, found in zip(names, lists, strict=True)}
    build = Build(as_of=datetime(2026, 1, 31), versions=dict.fromkeys(names, 1))
    table = TagTable(np.arange(4), columns, build)
    for (customer_id, text), (_, profile) in zip(table.json_rows(), table.profiles(), strict=True):
        read = json.loads(text)
        assert read == profile
        assert {k: type(v) for k, v in read.items()} == {k: type(v) for k, v in profile.items()}
        known = {k: v for k, v in table.tags_of(customer_id).items() if v is not None}
        assert repr(read) == repr(known)  # also tells -0.0 from 0.0
