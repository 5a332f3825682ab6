"""Clouds without clusters: shapes of columns stay, valleys go, and odd shapes are no clusters."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kurtosis, skew, spearmanr

from userportrait.segment import PrepareFeatures, choose_n_clusters
from userportrait.segment._single_cloud import SingleCloud, unimodal


def drawn(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    return SingleCloud(rows).draw(np.random.default_rng(seed))


def test_heights_are_evened_out_by_hand() -> None:
    assert unimodal(np.array([1.0, 2, 5, 3, 1])).tolist() == [1, 2, 5, 3, 1]
    assert unimodal(np.array([4.0, 0, 4, 1])).tolist() == [4, 2, 2, 1]  # as near as 2, 2, 4, 1
    assert unimodal(np.array([9.0, 1, 2, 3, 0])).tolist() == [9, 2, 2, 2, 0]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_evened_heights_have_one_mode_and_the_same_sum(heights: list[int]) -> None:
    found = unimodal(np.array(heights, dtype=float))
    steps = [round(b - a, 9) for a, b in pairwise(found)]
    signs = [step > 0 for step in steps if step != 0]
    assert signs == sorted(signs, reverse=True)  # up, then down
    assert found.sum() == pytest.approx(sum(heights))


def test_columns_keep_their_shapes_and_go_together_as_before() -> None:
    source = np.random.default_rng(0)
    normal = source.normal(size=(4_000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    counts = source.poisson(2.0, size=4_000)
    rows = np.column_stack([np.exp(normal[:, 0]), normal[:, 1], counts])
    found = drawn(rows)
    for one, other in zip(rows.T, found.T, strict=True):
        assert other.mean() == pytest.approx(one.mean(), rel=0.1, abs=0.05)
        assert other.std() == pytest.approx(one.std(), rel=0.1)
    assert skew(found[:, 0]) == pytest.approx(skew(rows[:, 0]), rel=0.4)
    assert abs(kurtosis(found[:, 1])) < 0.5
    assert set(np.unique(found[:, 2])) <= set(np.unique(counts))
    rank: Any = spearmanr
    expected, got = (float(rank(x[:, 0], x[:, 1]).statistic) for x in (rows, found))
    assert got == pytest.approx(expected, abs=0.05)


def test_a_valley_is_filled() -> None:
    source = np.random.default_rng(1)
    rows = np.concatenate([source.normal(at, 1.0, size=(500, 1)) for at in (0.0, 10.0)])
    in_between = ((rows > 4.0) & (rows < 6.0)).mean()
    found = drawn(rows)
    assert in_between < 0.01
    assert ((found > 4.0) & (found < 6.0)).mean() > 0.08


def test_flags_lose_their_ties_but_levels_of_one_category_stay_exclusive() -> None:
    source = np.random.default_rng(2)
    level = source.integers(3, size=2_000)
    levels = (level[:, None] == np.arange(3)).astype(float)
    rows = np.column_stack([levels, levels[:, 0]])  # a flag that copies the first level
    found = drawn(rows)
    assert (found[:, :3].sum(axis=1) == 1.0).all()
    assert found.mean(axis=0).tolist() == rows.mean(axis=0).tolist()
    assert abs(np.corrcoef(found[:, 0], found[:, 3])[0, 1]) < 0.1


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["uniform", "line", "counts and a flag", "recency and money"])
def test_independent_features_of_odd_shapes_have_no_clusters(kind: str, seed: int) -> None:
    source = np.random.default_rng(seed)
    n = 400
    tables: dict[str, dict[str, Any]] = {
        "uniform": {"a": source.random(n), "b": source.random(n)},
        "line": {"a": source.random(n)},
        "counts and a flag": {
            "age": source.normal(40, 12, n),
            "orders": source.poisson(0.7, n),
            "flag": source.random(n) < 0.1,
        },
        "recency and money": {
            "recency": source.exponential(60, n),
            "frequency": source.geometric(0.4, n),
            "monetary": source.lognormal(4, 1, n),
        },
    }
    prepared = PrepareFeatures().fit_transform(pd.DataFrame(tables[kind]))
    assert choose_n_clusters(prepared, max_clusters=6).n_clusters == 1
