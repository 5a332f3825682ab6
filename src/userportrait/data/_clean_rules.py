"""The rules that look at many rows: repeated rows, services among the items, outliers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Limits",
    "bits_of",
    "find_non_products",
    "is_doubtful",
    "outlier_limits",
    "repeated_rows",
]

SERVICE_CODES = frozenset(
    {
        "adjust", "adjust2", "adjustment", "amazonfee", "b", "bank charge", "bank charges",
        "bankcharges", "c2", "carriage", "charges", "charity", "coupon", "cruk", "d", "delivery",
        "deposit", "discount", "donation", "dot", "dotcom", "ebay", "fee", "fees", "freight",
        "gift card", "gift voucher", "giftcard", "giftvoucher", "handling", "insurance", "m",
        "manual", "misc", "p&p", "post", "postage", "refund", "s", "sample", "samples", "service",
        "shipping", "shipping fee", "surcharge", "tax", "test", "test001", "test002", "tip",
        "vat", "voucher",
        "运费", "邮费", "快递费", "折扣", "优惠", "优惠券", "礼品卡", "代金券", "手续费", "服务费",
        "差价", "补差价", "样品", "测试",
    }
)  # fmt: skip
"""Item codes that mean a service, a charge or a correction; compared without case."""

_VOUCHER = re.compile(
    r"gift_\d+_\d+"
    r"|(?:gift[ _-]?(?:card|voucher)|e?voucher|coupon|discount|postage|shipping)[ _-]?\d*"
)
_SHARE_WITH_DIGIT = 0.9
_ENOUGH_CODES = 10
_FAMILY = 4
_LARGEST_SHARE = 0.1

_ENOUGH_LINES = 50
_LEAST_SCALE = float(np.log(2.0))
_NORMAL = 1.4826


def repeated_rows(
    columns: Iterable[NDArray[Any]],
    candidates: NDArray[np.bool_],
    *,
    changes: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None,
) -> NDArray[np.bool_]:
    """Return the candidates that equal another candidate in every column; one of them is left.

    Parameters
    ----------
    columns : iterable of ndarray
        Codes or numbers, equal where the values are.
    candidates : ndarray of bool
    changes : callable, optional
        Given rows, returns what cleaning changed in them, as numbers. Of equal rows the one
        with the least number is left, so that it does not matter which came first; without
        it, the first one is left.
    """
    rows = np.flatnonzero(candidates)
    found = np.zeros(len(candidates), dtype=bool)
    key, n_keys = np.zeros(len(rows), dtype=np.int64), 1
    for column in columns:
        codes, n_codes = _codes(column[rows])
        if n_keys > 2**62 // n_codes:
            key, n_keys = _dense(key)
        key, n_keys = key * n_codes + codes, n_keys * n_codes
        if n_keys > 2 * len(rows):
            alike = pd.Series(key).duplicated(keep=False).to_numpy(dtype=bool)
            rows = rows[alike]  # the others are found to be different
            if not len(rows):
                return found
            key, n_keys = _dense(key[alike])
    if changes is not None:
        several = np.flatnonzero(pd.Series(key).duplicated(keep=False).to_numpy(dtype=bool))
        order = several[np.argsort(changes(rows[several]), kind="stable")]
        rows, key = rows[order], key[order]
    found[rows[pd.Series(key).duplicated().to_numpy(dtype=bool)]] = True
    return found


def _codes(values: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Return a code from 0 for each value, and how many codes there may be."""
    if values.dtype.kind == "i" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low <= 2**32:
            return values - low, high - low + 1
    return _dense(values)


def _dense(values: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    codes, distinct = pd.factorize(values)
    return np.asarray(codes, dtype=np.int64), max(len(distinct), 1)


def bits_of(marks: Sequence[NDArray[np.bool_]], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each of these rows that has a bit for each mark."""
    found = np.zeros(len(rows), dtype=np.int64)
    for place, mark in enumerate(marks):
        found |= mark[rows].astype(np.int64) << place
    return found


def find_non_products(
    labels: Sequence[str], n_lines: NDArray[np.int64], *, user_codes: Collection[str], detect: bool
) -> NDArray[np.bool_]:
    """Return which item codes are services, charges or corrections rather than items.

    Parameters
    ----------
    labels : sequence of str
        Distinct item codes.
    n_lines : ndarray of int64
        How many lines each of them has.
    user_codes : collection of str
        Codes that the user named.
    detect : bool
        Whether to look for others.

    Notes
    -----
    Detection only takes place in a shop that writes digits into its codes. Where at least half
    of the codes have one, the known codes in `SERVICE_CODES` and numbered vouchers are found.
    Where at least 10 of the others, and nine in ten, have one, so are codes without, unless
    their first four letters start a code with digits (a family of items), or they make up more
    than a tenth of all lines.
    """
    named: NDArray[np.bool_] = np.array([label in user_codes for label in labels], dtype=bool)
    with_digit = np.array([any(map(str.isdigit, label)) for label in labels], dtype=bool)
    if not detect or not len(labels) or 2 * with_digit.sum() < len(labels):
        return named
    folded = [label.casefold() for label in labels]
    known = np.array([_is_service(code) for code in folded], dtype=bool)
    found: NDArray[np.bool_] = named | known
    n_digit, n_other = (with_digit & ~found).sum(), (~with_digit & ~found).sum()
    if n_digit < _ENOUGH_CODES or n_digit < _SHARE_WITH_DIGIT * (n_digit + n_other):
        return found
    families = {code[:_FAMILY] for code, digit in zip(folded, with_digit, strict=True) if digit}
    alone = np.array([code[:_FAMILY] not in families for code in folded], dtype=bool)
    odd = ~with_digit & alone & ~found
    if n_lines[odd].sum() > _LARGEST_SHARE * n_lines.sum():
        return found
    every: NDArray[np.bool_] = found | odd
    return every


def is_doubtful(label: str) -> bool:
    """Return whether `find_non_products` might find this code without being told."""
    return not any(map(str.isdigit, label)) or _is_service(label.casefold())


def _is_service(code: str) -> bool:
    return code in SERVICE_CODES or _VOUCHER.fullmatch(code) is not None


@dataclass(frozen=True, slots=True)
class Limits:
    """What lies outside is an outlier; both ends are allowed themselves.

    Parameters
    ----------
    low, high : float
    smallest : float
        The smallest size that the limits were made of.
    """

    low: float
    high: float
    smallest: float = 0.0

    def outside(self, sizes: NDArray[Any]) -> NDArray[np.bool_]:
        """Return the sizes beyond the limits."""
        return (sizes < self.low) | (sizes > self.high)


def outlier_limits(
    sizes: NDArray[Any], counts: NDArray[np.int64] | None = None, *, n_scales: float
) -> Limits | None:
    """Return robust limits for positive sizes, None for fewer than 50 of them.

    Parameters
    ----------
    sizes : ndarray
        Positive.
    counts : ndarray of int64, optional
        How often each size occurs; the sizes are then sorted and all different. By default
        once for each element.
    n_scales : float
        How many scales a logarithm may be away from the median.

    Notes
    -----
    With m the median of the logarithms and s = 1.4826 × their median absolute deviation from m
    (Hampel 1974), but at least ln 2, the limits are exp(m ± n_scales × s).
    """
    if counts is None:
        sizes, counts = np.unique(sizes, return_counts=True)
    if counts.sum() < _ENOUGH_LINES:
        return None
    logs = np.log(sizes.astype(np.float64))
    middle = _median(logs, counts)
    away = np.abs(logs - middle)
    order = np.argsort(away, kind="stable")
    scale = max(_NORMAL * _median(away[order], counts[order]), _LEAST_SCALE)
    with np.errstate(over="ignore"):
        low, high = np.exp([middle - n_scales * scale, middle + n_scales * scale])
    return Limits(float(low), float(high), float(sizes[0]))


def _median(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Return the median of sorted values that occur so often."""
    until = np.cumsum(counts)
    n = int(until[-1])
    low, high = np.searchsorted(until, [(n - 1) // 2, n // 2], side="right")
    return float(values[low] + values[high]) / 2.0
