"""HTML and SVG text in which every piece of data is escaped by construction."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Child", "Markup", "caption_of", "element", "join", "text_table"]

_WITHOUT_END = frozenset({"br", "img", "link", "meta"})
_SHAPES = frozenset({"circle", "line", "path", "polyline", "rect"})


class Markup(str):
    """Text that is HTML already; any other text is escaped before it joins."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | None"


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """Return an element; texts and attributes are escaped.

    Parameters
    ----------
    name : str
        The element's name.
    *children : Markup, str, int or None
        What is inside; None is left out.
    **attributes : str, float, bool or None
        ``class_`` stands for ``class``, other underscores for hyphens; None and False are
        left out, True stands without a value, floats are rounded to two digits.

    Returns
    -------
    Markup

    Examples
    --------
    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    head = "".join([name, *(_attribute(key, value) for key, value in attributes.items())])
    if name in _WITHOUT_END:
        return Markup(f"<{head}>")
    inner = join(children)
    if not inner and name in _SHAPES:
        return Markup(f"<{head}/>")
    return Markup(f"<{head}>{inner}</{name}>")


def join(children: Iterable[Child], between: str = "") -> Markup:
    """Return the children one after the other, texts escaped."""
    return Markup(between.join(_safe(child) for child in children if child is not None))


def text_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    caption: str,
    numeric: Iterable[int] = (),
    class_: str | None = None,
) -> Markup:
    """Return a table with a caption; the first cell of each row is its heading.

    Parameters
    ----------
    columns : sequence of str
        The column headings.
    rows : iterable of sequence of Markup, str or int
        The cells.
    caption : str
        What the table shows.
    numeric : iterable of int, default=()
        Positions of the columns that are aligned right.
    class_ : str, optional
        The table's CSS class.
    """
    right = set(numeric)
    css = ["n" if place in right else None for place in range(len(columns))]
    head = (
        element("th", name, scope="col", class_=c) for name, c in zip(columns, css, strict=True)
    )
    body = (
        element(
            "tr",
            element("th", row[0], scope="row", class_=css[0]),
            *(element("td", cell, class_=c) for cell, c in zip(row[1:], css[1:], strict=True)),
        )
        for row in rows
    )
    table = element(
        "table",
        caption_of(caption),
        element("thead", element("tr", *head)),
        element("tbody", *body),
        class_=class_,
    )
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def caption_of(text: str) -> Markup:
    """Return a table's caption, which stays in view where the table is scrolled."""
    return element("caption", element("span", text))


def _safe(child: Child) -> str:
    return child if isinstance(child, Markup) else escape(str(child))


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'
