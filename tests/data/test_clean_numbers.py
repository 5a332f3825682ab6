"""Numbers are read exactly, and money is rounded once."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.data._clean_columns import column_from_pandas
from userportrait.data._clean_numbers import (
    CleanNumbers,
    clean_numbers,
    money_of,
    money_of_product,
    parse_number,
)
from userportrait.errors import ColumnTypeError


def read(values: Any, dtype: Any = "object", decimal: str = ".") -> CleanNumbers:
    raw = column_from_pandas(pd.Series(values, dtype=dtype))
    return clean_numbers(raw, "each", "price", decimal=decimal, owner="clean_orders")


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        ("12", ".", "12"),
        ("-12.50", ".", "-12.50"),
        ("+.5", ".", "0.5"),
        ("5.", ".", "5"),
        ("1e3", ".", "1000"),
        ("1.5E-2", ".", "0.015"),
        ("1,234.50", ".", "1234.50"),
        ("1,234", ".", "1234"),
        ("1.234,50", ",", "1234.50"),
        ("1.234", ",", "1234"),
        ("12,5", ",", "12.5"),
        ("1'234.50", ".", "1234.50"),
        ("1 234,50", ",", "1234.50"),
        ("1,23,456.00", ".", "123456.00"),
        ("€ 12.50", ".", "12.50"),
        ("12.50 EUR", ".", "12.50"),
        ("$-12", ".", "-12"),
        ("-$12", ".", "-12"),
        ("¥1,200", ".", "1200"),
        ("12元", ".", "12"),
        ("(12.50)", ".", "-12.50"),
        ("12.50-", ".", "-12.50"),
        ("−3", ".", "-3"),
        ("１２", ".", "12"),
        ("12,5", ".", None),
        ("12.5", ",", None),
        ("1,2345", ".", None),
        ("1.2.3", ".", None),
        ("(12", ".", None),
        ("--1", ".", None),
        ("(-1)", ".", None),
        ("five", ".", None),
        ("5%", ".", None),
        ("", ".", None),
        ("inf", ".", None),
        ("1" * 50, ".", None),
    ],
)
def test_texts_are_numbers_or_not(text: str, mark: str, expected: str | None) -> None:
    found = parse_number(text, mark)
    assert found == (None if expected is None else Decimal(expected))


@given(st.decimals(-(10**9), 10**9, places=2))
def test_grouped_amounts_in_both_styles_are_read_back(value: Decimal) -> None:
    english = f"{value:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert parse_number(english) == value
    assert parse_number(german, ",") == value


def test_missing_and_invalid_numbers_are_told_apart() -> None:
    found = read([1.5, np.nan, np.inf, -np.inf], "float64")
    assert found.missing.tolist() == [False, True, False, False]
    assert found.invalid.tolist() == [False, False, True, True]
    texts = read(["1.5", "", "x", None, "nan"])
    assert texts.missing.tolist() == [False, True, False, True, True]
    assert texts.invalid.tolist() == [False, False, True, False, False]
    assert texts.parsed.tolist() == [True, False, False, False, False]


def test_decimals_with_infinity_and_categories_are_read() -> None:
    found = read([Decimal("1.10"), Decimal("Infinity"), None])
    assert found.invalid.tolist() == [False, True, False]
    assert read([1.5, 2.5, None], "category").values.tolist() == [1.5, 2.5, 0.0]
    assert read(["1.5", "2.5"], "category").values.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([True, False], "bool", "it holds true and false"),
        (pd.to_datetime(["2026-01-01"]), None, "it holds times"),
        ([[1]], "object", "values of another type"),
    ],
)
def test_what_cannot_be_a_number_is_refused(values: Any, dtype: str | None, message: str) -> None:
    with pytest.raises(ColumnTypeError, match=message):
        read(values, dtype)


@given(st.lists(st.decimals(-(10**6), 10**6, places=5), min_size=1, max_size=20))
def test_decimal_money_is_rounded_exactly_with_halves_away_from_zero(values: list[Decimal]) -> None:
    minor, too_large = money_of(read(values), 2)
    expected = [int(v.quantize(Decimal("0.01"), ROUND_HALF_UP) * 100) for v in values]
    assert minor.tolist() == expected
    assert not too_large.any()


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_whole_minor_units_survive_being_floats(cents: list[int]) -> None:
    minor, _ = money_of(read([c / 100 for c in cents], "float64"), 2)
    assert minor.tolist() == cents


def test_texts_decimals_and_floats_give_the_same_money() -> None:
    values = ["1.005", "-1.005", "2.675", "0.1"]
    expected = [101, -101, 268, 10]
    assert money_of(read(values), 2)[0].tolist() == expected
    assert money_of(read([Decimal(v) for v in values]), 2)[0].tolist() == expected
    assert money_of(read([float(v) for v in values], "float64"), 2)[0].tolist() == expected


def test_products_of_decimals_are_exact_where_floats_are_not() -> None:
    # 0.0285 is below its decimal form as a float; 1000000 × 0.0285 is 28500 exactly.
    price = read([Decimal("0.333"), Decimal("0.335"), Decimal("12.5")])
    minor, _ = money_of_product(price, np.array([3.0, 3.0, 0.5]), 2)
    assert minor.tolist() == [100, 101, 625]


def test_money_beyond_exact_sums_is_marked() -> None:
    for values, dtype in (([1e15], "float64"), ([Decimal(10) ** 15], "object")):
        minor, too_large = money_of(read(values, dtype), 2)
        assert too_large.tolist() == [True]
        assert minor.tolist() == [0]
    price = read([Decimal("1e14")])
    assert money_of_product(price, np.array([1.0]), 2)[1].tolist() == [True]
