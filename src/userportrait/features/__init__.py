"""Per-customer figures as states that merge, and counts by month."""

from __future__ import annotations

from userportrait.features._months import Cohorts, count_cohorts, summarise_months
from userportrait.features._rfm_measures import RFMMeasures, measure_rfm
from userportrait.features._summary import CustomerSummary, summarise_orders

__all__ = [
    "Cohorts",
    "CustomerSummary",
    "RFMMeasures",
    "count_cohorts",
    "measure_rfm",
    "summarise_months",
    "summarise_orders",
]
