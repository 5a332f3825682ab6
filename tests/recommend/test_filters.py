"""Filters: each by hand and against a loop over customers and items, as values, with messages."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines import to_engine
from helpers.recommenders import Together, TogetherWithNegatives, items_of
from userportrait.data import Items
from userportrait.errors import (
    ColumnTypeError,
    ExpressionError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.recommend import (
    Eligible,
    ExcludeFor,
    ExcludeItems,
    InStock,
    Interactions,
    ItemFilter,
    ItemsWhere,
    NotBoughtWithin,
    OnlyCategories,
    OnlyFor,
    OnlyItems,
    PairFilter,
    PriceBand,
)

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2026-01-01")
CUSTOMERS = ["ann", "bo", "cy", "di"]
ITEMS = ["cup", "jam", "milk", "pot", "tea"]


def shop() -> pd.DataFrame:
    """Each customer has one item of their own, at a time of its own; di has two."""
    rows = [
        ("ann", "tea", START),
        ("bo", "cup", START + 10 * DAY),
        ("cy", "pot", START + 20 * DAY),
        ("di", "jam", START + 5 * DAY),
        ("di", "milk", START + 20 * DAY),
        ("di", "jam", START + 12 * DAY),
    ]
    return pd.DataFrame(rows, columns=["customer_id", "item_id", "occurred_at"])


MODEL = TogetherWithNegatives().fit(shop())
CATALOGUE = pd.DataFrame(
    {
        "item_id": ["tea", "milk", "pot", "cup", "unsold"],
        "category": ["food", "food", "ware", "ware", "ware"],
        "brand": ["Lipton", None, "Ikea", "Ikea", "Ikea"],
        "price": [3.0, 1.0, None, 9.0, 5.0],
    }
)


def allowed(*filters: Any, customers: Any = None, filter_seen: bool = False) -> dict[Any, set[Any]]:
    """Say which items each customer may get."""
    asked = CUSTOMERS if customers is None else customers
    table = MODEL.recommend(asked, k=99, filters=filters, filter_seen=filter_seen)
    found = items_of(table)
    return {customer: set(found.get(customer, [])) for customer in asked}


def same_for_all(*items: str) -> dict[Any, set[Any]]:
    return {customer: set(items) for customer in CUSTOMERS}


# --- items ---------------------------------------------------------------------------------


def test_lists_of_items_are_left_out_or_are_all_there_is() -> None:
    assert allowed(ExcludeItems(["tea", "unheard of"])) == same_for_all("cup", "jam", "milk", "pot")
    assert allowed(OnlyItems(["tea", "cup", "unheard of"])) == same_for_all("tea", "cup")
    assert allowed(ExcludeItems([])) == same_for_all(*ITEMS)
    assert allowed(OnlyItems([])) == same_for_all()
    assert allowed(ExcludeItems(["tea"]), OnlyItems(["tea", "cup"])) == same_for_all("cup")


def test_exclude_is_short_for_a_filter() -> None:
    one = MODEL.recommend(exclude=["tea"])
    other = MODEL.recommend(filters=ExcludeItems(["tea"]))
    pd.testing.assert_frame_equal(one, other)


def test_only_items_in_stock_come(engine: str) -> None:
    stock = {"tea": 5, "cup": 1, "pot": 0, "jam": None}
    table = pd.DataFrame(
        {"item_id": list(stock), "stock": pd.array([*stock.values()], dtype="Int64")}
    )
    for given_stock in (stock, pd.Series(stock), to_engine(engine, table)):
        assert allowed(InStock(given_stock)) == same_for_all("tea", "cup")
        assert allowed(InStock(given_stock, 2)) == same_for_all("tea")
        assert allowed(InStock(given_stock, missing="allow")) == same_for_all(
            "tea", "cup", "jam", "milk"
        )
    named = InStock(table.rename(columns={"stock": "units"}), column="units")
    assert allowed(named) == same_for_all("tea", "cup")
    assert allowed(InStock({})) == same_for_all()
    assert allowed(InStock({"tea": 0.4}, at_least=0.3)) == same_for_all("tea")


def test_prices_lie_within_limits_for_all(engine: str) -> None:
    prices = to_engine(engine, CATALOGUE)
    assert allowed(PriceBand(prices, high=3)) == same_for_all("tea", "milk")
    assert allowed(PriceBand(prices, low=3)) == same_for_all("tea", "cup")
    assert allowed(PriceBand(prices, 3, 3)) == same_for_all("tea")
    assert allowed(PriceBand(prices, low=0, missing="allow")) == same_for_all(*ITEMS)
    assert allowed(PriceBand(Items(CATALOGUE), high=3)) == same_for_all("tea", "milk")
    assert allowed(PriceBand({"tea": 2}, high=3)) == same_for_all("tea")


def test_prices_lie_within_a_customers_own_limits() -> None:
    bands = pd.DataFrame(
        {
            "customer_id": ["ann", "bo", "cy", "unknown"],
            "low": [None, 3.0, None, 1.0],
            "high": [2.0, None, None, 2.0],
        }
    )
    want: dict[str, set[str]] = {
        "ann": {"milk"},
        "bo": {"tea", "cup"},
        "cy": {"tea", "milk", "cup"},
        "di": {"milk"},
    }
    assert allowed(PriceBand(CATALOGUE, high=1, for_customers=bands)) == want
    mapping = {"ann": (None, 2), "bo": (3, None), "cy": (None, None)}
    assert allowed(PriceBand(CATALOGUE, high=1, for_customers=mapping)) == want
    only_high = bands[["customer_id", "high"]]
    found = allowed(PriceBand(CATALOGUE, high=1, for_customers=only_high))
    assert found == want | {"bo": {"tea", "milk", "cup"}}
    baskets = MODEL.complete(
        [["jam"]], k=9, filters=PriceBand(CATALOGUE, high=1, for_customers=bands)
    )
    assert baskets["item_id"].tolist() == ["milk"]


def test_items_meet_a_condition(engine: str) -> None:
    items = to_engine(engine, CATALOGUE)
    assert allowed(ItemsWhere("category = 'ware'", items)) == same_for_all("cup", "pot")
    assert allowed(ItemsWhere("price < 5 and category != 'ware'", items)) == same_for_all(
        "tea", "milk"
    )
    assert allowed(ItemsWhere("not brand = 'Ikea'", items)) == same_for_all("tea")  # milk: unknown
    assert allowed(ItemsWhere("brand is missing", items)) == same_for_all("milk")
    assert allowed(ItemsWhere("category in ('none')", items)) == same_for_all()


# --- customers -----------------------------------------------------------------------------


def test_single_customers_must_not_get_some_items(engine: str) -> None:
    pairs = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "cy", "nobody", "ann"],
            "item_id": ["cup", "jam", "unheard of", "tea", "cup"],
        }
    )
    want = same_for_all(*ITEMS) | {"ann": {"milk", "pot", "tea"}}
    assert allowed(ExcludeFor(to_engine(engine, pairs))) == want
    assert allowed(ExcludeFor({"ann": ["cup", "jam"], "cy": []})) == want
    assert allowed(ExcludeFor({})) == same_for_all(*ITEMS)
    assert allowed(ExcludeFor(pairs.iloc[:0])) == same_for_all(*ITEMS)
    strangers = allowed(ExcludeFor({"nobody": ["tea"]}), customers=["nobody"])
    assert strangers == {"nobody": {"cup", "jam", "milk", "pot"}}
    seen_too = allowed(ExcludeFor({"ann": ["cup"]}), filter_seen=True)
    assert seen_too["ann"] == {"jam", "milk", "pot"}
    assert seen_too["bo"] == {"jam", "milk", "pot", "tea"}


def test_single_customers_get_some_items_only() -> None:
    pairs = {"ann": ["cup", "unheard of"], "bo": ["unheard of"]}
    want: dict[str, set[str]] = {"ann": {"cup"}, "bo": set()}
    assert allowed(OnlyFor(pairs)) == want | {"cy": set(ITEMS), "di": set(ITEMS)}
    assert allowed(OnlyFor(pairs, others="none")) == want | {"cy": set(), "di": set()}
    assert allowed(OnlyFor({}, others="none")) == same_for_all()


def test_customers_get_items_of_their_categories() -> None:
    lists = {"ann": ["food"], "bo": ["ware", "food"], "cy": ["none such"]}
    want: dict[str, set[str]] = {
        "ann": {"tea", "milk"},
        "bo": {"tea", "milk", "pot", "cup"},
        "cy": set(),
    }
    assert allowed(OnlyCategories(lists, CATALOGUE)) == want | {"di": set(ITEMS)}
    assert allowed(OnlyCategories(lists, CATALOGUE, others="none")) == want | {"di": set()}
    long = pd.DataFrame({"customer_id": ["ann", "ann"], "brand": ["Ikea", "Lipton"]})
    by_brand = OnlyCategories(long, CATALOGUE, by="brand", others="none")
    assert allowed(by_brand)["ann"] == {"tea", "pot", "cup"}
    numbers = OnlyCategories({"ann": [7]}, {"tea": 7, "cup": 8}, others="none")
    assert allowed(numbers)["ann"] == {"tea"}


def test_levels_of_items_are_not_above_those_of_customers() -> None:
    items, customers = {"tea": 1, "cup": 3, "pot": 2.5}, {"ann": 1, "bo": 3, "cy": None}
    want: dict[str, set[str]] = {"ann": {"tea"}, "bo": {"tea", "cup", "pot"}}
    assert allowed(Eligible(items, customers)) == want | {"cy": set(), "di": set()}
    assert allowed(Eligible(items, customers, otherwise=2)) == want | {"cy": {"tea"}, "di": {"tea"}}
    free = allowed(Eligible(items, customers, missing="allow"))
    assert free["ann"] == {"tea", "jam", "milk"}
    assert free["di"] == {"jam", "milk"}
    frames = Eligible(
        pd.DataFrame({"item_id": ["tea"], "risk": [2]}),
        pd.DataFrame({"customer_id": ["ann"], "appetite": [2]}),
        item_level="risk",
        customer_level="appetite",
    )
    assert allowed(frames) == same_for_all() | {"ann": {"tea"}}


def test_what_was_just_bought_does_not_come_and_the_rest_does() -> None:
    # The newest time is day 20. jam was last had 8 days before it, by di.
    want = same_for_all(*ITEMS)
    assert allowed(NotBoughtWithin(0)) == want
    want["cy"], want["di"] = set(ITEMS) - {"pot"}, set(ITEMS) - {"milk"}
    assert allowed(NotBoughtWithin(8)) == want  # eight days have passed: it may come again
    want["di"] = set(ITEMS) - {"milk", "jam"}
    assert allowed(NotBoughtWithin(8.5)) == want
    assert allowed(NotBoughtWithin(8.5), filter_seen=True) == want
    never = {
        "ann": set(ITEMS) - {"tea"},
        "bo": set(ITEMS) - {"cup"},
        "cy": set(ITEMS) - {"pot"},
        "di": set(ITEMS) - {"jam", "milk"},
    }
    assert allowed(NotBoughtWithin(float("inf"))) == never
    assert allowed(NotBoughtWithin(float("inf"))) == allowed(filter_seen=True)


def test_days_may_differ_by_item() -> None:
    found = allowed(NotBoughtWithin({"jam": 5, "tea": 30, "unheard of": 1}))
    # Items without days never come again.
    assert found == {
        "ann": set(ITEMS) - {"tea"},
        "bo": set(ITEMS) - {"cup"},
        "cy": set(ITEMS) - {"pot"},
        "di": set(ITEMS) - {"milk"},
    }


def test_what_came_after_the_moment_does_not_count() -> None:
    found = allowed(NotBoughtWithin(3, as_of=START + 12 * DAY))
    assert found == {
        "ann": set(ITEMS),
        "bo": set(ITEMS) - {"cup"},
        "cy": set(ITEMS),
        "di": set(ITEMS) - {"jam"},
    }
    data = Interactions.from_frame(shop(), as_of=START + 40 * DAY)
    model = TogetherWithNegatives().fit(data)
    table = model.recommend(["cy"], k=9, filters=NotBoughtWithin(15))
    assert "pot" in table["item_id"].tolist()  # 20 days have passed at the data's own moment


def test_items_of_a_basket_do_not_come_again() -> None:
    table = MODEL.complete([["tea"]], k=9, filters=NotBoughtWithin(1))
    assert set(table["item_id"]) == set(ITEMS) - {"tea"}


def test_days_need_times() -> None:
    model = Together().fit(shop()[["customer_id", "item_id"]])
    with pytest.raises(InvalidDataError, match=r"NotBoughtWithin: .* without times"):
        model.recommend(filters=NotBoughtWithin(3))


# --- against a loop ------------------------------------------------------------------------

PAIRS = st.dictionaries(
    st.sampled_from([*CUSTOMERS, "nobody"]),
    st.lists(st.sampled_from([*ITEMS, "unheard of"]), max_size=4),
    max_size=4,
)
NUMBERS = st.dictionaries(
    st.sampled_from([*ITEMS, "unheard of"]), st.none() | st.integers(-2, 3), max_size=5
)


@settings(max_examples=40)
@given(
    out=PAIRS,
    only=PAIRS,
    stock=NUMBERS,
    level=NUMBERS,
    customers=st.dictionaries(st.sampled_from(CUSTOMERS), st.integers(-2, 3)),
    others=st.sampled_from(["all", "none"]),
    missing=st.sampled_from(["exclude", "allow"]),
    filter_seen=st.booleans(),
)
def test_filters_together_are_a_loop_over_customers_and_items(
    out: Any,
    only: Any,
    stock: Any,
    level: Any,
    customers: Any,
    others: Any,
    missing: Any,
    filter_seen: bool,
) -> None:
    filters = [
        ExcludeFor(out),
        OnlyFor(only, others=others),
        InStock(stock, 1, missing=missing),
        Eligible(level, customers, otherwise=1, missing=missing),
    ]
    has = shop().groupby("customer_id")["item_id"].agg(set).to_dict()
    want: dict[Any, set[Any]] = {}
    for customer in CUSTOMERS:
        want[customer] = set()
        for item in ITEMS:
            listed = only.get(customer) or None
            ok = item not in out.get(customer, [])
            ok &= others == "all" if listed is None else item in listed
            units, needed = stock.get(item), level.get(item)
            ok &= missing == "allow" if units is None else units >= 1
            ok &= missing == "allow" if needed is None else needed <= customers.get(customer, 1)
            ok &= not (filter_seen and item in has[customer])
            if ok:
                want[customer].add(item)
    assert allowed(*filters, filter_seen=filter_seen) == want


@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("xy"), st.sampled_from("abc"), st.integers(0, 9)),
        min_size=1,
        max_size=12,
    ),
    days=st.integers(0, 9) | st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)),
    as_of=st.none() | st.integers(0, 9),
)
def test_days_that_have_passed_are_counted_as_a_loop_does(rows: Any, days: Any, as_of: Any) -> None:
    frame = pd.DataFrame(rows, columns=["customer_id", "item_id", "day"])
    frame["occurred_at"] = START + frame.pop("day") * DAY
    model = TogetherWithNegatives().fit(frame)
    moment = None if as_of is None else START + as_of * DAY
    table = model.recommend(k=9, filters=NotBoughtWithin(days, as_of=moment))
    now = max(day for _, _, day in rows) if as_of is None else as_of
    for customer in {who for who, _, _ in rows}:
        want = set(frame["item_id"])
        for item in set(want):
            times = [day for who, what, day in rows if (who, what) == (customer, item)]
            limit = days if isinstance(days, int) else days.get(item, float("inf"))
            last = max((day for day in times if day <= now), default=None)
            if times and (limit == float("inf") or (last is not None and now - last < limit)):
                want.discard(item)
        found = set(table.loc[table["customer_id"] == customer, "item_id"])
        assert found == want


# --- as values -----------------------------------------------------------------------------

VALUES: list[Any] = [
    lambda: ExcludeItems(["tea"]),
    lambda: OnlyItems(["tea"]),
    lambda: InStock({"tea": 1}),
    lambda: PriceBand(CATALOGUE, high=3, for_customers={"ann": (1, 2)}),
    lambda: ItemsWhere("price > 1", CATALOGUE),
    lambda: ExcludeFor({"ann": ["tea"]}),
    lambda: OnlyFor({"ann": ["tea"]}),
    lambda: OnlyCategories({"ann": ["food"]}, CATALOGUE),
    lambda: Eligible({"tea": 1}, {"ann": 2}),
    lambda: NotBoughtWithin({"tea": 3}, as_of="2026-01-15"),
]


@pytest.mark.parametrize("make", VALUES)
def test_filters_are_values(make: Any) -> None:
    one, other = make(), make()
    assert isinstance(one, (ItemFilter, PairFilter))
    assert one == other
    assert hash(one) == hash(other)
    assert replace(one) == one
    before = MODEL.recommend(["ann", "di"], filters=one)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    pd.testing.assert_frame_equal(MODEL.recommend(["ann", "di"], filters=again), before)
    with pytest.raises(FrozenInstanceError):
        one.items = ()
    assert "ann" not in repr(one)


def test_filters_that_say_something_else_are_not_equal() -> None:
    different = [
        InStock({"tea": 1}),
        InStock({"tea": 2}),
        InStock({"tea": 1}, 2),
        InStock({"cup": 1}),
        InStock({"tea": 1}, missing="allow"),
        ExcludeItems(["tea"]),
        OnlyItems(["tea"]),
        ExcludeFor({"ann": ["tea"]}),
        ExcludeFor({"ann": ["cup"]}),
        ExcludeFor({"bo": ["tea"]}),
        NotBoughtWithin(3),
        NotBoughtWithin(4),
    ]
    for number, one in enumerate(different):
        assert [one == other for other in different].count(True) == 1, number


def test_filters_are_printed_in_short() -> None:
    assert repr(InStock({"tea": 1, "cup": 2})) == "InStock(stock={'cup': 2, 'tea': 1})"
    assert repr(InStock({f"p{i}": i for i in range(9)}, 3)) == (
        "InStock(stock=<9 items: stock>, at_least=3)"
    )
    assert repr(ExcludeItems("abcdefgh".replace("", " ").split())) == (
        "ExcludeItems(items=('a', 'b', 'c', 'd', 'e', … 3 more))"
    )
    assert repr(NotBoughtWithin(3, as_of=datetime(2026, 1, 5))) == (
        "NotBoughtWithin(days=3, as_of=datetime.datetime(2026, 1, 5, 0, 0))"
    )


def test_an_answer_is_kept_for_the_same_interactions_only() -> None:
    rule = InStock({"tea": 1, "gin": 1})
    other = TogetherWithNegatives().fit(
        pd.DataFrame({"customer_id": [1, 2], "item_id": ["gin", "ice"]})
    )
    for _ in range(2):
        assert MODEL.recommend(["ann"], filters=rule, filter_seen=False)["item_id"].tolist() == [
            "tea"
        ]
        assert other.recommend([2], filters=rule)["item_id"].tolist() == ["gin"]


def test_items_that_the_model_does_not_know_are_counted() -> None:
    data = MODEL.interactions_
    assert ExcludeItems(["tea", "x", "y"]).count_unknown(data) == 2
    assert InStock({"tea": 1, "x": 1}).count_unknown(data) == 1
    assert PriceBand(CATALOGUE, high=1).count_unknown(data) == 1
    assert ItemsWhere("price > 1", CATALOGUE).count_unknown(data) == 1
    assert OnlyCategories({}, CATALOGUE).count_unknown(data) == 1
    assert Eligible({"x": 1}, {}).count_unknown(data) == 1


# --- messages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ExcludeItems("tea"), InvalidParameterError, "ExcludeItems: items must be a list"),
        (lambda: OnlyItems(3), InvalidParameterError, "items must be a list of IDs; got int"),
        (lambda: InStock("tea"), InvalidParameterError, "InStock: a mapping or a frame by item_id"),
        (lambda: InStock(None), InvalidParameterError, "got NoneType"),
        (lambda: InStock({"tea": "many"}), ColumnTypeError, "InStock.*'stock'.*numbers"),
        (lambda: InStock(CATALOGUE), MissingColumnError, "InStock needs 'stock'"),
        (lambda: InStock({"tea": 1}, "2"), InvalidParameterError, "at_least must be a number"),
        (lambda: InStock({"tea": 1}, missing="keep"), InvalidParameterError, "missing: 'keep'"),
        (lambda: InStock({None: 1}), InvalidDataError, "'item_id' missing"),
        (lambda: InStock({1: 1, "a": 2}), ColumnTypeError, "item_id"),
        (
            lambda: InStock(pd.concat([CATALOGUE, CATALOGUE]), column="price"),
            InvalidDataError,
            "InStock: 'item_id' must be different in every row",
        ),
        (lambda: PriceBand(CATALOGUE), InvalidParameterError, "low, high or for_customers"),
        (lambda: PriceBand(CATALOGUE, 5, 2), InvalidParameterError, "low must not be above high"),
        (
            lambda: PriceBand(CATALOGUE, for_customers={"ann": 3}),
            InvalidParameterError,
            r"map each customer to \(low, high\)",
        ),
        (lambda: ItemsWhere("price >", CATALOGUE), ExpressionError, "at column"),
        (lambda: ItemsWhere("prcie > 1", CATALOGUE), MissingColumnError, "Did you mean 'price'"),
        (lambda: ItemsWhere("price = 'a'", CATALOGUE), ExpressionError, "number"),
        (lambda: ItemsWhere("true", CATALOGUE), InvalidParameterError, "must name a column"),
        (lambda: ExcludeFor({"ann": "tea"}), InvalidParameterError, "needs a list; got str"),
        (lambda: ExcludeFor(CATALOGUE), MissingColumnError, "ExcludeFor needs 'customer_id'"),
        (lambda: OnlyFor({}, others="some"), InvalidParameterError, "others: 'some'"),
        (lambda: OnlyCategories({}, CATALOGUE, by="kind"), MissingColumnError, "kind"),
        (lambda: Eligible({"tea": 1}, {"ann": "x"}), ColumnTypeError, "numbers"),
        (lambda: NotBoughtWithin(-1), InvalidParameterError, "days must be a number in"),
        (lambda: NotBoughtWithin(None), InvalidParameterError, "days must be a number in"),
        (lambda: NotBoughtWithin(3, as_of="soon"), InvalidParameterError, "as_of must be a date"),
    ],
)
def test_what_does_not_fit_is_refused_when_the_filter_is_made(
    make: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        make()
    assert "ann" not in str(caught.value)


def test_items_of_another_type_are_no_silent_nothing() -> None:
    numbers = pd.DataFrame({"item_id": [1, 2], "stock": [1, 1], "customer_id": [1, 2]})
    for rule in (InStock(numbers), ExcludeFor(numbers)):
        with pytest.raises(InvalidDataError, match="'item_id' holds whole numbers in the filter"):
            MODEL.recommend(["ann"], filters=rule)
    with pytest.raises(InvalidParameterError, match="items holds whole numbers, but the item IDs"):
        MODEL.recommend(["ann"], filters=OnlyItems([1]))
