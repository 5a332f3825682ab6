"""Cut interactions into a part to learn from and a part to be judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from userportrait._core.display import format_count
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait._core.units import as_moment, from_micros, to_micros
from userportrait.errors import InvalidParameterError
from userportrait.recommend._splits_result import DataT, Split, made_split
from userportrait.recommend._splits_rows import SplitRows, read_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

__all__ = ["split_blocks", "split_by_time", "split_last", "split_random"]


def split_by_time(
    interactions: DataT, *, at: object = None, share: float | None = None
) -> Split[DataT]:
    """Cut at one moment: learn from what was before, be judged by what came then.

    This is the cut that a shop lives with, and the one to prefer: no other keeps the future out
    of training.

    Parameters
    ----------
    interactions : Interactions, Orders or frame
        With times. A frame of any engine has `customer_id`, `item_id` and `occurred_at` (or
        `ordered_at`), and may have `order_id` and more, which is kept.
    at : time, optional
        Rows of this moment and later are to be judged by.
    share : float, optional
        Instead of `at`: the share of interactions to be judged by, in (0, 1). The cut is made
        at the moment that comes nearest; what happened at one moment stays together.

    Returns
    -------
    Split

    Raises
    ------
    InvalidParameterError
        If not exactly one of `at` and `share` is given, or there are no times.
    InvalidDataError
        If all rows are on one side of the cut.

    See Also
    --------
    split_last : The last interactions of every customer.

    Notes
    -----
    Customers and items that appear after the cut only are counted, and stay: leave them out with
    `Split.narrow_test`. With decayed weights (`half_life`), each part's weights are as of its own
    newest moment.

    Examples
    --------
    >>> import userportrait as up
    >>> orders = up.make_shop(n_customers=200, random_state=0).orders
    >>> split = split_by_time(orders, share=0.2)
    >>> split.test
    <Orders: ...>
    """
    owner = "split_by_time"
    rule = Optional(Between(0.0, 1.0, open_low=True, open_high=True))
    check_values(owner, {"share": share}, {"share": rule})
    if (at is None) == (share is None):
        raise InvalidParameterError(owner, ["give either at= or share=."])
    rows = read_rows(interactions, owner, needs_times=True)
    times = rows.times[rows.counts]
    moment = _moment_of(times, share) if share is not None else _micros(at, owner)
    is_test = rows.times >= moment
    shown = from_micros(moment).isoformat(sep=" ").removesuffix(" 00:00:00")
    return made_split(rows, is_test, f"by time at {shown}", owner)


def _micros(at: object, owner: str) -> int:
    return to_micros(as_moment(at, owner=owner, name="at"))


def _moment_of(times: NDArray[np.int64], share: float) -> int:
    """Return the moment whose cut comes nearest to a share; the later of two."""
    moments, counts = np.unique(times, return_counts=True)
    later = counts[::-1].cumsum()[::-1] / len(times)  # rows of each moment and later
    return int(moments[len(moments) - 1 - int(np.argmin(np.abs(later - share)[::-1]))])


def split_last(
    interactions: DataT, n: int = 1, *, unit: Literal["interactions", "baskets"] = "interactions"
) -> Split[DataT]:
    """Be judged by the last interactions of every customer, learn from those before.

    Parameters
    ----------
    interactions : Interactions, Orders or frame
        As in `split_by_time`.
    n : int, default=1
        How many interactions or baskets of every customer to be judged by.
    unit : {'interactions', 'baskets'}, default='interactions'
        Whether single items are counted, or baskets: rows of one `order_id`, or of one moment
        where orders are unknown.

    Returns
    -------
    Split
        Customers with `n` or fewer of them are in `train` only, and are counted as
        `n_uncut_customers`.

    Raises
    ------
    InvalidParameterError
        If `n` is below 1, or there are no times.
    InvalidDataError
        If nobody has more than `n`.

    Notes
    -----
    Rows of one customer, item and moment are one interaction; at one moment the last ones go by
    item. Returns and lines without an item are no interactions: they follow their time.

    What other customers do later is in `train`, so that it knows of the future; where that
    matters, use `split_by_time`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 1, 2],
    ...         "item_id": ["tea", "cup", "tea"],
    ...         "occurred_at": pd.to_datetime(["2026-01-01", "2026-01-05", "2026-01-06"]),
    ...     }
    ... )
    >>> split = split_last(frame)
    >>> split.test
       customer_id item_id occurred_at
    0            1     cup  2026-01-05
    >>> split.facts["n_uncut_customers"]
    1
    """
    owner = "split_last"
    check_values(
        owner,
        {"n": n, "unit": unit},
        {"n": Between(1, 1_000_000, integer=True), "unit": OneOf(("interactions", "baskets"))},
    )
    rows = read_rows(interactions, owner, needs_times=True)
    step = _steps(rows, unit)
    counted = np.flatnonzero(rows.counts)
    customer = rows.customer[counted]
    n_customers = len(rows.customer_ids)
    last = np.full(n_customers, -1, dtype=np.int64)
    np.maximum.at(last, customer, step[counted])
    first = np.full(n_customers, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, customer, step[counted])
    cut = last - first + 1 > n
    own = rows.customer
    is_test = cut[own] & (step > last[own] - n)
    others = np.flatnonzero(~rows.counts)
    begins = np.full(n_customers, np.iinfo(np.int64).max, dtype=np.int64)
    chosen = counted[is_test[counted]]
    np.minimum.at(begins, own[chosen], rows.times[chosen])
    is_test[others] = rows.times[others] >= begins[own[others]]
    return made_split(
        rows, is_test, f"the last {format_count(n, unit[:-1])} of each customer", owner
    )


def _steps(rows: SplitRows, unit: str) -> NDArray[np.int64]:
    """Number the interactions or baskets by customer and time; -1 for what is neither."""
    step = np.full(len(rows.customer), -1, dtype=np.int64)
    counted = np.flatnonzero(rows.counts)
    customer, when = rows.customer[counted], rows.times[counted]
    keys: tuple[NDArray[np.int64], ...]
    if unit == "interactions":
        keys = (rows.item[counted], when, customer)
    elif rows.order is None:
        keys = (when, customer)
    else:
        order = rows.order[counted]
        key = customer * (int(order.max(initial=0)) + 1) + order
        _, basket = np.unique(key, return_inverse=True)
        begun = np.full(int(basket.max(initial=-1)) + 1, np.iinfo(np.int64).max, dtype=np.int64)
        np.minimum.at(begun, basket, when)
        keys = (order, begun[basket], customer)
    sort = np.lexsort(keys)
    new = np.zeros(len(sort), dtype=bool)
    for key in keys:
        values = key[sort]
        new[1:] |= values[1:] != values[:-1]
    step[counted[sort]] = np.cumsum(new)
    return step


def split_random(
    interactions: DataT, share: float = 0.2, *, random_state: int | None = 0
) -> Split[DataT]:
    """Be judged by a random share of every customer's items.

    For comparison with published figures. A random cut lets a recommender learn from the
    future; where times are known, `split_by_time` says more.

    Parameters
    ----------
    interactions : Interactions, Orders or frame
        As in `split_by_time`; times are not needed.
    share : float, default=0.2
        Share of each customer's items, in (0, 1). A customer of n items has ``share * n`` of them
        in `test` on average, rounded up or down by chance, and at least one in `train`.
    random_state : int, optional, default=0

    Returns
    -------
    Split
        All rows of one customer and item are in the same part.

    Raises
    ------
    InvalidParameterError
        If `share` is not in (0, 1).
    InvalidDataError
        If nobody has two items.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": [1, 1, 1, 1], "item_id": ["a", "b", "c", "d"]})
    >>> len(split_random(frame, 0.5).test)
    2
    """
    owner = "split_random"
    rows, own = _random_sizes(interactions, share, random_state, owner)
    order = np.lexsort((own.draw, own.customer))
    is_test = np.zeros(len(order), dtype=bool)
    is_test[order] = own.place < own.n_test[own.customer]
    return made_split(rows, own.spread(is_test), f"{share:g} of each customer's items", owner)


def split_blocks(
    interactions: DataT, share: float = 0.2, *, random_state: int | None = 0
) -> Split[DataT]:
    """Be judged by a block of neighbouring items of every customer.

    Where there are no times, but item IDs tell of one, such as numbers given at first sight, a
    block of neighbours is like a trip or a season. It is harder than `split_random`, and nearer
    to what a cut by time would find.

    Parameters
    ----------
    interactions, share, random_state
        As in `split_random`. The items of each customer are sorted by ID; the block begins
        anywhere, each place being as likely, and does not wrap around.

    Returns
    -------
    Split
        All rows of one customer and item are in the same part.

    Raises
    ------
    InvalidParameterError, InvalidDataError
        As in `split_random`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": [1, 1, 1, 1], "item_id": ["d", "b", "c", "a"]})
    >>> sorted(split_blocks(frame, 0.5).test["item_id"])
    ['c', 'd']
    """
    owner = "split_blocks"
    rows, own = _random_sizes(interactions, share, random_state, owner)
    start_of = np.floor(own.start * (own.n_items - own.n_test + 1)).astype(np.int64)
    after = own.place - start_of[own.customer]
    is_test = (after >= 0) & (after < own.n_test[own.customer])
    method = f"a block of {share:g} of each customer's items"
    return made_split(rows, own.spread(is_test), method, owner)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Distinct pairs, sorted by customer, then item, with random numbers."""

    customer: NDArray[np.int64]
    place: NDArray[np.int64]
    draw: NDArray[np.float64]
    n_items: NDArray[np.int64]
    n_test: NDArray[np.int64]
    start: NDArray[np.float64]
    of_row: NDArray[np.int64]

    def spread(self, is_test: Mask) -> Mask:
        """Return which rows are in the test part."""
        return np.append(is_test, False)[self.of_row]


def _random_sizes(
    interactions: Any, share: float, random_state: int | None, owner: str
) -> tuple[SplitRows, _Pairs]:
    check_values(
        owner,
        {"share": share, "random_state": random_state},
        {
            "share": Between(0.0, 1.0, open_low=True, open_high=True),
            "random_state": Optional(Between(0, 2**63, integer=True)),
        },
    )
    rows = read_rows(interactions, owner)
    pairs = np.unique(rows.pairs[rows.counts])
    of_row = _places_of_pairs(pairs, rows)
    customer = pairs // max(len(rows.item_ids), 1)
    n_items = np.bincount(customer, minlength=len(rows.customer_ids))
    starts = np.cumsum(n_items) - n_items
    source = np.random.default_rng(random_state)
    draw = source.random(len(pairs))
    wanted = share * n_items + source.random(len(n_items))
    n_test = np.minimum(np.floor(wanted).astype(np.int64), np.maximum(n_items - 1, 0))
    place = np.arange(len(pairs)) - starts[customer]
    start = source.random(len(n_items))
    return rows, _Pairs(customer, place, draw, n_items, n_test, start, of_row)


def _places_of_pairs(pairs: NDArray[np.int64], rows: SplitRows) -> NDArray[np.int64]:
    """Return which pair each row belongs to, returns too; -1 for none."""
    key = rows.customer * max(len(rows.item_ids), 1) + rows.item
    at = np.minimum(np.searchsorted(pairs, key), max(len(pairs) - 1, 0))
    found = (rows.item >= 0) & (pairs[at] == key) if len(pairs) else np.zeros(len(key), dtype=bool)
    return np.where(found, at, -1)
