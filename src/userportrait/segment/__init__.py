"""Segments: clusters of customers that people can name, and what lies behind the features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.segment._adequacy import (
        ChiSquareTest,
        SamplingAdequacy,
        count_factors,
        measure_adequacy,
    )
    from userportrait.segment._choose_k import ClusterChoice, choose_n_clusters
    from userportrait.segment._components import PrincipalComponents
    from userportrait.segment._correlation import Correlations, correlate
    from userportrait.segment._customer_segments import CustomerSegments
    from userportrait.segment._drift import SegmentDrift, segment_drift
    from userportrait.segment._drift_plot import plot_segment_drift
    from userportrait.segment._factor_analysis import FactorAnalysis
    from userportrait.segment._factor_plots import plot_correlations, plot_loadings, plot_scree
    from userportrait.segment._kmodes import KModes
    from userportrait.segment._kprototypes import KPrototypes
    from userportrait.segment._prepare import PrepareFeatures
    from userportrait.segment._segment_plots import plot_cluster_choice, plot_profiles

__all__ = [
    "ChiSquareTest",
    "ClusterChoice",
    "Correlations",
    "CustomerSegments",
    "FactorAnalysis",
    "KModes",
    "KPrototypes",
    "PrepareFeatures",
    "PrincipalComponents",
    "SamplingAdequacy",
    "SegmentDrift",
    "choose_n_clusters",
    "correlate",
    "count_factors",
    "measure_adequacy",
    "plot_cluster_choice",
    "plot_correlations",
    "plot_loadings",
    "plot_profiles",
    "plot_scree",
    "plot_segment_drift",
    "segment_drift",
]

_HOMES: dict[str, str] = {
    "ChiSquareTest": "userportrait.segment._adequacy",
    "ClusterChoice": "userportrait.segment._choose_k",
    "Correlations": "userportrait.segment._correlation",
    "CustomerSegments": "userportrait.segment._customer_segments",
    "FactorAnalysis": "userportrait.segment._factor_analysis",
    "KModes": "userportrait.segment._kmodes",
    "KPrototypes": "userportrait.segment._kprototypes",
    "PrepareFeatures": "userportrait.segment._prepare",
    "PrincipalComponents": "userportrait.segment._components",
    "SamplingAdequacy": "userportrait.segment._adequacy",
    "SegmentDrift": "userportrait.segment._drift",
    "choose_n_clusters": "userportrait.segment._choose_k",
    "correlate": "userportrait.segment._correlation",
    "count_factors": "userportrait.segment._adequacy",
    "measure_adequacy": "userportrait.segment._adequacy",
    "plot_cluster_choice": "userportrait.segment._segment_plots",
    "plot_correlations": "userportrait.segment._factor_plots",
    "plot_loadings": "userportrait.segment._factor_plots",
    "plot_profiles": "userportrait.segment._segment_plots",
    "plot_scree": "userportrait.segment._factor_plots",
    "plot_segment_drift": "userportrait.segment._drift_plot",
    "segment_drift": "userportrait.segment._drift",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
