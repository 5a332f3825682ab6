"""Plots of spend, months and cohorts: what is drawn is what was counted."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib import rcParams
from matplotlib.figure import Figure

from userportrait.errors import InvalidDataError, InvalidParameterError, UnknownTagError
from userportrait.portraits import default_tags
from userportrait.report import plot_cohorts, plot_months, plot_spend
from userportrait.report._facts import cohorts_of
from userportrait.report._figures import concentration

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from userportrait.portraits import Portraits

CALLS = [
    (plot_spend, {}), (plot_spend, {"kind": "lorenz"}), (plot_cohorts, {}),
    (plot_cohorts, {"values": "customers"}), (plot_months, {}),
    (plot_months, {"measure": "revenue"}), (plot_months, {"measure": "orders"}),
]  # fmt: skip
every_plot = pytest.mark.parametrize(("plot", "options"), CALLS)


def labels(ax: Axes, axis: str) -> list[str]:
    ticks = ax.get_xticklabels() if axis == "x" else ax.get_yticklabels()
    return [tick.get_text() for tick in ticks]


@every_plot
def test_plots_draw_on_given_axes_and_touch_nothing_else(
    plot: Any, options: dict[str, Any], language: str, portraits: Portraits
) -> None:
    before = dict(rcParams)
    ax = Figure(figsize=(9, 6)).subplots()
    assert plot(portraits, ax=ax, language=language, **options) is ax
    ax.figure.draw_without_rendering()
    assert plt.get_fignums() == []
    assert dict(rcParams) == before


@every_plot
def test_plots_make_a_figure_of_their_own(
    plot: Any, options: dict[str, Any], portraits: Portraits
) -> None:
    ax = plot(portraits, **options)
    assert plt.get_fignums() == [ax.figure.number]


@every_plot
def test_labels_of_ticks_do_not_run_into_each_other(
    plot: Any, options: dict[str, Any], portraits: Portraits
) -> None:
    ax = plot(portraits, **options)
    ax.figure.draw_without_rendering()
    low, high = ax.get_xlim()
    ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    boxes = [t.get_window_extent() for x, t in ticks if low <= x <= high and t.get_text()]
    assert all(a.x1 <= b.x0 for a, b in itertools.pairwise(boxes))


def test_bars_count_the_customers_who_spent(portraits: Portraits) -> None:
    frame = portraits.to_frame(["n_orders", "spend"])
    bought = frame[frame["n_orders"] > 0]
    ax = plot_spend(portraits)
    (bars,) = ax.containers
    assert sum(bar.get_height() for bar in bars) == (bought["spend"] > 0).sum()
    # Each bar covers its bin: what lies in it is what it counts.
    for bar in bars[:-1]:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        inside = ((bought["spend"] >= low) & (bought["spend"] < high)).sum()
        assert abs(inside - bar.get_height()) <= 1  # a value at an edge, to the last bit


def test_both_kinds_say_what_the_best_fifth_brings(portraits: Portraits) -> None:
    frame = portraits.to_frame(["n_orders", "spend"])
    spend = frame.loc[frame["n_orders"] > 0, "spend"].to_numpy()
    share = f"{100 * concentration(spend, 5)[0]:.0f}%"
    for kind in ("histogram", "lorenz"):
        said = " ".join(t.get_text() for t in plot_spend(portraits, kind=kind).texts)  # type: ignore[arg-type]
        assert f"bring {share} of revenue" in said.replace("\n", " ")


def test_the_lorenz_curve_by_hand(by_hand: Portraits) -> None:
    ax = plot_spend(by_hand, kind="lorenz")
    curve = ax.lines[1]
    np.testing.assert_allclose(curve.get_xdata(), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(curve.get_ydata(), [0, 0.75, 0.95, 0.9875, 1])


def test_customers_without_spend_are_counted_in_words(
    portray: Callable[..., Portraits],
) -> None:
    lines = [(f"c{i}", i, "2026-01-05", 10.0 + i) for i in range(5)]
    back = [("x", 90, "2026-01-05", 10.0), ("x", 90, "2026-01-06", -10.0)]
    label = plot_spend(portray(*lines, *back)).get_xlabel()
    assert "not shown: 1 customer without spend" in label


def test_equal_spend_can_be_drawn(portray: Callable[..., Portraits]) -> None:
    ax = plot_spend(portray(("a", 1, "2026-01-05", 10.0), ("b", 2, "2026-01-05", 10.0)))
    ax.figure.draw_without_rendering()
    assert sum(bar.get_height() for bar in ax.containers[0]) == 2


def test_cohorts_are_the_shares_of_the_build(portraits: Portraits) -> None:
    table = cohorts_of(portraits, last=24)
    (mesh,) = plot_cohorts(portraits).collections
    drawn = np.ma.filled(mesh.get_array(), np.nan)
    np.testing.assert_allclose(drawn, table.shares[:, 1:])


def test_counts_of_cohorts_are_whole_customers(portraits: Portraits) -> None:
    facts = portraits.build.facts["cohorts"]
    (mesh,) = plot_cohorts(portraits, values="customers").collections
    drawn = np.ma.filled(mesh.get_array(), 0)
    first = next(i for i, n in enumerate(facts["sizes"]) if n)
    width = min(drawn.shape[1], len(facts["active"][first]) - 1)
    np.testing.assert_array_equal(drawn[0, :width], facts["active"][first][1 : width + 1])


def test_the_newest_cohorts_are_kept(portraits: Portraits) -> None:
    ax = plot_cohorts(portraits, last=3)
    assert len(labels(ax, "y")) == 3
    with pytest.raises(InvalidParameterError, match=r"last must be an integer in \[2, 240\]"):
        plot_cohorts(portraits, last=1)


def test_months_by_hand(by_hand: Portraits) -> None:
    back, new = plot_months(by_hand).containers
    assert [bar.get_height() for bar in back] == [0, 2, 1]
    assert [bar.get_height() for bar in new] == [2, 1, 1]
    (revenue,) = plot_months(by_hand, measure="revenue").containers
    assert [bar.get_height() for bar in revenue] == [150, 340, 310]
    (orders,) = plot_months(by_hand, measure="orders").containers
    assert [bar.get_height() for bar in orders] == [2, 3, 2]
    assert labels(plot_months(by_hand), "x") == ["Jan\n2026", "Feb", "Mar"]


def test_a_month_that_is_not_over_is_pale(by_hand: Portraits) -> None:
    (bars,) = plot_months(by_hand, measure="orders").containers
    assert [bar.get_alpha() for bar in bars] == [None, None, 0.45]


def test_many_months_have_few_labels(portray: Callable[..., Portraits]) -> None:
    lines = [("a", i, f"{2000 + i // 12}-{i % 12 + 1:02d}-05", 1.0) for i in range(150)]
    shown = labels(plot_months(portray(*lines)), "x")
    assert 3 <= len(shown) <= 14
    assert all(text.startswith("Jan") for text in shown)


@pytest.mark.parametrize("plot", [plot_cohorts, plot_months])
def test_missing_facts_are_named(plot: Any, bare: Portraits) -> None:
    with pytest.raises(InvalidDataError, match="among its facts"):
        plot(bare)
    assert plt.get_fignums() == []


def test_missing_tags_and_missing_spend_are_named(portray: Callable[..., Portraits]) -> None:
    line = ("ann", 1, "2026-01-05", -10.0)
    with pytest.raises(InvalidDataError, match="no customer has spent anything"):
        plot_spend(portray(line))
    with pytest.raises(UnknownTagError, match="'spend' is not a known tag"):
        plot_spend(portray(line, tags=default_tags().select(["n_orders"])))


def test_one_month_has_no_cohorts(portray: Callable[..., Portraits]) -> None:
    with pytest.raises(InvalidDataError, match="no cohort has had a whole month"):
        plot_cohorts(portray(("ann", 1, "2026-01-05", 10.0)))


@pytest.mark.parametrize(
    ("plot", "options"),
    [(plot_spend, {"kind": "pie"}), (plot_cohorts, {"values": "pie"}),
     (plot_months, {"measure": "pie"})],
)  # fmt: skip
def test_unknown_options_are_named(
    plot: Any, options: dict[str, Any], portraits: Portraits
) -> None:
    with pytest.raises(InvalidParameterError, match="'pie' is not a known option"):
        plot(portraits, **options)
