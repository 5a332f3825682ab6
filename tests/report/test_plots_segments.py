"""Plots of segments and scores: what is drawn is what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from userportrait.errors import InvalidDataError, InvalidParameterError, UnknownTagError
from userportrait.report import plot_recency_frequency, plot_rfm_map, plot_segment_sizes
from userportrait.report._figures import score_grid, segments_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait.portraits import Portraits

PLOTS = [plot_rfm_map, plot_segment_sizes, plot_recency_frequency]
every_plot = pytest.mark.parametrize("plot", PLOTS)


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def overlapping(ax: Axes) -> list[tuple[str, str]]:
    """Name the texts inside the axes that cover each other once drawn."""
    ax.figure.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in ax.texts if t.get_text().strip()]
    return [
        (one, other)
        for i, (one, box) in enumerate(boxes)
        for other, second in boxes[i + 1 :]
        if box.overlaps(second) and min(box.y1, second.y1) - max(box.y0, second.y0) > 1
    ]


@every_plot
def test_plots_return_the_axes_of_a_new_figure(plot: Any, portraits: Portraits) -> None:
    ax = plot(portraits)
    assert isinstance(ax, Axes)
    assert plt.get_fignums() == [ax.figure.number]


@every_plot
def test_given_axes_are_used_and_nothing_else_is_touched(plot: Any, portraits: Portraits) -> None:
    before = dict(rcParams)
    ax = Figure(figsize=(8, 5)).subplots()
    assert plot(portraits, ax=ax) is ax
    assert plt.get_fignums() == []
    assert dict(rcParams) == before


@every_plot
def test_no_text_covers_another(plot: Any, portraits: Portraits, language: str) -> None:
    assert overlapping(plot(portraits, language=language)) == []


@every_plot
def test_missing_tags_are_named(plot: Any, bare: Portraits) -> None:
    with pytest.raises(UnknownTagError, match=r"'(r|rfm)' is not a known tag"):
        plot(bare)
    assert plt.get_fignums() == []


@every_plot
def test_bad_parameters_are_named_together(plot: Any, portraits: Portraits) -> None:
    with pytest.raises(InvalidParameterError, match="2 problems") as caught:
        plot(portraits, language="de", ax=3)
    assert "ax must be matplotlib Axes or None; got int" in str(caught.value)


def test_areas_of_the_map_are_shares_of_customers(portraits: Portraits) -> None:
    ax = plot_rfm_map(portraits)
    tiles = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    areas = sorted(tile.get_width() * tile.get_height() for tile in tiles)
    shares = sorted(segment.customer_share for segment in segments_of(portraits))
    np.testing.assert_allclose(areas, shares)


def test_the_map_names_segments_in_the_language_asked_for(portraits: Portraits) -> None:
    assert any("Champions" in text for text in texts(plot_rfm_map(portraits)))
    chinese = plot_rfm_map(portraits, language="zh", ax=Figure(figsize=(10, 6)).subplots())
    assert any("冠军客户" in text.replace("\n", "") for text in texts(chinese))
    assert chinese.get_ylabel() == "购买少 → 购买多"


def test_bars_are_the_shares_best_first(portraits: Portraits) -> None:
    ax = plot_segment_sizes(portraits)
    found = segments_of(portraits)
    customers, revenue = ax.containers
    np.testing.assert_allclose(
        [bar.get_width() for bar in customers], [s.customer_share for s in found]
    )
    np.testing.assert_allclose([bar.get_width() for bar in revenue], [s.spend_share for s in found])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[0] == f"{found[0].label} ({found[0].n_customers})"
    assert ax.yaxis_inverted()


def test_the_mesh_holds_the_counts(portraits: Portraits) -> None:
    ax = plot_recency_frequency(portraits)
    counts, _ = score_grid(portraits)
    (mesh,) = ax.collections
    drawn = np.ma.filled(mesh.get_array(), 0)
    np.testing.assert_array_equal(drawn, counts.T)
    shown = sorted(int(t) for t in texts(ax) if t.isdigit())
    means = counts[counts > 0]
    assert set(means.tolist()) <= set(shown)


def test_segments_may_come_from_another_tag(portraits: Portraits) -> None:
    labels = [
        t.get_text() for t in plot_segment_sizes(portraits, segments="rfm8").get_yticklabels()
    ]
    assert labels[0].startswith("Important Value (")
    with pytest.raises(InvalidDataError, match="'spend' has number values"):
        plot_rfm_map(portraits, segments="spend")
    with pytest.raises(InvalidParameterError, match="segments must be the name of a tag"):
        plot_segment_sizes(portraits, segments=3)  # type: ignore[arg-type]


def test_nobody_cannot_be_drawn(portray: Callable[..., Portraits]) -> None:
    empty = portray(("ann", 1, "2026-01-05", 10.0))
    empty.forget(["ann"])
    with pytest.raises(InvalidDataError, match="no customer has a value of tag 'rfm'"):
        plot_segment_sizes(empty)


@every_plot
def test_one_customer_can_be_drawn(plot: Any, portray: Callable[..., Portraits]) -> None:
    ax = plot(portray(("ann", 1, "2026-01-05", 10.0), as_of="2026-02-01"))
    ax.figure.draw_without_rendering()
