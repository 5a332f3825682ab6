"""The picture of a power curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait._core.axes import BLUE, MUTED, ORANGE, finish, number_ticks, open_axes, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from userportrait.experiment._power_result import PowerCurve

__all__ = ["plot_power"]


def plot_power(curve: PowerCurve, ax: Axes | None = None) -> Axes:
    """Draw the chance to find an effect by the units of both arms, and the plan on it."""
    canvas = open_axes(ax, 6.0, 3.6)
    plain_axes(canvas, grid="y")
    canvas.plot(curve.n, curve.power, color=BLUE, linewidth=2.0)
    canvas.axhline(curve.target, color=MUTED, linewidth=0.8, linestyle="--")
    canvas.scatter([curve.planned_n], [curve.target], color=ORANGE, zorder=3)
    canvas.annotate(
        f"{curve.planned_n:,} units, {curve.target:.0%}", (curve.planned_n, curve.target),
        xytext=(6, -14), textcoords="offset points", color=ORANGE,
    )  # fmt: skip
    canvas.set_ylim(0.0, 1.03)
    canvas.set_xlim(left=0.0)
    number_ticks(canvas, "x", lambda value: f"{value:,.0f}")
    number_ticks(canvas, "y", lambda value: f"{value:.0%}")
    canvas.set_xlabel("units of both arms")
    canvas.set_ylabel("power")
    return finish(canvas, title=f"Chance to find an effect of {curve.effect:+.4g}")
