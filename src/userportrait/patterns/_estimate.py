"""What to expect of a threshold, before the itemsets explode."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.params import Between, check_values
from userportrait.patterns._basket_merge import rows_from_pairs, take_rows
from userportrait.patterns._budget import Budget, Watch
from userportrait.patterns._engines import run_engine
from userportrait.patterns._mine import as_baskets
from userportrait.patterns._support import min_count_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.data import Orders
    from userportrait.patterns._baskets import Baskets

__all__ = ["Estimate", "estimate_itemsets"]

_OWNER = "estimate_itemsets"
_BYTES = 12
"""Bytes of an itemset in the result."""
_COUNTED = 2_000_000
"""Itemsets that are simply counted."""
_GIANT = 100
"""Frequent items from which on a basket can make a search explode."""
_WORK = 200_000_000
"""Pairs of items in baskets that are counted; of more a sample is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What to expect of a threshold.

    Parameters
    ----------
    n_baskets : int
        Baskets, empty ones included.
    min_count : int
        The threshold as a count.
    n_items, n_pairs : int
        Frequent items, and frequent pairs of them.
    pairs_are_exact : bool
        Whether all baskets were counted; else `n_pairs` comes from a sample of them.
    is_exact : bool
        Whether `expected` was counted: up to 2,000,000 itemsets are.
    longest : int
        No itemset can have more items: fewer than `min_count` baskets hold more frequent ones.
    at_least : int
        So many itemsets there are for certain.
    expected : float
        How many itemsets there are, about, where they were not counted: the right order of
        magnitude, mostly; low where few items make most of the itemsets.
    n_giant : int
        Baskets with more than 100 frequent items.
    largest : int
        Frequent items in the largest basket.
    max_bytes : int
        What the result may take by default when it is mined: see `Budget`.

    Examples
    --------
    >>> from userportrait.patterns import Baskets
    >>> estimate = estimate_itemsets(Baskets.from_lists([range(30)] * 5), 0.5)
    >>> estimate.at_least == 2**30 - 1
    True
    >>> estimate.needs_budget
    True
    """

    n_baskets: int
    min_count: int
    n_items: int
    n_pairs: int
    pairs_are_exact: bool
    is_exact: bool
    longest: int
    at_least: int
    expected: float
    n_giant: int
    largest: int
    max_bytes: int = field(compare=False)

    @property
    def needs_budget(self) -> bool:
        """Whether more itemsets are to be expected than fit into `max_bytes`."""
        return max(self.expected, float(self.at_least)) * _BYTES > self.max_bytes

    @property
    def advice(self) -> str:
        """What to do, in words."""
        n = max(self.expected, float(self.at_least))
        if self.n_items == 0:
            return "Nothing is that frequent. Lower min_support."
        if self.needs_budget:
            return (
                "A budget is advised: not all of them fit in memory. Raise min_support, set "
                "max_length, mine kind='closed' or 'maximal', or take what Budget(max_itemsets=…) "
                "allows."
            )
        if n > 2_000_000:
            return (
                "They fit in memory, but nobody reads so many. A Budget(max_seconds=…) is wise; "
                "kind='closed' or top_k gives fewer."
            )
        return "No budget is needed."

    def to_dict(self) -> dict[str, Any]:
        """Return the figures and the advice as a dict that JSON can write."""
        names = [name for name in self.__slots__ if not name.startswith("_")]
        return {name: getattr(self, name) for name in names} | {"advice": self.advice}

    def _rows(self) -> dict[str, str]:
        about = "" if self.pairs_are_exact else "about "
        rows = {
            "threshold": f"{self.min_count:,} of {format_count(self.n_baskets, 'basket')}",
            "frequent items": f"{self.n_items:,}",
            "frequent pairs": f"{about}{self.n_pairs:,}",
            "itemsets": self._number(),
            "longest possible": format_count(self.longest, "item"),
            "largest basket": f"{format_count(self.largest, 'frequent item')}",
        }
        if self.n_giant:
            rows["giant baskets"] = f"{self.n_giant:,} with more than {_GIANT} frequent items"
        return rows | {"advice": self.advice}

    def _number(self) -> str:
        if self.is_exact:
            return f"{self.at_least:,}"
        return f"about {_short(self.expected)}, at least {_short(self.at_least)}"

    def __str__(self) -> str:
        return "\n".join(f"{name:<20}{value}" for name, value in self._rows().items())

    def _repr_html_(self) -> str:
        return page_fragment("Itemsets to expect", definition_list(self._rows()))


def _short(number: float) -> str:
    return f"{number:,.0f}" if number < 1e9 else f"{float(min(number, 10**300)):.1e}"


def estimate_itemsets(
    baskets: Baskets | Orders | Iterable[Iterable[Any]],
    min_support: float,
    *,
    n_probes: int = 300,
    random_state: int = 0,
) -> Estimate:
    """Say what to expect of `mine_itemsets`, without mining it all.

    Parameters
    ----------
    baskets : Baskets, Orders or iterable of lists
    min_support : int or float
        A count or a share, as for `mine_itemsets`.
    n_probes : int, default=300
        Random paths into the tree of itemsets, where these are too many to be counted; more
        are steadier, and slower.
    random_state : int, default=0
        Seed of the paths. The same one gives the same estimate.

    Returns
    -------
    Estimate
        Print it: it says in words whether a budget is advised.

    Raises
    ------
    InvalidParameterError
        If a parameter has no such value.

    Notes
    -----
    A search that stops at 2,000,000 itemsets comes first; where it ends before, its number is
    exact. Beyond, frequent items and pairs are counted. What is certain follows from them and
    from one frequent itemset of k items, found greedily: all its 2**k - 1 parts are frequent.
    The expected number comes from random paths: a path starts at a frequent pair, goes to a
    random frequent extension, and multiplies the numbers of choices, which is unbiased for the
    size of a tree. [1]_

    References
    ----------
    .. [1] Knuth (1975), "Estimating the efficiency of backtrack programs", Mathematics of
       Computation 29(129).

    Examples
    --------
    >>> print(estimate_itemsets([["tea", "pot"], ["tea", "pot", "cup"], ["tea"]], 2))
    threshold           2 of 3 baskets
    frequent items      2
    frequent pairs      1
    itemsets            3
    longest possible    2 items
    largest basket      2 frequent items
    advice              No budget is needed.
    """
    rules: dict[str, Rule] = {
        "n_probes": Between(1, 10**6, integer=True),
        "random_state": Between(0, 2**63, integer=True),
    }
    check_values(_OWNER, {"n_probes": n_probes, "random_state": random_state}, rules)
    found = as_baskets(baskets)
    min_count = min_count_of(min_support, found.n_baskets, owner=_OWNER)
    tree = _Tree(found, min_count)
    rng = np.random.default_rng(random_state)
    watch = Watch(Budget(max_itemsets=_COUNTED))
    trie, stopped = run_engine(
        "numpy",
        found,
        min_count=min_count,
        kind="all",
        max_length=None,
        watch=watch,
        n_threads=None,
    )
    if stopped is None:
        n_pairs, at_least, expected, exact = len(trie.nodes(2)), len(trie), float(len(trie)), True
    else:
        n_pairs, at_least, expected, exact = tree.figures(n_probes, rng)
        at_least = max(at_least, len(trie))
    return Estimate(
        n_baskets=found.n_baskets,
        min_count=min_count,
        n_items=tree.n_items,
        n_pairs=n_pairs,
        pairs_are_exact=exact,
        is_exact=stopped is None,
        longest=tree.longest(),
        at_least=at_least,
        expected=max(expected, float(at_least)),
        n_giant=int(tree.weights[tree.sizes > _GIANT].sum()),
        largest=int(tree.sizes.max(initial=0)),
        max_bytes=watch.max_bytes,
    )


class _Tree:
    """The tree of itemsets over frequent items, the rarest first, explored on demand."""

    def __init__(self, baskets: Baskets, min_count: int) -> None:
        merged = baskets.merged
        counts = baskets.item_counts
        frequent = np.flatnonzero(counts >= min_count)
        order = frequent[np.argsort(counts[frequent], kind="stable")]
        self.n_items: int = len(order)
        self.min_count: int = min_count
        code = np.full(len(counts), -1, dtype=np.int32)
        code[order] = np.arange(len(order), dtype=np.int32)
        entries = code[merged.indices]
        kept = entries >= 0
        n_rows = len(merged.weights)
        rows = np.repeat(np.arange(n_rows, dtype=np.int32), np.diff(merged.indptr))[kept]
        self.indptr, self.indices = rows_from_pairs(rows, entries[kept], n_rows, max(len(order), 1))
        self.weights: NDArray[np.int64] = merged.weights
        self.sizes: NDArray[np.int64] = np.diff(self.indptr)
        self._of_item: Any = None

    def figures(self, n_probes: int, rng: np.random.Generator) -> tuple[int, int, float, bool]:
        """Return the pairs, the sets for certain, those expected, and if the pairs are exact."""
        first, second, exact = self.pairs(rng)
        k = self.greedy(first, second)
        n_pairs = len(first)
        known = self.n_items + (n_pairs if exact else 0) + 2**k - 1 - k - k * (k - 1) // 2
        mean = self.size_below(first, second, n_probes, rng)
        return n_pairs, known, self.n_items + n_pairs * mean, exact

    def longest(self) -> int:
        """Return the most items that an itemset can have."""
        if not len(self.sizes):
            return 0
        order = np.argsort(-self.sizes, kind="stable")
        reached = np.cumsum(self.weights[order]) >= self.min_count
        place = int(np.argmax(reached))
        return int(self.sizes[order[place]]) if reached.any() else 0

    def pairs(self, rng: np.random.Generator) -> tuple[NDArray[np.int32], NDArray[np.int32], bool]:
        """Return frequent pairs, the rarer item first, and whether all baskets were counted."""
        from scipy.sparse import csr_array, triu

        indptr, indices, weights, needed = self.indptr, self.indices, self.weights, self.min_count
        work = float((self.sizes.astype(np.float64) ** 2).sum())
        share = min(_WORK / work, 1.0) if work else 1.0
        if share < 1.0:
            rows = np.sort(rng.choice(len(weights), max(int(share * len(weights)), 1), False))
            indptr, indices = take_rows(indptr, indices, rows)
            weights = weights[rows]
            needed = max(round(self.min_count * share), 1)
        shape = (len(weights), self.n_items)
        weighted = csr_array((np.repeat(weights, np.diff(indptr)), indices, indptr), shape=shape)
        ones = csr_array((np.ones(len(indices), dtype=np.int64), indices, indptr), shape=shape)
        table: Any = triu(ones.T @ weighted, k=1).tocoo()
        enough = table.data >= needed
        first, second = table.row[enough].astype(np.int32), table.col[enough].astype(np.int32)
        order = np.lexsort((second, first))
        return first[order], second[order], share == 1.0

    def rows_with(self, items: tuple[int, ...]) -> NDArray[np.intp]:
        """Return the rows that hold all of some items."""
        if self._of_item is None:
            order = np.argsort(self.indices, kind="stable")
            row = np.repeat(np.arange(len(self.weights)), self.sizes)[order]
            ends = np.cumsum(np.bincount(self.indices, minlength=self.n_items))
            self._of_item = np.split(row, ends[:-1])
        rows: NDArray[np.intp] = self._of_item[items[0]]
        for item in items[1:]:
            rows = np.intersect1d(rows, self._of_item[item], assume_unique=True)
        return rows

    def counts_in(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return in how many baskets among some rows each item is."""
        indptr, indices = take_rows(self.indptr, self.indices, rows)
        weights = np.repeat(self.weights[rows], np.diff(indptr))
        found: Any = np.bincount(indices, weights=weights, minlength=self.n_items)
        return np.asarray(found, dtype=np.float64)

    def greedy(self, first: NDArray[np.int32], second: NDArray[np.int32]) -> int:
        """Return the size of a large frequent itemset, grown item by item from some pairs."""
        best = min(self.n_items, 1)
        if not len(first):
            return best
        starts = np.unique(np.linspace(0, len(first) - 1, 20).astype(np.intp))
        for start in starts.tolist():
            chosen = [int(first[start]), int(second[start])]
            rows = self.rows_with((chosen[0], chosen[1]))
            if int(self.weights[rows].sum()) < self.min_count:  # in a sample only
                continue
            while True:
                counts = self.counts_in(rows)
                counts[chosen] = 0
                item = int(np.argmax(counts))
                if counts[item] < self.min_count:
                    break
                chosen.append(item)
                rows = np.intersect1d(rows, self.rows_with((item,)), assume_unique=True)
            best = max(best, len(chosen))
        return best

    def size_below(
        self,
        first: NDArray[np.int32],
        second: NDArray[np.int32],
        n_probes: int,
        rng: np.random.Generator,
    ) -> float:
        """Return how many itemsets begin with a frequent pair, on average, itself included."""
        if not len(first):
            return 0.0
        partners = np.bincount(first, minlength=self.n_items)[second].astype(np.float64)
        chances = partners + 1.0
        chances /= chances.sum()
        chosen = rng.choice(len(first), n_probes, p=chances)
        sizes: list[float] = [
            self._probe(int(first[at]), int(second[at]), rng) for at in chosen.tolist()
        ]
        weighted: NDArray[np.float64] = np.array(sizes) / chances[chosen]
        return float(weighted.mean()) / len(first)

    def _probe(self, first: int, second: int, rng: np.random.Generator) -> float:
        """Return the size of the tree below a pair, guessed from one random path.

        Items of all the baskets at hand double what is below, so they are counted at once.
        Where much is still to choose from, a path goes with a higher chance.
        """
        size, ways, last = 0.0, 1.0, second
        rows = self.rows_with((first, second))
        ruled_out = np.zeros(self.n_items, dtype=bool)
        while True:
            counts = self.counts_in(rows)
            total = float(self.weights[rows].sum())
            open_ = (counts >= self.min_count) & ~ruled_out
            open_[: last + 1] = False
            always = open_ & (counts == total)
            ruled_out |= always
            ways *= 2.0 ** int(np.count_nonzero(always))
            size += ways
            further = np.flatnonzero(open_ & ~always)
            if not len(further):
                return size
            chances = np.arange(len(further), 0, -1, dtype=np.float64)
            chances /= chances.sum()
            place = int(rng.choice(len(further), p=chances))
            ways /= float(chances[place])
            last = int(further[place])
            rows = np.intersect1d(rows, self.rows_with((last,)), assume_unique=True)
