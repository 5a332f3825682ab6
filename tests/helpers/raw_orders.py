"""A small raw frame of orders, to spoil one value at a time."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["ROLES", "raw_orders"]

ROLES = {
    "customer_id": "who",
    "order_id": "order",
    "ordered_at": "when",
    "item_id": "what",
    "quantity": "units",
    "price": "each",
}


def raw_orders(n_rows: int = 4, **columns: Any) -> pd.DataFrame:
    """Return clean lines of different orders, with some columns replaced or added.

    Columns are those of `ROLES`; row i is order ``o<i>`` of customer i, one day after the other
    from 2026-01-01, of item ``A<i>``, one unit at 10 + i.
    """
    frame = pd.DataFrame(
        {
            "who": range(1, n_rows + 1),
            "order": [f"o{i}" for i in range(n_rows)],
            "when": pd.date_range("2026-01-01", periods=n_rows, freq="D").astype("datetime64[us]"),
            "what": [f"A{i}" for i in range(n_rows)],
            "units": [1] * n_rows,
            "each": [10.0 + i for i in range(n_rows)],
        }
    )
    for name, values in columns.items():
        frame[name] = values
    return frame
