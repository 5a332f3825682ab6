"""Results of a build beside the tags: what a report of the shop needs, as plain JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from userportrait.features import count_cohorts, order_totals, summarise_months

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from userportrait.data import CleaningReport, Orders
    from userportrait.tags import TagCatalogue
    from userportrait.typing import Build

__all__ = ["rfm_facts", "shop_facts"]


def shop_facts(orders: Orders, as_of: datetime, cleaning: CleaningReport | None) -> dict[str, Any]:
    """Return the shop's totals, months, cohorts and cleaning account, as plain JSON.

    Orders outside of memory are counted by their engine.
    """
    facts: dict[str, Any] = {
        "shop": _totals(orders, as_of),
        "months": _months(orders, as_of),
        "cohorts": _cohorts(orders, as_of),
    }
    if cleaning is not None:
        facts["cleaning"] = _cleaning(cleaning)
    return facts


def rfm_facts(catalogue: TagCatalogue, build: Build) -> dict[str, Any]:
    """Return the shipped RFM tags' limits and labels; empty without them."""
    measures = {"recency": "r", "frequency": "f", "monetary": "m"}
    documents: Mapping[str, Any] = build.facts.get("tags", {})
    learned = {n: documents.get(tag, {}).get("learned") for n, tag in measures.items()}
    if "rfm" not in catalogue or not all(learned.values()):
        return {}
    limits = {name: next(iter(found.values())) for name, found in learned.items() if found}
    domain = catalogue["rfm"].domain
    labels = list(domain.values) if domain is not None and domain.values else []
    return {"rfm": {"limits": limits, "labels": labels}}


def _totals(orders: Orders, as_of: datetime) -> Mapping[str, Any]:
    totals = asdict(order_totals(orders, as_of=as_of))
    return {
        **totals,
        "first_order_at": orders.oldest.isoformat(),
        "last_order_at": min(orders.newest, as_of).isoformat(),
        "currency": orders.currency,
    }


def _months(orders: Orders, as_of: datetime) -> list[dict[str, Any]]:
    months = summarise_months(orders, as_of=as_of)
    names = {"n_orders": "orders", "n_customers": "customers", "n_new_customers": "new_customers"}
    rows = months.rename(columns=names).to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    found: Any = value.item() if hasattr(value, "item") else value
    return found


def _cohorts(orders: Orders, as_of: datetime) -> dict[str, Any]:
    cohorts = count_cohorts(orders, as_of=as_of)
    n = len(cohorts.months)
    return {
        "months": list(cohorts.months),
        "sizes": cohorts.sizes.tolist(),
        "active": [cohorts.active[i, : n - i].tolist() for i in range(n)],
    }


def _cleaning(report: CleaningReport) -> dict[str, Any]:
    rows = report.to_frame()[["reason", "n_rows", "action"]].to_dict("records")
    return {
        "n_rows_in": int(report.n_rows_in),
        "n_rows_out": int(report.n_rows_out),
        "rows": [{str(key): _plain(value) for key, value in row.items()} for row in rows],
    }
