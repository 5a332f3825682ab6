"""Means with covariates, beside statsmodels, tea-tasting, gbstats and simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment import Cap, Column, Fixed, Mean, Moments, Ratio

Arrays = dict[str, Any]


def shop() -> tuple[Arrays, Arrays]:
    """400 customers from arithmetic, the same on every machine: 160 in A, 240 in B."""
    i = np.arange(400)
    u, w, q = ((i * a % 1009 + 0.5) / 1009 for a in (7919, 104729, 1299709))
    b = (i % 5 >= 2).astype(int)
    x = np.round(-10 * np.log(u), 2)
    d = i * 17 % 5 + 1 + b * (q < 0.2)
    y = np.round(0.6 * x - 5 * np.log(w) + 1.5 * b + 2 * d, 2)
    columns = {"y": y, "d": d.astype(float), "x": x, "xd": (i * 31 % 7 + 1).astype(float)}
    first, second = ({k: v[b == arm] for k, v in columns.items()} for arm in (0, 1))
    return first, second


def draw(rng: np.random.Generator, n: int, *, shift: float = 0.0, slope: float = 1.0) -> Arrays:
    x = rng.gamma(2.0, 1.0, n)
    z = rng.normal(size=n)
    y = shift + slope * x - 0.5 * z + rng.normal(size=n)
    return {"y": y, "x": x, "z": z, "noise": rng.normal(size=n)}


def judged(metric: Mean | Ratio, first: Arrays, second: Arrays, **design: Any) -> Any:
    found = metric.estimate(Moments.of(first), Moments.of(second))
    return found, Fixed(**design).judge(found, alpha=0.05, alternative="two-sided")


@pytest.mark.parametrize(
    ("metric", "design", "expected"),
    [  # printed by tea-tasting 1.14.0: effect, ends of its interval, p-value, statistic
        (
            Mean("y"),
            {},
            (4.9031875, 3.133465217902291, 6.672909782097712, 1.0433567161185021e-07,
             5.452390433694948),
        ),
        (
            Mean("y", equal_variance=True),
            {},
            (4.9031875, 3.197366744479136, 6.609008255520867, 3.04640177156558e-08,
             5.650877325442106),
        ),
        (
            Mean("y"),
            {"reference": "normal"},
            (4.9031875, 3.140644808622252, 6.665730191377751, 4.96971927418908e-08,
             5.452390433694948),
        ),
        (
            Mean("y", "x", adjustment="pooled"),
            {},
            (5.103664751401505, 4.042349169046045, 6.164980333756964, 6.266858566793123e-19,
             9.46012487432293),
        ),
        (
            Ratio("y", "d"),
            {},
            (-2.3568631465517242, -3.2523237313768365, -1.461402561726612, 5.257450722320281e-07,
             -5.191060376441171),
        ),
        (
            Ratio("y", "d", Ratio("x", "xd"), adjustment="pooled"),
            {},
            (-2.2955114005215753, -3.0090454266254296, -1.581977374417721, 1.5168257071031597e-09,
             -6.344670167811582),
        ),
        (
            Ratio("y", "d", "x", adjustment="pooled"),
            {},
            (-2.291925857822525, -2.972465431114925, -1.6113862845301252, 3.053137682836613e-10,
             -6.642362968963985),
        ),
    ],
)  # fmt: skip
def test_effects_are_those_of_tea_tasting(
    metric: Mean | Ratio, design: dict[str, Any], expected: tuple[float, ...]
) -> None:
    found, verdict = judged(metric, *shop(), **design)
    shown = (found.effect, *verdict.interval, verdict.p_value, verdict.statistic)
    assert shown == pytest.approx(expected, rel=1e-9)


def test_relative_intervals_by_logarithm_are_those_of_tea_tasting() -> None:
    _, verdict = judged(Mean("y"), *shop(), reference="normal", relative_method="log")
    # tea-tasting 1.14.0, use_t=False
    assert verdict.relative_interval == pytest.approx(
        (0.18947548205063036, 0.47930246085533046), rel=1e-9
    )


def test_effects_are_those_of_gbstats() -> None:
    """gbstats 0.8.0, TwoSidedTTest; it takes p as 2 (1 - cdf), so digits of p are lost."""
    found, verdict = judged(Mean("y"), *shop())
    assert found.std_error == pytest.approx(0.8992729995451256, rel=1e-9)
    assert verdict.p_value == pytest.approx(1.0433567165790691e-07, rel=1e-8)
    found, verdict = judged(Ratio("y", "d"), *shop())
    assert found.std_error == pytest.approx(0.45402345101744235, rel=1e-9)
    assert verdict.interval == pytest.approx((-3.252323731376837, -1.4614025617266133), rel=1e-9)
    found, verdict = judged(Mean("y", "x", adjustment="pooled"), *shop())
    assert found.std_error == pytest.approx(0.5394923237487165, rel=1e-9)
    assert verdict.interval == pytest.approx((4.042349169046039, 6.16498033375696), rel=1e-9)
    assert 0.0 < verdict.p_value < 1e-18  # gbstats: exactly 0


@pytest.mark.parametrize("names", [["x"], ["x", "z"], ["x", "z", "noise"]])
def test_lin_is_a_regression_in_each_arm_read_off_at_the_common_means(names: list[str]) -> None:
    rng = np.random.default_rng(3)
    first, second = draw(rng, 120, slope=1.0), draw(rng, 300, shift=0.7, slope=1.5)
    found = Mean("y", names).estimate(Moments.of(first), Moments.of(second))
    centre = [np.concatenate([first[k], second[k]]).mean() for k in names]
    slopes, spreads = [], []
    for side, mean, variance in (
        (first, found.control_mean, found.control_variance),
        (second, found.variant_mean, found.variant_variance),
    ):
        fit = sm.OLS(side["y"], sm.add_constant(np.column_stack([side[k] for k in names]))).fit()
        at = fit.get_prediction(np.array([[1.0, *centre]]))
        assert mean == pytest.approx(at.predicted_mean[0], rel=1e-9)
        slopes.append(fit.params[1:])
        spreads.append((variance, at.se_mean[0] ** 2, fit.df_resid))
    inner = [np.atleast_2d(np.cov([side[k] for k in names])) for side in (first, second)]
    within = (120 * inner[0] + 300 * inner[1]) / 420
    for slope, (variance, own, _) in zip(slopes, spreads, strict=True):
        assert variance == pytest.approx(own + slope @ within @ slope / 420, rel=1e-9)
    assert found.covariance == pytest.approx(slopes[0] @ within @ slopes[1] / 420, rel=1e-9)
    parts = [(own, freedom) for _, own, freedom in spreads]
    welch = sum(v for v, _ in parts) ** 2 / sum(v * v / f for v, f in parts)
    assert found.degrees_of_freedom == pytest.approx(welch, rel=1e-9)


def test_one_covariate_in_plain_numbers_is_the_general_case() -> None:
    """A second covariate that is constant leaves one, by the same road; a useless one does not."""
    rng = np.random.default_rng(4)
    first, second = draw(rng, 50), draw(rng, 70)
    for side in (first, second):
        side["double"] = 2.0 * side["x"] + 1e9
    one = Mean("y", "x").estimate(Moments.of(first), Moments.of(second))
    two = Mean("y", "double").estimate(Moments.of(first), Moments.of(second))
    assert two.effect == pytest.approx(one.effect, rel=1e-6)
    assert two.std_error == pytest.approx(one.std_error, rel=1e-6)


@pytest.mark.parametrize("adjustment", ["lin", "pooled"])
def test_what_covariates_do_to_variances_is_what_simulation_shows(adjustment: Any) -> None:
    """2,000 samples of 60 and 120 units, slopes that differ: a variance is known to 3.2 %."""
    rng = np.random.default_rng(8)
    metric = Mean("y", ["x", "z"], adjustment=adjustment)
    found = [
        metric.estimate(Moments.of(draw(rng, 60)), Moments.of(draw(rng, 120, shift=1.0, slope=1.6)))
        for _ in range(2_000)
    ]
    means = np.array([(e.control_mean, e.variant_mean) for e in found])
    seen = np.cov(means.T)
    claimed = np.mean(
        [(e.control_variance, e.variant_variance, e.covariance) for e in found], axis=0
    )
    assert claimed[0] == pytest.approx(seen[0, 0], rel=0.11)
    assert claimed[1] == pytest.approx(seen[1, 1], rel=0.11)
    assert claimed[2] == pytest.approx(seen[0, 1], rel=0.25)
    errors = np.mean([e.std_error**2 for e in found])
    assert errors == pytest.approx(np.var(means[:, 1] - means[:, 0], ddof=1), rel=0.11)
    # True effect: 1 + 0.6 mean(x) = 2.2. The pooled slope has a part between the arms, and
    # with it a bias of the order of effect / n.
    slack = 0.02 if adjustment == "lin" else 0.06
    assert means[:, 1].mean() - means[:, 0].mean() == pytest.approx(2.2, abs=slack)
    reach = [
        abs(e.effect - 2.2) <= e.std_error * stats.t.isf(0.025, e.degrees_of_freedom) for e in found
    ]
    assert (0.935 if adjustment == "lin" else 0.92) <= np.mean(reach) <= 0.965


@pytest.mark.parametrize("adjustment", ["lin", "pooled"])
def test_covariates_that_say_nothing_new_are_left_out_with_a_note(adjustment: Any) -> None:
    rng = np.random.default_rng(5)
    sides = [draw(rng, 90), draw(rng, 110)]
    for side in sides:
        side["constant"] = np.full(len(side["x"]), 0.1)
        side["again"] = side["x"] / 7.0
        side["sum"] = side["x"] + side["z"] + 1e-7 * rng.normal(size=len(side["x"]))
    names = ["constant", "x", "z", "again", "sum"]
    full = Mean("y", names, adjustment=adjustment).estimate(*map(Moments.of, sides))
    short = Mean("y", ["x", "z"], adjustment=adjustment).estimate(*map(Moments.of, sides))
    assert full.effect == pytest.approx(short.effect, rel=1e-12)
    assert full.std_error == pytest.approx(short.std_error, rel=1e-12)
    assert full.notes == (
        "Covariate 'constant' is constant and was left out.",
        "Covariate 'again' is determined by those before it and was left out.",
        "Covariate 'sum' is determined by those before it and was left out.",
    )


def test_a_covariate_that_is_constant_in_one_arm_is_left_out() -> None:
    rng = np.random.default_rng(6)
    first, second = draw(rng, 40), draw(rng, 40)
    first["rare"], second["rare"] = np.zeros(40), np.eye(40)[0]
    found = Mean("y", "rare").estimate(Moments.of(first), Moments.of(second))
    plain = Mean("y").estimate(Moments.of(first), Moments.of(second))
    assert found.effect == plain.effect
    assert found.notes == ("Covariate 'rare' is constant in one arm and was left out.",)


@given(st.integers(0, 10_000), st.integers(6, 60), st.integers(1, 4), st.sampled_from("lp"))
def test_useless_covariates_never_cost_more_than_a_hundredth(
    seed: int, n: int, k: int, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    names = [f"noise {i}" for i in range(k)]
    sides = [
        {"y": rng.gamma(1.0, 1.0, m)} | {name: rng.normal(size=m) for name in names}
        for m in (n, 2 * n)
    ]
    metric = Mean("y", names, adjustment="lin" if kind == "l" else "pooled")
    adjusted = metric.estimate(*map(Moments.of, sides))
    plain = Mean("y").estimate(*map(Moments.of, sides))
    assert adjusted.std_error <= 1.01 * plain.std_error
    if adjusted.effect == plain.effect:
        assert "not adjusted" in adjusted.notes[-1]


def test_too_few_units_for_the_covariates_leave_the_means_as_they_are() -> None:
    rng = np.random.default_rng(7)
    sides = [draw(rng, 4), draw(rng, 50)]
    found = Mean("y", ["x", "z", "noise"]).estimate(*map(Moments.of, sides))
    assert found.effect == Mean("y").estimate(*map(Moments.of, sides)).effect
    assert "too few units" in found.notes[0]


def test_a_covariate_that_explains_everything_leaves_no_error() -> None:
    x = np.arange(10.0)
    sides = [{"y": 2.0 * x, "x": x}, {"y": 2.0 * x + 3.0, "x": x}]
    found = Mean("y", "x").estimate(*map(Moments.of, sides))
    assert found.effect == pytest.approx(3.0, rel=1e-12)
    assert found.std_error == 0.0
    verdict = Fixed().judge(found, alpha=0.05, alternative="two-sided")
    assert not math.isnan(verdict.p_value)


def test_a_covariate_that_differs_before_the_start_raises_an_alarm() -> None:
    rng = np.random.default_rng(9)
    first, second = draw(rng, 500), draw(rng, 500)
    second["x"] = second["x"] + 1.0
    found = Mean("y", "x").estimate(Moments.of(first), Moments.of(second))
    assert any("differs between the arms" in note for note in found.notes)


def test_a_shift_of_a_billion_changes_nothing() -> None:
    first, second = shop()
    plain = Mean("y", "x").estimate(Moments.of(first), Moments.of(second))
    moved = [{k: v + 1e9 for k, v in side.items()} for side in (first, second)]
    found = Mean("y", "x").estimate(*map(Moments.of, moved))
    assert found.std_error == pytest.approx(plain.std_error, rel=1e-8)
    assert found.effect == pytest.approx(plain.effect, rel=1e-6)  # a float of 1e9 has no more


def test_a_cap_makes_its_own_column_and_name() -> None:
    metric = Mean("spend", cap=Cap(upper=50.0))
    assert metric.columns == (Column(source="spend", upper=50.0),)
    assert metric.name == "spend, capped"


def test_arms_of_one_unit_have_no_variance() -> None:
    one, two = Moments.of({"y": np.array([1.0])}), Moments.of({"y": np.array([1.0, 2.0])})
    with pytest.raises(InvalidDataError, match=r"y: the control has 1 unit"):
        Mean("y").estimate(one, two)


def test_a_column_that_was_not_aggregated_is_named() -> None:
    two = Moments.of({"spend": np.array([1.0, 2.0])})
    with pytest.raises(MissingColumnError, match=r"Did you mean 'spend'"):
        Mean("spent").estimate(two, two)


def test_all_bad_parameters_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        Mean(3, adjustment="linn", role="main", margin=-0.1)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 4
    with pytest.raises(InvalidParameterError, match=r"must not use 'y'"):
        Mean("y", ["x", Ratio("y", "d")])
    with pytest.raises(InvalidParameterError, match=r"adjust must hold names"):
        Mean("y", [3])  # type: ignore[list-item]
