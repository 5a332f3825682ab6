"""Complements: items that are bought together more often than chance would have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.patterns._pairs_search import search_pairs
from userportrait.patterns._pairs_table import PairTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.data import Items
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._pairs import Among, Given
    from userportrait.patterns._pairs_tests import Adjustment
    from userportrait.typing import IntoFrame

__all__ = ["find_complements"]


def find_complements(
    baskets: Baskets,
    *,
    categories: Mapping[Any, str] | Items | IntoFrame | None = None,
    among: Among = "all",
    given: Given = "all",
    min_expected: float = 0.1,
    alpha: float = 0.05,
    adjustment: Adjustment = "bh",
    confidence_level: float = 0.95,
) -> PairTable:
    """Find pairs of items that hang together, with a test of every pair.

    Parameters
    ----------
    baskets : Baskets
    categories : mapping of item to text, Series, Items or frame, optional
        The category of each item; a frame has `item_id` and `category`. Items without one are
        in no pair of ``among='within'`` or ``'across'``.
    among : {'all', 'within', 'across'}, default='all'
        Which pairs: all, those of one category, or those of two.
    given : {'all', 'size', 'category'}, default='all'
        What chance is. ``'all'``: an item is as likely in any basket. ``'size'``: large baskets
        hold more of everything; choose this where sizes differ much, or nearly all pairs are
        complements. ``'category'``: among baskets with a third item of the category.
    min_expected : float, default=0.1
        Pairs that chance alone would bring together in fewer baskets are not tested. The test is
        exact for rare pairs, too, but each pair tested makes it harder for all others.
    alpha : float, default=0.05
        Share of false discoveries allowed among the pairs found (``'bh'``, ``'by'``), or the
        chance of any (``'holm'``, ``'bonferroni'``). More than 0, at most 0.2.
    adjustment : {'bh', 'by', 'holm', 'bonferroni', 'none'}, default='bh'
        Against the number of pairs tested, not of pairs found.
    confidence_level : float, default=0.95
        Of the interval of the lift.

    Returns
    -------
    PairTable
        Best first, by `lift_low`. Columns: `item_a`, `item_b` (ascending), `category_a`,
        `category_b` (with `categories`), `count` (baskets with both), `expected` (by chance),
        `count_a`, `count_b`, `n_baskets` (among the baskets of the test), `lift` (`count` over
        `expected`), `lift_low`, `lift_high`, `log10_p`, `p_value` (0 below 1e-308), `q_value`
        (adjusted), `confidence_ab` (share of baskets with a that hold b), `confidence_ba`.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.
    InvalidDataError
        If no item has a category.

    See Also
    --------
    find_substitutes : The other side of the test.
    suggest_bundles : What complements are worth.

    Notes
    -----
    ``'all'`` and ``'category'`` are Fisher's exact test [1]_, one-sided. With ``'size'`` the
    expected count is that of baskets filled at random: of a basket of s places, s (s - 1) q_a q_b
    hold the pair, if q is an item's share of all places in baskets of about that size; p is then
    an upper bound, by Hoeffding's theorem on sums of unlike trials [2]_. The interval of the lift
    is Clopper and Pearson's, for the share of the rarer item's baskets that hold the other one.
    Time grows with the pairs that are tested; memory does not.

    References
    ----------
    .. [1] Fisher (1935), "The logic of inductive inference", Journal of the Royal Statistical
       Society 98(1), 39-82.
    .. [2] Hoeffding (1956), "On the distribution of the number of successes in independent
       trials", Annals of Mathematical Statistics 27(3), 713-721.

    Examples
    --------
    >>> from userportrait.patterns import Baskets
    >>> lists = [["salsa", "chips"]] * 30 + [["milk"]] * 50 + [["chips"]] * 10 + [["salsa"]] * 10
    >>> found = find_complements(Baskets.from_lists(lists))
    >>> found.to_frame()[["item_a", "item_b", "count", "expected", "lift", "confidence_ab"]]
      item_a item_b  count  expected   lift  confidence_ab
    0  chips  salsa     30      16.0  1.875           0.75
    """
    found = search_pairs(
        baskets,
        upper=True,
        categories=categories,
        given=given,
        among=among,
        min_expected=min_expected,
        alpha=alpha,
        adjustment=adjustment,
        confidence_level=confidence_level,
        owner="find_complements",
    )
    _, low, _ = found.lifts(confidence_level)
    block = found.block
    found = found.take(np.lexsort((block.second, block.first, found.log_p, -low)))
    columns = found.columns(confidence_level)
    columns["confidence_ab"] = columns["count"] / columns["count_a"]
    columns["confidence_ba"] = columns["count"] / columns["count_b"]
    return PairTable(
        kind="complements",
        pairs=pd.DataFrame(columns),
        n_tested=found.scan.n_tested,
        n_untested=found.n_untested,
        n_baskets=found.scan.n_baskets,
        alpha=alpha,
        adjustment=adjustment,
    )
