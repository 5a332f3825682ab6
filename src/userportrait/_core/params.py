"""Rules for parameters, checked all at once."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Protocol

from userportrait.errors import InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Between", "InstanceOf", "OneOf", "Optional", "Rule", "check_params", "check_values"]


class Rule(Protocol):
    """Says what is wrong with a value, or None."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        ...


@dataclass(frozen=True, slots=True)
class Between:
    """A number within limits, both of them allowed.

    Parameters
    ----------
    low, high : float
        The limits.
    integer : bool, default=False
        Whether only whole numbers will do.
    open_low, open_high : bool, default=False
        Whether the limit itself is refused.
    """

    low: float
    high: float
    integer: bool = False
    open_low: bool = False
    open_high: bool = False

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        kind = "an integer" if self.integer else "a number"
        if _is_number(value, integer=self.integer):
            number: Any = value  # float() would fail on a very large integer
            above = number > self.low if self.open_low else number >= self.low
            below = number < self.high if self.open_high else number <= self.high
            if above and below:
                return None
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        limits = f"{left}{self.low:.15g}, {self.high:.15g}{right}"
        return f"{name} must be {kind} in {limits}; got {value!r}."


def _is_number(value: Any, *, integer: bool) -> bool:
    kind: Any = Integral if integer else Real
    return isinstance(value, kind) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few names."""

    options: tuple[str, ...]

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        if isinstance(value, str) and value in self.options:
            return None
        return f"{name}: {unknown_name('option', str(value), self.options)}"


@dataclass(frozen=True, slots=True)
class InstanceOf:
    """A value of one of some types."""

    types: tuple[type, ...]
    expected: str

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        if isinstance(value, self.types):
            return None
        return f"{name} must be {self.expected}; got {type(value).__name__}."


@dataclass(frozen=True, slots=True)
class Optional:
    """None, or what another rule allows."""

    rule: Rule

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        return None if value is None else self.rule.problem(name, value)


def check_values(owner: str, values: Mapping[str, object], rules: Mapping[str, Rule]) -> None:
    """Raise one `InvalidParameterError` that lists every bad value."""
    found = (rule.problem(name, values[name]) for name, rule in rules.items())
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InvalidParameterError(owner, problems)


def check_params(estimator: Any, rules: Mapping[str, Rule]) -> None:
    """Check an estimator's constructor parameters, all at once."""
    values = {name: getattr(estimator, name) for name in rules}
    check_values(type(estimator).__name__, values, rules)
