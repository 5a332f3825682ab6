"""Patterns that tell two groups of customers apart, tested and adjusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.display import definition_list, format_count, page_fragment, table
from userportrait._core.multiplicity import Adjustment, adjust_log_p
from userportrait._core.params import Between, OneOf, Rule, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._budget import Watch
from userportrait.patterns._sequence_mine import check_search, mine_with_totals, warn_of_stop
from userportrait.patterns._sequence_patterns import SequencePatterns
from userportrait.patterns._sequence_steps import GapUnit, Limits
from userportrait.patterns._sequences import as_sequences
from userportrait.patterns._significance import log_p_values, odds_ratio_interval
from userportrait.patterns._support import min_count_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.patterns._budget import Budget
    from userportrait.patterns._sequence_mine import SequenceEngine
    from userportrait.patterns._sequences import IntoSequences
    from userportrait.typing import Progress

__all__ = ["SequenceContrasts", "contrast_sequences"]

_SHOWN = 10


def contrast_sequences(
    data: IntoSequences,
    groups: Mapping[Any, Any] | pd.Series[Any],
    *,
    min_support: float,
    min_length: int = 1,
    max_length: int | None = None,
    min_steps: int = 1,
    max_steps: int | None = None,
    min_gap: float | None = None,
    max_gap: float | None = None,
    max_span: float | None = None,
    window: float | None = None,
    unit: GapUnit = "days",
    adjust: Adjustment = "bh",
    confidence_level: float = 0.95,
    engine: SequenceEngine = "auto",
    n_threads: int | None = None,
    budget: Budget | None = None,
    progress: Progress | bool | None = None,
) -> SequenceContrasts:
    """Find the patterns that are more common in one of two groups of customers.

    Parameters
    ----------
    data : Sequences, Baskets or Events
    groups : mapping or Series
        The group of each customer ID; of a Series the index holds the IDs. There must be two
        different labels; the first in sorted order is group a. Customers without a group are
        left out and counted, and so are IDs that the data lack.
    min_support : int or float
        As in `mine_sequences`, over the customers of both groups together. The groups play no
        part in the choice of the patterns, so that the tests stay valid.
    min_length, max_length, min_steps, max_steps, min_gap, max_gap, max_span, window, unit
        As in `mine_sequences`.
    adjust : {'bh', 'by', 'holm', 'bonferroni'}, default='bh'
        How p-values are adjusted for the number of patterns tested.
    confidence_level : float, default=0.95
        Of the intervals of the odds ratios.
    engine, n_threads, budget, progress
        As in `mine_sequences`.

    Returns
    -------
    SequenceContrasts

    Raises
    ------
    InvalidDataError
        If there are not two groups, or one has no customer in the data.
    InvalidParameterError
        If parameters are out of range; all are named at once.

    Notes
    -----
    Each pattern gives a table of customers: group by holding the pattern. The p-value is that
    of Fisher's exact test, two-sided as twice the smaller tail. Every pattern found is tested,
    and all of them count in the adjustment [1]_, whatever is shown later.

    References
    ----------
    .. [1] Benjamini and Hochberg (1995), "Controlling the false discovery rate", Journal of
       the Royal Statistical Society B 57(1).

    Examples
    --------
    >>> from userportrait.patterns import Sequences, contrast_sequences
    >>> paths = [["view", "cart", "buy"]] * 20 + [["view", "cart"]] * 20
    >>> sequences = Sequences.from_lists(paths)
    >>> groups = {n: "app" if n % 40 < 15 or n >= 38 else "web" for n in range(40)}
    >>> found = contrast_sequences(sequences, groups, min_support=0.1, min_steps=2)
    >>> found.groups, found.n_tested
    (('app', 'web'), 4)
    >>> found.to_frame()[["pattern", "count_a", "count_b", "odds_ratio"]].head(2).round(2)
                 pattern  count_a  count_b  odds_ratio
    0  ((cart,), (buy,))       15        5       20.85
    1  ((view,), (buy,))       15        5       20.85
    """
    owner = "contrast_sequences"
    limits = Limits(
        min_length=min_length,
        max_length=max_length,
        min_steps=min_steps,
        max_steps=max_steps,
        min_gap=min_gap,
        max_gap=max_gap,
        max_span=max_span,
        window=window,
        unit=unit,
    )
    check_search(owner, limits, min_support, "all", None, engine, n_threads)
    _check_tests(owner, adjust, confidence_level)
    sequences = as_sequences(data, owner=owner)
    labels, in_a, known, ignored = _two_groups(groups, sequences.customer_ids, owner=owner)
    chosen = sequences.where(known)
    least = min_count_of(min_support, len(chosen), owner=owner)
    trie, total, used, stopped = mine_with_totals(
        chosen,
        limits,
        least,
        in_a[known].astype(np.int64),
        engine=engine,
        n_threads=n_threads,
        watch=Watch(budget, progress),
    )
    if stopped is not None:
        warn_of_stop(owner, stopped, least)
    patterns = SequencePatterns(
        trie,
        chosen.items,
        len(chosen),
        min_count=least,
        limits=limits,
        engine=used,
        stopped=stopped,
    )
    n_a = int(in_a[known].sum())
    in_group = total[patterns.nodes]
    tests = _tested(patterns.counts, in_group, n_a, len(chosen), adjust, confidence_level)
    return SequenceContrasts(patterns, labels, (n_a, len(chosen) - n_a), tests, adjust, ignored)


@dataclass(frozen=True, slots=True, eq=False)
class _Tests:
    """What was found of each pattern, in the public order of patterns."""

    count_a: NDArray[np.int64]
    odds_ratio: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    log_p: NDArray[np.float64]
    log_adjusted: NDArray[np.float64]


class SequenceContrasts:
    """Patterns with their counts in two groups and a test of the difference.

    Made by `contrast_sequences`.

    Parameters
    ----------
    patterns : SequencePatterns
        All patterns tested.
    groups : tuple of two labels
        Group a and group b.
    sizes : tuple of two int
        Their customers.
    tests : object
        The figures of each pattern.
    adjust : str
        How p-values were adjusted.
    ignored : dict of str to int
        What was left out, and how many of it.

    Examples
    --------
    >>> from userportrait.patterns import Sequences, contrast_sequences
    >>> sequences = Sequences.from_lists([["view", "buy"]] * 6 + [["view"]] * 4)
    >>> groups = {n: "app" if n < 5 else "web" for n in range(10)}
    >>> contrast_sequences(sequences, groups, min_support=0.5)
    <SequenceContrasts: 3 patterns, app (5) against web (5)>
    """

    def __init__(
        self,
        patterns: SequencePatterns,
        groups: tuple[Any, Any],
        sizes: tuple[int, int],
        tests: _Tests,
        adjust: Adjustment,
        ignored: dict[str, int],
    ) -> None:
        self.patterns: SequencePatterns = patterns
        self.groups: tuple[Any, Any] = groups
        self.sizes: tuple[int, int] = sizes
        self.adjust: Adjustment = adjust
        self.ignored: dict[str, int] = ignored
        self._tests: _Tests = tests

    @property
    def n_tested(self) -> int:
        """How many patterns were tested."""
        return len(self.patterns)

    def __len__(self) -> int:
        return self.n_tested

    def to_frame(self, *, alpha: float | None = None) -> pd.DataFrame:
        """Return the patterns, the least likely by chance first, then in the public order.

        Parameters
        ----------
        alpha : float, optional
            Keep patterns whose adjusted p-value is at most this. The adjustment is for all
            that were tested, in any case.

        Returns
        -------
        DataFrame
            `pattern`, `n_items`, `n_steps`, `count`, `count_a`, `count_b`, `support_a`,
            `support_b` (shares of the group), `odds_ratio` (of group a over group b, with half
            a customer added to each cell, so that it is finite), `odds_ratio_low`,
            `odds_ratio_high`, `p_value`, `p_adjusted`.
        """
        if alpha is not None:
            rule = Between(0, 1, open_low=True)
            check_values("SequenceContrasts.to_frame", {"alpha": alpha}, {"alpha": rule})
        found, tests = self.patterns.to_frame().drop(columns="support"), self._tests
        count_b = found["count"].to_numpy() - tests.count_a
        found = found.assign(
            count_a=tests.count_a,
            count_b=count_b,
            support_a=tests.count_a / self.sizes[0],
            support_b=count_b / self.sizes[1],
            odds_ratio=tests.odds_ratio,
            odds_ratio_low=tests.low,
            odds_ratio_high=tests.high,
            p_value=np.exp(tests.log_p),
            p_adjusted=np.exp(tests.log_adjusted),
        )
        order = np.argsort(tests.log_p, kind="stable")
        if alpha is not None:
            order = order[tests.log_adjusted[order] <= np.log(alpha)]
        return found.iloc[order].reset_index(drop=True)

    def __repr__(self) -> str:
        a, b = (f"{label} ({n:,})" for label, n in zip(self.groups, self.sizes, strict=True))
        return f"<SequenceContrasts: {format_count(len(self), 'pattern')}, {a} against {b}>"

    def _repr_html_(self) -> str:
        a, b = self.groups
        facts = {
            str(a): format_count(self.sizes[0], "customer"),
            str(b): format_count(self.sizes[1], "customer"),
            "patterns tested": f"{self.n_tested:,}",
            "adjusted by": self.adjust,
            **{f"left out: {what}": f"{n:,}" for what, n in self.ignored.items()},
        }
        columns = ("pattern", str(a), str(b), "odds ratio", "adjusted p")
        rows = [
            (
                " → ".join(", ".join(map(str, element)) for element in row["pattern"]),
                f"{row['support_a']:.1%}",
                f"{row['support_b']:.1%}",
                f"{row['odds_ratio']:.2f}",
                f"{row['p_adjusted']:.3g}",
            )
            for row in self.to_frame().head(_SHOWN).to_dict("records")
        ]
        shown = table(columns, rows, numeric=columns[1:])
        title = f"Sequences: {a} against {b}"
        return page_fragment(title, definition_list(facts), shown)


def _tested(
    count: NDArray[np.int64],
    count_a: NDArray[np.int64],
    n_a: int,
    n: int,
    adjust: Adjustment,
    confidence_level: float,
) -> _Tests:
    of_a = np.full(len(count), n_a, dtype=np.int64)
    log_p = log_p_values(count_a, of_a, count, n, alternative="two-sided")
    ratio, low, high = odds_ratio_interval(
        count_a, of_a, count, n, confidence_level=confidence_level
    )
    return _Tests(count_a, ratio, low, high, log_p, adjust_log_p(log_p, adjust, len(log_p)))


def _two_groups(
    groups: Mapping[Any, Any] | pd.Series[Any], customer_ids: NDArray[Any], *, owner: str
) -> tuple[tuple[Any, Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, int]]:
    """Return the labels, who is in the first group, who is in any, and what is left out."""
    if isinstance(groups, pd.Series):
        if not groups.index.is_unique:
            message = f"{owner}: the index of groups names some customers twice. Name each once."
            raise InvalidDataError(message, column="groups")
        given: dict[Any, Any] = dict(zip(groups.index.tolist(), groups.tolist(), strict=True))
    elif hasattr(groups, "items"):
        given = dict(groups.items())
    else:
        problem = f"groups must be a mapping or a Series; got {type(groups).__name__}."
        raise InvalidParameterError(owner, [problem])
    given = {who: label for who, label in given.items() if not pd.isna(label)}
    ids = customer_ids.tolist()
    found = [given.get(who) for who in ids]
    labels = sorted(
        {label for label in found if label is not None}, key=lambda x: (str(x), repr(x))
    )
    if len(labels) != 2:
        message = (
            f"{owner}: groups must give the customers of the data two different labels; they "
            f"have {len(labels)}. Keep two groups, or check that the customer IDs have the same "
            f"type as those of the data."
        )
        raise InvalidDataError(message, column="groups")
    known = np.array([label is not None for label in found], dtype=bool)
    in_a = np.array([label == labels[0] for label in found], dtype=bool)
    ignored = {
        "customers without a group": len(ids) - int(known.sum()),
        "customers of the groups without data": len(given) - int(known.sum()),
    }
    return (labels[0], labels[1]), in_a, known, {k: n for k, n in ignored.items() if n}


def _check_tests(owner: str, adjust: object, confidence_level: object) -> None:
    rules: dict[str, Rule] = {
        "adjust": OneOf(("bh", "bonferroni", "by", "holm")),
        "confidence_level": Between(0, 1, open_low=True, open_high=True),
    }
    check_values(owner, {"adjust": adjust, "confidence_level": confidence_level}, rules)
