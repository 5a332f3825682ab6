"""Before factors: are the features correlated enough, and how many factors stand out of chance?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import linalg, special

from userportrait._core.feature_table import read_features
from userportrait._core.params import Between, Optional, Rule, check_values
from userportrait.errors import ColumnTypeError, InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "ChiSquareTest",
    "SamplingAdequacy",
    "adequacy_of",
    "correlation_matrix",
    "count_factors",
    "measure_adequacy",
    "numbers_of",
    "standing_out",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquareTest:
    """A chi-square test.

    Parameters
    ----------
    statistic : float
    n_degrees : int
        Degrees of freedom.
    p_value : float

    Examples
    --------
    >>> from userportrait.segment import ChiSquareTest
    >>> print(ChiSquareTest(statistic=3.84, n_degrees=1, p_value=0.05))
    chi-square(1) = 3.84, p=0.05
    """

    statistic: float
    n_degrees: int
    p_value: float

    def __str__(self) -> str:
        return f"chi-square({self.n_degrees}) = {self.statistic:.3g}, p={self.p_value:.3g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingAdequacy:
    """Whether features share enough to look for factors.

    Parameters
    ----------
    kmo : float
        Kaiser's measure over all features, 0 to 1; below 0.5 factors make no sense, 0.8 is
        good. NaN where nothing is correlated at all.
    by_feature : dict of str to float
        The measure of each feature; drop those below 0.5 first.
    bartlett : ChiSquareTest
        Of the hypothesis that no two features are correlated.

    Examples
    --------
    >>> from userportrait.segment import measure_adequacy
    >>> found = measure_adequacy([[1, 2], [2, 1], [3, 4], [4, 3]])
    >>> round(found.kmo, 2)
    0.5
    """

    kmo: float
    by_feature: dict[str, float]
    bartlett: ChiSquareTest

    def __str__(self) -> str:
        return f"KMO {self.kmo:.2f}; Bartlett's test: {self.bartlett}"


def measure_adequacy(X: Any) -> SamplingAdequacy:
    """Measure whether features are correlated enough for a factor analysis.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features), or frame
        Numbers, none missing; more rows than features, at least two features.

    Returns
    -------
    SamplingAdequacy

    Raises
    ------
    InvalidDataError
        If a feature has one value only or depends linearly on others, or there are too few
        rows or features.
    ColumnTypeError
        If a column does not hold numbers.

    Notes
    -----
    The measure of Kaiser, Meyer and Olkin sets the squared correlations beside the squared
    partial correlations: factors leave little of a correlation once all others are held [1]_.
    Bartlett's test takes the determinant of the correlations [2]_; with many rows it rejects
    nearly always.

    References
    ----------
    .. [1] Kaiser and Rice (1974), "Little Jiffy, Mark IV", Educational and Psychological
       Measurement 34(1).
    .. [2] Bartlett (1951), "The effect of standardization on a chi-square approximation in
       factor analysis", Biometrika 38(3/4).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.segment import measure_adequacy
    >>> source = np.random.default_rng(0)
    >>> taste = source.normal(size=(200, 1))
    >>> print(measure_adequacy(taste + source.normal(size=(200, 4))))
    KMO 0.79; Bartlett's test: chi-square(6) = 234, p=1.22e-47
    """
    values, names = numbers_of(read_features(X, owner="measure_adequacy"), "measure_adequacy")
    return adequacy_of(correlation_matrix(values, names, "measure_adequacy"), names, len(values))


def adequacy_of(correlations: Floats, names: tuple[str, ...], n_rows: int) -> SamplingAdequacy:
    """Return the measures for a matrix of correlations."""
    inverse = np.linalg.inv(correlations)
    scale = 1.0 / np.sqrt(np.diag(inverse))
    partial = (inverse * scale * scale[:, None]) ** 2
    plain = correlations**2
    np.fill_diagonal(partial, 0.0)
    np.fill_diagonal(plain, 0.0)
    own, left = plain.sum(axis=0), partial.sum(axis=0)
    with np.errstate(invalid="ignore"):
        each = own / (own + left)
        overall = float(own.sum() / (own.sum() + left.sum()))
    p = len(names)
    n_degrees = p * (p - 1) // 2
    log_determinant = float(np.linalg.slogdet(correlations)[1])
    statistic = max(-(n_rows - 1 - (2 * p + 5) / 6) * log_determinant, 0.0)
    bartlett = ChiSquareTest(
        statistic=statistic,
        n_degrees=n_degrees,
        p_value=float(special.chdtrc(n_degrees, statistic)),
    )
    by_feature = {name: float(value) for name, value in zip(names, each, strict=True)}
    return SamplingAdequacy(kmo=overall, by_feature=by_feature, bartlett=bartlett)


def count_factors(
    X: Any, *, n_simulations: int = 200, quantile: float = 0.95, random_state: int | None = 0
) -> pd.DataFrame:
    """Count the factors that stand out of chance, by Horn's parallel analysis.

    Eigenvalues of the correlations are set beside those of as many independent normal
    features and rows. Factors count as long as theirs are larger. [1]_

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features), or frame
        As in `measure_adequacy`.
    n_simulations : int, default=200
        20 to 100,000. Time does not depend on the number of rows.
    quantile : float, default=0.95
        Of the simulated eigenvalues, 0 to 1.
    random_state : int or None, default=0

    Returns
    -------
    DataFrame
        One row a possible factor, the largest first: ``factor`` (from 1), ``eigenvalue``,
        ``limit`` and ``is_kept``.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    InvalidDataError, ColumnTypeError
        As in `measure_adequacy`.

    References
    ----------
    .. [1] Horn (1965), "A rationale and test for the number of factors in factor analysis",
       Psychometrika 30(2).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.segment import count_factors
    >>> source = np.random.default_rng(0)
    >>> taste = source.normal(size=(200, 1))
    >>> count_factors(taste + source.normal(size=(200, 4)))["is_kept"].tolist()
    [True, False, False, False]
    """
    rules: dict[str, Rule] = {
        "n_simulations": Between(20, 100_000, integer=True),
        "quantile": Between(0.0, 1.0),
        "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
    }
    given = {
        "n_simulations": n_simulations, "quantile": quantile, "random_state": random_state,
    }  # fmt: skip
    check_values("count_factors", given, rules)
    values, names = numbers_of(read_features(X, owner="count_factors"), "count_factors")
    correlations = correlation_matrix(values, names, "count_factors")
    return standing_out(correlations, len(values), n_simulations, quantile, random_state)


def standing_out(
    correlations: Floats, n_rows: int, n_simulations: int, quantile: float, random_state: int | None
) -> pd.DataFrame:
    """Return eigenvalues beside the quantile of those of independent features."""
    eigenvalues = np.linalg.eigvalsh(correlations)[::-1]
    simulated = _chance_eigenvalues(len(eigenvalues), n_rows, n_simulations, random_state)
    limits = np.quantile(simulated, quantile, axis=0)
    kept = np.logical_and.accumulate(eigenvalues > limits)
    return pd.DataFrame(
        {
            "factor": np.arange(1, len(eigenvalues) + 1),
            "eigenvalue": eigenvalues,
            "limit": limits,
            "is_kept": kept,
        }
    )


def _chance_eigenvalues(p: int, n_rows: int, n_times: int, random_state: int | None) -> Floats:
    """Simulate eigenvalues of correlations, the largest first.

    Scatter matrices of normal rows are drawn as such, by Bartlett's triangle, not row by row.
    """
    source = np.random.default_rng(random_state)
    triangle = np.tril(source.standard_normal((n_times, p, p)), -1)
    at = np.arange(p)
    triangle[:, at, at] = np.sqrt(source.chisquare(n_rows - 1 - at, (n_times, p)))
    triangle /= np.sqrt((triangle**2).sum(axis=2, keepdims=True))
    correlations = triangle @ triangle.transpose(0, 2, 1)
    values: Any = np.linalg.eigvalsh(correlations)
    found: Floats = values[:, ::-1]
    return found


def numbers_of(features: FeatureTable, owner: str) -> tuple[Floats, tuple[str, ...]]:
    """Return features as a matrix; raise if some are texts."""
    if features.texts:
        name = next(iter(features.texts))
        message = f"{owner}: column '{name}' holds texts. Give numbers, or leave it out."
        raise ColumnTypeError(message, column=name)
    return features.matrix(), features.names


def correlation_matrix(values: Floats, names: tuple[str, ...], owner: str) -> Floats:
    """Return Pearson's correlations; raise if they cannot be inverted."""
    n_rows, p = values.shape
    if p < 2:
        message = f"{owner} needs two features or more; got n_features={p}."
        raise InvalidDataError(message)
    if n_rows <= p:
        message = f"{owner} needs more rows than features ({p}); got n_samples={n_rows}."
        raise InvalidDataError(message)
    for name, column in zip(names, values.T, strict=True):
        if column.min() == column.max():
            message = f"{owner}: column '{name}' holds one value only. Leave it out."
            raise InvalidDataError(message, column=name)
    scaled = values / np.abs(values).max(axis=0)
    off = scaled - scaled.mean(axis=0)
    off /= np.sqrt((off**2).sum(axis=0))
    found: Floats = off.T @ off
    np.fill_diagonal(found, 1.0)
    _refuse_dependent(found, names, owner)
    return found


def _refuse_dependent(correlations: Floats, names: tuple[str, ...], owner: str) -> None:
    if np.linalg.eigvalsh(correlations)[0] > 1e-10:
        return
    # Pivots name first what tells most, so the last ones are what others tell already.
    split: Any = linalg.qr(correlations, pivoting=True)
    sizes: Floats = np.abs(np.diag(split[1]))
    order = [names[int(at)] for at in split[2]]
    dependent = [name for name, size in zip(order, sizes, strict=True) if size < 1e-9]
    told = ", ".join(f"'{name}'" for name in sorted(dependent or order[-1:])[:5])
    message = f"{owner}: other columns tell exactly what these do: {told}. Leave these out."
    raise InvalidDataError(message)
