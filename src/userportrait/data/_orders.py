"""The table of order lines, which everything else starts from."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from userportrait._core import frames
from userportrait._core.display import format_count
from userportrait._core.params import Between, InstanceOf, Optional, check_values
from userportrait._core.units import as_moment, from_micros, to_micros
from userportrait.data._order_arrays import LARGEST_EXACT, LARGEST_QUANTITY, OrderArrays
from userportrait.data._roles import ORDER_ROLES, Role
from userportrait.data._tables import Table
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from userportrait.typing import IntoFrame

__all__ = ["ARRAYS_UP_TO", "Orders"]

_IN_MEMORY = ("pandas", "pyarrow")
ARRAYS_UP_TO = 3_000_000
"""Rows up to which arrays beat the two threads of polars; see docs/benchmarks."""


class Orders(Table):
    """Order lines: who bought what, when, for how much.

    Parameters
    ----------
    frame : frame
        One row per order line with the columns `customer_id`, `order_id`, `ordered_at` and
        either `amount` or `quantity` and `price`; optionally `item_id`, `channel`,
        `country`, `category`, and columns of your own. A pandas or polars frame (eager or
        lazy), a pyarrow table, a DuckDB relation, a Spark DataFrame or an ibis table on
        DuckDB.
    currency : str, optional
        The currency's code, for display only.
    minor_digits : int, default=2
        Decimal digits of the currency, 0 to 4: 2 for EUR or CNY, 0 for JPY.

    Raises
    ------
    MissingColumnError
        If a required column is not there.
    ColumnTypeError
        If a column's type does not fit, such as texts for times.
    InvalidDataError
        If there are no rows, a required value is missing, or money is not finite.

    Notes
    -----
    A line with negative `quantity` or `amount` is a return. `customer_id` and `order_id` are
    whole numbers or texts; categories count as their values. Times with a zone are converted
    to UTC, times without one are taken as UTC. Money is rounded to minor units line by line,
    halves away from zero, and only ever summed as integers, so that sums do not depend on
    the order of rows, the engine or the number of threads. `amount` counts, where it is there,
    and not `quantity` times `price`; a column `amount_minor` of the input is replaced.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bo", "ann"],
    ...         "order_id": [1, 2, 3],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-02-01"]),
    ...         "amount": [10.0, 5.5, 20.25],
    ...     }
    ... )
    >>> orders = Orders(frame)
    >>> len(orders), orders.newest.isoformat()
    (3, '2026-02-01T00:00:00')
    """

    _roles: ClassVar[tuple[Role, ...]] = ORDER_ROLES
    _cleaner: ClassVar[str] = "clean_orders"

    def __init__(
        self, frame: IntoFrame, *, currency: str | None = None, minor_digits: int = 2
    ) -> None:
        check_values(
            "Orders",
            {"minor_digits": minor_digits, "currency": currency},
            {
                "minor_digits": Between(0, 4, integer=True),
                "currency": Optional(InstanceOf((str,), "a text")),
            },
        )
        self.currency: str | None = currency
        self.minor_digits: int = minor_digits
        super().__init__(frame)

    def _check_values(self) -> None:
        if "amount" not in self._kinds and not {"quantity", "price"} <= set(self._kinds):
            have = {"quantity", "price"} & set(self._kinds)
            missing = "amount" if not have else next(iter({"quantity", "price"} - have))
            role = "Orders needs 'amount', or both 'quantity' and 'price'"
            raise MissingColumnError(missing, list(self._kinds), role)
        if self.in_memory:
            arrays = self.arrays
            _ = arrays.customer, arrays.order_key, arrays.at, arrays.amount
            if "quantity" in self._kinds:
                _ = arrays.quantity
            return
        # One pass finds out all that is asked below.
        frames.survey(self._inner, ["customer_id", "order_id", "ordered_at", *self._numbers])
        super()._check_values()
        self._check_money()

    @property
    def _numbers(self) -> list[str]:
        return [name for name in ("quantity", "price", "amount") if name in self._kinds]

    def _check_money(self) -> None:
        money = ["amount"] if "amount" in self._kinds else ["quantity", "price"]
        numbers = [*money, *(["quantity"] if "quantity" in self._kinds else [])]
        limit = LARGEST_EXACT / 10**self.minor_digits
        missing = frames.count_missing(self._inner, numbers)
        sizes = {name: _size(self._spans[name]) for name in numbers}
        large = math.prod(sizes[name] for name in money) >= limit
        large |= sizes.get("quantity", 0.0) >= LARGEST_QUANTITY
        if any(missing.values()) or large or math.inf in sizes.values():
            if self.engine == "spark":  # too many rows to collect, and they have no places
                _raise_bad_money(missing, sizes)
            _ = self.arrays.amount, self.arrays.quantity  # these name the rows

    @cached_property
    def _spans(self) -> dict[str, tuple[Any, Any]]:
        """The least and greatest value of the time and of each number, in one pass."""
        return frames.spans(self._inner, ["ordered_at", *self._numbers])

    @cached_property
    def has_returns(self) -> bool:
        """Whether any line takes something back: negative units or money."""
        if "arrays" in self.__dict__:
            return self.arrays.has_returns
        signed = ("quantity", "price", "amount")
        return any(float(self._spans[n][0] or 0) < 0 for n in signed if n in self._spans)

    @property
    def holds_whole_units(self) -> bool:
        """Whether units are certainly whole: the column holds whole numbers, or is not there."""
        return self._kinds.get("quantity", "integer") in ("integer", "boolean")

    @cached_property
    def arrays(self) -> OrderArrays:
        """The lines as arrays, collected once; IDs are coded when first used."""
        inner, names = self._inner, [r.name for r in self._roles if r.name in self._kinds]
        return OrderArrays(frames.collect_columns(inner, names), self.minor_digits)

    @property
    def in_memory(self) -> bool:
        """Whether the lines are worked on as arrays rather than by the engine."""
        if self.engine == "polars":
            return self._n_rows <= ARRAYS_UP_TO
        return self.engine in _IN_MEMORY

    @cached_property
    def lines(self) -> frames.Frame:
        """The lines for frame engines, lazy where they can be, with `at` and `amount_minor`."""
        inner = frames.with_epoch_micros(frames.lazily(self._inner), "ordered_at", "at")
        return self._with_money(inner, plain=self._has_plain_money)

    def _with_money(self, inner: frames.Frame, *, plain: bool = False) -> frames.Frame:
        if "amount" not in self._kinds:
            inner = frames.with_product(inner, "quantity", "price", "amount")
        return frames.with_minor_units(
            inner, "amount", "amount_minor", digits=self.minor_digits, plain=plain
        )

    @property
    def _has_plain_money(self) -> bool:
        """Whether the amounts are known to be from 0 to a size that is far from overflow."""
        low, high = self._spans.get("amount", (None, None))
        return low is not None and low >= 0 and float(high) < 2.0**50 / 10**self.minor_digits

    @property
    def columns(self) -> list[str]:
        """The names of the columns of `frame`, in order."""
        made = (name for name in ("amount", "amount_minor") if name not in self._kinds)
        return [*self._kinds, *made]

    @property
    def frame(self) -> Any:
        """The lines in the library that they came from, with `amount_minor` added (int64)."""
        return frames.leave(self._with_money(self._inner))

    @cached_property
    def newest(self) -> datetime:
        """The time of the newest line, UTC; the default for every `as_of`."""
        return self._end(1)

    @cached_property
    def oldest(self) -> datetime:
        """The time of the oldest line, UTC."""
        return self._end(0)

    def _end(self, which: int) -> datetime:
        if "arrays" in self.__dict__:
            at = self.arrays.at
            return from_micros(int(at.max() if which else at.min()))
        end: datetime = self._spans["ordered_at"][which]
        return end

    def moment(self, as_of: object, *, owner: str) -> datetime:
        """Return `as_of` as a naive UTC time, the newest line's time for None.

        Raises
        ------
        InvalidParameterError
            If it is not a time, or before the first order.
        """
        if as_of is None:
            return self.newest
        moment = as_moment(as_of, owner=owner)
        if to_micros(moment) < to_micros(self.oldest):
            problem = (
                f"as_of={moment.isoformat()} is before the first order "
                f"({self.oldest.isoformat()}); no order would be left. A date is midnight at its "
                f"start."
            )
            raise InvalidParameterError(owner, [problem])
        return moment


def _raise_bad_money(missing: Mapping[str, int], sizes: Mapping[str, float]) -> None:
    """Say which numbers are missing, infinite or too large, without their rows."""
    for name, n in missing.items():
        if n:
            message = (
                f"Orders: '{name}' must hold finite numbers; {format_count(n, 'row')} hold NaN "
                f"or nothing. Drop those rows, or use clean_orders, which drops and counts them."
            )
            raise InvalidDataError(message, column=name, n_rows=n)
    name = max(sizes, key=lambda column: sizes[column])
    message = (
        f"Orders: money must be smaller than 2**53 minor units, and units smaller than 9 "
        f"billion; '{name}' holds {sizes[name]:g}. Check its unit, or use clean_orders, which "
        f"drops such rows and counts them."
    )
    raise InvalidDataError(message, column=name)


def _size(span: tuple[Any, Any]) -> float:
    return max((abs(float(end)) for end in span if end is not None), default=0.0)
