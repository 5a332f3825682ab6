"""Customers and items without interactions, added to those that have some."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.errors import ColumnTypeError
from userportrait.recommend._interactions import csr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions

__all__ = ["with_more_ids"]


def with_more_ids(data: Interactions, *, items: Sequence[Any], owner: str) -> Interactions:
    """Return interactions that know further items, which nobody has yet.

    Raises
    ------
    ColumnTypeError
        If the items are not of the type that those of the interactions are.
    """
    wanted = [item for item in items if item is not None and item == item]
    _check_kind(data.item_ids, wanted, owner)
    known = set(data.item_ids.tolist())
    new = sorted({_plain(item) for item in wanted} - known)
    if not new:
        return data
    more = np.empty(len(new), dtype=data.item_ids.dtype)
    more[:] = new
    every = np.concatenate([data.item_ids, more])
    order = np.argsort(every, kind="stable")
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    matrix = data.matrix
    columns = place[matrix.indices]  # ascending still: sorted IDs keep their order
    wide = csr(matrix.data, columns, matrix.indptr, (matrix.shape[0], len(every)))
    log = None if data.log is None else replace(data.log, item=place[data.log.item])
    return replace(data, matrix=wide, item_ids=every[order], log=log)


def _check_kind(ids: NDArray[Any], wanted: Sequence[Any], owner: str) -> None:
    texts = ids.dtype == object
    wrong = [item for item in wanted if isinstance(item, str) != texts]
    if wrong:
        kinds = ("texts", "whole numbers") if texts else ("whole numbers", "texts")
        message = (
            f"{owner}: 'item_id' is {kinds[0]} in the interactions and {kinds[1]} in the items. "
            f"Convert one of them."
        )
        raise ColumnTypeError(message, column="item_id", n_rows=len(wrong))


def _plain(item: Any) -> Any:
    return item if isinstance(item, str) else int(item)
