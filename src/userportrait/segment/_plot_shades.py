"""Tables of shades: blue above a middle, orange below it, pale in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait._core.axes import ABOVE, BELOW, INK, MUTED, NEUTRAL, Canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["draw_shades", "ink_on"]


def draw_shades(
    ax: Canvas, values: Floats, limits: tuple[float, ...], *, label: str, first: int = 0
) -> None:
    """Colour the cells of a table by their values, and explain the colours in a bar.

    Parameters
    ----------
    ax : Axes
    values : ndarray of float64, shape (n_rows, n_columns)
        NaN stays white.
    limits : tuple of 4 float
        Where a shade ends, ascending, to both sides of 0.
    label : str
        Of the bar.
    first : int, default=0
        Place of the first column; those before it stay white.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap

    n_rows, n_columns = values.shape
    far = 1e6  # an end of the last shade, which holds whatever is larger
    edges = [-far, *(-limit for limit in reversed(limits)), *limits, far]
    shown = ax.pcolormesh(
        np.arange(n_columns + 1) + first - 0.5, np.arange(n_rows + 1) - 0.5,
        np.ma.masked_invalid(np.clip(values, -far, far - 1)),
        cmap=ListedColormap([*reversed(BELOW), NEUTRAL, *ABOVE]),
        norm=BoundaryNorm(edges, len(edges) - 1), edgecolors="white", linewidth=1.5,
    )  # fmt: skip
    ax.set_xlim(-0.5, n_columns + first - 0.5)
    ax.set_ylim(n_rows - 0.5, -0.5)
    bar = ax.figure.colorbar(
        shown, ax=ax, spacing="uniform", ticks=edges[1:-1], format="%+.1f", aspect=25, pad=0.01
    )
    bar.minorticks_off()
    bar.outline.set_visible(b=False)
    bar.ax.tick_params(length=0, labelsize=8, labelcolor=INK)
    bar.set_label(label, color=MUTED, fontsize=9)


def ink_on(value: float, limits: tuple[float, ...]) -> str:
    """Return the colour of text on the shade of a value."""
    return "#ffffff" if abs(value) >= limits[2] else INK
