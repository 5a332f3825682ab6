"""Off-policy estimates: tables worked by hand, whole distributions, simulations with a truth."""

from __future__ import annotations

import itertools
import math
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.errors import (
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.recommend import evaluate_policy

# Four impressions; weights are target over propensity: 2, 0, 1, 0.5.
LOG = pd.DataFrame(
    {
        "customer_id": [1, 1, 2, 2],
        "item_id": ["tea", "cup", "tea", "cup"],
        "reward": [1.0, 4.0, 3.0, 2.0],
        "propensity": [0.5, 0.25, 0.5, 1.0],
        "target_propensity": [1.0, 0.0, 0.5, 0.5],
    }
)
WEIGHT = np.array([2.0, 0.0, 1.0, 0.5])


@pytest.fixture
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        yield


@pytest.mark.usefixtures("quiet")
def test_estimates_are_those_worked_by_hand() -> None:
    log = LOG.assign(predicted=[1.0, 2.0, 2.0, 2.0], predicted_policy=[1.0, 1.0, 2.0, 2.0])
    found = evaluate_policy(log, methods=["ips", "snips", "dr", "dm"])
    assert found.value("ips") == (2 * 1 + 0 + 1 * 3 + 0.5 * 2) / 4
    assert found.value("snips") == pytest.approx((2 * 1 + 1 * 3 + 0.5 * 2) / 3.5)
    assert found.value("dm") == 1.5
    assert found.value("dr") == (1.0 + 1.0 + (2.0 + 1 * (3 - 2)) + 2.0) / 4
    assert found.logged_value == 2.5
    assert found.mean_weight == 3.5 / 4
    assert found.n_effective == pytest.approx(3.5**2 / (4 + 1 + 0.25))
    assert (found.largest_weight, found.share_overlapping, found.n_clusters) == (2.0, 0.75, 2)


@pytest.mark.usefixtures("quiet")
def test_errors_are_those_of_clusters_worked_by_hand() -> None:
    found = evaluate_policy(LOG, methods="ips", confidence_level=0.5).to_frame().iloc[0]
    terms = WEIGHT * LOG["reward"].to_numpy()
    moves = terms - terms.mean()
    total = np.array([moves[:2].sum(), moves[2:].sum()])
    error = math.sqrt(2 * (total**2).sum()) / 4
    by_customer = np.array([2.0, 1.5])
    freedom = max(by_customer.sum() ** 2 / (by_customer**2).sum() - 1, 1)
    from scipy.stats import t

    half = t.ppf(0.75, freedom) * error
    assert (found["ci_high"] - found["ci_low"]) / 2 == pytest.approx(half)


@pytest.mark.usefixtures("quiet")
def test_a_policy_may_be_chances_or_lists() -> None:
    chances = pd.DataFrame(
        {
            "customer_id": [1, 2, 2, 3],
            "item_id": ["tea", "tea", "cup", "oil"],
            "probability": [1.0, 0.5, 0.5, 1.0],
        }
    )
    log = LOG.drop(columns="target_propensity")
    expected = evaluate_policy(LOG, methods=["ips", "snips"])
    found = evaluate_policy(log, chances, methods=["ips", "snips"])
    assert found == expected
    lists = pd.DataFrame({"customer_id": [1, 2], "item_id": ["tea", "cup"], "rank": [1, 1]})
    certain = evaluate_policy(LOG.assign(target_propensity=[1.0, 0, 0, 1]), methods="ips")
    assert evaluate_policy(log, lists, methods="ips") == certain


def every_log(n: int) -> tuple[Any, Any, float]:
    """Return every log of n impressions with its chance, and the true value of the policy."""
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
    mean = np.array([1.0, -2.0, 5.0])
    logs = []
    for shown in itertools.product(range(3), repeat=n):
        at = list(shown)
        frame = pd.DataFrame(
            {
                "reward": mean[at],
                "propensity": old[at],
                "target_propensity": new[at],
                "predicted": np.array([3.0, 1.0, -1.0])[at],
                "predicted_policy": float(new @ [3.0, 1.0, -1.0]),
            }
        )
        logs.append((float(np.prod(old[at])), frame))
    return logs, old, float(new @ mean)


@pytest.mark.usefixtures("quiet")
def test_ips_and_dr_have_no_bias_over_all_logs() -> None:
    """The mean over the whole distribution of logs is the truth; the reward model is wrong."""
    logs, _, truth = every_log(3)
    for method in ("ips", "dr"):
        mean = sum(
            chance * evaluate_policy(log, methods=method).value(method) for chance, log in logs
        )
        assert mean == pytest.approx(truth)


def simulated(n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return a log, a policy, and what the policy earns on average."""
    rng = np.random.default_rng(seed)
    n_customers, n_items = 40, 4
    mean = np.random.default_rng(7).random((n_customers, n_items))
    old = np.random.default_rng(8).dirichlet(np.full(n_items, 3.0), n_customers)
    new = np.random.default_rng(9).dirichlet(np.full(n_items, 3.0), n_customers)
    customer = np.repeat(np.arange(n_customers), n // n_customers)
    item = (old[customer].cumsum(axis=1) > rng.random(n)[:, None]).argmax(axis=1)
    log = pd.DataFrame(
        {
            "customer_id": customer,
            "item_id": item,
            "reward": (rng.random(n) < mean[customer, item]).astype(float),
            "propensity": old[customer, item],
        }
    )
    cells = [(c, i, new[c, i]) for c in range(n_customers) for i in range(n_items)]
    policy = pd.DataFrame(cells, columns=["customer_id", "item_id", "probability"])
    return log, policy, float((new * mean).sum() / n_customers)


def test_estimates_come_near_the_truth_and_intervals_cover_it() -> None:
    inside: dict[str, list[bool]] = {}
    values: dict[str, list[float]] = {}
    n_trials = 120
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for seed in range(n_trials):
            log, policy, truth = simulated(800, seed)
            log["customer_id"] = log["customer_id"].astype(np.int64)
            for row in evaluate_policy(log, policy).to_frame().to_dict("records"):
                inside.setdefault(row["method"], []).append(
                    row["ci_low"] <= truth <= row["ci_high"]
                )
                values.setdefault(row["method"], []).append(row["value"])
    assert set(values) == {"ips", "snips", "dr"}
    for method, found in values.items():
        error = np.std(found) / math.sqrt(n_trials)
        assert abs(np.mean(found) - truth) < 4 * error + 0.005, method
        # Customers are fixed here, so intervals over customers err on the wide side.
        assert np.mean(inside[method]) >= 0.9, method
    assert np.std(values["snips"]) < np.std(values["ips"])
    assert np.std(values["dr"]) < np.std(values["ips"])


def slates(seed: int, n: int) -> tuple[pd.DataFrame, float]:
    """Two positions; the second is looked at only if the first was not clicked."""
    rng = np.random.default_rng(seed)
    old, new, click = np.array([0.6, 0.4]), np.array([0.3, 0.7]), np.array([0.2, 0.6])
    first, second = (rng.random((2, n)) < old[1]).astype(int)
    one = (rng.random(n) < click[first]).astype(float)
    two = (rng.random(n) < click[second]) * (1 - one)
    rows = pd.DataFrame(
        {
            "impression_id": np.repeat(np.arange(n), 2),
            "position": [1, 2] * n,
            "reward": np.column_stack([one, two]).ravel(),
            "propensity": old[np.column_stack([first, second])].ravel(),
            "target_propensity": new[np.column_stack([first, second])].ravel(),
        }
    )
    mean = float(new @ click)
    return rows, mean + (1 - mean) * mean


def test_cascades_are_estimated_without_bias_where_single_items_are_not() -> None:
    log, truth = slates(0, 60_000)
    cascade = evaluate_policy(log, slates="cascade")
    whole = evaluate_policy(log, slates="whole")
    for found in (cascade, whole):
        for row in found.to_frame().to_dict("records"):
            assert row["value"] == pytest.approx(truth, abs=0.02)
    alone = evaluate_policy(log, slates="independent").value("ips")
    assert abs(alone - truth) > 0.03
    assert cascade.n_effective >= whole.n_effective


@pytest.mark.usefixtures("quiet")
def test_slates_are_worked_by_hand() -> None:
    log = pd.DataFrame(
        {
            "impression_id": ["x", "x", "y", "y"],
            "position": [1, 2, 1, 2],
            "reward": [1.0, 2.0, 3.0, 4.0],
            "propensity": [0.5, 0.5, 0.5, 0.5],
            "target_propensity": [1.0, 0.5, 0.25, 0.75],  # weights 2, 1, 0.5, 1.5
        }
    )
    values = {
        slate: evaluate_policy(log, slates=slate, methods="ips").value("ips")
        for slate in ("independent", "cascade", "whole")
    }
    assert values["independent"] == (2 * 1 + 1 * 2 + 0.5 * 3 + 1.5 * 4) / 2
    assert values["cascade"] == (2 * 1 + 2 * 2 + 0.5 * 3 + 0.75 * 4) / 2
    assert values["whole"] == (2 * (1 + 2) + 0.75 * (3 + 4)) / 2
    snips = evaluate_policy(log, methods="snips").value("snips")
    assert snips == pytest.approx((2 * 1 + 0.5 * 3) / 2.5 + (1 * 2 + 1.5 * 4) / 2.5)
    log = log.assign(predicted=1.0, predicted_policy=[1.0, 2.0, 1.0, 2.0])
    found = evaluate_policy(log, slates="cascade", methods="dr").value("dr")
    rows = [2 * 0 + 1, 2 * 1 + 2 * 2, 0.5 * 2 + 1, 0.75 * 3 + 0.5 * 2]
    assert found == sum(rows) / 2


@pytest.mark.usefixtures("quiet")
def test_the_shipped_reward_model_is_the_mean_of_each_item_elsewhere() -> None:
    log = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "item_id": ["tea", "tea"],
            "reward": [1.0, 0.0],
            "propensity": [1.0, 1.0],
        }
    )
    policy = pd.DataFrame({"customer_id": [1, 2], "item_id": ["tea", "new"], "rank": 1})
    # Each customer is foretold from the other one alone, whose items are all average.
    assert evaluate_policy(log, policy, methods="dm").value("dm") == pytest.approx(0.5)


@pytest.mark.usefixtures("quiet")
def test_clipping_cuts_weights_and_counts_them() -> None:
    found = evaluate_policy(LOG, methods="ips", clip=1.0)
    assert (found.n_clipped, found.largest_weight) == (1, 1.0)
    assert found.value("ips") == (1 + 0 + 3 + 1) / 4


def test_showing_the_same_earns_the_same() -> None:
    log, _, _ = simulated(4000, 0)
    found = evaluate_policy(log.assign(target_propensity=log["propensity"]))
    for row in found.to_frame().to_dict("records"):
        assert row["value"] == pytest.approx(found.logged_value)
        assert row["difference_high"] - row["difference_low"] == pytest.approx(0.0, abs=1e-12)
    assert found.n_effective == pytest.approx(4000)


@pytest.mark.usefixtures("quiet")
def test_the_order_of_rows_and_the_engine_change_nothing(engine: str) -> None:
    log, policy, _ = simulated(400, 1)
    once = evaluate_policy(log, policy)
    again = evaluate_policy(
        to_engine(engine, log.sample(frac=1, random_state=1)),
        to_engine(engine, policy.sample(frac=1, random_state=2)),
    )
    assert once == again


def test_little_overlap_is_warned_of() -> None:
    with pytest.warns(DataWarning, match="count in effect"):
        evaluate_policy(LOG)
    log, _, _ = simulated(4000, 0)
    wrong = log.assign(target_propensity=log["propensity"] / 2)
    with pytest.warns(DataWarning, match="the mean weight is 0.500"):
        evaluate_policy(wrong)


@pytest.mark.usefixtures("quiet")
def test_results_print_pickle_and_compare() -> None:
    found = evaluate_policy(LOG)
    assert pickle.loads(pickle.dumps(found)) == found
    assert "4 impressions, worth" in str(found)
    assert "PolicyValue(ips" in repr(found)
    assert "snips" in found._repr_html_()
    assert found.to_dict()["n_impressions"] == 4
    with pytest.raises(InvalidParameterError, match="Did you mean 'snips'"):
        found.value("snip")


POLICY = pd.DataFrame({"customer_id": [1, 2], "item_id": ["tea", "tea"], "probability": 1.0})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: evaluate_policy(LOG, methods="sips"), InvalidParameterError, "Did you mean"),
        (lambda: evaluate_policy(LOG, methods="dr"), InvalidParameterError, "'predicted'"),
        (lambda: evaluate_policy(LOG, clip=0), InvalidParameterError, "clip must be"),
        (
            lambda: evaluate_policy(LOG.drop(columns="target_propensity")),
            MissingColumnError,
            "needs policy=",
        ),
        (
            lambda: evaluate_policy(LOG.drop(columns="propensity")),
            MissingColumnError,
            "the chance of showing it",
        ),
        (
            lambda: evaluate_policy(LOG.drop(columns="item_id"), POLICY),
            MissingColumnError,
            "goes by customer and item",
        ),
        (lambda: evaluate_policy(LOG.assign(propensity=0.0)), InvalidDataError, "more than 0"),
        (lambda: evaluate_policy(LOG.assign(propensity=1.5)), InvalidDataError, "at most 1"),
        (
            lambda: evaluate_policy(LOG.assign(target_propensity=-0.1)),
            InvalidDataError,
            "in \\[0, 1\\]",
        ),
        (
            lambda: evaluate_policy(LOG.assign(reward=[1, 2, 3, math.inf])),
            InvalidDataError,
            "finite numbers",
        ),
        (
            lambda: evaluate_policy(LOG, POLICY.iloc[:1]),
            InvalidDataError,
            "1 customer and position",
        ),
        (
            lambda: evaluate_policy(LOG, POLICY.assign(probability=0.5)),
            InvalidDataError,
            "do not sum to 1",
        ),
        (
            lambda: evaluate_policy(LOG, pd.concat([POLICY, POLICY]).assign(probability=0.5)),
            InvalidDataError,
            "twice",
        ),
        (
            lambda: evaluate_policy(LOG, POLICY.assign(customer_id=["1", "2"])),
            InvalidDataError,
            "Convert one of them",
        ),
        (
            lambda: evaluate_policy(LOG.assign(impression_id=[1, 1, 2, 2])),
            InvalidDataError,
            "need a column 'position'",
        ),
        (
            lambda: evaluate_policy(LOG.assign(impression_id=[1, 1, 2, 2], position=[1, 3, 1, 2])),
            InvalidDataError,
            "without a gap",
        ),
        (
            lambda: evaluate_policy(LOG.assign(impression_id=[1, 2, 2, 3], position=[1, 1, 2, 1])),
            InvalidDataError,
            "two customers",
        ),
    ],
)
def test_bad_input_is_refused_with_what_would_do(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
