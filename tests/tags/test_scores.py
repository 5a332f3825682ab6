from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.tags import ScoredTag, TagContext
from userportrait.value import RFM

if TYPE_CHECKING:
    from userportrait.data import Orders


class Spend:
    """Scores a customer by how much of the fitted total is the customer's."""

    def __init__(self) -> None:
        self.total = 0.0
        self.n_scored = 0

    def fit(self, orders: Orders) -> Spend:
        self.total = float(orders.arrays.amount.sum()) / 100
        return self

    def score(self, orders: Orders, *, as_of: datetime) -> pd.DataFrame:
        self.n_scored += 1
        arrays = orders.arrays
        sums = np.bincount(arrays.customer, weights=arrays.amount) / 100
        frame = pd.DataFrame({"customer_id": arrays.customer_ids, "share": sums / self.total})
        return frame.assign(note="x").iloc[::-1]


def test_a_copy_of_the_scorer_is_fitted_for_the_build(context: TagContext) -> None:
    scorer = Spend()
    tag = ScoredTag("share", scorer, "share")
    # ann 10, bo 10, cy 25 of 45.
    assert tag.evaluate(context, {}).to_list() == [10 / 45, 10 / 45, 25 / 45]
    assert scorer.total == 0.0


def test_without_refit_what_was_learned_is_applied(context: TagContext) -> None:
    scorer = Spend()
    scorer.total = 100.0
    tag = ScoredTag("share", scorer, "share", refit=False)
    assert tag.evaluate(context, {}).to_list() == [0.1, 0.1, 0.25]


def test_a_scorer_without_as_of_in_fit_sees_no_later_line(frame: pd.DataFrame, engine: str) -> None:
    seen: list[int] = []

    class Fitted:
        def fit(self, orders: Orders) -> None:
            seen.append(len(orders))

        def score(self, orders: Orders, *, as_of: datetime) -> pd.DataFrame:
            assert as_of == datetime(2026, 1, 31)
            return pd.DataFrame({"customer_id": ["ann"], "x": [1]})

    context = TagContext(to_engine(engine, frame), as_of="2026-01-31")
    assert ScoredTag("t", Fitted()).evaluate(context, {}).to_list() == [1, None]
    assert seen == [3]


def test_zoned_times_are_cut_at_the_moment_too(frame: pd.DataFrame) -> None:
    frame["ordered_at"] = frame["ordered_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Shanghai")

    def count(orders: Orders) -> pd.DataFrame:
        return orders.to_pandas().groupby("customer_id").size().rename("n").reset_index()

    context = TagContext(frame, as_of="2026-01-31")
    assert ScoredTag("t", count).evaluate(context, {}).to_list() == [2, 1]


def test_tags_with_the_same_scorer_share_one_call(context: TagContext) -> None:
    scorer = Spend()
    scorer.total = 100.0
    for column in ("share", "note", "share"):
        ScoredTag("t", scorer, column, refit=False).evaluate(context, {})
    assert scorer.n_scored == 1


def test_rfm_is_a_scorer(frame: pd.DataFrame, engine: str) -> None:
    rfm = RFM(n_bins=2)
    context = TagContext(to_engine(engine, frame), as_of="2026-02-10")
    expected = RFM(n_bins=2).fit(frame, as_of="2026-02-10").transform(frame, as_of="2026-02-10")
    for column in ("recency", "monetary", "r", "segment"):
        found = ScoredTag("t", rfm, column).evaluate(context, {}).to_list()
        assert found == expected[column].tolist()


def test_a_frame_of_any_engine_will_do(context: TagContext, engine: str) -> None:
    result = to_engine(engine, pd.DataFrame({"customer_id": ["cy", "ann"], "x": [True, False]}))
    tag = ScoredTag("t", lambda orders, as_of: result)
    assert tag.evaluate(context, {}).to_list() == [False, None, True]


@pytest.mark.parametrize(
    ("result", "column", "error", "message"),
    [
        ({"customer": ["ann"], "x": [1]}, None, MissingColumnError, "'customer_id' is not a known"),
        ({"customer_id": ["ann"], "x": [1]}, "y", MissingColumnError, "'y' is not a known column"),
        (
            {"customer_id": ["ann"], "x": [1], "y": [2]},
            None,
            InvalidDataError,
            "tag 't': the scorer's result has 2 columns of values; say column=.",
        ),
        (
            {"customer_id": ["ann", "ann"], "x": [1, 2]},
            None,
            InvalidDataError,
            "names 1 customer more than once",
        ),
        (
            {"customer_id": ["ann", "zoe"], "x": [1, 2]},
            None,
            InvalidDataError,
            "names 1 customer that the orders until 2026-02-03T00:00:00 and the customers table",
        ),
        ({"customer_id": [1], "x": [1]}, None, ColumnTypeError, "holds whole numbers"),
    ],
)
def test_a_wrong_result_is_refused(
    context: TagContext, result: dict[str, Any], column: str | None, error: Any, message: str
) -> None:
    tag = ScoredTag("t", lambda orders, as_of: pd.DataFrame(result), column)
    with pytest.raises(error) as caught:
        tag.evaluate(context, {})
    assert message in str(caught.value)


def test_a_result_that_is_no_frame_is_refused(context: TagContext) -> None:
    tag = ScoredTag("t", lambda orders, as_of: 3)
    with pytest.raises(InvalidDataError, match="must be a frame with customer_id and values"):
        tag.evaluate(context, {})


def test_something_that_scores_nothing_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="scorer must have score"):
        ScoredTag("t", 3)  # type: ignore[arg-type]


def test_a_scored_tag_says_itself_in_words() -> None:
    rfm = RFM(n_bins=2)
    assert ScoredTag("r", rfm, "r").describe() == "'r' by RFM(n_bins=2), fitted for the build"
    fitted = ScoredTag("r", rfm, "r", refit=False)
    assert fitted.describe() == "'r' by RFM(n_bins=2), fitted before"
