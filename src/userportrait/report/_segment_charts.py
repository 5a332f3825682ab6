"""The chart of a page of segments: measures by number of segments, one small panel each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from userportrait.report._html import Markup, element, join
from userportrait.report._svg import WIDE, figure, round_ticks, text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Panel", "measures_chart"]

_HEIGHT = 178
_LEFT, _TOP, _UNDER = 46.0, 44.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One measure of several numbers of segments; `mark` is a band with a name."""

    name: str
    note: str
    counts: tuple[int, ...]
    values: tuple[float, ...]
    mark: tuple[float, float, str] | None = None


def measures_chart(panels: Sequence[Panel], chosen: int, *, label: str) -> Markup:
    """Draw measures beside each other; the point of the chosen number is filled."""

    def draw(width: int) -> tuple[Markup, int]:
        n_across = 3 if width == WIDE else 1
        gap = 26.0
        each = (width - gap * (n_across - 1)) / n_across
        drawn = [
            element(
                "g",
                _panel(panel, each, chosen),
                transform=f"translate({(at % n_across) * (each + gap):.1f} "
                f"{at // n_across * _HEIGHT})",
            )
            for at, panel in enumerate(panels)
        ]
        return join(drawn), _HEIGHT * -(-len(panels) // n_across)

    return figure(draw, label=label)


def _panel(panel: Panel, width: float, chosen: int) -> Markup:
    known = [(k, v) for k, v in zip(panel.counts, panel.values, strict=True) if v == v]
    heights = [v for _, v in known] + ([*panel.mark[:2]] if panel.mark else [])
    low, high = min(heights), max(heights)
    pad = 0.08 * (high - low) or 0.5 * abs(high) or 1.0
    low, high = low - pad, high + pad
    first, last = panel.counts[0], panel.counts[-1]
    right, bottom = width - 10.0, _HEIGHT - _UNDER - 18.0

    def across(k: float) -> float:
        return _LEFT + 8 + (k - first) / max(last - first, 1) * (right - _LEFT - 8)

    def up(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (bottom - _TOP)

    parts = [
        text(panel.name, 0, 14, css="t"),
        text(panel.note, 0, 31, css="t m"),
        _grid(low, high, up, right),
        _counts(panel.counts, across, bottom + 18),
    ]
    if panel.mark is not None:
        parts.append(_band(*panel.mark, up, right))
    points = " ".join(f"{across(k):.1f},{up(v):.1f}" for k, v in known)
    parts.append(element("polyline", points=points, class_="curve s1"))
    for k, value in known:
        css = "mark s1 f1" if k == chosen else "mark s1 ring"
        radius = 5.5 if k == chosen else 3.5
        shown = element("title", f"{k}: {value:,.4g}")
        parts.append(element("circle", shown, cx=across(k), cy=up(value), r=radius, class_=css))
    return join(parts)


def _band(low: float, high: float, name: str, up: Callable[[float], float], right: float) -> Markup:
    y, bottom = up(high), up(low)
    band = None
    if bottom > y:
        band = element("rect", x=_LEFT, y=y, width=right - _LEFT, height=bottom - y, class_="soft1")
    line = element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_="margin")
    inside = bottom - 5 if bottom - y >= 18 else y + 14
    over = y - 5 if bottom == y and y - 18 > _TOP else inside
    return join([band, line, text(name, right, over, css="t m halo", anchor="end")])


def _grid(low: float, high: float, up: Callable[[float], float], right: float) -> Markup:
    parts: list[Markup] = []
    ticks = round_ticks(low, high, 3)
    for tick in ticks:
        y = up(tick)
        parts.append(element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(text(_short(tick), _LEFT - 6, y + 4, css="t m", anchor="end"))
    return join(parts)


def _short(value: float) -> str:
    for size, suffix in ((1e6, "m"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and size > 1e3):
            return f"{value / size:,.4g}{suffix}"
    return f"{value:.6g}"


def _counts(counts: Sequence[int], across: Callable[[float], float], y: float) -> Markup:
    room = max(text_width(str(k), 13) for k in counts) + 8
    slot = across(counts[-1]) - across(counts[0])
    step = max(1, -(-int(room * len(counts)) // max(int(slot), 1)))
    return join([text(str(k), across(k), y, css="t m", anchor="middle") for k in counts[::step]])
