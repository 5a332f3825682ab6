"""Power and sample sizes against statsmodels, noncentral t, enumeration and simulation."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import (
    power_proportions_2indep,
    samplesize_proportions_2indep_onetail,
)

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment import (
    Aggregates,
    Anytime,
    Bayes,
    Cap,
    Clustered,
    Count,
    Fixed,
    GroupSequential,
    Mean,
    Moments,
    Pilot,
    Proportion,
    Quantile,
    Ratio,
    Spending,
    from_pilot,
    inflation_factor,
    minimum_detectable_effect,
    power,
    sample_size,
)
from userportrait.experiment._power_chance import (
    drift_curve,
    drift_power,
    equivalence_power,
    one_look_power,
)

MEAN: dict[str, Any] = {"baseline": 20.0, "variance": 900.0}

# --- closed forms ------------------------------------------------------------------------


@pytest.mark.parametrize("freedom", [1, 2, 5, 30, 400, 1e5])
@pytest.mark.parametrize("drift", [-1.0, 0.0, 1.0, 2.8, 6.0])
def test_power_of_a_t_test_is_noncentral_t(freedom: float, drift: float) -> None:
    critical = stats.t.isf(0.025, freedom)
    with np.errstate(divide="ignore"):  # SciPy 1.13 divides by 0 on the way
        expected = stats.nct.sf(critical, freedom, drift)
    found = one_look_power(drift, freedom, 0.05, "two-sided")
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-10)


def test_sizes_of_means_are_statsmodels() -> None:
    solver = TTestIndPower()
    for effect in (1.2, 0.5, 0.2, 0.03):
        for chance in (0.8, 0.95):
            for alternative, other in (("two-sided", "two-sided"), ("greater", "larger")):
                n = solver.solve_power(effect, power=chance, alpha=0.05, alternative=other)
                plan = sample_size(
                    baseline=0.0, variance=1.0, effect=effect, power=chance,
                    alternative=alternative,
                )  # fmt: skip
                assert plan.n_control == plan.n_variant == math.ceil(n - 1e-6)
                # statsmodels counts the wrong tail as power too: 1e-5 at the most here.
                expected = solver.power(effect, plan.n_control, 0.05, alternative=other)
                assert plan.power == pytest.approx(expected, abs=1e-5)


def test_power_of_proportions_is_statsmodels() -> None:
    for n, ratio, side, other in (
        (17_169, 1.0, "two-sided", "two-sided"),
        (17_169, 1.0, "greater", "larger"),
        (10_000, 2.0, "greater", "larger"),
        (900, 0.5, "greater", "larger"),
    ):
        # statsmodels' first group is our variant; its ratio is the second by the first.
        expected = power_proportions_2indep(
            0.01, 0.12, n, ratio=1.0 / ratio, alpha=0.05, alternative=other
        ).power
        total = n + round(n / ratio)
        plan = power(n=total, baseline=0.12, effect=0.01, ratio=ratio, alternative=side)
        tolerance = 2e-6 if side == "two-sided" else 1e-10  # its wrong tail again
        assert plan.power == pytest.approx(expected, abs=tolerance)


def test_sizes_of_proportions_are_statsmodels() -> None:
    # This function takes alpha of both sides and halves it itself, unless told 'larger'.
    n = samplesize_proportions_2indep_onetail(0.01, 0.12, 0.8, alpha=0.05)
    assert sample_size(baseline=0.12, effect=0.01).n_control == math.ceil(n)
    n = samplesize_proportions_2indep_onetail(0.01, 0.12, 0.8, alpha=0.05, alternative="larger")
    assert sample_size(baseline=0.12, effect=0.01, alternative="greater").n_control == math.ceil(n)


def test_power_of_small_proportions_is_near_the_sum_over_all_tables() -> None:
    n1, n2, p1, p2 = 300, 450, 0.10, 0.17
    x, y = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)[None, :]
    rate = (x + y) / (n1 + n2)
    spread = np.sqrt(rate * (1 - rate) * (1 / n1 + 1 / n2))
    z = np.divide(y / n2 - x / n1, spread, out=np.zeros(spread.shape), where=spread > 0)
    mass = stats.binom.pmf(x, n1, p1) * stats.binom.pmf(y, n2, p2)
    exact = float(mass[z > 1.959963984540054].sum())
    found = power(n=750, ratio=1.5, baseline=p1, effect=p2 - p1).power
    assert found == pytest.approx(exact, abs=0.01)


def test_non_inferiority_and_equivalence_by_hand() -> None:
    z = stats.norm.ppf
    n = 2 * 0.12 * 0.88 * (z(0.95) + z(0.8)) ** 2 / 0.01**2
    plan = sample_size(baseline=0.12, effect=0.0, margin=0.01)
    assert plan.n_control == math.ceil(n)
    assert plan.trial.side == "greater"
    # Equivalence with no effect: both sides share the chance to miss.
    n = 2 * 0.12 * 0.88 * (z(0.95) + z(0.9)) ** 2 / 0.01**2
    assert sample_size(
        baseline=0.12, effect=0.0, margin=0.01, claim="equivalent"
    ).n_control == math.ceil(n)
    # A relative margin of 5 % compares the variant with 95 % of the control.
    n = (0.95**2 + 1) * 900 * (z(0.95) + z(0.8)) ** 2 / (0.05 * 20) ** 2
    plan = sample_size(**MEAN, effect=0.0, margin=0.05, relative=True)
    assert plan.n_control == pytest.approx(n, abs=3)
    # Where less is better, a loss is an increase.
    plan = sample_size(**MEAN, effect=0.2, margin=1.0, goal="decrease")
    assert plan.n == sample_size(**MEAN, effect=-0.2, margin=1.0).n
    assert plan.trial.side == "less"


def test_power_of_equivalence_with_few_degrees_of_freedom_is_the_simulated_one() -> None:
    rng = np.random.default_rng(3)
    n, margin, effect, repeats = 12, 1.4, 0.3, 60_000
    a, b = rng.normal(size=(repeats, n)), rng.normal(effect, size=(repeats, n))
    off = b.mean(axis=1) - a.mean(axis=1)
    error = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / n)
    critical = stats.t.isf(0.05, 2 * n - 2)
    shown = (off - critical * error > -margin) & (off + critical * error < margin)
    se = math.sqrt(2 / n)
    found = equivalence_power((effect + margin) / se, (margin - effect) / se, 2 * n - 2, 0.05)
    assert found == pytest.approx(shown.mean(), abs=3.5 * math.sqrt(0.25 / repeats))


def test_power_of_unequal_small_arms_is_the_simulated_one() -> None:
    rng = np.random.default_rng(4)
    n1, n2, effect, repeats = 10, 30, 1.0, 40_000
    a, b = rng.normal(size=(repeats, n1)), rng.normal(effect, size=(repeats, n2))
    test = stats.ttest_ind(b, a, axis=1, equal_var=False)
    rate = np.mean((test.pvalue < 0.05) & (test.statistic > 0))
    found = power(n=40, ratio=3.0, baseline=0.0, variance=1.0, effect=effect).power
    assert found == pytest.approx(rate, abs=0.01)


# --- laws --------------------------------------------------------------------------------

options = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([0.01, 0.05, 0.1]),
        "ratio": st.sampled_from([0.25, 1.0, 3.0]),
        "comparisons": st.integers(1, 4),
        "r2": st.sampled_from([0.0, 0.3, 0.9]),
    }
)


@given(options, st.floats(0.05, 2.0), st.sampled_from([0.5, 0.8, 0.99]), st.booleans())
def test_a_size_is_enough_and_no_smaller_one_is(
    given_options: dict[str, Any], effect: float, chance: float, share: bool
) -> None:
    more: dict[str, Any] = {"baseline": 0.2} if share else {"baseline": 3.0, "variance": 2.0}
    effect = effect * (0.1 if share else 1.0)
    plan = sample_size(**more, **given_options, effect=effect, power=chance)
    assert plan.power >= chance - 1e-9
    fewer = plan.n_control - 1
    if fewer > 1:
        other = math.ceil(fewer * given_options["ratio"] - 1e-9)
        exact = replace(plan.trial, ratio=other / fewer).power(fewer, effect)
        assert not exact >= chance
    found = minimum_detectable_effect(**more, **given_options, n=max(plan.n, 8), power=chance)
    if plan.n >= 200:  # below, the units of one arm more or less matter
        assert found.effect == pytest.approx(effect, rel=0.03)
    assert found.power == pytest.approx(chance, abs=1e-6)


def test_covariates_clusters_and_comparisons_do_what_their_formulas_say() -> None:
    plain = sample_size(**MEAN, effect=0.4)
    assert sample_size(**MEAN, effect=0.4, r2=0.4).n == pytest.approx(0.6 * plain.n, rel=1e-4)
    many = sample_size(**MEAN, effect=0.4, comparisons=5)
    assert many.n == sample_size(**MEAN, effect=0.4, alpha=0.01).n
    clustered = sample_size(
        **MEAN, effect=0.4, cluster_size=50, icc=0.02, cluster_size_cv=0.6, design=Clustered("shop")
    )
    factor = 1 + ((1 + 0.6**2) * 50 - 1) * 0.02
    assert clustered.trial.design_effect == pytest.approx(factor)
    assert clustered.n == pytest.approx(factor * plain.n, rel=0.01)
    assert clustered.n_clusters == (clustered.n_control // 50, clustered.n_variant // 50)
    assert "clusters" in clustered.notes[0]
    # With few clusters the t distribution asks for more than the factor says.
    few = sample_size(**MEAN, effect=9.0, cluster_size=50, icc=0.2)
    alone = sample_size(**MEAN, effect=9.0)
    assert few.n > few.trial.design_effect * alone.n * 1.02


def test_power_with_clusters_is_the_simulated_one() -> None:
    rng = np.random.default_rng(6)
    clusters, size, icc, effect, repeats = 10, 20, 0.1, 0.45, 20_000
    shape = (repeats, clusters)
    # Means of clusters of standard normal units with this correlation.
    spread = math.sqrt(icc + (1 - icc) / size)
    a, b = rng.normal(0, spread, shape), rng.normal(effect, spread, shape)
    test = stats.ttest_ind(b, a, axis=1)
    rate = np.mean((test.pvalue < 0.05) & (test.statistic > 0))
    found = power(
        n=2 * clusters * size, baseline=0.0, variance=1.0, effect=effect, cluster_size=size, icc=icc
    )
    assert found.power == pytest.approx(rate, abs=0.012)


def test_the_minimum_detectable_effect_knows_directions_and_limits() -> None:
    up = minimum_detectable_effect(n=20_000, baseline=0.12)
    down = minimum_detectable_effect(n=20_000, baseline=0.12, goal="decrease")
    less = minimum_detectable_effect(n=20_000, baseline=0.12, alternative="less")
    assert up.effect > -down.effect > -less.effect > 0.0
    assert up.relative_effect == pytest.approx(up.effect / 0.12)
    assert sample_size(baseline=0.12, effect=up.effect).n == pytest.approx(20_000, abs=2)
    # A loss may be allowed: the margin less what chance may hide.
    loss = minimum_detectable_effect(n=200_000, baseline=0.12, margin=0.01)
    assert -0.01 < loss.effect < 0.0
    with pytest.raises(InvalidParameterError, match="no effect has that power"):
        minimum_detectable_effect(n=8, baseline=0.9)


# --- designs with looks ------------------------------------------------------------------


@pytest.mark.parametrize(
    "design",
    [
        GroupSequential(looks=5),
        GroupSequential(looks=3, boundary="pocock"),
        GroupSequential(looks=4, futility=Spending("hwang-shih-decani")),
    ],
)
@pytest.mark.parametrize("chance", [0.8, 0.9])
def test_looks_inflate_the_size_by_their_factor(design: GroupSequential, chance: float) -> None:
    fixed = sample_size(**MEAN, effect=0.4, power=chance)
    plan = sample_size(**MEAN, effect=0.4, power=chance, design=design)
    factor = inflation_factor(design, 0.05, chance)
    assert plan.n / fixed.n == pytest.approx(factor, rel=1e-3)
    assert plan.power == pytest.approx(chance, abs=1e-4)
    assert plan.expected_n is not None
    assert 0.4 * plan.n < plan.expected_n < fixed.n
    assert fixed.expected_n is None


def test_the_expected_number_of_units_is_the_simulated_one() -> None:
    design = GroupSequential(looks=4)
    plan = sample_size(**MEAN, effect=0.5, design=design)
    rng = np.random.default_rng(8)
    drift = plan.effect / plan.std_error
    times = np.arange(1, 5) / 4
    walk = np.cumsum(rng.normal(drift / 4, 0.5, size=(40_000, 4)), axis=1) / np.sqrt(times)
    bounds = np.array(design.bounds(0.05, "two-sided").upper)
    crossed = np.abs(walk) > bounds
    crossed[:, -1] = True
    expected = plan.n * times[crossed.argmax(axis=1)].mean()
    assert plan.expected_n == pytest.approx(expected, rel=0.01)
    assert plan.power == pytest.approx(np.mean((walk > bounds).any(axis=1)), abs=0.01)


@pytest.mark.parametrize(
    ("design", "chance"),
    [
        (Anytime(n_star=5000), 0.8),
        pytest.param(Anytime(effect=0.05), 0.3, marks=pytest.mark.slow),
        pytest.param(Anytime(horizon=9000, peek_share=0.3), 0.97, marks=pytest.mark.slow),
    ],
)
def test_power_at_any_time_is_the_inverse_of_what_it_needs(design: Anytime, chance: float) -> None:
    needed = design.needed_drift(0.05, chance, "two-sided")
    assert drift_power(design, needed, 0.05, "two-sided") == pytest.approx(chance, abs=1e-5)
    (near,) = drift_curve(design, np.array([needed]), 0.05, "two-sided")
    assert near == pytest.approx(chance, abs=2e-3)
    if chance > 0.9:  # hardly any drift leaves hardly any power, by both ways
        small = np.array([0.1])
        assert drift_power(design, 0.1, 0.05, "two-sided") < 0.06
        assert drift_curve(design, small, 0.05, "two-sided")[0] < 0.06
    plan = sample_size(**MEAN, effect=0.4, design=design, power=chance)
    fixed = sample_size(**MEAN, effect=0.4, power=chance)
    assert plan.n / fixed.n == pytest.approx(inflation_factor(design, 0.05, chance), rel=1e-3)
    assert "n_star" in plan.notes[0]


# --- pilots ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    rng = np.random.default_rng(10)
    n = 4000
    shop = rng.integers(0, 40, n)
    before = rng.gamma(2.0, 10.0, n)
    bought = rng.random(n) < 0.3
    spend = np.where(bought, 0.8 * before + rng.gamma(2.0, 5.0, n), 0.0)
    spend += np.repeat(rng.normal(0, 4, 40), 1)[shop] + 10.0
    return pd.DataFrame(
        {"shop": shop, "before": before, "bought": bought, "spend": spend,
         "orders": rng.poisson(1.5, n) + 1}
    )  # fmt: skip


def test_a_pilot_of_a_mean_has_its_variance_and_what_the_covariate_explains(
    visits: pd.DataFrame,
) -> None:
    pilot = from_pilot(Mean("spend", adjust="before"), visits)
    assert (pilot.n, pilot.baseline) == (4000, pytest.approx(visits["spend"].mean()))
    assert pilot.variance == pytest.approx(visits["spend"].var(ddof=1), rel=1e-9)
    assert pilot.r2 == pytest.approx(visits["spend"].corr(visits["before"]) ** 2, abs=2e-3)
    plan = sample_size(pilot, effect=0.02, relative=True)
    assert plan.n == pytest.approx(
        (1 - pilot.r2)
        * sample_size(
            baseline=pilot.baseline, variance=pilot.variance, effect=0.02, relative=True
        ).n,
        rel=1e-3,
    )
    assert sample_size(pilot, effect=0.02, relative=True, r2=0.0).n > plan.n


def test_a_pilot_of_aggregates_says_the_same(visits: pd.DataFrame) -> None:
    metric = Mean("spend", adjust="before")
    frame = visits.assign(variant=np.where(visits.index % 3 == 0, "A", "B"))
    sums = Aggregates.from_frame(frame, metric.columns, by=["shop"])
    first, second = from_pilot(metric, sums), from_pilot(metric, visits)
    assert first.baseline == pytest.approx(second.baseline, rel=1e-12)
    assert first.variance == pytest.approx(second.variance, rel=1e-9)
    assert first.r2 == pytest.approx(second.r2, rel=1e-6)


def test_pilots_of_every_metric(visits: pd.DataFrame) -> None:
    share = from_pilot(Proportion("bought"), visits)
    assert share.variance is None
    assert share.baseline == pytest.approx(visits["bought"].mean())
    assert sample_size(share, effect=0.02).n == sample_size(baseline=share.baseline, effect=0.02).n
    ratio = from_pilot(Ratio("spend", "orders"), visits)
    r = visits["spend"].sum() / visits["orders"].sum()
    linear = (visits["spend"] - r * visits["orders"]) / visits["orders"].mean()
    assert (ratio.baseline, ratio.variance) == (
        pytest.approx(r), pytest.approx(linear.var(ddof=1), rel=1e-9),
    )  # fmt: skip
    count = from_pilot(Count("orders"), visits)
    assert count.variance == pytest.approx(visits["orders"].var(ddof=1), rel=1e-9)
    capped = from_pilot(Mean("spend", cap=Cap(quantile=0.9)), visits)
    assert capped.variance is not None
    assert capped.variance < visits["spend"].var()
    median = from_pilot(Quantile("before", 0.5), visits)
    assert median.baseline == pytest.approx(visits["before"].median())
    # q(1 - q) / f(median)^2 with the true density of the gamma.
    density = stats.gamma(2.0, scale=10.0).pdf(stats.gamma(2.0, scale=10.0).median())
    assert median.variance == pytest.approx(0.25 / density**2, rel=0.15)
    assert sample_size(median, effect=0.5).power >= 0.8


def test_a_pilot_with_clusters_has_the_analysis_of_variance(visits: pd.DataFrame) -> None:
    pilot = from_pilot(Mean("spend"), visits, cluster="shop")
    groups = [part["spend"].to_numpy() for _, part in visits.groupby("shop")]
    sizes = np.array([len(group) for group in groups])
    f = stats.f_oneway(*groups).statistic
    typical = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1)
    assert pilot.icc == pytest.approx((f - 1) / (f - 1 + typical), rel=1e-9)
    assert pilot.cluster_size == pytest.approx(100.0)
    assert pilot.cluster_size_cv == pytest.approx(sizes.std(ddof=1) / sizes.mean())
    plan = sample_size(pilot, effect=2.0)
    assert plan.n > 2 * sample_size(pilot, effect=2.0, icc=0.0).n


def test_the_size_from_a_pilot_has_the_power_in_new_data() -> None:
    rng = np.random.default_rng(12)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        before = rng.normal(size=n)
        return before, 0.8 * before + rng.normal(size=n)

    before, spend = draw(20_000)
    metric = Mean("spend", adjust="before")
    frame = pd.DataFrame({"spend": spend, "before": before})
    plan = sample_size(from_pilot(metric, frame), effect=0.25)
    found = 0
    repeats = 2000
    for _ in range(repeats):
        arms = [
            Moments.of({"spend": y + up, "before": x})
            for up, (x, y) in ((0.0, draw(plan.n_control)), (0.25, draw(plan.n_variant)))
        ]
        estimate = metric.estimate(*arms)
        judged = Fixed().judge(estimate, alpha=0.05, alternative="two-sided")
        found += judged.p_value < 0.05
    assert found / repeats == pytest.approx(0.8, abs=0.03)


def test_bad_pilots_are_refused(visits: pd.DataFrame) -> None:
    gaps = visits.assign(spend=visits["spend"].where(visits.index > 2))
    with pytest.raises(InvalidDataError, match="'spend' has 3 missing values"):
        from_pilot(Mean("spend"), gaps)
    assert from_pilot(Mean("spend"), gaps, missing="drop").n == 3997
    with pytest.raises(InvalidDataError, match="does not vary"):
        from_pilot(Mean("spend"), visits.assign(spend=1.0))
    with pytest.raises(MissingColumnError, match="Did you mean 'spend'"):
        from_pilot(Mean("spendd"), visits)
    sums = Aggregates.from_frame(visits.assign(variant="A"), ["spend"])
    with pytest.raises(InvalidParameterError, match="need a frame"):
        from_pilot(Mean("spend"), sums, cluster="shop")
    with pytest.raises(InvalidParameterError, match="cluster is for means and ratios"):
        from_pilot(Quantile("spend"), visits, cluster="shop")


# --- results and errors ------------------------------------------------------------------


def test_a_plan_is_a_text_a_table_a_curve_and_a_picture() -> None:
    plan = sample_size(baseline=0.12, effect=0.01)
    assert "17,169 + 17,169 units" in str(plan)
    row = plan.to_frame().iloc[0]
    assert (row["n"], row["effect"], row["design"]) == (plan.n, 0.01, "Fixed")
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert "power" in plan._repr_html_()
    curve = plan.curve()
    assert list(curve.power) == sorted(curve.power)
    assert list(curve.to_frame().columns) == ["n", "power"]
    (line,) = [line for line in plan.plot().get_lines() if len(line.get_xdata()) == len(curve.n)]
    assert list(line.get_ydata()) == list(curve.power)
    (alone,) = plan.curve([plan.n]).power
    assert alone == pytest.approx(plan.power)


def test_few_counts_are_noted() -> None:
    assert "too few" in power(n=200, baseline=0.01, effect=0.05).notes[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effect": 0.01}, "give a pilot or a baseline"),
        ({"baseline": 1.2, "effect": 0.01}, "baseline of a proportion must be in"),
        ({"baseline": 0.5, "effect": 0.6}, "out of"),
        ({"baseline": 0.5, "effect": 0.0}, "effect must not be 0"),
        ({"baseline": 0.5, "effect": -0.1, "alternative": "greater"}, "against 'greater'"),
        ({"baseline": 0.5, "effect": 0.1, "alternative": "less"}, "below 0 for 'less'"),
        ({"baseline": 0.5, "effect": -0.1, "margin": 0.05}, "within the margin"),
        ({"baseline": 0.0, "variance": 1.0, "effect": 0.1, "relative": True}, "not 0"),
        ({"baseline": 0.5, "effect": 0.1, "icc": 0.1}, "icc needs cluster_size"),
        ({"baseline": 0.5, "effect": 0.1, "design": Clustered("shop")}, "needs cluster_size"),
        ({"baseline": 0.5, "effect": 0.1, "design": Bayes()}, "Bayes has no power"),
        ({"baseline": 0.5, "effect": 0.1, "power": 0.03}, "above the level"),
        ({"baseline": 0.5, "effect": 0.1, "r2": 1.0}, "r2 must be"),
        ({"baseline": 0.5, "effect": 0.0, "margin": 0.1, "claim": "equivalent",
          "design": GroupSequential()}, "one look only"),
    ],
)  # fmt: skip
def test_questions_without_an_answer_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        sample_size(**options)


def test_all_bad_values_are_named_at_once() -> None:
    bad: Any = {"ratio": -1.0, "alpha": 2.0, "alternative": "both"}
    with pytest.raises(InvalidParameterError) as caught:
        power(n=100, baseline=0.5, effect=0.1, **bad)
    assert all(name in str(caught.value) for name in bad)
    not_a_pilot: Any = {"baseline": 0.1}
    with pytest.raises(InvalidParameterError, match="must be a Pilot"):
        sample_size(not_a_pilot, effect=0.1)


def test_a_pilot_can_be_written_by_hand() -> None:
    pilot = Pilot(metric="spend", n=100, baseline=20.0, variance=900.0)
    assert sample_size(pilot, effect=0.4).n == sample_size(**MEAN, effect=0.4).n
