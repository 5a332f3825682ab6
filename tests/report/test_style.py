"""The style sheet: readable in light and dark, nothing from elsewhere."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from userportrait._core.axes import BLUE, GREY, INK, MUTED, ORANGE, SHADES, on_shade

CSS = files("userportrait.report").joinpath("_style.css").read_text("utf-8")


def colours() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    found = {"light": dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))}
    found["dark"] = found["light"] | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))
    return found


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(mode: str) -> None:
    c = colours()[mode]
    texts = [("ink", "bg"), ("ink", "card"), ("muted", "bg"), ("muted", "card"), ("link", "card"),
             ("link", "bg"), ("f2", "bg")]  # fmt: skip
    texts += [(f"on{step}", f"h{step}") for step in range(7)]
    low = {pair: round(contrast(c[pair[0]], c[pair[1]]), 2) for pair in texts}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def mixed(one: str, other: str, share: float) -> str:
    """What color-mix(in srgb) makes of two colours."""
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_shades_of_effects_are_readable(mode: str) -> None:
    c = colours()[mode]
    shades = re.findall(
        r"\.[ud][123] \{ background: color-mix\(in srgb, var\(--(f[12])\) (\d+)%, var\(--card\)\)",
        CSS,
    )
    assert len(shades) == 6
    for name, per_cent in shades:
        assert contrast(c["ink"], mixed(c[name], c["card"], int(per_cent) / 100)) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_bars_stand_out_from_the_card_and_from_each_other(mode: str) -> None:
    c = colours()[mode]
    assert contrast(c["f1"], c["card"]) >= 3
    assert contrast(c["f2"], c["card"]) >= 3
    assert contrast(c["f1"], c["f3"]) >= 2.4


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_shades_go_one_way(mode: str) -> None:
    found = [luminance(colours()[mode][f"h{step}"]) for step in range(7)]
    assert found == sorted(found, reverse=mode == "light")


def test_plots_have_the_colours_of_the_page() -> None:
    light = colours()["light"]
    assert [light[f"h{step}"] for step in range(7)] == list(SHADES)
    assert (light["f1"], light["f2"], light["f3"]) == (BLUE, ORANGE, GREY)
    assert (light["ink"], light["muted"]) == (INK, MUTED)
    assert all(contrast(on_shade(step), SHADES[step]) >= 4.5 for step in range(7))


def test_dark_defines_every_colour_again_and_paper_stays_light() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    names = re.findall(r"--([\w-]+):", light)
    assert names == re.findall(r"--([\w-]+):", dark)
    assert "@media screen and (prefers-color-scheme: dark)" in CSS
    assert set(re.findall(r"var\(--([\w-]+)\)", CSS)) <= set(names)


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
    assert "</" not in CSS
    assert CSS.count("{") == CSS.count("}")
