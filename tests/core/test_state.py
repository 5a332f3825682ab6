"""Bytes of states survive, and say so where they do not; names of batches."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.entries import Coded
from userportrait._core.state import BatchIds, check_other, pack, unpack
from userportrait.errors import DuplicateBatchError, InvalidDataError, InvalidParameterError


def tables() -> dict[str, Any]:
    return {
        "entries": {
            "whole": np.array([1, -(2**63), 2**63 - 1]),
            "narrow": np.array([-128, 0, 127]),
            "flag": np.array([True, False, True]),
            "real": np.array([0.1, -np.inf, 1e300]),
            "text": np.array(["ann", None, "戊\ud800"], dtype=object),
        },
        "none": {},
        "empty": {"text": np.array([], dtype=object), "whole": np.array([], dtype=np.int64)},
    }


def test_columns_of_every_kind_come_back() -> None:
    payload = pack("UPTT", 3, {"digits": 2, "names": ["é"]}, tables())
    version, facts, found = unpack(payload, "UPTT", 3, "test state")
    assert (version, facts) == (3, {"digits": 2, "names": ["é"]})
    assert list(found) == ["entries", "none", "empty"]
    for name, values in tables()["entries"].items():
        assert found["entries"][name].tolist() == values.tolist()
        assert found["entries"][name].dtype == values.dtype
    assert len(found["empty"]["text"]) == 0
    assert payload == pack("UPTT", 3, {"names": ["é"], "digits": 2}, tables())


def test_texts_can_come_as_codes() -> None:
    payload = pack("UPTT", 1, {}, tables())
    text = unpack(payload, "UPTT", 1, "test state", coded=True)[2]["entries"]["text"]
    assert isinstance(text, Coded)
    assert (text.codes.tolist(), text.distinct.tolist()) == ([0, -1, 1], ["ann", "戊\ud800"])
    coded = {"entries": tables()["entries"] | {"text": text}, "none": {}, "empty": {}}
    plain = {**tables(), "empty": {}}
    assert pack("UPTT", 1, {}, coded) == pack("UPTT", 1, {}, plain)


@given(st.data())
def test_damage_is_noticed_wherever_it_is(data: st.DataObject) -> None:
    payload = bytearray(pack("UPTT", 1, {"n": 1}, tables()))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidDataError, match="these bytes are not a test state, or they are"):
        unpack(bytes(payload), "UPTT", 1, "test state")


@pytest.mark.parametrize("payload", [b"", b"UPTT", b"UPTT\x00\x01", b"something else entirely"])
def test_foreign_and_short_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidDataError, match="not a test state"):
        unpack(payload, "UPTT", 1, "test state")


@pytest.mark.parametrize(
    ("payload", "got"), [(None, "None"), ("UPTT", "class str"), (1, "class int")]
)
def test_what_is_no_bytes_is_refused(payload: Any, got: str) -> None:
    with pytest.raises(InvalidDataError, match=f"test state: bytes are needed .* got .*{got}"):
        unpack(payload, "UPTT", 1, "test state")


def test_bytes_may_come_as_a_view_or_an_array_of_bytes() -> None:
    payload = pack("UPTT", 1, {"a": 1}, {})
    assert unpack(bytearray(payload), "UPTT", 1, "test state")[1] == {"a": 1}
    assert unpack(memoryview(payload), "UPTT", 1, "test state")[1] == {"a": 1}  # type: ignore[arg-type]


def test_a_state_merges_with_its_own_kind_only() -> None:
    class Special(BatchIds):
        pass

    check_other(BatchIds, Special())
    with pytest.raises(InvalidParameterError, match=r"BatchIds\.merge: .*own kind .* got None"):
        check_other(BatchIds, None)
    with pytest.raises(InvalidParameterError, match="own kind only; got an object of class dict"):
        check_other(BatchIds, {})


def test_another_kind_and_a_later_version_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="not a test state"):
        unpack(pack("UPXX", 1, {}, {}), "UPTT", 1, "test state")
    with pytest.raises(InvalidDataError, match="has version 2; this release reads up to 1"):
        unpack(pack("UPTT", 2, {}, {}), "UPTT", 1, "test state")


names = st.sampled_from(["a", "b/0", "b/1", "b/2", "b/3", "b/5", "b/07", "b/-1", "/4", "c/d/9"])


@given(st.lists(names, unique=True), st.data())
def test_names_of_batches_agree_with_a_set(found: list[str], data: st.DataObject) -> None:
    ids = BatchIds(data.draw(st.permutations(found)))
    assert set(ids) == set(found)
    assert len(ids) == len(found)
    assert all((name in ids) == (name in found) for name in ["a", "b/2", "b/4", "b/07", "z", "/4"])
    cut = data.draw(st.integers(0, len(found)))
    assert BatchIds(found[cut:]).join(BatchIds(found[:cut])) == ids == BatchIds(found)
    assert BatchIds.from_json(json.loads(json.dumps(ids.to_json()))) == ids
    assert pickle.loads(pickle.dumps(ids)) == ids
    assert hash(ids) == hash(BatchIds(found))


def test_a_name_comes_once() -> None:
    ids = BatchIds(["january", "stream/7"])
    for again in ("january", "stream/7"):
        with pytest.raises(DuplicateBatchError, match=f"the batch '{again}' is in this state"):
            ids.add(again)
        with pytest.raises(DuplicateBatchError, match=again):
            ids.join(BatchIds([again, "another"]))
    assert ids.add(None) is ids
    assert 7 not in ids
    assert ids != {"january", "stream/7"}


def test_a_stream_of_batches_stays_small() -> None:
    ids = BatchIds(f"orders/{number}" for number in range(1000))
    assert len(json.dumps(ids.to_json())) < 60
    assert repr(ids) == "<BatchIds: 1,000 batches>"


@pytest.mark.parametrize("name", ["", 7, b"x"])
def test_a_name_must_be_a_text(name: Any) -> None:
    with pytest.raises(InvalidParameterError, match="batch_id must be a text that is not empty"):
        BatchIds().add(name)
