"""Pictures of experiments: what is drawn, where, and in which look."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from helpers.effects import GUARD, effect, result
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import (
    Estimate,
    GroupSequential,
    plot_effects,
    plot_path,
    sequential_path,
)
from userportrait.experiment._plots_forest import ForestRow, forest_limits, tick_writer


def row(value: float, low: float, high: float) -> ForestRow:
    return ForestRow(label="x", value=value, low=low, high=high, verdict="unclear")


def test_one_wild_interval_does_not_press_the_others_together() -> None:
    rows = [row(0.01, -0.02, 0.04), row(0.02, 0.0, 0.04), row(0.0, -40.0, 60.0)]
    low, high = forest_limits(rows)
    assert -0.2 < low < -0.02
    assert 0.04 < high < 0.2


def test_the_axis_always_holds_zero_and_every_bounded_point() -> None:
    low, high = forest_limits([row(0.5, 0.4, 0.6), row(0.3, 0.2, 0.4)])
    assert low < 0.0
    assert high > 0.6
    assert forest_limits([row(math.nan, math.nan, math.nan)]) == (-1.0, 1.0)


def test_unbounded_intervals_end_in_arrows() -> None:
    wild = effect("rare", size=0.2)
    wild = replace(wild, relative_interval=(-math.inf, math.inf), p_value=0.5, adjusted_p_value=0.5)
    ax = plot_effects([effect(), wild])
    markers = [line.get_marker() for line in ax.get_lines()]
    assert markers.count("<") == markers.count(">") == 1


def test_verdicts_differ_in_mark_and_not_in_colour_alone() -> None:
    effects = [effect(), effect("visits", size=-0.05), effect("pages", size=0.0)]
    ax: Any = plot_effects(result(*effects))
    points = [line for line in ax.get_lines() if line.get_marker() in ("o", "D")]
    looks = {(line.get_marker(), line.get_markerfacecolor()) for line in points}
    assert len(looks) == 3
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["better", "worse", "not clear"]


def test_guardrails_show_their_margin() -> None:
    ax: Any = plot_effects([effect(), effect(**GUARD, size=0.0, margin=True)])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["spend", "complaints\nguardrail"]
    assert "margin" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="no effect to draw"):
        plot_effects([])
    with pytest.raises(InvalidParameterError, match="Did you mean 'relative'"):
        plot_effects([effect()], scale="relativ")


def test_ticks_of_one_axis_have_the_same_digits() -> None:
    assert [tick_writer("relative", 0.2)(x) for x in (-0.1, 0.0, 0.1)] == ["-10%", "0%", "+10%"]
    assert tick_writer("relative", 0.01)(0.005) == "+0.5%"
    assert tick_writer("absolute", 10)(2500.0) == "2,500"


def looks(*effects: float) -> list[Estimate]:
    return [
        Estimate(
            metric="spend", control="A", variant="B", n_control=100 * k, n_variant=100 * k,
            control_mean=10.0, variant_mean=10.0 + size, control_variance=0.04 / k,
            variant_variance=0.04 / k,
        )
        for k, size in enumerate(effects, start=1)
    ]  # fmt: skip


def test_the_look_that_stops_is_marked() -> None:
    path = sequential_path(looks(0.5, 0.6), GroupSequential(looks=4))
    assert path.stopped_at == 2
    ax = plot_path(path)
    assert [note.get_text() for note in ax.texts] == ["2"]
    assert [note.get_text() for note in path.plot().texts] == ["2"]
    going = plot_path(sequential_path(looks(0.1), GroupSequential(looks=4)))
    assert list(going.texts) == []


def test_the_path_is_inside_the_picture_even_where_bounds_are_far_out() -> None:
    path = sequential_path(looks(0.5, 2.0), GroupSequential(looks=20))
    ax = plot_path(path)
    low, high = ax.get_ylim()
    assert low < -max(path.statistic[:2])
    assert high > max(path.statistic[:2])


def test_a_path_must_be_one() -> None:
    with pytest.raises(InvalidParameterError, match="from sequential_path"):
        plot_path("path")  # type: ignore[arg-type]
