"""Sessions: pieces of activity that join to the same sessions however they were cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.event_loops import session_loop
from userportrait.errors import InvalidParameterError
from userportrait.features import BehaviourSummary
from userportrait.features import _sessions as kernel
from userportrait.features._events_counts import count_rows, sum_rows
from userportrait.features._sessions import Pieces, bucket_of, coalesce, join_pieces

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE


def events_at(*times: str, customer: Any = 1) -> pd.DataFrame:
    at = pd.to_datetime(list(times), format="ISO8601")
    return pd.DataFrame({"customer_id": customer, "event": "view", "occurred_at": at})


def sessions_of(state: BehaviourSummary, as_of: object = None) -> list[tuple[str, str, int]]:
    table = state.sessions(as_of)
    return [
        (f"{row.started_at:%d %H:%M}", f"{row.ended_at:%d %H:%M}", row.n_events)
        for row in table.itertuples()
    ]


def test_a_pause_of_exactly_the_gap_goes_on_and_a_longer_one_ends_the_session() -> None:
    state = BehaviourSummary().update(
        events_at("2026-01-05 10:00", "2026-01-05 10:30", "2026-01-05 11:00:01")
    )
    assert sessions_of(state) == [("05 10:00", "05 10:30", 2), ("05 11:00", "05 11:00", 1)]


def test_a_later_batch_closes_the_gap_between_two_sessions() -> None:
    state = BehaviourSummary().update(events_at("2026-01-05 10:00", "2026-01-05 10:50"))
    assert len(sessions_of(state)) == 2
    state.update(events_at("2026-01-05 10:25"))
    assert sessions_of(state) == [("05 10:00", "05 10:50", 3)]


def test_a_session_over_midnight_counts_once_and_on_its_first_day() -> None:
    state = BehaviourSummary().update(
        events_at("2026-01-05 23:50", "2026-01-06 00:00", "2026-01-06 00:10", "2026-01-07 09:00")
    )
    assert sessions_of(state)[0] == ("05 23:50", "06 00:10", 3)
    table = state.finalize(windows=(1, 2, 3))
    assert table[["n_sessions_1d", "n_sessions_2d", "n_sessions_3d"]].to_numpy().tolist() == [
        [1, 1, 2]
    ]


def test_a_session_that_is_going_on_at_as_of_ends_with_its_last_event_before() -> None:
    state = BehaviourSummary().update(
        events_at("2026-01-05 23:50", "2026-01-06 00:00", "2026-01-06 00:10")
    )
    assert sessions_of(state, "2026-01-06") == [("05 23:50", "06 00:00", 2)]
    assert state.finalize("2026-01-06")["session_minutes"].tolist() == [10.0]


def test_the_gap_must_be_a_number_of_minutes_of_at_most_a_day() -> None:
    with pytest.raises(InvalidParameterError, match="session_gap_minutes must be a number"):
        BehaviourSummary(session_gap_minutes=1441)


pieces = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3 * 24 * 6)), min_size=1, max_size=60)


@settings(max_examples=100)
@given(pieces, st.lists(st.booleans(), min_size=60, max_size=60), st.sampled_from([5, 30, 200]))
def test_pieces_of_two_parts_join_to_the_sessions_of_all_events(
    rows: list[tuple[int, int]], left: list[bool], gap: int
) -> None:
    rows = sorted(rows)
    parts = [[r for r, side in zip(rows, left, strict=False) if side is s] for s in (True, False)]
    cut = [cut_events(part, gap) for part in parts if part]
    both = Pieces(*(np.concatenate([getattr(p, n) for p in cut]) for n in NAMES))
    order = np.lexsort((both.end, both.start, both.customer))
    joined = coalesce(Pieces(*(getattr(both, n)[order] for n in NAMES)), gap * MINUTE)
    whole = cut_events(rows, gap)
    for name in NAMES:
        assert getattr(joined, name).tolist() == getattr(whole, name).tolist()
    sessions = join_pieces(joined, gap * MINUTE)
    expected = [
        (customer, pd.Timestamp(session[0]), len(session))
        for customer in sorted({c for c, _ in rows})
        for session in session_loop(
            [pd.Timestamp(minute * 10 * MINUTE, unit="us") for c, minute in rows if c == customer],
            gap,
        )
    ]
    starts = [pd.Timestamp(s, unit="us") for s in sessions.start.tolist()]
    found = zip(sessions.customer.tolist(), starts, sessions.n.tolist(), strict=True)
    assert list(found) == expected


NAMES = ("customer", "start", "end", "n")


def cut_events(rows: list[tuple[int, int]], gap: int) -> Pieces:
    customer = np.array([c for c, _ in rows], dtype=np.int64)
    at = np.array([minute * 10 * MINUTE for _, minute in rows], dtype=np.int64)
    return kernel.cut_pieces(customer, at, bucket_of(at), gap * MINUTE)


def test_a_bucket_is_a_midnight_or_the_rest_of_its_day() -> None:
    at = np.array([-1, 0, 1, DAY - 1, DAY])
    assert bucket_of(at).tolist() == [-1, 0, 1, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(1, 5)), max_size=30))
def test_the_latest_end_is_found_both_ways(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows) or [(0, 0, 1)]
    group = np.array([i == 0 or a[0] != rows[i - 1][0] for i, a in enumerate(rows)])
    end = np.array([start + length for _, start, length in rows], dtype=np.int64)
    quick = kernel._latest_end(end, group)
    far = end.copy()
    far[0] += 2**62  # ends so far apart that they do not fit into one number with the group
    expected = [
        max(e for e, r in zip(end[: i + 1], rows, strict=False) if r[0] == row[0])
        for i, row in enumerate(rows)
    ]
    assert quick.tolist() == expected
    slow = kernel._latest_end(far, group)
    expected[0] += 2**62
    for i, row in enumerate(rows):
        if row[0] == rows[0][0]:
            expected[i] = expected[0]
    assert slow.tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_rows_are_counted_alike_whether_they_fit_into_63_bits_or_not(
    rows: list[tuple[int, int]],
) -> None:
    keys = [np.array(key, dtype=np.int64) for key in zip(*rows, strict=True)]
    for sizes in ([4, 4], [2**40, 2**40]):
        (first, second), n = count_rows(keys, sizes)
        expected = sorted({row: rows.count(row) for row in rows}.items())
        found = zip(zip(first.tolist(), second.tolist(), strict=True), n.tolist(), strict=True)
        assert list(found) == expected
        (again, _), total = sum_rows(keys, sizes, np.full(len(rows), 3))
        assert again.tolist() == first.tolist()
        assert total.tolist() == (3 * n).tolist()
