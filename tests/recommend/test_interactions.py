"""Interactions: worked by hand, on every engine, in any order of rows, read at once or twice."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from helpers.engines import to_engine
from userportrait.data import Events, Orders
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.recommend import Interactions
from userportrait.recommend._interaction_rows import join_interactions
from userportrait.recommend._interaction_sources import as_interactions

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2026-01-01")


def frame_of(*rows: tuple[Any, ...], columns: str = "customer_id item_id") -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns.split())


def pairs_of(data: Interactions) -> dict[tuple[Any, Any], float]:
    table = data.to_frame()
    keys = zip(table["customer_id"].tolist(), table["item_id"].tolist(), strict=True)
    return dict(zip(keys, table["weight"].tolist(), strict=True))


def log_of(data: Interactions) -> list[tuple[Any, Any, int, int, float]]:
    log = data.log
    assert log is not None
    return list(
        zip(
            data.customer_ids[log.customer].tolist(),
            data.item_ids[log.item].tolist(),
            log.at.tolist(),
            log.order.tolist(),
            log.weight.tolist(),
            strict=True,
        )
    )


def assert_equal(one: Interactions, other: Interactions, *, rtol: float = 1e-12) -> None:
    np.testing.assert_array_equal(one.customer_ids, other.customer_ids)
    np.testing.assert_array_equal(one.item_ids, other.item_ids)
    np.testing.assert_array_equal(one.matrix.indptr, other.matrix.indptr)
    np.testing.assert_array_equal(one.matrix.indices, other.matrix.indices)
    np.testing.assert_allclose(one.matrix.data, other.matrix.data, rtol=rtol)
    assert (one.feedback, one.half_life, one.as_of) == (
        other.feedback,
        other.half_life,
        other.as_of,
    )
    assert (one.log is None) == (other.log is None)
    if one.log is not None:
        assert log_of(one) == log_of(other)
    if one.n_ratings is not None or other.n_ratings is not None:
        np.testing.assert_array_equal(one.n_ratings, other.n_ratings)


# --- frames --------------------------------------------------------------------------------


def test_each_row_counts_one_and_pairs_are_summed(engine: str) -> None:
    frame = frame_of(("bo", "tea"), ("ann", "cup"), ("bo", "tea"), ("ann", "tea"))
    data = Interactions.from_frame(to_engine(engine, frame))
    assert pairs_of(data) == {("ann", "cup"): 1, ("ann", "tea"): 1, ("bo", "tea"): 2}
    assert data.customer_ids.tolist() == ["ann", "bo"]
    assert data.item_ids.tolist() == ["cup", "tea"]
    assert (data.n_customers, data.n_items, data.n_pairs, data.n_rows) == (2, 2, 3, 4)
    assert data.log is None
    assert data.as_of is None
    assert data.n_ignored == {}
    assert data.item_counts.tolist() == [1, 2]
    assert data.matrix.has_sorted_indices


def test_weights_times_and_orders_are_found_by_their_usual_names(engine: str) -> None:
    frame = frame_of(
        (2, 20, 3.0, START + DAY, "b"),
        (1, 10, 1.5, START, "a"),
        (1, 20, 1.0, START, "a"),
        (1, 10, 2.0, START + 2 * DAY, "c"),
        columns="customer_id item_id weight occurred_at order_id",
    )
    data = Interactions.from_frame(to_engine(engine, frame))
    assert pairs_of(data) == {(1, 10): 3.5, (1, 20): 1.0, (2, 20): 3.0}
    assert data.customer_ids.dtype == np.int64
    assert data.log is not None
    assert data.log.has_orders
    day = 86_400_000_000
    start = int(START.timestamp()) * 1_000_000
    assert log_of(data) == [
        (1, 10, start, 0, 1.5),
        (1, 20, start, 0, 1.0),
        (1, 10, start + 2 * day, 1, 2.0),
        (2, 20, start + day, 2, 3.0),
    ]
    assert data.as_of == start + 2 * day


def test_columns_may_be_named(engine: str) -> None:
    frame = frame_of((1, "a", 2.0), (1, "a", 3.0), columns="user product stars")
    data = Interactions.from_frame(
        to_engine(engine, frame), customer_id="user", item_id="product", weight="stars"
    )
    assert pairs_of(data) == {(1, "a"): 5.0}


def test_decay_is_measured_from_the_newest_time_or_from_as_of() -> None:
    frame = frame_of(
        (1, "a", START, 4.0),
        (1, "a", START + 10 * DAY, 1.0),
        (1, "b", START + 20 * DAY, 1.0),
        columns="customer_id item_id occurred_at weight",
    )
    by_hand = {(1, "a"): 4 * 0.25 + 0.5, (1, "b"): 1.0}
    assert pairs_of(Interactions.from_frame(frame, half_life=10)) == pytest.approx(by_hand)
    later = Interactions.from_frame(frame, half_life=10, as_of=START + 30 * DAY)
    assert pairs_of(later) == pytest.approx({pair: w / 2 for pair, w in by_hand.items()})
    assert later.half_life == 10
    assert later.log is not None
    assert later.log.weight.tolist() == [4.0, 1.0, 1.0]  # before decay


def test_rows_after_as_of_do_not_count_and_can_be_read_back() -> None:
    frame = frame_of(
        (2, "b", START + 5 * DAY),
        (1, "a", START),
        (1, "b", START + DAY),
        columns="customer_id item_id ordered_at",
    )
    data = Interactions.from_frame(frame, as_of=START + DAY)
    assert pairs_of(data) == {(1, "a"): 1, (1, "b"): 1}
    assert data.customer_ids.tolist() == [1]  # 2 has no row that counts
    assert {why: rows.tolist() for why, rows in data.ignored.items()} == {"after_as_of": [0]}
    assert data.n_rows == 3
    with pytest.raises(InvalidDataError, match="no interaction is left"):
        Interactions.from_frame(frame, as_of=START - DAY)


def test_a_weight_of_zero_is_no_interaction() -> None:
    frame = frame_of((1, "a", 0.0), (1, "b", 2.0), columns="customer_id item_id weight")
    data = Interactions.from_frame(frame)
    assert data.item_ids.tolist() == ["b"]
    assert data.ignored["no_weight"].tolist() == [0]


def test_baskets_without_orders_are_equal_times() -> None:
    frame = frame_of(
        (1, "b", START + DAY),
        (1, "a", START),
        (1, "c", START),
        (2, "a", START),
        columns="customer_id item_id occurred_at",
    )
    log = Interactions.from_frame(frame).log
    assert log is not None
    assert not log.has_orders
    assert log.order.tolist() == [0, 0, 1, 2]


def test_an_order_has_the_time_of_its_first_line_and_orders_may_overlap() -> None:
    frame = frame_of(
        (1, "a", START, "late name"),
        (1, "b", START + 2 * DAY, "late name"),
        (1, "c", START + DAY, "early name"),
        columns="customer_id item_id occurred_at order_id",
    )
    data = Interactions.from_frame(frame)
    assert [(item, order) for _, item, _, order, _ in log_of(data)] == [
        ("a", 0),
        ("b", 0),
        ("c", 1),
    ]


def test_rows_without_an_order_are_baskets_by_their_time() -> None:
    frame = frame_of(
        (1, "a", START, "x"),
        (1, "b", START + DAY, None),
        (1, "c", START + DAY, None),
        (1, "d", START + 2 * DAY, None),
        columns="customer_id item_id occurred_at order_id",
    )
    log = Interactions.from_frame(frame).log
    assert log is not None
    assert log.order.tolist() == [0, 1, 1, 2]


def test_of_ratings_the_newest_counts() -> None:
    frame = frame_of(
        (1, "a", 2.0, START + DAY),
        (1, "a", 5.0, START),
        (1, "b", 3.0, START),
        (1, "b", 4.0, START),  # of one time: the higher one, whatever the order of rows
        columns="customer_id item_id rating occurred_at",
    )
    for given_frame in (frame, frame[::-1]):
        data = Interactions.from_frame(given_frame, feedback="explicit")
        assert pairs_of(data) == {(1, "a"): 2.0, (1, "b"): 4.0}
        assert data.n_ratings is None


def test_without_times_ratings_are_averaged() -> None:
    frame = frame_of(
        (1, "a", 2.0), (1, "a", 5.0), (1, "b", 0.0), columns="customer_id item_id rating"
    )
    data = Interactions.from_frame(frame, feedback="explicit")
    assert pairs_of(data) == {(1, "a"): 3.5, (1, "b"): 0.0}  # 0 is a rating
    assert data.n_ratings is not None
    assert data.n_ratings.tolist() == [2, 1]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, -np.inf])
def test_bad_weights_are_named_by_row(bad: float, engine: str) -> None:
    frame = frame_of((1, "a", 1.0), (1, "b", bad), columns="customer_id item_id weight")
    with pytest.raises(InvalidDataError, match="weights must be finite numbers of at least 0") as e:
        Interactions.from_frame(to_engine(engine, frame))
    assert e.value.rows == (1,)
    assert e.value.column == "weight"


@pytest.mark.parametrize("column", ["customer_id", "item_id"])
def test_a_missing_id_is_named_by_row(column: str, engine: str) -> None:
    frame = frame_of((1.0, 2.0), (3.0, 4.0))
    frame.loc[1, column] = None
    with pytest.raises(InvalidDataError, match=f"'{column}' missing") as error:
        Interactions.from_frame(to_engine(engine, frame))
    assert error.value.rows == (1,)


def test_a_missing_time_is_named_by_row() -> None:
    frame = frame_of((1, "a", START), (1, "b", None), columns="customer_id item_id occurred_at")
    with pytest.raises(InvalidDataError, match=r"Interactions.*'occurred_at' missing") as error:
        Interactions.from_frame(frame)
    assert error.value.rows == (1,)


def test_ids_of_mixed_types_and_fractions_are_refused() -> None:
    for bad in ([1, "a"], [1.5, 2.0], [True, False]):
        frame = pd.DataFrame({"customer_id": bad, "item_id": ["x", "y"]})
        with pytest.raises(ColumnTypeError):
            Interactions.from_frame(frame)


def test_whole_floats_are_whole_numbers() -> None:
    data = Interactions.from_frame(frame_of((17850.0, "a")))
    assert data.customer_ids.tolist() == [17850]
    assert data.customer_ids.dtype == np.int64


def test_one_customer_and_one_item_will_do() -> None:
    data = Interactions.from_frame(frame_of(("ann", "tea")))
    assert repr(data) == "<Interactions: 1 customer, 1 item, 1 pair, implicit>"
    assert pairs_of(data) == {("ann", "tea"): 1}


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="no rows"):
        Interactions.from_frame(frame_of())


def test_a_wrong_column_is_named_with_the_nearest_one() -> None:
    frame = frame_of((1, "a"), columns="customer_id itme_id")
    with pytest.raises(MissingColumnError, match="Did you mean 'itme_id'"):
        Interactions.from_frame(frame)
    with pytest.raises(MissingColumnError, match="explicit feedback needs ratings"):
        Interactions.from_frame(frame_of((1, "a")), feedback="explicit")
    with pytest.raises(MissingColumnError, match="weight"):
        Interactions.from_frame(frame_of((1, "a")), weight="qty")
    with pytest.raises(InvalidParameterError, match="two roles name the same column"):
        Interactions.from_frame(frame_of((1, 2)), customer_id="item_id")


def test_settings_that_do_not_fit_are_refused() -> None:
    frame = frame_of((1, "a", 3.0, START), columns="customer_id item_id rating occurred_at")
    with pytest.raises(InvalidParameterError, match="half_life must be"):
        Interactions.from_frame(frame, half_life=0)
    with pytest.raises(InvalidParameterError, match="half_life is for implicit"):
        Interactions.from_frame(frame, half_life=3, feedback="explicit")
    with pytest.raises(InvalidParameterError, match="Did you mean 'explicit'"):
        Interactions.from_frame(frame, feedback="explict")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="half_life and as_of need times"):
        Interactions.from_frame(frame_of((1, "a")), half_life=3)
    with pytest.raises(InvalidParameterError, match="as_of must be a date or time"):
        Interactions.from_frame(frame, as_of="yesterday")


# --- orders, events, matrices --------------------------------------------------------------


def orders_of(*rows: tuple[Any, ...]) -> Orders:
    columns = "customer_id order_id ordered_at item_id quantity price"
    return Orders(frame_of(*rows, columns=columns))


def some_orders() -> Orders:
    return orders_of(
        ("ann", 1, START, "tea", 2, 3.0),
        ("ann", 1, START, "cup", 1, 5.0),
        ("bo", 2, START + DAY, "tea", 1, 3.0),
        ("bo", 3, START + 2 * DAY, "tea", -1, 3.0),
        ("cy", 4, START + 2 * DAY, None, 1, 9.0),
        ("ann", 5, START + 3 * DAY, "tea", 3, 3.0),
        ("ann", 5, START + 3 * DAY, "gift", 1, 0.0),
    )


def test_returns_and_lines_without_an_item_do_not_count() -> None:
    data = Interactions.from_orders(some_orders())
    assert pairs_of(data) == {
        ("ann", "cup"): 1,
        ("ann", "gift"): 1,
        ("ann", "tea"): 2,
        ("bo", "tea"): 1,
    }
    assert {why: rows.tolist() for why, rows in data.ignored.items()} == {
        "missing_item_id": [4],
        "return": [3],
    }
    assert data.customer_ids.tolist() == ["ann", "bo"]
    assert [(item, order) for _, item, _, order, _ in log_of(data)] == [
        ("cup", 0),
        ("tea", 0),
        ("gift", 1),
        ("tea", 1),
        ("tea", 2),
    ]


def test_lines_may_count_their_units_or_their_money() -> None:
    units = Interactions.from_orders(some_orders(), weight="quantity")
    assert pairs_of(units)["ann", "tea"] == 5
    money = Interactions.from_orders(some_orders(), weight="amount")
    assert pairs_of(money)["ann", "tea"] == pytest.approx(15.0)
    assert ("ann", "gift") not in pairs_of(money)
    assert money.ignored["no_weight"].tolist() == [6]
    with pytest.raises(InvalidParameterError, match="Did you mean 'amount'"):
        Interactions.from_orders(some_orders(), weight="amuont")  # type: ignore[arg-type]


def test_orders_need_items_and_what_the_weight_needs() -> None:
    columns = "customer_id order_id ordered_at amount"
    bare = Orders(frame_of((1, 1, START, 2.0), columns=columns))
    with pytest.raises(MissingColumnError, match="item_id"):
        Interactions.from_orders(bare)
    columns = "customer_id order_id ordered_at amount item_id"
    without_units = Orders(frame_of((1, 1, START, 2.0, "tea"), columns=columns))
    assert pairs_of(Interactions.from_orders(without_units, weight="amount")) == {(1, "tea"): 2.0}
    with pytest.raises(MissingColumnError, match="quantity"):
        Interactions.from_orders(without_units, weight="quantity")


def test_orders_decay_and_end_at_as_of() -> None:
    data = Interactions.from_orders(some_orders(), half_life=1, as_of=START + 2 * DAY)
    assert pairs_of(data) == pytest.approx(
        {("ann", "cup"): 0.25, ("ann", "tea"): 0.25, ("bo", "tea"): 0.5}
    )
    assert data.ignored["after_as_of"].tolist() == [5, 6]


def test_orders_of_returns_only_are_refused() -> None:
    orders = orders_of(("ann", 1, START, "tea", -1, 3.0))
    with pytest.raises(InvalidDataError, match="no interaction is left \\(1 return\\)"):
        Interactions.from_orders(orders)


def some_events() -> Events:
    return Events(
        frame_of(
            ("ann", "view", START, "tea"),
            ("ann", "cart", START + DAY, "tea"),
            ("ann", "search", START + DAY, None),
            ("bo", "view", START + DAY, "cup"),
            ("bo", "like", START + DAY, "cup"),
            columns="customer_id event occurred_at item_id",
        )
    )


def test_events_count_by_their_kind() -> None:
    data = Interactions.from_events(some_events(), weights={"view": 1, "cart": 3})
    assert pairs_of(data) == {("ann", "tea"): 4, ("bo", "cup"): 1}
    assert {why: rows.tolist() for why, rows in data.ignored.items()} == {
        "missing_item_id": [2],
        "other_event": [4],
    }
    decayed = Interactions.from_events(some_events(), weights={"view": 1, "cart": 3}, half_life=1)
    assert pairs_of(decayed) == {("ann", "tea"): 3.5, ("bo", "cup"): 1}


def test_kinds_of_events_are_checked_all_at_once() -> None:
    with pytest.raises(InvalidParameterError) as error:
        Interactions.from_events(some_events(), weights={"veiw": 1, "cart": -3})
    assert "Did you mean 'view'" in str(error.value)
    assert "weights['cart'] must be a number" in str(error.value)
    with pytest.raises(InvalidParameterError, match="at least one kind"):
        Interactions.from_events(some_events(), weights={})
    with pytest.raises(InvalidDataError, match="no interaction is left"):
        Interactions.from_events(some_events(), weights={"search": 1})


def test_a_matrix_has_customers_in_rows() -> None:
    dense = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    want = {("ann", "cup"): 2, ("ann", "tea"): 1, ("bo", "pot"): 3}
    for make in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array, np.asarray):
        data = Interactions.from_matrix(
            make(dense), customer_ids=["ann", "bo"], item_ids=["tea", "pot", "cup"]
        )
        assert pairs_of(data) == want
        assert data.item_ids.tolist() == ["cup", "pot", "tea"]


def test_a_transposed_matrix_is_noticed() -> None:
    matrix = sparse.csr_array(np.ones((2, 3)))
    with pytest.raises(InvalidDataError, match=r"other way round: give matrix\.T"):
        Interactions.from_matrix(matrix, customer_ids=[1, 2, 3], item_ids=[1, 2])
    with pytest.raises(InvalidDataError, match="2 × 3, but there are 4") as error:
        Interactions.from_matrix(matrix, customer_ids=[1, 2, 3, 4], item_ids=[1, 2])
    assert "matrix.T" not in str(error.value)


def test_customers_and_items_without_an_entry_stay_known() -> None:
    matrix = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 0.0]]))
    data = Interactions.from_matrix(matrix, customer_ids=[7, 5], item_ids=["a", "b"])
    assert data.customer_ids.tolist() == [5, 7]
    assert data.item_ids.tolist() == ["a", "b"]
    assert data.item_counts.tolist() == [1, 0]


def test_stored_zeros_are_ratings_only() -> None:
    matrix = sparse.csr_array((np.array([0.0, 2.0]), ([0, 0], [0, 1])), shape=(1, 2))
    implicit = Interactions.from_matrix(matrix, customer_ids=[1], item_ids=["a", "b"])
    assert pairs_of(implicit) == {(1, "b"): 2.0}
    explicit = Interactions.from_matrix(
        matrix, customer_ids=[1], item_ids=["a", "b"], feedback="explicit"
    )
    assert pairs_of(explicit) == {(1, "a"): 0.0, (1, "b"): 2.0}


def test_entries_that_a_matrix_holds_twice_are_summed() -> None:
    matrix = sparse.coo_array((np.array([1.0, 2.0]), ([0, 0], [0, 0])), shape=(1, 1))
    for feedback in ("implicit", "explicit"):
        data = Interactions.from_matrix(
            matrix,
            customer_ids=[1],
            item_ids=["a"],
            feedback=feedback,  # type: ignore[arg-type]
        )
        assert pairs_of(data) == {(1, "a"): 3.0}


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_entries_of_a_matrix_are_refused(bad: float) -> None:
    matrix = sparse.csr_array(np.array([[bad]]))
    with pytest.raises(InvalidDataError, match="weights must be finite"):
        Interactions.from_matrix(matrix, customer_ids=[1], item_ids=["a"])


def test_ids_of_a_matrix_are_checked() -> None:
    matrix = sparse.csr_array(np.ones((2, 1)))
    with pytest.raises(InvalidDataError, match="customer_ids must all be different") as error:
        Interactions.from_matrix(matrix, customer_ids=["ann", "ann"], item_ids=["a"])
    assert error.value.rows == (1,)
    assert "ann" not in str(error.value)
    with pytest.raises(InvalidDataError, match=r"'customer_ids' missing"):
        Interactions.from_matrix(matrix, customer_ids=["ann", None], item_ids=["a"])  # type: ignore[list-item]
    with pytest.raises(ColumnTypeError):
        Interactions.from_matrix(matrix, customer_ids=["ann", 2], item_ids=["a"])
    with pytest.raises(InvalidDataError, match="two dimensions"):
        Interactions.from_matrix(np.ones(2), customer_ids=[1, 2], item_ids=["a"])
    with pytest.raises(InvalidDataError, match="is empty"):
        Interactions.from_matrix(sparse.csr_array((0, 0)), customer_ids=[], item_ids=[])


def test_what_fit_takes_is_read_or_refused_with_the_way_out() -> None:
    data = Interactions.from_frame(frame_of((1, "a")))
    assert as_interactions(data, owner="X") is data
    assert pairs_of(as_interactions(some_orders(), owner="X"))["ann", "tea"] == 2
    with pytest.raises(InvalidDataError, match="from_events"):
        as_interactions(some_events(), owner="X.fit")
    for matrix in (sparse.csr_array(np.ones((1, 1))), np.ones((1, 1))):
        with pytest.raises(InvalidDataError, match="from_matrix"):
            as_interactions(matrix, owner="X.fit")


# --- look-ups ------------------------------------------------------------------------------


def test_ids_are_looked_up_by_value_and_type() -> None:
    numbers = Interactions.from_frame(frame_of((5, 10), (7, 20), (2**40, 30)))
    asked: list[Any] = [7, 5, 6, "7", True, 7.0, 7.5, None, np.int32(5), 2**40, 2**70, -1]
    want = [1, 0, -1, -1, -1, 1, -1, -1, 0, 2, -1, -1]
    assert numbers.customer_places(asked).tolist() == want
    assert numbers.item_places(np.array([20, 10, 0])).tolist() == [1, 0, -1]
    assert numbers.item_places(np.array([20.0, np.nan])).tolist() == [1, -1]
    assert numbers.item_places([]).tolist() == []
    texts = Interactions.from_frame(frame_of(("ann", "a"), ("bo", "b")))
    asked = ["bo", "ann", "cy", 1, None, np.str_("bo"), ("bo",)]
    for repeat in (1, 20):  # few are bisected, many looked up in a table
        found = texts.customer_places(asked * repeat)
        assert found.tolist() == [1, 0, -1, -1, -1, 1, -1] * repeat


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, unique=True),
    st.lists(st.integers(-(2**63), 2**63 - 1)),
)
def test_numbers_are_found_where_they_stand(ids: list[int], asked: list[int]) -> None:
    data = Interactions.from_frame(pd.DataFrame({"customer_id": 1, "item_id": ids}))
    ordered = sorted(ids)
    want = [ordered.index(value) if value in ids else -1 for value in [*asked, *ids]]
    assert data.item_places([*asked, *ids]).tolist() == want


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.lists(st.text(), max_size=60))
def test_texts_are_found_where_they_stand(ids: list[str], asked: list[str]) -> None:
    frame = pd.DataFrame({"customer_id": 1, "item_id": pd.Series(ids, dtype=object)})
    data = Interactions.from_frame(frame)
    ordered = sorted(ids)
    want = [ordered.index(value) if value in ids else -1 for value in [*asked, *ids]]
    assert data.item_places([*asked, *ids]).tolist() == want


def test_interactions_are_pickled_without_their_tables() -> None:
    data = Interactions.from_frame(frame_of(*((f"c{i:03d}", "a") for i in range(200))))
    before = len(pickle.dumps(data))
    data.customer_places([f"c{i:03d}" for i in range(100)])
    assert len(pickle.dumps(data)) == before
    again = pickle.loads(pickle.dumps(data))
    assert_equal(data, again)
    assert again.customer_places(["c007"]).tolist() == [7]


def test_the_page_says_what_was_read_without_naming_a_customer() -> None:
    data = Interactions.from_orders(some_orders())
    html = data._repr_html_()
    assert "<dt>ignored: return</dt><dd>1</dd>" in html
    assert "ann" not in html + repr(data)


# --- properties ----------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.sampled_from("abcd"),
        st.integers(0, 6),
        st.integers(1, 4),
        st.sampled_from([0.5, 1.0, 2.0, 5.0]),
    ),
    min_size=1,
    max_size=25,
)


def as_frame(rows: list[tuple[int, str, int, int, float]], kind: str, first_order: int = 0) -> Any:
    table = pd.DataFrame(rows, columns=["customer_id", "item_id", "day", "order_id", "weight"])
    table["order_id"] += first_order
    table["occurred_at"] = START + table.pop("day") * DAY
    if kind == "plain":
        return table[["customer_id", "item_id", "weight"]]
    if kind == "times":
        return table.drop(columns="order_id")
    # An order has one customer and one time here, so that both readings say the same of it.
    table["order_id"] = (
        table["customer_id"] * 1000
        + (table["occurred_at"] - START).dt.days * 10
        + table["order_id"]
        + first_order * 100_000
    )
    return table


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "times": {},
    "orders": {},
    "decay": {"half_life": 2.0},
    "ratings": {"feedback": "explicit"},
    "timed ratings": {"feedback": "explicit"},
}
FRAMES = {
    "plain": "plain",
    "times": "times",
    "orders": "orders",
    "decay": "times",
    "ratings": "plain",
    "timed ratings": "times",
}


@settings(max_examples=60)
@given(ROWS, st.randoms(use_true_random=False), st.sampled_from(sorted(KINDS)))
def test_the_order_of_rows_does_not_matter(rows: Any, random: Any, kind: str) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = (as_frame(part, FRAMES[kind]) for part in (rows, shuffled))
    assert_equal(
        Interactions.from_frame(one, **KINDS[kind]),
        Interactions.from_frame(other, **KINDS[kind]),
        rtol=0,
    )


@settings(max_examples=100)
@given(ROWS, ROWS, st.sampled_from(sorted(KINDS)))
def test_two_readings_joined_are_one_reading(old: Any, new: Any, kind: str) -> None:
    one = as_frame(old, FRAMES[kind])
    other = as_frame(new, FRAMES[kind], first_order=5)
    whole = Interactions.from_frame(pd.concat([one, other]), **KINDS[kind])
    parts = [Interactions.from_frame(frame, **KINDS[kind]) for frame in (one, other)]
    joined = join_interactions(parts[0], parts[1], owner="X.update")
    assert_equal(joined, whole)
    assert joined.n_rows == whole.n_rows
    assert {why: rows.tolist() for why, rows in joined.ignored.items()} == {
        why: rows.tolist() for why, rows in whole.ignored.items()
    }


@settings(max_examples=40)
@given(ROWS, ROWS, ROWS)
def test_readings_join_in_turn(first: Any, second: Any, third: Any) -> None:
    frames = [as_frame(rows, "plain") for rows in (first, second, third)]
    found = Interactions.from_frame(frames[0], feedback="explicit")
    for frame in frames[1:]:
        more = Interactions.from_frame(frame, feedback="explicit")
        found = join_interactions(found, more, owner="X.update")
    assert_equal(found, Interactions.from_frame(pd.concat(frames), feedback="explicit"))


def test_an_explicit_moment_is_kept_when_more_is_read() -> None:
    rows = frame_of((1, "a", START), columns="customer_id item_id occurred_at")
    more = frame_of((1, "b", START + DAY), columns="customer_id item_id occurred_at")
    old = Interactions.from_frame(rows, half_life=1, as_of=START + 3 * DAY)
    new = Interactions.from_frame(more, half_life=1)
    joined = join_interactions(old, new, owner="X.update")
    assert pairs_of(joined) == pytest.approx({(1, "a"): 0.125, (1, "b"): 0.25})
    assert joined.as_of == old.as_of


def test_what_was_left_out_is_counted_through() -> None:
    rows = frame_of((1, "a", 0.0), (1, "b", 1.0), columns="customer_id item_id weight")
    part = Interactions.from_frame(rows)
    joined = join_interactions(part, part, owner="X.update")
    assert joined.n_rows == 4
    assert joined.ignored["no_weight"].tolist() == [0, 2]


def test_readings_that_do_not_go_together_are_refused() -> None:
    timed = frame_of((1, "a", START), columns="customer_id item_id occurred_at")
    plain = timed[["customer_id", "item_id"]]
    with_times, without = Interactions.from_frame(timed), Interactions.from_frame(plain)
    with pytest.raises(InvalidDataError, match="have no times, the old ones have"):
        join_interactions(with_times, without, owner="X.update")
    assert join_interactions(without, with_times, owner="X.update").log is None
    decayed = Interactions.from_frame(timed, half_life=2)
    with pytest.raises(InvalidDataError, match="Read both the same way"):
        join_interactions(with_times, decayed, owner="X.update")
    texts = Interactions.from_frame(frame_of(("ann", "a")))
    with pytest.raises(InvalidDataError, match="'customer_id' was whole numbers and is texts now"):
        join_interactions(without, texts, owner="X.update")
