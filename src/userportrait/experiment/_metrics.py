"""What all metrics share: a name, a direction, a role, a margin, and the terms they are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeAlias,
    runtime_checkable,
)

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError
from userportrait.experiment._moments import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from userportrait._core.params import Rule
    from userportrait.experiment._base import Goal, Role
    from userportrait.experiment._caps import Cap

__all__ = [
    "Adjustment",
    "Claim",
    "Covariate",
    "Described",
    "MarginKind",
    "SupportsTerm",
    "Term",
    "as_terms",
    "capped",
    "columns_of",
    "listed",
]

Adjustment: TypeAlias = Literal["lin", "pooled"]
"""How covariates enter: a regression in each arm, or one slope for both (CUPED)."""
Claim: TypeAlias = Literal["non-inferior", "equivalent"]
"""What a margin is for: to show that nothing got worse by more, or changed by more."""
MarginKind: TypeAlias = Literal["relative", "absolute"]


@dataclass(frozen=True, slots=True)
class Term:
    """A mean of a column, or a ratio of two means.

    Parameters
    ----------
    numerator : Column
    denominator : Column, optional
        Where None, the term is the mean of the numerator.
    """

    numerator: Column
    denominator: Column | None = None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        if self.denominator is None:
            return self.numerator.name
        return f"{self.numerator.name} per {self.denominator.name}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What must be aggregated."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)


@runtime_checkable
class SupportsTerm(Protocol):
    """A metric that is a mean or a ratio of means, so that it can serve as a covariate."""

    @property
    def term(self) -> Term: ...


Covariate: TypeAlias = str | Column | SupportsTerm | Term
"""A column, what is made of it, or a ratio of two columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Name, direction, role and margin of a metric.

    Parameters
    ----------
    name : str, default=''
        What results call it; the empty text stands for a name made from the columns.
    goal : {'increase', 'decrease'}, default='increase'
        Which way is good.
    role : {'primary', 'secondary', 'guardrail'}, default='primary'
        Whether it decides, explains, or must not get worse.
    margin : float, optional
        The loss, or for ``claim='equivalent'`` the change, that is still acceptable; above 0.
    margin_kind : {'relative', 'absolute'}, default='relative'
        Whether the margin is a share of the control's mean or in the unit of the metric.
    claim : {'non-inferior', 'equivalent'}, default='non-inferior'
        What is to be shown with the margin.
    """

    name: str = ""
    goal: Goal = "increase"
    role: Role = "primary"
    margin: float | None = None
    margin_kind: MarginKind = "relative"
    claim: Claim = "non-inferior"

    _described: ClassVar[Mapping[str, Rule]] = {
        "name": InstanceOf((str,), "a text"),
        "goal": OneOf(("increase", "decrease")),
        "role": OneOf(("primary", "secondary", "guardrail")),
        "margin": Optional(Between(0.0, math.inf, open_low=True, open_high=True)),
        "margin_kind": OneOf(("relative", "absolute")),
        "claim": OneOf(("non-inferior", "equivalent")),
    }

    def _check(self, more: Mapping[str, Rule]) -> None:
        rules = {**more, **self._described}
        check_values(type(self).__name__, {name: getattr(self, name) for name in rules}, rules)

    def _call_it(self, name: str) -> None:
        if not self.name:
            object.__setattr__(self, "name", name)


def as_terms(owner: str, adjust: object, own: Iterable[Column]) -> tuple[Term, ...]:
    """Return covariates as terms, each once.

    Raises
    ------
    InvalidParameterError
        If something else than columns and ratios is given, or the metric's own outcome.
    """
    if adjust is None:
        return ()
    is_one = isinstance(adjust, str | Column | Term | SupportsTerm)
    given = (adjust,) if is_one else listed(adjust)
    problems, found = list[str](), dict[Term, None]()
    for item in given:
        if isinstance(item, str):
            found[Term(Column(source=item))] = None
        elif isinstance(item, Column):
            found[Term(item)] = None
        elif isinstance(item, Term):
            found[item] = None
        elif isinstance(item, SupportsTerm):
            found[item.term] = None
        else:
            problems.append(
                f"adjust must hold names of columns, Column or Ratio; got {type(item).__name__}."
            )
    own_sources = {column.source for column in own}
    for term in found:
        for column in term.columns:
            if column.source in own_sources:
                problems.append(
                    f"adjust must not use '{column.source}', which the metric itself measures: "
                    "a covariate is known before the experiment starts."
                )
    if problems:
        raise InvalidParameterError(owner, problems)
    return tuple(found)


def listed(given: Any) -> tuple[Any, ...]:
    """Return what may be one thing or several as a tuple; a text is one thing."""
    if isinstance(given, str):
        return (given,)
    try:
        return tuple(given)
    except TypeError:
        return (given,)


def capped(column: str | Column, cap: Cap | None) -> Column:
    """Return the column that is aggregated for a metric with a cap."""
    plain = column if isinstance(column, Column) else Column(source=column)
    return plain if cap is None else cap.column(plain.source)


def columns_of(*terms: Term) -> tuple[Column, ...]:
    """Return the columns of some terms, each once."""
    return tuple(dict.fromkeys(column for term in terms for column in term.columns))
