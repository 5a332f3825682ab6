"""A market of random purchases, some items much more popular than others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend import Interactions

__all__ = ["dense", "market", "shuffled"]


def market(
    n_customers: int = 80, n_items: int = 60, n_rows: int = 1200, seed: int = 0
) -> pd.DataFrame:
    """Return purchases with tastes: each customer buys mostly from one of four groups of items."""
    rng = np.random.default_rng(seed)
    customer = rng.integers(0, n_customers, n_rows)
    item = (rng.pareto(1.2, n_rows) * n_items / 12).astype(int) % n_items
    loyal = rng.random(n_rows) < 0.6
    item[loyal] = item[loyal] // 4 * 4 + customer[loyal] % 4
    return pd.DataFrame({"customer_id": customer, "item_id": np.minimum(item, n_items - 1)})


def shuffled(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    return frame.sample(frac=1.0, random_state=seed, ignore_index=True)


def dense(data: Interactions, weighting: str = "binary") -> NDArray[Any]:
    """Return interactions as a dense matrix, weighted."""
    raw = data.matrix.toarray()
    return {"binary": (raw > 0).astype(float), "raw": raw, "log": np.log1p(raw)}[weighting]
