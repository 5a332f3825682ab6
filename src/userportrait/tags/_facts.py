"""Tags that are read, not computed: facts, and values that people or other systems give."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.params import OneOf
from userportrait._core.units import MICROS_PER_DAY
from userportrait.errors import InvalidDataError, MissingColumnError, unknown_name
from userportrait.tags._base import Tag
from userportrait.tags._values import as_ids, column_of_series, positions_of, spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait._core.columns import Column
    from userportrait.tags._context import TagContext
    from userportrait.tags._domain import ValueKind
    from userportrait.typing import IntoFrame

__all__ = ["SUMMARY_COLUMNS", "FactTag", "FrameTag"]

SUMMARY_COLUMNS: dict[str, ValueKind] = {
    "first_order_at": "date",
    "last_order_at": "date",
    **dict.fromkeys(
        (
            "n_orders", "n_lines", "n_items", "n_days", "n_returns", "spend", "gross_spend",
            "refunds", "mean_order_value", "recency", "tenure", "mean_gap", "orders_30d",
            "orders_90d", "orders_365d", "spend_30d", "spend_90d", "spend_365d",
        ),
        "number",
    ),
}  # fmt: skip
"""The columns of the customer summary, and the kind of each."""

_CUSTOMER_KINDS: dict[str, ValueKind] = {
    "registered_at": "date",
    "birth_date": "date",
    "gender": "text",
    "city": "text",
}


@dataclass(frozen=True, repr=False)
class FactTag(Tag):
    """A column of the customer summary or of the customers table, as it stands.

    Parameters
    ----------
    name : str
    column : str
        The column to read. Times become dates, ``'YYYY-MM-DD'``.
    source : {'summary', 'customers'}, default='summary'
        The table. Without an order, the summary's counts and sums of money are 0 and all
        else of it is unknown; without a row in the customers table a fact of it is unknown.
    description, version, owner, domain, ttl_days, unit, labels, value_labels
        See `Tag`.

    Raises
    ------
    InvalidParameterError
        If the summary has no such column; the nearest one is named.

    Examples
    --------
    >>> FactTag("recency", "recency", unit="days")
    FactTag('recency', unit='days', column='recency')
    """

    column: str
    source: Literal["summary", "customers"] = field(default="summary", kw_only=True)

    kind: ClassVar[str] = "fact"

    def problems(self) -> list[str]:
        """Return one sentence for each parameter that cannot be used."""
        wrong = OneOf(("summary", "customers")).problem("source", self.source)
        if wrong is not None:
            return [wrong]
        if self.source == "summary" and self.column not in SUMMARY_COLUMNS:
            return [unknown_name("column of the customer summary", self.column, SUMMARY_COLUMNS)]
        return []

    @property
    def value_kind(self) -> ValueKind | None:
        """The kind of the values, None if only the data can say."""
        if self.domain is not None:
            return self.domain.kind
        kinds = SUMMARY_COLUMNS if self.source == "summary" else _CUSTOMER_KINDS
        return kinds.get(self.column)

    def lacks(self, context: TagContext) -> str | None:
        """Say what the tag needs that the context does not have; None if nothing."""
        if self.source == "summary":
            return None
        if context.customers is None:
            return "a customers table"
        if self.column not in context.customers.columns:
            return f"the column '{self.column}' of the customers table"
        return None

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns of the order lines that it reads, beside the roles; None for any."""
        return ()

    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:  # noqa: ARG002
        """Return every customer's value; see `Tag.evaluate`."""
        if self.source == "summary":
            return context.summary_column(self.column)
        return context.customer_column(self.column)

    def describe(self) -> str:
        """Say in words how the values are made."""
        table = "customer summary" if self.source == "summary" else "customers table"
        return f"'{self.column}' of the {table}"


@dataclass(frozen=True, repr=False, eq=False)
class FrameTag(Tag):
    """Values given by hand or by another system, in a frame.

    Parameters
    ----------
    name : str
    frame : frame
        One row per customer with `customer_id` and `column`, or several rows per customer
        with `at`. Customers that are not portrayed are passed over.
    column : str
        The column with the values.
    at : str, optional
        The column that says when each value became true. Rows after the moment of the
        build are not used; of the others each customer's newest counts, and with `ttl_days`
        only while it is younger than that.
    description, version, owner, domain, ttl_days, unit, labels, value_labels
        See `Tag`.

    Raises
    ------
    MissingColumnError
        If the frame lacks a column.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": ["ann"], "advisor": ["Mei"]})
    >>> FrameTag("advisor", frame, "advisor")
    FrameTag('advisor', column='advisor')
    """

    frame: IntoFrame = field(repr=False)
    column: str
    at: str | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "manual"

    def problems(self) -> list[str]:
        """Return one sentence for each parameter that cannot be used."""
        names = frames.column_names(frames.enter(self.frame))
        for wanted in ("customer_id", self.column, self.at):
            if wanted is not None and wanted not in names:
                raise MissingColumnError(wanted, names, f"FrameTag '{self.name}'")
        return []

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns of the order lines that it reads, beside the roles; None for any."""
        return ()

    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:  # noqa: ARG002
        """Return every customer's value; see `Tag.evaluate`.

        Raises
        ------
        InvalidDataError
            If a customer has two rows, or with `at` two rows of the same time.
        """
        inner = frames.enter(self.frame, argument=f"FrameTag '{self.name}'")
        frame = frames.to_pandas(inner).reset_index(drop=True)
        if self.at is not None:
            frame = self._newest(frame, context)
        what = f"tag '{self.name}'"
        ids = as_ids(frame["customer_id"], what=what)
        twice = pd.Series(ids).duplicated().to_numpy(dtype=bool)
        if twice.any():
            when = "" if self.at is None else f" of the same '{self.at}'"
            message = f"{what}: {int(twice.sum())} customers have more than one row{when}."
            raise InvalidDataError(message, column="customer_id", n_rows=int(twice.sum()))
        order = np.argsort(ids, kind="stable")
        rows = positions_of(context.customer_ids, ids[order], what=what)
        return spread(column_of_series(frame[self.column].iloc[order].reset_index(drop=True)), rows)

    def _newest(self, frame: pd.DataFrame, context: TagContext) -> pd.DataFrame:
        times = pd.to_datetime(frame[self.at], utc=True).dt.tz_localize(None)
        now = pd.Timestamp(context.as_of)
        kept = np.asarray(times <= now)
        if self.ttl_days is not None:
            age = (now - times).to_numpy(dtype="timedelta64[us]").astype(np.int64)
            kept = kept & (age <= self.ttl_days * MICROS_PER_DAY)
        frame, times = frame[kept], times[kept]
        newest = times.groupby(frame["customer_id"], observed=True).transform("max")
        return frame[(times == newest).to_numpy(dtype=bool)]

    def describe(self) -> str:
        """Say in words how the values are made."""
        newest = "" if self.at is None else f", the newest by '{self.at}'"
        return f"'{self.column}' of a frame that was given{newest}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrameTag) or self.frame is not other.frame:
            return False
        names = [part.name for part in fields(self) if part.name != "frame"]
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __hash__(self) -> int:
        return hash((self.name, self.column, self.at, self.version))

    def same_definition(self, other: Tag) -> bool:
        """Whether another tag makes its values in the same way."""
        return (
            isinstance(other, FrameTag)
            and self.frame is other.frame
            and (self.column, self.at) == (other.column, other.at)
        )
