"""Labels of customers or items, given as a mapping or a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = ["CodedLabels", "Labels", "coded_labels", "label_pairs", "label_texts"]

Labels: TypeAlias = "Mapping[Any, Any] | IntoFrame"
"""A mapping of ID to label, or a frame of an ID column and one more."""


class CodedLabels(NamedTuple):
    """Labels as codes.

    Parameters
    ----------
    codes : ndarray of int
        For each known ID, the position of its label in `labels`; -1 for none.
    labels : ndarray of objects that are texts
        Sorted.
    others : dict
        The codes of IDs that are not among the known ones.
    """

    codes: NDArray[np.intp]
    labels: NDArray[Any]
    others: dict[Any, int]


def label_pairs(given: Labels, *, key: str, owner: str) -> tuple[list[Any], list[Any]]:
    """Return IDs and labels of a mapping or a frame, both as lists; missing labels as None."""
    named: Any = given
    if isinstance(given, Mapping):
        ids, labels = list(named), list(named.values())
    else:
        frame = getattr(given, "frame", given)
        inner = frames.enter(frame, argument=owner)
        names = frames.column_names(inner)
        if key not in names:
            raise MissingColumnError(key, names, owner)
        rest = [name for name in names if name != key]
        if len(rest) != 1:
            problem = (
                f"the frame must have '{key}' and one more column; it has "
                f"{', '.join(rest) or 'none'} beside it. Choose one."
            )
            raise InvalidParameterError(owner, [problem])
        columns = frames.collect_arrays(inner, [key, rest[0]])
        ids, labels = columns[key].tolist(), columns[rest[0]].tolist()
    missing = pd.isna(pd.Series(labels, dtype=object)).to_numpy(dtype=bool)
    return ids, [None if gone else label for gone, label in zip(missing, labels, strict=True)]


def label_texts(given: Labels, *, key: str, owner: str) -> dict[Any, str]:
    """Return the label of each ID that has one, as a text.

    Raises
    ------
    InvalidDataError
        If an ID has two different labels.
    """
    found: dict[Any, str] = {}
    twice = 0
    for name, label in zip(*label_pairs(given, key=key, owner=owner), strict=True):
        if label is None:
            continue
        twice += found.get(name, str(label)) != str(label)
        found[name] = str(label)
    if twice:
        message = f"{owner}: {twice:,} IDs have two different labels. Give one row for each."
        raise InvalidDataError(message, column=key)
    return found


def coded_labels(given: Labels | None, ids: NDArray[Any], *, key: str, owner: str) -> CodedLabels:
    """Code the labels of known IDs, sorted by their texts.

    Raises
    ------
    InvalidDataError
        If an ID has two different labels, or no known ID has one.
    """
    found = {} if given is None else label_texts(given, key=key, owner=owner)
    distinct = sorted(set(found.values()))
    place = {label: code for code, label in enumerate(distinct)}
    known = ids.tolist()
    codes = np.array([place[found[i]] if i in found else -1 for i in known], dtype=np.intp)
    if given is not None and not (codes >= 0).any():
        message = f"{owner}: no '{key}' of the interactions has a label. Are the IDs of one type?"
        raise InvalidDataError(message, column=key)
    inside = set(known)
    others = {i: place[label] for i, label in found.items() if i not in inside}
    table = np.empty(len(distinct), dtype=object)
    table[:] = distinct
    return CodedLabels(codes, table, others)
