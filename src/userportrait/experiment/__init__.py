"""Experiments: did it work, for whom, and is the answer to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._anytime import Anytime
    from userportrait.experiment._assignment import Layer, assign
    from userportrait.experiment._base import Design, Metric, MomentMetric, RowMetric
    from userportrait.experiment._bayes import Bayes
    from userportrait.experiment._caps import Cap, Leverage, leverage
    from userportrait.experiment._clustered import Clustered, ClusteredEstimate
    from userportrait.experiment._confidence_set import ConfidenceSet
    from userportrait.experiment._count import Count
    from userportrait.experiment._custom import Custom
    from userportrait.experiment._e_values import combine_e_values, select_e_values
    from userportrait.experiment._estimate import Estimate, Judgement
    from userportrait.experiment._experiment import Experiment
    from userportrait.experiment._fixed import Fixed
    from userportrait.experiment._group_sequential import GroupSequential
    from userportrait.experiment._mean import Mean
    from userportrait.experiment._moments import Column, Moments
    from userportrait.experiment._plots_forest import plot_effects
    from userportrait.experiment._plots_segments import plot_segments
    from userportrait.experiment._proportion import Proportion
    from userportrait.experiment._quantile import Quantile
    from userportrait.experiment._ratio import Ratio
    from userportrait.experiment._resample import RowEstimate
    from userportrait.experiment._result import Effect, ExperimentResult, MarginTest
    from userportrait.experiment._scorecard import campaign_scorecard
    from userportrait.experiment._scorecard_result import Scorecard, ScorecardLine
    from userportrait.experiment._segments import (
        Difference,
        SegmentEffect,
        SegmentEffects,
        effects_by_segment,
    )
    from userportrait.experiment._sequential_path import (
        SequentialPath,
        path_by_day,
        sequential_path,
    )
    from userportrait.experiment._sequential_plan import (
        SequentialPlan,
        inflation_factor,
        plan_looks,
    )
    from userportrait.experiment._shrinkage import Heterogeneity, Shrunk, heterogeneity, shrink
    from userportrait.experiment._spending import Spending
    from userportrait.experiment._srm import check_srm
    from userportrait.experiment._srm_result import SrmCheck, SrmGroup

__all__ = [
    "Aggregates",
    "Anytime",
    "Bayes",
    "Cap",
    "Clustered",
    "ClusteredEstimate",
    "Column",
    "ConfidenceSet",
    "Count",
    "Custom",
    "Design",
    "Difference",
    "Effect",
    "Estimate",
    "Experiment",
    "ExperimentResult",
    "Fixed",
    "GroupSequential",
    "Heterogeneity",
    "Judgement",
    "Layer",
    "Leverage",
    "MarginTest",
    "Mean",
    "Metric",
    "MomentMetric",
    "Moments",
    "Proportion",
    "Quantile",
    "Ratio",
    "RowEstimate",
    "RowMetric",
    "Scorecard",
    "ScorecardLine",
    "SegmentEffect",
    "SegmentEffects",
    "SequentialPath",
    "SequentialPlan",
    "Shrunk",
    "Spending",
    "SrmCheck",
    "SrmGroup",
    "assign",
    "campaign_scorecard",
    "check_srm",
    "combine_e_values",
    "effects_by_segment",
    "heterogeneity",
    "inflation_factor",
    "leverage",
    "path_by_day",
    "plan_looks",
    "plot_effects",
    "plot_segments",
    "select_e_values",
    "sequential_path",
    "shrink",
]

_HOMES: dict[str, str] = {
    "Aggregates": "userportrait.experiment._aggregates",
    "Anytime": "userportrait.experiment._anytime",
    "Bayes": "userportrait.experiment._bayes",
    "Cap": "userportrait.experiment._caps",
    "Clustered": "userportrait.experiment._clustered",
    "ClusteredEstimate": "userportrait.experiment._clustered",
    "Column": "userportrait.experiment._moments",
    "ConfidenceSet": "userportrait.experiment._confidence_set",
    "Count": "userportrait.experiment._count",
    "Custom": "userportrait.experiment._custom",
    "Design": "userportrait.experiment._base",
    "Difference": "userportrait.experiment._segments",
    "Effect": "userportrait.experiment._result",
    "Estimate": "userportrait.experiment._estimate",
    "Experiment": "userportrait.experiment._experiment",
    "ExperimentResult": "userportrait.experiment._result",
    "Fixed": "userportrait.experiment._fixed",
    "GroupSequential": "userportrait.experiment._group_sequential",
    "Heterogeneity": "userportrait.experiment._shrinkage",
    "Judgement": "userportrait.experiment._estimate",
    "Layer": "userportrait.experiment._assignment",
    "Leverage": "userportrait.experiment._caps",
    "MarginTest": "userportrait.experiment._result",
    "Mean": "userportrait.experiment._mean",
    "Metric": "userportrait.experiment._base",
    "MomentMetric": "userportrait.experiment._base",
    "Moments": "userportrait.experiment._moments",
    "Proportion": "userportrait.experiment._proportion",
    "Quantile": "userportrait.experiment._quantile",
    "Ratio": "userportrait.experiment._ratio",
    "RowEstimate": "userportrait.experiment._resample",
    "RowMetric": "userportrait.experiment._base",
    "Scorecard": "userportrait.experiment._scorecard_result",
    "ScorecardLine": "userportrait.experiment._scorecard_result",
    "SegmentEffect": "userportrait.experiment._segments",
    "SegmentEffects": "userportrait.experiment._segments",
    "SequentialPath": "userportrait.experiment._sequential_path",
    "SequentialPlan": "userportrait.experiment._sequential_plan",
    "Shrunk": "userportrait.experiment._shrinkage",
    "Spending": "userportrait.experiment._spending",
    "SrmCheck": "userportrait.experiment._srm_result",
    "SrmGroup": "userportrait.experiment._srm_result",
    "assign": "userportrait.experiment._assignment",
    "campaign_scorecard": "userportrait.experiment._scorecard",
    "check_srm": "userportrait.experiment._srm",
    "combine_e_values": "userportrait.experiment._e_values",
    "effects_by_segment": "userportrait.experiment._segments",
    "heterogeneity": "userportrait.experiment._shrinkage",
    "inflation_factor": "userportrait.experiment._sequential_plan",
    "leverage": "userportrait.experiment._caps",
    "path_by_day": "userportrait.experiment._sequential_path",
    "plan_looks": "userportrait.experiment._sequential_plan",
    "plot_effects": "userportrait.experiment._plots_forest",
    "plot_segments": "userportrait.experiment._plots_segments",
    "select_e_values": "userportrait.experiment._e_values",
    "sequential_path": "userportrait.experiment._sequential_path",
    "shrink": "userportrait.experiment._shrinkage",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
