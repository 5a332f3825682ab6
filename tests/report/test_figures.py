"""Totals, segments, scores and concentration, by hand and against pandas."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError, UnknownTagError
from userportrait.report._figures import (
    concentration,
    n_scores,
    number_tag,
    score_grid,
    segments_of,
    shop_totals,
    text_tag,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait.portraits import Portraits


def test_totals_by_hand(by_hand: Portraits) -> None:
    # Spend: ann 600, bo 160, cy 30, di 10. Last orders: 25, 50, 58 and 11 days before.
    totals = shop_totals(by_hand)
    assert (totals.n_customers, totals.n_others, totals.n_orders) == (4, 0, 7)
    assert totals.spend == 800.0
    assert totals.refunds == 40.0
    assert totals.repeat_rate == 0.5
    assert totals.repeat_spend_share == 760 / 800
    assert totals.mean_order_value == 800 / 7
    # The best 20 % of four customers are 0.8 of ann.
    assert totals.best_fifth_share == pytest.approx(0.8 * 600 / 800)
    assert totals.top_customer_share == 600 / 800
    assert totals.median_recency == (25 + 50) / 2
    assert totals.n_recent == 4
    assert totals.median_gap == 30.0


def test_totals_agree_with_pandas(portraits: Portraits) -> None:
    frame = portraits.to_frame()
    bought = frame[frame["n_orders"] > 0]
    totals = shop_totals(portraits)
    assert totals.n_customers == len(bought)
    assert totals.n_others == len(frame) - len(bought) > 0
    assert totals.n_orders == bought["n_orders"].sum()
    assert totals.spend == pytest.approx(frame["spend"].sum(), rel=1e-12)
    assert totals.repeat_rate == pytest.approx((bought["n_orders"] > 1).mean())
    assert totals.median_recency == bought["recency"].median()
    assert totals.n_recent == (bought["recency"] <= 90).sum()


def test_what_the_tags_do_not_give_is_none(bare: Portraits) -> None:
    totals = shop_totals(bare)
    assert totals.spend == 15.5
    assert totals.median_recency is None
    assert totals.median_gap is None
    assert totals.refunds is None


def test_missing_tags_are_named(portraits: Portraits, bare: Portraits) -> None:
    with pytest.raises(UnknownTagError, match=r"'rfm' is not a known tag"):
        segments_of(bare)
    with pytest.raises(UnknownTagError, match=r"'recencyy'.*Did you mean 'recency'"):
        number_tag(portraits, "recencyy")
    with pytest.raises(InvalidDataError, match=r"'rfm' has text values; the report needs numbers"):
        number_tag(portraits, "rfm")
    with pytest.raises(InvalidDataError, match=r"'spend' has number values"):
        text_tag(portraits, "spend")


def test_segments_agree_with_pandas(portraits: Portraits) -> None:
    frame = portraits.to_frame()
    known = frame[frame["rfm"].notna()]
    found = {s.label: s for s in segments_of(portraits)}
    assert sum(s.customer_share for s in found.values()) == pytest.approx(1)
    assert sum(s.spend_share for s in found.values()) == pytest.approx(1)
    for label, group in known.groupby("rfm"):
        segment = found.pop(str(label))
        assert segment.n_customers == len(group)
        assert segment.customer_share == pytest.approx(len(group) / len(known))
        assert segment.spend == pytest.approx(group["spend"].sum())
        assert segment.n_orders == group["n_orders"].sum()
        assert segment.median_recency == group["recency"].median()
        assert segment.median_orders == group["n_orders"].median()
        assert segment.recency_score == pytest.approx(group["r"].mean())
        assert segment.mean_order_value == pytest.approx(
            group["spend"].sum() / group["n_orders"].sum()
        )
    assert not found


def test_scores_are_counted_in_pairs(portraits: Portraits) -> None:
    frame = portraits.to_frame(["r", "f", "spend"]).dropna()
    counts, means = score_grid(portraits)
    assert counts.shape == (5, 5)
    assert counts.sum() == len(frame)
    for (r, f), group in frame.groupby(["r", "f"]):
        assert counts[int(r) - 1, int(f) - 1] == len(group)
        assert means[int(r) - 1, int(f) - 1] == pytest.approx(group["spend"].mean())
    assert np.isnan(means[counts == 0]).all()
    assert n_scores(portraits) == 5


def test_concentration_by_hand() -> None:
    # Ten customers: 60, 20 and eight times 2.5, in no order.
    spend = np.array([2.5, 60, 2.5, 2.5, 20, *[2.5] * 5])
    expected = [0.6, 0.2, *[0.025] * 8]
    np.testing.assert_allclose(concentration(spend), expected, atol=1e-12)
    np.testing.assert_allclose(concentration(spend, 5)[0], 0.8)


def test_who_got_more_back_counts_as_nothing() -> None:
    np.testing.assert_allclose(concentration(np.array([10.0, -5.0]), 2), [1.0, 0.0])


def test_no_spend_has_no_concentration() -> None:
    assert np.isnan(concentration(np.array([]))).all()
    assert np.isnan(concentration(np.array([0.0, -1.0]))).all()


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40), st.floats(0.01, 100))
def test_concentration_falls_adds_up_and_has_no_scale(spend: list[float], scale: float) -> None:
    shares = concentration(np.array(spend))
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 1e-9).all()
    np.testing.assert_allclose(concentration(np.array(spend) * scale), shares, atol=1e-9)


def test_a_shop_of_returns_has_no_shares(portray: Callable[..., Portraits]) -> None:
    portraits = portray(("ann", 1, "2026-01-05", -10.0), as_of="2026-02-01")
    totals = shop_totals(portraits)
    assert (totals.n_customers, totals.n_others, totals.spend) == (0, 1, -10.0)
    assert totals.repeat_rate is None
    assert totals.best_fifth_share is None
    assert all(isnan(s.spend_share) for s in segments_of(portraits))


def test_scores_of_nobody_cannot_be_drawn(portray: Callable[..., Portraits]) -> None:
    portraits = portray(("ann", 1, "2026-01-05", 10.0))
    portraits.forget(["ann"])
    with pytest.raises(InvalidDataError, match="no customer has both scores"):
        score_grid(portraits)


def test_segments_of_another_tag_are_ordered_by_worth(portraits: Portraits) -> None:
    found = segments_of(portraits, "activity")
    worth = [s.mean_spend for s in found]
    assert worth == sorted(worth, reverse=True)
    assert {s.label for s in found} == set(
        pd.Series(portraits.table.columns["activity"].to_list()).dropna()
    )
