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
    Equivalence is two one-sided tests. [1]_ Designs whose p-value does not follow from the
    means and variances alone (the wild bootstrap, a posterior) are asked for their interval
    instead: the p-value is half the level at which its end meets the margin.

    References
    ----------
    .. [1] Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power
       approach", Journal of Pharmacokinetics and Biopharmaceutics 15(6).
    """
    if metric.margin is None:
        return None
    claim: Claim = getattr(metric, "claim", "non-inferior")  # not every metric can claim both
    sides = (-1.0, 1.0) if claim == "equivalent" else (-1.0 if metric.goal == "increase" else 1.0,)
    relative = metric.margin_kind == "relative"
    tests: list[float] = []
    for side in sides:
        log = math.nan
        if getattr(design, "method", None) != "wild":
            moved = _moved(estimate, side * metric.margin, relative=relative)
            alternative: Alternative = "greater" if side < 0.0 else "less"
            log = design.judge(moved, alpha=alpha, alternative=alternative).log_p_value
        if math.isnan(log):
            log = _log_p_of_interval(estimate, design, side * metric.margin, relative=relative)
        tests.append(log)
    largest = max(tests)
    p_value = math.exp(largest)
    return MarginTest(
        claim=claim,
        margin=metric.margin,
        kind=metric.margin_kind,
        p_value=p_value,
        log_p_value=largest,
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


def _log_p_of_interval(
    estimate: Estimate, design: Design, margin: float, *, relative: bool
) -> float:
    """Return log p of effect <= margin (a loss, below 0) or effect >= margin (a gain)."""
    low = margin < 0.0
    if relative:
        turned = math.copysign(1.0, estimate.control_mean)  # a loss is a share with its sign
        margin, low = margin * turned, low == (turned > 0.0)
    effect = estimate.relative if relative else estimate.effect
    # While the estimate is on the right side of the margin, so is the end of short intervals.
    is_inside = effect > margin if low else effect < margin
    end_at = 0 if low == is_inside else 1

    def passes(log_level: float) -> bool:
        level = math.exp(log_level)
        judged = design.judge(estimate, alpha=level, alternative="two-sided")
        end = (judged.relative_interval if relative else judged.interval)[end_at]
        return end > margin if end_at == 0 else end < margin

    first, last = math.log(1e-12), math.log(1.0 - 1e-9)
    for _ in range(40):
        middle = (first + last) / 2.0
        first, last = (first, middle) if passes(middle) else (middle, last)
    half = math.exp(last) / 2.0
    return math.log(half) if is_inside else math.log1p(-half)
