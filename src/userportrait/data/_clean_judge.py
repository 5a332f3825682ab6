"""Decide over order lines: a pure function of arrays, the same for any order of the rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import format_count
from userportrait.data._clean_numbers import money_of_product
from userportrait.data._clean_returns import Matching, match_returns, row_order
from userportrait.data._clean_rules import (
    Limits,
    find_non_products,
    outlier_limits,
    repeated_rows,
)
from userportrait.data._order_arrays import LARGEST_QUANTITY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from userportrait.data._clean_lines import Lines

__all__ = ["DESCRIPTIONS", "REMOVED", "LineRules", "Treatment", "Verdict", "judge_lines"]

Treatment: TypeAlias = Literal["remove", "flag", "keep"]
Mask: TypeAlias = "NDArray[np.bool_]"

_REMOVED_TEXTS = {
    "missing_customer_id": "no customer",
    "missing_order_id": "no order",
    "missing_time": "no time",
    "unparsable_time": "a time that cannot be read or does not exist",
    "future_time": "a time after now",
    "missing_quantity": "no quantity",
    "invalid_quantity": "a quantity that is not a finite number, or too large",
    "missing_price": "no price",
    "invalid_price": "a price that is not a finite number",
    "missing_amount": "no amount",
    "invalid_amount": "an amount that is not a finite number, or too large",
    "duplicate": "equals another row in every column",
    "non_product": "a service, charge or correction, not an item",
    "zero_quantity": "no units and no money",
    "zero_price": "a price of 0",
    "zero_amount": "an amount of 0",
    "negative_price": "a price below 0",
    "outlier": "an extreme quantity or amount",
    "return_unmatched": "a return without an earlier purchase",
}
REMOVED: tuple[str, ...] = tuple(_REMOVED_TEXTS)
"""Reasons to remove an order line, in the order in which they are tried."""

DESCRIPTIONS: dict[str, str] = {
    **_REMOVED_TEXTS,
    "customer_id_trimmed": "white space around the customer ID taken off",
    "customer_id_to_integer": "a customer ID such as 17850.0 became 17850",
    "order_id_trimmed": "white space around the order ID taken off",
    "order_id_to_integer": "an order ID such as 536365.0 became 536365",
    "order_id_made": "the customer and the day became the order",
    "item_id_trimmed": "white space around the item ID taken off",
    "item_id_to_integer": "an item ID such as 22423.0 became 22423",
    "time_parsed": "a text or number became a time",
    "time_zone_converted": "a time in a zone became UTC",
    "quantity_parsed": "a text became a quantity",
    "price_parsed": "a text became a price",
    "amount_parsed": "a text became an amount",
    "amount_rounded": "an amount rounded to the currency's digits",
    "amount_negated": "the amount of a return got the sign of its quantity",
    "cancellation_negated": "quantity or amount of a credit note became negative",
    "return_cut": "a return cut to the units that earlier purchases cover",
    "return_matched": "a return of earlier purchases",
    "return_partly_matched": "a return of more than earlier purchases cover",
    "missing_item_id": "no item",
    "ambiguous_time": "a local time that the clock showed twice; the earlier is used",
    "nonexistent_time": "a local time that the clock jumped over; moved forward",
    "amount_differs": "the amount is not quantity × price; the amount is used",
    "negative_amount": "units bought, but money below 0",
    "positive_cancellation": "in a credit note, but not negative",
    "negative_outside_credit_note": "negative, but not in a credit note",
    "shared_order_id": "the order belongs to several customers",
}


@dataclass(frozen=True, slots=True)
class LineRules:
    """What the caller wants done."""

    now: int
    duplicates: Treatment
    non_products: Treatment
    non_product_codes: frozenset[str]
    detect_non_products: bool
    zero_price: Treatment
    negative_price: Treatment
    outliers: Treatment
    outlier_limit: float
    unmatched_returns: Treatment
    cancellation_prefix: str | None
    cancellations: Literal["signed", "unsigned"]
    minor_digits: int


@dataclass(slots=True, eq=False)
class Verdict:
    """What is decided over each line.

    Parameters
    ----------
    reason : ndarray of int64
        0 for a kept line, else 1 + a position in `REMOVED`.
    quantity : ndarray of float64, optional
        After corrections.
    amount : ndarray of int64
        In minor units, after corrections.
    returned_order : ndarray of int64
        For a matched return, the code of the order it returns; else -1.
    changed, flagged : dict of str to ndarray of bool
    notes : list of str
    """

    reason: NDArray[np.int64]
    quantity: NDArray[np.float64] | None
    amount: NDArray[np.int64]
    returned_order: NDArray[np.int64]
    changed: dict[str, Mask] = field(default_factory=dict[str, Mask])
    flagged: dict[str, Mask] = field(default_factory=dict[str, Mask])
    notes: list[str] = field(default_factory=list[str])

    @property
    def kept(self) -> Mask:
        """The lines not removed so far."""
        kept: Mask = self.reason == 0
        return kept

    def remove(self, rows: Mask, reason: str) -> None:
        """Remove lines for a reason, unless they are removed already."""
        self.reason[self.kept & rows] = 1 + REMOVED.index(reason)

    def treat(self, rows: Mask, reason: str, treatment: Treatment) -> None:
        """Remove lines, flag them or leave them alone."""
        if treatment == "remove":
            self.remove(rows, reason)
        elif treatment == "flag":
            self.flagged[reason] = self.kept & rows


def judge_lines(
    lines: Lines,
    rules: LineRules,
    *,
    other_columns: Callable[[], Sequence[NDArray[np.int64]]],
    other_ranks: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> Verdict:
    """Decide over each line.

    Parameters
    ----------
    lines : Lines
    rules : LineRules
    other_columns : callable
        Returns codes of the columns that are not in `lines`, to tell repeated rows.
    other_ranks : callable
        Given rows, returns their ranks by those columns, to break ties.
    """
    verdict = Verdict(
        reason=np.zeros(len(lines), dtype=np.int64),
        quantity=None if lines.quantity is None else lines.quantity.values.copy(),
        amount=lines.amount.copy(),
        returned_order=np.full(len(lines), -1, dtype=np.int64),
    )
    _note_changes(verdict, lines)
    _remove_unusable(verdict, lines, rules)
    _treat_duplicates(verdict, lines, rules, other_columns)
    _treat_non_products(verdict, lines, rules)
    _settle_signs(verdict, lines, rules)
    _treat_prices(verdict, lines, rules)
    _treat_outliers(verdict, rules)
    _treat_returns(verdict, lines, rules, other_ranks)
    _flag_oddities(verdict, lines, rules)
    return verdict


def _note_changes(verdict: Verdict, lines: Lines) -> None:
    changed = verdict.changed
    ids = {"customer_id": lines.customer, "order_id": lines.order, "item_id": lines.item}
    for role, column in ids.items():
        if role == "order_id" and lines.order_made:
            changed["order_id_made"] = ~lines.order.missing
        elif column is not None:
            changed[f"{role}_trimmed"] = column.trimmed
            changed[f"{role}_to_integer"] = column.to_integer
    changed["time_parsed"] = lines.times.parsed
    changed["time_zone_converted"] = lines.times.converted
    numbers = {"quantity": lines.quantity, "price": lines.price, "amount": lines.given_amount}
    for role, values in numbers.items():
        if values is not None:
            changed[f"{role}_parsed"] = values.parsed
    changed["amount_rounded"] = lines.rounded
    verdict.flagged["ambiguous_time"] = lines.times.ambiguous
    verdict.flagged["nonexistent_time"] = lines.times.nonexistent
    verdict.notes.extend(lines.times.notes)


def _remove_unusable(verdict: Verdict, lines: Lines, rules: LineRules) -> None:
    verdict.remove(lines.customer.missing, "missing_customer_id")
    if not lines.order_made:
        verdict.remove(lines.order.missing, "missing_order_id")
    verdict.remove(lines.times.missing, "missing_time")
    verdict.remove(lines.times.unparsable, "unparsable_time")
    verdict.remove(lines.times.micros > rules.now, "future_time")
    numbers = {"quantity": lines.quantity, "price": lines.price, "amount": lines.given_amount}
    for role, column in numbers.items():
        if column is not None:
            verdict.remove(column.missing, f"missing_{role}")
            verdict.remove(column.invalid, f"invalid_{role}")
    if lines.quantity is not None:
        verdict.remove(np.abs(lines.quantity.values) >= LARGEST_QUANTITY, "invalid_quantity")
    verdict.remove(lines.too_large, "invalid_amount")


def _treat_duplicates(
    verdict: Verdict,
    lines: Lines,
    rules: LineRules,
    other_columns: Callable[[], Sequence[NDArray[np.int64]]],
) -> None:
    if rules.duplicates == "keep":
        return
    columns: list[NDArray[Any]] = [lines.customer.codes, lines.order.codes, lines.times.micros]
    if lines.item is not None:
        columns.append(lines.item.codes)
    numbers = (lines.quantity, lines.price, lines.given_amount)
    columns += [column.values for column in numbers if column is not None]
    repeated = repeated_rows([*columns, *other_columns()], verdict.kept)
    verdict.treat(repeated, "duplicate", rules.duplicates)


def _treat_non_products(verdict: Verdict, lines: Lines, rules: LineRules) -> None:
    item = lines.item
    if item is None or rules.non_products == "keep":
        return
    codes = item.codes[verdict.kept]
    counts = np.bincount(codes[codes >= 0], minlength=len(item.labels))
    present = np.flatnonzero(counts)
    labels = [str(label) for label in item.labels[present]]
    detect = rules.detect_non_products and item.is_text
    found = find_non_products(
        labels, counts[present], user_codes=rules.non_product_codes, detect=detect
    )
    is_service = np.zeros(len(item.labels) + 1, dtype=bool)
    is_service[present[found]] = True
    verdict.treat(is_service[item.codes], "non_product", rules.non_products)
    if found.any():
        names = [label for label, service in zip(labels, found, strict=True) if service]
        verdict.notes.append(f"codes that are not items: {_listed(names)}.")


def _listed(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _credit_notes(verdict: Verdict, lines: Lines, rules: LineRules) -> Mask:
    """Return the lines whose order ID is the prefix and a digit, where most are not."""
    prefix, order = rules.cancellation_prefix, lines.order
    nothing = np.zeros(len(lines), dtype=bool)
    if not prefix or not order.is_text or lines.order_made:
        return nothing
    size = len(prefix)
    marked = np.array(
        [text.startswith(prefix) and text[size : size + 1].isdigit() for text in order.labels],
        dtype=bool,
    )
    used = np.zeros(len(order.labels), dtype=bool)
    used[order.codes[verdict.kept]] = True
    asked = rules.cancellations == "unsigned"
    if not asked and 2 * int((marked & used).sum()) >= int(used.sum()):
        return nothing
    of_order: Mask = np.append(marked, [False])
    return of_order[order.codes]


def _settle_signs(verdict: Verdict, lines: Lines, rules: LineRules) -> None:
    credit = _credit_notes(verdict, lines, rules)
    quantity, amount = verdict.quantity, verdict.amount
    if rules.cancellations == "unsigned":
        positive = amount > 0 if quantity is None else quantity > 0
        negated = credit & positive
        if quantity is not None:
            quantity[negated] *= -1.0
        turned = negated & (amount > 0)
        amount[turned] = -amount[turned]
        verdict.changed["cancellation_negated"] = negated
    if quantity is None:
        negative, positive = amount < 0, amount > 0
    else:
        negative, positive = quantity < 0, quantity > 0
        if lines.given_amount is not None:
            wrong = negative & (amount > 0)
            amount[wrong] = -amount[wrong]
            verdict.changed["amount_negated"] = wrong
    if credit.any():
        verdict.flagged["positive_cancellation"] = credit & positive
        verdict.flagged["negative_outside_credit_note"] = negative & ~credit


def _treat_prices(verdict: Verdict, lines: Lines, rules: LineRules) -> None:
    if verdict.quantity is not None:
        no_money = verdict.amount == 0 if lines.given_amount is not None else True
        verdict.remove((verdict.quantity == 0) & no_money, "zero_quantity")
    if lines.price is None:
        verdict.treat(verdict.amount == 0, "zero_amount", rules.zero_price)
        return
    verdict.treat(lines.price.values == 0, "zero_price", rules.zero_price)
    verdict.treat(lines.price.values < 0, "negative_price", rules.negative_price)


def _treat_outliers(verdict: Verdict, rules: LineRules) -> None:
    if rules.outliers == "keep":
        return
    bought = verdict.kept & (verdict.amount > 0)
    sizes: dict[str, tuple[NDArray[Any], float]] = {}
    if verdict.quantity is not None:
        bought &= verdict.quantity > 0
        sizes["quantity"] = np.abs(verdict.quantity), 1.0
    sizes["amount"] = np.abs(verdict.amount), 10.0**rules.minor_digits
    odd = np.zeros(len(bought), dtype=bool)
    for name, (size, unit) in sizes.items():
        limits = outlier_limits(size[bought], n_scales=rules.outlier_limit)
        if limits is None:
            continue
        beyond = limits.outside(size) & (size > 0) & verdict.kept
        if beyond.any():
            verdict.notes.append(_limits_note(name, limits, unit, float(size[bought].min())))
        odd |= beyond
    verdict.treat(odd, "outlier", rules.outliers)


def _limits_note(name: str, limits: Limits, unit: float, smallest: float) -> str:
    low, high = limits.low / unit, limits.high / unit
    below = f"below {low:,.4g} or " if smallest < limits.low else ""
    return f"an outlier's {name} is {below}above {high:,.2f}."


# Returns


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


def _treat_returns(
    verdict: Verdict,
    lines: Lines,
    rules: LineRules,
    other_ranks: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> None:
    returns = _match(verdict, lines, other_ranks)
    if returns is None:
        return
    n_rows = len(lines)
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


def _flag_oddities(verdict: Verdict, lines: Lines, rules: LineRules) -> None:
    flagged, kept = verdict.flagged, verdict.kept
    if lines.item is not None:
        flagged["missing_item_id"] = lines.item.missing
    if verdict.quantity is not None:
        flagged["negative_amount"] = (verdict.quantity > 0) & (verdict.amount < 0)
        if lines.price is not None and lines.given_amount is not None:
            product, _ = money_of_product(lines.price, verdict.quantity, rules.minor_digits)
            flagged["amount_differs"] = np.abs(product - verdict.amount) > 1
    if lines.order_made:
        return
    pairs = pd.DataFrame({"order": lines.order.codes[kept], "customer": lines.customer.codes[kept]})
    owners = pairs.drop_duplicates()["order"].value_counts()
    shared = np.zeros(len(lines.order.labels) + 1, dtype=bool)
    shared[owners.index[owners > 1].to_numpy(dtype=np.int64)] = True
    flagged["shared_order_id"] = shared[lines.order.codes]
    n_shared = int((owners > 1).sum())
    if n_shared:
        verdict.notes.append(f"{format_count(n_shared, 'order')} with more than one customer.")
