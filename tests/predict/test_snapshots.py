"""Snapshots: rows counted by hand in plain loops, and nothing of the future let through."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.predict import snapshots

DATES = ["2026-02-01", "2026-03-15T12:00:00"]


def lines(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return half a year of orders, one line in ten a return."""
    source = np.random.default_rng(seed)
    days = np.sort(source.integers(0, 180, n))
    return pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in source.integers(0, 40, n)],
            "order_id": source.integers(0, 150, n),
            "ordered_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(days, unit="D"),
            "amount": np.round(source.lognormal(3, 1, n), 2)
            * source.choice([1, -1], n, p=[0.9, 0.1]),
        }
    )


def spent(past: Orders, as_of: datetime) -> pd.DataFrame:
    frame = past.to_pandas()
    assert pd.Timestamp(frame["ordered_at"].max()) <= pd.Timestamp(as_of)
    return frame.groupby("customer_id", as_index=False)["amount"].sum()


def by_hand(frame: pd.DataFrame, customer: str, as_of: Any, days: float) -> dict[str, float]:
    start = pd.Timestamp(as_of)
    own = frame[frame["customer_id"] == customer]
    past = own[own["ordered_at"] <= start]
    after = own[(own["ordered_at"] > start) & (own["ordered_at"] <= start + timedelta(days=days))]
    kept = set(after.loc[after["amount"] >= 0, "order_id"])
    return {
        "past": past["amount"].sum(), "bought": float(len(kept) > 0), "n_orders": float(len(kept)),
        "amount": after["amount"].sum(),
    }  # fmt: skip


@pytest.mark.parametrize("target", ["bought", "n_orders", "amount"])
def test_rows_are_those_counted_by_hand(target: Any) -> None:
    frame = lines()
    found = snapshots(Orders(frame), spent, target, DATES, horizon=30)
    assert found.columns.tolist() == ["customer_id", "as_of", "amount", "target"]
    for as_of in DATES:
        own = found[found["as_of"] == pd.Timestamp(as_of)]
        known = frame.loc[frame["ordered_at"] <= pd.Timestamp(as_of), "customer_id"]
        assert sorted(own["customer_id"]) == sorted(set(known))
        for row in own.itertuples():
            hand = by_hand(frame, str(row.customer_id), as_of, 30)
            assert row.amount == pytest.approx(hand["past"])
            assert row.target == pytest.approx(hand[target])
    assert found["target"].dtype.kind == ("f" if target == "amount" else "i")


def test_what_comes_later_changes_no_feature() -> None:
    frame = lines()
    changed = frame.assign(
        amount=np.where(frame["ordered_at"] > pd.Timestamp(DATES[0]), 1.0, frame["amount"])
    )
    one = snapshots(Orders(frame), spent, "amount", DATES[:1], horizon=30)
    other = snapshots(Orders(changed), spent, "amount", DATES[:1], horizon=30)
    pd.testing.assert_frame_equal(one.drop(columns="target"), other.drop(columns="target"))
    assert (one["target"] != other["target"]).any()


def test_a_line_at_the_moment_is_known_and_one_at_the_end_of_the_horizon_counts() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 1],
            "order_id": [1, 2, 3, 4],
            "ordered_at": pd.to_datetime(
                [
                    "2026-01-01 00:00:00",
                    "2026-01-10 00:00:00",
                    "2026-01-20 00:00:00",
                    "2026-01-20 00:00:01",
                ]
            ),
            "amount": [1.0, 2.0, 4.0, 8.0],
        }
    )
    found = snapshots(Orders(frame), spent, "amount", ["2026-01-10"], horizon=10)
    assert found[["amount", "target"]].to_numpy().tolist() == [[3.0, 4.0]]


def test_a_target_of_your_own_and_another_engine() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")

    def largest(future: pd.DataFrame) -> Any:
        return future.groupby("customer_id")["amount"].max()

    frame = lines()
    one = snapshots(Orders(frame), spent, largest, DATES, horizon=20)
    other = snapshots(Orders(pl.from_pandas(frame)), spent, largest, DATES, horizon=20)
    assert one.to_numpy().tolist() == other.to_numpy().tolist()
    assert (one["target"] == 0).any()


def test_bad_use_is_told() -> None:
    orders = Orders(lines())
    with pytest.raises(InvalidParameterError, match="is too late"):
        snapshots(orders, spent, "bought", ["2026-06-20"], horizon=30)
    with pytest.raises(InvalidParameterError, match="different moments"):
        snapshots(orders, spent, "bought", [])
    with pytest.raises(InvalidParameterError, match="before the first order"):
        snapshots(orders, spent, "bought", ["2025-01-01"])
    with pytest.raises(InvalidParameterError, match="Did you mean 'bought'"):
        snapshots(orders, spent, "bough", DATES)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="horizon"):
        snapshots(orders, spent, "bought", DATES, horizon=0)

    def use(made: pd.DataFrame) -> None:
        snapshots(orders, lambda past, as_of: made, "bought", DATES, horizon=30)

    with pytest.raises(InvalidDataError, match="target returned a customer more than once"):
        snapshots(orders, spent, lambda f: f.set_index("customer_id")["amount"], DATES, horizon=30)
    with pytest.raises(MissingColumnError):
        use(pd.DataFrame({"customer": ["c1"]}))
    with pytest.raises(InvalidDataError, match="more than once"):
        use(pd.DataFrame({"customer_id": ["c1", "c1"]}))
    with pytest.raises(InvalidDataError, match="without an order"):
        use(pd.DataFrame({"customer_id": ["nobody"]}))
    with pytest.raises(InvalidDataError, match="Rename"):
        use(pd.DataFrame({"customer_id": ["c1"], "target": [1]}))


def test_categories_of_the_future_are_not_seen() -> None:
    frame = lines()
    late = frame["ordered_at"] > pd.Timestamp(DATES[0])
    colours = pd.Categorical(np.where(late, "late", "early"), categories=["early", "late", "never"])
    seen: list[list[str]] = []

    def colour(past: Orders, as_of: datetime) -> pd.DataFrame:
        known = past.to_pandas()
        seen.append(list(known["colour"].astype("category").cat.categories))
        return known[["customer_id"]].drop_duplicates()

    def future_colours(future: pd.DataFrame) -> Any:
        seen.append(list(future["colour"].astype("category").cat.categories))
        return future.groupby("customer_id")["amount"].max()

    snapshots(Orders(frame.assign(colour=colours)), colour, future_colours, DATES[:1], horizon=30)
    assert seen == [["early"], ["late"]]


def test_frames_of_any_library_are_taken_and_returned() -> None:
    frame = lines()
    one = snapshots(Orders(frame), spent, "bought", DATES, horizon=30)
    pd.testing.assert_frame_equal(snapshots(frame, spent, "bought", DATES, horizon=30), one)
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    other = snapshots(
        frame, lambda past, as_of: pl.from_pandas(spent(past, as_of)), "bought", DATES, horizon=30
    )
    assert other.to_numpy().tolist() == one.to_numpy().tolist()


def test_what_is_no_function_or_returns_no_frame_is_told() -> None:
    frame = lines()
    wrong: Any = "amount"
    with pytest.raises(InvalidParameterError, match=r"(?s)features must be a function.*target"):
        snapshots(frame, wrong, "boght", DATES, horizon=30)  # type: ignore[arg-type]
    nothing: Any = lambda past, as_of: None  # noqa: E731
    with pytest.raises(InvalidDataError, match="features returned nothing"):
        snapshots(frame, nothing, "bought", DATES, horizon=30)
    whole: Any = lambda future: future  # noqa: E731
    with pytest.raises(InvalidDataError, match=r"must return a pandas Series .* DataFrame"):
        snapshots(frame, spent, whole, DATES, horizon=30)
