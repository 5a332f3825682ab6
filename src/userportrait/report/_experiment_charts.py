"""The charts of an experiment's page, drawn as SVG in two widths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.experiment._plots_forest import forest_limits, tick_writer
from userportrait.experiment._words import write_number, write_share
from userportrait.report._html import Markup, element, join
from userportrait.report._svg import WIDE, figure, round_ticks, text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from userportrait.experiment._plots_forest import ForestRow
    from userportrait.experiment._sequential_path import SequentialPath

    Place: TypeAlias = Callable[[float], float]

__all__ = ["days_chart", "forest_chart", "path_chart", "shares_chart"]

_STROKES = {"better": "s1", "worse": "s2", "unclear": "s0"}
_FILLS = {"better": "f1", "worse": "f2", "unclear": "ring"}


def forest_chart(
    rows: Sequence[ForestRow],
    *,
    scale: str,
    label: str,
    axis: str,
    shrunk: Sequence[tuple[float, float, float]] = (),
) -> Markup:
    """Draw a forest plot; `shrunk` holds a value with its interval for each row, NaN for none."""
    limits = forest_limits(rows)
    write = write_share if scale == "relative" else write_number

    def draw(width: int) -> tuple[Markup, int]:
        wide = width == WIDE
        left, right = (250.0, 706.0) if wide else (10.0, width - 10.0)
        step = 48 if wide else 68
        height = 12 + step * len(rows) + 46

        def at(value: float) -> float:
            return left + (value - limits[0]) / (limits[1] - limits[0]) * (right - left)

        bottom = 12 + step * len(rows)
        parts = [_x_axis(limits, at, bottom, scale, wide=wide)]
        for place, row in enumerate(rows):
            top = 12 + step * place
            y = float(top + (18 if wide else 46))
            parts.append(_forest_row(row, at, y, (left, right)))
            if place < len(shrunk) and not math.isnan(shrunk[place][0]):
                parts.append(_shrunk_mark(shrunk[place], at, y + 12.0, (left, right)))
            told = f"{write(row.value)} [{write(row.low)}, {write(row.high)}]"
            parts.append(_forest_texts(row, told, top, width, wide=wide))
        parts.append(text(axis, (left + right) / 2, height - 6, css="t m", anchor="middle"))
        return join(parts), height

    return figure(draw, label=label)


def _forest_texts(row: ForestRow, told: str, top: float, width: int, *, wide: bool) -> Markup:
    if wide:
        return join(
            [
                text(_fit(row.label, 232, 13), 0, top + 22 - (6 if row.note else 0), css="t"),
                text(_fit(row.note, 232, 12), 0, top + 33, css="t m") if row.note else None,
                text(_fit(told, 240, 13), 718, top + 22, css="t"),
            ]
        )
    note = f" · {row.note}" if row.note else ""
    return join(
        [
            text(_fit(row.label + note, width - 4, 13), 0, top + 14, css="t halo"),
            text(_fit(told, width - 4, 13), 0, top + 31, css="t m halo"),
        ]
    )


def _fit(label: str, width: float, size: float) -> str:
    """Cut a text that does not fit; the table below has all of it."""
    if text_width(label, size) <= width:
        return label
    while label and text_width(label + "…", size) > width:
        label = label[:-1]
    return label + "…"


def _x_axis(
    limits: tuple[float, float], at: Place, bottom: float, scale: str, *, wide: bool
) -> Markup:
    write = tick_writer(scale, limits[1] - limits[0])
    parts: list[Markup] = []
    for tick in round_ticks(*limits, 6 if wide else 4):
        x = at(tick)
        css = "axis" if tick == 0 else "grid"
        parts.append(element("line", x1=x, x2=x, y1=6.0, y2=bottom + 4.0, class_=css))
        parts.append(text(write(tick), x, bottom + 20, css="t m", anchor="middle"))
    return join(parts)


def _forest_row(row: ForestRow, at: Place, y: float, ends: tuple[float, float]) -> Markup:
    stroke = _STROKES[row.verdict]
    parts: list[Markup] = []
    if row.margin is not None and ends[0] <= at(row.margin) <= ends[1]:
        x = at(row.margin)
        parts.append(element("line", x1=x, x2=x, y1=y - 13, y2=y + 13, class_="margin"))
    if not (math.isnan(row.low) or math.isnan(row.high)):
        low, high = _within(row.low, at, ends), _within(row.high, at, ends)
        parts.append(element("line", x1=low[0], x2=high[0], y1=y, y2=y, class_=f"ci {stroke}"))
        for (x, cut), way in ((low, 1.0), (high, -1.0)):
            if cut:
                d = f"M{x:.1f} {y:.1f} l{7 * way:.0f} -5.5 v11 z"
                parts.append(element("path", d=d, class_=_ARROWS[row.verdict]))
    if not math.isnan(row.value) and ends[0] <= at(row.value) <= ends[1]:
        parts.append(_mark(row.verdict, at(row.value), y))
    return join(parts)


_ARROWS = {"better": "f1", "worse": "f2", "unclear": "f0"}


def _within(value: float, at: Place, ends: tuple[float, float]) -> tuple[float, bool]:
    if math.isinf(value):
        return (ends[1] if value > 0 else ends[0]), True
    x = at(value)
    return min(max(x, ends[0]), ends[1]), not ends[0] <= x <= ends[1]


def _mark(verdict: str, x: float, y: float) -> Markup:
    css = f"mark {_FILLS[verdict]} {_STROKES[verdict]}"
    if verdict == "worse":
        return element(
            "path", d=f"M{x:.1f} {y - 6.5:.1f} l6.5 6.5 l-6.5 6.5 l-6.5 -6.5 z", class_=css
        )
    return element("circle", cx=x, cy=y, r=5.0, class_=css)


def _shrunk_mark(
    shrunk: tuple[float, float, float], at: Place, y: float, ends: tuple[float, float]
) -> Markup:
    x, low, high = (_within(value, at, ends)[0] for value in shrunk)
    return join(
        [
            element("line", x1=low, x2=high, y1=y, y2=y, class_="thin"),
            element("line", x1=x, x2=x, y1=y - 4, y2=y + 4, class_="thin"),
        ]
    )


def path_chart(path: SequentialPath, *, label: str, axis: str) -> Markup:
    """Draw the statistic of each look between the bounds that stop the experiment."""
    share = np.array(path.information, dtype=np.float64)
    seen = np.array(path.statistic, dtype=np.float64)
    lower, upper = (np.array(ends, dtype=np.float64) for ends in (path.lower, path.upper))
    bounds = np.abs(np.concatenate([lower, upper]))
    bounds = bounds[np.isfinite(bounds)]
    far = float(np.nanmax(np.abs(seen), initial=0.0))
    middle = float(np.median(bounds)) * 1.5 if len(bounds) else 3.0
    top = 1.12 * max(middle, far, min(5.0, float(bounds.max(initial=0.0))))

    def draw(width: int) -> tuple[Markup, int]:
        height, left, under, room = (320, 40.0, 44.0, 8.0)
        last = float(share.max()) * 1.04

        def across(value: float) -> float:
            return left + value / last * (width - left - 8)

        def up(value: float) -> float:
            return room + (top - min(max(value, -top), top)) / (2 * top) * (height - room - under)

        parts: list[Markup] = []
        for tick in round_ticks(-top, top, 6):
            css = "axis" if tick == 0 else "grid"
            y = up(tick)
            parts.append(element("line", x1=left, x2=float(width), y1=y, y2=y, class_=css))
            parts.append(text(f"{tick:g}", left - 6, y + 4, css="t m", anchor="end"))
        for ends, edge in ((upper, top), (lower, -top)):
            parts.append(_bound(share, ends, edge, across, up))
        parts.append(_inner(share, np.array(path.inner), across, up))
        parts.append(_looks(path, share, seen, across, up))
        parts += [
            text(f"{tick:.0%}", across(tick), height - under + 18, css="t m", anchor="middle")
            for tick in round_ticks(0.0, last, 5 if width == WIDE else 4)
        ]
        middle_x = (left + width) / 2
        parts.append(text(axis, middle_x, height - 6, css="t m", anchor="middle"))
        return join(parts), height

    return figure(draw, label=label)


def _points(x: Sequence[float], y: Sequence[float]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _bound(share: np.ndarray, ends: np.ndarray, edge: float, across: Place, up: Place) -> Markup:
    if not np.isfinite(ends).any():
        return Markup("")
    x = [across(float(v)) for v in share]
    y = [up(float(v)) for v in ends]
    area = _points([*x, x[-1], x[0]], [*y, up(edge), up(edge)])
    return join(
        [
            element("path", d=f"M{area.replace(' ', ' L')} z", class_="soft1"),
            element("polyline", points=_points(x, y), class_="curve s1"),
        ]
    )


def _inner(share: np.ndarray, inner: np.ndarray, across: Place, up: Place) -> Markup:
    if not (inner > 0).any():
        return Markup("")
    x = [across(float(v)) for v in share]
    above, below = ([up(sign * float(v)) for v in inner] for sign in (1, -1))
    area = _points([*x, *reversed(x)], [*above, *reversed(below)])
    return element("path", d=f"M{area.replace(' ', ' L')} z", class_="soft2")


def _looks(
    path: SequentialPath, share: np.ndarray, seen: np.ndarray, across: Place, up: Place
) -> Markup:
    known = [place for place in range(len(seen)) if not math.isnan(float(seen[place]))]
    x = [across(float(share[place])) for place in known]
    y = [up(float(seen[place])) for place in known]
    parts = [element("polyline", points=_points(x, y), class_="curve si")]
    parts += [element("circle", cx=a, cy=b, r=3.5, class_="fi") for a, b in zip(x, y, strict=True)]
    stop = path.stopped_at
    if stop is not None and stop - 1 in known:
        where = known.index(stop - 1)
        parts.append(element("circle", cx=x[where], cy=y[where], r=8.0, class_="stop"))
        name, room = path.label[stop - 1], text_width(path.label[stop - 1], 15, bold=True)
        fits = x[where] - 12 - room > 40
        parts.append(
            text(name, x[where] - 12, y[where] - 6, css="t b halo", anchor="end")
            if fits
            else text(name, x[where] + 12, y[where] + 18, css="t b halo")
        )
    return join(parts)


def days_chart(
    labels: Sequence[str],
    values: Sequence[tuple[float, float, float]],
    line: tuple[float, float] | None,
    *,
    label: str,
    is_clear: bool,
) -> Markup:
    """Draw a value with its interval for each day, and the ends of a line through them."""
    points = np.array([v[0] for v in values], dtype=np.float64)
    ends = np.array([v[1:] for v in values], dtype=np.float64)
    finite = np.abs(ends[np.isfinite(ends)])
    top = max(
        3.0 * float(np.median(finite)) if len(finite) else 1.0, float(np.nanmax(np.abs(points)))
    )
    high = min(top, float(np.nanmax(np.where(np.isfinite(ends), ends, np.nan), initial=0.0)))
    low = max(-top, float(np.nanmin(np.where(np.isfinite(ends), ends, np.nan), initial=0.0)))
    pad = 0.06 * (high - low) or 1.0
    high, low = high + pad, low - pad

    def draw(width: int) -> tuple[Markup, int]:
        height, left, under, room = 280, 52.0, 30.0, 8.0
        slot = (width - left - 12) / len(values)

        def across(place: float) -> float:
            return left + 6 + slot * (place + 0.5)

        def up(value: float) -> float:
            kept = min(max(value, low), high)
            return room + (high - kept) / (high - low) * (height - room - under)

        parts: list[Markup] = []
        for tick in round_ticks(low, high, 5):
            css = "axis" if tick == 0 else "grid"
            y = up(tick)
            parts.append(element("line", x1=left, x2=float(width), y1=y, y2=y, class_=css))
            parts.append(text(write_number(tick), left - 6, y + 4, css="t m", anchor="end"))
        for place, (value, bottom, above) in enumerate(values):
            x = across(place)
            if not (math.isnan(bottom) or math.isnan(above)):
                parts.append(element("line", x1=x, x2=x, y1=up(bottom), y2=up(above),
                                     class_="ci s1 half"))  # fmt: skip
            if not math.isnan(value):
                parts.append(element("circle", cx=x, cy=up(value), r=4.0, class_="f1"))
        if line is not None and not math.isnan(line[0]):
            css = "curve si" if is_clear else "curve si dashed"
            parts.append(element("line", x1=across(0), x2=across(len(values) - 1), y1=up(line[0]),
                                 y2=up(line[1]), class_=css))  # fmt: skip
        parts.append(_day_labels(labels, across, height - 8.0, slot))
        return join(parts), height

    return figure(draw, label=label)


def _day_labels(labels: Sequence[str], across: Place, y: float, slot: float) -> Markup:
    """Write as many labels as there is room for, years left out where they are all the same."""
    short = list(labels)
    if all(len(name) == 10 and name[4] == "-" for name in labels):
        short = [name[5:] for name in labels]
    widest = max(text_width(name, 13) for name in short) + 10
    step = max(1, math.ceil(widest / slot))
    return join(
        [
            text(short[place], across(place), y, css="t m", anchor="middle")
            for place in range(0, len(short), step)
        ]
    )


def shares_chart(
    labels: Sequence[str],
    shares: Sequence[float],
    bands: Sequence[float],
    alarms: Sequence[bool],
    *,
    expected: float,
    label: str,
) -> Markup:
    """Draw an arm's share of each group's units beside the plan, in bands that chance explains."""
    off = [abs(share - expected) for share in shares]
    reach = 1.15 * max(*off, *(band for band in bands), 1e-6)
    low, high = max(expected - reach, 0.0), min(expected + reach, 1.0)

    def draw(width: int) -> tuple[Markup, int]:
        height, left, under, room = 240, 52.0, 30.0, 8.0
        slot = (width - left - 12) / len(shares)

        def across(place: float) -> float:
            return left + 6 + slot * (place + 0.5)

        def up(value: float) -> float:
            kept = min(max(value, low), high)
            return room + (high - kept) / (high - low) * (height - room - under)

        parts: list[Markup] = []
        digits = 0 if high - low > 0.08 else 1 if high - low > 0.008 else 2
        for tick in round_ticks(low, high, 5):
            y = up(tick)
            parts.append(element("line", x1=left, x2=float(width), y1=y, y2=y, class_="grid"))
            parts.append(text(f"{tick:.{digits}%}", left - 6, y + 4, css="t m", anchor="end"))
        for place, (share, band, alarm) in enumerate(zip(shares, bands, alarms, strict=True)):
            x, half = across(place), min(slot * 0.4, 16.0)
            upper, lower = up(expected + band), up(expected - band)
            parts.append(element("rect", x=x - half, y=upper, width=2 * half, height=lower - upper,
                                 class_="soft1"))  # fmt: skip
            parts.append(_mark("worse" if alarm else "better", x, up(share)))
        y = up(expected)
        parts.append(element("line", x1=left, x2=float(width), y1=y, y2=y, class_="axis"))
        parts.append(_day_labels(labels, across, height - 8.0, slot))
        return join(parts), height

    return figure(draw, label=label)
