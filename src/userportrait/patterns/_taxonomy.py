"""Levels of items: categories instead of items, or beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.display import format_count
from userportrait._core.entries import Coded, compact_codes
from userportrait._core.params import InstanceOf, OneOf, check_values
from userportrait.data import Items
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.patterns._basket_lines import code_known
from userportrait.patterns._basket_merge import rows_from_pairs
from userportrait.patterns._constraints import codes_or_missing
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.patterns._baskets import Baskets

__all__ = ["categories_of", "with_ancestors", "with_categories", "without_ancestors"]

_OWNER = "Baskets.with_taxonomy"


def categories_of(
    items: NDArray[Any], taxonomy: Mapping[Any, Any] | Items, level: str, mode: str
) -> Coded:
    """Return the category of each item of a vocabulary; -1 where it has none."""
    rules: dict[str, Rule] = {
        "level": InstanceOf((str,), "a text"),
        "mode": OneOf(("add", "replace")),
    }
    check_values(_OWNER, {"level": level, "mode": mode}, rules)
    keys, values = _pairs(taxonomy, level)
    place = codes_or_missing(items, keys)
    column = np.full(len(items), None, dtype=object)
    column[place[place >= 0]] = values[place >= 0]
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "empty" and len(items):
        problem = (
            f"no item of the baskets has a '{level}' in the taxonomy. Are its keys of the same "
            f"kind, whole numbers or texts, as the items?"
        )
        raise InvalidParameterError(_OWNER, [problem])
    if kind not in ("string", "integer", "integer-na", "empty"):
        message = f"categories must be texts, or whole numbers, all of one kind; got {kind}."
        raise InvalidDataError(message, column=level)
    return compact_codes(code_known(column))


def _pairs(taxonomy: Mapping[Any, Any] | Items, level: str) -> tuple[list[Any], NDArray[Any]]:
    if not isinstance(taxonomy, Items):
        if not hasattr(taxonomy, "keys"):
            problem = (
                f"taxonomy must be a mapping of item to category, or an Items table; got "
                f"{type(taxonomy).__name__}."
            )
            raise InvalidParameterError(_OWNER, [problem])
        values = np.empty(len(taxonomy), dtype=object)
        values[:] = list(taxonomy.values())
        return list(taxonomy), values
    if level not in taxonomy.columns:
        raise MissingColumnError(level, taxonomy.columns, "the items")
    found = frames.collect_arrays(frames.enter(taxonomy.frame), ["item_id", level])
    values = found[level]
    if values.dtype.kind == "f":  # whole numbers beside nulls
        whole = [None if v != v else int(v) if v == int(v) else v for v in values.tolist()]
        values = np.empty(len(whole), dtype=object)
        values[:] = whole
    return found["item_id"].tolist(), values.astype(object)


def with_categories(baskets: Baskets, category: Coded, level: str) -> Baskets:
    """Return baskets of categories instead of items."""
    codes = category.codes[baskets.indices]
    rows = np.repeat(np.arange(len(baskets.sizes), dtype=np.int32), baskets.sizes)
    known = codes >= 0
    n_rows, n_items = len(baskets.sizes), len(category.distinct)
    indptr, indices = rows_from_pairs(rows[known], codes[known], n_rows, n_items)
    n_without = int(np.count_nonzero(category.codes < 0))
    note = f"items are now the {format_count(n_items, 'value')} of '{level}'"
    if n_without:
        note += f"; {format_count(n_without, 'item')} without one left out"
    return _rebuilt(baskets, indptr, indices, category.distinct, None, note)


def with_ancestors(baskets: Baskets, category: Coded, level: str) -> Baskets:
    """Return baskets with the categories of their items beside them."""
    items = [str(item) for item in baskets.items.tolist()]
    added = [f"{level}: {name}" for name in category.distinct.tolist()]
    clash = sorted(set(items) & set(added))
    if clash:
        problem = f"there is an item '{clash[0]}' already; give the level another name."
        raise InvalidParameterError(_OWNER, [problem])
    names = np.empty(len(items) + len(added), dtype=object)
    names[:] = items + added
    coded = code_known(names)
    item_code, category_code = coded.codes[: len(items)], coded.codes[len(items) :]
    rows = np.repeat(np.arange(len(baskets.sizes), dtype=np.int32), baskets.sizes)
    above = category.codes[baskets.indices]
    known = above >= 0
    indptr, indices = rows_from_pairs(
        np.concatenate([rows, rows[known]]),
        np.concatenate([item_code[baskets.indices], category_code[above[known]]]),
        len(baskets.sizes),
        len(names),
    )
    child = np.flatnonzero(category.codes >= 0)
    pairs = np.column_stack([item_code[child], category_code[category.codes[child]]])
    older = [] if baskets.related is None else [item_code[baskets.related]]
    related = np.concatenate([pairs.astype(np.int32), *older])
    note = f"{format_count(len(added), 'value')} of '{level}' added beside the items"
    prices = None if baskets.prices is None else np.full(len(names), np.nan)
    if prices is not None and baskets.prices is not None:
        prices[item_code] = baskets.prices
    return _rebuilt(baskets, indptr, indices, coded.distinct, prices, note, related)


def _rebuilt(
    baskets: Baskets,
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    items: NDArray[Any],
    prices: NDArray[np.float64] | None,
    note: str,
    related: NDArray[np.int32] | None = None,
) -> Baskets:
    report = baskets.report
    return type(baskets)(
        indptr,
        indices,
        items,
        weights=baskets.weights,
        order_ids=baskets.order_ids,
        customers=baskets.customers,
        customer_ids=baskets.customer_ids,
        at=baskets.at,
        prices=prices,
        related=related,
        report=replace(report, notes=(*report.notes, note)),
    )


def without_ancestors(trie: Trie, related: NDArray[np.int32], n_items: int, kind: str) -> Trie:
    """Return itemsets without those that hold an item and its own ancestor.

    Such a set is in as many baskets as the same set without the ancestor. A closed or maximal
    set holds the ancestors of all its items; there they are taken out of the set instead.
    """
    above = _ancestor_table(related, n_items)
    reduces = kind in ("closed", "maximal")
    parts: dict[int, list[tuple[NDArray[np.int32], NDArray[np.int64]]]] = {}
    nodes_kept = np.ones(len(trie.parent), dtype=bool)
    for length in range(1, int(trie.depths.max(initial=0)) + 1):
        nodes = trie.nodes(length)
        codes = trie.codes(nodes, length)
        redundant = _redundant(codes, above)
        nodes_kept[nodes] = ~redundant.any(axis=1)
        if not reduces:
            continue
        left = length - redundant.sum(axis=1)
        for size in np.unique(left).tolist():
            rows = left == size
            own = codes[rows][~redundant[rows]].reshape(-1, size)
            counts = trie.count[nodes[rows]].astype(np.int64)
            parts.setdefault(size, []).append((own, counts))
    if not reduces:
        return trie.list_only(nodes_kept)
    joined = [
        (np.concatenate([c for c, _ in found]), np.concatenate([n for _, n in found]))
        for found in parts.values()
    ]
    return Trie.from_codes(joined, n_items)


def _ancestor_table(related: NDArray[np.int32], n_items: int) -> NDArray[np.int32]:
    """Return the ancestors of each item in a row, filled up with -1."""
    order = np.argsort(related[:, 0], kind="stable")
    child, parent = related[order, 0], related[order, 1]
    n_above = np.bincount(child, minlength=n_items)
    place = np.arange(len(child)) - np.repeat(np.cumsum(n_above) - n_above, n_above)
    found = np.full((n_items, int(n_above.max(initial=0))), -1, dtype=np.int32)
    found[child, place] = parent
    return found


def _redundant(codes: NDArray[np.int32], above: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which items of each row are ancestors of another item of the row."""
    found = np.zeros(codes.shape, dtype=bool)
    for column in range(codes.shape[1]):
        for level in range(above.shape[1]):
            found |= codes == above[codes[:, column], level][:, None]
    return found
