"""Roles are guessed from names and types, with reasons, and never between two that fit."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from helpers.engines import installed_engines, to_engine
from userportrait.data import clean_orders, guess_roles
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
             "CustomerID", "Country"],
            {"customer_id": "CustomerID", "order_id": "InvoiceNo", "ordered_at": "InvoiceDate",
             "item_id": "StockCode", "quantity": "Quantity", "price": "UnitPrice",
             "country": "Country"},
        ),
        (
            ["customer_id", "date", "number_of_cds", "dollar_value"],
            {"customer_id": "customer_id", "order_id": None, "ordered_at": "date",
             "amount": "dollar_value"},
        ),
        (
            ["customer_id", "trans_date", "tran_amount"],
            {"customer_id": "customer_id", "order_id": None, "ordered_at": "trans_date",
             "amount": "tran_amount"},
        ),
        (
            ["订单号", "客户ID", "下单时间", "商品编号", "数量", "单价"],
            {"customer_id": "客户ID", "order_id": "订单号", "ordered_at": "下单时间",
             "item_id": "商品编号", "quantity": "数量", "price": "单价"},
        ),
        (
            ["Order ID", "Customer", "Date", "SKU", "Qty", "Unit price"],
            {"customer_id": "Customer", "order_id": "Order ID", "ordered_at": "Date",
             "item_id": "SKU", "quantity": "Qty", "price": "Unit price"},
        ),
        (
            ["product_id", "product", "order_no", "order", "fk_customer_id", "orderdate", "total",
             "discount_amount", "last_order_date"],
            {"customer_id": "fk_customer_id", "order_id": "order_no", "ordered_at": "orderdate",
             "item_id": "product_id", "amount": "total"},
        ),
    ],
)  # fmt: skip
def test_common_names_are_understood(names: list[str], expected: dict[str, str | None]) -> None:
    assert guess_roles(names).columns == expected


def test_two_columns_that_fit_are_an_error_that_names_both_and_the_option() -> None:
    with pytest.raises(InvalidDataError) as caught:
        guess_roles(["user", "client", "date", "amount"])
    text = str(caught.value)
    assert "two columns could be customer_id (who bought): 'client' and 'user'" in text
    assert "customer_id='client' or customer_id='user' (in a shell, --customer-id)" in text
    guess = guess_roles(["user", "client", "date", "amount"], given={"customer_id": "user"})
    assert guess.columns["customer_id"] == "user"
    assert guess.unused == ("client",)


def test_any_two_names_of_money_are_in_doubt() -> None:
    with pytest.raises(InvalidDataError, match=r"two columns could be price .*: 'price' and"):
        guess_roles(["customer_id", "date", "qty", "price", "unit_price"])


def test_a_weaker_name_is_passed_over_but_mentioned() -> None:
    guess = guess_roles(["InvoiceDate", "Date", "customer_id", "amount"])
    why = {found.role: found.why for found in guess.roles}
    assert guess.columns["ordered_at"] == "InvoiceDate"
    assert "less so 'Date'" in why["ordered_at"]


def test_two_labels_that_fit_are_left_out() -> None:
    guess = guess_roles(["customer_id", "date", "amount", "channel", "source", "sales_channel"])
    assert guess.columns["channel"] == "channel"
    guess = guess_roles(["customer_id", "date", "amount", "department", "product category"])
    assert "category" not in guess.columns


@pytest.mark.parametrize("engine", [name for name in installed_engines() if name != "spark"])
def test_types_rule_out_what_names_allow(engine: str) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a"],
            "placed": pd.to_datetime(["2026-01-01"]).astype("datetime64[us]"),
            "date": [True],
            "amount": [1.5],
            "total": pd.to_datetime(["2026-01-01"]).astype("datetime64[us]"),
        }
    )
    columns = frame.drop(columns="total")
    guess = guess_roles(to_engine(engine, columns))
    assert guess.columns["ordered_at"] == "placed"
    assert "only column of times" in str(guess)
    with pytest.raises(InvalidDataError, match="two columns could be ordered_at"):
        guess_roles(to_engine(engine, frame))


def test_a_role_that_nothing_fits_is_an_error_with_the_columns() -> None:
    with pytest.raises(InvalidDataError, match=r"no column looks like customer_id .*--customer-id"):
        guess_roles(["a", "date", "amount"])
    with pytest.raises(InvalidDataError, match="no column looks like money: orders need an amount"):
        guess_roles(["customer_id", "date"])
    with pytest.raises(InvalidDataError, match="there is only a price"):
        guess_roles(["customer_id", "date", "price"])


def test_given_roles_are_checked() -> None:
    names = ["customer_id", "date", "amount"]
    with pytest.raises(InvalidParameterError, match=r"'costumer_id' is not a known role. Did you"):
        guess_roles(names, given={"costumer_id": "customer_id"})
    with pytest.raises(MissingColumnError, match="'amuont' is not a known column"):
        guess_roles(names, given={"amount": "amuont"})
    with pytest.raises(InvalidParameterError, match="'date' is given for both"):
        guess_roles(names, given={"amount": "date", "ordered_at": "date"})
    with pytest.raises(InvalidParameterError, match="got one text"):
        guess_roles("customer_id")
    with pytest.raises(InvalidParameterError, match="table"):
        guess_roles(names, table="order")


def test_a_role_can_be_left_empty() -> None:
    names = ["customer_id", "order_id", "date", "amount", "quantity"]
    guess = guess_roles(names, given={"order_id": None, "quantity": None})
    assert guess.columns["order_id"] is None
    assert guess.unused == ("order_id", "quantity")


def test_other_tables_have_their_own_roles() -> None:
    names = ["timestamp", "visitorid", "event", "itemid", "transactionid"]
    assert guess_roles(names, table="events").columns == {
        "customer_id": "visitorid", "event": "event", "occurred_at": "timestamp",
        "item_id": "itemid",
    }  # fmt: skip


def test_the_guess_is_readable_and_convertible() -> None:
    guess = guess_roles(["customer_id", "date", "amount", "<b>"])
    assert str(guess).splitlines()[0] == "Roles of orders"
    assert "order_id     none" in str(guess)
    assert "without a role: <b>" in str(guess)
    assert "<b>" not in guess._repr_html_()
    assert json.loads(json.dumps(guess.to_dict()))["roles"]["amount"]["column"] == "amount"
    assert list(guess.to_frame().columns) == ["role", "column", "why"]


def test_a_guess_is_what_clean_orders_takes() -> None:
    raw = pd.DataFrame({"customer": ["a"], "date": ["2026-01-01"], "total": [1.5]})
    orders, _ = clean_orders(raw, **guess_roles(raw).columns)
    assert orders.frame["order_id"].tolist() == ["a/2026-01-01"]
