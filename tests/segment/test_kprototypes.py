"""k-prototypes: costs against brute force, and what must not change them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.estimator_checks import check_matrix_estimator
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.segment import KModes, KPrototypes


def mixture(n: int = 300, k: int = 3, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return customers of known clusters: two numbers, two categories that mostly tell."""
    source = np.random.default_rng(seed)
    truth = source.integers(k, size=n)
    spend = 4.0 * truth + source.normal(size=n)
    age = -3.0 * truth + source.normal(size=n)
    noise = source.random((2, n)) < 0.1
    channel = np.where(noise[0], source.integers(k, size=n), truth)
    city = np.where(noise[1], source.integers(k, size=n), truth)
    frame = pd.DataFrame(
        {
            "spend": spend,
            "channel": np.array(["web", "app", "shop", "mail"])[channel],
            "age": age,
            "city": np.array(["Rome", "Oslo", "Bonn", "Lima"])[city],
        }
    )
    return frame, truth


def cost_by_hand(frame: pd.DataFrame, labels: np.ndarray, gamma: float) -> float:
    """Return the cost of a partition with its best prototypes, written out."""
    total = 0.0
    for _, part in frame.groupby(labels):
        for name in frame:
            values = part[name]
            if values.dtype == np.float64:
                total += float(((values - values.mean()) ** 2).sum())
            else:
                total += gamma * (len(part) - int(values.value_counts().max()))
    return total


def same_partition(first: np.ndarray, second: np.ndarray) -> bool:
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    return len(pairs) == len(set(first.tolist())) == len(set(second.tolist()))


def test_clusters_of_a_mixture_are_found_again() -> None:
    frame, truth = mixture()
    model = KPrototypes(n_clusters=3).fit(frame)
    assert (pd.crosstab(model.labels_, truth).max(axis=1).sum()) > 0.97 * len(frame)
    assert model.cost_ == pytest.approx(cost_by_hand(frame, model.labels_, model.gamma_))
    assert model.sizes_.tolist() == sorted(model.sizes_.tolist(), reverse=True)
    assert list(model.prototypes_.columns) == list(frame.columns)


def test_gamma_is_half_the_mean_deviation_of_the_numbers() -> None:
    frame, _ = mixture()
    spread = frame[["spend", "age"]].to_numpy().std(axis=0).mean()
    assert KPrototypes(2, n_init=1).fit(frame).gamma_ == pytest.approx(0.5 * spread)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from("xy")),
        min_size=4,
        max_size=7,
    )
)
def test_no_partition_of_a_few_rows_is_cheaper(rows: list[tuple[int, str, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["n", "c", "d"]).astype({"n": float})
    if len(frame.drop_duplicates()) < 2:
        return
    model = KPrototypes(2, gamma=0.7, n_init=15, n_jobs=1).fit(frame)
    least = min(
        cost_by_hand(frame, np.array(labels), 0.7)
        for labels in product((0, 1), repeat=len(frame))
        if 0 < sum(labels) < len(frame)
    )
    assert model.cost_ == pytest.approx(least, abs=1e-9)


def test_a_shuffled_table_and_threads_give_the_same_clusters() -> None:
    frame, _ = mixture(2_000, 4)
    order = np.random.default_rng(1).permutation(len(frame))
    model = KPrototypes(4, n_jobs=1).fit(frame)
    other = KPrototypes(4, n_jobs=2).fit(frame.iloc[order])
    assert model.cost_ == other.cost_
    assert model.labels_[order].tolist() == other.labels_.tolist()
    pd.testing.assert_frame_equal(model.prototypes_, other.prototypes_)


def test_large_tables_start_on_a_sample_and_end_on_all_rows() -> None:
    frame, truth = mixture(25_000)
    model = KPrototypes(3, n_init=2).fit(frame)
    assert model.cost_ == pytest.approx(cost_by_hand(frame, model.labels_, model.gamma_))
    assert pd.crosstab(model.labels_, truth).max(axis=1).sum() > 0.97 * len(frame)


def test_new_customers_go_to_the_nearest_prototype() -> None:
    frame, _ = mixture()
    model = KPrototypes(3).fit(frame)
    assert model.predict(frame).tolist() == model.labels_.tolist()
    distances = model.transform(frame)
    assert distances.argmin(axis=1).tolist() == model.labels_.tolist()
    own = distances[np.arange(len(frame)), model.labels_]
    assert own.sum() == pytest.approx(model.cost_)
    strange = frame.head(1).assign(city="Atlantis")
    known = frame.head(1).assign(city=model.prototypes_["city"].iloc[0])
    away = model.transform(strange)[0, 0] - model.transform(known)[0, 0]
    assert away == pytest.approx(model.gamma_)


@pytest.mark.parametrize("offset", [1e6, 1.7e9, 2.0**40])
def test_an_offset_changes_nothing_but_the_prototypes(offset: float) -> None:
    frame, _ = mixture()
    frame = frame.round(3)
    moved = frame.assign(spend=frame["spend"] + offset, age=frame["age"] - offset)
    model, other = KPrototypes(3).fit(frame), KPrototypes(3).fit(moved)
    assert other.cost_ == pytest.approx(model.cost_, rel=1e-3)
    assert other.cost_ == pytest.approx(cost_by_hand(moved, other.labels_, other.gamma_))
    assert other.predict(moved).tolist() == other.labels_.tolist()
    distances = other.transform(moved)
    assert distances[np.arange(len(frame)), other.labels_].sum() == pytest.approx(other.cost_)
    means = moved.groupby(other.labels_)["spend"].mean()
    assert other.prototypes_["spend"].to_numpy() == pytest.approx(means.to_numpy(), abs=1e-4)


def test_distances_of_large_numbers_are_right() -> None:
    model = KPrototypes(1).fit(1e9 + np.arange(5.0)[:, None])
    away = model.transform(1e9 + np.arange(5.0)[:, None]).ravel()
    assert away.tolist() == [4.0, 1.0, 0.0, 1.0, 4.0]


def test_clusters_far_apart_are_cut_up_as_if_they_were_near() -> None:
    source = np.random.default_rng(0)
    parts = source.normal(size=(80, 2))
    parts[40:, 1] += 6.0
    X = np.concatenate([parts, parts + 1e10])
    model = KPrototypes(4).fit(X)
    assert model.sizes_.tolist() == [40, 40, 40, 40]
    assert model.cost_ == pytest.approx(2.0 * KPrototypes(2).fit(parts).cost_, rel=1e-3)
    assert model.predict(X).tolist() == model.labels_.tolist()


def test_numbers_whose_squares_overflow_are_refused() -> None:
    frame = pd.DataFrame({"near": [1.0, 2.0, 3.0], "far": [1e200, 2e200, 3e200]})
    with pytest.raises(InvalidDataError, match="'far' holds numbers more than 1e\\+150 apart"):
        KPrototypes(2).fit(frame)
    with pytest.raises(InvalidDataError, match="'far' holds numbers"):
        KPrototypes(2).fit(frame.assign(far=[-1.7e308, 0.0, 1.7e308]))
    model = KPrototypes(2).fit(frame[["near"]])
    with pytest.raises(InvalidDataError, match="'near' holds numbers"):
        model.predict(pd.DataFrame({"near": [1.0, -1e300]}))


def test_only_numbers_are_k_means() -> None:
    from sklearn.cluster import KMeans

    X = mixture()[0][["spend", "age"]].to_numpy()
    oracle = KMeans(3, n_init=10, random_state=0).fit(X)
    model = KPrototypes(3).fit(X)
    assert model.cost_ == pytest.approx(oracle.inertia_, rel=1e-9)
    assert same_partition(model.labels_, oracle.labels_)


def test_only_categories_are_k_modes() -> None:
    frame = mixture()[0][["channel", "city"]]
    model, other = KPrototypes(3).fit(frame), KModes(3).fit(frame)
    assert model.gamma_ == 1.0
    assert model.cost_ == other.cost_
    assert model.prototypes_.equals(other.modes_)
    assert other.predict(frame).tolist() == other.fit_predict(frame).tolist()


def test_numbers_can_be_categories() -> None:
    frame, _ = mixture()
    coded = frame.assign(city=frame["city"].map({"Rome": 1.0, "Oslo": 2.0, "Bonn": 3.0}))
    model = KPrototypes(3, categorical=["channel", "city"], gamma=1.0).fit(coded)
    assert model.cost_ == pytest.approx(KPrototypes(3, gamma=1.0).fit(frame).cost_)
    by_position = KPrototypes(3, categorical=[1, 3], gamma=1.0).fit(coded)
    assert by_position.labels_.tolist() == model.labels_.tolist()


def test_one_category_needs_no_list() -> None:
    frame, _ = mixture(60)
    frame = frame.drop(columns="channel")
    expected = KPrototypes(2, categorical=["city"]).fit(frame)
    for one in ("city", 2, np.int64(2), np.array([2])):
        found = KPrototypes(2, categorical=one).fit(frame)
        assert found.labels_.tolist() == expected.labels_.tolist()
    for bad in ([1.5], [None], [True]):
        with pytest.raises(InvalidParameterError, match="names or positions of columns; got"):
            KPrototypes(2, categorical=bad).fit(frame)


def test_categories_that_are_whole_numbers_or_booleans_stay_such() -> None:
    frame = pd.DataFrame({"n": [1, 2, 1], "is_vip": [True, False, True], "half": [0.5, 1.5, 0.5]})
    modes = KModes(2).fit(frame).modes_
    assert modes.to_dict("list") == {"n": [1, 2], "is_vip": [True, False], "half": [0.5, 1.5]}
    assert modes.dtypes.astype(str).tolist() == ["int64", "bool", "float64"]
    assert KModes(2).fit(frame[["n"]].to_numpy()).modes_.dtypes.tolist() == [np.int64]
    prototypes = KPrototypes(2, categorical=["n", "is_vip"]).fit(frame).prototypes_
    assert prototypes.dtypes.astype(str).tolist() == ["int64", "bool", "float64"]


def test_distances_have_names_in_a_frame() -> None:
    frame, _ = mixture(60)
    model = KPrototypes(2).set_output(transform="pandas")
    found = model.fit_transform(frame.set_axis(frame.index + 7))
    assert found.columns.tolist() == ["kprototypes0", "kprototypes1"]
    assert found.index.tolist() == (frame.index + 7).tolist()


def test_many_numbers_of_k_modes_are_cut_into_bins() -> None:
    X = np.arange(100.0).reshape(-1, 1)
    model = KModes(4, n_bins=4).fit(X)
    assert model.edges_["x0"].tolist() == [25.0, 50.0, 75.0]
    assert sorted(model.modes_["x0"]) == [12.0, 37.0, 62.0, 87.0]
    assert model.cost_ == 0.0


def test_no_cluster_stays_empty() -> None:
    frame = pd.DataFrame({"a": list("ppppqqqqr"), "b": list("xxxxxxxxy")})
    for seed in range(10):
        model = KPrototypes(3, n_init=1, random_state=seed).fit(frame)
        assert model.sizes_.min() > 0


@pytest.mark.parametrize("model", [KPrototypes(n_init=2, n_jobs=1), KModes(n_init=2, n_jobs=1)])
def test_estimator_checks_of_scikit_learn_pass(model: KPrototypes | KModes) -> None:
    check_matrix_estimator(model)


def test_bad_input_is_named() -> None:
    frame, _ = mixture(20)
    with pytest.raises(InvalidParameterError, match=r"(?s)n_clusters must be.*n_init must be"):
        KPrototypes(0, n_init=0).fit(frame)
    with pytest.raises(InvalidDataError, match="4 clusters need as many distinct rows"):
        KPrototypes(4).fit(pd.DataFrame({"a": ["x", "y"] * 5}))
    with pytest.raises(InvalidDataError, match="'channel' holds texts and is not in categorical"):
        KPrototypes(2, categorical=["city"]).fit(frame)
    with pytest.raises(MissingColumnError, match="Did you mean 'city'"):
        KPrototypes(2, categorical=["citty"]).fit(frame)
    with pytest.raises(InvalidDataError, match="there is no column 9"):
        KPrototypes(2, categorical=[9]).fit(frame)
    with pytest.raises(InvalidDataError, match="column 'city' has missing values"):
        KPrototypes(2).fit(frame.assign(city=None))
    model = KPrototypes(2).fit(frame)
    with pytest.raises(InvalidDataError, match="'city' holds numbers"):
        model.predict(frame.assign(city=1.0))
