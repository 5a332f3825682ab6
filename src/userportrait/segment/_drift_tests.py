"""Whether segments have moved: shares of overlapping samples, means of members, distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import special, stats

from userportrait._core.multiplicity import adjust_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["compare_shares", "count_far", "far_chance", "inner_range", "moves_of"]

_LEAST_MEMBERS = 10
"""Fewer members on a side give no p-value of a mean."""
_LEAST_FOR_FAR = 20
"""Fewer members before say nothing about what is far."""
_NEAR_SHARE = 0.99
_TAIL = 0.005
"""Share of the values on either side that say nothing about how much values differ."""
_LEAST_FOR_TAILS = 10


def compare_shares(before: Floats, after: Floats, both: Floats) -> tuple[float, int, float]:
    """Return chi-square, degrees of freedom and p-value of equal shares.

    Parameters
    ----------
    before, after : ndarray of shape (n_segments,)
        Customers.
    both : ndarray of shape (n_segments, n_segments)
        Customers that are in both, by the segment before and after; zeros where it is not
        known.

    Notes
    -----
    The differences of shares are compared with their covariance, in which customers that are
    in both samples have a part of their own. With none of them it is Pearson's test of
    homogeneity; with nobody else, Stuart and Maxwell's test.
    """
    n_before, n_after = float(before.sum()), float(after.sum())
    difference = after / n_after - before / n_before
    pooled = (before + after) / (n_before + n_after)
    covariance = _spread(pooled) * (1.0 / n_before + 1.0 / n_after)
    scale = float(covariance.max())
    n_both = float(both.sum())
    if n_both > 0:
        margin = (both.sum(axis=0) + both.sum(axis=1)) / (2.0 * n_both)
        shared = (both + both.T) / n_both - 2.0 * np.outer(margin, margin)
        covariance = covariance - shared * (n_both / (n_before * n_after))
    split: Any = np.linalg.eigh(covariance)
    values, vectors = split
    kept = values > 1e-9 * max(scale, 1e-300)
    along: Floats = vectors[:, kept].T @ difference
    chi2, df = float((along**2 / values[kept]).sum()), int(kept.sum())
    return chi2, df, float(special.chdtrc(df, chi2)) if df else 1.0


def _spread(shares: Floats) -> Floats:
    found: Floats = np.diag(shares) - np.outer(shares, shares)
    return found


def moves_of(
    before: FeatureTable,
    after: FeatureTable,
    labels_before: Ints,
    labels_after: Ints,
    segments: list[int],
) -> pd.DataFrame:
    """Compare the members of each segment before and after, feature by feature."""
    parts: list[pd.DataFrame] = []
    for name in before.names:
        if name not in before.texts and name not in after.texts:
            pair = before.numbers[name], after.numbers[name]
            parts.append(_moved(name, "", pair, (labels_before, labels_after), segments))
            continue
        for level in _levels(before, after, name):
            pair = _is_level(before, name, level), _is_level(after, name, level)
            parts.append(_moved(name, level, pair, (labels_before, labels_after), segments))
    found = pd.concat(parts, ignore_index=True)
    rank = {segment: at for at, segment in enumerate(segments)}
    order = np.argsort(found["segment"].map(rank).to_numpy(), kind="stable")
    found = found.iloc[order].reset_index(drop=True)
    found["adjusted_p_value"] = adjust_p(found["p_value"].to_numpy(dtype=np.float64), "holm")
    return found


def _levels(before: FeatureTable, after: FeatureTable, name: str) -> list[str]:
    tables = (before, after)
    return sorted({str(x) for t in tables if name in t.texts for x in t.texts[name][1].tolist()})


def _is_level(table: FeatureTable, name: str, level: str) -> Floats:
    if name not in table.texts:  # a column without any value has no kind
        return np.full(table.n_rows, np.nan)
    codes, levels = table.texts[name]
    of_level = np.array([*(str(x) == level for x in levels.tolist()), np.nan], dtype=np.float64)
    found: Floats = of_level[codes]
    return found


def _moved(
    name: str,
    level: str,
    values: tuple[Floats, Floats],
    labels: tuple[Ints, Ints],
    segments: list[int],
) -> pd.DataFrame:
    n, mean, _ = _both_moments(values, labels, segments)
    if level:
        angle = 2.0 * np.arcsin(np.sqrt(mean))
        effect, p = angle[1] - angle[0], _p_of_shares(n, mean)
    else:
        low, high = _wide_range(values[0])
        held = np.clip(values[0], low, high), np.clip(values[1], low, high)
        _, held_mean, variance = _both_moments(held, labels, segments)
        effect = (held_mean[1] - held_mean[0]) / _unit(*values)
        p = _p_of_means(n, held_mean, variance)
    p[(n < _LEAST_MEMBERS).any(axis=0)] = np.nan
    return pd.DataFrame(
        {
            "segment": segments, "feature": name, "level": level, "before": mean[0],
            "after": mean[1], "effect_size": effect, "p_value": p,
        }
    )  # fmt: skip


def _both_moments(
    values: tuple[Floats, Floats], labels: tuple[Ints, Ints], segments: list[int]
) -> tuple[Floats, Floats, Floats]:
    n, mean, variance = (np.empty((2, len(segments))) for _ in range(3))
    for side in (0, 1):
        n[side], mean[side], variance[side] = _moments(values[side], labels[side], segments)
    return n, mean, variance


def _moments(values: Floats, labels: Ints, segments: list[int]) -> tuple[Floats, Floats, Floats]:
    """Return counts, means and variances, the same whatever the order of rows."""
    known = ~np.isnan(values)
    whose, kept = labels[known], values[known]
    order = np.lexsort((kept, whose))
    whose, kept = whose[order], kept[order]
    found = np.full((3, len(segments)), np.nan)
    for at, segment in enumerate(segments):
        low, high = (int(np.searchsorted(whose, segment, side=side)) for side in ("left", "right"))
        part = kept[low:high]
        found[0, at] = len(part)
        if len(part):
            found[1, at] = part.mean()
        if len(part) > 1:
            found[2, at] = part.var(ddof=1)
    return found[0], found[1], found[2]


def inner_range(values: Floats) -> tuple[float, float] | None:
    """Return the values between which 99 % lie, the smallest and the largest never among them.

    None where these are equal, or of fewer than 10 values.
    """
    known = np.sort(values[~np.isnan(values)])
    last = len(known) - 1
    if len(known) < _LEAST_FOR_TAILS:
        return None
    low = float(known[int(np.ceil(_TAIL * last))])
    high = float(known[int(np.floor((1.0 - _TAIL) * last))])
    return (low, high) if low < high else None


def _wide_range(values: Floats) -> tuple[float, float]:
    """Return the inner range with its width added on either side; without one no limits."""
    inner = inner_range(values)
    if inner is None:
        return -np.inf, np.inf
    low, high = inner
    return low - (high - low), high + (high - low)


def _unit(before: Floats, after: Floats) -> float:
    """Return the standard deviation of everybody before, or of all if nobody differed then.

    Values beyond the inner range count as its limits, so that a few do not make it.
    """
    known = np.sort(before[~np.isnan(before)])
    inner = inner_range(before)
    if inner is not None:
        return float(np.clip(known, *inner).std())
    if len(known) and known[0] < known[-1]:
        return float(known.std())
    known = np.sort(np.concatenate([known, after[~np.isnan(after)]]))
    return float(known.std()) if len(known) and known[0] < known[-1] else 1.0


def _p_of_means(n: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return p-values of Welch's t test."""
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = variance / n
        total = parts.sum(axis=0)
        t = np.abs(mean[1] - mean[0]) / np.sqrt(total)
        df = total**2 / (parts**2 / (n - 1.0)).sum(axis=0)
        found: Floats = np.asarray(2.0 * special.stdtr(df, -t), dtype=np.float64)
    is_fixed = total == 0.0  # nobody differs within a side
    found[is_fixed] = np.where(mean[0] == mean[1], 1.0, 0.0)[is_fixed]
    return found


def _p_of_shares(n: Floats, mean: Floats) -> Floats:
    """Return p-values of the z test of two shares, pooled."""
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (n * mean).sum(axis=0) / n.sum(axis=0)
        error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n).sum(axis=0))
        found = _two_sided(np.abs(mean[1] - mean[0]) / error)
    found[error == 0.0] = 1.0
    return found


def _two_sided(z: Floats) -> Floats:
    """Return the chance of a normal value beyond z on either side."""
    upper: Any = special.ndtr
    found: Floats = 2.0 * upper(-z)
    return found


def count_far(
    before: Floats, after: Floats, labels_before: Ints, labels_after: Ints, segments: list[int]
) -> tuple[Ints, Ints, Floats, Floats]:
    """Count customers far from the centre of their segment.

    Far is what lies beyond 99 % of the members before. A segment's centre is the mean of its
    members before; their own distances are those to the centre of the others.

    Returns
    -------
    n_far, n_judged : ndarray of int, shape (n_segments,)
        Customers after that are far, and whose distance is judged: those of segments, other
        than noise, that had 20 members before.
    mean, variance : ndarray of float64, shape (n_segments,)
        Of `n_far`, if the distances after are drawn like those before.
    """
    n_far, n_judged = (np.zeros(len(segments), dtype=np.intp) for _ in range(2))
    mean, variance = np.zeros(len(segments)), np.zeros(len(segments))
    for at, segment in enumerate(segments):
        old, new = before[labels_before == segment], after[labels_after == segment]
        if segment < 0 or len(old) < _LEAST_FOR_FAR or not len(new):
            continue
        n_old, n_new = len(old), len(new)
        old = old[np.lexsort(old.T)]
        centre = old.mean(axis=0)
        distances = np.sort(np.sqrt(((old - centre) ** 2).sum(axis=1))) * (n_old / (n_old - 1))
        rank = int(np.ceil(_NEAR_SHARE * n_old))
        limit = float(distances[rank - 1]) * (1.0 + 1e-9) + 1e-12
        n_far[at] = int((np.sqrt(((new - centre) ** 2).sum(axis=1)) > limit).sum())
        n_judged[at] = n_new
        a, b = n_old + 1.0 - rank, float(rank)
        mean[at], variance[at] = stats.betabinom.stats(n_new, a, b)
    return n_far, n_judged, mean, variance


def far_chance(n_far: int, n_judged: int, mean: float, variance: float) -> float:
    """Return the chance of so many far customers or more where nothing has moved.

    That of a beta-binomial distribution of this mean and variance. Equal distances, which are
    not far, make the chance less than it says.
    """
    if not n_judged or not n_far:
        return 1.0
    share = mean / n_judged
    plain = n_judged * share * (1.0 - share)
    # Variance is plain * (1 + (n - 1) * rho), and a + b is 1 / rho - 1.
    rho = max((variance / plain - 1.0) / max(n_judged - 1, 1), 1e-9)
    total = 1.0 / rho - 1.0
    found: Any = stats.betabinom.sf(n_far - 1, n_judged, share * total, (1.0 - share) * total)
    return float(np.clip(found, 0.0, 1.0))
