from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.markets import dense, market, shuffled
from userportrait.errors import InvalidParameterError
from userportrait.recommend import GraphFilter, Interactions, OnlyItems, _graph_filter
from userportrait.recommend._graph_filter_coarse import CoarseItems
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


@pytest.fixture(params=["small", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """With all item weights as one matrix, and as for catalogues that are too large for it."""
    if request.param == "large":
        monkeypatch.setattr(_graph_filter, "_DENSE_ITEMS", 0)
        monkeypatch.setattr(_graph_filter, "_TILE", 32)
    return request.param


def textbook(data: Interactions, model: GraphFilter, rank: int) -> Any:
    """The formula of the docstring, in dense float64."""
    rows = dense(data, model.weighting)
    customers, items = rows.sum(axis=1), rows.sum(axis=0)
    graph = rows * customers[:, None] ** (-model.customer_power / 2) * items**-model.item_power
    gram = graph.T @ graph
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1] / values[-1], vectors[:, ::-1]
    gram /= np.linalg.eigvalsh(gram)[-1]
    s, v = values[:rank], vectors[:, :rank]
    slope = np.exp(-model.sharpness * s[-1])
    low = s * np.exp(-model.sharpness * s) + model.low_pass - slope * s
    filtered = slope * gram + (v * low) @ v.T
    return items[:, None] ** -model.item_power * filtered * items**model.popularity


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"customer_power": 1.0, "item_power": 0.5, "popularity": 0.5, "sharpness": 0.0},
        {"weighting": "log", "low_pass": 0.5, "sharpness": 1.0},
        {"weighting": "raw", "low_pass": 0.0},
    ],
)
def test_scores_are_those_of_the_formula(size: str, by: Any, settings: dict[str, Any]) -> None:
    model = GraphFilter(rank=12, engine=by, **settings).fit(MARKET)
    data = model.interactions_
    weights = textbook(data, model, 12)
    expected = dense(data, model.weighting) @ weights
    found = model.score_rows(data.matrix, np.arange(data.n_customers))
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())
    lists = model.recommend(k=5)
    place = data.customer_places(lists["customer_id"])
    item = data.item_places(lists["item_id"])
    own = lists["reason"] != "popular"
    np.testing.assert_allclose(
        lists["score"][own], expected[place, item][own], rtol=1e-5, atol=1e-8
    )


def test_both_engines_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(_graph_filter, "_DENSE_ITEMS", 0)
    one, other = (GraphFilter(engine=e).fit(MARKET).recommend() for e in ("numpy", "numba"))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_small_and_large_catalogues_are_scored_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    small = GraphFilter().fit(MARKET).recommend()
    monkeypatch.setattr(_graph_filter, "_DENSE_ITEMS", 0)
    large = GraphFilter().fit(MARKET).recommend()
    assert (small["item_id"] == large["item_id"]).mean() > 0.99  # ties may turn
    np.testing.assert_allclose(small["score"], large["score"], atol=1e-6)


def test_it_keeps_its_promises(size: str, by: Any) -> None:
    check_recommends(lambda: GraphFilter(engine=by).fit(MARKET))


def test_what_past_items_add_sums_to_the_score(size: str, by: Any) -> None:
    model = GraphFilter(engine=by, weighting="log").fit(MARKET)
    lists = model.recommend(k=5)
    lists = lists[lists["reason"] != "popular"]
    for place in range(0, len(lists), 40):
        row = lists.iloc[place]
        told = model.explain(row["customer_id"], row["item_id"])
        assert told["contribution"].sum() == pytest.approx(row["score"], rel=1e-9)
        assert row["reason"] == f"because of {told['item_id'].iloc[0]}"


def test_scores_do_not_depend_on_who_else_is_asked_for(size: str) -> None:
    model = GraphFilter().fit(MARKET)
    data = model.interactions_
    every = model.score_rows(data.matrix, np.arange(data.n_customers))
    for rows in ([0], [41, 3], list(range(50, 57))):
        some = model.score_rows(data.matrix[rows], np.array(rows))
        assert np.array_equal(some, every[rows])


def test_one_customer_gets_what_everybody_at_once_gets(size: str, by: Any) -> None:
    model = GraphFilter(engine=by).fit(MARKET)
    data = model.interactions_
    odd = OnlyItems(data.item_ids[1::2].tolist())
    for filters in ([], [odd]):
        every = model.recommend(k=6, filters=filters)
        for customer in data.customer_ids[::7].tolist():
            own = every[every["customer_id"] == customer].reset_index(drop=True)
            alone = model.recommend([customer], k=6, filters=filters)
            pd.testing.assert_frame_equal(alone, own, check_exact=True)


@pytest.mark.parametrize("limit", [0, 2**16])
def test_reasons_are_what_the_formula_finds_largest(
    by: Any, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_graph_filter, "_DENSE_ITEMS", 0)
    monkeypatch.setattr(_graph_filter, "_FEW_PAIRS", limit)
    model = GraphFilter(rank=9, engine=by, weighting="log").fit(MARKET)
    data = model.interactions_
    weights = textbook(data, model, 9)
    row, item = np.repeat(np.arange(data.n_customers), 3), np.tile([2, 11, 30], data.n_customers)
    order = np.random.default_rng(0).permutation(len(row))
    row, item = row[order], item[order]
    found = model.main_items(data.matrix, np.arange(data.n_customers), row, item)
    added = dense(data, "log")[row] * weights[:, item].T
    best, some = added.max(axis=1), added.max() * 1e-6
    told = found >= 0
    assert told[best > some].all()
    np.testing.assert_allclose(added[told, found[told]], best[told], rtol=1e-5, atol=some)


def test_no_item_of_the_best_is_missed_by_bytes() -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(5)
    vectors = rng.standard_t(2, (500, 21)).astype(np.float32)
    vectors[7] = 0.0
    rows, starts = rng.standard_normal((3, 21)), rng.random((3, 500))
    allowed, blocked = rng.random(500) < 0.5, sparse.csr_array(rng.random((3, 500)) < 0.3)
    scores = starts + rows @ vectors.T.astype(float)
    coarse = CoarseItems(vectors)
    for mask, hidden in ((None, None), (allowed, blocked), (np.tile(allowed, (3, 1)), None)):
        open_items = (
            np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, (3, 500))
        )
        if hidden is not None:
            open_items = open_items & ~hidden.toarray().astype(bool)
        for k in (1, 10, 400):
            row, item = coarse.likely(starts, rows, k, mask, hidden)
            assert open_items[row, item].all()
            for place in range(3):
                own = np.where(open_items[place] & (scores[place] > 0), scores[place], -np.inf)
                best = np.argsort(-own)[: min(k, np.count_nonzero(own > 0))]
                assert set(best) <= set(item[row == place])
                if k == 10:
                    assert np.count_nonzero(row == place) < 60


def test_rows_in_another_order_and_threads_change_nothing(size: str) -> None:
    one = GraphFilter().fit(MARKET).recommend()
    other = GraphFilter(n_jobs=3).fit(shuffled(MARKET)).recommend()
    pd.testing.assert_frame_equal(one, other)


def test_an_update_is_a_fit_on_everything(size: str) -> None:
    model = GraphFilter().fit(MARKET[:600]).update(MARKET[600:])
    pd.testing.assert_frame_equal(model.recommend(), GraphFilter().fit(MARKET).recommend())


def test_a_saved_model_answers_alike(size: str, tmp_path: Path) -> None:
    model = GraphFilter(rank=7).fit(MARKET)
    model.save(tmp_path / "model")
    again = GraphFilter.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.recommend(), model.recommend())
    assert again.explain(3, 5).equals(model.explain(3, 5))


def test_allowed_and_blocked_items_are_kept_to(size: str) -> None:
    model = GraphFilter().fit(MARKET)
    data = model.interactions_
    known = np.arange(data.n_customers)
    allowed = np.random.default_rng(0).random(data.matrix.shape) < 0.5
    top = model.top(data.matrix, known, 6, allowed, data.matrix)
    scores = model.score_rows(data.matrix, known).astype(float)
    scores[~allowed | (data.matrix.toarray() > 0) | (scores <= 0)] = -np.inf
    for row in range(data.n_customers):
        inside = top.items[row][top.items[row] >= 0]
        best = np.sort(scores[row][scores[row] > -np.inf])[::-1][:6]
        np.testing.assert_allclose(scores[row, inside], best, rtol=1e-5)


def test_popularity_moves_lists_towards_popular_items() -> None:
    counts = MARKET.drop_duplicates()["item_id"].value_counts()
    rare, common = (
        counts[GraphFilter(popularity=p).fit(MARKET).recommend(k=3)["item_id"]].mean()
        for p in (0.0, 1.0)
    )
    assert rare < common


def test_one_customer_one_item_and_more_than_there_are(size: str) -> None:
    one = pd.DataFrame({"customer_id": [1], "item_id": ["tea"]})
    assert len(GraphFilter().fit(one).recommend()) == 0
    assert len(GraphFilter().fit(one).recommend(filter_seen=False)) == 1
    lists = GraphFilter().fit(MARKET).recommend([3], k=1000)
    n_items, n_seen = (
        MARKET["item_id"].nunique(),
        MARKET.query("customer_id == 3")["item_id"].nunique(),
    )
    assert len(lists) == n_items - n_seen


def test_the_rank_follows_the_smaller_side() -> None:
    n_items = MARKET["item_id"].nunique()
    assert GraphFilter().fit(MARKET).directions_.shape[1] == round(n_items**0.6)
    assert GraphFilter(rank=500).fit(MARKET).directions_.shape[1] <= n_items


def test_bad_parameters_are_named_together() -> None:
    model = GraphFilter(customer_power=-1, rank=0, sharpness=11, engine="c")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError) as caught:
        model.fit(MARKET)
    assert len(caught.value.problems) == 4
