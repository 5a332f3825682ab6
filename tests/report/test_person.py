"""One customer's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import html5lib
import pytest

import userportrait as up
from userportrait.data import make_shop
from userportrait.errors import InvalidParameterError
from userportrait.portraits import build_portraits, default_tags
from userportrait.report import portrait_page
from userportrait.tags import FactTag, TagCatalogue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from userportrait.portraits import Portraits


def parse(page: Any) -> Element:
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(str(page))


def text_of(node: Element) -> str:
    return " ".join("".join(node.itertext()).split())


def key_figures(page: Element) -> dict[str, str]:
    found = next(node for node in page.iter("dl") if node.get("class") == "tiles")
    return {text_of(tile.findall("dt")[0]): text_of(tile.findall("dd")[0]) for tile in list(found)}


def tag_rows(page: Element) -> dict[str, list[Element]]:
    return {text_of(next(iter(row))): list(row)[1:] for row in page.iter("tr") if row.findall("td")}


@pytest.fixture(scope="module")
def page(by_hand: Portraits) -> Element:
    return parse(portrait_page(by_hand["bo"], portraits=by_hand))


def test_key_figures_by_hand(page: Element) -> None:
    # 50 + 150 - 40; the mean order is before refunds; 10 January, 9 February.
    found = key_figures(page)
    assert found["Spend"] == "€160.00"
    assert found["Orders"] == "2"
    assert found["Mean order value"] == "€100.00"
    assert found["Last order"] == "9 Feb 2026"
    assert found["Customer since"] == "10 Jan 2026"


def test_the_standing_counts_those_strictly_below(page: Element) -> None:
    # Spend 600, 160, 30, 10: two of four are below. Recency 25, 50, 58, 11: one is older.
    (found,) = [node for node in page.iter("section") if node.get("id") == "standing"]
    said = dict(zip(map(text_of, found.iter("dt")), map(text_of, found.iter("dd")), strict=True))
    assert said["Spend"] == "€160.00: more than 50% of customers"
    assert said["Recency"] == "50 days: more recent than 25% of customers"


def test_without_the_others_there_is_no_standing(by_hand: Portraits) -> None:
    assert 'id="standing"' not in str(portrait_page(by_hand["bo"]))


def test_every_known_tag_has_its_value_time_version_and_reasons(
    portraits: Portraits,
) -> None:
    portrait = portraits[portraits.customer_ids[0]]
    rows = tag_rows(parse(portrait_page(portrait)))
    known = [name for name, value in portrait.tags.items() if value is not None]
    assert len(rows) == len(known)
    at = f"{portrait.as_of.day} {portrait.as_of:%b %Y} version 1"
    for cells in rows.values():
        assert text_of(cells[1]) == at
        assert cells[0].find("details/summary") is not None
        assert cells[0].find("details/ul/li") is not None


def test_a_rule_says_which_conditions_were_met(by_hand: Portraits) -> None:
    rows = tag_rows(parse(portrait_page(by_hand["bo"])))
    why = text_of(rows["Is repeat buyer"][0])
    assert why.startswith("yes")
    assert "n_orders >= 2: true (n_orders is 2)" in why
    assert "n_orders = 2" in why


def test_unknown_tags_are_named_apart(by_hand: Portraits) -> None:
    page = str(portrait_page(by_hand["di"]))
    assert re.search(r"Unknown: [^<]*Mean gap", page)


def test_values_read_as_people_write_them(by_hand: Portraits) -> None:
    rows = tag_rows(parse(portrait_page(by_hand["ann"])))
    assert text_of(rows["First order"][0]).startswith("5 Jan 2026")
    assert text_of(rows["Spend"][0]).startswith("€600.00")
    assert text_of(rows["Recency"][0]).startswith("25 days")
    assert text_of(rows["Has returned"][0]).startswith("no")


def test_the_chinese_page_is_chinese(by_hand: Portraits) -> None:
    page = str(portrait_page(by_hand["bo"], language="zh", portraits=by_hand))
    parsed = parse(page)
    assert text_of(next(parsed.iter("h1"))) == "客户 bo"
    assert key_figures(parsed)["最近购买"] == "2026年2月9日"
    assert "比 25% 的客户更近" in page
    assert "复购客户" in page


def test_labels_cannot_become_markup(
    hostile: Callable[[], tuple[Any, str]], portray: Callable[..., Portraits]
) -> None:
    tags, evil = hostile()
    portraits = portray((evil, 1, "2026-01-05", 10.0), (evil, 2, "2026-01-06", 5.0), tags=tags)
    page = str(portrait_page(portraits[evil], portraits=portraits))
    parsed = parse(page)
    assert "<script" not in page
    assert text_of(next(parsed.iter("h1"))) == f"Customer {evil}"
    assert evil in tag_rows(parsed)


def test_the_page_loads_nothing_and_is_the_same_every_time(by_hand: Portraits) -> None:
    page = str(portrait_page(by_hand["ann"], portraits=by_hand))
    assert "http" not in page.replace("http-equiv", "")
    assert len(page) < 100_000
    assert page == portrait_page(by_hand["ann"], portraits=by_hand)


def test_a_path_is_written_and_comes_back(by_hand: Portraits, tmp_path: Path) -> None:
    target = tmp_path / "ann.html"
    assert up.portrait_page(by_hand["ann"], target) == target
    assert target.read_text("utf-8") == portrait_page(by_hand["ann"])


def test_bad_calls_are_refused(by_hand: Portraits, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="there is no folder"):
        portrait_page(by_hand["ann"], tmp_path / "nowhere" / "ann.html")
    with pytest.raises(InvalidParameterError, match="'fr' is not a known option"):
        portrait_page(by_hand["ann"], language="fr")  # type: ignore[arg-type]


def test_a_catalogue_that_lacks_the_tag_still_gives_a_page(by_hand: Portraits) -> None:
    strange = type(by_hand)(by_hand.store, TagCatalogue([]), by_hand.table)
    rows = tag_rows(parse(portrait_page(strange["bo"], portraits=strange)))
    assert text_of(rows["n orders"][0]) == "2"


def test_a_tag_with_a_time_to_live_says_until_when() -> None:
    tags = default_tags().replace(FactTag("recency", "recency", unit="days", ttl_days=10))
    portraits = build_portraits(make_shop(n_customers=20, random_state=1).orders, tags)
    rows = tag_rows(parse(portrait_page(portraits[portraits.customer_ids[0]])))
    assert "until " in text_of(rows["recency"][1])
