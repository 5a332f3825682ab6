"""Every customer's portrait: built once, read, selected and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait.audience import Audience, Expression, select_audience
from userportrait.errors import CustomerNotFoundError, InvalidParameterError, StoreError
from userportrait.portraits._default_tags import default_tags
from userportrait.portraits._portrait import Portrait
from userportrait.tags import TagCatalogue, TagTable
from userportrait.typing import ProfileStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait._core.frames import Engine
    from userportrait.typing import Build, CustomerId

__all__ = ["Portraits", "open_portraits"]


class Portraits:
    """The portraits of one build.

    Made by `build_portraits`, or by `open_portraits` from a store that was filled before.

    Parameters
    ----------
    store : ProfileStore
        Where the portraits are kept.
    catalogue : TagCatalogue
        The tags' definitions.
    table : TagTable
        All tag values in memory, by column.

    Attributes
    ----------
    store : ProfileStore
    catalogue : TagCatalogue
    table : TagTable

    Examples
    --------
    >>> import userportrait as up
    >>> shop = up.make_shop(n_customers=50, random_state=1)
    >>> portraits = up.build_portraits(shop.orders)
    >>> portraits.audience("n_orders >= 1").size == len(portraits)
    True
    """

    def __init__(self, store: ProfileStore, catalogue: TagCatalogue, table: TagTable) -> None:
        self.store: ProfileStore = store
        self.catalogue: TagCatalogue = catalogue
        self.table: TagTable = table

    @property
    def build(self) -> Build:
        """What the portraits have in common."""
        return self.table.build

    @property
    def as_of(self) -> datetime:
        """The moment that the tags describe; UTC."""
        return self.table.build.as_of

    @property
    def facts(self) -> Mapping[str, Any]:
        """Results of the build beside the tags: totals, months, cohorts, cleaning."""
        return self.table.build.facts

    @property
    def customer_ids(self) -> NDArray[Any]:
        """The customers, sorted: int64, or objects that are texts."""
        return self.table.customer_ids

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[CustomerId]:
        return iter(self.table.customer_ids.tolist())

    def __contains__(self, customer_id: object) -> bool:
        if not isinstance(customer_id, (int, str)):
            return False
        return self.table.row_of(customer_id) is not None

    def __getitem__(self, customer_id: CustomerId) -> Portrait:
        """Return one customer's portrait.

        ``portraits["17850"]`` finds the customer 17850 where IDs are whole numbers, and the
        reverse.

        Raises
        ------
        CustomerNotFoundError
            If there is no such customer.
        """
        row = self.table.row_of(customer_id)
        if row is None:
            raise CustomerNotFoundError(customer_id, len(self))
        tags = {name: column.value_at(row) for name, column in self.table.columns.items()}
        return Portrait(
            customer_id=self._id_at(row), tags=tags, build=self.build, catalogue=self.catalogue
        )

    def _id_at(self, row: int) -> CustomerId:
        found: CustomerId = self.table.customer_ids[row : row + 1].tolist()[0]
        return found

    def audience(self, expression: str | Expression) -> Audience:
        """Select the customers for whom an expression is true.

        Parameters
        ----------
        expression : str or Expression
            Such as ``"rfm in ('Champions', 'Loyal') and not country = 'France'"``. A
            customer for whom it is unknown is not selected.

        Returns
        -------
        Audience

        Raises
        ------
        ExpressionError
            If the expression cannot be read, or does not fit the tags; the message points
            at the column and names the nearest tag.
        """
        return select_audience(self.table, expression, stacklevel=2)

    def to_frame(self, tags: Sequence[str] | None = None, *, engine: Engine = "pandas") -> Any:
        """Return one row per customer: `customer_id` and the tags.

        Parameters
        ----------
        tags : sequence of str, optional
            Which tags, in this order; by default all.
        engine : str, default='pandas'
            The library of the result.

        Raises
        ------
        UnknownTagError
            If there is no such tag.
        """
        return self.table.to_frame(tags, engine=engine)

    def coverage(self) -> pd.DataFrame:
        """Return how many customers each tag is known for, and its values in short."""
        return self.table.coverage()

    def forget(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase customers from the store and from memory.

        Parameters
        ----------
        customer_ids : sequence of int or str
            Customers who are not there are passed over.

        Returns
        -------
        int
            How many were erased.

        Raises
        ------
        InvalidParameterError
            If `customer_ids` is one ID instead of a list.
        """
        given: object = customer_ids
        if isinstance(given, (str, int)):
            problem = "customer_ids must be a list of customers; put a single one in brackets."
            raise InvalidParameterError("Portraits.forget", [problem])
        rows = [self.table.row_of(customer_id) for customer_id in customer_ids]
        present = sorted({row for row in rows if row is not None})
        n = self.store.delete_customers([self._id_at(row) for row in present])
        self.table = self.table.without(present)
        return n

    def __repr__(self) -> str:
        n = format_count(len(self), "customer")
        tags = format_count(len(self.table.columns), "tag")
        return f"<Portraits: {n}, {tags}, as of {self.as_of:%Y-%m-%d %H:%M} UTC>"

    def _repr_html_(self) -> str:
        rows = {
            "customers": f"{len(self):,}",
            "tags": len(self.table.columns),
            "as of": f"{self.as_of:%Y-%m-%d %H:%M} UTC",
            "store": repr(self.store),
        }
        return page_fragment("Portraits", definition_list(rows))


def open_portraits(store: ProfileStore, tags: TagCatalogue | None = None) -> Portraits:
    """Open the portraits that an earlier build left in a store.

    Parameters
    ----------
    store : ProfileStore
    tags : TagCatalogue, optional
        The definitions, for explanations; by default `default_tags`.

    Returns
    -------
    Portraits

    Raises
    ------
    StoreError
        If nothing has been built into the store yet.

    Examples
    --------
    >>> import userportrait as up
    >>> store = up.MemoryStore()
    >>> built = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders, store=store)
    >>> opened = up.open_portraits(store)
    >>> len(opened) == len(built)
    True
    """
    given: Any = store
    if not isinstance(given, ProfileStore):
        problem = f"store must be a ProfileStore; got {type(given).__name__}."
        raise InvalidParameterError("open_portraits", [problem])
    build = store.read_build()
    if build is None:
        message = f"{store!r} holds no portraits yet. Fill it with build_portraits(..., store=...)."
        raise StoreError(message)
    table = TagTable.from_profiles(store.scan_profiles(), build)
    return Portraits(store, tags if tags is not None else default_tags(), table)
