from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from userportrait.tags._pairs import count_distinct, distinct_pairs

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2), st.integers(0, 9)))


@given(rows)
def test_distinct_rows_are_sorted_and_counted(given: list[tuple[int, int, int]]) -> None:
    expected = Counter(given)
    parts, times = count_distinct([np.array([r[i] for r in given], dtype=int) for i in range(3)])
    found = list(zip(*(part.tolist() for part in parts), strict=True))
    assert found == sorted(expected)
    assert times.tolist() == [expected[row] for row in sorted(expected)]


def test_spans_whose_product_leaves_int64_are_counted_too() -> None:
    first = np.array([0, 2**30, 0, 2**30])
    second = np.array([2**30, 0, 2**30, 5])
    third = np.array([7, 0, 7, 2**20])
    parts, times = count_distinct([first, second, third])
    assert [part.tolist() for part in parts] == [
        [0, 2**30, 2**30], [2**30, 0, 5], [7, 0, 2**20],
    ]  # fmt: skip
    assert times.tolist() == [2, 1, 1]


@given(rows)
def test_pairs_know_where_each_row_went(given: list[tuple[int, int, int]]) -> None:
    first = np.array([row[0] for row in given], dtype=int)
    second = np.array([row[1] for row in given], dtype=int)
    found = distinct_pairs(first, second)
    assert found.first[found.place].tolist() == first.tolist()
    assert found.second[found.place].tolist() == second.tolist()
    assert found.times.sum() == len(given)
