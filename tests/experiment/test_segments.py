"""Effects by segment: against statsmodels, brute integration, a loop, and in simulations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from statsmodels.stats.meta_analysis import combine_effects

from userportrait._core.axes import open_axes
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment import (
    Aggregates,
    Experiment,
    Mean,
    Proportion,
    Ratio,
    effects_by_segment,
    heterogeneity,
    interactions,
    plot_segments,
    shrink,
)

EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
"""The eight schools of Rubin (1981), printed in Gelman and others, Bayesian Data Analysis."""


def customers(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    variant = rng.choice(["A", "B"], n)
    city = rng.choice(["Lyon", "Oslo", "Rome"], n, p=[0.5, 0.3, 0.2])
    lift = np.select([city == "Rome"], [4.0], 1.0) * (variant == "B")
    visits = rng.poisson(2.0, n) + 1
    return pd.DataFrame(
        {
            "variant": variant,
            "city": city,
            "age": rng.integers(1, 4, n),
            "spend": rng.gamma(2.0, 5.0, n) + lift,
            "visits": visits,
            "bought": rng.random(n) < 0.3,
        }
    )


METRICS = (Mean("spend"), Proportion("bought"), Ratio("spend", "visits", name="per visit"))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_heterogeneity_is_statsmodels(scale: float) -> None:
    for effects, errors in ((EFFECTS, ERRORS), (EFFECTS * 4, ERRORS)):
        found = heterogeneity(effects * scale, errors * scale)
        known: Any = combine_effects(
            effects * scale, (errors * scale) ** 2, method_re="iterated", atol=1e-14, maxiter=500
        )
        assert found.q == pytest.approx(known.q, rel=1e-9)
        assert found.pooled == pytest.approx(known.mean_effect_fe, rel=1e-9)
        assert found.std_error == pytest.approx(known.sd_eff_w_fe, rel=1e-9)
        assert found.p_value == pytest.approx(known.test_homogeneity().pvalue, rel=1e-9)
        tau2 = max(float(known.tau2), 0.0) / scale**2
        assert found.spread**2 / scale**2 == pytest.approx(tau2, rel=1e-6, abs=1e-6)
        assert found.share == pytest.approx(max(known.i2, 0.0), rel=1e-9)


def test_two_equal_effects_do_not_differ() -> None:
    found = heterogeneity(np.array([2.0, 2.0]), np.array([1.0, 3.0]))
    assert (found.q, found.p_value, found.spread, found.share) == (0.0, 1.0, 0.0, 0.0)


def test_shrunk_effects_are_those_of_direct_integration() -> None:
    effects, errors = np.array([3.0, 0.5, -1.0]), np.array([1.0, 0.4, 2.0])
    scale = math.sqrt(3 / float(np.sum(1 / errors**2)))

    def weight(spread: float) -> float:
        """Return prior times likelihood of the spread; the mean is integrated by hand."""
        precision: Any = 1 / (errors**2 + spread**2)
        mean = (precision @ effects) / precision.sum()
        log = norm.logpdf(effects, mean, 1 / np.sqrt(precision))
        return (
            scale
            / (scale + spread) ** 2
            * math.exp(float(np.sum(log)))
            / math.sqrt(float(np.sum(precision)))
        )

    def moments(spread: float) -> tuple[float, float]:
        precision = 1 / (errors[0] ** 2 + spread**2)
        every: Any = 1 / (errors**2 + spread**2)
        mean, pull = (every @ effects) / every.sum(), errors[0] ** 2 * precision
        centre = effects[0] + pull * (mean - effects[0])
        return centre, math.sqrt((1 - pull) * errors[0] ** 2 + pull**2 / every.sum())

    def integral(value: object) -> float:
        return float(quad(lambda t: weight(t) * value(t), 0, np.inf, limit=400)[0])  # type: ignore[operator]

    whole = integral(lambda _: 1.0)
    found = shrink(effects, errors, alpha=0.1, n_grid=4000)
    assert found.means[0] == pytest.approx(integral(lambda t: moments(t)[0]) / whole, rel=1e-3)
    below = integral(lambda t: norm.cdf(found.high[0], *moments(t))) / whole
    assert below == pytest.approx(0.95, abs=2e-4)
    below = integral(lambda t: norm.cdf(found.low[0], *moments(t))) / whole
    assert below == pytest.approx(0.05, abs=2e-4)
    coarse = shrink(effects, errors, alpha=0.1)
    assert coarse.means == pytest.approx(found.means, rel=5e-3)


def test_the_eight_schools_are_where_the_book_has_them() -> None:
    found = shrink(EFFECTS, ERRORS)
    # Gelman and others report about 11 for the first school and about 8 for the mean, under a
    # flat prior of the spread, which allows for a little more spread than ours.
    assert found.means[0] == pytest.approx(10.5, abs=1.0)
    assert found.mean == pytest.approx(7.9, abs=0.5)
    assert list(np.argsort(-found.means)[:2]) == [0, 6]


def test_shrunk_intervals_hold_the_truth_as_often_as_promised() -> None:
    rng = np.random.default_rng(2)
    hits: list[float] = []
    for spread in (0.0, 0.5, 2.0):
        for _ in range(150):
            errors = rng.uniform(0.5, 1.5, 6)
            truth = rng.normal(1.0, spread, 6)
            found = shrink(rng.normal(truth, errors), errors, alpha=0.1, n_grid=100)
            hits.append(((found.low <= truth) & (truth <= found.high)).mean())
    # Of 2,700 intervals of 90 %; where effects do not differ they hold more than that.
    assert 0.89 <= np.mean(hits) <= 0.96


def test_each_segment_s_effect_is_that_of_its_own_rows() -> None:
    frame = customers()
    experiment = Experiment(METRICS, control="A")
    found = effects_by_segment(
        experiment, frame, ["city", "age"], known_before=["city", "age"], multiplicity=None
    )
    assert len(found) == 3 * (3 + 3)
    for one in found:
        rows = frame[frame[one.column].astype(str) == one.segment]
        alone = experiment.analyze(rows)[one.effect.metric]
        assert one.effect.effect == pytest.approx(alone.effect)
        assert one.effect.interval == pytest.approx(alone.interval)
        assert one.effect.p_value == pytest.approx(alone.p_value)


def test_aggregates_and_frames_say_the_same() -> None:
    frame = customers()
    experiment = Experiment(METRICS, control="A")
    columns = list(dict.fromkeys(c for m in METRICS for c in m.columns))
    aggregates = Aggregates.from_frame(frame, columns, by=["city", "age"])
    first = effects_by_segment(experiment, frame, "city", known_before=["city"])
    second = effects_by_segment(experiment, aggregates, "city", known_before=["city"])
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame(), rtol=1e-9)


def test_p_values_and_intervals_are_adjusted_together() -> None:
    frame = customers()
    experiment = Experiment(Mean("spend"), control="A")
    options: Any = {"known_before": ["city", "age"]}
    plain = effects_by_segment(
        experiment, frame, ["city", "age"], multiplicity=None, **options
    ).to_frame()
    wide = effects_by_segment(
        experiment, frame, ["city", "age"], multiplicity="bonferroni", **options
    ).to_frame()
    assert wide["adjusted_p_value"].to_numpy() == pytest.approx(
        np.minimum(plain["p_value"] * 6, 1.0)
    )
    assert (wide["ci_high"] - wide["ci_low"] > plain["ci_high"] - plain["ci_low"]).all()


def test_a_segment_that_differs_is_found_and_the_others_are_drawn_together() -> None:
    found = effects_by_segment(
        Experiment(Mean("spend"), control="A"), customers(4000), "city", known_before=["city"]
    )
    assert found.differences[0].adjusted_p_value < 1e-4
    assert "effects by city differ" in str(found)
    table = found.to_frame().set_index("segment")
    raw, shrunk = table["effect"], table["shrunk"]
    assert shrunk.idxmax() == "Rome"
    assert np.ptp(shrunk) < np.ptp(raw)
    assert ((shrunk - shrunk.mean()).abs() < (raw - shrunk.mean()).abs()).all()


def test_cochran_s_test_keeps_its_level_in_segments_without_a_difference() -> None:
    rng, alarms = np.random.default_rng(8), 0
    experiment = Experiment(Mean("y"), control="A")
    for _ in range(200):
        frame = pd.DataFrame(
            {
                "variant": rng.choice(["A", "B"], 1000),
                "cut": rng.integers(0, 4, 1000),
                "y": rng.exponential(1.0, 1000),
            }
        )
        found = effects_by_segment(experiment, frame, "cut", known_before=["cut"])
        alarms += found.differences[0].test.p_value <= 0.05
    # Ten are expected; more than 19 or fewer than 3 have a chance below 1 in 100 each.
    assert 3 <= alarms <= 19


def test_segments_must_be_declared_as_known_before() -> None:
    experiment = Experiment(Mean("spend"), control="A")
    with pytest.raises(InvalidParameterError, match="'city' is not declared as known before"):
        effects_by_segment(experiment, customers(), "city", known_before=[])
    late = Experiment(Mean("spend"), control="A", measured_after=["city"])
    with pytest.raises(InvalidParameterError, match="measured_after"):
        effects_by_segment(late, customers(), "city", known_before=["city"])
    with pytest.raises(InvalidParameterError, match="holds the arms"):
        effects_by_segment(experiment, customers(), "variant", known_before=["variant"])


def test_small_segments_are_left_out_and_counted() -> None:
    frame = customers()
    frame.loc[0, "city"] = "Bern"
    experiment = Experiment(Mean("spend"), control="A")
    found = effects_by_segment(experiment, frame, "city", known_before=["city"])
    assert found.left_out == {"city": {"Bern": 1}}
    assert any("1 segment with too few units" in note for note in found.notes())
    with pytest.raises(InvalidDataError, match="no value of 'city'"):
        effects_by_segment(experiment, frame, "city", known_before=["city"], min_units=10_000)


def test_a_missing_column_is_named() -> None:
    experiment = Experiment(Mean("spend"), control="A")
    with pytest.raises(MissingColumnError, match="Did you mean 'city'"):
        effects_by_segment(experiment, customers(), "citi", known_before=["citi"])
    aggregates = Aggregates.from_frame(customers(), ["spend"])
    with pytest.raises(InvalidParameterError, match="are not by 'city'"):
        effects_by_segment(experiment, aggregates, "city", known_before=["city"])


def test_one_metric_can_be_taken_out_and_drawn() -> None:
    found = effects_by_segment(
        Experiment(METRICS, control="A"), customers(), "city", known_before=["city"]
    )
    assert {e.effect.metric for e in found.of("bought")} == {"bought"}
    with pytest.raises(InvalidParameterError, match="Did you mean 'bought'"):
        found.of("bougt")
    ax = plot_segments(found, "spend", ax=open_axes(None, 6, 4))
    assert [t.get_text().split("\n")[0] for t in ax.get_yticklabels()] == ["Lyon", "Oslo", "Rome"]
    assert "&lt;" not in found._repr_html_()
    assert "Rome" in found._repr_html_()


def test_the_data_in_the_place_of_the_experiment_are_refused() -> None:
    frame = pd.DataFrame({"variant": ["A", "B"] * 4, "city": ["x"] * 8, "spend": range(8)})
    given: Any = frame
    with pytest.raises(InvalidParameterError, match="must be an Experiment"):
        effects_by_segment(given, frame, "city", known_before=["city"])
    with pytest.raises(InvalidParameterError, match="must be an Experiment"):
        interactions(given, frame, "city", other_control="x")


def test_effects_that_cannot_be_shrunk_are_told_without_nan() -> None:
    frame = pd.DataFrame(
        {"variant": ["A", "B"] * 8, "city": ["x"] * 8 + ["y"] * 8, "spend": [1.0] * 16}
    )
    found = effects_by_segment(
        Experiment(Mean("spend"), control="A"), frame, "city", known_before=["city"]
    )
    assert "not shrunk" in str(found)
    assert "nan" not in str(found)
