"""Behaviour figures against loops over the events, and the laws of their state."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines import (
    ENGINES,
    installed_engines,
    require_engine,
    to_engine,
    to_pandas,
)
from helpers.event_loops import events_of, loop_over_events
from userportrait.data import Events, make_shop
from userportrait.errors import (
    ColumnTypeError,
    DuplicateBatchError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.features import BehaviourSummary, CustomerSummary, summarise_events
from userportrait.testing import check_mergeable

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = (1, 3, 40)
IN_MEMORY = [name for name in installed_engines() if name in ENGINES]
DAY = 24 * 60

event = st.tuples(
    st.sampled_from(["ann", "bo", "cy", "dö", "戊"]),
    st.sampled_from(["view", "view", "cart", "purchase", "search"]),
    # Whole days, so that exact midnights come often; minutes around them; and any time.
    st.one_of(
        st.integers(0, 9).map(lambda day: day * DAY),
        st.tuples(st.integers(1, 9), st.integers(-45, 45)).map(lambda t: t[0] * DAY + t[1]),
        st.integers(0, 10 * DAY),
    ),
    st.sampled_from(["p1", "p2", "p3", None]),
    st.sampled_from(["mobile", "desktop", None]),
)
logs = st.lists(event, min_size=1, max_size=40)


def same(left: Any, right: Any) -> None:
    pd.testing.assert_frame_equal(to_pandas(left), to_pandas(right), check_exact=True)


def check_against_loops(found: pd.DataFrame, frame: pd.DataFrame, as_of: pd.Timestamp) -> None:
    expected = loop_over_events(frame, as_of, WINDOWS)
    assert found["customer_id"].tolist() == sorted(expected)
    for row in found.to_dict("records"):
        loop = expected[row.pop("customer_id")]
        assert set(row) == set(loop)
        for name, value in loop.items():
            if value is None:
                assert pd.isna(row[name]), name
            elif isinstance(value, float):
                assert row[name] == pytest.approx(value, abs=1e-12), name
            else:
                assert row[name] == value, name


@settings(max_examples=100)
@given(logs, st.data())
def test_every_figure_agrees_with_a_loop_over_the_events(
    rows: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    frame = events_of(rows)
    oldest = frame["occurred_at"].min()
    minutes = data.draw(st.integers(0, 11 * DAY))
    as_of = max(oldest, pd.Timestamp("2026-01-01") + pd.Timedelta(minutes=minutes))
    found = summarise_events(frame, as_of=as_of, windows=WINDOWS)
    check_against_loops(found, frame, as_of)


@settings(max_examples=40)
@given(logs, st.data())
def test_any_split_in_any_order_on_any_engine_gives_the_same_state_bit_for_bit(
    rows: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    whole = BehaviourSummary().update(events_of(rows))
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    bounds = zip([0, *cuts], [*cuts, len(rows)], strict=True)
    parts = [shuffled[a:b] for a, b in bounds if b > a]
    states = [
        BehaviourSummary().update(to_engine(data.draw(st.sampled_from(IN_MEMORY)), events_of(part)))
        for part in parts
    ]
    merged = BehaviourSummary()
    for state in data.draw(st.permutations(states)):
        merged = merged.merge(BehaviourSummary.from_bytes(state.to_bytes()))
    assert merged == whole
    same(merged.finalize(), whole.finalize())
    day = data.draw(st.integers(0, 11))
    as_of = max(
        pd.Timestamp("2026-01-01") + pd.Timedelta(days=day),
        events_of(rows)["occurred_at"].min().ceil("D"),
    )
    found = merged.finalize(as_of, windows=WINDOWS)
    same(found, summarise_events(events_of(shuffled), as_of=as_of, windows=WINDOWS))
    check_against_loops(found, events_of(rows), as_of)


def test_a_summary_worked_out_by_hand_on_every_engine(engine: str) -> None:
    frame = events_of(
        [
            ("ann", "view", 600, "p1", "mobile"),  # Thursday, 10:00
            ("ann", "cart", 630, "p1", "mobile"),  # 30 minutes later: the same session
            ("ann", "view", 661, "p2", "desktop"),  # 31 minutes later: another one
            ("ann", "purchase", DAY + 5, "p1", None),
            ("bo", "search", 2 * DAY + 60, None, "mobile"),
        ]
    )
    found = to_pandas(summarise_events(to_engine(engine, frame), windows=(2,)))
    chosen = ["customer_id", "n_events", "n_view", "n_days", "recency", "recency_cart", "mean_gap",
              "n_sessions", "session_minutes", "preferred_hour", "preferred_weekday",
              "night_share", "n_items", "deepest_step", "funnel_view", "funnel_cart_share",
              "favourite_device", "favourite_device_share", "n_view_2d",
              "n_sessions_2d"]  # fmt: skip
    expected = pd.DataFrame(
        [
            ("ann", 4, 2, 2, 1, 2.0, 1.0, 3, 10.0, 10, 4, 0.25, 2, "purchase", 2, 0.5,
             "mobile", 2 / 3, 0, 1),
            ("bo", 1, 0, 1, 0, np.nan, np.nan, 1, 0.0, 1, 6, 1.0, 0, None, 0, np.nan,
             "mobile", 1.0, 0, 1),
        ],
        columns=chosen,
    )  # fmt: skip
    same(found[chosen], expected)


@pytest.mark.parametrize("name", [*ENGINES, "duckdb-private", "ibis"])
def test_events_of_every_engine_come_back_in_their_library(name: str) -> None:
    require_engine(name)
    frame = events_of([("ann", "view", 600, "p1", "mobile"), ("bo", "view", 700, None, None)])
    given_frame = to_engine(name, frame)
    found = summarise_events(given_frame)
    assert type(found).__module__ == type(given_frame).__module__
    same(found, summarise_events(frame))
    assert BehaviourSummary().update(given_frame) == BehaviourSummary().update(frame)


def test_the_state_keeps_every_promise() -> None:
    frame = make_shop(n_customers=30, random_state=0).events.to_pandas()
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    batches = [
        to_engine(IN_MEMORY[i % len(IN_MEMORY)], shuffled[i::5].reset_index(drop=True))
        for i in range(5)
    ]
    numbers = frame[:5].assign(customer_id=range(5))
    refused = [
        numbers,
        frame[:5].drop(columns="item_id"),
        frame[:5].assign(event="veiw"),
        frame[:0],
    ]
    check_mergeable(BehaviourSummary, batches, as_of="2025-07-01", refused=refused)


def test_cutting_into_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb = pytest.importorskip(require_engine("duckdb"))
    from userportrait._core.frames import _parts

    frame = make_shop(n_customers=40, random_state=0).events.to_pandas()
    relation = to_engine("duckdb", frame)
    whole = summarise_events(frame, as_of="2025-07-01T12:00")
    state = BehaviourSummary().update(frame)
    monkeypatch.setattr(_parts, "PARTS_ABOVE", 1000)
    found = summarise_events(relation, as_of="2025-07-01T12:00")
    assert isinstance(found, duckdb.DuckDBPyRelation)
    same(to_pandas(found).sort_values("customer_id").reset_index(drop=True), whole)
    assert BehaviourSummary().update(relation) == state
    with pytest.raises(InvalidDataError, match="'view' is not a known event"):
        summarise_events(relation, kinds=("cart", "purchase", "search"))


@pytest.mark.spark
def test_spark_gives_the_same_table_and_the_same_state(spark: Any) -> None:
    frame = make_shop(n_customers=40, random_state=0).events.to_pandas()
    table = to_engine("pyarrow", frame)
    distributed = spark.createDataFrame(table)
    found = summarise_events(distributed, as_of="2025-07-01T12:00")
    assert type(found) is type(distributed)
    collected = found.toArrow().to_pandas().sort_values("customer_id").reset_index(drop=True)
    same(collected, summarise_events(frame, as_of="2025-07-01T12:00"))
    assert BehaviourSummary().update(distributed) == BehaviourSummary().update(frame)


# --- against plain pandas --------------------------------------------------------------------


def plain_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """What an analyst would write."""
    frame = frame.sort_values(["customer_id", "occurred_at"])
    day = frame["occurred_at"].dt.normalize()
    today = day.max()
    pause = frame.groupby("customer_id")["occurred_at"].diff()
    frame = frame.assign(
        day=day,
        starts=pause.isna() | (pause > pd.Timedelta(minutes=30)),
        recent=frame["occurred_at"] >= today - pd.Timedelta(days=29),
        item=frame["item_id"].where(frame["item_id"].notna()),
    )
    groups = frame.groupby("customer_id")
    return pd.DataFrame(
        {
            "n_events": groups.size(),
            "n_view": frame[frame["event"] == "view"].groupby("customer_id").size(),
            "n_events_30d": groups["recent"].sum(),
            "n_items": groups["item"].nunique(),
            "n_days": groups["day"].nunique(),
            "n_sessions": groups["starts"].sum(),
            "recency": (today - groups["day"].max()).dt.days,
        }
    ).fillna(0)


def check_against_pandas(frame: pd.DataFrame) -> None:
    found = summarise_events(frame).set_index("customer_id")
    expected = plain_pandas(frame)
    for name in expected.columns:
        assert found[name].tolist() == expected[name].astype(int).tolist(), name


def test_the_sample_shop_agrees_with_plain_pandas() -> None:
    check_against_pandas(make_shop(n_customers=300, random_state=1).events.to_pandas())


def test_retailrocket_agrees_with_plain_pandas_and_has_its_published_counts(
    shared_data: Any,
) -> None:
    path = shared_data / "retailrocket_multibehavior" / "events.parquet"
    pytest.importorskip("pyarrow")
    if not path.exists():
        pytest.skip("RetailRocket is not here")
    raw = pd.read_parquet(path)
    frame = pd.DataFrame(
        {
            "customer_id": raw["user"],
            "event": raw["behavior"].astype(str),
            "occurred_at": pd.to_datetime(raw["timestamp"], unit="s"),
            "item_id": raw["item"],
        }
    )
    names = {name: name for name in ("view", "cart")} | {"buy": "purchase"}
    state = BehaviourSummary(event_names=names).update(frame)
    table = state.finalize()
    # 2,174 users; 75,374 views, 12,456 carts, 9,551 buys: counted in the file by its page.
    assert len(table) == 2174
    assert table[["n_view", "n_cart", "n_purchase"]].sum().tolist() == [75374, 12456, 9551]
    renamed = frame.assign(event=frame["event"].replace({"buy": "purchase"}))
    check_against_pandas(renamed)
    funnel = state.funnel()
    first = frame.sort_values("occurred_at").drop_duplicates(["customer_id", "item_id", "event"])
    days = first.assign(day=first["occurred_at"].dt.normalize()).pivot(
        index=["customer_id", "item_id"], columns="event", values="day"
    )
    # One event for each user, item and behaviour, so that first days say all.
    cart = days["view"].notna() & (days["cart"] >= days["view"])
    buy = cart & (days["buy"] >= days["cart"])
    assert funnel["n_pairs"].tolist() == [days["view"].notna().sum(), cart.sum(), buy.sum()]


# --- what is counted -------------------------------------------------------------------------


def two_events(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1],
            "event": ["view", "cart"],
            "occurred_at": pd.to_datetime(["2026-01-05 10:00", "2026-01-05 10:05"]),
        }
    )
    return frame.assign(**columns)


def test_one_event_of_one_customer_is_enough() -> None:
    row = summarise_events(two_events()[:1]).iloc[0]
    assert (row["n_sessions"], row["session_minutes"], row["recency"]) == (1, 0.0, 0)
    assert pd.isna(row["mean_gap"])


def test_optional_columns_that_are_not_there_have_no_figures() -> None:
    names = summarise_events(two_events()).columns
    assert not [n for n in names if "item" in n or "funnel" in n or "favourite" in n]


def test_names_of_your_own_are_mapped_and_further_kinds_counted() -> None:
    frame = two_events(event=["pv", "wish"])
    found = summarise_events(frame, kinds=("view", "wish"), event_names={"pv": "view"})
    assert found[["n_view", "n_wish"]].to_numpy().tolist() == [[1, 1]]


def test_events_of_other_names_are_refused_counted_or_ignored() -> None:
    frame = two_events(event=["veiw", "cart"])
    with pytest.raises(InvalidDataError) as caught:
        summarise_events(frame)
    assert "'veiw' is not a known event. Did you mean 'view'?" in str(caught.value)
    assert "event_names={'veiw': …}" in str(caught.value)
    assert caught.value.rows == (0,)
    counted = summarise_events(frame, other_events="count").iloc[0]
    assert (counted["n_events"], counted["n_view"], counted["session_minutes"]) == (2, 0, 5.0)
    ignored = summarise_events(frame, other_events="ignore").iloc[0]
    assert (ignored["n_events"], ignored["session_minutes"]) == (1, 0.0)


def test_ignoring_all_events_leaves_nothing_to_summarise() -> None:
    frame = two_events(event=["a", "b"])
    with pytest.raises(InvalidDataError, match="no event is left"):
        summarise_events(frame, other_events="ignore")
    state = BehaviourSummary(other_events="ignore").update(frame)
    with pytest.raises(InvalidDataError, match="is empty"):
        state.finalize()


def test_aware_times_count_in_utc_and_hours_in_the_zone_asked_for() -> None:
    at = pd.to_datetime(["2026-01-05 23:30", "2026-01-05 23:40"]).tz_localize("Asia/Shanghai")
    row = summarise_events(two_events(occurred_at=at)).iloc[0]
    assert row["first_event_at"] == pd.Timestamp("2026-01-05 15:30")
    assert (row["preferred_hour"], row["preferred_weekday"]) == (15, 1)
    local = summarise_events(two_events(occurred_at=at), zone="Asia/Tokyo").iloc[0]
    assert (local["preferred_hour"], local["preferred_weekday"]) == (0, 2)


def test_hours_follow_summer_time() -> None:
    # Berlin is an hour ahead of UTC on 28 March 2026 and two hours from the 29th on.
    at = pd.to_datetime(["2026-03-28 12:00", "2026-03-30 11:00"])
    row = summarise_events(two_events(occurred_at=at), zone="Europe/Berlin").iloc[0]
    assert (row["preferred_hour"], row["hour_spread"]) == (13, 0.0)


def test_the_night_may_go_on_over_midnight() -> None:
    at = pd.to_datetime(["2026-01-05 22:00", "2026-01-06 06:00"])
    frame = two_events(occurred_at=at)
    assert summarise_events(frame, night_hours=(22, 6))["night_share"].tolist() == [0.5]
    assert summarise_events(frame)["night_share"].tolist() == [0.0]


def test_whole_numbers_with_nulls_are_items_and_labels_of_any_type_are_texts() -> None:
    frame = two_events(item_id=[7.0, np.nan], device=[True, True], channel=[3, 4])
    row = summarise_events(frame).iloc[0]
    assert (row["n_items"], row["favourite_device"], row["favourite_channel"]) == (1, "True", "3")


def test_labels_of_your_own_and_their_shares() -> None:
    state = BehaviourSummary(labels=("campaign",))
    state.update(two_events(campaign=["b", "a"])).update(two_events(campaign=["b", None]))
    row = state.finalize().iloc[0]
    assert (row["favourite_campaign"], row["favourite_campaign_share"]) == ("b", 2 / 3)
    shares = state.shares("campaign")
    assert shares[["value", "n"]].to_numpy().tolist() == [["b", 2], ["a", 1]]
    with pytest.raises(InvalidParameterError, match="'campain' is not a known label"):
        state.shares("campain")


def test_fractions_of_a_second_are_kept() -> None:
    at = pd.to_datetime(["2026-01-05 10:00:00.000001", "2026-01-05 10:30:00.000002"])
    frame = two_events(occurred_at=at)
    assert summarise_events(frame)["n_sessions"].tolist() == [2]  # a microsecond too long
    assert BehaviourSummary().update(frame).finalize()["n_sessions"].tolist() == [2]


# --- the state -------------------------------------------------------------------------------


def test_a_state_answers_for_midnights_and_for_the_newest_event_on() -> None:
    state = BehaviourSummary().update(
        two_events(occurred_at=pd.to_datetime(["2026-01-05 00:00", "2026-01-05 10:05"]))
    )
    assert state.finalize("2026-01-05")["n_events"].tolist() == [1]  # at midnight: at or before
    assert state.finalize("2026-01-05T10:05")["n_events"].tolist() == [2]
    assert state.finalize("2026-02-01T12:34")["recency"].tolist() == [27]
    with pytest.raises(InvalidParameterError) as caught:
        state.finalize("2026-01-05T09:00")
    assert "such as '2026-01-05' or '2026-01-06'" in str(caught.value)
    assert "summarise_events, which reads the events again" in str(caught.value)
    with pytest.raises(InvalidParameterError, match="before the first event"):
        state.finalize("2026-01-04")
    with pytest.raises(InvalidParameterError, match="before the first event"):
        summarise_events(two_events(), as_of="2026-01-04")


def test_a_batch_counts_once() -> None:
    state = BehaviourSummary().update(two_events(), batch_id="events/1")
    with pytest.raises(DuplicateBatchError, match="events/1"):
        state.update(two_events(), batch_id="events/1")
    assert state.finalize()["n_events"].tolist() == [2]
    assert list(state.batch_ids) == ["events/1"]


def test_a_column_that_only_some_batches_have_is_refused() -> None:
    state = BehaviourSummary().update(two_events(item_id=["a", "b"]))
    with pytest.raises(InvalidDataError, match="some events have the column 'item_id'"):
        state.update(two_events())
    other = BehaviourSummary().update(two_events(device=["m", "m"], item_id=["a", "b"]))
    with pytest.raises(InvalidDataError, match="or leave it out of labels"):
        state.merge(other)


def test_states_with_other_settings_do_not_merge() -> None:
    with pytest.raises(InvalidParameterError, match=r"session_gap_minutes differs: 30.0 and 20.0"):
        BehaviourSummary().merge(BehaviourSummary(session_gap_minutes=20))


def test_a_frame_without_rows_or_with_wrong_types_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="no rows"):
        BehaviourSummary().update(two_events()[:0])
    with pytest.raises(MissingColumnError, match="occurred_at"):
        BehaviourSummary().update(two_events().drop(columns="occurred_at"))
    with pytest.raises(ColumnTypeError):
        BehaviourSummary().update(two_events(occurred_at=["a", "b"]))


def test_an_empty_state_cannot_be_finalized() -> None:
    with pytest.raises(InvalidDataError, match="the state is empty"):
        BehaviourSummary().finalize()
    assert BehaviourSummary.from_bytes(BehaviourSummary().to_bytes()) == BehaviourSummary()


@pytest.mark.parametrize("payload", [b"", b"hello world", b"UPBH\x00\x01"])
def test_other_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidDataError, match="not a behaviour summary, or they are damaged"):
        BehaviourSummary.from_bytes(payload)


def test_settings_survive_bytes_and_pickling() -> None:
    state = BehaviourSummary(
        kinds=("view", "cart"),
        event_names={"pv": "view"},
        other_events="count",
        funnel=("cart", "view"),
        labels=(),
        night_hours=(22, 5),
        zone="Europe/Berlin",
    ).update(two_events())
    again = BehaviourSummary.from_bytes(state.to_bytes())
    assert again == state == pickle.loads(pickle.dumps(state))
    assert again.merge(BehaviourSummary.from_bytes(state.to_bytes())).n_customers == 1


def test_all_bad_settings_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        BehaviourSummary(
            event_names={"pv": "veiw"},
            other_events="drop",  # type: ignore[arg-type]
            session_gap_minutes=0,
            funnel=("view", "basket"),
            labels=("event",),
            night_hours=(1, 25),
            zone="Mars",
        )
    text = str(caught.value)
    assert "Did you mean 'view'?" in text
    for name in ("other_events", "session_gap_minutes", "'basket'", "labels must not hold 'event'",
                 "night_hours[1]", "zone must be a time zone"):  # fmt: skip
        assert name in text


@pytest.mark.parametrize(
    ("kinds", "problem"),
    [
        ("view", "kinds must be a list of texts"),
        ([], "kinds must name at least one event"),
        (["view", "view"], "must not hold a name twice"),
        (["view", 3], "must hold texts only"),
        (["sessions"], "n_sessions is another column"),
    ],
)
def test_kinds_must_be_names_that_make_columns(kinds: Any, problem: str) -> None:
    with pytest.raises(InvalidParameterError, match=problem):
        BehaviourSummary(kinds=kinds)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"funnel": ["view", "cart", "cart_share"], "kinds": ["view", "cart", "cart_share"]},
            "funnel_cart_share would stand for the step 'cart_share' and for the share of the step",
        ),
        (
            {"labels": ["a", "a_share"]},
            "favourite_a_share would stand for the share of the label 'a' and for the label",
        ),
    ],
)
def test_no_name_stands_for_two_columns(options: dict[str, Any], problem: str) -> None:
    for make in (BehaviourSummary, lambda **given: summarise_events(two_events(), **given)):
        with pytest.raises(InvalidParameterError) as caught:
            make(**options)
        assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name", "meaning"),
    [
        ("view_7d", "n_view_7d", "the kind 'view' in"),
        ("sessions_7d", "n_sessions_7d", "sessions in"),
        ("events_7d", "n_events_7d", "all events in"),
    ],
)
def test_no_name_of_a_window_stands_for_a_kind(kind: str, name: str, meaning: str) -> None:
    kinds = ["view", "cart", kind]
    state = BehaviourSummary(kinds=kinds).update(two_events())
    problem = f"{name} would stand for the kind '{kind}' and for {meaning} the window of 7 days."
    with pytest.raises(InvalidParameterError, match=re.escape(problem)):
        state.finalize(windows=[7, 30])
    with pytest.raises(InvalidParameterError, match=re.escape(problem)):
        summarise_events(two_events(), kinds=kinds, windows=[7, 30])
    found = state.finalize(windows=[30])
    assert found.columns.is_unique
    assert f"n_{kind}" in found
    same(summarise_events(two_events(), kinds=kinds, windows=[30]), found)


def test_the_items_of_a_window_clash_only_where_there_are_items() -> None:
    events = two_events()
    bare = events.drop(columns="item_id", errors="ignore")
    found = summarise_events(bare, kinds=["view", "cart", "items_7d"])
    assert found["n_items_7d"].tolist() == [0] * len(found)
    with pytest.raises(InvalidParameterError, match="n_items_7d would stand for"):
        summarise_events(bare.assign(item_id="p"), kinds=["view", "cart", "items_7d"])


def test_a_state_merges_with_its_own_kind_only() -> None:
    others: list[Any] = [None, CustomerSummary()]
    for other, name in zip(others, ("None", "CustomerSummary"), strict=True):
        with pytest.raises(InvalidParameterError, match=f"a BehaviourSummary .* got .*{name}"):
            BehaviourSummary().merge(other)
    with pytest.raises(InvalidDataError, match=r"behaviour summary: bytes .* got None"):
        BehaviourSummary.from_bytes(None)  # type: ignore[arg-type]


def test_results_stay_on_the_connection_of_the_input() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        relation = connection.from_df(two_events())
        found = summarise_events(relation)
        assert len(relation.join(found.set_alias("found"), "customer_id").df()) == 2


def test_an_unknown_engine_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidParameterError, match="Did you mean 'polars'"):
        BehaviourSummary().update(two_events()).finalize(engine="polar")  # type: ignore[arg-type]


def test_windows_must_be_numbers_of_days() -> None:
    state = BehaviourSummary().update(two_events())
    with pytest.raises(InvalidParameterError, match=r"windows\[0\] must be an integer"):
        state.finalize(windows=(0,))
    with pytest.raises(InvalidParameterError, match="windows must be a list"):
        state.finalize(windows=30)  # type: ignore[arg-type]


def test_finalize_gives_the_engine_asked_for() -> None:
    state = BehaviourSummary().update(make_shop(n_customers=5, random_state=0).events)
    for name in ("polars", "polars-lazy", "pyarrow", "duckdb"):
        if name in installed_engines():
            same(state.finalize(engine=name), state.finalize())  # type: ignore[arg-type]


def test_representations_show_no_customer() -> None:
    state = BehaviourSummary().update(two_events(customer_id=["ann", "bo"]))
    assert repr(state).startswith("<BehaviourSummary: 2 customers, ")
    assert "ann" not in repr(state) + state._repr_html_()


def test_a_state_is_no_key() -> None:
    with pytest.raises(TypeError, match="cannot be a key"):
        hash(BehaviourSummary())


def test_the_page_lists_every_column_in_order(repository: Path) -> None:
    text = (repository / "docs" / "behaviour.rst").read_text("utf-8")
    table = text[text.index("   * - column") : text.index("Hours and weekdays are those of")]
    listed = [n for cell in re.findall(r"^   \* - (.*)$", table, re.MULTILINE)[1:]
              for n in re.findall(r"``(\w+)``", cell)]  # fmt: skip
    frame = two_events(item_id=["a", "b"], channel=["x", "y"])
    made = summarise_events(frame, kinds=("view", "cart"), windows=(7,), funnel=("view", "cart"))
    own = {"n_cart", "recency_cart", "funnel_cart", "n_cart_7d"}
    assert listed == [name for name in made.columns if name not in own]


def test_events_are_not_changed() -> None:
    frame = two_events(item_id=["a", None])
    before = frame.copy()
    table = Events(frame)
    summarise_events(table)
    BehaviourSummary().update(table)
    pd.testing.assert_frame_equal(frame, before)
