from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.markets import dense, market, shuffled
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.recommend import EASE, Interactions
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path

SIDES = ["items", "customers"]
MARKET = market()


def textbook(data: Interactions, model: EASE) -> Any:
    """Steck (2019), equation 8, with weighted rows, in float64."""
    rows = dense(data, model.weighting)
    count = rows.sum(axis=1)
    weight = count**-model.customer_power
    weight *= count.sum() / (weight * count).sum()
    inverse = np.linalg.inv((rows * weight[:, None]).T @ rows + model.l2 * np.eye(rows.shape[1]))
    found = -inverse / np.diag(inverse) * rows.sum(axis=0) ** -model.item_power
    np.fill_diagonal(found, 0.0)
    return found


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("customer_power", "item_power", "weighting"),
    [(0.0, 0.0, "binary"), (0.8, 0.1, "binary"), (0.5, 0.2, "log"), (0.0, 0.0, "raw")],
)
def test_scores_are_those_of_the_closed_form_on_either_side(
    side: Any, customer_power: float, item_power: float, weighting: Any
) -> None:
    model = EASE(
        20.0,
        customer_power=customer_power,
        item_power=item_power,
        side=side,
        weighting=weighting,
    ).fit(MARKET)
    data = model.interactions_
    weights = textbook(data, model)
    expected = dense(data, weighting) @ weights
    of_fit = np.arange(data.n_customers)
    stranger = np.full(data.n_customers, -1)
    limit = 1e-4 * np.abs(expected).max()  # float32, and a difference on the customers' side
    np.testing.assert_allclose(model.score_rows(data.matrix, of_fit), expected, atol=limit)
    np.testing.assert_allclose(model.score_rows(data.matrix, stranger), expected, atol=limit)
    for item in (0, 7):
        found = model.contributions(np.arange(data.n_items), np.ones(data.n_items), -1, item)
        assert found is not None
        ones = np.log(2) if weighting == "log" else 1.0
        np.testing.assert_allclose(found, ones * weights[:, item], atol=limit)


def test_both_sides_give_the_same_lists() -> None:
    one, other = (
        EASE(20.0, side=side).fit(MARKET).recommend(k=5) for side in ("items", "customers")
    )  # type: ignore[arg-type]
    assert (one["item_id"] == other["item_id"]).mean() > 0.99  # ties may turn
    np.testing.assert_allclose(one["score"], other["score"], atol=1e-5)


@pytest.mark.parametrize("side", SIDES)
def test_it_keeps_its_promises(side: Any) -> None:
    check_recommends(lambda: EASE(20.0, side=side).fit(MARKET))


def test_the_smaller_side_is_taken() -> None:
    assert hasattr(EASE().fit(market(80, 30)), "item_weights_")
    assert hasattr(EASE().fit(market(30, 80)), "kernel_")


def test_a_second_fit_forgets_the_side_of_the_first() -> None:
    model = EASE(5.0).fit(market(80, 30))
    again = model.fit(market(30, 80))
    assert not hasattr(again, "item_weights_")
    assert again.recommend().equals(EASE(5.0).fit(market(30, 80)).recommend())


@pytest.mark.parametrize("side", SIDES)
def test_what_past_items_add_sums_to_the_score(side: Any) -> None:
    model = EASE(20.0, side=side, item_power=0.1).fit(MARKET)
    lists = model.recommend(k=5)
    for place in range(0, len(lists), 40):
        row = lists.iloc[place]
        told = model.explain(row["customer_id"], row["item_id"])
        assert told["contribution"].sum() == pytest.approx(row["score"], rel=1e-4)
        if told["contribution"].iloc[0] > 0:
            assert row["reason"] == f"because of {told['item_id'].iloc[0]}"


@pytest.mark.parametrize("side", SIDES)
def test_rows_in_another_order_change_nothing(side: Any) -> None:
    one, other = (EASE(20.0, side=side).fit(f).recommend() for f in (MARKET, shuffled(MARKET)))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("side", SIDES)
def test_an_update_is_a_fit_on_everything(side: Any) -> None:
    model = EASE(20.0, side=side).fit(MARKET[:600]).update(MARKET[600:])
    pd.testing.assert_frame_equal(model.recommend(), EASE(20.0, side=side).fit(MARKET).recommend())


@pytest.mark.parametrize("side", SIDES)
def test_a_saved_model_answers_alike(side: Any, tmp_path: Path) -> None:
    model = EASE(20.0, side=side, customer_power=0.5).fit(MARKET)
    model.save(tmp_path / "model")
    again = EASE.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.recommend(), model.recommend())
    pd.testing.assert_frame_equal(again.complete([[0, 3]]), model.complete([[0, 3]]))
    assert again.explain(3, 5).equals(model.explain(3, 5))


@pytest.mark.parametrize("side", SIDES)
def test_one_customer_one_item_and_more_than_there_are(side: Any) -> None:
    one = pd.DataFrame({"customer_id": [1], "item_id": ["tea"]})
    assert len(EASE(side=side).fit(one).recommend()) == 0
    seen = EASE(side=side).fit(one).recommend(filter_seen=False)
    assert seen["score"].tolist() == pytest.approx([0.0])
    lists = EASE(side=side).fit(MARKET).recommend([3], k=1000)
    n_items, n_seen = (
        MARKET["item_id"].nunique(),
        MARKET.query("customer_id == 3")["item_id"].nunique(),
    )
    assert len(lists) == n_items - n_seen


def test_an_inverse_that_does_not_fit_is_refused_before_it_starts() -> None:
    with pytest.raises(InvalidDataError, match=r"Raise max_memory, .* GraphFilter"):
        EASE(max_memory=1e-4).fit(MARKET)
    few = market(5, 300, 600)
    with pytest.raises(InvalidDataError, match="side='auto' would take"):
        EASE(side="items", max_memory=0.001).fit(few)
    EASE(max_memory=0.001).fit(few)


def test_bad_parameters_are_named_together() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        EASE(0.0, customer_power=3, side="both", weighting="tfidf").fit(MARKET)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 4
