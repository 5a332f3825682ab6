"""Basket habits and price tiers against plain loops, and the laws of their state."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines import (
    ENGINES,
    installed_engines,
    require_engine,
    to_engine,
    to_pandas,
)
from userportrait.data import Items, Orders, make_shop
from userportrait.errors import (
    ColumnTypeError,
    DuplicateBatchError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.features import (
    BasketHabits,
    PreferenceSummary,
    PriceTiers,
    learn_price_tiers,
)
from userportrait.testing import check_mergeable

if TYPE_CHECKING:
    from pathlib import Path

IN_MEMORY = [name for name in installed_engines() if name in ENGINES]
TIERS = PriceTiers((5, 20), ("low", "middle", "high"))

line = st.tuples(
    st.sampled_from(["ann", "bo", "cy"]),
    st.integers(1, 4),
    st.one_of(st.integers(0, 5), st.floats(0, 5).map(lambda d: round(d, 2))),
    st.sampled_from(["p1", "p2", "p3", None]),
    st.sampled_from([-1, 1, 1, 2, 3]),
    st.sampled_from([0.0, 1.25, 5.0, 5.01, 20.0, 99.99]),
)


def frame_of(lines: list[tuple[Any, ...]]) -> pd.DataFrame:
    customer, order, day, item, quantity, price = zip(*lines, strict=True)
    start = pd.Timestamp("2026-01-01")
    return pd.DataFrame(
        {
            "customer_id": list(customer),
            "order_id": list(order),
            "ordered_at": [start + pd.Timedelta(days=d) for d in day],
            "item_id": pd.Series(item, dtype=pd.Series(["a"]).dtype),
            "quantity": list(quantity),
            "price": list(price),
        }
    )


def loop(lines: list[tuple[Any, ...]], until: float) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    bought = [ln for ln in lines if ln[4] > 0 and ln[2] <= until]
    for customer in {ln[0] for ln in bought}:
        baskets: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        tiers = [0, 0, 0]
        for ln in bought:
            if ln[0] == customer:
                baskets[ln[1]].append(ln)
                tiers[sum(ln[5] > edge for edge in TIERS.edges)] += round(ln[4] * ln[5] * 100)
        sizes = {
            "basket_lines": [len(b) for b in baskets.values()],
            "basket_items": [len({ln[3] for ln in b} - {None}) for b in baskets.values()],
            "order_value": [
                sum(round(ln[4] * ln[5] * 100) for ln in b) / 100 for b in baskets.values()
            ],
        }
        row: dict[str, Any] = {"n_orders": len(baskets)}
        for name, values in sizes.items():
            row |= {
                f"{name}_mean": mean(values),
                f"{name}_median": median(values),
                f"{name}_max": max(values),
            }
        total = sum(tiers)
        for i, amount in enumerate(tiers):
            row[f"spend_share_tier_{i + 1}"] = amount / total if total else None
        row["favourite_tier"] = TIERS.labels[tiers.index(max(tiers))] if total else None
        found[customer] = row
    return found


@settings(max_examples=60)
@given(st.lists(line, min_size=1, max_size=30), st.integers(0, 6))
def test_habits_agree_with_a_loop_over_the_lines(lines: list[tuple[Any, ...]], until: int) -> None:
    lines = [("ann", 1, 0, "p1", 1, 1.25), *lines]
    state = BasketHabits(price_tiers=TIERS).update(frame_of(lines))
    found = state.finalize(pd.Timestamp("2026-01-01") + pd.Timedelta(days=until))
    expected = loop(lines, until)
    assert found["customer_id"].tolist() == sorted(expected)
    for row in found.to_dict("records"):
        want = expected[row.pop("customer_id")]
        assert set(row) == set(want)
        for name, value in want.items():
            if value is None:
                assert pd.isna(row[name]), name
            else:
                assert row[name] == (pytest.approx(value) if isinstance(value, float) else value)


@settings(max_examples=20)
@given(st.lists(line, min_size=1, max_size=30), st.data())
def test_any_split_in_any_order_on_any_engine_gives_the_same_state_bit_for_bit(
    lines: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    lines = [("ann", 1, 0, "p1", 1, 1.25), *lines]
    whole = BasketHabits(price_tiers=TIERS).update(frame_of(lines))
    shuffled = data.draw(st.permutations(lines))
    cut = data.draw(st.integers(0, len(lines)))
    merged = BasketHabits(price_tiers=TIERS)
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            engine = data.draw(st.sampled_from(IN_MEMORY))
            state = BasketHabits(price_tiers=TIERS).update(to_engine(engine, frame_of(part)))
            merged = BasketHabits.from_bytes(state.to_bytes()).merge(merged)
    assert merged == whole
    left, right = to_pandas(merged.finalize()), to_pandas(whole.finalize())
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_the_state_keeps_every_promise() -> None:
    lines = make_shop(n_customers=40, random_state=0).orders.to_pandas()
    lines = lines.drop(columns=["amount_minor"], errors="ignore")
    batches = [
        to_engine(IN_MEMORY[i % len(IN_MEMORY)], lines[i::5].reset_index(drop=True))
        for i in range(5)
    ]
    refused = [
        lines[:5].assign(order_id=range(5)),
        lines[:5].drop(columns="item_id"),
        lines[:0],
        Orders(lines, minor_digits=0),
    ]
    check_mergeable(
        lambda: BasketHabits(price_tiers=[10, 30]), batches, as_of="2025-07-01", refused=refused
    )


def test_large_relations_are_reduced_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    require_engine("duckdb")
    from userportrait._core.frames import _parts

    shop = make_shop(n_customers=40, random_state=0)
    state = BasketHabits(price_tiers=TIERS).update(shop.orders)
    monkeypatch.setattr(_parts, "PARTS_ABOVE", 200)
    relation = to_engine("duckdb", shop.orders.to_pandas())
    assert BasketHabits(price_tiers=TIERS).update(relation) == state


@pytest.mark.spark
def test_spark_gives_the_same_states(spark: Any) -> None:
    shop = make_shop(n_customers=40, random_state=0)
    lines = shop.orders.to_pandas()
    distributed = Orders(spark.createDataFrame(to_engine("pyarrow", lines)))
    expected = BasketHabits(price_tiers=TIERS).update(lines)
    assert BasketHabits(price_tiers=TIERS).update(distributed) == expected
    state = PreferenceSummary("category", items=shop.items)
    assert state.update(distributed) == PreferenceSummary("category", items=shop.items).update(
        lines
    )


def test_habits_worked_out_by_hand_on_every_engine(engine: str) -> None:
    frame = frame_of(
        [
            ("ann", 1, 0.5, "p1", 2, 5.0),
            ("ann", 1, 0.5, "p1", 1, 99.99),  # the same item again: two lines, one item
            ("ann", 2, 3.5, "p2", 1, 10.01),
            ("ann", 3, 4.5, "p2", -1, 10.01),  # a return is no basket
            ("bo", 4, 4.5, None, 1, 0.0),
        ]
    )
    found = to_pandas(BasketHabits(price_tiers=TIERS).update(to_engine(engine, frame)).finalize())
    expected = pd.DataFrame(
        {
            "customer_id": ["ann", "bo"],
            "n_orders": [2, 1],
            "basket_lines_mean": [1.5, 1.0],
            "basket_lines_median": [1.5, 1.0],
            "basket_lines_max": [2, 1],
            "basket_items_mean": [1.0, 0.0],
            "basket_items_median": [1.0, 0.0],
            "basket_items_max": [1, 0],
            "order_value_mean": [60.0, 0.0],  # 109.99 and 10.01
            "order_value_median": [60.0, 0.0],
            "order_value_max": [109.99, 0.0],
            "spend_share_tier_1": [10 / 120, np.nan],
            "spend_share_tier_2": [10.01 / 120, np.nan],
            "spend_share_tier_3": [99.99 / 120, np.nan],
            "favourite_tier": ["high", None],
        }
    )
    pd.testing.assert_frame_equal(found, to_pandas(expected), check_exact=False, rtol=1e-15)


def test_without_tiers_and_items_there_are_no_figures_on_them() -> None:
    frame = frame_of([("ann", 1, 0, "p1", 1, 5.0)]).drop(columns="item_id")
    names = BasketHabits().update(frame).finalize().columns
    assert not [name for name in names if "tier" in name or "items" in name]


def test_prices_are_told_from_the_amount_where_there_is_no_price() -> None:
    frame = frame_of([("ann", 1, 0, "p1", 2, 5.0)]).drop(columns="price").assign(amount=[30.0])
    found = BasketHabits(price_tiers=TIERS).update(frame).finalize()
    assert found["favourite_tier"].tolist() == ["middle"]  # 15 each


def test_states_that_do_not_fit_are_refused() -> None:
    frame = frame_of([("ann", 1, 0, "p1", 1, 5.0)])
    state = BasketHabits().update(frame, batch_id="a")
    with pytest.raises(DuplicateBatchError):
        state.update(frame, batch_id="a")
    with pytest.raises(InvalidDataError, match="some order lines have the column 'item_id'"):
        state.update(frame.drop(columns="item_id"))
    with pytest.raises(InvalidParameterError, match="price_tiers differ"):
        state.merge(BasketHabits(price_tiers=[1]))
    with pytest.raises(InvalidParameterError, match=r"BasketHabits.* got .*class dict"):
        state.merge({})  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="minor_digits=0"):
        state.update(Orders(frame, minor_digits=0))
    with pytest.raises(InvalidDataError, match="the state is empty"):
        BasketHabits().finalize()
    with pytest.raises(InvalidParameterError, match="before the first purchase"):
        state.finalize("2025-12-31")
    with pytest.raises(InvalidDataError, match="not a state of basket habits"):
        BasketHabits.from_bytes(b"hello world!")


@pytest.mark.parametrize("price", [["x", "y"], [True, False], pd.to_datetime(["2026"] * 2)])
def test_prices_that_are_no_numbers_have_no_tiers(price: Any) -> None:
    items = pd.DataFrame({"item_id": [1, 2], "price": price})
    with pytest.raises(ColumnTypeError, match="'price'") as caught:
        learn_price_tiers(items)
    assert caught.value.column == "price"


def test_only_returns_leave_an_empty_state() -> None:
    state = BasketHabits().update(frame_of([("ann", 1, 0, "p1", -1, 5.0)]))
    assert state.n_customers == 0
    with pytest.raises(InvalidDataError, match="the state is empty"):
        state.finalize()


def test_representations_show_no_customer() -> None:
    state = BasketHabits(price_tiers=[5]).update(frame_of([("ann", 1, 0, "p1", 1, 5.0)]))
    assert repr(state) == "<BasketHabits: 1 customers, 1 entries>"
    assert "ann" not in repr(state) + state._repr_html_()
    with pytest.raises(TypeError):
        hash(state)


# --- price tiers -----------------------------------------------------------------------------


def test_tiers_hold_about_equal_numbers_of_items(engine: str) -> None:
    prices = [float(p) for p in range(1, 101)]
    items = pd.DataFrame({"item_id": range(100), "price": prices}).sample(frac=1, random_state=0)
    tiers = learn_price_tiers(to_engine(engine, items))
    assert tiers.edges == (25.0, 50.0, 75.0)
    counts = np.bincount(tiers.tiers_of(prices))
    assert counts.tolist() == [25, 25, 25, 25]


def test_a_price_of_many_rows_makes_fewer_tiers_and_missing_prices_do_not_count() -> None:
    items = pd.DataFrame({"item_id": range(5), "price": [9.0, 9.0, 9.0, 20.0, None]})
    assert learn_price_tiers(items).edges == (9.0,)
    assert learn_price_tiers(items[:3]).labels == ("any price",)
    with pytest.raises(InvalidDataError, match="no row has a price"):
        learn_price_tiers(Items(items[4:].astype({"price": float})))
    with pytest.raises(MissingColumnError, match="price"):
        learn_price_tiers(items[["item_id"]])


def test_tiers_of_order_lines_count_purchases_only(engine: str) -> None:
    frame = frame_of([("ann", i, 0, "p1", q, p) for i, (q, p) in enumerate(
        [(1, 1.0), (2, 2.0), (1, 3.0), (5, 4.0), (-1, 500.0)])])  # fmt: skip
    given_frame = to_engine(engine, frame)
    assert learn_price_tiers(given_frame, n_tiers=2).edges == (2.0,)
    assert learn_price_tiers(Orders(given_frame), n_tiers=4).edges == (1.0, 2.0, 3.0)
    told = to_engine(engine, frame.assign(amount=frame["quantity"] * frame["price"]))
    assert learn_price_tiers(told, n_tiers=2).edges == (2.0,)


def test_online_retail_agrees_with_plain_pandas(shared_data: Path) -> None:
    pytest.importorskip("pyarrow")
    path = shared_data / "online_retail" / "online_retail.parquet"
    if not path.exists():
        pytest.skip("Online Retail is not here")
    raw = pd.read_parquet(path).dropna(subset=["CustomerID"])
    raw = raw[(raw["Quantity"] > 0) & (raw["UnitPrice"] > 0)]
    frame = pd.DataFrame(
        {
            "customer_id": raw["CustomerID"].astype("int64"),
            "order_id": raw["InvoiceNo"].astype(str),
            "ordered_at": raw["InvoiceDate"],
            "item_id": raw["StockCode"].astype(str),
            "quantity": raw["Quantity"],
            "price": raw["UnitPrice"],
        }
    ).reset_index(drop=True)
    shuffled = frame.sample(frac=1, random_state=0)
    state = BasketHabits().update(shuffled[::2]).update(shuffled[1::2])
    found = state.finalize().set_index("customer_id")
    baskets = frame.assign(value=(frame["quantity"] * frame["price"]).round(2))
    baskets = baskets.groupby(["customer_id", "order_id"]).agg(
        lines=("value", "size"), items=("item_id", "nunique"), value=("value", "sum")
    )
    for name, column in {"lines": "basket_lines", "items": "basket_items"}.items():
        expected = baskets.groupby("customer_id")[name].agg(["mean", "median", "max"])
        for kind in expected.columns:
            assert found[f"{column}_{kind}"].tolist() == pytest.approx(expected[kind].tolist())
    middle = baskets.groupby("customer_id")["value"].median()
    assert found["order_value_median"].tolist() == pytest.approx(middle.tolist(), abs=0.03)


@pytest.mark.parametrize(
    ("edges", "labels", "problem"),
    [
        ([2, 1], (), "edges must ascend"),
        ([1, 1], (), "edges must ascend"),
        ([float("nan")], (), "edges must be finite"),
        (["a"], (), "list of numbers"),
        ("12", (), "list of numbers"),
        (5, (), "list of numbers"),
        ([1], ("a",), "labels must be 2 different texts"),
        ([1], ("a", "a"), "labels must be 2 different texts"),
    ],
)
def test_tiers_that_make_no_sense_are_refused(edges: Any, labels: Any, problem: str) -> None:
    with pytest.raises(InvalidParameterError, match=problem):
        PriceTiers(edges, labels)


def test_a_price_equal_to_a_limit_is_in_the_tier_below() -> None:
    assert PriceTiers([10]).tiers_of([9.99, 10, 10.01, np.nan]).tolist() == [0, 0, 1, -1]
