"""An audience expression: text in, truth for every customer out."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, cast

import numpy as np

from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn
from userportrait._core.expression._check import check_tree, kind_of, value_hints
from userportrait._core.expression._evaluate import Truth, evaluate_tree
from userportrait._core.expression._parser import parse_tree
from userportrait._core.expression._tree import leaf_nodes
from userportrait._core.params import InstanceOf, check_values
from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from userportrait._core.columns import Column
    from userportrait._core.expression._tree import Condition
    from userportrait.typing import TagValue

__all__ = ["Expression", "Leaf", "parse_expression"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One condition of an expression, and what it says of one customer.

    Parameters
    ----------
    text : str
        The condition in its canonical form.
    tags : tuple of str
        The tags it looks at; none for ``true`` and ``false``.
    values : tuple of bool, int, float, str or None
        What the customer has for each of `tags`; None is unknown.
    result : bool or None
        None is unknown.

    Examples
    --------
    >>> leaf, = parse_expression("spend >= 100").explain({"spend": 80.5})
    >>> print(leaf)
    spend >= 100: false (spend is 80.5)
    """

    text: str
    tags: tuple[str, ...]
    values: tuple[TagValue, ...]
    result: bool | None

    @property
    def value(self) -> TagValue:
        """What the customer has for the first tag, None if unknown."""
        return self.values[0] if self.values else None

    def __str__(self) -> str:
        result = "unknown" if self.result is None else str(self.result).lower()
        pairs = zip(self.tags, self.values, strict=True)
        shown = ", ".join(f"{tag} is {_shown(value)}" for tag, value in pairs)
        return f"{self.text}: {result}" + (f" ({shown})" if shown else "")


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition on tags, as `parse_expression` reads it.

    Two expressions are equal if they say the same in the same order, however they are
    written: ``"a<>1"`` equals ``"a != 1"``.

    Parameters
    ----------
    text : str
        What was written.
    tree : condition
        What it means: frozen dataclasses.

    See Also
    --------
    parse_expression : Make one from text.

    Notes
    -----
    The logic is Kleene's strong logic of three values [1]_: a comparison with an unknown value
    is unknown, ``not`` leaves unknown unknown, ``and`` is false as soon as one part is false,
    ``or`` is true as soon as one part is true.

    References
    ----------
    .. [1] Kleene (1952), "Introduction to Metamathematics", section 64.

    Examples
    --------
    >>> expression = parse_expression("NOT country=='France' and n_orders>=2")
    >>> expression.to_text()
    "not country = 'France' and n_orders >= 2"
    >>> expression.names
    ('country', 'n_orders')
    """

    text: str = field(compare=False)
    tree: Condition

    @classmethod
    def from_tree(cls, tree: Condition) -> Expression:
        """Make an expression of a tree, with its canonical text."""
        return parse_expression(tree.to_text())

    @property
    def names(self) -> tuple[str, ...]:
        """The tags used, each once, in the order of the text."""
        return tuple(dict.fromkeys(tag.name for leaf in leaf_nodes(self.tree) for tag in leaf.tags))

    def to_text(self) -> str:
        """Return the canonical text, from which `parse_expression` makes an equal expression."""
        return self.tree.to_text()

    def check(self, kinds: Mapping[str, str]) -> None:
        """Raise if the expression does not fit the tags.

        Parameters
        ----------
        kinds : mapping of str to str
            For each tag ``'boolean'``, ``'number'``, ``'text'``, or ``'any'``, which fits
            everything.

        Raises
        ------
        ExpressionError
            At the first unknown tag, with the nearest known one, or the first value of the
            wrong type. A text that no customer has is not an error: see `hints`.

        Examples
        --------
        >>> parse_expression("spend > 10").check({"spend": "number"})
        """
        check_tree(self.tree, self.text, kinds)

    def hints(self, columns: Mapping[str, Column]) -> tuple[str, ...]:
        """Name texts that no customer has although one that customers have is near.

        Parameters
        ----------
        columns : mapping of str to column
            The tags of all customers.

        Returns
        -------
        tuple of str
            One sentence for each such text. Tags with more than 200 distinct texts are left
            out, and a text that only one customer has is never proposed.
        """
        return value_hints(self.tree, columns)

    def evaluate(self, columns: Mapping[str, Column], *, n_rows: int | None = None) -> Truth:
        """Return true, false or unknown for each customer.

        Parameters
        ----------
        columns : mapping of str to column
            The tags, all of the same length.
        n_rows : int, optional
            The number of customers, for an expression without tags over no columns; by
            default the length of a column.

        Returns
        -------
        Truth

        Raises
        ------
        ExpressionError
            If a tag is unknown or a value has the wrong type. A column without a single value
            has no type: each comparison with it is unknown.

        Notes
        -----
        A text test looks at each distinct text once. Texts are ordered by code point, so that
        ISO dates are in the order of time.

        Examples
        --------
        >>> from userportrait._core.columns import column_from
        >>> columns = {"spend": column_from([250.0, 80.0, None])}
        >>> parse_expression("spend >= 100").evaluate(columns).to_list()
        [True, False, None]
        """
        kinds = {name: kind_of(columns[name]) for name in self.names if name in columns}
        check_tree(self.tree, self.text, kinds, columns)
        if n_rows is None:
            first = next(iter(self.names or columns), None)
            n_rows = 0 if first is None else len(columns[first])
        return evaluate_tree(self.tree, columns, n_rows)

    def explain(self, values: Mapping[str, TagValue]) -> tuple[Leaf, ...]:
        """Return each condition with the value and the result for one customer.

        Parameters
        ----------
        values : mapping of str to bool, int, float, str or None
            The customer's tags; a tag that is not there is unknown.

        Returns
        -------
        tuple of Leaf
            In the order of the text. A ``not`` in front of a condition is not part of it.

        Raises
        ------
        ExpressionError
            If a value has the wrong type.

        Examples
        --------
        >>> expression = parse_expression("n_orders >= 2 and not country = 'France'")
        >>> for leaf in expression.explain({"n_orders": 3, "country": None}):
        ...     print(leaf)
        n_orders >= 2: true (n_orders is 3)
        country = 'France': unknown (country is unknown)
        """
        columns = self._one_row(values)
        leaves: list[Leaf] = []
        for node in leaf_nodes(self.tree):
            (result,) = evaluate_tree(node, columns, 1).to_list()
            names = tuple(tag.name for tag in node.tags)
            found = tuple(columns[name].value_at(0) for name in names)
            leaves.append(Leaf(text=node.to_text(), tags=names, values=found, result=result))
        return tuple(leaves)

    def result(self, values: Mapping[str, TagValue]) -> bool | None:
        """Return the truth for one customer; None is unknown.

        Parameters
        ----------
        values : mapping of str to bool, int, float, str or None
            The customer's tags; a tag that is not there is unknown.

        Returns
        -------
        bool or None

        Raises
        ------
        ExpressionError
            If a value has the wrong type.

        Examples
        --------
        >>> parse_expression("spend > 100 or is_lapsed").result({"spend": 150.0})
        True
        """
        (result,) = evaluate_tree(self.tree, self._one_row(values), 1).to_list()
        return result

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def _one_row(self, values: Mapping[str, TagValue]) -> dict[str, Column]:
        columns = {name: _column_of_one(values.get(name)) for name in self.names}
        check_tree(self.tree, self.text, {name: kind_of(c) for name, c in columns.items()})
        return columns


def parse_expression(text: str) -> Expression:
    """Read an audience expression.

    Parameters
    ----------
    text : str
        Such as ``"rfm in ('Champions', 'Loyal') and orders_90d >= 2"``; at most 200,000
        characters, and at most 64 brackets and ``not`` inside each other.

    Returns
    -------
    Expression

    Raises
    ------
    ExpressionError
        Where the text is not an expression; it points at the place.

    Examples
    --------
    >>> expression = parse_expression("spend between 100 and 500 or is_lapsed")
    >>> expression.names
    ('spend', 'is_lapsed')

    >>> parse_expression("1 < n_orders < 5")
    Traceback (most recent call last):
        ...
    userportrait.errors.ExpressionError: comparisons cannot be chained: write 1 < n_orders and \
n_orders < 5, or n_orders between 1 and 5 (limits included) (at column 14)
      1 < n_orders < 5
                   ^
    """
    check_values("parse_expression", {"text": text}, {"text": InstanceOf((str,), "a text")})
    return Expression(text, parse_tree(text))


def _column_of_one(value: Any) -> Column:
    """Make a column of one row, of the kind that the value shows."""
    known = np.array([value is not None and value == value])
    if not known[0]:
        return TextColumn(np.array([-1], dtype=np.int32), ())
    if isinstance(value, (bool, np.bool_)):
        return BooleanColumn(np.array([value], dtype=bool), known)
    if isinstance(value, Integral) and -(2**63) <= int(value) < 2**63:
        return NumberColumn(np.array([int(value)], dtype=np.int64), known)
    if isinstance(value, Real):
        return NumberColumn(np.array([float(value)]), known)
    if isinstance(value, str):
        return TextColumn(np.array([0], dtype=np.int32), (str(value),))
    problem = f"a tag's value is a bool, number, text or None; got {type(value).__name__}."
    raise InvalidParameterError("Expression", [problem])


def _shown(value: TagValue) -> str:
    if value is None:
        return "unknown"
    return repr(value).lower() if isinstance(value, bool) else repr(cast("object", value))
