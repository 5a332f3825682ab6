"""What sells together, on the shop's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import html5lib
import pytest

from userportrait.errors import InvalidParameterError
from userportrait.report import report
from userportrait.report._rule_choice import STRENGTH, choose_rules

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.patterns import Rules
    from userportrait.portraits import Portraits


def section(portraits: Portraits, folder: Path, **options: Any) -> Any:
    page = report(portraits, folder / "shop.html", **options).read_text("utf-8")
    parsed = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|\{\w+\}", page)
    assert ("rules" in {node.get("id") for node in parsed.iter("section")}) == (
        "#rules" in {node.get("href") for node in parsed.iter("a")}
    )
    return next((n for n in parsed.iter("section") if n.get("id") == "rules"), None)


def text_of(node: Any) -> str:
    return " ".join("".join(node.itertext()).split())


def rows(found: Any) -> list[list[str]]:
    return [[text_of(cell) for cell in row] for row in next(found.iter("tbody")).iter("tr")]


def test_without_rules_there_is_no_section(bare: Portraits, tmp_path: Path) -> None:
    assert section(bare, tmp_path) is None


def test_the_table_holds_the_strongest_rules(bare: Portraits, sold: Rules, tmp_path: Path) -> None:
    found = section(bare, tmp_path, rules=sold)
    lines = choose_rules(sold, by=STRENGTH, most=20, owner="").without_mirrored()[:10]
    assert [row[:2] for row in rows(found)] == [
        [", ".join(line.antecedent), ", ".join(line.consequent)] for line in lines
    ]
    first, line = rows(found)[0], lines[0]
    assert first[2].split()[0] == str(line.count)
    assert first[5] == f"{line.lift:.2f} times"
    tags = [str(node.tag).rpartition("}")[2] for node in found.iter()]
    assert tags.count("svg") == 2  # for desktops and for phones
    assert tags.count("circle") == 2 * 2 * len(lines)
    said = text_of(found)
    assert f"of {len(sold):,} rules are shown" in said
    assert "were not tested" in said


def test_rules_that_were_tested_are_said_to_be(
    bare: Portraits, sold: Rules, tmp_path: Path
) -> None:
    kept = sold.significant(alpha=0.01)
    said = text_of(section(bare, tmp_path, rules=kept))
    worst = float(kept.columns["adjusted_p_value"].max())
    assert f"its p-value is at most {float(f'{worst:.2g}'):g}" in said
    assert "were not tested" not in said
    # Tested, and not one of them was dropped: nothing is claimed.
    said = text_of(section(bare, tmp_path, rules=sold.test()))
    assert "p-value" not in said
    assert "were not tested" not in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_nothing_sells_together_the_page_says_so(
    bare: Portraits, sold: Rules, tmp_path: Path, language: str
) -> None:
    for none in (sold.take([]), sold.filter(at_most={"lift": 1.0})):
        found = section(bare, tmp_path, rules=none, language=language)
        assert not list(found.iter("table"))
        assert {"en": "No rule to show", "zh": "没有可显示的规则"}[language] in text_of(found)


def test_rules_of_few_orders_are_not_shown(bare: Portraits, tmp_path: Path) -> None:
    from userportrait.patterns import Baskets, derive_rules, mine_itemsets

    lists = [["tea", "pot"]] * 5 + [["ink", "pen"]] * 4 + [["rum"]] * 20
    rules = derive_rules(mine_itemsets(Baskets.from_lists(lists), min_support=1, engine="numpy"))
    found = section(bare, tmp_path, rules=rules)
    assert [row[:2] for row in rows(found)] == [["pot", "tea"]]
    assert "ink" not in text_of(found)
    assert "Not shown: 2 rules with fewer than 5 orders behind them." in text_of(found)


def test_items_are_called_by_name_and_stay_text(
    bare: Portraits, sold: Rules, tmp_path: Path
) -> None:
    evil = "<script>alert('&')</script>"
    labels = {item: f"{evil} {item}" for item in ("ink", "pen", "pad")}
    found = section(bare, tmp_path, rules=sold, item_labels=labels, language="zh")
    assert not list(found.iter("script"))
    assert evil in text_of(found)


def test_what_are_no_rules_is_refused(bare: Portraits, sold: Rules, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="what derive_rules returns; got DataFrame"):
        report(bare, tmp_path / "shop.html", rules=sold.to_frame())  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="item_labels must be a mapping"):
        report(bare, tmp_path / "shop.html", rules=sold, item_labels=["tea"])  # type: ignore[arg-type]
    assert not (tmp_path / "shop.html").exists()
