"""The frame of a page: style, headings, parts that return; writing it in one step."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from userportrait._core.params import InstanceOf, check_values
from userportrait.errors import InvalidParameterError
from userportrait.report._html import Child, Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.report._words import Words

__all__ = [
    "check_portraits",
    "check_target",
    "details",
    "document",
    "section",
    "tiles",
    "write_page",
]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Browsers load nothing from elsewhere and run nothing, whatever the page may hold."""


def document(
    *, title: str, kind: str, subtitle: str, body: Sequence[Child], foot: str, words: Words
) -> str:
    """Return a whole page.

    Parameters
    ----------
    title, kind, subtitle : str
        The heading, what sort of page it is, and the line below.
    body : sequence of Markup
        The page's parts.
    foot : str
        The last line.
    words : Words
    """
    style = files("userportrait.report").joinpath("_style.css").read_text("utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="userportrait"),
        element("title", title),
        element("style", Markup(style)),
    )
    header = element(
        "header",
        element("p", kind, class_="kind"),
        element("h1", title),
        element("p", subtitle, class_="sub"),
    )
    page = element("body", header, element("main", *body), element("footer", element("p", foot)))
    language = "zh-CN" if words.fmt.language == "zh" else "en"
    return f"<!DOCTYPE html>\n{element('html', head, page, lang=language)}\n"


def section(key: str, heading: str, *parts: Child) -> Markup:
    """Return a section with a heading that links can reach."""
    return element(
        "section",
        element("h2", heading, id=f"{key}-heading"),
        *parts,
        id=key,
        aria_labelledby=f"{key}-heading",
    )


def details(summary: str, *parts: Child, is_open: bool = False) -> Markup:
    """Return a part that opens on demand, without a script."""
    return element("details", element("summary", summary), *parts, open=is_open)


def tiles(figures: Sequence[tuple[str, str, str | None]]) -> Markup:
    """Return headline figures: name, value, note."""
    return element(
        "dl",
        *(
            element(
                "div",
                element("dt", name),
                element("dd", value, class_="big"),
                element("dd", note, class_="note") if note else None,
            )
            for name, value, note in figures
        ),
        class_="tiles",
    )


def paragraph(text: Child, css: str | None = None) -> Markup:
    """Return a paragraph."""
    return element("p", text, class_=css)


def bar(share: float, css: str = "f1") -> Markup:
    """Return a bar as long as a share, for a table's cell; it repeats a number beside it."""
    width = min(max(share, 0.0), 1.0) * 100
    inner = element("span", class_=css, style=f"width:{width:.1f}%")
    return element("span", inner, class_="bar", aria_hidden="true")


def spaced(children: Sequence[Child]) -> Markup:
    """Return children with blanks between."""
    return join(children, " ")


def check_portraits(given: object, owner: str) -> None:
    """Raise unless these are portraits: orders are not."""
    if hasattr(given, "table") and hasattr(given, "build"):
        return
    problem = (
        f"portraits must be what build_portraits returns; got {type(given).__name__}. "
        f"Build them first: build_portraits(orders)."
    )
    raise InvalidParameterError(owner, [problem])


def check_target(path: str | Path, owner: str) -> Path:
    """Return the path of a page to write.

    Raises
    ------
    InvalidParameterError
        If it is no path, its folder does not exist, or it is a folder itself.
    """
    check_values(owner, {"path": path}, {"path": InstanceOf((str, os.PathLike), "a text or Path")})
    target = Path(path)
    if target.is_dir():
        raise InvalidParameterError(owner, [f"path: '{target}' is a folder; name a file in it."])
    if not target.parent.is_dir():
        problem = f"path: there is no folder '{target.parent}'. Make it first."
        raise InvalidParameterError(owner, [problem])
    return target


def write_page(target: Path, text: str) -> Path:
    """Write a file in one step: readers see the old page or the whole new one."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, "utf-8", newline="\n")
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return target
