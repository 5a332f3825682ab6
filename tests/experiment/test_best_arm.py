"""The best of several arms against draws, two arms against the pair, and bad input."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import Bayes, Estimate, Fixed, probability_best

MEANS = {"B": (10.3, 0.03), "C": (10.5, 0.02), "D": (9.9, 0.05)}


def arm(name: str, **more: Any) -> Estimate:
    mean, variance = MEANS[name]
    values: dict[str, Any] = {
        "metric": "spend", "control": "A", "variant": name, "n_control": 900, "n_variant": 900,
        "control_mean": 10.0, "variant_mean": mean, "control_variance": 0.03,
        "variant_variance": variance,
    }  # fmt: skip
    return Estimate(**{**values, **more})


ARMS = [arm(name) for name in MEANS]


@pytest.mark.parametrize("more_is_better", [True, False])
@pytest.mark.parametrize("prior_sd", [None, 0.03])
def test_draws_agree(prior_sd: float | None, more_is_better: bool) -> None:
    found = probability_best(ARMS, Bayes(prior_sd=prior_sd, more_is_better=more_is_better))
    rng = np.random.default_rng(0)
    n = 800_000
    control, weight = rng.normal(10.0, 0.03**0.5, n), np.ones(n)
    columns = [control]
    for mean, variance in MEANS.values():
        if prior_sd is None:
            columns.append(rng.normal(mean, variance**0.5, n))
            continue
        prior = (control * prior_sd) ** 2
        weight *= stats.norm.pdf(mean, control, np.sqrt(prior + variance))
        middle = (mean * prior + control * variance) / (prior + variance)
        columns.append(rng.normal(middle, np.sqrt(prior * variance / (prior + variance))))
    weight /= weight.sum()
    drawn = np.column_stack(columns) * (1.0 if more_is_better else -1.0)
    best = drawn.argmax(axis=1)
    chances = [weight[best == k].sum() for k in range(4)]
    losses = weight @ (drawn.max(axis=1)[:, None] - drawn)
    assert found.probability == pytest.approx(chances, abs=3e-3)
    assert found.expected_loss == pytest.approx(losses, abs=2e-3)
    assert sum(found.probability) == pytest.approx(1.0)
    assert found.best == ("C" if more_is_better else "D")


def test_two_arms_are_the_pair() -> None:
    for design in (Bayes(), Bayes(prior_sd=0.05), Bayes(more_is_better=False)):
        facts = design.judge(ARMS[0], alpha=0.05, alternative="two-sided").facts
        found = probability_best(ARMS[:1], design)
        assert found.probability[1] == pytest.approx(float(facts["probability_better"]), rel=1e-8)
        assert found.expected_loss == pytest.approx(
            (float(facts["loss_control"]), float(facts["loss_variant"])), rel=1e-7
        )


def test_rates_too() -> None:
    pair = [
        arm("B", control_mean=0.05, n_control=1000, variant_mean=0.06, n_variant=1200),
        arm("C", control_mean=0.05, n_control=1000, variant_mean=0.064, n_variant=500),
    ]
    found = probability_best(pair, Bayes(prior_counts=(1, 1)))
    rng = np.random.default_rng(3)
    drawn = np.column_stack(
        [rng.beta(a, b, 800_000) for a, b in ((51, 951), (73, 1129), (33, 469))]
    )
    best = drawn.argmax(axis=1)
    assert found.probability == pytest.approx([(best == k).mean() for k in range(3)], abs=2e-3)
    assert found.expected_loss == pytest.approx(
        (drawn.max(axis=1)[:, None] - drawn).mean(axis=0), abs=1e-4
    )


def test_effects_are_kept_where_the_control_differs_by_adjustment() -> None:
    moved = [ARMS[0], arm("C", control_mean=10.2, variant_mean=10.7)]
    assert probability_best(moved).probability == pytest.approx(
        probability_best(ARMS[:2]).probability, rel=1e-9
    )


def test_results_print_and_survive_pickling() -> None:
    found = probability_best([arm("B", variant="<b>")])
    assert list(found.to_frame()) == ["arm", "probability", "expected_loss"]
    assert "&lt;b&gt;" in found._repr_html_()
    assert "is the best with" in str(found)
    assert found.to_dict()["metric"] == "spend"
    assert pickle.loads(pickle.dumps(found)) == found


def test_bad_arms_are_named() -> None:
    with pytest.raises(InvalidDataError, match="no arm to compare"):
        probability_best([])
    with pytest.raises(InvalidDataError, match="one metric against one control"):
        probability_best([ARMS[0], replace(ARMS[1], metric="visits")])
    with pytest.raises(InvalidDataError, match="a variant occurs twice"):
        probability_best([ARMS[0], ARMS[0]])
    with pytest.raises(InvalidDataError, match="'B' or the control has no spread"):
        probability_best([arm("B", variant_variance=0.0)])
    with pytest.raises(InvalidParameterError, match="design must be Bayes"):
        probability_best(ARMS, Fixed())  # type: ignore[arg-type]
