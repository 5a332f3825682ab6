"""What the tests of neighbour models share: small shops, and the promises of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.recommend import Interactions, load_recommender
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def shop(seed: int = 0, n_customers: int = 60, n_items: int = 60) -> pd.DataFrame:
    """Return lines of customers and items with weights; items differ in popularity."""
    random = np.random.default_rng(seed)
    n = 10 * n_customers
    chance = 1 / np.arange(1, n_items + 1)
    items = random.choice(n_items, n, p=chance / chance.sum())
    names = np.array([f"i{(7 * j) % n_items:02d}" for j in range(n_items)])
    return pd.DataFrame(
        {
            "customer_id": random.integers(0, n_customers, n) + 100,
            "item_id": names[items],
            "weight": random.integers(1, 6, n).astype(float),
        }
    )


def weights_of(frame: pd.DataFrame, weighting: str) -> Any:
    """Return the dense matrix that a model of this weighting sees."""
    raw = Interactions.from_frame(frame).matrix.toarray()
    return {"binary": (raw > 0).astype(float), "raw": raw, "log": np.log1p(raw)}[weighting]


def lists_of(model: Any, k: int = 8, **settings: Any) -> pd.DataFrame:
    """Return the lists of all customers."""
    found: pd.DataFrame = model.recommend(k=k, **settings)
    return found


def assert_keeps_all_promises(make: Callable[..., Any], folder: Path) -> None:
    """Check what every neighbour model promises; `make` takes `engine` and `n_jobs`."""
    frame = shop()
    model = make().fit(frame)
    lists = lists_of(model)
    check_recommends(lambda: make().fit(frame))

    shuffled = frame.sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(lists_of(make().fit(shuffled)), lists)

    parts = make().fit(frame[:300]).update(frame[300:])
    pd.testing.assert_frame_equal(lists_of(parts), lists)

    model.save(folder / "model.zip")
    pd.testing.assert_frame_equal(lists_of(load_recommender(folder / "model.zip")), lists)

    for settings in ({"engine": "numpy"}, {"n_jobs": 1}, {"n_jobs": 3}):
        other = make(**settings).fit(frame)
        pd.testing.assert_frame_equal(lists_of(other), lists)
        for verb, one in (("similar_items", "i03"), ("similar_customers", 101)):
            found, expected = (getattr(m, verb)([one], k=200) for m in (other, model))
            pd.testing.assert_frame_equal(found, expected)

    assert_explains(model)
    assert_takes_edges(make)


def assert_explains(model: Any) -> None:
    """Check that contributions sum to scores, and that reasons name the largest one."""
    lists = lists_of(model, filter_seen=False)
    told = 0
    for row in lists.groupby("customer_id").head(2).itertuples():
        parts = model.explain(row.customer_id, row.item_id)
        np.testing.assert_allclose(parts["contribution"].sum(), row.score, rtol=1e-12, atol=1e-15)
        if row.reason.startswith("because of"):
            assert row.reason == f"because of {parts['item_id'].iloc[0]}"
            told += 1
    assert told > 20
    basket = ["i00", "i07"]
    first = model.complete([basket], k=1).iloc[0]
    assert np.isclose(model.explain(basket, first["item_id"])["contribution"].sum(), first["score"])


def assert_takes_edges(make: Callable[..., Any]) -> None:
    """Check one customer, one item, and more items wanted than there are."""
    for engine in ("auto", "numpy"):
        one = make(engine=engine).fit(pd.DataFrame({"customer_id": [1], "item_id": ["a"]}))
        assert one.recommend(k=5).empty
        assert len(one.recommend(k=5, filter_seen=False)) == 1
        assert one.similar_items(["a"], k=3).empty
        pair = make(engine=engine).fit(
            pd.DataFrame({"customer_id": [1, 1, 2], "item_id": ["a", "b", "a"]})
        )
        assert pair.recommend([2], k=1_000)["item_id"].tolist() == ["b"]


def dense_top(scores: Any, seen: Any, k: int) -> Any:
    """Return the best unseen items by a stable sort, -1 for none."""
    scores = np.where((seen > 0) | ~(scores > 0), -np.inf, scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(scores, order, axis=1) > -np.inf, order, -1)


def keep_largest(similarity: Any, k: int) -> Any:
    """Keep the k largest values of each row above 0, equal ones from the front."""
    values = similarity.astype(np.float32).astype(float)
    kept = np.zeros_like(values)
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    np.put_along_axis(kept, order, np.take_along_axis(values, order, axis=1), axis=1)
    return kept


def model_top(model: Any, k: int) -> Any:
    """Return the lists of all customers as columns of items."""
    data = model.interactions_
    known = np.arange(data.n_customers)
    return model.top(data.matrix, known, k, blocked=data.matrix).items


def formula(x: Any, similarity: str, *, h: float, alpha: float, k1: float, b: float) -> Any:
    """Return the similarity of each pair of rows, written as in the documentation."""
    n, n_u = len(x), (x > 0).sum(axis=0)
    q = np.maximum(0.0, np.log(n / (1.0 + n_u)))
    if similarity == "tfidf":
        x = np.sqrt(x) * q
    if similarity == "bm25":
        s = x.sum(axis=1)
        norm = k1 * (1 - b + b * s / s.mean())
        x = q * x * (k1 + 1) / (x + norm[:, None])
    dot = x @ x.T
    square = np.diag(dot)
    rows, columns = square[:, None], square[None, :]
    below = {
        "cosine": np.sqrt(rows * columns) + h,
        "tfidf": np.sqrt(rows * columns) + h,
        "asymmetric": rows**alpha * columns ** (1 - alpha) + h,
        "jaccard": rows + columns - dot + h,
        "dice": (rows + columns) / 2 + h,
        "bm25": np.ones_like(dot) * (1 + h),
    }[similarity]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(dot > 0, dot / below, 0.0)
    np.fill_diagonal(found, 0.0)
    return found
