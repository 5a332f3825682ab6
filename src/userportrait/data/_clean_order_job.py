"""The steps of cleaning order lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.data._clean_common import other_ranks
from userportrait.data._clean_job import Judged
from userportrait.data._clean_judge import detects_in, judge_lines, learn_lines, line_notes
from userportrait.data._clean_known import Known, known_of
from userportrait.data._clean_lines import READ_ROLES, plan_lines, read_lines
from userportrait.data._clean_rules import Limits
from userportrait.data._clean_table import Coded, Whole
from userportrait.data._clean_verdict import DESCRIPTIONS, REMOVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from userportrait._core.frames import Kind
    from userportrait.data._clean_facts import ColumnFacts
    from userportrait.data._clean_known import LineFacts
    from userportrait.data._clean_lines import Lines, ReadOptions
    from userportrait.data._clean_plan import ReadPlan
    from userportrait.data._clean_table import NewColumn, RawTable
    from userportrait.data._clean_times import TimeOptions
    from userportrait.data._clean_verdict import LineRules, Verdict

__all__ = ["LABELS", "OrderJob"]

LABELS = ("channel", "country", "category")
"""Roles whose columns are kept as they are."""

_OWNER = "clean_orders"


@dataclass(frozen=True, slots=True)
class OrderJob:
    """The cleaning of order lines, as a `Job`.

    Parameters
    ----------
    roles : mapping of str to str
        Role to column.
    options : ReadOptions
    rules : LineRules
    """

    roles: Mapping[str, str]
    options: ReadOptions
    rules: LineRules

    owner = _OWNER
    table = "orders"
    read_roles = READ_ROLES
    label_roles = LABELS
    reserved = frozenset({"item_id", "quantity", "price", "amount_minor"})
    reasons = REMOVED
    descriptions = DESCRIPTIONS

    @property
    def times(self) -> TimeOptions:
        """How times are to be read."""
        return self.options.times

    def plan(self, facts: Mapping[str, ColumnFacts], raw: RawTable | None = None) -> ReadPlan:
        """Decide how columns are read."""
        return plan_lines(facts, self.roles, self.options, owner=_OWNER, raw=raw)

    def needs_facts(self, plan: ReadPlan) -> bool:
        """Return whether services, outliers or credit notes have to be learnt first."""
        rules = self.rules
        if rules.outliers != "keep" or detects_in(plan.ids.get("item_id"), rules):
            return True
        return bool(rules.cancellation_prefix) and plan.ids.get("order_id") == "text"

    def learn(
        self, raw: RawTable, plan: ReadPlan, services: frozenset[str] | None = None
    ) -> LineFacts:
        """Return what some lines say about all."""
        others = self._others(raw)
        return learn_lines(
            self._read(raw, plan), self.rules, other_columns=others, services=services
        )

    def known(self, facts: LineFacts, services: frozenset[str] | None = None) -> Known:
        """Return what facts of all lines say."""
        return known_of(facts, self.rules, services=services)

    def judge(self, raw: RawTable, plan: ReadPlan, known: Known | None = None) -> Judged:
        """Decide over lines."""
        lines = self._read(raw, plan)
        names = self._other_names(raw)
        verdict = judge_lines(
            lines,
            self.rules,
            other_columns=self._others(raw),
            other_ranks=lambda rows: other_ranks(raw, names, rows),
            known=known,
        )
        facts: dict[str, Any] = {
            "services": verdict.services,
            "limits": {name: _as_json(limits) for name, limits in verdict.limits.items()},
            "n_shared": verdict.n_shared,
        }
        kept = np.flatnonzero(verdict.kept)
        new = self._new_columns(lines, verdict, kept)
        if known is None:
            _settle(new)
        return Judged(verdict.reason, verdict.changed, verdict.flagged, new, facts)

    def kinds(self, plan: ReadPlan) -> dict[str, Kind]:
        """Return the clean columns of a part and what they hold."""
        ids: dict[str, Kind] = {
            role: "text" if form == "text" else "integer" for role, form in plan.ids.items()
        }
        order = ids.get("order_id", "text")
        found: dict[str, Kind] = {"customer_id": ids["customer_id"], "order_id": order}
        found["ordered_at"] = "time"
        if "item_id" in ids:
            found["item_id"] = ids["item_id"]
        for role in ("quantity", "price"):
            if role in self.roles:
                found[role] = "number"
        return {**found, "amount": "number", "returned_order_id": order}

    def notes(self, facts: Mapping[str, Any]) -> list[str]:
        """Say what was decided over all lines together."""
        limits = {name: Limits(*ends) for name, ends in facts["limits"].items()}
        digits = self.rules.minor_digits
        return line_notes(facts["services"], limits, facts["n_shared"], minor_digits=digits)

    def _read(self, raw: RawTable, plan: ReadPlan) -> Lines:
        return read_lines(raw, self.roles, self.options, plan, owner=_OWNER)

    def _other_names(self, raw: RawTable) -> list[str]:
        read = {self.roles.get(role) for role in READ_ROLES}
        return [name for name in raw.names if name not in read]

    def _others(self, raw: RawTable) -> Callable[[], Iterable[NDArray[np.int64]]]:
        return lambda: (raw.column(name).identity() for name in self._other_names(raw))

    def _new_columns(
        self, lines: Lines, verdict: Verdict, kept: NDArray[np.intp]
    ) -> dict[str, NewColumn]:
        new: dict[str, NewColumn] = {
            "customer_id": Coded(lines.customer.codes[kept], lines.customer.labels),
            "order_id": Coded(lines.order.codes[kept], lines.order.labels),
            "ordered_at": Whole(lines.times.micros[kept].view("datetime64[us]")),
        }
        if lines.item is not None:
            new["item_id"] = Coded(lines.item.codes[kept], lines.item.labels)
        if verdict.quantity is not None:
            new["quantity"] = Whole(verdict.quantity[kept])
        if lines.price is not None:
            new["price"] = Whole(lines.price.values[kept])
        new["amount"] = Whole(verdict.amount[kept] / 10.0**self.rules.minor_digits)
        new["returned_order_id"] = Coded(verdict.returned_order[kept], lines.order.labels)
        return new


def _settle(new: dict[str, NewColumn]) -> None:
    """Give the columns the form that only all lines can tell."""
    units, returned = new.get("quantity"), new["returned_order_id"]
    if isinstance(units, Whole) and (units.values == np.floor(units.values)).all():
        new["quantity"] = Whole(units.values.astype(np.int64))
    if isinstance(returned, Coded) and not (returned.codes >= 0).any():
        del new["returned_order_id"]


def _as_json(limits: Limits) -> list[float]:
    return [limits.low, limits.high, limits.smallest]
