"""A shop of five order lines, small enough to work everything out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from userportrait.tags import TagContext


def shop_frame() -> pd.DataFrame:
    times = ["2026-01-05 10:00", "2026-01-05 10:00", "2026-01-06 23:30", "2026-02-01 08:00",
             "2026-02-03 00:00"]  # fmt: skip
    return pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "bo", "ann", "cy"],
            "order_id": [1, 1, 2, 3, 4],
            "ordered_at": pd.to_datetime(times),
            "item_id": ["tea", "cup", "tea", "tea", "cup"],
            "quantity": [1, 2, 1, -1, 5],
            "price": [10.0, 5.0, 10.0, 10.0, 5.0],
            "country": ["DE", "DE", None, "CN", "DE"],
        }
    )


@pytest.fixture
def frame() -> pd.DataFrame:
    return shop_frame()


@pytest.fixture
def context(frame: pd.DataFrame) -> TagContext:
    return TagContext(frame)
