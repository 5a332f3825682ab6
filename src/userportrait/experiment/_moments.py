"""What one arm of an experiment says: a count, means and centred cross products."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.errors import MissingColumnError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Column", "Moments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A number that an experiment aggregates: a column, or what is made of it row by row.

    Parameters
    ----------
    source : str
        Name of the column in the frame.
    above : float, optional
        Makes it 1 where the value is above this limit, else 0.
    lower, upper : float, optional
        Values beyond these limits count as the limits.

    Examples
    --------
    >>> from userportrait.experiment import Column
    >>> Column(source="spend", upper=100.0).name
    'spend up to 100'
    >>> Column(source="spend", above=0.0).name
    'spend above 0'
    """

    source: str
    above: float | None = None
    lower: float | None = None
    upper: float | None = None

    @property
    def name(self) -> str:
        """What the aggregates call it; a table from SQL uses the same name."""
        parts = [self.source]
        if self.lower is not None:
            parts.append(f"from {self.lower:.15g}")
        if self.upper is not None:
            parts.append(f"up to {self.upper:.15g}")
        if self.above is not None:
            parts.append(f"above {self.above:.15g}")
        return " ".join(parts)

    @property
    def is_plain(self) -> bool:
        """Whether it is the column as it stands."""
        return self.above is None and self.lower is None and self.upper is None

    def compute(self, values: Floats) -> Floats:
        """Return what is aggregated; NaN stays NaN."""
        found: Floats = values
        if self.lower is not None or self.upper is not None:
            found = np.clip(found, self.lower, self.upper)
        if self.above is not None:
            found = np.where(np.isnan(found), np.nan, found > self.above)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Count, means and centred cross products of some columns over one group of units.

    Parameters
    ----------
    names : tuple of str
        The columns, p of them.
    n : int
        Units in the group.
    means : ndarray of shape (p,)
    cross : ndarray of shape (p, p)
        Sums over units of the products of deviations from the means.

    Notes
    -----
    Two groups merge by the formula of Chan, Golub and LeVeque, which subtracts no two large
    numbers: a shift of all values changes nothing. [1]_

    References
    ----------
    .. [1] Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance",
       The American Statistician 37(3).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import Moments
    >>> some = Moments.of({"spend": np.array([1.0, 3.0])})
    >>> more = some.merge(Moments.of({"spend": np.array([5.0, 7.0])}))
    >>> more.n, more.mean("spend"), round(more.variance("spend"), 3)
    (4, 4.0, 6.667)
    """

    names: tuple[str, ...]
    n: int
    means: Floats
    cross: Floats

    @classmethod
    def of(cls, values: dict[str, Floats]) -> Moments:
        """Return the moments of arrays of equal length, for small data."""
        rows = np.column_stack([np.asarray(v, dtype=np.float64) for v in values.values()])
        means = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
        off = rows - means
        return cls(tuple(values), len(rows), means, off.T @ off)

    def _at(self, name: str) -> int:
        try:
            return self.names.index(name)
        except ValueError:
            raise MissingColumnError(name, self.names) from None

    def mean(self, name: str) -> float:
        """Return the mean of a column."""
        return float(self.means[self._at(name)])

    def variance(self, name: str) -> float:
        """Return the sample variance (divided by n - 1) of a column; NaN for one unit."""
        return self.covariance(name, name)

    def covariance(self, first: str, second: str) -> float:
        """Return the sample covariance (divided by n - 1) of two columns; NaN for one unit."""
        if self.n < 2:
            return float("nan")
        return float(self.cross[self._at(first), self._at(second)]) / (self.n - 1)

    def take(self, names: Sequence[str]) -> Moments:
        """Return the moments of some of the columns, in the order given."""
        at = [self._at(name) for name in names]
        return Moments(tuple(names), self.n, self.means[at], self.cross[np.ix_(at, at)])

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both groups together."""
        other = other.take(self.names)
        n = self.n + other.n
        if not n:
            return self
        off = other.means - self.means
        means = self.means + off * (other.n / n)
        cross = self.cross + other.cross + np.outer(off, off) * (self.n * other.n / n)
        return replace(self, n=n, means=means, cross=cross)
