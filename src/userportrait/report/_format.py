"""Numbers, money, shares and dates as the readers of a page write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

__all__ = ["NOUNS", "Formatter", "Language"]

Language: TypeAlias = Literal["en", "zh"]

_SYMBOLS = {"AUD": "A$", "CNY": "¥", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥", "USD": "$"}
_WITHOUT_CENTS = frozenset({"CLP", "ISK", "JPY", "KRW", "VND"})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STEPS = {
    "en": ((1e9, "bn"), (1e6, "m"), (1e3, "k")),
    "zh": ((1e8, "亿"), (1e4, "万")),
}

NOUNS: dict[str, tuple[str, str, str]] = {
    "customer": ("customer", "customers", "位客户"),
    "order": ("order", "orders", "笔订单"),
    "day": ("day", "days", "天"),
    "month": ("month", "months", "个月"),
    "row": ("row", "rows", "行"),
    "tag": ("tag", "tags", "个标签"),
    "value": ("value", "values", "个取值"),
    "segment": ("segment", "segments", "个分群"),
    "rule": ("rule", "rules", "条规则"),
}
"""One, many, and the Chinese counted form."""


@dataclass(frozen=True, slots=True)
class Formatter:
    """Write values for people.

    Parameters
    ----------
    language : {'en', 'zh'}, default='en'
    currency : str, optional
        An ISO 4217 code such as ``'EUR'``; without it, money is a plain number.

    Examples
    --------
    >>> Formatter("en", "GBP").money(1234.5)
    '£1,234.50'
    >>> Formatter("zh").share(0.0512)
    '5.1%'
    """

    language: Language = "en"
    currency: str | None = None

    def count(self, n: float) -> str:
        """Return a whole number with thousands separators."""
        return f"{round(n):,}"

    def counted(self, n: float, noun: str) -> str:
        """Return a whole number with its noun; `noun` is one of `NOUNS`."""
        one, many, chinese = NOUNS[noun]
        if self.language == "zh":
            return f"{self.count(n)} {chinese}"
        return f"{self.count(n)} {one if round(n) == 1 else many}"

    def number(self, value: float) -> str:
        """Return a number with as many digits as help: none from 100 on, at most two."""
        digits = (
            0 if float(value).is_integer() or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        )
        return f"{value:,.{digits}f}"

    def share(self, share: float) -> str:
        """Return a share as per cent, with one digit below ten per cent."""
        percent = 100 * share
        if 0 < percent < 0.1:
            return "<0.1%"
        if 99.5 <= percent < 100:
            return ">99%"
        digits = 1 if 0 < abs(percent) < 9.95 else 0
        return f"{percent:.{digits}f}%"

    def change(self, share: float) -> str:
        """Return the size of a relative change as per cent, without its sign."""
        return self.share(abs(share))

    def money(self, amount: float) -> str:
        """Return money: cents below 10,000, none above."""
        cents = abs(amount) < 9_999.995 and self.currency not in _WITHOUT_CENTS
        digits = 2 if cents else 0
        return self._with_currency(f"{abs(amount):,.{digits}f}", negative=round(amount, digits) < 0)

    def money_short(self, amount: float) -> str:
        """Return money in few characters, such as £1.2m or 120万."""
        return self._with_currency(self.short(abs(amount)), negative=amount < 0)

    def short(self, value: float) -> str:
        """Return a number in few characters, such as 1.2m or 120万."""
        for step, suffix in _STEPS[self.language]:
            if abs(value) >= step * 0.9995:
                scaled = value / step
                digits = 1 if abs(scaled) < 99.95 and round(scaled, 1) != round(scaled) else 0
                return f"{scaled:,.{digits}f}{suffix}"
        if abs(value) < 10 and not float(value).is_integer():
            return f"{value:.2g}"
        return f"{value:,.0f}"

    def date(self, moment: datetime | date | str) -> str:
        """Return a date in words; ISO text will do."""
        day = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def month(self, month: str, *, short: bool = False) -> str:
        """Return a month given as ``'2026-01'`` in words."""
        year, number = month.split("-")[:2]
        if self.language == "zh":
            return f"{int(number)}月" if short else f"{year}年{int(number)}月"
        name = _MONTHS[int(number) - 1]
        return name if short else f"{name} {year}"

    def _with_currency(self, text: str, *, negative: bool) -> str:
        minus = "-" if negative else ""
        if not self.currency:
            return minus + text
        symbol = _SYMBOLS.get(self.currency)
        return f"{minus}{symbol}{text}" if symbol else f"{minus}{text} {self.currency}"
