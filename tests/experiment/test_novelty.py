"""Effects by day: trends against statsmodels' weighted least squares, and by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import WLS

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment import (
    Aggregates,
    Experiment,
    Mean,
    Proportion,
    effects_by_day,
    plot_days,
)


def visitors(slope: float, *, n: int = 6000, days: int = 14, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = rng.integers(0, days, n)
    variant = rng.choice(["A", "B"], n)
    effect = (variant == "B") * (1.0 + slope * day)
    return pd.DataFrame(
        {
            "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(day, "D"),
            "since": day,
            "variant": variant,
            "spend": rng.gamma(2.0, 1.0, n) + effect,
            "bought": rng.random(n) < 0.3,
        }
    )


METRICS = (Mean("spend"), Proportion("bought"))
EXPERIMENT = Experiment(METRICS, control="A")


def test_a_trend_is_the_weighted_line_of_statsmodels() -> None:
    found = effects_by_day(EXPERIMENT, visitors(-0.05))
    days = found.to_frame().query("metric == 'spend'")
    at = (pd.to_datetime(days["day"]) - pd.Timestamp("2026-03-01")).dt.days
    errors = np.array([e.std_error for e in found["spend"].effects])
    design = np.column_stack([np.ones(len(at)), at])
    weighted: Any = WLS
    fit = weighted(days["effect"].to_numpy(), design, weights=1 / errors**2).fit()
    trend = found["spend"]
    assert trend.slope == pytest.approx(fit.params[1], rel=1e-9)
    assert trend.first == pytest.approx(fit.params[0], rel=1e-9)
    # With variances taken for known, the covariance is not scaled by the residuals.
    error = np.sqrt(fit.normalized_cov_params[1, 1])
    assert trend.slope_interval[1] - trend.slope == pytest.approx(1.959964 * error, rel=1e-6)


@pytest.mark.parametrize(
    ("slope", "course"),
    [(-0.06, "fades"), (0.1, "grows"), (0.0, "unclear"), (-0.2, "changes sign")],
)
def test_the_course_of_an_effect_is_named(slope: float, course: str) -> None:
    assert effects_by_day(EXPERIMENT, visitors(slope))["spend"].course == course


def test_dates_and_numbers_of_days_say_the_same() -> None:
    frame = visitors(-0.05)
    by_date = effects_by_day(EXPERIMENT, frame, "day")["spend"]
    by_number = effects_by_day(EXPERIMENT, frame, "since")["spend"]
    assert by_date.slope == pytest.approx(by_number.slope, rel=1e-12)
    assert by_number.days == tuple(str(day) for day in range(14))
    aggregates = Aggregates.from_frame(frame, [c for m in METRICS for c in m.columns], by=["since"])
    again = effects_by_day(EXPERIMENT, aggregates, "since")["spend"]
    assert again.p_value == pytest.approx(by_number.p_value, rel=1e-9)


def test_early_days_are_compared_with_the_rest() -> None:
    frame = visitors(0.0)
    frame.loc[(frame["since"] < 3) & (frame["variant"] == "B"), "spend"] += 1.0
    trend = effects_by_day(EXPERIMENT, frame, "since", early_days=3)["spend"]
    assert trend.early == pytest.approx(2.0, abs=0.25)
    assert trend.late == pytest.approx(1.0, abs=0.15)
    assert trend.early_late_p_value < 1e-6


def test_trends_without_a_trend_raise_few_alarms() -> None:
    alarms = sum(
        effects_by_day(EXPERIMENT, visitors(0.0, n=1500, seed=seed), "since")["spend"].p_value
        <= 0.05
        for seed in range(200)
    )
    # Ten are expected; fewer than 3 or more than 19 have a chance below 1 in 100.
    assert 3 <= alarms <= 19


def test_days_without_enough_units_are_left_out() -> None:
    frame = visitors(0.0)
    frame = frame[(frame["since"] != 5) | (frame["variant"] == "A")]
    found = effects_by_day(EXPERIMENT, frame, "since")
    assert list(found.left_out) == ["5"]
    assert "5" not in found["spend"].days


def test_bad_days_are_refused() -> None:
    frame = visitors(0.0)
    with pytest.raises(InvalidDataError, match="needs three days"):
        effects_by_day(EXPERIMENT, frame[frame["since"] < 2], "since")
    texts = frame.assign(since="day " + frame["since"].astype(str))
    with pytest.raises(InvalidDataError, match="must hold dates or whole numbers"):
        effects_by_day(EXPERIMENT, texts, "since")
    with pytest.raises(MissingColumnError, match="Did you mean 'day'"):
        effects_by_day(EXPERIMENT, frame, "days")
    with pytest.raises(InvalidParameterError, match="Did you mean 'spend'"):
        effects_by_day(EXPERIMENT, frame)["spent"]


def test_a_picture_has_a_full_line_only_for_a_clear_trend() -> None:
    clear = plot_days(effects_by_day(EXPERIMENT, visitors(-0.06)), "spend")
    vague = plot_days(effects_by_day(EXPERIMENT, visitors(0.0)), "spend")
    assert clear.get_lines()[-1].get_linestyle() == "-"
    assert vague.get_lines()[-1].get_linestyle() == "--"
