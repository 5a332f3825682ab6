"""Exact sums by key against a plain dict, in any order and grouping."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.coding import code_values
from userportrait._core.entries import Coded, Entries, group_starts
from userportrait.errors import ColumnTypeError, InvalidDataError

KEYS, SUMS = ["customer", "label", "at", "flag"], ["n", "money"]
row = st.tuples(
    st.integers(0, 4),
    st.sampled_from([None, "a", "b", "é", "戊", ""]),
    st.sampled_from([-(2**62), -1, 0, 1, 2**62]),
    st.booleans(),
    st.integers(0, 3),
    st.integers(-(2**40), 2**40),
)


def columns_of(rows: list[Any]) -> dict[str, Any]:
    customer, label, at, flag, n, money = zip(*rows, strict=True) if rows else ([],) * 6
    return {
        "customer": np.array(customer, dtype=np.int64),
        "label": np.array([*label, None], dtype=object)[:-1],
        "at": np.array(at, dtype=np.int64),
        "flag": np.array(flag, dtype=bool),
        "n": np.array(n, dtype=np.int64),
        "money": np.array(money, dtype=np.int64),
    }


def entries_of(rows: list[Any]) -> Entries:
    entries = Entries(KEYS, SUMS)
    entries.add(columns_of(rows))
    return entries


def in_plain_python(rows: list[Any]) -> list[tuple[Any, ...]]:
    n: Counter[Any] = Counter()
    money: Counter[Any] = Counter()
    for *key, count, amount in rows:
        n[tuple(key)] += count
        money[tuple(key)] += amount
    keys = sorted(n, key=lambda k: (k[0], k[1] is not None, k[1] or "", *k[2:]))
    return [(*key, n[key], money[key]) for key in keys]


def rows_of(entries: Entries) -> list[tuple[Any, ...]]:
    found = entries.settled()
    return list(zip(*(column.tolist() for column in found.values()), strict=True)) if found else []


@given(st.lists(row, max_size=60), st.data())
def test_any_split_in_any_order_and_grouping_gives_the_sums_of_a_dict(
    rows: list[Any], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    folded, joined = Entries(KEYS, SUMS), Entries(KEYS, SUMS)
    for part in parts:
        folded.add(columns_of(part))
        joined = entries_of(part).join(joined)
    assert rows_of(folded) == in_plain_python(rows) == rows_of(joined)
    assert folded == joined == entries_of(rows)
    again = Entries(KEYS, SUMS)
    if rows:
        again.add(folded.packed())
    assert again == folded
    assert pickle.loads(pickle.dumps(folded)) == folded


def test_a_long_random_table_agrees_with_numpy() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    columns = {
        "customer": rng.integers(-(2**62), 2**62, 50)[rng.integers(0, 50, n)],
        "label": np.array(["x", "y", None], dtype=object)[rng.integers(0, 3, n)],
        "at": rng.integers(0, 2**61, 40)[rng.integers(0, 40, n)],
        "flag": rng.random(n) < 0.5,
        "n": np.ones(n, dtype=np.int64),
        "money": rng.integers(-(2**50), 2**50, n),
    }
    entries = Entries(KEYS, SUMS)
    for start in range(0, n, 1111):
        entries.add({name: values[start : start + 1111] for name, values in columns.items()})
    found = entries.settled()
    assert int(found["n"].sum()) == n
    assert int(found["money"].sum()) == int(columns["money"].sum())
    keys = [tuple(k) for k in zip(*(columns[name].tolist() for name in KEYS), strict=True)]
    assert entries.n_rows == len(set(keys)) == len(found["n"])
    first = group_starts(*(entries.settled_keys()[name] for name in KEYS))
    assert bool(first.all())


def test_a_small_batch_leaves_the_long_run_alone() -> None:
    entries = Entries(["k"], ["n"])
    ones = np.ones(10_000, dtype=np.int64)
    entries.add({"k": np.arange(10_000), "n": ones})
    long_run = entries._runs[0]
    for start in range(0, 1000, 100):
        entries.add({"k": np.arange(start, start + 100), "n": ones[:100]})
    assert entries._runs[0] is long_run  # not rewritten, so a batch costs what it holds itself
    assert len(entries._runs) <= 8
    assert int(entries.settled()["n"].sum()) == 11_000


def test_adding_to_joined_entries_changes_neither_source() -> None:
    left, right = entries_of([(1, "a", 0, True, 1, 5)]), entries_of([(2, None, 0, True, 1, 7)])
    joined, copied = left.join(right), left.copy()
    joined.add(columns_of([(1, "a", 0, True, 1, 5)]))
    copied.add(columns_of([(9, "z", 0, True, 1, 5)]))
    assert [len(rows_of(e)) for e in (left, right, joined, copied)] == [1, 1, 2, 2]


def test_coded_columns_count_as_their_values() -> None:
    labels = np.array(["b", None, "a", "b"], dtype=object)
    plain, coded = Entries(["k"], ["n"]), Entries(["k"], ["n"])
    ones = np.ones(4, dtype=np.int64)
    plain.add({"k": labels, "n": ones})
    codes, _ = code_values(labels)
    idle = Coded(np.where(codes < 0, -1, codes * 2 + 1), np.array(["", "a", "aa", "b"], object))
    coded.add({"k": idle, "n": ones})
    assert coded == plain
    assert coded.settled_keys()["k"][1].tolist() == ["a", "b"]  # idle values are gone
    numbers = Entries(["k"], ["n"])
    numbers.add({"k": Coded(np.array([1, 0, 1]), np.array([7, 9])), "n": ones[:3]})
    assert rows_of(numbers) == [(7, 1), (9, 2)]


def test_values_of_a_key_can_be_erased_and_are_counted_once() -> None:
    entries = Entries(["k", "other"], ["n"])
    for _ in range(3):
        entries.add(
            {
                "k": np.array(["ann", "bo", "cy"], dtype=object),
                "other": np.array(["x", "only bo's", None], dtype=object),
                "n": np.array([1, 2, 3]),
            }
        )
    assert entries.distinct("k").tolist() == ["ann", "bo", "cy"]
    kept, n = entries.without("k", ["bo", "nobody", 7, "bo"])
    assert n == 1
    assert rows_of(kept) == [("ann", "x", 3), ("cy", None, 9)]
    assert b"only bo" not in repr(kept.packed()).encode()
    assert len(rows_of(entries)) == 3
    numbers = Entries(["k"], ["n"])
    numbers.add({"k": np.array([1, 2, 3]), "n": np.array([1, 1, 1])})
    kept, n = numbers.without("k", [2, np.int64(3), "1", 2**70, True])
    assert (n, rows_of(kept)) == (2, [(1, 1)])
    assert not numbers.without("k", [1, 2, 3])[0]


def test_a_key_that_changes_its_type_is_refused_and_nothing_is_added() -> None:
    entries = Entries(["k"], ["n"])
    entries.add({"k": np.array([1]), "n": np.array([1])})
    texts = {"k": np.array(["1"], dtype=object), "n": np.array([1])}
    with pytest.raises(InvalidDataError, match="'k' holds whole numbers in one batch and texts in"):
        entries.add(texts)
    other = Entries(["k"], ["n"])
    other.add(texts)
    with pytest.raises(InvalidDataError, match="Convert it to one type before"):
        entries.join(other)
    with pytest.raises(ColumnTypeError, match="'k' must hold whole numbers, booleans or texts"):
        entries.add({"k": np.array([1.5]), "n": np.array([1])})
    with pytest.raises(ColumnTypeError, match="it holds object"):
        entries.add({"k": np.array([(1, 2), 3], dtype=object), "n": np.array([1, 2])})
    with pytest.raises(InvalidDataError, match="the columns differ in length"):
        entries.add({"k": np.array([1, 2]), "n": np.array([1])})
    assert rows_of(entries) == [(1, 1)]


def test_no_rows_change_nothing_and_settle_to_no_columns() -> None:
    entries = Entries(["k"], ["n"])
    entries.add({"k": np.array([], dtype=object), "n": np.array([], dtype=np.int64)})
    assert not entries
    assert (entries.settled(), entries.n_rows, entries.kinds) == ({}, 0, {})
    assert entries.distinct("k").tolist() == []
    assert entries == Entries(["k"], ["n"])
    assert entries != Entries(["k"], ["m"])
    assert repr(entries) == "<Entries: 0 rows>"
