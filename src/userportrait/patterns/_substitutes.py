"""Substitutes: items that keep the same company, and not each other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.params import Between, check_values
from userportrait.patterns._pairs import basket_matrix, basket_weights
from userportrait.patterns._pairs_search import search_pairs
from userportrait.patterns._pairs_table import PairTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.data import Items
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._pairs import Among, Given
    from userportrait.patterns._pairs_tests import Adjustment
    from userportrait.typing import IntoFrame

    Floats = NDArray[np.float64]

__all__ = ["context_similarity", "find_substitutes"]

_MOST_CONTEXTS = 4096
_BLOCK = 512


def find_substitutes(
    baskets: Baskets,
    *,
    categories: Mapping[Any, str] | Items | IntoFrame | None = None,
    among: Among = "all",
    given: Given = "all",
    min_expected: float = 5.0,
    min_similarity: float = 0.0,
    alpha: float = 0.05,
    adjustment: Adjustment = "bh",
    confidence_level: float = 0.95,
) -> PairTable:
    """Find pairs of items that avoid each other, also those that never meet.

    Two items that avoid each other are substitutes if they keep the same company: whoever buys
    either of them buys much the same beside it. Without that they are merely bought on different
    occasions.

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
        hold more of everything; choose this where sizes differ much, or hardly any pair avoids
        each other. ``'category'``: among baskets with a third item of the category, so that
        nobody is counted who does not need it on that day.
    min_expected : float, default=5.0
        Pairs that chance alone would bring together in fewer baskets are not tested: that they
        are not seen together says nothing.
    min_similarity : float, default=0.0
        Pairs whose company is less alike, -1 to 1, are left out and counted.
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
        Best first, by `score`. Columns as those of `find_complements` without the confidences,
        and `similarity` (of the company they keep, -1 to 1) and `score`, from 0 to 1:
        `similarity`, at least 0, times the share of the expected meetings that surely do not
        happen, ``1 - lift_high``, at least 0.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.
    InvalidDataError
        If no item has a category.

    See Also
    --------
    find_complements : The other side of the test.
    find_switching : What customers take next time instead.

    Notes
    -----
    The tests are those of `find_complements`, on the other side. A basket holds a category
    because of its items; so the two items that make up most of a category would look exclusive
    among the baskets that hold it. ``given='category'`` counts baskets that hold it by a third
    item, where items that are chosen independently meet as often as expected.

    `similarity` is the cosine of two profiles. A profile says of up to 4,096 other items, the
    most bought ones, whether they stand beside the item more often than their share of all
    company: the difference of square roots, observed minus expected, which damps rare ones
    [1]_. The two items themselves do not count.

    References
    ----------
    .. [1] Freeman and Tukey (1950), "Transformations related to the angular and the square
       root", Annals of Mathematical Statistics 21(4), 607-611.

    Examples
    --------
    >>> from userportrait.patterns import Baskets
    >>> lists = [["cola", "chips"], ["cola", "chips", "ice"], ["soda", "chips"]] * 20
    >>> lists += [["soda", "chips", "ice"], ["milk", "bread"], ["milk"]] * 20
    >>> found = find_substitutes(Baskets.from_lists(lists), min_similarity=0.5)
    >>> found.to_frame()[["item_a", "item_b", "count", "expected"]]
      item_a item_b  count   expected
    0   cola   soda      0  13.333333
    """
    similarity = {"min_similarity": Between(-1.0, 1.0)}
    check_values("find_substitutes", {"min_similarity": min_similarity}, similarity)
    found = search_pairs(
        baskets,
        upper=False,
        categories=categories,
        given=given,
        among=among,
        min_expected=min_expected,
        alpha=alpha,
        adjustment=adjustment,
        confidence_level=confidence_level,
        owner="find_substitutes",
    )
    alike = context_similarity(baskets, found.block.first, found.block.second)
    _, _, high = found.lifts(confidence_level)
    score = np.maximum(alike, 0.0) * np.maximum(1.0 - high, 0.0)
    block = found.block
    order = np.lexsort((block.second, block.first, found.log_p, -score))
    order = order[alike[order] >= min_similarity]
    chosen = found.take(order)
    columns = chosen.columns(confidence_level)
    columns |= {"similarity": alike[order], "score": score[order]}
    return PairTable(
        kind="substitutes",
        pairs=pd.DataFrame(columns),
        n_tested=found.scan.n_tested,
        n_untested=found.n_untested,
        n_dropped=len(block) - len(order),
        n_baskets=found.scan.n_baskets,
        alpha=alpha,
        adjustment=adjustment,
    )


def context_similarity(
    baskets: Baskets, first: NDArray[np.int32], second: NDArray[np.int32]
) -> Floats:
    """Return how alike the company of two items is, for each pair, from -1 to 1.

    0 where an item has no company at all, or none that tells it from others.
    """
    items, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    if not len(items):
        return np.empty(0)
    one, other = places[: len(first)], places[len(first) :]
    profiles, context_of = _profiles(baskets, items)
    lengths = np.einsum("ij,ij->i", profiles, profiles)
    found = np.zeros(len(first))
    for low in range(0, len(first), _BLOCK):
        a, b = one[low : low + _BLOCK], other[low : low + _BLOCK]
        # A profile is 0 at the item itself; at the other one it must not count either.
        there = _at(profiles, a, context_of[b])
        back = _at(profiles, b, context_of[a])
        norm = np.sqrt(np.maximum((lengths[a] - there**2) * (lengths[b] - back**2), 0.0))
        dot = np.einsum("ij,ij->i", profiles[a], profiles[b])
        found[low : low + _BLOCK] = np.divide(dot, norm, out=np.zeros(len(a)), where=norm > 1e-9)
    return np.clip(found, -1.0, 1.0)


def _at(profiles: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
    """Return single cells; 0 where the column is -1, which is no context."""
    return np.where(columns >= 0, profiles[rows, np.maximum(columns, 0)], 0.0)


def _profiles(
    baskets: Baskets, items: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the profiles of items, and where each item stands among the contexts, or -1."""
    matrix, weights = basket_matrix(baskets, np.float64), basket_weights(baskets)
    counts = np.asarray(matrix.T @ weights.astype(np.float64))
    order = np.argsort(-counts, kind="stable")[:_MOST_CONTEXTS]
    contexts = np.sort(order[counts[order] > 0])
    context_of = np.full(len(baskets.items), -1, dtype=np.intp)
    context_of[contexts] = np.arange(len(contexts))
    weighted = matrix.multiply(weights[:, None].astype(np.float64)).tocsr()
    # Company of each context: the baskets it is in, once for every other item in them.
    company = np.asarray(weighted.T @ (np.diff(baskets.indptr) - 1.0))[contexts]
    by_item, by_context = weighted[:, items].T.tocsr(), matrix[:, contexts]
    own = context_of[items]
    found = np.empty((len(items), len(contexts)), dtype=np.float32)
    for low in range(0, len(items), _BLOCK):
        rows = slice(low, low + _BLOCK)
        together: Floats = (by_item[rows] @ by_context).toarray()
        found[rows] = _residuals(together, company, own[rows])
    return found, own


def _residuals(together: Floats, company: Floats, own: NDArray[np.intp]) -> Floats:
    """Return how much more often each context stands beside each item than beside any other."""
    known = np.flatnonzero(own >= 0)
    together[known, own[known]] = 0.0
    others = company.sum() - np.where(own >= 0, company[np.maximum(own, 0)], 0.0)
    expected = np.outer(together.sum(axis=1) / np.maximum(others, 1.0), company)
    expected[known, own[known]] = 0.0
    found: Floats = np.sqrt(together) - np.sqrt(expected)
    return found
