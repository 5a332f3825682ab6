"""What is recommended, on pages and in plots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import html5lib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.report import (
    plot_explanation,
    plot_long_tail,
    plot_rankings,
    portrait_page,
    report,
)

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.portraits import Portraits


def lists() -> pd.DataFrame:
    """Seven customers: all have tea first, five have a pot, one has a rare thing."""
    rows = [(c, "tea", 1, "because of cup") for c in range(7)]
    rows += [(c, "pot", 2, "popular") for c in range(5)]
    rows += [(6, "rare", 2, "because of cup")]
    return pd.DataFrame(rows, columns=["customer_id", "item_id", "rank", "reason"])


def section_of(page: str) -> Any:
    parsed = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|\{\w+\}", page)
    return next((n for n in parsed.iter("section") if n.get("id") == "recommended"), None)


def rows_of(found: Any) -> list[list[str]]:
    body = next(found.iter("tbody"))
    return [[" ".join("".join(c.itertext()).split()) for c in row] for row in body.iter("tr")]


def test_the_shop_page_names_what_is_shown_and_hides_what_few_get(
    bare: Portraits, tmp_path: Path, language: str
) -> None:
    page = report(
        bare, tmp_path / "shop.html", recommendations=lists(), language=language,  # type: ignore[arg-type]
        item_labels={"tea": "Green tea", "pot": "Tea pot", "rare": "Rare thing"},
    ).read_text("utf-8")  # fmt: skip
    found = section_of(page)
    assert rows_of(found) == [["Green tea", "7", "100%", "7"], ["Tea pot", "5", "71%", "0"]]
    assert "Rare thing" not in page
    assert 'href="#recommended"' in page


def test_without_recommendations_there_is_no_section(bare: Portraits, tmp_path: Path) -> None:
    assert section_of(report(bare, tmp_path / "shop.html").read_text("utf-8")) is None


def test_a_customers_page_holds_the_own_list_with_its_reasons(by_hand: Portraits) -> None:
    shown = pd.DataFrame(
        {
            "customer_id": ["ann", "bo", "ann"],
            "item_id": ["<b>tea</b>", "pot", "cup"],
            "rank": [1, 1, 2],
            "reason": ["because of milk", "popular", "popular"],
        }
    )
    page = str(portrait_page(by_hand["ann"], recommendations=shown))
    assert rows_of(section_of(page)) == [
        ["1", "<b>tea</b>", "because of milk"],
        ["2", "cup", "popular"],
    ]
    assert "<b>tea</b>" not in page  # escaped
    none = str(portrait_page(by_hand["cy"], recommendations=shown))
    assert "nothing to recommend" in none


def test_reasons_name_items_in_the_language_of_the_page(by_hand: Portraits) -> None:
    shown = pd.DataFrame(
        {
            "customer_id": ["ann"] * 3,
            "item_id": [1, 2, 3],
            "rank": [1, 2, 3],
            "reason": ["because of 7", "popular", "by rule"],
        }
    )
    labels = {1: "one", 2: "two", 3: "three", 7: "seven"}

    def told(language: str) -> list[str]:
        page = portrait_page(
            by_hand["ann"],
            recommendations=shown,
            item_labels=labels,
            language=language,  # type: ignore[arg-type]
        )
        return [row[2] for row in rows_of(section_of(str(page)))]

    assert told("en") == ["because of seven", "popular", "by rule"]
    assert told("zh") == ["因为“seven”", "热门", "by rule"]


def test_bad_recommendations_are_named(bare: Portraits, tmp_path: Path) -> None:
    with pytest.raises(MissingColumnError, match="rank"):
        report(bare, tmp_path / "a.html", recommendations=lists().drop(columns="rank"))
    with pytest.raises(InvalidDataError, match="1 or more"):
        report(bare, tmp_path / "a.html", recommendations=lists().assign(rank=0))


def figures(value: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric": ["recall@10", "ndcg@10"],
            "value": [value, value / 2],
            "ci_low": [value - 0.02, np.nan],
            "ci_high": [value + 0.02, np.nan],
        }
    )


def test_rankings_are_points_with_their_intervals(language: str) -> None:
    tables = {"popular": figures(0.1), "EASE": figures(0.3)}
    ax: Any = plot_rankings(tables, language=language)  # type: ignore[arg-type]
    assert [line.get_xdata().tolist() for line in ax.lines] == [[0.1, 0.05], [0.3, 0.15]]
    assert len(ax.collections) == 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["popular", "EASE"]
    with pytest.raises(InvalidDataError, match="comes twice"):
        plot_rankings({"a": pd.concat([figures(0.1)] * 2)})
    with pytest.raises(InvalidDataError, match="no table"):
        plot_rankings({})
    with pytest.raises(InvalidParameterError, match="mapping"):
        plot_rankings([figures(0.1)])  # type: ignore[arg-type]


def test_bars_of_an_explanation_sum_to_the_score(language: str) -> None:
    values = [0.5, -0.2, 0.1, 0.05, 0.01]
    told = pd.DataFrame({"item_id": list("abcde"), "contribution": values})
    ax: Any = plot_explanation(told, n_items=3, language=language, labels={"a": "Tea"})  # type: ignore[arg-type]
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == pytest.approx([0.5, 0.1, -0.2, 0.06])
    assert sum(widths) == pytest.approx(sum(values))
    assert [text.get_text() for text in ax.get_yticklabels()][:3] == ["Tea", "c", "b"]
    with pytest.raises(InvalidDataError, match="no row"):
        plot_explanation(told[:0])


def test_the_long_tail_is_a_lorenz_curve(language: str) -> None:
    bought = pd.DataFrame({"customer_id": [1, 2, 3], "item_id": ["tea", "pot", "rare"]})
    ax: Any = plot_long_tail(lists(), bought, language=language)  # type: ignore[arg-type]
    _, shown, held = ax.lines
    assert shown.get_ydata().tolist() == pytest.approx([0, 1 / 13, 6 / 13, 1])  # 1, 5, 7 of 13
    assert held.get_ydata().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    with pytest.raises(InvalidDataError, match="nothing is recommended"):
        plot_long_tail(lists()[:0])


@pytest.mark.parametrize("wide", [False, True])
def test_nothing_is_cut_off(wide: bool) -> None:
    name = "A recommender with a long name" if wide else "EASE"
    told = pd.DataFrame({"item_id": ["x" * (60 if wide else 3)], "contribution": [0.5]})
    for ax in (
        plot_rankings({name: figures(0.2)}),
        plot_explanation(told),
        plot_long_tail(lists()),
    ):
        drawn: Any = ax
        drawn.figure.draw_without_rendering()
        page, box = drawn.figure.bbox, drawn.get_tightbbox()
        assert box.x0 >= page.x0 - 2
        assert box.x1 <= page.x1 + 2
        assert box.y1 <= page.y1 + 2
    plt.close("all")
