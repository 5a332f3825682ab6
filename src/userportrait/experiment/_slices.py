"""The same experiment in parts of its units: by segment, by day, by the arm of another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from userportrait._core import frames
from userportrait._core.params import InstanceOf, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_keys import label_of, sorted_keys
from userportrait.experiment._experiment import Experiment
from userportrait.experiment._experiment_data import is_row_metric, prepare_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from userportrait.experiment._base import Metric
    from userportrait.experiment._result import Effect, ExperimentResult
    from userportrait.typing import IntoFrame

__all__ = ["Slices", "cut", "effects_of", "known_columns"]


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """An experiment and its data, cut by the values of a column.

    Parameters
    ----------
    pieces : tuple of (Experiment, mapping of str to data)
        The metrics made of moments with aggregates, those of rows with frames, by label.
    labels : tuple of str
        Values of the column, in order.
    left_out : mapping of str to int
        Units of the labels where an arm has fewer of them than asked for.
    """

    pieces: tuple[tuple[Experiment, Mapping[str, Any]], ...]
    labels: tuple[str, ...]
    left_out: Mapping[str, int]

    def analyze(self, alpha: float | None = None) -> dict[str, ExperimentResult]:
        """Return each part's result, at another level than the experiment's if one is given."""
        found: dict[str, ExperimentResult] = {}
        for experiment, parts in self.pieces:
            chosen = experiment if alpha is None else replace(experiment, alpha=alpha)
            for label in self.labels:
                result = chosen.analyze(parts[label])
                if label in found:
                    effects = (*found[label].effects, *result.effects)
                    result = replace(found[label], effects=effects)
                found[label] = result
        return found


def cut(
    experiment: Experiment,
    data: IntoFrame | Aggregates,
    column: str,
    *,
    owner: str,
    smallest: int = 2,
) -> Slices:
    """Cut the data by a column, in one pass where all metrics are made of moments.

    Parameters
    ----------
    experiment : Experiment
    data : frame or Aggregates
        Aggregates must be `by` the column.
    column : str
    owner : str
        Who asks, for messages.
    smallest : int, default=2
        Units that each arm needs; labels with fewer are left out.

    Raises
    ------
    InvalidParameterError
        If `experiment` is none, or the aggregates are not by the column.
    MissingColumnError
        If the frame has no such column.
    InvalidDataError
        If no label has enough units in every arm.
    """
    check_experiment(experiment, owner)
    pieces: list[tuple[Experiment, dict[str, Any]]] = []
    sizes: dict[str, dict[str, int]] = {}
    metrics = cast("Sequence[Metric]", experiment.metrics)
    of_rows = [] if isinstance(data, Aggregates) else [m for m in metrics if _needs_rows(m)]
    of_moments = [metric for metric in metrics if metric not in of_rows]
    if of_rows:
        tables = _cut_frame(data, column, owner)
        pieces.append((replace(experiment, metrics=of_rows, multiplicity=None), tables))
        sizes = {name: _rows_by_arm(t, experiment.variant) for name, t in tables.items()}
    if of_moments:
        plain = replace(experiment, metrics=of_moments, multiplicity=None)
        plain, whole = _aggregated(plain, data, column, owner)
        parts = _cut_aggregates(whole, column)
        pieces.insert(0, (plain, parts))
        sizes = {name: {arm: part.count(arm) for arm in part.variants}
                 for name, part in parts.items()}  # fmt: skip
    arms = sorted_keys({(arm,) for found in sizes.values() for arm in found})
    small = {
        name: sum(found.values())
        for name, found in sizes.items()
        if min(found.get(arm, 0) for (arm,) in arms) < smallest
    }
    labels = tuple(name for name in sizes if name not in small)
    if not labels:
        message = (
            f"{owner}: no value of '{column}' has {smallest} units in every arm. Put values "
            f"together, or wait for more units."
        )
        raise InvalidDataError(message, column=column)
    return Slices(tuple(pieces), labels, small)


def check_experiment(experiment: object, owner: str) -> None:
    """Refuse what is no experiment, such as the data in its place."""
    rule = InstanceOf((Experiment,), "an Experiment, which holds metrics and design")
    check_values(owner, {"experiment": experiment}, {"experiment": rule})


def known_columns(
    by: str | Sequence[str], known_before: Sequence[str], experiment: Any, owner: str
) -> tuple[str, ...]:
    """Return the columns to cut by; refuse those that nobody declared as known beforehand."""
    check_experiment(experiment, owner)
    columns = (by,) if isinstance(by, str) else tuple(by)
    declared = (known_before,) if isinstance(known_before, str) else tuple(known_before)
    problems = [
        f"'{name}' is not declared as known before the first exposure. What customers do later "
        f"may depend on their arm, and then the arms of a segment differ in more than the "
        f"treatment. If it was known, say so: known_before=['{name}']."
        for name in columns
        if name not in declared
    ]
    after = getattr(experiment, "measured_after", ())
    problems += [f"'{name}' is in measured_after of the experiment." for name in columns
                 if name in after]  # fmt: skip
    if getattr(experiment, "variant", None) in columns:
        problems.append(f"'{experiment.variant}' holds the arms; cut by another column.")
    if not columns:
        problems.append("by must name at least one column.")
    if problems:
        raise InvalidParameterError(owner, problems)
    return tuple(dict.fromkeys(columns))


def effects_of(results: Mapping[str, ExperimentResult]) -> dict[tuple[str, str, str], list[Effect]]:
    """Return the effects of all parts by metric, variant and control."""
    found: dict[tuple[str, str, str], list[Effect]] = {}
    for result in results.values():
        for effect in result.effects:
            found.setdefault((effect.metric, effect.variant, effect.control), []).append(effect)
    return found


def _needs_rows(metric: Metric) -> bool:
    return is_row_metric(metric) or any(map(is_row_metric, getattr(metric, "parts", ())))


def _aggregated(
    experiment: Experiment, data: Any, column: str, owner: str
) -> tuple[Experiment, Aggregates]:
    """Return aggregates by the column, and the experiment with caps turned into numbers."""
    by = (*experiment.design.by, column)
    if isinstance(data, Aggregates):
        missing = [name for name in by if name not in data.by]
        if missing:
            problem = (
                f"the aggregates are not by '{missing[0]}': "
                f"Aggregates.from_frame(..., by=['{missing[0]}'])."
            )
            raise InvalidParameterError(owner, [problem])
        return experiment, data.collapse(by)
    _check_column(data, column, owner)
    metrics = cast("Sequence[Any]", experiment.metrics)
    parts = [part for metric in metrics for part in (metric, *getattr(metric, "parts", ()))]
    arms = prepare_frame(
        parts, data, variant=experiment.variant, by=by, merged={}, missing=experiment.missing
    )
    known = {metric.name: metric for metric in arms.metrics}
    resolved = replace(experiment, metrics=[known[metric.name] for metric in metrics])
    return resolved, cast("Aggregates", arms.aggregates)


def _check_column(data: Any, column: str, owner: str) -> None:
    names = frames.column_names(frames.enter(data))
    if column not in names:
        raise MissingColumnError(column, names, owner)


def _cut_aggregates(whole: Aggregates, column: str) -> dict[str, Aggregates]:
    at = 1 + whole.by.index(column)
    by = tuple(name for name in whole.by if name != column)
    labels = np.array([key[at] for key in whole.keys], dtype=object)
    found: dict[str, Aggregates] = {}
    for (label,) in sorted_keys({(str(name),) for name in labels.tolist()}):
        rows = np.flatnonzero(labels == label)
        keys = tuple((*whole.keys[row][:at], *whole.keys[row][at + 1 :]) for row in rows)
        found[label] = replace(
            whole, by=by, keys=keys, n=whole.n[rows], offsets=whole.offsets[rows],
            cross=whole.cross[rows], filled=whole.filled[rows], dropped=whole.dropped[rows],
        )  # fmt: skip
    return found


def _cut_frame(data: Any, column: str, owner: str) -> dict[str, pd.DataFrame]:
    _check_column(data, column, owner)
    table: Any = frames.to_pandas(frames.enter(data))
    label: Callable[[Any], str] = label_of
    labels = np.array([label(value) for value in table[column].tolist()], dtype=object)
    order = sorted_keys({(str(name),) for name in labels.tolist()})
    found: dict[str, pd.DataFrame] = {}
    for (name,) in order:
        found[name] = table[labels == name].reset_index(drop=True)
    return found


def _rows_by_arm(part: pd.DataFrame, variant: str) -> dict[str, int]:
    counts = part[variant].map(label_of).value_counts()
    return {str(name): int(n) for name, n in counts.items()}
