"""What all plots share: axes to draw on, fonts, colours that everybody can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from userportrait._core.params import InstanceOf, OneOf, Optional, Rule, check_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

__all__ = [
    "ABOVE",
    "BELOW",
    "BLUE",
    "GREY",
    "INK",
    "MUTED",
    "NEUTRAL",
    "ORANGE",
    "SHADES",
    "Canvas",
    "check_plot",
    "chinese_font",
    "finish",
    "number_ticks",
    "on_shade",
    "open_axes",
    "plain_axes",
    "size_in_points",
]

Canvas: TypeAlias = Any
"""Axes to draw on; matplotlib types its keyword arguments too loosely for strict checks."""

BLUE, ORANGE, GREY = "#1f5fa8", "#b34e08", "#9db4cc"
INK, MUTED, LINE = "#1b1f24", "#59626d", "#dcdfe3"
SHADES = ("#eef4fb", "#d9e8f6", "#b9d5ee", "#8fbce4", "#3475b5", "#215c98", "#0f4070")
"""Seven steps of one hue, light to dark; ordered in grey and for every kind of sight."""
ABOVE, NEUTRAL = (SHADES[1], SHADES[3], SHADES[4], SHADES[6]), "#f3f5f7"
BELOW = ("#fbe6d4", "#f0b98a", "#c9671f", "#7a3503")
"""Four steps to each side of a middle, light to dark; text on the last two is white."""

_CHINESE_FONTS = (
    "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC",
    "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Heiti TC",
    "Noto Sans CJK JP", "Arial Unicode MS",
)  # fmt: skip


def check_plot(owner: str, *, ax: object, language: object, **choices: tuple[object, Rule]) -> None:
    """Check what a plot was given, all of it at once.

    Parameters
    ----------
    owner : str
        The plot's name, for the message.
    ax, language : object
        What every plot takes.
    **choices : tuple of object and rule
        Further values, each with its rule.
    """
    from matplotlib.axes import Axes

    values = {"ax": ax, "language": language, **{name: pair[0] for name, pair in choices.items()}}
    rules: dict[str, Rule] = {
        "ax": Optional(InstanceOf((Axes,), "matplotlib Axes or None")),
        "language": OneOf(("en", "zh")),
        **{name: pair[1] for name, pair in choices.items()},
    }
    check_values(owner, values, rules)


def open_axes(ax: Axes | None, width: float, height: float) -> Canvas:
    """Return the axes given, or those of a new figure of so many inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    make: Any = plt.subplots
    return make(figsize=(width, height), layout="constrained")[1]


def plain_axes(ax: Canvas, *, grid: str | None = None) -> None:
    """Leave only what helps reading: no frame, a faint grid across one axis."""
    ax.spines[["top", "right", "left"]].set_visible(b=False)
    ax.spines["bottom"].set_color(MUTED)
    ax.tick_params(length=0, colors=MUTED, labelcolor=INK)
    if grid == "x" or grid == "y":
        ax.grid(visible=True, axis=grid, color=LINE, linewidth=0.8)
        ax.set_axisbelow(True)


def number_ticks(ax: Canvas, axis: str, write: Callable[[float], str]) -> None:
    """Write the numbers of the ``'x'`` or ``'y'`` axis in our own way."""
    from matplotlib.ticker import FuncFormatter

    def told(value: float, _: int | None) -> str:
        return write(value)

    chosen = ax.xaxis if axis == "x" else ax.yaxis
    chosen.set_major_formatter(FuncFormatter(told))


def on_shade(step: int) -> str:
    """Return the colour of text on a shade."""
    return INK if step < 4 else "#ffffff"


def size_in_points(ax: Canvas) -> tuple[float, float]:
    """Return the width and height of the axes, roughly: the layout may still move them."""
    box, dots = ax.get_window_extent(), float(ax.figure.dpi)
    return box.width / dots * 72, box.height / dots * 72


def finish(ax: Canvas, *, title: str) -> Axes:
    """Set the title, then give every text fonts that have Latin and Chinese letters."""
    from matplotlib import rcParams
    from matplotlib.text import Text

    ax.set_title(title, loc="left", color=INK, fontweight="bold")
    chinese = chinese_font()
    if chinese is not None:
        families = [*rcParams["font.family"], chinese]
        ax.tick_params(labelfontfamily=families)
        for text in ax.findobj(Text):
            text.set_fontfamily(families)
    drawn: Axes = ax
    return drawn


def chinese_font() -> str | None:
    """Return an installed font that has Chinese letters, None if there is none."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return next((name for name in _CHINESE_FONTS if name in installed), None)
