"""A propensity model's page: its parts, its safety, both languages, charts that hold their data."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from string import Formatter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC

from helpers.logistic import customers
from userportrait.errors import InvalidParameterError
from userportrait.predict import Propensity, PropensityReadout, propensity_readout
from userportrait.report import propensity_page, propensity_section
from userportrait.report._propensity_parts import PARTS
from userportrait.report._propensity_told import Told, write_odds
from userportrait.report._propensity_words import GLOSSARY, SAY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def found() -> PropensityReadout:
    return propensity_readout(*customers(1500, seed=3), n_repeats=2)


@pytest.fixture(scope="module")
def forest() -> PropensityReadout:
    frame, y = customers(600, seed=5)
    return propensity_readout(
        frame[["age", "spend"]], y, model=RandomForestClassifier(10, random_state=0)
    )


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


def words(page: str) -> str:
    """Return what is read, without the style sheet and the tags."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", body)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_html_without_scripts_or_links_out(
    found: PropensityReadout, language: str
) -> None:
    page = str(propensity_page(found, language=language))  # type: ignore[arg-type]
    balance = _Balance()
    balance.feed(page)
    assert balance.open == []
    assert "<script" not in page
    assert not re.search(r"(src|href)=[\"']?(http|//)", page)
    assert not {"nan", "nan%", "None"} & set(re.split(r"[\s,;\[\]]+", words(page)))


def test_every_part_is_there_and_reached_by_a_link(
    found: PropensityReadout, forest: PropensityReadout
) -> None:
    page, other = str(propensity_page(found)), str(propensity_page(forest))
    for key in [*PARTS, "method"]:
        assert (f'<section id="{key}"' in page) == (key != "importance")
        assert (f'href="#{key}"' in page) == (key != "importance")
    missing = {"drivers", "factors", "coefficients", "steps"}
    for key in PARTS:
        assert (f'<section id="{key}"' in other) == (key not in missing)


def test_the_figures_are_those_of_the_read_out(found: PropensityReadout) -> None:
    text = words(str(propensity_page(found, outcome="buys again")))
    held = found.evaluation
    assert "outcome: buys again" in text
    assert f"{held.auc:.3f}" in text
    assert f"{held.lift['lift'].iloc[0]:.2f}" in text
    for count in ("true_positive", "false_positive", "false_negative", "true_negative"):
        assert f" {getattr(found.confusion, count):,} " in text
    assert found.summary is not None
    gold = found.summary[found.summary["level"] == "gold"].iloc[0]
    told = write_odds(gold["odds_ratio"], gold["ci_low"], gold["ci_high"])
    assert f"{told[0]} [{told[1]}, {told[2]}]" in text
    assert re.search(r"basic +reference", text)
    assert "Left out: city." in text
    assert "In 2 splits at random" in text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((1.0003, 1.0001, 1.0005), ("1.00030", "1.00010", "1.00050")),
        ((0.5, 0.25, 1.0), ("0.50", "0.25", "1.00")),
        ((0.051, 0.029, 0.088), ("0.051", "0.029", "0.088")),
        ((250.0, 90.5, 1200.0), ("250", "90.50", "1,200")),
        ((5e-8, 1e-9, 2e-6), ("5.0e-08", "1.0e-09", "2.0e-06")),
        ((2.0, float("nan"), float("nan")), ("2.00", "–", "–")),
        ((float("inf"), 1.0, float("inf")), ("∞", "1.00", "∞")),
    ],
)
def test_odds_ratios_have_the_decimals_that_their_interval_is_sure_of(
    given: tuple[float, float, float], told: tuple[str, str, str]
) -> None:
    assert write_odds(*given) == told


def test_charts_stay_inside_their_frames(
    found: PropensityReadout, forest: PropensityReadout
) -> None:
    for page in (str(propensity_page(found)), str(propensity_page(forest))):
        charts = re.findall(r'<svg class="chart \w+" viewBox="0 0 (\d+) (\d+)".*?</svg>', page)
        assert len(charts) >= 6
        for whole in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
            size = re.search(r'viewBox="0 0 (\d+) (\d+)"', whole)
            assert size is not None
            width, height = float(size[1]), float(size[2])
            for x in re.findall(r'\b(?:x|x1|x2|cx)="(-?[\d.]+)"', whole):
                assert -1.0 <= float(x) <= width + 1.0
            for y in re.findall(r'\b(?:y|y1|y2|cy)="(-?[\d.]+)"', whole):
                assert -1.0 <= float(y) <= height + 1.0


def test_equal_read_outs_give_equal_bytes(found: PropensityReadout) -> None:
    again = propensity_readout(*customers(1500, seed=3), n_repeats=2)
    assert propensity_page(found) == propensity_page(again)


def test_the_answer_warns_of_a_column_that_tells_the_outcome() -> None:
    frame, y = customers(500, seed=6)
    frame["copy"] = y + 0.0
    leaky = propensity_readout(frame, y, model=Propensity())
    text = words(str(propensity_page(leaky)))
    assert "Check the data first" in text
    assert "The fit warned: &#x27;copy&#x27; alone tells y" in text
    assert "Firth" in text
    assert "at their word" not in text


def test_the_answer_refuses_a_model_of_noise() -> None:
    source = np.random.default_rng(0)
    X = pd.DataFrame(source.normal(size=(400, 30))).add_prefix("n")
    noise = propensity_readout(X, source.integers(0, 2, 400))
    text = words(str(propensity_page(noise)))
    assert "Do not use this model" in text
    assert "Contact the best" not in text


def test_a_model_of_no_column_has_a_page_too() -> None:
    X = pd.DataFrame({"n": np.random.default_rng(1).normal(size=200)})
    empty = propensity_readout(X, [0, 1] * 100, model=Propensity(stepwise="forward", enter=1e-9))
    text = words(str(propensity_page(empty)))
    assert "No column is in the model" in text


def test_columns_that_add_nothing_are_named() -> None:
    frame, y = customers(600, seed=5)
    frame = frame.assign(twice=2 * frame["age"], same="x", visits=frame["channel"] + "!")
    model = Propensity(stepwise="backward", stay=0.99)
    text = words(str(propensity_page(propensity_readout(frame, y, model=model))))
    assert "for other columns say it already: twice" in text
    assert "for all rows have one value: same." in text


def test_scores_that_are_no_chances_have_no_calibration() -> None:
    frame, y = customers(600, seed=5)
    margin = propensity_readout(frame[["age", "spend"]], y, model=LinearSVC(), threshold=0.0)
    text = words(str(propensity_page(margin)))
    assert "scores are no probabilities" in text
    assert "has a score of 0 or more" in text
    assert text.count("Calibration error") == 1  # in the glossary


def test_coefficients_without_errors_are_told_so() -> None:
    ridge = propensity_readout(*customers(600, seed=5), model=Propensity(penalty="l2"))
    text = words(str(propensity_page(ridge)))
    assert "A penalty leaves no intervals" in text
    assert " nan " not in text


def test_rows_held_out_by_time_and_a_last_fit_are_told() -> None:
    frame, y = customers(600, seed=5)
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(600) % 6 * 30, "D")
    timed = propensity_readout(frame, y, moments=at, refit=True)
    text = words(str(propensity_page(timed)))
    assert "held out from 31 May 2026 on" in text
    assert "fitted to all rows in the end" in text
    assert "Tomorrow: rows were held out at random" not in text


def test_names_are_escaped() -> None:
    evil = "<img src=x>"
    X = pd.DataFrame({evil: ["<i>", "<u>"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    made = propensity_readout(X, y, n_bins=4, name=evil)
    page = str(propensity_page(made, title=evil, outcome=evil)) + propensity_section(made)
    assert not re.search(r"<(img|i|u)\b", page)
    assert "&lt;img src=x&gt;" in page


def test_the_section_holds_all_of_the_page_in_one(found: PropensityReadout) -> None:
    part, told = propensity_section(found), Told(found, "en", "1")
    balance = _Balance()
    balance.feed(part)
    assert balance.open == []
    assert part.count("<section") == 1
    assert part.startswith('<section id="propensity"')
    assert part.count("<h3>") == sum(made(told) is not None for made in PARTS.values())


def test_a_page_is_written_in_one_step(found: PropensityReadout, tmp_path: Path) -> None:
    target = tmp_path / "model.html"
    assert propensity_page(found, target, title="Wer kauft?") == target
    assert "<h1>Wer kauft?</h1>" in target.read_text("utf-8")


def test_strangers_are_refused(found: PropensityReadout) -> None:
    with pytest.raises(InvalidParameterError, match="from propensity_readout"):
        propensity_page("readout")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="2 problems"):
        propensity_section(found, outcome=1, language="fr")  # type: ignore[arg-type]


def test_every_text_has_the_same_places_in_both_languages() -> None:
    pairs = [*SAY.values(), *(part for pair in GLOSSARY for part in pair)]
    for sentence in pairs:
        english, chinese = (
            {name for _, name, _, _ in Formatter().parse(text) if name}
            for text in (sentence.english, sentence.chinese)
        )
        assert english == chinese
