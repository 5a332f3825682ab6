"""Tags that sum up a customer's order lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, OneOf, Optional
from userportrait.errors import ColumnTypeError, MissingColumnError
from userportrait.tags._base import Tag
from userportrait.tags._lines import CLOCK
from userportrait.tags._pairs import Chosen, Pairs, choose, count_pairs, exact_sums
from userportrait.tags._values import number_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.tags._context import TagContext
    from userportrait.tags._domain import ValueKind

__all__ = ["Statistic", "StatisticalTag"]

Statistic: TypeAlias = Literal[
    "count", "sum", "mean", "min", "max", "std", "median", "quantile",
    "first", "last", "n_unique", "most_frequent", "share",
]  # fmt: skip

_STATISTICS = (
    "count", "sum", "mean", "min", "max", "std", "median", "quantile",
    "first", "last", "n_unique", "most_frequent", "share",
)  # fmt: skip
_OF_NUMBERS = ("sum", "mean", "std", "median", "quantile")
_COUNTING = ("count", "n_unique", "share", *_OF_NUMBERS)
_NUMBERS = ("amount", "quantity", "price", "hour", "month")
_TEXTS = ("item_id", "order_id", "channel", "country", "category", "weekday")
_KNOWN = ("count", "sum", "n_unique")


@dataclass(frozen=True, repr=False)
class StatisticalTag(Tag):
    """A statistic of each customer's order lines.

    Parameters
    ----------
    name : str
    column : str or None
        ``'amount'`` (currency, negative for a refund), ``'quantity'``, ``'price'`` (of one
        unit; the line's money over its units if there is no such column), ``'item_id'``,
        ``'order_id'``, ``'channel'``, ``'country'``, ``'category'``, a column of your own,
        a column of the items table, or of the line's time: ``'hour'`` (0 to 23),
        ``'weekday'`` (``'Monday'`` …), ``'month'`` (1 to 12), ``'date'``. None with
        ``'count'`` counts lines.
    statistic : str
        ``'count'`` (of known values), ``'sum'``, ``'mean'``, ``'min'``, ``'max'``,
        ``'std'`` (n - 1 in the denominator), ``'median'``, ``'quantile'`` (linear
        interpolation, [1]_ type 7), ``'first'`` and ``'last'`` in time, ``'n_unique'``,
        ``'most_frequent'``, or ``'share'`` (of the known values that are in `value`).
    window_days : int, optional
        Only the last so many days: the day of the build and those before it, UTC. By
        default all time.
    lines : {'purchases', 'returns', 'all'}, default='purchases'
        Which lines count.
    per : {'line', 'order', 'day'}, default='line'
        What one observation is. Within each order or day, amount and quantity are summed
        first, and so are other numbers for a statistic of numbers; any other value counts
        once.
    value : str, float or tuple of them, optional
        What ``'share'`` looks for.
    q : float, default=0.5
        Which quantile, 0 to 1.
    zone : str, optional
        The time zone of hour, weekday, month and date, such as ``'Asia/Shanghai'``; by
        default UTC.
    description, version, owner, domain, ttl_days, unit, labels, value_labels
        See `Tag`.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.

    Notes
    -----
    Without a line that counts, ``'count'``, ``'sum'`` and ``'n_unique'`` are 0 and all else
    is unknown; ``'std'`` needs two. Ties go to the smallest value: of the most frequent
    ones, and of several values at the first or last moment. Statistics are made from the
    distinct values and their counts, in sorted order, and money from whole minor units, so
    that they do not depend on the order of rows, the engine or the number of threads.

    References
    ----------
    .. [1] Hyndman and Fan (1996), "Sample quantiles in statistical packages", The American
       Statistician 50(4), 361-365.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.tags import TagContext
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "ann"],
    ...         "order_id": [1, 1, 2],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-05", "2026-02-01"]),
    ...         "amount": [10.0, 20.0, 50.0],
    ...     }
    ... )
    >>> tag = StatisticalTag("median_order", "amount", "median", per="order")
    >>> tag.evaluate(TagContext(frame), {}).to_list()
    [40.0]
    """

    column: str | None
    statistic: Statistic
    window_days: int | None = field(default=None, kw_only=True)
    lines: Literal["purchases", "returns", "all"] = field(default="purchases", kw_only=True)
    per: Literal["line", "order", "day"] = field(default="line", kw_only=True)
    value: str | float | tuple[str | float, ...] | None = field(default=None, kw_only=True)
    q: float = field(default=0.5, kw_only=True)
    zone: str | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "statistical"

    def __post_init__(self) -> None:
        given: object = self.value
        if isinstance(given, list):
            object.__setattr__(self, "value", tuple(given))
        super().__post_init__()

    def problems(self) -> list[str]:
        """Return one sentence for each parameter that cannot be used."""
        found = [
            OneOf(_STATISTICS).problem("statistic", self.statistic),
            OneOf(("purchases", "returns", "all")).problem("lines", self.lines),
            OneOf(("line", "order", "day")).problem("per", self.per),
            Optional(Between(1, 36_500, integer=True)).problem("window_days", self.window_days),
            Between(0, 1).problem("q", self.q),
        ]
        if self.column is None and self.statistic != "count":
            found.append(f"statistic '{self.statistic}' needs a column.")
        if (self.value is None) == (self.statistic == "share"):
            found.append("value goes with statistic 'share', which needs it.")
        if self.column in _TEXTS and self.statistic in _OF_NUMBERS:
            found.append(
                f"statistic '{self.statistic}' needs numbers; '{self.column}' holds texts."
            )
        if self.column == "price" and self.per != "line":
            found.append("prices cannot be summed: per must be 'line' for column 'price'.")
        return [problem for problem in found if problem is not None]

    @property
    def value_kind(self) -> ValueKind | None:
        """The kind of the values, None if only the data can say."""
        if self.domain is not None:
            return self.domain.kind
        if self.statistic in _COUNTING or self.column in _NUMBERS:
            return "number"
        if self.column == "date":
            return "date"
        return "text" if self.column in _TEXTS else None

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns of the order lines that it reads, beside the roles; None for any."""
        return () if self.column is None else (self.column,)

    def lacks(self, context: TagContext) -> str | None:
        """Say what the tag needs that the context does not have; None if nothing."""
        if self.column is None or context.has_line_column(self.column):
            return None
        return f"the column '{self.column}' of the orders or items"

    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:  # noqa: ARG002
        """Return every customer's value; see `Tag.evaluate`.

        Raises
        ------
        MissingColumnError
            If neither the orders nor the items have the column.
        ColumnTypeError
            If the statistic needs numbers and the column holds texts.
        """
        n = len(context.customer_ids)
        chosen = self._chosen(context)
        if self.statistic in ("first", "last"):
            return chosen.values.column(_at_the_end(chosen, n, last=self.statistic == "last"))
        key = ("pairs", *self._what)
        return self._reduce(context.shared(key, lambda: count_pairs(chosen)), n)

    @property
    def _what(self) -> tuple[Any, ...]:
        measured = self.column not in CLOCK and self.statistic in (*_OF_NUMBERS, "min", "max")
        summed = self.column in ("amount", "quantity") or measured
        return (self.column, self.lines, self.window_days, self.per, self.zone, summed)

    def _chosen(self, context: TagContext) -> Chosen:
        chosen = context.shared(("chosen", *self._what), lambda: choose(context, *self._what))
        if chosen is None:
            known = sorted({*context.line_columns, "hour", "weekday", "month", "date"})
            raise MissingColumnError(str(self.column), known, f"tag '{self.name}'")
        needs_numbers = self.statistic in _OF_NUMBERS
        if self.statistic in ("min", "max") and self.column != "date":
            needs_numbers = True
        if needs_numbers and not chosen.values.is_number and len(chosen.values.distinct):
            message = (
                f"tag '{self.name}': statistic '{self.statistic}' needs numbers; "
                f"'{self.column}' holds texts."
            )
            raise ColumnTypeError(message, column=self.column)
        return chosen

    def _reduce(self, pairs: Pairs, n: int) -> Column:
        n_values = np.bincount(pairs.customer, weights=pairs.count, minlength=n).astype(np.int64)
        has = n_values > 0
        everyone = np.ones(n, dtype=bool)
        name = self.statistic
        if name == "count":
            return number_column(n_values, everyone)
        if name == "n_unique":
            return number_column(np.bincount(pairs.customer, minlength=n), everyone)
        if name == "share":
            wanted = np.bincount(
                pairs.customer, weights=pairs.count * self._is_wanted(pairs), minlength=n
            )
            return number_column(wanted / np.maximum(n_values, 1), has)
        if name == "most_frequent":
            return pairs.values.column(_most_frequent(pairs, n))
        if name in ("min", "max"):
            return pairs.values.column(_extreme(pairs, n, greatest=name == "max"))
        divisor = pairs.values.divisor
        if name == "sum":
            sums = exact_sums(pairs, n)
            return number_column(sums if divisor == 1 else sums / divisor, everyone)
        found, known = _moments(pairs, n_values, n, name, 0.5 if name == "median" else self.q)
        return number_column(found / divisor, known)

    def _is_wanted(self, pairs: Pairs) -> NDArray[np.bool_]:
        wanted = self.value if isinstance(self.value, tuple) else (self.value,)
        values = pairs.values
        if values.is_number:
            numbers = [float(w) for w in wanted if isinstance(w, int | float)]
            matching = np.isin(values.distinct / values.divisor, numbers)
        else:
            texts = {str(w) for w in wanted}
            matching = np.array([label in texts for label in values.distinct], dtype=bool)
        return matching[pairs.code] if len(matching) else np.zeros(0, dtype=bool)

    def describe(self) -> str:
        """Say in words how the values are made."""
        names = {"n_unique": "number of distinct values", "most_frequent": "most frequent value",
                 "std": "standard deviation", "quantile": f"{self.q:g} quantile",
                 "first": "first value", "last": "last value"}  # fmt: skip
        what = names.get(self.statistic, self.statistic)
        if self.statistic == "share":
            wanted = self.value if isinstance(self.value, tuple) else (self.value,)
            what = f"share of {' or '.join(repr(w) for w in wanted)}"
        of = "" if self.column is None else f" of '{self.column}'"
        which = {"all": "order lines"}.get(self.lines, self.lines)
        per = {"order": ", each order once", "day": ", each day once"}.get(self.per, "")
        window = "" if self.window_days is None else f" in the last {self.window_days} days"
        zone = "" if self.zone is None else f" ({self.zone})"
        return f"{what}{of}{zone} over {which}{window}{per}"


def _at_the_end(chosen: Chosen, n: int, *, last: bool) -> NDArray[np.int64]:
    """Return each customer's code at the first or last moment; the smallest of several."""
    empty = np.iinfo(np.int64).min if last else np.iinfo(np.int64).max
    moment = np.full(n, empty, dtype=np.int64)
    (np.maximum if last else np.minimum).at(moment, chosen.customer, chosen.at)
    there = chosen.at == moment[chosen.customer]
    none = np.iinfo(np.int64).max
    found = np.full(n, none, dtype=np.int64)
    np.minimum.at(found, chosen.customer[there], chosen.values.codes[there].astype(np.int64))
    return np.where(found == none, -1, found)


def _most_frequent(pairs: Pairs, n: int) -> NDArray[np.int64]:
    most = np.zeros(n, dtype=np.int64)
    np.maximum.at(most, pairs.customer, pairs.count)
    return _first_codes(pairs, pairs.count == most[pairs.customer], n)


def _extreme(pairs: Pairs, n: int, *, greatest: bool) -> NDArray[np.int64]:
    if not greatest:
        return _first_codes(pairs, np.ones(len(pairs.customer), dtype=bool), n)
    found = np.full(n, -1, dtype=np.int64)
    found[pairs.customer] = pairs.code  # sorted by code, so the last write is the greatest
    return found


def _first_codes(pairs: Pairs, rows: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """Return each customer's smallest code among these pairs, which are sorted."""
    found = np.full(n, -1, dtype=np.int64)
    customer, code = pairs.customer[rows][::-1], pairs.code[rows][::-1]
    found[customer] = code
    return found


def _moments(
    pairs: Pairs, n_values: NDArray[np.int64], n: int, name: str, q: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    has = n_values > 0
    if name in ("median", "quantile"):
        return _quantiles(pairs, n_values, q), has
    mean = exact_sums(pairs, n) / np.maximum(n_values, 1)
    if name == "mean":
        return mean, has
    deviation = pairs.numbers - mean[pairs.customer]
    squares = np.bincount(pairs.customer, weights=pairs.count * deviation**2, minlength=n)
    return np.sqrt(squares / np.maximum(n_values - 1, 1)), n_values > 1


def _quantiles(pairs: Pairs, n_values: NDArray[np.int64], q: float) -> NDArray[np.float64]:
    """Return quantiles by linear interpolation between order statistics, from counts."""
    if len(pairs.customer) == 0:
        return np.zeros(len(n_values))
    ends = np.cumsum(pairs.count)
    starts = np.cumsum(n_values) - n_values
    place = np.maximum(n_values - 1, 0) * q
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(n_values - 1, 0))
    last = len(ends) - 1
    below = pairs.numbers[np.minimum(np.searchsorted(ends, starts + low, side="right"), last)]
    above = pairs.numbers[np.minimum(np.searchsorted(ends, starts + high, side="right"), last)]
    return np.asarray(below + (above - below) * (place - low), dtype=np.float64)
