"""What fitted models hold, as JSON and arrays, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.model_classes import class_name, find_class, kind_of, restore, state_of
from userportrait._core.model_kinds import ITEMS, KINDS, MAKERS
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Packer", "Unpacker"]

_SEQUENCES: dict[str, Any] = {"tuple": tuple, "list": list, "set": set, "frozenset": frozenset}


@dataclass(slots=True, eq=False)
class Packer:
    """Makes JSON of values; arrays and what others write go aside.

    What is met twice is written once, so that it is one object again when it is read.

    Parameters
    ----------
    foreign : callable
        Makes bytes of an object of another library, or raises.
    """

    foreign: Callable[[Any, str], bytes]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict[str, Any])
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _met: dict[int, tuple[Any, Any]] = field(default_factory=dict[int, Any])

    def pack(self, value: Any, place: str) -> Any:
        """Return what JSON can hold of a value.

        Raises
        ------
        InvalidDataError
            If it is of a kind that cannot be saved; `place` says where.
        """
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"is": "float", "text": repr(value)}
        if id(value) in self._met:
            return self._met[id(value)][1]
        for kinds, name, parts in KINDS:
            if isinstance(value, kinds):
                return {"is": name, **{k: self.pack(v, place) for k, v in parts(value).items()}}
        kind = kind_of(value)
        if kind is np.ndarray:
            return self._array(value, place)
        if kind is type and np.generic in value.__mro__:
            return {"is": "number_type", "name": np.dtype(value).name}
        if kind in _SEQUENCES.values():
            packed = [self.pack(part, f"{place}.{at}") for at, part in enumerate(value)]
            return {"is": kind.__name__, "values": packed}
        if kind is dict:
            pairs = [[self.pack(k, place), self.pack(v, f"{place}.{k}")] for k, v in value.items()]
            return {"is": "dict", "pairs": pairs}
        return self._object(value, place)

    def _array(self, value: NDArray[Any], place: str) -> Any:
        given: Any = value
        if value.dtype.hasobject:
            if value.dtype != object:
                raise _unsavable(value, place)
            packed = [self.pack(v, place) for v in given.ravel().tolist()]
            return {"is": "objects", "shape": list(value.shape), "values": packed}
        name = f"{len(self.arrays)}"
        self.arrays[name] = value
        self._met[id(value)] = (value, {"is": "array", "name": name})
        return self._met[id(value)][1]

    def _object(self, value: Any, place: str) -> Any:
        number = len(self._met)
        self._met[id(value)] = (value, {"is": "same", "number": number})
        kind = kind_of(value)
        name = class_name(kind)
        if name is not None:
            n_arrays, n_blobs, met = len(self.arrays), len(self.blobs), dict(self._met)
            try:
                state = {k: self.pack(v, f"{place}.{k}") for k, v in state_of(value).items()}
            except InvalidDataError:
                if not name.startswith("sklearn."):
                    raise
                # Something in it is not plain: skops may know it.
                for kept, n in ((self.arrays, n_arrays), (self.blobs, n_blobs)):
                    for key in list(kept)[n:]:
                        del kept[key]
                self._met = met
            else:
                return {"is": "object", "number": number, "class": name, "state": state}
        if (kind.__module__, kind.__name__) == ITEMS:
            return {"is": "items", "frame": self.pack(value.to_pandas(), place)}
        blob = f"{len(self.blobs)}"
        self.blobs[blob] = self.foreign(value, place)
        return {"is": "foreign", "number": number, "name": blob}


@dataclass(slots=True, eq=False)
class Unpacker:
    """Reads what `Packer` wrote; runs nothing of it.

    Parameters
    ----------
    array : callable
        Gives the array of a name.
    foreign : callable
        Makes the object of another library from the name of its bytes, or raises.
    """

    array: Callable[[str], NDArray[Any]]
    foreign: Callable[[str], Any]
    _arrays: dict[str, NDArray[Any]] = field(default_factory=dict[str, Any])
    _objects: dict[int, Any] = field(default_factory=dict[int, Any])

    def unpack(self, value: Any) -> Any:
        """Return the value that was packed."""
        if kind_of(value) is list:
            raise InvalidDataError("it holds a bare list.")
        return self._made(value) if kind_of(value) is dict else value

    def _made(self, given: dict[str, Any]) -> Any:
        kind: str = given["is"]
        if kind == "same":
            return self._objects[given["number"]]
        if kind == "array":
            return self._array(given["name"])
        if kind == "object":
            return self._object(given)
        if kind == "foreign":
            found = self._objects[given["number"]] = self.foreign(given["name"])
            return found
        if kind in _SEQUENCES:
            return _SEQUENCES[kind](map(self.unpack, given["values"]))
        if kind == "dict":
            return {self.unpack(k): self.unpack(v) for k, v in given["pairs"]}
        if kind == "objects":
            return _boxed([self.unpack(v) for v in given["values"]]).reshape(given["shape"])
        return MAKERS[kind](**{k: self.unpack(v) for k, v in given.items() if k != "is"})

    def _array(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            self._arrays[name] = self.array(name)
        return self._arrays[name]

    def _object(self, given: dict[str, Any]) -> Any:
        kind: Any = find_class(given["class"])
        found = self._objects[given["number"]] = kind.__new__(kind)
        restore(found, {k: self.unpack(v) for k, v in given["state"].items()})
        return found


def _boxed(values: list[Any]) -> NDArray[Any]:
    """Return one object a place, also where the objects are lists."""
    found = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        found[at] = value
    return found


def _unsavable(value: Any, place: str) -> InvalidDataError:
    kind = kind_of(value)
    full = f"{kind.__module__}.{kind.__qualname__}"
    return InvalidDataError(f"save_model: {place} holds a {full}, which cannot be saved.")
