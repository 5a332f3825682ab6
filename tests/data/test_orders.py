"""Order lines: money, times and IDs are the same on every engine, or the same error."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from helpers.flavours import build, engine_of, every_flavour, read, types_of
from userportrait._core import frames
from userportrait.data import Orders, clean_orders
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)

DAY = 86_400_000_000

# Worked by hand: two customers, three orders; the third line takes one unit back.
# 1.005 * 2 is 2.01; -1 * 1.005 rounds away from zero to -1.01; 3 * 2.675 is 8.025, so 8.03.
LINES: dict[str, tuple[str, list[Any]]] = {
    "customer_id": ("text", ["bo", "ann", "bo", "ann"]),
    "order_id": ("int64", [12, 10, 12, 11]),
    "ordered_at": (
        "time",
        [
            datetime(2026, 1, 5, 10),
            datetime(1969, 12, 31, 23, 59, 59, 1),
            datetime(2026, 1, 5, 10),
            datetime(2026, 2, 1),
        ],
    ),
    "item_id": ("text", ["tea", "cup", "tea", None]),
    "quantity": ("int64", [2, 3, -1, 10]),
    "price": ("float64", [1.005, 2.675, 1.005, 0.0]),
}
MINOR = [201, 803, -101, 0]


def make(flavour: str, *without: str, **changes: tuple[str, list[Any]]) -> Orders:
    return Orders(lines(flavour, *without, **changes))


def lines(flavour: str, *without: str, **changes: tuple[str, list[Any]]) -> Any:
    columns = {k: v for k, v in (LINES | changes).items() if k not in without}
    n = min(len(values) for _, values in columns.values())
    return build(flavour, **{k: (kind, values[:n]) for k, (kind, values) in columns.items()})


# --- the same on every engine ------------------------------------------------------------


@every_flavour
def test_lines_are_what_was_worked_out_by_hand(flavour: str) -> None:
    orders = make(flavour)
    arrays = orders.arrays

    assert len(orders) == len(arrays) == 4
    assert orders.engine == engine_of(flavour)
    assert arrays.customer_ids.tolist() == ["ann", "bo"]
    assert arrays.customer.tolist() == [1, 0, 1, 0]
    assert arrays.order_ids.tolist() == [10, 11, 12]
    assert arrays.order_ids.dtype == np.int64
    assert arrays.order.tolist() == [2, 0, 2, 1]
    assert arrays.at.tolist()[1] == -1_000_000 + 1
    assert arrays.day.tolist() == [20458, -1, 20458, 20485]
    assert arrays.quantity.tolist() == [2, 3, -1, 10]
    assert arrays.quantity.dtype == np.int64
    assert arrays.amount.tolist() == MINOR
    assert arrays.is_return.tolist() == [False, False, True, False]
    assert arrays.owners is not None
    assert arrays.owners.tolist() == [0, 0, 1]
    assert orders.has_returns
    assert arrays.has_returns


@every_flavour
def test_the_frame_gets_amount_minor_and_keeps_the_rest(flavour: str) -> None:
    orders = make(flavour, note=("text", ["x", None, "y", "z"]))

    found = read(orders.frame)

    assert list(found) == orders.columns == [*LINES, "note", "amount", "amount_minor"]
    assert found["amount_minor"] == MINOR
    assert found["amount"] == [2.01, 3 * 2.675, -1.005, 0.0]
    assert found["note"] == ["x", None, "y", "z"]
    assert types_of(orders.frame)["amount_minor"] == "Int64"
    assert types_of(orders.frame)["amount"] == "Float64"


@every_flavour
def test_the_lines_for_engines_agree_with_the_arrays(flavour: str) -> None:
    orders = make(flavour, "item_id", customer_id=("float64", [17850.0, 1.0, 17850.0, 1.0]))

    names = ["customer_id", "order_id", "at", "amount_minor"]
    found = frames.collect_arrays(orders.lines, names)

    arrays = orders.arrays
    assert_array_equal(found["customer_id"], arrays.customer_ids[arrays.customer])
    assert_array_equal(found["order_id"], arrays.order_ids[arrays.order])
    assert_array_equal(found["at"], arrays.at)
    assert_array_equal(found["amount_minor"], arrays.amount)
    assert found["customer_id"].dtype == np.int64
    assert types_of(orders.frame)["customer_id"] == "Int64"


@every_flavour
def test_to_pandas_is_the_same_from_every_engine(flavour: str) -> None:
    found = make(flavour).to_pandas()

    assert str(found["ordered_at"].dtype) == "datetime64[us]"
    whole = {str(found[name].dtype) for name in ("order_id", "quantity", "amount_minor")}
    assert {name.lower() for name in whole} <= {"int64", "int64[pyarrow]"}
    assert read(found) == {name: values for name, (_, values) in LINES.items()} | {
        "amount": [2.01, 3 * 2.675, -1.005, 0.0],
        "amount_minor": MINOR,
    }


@every_flavour
@pytest.mark.parametrize("kind", ["time", "time_s", "time_ms", "time_ns", "zoned"])
def test_newest_and_oldest_are_moments_in_utc(flavour: str, kind: str) -> None:
    times = [datetime(2026, 1, 5, 10), datetime(1969, 12, 31, 23, 59, 59), datetime(2026, 2, 1)]

    orders = make(flavour, ordered_at=(kind, times))

    assert orders.newest == datetime(2026, 2, 1)
    assert orders.oldest == datetime(1969, 12, 31, 23, 59, 59)
    assert orders.newest.tzinfo is None
    assert orders.arrays.at.tolist()[1] == -1_000_000
    assert orders.newest == datetime(2026, 2, 1)  # again, now from the arrays


@every_flavour
def test_a_date_is_the_midnight_at_its_start(flavour: str) -> None:
    orders = make(flavour, ordered_at=("date", [date(2026, 1, 5), date(1969, 12, 31)]))

    assert (orders.oldest, orders.newest) == (datetime(1969, 12, 31), datetime(2026, 1, 5))
    assert orders.arrays.day.tolist() == [20458, -1]
    assert orders.to_pandas()["ordered_at"].tolist() == [
        pd.Timestamp("2026-01-05"),
        pd.Timestamp("1969-12-31"),
    ]
    assert frames.collect_arrays(orders.lines, ["at"])["at"].tolist() == [20458 * DAY, -DAY]


@every_flavour
def test_as_of_is_the_newest_line_or_what_was_asked_for(flavour: str) -> None:
    orders = make(flavour)

    assert orders.moment(None, owner="RFM.fit") == datetime(2026, 2, 1)
    assert orders.moment("2030-01-01", owner="RFM.fit") == datetime(2030, 1, 1)
    assert orders.moment(date(1970, 1, 1), owner="RFM.fit") == datetime(1970, 1, 1)
    assert orders.moment(datetime(1969, 12, 31, 23, 59, 59, 1), owner="x") == orders.oldest


@every_flavour
def test_as_of_before_the_first_order_is_refused(flavour: str) -> None:
    orders = make(flavour)

    with pytest.raises(InvalidParameterError) as caught:
        orders.moment("1969-12-31", owner="RFM.fit")
    assert str(caught.value) == (
        "RFM.fit: as_of=1969-12-31T00:00:00 is before the first order "
        "(1969-12-31T23:59:59.000001); no order would be left. A date is midnight "
        "at its start."
    )
    with pytest.raises(InvalidParameterError, match="as_of must be a date or time"):
        orders.moment("soon", owner="RFM.fit")


@given(order=st.permutations(range(4)))
def test_the_order_of_rows_changes_nothing_that_is_learned(order: list[int]) -> None:
    frame = build("pandas", **LINES)

    first, turned = Orders(frame), Orders(frame.iloc[order])

    assert (turned.newest, turned.oldest) == (first.newest, first.oldest)
    assert_array_equal(turned.arrays.customer_ids, first.arrays.customer_ids)
    for name in ("customer", "order", "at", "amount", "quantity"):
        assert_array_equal(getattr(turned.arrays, name), getattr(first.arrays, name)[order])


# --- money -------------------------------------------------------------------------------


@every_flavour
def test_amount_counts_where_it_is_there_and_not_quantity_times_price(flavour: str) -> None:
    orders = make(flavour, amount=("float64", [1.5, 0.0, -0.5, 7.0]))

    assert orders.arrays.amount.tolist() == [150, 0, -50, 700]
    assert read(orders.frame)["amount_minor"] == [150, 0, -50, 700]
    assert read(orders.frame)["amount"] == [1.5, 0.0, -0.5, 7.0]


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values", "minor"),
    [
        ("float64", [0.005, 1.005, -1.005, 2.675, 0.125], [1, 101, -101, 268, 13]),
        ("float32", [0.5, -0.25], [50, -25]),
        ("int64", [3, -2], [300, -200]),
        ("int8", [127, -128], [12700, -12800]),
        ("uint8", [255, 0], [25500, 0]),
        ("decimal", [Decimal("1.005"), Decimal("-2.675")], [101, -268]),
    ],
)
def test_money_of_any_numeric_type_is_rounded_alike(
    flavour: str, kind: str, values: list[Any], minor: list[int]
) -> None:
    columns = {k: (t, [v[0]] * len(values)) for k, (t, v) in LINES.items()}
    columns = {k: columns[k] for k in ("customer_id", "order_id", "ordered_at")}

    orders = Orders(build(flavour, **columns, amount=(kind, values)))

    assert orders.arrays.amount.tolist() == minor
    assert read(orders.frame)["amount_minor"] == minor
    assert orders.has_returns == any(v < 0 for v in values)


@every_flavour
def test_a_currency_without_minor_units_and_one_with_three(flavour: str) -> None:
    native = lines(flavour, "quantity", "price", amount=("float64", [1200.4, 0.5, -0.5, 2.0005]))

    yen, dinar = Orders(native, currency="JPY", minor_digits=0), Orders(native, minor_digits=3)

    assert yen.arrays.amount.tolist() == read(yen.frame)["amount_minor"] == [1200, 1, -1, 2]
    assert dinar.arrays.amount.tolist() == [1_200_400, 500, -500, 2001]
    assert (yen.currency, yen.minor_digits, dinar.currency) == ("JPY", 0, None)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"minor_digits": 5}, r"minor_digits must be an integer in \[0, 4\]; got 5"),
        ({"minor_digits": 2.0}, "minor_digits must be an integer"),
        ({"currency": 978}, "currency must be a text; got int"),
        ({"minor_digits": -1, "currency": 978}, "Orders: 2 problems"),
    ],
)
def test_parameters_are_checked_before_the_frame(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        Orders("no frame at all", **params)


@every_flavour
@pytest.mark.parametrize("column", ["amount", "price", "quantity"])
@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf], ids=str)
def test_money_and_units_that_are_no_numbers_are_refused_with_their_rows(
    flavour: str, column: str, bad: float | None
) -> None:
    with pytest.raises(InvalidDataError) as caught:
        make(flavour, **{column: ("float64", [1.0, bad, 2.0, bad])})

    assert str(caught.value) == (
        f"Orders: '{column}' must hold finite numbers; 2 rows hold NaN, infinity or nothing. "
        "Drop those rows, or use clean_orders, which drops and counts them. Rows (from 0): 1, 3."
    )
    assert (caught.value.column, caught.value.rows, caught.value.n_rows) == (column, (1, 3), 2)


@every_flavour
def test_units_are_checked_also_where_amount_counts(flavour: str) -> None:
    # Otherwise the fault would come up much later, and on some engines never.
    with pytest.raises(InvalidDataError, match="'quantity' must hold finite numbers"):
        make(flavour, amount=("float64", [1.0] * 4), quantity=("int64", [1, None, 1, 1]))


@every_flavour
@pytest.mark.parametrize("column", ["quantity", "price"])
def test_one_of_quantity_and_price_is_not_enough(flavour: str, column: str) -> None:
    other = "price" if column == "quantity" else "quantity"

    with pytest.raises(MissingColumnError) as caught:
        make(flavour, column)

    assert caught.value.column == column
    assert str(caught.value).startswith(
        f"Orders needs 'amount', or both 'quantity' and 'price': '{column}' is not a known column."
    )
    assert f"'{other}'" in str(caught.value)


def test_a_misspelt_amount_gets_the_nearest_name() -> None:
    native = lines("pandas", "quantity", "price").assign(amuont=1.0)

    with pytest.raises(MissingColumnError, match=r"'amount' is not .* Did you mean 'amuont'\?"):
        Orders(native)


@every_flavour
@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"amount": ("float64", [1.0, 2.0**53 / 100, -(2.0**60), 0.0])}, (1, 2)),
        # Each part is small enough, the product is not.
        (
            {
                "quantity": ("float64", [1.0, 8e9, 1.0, 1.0]),
                "price": ("float64", [1.0, 1e9, 1.0, 1.0]),
            },
            (1,),
        ),
    ],
    ids=["amount", "product"],
)
def test_money_that_int64_sums_could_not_hold_is_refused(
    flavour: str, changes: dict[str, Any], rows: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidDataError) as caught:
        make(flavour, **changes)

    assert str(caught.value).startswith("Orders: money must be smaller than 2**53 minor units; ")
    assert caught.value.rows == rows


@every_flavour
def test_large_parts_of_a_small_product_are_money(flavour: str) -> None:
    orders = make(
        flavour,
        quantity=("float64", [1e9, 1.0, 1.0, 1.0]),
        price=("float64", [1e-7, 1e9, 1.0, 1.0]),
    )

    assert orders.arrays.amount.tolist()[:2] == [10_000, 10**11]


def test_the_largest_money_is_exact_to_the_last_unit() -> None:
    native = build(
        "pandas",
        customer_id=("int64", [1, 1]),
        order_id=("int64", [1, 2]),
        ordered_at=("time", [datetime(2026, 1, 5)] * 2),
        amount=("float64", [2.0**53 - 1, 2.0**52 + 1]),
    )

    assert Orders(native, minor_digits=0).arrays.amount.tolist() == [2**53 - 1, 2**52 + 1]


@every_flavour
def test_an_amount_minor_of_the_input_is_worked_out_anew(flavour: str) -> None:
    # It would be out of date where the caller changed `amount` after a first round trip.
    first = make(flavour, amount=("float64", [1.0, 2.0, -3.0, 4.0]))
    again = Orders(first.frame)
    changed = make(flavour, amount=("float64", [9.0] * 4), amount_minor=("text", ["old"] * 4))

    assert again.columns == first.columns
    assert again.arrays.amount.tolist() == [100, 200, -300, 400]
    assert changed.arrays.amount.tolist() == [900] * 4
    assert read(changed.frame)["amount_minor"] == [900] * 4
    assert (
        frames.collect_arrays(changed.lines, ["amount_minor"])["amount_minor"].tolist() == [900] * 4
    )


# --- returns and units -------------------------------------------------------------------


@every_flavour
@pytest.mark.parametrize(
    ("changes", "returns"),
    [
        ({"quantity": ("int64", [1, -1, 1, 1])}, [False, True, False, False]),
        ({"amount": ("float64", [1.0, 1.0, 1.0, -1.0])}, [False, False, True, True]),
        ({"quantity": ("int64", [1, 1, 1, 1])}, [False] * 4),
    ],
)
def test_negative_units_or_money_make_a_return(
    flavour: str, changes: dict[str, Any], returns: list[bool]
) -> None:
    orders = make(flavour, **changes)

    assert orders.has_returns == any(returns)
    assert orders.arrays.is_return.tolist() == returns
    assert orders.has_returns == any(returns)  # again, now from the arrays


@every_flavour
def test_without_units_a_line_counts_one_and_a_refund_minus_one(flavour: str) -> None:
    orders = make(flavour, "quantity", "price", amount=("float64", [5.0, -5.0, 0.0, 1.0]))

    assert orders.arrays.quantity.tolist() == [1, -1, 1, 1]
    assert orders.arrays.is_return.tolist() == [False, True, False, False]


@every_flavour
def test_units_may_be_fractions_and_are_int64_where_they_are_whole(flavour: str) -> None:
    fractions = make(flavour, quantity=("float64", [0.5, 1.0, 2.0, -0.25]))
    whole = make(flavour, quantity=("float64", [1.0, -2.0, 2.0, 3.0]))

    assert fractions.arrays.quantity.tolist() == [0.5, 1.0, 2.0, -0.25]
    assert whole.arrays.quantity.dtype == np.int64
    assert whole.arrays.quantity.tolist() == [1, -2, 2, 3]


@every_flavour
@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_units_that_int64_sums_could_not_hold_are_refused(flavour: str, kind: str) -> None:
    barcode = 4006381333931

    with pytest.raises(InvalidDataError) as caught:
        make(flavour, quantity=(kind, [1, barcode, 1, -barcode]), amount=("int64", [1] * 4))

    assert str(caught.value) == (
        "Orders: 'quantity' must be smaller than 9 billion units; 2 rows hold more. Is it another "
        "column, such as a barcode? Rows (from 0): 1, 3."
    )


def test_cleaning_removes_the_units_that_orders_refuse() -> None:
    units = [1, 4006381333931, 9_007_199_255, 9_007_199_254]
    native = lines("pandas", quantity=("int64", units), price=("float64", [1.0] * 4))

    roles: dict[str, Any] = {name: name for name in LINES}
    orders, report = clean_orders(native, **roles)

    assert sorted(orders.arrays.quantity.tolist()) == [1, 9_007_199_254]
    found = report.to_frame().set_index("reason")["n_rows"]
    assert found["invalid_quantity"] == 2


@every_flavour
def test_an_order_of_two_customers_has_no_owner(flavour: str) -> None:
    assert make(flavour, order_id=("int64", [1, 1, 1, 1])).arrays.owners is None


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int64", [12, 10, 12, 11]),
        ("int64", [2**60, -5, 2**60, 0]),
        ("float64", [12.0, 10.0, 12.0, 11.0]),
        ("text", ["c", "a", "c", "b"]),
    ],
)
def test_equal_orders_have_equal_keys_and_each_order_one_owner(
    flavour: str, kind: str, values: list[Any]
) -> None:
    arrays = make(flavour, order_id=(kind, values)).arrays

    keys = arrays.order_key.tolist()

    assert min(keys) >= 0
    assert (keys[0] == keys[2], len(set(keys))) == (True, 3)
    assert arrays.owners is not None
    assert sorted(arrays.owners.tolist()) == [0, 0, 1]


@every_flavour
@pytest.mark.parametrize(("kind", "values"), [("text", ["b", "a"]), ("int64", [7, -1])])
def test_the_column_of_customers_holds_the_same_ids(
    flavour: str, kind: str, values: list[Any]
) -> None:
    arrays = make(flavour, customer_id=(kind, values)).arrays

    assert list(arrays.customer_column) == arrays.customer_ids.tolist() == sorted(values)


# --- IDs and labels ----------------------------------------------------------------------


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values", "ids"),
    [
        ("float64", [17850.0, 13047.0, 17850.0, 1.0], [1, 13047, 17850]),
        ("int64", [2**60 + 1, 2**60, -5, 2**60], [-5, 2**60, 2**60 + 1]),
        ("int8", [-128, 127, 0, 1], [-128, 0, 1, 127]),
        ("text", ["客", "a", "Z", "a"], ["Z", "a", "客"]),
        ("category", ["b", "a", "b", "c"], ["a", "b", "c"]),
    ],
)
def test_customers_are_sorted_and_int64_or_text(
    flavour: str, kind: str, values: list[Any], ids: list[Any]
) -> None:
    arrays = make(flavour, customer_id=(kind, values), order_id=(kind, values)).arrays

    assert arrays.customer_ids.tolist() == arrays.order_ids.tolist() == ids
    assert arrays.customer_ids.dtype == (object if isinstance(ids[0], str) else np.int64)
    assert [ids[code] for code in arrays.customer] == values


@every_flavour
@pytest.mark.parametrize("column", ["customer_id", "order_id", "item_id"])
def test_an_id_with_a_fraction_is_refused_on_every_engine(flavour: str, column: str) -> None:
    with pytest.raises(ColumnTypeError) as caught:
        make(flavour, **{column: ("float64", [1.0, 2.5, 3.0, 4.0])})

    assert str(caught.value).startswith(
        f"Orders: '{column}' must hold whole numbers or texts; 1 row"
    )
    assert caught.value.rows == (1,)


@every_flavour
@pytest.mark.parametrize("column", ["customer_id", "order_id", "ordered_at"])
def test_the_message_for_a_missing_value_is_the_same_on_every_engine(
    flavour: str, column: str
) -> None:
    kind, values = LINES[column]

    with pytest.raises(InvalidDataError) as caught:
        make(flavour, **{column: (kind, [values[0], None, values[1], None])})

    assert str(caught.value) == (
        f"Orders: 2 values of '{column}' missing; every row needs one. Drop those rows, or use "
        "clean_orders, which drops and counts them. Rows (from 0): 1, 3."
    )


@every_flavour
@pytest.mark.parametrize("kind", ["text", "float64", "int64"])
def test_customers_that_are_all_null_are_missing(flavour: str, kind: str) -> None:
    with pytest.raises(InvalidDataError, match=r"^Orders: 4 values of 'customer_id' missing"):
        make(flavour, customer_id=(kind, [None] * 4))


@every_flavour
def test_one_line_of_one_customer_is_enough(flavour: str) -> None:
    orders = make(flavour, customer_id=("int64", [7]))

    assert len(orders) == 1
    assert orders.newest == orders.oldest == datetime(2026, 1, 5, 10)
    assert orders.arrays.customer_ids.tolist() == [7]


@every_flavour
@pytest.mark.parametrize(
    ("kind", "values", "codes", "labels"),
    [
        ("text", ["tea", None, "cup", "tea"], [1, -1, 0, 1], ["cup", "tea"]),
        ("category", ["tea", None, "cup", "tea"], [1, -1, 0, 1], ["cup", "tea"]),
        ("int64", [7, None, 5, 7], [1, -1, 0, 1], [5, 7]),
        ("int64", [2**60 + 1, None, 2**60, 2**60 + 1], [1, -1, 0, 1], [2**60, 2**60 + 1]),
        ("float64", [7.0, None, 5.0, 7.0], [1, -1, 0, 1], [5, 7]),
        ("int32", [7, 5, 5, 7], [1, 0, 0, 1], [5, 7]),
    ],
)
@pytest.mark.parametrize("column", ["item_id", "category"])
def test_labels_are_coded_alike_on_every_engine(
    flavour: str, column: str, kind: str, values: list[Any], codes: list[int], labels: list[Any]
) -> None:
    arrays = make(flavour, **{column: (kind, values)}).arrays

    found, distinct = arrays.codes(column)

    assert arrays.has(column)
    assert found.tolist() == codes
    assert distinct.tolist() == labels
    assert [type(label) for label in distinct.tolist()] == [type(label) for label in labels]
    assert arrays.codes(column)[0] is found


@every_flavour
@pytest.mark.parametrize("values", [[True, False, True, True], [True, None, False, None]])
def test_flags_are_labels_named_true_and_false(flavour: str, values: list[Any]) -> None:
    codes, distinct = make(flavour, channel=("bool", values)).arrays.codes("channel")

    assert distinct.tolist() == ["False", "True"]
    assert codes.tolist() == [-1 if v is None else int(v) for v in values]


@every_flavour
def test_labels_with_a_fraction_stay_numbers(flavour: str) -> None:
    _, distinct = make(flavour, category=("float64", [1.5, None, 2.0, 1.5])).arrays.codes(
        "category"
    )

    assert distinct.tolist() == [1.5, 2.0]


# --- times that cannot be read -----------------------------------------------------------


@every_flavour
def test_times_that_are_texts_are_refused_with_the_remedy(flavour: str) -> None:
    with pytest.raises(ColumnTypeError) as caught:
        make(flavour, ordered_at=("text", ["2026-01-05"] * 4))

    assert str(caught.value) == (
        "Orders: column 'ordered_at' (when the order was placed) must hold dates or times; it "
        "holds texts. Parse it first, or use a clean_ function, which parses and counts failures."
    )


def test_times_of_several_zones_are_converted_and_mixed_with_naive_ones_refused() -> None:
    paris = pd.Timestamp("2026-01-05 13:00", tz="Europe/Paris")
    shanghai = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)
    native = lines("pandas")

    zoned = native.assign(ordered_at=pd.Series([paris, shanghai] * 2, dtype=object))
    mixed = native.assign(ordered_at=pd.Series([paris, datetime(2026, 1, 5)] * 2, dtype=object))

    orders = Orders(zoned)
    assert (orders.oldest, orders.newest) == (
        datetime(2026, 1, 5, 12),
        datetime(2026, 1, 5, 12, 30),
    )
    assert orders.to_pandas()["ordered_at"].tolist()[0] == pd.Timestamp("2026-01-05 12:00")
    with pytest.raises(ColumnTypeError, match=r"If the times mix time zones, convert them with"):
        Orders(mixed)


# --- what the caller has, and what is printed --------------------------------------------


def test_the_callers_pandas_frame_is_not_changed() -> None:
    native = lines("pandas", customer_id=("float64", [2.0, 1.0, 2.0, 1.0]))
    native.index = pd.Index([5, 5, 7, 9])
    before = native.copy(deep=True)

    orders = Orders(native)
    _ = orders.arrays.quantity, orders.arrays.codes("item_id"), orders.lines, orders.frame
    orders.to_pandas()

    pd.testing.assert_frame_equal(native, before)
    assert list(orders.frame.index) == [0, 1, 2, 3]


@every_flavour
def test_the_frame_is_of_the_callers_library(flavour: str) -> None:
    native = lines(flavour)

    assert type(Orders(native).frame) is type(native)


@every_flavour
def test_extra_columns_that_sound_like_ours_do_no_harm(flavour: str) -> None:
    # `at`, `day` and "Amount_Minor" are used or made on the way.
    orders = make(flavour, at=("text", ["x"] * 4), day=("text", ["y"] * 4), Units=("int8", [1] * 4))

    assert read(orders.frame)["at"] == ["x"] * 4
    assert orders.newest == datetime(2026, 2, 1)
    assert frames.collect_arrays(orders.lines, ["at"])["at"].tolist() == orders.arrays.at.tolist()


@every_flavour
def test_no_customer_is_printed(flavour: str) -> None:
    orders = make(flavour, customer_id=("text", ["secret-ann"] * 4))

    assert repr(orders) == (
        f"<Orders: 4 rows, {engine_of(flavour)}, columns customer_id, order_id, ordered_at, "
        "item_id, quantity, price>"
    )
    assert "secret" not in orders._repr_html_()
    assert "<script" not in orders._repr_html_()


def test_orders_in_memory_survive_pickling() -> None:
    orders = make("pandas")
    back = pickle.loads(pickle.dumps(orders))

    assert back.arrays.amount.tolist() == MINOR
    assert back.minor_digits == 2


def test_raw_arrays_are_collected_once() -> None:
    orders = make("pandas")

    assert orders.arrays is orders.arrays
    assert orders.arrays.amount is orders.arrays.amount
