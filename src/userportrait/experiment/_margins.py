"""Non-inferiority and equivalence: tests against a margin instead of against 0."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from userportrait.experiment._result import MarginTest

if TYPE_CHECKING:
    from userportrait.experiment._base import Design
    from userportrait.experiment._estimate import Alternative, Estimate
    from userportrait.experiment._metrics import Claim, Described

__all__ = ["judge_margin"]


def judge_margin(
    metric: Described, estimate: Estimate, design: Design, *, alpha: float
) -> MarginTest | None:
    """Test a metric's effect against its margin, under any design.

    Parameters
    ----------
    metric : Described
        Goal, margin, its kind, and the claim.
    estimate : Estimate
    design : Design
        Its judgement of the estimate, moved by the margin, gives the p-value.
    alpha : float
        Level of each one-sided test.

    Returns
    -------
    MarginTest or None
        None for a metric without a margin.

    Notes
    -----
    A relative margin d compares the variant with (1 - d) of the control, whose mean is not
    known: its variance and covariance are scaled too, so that no number is taken for certain.
    Equivalence is two one-sided tests. [1]_

    References
    ----------
    .. [1] Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power
       approach", Journal of Pharmacokinetics and Biopharmaceutics 15(6).
    """
    if metric.margin is None:
        return None
    claim: Claim = getattr(metric, "claim", "non-inferior")  # not every metric can claim both
    sides = (-1.0, 1.0) if claim == "equivalent" else (-1.0 if metric.goal == "increase" else 1.0,)
    tests: list[float] = []
    for side in sides:
        moved = _moved(estimate, side * metric.margin, relative=metric.margin_kind == "relative")
        alternative: Alternative = "greater" if side < 0.0 else "less"
        judged = design.judge(moved, alpha=alpha, alternative=alternative)
        tests.append(judged.log_p_value)
    log = max(tests)
    p_value = math.exp(log)
    return MarginTest(
        claim=claim,
        margin=metric.margin,
        kind=metric.margin_kind,
        p_value=p_value,
        log_p_value=log,
        is_shown=p_value <= alpha,
    )


def _moved(estimate: Estimate, margin: float, *, relative: bool) -> Estimate:
    """Return an estimate whose effect is 0 where the true one equals the margin."""
    if not relative:
        return replace(estimate, variant_mean=estimate.variant_mean - margin)
    factor = 1.0 + math.copysign(margin, margin * estimate.control_mean)
    return replace(
        estimate,
        control_mean=factor * estimate.control_mean,
        control_variance=factor * factor * estimate.control_variance,
        covariance=factor * estimate.covariance,
    )
