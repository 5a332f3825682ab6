"""Maps from RFM scores to named segments, with English and Chinese labels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["QUINTILE11", "VALUE8", "SegmentMap", "map_from"]

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class SegmentMap:
    """Which segment each combination of scores belongs to.

    Parameters
    ----------
    name : str
    n_bins : int
        Scores run from 1 to this.
    keys : tuple of str
        The segments, best first.
    codes : mapping of str to tuple of str
        Each segment's codes, such as ``'555'`` for r, f and m.
    labels : mapping of {'en', 'zh'} to tuple of str
        The segments' names in the order of `keys`.

    Examples
    --------
    >>> QUINTILE11.codes["champions"]
    ('555', '554', '544', '545', '454', '455', '445')
    """

    name: str
    n_bins: int
    keys: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[str, ...]]

    def table(self) -> NDArray[np.int32]:
        """Return each segment's position by ``(r - 1, f - 1, m - 1)``."""
        found = np.full((self.n_bins,) * 3, -1, dtype=np.int32)
        for position, key in enumerate(self.keys):
            for code in self.codes[key]:
                r, f, m = (int(digit) - 1 for digit in code)
                found[r, f, m] = position
        return found


def _quintile11() -> SegmentMap:
    rows: list[tuple[str, str, str, str]] = [
        ("champions", "Champions", "冠军客户", "555 554 544 545 454 455 445"),
        ("loyal", "Loyal", "忠诚客户", "543 444 435 355 354 345 344 335"),
        (
            "potential_loyalist",
            "Potential Loyalist",
            "潜在忠诚客户",
            (
                "553 551 552 541 542 533 532 531 452 451 442 441 431 453 433 432 423 353 352 351 "
                "342 341 333 323"
            ),
        ),
        ("new_customers", "New Customers", "新客户", "512 511 422 421 412 411 311"),
        (
            "promising",
            "Promising",
            "有前景客户",
            "525 524 523 522 521 515 514 513 425 424 413 414 415 315 314 313",
        ),
        ("need_attention", "Need Attention", "需要关注客户", "535 534 443 434 343 334 325 324"),
        ("about_to_sleep", "About to Sleep", "即将沉睡客户", "331 321 312 221 213 231 241 251"),
        (
            "at_risk",
            "At Risk",
            "流失风险客户",
            (
                "255 254 245 244 253 252 243 242 235 234 225 224 153 152 145 143 142 135 134 133 "
                "125 124"
            ),
        ),
        ("cannot_lose_them", "Cannot Lose Them", "不能失去客户", "155 154 144 214 215 115 114 113"),
        ("hibernating", "Hibernating", "沉睡客户", "332 322 233 232 223 222 132 123 122 212 211"),
        ("lost", "Lost", "流失客户", "111 112 121 131 141 151"),
    ]
    return SegmentMap(
        name="quintile11",
        n_bins=5,
        keys=tuple(row[0] for row in rows),
        codes={row[0]: tuple(row[3].split()) for row in rows},
        labels={"en": tuple(r[1] for r in rows), "zh": tuple(r[2] for r in rows)},
    )


def _value8() -> SegmentMap:
    rows = [
        ("important_value", "Important Value", "重要价值客户", "222"),
        ("important_develop", "Important Develop", "重要发展客户", "212"),
        ("important_keep", "Important Keep", "重要保持客户", "122"),
        ("important_win_back", "Important Win Back", "重要挽留客户", "112"),
        ("general_value", "General Value", "一般价值客户", "221"),
        ("general_develop", "General Develop", "一般发展客户", "211"),
        ("general_keep", "General Keep", "一般保持客户", "121"),
        ("general_win_back", "General Win Back", "一般挽留客户", "111"),
    ]
    return SegmentMap(
        name="value8",
        n_bins=2,
        keys=tuple(row[0] for row in rows),
        codes={row[0]: (row[3],) for row in rows},
        labels={"en": tuple(r[1] for r in rows), "zh": tuple(r[2] for r in rows)},
    )


QUINTILE11: SegmentMap = _quintile11()
"""Eleven segments of quintile scores; each of the 125 codes belongs to exactly one."""

VALUE8: SegmentMap = _value8()
"""Eight segments of high (2) and low (1): money makes 重要 or 一般, r and f the rest."""


def map_from(segments: Mapping[str, Sequence[str]], n_bins: int) -> SegmentMap:
    """Make a map from a user's own segments.

    Parameters
    ----------
    segments : mapping of str to sequence of str
        For each segment its codes, such as ``{"best": ["333", "332"]}``; a digit may be
        ``*`` for every score. Each code must belong to exactly one segment.
    n_bins : int
        2 to 9.

    Raises
    ------
    InvalidParameterError
        If a code is malformed, belongs to two segments, or to none.
    """
    digits = [str(score) for score in range(1, n_bins + 1)]
    owner: dict[str, str] = {}
    problems: list[str] = []
    for segment, patterns in segments.items():
        for pattern in patterns:
            if len(pattern) != 3 or any(d not in (*digits, "*") for d in pattern):
                problems.append(
                    f"segments['{segment}']: '{pattern}' is not a code; give three digits from 1 "
                    f"to {n_bins}, or * for any."
                )
                continue
            codes = ["".join(c) for c in product(*(digits if d == "*" else d for d in pattern))]
            problems += [
                f"segments: {code} is in '{owner[code]}' and in '{segment}'."
                for code in codes
                if owner.setdefault(code, segment) != segment
            ]
    missing = [c for c in map("".join, product(digits, repeat=3)) if c not in owner]
    if missing and not problems:
        shown = ", ".join(missing[:5])
        problems.append(f"segments: {len(missing)} codes belong to no segment, such as {shown}.")
    if problems:
        raise InvalidParameterError("RFM", problems)
    keys = tuple(segments)
    found = {key: tuple(code for code, home in owner.items() if home == key) for key in keys}
    return SegmentMap("user", n_bins, keys, found, {"en": keys, "zh": keys})
