"""Reading what `Uplift.fit` is given: labels of arms, columns by name, propensities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core import frames
from userportrait.errors import InvalidDataError, MissingColumnError, unknown_name
from userportrait.experiment.uplift._trial import as_flags

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]

__all__ = ["ids_of", "read_arms", "take_columns", "wrong_propensity"]


def read_arms(labels: NDArray[Any], control: object) -> tuple[dict[Any, Bools], Bools]:
    """Return who got each treatment, and who got none."""
    if control is None:
        treated = as_flags(labels, "treatment")
        return {1: treated}, ~treated
    found = [label for label in labels.tolist() if label is not None and label == label]
    if len(found) < len(labels):
        message = f"treatment has {len(labels) - len(found):,} missing labels."
        raise InvalidDataError(message)
    names = sorted(set(found), key=str)
    if control not in names:
        message = f"control: {unknown_name('label', str(control), map(str, names))}"
        raise InvalidDataError(message)
    each = np.asarray(labels, dtype=object)
    members = {name: np.asarray(each == name, dtype=bool) for name in names if name != control}
    return members, np.asarray(each == control, dtype=bool)


def wrong_propensity(value: Any) -> list[str]:
    """Say what is wrong with a propensity; nothing if it will do."""
    told = "None, a number strictly between 0 and 1, 'model', or a classifier"
    if value is None or (isinstance(value, str) and value == "model"):
        return []
    if isinstance(value, float):
        fits = 0 < value < 1
    else:
        fits = not isinstance(value, str) and hasattr(value, "predict_proba")
    return [] if fits else [f"propensity must be {told}; got {value!r}."]


def take_columns(data: Any, names: list[str]) -> dict[str, NDArray[Any]]:
    """Return columns of a frame by name."""
    if not names:
        return {}
    frame = frames.enter(data, argument="X")
    there = frames.column_names(frame)
    for name in names:
        if name not in there:
            raise MissingColumnError(name, there)
    return frames.collect_arrays(frame, names)


def ids_of(data: Any) -> NDArray[Any] | None:
    """Return the column `customer_id` of a frame, None if there is none."""
    if isinstance(data, (np.ndarray, list, tuple)):
        return None
    frame = frames.enter(data, argument="X")
    if "customer_id" not in frames.column_names(frame):
        return None
    return frames.collect_arrays(frame, ["customer_id"])["customer_id"]
