"""From frames of every engine to aggregates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core import frames
from userportrait._core.params import OneOf, check_values
from userportrait.errors import ColumnTypeError, InvalidParameterError, MissingColumnError
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_panel import all_pairs
from userportrait.experiment._aggregates_panels import panels_of
from userportrait.experiment._aggregates_scan import Problems, Scan
from userportrait.experiment._aggregates_sql import aggregate_relation
from userportrait.experiment._moments import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Missing
    from userportrait.typing import IntoFrame

__all__ = ["aggregate_frame", "check_columns", "distinct_columns", "pairs_of"]

_NUMERIC = ("integer", "number", "decimal", "boolean", "empty")


def aggregate_frame(
    frame: IntoFrame,
    columns: Sequence[str | Column],
    *,
    variant: str,
    by: Sequence[str],
    together: Sequence[Sequence[str | Column]] | None,
    missing: Missing,
) -> Aggregates:
    """Do what `Aggregates.from_frame` says."""
    check_values("Aggregates", {"missing": missing}, {"missing": OneOf(("error", "drop", "zero"))})
    asked = distinct_columns(columns)
    labels = (variant, *([by] if isinstance(by, str) else by))
    inner = frames.enter(frame)
    _check_labels(inner, labels)
    check_columns(inner, [column.source for column in asked])
    pairs = pairs_of(asked, together)
    if inner.worker == "duckdb":
        return aggregate_relation(inner.native, asked, labels, pairs, missing)
    if inner.engine == "spark":
        return _aggregate_spark(inner, asked, labels, pairs, missing)
    native = frame if inner.engine == "pyarrow" else inner.native
    return _scanned(Scan(asked, labels, pairs, missing), native).result()


def _scanned(scan: Scan, native: Any) -> Scan:
    sources = list(dict.fromkeys(column.source for column in scan.columns))
    for panel in panels_of(native, scan.labels, sources):
        scan.read(panel)
    return scan


def _aggregate_spark(
    inner: Any,
    columns: tuple[Column, ...],
    labels: Sequence[str],
    pairs: NDArray[np.intp],
    missing: Missing,
) -> Aggregates:
    """Aggregate on the workers, where the rows are; missing values are judged at the end."""
    lenient: Missing = "zero" if missing == "error" else missing

    def reduce(rows: Any) -> bytes:
        return _scanned(Scan(columns, labels, pairs, lenient), rows).result().to_bytes()

    sources = list(dict.fromkeys([*labels, *(column.source for column in columns)]))
    chosen = frames.select_columns(inner, sources)
    payloads = frames.collect_batches(chosen, reduce)
    if not payloads:
        payloads = [reduce(frames.collect_some(chosen, 0))]
    found = Aggregates.merge_all(map(Aggregates.from_bytes, payloads))
    if missing == "error":
        problems = Problems()
        for column, n in zip(columns, found.filled.sum(axis=0).tolist(), strict=True):
            if n:
                problems.note(column.source, "missing", n)
        problems.check()
    return found


def distinct_columns(columns: Sequence[str | Column]) -> tuple[Column, ...]:
    """Return columns, each once, made of names where names were given."""
    given = [columns] if isinstance(columns, (str, Column)) else list(columns)
    found = [c if isinstance(c, Column) else Column(source=c) for c in given]
    by_name = {column.name: column for column in found}
    if not by_name:
        raise InvalidParameterError("Aggregates", ["columns must name at least one column."])
    return tuple(by_name.values())


def pairs_of(
    columns: Sequence[Column], together: Sequence[Sequence[str | Column]] | None
) -> NDArray[np.intp]:
    """Return the pairs of positions whose cross products are wanted, sorted.

    Raises
    ------
    MissingColumnError
        If a name in `together` is no column.
    """
    if together is None:
        return all_pairs(len(columns))
    place = {column.name: i for i, column in enumerate(columns)}
    found = {(i, i) for i in range(len(columns))}
    for group in together:
        names = [c.name if isinstance(c, Column) else c for c in group]
        for name in names:
            if name not in place:
                raise MissingColumnError(name, place, "together")
        at = sorted({place[name] for name in names})
        found |= {(i, j) for i in at for j in at if i <= j}
    return np.array(sorted(found), dtype=np.intp).T.copy()


def _check_labels(inner: frames.Frame, labels: Sequence[str]) -> None:
    names = frames.column_names(inner)
    for label in labels:
        if label not in names:
            raise MissingColumnError(label, names, "variant" if label == labels[0] else "by")
    if len(set(labels)) < len(labels):
        problem = f"by must name other columns than the variant, each once; got {labels!r}."
        raise InvalidParameterError("Aggregates", [problem])


def check_columns(inner: frames.Frame, sources: Sequence[str]) -> None:
    """Check that columns are there and hold numbers.

    Raises
    ------
    MissingColumnError
        If one is not there.
    ColumnTypeError
        If one holds something else.
    """
    names = frames.column_names(inner)
    for name in sources:
        if name not in names:
            raise MissingColumnError(name, names)
    kinds = frames.column_kinds(inner, set(sources))
    for name, kind in sorted(kinds.items()):
        if kind not in _NUMERIC:
            message = (
                f"column '{name}' must hold numbers to be aggregated; it holds {kind} values. "
                f"Convert it first."
            )
            raise ColumnTypeError(message, column=name)
