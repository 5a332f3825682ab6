"""An error of a worker comes back as it was, and nothing in its text is ever run."""

from __future__ import annotations

import base64
import json
import pickle

import pytest

from userportrait import errors
from userportrait._core.frames._parts_worker import _carrier, error_in

RAISED = [
    errors.InvalidDataError("bad", column="price", rows=[1, 2], n_rows=7),
    errors.ColumnTypeError("bad", column="price"),
    errors.DuplicateBatchError("stream/3"),
    errors.MissingColumnError("amuont", ["amount"], "orders"),
    errors.InvalidParameterError("RFM", ["n_bins must be a number."]),
    errors.UnsupportedOnEngine("this", "spark", "Do that."),
    errors.ExpressionError("unknown", "recncy > 3", 0),
    errors.UnknownTagError("recncy", ["recency"]),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_an_error_travels_as_text_and_comes_back_as_it_was(
    error: errors.UserPortraitError,
) -> None:
    found = error_in(f"py4j: a page of Java\n{_carrier(error)}\nand more")
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert vars(found) == vars(error)


def packed(payload: bytes) -> str:
    return f"[userportrait:{base64.b64encode(payload).decode('ascii')}]"


@pytest.mark.parametrize(
    "payload",
    [
        pickle.dumps(errors.DuplicateBatchError("stream/3")),
        json.dumps({"class": "TYPE_CHECKING", "args": [], "facts": {}}).encode(),
        json.dumps({"class": "get_close_matches", "args": ["a"], "facts": {}}).encode(),
        json.dumps({"class": "StoreError"}).encode(),
        json.dumps([1]).encode(),
        b"{",
    ],
)
def test_what_looks_like_an_error_in_quoted_data_is_left_alone(payload: bytes) -> None:
    assert error_in(f"cannot cast the value {packed(payload)}") is None
