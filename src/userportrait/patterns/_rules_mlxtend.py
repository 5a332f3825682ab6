"""The frame that mlxtend's association_rules would give, column for column, row for row."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._rule_index import SetIndex

__all__ = ["mlxtend_frame", "mlxtend_rules", "sets_as", "used"]

Codes: TypeAlias = "NDArray[np.int32]"
Floats: TypeAlias = "NDArray[np.float64]"

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
    with _without_collector():
        order = _order(index, itemsets, splits, rebuilds=rebuilds)
        left, right, whole = antecedents[order], consequents[order], itemsets[order]
        sets = sets_as(frozenset, index, used(index, left, right))
    shares = index.counts / np.float64(index.n_baskets)
    metrics = _Metrics(shares[whole], shares[left], shares[right])
    found: dict[str, Any] = {"antecedents": sets[left], "consequents": sets[right]}
    for name in columns:
        found[name] = metrics.column(name)
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


def used(index: SetIndex, *places: Codes) -> NDArray[np.intp]:
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


@contextmanager
def _without_collector() -> Generator[None]:
    """Let Python not look for garbage while many sets are made: none of them is."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _order(index: SetIndex, itemsets: Codes, splits: Codes, *, rebuilds: bool) -> NDArray[np.intp]:
    """Return the rows in mlxtend's order: long antecedents first, in the set's own order."""
    by_size = (itemsets.astype(np.int64) << 6) - np.bitwise_count(splits)
    several = _stand_equal(by_size)
    if not len(several):
        return np.argsort(by_size, kind="stable")
    turn = np.zeros(len(itemsets), dtype=np.int64)
    weights = _bit_weights(index, used(index, itemsets[several]), rebuilds=rebuilds)
    length_of = index.lengths(itemsets[several])
    slot = np.empty(index.n_sets + 2, dtype=np.intp)
    for length, (places, of_item) in weights.items():
        slot[places] = np.arange(len(places))
        rows = several[length_of == length]
        at, split = slot[itemsets[rows]], splits[rows]
        mask = np.zeros(len(rows), dtype=np.int64)
        for item in range(length):
            mask += of_item[item][at] * (split >> (length - 1 - item) & 1)
        turn[rows] = -mask
    return np.lexsort((turn, by_size))


def _stand_equal(key: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the rows whose key another row has as well."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    same = ordered[1:] == ordered[:-1]
    equal = np.zeros(len(key), dtype=np.bool_)
    equal[1:] |= same
    equal[:-1] |= same
    return order[equal]


def _bit_weights(
    index: SetIndex, places: NDArray[np.intp], *, rebuilds: bool
) -> dict[int, tuple[NDArray[np.intp], NDArray[np.int64]]]:
    """Return by length the sets, and what each item weighs: the first of the iteration most."""
    code = {item: at for at, item in enumerate(index.items.tolist())}
    found: dict[int, tuple[NDArray[np.intp], NDArray[np.int64]]] = {}
    for some, rows in _rows(index, places):
        sets: Iterable[frozenset[Any]] = map(frozenset, rows)
        if rebuilds:
            sets = map(frozenset, map(list, sets))
        length = int(index.lengths(some[:1])[0])
        flat = map(code.__getitem__, chain.from_iterable(sets))
        seen = np.fromiter(flat, dtype=np.int32, count=len(some) * length)
        turns = np.ascontiguousarray(seen.reshape(-1, length).T)
        weights = np.empty((length, len(some)), dtype=np.int64)
        column = np.arange(len(some))
        for turn, codes in enumerate(turns):
            rank = np.zeros(len(some), dtype=np.intp)
            for other in turns:
                rank += other < codes
            weights[rank, column] = 1 << (length - 1 - turn)
        found[length] = some, weights
    return found


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
        found = np.full(len(self.both), np.inf)
        below = self.confidence < 1.0
        np.divide(1.0 - self.right, 1.0 - self.confidence, out=found, where=below)
        return found

    def _zhang(self) -> Floats:
        left, right, both = self.left, self.right, self.both
        bottom = np.maximum(both * (1 - left), left * (right - both))
        return np.divide(self.leverage, bottom, out=np.zeros(len(both)), where=bottom != 0)

    def _certainty(self) -> Floats:
        bottom = 1 - self.right
        found = np.zeros(len(bottom))
        return np.divide(self.confidence - self.right, bottom, out=found, where=bottom != 0)
