"""The verbs of every recommender, on one whose scores a person can count."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from helpers.recommenders import Together, TogetherWithNegatives, items_of, lists_of
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.recommend import EASE, Interactions
from userportrait.recommend._base_reasons import best_of_each, main_items, spread_history
from userportrait.recommend._top import no_items
from userportrait.testing import check_recommends
from userportrait.typing import Recommends

SHOP = [
    ("ann", "tea"), ("ann", "cup"),
    ("bo", "tea"), ("bo", "cup"), ("bo", "pot"),
    ("cy", "tea"), ("cy", "pot"),
    ("di", "milk"),
]  # fmt: skip


def frame_of(rows: list[tuple[Any, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "item_id"])


def shop_model(kind: type[Together] = Together) -> Together:
    return kind().fit(frame_of(SHOP))


def random_shop(n: int = 300, *, seed: int = 0, n_items: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    customers = [f"c{i:02d}" for i in rng.integers(0, 30, n)]
    return frame_of(
        list(zip(customers, [f"i{i:02d}" for i in rng.integers(0, n_items, n)], strict=True))
    )


# --- recommend -----------------------------------------------------------------------------


def test_a_list_is_that_of_a_person_who_counts() -> None:
    table = shop_model().recommend(["ann"], k=3)
    # pot: with tea by bo and cy, with cup by bo. milk: nobody has it with either.
    assert table.to_dict("list") == {
        "customer_id": ["ann", "ann"],
        "item_id": ["pot", "milk"],
        "score": [3.0, 0.0],
        "rank": [1, 2],
        "reason": ["because of tea", "popular"],
    }


def test_all_customers_come_sorted_unless_some_are_asked_for() -> None:
    model = shop_model()
    assert list(items_of(model.recommend(k=1))) == ["ann", "bo", "cy", "di"]
    assert list(items_of(model.recommend(["cy", "ann"], k=1))) == ["cy", "ann"]
    table = model.recommend(["cy", "cy"], k=1)
    assert table["customer_id"].tolist() == ["cy", "cy"]
    for given_ids in (pd.Series(["cy"]), np.array(["cy"]), ("cy",), iter(["cy"]), {"cy": 1}):
        assert list(items_of(model.recommend(given_ids, k=1))) == ["cy"]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Together, TogetherWithNegatives])
def test_it_keeps_the_promises_of_a_recommender(kind: type[Together]) -> None:
    model = kind().fit(random_shop())
    assert isinstance(model, Recommends)
    check_recommends(lambda: model)


def test_strangers_get_what_most_customers_have_and_are_told_so() -> None:
    table = shop_model().recommend(["nobody", "ann"], k=2)
    assert items_of(table) == {"nobody": ["tea", "cup"], "ann": ["pot", "milk"]}
    assert table["score"].tolist() == [0.0, 0.0, 3.0, 0.0]
    assert table["reason"].tolist()[:2] == ["popular: nothing is known of this customer yet"] * 2
    mixed: list[Any] = [1, "nobody", None, 2.5]
    assert shop_model().recommend(mixed, k=1)["customer_id"].tolist() == mixed


def test_popular_items_are_those_of_most_customers_then_by_item() -> None:
    model = shop_model(TogetherWithNegatives)
    assert items_of(model.recommend(["nobody"], k=9)) == {"nobody": ["tea", "cup", "pot", "milk"]}


def test_customers_without_interactions_get_popular_items() -> None:
    matrix = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    data = Interactions.from_matrix(matrix, customer_ids=["a", "b", "c"], item_ids=["z", "y", "x"])
    for kind in (Together, TogetherWithNegatives):
        table = kind().fit(data).recommend(["b"], k=3)
        assert table["item_id"].tolist() == ["z", "y"]  # nobody has x: it is not popular
        assert set(table["reason"]) == {"popular: nothing is known of this customer yet"}


def test_lists_are_as_long_as_there_are_items() -> None:
    model = shop_model()
    assert items_of(model.recommend(["di"], k=1_000)) == {"di": ["tea", "cup", "pot"]}
    assert len(model.recommend(["ann"], k=1_000, filter_seen=False)) == 4
    everything = model.recommend(["bo"], k=5, exclude=["milk"])
    assert len(everything) == 0
    assert list(everything) == ["customer_id", "item_id", "score", "rank", "reason"]


def test_one_customer_and_one_item_will_do() -> None:
    model = Together().fit(frame_of([("ann", "tea")]))
    assert len(model.recommend(k=3)) == 0
    assert items_of(model.recommend(["bo"], k=3)) == {"bo": ["tea"]}
    assert len(model.similar_items(["tea"])) == 0
    assert len(model.similar_customers(["ann"])) == 0


def test_answers_have_the_types_of_what_was_given() -> None:
    model = Together().fit(frame_of([(1, 10), (1, 20), (2, 10)]))
    for customers in ([2], [], [99]):
        table = model.recommend(customers, k=1)
        assert str(table["item_id"].dtype) == "int64"
        assert str(table["score"].dtype) == "float64"
        assert str(table["rank"].dtype) == "int64"
    assert str(model.recommend([2])["customer_id"].dtype) == "int64"
    texts = shop_model().recommend([], k=1)
    assert len(texts) == 0
    assert list(texts) == ["customer_id", "item_id", "score", "rank", "reason"]


def test_reasons_can_be_left_out() -> None:
    table = shop_model().recommend(["ann"], reasons=False)
    assert list(table) == ["customer_id", "item_id", "score", "rank"]


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(10, 17)), min_size=1, max_size=30),
    st.integers(1, 9),
    st.sampled_from([Together, TogetherWithNegatives]),
)
def test_lists_are_those_of_sorting_every_score(rows: Any, k: int, kind: Any) -> None:
    model = kind().fit(frame_of(rows))
    has: dict[int, set[int]] = {}
    for customer, item in rows:
        has.setdefault(customer, set()).add(item)
    items = sorted({item for _, item in rows})
    popularity = {item: sum(item in own for own in has.values()) for item in items}
    shift = model.shift
    for customer, found in lists_of(model.recommend(sorted(has), k=k)).items():
        own = has[customer]
        scores = {
            item: float(
                sum(sum({past, item} <= each for each in has.values()) + shift for past in own)
            )
            for item in items
            if item not in own
        }
        best = sorted(scores, key=lambda item: (-scores[item], item))
        want = [(item, scores[item]) for item in best]
        if kind is Together:
            want = [pair for pair in want if pair[1] > 0]
            rest = [item for item in best if scores[item] <= 0]
            want += [(item, 0.0) for item in sorted(rest, key=lambda i: (-popularity[i], i))]
        assert found == want[:k]


def test_a_list_does_not_depend_on_the_company_or_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = TogetherWithNegatives().fit(random_shop())
    together = lists_of(model.recommend(k=7))
    monkeypatch.setattr("userportrait.recommend._base_hooks.block_rows", lambda n: 3)
    assert lists_of(model.recommend(k=7)) == together
    for customer, found in together.items():
        assert lists_of(model.recommend(["new", customer], k=7))[customer] == found


def test_eight_threads_get_the_same_answers() -> None:
    model = EASE(l2=20.0).fit(random_shop(2_000, n_items=60))
    customers = [f"c{i:02d}" for i in range(30)]
    want = [model.recommend([customer, "new"], k=8) for customer in customers]
    again = pickle.loads(pickle.dumps(model))  # nothing has been looked up in this one yet
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            found = pool.map(lambda customer: again.recommend([customer, "new"], k=8), customers)
            for one, other in zip(want, found, strict=True):
                pd.testing.assert_frame_equal(one, other)


def test_scores_of_a_model_are_not_changed_by_asking() -> None:
    class Fixed(TogetherWithNegatives):
        def _scores(self, history: Any, known: Any) -> Any:
            return np.broadcast_to(self.counts_[0], (len(known), self.counts_.shape[1]))

    model = Fixed().fit(frame_of(SHOP))
    before = model.counts_.copy()
    first = model.recommend(k=2)
    pd.testing.assert_frame_equal(model.recommend(k=2), first)
    np.testing.assert_array_equal(model.counts_, before)


def test_models_may_know_more_of_cold_customers() -> None:
    class ByName(Together):
        def _cold_top(self, customers: Any, k: int, allowed: Any, blocked: Any) -> Any:
            found = no_items(len(customers), k)
            found.items[:, 0] = self.interactions_.item_places(["milk"])
            found.scores[:, 0] = [float(len(name)) for name in customers]
            return found

    model = ByName().fit(frame_of(SHOP))
    table = model.recommend(["new", "newer"], k=2)
    assert lists_of(table) == {
        "new": [("milk", 3.0), ("tea", 0.0)],
        "newer": [("milk", 5.0), ("tea", 0.0)],
    }
    assert (
        table["reason"].tolist()
        == [
            "by what is known of this customer",
            "popular: nothing is known of this customer yet",
        ]
        * 2
    )


# --- complete ------------------------------------------------------------------------------


def test_baskets_are_completed_as_customers_with_the_same_items_are() -> None:
    model = shop_model()
    table = model.complete([["tea", "cup"], ["milk", "nothing we have"], [], ["?"]], k=2)
    assert items_of(table, "basket") == {
        0: ["pot", "milk"],
        1: ["tea", "cup"],
        2: ["tea", "cup"],
        3: ["tea", "cup"],
    }
    assert table["reason"].tolist()[0] == "because of tea"
    assert table["reason"].tolist()[-1] == "popular: nothing is known of this customer yet"
    again = model.recommend(["ann"], k=2)
    np.testing.assert_array_equal(again["score"], table["score"][:2])


def test_items_of_a_basket_may_come_again_if_asked_for() -> None:
    table = shop_model().complete([["tea"]], k=9, filter_seen=False)
    assert "tea" in table["item_id"].tolist()


def test_nothing_to_complete_is_an_empty_answer() -> None:
    table = shop_model().complete([])
    assert len(table) == 0
    assert list(table) == ["basket", "item_id", "score", "rank", "reason"]


class Weighing(Together):
    """What an item of the history counts is its weight."""

    def _scores(self, history: Any, known: Any) -> Any:
        return history @ self.counts_


def test_baskets_may_say_how_much_each_item_counts() -> None:
    model = Weighing().fit(frame_of(SHOP))
    table = model.complete([{"tea": 2.5, "cup": 0.5}, {"tea": 0, "cup": 1}, ["tea", "tea"]], k=1)
    assert lists_of(table, "basket") == {0: [("pot", 5.5)], 1: [("tea", 2.0)], 2: [("cup", 4.0)]}


def test_plain_items_count_as_the_best_rating() -> None:
    rows = [(1, "a", 5.0), (1, "b", 2.0), (2, "a", 4.0), (2, "c", 1.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "item_id", "rating"])
    model = Weighing().fit(Interactions.from_frame(frame, feedback="explicit"))
    table = model.complete([["a", "a"], {"a": 3.0}], k=1)
    assert lists_of(table, "basket") == {0: [("b", 5.0)], 1: [("b", 3.0)]}


@pytest.mark.parametrize(
    ("baskets", "message"),
    [
        ("tea", "baskets must be a list of lists of items; got str"),
        (3, "baskets must be a list of lists of items; got int"),
        ({"tea": 1}, "baskets must be a list of lists of items; got dict"),
        (["tea", "cup"], r"each basket must be a list of items; got str. For one basket, write \["),
        ([1, 2], "each basket must be a list of items; got int"),
        ([{"tea": -1}], "weights in baskets must be finite"),
        ([{"tea": float("nan")}], "weights in baskets must be finite"),
        ([{"tea": "much"}], "weights in baskets must be finite"),
        ([[1, 2]], "baskets holds whole numbers, but the item IDs of the model are texts"),
    ],
)
def test_what_is_no_basket_is_refused(baskets: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        shop_model().complete(baskets)


# --- neighbours ----------------------------------------------------------------------------


def test_similar_items_are_those_recommended_to_who_has_one() -> None:
    table = shop_model().similar_items(["tea", "milk"], k=5)
    assert table.to_dict("list") == {
        "item_id": ["tea", "tea"],
        "similar_item_id": ["cup", "pot"],
        "score": [2.0, 2.0],
        "rank": [1, 2],
    }


def test_similar_customers_are_near_by_the_cosine_of_their_items() -> None:
    table = shop_model().similar_customers(["ann", "di"], k=5)
    assert table["customer_id"].tolist() == ["ann", "ann"]  # di shares nothing with anybody
    assert table["similar_customer_id"].tolist() == ["bo", "cy"]
    np.testing.assert_allclose(table["score"], [2 / np.sqrt(6), 1 / 2])


def test_neighbours_of_nobody_are_an_empty_answer() -> None:
    model = shop_model()
    assert len(model.similar_items([])) == 0
    assert len(model.similar_customers([])) == 0
    assert list(model.similar_items([])) == ["item_id", "similar_item_id", "score", "rank"]


def test_there_are_no_more_neighbours_than_others() -> None:
    model = TogetherWithNegatives().fit(frame_of(SHOP))
    assert len(model.similar_items(["tea"], k=1_000_000)) == 3
    assert len(model.similar_customers(["ann"], k=1_000_000)) == 2


# --- explain -------------------------------------------------------------------------------


def test_contributions_sum_to_the_score() -> None:
    model = shop_model()
    table = model.explain("ann", "pot")
    assert table.to_dict("list") == {
        "item_id": ["tea", "cup"],
        "weight": [1.0, 1.0],
        "contribution": [2.0, 1.0],
        "share": pytest.approx([2 / 3, 1 / 3]),
    }
    basket = model.explain(["cup", "unheard of"], "pot")
    assert basket["item_id"].tolist() == ["cup"]
    assert basket["contribution"].sum() == lists_of(model.complete([["cup"]]), "basket")[0][1][1]


def test_nothing_explains_a_score_of_nothing() -> None:
    model = shop_model()
    table = model.explain("di", "tea")
    assert table["share"].tolist() == [0.0]
    empty = model.explain([], "tea")
    assert len(empty) == 0
    assert list(empty) == ["item_id", "weight", "contribution", "share"]


def test_numbers_explain_as_texts_do() -> None:
    model = Together().fit(frame_of([(1, 10), (1, 20), (2, 10)]))
    for customer in (2, np.int64(2), 2.0):
        assert model.explain(customer, np.int32(20))["item_id"].tolist() == [10]  # type: ignore[arg-type]


def test_a_model_that_is_no_sum_says_so() -> None:
    class Opaque(Together):
        def _contributions(self, items: Any, weights: Any, known: int, item: int) -> Any:
            return None

    model = Opaque().fit(frame_of(SHOP))
    with pytest.raises(InvalidDataError, match="Opaque is not a sum over past items"):
        model.explain("ann", "pot")
    assert model.recommend(["ann"], k=1)["reason"].tolist() == ["by what you like"]


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(-3, 3), max_size=4), min_size=1, max_size=6),
)
def test_the_best_of_each_part_is_found(parts: list[list[int]]) -> None:
    values = np.array([value for part in parts for value in part], dtype=float)
    ends = np.cumsum([0, *map(len, parts)])
    want = [
        start + part.index(max(part)) if part and max(part) > 0 else -1
        for start, part in zip(ends.tolist(), parts, strict=False)
    ]
    assert best_of_each(values, ends).tolist() == want


def test_all_pairs_at_once_find_the_main_items_that_single_ones_do() -> None:
    model = TogetherWithNegatives().fit(random_shop())
    history = model.interactions_.matrix
    rng = np.random.default_rng(1)
    row, item = rng.integers(0, history.shape[0], 200), rng.integers(0, history.shape[1], 200)
    known = np.arange(history.shape[0])
    one = main_items(model._contributions, history, known, row, item)
    place, ends = spread_history(history, row)
    past = history.indices[place]
    values = model.counts_[past, np.repeat(item, np.diff(ends))]
    best = best_of_each(values, ends)
    np.testing.assert_array_equal(one, np.where(best >= 0, past[best], -1))


# --- update --------------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(10, 15)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(3, 9), st.integers(12, 19)), min_size=1, max_size=20),
)
def test_an_update_is_a_fit_on_all_of_it(old: Any, new: Any) -> None:
    updated = Together().fit(frame_of(old)).update(frame_of(new))
    whole = Together().fit(frame_of(old + new))
    pd.testing.assert_frame_equal(updated.recommend(k=5), whole.recommend(k=5))


def test_a_second_fit_forgets_the_first() -> None:
    model = shop_model()
    model.fit(frame_of([("eve", "gin"), ("eve", "ice"), ("fay", "gin")]))
    assert items_of(model.recommend()) == {"fay": ["ice"]}


def test_an_update_of_another_kind_is_refused_and_changes_nothing() -> None:
    model = shop_model()
    before = model.recommend()
    with pytest.raises(InvalidDataError, match=r"Together\.update: 'customer_id' was texts"):
        model.update(frame_of([(1, "tea")]))
    pd.testing.assert_frame_equal(model.recommend(), before)


# --- as estimators -------------------------------------------------------------------------


def test_models_are_cloned_and_pickled() -> None:
    model = Together(shift=2.0).fit(frame_of(SHOP))
    fresh = clone(model)
    assert fresh.shift == 2.0
    with pytest.raises(NotFittedError):
        fresh.recommend()
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.recommend(), model.recommend())


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.recommend(),
        lambda model: model.complete([["tea"]]),
        lambda model: model.similar_items(["tea"]),
        lambda model: model.similar_customers(["ann"]),
        lambda model: model.explain("ann", "tea"),
        lambda model: model.update(frame_of(SHOP)),
    ],
)
def test_a_model_must_be_fitted_first(ask: Any) -> None:
    with pytest.raises(NotFittedError, match="Together is not fitted yet"):
        ask(Together())


def test_the_input_is_not_changed() -> None:
    frame = frame_of(SHOP)
    before = frame.copy()
    Together().fit(frame).update(frame).recommend()
    pd.testing.assert_frame_equal(frame, before)


# --- messages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m: m.recommend(["ann"], k=0), r"Together\.recommend: k must be an integer in"),
        (lambda m: m.recommend(["ann"], k=2.5), "k must be an integer"),
        (lambda m: m.recommend("ann"), "customers must be a list of IDs; got str"),
        (lambda m: m.recommend(np.int64(3)), "customers must be a list of IDs; got int64"),
        (lambda m: m.recommend(filter_seen="no"), "filter_seen must be True or False"),
        (lambda m: m.recommend(reasons=None), "reasons must be True or False"),
        (lambda m: m.recommend(exclude="tea"), "exclude must be a list of IDs; got str"),
        (lambda m: m.recommend(exclude=[1]), "exclude holds whole numbers, but the item IDs"),
        (lambda m: m.recommend(filters=3), "filters must be a list of filters; got int"),
        (lambda m: m.recommend(filters=[3]), "allowed, blocked or choose; got int"),
        (lambda m: m.similar_items("tea"), "items must be a list of IDs; got str"),
        (lambda m: m.similar_items(["tee"]), "'tee' is not a known item. Did you mean 'tea'"),
        (lambda m: m.similar_items([3]), "3 is not a known item: the item IDs of the model are te"),
        (lambda m: m.similar_items(["tea"], k=0), "k must be an integer"),
        (lambda m: m.similar_customers(["zoe", "yan"]), "2 customers of those given have not been"),
        (lambda m: m.explain("zoe", "tea"), "1 customer of those given has not been seen by fit"),
        (lambda m: m.explain("ann", "tee"), "Did you mean 'tea'"),
    ],
)
def test_messages_say_what_would_do_and_name_no_customer(ask: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message) as error:
        ask(shop_model())
    for name in ("ann", "zoe", "yan"):
        assert f"'{name}'" not in str(error.value)


def test_unknown_items_of_a_long_catalogue_are_not_listed() -> None:
    items = [f"P{i:05d}" for i in range(5_000)]
    model = Together()
    model.interactions_ = Interactions.from_frame(
        pd.DataFrame({"customer_id": 1, "item_id": items})
    )
    with pytest.raises(InvalidParameterError) as error:
        model.explain([], "p00017")
    assert str(error.value) == (
        "Together.explain: 'p00017' is not a known item. Did you mean 'P00017'? "
        "It knows 5,000 items, from P00000 to P04999."
    )
    numbers = Interactions.from_frame(pd.DataFrame({"customer_id": 1, "item_id": range(5_000)}))
    model.interactions_ = numbers
    with pytest.raises(InvalidParameterError, match=r"7777 is not a known item\. It knows 5,000"):
        model.explain([], 7777)
