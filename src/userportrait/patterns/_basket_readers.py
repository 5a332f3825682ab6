"""How baskets are made: from orders, frames, lists, matrices and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.params import Between, InstanceOf, Optional, check_values
from userportrait._core.progress import teller
from userportrait.data import Orders
from userportrait.errors import InvalidParameterError
from userportrait.patterns._basket_lines import GIANT_ABOVE, Limits, Parts, assemble, settle
from userportrait.patterns._basket_matrices import (
    parts_of_lists,
    parts_of_onehot,
    parts_of_sparse,
)
from userportrait.patterns._basket_parquet import lines_of_parquet
from userportrait.patterns._basket_sources import Columns, lines_of_frame, lines_of_orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from userportrait.typing import IntoFrame, Progress

__all__ = ["BasketReaders"]


class BasketReaders:
    """The constructors of `Baskets`."""

    @classmethod
    def _from_parts(cls, parts: Parts) -> Self:
        raise NotImplementedError

    @classmethod
    def from_orders(
        cls,
        orders: Orders,
        *,
        giant_above: int | None = GIANT_ABOVE,
        max_items: int | None = None,
    ) -> Self:
        """Take the purchases among orders.

        Parameters
        ----------
        orders : Orders
            With `item_id`, of any engine. DuckDB and Spark collect the distinct pairs of
            order and item, no other line.
        giant_above : int or None, default=500
            Warn of baskets with more items; None never warns.
        max_items : int, optional
            Leave out, and count, baskets with more items. By default none are left out.

        Returns
        -------
        Baskets
            One for each order with a purchase, and one for each customer where several
            customers share an order ID. Returns and lines without units or item are left out
            and counted. Customers, the earliest time of each basket and the mean price of a
            unit of each item (all its money by all its units) come along.

        Raises
        ------
        MissingColumnError
            If the orders have no `item_id`.
        InvalidParameterError
            If a limit is no whole number from 1 on.

        Warns
        -----
        DataWarning
            If baskets are giant.

        Examples
        --------
        >>> from userportrait.patterns import Baskets
        >>> import pandas as pd
        >>> from userportrait.data import Orders
        >>> frame = pd.DataFrame(
        ...     {
        ...         "customer_id": ["ann", "ann", "bo", "bo"],
        ...         "order_id": [1, 1, 2, 3],
        ...         "ordered_at": pd.to_datetime(["2026-01-05"] * 4),
        ...         "item_id": ["tea", "pot", "tea", "tea"],
        ...         "quantity": [2, 1, 1, -1],
        ...         "price": [3.0, 20.0, 3.5, 3.5],
        ...     }
        ... )
        >>> baskets = Baskets.from_orders(Orders(frame))
        >>> len(baskets), baskets.report.ignored
        (2, {'return': 1})
        """
        limits = _limits("Baskets.from_orders", giant_above, max_items)
        given: Any = orders
        if not isinstance(given, Orders):
            problem = (
                f"orders must be an Orders table; got {type(given).__name__}. Make one with "
                f"Orders(frame) or clean_orders, or use Baskets.from_frame."
            )
            raise InvalidParameterError("Baskets.from_orders", [problem])
        return cls._from_parts(assemble(lines_of_orders(orders), limits))

    @classmethod
    def from_frame(
        cls,
        frame: IntoFrame,
        *,
        order_id: str | Sequence[str] = "order_id",
        item_id: str = "item_id",
        customer_id: str | None = None,
        ordered_at: str | None = None,
        price: str | None = None,
        quantity: str | None = None,
        giant_above: int | None = GIANT_ABOVE,
        max_items: int | None = None,
    ) -> Self:
        """Take a frame with one row per item of an order.

        Parameters
        ----------
        frame : frame
            A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, a
            Spark DataFrame or an ibis table on DuckDB. The last three collect the distinct
            pairs of order and item only.
        order_id : str or sequence of str, default='order_id'
            The column that names the order, or columns that name it together, such as member
            and day. Whole numbers or texts.
        item_id : str, default='item_id'
            Whole numbers or texts.
        customer_id, ordered_at : str, optional
            Columns to keep, as whole numbers or texts, and as times or dates without nulls.
            Lines without a customer go with the only customer of their order.
        price : str, optional
            The price of a unit; from it comes the mean price of each item.
        quantity : str, optional
            Units. Lines with negative ones, or a negative price, are returns; they and lines
            without units are left out and counted.
        giant_above, max_items
            As for `from_orders`.

        Returns
        -------
        Baskets
            In the order of the order IDs.

        Raises
        ------
        MissingColumnError
            If a column is not there.
        ColumnTypeError
            If a column's type does not fit.
        InvalidDataError
            If a time is missing, or money is too large to be added up exactly.

        Warns
        -----
        DataWarning
            If baskets are giant.

        Examples
        --------
        >>> from userportrait.patterns import Baskets
        >>> import pandas as pd
        >>> frame = pd.DataFrame(
        ...     {"member": [7, 7, 8], "day": ["mon", "mon", "tue"], "what": ["tea", "pot", "tea"]}
        ... )
        >>> Baskets.from_frame(frame, order_id=["member", "day"], item_id="what").sizes
        array([2, 1])
        """
        owner = "Baskets.from_frame"
        limits = _limits(owner, giant_above, max_items)
        names = _order_columns(order_id, owner)
        columns = Columns(names, item_id, customer_id, ordered_at, price, quantity)
        return cls._from_parts(assemble(lines_of_frame(frame, columns, owner=owner), limits))

    @classmethod
    def from_lists(
        cls,
        lists: Iterable[Iterable[Any]],
        *,
        weights: ArrayLike | None = None,
        giant_above: int | None = GIANT_ABOVE,
        max_items: int | None = None,
    ) -> Self:
        """Take baskets as lists, tuples or sets of items.

        Parameters
        ----------
        lists : iterable of iterable
            Items are whole numbers, or texts. None and NaN are left out and counted.
        weights : array of int, optional
            How many baskets each list stands for.
        giant_above, max_items
            As for `from_orders`.

        Returns
        -------
        Baskets
            In the order given, empty ones included.

        Raises
        ------
        InvalidDataError
            If a basket is no list, or items are neither whole numbers nor texts, or both.

        Warns
        -----
        DataWarning
            If baskets are giant.

        Examples
        --------
        >>> from userportrait.patterns import Baskets
        >>> Baskets.from_lists([["tea", "pot"], [], ["tea"]]).sizes
        array([2, 0, 1])
        """
        owner = "Baskets.from_lists"
        limits = _limits(owner, giant_above, max_items)
        parts = parts_of_lists(lists, weights, owner=owner)
        return cls._from_parts(settle(parts, limits, stacklevel=3))

    @classmethod
    def from_onehot(
        cls,
        frame: IntoFrame,
        *,
        giant_above: int | None = GIANT_ABOVE,
        max_items: int | None = None,
    ) -> Self:
        """Take a frame with a row for each basket and a column for each item.

        What mlxtend's `TransactionEncoder` makes, dense or sparse, is such a frame when it
        has become a pandas frame.

        Parameters
        ----------
        frame : frame
            Of 0 and 1 or true and false; a pandas frame may be sparse. Null counts as not
            bought, and is counted. Columns named by whole numbers give such items, all others
            texts. An index of whole numbers or texts, other than 0, 1, 2, names the orders.
        giant_above, max_items
            As for `from_orders`.

        Raises
        ------
        InvalidDataError
            If a column holds other values, such as quantities, or comes twice.

        Warns
        -----
        DataWarning
            If baskets are giant.

        Examples
        --------
        >>> from userportrait.patterns import Baskets
        >>> import pandas as pd
        >>> Baskets.from_onehot(pd.DataFrame({"tea": [1, 1], "pot": [0, 1]})).to_frame()
           basket item_id
        0       0     tea
        1       1     pot
        2       1     tea
        """
        limits = _limits("Baskets.from_onehot", giant_above, max_items)
        return cls._from_parts(settle(parts_of_onehot(frame), limits, stacklevel=3))

    @classmethod
    def from_sparse(
        cls,
        matrix: Any,
        items: Sequence[Any] | NDArray[Any] | None = None,
        *,
        weights: ArrayLike | None = None,
        giant_above: int | None = GIANT_ABOVE,
        max_items: int | None = None,
    ) -> Self:
        """Take a SciPy sparse matrix with a row for each basket and a column for each item.

        Parameters
        ----------
        matrix : sparse array or matrix of shape (n_baskets, n_items)
            Values above 0 mean bought; stored zeros do not.
        items : sequence, optional
            The item of each column: whole numbers or texts, all different. By default the
            columns' positions.
        weights : array of int, optional
            How many baskets each row stands for.
        giant_above, max_items
            As for `from_orders`.

        Raises
        ------
        InvalidParameterError
            If `matrix` is not sparse, or `items` do not fit it.
        InvalidDataError
            If the matrix holds negative values or NaN.

        Warns
        -----
        DataWarning
            If baskets are giant.

        Examples
        --------
        >>> from userportrait.patterns import Baskets
        >>> from scipy.sparse import csr_array
        >>> Baskets.from_sparse(csr_array([[1, 0], [2, 1]]), ["tea", "pot"]).to_frame()
           basket item_id
        0       0     tea
        1       1     pot
        2       1     tea
        """
        owner = "Baskets.from_sparse"
        limits = _limits(owner, giant_above, max_items)
        parts = parts_of_sparse(matrix, items, weights, owner=owner)
        return cls._from_parts(settle(parts, limits, stacklevel=3))

    @classmethod
    def from_parquet(
        cls,
        path: str | PathLike[str],
        *,
        order_id: str | Sequence[str] = "order_id",
        item_id: str = "item_id",
        customer_id: str | None = None,
        ordered_at: str | None = None,
        price: str | None = None,
        quantity: str | None = None,
        rows_per_chunk: int = 2_000_000,
        giant_above: int | None = GIANT_ABOVE,
        max_items: int | None = None,
        progress: Progress | bool | None = None,
    ) -> Self:
        """Read order lines of Parquet files in chunks.

        Only the columns that are named are read. What stays in memory between chunks is 8
        bytes for each item of a basket, and the IDs; 28 bytes more for each line where
        customers, times or prices are kept.

        Parameters
        ----------
        path : str or path
            A file, or a folder with ``.parquet`` or ``.pq`` files. An order may go on in
            another chunk or file, and items may be new there.
        order_id, item_id, customer_id, ordered_at, price, quantity
            As for `from_frame`.
        rows_per_chunk : int, default=2_000_000
            Lines that are read at a time.
        giant_above, max_items
            As for `from_orders`.
        progress : callable or bool, optional
            Told ``'reading baskets'`` and the share read; True draws a bar.

        Raises
        ------
        DataFileNotFoundError
            If there is no such file or folder.
        MissingColumnError
            If a column is not there.
        InvalidDataError
            If a file is no Parquet file, or as for `from_frame`.
        MissingExtraError
            If pyarrow is not installed.

        Warns
        -----
        DataWarning
            If baskets are giant.

        Examples
        --------
        >>> from userportrait.patterns import Baskets
        >>> import pandas as pd
        >>> lines = pd.DataFrame({"order_id": [1, 1, 2], "item_id": ["tea", "pot", "tea"]})
        >>> lines.to_parquet("lines.parquet")
        >>> Baskets.from_parquet("lines.parquet", rows_per_chunk=2)
        <Baskets: 2 baskets, 2 items, 3 entries>
        """
        owner = "Baskets.from_parquet"
        limits = _limits(owner, giant_above, max_items)
        rule = {"rows_per_chunk": Between(1, 10**9, integer=True)}
        check_values(owner, {"rows_per_chunk": rows_per_chunk}, rule)
        names = _order_columns(order_id, owner)
        columns = Columns(names, item_id, customer_id, ordered_at, price, quantity)
        tell = teller(progress, owner=owner)
        return cls._from_parts(
            assemble(lines_of_parquet(path, columns, rows_per_chunk, tell), limits)
        )


def _limits(owner: str, giant_above: int | None, max_items: int | None) -> Limits:
    whole = Optional(Between(1, 2**31, integer=True))
    values = {"giant_above": giant_above, "max_items": max_items}
    check_values(owner, values, {"giant_above": whole, "max_items": whole})
    return Limits(giant_above, max_items)


def _order_columns(order_id: str | Sequence[str], owner: str) -> tuple[str, ...]:
    if isinstance(order_id, str):
        return (order_id,)
    names = tuple(order_id)
    rule = InstanceOf((str,), "the name of a column, or several of them")
    problems = [rule.problem("order_id", name) for name in names or (None,)]
    found = [problem for problem in problems if problem is not None]
    if found:
        raise InvalidParameterError(owner, found[:1])
    return names
