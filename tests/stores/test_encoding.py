"""What may be kept, and how it is written."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import ColumnTypeError, InvalidDataError, StoreError
from userportrait.stores import _encoding as encoding
from userportrait.stores import check_profiles
from userportrait.typing import Build

TAG_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)


class Level(IntEnum):
    GOLD = 3


class Channel(StrEnum):
    APP = "app"


@given(st.dictionaries(st.text(), TAG_VALUES, max_size=8))
def test_every_profile_comes_back_with_its_types(profile: dict[str, Any]) -> None:
    found = encoding.decode_profile(encoding.encode_profile(profile))
    assert found == profile
    assert list(found) == list(profile)
    assert [repr(v) for v in found.values()] == [repr(v) for v in profile.values()]


def test_profiles_are_compact_json_with_readable_chinese() -> None:
    profile = {"n": 1, "段": "重要", "x": 0.5, "b": True, "u": None}
    assert encoding.encode_profile(profile) == '{"n":1,"段":"重要","x":0.5,"b":true,"u":null}'


def test_half_a_character_is_kept_in_values_but_not_in_ids() -> None:
    text = encoding.encode_profile({"name": "caf\udce9"})
    assert text.isascii()
    assert encoding.decode_profile(text) == {"name": "caf\udce9"}
    with pytest.raises(InvalidDataError, match="half a character"):
        encoding.check_customer_id("caf\udce9")


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (np.int64(3), 3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (Level.GOLD, 3),
        (Channel.APP, "app"),
    ],
)
def test_scalars_of_other_kinds_become_plain(given_value: Any, kept: Any) -> None:
    for profile in (
        encoding.plain_profile({"t": given_value}),
        encoding.decode_profile(encoding.encode_profile({"t": given_value})),
        encoding.plain_profile(MappingProxyType({"t": given_value})),
    ):
        assert profile == {"t": kept}
        assert type(profile["t"]) is type(kept)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "tag 'spend' is NaN; use None for 'unknown'."),
        (np.float64("nan"), "tag 'spend' is NaN; use None for 'unknown'."),
        (np.float32("nan"), "tag 'spend' is NaN; use None for 'unknown'."),
        (float("inf"), "tag 'spend' is infinite; numbers are finite."),
        (float("-inf"), "tag 'spend' is infinite; numbers are finite."),
    ],
)
def test_numbers_that_are_not_finite_are_refused_by_name(value: Any, message: str) -> None:
    for refuse in (encoding.plain_profile, encoding.encode_profile):
        with pytest.raises(InvalidDataError) as caught:
            refuse({"n_orders": 1, "spend": value})
        assert str(caught.value) == message
        assert caught.value.column == "spend"


@pytest.mark.parametrize(
    ("value", "kind", "hint"),
    [
        (date(2026, 1, 31), "date", " A date is text, such as '2026-01-31'."),
        (datetime(2026, 1, 31), "datetime", " A date is text, such as '2026-01-31'."),
        (pd.Timestamp("2026-01-31"), "Timestamp", " A date is text, such as '2026-01-31'."),
        (np.datetime64("2026-01-31"), "datetime64", " A date is text, such as '2026-01-31'."),
        (pd.NA, "NAType", " Use None for 'unknown'."),
        (pd.NaT, "NaTType", " Use None for 'unknown'."),
        (Decimal("1.5"), "Decimal", " Convert it with float()."),
        (Fraction(1, 3), "Fraction", " Convert it with float()."),
        ([1], "list", ""),
        ({"a": 1}, "dict", ""),
        (b"a", "bytes", ""),
        (1j, "complex", ""),
        (np.array([1]), "ndarray", ""),
        (np.longdouble(1), type(np.longdouble(1)).__name__, ""),
    ],
)
def test_values_of_other_types_are_refused_by_name(value: Any, kind: str, hint: str) -> None:
    for refuse in (encoding.plain_profile, encoding.encode_profile):
        with pytest.raises(ColumnTypeError) as caught:
            refuse({"spend": value})
        assert str(caught.value) == (
            f"tag 'spend': {kind} is not a tag value. "
            f"Use a bool, an int, a finite float, a text or None.{hint}"
        )


def test_tag_names_must_be_texts() -> None:
    for refuse in (encoding.plain_profile, encoding.encode_profile):
        with pytest.raises(ColumnTypeError, match="a tag's name must be a text; got int"):
            refuse({1: 1})  # type: ignore[dict-item]


def test_an_integer_that_json_cannot_write_is_refused() -> None:
    # Python writes at most 4300 digits by default (sys.get_int_max_str_digits).
    with pytest.raises(InvalidDataError, match="too many digits"):
        encoding.encode_profile({"n": 10**5000})


@pytest.mark.parametrize("key", [1.0, True, np.bool_(True), np.float64(1), None, b"1", (1,)])
def test_ids_are_integers_or_texts(key: Any) -> None:
    with pytest.raises(ColumnTypeError, match="customer_id must be an integer or a text"):
        encoding.check_customer_id(key)


@pytest.mark.parametrize(
    ("key", "kept"),
    [(np.int32(5), 5), (np.str_("a"), "a"), (Level.GOLD, 3), (Channel.APP, "app"), ("", "")],
)
def test_ids_become_plain(key: Any, kept: Any) -> None:
    found = encoding.check_customer_id(key)
    assert found == kept
    assert type(found) is type(kept)


def test_integer_ids_fit_64_bits() -> None:
    assert encoding.check_customer_id(2**63 - 1) == 2**63 - 1
    assert encoding.check_customer_id(-(2**63)) == -(2**63)
    for key in (2**63, -(2**63) - 1, np.uint64(2**63)):
        with pytest.raises(InvalidDataError, match="must fit 64 bits"):
            encoding.check_customer_id(key)


def test_profiles_are_checked_lazily_and_one_by_one() -> None:
    def profiles() -> Any:
        yield 1, {"n": 1}
        raise LookupError("later")

    checked = check_profiles(profiles())
    assert next(checked) == (1, {"n": 1})
    with pytest.raises(LookupError):
        next(checked)


def test_errors_name_the_position() -> None:
    with pytest.raises(InvalidDataError) as caught:
        list(check_profiles([(1, {}), ("1", {}), (1, {})]))
    assert caught.value.rows == (2,)
    assert caught.value.column == "customer_id"
    assert str(caught.value) == (
        "a customer comes twice: one build has one profile for each customer_id. "
        "Merge or drop the repeated one. Rows (from 0): 2"
        "."
    )
    with pytest.raises(ColumnTypeError) as typed:
        list(check_profiles([(1, {}), (2, {"x": [1]})]))
    assert typed.value.rows == (1,)
    assert pickle.loads(pickle.dumps(typed.value)).rows == (1,)


def test_a_numpy_id_and_its_plain_value_are_one_customer() -> None:
    with pytest.raises(InvalidDataError, match="comes twice"):
        list(check_profiles([(1, {}), (np.int64(1), {})]))  # type: ignore[list-item]


def test_messages_never_print_an_id() -> None:
    with pytest.raises(InvalidDataError) as caught:
        list(check_profiles([("ann@example.com", {}), ("ann@example.com", {})]))
    assert "ann" not in str(caught.value)


def test_builds_come_back() -> None:
    build = Build(
        as_of=datetime(2026, 1, 1, 5, 6, 7, 8), versions={"b": 1, "a": 2}, facts={"客": [1, None]}
    )
    assert encoding.decode_build(encoding.encode_build(build)) == build
    assert encoding.decode_build(encoding.encode_build(build).encode()) == build


@pytest.mark.parametrize("fact", [datetime(2026, 1, 1, tzinfo=UTC), float("nan"), {1, 2}])
def test_facts_that_json_cannot_write_are_refused(fact: Any) -> None:
    build = Build(as_of=datetime(2026, 1, 1), versions={}, facts={"fact": fact})
    with pytest.raises(InvalidDataError, match="facts cannot be written as JSON"):
        encoding.encode_build(build)


@pytest.mark.parametrize("text", ["", "{", "nonsense"])
def test_a_damaged_profile_is_a_store_error(text: str) -> None:
    with pytest.raises(StoreError, match="not JSON"):
        encoding.decode_profile(text)


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"as_of": "x", "versions": {}})])
def test_a_damaged_build_is_a_store_error(text: str) -> None:
    with pytest.raises(StoreError, match="kept build is not readable"):
        encoding.decode_build(text)
