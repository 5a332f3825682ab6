from __future__ import annotations

import json

import numpy as np
import pytest

from userportrait._core.columns import Column, NumberColumn, TextColumn, column_from
from userportrait.tags._encoding import _BATCH, encode_rows


def check(columns: dict[str, Column], n: int) -> None:
    found = list(encode_rows(np.arange(n), columns))
    assert [customer for customer, _ in found] == list(range(n))
    lists = {name: column.to_list() for name, column in columns.items()}
    for row in [*range(0, n, max(1, n // 500)), n - 1]:
        expected = {name: v[row] for name, v in lists.items() if v[row] is not None}
        assert json.loads(found[row][1]) == expected


@pytest.mark.parametrize("n", [1, _BATCH - 1, _BATCH, _BATCH + 1])
def test_batches_join_without_a_seam(n: int) -> None:
    generator = np.random.default_rng(7)
    known = generator.random(n) < 0.7
    check(
        {
            "narrow": NumberColumn(np.where(known, generator.integers(-9, 9, n), 0), known),
            "wide": NumberColumn(np.where(known, generator.integers(-(2**62), 2**62, n), 0), known),
            "repeated": NumberColumn(np.round(generator.random(n), 1), np.ones(n, dtype=bool)),
            "distinct": NumberColumn(np.where(known, generator.random(n), 0.0), known),
            "text": TextColumn(generator.integers(-1, 3, n).astype(np.int32), ("a", '"', "é\n")),
            "flag": column_from(np.where(known, generator.random(n) < 0.5, False)),
        },
        n,
    )


def test_repeated_numbers_keep_the_sign_of_zero() -> None:
    column = NumberColumn(np.array([0.0, -0.0] * 500), np.ones(1000, dtype=bool))
    rows = [text for _, text in encode_rows(np.arange(1000), {"x": column})]
    assert rows[:2] == ['{"x":0.0}', '{"x":-0.0}']


def test_half_a_character_is_escaped_so_that_stores_can_take_it() -> None:
    column = TextColumn(np.array([0], dtype=np.int32), ("\ud800",))
    ((_, text),) = encode_rows(np.array([1]), {"x": column})
    assert text == '{"x":"\\ud800"}'
    text.encode()


def test_customers_who_are_texts_stay_texts() -> None:
    ids = np.array(["a", "b"], dtype=object)
    assert list(encode_rows(ids, {})) == [("a", "{}"), ("b", "{}")]
