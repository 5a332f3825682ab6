"""Nearest customers, against formulas in dense NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.neighbours import (
    assert_keeps_all_promises,
    dense_top,
    formula,
    keep_largest,
    model_top,
    shop,
    weights_of,
)
from userportrait.errors import InvalidParameterError
from userportrait.recommend import UserKNN

if TYPE_CHECKING:
    from pathlib import Path

SIMILARITIES = ("cosine", "asymmetric", "jaccard", "dice", "tfidf", "bm25")


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("weighting", ["binary", "raw"])
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_neighbours_and_lists_are_those_of_the_formula(
    similarity: Any, weighting: Any, engine: Any
) -> None:
    frame = shop(n_customers=25)
    settings = {"alpha": 0.3, "k1": 2.0, "b": 0.6}
    model = UserKNN(
        6, similarity=similarity, shrinkage=0.7, weighting=weighting, engine=engine, **settings
    ).fit(frame)
    x = weights_of(frame, weighting)
    expected = keep_largest(formula(x, similarity, h=0.7, **settings), 6)
    found = np.sort(model.neighbours_.toarray(), axis=1)
    np.testing.assert_allclose(found, np.sort(expected, axis=1), rtol=1e-5, atol=1e-7)
    scores = model.neighbours_.toarray().astype(float) @ x.astype(np.float32)
    np.testing.assert_array_equal(model_top(model, 5), dense_top(scores, x, 5))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_a_basket_finds_its_neighbours_as_fit_would(similarity: Any, engine: Any) -> None:
    """A twin of a customer, given as a basket, has that customer's neighbours and the customer."""
    frame = shop(n_customers=25)
    model = UserKNN(1_000, similarity=similarity, weighting="raw", engine=engine).fit(frame)
    data = model.interactions_
    unknown = np.full(data.n_customers, -1)
    every = model._nearest_to(data.matrix, unknown).toarray()
    np.fill_diagonal(every, 0.0)
    np.testing.assert_array_equal(every, model.neighbours_.toarray())
    some = np.array([3, -1, 0, -1])
    mixed = model._nearest_to(data.matrix[[3, 7, 0, 9]], some).toarray()
    np.testing.assert_array_equal(mixed[[0, 2]], model.neighbours_[[3, 0]].toarray())
    np.fill_diagonal(mixed[[1, 3]][:, [7, 9]], 0.0)
    assert mixed[1, 7] > 0
    assert mixed[3, 9] > 0


def test_by_hand() -> None:
    """4 has a cup; 1 and 2 have cup and tea: 1 / sqrt(2) each speaks for tea."""
    lines = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2, 3, 3, 4],
            "item_id": ["cup", "tea", "cup", "tea", "tea", "pot", "cup"],
        }
    )
    model = UserKNN().fit(lines)
    found = model.recommend([4], k=1)
    assert found["item_id"].tolist() == ["tea"]
    np.testing.assert_allclose(found["score"], np.sqrt(2), rtol=1e-7)
    near = model.similar_customers([3], k=5)
    assert near["similar_customer_id"].tolist() == [1, 2]
    np.testing.assert_allclose(near["score"], 0.5, rtol=1e-7)
    # 1 is half like 3 and wholly like 2: both are asked what they have.
    parts = model.explain(1, "pot")
    assert parts["item_id"].tolist() == ["tea", "cup"]
    np.testing.assert_allclose(parts["contribution"], [0.5, 0.0], atol=1e-8)


def test_contributions_share_out_each_neighbour_by_common_items() -> None:
    frame = shop(n_customers=25)
    model = UserKNN(7, weighting="raw").fit(frame)
    x = weights_of(frame, "raw")
    near = model.neighbours_.toarray().astype(float)
    for customer, item in ((0, 3), (5, 11), (9, 20)):
        common = x[customer] * x
        shares = common / np.maximum(common.sum(axis=1, keepdims=True), 1e-300)
        expected = (near[customer] * x[:, item]) @ shares
        past = np.flatnonzero(x[customer])
        found = model._contributions(past, x[customer][past], customer, item)
        np.testing.assert_allclose(found, expected[past], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "dice", "tfidf"])
def test_it_keeps_all_promises(similarity: Any, tmp_path: Path) -> None:
    def make(**settings: Any) -> UserKNN:
        return UserKNN(9, similarity=similarity, weighting="log", **settings)

    assert_keeps_all_promises(make, tmp_path)


def test_more_similar_customers_than_neighbours_can_be_asked_for() -> None:
    model = UserKNN(3).fit(shop())
    assert len(model.similar_customers([105], k=20)) == 20
    three = model.similar_customers([105], k=3)
    pd.testing.assert_frame_equal(model.similar_customers([105], k=20)[:3], three)


def test_all_bad_parameters_are_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"n_neighbours.*similarity|similarity"):
        UserKNN(0, similarity="cosinus").fit(shop())  # type: ignore[arg-type]
