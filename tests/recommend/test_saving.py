"""Files of models: everything comes back, nothing is run, damage is said."""

from __future__ import annotations

import json
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from helpers.recommenders import Together
from userportrait.errors import (
    DataFileNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    NotFittedError,
)
from userportrait.recommend import EASE, Interactions, Recommender, load_recommender
from userportrait.recommend._saving import _packed, _unpacked

if TYPE_CHECKING:
    from pathlib import Path

START = pd.Timestamp("2026-01-01")


def shop(n: int = 60, *, texts: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    customers, items = rng.integers(0, 12, n), rng.integers(0, 8, n)
    return pd.DataFrame(
        {
            "customer_id": [f"客户{i}" for i in customers] if texts else customers,
            "item_id": [f"p{i}" for i in items] if texts else items,
            "occurred_at": START + pd.to_timedelta(rng.integers(0, 50, n), unit="D"),
        }
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.zip"


@pytest.mark.parametrize("texts", [True, False])
def test_a_loaded_model_answers_as_the_saved_one(path: Path, texts: bool) -> None:
    data = Interactions.from_frame(shop(texts=texts), half_life=20)
    model = EASE(l2=7.5).fit(data)
    model.save(path)
    again = EASE.load(path)
    assert repr(again) == repr(model)
    pd.testing.assert_frame_equal(again.recommend(k=4), model.recommend(k=4))
    found = again.interactions_
    assert (found.half_life, found.as_of, found.n_rows) == (20, data.as_of, data.n_rows)
    assert found.customer_ids.dtype == data.customer_ids.dtype
    assert found.log is not None
    assert data.log is not None
    np.testing.assert_array_equal(found.log.at, data.log.at)
    assert found.log.has_orders is data.log.has_orders


def test_a_loaded_model_can_be_updated(path: Path) -> None:
    rows = shop()
    EASE(l2=7.5).fit(rows[:40]).save(path)
    again = EASE.load(path).update(rows[40:])
    whole = EASE(l2=7.5).fit(rows)
    pd.testing.assert_frame_equal(again.recommend(k=4), whole.recommend(k=4))


def test_rows_that_do_not_count_come_back(path: Path) -> None:
    frame = pd.DataFrame({"customer_id": [1, 2], "item_id": ["a", "b"], "weight": [0.0, 1.0]})
    EASE().fit(frame).save(path)
    assert EASE.load(path).interactions_.ignored["no_weight"].tolist() == [0]


def test_saving_replaces_a_file_and_leaves_nothing_else(path: Path) -> None:
    path.write_text("something old")
    model = EASE().fit(shop())
    model.save(path)
    model.save(path)
    assert [file.name for file in path.parent.iterdir()] == ["model.zip"]
    EASE.load(str(path))


def test_a_save_that_fails_keeps_the_old_file(path: Path) -> None:
    model = EASE().fit(shop())
    model.save(path)
    before = path.read_bytes()
    model.item_weights_ = np.array([object()])
    with pytest.raises(InvalidDataError, match="objects other than texts"):
        model.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["model.zip"]


def test_a_model_must_be_fitted_to_be_saved(path: Path) -> None:
    with pytest.raises(NotFittedError):
        EASE().save(path)
    assert not path.exists()


def test_a_file_that_is_not_there_is_named_with_the_nearest_one(path: Path) -> None:
    EASE().fit(shop()).save(path)
    with pytest.raises(DataFileNotFoundError, match=r"Did you mean 'model\.zip'"):
        load_recommender(path.with_name("modle.zip"))
    with pytest.raises(FileNotFoundError):
        load_recommender(path.parent / "no_folder" / "x.zip")


def test_a_model_of_another_class_is_refused(path: Path) -> None:
    EASE().fit(shop()).save(path)
    assert isinstance(Recommender.load(path), EASE)
    with pytest.raises(InvalidDataError, match="holds a EASE, not a Together"):
        Together.load(path)


def test_classes_from_elsewhere_are_not_made(path: Path) -> None:
    Together().fit(shop()).save(path)
    with pytest.raises(InvalidDataError, match="'Together' is not a recommender of this version"):
        load_recommender(path)


def rewrite(path: Path, change: Any) -> None:
    """Save the file again with another document."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(parts["model.json"])
    change(document)
    parts["model.json"] = json.dumps(document).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("kind", ["Recommender", "Interactions", "load_recommender", "os", ""])
def test_a_file_cannot_name_other_classes(path: Path, kind: str) -> None:
    EASE().fit(shop()).save(path)
    rewrite(path, lambda document: document["model"].update({"is": kind}))
    with pytest.raises(InvalidDataError):
        load_recommender(path)


def test_a_file_cannot_set_other_attributes(path: Path) -> None:
    EASE().fit(shop()).save(path)
    rewrite(path, lambda document: document["model"]["state"].update({"recommend": 1}))
    with pytest.raises(InvalidDataError, match="no attribute 'recommend'"):
        load_recommender(path)


def test_parameters_in_a_file_are_checked(path: Path) -> None:
    EASE().fit(shop()).save(path)

    def spoil(document: dict[str, Any]) -> None:
        pairs = document["model"]["params"]["pairs"]
        next(pair for pair in pairs if pair[0] == "l2")[1] = -1

    rewrite(path, spoil)
    with pytest.raises(InvalidParameterError, match="l2 must be"):
        load_recommender(path)


def test_a_newer_version_is_said(path: Path) -> None:
    EASE().fit(shop()).save(path)
    rewrite(path, lambda document: document.update({"format": 99}))
    with pytest.raises(InvalidDataError, match="newer version"):
        load_recommender(path)


def test_pickles_in_a_file_are_not_read(path: Path) -> None:
    EASE().fit(shop()).save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in parts if name.endswith(".npy"))
    header = b"\x93NUMPY\x01\x00"
    text = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    text = text.ljust(117) + b"\n"
    content = header + len(text).to_bytes(2, "little") + text + pickle.dumps([print])
    with zipfile.ZipFile(path, "w") as archive:
        for part, old in parts.items():
            archive.writestr(part, content if part == name else old)
    with pytest.raises(InvalidDataError, match="damaged"):
        load_recommender(path)


def test_damage_is_said_wherever_it_is(path: Path) -> None:
    EASE().fit(shop()).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(InvalidDataError, match="damaged"):
            load_recommender(path)
    for _ in range(60):
        spoiled = bytearray(whole)
        at = int(rng.integers(len(whole)))
        spoiled[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(spoiled))
        try:  # some bytes, such as those of dates, do not matter
            load_recommender(path)
        except InvalidDataError:
            continue


def test_a_matrix_with_columns_outside_is_refused(path: Path) -> None:
    EASE().fit(shop()).save(path)

    def narrow(document: dict[str, Any]) -> None:
        document["model"]["state"]["interactions_"]["parts"]["matrix"]["shape"][1] = 1

    rewrite(path, narrow)
    with pytest.raises(InvalidDataError, match="damaged"):
        load_recommender(path)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.floats(), max_size=4).map(np.array)
    | st.lists(st.text() | st.none(), max_size=4).map(lambda v: np.array([*v, None], dtype=object)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and repr(one.tolist()) == repr(other.tolist())
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and repr(one) == repr(other)


@settings(max_examples=60)
@given(VALUES)
def test_values_come_back_as_they_were(tmp_path_factory: Any, value: Any) -> None:
    arrays: dict[str, Any] = {}
    text = json.dumps(_packed(value, "value", arrays))
    file = tmp_path_factory.getbasetemp() / "value.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as part:
                np.lib.format.write_array(part, array, allow_pickle=False)
    with zipfile.ZipFile(file) as archive:
        assert same(_unpacked(json.loads(text), archive), value)


def test_sparse_matrices_come_back_and_other_objects_are_refused() -> None:
    arrays: dict[str, Any] = {}
    packed = _packed(sparse.csc_array(np.eye(2)), "m", arrays)
    assert packed == {"is": "csr", "name": "m", "shape": [2, 2]}
    with pytest.raises(InvalidDataError, match=r"a set cannot be saved \(m\.0\)"):
        _packed([{1}], "m", arrays)
