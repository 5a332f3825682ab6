"""Exact units, against Python's own decimal and datetime."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.units import (
    MICROS_PER_DAY,
    as_moment,
    day_numbers,
    from_micros,
    minor_units,
    to_micros,
)
from userportrait.errors import InvalidParameterError

# --- money -------------------------------------------------------------------------------


def minor(values: list[float], digits: int = 2) -> list[int]:
    found: list[int] = minor_units(np.array(values, dtype=np.float64), digits).tolist()
    return found


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        (0.005, 1),
        (1.005, 101),
        (-1.005, -101),
        (2.675, 268),
        (0.125, 13),
        (-0.125, -13),
        (0.0049, 0),
        (-0.0, 0),
        (1e11 + 0.005, 10**13 + 1),
        (2.0**52 / 100, 2**52),
        (10.0, 1000),
    ],
)
def test_halves_go_away_from_zero(value: float, cents: int) -> None:
    assert minor([value]) == [cents]


@given(
    st.lists(st.decimals(-(10**7), 10**7, places=4, allow_nan=False), min_size=1, max_size=30),
    st.integers(0, 4),
)
def test_money_is_rounded_as_decimal_arithmetic_does(amounts: list[Decimal], digits: int) -> None:
    # Half up in `decimal` is away from zero. Four places are all that a price list writes.
    unit = Decimal(1).scaleb(-digits)
    expected = [int(a.quantize(unit, ROUND_HALF_UP).scaleb(digits)) for a in amounts]

    assert minor([float(a) for a in amounts], digits) == expected


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_money_that_is_whole_stays_what_it_is(units: int) -> None:
    assert minor([float(units)], 0) == [units]


@given(st.integers(-(10**14), 10**14), st.integers(0, 4))
def test_minor_units_survive_the_way_through_floats(units: int, digits: int) -> None:
    assert minor([units / 10**digits], digits) == [units]


@given(st.lists(st.floats(0, 1e12), min_size=1))
def test_a_refund_cancels_its_purchase(amounts: list[float]) -> None:
    assert minor(amounts) == [-m for m in minor([-a for a in amounts])]


@given(st.floats(-1e12, 1e12))
def test_money_is_off_by_half_a_unit_at_most(amount: float) -> None:
    assert abs(Decimal(minor([amount])[0]) - Decimal(amount) * 100) <= Decimal("0.501")


def test_large_and_small_money_stand_side_by_side() -> None:
    assert minor([2.0**52 + 1, 0.5, -(2.0**53) + 1, 2.0**51 + 0.5], 0) == [
        2**52 + 1,
        1,
        -(2**53) + 1,
        2**51 + 1,
    ]


def test_no_money_is_no_problem_and_the_input_is_not_changed() -> None:
    values = np.array([1.005, -2.5])

    assert minor([]) == []
    assert minor_units(values, 2).dtype == np.int64
    assert values.tolist() == [1.005, -2.5]


# --- time --------------------------------------------------------------------------------

EPOCH = datetime(1970, 1, 1)


@given(st.datetimes())
def test_micros_count_from_1970_and_come_back(moment: datetime) -> None:
    micros = to_micros(moment)

    assert EPOCH + timedelta(microseconds=micros) == moment
    assert from_micros(micros) == moment


@given(st.datetimes())
def test_the_day_number_is_that_of_the_calendar(moment: datetime) -> None:
    found = day_numbers(np.array([to_micros(moment)]))

    assert found.dtype == np.int32
    assert found.tolist() == [(moment.date() - EPOCH.date()).days]


def test_days_are_floored_before_1970() -> None:
    micros = np.array([-1, 0, MICROS_PER_DAY - 1, -MICROS_PER_DAY, -MICROS_PER_DAY - 1])

    assert day_numbers(micros).tolist() == [-1, 0, 0, -1, -2]


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14 * 60, 14 * 60))
def test_a_moment_with_a_zone_is_converted_to_utc(moment: datetime, minutes: int) -> None:
    try:
        shown = moment.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return

    assert as_moment(shown, owner="x") == moment.replace(tzinfo=None)
    assert as_moment(shown.isoformat(), owner="x") == moment.replace(tzinfo=None)


@given(st.datetimes())
def test_a_moment_without_a_zone_is_utc_and_its_text_says_the_same(moment: datetime) -> None:
    assert as_moment(moment, owner="x") is moment
    assert as_moment(moment.isoformat(), owner="x") == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (date(2026, 1, 31), datetime(2026, 1, 31)),
        ("2026-01-31", datetime(2026, 1, 31)),
        (" 2026-01-31 10:00 ", datetime(2026, 1, 31, 10)),
        ("2026-01-31T10:00Z", datetime(2026, 1, 31, 10)),
        ("20260131", datetime(2026, 1, 31)),
        (pd.Timestamp("2026-01-31 10:00", tz="Asia/Shanghai"), datetime(2026, 1, 31, 2)),
        (pd.Timestamp("2026-01-31 00:00:00.000001999"), datetime(2026, 1, 31, 0, 0, 0, 1)),
        (np.datetime64("2026-01-31"), datetime(2026, 1, 31)),
        (np.datetime64("2026-01-31T10:00:00.000000001", "ns"), datetime(2026, 1, 31, 10)),
    ],
)
def test_a_moment_can_be_written_in_many_ways(value: object, moment: datetime) -> None:
    found = as_moment(value, owner="x")

    assert found == moment
    assert type(found) is datetime
    assert found.tzinfo is None


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "31.01.2026",
        "",
        20260131,
        1.5,
        True,
        None,
        math.nan,
        pd.NaT,
        np.datetime64("NaT"),
        np.datetime64(10**18, "s"),
        ["2026-01-31"],
        "0001-01-01T00:00+01:00",
        pd.Period("2026-01"),
        timedelta(1),
    ],
    ids=repr,
)
def test_what_is_no_moment_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        as_moment(value, owner="RFM.fit", name="until")

    assert str(caught.value).startswith(
        "RFM.fit: until must be a date or time, such as '2026-01-31' or a datetime; got "
    )
    assert repr(value) in str(caught.value)
