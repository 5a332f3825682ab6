"""What values a tag may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.columns import NumberColumn, TextColumn
from userportrait._core.display import format_count
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.columns import Column

__all__ = ["Domain", "ValueKind"]

ValueKind: TypeAlias = Literal["boolean", "number", "text", "date"]

_KINDS = ("boolean", "number", "text", "date")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Domain:
    """The kind of a tag's values, and which of them are allowed.

    Every evaluation checks the values made; unknown is always allowed.

    Parameters
    ----------
    kind : {'boolean', 'number', 'text', 'date'}
        A date is an ISO text, 'YYYY-MM-DD'.
    values : sequence of str or float, optional
        The allowed values, in the order in which people list them. Not with limits, and not
        for booleans.
    low, high : float or str, optional
        Limits, both allowed: numbers, or ISO texts for dates.

    Raises
    ------
    InvalidParameterError
        If the parts do not fit together.

    Examples
    --------
    >>> Domain("number", low=1, high=5).describe()
    'number from 1 to 5'
    >>> Domain("text", values=("new", "loyal")).describe()
    "text: 'new', 'loyal'"
    """

    kind: ValueKind
    values: tuple[str | float, ...] | None = None
    low: float | str | None = None
    high: float | str | None = None

    def __post_init__(self) -> None:
        if self.values is not None:
            object.__setattr__(self, "values", tuple(self.values))
        problems = self._problems()
        if problems:
            raise InvalidParameterError("Domain", problems)

    def _problems(self) -> list[str]:
        if self.kind not in _KINDS:
            return [f"kind: {unknown_name('kind', str(self.kind), _KINDS)}"]
        limits = [limit for limit in (self.low, self.high) if limit is not None]
        told = [*(self.values or ()), *limits]
        problems = [
            f"{value!r} is not a {self.kind}." for value in told if not _fits(value, self.kind)
        ]
        if self.kind == "boolean" and told:
            return ["a boolean domain has neither values nor limits."]
        if self.kind == "text" and limits:
            problems.append("a text domain has no limits; list its values.")
        if self.values is not None and (limits or not self.values):
            problems.append("give values, at least one, or limits, not both.")
        if not problems and len(limits) == 2 and limits[0] > limits[1]:  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
            problems.append(f"low ({self.low!r}) is above high ({self.high!r}).")
        return problems

    def describe(self) -> str:
        """Return the domain in words."""
        if self.values is not None:
            return f"{self.kind}: {', '.join(repr(value) for value in self.values)}"
        low = "" if self.low is None else f" from {self.low}"
        high = "" if self.high is None else f" to {self.high}"
        return f"{self.kind}{low}{high}"

    def check(self, column: Column, *, tag: str) -> None:
        """Raise if a column of tag values leaves the domain.

        Parameters
        ----------
        column : Column
        tag : str
            The tag's name, for the message.

        Raises
        ------
        InvalidDataError
            If the kind is another, or known values are not allowed; it says how many
            customers have one, and never which value.
        """
        expected = "text" if self.kind == "date" else self.kind
        if column.kind != expected:
            if not column.known.any():
                return
            message = f"tag '{tag}' gives {column.kind} values; its domain is {self.describe()}."
            raise InvalidDataError(message, column=tag)
        n = int((column.known & ~self._allowed(column)).sum())
        if n:
            message = (
                f"tag '{tag}': {format_count(n, 'customer')} would get a value outside its "
                f"domain ({self.describe()}). Mend the data or the definition, or widen the "
                f"domain."
            )
            raise InvalidDataError(message, column=tag, n_rows=n)

    def _allowed(self, column: Column) -> NDArray[np.bool_]:
        if isinstance(column, TextColumn):
            fine = np.array([self._allows(text) for text in column.labels] + [False], dtype=bool)
            return np.asarray(fine[column.codes])
        allowed = np.ones(len(column), dtype=bool)
        if not isinstance(column, NumberColumn):
            return allowed
        if self.values is not None:
            return np.isin(column.values, np.array(self.values))
        low: Any = self.low
        high: Any = self.high
        if low is not None:
            allowed &= column.values >= low
        if high is not None:
            allowed &= column.values <= high
        return allowed

    def _allows(self, text: str) -> bool:
        if self.kind == "date" and not _DATE.fullmatch(text):
            return False
        if self.values is not None:
            return text in self.values
        low: Any = self.low
        high: Any = self.high
        return (low is None or text >= low) and (high is None or text <= high)


def _fits(value: object, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and value == value
    if kind == "date":
        return isinstance(value, str) and _DATE.fullmatch(value) is not None
    return isinstance(value, str)
