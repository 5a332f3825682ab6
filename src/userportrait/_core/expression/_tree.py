"""The syntax tree of an audience expression, and how it is written as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from userportrait._core.expression._tokens import quote_name, quote_text
from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Among",
    "And",
    "Between",
    "Compare",
    "Condition",
    "Constant",
    "Flag",
    "Is",
    "LeafNode",
    "Matches",
    "Missing",
    "Not",
    "Operand",
    "Or",
    "Tag",
    "Value",
    "leaf_nodes",
]


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag's name; its position in the text does not count for equality."""

    name: str
    position: int = field(default=0, compare=False, repr=False)

    def to_text(self) -> str:
        """Return the name, in backticks where it needs them."""
        return quote_name(self.name)


@dataclass(frozen=True, slots=True)
class Value:
    """A number, a text, or true or false; ``Value(1)`` differs from ``Value(True)``."""

    value: bool | int | float | str
    position: int = field(default=0, compare=False, repr=False)
    kind: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kind = "text" if isinstance(self.value, str) else "number"
        if isinstance(self.value, bool):
            kind = "boolean"
        elif isinstance(self.value, float) and not isfinite(self.value):
            raise InvalidParameterError("Value", ["a number must be finite."])
        object.__setattr__(self, "kind", kind)

    def to_text(self) -> str:
        """Return the value as the language writes it."""
        if isinstance(self.value, str):
            return quote_text(self.value)
        return repr(self.value).lower()


Operand: TypeAlias = Tag | Value


@dataclass(frozen=True, slots=True)
class Constant:
    """``true`` or ``false``."""

    value: bool

    @property
    def tags(self) -> tuple[Tag, ...]:
        """No tag at all."""
        return ()

    def to_text(self) -> str:
        """Return the condition as text."""
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Flag:
    """A yes/no tag on its own: ``is_repeat_buyer``."""

    tag: Tag

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tag."""
        return (self.tag,)

    def to_text(self) -> str:
        """Return the condition as text."""
        return self.tag.to_text()


@dataclass(frozen=True, slots=True)
class Missing:
    """``birth_date is missing``; never unknown itself."""

    tag: Tag
    negated: bool = False

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tag."""
        return (self.tag,)

    def to_text(self) -> str:
        """Return the condition as text."""
        return f"{self.tag.to_text()} is {'not ' if self.negated else ''}missing"


@dataclass(frozen=True, slots=True)
class Compare:
    """``spend >= 100`` or ``spend_90d = spend``."""

    tag: Tag
    operator: str
    other: Operand

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tag or the two tags."""
        return (self.tag, self.other) if isinstance(self.other, Tag) else (self.tag,)

    def to_text(self) -> str:
        """Return the condition as text."""
        return f"{self.tag.to_text()} {self.operator} {self.other.to_text()}"


@dataclass(frozen=True, slots=True)
class Among:
    """``rfm in ('Champions', 'Loyal')``."""

    tag: Tag
    values: tuple[Value, ...]
    negated: bool = False

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tag."""
        return (self.tag,)

    def to_text(self) -> str:
        """Return the condition as text."""
        listed = ", ".join(value.to_text() for value in self.values)
        return f"{self.tag.to_text()} {'not ' if self.negated else ''}in ({listed})"


@dataclass(frozen=True, slots=True)
class Between:
    """``recency between 30 and 90``, both limits included."""

    tag: Tag
    low: Operand
    high: Operand
    negated: bool = False

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tag, and the limits that are tags."""
        limits = (limit for limit in (self.low, self.high) if isinstance(limit, Tag))
        return (self.tag, *limits)

    def to_text(self) -> str:
        """Return the condition as text."""
        limits = f"{self.low.to_text()} and {self.high.to_text()}"
        return f"{self.tag.to_text()} {'not ' if self.negated else ''}between {limits}"


@dataclass(frozen=True, slots=True)
class Matches:
    """``city contains 'burg'`` or ``city starts with 'Ham'``."""

    tag: Tag
    how: str
    part: Value
    negated: bool = False

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tag."""
        return (self.tag,)

    def to_text(self) -> str:
        """Return the condition as text."""
        word = f"{'not ' if self.negated else ''}{self.how}"
        return f"{self.tag.to_text()} {word} {self.part.to_text()}"


LeafNode: TypeAlias = Constant | Flag | Missing | Compare | Among | Between | Matches


@dataclass(frozen=True, slots=True)
class Not:
    """``not country = 'France'``."""

    operand: Condition

    def to_text(self) -> str:
        """Return the condition as text."""
        return f"not {_inside(self.operand, And)}"


@dataclass(frozen=True, slots=True)
class Is:
    """``(spend > 100) is not true``: a test of the truth, itself never unknown.

    Parameters
    ----------
    operand : condition
    state : bool or None
        None is 'missing'.
    negated : bool, default=False
    """

    operand: Condition
    state: bool | None
    negated: bool = False

    def to_text(self) -> str:
        """Return the condition as text."""
        state = "missing" if self.state is None else str(self.state).lower()
        bare = isinstance(self.operand, Flag) and self.state is not None
        operand = self.operand.to_text() if bare else f"({self.operand.to_text()})"
        return f"{operand} is {'not ' if self.negated else ''}{state}"


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions, all of which must hold."""

    operands: tuple[Condition, ...]

    def to_text(self) -> str:
        """Return the condition as text."""
        return " and ".join([_inside(operand, And) for operand in self.operands])


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions, one of which must hold."""

    operands: tuple[Condition, ...]

    def to_text(self) -> str:
        """Return the condition as text."""
        return " or ".join([_inside(operand, Or) for operand in self.operands])


Condition: TypeAlias = And | Or | Not | Is | LeafNode


def _inside(node: Condition, parent: type[And | Or]) -> str:
    """Write a part of a larger condition, in brackets where it binds no tighter."""
    loose = (And, Or) if parent is And else Or
    text = node.to_text()
    return f"({text})" if isinstance(node, loose) else text


def leaf_nodes(tree: Condition) -> Iterator[LeafNode]:
    """Yield the conditions that have no parts, in the order of the text."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, And | Or):
            waiting.extend(reversed(node.operands))
        elif isinstance(node, Not | Is):
            waiting.append(node.operand)
        else:
            yield node
