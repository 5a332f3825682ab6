"""Clean numbers and money: texts parsed exactly, money in integer minor units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.units import minor_units
from userportrait.data._clean_facts import ColumnFacts, kind_facts
from userportrait.data._clean_ids import stripped_labels
from userportrait.data._order_arrays import LARGEST_EXACT
from userportrait.errors import ColumnTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data._clean_columns import RawColumn

__all__ = [
    "CleanNumbers",
    "clean_numbers",
    "money_of",
    "money_of_product",
    "parse_number",
    "plan_numbers",
]


@dataclass(frozen=True, slots=True, eq=False)
class CleanNumbers:
    """Numbers, and which rows have none.

    Parameters
    ----------
    values : ndarray of float64
        0 where missing or invalid.
    missing, invalid, parsed : ndarray of bool
        Without a value; with one that is not a finite number; read from a text.
    codes : ndarray of int64, optional
        Positions in `exact`.
    exact : ndarray of Decimal objects, optional
        The distinct values without rounding, where the column is decimal or text.
    """

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]
    invalid: NDArray[np.bool_]
    parsed: NDArray[np.bool_]
    codes: NDArray[np.int64] | None = None
    exact: NDArray[Any] | None = None

    @property
    def usable(self) -> NDArray[np.bool_]:
        """The rows with a finite number."""
        return ~(self.missing | self.invalid)

    def take(self, rows: NDArray[Any]) -> CleanNumbers:
        """Return these rows: positions, or a mask."""
        codes = None if self.codes is None else self.codes[rows]
        masks = self.missing[rows], self.invalid[rows], self.parsed[rows]
        return CleanNumbers(self.values[rows], *masks, codes, self.exact)


_EXPECTED = "must hold numbers, or texts that are numbers"
_HOLDS = {
    "boolean": "true and false",
    "time": "times",
    "other": "values of another type",
}


def plan_numbers(facts: ColumnFacts, column: str, role: str, *, owner: str) -> None:
    """Raise `ColumnTypeError` if a column holds booleans, times, or what is no number."""
    if facts.kind in _HOLDS:
        message = (
            f"{owner}: {role}='{column}' {_EXPECTED}; it holds {_HOLDS[facts.kind]}. "
            f"Is it the right column?"
        )
        raise ColumnTypeError(message, column=column)


def clean_numbers(
    raw: RawColumn, column: str, role: str, *, decimal: str, owner: str, planned: bool = False
) -> CleanNumbers:
    """Read a column of numbers.

    Parameters
    ----------
    raw : RawColumn
    column, role, owner : str
        For messages.
    decimal : {'.', ','}
        The decimal mark of texts.
    planned : bool, default=False
        Whether the whole column has been checked by `plan_numbers`.

    Raises
    ------
    ColumnTypeError
        If the column holds booleans, times, or things that are not numbers.
    """
    if not planned:
        plan_numbers(kind_facts(raw), column, role, owner=owner)
    if raw.kind in ("text", "decimal"):
        return _from_labels(raw, decimal)
    if raw.kind not in ("integer", "number"):  # nothing but nulls
        nothing = np.zeros(len(raw), dtype=bool)
        return CleanNumbers(np.zeros(len(raw)), raw.missing, nothing, nothing)
    values = np.where(raw.missing, 0, raw.values).astype(np.float64)
    invalid = ~np.isfinite(values) | (np.abs(values) >= LARGEST_EXACT)
    values[invalid] = 0.0
    return CleanNumbers(values, raw.missing, invalid, np.zeros(len(raw), dtype=bool))


def _from_labels(raw: RawColumn, mark: str) -> CleanNumbers:
    labels: list[Any] = [] if raw.labels is None else list(raw.labels)
    is_text = raw.kind == "text"
    stripped: list[Any] = labels
    missing = [False] * len(labels)
    if is_text:
        stripped, gone = stripped_labels(raw)
        missing = gone[:-1].tolist()
    found: list[Decimal | None] = [
        None if gone else (parse_number(value, mark) if is_text else value)
        for value, gone in zip(stripped, missing, strict=True)
    ]
    good = [_is_usable(value) for value in found]
    exact = np.empty(len(labels) + 1, dtype=object)
    exact[:] = [
        *(value if ok else Decimal(0) for value, ok in zip(found, good, strict=True)),
        Decimal(0),
    ]
    missing_labels = np.array([*missing, True], dtype=bool)
    invalid_labels = ~np.array([*good, True], dtype=bool) & ~missing_labels
    codes = raw.values
    parsed = ~missing_labels & ~invalid_labels
    return CleanNumbers(
        exact.astype(np.float64)[codes],
        missing_labels[codes],
        invalid_labels[codes],
        parsed[codes] if is_text else np.zeros(len(raw), dtype=bool),
        codes,
        exact,
    )


def _is_usable(value: Decimal | None) -> bool:
    return value is not None and value.is_finite() and abs(value) < LARGEST_EXACT


_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_CURRENCY = r"(?:[$€£¥￥₩₽₹฿₫₺]|US\$|HK\$|NT\$|C\$|A\$|R\$|元|[A-Z]{3}|kr|zł|Kč|Fr\.?)"
_AMOUNT = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+\-−])?\s*{_CURRENCY}?\s*(?P<inner>[+\-−])?"
    r"(?P<digits>[\d.,'\u00a0\u202f\u2009 ]*\d[\d.,]*)"
    rf"\s*{_CURRENCY}?\s*(?P<after>-)?\s*(?P<close>\))?"
)
_GROUPED = re.compile(r"\d{1,3}(?:[,.'\u00a0\u202f\u2009 ]\d{3})+|\d{1,2}(?:,\d{2})+,\d{3}")
_LONGEST = 40


def parse_number(text: str, mark: str = ".") -> Decimal | None:
    """Read a number from a stripped text, None if it is none.

    Parameters
    ----------
    text : str
        A plain number, or an amount with a currency, grouped thousands, a sign in front or
        behind, or round brackets for a negative one.
    mark : {'.', ','}
        The decimal mark; the other one only groups thousands.

    Examples
    --------
    >>> parse_number("€ 1,234.50"), parse_number("1.234,50", ","), parse_number("(3.00)")
    (Decimal('1234.50'), Decimal('1234.50'), Decimal('-3.00'))
    """
    if mark == "." and len(text) <= _LONGEST and _PLAIN.fullmatch(text):
        return Decimal(text)
    match = _AMOUNT.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    whole, found, fraction = match["digits"].strip().partition(mark)
    if not whole.isdigit():
        if whole and not _GROUPED.fullmatch(whole):
            return None
        whole = "".join(letter for letter in whole if letter.isdigit())
    if found and not (fraction.isdigit() or (not fraction and whole)):
        return None
    signs = [match["sign"], match["inner"], match["after"], match["open"]]
    if bool(match["open"]) != bool(match["close"]) or sum(map(bool, signs)) > 1:
        return None
    value = Decimal(f"{whole or '0'}.{fraction or '0'}")
    negative = any(sign in ("-", "−", "(") for sign in signs)
    return -value if negative else value


def money_of(numbers: CleanNumbers, digits: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return money in minor units and which rows are too large to be summed exactly.

    Decimals and texts are rounded exactly, floating-point numbers as `minor_units` does;
    halves go away from zero.
    """
    if numbers.exact is not None and numbers.codes is not None:
        step = Decimal(1).scaleb(-digits)
        limit = Decimal(LARGEST_EXACT).scaleb(-digits)
        small = np.array([abs(value) < limit for value in numbers.exact], dtype=bool)
        whole = np.array(
            [
                int(value.quantize(step, ROUND_HALF_UP).scaleb(digits)) if ok else 0
                for value, ok in zip(numbers.exact, small, strict=True)
            ],
            dtype=np.int64,
        )
        return whole[numbers.codes], ~small[numbers.codes]
    return _float_money(numbers.values, digits)


def _float_money(
    values: NDArray[np.float64], digits: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    too_large = np.abs(values) >= LARGEST_EXACT / 10**digits
    return minor_units(np.where(too_large, 0.0, values), digits), too_large


def money_of_product(
    price: CleanNumbers, quantity: NDArray[Any], digits: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return price × quantity in minor units and which rows are too large.

    Parameters
    ----------
    price : CleanNumbers
    quantity : ndarray of int64 or float64
    digits : int
    """
    found, too_large = _float_money(price.values * quantity, digits)
    whole = np.flatnonzero(~too_large & (quantity == np.floor(quantity)))
    if price.exact is not None and price.codes is not None and len(whole):
        found[whole] = _exact_product(price.exact, price.codes[whole], quantity[whole], digits)
    return found, too_large


def _exact_product(
    prices: NDArray[Any], codes: NDArray[np.int64], quantity: NDArray[Any], digits: int
) -> NDArray[np.int64]:
    """Multiply in Python integers, which neither round nor overflow."""
    places = max(digits, *(-_exponent(value) for value in prices))
    scaled_prices = np.array([int(value.scaleb(places)) for value in prices], dtype=object)
    scaled: Any = scaled_prices[codes] * quantity.astype(np.int64).astype(object)
    step = 10 ** (places - digits)
    size: Any = (2 * abs(scaled) + step) // (2 * step)
    size[scaled < 0] *= -1
    return np.asarray(size, dtype=np.int64)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
