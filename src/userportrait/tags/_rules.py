"""Tags that rules make from other tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from userportrait._core.columns import BooleanColumn
from userportrait._core.expression import Expression, parse_expression
from userportrait.errors import ExpressionError
from userportrait.tags._base import Tag
from userportrait.tags._explain import Reason, value_text
from userportrait.tags._values import text_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait._core.columns import Column
    from userportrait._core.expression import Truth
    from userportrait.tags._context import TagContext
    from userportrait.tags._domain import ValueKind
    from userportrait.typing import TagValue

__all__ = ["RuleTag"]


@dataclass(frozen=True, repr=False)
class RuleTag(Tag):
    """A condition on other tags, or a choice between texts by conditions.

    Give either `expression`, for yes or no, or `cases`, for a text.

    Parameters
    ----------
    name : str
    expression : str, optional
        A condition such as ``"recency > 90 and n_orders >= 2"``; the language is that of
        audiences.
    cases : sequence of (str, str), optional
        Conditions and texts, such as ``[("n_orders = 0", "visitor")]``. The first condition
        that is true gives the value.
    otherwise : str, optional
        The value where all conditions are false; unknown by default.
    description, version, owner, domain, ttl_days, unit, labels, value_labels
        See `Tag`.

    Raises
    ------
    InvalidParameterError
        If neither or both of `expression` and `cases` are given, or a value is not a text.
    ExpressionError
        If a condition cannot be read; the error points at the place.

    Notes
    -----
    Conditions follow Kleene's logic of three values: a comparison with an unknown value is
    unknown, and so is the tag, unless the other parts of the condition settle it. Ask with
    ``is missing`` to treat unknown values in a way of your own. With `cases`, a condition
    that is unknown makes the value unknown, because it might have been the first true one.
    That is stricter than SQL's CASE, which would go on to the next.

    Examples
    --------
    >>> RuleTag("is_lapsed", "recency > 90").inputs
    ('recency',)
    >>> stage = RuleTag(
    ...     "stage", cases=[("n_orders = 0", "visitor"), ("recency > 90", "lapsed")],
    ...     otherwise="active",
    ... )  # fmt: skip
    >>> stage.inputs
    ('n_orders', 'recency')
    """

    expression: str | None = None
    cases: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    otherwise: str | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "rule"

    def __post_init__(self) -> None:
        cases = tuple((condition, value) for condition, value in self.cases)
        object.__setattr__(self, "cases", cases)
        super().__post_init__()
        try:
            parsed = tuple(parse_expression(text) for text in self._conditions())
        except ExpressionError as error:
            raise self._named(error) from None
        object.__setattr__(self, "_parsed", parsed)

    def _named(self, error: ExpressionError) -> ExpressionError:
        message = f"tag '{self.name}': {error.message}"
        return ExpressionError(message, error.text, error.position)

    def _conditions(self) -> list[str]:
        if self.expression is not None:
            return [self.expression]
        return [condition for condition, _ in self.cases]

    def problems(self) -> list[str]:
        """Return one sentence for each parameter that cannot be used."""
        if (self.expression is None) == (not self.cases):
            return ["give either an expression or cases."]
        problems: list[str] = []
        if self.expression is not None and self.otherwise is not None:
            problems.append("otherwise goes with cases, not with an expression.")
        texts: list[object] = [*(value for _, value in self.cases)]
        texts += [] if self.otherwise is None else [self.otherwise]
        problems += [f"a case's value must be a text; got {v!r}." for v in texts if not _is_text(v)]
        return problems

    @property
    def parsed(self) -> tuple[Expression, ...]:
        """The conditions, read."""
        found: tuple[Expression, ...] = self.__dict__["_parsed"]
        return found

    @property
    def inputs(self) -> tuple[str, ...]:
        """The other tags that this one is made from."""
        return tuple(dict.fromkeys(name for part in self.parsed for name in part.names))

    def check_inputs(self, kinds: Mapping[str, str]) -> None:
        """Raise if a condition names an unknown tag or a value of the wrong kind.

        Raises
        ------
        ExpressionError
            At the place in the condition.
        """
        try:
            for part in self.parsed:
                part.check(kinds)
        except ExpressionError as error:
            raise self._named(error) from None

    @property
    def value_kind(self) -> ValueKind | None:
        """The kind of the values: boolean for an expression, text for cases."""
        return "text" if self.cases else "boolean"

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns of the order lines that it reads, beside the roles; None for any."""
        return ()

    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:
        """Return every customer's value; see `Tag.evaluate`."""
        n = len(context.customer_ids)
        try:
            truths = [part.evaluate(inputs, n_rows=n) for part in self.parsed]
        except ExpressionError as error:
            raise self._named(error) from None
        if not self.cases:
            return BooleanColumn(truths[0].true & truths[0].known, truths[0].known)
        return self._choose(truths, n)

    def _choose(self, truths: list[Truth], n: int) -> Column:
        values = [value for _, value in self.cases]
        if self.otherwise is not None:
            values.append(self.otherwise)
        codes = np.full(n, len(self.cases) if self.otherwise is not None else -1, dtype=np.int32)
        open_rows = np.ones(n, dtype=bool)
        for position, truth in enumerate(truths):
            codes[open_rows & truth.true & truth.known] = position
            codes[open_rows & ~truth.known] = -1
            open_rows &= truth.known & ~truth.true
        distinct = sorted(set(values))  # two cases may give the same text
        places = np.array([distinct.index(value) for value in values] + [-1], dtype=np.int32)
        ordered = np.empty(len(distinct), dtype=object)
        ordered[:] = distinct
        return text_column(places[codes], ordered)

    def describe(self) -> str:
        """Say in words how the values are made."""
        if not self.cases:
            return f"true where {self.parsed[0].to_text()}"
        parts = [f"{value_text(value)} where {part.to_text()}" for part, (_, value) in self._pairs]
        otherwise = "unknown" if self.otherwise is None else value_text(self.otherwise)
        return "; else ".join([*parts, otherwise])

    @property
    def _pairs(self) -> list[tuple[Expression, tuple[str, str]]]:
        return list(zip(self.parsed, self.cases, strict=True))

    def reasons(self, values: Mapping[str, TagValue]) -> tuple[Reason, ...]:
        """Return the conditions that were looked at, up to the one that settled the value."""
        found: list[Reason] = []
        for part in self.parsed:
            leaves = part.explain(values)
            found += [
                Reason(leaf.text, dict(zip(leaf.tags, leaf.values, strict=True)), leaf.result)
                for leaf in leaves
            ]
            if self.cases and part.result(values) is not False:
                break
        return tuple(found)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
