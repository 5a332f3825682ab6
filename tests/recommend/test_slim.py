from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import ElasticNet

from helpers.markets import dense, market, shuffled
from userportrait.errors import DataWarning, InvalidParameterError
from userportrait.recommend import SLIM, _slim
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path

MARKET = market()


@pytest.fixture(params=["numpy", "numba"])
def by(request: pytest.FixtureRequest) -> Any:
    """Both engines; numba only where it is installed."""
    if request.param == "numba":
        pytest.importorskip("numba")
    return request.param


@pytest.mark.parametrize(("weighting", "l1", "l2"), [("binary", 1.0, 5.0), ("log", 0.2, 1.0)])
def test_weights_are_those_of_scikit_learn(by: Any, weighting: Any, l1: float, l2: float) -> None:
    model = SLIM(l1, l2, tolerance=1e-16, weighting=weighting, engine=by).fit(MARKET)
    rows = dense(model.interactions_, weighting)
    n, n_items = rows.shape
    net = ElasticNet(
        alpha=(l1 + l2) / n,
        l1_ratio=l1 / (l1 + l2),
        positive=True,
        fit_intercept=False,
        tol=1e-12,
        max_iter=100_000,
    )
    for column in range(n_items):
        others = rows.copy()
        others[:, column] = 0.0
        expected = net.fit(others, rows[:, column]).coef_
        found = model.item_weights_[:, [column]].toarray().ravel()
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert model.n_not_converged_ == 0


def test_what_is_left_out_before_the_descent_would_have_no_weight() -> None:
    """The same weights as with l1 so small that nothing is left out is no test; KKT is one."""
    model = SLIM(2.0, 3.0, tolerance=1e-16).fit(MARKET)
    rows = dense(model.interactions_)
    weights = model.item_weights_.toarray().astype(float)
    gradient = rows.T @ (rows - rows @ weights) - 3.0 * weights - 2.0
    np.fill_diagonal(gradient, -1.0)
    assert gradient.max() < 1e-4
    assert np.abs(gradient[weights > 0]).max() < 1e-4


def test_both_engines_give_the_same_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    one, other = (SLIM(1.0, 5.0, engine=e).fit(MARKET).recommend() for e in ("numpy", "numba"))  # type: ignore[arg-type]
    assert one["item_id"].equals(other["item_id"])
    np.testing.assert_allclose(one["score"], other["score"], rtol=1e-6)
    monkeypatch.setattr(_slim, "_DENSE_ITEMS", 0)
    pd.testing.assert_frame_equal(SLIM(1.0, 5.0, engine="numpy").fit(MARKET).recommend(), one)


def test_it_keeps_its_promises(by: Any) -> None:
    check_recommends(lambda: SLIM(1.0, 5.0, engine=by).fit(MARKET))


def test_weights_are_sparse_not_negative_and_not_of_an_item_for_itself() -> None:
    loose, tight = (SLIM(l1, 5.0).fit(MARKET).item_weights_ for l1 in (0.1, 3.0))
    assert tight.nnz < loose.nnz
    assert (loose.data > 0).all()
    assert not loose.diagonal().any()


def test_what_past_items_add_sums_to_the_score(by: Any) -> None:
    model = SLIM(1.0, 5.0, engine=by, weighting="log").fit(MARKET)
    lists = model.recommend(k=5)
    lists = lists[lists["reason"] != "popular"]
    for place in range(0, len(lists), 40):
        row = lists.iloc[place]
        told = model.explain(row["customer_id"], row["item_id"])
        assert told["contribution"].sum() == pytest.approx(row["score"], rel=1e-6)
        assert row["reason"] == f"because of {told['item_id'].iloc[0]}"


def test_rows_in_another_order_and_threads_change_nothing() -> None:
    one = SLIM(1.0, 5.0).fit(MARKET).recommend()
    pd.testing.assert_frame_equal(one, SLIM(1.0, 5.0, n_jobs=3).fit(shuffled(MARKET)).recommend())


def test_an_update_is_a_fit_on_everything() -> None:
    model = SLIM(1.0, 5.0).fit(MARKET[:600]).update(MARKET[600:])
    pd.testing.assert_frame_equal(model.recommend(), SLIM(1.0, 5.0).fit(MARKET).recommend())


def test_a_saved_model_answers_alike(tmp_path: Path) -> None:
    model = SLIM(1.0, 5.0).fit(MARKET)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(SLIM.load(tmp_path / "model").recommend(), model.recommend())


def test_a_descent_that_does_not_end_is_said(by: Any) -> None:
    with pytest.warns(DataWarning, match=r"items did not converge in max_sweeps=2\."):
        model = SLIM(0.1, 0.1, tolerance=1e-16, max_sweeps=2, engine=by).fit(MARKET)
    assert model.n_not_converged_ > 0


def test_one_customer_one_item_and_more_than_there_are(by: Any) -> None:
    one = pd.DataFrame({"customer_id": [1], "item_id": ["tea"]})
    assert len(SLIM(engine=by).fit(one).recommend()) == 0
    lists = SLIM(1.0, 5.0, engine=by).fit(MARKET).recommend([3], k=1000)
    n_items, n_seen = (
        MARKET["item_id"].nunique(),
        MARKET.query("customer_id == 3")["item_id"].nunique(),
    )
    assert len(lists) == n_items - n_seen


def test_bad_parameters_are_named_together() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        SLIM(-1.0, 0.0, max_sweeps=1, n_jobs=0).fit(MARKET)
    assert len(caught.value.problems) == 4
