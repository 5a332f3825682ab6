"""Uplift: whom a treatment changes, how sure that is, and whom to reach with a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
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
    "CalibrationBin",
    "Overlap",
    "PolicyCurve",
    "PolicyValue",
    "RankWeightedEffect",
    "Targeting",
    "Uplift",
    "UpliftCalibration",
    "UpliftChoice",
    "UpliftCurve",
    "UpliftEvaluation",
    "auuc",
    "check_overlap",
    "choose_uplift",
    "cross_fit_baseline",
    "doubly_robust_scores",
    "evaluate_uplift",
    "policy_curve",
    "policy_value",
    "qini",
    "rank_weighted_effect",
    "target",
    "uplift_at_k",
    "uplift_calibration",
    "uplift_curve",
]

_ROOM = "userportrait.experiment.uplift"

_HOMES: dict[str, str] = {
    "CalibrationBin": f"{_ROOM}._calibration",
    "Overlap": f"{_ROOM}._overlap",
    "PolicyCurve": f"{_ROOM}._policy",
    "PolicyValue": f"{_ROOM}._policy",
    "RankWeightedEffect": f"{_ROOM}._rate",
    "Targeting": f"{_ROOM}._target",
    "Uplift": f"{_ROOM}._uplift",
    "UpliftCalibration": f"{_ROOM}._calibration",
    "UpliftChoice": f"{_ROOM}._choose",
    "UpliftCurve": f"{_ROOM}._evaluate",
    "UpliftEvaluation": f"{_ROOM}._evaluate",
    "auuc": f"{_ROOM}._metrics",
    "check_overlap": f"{_ROOM}._overlap",
    "choose_uplift": f"{_ROOM}._choose",
    "cross_fit_baseline": f"{_ROOM}._baseline",
    "doubly_robust_scores": f"{_ROOM}._scores",
    "evaluate_uplift": f"{_ROOM}._evaluate",
    "policy_curve": f"{_ROOM}._policy",
    "policy_value": f"{_ROOM}._policy",
    "qini": f"{_ROOM}._metrics",
    "rank_weighted_effect": f"{_ROOM}._rate",
    "target": f"{_ROOM}._target",
    "uplift_at_k": f"{_ROOM}._metrics",
    "uplift_calibration": f"{_ROOM}._calibration",
    "uplift_curve": f"{_ROOM}._evaluate",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
