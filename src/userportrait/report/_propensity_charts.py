"""The charts of a propensity model's page, drawn as SVG in two widths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.report._html import Markup, element, join
from userportrait.report._svg import WIDE, figure, nice_ticks, text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Panel: TypeAlias = Callable[[int], tuple[Markup, int]]
    Place: TypeAlias = Callable[[float], float]

__all__ = [
    "OddsRow",
    "bars_chart",
    "calibration_panel",
    "curve_panel",
    "lift_panel",
    "odds_chart",
    "one_chart",
    "pair_chart",
]

_STROKES = {"up": "s1", "down": "s2", "unclear": "s0"}
_FILLS = {"up": "f1", "down": "f2", "unclear": "ring"}
_LEFT, _TOP, _BOTTOM = 46.0, 34.0, 44.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsRow:
    """One line of the plot of odds ratios.

    Parameters
    ----------
    label, told : str
        What stands at the left and at the right.
    verdict : str
        ``'up'``, ``'down'``, ``'unclear'``, ``'reference'``, or ``'heading'`` of a column.
    note : str or None
        What follows the name of a number; None for levels, which are set in.
    value, low, high : float
        NaN where there is none.
    """

    label: str
    told: str
    verdict: str
    note: str | None = None
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan


def odds_chart(rows: Sequence[OddsRow], *, label: str, axis: str) -> Markup:
    """Draw odds ratios with their intervals on a logarithmic axis."""
    limits = _odds_limits(rows)

    def draw(width: int) -> tuple[Markup, int]:
        wide = width == WIDE
        left, right = (250.0, 720.0) if wide else (10.0, width - 10.0)
        steps = [_room(row, width) for row in rows]
        bottom = 10.0 + sum(steps)

        def at(value: float) -> float:
            share = (math.log(value) - limits[0]) / (limits[1] - limits[0])
            return left + min(max(share, 0.0), 1.0) * (right - left)

        parts: list[Markup] = [_odds_axis(limits, at, bottom, wide=wide)]
        top = 10.0
        for row, step in zip(rows, steps, strict=True):
            parts.append(_odds_row(row, at, top, width, limits, wide=wide))
            top += step
        parts.append(text(axis, (left + right) / 2, bottom + 42, css="t m", anchor="middle"))
        return join(parts), int(bottom) + 50

    return figure(draw, label=label)


def _room(row: OddsRow, width: int) -> float:
    if row.verdict == "heading":
        return 28.0
    if width == WIDE:
        return 25.0
    return 40.0 if _fits(row, width) else 57.0


def _fits(row: OddsRow, width: int) -> bool:
    """Say whether name and figures of a number stand in one line of a phone."""
    if row.note is None:
        return True
    said = text_width(row.label, 15, bold=True) + text_width(f" {row.note}", 13)
    return said + text_width(row.told, 13) + 10 <= width


def _odds_limits(rows: Sequence[OddsRow]) -> tuple[float, float]:
    """Return the ends of the axis, as logarithms: every estimate, and intervals within reason."""
    points = [math.log(r.value) for r in rows if 0 < r.value < math.inf]
    low, high = min([0.0, *points]), max([0.0, *points])
    pad = max(high - low, 0.4)
    ends = [math.log(e) for r in rows for e in (r.low, r.high) if 0 < e < math.inf]
    low = max(min([low, *ends]), low - 0.7 * pad)
    high = min(max([high, *ends]), high + 0.7 * pad)
    return low - 0.04 * pad, high + 0.04 * pad


def _odds_axis(limits: tuple[float, float], at: Place, bottom: float, *, wide: bool) -> Markup:
    parts: list[Markup] = []
    last = -math.inf
    for tick in _odds_ticks(limits, 8 if wide else 5):
        x = at(tick)
        css = "axis" if tick == 1 else "grid"
        parts.append(element("line", x1=x, x2=x, y1=4.0, y2=bottom + 4, class_=css))
        name = f"{tick:g}"
        if x - text_width(name, 13) / 2 > last:
            parts.append(text(name, x, bottom + 20, css="t m", anchor="middle"))
            last = x + text_width(name, 13) / 2 + 4
    return join(parts)


def _odds_ticks(limits: tuple[float, float], n: int) -> list[float]:
    """Return round odds ratios, 1 among them, at most `n` or so."""
    low, high = limits
    powers = range(math.floor(low / math.log(10)) - 1, math.ceil(high / math.log(10)) + 1)
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [float(f"{m * 10.0**k:.3g}") for k in powers for m in steps]
        found = [v for v in found if low <= math.log(v) <= high]
        if len(found) <= n:
            break
    else:
        each = math.ceil(len(found) / n)
        found = [v for v in found if round(math.log10(v)) % each == 0]
    if len(found) < 3:
        for gap in (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001):
            reach = range(-20, 21)
            found = [1 + k * gap for k in reach if 1 + k * gap > 0]
            found = [float(f"{v:.4g}") for v in found if low <= math.log(v) <= high]
            if len(found) >= 3:
                break
    return found if len(found) <= 2 * n else [1.0]


def _odds_row(
    row: OddsRow, at: Place, top: float, width: int, limits: tuple[float, float], *, wide: bool
) -> Markup:
    if row.verdict == "heading":
        return text(_fit(row.label, width - 8, 15), 0, top + 20, css="t b halo")
    fits = wide or _fits(row, width)
    y = top + (13.0 if wide else 28.0 if fits else 45.0)
    parts: list[Markup] = []
    if wide:
        parts.append(_name(row, y + 4.5, 236))
        parts.append(text(_fit(row.told, 232, 13), 732, y + 4.5, css="t"))
    else:
        room = text_width(row.told, 13) + 10 if fits else 0.0
        parts.append(_name(row, top + 14, width - room))
        line = top + (14 if fits else 31)
        parts.append(text(row.told, width - 2, line, css="t m halo", anchor="end"))
    if row.verdict == "reference":
        parts.append(element("circle", cx=at(1.0), cy=y, r=4.0, class_="mark ring s0"))
        return join(parts)
    interval = _odds_interval(row, at, y, limits)
    if interval is not None:
        parts.append(interval)
    if 0 < row.value < math.inf:
        parts.append(_mark(row.verdict, at(row.value), y))
    return join(parts)


def _name(row: OddsRow, y: float, room: float) -> Markup:
    if row.note is None:
        return text(_fit(row.label, room - 16, 13), 16, y, css="t halo")
    noted = text_width(f" {row.note}", 13)
    name = _fit(row.label, room - noted, 15 * 1.13)
    inner = [element("tspan", name, class_="b"), element("tspan", f" {row.note}", class_="m")]
    return element("text", *inner, x=0.0, y=float(y), class_="t halo")


def _odds_interval(row: OddsRow, at: Place, y: float, limits: tuple[float, float]) -> Markup | None:
    if math.isnan(row.low) or math.isnan(row.high):
        return None
    stroke = _STROKES[row.verdict]
    safe = [min(max(end, 1e-300), 1e300) for end in (row.low, row.high)]
    ends = [at(end) for end in safe]
    parts = [element("line", x1=ends[0], x2=ends[1], y1=y, y2=y, class_=f"ci {stroke}")]
    fill = {"up": "f1", "down": "f2", "unclear": "f0"}[row.verdict]
    cut = (math.log(safe[0]) < limits[0], math.log(safe[1]) > limits[1])
    for x, is_cut, way in zip(ends, cut, (1, -1), strict=True):
        if is_cut:
            parts.append(element("path", d=f"M{x:.1f} {y:.1f} l{7 * way} -5.5 v11 z", class_=fill))
    return join(parts)


def _mark(verdict: str, x: float, y: float) -> Markup:
    css = f"mark {_FILLS[verdict]} {_STROKES[verdict]}"
    if verdict == "down":
        return element("path", d=f"M{x:.1f} {y - 6:.1f} l6 6 l-6 6 l-6 -6 z", class_=css)
    return element("circle", cx=x, cy=y, r=4.6, class_=css)


def _fit(label: str, width: float, size: float) -> str:
    """Cut a text that does not fit; the table has all of it."""
    if text_width(label, size) <= width:
        return label
    while label and text_width(label + "…", size) > width:
        label = label[:-1]
    return label.rstrip() + "…"


def pair_chart(left: Panel, right: Panel, *, label: str) -> Markup:
    """Draw two panels: side by side where there is room, else one below the other."""

    def draw(width: int) -> tuple[Markup, int]:
        if width == WIDE:
            half = 458
            first, second = left(half), right(half)
            moved = element("g", second[0], transform=f"translate({width - half} 0)")
            return join([first[0], moved]), max(first[1], second[1])
        first, second = left(width), right(width)
        moved = element("g", second[0], transform=f"translate(0 {first[1] + 18})")
        return join([first[0], moved]), first[1] + 18 + second[1]

    return figure(draw, label=label)


def one_chart(panel: Panel, *, label: str) -> Markup:
    """Draw one panel, not wider than half a page."""

    def draw(width: int) -> tuple[Markup, int]:
        return panel(min(width, 458))

    return figure(draw, label=label)


class _Plane:
    """A panel's area with its two axes of shares."""

    def __init__(self, width: int, x_top: float, y_top: float, height: int = 330) -> None:
        self.width, self.height = width, height
        self.x_top, self.y_top = x_top, y_top

    def x(self, value: float) -> float:
        return _LEFT + value / self.x_top * (self.width - _LEFT - 20)

    def y(self, value: float) -> float:
        return _TOP + (1 - value / self.y_top) * (self.height - _TOP - _BOTTOM)

    def axes(
        self, ticks: tuple[Sequence[float], Sequence[float]], names: tuple[str, str]
    ) -> Markup:
        parts: list[Markup] = [text(_fit(names[0], self.width, 15), 0, 15, css="t b")]
        right, base = self.x(self.x_top), self.y(0.0)
        for tick in ticks[1]:
            y = self.y(tick)
            css = "axis" if tick == 0 else "grid"
            parts.append(element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_=css))
            parts.append(text(_percent(tick), _LEFT - 6, y + 4, css="t m", anchor="end"))
        for tick in ticks[0]:
            x = self.x(tick)
            parts.append(text(_percent(tick), x, base + 18, css="t m", anchor="middle"))
        middle = (_LEFT + right) / 2
        parts.append(text(names[1], middle, self.height - 6, css="t m", anchor="middle"))
        return join(parts)

    def line(self, x: Floats, y: Floats, css: str) -> Markup:
        points = " ".join(
            f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)
        )
        return element("polyline", points=points, class_=css)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def curve_panel(
    x: Floats,
    y: Floats,
    *,
    title: str,
    axis: str,
    best: float | None = None,
    dots: bool = False,
    note: tuple[float, float, str] | None = None,
) -> Panel:
    """Return a curve from 0 to 1 above a diagonal.

    Parameters
    ----------
    x, y : ndarray
    title, axis : str
    best : float, optional
        Where the best possible curve reaches 1; it is drawn if given.
    dots : bool, default=False
    note : (float, float, str), optional
        A point of the curve and what is said of it.
    """
    if len(x) > 240:
        kept = np.unique(np.linspace(0, len(x) - 1, 240).round().astype(np.intp))
        x, y = x[kept], y[kept]

    def draw(width: int) -> tuple[Markup, int]:
        plane = _Plane(width, 1.0, 1.0)
        ends = np.array([0.0, 1.0])
        parts: list[Markup] = [
            plane.axes((_QUARTERS, _QUARTERS), (title, axis)),
            plane.line(ends, ends, "curve s0 dashed"),
        ]
        if best is not None:
            corner = np.array([0.0, best, 1.0]), np.array([0.0, 1.0, 1.0])
            parts.append(plane.line(*corner, "curve s0"))
        parts.append(plane.line(x, y, "curve s1 ci"))
        if dots:
            parts += [
                element("circle", cx=plane.x(a), cy=plane.y(b), r=3.4, class_="f1")
                for a, b in zip(x.tolist(), y.tolist(), strict=True)
            ]
        if note is not None:
            at = plane.x(note[0]), plane.y(note[1])
            parts.append(element("circle", cx=at[0], cy=at[1], r=6.5, class_="mark ring s1"))
            parts.append(text(note[2], at[0] + 12, at[1] + 18, css="t b halo"))
        return join(parts), plane.height

    return draw


def lift_panel(lift: Floats, *, title: str, axis: str) -> Panel:
    """Return bars of lift, group by group."""
    ticks = nice_ticks(float(max(lift.max(), 1.0)), 4)

    def draw(width: int) -> tuple[Markup, int]:
        plane = _Plane(width, 1.0, ticks[-1])
        slot = (width - _LEFT - 10) / len(lift)
        parts: list[Markup] = [text(_fit(title, width, 15), 0, 15, css="t b")]
        for tick in ticks:
            y = plane.y(tick)
            css = "axis" if tick == 0 else "grid"
            parts.append(element("line", x1=_LEFT, x2=width - 10.0, y1=y, y2=y, class_=css))
            parts.append(text(f"{tick:g}", _LEFT - 6, y + 4, css="t m", anchor="end"))
        named = max(1, math.ceil(24 / slot))
        base, level = plane.y(0.0), plane.y(1.0)
        labels: list[Markup] = []
        for place, value in enumerate(lift.tolist()):
            x, y = _LEFT + slot * (place + 0.5), plane.y(value)
            parts.append(
                element("rect", x=x - 0.38 * slot, y=y, width=0.76 * slot,
                        height=max(base - y, 0.5), class_="f1" if value > 1 else "f3")
            )  # fmt: skip
            if slot >= 26:
                labels.append(text(f"{value:.1f}", x, y - 5, css="t halo", anchor="middle"))
            if place % named == 0:
                labels.append(text(str(place + 1), x, base + 18, css="t m", anchor="middle"))
        line = element("line", x1=_LEFT, x2=width - 10.0, y1=level, y2=level, class_="margin")
        parts += [line, *labels]
        parts.append(text(axis, (_LEFT + width) / 2, plane.height - 6, css="t m", anchor="middle"))
        return join(parts), plane.height

    return draw


def calibration_panel(table: pd.DataFrame, *, title: str, axis: str) -> Panel:
    """Return what was observed against what was predicted."""
    columns = ("predicted", "observed", "ci_low", "ci_high")
    predicted, observed, low, high = (table[name].to_numpy(np.float64) for name in columns)
    # The widest interval may be cut off, so that the points fill the picture.
    reach = float(max(predicted.max(), observed.max()))
    ticks = nice_ticks(min(max(reach * 1.05, 0.01), 1.0), 4)
    top = min(ticks[-1], 1.0) if ticks[-1] <= 1.0 else 1.0
    shown = [tick for tick in ticks if tick <= top * (1 + 1e-9)]

    def draw(width: int) -> tuple[Markup, int]:
        plane = _Plane(width, top, top)
        ends = np.array([0.0, top])
        parts: list[Markup] = [
            plane.axes((shown, shown), (title, axis)),
            plane.line(ends, ends, "curve s0 dashed"),
        ]
        for p, o, a, b in zip(*(v.tolist() for v in (predicted, observed, low, high)), strict=True):
            x = plane.x(p)
            y1, y2 = plane.y(min(a, top)), plane.y(min(b, top))
            parts.append(element("line", x1=x, x2=x, y1=y1, y2=y2, class_="ci s1 half"))
            parts.append(element("circle", cx=x, cy=plane.y(min(o, top)), r=4.4, class_="f1"))
        return join(parts), plane.height

    return draw


def bars_chart(
    names: Sequence[str], values: Sequence[float], told: Sequence[str], *, label: str
) -> Markup:
    """Draw lying bars with a name and a value each."""
    longest = max(*values, 1e-12)

    def draw(width: int) -> tuple[Markup, int]:
        wide = width == WIDE
        left, step = (250.0, 26) if wide else (0.0, 42)
        right = width - 90.0
        parts: list[Markup] = []
        for place, (name, value, shown) in enumerate(zip(names, values, told, strict=True)):
            top = 4.0 + step * place
            y = top + (3.0 if wide else 20.0)
            size = max(value, 0.0) / longest * (right - left)
            parts += [
                text(_fit(name, 238 if wide else width - 8, 13), 0, top + 15, css="t"),
                element("rect", x=left, y=y, width=max(size, 0.5), height=16.0, class_="f1"),
                text(shown, left + size + 8, y + 12.5, css="t"),
            ]
        return join(parts), 8 + step * len(names)

    return figure(draw, label=label)
