"""Predictions: who will do it, how sure that is, and what speaks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.predict._binning import OptimalBinning
    from userportrait.predict._calibration import (
        calibrate,
        calibration_table,
        expected_calibration_error,
    )
    from userportrait.predict._card_columns import CardColumn
    from userportrait.predict._card_make import model_card
    from userportrait.predict._compare import compare_classifiers, cross_fitted_scores
    from userportrait.predict._diagnostics import HosmerLemeshow, hosmer_lemeshow
    from userportrait.predict._evaluate import (
        ClassifierEvaluation,
        evaluate_classifier,
        evaluate_scores,
    )
    from userportrait.predict._importance import partial_dependence, permutation_importance
    from userportrait.predict._lift import lift_table
    from userportrait.predict._model_card import ModelCard
    from userportrait.predict._model_scorer import ModelScorer
    from userportrait.predict._next_category import NextPurchaseCategory, next_purchase_category
    from userportrait.predict._plots import (
        plot_calibration,
        plot_evaluation,
        plot_gain,
        plot_lift,
        plot_precision_recall,
        plot_roc,
    )
    from userportrait.predict._propensity import (
        ConvergenceWarning,
        LeakageWarning,
        Propensity,
        SeparationWarning,
    )
    from userportrait.predict._psi import PopulationStability, population_stability
    from userportrait.predict._readout import PropensityReadout, propensity_readout
    from userportrait.predict._registry import ModelRegistry
    from userportrait.predict._saving import load_model, save_model
    from userportrait.predict._scorecard import Scorecard
    from userportrait.predict._separation import Separation
    from userportrait.predict._snapshots import next_category, snapshots
    from userportrait.predict._targets import TargetList, choose_targets
    from userportrait.predict._thresholds import Confusion, choose_threshold, confusion
    from userportrait.predict._woe import WeightOfEvidence

__all__ = [
    "CardColumn",
    "ClassifierEvaluation",
    "Confusion",
    "ConvergenceWarning",
    "HosmerLemeshow",
    "LeakageWarning",
    "ModelCard",
    "ModelRegistry",
    "ModelScorer",
    "NextPurchaseCategory",
    "OptimalBinning",
    "PopulationStability",
    "Propensity",
    "PropensityReadout",
    "Scorecard",
    "Separation",
    "SeparationWarning",
    "TargetList",
    "WeightOfEvidence",
    "calibrate",
    "calibration_table",
    "choose_targets",
    "choose_threshold",
    "compare_classifiers",
    "confusion",
    "cross_fitted_scores",
    "evaluate_classifier",
    "evaluate_scores",
    "expected_calibration_error",
    "hosmer_lemeshow",
    "lift_table",
    "load_model",
    "model_card",
    "next_category",
    "next_purchase_category",
    "partial_dependence",
    "permutation_importance",
    "plot_calibration",
    "plot_evaluation",
    "plot_gain",
    "plot_lift",
    "plot_precision_recall",
    "plot_roc",
    "population_stability",
    "propensity_readout",
    "save_model",
    "snapshots",
]

_HOMES: dict[str, str] = {
    "CardColumn": "userportrait.predict._card_columns",
    "ClassifierEvaluation": "userportrait.predict._evaluate",
    "Confusion": "userportrait.predict._thresholds",
    "ConvergenceWarning": "userportrait.predict._propensity",
    "HosmerLemeshow": "userportrait.predict._diagnostics",
    "LeakageWarning": "userportrait.predict._propensity",
    "ModelCard": "userportrait.predict._model_card",
    "ModelRegistry": "userportrait.predict._registry",
    "ModelScorer": "userportrait.predict._model_scorer",
    "NextPurchaseCategory": "userportrait.predict._next_category",
    "OptimalBinning": "userportrait.predict._binning",
    "PopulationStability": "userportrait.predict._psi",
    "Propensity": "userportrait.predict._propensity",
    "PropensityReadout": "userportrait.predict._readout",
    "Scorecard": "userportrait.predict._scorecard",
    "Separation": "userportrait.predict._separation",
    "SeparationWarning": "userportrait.predict._propensity",
    "TargetList": "userportrait.predict._targets",
    "WeightOfEvidence": "userportrait.predict._woe",
    "calibrate": "userportrait.predict._calibration",
    "calibration_table": "userportrait.predict._calibration",
    "choose_targets": "userportrait.predict._targets",
    "choose_threshold": "userportrait.predict._thresholds",
    "compare_classifiers": "userportrait.predict._compare",
    "confusion": "userportrait.predict._thresholds",
    "cross_fitted_scores": "userportrait.predict._compare",
    "evaluate_classifier": "userportrait.predict._evaluate",
    "evaluate_scores": "userportrait.predict._evaluate",
    "expected_calibration_error": "userportrait.predict._calibration",
    "hosmer_lemeshow": "userportrait.predict._diagnostics",
    "lift_table": "userportrait.predict._lift",
    "load_model": "userportrait.predict._saving",
    "model_card": "userportrait.predict._card_make",
    "next_category": "userportrait.predict._snapshots",
    "next_purchase_category": "userportrait.predict._next_category",
    "partial_dependence": "userportrait.predict._importance",
    "permutation_importance": "userportrait.predict._importance",
    "plot_calibration": "userportrait.predict._plots",
    "plot_evaluation": "userportrait.predict._plots",
    "plot_gain": "userportrait.predict._plots",
    "plot_lift": "userportrait.predict._plots",
    "plot_precision_recall": "userportrait.predict._plots",
    "plot_roc": "userportrait.predict._plots",
    "population_stability": "userportrait.predict._psi",
    "propensity_readout": "userportrait.predict._readout",
    "save_model": "userportrait.predict._saving",
    "snapshots": "userportrait.predict._snapshots",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
