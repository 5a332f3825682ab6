"""Each line is kept, or removed for the first reason that applies; bad input says what to do."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.raw_orders import ROLES, raw_orders
from userportrait.data import CleaningReport, Orders, clean_orders
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    UnsupportedOnEngine,
)

NOW = "2026-06-01"


def clean(frame: Any, **options: Any) -> tuple[Orders, CleaningReport]:
    """Clean with the roles of `raw_orders`; no warning may leak."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return clean_orders(frame, **{**ROLES, "now": NOW, **options})


def lines(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return one clean line for each row, with some of its values replaced."""
    frame = raw_orders(len(rows)).astype("object")
    for place, row in enumerate(rows):
        for name, value in row.items():
            if name not in frame:
                frame[name] = None
            frame.loc[place, name] = value
    return frame.infer_objects()


# What comes out


def test_clean_lines_come_out_with_canonical_names_and_types() -> None:
    orders, report = clean(raw_orders(3))
    frame = orders.frame
    assert list(frame.columns)[:7] == [
        "customer_id", "order_id", "ordered_at", "item_id", "quantity", "price", "amount",
    ]  # fmt: skip
    assert frame["customer_id"].dtype == np.int64
    assert frame["ordered_at"].dtype == "datetime64[us]"
    assert frame["quantity"].dtype == np.int64
    assert frame["amount"].tolist() == [10.0, 11.0, 12.0]
    assert frame["amount_minor"].tolist() == [1000, 1100, 1200]
    assert report.n_rows_in == report.n_rows_out == 3
    assert report.reasons == ()


def test_fractional_quantities_are_floats() -> None:
    orders, _ = clean(raw_orders(2, units=[1.5, 2.0]))
    assert orders.frame["quantity"].tolist() == [1.5, 2.0]


def test_amount_alone_or_quantity_and_price_will_do() -> None:
    raw = raw_orders(2, total=[5.0, 7.25])
    alone, _ = clean(raw, quantity=None, price=None, amount="total")
    assert alone.frame["amount"].tolist() == [5.0, 7.25]
    assert "quantity" not in alone.columns


def test_a_given_amount_counts_and_a_difference_is_flagged() -> None:
    orders, report = clean(raw_orders(3, total=[10.0, 9.0, 12.01]), amount="total")
    assert orders.frame["amount"].tolist() == [10.0, 9.0, 12.01]
    assert report.flagged == {"amount_differs": 1}


def test_labels_and_further_columns_are_kept() -> None:
    raw = raw_orders(2, land=["DE", None], note=["x", "y"], pos=[[1], [2]])
    orders, _ = clean(raw, country="land")
    assert orders.columns[-1] == "amount_minor" or "note" in orders.columns
    assert orders.frame["country"].tolist()[0] == "DE"
    assert orders.frame["note"].tolist() == ["x", "y"]
    assert orders.frame["pos"].tolist() == [[1], [2]]


def test_a_further_column_whose_name_is_needed_gets_another_and_a_note() -> None:
    raw = raw_orders(2, amount=["?", "!"], price=[0, 0], category=[1.0, 2.0])
    orders, report = clean(raw)
    assert orders.frame["amount_original"].tolist() == ["?", "!"]
    assert orders.frame["price_original"].tolist() == [0, 0]
    assert orders.frame["category"].tolist() == [1.0, 2.0]
    assert "'amount' has no role; it is now 'amount_original'." in report.notes


def test_the_input_is_not_changed() -> None:
    raw = raw_orders(3, who=[" a", "b", None], units=["1", "2", "3"])
    before = raw.copy(deep=True)
    clean(raw)
    pd.testing.assert_frame_equal(raw, before)


def test_one_customer_with_one_line_is_enough() -> None:
    orders, report = clean(raw_orders(1))
    assert len(orders) == report.n_rows_out == 1


def test_orders_keep_the_currency() -> None:
    orders, _ = clean(raw_orders(2, each=[100.4, 99.5]), currency="JPY", minor_digits=0)
    assert orders.currency == "JPY"
    assert orders.frame["amount"].tolist() == [100.0, 100.0]


# Reasons


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"who": None}, "missing_customer_id"),
        ({"order": None}, "missing_order_id"),
        ({"when": None}, "missing_time"),
        ({"when": pd.Timestamp("2026-06-01 00:00:01")}, "future_time"),
        ({"units": None}, "missing_quantity"),
        ({"units": np.inf}, "invalid_quantity"),
        ({"each": np.nan}, "missing_price"),
        ({"each": np.inf}, "invalid_price"),
        ({"each": -np.inf}, "invalid_price"),
        ({"each": 1e14}, "invalid_amount"),
        ({"units": 0}, "zero_quantity"),
        ({"each": 0.0}, "zero_price"),
        ({"each": -1.0}, "negative_price"),
        ({"units": -1}, "return_unmatched"),
    ],
)
def test_each_reason_removes_and_counts_one_line(spoilt: dict[str, Any], reason: str) -> None:
    orders, report = clean(lines({}, spoilt, {}))
    assert report.removed == {reason: 1}
    assert report.n_rows_out == len(orders) == 2
    assert report.removed_rows()["row"].tolist() == [1]
    assert report.removed_rows(reason)["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("who", "  ", "missing_customer_id"),
        ("who", "nan", "missing_customer_id"),
        ("order", "", "missing_order_id"),
        ("when", "2026-02-30", "unparsable_time"),
        ("when", "soon", "unparsable_time"),
        ("when", "", "missing_time"),
        ("units", "two", "invalid_quantity"),
        ("units", "", "missing_quantity"),
        ("each", "1,5", "invalid_price"),
        ("each", "NULL", "missing_price"),
    ],
)
def test_texts_are_removed_for_the_same_reasons(column: str, value: str, reason: str) -> None:
    raw = raw_orders(3).astype(dict.fromkeys(("who", "when", "units", "each"), "str"))
    raw[column] = [raw[column][0], value, raw[column][2]]
    _, report = clean(raw)
    assert report.removed == {reason: 1}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing_amount"),
        (np.inf, "invalid_amount"),
        (0.0, "zero_amount"),
        (-5.0, "return_unmatched"),
        (1e15, "invalid_amount"),
    ],
)
def test_amounts_are_removed_for_reasons_of_their_own(value: Any, reason: str) -> None:
    raw = raw_orders(3, total=[1.0, value, 3.0])
    _, report = clean(raw, quantity=None, price=None, amount="total")
    assert report.removed == {reason: 1}


def test_a_row_is_counted_once_for_the_first_reason() -> None:
    everything_wrong = {"who": None, "order": None, "when": None, "units": None, "each": np.inf}
    _, report = clean(lines({}, everything_wrong, {"order": None, "each": 0.0}))
    assert report.removed == {"missing_customer_id": 1, "missing_order_id": 1}


def test_repeated_rows_are_removed_but_one() -> None:
    raw = pd.concat([raw_orders(2), raw_orders(2), raw_orders(1)], ignore_index=True)
    orders, report = clean(raw)
    assert report.removed == {"duplicate": 3}
    assert len(orders) == 2


def test_rows_that_differ_in_any_column_are_not_repeated() -> None:
    raw = pd.concat([raw_orders(1), raw_orders(1)], ignore_index=True)
    _, report = clean(raw.assign(note=["x", None]))
    assert report.n_removed == 0
    _, report = clean(raw.assign(tags=[[1], [1]], note=[None, np.nan]))
    assert report.removed == {"duplicate": 1}


def test_rows_are_compared_after_cleaning() -> None:
    raw = pd.concat([raw_orders(1), raw_orders(1)], ignore_index=True)
    _, report = clean(raw.assign(who=["7", " 7"], units=["1", "1.0"]))
    assert report.removed == {"duplicate": 1}


def test_repeated_rows_can_be_flagged_or_left_alone() -> None:
    raw = pd.concat([raw_orders(1), raw_orders(1)], ignore_index=True)
    orders, report = clean(raw, duplicates="flag")
    assert (len(orders), report.flagged) == (2, {"duplicate": 1})
    orders, report = clean(raw, duplicates="keep")
    assert (len(orders), report.flagged) == (2, {})


def test_services_are_removed_named_and_can_be_kept() -> None:
    raw = raw_orders(12, what=[f"A{i}" for i in range(10)] + ["POST", "Bags"])
    _, report = clean(raw)
    assert report.removed == {"non_product": 2}
    assert "codes that are not items: Bags, POST." in report.notes
    assert clean(raw, non_products="flag")[1].flagged == {"non_product": 2}
    assert clean(raw, non_products="keep")[1].reasons == ()
    only_named = {"detect_non_products": False, "non_product_codes": ["A3"]}
    assert clean(raw, **only_named)[1].removed_rows()["what"].tolist() == ["A3"]


def test_the_users_codes_may_be_of_items_that_are_numbers() -> None:
    _, report = clean(raw_orders(3, what=[10, 20, 30]), non_product_codes=["20"])
    assert report.removed == {"non_product": 1}


@pytest.mark.parametrize("option", ["zero_price", "negative_price"])
def test_odd_prices_can_be_flagged_or_left_alone(option: str) -> None:
    price = 0.0 if option == "zero_price" else -2.0
    raw = lines({}, {"each": price})
    orders, report = clean(raw, **{option: "flag"})
    assert report.flagged[option] == 1
    assert orders.frame["amount"].tolist() == [10.0, price]
    assert option not in clean(raw, **{option: "keep"})[1].flagged


def test_extreme_quantities_and_amounts_are_flagged_or_removed() -> None:
    units = [1] * 59 + [70_000]
    prices = [10.0] * 58 + [9_000.0, 10.0]
    raw = raw_orders(60, units=units, each=prices, what="A1")
    orders, report = clean(raw)
    assert report.flagged == {"outlier": 2}
    assert report.flagged_rows("outlier")["row"].tolist() == [58, 59]
    assert len(orders) == 60
    assert "an outlier's quantity is above 256.00." in report.notes
    assert clean(raw, outliers="remove")[1].removed == {"outlier": 2}
    assert clean(raw, outliers="keep")[1].reasons == ()
    assert clean(raw, outlier_limit=1000)[1].reasons == ()


def test_a_return_of_a_removed_outlier_has_no_purchase_any_more() -> None:
    raw = raw_orders(61, units=[1] * 59 + [70_000, -5], who=7, what="A1", each=10.0)
    raw["who"] = [*range(59), 7_000, 7_000]
    _, report = clean(raw, outliers="remove")
    assert report.removed == {"outlier": 1, "return_unmatched": 1}


# Returns


def test_a_matched_return_stays_negative_and_names_its_order() -> None:
    same = {"who": 7, "what": "A1", "each": 2.5}
    orders, report = clean(lines({**same, "units": 6}, {**same, "units": -2}))
    assert orders.frame["amount"].tolist() == [15.0, -5.0]
    assert orders.frame["returned_order_id"].tolist()[1] == "o0"
    assert pd.isna(orders.frame["returned_order_id"][0])
    assert report.flagged == {"return_matched": 1}


def test_orders_that_are_numbers_name_the_returned_order_as_a_number() -> None:
    same = {"who": 7, "what": "A1", "each": 2.5}
    raw = lines({**same, "units": 6, "order": 1}, {**same, "units": -2, "order": 2})
    orders, _ = clean(raw)
    assert orders.frame["returned_order_id"].dtype == "Int64"
    assert orders.frame["returned_order_id"].tolist() == [pd.NA, 1]


def test_a_return_is_matched_within_customer_and_item_and_after_the_purchase() -> None:
    bought = {"who": 7, "what": "A1", "when": pd.Timestamp("2026-01-10")}
    back = {**bought, "units": -1, "when": pd.Timestamp("2026-01-11")}
    _, report = clean(lines(bought, back))
    assert report.removed == {}
    for change in ({"who": 8}, {"what": "A2"}, {"when": pd.Timestamp("2026-01-09")}):
        _, report = clean(lines(bought, {**back, **change}))
        assert report.removed == {"return_unmatched": 1}


def test_a_return_at_the_time_of_the_purchase_is_matched_in_any_row_order() -> None:
    same = {"who": 7, "what": "A1", "when": pd.Timestamp("2026-01-10")}
    _, report = clean(lines({**same, "units": -1, "each": 10.0}, {**same, "each": 10.0}))
    assert report.removed == {}


def test_a_return_at_another_price_is_matched_last() -> None:
    same = {"who": 7, "what": "A1"}
    raw = lines(
        {**same, "each": 5.0}, {**same, "each": 4.0}, {**same, "each": 4.0, "units": -1},
        {**same, "each": 3.0, "units": -1},
    )  # fmt: skip
    orders, report = clean(raw)
    assert orders.frame["returned_order_id"].tolist()[2:] == ["o1", "o0"]
    assert report.flagged == {"return_matched": 2}


def test_a_return_of_too_many_units_is_cut_to_what_was_bought() -> None:
    same = {"who": 7, "what": "A1", "each": 2.5}
    raw = lines({**same, "units": 6}, {**same, "units": -10})
    orders, report = clean(raw)
    assert orders.frame["quantity"].tolist() == [6, -6]
    assert orders.frame["amount"].tolist() == [15.0, -15.0]
    assert report.changed == {"return_cut": 1}
    assert report.flagged == {"return_partly_matched": 1}
    whole, report = clean(raw, unmatched_returns="flag")
    assert whole.frame["quantity"].tolist() == [6, -10]
    assert report.changed == {}


def test_a_cut_return_with_an_amount_keeps_its_share_of_the_money() -> None:
    same = {"who": 7, "what": "A1"}
    raw = lines({**same, "units": 1, "total": 5.0}, {**same, "units": -3, "total": -10.0})
    orders, _ = clean(raw, price=None, amount="total")
    assert orders.frame["quantity"].tolist() == [1, -1]
    assert orders.frame["amount"].tolist() == [5.0, -3.33]


def test_fractions_of_units_are_matched_and_cut_exactly() -> None:
    same = {"who": 7, "what": "A1", "each": 2.0}
    orders, _ = clean(
        lines({**same, "units": 0.3}, {**same, "units": 0.4}, {**same, "units": -1.0})
    )
    assert orders.frame["quantity"].tolist() == [0.3, 0.4, -0.7]
    assert orders.frame["amount"].tolist() == [0.6, 0.8, -1.4]


def test_unmatched_returns_can_be_flagged_or_left_alone() -> None:
    raw = lines({}, {"units": -1})
    orders, report = clean(raw, unmatched_returns="flag")
    assert report.flagged == {"return_unmatched": 1}
    assert orders.frame["amount"].tolist() == [10.0, -11.0]
    assert clean(raw, unmatched_returns="keep")[1].flagged == {}


def test_without_quantities_equal_amounts_match_first_and_then_money() -> None:
    raw = raw_orders(5, who=7, what="A1", total=[50.0, 30.0, -30.0, -40.0, -25.0])
    orders, report = clean(raw, quantity=None, price=None, amount="total")
    assert orders.frame["amount"].tolist() == [50.0, 30.0, -30.0, -40.0, -10.0]
    assert orders.frame["returned_order_id"].tolist()[2:] == ["o1", "o0", "o0"]
    assert report.flagged == {"return_matched": 2, "return_partly_matched": 1}


def test_without_items_returns_are_matched_within_the_customer() -> None:
    raw = raw_orders(3, who=[7, 8, 7], units=[1, 1, -1])
    orders, report = clean(raw, item_id=None, unmatched_returns="remove")
    assert report.flagged == {"return_matched": 1}
    assert orders.frame["returned_order_id"].tolist()[2] == "o0"


def test_amounts_of_returns_get_the_sign_of_their_quantity() -> None:
    same = {"who": 7, "what": "A1"}
    raw = lines({**same, "units": 2, "total": 10.0}, {**same, "units": -1, "total": 5.0})
    orders, report = clean(raw, price=None, amount="total")
    assert orders.frame["amount"].tolist() == [10.0, -5.0]
    assert report.changed == {"amount_negated": 1}


def test_credit_notes_are_told_by_their_prefix() -> None:
    same = {"who": 7, "what": "A1", "each": 1.0}
    raw = lines(
        {**same, "order": "1", "units": 9}, {**same, "order": "C2", "units": -1},
        {**same, "order": "3", "units": -1}, {**same, "order": "C4", "units": 1},
        {"order": "5"},
    )  # fmt: skip
    _, report = clean(raw)
    assert report.flagged == {
        "positive_cancellation": 1, "negative_outside_credit_note": 1, "return_matched": 2,
    }  # fmt: skip
    assert clean(raw, cancellation_prefix=None)[1].flagged == {"return_matched": 2}
    orders, report = clean(raw, cancellations="unsigned")
    assert orders.frame["quantity"].tolist() == [9, -1, -1, -1, 1]
    assert report.changed == {"cancellation_negated": 1}


def test_a_prefix_that_most_orders_have_means_nothing() -> None:
    raw = raw_orders(3, order=["C1", "C2", "3"])
    assert clean(raw, cancellations="unsigned")[1].changed == {}
    raw = raw_orders(3, order=["CA-2016-1", "US-2016-2", "US-2016-3"])
    assert clean(raw)[1].flagged == {}


# Changes


def test_changes_are_counted_on_kept_rows() -> None:
    raw = raw_orders(4).astype("object")
    raw["who"] = ["a ", " b", "c", " d"]
    raw["each"] = ["1.50", "€2", "3", None]
    raw["when"] = [f"2026-01-0{i + 1} 10:00+01:00" for i in range(4)]
    orders, report = clean(raw)
    assert report.changed == {
        "customer_id_trimmed": 2, "time_parsed": 3, "time_zone_converted": 3, "price_parsed": 3,
    }  # fmt: skip
    assert orders.frame["customer_id"].tolist() == ["a", "b", "c"]
    assert orders.frame["ordered_at"][0] == pd.Timestamp("2026-01-01 09:00")


def test_amounts_with_more_digits_than_the_currency_are_rounded_and_counted() -> None:
    raw = raw_orders(3, total=[1.004, 1.005, 2.5])
    orders, report = clean(raw, quantity=None, price=None, amount="total")
    assert orders.frame["amount"].tolist() == [1.0, 1.01, 2.5]
    assert report.changed == {"amount_rounded": 2}


def test_a_missing_item_and_a_shared_order_are_flagged() -> None:
    raw = lines({"order": "o"}, {"order": "o"}, {"what": None})
    orders, report = clean(raw)
    assert report.flagged == {"missing_item_id": 1, "shared_order_id": 2}
    assert len(orders) == 3


def test_missing_items_that_are_numbers_stay_missing() -> None:
    orders, _ = clean(raw_orders(3, what=[10.0, None, 30.0]))
    assert orders.frame["item_id"].tolist() == [10, pd.NA, 30]


# No order ID


def test_without_orders_a_customers_day_is_one_order() -> None:
    raw = raw_orders(4, who=[1, 1, 2, 1])
    raw["when"] = pd.to_datetime(
        ["2026-01-01 09:00", "2026-01-01 23:30", "2026-01-01 12:00", "2026-01-02 00:30"]
    )
    orders, report = clean(raw, order_id=None)
    assert orders.frame["order_id"].tolist() == [
        "1/2026-01-01", "1/2026-01-01", "2/2026-01-01", "1/2026-01-02",
    ]  # fmt: skip
    assert report.changed["order_id_made"] == 4


def test_the_day_of_an_order_is_that_of_the_zone() -> None:
    raw = raw_orders(1, when=["2026-01-01 00:30"])
    orders, _ = clean(raw, order_id=None, time_zone="Asia/Shanghai")
    assert orders.frame["order_id"].tolist() == ["1/2026-01-01"]
    assert orders.frame["ordered_at"][0] == pd.Timestamp("2025-12-31 16:30")


def test_without_orders_equal_rows_are_kept_and_flagged() -> None:
    raw = pd.concat([raw_orders(1), raw_orders(1)], ignore_index=True)
    orders, report = clean(raw, order_id=None)
    assert (len(orders), report.flagged) == (2, {"duplicate": 1})


def test_rows_without_customer_or_time_have_those_reasons_also_without_orders() -> None:
    _, report = clean(lines({}, {"who": None}, {"when": None}), order_id=None)
    assert report.removed == {"missing_customer_id": 1, "missing_time": 1}


# The clock


def test_by_default_a_line_may_be_a_day_ahead_of_the_clock() -> None:
    clock = pd.Timestamp(datetime.now(tz=UTC).replace(tzinfo=None))
    hours = [pd.Timedelta(hours=h) for h in (-1, 20, 30)]
    _, report = clean(raw_orders(3, when=[clock + h for h in hours]), now=None)
    assert report.removed == {"future_time": 1}
    assert report.removed_rows()["row"].tolist() == [2]


def test_now_is_the_last_moment_that_counts() -> None:
    _, report = clean(raw_orders(3), now=datetime(2026, 1, 2))
    assert report.removed == {"future_time": 1}


# Bad input


def test_a_misspelt_column_names_the_nearest_and_the_role() -> None:
    with pytest.raises(
        MissingColumnError, match=r"clean_orders, price=: 'eahc' is not a known col"
    ) as caught:
        clean(raw_orders(), price="eahc")
    assert "Did you mean 'each'?" in str(caught.value)


def test_one_column_for_two_roles_is_an_error() -> None:
    with pytest.raises(
        InvalidParameterError, match="'who' is given for both customer_id and order"
    ):
        clean(raw_orders(), order_id="who")


def test_no_money_is_an_error() -> None:
    with pytest.raises(InvalidParameterError, match="give amount=, or both quantity= and price="):
        clean(raw_orders(), price=None)


def test_all_bad_options_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        clean(
            raw_orders(), duplicates="drop", minor_digits=9, time_zone="Europe/Berln",
            outlier_limit=1, non_product_codes="POST", decimal=";", day_first="yes",
        )  # fmt: skip
    text = str(caught.value)
    assert "7 problems" in text
    assert "Did you mean 'Europe/Berlin'?" in text
    for name in ("duplicates", "minor_digits", "outlier_limit", "non_product_codes", "decimal"):
        assert name in text


def test_a_time_zone_that_is_no_text_is_an_error() -> None:
    with pytest.raises(InvalidParameterError, match="time_zone must be a text; got int"):
        clean(raw_orders(), time_zone=8)


def test_now_that_is_no_time_is_an_error() -> None:
    with pytest.raises(InvalidParameterError, match="now must be a date or time"):
        clean(raw_orders(), now="soon")


def test_a_column_that_is_not_a_text_is_an_error() -> None:
    with pytest.raises(InvalidParameterError, match="customer_id must be a column's name; got int"):
        clean(raw_orders(), customer_id=3)


def test_an_empty_frame_is_an_error() -> None:
    with pytest.raises(InvalidDataError, match="clean_orders: the frame has no rows"):
        clean(raw_orders().iloc[:0])


def test_a_frame_of_no_known_library_is_an_error() -> None:
    with pytest.raises(UnsupportedOnEngine, match="Give a pandas or polars frame"):
        clean({"who": [1]})


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, "", "nan"])
def test_a_frame_without_any_customer_says_so_with_counts(nothing: object) -> None:
    with pytest.raises(InvalidDataError) as caught:
        clean(raw_orders(4, who=[nothing] * 4))
    text = str(caught.value)
    assert "none of 4 rows is left: 4 missing_customer_id (no customer)" in text
    assert "Is customer_id= the right column?" in text
    assert "customer_id='who'" in text


def test_nothing_left_names_all_reasons_and_a_remedy() -> None:
    raw = raw_orders(3, each=["1,50", "2,50", None])
    with pytest.raises(
        InvalidDataError, match=r"2 invalid_price .*; 1 missing_price .*decimal=','"
    ):
        clean(raw)
    orders, _ = clean(raw, decimal=",")
    assert orders.frame["price"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("units", [True, False], "quantity='units' must hold numbers.*it holds true and false"),
        ("each", pd.to_datetime(["2026-01-01"] * 2), "price='each' must hold numbers.*holds times"),
        ("when", [True, False], "ordered_at='when' must hold dates or times; it holds true"),
        ("who", [1.5, 2.0], "customer_id='who' must hold whole numbers or texts"),
        ("what", [True, False], "item_id='what' must hold whole numbers or texts"),
        ("land", [[1], [2]], "country='land' must hold texts.*it holds another type"),
    ],
)
def test_columns_of_the_wrong_type_name_role_and_column(
    column: str, values: Any, message: str
) -> None:
    with pytest.raises(ColumnTypeError, match=message) as caught:
        clean(raw_orders(2, **{"land": "DE", column: values}), country="land")
    assert caught.value.column == column


def test_unparsable_dates_are_an_error_if_there_are_no_others() -> None:
    with pytest.raises(InvalidDataError, match=r"ordered_at='when': none of the 2 different texts"):
        clean(raw_orders(2, when=["a", "b"]))


def test_mixed_time_zones_are_converted_but_not_mixed_with_none() -> None:
    east = timezone(timedelta(hours=8))
    aware = [datetime(2026, 1, 1, 8, tzinfo=east), datetime(2026, 1, 1, 8, tzinfo=UTC)]
    orders, _ = clean(raw_orders(2, when=pd.Series(aware, dtype="object")))
    assert orders.frame["ordered_at"].dt.hour.tolist() == [0, 8]
    mixed = pd.Series([aware[0], datetime(2026, 1, 1, 8)], dtype="object")
    with pytest.raises(InvalidDataError, match="mixes 1 time with a zone and 1 without one"):
        clean(raw_orders(2, when=mixed))
    orders, _ = clean(raw_orders(2, when=mixed), time_zone="UTC")
    assert orders.frame["ordered_at"].dt.hour.tolist() == [0, 8]


def test_decimal_money_is_exact() -> None:
    prices = [Decimal("0.335"), Decimal("1.10")]
    orders, _ = clean(raw_orders(2, units=[3, 3], each=pd.Series(prices, dtype="object")))
    assert orders.frame["amount"].tolist() == [1.01, 3.3]


def test_categorical_columns_count_as_their_values() -> None:
    raw = raw_orders(3, who=["a", "b", None], units=["1", "2", "3"], each=[1.5, 2.5, 3.5])
    for name in ("who", "order", "what", "units", "each"):
        raw[name] = raw[name].astype("category")
    orders, report = clean(raw)
    assert report.removed == {"missing_customer_id": 1}
    assert orders.frame["amount"].tolist() == [1.5, 5.0]


def test_negative_quantities_are_returns_not_errors() -> None:
    raw = raw_orders(2, who=7, what="A1", each=3.0, units=[2, -2])
    orders, _ = clean(raw)
    assert orders.frame["amount"].sum() == 0.0


def test_an_odd_index_and_names_that_are_no_texts_are_fine() -> None:
    raw = raw_orders(3).rename(columns={"who": 0})
    raw.index = pd.Index([5, 5, 7])
    orders, _ = clean(raw, customer_id="0")
    assert orders.frame["customer_id"].tolist() == [1, 2, 3]
