"""Sentences, each only where its numbers are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from userportrait.report._facts import CohortTable, Month
from userportrait.report._figures import Segment, Totals
from userportrait.report._format import Formatter
from userportrait.report._story import findings
from userportrait.report._words import Words

if TYPE_CHECKING:
    from userportrait.report._format import Language

TOTALS = Totals(
    n_customers=200, n_others=0, n_orders=500, spend=1000.0, repeat_rate=0.4,
    repeat_spend_share=0.7, mean_order_value=2.0, best_fifth_share=0.5, top_customer_share=0.02,
    median_recency=60.0, n_recent=120, median_gap=30.0, refunds=0.0,
)  # fmt: skip


def segment(label: str, spend: float, n: int) -> Segment:
    return Segment(
        label=label, n_customers=n, customer_share=n / 200, spend=spend, spend_share=spend / 1000,
        n_orders=n, mean_order_value=spend / n, mean_spend=spend / n, median_recency=10.0,
        median_orders=1.0, recency_score=3.0, frequency_score=3.0,
    )  # fmt: skip


def months(*spends: float, last_is_whole: bool = True) -> list[Month]:
    return [
        Month(month=f"{2024 + i // 12}-{i % 12 + 1:02d}", orders=10, spend=spend, customers=8,
              new_customers=2, is_whole=last_is_whole or i < len(spends) - 1)
        for i, spend in enumerate(spends)
    ]  # fmt: skip


def told(
    language: Language = "en",
    *,
    segments: tuple[Segment, ...] = (),
    by_month: list[Month] | None = None,
    cohorts: CohortTable | None = None,
    **totals: Any,
) -> dict[str, str]:
    names = {s.label: s.label for s in segments}
    words = Words(Formatter(language))
    found = findings(replace(TOTALS, **totals), segments, names, by_month or [], cohorts, words)
    return {finding.topic: finding.text for finding in found}


def test_loyalty() -> None:
    assert told()["Loyalty"] == (
        "40% of customers have bought more than once; they bring 70% of revenue. "
        "A typical repeat buyer orders every 30 days."
    )
    assert told(repeat_rate=0.0)["Loyalty"].startswith("No customer has bought twice yet.")
    assert told(repeat_rate=1.0)["Loyalty"].startswith("Every customer has bought more than once.")
    assert "bring" not in told(repeat_spend_share=None)["Loyalty"]
    assert "typical" not in told(median_gap=None)["Loyalty"]
    assert "Loyalty" not in told(repeat_rate=None)


@pytest.mark.parametrize(
    ("share", "end"), [(0.7, "service."), (0.5, "50% of revenue."), (0.44, "reaches many.")]
)
def test_concentration(share: float, end: str) -> None:
    assert told(best_fifth_share=share)["Concentration"].endswith(end)


def test_activity() -> None:
    assert told()["Activity"] == (
        "120 of 200 customers bought in the last 90 days; half have not bought for more than "
        "60 days."
    )
    assert "Activity" not in told(median_recency=None)


def test_strength_and_danger() -> None:
    found = told(
        segments=(segment("Champions", 500.0, 20), segment("At Risk", 300.0, 30),
                  segment("Cannot Lose Them", 100.0, 10), segment("Lost", 100.0, 140))
    )  # fmt: skip
    assert found["Strength"] == "Champions bring the most: 50% of revenue from 10% of customers."
    assert found["Danger"] == (
        "40 customers who used to spend well have stayed away (At Risk, Cannot Lose Them). They "
        "have brought 400.00 in all, 40% of revenue: start with them when you win customers back."
    )
    assert "Danger" not in told(segments=(segment("Champions", 1.0, 1), segment("Lost", 1.0, 1)))


def test_the_last_whole_month_is_compared_with_the_year_before() -> None:
    # The first month does not count: it may have begun before the first known order.
    found = told(by_month=months(1.0, 100.0, *[50.0] * 11, 150.0))["Last month"]
    assert found == (
        "Feb 2025 was the last whole month, with 150.00 from 10 orders. That is 50% more than in "
        "the same month a year before. 25% of its customers bought for the first time."
    )


def test_a_young_shop_is_compared_with_the_months_before() -> None:
    found = told(by_month=months(1.0, 90.0, 100.0, 110.0, 80.0))["Last month"]
    assert "20% less than the mean of the three months before" in found


def test_a_month_that_is_not_over_is_not_judged() -> None:
    found = told(by_month=months(1.0, 90.0, 100.0, 110.0, 5.0, last_is_whole=False))["Last month"]
    assert found.startswith("Apr 2024 was the last whole month")
    assert "Last month" not in told(by_month=months(1.0, 5.0, last_is_whole=False))


def test_coming_back() -> None:
    shares = np.full((1, 8), 0.25)
    shares[0, 6] = 0.1
    table = CohortTable(months=("2025-01",), sizes=(10,), shares=shares)
    assert told(cohorts=table)["Coming back"] == (
        "Of the customers first seen in a month, 25% buy again in the next month, and 10% do in "
        "the month half a year later."
    )
    short = replace(table, shares=shares[:, :2])
    assert told(cohorts=short)["Coming back"].endswith("in the next month.")
    assert "Coming back" not in told(cohorts=replace(table, shares=shares[:, :1]))
    assert "Coming back" not in told(cohorts=table, repeat_rate=0.0)


def test_a_giant_and_a_small_shop_are_warned_of() -> None:
    assert "One customer" in told(top_customer_share=0.1)
    assert "One customer" not in told(top_customer_share=0.09)
    assert told(n_customers=29)["Caution"].startswith("29 customers are few")
    assert told(n_customers=1)["Caution"].startswith("There is one customer")
    assert "Caution" not in told(n_customers=30)


def test_chinese_sentences_follow_without_blanks() -> None:
    found = told("zh")
    assert found["复购"] == (
        "40% 的客户购买过不止一次，贡献了 70% 的销售额。典型的复购客户每 30 天下一单。"
    )
