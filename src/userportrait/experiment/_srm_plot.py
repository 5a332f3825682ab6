"""The picture of a check of sample sizes: a p-value for each group, and the alarm level."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from userportrait._core.axes import BLUE, MUTED, ORANGE, finish, open_axes, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from userportrait.experiment._srm_result import SrmCheck

__all__ = ["plot_srm"]

_FLOOR = 1e-300
_MOST_LABELS = 16


def plot_srm(check: SrmCheck, ax: Axes | None = None) -> Axes:
    """Draw p-values on a logarithmic scale, from 1 at the top; points under the line alarm."""
    labels = [group.label for group in check.groups] or ["all units"]
    values = [group.adjusted_p_value for group in check.groups] or [check.p_value]
    heights = [max(value, _FLOOR) for value in values]
    where = list(range(len(labels)))
    canvas = open_axes(ax, 6.4, 3.2)
    plain_axes(canvas, grid="y")
    colours = [ORANGE if value < check.alarm else BLUE for value in values]
    canvas.plot(where, heights, color=MUTED, linewidth=0.8, zorder=1)
    canvas.scatter(where, heights, color=colours, zorder=2)
    canvas.axhline(check.alarm, color=ORANGE, linewidth=1.0, linestyle="--")
    canvas.set_yscale("log")
    canvas.set_ylim(min([*heights, check.alarm]) / 3.0, 2.0)
    canvas.text(
        0.0, check.alarm, f"alarm below {check.alarm:g}", color=ORANGE, va="bottom", fontsize=9,
        transform=canvas.get_yaxis_transform(),
    )  # fmt: skip
    step = max(1, math.ceil(len(labels) / _MOST_LABELS))
    canvas.set_xticks(where[::step], labels[::step], rotation=45 if len(labels) > 6 else 0)
    canvas.set_ylabel("p-value, adjusted" if check.groups else "p-value")
    canvas.set_xlabel(check.by)
    return finish(canvas, title=check.headline)
