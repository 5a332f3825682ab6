"""Months and cohorts, worked out by hand and against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.errors import InvalidParameterError
from userportrait.features import count_cohorts, summarise_months


def lines() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ["ann", "bo", "ann", "cy", "bo", "dee"],
            "order_id": [1, 2, 3, 4, 5, 6],
            "ordered_at": pd.to_datetime(
                [
                    "2025-11-30 23:59",
                    "2025-12-01",
                    "2026-02-03",
                    "2026-02-04",
                    "2026-02-05",
                    "2026-01-01",
                ],
                format="ISO8601",
            ),
            "amount": [10.0, 20.0, 5.0, 7.0, -20.0, -1.0],
        }
    )


def test_cohorts_worked_out_by_hand_on_every_engine(engine: str) -> None:
    # Bo's February line and Dee's only line are returns: no purchases.
    cohorts = count_cohorts(to_engine(engine, lines()))
    assert cohorts.months == ("2025-11", "2025-12", "2026-01", "2026-02")
    assert cohorts.active.tolist() == [[1, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert cohorts.sizes.tolist() == [1, 1, 0, 1]


def test_retention_is_a_share_and_the_future_is_unknown() -> None:
    shares = count_cohorts(lines()).retention
    assert shares[0].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert np.isnan(shares[2]).all()
    assert np.isnan(shares[3, 1:]).all()


def test_cohorts_as_a_frame_have_one_row_per_pair_that_has_happened() -> None:
    frame = count_cohorts(lines(), as_of="2025-12-31").to_frame()
    assert frame.to_dict("list") == {
        "cohort": ["2025-11", "2025-11", "2025-12"],
        "months_since": [0, 1, 0],
        "n_customers": [1, 0, 1],
    }


def test_months_worked_out_by_hand() -> None:
    assert summarise_months(lines()).to_dict("list") == {
        "month": ["2025-11", "2025-12", "2026-01", "2026-02"],
        "n_orders": [1, 1, 0, 2],
        "spend": [10.0, 20.0, -1.0, -8.0],
        "n_customers": [1, 1, 0, 2],
        "n_new_customers": [1, 1, 0, 1],
    }


def test_months_after_the_last_line_are_there_with_zeros() -> None:
    months = summarise_months(lines(), as_of="2026-04-01")
    assert months["month"].tolist()[-2:] == ["2026-03", "2026-04"]
    assert months["n_orders"].tolist()[-2:] == [0, 0]


def test_cohorts_agree_with_a_pandas_pivot_on_random_lines() -> None:
    rng = np.random.default_rng(5)
    n = 5000
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 400, n),
            "order_id": np.arange(n),
            "ordered_at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 500 * 24, n), unit="h"),
            "amount": 1.0,
        }
    )
    month = frame["ordered_at"].dt.to_period("M")
    first = month.groupby(frame["customer_id"]).transform("min")
    since = month.astype("int64") - first.astype("int64")
    pivot = frame.groupby([first, since])["customer_id"].nunique().unstack(fill_value=0)
    cohorts = count_cohorts(frame)
    assert cohorts.active[: len(pivot), : pivot.shape[1]].tolist() == pivot.to_numpy().tolist()


def test_a_moment_before_the_first_order_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="before the first order"):
        count_cohorts(lines(), as_of="2020-01-01")
