"""Bitmaps of baskets: bits counted in lanes, numbers of baskets added up by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Stamps", "fitting_words", "popcounts"]

_TABLE_BITS = 1 << 15
_FEW_ROWS = 32  # for which a table by bytes is not worth making
_LANES: dict[int, Any] = {8: np.uint64, 4: np.uint32, 2: np.uint16}


def fitting_words(n_bits: int) -> int:
    """Return how many words to take for so many bits: numbers that `popcounts` is fast for."""
    words = max(1, (n_bits + 63) >> 6)
    if words <= 4:
        return words
    return words + (-words) % (2 if words <= 6 else 4 if words <= 12 else 8)


def popcounts(met: NDArray[np.uint64], scale: NDArray[np.int64] | None) -> NDArray[np.integer]:
    """Return how many bits are set in each row, each times the scale of its word."""
    ones = np.bitwise_count(met)
    words = ones.shape[1]
    found: NDArray[np.integer]
    if scale is not None:
        found = (ones * scale).sum(axis=1)
    elif words == 1:
        found = ones[:, 0]
    elif words == 3:
        found = ones[:, 0] + ones[:, 1] + ones[:, 2]
    elif words % 2 or words > 1023:
        found = ones.sum(axis=1, dtype=np.int64)
    else:
        found = _lane_sums(ones, min(words & -words, 8))
    return found


def _lane_sums(ones: NDArray[np.uint8], width: int) -> NDArray[np.integer]:
    """Add bytes `width` at a time: in pairs first, for a byte holds no more than 255."""
    kind = _LANES[width]
    lanes: NDArray[Any] = ones.view(kind)
    mask = kind(int("00ff" * (width // 2), 16))
    pairs: NDArray[Any] = lanes >> kind(8)
    pairs &= mask
    lanes &= mask
    pairs += lanes
    total: NDArray[Any] = pairs[:, 0]
    for column in range(1, pairs.shape[1]):
        total += pairs[:, column]
    if width == 8:
        total *= kind(0x0001000100010001)
        total >>= kind(48)
    elif width == 4:
        total += total >> kind(16)
        total &= kind(0xFFFF)
    return total


class Stamps:
    """Adds up the numbers of the baskets that bitmaps stand for, a byte at a time.

    Parameters
    ----------
    stamps : ndarray of float64 of shape (n_first_items, 64 * n_words)
        Number of the basket of each bit.
    """

    def __init__(self, stamps: NDArray[np.float64]) -> None:
        self._stamps = stamps
        self._tables: dict[int, NDArray[np.float64]] = {}

    def sums(self, bits: NDArray[np.uint64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the sum of each row, the bits of which are those of its first item."""
        as_bytes = bits.astype("<u8", copy=False).view(np.uint8)
        found = np.empty(len(bits))
        order = np.argsort(owner, kind="stable")
        edges = np.flatnonzero(np.diff(owner[order])) + 1
        for rows in np.split(order, edges) if len(order) else []:
            found[rows] = self._of_owner(int(owner[rows[0]]), as_bytes[rows])
        return found

    def _of_owner(self, owner: int, rows: NDArray[np.uint8]) -> NDArray[np.float64]:
        found = np.empty(len(rows))
        if len(rows) < _FEW_ROWS and owner not in self._tables:
            as_bits = np.unpackbits(rows, axis=1, bitorder="little")
            np.einsum("ij,j->i", as_bits, self._stamps[owner], out=found)
            return found
        table = self._table(owner)
        step: NDArray[np.int64] = np.arange(rows.shape[1], dtype=np.int64) * 256
        for start in range(0, len(rows), 256):
            cells = step + rows[start : start + 256]
            np.sum(table.take(cells), axis=1, out=found[start : start + 256])
        return found

    def _table(self, owner: int) -> NDArray[np.float64]:
        """Return the sum for each place and value of a byte."""
        if owner not in self._tables:
            if len(self._tables) * self._stamps.shape[1] > _TABLE_BITS:
                self._tables.clear()
            by_byte = self._stamps[owner].reshape(-1, 8)
            table = np.zeros((len(by_byte), 256))
            for bit in range(8):
                table[:, 1 << bit : 2 << bit] = table[:, : 1 << bit] + by_byte[:, bit : bit + 1]
            self._tables[owner] = table.ravel()
        return self._tables[owner]
