"""Regression on clusters' moments: CR0, CR1 and CR2 variances and their degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["ClusterFit", "Clusters", "adjusted_scores", "freedom", "plain_scores"]

_RANK = 1e-10
"""Directions with a smaller part of a cluster's spread than this count as rounding errors."""
_ABSORBED = 1e-8
"""A direction whose leverage is this near to 1 is fitted by its cluster alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Clusters as a regression sees them: products of regressors, and with the outcome.

    The rows of a cluster have D basic regressors ("slots"), from which a map makes the k of
    the regression. Keeping the two apart makes fixed effects cheap: k may be large, D is not.

    Parameters
    ----------
    labels : tuple of str
        G of them, sorted.
    n : ndarray of shape (G, 2)
        Rows in the control and in the variant.
    gram : ndarray of shape (G, D, D)
        Sums over rows of products of slots.
    moment : ndarray of shape (G, D)
        Sums over rows of slot times outcome.
    maps : ndarray of shape (G, D, k) or (1, D, k)
        Regressors as sums of slots; the first two are the means of control and variant.
    """

    labels: tuple[str, ...]
    n: NDArray[np.int64]
    gram: Floats
    moment: Floats
    maps: Floats

    @property
    def by_arm(self) -> tuple[int, int]:
        """Number of clusters with rows in the control, and in the variant."""
        found = np.count_nonzero(self.n, axis=0)
        return int(found[0]), int(found[1])

    @property
    def are_nested(self) -> bool:
        """Whether each cluster is in one arm only."""
        return not bool(((self.n > 0).sum(axis=1) > 1).any())


@dataclass(frozen=True, slots=True, eq=False)
class ClusterFit:
    """Least squares over all rows of all clusters.

    Parameters
    ----------
    clusters : Clusters
    inverse : ndarray of shape (k, k)
        Inverse of the products of regressors.
    beta : ndarray of shape (k,)
    """

    clusters: Clusters
    inverse: Floats
    beta: Floats

    @classmethod
    def of(cls, clusters: Clusters) -> ClusterFit:
        """Fit; a covariate that says nothing new gets no weight."""
        maps = clusters.maps
        turned = np.swapaxes(maps, 1, 2)
        total = (turned @ clusters.gram @ maps).sum(axis=0)
        # A pseudo-inverse, after scaling, so that repeated covariates do no harm.
        size = np.sqrt(np.maximum(np.diag(total), np.finfo(float).tiny))
        values, vectors = np.linalg.eigh(total / np.outer(size, size))
        kept = values > _RANK * values[-1]
        turned_back = vectors[:, kept] / size[:, None]
        inverse: Floats = (turned_back / values[kept]) @ turned_back.T
        beta: Floats = inverse @ (turned @ clusters.moment[:, :, None]).sum(axis=0)[:, 0]
        return cls(clusters, inverse, beta)

    def residual_moments(self, beta: Floats) -> Floats:
        """Return sums over rows of slot times residual, shape (G, D)."""
        fitted = (self.clusters.maps @ beta)[:, :, None]
        found: Floats = self.clusters.moment - (self.clusters.gram @ fitted)[:, :, 0]
        return found


def plain_scores(fit: ClusterFit) -> Floats:
    """Return what each cluster adds to the first two coefficients, shape (G, 2)."""
    left = fit.inverse[:2] @ np.swapaxes(fit.clusters.maps, 1, 2)
    found: Floats = (left @ fit.residual_moments(fit.beta)[:, :, None])[:, :, 0]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Leverage:
    """Each cluster's regressors in an orthonormal basis of its rows.

    Parameters
    ----------
    root : ndarray of shape (G, D, D)
        K with K K' = gram.
    left : ndarray of shape (G, D, D)
        Pseudo-inverse of K.
    stretch : ndarray of shape (G, D, D)
        (I - H)^(-1/2) in that basis, H being the cluster's part of the hat matrix.
    """

    root: Floats
    left: Floats
    stretch: Floats


def _leverage(fit: ClusterFit) -> _Leverage:
    clusters, maps = fit.clusters, fit.clusters.maps
    values, vectors = np.linalg.eigh(clusters.gram)
    values = np.where(values > _RANK * values[:, -1:], values, 0.0)
    roots = np.sqrt(values)
    inverse = np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0.0)
    root = vectors * roots[:, None, :]
    left = inverse[:, :, None] * np.swapaxes(vectors, 1, 2)
    hat = np.swapaxes(root, 1, 2) @ (maps @ fit.inverse @ np.swapaxes(maps, 1, 2)) @ root
    values, vectors = np.linalg.eigh((hat + np.swapaxes(hat, 1, 2)) / 2.0)
    free = 1.0 - values
    scale = np.where(free > _ABSORBED, 1.0 / np.sqrt(np.maximum(free, _ABSORBED)), 0.0)
    stretch = (vectors * scale[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    return _Leverage(root, left, stretch)


def adjusted_scores(fit: ClusterFit) -> Floats:
    """Return the scores with the CR2 adjustment, shape (G, 2).

    Notes
    -----
    Residuals are multiplied by (I - H)^(-1/2), which makes the variance unbiased if rows are
    independent and equally spread. A cluster with rows X enters as X (I - H)^(-1/2) e, which
    depends on its products X'X and X'e alone. [1]_

    References
    ----------
    .. [1] Bell and McCaffrey (2002), "Bias reduction in standard errors for linear regression
       with multi-stage samples", Survey Methodology 28(2).
    """
    parts = _leverage(fit)
    turned = np.swapaxes(fit.clusters.maps, 1, 2)
    rotated = parts.left @ fit.residual_moments(fit.beta)[:, :, None]
    found: Floats = (fit.inverse[:2] @ turned @ parts.root @ (parts.stretch @ rotated))[:, :, 0]
    return found


def freedom(fit: ClusterFit, contrast: Floats) -> float:
    """Return the Satterthwaite degrees of freedom of a contrast's CR2 variance.

    Parameters
    ----------
    fit : ClusterFit
    contrast : ndarray of shape (2,)
        Weights of the first two coefficients.

    Notes
    -----
    The variance is a quadratic form in the outcomes; its mean and variance, under equally
    spread independent rows, give the degrees of freedom of the nearest chi-square. [1]_

    References
    ----------
    .. [1] Pustejovsky and Tipton (2018), "Small-sample methods for cluster-robust variance
       estimation and hypothesis testing in fixed effects models", Journal of Business and
       Economic Statistics 36(4).
    """
    parts = _leverage(fit)
    weights = fit.inverse[:, :2] @ contrast
    towards = np.swapaxes(parts.root, 1, 2) @ (fit.clusters.maps @ weights)[:, :, None]
    stretched = parts.stretch @ towards
    own = (stretched**2).sum(axis=(1, 2))
    shared = (np.swapaxes(fit.clusters.maps, 1, 2) @ (parts.root @ stretched))[:, :, 0]
    crossed = np.einsum("gi,ij,gj->g", shared, fit.inverse, shared)
    both = fit.inverse @ (shared.T @ shared)
    mean = float((own - crossed).sum())
    spread = float((own**2 - 2.0 * own * crossed).sum() + np.sum(both * both.T))
    return mean * mean / spread if spread > 0.0 and mean > 0.0 else 1.0
