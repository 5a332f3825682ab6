"""What a bundle may earn: candidates, the model of who takes the offer, its interval."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.patterns._rule_index import index_itemsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._itemsets import Itemsets

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Candidates", "find_candidates", "value_bundles", "value_intervals"]

_PER = 1_000


@dataclass(frozen=True, slots=True)
class Candidates:
    """Sets of items with the counts of all their subsets.

    Parameters
    ----------
    codes : ndarray of int32 of shape (n, 4)
        Item codes, ascending; -1 behind the last.
    counts : ndarray of int64 of shape (n, 16)
        Baskets that hold each subset: bit i of the column stands for item number i. The columns
        beyond the subsets of a smaller set are 0.
    n_baskets : int
    n_unpriced : int
        Sets left out because an item has no price or no margin.
    """

    codes: NDArray[np.int32]
    counts: Ints
    n_baskets: int
    n_unpriced: int

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Items in each set."""
        return np.asarray((self.codes >= 0).sum(axis=1), dtype=np.intp)

    def items_of(self, row: int) -> NDArray[np.int32]:
        """Return the codes of one set."""
        codes: NDArray[np.int32] = self.codes[row]
        found: NDArray[np.int32] = codes[codes >= 0]
        return found

    def take(self, rows: NDArray[np.intp]) -> Candidates:
        """Return some of the sets."""
        return Candidates(self.codes[rows], self.counts[rows], self.n_baskets, self.n_unpriced)

    def spread(self, of_items: Floats) -> Floats:
        """Return the number of each item of each set, 0 behind the last."""
        return np.where(self.codes >= 0, of_items[np.maximum(self.codes, 0)], 0.0)

    def lifts(self) -> Floats:
        """Return the support of each set over that of independent items."""
        found = self.counts[np.arange(len(self)), (1 << self.sizes) - 1].astype(np.float64)
        for item in range(4):
            there = self.codes[:, item] >= 0
            single = np.where(there, self.counts[:, 1 << item], self.n_baskets)
            found = found * (self.n_baskets / np.maximum(single, 1))
        lift: Floats = found / max(self.n_baskets, 1)
        return lift


def find_candidates(
    itemsets: Itemsets, max_size: int, min_lift: float, known: NDArray[np.bool_]
) -> Candidates:
    """Return the itemsets that may be bundles, with the counts of their subsets."""
    index = index_itemsets(itemsets, owner="suggest_bundles")
    codes: list[NDArray[np.int32]] = [np.empty((0, 4), dtype=np.int32)]
    counts: list[Ints] = [np.empty((0, 16), dtype=np.int64)]
    n_unpriced = 0
    for size in range(2, min(max_size, index.max_length) + 1):
        places: Any = np.arange(int(index.starts[size - 1]), int(index.starts[size]))
        priced = known[index.codes[size - 1]].all(axis=1)
        n_unpriced += int(np.count_nonzero(~priced))
        places = places[priced]
        padded = np.full((len(places), 4), -1, dtype=np.int32)
        padded[:, :size] = index.codes[size - 1][priced]
        codes.append(padded)
        counts.append(_subset_counts(index, places, size))
    found = Candidates(
        np.concatenate(codes), np.concatenate(counts), itemsets.n_baskets, n_unpriced
    )
    rows = np.flatnonzero(found.lifts() >= min_lift)
    return Candidates(found.codes[rows], found.counts[rows], found.n_baskets, n_unpriced)


def _subset_counts(index: Any, places: Any, size: int) -> Ints:
    """Return the count of every subset of sets of one size, by its bits."""
    at = {(1 << size) - 1: places.astype(np.int64)}
    found = np.zeros((len(places), 16), dtype=np.int64)
    for left_out in range(size):
        for kept in combinations(range(size), size - left_out):
            mask = sum(1 << item for item in kept)
            found[:, mask] = index.counts[at[mask]]
            for position, item in enumerate(kept):
                if len(kept) > 1:
                    at.setdefault(mask & ~(1 << item), index.facets[position, at[mask]])
    found[:, 0] = index.n_baskets
    return found


def value_bundles(
    candidates: Candidates,
    price: Floats,
    margin: Floats,
    *,
    discount: float,
    response: float,
) -> pd.DataFrame:
    """Return the figures of each bundle, but for the interval."""
    n, sizes = candidates.n_baskets, candidates.sizes
    prices, margins = candidates.spread(price), candidates.spread(margin)
    whole = (1 << sizes) - 1
    rows = np.arange(len(candidates))
    shares = candidates.counts / max(n, 1)
    units = _extra_units(shares, sizes, response)
    today = shares[rows, whole]
    total = prices.sum(axis=1)
    gain = (units * margins).sum(axis=1)
    cost = total * (units.sum(axis=1) + today)
    return pd.DataFrame(
        {
            "n_items": sizes.astype(np.int64),
            "count": candidates.counts[rows, whole],
            "support": today,
            "lift": candidates.lifts(),
            "price": total,
            "bundle_price": total * (1.0 - discount),
            "near": _near(candidates.counts, sizes).sum(axis=1),
            "extra_units": _PER * units.sum(axis=1),
            "given_away": _PER * discount * total * today,
            "extra_margin": _PER * (gain - discount * cost),
            "break_even": np.divide(gain, cost, out=np.zeros(len(rows)), where=cost > 0),
        }
    )


def _near(counts: Any, sizes: NDArray[np.intp]) -> Any:
    """Return how many baskets hold all items of a set but number i, for each i."""
    rows = np.arange(len(sizes))
    whole = (1 << sizes) - 1
    parts = [
        np.where(item < sizes, counts[rows, whole & ~(1 << item)] - counts[rows, whole], 0)
        for item in range(4)
    ]
    return np.stack(parts, axis=1)


def _extra_units(shares: Floats, sizes: NDArray[np.intp], response: float) -> Floats:
    """Return extra units of each item, per basket; `shares` are those of all subsets."""
    rows, whole = np.arange(len(sizes)), (1 << sizes) - 1
    found = np.zeros((len(sizes), 4))
    for item in range(4):
        others = shares[rows, whole & ~(1 << item)]
        held, own = shares[rows, whole], shares[:, 1 << item]
        ratio = np.divide(held, others, out=np.zeros(len(rows)), where=others > 0)
        units = response * np.maximum(ratio - own, 0.0) * (others - held)
        found[:, item] = np.where(item < sizes, units, 0.0)
    return found


def value_intervals(
    candidates: Candidates,
    price: Floats,
    margin: Floats,
    *,
    discount: float,
    response: float,
    confidence_level: float,
    n_draws: int,
    random_state: int,
) -> tuple[Floats, Floats]:
    """Return limits of the extra margin per 1,000 baskets, by the Bayesian bootstrap.

    Baskets fall into the cells of which items they hold. The shares of the cells are drawn from
    the Dirichlet distribution with their counts, for each bundle anew from `random_state`: its
    limits depend on its counts only.
    """
    prices, margins = candidates.spread(price), candidates.spread(margin)
    tail = (1.0 - confidence_level) / 2.0
    cells = _cells(candidates.counts, candidates.sizes)
    low, high = np.empty(len(candidates)), np.empty(len(candidates))
    for row in range(len(candidates)):
        rng = np.random.default_rng(random_state)
        drawn = rng.gamma(cells[row], size=(n_draws, 16))
        shares = _sums_over_supersets(drawn / drawn.sum(axis=1, keepdims=True))
        size = np.full(n_draws, candidates.sizes[row], dtype=np.intp)
        units = _extra_units(shares, size, response)
        cost = prices[row].sum() * (units.sum(axis=1) + shares[:, (1 << size[0]) - 1])
        worth = units @ margins[row] - discount * cost
        low[row], high[row] = np.quantile(worth, [tail, 1.0 - tail])
    return _PER * low, _PER * high


def _cells(counts: Ints, sizes: NDArray[np.intp]) -> Floats:
    """Return how many baskets hold exactly each subset, from how many hold at least it."""
    found = counts.astype(np.float64)
    for item in range(4):
        bit = 1 << item
        without = np.array([mask for mask in range(16) if not mask & bit])
        found[:, without] -= np.where((item < sizes)[:, None], found[:, without | bit], 0.0)
    return np.maximum(found, 0.0)


def _sums_over_supersets(cells: Floats) -> Floats:
    """Return how many hold at least each subset, from how many hold exactly it."""
    found = cells.copy()
    for item in range(4):
        without = np.array([mask for mask in range(16) if not mask & (1 << item)])
        found[:, without] += found[:, without | (1 << item)]
    return found
