"""Tags without a store: a frame of customers, in the library of the orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait.data import Orders
from userportrait.errors import InvalidParameterError
from userportrait.portraits._default_tags import default_tags
from userportrait.portraits._supported import supported_tags
from userportrait.tags import TagCatalogue, TagContext

if TYPE_CHECKING:
    from userportrait.data import Customers, Events, Items
    from userportrait.typing import IntoFrame

__all__ = ["tag_customers"]


def tag_customers(
    orders: Orders | IntoFrame,
    tags: TagCatalogue | None = None,
    *,
    as_of: object = None,
    customers: Customers | IntoFrame | None = None,
    items: Items | IntoFrame | None = None,
    events: Events | IntoFrame | None = None,
) -> Any:
    """Return every customer's tags as a frame of the library that the orders come from.

    Parameters
    ----------
    orders : Orders or frame
        Order lines; a raw frame must have canonical names.
    tags : TagCatalogue, optional
        What to say of each customer; by default `default_tags`. Shipped tags whose data are
        not there are left out and logged; a tag of your own in that case is an error.
    as_of : datetime, date or ISO 8601 text, optional
        The moment that the tags describe: nothing later is used. A date is midnight at its
        start. By default the newest line's time.
    customers : Customers or frame, optional
        Who the customers are; those without an order get a row too.
    items : Items or frame, optional
        What is sold; lends its columns, such as `category`, to order lines.
    events : Events or frame, optional
        What customers did, for preferences.

    Returns
    -------
    frame
        One row per customer: `customer_id` and the tags, null where unknown; dates are texts.
        In memory the rows are sorted by customer; on Spark and DuckDB their order is not
        defined. A Spark DataFrame is computed when it is used: there, customers whose tags
        leave their domain raise when it is.

    Raises
    ------
    InvalidDataError
        If a tag's values leave its domain.
    InvalidParameterError
        If `as_of` is no time or before the first order, or `tags` no catalogue.
    UnsupportedOnEngine
        If Spark's workers cannot run this library.

    See Also
    --------
    build_portraits : The same tags, kept in a store with the facts of the shop.

    Notes
    -----
    On Spark the tags are made on the workers: what they must know of all customers, such as
    score limits, is learned first, then each part of the customers is tagged with the code
    that works in memory. So is a DuckDB relation of more than 3,000,000 lines, one part
    after the other. The values are the same on every engine.

    Examples
    --------
    >>> import userportrait as up
    >>> shop = up.make_shop(n_customers=50, random_state=1)
    >>> tags = up.default_tags().select(["recency", "is_repeat_buyer"])
    >>> list(up.tag_customers(shop.orders, tags).columns)
    ['customer_id', 'recency', 'n_orders', 'is_repeat_buyer']
    """
    given: Any = tags
    if given is not None and not isinstance(given, TagCatalogue):
        problem = f"tags must be a TagCatalogue; got {type(given).__name__}."
        raise InvalidParameterError("tag_customers", [problem])
    table = orders if isinstance(orders, Orders) else Orders(orders)
    moment = table.moment(as_of, owner="tag_customers")
    context = TagContext(table, as_of=moment, customers=customers, items=items, events=events)
    catalogue = supported_tags(tags if tags is not None else default_tags(), context)
    return catalogue.tag(context)
