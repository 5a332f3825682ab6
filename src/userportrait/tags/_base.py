"""What every tag has: a name, a definition, a version, an owner, a domain, a time to live."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from userportrait._core.expression import parse_expression
from userportrait._core.params import Between, InstanceOf, Optional
from userportrait.errors import ExpressionError, InvalidParameterError, UnknownTagError
from userportrait.tags._domain import Domain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from userportrait._core.columns import Column
    from userportrait.tags._context import TagContext
    from userportrait.tags._domain import ValueKind
    from userportrait.tags._explain import Reason
    from userportrait.typing import TagValue

__all__ = ["Tag"]

_DESCRIBING = ("description", "version", "owner", "unit", "ttl_days", "labels", "value_labels")


def _no_texts() -> dict[str, str]:
    return {}


def _no_value_texts() -> dict[str, dict[str, str]]:
    return {}


@dataclass(frozen=True, repr=False)
class Tag(ABC):
    """One statement about each customer, and how it is made.

    This is the base of the shipped kinds. A kind of your own is a frozen dataclass that
    inherits from it and defines `evaluate`, and `inputs` if it uses other tags. If a
    customer's value depends on other customers, it also says so with `learns`, and defines
    `evidence` and `learn`: on Spark and large DuckDB relations, tags are evaluated part by
    part, and a part has some of the customers, each with all rows.

    Parameters
    ----------
    name : str
        A name that expressions can use: letters (of any script), digits and underscores.
    description : str, default=''
        One sentence for the people who read it.
    version : int, default=1
        Raise it whenever the definition changes; each value says which version made it.
    owner : str, default=''
        Who answers for the definition.
    domain : Domain, optional
        The values allowed; checked after each evaluation. By default any value of the kind.
    ttl_days : float, optional
        Time to live: so many days after it was true, a value counts as unknown. By default
        it does not age.
    unit : str, optional
        What numbers count, such as ``'days'``.
    labels : mapping of str to str, default={}
        The tag's name for people, by language: ``{"en": "Recency", "zh": "最近购买"}``.
    value_labels : mapping of str to mapping of str to str, default={}
        Names of text values for people, by language.

    Raises
    ------
    InvalidParameterError
        If parameters cannot be used; all of them are named.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from userportrait._core.columns import NumberColumn
    >>> @dataclass(frozen=True, repr=False)
    ... class NameLength(Tag):
    ...     kind = "own"
    ...
    ...     def evaluate(self, context, inputs):
    ...         found = np.array([len(str(i)) for i in context.customer_ids])
    ...         return NumberColumn(found, np.ones(len(found), dtype=bool))
    >>> NameLength("id_length", unit="characters")
    NameLength('id_length', unit='characters')
    """

    name: str
    description: str = field(default="", kw_only=True)
    version: int = field(default=1, kw_only=True)
    owner: str = field(default="", kw_only=True)
    domain: Domain | None = field(default=None, kw_only=True)
    ttl_days: float | None = field(default=None, kw_only=True)
    unit: str | None = field(default=None, kw_only=True)
    labels: Mapping[str, str] = field(default_factory=_no_texts, kw_only=True, hash=False)
    value_labels: Mapping[str, Mapping[str, str]] = field(
        default_factory=_no_value_texts, kw_only=True, hash=False
    )

    kind: ClassVar[str] = "own"
    """What sort of definition it is: fact, rule, statistical, preference, scored, manual."""

    def __post_init__(self) -> None:
        problems = [*self._common_problems(), *self.problems()]
        if problems:
            raise InvalidParameterError(f"{type(self).__name__} {self.name!r}", problems)

    def _common_problems(self) -> list[str]:
        problems: list[str | None] = []
        problems.append(_name_problem(self.name))
        problems.append(Between(1, 2**31, integer=True).problem("version", self.version))
        age = Optional(Between(0, float("inf"), open_low=True))
        problems.append(age.problem("ttl_days", self.ttl_days))
        problems.append(Optional(InstanceOf((Domain,), "a Domain")).problem("domain", self.domain))
        return [problem for problem in problems if problem is not None]

    def problems(self) -> list[str]:
        """Return one sentence for each parameter of this kind that cannot be used."""
        return []

    @property
    def inputs(self) -> tuple[str, ...]:
        """The other tags that this one is made from."""
        return ()

    def check_inputs(self, kinds: Mapping[str, str]) -> None:
        """Raise if the tags that this one is made from are not there, or of the wrong kind.

        Parameters
        ----------
        kinds : mapping of str to str
            For each tag of the catalogue ``'boolean'``, ``'number'``, ``'text'`` or ``'any'``.
        """
        for name in self.inputs:
            if name not in kinds:
                raise UnknownTagError(name, kinds)

    @property
    def value_kind(self) -> ValueKind | None:
        """The kind of the values, None if only the data can say."""
        return None if self.domain is None else self.domain.kind

    def lacks(self, context: TagContext) -> str | None:  # noqa: ARG002
        """Say what the tag needs that the context does not have; None if nothing."""
        return None

    @abstractmethod
    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:
        """Return every customer's value.

        Parameters
        ----------
        context : TagContext
            The tables and the moment.
        inputs : mapping of str to column
            The values of the tags named in `inputs`.

        Returns
        -------
        column
            A `BooleanColumn`, `NumberColumn` or `TextColumn`, aligned with
            ``context.customer_ids``.
        """

    # --- what must be known of all customers ---------------------------------------------------

    @property
    def learns(self) -> bool:
        """Whether a customer's value depends on other customers, as counted by `evidence`."""
        return False

    def fitted(self, context: TagContext) -> Tag:  # noqa: ARG002
        """Return the tag with what it learns from the orders as a whole, such as a scorer.

        Parameters
        ----------
        context : TagContext
            The whole shop, which may be on an engine outside of memory.
        """
        return self

    def evidence(self, context: TagContext) -> Any:  # noqa: ARG002
        """Return what `learn` needs to know of some of the customers; JSON can write it.

        Only asked for where `learns` is true.

        Parameters
        ----------
        context : TagContext
            All the customers, or those of one part.
        """
        return None

    def learn(self, evidence: Sequence[Any]) -> Any:  # noqa: ARG002
        """Return what the evidence of all customers says together.

        Parameters
        ----------
        evidence : sequence
            One for each part, in any order; a part may have any of the customers.

        Returns
        -------
        JSON value
            Kept in the context, where `evaluate` finds it: ``context.learned(self)``.
        """
        return None

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns of the order lines that it reads, beside the roles; None for any."""
        return None

    def describe(self) -> str:
        """Say in words how the values are made."""
        return self.description or type(self).__name__

    def reasons(self, values: Mapping[str, TagValue]) -> tuple[Reason, ...]:  # noqa: ARG002
        """Return the conditions behind a customer's value, given the values of all tags."""
        return ()

    def label(self, language: str = "en") -> str:
        """Return the name for people; without one, the tag's name.

        Parameters
        ----------
        language : str, default='en'
            Such as ``'en'`` or ``'zh'``.
        """
        return self.labels.get(language) or self.name

    def value_label(self, value: TagValue, language: str = "en") -> str:
        """Return the name of a value for people; without one, the value as text."""
        if value is None:
            return {"zh": "未知"}.get(language, "unknown")
        return self.value_labels.get(language, {}).get(str(value)) or str(value)

    def document(self) -> dict[str, Any]:
        """Return what readers of stored values need to know, as a dict that JSON can write."""
        optional: dict[str, Any] = {
            "values": self.value_kind,
            "description": self.description,
            "owner": self.owner,
            "ttl_days": self.ttl_days,
            "unit": self.unit,
            "labels": dict(self.labels),
            "value_labels": {k: dict(v) for k, v in self.value_labels.items()},
        }
        return {"kind": self.kind, **{name: v for name, v in optional.items() if v}}

    def learned(self, context: TagContext) -> dict[str, Any]:  # noqa: ARG002
        """Return what the evaluation learned from the data, as a dict that JSON can write."""
        return {}

    def same_definition(self, other: Tag) -> bool:
        """Whether another tag makes its values in the same way."""
        if type(self) is not type(other):
            return False
        names = (part.name for part in fields(self) if part.name not in _DESCRIBING)
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        shown: list[str] = []
        for part in fields(self):
            value = getattr(self, part.name)
            empty = part.name in ("labels", "value_labels") and not value
            if not part.repr:
                continue
            if part.name == "name":
                shown.append(repr(value))
            elif value != part.default and not empty:
                shown.append(f"{part.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


def _name_problem(name: object) -> str | None:
    if not isinstance(name, str) or not name.isidentifier():
        return (
            f"name must be letters, digits and underscores, and not start with a digit; "
            f"got {name!r}."
        )
    if not _is_expression_name(name):
        return f"name {name!r} is a word of the expression language."
    return None


def _is_expression_name(name: str) -> bool:
    """Whether an expression reads the text as the name of one tag."""
    try:
        return parse_expression(name).names == (name,)
    except ExpressionError:
        return False
