"""Events in memory, in Parquet files and in DuckDB: what all three do alike."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import require_engine, to_engine, to_pandas
from userportrait.data import Events, make_shop
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.stores import DuckDBEventStore, MemoryEventStore, ParquetEventStore
from userportrait.testing import check_event_store
from userportrait.typing import EventStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STORES = ("memory", "parquet", "duckdb")


def store_at(kind: str, folder: Path, number: list[int] | None = None) -> Any:
    if kind == "memory":
        return MemoryEventStore()
    number = number if number is not None else [0]
    number[0] += 1
    if kind == "parquet":
        pytest.importorskip("pyarrow")
        return ParquetEventStore(folder / f"events{number[0]}")
    pytest.importorskip("duckdb")
    return DuckDBEventStore(folder / f"events{number[0]}.duckdb")


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    number = [0]
    return lambda: store_at(request.param, tmp_path, number)


@pytest.fixture
def store(make: Callable[[], Any]) -> Any:
    return make()


def events(n: int = 3, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "event": "view",
            "occurred_at": pd.date_range("2026-01-05", periods=n, freq="h"),
        }
    )
    return frame.assign(**columns)


def test_it_keeps_the_promises_of_an_event_store(make: Callable[[], Any]) -> None:
    check_event_store(make)


def test_it_is_an_event_store(store: Any) -> None:
    assert isinstance(store, EventStore)


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("engine", ["pandas-pyarrow", "polars", "polars-lazy", "pyarrow", "duckdb"])
def test_frames_of_any_engine_are_kept_alike(kind: str, engine: str, tmp_path: Path) -> None:
    require_engine(engine)
    frame = events(price=[1.5, np.nan, 2.0], units=[1, 2, 3], opened=[True, False, True])
    plain, given = store_at(kind, tmp_path, [0]), store_at(kind, tmp_path, [1])
    plain.append_events(frame, batch_id="a")
    given.append_events(to_engine(engine, frame), batch_id="a")
    pd.testing.assert_frame_equal(given.read_events(), plain.read_events())


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("engine", ["polars", "polars-lazy", "pyarrow", "duckdb"])
def test_results_come_in_the_library_asked_for(kind: str, engine: Any, tmp_path: Path) -> None:
    require_engine(engine)
    store = store_at(kind, tmp_path)
    frame = events(
        units=pd.Series([1, None, 2**60 + 1], dtype="Int64"), query=[None, "tea", None], price=0.5
    )
    for batch in (None, frame):
        if batch is not None:
            store.append_events(batch, batch_id="a")
        found = to_pandas(store.read_events(engine=engine))
        assert list(found.columns[:3]) == ["customer_id", "event", "occurred_at"]
        assert len(found) == (0 if batch is None else 3)
    assert found["query"].tolist() == [None, "tea", None]
    assert found["price"].tolist() == [0.5] * 3
    assert found["occurred_at"].tolist() == frame["occurred_at"].tolist()


def test_an_unknown_engine_is_refused_with_the_nearest(store: Any) -> None:
    with pytest.raises(InvalidParameterError, match="Did you mean 'polars'"):
        store.read_events(engine="poalrs")


def test_ids_of_items_with_nulls_stay_whole(store: Any) -> None:
    store.append_events(events(item_id=[1.0, np.nan, 3.0]), batch_id="a")
    store.append_events(events(item_id=[4, 5, 6]), batch_id="b")
    found = store.read_events(["c0", "c1"])
    assert str(found["item_id"].dtype) == "Int64"
    assert sorted(found["item_id"].dropna()) == [1, 4, 5]


def test_whole_numbers_and_numbers_meet_where_no_value_changes(store: Any) -> None:
    store.append_events(events(units=[1, 2, 3], price=[0.5, 1.5, 2.5]), batch_id="a")
    store.append_events(events(units=[4.0, np.nan, 6.0], price=[1, 2, 3]), batch_id="b")
    found = store.read_events(["c1"])
    assert found["units"].dropna().tolist() == [2]
    assert sorted(found["price"]) == [1.5, 2.0]
    with pytest.raises(InvalidDataError, match=r"'units' held whole numbers .* holds numbers"):
        store.append_events(events(units=[0.5, 1.0, 2.0]), batch_id="c")
    with pytest.raises(InvalidDataError, match=r"'price' held numbers .* holds whole numbers"):
        store.append_events(events(price=[2**53 + 1, 1, 2]), batch_id="c")
    assert not store.has_batch("c")


def test_what_no_column_can_hold_is_refused_by_name(store: Any) -> None:
    for values, words in (
        ([Decimal("1.5")] * 3, "'x' holds decimal numbers.*float64"),
        ([[1], [2], [3]], "'x' holds values of several types.*Convert or drop it"),
    ):
        with pytest.raises(ColumnTypeError, match=words) as caught:
            store.append_events(events(x=pd.Series(values, dtype=object)), batch_id="a")
        assert caught.value.column == "x"
    assert not store.has_batch("a")


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2**64 - 1, 2], dtype="uint64"),
        pd.Series([None, 2**63, 2], dtype="UInt64"),
        pd.Series([1, -(2**63) - 1, None], dtype=object),
    ],
    ids=["uint64", "UInt64", "object"],
)
def test_whole_numbers_beyond_int64_are_refused_with_their_row(store: Any, values: Any) -> None:
    with pytest.raises(ColumnTypeError, match=r"'x' holds whole numbers outside .* to text") as e:
        store.append_events(events(x=values), batch_id="a")
    assert (e.value.column, e.value.rows) == ("x", (1,))
    assert not store.has_batch("a")
    store.append_events(events(x=np.array([0, 2**63 - 1, 1], dtype="uint64")), batch_id="a")
    assert store.read_events()["x"].tolist() == [0, 2**63 - 1, 1]


def test_half_a_character_is_refused_with_its_row(store: Any) -> None:
    bad = events(query=pd.Series(["tea", "\ud800", None], dtype=object))
    with pytest.raises(InvalidDataError, match="'query' holds half a character") as caught:
        store.append_events(bad, batch_id="a")
    assert caught.value.rows == (1,)
    assert not store.has_batch("a")


def test_an_interval_takes_dates_texts_and_zones(store: Any) -> None:
    store.append_events(events(24), batch_id="a")
    cases: list[tuple[Any, Any, int]] = [
        ("2026-01-05 20:00", None, 4),
        (datetime(2026, 1, 5, 20), datetime(2026, 1, 5, 22), 2),
        (datetime(2026, 1, 5, 20, tzinfo=UTC), date(2026, 1, 6), 4),
        (None, np.datetime64("2026-01-05T02"), 2),
        (pd.Timestamp("2026-01-05 21:00", tz="Europe/Berlin"), None, 4),
        (date(2026, 1, 6), date(2026, 1, 5), 0),
    ]
    for since, until, n in cases:
        assert len(store.read_events(since=since, until=until)) == n
    with pytest.raises(InvalidParameterError, match="since must be a date or time"):
        store.read_events(since="yesterday")


def test_one_text_is_no_list_of_customers(store: Any) -> None:
    store.append_events(events(), batch_id="a")
    for method in (store.read_events, store.delete_customers):
        with pytest.raises(InvalidParameterError, match="got one text"):
            method("c0")
    assert len(store.read_events()) == 3


def test_batches_are_listed_and_rows_counted(store: Any) -> None:
    assert store.batch_ids == []
    assert store.n_events == 0
    for name in ("s/0", "s/1", "monday"):
        store.append_events(events(), batch_id=name)
    assert sorted(store.batch_ids) == ["monday", "s/0", "s/1"]
    assert store.n_events == 9
    store.delete_customers(["c0", "c1", "c2"])
    assert sorted(store.batch_ids) == ["monday", "s/0", "s/1"]
    assert store.n_events == 0


def test_events_of_the_sample_shop_come_back_as_the_same_table(store: Any) -> None:
    table = make_shop(60, random_state=0).events
    frame = table.to_pandas().sample(frac=1.0, random_state=0)
    parts = np.array_split(np.arange(len(frame)), 5)
    for i, part in enumerate(parts):
        store.append_events(frame.iloc[part], batch_id=f"part/{i}")
    found = Events(store.read_events()).to_pandas()[list(frame.columns)]
    key = list(frame.columns)
    wanted = to_pandas(frame.sort_values(key))
    found = to_pandas(found.sort_values(key))
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_and_pickles_have_the_events(store: Any, twin: Any) -> None:
    store.append_events(events(), batch_id="a")
    other = twin(store)
    assert len(other.read_events()) == 3
    assert other.has_batch("a")
    assert other.append_events(events(), batch_id="a") == 0


def test_it_is_shown_without_customers(store: Any) -> None:
    assert "with 0 events in 0 batches>" in repr(store)
    store.append_events(events(), batch_id="secret")
    for shown in (repr(store), store._repr_html_()):
        assert "c0" not in shown
        assert "secret" not in shown
    assert repr(store).endswith("with 3 events in 1 batch>")
    assert "<dd>3</dd>" in store._repr_html_()
