"""The page's charts: lengths are numbers, labels leave each other room."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from userportrait.report._charts import map_chart, months_chart, tenths_chart
from userportrait.report._facts import Month, months_of
from userportrait.report._figures import segments_of
from userportrait.report._format import Formatter
from userportrait.report._svg import text_width
from userportrait.report._words import Words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from userportrait.portraits import Portraits

WORDS = Words(Formatter("en"))


def charts(figure: str) -> list[Element]:
    """Return the wide and the narrow drawing."""
    return list(ET.fromstring(figure).iter("svg"))


def numbers(nodes: list[Element], name: str) -> list[float]:
    return [float(node.get(name, "nan")) for node in nodes]


def month(name: str, spend: float = 1.0, *, is_whole: bool = True) -> Month:
    return Month(month=name, orders=1, spend=spend, customers=3, new_customers=1, is_whole=is_whole)


def year(first: int, n: int) -> list[Month]:
    return [month(f"{2024 + i // 12}-{i % 12 + 1:02d}") for i in range(first, first + n)]


def draw(months: list[Month]) -> list[Element]:
    series = [("f1", lambda m: m.spend)]
    return charts(months_chart(months, series, label="x", write=WORDS.fmt.money_short, words=WORDS))


def test_bars_are_as_high_as_their_months() -> None:
    for chart in draw([month("2026-01", 30.0), month("2026-02", 0.0), month("2026-03", 60.0)]):
        heights = numbers(list(chart.iter("rect")), "height")
        assert len(heights) == 2
        assert heights[1] / heights[0] == pytest.approx(2, rel=0.01)


def test_parts_of_a_bar_stand_on_each_other(by_hand: Portraits) -> None:
    months = months_of(by_hand)
    series = [("f1", lambda m: float(m.returning_customers)),
              ("f2", lambda m: float(m.new_customers))]  # fmt: skip
    figure = months_chart(months, series, label="x", write=WORDS.fmt.short, words=WORDS)
    for chart in charts(figure):
        february = next(g for g in chart.iter("g") if "Feb" in "".join(g.itertext()))
        lower, upper = february.iter("rect")
        assert float(upper.get("y", 0)) + float(upper.get("height", 0)) == pytest.approx(
            float(lower.get("y", 0)), abs=0.02
        )
        assert [r.get("class") for r in (lower, upper)] == ["f1", "f2"]


def test_a_month_that_is_not_over_is_pale_and_says_so() -> None:
    (chart, _) = draw([month("2026-01"), month("2026-02", is_whole=False)])
    assert [rect.get("class") for rect in chart.iter("rect")] == ["f1", "f1 part"]
    assert "Feb 2026 (not over yet): 1" in "".join(chart.itertext())


@pytest.mark.parametrize(("first", "n"), [(0, 12), (11, 13), (9, 40), (3, 60), (0, 1), (11, 2)])
def test_labels_of_months_leave_each_other_room(first: int, n: int) -> None:
    for chart in draw(year(first, n)):
        rows: dict[str, list[tuple[float, float]]] = {}
        for text in chart.iter("text"):
            if text.get("text-anchor") == "middle":
                half = text_width(text.text or "", 13) / 2
                x = float(text.get("x", 0))
                rows.setdefault(text.get("y", ""), []).append((x - half, x + half))
        for labels in rows.values():
            assert all(a[1] <= b[0] for a, b in pairwise(labels))


def test_the_year_is_named_even_of_a_short_chart() -> None:
    for chart in draw(year(11, 2)):
        assert {"2024", "2025"} & {text.text for text in chart.iter("text")}


def test_tenths_are_as_high_as_their_shares() -> None:
    shares = np.array([0.5, 0.2, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01, 0.0])
    for chart in charts(tenths_chart(shares, WORDS)):
        bars = list(chart.iter("rect"))
        assert [bar.get("class") for bar in bars] == ["f1"] * 2 + ["f3"] * 8
        heights = numbers(bars, "height")
        assert heights[0] / heights[1] == pytest.approx(2.5, rel=0.01)
        assert "50%" in {text.text for text in chart.iter("text")}


def test_the_map_has_a_tile_with_a_title_for_each_segment(portraits: Portraits) -> None:
    found = segments_of(portraits)
    names = {segment.label: segment.label for segment in found}
    figure, unnamed = map_chart(found, names, top_score=5, shop_mean=100.0, words=WORDS)
    for chart, width in zip(charts(figure), ("wide", "narrow"), strict=True):
        titles = ["".join(title.itertext()) for title in chart.iter("title")]
        assert len(titles) == len(list(chart.iter("rect"))) == len(found)
        shown = {" ".join(t.text or "" for t in g.iter("text")) for g in chart.iter("g")}
        for segment in found:
            assert any(title.startswith(segment.label) for title in titles)
            named = any(text.startswith(segment.label) for text in shown)
            assert named is (segment.label not in unnamed[width])


def test_texts_stay_in_their_tiles(portraits: Portraits) -> None:
    found = segments_of(portraits)
    names = {segment.label: segment.label for segment in found}
    figure, _ = map_chart(found, names, top_score=5, shop_mean=100.0, words=WORDS)
    for chart in charts(figure):
        for tile in chart.iter("g"):
            (box,) = tile.iter("rect")
            left, top, width, height = (float(box.get(k, 0)) for k in ("x", "y", "width", "height"))
            for text in tile.iter("text"):
                bold = " b " in f"{text.get('class')} "
                size = 15 if bold else 13
                wide = text_width(text.text or "", size, bold=bold)
                assert left <= float(text.get("x", 0))
                assert float(text.get("x", 0)) + wide <= left + width + 1
                assert top <= float(text.get("y", 0)) - 9
                assert float(text.get("y", 0)) <= top + height
