"""RFM on a customer summary: the same scores from one pass, and what is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from helpers.engines import installed_engines, to_engine, to_pandas
from userportrait.data import make_shop
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.features import CustomerSummary, summarise_orders
from userportrait.value import RFM

ENGINES = [name for name in installed_engines() if name != "spark"]


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return make_shop(n_customers=60, random_state=6).orders.to_pandas()


@pytest.fixture(scope="module")
def summary(lines: pd.DataFrame) -> pd.DataFrame:
    return to_pandas(summarise_orders(lines))


def scored(model: RFM, native: Any) -> pd.DataFrame:
    return to_pandas(model.transform(native)).sort_values("customer_id", ignore_index=True)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("options", [{}, {"refunds": "ignore", "monetary": "mean"}])
def test_a_summary_is_scored_like_the_lines_that_it_was_made_of(
    name: str, options: dict[str, Any], lines: pd.DataFrame, summary: pd.DataFrame
) -> None:
    native = to_engine(name, summary)
    model, of_lines = RFM(**options).fit(native), RFM(**options).fit(lines)
    assert {k: v.tolist() for k, v in model.limits_.items()} == {
        k: v.tolist() for k, v in of_lines.limits_.items()
    }
    assert model.empty_scores_ == of_lines.empty_scores_
    assert model.n_customers_ == len(summary)
    assert model.as_of_ is None
    expected = to_pandas(of_lines.transform(lines))
    pd.testing.assert_frame_equal(scored(model, native), expected, check_exact=True)
    pd.testing.assert_frame_equal(scored(of_lines, native), expected, check_exact=True)


def test_limits_of_lines_score_the_table_of_a_state(lines: pd.DataFrame) -> None:
    state = CustomerSummary().update(lines)
    model = RFM().fit(lines, as_of="2025-12-01")
    later = model.transform(lines, as_of="2026-01-15")
    pd.testing.assert_frame_equal(model.transform(state.finalize("2026-01-15")), later)


def test_rows_of_a_summary_in_memory_keep_their_order(summary: pd.DataFrame) -> None:
    shuffled = summary.sample(frac=1, random_state=0)
    found = RFM().fit_transform(shuffled)
    assert found["customer_id"].tolist() == shuffled["customer_id"].tolist()


def test_as_of_does_not_go_with_a_summary(summary: pd.DataFrame) -> None:
    for call in (RFM().fit, RFM().fit_transform, RFM().fit(summary).transform):
        with pytest.raises(InvalidParameterError, match="as_of does not go with a customer summ"):
            call(summary, as_of="2026-01-01")


@pytest.mark.parametrize("name", [n for n in ENGINES if n in ("pandas", "duckdb", "ibis")])
def test_a_summary_that_lacks_something_is_refused(name: str, summary: pd.DataFrame) -> None:
    def fit(frame: pd.DataFrame) -> None:
        RFM().fit(to_engine(name, frame))

    with pytest.raises(MissingColumnError, match="RFM takes order lines, or what summarise_orders"):
        fit(summary.drop(columns="spend"))
    with pytest.raises(ColumnTypeError, match="'recency' must hold whole numbers; it holds number"):
        fit(summary.assign(recency=summary["recency"] + 0.5))
    with pytest.raises(ColumnTypeError, match="'spend' must hold numbers; it holds text"):
        fit(summary.assign(spend="much"))
    with pytest.raises(InvalidDataError, match="must hold a finite number for each customer"):
        fit(summary.assign(spend=summary["spend"].where(summary.index > 0)))
    with pytest.raises(InvalidDataError, match="the summary has no customers"):
        fit(summary[:0])


@pytest.mark.skipif("duckdb-private" not in ENGINES, reason="DuckDB is not installed")
def test_scores_stay_on_the_connection_of_a_private_relation(summary: pd.DataFrame) -> None:
    relation = to_engine("duckdb-private", summary)
    found = RFM().fit_transform(relation)
    joined = relation.set_alias("a").join(found.set_alias("b"), "a.customer_id = b.customer_id")
    assert len(joined) == len(summary)
