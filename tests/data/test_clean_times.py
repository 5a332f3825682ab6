"""Times are read in one way only, and what has two readings is an error."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.data._clean_columns import column_from_pandas
from userportrait.data._clean_time_texts import read_time_texts, text_shape
from userportrait.data._clean_times import (
    CleanTimes,
    TimeOptions,
    check_zone,
    clean_times,
    local_days,
)
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError


def read(values: Any, **options: Any) -> CleanTimes:
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype="object")
    raw = column_from_pandas(series)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return clean_times(raw, "when", "ordered_at", TimeOptions(**options), owner="clean_orders")


def texts(found: CleanTimes) -> list[str | None]:
    good = ~(found.missing | found.unparsable)
    moments = found.micros.view("datetime64[us]")
    return [str(m)[:19] if ok else None for m, ok in zip(moments, good, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", "2026-01-31T00:00:00"),
        ("2026-01-31 13:05", "2026-01-31T13:05:00"),
        ("2026-01-31T13:05:09.123456789", "2026-01-31T13:05:09"),
        ("2026-01-31 13:05:09,5", "2026-01-31T13:05:09"),
        ("2026-01-31T13:05:09Z", "2026-01-31T13:05:09"),
        ("2026-01-31 13:05:09+08:00", "2026-01-31T05:05:09"),
        ("2026-01-31 13:05:09-0330", "2026-01-31T16:35:09"),
        ("2026-01-31 13:05:09+00", "2026-01-31T13:05:09"),
        ("2026/1/5 8:03", "2026-01-05T08:03:00"),
        ("2026.01.05", "2026-01-05T00:00:00"),
        ("2026年1月5日", "2026-01-05T00:00:00"),
        ("2026年1月5日 下午3:20", None),
        ("2026年1月5日 15时20分", "2026-01-05T15:20:00"),
        ("20260131", "2026-01-31T00:00:00"),
        ("20260131 130509", "2026-01-31T13:05:09"),
        ("20260131T130509Z", "2026-01-31T13:05:09"),
        ("31.01.2026 13:05", "2026-01-31T13:05:00"),
        ("31-01-2026", "2026-01-31T00:00:00"),
        ("12/31/2026 11:05 PM", "2026-12-31T23:05:00"),
        ("12/31/2026 12:05 am", "2026-12-31T00:05:00"),
        ("12/31/26", "2026-12-31T00:00:00"),
        ("12/31/70", "1970-12-31T00:00:00"),
        ("11-Feb-13", "2013-02-11T00:00:00"),
        ("11 February 2013 10:00:00", "2013-02-11T10:00:00"),
        ("Feb 11, 2013", "2013-02-11T00:00:00"),
        ("Mon, 05 Jan 2026 10:00:00 GMT", "2026-01-05T10:00:00"),
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("2026-01-31 24:00:00", None),
        ("2026-01-31 23:59:60", None),
        ("0000-00-00 00:00:00", None),
        ("12/31/2026 13:05 PM", None),
        ("yesterday", None),
        ("2026", None),
        ("2026-01", None),
    ],
)
def test_texts_are_read_or_marked_as_unparsable(text: str, expected: str | None) -> None:
    # A second text keeps a column of nothing but bad texts from being an error, and says
    # which of day and month comes first.
    decides = "31.12.2026" if text.startswith("31") else "12/31/2026"
    zone = "UTC" if text.endswith(("Z", "GMT")) or "+" in text or "-0330" in text else None
    found = read([text, decides], time_zone=zone)
    assert texts(found)[0] == expected
    assert found.unparsable.tolist() == [expected is None, False]


@pytest.mark.parametrize("text", ["", "  ", "NaT", "nan", "NULL", "None", None])
def test_blank_and_null_texts_are_missing(text: str | None) -> None:
    found = read([text, "2026-01-31"])
    assert found.missing.tolist() == [True, False]
    assert not found.unparsable.any()


@given(st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)))
def test_any_iso_text_is_read_back(moment: datetime) -> None:
    found = read([moment.isoformat(), moment.isoformat(sep=" ")])
    expected = np.datetime64(moment, "us").astype(np.int64)
    assert found.micros.tolist() == [expected, expected]


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.booleans())
def test_any_date_is_read_back_once_the_order_is_said(day: date, day_first: bool) -> None:
    text = day.strftime("%d/%m/%Y" if day_first else "%m/%d/%Y")
    found = read([text], day_first=day_first)
    assert texts(found) == [f"{day.isoformat()}T00:00:00"]


def test_dates_that_fit_both_orders_are_an_error_that_names_the_option() -> None:
    with pytest.raises(InvalidDataError, match=r"03/04/2026 could start with the day or with the"):
        read(["01/02/2011", "05/06/2011"])
    with pytest.raises(InvalidDataError, match=r"Give day_first=True or day_first=False"):
        read(["01/02/2011", "05/06/2011", "2011-01-01"])


def test_one_date_that_fits_only_one_order_decides_for_all() -> None:
    assert texts(read(["01/02/2011", "13/02/2011"]))[0] == "2011-02-01T00:00:00"
    assert texts(read(["01/02/2011", "02/13/2011"]))[0] == "2011-01-02T00:00:00"
    assert "start with the day" in read(["01/02/2011", "13/02/2011"]).notes[0]


def test_dates_equal_in_both_orders_need_no_decision() -> None:
    assert texts(read(["01/01/2011", "02/02/2011"])) == [
        "2011-01-01T00:00:00",
        "2011-02-02T00:00:00",
    ]


def test_dates_in_both_orders_are_an_error_unless_the_order_is_said() -> None:
    mixed = ["13/02/2011", "02/13/2011", "01/02/2011"]
    with pytest.raises(InvalidDataError, match="mixes orders of day and month"):
        read(mixed)
    assert texts(read(mixed, day_first=True)) == [
        "2011-02-13T00:00:00",
        None,
        "2011-02-01T00:00:00",
    ]


def test_short_years_after_dashes_need_a_format() -> None:
    with pytest.raises(InvalidDataError, match="11-02-13, which could start with the day, the mon"):
        read(["11-02-13", "31-12-13"])
    assert texts(read(["11-02-13"], time_format="%y-%m-%d")) == ["2011-02-13T00:00:00"]


def test_a_format_is_followed_and_what_does_not_fit_is_unparsable() -> None:
    found = read(["31.01.26 13:05", "2026-01-31", None], time_format="%d.%m.%y %H:%M")
    assert texts(found) == ["2026-01-31T13:05:00", None, None]
    assert found.unparsable.tolist() == [False, True, False]
    zoned = read(["31.01.26 13:05 +0200"], time_format="%d.%m.%y %H:%M %z")
    assert texts(zoned) == ["2026-01-31T11:05:00"]
    assert zoned.converted.tolist() == [True]


def test_a_format_that_is_none_is_a_bad_parameter() -> None:
    with pytest.raises(InvalidParameterError, match="time_format='%Q' is not a format"):
        read(["2026-01-31"], time_format="%Q")


def test_a_column_without_any_time_says_what_it_looks_like_and_shows_no_value() -> None:
    with pytest.raises(InvalidDataError, match=r"first looks like 'aaaa 9'") as caught:
        read(["Anna 7", "Berta 8"])
    assert "Anna" not in str(caught.value)
    assert "time_format=" in str(caught.value)


def test_shapes_of_texts_hide_letters_and_digits() -> None:
    assert text_shape("Ärzte 12,5€") == "aaaaa 99,9€"


def test_times_with_and_without_a_zone_cannot_be_mixed_without_saying_the_zone() -> None:
    mixed = ["2026-01-31 10:00", "2026-01-31 10:00+02:00"]
    with pytest.raises(InvalidDataError, match=r"mixes 1 time with a zone and 1 without one.*Rows"):
        read(mixed)
    with pytest.raises(InvalidDataError, match="Give time_zone="):
        read(mixed)
    assert texts(read(mixed, time_zone="Asia/Shanghai")) == [
        "2026-01-31T02:00:00",
        "2026-01-31T08:00:00",
    ]


def test_times_of_several_zones_become_utc() -> None:
    found = read(["2026-01-31 10:00+02:00", "2026-01-31 10:00-05:00"])
    assert texts(found) == ["2026-01-31T08:00:00", "2026-01-31T15:00:00"]
    assert found.converted.all()


def test_python_times_of_several_zones_become_utc() -> None:
    east, west = timezone(timedelta(hours=8)), timezone(timedelta(hours=-5))
    values = [datetime(2026, 1, 31, 10, tzinfo=zone) for zone in (east, west, UTC)]
    found = read([*values, None])
    assert texts(found) == [
        "2026-01-31T02:00:00",
        "2026-01-31T15:00:00",
        "2026-01-31T10:00:00",
        None,
    ]


def test_python_times_may_lie_beyond_nanoseconds() -> None:
    assert texts(read([datetime(9999, 12, 31), date(1500, 1, 1)]))[0] == "9999-12-31T00:00:00"


def test_local_times_shown_twice_are_the_earlier_and_those_jumped_over_move_forward() -> None:
    # Berlin: 26 Oct 2025 02:30 came twice (first at 00:30 UTC); 30 Mar 2025 02:30 never came.
    found = read(
        ["2025-10-26 02:30", "2025-03-30 02:30", "2025-07-01 12:00"], time_zone="Europe/Berlin"
    )
    assert texts(found) == [
        "2025-10-26T00:30:00",
        "2025-03-30T01:00:00",
        "2025-07-01T10:00:00",
    ]
    assert found.ambiguous.tolist() == [True, False, False]
    assert found.nonexistent.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("values", "time_format", "expected"),
    [
        ([20260131, 20260201], None, "2026-01-31T00:00:00"),
        ([20260131.0, np.nan], None, "2026-01-31T00:00:00"),
        ([20260131], "%Y%m%d", "2026-01-31T00:00:00"),
        ([1_769_864_709], "unix_s", "2026-01-31T13:05:09"),
        ([1_769_864_709.25], "unix_s", "2026-01-31T13:05:09"),
        ([1_769_864_709_000], "unix_ms", "2026-01-31T13:05:09"),
        ([1_769_864_709_000_000], "unix_us", "2026-01-31T13:05:09"),
        ([1_769_864_709_000_000_000], "unix_ns", "2026-01-31T13:05:09"),
        (["1769864709"], "unix_s", "2026-01-31T13:05:09"),
        ([46053.545243055555], "excel", "2026-01-31T13:05:09"),
    ],
)
def test_numbers_are_dates_or_what_the_format_says(
    values: list[Any], time_format: str | None, expected: str
) -> None:
    found = read(values, time_format=time_format)
    assert texts(found)[0] == expected
    assert found.parsed[0]


def test_some_numbers_that_are_no_dates_are_unparsable() -> None:
    assert read([20260131, 20260132, 0, 20260201, 20260202]).unparsable.tolist() == [
        False, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "likely"),
    [
        (1_769_864_709, "unix_s"),
        (1_769_864_709_000, "unix_ms"),
        (46_053, "excel"),
    ],
)
def test_numbers_of_unknown_meaning_are_an_error_that_names_the_likely_format(
    value: int, likely: str
) -> None:
    with pytest.raises(InvalidDataError, match=f"They look like time_format='{likely}'"):
        read([value])


def test_a_text_format_for_numbers_is_an_error() -> None:
    with pytest.raises(InvalidDataError, match="holds numbers, but time_format="):
        read([46_053], time_format="%d.%m.%Y")


@pytest.mark.parametrize("values", [[True, False], [[1], [2]]])
def test_columns_that_cannot_be_times_are_refused(values: list[Any]) -> None:
    with pytest.raises(ColumnTypeError, match="must hold dates or times"):
        read(values)


def test_time_zones_are_checked_with_the_nearest_name() -> None:
    assert check_zone("Europe/Berlin") is None
    assert "Did you mean 'Europe/Berlin'?" in str(check_zone("Europe/Berln"))


def test_local_days_are_those_of_the_zone() -> None:
    # 2026-01-01 23:30 UTC is 2026-01-02 in Berlin; day 20454 is 2026-01-01.
    micros = np.array([np.datetime64("2026-01-01T23:30", "us").astype(np.int64)])
    assert local_days(micros, None).tolist() == [20454]
    assert local_days(micros, "Europe/Berlin").tolist() == [20455]


def test_no_texts_are_read_as_no_times() -> None:
    assert len(read_time_texts([], day_first=False).micros) == 0
