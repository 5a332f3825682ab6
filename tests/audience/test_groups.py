"""Values of a tag as rows: labels, order, counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.columns import NumberColumn, TextColumn, column_from
from userportrait.audience._groups import group_values


def rows(
    values: Any, inside: Any = None, *, n_bins: int = 5, min_size: int = 1
) -> list[tuple[str, int, int]]:
    column = column_from(values)
    mask = np.ones(len(column), dtype=bool) if inside is None else np.array(inside, dtype=bool)
    return [tuple(g) for g in group_values(column, mask, n_bins=n_bins, min_size=min_size)]


def labels(values: Any, **options: int) -> list[str]:
    return [label for label, _, _ in rows(values, **options)]


# --- yes and no, texts -----------------------------------------------------------------------


def test_yes_comes_before_no_and_unknown_last() -> None:
    found = rows([False, True, None, False], [1, 1, 1, 0])
    assert found == [("yes", 1, 1), ("no", 1, 2), ("(missing)", 1, 1)]


def test_a_value_that_nobody_has_gets_no_row() -> None:
    assert labels([True, True]) == ["yes"]
    assert labels([]) == []
    taken = column_from(["a", "b", None]).take(np.array([1, 1]))
    assert [g.label for g in group_values(taken, np.ones(2, dtype=bool), n_bins=5, min_size=1)] == [
        "b"
    ]


def test_texts_are_in_alphabetical_order() -> None:
    found = rows(["b", "a", "b", None], [1, 0, 0, 1])
    assert found == [("a", 0, 1), ("b", 1, 2), ("(missing)", 1, 1)]


def test_labels_that_are_not_sorted_are_put_in_order() -> None:
    column = TextColumn(np.array([0, 1, 2, 0], dtype=np.int32), ("c", "a", "b"))
    found = group_values(column, np.array([True, True, False, False]), n_bins=5, min_size=1)
    assert [tuple(group) for group in found] == [("a", 1, 1), ("b", 0, 1), ("c", 1, 2)]


def test_the_20_most_frequent_texts_have_a_row_and_the_others_one_together() -> None:
    # Text i comes i + 1 times, so the five least frequent of 25 are 'a' to 'e': 15 rows.
    names = [chr(ord("a") + i) for i in range(25)]
    found = rows([name for i, name in enumerate(names) for _ in range(i + 1)] + [None])
    assert [label for label, _, _ in found] == [*names[5:], "(other)", "(missing)"]
    assert found[-2] == ("(other)", 15, 15)
    assert len(labels([*names[:21]])) == 21  # the last one is shown, not called other


def test_rare_texts_stand_together() -> None:
    found = rows(["a"] * 3 + ["b"] * 2 + ["c"], min_size=3)
    assert found == [("a", 3, 3), ("(other)", 3, 3)]
    assert rows(["a", "b"], min_size=9) == [("(other)", 2, 2)]


def test_many_dates_become_spans_of_about_equal_size() -> None:
    dates = [str(day)[:10] for day in pd.date_range("2011-01-01", periods=100)]
    found = rows(dates, n_bins=4)
    assert found == [
        ("2011-01-01 – 2011-01-25", 25, 25),
        ("2011-01-26 – 2011-02-19", 25, 25),
        ("2011-02-20 – 2011-03-16", 25, 25),
        ("2011-03-17 – 2011-04-10", 25, 25),
    ]
    busy = rows([*dates, *["2011-04-10"] * 900, None])
    assert busy[-2:] == [("2011-04-10", 901, 901), ("(missing)", 1, 1)]
    assert labels([*dates, "soon"])[-1] == "(other)"


# --- numbers -----------------------------------------------------------------------------


def test_few_distinct_numbers_have_a_row_each() -> None:
    assert rows([5, 1, 3, 1, None], [1, 1, 0, 0, 0]) == [
        ("1", 1, 2),
        ("3", 0, 1),
        ("5", 1, 1),
        ("(missing)", 0, 1),
    ]
    assert labels([0.5, 1.0, 1.5, 0.5]) == ["0.5", "1", "1.5"]
    assert labels([2.0, 4.0, 2.0]) == ["2", "4"]
    assert labels([12000, 7]) == ["7", "12,000"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # A fifth each: 0, 1, then 2 to 5 as one bin of ties, the rest.
        ([0] * 40 + [1] * 20 + [2, 3, 4, 5] * 5 + list(range(6, 26)), ["0", "1", "2–5", "> 5"]),
        (range(100), ["≤ 19", "20–39", "40–59", "60–79", "> 79"]),
        (range(-50, 50), ["≤ -31", "-30 to -11", "-10 to 9", "10–29", "> 29"]),
        (np.arange(100) / 4, ["≤ 4.75", "4.75–9.75", "9.75–14.8", "14.8–19.8", "> 19.8"]),
        ([0.0] * 70 + [float(i) + 0.5 for i in range(30)], ["0", "> 0–9.5", "> 9.5"]),
        (
            [i * 8_125_000 for i in range(20)],
            # The limits are the values 3, 7, 11 and 15 × 8,125,000, to three digits.
            [
                *("≤ 24,400,000", "24,400,001–56,900,000", "56,900,001–89,400,000"),
                *("89,400,001–122,000,000", "> 122,000,000"),
            ],
        ),
        ([7] * 100, ["7"]),
    ],
)
def test_labels_of_numbers_are_readable(values: Any, expected: list[str]) -> None:
    assert labels(list(values)) == expected


def test_a_value_that_fills_a_bin_has_a_row_of_its_own() -> None:
    rising = [float(i) + 0.25 for i in range(50)]
    assert rows([*rising, *[12.345] * 50], n_bins=4) == [
        ("≤ 12.25", 13, 13),
        ("12.345", 50, 50),
        ("> 12.345–24.2", 11, 11),  # the third quartile, 24.25, to three digits
        ("> 24.2", 26, 26),
    ]
    assert rows([*range(50), *[1000] * 950]) == [("≤ 49", 50, 50), ("1,000", 950, 950)]


def test_whole_numbers_stay_whole_in_a_float_column() -> None:
    assert labels([float(i) for i in range(100)]) == labels(range(100))


def test_numbers_far_apart_are_binned_too() -> None:
    values = [i * 10**14 for i in range(-50, 50)]
    assert labels(values)[0] == "≤ -3,100,000,000,000,000"
    assert labels([1e-9 * i for i in range(1, 101)])[0] == "≤ 2e-08"


def test_the_number_of_bins_can_be_chosen() -> None:
    assert labels(range(100), n_bins=2) == ["≤ 49", "> 49"]
    assert len(labels(range(10_000), n_bins=50)) == 50


def test_small_bins_are_joined_with_their_neighbour() -> None:
    values = [1] * 5 + [2] * 2 + [3] * 2 + [4]
    assert rows(values, min_size=3) == [("1", 5, 5), ("> 1", 5, 5)]
    assert rows(values, min_size=2) == [("1", 5, 5), ("2", 2, 2), ("> 2", 3, 3)]
    assert rows(values, min_size=99) == [("1–4", 10, 10)]


NUMBERS = st.lists(
    st.none() | st.integers(-3, 40) | st.floats(-1e3, 1e3) | st.sampled_from([0.0, 1e12]),
    max_size=60,
)


@given(NUMBERS, st.integers(2, 8), st.integers(1, 5), st.randoms())
def test_each_row_is_counted_once(
    values: list[Any], n_bins: int, min_size: int, random: Any
) -> None:
    inside = [random.random() < 0.4 for _ in values]
    found = rows(values, inside, n_bins=n_bins, min_size=min_size)
    assert sum(n_all for _, _, n_all in found) == len(values)
    assert sum(n_inside for _, n_inside, _ in found) == sum(inside)
    assert len({label for label, _, _ in found}) == len(found)
    assert all(0 <= n_inside <= n_all > 0 for _, n_inside, n_all in found)


@given(st.lists(st.integers(0, 500), min_size=30, max_size=80))
def test_a_number_is_in_the_bin_that_its_label_names(values: list[int]) -> None:
    for label, _, n_all in rows(values):
        assert n_all == sum(in_label(value, label) for value in values)


def in_label(value: float, label: str) -> bool:
    if label.startswith("≤ "):
        return value <= float(label[2:])
    if label.startswith("> "):
        return value > float(label[2:])
    low, _, high = label.partition("–")
    return float(low) <= value <= float(high or low)


def test_unknown_numbers_are_not_zeros() -> None:
    column = NumberColumn(np.array([0, 0, 5]), np.array([True, False, True]))
    found = group_values(column, np.ones(3, dtype=bool), n_bins=5, min_size=1)
    assert [tuple(group) for group in found] == [("0", 1, 1), ("5", 1, 1), ("(missing)", 1, 1)]
