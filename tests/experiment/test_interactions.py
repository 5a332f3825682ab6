"""Interactions of two experiments: against a regression of statsmodels, and in simulations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import Aggregates, Experiment, Mean, Ratio, interactions


def visitors(
    effect: float, *, n: int = 1200, arms: tuple[str, ...] = ("old", "new"), seed: int = 0
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    variant = rng.choice(["A", "B"], n, p=[0.7, 0.3])
    banner = rng.choice(arms, n)
    spend = rng.exponential(1.0, n) * (1 + (variant == "B")) + 0.5 * (banner == "new")
    spend += effect * (variant == "B") * (banner == "new")
    return pd.DataFrame(
        {"variant": variant, "banner": banner, "spend": spend, "visits": rng.poisson(2, n) + 1}
    )


EXPERIMENT = Experiment((Mean("spend"), Ratio("spend", "visits", name="per visit")), control="A")


def test_an_interaction_is_that_of_a_regression_with_hc2() -> None:
    frame = visitors(0.5)
    found = interactions(EXPERIMENT, frame, "banner", other_control="old")
    one = next(iter(found))
    b, new = (frame["variant"] == "B").astype(float), (frame["banner"] == "new").astype(float)
    design = np.column_stack([np.ones(len(b)), b, new, b * new])
    fit = OLS(frame["spend"].to_numpy(), design).fit(cov_type="HC2")
    assert one.difference == pytest.approx(fit.params[3], rel=1e-9)
    assert one.std_error == pytest.approx(fit.bse[3], rel=1e-9)
    # The same but for t with Satterthwaite's degrees of freedom instead of the normal.
    assert one.p_value == pytest.approx(fit.pvalues[3], rel=0.05, abs=1e-4)
    assert one.p_value > fit.pvalues[3]


def test_with_three_arms_the_joint_test_is_wald_s() -> None:
    frame = visitors(0.5, arms=("old", "new", "none"))
    found = interactions(EXPERIMENT, frame, "banner", other_control="old")
    assert len(found) == 2 * 2
    b = (frame["variant"] == "B").astype(float)
    columns = [np.ones(len(b)), b]
    for arm in ("new", "none"):
        inside = (frame["banner"] == arm).astype(float)
        columns += [inside, b * inside]
    fit = OLS(frame["spend"].to_numpy(), np.column_stack(columns)).fit(cov_type="HC2")
    pick = np.zeros((2, 6))
    pick[0, 3] = pick[1, 5] = 1.0
    tested = fit.wald_test(pick, use_f=False, scalar=True)
    assert found.joint_p_values["spend"] == pytest.approx(float(tested.pvalue), rel=1e-8)


def test_aggregates_say_the_same() -> None:
    frame = visitors(0.5)
    aggregates = Aggregates.from_frame(frame, ["spend", "visits"], by=["banner"])
    first = interactions(EXPERIMENT, frame, "banner", other_control="old").to_frame()
    second = interactions(EXPERIMENT, aggregates, "banner", other_control="old").to_frame()
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


def test_no_interaction_raises_an_alarm_as_often_as_promised() -> None:
    experiment = Experiment(Mean("spend"), control="A")
    alarms = 0
    for seed in range(300):
        frame = visitors(0.0, n=800, seed=seed)
        one = next(iter(interactions(experiment, frame, "banner", other_control="old")))
        alarms += one.p_value <= 0.05
    # Fifteen are expected; fewer than 6 or more than 26 have a chance below 1 in 150.
    assert 6 <= alarms <= 26


def test_assignments_that_depend_on_each_other_are_told() -> None:
    frame = visitors(0.0)
    assert interactions(EXPERIMENT, frame, "banner", other_control="old").notes() == ()
    rng = np.random.default_rng(3)
    moved = (frame["variant"] == "B") & (rng.random(len(frame)) < 0.4)
    frame.loc[moved, "banner"] = "new"
    found = interactions(EXPERIMENT, frame, "banner", other_control="old")
    assert found.dependence_p_value < 1e-6
    assert "not assigned independently" in str(found)


def test_bad_arms_are_refused() -> None:
    frame = visitors(0.0)
    with pytest.raises(InvalidParameterError, match="Did you mean 'old'"):
        interactions(EXPERIMENT, frame, "banner", other_control="olds")
    with pytest.raises(InvalidParameterError, match="arms of the experiment itself"):
        interactions(EXPERIMENT, frame, "variant", other_control="A")
    with pytest.raises(InvalidDataError, match="one arm only"):
        interactions(EXPERIMENT, frame[frame["banner"] == "old"], "banner", other_control="old")
