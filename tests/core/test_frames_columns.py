"""Each word that derives columns or keeps rows, against a table worked out by hand."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.flavours import ARROW_FLAVOURS, build, every_flavour, read, types_of
from userportrait._core import frames
from userportrait._core.units import minor_units
from userportrait.errors import InvalidDataError

DAY = 86_400_000_000


def result(frame: frames.Frame) -> dict[str, list[Any]]:
    return read(frames.leave(frame))


def type_of(frame: frames.Frame, column: str) -> str:
    return types_of(frames.leave(frame))[column]


# --- choosing and naming -----------------------------------------------------------------


@every_flavour
def test_selected_columns_come_in_the_order_asked_for(flavour: str) -> None:
    frame = frames.enter(build(flavour, a=("int64", [1]), b=("text", ["x"]), c=("bool", [True])))

    assert result(frames.select_columns(frame, ["c", "a"])) == {"c": [True], "a": [1]}


@every_flavour
def test_columns_are_renamed_in_place_and_may_swap_names(flavour: str) -> None:
    frame = frames.enter(build(flavour, a=("int64", [1]), b=("text", ["x"]), c=("bool", [True])))

    renamed = frames.name_columns(frame, {"a": "b", "b": "a", "c": "c"})

    assert list(result(renamed).items()) == [("b", [1]), ("a", ["x"]), ("c", [True])]


@every_flavour
def test_two_columns_cannot_get_one_name(flavour: str) -> None:
    frame = frames.enter(build(flavour, a=("int64", [1]), b=("text", ["x"])))

    with pytest.raises(InvalidDataError, match="two columns named 'b'"):
        frames.name_columns(frame, {"a": "b"})


def test_duckdb_refuses_a_name_that_differs_by_case_only() -> None:
    frame = frames.enter(build("duckdb", a=("int64", [1]), Units=("int64", [2])))

    with pytest.raises(InvalidDataError, match="does not tell case apart"):
        frames.name_columns(frame, {"a": "units"})


# --- times -------------------------------------------------------------------------------

# Worked by hand: 2026-01-05 is day 20458; 1969-12-31 23:59:59.5 is half a second before 0.
TIMES = [
    datetime(2026, 1, 5, 6),
    None,
    datetime(1969, 12, 31, 23, 59, 59, 500_000),
    datetime(1970, 1, 1),
    datetime(1900, 3, 1),
]
MICROS = [20458 * DAY + DAY // 4, None, -500_000, 0, -25508 * DAY]
DAYS = [20458, None, -1, 0, -25508]


@every_flavour
@pytest.mark.parametrize("kind", ["time", "time_ms", "time_ns", "zoned"])
def test_epoch_micros_count_from_1970_in_utc(flavour: str, kind: str) -> None:
    frame = frames.enter(build(flavour, t=(kind, TIMES)))

    found = frames.with_epoch_micros(frame, "t", "at")

    assert result(frames.select_columns(found, ["at"])) == {"at": MICROS}
    assert type_of(found, "at") == "Int64"


@every_flavour
def test_a_date_is_its_midnight(flavour: str) -> None:
    frame = frames.enter(build(flavour, t=("date", [date(2026, 1, 5), None, date(1969, 12, 31)])))

    found = frames.with_epoch_micros(frame, "t", "at")

    assert result(found)["at"] == [20458 * DAY, None, -DAY]
    assert type_of(found, "at") == "Int64"


@every_flavour
def test_times_in_whole_seconds_are_read(flavour: str) -> None:
    frame = frames.enter(build(flavour, t=("time_s", [datetime(1969, 12, 31, 23, 59, 59)])))

    assert result(frames.with_epoch_micros(frame, "t", "at"))["at"] == [-1_000_000]


@every_flavour
def test_nanoseconds_are_cut_off_towards_the_past(flavour: str) -> None:
    # 1 ns before 1970 and 1 ns after: floored to -1 and 0 microseconds.
    times = pd.to_datetime([-1, 1, -1001, 1999]).tolist()
    frame = frames.enter(build(flavour, t=("time_ns", times)))

    found = frames.select_columns(frames.with_epoch_micros(frame, "t", "at"), ["at"])

    assert result(found) == {"at": [-1, 0, -2, 1]}


@every_flavour
def test_a_time_in_a_zone_is_the_moment_it_stands_for(flavour: str) -> None:
    # 13:00 in Paris is 12:00 UTC in winter, 11:00 UTC in summer.
    winter, summer = (datetime(2026, m, 5, h, tzinfo=UTC) for m, h in ((1, 12), (7, 11)))
    frame = frames.enter(build(flavour, t=("zoned", [winter, summer])))

    added = frames.with_epoch_micros(frame, "t", "at")
    found = result(frames.select_columns(added, ["at"]))["at"]

    assert found == [int(winter.timestamp()) * 10**6, int(summer.timestamp()) * 10**6]


def test_times_of_several_zones_in_one_column_are_converted_one_by_one() -> None:
    values = [pd.Timestamp("2026-01-05 13:00", tz=zone) for zone in ("Europe/Paris", "UTC")]
    frame = frames.enter(pd.DataFrame({"t": pd.Series(values, dtype=object)}))

    found = result(frames.with_epoch_micros(frame, "t", "at"))["at"]

    assert found == [20458 * DAY + DAY // 2, 20458 * DAY + 13 * DAY // 24]


@every_flavour
def test_day_numbers_are_floored_also_before_1970(flavour: str) -> None:
    micros = [0, -1, DAY - 1, DAY, -DAY, -DAY - 1, None, MICROS[-1]]
    frame = frames.enter(build(flavour, at=("int64", micros)))

    found = frames.with_day_number(frame, "at", "day")

    assert result(found)["day"] == [0, -1, 0, 1, -1, -2, None, -25508]
    assert type_of(found, "day") == "Int64"


@every_flavour
def test_the_day_of_a_time_is_its_day_in_utc(flavour: str) -> None:
    frame = frames.with_epoch_micros(frames.enter(build(flavour, t=("time", TIMES))), "t", "at")

    assert result(frames.with_day_number(frame, "at", "day"))["day"] == DAYS


@every_flavour
@pytest.mark.parametrize("kind", ["time", "time_ms", "time_ns", "zoned"])
def test_rows_are_kept_up_to_and_with_the_moment(flavour: str, kind: str) -> None:
    times = [datetime(2026, 1, 5), None, datetime(2026, 1, 5, 0, 0, 1), datetime(1969, 1, 1)]
    frame = frames.enter(build(flavour, t=(kind, times), n=("int64", [1, 2, 3, 4])))

    kept = frames.keep_rows_until(frame, "t", datetime(2026, 1, 5))

    assert result(frames.select_columns(kept, ["n"])) == {"n": [1, 4]}


@every_flavour
def test_rows_are_kept_by_date_and_by_epoch_micros_too(flavour: str) -> None:
    days = [date(2026, 1, 5), date(2026, 1, 6), None]
    frame = frames.enter(build(flavour, d=("date", days), at=("int64", [-5, 7, None])))

    until_date = frames.keep_rows_until(frame, "d", datetime(2026, 1, 5, 23))
    until_micros = frames.keep_rows_until(frame, "at", -5)

    assert result(until_date)["at"] == [-5]
    assert result(until_micros)["at"] == [-5]


@every_flavour
def test_columns_made_after_rows_were_dropped_belong_to_their_rows(flavour: str) -> None:
    # A pandas index that survives the filter would put them on other rows.
    frame = frames.enter(build(flavour, at=("int64", [9, 1, 2]), x=("float64", [0.09, 0.01, 0.02])))

    kept = frames.keep_rows_until(frame, "at", 5)
    found = frames.with_minor_units(kept, "x", "minor", digits=2)

    assert result(found) == {"at": [1, 2], "x": [0.01, 0.02], "minor": [1, 2]}


# --- money -------------------------------------------------------------------------------

MONEY = {
    0.005: 1,
    1.005: 101,
    -1.005: -101,
    2.675: 268,
    0.125: 13,
    -0.125: -13,
    0.004: 0,
    -0.004: 0,
    0.0: 0,
    10.0: 1000,
    19.99: 1999,
    1e9: 10**11,
    0.07: 7,
    # Within 1e-6 of a half counts as a half; farther off it does not.
    0.004999999: 1,
    0.0049999: 0,
}


@every_flavour
def test_halves_go_away_from_zero_on_every_engine(flavour: str) -> None:
    frame = frames.enter(build(flavour, x=("float64", [*MONEY, None])))

    found = frames.with_minor_units(frame, "x", "minor", digits=2)

    assert result(found)["minor"] == [*MONEY.values(), None]
    assert type_of(found, "minor") == "Int64"


@every_flavour
def test_currencies_of_no_and_of_three_digits_are_rounded_at_their_own_place(flavour: str) -> None:
    frame = frames.enter(build(flavour, x=("float64", [1.5, -2.5, 0.4999, 1.0005, 2.6745])))

    yen = frames.with_minor_units(frame, "x", "minor", digits=0)
    dinar = frames.with_minor_units(frame, "x", "minor", digits=3)

    assert result(yen)["minor"] == [2, -3, 0, 1, 3]
    assert result(dinar)["minor"] == [1500, -2500, 500, 1001, 2675]


@every_flavour
def test_decimals_and_whole_numbers_are_money_too(flavour: str) -> None:
    decimals = [Decimal("1.005"), None, Decimal("-2.675"), Decimal("0.07")]
    frame = frames.enter(build(flavour, d=("decimal", decimals), i=("int32", [1, None, -2, 0])))

    assert result(frames.with_minor_units(frame, "d", "m", digits=2))["m"] == [101, None, -268, 7]
    assert result(frames.with_minor_units(frame, "i", "m", digits=2))["m"] == [100, None, -200, 0]


@every_flavour
def test_money_that_is_no_number_has_no_minor_units(flavour: str) -> None:
    values = [math.nan, math.inf, -math.inf, 1e300, 0.5]
    frame = frames.enter(build(flavour, x=("float64", values)))

    found = frames.with_minor_units(frame, "x", "minor", digits=2)

    assert result(frames.select_columns(found, ["minor"]))["minor"] == [*[None] * 4, 50]


@every_flavour
def test_large_money_is_not_off_by_one(flavour: str) -> None:
    # Above 2**52 adding a half would round to the next even number.
    whole = [2.0**52 - 1, 2.0**52 + 1, 2.0**53 - 1, -(2.0**52) - 1, 2.0**51 + 0.5]
    frame = frames.enter(build(flavour, x=("float64", whole)))

    found = result(frames.with_minor_units(frame, "x", "minor", digits=0))["minor"]

    assert found == [2**52 - 1, 2**52 + 1, 2**53 - 1, -(2**52) - 1, 2**51 + 1]


@pytest.mark.parametrize("flavour", ["polars", "duckdb", "pandas-nullable"])
@given(values=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20))
def test_engines_round_money_like_numpy(flavour: str, values: list[float]) -> None:
    frame = frames.enter(build(flavour, x=("float64", values)))

    found = result(frames.with_minor_units(frame, "x", "minor", digits=2))["minor"]

    assert found == minor_units(pd.Series(values).to_numpy(), 2).tolist()


# --- other columns -----------------------------------------------------------------------


@every_flavour
def test_a_product_is_float64_and_null_where_a_part_is(flavour: str) -> None:
    frame = frames.enter(
        build(
            flavour,
            q=("int8", [100, -2, 3, None, 5]),
            p=("float64", [1.25, 2.5, None, 1.0, math.nan]),
        )
    )

    found = frames.with_product(frame, "q", "p", "amount")

    assert result(found)["amount"] == [125.0, -5.0, None, None, None]
    assert type_of(found, "amount") == "Float64"


@every_flavour
def test_a_product_of_small_integers_and_decimals_does_not_overflow(flavour: str) -> None:
    frame = frames.enter(
        build(flavour, q=("uint8", [255, 2]), p=("decimal", [Decimal("1000.5"), Decimal("-0.5")]))
    )

    found = frames.with_product(frame, "q", "p", "amount")

    assert result(found)["amount"] == [255127.5, -1.0]
    assert type_of(found, "amount") == "Float64"


@every_flavour
def test_any_negative_looks_at_every_column(flavour: str) -> None:
    frame = frames.enter(
        build(flavour, a=("int64", [1, -1, 0, 1]), b=("float64", [1.0, 1.0, 0.0, -0.5]))
    )

    found = frames.with_any_negative(frame, ["a", "b"], "back")

    assert result(found)["back"] == [False, True, False, True]
    assert type_of(found, "back") == "Boolean"


@every_flavour
def test_a_choice_between_two_numbers_is_int64(flavour: str) -> None:
    frame = frames.enter(build(flavour, flag=("bool", [True, False, True])))

    found = frames.with_choice(frame, "flag", -1000, 1000, "units")

    assert result(found)["units"] == [-1000, 1000, -1000]
    assert type_of(found, "units") == "Int64"


@every_flavour
def test_copies_are_null_where_the_flag_is_true_and_whole_numbers_stay_whole(flavour: str) -> None:
    big = 2**60 + 1  # float64 would not hold it
    frame = frames.enter(
        build(
            flavour,
            flag=("bool", [True, False]),
            n=("int64", [1, big]),
            t=("text", ["a", "b"]),
            x=("float64", [0.5, 1.5]),
        )
    )

    found = frames.with_null_where(frame, "flag", {"n2": "n", "t2": "t", "x2": "x", "f2": "flag"})

    assert result(found) == {
        "flag": [True, False],
        "n": [1, big],
        "t": ["a", "b"],
        "x": [0.5, 1.5],
        "n2": [None, big],
        "t2": [None, "b"],
        "x2": [None, 1.5],
        "f2": [None, False],
    }
    assert type_of(found, "n2") == "Int64"


@every_flavour
def test_missing_numbers_become_zero(flavour: str) -> None:
    frame = frames.enter(
        build(
            flavour,
            n=("int32", [1, None]),
            x=("float64", [None, math.nan]),
            f=("float32", [1.5, None]),
            d=("decimal", [Decimal("0.5"), None]),
        )
    )

    found = frames.with_zero_for_missing(frame, ["n", "x", "f", "d"])

    assert result(found) == {"n": [1, 0], "x": [0.0, 0.0], "f": [1.5, 0.0], "d": [0.5, 0.0]}
    assert set(types_of(frames.leave(found)).values()) == {"Int64", "Float64"}


@every_flavour
def test_no_column_to_fill_changes_nothing(flavour: str) -> None:
    frame = frames.enter(build(flavour, n=("int64", [1, None])))

    assert result(frames.with_zero_for_missing(frame, [])) == {"n": [1, None]}


@every_flavour
def test_rows_are_sorted_by_several_columns_and_texts_by_code_point(flavour: str) -> None:
    # By code point capitals come before small letters, ä after z, Chinese after both.
    frame = frames.enter(
        build(
            flavour,
            t=("text", ["客", "a", "Z", "ä", "z", "a", ""]),
            n=("int64", [1, 9, 1, 1, 1, -9, 1]),
        )
    )

    found = result(frames.sort_rows(frame, ["t", "n"]))

    assert found["t"] == ["", "Z", "a", "a", "z", "ä", "客"]
    assert found["n"] == [1, 1, -9, 9, 1, 1, 1]


@every_flavour
def test_a_column_that_is_there_already_is_replaced(flavour: str) -> None:
    frame = frames.enter(
        build(flavour, t=("time", [datetime(1970, 1, 1)]), at=("text", ["x"]), x=("float64", [0.5]))
    )

    found = frames.with_minor_units(frames.with_epoch_micros(frame, "t", "at"), "x", "x", digits=2)

    assert {name: result(found)[name] for name in ("at", "x")} == {"at": [0], "x": [50]}


@every_flavour
def test_a_column_that_differs_by_case_does_not_shadow_a_new_one(flavour: str) -> None:
    # DuckDB would silently read "Units" where "units" is asked for.
    frame = frames.enter(
        build(
            flavour,
            AT=("int64", [7]),
            Units=("float64", [0.5]),
            t=("time", [datetime(1970, 1, 1)]),
        )
    )

    found = frames.with_minor_units(frame, "Units", "units", digits=1)
    found = frames.with_epoch_micros(found, "t", "at")

    assert result(frames.select_columns(found, ["at", "units"])) == {"at": [0], "units": [5]}


ODD_NAMES = ["with space", 'quo"te', "apo'strophe", "单价", "100 %", "a.b"]


@every_flavour
@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_go_through_every_word(flavour: str, name: str) -> None:
    old = find_spec("duckdb") is not None and int(version("duckdb").split(".")[0]) < 2
    if old and flavour.startswith(("duckdb", "ibis")) and ('"' in name or "." in name):
        with pytest.raises(InvalidDataError, match=r"Rename the column, or update DuckDB"):
            frames.with_product(
                frames.enter(build(flavour, **{name: ("int64", [1])})), name, name, "c"
            )
        return
    new = f"{name} 2"
    times = frames.enter(build(flavour, **{name: ("time", [datetime(1970, 1, 2)])}))
    numbers = frames.enter(build(flavour, **{name: ("float64", [0.5, 1.5])}))

    epoch = frames.with_epoch_micros(times, name, new)
    assert result(frames.with_day_number(epoch, new, name))[name] == [1]
    assert result(frames.keep_rows_until(times, name, datetime(1970, 1, 1))) == {name: []}
    assert result(frames.with_minor_units(numbers, name, new, digits=1))[new] == [5, 15]
    assert result(frames.with_product(numbers, name, name, new))[new] == [0.25, 2.25]
    assert frames.spans(numbers, [name]) == {name: (0.5, 1.5)}
    summed = frames.aggregate(epoch, [name], {new: (new, "sum")}, rows=f"{name} 3")
    assert result(summed)[f"{name} 3"] == [1]


def test_the_list_of_flavours_with_null_and_nan_is_right() -> None:
    for flavour in ARROW_FLAVOURS:
        frame = frames.enter(build(flavour, x=("float64", [math.nan, None])))
        assert frames.count_missing(frame, ["x"]) == {"x": 2}
