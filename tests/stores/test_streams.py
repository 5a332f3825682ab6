"""Streams without Spark: batches counted once, restarts, late rows, wrong clocks, failures."""

from __future__ import annotations

import logging
import pickle
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta, timezone
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import require_engine, to_engine
from userportrait.data import Events, Orders, make_shop
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    StoreError,
    StoreLockedError,
)
from userportrait.features import BehaviourSummary, CustomerSummary, PreferenceSummary
from userportrait.stores import (
    DirectoryStateStore,
    MemoryEventStore,
    MemoryStateStore,
    foreach_batch,
)

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.typing import Mergeable

NOW = datetime(2026, 3, 1, 12)


def lines(first: int = 0, n: int = 4, *, day: str = "2026-01-05", **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i % 5}" for i in range(first, first + n)],
            "order_id": np.arange(first, first + n),
            "ordered_at": pd.date_range(day, periods=n, freq="h"),
            "amount": [1.25 * (i + 1) for i in range(first, first + n)],
        }
    )
    return frame.assign(**columns)


def stream_of(store: Any, **options: Any) -> Any:
    given = {"name": "orders", "clock": lambda: NOW, **options}
    return foreach_batch(CustomerSummary(), store, **given)


def folded(*frames: pd.DataFrame) -> pd.DataFrame:
    return CustomerSummary().update(pd.concat(frames)).finalize()


def expect_same(stream: Any, *frames: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(stream.state().finalize(), folded(*frames))
    assert stream.n_rows == sum(map(len, frames))


class Failing(MutableMapping[str, bytes]):
    """A mapping whose writes fail when told to, before or after they are done."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.fail = ""

    def __getitem__(self, key: str) -> bytes:
        return self.kept[key]

    def __setitem__(self, key: str, value: bytes) -> None:
        if self.fail == "before":
            raise OSError("the service is down")
        self.kept[key] = value
        if self.fail == "after":
            raise OSError("the answer was lost")

    def __delitem__(self, key: str) -> None:
        if self.fail == "delete":
            raise OSError("the service is down")
        del self.kept[key]

    def __iter__(self) -> Any:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)


# --- each batch once ---------------------------------------------------------------------


@pytest.mark.parametrize("merge_every", [1, 2, 3, 20])
def test_batches_give_what_all_rows_give_at_once(merge_every: int) -> None:
    kept: dict[str, bytes] = {}
    stream = stream_of(kept, merge_every=merge_every)
    parts = [lines(5 * i, 5) for i in range(7)]
    for i, part in enumerate(parts):
        stream(part, i)
    expect_same(stream, *parts)
    assert (stream.n_batches, stream.n_set_aside) == (7, 0)
    assert sorted(stream.state().batch_ids) == [f"orders/{i}" for i in range(7)]
    assert len(kept) == 7 % merge_every + (merge_every <= 7)
    expect_same(stream_of(kept), *parts)


def test_a_repeated_batch_is_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    stream = stream_of({})
    stream(lines(0), 0)
    with caplog.at_level(logging.INFO, "userportrait.streams"):
        stream(lines(0), 0)
        stream(lines(50), 0)
    assert caplog.messages == ["orders: batch orders/0 is counted already; skipped."] * 2
    expect_same(stream, lines(0))


@pytest.mark.parametrize("merge_every", [1, 3, 20])
def test_a_restart_goes_on_where_the_stream_stopped(merge_every: int, tmp_path: Path) -> None:
    parts = [lines(5 * i, 5) for i in range(8)]
    for i, part in enumerate(parts):  # a new process for every batch, which sees one twice
        stream = stream_of(DirectoryStateStore(tmp_path / "states"), merge_every=merge_every)
        stream(parts[max(i - 1, 0)], max(i - 1, 0))
        stream(part, i)
        stream(part, i)
    expect_same(stream_of(DirectoryStateStore(tmp_path / "states")), *parts)


def test_late_rows_count_like_all_others() -> None:
    stream = stream_of({})
    parts = [lines(0, day="2026-02-01"), lines(4, day="2026-02-02"), lines(8, day="2020-01-01")]
    for i, part in enumerate(parts):
        stream(part, i)
    expect_same(stream, *parts)
    assert stream.state().finalize("2021-01-01")["n_orders"].sum() == 4


def test_a_batch_without_rows_is_a_batch() -> None:
    stream = stream_of({}, merge_every=2)
    for i, part in enumerate([lines(0)[:0], lines(0), lines(0)[:0], lines(4)]):
        stream(part, i)
    expect_same(stream, lines(0), lines(4))
    assert stream.n_batches == 4


def test_batches_may_have_names_of_yours() -> None:
    stream = stream_of({})
    for name in ("2026-01-05.csv", "7", 8):
        stream(lines(int(str(name)[0]) * 10), name)
    assert sorted(stream.state().batch_ids) == ["orders/2026-01-05.csv", "orders/7", "orders/8"]
    for bad in (-1, "", None, 1.5, True):
        with pytest.raises(InvalidParameterError, match="a whole number from 0, or a text"):
            stream(lines(), bad)
    assert stream.n_batches == 3


def test_two_streams_in_one_store_do_not_meet() -> None:
    kept: dict[str, bytes] = {"other": b"left alone"}
    web, shop = stream_of(kept, name="web"), stream_of(kept, name="shop")
    web(lines(0), 0)
    shop(lines(10), 0)
    expect_same(web, lines(0))
    expect_same(shop, lines(10))
    both = web.state().merge(shop.state())
    pd.testing.assert_frame_equal(both.finalize(), folded(lines(0), lines(10)))
    assert kept["other"] == b"left alone"


def test_several_states_get_the_same_batches_in_one_write() -> None:
    def two() -> dict[str, Mergeable]:
        return {"cents": CustomerSummary(), "mills": CustomerSummary(minor_digits=3)}

    kept: dict[str, bytes] = {}
    stream = foreach_batch(two(), kept, name="orders")
    parts = [lines(0), lines(4)]
    for i, part in enumerate(parts):
        stream(part, i)
        assert len(kept) == i + 1
    found = foreach_batch(two(), kept, name="orders").state()
    assert list(found) == ["cents", "mills"]
    for state in found.values():
        pd.testing.assert_frame_equal(state.finalize(), folded(*parts))
    assert found["mills"].minor_digits == 3


@pytest.mark.parametrize("engine", ["pandas-pyarrow", "polars", "polars-lazy", "pyarrow", "duckdb"])
def test_batches_of_any_engine_count_alike(engine: str) -> None:
    require_engine(engine)
    stream = stream_of({})
    ahead = lines(4, day="2026-03-02 10:00")
    for i, part in enumerate([lines(0), ahead]):
        stream(to_engine(engine, part), i)
    expect_same(stream, lines(0), ahead[:3])
    assert stream.n_set_aside == 1


def test_a_batch_may_be_converted_first() -> None:
    raw = (
        lines(0)
        .rename(columns={"customer_id": "who"})
        .assign(ordered_at=lambda frame: frame["ordered_at"].astype(str))
    )

    def convert(batch: pd.DataFrame) -> Orders:
        named = batch.rename(columns={"who": "customer_id"})
        return Orders(named.assign(ordered_at=pd.to_datetime(named["ordered_at"])))

    stream = stream_of({}, convert=convert)
    stream(raw, 0)
    expect_same(stream, lines(0))


def test_a_state_of_the_sample_shop_is_the_same_in_any_order_of_batches() -> None:
    orders = make_shop(80, random_state=0).orders.to_pandas()
    wanted = CustomerSummary().update(orders)
    rng = np.random.default_rng(0)
    parts = np.array_split(rng.permutation(len(orders)), 9)
    stream = stream_of(MemoryStateStore(), clock=None, merge_every=4)
    for i, part in enumerate(parts):
        stream(orders.iloc[part], i)
    pd.testing.assert_frame_equal(stream.state().finalize(), wanted.finalize())


def test_several_states_of_behaviour_go_on_after_a_restart_at_every_batch() -> None:
    events = make_shop(60, random_state=1).events.to_pandas()
    kept: dict[str, bytes] = {}

    def made() -> Any:
        states = {"behaviour": BehaviourSummary(), "interests": PreferenceSummary()}
        return foreach_batch(states, kept, name="clicks", merge_every=3)

    for i in range(5):
        made()(events.iloc[i::5], i)
    found = made().state()
    for state in (BehaviourSummary(), PreferenceSummary()):
        wanted: Any = state.update(events)
        key = "behaviour" if isinstance(state, BehaviourSummary) else "interests"
        pd.testing.assert_frame_equal(found[key].finalize(), wanted.finalize())


# --- clocks ------------------------------------------------------------------------------


def test_rows_of_a_wrong_clock_are_set_aside_counted_logged_and_handed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handed: list[tuple[pd.DataFrame, str]] = []
    kept: dict[str, bytes] = {}
    stream = stream_of(kept, set_aside=lambda frame, name: handed.append((frame, name)))
    batch = lines(0, 6).assign(
        ordered_at=[
            NOW,
            NOW + timedelta(days=1),
            NOW + timedelta(days=1, microseconds=1),
            NOW - timedelta(days=900),
            datetime(2099, 1, 1),
            NOW,
        ]
    )
    with caplog.at_level(logging.WARNING, "userportrait.streams"):
        stream(batch, 0)
        stream(batch, 0)
    expect_same(stream, batch.iloc[[0, 1, 3, 5]])
    assert stream.n_set_aside == 2
    assert stream_of(kept).n_set_aside == 2
    ((frame, name),) = handed
    assert name == "orders/0"
    pd.testing.assert_frame_equal(
        frame, batch.iloc[[2, 4]].reset_index(drop=True), check_dtype=False
    )
    (message,) = caplog.messages
    assert message == (
        "stream 'orders': 2 rows of batch orders/0 set aside: later than 2026-03-02T12:00:00, the "
        "clock plus 1 days (newest: 2099-01-01T00:00:00)."
    )


def test_a_batch_of_which_all_is_set_aside_is_a_batch() -> None:
    stream = stream_of({})
    stream(lines(0, day="2030-01-01"), 0)
    stream(lines(0, day="2030-01-01"), 0)
    assert (stream.n_batches, stream.n_rows, stream.n_set_aside) == (1, 0, 4)
    stream(lines(4), 1)
    expect_same(stream, lines(4))


def test_the_limit_and_the_column_of_times_can_be_chosen() -> None:
    ahead = lines(0, day="2026-03-20")
    for options, n_rows in (
        ({"max_ahead_days": 30}, 4),
        ({"max_ahead_days": 18.5}, 1),
        ({"max_ahead_days": 0}, 0),
        ({"max_ahead_days": None}, 4),
        ({"time_column": "seen_at"}, 4),
    ):
        stream = stream_of({}, **options)
        stream(ahead.assign(seen_at=pd.Timestamp("2026-02-01")), 0)
        assert stream.n_rows == n_rows, options


def test_a_clock_may_have_a_zone_and_so_may_the_times() -> None:
    east = timezone(timedelta(hours=8))
    local = lines(0, 3).assign(
        ordered_at=pd.to_datetime(
            ["2026-03-02 19:59:59", "2026-03-02 20:00:00", "2026-03-02 20:00:01"]
        ).tz_localize("Asia/Shanghai")
    )
    stream = stream_of({}, clock=lambda: NOW.replace(tzinfo=UTC).astimezone(east))
    stream(local, 0)
    assert (stream.n_rows, stream.n_set_aside) == (2, 1)


def test_the_clock_of_the_machine_is_used_by_default() -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    batch = lines(0, 2).assign(ordered_at=[now + timedelta(hours=23), now + timedelta(hours=25)])
    stream = stream_of({}, clock=None)
    stream(batch, 0)
    assert (stream.n_rows, stream.n_set_aside) == (1, 1)


def test_without_times_the_clock_cannot_be_checked() -> None:
    stream = stream_of({})
    with pytest.raises(InvalidParameterError, match=r"none of ordered_at, .*max_ahead_days=None"):
        stream(lines(0).rename(columns={"ordered_at": "at"}), 0)
    with pytest.raises(InvalidParameterError, match="the batch has no 'seen_at'"):
        stream_of({}, time_column="seen_at")(lines(0), 0)
    with pytest.raises(ColumnTypeError, match=r"'ordered_at' must hold times; it holds texts"):
        stream(lines(0).assign(ordered_at="2026-01-05"), 0)
    missing = lines(0, day="2030-01-01").assign(ordered_at=[pd.NaT, *[datetime(2030, 1, 1)] * 3])
    with pytest.raises(InvalidDataError, match="1 value of 'ordered_at' missing"):
        stream(missing, 0)
    assert stream.n_batches == 0


# --- what goes wrong ---------------------------------------------------------------------


def test_a_column_that_changes_its_type_is_refused_before_the_state_is_touched() -> None:
    kept: dict[str, bytes] = {}
    stream = stream_of(kept)
    stream(lines(0, channel="web", note=[None] * 4), 0)
    before = dict(kept)
    cases = [
        (lines(4, channel="web", note="x", amount="1.5"), "'amount' held numbers", "amount"),
        (lines(4, channel=5, note="x"), "'channel' held texts .* holds numbers", "channel"),
        (lines(4, channel=True, note="x"), "'channel' held texts .* holds true and", "channel"),
        (lines(4), r"lacks 'channel', which earlier batches had \(texts\)", "channel"),
    ]
    for again in (stream, stream_of(kept)):  # also after a restart
        for batch, words, column in cases:
            with pytest.raises(InvalidDataError, match=words) as caught:
                again(batch, 1)
            assert caught.value.column == column
    assert kept == before
    good = [
        lines(4, channel=[None] * 4),
        lines(8, channel=[np.nan] * 4, amount=[1, 2, 3, 4]),
        lines(12, channel="web", note="now a text", device="phone"),
    ]
    for i, batch in enumerate(good):
        stream(batch, i + 1)
    with pytest.raises(InvalidDataError, match="'note' held texts"):
        stream(lines(16, channel="web", note=1.5, device="phone"), 4)
    assert stream.n_batches == 4


def test_a_batch_that_the_state_refuses_leaves_everything_as_it_was() -> None:
    kept: dict[str, bytes] = {}
    stream = stream_of(kept)
    stream(lines(0), 0)
    before = dict(kept)
    for batch, error in (
        (lines(4).assign(customer_id=[1, 2, 3, 4]), InvalidDataError),
        (lines(4).drop(columns="customer_id"), InvalidDataError),
        (lines(4).assign(amount=np.inf), InvalidDataError),
    ):
        with pytest.raises(error):
            stream(batch, 1)
    assert kept == before
    stream(lines(4), 1)
    expect_same(stream, lines(0), lines(4))
    with pytest.raises(MissingColumnError, match="'amount' is not a known column"):
        stream_of({})(lines(0).drop(columns="amount"), 0)


def test_if_one_of_several_states_refuses_a_batch_none_has_it() -> None:
    class Picky(CustomerSummary):
        def update(self, batch: Any, *, batch_id: str | None = None) -> Picky:
            if len(batch) > 4:
                raise LookupError("too many")
            return super().update(batch, batch_id=batch_id)

    kept: dict[str, bytes] = {}
    stream = foreach_batch({"a": CustomerSummary(), "b": Picky()}, kept, name="orders")
    stream(lines(0), 0)
    before = dict(kept)
    with pytest.raises(LookupError):
        stream(lines(4, 5), 1)
    assert kept == before
    stream(lines(4, 4), 1)
    for state in stream.state().values():
        pd.testing.assert_frame_equal(state.finalize(), folded(lines(0), lines(4)))


def test_a_conversion_that_fails_leaves_everything_as_it_was() -> None:
    stream = stream_of({}, convert=lambda batch: batch["no such column"])
    with pytest.raises(KeyError):
        stream(lines(0), 0)
    assert stream.n_batches == 0


@pytest.mark.parametrize("fail", ["before", "after", "delete"])
@pytest.mark.parametrize("merge_every", [1, 2, 20])
def test_a_store_that_fails_at_any_moment_loses_nothing_and_counts_nothing_twice(
    fail: str, merge_every: int
) -> None:
    kept = Failing()
    stream = stream_of(kept, merge_every=merge_every)
    parts = [lines(5 * i, 5) for i in range(6)]
    for i, part in enumerate(parts):
        kept.fail = fail if i % 2 else ""
        try:
            stream(part, i)
        except OSError:
            kept.fail = ""
            stream(part, i)  # as Spark does after a restart
    kept.fail = ""
    expect_same(stream, *parts)
    expect_same(stream_of(kept), *parts)


def test_a_process_killed_between_any_two_writes_loses_nothing() -> None:
    moments: list[dict[str, bytes]] = []

    class Recording(dict[str, bytes]):
        def __setitem__(self, key: str, value: bytes) -> None:
            super().__setitem__(key, value)
            moments.append(dict(self))

        def __delitem__(self, key: str) -> None:
            super().__delitem__(key)
            moments.append(dict(self))

    kept = Recording()
    parts = [lines(5 * i, 5) for i in range(7)]
    stream = stream_of(kept, merge_every=3)
    for i, part in enumerate(parts):
        stream(part, i)
    assert len(moments) == 7 + 2 + 6
    for moment in moments:
        left = dict(moment)
        stream = stream_of(left, merge_every=3)
        n_before = stream.n_batches
        assert stream.n_rows == 5 * n_before
        for i, part in enumerate(parts):
            stream(part, i)
        expect_same(stream, *parts)
        assert len(left) <= 3  # what was merged, and at most two parts since


def test_a_second_writer_is_noticed() -> None:
    kept: dict[str, bytes] = {}
    one, two = stream_of(kept), stream_of(kept)
    one(lines(0), 0)
    two(lines(4), 1)
    with pytest.raises(StoreError, match="something else writes the stream 'orders'"):
        one(lines(8), 2)
    one(lines(8), 2)  # the store was read again
    expect_same(one, lines(0), lines(4), lines(8))


def test_a_second_writer_is_noticed_after_a_merge_too() -> None:
    kept: dict[str, bytes] = {}
    one, two = stream_of(kept), stream_of(kept, merge_every=2)
    one(lines(0), 0)
    two(lines(4), 1)  # merges: the part that the first one would write next is gone again
    assert list(kept) == ["orders"]
    with pytest.raises(StoreError, match="something else writes the stream 'orders'"):
        one(lines(8), 2)
    one(lines(8), 2)
    for found in (one, stream_of(kept)):
        expect_same(found, lines(0), lines(4), lines(8))


def test_a_part_that_another_writer_replaced_is_noticed() -> None:
    kept: dict[str, bytes] = {}
    one, two = stream_of(kept), stream_of({})
    one(lines(0), 0)
    two(lines(4), 1)
    kept["orders#1"] = two.store.read_state("orders#1")  # what a race without a lock leaves
    one(lines(0), 0)  # known: nothing is written
    with pytest.raises(StoreError, match="something else"):
        one(lines(8), 2)
    expect_same(one, lines(4))


def test_a_store_that_was_emptied_is_noticed() -> None:
    kept: dict[str, bytes] = {}
    stream = stream_of(kept)
    stream(lines(0), 0)
    kept.clear()
    with pytest.raises(StoreError, match="something else"):
        stream(lines(4), 1)
    stream(lines(4), 1)
    for found in (stream, stream_of(kept)):
        expect_same(found, lines(4))


@pytest.mark.parametrize("kind", ["directory", "memory"])
def test_writers_at_the_same_time_lose_nothing(kind: str, tmp_path: Path) -> None:
    memory = MemoryStateStore()
    done: list[pd.DataFrame] = []
    problems: list[Exception] = []

    def store() -> Any:
        return memory if kind == "memory" else DirectoryStateStore(tmp_path / "states")

    def work(first: int) -> None:
        try:
            stream = stream_of(store(), merge_every=4)
            for i in range(first, first + 8):
                part = lines(5 * i, 5)
                for _ in range(200):
                    try:
                        stream(part, i)
                    except StoreError:
                        continue
                    done.append(part)
                    break
        except Exception as error:
            problems.append(error)

    threads = [Thread(target=work, args=(first,), daemon=True) for first in (0, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not problems
    assert len(done) == 16
    done.sort(key=lambda part: int(part["order_id"].iloc[0]))
    expect_same(stream_of(store()), *done)


def test_a_writer_waits_for_the_lock_of_its_stream(tmp_path: Path) -> None:
    store = DirectoryStateStore(tmp_path / "states", timeout=0)
    with store.lock_state("orders"):
        with pytest.raises(StoreLockedError):
            stream_of(store)(lines(0), 0)
        with pytest.raises(StoreLockedError):
            stream_of(store).forget(["c1"])
        stream_of(store, name="others")(lines(0), 0)
        assert stream_of(store).n_batches == 0
    stream_of(store)(lines(0), 0)
    expect_same(stream_of(store), lines(0))


def test_a_memory_store_with_a_lock_in_use_can_be_pickled() -> None:
    store = MemoryStateStore()
    stream_of(store)(lines(0), 0)
    with store.lock_state("orders"):
        expect_same(stream_of(pickle.loads(pickle.dumps(store))), lines(0))


def test_a_reader_sees_what_a_writer_folds_when_it_reads_again() -> None:
    kept: dict[str, bytes] = {}
    writer, reader = stream_of(kept, merge_every=2), stream_of(kept)
    parts = [lines(5 * i, 5) for i in range(5)]
    for i, part in enumerate(parts):
        writer(part, i)
        reader.refresh()
        expect_same(reader, *parts[: i + 1])


def test_bytes_that_are_not_a_stream_are_refused() -> None:
    kept: dict[str, bytes] = {}
    stream_of(kept)(lines(0), 0)
    ((key, payload),) = kept.items()
    for bad in (b"", b"text", payload[:-1], payload[:50] + b"x" + payload[51:]):
        with pytest.raises(InvalidDataError, match="is not that of a stream, or it is damaged"):
            stream_of({key: bad}).state()
    later = bytearray(payload)
    later[8:12] = (2).to_bytes(4, "little")
    later[4:8] = __import__("zlib").crc32(bytes(later[8:])).to_bytes(4, "little")
    with pytest.raises(InvalidDataError, match="newer userportrait"):
        stream_of({key: bytes(later)}).state()


def test_other_states_under_the_same_name_are_refused() -> None:
    kept: dict[str, bytes] = {}
    stream_of(kept)(lines(0), 0)
    other = foreach_batch({"summary": CustomerSummary()}, kept, name="orders")
    with pytest.raises(InvalidDataError, match=r"other states \(state: CustomerSummary\) than"):
        other.state()


@pytest.mark.parametrize("merge_every", [1, 2, 20])
def test_a_restart_with_other_settings_is_refused_before_anything_is_written(
    merge_every: int,
) -> None:
    events = lines(0).rename(columns={"ordered_at": "occurred_at"}).assign(event="view")
    kept: dict[str, bytes] = {}

    def made(minutes: int) -> Any:
        state = BehaviourSummary(session_gap_minutes=minutes)
        return foreach_batch(state, kept, name="clicks", merge_every=merge_every)

    made(30)(events, 0)
    before = dict(kept)
    for _ in range(2):
        with pytest.raises(InvalidDataError, match="'clicks' in the store has other settings"):
            made(10)(events, 1)
        with pytest.raises(InvalidDataError, match="other settings"):
            made(10).forget(["c1"])
        with pytest.raises(InvalidDataError, match="other settings"):
            made(10).state()
    assert kept == before
    made(30)(events, 1)
    assert made(30).n_rows == 8


@pytest.mark.parametrize("moment", ["fold", "state"])
def test_a_merge_that_fails_half_way_is_done_again_as_a_whole(moment: str) -> None:
    left = [0]

    class Failed(CustomerSummary):
        def merge(self, other: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise MemoryError("no room")
            return super().merge(other)

    kept: dict[str, bytes] = {}
    stream = foreach_batch(Failed(), kept, name="orders", merge_every=3)
    parts = [lines(5 * i, 5) for i in range(3)]
    stream(parts[0], 0)
    stream(parts[1], 1)
    left[0] = 2
    with pytest.raises(MemoryError):
        stream(parts[2], 2) if moment == "fold" else stream.state()
    left[0] = 0
    if moment == "fold":
        expect_same(stream, *parts)
    stream(parts[2], 2)
    expect_same(stream, *parts)


# --- positions ---------------------------------------------------------------------------


def test_positions_of_a_source_are_kept_with_the_state() -> None:
    kept: dict[str, bytes] = {}
    stream = stream_of(kept, merge_every=2)
    assert stream.position("orders/0") == -1
    stream.add(lines(0), source="orders/0", first=10, last=13)
    stream.add(lines(4), source="orders/1", first=0, last=3)
    stream.add(lines(8), source="orders/0", first=20, last=25)
    again = stream_of(kept)
    assert [again.position(f"orders/{i}") for i in range(3)] == [25, 3, -1]
    again.add(lines(8), source="orders/0", first=20, last=25)
    again.add(lines(0), source="orders/0", first=10, last=13)
    expect_same(again, lines(0), lines(4), lines(8))
    assert sorted(again.state().batch_ids) == [
        "orders/orders/0/0",
        "orders/orders/0/1",
        "orders/orders/1/0",
    ]


def test_rows_of_which_a_part_is_counted_are_refused() -> None:
    stream = stream_of({})
    stream.add(lines(0), source="p", first=0, last=3)
    for first, last in ((2, 5), (0, 4), (9, 8)):
        with pytest.raises(InvalidDataError, match=r"p is counted up to 3; got \d to \d"):
            stream.add(lines(2), source="p", first=first, last=last)
    with pytest.raises(InvalidParameterError, match=r"3 problems.\n- source.*\n- first.*\n- last"):
        stream.add(lines(2), source=1, first=-1, last=0.5)
    expect_same(stream, lines(0))


# --- erasure, parameters, looks ----------------------------------------------------------


@pytest.mark.parametrize("merge_every", [1, 20])
def test_forgotten_customers_are_in_no_bytes(merge_every: int) -> None:
    kept: dict[str, bytes] = {}
    stream = stream_of(kept, merge_every=merge_every)
    assert stream.forget(["c1"]) == 0
    parts = [lines(5 * i, 5) for i in range(3)]
    for i, part in enumerate(parts):
        stream(part, i)
    assert stream.forget(["c1", "nobody", "c3"]) == 2
    assert stream.forget(["c1"]) == 0
    left = pd.concat(parts)
    left = left[~left["customer_id"].isin(["c1", "c3"])]
    for found in (stream, stream_of(kept)):
        pd.testing.assert_frame_equal(found.state().finalize(), folded(left))
    assert list(kept) == ["orders"]
    stream(parts[0], 0)  # a batch that comes again brings nobody back
    stream(lines(15, 5), 3)
    pd.testing.assert_frame_equal(stream.state().finalize(), folded(left, lines(15, 5)))


@pytest.mark.parametrize("n_before", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("merge_every", [1, 2, 3, 20])
def test_another_live_stream_does_not_bring_a_forgotten_customer_back(
    n_before: int, merge_every: int
) -> None:
    kept: dict[str, bytes] = {}
    one = stream_of(kept, merge_every=merge_every)
    two = stream_of(kept, merge_every=merge_every)
    parts = [lines(5 * i, 5) for i in range(8)]
    for i in range(n_before):
        one(parts[i], i)
    one.state()
    assert two.forget(["c1"]) == (n_before > 0)
    without = [part[part["customer_id"] != "c1"] for part in parts]
    for i in range(n_before, 8):  # the writer goes on; nobody need tell it
        one(without[i], i)
    for found in (one, stream_of(kept)):
        expected = folded(*without)
        pd.testing.assert_frame_equal(found.state().finalize(), expected)


@pytest.mark.parametrize("merge_every", [1, 3, 20])
def test_an_erasure_by_a_stream_that_read_long_ago_keeps_what_came_since(merge_every: int) -> None:
    kept: dict[str, bytes] = {}
    one, two, three = (stream_of(kept, merge_every=merge_every) for _ in range(3))
    parts = [lines(5 * i, 5) for i in range(7)]
    assert three.n_batches == 0
    one(parts[0], 0)
    two.state()
    for i in range(1, 7):
        one(parts[i], i)
    left = pd.concat(parts)
    for who, stream in (("c1", two), ("c3", three)):
        assert stream.forget([who]) == 1
        left = left[left["customer_id"] != who]
        for found in (stream, stream_of(kept)):
            pd.testing.assert_frame_equal(found.state().finalize(), folded(left))
            assert found.n_rows == 35
    assert list(kept) == ["orders"]


def test_the_state_returned_is_a_copy() -> None:
    stream = stream_of({})
    stream(lines(0), 0)
    stream.state().update(lines(40))
    stream.state().forget(["c1"])
    expect_same(stream, lines(0))


def test_bad_parameters_are_named_all_at_once() -> None:
    summary: Any = CustomerSummary()
    with pytest.raises(InvalidParameterError, match="foreach_batch: 5 problems"):
        foreach_batch(
            summary, {}, name=1, time_column=2, max_ahead_days=-1, collect_up_to=0, merge_every=0.5
        )  # type: ignore[call-overload]
    for name in ("", "x" * 181, "a#b"):
        with pytest.raises(InvalidParameterError, match="1 to 180 characters and no '#'"):
            foreach_batch(summary, {}, name=name)
    bad: list[tuple[Any, Any, str]] = [
        (CustomerSummary, {}, "got CustomerSummary, a class: call it"),
        ({}, {}, "must not be an empty mapping"),
        ({1: summary, "b": 2}, {}, r"2 problems.\n- the names.*got 1.\n- state must be.*got int"),
        (lines(0), {}, "state must be a mergeable state, or several by name; got DataFrame"),
        (CustomerSummary().update(lines(0), batch_id="a"), {}, "state must be empty"),
        (summary, "folder", "store must be a state store or a mutable mapping; got str"),
        (summary, MemoryEventStore(), "got MemoryEventStore. Give None as state"),
        (None, {}, "without a state, store must be an event store; got dict"),
    ]
    for state, store, words in bad:
        with pytest.raises(InvalidParameterError, match=words):
            foreach_batch(state, store)
    with pytest.raises(InvalidParameterError, match=r"2 problems.\n- convert must.*\n- clock must"):
        foreach_batch(summary, {}, convert=1, clock=NOW)  # type: ignore[call-overload]


def test_streams_can_be_pickled_and_shown() -> None:
    stream = stream_of({}, clock=None)
    assert repr(stream) == "<StateStream 'orders', not read yet>"
    stream(lines(0, 1), 0)
    assert repr(stream) == "<StateStream 'orders': 1 batch, 1 row>"
    stream(lines(1, day="2100-01-01"), 1)
    assert repr(stream) == "<StateStream 'orders': 2 batches, 1 row, 4 set aside>"
    twin = pickle.loads(pickle.dumps(stream))
    pd.testing.assert_frame_equal(twin.state().finalize(), stream.state().finalize())
    assert "<dd>CustomerSummary</dd>" in stream._repr_html_()
    clicks = foreach_batch(None, MemoryEventStore(), name="clicks")
    assert repr(pickle.loads(pickle.dumps(clicks))) == "<EventStream 'clicks': 0 batches, 0 rows>"


# --- event stores ------------------------------------------------------------------------


def clicks(first: int = 0, n: int = 4, *, day: str = "2026-01-05", **columns: Any) -> pd.DataFrame:
    frame = lines(first, n, day=day).rename(columns={"ordered_at": "occurred_at"})
    return frame[["customer_id", "occurred_at"]].assign(event="view", **columns)


def test_batches_are_appended_to_an_event_store_once(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryEventStore()
    stream = foreach_batch(None, store, name="clicks", clock=lambda: NOW)
    parts = [clicks(0), clicks(4, day="2026-03-02 10:00"), clicks(0)[:0]]
    with caplog.at_level(logging.INFO, "userportrait.streams"):
        for i in (0, 1, 1, 2):
            stream(parts[i], i)
    assert store.batch_ids == ["clicks/0", "clicks/1", "clicks/2"]
    assert store.n_events == 7
    assert (stream.n_batches, stream.n_rows, stream.n_set_aside) == (3, 7, 1)
    assert repr(stream) == "<EventStream 'clicks': 3 batches, 7 rows, 1 set aside>"
    assert caplog.messages[-1] == "clicks: batch clicks/1 is appended already; skipped."
    again = foreach_batch(None, store, name="clicks", clock=lambda: NOW)
    again(parts[0], 0)
    assert store.n_events == 7


def test_a_batch_of_which_nothing_is_left_is_remembered_by_the_event_store() -> None:
    store = MemoryEventStore()
    stream = foreach_batch(None, store, name="clicks", clock=lambda: NOW)
    ahead = clicks(0, day="2030-01-01").assign(customer_id=7)
    for i, part in enumerate([ahead, ahead, clicks(0)[:0], clicks(0)[:0]]):
        stream(part, i // 2)
    assert (stream.n_batches, stream.n_rows, stream.n_set_aside) == (2, 0, 4)
    assert store.batch_ids == ["clicks/0", "clicks/1"]
    stream(clicks(0), 2)  # nothing of what was set aside says what a column holds
    assert store.n_events == 4


def test_what_the_event_store_refuses_is_not_counted() -> None:
    store = MemoryEventStore()
    stream = foreach_batch(None, store, name="clicks", convert=lambda frame: Events(frame))
    stream(clicks(0, device="phone"), 0)
    with pytest.raises(InvalidDataError, match="'device' held texts"):
        stream(clicks(4, device=1), 1)
    assert (stream.n_batches, store.n_events) == (1, 4)
    stream(clicks(4), 1)
    assert (stream.n_batches, store.n_events) == (2, 8)


def test_the_events_kept_make_the_state_again() -> None:
    store = MemoryEventStore()
    stream = foreach_batch(None, store, name="lines")
    parts = [
        lines(5 * i, 5).rename(columns={"ordered_at": "occurred_at"}).assign(event="purchase")
        for i in range(3)
    ]
    for i, part in enumerate(parts):
        stream(part, i)
    found = store.read_events().rename(columns={"occurred_at": "ordered_at"})
    pd.testing.assert_frame_equal(
        CustomerSummary().update(found).finalize(), folded(*[lines(5 * i, 5) for i in range(3)])
    )
