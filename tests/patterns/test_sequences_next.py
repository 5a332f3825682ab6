"""Rules for the next purchase: every figure by going through the customers one by one."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from helpers import brute_sequences as brute
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns import NextPurchases, Sequences, derive_next_purchases

if TYPE_CHECKING:
    from helpers.brute_sequences import Customer, Pattern

START = np.datetime64("2026-01-01", "us")
DAY = np.timedelta64(1, "D")


@st.composite
def many_customers(draw: st.DrawFn) -> list[Customer]:
    step = st.frozensets(st.sampled_from("abc"), min_size=1, max_size=2)
    times = st.lists(st.integers(0, 12), unique=True, max_size=5).map(sorted)
    n = draw(st.integers(1, 5))
    return [[(float(time), draw(step)) for time in draw(times)] for _ in range(n)]


def as_sequences(customers: list[Customer]) -> Sequences:
    lists = [[set(items) for _, items in customer] for customer in customers]
    at = [[START + int(time) * DAY for time, _ in customer] for customer in customers]
    return Sequences.from_lists(lists, at=at)


def first_end(pattern: Pattern, customer: Customer) -> float | None:
    """Return when a customer first holds a pattern: the shortest beginning that does."""
    for n in range(1, len(customer) + 1):
        if brute.holds(pattern, customer[:n]):
            return customer[n - 1][0]
    return None


def delay_to(item: str, customer: Customer, after: float, within: float) -> float | None:
    later = [t - after for t, items in customer if item in items and after < t <= after + within]
    return min(later, default=None)


def by_hand(
    customers: list[Customer], within: float, least: int
) -> dict[tuple[Pattern, str], tuple[float, ...]]:
    last = max((customer[-1][0] for customer in customers if customer), default=0.0)
    usual = {item: usual_share(item, customers, within, last) for item in "abc"}
    found: dict[tuple[Pattern, str], tuple[float, ...]] = {}
    for pattern in brute.all_patterns(customers, least, max_length=2):
        ends = [(customer, first_end(pattern, customer)) for customer in customers]
        held = [(customer, end) for customer, end in ends if end is not None]
        over = [(customer, end) for customer, end in held if end + within <= last]
        for item in "abc":
            delays = [delay_to(item, customer, end, within) for customer, end in over]
            known = [delay for delay in delays if delay is not None]
            if len(known) >= least:
                confidence = len(known) / len(over)
                found[pattern, item] = (
                    len(over), len(held) - len(over), len(known), len(known) / len(customers),
                    confidence, usual[item], confidence / usual[item], median(known),
                )  # fmt: skip
    return found


def usual_share(item: str, customers: list[Customer], within: float, last: float) -> float:
    shares: list[float] = []
    for customer in customers:
        over = [time for time, _ in customer if time + within <= last]
        if over:
            bought = [delay_to(item, customer, time, within) is not None for time in over]
            shares.append(sum(bought) / len(over))
    return sum(shares) / len(shares) if shares else 0.0


@given(many_customers(), st.integers(1, 8), st.integers(1, 2))
@settings(max_examples=80)
def test_every_figure_equals_that_by_hand(
    customers: list[Customer], within: int, least: int
) -> None:
    rules = derive_next_purchases(as_sequences(customers), within_days=within, min_support=least)
    columns = [
        "n_antecedent", "n_unfinished", "count", "support", "confidence", "usual", "lift",
        "median_days",
    ]  # fmt: skip
    table = rules.to_frame()
    found = {
        (row["antecedent"], row["item"]): tuple(row[name] for name in columns)
        for row in table.to_dict("records")
    }
    expected = by_hand(customers, within, least)
    assert set(found) == set(expected)
    for rule, figures in expected.items():
        assert found[rule] == pytest.approx(figures)
    keys = [
        (sum(map(len, p)), p, i) for p, i in zip(table["antecedent"], table["item"], strict=True)
    ]
    assert keys == sorted(keys)


def printers() -> Sequences:
    return Sequences.from_lists(
        [["printer", "ink"], ["printer", "ink"], ["printer", "paper"], ["paper", "paper"]],
        at=[
            ["2026-01-01", "2026-01-11"],
            ["2026-01-02", "2026-01-22"],
            ["2026-01-03", "2026-01-05"],
            ["2026-01-01", "2026-03-31"],
        ],
        customer_ids=["ann", "bo", "cy", "di"],
    )


def test_the_lower_bound_is_wilsons() -> None:
    row = derive_next_purchases(printers(), within_days=30, min_support=2).to_frame().iloc[0]
    low, _ = proportion_confint(2, 3, method="wilson")
    assert row["confidence_low"] == pytest.approx(low)


def test_customers_whose_days_are_not_over_do_not_count() -> None:
    rules = derive_next_purchases(
        printers(), within_days=30, min_support=1, until="2026-02-01T00:00"
    ).to_frame()
    ink = rules[rules["item"] == "ink"].iloc[0]
    assert (ink["n_antecedent"], ink["n_unfinished"], ink["count"]) == (2, 1, 2)


def test_confidence_below_the_threshold_is_left_out() -> None:
    every = derive_next_purchases(printers(), within_days=30, min_support=1)
    some = derive_next_purchases(printers(), within_days=30, min_support=1, min_confidence=2 / 3)
    assert len(every) == 2
    assert some.to_frame()["item"].tolist() == ["ink"]  # 2 of 3, exactly the threshold


def test_recommendations_are_of_rules_that_apply_now() -> None:
    rules = derive_next_purchases(printers(), within_days=30, min_support=1)
    now = Sequences.from_lists(
        [["printer"], ["printer"], ["ink"]],
        at=[["2026-05-01"], ["2026-03-01"], ["2026-05-01"]],
        customer_ids=["new", "long ago", "other"],
    )
    table = rules.recommend(now, as_of="2026-05-10")
    assert table["customer_id"].tolist() == ["new", "new"]
    assert table["item"].tolist() == ["ink", "paper"]
    assert table["rank"].tolist() == [1, 2]
    assert table["score"].is_monotonic_decreasing
    assert table["antecedent"].tolist() == [(("printer",),)] * 2
    assert rules.recommend(now, as_of="2026-05-10", n=1)["item"].tolist() == ["ink"]
    assert rules.recommend(now, as_of="2027-01-01").empty


def test_each_item_is_recommended_once_by_its_best_rule() -> None:
    lists = [[{"a", "b"}, "c"]] * 8 + [["a", "d"]] * 8
    at = [["2026-01-01", "2026-01-02"]] * 16
    at[-1] = ["2026-01-01", "2026-03-01"]
    rules = derive_next_purchases(Sequences.from_lists(lists, at=at), within_days=7, min_support=3)
    table = rules.recommend(
        Sequences.from_lists([[{"a", "b"}]], at=[["2026-05-01"]]), as_of="2026-05-02"
    )
    assert table["item"].tolist() == ["c", "d"]
    assert table["antecedent"].tolist()[0] == (("b",),)  # 8 of 8; of equal rules the first


def test_no_rule_gives_empty_tables() -> None:
    sequences = Sequences.from_lists([["a"], []], at=[["2026-01-01"], []])
    rules: NextPurchases = derive_next_purchases(sequences, within_days=3, min_support=1)
    assert len(rules) == 0
    assert rules.to_frame().empty
    assert rules.recommend(sequences).empty
    assert "0 rules" in repr(rules)
    assert "Next purchases" in rules._repr_html_()


def test_work_in_small_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lists = [[set(rng.choice(9, 2).tolist()) for _ in range(6)] for _ in range(80)]
    at = [START + np.sort(rng.choice(60, 6, replace=False)) * DAY for _ in range(80)]
    sequences = Sequences.from_lists(lists, at=at)
    settings: dict[str, Any] = {"within_days": 10, "min_support": 5}
    whole = derive_next_purchases(sequences, **settings).to_frame()
    monkeypatch.setattr("userportrait.patterns._sequence_follow._ENTRIES", 50)
    monkeypatch.setattr("userportrait.patterns._sequence_numpy._ENTRIES", 100)
    parts = derive_next_purchases(sequences, **settings).to_frame()
    pd.testing.assert_frame_equal(parts, whole)
    assert len(whole) > 20


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidDataError, match="have no times"):
        derive_next_purchases(Sequences.from_lists([["a"]]), within_days=3, min_support=1)
    with pytest.raises(InvalidParameterError, match="within_days"):
        derive_next_purchases(printers(), within_days=0, min_support=1)
    with pytest.raises(InvalidParameterError, match="min_support"):
        derive_next_purchases(printers(), within_days=1, min_support=2.5)
