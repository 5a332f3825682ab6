"""Texts of equal length as whole numbers in the same order, without hashing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["keys_of_texts"]

_ZEROS = 0x3030303030303030
_HIGH_BITS = 0x8080808080808080
_TOO_HIGH = 0x4646464646464646
"""Added to a byte above '9', it sets the byte's high bit."""


def keys_of_texts(values: Any) -> NDArray[np.int64] | NDArray[np.uint64] | None:
    """Return a number for each text, equal for equal texts and in the order of the texts.

    This works for Arrow texts of one length that differ in their last eight bytes only, as
    customer numbers such as C00001234 do; numbers of digits become that number.

    Parameters
    ----------
    values : extension array
        Of pandas.

    Returns
    -------
    ndarray or None
        int64 for digits, uint64 for other bytes; None if the texts are not of this kind.
    """
    chunks = getattr(values, "_pa_array", None)
    if chunks is None or len(chunks) == 0 or chunks.null_count:
        return None
    array = chunks.combine_chunks() if chunks.num_chunks != 1 else chunks.chunk(0)
    kind = str(array.type)
    if kind not in ("string", "large_string"):
        return None
    last = _last_bytes(array, np.dtype("<i8" if kind == "large_string" else "<i4"))
    if last is None:
        return None
    digits = _as_digits(last)
    return last if digits is None else digits


def _last_bytes(array: Any, offset_type: np.dtype[Any]) -> NDArray[np.uint64] | None:
    """Return the last eight bytes of each text as a number, if all else is equal."""
    n = len(array)
    _, offset_buffer, data = array.buffers()
    if data is None:
        return None
    offsets = np.frombuffer(offset_buffer, dtype=offset_type, count=array.offset + n + 1)
    offsets = offsets[array.offset :]
    start, size = int(offsets[0]), int(offsets[1]) - int(offsets[0])
    if not 4 <= size <= 64 or not bool((np.diff(offsets) == size).all()):
        return None

    def window(at: int, kind: str) -> NDArray[Any]:
        shape, dtype = (n,), np.dtype(kind)
        return np.ndarray(shape, dtype, buffer=data, offset=start + at, strides=(size,))

    if size < 8:
        key: NDArray[np.uint64] = window(size - 4, ">u4").astype(np.uint64)
        for place in range(size - 4):
            byte = window(size - 5 - place, "u1").astype(np.uint64)
            key |= byte << np.uint64(32 + 8 * place)
        return key
    if not all(_is_constant(window(at, kind)) for at, kind in _cover(size - 8)):
        return None
    last: NDArray[np.uint64] = window(size - 8, ">u8").astype(np.uint64)
    return last


def _cover(size: int) -> list[tuple[int, str]]:
    """Cut the first bytes into pieces of 8, 4, 2 and 1."""
    pieces: list[tuple[int, str]] = []
    at = 0
    for width in (8, 4, 2, 1):
        while size - at >= width:
            pieces.append((at, f">u{width}"))
            at += width
    return pieces


def _is_constant(values: NDArray[Any]) -> bool:
    return bool((values == values[0]).all())


def _as_digits(keys: NDArray[np.uint64]) -> NDArray[np.int64] | None:
    """Read eight bytes as digits, equal leading bytes counted as 0; None for other bytes."""
    low, high = int(keys.min()), int(keys.max())
    shared = (64 - (low ^ high).bit_length()) // 8 * 8  # bits in front that all texts share
    kept = (1 << (64 - shared)) - 1
    found = keys if shared == 0 else (keys & np.uint64(kept)) | np.uint64(_ZEROS & ~kept)
    odd = found | (found + np.uint64(_TOO_HIGH)) | (found - np.uint64(_ZEROS))
    if bool((odd & np.uint64(_HIGH_BITS)).any()):
        return None
    number = found - np.uint64(_ZEROS)
    # Digits become pairs, pairs fours, fours the whole number, all lanes at once.
    for bits, lanes in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0xFFFFFFFF)):
        low_part = number & np.uint64(lanes)
        number >>= np.uint64(bits)
        number &= np.uint64(lanes)
        number *= np.uint64(10 ** (bits // 8))
        number += low_part
    return number.astype(np.int64)
