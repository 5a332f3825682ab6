"""Tables of one part of the customers: checked with the whole before, and perhaps without rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core import frames
from userportrait._core.units import as_moment
from userportrait.data import Customers, Events, Items, Orders

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["PartCustomers", "PartEvents", "PartItems", "PartOrders"]


class PartOrders(Orders):
    """Order lines of some customers, perhaps none, or none until the moment."""

    def __init__(self, frame: Any, *, currency: str | None, minor_digits: int) -> None:
        self.currency = currency
        self.minor_digits = minor_digits
        self._inner = frames.enter(frame)
        self._kinds = dict(frames.column_kinds(self._inner))
        self._n_rows = frames.count_rows(self._inner)

    @property
    def in_memory(self) -> bool:
        """Whether the lines are worked on as arrays rather than by the engine: always."""
        return True

    def moment(self, as_of: object, *, owner: str) -> datetime:
        """Return `as_of`, also where the part's first order is later."""
        return as_moment(as_of, owner=owner)


class PartCustomers(Customers):
    """Rows of some customers."""

    def __init__(self, frame: Any) -> None:
        self._inner = frames.enter(frame)
        self._kinds = dict(frames.column_kinds(self._inner))
        self._n_rows = frames.count_rows(self._inner)


class PartEvents(Events):
    """Events of some customers."""

    def __init__(self, frame: Any) -> None:
        self._inner = frames.enter(frame)
        self._kinds = dict(frames.column_kinds(self._inner))
        self._n_rows = frames.count_rows(self._inner)


class PartItems(Items):
    """All items, which every part needs."""

    def __init__(self, frame: Any) -> None:
        self._inner = frames.enter(frame)
        self._kinds = dict(frames.column_kinds(self._inner))
        self._n_rows = frames.count_rows(self._inner)
