"""Tags whose values a scorer gives: a model, a formula, a service."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core import frames
from userportrait._core.display import format_count
from userportrait._core.units import to_micros
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, MissingColumnError, UnsupportedOnEngine
from userportrait.tags._base import Tag
from userportrait.tags._plain import nothing_known
from userportrait.tags._values import as_ids, column_of_series, positions_of, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from userportrait._core.columns import Column
    from userportrait.tags._context import TagContext
    from userportrait.typing import Scorer

__all__ = ["ScoredTag"]


@dataclass(frozen=True, repr=False)
class ScoredTag(Tag):
    """Values from any object that scores customers.

    Parameters
    ----------
    name : str
    scorer : Scorer or callable
        An object with ``score(orders, as_of=...)``, or a function with the same arguments;
        both return a frame with `customer_id` and one or more columns of values. All tags
        with the same scorer object share one call.
    column : str, optional
        Which column of the result; may be left out if there is only one.
    refit : bool, default=True
        Whether a scorer that has ``fit(orders)`` is fitted on the orders of the build
        first; the scorer itself is not changed, a copy is fitted. With False, what it
        learned before is applied unchanged, so that values of two builds can be compared.
    because : sequence of str, default=()
        Other tags that explain the score to people, such as the scores behind a segment;
        explanations show them.
    description, version, owner, domain, ttl_days, unit, labels, value_labels
        See `Tag`.

    Raises
    ------
    InvalidParameterError
        If `scorer` is neither.

    Notes
    -----
    A scorer sees no order line after the moment of the build: ``fit`` and ``score`` get
    `as_of` where they take it, and only the lines until then where they do not. Customers
    that the scorer leaves out are unknown. What a scorer says in ``learned(column)``, a
    dict that JSON can write, is kept with the build and shown by explanations.

    On Spark and large DuckDB relations, ``fit`` gets all orders, on their engine, and
    ``score`` is called for each part of the customers, on Spark's workers there. So what a
    customer's score takes from other customers must be learned in ``fit``, and the scorer
    must be picklable.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.tags import TagContext
    >>> def count_lines(orders, *, as_of):
    ...     counts = orders.to_pandas().groupby("customer_id").size()
    ...     return counts.rename("n").reset_index()
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bo", "ann"],
    ...         "order_id": [1, 2, 3],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-02-01"]),
    ...         "amount": [10.0, 20.0, 50.0],
    ...     }
    ... )
    >>> ScoredTag("n_lines", count_lines).evaluate(TagContext(frame), {}).to_list()
    [2, 1]
    """

    scorer: Scorer | Callable[..., Any] = field(hash=False)
    column: str | None = None
    refit: bool = field(default=True, kw_only=True)
    because: tuple[str, ...] = field(default=(), kw_only=True)

    kind: ClassVar[str] = "scored"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The other tags that explain the score."""
        return tuple(self.because)

    def problems(self) -> list[str]:
        """Return one sentence for each parameter that cannot be used."""
        if callable(getattr(self.scorer, "score", None)) or callable(self.scorer):
            return []
        kind = type(self.scorer).__name__
        return [f"scorer must have score(orders, as_of=...), or be such a function; got {kind}."]

    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:  # noqa: ARG002
        """Return every customer's value; see `Tag.evaluate`.

        Raises
        ------
        InvalidDataError
            If the scorer's result names a customer twice, or one that is not portrayed.
        MissingColumnError
            If the result lacks `customer_id` or the column.
        """
        if not context.has_lines:  # of a part of the customers, none of whom has bought
            return nothing_known(len(context.customer_ids), self.value_kind)
        result = self._result(context)
        column = self._column_of(result)
        ids = as_ids(result["customer_id"], what=self._what)
        order = np.argsort(ids, kind="stable")
        self._check_ids(ids[order], context)
        rows = positions_of(context.customer_ids, ids[order], what=self._what)
        return spread(column_of_series(result[column].iloc[order].reset_index(drop=True)), rows)

    @property
    def _what(self) -> str:
        return f"tag '{self.name}': the scorer's result"

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns of the order lines that it reads, beside the roles; None for any."""
        # Those of `value` need no other column; models may have features of any.
        ours = type(self.scorer).__module__.startswith("userportrait.value.")
        return () if ours else None

    def fitted(self, context: TagContext) -> Tag:
        """Return the tag with its scorer fitted on the orders of the context."""
        scorer = self._used(context)
        return self if scorer is self.scorer else replace(self, scorer=scorer, refit=False)

    def learned(self, context: TagContext) -> dict[str, Any]:
        """Return what the scorer says that it has learned, for this tag's column."""
        say: Any = getattr(self._used(context), "learned", None)
        return {} if say is None else dict(say(self.column))

    def _used(self, context: TagContext) -> Any:
        """Return the scorer, fitted where it is to be; tags with one scorer share it."""
        if not self.refit or not callable(getattr(self.scorer, "fit", None)):
            return self.scorer
        # The scorer stays alive as long as the context: this tag holds it, and so does the entry.
        key = ("fitted scorer", id(self.scorer))
        return context.shared(key, lambda: (self.scorer, self._fit(context)))[1]

    def _fit(self, context: TagContext) -> Any:
        scorer: Any = deepcopy(self.scorer)
        _call(scorer.fit, context)
        return scorer

    def _result(self, context: TagContext) -> pd.DataFrame:
        scorer = self._used(context)
        key = ("scores", id(scorer))
        found: pd.DataFrame = context.shared(key, lambda: (scorer, self._run(scorer, context)))[1]
        return found

    def _run(self, scorer: Any, context: TagContext) -> pd.DataFrame:
        score = getattr(scorer, "score", None)
        result = _call(score if callable(score) else scorer, context)
        try:
            inner = frames.enter(result, argument=self._what)
        except UnsupportedOnEngine:
            kind = type(result).__name__
            message = f"{self._what} must be a frame with customer_id and values; got {kind}."
            raise InvalidDataError(message) from None
        return frames.to_pandas(inner).reset_index(drop=True)

    def _column_of(self, result: pd.DataFrame) -> str:
        names = [str(name) for name in result.columns]
        if "customer_id" not in names:
            raise MissingColumnError("customer_id", names, self._what)
        values = [name for name in names if name != "customer_id"]
        if self.column is not None:
            if self.column not in values:
                raise MissingColumnError(self.column, values, self._what)
            return self.column
        if len(values) == 1:
            return values[0]
        message = f"{self._what} has {format_count(len(values), 'column')} of values; say column=."
        raise InvalidDataError(message)

    def _check_ids(self, ids: Any, context: TagContext) -> None:
        twice = int((ids[1:] == ids[:-1]).sum())
        if twice:
            message = f"{self._what} names {format_count(twice, 'customer')} more than once."
            raise InvalidDataError(message, column="customer_id", n_rows=twice)
        strangers = int((positions_of(ids, context.customer_ids, what=self._what) < 0).sum())
        if strangers:
            message = (
                f"{self._what} names {format_count(strangers, 'customer')} that the orders until "
                f"{context.as_of.isoformat()} and the customers table do not have."
            )
            raise InvalidDataError(message, column="customer_id", n_rows=strangers)

    def describe(self) -> str:
        """Say in words how the values are made."""
        scorer: Any = self.scorer
        plain = getattr(scorer, "__name__", None)
        name = plain if isinstance(plain, str) else repr(scorer)
        of = "given" if self.column is None else f"'{self.column}'"
        fitted = callable(getattr(scorer, "fit", None))
        how = "" if not fitted else ", fitted for the build" if self.refit else ", fitted before"
        return f"{of} by {name}{how}"


def _call(function: Callable[..., Any], context: TagContext) -> Any:
    """Call with `as_of` where the function takes it, otherwise with the lines until then."""
    if _takes_as_of(function):
        return function(context.orders, as_of=context.as_of)
    return function(_until(context))


def _takes_as_of(function: Callable[..., Any]) -> bool:
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.name == "as_of" or p.kind is p.VAR_KEYWORD for p in parameters)


def _until(context: TagContext) -> Orders:
    def cut() -> Orders:
        orders = context.orders
        if to_micros(orders.newest) <= to_micros(context.as_of):
            return orders
        kept = frames.keep_rows_until(frames.enter(orders.frame), "ordered_at", context.as_of)
        digits, currency = orders.minor_digits, orders.currency
        return Orders(frames.leave(kept), minor_digits=digits, currency=currency)

    return context.shared("orders until as_of", cut)
