"""Quantiles: exact over all resamples, ties told apart, units kept together."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import userportrait as up
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment import Experiment, Quantile

if TYPE_CHECKING:
    from userportrait.experiment import RowEstimate

Floats = Any


def of(metric: Quantile, values: Floats, **columns: object) -> RowEstimate:
    """Return the estimate of two arms with the same rows."""
    rows = {metric.column: values, **{k: np.asarray(v) for k, v in columns.items()}}
    return metric.estimate_rows(rows, rows, random_state=0)


@pytest.mark.parametrize(("n", "q"), [(5, 0.5), (5, 1 / 3), (6, 2 / 7), (3, 0.25)])
@pytest.mark.parametrize("kind", ["spread", "tied"])
def test_the_closed_form_is_the_mean_over_all_resamples(n: int, q: float, kind: str) -> None:
    # (n + 1) q is whole, so that the beta weights are those of one order statistic: its
    # distribution over all n^n resamples is listed here.
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0][:n])
    if kind == "tied":
        values = np.array([0.0, 1.0, 1.0, 1.0, 2.0, 2.0][:n])
    rank = round((n + 1) * q) - 1
    quantile = np.quantile(values, q)
    drawn = [sorted(resample)[rank] for resample in itertools.product(values, repeat=n)]
    expected = np.mean([(value - quantile) ** 2 for value in drawn])
    assert of(Quantile("wait", q), values).control_variance == pytest.approx(expected, rel=1e-10)


def test_a_large_sample_has_the_variance_that_the_density_gives() -> None:
    # The density is known here: q (1 - q) / (n f(quantile)^2) for an exponential.
    values = stats.expon.ppf((np.arange(200_000) + 0.5) / 200_000)
    for q in (0.1, 0.5, 0.9, 0.99):
        density = 1.0 - q
        expected = q * (1.0 - q) / (len(values) * density**2)
        found = of(Quantile("wait", q), values)
        assert found.control_mean == pytest.approx(-np.log(1.0 - q), rel=1e-4)
        assert found.control_variance == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("q", [0.5, 0.9])
@pytest.mark.parametrize("kind", ["heavy", "whole"])
def test_the_bootstrap_says_the_same(q: float, kind: str) -> None:
    values = np.random.default_rng(0).lognormal(3.0, 1.0, 3_000)
    values = np.floor(values / 5.0) if kind == "whole" else values
    closed = of(Quantile("wait", q), values)
    drawn = of(Quantile("wait", q, ci="bootstrap", n_resamples=4_000), values)
    assert drawn.control_mean == closed.control_mean
    assert drawn.std_error == pytest.approx(closed.std_error, rel=0.05)
    assert drawn.control_variance != drawn.variant_variance  # arms draw numbers of their own


def test_the_short_cut_of_the_bootstrap_draws_as_weights_of_all_rows_do() -> None:
    values = np.sort(np.random.default_rng(1).exponential(1.0, 900))
    rng = np.random.default_rng(2)
    drawn = [
        np.quantile(np.repeat(values, rng.poisson(1.0, len(values))), 0.9) for _ in range(3_000)
    ]
    expected = np.mean((np.array(drawn) - np.quantile(values, 0.9)) ** 2)
    found = of(Quantile("wait", 0.9, ci="bootstrap", n_resamples=6_000), values)
    assert found.control_variance == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("ci", ["closed", "bootstrap"])
def test_copies_of_a_unit_s_rows_add_no_information(ci: Literal["closed", "bootstrap"]) -> None:
    values = np.random.default_rng(3).exponential(1.0, 800)
    single = of(Quantile("wait", 0.8), values)
    customers = np.tile(np.arange(len(values)), 5)
    metric = Quantile("wait", 0.8, ci=ci, unit="customer_id")
    copies = of(metric, np.tile(values, 5), customer_id=customers)
    naive = of(Quantile("wait", 0.8), np.tile(values, 5))
    assert copies.n_control == 800
    assert copies.std_error == pytest.approx(single.std_error, rel=0.08)
    assert naive.std_error < 0.6 * single.std_error


def test_units_that_are_alike_inside_have_the_variance_of_unit_resamples() -> None:
    rng = np.random.default_rng(4)
    customer = np.repeat(np.arange(300), rng.integers(1, 9, 300))
    wait = rng.exponential(1.0, 300)[customer] * rng.exponential(1.0, len(customer))
    closed = of(Quantile("wait", 0.7, unit="customer_id"), wait, customer_id=customer)
    rows = [wait[customer == c] for c in range(300)]
    drawn = [
        np.quantile(np.concatenate([rows[c] for c in rng.integers(0, 300, 300)]), 0.7)
        for _ in range(1_500)
    ]
    assert np.sqrt(closed.control_variance) == pytest.approx(np.std(drawn), rel=0.12)


@given(st.randoms(use_true_random=False), st.sampled_from(["closed", "bootstrap"]))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_changes_no_bit(random: object, ci: Literal["closed"]) -> None:
    rng = np.random.default_rng(5)
    order = rng.permutation(120)
    wait, customer = rng.integers(0, 9, 120).astype(float), rng.integers(0, 30, 120)
    names = np.array([f"c{number}" for number in customer], dtype=object)
    for unit in (None, "customer_id"):
        metric = Quantile("wait", 0.5, ci=ci, unit=unit, n_resamples=200)
        assert of(metric, wait, customer_id=names) == of(
            metric, wait[order], customer_id=names[order]
        )


def test_a_quantile_that_cannot_be_another_value_has_no_variance() -> None:
    sure = np.repeat([1.0, 2.0, 3.0], [2_000, 6_000, 2_000])
    assert of(Quantile("items"), sure).std_error == pytest.approx(0.0, abs=1e-12)
    unsure = np.repeat([1.0, 2.0], [5_010, 4_990])
    # 10 of 10,000 rows are 0.2 standard deviations: 2 wins in 42 % of resamples.
    found = of(Quantile("items"), unsure)
    assert found.control_mean == 1.0
    assert found.control_variance == pytest.approx(stats.norm.sf(0.2), abs=0.005)


def test_an_experiment_reports_the_quantile_with_its_relative_interval() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"variant": ["A", "B"] * 4_000, "wait": rng.exponential(10.0, 8_000)})
    frame.loc[frame["variant"] == "B", "wait"] *= 0.8
    result = Experiment(Quantile("wait", 0.9, goal="decrease"), control="A").analyze(frame)
    row = result.to_frame().iloc[0]
    assert row["metric"] == "p90 of wait"
    assert row["relative_ci_low"] < -0.2 < row["relative_ci_high"] < 0.0
    assert row["control_mean"] == np.quantile(frame["wait"][frame["variant"] == "A"], 0.9)


def test_few_rows_beyond_the_quantile_are_said() -> None:
    values = np.arange(100.0)
    assert "Only about 1 rows" in of(Quantile("wait", 0.99), values).notes[0]
    assert of(Quantile("wait", 0.9), values).notes == ()


def test_bad_input_names_the_column() -> None:
    with pytest.raises(InvalidParameterError) as error:
        Quantile("wait", 1.0, ci="exact", n_resamples=1)  # type: ignore[arg-type]
    assert len(error.value.problems) == 3
    with pytest.raises(MissingColumnError):
        Quantile("wait").estimate_rows({"wiat": np.ones(3)}, {}, random_state=None)
    with pytest.raises(InvalidDataError, match="missing or infinite in 1 of 3 rows"):
        of(Quantile("wait"), np.array([1.0, np.nan, 2.0]))
    with pytest.raises(InvalidDataError, match="has 1 rows"):
        of(Quantile("wait"), np.array([1.0]))
    with pytest.raises(InvalidDataError, match="1 units of 'customer_id'"):
        of(Quantile("wait", unit="customer_id"), np.ones(3), customer_id=["a"] * 3)
    with pytest.raises(InvalidDataError, match="'customer_id' is missing"):
        of(Quantile("wait", unit="customer_id"), np.ones(2), customer_id=["a", None])
    with pytest.raises(ColumnTypeError, match="must hold numbers"):
        of(Quantile("wait"), np.array(["a", "b"], dtype=object))


def alarms(kind: str, n: int, q: float, n_runs: int) -> float:
    rng = np.random.default_rng(11)
    draw = {
        "exponential": lambda: rng.exponential(1.0, n),
        "lognormal": lambda: rng.lognormal(0.0, 1.0, n),
        "counts": lambda: rng.geometric(0.1, n).astype(float),
    }[kind]
    metric, rejected = Quantile("wait", q), 0
    for _ in range(n_runs):
        found = metric.estimate_rows({"wait": draw()}, {"wait": draw()}, random_state=0)
        size = found.std_error
        rejected += size > 0.0 and abs(found.effect) > stats.norm.isf(0.025) * size
    return rejected / n_runs


@pytest.mark.parametrize("kind", ["exponential", "counts"])
def test_false_alarms_are_near_five_per_cent(kind: str) -> None:
    assert 0.015 <= alarms(kind, 400, 0.9, 800) <= 0.068


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exponential", "lognormal", "counts"])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_false_alarms_are_at_most_five_per_cent_at_length(kind: str, q: float) -> None:
    assert alarms(kind, 2_000, q, 10_000) <= 0.057


def test_a_quantile_among_ties_claims_no_permutation_test() -> None:
    spent = np.repeat([1, 2, 3], [100, 800, 100])
    frame = pd.DataFrame(
        {"variant": ["A"] * 1000 + ["B"] * 1000, "spend": np.concatenate([spent, spent + 1])}
    )
    (effect,) = up.Experiment([up.Quantile("spend", 0.5)], control="A").analyze(frame).effects
    assert effect.effect == 1.0
    assert effect.p_value == pytest.approx(1e-16)
    assert effect.method == "bound by resamples"
    constant = pd.DataFrame({"variant": list("AAABBB"), "spend": [1, 1, 1, 2, 2, 2]})
    (effect,) = up.Experiment([up.Quantile("spend", 0.5)], control="A").analyze(constant).effects
    assert effect.p_value == pytest.approx(2 / 20)  # of the 20 ways to deal six units out
