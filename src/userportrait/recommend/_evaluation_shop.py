"""What metrics need beside lists: the training part, the items on offer, segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait.data import Items
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.recommend._base import Recommender
from userportrait.recommend._evaluation_table import check_same_kind, places_in
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.recommend._metrics_beyond import NEEDS, Shop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._metrics import Metric

__all__ = ["is_mapping", "read_segments", "read_shop"]


def read_shop(recommended: Any, train: Any, items: Any, metrics: list[Metric], owner: str) -> Shop:
    """Read what metrics need beside lists, and say what is missing."""
    needs = {metric.name: NEEDS[metric.name] for metric in metrics if metric.name in NEEDS}
    if train is None and isinstance(recommended, Recommender):
        train = getattr(recommended, "interactions_", None)
    given = {"train": train is not None, "items": items is not None}
    lacking = {
        name: need
        for name, need in needs.items()
        if not any(given[part] for part in need.split(" or "))
    }
    if lacking:
        problems = [f"metrics: '{name}' needs {need}=." for name, need in lacking.items()]
        raise InvalidParameterError(owner, problems)
    catalogue, category = None, None
    if items is not None and any("items" in need for need in needs.values()):
        catalogue, category = _read_items(items, "category_diversity" in needs, owner)
    uses_train = any("train" in need for need in needs.values())
    data = as_interactions(train, owner=owner) if uses_train and train is not None else None
    return Shop(data, catalogue, category)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Say whether a value is a mapping, of whatever."""
    return isinstance(value, Mapping)


def _read_items(
    items: Any, needs_category: bool, owner: str
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Return the distinct items, sorted, and the category of each, -1 for none."""
    if is_mapping(items):
        items = pd.DataFrame({"item_id": list(items), "category": list(items.values())})
    table = items if isinstance(items, Items) else Items(items)
    if needs_category and "category" not in table.columns:
        role = f"{owner}: 'category_diversity' needs the category of items"
        raise MissingColumnError("category", table.columns, role)
    names = ["item_id", *(["category"] if needs_category else [])]
    columns = frames.collect_columns(frames.enter(table.frame), names)
    code, ids = code_values(columns["item_id"])
    if not needs_category:
        return ids, None
    category = np.full(len(ids), -1, dtype=np.int64)
    category[code] = code_values(columns["category"])[0]
    return ids, category


def read_segments(
    by: Any, customer_ids: NDArray[Any], owner: str
) -> list[tuple[Any, NDArray[np.bool_] | None]]:
    """Return each segment and who belongs to it; one of everybody without `by`."""
    if by is None:
        return [(None, None)]
    if is_mapping(by):
        by = pd.DataFrame({"customer_id": list(by), "segment": list(by.values())})
    inner = frames.enter(by, argument="by")
    names = frames.column_names(inner)
    if "customer_id" not in names:
        raise MissingColumnError("customer_id", names, f"{owner}: by")
    others = [name for name in names if name != "customer_id"]
    if "segment" in others:
        others = ["segment"]
    if len(others) != 1:
        problem = (
            f"by must have 'customer_id' and one more column, or one called 'segment'; "
            f"it has {len(others)} more."
        )
        raise InvalidParameterError(owner, [problem])
    columns = frames.collect_columns(inner, ["customer_id", others[0]])
    codes, ids = code_values(columns["customer_id"])
    check_same_kind(ids, customer_ids, "customer_id", owner)
    segment, labels = code_values(columns[others[0]])
    if len(ids) < len(codes):
        message = f"{owner}: by must have one row for each customer; some come twice."
        raise InvalidDataError(message, column="customer_id")
    row_of = np.empty(len(ids) + 1, dtype=np.int64)
    row_of[codes], row_of[-1] = segment, -1
    place = places_in(ids, customer_ids)
    own = row_of[place]
    found: list[tuple[Any, NDArray[np.bool_] | None]] = [
        (label, own == at) for at, label in enumerate(labels.tolist()) if (own == at).any()
    ]
    return found + ([(None, own < 0)] if (own < 0).any() else [])
