"""Checks of what `finalize` and `forget` are given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import numpy as np

from userportrait._core.params import Between, check_values
from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["checked_customers", "checked_windows"]


def checked_windows(windows: Sequence[int], *, owner: str) -> tuple[int, ...]:
    """Return lengths of windows in days, ascending, each once."""
    given: object = windows
    if not isinstance(given, (list, tuple, range, np.ndarray)):
        problem = f"windows must be a list of numbers of days, such as [30, 90]; got {given!r}."
        raise InvalidParameterError(owner, [problem])
    names = {f"windows[{i}]": days for i, days in enumerate(windows)}
    check_values(owner, names, {name: Between(1, 36_500, integer=True) for name in names})
    return tuple(sorted({int(days) for days in windows}))


def checked_customers(customer_ids: object, *, owner: str) -> list[object]:
    """Return IDs as a list; refuse a single one."""
    if isinstance(customer_ids, (str, bytes, int)) or not isinstance(customer_ids, Iterable):
        problem = f"customer_ids must be a list of customers; got {type(customer_ids).__name__}."
        raise InvalidParameterError(owner, [problem])
    return list(cast("Iterable[object]", customer_ids))
