"""The charts of the shop's page, drawn as SVG in two widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait.report._html import Markup, element, join
from userportrait.report._mosaic import Tile, mosaic
from userportrait.report._shades import worth_step
from userportrait.report._svg import (
    NARROW,
    WIDE,
    figure,
    fit_lines,
    nice_ticks,
    text,
    text_width,
    y_axis,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from userportrait.report._facts import Month
    from userportrait.report._figures import Floats, Segment
    from userportrait.report._words import Words

__all__ = ["map_chart", "months_chart", "tenths_chart"]


def map_chart(
    segments: Sequence[Segment],
    names: Mapping[str, str],
    *,
    top_score: int,
    shop_mean: float,
    words: Words,
) -> tuple[Markup, dict[str, list[str]]]:
    """Draw the map of segments.

    Returns
    -------
    chart : Markup
    unnamed : dict of str to tuple of str
        For each width, ``'wide'`` and ``'narrow'``, the labels of the segments whose tile is
        too small to be named.
    """
    bands = mosaic(segments, top_score)
    unnamed: dict[str, list[str]] = {"wide": [], "narrow": []}

    def draw(width: int) -> tuple[Markup, int]:
        left, top, bottom = 26, 4, 40
        height = 460 if width == WIDE else 500
        inner_width, inner_height = width - left - 2, height - top - bottom
        parts: list[Markup] = [_vertical_title(words, left - 12, top, inner_height)]
        for band in bands:
            x = left + band.x * inner_width
            parts.append(_band_title(words, band.recency, x, band.width * inner_width, height))
            for tile in band.tiles:
                shade = worth_step(tile.segment.mean_spend, shop_mean)
                box = (
                    left + tile.x * inner_width,
                    top + tile.y * inner_height,
                    tile.width * inner_width,
                    tile.height * inner_height,
                )
                drawn, named = _tile(tile, box, names[tile.segment.label], shade, words)
                parts.append(drawn)
                if not named:
                    unnamed["wide" if width == WIDE else "narrow"].append(tile.segment.label)
        return join(parts), height

    return figure(draw, label=words("map.alt")), unnamed


def _vertical_title(words: Words, x: float, top: float, height: float) -> Markup:
    middle = top + height / 2
    return element(
        "text",
        words("map.often"),
        transform=f"translate({x} {middle:.0f}) rotate(-90)",
        text_anchor="middle",
        class_="t m",
    )


def _band_title(words: Words, recency: int, x: float, width: float, height: int) -> Markup:
    full = words(("map.long_ago", "map.a_while", "map.recent")[recency])
    lines = fit_lines(full, width + 6, 13, 2) or []
    middle = x + width / 2
    return join(
        text(line, middle, height - 22 + 15 * place, css="t m", anchor="middle")
        for place, line in enumerate(lines)
    )


def _tile(
    tile: Tile, box: tuple[float, float, float, float], name: str, shade: int, words: Words
) -> tuple[Markup, bool]:
    x, y, width, height = box
    segment = tile.segment
    customers = words("map.of_customers", share=words.fmt.share(segment.customer_share))
    has_spend = segment.spend_share == segment.spend_share
    spend = words("map.of_spend", share=words.fmt.share(segment.spend_share)) if has_spend else ""
    said = "; ".join(part for part in (name, customers, spend) if part)
    parts = [
        element("title", said),
        element(
            "rect",
            x=x + 1, y=y + 1, width=max(width - 2, 0.5), height=max(height - 2, 0.5),
            rx=3, class_=f"h{shade}",
        ),
    ]  # fmt: skip
    lines = fit_lines(name, width - 16, 15, 2, bold=True) if height >= 24 else None
    if not lines or 18 * len(lines) + 6 > height:
        return element("g", *parts), False
    baseline = y + 20 if height > 34 else y + height / 2 + 5
    for line in lines:
        parts.append(text(line, x + 9, baseline, css=f"t b h{shade}t"))
        baseline += 18
    for content in (customers, spend):
        wrapped = fit_lines(content, width - 14, 13, 2) if content else None
        if wrapped is None or baseline + 17 * len(wrapped) - 13 > y + height:
            break
        for line in wrapped:
            parts.append(text(line, x + 9, baseline, css=f"t h{shade}t"))
            baseline += 17
    return element("g", *parts), True


def months_chart(
    months: Sequence[Month],
    series: Sequence[tuple[str, Callable[[Month], float]]],
    *,
    label: str,
    write: Callable[[float], str],
    words: Words,
) -> Markup:
    """Draw one stacked bar for each month.

    Parameters
    ----------
    months : sequence of Month
    series : sequence of (str, callable)
        CSS class and value of each part of a bar, from the bottom up.
    label : str
        The chart in words.
    write : callable
        Writes a value of the axis.
    words : Words
    """
    heights = [sum(max(value(m), 0.0) for _, value in series) for m in months]
    ticks = nice_ticks(max(heights, default=0.0), 4)

    def draw(width: int) -> tuple[Markup, int]:
        height, top, bottom, left = 216, 10, 42, 54
        inner = height - top - bottom
        slot = (width - left - 4) / max(len(months), 1)
        bar = min(slot * 0.76, 54)

        def place(value: float) -> float:
            return top + inner * (1 - value / ticks[-1])

        parts = [y_axis(ticks, place, left, width - 2, write)]
        for i, month in enumerate(months):
            x = left + slot * (i + 0.5)
            stacked = 0.0
            drawn: list[Markup] = []
            for css, value in series:
                size = max(value(month), 0.0)
                if size > 0:
                    upper, lower = place(stacked + size), place(stacked)
                    drawn.append(
                        element(
                            "rect", x=x - bar / 2, y=upper, width=bar,
                            height=max(lower - upper, 0.5),
                            class_=css if month.is_whole else f"{css} part",
                        )
                    )  # fmt: skip
                stacked += size
            parts.append(
                element("g", element("title", _said(month, stacked, write, words)), *drawn)
            )
        parts.append(_month_axis(months, left, slot, height - bottom, words))
        return join(parts), height

    return figure(draw, label=label)


def _said(month: Month, total: float, write: Callable[[float], str], words: Words) -> str:
    name = words.fmt.month(month.month)
    unfinished = "" if month.is_whole else f" ({words('months.unfinished')})"
    return f"{name}{unfinished}: {write(total)}"


def _month_axis(
    months: Sequence[Month], left: float, slot: float, base: float, words: Words
) -> Markup:
    """Name every month that has room, and each year below its first month."""
    every = next(step for step in (1, 2, 3, 4, 6, 12, 10**6) if slot * step >= 32)
    parts: list[Markup] = []
    for i, month in enumerate(months):
        number = int(month.month[5:7])
        x = left + slot * (i + 0.5)
        if (number - 1) % every == 0:
            name = words.fmt.month(month.month, short=True)
            parts.append(text(name, x, base + 17, css="t m", anchor="middle"))
        # A first year of few months gives way to the next one.
        follows = 13 - number < len(months) and slot * (13 - number) < 40
        if number == 1 or (i == 0 and not follows):
            parts.append(text(month.month[:4], x, base + 34, css="t m", anchor="middle"))
    return join(parts)


def tenths_chart(shares: Floats, words: Words) -> Markup:
    """Draw what each tenth of the customers brings, best customers first."""
    ticks = nice_ticks(float(shares.max()), 4)

    def draw(width: int) -> tuple[Markup, int]:
        height, top, bottom, left = 230, 22, 44, 46
        inner = height - top - bottom
        slot = (width - left - 4) / len(shares)
        bar = min(slot * 0.78, 64)

        def place(value: float) -> float:
            return top + inner * (1 - value / ticks[-1])

        parts = [y_axis(ticks, place, left, width - 2, words.fmt.share)]
        for i, share in enumerate(shares.tolist()):
            x, y = left + slot * (i + 0.5), place(max(share, 0.0))
            css = "f1" if i < 2 else "f3"
            size = place(0.0) - y
            parts.append(
                element("rect", x=x - bar / 2, y=y, width=bar, height=max(size, 0.5), class_=css)
            )
            value = words.fmt.share(share)
            if width > NARROW or text_width(value, 13) <= slot:
                parts.append(text(value, x, y - 5, css="t", anchor="middle"))
            parts.append(text(str(i + 1), x, height - bottom + 17, css="t m", anchor="middle"))
        middle = left + (width - left) / 2
        parts.append(text(words("tenths.axis"), middle, height - 8, css="t m", anchor="middle"))
        return join(parts), height

    return figure(draw, label=words("tenths.alt"))
