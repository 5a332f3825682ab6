"""One SQL query for a DuckDB relation, whatever the number of columns and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._aggregates_panel import Table
from userportrait.experiment._aggregates_scan import Problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Missing
    from userportrait.experiment._moments import Column

__all__ = ["aggregate_relation"]

_PILOT_ROWS = 4096


def aggregate_relation(
    relation: Any,
    columns: Sequence[Column],
    labels: Sequence[str],
    pairs: NDArray[np.intp],
    missing: Missing,
) -> Aggregates:
    """Aggregate a DuckDB relation; see `Aggregates.from_frame`.

    Notes
    -----
    Sums are of deviations from a pilot, the mean of some rows, which the same query finds. A
    second query runs only where values are missing or infinite.
    """
    p = len(columns)
    rows = _run(relation, columns, labels, pairs, _plain_cells(columns))
    numbers = _numbers(rows, len(labels), 2 + 4 * p + pairs.shape[1])
    if numbers[:, 2 : 2 + 2 * p].any() or not np.isfinite(numbers).all():
        rows = _run(relation, columns, labels, pairs, _clean_cells(columns, missing))
        numbers = _numbers(rows, len(labels), 2 + 4 * p + pairs.shape[1])
    problems = Problems()
    unassigned = [row[0] is None or row[0] != row[0] for row in rows]
    if any(unassigned):
        problems.note(labels[0], "unassigned", int(numbers[unassigned, :2].sum()))
    absent, infinite = numbers[:, 2 : 2 + p], numbers[:, 2 + p : 2 + 2 * p]
    for at, column in enumerate(columns):
        for problem, counts in (("infinite", infinite), ("missing", absent)):
            n = int(counts[:, at].sum())
            if n and (problem == "infinite" or missing == "error"):
                problems.note(column.source, problem, n)
        if not np.isfinite(numbers[:, 2 + 4 * p :][:, (pairs == at).all(axis=0)]).all():
            problems.note(column.source, "too large", 1)
    problems.check()
    keys = tuple(tuple(map(label_of, row[: len(labels)])) for row in rows)
    table = _centred(numbers, pairs, p)
    pilot = numbers[0, 2 + 2 * p : 2 + 3 * p] if len(numbers) else np.zeros(p)
    filled = absent.astype(np.int64) if missing == "zero" else np.zeros((len(keys), p), np.int64)
    names = tuple(column.name for column in columns)
    found = Aggregates(
        names, tuple(labels[1:]), keys, table.n, pilot, table.offsets, pairs, table.cross,
        filled, numbers[:, 1].astype(np.int64),
    )  # fmt: skip
    return Aggregates.merge_all([found])


def _numbers(rows: Sequence[Sequence[Any]], n_labels: int, n_numbers: int) -> NDArray[np.float64]:
    """Return what stands behind the labels, NaN for null."""
    found = [[np.nan if v is None else v for v in row[n_labels:]] for row in rows]
    return np.array(found, dtype=np.float64).reshape(len(rows), n_numbers)


def _centred(numbers: NDArray[np.float64], pairs: NDArray[np.intp], p: int) -> Table:
    """Return the moments from sums about the pilot."""
    n, sums = numbers[:, 0], numbers[:, 2 + 3 * p : 2 + 4 * p]
    off = sums / np.maximum(n, 1.0)[:, None]
    cross = numbers[:, 2 + 4 * p :] - sums[:, pairs[0]] * off[:, pairs[1]]
    return Table(n.astype(np.int64), off, cross, pairs)


def _run(
    relation: Any,
    columns: Sequence[Column],
    labels: Sequence[str],
    pairs: NDArray[np.intp],
    cells: tuple[Sequence[str], Sequence[str], str],
) -> list[tuple[Any, ...]]:
    """Run the query; a row is: labels, n, dropped, missing, infinite, pilot, sums, products."""
    name = f"userportrait_{uuid4().hex}"
    values, checks, lost = cells
    p = range(len(columns))
    keys = [f"k{i}" for i in range(len(labels))]
    named = [f"{_quoted(label)} AS {key}" for label, key in zip(labels, keys, strict=True)]
    read = [f"{_value(column)} AS v{i}" for i, column in enumerate(columns)]
    pilot = [
        f"coalesce(avg(v{i}) FILTER (isfinite(v{i}) AND abs(v{i}) < 1e150), 0) AS c{i}" for i in p
    ]
    off = [f"{value} AS d{i}" for i, value in enumerate(values)]
    sums = [f"sum(d{i})" for i in p] + [f"sum(d{i} * d{j})" for i, j in pairs.T.tolist()]
    sums = [f"coalesce({text}, 0) AS s{i}" for i, text in enumerate(sums)]
    checks = [f"{text} AS m{i}" for i, text in enumerate(checks)]
    all_keys, plain = ", ".join(keys), [f"v{i}" for i in p]
    outer = [*keys, "n", "dropped", *(f"m{i}" for i in range(len(checks)))]
    outer += [f"c{i}" for i in p] + [f"s{i}" for i in range(len(sums))]
    text = f"""
        WITH rows_read AS (SELECT {", ".join([*named, *read])} FROM {name}),
        pilot AS MATERIALIZED (
            SELECT {", ".join(pilot)} FROM (SELECT * FROM rows_read LIMIT {_PILOT_ROWS})
        ),
        off AS (
            SELECT {", ".join([*keys, *plain, f"{lost} AS lost", *off])} FROM rows_read, pilot
        ),
        summed AS (
            SELECT {all_keys}, count(*) - count_if(lost) AS n, count_if(lost) AS dropped,
                {", ".join([*checks, *sums])}
            FROM off GROUP BY {all_keys}
        )
        SELECT {", ".join(outer)} FROM summed, pilot"""  # noqa: S608
    found: list[tuple[Any, ...]] = relation.query(name, text).fetchall()
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _value(column: Column) -> str:
    """Return SQL for a column's value, a double; null and NaN stay what they are."""
    value = f"CAST({_quoted(column.source)} AS DOUBLE)"
    if column.is_plain:
        return value
    found = value
    if column.lower is not None:
        found = f"greatest({found}, {_number(column.lower)})"
    if column.upper is not None:
        found = f"least({found}, {_number(column.upper)})"
    if column.above is not None:
        found = f"CASE WHEN {found} > {_number(column.above)} THEN 1.0::DOUBLE ELSE 0.0 END"
    return f"CASE WHEN {value} IS NULL OR isnan({value}) THEN {value} ELSE {found} END"


def _number(value: float) -> str:
    return f"CAST('{float(value)!r}' AS DOUBLE)"


def _plain_cells(columns: Sequence[Column]) -> tuple[list[str], list[str], str]:
    """Return SQL for deviations, for counts of what is missing and infinite, and for lost rows.

    NaN and infinity are left to show in the sums.
    """
    p = range(len(columns))
    checks = [f"count(*) - count(d{i})" for i in p] + ["0"] * len(columns)
    return [f"v{i} - c{i}" for i in p], checks, "FALSE"


def _clean_cells(columns: Sequence[Column], missing: Missing) -> tuple[list[str], list[str], str]:
    """Return the same where values are missing: they count as 0, or their rows are lost."""
    p = range(len(columns))
    absent = [f"(v{i} IS NULL OR isnan(v{i}))" for i in p]
    lost = f"({' OR '.join(absent)})" if missing == "drop" else "FALSE"
    values = [
        f"CASE WHEN {lost} THEN NULL WHEN {absent[i]} OR isinf(v{i}) THEN -c{i} "
        f"ELSE v{i} - c{i} END"
        for i in p
    ]
    checks = [f"count_if({text})" for text in absent] + [f"count_if(isinf(v{i}))" for i in p]
    return values, checks, lost
