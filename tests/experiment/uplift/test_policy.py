"""What policies are worth: formulas by hand, known truth, coverage."""

from __future__ import annotations

import numpy as np
import pytest

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift import policy_curve, policy_value


def campaign(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half the customers buy with 10 % more when treated; nobody else reacts."""
    rng = np.random.default_rng(seed)
    helped, treatment = rng.random(n) < 0.5, rng.random(n) < 0.4
    return rng.random(n) < 0.2 + 0.1 * helped * treatment, treatment, helped


def test_ipw_is_the_formula() -> None:
    y, treatment, policy = [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0], [1, 0, 1, 0]
    found = policy_value(y, treatment, policy, value=10, cost=3, method="ipw")
    # Only customers treated as the policy wants count, with weight 1 / 0.5; costs are certain.
    assert found.value == pytest.approx((2 * 10 * 1.0 + 2 * 10 * 4.0 - 2 * 3) / 4)
    assert found.share_treated == 0.5


def test_aipw_with_constant_models_is_worked_by_hand() -> None:
    y, treatment, policy = [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0], [1, 0, 1, 0]
    # Means 1.5 and 3.5. Treated scores: 0.5, 2.5, 1.5, 1.5; control: 3.5, 3.5, 2.5, 4.5.
    found = policy_value(y, treatment, policy)
    assert found.value == pytest.approx((0.5 + 3.5 + 1.5 + 4.5) / 4)
    gains = {name: gain.value for name, gain in found.gains.items()}
    assert gains["nobody"] == pytest.approx((0.5 - 3.5 + 1.5 - 2.5) / 4)
    assert gains["everybody"] == pytest.approx((3.5 - 2.5 + 4.5 - 1.5) / 4)


def test_gains_over_the_simple_policies_cover_the_truth() -> None:
    # Worth 30 each, cost 1: nobody +0.5 * (3 - 1) = 1, everybody +0.5, random +0.75 - of 400 runs
    # 95 % plus or minus four standard errors of 1.1 points.
    truth = {"nobody": 1.0, "everybody": 0.5, "random": 0.75}
    inside: dict[str, list[bool]] = {name: [] for name in truth}
    for seed in range(400):
        y, treatment, helped = campaign(1000, seed)
        found = policy_value(y, treatment, helped, value=30, cost=1, propensity=0.4)
        for name, value in truth.items():
            low, high = found.gains[name].interval
            inside[name].append(low <= value <= high)
    for name, hits in inside.items():
        assert 0.906 <= np.mean(hits) <= 0.994, name


def test_models_of_outcomes_narrow_the_interval() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    x, treatment = rng.normal(size=n), rng.random(n) < 0.5
    y = 5 * x + treatment + rng.normal(size=n)
    plain = policy_value(y, treatment, np.ones(n)).gains["nobody"]
    better = policy_value(y, treatment, np.ones(n), baseline=(5 * x, 5 * x + 1)).gains["nobody"]
    assert better.standard_error < plain.standard_error / 3
    assert better.value == pytest.approx(1, abs=0.15)


def test_known_chances_that_differ_remove_the_bias() -> None:
    rng = np.random.default_rng(1)
    n = 40_000
    rich = rng.random(n) < 0.5
    chance = np.where(rich, 0.7, 0.3)
    treatment = rng.random(n) < chance
    y = 2.0 * rich + 1.0 * treatment
    found = policy_value(y, treatment, np.ones(n), propensity=chance)
    assert found.gains["nobody"].value == pytest.approx(1, abs=0.05)
    assert policy_value(y, treatment, np.ones(n)).gains["nobody"].value > 1.5


def test_the_curve_is_the_value_of_each_share() -> None:
    y, treatment, _ = campaign(400, 0)
    score = np.arange(400) % 40
    curve = policy_curve(y, treatment, score, value=30, cost=2, n_points=10)
    for share, gain, low in zip(curve.share, curve.gain, curve.ci_low, strict=True):
        top = score >= 40 - round(40 * share)
        assert top.mean() == pytest.approx(share)
        wanted = policy_value(y, treatment, top, value=30, cost=2).gains["nobody"]
        assert (gain, low) == pytest.approx((wanted.value, wanted.interval[0]))
    assert curve.random[-1] == pytest.approx(curve.gain[-1])
    assert curve.spent[-1] == pytest.approx(2)


def test_tied_customers_are_treated_by_chance() -> None:
    y, treatment, _ = campaign(200, 0)
    curve = policy_curve(y, treatment, np.zeros(200), n_points=4)
    assert curve.gain == pytest.approx(curve.random)


def test_the_results_read_well() -> None:
    y, treatment, helped = campaign(400, 0)
    found = policy_value(y, treatment, helped)
    assert str(found).startswith("treats ")
    assert found.to_frame()["against"].tolist() == ["nobody", "everybody", "random"]
    assert "<table>" in found._repr_html_()
    assert set(found.to_dict()) >= {"value", "interval", "share_treated"}
    curve = policy_curve(y, treatment, helped)
    assert str(curve).startswith("best to treat the first ")
    assert curve.to_dict()["gain"] == max(curve.gain)


def test_messages() -> None:
    y, treatment = [1, 0, 1, 0], [1, 1, 0, 0]
    with pytest.raises(InvalidDataError, match=r"chances in \[0, 1\]"):
        policy_value(y, treatment, [2, 0, 0, 0])
    with pytest.raises(InvalidDataError, match="cost must be at least 0"):
        policy_value(y, treatment, [1, 0, 0, 0], cost=-1)
    with pytest.raises(InvalidDataError, match="customers has 4, cost has 2"):
        policy_value(y, treatment, [1, 0, 0, 0], cost=[1, 2])
    with pytest.raises(InvalidParameterError, match=r"(?s)2 problems.*method.*value"):
        policy_value(y, treatment, [1, 0, 0, 0], method="dr", value=0)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="n_points"):
        policy_curve(y, treatment, [1, 0, 0, 0], n_points=0)
