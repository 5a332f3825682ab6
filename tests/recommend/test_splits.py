"""Splits: nothing lost, nothing leaked, nothing that depends on the order of rows."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import userportrait as up
from helpers.engines import to_engine, to_pandas
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.recommend import (
    Interactions,
    split_blocks,
    split_by_time,
    split_last,
    split_random,
)

LINES = pd.DataFrame(
    {
        "customer_id": ["ann", "ann", "ann", "bo", "bo", "cy"],
        "item_id": ["tea", "cup", "tea", "tea", "pot", "oil"],
        "order_id": [1, 1, 2, 3, 4, 5],
        "occurred_at": pd.to_datetime(
            ["2026-01-01", "2026-01-01", "2026-01-05", "2026-01-02", "2026-01-06", "2026-01-07"]
        ),
        "note": list("abcdef"),
    }
)
SPLITS: dict[str, Any] = {
    "time": lambda data: split_by_time(data, share=0.3),
    "last": split_last,
    "baskets": lambda data: split_last(data, unit="baskets"),
    "random": split_random,
    "blocks": split_blocks,
}


@pytest.fixture(scope="module")
def orders() -> Any:
    return up.make_shop(n_customers=150, random_state=3).orders


def notes(frame: Any) -> str:
    return "".join(sorted(frame["note"]))


def test_a_cut_by_time_keeps_the_future_out() -> None:
    split = split_by_time(LINES, at="2026-01-05")
    assert (notes(split.train), notes(split.test)) == ("abd", "cef")
    assert split.facts == {
        "n_train": 3,
        "n_test": 3,
        "n_test_customers": 3,
        "n_test_items": 3,
        "n_unknown_customers": 1,  # cy
        "n_unknown_items": 2,  # pot and oil
        "n_repeated_pairs": 1,  # ann's tea
        "n_uncut_customers": 0,
        "n_left_out": 0,
    }


@pytest.mark.parametrize(
    ("share", "test"), [(0.1, "f"), (0.3, "ef"), (0.5, "cef"), (0.6, "cdef"), (0.7, "cdef")]
)
def test_a_share_is_met_as_nearly_as_moments_allow(share: float, test: str) -> None:
    # Two rows share the first moment, so 5 of 6 rows are out of reach.
    assert notes(split_by_time(LINES, share=share).test) == test


def test_the_last_interactions_are_those_of_each_customer() -> None:
    split = split_last(LINES)
    assert notes(split.test) == "ce"
    assert split.facts["n_uncut_customers"] == 1
    # At one moment the last ones go by item: tea comes after cup.
    two = split_last(LINES, 2)
    assert notes(two.test) == "ac"


def test_the_last_baskets_stay_whole() -> None:
    lines = LINES.assign(order_id=[1, 2, 2, 3, 4, 5])
    assert notes(split_last(lines, unit="baskets").test) == "bce"
    # Without orders, one moment is one basket.
    assert notes(split_last(lines.drop(columns="order_id"), unit="baskets").test) == "ce"


@pytest.mark.parametrize("split", [split_random, split_blocks])
def test_pairs_stay_together_and_shares_are_met(split: Any) -> None:
    rng = np.random.default_rng(0)
    lines = pd.DataFrame(
        {"customer_id": rng.integers(0, 300, 9000), "item_id": rng.integers(0, 50, 9000)}
    )
    found = split(lines, 0.3, random_state=1)
    assert found.n_repeated_pairs == 0
    pairs = lines.drop_duplicates().groupby("customer_id").size()
    test = found.test.drop_duplicates().groupby("customer_id").size().reindex(pairs.index)
    test = test.fillna(0)
    assert (np.abs(test - 0.3 * pairs) < 1).all()
    assert (test < pairs).all()
    # Rounding goes by chance, so that the share is met on the whole.
    assert test.sum() / pairs.sum() == pytest.approx(0.3, abs=0.01)


def test_random_items_are_drawn_evenly() -> None:
    lines = pd.DataFrame(
        {"customer_id": np.repeat(np.arange(4000), 5), "item_id": [*range(5)] * 4000}
    )
    counts = split_random(lines, 0.4).test["item_id"].value_counts()
    # 1,600 of each, standard deviation sqrt(4000 * 0.4 * 0.6) = 31.
    assert (np.abs(counts - 1600) < 4 * 31).all()
    assert len(counts) == 5


def test_blocks_are_neighbours_that_begin_anywhere() -> None:
    lines = pd.DataFrame(
        {"customer_id": np.repeat(np.arange(2000), 5), "item_id": [*range(5)] * 2000}
    )
    test = split_blocks(lines, 0.4).test.groupby("customer_id")["item_id"].agg(["min", "max"])
    assert (test["max"] - test["min"] == 1).all()
    starts = test["min"].value_counts()
    assert sorted(starts.index) == [0, 1, 2, 3]
    assert (np.abs(starts - 500) < 4 * np.sqrt(2000 * 0.25 * 0.75)).all()


@pytest.mark.parametrize("name", SPLITS)
def test_every_row_is_in_one_part(name: str, orders: Any) -> None:
    frame = orders.to_pandas().assign(row=range(len(orders)))
    split = SPLITS[name](up.Orders(frame))
    rows = [set(part.to_pandas()["row"]) for part in (split.train, split.test)]
    assert not rows[0] & rows[1]
    assert rows[0] | rows[1] == set(range(len(frame)))
    assert split.train.minor_digits == orders.minor_digits


@pytest.mark.parametrize("name", SPLITS)
def test_orders_and_their_interactions_are_cut_at_the_same_place(name: str, orders: Any) -> None:
    ours = SPLITS[name](orders)
    theirs = SPLITS[name](Interactions.from_orders(orders))
    pd.testing.assert_frame_equal(
        Interactions.from_orders(ours.test).to_frame(), theirs.test.to_frame()
    )
    pd.testing.assert_frame_equal(
        Interactions.from_orders(ours.train).to_frame(), theirs.train.to_frame()
    )


@pytest.mark.parametrize("name", SPLITS)
def test_the_order_of_rows_changes_nothing(name: str) -> None:
    rng = np.random.default_rng(1)
    n = 500
    lines = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 40, n).astype(str),
            "item_id": rng.integers(0, 30, n),
            "order_id": rng.integers(0, 100, n),
            "occurred_at": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(rng.integers(0, 60, n), "D"),
        }
    )
    columns = list(lines.columns)
    once = SPLITS[name](lines)
    again = SPLITS[name](lines.sample(frac=1, random_state=2))
    assert once.facts == again.facts
    for one, other in ((once.train, again.train), (once.test, again.test)):
        pd.testing.assert_frame_equal(
            one.sort_values(columns, ignore_index=True),
            other.sort_values(columns, ignore_index=True),
        )


@pytest.mark.parametrize("name", SPLITS)
def test_a_frame_comes_back_as_what_it_was(name: str, engine: str) -> None:
    expected = SPLITS[name](LINES)
    given = to_engine(engine, LINES)
    found = SPLITS[name](given)
    assert found.facts == expected.facts
    if engine in ("polars-lazy", "duckdb"):  # not in memory: pandas
        assert isinstance(found.test, pd.DataFrame)
    else:
        assert type(found.test) is type(given)
    assert notes(to_pandas(found.test)) == notes(expected.test)


def test_interactions_without_times_are_cut_by_pairs() -> None:
    data = Interactions.from_frame(LINES[["customer_id", "item_id"]])
    split = split_blocks(data, 0.5)
    both = pd.concat([split.train.to_frame(), split.test.to_frame()])
    pd.testing.assert_frame_equal(
        both.sort_values(["customer_id", "item_id"], ignore_index=True), data.to_frame()
    )
    assert split.train.customer_ids.tolist() == ["ann", "bo", "cy"]
    assert set(split.test.customer_ids) <= {"ann", "bo"}


def test_decay_is_that_of_each_part() -> None:
    data = Interactions.from_frame(LINES, half_life=4.0)
    train = split_by_time(data, at="2026-01-06").train
    weight = train.to_frame().set_index(["customer_id", "item_id"])["weight"]
    # As of 2026-01-05: ann's tea is one of that day and one 4 days old.
    assert weight["ann", "tea"] == pytest.approx(1.5)
    assert weight["bo", "tea"] == pytest.approx(2 ** (-3 / 4))


def test_orders_in_the_log_stay_baskets() -> None:
    data = Interactions.from_frame(LINES)
    train = split_by_time(data, at="2026-01-06").train
    assert train.log is not None
    assert train.log.has_orders
    again = Interactions.from_frame(LINES[LINES["occurred_at"] < "2026-01-06"])
    assert again.log is not None
    assert train.log.order.tolist() == again.log.order.tolist()
    assert train.log.at.tolist() == again.log.at.tolist()


def test_returns_follow_their_time_or_their_pair() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": 1,
            "order_id": [1, 2, 3, 4],
            "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]),
            "item_id": ["a", "b", "c", "a"],
            "quantity": [1, 1, 1, -1],
            "price": 1.0,
        }
    )
    orders = up.Orders(frame)
    assert split_last(orders).test.to_pandas()["order_id"].tolist() == [3, 4]
    split = split_random(orders, 0.5)
    parts = [set(part.to_pandas()["item_id"]) for part in (split.train, split.test)]
    assert not parts[0] & parts[1]


def test_narrowing_leaves_out_and_counts() -> None:
    split = split_by_time(LINES, at="2026-01-05")
    known = split.narrow_test(known_customers=True)
    assert (notes(known.test), known.facts["n_left_out"], known.n_unknown_customers) == ("ce", 1, 0)
    assert notes(split.narrow_test(known_items=True).test) == "c"
    fresh = known.narrow_test(new_pairs=True)
    assert (notes(fresh.test), fresh.facts["n_left_out"], fresh.n_repeated_pairs) == ("e", 2, 0)
    with pytest.raises(InvalidDataError, match="nothing would be left"):
        split.narrow_test(known_items=True, new_pairs=True)


def test_a_validation_part_is_cut_inside_of_train() -> None:
    split = split_by_time(LINES, at="2026-01-06")
    inner = split_by_time(split.train, at="2026-01-05")
    assert (notes(inner.train), notes(inner.test)) == ("abd", "c")


def test_splits_print_and_pickle() -> None:
    split = split_by_time(Interactions.from_frame(LINES), at="2026-01-05")
    again = pickle.loads(pickle.dumps(split))
    assert again.facts == split.facts
    pd.testing.assert_frame_equal(again.test.to_frame(), split.test.to_frame())
    assert repr(split) == (
        "<Split: 3 rows to learn from, 3 rows to be judged by, by time at 2026-01-05>"
    )
    assert "unknown to train" in split._repr_html_()
    assert split.to_frame()["n"].tolist() == list(split.facts.values())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (split_by_time, InvalidParameterError, "either at= or share="),
        (lambda d: split_by_time(d, at="2026-01-05", share=0.1), InvalidParameterError, "either"),
        (lambda d: split_by_time(d, share=1.5), InvalidParameterError, "share must be"),
        (lambda d: split_by_time(d, at="soon"), InvalidParameterError, "at must be a date"),
        (lambda d: split_by_time(d, at="2027-01-01"), InvalidDataError, "nothing to be judged by"),
        (lambda d: split_by_time(d, at="2025-01-01"), InvalidDataError, "nothing to learn from"),
        (lambda d: split_last(d, 0), InvalidParameterError, "n must be an integer"),
        (lambda d: split_last(d, 9), InvalidDataError, "nothing to be judged by"),
        (lambda d: split_last(d, unit="basket"), InvalidParameterError, "Did you mean 'baskets'"),
        (lambda d: split_random(d, 0.0), InvalidParameterError, "share must be"),
        (
            lambda d: split_last(d.drop(columns="occurred_at")),
            InvalidParameterError,
            "there are no times",
        ),
        (
            lambda d: split_random(d.rename(columns={"item_id": "item"})),
            MissingColumnError,
            "'item' looks like it",
        ),
        (lambda d: split_random(d.drop_duplicates("customer_id")), InvalidDataError, "nothing to"),
    ],
)
def test_bad_input_is_refused_with_what_would_do(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(LINES)
