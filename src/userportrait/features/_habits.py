"""How customers buy: basket sizes, order values and price tiers, as a state that merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from userportrait._core import frames
from userportrait._core.display import definition_list, page_fragment
from userportrait._core.entries import Coded, Entries
from userportrait._core.params import Between, check_values
from userportrait._core.state import BatchIds, check_other, pack, unpack
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.features._behaviour_windows import checked_customers
from userportrait.features._events_days import codes_of, day_limit
from userportrait.features._habits_figures import Baskets, Spend, habit_figures
from userportrait.features._habits_tiers import PriceTiers, line_prices
from userportrait.features._sessions import bucket_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["BasketHabits"]

_KIND = "UPBK"
_VERSION = 1
_NO_TIER = -1
_NO_TEXTS = np.empty(0, dtype=object)


class BasketHabits:
    """How customers buy, from order lines, as a state that merges.

    Basket sizes and order values with exact means, medians and maxima, and the share of each
    price tier in the spend. Any split of the lines, in any order, on any engine, gives the
    same table, bit for bit.

    Parameters
    ----------
    price_tiers : PriceTiers or sequence of float, optional
        The limits between price tiers; see `learn_price_tiers`. Without them there are no
        figures on tiers.
    minor_digits : int, default=2
        Decimal digits of the currency, 0 to 4; the batches must agree with it.

    Notes
    -----
    An order is a basket. Returns do not count: a line with negative quantity or amount is
    left out, so that these are habits of buying, before anything is sent back. The state
    keeps one entry for each order and day, and one for each item in it.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "ann"],
    ...         "order_id": [1, 1, 2],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-05", "2026-02-01"]),
    ...         "item_id": ["tea", "cup", "pot"],
    ...         "quantity": [2, 1, 1],
    ...         "price": [5.0, 10.0, 60.0],
    ...     }
    ... )
    >>> habits = BasketHabits(price_tiers=[8, 40]).update(frame)
    >>> table = habits.finalize()
    >>> table[["customer_id", "basket_items_mean", "order_value_median", "spend_share_tier_3"]]
      customer_id  basket_items_mean  order_value_median  spend_share_tier_3
    0         ann                1.5                40.0                0.75
    """

    def __init__(
        self,
        *,
        price_tiers: PriceTiers | Sequence[float] | None = None,
        minor_digits: int = 2,
    ) -> None:
        rules = {"minor_digits": Between(0, 4, integer=True)}
        check_values("BasketHabits", {"minor_digits": minor_digits}, rules)
        given = price_tiers
        tiers = given if given is None or isinstance(given, PriceTiers) else PriceTiers(given)
        self.price_tiers: PriceTiers | None = tiers
        self.minor_digits: int = minor_digits
        self._held: _Held = _Held.empty()
        self._batch_ids: BatchIds = BatchIds()

    def update(self, batch: Orders | IntoFrame, *, batch_id: str | None = None) -> Self:
        """Fold order lines into the state and return it.

        Parameters
        ----------
        batch : Orders or frame
            Order lines; a raw frame must have canonical names.
        batch_id : str, optional
            The batch's name. It is remembered, so that the batch cannot count twice.

        Raises
        ------
        DuplicateBatchError
            If a batch of this name is in the state already.
        InvalidDataError
            If `item_id` is in some batches only, or IDs are texts in one batch and whole
            numbers in another.
        InvalidParameterError
            If the batch has other minor digits.
        """
        owner = "BasketHabits.update"
        self._batch_ids.check_new(batch_id, owner=owner)
        digits = self.minor_digits
        orders = batch if isinstance(batch, Orders) else Orders(batch, minor_digits=digits)
        if orders.minor_digits != digits:
            problem = (
                f"the batch has minor_digits={orders.minor_digits}, the state {digits}; both must "
                f"be the same."
            )
            raise InvalidParameterError(owner, [problem])
        inner = frames.enter(orders.frame)
        if frames.is_large(inner, len(orders)):
            self._held = self._joined_parts(inner)
        else:
            self._held = self._held.join(_held_of(orders, self.price_tiers))
        self._batch_ids = self._batch_ids.add(batch_id)
        return self

    def _settings(self) -> dict[str, Any]:
        return {"price_tiers": self.price_tiers, "minor_digits": self.minor_digits}

    def _joined_parts(self, inner: frames.Frame) -> _Held:
        settings = self._settings()

        def reduce(part: Any) -> bytes:
            state = BasketHabits(**settings)
            return (state.update(part) if len(part) else state).to_bytes()

        held = self._held
        for payload in frames.collect_batches(inner, reduce):
            held = held.join(self.from_bytes(payload)._held)  # noqa: SLF001
        return held

    def merge(self, other: Self) -> Self:
        """Return the state of both; neither is changed.

        Raises
        ------
        DuplicateBatchError
            If both hold a batch of the same name.
        InvalidDataError
            If `item_id` is in one only, or IDs are texts in one and whole numbers in the other.
        InvalidParameterError
            If they differ in price tiers or minor digits, or `other` is no such state.
        """
        check_other(BasketHabits, other)
        mine, its = self._settings(), other._settings()
        problems = [f"{n} differ: {mine[n]!r} and {its[n]!r}." for n in mine if mine[n] != its[n]]
        if problems:
            raise InvalidParameterError("BasketHabits.merge", problems)
        held = self._held.join(other._held)
        return self._made(mine, held, self._batch_ids.join(other._batch_ids))

    @classmethod
    def _made(cls, settings: Mapping[str, Any], held: _Held, batch_ids: BatchIds) -> Self:
        state = cls(**settings)
        state._held, state._batch_ids = held, batch_ids
        return state

    def finalize(self, as_of: object = None, *, engine: frames.Engine = "pandas") -> Any:
        """Return one row per customer with a purchase at or before `as_of`, sorted by ID.

        Parameters
        ----------
        as_of : datetime, date or ISO 8601 text, optional
            A midnight, or a moment after the newest day; later lines are not used. By default
            all lines count.
        engine : str, default='pandas'
            The library of the result: ``'pandas'``, ``'polars'``, ``'polars-lazy'``,
            ``'pyarrow'`` or ``'duckdb'``.

        Returns
        -------
        frame
            `customer_id`; `n_orders`; mean, median and greatest number of order lines
            (`basket_lines_mean`, …), of distinct items (`basket_items_mean`, …; only with
            `item_id`), and value of an order (`order_value_mean`, …; in the currency). With
            price tiers `spend_share_tier_1` and so on, the cheapest first (NaN where nothing
            of a known price was spent), and `favourite_tier`, the label of the one with the
            greatest share; of several the cheapest.

        Raises
        ------
        InvalidDataError
            If the state is empty.
        InvalidParameterError
            If `as_of` is before the first purchase, or inside a day.
        """
        owner = "BasketHabits.finalize"
        held = self._held
        if not held.orders:
            message = f"{owner}: the state is empty. Update it with order lines first."
            raise InvalidDataError(message)
        columns: dict[str, Any] = held.orders.packed()
        bucket = columns["bucket"]
        low, high = int(bucket.min()), int(bucket.max())
        limit, _ = day_limit(as_of, low, high, owner=owner, what="purchase")
        customer, customer_ids = codes_of(columns["customer_id"], presorted=True)
        order, order_ids = codes_of(columns["order_id"])
        kept = bucket <= limit
        baskets = Baskets(
            customer[kept], order[kept], columns["lines"][kept], columns["amount"][kept]
        )
        items = None
        if held.has_items:
            items = _item_baskets(held.items, customer_ids, order_ids, limit)
        spend = _spend_rows(held.spend, customer_ids, limit, self.price_tiers)
        found = habit_figures(baskets, items, spend, customer_ids, self.minor_digits)
        if self.price_tiers is not None:
            labels = np.array([None, *self.price_tiers.labels], dtype=object)
            found["favourite_tier"] = labels[found["favourite_tier"] + 1]
        return frames.from_arrays(found, engine)

    @property
    def n_customers(self) -> int:
        """How many customers the state knows."""
        return len(self._held.orders.distinct("customer_id"))

    @property
    def batch_ids(self) -> Collection[str]:
        """The names of the batches that were given with one; tests membership with ``in``."""
        return self._batch_ids

    def forget(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase customers, with their orders; ignore unknown ones; return how many were there.

        The names of batches stay: a batch that comes again is still refused.
        """
        gone = checked_customers(customer_ids, owner="BasketHabits.forget")
        self._held, n = self._held.without(gone)
        return n

    def to_bytes(self) -> bytes:
        """Serialise, with a version; the same content always gives the same bytes."""
        tiers = self.price_tiers
        facts = {
            "price_tiers": None if tiers is None else [list(tiers.edges), list(tiers.labels)],
            "minor_digits": self.minor_digits,
            "has_items": self._held.has_items,
            "batch_ids": self._batch_ids.to_json(),
        }
        tables = {name: entries.packed() for name, entries in self._held.parts.items()}
        return pack(_KIND, _VERSION, facts, tables)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are not basket habits, or from a later version.
        """
        _, facts, tables = unpack(payload, _KIND, _VERSION, "state of basket habits", coded=True)
        told = facts["price_tiers"]
        tiers = None if told is None else PriceTiers(tuple(told[0]), tuple(told[1]))
        held = _Held.empty(facts["has_items"])
        for name, entries in held.parts.items():
            if tables[name]:
                entries.add(tables[name])
        settings = {"price_tiers": tiers, "minor_digits": int(facts["minor_digits"])}
        return cls._made(settings, held, BatchIds.from_json(facts["batch_ids"]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BasketHabits):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        message = "BasketHabits change with update, so they cannot be a key."
        raise TypeError(message)

    def __repr__(self) -> str:
        n = self._held.orders.n_rows
        return f"<BasketHabits: {self.n_customers:,} customers, {n:,} entries>"

    def _repr_html_(self) -> str:
        tiers = self.price_tiers
        rows = {
            "customers": f"{self.n_customers:,}",
            "entries": f"{self._held.orders.n_rows:,}",
            "price tiers": "none" if tiers is None else ", ".join(tiers.labels),
            "named batches": f"{len(self._batch_ids):,}",
        }
        return page_fragment("BasketHabits", definition_list(rows))


@dataclass(frozen=True, slots=True)
class _Held:
    """The entries of a state; `has_items` is None before the first lines."""

    orders: Entries
    items: Entries
    spend: Entries
    has_items: bool | None

    @classmethod
    def empty(cls, has_items: bool | None = None) -> _Held:
        return cls(
            Entries(["customer_id", "order_id", "bucket"], ["lines", "amount"]),
            Entries(["customer_id", "order_id", "item_id", "bucket"], []),
            Entries(["customer_id", "bucket", "tier"], ["amount"]),
            has_items,
        )

    @property
    def parts(self) -> dict[str, Entries]:
        return {"orders": self.orders, "items": self.items, "spend": self.spend}

    def join(self, other: _Held) -> _Held:
        mine, its = self.has_items, other.has_items
        if mine is not None and its is not None and mine != its:
            message = (
                "some order lines have the column 'item_id' and others do not, so what is counted "
                "of it would be wrong. Add it where it is missing, with nulls if nothing is known."
            )
            raise InvalidDataError(message, column="item_id")
        orders, items = self.orders.join(other.orders), self.items.join(other.items)
        return _Held(orders, items, self.spend.join(other.spend), its if mine is None else mine)

    def without(self, customer_ids: Sequence[object]) -> tuple[_Held, int]:
        orders, n = self.orders.without("customer_id", customer_ids)
        items, _ = self.items.without("customer_id", customer_ids)
        spend, _ = self.spend.without("customer_id", customer_ids)
        return _Held(orders, items, spend, self.has_items), n


def _held_of(orders: Orders, tiers: PriceTiers | None) -> _Held:
    """Return the entries of one batch."""
    held = _Held.empty("item_id" in orders.columns)
    arrays = orders.arrays
    bought = ~arrays.is_return
    customer = Coded(arrays.customer[bought], arrays.customer_ids)
    order = Coded(arrays.order[bought], arrays.order_ids)
    bucket, amount = bucket_of(arrays.at[bought]), arrays.amount[bought]
    held.orders.add(
        {
            "customer_id": customer,
            "order_id": order,
            "bucket": bucket,
            "lines": np.ones(len(bucket), dtype=np.int64),
            "amount": amount,
        }
    )
    if held.has_items:
        codes, distinct = arrays.codes("item_id")
        codes = codes[bought]
        known = codes >= 0
        held.items.add(
            {
                "customer_id": Coded(customer.codes[known], customer.distinct),
                "order_id": Coded(order.codes[known], order.distinct),
                "item_id": Coded(codes[known], distinct if len(distinct) else _NO_TEXTS),
                "bucket": bucket[known],
            }
        )
    if tiers is not None:
        tier = tiers.tiers_of(line_prices(orders)[bought])
        held.spend.add({"customer_id": customer, "bucket": bucket, "tier": tier, "amount": amount})
    return held


def _item_baskets(items: Entries, customer_ids: Any, order_ids: Any, limit: int) -> Baskets:
    """Return the distinct items of each order and bucket, one row each."""
    columns: dict[str, Any] = items.packed()
    if not columns:
        nothing = np.zeros(0, dtype=np.int64)
        return Baskets(nothing, nothing, nothing, nothing)
    kept = columns["bucket"] <= limit
    customer = _places(columns["customer_id"], customer_ids, presorted=True)[kept]
    order = _places(columns["order_id"], order_ids)[kept]
    item, _ = codes_of(columns["item_id"])
    return Baskets(customer, order, item[kept], np.zeros(len(order), dtype=np.int64))


def _spend_rows(
    spend: Entries, customer_ids: Any, limit: int, tiers: PriceTiers | None
) -> Spend | None:
    if tiers is None:
        return None
    columns: dict[str, Any] = spend.packed()
    kept = (columns["bucket"] <= limit) & (columns["tier"] != _NO_TIER)
    customer = _places(columns["customer_id"], customer_ids, presorted=True)[kept]
    return Spend(customer, columns["tier"][kept], columns["amount"][kept], len(tiers.labels))


def _places(column: Any, among: NDArray[Any], *, presorted: bool = False) -> NDArray[np.int64]:
    """Return a key column as positions among sorted values that hold all of its own."""
    codes, distinct = codes_of(column, presorted=presorted)
    found: NDArray[np.int64] = np.searchsorted(among, distinct).astype(np.int64)[codes]
    return found
