"""Pictures of uplift: Qini curve, targeting curve, calibration, profit by share and by budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.axes import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    Canvas,
    check_plot,
    finish,
    number_ticks,
    open_axes,
    plain_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from userportrait.experiment.uplift._calibration import UpliftCalibration
    from userportrait.experiment.uplift._evaluate import UpliftCurve
    from userportrait.experiment.uplift._policy import PolicyCurve
    from userportrait.experiment.uplift._rate import RankWeightedEffect
    from userportrait.experiment.uplift._target import Targeting

__all__ = ["draw_budget", "draw_calibration", "draw_curve", "draw_policy", "draw_targeting"]


def draw_curve(curve: UpliftCurve, ax: Axes | None) -> Axes:
    """Draw a Qini or uplift curve with its interval, beside random order."""
    canvas = _open("UpliftCurve.plot", ax)
    n = np.array(curve.n)
    share = n / n[-1]
    if np.isfinite(curve.ci_low).all():
        canvas.fill_between(share, curve.ci_low, curve.ci_high, color=BLUE, alpha=0.18, lw=0,
                            label=f"{curve.confidence_level:.0%} interval")  # fmt: skip
    canvas.plot(share, curve.value, color=BLUE, lw=2, label="by predicted uplift")
    canvas.plot(share, curve.random, color=MUTED, lw=1.2, ls="--", label="random order")
    title = "Additional outcomes by share of customers treated"
    return _close(canvas, title, "share of customers, best first", "additional outcomes")


def draw_targeting(found: RankWeightedEffect, ax: Axes | None) -> Axes:
    """Draw how far the effect on the best exceeds that on everybody."""
    canvas = _open("RankWeightedEffect.plot", ax)
    canvas.axhline(0, color=MUTED, lw=1.2, ls="--", label="everybody")
    canvas.plot(found.share, found.curve, color=BLUE, lw=2, label=str(found))
    title = "Effect on the best above that on everybody"
    return _close(canvas, title, "share of customers, best first", "difference in the effect")


def draw_calibration(found: UpliftCalibration, ax: Axes | None) -> Axes:
    """Draw observed against predicted uplift."""
    canvas = _open("UpliftCalibration.plot", ax)
    frame = found.to_frame()
    shown = frame[np.isfinite(frame[["ci_low", "ci_high"]]).all(axis=1)]
    x, y = shown["predicted"].to_numpy(), shown["observed"].to_numpy()
    ends = [float(frame["predicted"].min()), float(frame["predicted"].max())]
    canvas.plot(ends, ends, color=MUTED, lw=1.2, ls="--", label="as predicted")
    errors = np.abs(np.array([y - shown["ci_low"], shown["ci_high"] - y]))
    canvas.errorbar(x, y, yerr=errors, fmt="o", color=BLUE, ecolor=GREY, elinewidth=2,
                    label=f"observed, {found.confidence_level:.0%} interval")  # fmt: skip
    number_ticks(canvas, "x", _short)
    title = "Predicted and observed uplift"
    return _close(canvas, title, "predicted uplift", "observed uplift", place="upper left")


def draw_policy(curve: PolicyCurve, ax: Axes | None) -> Axes:
    """Draw the gain by share of customers treated."""
    canvas = _open("PolicyCurve.plot", ax)
    canvas.fill_between(curve.share, curve.ci_low, curve.ci_high, color=BLUE, alpha=0.18, lw=0,
                        label=f"{curve.confidence_level:.0%} interval")  # fmt: skip
    canvas.plot(curve.share, curve.gain, color=BLUE, lw=2, label="by predicted uplift")
    canvas.plot(curve.share, curve.random, color=MUTED, lw=1.2, ls="--", label="random order")
    canvas.plot([curve.best_share], [max(curve.gain)], "o", color=ORANGE, label="most profit")
    title = "Profit by share of customers treated"
    return _close(canvas, title, "share of customers, best first", "profit per customer of all")


def draw_budget(found: Targeting, ax: Axes | None) -> Axes:
    """Draw the expected profit by money spent."""
    canvas = _open("Targeting.plot", ax)
    order = np.argsort(found.rank, kind="stable")
    free = not found.cost.any()
    spent = np.r_[0.0, np.arange(1, len(order) + 1) if free else np.cumsum(found.cost[order])]
    profit = np.r_[0.0, np.cumsum(found.profit[order])]
    at: Any = np.unique(np.linspace(0, len(order), 500).astype(np.int64))
    canvas.plot(spent[at], profit[at], color=BLUE, lw=2, label="expected profit")
    canvas.plot([spent[found.n_chosen]], [profit[found.n_chosen]], "o", color=ORANGE,
                label=f"{found.n_chosen:,} chosen")  # fmt: skip
    along = "customers treated, best first" if free else "money spent, best customers first"
    number_ticks(canvas, "x", _short)
    return _close(canvas, "Expected profit of the treatment", along, "expected profit")


def _open(owner: str, ax: Axes | None) -> Canvas:
    check_plot(owner, ax=ax, language="en")
    canvas = open_axes(ax, 6.4, 4.0)
    plain_axes(canvas, grid="y")
    number_ticks(canvas, "x", _percent)
    number_ticks(canvas, "y", _short)
    return canvas


def _close(canvas: Canvas, title: str, along: str, up: str, *, place: str = "best") -> Axes:
    canvas.set_xlabel(along, color=INK)
    canvas.set_ylabel(up, color=INK)
    canvas.legend(frameon=False, loc=place, fontsize="small")
    return finish(canvas, title=title)


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _short(value: float) -> str:
    return f"{value:,.6g}"
