"""Services among the items, outliers and repeated rows are found by stated rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.data._clean_rules import (
    find_non_products,
    is_doubtful,
    outlier_limits,
    repeated_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DIGITS = [f"{i:05d}" for i in range(30)]


def find(labels: list[str], *, codes: tuple[str, ...] = (), detect: bool = True) -> set[str]:
    n_lines = np.ones(len(labels), dtype=np.int64)
    found = find_non_products(labels, n_lines, user_codes=codes, detect=detect)
    return {label for label, odd in zip(labels, found, strict=True) if odd}


def test_known_services_and_vouchers_are_found_in_any_case() -> None:
    codes = ["POST", "post", "BANK CHARGES", "C2", "M", "m", "gift_0001_20", "VOUCHER-10", "运费"]
    assert find([*DIGITS, *codes]) == set(codes)


def test_codes_without_a_digit_are_found_where_nearly_all_have_one() -> None:
    assert find([*DIGITS, "PADS"]) == {"PADS"}


def test_codes_of_a_family_with_digits_are_items() -> None:
    assert find([*DIGITS, "DCGS0003", "DCGSSGIRL", "DCGSSBOY"]) == set()


def test_a_catalogue_of_words_is_not_touched() -> None:
    words = ["Bread", "Coffee", "M", "S", "POST", "Voucher", "Tea"]
    assert find(words) == set()


def test_few_codes_say_little_so_only_known_ones_are_found() -> None:
    assert find(["85123A", "71053", "84406B", "PADS", "POST"]) == {"POST"}


def test_gift_items_with_numbers_are_items() -> None:
    assert find([*DIGITS, "GIFT001", "GIFT-0012"]) == set()


def test_popular_codes_without_a_digit_are_items() -> None:
    n_lines = np.ones(31, dtype=np.int64)
    n_lines[30] = 10
    found = find_non_products([*DIGITS, "BAGS"], n_lines, user_codes=(), detect=True)
    assert not found.any()


def test_the_users_codes_are_exact_and_work_without_detection() -> None:
    assert find([*DIGITS, "POST", "Post"], codes=("Post", "00001"), detect=False) == {
        "Post",
        "00001",
    }


def test_outlier_limits_follow_the_stated_rule() -> None:
    # Logs of 1..101 in powers of e: median 0, median absolute deviation 25 of -50..50.
    logs = np.arange(-50, 51)
    limits = outlier_limits(np.exp(logs), n_scales=3.0)
    assert limits is not None
    assert limits.high == pytest.approx(np.exp(3 * 1.4826 * 25))
    assert limits.low == pytest.approx(np.exp(-3 * 1.4826 * 25))


def test_equal_sizes_still_leave_room_for_a_factor_of_256() -> None:
    limits = outlier_limits(np.ones(100), n_scales=8.0)
    assert limits is not None
    assert limits.high == pytest.approx(256)
    assert limits.outside(np.array([1, 255, 257, 1 / 300])).tolist() == [False, False, True, True]


def test_few_sizes_have_no_outliers() -> None:
    assert outlier_limits(np.ones(49), n_scales=8.0) is None


@given(st.permutations([float(i + 1) for i in range(60)]))
def test_outlier_limits_do_not_depend_on_the_order(sizes: list[float]) -> None:
    assert outlier_limits(np.array(sizes), n_scales=8.0) == outlier_limits(
        np.arange(1.0, 61.0), n_scales=8.0
    )


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.booleans()), max_size=30))
def test_repeated_rows_are_those_a_set_would_find(rows: list[tuple[int, int, bool]]) -> None:
    first = np.array([a for a, _, _ in rows], dtype=np.int64)
    second = np.array([b for _, b, _ in rows], dtype=np.int64)
    candidates = np.array([c for _, _, c in rows], dtype=bool)
    seen: set[tuple[int, int]] = set()
    expected = []
    for a, b, candidate in rows:
        expected.append(candidate and (a, b) in seen)
        if candidate:
            seen.add((a, b))
    assert repeated_rows([first, second], candidates).tolist() == expected


def test_of_equal_rows_the_one_that_was_changed_least_is_left() -> None:
    column = np.array([5, 5, 7, 5, 7], dtype=np.int64)
    changes = np.array([3, 1, 2, 1, 0], dtype=np.int64)
    every = np.ones(5, dtype=bool)
    found = repeated_rows([column], every, changes=lambda rows: changes[rows])
    assert found.tolist() == [True, False, True, True, False]


def test_columns_that_are_not_needed_are_not_asked_for() -> None:
    def columns() -> Iterator[NDArray[np.int64]]:
        yield np.arange(10) * 100
        raise AssertionError

    assert not repeated_rows(columns(), np.ones(10, dtype=bool)).any()


def test_limits_are_the_same_from_counts() -> None:
    sizes = np.repeat([1.0, 2.0, 8.0, 500.0], [30, 21, 12, 1])
    values, counts = np.unique(sizes, return_counts=True)
    assert outlier_limits(values, counts, n_scales=3.0) == outlier_limits(sizes, n_scales=3.0)


def test_doubtful_codes_are_those_that_detection_may_find() -> None:
    assert [is_doubtful(code) for code in ("POST", "C2", "PADS", "85123A", "gift_1_2")] == [
        True, True, True, False, True,
    ]  # fmt: skip


def test_many_columns_of_many_values_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    columns = [rng.permutation(5000) for _ in range(12)]
    twice = [np.concatenate([c, c[:7]]) for c in columns]
    assert int(repeated_rows(twice, np.ones(5007, dtype=bool)).sum()) == 7
