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
    from userportrait.experiment._best_arm import BestArm, probability_best
    from userportrait.experiment._caps import Cap, Leverage, check_leverage, leverage
    from userportrait.experiment._clustered import Clustered, ClusteredEstimate
    from userportrait.experiment._confidence_set import ConfidenceSet
    from userportrait.experiment._count import Count
    from userportrait.experiment._cupac import cupac
    from userportrait.experiment._custom import Custom
    from userportrait.experiment._decision import Decision, decide
    from userportrait.experiment._e_values import combine_e_values, select_e_values
    from userportrait.experiment._estimate import Estimate, Judgement
    from userportrait.experiment._experiment import Experiment
    from userportrait.experiment._fixed import Fixed
    from userportrait.experiment._group_sequential import GroupSequential
    from userportrait.experiment._interactions import Interaction, Interactions, interactions
    from userportrait.experiment._mean import Mean
    from userportrait.experiment._moments import Column, Moments
    from userportrait.experiment._novelty import DayEffects, Trend, effects_by_day
    from userportrait.experiment._plots_days import plot_days
    from userportrait.experiment._plots_forest import plot_effects
    from userportrait.experiment._plots_segments import plot_segments
    from userportrait.experiment._plots_sequential import plot_path
    from userportrait.experiment._power import minimum_detectable_effect, power, sample_size
    from userportrait.experiment._power_pilot import Pilot, from_pilot
    from userportrait.experiment._power_result import PowerCurve, PowerPlan
    from userportrait.experiment._proportion import Proportion
    from userportrait.experiment._quantile import Quantile
    from userportrait.experiment._ratio import Ratio
    from userportrait.experiment._resample import RowEstimate
    from userportrait.experiment._result import Effect, ExperimentResult, MarginTest
    from userportrait.experiment._scorecard import campaign_scorecard
    from userportrait.experiment._scorecard_result import Scorecard, ScorecardLine
    from userportrait.experiment._segments import (
        SegmentDifference,
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
    from userportrait.experiment._simulate import AASimulation, simulate_aa
    from userportrait.experiment._spending import Spending
    from userportrait.experiment._srm import check_srm
    from userportrait.experiment._srm_result import SrmCheck, SrmGroup
    from userportrait.experiment._switchback import Switchback
    from userportrait.experiment._switchback_plan import (
        SwitchbackExclusions,
        label_switchback,
        plan_switchback,
    )
    from userportrait.experiment.uplift._baseline import cross_fit_baseline
    from userportrait.experiment.uplift._calibration import (
        CalibrationBin,
        UpliftCalibration,
        uplift_calibration,
    )
    from userportrait.experiment.uplift._choose import UpliftChoice, choose_uplift
    from userportrait.experiment.uplift._evaluate import (
        UpliftCurve,
        UpliftEvaluation,
        evaluate_uplift,
        uplift_curve,
    )
    from userportrait.experiment.uplift._metrics import auuc, qini, uplift_at_k
    from userportrait.experiment.uplift._overlap import Overlap, check_overlap
    from userportrait.experiment.uplift._policy import (
        PolicyCurve,
        PolicyValue,
        policy_curve,
        policy_value,
    )
    from userportrait.experiment.uplift._rate import RankWeightedEffect, rank_weighted_effect
    from userportrait.experiment.uplift._scores import doubly_robust_scores
    from userportrait.experiment.uplift._target import Targeting, target
    from userportrait.experiment.uplift._uplift import Uplift

__all__ = [
    "AASimulation",
    "Aggregates",
    "Anytime",
    "Bayes",
    "BestArm",
    "CalibrationBin",
    "Cap",
    "Clustered",
    "ClusteredEstimate",
    "Column",
    "ConfidenceSet",
    "Count",
    "Custom",
    "DayEffects",
    "Decision",
    "Design",
    "Effect",
    "Estimate",
    "Experiment",
    "ExperimentResult",
    "Fixed",
    "GroupSequential",
    "Heterogeneity",
    "Interaction",
    "Interactions",
    "Judgement",
    "Layer",
    "Leverage",
    "MarginTest",
    "Mean",
    "Metric",
    "MomentMetric",
    "Moments",
    "Overlap",
    "Pilot",
    "PolicyCurve",
    "PolicyValue",
    "PowerCurve",
    "PowerPlan",
    "Proportion",
    "Quantile",
    "RankWeightedEffect",
    "Ratio",
    "RowEstimate",
    "RowMetric",
    "Scorecard",
    "ScorecardLine",
    "SegmentDifference",
    "SegmentEffect",
    "SegmentEffects",
    "SequentialPath",
    "SequentialPlan",
    "Shrunk",
    "Spending",
    "SrmCheck",
    "SrmGroup",
    "Switchback",
    "SwitchbackExclusions",
    "Targeting",
    "Trend",
    "Uplift",
    "UpliftCalibration",
    "UpliftChoice",
    "UpliftCurve",
    "UpliftEvaluation",
    "assign",
    "auuc",
    "campaign_scorecard",
    "check_leverage",
    "check_overlap",
    "check_srm",
    "choose_uplift",
    "combine_e_values",
    "cross_fit_baseline",
    "cupac",
    "decide",
    "doubly_robust_scores",
    "effects_by_day",
    "effects_by_segment",
    "evaluate_uplift",
    "from_pilot",
    "heterogeneity",
    "inflation_factor",
    "interactions",
    "label_switchback",
    "leverage",
    "minimum_detectable_effect",
    "path_by_day",
    "plan_looks",
    "plan_switchback",
    "plot_days",
    "plot_effects",
    "plot_path",
    "plot_segments",
    "policy_curve",
    "policy_value",
    "power",
    "probability_best",
    "qini",
    "rank_weighted_effect",
    "sample_size",
    "select_e_values",
    "sequential_path",
    "shrink",
    "simulate_aa",
    "target",
    "uplift_at_k",
    "uplift_calibration",
    "uplift_curve",
]

_HOMES: dict[str, str] = {
    "AASimulation": "userportrait.experiment._simulate",
    "Aggregates": "userportrait.experiment._aggregates",
    "Anytime": "userportrait.experiment._anytime",
    "Bayes": "userportrait.experiment._bayes",
    "BestArm": "userportrait.experiment._best_arm",
    "CalibrationBin": "userportrait.experiment.uplift._calibration",
    "Cap": "userportrait.experiment._caps",
    "Clustered": "userportrait.experiment._clustered",
    "ClusteredEstimate": "userportrait.experiment._clustered",
    "Column": "userportrait.experiment._moments",
    "ConfidenceSet": "userportrait.experiment._confidence_set",
    "Count": "userportrait.experiment._count",
    "Custom": "userportrait.experiment._custom",
    "DayEffects": "userportrait.experiment._novelty",
    "Decision": "userportrait.experiment._decision",
    "Design": "userportrait.experiment._base",
    "Effect": "userportrait.experiment._result",
    "Estimate": "userportrait.experiment._estimate",
    "Experiment": "userportrait.experiment._experiment",
    "ExperimentResult": "userportrait.experiment._result",
    "Fixed": "userportrait.experiment._fixed",
    "GroupSequential": "userportrait.experiment._group_sequential",
    "Heterogeneity": "userportrait.experiment._shrinkage",
    "Interaction": "userportrait.experiment._interactions",
    "Interactions": "userportrait.experiment._interactions",
    "Judgement": "userportrait.experiment._estimate",
    "Layer": "userportrait.experiment._assignment",
    "Leverage": "userportrait.experiment._caps",
    "MarginTest": "userportrait.experiment._result",
    "Mean": "userportrait.experiment._mean",
    "Metric": "userportrait.experiment._base",
    "MomentMetric": "userportrait.experiment._base",
    "Moments": "userportrait.experiment._moments",
    "Overlap": "userportrait.experiment.uplift._overlap",
    "Pilot": "userportrait.experiment._power_pilot",
    "PolicyCurve": "userportrait.experiment.uplift._policy",
    "PolicyValue": "userportrait.experiment.uplift._policy",
    "PowerCurve": "userportrait.experiment._power_result",
    "PowerPlan": "userportrait.experiment._power_result",
    "Proportion": "userportrait.experiment._proportion",
    "Quantile": "userportrait.experiment._quantile",
    "RankWeightedEffect": "userportrait.experiment.uplift._rate",
    "Ratio": "userportrait.experiment._ratio",
    "RowEstimate": "userportrait.experiment._resample",
    "RowMetric": "userportrait.experiment._base",
    "Scorecard": "userportrait.experiment._scorecard_result",
    "ScorecardLine": "userportrait.experiment._scorecard_result",
    "SegmentDifference": "userportrait.experiment._segments",
    "SegmentEffect": "userportrait.experiment._segments",
    "SegmentEffects": "userportrait.experiment._segments",
    "SequentialPath": "userportrait.experiment._sequential_path",
    "SequentialPlan": "userportrait.experiment._sequential_plan",
    "Shrunk": "userportrait.experiment._shrinkage",
    "Spending": "userportrait.experiment._spending",
    "SrmCheck": "userportrait.experiment._srm_result",
    "SrmGroup": "userportrait.experiment._srm_result",
    "Switchback": "userportrait.experiment._switchback",
    "SwitchbackExclusions": "userportrait.experiment._switchback_plan",
    "Targeting": "userportrait.experiment.uplift._target",
    "Trend": "userportrait.experiment._novelty",
    "Uplift": "userportrait.experiment.uplift._uplift",
    "UpliftCalibration": "userportrait.experiment.uplift._calibration",
    "UpliftChoice": "userportrait.experiment.uplift._choose",
    "UpliftCurve": "userportrait.experiment.uplift._evaluate",
    "UpliftEvaluation": "userportrait.experiment.uplift._evaluate",
    "assign": "userportrait.experiment._assignment",
    "auuc": "userportrait.experiment.uplift._metrics",
    "campaign_scorecard": "userportrait.experiment._scorecard",
    "check_leverage": "userportrait.experiment._caps",
    "check_overlap": "userportrait.experiment.uplift._overlap",
    "check_srm": "userportrait.experiment._srm",
    "choose_uplift": "userportrait.experiment.uplift._choose",
    "combine_e_values": "userportrait.experiment._e_values",
    "cross_fit_baseline": "userportrait.experiment.uplift._baseline",
    "cupac": "userportrait.experiment._cupac",
    "decide": "userportrait.experiment._decision",
    "doubly_robust_scores": "userportrait.experiment.uplift._scores",
    "effects_by_day": "userportrait.experiment._novelty",
    "effects_by_segment": "userportrait.experiment._segments",
    "evaluate_uplift": "userportrait.experiment.uplift._evaluate",
    "from_pilot": "userportrait.experiment._power_pilot",
    "heterogeneity": "userportrait.experiment._shrinkage",
    "inflation_factor": "userportrait.experiment._sequential_plan",
    "interactions": "userportrait.experiment._interactions",
    "label_switchback": "userportrait.experiment._switchback_plan",
    "leverage": "userportrait.experiment._caps",
    "minimum_detectable_effect": "userportrait.experiment._power",
    "path_by_day": "userportrait.experiment._sequential_path",
    "plan_looks": "userportrait.experiment._sequential_plan",
    "plan_switchback": "userportrait.experiment._switchback_plan",
    "plot_days": "userportrait.experiment._plots_days",
    "plot_effects": "userportrait.experiment._plots_forest",
    "plot_path": "userportrait.experiment._plots_sequential",
    "plot_segments": "userportrait.experiment._plots_segments",
    "policy_curve": "userportrait.experiment.uplift._policy",
    "policy_value": "userportrait.experiment.uplift._policy",
    "power": "userportrait.experiment._power",
    "probability_best": "userportrait.experiment._best_arm",
    "qini": "userportrait.experiment.uplift._metrics",
    "rank_weighted_effect": "userportrait.experiment.uplift._rate",
    "sample_size": "userportrait.experiment._power",
    "select_e_values": "userportrait.experiment._e_values",
    "sequential_path": "userportrait.experiment._sequential_path",
    "shrink": "userportrait.experiment._shrinkage",
    "simulate_aa": "userportrait.experiment._simulate",
    "target": "userportrait.experiment.uplift._target",
    "uplift_at_k": "userportrait.experiment.uplift._metrics",
    "uplift_calibration": "userportrait.experiment.uplift._calibration",
    "uplift_curve": "userportrait.experiment.uplift._evaluate",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
