"""Segments: the number of clusters on known mixtures, order of rows, profiles and rules by hand."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)
from sklearn.preprocessing import StandardScaler

from helpers.estimator_checks import check_matrix_estimator
from userportrait._core.feature_table import read_features
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.segment import ClusterChoice, CustomerSegments, choose_n_clusters
from userportrait.segment._choose_k import jaccard_stability
from userportrait.segment._profiles import profile_segments

if TYPE_CHECKING:
    from pathlib import Path


def mixture(seed: int, centres: list[tuple[float, float]], n: int = 80) -> np.ndarray:
    source = np.random.default_rng(seed)
    return np.concatenate([source.normal(at, 1.0, size=(n, 2)) for at in centres])


def _k_means(n_clusters: int, rows: np.ndarray) -> np.ndarray:
    make: Any = KMeans
    labels: np.ndarray = make(n_clusters, n_init=10, random_state=1).fit(rows).labels_
    return labels


def shop(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """Return customers of three kinds of very different size, and their kinds."""
    source = np.random.default_rng(3)
    kind = np.repeat([0, 1, 2], [n // 2, n // 3, n - n // 2 - n // 3])
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(n)],
            "orders": source.normal(np.array([5.0, 30.0, 60.0])[kind], 2.0),
            "age": source.normal(np.array([30.0, 60.0, 30.0])[kind], 2.0),
            "channel": np.array(["web", "app", "shop"], dtype=object)[kind],
        }
    )
    return frame, kind


# The number of clusters


@pytest.mark.parametrize(
    ("seed", "centres"),
    [
        (0, [(0, 0), (8, 0)]),
        (1, [(0, 0), (8, 0), (0, 8)]),
        (2, [(0, 0), (8, 0), (0, 8), (8, 8), (16, 4)]),
        # Two that are near each other and one far away: the silhouette alone says 2.
        (3, [(0, 0), (7, 0), (90, 0)]),
    ],
)
def test_separate_clusters_are_counted(seed: int, centres: list[tuple[float, float]]) -> None:
    choice = choose_n_clusters(mixture(seed, centres), max_clusters=6)
    assert choice.n_clusters == len(centres)


@pytest.mark.parametrize("seed", range(3))
def test_one_cloud_has_no_clusters_whatever_its_shape(seed: int) -> None:
    source = np.random.default_rng(seed)
    cloud = source.normal(size=(300, 3)) @ source.normal(size=(3, 3))
    choice = choose_n_clusters(cloud, max_clusters=5)
    assert choice.n_clusters == 1
    assert str(choice) == "no clusters: the rows look like one cloud"


def test_measures_are_those_of_scikit_learn() -> None:
    rows = mixture(4, [(0, 0), (6, 0), (0, 6)])
    measures: Any = choose_n_clusters(rows, max_clusters=4).to_frame().set_index("n_clusters")
    labels = _k_means(3, rows)
    assert measures.loc[3, "silhouette"] == pytest.approx(silhouette_score(rows, labels))
    assert measures.loc[3, "calinski_harabasz"] == pytest.approx(
        calinski_harabasz_score(rows, labels)
    )
    assert measures.loc[3, "davies_bouldin"] == pytest.approx(davies_bouldin_score(rows, labels))
    assert measures["bic"].idxmin() == 3
    assert measures["gap"].idxmax() == 3
    assert measures.loc[3, "stability"] > 0.9


def test_stability_is_the_jaccard_index_of_the_least_stable_cluster() -> None:
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    labels = np.array([0, 0, 0, 1])

    def centres_of(_: Any) -> np.ndarray:
        return np.array([[0.5], [2.5]])  # cuts 0, 1 from 2, 3

    found = jaccard_stability(rows, labels, centres_of, np.random.default_rng(0), n_repeats=2)
    assert found == pytest.approx(1 / 2)  # {3} against {2, 3}; {0, 1, 2} has 2 / 3


def test_a_choice_does_not_depend_on_the_order_of_rows() -> None:
    rows = mixture(5, [(0, 0), (6, 0), (0, 6)], n=500)  # 1,500 rows: a sample is drawn
    other = np.random.default_rng(0).permutation(rows)
    first, second = (choose_n_clusters(x, max_clusters=3) for x in (rows, other))
    pd.testing.assert_frame_equal(first.measures, second.measures, check_exact=True)


def test_hardly_any_distinct_rows_have_no_clusters() -> None:
    choice = choose_n_clusters(np.repeat([[0.0], [1.0]], 10, axis=0))
    assert choice.n_clusters == 1
    assert "fewer than three distinct rows" in choice.reason
    assert choice.measures.empty


def test_malls_have_customers_of_five_kinds(shared_data: Path) -> None:
    # The five groups that everybody sees in the picture of income and spending.
    file = shared_data / "mall_customers" / "mall_customers.csv.gz"
    if not file.exists():
        pytest.skip("mall_customers is not among the public data sets here")
    customers = pd.read_csv(file)[["Annual_Income", "Spending_Score"]]
    segments = CustomerSegments(n_init=5).fit(customers)
    assert segments.n_clusters_ == 5
    assert segments.rules(customers)["precision"].min() > 0.9


def test_a_choice_shows_its_measures() -> None:
    choice = choose_n_clusters(mixture(0, [(0, 0), (8, 0)]), max_clusters=3)
    html = choice._repr_html_()
    assert "2 clusters: stable" in html
    assert "<th class='n' scope='col'>davies bouldin</th>" in html


# Segments


@pytest.mark.parametrize("method", ["kmeans", "minibatch", "gaussian_mixture"])
def test_kinds_of_customers_are_found_and_numbered_from_the_largest(method: Any) -> None:
    frame, kind = shop()
    segments = CustomerSegments(3, method=method, n_init=3).fit(frame)
    assert segments.labels_.tolist() == kind.tolist()
    assert segments.sizes_.tolist() == [150, 100, 50]
    assert segments.predict(frame).tolist() == kind.tolist()
    assert segments.choice_ is None


def test_auto_takes_the_number_that_was_chosen() -> None:
    frame, kind = shop()
    segments = CustomerSegments(max_clusters=5, n_init=3).fit(frame)
    assert isinstance(segments.choice_, ClusterChoice)
    assert segments.n_clusters_ == segments.choice_.n_clusters == 3
    assert adjusted_rand_score(kind, segments.labels_) == 1.0


def test_one_cloud_is_one_segment() -> None:
    cloud = np.random.default_rng(1).normal(size=(200, 2))
    segments = CustomerSegments(max_clusters=3, n_init=2).fit(cloud)
    assert segments.n_clusters_ == 1
    assert segments.names() == ["everybody"]
    assert segments.rules(cloud)["rule"].tolist() == ["everybody"]


def test_a_shuffled_table_and_another_engine_give_the_same_segments() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    source = np.random.default_rng(8)
    frame = pd.DataFrame(
        {"a": source.lognormal(size=400), "b": source.normal(size=400), "c": ["x", "y"] * 200}
    )
    frame.loc[::7, "b"] = np.nan
    order = source.permutation(len(frame))
    first = CustomerSegments(5).fit(frame)
    second = CustomerSegments(5).fit(frame.iloc[order])
    third = CustomerSegments(5).fit(pl.from_pandas(frame))
    assert first.labels_[order].tolist() == second.labels_.tolist()
    assert first.labels_.tolist() == third.labels_.tolist()
    pd.testing.assert_frame_equal(first.profile(), second.profile(), check_exact=True)


def test_an_id_is_no_feature() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame, _ = shop()
    frame["customer_id"] = np.arange(len(frame)) * 1e6
    plain = frame.drop(columns="customer_id")
    segments = CustomerSegments(3).fit(frame)
    assert segments.feature_names_in_.tolist() == ["orders", "age", "channel"]
    assert segments.labels_.tolist() == CustomerSegments(3).fit(plain).labels_.tolist()
    assert segments.predict(plain).tolist() == segments.predict(pl.from_pandas(frame)).tolist()


def test_lazy_frames_are_read_without_warnings() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame, _ = shop(60)
    lazy = pl.from_pandas(frame).lazy()
    segments = CustomerSegments(3).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert CustomerSegments(3).fit(lazy).labels_.tolist() == segments.labels_.tolist()


def test_another_transformer_may_prepare() -> None:
    rows = mixture(6, [(0, 0), (8, 8)])
    scaler = StandardScaler()
    segments = CustomerSegments(2, prepare=scaler).fit(rows)
    oracle = _k_means(2, StandardScaler().fit_transform(rows))
    assert adjusted_rand_score(oracle, segments.labels_) == 1.0
    assert not hasattr(scaler, "mean_")  # the caller's own is not fitted


@pytest.mark.parametrize("method", ["kmeans", "gaussian_mixture"])
def test_estimator_checks_of_scikit_learn_pass(method: Any) -> None:
    check_matrix_estimator(CustomerSegments(2, method=method, n_init=2))


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)'auto' or an integer.*method.*n_init"):
        CustomerSegments(0, method="kmean", n_init=0).fit([[1.0], [2.0]])  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="3 clusters need as many distinct rows"):
        CustomerSegments(3).fit([[1.0], [2.0], [2.0]])
    with pytest.raises(InvalidDataError, match="at least 10 rows"):
        CustomerSegments().fit([[1.0], [2.0]])
    for bad in ([[1.0], [np.nan]] * 10, [["web"], ["app"]] * 10, [1.0] * 10):
        with pytest.raises(InvalidDataError, match="finite numbers"):
            choose_n_clusters(bad)
    for prepare in ("x", StandardScaler):
        with pytest.raises(InvalidParameterError, match="prepare must be an object with fit"):
            CustomerSegments(2, prepare=prepare).fit([[1.0], [2.0]])
    with pytest.raises(NotFittedError):
        CustomerSegments().profile()


# What sets segments apart


def test_profiles_by_hand() -> None:
    frame = pd.DataFrame(
        {"spend": [1.0, 1, 1, np.nan, 9, 9], "channel": ["web", "web", "app", "web", "app", "app"]}
    )
    segments = CustomerSegments(2, n_init=2).fit(frame[["spend"]].fillna(1.0))
    assert segments.labels_.tolist() == [0, 0, 0, 0, 1, 1]
    table = read_features(frame, owner="test", allow_missing=True)
    found: Any = profile_segments(table, segments.labels_, [0, 1]).table
    found = found.set_index(["segment", "feature", "level"])
    spend = found.loc[(0, "spend", "")]
    assert spend[["n_customers", "mean", "everybody"]].tolist() == [4, 1.0, 21 / 5]
    assert spend["share"] == pytest.approx(4 / 6)
    assert spend["index"] == pytest.approx(100 / 4.2)
    assert spend["effect_size"] == pytest.approx((1 - 4.2) / np.std([1, 1, 1, 9, 9]))
    app = found.loc[(1, "channel", "app")]
    assert app[["mean", "everybody", "index"]].tolist() == [1.0, 0.5, 200.0]
    # Cohen's h: 2 asin(sqrt 1) - 2 asin(sqrt 1/2)
    assert app["effect_size"] == pytest.approx(np.pi - np.pi / 2)


def test_names_say_what_differs_most_in_two_languages() -> None:
    frame, _ = shop()
    segments = CustomerSegments(3).fit(frame[["customer_id", "orders", "age"]])
    assert segments.names() == [
        "low orders, low age",
        "high age, high orders",
        "high orders, low age",
    ]
    assert segments.names(language="zh")[1] == "高 age、高 orders"
    profile = segments.profile(language="zh")
    assert profile["name"].iloc[0] == "低 orders、低 age"
    assert profile.groupby("feature")["mean"].count().to_dict() == {"age": 3, "orders": 3}
    with pytest.raises(InvalidParameterError, match="language"):
        segments.names(language="de")  # type: ignore[arg-type]


def test_rules_find_the_segments_again_and_tell_their_own_worth() -> None:
    frame, kind = shop()
    segments = CustomerSegments(3).fit(frame)
    rules = segments.rules(frame)
    assert rules["precision"].tolist() == [1.0] * 3
    assert rules["recall"].tolist() == [1.0] * 3
    assert rules["n_customers"].tolist() == np.bincount(kind).tolist()


def test_figures_of_rules_are_those_of_the_rule_as_written() -> None:
    source = np.random.default_rng(2)
    frame = pd.DataFrame({"a": source.normal(size=500), "b": source.normal(size=500)})
    segments = CustomerSegments(4).fit(frame)
    for rule in segments.rules(frame, max_depth=2).itertuples():
        evaluated: Any = frame.eval(str(rule.rule))
        taken = evaluated.to_numpy()
        hits = int((segments.labels_[taken] == rule.segment).sum())
        assert taken.sum() == rule.n_customers
        assert rule.precision == pytest.approx(hits / taken.sum())
        assert rule.recall == pytest.approx(hits / segments.sizes_[int(str(rule.segment))])
        assert str(rule.rule).count(" and ") <= 1
