"""ExplicitMF minimises the loss it reports, and predicts ratings of people it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.recommend import ExplicitMF, Interactions, load_recommender
from userportrait.recommend._engines import has_numba
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path

ENGINES: list[Any] = [
    "numpy",
    pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="numba is missing")),
]


def ratings(n_customers: int = 50, n_items: int = 30, n: int = 700, seed: int = 0) -> pd.DataFrame:
    """Two tastes, strict and mild customers, good and bad items."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n_customers * n_items, n, replace=False)
    customer, item = pairs // n_items, pairs % n_items
    strict, good = rng.standard_normal(n_customers), rng.standard_normal(n_items)
    taste = np.where((customer + item) % 2 == 0, 0.8, -0.8)
    value = 3 + 0.4 * strict[customer] + 0.4 * good[item] + taste + 0.2 * rng.standard_normal(n)
    value = np.clip(np.rint(value), 1, 5)
    return pd.DataFrame({"customer_id": customer, "item_id": item, "rating": value})


def mf(**options: Any) -> ExplicitMF:
    given = {"n_factors": 4, "n_iterations": 6, "l2": 1.0, **options}
    return ExplicitMF(given.pop("n_factors"), **given)


def loss(model: ExplicitMF, frame: pd.DataFrame) -> float:
    """Squared errors and penalties, rating by rating."""
    u, i = frame["customer_id"].to_numpy(), frame["item_id"].to_numpy()
    x, y = model.customer_factors_, model.item_factors_
    a, b = model.customer_biases_, model.item_biases_
    error = frame["rating"] - model.mean_ - a[u] - b[i] - (x[u] * y[i]).sum(axis=1)
    penalty = model.l2 * ((x**2).sum() + (y**2).sum())
    return float((error**2).sum() + penalty + model.bias_l2 * ((a**2).sum() + (b**2).sum()))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_loss_is_that_of_all_ratings(engine: Any) -> None:
    frame = ratings()
    model = mf(engine=engine).fit(frame)
    assert model.loss_[-1] == pytest.approx(loss(model, frame), rel=1e-10)
    assert (np.diff(model.loss_) < 0).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_after_many_iterations_no_direction_lowers_the_loss(engine: Any) -> None:
    frame = ratings(9, 8, 50)
    model = mf(n_factors=2, n_iterations=2_000, engine=engine).fit(frame)
    parts = ("customer_factors_", "item_factors_", "customer_biases_", "item_biases_")
    shapes = [getattr(model, name).shape for name in parts]
    sizes = [int(np.prod(shape)) for shape in shapes]
    start = np.concatenate([getattr(model, name).ravel() for name in parts])

    def at(values: Any) -> float:
        pieces = np.split(values, np.cumsum(sizes)[:-1])
        for name, piece, shape in zip(parts, pieces, shapes, strict=True):
            setattr(model, name, piece.reshape(shape))
        return loss(model, frame)

    reached = float(model.loss_[-1])
    assert minimize(at, start, method="BFGS").fun == pytest.approx(reached, rel=1e-6)


@pytest.mark.skipif(not has_numba(), reason="numba is missing")
def test_engines_and_threads_agree() -> None:
    frame = ratings()
    one, two, numpy = (
        mf(engine=engine, n_jobs=n_jobs).fit(frame)
        for engine, n_jobs in (("numba", 1), ("numba", 3), ("numpy", None))
    )
    assert_array_equal(one.item_factors_, two.item_factors_)
    assert_allclose(one.item_factors_, numpy.item_factors_, atol=1e-9)
    assert one.recommend(k=5).equals(two.recommend(k=5))
    for name in ("customer_id", "item_id", "rank", "reason"):
        assert one.recommend(k=5)[name].equals(numpy.recommend(k=5)[name])


def test_predictions_are_close_and_keep_within_the_scale() -> None:
    frame = ratings(n=1_000)
    train, test = frame[:800], frame[800:]
    model = mf(n_iterations=20).fit(train)
    found = model.predict(test)
    assert found.min() >= 1
    assert found.max() <= 5
    error = float(np.sqrt(np.mean((found - test["rating"]) ** 2)))
    plain = float(np.sqrt(np.mean((train["rating"].mean() - test["rating"]) ** 2)))
    assert error < 0.65 * plain


def test_scores_of_lists_are_predictions_that_are_not_cut() -> None:
    model = mf().fit(ratings())
    lists = model.recommend(k=4)
    cut = np.clip(lists["score"], 1, 5)
    assert_allclose(model.predict(lists[["item_id", "customer_id"]]), cut, rtol=1e-12)
    assert set(lists["reason"].str.split().str[0]) <= {"because", "by"}


def test_unknown_customers_and_items_are_average_ones() -> None:
    model = mf().fit(ratings())
    pairs = pd.DataFrame({"customer_id": [3, 999, 999], "item_id": [888, 4, 888]})
    wanted = model.mean_ + np.array([model.customer_biases_[3], model.item_biases_[4], 0.0])
    assert_allclose(model.predict(pairs), wanted)
    assert model.predict(pairs[:0]).shape == (0,)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_basket_of_ratings_is_answered_like_the_customer_who_gave_them(engine: Any) -> None:
    frame = ratings()
    model = mf(engine=engine).fit(frame)
    own = frame[frame["customer_id"] == 7]
    basket = dict(zip(own["item_id"], own["rating"], strict=True))
    known, new = model.recommend([7], k=6), model.complete([basket], k=6)
    for name in ("item_id", "score", "reason"):
        assert known[name].tolist() == new[name].tolist()
    liked = model.complete([[2, 4]], k=5)
    same = model.complete([{2: 5.0, 4: 5.0}], k=5)
    assert liked.equals(same)


def test_lists_do_not_depend_on_the_order_of_rows_or_on_how_they_came() -> None:
    frame = ratings()
    lists = mf().fit(frame).recommend(k=5)
    assert mf().fit(frame.sample(frac=1, random_state=3)).recommend(k=5).equals(lists)
    assert mf().fit(frame[:400]).update(frame[400:]).recommend(k=5).equals(lists)


def test_a_saved_model_answers_alike(tmp_path: Path) -> None:
    model = mf().fit(ratings())
    model.save(tmp_path / "mf.up")
    loaded = load_recommender(tmp_path / "mf.up")
    assert isinstance(loaded, ExplicitMF)
    assert loaded.recommend(k=5).equals(model.recommend(k=5))
    pairs = pd.DataFrame({"customer_id": [1, 2], "item_id": [3, 4]})
    assert_array_equal(loaded.predict(pairs), model.predict(pairs))


def test_it_keeps_the_promises_of_a_recommender() -> None:
    frame = ratings()
    check_recommends(lambda: mf().fit(frame))


def test_what_holds_no_ratings_is_refused_with_a_way_out() -> None:
    frame = ratings()
    implicit = Interactions.from_frame(frame, weight="rating")
    with pytest.raises(InvalidDataError, match="feedback='explicit'"):
        mf().fit(implicit)
    explicit = Interactions.from_frame(frame, feedback="explicit")
    assert mf().fit(explicit).recommend(k=3).equals(mf().fit(frame).recommend(k=3))
    with pytest.raises(MissingColumnError, match="rating"):
        mf().fit(frame[["customer_id", "item_id"]])
    with pytest.raises(MissingColumnError, match="item_id"):
        mf().fit(frame).predict(frame[["customer_id"]])
    with pytest.raises(InvalidDataError, match="not a sum over past items"):
        mf().fit(frame).explain(3, 4)


def test_bad_parameters_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        ExplicitMF(0, l2=0.0, bias_l2=0.0).fit(ratings())
    for name in ("n_factors", "l2", "bias_l2"):
        assert name in str(caught.value)


def test_movielens_100k_in_its_official_folds(shared_data: Path) -> None:
    """RMSE over u1 to u5; settings were chosen on a part of the training part of u2."""
    pytest.importorskip("pyarrow", reason="the folds are a Parquet file")
    folder = shared_data / "movielens_100k"
    given = pd.read_csv(folder / "ratings.csv.gz")
    splits = pd.read_parquet(folder / "official_splits.parquet")
    found: list[float] = []
    for name in ("u1", "u2", "u3", "u4", "u5"):
        rows = splits[splits["split"] == name].merge(given, on=["user_id", "item_id"])
        rows = rows.rename(columns={"user_id": "customer_id"})
        train, test = rows[rows["part"] == "base"], rows[rows["part"] == "test"]
        model = ExplicitMF().fit(train[["customer_id", "item_id", "rating"]])
        found.append(float(np.sqrt(np.mean((model.predict(test) - test["rating"]) ** 2))))
    assert np.mean(found) < 0.92
