"""From scores to lists: own filters, blocks, popular items at the end, threads, all at once."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.recommenders import Together, TogetherWithNegatives, items_of
from userportrait.errors import InvalidParameterError
from userportrait.recommend import (
    AtMostPer,
    CategoryQuota,
    Diversify,
    Eligible,
    ExcludeFor,
    ExcludeItems,
    InStock,
    NotBoughtWithin,
    OnlyCategories,
    OnlyItems,
    PriceBand,
    Request,
)
from userportrait.recommend._filters import blocked_pairs, combined_mask
from userportrait.recommend._interactions import csr
from userportrait.recommend._serve_fill import fill_popular
from userportrait.recommend._top import no_items

ITEMS = [f"i{i:02d}" for i in range(16)]
CUSTOMERS = [f"c{i}" for i in range(9)]
START = pd.Timestamp("2026-01-01")


def shop() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 70
    days = pd.to_timedelta(rng.integers(0, 60, n), unit="D")
    return pd.DataFrame(
        {
            "customer_id": [CUSTOMERS[i] for i in rng.integers(0, len(CUSTOMERS), n)],
            "item_id": [ITEMS[i] for i in rng.integers(0, len(ITEMS), n)],
            "occurred_at": START + days,
        }
    )


MODELS = {kind.__name__: kind().fit(shop()) for kind in (Together, TogetherWithNegatives)}
NUMBER = {item: i for i, item in enumerate(ITEMS)}
CATEGORY = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
BRAND = {item: "xyzuv"[i % 5] for i, item in enumerate(ITEMS)}


class EvenFor:
    """A filter of one's own: customers of an even number get items of an even number."""

    def allowed(self, request: Request) -> Any:
        odd = np.array([str(customer)[-1] in "13579" for customer in request.customers])
        return odd[:, None] | (np.arange(request.interactions.n_items) % 2 == 0)


class NotTheirFirst:
    """A filter of one's own: nobody gets the item that stands before their first one."""

    def blocked(self, request: Request) -> Any:
        history = request.history
        rows = [row for row in range(len(request)) if history.indptr[row + 1] > history.indptr[row]]
        rows = [row for row in rows if history.indices[history.indptr[row]] > 0]
        columns = [history.indices[history.indptr[row]] - 1 for row in rows]
        indptr = np.searchsorted(rows, np.arange(len(request) + 1)).astype(np.int32)
        return csr(np.ones(len(rows)), np.array(columns, np.int32), indptr, history.shape)


FILTERS: list[Any] = [
    ExcludeItems(["i03", "i04"]),
    OnlyItems(ITEMS[:13]),
    InStock(NUMBER, 2),
    PriceBand(NUMBER, low=1, high=13, for_customers={"c1": (4, 9), "c2": (None, None)}),
    ExcludeFor({"c0": ["i05"], "c3": ITEMS[:8]}),
    OnlyCategories({"c4": ["a"], "c5": ["b", "c"]}, CATEGORY),
    Eligible(NUMBER, {"c6": 7}, otherwise=15),
    NotBoughtWithin(20),
    EvenFor(),
    NotTheirFirst(),
    AtMostPer(2, BRAND),
    CategoryQuota(CATEGORY, at_least={"b": 1}),
    Diversify(0.4),
]


@settings(max_examples=40)
@given(
    chosen=st.lists(st.sampled_from(range(len(FILTERS))), max_size=4, unique=True),
    name=st.sampled_from(sorted(MODELS)),
    k=st.integers(1, 6),
    filter_seen=st.booleans(),
)
def test_whoever_is_asked_for_together_gets_the_same_list(
    chosen: Any, name: str, k: int, filter_seen: bool
) -> None:
    filters = [FILTERS[number] for number in chosen]
    model = MODELS[name]
    asked = {"k": k, "filters": filters, "filter_seen": filter_seen}
    crowd = [*CUSTOMERS, "new", *CUSTOMERS[::-1]]
    together = model.recommend(crowd, **asked)
    parts = [model.recommend([customer], **asked) for customer in crowd]
    alone = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(together, alone.astype(together.dtypes.to_dict()))
    ranks = together.groupby((together["rank"] == 1).cumsum())["rank"]
    assert all(list(group) == list(range(1, len(group) + 1)) for _, group in ranks)
    assert (together["rank"] <= k).all()


@settings(max_examples=25)
@given(
    chosen=st.lists(st.sampled_from(range(len(FILTERS))), min_size=1, max_size=4, unique=True),
    step=st.integers(1, 4),
)
def test_blocks_do_not_matter(chosen: Any, step: int) -> None:
    filters = [FILTERS[number] for number in chosen]
    model = MODELS["Together"]
    whole = model.recommend(k=4, filters=filters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("userportrait.recommend._serve.block_rows", lambda n, size: step)
        pd.testing.assert_frame_equal(model.recommend(k=4, filters=filters), whole)


def test_all_filters_hold_at_once() -> None:
    table = MODELS["TogetherWithNegatives"].recommend(k=99, filters=FILTERS[:10])
    number = table["item_id"].map(NUMBER)
    assert number.between(2, 12).all()
    assert not table["item_id"].isin(["i03", "i04"]).any()
    own = table["customer_id"].eq
    assert number[own("c1")].between(4, 9).all()
    assert (number[own("c3")] >= 8).all()
    assert (number[own("c6")] <= 7).all()
    assert set(table.loc[own("c4"), "item_id"].map(CATEGORY)) <= {"a"}
    even = table["customer_id"].str[-1].isin(list("02468"))
    assert (number[even] % 2 == 0).all()
    assert len(table) > 10


def test_a_filter_that_leaves_nothing_is_an_empty_answer() -> None:
    for rule in (OnlyItems([]), InStock({}), PriceBand(NUMBER, low=99)):
        for model in MODELS.values():
            table = model.recommend([*CUSTOMERS, "new"], k=5, filters=rule)
            assert len(table) == 0
            assert list(table) == ["customer_id", "item_id", "score", "rank", "reason"]
            more = model.recommend(filters=[rule, AtMostPer(1, BRAND), Diversify()])
            assert len(more) == 0


def test_a_single_filter_needs_no_list() -> None:
    model = MODELS["Together"]
    one, other = (model.recommend(filters=given) for given in (FILTERS[2], [FILTERS[2]]))
    pd.testing.assert_frame_equal(one, other)


def test_eight_threads_share_filters() -> None:
    model = pickle.loads(pickle.dumps(MODELS["Together"]))
    filters = pickle.loads(pickle.dumps(FILTERS))
    want = {c: MODELS["Together"].recommend([c], k=5, filters=FILTERS) for c in CUSTOMERS}
    with ThreadPoolExecutor(8) as pool:
        asked = CUSTOMERS * 8
        found = list(pool.map(lambda c: model.recommend([c], k=5, filters=filters), asked))
    for customer, table in zip(asked, found, strict=True):
        pd.testing.assert_frame_equal(table, want[customer])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.ones(3, dtype=bool), r"must return booleans of shape \(16,\) or \(1, 16\); got bool"),
        (np.ones(16), "got float64"),
        (None, "got object of shape"),
    ],
)
def test_a_mask_of_another_shape_is_refused(answer: Any, message: str) -> None:
    class Wrong:
        def allowed(self, request: Request) -> Any:
            return answer

    with pytest.raises(InvalidParameterError, match=message) as error:
        MODELS["Together"].recommend(["c0"], filters=Wrong())
    assert "Together.recommend: Wrong.allowed" in str(error.value)


def test_blocked_pairs_of_another_shape_are_refused() -> None:
    class Wrong:
        def blocked(self, request: Request) -> Any:
            return np.ones((len(request), 16))

    with pytest.raises(InvalidParameterError, match=r"Wrong\.blocked must return a csr_array"):
        MODELS["Together"].recommend(["c0"], filters=Wrong())


def test_a_class_is_no_filter() -> None:
    with pytest.raises(InvalidParameterError, match="got Diversify itself: call it"):
        MODELS["Together"].recommend(filters=[Diversify])  # type: ignore[list-item]


def request_of(customers: list[str]) -> Request:
    data = MODELS["Together"].interactions_
    known = data.customer_places(customers)
    ids = np.array(customers, dtype=object)
    return Request(data, ids, known, 3, data.matrix[known])


def test_masks_are_joined_and_blocked_pairs_are_united() -> None:
    request = request_of(["c0", "c3"])
    assert combined_mask([], request, "X") is None
    one = combined_mask(FILTERS[:2], request, "X")
    assert one is not None
    assert one.shape == (16,)
    each = combined_mask(FILTERS[:4], request, "X")
    assert each is not None
    assert each.shape == (2, 16)
    assert blocked_pairs([], request, None, "X") is None
    assert blocked_pairs([], request, request.history, "X") is request.history
    both = blocked_pairs([FILTERS[4]], request, request.history, "X")
    want = (request.history.toarray() != 0) | (FILTERS[4].blocked(request).toarray() != 0)
    np.testing.assert_array_equal(both.toarray() != 0, want)
    assert both.has_canonical_format


def test_requests_are_cut_and_asked_for_more() -> None:
    request = request_of(["c0", "c3", "c1"])
    part = request.take(np.array([2, 0]))
    assert part.customers.tolist() == ["c1", "c0"]
    assert part.known.tolist() == [1, 0]
    assert len(request.take(slice(1, None))) == 2
    assert (request.with_k(9).k, request.k) == (9, 3)


@settings(max_examples=60)
@given(
    n_own=st.integers(0, 3),
    k=st.integers(1, 6),
    out=st.lists(st.integers(0, 5), unique=True),
    allowed=st.none() | st.lists(st.booleans(), min_size=6, max_size=6),
    wide=st.booleans(),
    low=st.booleans(),
)
def test_lists_are_filled_by_popularity(
    n_own: int, k: int, out: Any, allowed: Any, wide: bool, low: bool
) -> None:
    n_own = min(n_own, k)
    popular = np.array([4, 2, 5, 0, 1], dtype=np.int32)  # nobody has 3
    top = no_items(1, k)
    top.items[0, :n_own] = [1, 5, 2][:n_own]
    top.scores[0, :n_own] = np.array([3.0, 2.0, 1.0][:n_own]) - (9 if low else 0)
    mask = None if allowed is None else np.array([allowed] if wide else allowed)
    blocked = csr(
        np.ones(len(out)), np.array(sorted(out), np.int32), np.array([0, len(out)]), (1, 6)
    )
    own = top.items[0, :n_own].tolist()
    last = float(top.scores[0, n_own - 1]) if n_own else 0.0
    fill_popular(top, np.array([n_own]), np.array([0]), popular, 6, mask, blocked)
    rest = [i for i in popular.tolist() if i not in own and i not in out]
    want = own + [i for i in rest if allowed is None or allowed[i]]
    found = top.items[0]
    assert found[found >= 0].tolist() == want[:k]
    assert (top.scores[0, n_own : len(want)] == min(0.0, last)).all()


def test_items_of_a_history_stay_hidden_where_a_filter_stands_in_for_others_only() -> None:
    model = MODELS["TogetherWithNegatives"]
    plain = items_of(model.recommend(k=99))
    again = items_of(model.recommend(k=99, filters=NotBoughtWithin(1_000)))
    assert plain == again
    free = items_of(model.recommend(k=99, filters=NotBoughtWithin(0)))
    assert all(len(items) == len(ITEMS) for items in free.values())
