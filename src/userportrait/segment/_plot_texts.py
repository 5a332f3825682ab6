"""Texts of pictures: names in short lines, numbers with the digits that tell them apart."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["number_writer", "plain", "shortened", "wrapped"]

_WIDE = r"[\u2e80-\uffff]"
_BREAK = re.compile(rf"(?<=[\s_])|(?<=[a-z])(?=[A-Z])|(?<={_WIDE})|(?={_WIDE})")


def plain(text: str) -> str:
    """Return a text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def wrapped(name: str, width: float = 18.0, most_lines: int = 5) -> str:
    """Return a name in a few short lines, broken between its words.

    Lines may end after spaces and underscores, before capitals and between Chinese letters.
    `width` counts small letters; capitals are wider, and Chinese letters take two.
    """
    lines = [""]
    for piece in _pieces(name, width):
        if lines[-1] and _width((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    lines = [line.strip() for line in lines]
    if len(lines) > most_lines:
        lines = [*lines[: most_lines - 1], lines[most_lines - 1] + "…"]
    return "\n".join(lines)


def _pieces(name: str, width: float) -> list[str]:
    """Return the parts between which a line may break, none wider than a line."""
    found: list[str] = []
    for part in _BREAK.split(name):
        piece = part
        while _width(piece.rstrip()) > width:
            most = next(n for n in range(1, len(piece) + 1) if _width(piece[: n + 1]) > width)
            found.append(piece[:most])
            piece = piece[most:]
        found.append(piece)
    return [piece for piece in found if piece]


def _width(text: str) -> float:
    return sum(2.0 if ord(c) > 0x2E80 else 1.25 if c.isupper() else 1.0 for c in text)


def shortened(text: str, most: int) -> str:
    """Return a text of so many letters at most, cut in the middle, where names are alike."""
    if len(text) <= most:
        return text
    left = (most - 1) // 2
    return f"{text[:left]}…{text[left - most + 1 :]}"


def number_writer(
    values: Floats, *, is_share: bool = False, is_whole: bool = False
) -> Callable[[float], str]:
    """Return how the numbers of a row are written: with the same digits, a dash for NaN."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    divisor, unit = (1e6, "M") if largest >= 1e6 else (1.0, "")
    largest /= divisor
    digits = 0 if is_whole or largest >= 100 else 1 if largest >= 10 else 2
    if 0 < largest < 0.1 and not is_whole:
        digits = min(2 - math.floor(math.log10(largest)), 8)

    def write(value: float) -> str:
        if not math.isfinite(value):
            return "–"
        return f"{value:.0%}" if is_share else f"{value / divisor:,.{digits}f}{unit}"

    return write
