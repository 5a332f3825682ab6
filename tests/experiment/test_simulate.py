from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment import (
    Cap,
    Clustered,
    Custom,
    Experiment,
    Mean,
    Ratio,
    simulate_aa,
)

if TYPE_CHECKING:
    from pathlib import Path


def customers(n: int = 3_000, seed: int = 0) -> pd.DataFrame:
    luck = np.random.default_rng(seed)
    past = luck.lognormal(2.0, 1.0, n)
    return pd.DataFrame(
        {
            "past": past,
            "spend": past * 0.3 + luck.lognormal(1.0, 1.2, n),
            "visits": 1 + luck.poisson(2.0, n),
            "bought": luck.random(n) < 0.2,
        }
    )


def metrics() -> list[Any]:
    return [
        Mean("spend", "past"),
        Mean("spend", cap=Cap(quantile=0.99), name="capped"),
        Mean("bought"),
        Ratio("spend", "visits"),
    ]


def test_each_assignment_is_what_the_experiment_says_of_it() -> None:
    frame = customers()
    experiment = Experiment(metrics(), control="A")
    found = simulate_aa(experiment, frame, n_simulations=130, share=0.3, random_state=4)
    for simulation in (0, 63, 64, 129):
        variant = np.where(found.assignment(simulation), "B", "A")
        alone = experiment.analyze(frame.assign(variant=variant)).effects
        for at, effect in enumerate(alone):
            assert effect.metric == found.metrics[at]
            assert found.effects[simulation, at] == pytest.approx(effect.effect, rel=1e-9)
            assert found.std_errors[simulation, at] == pytest.approx(effect.std_error, rel=1e-10)
            assert found.p_values[simulation, at] == pytest.approx(effect.p_value, rel=1e-9)
            assert found.above[simulation, at] == (effect.interval[0] > 0)
            assert found.below[simulation, at] == (effect.interval[1] < 0)


def test_assignments_are_drawn_with_the_share_and_differ() -> None:
    frame = customers(20_000)
    found = simulate_aa(
        Experiment(Mean("visits"), control="A"),
        frame,
        n_simulations=3,
        share=0.1,
        random_state=1,
    )
    shares = [found.assignment(i).mean() for i in range(3)]
    assert shares == pytest.approx([0.1] * 3, abs=0.01)  # five standard errors
    overlap = (found.assignment(0) & found.assignment(1)).mean()
    assert overlap == pytest.approx(0.01, abs=0.004)
    with pytest.raises(InvalidParameterError, match="simulation must be in"):
        found.assignment(3)


def test_the_same_random_state_gives_the_same_bits(engine: str) -> None:
    frame = customers(2_000)
    experiment = Experiment(Mean("spend", "past"), control="A")
    wanted = simulate_aa(experiment, frame, n_simulations=5, random_state=9)
    found = simulate_aa(experiment, to_engine(engine, frame), n_simulations=5, random_state=9)
    np.testing.assert_array_equal(found.p_values, wanted.p_values)
    free = simulate_aa(experiment, frame, n_simulations=5)
    again = simulate_aa(experiment, frame, n_simulations=5, random_state=free.random_state)
    np.testing.assert_array_equal(again.p_values, free.p_values)
    assert free.random_state != wanted.random_state


def test_false_alarms_keep_to_alpha_and_the_table_says_so() -> None:
    experiment = Experiment([Mean("spend", "past"), Ratio("spend", "visits")], control="A")
    found = simulate_aa(experiment, customers(), n_simulations=2_000, random_state=0)
    table = found.to_frame()
    # Four standard errors of a share of 5 % in 2,000.
    assert table["false_alarms"].between(0.05 - 0.0195, 0.05 + 0.0195).all()
    assert table["std_error_ratio"].between(0.93, 1.07).all()
    np.testing.assert_allclose(table["below"] + table["above"], table["false_alarms"])
    assert not table["is_suspicious"].any()
    rejected = (found.p_values < 0.05).mean(axis=0)
    np.testing.assert_allclose(table["false_alarms"], rejected)
    assert "false alarms promised: 5.0%" in str(found)
    assert "<table>" in found._repr_html_()


def test_a_few_units_with_nearly_all_the_money_are_found_out() -> None:
    frame = pd.DataFrame({"spend": np.r_[np.zeros(30), 1_000.0]})
    found = simulate_aa(
        Experiment(Mean("spend"), control="A"), frame, n_simulations=1_000, random_state=0
    ).to_frame()
    assert bool(found["is_suspicious"][0])
    assert found["ci_high"][0] < 0.05


def test_the_exact_interval_is_scipys() -> None:
    from scipy.stats import binomtest

    found = simulate_aa(
        Experiment(Mean("visits"), control="A"), customers(500), n_simulations=300, random_state=3
    ).to_frame()
    alarms = round(float(found["false_alarms"][0]) * 300)
    wanted = binomtest(alarms, 300).proportion_ci(0.95, method="exact")
    assert found["ci_low"][0] == pytest.approx(wanted.low, rel=1e-9)
    assert found["ci_high"][0] == pytest.approx(wanted.high, rel=1e-9)


def test_missing_values_follow_the_experiment() -> None:
    frame = customers(400)
    frame.loc[:9, "spend"] = np.nan
    with pytest.raises(InvalidDataError, match="'spend' has 10 missing values"):
        simulate_aa(Experiment(Mean("spend"), control="A"), frame, n_simulations=2)
    dropped = Experiment(Mean("spend"), control="A", missing="drop")
    assert simulate_aa(dropped, frame, n_simulations=2).n_units == 390
    zeros = Experiment(Mean("spend"), control="A", missing="zero")
    found = simulate_aa(zeros, frame, n_simulations=2, random_state=0)
    plain = simulate_aa(zeros, frame.fillna(0.0), n_simulations=2, random_state=0)
    np.testing.assert_array_equal(found.p_values, plain.p_values)
    frame.loc[3, "spend"] = np.inf
    with pytest.raises(InvalidDataError, match="1 infinite values"):
        simulate_aa(dropped, frame, n_simulations=2)


def test_progress_is_told() -> None:
    told: list[float] = []
    simulate_aa(
        Experiment(Mean("visits"), control="A"),
        customers(200),
        n_simulations=4,
        progress=lambda step, share: told.append(share),
    )
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_what_cannot_be_simulated_is_refused() -> None:
    frame = customers(100)
    plain = Experiment(Mean("spend"), control="A")
    for bad in ({"n_simulations": 0}, {"share": 1.0}, {"random_state": -1}):
        with pytest.raises(InvalidParameterError, match=next(iter(bad))):
            simulate_aa(plain, frame, **bad)  # type: ignore[arg-type]
    clustered = Experiment(Mean("spend"), control="A", design=Clustered("shop"))
    with pytest.raises(InvalidParameterError, match="clusters"):
        simulate_aa(clustered, frame)
    rows = Experiment(Custom(np.median, "spend"), control="A")
    with pytest.raises(InvalidParameterError, match="needs rows"):
        simulate_aa(rows, frame)
    with pytest.raises(MissingColumnError, match="Did you mean 'spend'"):
        simulate_aa(Experiment(Mean("spned"), control="A"), frame)


def real_metrics(name: str) -> list[Any]:
    if name == "hillstrom":
        adjusted = Mean("spend", "history", name="adjusted")
        pooled = Mean("spend", "history", adjustment="pooled", name="pooled")
        plain = [Mean("visit"), Mean("conversion"), Mean("spend")]
        return [*plain, adjusted, pooled, Ratio("spend", "visit")]
    if name == "cookie_cats":
        return [Mean("sum_gamerounds", cap=Cap(quantile=0.999)), Mean("retention_7")]
    return [Mean("converted")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hillstrom", "cookie_cats", "udacity_ab"])
def test_false_alarms_on_real_customers_are_five_in_a_hundred(name: str, shared_data: Path) -> None:
    """Rates of 10,000 assignments, whose standard error is 0.22 points."""
    if name == "udacity_ab":
        pytest.importorskip("pyarrow")
        frame = pd.read_parquet(shared_data / name / "ab_data.parquet")
    else:
        frame = pd.read_csv(shared_data / name / f"{name}.csv.gz")
    found = simulate_aa(
        Experiment(real_metrics(name), control="A"), frame, n_simulations=10_000, random_state=0
    ).to_frame()
    assert found["false_alarms"].between(0.044, 0.056).all(), found
    assert found["below"].between(0.019, 0.031).all(), found
    assert found["above"].between(0.019, 0.031).all(), found
