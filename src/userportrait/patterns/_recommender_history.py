"""What customers have bought, as rows of item codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._basket_lines import GIANT_ABOVE
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._completion import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["History", "as_history_baskets"]


def as_history_baskets(given: Any, *, owner: str, quiet: bool = False) -> Baskets:
    """Return baskets, made of orders, a frame or lists where they are not baskets yet.

    With `quiet` giant baskets are no reason to warn, since nothing is mined from them.
    """
    if isinstance(given, Baskets):
        return given
    if isinstance(given, Orders):
        return Baskets.from_orders(given)
    if isinstance(given, str | bytes) or not (
        hasattr(given, "columns") or hasattr(given, "__iter__")
    ):
        problem = f"baskets must be Baskets, Orders, a frame or lists; got {type(given).__name__}."
        raise InvalidParameterError(owner, [problem])
    if not hasattr(given, "columns"):
        return Baskets.from_lists(given, giant_above=None if quiet else GIANT_ABOVE)
    names = set(frames.column_names(frames.enter(given, argument="baskets")))
    times = [name for name in ("ordered_at", "occurred_at") if name in names]
    customer = "customer_id" if "customer_id" in names else None
    if customer is not None and "order_id" not in names:
        return _one_basket_each(Baskets.from_frame(given, order_id=customer, giant_above=None))
    at = times[0] if times else None
    return Baskets.from_frame(given, customer_id=customer, ordered_at=at)


def _one_basket_each(baskets: Baskets) -> Baskets:
    """Say that the orders are customers."""
    return Baskets(
        baskets.indptr,
        baskets.indices,
        baskets.items,
        customers=np.arange(len(baskets.indptr) - 1, dtype=np.int32),
        customer_ids=baskets.order_ids,
    )


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The items of each customer.

    Parameters
    ----------
    customer_ids : ndarray or None
        Sorted.
    recent, ever : Rows
        Items of the last baskets, and of all.
    """

    customer_ids: NDArray[Any] | None
    recent: Rows
    ever: Rows

    @classmethod
    def of(cls, baskets: Baskets, last_baskets: int | None) -> History:
        """Gather the baskets of each customer.

        Raises
        ------
        InvalidDataError
            If `last_baskets` is given and the baskets have no times.
        """
        none = Rows(np.zeros(1, np.int64), np.empty(0, np.int32))
        if baskets.customers is None or baskets.customer_ids is None:
            return cls(None, none, none)
        n_customers = len(baskets.customer_ids)
        owner = baskets.customers.astype(np.int64)
        ever = _gather(baskets, owner, np.flatnonzero(owner >= 0), n_customers)
        if last_baskets is None:
            return cls(baskets.customer_ids, ever, ever)
        if baskets.at is None:
            raise InvalidDataError(
                "BasketRuleRecommender.fit: last_baskets needs the times of baskets. Fit on "
                "Orders, or on a frame with order_id and ordered_at."
            )
        rows = _last_rows(owner, baskets.at, last_baskets)
        return cls(baskets.customer_ids, _gather(baskets, owner, rows, n_customers), ever)

    def rows_of(self, customers: Sequence[Any]) -> tuple[Rows, Rows]:
        """Return recent and all items of customers; nothing for those that are not known."""
        known = pd.Index([] if self.customer_ids is None else self.customer_ids, dtype=object)
        place = known.get_indexer(pd.Index(list(customers), dtype=object))
        return _rows_at(self.recent, place), _rows_at(self.ever, place)

    @staticmethod
    def recode(baskets: Baskets, items: NDArray[Any]) -> Rows:
        """Return baskets in the codes of other items, without those that are not among them."""
        place = pd.Index(items).get_indexer(pd.Index(baskets.items))
        codes = place[baskets.indices].astype(np.int32)
        kept = codes >= 0
        row = np.repeat(np.arange(len(baskets.indptr) - 1), np.diff(baskets.indptr))[kept]
        sizes = np.bincount(row, minlength=len(baskets.indptr) - 1)
        # Both vocabularies are sorted, so the codes stay ascending in each row.
        return Rows(np.concatenate(([0], np.cumsum(sizes))).astype(np.int64), codes[kept])


def _last_rows(
    owner: NDArray[np.int64], at: NDArray[np.int64], last_baskets: int
) -> NDArray[np.intp]:
    """Return the last baskets of each customer; of one moment, the later rows."""
    order = np.lexsort((np.arange(len(owner)), at, owner))[::-1]
    order = order[owner[order] >= 0]
    falling = owner[order]
    firsts = np.searchsorted(-falling, -falling)
    return order[np.arange(len(order)) - firsts < last_baskets]


def _gather(
    baskets: Baskets, owner: NDArray[np.int64], rows: NDArray[np.intp], n_customers: int
) -> Rows:
    """Return the distinct items of some baskets, by customer."""
    chosen = np.zeros(len(owner), dtype=np.bool_)
    chosen[rows] = True
    sizes = np.diff(baskets.indptr)
    used = np.repeat(chosen, sizes)
    n_items = max(len(baskets.items), 1)
    keys = np.unique(np.repeat(owner, sizes)[used] * n_items + baskets.indices[used])
    counts = np.bincount(keys // n_items, minlength=n_customers)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Rows(indptr, (keys % n_items).astype(np.int32))


def _rows_at(rows: Rows, place: NDArray[np.intp]) -> Rows:
    """Return the rows at these places, and an empty one for -1."""
    starts, ends = np.append(rows.indptr[:-1], 0)[place], np.append(rows.indptr[1:], 0)[place]
    sizes = ends - starts
    indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    at = np.repeat(starts - indptr[:-1], sizes) + np.arange(int(indptr[-1]))
    return Rows(indptr, rows.indices[at])
