"""Baskets of Parquet files, read in chunks: memory grows with the baskets, not with the lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.entries import Coded
from userportrait._core.lazy import optional_import
from userportrait.data._readers import PARQUET_SUFFIXES, existing_path
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.patterns._basket_lines import Lines, code_known
from userportrait.patterns._basket_merge import rows_from_pairs
from userportrait.patterns._basket_sources import Columns, lines_of_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from pathlib import Path

    from numpy.typing import NDArray

    from userportrait.typing import Progress

__all__ = ["lines_of_parquet"]

_OWNER = "Baskets.from_parquet"


def lines_of_parquet(
    path: str | PathLike[str], columns: Columns, rows_per_chunk: int, tell: Progress
) -> Lines:
    """Read the lines of a file or a folder of files, some at a time."""
    pool = _Pool()
    for frame, share in _chunks(path, columns, rows_per_chunk):
        pool.add(lines_of_frame(frame, columns, owner=_OWNER, keep_rows=False))
        tell("reading baskets", share)
    return pool.lines()


def _chunks(
    path: str | PathLike[str], columns: Columns, rows_per_chunk: int
) -> Iterator[tuple[Any, float]]:
    """Yield pieces as pyarrow tables, and the share that has been read then."""
    parquet: Any = optional_import("pyarrow.parquet", what=_OWNER, extra="parquet")
    arrow: Any = optional_import("pyarrow", what=_OWNER, extra="parquet")
    files = _files(path)
    roles = columns.named()
    names = list(dict.fromkeys(roles.values()))
    for place, file in enumerate(files):
        try:
            opened = parquet.ParquetFile(file)
        except arrow.ArrowInvalid as error:
            message = f"'{file}' is no Parquet file, or it is damaged."
            raise InvalidDataError(message) from error
        with opened:
            for role, name in roles.items():
                if name not in opened.schema_arrow.names:
                    raise MissingColumnError(name, opened.schema_arrow.names, f"{_OWNER}: {role}")
            total, read = max(opened.metadata.num_rows, 1), 0
            if not opened.metadata.num_rows:
                yield opened.schema_arrow.empty_table().select(names), (place + 1) / len(files)
            for batch in opened.iter_batches(batch_size=rows_per_chunk, columns=names):
                read += batch.num_rows
                yield arrow.Table.from_batches([batch]), (place + read / total) / len(files)


def _files(path: str | PathLike[str]) -> list[Path]:
    found = existing_path(path, folder=True)
    if not found.is_dir():
        return [found]
    files = sorted(
        file
        for file in found.rglob("*")
        if file.suffix.lower() in PARQUET_SUFFIXES
        and not any(part.startswith(("_", ".")) for part in file.relative_to(found).parts)
    )
    if not files:
        message = f"the folder '{path}' holds no Parquet file."
        raise InvalidDataError(message)
    return files


@dataclass(slots=True)
class _Names:
    """IDs by the order in which they came, chunk after chunk.

    Every chunk brings its sorted distinct IDs; what they mean in all chunks is settled once,
    at the end, so that no table of all IDs is kept beside them.
    """

    chunks: list[NDArray[Any]] = field(default_factory=list[Any])
    n: int = 0

    def add(self, distinct: NDArray[Any]) -> int:
        """Take the distinct IDs of a chunk; return the number of the first of them."""
        self.chunks.append(distinct)
        first, self.n = self.n, self.n + len(distinct)
        return first

    def settled(self, column: str) -> Coded:
        """Return what each number means."""
        kinds = {chunk.dtype.kind for chunk in self.chunks if len(chunk)}
        if len(kinds) > 1:
            message = (
                f"'{column}' holds whole numbers in one file and texts in another. Write it in "
                f"one type."
            )
            raise InvalidDataError(message, column=column)
        chosen = [chunk for chunk in self.chunks if len(chunk)]
        values = np.concatenate(chosen) if chosen else np.empty(0, dtype=object)
        self.chunks.clear()
        return code_known(values)


class _Pool:
    """Chunks of lines, kept as small sparse matrices."""

    def __init__(self) -> None:
        self._orders, self._items, self._customers = _Names(), _Names(), _Names()
        self._pairs: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
        self._owners: list[NDArray[np.int32]] = []
        self._at: list[NDArray[np.int64]] = []
        self._revenue: list[NDArray[np.int64]] = []
        self._units: list[NDArray[np.int64]] = []
        self._has_customers = False
        self._n_lines, self._n_kept = 0, 0
        self._ignored: dict[str, int] = {}

    def add(self, lines: Lines) -> None:
        """Take a chunk; an order and a customer who come together are one row of it."""
        self._n_lines += lines.n_lines
        self._n_kept += lines.n_kept
        for why, n in lines.ignored.items():
            self._ignored[why] = self._ignored.get(why, 0) + n
        order, item = self._orders.add(lines.order.distinct), self._items.add(lines.item.distinct)
        owner = self._owner_codes(lines)
        if lines.at is None and lines.revenue is None and owner is None:
            n_orders, n_items = len(lines.order.distinct), len(lines.item.distinct)
            indptr, items = rows_from_pairs(lines.order.codes, lines.item.codes, n_orders, n_items)
            rows = np.repeat(np.arange(n_orders, dtype=np.int32), np.diff(indptr))
        else:
            rows, items = lines.order.codes, lines.item.codes
        self._pairs.append((rows + np.int32(order), items + np.int32(item)))
        if owner is not None:
            self._owners.append(owner)
        if lines.at is not None:
            self._at.append(lines.at)
        if lines.revenue is not None and lines.units is not None:
            self._revenue.append(lines.revenue)
            self._units.append(lines.units)

    def _owner_codes(self, lines: Lines) -> NDArray[np.int32] | None:
        if lines.customer is None:
            return None
        self._has_customers = True
        first = self._customers.add(lines.customer.distinct)
        codes = lines.customer.codes
        return np.where(codes < 0, codes, codes + np.int32(first))

    def lines(self) -> Lines:
        """Return all lines, with IDs that mean the same in all chunks."""
        orders, items = self._orders.settled("order_id"), self._items.settled("item_id")
        row = np.concatenate([orders.codes[pair[0]] for pair in self._pairs])
        item = np.concatenate([items.codes[pair[1]] for pair in self._pairs])
        self._pairs.clear()
        customer: Coded | None = None
        if self._has_customers:
            names = self._customers.settled("customer_id")
            lookup = np.append(names.codes, np.int32(-1))
            customer = Coded(lookup[np.concatenate(self._owners)], names.distinct)
        return Lines(
            "Parquet files",
            Coded(row, orders.distinct),
            Coded(item, items.distinct),
            n_lines=self._n_lines,
            n_kept=self._n_kept,
            ignored=self._ignored,
            customer=customer,
            at=np.concatenate(self._at) if self._at else None,
            revenue=np.concatenate(self._revenue) if self._revenue else None,
            units=np.concatenate(self._units) if self._units else None,
        )
