"""IDs and baskets as rows of a matrix, and what to say about those that do not fit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.display import format_count
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.recommend._interactions import csr, fits_int64, row_sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = [
    "as_ids",
    "basket_rows",
    "check_item_kind",
    "histories",
    "known_places",
    "listed",
    "take_rows",
    "unknown_item",
]

_FEW_NAMES = 30
_NEIGHBOURS = 1_000


def listed(values: Any, name: str, owner: str) -> list[Any]:
    """Return a list of IDs.

    Raises
    ------
    InvalidParameterError
        If it is one ID, or no list at all.
    """
    given: Any = values
    if isinstance(values, (str, bytes)) or not hasattr(given, "__iter__"):
        problem = f"{name} must be a list of IDs; got {type(given).__name__}."
        raise InvalidParameterError(owner, [problem])
    return list(given)


def as_ids(values: list[Any]) -> NDArray[Any]:
    """Return IDs as int64 if all of them are whole numbers, as objects otherwise."""
    if values and all(
        isinstance(v, (int, np.integer)) and not isinstance(v, bool) and fits_int64(v)
        for v in values
    ):
        return np.array(values, dtype=np.int64)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def histories(data: Interactions, known: NDArray[np.intp]) -> Matrix:
    """Return what each customer is known to have; nothing for unknown ones, -1."""
    return take_rows(data.matrix, known)


def take_rows(matrix: Matrix, known: NDArray[np.intp]) -> Matrix:
    """Return rows of a matrix; an empty one for -1."""
    if len(known) == matrix.shape[0] and np.array_equal(known, np.arange(len(known))):
        return matrix
    inside = known >= 0
    starts: NDArray[np.intp] = np.where(inside, matrix.indptr[known], 0)
    sizes = np.where(inside, row_sizes(matrix)[known], 0) if matrix.shape[0] else starts
    indptr = np.zeros(len(known) + 1, dtype=matrix.indptr.dtype)
    np.cumsum(sizes, out=indptr[1:])
    before = np.cumsum(sizes) - sizes
    chosen = np.repeat(starts - before, sizes) + np.arange(int(indptr[-1]))
    return csr(matrix.data[chosen], matrix.indices[chosen], indptr, (len(known), matrix.shape[1]))


def basket_rows(data: Interactions, baskets: Any, owner: str) -> Matrix:
    """Return baskets as rows of a matrix; items that are not known are passed over.

    Raises
    ------
    InvalidParameterError
        If a basket is no list of items, or a weight in one cannot be used.
    """
    lists = _lists(baskets, owner)
    every = [item for items in lists for item in items]
    places = data.item_places(every)
    check_item_kind(data, every, "baskets", owner)
    weights = _basket_weights(data, lists, owner)
    sizes = np.array([len(items) for items in lists], dtype=np.intp)
    rows = np.repeat(np.arange(len(lists)), sizes)
    inside = places >= 0
    if data.feedback == "implicit":
        inside &= weights > 0
    n_items = data.n_items
    key, place = np.unique(rows[inside] * n_items + places[inside], return_inverse=True)
    values: NDArray[np.float64] = np.bincount(
        place, weights=weights[inside], minlength=len(key)
    ).astype(np.float64)
    if data.feedback == "explicit":
        values = values / np.bincount(place, minlength=len(key))
    indptr = np.zeros(len(lists) + 1, dtype=np.int32)
    np.cumsum(np.bincount(key // max(n_items, 1), minlength=len(lists)), out=indptr[1:])
    columns = (key % max(n_items, 1)).astype(np.int32)
    return csr(values, columns, indptr, (len(lists), n_items))


def _lists(baskets: Any, owner: str) -> list[Any]:
    given: Any = baskets
    if isinstance(baskets, (str, bytes, Mapping)) or not hasattr(given, "__iter__"):
        problem = f"baskets must be a list of lists of items; got {type(given).__name__}."
        raise InvalidParameterError(owner, [problem])
    found: list[Any] = []
    for basket in given:
        if isinstance(basket, (str, bytes)) or not hasattr(basket, "__iter__"):
            problem = (
                f"each basket must be a list of items; got {type(basket).__name__}. For one "
                f"basket, write [basket]."
            )
            raise InvalidParameterError(owner, [problem])
        found.append(basket if isinstance(basket, Mapping) else list(basket))
    return found


def _basket_weights(data: Interactions, lists: list[Any], owner: str) -> NDArray[np.float64]:
    """Return the weight of each item: what a mapping says, else 1 or the best rating."""
    usual = 1.0
    if data.feedback == "explicit":
        usual = float(data.matrix.data.max(initial=0.0))
    given: list[Any] = []
    for items in lists:
        given += items.values() if isinstance(items, Mapping) else [usual] * len(items)
    try:
        found = np.array(given, dtype=np.float64)
        fits = bool((np.isfinite(found) & (found >= 0)).all())
    except (TypeError, ValueError):
        found, fits = np.empty(0), False
    if not fits:
        problem = "the weights in baskets must be finite numbers of at least 0."
        raise InvalidParameterError(owner, [problem])
    return found


def known_places(data: Interactions, kind: str, ids: list[Any], owner: str) -> NDArray[np.intp]:
    """Return the rows of customers or the columns of items.

    Raises
    ------
    InvalidParameterError
        If one is unknown; customers are counted, not named.
    """
    places = data.item_places(ids) if kind == "item" else data.customer_places(ids)
    if (places < 0).any():
        if kind == "item":
            problem = unknown_item(data, ids[int(np.flatnonzero(places < 0)[0])])
        else:
            n = int((places < 0).sum())
            one = "has" if n == 1 else "have"
            problem = (
                f"{format_count(n, 'customer')} of those given {one} not been seen by fit; "
                f"for new customers, give a list of items."
            )
        raise InvalidParameterError(owner, [problem])
    return places


def check_item_kind(data: Interactions, items: list[Any], name: str, owner: str) -> None:
    """Raise `InvalidParameterError` if items are texts and the model's are numbers, or reverse."""
    if not items or not data.n_items:
        return
    texts = [isinstance(item, str) for item in items]
    wanted = data.item_ids.dtype == object
    if any(texts) if wanted else not all(texts):
        return
    kinds = ("whole numbers", "texts")
    problem = (
        f"{name} holds {kinds[texts[0]]}, but the item IDs of the model are {kinds[wanted]}. "
        f"Convert one of them."
    )
    raise InvalidParameterError(owner, [problem])


def unknown_item(data: Interactions, item: Any) -> str:
    """Say that an item is unknown, with the nearest one; long catalogues are not listed."""
    ids = data.item_ids
    wanted = "texts" if ids.dtype == object else "whole numbers"
    if isinstance(item, str) != (ids.dtype == object):
        return f"{item!r} is not a known item: the item IDs of the model are {wanted}."
    if len(ids) <= _FEW_NAMES:
        return unknown_name("item", str(item), [str(known) for known in ids.tolist()])
    known = f"It knows {len(ids):,} items, from {ids[0]!s} to {ids[-1]!s}."
    near = _nearest(ids, item) if isinstance(item, str) else None
    return f"{item!r} is not a known item.{near or ''} {known}"


def _nearest(ids: NDArray[Any], item: str) -> str | None:
    """Look for a like name among the neighbours in the order of names, then in another case."""
    middle = bisect_left(ids, item)
    names: list[str] = ids[max(0, middle - _NEIGHBOURS) : middle + _NEIGHBOURS].tolist()
    if len(ids) <= 50 * _NEIGHBOURS:
        names = ids.tolist()
    close = get_close_matches(item, names, n=1, cutoff=0.6)
    close = [name for name in names if name.casefold() == item.casefold()] or close
    return f" Did you mean '{close[0]}'?" if close else None
