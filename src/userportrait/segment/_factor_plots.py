"""Pictures of what goes together: correlations, loadings, eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.axes import (
    BLUE,
    MUTED,
    SHADES,
    check_plot,
    finish,
    on_shade,
    open_axes,
    plain_axes,
)
from userportrait._core.display import format_count
from userportrait._core.params import InstanceOf

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from userportrait.segment._correlation import Correlations

__all__ = ["plot_correlations", "plot_loadings", "plot_scree"]

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


def plot_loadings(loadings: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw loadings as shades, darker where they are larger.

    Parameters
    ----------
    loadings : DataFrame of shape (n_features, n_factors)
        As in `FactorAnalysis.loadings_` or `PrincipalComponents.loadings_`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidParameterError
        If `ax` is no axes, or the loadings are no frame.

    References
    ----------
    .. [1] Friendly (2002), "Corrgrams: exploratory displays for correlation matrices", The
       American Statistician 56(4).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import plot_loadings
    >>> axes = plot_loadings(pd.DataFrame({"factor_1": [0.9, -0.2]}, index=["visits", "age"]))
    >>> [text.get_text() for text in axes.texts]
    ['0.90', '-0.20']
    """
    import pandas as pd

    frame = InstanceOf((pd.DataFrame,), "a DataFrame of loadings")
    check_plot("plot_loadings", ax=ax, language="en", loadings=(loadings, frame))
    return _draw_shades(loadings, "Size of loading", ax)


def plot_scree(eigenvalues: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw eigenvalues, the largest first, beside those that chance makes.

    Parameters
    ----------
    eigenvalues : DataFrame
        As `count_factors` returns it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidParameterError
        If `ax` is no axes, or the eigenvalues are no frame.

    References
    ----------
    .. [1] Cattell (1966), "The scree test for the number of factors", Multivariate Behavioral
       Research 1(2).

    Examples
    --------
    >>> from userportrait.segment import count_factors, plot_scree
    >>> axes = plot_scree(count_factors([[1, 2], [2, 1], [3, 4], [4, 3]]))
    >>> axes.get_ylabel()
    'eigenvalue'
    """
    import pandas as pd

    frame = InstanceOf((pd.DataFrame,), "a DataFrame that count_factors made")
    check_plot("plot_scree", ax=ax, language="en", eigenvalues=(eigenvalues, frame))
    drawn = open_axes(ax, 5.2, 3.8)
    plain_axes(drawn, grid="y")
    x = eigenvalues["factor"].to_numpy()
    drawn.plot(x, eigenvalues["eigenvalue"].to_numpy(), "o-", color=BLUE, label="these features")
    limits = eigenvalues["limit"].to_numpy()
    drawn.plot(x, limits, "--", color=MUTED, label="independent features")
    drawn.set_xticks(x if len(x) <= _MOST_NUMBERS else x[:: len(x) // _MOST_NUMBERS + 1])
    drawn.set_xlabel("factor")
    drawn.set_ylabel("eigenvalue")
    drawn.set_ylim(bottom=0)
    drawn.legend(frameon=False)
    n_kept = int(eigenvalues["is_kept"].sum())
    return finish(drawn, title=f"{format_count(n_kept, 'factor')} beyond chance")


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
