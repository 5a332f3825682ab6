"""Non-inferiority and equivalence, beside statsmodels and under other designs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans

from userportrait.experiment import (
    Bayes,
    Clustered,
    Effect,
    Estimate,
    Experiment,
    Fixed,
    MarginTest,
    Mean,
)
from userportrait.experiment._margins import judge_margin


def frame(seed: int = 0, *, shift: float = 0.0, n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(10.0, 2.0, n), rng.normal(10.0 + shift, 3.0, n + 20)])
    return pd.DataFrame({"variant": ["A"] * n + ["B"] * (n + 20), "y": values})


def effect(metric: Mean, data: pd.DataFrame, **more: Any) -> Effect:
    return Experiment(metric, control="A", **more).analyze(data)[metric.name]


def arms(data: pd.DataFrame) -> tuple[Any, Any]:
    return tuple(data.loc[data["variant"] == name, "y"].to_numpy() for name in "AB")


@pytest.mark.parametrize("shift", [-0.8, 0.0, 1.0])
@pytest.mark.parametrize("equal", [False, True])
def test_absolute_margins_are_those_of_statsmodels(shift: float, equal: bool) -> None:
    data = frame(shift=shift)
    a, b = arms(data)
    usevar = "pooled" if equal else "unequal"
    both = CompareMeans.from_data(b, a)
    tost = both.ttost_ind(-1.0, 1.0, usevar=usevar)
    kinds = {"margin": 1.0, "margin_kind": "absolute", "equal_variance": equal}
    found = effect(Mean("y", claim="equivalent", **kinds), data).margin  # type: ignore[arg-type]
    assert found is not None
    assert found.p_value == pytest.approx(tost[0], rel=1e-9)
    inferior = both.ttest_ind(alternative="larger", usevar=usevar, value=-1.0)
    found = effect(Mean("y", **kinds), data).margin  # type: ignore[arg-type]
    assert found is not None
    assert found.p_value == pytest.approx(inferior[1], rel=1e-9)
    assert found.is_shown == (found.p_value <= 0.05)
    superior = both.ttest_ind(alternative="smaller", usevar=usevar, value=1.0)
    found = effect(Mean("y", goal="decrease", **kinds), data).margin  # type: ignore[arg-type]
    assert found is not None
    assert found.p_value == pytest.approx(superior[1], rel=1e-9)


def test_a_relative_margin_takes_the_control_for_uncertain() -> None:
    data = frame(shift=-0.3)
    a, b = arms(data)
    scaled = 0.9 * a  # testing the variant against 90 % of the control
    statistic = (b.mean() - scaled.mean()) / math.sqrt(
        b.var(ddof=1) / len(b) + scaled.var(ddof=1) / len(a)
    )
    found = effect(Mean("y", margin=0.1), data)
    assert found.margin is not None
    freedom = found.degrees_of_freedom
    assert found.margin.p_value == pytest.approx(stats.t.sf(statistic, freedom), rel=1e-9)


def test_a_relative_margin_agrees_with_fiellers_interval() -> None:
    data = frame(shift=-0.5)
    for margin in (0.02, 0.05, 0.08, 0.11, 0.15):
        found = effect(Mean("y", margin=margin), data, alternative="greater")
        assert found.margin is not None
        assert found.margin.is_shown == (found.relative_interval[0] > -margin)


def test_the_loss_of_a_negative_metric_is_a_share_of_its_size() -> None:
    data = frame(shift=0.2)
    turned = data.assign(y=-data["y"])
    good = effect(Mean("y", margin=0.05, goal="decrease"), data).margin
    same = effect(Mean("y", margin=0.05, goal="increase"), turned).margin
    assert good is not None
    assert same is not None
    assert same.p_value == pytest.approx(good.p_value, rel=1e-9)


def test_a_posterior_is_asked_for_its_interval() -> None:
    """With a flat prior and many units the posterior and the t-test say the same."""
    data = frame(shift=-0.2, n=2_000)
    for claim in ("non-inferior", "equivalent"):
        for kind, margin in (("absolute", 0.35), ("relative", 0.03), ("relative", 0.01)):
            metric = Mean("y", margin=margin, margin_kind=kind, claim=claim)  # type: ignore[arg-type]
            flat = effect(metric, data, design=Bayes()).margin
            fixed = effect(metric, data, design=Fixed(reference="normal")).margin
            assert flat is not None
            assert fixed is not None
            assert flat.p_value == pytest.approx(fixed.p_value, rel=0.02)


def test_the_wild_bootstrap_is_asked_for_its_interval() -> None:
    rng = np.random.default_rng(4)
    stores = np.repeat(np.arange(24), 30)
    level = rng.normal(10.0, 1.0, 24)[stores]
    data = pd.DataFrame(
        {"variant": np.where(stores % 2, "B", "A"), "store": stores.astype(str),
         "y": level + rng.normal(size=len(stores))}
    )  # fmt: skip
    metric = Mean("y", margin=0.15)
    wild = effect(metric, data, design=Clustered("store", method="wild", random_state=1)).margin
    plain = effect(metric, data, design=Clustered("store")).margin
    assert wild is not None
    assert plain is not None
    assert wild.p_value == pytest.approx(plain.p_value, abs=0.01)


def test_no_margin_no_test() -> None:
    found = Estimate(
        metric="m", control="A", variant="B", n_control=9, n_variant=9, control_mean=1.0,
        variant_mean=1.0, control_variance=0.1, variant_variance=0.1,
    )  # fmt: skip
    assert judge_margin(Mean("m"), found, Fixed(), alpha=0.05) is None


def test_the_answer_is_told_in_words() -> None:
    shown = MarginTest(
        claim="equivalent", margin=0.02, kind="relative", p_value=0.2, log_p_value=-1.6,
        is_shown=False,
    )  # fmt: skip
    assert str(shown) == "not shown to be equivalent within 2 % (p = 0.20)"
    assert str(effect(Mean("y", margin=5.0, margin_kind="absolute"), frame()).margin).startswith(
        "non-inferior within 5 (p = "
    )
