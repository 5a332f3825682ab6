"""The data of the recommendation benchmarks, from the public data sets beside the checkout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from _basket_files import folder

__all__ = ["citeulike", "lightgcn", "purchases"]


def lightgcn(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the train and test part of a fixed split."""
    files = {
        "gowalla": ("lightgcn_gowalla/train.parquet", "lightgcn_gowalla/test.parquet"),
        "lastfm": ("lightgcn_lastfm/train.csv.gz", "lightgcn_lastfm/test.csv.gz"),
        "taobao": ("taobao_ghcf/buy_train.parquet", "taobao_ghcf/buy_test.parquet"),
        "electronics": (
            "amazon_electronics_small/train.parquet",
            "amazon_electronics_small/test.parquet",
        ),
        "movielens": (
            "movielens_1m/ultragcn_implicit_train.parquet",
            "movielens_1m/ultragcn_implicit_test.parquet",
        ),
    }
    train, test = (_read(file) for file in files[name])
    return train, test


def _read(file: str) -> pd.DataFrame:
    path = folder() / file
    frame = pd.read_parquet(path) if file.endswith("parquet") else pd.read_csv(path)
    return frame[["user", "item"]].rename(columns={"user": "customer_id", "item": "item_id"})


def citeulike() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who has which article, and the tags of the articles."""
    pairs = _read("citeulike_a/user_item.parquet")
    tags = pd.read_parquet(folder() / "citeulike_a/item_tag.parquet")
    return pairs, tags.rename(columns={"item": "item_id"}).astype({"tag": str})


def purchases(name: str) -> pd.DataFrame:
    """Return lines with `customer_id`, `item_id`, `occurred_at` and `order_id`."""
    if name == "online retail":
        return _online_retail()
    frame = pd.read_csv(folder() / "groceries_members/groceries_members.csv.gz")
    day = pd.to_datetime(frame["Date"], format="%d-%m-%Y")
    return pd.DataFrame(
        {
            "customer_id": frame["customer_unique_id"],
            "item_id": frame["product_id"],
            "occurred_at": day,
            "order_id": day.astype(str) + "/" + frame["customer_unique_id"].astype(str),
        }
    )


def _online_retail() -> pd.DataFrame:
    raw: Any = pd.read_parquet(folder() / "online_retail/online_retail.parquet")
    good = (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0) & raw["CustomerID"].notna()
    raw = raw[good & raw["StockCode"].str.match(r"^\d")]
    return pd.DataFrame(
        {
            "customer_id": raw["CustomerID"].astype(np.int64),
            "item_id": raw["StockCode"].str.upper(),
            "occurred_at": raw["InvoiceDate"],
            "order_id": raw["InvoiceNo"],
        }
    )
