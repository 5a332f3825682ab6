"""Models as files: arrays and JSON in a zip archive, no pickle."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from userportrait._core.params import check_params
from userportrait.errors import DataFileNotFoundError, InvalidDataError, InvalidParameterError
from userportrait.recommend._interactions import InteractionLog, Interactions, csr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._base import Recommender

__all__ = ["load_recommender", "save_recommender"]

_FORMAT = 1
_PARTS = {"Interactions": Interactions, "InteractionLog": InteractionLog}
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that no file of ours has
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)


def save_recommender(model: Recommender, path: str | Path) -> None:
    """Write a fitted model; see `Recommender.save`."""
    arrays: dict[str, NDArray[Any]] = {}
    document = {"format": _FORMAT, "model": _packed(model, "model", arrays)}
    target = Path(path)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("model.json", json.dumps(document))
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array, allow_pickle=False)
                archive.writestr(f"{name}.npy", buffer.getbuffer())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


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
    DataFileNotFoundError
        If there is no such file.
    InvalidDataError
        If the file is not such a model, is damaged, or is from a newer version.

    Notes
    -----
    The file holds arrays and JSON. Nothing in it is run, so a file from a stranger can at worst
    give bad recommendations.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.recommend import EASE
    >>> bought = [(1, "tea"), (1, "cup"), (2, "tea"), (2, "cup"), (3, "tea")]
    >>> model = EASE().fit(pd.DataFrame(bought, columns=["customer_id", "item_id"]))
    >>> model.save("model.zip")
    >>> load_recommender("model.zip").recommend([3], reasons=False)["item_id"].tolist()
    ['cup']
    """
    file = Path(path)
    if not file.exists():
        nearby = [other.name for other in file.parent.glob("*")] if file.parent.is_dir() else []
        raise DataFileNotFoundError(str(path), nearby)
    try:
        with zipfile.ZipFile(file) as archive:
            document = json.loads(archive.read("model.json"))
            _check_format(document["format"], file.name)
            return _model(document["model"], archive)
    except (InvalidDataError, InvalidParameterError):
        raise
    except _DAMAGED as error:
        message = f"'{file.name}' is no model that save() wrote, or is damaged."
        raise InvalidDataError(message) from error


def _check_format(found: int, name: str) -> None:
    if found != _FORMAT:
        raise InvalidDataError(f"'{name}' is of a newer version. Update userportrait.")


def _packed(value: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return what JSON can hold of a value; arrays go aside under their name."""
    from userportrait.recommend._base import Recommender

    given: Any = value
    if value is None or isinstance(value, (bool, int, float, str)):
        return given
    if isinstance(value, np.generic):
        return given.item()
    if isinstance(value, np.ndarray):
        return _packed_array(given, name, arrays)
    if sparse.issparse(value):
        return _packed_matrix(given, name, arrays)
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
    if isinstance(value, (tuple, list)):
        items = [_packed(part, f"{name}.{i}", arrays) for i, part in enumerate(given)]
        return {"is": "tuple" if isinstance(value, tuple) else "list", "values": items}
    if isinstance(value, dict):
        pairs = [
            [_packed(key, f"{name}.{i}.key", arrays), _packed(part, f"{name}.{i}", arrays)]
            for i, (key, part) in enumerate(given.items())
        ]
        return {"is": "dict", "pairs": pairs}
    message = f"save: a {type(given).__name__} cannot be saved ({name})."
    raise InvalidDataError(message)


def _packed_array(value: NDArray[Any], name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    if value.dtype != object:
        arrays[name] = value
        return {"is": "array", "name": name}
    texts: list[Any] = value.tolist()
    if value.ndim != 1 or not all(text is None or isinstance(text, str) for text in texts):
        message = f"save: an array of objects other than texts cannot be saved ({name})."
        raise InvalidDataError(message)
    return {"is": "texts", "values": texts}


def _packed_matrix(value: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    matrix = value.tocsr()
    for part in ("data", "indices", "indptr"):
        arrays[f"{name}.{part}"] = getattr(matrix, part)
    return {"is": "csr", "name": name, "shape": [int(size) for size in matrix.shape]}


def _unpacked(value: Any, archive: zipfile.ZipFile) -> Any:
    given: Any = value
    if not isinstance(value, dict):
        return given
    kind: str = given["is"]
    if kind == "texts":
        found = np.empty(len(given["values"]), dtype=object)
        found[:] = given["values"]
        return found
    if kind == "array":
        return _array(given["name"], archive)
    if kind == "csr":
        data, indices, indptr = (
            _array(f"{given['name']}.{part}", archive) for part in ("data", "indices", "indptr")
        )
        n_rows, n_columns = given["shape"]
        matrix = csr(data, indices, indptr, (n_rows, n_columns))
        matrix.check_format(full_check=True)
        return matrix
    if kind in ("tuple", "list"):
        items = [_unpacked(part, archive) for part in given["values"]]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {_unpacked(k, archive): _unpacked(v, archive) for k, v in given["pairs"]}
    if kind in _PARTS:
        parts = {key: _unpacked(part, archive) for key, part in given["parts"].items()}
        return _PARTS[kind](**parts)
    return _model(given, archive)


def _model(value: Mapping[str, Any], archive: zipfile.ZipFile) -> Recommender:
    """Make a model of one of the classes of this room; no other class can be named."""
    from userportrait.recommend._base import Recommender

    kind: str = value["is"]
    room = import_module("userportrait.recommend")
    made_by: Any = getattr(room, kind, None) if kind in room.__all__ else None
    if not (isinstance(made_by, type) and issubclass(made_by, Recommender)):
        raise InvalidDataError(f"'{kind}' is not a recommender of this version.")
    model: Recommender = made_by(**_unpacked(value["params"], archive))
    check_params(model, model.rules_of_params())
    unknown = sorted(set(value["state"]) - set(model.saved_attributes()))
    if unknown:
        raise InvalidDataError(f"A saved {kind} has no attribute '{unknown[0]}'.")
    for key, part in value["state"].items():
        setattr(model, key, _unpacked(part, archive))
    if value["state"]:  # a model among the parameters of another need not be fitted
        model.settle_loaded()
    return model


def _array(name: str, archive: zipfile.ZipFile) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        found: NDArray[Any] = np.lib.format.read_array(io.BytesIO(file.read()), allow_pickle=False)
        return found
