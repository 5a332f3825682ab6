"""Experiments: did it work, for whom, and is the answer to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._base import Design, Metric, MomentMetric, RowMetric
    from userportrait.experiment._caps import Cap, Leverage, leverage
    from userportrait.experiment._clustered import Clustered, ClusteredEstimate
    from userportrait.experiment._confidence_set import ConfidenceSet
    from userportrait.experiment._estimate import Estimate, Judgement
    from userportrait.experiment._experiment import Experiment
    from userportrait.experiment._fixed import Fixed
    from userportrait.experiment._group_sequential import GroupSequential
    from userportrait.experiment._mean import Mean
    from userportrait.experiment._moments import Column, Moments
    from userportrait.experiment._plots_forest import plot_effects
    from userportrait.experiment._proportion import Proportion
    from userportrait.experiment._ratio import Ratio
    from userportrait.experiment._result import Effect, ExperimentResult, MarginTest
    from userportrait.experiment._scorecard import campaign_scorecard
    from userportrait.experiment._scorecard_result import Scorecard, ScorecardLine
    from userportrait.experiment._sequential_plan import (
        SequentialPlan,
        inflation_factor,
        plan_looks,
    )
    from userportrait.experiment._spending import Spending
    from userportrait.experiment._srm import check_srm
    from userportrait.experiment._srm_result import SrmCheck, SrmGroup

__all__ = [
    "Aggregates",
    "Cap",
    "Clustered",
    "ClusteredEstimate",
    "Column",
    "ConfidenceSet",
    "Design",
    "Effect",
    "Estimate",
    "Experiment",
    "ExperimentResult",
    "Fixed",
    "GroupSequential",
    "Judgement",
    "Leverage",
    "MarginTest",
    "Mean",
    "Metric",
    "MomentMetric",
    "Moments",
    "Proportion",
    "Ratio",
    "RowMetric",
    "Scorecard",
    "ScorecardLine",
    "SequentialPlan",
    "Spending",
    "SrmCheck",
    "SrmGroup",
    "campaign_scorecard",
    "check_srm",
    "inflation_factor",
    "leverage",
    "plan_looks",
    "plot_effects",
]

_HOMES: dict[str, str] = {
    "Aggregates": "userportrait.experiment._aggregates",
    "Cap": "userportrait.experiment._caps",
    "Clustered": "userportrait.experiment._clustered",
    "ClusteredEstimate": "userportrait.experiment._clustered",
    "Column": "userportrait.experiment._moments",
    "ConfidenceSet": "userportrait.experiment._confidence_set",
    "Design": "userportrait.experiment._base",
    "Effect": "userportrait.experiment._result",
    "Estimate": "userportrait.experiment._estimate",
    "Experiment": "userportrait.experiment._experiment",
    "ExperimentResult": "userportrait.experiment._result",
    "Fixed": "userportrait.experiment._fixed",
    "GroupSequential": "userportrait.experiment._group_sequential",
    "Judgement": "userportrait.experiment._estimate",
    "Leverage": "userportrait.experiment._caps",
    "MarginTest": "userportrait.experiment._result",
    "Mean": "userportrait.experiment._mean",
    "Metric": "userportrait.experiment._base",
    "MomentMetric": "userportrait.experiment._base",
    "Moments": "userportrait.experiment._moments",
    "Proportion": "userportrait.experiment._proportion",
    "Ratio": "userportrait.experiment._ratio",
    "RowMetric": "userportrait.experiment._base",
    "Scorecard": "userportrait.experiment._scorecard_result",
    "ScorecardLine": "userportrait.experiment._scorecard_result",
    "SequentialPlan": "userportrait.experiment._sequential_plan",
    "Spending": "userportrait.experiment._spending",
    "SrmCheck": "userportrait.experiment._srm_result",
    "SrmGroup": "userportrait.experiment._srm_result",
    "campaign_scorecard": "userportrait.experiment._scorecard",
    "check_srm": "userportrait.experiment._srm",
    "inflation_factor": "userportrait.experiment._sequential_plan",
    "leverage": "userportrait.experiment._caps",
    "plan_looks": "userportrait.experiment._sequential_plan",
    "plot_effects": "userportrait.experiment._plots_forest",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
