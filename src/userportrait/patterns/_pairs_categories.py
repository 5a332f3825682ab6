"""Categories of items, as codes beside the vocabulary of baskets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Categories", "code_categories"]


@dataclass(frozen=True, slots=True)
class Categories:
    """The category of each item.

    Parameters
    ----------
    codes : ndarray of int32 of shape (n_items,)
        -1 for an item without one.
    names : ndarray of object
        The categories, sorted.
    """

    codes: NDArray[np.int32]
    names: NDArray[Any]

    @property
    def n_without(self) -> int:
        """Items without a category."""
        return int(np.count_nonzero(self.codes < 0))

    def labels(self, items: NDArray[np.integer]) -> NDArray[Any]:
        """Return the names of items' categories, None where there is none."""
        table: NDArray[Any] = np.full(len(self.names) + 1, None, dtype=object)
        table[:-1] = self.names
        found: NDArray[Any] = table[self.codes[items]]
        return found


def code_categories(given: Any, items: NDArray[Any], *, owner: str) -> Categories | None:
    """Read what a caller gave as `categories`.

    Parameters
    ----------
    given : mapping, Series, Items, frame or None
        Item to category; or a table with `item_id` and `category`.
    items : ndarray
        The vocabulary.
    owner : str
        Whose parameter it is, for messages.

    Returns
    -------
    Categories or None
        None for None.

    Raises
    ------
    InvalidDataError
        If no item of the vocabulary has a category, or one has two.
    """
    if given is None:
        return None
    known = _as_mapping(given, owner)
    found = [known.get(item) for item in items.tolist()]
    missing = np.array([_is_missing(name) for name in found], dtype=bool)
    if bool(missing.all()) and len(found):
        raise InvalidDataError(
            f"{owner}: none of the {len(found):,} items has a category. The keys of `categories` "
            "must be item IDs of the same type as in the baskets, such as texts or integers."
        )
    names = sorted({str(name) for name, gone in zip(found, missing, strict=True) if not gone})
    code = {name: place for place, name in enumerate(names)}
    codes = [-1 if gone else code[str(n)] for n, gone in zip(found, missing, strict=True)]
    return Categories(np.array(codes, dtype=np.int32), np.array(names, dtype=object))


def _as_mapping(given: Any, owner: str) -> Mapping[Any, Any]:
    if _is_mapping(given):
        return given
    if isinstance(given, pd.Series):
        series = cast("Any", given)
        return _pairs(series.index.tolist(), series.tolist(), owner)
    try:
        table = frames.collect_arrays(
            frames.enter(getattr(given, "frame", given), argument="categories"),
            ["item_id", "category"],
        )
    except TypeError as error:
        problem = (
            "categories must be a mapping of item to category, a Series, an Items table or a "
            f"frame with item_id and category; got {type(given).__name__}."
        )
        raise InvalidParameterError(owner, [problem]) from error
    ids, names = (np.asarray(table[n], dtype=object).tolist() for n in ("item_id", "category"))
    return _pairs(ids, names, owner)


def _pairs(ids: Iterable[Any], names: Iterable[Any], owner: str) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for row, (item, name) in enumerate(zip(ids, names, strict=True)):
        if _is_missing(name):
            continue
        if found.setdefault(item, name) != name:
            message = f"{owner}: an item has two categories; give each item one."
            raise InvalidDataError(message, column="category", rows=[row])
    return found


def _is_mapping(given: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(given, Mapping)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value
