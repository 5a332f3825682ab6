"""Ticks, text that fits, charts in two widths."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.report._html import Markup
from userportrait.report._svg import (
    NARROW,
    WIDE,
    figure,
    fit_lines,
    nice_ticks,
    round_ticks,
    text_width,
)


@pytest.mark.parametrize(
    ("top", "ticks"),
    [(0, [0, 1]), (1, [0, 1]), (7, [0, 2, 4, 6, 8]), (100, [0, 25, 50, 75, 100]),
     (0.8, [0, 0.2, 0.4, 0.6, 0.8]), (1126, [0, 500, 1000, 1500])],
)  # fmt: skip
def test_ticks_are_round(top: float, ticks: list[float]) -> None:
    assert nice_ticks(top) == pytest.approx(ticks)


@given(st.floats(1e-6, 1e12))
def test_ticks_reach_the_top_in_few_steps(top: float) -> None:
    ticks = nice_ticks(top)
    assert ticks[0] == 0
    assert ticks[-1] >= top * 0.998
    assert 2 <= len(ticks) <= 6


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_lie_between_their_limits_in_equal_steps(low: float, span: float, n: int) -> None:
    ticks = round_ticks(low, low + span, n)
    assert 1 <= len(ticks) <= n + 1
    steps = [(b - a) / span for a, b in pairwise(ticks)] or [0.0]
    assert max(steps) - min(steps) < 1e-5
    slack = 1e-6 * (span + abs(low))
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)


@given(st.text(alphabet="ab 客户mi", max_size=30), st.floats(1, 300))
def test_lines_fit_or_there_are_none(content: str, width: float) -> None:
    lines = fit_lines(content, width, 13, 2)
    if lines is not None:
        assert len(lines) <= 2
        assert all(text_width(line, 13) <= width for line in lines)
        assert "".join(lines).replace(" ", "") == content.replace(" ", "")


def test_latin_breaks_at_blanks_and_chinese_anywhere_but_evenly() -> None:
    assert fit_lines("Cannot Lose Them", 100, 13, 2) == ["Cannot Lose", "Them"]
    assert fit_lines("Hibernating", 30, 13, 2) is None
    assert fit_lines("即将沉睡客户", 70, 13, 2) == ["即将沉", "睡客户"]


def test_bold_text_is_wider() -> None:
    assert text_width("abc", 10, bold=True) > text_width("abc", 10)


def test_a_chart_is_drawn_for_desktops_and_for_phones() -> None:
    made = figure(lambda width: (Markup(f"<g>{width}</g>"), 10), label="What it shows")
    assert made.count('role="img" aria-label="What it shows"') == 2
    for css, width in (("wide", WIDE), ("narrow", NARROW)):
        assert f'class="chart {css}" viewBox="0 0 {width} 10"' in made
