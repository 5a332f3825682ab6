"""How many clusters there are, if any, by six measures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, Optional, check_values
from userportrait._core.scikit import from_sklearn
from userportrait._core.threads import one_thread
from userportrait.errors import InvalidDataError
from userportrait.segment._single_cloud import SingleCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.segment._profiles import Language

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["STABLE", "AutoOr", "ClusterChoice", "choose_n_clusters", "jaccard_stability"]

_SAMPLE = 1_000
_N_CLOUDS = 20
_N_BOXES = 5
_ABOVE_CHANCE = 3.0
"""Deviations above a single cloud's silhouette from which clusters are believed."""
STABLE = 0.85
"""Jaccard index from which Hennig calls a cluster highly stable."""
_NEARLY_BEST = 0.8
"""Share of the best silhouette that a finer number of clusters must keep."""
_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterChoice:
    """Measures of several numbers of clusters, and the number chosen.

    Parameters
    ----------
    n_clusters : int
        1 where the data look like one cloud.
    reason : str
    measures : DataFrame
        One row a number of clusters from 2: ``n_clusters``, ``silhouette``,
        ``calinski_harabasz``, ``davies_bouldin`` (less is better), ``gap``, ``gap_error``,
        ``bic`` (of a Gaussian mixture with diagonal covariances; less is better), ``stability``.
    cloud_silhouette : float
        Mean silhouette of single clouds of the same shape, cut into as many clusters.
    cloud_deviation : float
        Its standard deviation.

    See Also
    --------
    choose_n_clusters : Make one.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.segment import choose_n_clusters
    >>> source = np.random.default_rng(0)
    >>> X = np.concatenate([source.normal(at, 1, size=(60, 2)) for at in (0, 8, 16)])
    >>> choose_n_clusters(X, max_clusters=5).n_clusters
    3
    """

    n_clusters: int
    reason: str
    measures: pd.DataFrame
    cloud_silhouette: float
    cloud_deviation: float

    @property
    def cloud_limit(self) -> float:
        """Silhouette above which clusters are believed."""
        return _limit(self.cloud_silhouette, self.cloud_deviation)

    def to_frame(self) -> pd.DataFrame:
        """Return the measures."""
        return self.measures.copy()

    def plot(self, *, language: Language = "en", axes: Iterable[Axes] | None = None) -> Figure:
        """Draw all measures and the number chosen; see `plot_cluster_choice`."""
        from userportrait.segment._segment_plots import plot_cluster_choice

        return plot_cluster_choice(self, language=language, axes=axes)

    def __str__(self) -> str:
        return self.reason

    def _repr_html_(self) -> str:
        names = [str(name) for name in self.measures.columns]
        rows = [
            [f"{int(row[0])}", *(f"{value:,.3g}" for value in row[1:])]
            for row in self.measures.itertuples(index=False)
        ]
        named = [name.replace("_", " ") for name in names]
        return page_fragment(self.reason, table(named, rows, numeric=named))


def choose_n_clusters(
    X: Any, *, max_clusters: int = 10, n_init: int = 5, random_state: int | None = 0
) -> ClusterChoice:
    """Measure k-means clusters of several numbers, and choose one.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        On one scale, as `PrepareFeatures` makes it.
    max_clusters : int, default=10
        2 to 100.
    n_init : int, default=5
        Starts of each k-means of all rows; halves and clouds get 3.
    random_state : int or None, default=0

    Returns
    -------
    ClusterChoice

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    InvalidDataError
        If values are missing, or there are fewer than 10 rows.

    Notes
    -----
    A number of clusters is stable if each comes back in half of the rows with a mean Jaccard
    index of 0.85 or more. [2]_ Of stable numbers whose mean silhouette [1]_ is at least 80 %
    of the best of them, the mixture of least BIC decides: the silhouette alone prefers few
    clusters where some are nearer to each other than others. Where none is stable, the
    largest silhouette decides.
    There are no clusters if that silhouette is not three deviations above that of single
    clouds, cut into as many clusters: tables whose columns have the distributions of `X`,
    evened out until each has one mode, and go together by a normal copula. All measures come
    from 1,000 rows at most. The gap statistic is told, not decided by. [3]_

    References
    ----------
    .. [1] Rousseeuw (1987), "Silhouettes", Journal of Computational and Applied Mathematics 20.
    .. [2] Hennig (2007), "Cluster-wise assessment of cluster stability", Computational
       Statistics & Data Analysis 52.
    .. [3] Tibshirani, Walther and Hastie (2001), "Estimating the number of clusters in a data
       set via the gap statistic", Journal of the Royal Statistical Society B 63(2).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.segment import choose_n_clusters
    >>> blob = np.random.default_rng(0).normal(size=(200, 3))
    >>> print(choose_n_clusters(blob, max_clusters=4))
    no clusters: the rows look like one cloud
    """
    check_values(
        "choose_n_clusters",
        {"max_clusters": max_clusters, "n_init": n_init, "random_state": random_state},
        {
            "max_clusters": Between(2, 100, integer=True),
            "n_init": Between(1, 1000, integer=True),
            "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
        },
    )
    rows = _read(X)
    source = np.random.default_rng(random_state)
    rows = rows[np.lexsort(rows.T[::-1])]  # so that a sample does not depend on the order
    if len(rows) > _SAMPLE:
        rows = rows[np.sort(source.choice(len(rows), _SAMPLE, replace=False))]
    most = min(max_clusters, len(np.unique(rows, axis=0)) - 1)
    if most < 2:
        return _nothing()
    cut, halves, quick = _cutter(n_init), _cutter(3), _cutter(1)
    ks = range(2, most + 1)
    with one_thread():
        measures = pd.DataFrame([_measured(rows, k, cut, halves, source) for k in ks])
        measures["gap"], measures["gap_error"] = _gaps(rows, measures, quick, source)
        return _chosen(rows, measures.drop(columns="log_within"), halves, source)


def _read(X: Any) -> Floats:
    to_numpy = getattr(X, "to_numpy", None)
    message = "choose_n_clusters: X must be a table of finite numbers. PrepareFeatures makes one."
    try:
        rows = np.asarray(X if to_numpy is None else to_numpy(), dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidDataError(message) from None
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise InvalidDataError(message)
    if len(rows) < 10:
        message = f"choose_n_clusters: at least 10 rows are needed; there are {len(rows)}."
        raise InvalidDataError(message)
    return rows


def _nothing() -> ClusterChoice:
    names = (
        "n_clusters", "silhouette", "calinski_harabasz", "davies_bouldin", "bic", "stability",
        "gap", "gap_error",
    )  # fmt: skip
    return ClusterChoice(
        n_clusters=1, reason="no clusters: there are fewer than three distinct rows",
        measures=pd.DataFrame(columns=list(names)), cloud_silhouette=np.nan, cloud_deviation=np.nan,
    )  # fmt: skip


def _cutter(n_init: int) -> Callable[[Floats, int], tuple[Ints, float, Floats]]:
    make: Any = from_sklearn("cluster.KMeans")

    def cut(rows: Floats, k: int) -> tuple[Ints, float, Floats]:
        model = make(n_clusters=k, n_init=n_init, random_state=0).fit(rows)
        return model.labels_.astype(np.intp), float(model.inertia_), model.cluster_centers_

    return cut


def _measured(
    rows: Floats, k: int, cut: Any, halves: Any, source: np.random.Generator
) -> dict[str, float]:
    labels, within, centres = cut(rows, k)
    return {
        "n_clusters": k,
        "silhouette": _silhouette(rows, labels),
        "calinski_harabasz": float(from_sklearn("metrics.calinski_harabasz_score")(rows, labels)),
        "davies_bouldin": float(from_sklearn("metrics.davies_bouldin_score")(rows, labels)),
        "bic": _bic(rows, labels, centres),
        "stability": jaccard_stability(rows, labels, lambda half: halves(half, k)[2], source),
        "log_within": float(np.log(max(within, 1e-300))),
    }


def _bic(rows: Floats, labels: Ints, centres: Floats) -> float:
    """Return the criterion of a mixture that starts from clusters.

    Left to start by itself, it often ends beside the best one, and one component more looks
    better only because it starts better.
    """
    k = len(centres)
    sizes = np.bincount(labels, minlength=k).astype(np.float64)
    off = (rows - centres[labels]) ** 2
    sums = [np.bincount(labels, weights=column, minlength=k) for column in off.T]
    spread: Floats = np.array(sums).T / sizes[:, None] + _LEAST_VARIANCE
    model = from_sklearn("mixture.GaussianMixture")(
        k,
        covariance_type="diag",
        random_state=0,
        reg_covar=_LEAST_VARIANCE,
        weights_init=sizes / len(rows),
        means_init=centres,
        precisions_init=1.0 / spread,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", from_sklearn("exceptions.ConvergenceWarning"))
        return float(model.fit(rows).bic(rows))


def _silhouette(rows: Floats, labels: Ints) -> float:
    return float(from_sklearn("metrics.silhouette_score")(rows, labels))


def jaccard_stability(
    rows: Floats,
    labels: Ints,
    centres_of: Callable[[Floats], Floats],
    source: np.random.Generator,
    n_repeats: int = 5,
) -> float:
    """Return how well the least stable cluster comes back in halves of the rows, 0 to 1.

    Each half is clustered on its own; its centres then label all rows. A cluster counts with
    its best Jaccard index among the new ones, averaged over the halves.
    """
    n_clusters = int(labels.max()) + 1
    found = np.zeros(n_clusters)
    for _ in range(n_repeats):
        half = np.sort(source.choice(len(rows), max(n_clusters + 1, len(rows) // 2), replace=False))
        centres = centres_of(rows[half])
        squares = ((rows[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        other = squares.argmin(axis=1)
        both = np.zeros((n_clusters, len(centres)))
        np.add.at(both, (labels, other), 1.0)
        union = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
        found += (both / union).max(axis=1)
    return float(found.min() / n_repeats)


def _gaps(
    rows: Floats, measures: pd.DataFrame, cut: Any, source: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return gaps and their errors, against boxes along the principal axes."""
    middle = rows.mean(axis=0)
    axes = np.linalg.svd(rows - middle, full_matrices=False)[2]
    turned = (rows - middle) @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    ks = [int(k) for k in measures["n_clusters"]]
    draw: Any = source.uniform
    logs = np.empty((_N_BOXES, len(ks)))
    for at in range(len(logs)):
        box: Floats = draw(low, high, size=turned.shape)
        logs[at] = [np.log(max(cut(box, k)[1], 1e-300)) for k in ks]
    gaps = logs.mean(axis=0) - measures["log_within"].to_numpy()
    return gaps, logs.std(axis=0) * np.sqrt(1.0 + 1.0 / len(logs))


def _chosen(
    rows: Floats, measures: pd.DataFrame, cut: Any, source: np.random.Generator
) -> ClusterChoice:
    stable = measures["stability"].to_numpy() >= STABLE
    counts = measures["n_clusters"].to_numpy()
    heights: Floats = measures["silhouette"].to_numpy()
    if stable.any():
        near = np.flatnonzero(stable & (heights >= _NEARLY_BEST * heights[stable].max()))
        at = int(near[measures["bic"].to_numpy()[near].argmin()])
        kind = "stable, about as far apart as any, and the best mixture"
    else:
        at = int(heights.argmax())
        kind = "none is stable; the largest silhouette"
    k, silhouette = int(counts[at]), float(heights[at])
    single = SingleCloud(rows)
    clouds = np.empty(_N_CLOUDS)
    for at in range(_N_CLOUDS):
        cloud = single.draw(source)
        clouds[at] = _silhouette(cloud, cut(cloud, k)[0])
    mean, deviation = float(clouds.mean()), float(clouds.std(ddof=1))
    if silhouette <= _limit(mean, deviation):
        chosen, reason = 1, "no clusters: the rows look like one cloud"
    else:
        chosen = k
        reason = (
            f"{k} clusters: {kind} (silhouette {silhouette:.2f}; one cloud would give {mean:.2f})"
        )
    return ClusterChoice(
        n_clusters=chosen, reason=reason, measures=measures,
        cloud_silhouette=mean, cloud_deviation=deviation,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AutoOr:
    """``'auto'``, or what another rule allows."""

    rule: Rule

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        if isinstance(value, str) and value == "auto":
            return None
        found = self.rule.problem(name, value)
        return None if found is None else found.replace("must be", "must be 'auto' or", 1)


def _limit(mean: float, deviation: float) -> float:
    """Return how far chance reaches with a single cloud."""
    return mean + _ABOVE_CHANCE * deviation
