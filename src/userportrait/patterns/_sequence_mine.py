"""Mine sequences: patterns of steps that enough customers hold."""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.display import format_count
from userportrait._core.params import Between, OneOf, Optional, Rule, check_values
from userportrait.errors import DataWarning, InvalidParameterError
from userportrait.patterns._budget import Watch
from userportrait.patterns._constraints import item_codes
from userportrait.patterns._sequence_kinds import SequenceKind, without_larger
from userportrait.patterns._sequence_numpy import mine_in_numpy
from userportrait.patterns._sequence_patterns import SequencePatterns
from userportrait.patterns._sequence_steps import GapUnit, Limits, prepare_steps
from userportrait.patterns._sequence_trie import SequenceTrie
from userportrait.patterns._sequences import as_sequences
from userportrait.patterns._support import min_count_of, support_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from userportrait.patterns._budget import Budget
    from userportrait.patterns._sequence_found import Found
    from userportrait.patterns._sequences import IntoSequences, Sequences
    from userportrait.typing import Progress

__all__ = ["SequenceEngine", "check_search", "mine_sequences", "mine_with_totals", "warn_of_stop"]

SequenceEngine: TypeAlias = Literal["auto", "numpy", "numba"]

_NUMBA_FROM = 100_000
"""Entries from which loading the compiled engine pays."""


def mine_sequences(
    data: IntoSequences,
    *,
    min_support: float | None = None,
    min_length: int = 1,
    max_length: int | None = None,
    min_steps: int = 1,
    max_steps: int | None = None,
    min_gap: float | None = None,
    max_gap: float | None = None,
    max_span: float | None = None,
    window: float | None = None,
    unit: GapUnit = "days",
    kind: SequenceKind = "all",
    top_k: int | None = None,
    items: Iterable[int | str] | None = None,
    engine: SequenceEngine = "auto",
    n_threads: int | None = None,
    budget: Budget | None = None,
    progress: Progress | bool | None = None,
) -> SequencePatterns:
    """Find what many customers do in the same order.

    A pattern is a sequence of elements; an element is a set of items. A customer holds it if
    its elements lie, in their order, in different steps of the customer. Other items and
    other steps may stand between and beside them, unless a limit says otherwise.

    Parameters
    ----------
    data : Sequences, Baskets or Events
        Baskets need customers and times; of events the kinds are the items.
    min_support : int or float, optional
        The least number of customers if it is an integer, from 1; their least share if it is
        a float in (0, 1]: then the least count c with ``c / n_customers >= min_support``.
        Needed unless `top_k` is given.
    min_length, max_length : int, optional
        Items of a pattern, over all of its elements.
    min_steps, max_steps : int, optional
        Elements of a pattern.
    min_gap : float, optional
        The least time from the end of one element to the start of the next; 0 or more. The
        next element is in a later step in any case.
    max_gap : float, optional
        The longest time from the start of one element to the end of the next.
    max_span : float, optional
        The longest time from the start of the first element to the end of the last.
    window : float, optional
        How far apart the steps may be that make up one element. Without it an element lies in
        one step. With it the items of an element may come from several steps, all of them at
        most this time apart; the element starts with the first of them and ends with the last.
        Elements do not overlap: the next one starts in a step after the end of the last one.
    unit : {'days', 'steps'}, default='days'
        What gaps, span and window are measured in. Days are exact, not calendar days: 1.5
        is 36 hours. A next step is 1 step away.
    kind : {'all', 'closed', 'maximal'}, default='all'
        Closed patterns have no larger pattern that the same customers hold; maximal ones have
        no larger pattern at all. Larger ones count if they are within the limits and the
        threshold.
    top_k : int, optional
        The patterns of most customers: as many as this, and all that have as many customers as
        the last of them. With `min_support` too, only those that reach it. Not with
        ``kind='maximal'``, which needs a threshold.
    items : iterable, optional
        Patterns are made of these items alone.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        The engines give the same patterns. numba comes with the extra ``fast``; 'auto' takes
        it if it is installed and the data are large. With a window numpy does the work.
    n_threads : int, optional
        Threads of numba; by default as many as there are processors.
    budget : Budget, optional
        When it is used up, what is found so far is returned, and `SequencePatterns.stopped`
        says so. `max_itemsets` is the number of patterns.
    progress : callable, True or None, optional

    Returns
    -------
    SequencePatterns

    Raises
    ------
    InvalidParameterError
        If parameters are out of range or do not go together; all are named at once.
    InvalidDataError
        If distances in days are asked for and the sequences have no times.
    MissingExtraError
        If `engine` is 'numba', which is not installed.

    Notes
    -----
    Patterns grow by one item at a time, at their end, as in PrefixSpan [1]_; both in a new
    step and in the last element. Limits of time are those of GSP [2]_, with ``>=`` for
    `min_gap`. Under a limit every occurrence is kept with the latest start that leads to it,
    because the first occurrence alone may fail where a later one fits. The counts are
    therefore those of trying every occurrence.

    Closed patterns [3]_ [4]_ are chosen from all patterns found. With `max_gap`, a part of a
    frequent pattern need not be frequent; there two patterns have the same customers if the
    sums of random 64-bit numbers of their customers agree.

    References
    ----------
    .. [1] Pei, Han, Mortazavi-Asl, Wang, Pinto, Chen, Dayal and Hsu (2004), "Mining sequential
       patterns by pattern-growth: the PrefixSpan approach", IEEE Transactions on Knowledge and
       Data Engineering 16(11).
    .. [2] Srikant and Agrawal (1996), "Mining sequential patterns: generalizations and
       performance improvements", EDBT.
    .. [3] Yan, Han and Afshar (2003), "CloSpan: mining closed sequential patterns in large
       datasets", SIAM International Conference on Data Mining.
    .. [4] Wang and Han (2004), "BIDE: efficient mining of frequent closed sequences", IEEE
       International Conference on Data Engineering.

    Examples
    --------
    >>> from userportrait.patterns import Sequences, mine_sequences
    >>> sequences = Sequences.from_lists(
    ...     [[{"tea", "pot"}, {"cup"}], [{"tea", "pot"}, {"milk"}, {"cup"}], [{"milk"}]],
    ...     at=[
    ...         ["2026-01-01", "2026-01-05"],
    ...         ["2026-01-01", "2026-01-03", "2026-02-10"],
    ...         ["2026-01-01"],
    ...     ],
    ... )
    >>> found = mine_sequences(sequences, min_support=2, kind="closed")
    >>> found.to_frame()[["pattern", "count"]]
                     pattern  count
    0              ((milk,),)      2
    1  ((pot, tea), (cup,))      2
    >>> mine_sequences(sequences, min_support=2, max_gap=7, min_steps=2)
    <SequencePatterns: 0 patterns, 3 customers>
    """
    owner = "mine_sequences"
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
    check_search(owner, limits, min_support, kind, top_k, engine, n_threads)
    sequences = as_sequences(data, owner=owner)
    least = 1 if min_support is None else min_count_of(min_support, len(sequences), owner=owner)
    allowed = _allowed(sequences, items, owner=owner)
    run = _Run(sequences, limits, allowed, engine, n_threads, Watch(budget, progress))
    if top_k is None:
        trie, stopped = run.mine(least, kind)
    else:
        trie, stopped = run.best(least, kind, top_k)
    if stopped is not None:
        warn_of_stop(owner, stopped, least)
    return SequencePatterns(
        trie,
        sequences.items,
        sequences.n_customers,
        min_count=least,
        limits=limits,
        kind=kind,
        engine=run.engine,
        stopped=stopped,
    )


def mine_with_totals(
    sequences: Sequences,
    limits: Limits,
    least: int,
    weights: NDArray[np.int64],
    *,
    engine: SequenceEngine = "auto",
    n_threads: int | None = None,
    watch: Watch | None = None,
) -> tuple[SequenceTrie, NDArray[np.int64], str, str | None]:
    """Mine all patterns and sum a weight over the customers of each.

    Returns
    -------
    SequenceTrie, ndarray of int64, str, str or None
        The patterns, the sums of its nodes, the engine, and why mining stopped early.
    """
    run = _Run(sequences, limits, None, engine, n_threads, watch or Watch())
    found, codes, stopped = run.search(least, weights=weights)
    trie, total = _tree(found, codes, sequences)
    assert total is not None  # noqa: S101  # weights were given
    return trie.keep(_within(trie, limits)), total, run.engine, stopped


def warn_of_stop(owner: str, stopped: str, least: int) -> None:
    """Say that patterns are missing."""
    message = (
        f"{owner} stopped early: {stopped}. What it returns is right but not complete; `stopped` "
        f"says so. Raise min_support above {format_count(least, 'customer')}, set max_length, or "
        f"give a larger budget=."
    )
    warnings.warn(message, DataWarning, stacklevel=3)


class _Run:
    """One search: the same sequences, perhaps with several thresholds."""

    def __init__(
        self,
        sequences: Sequences,
        limits: Limits,
        allowed: NDArray[np.bool_] | None,
        engine: SequenceEngine,
        n_threads: int | None,
        watch: Watch,
    ) -> None:
        self._sequences = sequences
        self._limits = limits
        self._allowed = allowed
        self._n_threads = n_threads
        self._watch = watch
        self.engine = _chosen_engine(engine, len(sequences.indices), limits)

    def mine(self, least: int, kind: SequenceKind) -> tuple[SequenceTrie, str | None]:
        """Return the patterns of one kind."""
        weights = self._fingerprints(kind)
        found, codes, stopped = self.search(least, weights=weights)
        trie, total = _tree(found, codes, self._sequences)
        kept = self._of_kind(trie, total, kind)
        return (trie if kept is None else trie.keep(kept)), stopped

    def best(self, least: int, kind: SequenceKind, top_k: int) -> tuple[SequenceTrie, str | None]:
        """Return the most frequent patterns of one kind."""
        wanted = top_k
        weights = self._fingerprints(kind)
        while True:
            found, codes, stopped = self.search(least, weights=weights, top_k=wanted)
            trie, total = _tree(found, codes, self._sequences)
            listed = _within(trie, self._limits)
            limit = _kth_largest(trie.count[listed], wanted)
            above = trie.count >= (least if limit is None else limit)
            kept = self._of_kind(trie, total, kind)
            chosen = listed & above if kept is None else listed & above & kept
            if limit is None or np.count_nonzero(chosen) >= top_k or stopped is not None:
                last = _kth_largest(trie.count[chosen], top_k)
                return trie.keep(chosen & (trie.count >= (last or least))), stopped
            wanted *= 4

    def search(
        self, least: int, *, weights: NDArray[np.int64] | None = None, top_k: int | None = None
    ) -> tuple[Found, NDArray[np.int32], str | None]:
        """Return patterns of every kind, the code of each item, and why the search stopped."""
        options: Any = {"watch": self._watch, "weights": weights, "top_k": top_k}
        if self.engine == "numba":
            from userportrait.patterns._sequence_numba import mine_in_numba

            found, codes, stopped = mine_in_numba(
                self._sequences,
                self._limits,
                least,
                allowed=self._allowed,
                n_threads=self._n_threads,
                **options,
            )
        else:
            steps = prepare_steps(
                self._sequences, self._limits, least, allowed=self._allowed, owner="mine_sequences"
            )
            codes = steps.codes
            found, stopped = mine_in_numpy(steps, self._limits, least, **options)
        return found, codes, None if stopped is None else stopped.replace("itemsets", "patterns")

    def _of_kind(
        self, trie: SequenceTrie, total: NDArray[np.int64] | None, kind: SequenceKind
    ) -> NDArray[np.bool_] | None:
        limits = self._limits
        if kind == "all" and limits.min_length <= 1 and limits.min_steps <= 1:
            return None
        within = _within(trie, limits)
        if kind == "all":
            return within
        has_all = limits.max_gap is None
        label = np.zeros(len(trie.parent), dtype=np.int64)
        if kind == "closed":
            label = trie.count.astype(np.int64) if total is None else total
        return within & without_larger(trie, label, has_all_parts=has_all)

    def _fingerprints(self, kind: SequenceKind) -> NDArray[np.int64] | None:
        """Return a random number for each customer; sums of them tell sets of customers apart.

        Needed where a part of a pattern may have the same count and other customers.
        """
        if kind != "closed" or self._limits.max_gap is None:
            return None
        numbers = np.random.default_rng(20260105)
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        return numbers.integers(low, high, size=len(self._sequences))


def _tree(
    found: Found, codes: NDArray[np.int32], sequences: Sequences
) -> tuple[SequenceTrie, NDArray[np.int64] | None]:
    parent, item, is_new, count, total = found.arrays()
    narrow = count.astype(np.int32, copy=False)
    return SequenceTrie(parent, codes[item], is_new, narrow, len(sequences.items)), total


def _within(trie: SequenceTrie, limits: Limits) -> NDArray[np.bool_]:
    return (trie.lengths >= limits.min_length) & (trie.n_steps >= limits.min_steps)


def _kth_largest(counts: NDArray[np.integer], k: int) -> int | None:
    """Return the k-th largest count; None if there are fewer."""
    return int(np.partition(counts, -k)[-k]) if len(counts) >= k else None


def _allowed(
    sequences: Sequences, items: Iterable[int | str] | None, *, owner: str
) -> NDArray[np.bool_] | None:
    if items is None:
        return None
    allowed = np.zeros(len(sequences.items), dtype=bool)
    allowed[item_codes(sequences.items, items, owner=owner, argument="items")] = True
    return allowed


def _chosen_engine(engine: SequenceEngine, n_entries: int, limits: Limits) -> str:
    """Return the engine's name: numba for 'auto' where it saves time, else numpy."""
    if limits.window is not None or engine == "numpy":
        return "numpy"
    if engine == "numba":
        return "numba"
    is_loaded = f"{__package__}._sequence_loops" in sys.modules
    pays = is_loaded or n_entries >= _NUMBA_FROM
    return "numba" if pays and find_spec("numba") is not None else "numpy"


_WHOLE = Between(1, np.inf, integer=True)
_DISTANCE = Optional(Between(0, np.inf, open_high=True))
_RULES: dict[str, Rule] = {
    "min_length": _WHOLE,
    "max_length": Optional(_WHOLE),
    "min_steps": _WHOLE,
    "max_steps": Optional(_WHOLE),
    "min_gap": _DISTANCE,
    "max_gap": _DISTANCE,
    "max_span": _DISTANCE,
    "window": _DISTANCE,
    "unit": OneOf(("days", "steps")),
    "kind": OneOf(("all", "closed", "maximal")),
    "top_k": Optional(_WHOLE),
    "engine": OneOf(("auto", "numpy", "numba")),
    "n_threads": Optional(_WHOLE),
}


def check_search(
    owner: str,
    limits: Limits,
    min_support: object,
    kind: object,
    top_k: object,
    engine: object,
    n_threads: object,
) -> None:
    """Raise one error that lists every bad parameter of a search."""
    values: dict[str, object] = {
        name: getattr(limits, name) for name in _RULES if hasattr(limits, name)
    }
    values |= {"kind": kind, "top_k": top_k, "engine": engine, "n_threads": n_threads}
    problems: list[str] = []
    try:
        check_values(owner, values, _RULES)
    except InvalidParameterError as error:
        problems.extend(error.problems)
    if min_support is not None:
        wrong = support_problem("min_support", min_support)
        problems.extend([] if wrong is None else [wrong.replace("baskets", "customers")])
    elif top_k is None:
        problems.append("give min_support, or top_k, or both.")
    if not problems:
        problems.extend(_problems_together(limits, kind, top_k))
    if problems:
        raise InvalidParameterError(owner, problems)


def _problems_together(limits: Limits, kind: object, top_k: object) -> list[str]:
    found: list[str] = []
    pairs = (("min_length", "max_length"), ("min_steps", "max_steps"), ("min_gap", "max_gap"))
    for low, high in pairs:
        least, most = getattr(limits, low), getattr(limits, high)
        if least is not None and most is not None and least > most:
            found.append(f"{low} must be at most {high}; got {least!r} and {most!r}.")
    if kind == "maximal" and top_k is not None:
        found.append(
            "top_k does not go with kind='maximal', which depends on the threshold. Give "
            "min_support, or kind='closed'."
        )
    return found
