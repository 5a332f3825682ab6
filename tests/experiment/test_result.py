"""What a result shows: a frame, texts, HTML, one effect by name."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidParameterError
from userportrait.experiment import Bayes, Effect, Experiment, ExperimentResult, Mean
from userportrait.experiment._result import write_p


def analyse(arms: str = "AB", metrics: Any = None, **more: Any) -> ExperimentResult:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"variant": list(arms) * 30})
    data["spend"] = rng.gamma(4.0, 3.0, len(data)) + 4.0 * (data["variant"] == "B")
    data["<b>late</b>"] = rng.gamma(4.0, 3.0, len(data)) + 3.0 * (data["variant"] == "B")
    return Experiment(metrics or Mean("spend"), control="A", **more).analyze(data)


def test_the_frame_has_the_promised_columns() -> None:
    table = analyse("ABC").to_frame()
    promised = [
        "metric", "variant", "control_mean", "variant_mean", "effect", "ci_low", "ci_high",
        "relative", "relative_ci_low", "relative_ci_high", "p_value", "n_control", "n_variant",
    ]  # fmt: skip
    assert [name for name in table.columns if name in promised] == promised
    effect = analyse("ABC")["spend", "C"]
    row = table.iloc[1]
    assert (row["ci_low"], row["ci_high"]) == effect.interval
    assert (row["relative_ci_low"], row["relative_ci_high"]) == effect.relative_interval
    assert row["effect"] == effect.variant_mean - effect.control_mean
    assert table["n_variant"].dtype == np.int64
    assert table["p_value"].dtype == np.float64


def test_an_effect_is_found_by_metric_and_arms() -> None:
    result = analyse("ABC", comparisons="all")
    assert result["spend", "B"].variant == "B"
    assert result["spend", "C", "B"].control == "B"
    with pytest.raises(InvalidParameterError, match=r"Did you mean 'spend'"):
        result["spent"]
    with pytest.raises(InvalidParameterError, match=r"'D' is not a known variant"):
        result["spend", "D"]
    with pytest.raises(InvalidParameterError, match=r"several variants; ask for"):
        result["spend"]
    assert analyse()["spend"].variant == "B"


def test_what_is_better_depends_on_the_goal() -> None:
    assert analyse()["spend"].is_better is True
    assert analyse(metrics=Mean("spend", goal="decrease"))["spend"].is_better is False
    assert analyse("AC")["spend"].is_better is None


def test_without_a_p_value_the_interval_decides() -> None:
    found = analyse(design=Bayes())["spend"]
    assert math.isnan(found.p_value)
    assert found.is_significant
    assert "no p-value" in str(found)


def test_the_text_says_the_size_the_interval_and_the_verdict() -> None:
    result = analyse("ABC", multiplicity="holm")
    lines = str(result).splitlines()
    assert lines[0] == (
        "30 units of A (control), 30 units of B, 30 units of C; Fixed, 97.5 % intervals, "
        "adjusted: holm"
    )
    assert lines[1].startswith("spend  B against A  ")
    assert lines[1].endswith("better")
    assert "(adjusted " in lines[1]
    assert lines[2].endswith("better" if result["spend", "C"].is_better else "unclear")


def test_html_is_escaped() -> None:
    html = analyse(metrics=Mean("<b>late</b>"))._repr_html_()
    assert "<b>late" not in html
    assert "&lt;b&gt;late&lt;/b&gt;" in html
    assert "<script" not in html
    assert "&lt;b&gt;" in analyse(metrics=Mean("<b>late</b>")).effects[0]._repr_html_()


def test_the_dictionary_is_json() -> None:
    result = analyse(metrics=Mean("spend", margin=0.1))
    told = json.loads(json.dumps(result.to_dict()))
    assert told["effects"][0]["margin"]["claim"] == "non-inferior"
    assert told["effects"][0]["interval"] == list(result["spend"].interval)
    assert told["counts"] == {"A": 30, "B": 30}


def test_small_p_values_stay_readable() -> None:
    assert write_p(0.0, -1804.32) == "p = 10^-784"
    assert write_p(0.0, -math.inf) == "p = 0"
    assert write_p(0.31, -1.2) == "p = 0.31"
    assert write_p(3.2e-9, -19.6) == "p = 3.2e-09"


def test_a_share_without_bounds_is_told_so() -> None:
    data = pd.DataFrame({"variant": ["A", "B"] * 20, "y": np.tile([-1.0, 2.0, 1.1, -2.0], 10)})
    found = Experiment(Mean("y"), control="A").analyze(data)
    assert "[-inf, +inf]" in str(found)
    assert "cannot be told from 0" in str(found)
    zero = data.assign(y=np.tile([-1.0, 2.0, 1.0, -2.0], 10))
    found = Experiment(Mean("y"), control="A").analyze(zero)
    assert "no share of it exists" in str(found)


def test_a_plot_has_a_line_for_each_effect() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt

    axes = analyse("ABC").plot()
    assert axes.get_title(loc="left")
    plt.close("all")


def test_effects_are_values() -> None:
    assert analyse()["spend"] == analyse()["spend"]
    assert isinstance(analyse()["spend"], Effect)
    assert len(analyse("ABC")) == 2


def test_an_adjusted_p_value_is_told_only_where_something_was_adjusted() -> None:
    p = 0.0785
    assert math.exp(math.log(p)) != p  # the case that used to be told apart
    plain = analyse()
    noisy = replace(
        plain.effects[0],
        p_value=p,
        log_p_value=math.log(p),
        adjusted_p_value=math.exp(math.log(p)),
    )
    assert "adjusted" not in str(replace(plain, effects=(noisy,)))
    assert "(adjusted 0.16)" in str(
        replace(plain, effects=(replace(noisy, adjusted_p_value=2 * p),))
    )
