"""Returns among order lines: matched with purchases, removed, flagged or cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.data._clean_numbers import money_of_product
from userportrait.data._clean_returns import Matching, match_returns, row_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.data._clean_lines import Lines
    from userportrait.data._clean_verdict import LineRules, Mask, Verdict

__all__ = ["treat_returns"]


@dataclass(slots=True, eq=False)
class _Returns:
    """The lines that take part in the matching, and what came of it."""

    rows: NDArray[np.int64]
    units: NDArray[np.int64]
    scale: float
    is_return: Mask
    matching: Matching

    @property
    def covered(self) -> NDArray[np.int64]:
        return self.matching.covered[self.is_return]

    @property
    def asked(self) -> NDArray[np.int64]:
        return -self.units[self.is_return]

    def spread(self, chosen: Mask, n_rows: int) -> Mask:
        found = np.zeros(n_rows, dtype=bool)
        found[self.rows[self.is_return][chosen]] = True
        return found


def treat_returns(
    verdict: Verdict,
    lines: Lines,
    rules: LineRules,
    other_ranks: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> None:
    """Match returns and do with them what the rules say."""
    returns = _match(verdict, lines, other_ranks)
    n_rows = len(lines)
    if returns is None:
        nothing = np.zeros(n_rows, dtype=bool)
        verdict.flagged |= {"return_matched": nothing, "return_partly_matched": nothing}
        verdict.treat(nothing, "return_unmatched", rules.unmatched_returns)
        return
    covered, asked = returns.covered, returns.asked
    partly = returns.spread((covered > 0) & (covered < asked), n_rows)
    verdict.flagged["return_matched"] = returns.spread(covered >= asked, n_rows)
    verdict.flagged["return_partly_matched"] = partly
    first = returns.matching.purchase[returns.is_return]
    hit = first >= 0
    found = returns.rows[returns.is_return][hit]
    verdict.returned_order[found] = lines.order.codes[returns.rows[first[hit]]]
    verdict.treat(returns.spread(covered == 0, n_rows), "return_unmatched", rules.unmatched_returns)
    if rules.unmatched_returns == "remove":
        _cut(verdict, lines, rules, returns)
        verdict.changed["return_cut"] = partly


def _match(
    verdict: Verdict,
    lines: Lines,
    other_ranks: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> _Returns | None:
    """Match within customer and item: first at the same unit price, then at any."""
    signed = verdict.amount if verdict.quantity is None else verdict.quantity
    back = verdict.kept & (signed < 0)
    if not back.any():
        return None
    n_items = 1 if lines.item is None else len(lines.item.labels) + 1
    item = 0 if lines.item is None else lines.item.codes + 1
    group = lines.customer.codes * n_items + item
    rows = np.flatnonzero(verdict.kept & (signed != 0) & np.isin(group, np.unique(group[back])))
    signed, is_return = signed[rows], signed[rows] < 0
    group = np.unique(group[rows], return_inverse=True)[1].astype(np.int64)
    price, price_code = _unit_prices(verdict, lines, rows)
    finer = group * (int(price_code.max()) + 1) + price_code
    scale = 1.0
    if verdict.quantity is None:
        ones = np.sign(signed).astype(np.int64)
        units: tuple[NDArray[np.int64], ...] = (ones, signed.astype(np.int64))
    else:
        whole, scale = _whole_units(signed.astype(np.float64))
        units = (whole, whole)
    keys = (lines.times.micros[rows], is_return, lines.order.codes[rows], price, signed)
    order = row_order(keys, lambda tied: other_ranks(rows[tied]))
    matching = match_returns((finer, group), units, order)
    return _Returns(rows, units[1], scale, is_return, matching)


def _unit_prices(
    verdict: Verdict, lines: Lines, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if lines.price is not None:
        price = lines.price.values[rows]
    elif verdict.quantity is not None:
        price = np.abs(verdict.amount[rows]) / np.abs(verdict.quantity[rows])
    else:
        price = np.abs(verdict.amount[rows]).astype(np.float64)
    codes, _ = pd.factorize(price)
    return price, np.asarray(codes, dtype=np.int64)


_FRACTIONS = 6


def _whole_units(quantity: NDArray[np.float64]) -> tuple[NDArray[np.int64], float]:
    """Count units in integers: as they are, or in millionths where some are fractions."""
    scale = 1.0
    if not (quantity == np.floor(quantity)).all():
        total = float(np.abs(quantity).sum())
        scale = next((10.0**d for d in range(_FRACTIONS, 0, -1) if total * 10.0**d < 2**62), 1.0)
    return np.round(quantity * scale).astype(np.int64), scale


def _cut(verdict: Verdict, lines: Lines, rules: LineRules, returns: _Returns) -> None:
    """Cut partly matched returns to the units that are covered."""
    some = (returns.covered > 0) & (returns.covered < returns.asked)
    rows = returns.rows[returns.is_return][some]
    covered, asked = returns.covered[some], returns.asked[some]
    if not len(rows):
        return
    if verdict.quantity is None:
        verdict.amount[rows] = -covered
        return
    verdict.quantity[rows] = -covered / returns.scale
    if lines.given_amount is None and lines.price is not None:
        amount, _ = money_of_product(
            lines.price.take(rows), verdict.quantity[rows], rules.minor_digits
        )
        verdict.amount[rows] = amount
        return
    old: Any = np.abs(verdict.amount[rows]).astype(object)
    part = (2 * old * covered.astype(object) + asked) // (2 * asked.astype(object))
    verdict.amount[rows] = (np.sign(verdict.amount[rows]) * part).astype(np.int64)
