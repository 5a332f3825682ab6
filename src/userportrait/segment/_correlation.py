"""How strongly features go together, whatever their kind, with tests adjusted for their number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy import special, stats

from userportrait._core.display import page_fragment, table
from userportrait._core.feature_table import read_features
from userportrait._core.moments import skewness, standardized
from userportrait._core.multiplicity import adjust_p
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait._core.multiplicity import Adjustment
    from userportrait._core.params import Rule

    Floats: TypeAlias = NDArray[np.float64]
    Codes: TypeAlias = NDArray[np.intp]
    Found: TypeAlias = tuple[str, float, float, int]

__all__ = ["Correlations", "correlate"]

_SKEWED = 1.0
"""``'auto'`` takes ranks from this much skewness on."""

Method: TypeAlias = Literal["auto", "pearson", "spearman"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Correlations:
    """What `correlate` found.

    Parameters
    ----------
    features : tuple of str
        In the order of the input.
    pairs : DataFrame
        One row a pair, in the order of the input: ``first``, ``second``, ``measure``
        (``'pearson'``, ``'spearman'``, ``'cramers_v'`` or ``'correlation_ratio'``),
        ``value``, ``p_value``, ``adjusted_p_value`` and ``n``, the rows that have both.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import correlate
    >>> found = correlate(pd.DataFrame({"a": [1, 2, 3, 4], "b": [2, 1, 4, 3]}))
    >>> found.matrix.loc["a", "b"].round(3)
    np.float64(0.6)
    """

    features: tuple[str, ...]
    pairs: pd.DataFrame

    @property
    def matrix(self) -> pd.DataFrame:
        """All values as a square table with 1 on its diagonal; NaN where there is no value.

        Cramér's V and the correlation ratio are never negative, so compare sizes.
        """
        at = {name: row for row, name in enumerate(self.features)}
        values = np.eye(len(at))
        rows = [at[name] for name in self.pairs["first"]]
        columns = [at[name] for name in self.pairs["second"]]
        values[rows, columns] = values[columns, rows] = self.pairs["value"].to_numpy()
        names = list(self.features)
        return pd.DataFrame(values, index=names, columns=names)

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of `pairs`."""
        return self.pairs.copy()

    def strongest(self, n: int = 10) -> pd.DataFrame:
        """Return the pairs of the largest sizes, the largest first; without those of no value.

        Parameters
        ----------
        n : int, default=10
            1 or more.

        Returns
        -------
        DataFrame
            Columns as in `pairs`; equal sizes stay in the order of the input.

        Raises
        ------
        InvalidParameterError
            If `n` is out of range.
        """
        check_values("strongest", {"n": n}, {"n": Between(1, 10**9, integer=True)})
        known = self.pairs[self.pairs["value"].notna()]
        order = np.argsort(-known["value"].abs().to_numpy(), kind="stable")
        return known.iloc[order[:n]].reset_index(drop=True)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the matrix as shades; see `plot_correlations`."""
        from userportrait.segment._factor_plots import plot_correlations

        return plot_correlations(self, ax=ax)

    def __str__(self) -> str:
        text = f"Correlations of {len(self.features)} features"
        for row in self.strongest(3).itertuples(index=False):
            text += f"\n{row.first} ~ {row.second}: {row.value:.2f} ({row.measure})"
        return text

    def _repr_html_(self) -> str:
        shown = self.strongest(10)
        rows = [
            (first, second, measure, f"{value:.3f}", f"{p:.3g}", n)
            for first, second, measure, value, _, p, n in shown.itertuples(index=False)
        ]
        columns = ("first", "second", "measure", "value", "adjusted p", "n")
        inner = table(columns, rows, numeric=("value", "adjusted p", "n"))
        return page_fragment(f"Correlations of {len(self.features)} features", inner)


def correlate(
    frame: Any, *, method: Method = "auto", adjust: Adjustment | None = "holm"
) -> Correlations:
    """Measure how each pair of features goes together, numbers and categories alike.

    Two numbers are compared by Pearson's or Spearman's correlation, from -1 to 1; two
    categories by Cramér's V [1]_; a category and a number by the correlation ratio, the root
    of the share of the number's variance that lies between the levels [2]_. The latter two
    run from 0 to 1 and are corrected for their bias, so that many levels alone make nothing
    look related.

    Parameters
    ----------
    frame : any frame, or array-like of shape (n_rows, n_features)
        At least two columns. Booleans count as numbers. A pair is measured on the rows where
        neither is missing.
    method : {'auto', 'pearson', 'spearman'}, default='auto'
        For two numbers. ``'auto'`` takes Spearman's where the skewness of either is beyond 1
        or -1, so that a few large customers do not decide.
    adjust : {'holm', 'bonferroni', 'bh', 'by'} or None, default='holm'
        Adjusts the p-values for the number of pairs.

    Returns
    -------
    Correlations

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    InvalidDataError
        If there are fewer than two columns or a number is infinite.
    ColumnTypeError
        If a column holds neither numbers nor texts.

    Notes
    -----
    The p-values are those of the t test, Pearson's chi-square test and the F test of one-way
    analysis of variance. A pair where one has a single value, or with fewer than three rows,
    has neither value nor p-value (NaN) and does not count in the adjustment; nor has a number
    beside a category whose levels are all different, such as an ID.

    References
    ----------
    .. [1] Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T", Journal of the
       Korean Statistical Society 42(3).
    .. [2] Kelley (1935), "An unbiased correlation ratio measure", Proceedings of the National
       Academy of Sciences 21(9).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import correlate
    >>> customers = pd.DataFrame(
    ...     {
    ...         "age": [20, 30, 40, 50, 60, 70],
    ...         "orders": [1, 3, 2, 5, 4, 6],
    ...         "channel": ["app", "app", "app", "web", "web", "web"],
    ...     }
    ... )
    >>> correlate(customers).pairs[["first", "second", "measure", "value"]].round(3)
        first   second            measure  value
    0     age   orders            pearson  0.886
    1     age  channel  correlation_ratio  0.845
    2  orders  channel  correlation_ratio  0.845
    """
    rules: dict[str, Rule] = {
        "method": OneOf(("auto", "pearson", "spearman")),
        "adjust": Optional(OneOf(("bonferroni", "holm", "bh", "by"))),
    }
    check_values("correlate", {"method": method, "adjust": adjust}, rules)
    features = read_features(frame, owner="correlate", allow_missing=True)
    if len(features.names) < 2:
        message = f"correlate needs two columns or more; got {len(features.names)}."
        raise InvalidDataError(message)
    ranks = _ranks_of(features) if method != "pearson" else {}
    rows: list[tuple[Any, ...]] = []
    for first, second in combinations(features.names, 2):
        rows.append((first, second, *_measured(features, ranks, first, second, method)))
    pairs = pd.DataFrame(rows, columns=["first", "second", "measure", "value", "p_value", "n"])
    p_values = pairs["p_value"].to_numpy(dtype=np.float64)
    pairs.insert(5, "adjusted_p_value", adjust_p(p_values, adjust) if adjust else p_values)
    return Correlations(features=features.names, pairs=pairs)


def _ranks_of(features: FeatureTable) -> dict[str, Floats]:
    """Return the ranks of the columns without missing values, which all their pairs share."""
    return {
        name: stats.rankdata(values)
        for name, values in features.numbers.items()
        if not np.isnan(values).any()
    }


def _measured(
    features: FeatureTable, ranks: dict[str, Floats], first: str, second: str, method: Method
) -> Found:
    numbers, texts = features.numbers, features.texts
    if first in numbers and second in numbers:
        return _of_numbers(features, ranks, first, second, method)
    if first in texts and second in texts:
        a, b = texts[first][0], texts[second][0]
        both = (a >= 0) & (b >= 0)
        return ("cramers_v", *_cramers_v(_dense(a[both]), _dense(b[both])), int(both.sum()))
    number, category = (first, second) if first in numbers else (second, first)
    values, codes = numbers[number], texts[category][0]
    both = ~np.isnan(values) & (codes >= 0)
    found = _correlation_ratio(values[both], _dense(codes[both]))
    return ("correlation_ratio", *found, int(both.sum()))


def _of_numbers(
    features: FeatureTable, ranks: dict[str, Floats], first: str, second: str, method: Method
) -> Found:
    a, b = features.numbers[first], features.numbers[second]
    both = ~(np.isnan(a) | np.isnan(b))
    n_rows = int(both.sum())
    x, y = a[both], b[both]
    by_rank = method == "spearman" or (method == "auto" and (_is_skewed(x) or _is_skewed(y)))
    measure = "spearman" if by_rank else "pearson"
    if n_rows < 3 or _is_constant(x) or _is_constant(y):
        return measure, np.nan, np.nan, n_rows
    if by_rank:
        is_whole = first in ranks and second in ranks
        x = ranks[first] if is_whole else stats.rankdata(x)
        y = ranks[second] if is_whole else stats.rankdata(y)
    r = float(np.clip(standardized(x) @ standardized(y), -1.0, 1.0))
    degrees = n_rows - 2
    t = np.inf if abs(r) == 1.0 else abs(r) * np.sqrt(degrees / ((1.0 - r) * (1.0 + r)))
    return measure, r, float(2.0 * special.stdtr(degrees, -t)), n_rows


def _cramers_v(a: Codes, b: Codes) -> tuple[float, float]:
    n_rows = len(a)
    n_first, n_second = _n_levels(a), _n_levels(b)
    if n_rows < 3 or n_first < 2 or n_second < 2:
        return np.nan, np.nan
    # Cells that hold nobody add nothing but what their margins expect.
    cells, counts = np.unique(a * n_second + b, return_counts=True)
    rows, columns = np.bincount(a), np.bincount(b)
    expected = rows[cells // n_second] * (columns[cells % n_second] / n_rows)
    chi_square = max(float((counts * (counts / expected)).sum()) - n_rows, 0.0)
    free_first, free_second = n_first - 1, n_second - 1
    left = max(chi_square / n_rows - free_first * free_second / (n_rows - 1), 0.0)
    room = min(n - n * n / (n_rows - 1) for n in (free_first, free_second))
    value = float(min(np.sqrt(left / room), 1.0)) if room > 0 else np.nan
    return value, float(special.chdtrc(free_first * free_second, chi_square))


def _correlation_ratio(values: Floats, codes: Codes) -> tuple[float, float]:
    n_rows, n_levels = len(values), _n_levels(codes)
    if n_rows < 3 or n_levels < 2 or _is_constant(values):
        return np.nan, np.nan
    off = standardized(values)
    sums, sizes = np.bincount(codes, weights=off), np.bincount(codes)
    means = sums / sizes
    between = float(sums @ means)
    within = float(((off - means[codes]) ** 2).sum())
    if n_rows == n_levels:
        return np.nan, np.nan
    left = within / (between + within) * (n_rows - 1) / (n_rows - n_levels)
    value = float(np.sqrt(max(1.0 - left, 0.0)))
    f = np.inf if within < 1e-28 else between / (n_levels - 1) / (within / (n_rows - n_levels))
    return value, float(special.fdtrc(n_levels - 1, n_rows - n_levels, f))


def _dense(codes: Codes) -> Codes:
    """Number the levels that are left from 0 on."""
    found: Codes = np.unique(codes, return_inverse=True)[1].reshape(-1)
    return found


def _n_levels(codes: Codes) -> int:
    return int(codes.max()) + 1 if len(codes) else 0


def _is_constant(values: Floats) -> bool:
    return len(values) == 0 or float(values.min()) == float(values.max())


def _is_skewed(values: Floats) -> bool:
    return len(values) > 2 and abs(skewness(values)) > _SKEWED
