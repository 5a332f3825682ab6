"""How tags moved from one build to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.columns import TextColumn
from userportrait._core.params import Between, check_values
from userportrait.tags._values import positions_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.tags._table import TagTable

__all__ = ["compare_tables"]

_COLUMNS = ("tag", "version_old", "version_new", "share_known_old", "share_known_new", "n_both",
            "share_changed", "psi", "psi_limit")  # fmt: skip


def compare_tables(
    old: TagTable, new: TagTable, *, n_bins: int = 10, alpha: float = 0.01
) -> pd.DataFrame:
    r"""Compare the tags of two builds.

    Parameters
    ----------
    old, new : TagTable
        The customers need not be the same.
    n_bins : int, default=10
        Into how many bins numbers are put, each with an equal share of the old known
        values; 2 to 100.
    alpha : float, default=0.01
        How often `psi` exceeds `psi_limit` where nothing but chance moves values.

    Returns
    -------
    DataFrame
        One row for each tag of either build: `tag`, `version_old`, `version_new` (NA if the
        build lacks the tag), `share_known_old`, `share_known_new` (0 to 1), `n_both`
        (customers of both builds), `share_changed` (of those, how many have another value
        now; unknown is a value here), `psi` (population stability index) and `psi_limit`.
        NaN where a build lacks the tag, or its values are of another kind.

    Notes
    -----
    The index is :math:`\sum_i (q_i - p_i) \ln(q_i / p_i)` over the values or bins, unknown
    being one more, with half a customer added to each. The usual fixed limits of 0.1 and
    0.25 ignore the number of customers; `psi_limit` is the quantile of its distribution for
    independent samples from one population [1]_. Two builds share most of their customers,
    which makes chance moves smaller still.

    References
    ----------
    .. [1] Yurdakul and Naranjo (2020), "Statistical properties of the population stability
       index", Journal of Risk Model Validation 14(4), 89-100.

    Examples
    --------
    >>> from datetime import datetime
    >>> import numpy as np
    >>> from userportrait._core.columns import column_from
    >>> from userportrait.tags import TagTable
    >>> from userportrait.typing import Build
    >>> ids = np.arange(4)
    >>> tables = [
    ...     TagTable(ids, {"stage": column_from(v)}, Build(as_of=at, versions={"stage": 1}))
    ...     for v, at in [("aabb", datetime(2026, 1, 1)), ("abbb", datetime(2026, 2, 1))]
    ... ]
    >>> compare_tables(*tables)[["tag", "share_changed"]]
         tag  share_changed
    0  stage           0.25
    """
    check_values(
        "compare_tables",
        {"n_bins": n_bins, "alpha": alpha},
        {
            "n_bins": Between(2, 100, integer=True),
            "alpha": Between(0, 1, open_low=True, open_high=True),
        },
    )
    rows = positions_of(old.customer_ids, new.customer_ids, what="the old table")
    both = (np.flatnonzero(rows >= 0), rows[rows >= 0])
    names = dict.fromkeys([*old.columns, *new.columns])
    found = pd.DataFrame(
        [_row(name, old, new, both, n_bins, alpha) for name in names], columns=pd.Index(_COLUMNS)
    )
    return found.astype({"version_old": "Int64", "version_new": "Int64"})


def _row(
    name: str,
    old: TagTable,
    new: TagTable,
    both: tuple[NDArray[Any], NDArray[Any]],
    n_bins: int,
    alpha: float,
) -> tuple[Any, ...]:
    first, second = old.columns.get(name), new.columns.get(name)
    known = [
        np.nan if column is None or not len(column) else float(column.known.mean())
        for column in (first, second)
    ]
    versions = [
        None if column is None else table.build.versions.get(name, 1)
        for column, table in ((first, old), (second, new))
    ]
    changed = psi = limit = np.nan
    if first is not None and second is not None and first.kind == second.kind:
        if len(both[0]):
            moved = _differ(first.take(both[0]), second.take(both[1]))
            changed = float(moved.mean())
        psi, limit = _stability(first, second, n_bins, alpha)
    return (name, *versions, *known, len(both[0]), changed, psi, limit)


def _differ(first: Column, second: Column) -> NDArray[np.bool_]:
    if isinstance(first, TextColumn) or isinstance(second, TextColumn):
        cell = _cells_of(first, second, 2)
        return np.asarray(cell(first) != cell(second))
    one_known: NDArray[np.bool_] = first.known != second.known
    moved = first.known & second.known & (first.values != second.values)
    return np.asarray(one_known | moved)


def _stability(first: Column, second: Column, n_bins: int, alpha: float) -> tuple[float, float]:
    if not len(first) or not len(second):
        return np.nan, np.nan
    from scipy.stats import chi2

    cell = _cells_of(first, second, n_bins)
    cells = cell(first), cell(second)
    used = np.unique(np.concatenate(cells))
    counts = [np.bincount(np.searchsorted(used, c), minlength=len(used)) + 0.5 for c in cells]
    p, q = (c / c.sum() for c in counts)
    spread = 1 / len(first) + 1 / len(second)
    limit = float(chi2.ppf(1 - alpha, len(used) - 1)) * spread if len(used) > 1 else 0.0
    return float(((q - p) * np.log(q / p)).sum()), limit


def _cells_of(first: Column, second: Column, n_bins: int) -> Callable[[Column], NDArray[np.int64]]:
    """Return what puts values into cells, 0 being unknown."""
    if isinstance(first, TextColumn) and isinstance(second, TextColumn):
        labels = sorted({*first.labels, *second.labels})
        place = {label: i for i, label in enumerate(labels, start=1)}

        def of_texts(column: Column) -> NDArray[np.int64]:
            assert isinstance(column, TextColumn)  # noqa: S101
            table = np.array([*(place[label] for label in column.labels), 0], dtype=np.int64)
            return table[column.codes]

        return of_texts
    edges = np.zeros(0)
    if not isinstance(first, TextColumn) and first.known.any():
        present = first.values[first.known].astype(np.float64)
        edges = np.unique(np.quantile(present, np.linspace(0, 1, n_bins + 1)[1:-1]))
    if first.kind == "boolean":
        edges = np.array([0.0])

    def of_numbers(column: Column) -> NDArray[np.int64]:
        assert not isinstance(column, TextColumn)  # noqa: S101
        place = 1 + np.searchsorted(edges, column.values.astype(np.float64), side="left")
        return np.where(column.known, place, 0).astype(np.int64)

    return of_numbers
