"""Bayesian designs against closed forms, gbstats, importance sampling and bad input."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import Bayes, Estimate, Experiment, Fixed, Mean

TWO = "two-sided"


def spend(effect: float = 0.5, *, mean: float = 10.0, **more: Any) -> Estimate:
    values: dict[str, Any] = {
        "metric": "spend", "control": "A", "variant": "B", "n_control": 900, "n_variant": 900,
        "control_mean": mean, "variant_mean": mean + effect, "control_variance": 0.03,
        "variant_variance": 0.03,
    }  # fmt: skip
    return Estimate(**{**values, **more})


def visits(first: int, n: int, second: int, m: int) -> Estimate:
    return Estimate(
        metric="visit", control="A", variant="B", n_control=n, n_variant=m,
        control_mean=first / n, variant_mean=second / m, control_variance=1e-4,
        variant_variance=1e-4,
    )  # fmt: skip


def test_a_flat_prior_gives_the_intervals_of_the_z_test() -> None:
    one = spend(covariance=0.008)
    for alternative in ("two-sided", "greater", "less"):
        found = Bayes().judge(one, alpha=0.05, alternative=alternative)
        fixed = Fixed().judge(one, alpha=0.05, alternative=alternative)
        assert found.interval == pytest.approx(fixed.interval, rel=1e-10)
        assert found.relative_interval == pytest.approx(fixed.relative_interval, rel=1e-9)
    z = 0.5 / one.std_error
    found = Bayes().judge(one, alpha=0.05, alternative=TWO)
    assert found.facts["probability_better"] == pytest.approx(stats.norm.cdf(z), rel=1e-12)
    loss = one.std_error * (stats.norm.pdf(z) - z * stats.norm.sf(z))
    assert found.facts["loss_variant"] == pytest.approx(loss, rel=1e-10)
    assert found.facts["loss_control"] == pytest.approx(loss + 0.5, rel=1e-12)
    assert math.isnan(found.p_value)


def test_an_absolute_prior_is_conjugate() -> None:
    one = spend(covariance=-0.004)
    variance = one.std_error**2
    precision = 1 / variance + 1 / 0.25
    mean, sd = (0.5 / variance + 0.1 / 0.25) / precision, precision**-0.5
    design = Bayes(prior_mean=0.1, prior_sd=0.5, prior_kind="absolute")
    found = design.judge(one, alpha=0.1, alternative=TWO)
    assert found.interval == pytest.approx(stats.norm.interval(0.9, mean, sd), rel=1e-10)
    assert found.facts["posterior_mean"] == pytest.approx(mean, rel=1e-11)
    assert found.facts["probability_better"] == pytest.approx(stats.norm.sf(0, mean, sd))
    assert found.statistic == pytest.approx(mean / sd, rel=1e-9)


# gbstats 0.8.0, EffectBayesianABTest with an absolute prior and difference: sample means 10
# and 10.4, variances 60 and 75, 2,000 and 2,500 units; its `risk` is (control, variant).
GBSTATS = spend(0.4, n_control=2000, n_variant=2500)


def test_absolute_priors_are_those_of_gbstats() -> None:
    flat = Bayes().judge(GBSTATS, alpha=0.05, alternative=TWO)
    assert flat.facts["probability_better"] == pytest.approx(0.9487647825701254, rel=1e-10)
    assert flat.interval == pytest.approx((-0.0800911676355307, 0.8800911676355313), rel=1e-9)
    assert flat.facts["loss_control"] == pytest.approx(0.40526475779080345, rel=1e-10)
    assert flat.facts["loss_variant"] == pytest.approx(0.005264757790793093, rel=1e-9)
    design = Bayes(prior_mean=0.1, prior_sd=0.2, prior_kind="absolute")
    found = design.judge(GBSTATS, alpha=0.05, alternative=TWO)
    assert found.facts["probability_better"] == pytest.approx(0.9222098261039012, rel=1e-10)
    assert found.interval == pytest.approx((-0.08363631485159834, 0.5236363148515986), rel=1e-9)
    assert found.facts["loss_control"] == pytest.approx(0.22543385324115184, rel=1e-10)
    assert found.facts["loss_variant"] == pytest.approx(0.005433853241151677, rel=1e-9)


def test_relative_priors_agree_with_an_integral_over_the_share_itself() -> None:
    design = Bayes(prior_mean=0.01, prior_sd=0.05)
    found = design.judge(GBSTATS, alpha=0.05, alternative=TWO)
    # The control's mean integrates out: given the share d, what is left of the likelihood is
    # exp(-(y - (1 + d) x)^2 / 2 D) / sqrt(D) with D = Var(y - (1 + d) x).
    share = np.linspace(-0.3, 0.3, 400_001)
    ratio = 1.0 + share
    spread = 0.03 + ratio**2 * 0.03
    density = stats.norm.pdf(share, 0.01, 0.05) * np.exp(
        -((10.4 - 10.0 * ratio) ** 2) / 2 / spread
    ) / np.sqrt(spread)  # fmt: skip
    below = integrate.cumulative_simpson(density, x=share, initial=0.0)
    below /= below[-1]
    assert found.relative_interval == pytest.approx(
        np.interp([0.025, 0.975], below, share), abs=1e-8
    )
    assert found.facts["probability_better"] == pytest.approx(
        1.0 - np.interp(0.0, share, below), abs=1e-8
    )
    # gbstats takes the share as normal, with the spread that it has at the estimate, and so
    # is off in the third digit: 0.93590 and (-0.00981, 0.07782).
    assert found.facts["probability_better"] == pytest.approx(0.9358965873307239, abs=6e-3)
    assert found.relative_interval == pytest.approx(
        (-0.00980754257308844, 0.07781553110237976), abs=2e-3
    )


@pytest.mark.parametrize("mean", [10.0, 0.9, -8.0])
def test_relative_priors_agree_with_importance_sampling(mean: float) -> None:
    one = spend(0.04 * mean, mean=mean, covariance=0.005)
    design = Bayes(prior_mean=0.01, prior_sd=0.06)
    found = design.judge(one, alpha=0.1, alternative=TWO)
    rng = np.random.default_rng(1)
    control = rng.normal(mean, math.sqrt(0.03), 1_000_000)
    lift = rng.normal(0.01, 0.06, 1_000_000)
    slope = 0.005 / 0.03
    weight = stats.norm.pdf(
        one.variant_mean, control * (1 + lift) + slope * (mean - control),
        math.sqrt(0.03 - slope * 0.005),
    )  # fmt: skip
    weight /= weight.sum()
    effect = lift * control
    assert found.facts["probability_better"] == pytest.approx(weight[effect > 0].sum(), abs=4e-3)
    assert found.facts["posterior_mean"] == pytest.approx(weight @ effect, abs=4e-3)
    losses = (np.maximum(-effect, 0), np.maximum(effect, 0))
    for name, loss in zip(("variant", "control"), losses, strict=True):
        assert found.facts[f"loss_{name}"] == pytest.approx(weight @ loss, abs=2e-3)
        assert found.facts[f"relative_loss_{name}"] == pytest.approx(
            weight @ (loss / np.abs(control)), abs=2e-3
        )
    order = np.argsort(lift)
    expected = np.interp([0.05, 0.95], np.cumsum(weight[order]), lift[order])
    assert found.relative_interval == pytest.approx(expected, abs=2e-3)


def test_a_sure_prior_wins_and_a_vague_one_does_not_matter() -> None:
    sure = Bayes(prior_mean=0.02, prior_sd=1e-6).judge(spend(), alpha=0.05, alternative=TWO)
    assert sure.relative_interval == pytest.approx((0.02, 0.02), abs=1e-5)
    vague = Bayes(prior_sd=1e4, prior_kind="absolute").judge(spend(), alpha=0.05, alternative=TWO)
    flat = Bayes().judge(spend(), alpha=0.05, alternative=TWO)
    assert vague.interval == pytest.approx(flat.interval, rel=1e-6)


def exact_better(a: int, b: int, c: int, d: int) -> float:
    """P(second > first) of two beta distributions with whole numbers, a finite sum."""
    i = np.arange(c)
    terms = (
        special.betaln(a + i, b + d)
        - np.log(d + i)
        - special.betaln(1 + i, d)
        - special.betaln(a, b)
    )
    return float(np.exp(terms).sum())


@pytest.mark.parametrize(
    "counts",
    [(50, 1000, 72, 1200), (0, 40, 3, 50), (999, 1000, 990, 1000), (9000, 90000, 9200, 90000)],
)
def test_rates_follow_the_finite_sum(counts: tuple[int, int, int, int]) -> None:
    k, n, j, m = counts
    found = Bayes(prior_counts=(1, 1)).judge(visits(*counts), alpha=0.05, alternative=TWO)
    exact = exact_better(1 + k, 1 + n - k, 1 + j, 1 + m - j)
    assert found.facts["probability_better"] == pytest.approx(exact, rel=1e-9)
    mean = (j + 1) / (m + 2) - (k + 1) / (n + 2)
    assert found.facts["posterior_mean"] == pytest.approx(mean, rel=1e-10, abs=1e-15)
    loss = float(found.facts["loss_control"]) - float(found.facts["loss_variant"])
    assert loss == pytest.approx(mean, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.5, 0.5), (3.0, 60.0)])
def test_losses_and_intervals_of_rates_by_two_other_ways(prior: tuple[float, float]) -> None:
    found = Bayes(prior_counts=prior).judge(visits(5, 100, 9, 120), alpha=0.05, alternative=TWO)
    first = stats.beta(5 + prior[0], 95 + prior[1])
    second = stats.beta(9 + prior[0], 111 + prior[1])

    def tail(x: float) -> float:
        return float(first.sf(x) * second.cdf(x))

    # E[(first - second)+] is the integral of P(second < x < first).
    assert found.facts["loss_variant"] == pytest.approx(
        integrate.quad(tail, 0, 1, epsabs=1e-13, limit=400)[0], rel=1e-8
    )
    rng = np.random.default_rng(0)
    a, b = first.rvs(400_000, random_state=rng), second.rvs(400_000, random_state=rng)
    assert found.interval == pytest.approx(np.quantile(b - a, [0.025, 0.975]), abs=8e-4)
    assert found.relative_interval == pytest.approx(
        np.quantile(b / a - 1, [0.025, 0.975]), rel=0.02
    )


def test_credible_intervals_cover_what_the_prior_draws() -> None:
    rng = np.random.default_rng(6)
    design = Bayes(prior_mean=0.02, prior_sd=0.04)
    hits = 0
    for lift in rng.normal(0.02, 0.04, 600):
        control, variant = rng.normal(10.0, 0.2), rng.normal(10.0 * (1 + lift), 0.2)
        one = spend(variant - control, mean=control, control_variance=0.04, variant_variance=0.04)
        low, high = design.judge(one, alpha=0.2, alternative=TWO).relative_interval
        hits += low <= lift <= high
    assert hits / 600 == pytest.approx(0.8, abs=0.05)


def test_regions_without_practical_difference() -> None:
    design = Bayes(equivalence=0.3, equivalence_kind="absolute")
    found = design.judge(spend(), alpha=0.05, alternative=TWO)
    normal = stats.norm(0.5, math.sqrt(0.06))
    assert found.facts["probability_equivalent"] == pytest.approx(
        normal.cdf(0.3) - normal.cdf(-0.3)
    )
    uneven = replace(design, equivalence=(-1.0, 0.5))
    assert uneven.judge(spend(), alpha=0.05, alternative=TWO).facts[
        "probability_equivalent"
    ] == pytest.approx(0.5, abs=1e-8)


def test_choices_follow_the_acceptable_loss() -> None:
    def choice(effect: float, loss: float, **more: Any) -> Any:
        design = Bayes(acceptable_loss=loss, **more)
        return design.judge(spend(effect), alpha=0.05, alternative=TWO).facts["decision"]

    assert choice(0.9, 1e-4) == "variant"
    assert choice(-0.9, 1e-4) == "control"
    assert choice(0.9, 1e-4, more_is_better=False) == "control"
    assert choice(0.1, 1e-4) == "continue"
    assert choice(0.0, 0.5) == "either"


def test_less_may_be_better() -> None:
    more = Bayes().judge(spend(), alpha=0.05, alternative=TWO).facts
    less = Bayes(more_is_better=False).judge(spend(), alpha=0.05, alternative=TWO).facts
    assert less["probability_better"] == pytest.approx(1 - float(more["probability_better"]))
    assert less["loss_variant"] == more["loss_control"]


def test_what_cannot_be_known_is_said() -> None:
    near = Bayes().judge(spend(0.1, mean=0.2), alpha=0.05, alternative=TWO)
    assert "cannot be told from 0" in near.notes[0]
    few = Bayes().judge(spend(n_control=12), alpha=0.05, alternative=TWO)
    assert "An arm has 12 units" in few.notes[0]
    still = Bayes().judge(spend(control_variance=0.0), alpha=0.05, alternative=TWO)
    assert math.isnan(float(still.facts["probability_better"]))
    assert "does not vary" in still.notes[0]


def test_bad_priors_and_counts_are_named() -> None:
    with pytest.raises(InvalidDataError, match="use prior_sd instead"):
        Bayes(prior_counts=(1, 1)).judge(spend(), alpha=0.05, alternative=TWO)
    for values, message in (
        ({"prior_mean": 0.1}, "a flat prior has no mean"),
        ({"prior_sd": 0.1, "prior_mean": -1.5}, "must be above -1"),
        ({"prior_counts": (0.0, 1.0)}, "two numbers above 0"),
        ({"prior_counts": (1.0, 1.0), "prior_sd": 1.0}, "prior_sd or prior_counts, not both"),
        ({"equivalence": -0.1}, "a number above 0 or an ascending pair"),
        ({"equivalence": (0.2, 0.1)}, "a number above 0 or an ascending pair"),
        ({"prior_sd": 0.0}, "prior_sd must be a number in"),
        ({"prior_kind": "share"}, "not a known option"),
    ):
        with pytest.raises(InvalidParameterError, match=message):
            Bayes(**values)  # type: ignore[arg-type]


def test_designs_survive_pickling() -> None:
    design = Bayes(prior_sd=0.1, equivalence=(-0.1, 0.1))
    assert pickle.loads(pickle.dumps(design)) == design


def test_a_metric_to_decrease_turns_what_better_means() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"variant": ["A", "B"] * 100, "returns": rng.gamma(2.0, 1.0, 200)})
    frame.loc[frame["variant"] == "B", "returns"] += 0.2

    def facts(metric: Mean, design: Bayes) -> dict[str, Any]:
        return dict(Experiment(metric, control="A", design=design).analyze(frame).effects[0].facts)

    fewer = facts(Mean("returns", goal="decrease"), Bayes())
    assert fewer == facts(Mean("returns"), Bayes(more_is_better=False))
    assert fewer == facts(Mean("returns", goal="decrease"), Bayes(more_is_better=False))
    more = facts(Mean("returns"), Bayes())
    assert fewer["probability_better"] == pytest.approx(1.0 - more["probability_better"])
    assert fewer["probability_better"] < 0.5 < more["probability_better"]
    assert fewer["loss_variant"] == more["loss_control"]
