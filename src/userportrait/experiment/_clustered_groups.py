"""From aggregates by cluster to the regressors and outcomes of each cluster."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment._aggregates_keys import NO_LABEL
from userportrait.experiment._clustered_fit import Clusters
from userportrait.experiment._metrics import SupportsTerm, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._base import MomentMetric

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Outcome", "clusters_of"]

_CONSTANT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A metric's clusters and what its regression is made of.

    Parameters
    ----------
    clusters : Clusters
    base : float
        What was taken off the outcome; to be added to the first two coefficients.
    slopes : ndarray of shape (2, q)
        Positions of the coefficients of the q covariates, by arm.
    off : ndarray of shape (G, q)
        Each cluster's sum of covariates less their means over all rows, by the number of rows.
    notes : tuple of str
    """

    clusters: Clusters
    base: float
    slopes: NDArray[np.intp]
    off: Floats
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Moments of (cluster, arm), empty ones included.

    Parameters
    ----------
    n : ndarray of shape (G, 2)
    means : ndarray of shape (G, 2, p)
    cross : ndarray of shape (G, 2, p, p)
        NaN where it was not aggregated.
    """

    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    n: NDArray[np.int64]
    means: Floats
    cross: Floats

    def arm_means(self) -> Floats:
        """Means of the columns by arm, shape (2, p)."""
        share = self.n / np.maximum(self.n.sum(axis=0), 1)
        found: Floats = np.einsum("ga,gap->ap", share, self.means)
        return found

    def pooled_means(self) -> Floats:
        """Means of the columns over both arms."""
        found: Floats = np.einsum("ga,gap->p", self.n / self.n.sum(), self.means)
        return found


def clusters_of(
    metric: MomentMetric,
    aggregates: Aggregates,
    arms: tuple[str, str],
    by: Sequence[str],
    *,
    owner: str,
) -> Outcome:
    """Return the clusters of two arms for the regression of a metric.

    Parameters
    ----------
    metric : MomentMetric
        A mean or a ratio of means.
    aggregates : Aggregates
    arms : tuple of str
        Control and variant.
    by : sequence of str
        The cluster; each further column adds a fixed effect of each of its labels.
    owner : str
        The design, for messages.

    Raises
    ------
    InvalidParameterError
        If the metric is neither a mean nor a ratio, or the aggregates are not by cluster.
    InvalidDataError
        If an arm has fewer than two clusters, or rows have none.
    """
    outcome, covariates = _terms(metric, owner)
    groups = _groups(aggregates, arms, by, (outcome, *covariates))
    _check(groups, arms, by, owner)
    variables, base, notes = _variables(groups, outcome, covariates)
    is_lin = getattr(metric, "adjustment", "pooled") == "lin"
    return _assemble(groups, variables, base, notes, is_lin=is_lin)


def _terms(metric: MomentMetric, owner: str) -> tuple[Term, tuple[Term, ...]]:
    if isinstance(metric, SupportsTerm):
        return metric.term, tuple(getattr(metric, "covariates", ()))
    if len(metric.columns) == 1:
        return Term(metric.columns[0]), ()
    problem = (
        f"the metric '{metric.name}' is neither a mean nor a ratio of means, which is all that "
        "clusters are analysed for. Use Mean or Ratio."
    )
    raise InvalidParameterError(owner, [problem])


def _groups(
    aggregates: Aggregates, arms: tuple[str, str], by: Sequence[str], terms: Sequence[Term]
) -> _Groups:
    """Lay the groups of two arms out by cluster."""
    found = aggregates if aggregates.by == tuple(by) else aggregates.collapse(by)
    names = tuple(dict.fromkeys(column.name for term in terms for column in term.columns))
    at = _positions(found.columns, names)
    own = [key for key in found.keys if key[0] in arms]
    labels = tuple(sorted({key[1:] for key in own}))
    place = {label: i for i, label in enumerate(labels)}
    rows = np.array([i for i, key in enumerate(found.keys) if key[0] in arms], dtype=np.intp)
    cluster = np.array([place[key[1:]] for key in own], dtype=np.intp)
    arm = np.array([arms.index(key[0]) for key in own], dtype=np.intp)
    p = len(names)
    n = np.zeros((len(labels), 2), dtype=np.int64)
    means = np.zeros((len(labels), 2, p))
    cross = np.full((len(labels), 2, p, p), np.nan)
    n[cluster, arm] = found.n[rows]
    means[cluster, arm] = found.means[rows][:, at]
    where = {position: i for i, position in enumerate(at)}
    for k, (i, j) in enumerate(found.pairs.T.tolist()):
        if i in where and j in where:
            cross[cluster, arm, where[i], where[j]] = found.cross[rows, k]
            cross[cluster, arm, where[j], where[i]] = found.cross[rows, k]
    cross[n == 0] = 0.0
    return _Groups(names, labels, n, means, cross)


def _positions(columns: Sequence[str], names: Sequence[str]) -> list[int]:
    missing = [name for name in names if name not in columns]
    if missing:
        known = ", ".join(f"'{name}'" for name in columns)
        problem = f"the aggregates lack '{missing[0]}'; they hold {known}."
        raise InvalidParameterError("Aggregates", [problem])
    return [columns.index(name) for name in names]


def _check(groups: _Groups, arms: tuple[str, str], by: Sequence[str], owner: str) -> None:
    cluster = by[0]
    counts = np.count_nonzero(groups.n, axis=0)
    for arm, count in zip(arms, counts.tolist(), strict=True):
        if count < 2:
            raise InvalidDataError(
                f"{owner}: the arm '{arm}' has {count} cluster{'s' * (count != 1)} of '{cluster}'; "
                "at least 2 in each arm are needed to see how clusters differ.",
                column=cluster,
            )
    for level, name in enumerate(by):
        missing = np.array([label[level] == NO_LABEL for label in groups.labels])
        if missing.any():
            count = int(groups.n[missing].sum())
            raise InvalidDataError(f"{owner}: '{name}' is missing in {count:,} rows.", column=name)
    seen = [label[0] for label in groups.labels]
    if len(set(seen)) < len(seen):
        twice = next(label for label, after in itertools.pairwise(seen) if label == after)
        message = (
            f"{owner}: '{cluster}' {twice} has rows of several values of "
            f"{' or '.join(repr(name) for name in by[1:])}; each must have one."
        )
        raise InvalidDataError(message, column=cluster)


@dataclass(frozen=True, slots=True, eq=False)
class _Variables:
    """Means and cross products of [covariates..., outcome], shapes (G, 2, v) and (G, 2, v, v)."""

    means: Floats
    cross: Floats


def _variables(
    groups: _Groups, outcome: Term, covariates: Sequence[Term]
) -> tuple[_Variables, float, tuple[str, ...]]:
    """Replace terms by variables that are linear in the columns; ratios are linearised."""
    arm_means, pooled = groups.arm_means(), groups.pooled_means()
    lines: list[tuple[Floats, Floats, Floats]] = []
    notes: list[str] = []
    for term in covariates:
        _, weights = _linear(groups, term, pooled)
        spread = _spread(groups, weights, pooled)
        if spread <= _CONSTANT * max(1.0, float(np.abs(weights @ pooled))):
            notes.append(f"The covariate '{term.name}' does not vary and is left out.")
            continue
        both = np.array([weights, weights]) / spread
        lines.append((both, np.array([pooled, pooled]), np.zeros(2)))
    own = [_linear(groups, outcome, means) for means in arm_means]
    base = own[0][0]
    values = np.array([value - base for value, _ in own])
    lines.append((np.array([weights for _, weights in own]), arm_means, values))
    weights = np.stack([line[0] for line in lines], axis=1)  # (2, v, p)
    centres = np.stack([line[1] for line in lines], axis=1)
    values = np.stack([line[2] for line in lines], axis=1)  # (2, v)
    off = groups.means[:, :, None, :] - centres[None]
    means = values[None] + np.einsum("avp,gavp->gav", weights, off)
    means[groups.n == 0] = 0.0
    # Cross products that no variable uses may be missing: they have weight 0, and NaN * 0 is NaN.
    known = np.nan_to_num(groups.cross, nan=0.0)
    cross = np.einsum("avp,gapq,awq->gavw", weights, known, weights, optimize=True)
    if covariates:
        _check_known(groups, weights)
    return _Variables(means, cross), base, tuple(notes)


def _linear(groups: _Groups, term: Term, means: Floats) -> tuple[float, Floats]:
    """Return a term's value at some means, and its derivative by each column."""
    weights = np.zeros(len(groups.columns))
    top = groups.columns.index(term.numerator.name)
    if term.denominator is None:
        weights[top] = 1.0
        return float(means[top]), weights
    bottom = groups.columns.index(term.denominator.name)
    if means[bottom] == 0.0:
        message = f"The mean of '{term.denominator.name}' is 0, so '{term.name}' has no value."
        raise InvalidDataError(message, column=term.denominator.source)
    ratio = float(means[top] / means[bottom])
    weights[top], weights[bottom] = 1.0 / means[bottom], -ratio / means[bottom]
    return ratio, weights


def _spread(groups: _Groups, weights: Floats, centre: Floats) -> float:
    """Return the standard deviation over all rows of a linear function of the columns."""
    off = (groups.means - centre) @ weights
    within = np.einsum("p,gapq,q->", weights, np.nan_to_num(groups.cross, nan=0.0), weights)
    total = float(within + (groups.n * off**2).sum())
    return float(np.sqrt(max(total, 0.0) / groups.n.sum()))


def _check_known(groups: _Groups, weights: Floats) -> None:
    used = (weights != 0.0).any(axis=(0, 1))
    if bool(np.isnan(groups.cross[:, :, used][:, :, :, used]).any()):
        problem = (
            "cross products of the metric and its covariates were not aggregated; "
            "name these columns together in Aggregates.from_frame."
        )
        raise InvalidParameterError("Aggregates", [problem])


def _assemble(
    groups: _Groups,
    variables: _Variables,
    base: float,
    notes: tuple[str, ...],
    *,
    is_lin: bool,
) -> Outcome:
    n_clusters, _, v = variables.means.shape
    q = v - 1
    width = 1 + q
    n, means = groups.n.astype(np.float64), variables.means
    sums = n[:, :, None] * means
    products = variables.cross + sums[:, :, :, None] * means[:, :, None, :]
    gram = np.zeros((n_clusters, 2 * width, 2 * width))
    moment = np.zeros((n_clusters, 2 * width))
    for arm in (0, 1):
        first, rest = arm * width, slice(arm * width + 1, (arm + 1) * width)
        gram[:, first, first] = n[:, arm]
        gram[:, first, rest] = gram[:, rest, first] = sums[:, arm, :q]
        gram[:, rest, rest] = products[:, arm, :q, :q]
        moment[:, first] = sums[:, arm, q]
        moment[:, rest] = products[:, arm, :q, q]
    first_slope = np.arange(2, 2 + q, dtype=np.intp)
    slopes = np.stack([first_slope, first_slope + (q if is_lin else 0)])
    k = 2 + q * (2 if is_lin else 1)
    maps = np.zeros((1, 2 * width, k))
    for arm in (0, 1):
        maps[0, arm * width, arm] = 1.0
        maps[0, np.arange(1, width) + arm * width, slopes[arm]] = 1.0
    for level in range(1, len(groups.labels[0])):
        maps = _with_effects(maps, [label[level] for label in groups.labels], groups.n, width)
    labels = tuple(label[0] for label in groups.labels)
    clusters = Clusters(labels, groups.n, gram, moment, maps)
    off = sums[:, :, :q].sum(axis=1) / n.sum()
    return Outcome(clusters, base, slopes, off, notes)


def _with_effects(maps: Floats, labels: Sequence[str], n: NDArray[np.int64], width: int) -> Floats:
    """Add a regressor for each label but the first, centred over all rows."""
    distinct = sorted(set(labels))
    codes = np.array([distinct.index(label) for label in labels], dtype=np.intp)
    shares = np.bincount(codes, weights=n.sum(axis=1)) / n.sum()
    effects = (np.eye(len(distinct))[codes] - shares)[:, None, 1:]
    slots = np.zeros((1, maps.shape[1], 1))
    slots[0, [0, width], 0] = 1.0
    grown: Floats = np.repeat(maps, len(codes) // len(maps), axis=0)
    found: Floats = np.concatenate([grown, slots * effects], axis=2)
    return found
