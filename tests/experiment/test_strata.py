"""Post-stratification: the textbook estimate, from aggregates by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidParameterError
from userportrait.experiment import Aggregates, Experiment, Fixed, Mean, Proportion, Ratio


def frame(seed: int = 0, n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    country = rng.choice(["de", "fr", "it"], n, p=[0.5, 0.3, 0.2])
    tier = rng.choice(["old", "new"], n)
    level = np.select([country == "de", country == "fr"], [10.0, 14.0], 3.0) + (tier == "old")
    variant = rng.choice(["A", "B"], n, p=[0.4, 0.6])
    y = level + rng.normal(size=n) + 0.3 * (variant == "B")
    return pd.DataFrame(
        {"variant": variant, "country": country, "tier": tier, "y": y, "x": rng.normal(size=n) + y,
         "orders": 1.0 + rng.poisson(2.0, n)}
    )  # fmt: skip


def test_means_are_those_of_strata_in_their_common_shares() -> None:
    data = frame()
    design = Fixed(strata="country")
    found = Experiment(Mean("y"), control="A", design=design).analyze(data)["y"]
    shares = data["country"].value_counts(normalize=True)
    by = data.groupby(["variant", "country"])["y"].agg(["mean", "var", "size"])
    a, b = ((by.loc[name, "mean"] * shares).sum() for name in "AB")
    assert (found.control_mean, found.variant_mean) == pytest.approx((a, b), rel=1e-12)
    within = sum((by.loc[name, "var"] / by.loc[name, "size"] * shares**2).sum() for name in "AB")
    between = ((by.loc["B", "mean"] - by.loc["A", "mean"] - (b - a)) ** 2 * shares).sum() / 600
    assert found.std_error == pytest.approx(np.sqrt(within + between), rel=0.01)
    plain = Experiment(Mean("y"), control="A").analyze(data)["y"]
    assert found.std_error < 0.4 * plain.std_error


def test_strata_are_indicators_among_the_covariates() -> None:
    data = frame(1)
    for name in ("fr", "it"):
        data[name] = (data["country"] == name).astype(float)
    for metric, by_hand in (
        (Mean("y"), Mean("y", ["fr", "it"])),
        (Mean("y", "x"), Mean("y", ["x", "fr", "it"])),
        (Ratio("y", "orders"), Ratio("y", "orders", ["fr", "it"])),
        (Mean("y", adjustment="pooled"), Mean("y", ["fr", "it"], adjustment="pooled")),
    ):
        first = Experiment(metric, control="A", design=Fixed(strata=["country"])).analyze(data)
        second = Experiment(by_hand, control="A").analyze(data)
        for name in ("effect", "std_error", "p_value", "control_mean", "degrees_of_freedom"):
            assert getattr(first.effects[0], name) == pytest.approx(
                getattr(second.effects[0], name), rel=1e-9
            )


def test_several_columns_make_combined_strata_and_small_ones_are_put_together() -> None:
    data = frame(2)
    data.loc[:3, "country"] = "at"
    data.loc[4:5, "country"] = "dk"
    result = Experiment(Mean("y"), control="A", design=Fixed(strata=["country", "tier"])).analyze(
        data
    )
    merged = data.assign(
        stratum=[
            "others" if c in ("at", "dk") else f"{c} {t}"
            for c, t in zip(data["country"], data["tier"], strict=True)
        ]
    )
    known = Experiment(Mean("y"), control="A", design=Fixed(strata="stratum")).analyze(merged)
    assert result["y"].effect == pytest.approx(known["y"].effect, rel=1e-9)


def test_aggregates_by_more_than_the_strata_do_too() -> None:
    data = frame(3)
    aggregates = Aggregates.from_frame(data, ["y"], by=["tier", "country"])
    experiment = Experiment(Mean("y"), control="A", design=Fixed(strata="country"))
    assert experiment.analyze(aggregates)["y"].effect == pytest.approx(
        experiment.analyze(data)["y"].effect, rel=1e-12
    )
    with pytest.raises(InvalidParameterError, match=r"needs aggregates by 'country'"):
        experiment.analyze(aggregates.collapse(["tier"]))


def test_useless_strata_cost_nothing() -> None:
    data = frame(4).assign(junk=np.arange(600) % 20)
    found = Experiment(Mean("orders"), control="A", design=Fixed(strata="junk")).analyze(data)
    plain = Experiment(Mean("orders"), control="A").analyze(data)
    assert found["orders"].std_error <= 1.01 * plain["orders"].std_error


@pytest.mark.parametrize(
    ("repeats", "least", "most"),
    [(200, 0.90, 0.99), pytest.param(4_000, 0.94, 0.96, marks=pytest.mark.slow)],
)
def test_stratified_means_cover(repeats: int, least: float, most: float) -> None:
    """Standard errors: 1.5 and 0.34 points."""
    covered = 0
    experiment = Experiment(Mean("y"), control="A", design=Fixed(strata="country"))
    for seed in range(repeats):
        aggregates = Aggregates.from_frame(frame(seed, 150), ["y"], by=["country"])
        low, high = experiment.analyze(aggregates)["y"].interval
        covered += low <= 0.3 <= high
    assert least <= covered / repeats <= most, covered / repeats


def test_a_metric_without_covariates_is_refused() -> None:
    data = frame(5).assign(new=lambda f: (f["tier"] == "new").astype(int))
    with pytest.raises(InvalidParameterError, match=r"measured after the experiment"):
        Experiment(Mean("y"), control="A", design=Fixed(strata="tier"), measured_after=["tier"])
    metric = Proportion("new")
    if not hasattr(metric, "covariates"):
        with pytest.raises(InvalidParameterError, match=r"strata cannot adjust it"):
            Experiment(metric, control="A", design=Fixed(strata="country")).analyze(data)
