"""Nearest items, against formulas in dense NumPy and against implicit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.neighbours import (
    assert_keeps_all_promises,
    dense_top,
    formula,
    keep_largest,
    lists_of,
    model_top,
    shop,
    weights_of,
)
from userportrait.errors import InvalidParameterError
from userportrait.recommend import Interactions, ItemKNN

if TYPE_CHECKING:
    from pathlib import Path

SIMILARITIES = ("cosine", "asymmetric", "jaccard", "dice", "tfidf", "bm25")


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("weighting", ["binary", "raw", "log"])
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_neighbours_and_lists_are_those_of_the_formula(
    similarity: Any, weighting: Any, engine: Any
) -> None:
    frame = shop(n_customers=20)
    settings = {"alpha": 0.3, "k1": 2.0, "b": 0.6}
    model = ItemKNN(
        6, similarity=similarity, shrinkage=0.7, weighting=weighting, engine=engine, **settings
    ).fit(frame)
    x = weights_of(frame, weighting)
    expected = keep_largest(formula(x.T, similarity, h=0.7, **settings), 6)
    np.testing.assert_allclose(model.neighbours_.toarray().sum(), expected.sum(), rtol=1e-5)
    # Ties of the formula may be broken by its last digits: compare what does not depend on them.
    found = np.sort(model.neighbours_.toarray(), axis=1)
    np.testing.assert_allclose(found, np.sort(expected, axis=1), rtol=1e-5, atol=1e-7)
    x = x.astype(np.float32).astype(float)
    scores = x @ model.neighbours_.toarray().astype(float)
    np.testing.assert_array_equal(model_top(model, 5), dense_top(scores, x, 5))


def test_by_hand() -> None:
    """Cups and tea share 2 of 3 and 3 customers: 2 / 3; tea and pot 1 of 3 and 1: 1 / sqrt(3)."""
    lines = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2, 3, 3, 4],
            "item_id": ["cup", "tea", "cup", "tea", "tea", "pot", "cup"],
        }
    )
    model = ItemKNN().fit(lines)
    found = model.similar_items(["tea"], k=5)
    assert found["similar_item_id"].tolist() == ["cup", "pot"]
    np.testing.assert_allclose(found["score"], [2 / 3, 1 / np.sqrt(3)], rtol=1e-7)
    assert model.complete([["cup", "pot"]], k=1)["score"].iloc[0] == pytest.approx(
        2 / 3 + 1 / np.sqrt(3), rel=1e-7
    )


def test_asymmetric_between_the_two_shares() -> None:
    """With alpha 1 the value is the share of the past item's customers who have the other."""
    frame = shop(n_customers=20)
    x = weights_of(frame, "binary")
    together, n = x.T @ x, x.sum(axis=0)
    for alpha, share in ((1.0, together / n[:, None]), (0.0, together / n[None, :])):
        found = ItemKNN(1_000, similarity="asymmetric", alpha=alpha).fit(frame).neighbours_
        np.fill_diagonal(share, 0.0)
        np.testing.assert_allclose(found.toarray(), share, rtol=1e-6)
    half, cosine = (ItemKNN(similarity=s).fit(frame).neighbours_ for s in ("asymmetric", "cosine"))
    np.testing.assert_array_equal(half.toarray(), cosine.toarray())


@pytest.mark.parametrize("similarity", ["cosine", "tfidf", "bm25"])
@pytest.mark.parametrize("weighting", ["binary", "raw"])
def test_similarities_are_those_of_implicit(similarity: Any, weighting: Any) -> None:
    models = pytest.importorskip("implicit.nearest_neighbours")
    frame = shop(seed=4, n_customers=80)
    data = Interactions.from_frame(frame)
    x = sparse.csr_matrix(weights_of(frame, weighting))
    made = {
        "cosine": lambda: models.CosineRecommender(K=1_000),
        "tfidf": lambda: models.TFIDFRecommender(K=1_000),
        "bm25": lambda: models.BM25Recommender(K=1_000, K1=1.5, B=0.4),
    }[similarity]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of its own conversions
        made.fit(x, show_progress=False)
    theirs = made.similarity.toarray()
    np.fill_diagonal(theirs, 0.0)  # implicit counts an item as its own neighbour
    model = ItemKNN(1_000, similarity=similarity, k1=1.5, b=0.4, weighting=weighting).fit(data)
    np.testing.assert_allclose(model.neighbours_.toarray(), theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("similarity", ["cosine", "jaccard", "bm25"])
def test_it_keeps_all_promises(similarity: Any, tmp_path: Path) -> None:
    def make(**settings: Any) -> ItemKNN:
        return ItemKNN(9, similarity=similarity, weighting="log", **settings)

    assert_keeps_all_promises(make, tmp_path)


def test_filters_and_seen_items_are_masked_in_both_engines() -> None:
    frame = shop()
    for engine in ("auto", "numpy"):
        model = ItemKNN(20, engine=engine).fit(frame)
        out = ["i00", "i07", "i14"]
        found = lists_of(model, exclude=out)
        assert not found["item_id"].isin(out).any()
        pairs = set(zip(frame["customer_id"], frame["item_id"], strict=True))
        assert not pairs & set(zip(found["customer_id"], found["item_id"], strict=True))
        again = lists_of(model, filter_seen=False)
        assert pairs & set(zip(again["customer_id"], again["item_id"], strict=True))


def test_shrinkage_trusts_rare_pairs_less() -> None:
    frame = shop(n_customers=200)
    x = weights_of(frame, "binary")
    counts = (x.T @ x)[np.triu_indices(x.shape[1], 1)]
    ratio = []
    for shrinkage in (0.0, 20.0):
        similarity = ItemKNN(1_000, shrinkage=shrinkage).fit(frame).neighbours_.toarray()
        values = similarity[np.triu_indices(x.shape[1], 1)]
        rare, often = counts <= np.median(counts), counts > np.median(counts)
        ratio.append(values[rare].mean() / values[often].mean())
    assert ratio[1] < 0.8 * ratio[0]


def test_all_bad_parameters_are_named() -> None:
    bad: Any = {"similarity": "cosin", "shrinkage": -1.0, "alpha": 2.0, "k1": 0.0, "b": 1.5}
    with pytest.raises(InvalidParameterError) as caught:
        ItemKNN(0, weighting="no", engine="fast", n_jobs=0, **bad).fit(shop())  # type: ignore[arg-type]
    message = str(caught.value)
    for name in (*bad, "n_neighbours", "weighting", "engine", "n_jobs"):
        assert name in message
    assert "Did you mean 'cosine'?" in message
