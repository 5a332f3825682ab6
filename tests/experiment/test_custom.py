"""Any function of rows: Poisson resamples against theory and against other ways to call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment import Custom, Experiment, Mean
from userportrait.experiment._custom_functions import NAMED
from userportrait.experiment._resample import _COUNTS, draw_weights, stream

if TYPE_CHECKING:
    from userportrait.experiment import RowEstimate

SPEND = np.random.default_rng(0).lognormal(2.0, 0.8, 2_000)
VISITS = 1.0 + np.random.default_rng(1).poisson(SPEND / 10.0)


def of(metric: Custom, seed: int | None = 0, **columns: Any) -> RowEstimate:
    rows = {name: np.asarray(values) for name, values in columns.items()}
    return metric.estimate_rows(rows, rows, random_state=seed)


def gini(values: Any) -> float:
    return float(np.abs(values[:, None] - values).mean() / (2.0 * values.mean()))


def test_the_table_of_weights_is_that_of_a_poisson_distribution() -> None:
    assert sum(_COUNTS) == 2**16
    expected = stats.poisson.pmf(np.arange(len(_COUNTS)), 1.0) * 2**16
    assert np.abs(np.array(_COUNTS) - expected).max() < 1.0
    values = np.repeat(np.arange(len(_COUNTS)), _COUNTS)
    assert values.mean() == pytest.approx(1.0, abs=1e-4)
    assert values.var() == pytest.approx(1.0, abs=5e-4)
    drawn = np.concatenate(list(draw_weights(stream(0, 0), 1_000, 700)))
    assert drawn.shape == (700, 1_000)
    assert drawn.mean() == pytest.approx(1.0, abs=0.005)
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.12


@pytest.mark.parametrize("takes", ["rows", "weights", "means"])
def test_the_mean_has_the_variance_of_a_mean(takes: Any) -> None:
    def by_weights(values: Any, weights: Any) -> float:
        return float(np.average(values, weights=weights))

    function = {"rows": np.mean, "weights": by_weights, "means": lambda mean: mean}[takes]
    found = of(Custom(function, "spend", takes, n_resamples=4_000), spend=SPEND)
    assert found.control_mean == pytest.approx(SPEND.mean(), rel=1e-12)
    # A relative error of 1 / sqrt(2 * 4,000) = 1.1 % in the standard error.
    assert found.std_error == pytest.approx(np.sqrt(2.0) * stats.sem(SPEND), rel=0.035)
    assert found.degrees_of_freedom == pytest.approx(2 * 1_999, rel=0.01)
    assert found.control_variance != found.variant_variance


def test_a_ratio_has_the_variance_of_the_delta_method() -> None:
    found = of(
        Custom(
            lambda spend, visits: spend / visits, ["spend", "visits"], "means", n_resamples=4_000
        ),
        spend=SPEND,
        visits=VISITS,
    )
    ratio = SPEND.mean() / VISITS.mean()
    expected = stats.sem((SPEND - ratio * VISITS) / VISITS.mean())
    assert found.control_mean == pytest.approx(ratio, rel=1e-12)
    assert np.sqrt(found.control_variance) == pytest.approx(expected, rel=0.04)


ORACLES: dict[str, Any] = {
    "coefficient_of_variation": stats.variation,
    "correlation": lambda x, y: np.corrcoef(x, y)[0, 1],
    "geometric_mean": stats.gmean,
    "gini": gini,
    "median": np.median,
    "standard_deviation": np.std,
    "trimmed_mean": lambda values: stats.trim_mean(values, 0.1),
}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_ready_functions_are_those_of_numpy_and_scipy(name: str) -> None:
    columns = ["spend", "visits"][: NAMED[name].n_columns]
    data = {"spend": SPEND[:400], "visits": VISITS[:400]}
    ready = of(Custom(name, columns, n_resamples=2_000), **data)
    by_rows = of(Custom(ORACLES[name], columns, n_resamples=2_000), seed=1, **data)
    assert ready.control_mean == pytest.approx(by_rows.control_mean, rel=1e-9)
    assert ready.control_variance == pytest.approx(by_rows.control_variance, rel=0.18)


@given(st.lists(st.integers(1, 9), min_size=10, max_size=30), st.data())
@settings(max_examples=30, deadline=None)
def test_weights_count_as_copies_of_rows(numbers: list[int], data: st.DataObject) -> None:
    weights = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=len(numbers), max_size=len(numbers)))
    )
    weights[0] = 1
    values = np.sort(np.array(numbers, dtype=float))
    for name in ("gini", "median", "trimmed_mean"):
        function = NAMED[name].function
        copied = np.repeat(values, weights)
        ones = np.ones(len(copied), dtype=np.uint8)
        assert function(values, weights=weights) == pytest.approx(
            function(copied, weights=ones), abs=1e-12
        )


def test_units_are_drawn_with_all_their_rows() -> None:
    single = of(Custom("gini", "spend"), spend=SPEND)
    copies = of(
        Custom("gini", "spend", unit="customer_id"),
        spend=np.tile(SPEND, 4),
        customer_id=np.tile(np.arange(len(SPEND)), 4),
    )
    assert copies.unit == "customer_id"
    assert copies.n_control == len(SPEND)
    assert copies.control_mean == pytest.approx(single.control_mean, abs=1e-12)
    assert copies.std_error == pytest.approx(single.std_error, rel=0.1)
    by_means = of(
        Custom(lambda mean: mean, "spend", "means", unit="customer_id", n_resamples=4_000),
        spend=np.tile(SPEND, 4),
        customer_id=np.tile(np.arange(len(SPEND)), 4),
    )
    assert by_means.std_error == pytest.approx(np.sqrt(2.0) * stats.sem(SPEND), rel=0.035)


@pytest.mark.parametrize("unit", [None, "customer_id"])
@pytest.mark.parametrize("name", ["gini", "geometric_mean", "correlation"])
def test_the_order_of_rows_changes_no_bit_and_the_seed_does(name: str, unit: str | None) -> None:
    columns = ["spend", "visits"][: NAMED[name].n_columns]
    metric = Custom(name, columns, unit=unit, n_resamples=100)
    data = {
        "spend": np.round(SPEND[:300]) + 1.0,
        "visits": VISITS[:300],
        "customer_id": np.array([f"c{i % 90}" for i in range(300)], dtype=object),
    }
    order = np.random.default_rng(2).permutation(300)
    shuffled = {key: values[order] for key, values in data.items()}
    assert of(metric, **data) == of(metric, **shuffled)
    assert of(metric, **data) != of(metric, seed=1, **data)


def test_a_large_shift_keeps_the_digits_of_the_spread() -> None:
    plain = of(Custom("standard_deviation", "spend"), spend=np.round(SPEND))
    shifted = of(Custom("standard_deviation", "spend"), spend=np.round(SPEND) + 2.0**30)
    assert shifted.control_mean == pytest.approx(plain.control_mean, rel=1e-9)
    assert shifted.control_variance == pytest.approx(plain.control_variance, rel=1e-6)


def test_an_experiment_takes_a_function_beside_a_mean() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"variant": ["A", "B"] * 1_500, "spend": rng.lognormal(2.0, 0.8, 3_000)})
    frame.loc[frame["variant"] == "B", "spend"] *= 1.3
    experiment = Experiment(
        [Mean("spend"), Custom("geometric_mean", "spend")], control="A", random_state=0
    )
    table = experiment.analyze(frame).to_frame().set_index("metric")
    found = table.loc["geometric mean of spend"]
    assert found["relative_ci_low"] < 0.3 < found["relative_ci_high"]
    assert found["std_error"] if "std_error" in table else found["p_value"] < 0.01


def test_notes_say_when_resamples_are_skewed_off_centre_or_lost() -> None:
    notes = " ".join(of(Custom(lambda v: v.mean() ** 6, "spend"), spend=np.arange(50.0)).notes)
    assert "are skewed" in notes
    notes = " ".join(of(Custom(np.max, "spend"), spend=np.arange(50.0)).notes)
    assert "standard errors off" in notes
    rare = np.array([1.0] * 4 + [0.0] * 40)
    notes = " ".join(of(Custom(lambda mean: 1.0 / mean, "spend", "means"), spend=rare).notes)
    assert "have no finite value" in notes
    with pytest.raises(InvalidDataError, match="too few for it"):
        of(Custom(lambda mean: 1.0 / mean, "spend", "means"), spend=rare[3:])


def test_bad_parameters_and_values_are_said() -> None:
    with pytest.raises(InvalidParameterError, match="Did you mean 'gini'"):
        Custom("ginni", "spend")
    with pytest.raises(InvalidParameterError, match="needs 2 columns; got 1"):
        Custom("correlation", "spend")
    with pytest.raises(InvalidParameterError, match="got int"):
        Custom(3, "spend")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="at least one column"):
        Custom("gini", [])
    with pytest.raises(InvalidParameterError) as error:
        Custom("gini", "spend", takes="sums", n_resamples=1)  # type: ignore[arg-type]
    assert len(error.value.problems) == 2
    with pytest.raises(InvalidDataError, match="values above 0"):
        of(Custom("geometric_mean", "spend"), spend=np.arange(5.0))
    with pytest.raises(InvalidDataError, match="must be a finite number"):
        of(Custom(lambda values: np.nan, "spend"), spend=np.arange(5.0))
    with pytest.raises(MissingColumnError):
        of(Custom("gini", "spent"), spend=np.arange(5.0))
    assert Custom(np.ptp, "spend", name="range").name == "range"
    assert Custom(np.ptp, "spend").name == "ptp of spend"
