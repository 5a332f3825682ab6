"""Fitted models as bytes: JSON and arrays in a zip archive, no pickle."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.lazy import optional_import
from userportrait._core.model_classes import class_name, kind_of
from userportrait._core.model_values import Packer, Unpacker
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["model_from_bytes", "model_to_bytes"]

_FORMAT = 1
_KEY = "userportrait_model"
_LONGEST_AGO = (1980, 1, 1, 0, 0, 0)
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,  # a size that is not true
    RuntimeError,  # an encrypted archive, a document nested without end
    TypeError,
    ValueError,
    OSError,
)


def model_to_bytes(model: Any) -> bytes:
    """Return a model as the bytes of an archive; equal models give equal bytes.

    Raises
    ------
    InvalidDataError
        If the model holds something that cannot be saved.
    MissingExtraError
        If it is of scikit-learn and needs skops, which is not installed.
    """
    packer = Packer(_foreign_bytes)
    document = {_KEY: _FORMAT, "model": packer.pack(model, type(model).__name__)}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _write(archive, "model.json", json.dumps(document, allow_nan=False).encode())
        for name, array in packer.arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            _write(archive, f"arrays/{name}.npy", buffer.getvalue())
        for name, blob in packer.blobs.items():
            _write(archive, f"others/{name}.skops", blob)
    return target.getvalue()


def model_from_bytes(payload: bytes, *, name: str, trusted: Iterable[str] = ()) -> Any:
    """Return the model that `model_to_bytes` wrote; `name` is for messages.

    Raises
    ------
    InvalidDataError
        If the bytes are no such archive, are damaged, are from a newer version or name a class
        that no model has.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            document: Any = json.loads(archive.read("model.json"))
            _check_format(document[_KEY])
            return _unpacker(archive, tuple(trusted)).unpack(document["model"])
    except InvalidDataError as error:
        raise InvalidDataError(f"'{name}' cannot be loaded: {error}") from error
    except _DAMAGED as error:
        message = f"'{name}' is no model that save_model wrote, or is damaged."
        raise InvalidDataError(message) from error


def _check_format(found: object) -> None:
    if not isinstance(found, int):
        raise InvalidDataError("its format is not known.")
    if found > _FORMAT:
        raise InvalidDataError("it is of a newer version. Update userportrait.")


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed time: equal models make equal files.
    entry = zipfile.ZipInfo(name, _LONGEST_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content, compresslevel=1)


def _unpacker(archive: zipfile.ZipFile, trusted: tuple[str, ...]) -> Unpacker:
    def array(name: str) -> NDArray[Any]:
        content = io.BytesIO(archive.read(f"arrays/{name}.npy"))
        found: NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
        return found

    return Unpacker(array, lambda name: _foreign(archive.read(f"others/{name}.skops"), trusted))


def _foreign_bytes(value: Any, place: str) -> bytes:
    kind = kind_of(value)
    full = f"{kind.__module__}.{kind.__qualname__}"
    if not hasattr(value, "get_params") or isinstance(value, type):
        raise InvalidDataError(f"save_model: {place} holds a {full}, which cannot be saved.")
    skops = optional_import("skops.io", what=f"save_model of a {kind.__name__}", extra="models")
    try:
        found: bytes = skops.dumps(value)
    except Exception as error:  # skops raises what the object's own code raises
        message = f"save_model: skops cannot save the {full} in {place}: {error}"
        raise InvalidDataError(message) from error
    return found


def _foreign(content: bytes, trusted: tuple[str, ...]) -> Any:
    skops = optional_import("skops.io", what="load_model of this file", extra="models")
    unknown: list[str] = skops.get_untrusted_types(data=content)
    refused = sorted(name for name in unknown if name not in trusted and not _is_own(name))
    if refused:
        listed = ", ".join(f"'{name}'" for name in refused[:5])
        message = (
            f"it names {listed}, which is not known to be safe. If you trust whoever made the "
            f"file, give trusted={refused!r}."
        )
        raise InvalidDataError(message)
    return skops.loads(content, trusted=unknown)


def _is_own(name: str) -> bool:
    """Say whether a full name is that of a class of our rooms of models."""
    module, _, last = name.rpartition(".")
    if not module.startswith("userportrait."):
        return False
    try:
        found: Any = getattr(__import__(module, fromlist=[last]), last, None)
    except ImportError:
        return False
    return isinstance(found, type) and class_name(found) is not None
