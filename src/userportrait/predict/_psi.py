"""Whether the rows of today look like those that a model was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import special

from userportrait._core.display import page_fragment, table
from userportrait._core.params import Between, check_values
from userportrait._core.shares import stability_terms
from userportrait.errors import ColumnTypeError
from userportrait.predict._one_column import (
    interval_labels,
    level_rank,
    quantile_cuts,
    read_column,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.predict._one_column import Column

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["PopulationStability", "compare_counts", "population_stability"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PopulationStability:
    """How far a feature or a score has moved.

    Parameters
    ----------
    psi : float
        The index; 0 where all bins have the same shares.
    chance_psi : float
        The index to expect where nothing has moved, from the numbers of rows and bins alone.
    chi2 : float
    df : int
        One less than the bins that have rows.
    p_value : float
        Of the chi-square test that both come from one population; 1 where one bin has all.
    n_expected, n_actual : int
        Rows.
    bins : DataFrame
        One row a bin: ``bin``, ``n_expected``, ``n_actual``, the shares ``expected`` and
        ``actual``, and ``psi``, what the bin adds to the index.

    See Also
    --------
    population_stability : Make one.

    Examples
    --------
    >>> from userportrait.predict import population_stability
    >>> print(population_stability(["app", "web"] * 50, ["app"] * 60 + ["web"] * 40))
    stability index 0.041 (stable), 0.020 by chance, p=0.155
    """

    psi: float
    chance_psi: float
    chi2: float
    df: int
    p_value: float
    n_expected: int
    n_actual: int
    bins: pd.DataFrame

    @property
    def level(self) -> str:
        """``'stable'`` below 0.1, ``'moderate'`` below 0.25, else ``'large'``: a custom."""
        if self.psi < 0.1:
            return "stable"
        return "moderate" if self.psi < 0.25 else "large"

    def to_dict(self) -> dict[str, float | str]:
        """Return the single figures by name."""
        return {
            "psi": self.psi, "level": self.level, "chance_psi": self.chance_psi,
            "chi2": self.chi2, "df": self.df, "p_value": self.p_value,
            "n_expected": self.n_expected, "n_actual": self.n_actual,
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return the table of bins."""
        return self.bins.copy()

    def __str__(self) -> str:
        return (
            f"stability index {self.psi:.3f} ({self.level}), {self.chance_psi:.3f} by chance, "
            f"p={self.p_value:.3g}"
        )

    def _repr_html_(self) -> str:
        rows = [
            (str(row.bin), f"{row.expected:.1%}", f"{row.actual:.1%}", f"{row.psi:.4f}")
            for row in self.bins.itertuples()
        ]
        shown = table(("bin", "expected", "actual", "index"), rows)
        return page_fragment(str(self), shown)


def population_stability(expected: Any, actual: Any, n_bins: int = 10) -> PopulationStability:
    """Return how far the values of one feature have moved between two sets of rows.

    Parameters
    ----------
    expected : array-like of shape (n_expected,)
        Numbers or texts of the rows that a model was made on; categories are texts. Missing
        values are a bin.
    actual : array-like of shape (n_actual,)
        The same feature, or score, of later rows.
    n_bins : int, default=10
        Bins of numbers, of about equal rows of `expected`; a value that fills more than its
        bin has it to itself, so ties leave fewer. Each text is its own bin. 2 to 1000.

    Returns
    -------
    PopulationStability

    Raises
    ------
    InvalidParameterError
        If `n_bins` is out of range.
    InvalidDataError
        If one of them is empty, is not one column, or holds infinity.
    ColumnTypeError
        If one holds numbers and the other texts, or if they hold neither.

    Notes
    -----
    The index is the sum over bins of (actual - expected) * log(actual / expected), of shares;
    [1]_ a bin that is empty on one side counts there as half a row. Without any change it is
    about (bins - 1) * (1 / n_expected + 1 / n_actual), so in small samples the customary
    limits of 0.1 and 0.25 are passed by chance; [2]_ in large ones a p-value sees changes that
    do not matter. Read both.

    References
    ----------
    .. [1] Siddiqi (2006), "Credit risk scorecards", Wiley.
    .. [2] Yurdakul (2018), "Statistical properties of population stability index", Western
       Michigan University.

    Examples
    --------
    >>> from userportrait.predict import population_stability
    >>> found = population_stability(range(100), range(30, 130), n_bins=4)
    >>> found.bins[["bin", "n_expected", "n_actual"]]
            bin  n_expected  n_actual
    0      < 25          25         0
    1  [25, 50)          25        20
    2  [50, 75)          25        25
    3     >= 75          25        55
    >>> found.level
    'large'
    """
    owner = "population_stability"
    check_values(owner, {"n_bins": n_bins}, {"n_bins": Between(2, 1000, integer=True)})
    before = read_column(expected, owner=owner, name="expected")
    after = read_column(actual, owner=owner, name="actual")
    labels, n_before, n_after = _counts(before, after, n_bins)
    return compare_counts(labels, n_before, n_after)


def _counts(before: Column, after: Column, n_bins: int) -> tuple[list[str], Floats, Floats]:
    """Return the names of the bins that have rows, and the rows of both sides in them."""
    known = [column for column in (before, after) if not column.is_blank]
    if len({column.numbers is None for column in known}) > 1:
        message = "population_stability: one of expected and actual holds numbers, the other texts."
        raise ColumnTypeError(message, column="actual")
    if known and known[0].numbers is None:
        levels = sorted({*before.levels, *after.levels}, key=level_rank)
        at = {level: code for code, level in enumerate(levels)}
        parts = [_text_codes(column, at) for column in (before, after)]
        labels = [*levels, "missing"]
    else:
        # A feature that had no value before is cut by what it holds now.
        first = known[0].numbers if known else None
        cuts = np.zeros(0) if first is None else quantile_cuts(first, n_bins, closed=True)
        labels = [*interval_labels(cuts.tolist()), "missing"]
        parts = [_number_codes(column, cuts) for column in (before, after)]
    n_before, n_after = (
        np.bincount(codes, minlength=len(labels)).astype(np.float64) for codes in parts
    )
    held = np.flatnonzero(n_before + n_after)
    return [labels[at] for at in held.tolist()], n_before[held], n_after[held]


def _text_codes(column: Column, at: dict[str, int]) -> NDArray[np.intp]:
    if column.codes is None:
        return np.full(column.n_rows, len(at), dtype=np.intp)
    shared = np.array([*(at[level] for level in column.levels), len(at)], dtype=np.intp)
    return shared[column.codes]


def _number_codes(column: Column, cuts: Floats) -> NDArray[np.intp]:
    missing = len(cuts) + 1
    if column.numbers is None:
        return np.full(column.n_rows, missing, dtype=np.intp)
    found = np.searchsorted(cuts, column.numbers, side="right")
    return np.where(np.isnan(column.numbers), missing, found)


def compare_counts(labels: list[str], before: Floats, after: Floats) -> PopulationStability:
    """Return the index of the rows in bins, none of them empty on both sides."""
    n_before, n_after = float(before.sum()), float(after.sum())
    expected, actual = before / n_before, after / n_after
    psi = stability_terms(before, after)
    pooled = (before + after) / (n_before + n_after)
    chi2 = float(
        ((before - n_before * pooled) ** 2 / (n_before * pooled)).sum()
        + ((after - n_after * pooled) ** 2 / (n_after * pooled)).sum()
    )
    df = len(labels) - 1
    upper: Any = special.chdtrc
    return PopulationStability(
        psi=float(psi.sum()),
        chance_psi=df * (1.0 / n_before + 1.0 / n_after),
        chi2=chi2,
        df=df,
        p_value=float(upper(df, chi2)) if df else 1.0,
        n_expected=int(n_before),
        n_actual=int(n_after),
        bins=pd.DataFrame(
            {
                "bin": labels,
                "n_expected": before.astype(np.int64),
                "n_actual": after.astype(np.int64),
                "expected": expected,
                "actual": actual,
                "psi": psi,
            }
        ),
    )
