"""Switchbacks: balanced plans, carry-over left out, blocks as clusters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines import ENGINES, require_engine, to_engine, to_pandas
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment import (
    Clustered,
    Experiment,
    Mean,
    Ratio,
    Switchback,
    label_switchback,
    plan_switchback,
)

HOUR = timedelta(hours=1)


def plan_for(places: int, days: int, *, seed: int = 0, burn_in: timedelta = HOUR) -> pd.DataFrame:
    return plan_switchback(
        [f"city {place:02d}" for place in range(places)],
        "2026-03-02",
        pd.Timestamp("2026-03-02") + pd.Timedelta(days=days),
        period=6 * HOUR,
        burn_in=burn_in,
        random_state=seed,
    )


@given(st.integers(1, 6), st.integers(2, 4), st.integers(4, 30), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_each_place_has_each_variant_equally_often(
    places: int, n_variants: int, n_periods: int, seed: int
) -> None:
    names = ["A", "B", "C", "D"][:n_variants]
    plan = plan_switchback(
        range(places),
        "2026-03-02",
        pd.Timestamp("2026-03-02") + n_periods * 2 * HOUR + HOUR,
        period=2 * HOUR,
        burn_in=HOUR / 4,
        variants=names,
        random_state=seed,
    )
    assert len(plan) == places * n_periods
    counts = plan.groupby(["unit", "variant"]).size().unstack(fill_value=0)
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1
    assert plan["block"].is_unique
    assert ((plan["ends_at"] - plan["starts_at"]) == pd.Timedelta(hours=2)).all()
    assert ((plan["counted_from"] - plan["starts_at"]) == pd.Timedelta(minutes=15)).all()
    more = plan_switchback(
        [places, *reversed(range(places))],
        "2026-03-02",
        pd.Timestamp("2026-03-02") + n_periods * 2 * HOUR,
        period=2 * HOUR,
        variants=names,
        random_state=seed,
    )
    kept = more[more["unit"].isin(plan["unit"])].sort_values(["unit", "period"])
    assert list(kept["variant"]) == list(plan["variant"])


def test_every_order_of_variants_is_drawn() -> None:
    drawn = [
        "".join(plan_switchback([str(i)], "2026-03-02", "2026-03-03", period=6 * HOUR)["variant"])
        for i in range(1_200)
    ]
    counts = pd.Series(drawn).value_counts()
    assert len(counts) == 6  # 4 periods, 2 of them A
    assert counts.min() > 150
    assert counts.max() < 255


def test_rows_are_sorted_into_periods_and_the_rest_is_counted() -> None:
    plan = plan_for(2, 1)
    times = pd.to_datetime(
        ["2026-03-02 00:59:59", "2026-03-02 01:00:00", "2026-03-02 05:59:59", "2026-03-02 06:30:00",
         "2026-03-01 23:00:00", "2026-03-03 00:00:00", "2026-03-02 02:00:00"]
    )  # fmt: skip
    frame = pd.DataFrame({"unit": ["city 00"] * 6 + ["Rome"], "occurred_at": times})
    rows, exclusions = label_switchback(frame, plan)
    assert exclusions.to_dict() == {
        "n_rows": 7, "n_kept": 2, "n_burn_in": 2, "n_outside": 2, "n_other_units": 1
    }  # fmt: skip
    assert list(rows["block"]) == ["city 00 0"] * 2
    assert list(rows["variant"]) == [plan["variant"][0]] * 2
    assert str(exclusions).startswith("2 of 7 rows counted; left out: 2 in the burn-in, 2 outside")


def visits(
    plan: pd.DataFrame, seed: int, *, effect: float = 0.0, carry: float = 0.0, each: int = 8
) -> pd.DataFrame:
    """Return visits in places with levels, spells and days of their own.

    For the first hour after a change the effect of the variant before goes on by `carry`.
    """
    rng = np.random.default_rng(seed)
    places, n_periods = plan["unit"].nunique(), int(plan["period"].max()) + 1
    spells = np.zeros((places, n_periods))
    for step in range(1, n_periods):
        spells[:, step] = 0.6 * spells[:, step - 1] + rng.normal(0.0, 0.6, places)
    level = rng.normal(0.0, 3.0, places)[:, None] + rng.normal(0.0, 0.7, n_periods)[None, :]
    treated = (plan["variant"] == "B").to_numpy().reshape(places, n_periods)
    before = np.concatenate([treated[:, :1], treated[:, :-1]], axis=1)
    row = np.repeat(np.arange(places * n_periods), rng.poisson(each, places * n_periods))
    hours = rng.random(len(row)) * 6.0
    mixed = np.where(hours < 1.0, carry * before.ravel()[row] + (1 - carry) * treated.ravel()[row],
                     treated.ravel()[row])  # fmt: skip
    wait = 20.0 + (level + spells).ravel()[row] + effect * mixed + rng.normal(0.0, 1.0, len(row))
    return pd.DataFrame(
        {
            "unit": plan["unit"].to_numpy()[row],
            "occurred_at": plan["starts_at"].to_numpy()[row] + pd.to_timedelta(hours, unit="h"),
            "wait": wait,
            "orders": 1.0 + rng.poisson(1.0, len(row)),
        }
    )


def test_cr2_with_levels_of_places_is_that_of_full_matrices() -> None:
    plan = plan_for(3, 4)
    rows, exclusions = label_switchback(visits(plan, 0, each=3), plan)
    rows["part"] = rows["occurred_at"].dt.hour // 6
    design = Switchback(time="part", exclusions=exclusions)
    effect = Experiment(Mean("wait"), control="A", design=design).analyze(rows).effects[0]
    arm = (rows["variant"] == "B").to_numpy(dtype=float)
    levels = pd.get_dummies(rows[["unit", "part"]].astype(str), drop_first=True).to_numpy(float)
    X = np.column_stack([1.0 - arm, arm, levels])
    y, inverse = rows["wait"].to_numpy(), np.linalg.inv(X.T @ X)
    maker = np.eye(len(y)) - X @ inverse @ X.T
    c = np.zeros(X.shape[1])
    c[:2] = -1.0, 1.0
    total, columns = 0.0, []
    for label in rows["block"].unique():
        own = np.flatnonzero(rows["block"] == label)
        values, vectors = np.linalg.eigh(maker[np.ix_(own, own)])
        scale = np.where(values > 1e-9, 1.0 / np.sqrt(np.maximum(values, 1e-9)), 0.0)
        weights = vectors @ np.diag(scale) @ vectors.T @ X[own] @ inverse @ c
        total += float(weights @ (maker @ y)[own]) ** 2
        columns.append(maker[:, own] @ weights)
    crossed = np.column_stack(columns)
    products = crossed.T @ crossed
    beta = inverse @ X.T @ y
    assert effect.effect == pytest.approx(beta[1] - beta[0], rel=1e-9)
    assert effect.std_error**2 == pytest.approx(total, rel=1e-8)
    expected = np.trace(products) ** 2 / np.sum(products**2)
    assert effect.degrees_of_freedom == pytest.approx(expected, rel=1e-8)
    centred = levels - levels.mean(axis=0)
    by_means = np.linalg.lstsq(np.column_stack([1.0 - arm, arm, centred]), y, rcond=None)[0]
    assert effect.control_mean == pytest.approx(by_means[0], rel=1e-9)
    assert any("in the burn-in" in note for note in effect.notes)


def test_burn_in_takes_the_carry_over_out() -> None:
    found = []
    for burn_in in (HOUR, timedelta(0)):
        plan = plan_for(30, 14, burn_in=burn_in)
        rows, _ = label_switchback(visits(plan, 1, effect=1.0, carry=1.0, each=30), plan)
        found.append(
            Experiment(Mean("wait"), control="A", design=Switchback()).analyze(rows).effects[0]
        )
    assert found[0].interval[0] < 1.0 < found[0].interval[1]
    # Without burn-in the first sixth of each period has the variant before, whatever its own.
    assert found[1].effect == pytest.approx(found[0].effect - 1.0 / 6.0, abs=0.03)


def test_levels_of_places_make_the_interval_shorter_and_ratios_work() -> None:
    plan = plan_for(8, 7)
    rows, _ = label_switchback(visits(plan, 2, effect=0.5), plan)
    metrics = [Mean("wait"), Ratio("wait", "orders")]
    with_levels = Experiment(metrics, control="A", design=Switchback()).analyze(rows)
    without = Experiment(metrics, control="A", design=Switchback(unit=None)).analyze(rows)
    assert with_levels.effects[0].std_error < 0.5 * without.effects[0].std_error
    assert with_levels.effects[1].n_control == int((rows["variant"] == "A").sum())
    clusters = Experiment(metrics, control="A", design=Clustered("block")).analyze(rows)
    assert without.effects[0].std_error == pytest.approx(clusters.effects[0].std_error, rel=1e-12)
    wild = Experiment(metrics, control="A", design=Switchback(method="wild", n_resamples=199))
    effect = wild.analyze(rows).effects[0]
    assert effect.method == "wild block bootstrap"
    assert effect.interval[0] == pytest.approx(with_levels.effects[0].interval[0], abs=0.2)


def test_three_variants_are_compared_with_the_control() -> None:
    plan = plan_switchback(
        ["a", "b", "c"], "2026-03-02", "2026-03-16", period=6 * HOUR, variants=["A", "B", "C"]
    )
    rows, _ = label_switchback(visits(plan, 3), plan)
    found = Experiment(Mean("wait"), control="A", design=Switchback()).analyze(rows)
    assert [effect.variant for effect in found.effects] == ["B", "C"]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gets_its_own_rows_back(engine: str) -> None:
    require_engine(engine)
    plan = plan_for(2, 2)
    frame = visits(plan, 4, each=3)
    given_frame = to_engine(engine, frame)
    rows, exclusions = label_switchback(given_frame, to_engine(engine, plan))
    expected, same = label_switchback(frame, plan)
    assert type(rows) is type(given_frame)
    assert exclusions == same
    table = to_pandas(rows).sort_values(["unit", "occurred_at"])
    right = expected.sort_values(["unit", "occurred_at"])
    for name in ("variant", "block", "wait"):
        assert list(table[name]) == list(right[name])


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidParameterError) as error:
        plan_switchback(["a", "a"], "2026-01-01", "2026-01-02", period=HOUR, burn_in=HOUR)
    assert len(error.value.problems) == 2
    with pytest.raises(InvalidParameterError, match="2 variants need at least as many"):
        plan_switchback(["a"], "2026-01-01", "2026-01-02", period=timedelta(days=1))
    with pytest.raises(InvalidParameterError, match="two different names"):
        plan_switchback(["a"], "2026-01-01", "2026-01-09", period=HOUR, variants=["A", "A"])
    plan = plan_for(1, 1)
    frame = visits(plan, 5)
    with pytest.raises(MissingColumnError):
        label_switchback(frame, plan, time="at")
    with pytest.raises(InvalidParameterError, match="'variant' already"):
        label_switchback(frame.assign(variant="A"), plan)
    with pytest.raises(ColumnTypeError, match="must hold times"):
        label_switchback(frame, plan, time="wait")
    with pytest.raises(InvalidDataError, match="is missing"):
        label_switchback(frame.assign(occurred_at=pd.NaT), plan)
    with pytest.raises(InvalidDataError, match="periods of 'city 00' overlap"):
        label_switchback(frame, plan.assign(ends_at=plan["ends_at"] + pd.Timedelta(hours=1)))
    rows, _ = label_switchback(frame, plan)
    rows["block"] = "one"
    rows["unit"] = np.where(np.arange(len(rows)) % 2, "x", "y")
    with pytest.raises(InvalidDataError, match=r"rows of several values of 'unit'|1 cluster"):
        Experiment(Mean("wait"), control="A", design=Switchback()).analyze(rows)
    with pytest.raises(InvalidParameterError) as error:
        Switchback(unit=3, method="delta")  # type: ignore[arg-type]
    assert len(error.value.problems) == 2


def false_alarms(places: int, days: int, n_runs: int, **parameters: Any) -> float:
    rejected = 0
    for seed in range(n_runs):
        plan = plan_for(places, days, seed=seed)
        rows, _ = label_switchback(visits(plan, 10_000 + seed), plan)
        found = Experiment(Mean("wait"), control="A", design=Switchback(**parameters)).analyze(rows)
        rejected += found.effects[0].p_value < 0.05
    return rejected / n_runs


def test_false_alarms_are_near_five_per_cent() -> None:
    # 120 runs: a standard error of 2 points.
    assert 0.008 <= false_alarms(4, 4, 120) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("places", "days"), [(4, 5), (10, 5)])
def test_false_alarms_are_near_five_per_cent_at_length(places: int, days: int) -> None:
    assert 0.04 <= false_alarms(places, days, 2_000) <= 0.06
