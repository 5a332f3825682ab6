"""Find the itemsets of baskets: one door to every engine."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.data import Orders
from userportrait.errors import DataWarning, InvalidParameterError
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._budget import Budget, Watch
from userportrait.patterns._constraints import Wanted, keep_entries, listed_nodes
from userportrait.patterns._engines import ENGINES, choose_engine, run_engine
from userportrait.patterns._itemsets import ItemsetKind, Itemsets
from userportrait.patterns._support import min_count_of, support_problem
from userportrait.patterns._taxonomy import without_ancestors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from userportrait._core.params import Rule
    from userportrait.data import Items
    from userportrait.patterns._trie import Trie
    from userportrait.typing import Progress

__all__ = ["MiningEngine", "mine_itemsets"]

MiningEngine: TypeAlias = Literal["auto", "numpy", "numba", "mlxtend", "spark"]

_OWNER = "mine_itemsets"
_KINDS = ("all", "closed", "maximal", "generators")


def mine_itemsets(
    baskets: Baskets | Orders | Iterable[Iterable[Any]],
    *,
    min_support: float | None = None,
    top_k: int | None = None,
    kind: ItemsetKind = "all",
    min_length: int = 1,
    max_length: int | None = None,
    items: Iterable[Any] | None = None,
    contains: Iterable[Any] | None = None,
    without: Iterable[Any] | None = None,
    taxonomy: Mapping[Any, Any] | Items | None = None,
    engine: MiningEngine = "auto",
    budget: Budget | None = None,
    n_threads: int | None = None,
    progress: Progress | bool | None = None,
) -> Itemsets:
    """Find the items that stand together in many baskets, with exact counts.

    Parameters
    ----------
    baskets : Baskets, Orders or iterable of lists
        Orders go through `Baskets.from_orders`, lists through `Baskets.from_lists`.
    min_support : int or float, optional
        An integer from 1 on is a count of baskets. A float in (0, 1] is a share: the count is
        the smallest whole number c with ``c / n_baskets >= min_support``, in float64. So 0.001
        of 1,000 baskets is 1, and of 88,162 it is 89. Empty baskets count.
    top_k : int, optional
        The sets in most baskets, without a threshold: as many as this, and all that are in as
        many baskets as the last of them. With `min_support` too, only sets above it.
    kind : {'all', 'closed', 'maximal', 'generators'}, default='all'
        ``closed``: no larger set is in as many baskets; ``maximal``: no larger set reaches
        `min_support`; ``generators``: every smaller set is in more baskets, the empty one,
        which is in all, included.
    min_length, max_length : int, optional
        The number of items of a set. Kinds are told without regard to it: a closed set has
        no larger one of the same count among all sets.
    items : iterable, optional
        Sets of these items only; kinds are told as if there were no others.
    contains : iterable, optional
        Sets that hold at least one of these.
    without : iterable, optional
        Sets without these items; kinds are told as if they were not there.
    taxonomy : mapping of item to category, or Items, optional
        Adds the categories beside the items, as `Baskets.with_taxonomy` does with
        ``mode='add'``. No set then holds an item and its own category; of closed and maximal
        sets the categories that follow from their items are left out.
    engine : {'auto', 'numpy', 'numba', 'mlxtend', 'spark'}, default='auto'
        ``numba`` needs the extra *fast*, ``spark`` the extra *spark* and a running session.
        ``auto`` takes numba where it is installed and its machine code is at hand or the work
        is worth making it; else numpy. All of them find the same sets and counts.
    budget : Budget, optional
        Where to stop. By default the result may take a quarter of the memory that is free.
        mlxtend and Spark cannot be interrupted and ignore it.
    n_threads : int, optional
        Threads of the numba engine; by default one for each processor. The result does not
        depend on it.
    progress : callable or bool, optional
        Told ``'itemsets'`` and the share done; True draws a bar.

    Returns
    -------
    Itemsets
        If the budget stops the search, `Itemsets.stopped` says why: all sets and counts that
        are there are right, and others are missing.

    Raises
    ------
    InvalidParameterError
        If a parameter has no such value, neither `min_support` nor `top_k` is given, or an
        item is unknown.
    MissingExtraError
        If the engine is not installed.

    Warns
    -----
    DataWarning
        If the budget stopped the search.

    See Also
    --------
    estimate_itemsets : What to expect, before it is mined.
    derive_rules : Rules from the itemsets.

    Notes
    -----
    Every itemset is counted in whole numbers. `top_k` raises the threshold until it is the
    count of the last set that belongs to the result. [1]_

    References
    ----------
    .. [1] Agrawal and Srikant (1994), "Fast algorithms for mining association rules", VLDB.
    .. [2] Pasquier et al. (1999), "Discovering frequent closed itemsets for association
       rules", ICDT.
    .. [3] Srikant and Agrawal (1995), "Mining generalized association rules", VLDB.

    Examples
    --------
    >>> lists = [["tea", "pot", "cup"], ["tea", "pot"], ["tea", "cup"], ["rope"]]
    >>> mine_itemsets(lists, min_support=0.5).to_frame()
            items  length  count  support
    0      (cup,)       1      2     0.50
    1      (pot,)       1      2     0.50
    2      (tea,)       1      3     0.75
    3  (cup, tea)       2      2     0.50
    4  (pot, tea)       2      2     0.50
    >>> list(mine_itemsets(lists, min_support=2, kind="maximal"))
    [('cup', 'tea'), ('pot', 'tea')]
    >>> mine_itemsets(lists, top_k=1, min_length=2).to_frame()["items"].tolist()
    [('cup', 'tea'), ('pot', 'tea')]
    """
    _check(min_support, top_k, kind, min_length, max_length, engine, budget, n_threads)
    found = as_baskets(baskets)
    if taxonomy is not None:
        found = found.with_taxonomy(taxonomy, mode="add")
    wanted = Wanted.of(found, items, contains, without, owner=_OWNER)
    least = 1
    if min_support is not None:
        least = min_count_of(min_support, found.n_baskets, owner=_OWNER)
    search = _Search(found, wanted, kind, min_length, max_length, engine, n_threads, least)
    watch = Watch(budget, progress)
    if top_k is None:
        trie, stopped = search.run(least, watch)
    else:
        trie, stopped, least = search.top(top_k, watch)
    if stopped is None:
        watch.finish()
    else:
        _warn(stopped, least)
    return Itemsets(
        trie,
        found.items,
        found.n_baskets,
        min_count=least,
        kind=kind,
        stopped=stopped,
        limits=_limits(wanted, min_length, max_length, related=found.related is not None),
    )


def as_baskets(baskets: Any) -> Baskets:
    """Return baskets, made of orders or lists where they are not baskets yet."""
    if isinstance(baskets, Baskets):
        return baskets
    if isinstance(baskets, Orders):
        return Baskets.from_orders(baskets)
    if hasattr(baskets, "columns") or isinstance(baskets, (str, bytes)):
        problem = (
            f"baskets must be Baskets, Orders or lists of items; got {type(baskets).__name__}. Use "
            f"Baskets.from_frame for a row per item, Baskets.from_onehot for a column per item."
        )
        raise InvalidParameterError(_OWNER, [problem])
    if not hasattr(baskets, "__iter__"):
        problem = f"baskets must be Baskets, Orders or lists; got {type(baskets).__name__}."
        raise InvalidParameterError(_OWNER, [problem])
    return Baskets.from_lists(baskets)


def _check(
    min_support: object,
    top_k: object,
    kind: object,
    min_length: object,
    max_length: object,
    engine: object,
    budget: object,
    n_threads: object,
) -> None:
    positive = Between(1, 2**62, integer=True)
    rules: dict[str, Rule] = {
        "min_support": Optional(_Threshold()),
        "top_k": Optional(positive),
        "kind": OneOf(_KINDS),
        "min_length": positive,
        "max_length": Optional(positive),
        "engine": OneOf(("auto", *ENGINES)),
        "budget": Optional(InstanceOf((Budget,), "a Budget")),
        "n_threads": Optional(positive),
    }
    values = {
        "min_support": min_support,
        "top_k": top_k,
        "kind": kind,
        "min_length": min_length,
        "max_length": max_length,
        "engine": engine,
        "budget": budget,
        "n_threads": n_threads,
    }
    check_values(_OWNER, values, rules)
    if min_support is None and top_k is None:
        raise InvalidParameterError(_OWNER, ["give min_support, or top_k, or both."])
    if top_k is not None and kind == "maximal":
        problem = "top_k has no meaning for maximal sets, which depend on the threshold."
        raise InvalidParameterError(_OWNER, [f"{problem} Take kind='closed'."])


class _Threshold:
    """A count or a share."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        return support_problem(name, value)


def _limits(
    wanted: Wanted, min_length: int, max_length: int | None, *, related: bool
) -> tuple[str, ...]:
    found = list(wanted.words)
    if min_length > 1:
        found.append(f"min_length={min_length}")
    if max_length is not None:
        found.append(f"max_length={max_length}")
    if related:
        found.append("without own categories")
    return tuple(found)


def _warn(stopped: str, least: int) -> None:
    message = (
        f"mine_itemsets stopped early: {stopped}. What it returns is right but not complete; "
        f"itemsets.stopped says so. Raise min_support above {least:,} baskets, set max_length, "
        f"look at estimate_itemsets, or give a larger budget=."
    )
    warnings.warn(message, DataWarning, stacklevel=3)


_FIRST_CAP = 200_000
"""Itemsets that one step of the search for the threshold may find, unless k is large."""


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What is looked for, with any threshold."""

    baskets: Baskets
    wanted: Wanted
    kind: ItemsetKind
    min_length: int
    max_length: int | None
    engine: MiningEngine
    n_threads: int | None
    least: int

    def run(self, min_count: int, watch: Watch) -> tuple[Trie, str | None]:
        """Return the sets of one threshold, and why the search stopped early."""
        kept = keep_entries(self.baskets, self.wanted, self.kind)
        related = self.baskets.related is not None
        longest = None if related and self.kind in ("closed", "maximal") else self.max_length
        trie, stopped = run_engine(
            choose_engine(self.engine, kept, min_count),
            kept,
            min_count=min_count,
            kind=self.kind,
            max_length=longest,
            watch=watch,
            n_threads=self.n_threads,
        )
        if related and self.baskets.related is not None:
            trie = without_ancestors(trie, self.baskets.related, self.baskets.n_items, self.kind)
        flags = listed_nodes(trie, self.wanted, self.min_length, self.max_length)
        return (trie if flags is None else trie.list_only(flags)), stopped

    def top(self, k: int, watch: Watch) -> tuple[Trie, str | None, int]:
        """Return the k sets of most baskets and those that tie with the last, and its count.

        A step that finds too many sets stops early. Sets that it has found prove a threshold
        that k sets reach; without such a proof the next step goes half way up.
        """
        counts = np.sort(self.baskets.item_counts)[::-1]
        high = int(counts.max(initial=0)) + 1  # fewer than k sets reach it
        crowded = 0  # a step at this threshold found too many
        guess = max(self.least, high // 2)
        if self.min_length == 1 and not self.wanted and self.kind == "all" and len(counts) >= k:
            guess = max(self.least, int(counts[k - 1]))
        cap = max(_FIRST_CAP, 20 * k)
        while True:
            free = guess >= high - 1 or guess <= crowded
            part = watch if free else watch.within(cap)
            trie, stopped = self.run(guess, part)
            found = np.sort(trie.count[trie.nodes()])[::-1]
            last = int(found[k - 1]) if len(found) >= k else 0
            if stopped is None and (last or guess <= self.least):
                least = last or self.least
                return trie.list_only(trie.count >= least), None, least
            if stopped is None:
                high = guess
                guess = max(self.least, guess // 2 if not crowded else (crowded + high) // 2)
                continue
            if free or part.is_exhausted(watch, stopped):
                return trie.list_only(trie.count >= max(last, guess)), stopped, guess
            crowded = max(crowded, guess)
            proven = last if self.kind == "all" else 0
            guess = proven if proven > guess else min((guess + high) // 2, high - 1)
