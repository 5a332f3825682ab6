"""Values of models come back from JSON and arrays as they were."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, spatial

from userportrait._core.model_values import Packer, Unpacker
from userportrait.errors import InvalidDataError


def refuse(*_: object) -> Any:
    raise InvalidDataError("not ours")


def there_and_back(value: Any) -> Any:
    packer = Packer(refuse)
    document = json.loads(json.dumps(packer.pack(value, "x"), allow_nan=False))
    return Unpacker(packer.arrays.__getitem__, refuse).unpack(document)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_plain_values_come_back_with_their_types(value: Any) -> None:
    assert repr(there_and_back(value)) == repr(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([], dtype=np.int32),
        np.array(["a", "客"]),
        np.array([["a", None], [1, (2, "b")]], dtype=object),
        np.array([[1], [2, 3]], dtype=object),
        np.array(["2026-01-01", "NaT"], dtype="datetime64[ns]"),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([True, False]),
        np.array([np.nan, np.inf, -0.0]),
    ],
)
def test_arrays_come_back(array: np.ndarray) -> None:
    back = there_and_back(array)
    assert back.dtype == array.dtype
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert repr(back.tolist()) == repr(array.tolist())


@pytest.mark.parametrize(
    "scalar",
    [np.float64(0.1), np.int32(3), np.bool_(True), np.str_("a"), np.datetime64("2026-01-01")],
)
def test_scalars_come_back(scalar: Any) -> None:
    back = there_and_back(scalar)
    assert type(back) is type(scalar)
    assert back == scalar


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.1, np.nan], "d": [True, False]}),
        pd.DataFrame({"a": [1.0]}, index=pd.Index(["row"], name="key")),
        pd.DataFrame(np.eye(2), columns=[3, 5], index=[7, 7]),
        pd.DataFrame({"t": pd.to_datetime(["2026-01-01", "NaT"])}),
        pd.DataFrame({"t": pd.to_datetime(["2026-01-01"]).tz_localize("Asia/Shanghai")}),
        pd.DataFrame({"c": pd.Categorical(["a", None, "b"], ["b", "a"], ordered=True)}),
        pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "s": pd.array(["a", None])}),
        pd.DataFrame({"o": pd.Series([(1, 2), "a"], dtype=object)}),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
)
def test_frames_come_back(frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(there_and_back(frame), frame)


def test_series_and_indexes_come_back() -> None:
    series = pd.Series([0.1, 0.2], index=["a", "b"], name="share")
    pd.testing.assert_series_equal(there_and_back(series), series)
    for index in (pd.RangeIndex(2, 9, 3, name="n"), pd.Index(["b", "a"]), pd.Index([1.5])):
        pd.testing.assert_index_equal(there_and_back(index), index, exact=True)


def test_other_kinds_come_back() -> None:
    assert there_and_back({1, "a"}) == {1, "a"}
    assert there_and_back(slice(1, None, 2)) == slice(1, None, 2)
    assert there_and_back(np.float32) is np.float32
    for moment in (datetime(2026, 1, 2, 3, 4, 5, 6), pd.Timestamp("2026-01-01", tz="UTC")):
        back = there_and_back(moment)
        assert (type(back), back) == (type(moment), moment)
    for kind in (sparse.csr_matrix, sparse.csr_array):
        matrix = kind(np.array([[0.0, 1.0], [2.0, 0.0]]))
        back = there_and_back(matrix)
        assert type(back) is kind
        assert (back.toarray() == matrix.toarray()).all()
    rows = np.random.default_rng(0).normal(size=(50, 3))
    tree = spatial.KDTree(rows)
    assert (
        there_and_back(tree).query(rows[:5], k=3)[1].tolist()
        == tree.query(rows[:5], k=3)[1].tolist()
    )
    drawn = np.random.RandomState(3)
    drawn.normal()
    assert there_and_back(drawn).normal() == drawn.normal()


def test_one_array_met_twice_is_one_array_again() -> None:
    array = np.arange(3.0)
    back = there_and_back({"a": array, "b": [array]})
    assert back["a"] is back["b"][0]


@pytest.mark.parametrize("value", [print, object(), int, lambda: 1, open, np.mean, 1j, b"bytes"])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(InvalidDataError, match="not ours"):
        there_and_back({"a": value})


@pytest.mark.parametrize(
    "document",
    [
        {"is": "object", "number": 0, "class": "builtins.eval", "state": {}},
        {"is": "object", "number": 0, "class": "os.system", "state": {}},
        {"is": "object", "number": 0, "class": "sklearn.FeatureUnion", "state": {}},
        {"is": "object", "number": 0, "class": "stores.SQLiteStore", "state": {}},
        {"is": "object", "number": 0, "class": "predict._saving.Path", "state": {}},
        {"is": "object", "number": 0, "class": "predict._saving.save_model", "state": {}},
        {"is": "object", "number": 0, "class": "predict.save_model", "state": {}},
        {"is": "object", "number": 0, "class": "predict.SeparationWarning", "state": {}},
        {"is": "object", "number": 0, "class": "predict._nothing.Nothing", "state": {}},
        {"is": "object", "number": 0, "class": "predict.._saving.os", "state": {}},
        {"is": "object", "number": 0, "class": "predict.Propensity\n", "state": {}},
        {"is": "object", "number": 0, "class": "predict.Propensity", "state": {"__class__": 1}},
        {"is": "object", "number": 0, "class": "predict.Propensity", "state": {"predict": 1}},
        {"is": "object", "number": 0, "class": "sklearn.Pipeline", "state": {"memory": "/tmp"}},
        [1],
    ],
)
def test_a_document_cannot_name_other_classes_or_methods(document: Any) -> None:
    with pytest.raises(InvalidDataError):
        Unpacker(refuse, refuse).unpack(document)
