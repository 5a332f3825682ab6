"""Sample ratio checks against SciPy, brute force, simulation and a public data set."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import Aggregates, check_srm
from userportrait.experiment._srm import chi_square_log_p, log_bayes_factor

if TYPE_CHECKING:
    from pathlib import Path

GATES = {"gate_30": 44_700, "gate_40": 45_489}


def test_cookie_cats_is_off_at_one_per_cent_and_the_alarm_level_is_stated() -> None:
    found = check_srm(GATES)
    assert found.p_value == pytest.approx(0.0086, abs=5e-5)
    assert not found.is_alarm
    assert "alarm below 0.001" in str(found)
    assert check_srm(GATES, alarm=0.01).is_alarm
    assert "ALARM" in str(check_srm(GATES, alarm=0.01))
    assert not check_srm(GATES, sequential=True, alarm=0.05).is_alarm


def test_cookie_cats_from_the_file(shared_data: Path) -> None:
    path = shared_data / "cookie_cats" / "cookie_cats.csv.gz"
    if not path.is_file():
        pytest.skip("cookie_cats.csv.gz is not here")
    frame = pd.read_csv(path)
    found = check_srm(frame.groupby("test_version").size())
    assert found.counts == GATES
    sums = Aggregates.from_frame(frame, ["retention_7"], variant="test_version")
    assert check_srm(sums) == found


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ({"A": 500, "B": 560}, {"A": 1, "B": 1}),
        ({"A": 900, "B": 60, "C": 55}, {"A": 0.9, "B": 0.05, "C": 0.05}),
        ({"A": 10, "B": 30, "C": 26, "D": 14, "E": 9}, {"A": 1, "B": 2, "C": 2, "D": 1, "E": 1}),
    ],
)
def test_chi_square_is_scipys(counts: dict[str, int], weights: dict[str, float]) -> None:
    planned = np.array(list(weights.values())) / sum(weights.values()) * sum(counts.values())
    expected = stats.chisquare(list(counts.values()), planned)
    found = check_srm(counts, weights)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    # Order of the plan does not matter; shares come out summing to 1.
    assert check_srm(counts, dict(reversed(weights.items()))) == found
    assert sum(found.expected.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 12])
def test_the_tail_of_chi_square_has_no_floor(freedom: int) -> None:
    for statistic in (0.1, 1.0, 8.0, 60.0, 700.0):
        expected = stats.chi2.logsf(statistic, freedom)
        assert chi_square_log_p(statistic, freedom) == pytest.approx(expected, rel=1e-10)
    # Far out: the two leading terms of the asymptotic expansion of the incomplete gamma.
    x, a = 5e5, freedom / 2
    leading = -x + (a - 1) * math.log(x) - math.lgamma(a) + math.log1p((a - 1) / x)
    assert chi_square_log_p(2 * x, freedom) == pytest.approx(leading, rel=1e-10)
    assert check_srm({"A": 10**6, "B": 2 * 10**6}).p_value == 0.0
    assert "p = 10^-" in str(check_srm({"A": 10**6, "B": 2 * 10**6}))


def test_the_exact_test_is_scipys_binomial_test() -> None:
    for x, n, share in ((3, 20, 0.5), (44_700, 90_189, 0.5), (0, 15, 0.3), (70, 100, 0.6)):
        found = check_srm({"A": x, "B": n - x}, {"A": share, "B": 1 - share}, test="exact")
        assert found.p_value == pytest.approx(stats.binomtest(x, n, share).pvalue, rel=1e-8)


# --- groups ------------------------------------------------------------------------------


def test_groups_find_what_totals_hide() -> None:
    counts = {
        "phone": {"A": 5500, "B": 5000},
        "desk": {"A": 5000, "B": 5500},
        "tablet": {"A": 1000, "B": 1003},
    }
    found = check_srm(counts, by="device")
    assert found.p_value > 0.9
    assert found.is_alarm
    assert [group.is_alarm for group in found.groups] == [True, True, False]
    p = [stats.chisquare([a["A"], a["B"]]).pvalue for a in counts.values()]
    assert [group.p_value for group in found.groups] == pytest.approx(p, rel=1e-10)
    # Holm by hand: the smallest times 3, the next times 2, the largest as it is.
    assert found.groups[2].adjusted_p_value == pytest.approx(p[2])
    assert found.groups[0].adjusted_p_value == pytest.approx(3 * min(p[:2]), rel=1e-9)
    assert list(found.groups_to_frame()["group"]) == ["phone", "desk", "tablet"]


def test_every_form_of_input_says_the_same() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "day": rng.integers(1, 12, 3000),
            "variant": rng.choice(["A", "B", "C"], 3000),
            "spend": rng.random(3000),
        }
    )
    series = frame.groupby(["day", "variant"]).size()
    nested = {day: part["variant"].value_counts().to_dict() for day, part in frame.groupby("day")}
    aggregates = Aggregates.from_frame(frame, ["spend"], by=["day"])
    first = check_srm(series, by="day")
    assert [group.label for group in first.groups] == [str(day) for day in range(1, 12)]
    second, third = check_srm(nested, by="day"), check_srm(aggregates, by="day")
    for other in (second, third):
        assert other.p_value == pytest.approx(first.p_value, rel=1e-12)
        assert [g.p_value for g in other.groups] == pytest.approx(
            [g.p_value for g in first.groups], rel=1e-9
        )
    total = check_srm(aggregates)
    assert (total.groups, total.p_value) == ((), first.p_value)


# --- sequential --------------------------------------------------------------------------


def test_the_bayes_factor_is_the_product_of_predictions() -> None:
    # One unit after another: predicted share under the prior over the planned share.
    rng = np.random.default_rng(7)
    shares, concentration = np.array([0.5, 0.3, 0.2]), 40.0
    seen, log_factor = np.zeros(3), 0.0
    for arm in rng.choice(3, size=500, p=[0.45, 0.35, 0.2]):
        predicted = (concentration * shares[arm] + seen[arm]) / (concentration + seen.sum())
        log_factor += math.log(predicted / shares[arm])
        seen[arm] += 1
    found = log_bayes_factor(seen.astype(np.int64), shares, concentration)
    assert float(found) == pytest.approx(log_factor, abs=1e-9)


def test_looking_after_every_unit_raises_no_more_false_alarms_than_promised() -> None:
    rng = np.random.default_rng(11)
    repeats, units, alarm = 2000, 3000, 0.05
    first = np.cumsum(rng.random((repeats, units)) < 0.5, axis=1)
    counts = np.stack([first, np.arange(1, units + 1) - first], axis=-1)
    factors = log_bayes_factor(counts, np.array([0.5, 0.5]), 100.0)
    false_alarms = np.mean(factors.max(axis=1) > -math.log(alarm))
    # Ville's inequality: at most 5 %; 2,000 repetitions have a standard error of 0.5 points.
    assert 0.005 < false_alarms < 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / repeats)
    # The fixed test, read after every unit from the hundredth on, fails that by far.
    n = np.arange(1, units + 1)
    z = np.abs(2 * first - n) / np.sqrt(n)
    assert np.mean((z[:, 100:] > 1.96).any(axis=1)) > 0.25


def test_a_real_mismatch_is_found_while_it_runs() -> None:
    days = {day: {"A": 5000, "B": 5400} for day in range(1, 15)}
    found = check_srm(days, sequential=True)
    p = [group.p_value for group in found.groups]
    assert p == sorted(p, reverse=True)
    assert found.is_alarm
    assert [group.is_alarm for group in found.groups].index(True) <= 4
    assert found.p_value == p[-1]
    # A later return to the plan does not take the alarm back.
    days |= {day: {"A": 5400, "B": 5000} for day in range(15, 29)}
    assert check_srm(days, sequential=True).p_value <= p[-1]


# --- results and errors ------------------------------------------------------------------


def test_a_result_is_a_table_a_dict_a_text_and_a_picture() -> None:
    days = {day: {"A": 500, "B": 500 + day} for day in range(1, 21)}
    found = check_srm(days, by="day")
    frame = found.to_frame()
    assert list(frame["n"]) == [10_000, 10_210]
    assert frame["difference"].sum() == pytest.approx(0.0)
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.to_dict()["groups"][0]["label"] == "1"
    assert "planned" in found._repr_html_()
    axes = found.plot()
    assert axes.get_yscale() == "log"
    (points,) = [c for c in axes.collections if len(c.get_offsets()) == 20]
    drawn = np.asarray(points.get_offsets())[:, 1]
    assert drawn == pytest.approx([group.adjusted_p_value for group in found.groups])
    check_srm(GATES).plot()


def test_few_units_are_noted() -> None:
    assert "approximate" in check_srm({"A": 3, "B": 5}).notes[0]
    assert not check_srm({"A": 3, "B": 5}, test="exact").notes


@pytest.mark.parametrize("bad", [-1, 2.5, math.nan, "7", True, None, math.inf])
def test_counts_that_are_no_counts_are_refused(bad: Any) -> None:
    with pytest.raises(InvalidDataError, match="whole numbers from 0 on; variant 'B' has"):
        check_srm({"A": 10, "B": bad})


def test_one_variant_or_no_units_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="at least two variants"):
        check_srm({"A": 10})
    with pytest.raises(InvalidDataError, match="at least one unit"):
        check_srm({"A": 0, "B": 0})
    with pytest.raises(InvalidDataError, match="groups for all"):
        check_srm({"A": 10, ("mon", "B"): 5, ("mon", "A"): 3})


def test_bad_plans_are_named() -> None:
    with pytest.raises(InvalidParameterError, match="Did you mean 'control'") as caught:
        check_srm({"control": 5, "B": 7}, {"contrl": 1, "B": 0})
    assert "no share for variant 'control'" in str(caught.value)
    assert "expected['B']" in str(caught.value)
    with pytest.raises(InvalidParameterError, match="is for two variants"):
        check_srm({"A": 5, "B": 7, "C": 3}, test="exact")
    wrong: Any = {5, 7}
    with pytest.raises(InvalidParameterError, match="got set"):
        check_srm(wrong)


def test_plain_numbers_are_variants_in_their_order() -> None:
    named = check_srm({"1": 44_700, "2": 45_489}, {"1": 1, "2": 1})
    assert check_srm([44_700, 45_489]).p_value == named.p_value
    assert check_srm(np.array([44_700, 45_489]), [0.5, 0.5]).p_value == named.p_value
    with pytest.raises(InvalidParameterError, match="3 shares for 2 variants"):
        check_srm([1, 2], [1, 1, 1])
