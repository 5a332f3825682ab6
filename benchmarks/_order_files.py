"""A Parquet file of order lines of any length, written in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["AS_OF", "order_lines", "write_order_lines"]

AS_OF = "2026-01-01T12:00:00"
_START = np.datetime64("2024-01-01", "us")
_DAYS = 731
_PIECE = 2_000_000


def order_lines(n: int, n_customers: int, seed: int, first_order: int) -> pa.Table:
    """Order lines of two years: 1 to 5 lines an order, 5 % returns, uneven customers."""
    rng = np.random.default_rng(seed)
    order = np.repeat(np.arange(n), rng.integers(1, 6, n))[:n]
    n_orders = int(order[-1]) + 1
    busy = rng.lognormal(0, 1, n_orders)
    customer = (rng.random(n_orders) ** (1 + busy / 8) * n_customers).astype(np.int64)
    second = rng.integers(0, _DAYS * 86_400, n_orders)
    quantity = np.where(rng.random(n) < 0.05, -1, rng.integers(1, 5, n))
    return pa.table(
        {
            "customer_id": customer[order] + 10_000,
            "order_id": order + first_order,
            "item_id": rng.integers(0, 50_000, n),
            "ordered_at": _START + second[order].astype("timedelta64[s]"),
            "quantity": quantity,
            "price": np.round(rng.lognormal(2.5, 0.8, n), 2),
            "channel": pa.array(rng.integers(0, 4, n), pa.int8()),
        }
    )


def write_order_lines(path: Path, n: int, n_customers: int) -> None:
    """Write a file with zstd compression; memory stays bounded."""
    writer: pq.ParquetWriter | None = None
    for start in range(0, n, _PIECE):
        table = order_lines(min(_PIECE, n - start), n_customers, seed=start + 1, first_order=start)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()
