"""Decisions: each rule by a result that is made for it, in both languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.effects import GUARD, effect, result
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import (
    Effect,
    Experiment,
    GroupSequential,
    Mean,
    check_srm,
    decide,
)
from userportrait.experiment._decision_words import ACTIONS, REASONS

WIN, UNCLEAR, LOSS = effect(), effect(size=0.01), effect(size=-0.05)


@pytest.mark.parametrize(
    ("effects", "action"),
    [
        ([WIN], "roll out"),
        ([LOSS], "do not roll out"),
        ([UNCLEAR], "not decided"),
        ([WIN, effect(**GUARD, size=0.0, margin=True)], "roll out"),
        ([WIN, effect(**GUARD, size=0.0, margin=False)], "roll out with care"),
        ([WIN, effect(**GUARD, size=0.05)], "do not roll out"),
        ([WIN, effect(**GUARD, size=-0.05)], "roll out"),
        ([WIN, effect(**GUARD, size=0.0)], "roll out"),
        ([WIN, effect(**GUARD, size=0.05, margin=True)], "roll out"),  # worse, but allowed
        ([WIN, effect("visits", size=-0.05)], "do not roll out"),
        ([WIN, effect("visits", size=0.0)], "roll out"),
        ([WIN, effect("visits", size=0.0, margin=False)], "not decided"),
        ([UNCLEAR, effect("visits", size=0.0, margin=True)], "not decided"),
        ([effect(size=0.0, margin=True)], "roll out"),
        ([effect(size=0.01, decision="continue")], "keep running"),
        ([effect(size=0.05, decision="effect")], "roll out"),
        ([effect(size=0.01, decision="no effect")], "not decided"),
        ([WIN, effect("clicks", role="secondary", size=-0.05)], "roll out"),
    ],
)
def test_each_rule_is_followed(effects: list[Effect], action: str) -> None:
    assert decide(result(*effects)).action == action


def test_an_alarm_about_sizes_stands_before_everything() -> None:
    bad = check_srm({"A": 1000, "B": 1400})
    found = decide(result(WIN), srm=bad)
    assert found.action == "check the data"
    assert [reason.key for reason in found.reasons] == ["srm"]
    assert decide(result(WIN), srm=check_srm({"A": 1000, "B": 1010})).action == "roll out"


@pytest.mark.parametrize(
    ("size", "goal", "action"),
    [(0.01, "increase", "no difference"), (0.03, "increase", "not decided"),
     (-0.01, "decrease", "no difference"), (-0.03, "decrease", "not decided")],
)  # fmt: skip
def test_a_gain_too_small_to_be_worth_it_is_told_from_not_knowing(
    size: float, goal: str, action: str
) -> None:
    found = result(effect(size=size, error=0.016, goal=goal))
    assert decide(found, worthwhile=0.05).action == action
    assert decide(found).action == "not decided"


def test_a_variant_must_be_named_where_there_are_several() -> None:
    both = result(WIN, effect(variant="C", size=-0.05))
    with pytest.raises(InvalidParameterError, match="several variants, 'B', 'C'"):
        decide(both)
    assert decide(both, "C").action == "do not roll out"
    with pytest.raises(InvalidParameterError, match="'D' is not a known variant"):
        decide(both, "D")


def test_without_a_primary_metric_there_is_nothing_to_decide_by() -> None:
    with pytest.raises(InvalidDataError, match="no metric has role='primary'"):
        decide(result(effect(role="secondary")))
    with pytest.raises(InvalidParameterError, match=r"result of Experiment\.analyze"):
        decide("result")  # type: ignore[arg-type]


def test_several_primary_metrics_without_adjustment_are_mentioned() -> None:
    two = (WIN, effect("visits", size=0.0))
    assert "2 primary metrics" in decide(result(*two)).text()
    assert "2 primary metrics" not in decide(result(*two, multiplicity="holm")).text()


def test_every_sentence_has_the_same_places_in_both_languages() -> None:
    from string import Formatter

    for sentence in (*ACTIONS.values(), *REASONS.values()):
        english, chinese = (
            {name for _, name, _, _ in Formatter().parse(text) if name}
            for text in (sentence.english, sentence.chinese)
        )
        assert chinese <= english
        assert english - chinese <= {"variant", "control"}


def test_a_decision_reads_in_chinese_and_in_a_notebook() -> None:
    found = decide(result(effect("<b>", size=0.05), effect(**GUARD, size=0.0, margin=True)))
    assert found.text("zh").startswith("建议上线：B 优于 A。")
    assert "护栏指标 complaints" in found.text("zh")
    assert "<b>" not in found._repr_html_().replace("<b>", "", 0).split("<ul>")[1]
    assert "&lt;b&gt; is better: +5.0% [+3.0%, +7.0%]" in found._repr_html_()


def test_a_group_sequential_design_keeps_running_until_a_bound_is_crossed() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"variant": ["A", "B"] * 200, "spend": rng.normal(10, 1, 400)})
    early = Experiment(Mean("spend"), control="A", design=GroupSequential(looks=4, look=1))
    assert decide(early.analyze(frame)).action == "keep running"
    frame.loc[frame["variant"] == "B", "spend"] += 2
    assert decide(early.analyze(frame)).action == "roll out"
