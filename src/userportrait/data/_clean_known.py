"""What all order lines together say, learnt from some of them at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import state
from userportrait.data._clean_rules import find_non_products, is_doubtful, outlier_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.data._clean_rules import Limits
    from userportrait.data._clean_verdict import LineRules

__all__ = [
    "MOST_DOUBTFUL",
    "Known",
    "LineFacts",
    "has_credit_notes",
    "join_facts",
    "known_of",
    "services_among",
]

MOST_DOUBTFUL = 1000
"""Up to so many item codes that may be services have their sizes kept apart."""

_FORM = "clnf"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What all lines say about each of them.

    Parameters
    ----------
    services : frozenset of str, optional
        Item codes that are not items; None where each line tells by itself.
    credit_notes : bool
        Whether orders that begin with the prefix are credit notes.
    limits : dict of str to (Limits or None), optional
        Of quantity and amount; None where they are not known yet.
    """

    services: frozenset[str] | None = None
    credit_notes: bool = False
    limits: dict[str, Limits | None] | None = field(default=None)


@dataclass(frozen=True, slots=True, eq=False)
class LineFacts:
    """What some lines say; facts of several sets of lines are joined by `join_facts`.

    Parameters
    ----------
    n_marked, n_orders : int
        Orders that begin with the prefix of credit notes, and all orders; an order of
        several customers counts once for each.
    items : ndarray of texts
        Item codes, of which lines are there.
    n_lines : ndarray of int64
        How many lines each of them has.
    sizes : dict of str to DataFrame
        For quantity and amount: `item` (only where it may be a service, else null), `size`
        and `n`, in how many purchases. None if too many items may be services.
    """

    n_marked: int
    n_orders: int
    items: NDArray[Any]
    n_lines: NDArray[np.int64]
    sizes: dict[str, pd.DataFrame] | None

    def to_bytes(self) -> bytes:
        """Serialise."""
        tables = {"items": {"item": self.items, "n": self.n_lines}}
        for name, found in (self.sizes or {}).items():
            columns = {"item": found["item"].to_numpy(dtype=object)}
            columns |= {column: found[column].to_numpy() for column in ("size", "n")}
            tables[name] = columns
        facts = {"marked": self.n_marked, "orders": self.n_orders, "sized": self.sizes is not None}
        return state.pack(_FORM, _VERSION, facts, tables)

    @classmethod
    def from_bytes(cls, payload: bytes) -> LineFacts:
        """Read what `to_bytes` wrote."""
        _, facts, tables = state.unpack(payload, _FORM, _VERSION, "account of order lines")
        items = tables.pop("items")
        sizes = {name: pd.DataFrame(columns) for name, columns in tables.items()}
        return cls(
            facts["marked"], facts["orders"], items["item"], items["n"],
            sizes if facts["sized"] else None,
        )  # fmt: skip

    @property
    def n_doubtful(self) -> int:
        """How many item codes may be services."""
        return sum(map(is_doubtful, self.items))

    def join(self, other: LineFacts) -> LineFacts:
        """Return the facts of both sets of lines."""
        items = pd.DataFrame(
            {
                "item": np.concatenate([self.items, other.items]),
                "n": np.concatenate([self.n_lines, other.n_lines]),
            }
        )
        counted = items.groupby("item", sort=True)["n"].sum()
        sizes = None
        if self.sizes is not None and other.sizes is not None:
            mine, others = self.sizes, other.sizes
            sizes = {name: _joined_sizes([mine[name], others[name]]) for name in mine}
        return LineFacts(
            self.n_marked + other.n_marked,
            self.n_orders + other.n_orders,
            counted.index.to_numpy(dtype=object),
            counted.to_numpy(dtype=np.int64),
            sizes,
        )


def _joined_sizes(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    found = pd.concat(tables, ignore_index=True)
    counted: Any = found.groupby(["item", "size"], sort=True, dropna=False)["n"].sum()
    summed: pd.DataFrame = counted.reset_index()
    return summed


def join_facts(facts: Sequence[LineFacts]) -> LineFacts:
    """Return the facts of all lines; neighbours first, so that little is sorted twice."""
    waiting = list(facts)
    while len(waiting) > 1:
        waiting = [reduce(LineFacts.join, waiting[i : i + 2]) for i in range(0, len(waiting), 2)]
    return waiting[0]


def services_among(
    labels: Sequence[str], n_lines: NDArray[np.int64], rules: LineRules, *, detect: bool
) -> NDArray[np.bool_]:
    """Return which item codes are not items, by what the rules say."""
    return find_non_products(
        labels,
        n_lines,
        user_codes=rules.non_product_codes,
        detect=detect and rules.detect_non_products,
    )


def has_credit_notes(n_marked: int, n_orders: int, rules: LineRules) -> bool:
    """Return whether marked orders are credit notes: if asked for, or if most orders are not."""
    return n_marked > 0 and (rules.cancellations == "unsigned" or 2 * n_marked < n_orders)


def known_of(facts: LineFacts, rules: LineRules, *, services: frozenset[str] | None) -> Known:
    """Return what facts of all lines say.

    Parameters
    ----------
    facts : LineFacts
    rules : LineRules
    services : frozenset of str, optional
        Codes that are not items, where they are known already.
    """
    if services is None and len(facts.items):
        found = services_among(facts.items.tolist(), facts.n_lines, rules, detect=True)
        services = frozenset(facts.items[found].tolist())
    limits = None
    if facts.sizes is not None:
        removed = frozenset[str]()
        if services is not None and rules.non_products == "remove":
            removed = services
        limits = {n: _limits(found, removed, rules) for n, found in facts.sizes.items()}
    credit_notes = has_credit_notes(facts.n_marked, facts.n_orders, rules)
    return Known(services, credit_notes, limits)


def _limits(sizes: pd.DataFrame, removed: frozenset[str], rules: LineRules) -> Limits | None:
    kept = sizes[~sizes["item"].isin(list(removed))]
    counted = kept.groupby("size", sort=True)["n"].sum()
    values, counts = counted.index.to_numpy(), counted.to_numpy(dtype=np.int64)
    return outlier_limits(values, counts, n_scales=rules.outlier_limit)
