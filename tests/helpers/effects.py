"""Effects and results of experiments, made by hand."""

from __future__ import annotations

import math
from typing import Any

from userportrait.experiment import Effect, ExperimentResult, MarginTest

__all__ = ["GUARD", "effect", "result"]

GUARD: dict[str, Any] = {"metric": "complaints", "role": "guardrail", "goal": "decrease"}


def effect(
    metric: str = "spend", *, role: Any = "primary", goal: Any = "increase", size: float = 0.05,
    error: float = 0.01, margin: bool | None = None, variant: str = "B", **facts: Any,
) -> Effect:  # fmt: skip
    p = math.erfc(abs(size / error) / math.sqrt(2))
    ends = (size - 1.96 * error, size + 1.96 * error)
    test = None if margin is None else MarginTest(
        claim="non-inferior", margin=0.02, kind="relative", p_value=0.01 if margin else 0.4,
        log_p_value=math.log(0.01 if margin else 0.4), is_shown=margin,
    )  # fmt: skip
    return Effect(
        metric=metric, control="A", variant=variant, role=role, goal=goal, n_control=100,
        n_variant=100, control_mean=1.0, variant_mean=1.0 + size, effect=size, std_error=error,
        interval=ends, relative=size, relative_interval=ends, p_value=p, log_p_value=math.log(p),
        adjusted_p_value=p, alpha=0.05, interval_alpha=0.05, statistic=size / error,
        degrees_of_freedom=math.inf, method="z-test", margin=test, facts=facts,
    )  # fmt: skip


def result(*effects: Effect, multiplicity: str | None = None) -> ExperimentResult:
    return ExperimentResult(
        effects=effects, control="A", counts={"A": 100, "B": 100}, alpha=0.05,
        alternative="two-sided", design="Fixed", multiplicity=multiplicity,
    )  # fmt: skip
