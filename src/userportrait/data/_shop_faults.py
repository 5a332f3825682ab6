"""The sample shop's export: the order lines under other names, with counted faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.data import _shop_words as words
from userportrait.data._shop_items import item_names
from userportrait.data._shop_plan import Ledger
from userportrait.data._shop_tools import DAY, Bools, Ints, as_times, numbered, spread

if TYPE_CHECKING:
    from userportrait.data._shop_plan import Plan

__all__ = ["count_faults", "raw_orders_frame"]

_SHARES: dict[str, float] = {
    "duplicate": 0.01,
    "missing_customer": 0.04,
    "unparsable_date": 0.003,
    "future_date": 0.002,
    "test_code": 0.002,
    "postage_code": 0.02,
    "zero_price": 0.004,
}
"""Rows added, as shares of the lines of `Shop.orders`; at least one of each."""

_NEW_ORDER = ("missing_customer", "unparsable_date", "future_date", "test_code", "outlier")
"""Faults that come with an order number of their own."""

_BROKEN_DATES = ("n/a", "unknown", "0000-00-00 00:00:00", "2024-13-45 99:99:99", "#VALUE!")
_CODES = ("TEST", "TEST001", "POST", "DOT")
_CODE_TEXTS = ("Test line", "Test line", "Postage", "Postage")
_TEST_PRICE = 100
_POSTAGE = 495
_FUTURE_DAYS = 36_525
_OUTLIER_UNITS = 80_000


def count_faults(plan: Plan) -> dict[str, int]:
    """Return how many rows of the export have each fault; no row has two.

    ``cancellation`` counts the lines of credit notes, which `Shop.orders` has too. All
    other faults are rows that the export has beyond `Shop.orders`.
    """
    n = len(plan.lines) + len(plan.returns.line)
    added = {name: max(1, round(share * n)) for name, share in _SHARES.items()}
    return {**added, "outlier": 1, "cancellation": len(plan.returns.line)}


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of the export: those of the ledger, then the faulty ones.

    Parameters
    ----------
    source : ndarray of shape (n_rows,)
        The row of the ledger that each one is like.
    faults : dict of str to ndarray of bool
        Which rows have which fault.
    """

    source: Ints
    faults: dict[str, Bools]

    def __len__(self) -> int:
        return len(self.source)


def raw_orders_frame(plan: Plan) -> pd.DataFrame:
    """Return the export: the lines of `Shop.orders` and the faulty rows, mixed by time."""
    rng = plan.stream("faults")
    ledger = Ledger.of(plan)
    rows = _draw_rows(plan, ledger, rng)
    faults, source = rows.faults, rows.source
    choice = rng.integers(0, 10, size=len(rows))
    customer = ledger.customer[source]
    code = _item_codes(plan, ledger, rows, choice)
    frame = pd.DataFrame(
        {
            "Order ID": _order_ids(plan, ledger, rows),
            "Customer": spread(
                plan.customer_ids, np.where(faults["missing_customer"], -1, customer)
            ),
            "Date": _dates(ledger, rows, choice),
            "SKU": spread([*plan.item_ids, *_CODES], code),
            "Description": spread([*item_names(plan.wares), *_CODE_TEXTS], code),
            "Qty": _units(ledger, rows),
            "Unit price": _prices(ledger, rows) / 100.0,
            "Country": spread(words.COUNTRIES, plan.people.country[customer]),
        }
    )
    mixed = np.argsort(source, kind="stable")
    return frame.iloc[mixed].reset_index(drop=True)


def _draw_rows(plan: Plan, ledger: Ledger, rng: np.random.Generator) -> _Rows:
    counts = count_faults(plan)
    del counts["cancellation"]
    sales = np.flatnonzero(ledger.credited < 0)
    # One postage line for an order, so that none is another's duplicate.
    _, first_lines = np.unique(ledger.order[sales], return_index=True)
    chosen = [
        rng.choice(sales[first_lines] if name == "postage_code" else sales, count, replace=False)
        for name, count in counts.items()
    ]
    fault = np.repeat(np.arange(len(counts)), list(counts.values()))
    clean = np.full(len(ledger), -1, dtype=np.int64)
    kind = np.concatenate([clean, fault])
    return _Rows(
        source=np.concatenate([np.arange(len(ledger)), *chosen]),
        faults={name: kind == code for code, name in enumerate(counts)},
    )


def _order_ids(plan: Plan, ledger: Ledger, rows: _Rows) -> pd.Series[Any]:
    order = ledger.order[rows.source]
    new = np.logical_or.reduce([rows.faults[name] for name in _NEW_ORDER])
    order[new] = len(plan.order_ids) + np.arange(int(new.sum()))
    numbers = numbered("O", len(plan.at) + int(new.sum()), 7)
    return spread(np.concatenate([plan.order_ids, numbers[len(plan.at) :]]), order)


def _item_codes(plan: Plan, ledger: Ledger, rows: _Rows, choice: Ints) -> Ints:
    code = ledger.item[rows.source]
    code = np.where(rows.faults["test_code"], len(plan.wares) + choice % 2, code)
    return np.where(rows.faults["postage_code"], len(plan.wares) + 2 + choice % 2, code)


def _dates(ledger: Ledger, rows: _Rows, choice: Ints) -> pd.Series[Any]:
    late = rows.faults["future_date"].astype(np.int64) * _FUTURE_DAYS * DAY
    moments, code = np.unique(ledger.at[rows.source] + late, return_inverse=True)
    # Written by pandas rather than numpy, which puts a T between day and time.
    texts = pd.Series(as_times(moments)).dt.strftime("%Y-%m-%d %H:%M:%S")
    broken = rows.faults["unparsable_date"]
    code = np.where(broken, len(moments) + choice % len(_BROKEN_DATES), code)
    return spread([*texts, *_BROKEN_DATES], code)


def _units(ledger: Ledger, rows: _Rows) -> Ints:
    single = rows.faults["postage_code"] | rows.faults["test_code"] | rows.faults["zero_price"]
    units = np.where(single, 1, ledger.quantity[rows.source])
    return np.where(rows.faults["outlier"], _OUTLIER_UNITS, units)


def _prices(ledger: Ledger, rows: _Rows) -> Ints:
    price = ledger.price[rows.source]
    price = np.where(rows.faults["postage_code"], _POSTAGE, price)
    price = np.where(rows.faults["test_code"], _TEST_PRICE, price)
    return np.where(rows.faults["zero_price"], 0, price)
