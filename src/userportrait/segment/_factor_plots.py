"""Pictures of what goes together: correlations, loadings, eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.axes import BLUE, MUTED, check_plot, finish, open_axes, plain_axes
from userportrait._core.display import format_count
from userportrait._core.params import InstanceOf
from userportrait.segment._plot_shades import draw_shades, ink_on
from userportrait.segment._plot_texts import plain, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from userportrait.segment._correlation import Correlations

__all__ = ["plot_correlations", "plot_loadings", "plot_scree"]

_MOST_NUMBERS = 15
"""Up to this many columns, each cell shows its number."""
_LIMITS = (0.1, 0.3, 0.5, 0.7)
"""Sizes where a shade ends: Cohen's small, medium and large, and very large."""


def plot_correlations(correlations: Correlations, *, ax: Axes | None = None) -> Axes:
    """Draw correlations as a square of shades: blue above 0, orange below, darker where larger.

    Shades change at 0.1, 0.3 and 0.5, Cohen's small, medium and large, and at 0.7.

    Parameters
    ----------
    correlations : Correlations
        Up to 15 features, the cells show numbers. Those without a value stay white.
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
    return _draw_table(correlations.matrix, "Correlations", "correlation", ax)


def plot_loadings(loadings: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw loadings as shades: blue above 0, orange below, darker where they are larger.

    Shades change at 0.1, 0.3, 0.5 and 0.7.

    Parameters
    ----------
    loadings : DataFrame of shape (n_features, n_factors)
        As in `FactorAnalysis.loadings_` or `PrincipalComponents.loadings_`; up to 15 factors,
        the cells show numbers.
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
    return _draw_table(loadings, "Loadings", "loading", ax)


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


def _draw_table(values: pd.DataFrame, title: str, label: str, ax: Axes | None) -> Axes:
    rows, columns = (
        [plain(shortened(str(name), 36)) for name in names]
        for names in (values.index, values.columns)
    )
    longest = max(len(name) for name in rows)
    width = 1.6 + 0.085 * longest + 0.55 * len(columns)
    # Names of columns are turned by 45 degrees.
    height = 0.9 + 0.06 * max(len(name) for name in columns) + 0.36 * len(rows)
    drawn = open_axes(ax, width, height)
    cells = values.to_numpy(dtype=np.float64)
    draw_shades(drawn, cells, _LIMITS, label=label)
    plain_axes(drawn)
    drawn.spines["bottom"].set_visible(b=False)
    drawn.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    drawn.set_yticks(range(len(rows)), rows)
    if len(columns) <= _MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(cells):
            if not np.isnan(value):
                told = f"{round(value, 2) + 0.0:.2f}"  # no minus before a 0
                drawn.text(
                    column, row, told, color=ink_on(float(value), _LIMITS), ha="center",
                    va="center", fontsize=8,
                )  # fmt: skip
    return finish(drawn, title=title)
