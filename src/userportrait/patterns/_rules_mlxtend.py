"""The frame that mlxtend's association_rules would give, column for column, row for row."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait.patterns._itemset_rows import no_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._rule_index import SetIndex

__all__ = ["mlxtend_frame", "mlxtend_rules", "sets_as", "used"]

Codes: TypeAlias = "NDArray[np.int32]"
Floats: TypeAlias = "NDArray[np.float64]"
Rows: TypeAlias = "NDArray[np.intp]"

_BLOCK = 1 << 13
"""Rules measured together: what stays in the processor's cache from one formula to the next."""

# Two numbers that collide in a set's hash table, so that the order of iteration tells whether
# mlxtend takes a set as it is or builds it anew from its items.
_COLLIDING = (7, 15)


def mlxtend_frame(
    index: SetIndex, antecedents: Codes, consequents: Codes, itemsets: Codes, splits: Codes
) -> pd.DataFrame:
    """Return rules as mlxtend's installed version does."""
    columns, rebuilds = installed_version()
    if not len(itemsets):
        return pd.DataFrame(columns=["antecedents", "consequents", *columns])
    with no_collection():
        order = _order(index, itemsets, splits, rebuilds=rebuilds)
        left, right, whole = antecedents[order], consequents[order], itemsets[order]
        sets = sets_as(frozenset, index, used(index, left, right))
        found: dict[str, Any] = {"antecedents": sets[left], "consequents": sets[right]}
    shares = index.counts / np.float64(index.n_baskets)
    block = np.empty((len(columns), len(order)))
    for start in range(0, len(order), _BLOCK):
        some = slice(start, start + _BLOCK)
        metrics = _Metrics(shares[whole[some]], shares[left[some]], shares[right[some]])
        for name, column in zip(columns, block, strict=True):
            column[some] = metrics.column(name)
    found.update(zip(columns, block, strict=True))
    return pd.DataFrame(found, copy=False)


def mlxtend_rules(frame: pd.DataFrame, min_confidence: float) -> pd.DataFrame:
    """Let mlxtend make the rules; its threshold compares rounded shares."""
    rules: Callable[..., pd.DataFrame] = import_module(
        "mlxtend.frequent_patterns"
    ).association_rules
    return rules(frame, num_itemsets=1, metric="confidence", min_threshold=min_confidence)


@lru_cache(maxsize=1)
def installed_version() -> tuple[tuple[str, ...], bool]:
    """Return the installed mlxtend's measures, and whether it builds each set anew."""
    first, second = _COLLIDING
    both = frozenset(_COLLIDING)
    sets: list[frozenset[int]] = [frozenset((first,)), frozenset((second,)), both]
    probe = pd.DataFrame({"support": [0.5, 0.5, 0.25], "itemsets": sets})
    found = mlxtend_rules(probe, 0.0)
    names = tuple(str(name) for name in found.columns[2:])
    (leading,) = found["antecedents"].iloc[0]
    return names, leading != next(iter(both))


def used(index: SetIndex, *places: Codes | Rows) -> Rows:
    """Return the places that occur, ascending."""
    there = np.zeros(index.n_sets + 2, dtype=np.bool_)
    for some in places:
        there[some] = True
    return np.flatnonzero(there)


def sets_as(form: type[Any], index: SetIndex, places: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return the items as tuple or frozenset at each of some places, ascending; else None."""
    found = np.empty(index.n_sets + 2, dtype=object)
    for some, rows in _rows(index, places):
        sets = rows if form is tuple else map(form, rows)
        found[some] = np.fromiter(sets, dtype=object, count=len(some))
    return found


def _rows(
    index: SetIndex, places: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], Iterator[tuple[Any, ...]]]]:
    """Yield the places of each length, and their items as tuples, ascending by code."""
    items = np.empty(len(index.items), dtype=object)
    items[:] = index.items.tolist()
    bounds = np.searchsorted(places, index.starts)
    for length in range(1, index.max_length + 1):
        some = places[bounds[length - 1] : bounds[length]]
        if len(some):
            codes = index.codes[length - 1][some - index.starts[length - 1]]
            yield some, zip(*(items[column].tolist() for column in codes.T), strict=True)


def _order(index: SetIndex, itemsets: Codes, splits: Codes, *, rebuilds: bool) -> Rows:
    """Return the rows in mlxtend's order: long antecedents first, in the set's own order."""
    by_size = (itemsets.astype(np.int64) << 6) - np.bitwise_count(splits)
    order = np.argsort(by_size, kind="stable")
    by_size = by_size[order]
    same = by_size[1:] == by_size[:-1]
    several = np.zeros(len(order), dtype=np.bool_)
    several[1:] = same
    several[:-1] |= same
    equal = np.flatnonzero(several)
    rows = order[equal]
    turns = _turns(index, itemsets[rows], splits[rows], rebuilds=rebuilds)
    group = np.cumsum(np.diff(by_size[equal], prepend=-1) != 0)
    order[equal] = rows[np.argsort((group << 32) + turns)]
    return order


def _turns(index: SetIndex, itemsets: Codes, splits: Codes, *, rebuilds: bool) -> NDArray[np.int64]:
    """Return numbers above -(2 ** 32), at most 0, that ascend as mlxtend's antecedents do.

    Among those of one set and size, that is: combinations of the items as a walk through the
    set meets them. `itemsets` ascend.
    """
    found = np.zeros(len(itemsets), dtype=np.int64)
    slot = np.empty(index.n_sets, dtype=np.intp)
    bounds = np.searchsorted(itemsets, index.starts)
    walks = _Walks(index, rebuilds=rebuilds)
    for length in range(2, index.max_length + 1):
        some = slice(int(bounds[length - 1]), int(bounds[length]))
        wholes = itemsets[some]
        if not len(wholes):
            continue
        first = np.ones(len(wholes), dtype=np.bool_)
        first[1:] = wholes[1:] != wholes[:-1]
        places = wholes[first]
        slot[places] = np.arange(len(places))
        at, split = slot[wholes], splits[some]
        for item, weight in enumerate(walks.weights(places, length)):
            found[some] -= weight[at] * (split >> (length - 1 - item) & 1)
    return found


class _Walks:
    """Which item of a set mlxtend meets first, second and so on.

    Where no two items want the same seat in the table of a set, all get theirs, and the walk
    goes by seats. Other sets are made, and walked through.
    """

    def __init__(self, index: SetIndex, *, rebuilds: bool) -> None:
        self.index, self.rebuilds = index, rebuilds
        frequent = index.codes[0][:, 0]
        items = index.items[frequent].tolist()
        self.code = dict(zip(items, frequent.tolist(), strict=True))
        self.hashes = np.zeros(len(index.items), dtype=np.int64)
        self.hashes[frequent] = np.fromiter(map(hash, items), dtype=np.int64, count=len(items))

    def weights(self, places: Codes, length: int) -> NDArray[np.int64]:
        """Return powers of 2, as (length, n_sets): that of the item met first is the greatest."""
        n_seats = _n_seats(length)
        if not n_seats:
            return self._walked(places, length)
        seats = self.hashes[self.index.codes_at(places, length).T] & (n_seats - 1)
        weights = np.int64(1) << (n_seats - 1 - seats)
        clash = np.flatnonzero(np.bitwise_count(np.bitwise_or.reduce(weights)) < length)
        weights[:, clash] = self._walked(places[clash], length)
        return weights

    def _walked(self, places: Codes, length: int) -> NDArray[np.int64]:
        codes = self.index.codes_at(places, length)
        items = self.index.items
        rows = zip(*(items[column].tolist() for column in codes.T), strict=True)
        sets: Iterable[frozenset[Any]] = map(frozenset, rows)
        if self.rebuilds:
            sets = map(frozenset, map(list, sets))
        met: Iterable[Any] = chain.from_iterable(sets)
        if items.dtype.kind not in "iu":  # whole numbers are in the order of their codes
            met = map(self.code.__getitem__, met)
        walks = np.fromiter(met, dtype=np.int64, count=codes.size).reshape(codes.shape)
        return np.int64(1) << (length - 1 - np.argsort(walks, axis=1).T)


@lru_cache(maxsize=64)
def _n_seats(length: int) -> int:
    """Return how many seats this interpreter's sets of some items have; 0 if it is not known.

    An item's seat is its hash modulo their number. CPython has 8 seats for up to 4 items, then
    32 for up to 18. Sets that would show if it is otherwise are tried.
    """
    n_seats = 8 if length < 5 else 32
    if length > 18:
        return 0
    for shift in range(n_seats):
        seats = [(5 * turn + shift) % n_seats for turn in range(length)]
        walk = frozenset(seat + n_seats * (turn + 1) for turn, seat in enumerate(seats))
        if [item % n_seats for item in walk] != sorted(seats):
            return 0
    return n_seats


class _Metrics:
    """mlxtend's measures from its relative supports, rounded where it rounds."""

    def __init__(self, both: Floats, left: Floats, right: Floats) -> None:
        self.both, self.left, self.right = both, left, right
        self.confidence: Floats = both / left
        self.leverage: Floats = both - left * right

    def column(self, name: str) -> Floats:
        """Return one column; NaN for a name that no version known here has."""
        makers: dict[str, Callable[[], Floats]] = {
            "antecedent support": lambda: self.left,
            "consequent support": lambda: self.right,
            "support": lambda: self.both,
            "confidence": lambda: self.confidence,
            "lift": lambda: self.confidence / self.right,
            "representativity": lambda: np.ones(len(self.both)),
            "leverage": lambda: self.leverage,
            "conviction": self._conviction,
            "zhangs_metric": self._zhang,
            "jaccard": lambda: self.both / (self.left + self.right - self.both),
            "certainty": self._certainty,
            "kulczynski": lambda: (self.confidence + self.both / self.right) / 2,
        }
        maker = makers.get(name)
        return maker() if maker is not None else np.full(len(self.both), np.nan)

    def _conviction(self) -> Floats:
        found = _divide(1.0 - self.right, 1.0 - self.confidence)
        found[self.confidence >= 1.0] = np.inf
        return found

    def _zhang(self) -> Floats:
        left, right, both = self.left, self.right, self.both
        bottom = np.maximum(both * (1 - left), left * (right - both))
        found = _divide(self.leverage, bottom)
        found[bottom == 0] = 0.0
        return found

    def _certainty(self) -> Floats:
        bottom = 1 - self.right
        found = _divide(self.confidence - self.right, bottom)
        found[bottom == 0] = 0.0
        return found


def _divide(top: Floats, bottom: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return top / bottom
