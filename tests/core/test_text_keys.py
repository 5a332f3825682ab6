"""Keys of equally long texts: equal for equal texts, in their order, and never guessed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.coding import code_values
from userportrait._core.text_keys import keys_of_texts

pytest.importorskip("pyarrow")


def arrow(texts: list[str]) -> pd.api.extensions.ExtensionArray:
    return pd.array(texts, dtype="string[pyarrow]")


@given(st.integers(1, 20), st.data())
def test_keys_keep_equality_and_order_and_codes_are_those_of_numpy(
    size: int, data: st.DataObject
) -> None:
    letters = data.draw(st.sampled_from(["0123456789", "0A9:/", "abcXYZ 09", "é0"]))
    text = st.text(alphabet=letters, min_size=size, max_size=size)
    prefix = data.draw(st.sampled_from(["", "C", "CUST-2026-"]))
    texts = [prefix + t for t in data.draw(st.lists(text, min_size=1, max_size=20))]
    expected_ids, expected_codes = np.unique(np.array(texts, dtype=object), return_inverse=True)
    codes, distinct = code_values(arrow(texts))
    assert distinct.tolist() == expected_ids.tolist()
    assert codes.tolist() == expected_codes.tolist()
    keys = keys_of_texts(arrow(texts))
    if keys is not None:
        order = np.argsort(keys, kind="stable")
        assert [texts[i] for i in order] == sorted(texts)
        assert len(set(keys.tolist())) == len(set(texts))


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["C00001234", "C00000007"], [1234, 7]),
        (["17850", "13047"], [17850 - 10_000, 13047 - 10_000]),  # a shared first digit counts as 0
        (["CUST0012", "CUST0990"], [12, 990]),
        (["00000000", "99999999"], [0, 99_999_999]),
        (["7777", "7777"], [0, 0]),
    ],
)
def test_digits_become_the_number_that_they_write(texts: list[str], numbers: list[int]) -> None:
    keys = keys_of_texts(arrow(texts))
    assert keys is not None
    assert keys.dtype == np.int64
    assert keys.tolist() == numbers


@pytest.mark.parametrize("odd", ["0000000/", "0000000:", "000000a0", "0000 000"])
def test_a_byte_beside_the_digits_is_not_read_as_one(odd: str) -> None:
    keys = keys_of_texts(arrow([odd, "99999999", "10000000"]))
    assert keys is not None
    assert keys.dtype == np.uint64


@pytest.mark.parametrize(
    "texts",
    [["a", "bb"], ["abc", "abd"], ["A1234567890", "B1234567890"], ["x" * 65, "y" * 65]],
)
def test_other_texts_have_no_keys(texts: list[str]) -> None:
    assert keys_of_texts(arrow(texts)) is None


def test_nulls_slices_and_chunks() -> None:
    assert keys_of_texts(pd.array(["0001", None], dtype="string[pyarrow]")) is None
    whole = pd.Series([f"C{i:08d}" for i in range(100)], dtype="string[pyarrow]")
    part = whole[20:50]
    assert keys_of_texts(part.array).tolist() == list(range(20, 50))
    joined = pd.concat([whole[90:], whole[:5]], ignore_index=True)
    assert keys_of_texts(joined.array).tolist() == [*range(90, 100), *range(5)]
    assert keys_of_texts(arrow([])) is None


def test_object_texts_are_left_to_hashing() -> None:
    assert keys_of_texts(np.array(["0001", "0002"], dtype=object)) is None
