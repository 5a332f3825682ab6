"""What may be recommended to whom, said as values: the protocols and what they are asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from userportrait.errors import InvalidParameterError
from userportrait.recommend._interactions import csr, entry_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._top import Top

__all__ = [
    "Candidates",
    "Filters",
    "ItemFilter",
    "PairFilter",
    "Request",
    "Reranker",
    "blocked_pairs",
    "combined_mask",
    "is_same_for_all",
    "replaces_seen",
]


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
    history : csr_array, shape (n_rows, n_items)
        What each row is known to have: raw weights.

    Examples
    --------
    A filter sees who is asking.

    >>> import pandas as pd
    >>> from userportrait.recommend import Popularity
    >>> class Odd:
    ...     def allowed(self, request: Request):
    ...         return request.interactions.item_ids % 2 == 1
    >>> bought = pd.DataFrame({"customer_id": [1, 2, 3], "item_id": [1, 2, 3]})
    >>> Popularity().fit(bought).recommend([2], filters=Odd())["item_id"].tolist()
    [1, 3]
    """

    interactions: Interactions
    customers: NDArray[Any]
    known: NDArray[np.intp]
    k: int
    history: Matrix

    def __len__(self) -> int:
        return len(self.known)

    def take(self, rows: slice | NDArray[np.intp]) -> Request:
        """Return some of the rows."""
        return Request(
            self.interactions, self.customers[rows], self.known[rows], self.k, self.history[rows]
        )

    def with_k(self, k: int) -> Request:
        """Return the same request for another number of items."""
        return replace(self, k=k)


@runtime_checkable
class ItemFilter(Protocol):
    """Says which items may be recommended; any class with this method will do.

    A class attribute ``same_for_all = True`` promises that the answer has one row for everybody;
    then all customers are answered at once.

    Examples
    --------
    >>> class Cheap:
    ...     def allowed(self, request: Request):
    ...         return request.interactions.item_ids < 100
    >>> isinstance(Cheap(), ItemFilter)
    True
    """

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return what may be recommended.

        One row for everybody, of shape (n_items,), or one for each row of the request, of shape
        (n_rows, n_items).
        """
        ...


@runtime_checkable
class PairFilter(Protocol):
    """Says which few items each customer must not get; any class with this method will do.

    A class attribute ``replaces_filter_seen = True`` says that items which a customer has had to
    do with may come, unless this filter blocks them.

    Examples
    --------
    >>> class NothingSeen:
    ...     def blocked(self, request: Request):
    ...         return request.history
    >>> isinstance(NothingSeen(), PairFilter)
    True
    """

    def blocked(self, request: Request) -> Matrix:
        """Return a csr_array of shape (n_rows, n_items): what is stored must not come."""
        ...


class Candidates(Protocol):
    """The items that a reranker chooses from, best first.

    Examples
    --------
    >>> class FirstOnly:
    ...     def choose(self, request, candidates: Candidates):
    ...         return candidates.best(1)
    >>> isinstance(FirstOnly(), Reranker)
    True
    """

    def best(
        self,
        n: int,
        *,
        rows: NDArray[np.intp] | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> Top:
        """Return the best allowed items of each row; more of them begin with fewer.

        Parameters
        ----------
        n : int
            How many; lists are shorter, padded with -1, where there are no more.
        rows : ndarray of int, optional
            Rows of the request; by default all of them.
        among : ndarray of bool, shape (n_items,), optional
            Only these items.
        """
        ...


@runtime_checkable
class Reranker(Protocol):
    """Chooses the list out of more candidates; any class with this method will do.

    Several work in turn: the later one chooses from what the earlier one chooses when it is
    asked for more.

    Examples
    --------
    >>> class BestTwo:
    ...     def choose(self, request: Request, candidates: Candidates):
    ...         return candidates.best(min(2, request.k))
    >>> isinstance(BestTwo(), Reranker)
    True
    """

    def choose(self, request: Request, candidates: Candidates) -> Top:
        """Return `request.k` items for each row, only candidates, with scores that do not rise."""
        ...


Filters: TypeAlias = ItemFilter | PairFilter | Reranker
"""Anything that `recommend` takes as a filter."""


def is_same_for_all(item_filter: ItemFilter) -> bool:
    """Return whether a filter promises one row for everybody."""
    return bool(getattr(item_filter, "same_for_all", False))


def replaces_seen(pair_filter: PairFilter) -> bool:
    """Return whether a filter stands in for `filter_seen`."""
    return bool(getattr(pair_filter, "replaces_filter_seen", False))


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


def blocked_pairs(
    filters: Sequence[PairFilter], request: Request, seen: Matrix | None, owner: str
) -> Matrix | None:
    """Return what must not come in each row: what is seen, and what filters block."""
    shape = (len(request), request.interactions.n_items)
    parts = [] if seen is None else [seen]
    for pair_filter in filters:
        found = pair_filter.blocked(request)
        if getattr(found, "format", None) != "csr" or found.shape != shape:
            problem = (
                f"{type(pair_filter).__name__}.blocked must return a csr_array of shape {shape}."
            )
            raise InvalidParameterError(owner, [problem])
        parts.append(found)
    if len(parts) < 2:
        return parts[0] if parts else None
    keys = [entry_rows(part) * shape[1] + part.indices for part in parts]
    key = np.unique(np.concatenate(keys))
    indptr = np.searchsorted(key, np.arange(shape[0] + 1) * shape[1]).astype(np.int32)
    return csr(np.ones(len(key)), (key % max(shape[1], 1)).astype(np.int32), indptr, shape)
