"""Areas are customers, places are recency and frequency."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError
from userportrait.report._figures import Segment
from userportrait.report._mosaic import mosaic

if TYPE_CHECKING:
    from userportrait.report._mosaic import Tile

SOME = Segment(
    label="x", n_customers=1, customer_share=1.0, spend=1.0, spend_share=1.0, n_orders=1,
    mean_order_value=1.0, mean_spend=1.0, median_recency=1.0, median_orders=1.0,
    recency_score=1.0, frequency_score=1.0,
)  # fmt: skip


def segments(*rows: tuple[float, float, float]) -> list[Segment]:
    total = sum(share for share, _, _ in rows)
    return [
        replace(SOME, label=str(i), customer_share=share / total, recency_score=r,
                frequency_score=f)
        for i, (share, r, f) in enumerate(rows)
    ]  # fmt: skip


def tiles(found: list[Segment], top_score: int = 5) -> list[Tile]:
    return [tile for band in mosaic(found, top_score) for tile in band.tiles]


@given(
    st.lists(
        st.tuples(st.floats(0.01, 1), st.floats(1, 5), st.floats(1, 5)), min_size=1, max_size=12
    )
)
def test_tiles_fill_the_square_and_each_area_is_the_share_of_customers(
    rows: list[tuple[float, float, float]],
) -> None:
    found = tiles(segments(*rows))
    assert sum(t.width * t.height for t in found) == pytest.approx(1)
    for tile in found:
        assert tile.width * tile.height == pytest.approx(tile.segment.customer_share)
        assert tile.x + tile.width <= 1 + 1e-9
        assert tile.y + tile.height <= 1 + 1e-9


@given(
    st.lists(
        st.tuples(st.floats(0.01, 1), st.floats(1, 5), st.floats(1, 5)), min_size=2, max_size=12
    )
)
def test_recent_is_never_left_of_old_nor_rare_above_frequent(
    rows: list[tuple[float, float, float]],
) -> None:
    found = tiles(segments(*rows))
    for left in found:
        for right in found:
            if left.x < right.x:
                assert left.segment.recency_score <= right.segment.recency_score
            if left.x == right.x and left.y < right.y:
                assert left.segment.frequency_score >= right.segment.frequency_score


def test_columns_are_thirds_of_the_scale_by_hand() -> None:
    bands = mosaic(segments((2, 1.0, 1), (1, 2.2, 5), (1, 3.0, 1), (4, 5.0, 1)), 5)
    assert [(b.recency, b.x, b.width) for b in bands] == [
        (0, 0.0, 0.375), (1, 0.375, 0.125), (2, 0.5, 0.5),
    ]  # fmt: skip
    assert [t.segment.label for t in bands[0].tiles] == ["1", "0"]


def test_a_segment_without_scores_has_no_place() -> None:
    with pytest.raises(InvalidDataError, match="no recency scores"):
        mosaic(segments((1, float("nan"), 1)), 5)
