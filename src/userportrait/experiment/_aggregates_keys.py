"""Labels of groups: texts, whatever the type of the column, in one order everywhere."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NO_LABEL", "label_of", "sorted_keys"]

NO_LABEL = "(missing)"
"""What a null in a column of `by` is called."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")


def label_of(value: Any) -> str:
    """Return a label as a text: whole numbers without a point, times as in ISO 8601.

    Examples
    --------
    >>> label_of(1), label_of(1.0), label_of("B"), label_of(None)
    ('1', '1', 'B', '(missing)')
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN and NaT differ from themselves
        return NO_LABEL
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def sorted_keys(keys: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Sort keys label by label: whole numbers by size and before texts."""
    return tuple(sorted(keys, key=lambda key: [_rank(label) for label in key]))


def _rank(label: str) -> tuple[int, int, str]:
    whole = _WHOLE.fullmatch(label)
    return (0, int(label), label) if whole else (1, 0, label)
