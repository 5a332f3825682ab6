"""What is decided over order lines: the reasons, the rules, the verdict over each line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from userportrait.data._clean_rules import Limits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DESCRIPTIONS", "REMOVED", "LineRules", "Mask", "Treatment", "Verdict"]

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
    services : list of str or int
        Item codes of kept lines that are not items.
    limits : dict of str to Limits
        Of sizes, where any of these lines is beyond them.
    n_shared : int
        Orders of several customers.
    """

    reason: NDArray[np.int64]
    quantity: NDArray[np.float64] | None
    amount: NDArray[np.int64]
    returned_order: NDArray[np.int64]
    changed: dict[str, Mask] = field(default_factory=dict[str, Mask])
    flagged: dict[str, Mask] = field(default_factory=dict[str, Mask])
    services: list[Any] = field(default_factory=list[Any])
    limits: dict[str, Limits] = field(default_factory=dict[str, Limits])
    n_shared: int = 0

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
