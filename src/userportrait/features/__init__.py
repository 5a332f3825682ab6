"""Per-customer figures as states that merge, and counts by month."""

from __future__ import annotations

from userportrait.features._behaviour import BehaviourSummary
from userportrait.features._behaviour_once import summarise_events
from userportrait.features._habits import BasketHabits
from userportrait.features._habits_tiers import PriceTiers, learn_price_tiers
from userportrait.features._months import Cohorts, count_cohorts, summarise_months
from userportrait.features._preferences import PreferenceSummary
from userportrait.features._rfm_measures import (
    RFMMeasures,
    measure_rfm,
    measure_rfm_frame,
)
from userportrait.features._summary import CustomerSummary, summarise_orders
from userportrait.features._totals import OrderTotals, order_totals

__all__ = [
    "BasketHabits",
    "BehaviourSummary",
    "Cohorts",
    "CustomerSummary",
    "OrderTotals",
    "PreferenceSummary",
    "PriceTiers",
    "RFMMeasures",
    "count_cohorts",
    "learn_price_tiers",
    "measure_rfm",
    "measure_rfm_frame",
    "order_totals",
    "summarise_events",
    "summarise_months",
    "summarise_orders",
]
