"""Who had to do with which item, how much and when: what every recommender learns from."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd
from scipy import sparse

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data import Events, Orders
    from userportrait.typing import CustomerId, IntoFrame

__all__ = [
    "Feedback",
    "InteractionLog",
    "Interactions",
    "Matrix",
    "check_not_empty",
    "csr",
    "entry_rows",
    "fits_int64",
    "places_of",
    "row_sizes",
    "with_ones",
]

Feedback: TypeAlias = Literal["implicit", "explicit"]
Matrix: TypeAlias = Any
"""A `scipy.sparse.csr_array`; rows are customers, columns are items."""


@dataclass(frozen=True, slots=True, eq=False)
class InteractionLog:
    """Single interactions in time order, by customer.

    Parameters
    ----------
    customer, item : ndarray of int32
        Positions in the sorted IDs. Sorted by customer, order, item, time.
    at : ndarray of int64
        Microseconds since 1970-01-01 UTC.
    order : ndarray of int32
        Interactions of one customer with the same number were one basket; numbers rise with
        the first time of a basket within a customer. Where orders are unknown, equal times are
        one basket.
    weight : ndarray of float64
        Before decay.
    has_orders : bool, default=False
        Whether baskets are orders, rather than equal times.
    """

    customer: NDArray[np.int32]
    item: NDArray[np.int32]
    at: NDArray[np.int64]
    order: NDArray[np.int32]
    weight: NDArray[np.float64]
    has_orders: bool = False

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """Customers, items, and how much each customer had to do with each item.

    Make one with `from_frame`, `from_orders`, `from_events` or `from_matrix`; recommenders do
    it for you when they are given a frame, `Orders` or `Events`. IDs are yours, in and out.

    Parameters
    ----------
    matrix : csr_array of float64, shape (n_customers, n_items)
        Summed weights; columns of a row are sorted.
    customer_ids, item_ids : ndarray
        Sorted; int64, or objects that are texts.
    feedback : {'implicit', 'explicit'}, default='implicit'
        Whether weights say how sure an interest is, or are ratings that can be low.
    log : InteractionLog, optional
        Single interactions, where times are known.
    ignored : mapping of str to ndarray of int, default={}
        Rows that do not count, by reason: ``'return'``, ``'missing_item_id'``,
        ``'other_event'``, ``'after_as_of'``, ``'no_weight'``. Values are row positions.
    n_rows : int, optional
        Rows read.
    half_life : float, optional
        Days after which an interaction counts half in `matrix`.
    as_of : int, optional
        The moment up to which rows count and from which decay is measured, in microseconds
        since 1970-01-01 UTC; None where times are unknown.
    n_ratings : ndarray of int64, optional
        How many ratings each stored value of `matrix` is the mean of; explicit feedback
        without times only.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("ann", "tea"), ("ann", "cup"), ("bo", "tea")]
    >>> frame = pd.DataFrame(rows, columns=["customer_id", "item_id"])
    >>> Interactions.from_frame(frame)
    <Interactions: 2 customers, 2 items, 3 pairs, implicit>
    """

    matrix: Matrix
    customer_ids: NDArray[Any]
    item_ids: NDArray[Any]
    feedback: Feedback = "implicit"
    log: InteractionLog | None = None
    ignored: Mapping[str, NDArray[np.intp]] = field(default_factory=dict[str, "NDArray[np.intp]"])
    n_rows: int | None = None
    half_life: float | None = None
    as_of: int | None = None
    n_ratings: NDArray[np.int64] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if not name.startswith("_")}

    @classmethod
    def from_frame(
        cls,
        frame: IntoFrame,
        *,
        customer_id: str = "customer_id",
        item_id: str = "item_id",
        weight: str | None = None,
        occurred_at: str | None = None,
        order_id: str | None = None,
        feedback: Feedback = "implicit",
        half_life: float | None = None,
        as_of: object = None,
    ) -> Interactions:
        """Read a long frame: one row per interaction.

        Parameters
        ----------
        frame : frame
            A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, a
            Spark DataFrame or an ibis table.
        customer_id, item_id : str
            Columns of whole numbers or texts; none may be missing.
        weight : str, optional
            Column of how much each row counts, 0 or more; a rating for explicit feedback. By
            default ``'weight'`` (or ``'rating'``, explicit) if there is one, else each row is 1.
        occurred_at : str, optional
            Column of times. By default ``'occurred_at'`` or ``'ordered_at'`` if there is one.
        order_id : str, optional
            Column of orders, which tells baskets apart. By default ``'order_id'`` if there is
            one.
        feedback : {'implicit', 'explicit'}, default='implicit'
            Weights of a pair are summed (implicit). Of ratings (explicit) the newest counts;
            without times, their mean.
        half_life : float, optional
            Days after which an interaction counts half. Needs times, and implicit feedback.
        as_of : time, optional
            Later rows do not count. By default the newest time; decay is measured from it.

        Returns
        -------
        Interactions

        Raises
        ------
        MissingColumnError, ColumnTypeError
            If a column is not there, or has a type that its role cannot take.
        InvalidDataError
            If an ID is missing, a weight is negative, missing or infinite, or no row is left.
        """
        from userportrait.recommend._interaction_sources import read_frame

        names = {
            "customer_id": customer_id,
            "item_id": item_id,
            "weight": weight,
            "occurred_at": occurred_at,
            "order_id": order_id,
        }
        return read_frame(frame, names, feedback=feedback, half_life=half_life, as_of=as_of)

    @classmethod
    def from_orders(
        cls,
        orders: Orders,
        *,
        weight: Literal["lines", "quantity", "amount"] = "lines",
        half_life: float | None = None,
        as_of: object = None,
    ) -> Interactions:
        """Read order lines.

        Parameters
        ----------
        orders : Orders
            With `item_id`. Returns and lines without an item do not count; see `ignored`.
        weight : {'lines', 'quantity', 'amount'}, default='lines'
            What a line counts: 1, its units, or its money.
        half_life : float, optional
            Days after which a line counts half.
        as_of : time, optional
            Later lines do not count.

        Returns
        -------
        Interactions

        Raises
        ------
        MissingColumnError
            If the orders have no `item_id`, or no column that `weight` needs.
        InvalidDataError
            If no line is left.
        """
        from userportrait.recommend._interaction_sources import read_orders

        return read_orders(orders, weight=weight, half_life=half_life, as_of=as_of)

    @classmethod
    def from_events(
        cls,
        events: Events,
        *,
        weights: Mapping[str, float],
        half_life: float | None = None,
        as_of: object = None,
    ) -> Interactions:
        """Read tracking events.

        Parameters
        ----------
        events : Events
            With `item_id`. Events without an item do not count; see `ignored`.
        weights : mapping of str to float
            What each kind of event counts, such as ``{"view": 1, "cart": 3, "purchase": 5}``.
            Events of other kinds do not count; see `ignored`.
        half_life : float, optional
            Days after which an event counts half.
        as_of : time, optional
            Later events do not count.

        Returns
        -------
        Interactions

        Raises
        ------
        MissingColumnError
            If the events have no `item_id`.
        InvalidParameterError
            If a name in `weights` occurs nowhere, or a weight is negative.
        InvalidDataError
            If no event is left.
        """
        from userportrait.recommend._interaction_sources import read_events

        return read_events(events, weights=weights, half_life=half_life, as_of=as_of)

    @classmethod
    def from_matrix(
        cls,
        matrix: Any,
        *,
        customer_ids: Sequence[CustomerId] | NDArray[Any],
        item_ids: Sequence[Any] | NDArray[Any],
        feedback: Feedback = "implicit",
    ) -> Interactions:
        """Read a SciPy sparse matrix: customers in rows, items in columns.

        Parameters
        ----------
        matrix : sparse matrix or array, shape (n_customers, n_items)
        customer_ids : sequence of int or str, length n_customers
        item_ids : sequence of int or str, length n_items
            Both are asked for, so that a transposed matrix is noticed.
        feedback : {'implicit', 'explicit'}, default='implicit'
            Stored zeros are no interaction (implicit), or a rating (explicit).

        Returns
        -------
        Interactions

        Raises
        ------
        InvalidDataError
            If the shape does not fit the IDs, an ID comes twice, or a weight is negative,
            missing or infinite.
        """
        from userportrait.recommend._interaction_sources import read_matrix

        return read_matrix(matrix, customer_ids, item_ids, feedback)

    @property
    def n_customers(self) -> int:
        """Number of customers."""
        return len(self.customer_ids)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    @property
    def n_pairs(self) -> int:
        """Number of customers and items that have to do with each other."""
        return int(self.matrix.nnz)

    @property
    def n_ignored(self) -> dict[str, int]:
        """Number of rows that do not count, by reason."""
        return {reason: len(rows) for reason, rows in self.ignored.items()}

    @property
    def item_counts(self) -> NDArray[np.int64]:
        """Number of customers of each item."""
        return np.bincount(self.matrix.indices, minlength=self.n_items)

    def customer_places(self, ids: Iterable[Any]) -> NDArray[np.intp]:
        """Return the row of each customer, -1 for one that is unknown."""
        return places_of(self.customer_ids, ids, lambda: self._places("customer_ids"))

    def item_places(self, ids: Iterable[Any]) -> NDArray[np.intp]:
        """Return the column of each item, -1 for one that is unknown."""
        return places_of(self.item_ids, ids, lambda: self._places("item_ids"))

    def _places(self, name: str) -> dict[str, int]:
        """Return each text with its place; two threads may both make it, which does no harm."""
        found: dict[str, int] | None = self.__dict__.get(f"_{name}")
        if found is None:
            ids: list[str] = getattr(self, name).tolist()
            found = dict(zip(ids, range(len(ids)), strict=True))
            object.__setattr__(self, f"_{name}", found)
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return `customer_id`, `item_id`, `weight`: one row for each pair, sorted."""
        row = np.repeat(np.arange(self.n_customers), np.diff(self.matrix.indptr))
        return pd.DataFrame(
            {
                "customer_id": self.customer_ids[row],
                "item_id": self.item_ids[self.matrix.indices],
                "weight": self.matrix.data,
            }
        )

    def __repr__(self) -> str:
        return f"<Interactions: {', '.join(self._facts())}>"

    def _facts(self) -> list[str]:
        return [
            format_count(self.n_customers, "customer"),
            format_count(self.n_items, "item"),
            format_count(self.n_pairs, "pair"),
            self.feedback,
        ]

    def _repr_html_(self) -> str:
        rows = {
            "customers": f"{self.n_customers:,}",
            "items": f"{self.n_items:,}",
            "pairs": f"{self.n_pairs:,}",
            "feedback": self.feedback,
            "times": "known" if self.log is not None else "unknown",
        }
        rows |= {f"ignored: {why}": f"{n:,}" for why, n in self.n_ignored.items()}
        return page_fragment("Interactions", definition_list(rows))


def csr(
    data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any], shape: tuple[int, int]
) -> Matrix:
    """Make a CSR array of parts that are known to fit, without copying them."""
    return sparse.csr_array((data, indices, indptr), shape=shape, copy=False)


_FEW = 32
"""So few texts are looked up by bisection; for more a table is made."""


def with_ones(matrix: Matrix) -> Matrix:
    """Return ones where a CSR array has entries."""
    ones = np.ones(len(matrix.indices))
    return csr(ones, matrix.indices, matrix.indptr, matrix.shape)


def row_sizes(matrix: Matrix) -> NDArray[np.intp]:
    """Return how many entries each row of a CSR array has."""
    sizes: NDArray[np.intp] = np.diff(matrix.indptr).astype(np.intp)
    return sizes


def entry_rows(matrix: Matrix) -> NDArray[np.intp]:
    """Return the row of each entry of a CSR array."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.intp), row_sizes(matrix))


def places_of(
    ids: NDArray[Any], wanted: Iterable[Any], numbers: Callable[[], Mapping[str, int]]
) -> NDArray[np.intp]:
    """Return where each wanted ID stands among sorted ones, -1 for one that is not there.

    Parameters
    ----------
    ids : ndarray
        Sorted; int64, or objects that are texts.
    wanted : iterable
        A whole number may come as a float, as it does where a column has gaps. A text is no
        number, True and 1.5 are nobody.
    numbers : callable
        Returns each text with its place; called if many texts are looked up.
    """
    if ids.dtype != object:
        return _number_places(ids, wanted)
    listed = list(wanted)
    if len(listed) > _FEW:
        table = numbers()
        found = [table.get(i, -1) if isinstance(i, str) else -1 for i in listed]
        return np.array(found, dtype=np.intp)
    places = np.full(len(listed), -1, dtype=np.intp)
    for row, value in enumerate(listed):
        if isinstance(value, str):
            place = bisect_left(ids, value)
            if place < len(ids) and ids[place] == value:
                places[row] = place
    return places


def _number_places(ids: NDArray[Any], wanted: Iterable[Any]) -> NDArray[np.intp]:
    values, fits = _whole_numbers(wanted)
    if not len(ids):
        return np.full(len(values), -1, dtype=np.intp)
    places = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
    return np.where(fits & (ids[places] == values), places, -1).astype(np.intp)


def _whole_numbers(wanted: Iterable[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return values as int64, and which of them are whole numbers at all."""
    if isinstance(wanted, np.ndarray):
        array = cast("NDArray[Any]", wanted)
        if array.dtype.kind == "i":
            return array.astype(np.int64, copy=False), np.ones(len(array), dtype=bool)
    whole = [_whole(value) for value in wanted]
    fits = np.array([value is not None for value in whole], dtype=bool)
    return np.array([0 if value is None else value for value in whole], dtype=np.int64), fits


def fits_int64(value: Any) -> bool:
    """Return whether a whole number has 64 bits."""
    return -(2**63) <= int(value) < 2**63


def _whole(value: Any) -> int | None:
    """Return a whole number of 64 bits, None for anything else."""
    given: Any = value
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        return None
    if isinstance(value, (int, np.integer)):
        return int(given) if fits_int64(given) else None
    fraction = float(given)
    return int(fraction) if abs(fraction) < 2**53 and fraction.is_integer() else None


def check_not_empty(n: int, owner: str, ignored: Mapping[str, NDArray[np.intp]]) -> None:
    """Raise `InvalidDataError` if no interaction is left."""
    if n:
        return
    why = ", ".join(f"{len(rows):,} {reason}" for reason, rows in ignored.items())
    message = f"{owner}: no interaction is left ({why or 'there are no rows'}). One is needed."
    raise InvalidDataError(message)
