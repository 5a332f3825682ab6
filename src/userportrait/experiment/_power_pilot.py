"""What data from before the experiment say about a metric: mean, variance, what covariates take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._caps import Cap
from userportrait.experiment._experiment_data import is_row_metric
from userportrait.experiment._metrics import SupportsTerm, Term
from userportrait.experiment._moments import Moments
from userportrait.experiment._proportion import Proportion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Missing
    from userportrait.experiment._base import Metric, MomentMetric, RowMetric
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Pilot", "from_pilot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """A metric as data from before the experiment show it.

    Parameters
    ----------
    metric : str
    n : int
        Units of the pilot.
    baseline : float
        The metric's value.
    variance : float or None
        Of a unit, before covariates; None for a proportion.
    r2 : float, default=0.0
        Share of the variance that the metric's covariates explain.
    cluster_size, icc, cluster_size_cv : float
        Mean size, correlation and spread of clusters, if they were asked for.

    See Also
    --------
    from_pilot : Make one.

    Examples
    --------
    >>> from userportrait.experiment import Pilot, sample_size
    >>> pilot = Pilot(metric="spend", n=5000, baseline=20.0, variance=900.0, r2=0.4)
    >>> sample_size(pilot, effect=0.05, relative=True).n
    16956
    """

    metric: str
    n: int
    baseline: float
    variance: float | None
    r2: float = 0.0
    cluster_size: float | None = None
    icc: float = 0.0
    cluster_size_cv: float = 0.0


def from_pilot(
    metric: Metric,
    data: IntoFrame | Aggregates,
    *,
    cluster: str | None = None,
    missing: Missing = "error",
    random_state: int | None = 0,
) -> Pilot:
    """Read off data what planning needs: mean, variance, what covariates explain, clusters.

    Parameters
    ----------
    metric : metric
        `Mean`, `Proportion`, `Ratio`, `Count`, `Quantile`, ..., with the covariates that the
        analysis will use.
    data : frame or Aggregates
        One row for each unit, of a period as long as the experiment will be. Variants are not
        told apart. A `Quantile` or `Custom` needs a frame.
    cluster : str, optional
        Column of what will be assigned, such as the store; needs a frame, and a metric that
        is a mean or a ratio.
    missing : {'error', 'drop', 'zero'}, default='error'
        What becomes of missing values, as in `Experiment`.
    random_state : int, optional
        For metrics that resample.

    Returns
    -------
    Pilot

    Raises
    ------
    InvalidDataError
        If the metric does not vary, or values are missing.

    Notes
    -----
    The variance is the one the metric itself gives to a comparison of the data with
    themselves, so it fits whatever the metric does. The correlation within clusters is the
    analysis-of-variance estimator. [1]_

    References
    ----------
    .. [1] Donner and Klar (2000), "Design and Analysis of Cluster Randomization Trials in
       Health Research".

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.experiment import Mean, from_pilot
    >>> before = np.tile([1.0, 2.0, 3.0, 4.0], 50)
    >>> spend = 10.0 + before + np.repeat([-1.0, 1.0], 100)
    >>> frame = pd.DataFrame({"spend": spend, "before": before})
    >>> pilot = from_pilot(Mean("spend", adjust="before"), frame)
    >>> pilot.baseline, round(pilot.variance, 3), round(pilot.r2, 3)
    (12.5, 2.261, 0.553)
    """
    if cluster is not None and not isinstance(metric, SupportsTerm):
        problem = f"cluster is for means and ratios; '{metric.name}' is neither."
        raise InvalidParameterError("from_pilot", [problem])
    if isinstance(data, Aggregates):
        if cluster is not None or is_row_metric(metric):
            problem = "clusters, and metrics made from rows, need a frame as data."
            raise InvalidParameterError("from_pilot", [problem])
        return _of_moments(cast("MomentMetric", metric), _merged(data))
    metric, rows = _read(metric, data, cluster, missing)
    if is_row_metric(metric):
        return _of_rows(cast("RowMetric", metric), rows, random_state)
    of_moments = cast("MomentMetric", metric)
    values = {c.name: c.compute(_numbers(rows, c.source)) for c in of_moments.columns}
    pilot = _of_moments(of_moments, Moments.of(values))
    if cluster is None or not isinstance(metric, SupportsTerm):
        return pilot
    return _with_clusters(pilot, metric.term, values, rows[cluster])


def _merged(data: Aggregates) -> Moments:
    """Return the moments of all variants together."""
    found: Moments | None = None
    for variant in data.variants:
        part = data.moments(variant)
        found = part if found is None else found.merge(part)
    if found is None:
        raise InvalidDataError("the pilot has no units.")
    return found


def _of_moments(metric: MomentMetric, moments: Moments) -> Pilot:
    found = metric.estimate(moments, moments)
    plain, r2 = found, 0.0
    if getattr(metric, "adjust", None):
        bare: Any = replace(cast("Any", metric), adjust=None)
        plain = bare.estimate(moments, moments)
        r2 = 1.0 - (found.std_error / plain.std_error) ** 2 if plain.std_error else 0.0
    variance = plain.std_error**2 * moments.n / 2.0
    if not variance > 0.0:
        raise InvalidDataError(f"'{metric.name}' does not vary in the pilot.")
    return Pilot(
        metric=metric.name,
        n=moments.n,
        baseline=plain.control_mean,
        variance=None if isinstance(metric, Proportion) else variance,
        r2=max(r2, 0.0),
    )


def _of_rows(
    metric: RowMetric, rows: Mapping[str, NDArray[Any]], random_state: int | None
) -> Pilot:
    found = metric.estimate_rows(rows, rows, random_state=random_state)
    variance = found.control_variance * found.n_control
    if not variance > 0.0:
        raise InvalidDataError(f"'{metric.name}' does not vary in the pilot.")
    return Pilot(
        metric=metric.name, n=found.n_control, baseline=found.control_mean, variance=variance
    )


def _read(
    metric: Metric, data: IntoFrame, cluster: str | None, missing: Missing
) -> tuple[Metric, dict[str, NDArray[Any]]]:
    """Return the metric with its caps as numbers, and the columns that it needs."""
    inner = frames.enter(data)
    known = frames.column_names(inner)
    cap: Any = getattr(metric, "cap", None)
    if isinstance(cap, Cap) and not cap.is_resolved:
        source = _capped_source(metric)
        if source not in known:
            raise MissingColumnError(source, known)
        numbers = _numbers(frames.collect_arrays(inner, [source]), source)
        metric = replace(cast("Any", metric), cap=cap.resolve(numbers, column=source))
    if is_row_metric(metric):
        wanted = list(cast("RowMetric", metric).row_columns)
    else:
        wanted = [column.source for column in cast("MomentMetric", metric).columns]
    if cluster is not None:
        wanted.append(cluster)
    wanted = list(dict.fromkeys(wanted))
    for name in wanted:
        if name not in known:
            raise MissingColumnError(name, known)
    return metric, _complete(frames.collect_arrays(inner, wanted), missing)


def _capped_source(metric: Any) -> str:
    """Return the column that a cap is for."""
    given = getattr(metric, "column", None) or metric.numerator
    return given if isinstance(given, str) else str(given.source)


def _complete(rows: dict[str, NDArray[Any]], missing: Missing) -> dict[str, NDArray[Any]]:
    empty = {name: pd.isna(pd.Series(values)).to_numpy() for name, values in rows.items()}
    for name, gaps in empty.items():
        if gaps.any() and missing == "error":
            at = np.flatnonzero(gaps)
            message = (
                f"column '{name}' has {len(at):,} missing values. Say what they mean: "
                "missing='zero' or missing='drop'."
            )
            raise InvalidDataError(message, column=name, rows=at[:5].tolist(), n_rows=len(at))
    if missing == "zero":
        return {name: np.where(empty[name], 0, values) for name, values in rows.items()}
    kept = ~np.logical_or.reduce(list(empty.values()))
    return {name: values[kept] for name, values in rows.items()}


def _numbers(rows: Mapping[str, NDArray[Any]], name: str) -> Floats:
    values = rows[name]
    if values.dtype.kind not in "biuf":
        message = f"column '{name}' must hold numbers; got {values.dtype}."
        raise InvalidDataError(message, column=name)
    return np.asarray(values, dtype=np.float64)


def _with_clusters(
    pilot: Pilot, term: Term, values: Mapping[str, Floats], labels: NDArray[Any]
) -> Pilot:
    """Add the size of the clusters and the correlation of their units."""
    codes, _ = pd.factorize(np.asarray(labels, dtype=object))
    y = _linear(term, values)
    sizes = np.bincount(codes).astype(np.float64)
    k, n = len(sizes), len(y)
    if k < 2 or n <= k:
        message = f"clusters must be two or more, with more units than clusters; got {k}, {n}."
        raise InvalidDataError(message)
    means = np.bincount(codes, weights=y) / sizes
    between = float(np.sum(sizes * (means - y.mean()) ** 2)) / (k - 1)
    within = float(np.sum((y - means[codes]) ** 2)) / (n - k)
    typical = (n - float(np.sum(sizes**2)) / n) / (k - 1)
    whole = between + (typical - 1.0) * within
    return replace(
        pilot,
        cluster_size=n / k,
        icc=min(max((between - within) / whole, 0.0), 1.0) if whole > 0.0 else 0.0,
        cluster_size_cv=float(sizes.std(ddof=1) / sizes.mean()),
    )


def _linear(term: Term, values: Mapping[str, Floats]) -> Floats:
    """Return each unit's part of the term, linearised for a ratio."""
    top = values[term.numerator.name]
    if term.denominator is None:
        return top
    bottom = values[term.denominator.name]
    mean = float(bottom.mean())
    found: Floats = (top - top.mean() / mean * bottom) / mean
    return found
