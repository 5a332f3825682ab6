"""From a support to a count: one rule, exact at the border."""

from __future__ import annotations

from math import ceil
from numbers import Integral, Real
from typing import Any

from userportrait.errors import InvalidParameterError

__all__ = ["min_count_of", "support_problem"]


def support_problem(name: str, value: object) -> str | None:
    """Return what is wrong with a threshold; None for a count from 1 on or a share in (0, 1]."""
    number: Any = value
    fits = False
    if isinstance(value, bool):
        fits = False
    elif isinstance(value, Integral):
        fits = number >= 1
    elif isinstance(value, Real):
        fits = 0 < number <= 1
    if fits:
        return None
    return (
        f"{name} must be a count (an integer from 1 on) or a share of the baskets (a float in "
        f"(0, 1]); got {value!r}."
    )


def min_count_of(min_support: float, n_baskets: int, *, owner: str) -> int:
    """Return the least number of baskets that a threshold asks for.

    Parameters
    ----------
    min_support : int or float
        An integer from 1 on is a count. A float in (0, 1] is a share: the count is the
        smallest whole number c from 1 on with ``c / n_baskets >= min_support``, where the
        division is that of float64.
    n_baskets : int
        Baskets, empty ones and weights included.
    owner : str
        The function that was called, for the message.

    Raises
    ------
    InvalidParameterError
        If it is neither.

    Examples
    --------
    >>> min_count_of(0.001, 1000, owner=""), min_count_of(5 / 6, 6, owner="")
    (1, 5)
    >>> min_count_of(0.001, 88_162, owner=""), min_count_of(88, 88_162, owner="")
    (89, 88)
    """
    problem = support_problem("min_support", min_support)
    if problem is not None:
        raise InvalidParameterError(owner, [problem])
    given: object = min_support
    if isinstance(given, Integral):
        return int(given)
    share = float(min_support)
    count = max(ceil(share * n_baskets), 1)
    while count > 1 and (count - 1) / n_baskets >= share:
        count -= 1
    while n_baskets and count / n_baskets < share:
        count += 1
    return count
