"""From a frame, or from aggregates, to the arms of an experiment."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    unknown_name,
)
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_keys import label_of, sorted_keys
from userportrait.experiment._caps import Cap, numbers_of
from userportrait.experiment._heavy import heavy_notes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Missing
    from userportrait.experiment._base import Metric, MomentMetric, RowMetric
    from userportrait.experiment._moments import Moments
    from userportrait.typing import IntoFrame

    Rows: TypeAlias = Mapping[str, NDArray[Any]]

__all__ = ["Arms", "check_declared", "is_row_metric", "prepare_aggregates", "prepare_frame"]

_OF_GROUPS = ("n", "means", "offsets", "cross", "filled", "dropped")
"""What aggregates hold by group."""


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """The data of an experiment, arm by arm.

    Parameters
    ----------
    metrics : tuple of Metric
        Those asked for, with caps turned into numbers, and the parts that they bring along.
    parts : frozenset of str
        Names of those parts.
    counts : dict of str to int
        Units of each arm; merged arms after the others.
    aggregates : Aggregates, optional
        None where no metric is made of moments.
    moments : dict of str to Moments
        Of each arm.
    rows : dict of str to Rows
        Of each arm, for metrics that need rows.
    dropped, filled : dict of str to int
        What a missing value did, by arm.
    heavy : mapping of str to tuple of str
        Warnings by metric, where one unit carries much of the variance.
    """

    metrics: tuple[Metric, ...]
    parts: frozenset[str]
    counts: dict[str, int]
    aggregates: Aggregates | None
    moments: dict[str, Moments]
    rows: dict[str, Rows]
    dropped: dict[str, int]
    filled: dict[str, int]
    heavy: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])


def check_declared(frame: IntoFrame, columns: Sequence[str], parameter: str) -> None:
    """Refuse a declaration about columns that the frame does not have.

    Raises
    ------
    MissingColumnError
        If a column is not there.
    """
    if not columns:
        return
    names = frames.column_names(frames.enter(frame))
    for name in columns:
        if name not in names:
            raise MissingColumnError(name, names, parameter)


def is_row_metric(metric: Metric) -> bool:
    """Return whether a metric needs the rows themselves."""
    return hasattr(metric, "row_columns")


def prepare_aggregates(
    metrics: Sequence[Metric],
    aggregates: Aggregates,
    *,
    by: Sequence[str],
    merged: Mapping[str, Sequence[str]],
) -> Arms:
    """Check that aggregates have what the metrics and the design need, and take the arms out.

    Raises
    ------
    InvalidParameterError
        If a metric needs rows, or the design another `by`.
    MissingColumnError
        If a column was not aggregated.
    """
    metrics, parts = _with_parts(metrics)
    needing = [metric.name for metric in metrics if is_row_metric(metric)]
    problems = [f"'{name}' needs rows; analyze a frame instead." for name in needing]
    problems += [
        f"the design needs aggregates by '{name}': Aggregates.from_frame(..., by=['{name}'])."
        for name in by
        if name not in aggregates.by
    ]
    if problems:
        raise InvalidParameterError("Experiment.analyze", problems)
    for metric in metrics:
        for column in cast("MomentMetric", metric).columns:
            if column.name not in aggregates.columns:
                raise MissingColumnError(column.name, aggregates.columns, metric.name)
    if aggregates.by != tuple(by):
        aggregates = aggregates.collapse(by)
    aggregates = _with_merged(aggregates, merged)
    names = (*(name for name in aggregates.variants if name not in merged), *merged)
    moments = {name: aggregates.moments(name) for name in names}
    lost = {name: np.array([key[0] == name for key in aggregates.keys]) for name in names}
    return Arms(
        metrics,
        parts,
        {name: moments[name].n for name in names},
        aggregates,
        moments,
        {},
        {name: int(aggregates.dropped[lost[name]].sum()) for name in names if name not in merged},
        {name: int(aggregates.filled[lost[name]].sum()) for name in names if name not in merged},
    )


def prepare_frame(
    metrics: Sequence[Metric],
    frame: IntoFrame,
    *,
    variant: str,
    by: Sequence[str],
    merged: Mapping[str, Sequence[str]],
    missing: Missing,
) -> Arms:
    """Aggregate a frame, and collect rows where a metric needs them."""
    resolved, parts = _with_parts([_with_limits(metric, frame) for metric in metrics])
    of_rows = [cast("RowMetric", m) for m in resolved if is_row_metric(m)]
    of_moments = [cast("MomentMetric", m) for m in resolved if not is_row_metric(m)]
    arms = Arms(resolved, parts, {}, None, {}, {}, {}, {})
    if of_moments:
        groups = [metric.columns for metric in of_moments]
        distinct = list(dict.fromkeys(column for group in groups for column in group))
        aggregates = Aggregates.from_frame(
            frame, distinct, variant=variant, by=by, together=groups, missing=missing
        )
        arms = prepare_aggregates(of_moments, aggregates, by=by, merged=merged)
        apart = {name: m for name, m in arms.moments.items() if name not in merged}
        heavy = heavy_notes(of_moments, frame, apart)
        arms = replace(arms, metrics=resolved, parts=parts, heavy=heavy)
    if of_rows:
        arms = _with_rows(arms, of_rows, frame, variant, merged, missing)
    return arms


def _with_parts(metrics: Sequence[Metric]) -> tuple[tuple[Metric, ...], frozenset[str]]:
    """Put behind each metric the parts that it brings along."""
    found: list[Metric] = []
    names: set[str] = set()
    for metric in metrics:
        parts: tuple[Metric, ...] = getattr(metric, "parts", ())
        found += [metric, *parts]
        names.update(part.name for part in parts)
    return tuple(found), frozenset(names)


def _with_limits(metric: Metric, frame: IntoFrame) -> Metric:
    """Turn a cap given as a quantile into numbers, over all arms together."""
    cap: Any = getattr(metric, "cap", None)
    if not isinstance(cap, Cap) or cap.is_resolved:
        return metric
    given: Any = getattr(metric, "column", getattr(metric, "numerator", None))
    source = given if isinstance(given, str) else given.source
    inner = frames.enter(frame)
    if source not in frames.column_names(inner):
        raise MissingColumnError(source, frames.column_names(inner))
    values = numbers_of(frames.collect_arrays(inner, [source])[source], source)
    return cast("Metric", replace(cast("Any", metric), cap=cap.resolve(values, column=source)))


def _with_merged(aggregates: Aggregates, merged: Mapping[str, Sequence[str]]) -> Aggregates:
    """Add arms that are made of others."""
    found = aggregates
    for name, parts in merged.items():
        _check_merged(name, parts, aggregates.variants)
        rows = np.flatnonzero([key[0] in parts for key in aggregates.keys])
        of_groups: dict[str, Any] = {
            one.name: getattr(aggregates, one.name)[rows]
            for one in fields(aggregates)
            if one.name in _OF_GROUPS
        }
        keys = tuple((name, *aggregates.keys[row][1:]) for row in rows)
        part = replace(aggregates, keys=keys, **of_groups)
        found = found.merge(part)
    return found


def _check_merged(name: str, parts: Sequence[str], known: Sequence[str]) -> None:
    problems = [unknown_name("variant", part, known) for part in parts if part not in known]
    if name in known:
        problems.append(f"merged: '{name}' is an arm already; give the merged arm another name.")
    if problems:
        raise InvalidParameterError("Experiment", problems)


def _with_rows(
    arms: Arms,
    metrics: Sequence[RowMetric],
    frame: IntoFrame,
    variant: str,
    merged: Mapping[str, Sequence[str]],
    missing: Missing,
) -> Arms:
    """Collect the columns of row metrics, one arm after the other."""
    wanted = list(dict.fromkeys(column for metric in metrics for column in metric.row_columns))
    inner = frames.enter(frame)
    names = frames.column_names(inner)
    for name in (variant, *wanted):
        if name not in names:
            raise MissingColumnError(name, names, "variant" if name == variant else None)
    found = frames.collect_arrays(inner, [variant, *wanted])
    codes, labels = pd.factorize(np.asarray(found[variant], dtype=object), use_na_sentinel=True)
    if (codes < 0).any():
        at = np.flatnonzero(codes < 0)
        message = f"column '{variant}' must say which arm every unit was in. Remove the others."
        raise InvalidDataError(message, column=variant, rows=at[:5].tolist(), n_rows=len(at))
    texts = np.array([label_of(label) for label in labels], dtype=object)[codes]
    values, kept, filled = _complete(found, wanted, missing)
    rows: dict[str, Rows] = {}
    dropped, zeros = dict[str, int](), dict[str, int]()
    order = [key[0] for key in sorted_keys({(str(t),) for t in set(texts.tolist())})]
    members = {name: (name,) for name in order} | {n: tuple(p) for n, p in merged.items()}
    for name, parts in merged.items():
        _check_merged(name, parts, order)
    for name, parts in members.items():
        of_arm = np.isin(texts, list(parts))
        rows[name] = {column: values[column][of_arm & kept] for column in wanted}
        if name not in merged:
            dropped[name] = int((of_arm & ~kept).sum())
            zeros[name] = int(filled[of_arm].sum())
    counts = arms.counts or {
        name: int(np.isin(texts, list(p)).sum()) for name, p in members.items()
    }
    return replace(
        arms,
        counts=counts,
        rows=rows,
        dropped={n: max(lost, arms.dropped.get(n, 0)) for n, lost in dropped.items()},
        filled={n: zeros[n] + arms.filled.get(n, 0) for n in dropped},
    )


def _complete(
    found: Mapping[str, NDArray[Any]], columns: Sequence[str], missing: Missing
) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_], NDArray[np.int64]]:
    """Apply the policy to missing values; return values, rows kept, and zeros put in."""
    n = len(found[columns[0]])
    kept, filled = np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.int64)
    values: dict[str, NDArray[Any]] = {}
    for name in columns:
        column = found[name]
        empty: NDArray[np.bool_] = pd.isna(pd.Series(column)).to_numpy(dtype=np.bool_)
        if empty.any() and missing == "error":
            at = np.flatnonzero(empty)
            message = (
                f"column '{name}' has {len(at):,} missing values. Say what they mean: "
                "missing='zero' or missing='drop'."
            )
            raise InvalidDataError(message, column=name, rows=at[:5].tolist(), n_rows=len(at))
        if missing == "drop":
            kept &= ~empty
        elif empty.any():
            column = column.copy()
            column[empty] = 0
            filled += empty
        values[name] = column
    return values, kept, filled
