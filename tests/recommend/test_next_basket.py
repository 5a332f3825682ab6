from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError
from userportrait.recommend import MarkovNext, NextBasket, load_recommender
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path


def baskets_of(*rows: tuple[int, int, str]) -> pd.DataFrame:
    """Make a frame of (customer, day, items in one text)."""
    lines = [(c, day, item) for c, day, items in rows for item in items.split()]
    frame = pd.DataFrame(lines, columns=["customer_id", "day", "item_id"])
    frame["occurred_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame.pop("day"), "D")
    return frame


def some_baskets(seed: int, n_customers: int = 40) -> pd.DataFrame:
    luck = np.random.default_rng(seed)
    rows = [
        (c, day, " ".join(f"p{i}" for i in luck.zipf(1.6, luck.integers(1, 6)) % 15))
        for c in range(n_customers)
        for day in range(luck.integers(1, 12))
    ]
    return baskets_of(*rows)


def slow_habits(frame: pd.DataFrame, model: NextBasket) -> dict[tuple[Any, Any], float]:
    """Compute TIFU-KNN's personal vectors as its paper writes them, with loops."""
    found: dict[tuple[Any, Any], float] = {}
    for customer, own in frame.groupby("customer_id"):
        days = sorted(own["occurred_at"].unique(), reverse=True)
        groups = [days[i : i + model.group_size] for i in range(0, len(days), model.group_size)]
        for g, group in enumerate(groups):
            for b, day in enumerate(group):
                for item in set(own.loc[own["occurred_at"] == day, "item_id"]):
                    worth = model.decay**b / len(group) * model.group_decay**g / len(groups)
                    found[customer, item] = found.get((customer, item), 0.0) + worth
    return found


def test_habits_are_those_of_the_paper_computed_with_loops() -> None:
    frame = some_baskets(0)
    model = NextBasket(decay=0.9, group_size=3, group_decay=0.7, n_neighbours=0, shrinkage=0.0).fit(
        frame
    )
    expected = slow_habits(frame, model)
    lists = model.recommend(k=99)
    assert len(lists) >= len(expected)
    own = lists[lists["score"] > 0]
    found = dict(
        zip(zip(own["customer_id"], own["item_id"], strict=True), own["score"], strict=True)
    )
    assert found == pytest.approx(expected)


def test_neighbours_are_those_of_a_dense_computation() -> None:
    frame = some_baskets(1)
    model = NextBasket(n_neighbours=4, own_share=0.6, shrinkage=3.0).fit(frame)
    habits = model.habits_.toarray()
    unit = habits / np.linalg.norm(habits, axis=1, keepdims=True)
    near = (unit @ unit.T.astype(np.float32).astype(np.float64)).copy()
    np.fill_diagonal(near, -1.0)
    expected = np.zeros_like(habits)
    for row in range(len(habits)):
        chosen = [c for c in np.argsort(-near[row], kind="stable")[:4] if near[row, c] > 0]
        expected[row] = 0.6 * habits[row] + 0.4 * habits[chosen].mean(axis=0)
    n = frame.groupby("customer_id")["occurred_at"].nunique().to_numpy()[:, None]
    held = frame.drop_duplicates()["item_id"].value_counts()
    popular = held[model.interactions_.item_ids].to_numpy() / n.sum()
    expected = (n * expected + 3 * popular) / (n + 3)
    known = np.arange(len(habits))
    scores = model.score_rows(model.interactions_.matrix, known)
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_what_was_bought_often_and_lately_comes_first() -> None:
    frame = baskets_of((1, 1, "old milk"), (1, 2, "milk"), (1, 3, "milk new"), (2, 1, "other"))
    lists = NextBasket(n_neighbours=0, decay=0.9, shrinkage=0.0).fit(frame).recommend([1], k=3)
    assert lists["item_id"].tolist() == ["milk", "new", "old"]
    assert set(lists["reason"]) == {"bought before"}


def test_new_items_come_from_similar_customers_if_asked_for() -> None:
    frame = baskets_of((1, 1, "tea milk"), (2, 1, "tea milk jam"), (3, 1, "oil"))
    lists = (
        NextBasket(n_neighbours=1, shrinkage=0.0).fit(frame).recommend([1], k=1, filter_seen=True)
    )
    assert lists["item_id"].tolist() == ["jam"]
    assert lists["reason"].tolist() == ["bought by similar customers"]


def test_customers_of_few_baskets_get_what_is_popular() -> None:
    many = [(c, 1, "milk bread") for c in range(2, 30)]
    frame = baskets_of((1, 1, "caviar"), *many)
    lists = NextBasket(n_neighbours=0, shrinkage=10.0).fit(frame).recommend([1], k=3)
    assert lists["item_id"].tolist() == ["bread", "milk", "caviar"]
    assert lists["reason"].tolist() == ["popular", "popular", "bought before"]
    assert lists["score"][2] == pytest.approx((1 + 10 / 29) / 11)  # by hand


def test_the_shrinkage_is_the_one_that_finds_last_baskets_best() -> None:
    regular = baskets_of(*[(c, day, f"own{c} x{c}{day}") for c in range(40) for day in range(6)])
    assert NextBasket(n_neighbours=0).fit(regular).shrinkage_ == 0.0
    luck = np.random.default_rng(0)
    chance = baskets_of(
        *[
            (c, day, " ".join(f"p{i}" for i in luck.zipf(1.8, 4) % 40))
            for c in range(200)
            for day in range(3)
        ]
    )
    chosen = NextBasket(n_neighbours=0).fit(chance).shrinkage_
    assert chosen is not None
    assert chosen >= 10.0


def slow_transitions(frame: pd.DataFrame, model: MarkovNext) -> dict[tuple[str, str], float]:
    counts: dict[tuple[str, str], float] = {}
    followed: dict[str, float] = {}
    n_baskets = 0
    share: dict[str, float] = {}
    for _, own in frame.groupby("customer_id"):
        steps = [set(part["item_id"]) for _, part in own.groupby("occurred_at")]
        n_baskets += len(steps)
        for t, basket in enumerate(steps):
            for item in basket:
                share[item] = share.get(item, 0.0) + 1.0
            for s in range(1, model.n_steps + 1):
                if t + s < len(steps):
                    for i in basket:
                        followed[i] = followed.get(i, 0.0) + model.decay ** (s - 1)
                        for j in steps[t + s]:
                            counts[i, j] = counts.get((i, j), 0.0) + model.decay ** (s - 1)
    return {
        (i, j): n / (followed[i] + model.shrinkage) / (share[j] / n_baskets) ** model.item_power
        for (i, j), n in counts.items()
    }


def test_transitions_are_those_counted_with_loops() -> None:
    frame = some_baskets(2)
    model = MarkovNext(n_steps=3, decay=0.5, shrinkage=2.0, item_power=0.4).fit(frame)
    expected = slow_transitions(frame, model)
    items = model.interactions_.item_ids
    dense = model.transitions_.toarray()
    found = {(items[i], items[j]): dense[i, j] for i, j in zip(*np.nonzero(dense), strict=True)}
    assert found == pytest.approx(expected, rel=1e-6)


def test_only_the_last_baskets_speak_and_shares_sum_to_the_score() -> None:
    frame = some_baskets(3)
    model = MarkovNext(n_last=1).fit(frame)
    top = model.recommend([5], k=1).iloc[0]
    told = model.explain(5, top["item_id"])
    assert told["contribution"].sum() == pytest.approx(top["score"])
    own = frame[frame["customer_id"] == 5]
    last = set(own.loc[own["occurred_at"] == own["occurred_at"].max(), "item_id"])
    assert set(told.loc[told["contribution"] > 0, "item_id"]) <= last


def test_a_basket_of_nobody_is_a_last_basket() -> None:
    frame = baskets_of((1, 1, "pot"), (1, 2, "tea"), (2, 1, "pot"), (2, 5, "tea"), (3, 1, "jam"))
    lists = MarkovNext().fit(frame).complete([["pot"], ["unheard"]], k=1)
    assert lists["item_id"].tolist() == ["tea", "pot"]
    assert lists["reason"].tolist()[0] == "because of pot"


@pytest.mark.parametrize(
    "model", [MarkovNext(), NextBasket(n_neighbours=5)], ids=["markov", "next"]
)
def test_engines_row_orders_threads_updates_and_files_give_the_same_lists(
    model: Any, tmp_path: Path
) -> None:
    frame = some_baskets(4)

    def lists(**params: Any) -> pd.DataFrame:
        made = type(model)(**model.get_params() | params)
        return made.fit(frame.sample(frac=1, random_state=len(params))).recommend(k=7)

    whole = model.fit(frame).recommend(k=7)
    assert lists().equals(whole)
    pd.testing.assert_frame_equal(lists(engine="numpy"), whole, rtol=1e-12)
    assert lists(n_jobs=1).equals(whole)
    cut = frame["occurred_at"] < "2026-01-05"
    pieces = type(model)(**model.get_params()).fit(frame[cut]).update(frame[~cut])
    assert pieces.recommend(k=7).equals(whole)
    model.save(tmp_path / "model.zip")
    assert load_recommender(tmp_path / "model.zip").recommend(k=7).equals(whole)


@pytest.mark.parametrize("model", [MarkovNext, NextBasket])
def test_they_keep_the_promises_of_a_recommender_and_need_times(model: Any) -> None:
    frame = some_baskets(5)
    check_recommends(lambda: model().fit(frame))
    with pytest.raises(InvalidDataError, match="needs times"):
        model().fit(frame[["customer_id", "item_id"]])


def test_orders_of_one_moment_are_baskets_of_their_own() -> None:
    frame = baskets_of((1, 1, "a b"), (1, 1, "c"))
    frame["order_id"] = [2, 2, 1]
    model = NextBasket(n_neighbours=0, decay=0.5, shrinkage=0.0).fit(frame)
    scores = model.recommend([1], k=3).set_index("item_id")["score"]
    assert scores["a"] == pytest.approx(0.5)  # the last of two baskets, by the order's number
    assert scores["c"] == pytest.approx(0.25)
