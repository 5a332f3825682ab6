from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns import BasketRuleRecommender
from userportrait.recommend import (
    EASE,
    ContentBased,
    Hybrid,
    Interactions,
    Popularity,
    RuleBased,
    load_recommender,
)
from userportrait.recommend._hybrid_weights import _simplex, cut_for_validation
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path


def shop(seed: int, n: int = 60) -> pd.DataFrame:
    """Customers of three tastes; items t0-t9 of each."""
    luck = np.random.default_rng(seed)
    rows = [
        (c, f"{'abc'[c % 3] if luck.random() < 0.85 else 'x'}{luck.integers(10)}")
        for c in range(n)
        for _ in range(luck.integers(3, 9))
    ]
    return pd.DataFrame(rows, columns=["customer_id", "item_id"])


def kinds() -> pd.DataFrame:
    names = [f"{kind}{i}" for kind in "abcx" for i in range(10)]
    return pd.DataFrame({"item_id": names, "kind": [name[0] for name in names]})


def test_the_blend_is_the_sum_of_scores_over_their_deviations() -> None:
    frame = shop(0)
    weights = {"EASE": 3.0, "Popularity": 1.0}
    model = Hybrid([EASE(l2=5.0), Popularity()], weights=weights).fit(frame)
    assert model.weights_ == {"EASE": 0.75, "Popularity": 0.25}
    data = Interactions.from_frame(frame)
    known = np.arange(data.n_customers)
    expected = np.zeros(data.matrix.shape)
    for part, weight in ((EASE(l2=5.0), 0.75), (Popularity(), 0.25)):
        scores = np.asarray(part.fit(data).score_rows(data.matrix, known), dtype=float)
        expected += weight * scores / scores.std(axis=1, keepdims=True)
    np.testing.assert_allclose(model.score_rows(data.matrix, known), expected, rtol=1e-5, atol=1e-5)


def test_weights_are_learned_on_what_is_held_out() -> None:
    model = Hybrid({"good": ContentBased(), "poor": Popularity()}, borrow=0.0)
    model.fit(shop(1), items=kinds())
    assert model.weights_["good"] > 0.5
    assert sum(model.weights_.values()) == pytest.approx(1.0)
    assert model.validation_["blend"] >= max(model.validation_["good"], model.validation_["poor"])


def test_the_newest_interactions_are_held_out_and_nothing_is_lost() -> None:
    frame = shop(2)
    frame["occurred_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(range(len(frame)), "h")
    data = Interactions.from_frame(frame)
    train, held_out = cut_for_validation(data, 0.3, 0)
    assert train.matrix.nnz + held_out.nnz == data.matrix.nnz
    assert abs((train.matrix + held_out) - data.matrix).sum() == 0
    newest = frame.groupby(["customer_id", "item_id"])["occurred_at"].max()
    for row, customer in enumerate(data.customer_ids[:20]):
        kept = data.item_ids[train.matrix[[row]].indices]
        out = data.item_ids[held_out[[row]].indices]
        assert len(kept) >= 1
        if len(out):
            assert newest[customer][list(kept)].max() <= newest[customer][list(out)].min()
    assert train.log is not None
    assert len(train.log) < len(frame)


def test_the_grid_holds_every_mix() -> None:
    grid = _simplex(3, 4)
    assert len(set(grid)) == len(grid) == 15  # 6 over 2
    assert {sum(point) for point in grid} == {4}


def test_new_items_borrow_the_scores_of_their_nearest() -> None:
    frame = shop(3)
    frame = frame[frame["item_id"] != "a0"]  # nobody has it
    model = Hybrid([EASE(l2=5.0)], borrow=1.0).fit(frame, items=kinds())
    fans = [c for c in model.interactions_.customer_ids.tolist() if c % 3 == 0]
    others = [c for c in model.interactions_.customer_ids.tolist() if c % 3 == 1]
    place = model.interactions_.item_places(["a0"])[0]

    def mean(customers: list[int]) -> float:
        known = model.interactions_.customer_places(customers)
        scores = model.score_rows(model.interactions_.matrix[known], known)
        return float(scores[:, place].mean())

    assert mean(fans) > mean(others)
    plain = Hybrid([EASE(l2=5.0)], borrow=0.0).fit(frame, items=kinds())
    known = np.arange(3)
    assert (plain.score_rows(plain.interactions_.matrix[known], known)[:, place] == 0).all()


def test_contributions_sum_to_the_score_with_borrowing_too() -> None:
    frame = shop(4)
    model = Hybrid([EASE(l2=5.0), ContentBased()], weights={"EASE": 0.5, "ContentBased": 0.5})
    model.fit(frame[frame["item_id"] != "b1"], items=kinds())
    known = np.array([7])
    scores = model.score_rows(model.interactions_.matrix[known], known)[0]
    for item in ("b1", "b2", "x3"):
        told = model.explain(7, item)
        place = model.interactions_.item_places([item])[0]
        assert told["contribution"].sum() == pytest.approx(scores[place], rel=1e-5, abs=1e-6)


def test_rules_are_a_model_among_others(tmp_path: Path) -> None:
    frame = shop(5)
    rules = RuleBased(BasketRuleRecommender(min_support=2)).fit(frame)
    theirs = (
        BasketRuleRecommender(min_support=2, fill=False).fit(frame).recommend(k=3, reasons=False)
    )
    ours = rules.recommend(k=3, reasons=False)
    both = theirs.merge(ours, on=["customer_id", "item_id"], suffixes=("", "_ours"))
    assert len(both) == len(theirs)
    np.testing.assert_allclose(both["score"], both["score_ours"])
    blend = Hybrid([rules, Popularity()]).fit(frame)
    assert set(blend.weights_) == {"RuleBased", "Popularity"}
    with pytest.raises(InvalidDataError, match="cannot be"):
        rules.save(tmp_path / "rules.zip")
    with pytest.raises(InvalidParameterError, match="method 'recommend'"):
        RuleBased(object()).fit(frame)  # type: ignore[arg-type]


def test_row_orders_and_files_give_the_same_lists(tmp_path: Path) -> None:
    frame = shop(6)
    whole = Hybrid([EASE(l2=5.0), Popularity()]).fit(frame)
    other = Hybrid([EASE(l2=5.0), Popularity()]).fit(frame.sample(frac=1, random_state=3))
    assert whole.weights_ == other.weights_
    assert whole.recommend().equals(other.recommend())
    more = Hybrid([EASE(l2=5.0), Popularity()]).fit(frame[:99]).update(frame[99:])
    assert more.recommend().equals(whole.recommend())
    whole.save(tmp_path / "model.zip")
    assert load_recommender(tmp_path / "model.zip").recommend().equals(whole.recommend())


def test_bad_models_and_weights_are_named_all_at_once() -> None:
    bad: Any = {"a": "no model"}
    with pytest.raises(InvalidParameterError, match=r"(?s)'a' must be a Recommender.*'b'"):
        Hybrid(bad, weights={"b": 1.0}).fit(shop(7))
    with pytest.raises(InvalidParameterError, match="at least one"):
        Hybrid([]).fit(shop(7))
    with pytest.raises(InvalidParameterError, match="not all be 0"):
        Hybrid([Popularity()], weights={"Popularity": 0.0}).fit(shop(7))


def test_it_keeps_the_promises_of_a_recommender() -> None:
    frame = shop(8)
    check_recommends(lambda: Hybrid([EASE(l2=5.0), Popularity()]).fit(frame))
