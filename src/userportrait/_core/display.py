"""HTML for notebooks and pages: escaped, readable in dark mode, without scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["STYLE", "definition_list", "format_count", "page_fragment", "table"]

STYLE: str = (
    ".up{font:14px/1.5 system-ui,sans-serif;color:inherit}"
    ".up table{border-collapse:collapse;margin:.4em 0}"
    ".up th,.up td{padding:.25em .7em;text-align:left;border-bottom:1px solid rgba(128,128,128,.3)}"
    ".up td.n,.up th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".up dl{display:grid;grid-template-columns:max-content auto;gap:.15em 1em;margin:.4em 0}"
    ".up dt{opacity:.7}.up dd{margin:0}.up h4{margin:.2em 0}.up small{opacity:.7}"
)
"""Colours are inherited, so that the notebook's or page's theme decides on light or dark."""


def page_fragment(title: str, *parts: str) -> str:
    """Wrap HTML parts, already escaped, in one block with a title."""
    body = "".join(parts)
    return f"<div class='up'><style>{STYLE}</style><h4>{escape(title)}</h4>{body}</div>"


def definition_list(rows: Mapping[str, object]) -> str:
    """Return names and values as a definition list, escaped."""
    items = (f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in rows.items())
    return f"<dl>{''.join(items)}</dl>"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: Iterable[str] = (),
    caption: str | None = None,
) -> str:
    """Return an HTML table, escaped; columns named in `numeric` are aligned right."""
    right = set(numeric)
    css = [" class='n'" if name in right else "" for name in columns]
    cells = zip(columns, css, strict=True)
    head = "".join(f"<th{c} scope='col'>{escape(str(name))}</th>" for name, c in cells)
    body = "".join(
        "<tr>"
        + "".join(f"<td{c}>{escape(str(v))}</td>" for v, c in zip(row, css, strict=True))
        + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def format_count(n: float, one: str, many: str | None = None) -> str:
    """Return a count with its noun, such as '1 row' or '1,200 rows'."""
    noun = one if n == 1 else (many or f"{one}s")
    return f"{int(n) if n == int(n) else n:,} {noun}"
