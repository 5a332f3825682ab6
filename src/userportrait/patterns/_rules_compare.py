"""The same rules in two groups of baskets: where customers differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.multiplicity import adjust_log_p
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._rules import Rules
from userportrait.patterns._significance import log_p_values, odds_ratio_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.multiplicity import Adjustment
    from userportrait.patterns._rule_index import SetIndex
    from userportrait.patterns._significance import SignificanceMethod

__all__ = ["compare_rules"]

Ints: TypeAlias = "NDArray[np.int64]"

_OWNER = "compare_rules"
_BLOCK = 1 << 22


def compare_rules(
    rules: Rules,
    baskets_a: Baskets,
    baskets_b: Baskets,
    *,
    names: tuple[str, str] = ("a", "b"),
    method: SignificanceMethod = "fisher",
    adjust: Adjustment | None = "bh",
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """Compare the confidence of each rule in two groups of baskets.

    Parameters
    ----------
    rules : Rules
        From either group or from both together. Choose them without a look at the
        difference: by support, in all baskets, not by the confidence in one group.
    baskets_a, baskets_b : Baskets
        Two groups, such as the baskets of two segments; no basket in both.
    names : tuple of str, default=('a', 'b')
        What the groups are called in the columns.
    method : {'fisher', 'fisher_midp', 'chi2', 'g'}, default='fisher'
        The two-sided test of group against hit, among baskets with the antecedent.
    adjust : {'bh', 'by', 'holm', 'bonferroni'} or None, default='bh'
        Over all rules given.
    confidence_level : float, default=0.95
        Of the odds ratio's interval.

    Returns
    -------
    DataFrame
        One row a rule, in the order of `rules`: `antecedent`, `consequent`; for each group the
        baskets with the antecedent (``n_a``), those of them with the consequent (``hits_a``)
        and their share (``confidence_a``, NaN where there are none); `difference` (a less b);
        `odds_ratio` of a hit in a against b with `odds_ratio_low` and `odds_ratio_high` (half
        a basket added to each cell, Woolf's interval); `p_value` and `adjusted_p_value`, 1
        where a group has no basket with the antecedent.

    Raises
    ------
    InvalidParameterError
        If a parameter has no such value.

    Notes
    -----
    Items that a group has never sold count as bought in none of its baskets.

    Examples
    --------
    >>> import userportrait as up
    >>> young = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea", "milk"]])
    >>> old = up.Baskets.from_lists([["tea"], ["tea"], ["tea"], ["tea", "milk"]])
    >>> itemsets = up.mine_itemsets([["tea", "milk"]] * 4 + [["tea"]] * 3, min_support=2)
    >>> rules = up.derive_rules(itemsets, antecedents=["tea"])
    >>> found = compare_rules(rules, young, old, names=("young", "old"))
    >>> found[["confidence_young", "confidence_old", "difference", "p_value"]].round(3)
       confidence_young  confidence_old  difference  p_value
    0               1.0            0.25        0.75    0.229
    """
    check_values(
        _OWNER,
        {
            "rules": rules,
            "baskets_a": baskets_a,
            "baskets_b": baskets_b,
            "method": method,
            "adjust": adjust,
            "confidence_level": confidence_level,
        },
        {
            "rules": InstanceOf((Rules,), "Rules, from derive_rules"),
            "baskets_a": InstanceOf((Baskets,), "Baskets"),
            "baskets_b": InstanceOf((Baskets,), "Baskets"),
            "method": OneOf(("fisher", "fisher_midp", "chi2", "g")),
            "adjust": Optional(OneOf(("bh", "by", "holm", "bonferroni"))),
            "confidence_level": Between(0, 1, open_low=True, open_high=True),
        },
    )
    if len(set(names)) != 2:
        raise InvalidParameterError(_OWNER, [f"names must be two different names; got {names!r}."])
    found: dict[str, Any] = dict(rules.to_frame([]))
    counted: list[tuple[Ints, Ints]] = []
    for name, baskets in zip(names, (baskets_a, baskets_b), strict=True):
        n, hits = (count_sets(rules.index, p, baskets) for p in (rules.antecedents, rules.itemsets))
        found[f"n_{name}"], found[f"hits_{name}"] = n, hits
        found[f"confidence_{name}"] = np.divide(hits, n, out=np.full(len(n), np.nan), where=n > 0)
        counted.append((n, hits))
    (n_a, hits_a), (n_b, hits_b) = counted
    found["difference"] = found[f"confidence_{names[0]}"] - found[f"confidence_{names[1]}"]
    both = (hits_a, n_a, hits_a + hits_b, n_a + n_b)
    ratio, low, high = odds_ratio_interval(*both, confidence_level=confidence_level)
    found |= {"odds_ratio": ratio, "odds_ratio_low": low, "odds_ratio_high": high}
    log_p = log_p_values(*both, method=method, alternative="two-sided")
    found["p_value"] = np.exp(log_p)
    found["adjusted_p_value"] = np.exp(adjust_log_p(log_p, adjust, max(len(rules), 1)))
    return pd.DataFrame(found)


def count_sets(index: SetIndex, places: NDArray[np.int32], baskets: Baskets) -> Ints:
    """Return how many baskets hold each of some itemsets, whichever baskets these are."""
    wanted, back = np.unique(places, return_inverse=True)
    weights = baskets.weights
    distinct = np.arange(len(baskets.indptr) - 1)
    of_row = distinct if weights is None else np.repeat(distinct, weights)
    bits = _ItemBits(index, baskets, of_row)
    found = np.zeros(len(wanted), dtype=np.int64)
    bounds = np.searchsorted(wanted, index.starts)
    for length in range(1, index.max_length + 1):
        start, end = int(bounds[length - 1]), int(bounds[length])
        codes = index.codes_at(wanted[start:end], length)
        step = max(1, _BLOCK // max(bits.width, 1))
        for first in range(0, end - start, step):
            some = codes[first : first + step]
            found[start + first : start + first + len(some)] = bits.count(some)
    return found[back]


class _ItemBits:
    """For each item the baskets that hold it, one bit each."""

    def __init__(self, index: SetIndex, baskets: Baskets, of_row: Ints) -> None:
        ours = {item: code for code, item in enumerate(index.items.tolist())}
        code = np.array([ours.get(item, -1) for item in baskets.items.tolist()], dtype=np.int64)
        sizes = np.diff(baskets.indptr)
        self.width = (len(of_row) + 63) // 64
        frequent = index.codes[0][:, 0] if index.codes else np.empty(0, dtype=np.int32)
        row_of = np.full(len(index.items), len(frequent), dtype=np.int64)
        row_of[frequent] = np.arange(len(frequent))
        self._row_of = row_of
        self._bits = np.zeros((len(frequent) + 1, self.width), dtype=np.uint64)
        first = np.cumsum(sizes[of_row]) - sizes[of_row]
        basket = np.repeat(np.arange(len(of_row)), sizes[of_row])
        at = baskets.indptr[of_row][basket] + np.arange(len(basket)) - first[basket]
        items = code[baskets.indices[at]] if len(at) else np.empty(0, dtype=np.int64)
        known = items >= 0
        item, basket = row_of[items[known]], basket[known]
        flat = item * self.width + (basket >> 6)
        np.bitwise_or.at(
            self._bits.reshape(-1), flat, np.uint64(1) << (basket & 63).astype(np.uint64)
        )
        self._bits[-1] = 0

    def count(self, codes: NDArray[np.int32]) -> Ints:
        """Return in how many baskets all items of each row are."""
        rows = self._row_of[codes]
        held = self._bits[rows[:, 0]]
        for column in rows.T[1:]:
            held &= self._bits[column]
        found: Ints = np.bitwise_count(held).sum(axis=1, dtype=np.int64)
        return found
