"""Whatever the rows: every one is accounted for, and their order does not matter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from helpers.raw_orders import ROLES
from userportrait.data import CleaningReport, Orders, clean_orders
from userportrait.errors import InvalidDataError

MOMENTS = [pd.Timestamp(2026, 1, day, hour) for day in (1, 2, 3) for hour in (0, 12)]

dirty_row = st.tuples(
    st.sampled_from(["a", "b", " a", "", None, "nan"]),
    st.sampled_from(["1", "2", "C3", "3 ", None]),
    st.sampled_from([*MOMENTS, None, pd.Timestamp("2099-01-01")]),
    st.sampled_from(["A1", "A2", "POST", None]),
    st.sampled_from([1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 0.0, np.nan, np.inf]),
    st.sampled_from([1.0, 2.5, 0.0, -1.0, np.nan, np.inf, 0.001]),
    st.sampled_from(["x", "y"]),
)
dirty_frames = st.lists(dirty_row, min_size=1, max_size=25)
options = st.fixed_dictionaries(
    {
        name: st.sampled_from(["remove", "flag", "keep"])
        for name in (
            "duplicates", "non_products", "zero_price", "negative_price", "unmatched_returns",
        )
    }
)  # fmt: skip


def as_frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*ROLES.values(), "note"])
    frame["when"] = frame["when"].astype("datetime64[us]")
    return frame


def clean(frame: pd.DataFrame, **rules: Any) -> tuple[Orders, CleaningReport] | None:
    try:
        return clean_orders(frame, **ROLES, now=datetime(2026, 6, 1), **rules)
    except InvalidDataError as error:
        if "rows is left" in str(error):
            return None
        raise


@given(dirty_frames, options)
def test_rows_in_are_rows_out_and_rows_removed(
    rows: list[tuple[Any, ...]], rules: dict[str, str]
) -> None:
    result = clean(as_frame(rows), **rules)
    if result is None:
        return
    orders, report = result
    removed = report.removed_rows()
    assert report.n_rows_in == len(rows) == len(orders) + len(removed)
    assert removed["reason"].value_counts().to_dict() == report.removed
    assert removed["row"].is_unique
    counted = {reason: len(report.flagged_rows(reason)) for reason in report.flagged}
    assert counted == report.flagged


@given(dirty_frames, options, st.randoms(use_true_random=False))
def test_shuffled_rows_give_the_same_orders_in_another_order(
    rows: list[tuple[Any, ...]], rules: dict[str, str], random: Any
) -> None:
    shuffled = random.sample(rows, len(rows))
    first, second = clean(as_frame(rows), **rules), clean(as_frame(shuffled), **rules)
    if first is None or second is None:
        assert first is second
        return
    assert first[1] == second[1]
    columns = first[0].columns
    assert columns == second[0].columns
    one, two = (
        result[0].frame.astype("str").sort_values(columns, ignore_index=True)
        for result in (first, second)
    )
    pd.testing.assert_frame_equal(one, two)


@given(dirty_frames)
def test_money_adds_up_line_by_line(rows: list[tuple[Any, ...]]) -> None:
    result = clean(as_frame(rows), unmatched_returns="remove", negative_price="remove")
    if result is None:
        return
    frame = result[0].frame
    assert (frame["amount_minor"] == np.round(frame["amount"] * 100)).all()
    # Returns never take back more units than the customer bought of the item.
    units = frame.groupby(["customer_id", "item_id"], dropna=False)["quantity"].sum()
    assert (units >= 0).all()


@given(dirty_frames)
def test_clean_orders_are_clean(rows: list[tuple[Any, ...]]) -> None:
    result = clean(as_frame(rows))
    if result is None:
        return
    frame = result[0].frame.drop(columns=["amount_minor"])
    again, report = clean_orders(
        frame, **{role: role for role in ROLES}, now=datetime(2026, 6, 1), duplicates="keep"
    )
    assert report.n_removed == 0
    assert len(again) == len(frame)
