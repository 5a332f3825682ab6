"""Customers chosen by an expression: how many, who, and what sets them apart."""

from __future__ import annotations

import warnings
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.expression import Expression, parse_expression
from userportrait._core.expression._tree import And, Is, Or
from userportrait._core.params import Between, InstanceOf, OneOf, check_values
from userportrait.audience._results import Membership, Overlap
from userportrait.errors import (
    CustomerNotFoundError,
    DataWarning,
    InvalidParameterError,
    UnknownTagError,
)
from userportrait.typing import Build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait._core.expression import Truth
    from userportrait._core.expression._tree import Condition
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["Audience", "TagColumns", "select_audience"]

BoolArray: TypeAlias = "NDArray[np.bool_]"


class TagColumns(Protocol):
    """What an audience needs of a table of tags; `userportrait.tags.TagTable` is one.

    Any object with these three will do. They must not change while an audience refers to
    them.

    Examples
    --------
    >>> from datetime import datetime
    >>> import numpy as np
    >>> from userportrait.tags import TagTable, column_from
    >>> from userportrait.typing import Build
    >>> columns = {"spend": column_from([250.0, 80.0, None])}
    >>> build = Build(as_of=datetime(2026, 1, 31), versions={"spend": 1})
    >>> table: TagColumns = TagTable(np.array([101, 102, 103]), columns, build)
    >>> select_audience(table, "spend >= 100").size
    1
    """

    @property
    def customer_ids(self) -> NDArray[Any]:
        """All customers, each once, ascending: int64, or texts as objects."""
        ...

    @property
    def columns(self) -> Mapping[str, Column]:
        """The tags by name, each a column with one row for each customer."""
        ...

    def row_of(self, customer_id: object) -> int | None:
        """Return where a customer stands in `customer_ids`; None if there is no such one."""
        ...


class Audience:
    """The customers for whom an expression is true.

    A customer for whom the expression is unknown, because a tag is, is not in the audience;
    `n_unknown` says how many there are.

    Parameters
    ----------
    table : TagColumns
        The tags of all customers.
    expression : str or Expression
        Such as ``"n_orders >= 2 and not country = 'France'"``.

    Raises
    ------
    ExpressionError
        If the expression cannot be read, or does not fit the tags; it points at the place.

    See Also
    --------
    select_audience : The same, with a warning where a text looks misspelt.

    Examples
    --------
    >>> from datetime import datetime
    >>> import numpy as np
    >>> from userportrait.tags import TagTable, column_from
    >>> from userportrait.typing import Build
    >>> columns = {
    ...     "spend": column_from([250.0, 80.0, None, 120.0]),
    ...     "is_lapsed": column_from([False, True, False, True]),
    ... }
    >>> build = Build(as_of=datetime(2026, 1, 31), versions={"spend": 1, "is_lapsed": 1})
    >>> table = TagTable(np.array([101, 102, 103, 104]), columns, build)
    >>> audience = Audience(table, "spend >= 100")
    >>> audience
    <Audience 'spend >= 100': 2 of 4 customers (50.0%), 1 unknown>
    >>> audience.customer_ids
    array([101, 104])
    >>> (audience & Audience(table, "is_lapsed")).customer_ids
    array([104])
    >>> audience.profile(["is_lapsed"])[["value", "n_audience", "n_all", "tgi"]]
      value  n_audience  n_all    tgi
    0   yes           1      2  100.0
    1    no           1      2  100.0
    """

    __slots__ = ("_expression", "_table", "_truth")

    def __init__(self, table: TagColumns, expression: str | Expression) -> None:
        rule = InstanceOf((str, Expression), "a text or an Expression")
        check_values("Audience", {"expression": expression}, {"expression": rule})
        parsed = parse_expression(expression) if isinstance(expression, str) else expression
        self._table: TagColumns = table
        self._expression: Expression = parsed
        self._truth: Truth = parsed.evaluate(table.columns, n_rows=len(table.customer_ids))

    # --- how many and who ----------------------------------------------------------------

    @property
    def table(self) -> TagColumns:
        """The tags of all customers, members or not."""
        return self._table

    @property
    def expression(self) -> Expression:
        """What selects the members."""
        return self._expression

    @property
    def size(self) -> int:
        """The number of members."""
        return int(np.count_nonzero(self._truth.true))

    @property
    def share(self) -> float:
        """The members' share of all customers, from 0 to 1; 0 if there is no customer."""
        return self.size / self.n_customers if self.n_customers else 0.0

    @property
    def n_customers(self) -> int:
        """The number of all customers, members or not."""
        return len(self._truth)

    @property
    def n_unknown(self) -> int:
        """The number of customers for whom the expression is unknown; they are not members."""
        return self.n_customers - int(np.count_nonzero(self._truth.known))

    @property
    def members(self) -> NDArray[np.bool_]:
        """Whether each customer of the table is a member."""
        return self._truth.true.copy()

    @property
    def customer_ids(self) -> NDArray[Any]:
        """The members, ascending: int64, or texts as objects."""
        return np.asarray(self._table.customer_ids)[self._truth.true]

    def __contains__(self, customer_id: object) -> bool:
        row = self._table.row_of(customer_id)
        return row is not None and bool(self._truth.true[row])

    def to_dict(self) -> dict[str, Any]:
        """Return expression and numbers; no customer."""
        return {
            "expression": self._expression.to_text(),
            "size": self.size,
            "share": self.share,
            "n_unknown": self.n_unknown,
            "n_customers": self.n_customers,
        }

    def to_frame(self, tags: Iterable[str] | None = None, *, engine: str = "pandas") -> IntoFrame:
        """Return the members with their tags.

        Parameters
        ----------
        tags : iterable of str, optional
            The tags to show, in this order; by default all of them.
        engine : {'pandas', 'polars', 'polars-lazy', 'pyarrow', 'duckdb'}, default='pandas'
            The library that gets the frame.

        Returns
        -------
        frame
            `customer_id`, ascending, and one column for each tag. Unknown values are null; in
            pandas, a column of whole numbers or of yes and no that has some is nullable
            (Int64, boolean). A DuckDB relation is made on DuckDB's default connection.

        Raises
        ------
        UnknownTagError
            If a tag is not in the table; it names the nearest one.
        MissingExtraError
            If the engine is not installed.

        Examples
        --------
        >>> from datetime import datetime
        >>> import numpy as np
        >>> from userportrait.tags import TagTable, column_from
        >>> from userportrait.typing import Build
        >>> columns = {"spend": column_from([250.0, 80.0]), "n_orders": column_from([3, 1])}
        >>> build = Build(as_of=datetime(2026, 1, 31), versions={"spend": 1, "n_orders": 1})
        >>> table = TagTable(np.array([101, 102]), columns, build)
        >>> Audience(table, "spend > 50").to_frame(["n_orders"])
           customer_id  n_orders
        0          101         3
        1          102         1
        """
        from userportrait._core.frames import ENGINES
        from userportrait.tags import TagTable

        check_values("Audience.to_frame", {"engine": engine}, {"engine": OneOf(ENGINES)})
        chosen = self._choose(tags, "Audience.to_frame")
        members = {name: column.take(self._truth.true) for name, column in chosen.items()}
        build = Build(as_of=datetime.fromisoformat("1970-01-01"), versions={})  # not shown
        return TagTable(self.customer_ids, members, build).to_frame(engine=cast("Any", engine))

    # --- what sets them apart ------------------------------------------------------------

    def profile(
        self,
        tags: Iterable[str] | None = None,
        *,
        min_size: int = 1,
        confidence_level: float = 0.95,
        n_bins: int = 5,
    ) -> pd.DataFrame:
        """Compare the members with everybody, value by value.

        Parameters
        ----------
        tags : iterable of str, optional
            The tags to compare, in this order; by default all of them.
        min_size : int, default=1
            Values that fewer customers (members or not) have get no row of their own: texts go
            into ``(other)``, numbers into the neighbouring bin. Yes, no and ``(missing)``
            always have a row.
        confidence_level : float, default=0.95
            Of the intervals; above 0, below 1.
        n_bins : int, default=5
            Numbers with more than 10 distinct values are cut into at most so many bins of
            about equally many customers; 2 to 50.

        Returns
        -------
        DataFrame
            One row for each value of each tag that a customer has, tags in the given order,
            values ascending, then ``(other)``, then ``(missing)`` for unknown values:

            - tag, value : text;
            - n_audience, n_all : int, members and customers with the value;
            - share_audience, share_all : float, their shares of all members and of all
              customers, from 0 to 1, which add up to 1 for each tag;
            - tgi : float, share_audience / share_all × 100; 100 is average;
            - ci_low, ci_high : float, the interval of the index;
            - p_value : float, Fisher's exact test, two-sided, of an audience drawn at random;
            - q_value : float, the false discovery rate [2]_ at which the row is a finding. Rows
              of tags that the expression uses differ by construction, so they are corrected
              by themselves and make no other row a finding.

            An empty audience has an index of 0 and an interval as wide as it can be, an
            audience of everybody an index and an interval of 100; nothing is tested then,
            and all p-values are 1.

        Raises
        ------
        UnknownTagError
            If a tag is not in the table; it names the nearest one.
        InvalidParameterError
            If a parameter is out of range; all of them are named.

        Notes
        -----
        The members are part of everybody, so the index is less uncertain than its two shares.
        The interval is that of Miettinen and Nurminen [1]_ for the ratio of the share among
        members to the share among all others, carried over to the index, which is a monotone
        function of that ratio; it holds for members and others who are each a random sample
        of customers to come. Where the true index is 100 its width is that of drawing the
        members from a finite population. Texts get at most 20 rows, by frequency. A tag of
        more than 20 ISO dates is cut into spans of time.

        The p-value is exact, the interval is not: where counts are small one may call a row
        a finding and the other not. Then believe the p-value, and the q-value before it.

        References
        ----------
        .. [1] Miettinen and Nurminen (1985), "Comparative analysis of two rates", Statistics
           in Medicine 4(2).
        .. [2] Benjamini and Hochberg (1995), "Controlling the false discovery rate", Journal
           of the Royal Statistical Society B 57(1).
        """
        from userportrait.audience._profile import profile_frame

        values = {"min_size": min_size, "confidence_level": confidence_level, "n_bins": n_bins}
        rules = {
            "min_size": Between(1, inf, integer=True),
            "confidence_level": Between(0, 1, open_low=True, open_high=True),
            "n_bins": Between(2, 50, integer=True),
        }
        check_values("Audience.profile", values, rules)
        chosen = self._choose(tags, "Audience.profile")
        return profile_frame(
            chosen,
            self._truth.true,
            chosen_by=self._expression.names,
            n_bins=int(n_bins),
            min_size=int(min_size),
            confidence_level=float(confidence_level),
        )

    def explain(self, customer_id: CustomerId) -> Membership:
        """Say why a customer is in the audience, or is not.

        Parameters
        ----------
        customer_id : int or str
            A text finds a whole number of the same digits, and the reverse.

        Returns
        -------
        Membership

        Raises
        ------
        CustomerNotFoundError
            If the table does not have this customer.
        """
        row = self._table.row_of(customer_id)
        if row is None:
            raise CustomerNotFoundError(customer_id, self.n_customers)
        columns = self._table.columns
        values = {name: columns[name].value_at(row) for name in self._expression.names}
        leaves = self._expression.explain(values)
        result = bool(self._truth.true[row]) if self._truth.known[row] else None
        return Membership(result=result, leaves=leaves)

    # --- with another audience -----------------------------------------------------------

    def overlap(self, other: Audience) -> Overlap:
        """Count the customers in both audiences, in one of them, in none.

        Parameters
        ----------
        other : Audience
            Of the same table.

        Returns
        -------
        Overlap

        Raises
        ------
        InvalidParameterError
            If the audiences come from different tables.
        """
        self._check_same_table(other)
        n_both = int(np.count_nonzero(self._truth.true & other._truth.true))
        n_first, n_second = self.size - n_both, other.size - n_both
        return Overlap(
            n_both=n_both,
            n_first_only=n_first,
            n_second_only=n_second,
            n_neither=self.n_customers - n_both - n_first - n_second,
        )

    def __and__(self, other: object) -> Audience:
        """Return the members of both."""
        if not isinstance(other, Audience):
            return NotImplemented
        mine, theirs = self._expression.tree, other._expression.tree
        return self._combined(other, And((*_parts(mine, And), *_parts(theirs, And))))

    def __or__(self, other: object) -> Audience:
        """Return the members of one or both."""
        if not isinstance(other, Audience):
            return NotImplemented
        mine, theirs = self._expression.tree, other._expression.tree
        return self._combined(other, Or((*_parts(mine, Or), *_parts(theirs, Or))))

    def __sub__(self, other: object) -> Audience:
        """Return the members who are not in the other audience, also where that is unknown."""
        if not isinstance(other, Audience):
            return NotImplemented
        not_other = Is(other._expression.tree, True, negated=True)
        return self._combined(other, And((*_parts(self._expression.tree, And), not_other)))

    def _combined(self, other: Audience, tree: Condition) -> Audience:
        self._check_same_table(other)
        return Audience(self._table, Expression.from_tree(tree))

    def _check_same_table(self, other: Audience) -> None:
        if self._table is not other._table:
            problem = "both audiences must come from the same portraits, of one build."
            raise InvalidParameterError("Audience", [problem])

    # --- display and comparison ------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Audience):
            return NotImplemented
        return self._expression == other._expression and np.array_equal(
            self.customer_ids, other.customer_ids
        )

    def __hash__(self) -> int:
        return hash(self._expression)

    def __repr__(self) -> str:
        text = self._expression.to_text()
        shown = text if len(text) <= 200 else f"{text[:199]}…"
        base = format_count(self.n_customers, "customer")
        unknown = f", {self.n_unknown:,} unknown" if self.n_unknown else ""
        return f"<Audience {shown!r}: {self.size:,} of {base} ({self.share:.1%}){unknown}>"

    def _repr_html_(self) -> str:
        rows = {
            "expression": self._expression.to_text(),
            "size": f"{self.size:,} of {format_count(self.n_customers, 'customer')}",
            "share": f"{self.share:.1%}",
            "unknown": f"{self.n_unknown:,}",
        }
        return page_fragment("Audience", definition_list(rows))

    # --- helpers -----------------------------------------------------------------------------

    def _choose(self, tags: Iterable[str] | None, owner: str) -> dict[str, Column]:
        columns = self._table.columns
        if isinstance(tags, str):
            raise InvalidParameterError(owner, [f"tags must be a list of names: [{tags!r}]."])
        names = list(columns) if tags is None else list(dict.fromkeys(tags))
        for name in names:
            if name not in columns:
                raise UnknownTagError(str(name), columns)
        return {name: columns[name] for name in names}


def _parts(tree: Condition, join: type[And | Or]) -> tuple[Condition, ...]:
    return tree.operands if isinstance(tree, And | Or) and isinstance(tree, join) else (tree,)


def select_audience(
    table: TagColumns, expression: str | Expression, *, stacklevel: int = 1
) -> Audience:
    """Select the customers for whom an expression is true.

    Parameters
    ----------
    table : TagColumns
        The tags of all customers.
    expression : str or Expression
        Such as ``"n_orders >= 2 and not country = 'France'"``.
    stacklevel : int, default=1
        Whose line a warning names: 1 for the caller, 2 for the caller's caller.

    Returns
    -------
    Audience

    Raises
    ------
    ExpressionError
        If the expression cannot be read, or does not fit the tags; it points at the place.

    Warns
    -----
    DataWarning
        If no customer has a text of the expression, but customers share one that is near: it
        may be misspelt.

    Examples
    --------
    >>> from datetime import datetime
    >>> import numpy as np
    >>> from userportrait.tags import TagTable, column_from
    >>> from userportrait.typing import Build
    >>> ids = np.array(["ann", "bo", "cy"], dtype=object)
    >>> columns = {"country": column_from(["France", "Spain", None])}
    >>> build = Build(as_of=datetime(2026, 1, 31), versions={"country": 1})
    >>> table = TagTable(ids, columns, build)
    >>> select_audience(table, "country in ('France', 'Italy')").customer_ids
    array(['ann'], dtype=object)
    """
    audience = Audience(table, expression)
    for hint in audience.expression.hints(table.columns):
        warnings.warn(hint, DataWarning, stacklevel=stacklevel + 1)
    return audience
