"""The customers of one date: their features, their segments, and who they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.feature_table import read_features
from userportrait._core.frames import column_kinds, column_names, enter, to_pandas
from userportrait.errors import ColumnTypeError, InvalidDataError, MissingColumnError
from userportrait.segment._drift_tests import inner_range
from userportrait.segment._prepare import PrepareFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Side", "check_sides", "count_members", "prepared", "read_side", "transitions_of"]

_ID = "customer_id"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """The customers of one date.

    `ids` is None where the input has none; `features` is what `predict` was given.
    """

    features: Any
    table: FeatureTable
    labels: Ints
    ids: pd.Index[Any] | None
    has_text_ids: bool


def read_side(segments: Any, X: Any, argument: str) -> Side:
    """Read the customers of one date and put them into segments."""
    features, ids, has_text_ids = X, None, False
    given: object = X
    if hasattr(type(given), "columns"):  # a lazy frame of polars itself warns when asked
        frame = enter(X, argument=argument)
        # Once, so that rows and customers of a lazy engine stay together.
        features = X if isinstance(X, pd.DataFrame) else to_pandas(frame)
        if _ID in column_names(frame):
            ids = _checked_ids(features[_ID], argument)
            has_text_ids = column_kinds(frame, [_ID])[_ID] in ("text", "category")
            features = features.drop(columns=_ID)
    labels: Any = np.asarray(segments.predict(features))
    if labels.dtype.kind not in "iu":
        message = "segment_drift: segments must predict whole numbers."
        raise InvalidDataError(message)
    table = read_features(features, owner="segment_drift", allow_missing=True)
    return Side(
        features=features, table=table, labels=labels.astype(np.intp), ids=ids,
        has_text_ids=has_text_ids,
    )  # fmt: skip


def _checked_ids(ids: pd.Series[Any], argument: str) -> pd.Index[Any]:
    faults = {"customers without an ID": ids.isna(), "customers twice": ids.duplicated()}
    for what, wrong in faults.items():
        rows = np.flatnonzero(wrong.to_numpy())
        if len(rows):
            message = f"segment_drift: '{argument}' holds {what}; give each customer one row."
            raise InvalidDataError(message, column=_ID, rows=rows[:5].tolist(), n_rows=len(rows))
    found: pd.Index[Any] = pd.Index(ids.astype(object).to_numpy())
    return found


def check_sides(old: Side, new: Side) -> None:
    """Raise if two dates cannot be compared."""
    if old.table.names != new.table.names:
        message = "segment_drift: before and after must have the same features, in one order."
        raise InvalidDataError(message)
    if (old.ids is None) != (new.ids is None):
        lacking, which = (old, "before") if old.ids is None else (new, "after")
        raise MissingColumnError(_ID, lacking.table.names, role=f"customers of '{which}'")
    if old.ids is not None and old.has_text_ids != new.has_text_ids:
        message = "segment_drift: customer_id holds texts in one frame and numbers in the other."
        raise ColumnTypeError(message, column=_ID)


def count_members(labels: Ints, segments: list[int]) -> Floats:
    """Return how many customers each segment has."""
    return np.array([(labels == segment).sum() for segment in segments], dtype=np.float64)


def transitions_of(old: Side, new: Side, segments: list[int]) -> pd.DataFrame | None:
    """Count the customers of both dates by their segments; None where nobody is known."""
    if old.ids is None or new.ids is None:
        return None
    at: Any = new.ids.get_indexer(old.ids)
    is_known = at >= 0
    # -1 is the last segment, as it is the last place.
    counts = np.zeros((len(segments), len(segments)), dtype=np.int64)
    np.add.at(counts, (old.labels[is_known], new.labels[at[is_known]]), 1)
    return pd.DataFrame(
        counts, index=pd.Index(segments, name="before"), columns=pd.Index(segments, name="after")
    )


def prepared(old: Side, new: Side) -> tuple[Floats, Floats]:
    """Return the features of both dates on the scale of the first.

    Where nobody differed then there is no scale, and all are in one place. Transforms and
    scales are learned from numbers within their inner range: one value beyond would choose
    another transform for everybody.
    """
    try:
        prepare = PrepareFeatures().fit(_without_tails(old))
    except InvalidDataError:
        return np.zeros((len(old.labels), 1)), np.zeros((len(new.labels), 1))
    # scikit-learn may be set to give frames.
    before, after = (np.asarray(prepare.transform(side.features)) for side in (old, new))
    return before, after


def _without_tails(side: Side) -> Any:
    """Return the features, numbers beyond the inner range of their column at its limits."""
    given: Any = side.features
    is_frame = isinstance(given, pd.DataFrame)
    found: Any = given.copy() if is_frame else np.array(given, dtype=np.float64)
    for at, name in enumerate(side.table.names):
        values = side.table.numbers.get(name)
        inner = None if values is None else inner_range(values)
        if values is None or inner is None:
            continue
        if is_frame:
            found.isetitem(at, np.clip(values, *inner))
        else:
            found[:, at] = np.clip(values, *inner)
    return found
