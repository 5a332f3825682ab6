"""Group sequential designs: decisions, levels, exact inference after a stop, messages."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from userportrait.errors import InvalidParameterError
from userportrait.experiment import Estimate, Fixed, GroupSequential, Judgement, Spending
from userportrait.experiment._futility import Bounds
from userportrait.experiment._group_sequential import normal_statistic, standard_errors
from userportrait.experiment._stagewise import Stopped

DESIGNS = [
    GroupSequential(looks=5),
    GroupSequential(looks=4, boundary="pocock"),
    GroupSequential(fractions=(0.1, 0.5, 1.0), boundary=Spending("hwang-shih-decani", -2)),
    GroupSequential(looks=3, boundary="wang-tsiatis", shape=0.1),
    GroupSequential(looks=6, boundary="haybittle-peto"),
]


def estimate(z: float, *, n: int = 500, df: float = math.inf, mean: float = 10.0) -> Estimate:
    """An effect of so many standard errors of 0.2."""
    return Estimate(
        metric="spend", control="A", variant="B", n_control=n, n_variant=n,
        control_mean=mean, variant_mean=mean + 0.2 * z, control_variance=0.02,
        variant_variance=0.02, degrees_of_freedom=df,
    )  # fmt: skip


def judge(design: GroupSequential, z: float, **more: Any) -> Judgement:
    alternative = more.pop("alternative", "two-sided")
    alpha = more.pop("alpha", 0.05)
    return design.judge(estimate(z, **more), alpha=alpha, alternative=alternative)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_hundred_thousand_trials_without_effect_alarm_at_five_per_cent(
    design: GroupSequential,
) -> None:
    rng = np.random.default_rng(7)
    times = np.array(design.planned)
    steps = rng.standard_normal((100_000, len(times))) * np.sqrt(np.diff(times, prepend=0.0))
    statistic = np.cumsum(steps, axis=1) / np.sqrt(times)
    bounds = np.array(design.bounds(0.05, "two-sided").upper)
    share = (np.abs(statistic) >= bounds).any(axis=1).mean()
    assert 0.0475 < share < 0.0525  # the standard error is 0.0007


@pytest.mark.parametrize("boundary", [Spending(), Spending("pocock"), "haybittle-peto"])
def test_a_hundred_looks_alarm_at_five_per_cent(boundary: Any) -> None:
    design = GroupSequential(looks=100, boundary=boundary)
    rng = np.random.default_rng(11)
    times = np.array(design.planned)
    walk = np.cumsum(rng.standard_normal((40_000, 100)) * 0.1, axis=1)
    bounds = np.array(design.bounds(0.05, "two-sided").upper)
    share = (np.abs(walk) >= bounds * np.sqrt(times)).any(axis=1).mean()
    assert 0.045 < share < 0.055
    if boundary == "haybittle-peto":  # nearly the usual bound at the end
        assert bounds[-1] < 2.15


def test_the_decision_follows_the_bounds() -> None:
    design = GroupSequential(looks=3, look=2)
    bound = design.bounds(0.05, "two-sided").upper[1]
    assert judge(design, bound - 1e-6).facts["decision"] == "continue"
    assert judge(design, bound + 1e-6).facts["decision"] == "effect"
    assert judge(design, -bound - 1e-6).facts["decision"] == "effect"
    end = replace(design, look=3)
    assert judge(end, 1.0).facts["decision"] == "no effect"
    assert judge(end, 1.0).facts["stopped"] is True
    assert judge(design, 1.0).facts["stopped"] is False


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("design", DESIGNS)
def test_interval_p_value_and_decision_agree(design: GroupSequential, alternative: Any) -> None:
    for look in range(1, len(design.planned) + 1):
        for z in (-5.1, -2.2, -0.4, 1.7, 2.02, 2.6, 4.0):
            found = judge(replace(design, look=look), z, alternative=alternative)
            low, high = found.interval
            crossed = found.facts["decision"] == "effect"
            assert (found.p_value <= 0.05) == crossed
            assert (low > 0.0 or high < 0.0) == crossed
            relative_low, relative_high = found.relative_interval
            assert (relative_low > 0.0 or relative_high < 0.0) == crossed
            assert found.log_p_value == pytest.approx(math.log(found.p_value), abs=1e-9)


def test_a_less_alternative_is_the_mirror_of_a_greater_one() -> None:
    design = GroupSequential(looks=3, look=2)
    up = judge(design, 3.1, alternative="greater")
    down = judge(design, -3.1, alternative="less")
    assert up.p_value == pytest.approx(down.p_value, rel=1e-12)
    assert up.interval[0] == pytest.approx(-down.interval[1], rel=1e-9)
    assert up.interval[1] == math.inf
    assert down.interval[0] == -math.inf
    assert up.facts["median_unbiased"] == pytest.approx(-float(down.facts["median_unbiased"]))


def test_one_look_is_the_fixed_design() -> None:
    design = GroupSequential(looks=1, look=1)
    for z, df in ((0.7, math.inf), (-2.5, math.inf), (2.1, 17.0)):
        for alternative in ("two-sided", "greater", "less"):
            one = judge(design, z, df=df, alternative=alternative)
            fixed = Fixed().judge(estimate(z, df=df), alpha=0.05, alternative=alternative)
            assert one.p_value == pytest.approx(fixed.p_value, rel=1e-8)
            assert one.interval == pytest.approx(fixed.interval, rel=1e-8)
            assert one.relative_interval == pytest.approx(fixed.relative_interval, rel=1e-7)
            assert one.facts["median_unbiased"] == pytest.approx(0.2 * z, abs=1e-8)


def test_the_first_look_keeps_p_values_beyond_floats() -> None:
    found = judge(GroupSequential(looks=3, look=1), 60.0)
    assert found.log_p_value == pytest.approx(-1804.3204, abs=1e-3)
    assert found.p_value == 0.0


def test_the_repeated_p_value_is_the_level_that_would_just_stop() -> None:
    for design in DESIGNS[:4]:
        found = judge(replace(design, look=2), 1.9)
        assert found.facts["decision"] == "continue"
        bound = design.bounds(found.p_value, "two-sided").upper[1]
        assert bound == pytest.approx(1.9, abs=1e-7)


def test_repeated_intervals_cover_at_all_looks_together() -> None:
    design = GroupSequential(looks=4)
    rng = np.random.default_rng(3)
    times = np.array(design.planned)
    drift = 2.0
    walk = np.cumsum(drift / 4 + rng.standard_normal((50_000, 4)) / 2, axis=1)
    reach = np.array(design.bounds(0.05, "two-sided").upper) * np.sqrt(times)
    covered = (np.abs(walk - drift * times) < reach).all(axis=1).mean()
    assert covered == pytest.approx(0.95, abs=0.004)


def stops(
    design: GroupSequential, drift: float, trials: int, *, alternative: Any, seed: int
) -> Any:
    rng = np.random.default_rng(seed)
    bounds = design.bounds(0.05, alternative)
    times = np.array(bounds.times)
    steps = np.diff(times, prepend=0.0)
    walk = np.cumsum(drift * steps + rng.standard_normal((trials, len(times))) * np.sqrt(steps), 1)
    statistic = walk / np.sqrt(times)
    towards = np.abs(statistic) if bounds.two_sided else statistic
    over = towards >= np.array(bounds.upper)
    over[:, -1] = True
    look = over.argmax(axis=1)
    return [
        Stopped(bounds, int(at), float(z))
        for at, z in zip(look, statistic[np.arange(trials), look], strict=True)
    ]


@pytest.mark.parametrize("drift", [0.0, 1.5, 3.0])
def test_exact_intervals_cover_and_the_middle_is_the_median(drift: float) -> None:
    design = GroupSequential(looks=4, boundary="pocock")
    trials = 4000
    tails = np.array(
        [
            found.tails(drift)
            for found in stops(design, drift, trials, alternative="two-sided", seed=5)
        ]
    )
    # An end is on the wrong side if the outcome is in a tail of the true drift.
    missed_above = (tails[:, 0] < 0.025).mean()
    missed_below = (tails[:, 1] < 0.025).mean()
    assert missed_above == pytest.approx(0.025, abs=0.008)
    assert missed_below == pytest.approx(0.025, abs=0.008)
    assert (tails[:, 0] < tails[:, 1]).mean() == pytest.approx(0.5, abs=0.025)
    assert stats.kstest(tails[:, 0], "uniform").pvalue > 0.001


def test_ends_are_where_the_tails_are() -> None:
    bounds = GroupSequential(looks=4).bounds(0.05, "two-sided")
    stopped = Stopped(bounds, 2, 2.9)
    assert stopped.tails(stopped.drift_at(0.025))[0] == pytest.approx(0.025, rel=1e-7)
    assert stopped.tails(stopped.drift_at(0.975))[1] == pytest.approx(0.025, rel=1e-7)
    above, below = stopped.tails(stopped.drift_at(0.5))
    assert above == pytest.approx(below, rel=1e-7)


def test_tails_agree_with_the_multivariate_normal_distribution() -> None:
    bounds = Bounds((0.4, 0.7, 1.0), (2.6, 2.4, 2.1), None, two_sided=True)
    drift = 1.2
    times = np.array(bounds.times)
    cov = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    mean = drift * np.sqrt(times)

    def chance(low: list[float], high: list[float]) -> float:
        k = len(low)
        return float(
            stats.multivariate_normal.cdf(
                high, mean[:k], cov[:k, :k], lower_limit=low, abseps=1e-9, releps=1e-9,
                maxpts=2_000_000,
            )
        )  # fmt: skip

    expected = (
        chance([2.6], [np.inf])
        + chance([-2.6, 2.4], [2.6, np.inf])
        + chance([-2.6, -2.4, 2.2], [2.6, 2.4, np.inf])
    )
    assert Stopped(bounds, 2, 2.2).tails(drift)[0] == pytest.approx(expected, abs=5e-7)


def test_an_early_stop_pulls_the_estimate_towards_the_middle() -> None:
    found = judge(GroupSequential(looks=5, look=4), 4.5)
    assert 0.0 < float(found.facts["median_unbiased"]) < 0.9
    low, high = found.interval
    assert low < float(found.facts["median_unbiased"]) < high


def test_few_degrees_of_freedom_hold_the_p_value_to_the_bound() -> None:
    design = GroupSequential(looks=3, look=2)
    bound = design.bounds(0.05, "two-sided").upper[1]
    limit = stats.t.isf(stats.norm.sf(bound), 12)
    assert judge(design, limit - 1e-6, df=12.0).facts["decision"] == "continue"
    assert judge(design, limit + 1e-6, df=12.0).facts["decision"] == "effect"
    found = judge(design, 0.5, df=12.0)
    assert found.interval[1] == pytest.approx(0.1 + 0.2 * limit, rel=1e-9)


@pytest.mark.parametrize("df", [3.0, 30.0, 1e4, math.inf])
@pytest.mark.parametrize("z", [-7.0, -1.0, 0.0, 0.3, 5.0])
def test_quantiles_go_there_and_back(z: float, df: float) -> None:
    assert standard_errors(normal_statistic(estimate(z, df=df)), df) == pytest.approx(z, abs=1e-9)


def test_units_say_which_look_it_is() -> None:
    design = GroupSequential(looks=5, planned_n=10_000)
    found = judge(design, 1.0, n=2100)
    assert (found.facts["look"], found.facts["information"]) == (2, 0.42)
    assert judge(design, 1.0, n=4990).facts["look"] == 4
    last = judge(design, 1.0, n=5100)
    assert (last.facts["look"], last.facts["information"]) == (5, 1.02)
    assert last.facts["decision"] == "no effect"


def test_true_shares_keep_the_level_under_spending() -> None:
    seen = (0.13, 0.45, 0.7, 1.0)
    design = GroupSequential(fractions=(0.13, 0.45, 0.75, 1.0), look=3, information=0.7)
    assert design.place(1000) == (2, seen)
    over = GroupSequential(fractions=(0.13, 0.45, 0.75, 1.0), look=4, information=1.2)
    at, times = over.place(1000)
    assert times == (0.13, 0.45, 0.75, 1.2)
    bounds = over.bounds(0.05, "two-sided", times)
    assert bounds.exits(0.0).above.sum() == pytest.approx(0.025, rel=1e-10)
    assert at == 3


def test_a_look_before_the_one_before_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match=r"look 2 has 0\.1 of the planned units"):
        judge(GroupSequential(looks=4, look=2, information=0.1), 1.0)
    with pytest.raises(InvalidParameterError, match="Say look=4 if it is the last one"):
        judge(GroupSequential(looks=4, look=3, information=1.0), 1.0)


def test_nobody_can_look_without_saying_which_look_it_is() -> None:
    with pytest.raises(InvalidParameterError, match=r"say which look this is, by look= or"):
        judge(GroupSequential(looks=4), 1.0)


def test_bad_plans_are_named() -> None:
    with pytest.raises(InvalidParameterError, match="looks or fractions, not both"):
        GroupSequential(looks=2, fractions=(0.5, 1.0))
    with pytest.raises(InvalidParameterError, match="ascend from above 0 to exactly 1"):
        GroupSequential(fractions=(0.5, 0.4, 1.0))
    with pytest.raises(InvalidParameterError, match="ascend from above 0 to exactly 1"):
        GroupSequential(fractions=(0.5, 0.9))
    with pytest.raises(InvalidParameterError, match="must hold 1 to 400 shares; got 0"):
        GroupSequential(fractions=())
    with pytest.raises(InvalidParameterError, match="one of the 3 planned; got 4"):
        GroupSequential(looks=3, look=4)
    with pytest.raises(InvalidParameterError, match="Did you mean 'pocock'"):
        GroupSequential(boundary="pockock")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="shape is only for"):
        GroupSequential(boundary="pocock", shape=0.2)
    with pytest.raises(InvalidParameterError, match=r"'wang-tsiatis' must be in \[-0.5, 0.5\]"):
        GroupSequential(boundary="wang-tsiatis", shape=0.7)
    with pytest.raises(InvalidParameterError, match=r"'haybittle-peto' must be in \(0, 1\]"):
        GroupSequential(boundary="haybittle-peto", shape=-0.1)
    with pytest.raises(InvalidParameterError, match="binding needs futility"):
        GroupSequential(binding=True)
    with pytest.raises(InvalidParameterError) as caught:
        GroupSequential(looks=0, power=2.0, relative_method="x")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3


def test_arms_without_spread_are_not_decided() -> None:
    flat = replace(estimate(0.0), control_variance=0.0, variant_variance=0.0)
    found = GroupSequential(looks=2, look=1).judge(flat, alpha=0.05, alternative="two-sided")
    assert found.facts["decision"] == "continue"
    assert "Without spread" in found.notes[-1]


def test_designs_and_judgements_survive_pickling() -> None:
    for design in DESIGNS:
        assert pickle.loads(pickle.dumps(design)) == design
    found = judge(GroupSequential(looks=2, look=1), 1.0)
    assert pickle.loads(pickle.dumps(found)) == found
