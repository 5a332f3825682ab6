"""Escaping by construction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.report._html import Markup, element, join, text_table


def test_texts_are_escaped_and_markup_is_not() -> None:
    assert element("p", "a < b & c", Markup("<br>")) == "<p>a &lt; b &amp; c<br></p>"


def test_attributes_are_escaped_too() -> None:
    assert element("a", "x", title='"<&>') == '<a title="&quot;&lt;&amp;&gt;">x</a>'


def test_names_of_attributes_take_hyphens_and_reserved_words_an_underscore() -> None:
    made = element("div", class_="c", aria_label="l", viewBox="0 0 1 1")
    assert made == '<div class="c" aria-label="l" viewBox="0 0 1 1"></div>'


def test_none_and_false_are_left_out_and_true_stands_alone() -> None:
    assert element("details", None, open=True, id=None, hidden=False) == "<details open></details>"


def test_lengths_are_short() -> None:
    assert element("rect", x=1.0, y=2.346, width=3.1) == '<rect x="1" y="2.35" width="3.1"/>'


def test_elements_without_an_end_have_none() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert element("meta", name="x") == '<meta name="x">'


@given(st.text())
def test_no_text_can_open_an_element(text: str) -> None:
    inner = element("p", text, title=text)
    assert inner.count("<") == 2
    assert inner.count(">") == 2


@given(st.lists(st.text(), max_size=4))
def test_joining_escapes_each_part(texts: list[str]) -> None:
    assert "<" not in join(texts)


def test_a_table_has_a_caption_headings_and_scopes() -> None:
    made = text_table(["a", "b"], [("x", 1)], caption="What", numeric=[1])
    assert "<caption><span>What</span></caption>" in made
    assert '<th scope="col" class="n">b</th>' in made
    assert '<th scope="row">x</th><td class="n">1</td>' in made
    assert 'aria-label="What"' in made


def test_rows_must_fit_the_columns() -> None:
    with pytest.raises(ValueError, match="zip"):
        text_table(["a", "b"], [("x", 1, 2)], caption="What")
