"""A/A simulation: how often an analysis finds an effect where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.display import definition_list, page_fragment, table
from userportrait._core.params import Between, Optional, Rule, check_values
from userportrait._core.progress import teller
from userportrait._core.threads import one_blas_thread
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_frames import check_columns, pairs_of
from userportrait.experiment._slices import check_experiment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Missing
    from userportrait.experiment._experiment import Experiment
    from userportrait.experiment._moments import Column
    from userportrait.typing import IntoFrame, Progress

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

__all__ = ["AASimulation", "simulate_aa"]

_VARIANT = "(chance)"
_ROWS = 1 << 14
_AT_ONCE = 64
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AASimulation:
    """What an analysis said of random assignments, none of which has an effect.

    Parameters
    ----------
    metrics : tuple of str
        Their names, m of them.
    p_values, effects, std_errors : ndarray of shape (n_simulations, m)
    below, above : ndarray of bool of shape (n_simulations, m)
        Whether the interval of the effect lies below 0, or above: both are false alarms.
    alpha : float
        Share of false alarms that the analysis promises.
    n_units : int
    share : float
        Chance of a unit to be in the variant.
    random_state : int
        What repeats the simulation.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, simulate_aa
    >>> customers = pd.DataFrame({"spend": np.random.default_rng(0).exponential(20.0, 4_000)})
    >>> found = simulate_aa(
    ...     Experiment(Mean("spend"), control="A"), customers, n_simulations=400, random_state=0
    ... )
    >>> found.to_frame()[["metric", "false_alarms", "is_suspicious"]]
      metric  false_alarms  is_suspicious
    0  spend        0.0375          False
    """

    metrics: tuple[str, ...]
    p_values: Floats
    effects: Floats
    std_errors: Floats
    below: Bools
    above: Bools
    alpha: float
    n_units: int
    share: float
    random_state: int

    @property
    def n_simulations(self) -> int:
        """Number of random assignments."""
        return len(self.p_values)

    def assignment(self, simulation: int) -> Bools:
        """Return which units were in the variant, in the order of the rows."""
        if not 0 <= simulation < self.n_simulations:
            problem = f"simulation must be in [0, {self.n_simulations - 1}]; got {simulation}."
            raise InvalidParameterError("AASimulation.assignment", [problem])
        return _draw(_stream(self.random_state, simulation), self.n_units, self.share)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each metric.

        Returns
        -------
        DataFrame
            ``metric``, ``n_simulations``, ``false_alarms`` (share of intervals without 0) with
            its exact 95 % interval ``ci_low`` and ``ci_high``; ``below`` and ``above``, the
            shares of both kinds; ``std_error_ratio``, the mean standard error over the standard
            deviation of the effects, 1 where it is right; ``is_suspicious``, whether the rate
            differs from `alpha` by more than chance explains once in a thousand times.
        """
        alarms = (self.below | self.above).sum(axis=0)
        low, high = _exact_interval(alarms, self.n_simulations, _LEVEL)
        least, most = _exact_interval(alarms, self.n_simulations, 0.999)
        spread = self.effects.std(axis=0, ddof=1)
        ratio = self.std_errors.mean(axis=0) / np.where(spread > 0, spread, np.nan)
        return pd.DataFrame(
            {
                "metric": self.metrics,
                "n_simulations": self.n_simulations,
                "false_alarms": alarms / self.n_simulations,
                "ci_low": low,
                "ci_high": high,
                "below": self.below.mean(axis=0),
                "above": self.above.mean(axis=0),
                "std_error_ratio": ratio,
                "is_suspicious": (self.alpha < least) | (self.alpha > most),
            }
        )

    def __str__(self) -> str:
        head = (
            f"{self.n_simulations:,} random assignments of {self.n_units:,} units; "
            f"false alarms promised: {self.alpha:.1%}"
        )
        return "\n".join([head, *(": ".join(row) for row in self._lines())])

    def _lines(self) -> list[tuple[str, str]]:
        found = self.to_frame()
        lines: list[tuple[str, str]] = []
        for row in cast("list[dict[str, Any]]", found.to_dict("records")):
            span = f"{row['false_alarms']:.1%} [{row['ci_low']:.1%}, {row['ci_high']:.1%}]"
            lines.append((row["metric"], span + (" (suspicious)" if row["is_suspicious"] else "")))
        return lines

    def _repr_html_(self) -> str:
        facts = definition_list(
            {
                "Random assignments": f"{self.n_simulations:,}",
                "Units": f"{self.n_units:,}",
                "False alarms promised": f"{self.alpha:.1%}",
            }
        )
        rows = table(["metric", "false alarms"], self._lines(), numeric=["false alarms"])
        return page_fragment("A/A simulation", facts, rows)


def simulate_aa(
    experiment: Experiment,
    frame: IntoFrame,
    *,
    n_simulations: int = 1_000,
    share: float = 0.5,
    random_state: int | None = None,
    progress: Progress | bool | None = None,
) -> AASimulation:
    """Analyse random assignments of the same units, in which nothing differs but chance.

    Shows on your own data whether the analysis keeps its promise, before it is used on an
    experiment: heavy tails, too few units or a wrong unit raise the false alarms.

    Parameters
    ----------
    experiment : Experiment
        Metrics and design; metrics of moments only, without clusters.
    frame : frame
        One row for each unit, on any engine; needs no variant.
    n_simulations : int, default=1000
        Number of random assignments.
    share : float, default=0.5
        Chance of each unit to be in the variant.
    random_state : int, optional
        Repeats the simulation; drawn by chance by default. Assignments follow the order of
        the rows.
    progress : callable or bool, optional
        Told the share done.

    Returns
    -------
    AASimulation

    Raises
    ------
    InvalidParameterError
        If a metric needs rows, the design has clusters, or an assignment left an arm with
        fewer than 2 units.
    InvalidDataError
        If values are missing or infinite, as `Experiment.analyze` says.

    Notes
    -----
    The sums of all assignments are products of one matrix of the units' products with a matrix
    of zeros and ones. From there on each one takes the path of `Experiment.analyze`. [1]_

    References
    ----------
    .. [1] Kohavi, Tang and Xu (2020), "Trustworthy Online Controlled Experiments", chapter 19.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, simulate_aa
    >>> customers = pd.DataFrame({"spend": np.random.default_rng(0).exponential(20.0, 4_000)})
    >>> experiment = Experiment(Mean("spend"), control="A")
    >>> print(simulate_aa(experiment, customers, n_simulations=400, random_state=0))
    400 random assignments of 4,000 units; false alarms promised: 5.0%
    spend: 3.8% [2.1%, 6.1%]
    """
    check_experiment(experiment, "simulate_aa")
    tell = teller(progress, owner="simulate_aa")
    rules: dict[str, Rule] = {
        "n_simulations": Between(1, 10_000_000, integer=True),
        "share": Between(0.0, 1.0, open_low=True, open_high=True),
        "random_state": Optional(Between(0, 2**63 - 1, integer=True)),
    }
    given = {"n_simulations": n_simulations, "share": share, "random_state": random_state}
    check_values("simulate_aa", given, rules)
    _check_experiment(experiment)
    seed = random_state
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    experiment, columns, values = _prepared(experiment, frame)
    metrics: Any = experiment.metrics
    groups = [metric.columns for metric in metrics]
    pairs = pairs_of(columns, groups)
    rows: list[Any] = []
    found = _aggregates(experiment, columns, values, pairs, n_simulations, share, seed)
    for done, aggregates in enumerate(found, start=1):
        effects = experiment.analyze(aggregates).effects
        rows.append(effects)
        tell("simulate", done / n_simulations)
    return _collected(rows, experiment, values.shape[1], share, seed)


def _check_experiment(experiment: Experiment) -> None:
    metrics: tuple[Any, ...] = cast("Any", experiment.metrics)
    problems = [
        f"'{metric.name}' needs rows; simulate metrics of moments, such as Mean or Ratio."
        for metric in metrics
        if hasattr(metric, "row_columns")
    ]
    if experiment.design.by:
        problems.append("the design has clusters; simulate with units that are the clusters.")
    if experiment.merged:
        problems.append("merged must be left out: there are two arms.")
    if problems:
        raise InvalidParameterError("simulate_aa", problems)


def _prepared(
    experiment: Experiment, frame: IntoFrame
) -> tuple[Experiment, tuple[Column, ...], Floats]:
    """Return the experiment with its caps as numbers, its columns, and their values as rows."""
    inner = frames.enter(frame)
    metrics: list[Any] = list(cast("Any", experiment.metrics))
    sources = _sources_of(metrics)
    check_columns(inner, sources)
    arrays = frames.collect_arrays(inner, sources)
    numbers = {name: np.asarray(arrays[name], dtype=np.float64) for name in sources}
    for at, metric in enumerate(metrics):
        cap = getattr(metric, "cap", None)
        if cap is not None and not cap.is_resolved:
            source = _capped_source(metric)
            metrics[at] = replace(metric, cap=cap.resolve(numbers[source], column=source))
    fixed = replace(experiment, metrics=tuple(metrics))
    columns = tuple(
        {column.name: column for metric in metrics for column in metric.columns}.values()
    )
    values = np.array([column.compute(numbers[column.source]) for column in columns])
    return fixed, columns, _known(values, columns, experiment.missing)


def _capped_source(metric: Any) -> str:
    column: Any = getattr(metric, "column", getattr(metric, "numerator", None))
    return column if isinstance(column, str) else column.source


def _sources_of(metrics: Sequence[Any]) -> list[str]:
    """Name the columns that metrics read, before a cap has become a number."""
    plain = [
        replace(metric, cap=None) if getattr(metric, "cap", None) is not None else metric
        for metric in metrics
    ]
    return list(dict.fromkeys(c.source for metric in plain for c in metric.columns))


def _known(values: Floats, columns: Sequence[Column], missing: Missing) -> Floats:
    """Treat missing values as the experiment says."""
    for column, row in zip(columns, values, strict=True):
        absent = np.isnan(row)
        bad = absent if missing == "error" else np.isinf(row)
        where = np.flatnonzero(bad | np.isinf(row))
        if len(where):
            kind = "missing" if absent[where[0]] else "infinite"
            message = (
                f"column '{column.source}' has {len(where):,} {kind} values. Correct them, or "
                "give the experiment missing='zero' or 'drop'."
            )
            first = where[:5].tolist()
            raise InvalidDataError(message, column=column.source, rows=first, n_rows=len(where))
    if missing == "drop":
        return values[:, ~np.isnan(values).any(axis=0)]
    return np.nan_to_num(values)


def _stream(seed: int, simulation: int) -> np.random.Generator:
    return np.random.default_rng([seed, simulation])


def _draw(stream: np.random.Generator, n: int, share: float) -> Bools:
    return stream.random(n, dtype=np.float32) < np.float32(share)


def _aggregates(
    experiment: Experiment,
    columns: Sequence[Column],
    values: Floats,
    pairs: NDArray[np.intp],
    n_simulations: int,
    share: float,
    seed: int,
) -> Iterator[Aggregates]:
    """Yield the aggregates of one random assignment after the other."""
    p, n_units = values.shape
    origin = values.mean(axis=1) if n_units else np.zeros(p)
    names = tuple(column.name for column in columns)
    no_rows = np.zeros((2, p), dtype=np.int64), np.zeros(2, dtype=np.int64)
    for start in range(0, n_simulations, _AT_ONCE):
        wanted = range(start, min(start + _AT_ONCE, n_simulations))
        sums, total = _sums(values, origin, pairs, wanted, share, seed)
        for variant in sums:
            n = np.array([total[0] - variant[0], variant[0]])
            both = np.array([total - variant, variant])
            off = both[:, 1 : 1 + p] / np.maximum(n, 1.0)[:, None]
            cross = both[:, 1 + p :] - n[:, None] * off[:, pairs[0]] * off[:, pairs[1]]
            yield Aggregates(
                names, (), ((experiment.control,), (_VARIANT,)), n.astype(np.int64), origin, off,
                pairs, cross, *no_rows,
            )  # fmt: skip


def _sums(
    values: Floats,
    origin: Floats,
    pairs: NDArray[np.intp],
    simulations: range,
    share: float,
    seed: int,
) -> tuple[Floats, Floats]:
    """Return count, sums and sums of products: of each assignment's variant, and of all units."""
    streams = [_stream(seed, simulation) for simulation in simulations]
    width = 1 + len(values) + pairs.shape[1]
    found, total = np.zeros((len(streams), width)), np.zeros(width)
    for start in range(0, values.shape[1], _ROWS):
        off = values[:, start : start + _ROWS] - origin[:, None]
        block = np.concatenate([np.ones((1, off.shape[1])), off, off[pairs[0]] * off[pairs[1]]])
        drawn = np.array([_draw(s, block.shape[1], share) for s in streams], dtype=np.float64)
        with one_blas_thread():
            found += drawn @ block.T
        total += block.sum(axis=1)
    return found, total


def _collected(
    rows: Sequence[Any], experiment: Experiment, n_units: int, share: float, seed: int
) -> AASimulation:
    low = np.array([[effect.interval[0] for effect in row] for row in rows])
    high = np.array([[effect.interval[1] for effect in row] for row in rows])
    return AASimulation(
        metrics=tuple(effect.metric for effect in rows[0]),
        p_values=np.array([[effect.p_value for effect in row] for row in rows]),
        effects=np.array([[effect.effect for effect in row] for row in rows]),
        std_errors=np.array([[effect.std_error for effect in row] for row in rows]),
        below=high < 0.0,
        above=low > 0.0,
        alpha=experiment.alpha,
        n_units=n_units,
        share=share,
        random_state=seed,
    )


def _exact_interval(found: NDArray[np.int64], n: int, level: float) -> tuple[Floats, Floats]:
    """Return Clopper and Pearson's interval of shares."""
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    low = np.where(found > 0, betaincinv(np.maximum(found, 1), n - found + 1, tail), 0.0)
    high = np.where(found < n, betaincinv(found + 1, np.maximum(n - found, 1), 1.0 - tail), 1.0)
    return low, high
