"""An experiment's page: its parts, its safety, both languages, and charts that hold their data."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from helpers.effects import GUARD, effect, result
from userportrait.errors import InvalidParameterError
from userportrait.experiment import (
    Aggregates,
    Experiment,
    GroupSequential,
    Mean,
    campaign_scorecard,
    check_srm,
    effects_by_day,
    effects_by_segment,
    path_by_day,
)
from userportrait.report import experiment_page
from userportrait.report._experiment_words import GLOSSARY, SAY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def visitors() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 1200
    variant, day = rng.choice(["A", "B"], n), rng.integers(0, 6, n)
    return pd.DataFrame(
        {
            "variant": variant,
            "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(day, "D"),
            "city": rng.choice(["Rome", "Lyon"], n),
            "spend": rng.gamma(2.0, 5.0, n) + (variant == "B") * (2.0 - 0.2 * day),
        }
    )


@pytest.fixture(scope="module")
def pages(visitors: pd.DataFrame) -> dict[str, str]:
    experiment = Experiment(Mean("spend"), control="A")
    aggregates = Aggregates.from_frame(visitors, ["spend"], by=["day"])
    path = path_by_day(
        Mean("spend"), aggregates, GroupSequential(looks=6, planned_n=1200), control="A",
        variant="B",
    )  # fmt: skip
    who = visitors.reset_index(names="customer_id")
    orders = who.assign(order_id=who["customer_id"], ordered_at=who["day"], amount=who["spend"])
    card = campaign_scorecard(
        who[["customer_id", "variant"]],
        orders[["customer_id", "order_id", "ordered_at", "amount"]],
        variant="variant", control="A", costs=1.0,
    )  # fmt: skip
    found: dict[str, str] = {}
    for language in ("en", "zh"):
        page = experiment_page(
            experiment.analyze(visitors), language=language, scorecard=card, looks=path,
            srm=check_srm(visitors.groupby(["day", "variant"]).size(), by="day"),
            segments=effects_by_segment(experiment, visitors, "city", known_before=["city"]),
            days=effects_by_day(experiment, visitors, early_days=2),
        )  # fmt: skip
        assert isinstance(page, str)
        found[language] = page
    return found


class _Balance(HTMLParser):
    """Counts what is opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_html_without_scripts_or_links_out(
    pages: dict[str, str], language: str
) -> None:
    page = pages[language]
    balance = _Balance()
    balance.feed(page)
    assert balance.open == []
    assert "<script" not in page
    assert not re.search(r"(src|href)=[\"']?(http|//)", page)
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower().split()


def test_every_part_is_there_and_reached_by_a_link(pages: dict[str, str]) -> None:
    page = pages["en"]
    for key in ("effects", "sizes", "looks", "segments", "days", "scorecard", "method"):
        assert f'id="{key}"' in page
        assert f'href="#{key}"' in page
    assert "Roll out: B is better than A." in page
    assert "the effects cannot be told apart" in page
    assert "Cost per incremental order" in page
    assert "建议上线：B 优于 A。" in pages["zh"]
    assert 'lang="zh-CN"' in pages["zh"]


def test_every_chart_is_drawn_for_both_widths_and_inside_its_frame(pages: dict[str, str]) -> None:
    charts = re.findall(r'<svg class="chart (\w+)" viewBox="0 0 (\d+) (\d+)".*?</svg>', pages["en"])
    assert len(charts) == 2 * 5
    for whole in re.findall(r"<svg.*?</svg>", pages["en"], flags=re.DOTALL):
        frame = re.search(r'viewBox="0 0 (\d+) (\d+)"', whole)
        assert frame is not None
        width, height = map(float, frame.groups())
        for x in re.findall(r'\b(?:x|x1|x2|cx)="(-?[\d.]+)"', whole):
            assert -1.0 <= float(x) <= width + 1.0
        for y in re.findall(r'\b(?:y|y1|y2|cy)="(-?[\d.]+)"', whole):
            assert -1.0 <= float(y) <= height + 1.0


def test_equal_results_give_equal_bytes(visitors: pd.DataFrame) -> None:
    found = Experiment(Mean("spend"), control="A")
    first, second = (experiment_page(found.analyze(visitors)) for _ in range(2))
    assert first == second


def test_names_are_escaped() -> None:
    page = str(experiment_page(result(effect("<img src=x>"))))
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_unbounded_effects_and_margins_are_drawn() -> None:
    wild = replace(
        effect("rare"), relative_interval=(-math.inf, math.inf), p_value=0.4, adjusted_p_value=0.4
    )
    page = str(experiment_page(result(effect(), wild, effect(**GUARD, size=0.0, margin=True))))
    assert "+5.0% [-∞, +∞]" in page
    assert 'class="margin"' in page
    assert "within 2%" in page


def test_effects_without_a_relative_size_are_listed_in_their_own_unit() -> None:
    alone = replace(effect(), relative=math.nan, relative_interval=(math.nan, math.nan))
    page = str(experiment_page(result(alone)))
    assert "0.05 [0.0304, 0.0696]" in page


def test_an_alarm_about_sizes_is_the_answer() -> None:
    page = str(experiment_page(result(effect()), srm=check_srm({"A": 1000, "B": 1400})))
    assert "Check the data first" in page
    assert "find out where before you read on" in page


def test_a_page_is_written_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "test.html"
    assert experiment_page(result(effect()), target, title="Mein Test") == target
    assert "<h1>Mein Test</h1>" in target.read_text("utf-8")


def test_strangers_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match="2 problems"):
        experiment_page(result(effect()), srm={"A": 1}, days=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="from sequential_path"):
        experiment_page(result(effect()), looks=["x"])  # type: ignore[list-item]


def test_every_text_has_the_same_places_in_both_languages() -> None:
    from string import Formatter

    pairs = [*SAY.values(), *(part for pair in GLOSSARY for part in pair)]
    for sentence in pairs:
        english, chinese = (
            {name for _, name, _, _ in Formatter().parse(text) if name}
            for text in (sentence.english, sentence.chinese)
        )
        assert english == chinese
