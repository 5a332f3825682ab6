"""Which classes a file of a model may name, and what the state of an object is."""

from __future__ import annotations

import re
import warnings
from importlib import import_module
from typing import Any

from userportrait._core.scikit import from_sklearn
from userportrait.errors import DataWarning, InvalidDataError

__all__ = ["class_name", "find_class", "kind_of", "restore", "state_of"]

_ROOMS = ("_core", "predict", "segment", "value")
_OWN = re.compile(rf"userportrait\.({'|'.join(_ROOMS)})\.(_?[a-z0-9_]+)\Z")
_NAME = re.compile(
    rf"(?:({'|'.join(_ROOMS)})\.(?:([a-z0-9_]+)\.)?|sklearn\.)([A-Za-z_][A-Za-z0-9_]*)\Z"
)
_SKLEARN = {
    "CalibratedClassifierCV": "calibration",
    "ColumnTransformer": "compose",
    "FrozenEstimator": "frozen",
    "FunctionTransformer": "preprocessing",
    "GaussianMixture": "mixture",
    "IsotonicRegression": "isotonic",
    "KMeans": "cluster",
    "LogisticRegression": "linear_model",
    "MiniBatchKMeans": "cluster",
    "MinMaxScaler": "preprocessing",
    "OneHotEncoder": "preprocessing",
    "OrdinalEncoder": "preprocessing",
    "PCA": "decomposition",
    "Pipeline": "pipeline",
    "RobustScaler": "preprocessing",
    "SimpleImputer": "impute",
    "StandardScaler": "preprocessing",
    "StratifiedKFold": "model_selection",
    "_CalibratedClassifier": "calibration",
    "_RemainderColsList": "compose._column_transformer",
    "_SigmoidCalibration": "calibration",
}
"""Classes of scikit-learn whose state is parameters and arrays; all others need skops."""


def class_name(kind: type) -> str | None:
    """Return the name of a class in a file; None where no file may have it."""
    own = _OWN.match(kind.__module__)
    if own is not None:
        room, module = own.groups()
        is_public = _of_room(room, None, kind.__name__) is kind
        return f"{room}.{kind.__name__}" if is_public else f"{room}.{module}.{kind.__name__}"
    home = _SKLEARN.get(kind.__name__)
    if home is not None and kind is _of_sklearn(kind.__name__):
        return f"sklearn.{kind.__name__}"
    return None


def find_class(name: str) -> Any:
    """Return the class that a file names.

    Only classes written in the rooms of models, and a few of scikit-learn, can be named; they
    are made without a call of their own code.

    Raises
    ------
    InvalidDataError
        If it is any other, or this version does not have it.
    """
    parts = _NAME.match(name)
    found: Any = None
    if parts is not None:
        room, module, last = parts.groups()
        found = _of_sklearn(last) if room is None else _of_room(room, module, last)
    kind: Any = found
    if not isinstance(found, type) or class_name(kind) is None or issubclass(kind, BaseException):
        message = f"it names '{name[:80]}', which is no class of a model of this version."
        raise InvalidDataError(message)
    return kind


def kind_of(value: Any) -> Any:
    """Return the class of a value."""
    kind: Any = value.__class__
    return kind


def state_of(found: Any) -> dict[str, Any]:
    """Return the attributes of an object, those in slots too."""
    if type(found).__module__.startswith("sklearn."):
        state: dict[str, Any] = found.__getstate__() if _has_state(found) else found.__dict__
        return state
    slots = [name for kind in type(found).__mro__ for name in _slots(kind)]
    kept = {name: getattr(found, name) for name in slots if hasattr(found, name)}
    return {**kept, **getattr(found, "__dict__", {})}


def restore(found: Any, state: dict[str, Any]) -> None:
    """Give an empty object its attributes.

    Warns
    -----
    DataWarning
        If scikit-learn had another version when it was saved.
    """
    kind = kind_of(found)
    for name in state:
        if name.startswith("__") or callable(getattr(kind, name, None)):
            raise InvalidDataError(f"it gives a {kind.__name__} the attribute '{name:.80}'.")
    if not kind.__module__.startswith("sklearn."):
        for name, value in state.items():
            object.__setattr__(found, name, value)
        return
    if state.get("memory") is not None:
        # A memory is a directory of pickles.
        raise InvalidDataError(f"it gives a {kind.__name__} a memory, which may run code.")
    _restore_sklearn(found, state)


def _has_state(found: Any) -> bool:
    # Since Python 3.11 every object has __getstate__, but only some have __setstate__.
    return hasattr(found, "__setstate__")


def _restore_sklearn(found: Any, state: dict[str, Any]) -> None:
    if not _has_state(found):
        found.__dict__.update(state)
        return
    version = state.get("_sklearn_version")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found.__setstate__(state)
    if seen:
        here: str = from_sklearn("__version__")
        message = (
            f"a {type(found).__name__} was saved with scikit-learn "
            f"{version!s:.40}, and this is {here}: its results may differ. "
            f"Fit it again to be sure."
        )
        warnings.warn(message, DataWarning, stacklevel=2)


def _slots(kind: type) -> tuple[str, ...]:
    found: Any = vars(kind).get("__slots__", ())
    names = (found,) if isinstance(found, str) else tuple(found)
    return tuple(name for name in names if name not in ("__weakref__", "__dict__"))


def _of_room(room: str, module: str | None, name: str) -> Any:
    try:
        home = import_module(f"userportrait.{room}" + (f".{module}" if module else ""))
    except ModuleNotFoundError:
        return None
    if module is None:
        return getattr(home, name, None) if name in getattr(home, "__all__", ()) else None
    found = vars(home).get(name)
    return found if getattr(found, "__module__", None) == home.__name__ else None


def _of_sklearn(name: str) -> Any:
    home = _SKLEARN.get(name)
    try:
        return None if home is None else from_sklearn(f"{home}.{name}")
    except (AttributeError, ImportError):
        return None  # of a newer or an older version
