from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import to_engine
from userportrait.errors import ColumnTypeError, InvalidParameterError, MissingColumnError
from userportrait.tags import StatisticalTag, TagContext


def value(tag: StatisticalTag, frame: pd.DataFrame, **tables: Any) -> list[object]:
    return tag.evaluate(TagContext(frame, **tables), {}).to_list()


@pytest.mark.parametrize(
    ("column", "statistic", "options", "expected"),
    [
        # ann bought tea for 10 and two cups for 10; bo tea for 10; cy five cups for 25.
        (None, "count", {}, [2, 1, 1]),
        (None, "count", {"lines": "all"}, [3, 1, 1]),
        (None, "count", {"lines": "returns"}, [1, 0, 0]),
        ("country", "count", {}, [2, 0, 1]),
        ("amount", "sum", {}, [20.0, 10.0, 25.0]),
        ("amount", "sum", {"lines": "all"}, [10.0, 10.0, 25.0]),
        ("amount", "sum", {"lines": "returns"}, [-10.0, 0.0, 0.0]),
        ("quantity", "sum", {}, [3, 1, 5]),
        ("quantity", "mean", {}, [1.5, 1.0, 5.0]),
        ("price", "min", {}, [5.0, 10.0, 5.0]),
        ("price", "max", {}, [10.0, 10.0, 5.0]),
        # Prices 10 and 5: the deviations are 2.5 each, so the variance is 12.5.
        ("price", "std", {}, [12.5**0.5, None, None]),
        ("price", "median", {}, [7.5, 10.0, 5.0]),
        ("price", "quantile", {"q": 0.2}, [6.0, 10.0, 5.0]),
        ("item_id", "first", {}, ["cup", "tea", "cup"]),  # a tie: the smallest text
        ("item_id", "last", {"lines": "all"}, ["tea", "tea", "cup"]),
        ("item_id", "n_unique", {}, [2, 1, 1]),
        ("item_id", "most_frequent", {}, ["cup", "tea", "cup"]),
        ("item_id", "most_frequent", {"lines": "all"}, ["tea", "tea", "cup"]),
        ("item_id", "share", {"value": "tea"}, [0.5, 1.0, 0.0]),
        ("item_id", "share", {"value": ("tea", "cup")}, [1.0, 1.0, 1.0]),
        ("price", "share", {"value": 10}, [0.5, 1.0, 0.0]),
        ("country", "share", {"value": "DE"}, [1.0, None, 1.0]),
        ("country", "most_frequent", {}, ["DE", None, "DE"]),
        ("hour", "most_frequent", {}, [10, 23, 0]),
        ("hour", "most_frequent", {"per": "order"}, [10, 23, 0]),
        ("weekday", "most_frequent", {}, ["Monday", "Tuesday", "Tuesday"]),
        ("date", "min", {"lines": "all"}, ["2026-01-05", "2026-01-06", "2026-02-03"]),
        ("date", "max", {"lines": "all"}, ["2026-02-01", "2026-01-06", "2026-02-03"]),
        ("date", "n_unique", {"lines": "all"}, [2, 1, 1]),
        ("order_id", "n_unique", {"lines": "all"}, [2, 1, 1]),
        ("amount", "mean", {"per": "order"}, [20.0, 10.0, 25.0]),
        ("amount", "max", {"per": "order", "lines": "all"}, [20.0, 10.0, 25.0]),
        ("amount", "min", {"per": "day", "lines": "all"}, [-10.0, 10.0, 25.0]),
        (None, "count", {"per": "order", "lines": "all"}, [2, 1, 1]),
        ("item_id", "count", {"per": "order", "lines": "all"}, [3, 1, 1]),
        # 3 February is the day of the build; 29 days before is 5 January.
        ("quantity", "sum", {"window_days": 29}, [0, 1, 5]),
        ("quantity", "sum", {"window_days": 30}, [3, 1, 5]),
        ("quantity", "mean", {"window_days": 29}, [None, 1.0, 5.0]),
        ("quantity", "median", {"window_days": 1}, [None, None, 5.0]),
    ],
)
def test_statistics_of_five_lines_agree_with_the_hand(
    frame: pd.DataFrame,
    column: str | None,
    statistic: Any,
    options: dict[str, Any],
    expected: list[object],
) -> None:
    tag = StatisticalTag("t", column, statistic, **options)
    found = value(tag, frame)
    assert found == expected
    assert [type(v) for v in found] == [type(v) for v in expected]


def test_an_orders_lines_count_once_where_that_is_asked() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1] * 4,
            "order_id": [1, 1, 2, 3],
            "ordered_at": pd.to_datetime(["2026-01-05 09:00"] * 2 + ["2026-01-06 20:00"] * 2),
            "amount": [1.0, 1.0, 1.0, 1.0],
            "store": [7, 7, 7, 9],
        }
    )
    by_line = StatisticalTag("t", "hour", "most_frequent")
    by_order = StatisticalTag("t", "hour", "most_frequent", per="order")
    assert value(by_line, frame) == [9]  # two lines each, the smaller hour
    assert value(by_order, frame) == [20]
    # A number of one's own counts as a label here, and is summed for a statistic of numbers.
    assert value(StatisticalTag("t", "store", "share", value=7, per="day"), frame) == [2 / 3]
    assert value(StatisticalTag("t", "store", "mean", per="order"), frame) == [10.0]


def test_columns_of_the_items_and_of_ones_own_can_be_used(frame: pd.DataFrame, engine: str) -> None:
    frame["discount"] = [0.1, 0.2, np.nan, 0.0, 0.3]
    items = pd.DataFrame({"item_id": ["tea", "cup"], "brand": ["Oolong", "Ming"], "cost": [4, 2]})
    orders = to_engine(engine, frame)
    brand = StatisticalTag("t", "brand", "most_frequent")
    assert value(brand, orders, items=items) == ["Ming", "Oolong", "Ming"]
    cost = StatisticalTag("t", "cost", "max")
    assert value(cost, orders, items=items) == [4, 4, 2]
    discount = StatisticalTag("t", "discount", "sum")
    assert value(discount, orders) == [0.1 + 0.2, 0.0, 0.3]
    first = StatisticalTag("t", "discount", "first")
    assert value(first, orders) == [0.1, None, 0.3]


def test_zones_move_hours_and_dates(frame: pd.DataFrame) -> None:
    tag = StatisticalTag("t", "date", "first", zone="Asia/Shanghai")
    assert value(tag, frame) == ["2026-01-05", "2026-01-07", "2026-02-03"]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-500, 500)),
        min_size=1,
        max_size=25,
    ),
    st.randoms(use_true_random=False),
    st.floats(0, 1),
)
def test_statistics_agree_with_numpy_whatever_the_row_order(
    lines: list[tuple[int, int, int]], random: Any, q: float
) -> None:
    frame = pd.DataFrame(lines, columns=["customer_id", "day", "cents"])
    frame["order_id"] = range(len(frame))
    frame["ordered_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["day"], unit="D")
    frame["amount"] = frame["cents"] / 100
    frame["weight"] = frame["cents"] / 7  # no exact binary form
    shuffled = frame.sample(frac=1, random_state=random.randrange(2**31))
    contexts = TagContext(frame), TagContext(shuffled)
    oracles: dict[str, Any] = {
        "sum": np.sum,
        "mean": np.mean,
        "min": np.min,
        "max": np.max,
        "median": np.median,
        "quantile": lambda v: np.quantile(v, q),
        "std": lambda v: np.std(v, ddof=1) if len(v) > 1 else None,
        "n_unique": lambda v: len(set(v)),
        "first": None, "last": None, "most_frequent": None,
    }  # fmt: skip
    for column in ("amount", "weight"):
        groups = frame.groupby("customer_id")[column]
        for statistic, oracle in oracles.items():
            options = {"q": q} if statistic == "quantile" else {}
            tag = StatisticalTag("t", column, statistic, lines="all", **options)  # type: ignore[arg-type]
            first, second = (tag.evaluate(context, {}).to_list() for context in contexts)
            assert first == second  # bit for bit
            if oracle is not None:
                expected = [oracle(values.to_numpy()) for _, values in groups]
                for got, wanted in zip(first, expected, strict=True):
                    assert got == (None if wanted is None else pytest.approx(wanted, abs=1e-9))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("amount", "meen"), "Did you mean 'mean'?"),
        ((None, "sum"), "statistic 'sum' needs a column."),
        (("item_id", "sum"), "statistic 'sum' needs numbers; 'item_id' holds texts."),
        (("item_id", "share"), "value goes with statistic 'share', which needs it."),
    ],
)
def test_a_statistic_that_makes_no_sense_is_refused(
    arguments: tuple[Any, Any], message: str
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        StatisticalTag("t", *arguments)
    assert message in str(caught.value)


def test_all_bad_parameters_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        StatisticalTag(
            "t", "price", "quantile", q=2, window_days=0, per="order", lines="sold",  # type: ignore[arg-type]
        )  # fmt: skip
    assert str(caught.value).startswith("StatisticalTag 't': 4 problems.")


def test_a_column_that_is_not_there_is_named_with_the_nearest(frame: pd.DataFrame) -> None:
    with pytest.raises(MissingColumnError, match="Did you mean 'country'"):
        value(StatisticalTag("t", "contry", "most_frequent"), frame)
    tag = StatisticalTag("t", "category", "most_frequent")
    assert tag.lacks(TagContext(frame)) == "the column 'category' of the orders or items"
    assert StatisticalTag("t", "hour", "first").lacks(TagContext(frame)) is None


def test_numbers_cannot_be_made_of_texts(frame: pd.DataFrame) -> None:
    frame["note"] = "x"
    with pytest.raises(ColumnTypeError, match="statistic 'max' needs numbers; 'note' holds texts"):
        value(StatisticalTag("t", "note", "max"), frame)


def test_a_statistic_says_itself_in_words() -> None:
    tag = StatisticalTag("t", "amount", "median", per="order", window_days=90)
    assert (
        tag.describe() == "median of 'amount' over purchases in the last 90 days, each order once"
    )
    assert StatisticalTag("t", None, "count", lines="all").describe() == "count over order lines"
