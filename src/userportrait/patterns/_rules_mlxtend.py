"""The frame that mlxtend's association_rules would give, column for column, row for row."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait.patterns._prune import by_lengths, ranks_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.patterns._rule_index import SetIndex

__all__ = ["frozen_sets", "mlxtend_frame", "mlxtend_rules"]

Codes: TypeAlias = "NDArray[np.int32]"
Floats: TypeAlias = "NDArray[np.float64]"

# Two numbers that collide in a set's hash table, so that the order of iteration tells whether
# mlxtend takes a set as it is or builds it anew from its items.
_COLLIDING = (7, 15)


def mlxtend_frame(
    index: SetIndex, antecedents: Codes, consequents: Codes, itemsets: Codes
) -> pd.DataFrame:
    """Return rules as mlxtend's installed version does."""
    columns, rebuilds = installed_version()
    if not len(itemsets):
        return pd.DataFrame(columns=["antecedents", "consequents", *columns])
    order = _order(index, antecedents, itemsets, rebuilds=rebuilds)
    left, right, whole = antecedents[order], consequents[order], itemsets[order]
    shares = index.counts / np.float64(index.n_baskets)
    metrics = _Metrics(shares[whole], shares[left], shares[right])
    sets = frozen_sets(index, np.unique(np.concatenate((left, right))))
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


def frozen_sets(index: SetIndex, places: Codes) -> NDArray[np.object_]:
    """Return a frozenset at each of some places, ascending; None elsewhere."""
    found = np.empty(index.n_sets + 2, dtype=object)
    items: NDArray[np.object_] = _as_objects(index.items)
    bounds = np.searchsorted(places, index.starts)
    for length in range(1, index.max_length + 1):
        some = places[bounds[length - 1] : bounds[length]]
        if len(some):
            columns = items[index.codes_at(some, length).T].tolist()
            found[some] = _object_array(list(map(frozenset, zip(*columns, strict=True))))
    return found


def _as_objects(items: NDArray[Any]) -> NDArray[np.object_]:
    return _object_array(items.tolist())


def _object_array(values: list[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _order(
    index: SetIndex, antecedents: Codes, itemsets: Codes, *, rebuilds: bool
) -> NDArray[np.intp]:
    """Return the rows in mlxtend's order: long antecedents first, in the set's own order."""
    key = np.zeros(len(itemsets), dtype=np.int64)
    several = np.flatnonzero(_stands_twice(itemsets, index.n_sets))
    rank = _iteration_ranks(index, np.unique(itemsets[several]), rebuilds=rebuilds)
    for rows, size, length in by_lengths(index, antecedents[several], itemsets[several]):
        some = several[rows]
        whole = itemsets[some]
        items = ranks_within(index, antecedents[some], size, whole, length)
        at = rank[length][1][np.searchsorted(rank[length][0], whole)]
        taken = np.take_along_axis(at, items.T.astype(np.intp), axis=1)
        mask = (np.int64(1) << (length - 1 - taken)).sum(axis=1)
        key[some] = ((length - size) << 40) - mask
    return np.lexsort((key, itemsets))


def _stands_twice(itemsets: Codes, n_sets: int) -> NDArray[np.bool_]:
    """Say which rules share their itemset with another rule."""
    return np.bincount(itemsets, minlength=n_sets)[itemsets] > 1


def _iteration_ranks(
    index: SetIndex, places: Codes, *, rebuilds: bool
) -> dict[int, tuple[Codes, NDArray[np.intp]]]:
    """Return by length the sets, and at which turn of the iteration each item comes."""
    sets = frozen_sets(index, places)
    code = {item: at for at, item in enumerate(index.items.tolist())}
    bounds = np.searchsorted(places, index.starts)
    found: dict[int, tuple[Codes, NDArray[np.intp]]] = {}
    for length in range(2, index.max_length + 1):
        some = places[bounds[length - 1] : bounds[length]]
        if not len(some):
            continue
        listed: list[Any] = sets[some].tolist()
        if rebuilds:
            listed = list(map(frozenset, map(list, listed)))
        flat = map(code.__getitem__, chain.from_iterable(listed))
        seen = np.fromiter(flat, dtype=np.int32, count=len(some) * length)
        found[length] = some, np.argsort(seen.reshape(-1, length), axis=1)
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
