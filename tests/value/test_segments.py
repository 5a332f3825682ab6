"""The segment maps hold what their sources say."""

from __future__ import annotations

from itertools import product

from userportrait.value import QUINTILE11, VALUE8


def test_each_of_the_125_codes_belongs_to_exactly_one_of_eleven_segments() -> None:
    codes = [code for segment in QUINTILE11.keys for code in QUINTILE11.codes[segment]]
    assert sorted(codes) == sorted("".join(c) for c in product("12345", repeat=3))
    # Sizes as in the widely copied list.
    sizes = [len(QUINTILE11.codes[key]) for key in QUINTILE11.keys]
    assert sizes == [7, 8, 24, 7, 16, 8, 8, 22, 8, 11, 6]


def test_each_of_the_eight_codes_belongs_to_one_of_eight_segments() -> None:
    codes = [code for segment in VALUE8.keys for code in VALUE8.codes[segment]]
    assert sorted(codes) == sorted("".join(c) for c in product("12", repeat=3))


def test_money_decides_between_important_and_general() -> None:
    for key, label in zip(VALUE8.keys, VALUE8.labels["zh"], strict=True):
        (code,) = VALUE8.codes[key]
        assert label.startswith("重要" if code[2] == "2" else "一般")
        assert key.startswith("important" if code[2] == "2" else "general")


def test_the_table_finds_the_segment_of_a_code() -> None:
    table = QUINTILE11.table()
    assert QUINTILE11.keys[table[4, 4, 4]] == "champions"
    assert QUINTILE11.keys[table[0, 3, 3]] == "cannot_lose_them"  # code 144
    assert (table >= 0).all()


def test_labels_are_distinct_in_each_language() -> None:
    for segment_map in (QUINTILE11, VALUE8):
        for labels in segment_map.labels.values():
            assert len(set(labels)) == len(segment_map.keys)
