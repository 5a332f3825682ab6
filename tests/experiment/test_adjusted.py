"""Many hypotheses: statsmodels' p-values, and intervals that keep what they promise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from userportrait.experiment import Bayes, Experiment, Mean
from userportrait.experiment._adjusted import adjust_family

KNOWN = {"bonferroni": "bonferroni", "holm": "holm", "bh": "fdr_bh", "by": "fdr_by"}


def frame(seed: int, shifts: tuple[float, ...], n: int = 60, k: int = 6) -> pd.DataFrame:
    """Arms "A", "B", ... that differ by a shift on half of k metrics."""
    rng = np.random.default_rng(seed)
    parts = []
    for name, shift in zip("ABCDE", (0.0, *shifts), strict=False):
        y = rng.normal(size=(n, k)) + shift * (np.arange(k) % 2)
        parts.append(pd.DataFrame(y, columns=[f"y{i}" for i in range(k)]).assign(variant=name))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("method", list(KNOWN))
@pytest.mark.parametrize("m", [1, 2, 3, 12, 40])
def test_p_values_are_those_of_statsmodels(method: Any, m: int) -> None:
    p_values = 10.0 ** -np.random.default_rng(m).uniform(0.0, 6.0, m)
    p_values[m // 2 :] = np.round(p_values[m // 2 :], 2).clip(1e-3)  # ties
    found, _ = adjust_family([math.log(p) for p in p_values], method, 0.05)
    known = multipletests(p_values, method=KNOWN[method])[1]
    assert np.exp(found) == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("method", ["bonferroni", "bh", "by"])
@pytest.mark.parametrize("seed", range(12))
def test_an_interval_excludes_zero_exactly_where_its_hypothesis_is_rejected(
    method: Any, seed: int
) -> None:
    data = frame(seed, (0.5,))
    metrics = [Mean(f"y{i}") for i in range(6)]
    for effect in Experiment(metrics, control="A", multiplicity=method).analyze(data):
        low, high = effect.interval
        assert effect.is_significant == (low > 0.0 or high < 0.0)


def test_holm_goes_with_bonferronis_intervals() -> None:
    metrics = [Mean(f"y{i}") for i in range(6)]
    data = frame(1, (0.6,))
    holm = Experiment(metrics, control="A", multiplicity="holm").analyze(data)
    plain = Experiment(metrics, control="A", alpha=0.05 / 6).analyze(data)
    assert [e.interval for e in holm] == [e.interval for e in plain]
    assert {e.interval_alpha for e in holm} == {0.05 / 6}
    for effect in holm:
        holds_zero = effect.interval[0] <= 0.0 <= effect.interval[1]
        told = any("Holm's test rejects" in note for note in effect.notes)
        assert told == (effect.is_significant and holds_zero)
    known = multipletests([e.p_value for e in plain], method="holm")[1]
    assert [e.adjusted_p_value for e in holm] == pytest.approx(known, rel=1e-9)


def test_guardrails_and_hypotheses_without_a_p_value_do_not_count() -> None:
    metrics = [Mean("y0"), Mean("y1"), Mean("y2", role="guardrail")]
    found = Experiment(metrics, control="A", multiplicity="bonferroni").analyze(frame(2, (0.2,)))
    assert [e.interval_alpha for e in found] == [0.025, 0.025, 0.05]
    assert found["y2"].adjusted_p_value == found["y2"].p_value
    assert found["y0"].adjusted_p_value == pytest.approx(min(2.0 * found["y0"].p_value, 1.0))
    log_p, level = adjust_family([math.nan, math.log(0.01)], "bonferroni", 0.05)
    assert math.isnan(log_p[0])
    assert (math.exp(log_p[1]), level) == (pytest.approx(0.01), 0.05)
    bayes = Experiment(metrics, control="A", multiplicity="holm", design=Bayes())
    assert all(math.isnan(e.adjusted_p_value) for e in bayes.analyze(frame(2, (0.2,))))


def test_dunnett_is_between_no_adjustment_and_bonferroni() -> None:
    data = frame(3, (0.3, 0.5, 0.1))
    found = {
        method: Experiment(Mean("y1"), control="A", multiplicity=method).analyze(data)
        for method in (None, "dunnett", "bonferroni")
    }
    for plain, dunnett, bonferroni in zip(*found.values(), strict=True):
        assert plain.p_value < dunnett.adjusted_p_value < bonferroni.adjusted_p_value
        widths = [e.interval[1] - e.interval[0] for e in (plain, dunnett, bonferroni)]
        assert widths == sorted(widths)
        low, high = dunnett.interval
        assert dunnett.is_significant == (low > 0.0 or high < 0.0)


@pytest.mark.slow
def test_simultaneous_intervals_cover_all_effects_at_once() -> None:
    """Dunnett, three variants of unequal size: 4,000 experiments, standard error 0.35 points."""
    rng = np.random.default_rng(12)
    sizes = {"A": 40, "B": 30, "C": 60, "D": 25}
    labels = np.repeat(list(sizes), list(sizes.values()))
    experiment = Experiment(Mean("y"), control="A", multiplicity="dunnett")
    covered = 0
    for _ in range(4_000):
        data = pd.DataFrame({"variant": labels, "y": rng.normal(size=len(labels))})
        covered += all(e.interval[0] <= 0.0 <= e.interval[1] for e in experiment.analyze(data))
    assert 0.94 <= covered / 4_000 <= 0.96


def test_intervals_of_the_rejected_miss_at_the_rate_that_is_promised() -> None:
    """False coverage: the mean share of misses among intervals of rejected hypotheses."""
    misses = []
    truth = {f"y{i}": 0.55 * (i % 2) for i in range(6)}
    experiment = Experiment([Mean(name) for name in truth], control="A", multiplicity="bh")
    for seed in range(200):
        chosen = [e for e in experiment.analyze(frame(seed, (0.55,))) if e.is_significant]
        off = [not e.interval[0] <= truth[e.metric] <= e.interval[1] for e in chosen]
        misses.append(sum(off) / max(len(off), 1))
    assert np.mean(misses) <= 0.05 + 2.0 * np.std(misses) / 14.0
