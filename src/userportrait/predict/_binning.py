"""Bins of one feature that tell most about an outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.estimator import Estimator
from userportrait._core.params import Between, OneOf, check_params
from userportrait.errors import ColumnTypeError, NotFittedError
from userportrait.predict._binning_search import best_groups, evidence, turning_points
from userportrait.predict._classes import read_outcome
from userportrait.predict._one_column import (
    interval_labels,
    quantile_cuts,
    read_column,
    short_cut,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.predict._one_column import Column

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]
    Direction: TypeAlias = Literal["none", "increasing", "decreasing"]

__all__ = ["BINNING_RULES", "Bins", "OptimalBinning", "find_bins"]

_FINE = 1000
"""Bins of about equal rows among which the places are sought where the rate turns."""
_OTHER = "rarer levels"
_MISSING = "missing"

BINNING_RULES: Mapping[str, Rule] = {
    "max_bins": Between(2, 50, integer=True),
    "min_share": Between(0.001, 0.5),
    "monotone": OneOf(("auto", "increasing", "decreasing", "none")),
    "n_pre_bins": Between(2, 200, integer=True),
    "smoothing": Between(0.001, 1000.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The bins of one feature, and what they say.

    Parameters
    ----------
    cuts : ndarray or None
        Lower limits of all bins of numbers but the first; None for texts.
    groups : dict of str to int
        The bin of each level of texts.
    other : int or None
        The bin of rare levels and of new ones.
    table : DataFrame
    woe : ndarray of shape (n_bins + 2,)
        Of the bins, of missing values, and of new levels without a bin of their own.
    direction : {'none', 'increasing', 'decreasing'}
    """

    cuts: Floats | None
    groups: dict[str, int]
    other: int | None
    table: pd.DataFrame
    woe: Floats
    direction: Direction

    def place(self, column: Column, owner: str) -> Ints:
        """Return which entry of `woe` each row has.

        Raises
        ------
        ColumnTypeError
            If numbers were learned and texts are given, or the other way about.
        """
        n_bins = len(self.woe) - 2
        if column.is_blank:
            return np.full(column.n_rows, n_bins, dtype=np.intp)
        if (self.cuts is None) != (column.numbers is None):
            kinds = ("texts", "numbers") if self.cuts is None else ("numbers", "texts")
            message = f"{owner}: the bins were learned from {kinds[0]}, but {kinds[1]} are given."
            raise ColumnTypeError(message)
        if self.cuts is not None and column.numbers is not None:
            found = np.searchsorted(self.cuts, column.numbers, side="right")
            return np.where(np.isnan(column.numbers), n_bins, found)
        new = n_bins + 1 if self.other is None else self.other
        each = [self.groups.get(level, new) for level in column.levels]
        return np.array([*each, n_bins], dtype=np.intp)[column.codes]


class OptimalBinning(Estimator):
    """Cut one feature into the bins that tell most about an outcome.

    Numbers are first cut into many pre-bins, of about equal rows and where the rate of the
    outcome turns; of all ways to join neighbours, the one of greatest information value is
    taken. Texts are ordered by the rate
    of the outcome and joined the same way.

    Parameters
    ----------
    max_bins : int, default=6
        At most this many bins, besides that of missing values; 2 to 50.
    min_share : float, default=0.05
        Least share of the rows with a value in each bin; 0.001 to 0.5. Levels of texts that
        are rarer are first taken together as ``rarer levels``, whatever their rates; a rare level
        that tells much needs a smaller share.
    monotone : {'auto', 'increasing', 'decreasing', 'none'}, default='auto'
        What the rate of the outcome may do from one bin of numbers to the next. ``'auto'``
        takes the direction with the greater information value. Texts have no order of their
        own, so nothing is asked of them.
    n_pre_bins : int, default=50
        Pre-bins of numbers of about equal rows; equal values share one. 2 to 200. Limits at
        which the rate would turn back, and those of the smallest bins at both ends, come on top.
    smoothing : float, default=1.0
        Rows of the overall mix that are added to each bin before its weight is taken, so a
        bin without an outcome has a finite one. 0.001 to 1000.

    Attributes
    ----------
    table_ : DataFrame
        One row a bin, the missing values last where there are any: ``bin``, ``n_rows``,
        ``share``, ``n_outcomes``, ``rate``, ``woe`` and ``iv``.
    iv_ : float
        The information value, the sum of ``iv``.
    cuts_ : ndarray of shape (n_bins - 1,) or None
        Lower limits of all bins but the first; None for texts.
    direction_ : {'increasing', 'decreasing', 'none'}
        What was taken; ``'none'`` for texts, and where there is one bin only.
    classes_ : ndarray of shape (2,)
        The outcomes in order; the second one is the outcome.

    See Also
    --------
    userportrait.predict.population_stability : Whether a feature has moved since.

    Notes
    -----
    With the shares g of all outcomes and b of all other rows that fall in a bin, its weight of
    evidence is log(g / b) after smoothing, above 0 where the outcome is more likely than
    overall, and its part of the information value is (g - b) times the weight. [1]_ Pre-bins
    are those of `n_pre_bins` quantiles and, of a thousand, the blocks in which pooling
    adjacent violators of the direction ends. [2]_ The search
    is exact over the pre-bins, and depends on counts alone, not on the order of rows. It uses
    the outcome, so the information value of a feature of noise is above 0: a custom is to
    leave out features below 0.02.

    References
    ----------
    .. [1] Siddiqi (2006), "Credit risk scorecards", Wiley; Fisher (1958), "On grouping for
       maximum homogeneity", JASA 53.
    .. [2] Ayer, Brunk, Ewing, Reid and Silverman (1955), "An empirical distribution function
       for sampling with incomplete information", Annals of Mathematical Statistics 26(4).

    Examples
    --------
    >>> from userportrait.predict import OptimalBinning
    >>> visits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] * 10
    >>> bought = [0, 0, 0, 0, 1, 0, 1, 0, 1, 1] * 10
    >>> binning = OptimalBinning(max_bins=3).fit(visits, bought)
    >>> binning.table_[["bin", "n_rows", "rate", "woe"]].round(2)
          bin  n_rows  rate   woe
    0     < 5      40   0.0 -4.21
    1  [5, 9)      40   0.5  0.40
    2    >= 9      20   1.0  3.93
    >>> binning.transform([2, 20, None]).round(2).tolist()
    [-4.21, 3.93, 0.0]
    """

    table_: pd.DataFrame
    iv_: float
    cuts_: Floats | None
    direction_: str
    classes_: NDArray[Any]

    _rules: ClassVar[Mapping[str, Rule]] = BINNING_RULES

    def __init__(
        self,
        max_bins: int = 6,
        *,
        min_share: float = 0.05,
        monotone: Literal["auto", "increasing", "decreasing", "none"] = "auto",
        n_pre_bins: int = 50,
        smoothing: float = 1.0,
    ) -> None:
        self.max_bins = max_bins
        self.min_share = min_share
        self.monotone: Literal["auto", "increasing", "decreasing", "none"] = monotone
        self.n_pre_bins = n_pre_bins
        self.smoothing = smoothing

    def fit(self, x: Any, y: Any) -> Self:
        """Find the bins.

        Parameters
        ----------
        x : array-like of shape (n_rows,)
            Numbers or texts; categories are texts, also of numbers. NaN and None are missing.
        y : array-like of shape (n_rows,)
            Two different values; the larger one is the outcome.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range; all of them at once.
        InvalidDataError
            If `x` is empty, is not one column or holds infinity, if lengths differ, or if `y`
            has missing values or not two classes.
        ColumnTypeError
            If `x` holds neither numbers nor texts.
        """
        check_params(self, self._rules)
        column = read_column(x, owner="OptimalBinning", name="x")
        self.classes_, outcome = read_outcome(y, column.n_rows, owner="OptimalBinning")
        self._bins: Bins = find_bins(column, outcome, self)
        self.table_ = self._bins.table
        self.iv_ = float(self.table_["iv"].sum())
        self.cuts_ = self._bins.cuts
        self.direction_ = self._bins.direction
        return self

    def transform(self, x: Any) -> Floats:
        """Return the weight of evidence of each row.

        Parameters
        ----------
        x : array-like of shape (n_rows,)
            Missing values, if `fit` saw none, and new levels, if there are no ``rarer levels``,
            have a weight of 0: nothing is known of them.

        Returns
        -------
        ndarray of shape (n_rows,)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ColumnTypeError
            If `fit` saw numbers and these are texts, or the other way about.
        """
        if not hasattr(self, "_bins"):
            raise NotFittedError("OptimalBinning")
        column = read_column(x, owner="OptimalBinning", name="x")
        found: Floats = self._bins.woe[self._bins.place(column, "OptimalBinning")]
        return found

    def fit_transform(self, x: Any, y: Any) -> Floats:
        """Find the bins and return the weight of evidence of each row."""
        return self.fit(x, y).transform(x)


def find_bins(column: Column, outcome: Floats, how: Any) -> Bins:
    """Return the bins of a column, for the parameters of `OptimalBinning` that `how` has."""
    totals = (float(outcome.sum()), float(len(outcome) - outcome.sum()))
    if column.is_blank:
        return _bins_of_numbers(np.full(column.n_rows, np.nan), outcome, totals, how)
    if column.numbers is not None:
        return _bins_of_numbers(column.numbers, outcome, totals, how)
    return _bins_of_texts(column, outcome, totals, how)


def _bins_of_numbers(
    values: Floats, outcome: Floats, totals: tuple[float, float], how: Any
) -> Bins:
    missing = np.isnan(values)
    known = values[~missing]
    coarse = quantile_cuts(values, how.n_pre_bins)
    grid = np.union1d(coarse, quantile_cuts(values, _FINE))
    counts = _count(np.searchsorted(grid, known, side="right"), outcome[~missing], len(grid) + 1)
    up = turning_points(counts[0], counts[1], "increasing")
    down = turning_points(counts[0], counts[1], "decreasing")
    turns = {"increasing": up, "decreasing": down, "none": np.union1d(up, down)}
    both: tuple[Direction, ...] = ("increasing", "decreasing")
    held = np.append(_ends(counts, how), np.searchsorted(grid, coarse) + 1)
    asked: tuple[Direction, ...] = both if how.monotone == "auto" else (how.monotone,)
    ways: list[tuple[Ints, float]] = []
    for one in asked:
        pre = np.union1d(held, turns[one])
        found, value = _search(_joined(counts, pre), totals, how, one)
        ways.append((pre[found], value))
    at = int(np.argmax([value for _, value in ways]))
    starts = ways[at][0]
    direction = asked[at] if len(starts) > 1 else "none"
    cuts = [
        short_cut(float(known[known < cut].max()), cut) for cut in grid[starts[1:] - 1].tolist()
    ]
    table, woe = _table(
        interval_labels(cuts), _joined(counts, starts), outcome[missing], totals, how
    )
    return Bins(np.array(cuts), {}, None, table, woe, direction)


def _ends(counts: Floats, how: Any) -> Ints:
    """Return where the first bin begins, where it ends and the last begins at their smallest."""
    ahead = np.cumsum(counts.sum(axis=0))
    total, n = float(ahead[-1]), len(ahead)
    least = float(how.min_share) * total - 1e-9
    first = int(np.searchsorted(ahead, least)) + 1
    last = int(np.searchsorted(ahead, total - least, side="right"))
    return np.array([0, *(at for at in (first, last) if 0 < at < n)], dtype=np.intp)


def _bins_of_texts(column: Column, outcome: Floats, totals: tuple[float, float], how: Any) -> Bins:
    codes = np.zeros(0, dtype=np.intp) if column.codes is None else column.codes
    known = codes >= 0
    by_level = _count(codes[known], outcome[known], len(column.levels))
    rows = by_level.sum(axis=0)
    # Unused categories have no rows, and are new levels when they come.
    rare = {at for at in np.flatnonzero(rows > 0).tolist() if rows[at] < how.min_share * rows.sum()}
    if len(rare) == 1:
        rare.clear()  # one rare level alone is not pooled
    parts = [
        (column.levels[at], [at]) for at in np.flatnonzero(rows > 0).tolist() if at not in rare
    ]
    if rare:
        parts.append((_OTHER, sorted(rare)))
    counts = np.array([by_level[:, own].sum(axis=1) for _, own in parts]).T
    order = sorted(
        range(len(parts)),
        key=lambda at: (counts[0, at] / counts[:, at].sum(), parts[at][0]),
    )
    starts, _ = _search(counts[:, order], totals, how, "none")
    groups, other, labels = _grouped(parts, order, starts, column.levels)
    table, woe = _table(labels, _joined(counts[:, order], starts), outcome[~known], totals, how)
    return Bins(None, groups, other, table, woe, "none")


def _grouped(
    parts: list[tuple[str, list[int]]], order: list[int], starts: Ints, levels: tuple[str, ...]
) -> tuple[dict[str, int], int | None, tuple[str, ...]]:
    """Return the bin of each level, that of the rare ones, and the names of the bins."""
    groups: dict[str, int] = {}
    other: int | None = None
    names: list[list[str]] = [[] for _ in range(len(starts))]
    for place, at in enumerate(order):
        group = int(np.searchsorted(starts, place, side="right")) - 1
        name, own = parts[at]
        names[group].append(name)
        groups |= {levels[level]: group for level in own}
        if len(own) > 1:
            other = group
    return groups, other, tuple(", ".join(sorted(own)) for own in names)


def _count(codes: Ints, outcome: Floats, n: int) -> Floats:
    """Return the rows with the outcome, and without it, by code."""
    found = np.empty((2, n))
    found[0] = np.bincount(codes, weights=outcome, minlength=n)
    found[1] = np.bincount(codes, minlength=n) - found[0]
    return found


def _search(
    counts: Floats, totals: tuple[float, float], how: Any, direction: Direction
) -> tuple[Ints, float]:
    return best_groups(
        counts[0], counts[1], totals, max_bins=how.max_bins,
        min_rows=how.min_share * float(counts.sum()) - 1e-9, smoothing=how.smoothing,
        direction=direction,
    )  # fmt: skip


def _joined(counts: Floats, starts: Ints) -> Floats:
    found: Floats = np.add.reduceat(counts, starts, axis=1)
    return found


def _table(
    labels: tuple[str, ...],
    counts: Floats,
    missing: Floats,
    totals: tuple[float, float],
    how: Any,
) -> tuple[pd.DataFrame, Floats]:
    """Return the table of the bins, and their weights with those of unknown values."""
    ones, n_missing = float(missing.sum()), len(missing)
    every = np.column_stack([counts, [ones, n_missing - ones]])
    woe, iv = evidence(every[0], every[1], totals, how.smoothing)
    rows = every.sum(axis=0)
    table = pd.DataFrame(
        {
            "bin": [*labels, _MISSING],
            "n_rows": rows.astype(np.int64),
            "share": rows / rows.sum(),
            "n_outcomes": every[0].astype(np.int64),
            "rate": every[0] / np.maximum(rows, 1.0),
            "woe": woe,
            "iv": iv,
        }
    )
    held = table.iloc[np.flatnonzero(rows > 0)]
    return held.reset_index(drop=True), np.append(woe, 0.0)
