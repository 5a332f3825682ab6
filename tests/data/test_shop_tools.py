from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.data._shop_clock import make_clock
from userportrait.data._shop_tools import (
    NEVER,
    as_date,
    as_times,
    group_positions,
    numbered,
    pick,
    spread,
    stream,
)


def test_numbered_ids_are_wide_enough() -> None:
    assert numbered("P", 2, 4).tolist() == ["P0001", "P0002"]
    assert numbered("P", 12, 1).tolist()[-3:] == ["P10", "P11", "P12"]
    assert numbered("P", 0, 4).tolist() == []


def test_a_negative_code_is_a_missing_text() -> None:
    found = spread(["a", "b"], np.array([1, -1, 0]))
    assert found.isna().tolist() == [False, True, False]
    assert found.dropna().tolist() == ["b", "a"]
    assert found.dtype == pd.Series(["a"]).dtype


def test_never_is_not_a_time() -> None:
    found = as_times(np.array([0, NEVER]))
    assert found.dtype == "datetime64[us]"
    assert np.isnat(found).tolist() == [False, True]


def test_parts_draw_from_spawned_streams_of_their_own() -> None:
    # Numpy's own spawn gives the same streams, by position.
    children = np.random.SeedSequence(11).spawn(11)
    assert stream(11, "customers").random() == np.random.default_rng(children[0]).random()
    assert stream(11, "faults").random() == np.random.default_rng(children[10]).random()
    assert stream(11, "items").random() != stream(11, "people").random()


def test_pick_never_takes_what_has_no_chance() -> None:
    shares = np.array([[0.0, 0.4, 0.0, 0.6, 0.0]])
    edges = np.array([0.0, 0.4, np.nextafter(0.4, 0), np.nextafter(1.0, 0)])
    assert pick(shares, np.zeros(4, dtype=np.int64), edges).tolist() == [1, 3, 1, 3]


def test_pick_works_in_chunks_as_at_once() -> None:
    rng = np.random.default_rng(0)
    shares, rows, draws = rng.random((5, 4)), rng.integers(0, 5, 1000), rng.random(1000)
    assert np.array_equal(pick(shares, rows, draws), pick(shares, rows, draws, chunk=7))


@given(st.lists(st.integers(0, 5), max_size=20))
def test_group_positions_count_up_in_each_group(counts: list[int]) -> None:
    found = group_positions(np.array(counts, dtype=np.int64))
    assert found.tolist() == [i for count in counts for i in range(count)]


@pytest.mark.parametrize("text", ["2024-02-29", "2024-02-29T00:00"])
def test_a_day_may_be_text(text: str) -> None:
    assert as_date(text).isoformat() == "2024-02-29"


@given(
    st.integers(0, 4),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
)
def test_the_clock_runs_back_and_forth(segment: int, shares: list[float]) -> None:
    clock = make_clock(as_date("2024-01-01"), as_date("2024-12-31"))
    segments = np.full(len(shares), segment, dtype=np.int64)
    days = np.array(shares) * clock.busy[segment, -1]
    moments = clock.moments(days, segments)
    assert ((moments >= clock.start) & (moments <= clock.end)).all()
    # Moments are cut to the second; the busiest second of the year is 7 / 86400 busy days.
    assert np.allclose(clock.busy_days(moments, segments), days, rtol=0, atol=1e-4)


def test_a_year_of_busy_time_is_a_year_long() -> None:
    clock = make_clock(as_date("2025-01-01"), as_date("2025-12-31"))
    # Factors have mean 1; months of different length move the year by less than 1 %.
    assert np.allclose(clock.busy[:, -1], 365, rtol=0.01)
    assert clock.n_days == 365
