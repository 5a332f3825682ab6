"""Models as files: arrays and JSON in a zip archive, no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from userportrait.errors import InvalidDataError
from userportrait.recommend._interactions import InteractionLog, Interactions, csr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._base import Recommender

__all__ = ["load_recommender", "save_recommender"]

_FORMAT = 1


def save_recommender(model: Recommender, path: str | Path) -> None:
    """Write a fitted model; see `Recommender.save`."""
    arrays: dict[str, NDArray[Any]] = {}
    document = {"format": _FORMAT, "model": _packed(model, "model", arrays)}
    target = Path(path)
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("model.json", json.dumps(document, ensure_ascii=False))
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", buffer.getbuffer())
    part.replace(target)


def load_recommender(path: str | Path) -> Recommender:
    """Read a model that `Recommender.save` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Recommender
        Of the class that was saved, fitted.

    Raises
    ------
    InvalidDataError
        If the file is not such a model, or is from a newer version.

    Notes
    -----
    The file holds arrays and JSON. Nothing in it is run, so a file from a stranger can at worst
    give bad recommendations.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            document = json.loads(archive.read("model.json"))
            if document.get("format") != _FORMAT:
                message = f"'{Path(path).name}' is of a newer version. Update userportrait."
                raise InvalidDataError(message)
            return _unpacked(document["model"], archive)
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        message = f"'{Path(path).name}' is no model that save() wrote, or is damaged."
        raise InvalidDataError(message) from error


def _packed(value: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return what JSON can hold of a value; arrays go aside under their name."""
    from userportrait.recommend._base import Recommender

    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return {"is": "texts", "values": value.tolist()}
        arrays[name] = value
        return {"is": "array", "name": name}
    if sparse.issparse(value):
        matrix = sparse.csr_array(value)
        parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        for part, array in parts.items():
            arrays[f"{name}.{part}"] = array
        return {"is": "csr", "name": name, "shape": list(matrix.shape)}
    if isinstance(value, Recommender):
        saved = [key for key in value.saved_attributes() if hasattr(value, key)]
        return {
            "is": type(value).__name__,
            "params": _packed(value.get_params(deep=False), f"{name}.params", arrays),
            "state": {key: _packed(getattr(value, key), f"{name}.{key}", arrays) for key in saved},
        }
    if isinstance(value, (Interactions, InteractionLog)):
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
        packed = {key: _packed(part, f"{name}.{key}", arrays) for key, part in parts.items()}
        return {"is": type(value).__name__, "parts": packed}
    if isinstance(value, tuple):
        items = [_packed(part, f"{name}.{i}", arrays) for i, part in enumerate(value)]
        return {"is": "tuple", "values": items}
    if isinstance(value, list):
        items = [_packed(part, f"{name}.{i}", arrays) for i, part in enumerate(value)]
        return {"is": "list", "values": items}
    if isinstance(value, dict):
        pairs = [
            [_packed(key, "", arrays), _packed(part, f"{name}.{i}", arrays)]
            for i, (key, part) in enumerate(value.items())
        ]
        return {"is": "dict", "pairs": pairs}
    message = f"save: a {type(value).__name__} cannot be saved ({name})."
    raise InvalidDataError(message)


def _unpacked(value: Any, archive: zipfile.ZipFile) -> Any:
    if not isinstance(value, dict):
        return value
    kind: str = value["is"]
    if kind == "texts":
        found = np.empty(len(value["values"]), dtype=object)
        found[:] = value["values"]
        return found
    if kind == "array":
        return _array(value["name"], archive)
    if kind == "csr":
        parts = [_array(f"{value['name']}.{p}", archive) for p in ("data", "indices", "indptr")]
        return csr(*parts, shape=tuple(value["shape"]))
    if kind in ("tuple", "list"):
        items = [_unpacked(part, archive) for part in value["values"]]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {_unpacked(k, archive): _unpacked(v, archive) for k, v in value["pairs"]}
    if kind in ("Interactions", "InteractionLog"):
        parts = {key: _unpacked(part, archive) for key, part in value["parts"].items()}
        return (Interactions if kind == "Interactions" else InteractionLog)(**parts)
    return _model(kind, value, archive)


def _model(kind: str, value: Mapping[str, Any], archive: zipfile.ZipFile) -> Recommender:
    """Make a model of one of the classes of this room; no other class can be named."""
    from userportrait.recommend._base import Recommender

    room = import_module("userportrait.recommend")
    made_by = getattr(room, kind, None) if kind in room.__all__ else None
    if not (isinstance(made_by, type) and issubclass(made_by, Recommender)):
        raise InvalidDataError(f"'{kind}' is not a recommender of this version.")
    model = made_by(**_unpacked(value["params"], archive))
    for key, part in value["state"].items():
        setattr(model, key, _unpacked(part, archive))
    if value["state"]:
        model.settle_loaded()
    return model


def _array(name: str, archive: zipfile.ZipFile) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(io.BytesIO(file.read()), allow_pickle=False)
