"""HTML for notebooks: escaped, without scripts, in the colours of its surroundings."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from userportrait._core.display import (
    STYLE,
    definition_list,
    format_count,
    page_fragment,
    table,
)

EVIL = "<script>alert('x')</script> & \"quoted\" <b>"


class Outline(HTMLParser):
    """Collects tags and texts, and checks that what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


EVERYTHING = page_fragment(
    EVIL,
    definition_list({EVIL: EVIL}),
    table([EVIL, "n"], [(EVIL, 1), ("ä客", None)], numeric=["n"], caption=EVIL),
)


def test_whatever_is_shown_is_escaped() -> None:
    outline = Outline(EVERYTHING)

    assert "script" not in outline.tags
    assert "b" not in outline.tags
    # Title, term, definition, caption, head and cell.
    assert outline.texts.count(EVIL) == 6


def test_nothing_runs_and_nothing_is_loaded() -> None:
    assert "<script" not in EVERYTHING
    assert not re.search(r"\son\w+=|javascript:|https?:|url\(|@import|src=", EVERYTHING)


def test_colours_come_from_the_page() -> None:
    # A translucent grey is seen on light and on dark ground; nothing else is fixed.
    without_grey = STYLE.replace("rgba(128,128,128,.3)", "")

    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb|hsl|\b(white|black|gray|grey)\b", without_grey)
    assert "background" not in STYLE
    assert "color:inherit" in STYLE


def test_the_style_reaches_only_our_own_block() -> None:
    selectors = re.findall(r"(?:^|\})([^{]+)\{", STYLE)

    assert selectors
    assert all(part.startswith(".up") for text in selectors for part in text.split(","))
    assert EVERYTHING.startswith("<div class='up'>")


def test_numbers_are_aligned_right() -> None:
    html = table(["name", "n"], [("a", 1)], numeric=["n"])

    assert html == (
        "<table><thead><tr><th scope='col'>name</th><th class='n' scope='col'>n</th></tr></thead>"
        "<tbody><tr><td>a</td><td class='n'>1</td></tr></tbody></table>"
    )


def test_a_table_without_rows_has_its_head() -> None:
    assert Outline(table(["a"], [])).tags == ["table", "thead", "tr", "th", "tbody"]


def test_a_row_of_the_wrong_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        table(["a", "b"], [(1,)])


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_234_567, "1,234,567 rows"), (1.0, "1 row")],
)
def test_a_count_comes_with_its_noun(n: float, text: str) -> None:
    assert format_count(n, "row") == text


def test_an_odd_plural_can_be_given() -> None:
    assert format_count(3, "person", "people") == "3 people"
    assert format_count(1, "person", "people") == "1 person"
