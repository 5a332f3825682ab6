"""What may be recommended to whom, said as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions
    from userportrait.recommend._top import Top

__all__ = ["Candidates", "ExcludeItems", "ItemFilter", "Request", "Reranker", "combined_mask"]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """Who is asking.

    Parameters
    ----------
    interactions : Interactions
        What the model has seen; its `item_ids` say which column is which item.
    customers : ndarray of shape (n_rows,)
        The IDs asked for; None in each row for baskets without a customer.
    known : ndarray of int, shape (n_rows,)
        Rows of the customers in `interactions`, -1 for unknown ones.
    k : int
        Items wanted for each row.
    """

    interactions: Interactions
    customers: NDArray[Any]
    known: NDArray[np.intp]
    k: int

    def __len__(self) -> int:
        return len(self.known)

    def take(self, rows: slice) -> Request:
        """Return some of the rows."""
        return Request(self.interactions, self.customers[rows], self.known[rows], self.k)


@runtime_checkable
class ItemFilter(Protocol):
    """Says which items may be recommended; any class with this method will do."""

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return what may be recommended.

        One row for everybody, of shape (n_items,), or one for each row of the request, of shape
        (n_rows, n_items).
        """
        ...


class Candidates(Protocol):
    """The items that a reranker chooses from, best first."""

    def best(self, n: int) -> Top:
        """Return the `n` best allowed items of each row of the request."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Chooses the list out of more candidates; any class with this method will do."""

    def choose(self, request: Request, candidates: Candidates) -> Top:
        """Return `request.k` items for each row."""
        ...


@dataclass(frozen=True, eq=False)
class ExcludeItems:
    """Items that nobody is recommended, such as those out of stock.

    Parameters
    ----------
    items : iterable of item
        Items that the model does not know are passed over.

    Examples
    --------
    >>> ExcludeItems(["p1"])
    ExcludeItems(items=('p1',))
    """

    items: Iterable[Any]

    def __post_init__(self) -> None:
        if isinstance(self.items, str):
            problem = "items must be a list of items, not one text."
            raise InvalidParameterError("ExcludeItems", [problem])
        object.__setattr__(self, "items", tuple(self.items))

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return True for all other items."""
        found = np.ones(request.interactions.n_items, dtype=bool)
        places = request.interactions.item_places(self.items)
        found[places[places >= 0]] = False
        return found


def combined_mask(
    filters: Sequence[ItemFilter], request: Request, owner: str
) -> NDArray[np.bool_] | None:
    """Return what all filters allow: None for everything, one row, or one for each row."""
    mask: NDArray[np.bool_] | None = None
    n_rows, n_items = len(request), request.interactions.n_items
    for item_filter in filters:
        found = np.asarray(item_filter.allowed(request))
        if found.dtype != bool or found.shape not in ((n_items,), (n_rows, n_items)):
            problem = (
                f"{type(item_filter).__name__}.allowed must return booleans of shape ({n_items},) "
                f"or ({n_rows}, {n_items}); got {found.dtype} of shape {found.shape}."
            )
            raise InvalidParameterError(owner, [problem])
        mask = found if mask is None else mask & found
    return mask
