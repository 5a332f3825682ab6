"""Words about time: weekdays, weeks, hours, months and days between, from epoch microseconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.flavours import build, every_flavour, read
from helpers.words import Case, check, check_on_spark
from userportrait._core import frames

DAY = 86_400_000_000
HOUR = DAY // 24


def micros(*moment: int) -> int:
    return (datetime(*moment) - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # type: ignore[arg-type]


# 2026-01-05 is a Monday, 1969-12-28 a Sunday, 1970-01-01 a Thursday, 9999-12-31 a Friday.
MOMENTS = [
    micros(2026, 1, 5),
    micros(2026, 1, 11, 23, 59, 59),
    None,
    micros(1969, 12, 28, 12),
    0,
    -1,
    micros(9999, 12, 31, 23, 30),
]


def with_all(make: Any) -> frames.Frame:
    frame = make(at=("int64", MOMENTS))
    frame = frames.with_weekday(frame, "at", "weekday")
    frame = frames.with_week_start(frame, "at", "monday")
    frame = frames.with_hour(frame, "at", "hour")
    frame = frames.with_month_number(frame, "at", "month")
    frame = frames.with_day_number(frame, "at", "day")
    return frames.with_time(frame, "at", "time")


CASES = [
    Case(
        "monday is 1 and sunday 7, weeks start on monday, months count from 1970",
        with_all,
        [
            (MOMENTS[0], 1, 20458, 0, 672, 20458, datetime(2026, 1, 5)),
            (MOMENTS[1], 7, 20458, 23, 672, 20464, datetime(2026, 1, 11, 23, 59, 59)),
            (None, None, None, None, None, None, None),
            (MOMENTS[3], 7, -10, 12, -1, -4, datetime(1969, 12, 28, 12)),
            (0, 4, -3, 0, 0, 0, datetime(1970, 1, 1)),
            (-1, 3, -3, 23, -1, -1, datetime(1969, 12, 31, 23, 59, 59, 999_999)),
            (MOMENTS[6], 5, 2932892, 23, 96359, 2932896, datetime(9999, 12, 31, 23, 30)),
        ],
        dict.fromkeys(("weekday", "monday", "hour", "month", "day"), "Int64"),
    ),
    Case(
        "days between are calendar days, whatever the time of day",
        lambda make: frames.with_days_between(
            make(
                a=("int64", [DAY - 1, DAY, 5 * DAY, None, -1]),
                b=("int64", [DAY, DAY + HOUR, 0, 0, 0]),
            ),
            "a",
            "b",
            "days",
        ),
        [
            (DAY - 1, DAY, 1),
            (DAY, DAY + HOUR, 0),
            (5 * DAY, 0, -5),
            (None, 0, None),
            (-1, 0, 1),
        ],
        {"days": "Int64"},
    ),
]


@every_flavour
@pytest.mark.parametrize("case", CASES, ids=str)
def test_time_words_give_the_table_worked_out_by_hand(case: Case, flavour: str) -> None:
    check(case, flavour)


@pytest.mark.spark
def test_time_words_give_the_same_on_spark(spark: Any) -> None:
    check_on_spark(CASES, spark)


@given(st.datetimes(datetime(1600, 1, 1), datetime(2500, 1, 1)))
def test_every_moment_falls_where_the_calendar_of_python_puts_it(moment: datetime) -> None:
    at = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    frame = with_all(lambda **_: frames.enter(build("pandas", at=("int64", [at]))))
    found = {name: values[0] for name, values in read(frames.leave(frame)).items()}

    assert found["weekday"] == moment.isoweekday()
    assert found["hour"] == moment.hour
    assert found["month"] == (moment.year - 1970) * 12 + moment.month - 1
    assert found["day"] - found["monday"] == moment.weekday()
    assert found["time"] == moment
