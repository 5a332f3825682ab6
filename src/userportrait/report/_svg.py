"""Drawing in SVG: text that fits, axes, a chart in two widths. Colours are CSS classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from userportrait.report._html import Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "NARROW",
    "WIDE",
    "figure",
    "fit_lines",
    "legend",
    "nice_ticks",
    "round_ticks",
    "text",
    "text_width",
]

WIDE, NARROW = 960, 358
"""The two widths in CSS pixels in which each chart is drawn, for desktops and for phones."""


def figure(
    draw: Callable[[int], tuple[Markup, int]], *, label: str, caption: Markup | str | None = None
) -> Markup:
    """Draw a chart for wide and for narrow pages; the style sheet shows the one that fits.

    Parameters
    ----------
    draw : callable
        Takes the width and returns what is inside and the height.
    label : str
        The chart in words, for those who do not see it.
    caption : Markup or str, optional
    """
    charts: list[Markup] = []
    for css, width in (("wide", WIDE), ("narrow", NARROW)):
        inside, height = draw(width)
        charts.append(
            element(
                "svg",
                inside,
                class_=f"chart {css}",
                viewBox=f"0 0 {width} {height}",
                role="img",
                aria_label=label,
            )
        )
    below = element("figcaption", caption) if caption else None
    return element("figure", *charts, below)


def text(content: str, x: float, y: float, *, css: str = "t", anchor: str | None = None) -> Markup:
    """Return a text at its baseline; `css` sets colour and size."""
    return element("text", content, x=float(x), y=float(y), class_=css, text_anchor=anchor)


def text_width(content: str, size: float, *, bold: bool = False) -> float:
    """Estimate a text's width in pixels: generous, so that what fits by it fits."""
    weight = 1.13 if bold else 1.0
    return size * weight * sum(_advance(character) for character in content)


def _advance(character: str) -> float:
    if ord(character) >= 0x2E80:
        return 1.02
    if character in "iljtfr.,:;|!' ()[]I":
        return 0.36
    return 0.9 if character in "mwMW%@" else 0.64


def fit_lines(
    content: str, width: float, size: float, max_lines: int, *, bold: bool = False
) -> list[str] | None:
    """Break a text into lines that fit a width; None if it cannot."""
    lines: list[str] = []
    words = content.split(" ") if " " in content else _pieces(content, width, size, bold)
    joint = " " if " " in content else ""
    for word in words:
        longer = f"{lines[-1]}{joint}{word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    fits = len(lines) <= max_lines and all(
        text_width(line, size, bold=bold) <= width for line in lines
    )
    return lines if fits else None


def _pieces(content: str, width: float, size: float, bold: bool) -> list[str]:
    """Chinese may break anywhere, and is cut evenly; a Latin word nowhere."""
    whole = text_width(content, size, bold=bold)
    if whole <= width or width <= 0 or all(ord(c) < 0x2E80 for c in content):
        return [content]
    step = math.ceil(len(content) / math.ceil(whole / width))
    return [content[i : i + step] for i in range(0, len(content), step)]


def nice_ticks(top: float, n: int = 4) -> list[float]:
    """Return round values from 0 up to at least `top`, about `n` steps."""
    if not top > 0:
        return [0.0, 1.0]
    power = 10 ** math.floor(math.log10(top / n))
    step = min(m * power for m in (1, 2, 2.5, 5, 10) if m * power * n >= top * 0.999)
    if top >= 1 and step < 1:
        step = 1.0
    return [step * i for i in range(math.ceil(top / step * 0.999) + 1)]


def round_ticks(low: float, high: float, n: int) -> list[float]:
    """Return about `n` round values between two limits, 0 among them if it is between."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / n))
    step = min(m * power for m in (1, 2, 2.5, 5, 10) if m * power * n >= span)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def legend(entries: Iterable[tuple[str, str]]) -> Markup:
    """Return a legend in HTML: a swatch of a fill class and its meaning, for each entry."""
    items = (
        element("li", element("span", class_=f"swatch {css}", aria_hidden="true"), name)
        for css, name in entries
    )
    return element("ul", *items, class_="legend")


def y_axis(
    ticks: Sequence[float], place: Callable[[float], float], left: float, right: float,
    write: Callable[[float], str],
) -> Markup:  # fmt: skip
    """Return grid lines with their values."""
    parts: list[Markup] = []
    for tick in ticks:
        y = place(tick)
        parts.append(
            element("line", x1=left, x2=right, y1=y, y2=y, class_="axis" if tick == 0 else "grid")
        )
        parts.append(text(write(tick), left - 6, y + 4, css="t m", anchor="end"))
    return join(parts)
