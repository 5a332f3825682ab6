"""Baskets as chance would fill them: every item as often, every basket as large."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait._core.params import Between, InstanceOf, Optional, check_values
from userportrait.patterns._baskets import Baskets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["shuffle_baskets", "shuffled"]

Ints: TypeAlias = "NDArray[np.int64]"

_FIRST_TRADES = 30
_MORE_TRADES = 10


def shuffle_baskets(
    baskets: Baskets, *, n_trades: int = _FIRST_TRADES, random_state: int | None = None
) -> Baskets:
    """Return baskets in which no items have to do with one another.

    Parameters
    ----------
    baskets : Baskets
    n_trades : int, default=30
        How often every basket trades items with another one.
    random_state : int, optional
        Makes the result repeatable.

    Returns
    -------
    Baskets
        As many baskets of the same sizes, in the same order, each item in as many as before.
        Weights are written out: a basket of weight 3 becomes three baskets.

    Notes
    -----
    In a trade two baskets pool the items that only one of them has, and draw from the pool as
    many as each put in. All baskets are paired at random and trade at once; after enough
    trades every table with these margins is equally likely [1]_.

    References
    ----------
    .. [1] Carstens, Hamann, Meyer, Penschuck, Tran and Wagner (2018), "Parallel and
       I/O-efficient randomisation of massive networks using global curveball trades", ESA.

    Examples
    --------
    >>> import userportrait as up
    >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["pot"], ["cup"]])
    >>> by_chance = shuffle_baskets(baskets, random_state=0)
    >>> np.diff(by_chance.indptr).tolist()
    [2, 2, 1, 1]
    """
    check_values(
        "shuffle_baskets",
        {"baskets": baskets, "n_trades": n_trades, "random_state": random_state},
        {
            "baskets": InstanceOf((Baskets,), "Baskets"),
            "n_trades": Between(1, 10**6, integer=True),
            "random_state": Optional(Between(0, 2**63 - 1, integer=True)),
        },
    )
    rng = np.random.default_rng(random_state)
    return next(shuffled(baskets, 1, rng, first_trades=n_trades))


def shuffled(
    baskets: Baskets, n: int, rng: np.random.Generator, *, first_trades: int = _FIRST_TRADES
) -> Iterator[Baskets]:
    """Yield baskets shuffled again and again, each from the one before."""
    rows, items = _entries(baskets)
    n_rows = int(baskets.n_baskets)
    sizes = np.bincount(rows, minlength=n_rows)
    indptr = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    for turn in range(n):
        for _ in range(first_trades if turn == 0 else _MORE_TRADES):
            rows, items = _trade(rows, items, n_rows, len(baskets.items), rng)
        order = np.lexsort((items, rows))
        yield Baskets(indptr, items[order].astype(np.int32), baskets.items)


def _entries(baskets: Baskets) -> tuple[Ints, Ints]:
    """Return basket and item of every entry, weights written out."""
    sizes = np.diff(baskets.indptr)
    weights = baskets.weights
    if weights is None:
        rows = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        return rows, baskets.indices.astype(np.int64)
    of_row = np.repeat(np.arange(len(sizes)), weights)
    repeated = sizes[of_row]
    rows = np.repeat(np.arange(len(of_row), dtype=np.int64), repeated)
    first = np.cumsum(repeated) - repeated
    within = np.arange(len(rows)) - np.repeat(first, repeated)
    return rows, baskets.indices[baskets.indptr[of_row][rows] + within].astype(np.int64)


def _trade(
    rows: Ints, items: Ints, n_rows: int, n_items: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Let every basket trade with one other."""
    seat = np.empty(n_rows, dtype=np.int64)
    seat[rng.permutation(n_rows)] = np.arange(n_rows)
    seats = seat[rows]
    pair = seats >> 1
    # Entries of one pair and item stand together: two of them are shared and stay.
    key = (pair * n_items + items) * 2 + (seats & 1)
    order = np.argsort(key, kind="stable")
    rows, items, pair, key = rows[order], items[order], pair[order], key[order] >> 1
    same = key[1:] == key[:-1]
    shared = np.zeros(len(key), dtype=np.bool_)
    shared[1:] |= same
    shared[:-1] |= same
    pool = np.flatnonzero(~shared)
    # Deal the pool of each pair out anew: the same places, the items in random order.
    dealt = pool[np.lexsort((rng.random(len(pool)), pair[pool]))]
    traded = items.copy()
    traded[pool] = items[dealt]
    return rows, traded
