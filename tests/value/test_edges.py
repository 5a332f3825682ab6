"""Score limits against numpy, pandas and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from userportrait.value._edges import learn_limits, score_values

values = st.lists(st.integers(-1000, 1000), min_size=1, max_size=60).map(np.array)


@given(values, st.integers(2, 9))
def test_quantile_limits_are_numpys(found: np.ndarray, n_bins: int) -> None:
    expected = np.quantile(found, np.arange(1, n_bins) / n_bins)
    assert learn_limits(found, n_bins, "quantile").tolist() == expected.tolist()


shuffled = st.lists(
    st.one_of(
        st.integers(-50, 50).map(lambda cents: cents / 100),
        st.floats(-1e9, 1e9).map(lambda value: round(value, 2) + 0.0),
    ),
    min_size=1,
    max_size=80,
).map(np.array)


@given(
    st.one_of(values, shuffled),
    st.integers(2, 9),
    st.sampled_from(["quantile", "uniform", "kmeans", "mean", "median"]),
    st.randoms(use_true_random=False),
)
def test_counts_of_values_give_the_limits_of_the_values_in_any_order_to_the_bit(
    found: np.ndarray, n_bins: int, binning: str, random: object
) -> None:
    expected = learn_limits(found, n_bins, binning)
    random.shuffle(found)  # type: ignore[attr-defined]
    assert learn_limits(found, n_bins, binning).tolist() == expected.tolist()
    distinct, counts = np.unique(found, return_counts=True)
    assert learn_limits(distinct, n_bins, binning, counts).tolist() == expected.tolist()


@given(shuffled)
def test_means_medians_and_quantiles_are_numpys(found: np.ndarray) -> None:
    assert learn_limits(found, 2, "median")[0] == np.median(found)
    assert learn_limits(found, 2, "mean")[0] == pytest.approx(np.mean(found), abs=1e-6)
    expected = np.quantile(found, [0.2, 0.4, 0.6, 0.8])
    distinct, counts = np.unique(found, return_counts=True)
    assert learn_limits(distinct, 5, "quantile", counts).tolist() == expected.tolist()


def test_uniform_limits_make_equal_widths() -> None:
    assert learn_limits(np.array([0, 3, 10]), 5, "uniform").tolist() == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("seed", range(5))
def test_clusters_are_a_fixed_point_of_k_means(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = np.concatenate([rng.normal(c, 0.3, 200) for c in (0, 5, 9, 20)])
    limits = learn_limits(found, 4, "kmeans")
    scores = score_values(found, limits, low_is_best=False)
    centres = np.array([found[scores == s].mean() for s in (1, 2, 3, 4)])
    # scikit-learn, started at our centres, does not move any point.
    model = KMeans(4, init=centres[:, None], n_init=1).fit(found[:, None])
    assert (model.labels_ + 1 == scores).all()
    assert limits == pytest.approx((centres[1:] + centres[:-1]) / 2)


def test_fewer_distinct_values_than_clusters_leave_the_top_scores_empty() -> None:
    limits = learn_limits(np.array([1, 1, 7]), 5, "kmeans")
    assert score_values(np.array([1, 7]), limits, low_is_best=False).tolist() == [1, 2]


@given(values, st.integers(2, 9), st.sampled_from(["quantile", "uniform", "kmeans"]))
def test_scores_rise_with_values_and_equal_values_share_one(
    found: np.ndarray, n_bins: int, binning: str
) -> None:
    limits = learn_limits(found, n_bins, binning)
    assert limits.shape == (n_bins - 1,)
    assert (np.diff(limits[np.isfinite(limits)]) >= 0).all()
    scores = score_values(found, limits, low_is_best=False)
    order = np.argsort(found, kind="stable")
    assert (np.diff(scores[order]) >= 0).all()
    assert scores.min() >= 1
    assert scores.max() <= n_bins
    reverse = score_values(found, limits, low_is_best=True)
    assert (reverse + scores == n_bins + 1).all()


def test_a_value_equal_to_a_limit_is_below_it() -> None:
    limits = np.array([2.0, 4.0])
    assert score_values(np.array([2, 3, 4, 5]), limits, low_is_best=False).tolist() == [1, 2, 2, 3]
