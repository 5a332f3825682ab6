"""Baskets: which items were bought together, as a sparse matrix with its vocabulary."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from userportrait._core.display import format_count, page_fragment, table
from userportrait._core.units import as_moment, to_micros
from userportrait.errors import InvalidParameterError
from userportrait.patterns._basket_matrices import (
    check_weights,
    sparse_frame,
)
from userportrait.patterns._basket_merge import Merged, merge_rows, sum_by_code, take_rows
from userportrait.patterns._basket_readers import BasketReaders
from userportrait.patterns._basket_report import BasketReport
from userportrait.patterns._constraints import item_codes
from userportrait.patterns._taxonomy import categories_of, with_ancestors, with_categories

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from userportrait.data import Items
    from userportrait.patterns._basket_lines import Parts

__all__ = ["Baskets", "Merged"]


class Baskets(BasketReaders):
    """Which items were bought together: baskets as a sparse matrix, and what its columns mean.

    Make one with `from_orders`, `from_frame`, `from_lists`, `from_onehot`, `from_sparse` or
    `from_parquet`. An item counts once in a basket, however many units were bought. Nothing
    is left out silently: see `report`.

    Parameters
    ----------
    indptr : ndarray of int64 of shape (n_rows + 1,)
        Where each row starts in `indices`, from 0.
    indices : ndarray of int32
        The items of each row as positions in `items`, ascending, each once.
    items : ndarray of shape (n_items,)
        The vocabulary, sorted: int64, or objects that are texts.
    weights : ndarray of int64 of shape (n_rows,), optional
        How many baskets each row stands for; by default one.
    order_ids : ndarray of shape (n_rows,), optional
        The order of each row; tuples where several columns name an order.
    customers : ndarray of int32 of shape (n_rows,), optional
        The customer of each row as a position in `customer_ids`; -1 where unknown.
    customer_ids : ndarray, optional
        Sorted.
    at : ndarray of int64 of shape (n_rows,), optional
        The time of each row in microseconds since 1970-01-01 UTC.
    prices : ndarray of float64 of shape (n_items,), optional
        The mean price of a unit of each item, NaN where unknown.
    related : ndarray of int32 of shape (n_pairs, 2), optional
        Items and their own ancestors, as `with_taxonomy` adds them.
    report : BasketReport, optional
        How the baskets were read.

    Raises
    ------
    InvalidParameterError
        If the arrays do not fit together.

    See Also
    --------
    mine_itemsets : Find what stands together in many baskets.

    Notes
    -----
    Rows come in the order of the order IDs, or as they were given; codes are positions in the
    sorted vocabulary. So equal data make equal baskets, whatever the order of lines and the
    engine. 4 bytes an entry, and 8 bytes a row for each of `indptr`, `at` and texts of orders.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame(
    ...     {
    ...         "order_id": [1, 1, 2, 2, 2, 3],
    ...         "item_id": ["tea", "pot", "tea", "cup", "tea", None],
    ...     }
    ... )
    >>> baskets = Baskets.from_frame(lines)
    >>> baskets
    <Baskets: 2 baskets, 3 items, 4 entries, 1 line ignored>
    >>> baskets.to_frame()
       order_id item_id
    0         1     pot
    1         1     tea
    2         2     cup
    3         2     tea
    """

    def __init__(
        self,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        items: NDArray[Any],
        *,
        weights: NDArray[np.int64] | None = None,
        order_ids: NDArray[Any] | None = None,
        customers: NDArray[np.int32] | None = None,
        customer_ids: NDArray[Any] | None = None,
        at: NDArray[np.int64] | None = None,
        prices: NDArray[np.float64] | None = None,
        related: NDArray[np.int32] | None = None,
        report: BasketReport | None = None,
    ) -> None:
        self.indptr: NDArray[np.int64] = indptr
        self.indices: NDArray[np.int32] = indices
        self.items: NDArray[Any] = items
        self.weights: NDArray[np.int64] | None = weights
        self.order_ids: NDArray[Any] | None = order_ids
        self.customers: NDArray[np.int32] | None = customers
        self.customer_ids: NDArray[Any] | None = customer_ids
        self.at: NDArray[np.int64] | None = at
        self.prices: NDArray[np.float64] | None = prices
        self.related: NDArray[np.int32] | None = related
        self._check()
        self.report: BasketReport = report or BasketReport(
            source="arrays",
            n_lines=len(indices),
            n_baskets=self.n_baskets,
            n_entries=self.n_entries,
            n_empty=int(np.count_nonzero(self.sizes == 0)),
            largest=int(self.sizes.max(initial=0)),
        )

    def _check(self) -> None:
        indptr, indices, n_rows = self.indptr, self.indices, len(self.indptr) - 1
        problems: list[str] = []
        if n_rows < 0 or indptr[0] != 0 or indptr[-1] != len(indices):
            problems.append("indptr must start at 0 and end at the length of indices.")
        elif bool((np.diff(indptr) < 0).any()):
            problems.append("indptr must not fall.")
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(self.items):
            problems.append(f"indices must be positions in the {len(self.items):,} items.")
        for name in ("weights", "order_ids", "customers", "at"):
            values = getattr(self, name)
            if values is not None and len(values) != n_rows:
                problems.append(f"{name} must have {n_rows:,} values; got {len(values):,}.")
        if problems:
            raise InvalidParameterError("Baskets", problems)

    @classmethod
    def _from_parts(cls, parts: Parts) -> Self:
        return cls(
            parts.indptr,
            parts.indices,
            parts.items,
            weights=parts.weights,
            order_ids=parts.order_ids,
            customers=parts.customers,
            customer_ids=parts.customer_ids,
            at=parts.at,
            prices=parts.prices,
            report=parts.report,
        )

    # What is there

    @cached_property
    def n_baskets(self) -> int:
        """Baskets, empty ones included and weights counted: what supports are shares of."""
        return len(self.indptr) - 1 if self.weights is None else int(self.weights.sum())

    def __len__(self) -> int:
        return self.n_baskets

    @property
    def n_items(self) -> int:
        """Items of the vocabulary; some may be in no basket after `where` or `between`."""
        return len(self.items)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Distinct items in each row."""
        return np.diff(self.indptr)

    @cached_property
    def n_entries(self) -> int:
        """Distinct items of a basket, summed over all baskets."""
        return len(self.indices) if self.weights is None else int((self.sizes * self.weights).sum())

    @property
    def density(self) -> float:
        """The share of all pairs of a basket and an item where the item is in the basket.

        NaN where there is no basket or no item.
        """
        cells = self.n_baskets * self.n_items
        return self.n_entries / cells if cells else float("nan")

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        """In how many baskets each item of the vocabulary is."""
        weights = None if self.weights is None else np.repeat(self.weights, self.sizes)
        return sum_by_code(self.indices, weights, self.n_items)

    @cached_property
    def merged(self) -> Merged:
        """The baskets with identical ones merged, without empty ones: what the miners read."""
        return merge_rows(self.indptr, self.indices, self.weights, self.n_items)

    def codes_of(self, items: Iterable[Any]) -> NDArray[np.int32]:
        """Return the positions of items in the vocabulary.

        Raises
        ------
        InvalidParameterError
            If an item is unknown; the message names the nearest one.
        """
        return item_codes(self.items, items, owner="Baskets.codes_of", argument="items")

    # Parts

    def select(self, items: Iterable[Any]) -> Baskets:
        """Keep these items; all baskets stay, some of them empty.

        Raises
        ------
        InvalidParameterError
            If an item is unknown.

        Examples
        --------
        >>> Baskets.from_lists([["tea", "pot"], ["cup"]]).select(["tea", "cup"]).sizes
        array([1, 1])
        """
        codes = item_codes(self.items, items, owner="Baskets.select", argument="items")
        kept = np.zeros(self.n_items, dtype=bool)
        kept[codes] = True
        return self._with_items(kept)

    def without(self, items: Iterable[Any]) -> Baskets:
        """Leave these items out; all baskets stay, some of them empty.

        Raises
        ------
        InvalidParameterError
            If an item is unknown.

        Examples
        --------
        >>> Baskets.from_lists([["tea", "postage"], ["postage"]]).without(["postage"]).sizes
        array([1, 0])
        """
        codes = item_codes(self.items, items, owner="Baskets.without", argument="items")
        kept = np.ones(self.n_items, dtype=bool)
        kept[codes] = False
        return self._with_items(kept)

    def _with_items(self, kept: NDArray[np.bool_]) -> Baskets:
        """Return all rows with some of the items."""
        entries = kept[self.indices]
        ends = np.concatenate(([0], np.cumsum(entries, dtype=np.int64)))
        new_code = np.cumsum(kept, dtype=np.int32) - np.int32(1)
        related = self.related
        if related is not None:
            related = new_code[related[kept[related].all(axis=1)]]
        return Baskets(
            ends[self.indptr],
            new_code[self.indices[entries]],
            self.items[kept],
            weights=self.weights,
            order_ids=self.order_ids,
            customers=self.customers,
            customer_ids=self.customer_ids,
            at=self.at,
            prices=None if self.prices is None else self.prices[kept],
            related=related,
            report=self.report,
        )

    def where(
        self, mask: ArrayLike | None = None, *, customers: Iterable[Any] | None = None
    ) -> Baskets:
        """Keep some baskets, such as those of a segment.

        The vocabulary stays, so that codes mean the same in the baskets of two groups.

        Parameters
        ----------
        mask : array of bool of shape (n_rows,), optional
            Which rows to keep.
        customers : iterable, optional
            The customers whose baskets are kept: a list, an array, a Series. Customers
            without a basket are passed over.

        Raises
        ------
        InvalidParameterError
            If not exactly one of the two is given, the mask does not fit, or the baskets have
            no customers.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame(
        ...     {"order_id": [1, 2], "item_id": ["tea", "pot"], "customer_id": ["ann", "bo"]}
        ... )
        >>> baskets = Baskets.from_frame(frame, customer_id="customer_id")
        >>> baskets.where(customers=["bo"]).to_frame()
           order_id item_id customer_id
        0         2     pot          bo
        """
        owner, n_rows = "Baskets.where", len(self.indptr) - 1
        if (mask is None) == (customers is None):
            raise InvalidParameterError(owner, ["give a mask, or customers=, and not both."])
        if mask is not None:
            flags = np.asarray(mask)
            if flags.dtype != bool or flags.shape != (n_rows,):
                problem = f"mask must be {n_rows:,} truth values, one for each row."
                raise InvalidParameterError(owner, [problem])
            return self._take(np.flatnonzero(flags))
        if self.customers is None or self.customer_ids is None:
            problem = "these baskets have no customers; name their column when you read them."
            raise InvalidParameterError(owner, [problem])
        wanted = pd.Index(list(customers if customers is not None else ()))
        kept = np.append(pd.Index(self.customer_ids).isin(wanted), False)
        return self._take(np.flatnonzero(kept[self.customers]))

    def between(self, start: Any = None, end: Any = None) -> Baskets:
        """Keep the baskets from `start` until before `end`; the vocabulary stays.

        Parameters
        ----------
        start, end : datetime, date or ISO 8601 text, optional
            UTC where they have no zone; a date is midnight at its start. By default there is
            no limit.

        Raises
        ------
        InvalidParameterError
            If a limit is no time, or the baskets have no times.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"order_id": [1, 2], "item_id": ["tea", "pot"]})
        >>> frame["ordered_at"] = pd.to_datetime(["2026-01-05", "2026-02-01"])
        >>> baskets = Baskets.from_frame(frame, ordered_at="ordered_at")
        >>> len(baskets.between("2026-01-01", "2026-02-01"))
        1
        """
        owner = "Baskets.between"
        if self.at is None:
            problem = "these baskets have no times; name their column when you read them."
            raise InvalidParameterError(owner, [problem])
        kept = np.ones(len(self.at), dtype=bool)
        if start is not None:
            kept &= self.at >= to_micros(as_moment(start, owner=owner, name="start"))
        if end is not None:
            kept &= self.at < to_micros(as_moment(end, owner=owner, name="end"))
        return self._take(np.flatnonzero(kept))

    def _take(self, rows: NDArray[np.intp]) -> Baskets:
        indptr, indices = take_rows(self.indptr, self.indices, rows)
        return Baskets(
            indptr,
            indices,
            self.items,
            weights=None if self.weights is None else self.weights[rows],
            order_ids=None if self.order_ids is None else self.order_ids[rows],
            customers=None if self.customers is None else self.customers[rows],
            customer_ids=self.customer_ids,
            at=None if self.at is None else self.at[rows],
            prices=self.prices,
            related=self.related,
            report=self.report,
        )

    def with_weights(self, weights: ArrayLike) -> Baskets:
        """Return the same rows, each standing for so many baskets.

        Parameters
        ----------
        weights : array of int of shape (n_rows,)
            From 0 on.
        """
        counted = check_weights(weights, len(self.indptr) - 1, "Baskets.with_weights")
        every = self._take(np.arange(len(self.indptr) - 1))
        every.weights = counted
        return every

    # Levels

    def with_taxonomy(
        self,
        taxonomy: Mapping[Any, Any] | Items,
        level: str = "category",
        *,
        mode: Literal["replace", "add"] = "replace",
    ) -> Baskets:
        """Put items into categories, or add the categories beside the items.

        Parameters
        ----------
        taxonomy : mapping of item to category, or Items
            A category is a text or a whole number, the same kind for all. Items that are not
            there, or have none, have no category.
        level : str, default='category'
            The column of `Items`; for a mapping only a name.
        mode : {'replace', 'add'}, default='replace'
            ``replace`` makes baskets of categories; items without one are left out, which
            `report` notes. ``add`` puts the category of each item beside it, as the text
            ``level: category``; whole numbers become texts then. `mine_itemsets` then finds
            sets across levels, and none that holds an item and its own category. Add several
            levels one after the other.

        Returns
        -------
        Baskets

        Raises
        ------
        MissingColumnError
            If the items have no such column.
        InvalidParameterError
            If no item of the baskets has a category, or `mode` is unknown.

        Examples
        --------
        >>> baskets = Baskets.from_lists([["assam", "pot"], ["sencha"]])
        >>> kinds = {"assam": "tea", "sencha": "tea", "pot": "ware"}
        >>> baskets.with_taxonomy(kinds).items.tolist()
        ['tea', 'ware']
        >>> baskets.with_taxonomy(kinds, mode="add").items.tolist()
        ['assam', 'category: tea', 'category: ware', 'pot', 'sencha']
        """
        category = categories_of(self.items, taxonomy, level, mode)
        if mode == "replace":
            return with_categories(self, category, level)
        return with_ancestors(self, category, level)

    # Other forms

    def to_frame(self) -> pd.DataFrame:
        """Return one row per item of a basket, as a pandas frame.

        Returns
        -------
        DataFrame
            `order_id` (or `basket`, the row from 0), `item_id`, and, where they are known,
            `customer_id`, `ordered_at` (UTC) and `weight`. Empty baskets have no row.
        """
        rows = np.repeat(np.arange(len(self.indptr) - 1), self.sizes)
        found: dict[str, Any] = {}
        if self.order_ids is None:
            found["basket"] = rows
        else:
            found["order_id"] = self.order_ids[rows]
        found["item_id"] = self.items[self.indices]
        if self.customers is not None and self.customer_ids is not None:
            found["customer_id"] = _named_customers(self.customers, self.customer_ids)[rows]
        if self.at is not None:
            found["ordered_at"] = self.at[rows].view("datetime64[us]")
        if self.weights is not None:
            found["weight"] = self.weights[rows]
        return pd.DataFrame(found).infer_objects()

    def to_sparse(self) -> Any:
        """Return a SciPy `csr_array` of bool, one row per basket, one column per item.

        A row that stands for several baskets comes so many times.
        """
        from scipy.sparse import csr_array

        one = self._unweighted()
        values = np.ones(len(one.indices), dtype=bool)
        shape = (len(one.indptr) - 1, self.n_items)
        return csr_array((values, one.indices, one.indptr), shape=shape)

    def to_onehot(self, *, sparse: bool = True) -> pd.DataFrame:
        """Return a pandas frame of bool, one row per basket, one column per item.

        mlxtend's functions take it. It is large: prefer the methods of this library.

        Parameters
        ----------
        sparse : bool, default=True
            Whether the columns are sparse; dense ones need a byte for each basket and item.

        Returns
        -------
        DataFrame
            The orders are its index where they are known and named by one column.
        """
        matrix = self.to_sparse()
        one = self._unweighted()
        named = one.order_ids is not None and not (
            len(one.order_ids) and isinstance(one.order_ids[0], tuple)
        )
        ids: Any = one.order_ids
        index = pd.Index(ids, name="order_id") if named else None
        columns: Any = pd.Index(self.items)
        if not sparse:
            return pd.DataFrame(matrix.toarray(), index=index, columns=columns)
        return sparse_frame(matrix, index=index, columns=columns)

    def _unweighted(self) -> Baskets:
        if self.weights is None:
            return self
        repeated = self._take(np.repeat(np.arange(len(self.indptr) - 1), self.weights))
        repeated.weights = None
        return repeated

    def __repr__(self) -> str:
        figures = [
            format_count(self.n_baskets, "basket"),
            format_count(self.n_items, "item"),
            format_count(self.n_entries, "entry", "entries"),
        ]
        if self.report.n_ignored:
            figures.append(f"{format_count(self.report.n_ignored, 'line')} ignored")
        return f"<Baskets: {', '.join(figures)}>"

    def _repr_html_(self) -> str:
        counts: list[int] = self.item_counts.tolist()
        top: list[int] = np.argsort(-self.item_counts, kind="stable")[:10].tolist()
        rows = [(self.items[code], f"{counts[code]:,}", _share(counts[code], self)) for code in top]
        found = table(("item", "baskets", "support"), rows, numeric=("baskets", "support"))
        title = f"Baskets: {format_count(self.n_baskets, 'basket')}, "
        return page_fragment(title + format_count(self.n_items, "item"), found)


def _share(count: int, baskets: Baskets) -> str:
    return f"{count / baskets.n_baskets:.4f}" if baskets.n_baskets else ""


def _named_customers(codes: NDArray[np.int32], ids: NDArray[Any]) -> NDArray[Any]:
    if ids.dtype != object and not bool((codes < 0).any()):
        return ids[codes]
    names = np.empty(len(ids) + 1, dtype=object)
    names[:-1] = ids
    return names[codes]
