"""Per-customer figures as states that merge."""

from __future__ import annotations

from userportrait.features._rfm_measures import RFMMeasures, measure_rfm
from userportrait.features._summary import CustomerSummary, summarise_orders

__all__ = ["CustomerSummary", "RFMMeasures", "measure_rfm", "summarise_orders"]
