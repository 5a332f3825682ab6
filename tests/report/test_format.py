"""Numbers as people write them, by hand."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.report._format import NOUNS, Formatter

EN, ZH = Formatter("en"), Formatter("zh")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.0004, "<0.1%"), (0.0123, "1.2%"), (0.0996, "10%"), (0.5, "50%"),
     (0.9951, ">99%"), (1, "100%"), (-0.034, "-3.4%"), (1.34, "134%")],
)  # fmt: skip
def test_shares_are_per_cent_and_never_round_to_nothing_or_everything(
    share: float, text: str
) -> None:
    assert EN.share(share) == text


@pytest.mark.parametrize(
    ("amount", "plain", "pounds"),
    [(0, "0.00", "£0.00"), (1234.5, "1,234.50", "£1,234.50"), (9999.99, "9,999.99", "£9,999.99"),
     (9999.996, "10,000", "£10,000"), (-3, "-3.00", "-£3.00"), (-0.001, "0.00", "£0.00"),
     (8278518.6, "8,278,519", "£8,278,519")],
)  # fmt: skip
def test_money_has_cents_while_they_matter(amount: float, plain: str, pounds: str) -> None:
    assert EN.money(amount) == plain
    assert Formatter("en", "GBP").money(amount) == pounds


def test_money_without_a_known_sign_carries_its_code() -> None:
    assert Formatter("en", "SEK").money(12) == "12.00 SEK"
    assert Formatter("en", "JPY").money(1234) == "¥1,234"


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [(950, "950", "950"), (1500, "1.5k", "1,500"), (12_000, "12k", "1.2万"),
     (999_950, "1m", "100万"), (2_500_000, "2.5m", "250万"), (3.2e9, "3.2bn", "32亿"),
     (0.25, "0.25", "0.25")],
)  # fmt: skip
def test_short_numbers_count_in_thousands_or_ten_thousands(value: float, en: str, zh: str) -> None:
    assert EN.short(value) == en
    assert ZH.short(value) == zh


def test_short_money_keeps_its_sign_in_front() -> None:
    assert Formatter("en", "USD").money_short(-1500) == "-$1.5k"


def test_dates_and_months_are_words() -> None:
    assert EN.date(datetime(2026, 3, 9, 12)) == "9 Mar 2026"
    assert ZH.date("2026-03-09") == "2026年3月9日"
    assert EN.date(date(2026, 12, 31)) == "31 Dec 2026"
    assert EN.month("2026-01") == "Jan 2026"
    assert ZH.month("2026-11") == "2026年11月"
    assert (EN.month("2026-01", short=True), ZH.month("2026-01", short=True)) == ("Jan", "1月")


def test_nouns_agree_with_their_number() -> None:
    assert EN.counted(1, "customer") == "1 customer"
    assert EN.counted(1200, "customer") == "1,200 customers"
    assert ZH.counted(1200, "customer") == "1,200 位客户"
    assert all(len(set(forms)) >= 2 for forms in NOUNS.values())


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (3.14159, "3.14"), (31.4159, "31.4"), (1234.5, "1,234")]
)
def test_plain_numbers_show_the_digits_that_help(value: float, text: str) -> None:
    assert EN.number(value) == text


@given(st.floats(-1e15, 1e15))
def test_no_number_breaks_a_format(value: float) -> None:
    for fmt in (EN, ZH, Formatter("zh", "CNY")):
        for write in (fmt.money, fmt.money_short, fmt.short, fmt.number, fmt.share, fmt.count):
            assert write(value)
