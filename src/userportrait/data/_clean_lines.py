"""Order lines read from a raw frame: IDs coded, times in UTC, numbers checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.data._clean_ids import IdColumn, clean_ids
from userportrait.data._clean_numbers import (
    CleanNumbers,
    clean_numbers,
    money_of,
    money_of_product,
)
from userportrait.data._clean_plan import ReadPlan, plan_columns
from userportrait.data._clean_times import CleanTimes, TimeOptions, clean_times, local_days
from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.data._clean_facts import ColumnFacts
    from userportrait.data._clean_table import RawTable

__all__ = ["READ_ROLES", "Lines", "ReadOptions", "plan_lines", "read_lines"]

_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How the caller says that values are to be read."""

    times: TimeOptions
    decimal: str
    minor_digits: int


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Order lines as arrays of equal length; what cannot be used is marked, not left out.

    Parameters
    ----------
    customer, order : IdColumn
    item : IdColumn, optional
    times : CleanTimes
    quantity, price, given_amount : CleanNumbers, optional
    amount : ndarray of int64
        Money in minor units, given or computed; 0 where it cannot be.
    too_large : ndarray of bool
        Where the money is too large to be summed exactly.
    rounded : ndarray of bool
        Where a given amount had more digits than the currency.
    order_made : bool
        Whether orders were made from customers and days.
    """

    customer: IdColumn
    order: IdColumn
    item: IdColumn | None
    times: CleanTimes
    quantity: CleanNumbers | None
    price: CleanNumbers | None
    given_amount: CleanNumbers | None
    amount: NDArray[np.int64]
    too_large: NDArray[np.bool_]
    rounded: NDArray[np.bool_]
    order_made: bool

    def __len__(self) -> int:
        return len(self.amount)


READ_ROLES = (
    "customer_id",
    "ordered_at",
    "order_id",
    "quantity",
    "price",
    "amount",
    "item_id",
)
"""Roles whose columns are replaced by clean ones, in the order in which they are checked."""


def plan_lines(
    facts: Mapping[str, ColumnFacts],
    roles: Mapping[str, str],
    options: ReadOptions,
    *,
    owner: str,
    raw: RawTable | None = None,
) -> ReadPlan:
    """Decide how the columns that play a role are read; see `plan_columns`."""
    read = {role: roles[role] for role in READ_ROLES if role in roles}
    return plan_columns(facts, read, options.times, owner=owner, raw=raw)


def read_lines(
    raw: RawTable, roles: Mapping[str, str], options: ReadOptions, plan: ReadPlan, *, owner: str
) -> Lines:
    """Read the columns that play a role.

    Parameters
    ----------
    raw : RawTable
        All rows, or all those of some customers.
    roles : mapping of str to str
        Role to column.
    options : ReadOptions
    plan : ReadPlan
        What all rows say.
    owner : str
        The caller's name, for messages.
    """

    def ids(role: str) -> IdColumn:
        column = roles[role]
        return clean_ids(raw.column(column), column, role, owner=owner, form=plan.ids[role])

    def numbers(role: str) -> CleanNumbers | None:
        if role not in roles:
            return None
        column = raw.column(roles[role])
        return clean_numbers(
            column, roles[role], role, decimal=options.decimal, owner=owner, planned=True
        )

    customer = ids("customer_id")
    column = roles["ordered_at"]
    times = clean_times(
        raw.column(column), column, "ordered_at", options.times, owner=owner, plan=plan.time
    )
    order = ids("order_id") if "order_id" in roles else _make_orders(customer, times, options)
    quantity, price, given = numbers("quantity"), numbers("price"), numbers("amount")
    amount, too_large, rounded = _money(quantity, price, given, options.minor_digits, owner)
    return Lines(
        customer=customer,
        order=order,
        item=ids("item_id") if "item_id" in roles else None,
        times=times,
        quantity=quantity,
        price=price,
        given_amount=given,
        amount=amount,
        too_large=too_large,
        rounded=rounded,
        order_made="order_id" not in roles,
    )


def _money(
    quantity: CleanNumbers | None,
    price: CleanNumbers | None,
    given: CleanNumbers | None,
    digits: int,
    owner: str,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    if given is not None:
        amount, too_large = money_of(given, digits)
        rounded = np.abs(given.values * 10.0**digits - amount) > _ROUNDING
        return amount, too_large, rounded & ~too_large
    if quantity is None or price is None:
        message = "give amount=, or both quantity= and price=, the columns of the money."
        raise InvalidParameterError(owner, [message])
    amount, too_large = money_of_product(price, quantity.values, digits)
    return amount, too_large, np.zeros(len(amount), dtype=bool)


def _make_orders(customer: IdColumn, times: CleanTimes, options: ReadOptions) -> IdColumn:
    """Make one order per customer and calendar day."""
    usable = ~(customer.missing | times.missing | times.unparsable)
    days = local_days(times.micros[usable], options.times.time_zone)
    pairs = pd.DataFrame({"customer": customer.codes[usable], "day": days})
    distinct = pairs.drop_duplicates().sort_values(["customer", "day"], ignore_index=True)
    low = int(days.min()) if len(days) else 0
    span = int(days.max()) - low + 1 if len(days) else 1
    keys = distinct["customer"].to_numpy() * span + (distinct["day"].to_numpy() - low)
    codes = np.full(len(usable), -1, dtype=np.int64)
    codes[usable] = np.searchsorted(keys, customer.codes[usable] * span + (days - low))
    dates = distinct["day"].to_numpy().astype("datetime64[D]").astype(str)
    owners: Any = customer.labels[distinct["customer"].to_numpy()]
    labels = np.empty(len(distinct), dtype=object)
    labels[:] = [f"{owner}/{date}" for owner, date in zip(owners, dates, strict=True)]
    return IdColumn(codes, labels)
