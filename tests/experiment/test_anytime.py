"""Anytime-valid designs: gbstats, false alarms under peeking, widths, messages."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import Anytime, Estimate, Fixed, Moments

ALTERNATIVES: tuple[Any, ...] = ("two-sided", "greater", "less")


def estimate(z: float, n: int = 1000, **more: Any) -> Estimate:
    """An effect of so many standard errors, which are 14.14 by the root of all units."""
    values: dict[str, Any] = {
        "metric": "spend", "control": "A", "variant": "B", "n_control": n // 2,
        "n_variant": n - n // 2, "control_mean": 10.0,
        "variant_mean": 10.0 + z * math.sqrt(200.0 / n), "control_variance": 100.0 / n,
        "variant_variance": 100.0 / n,
    }  # fmt: skip
    return Estimate(**{**values, **more})


def test_two_sided_sequences_are_those_of_gbstats() -> None:
    # gbstats 0.8.0, SequentialTwoSidedTTest of sample means 10 and 10.4, variances 60 and 75,
    # 2,000 and 2,500 units, sequential_tuning_parameter 5000, absolute difference.
    found = Anytime(n_star=5000).judge(
        Estimate(
            metric="spend", control="A", variant="B", n_control=2000, n_variant=2500,
            control_mean=10.0, variant_mean=10.4, control_variance=0.03, variant_variance=0.03,
        ),
        alpha=0.05,
        alternative="two-sided",
    )  # fmt: skip
    assert found.interval == pytest.approx((-0.3438151526392267, 1.1438151526392275), rel=1e-12)
    assert found.p_value == pytest.approx(0.8860045297521583, rel=1e-12)


def test_mixture_tests_follow_johari_and_others() -> None:
    # Equation of the test: sqrt(v / (v + t2)) exp(t2 d^2 / (2 v (v + t2))), v the variance.
    d, v, t2 = 0.9, 0.06, (0.05 * 10.0) ** 2
    ratio = math.sqrt(v / (v + t2)) * math.exp(t2 * d * d / (2 * v * (v + t2)))
    one = estimate(0.0, variant_mean=10.9, control_variance=0.03, variant_variance=0.03)
    for design in (Anytime(effect=0.05), Anytime(effect=0.5, effect_kind="absolute")):
        found = design.judge(one, alpha=0.05, alternative="two-sided")
        assert found.facts["e_value"] == pytest.approx(ratio, rel=1e-12)
        assert found.p_value == pytest.approx(1 / ratio, rel=1e-12)
    half = math.sqrt(2 * v * (v + t2) / t2 * math.log(math.sqrt((v + t2) / v) / 0.05))
    assert found.interval == pytest.approx((0.9 - half, 0.9 + half), rel=1e-12)


DESIGNS = [
    Anytime(n_star=1000),
    Anytime(effect=0.1),
    Anytime(horizon=1000),
    Anytime(horizon=1000, n_star=400),
    Anytime(horizon=1000, peek_share=0.3),
]


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("design", DESIGNS)
def test_interval_p_value_and_decision_agree(design: Anytime, alternative: Any) -> None:
    for n in (300, 1000):
        for z in (-4.5, -2.1, 0.2, 1.7, 2.9, 3.6):
            found = design.judge(estimate(z, n), alpha=0.05, alternative=alternative)
            crossed = found.facts["decision"] == "effect"
            assert (found.p_value <= 0.05) == crossed
            assert (found.interval[0] > 0.0 or found.interval[1] < 0.0) == crossed
            low, high = found.relative_interval
            assert (low > 0.0 or high < 0.0) == crossed


def bounds_of(design: Anytime, looks: int, alternative: Any) -> np.ndarray:
    shares = [round(1000 * (look + 1) / looks) for look in range(looks)]
    return np.array(
        [
            design.judge(estimate(0.0, n), alpha=0.05, alternative=alternative).facts["boundary"]
            for n in shares
        ]
    )


@pytest.mark.parametrize(
    ("design", "least", "most"),
    [
        (Anytime(n_star=1000), 0.005, 0.05),
        (Anytime(horizon=1000), 0.03, 0.05),
        (Anytime(horizon=1000, peek_share=0.2), 0.045, 0.0525),
        (Anytime(horizon=1000, peek_share=0.5), 0.045, 0.0525),
    ],
)
@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_a_hundred_peeks_alarm_at_most_at_five_per_cent(
    design: Anytime, least: float, most: float, alternative: Any
) -> None:
    bounds = bounds_of(design, 100, alternative)
    rng = np.random.default_rng(12)
    times = np.arange(1, 101) / 100
    z = np.cumsum(rng.standard_normal((40_000, 100)) / 10, axis=1) / np.sqrt(times)
    towards = np.abs(z) if alternative == "two-sided" else z
    share = (towards >= bounds).any(axis=1).mean()
    assert least < share < most


def running_statistics(rng: np.random.Generator, trials: int, adjust: bool) -> np.ndarray:
    """Return statistics of two heavy-tailed arms after 100 looks, 20 units an arm each."""
    found = []
    for _ in range(2):
        before = rng.lognormal(0.0, 1.0, (trials, 2000))
        spend = rng.lognormal(0.0, 1.0, (trials, 2000)) + 2.0 * before
        n = np.arange(20, 2001, 20)
        totals = [np.cumsum(x, 1)[:, 19::20] for x in (spend, before, spend**2, before**2,
                                                     spend * before)]  # fmt: skip
        my, mx, myy, mxx, mxy = (total / n for total in totals)
        vy, vx, cxy = myy - my**2, mxx - mx**2, mxy - mx * my
        found.append((n, my, mx, vy, vx, cxy))
    (n, my, mx, vy, vx, cxy), (_, ny, nx, wy, wx, dxy) = found
    if not adjust:
        return (ny - my) / np.sqrt((vy + wy) / n)
    slopes, other = cxy / vx, dxy / wx
    middle = (mx + nx) / 2
    effect = (ny - other * (nx - middle)) - (my - slopes * (mx - middle))
    rest = vy - slopes * cxy + wy - other * dxy
    spread = rest / n + (slopes - other) ** 2 * (vx + wx) / 4 / n / 2
    return effect / np.sqrt(spread)


@pytest.mark.parametrize("adjust", [False, True])
def test_heavy_tails_and_regression_adjustment_keep_the_level(adjust: bool) -> None:
    rng = np.random.default_rng(3)
    z = running_statistics(rng, 1500, adjust)[:, 4:]  # from 100 units an arm on
    for design in (Anytime(n_star=4000), Anytime(horizon=4000)):
        bounds = np.array(
            [
                design.judge(estimate(0.0, int(n)), alpha=0.05, alternative="two-sided").facts[
                    "boundary"
                ]
                for n in range(200, 4001, 40)
            ]
        )
        assert (np.abs(z) >= bounds).any(axis=1).mean() <= 0.05


def test_widths_at_the_planned_number_are_near_the_fixed_one() -> None:
    one = estimate(1.0, 1000)
    fixed = Fixed().judge(one, alpha=0.05, alternative="two-sided").interval

    def share(design: Anytime) -> float:
        low, high = design.judge(one, alpha=0.05, alternative="two-sided").interval
        return (high - low) / (fixed[1] - fixed[0])

    assert share(Anytime(n_star=1000)) == pytest.approx(3.0353 / 1.95996, abs=1e-3)
    assert share(Anytime(horizon=1000)) < 1.4
    assert share(Anytime(horizon=1000, peek_share=0.2)) < 1.02


def test_the_tightest_interval_is_at_n_star() -> None:
    design = Anytime(n_star=10_000)

    def relative_to_n(n: int) -> float:
        facts = design.judge(estimate(0.0, n), alpha=0.05, alternative="two-sided").facts
        return float(facts["boundary"])

    assert relative_to_n(10_000) < min(relative_to_n(3000), relative_to_n(40_000))


def test_p_values_go_on_where_floats_end() -> None:
    found = Anytime().judge(estimate(80.0), alpha=0.05, alternative="two-sided")
    assert found.p_value == 0.0
    assert found.log_p_value == pytest.approx(-float(found.facts["log_e_value"]))
    assert found.facts["e_value"] == math.inf
    until = Anytime(horizon=1000).judge(estimate(80.0), alpha=0.05, alternative="two-sided")
    assert until.log_p_value == pytest.approx(-float(until.facts["log_e_value"]))


def test_few_units_are_said_and_held_to_students_distribution() -> None:
    one = estimate(1.0, 60, degrees_of_freedom=20.0)
    found = Anytime(n_star=1000).judge(one, alpha=0.05, alternative="two-sided")
    assert "An arm has 30 units" in found.notes[0]
    bound = float(found.facts["boundary"])
    reach = stats.t.isf(stats.norm.sf(bound), 20.0)
    assert found.interval[1] - one.effect == pytest.approx(reach * one.std_error, rel=1e-9)
    many = Anytime(n_star=1000).judge(estimate(1.0), alpha=0.05, alternative="two-sided")
    assert many.notes == ()


def test_a_last_look_may_come_late_but_peeks_may_not() -> None:
    late = estimate(2.05, 1080)
    found = Anytime(horizon=1000, peek_share=0.2).judge(late, alpha=0.05, alternative="two-sided")
    assert found.facts["decision"] == "effect"
    assert found.facts["stopped"] is True
    none = Anytime(horizon=1000, peek_share=0.2).judge(
        estimate(1.0, 1080), alpha=0.05, alternative="two-sided"
    )
    assert none.facts["decision"] == "no effect"
    with pytest.raises(InvalidDataError, match="looks up to 1,000 units, and there are 1,080"):
        Anytime(horizon=1000).judge(late, alpha=0.05, alternative="two-sided")


def test_statistics_of_growing_samples_use_their_own_moments() -> None:
    rng = np.random.default_rng(1)
    arms = [Moments.of({"x": rng.exponential(1.0, 400)}) for _ in range(2)]
    one = Estimate(
        metric="x", control="A", variant="B", n_control=400, n_variant=400,
        control_mean=arms[0].mean("x"), variant_mean=arms[1].mean("x"),
        control_variance=arms[0].variance("x") / 400, variant_variance=arms[1].variance("x") / 400,
    )  # fmt: skip
    found = Anytime(n_star=800).judge(one, alpha=0.05, alternative="two-sided")
    assert found.statistic == pytest.approx(one.effect / one.std_error)
    assert found.facts["information"] == 1.0


def test_bad_designs_are_named() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        Anytime(n_star=0, effect=-1.0, horizon=1, peek_share=1.0)
    assert len(caught.value.problems) == 4
    with pytest.raises(InvalidParameterError, match="n_star or effect, not both"):
        Anytime(n_star=10, effect=0.1)
    with pytest.raises(InvalidParameterError, match="peek_share needs horizon"):
        Anytime(peek_share=0.2)


def test_arms_without_spread_are_not_decided() -> None:
    flat = replace(estimate(0.0), control_variance=0.0, variant_variance=0.0)
    found = Anytime().judge(flat, alpha=0.05, alternative="two-sided")
    assert found.facts["decision"] == "continue"


def test_designs_survive_pickling() -> None:
    for design in DESIGNS:
        assert pickle.loads(pickle.dumps(design)) == design
