"""The baskets of the itemset benchmarks, from the public data sets beside the checkout."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SOURCES", "Csr", "read_baskets"]

Csr = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]  # indptr, indices, number of items


def folder() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("USERPORTRAIT_DATA", beside))


def read_baskets(name: str) -> Csr:
    """Return the baskets of one data set as rows of ascending item codes."""
    basket, item = SOURCES[name]()
    basket, item = pd.factorize(basket)[0], pd.factorize(item, sort=True)[0]
    n_items = int(item.max()) + 1
    entries = np.unique(basket.astype(np.int64) * n_items + item)
    basket, item = np.divmod(entries, n_items)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(basket))))
    return indptr.astype(np.int64), item.astype(np.int32), n_items


def lines(path: str, separator: str | None) -> Iterator[tuple[int, str]]:
    with gzip.open(folder() / path, "rt") as file:
        for number, line in enumerate(file):
            for item in line.strip().split(separator):
                yield number, item.strip()


def text(path: str, separator: str | None = None) -> Callable[[], tuple[Any, Any]]:
    def read() -> tuple[Any, Any]:
        basket, item = zip(*lines(path, separator), strict=True)
        return np.array(basket), np.array(item, dtype=object)

    return read


def mushroom() -> tuple[Any, Any]:
    """One item for each column and value: 119 of them, 23 a row, as in the FIMI file."""
    table = pd.read_csv(folder() / "mushroom_uci" / "mushrooms.csv.gz", dtype=str)
    items = np.column_stack([f"{name}=" + table[name] for name in table.columns])
    return np.repeat(np.arange(len(table)), items.shape[1]), items.ravel().astype(object)


def online_retail() -> tuple[Any, Any]:
    """Lines of invoices that are no cancellations, with positive quantity and price."""
    table = pd.read_parquet(folder() / "online_retail" / "online_retail.parquet")
    invoice = table["InvoiceNo"].astype(str)
    kept = (table["Quantity"] > 0) & (table["UnitPrice"] > 0) & ~invoice.str.startswith("C")
    return invoice[kept].to_numpy(object), table.loc[kept, "StockCode"].astype(str).to_numpy(object)


SOURCES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "retail": text("fimi/retail.dat.gz"),
    "T10I4D100K": text("fimi/T10I4D100K.dat.gz"),
    "mushroom": mushroom,
    "groceries": text("groceries_arules/groceries.csv.gz", ","),
    "online retail": online_retail,
}
