"""Months, cohorts and the cleaning account, as the build kept them."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError
from userportrait.report._facts import (
    Cleaning,
    cleaning_of,
    cohorts_of,
    currency_of,
    has_fact,
    months_of,
)
from userportrait.typing import Build

if TYPE_CHECKING:
    from userportrait.portraits import Portraits


def with_facts(as_of: datetime, **facts: Any) -> Any:
    build = Build(as_of=as_of, versions={}, facts=facts)
    return SimpleNamespace(build=build, as_of=as_of)


def test_months_are_those_of_the_orders(by_hand: Portraits) -> None:
    # January: ann 100, bo 50. February: ann 200, bo 150 - 40, cy 30. March: ann 300, di 10.
    found = [
        (m.month, m.orders, m.spend, m.customers, m.new_customers, m.returning_customers)
        for m in months_of(by_hand)
    ]
    assert found == [
        ("2026-01", 2, 150.0, 2, 2, 0),
        ("2026-02", 3, 340.0, 3, 1, 2),
        ("2026-03", 2, 310.0, 2, 1, 1),
    ]


@pytest.mark.parametrize(
    ("as_of", "whole"),
    [(datetime(2026, 2, 28), False), (datetime(2026, 2, 28, 17), True),
     (datetime(2026, 3, 1), True), (datetime(2026, 2, 27, 23), False)],
)  # fmt: skip
def test_a_month_is_over_once_most_of_its_last_day_is_known(as_of: datetime, whole: bool) -> None:
    row = {"month": "2026-02", "orders": 1, "spend": 1.0, "customers": 1, "new_customers": 1}
    assert months_of(with_facts(as_of, months=[row]))[0].is_whole is whole


def test_retention_is_a_share_of_the_cohort_and_leaves_the_future_open(
    by_hand: Portraits,
) -> None:
    # January: ann and bo; both bought in February, ann in March. February: cy, who stayed
    # away in March. March: di. as_of is midnight of 31 March, so March is not over.
    table = cohorts_of(by_hand)
    assert table.months == ("2026-01", "2026-02", "2026-03")
    assert table.sizes == (2, 1, 1)
    expected = [[1.0, 1.0], [1.0, np.nan], [1.0, np.nan]]
    np.testing.assert_array_equal(table.shares, expected)
    assert table.retention_after(1) == 1.0
    assert table.retention_after(2) is None


def test_retention_over_all_cohorts_weighs_by_their_customers() -> None:
    fact = {
        "months": ["2026-01", "2026-02", "2026-03"],
        "sizes": [30, 10, 5],
        "active": [[30, 15, 3], [10, 1], [5]],
    }
    table = cohorts_of(with_facts(datetime(2026, 4, 1), cohorts=fact))
    assert table.retention_after(1) == pytest.approx((15 + 1) / (30 + 10))
    assert table.retention_after(2) == pytest.approx(3 / 30)


def test_months_without_new_customers_are_no_cohort_and_the_newest_are_kept() -> None:
    fact = {
        "months": ["2026-01", "2026-02", "2026-03"],
        "sizes": [4, 0, 2],
        "active": [[4, 2, 1], [0, 0], [2]],
    }
    portraits = with_facts(datetime(2026, 4, 1), cohorts=fact)
    assert cohorts_of(portraits).months == ("2026-01", "2026-03")
    assert cohorts_of(portraits, last=1).months == ("2026-03",)
    assert cohorts_of(portraits, last=2).shares.shape == (2, 2)


@pytest.mark.parametrize("read", [months_of, cohorts_of])
def test_missing_facts_are_named_with_what_makes_them(read: Any, bare: Portraits) -> None:
    with pytest.raises(InvalidDataError, match=r"no '(months|cohorts)'.*build_portraits"):
        read(bare)


def test_the_account_of_the_cleaning_comes_from_the_report_or_the_build() -> None:
    frame = pd.DataFrame({"reason": ["duplicate"], "n_rows": [2], "action": ["removed"]})
    report = SimpleNamespace(n_rows_in=9, n_rows_out=7, to_frame=lambda: frame)
    expected = Cleaning(n_rows_in=9, n_rows_out=7, rows=(("removed", "duplicate", 2),))
    empty = with_facts(datetime(2026, 1, 1))
    kept = {"n_rows_in": 9, "n_rows_out": 7, "rows": frame.to_dict("records")}
    assert cleaning_of(empty, report) == expected
    assert cleaning_of(with_facts(datetime(2026, 1, 1), cleaning=kept)) == expected
    assert cleaning_of(empty) is None


def test_the_currency_is_known_or_not(by_hand: Portraits, bare: Portraits) -> None:
    assert currency_of(by_hand.build) == "EUR"
    assert currency_of(bare.build) is None
    assert has_fact(by_hand, "months")
    assert not has_fact(bare, "months")
