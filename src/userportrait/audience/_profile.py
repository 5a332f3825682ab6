"""Who an audience is: shares of tag values against everybody, with the index of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait.audience._groups import group_values
from userportrait.audience._index import exact_p_values, false_discovery_rates, index_interval

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from userportrait._core.columns import Column

__all__ = ["PROFILE_COLUMNS", "profile_frame"]

BoolArray: TypeAlias = "NDArray[np.bool_]"

PROFILE_COLUMNS: tuple[str, ...] = (
    "tag",
    "value",
    "n_audience",
    "n_all",
    "share_audience",
    "share_all",
    "tgi",
    "ci_low",
    "ci_high",
    "p_value",
    "q_value",
)


def profile_frame(
    columns: Mapping[str, Column],
    inside: BoolArray,
    *,
    chosen_by: Collection[str],
    n_bins: int,
    min_size: int,
    confidence_level: float,
) -> pd.DataFrame:
    """Return one row for each value of each tag; see `Audience.profile`."""
    base, size = len(inside), int(np.count_nonzero(inside))
    rows = [
        (tag, group)
        for tag, column in columns.items()
        for group in group_values(column, inside, n_bins=n_bins, min_size=min_size)
    ]
    n_inside = np.array([group.n_inside for _, group in rows], dtype=np.int64)
    n_all = np.array([group.n_all for _, group in rows], dtype=np.int64)
    share_inside, share_all = n_inside / max(size, 1), n_all / max(base, 1)
    low, high = index_interval(n_inside, n_all, size, base, confidence_level)
    p_values = exact_p_values(n_inside, n_all, size, base)
    tested = (n_all < base) & (0 < size < base)
    by_construction = np.array([tag in chosen_by for tag, _ in rows], dtype=bool)
    found: dict[str, Any] = {
        "tag": np.array([tag for tag, _ in rows], dtype=object),
        "value": np.array([group.label for _, group in rows], dtype=object),
        "n_audience": n_inside,
        "n_all": n_all,
        "share_audience": share_inside,
        "share_all": share_all,
        "tgi": 100 * share_inside / share_all,
        "ci_low": low,
        "ci_high": high,
        "p_value": p_values,
        "q_value": _q_values(p_values, tested, by_construction),
    }
    return pd.DataFrame({name: found[name] for name in PROFILE_COLUMNS})


def _q_values(
    p_values: NDArray[np.float64], tested: BoolArray, by_construction: BoolArray
) -> NDArray[np.float64]:
    """Correct over the rows tested; those that differ by construction only among themselves."""
    found = np.ones(len(p_values))
    for family in (tested & by_construction, tested & ~by_construction):
        found[family] = false_discovery_rates(p_values[family])
    return found
