"""The main job: orders and tags in, portraits in a store."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from userportrait._core.progress import teller
from userportrait.data import Orders
from userportrait.errors import InvalidParameterError
from userportrait.portraits._default_tags import default_tags
from userportrait.portraits._facts import rfm_facts, shop_facts
from userportrait.portraits._portraits import Portraits
from userportrait.portraits._supported import supported_tags
from userportrait.stores import MemoryStore
from userportrait.tags import TagCatalogue, TagContext
from userportrait.typing import ProfileStore, SupportsEncodedProfiles

if TYPE_CHECKING:
    from userportrait.data import CleaningReport, Customers, Events, Items
    from userportrait.tags import TagTable
    from userportrait.typing import IntoFrame, Progress

__all__ = ["build_portraits"]

_LOG = logging.getLogger("userportrait.portraits")


def build_portraits(
    orders: Orders | IntoFrame,
    tags: TagCatalogue | None = None,
    *,
    store: ProfileStore | None = None,
    as_of: object = None,
    customers: Customers | IntoFrame | None = None,
    items: Items | IntoFrame | None = None,
    events: Events | IntoFrame | None = None,
    cleaning: CleaningReport | None = None,
    progress: Progress | bool | None = None,
) -> Portraits:
    """Tag every customer and keep the portraits in a store.

    Parameters
    ----------
    orders : Orders or frame
        Order lines; a raw frame must have canonical names.
    tags : TagCatalogue, optional
        What to say of each customer; by default `default_tags`. Shipped tags whose data are
        not there, such as the favourite category of orders without categories, are left out
        and logged; a tag of your own in that case is an error.
    store : ProfileStore, optional
        Where the portraits go, replacing what is there in one step; by default a new
        `MemoryStore`.
    as_of : datetime, date or ISO 8601 text, optional
        The moment that the tags describe: nothing later is used. A date is midnight at its
        start. By default the newest line's time.
    customers : Customers or frame, optional
        Who the customers are; those without an order get a portrait too.
    items : Items or frame, optional
        What is sold; lends its columns, such as `category`, to order lines.
    events : Events or frame, optional
        What customers did, for preferences.
    cleaning : CleaningReport, optional
        The account of the cleaning, for the shop's report.
    progress : callable or bool, optional
        Called with the step's name and the share done; True draws a bar where tqdm is
        installed.

    Returns
    -------
    Portraits

    Raises
    ------
    InvalidDataError
        If a tag's values leave its domain.
    InvalidParameterError
        If `as_of` is no time or before the first order, `tags` no catalogue, or `store` no
        store.
    StoreLockedError
        If another process keeps the store locked.

    See Also
    --------
    tag_customers : The tags alone, as a frame of the orders' library; no customer is collected.

    Notes
    -----
    Orders on Spark, and a DuckDB relation of more than 3,000,000 lines, are never collected:
    customers are tagged in parts, on Spark by its workers, and the engine counts the facts
    of the shop. What is in memory are the tags, one row per customer. Portraits and facts
    are the same on every engine, to the bit.

    Examples
    --------
    >>> import userportrait as up
    >>> shop = up.make_shop(n_customers=50, random_state=1)
    >>> portraits = up.build_portraits(shop.orders, up.default_tags(), store=up.MemoryStore())
    >>> "rfm" in portraits.catalogue
    True
    """
    tell = teller(progress, owner="build_portraits")
    _check_parts(tags, store)
    table = orders if isinstance(orders, Orders) else Orders(orders)
    moment = table.moment(as_of, owner="build_portraits")
    tell("tags", 0.0)
    context = TagContext(table, as_of=moment, customers=customers, items=items, events=events)
    catalogue = supported_tags(tags if tags is not None else default_tags(), context)
    evaluated = catalogue.evaluate(context, progress=tell)
    made = evaluated.build
    facts = shop_facts(table, context.as_of, cleaning)
    build = replace(made, facts={**made.facts, **facts, **rfm_facts(catalogue, made)})
    evaluated = evaluated.with_build(build)
    kept = store if store is not None else MemoryStore()
    tell("store", 0.0)
    n = _write(evaluated, kept)
    tell("store", 1.0)
    _LOG.info("built %d portraits with %d tags", n, len(evaluated.columns))
    return Portraits(kept, catalogue, evaluated)


def _check_parts(tags: Any, store: Any) -> None:
    """Refuse what is no catalogue and no store before the work, not after it."""
    problems: list[str] = []
    if tags is not None and not isinstance(tags, TagCatalogue):
        problems.append(f"tags must be a TagCatalogue; got {type(tags).__name__}.")
    if store is not None and not isinstance(store, ProfileStore):
        path = str(store) if hasattr(store, "__fspath__") or type(store) is str else ""
        hint = f" Write SQLiteStore({path!r})." if path else ""
        problems.append(f"store must be a ProfileStore; got {type(store).__name__}.{hint}")
    if problems:
        raise InvalidParameterError("build_portraits", problems)


def _write(table: TagTable, store: ProfileStore) -> int:
    if isinstance(store, SupportsEncodedProfiles):
        return store.replace_encoded(table.json_rows(), build=table.build)
    return store.replace_profiles(table.profiles(), build=table.build)
