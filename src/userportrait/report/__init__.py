"""What people look at: plots, one customer's page, the shop's page.

The room and its main function share a name: ``up.report(portraits, path)`` writes the
shop's page, and ``from userportrait.report import plot_rfm_map`` finds the rest.
"""

from __future__ import annotations

import sys
from inspect import Signature, signature
from types import ModuleType

from userportrait.report._experiment_page import experiment_page
from userportrait.report._person import portrait_page
from userportrait.report._plots_recommend import (
    plot_explanation,
    plot_long_tail,
    plot_rankings,
)
from userportrait.report._plots_rule_maps import plot_rule_graph, plot_rule_matrix
from userportrait.report._plots_rules import plot_rule_coordinates, plot_rule_scatter
from userportrait.report._plots_segments import (
    plot_recency_frequency,
    plot_rfm_map,
    plot_segment_sizes,
)
from userportrait.report._plots_shop import plot_cohorts, plot_months, plot_spend
from userportrait.report._propensity_page import propensity_page, propensity_section
from userportrait.report._segment_page import segment_page, segment_section
from userportrait.report._shop import report

__all__ = [
    "experiment_page",
    "plot_cohorts",
    "plot_explanation",
    "plot_long_tail",
    "plot_months",
    "plot_rankings",
    "plot_recency_frequency",
    "plot_rfm_map",
    "plot_rule_coordinates",
    "plot_rule_graph",
    "plot_rule_matrix",
    "plot_rule_scatter",
    "plot_segment_sizes",
    "plot_spend",
    "portrait_page",
    "propensity_page",
    "propensity_section",
    "report",
    "segment_page",
    "segment_section",
]


class _CallableRoom(ModuleType):
    """A module that can be called as its main function."""

    __call__ = staticmethod(report)


sys.modules[__name__].__class__ = _CallableRoom
__signature__: Signature = signature(report)
"""What notebooks show of the room as a function."""
