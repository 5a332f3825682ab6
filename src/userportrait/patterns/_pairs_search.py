"""From all pairs to the significant ones: what complements and substitutes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, check_values
from userportrait.errors import InvalidParameterError
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._pairs import PairBlock, PairScan
from userportrait.patterns._pairs_categories import Categories, code_categories
from userportrait.patterns._pairs_tests import (
    adjust_log_p,
    binomial_log_tail,
    hypergeometric_log_tail,
    share_interval,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.patterns._pairs import Among, Given
    from userportrait.patterns._pairs_tests import Adjustment

__all__ = ["PAIR_RULES", "Search", "search_pairs"]

PAIR_RULES: Mapping[str, Rule] = {
    "baskets": InstanceOf((Baskets,), "Baskets, such as Baskets.from_orders(orders)"),
    "min_expected": Between(0.0, float("inf"), open_low=True, open_high=True),
    "alpha": Between(0.0, 0.2, open_low=True),
    "adjustment": OneOf(("bh", "by", "holm", "bonferroni", "none")),
    "given": OneOf(("all", "size", "category")),
    "among": OneOf(("all", "within", "across")),
    "confidence_level": Between(0.0, 1.0, open_low=True, open_high=True),
}
"""What the parameters of both searches must be. Above 0.2 a tail would not be on one side."""


@dataclass(frozen=True, slots=True)
class Search:
    """Significant pairs, with what was tested.

    Parameters
    ----------
    block : PairBlock
        The pairs.
    log_p, log_q : ndarray of float64
        Natural logarithms of the p-values, plain and adjusted.
    scan : PairScan
    categories : Categories or None
    """

    block: PairBlock
    log_p: NDArray[np.float64]
    log_q: NDArray[np.float64]
    scan: PairScan
    categories: Categories | None

    def take(self, rows: NDArray[Any]) -> Search:
        """Return some of the pairs, in this order."""
        return Search(
            self.block.take(rows), self.log_p[rows], self.log_q[rows], self.scan, self.categories
        )

    @property
    def n_untested(self) -> int:
        """Pairs that chance would bring together too rarely."""
        return self.scan.n_pairs - self.scan.n_tested

    def lifts(self, confidence_level: float) -> tuple[NDArray[np.float64], ...]:
        """Return the lift with its limits.

        The interval is that of the share of the rarer item's baskets that hold the other one,
        over the share that chance gives.
        """
        block = self.block
        least = np.minimum(block.n_first, block.n_second)
        low, high = share_interval(block.observed, least, confidence_level)
        scale = least / block.expected
        return block.observed / block.expected, low * scale, high * scale

    def columns(self, confidence_level: float) -> dict[str, Any]:
        """Return the columns that every table of pairs has."""
        block, items = self.block, self.scan.baskets.items
        lift, low, high = self.lifts(confidence_level)
        found: dict[str, Any] = {"item_a": items[block.first], "item_b": items[block.second]}
        if self.categories is not None:
            found["category_a"] = self.categories.labels(block.first)
            found["category_b"] = self.categories.labels(block.second)
        return found | {
            "count": block.observed,
            "expected": block.expected,
            "count_a": block.n_first,
            "count_b": block.n_second,
            "n_baskets": block.n_total,
            "lift": lift,
            "lift_low": low,
            "lift_high": high,
            "log10_p": self.log_p / np.log(10.0),
            "p_value": np.exp(self.log_p),
            "q_value": np.exp(self.log_q),
        }


def search_pairs(
    baskets: Baskets,
    *,
    upper: bool,
    categories: Any,
    given: Given,
    among: Among,
    min_expected: float,
    alpha: float,
    adjustment: Adjustment,
    confidence_level: float,
    owner: str,
) -> Search:
    """Test every pair on one side, and return those that stay significant among all of them."""
    values: dict[str, object] = {
        "baskets": baskets, "min_expected": min_expected, "alpha": alpha, "adjustment": adjustment,
        "given": given, "among": among, "confidence_level": confidence_level,
    }  # fmt: skip
    check_values(owner, values, PAIR_RULES)
    if categories is None and (given == "category" or among != "all"):
        asked = "given='category'" if given == "category" else f"among='{among}'"
        raise InvalidParameterError(owner, [f"{asked} needs categories."])
    if given == "category" and among == "across":
        raise InvalidParameterError(owner, ["given='category' goes with among='within' only."])
    coded = code_categories(categories, baskets.items, owner=owner)
    scan = PairScan(baskets, min_expected=min_expected, given=given, among=among, categories=coded)
    kept: list[PairBlock] = []
    logs: list[NDArray[np.float64]] = []
    for block in scan.blocks():
        log_p = _log_tail(block, given, upper=upper, alpha=alpha)
        # A pair whose own p-value is above alpha is never significant after adjustment.
        rows = np.flatnonzero(log_p <= np.log(alpha))
        kept.append(block.take(rows))
        logs.append(log_p[rows])
    block = PairBlock.join(kept)
    log_p = np.concatenate(logs) if logs else np.empty(0)
    log_q = adjust_log_p(log_p, max(scan.n_tested, 1), adjustment)
    found = Search(block, log_p, log_q, scan, coded)
    return found.take(np.flatnonzero(log_q <= np.log(alpha)))


def _log_tail(block: PairBlock, given: Given, *, upper: bool, alpha: float) -> NDArray[np.float64]:
    if given == "size":
        least = np.minimum(block.n_first, block.n_second)
        return binomial_log_tail(block.observed, least, block.expected, upper=upper, ceiling=alpha)
    return hypergeometric_log_tail(
        block.observed, block.n_first, block.n_second, block.n_total, upper=upper, ceiling=alpha
    )
