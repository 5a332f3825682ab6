"""Counts that are 0 for most: the mean, its two parts, and where the lift comes from."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from userportrait.errors import InvalidParameterError
from userportrait.experiment import Cap, Column, Count, Experiment, Mean, Moments


def frame(seed: int = 0, *, share: float = 0.2, size: float = 1.0, n: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    buys = rng.random(2 * n) < np.repeat([0.2, share], n)
    spend = buys * rng.gamma(2.0, 10.0, 2 * n) * np.repeat([1.0, size], n)
    return pd.DataFrame({"variant": np.repeat(["A", "B"], n), "spend": spend})


def test_the_parts_multiply_to_the_mean() -> None:
    data = frame(share=0.26, size=1.1)
    result = Experiment(Count("spend"), control="A").analyze(data)
    mean, share, size = result
    assert [e.metric for e in result] == ["spend", "spend: any", "spend: mean of those"]
    for name in ("control_mean", "variant_mean"):
        product = getattr(share, name) * getattr(size, name)
        assert product == pytest.approx(getattr(mean, name), rel=1e-12)
    plain = Experiment(Mean("spend"), control="A").analyze(data)["spend"]
    assert (mean.effect, mean.p_value) == pytest.approx((plain.effect, plain.p_value), rel=1e-9)
    lift = math.log(mean.variant_mean / mean.control_mean)
    from_any = math.log(share.variant_mean / share.control_mean) / lift
    assert mean.facts["lift_from_any"] == pytest.approx(from_any, rel=1e-9)
    assert mean.facts["lift_from_size"] == pytest.approx(1.0 - from_any, rel=1e-9)
    squares = share.statistic**2 + size.statistic**2
    assert mean.facts["two_part_p_value"] == pytest.approx(stats.chi2.sf(squares, 2), rel=1e-9)


def test_the_mean_of_buyers_is_compared_like_the_buyers_themselves() -> None:
    data = frame(n=5_000, size=1.1)
    size = list(Experiment(Count("spend"), control="A").analyze(data))[2]
    buyers = data[data["spend"] > 0.0]
    a, b = (buyers.loc[buyers["variant"] == name, "spend"] for name in "AB")
    assert size.effect == pytest.approx(b.mean() - a.mean(), rel=1e-12)
    known = stats.ttest_ind(b, a, equal_var=False)
    assert size.statistic == pytest.approx(known.statistic, rel=2e-3)  # same but for n / (n - 1)


def test_two_part_p_values_are_uniform_without_an_effect() -> None:
    p_values = []
    for seed in range(400):
        data = frame(seed + 1_000, n=2_000)
        sides = [
            Moments.of({c.name: c.compute(v) for c in Count("spend").columns})
            for v in (data["spend"].to_numpy()[:2_000], data["spend"].to_numpy()[2_000:])
        ]
        p_values.append(float(Count("spend").facts(*sides)["two_part_p_value"]))
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_the_parts_share_no_error_with_the_hypotheses() -> None:
    result = Experiment(Count("spend"), control="A", multiplicity="bonferroni").analyze(frame())
    assert {e.interval_alpha for e in result} == {0.05}
    assert [e.role for e in result] == ["primary", "secondary", "secondary"]


def test_an_arm_without_buyers_leaves_the_mean() -> None:
    data = frame()
    data.loc[data["variant"] == "A", "spend"] = 0.0
    result = Experiment(Count("spend"), control="A").analyze(data)
    assert result.metrics == ("spend", "spend: any")
    assert dict(result["spend"].facts) == {}


def test_covariates_and_caps_are_for_the_mean() -> None:
    metric = Count("spend", "before", cap=Cap(upper=20.0))
    assert metric.columns == (
        Column(source="spend", upper=20.0),
        Column(source="before"),
        Column(source="spend", above=0.0),
    )
    data = frame()
    found = Experiment(Count("spend", cap=Cap(quantile=0.99)), control="A").analyze(data)
    limit = float(np.quantile(data["spend"], 0.99, method="inverted_cdf"))
    known = Experiment(Count("spend"), control="A").analyze(
        data.assign(spend=data["spend"].clip(upper=limit))
    )
    for first, second in zip(found, known, strict=True):
        assert first.effect == pytest.approx(second.effect, rel=1e-9)
    with pytest.raises(InvalidParameterError, match=r"must not use 'spend'"):
        Count("spend", "spend")
