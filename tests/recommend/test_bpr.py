"""BPR takes the steps of its paper, puts own items first, and does not depend on threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.recommend import BPR, load_recommender
from userportrait.recommend._bpr_numpy import take_step
from userportrait.recommend._engines import has_numba
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path

ENGINES: list[Any] = [
    "numpy",
    pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="numba is missing")),
]


def shop(n_customers: int = 60, n: int = 900, seed: int = 0) -> pd.DataFrame:
    """Customers of even numbers buy items 0 to 19, the others 20 to 39."""
    rng = np.random.default_rng(seed)
    customer = rng.integers(0, n_customers, n)
    item = rng.integers(0, 20, n) + (customer % 2) * 20
    return pd.DataFrame({"customer_id": customer, "item_id": item})


def bpr(**options: Any) -> BPR:
    given = {"n_factors": 6, "n_iterations": 15, **options}
    return BPR(given.pop("n_factors"), **given)


def test_a_step_climbs_the_slope_of_the_loss() -> None:
    """The slope is taken by finite differences of the loss as the paper writes it."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((3, 2)), rng.standard_normal((4, 3))
    customer, item, other = np.array([0, 1, 0, 2]), np.array([1, 1, 2, 3]), np.array([0, 3, 1, 2])
    l2 = 0.1

    def gain(values: Any) -> float:
        a, b = values[:6].reshape(3, 2), values[6:].reshape(4, 3)
        total = 0.0
        for u, i, j in zip(customer, item, other, strict=True):
            gap = a[u] @ (b[i, :2] - b[j, :2]) + b[i, 2] - b[j, 2]
            total += np.log(1 / (1 + np.exp(-gap)))
            penalty = a[u] @ a[u] + b[i, :2] @ b[i, :2] + b[j, :2] @ b[j, :2]
            total -= l2 / 2 * penalty
        return total

    start = np.concatenate([x.ravel(), y.ravel()])
    slope = approx_fprime(start, gain, 1e-7)
    squares = (np.zeros_like(x), np.zeros_like(y))
    total = take_step(customer, item, other, x, y, *squares, 0.01, l2)
    found = np.concatenate([squares[0].ravel(), squares[1].ravel()])
    assert_allclose(found, slope**2, atol=1e-5)
    moved = np.concatenate([x.ravel(), y.ravel()]) - start
    assert_allclose(moved, 0.01 * np.sign(slope), atol=1e-4)  # the first step has the full length
    plain = gain(start) + l2 / 2 * sum(
        (start[:6].reshape(3, 2)[u] ** 2).sum() + (start[6:].reshape(4, 3)[[i, j], :2] ** 2).sum()
        for u, i, j in zip(customer, item, other, strict=True)
    )
    assert total == pytest.approx(-plain)


@pytest.mark.parametrize("engine", ENGINES)
def test_own_items_come_before_others(engine: Any) -> None:
    model = bpr(engine=engine, n_iterations=40).fit(shop())
    assert model.loss_[0] == pytest.approx(np.log(2), abs=0.05)
    assert model.loss_[-1] < 0.3
    lists = model.recommend(k=3)
    assert ((lists["item_id"] >= 20) == (lists["customer_id"] % 2 == 1)).mean() > 0.97
    named = lists["reason"].str.removeprefix("because of ").astype(int)
    assert ((named >= 20) == (lists["customer_id"] % 2 == 1)).mean() > 0.97


@pytest.mark.skipif(not has_numba(), reason="numba is missing")
def test_engines_and_threads_agree() -> None:
    frame = shop()
    one, two, numpy = (
        bpr(engine=engine, n_jobs=n_jobs).fit(frame)
        for engine, n_jobs in (("numba", 1), ("numba", 3), ("numpy", None))
    )
    assert_array_equal(one.item_factors_, two.item_factors_)
    assert one.recommend(k=5).equals(two.recommend(k=5))
    assert_allclose(one.item_factors_, numpy.item_factors_, atol=1e-10)
    assert_allclose(one.loss_, numpy.loss_)
    for name in ("customer_id", "item_id", "rank", "reason"):
        assert one.recommend(k=5)[name].equals(numpy.recommend(k=5)[name])


def test_lists_do_not_depend_on_the_order_of_rows_or_on_how_they_came() -> None:
    frame = shop()
    lists = bpr().fit(frame).recommend(k=5)
    assert bpr().fit(frame.sample(frac=1, random_state=3)).recommend(k=5).equals(lists)
    assert bpr().fit(frame[:500]).update(frame[500:]).recommend(k=5).equals(lists)
    twice = pd.concat([frame, frame[:100]])
    assert bpr().fit(twice).recommend(k=5).equals(lists)
    assert not bpr(random_state=1).fit(frame).recommend(k=5).equals(lists)


@pytest.mark.parametrize("engine", ENGINES)
def test_new_customers_get_the_items_of_their_taste(engine: Any) -> None:
    model = bpr(engine=engine, n_iterations=40).fit(shop())
    lists = model.complete([[1, 2, 3], [31, 32, 33]], k=4)
    assert ((lists["item_id"] >= 20) == (lists["basket"] == 1)).all()
    alone = model.complete([[31, 32, 33]], k=4)
    assert alone["score"].tolist() == lists.loc[lists["basket"] == 1, "score"].tolist()


def test_scores_of_customers_are_no_sums_and_explain_says_so() -> None:
    model = bpr().fit(shop())
    with pytest.raises(InvalidDataError, match="BPR is not a sum over past items"):
        model.explain(3, 21)


def test_scores_are_products_of_the_factors_and_the_bias() -> None:
    model = bpr().fit(shop())
    lists = model.recommend([7], k=3)
    for row in lists.itertuples():
        score = model.customer_factors_[7] @ model.item_factors_[row.item_id]
        assert row.score == pytest.approx(score + model.item_biases_[row.item_id])


def test_a_saved_model_answers_alike(tmp_path: Path) -> None:
    model = bpr().fit(shop())
    model.save(tmp_path / "bpr.up")
    loaded = load_recommender(tmp_path / "bpr.up")
    assert loaded.recommend(k=5).equals(model.recommend(k=5))
    assert loaded.complete([[1, 2]]).equals(model.complete([[1, 2]]))


def test_it_keeps_the_promises_of_a_recommender() -> None:
    frame = shop()
    check_recommends(lambda: bpr().fit(frame))


@pytest.mark.parametrize("engine", ENGINES)
def test_one_item_and_customers_who_have_everything(engine: Any) -> None:
    one = pd.DataFrame({"customer_id": ["ann"], "item_id": ["tea"]})
    model = bpr(engine=engine).fit(one)
    assert model.recommend(["bo"])["item_id"].tolist() == ["tea"]
    assert np.isfinite(model.item_factors_).all()
    some = pd.DataFrame({"customer_id": [1, 1, 2], "item_id": [1, 2, 1]})
    model = bpr(engine=engine).fit(some)
    assert model.recommend([2])["item_id"].tolist() == [2]
    assert np.isfinite(model.loss_).all()


def test_bad_parameters_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        BPR(0, learning_rate=0.0, l2=-1.0, n_iterations=0).fit(shop())
    for name in ("n_factors", "learning_rate", "l2", "n_iterations"):
        assert name in str(caught.value)
