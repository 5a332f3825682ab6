"""User portraits for e-commerce: raw orders in; tags, segments, audiences and reports out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait import (
        audience,
        data,
        errors,
        features,
        portraits,
        stores,
        tags,
        testing,
        typing,
        value,
    )
    from userportrait.audience import Audience
    from userportrait.data import (
        CleaningReport,
        Customers,
        Events,
        Items,
        Orders,
        Reviews,
        Touches,
        clean_events,
        clean_orders,
        guess_roles,
        make_shop,
        read_csv,
        read_parquet,
        read_sql,
        read_table,
    )
    from userportrait.features import CustomerSummary, count_cohorts, summarise_orders
    from userportrait.portraits import (
        Portrait,
        Portraits,
        build_portraits,
        default_tags,
        open_portraits,
    )
    from userportrait.report import portrait_page, report
    from userportrait.stores import MappingStore, MemoryStore, SQLiteStore
    from userportrait.tags import TagCatalogue
    from userportrait.value import RFM

__version__: str = "0.1.0"

__all__ = [
    "RFM",
    "Audience",
    "CleaningReport",
    "CustomerSummary",
    "Customers",
    "Events",
    "Items",
    "MappingStore",
    "MemoryStore",
    "Orders",
    "Portrait",
    "Portraits",
    "Reviews",
    "SQLiteStore",
    "TagCatalogue",
    "Touches",
    "__version__",
    "audience",
    "build_portraits",
    "clean_events",
    "clean_orders",
    "count_cohorts",
    "data",
    "default_tags",
    "errors",
    "features",
    "guess_roles",
    "make_shop",
    "open_portraits",
    "portrait_page",
    "portraits",
    "read_csv",
    "read_parquet",
    "read_sql",
    "read_table",
    "report",
    "stores",
    "summarise_orders",
    "tags",
    "testing",
    "typing",
    "value",
]

_ROOMS = (
    "audience", "data", "errors", "features", "portraits", "stores", "tags", "testing", "typing",
    "value",
)  # fmt: skip
_HOMES: dict[str, str] = {
    **{room: f"userportrait.{room}" for room in _ROOMS},
    "Audience": "userportrait.audience",
    "CleaningReport": "userportrait.data",
    "CustomerSummary": "userportrait.features",
    "Customers": "userportrait.data",
    "Events": "userportrait.data",
    "Items": "userportrait.data",
    "MappingStore": "userportrait.stores",
    "MemoryStore": "userportrait.stores",
    "Orders": "userportrait.data",
    "Portrait": "userportrait.portraits",
    "Portraits": "userportrait.portraits",
    "RFM": "userportrait.value",
    "Reviews": "userportrait.data",
    "SQLiteStore": "userportrait.stores",
    "TagCatalogue": "userportrait.tags",
    "Touches": "userportrait.data",
    "build_portraits": "userportrait.portraits",
    "clean_events": "userportrait.data",
    "clean_orders": "userportrait.data",
    "count_cohorts": "userportrait.features",
    "default_tags": "userportrait.portraits",
    "guess_roles": "userportrait.data",
    "make_shop": "userportrait.data",
    "open_portraits": "userportrait.portraits",
    "portrait_page": "userportrait.report",
    "read_csv": "userportrait.data",
    "read_parquet": "userportrait.data",
    "read_sql": "userportrait.data",
    "read_table": "userportrait.data",
    "report": "userportrait.report",
    "summarise_orders": "userportrait.features",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
