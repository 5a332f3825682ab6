"""Switching: what customers take the next time instead of what they took before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidDataError
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._pairs_categories import Categories, code_categories
from userportrait.patterns._pairs_table import PairTable
from userportrait.patterns._pairs_tests import adjust_log_p, binomial_log_tail
from userportrait.patterns._switching_moves import Moves, count_moves, expected_moves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.data import Items
    from userportrait.patterns._pairs_tests import Adjustment
    from userportrait.typing import IntoFrame

    Floats = NDArray[np.float64]

__all__ = ["find_switching"]

_RULES: Mapping[str, Rule] = {
    "baskets": InstanceOf((Baskets,), "Baskets, such as Baskets.from_orders(orders)"),
    "window_days": Optional(Between(0.0, 36_500.0, open_low=True)),
    "min_expected": Between(0.0, float("inf"), open_low=True, open_high=True),
    "alpha": Between(0.0, 0.2, open_low=True),
    "adjustment": OneOf(("bh", "by", "holm", "bonferroni", "none")),
}
_MICROS = 86_400_000_000


def find_switching(
    baskets: Baskets,
    *,
    categories: Mapping[Any, str] | Items | IntoFrame | None = None,
    window_days: float | None = None,
    min_expected: float = 1.0,
    alpha: float = 0.05,
    adjustment: Adjustment = "bh",
) -> PairTable:
    """Find items that customers take the next time instead of another one.

    Two purchases in a category follow each other: at the second one, some items of the first
    are left and others are taken up. A switch from a to b is a left and b taken up.

    Parameters
    ----------
    baskets : Baskets
        With customers and times, as `Baskets.from_orders` makes them. Baskets of unknown
        customers are not used. Baskets of a customer at the same moment are one purchase.
    categories : mapping of item to text, Series, Items or frame, optional
        The category of each item; a frame has `item_id` and `category`. A customer's purchases
        follow each other within a category, whatever else was bought between; items without a
        category are not used. By default all items are one category.
    window_days : float, optional
        Purchases further apart do not count as following each other; by default all do.
    min_expected : float, default=1.0
        Pairs that chance would bring together in fewer switches are not tested.
    alpha : float, default=0.05
        Share of false discoveries allowed among the pairs found (``'bh'``, ``'by'``), or the
        chance of any (``'holm'``, ``'bonferroni'``). More than 0, at most 0.2.
    adjustment : {'bh', 'by', 'holm', 'bonferroni', 'none'}, default='bh'
        Against the number of pairs tested, not of pairs found.

    Returns
    -------
    PairTable
        Best first, by p-value. Columns: `from_item`, `to_item`, `category` (with `categories`),
        `count` (switches), `expected` (by chance), `n_left` (purchases at which the first item
        was left for anything), `n_taken` (at which the second one was taken up for anything),
        `lift` (`count` over `expected`), `share` (of `n_left`), `count_back` (switches the other
        way), `net` (`count` less `count_back`), `log10_p`, `p_value`, `q_value` (adjusted).
        `n_baskets` of the table is the number of pairs of purchases.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.
    InvalidDataError
        If the baskets have no customers or times, or stand for several baskets each.

    See Also
    --------
    find_substitutes : Items that are not bought together on the same day.

    Notes
    -----
    Chance is quasi-independence [1]_: what is taken up does not depend on what was left, save
    that it is another item. So the expected numbers are products of a factor of the first and a
    factor of the second item, which add up to the same sums as the switches do. In a category
    of two items that leaves nothing to find. p is the tail of a binomial distribution with this
    mean and as many trials as the rarer of `n_left` and `n_taken`, which bounds the tail of
    purchases that are not alike [2]_.

    References
    ----------
    .. [1] Goodman (1968), "The analysis of cross-classified data: independence,
       quasi-independence, and interactions in contingency tables with or without missing
       entries", Journal of the American Statistical Association 63(324), 1091-1131.
    .. [2] Hoeffding (1956), "On the distribution of the number of successes in independent
       trials", Annals of Mathematical Statistics 27(3), 713-721.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.patterns import Baskets
    >>> visits = [("cola", "soda"), ("soda", "cola"), ("ale", "beer"), ("beer", "ale")] * 10
    >>> visits += [("ale", "cola"), ("soda", "beer")] * 4
    >>> lines = pd.DataFrame(
    ...     [
    ...         (customer, 2 * customer + visit, f"2026-01-{1 + 7 * visit:02d}", item)
    ...         for customer, items in enumerate(visits)
    ...         for visit, item in enumerate(items)
    ...     ],
    ...     columns=["customer", "order", "day", "item_id"],
    ... )
    >>> lines["day"] = pd.to_datetime(lines["day"])
    >>> baskets = Baskets.from_frame(
    ...     lines, order_id="order", customer_id="customer", ordered_at="day"
    ... )
    >>> found = find_switching(baskets, window_days=30)
    >>> found.to_frame()[["from_item", "to_item", "count", "share", "count_back"]]
      from_item to_item  count     share  count_back
    0      beer     ale     10  1.000000          10
    1      cola    soda     10  1.000000          10
    2       ale    beer     10  0.714286          10
    3      soda    cola     10  0.714286          10
    """
    owner = "find_switching"
    values: dict[str, object] = {
        "baskets": baskets, "window_days": window_days, "min_expected": min_expected,
        "alpha": alpha, "adjustment": adjustment,
    }  # fmt: skip
    check_values(owner, values, _RULES)
    _check_baskets(baskets)
    coded = code_categories(categories, baskets.items, owner=owner)
    window = None if window_days is None else int(window_days * _MICROS)
    moves = count_moves(baskets, None if coded is None else coded.codes, window)
    expected = expected_moves(moves)
    return _table(baskets, coded, moves, expected, min_expected, alpha, adjustment)


def _check_baskets(baskets: Baskets) -> None:
    missing = [
        name
        for name, values in (("customers", baskets.customers), ("times", baskets.at))
        if values is None
    ]
    if missing:
        raise InvalidDataError(
            f"find_switching: the baskets have no {' and no '.join(missing)}. Make them with "
            "Baskets.from_orders, or with Baskets.from_frame and its columns."
        )
    if baskets.weights is not None and bool((baskets.weights != 1).any()):
        raise InvalidDataError(
            "find_switching: some rows stand for several baskets (weights), which have no order "
            "in time. Give one row per basket."
        )


def _table(
    baskets: Baskets,
    categories: Categories | None,
    moves: Moves,
    expected: Floats,
    min_expected: float,
    alpha: float,
    adjustment: Adjustment,
) -> PairTable:
    trials = np.minimum(moves.n_left[moves.left], moves.n_taken[moves.taken])
    mean = np.minimum(expected, trials)
    tested = mean >= min_expected
    log_p = binomial_log_tail(moves.count, trials, mean, upper=True, ceiling=alpha)
    log_q = np.zeros(len(log_p))
    # Pairs that never happened are tests, too, but no rows: their p is 1.
    n_tested = moves.count_expected(min_expected)
    log_q[tested] = adjust_log_p(log_p[tested], max(n_tested, 1), adjustment)
    rows = np.flatnonzero(tested & (log_p <= np.log(alpha)) & (log_q <= np.log(alpha)))
    order = np.lexsort((moves.taken[rows], moves.left[rows], log_p[rows]))
    rows = rows[order]
    left, taken, count = moves.left[rows], moves.taken[rows], moves.count[rows]
    back = moves.count_of(taken, left)
    found: dict[str, Any] = {"from_item": baskets.items[left], "to_item": baskets.items[taken]}
    if categories is not None:
        found["category"] = categories.labels(left)
    found |= {
        "count": count,
        "expected": mean[rows],
        "n_left": moves.n_left[left],
        "n_taken": moves.n_taken[taken],
        "lift": count / mean[rows],
        "share": count / moves.n_left[left],
        "count_back": back,
        "net": count - back,
        "log10_p": log_p[rows] / np.log(10.0),
        "p_value": np.exp(log_p[rows]),
        "q_value": np.exp(log_q[rows]),
    }
    return PairTable(
        kind="switches",
        pairs=pd.DataFrame(found),
        n_tested=n_tested,
        n_untested=moves.n_pairs - n_tested,
        n_baskets=moves.n_steps,
        alpha=alpha,
        adjustment=adjustment,
    )
