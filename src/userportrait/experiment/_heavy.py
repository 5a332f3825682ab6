"""Say which metrics hang on a single unit."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from userportrait._core import frames
from userportrait.experiment._caps import Leverage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from userportrait.experiment._base import Metric
    from userportrait.experiment._moments import Column, Moments
    from userportrait.typing import IntoFrame

__all__ = ["heavy_notes"]

_FEWEST = 100
"""With fewer units one of them carries much of the variance of any metric."""


def heavy_notes(
    metrics: Sequence[Metric], frame: IntoFrame, moments: Mapping[str, Moments]
) -> dict[str, tuple[str, ...]]:
    """Return warnings by metric, where one unit carries over a third of a column's variance.

    The least and the greatest value of each column and the moments of all arms together tell,
    where the variances of the arms differ by half or more.
    Capped columns are left out. Spark frames are not looked at: it would be one more job.

    Parameters
    ----------
    metrics : sequence of Metric
    frame : frame
    moments : mapping of str to Moments
        Of arms that share no unit.
    """
    inner = frames.enter(frame)
    columns = {
        metric.name: [column for column in _outcomes(metric) if _may_be_heavy(column, moments)]
        for metric in metrics
    }
    sources = sorted({column.source for own in columns.values() for column in own})
    pooled = reduce(lambda a, b: a.merge(b), moments.values()) if moments else None
    if pooled is None or pooled.n < _FEWEST or not sources or inner.engine == "spark":
        return {}
    ends = frames.spans(inner, sources)
    found: dict[str, tuple[str, ...]] = {}
    for name, own in columns.items():
        notes = [_note(column, pooled, ends[column.source]) for column in own]
        told = tuple(note for note in notes if note is not None)
        if told:
            found[name] = told
    return found


def _may_be_heavy(column: Column, moments: Mapping[str, Moments]) -> bool:
    """Whether arms differ in variance as they do when one of them has such a unit.

    A third of all variance in one unit at least doubles that of its arm, where the others are
    alike. The moments tell for nothing; the least and greatest values cost a pass.
    """
    known = [m.variance(column.name) for m in moments.values() if column.name in m.names]
    return len(known) > 1 and max(known) > 1.5 * min(known)


def _outcomes(metric: Metric) -> list[Column]:
    """Return the columns of a metric as they stand in the frame, without its covariates."""
    if not hasattr(metric, "columns"):
        return []
    given: Any = metric
    covariates = {
        column.name for term in getattr(given, "covariates", ()) for column in term.columns
    }
    return [c for c in given.columns if c.is_plain and c.name not in covariates]


def _note(column: Column, pooled: Moments, ends: tuple[Any, Any]) -> str | None:
    if column.name not in pooled.names or ends[0] is None:
        return None
    mean, variance = pooled.mean(column.name), pooled.variance(column.name)
    if not variance > 0:
        return None
    away = max(float(ends[1]) - mean, mean - float(ends[0]))
    share = min(1.0, away**2 / (variance * (pooled.n - 1)))
    return Leverage(n=pooled.n, n_top=1, share=share).note(column.source)
