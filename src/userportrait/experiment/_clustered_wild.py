"""The wild cluster bootstrap: signs of whole clusters are flipped under the hypothesis."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.experiment._clustered_fit import ClusterFit
    from userportrait.experiment._estimate import Alternative

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["MOST_ENUMERATED", "WildTest", "draw_signs", "invert"]

MOST_ENUMERATED = 12
"""Up to this many clusters all patterns of signs are listed: 4,096 of them."""

_DOUBLINGS = 14
_HALVINGS = {True: 44, False: 16}
"""Steps to an end of an interval: many if all patterns are listed, else chance blurs it anyway."""
_TIE = 1e-9


def draw_signs(n_clusters: int, n_resamples: int, random_state: int | None) -> Floats:
    """Return patterns of signs, one in each row: all of them if there are few clusters."""
    if n_clusters <= MOST_ENUMERATED:
        numbers = np.arange(2**n_clusters, dtype=np.int64)[:, None]
        bits = (numbers >> np.arange(n_clusters, dtype=np.int64)) & 1
        return 1.0 - 2.0 * bits.astype(np.float64)
    rng = np.random.default_rng(random_state)
    drawn = rng.integers(0, 2, size=(n_resamples, n_clusters), dtype=np.int8)
    return 1.0 - 2.0 * drawn.astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class WildTest:
    """Tests of linear hypotheses about the two means.

    Parameters
    ----------
    fit : ClusterFit
    signs : ndarray of shape (patterns, G)
    known : dict
        P-values found before: searches for the ends of intervals ask again and again.

    Notes
    -----
    Under the hypothesis the model is fitted again; each cluster's residuals keep or change
    their sign; the t statistic with the CR1 variance is compared with its distribution over
    the patterns. With all patterns listed, that distribution is exact. [1]_

    References
    ----------
    .. [1] Cameron, Gelbach and Miller (2008), "Bootstrap-based improvements for inference with
       clustered errors", Review of Economics and Statistics 90(3).
    """

    fit: ClusterFit
    signs: Floats
    known: dict[tuple[float, float, float, str], float] = field(
        default_factory=dict[tuple[float, float, float, str], float]
    )

    @property
    def is_exact(self) -> bool:
        """Whether all patterns are listed."""
        return len(self.fit.clusters.labels) <= MOST_ENUMERATED

    def p_value(self, contrast: tuple[float, float], value: float, side: Alternative) -> float:
        """Return the p-value of ``contrast @ means == value``.

        Parameters
        ----------
        contrast : tuple of float
            Weights of the control's and the variant's mean.
        value : float
        side : {'two-sided', 'greater', 'less'}
            Which distances from `value` count against it.
        """
        key = (*contrast, value, side)
        if key not in self.known:
            self.known[key] = self._p_value(contrast, value, side)
        return self.known[key]

    def _p_value(self, contrast: tuple[float, float], value: float, side: Alternative) -> float:
        fit = self.fit
        weights = np.zeros(len(fit.beta))
        weights[:2] = contrast
        direction = fit.inverse @ weights
        gap = float(weights @ fit.beta) - value
        own = self._slopes(fit.residual_moments(fit.beta))
        statistic = gap / math.sqrt(float(((own @ direction) ** 2).sum()) or math.inf)
        if not (own @ direction).any():
            return 1.0 if gap == 0.0 else 0.0
        held = fit.beta - direction * (gap / float(weights @ direction))
        drawn = self._statistics(self._slopes(fit.residual_moments(held)), direction)
        return self._share(drawn, statistic, side)

    def _slopes(self, moments: Floats) -> Floats:
        """Return the regressors' products with residuals, shape (G, k)."""
        turned = np.swapaxes(self.fit.clusters.maps, 1, 2)
        found: Floats = (turned @ moments[:, :, None])[:, :, 0]
        return found

    def _statistics(self, scores: Floats, direction: Floats) -> Floats:
        """Return t in every pattern; without the factor of CR1, which all share."""
        maps, gram = self.fit.clusters.maps, self.fit.clusters.gram
        own = scores @ direction
        pulls = (np.swapaxes(maps, 1, 2) @ (gram @ (maps @ direction)[:, :, None]))[:, :, 0]
        shifts = self.signs @ scores @ self.fit.inverse
        # Term by term: far from the estimate the expanded square would cancel.
        parts = self.signs * own - shifts @ pulls.T
        size = np.sqrt(np.einsum("bg,bg->b", parts, parts))
        numerator = self.signs @ own
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(size > 0.0, numerator / size, np.sign(numerator) * np.inf)

    def _share(self, drawn: Floats, statistic: float, side: Alternative) -> float:
        if side == "two-sided":
            drawn, statistic = np.abs(drawn), abs(statistic)
        elif side == "less":
            drawn, statistic = -drawn, -statistic
        count = int(np.count_nonzero(drawn >= statistic - _TIE * max(1.0, abs(statistic))))
        if self.is_exact:
            return count / len(drawn)
        return (count + 1) / (len(drawn) + 1)


def invert(
    p_value: Callable[[float], float], start: float, step: float, alpha: float, *, is_exact: bool
) -> float:
    """Return where a p-value falls below `alpha`, walking from `start` in the way of `step`.

    Infinite if it never does: with few clusters no pattern may be rare enough.
    """
    inside, outside = start, math.nan
    for _ in range(_DOUBLINGS):
        candidate = start + step
        if p_value(candidate) < alpha:
            outside = candidate
            break
        inside, step = candidate, 2.0 * step
    if math.isnan(outside):
        return math.copysign(math.inf, step)
    for _ in range(_HALVINGS[is_exact]):
        middle = (inside + outside) / 2.0
        if p_value(middle) < alpha:
            outside = middle
        else:
            inside = middle
    return inside
