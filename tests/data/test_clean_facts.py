"""Facts of columns and lines: joined from any parts they are those of the whole."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.data._clean_columns import column_from_pandas
from userportrait.data._clean_facts import (
    MOST_TEXTS,
    ColumnFacts,
    facts_from_json,
    facts_to_json,
)
from userportrait.data._clean_ids import learn_ids
from userportrait.data._clean_known import LineFacts, join_facts
from userportrait.data._clean_times import TimeOptions, learn_times

IDS = ["7.0", " 8.0", "x", "", "nan", None]
TIMES = [
    "31/12/2026",
    "12/31/2026",
    "01/02/2026",
    "2026-01-05",
    "2026-01-05 10:00+02:00",
    "?",
    None,
]


def facts_of(values: list[Any], what: str) -> ColumnFacts:
    column = column_from_pandas(pd.Series(values, dtype="object"))
    return learn_ids(column) if what == "ids" else learn_times(column, TimeOptions())


@given(st.lists(st.lists(st.sampled_from(IDS), min_size=1, max_size=4), min_size=1, max_size=4))
def test_facts_of_ids_join_to_those_of_all(parts: list[list[Any]]) -> None:
    whole = facts_of([value for part in parts for value in part], "ids")
    assert reduce(ColumnFacts.join, [facts_of(part, "ids") for part in parts]) == whole


@given(
    st.lists(st.lists(st.sampled_from(TIMES[2:]), min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from(TIMES[:2]),
)
def test_facts_of_times_join_to_those_of_all(parts: list[list[Any]], sure: str) -> None:
    # What decides the order of day and month is in every part, or in one of them.
    whole = facts_of([sure, *(value for part in parts for value in part)], "times")
    joined = reduce(
        ColumnFacts.join, [facts_of([sure], "times")] + [facts_of(p, "times") for p in parts]
    )
    reading = int(bool(whole.day_dates))
    assert (joined.day_dates, joined.month_dates) == (whole.day_dates, whole.month_dates)
    assert (joined.known, joined.dashed) == (whole.known, whole.dashed)
    assert joined.naive[reading] == whole.naive[reading]
    assert joined.aware[reading] == whole.aware[reading]


def test_numbers_that_cannot_be_ids_are_counted() -> None:
    broken = learn_ids(column_from_pandas(pd.Series([1.5, np.inf, 2.0, None])))
    large = learn_ids(column_from_pandas(pd.Series([2.0**60, 1.0])))
    both = broken.join(large)
    assert (both.kind, both.known, both.broken, both.large) == ("number", 5, 2, 2)


def test_nothing_but_nulls_says_nothing_about_the_kind() -> None:
    nothing = ColumnFacts("text", 0)
    whole = ColumnFacts("integer", 3)
    assert nothing.join(whole).kind == whole.join(nothing).kind == "integer"
    assert nothing.join(nothing).kind == "text"
    assert whole.join(ColumnFacts("text", 1)).kind == "text"


def test_few_texts_are_kept_of_a_column_without_times() -> None:
    found = facts_of([f"no {i}" for i in range(3 * MOST_TEXTS)], "times")
    assert len(found.unread) == MOST_TEXTS + 1
    assert len(found.join(found).unread) == MOST_TEXTS + 1


def test_facts_survive_the_way_to_the_driver() -> None:
    facts = {"when": facts_of(TIMES, "times"), "who": facts_of(IDS, "ids")}
    assert facts_from_json(facts_to_json(facts)) == facts


def line_facts(rows: list[tuple[str | None, float, int]], marked: int = 0) -> LineFacts:
    sizes = pd.DataFrame(rows, columns=["item", "size", "n"]).astype({"item": "object"})
    items = np.array(["A1", "POST"], dtype=object)
    return LineFacts(marked, 2, items, np.array([3, 1]), {"quantity": sizes})


@pytest.mark.parametrize("n_parts", [1, 2, 3, 5])
def test_facts_of_lines_add_up(n_parts: int) -> None:
    part = line_facts([(None, 1.0, 2), (None, 2.5, 1), ("POST", 1.0, 4)], marked=1)
    found = join_facts([LineFacts.from_bytes(part.to_bytes())] * n_parts)
    assert (found.n_marked, found.n_orders) == (n_parts, 2 * n_parts)
    assert found.n_lines.tolist() == [3 * n_parts, n_parts]
    assert found.sizes is not None
    assert found.sizes["quantity"]["n"].sum() == 7 * n_parts
    assert len(found.sizes["quantity"]) == 3


def test_sizes_that_one_part_did_not_count_are_unknown() -> None:
    one, items = line_facts([(None, 1.0, 2)]), np.array(["B"], dtype=object)
    other = LineFacts(0, 0, items, np.array([1]), None)
    assert LineFacts.from_bytes(other.to_bytes()).sizes is None
    assert one.join(other).sizes is None
