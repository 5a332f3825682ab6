"""Which items a search is about: their codes, and the nearest name of an unknown one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.errors import InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["item_codes"]

_COMPARED = 20_000
"""Names that an unknown one is compared with, at most: comparing is slow."""


def item_codes(
    items: NDArray[Any], chosen: Iterable[Any], *, owner: str, argument: str
) -> NDArray[np.int32]:
    """Return the positions of items in a sorted vocabulary, each once, ascending.

    Raises
    ------
    InvalidParameterError
        If `chosen` is one text instead of a list, or an item is unknown.
    """
    if isinstance(chosen, (str, bytes)) or not hasattr(chosen, "__iter__"):
        problem = f"{argument} must be a list of items; got {type(chosen).__name__}."
        raise InvalidParameterError(owner, [problem])
    wanted = list(chosen)
    found = codes_or_missing(items, wanted)
    unknown = [item for item, code in zip(wanted, found.tolist(), strict=True) if code < 0]
    if unknown:
        raise InvalidParameterError(owner, [f"{argument}: {_unknown(items, unknown)}"])
    return np.unique(found).astype(np.int32)


def codes_or_missing(items: NDArray[Any], wanted: list[Any]) -> NDArray[np.intp]:
    """Return the positions of items in a vocabulary, -1 for unknown ones."""
    values = np.empty(len(wanted), dtype=object)
    values[:] = wanted
    is_whole = items.dtype.kind in "iu"
    fit = np.array([_fits(value, is_whole) for value in wanted], dtype=bool)
    found = np.full(len(wanted), -1, dtype=np.intp)
    if fit.any():
        keys = values[fit].astype(np.int64) if is_whole else values[fit]
        found[fit] = pd.Index(items).get_indexer(pd.Index(keys))
    return found


def _fits(value: Any, is_whole: bool) -> bool:
    if is_whole:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return isinstance(value, str)


def _unknown(items: NDArray[Any], unknown: list[Any]) -> str:
    kind = "whole numbers" if items.dtype.kind in "iu" else "texts"
    fits = [item for item in unknown if _fits(item, items.dtype.kind in "iu")]
    if len(items) and not fits:
        return f"the items of these baskets are {kind}; got {type(unknown[0]).__name__}."
    text = unknown_name("item", str(unknown[0]), (str(item) for item in items[:_COMPARED]))
    head, _, listed = text.partition("\nKnown: ")
    more = f" {len(unknown) - 1:,} more are unknown." if len(unknown) > 1 else ""
    shown = f"\nKnown: {listed}" if len(items) <= 30 and listed else ""
    return f"{head}{more}{shown}"
