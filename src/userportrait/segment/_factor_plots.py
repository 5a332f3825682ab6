"""Pictures of what goes together: correlations as shades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.axes import (
    SHADES,
    check_plot,
    finish,
    on_shade,
    open_axes,
    plain_axes,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from userportrait.segment._correlation import Correlations

__all__ = ["plot_correlations"]

_MOST_NUMBERS = 15
"""Up to this many features, each cell shows its number."""


def plot_correlations(correlations: Correlations, *, ax: Axes | None = None) -> Axes:
    """Draw correlations as a square of shades, darker where they are larger.

    Parameters
    ----------
    correlations : Correlations
        Shades show sizes; the numbers in the cells, up to 15 features, show the sign.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidParameterError
        If `ax` is no axes.

    References
    ----------
    .. [1] Friendly (2002), "Corrgrams: exploratory displays for correlation matrices", The
       American Statistician 56(4).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import correlate, plot_correlations
    >>> axes = plot_correlations(correlate(pd.DataFrame({"a": [1, 2, 3], "b": [1, 3, 2]})))
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['a', 'b']
    """
    check_plot("plot_correlations", ax=ax, language="en")
    return _draw_shades(correlations.matrix, "Size of correlation", ax)


def _draw_shades(values: pd.DataFrame, title: str, ax: Axes | None) -> Axes:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    n_rows, n_columns = values.shape
    drawn = open_axes(ax, 2.2 + 0.55 * n_columns, 1.6 + 0.42 * n_rows)
    sizes = np.abs(values.to_numpy())
    limits = np.linspace(0.0, 1.0, len(SHADES) + 1)
    norm = BoundaryNorm(limits, len(SHADES))
    shown = drawn.imshow(
        np.minimum(sizes, 1.0 - 1e-9), cmap=ListedColormap(SHADES), norm=norm, aspect="auto"
    )
    drawn.figure.colorbar(shown, ax=drawn, format="%.2f", ticks=limits)
    plain_axes(drawn)
    drawn.spines["bottom"].set_visible(b=False)
    names = [str(name) for name in values.columns]
    drawn.set_xticks(range(n_columns), names, rotation=45, ha="right", rotation_mode="anchor")
    drawn.set_yticks(range(n_rows), [str(name) for name in values.index])
    if max(n_rows, n_columns) <= _MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(values.to_numpy()):
            if not np.isnan(value):
                step = min(int(abs(value) * len(SHADES)), len(SHADES) - 1)
                colour = on_shade(step)
                drawn.text(
                    column, row, f"{value:.2f}", color=colour, ha="center", va="center", fontsize=8
                )
    return finish(drawn, title=title)
