"""Tables with roles: frames whose columns have been checked once and for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core import frames
from userportrait._core.display import format_count, page_fragment, table
from userportrait.data._roles import (
    CUSTOMER_ROLES,
    EVENT_ROLES,
    ITEM_ROLES,
    REVIEW_ROLES,
    TOUCH_ROLES,
    Role,
    check_kinds,
    check_present,
)
from userportrait.errors import ColumnTypeError, InvalidDataError

if TYPE_CHECKING:
    import pandas as pd

    from userportrait.typing import IntoFrame

__all__ = ["Customers", "Events", "Items", "Reviews", "Table", "Touches"]


class Table:
    """A frame with canonical column names, checked when it is made.

    Parameters
    ----------
    frame : frame
        A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, a Spark
        DataFrame or an ibis table. It is not changed. Columns beyond the known ones are kept.

    Raises
    ------
    MissingColumnError
        If a required column is not there; the message names the nearest one.
    ColumnTypeError
        If a column's type does not fit its meaning.
    InvalidDataError
        If there are no rows, or a required value is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> Customers(pd.DataFrame({"customer_id": [1, 2]})).engine
    'pandas'
    """

    _roles: ClassVar[tuple[Role, ...]] = ()
    _unique: ClassVar[str | None] = None
    _cleaner: ClassVar[str] = "a clean_ function"

    def __init__(self, frame: IntoFrame) -> None:
        owner = type(self).__name__
        self._inner: frames.Frame = frames.enter(frame, argument="frame")
        self._kinds: dict[str, str] = dict(frames.column_kinds(self._inner))
        check_present(owner, self._roles, list(self._kinds))
        check_kinds(owner, self._roles, self._kinds)
        self._n_rows: int = frames.count_rows(self._inner)
        if self._n_rows == 0:
            message = f"{owner}: the frame has no rows. At least one is needed."
            raise InvalidDataError(message)
        self._settle_ids()
        self._check_values()

    def _settle_ids(self) -> None:
        """Make every ID int64 or text, so that all engines and all uses agree."""
        owner = type(self).__name__
        ids = [role for role in self._roles if role.kind == "id" and role.name in self._kinds]
        coded = [role.name for role in ids if self._kinds[role.name] == "category"]
        self._inner = frames.with_category_values(self._inner, coded)
        self._kinds |= frames.column_kinds(self._inner, coded)
        check_kinds(owner, ids, self._kinds)
        numeric = [r.name for r in ids if self._kinds[r.name] in ("integer", "number")]
        for name in numeric:
            unfit = frames.unfit_ids(self._inner, name)
            if len(unfit):
                message = (
                    f"{owner}: '{name}' must hold whole numbers or texts; "
                    f"{format_count(len(unfit), 'row')} hold a fraction, infinity, or a number "
                    f"too large for its type. Convert the column to int64 or to text."
                )
                raise ColumnTypeError(
                    message, column=name, rows=unfit[:5].tolist(), n_rows=len(unfit)
                )
        self._inner = frames.with_whole_ids(self._inner, numeric)
        self._kinds |= dict.fromkeys(numeric, "integer")

    def _check_values(self) -> None:
        required = [role.name for role in self._roles if role.required]
        for name, n in frames.count_missing(self._inner, required).items():
            if n:
                self._raise_missing(name, n)
        if self._unique is not None:
            self._check_unique(self._unique)

    def _raise_missing(self, column: str, n: int) -> None:
        values = frames.collect_arrays(self._inner, [column])[column]
        rows = np.flatnonzero(_is_missing(values))[:5].tolist()
        owner = type(self).__name__
        message = (
            f"{owner}: {format_count(n, 'value')} of '{column}' missing; every row needs one. "
            f"Drop those rows, or use {self._cleaner}, which drops and counts them."
        )
        raise InvalidDataError(message, column=column, rows=rows, n_rows=n)

    def _check_unique(self, column: str) -> None:
        import pandas as pd

        values = pd.Series(frames.collect_arrays(self._inner, [column])[column])
        twice = values.duplicated().to_numpy(dtype=bool)
        if twice.any():
            rows = np.flatnonzero(twice)[:5].tolist()
            message = (
                f"{type(self).__name__}: '{column}' must be different in every row; "
                f"{format_count(int(twice.sum()), 'row')} repeat an earlier one."
            )
            raise InvalidDataError(message, column=column, rows=rows, n_rows=int(twice.sum()))

    @property
    def frame(self) -> Any:
        """The frame, with canonical names, in the library that it came from."""
        return frames.leave(self._inner)

    @property
    def engine(self) -> frames.Engine:
        """Where the frame lives: pandas, polars, polars-lazy, pyarrow, duckdb, spark or ibis."""
        return self._inner.engine

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return frames.column_names(self._inner)

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas frame.

        Times and dates are naive datetime64[us] in UTC; IDs are int64, nullable Int64 where
        some are missing, or texts.
        """
        return frames.to_pandas(frames.enter(self.frame))

    def __len__(self) -> int:
        return self._n_rows

    def __repr__(self) -> str:
        name, rows = type(self).__name__, format_count(self._n_rows, "row")
        return f"<{name}: {rows}, {self.engine}, columns {', '.join(self._kinds)}>"

    def _repr_html_(self) -> str:
        meanings = {role.name: role.description for role in self._roles}
        rows = [(n, k, meanings.get(n, "")) for n, k in self._kinds.items()]
        title = f"{type(self).__name__}: {format_count(self._n_rows, 'row')} ({self.engine})"
        return page_fragment(title, table(("column", "type", "meaning"), rows))


def _is_missing(values: Any) -> Any:
    import pandas as pd

    return pd.Series(values).isna().to_numpy(dtype=bool)


class Events(Table):
    """What customers did: views, searches, carts, purchases.

    Parameters
    ----------
    frame : frame
        One row per event with `customer_id`, `event`, `occurred_at`; optionally `item_id`,
        `session_id`, `channel`, `device`, `query`, and columns of your own.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {"customer_id": ["ann"], "event": ["view"], "occurred_at": [pd.Timestamp("2026-01-05")]}
    ... )
    >>> Events(frame)
    <Events: 1 row, pandas, columns customer_id, event, occurred_at>
    """

    _roles: ClassVar[tuple[Role, ...]] = EVENT_ROLES
    _cleaner: ClassVar[str] = "clean_events"


class Customers(Table):
    """Who the customers are: one row each.

    Parameters
    ----------
    frame : frame
        One row per customer with a unique `customer_id`; optionally `registered_at`,
        `birth_date`, `gender`, `city`, `country`, and columns of your own.

    Examples
    --------
    >>> import pandas as pd
    >>> Customers(pd.DataFrame({"customer_id": ["ann", "bo"], "country": ["DE", "CN"]}))
    <Customers: 2 rows, pandas, columns customer_id, country>
    """

    _roles: ClassVar[tuple[Role, ...]] = CUSTOMER_ROLES
    _unique: ClassVar[str | None] = "customer_id"


class Items(Table):
    """What is sold: one row each.

    Parameters
    ----------
    frame : frame
        One row per item with a unique `item_id`; optionally `name`, `category`, `brand`,
        `price`, `cost`, and columns of your own.

    Examples
    --------
    >>> import pandas as pd
    >>> Items(pd.DataFrame({"item_id": ["p1"], "category": ["tea"]}))
    <Items: 1 row, pandas, columns item_id, category>
    """

    _roles: ClassVar[tuple[Role, ...]] = ITEM_ROLES
    _unique: ClassVar[str | None] = "item_id"


class Touches(Table):
    """How customers were reached: mails, ads, messages.

    Parameters
    ----------
    frame : frame
        One row per touch with `customer_id`, `touched_at`, `channel`; optionally
        `campaign_id`, `cost`, and columns of your own.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann"],
    ...         "touched_at": [pd.Timestamp("2026-01-05")],
    ...         "channel": ["mail"],
    ...     }
    ... )
    >>> Touches(frame)
    <Touches: 1 row, pandas, columns customer_id, touched_at, channel>
    """

    _roles: ClassVar[tuple[Role, ...]] = TOUCH_ROLES


class Reviews(Table):
    """What customers wrote about items.

    Parameters
    ----------
    frame : frame
        One row per review with `item_id`, `reviewed_at`; optionally `customer_id`,
        `rating`, `text`, and columns of your own.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item_id": ["p1"], "reviewed_at": [pd.Timestamp("2026-01-05")]})
    >>> Reviews(frame)
    <Reviews: 1 row, pandas, columns item_id, reviewed_at>
    """

    _roles: ClassVar[tuple[Role, ...]] = REVIEW_ROLES
