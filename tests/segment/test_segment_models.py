"""Dense groups and prototypes as segments: noise, new customers by brute force, categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from helpers.estimator_checks import check_matrix_estimator
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.segment import CustomerSegments, KPrototypes, PrepareFeatures
from userportrait.segment import _dense_rows as dense_rows
from userportrait.segment._dense_rows import DenseRows


def moons(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    """Return two half moons, which no centres can tell apart, and a few customers far off."""
    rows, kind = make_moons(n, noise=0.05, random_state=0)
    off = np.array([[4.0, 4.0], [-4.0, 3.0], [4.0, -4.0]])
    frame = pd.DataFrame(np.concatenate([rows, off]), columns=["visits", "spend"])
    return frame, np.append(kind, [-1, -1, -1])


def mixed(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """Return two kinds of customers that differ in spend, and two that differ in categories."""
    source = np.random.default_rng(5)
    kind = source.integers(3, size=n)
    frame = pd.DataFrame({"spend": source.normal(np.array([10.0, 10.0, 60.0])[kind], 3.0)})
    for name in ("channel", "city", "device", "plan"):
        usual = np.array(["a", "b", "b"], dtype=object)[kind]
        frame[name] = np.where(source.random(n) < 0.05, "c", usual)
    return frame, kind


# HDBSCAN


def test_dense_groups_of_any_shape_are_found_and_loners_left_out() -> None:
    frame, kind = moons()
    segments = CustomerSegments(method="hdbscan").fit(frame)
    assert segments.n_clusters_ == 2
    assert adjusted_rand_score(kind, segments.labels_) > 0.99
    assert segments.labels_[-3:].tolist() == [-1, -1, -1]
    assert segments.sizes_.tolist() == np.bincount(segments.labels_[segments.labels_ >= 0]).tolist()
    assert segments.choice_ is None
    by_centres = CustomerSegments(2).fit(frame)
    assert adjusted_rand_score(kind, by_centres.labels_) < 0.7


def test_customers_left_out_have_a_name_and_rows_of_their_own() -> None:
    frame, _ = moons()
    segments = CustomerSegments(method="hdbscan").fit(frame)
    outside = segments.labels_ == -1
    assert segments.names()[-1] == "outside all segments"
    assert segments.names(language="zh")[-1] == "未归入任何分群"
    assert len(segments.names()) == 3
    profile = segments.profile()
    assert profile["segment"].unique().tolist() == [0, 1, -1]
    row = profile[(profile["segment"] == -1) & (profile["feature"] == "spend")].iloc[0]
    assert row["n_customers"] == outside.sum()
    assert row["mean"] == pytest.approx(frame.loc[outside, "spend"].mean())
    rules = segments.rules(frame)
    assert rules["segment"].tolist() == [0, 1, -1]
    assert rules["name"].tolist() == segments.names()


def test_groups_are_those_of_scikit_learn_and_new_rows_by_brute_force() -> None:
    source = np.random.default_rng(1)
    rows = np.concatenate([source.normal(at, 1.0, size=(60, 3)) for at in (0.0, 7.0)])
    make: Any = HDBSCAN
    oracle = make(min_cluster_size=20, min_samples=10, copy=True).fit(rows).labels_
    found = DenseRows(rows, 20, None)
    assert found.labels.tolist() == oracle.tolist()
    assert found.predict(rows).tolist() == oracle.tolist()
    new = source.uniform(-4.0, 11.0, size=(200, 3))
    expected = _brute_force(rows, oracle, new)
    assert found.predict(new).tolist() == expected
    assert {-1, 0, 1} == set(expected)


def _brute_force(rows: np.ndarray, labels: np.ndarray, new: np.ndarray) -> list[int]:
    """Apply the rule as it is documented, one pair at a time."""

    def away_from_rows(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.linalg.norm(rows - x, axis=1)
        return found

    core = np.array([np.sort(away_from_rows(x))[9] for x in rows])
    reach: dict[int, float] = {}
    for group in (0, 1):
        members = np.flatnonzero(labels == group)
        steps = []
        for one in members:
            fellows = members[members != one]
            plain = away_from_rows(rows[one])[fellows]
            steps.append(np.maximum(np.maximum(plain, core[fellows]), core[one]).min())
        reach[group] = max(steps)
    found: list[int] = []
    for x in new:
        plain = away_from_rows(x)
        near = np.argsort(plain)[:20]
        mutual = np.maximum(np.maximum(plain[near], core[near]), plain[near][9])
        best = int(near[np.argmin(mutual)])
        label = int(labels[best])
        found.append(label if label >= 0 and mutual.min() <= reach[label] else -1)
    return found


def test_new_customers_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, _ = moons()
    whole = CustomerSegments(method="hdbscan").fit(frame)
    monkeypatch.setattr(dense_rows, "_BLOCK", 7)
    parts = CustomerSegments(method="hdbscan").fit(frame)
    assert parts.labels_.tolist() == whole.labels_.tolist()
    assert parts.predict(frame * 1.1).tolist() == whole.predict(frame * 1.1).tolist()


def test_a_number_is_the_most_that_dense_groups_may_be() -> None:
    source = np.random.default_rng(2)
    places = [(0, 0, 150), (9, 0, 150), (0, 9, 60), (40, 40, 25)]
    rows = np.concatenate([source.normal((x, y), 1.0, size=(n, 2)) for x, y, n in places])
    found = [CustomerSegments(most, method="hdbscan").fit(rows) for most in (1, 2, 3, 4, 9)]
    assert [one.n_clusters_ for one in found] == [1, 2, 3, 4, 4]
    assert found[2].labels_[-25:].tolist() == [-1] * 25  # the smallest is one no more


def test_no_dense_groups_are_one_segment() -> None:
    rows = np.random.default_rng(3).normal(size=(150, 2))
    segments = CustomerSegments(method="hdbscan", min_cluster_size=60).fit(rows)
    assert segments.n_clusters_ == 1
    assert segments.labels_.tolist() == [0] * 150
    assert segments.names() == ["everybody"]
    assert segments.predict(rows + 50.0).tolist() == [0] * 150


def test_a_least_size_is_kept() -> None:
    frame, _ = moons()
    small = CustomerSegments(method="hdbscan", min_cluster_size=3).fit(frame)
    large = CustomerSegments(method="hdbscan", min_cluster_size=80).fit(frame)
    assert small.n_clusters_ > large.n_clusters_
    assert large.sizes_.min() >= 80


# k-prototypes


def test_prototypes_are_those_of_prepared_numbers_and_plain_categories() -> None:
    frame, _ = mixed()
    segments = CustomerSegments(3, method="kprototypes", n_init=3).fit(frame)
    prepared = frame.assign(spend=PrepareFeatures().fit_transform(frame[["spend"]])[:, 0])
    oracle = KPrototypes(3, gamma=1.0, n_init=3).fit(prepared)
    assert adjusted_rand_score(oracle.labels_, segments.labels_) == 1.0
    assert segments.predict(frame).tolist() == segments.labels_.tolist()


def test_prototypes_are_counted_on_a_table_of_both() -> None:
    frame, kind = mixed()
    segments = CustomerSegments(method="kprototypes", max_clusters=5, n_init=3).fit(frame)
    assert segments.choice_ is not None
    assert segments.n_clusters_ == segments.choice_.n_clusters == 3
    assert adjusted_rand_score(kind, segments.labels_) > 0.95


def test_categories_alone_and_numbers_alone_will_do() -> None:
    frame, kind = mixed()
    categories = frame.drop(columns="spend")
    found = CustomerSegments(2, method="kprototypes", n_init=3).fit(categories)
    assert adjusted_rand_score(kind == 0, found.labels_) == 1.0
    numbers = frame[["spend"]]
    plain, centred = (
        CustomerSegments(2, method=method, n_init=3).fit(numbers).labels_
        for method in ("kprototypes", "kmeans")
    )
    assert plain.tolist() == centred.tolist()
    dropping = PrepareFeatures(categories="drop")
    dropped = CustomerSegments(2, method="kprototypes", n_init=3, prepare=dropping).fit(frame)
    assert dropped.labels_.tolist() == plain.tolist()


def test_weight_of_categories_is_what_a_mismatch_counts() -> None:
    source = np.random.default_rng(0)
    frame = pd.DataFrame({"spend": source.normal(size=200), "kind": ["x", "y"] * 100})
    heavy = CustomerSegments(
        2, method="kprototypes", prepare=PrepareFeatures(category_weight=100.0)
    ).fit(frame)
    assert set(zip(heavy.labels_, frame["kind"], strict=True)) in ({(0, "x"), (1, "y")},
        {(0, "y"), (1, "x")})  # fmt: skip
    light = CustomerSegments(
        2, method="kprototypes", prepare=PrepareFeatures(category_weight=0.0)
    ).fit(frame)
    assert adjusted_rand_score(frame["spend"] > frame["spend"].median(), light.labels_) > 0.7


def test_only_our_own_preparation_knows_numbers_from_levels() -> None:
    with pytest.raises(InvalidParameterError, match=r"prepare must be a PrepareFeatures"):
        CustomerSegments(2, method="kprototypes", prepare=StandardScaler()).fit([[1.0], [2.0]])


# Both


@pytest.mark.parametrize("method", ["hdbscan", "kprototypes"])
def test_missing_values_and_the_order_of_rows_change_nothing(method: Any) -> None:
    frame, _ = mixed()
    frame.loc[::9, "spend"] = np.nan
    frame.loc[::7, "channel"] = None
    order = np.random.default_rng(1).permutation(len(frame))
    first = CustomerSegments(3, method=method, n_init=3).fit(frame)
    second = CustomerSegments(3, method=method, n_init=3).fit(frame.iloc[order])
    assert first.n_clusters_ > 1
    assert first.labels_[order].tolist() == second.labels_.tolist()
    assert first.predict(frame).tolist() == first.labels_.tolist()


@pytest.mark.parametrize("method", ["minibatch", "hdbscan", "kprototypes"])
def test_estimator_checks_of_scikit_learn_pass(method: Any) -> None:
    check_matrix_estimator(CustomerSegments(2, method=method, n_init=2))


def test_too_many_segments_are_refused() -> None:
    methods: list[Any] = ["kmeans", "hdbscan", "kprototypes"]
    for method in methods:
        with pytest.raises(InvalidDataError, match="3 clusters need as many distinct rows"):
            CustomerSegments(3, method=method).fit([[1.0], [2.0], [2.0]])
