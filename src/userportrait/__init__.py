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
        scan_parquet,
    )
    from userportrait.features import (
        BasketHabits,
        BehaviourSummary,
        CustomerSummary,
        PreferenceSummary,
        count_cohorts,
        learn_price_tiers,
        summarise_events,
        summarise_orders,
    )
    from userportrait.portraits import (
        Portrait,
        Portraits,
        build_portraits,
        default_tags,
        open_portraits,
        tag_customers,
    )
    from userportrait.report import portrait_page, report
    from userportrait.stores import (
        DirectoryStateStore,
        DuckDBEventStore,
        MappingStore,
        MemoryEventStore,
        MemoryStateStore,
        MemoryStore,
        ParquetEventStore,
        SQLiteStore,
        foreach_batch,
    )
    from userportrait.tags import TagCatalogue
    from userportrait.value import RFM

__version__: str = "0.1.0"

__all__ = [
    "RFM",
    "Audience",
    "BasketHabits",
    "BehaviourSummary",
    "CleaningReport",
    "CustomerSummary",
    "Customers",
    "DirectoryStateStore",
    "DuckDBEventStore",
    "Events",
    "Items",
    "MappingStore",
    "MemoryEventStore",
    "MemoryStateStore",
    "MemoryStore",
    "Orders",
    "ParquetEventStore",
    "Portrait",
    "Portraits",
    "PreferenceSummary",
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
    "foreach_batch",
    "guess_roles",
    "learn_price_tiers",
    "make_shop",
    "open_portraits",
    "portrait_page",
    "portraits",
    "read_csv",
    "read_parquet",
    "read_sql",
    "read_table",
    "report",
    "scan_parquet",
    "stores",
    "summarise_events",
    "summarise_orders",
    "tag_customers",
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
    "BasketHabits": "userportrait.features",
    "BehaviourSummary": "userportrait.features",
    "CleaningReport": "userportrait.data",
    "CustomerSummary": "userportrait.features",
    "Customers": "userportrait.data",
    "DirectoryStateStore": "userportrait.stores",
    "DuckDBEventStore": "userportrait.stores",
    "Events": "userportrait.data",
    "Items": "userportrait.data",
    "MappingStore": "userportrait.stores",
    "MemoryEventStore": "userportrait.stores",
    "MemoryStateStore": "userportrait.stores",
    "MemoryStore": "userportrait.stores",
    "Orders": "userportrait.data",
    "ParquetEventStore": "userportrait.stores",
    "Portrait": "userportrait.portraits",
    "Portraits": "userportrait.portraits",
    "PreferenceSummary": "userportrait.features",
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
    "foreach_batch": "userportrait.stores",
    "guess_roles": "userportrait.data",
    "learn_price_tiers": "userportrait.features",
    "make_shop": "userportrait.data",
    "open_portraits": "userportrait.portraits",
    "portrait_page": "userportrait.report",
    "read_csv": "userportrait.data",
    "read_parquet": "userportrait.data",
    "read_sql": "userportrait.data",
    "read_table": "userportrait.data",
    "report": "userportrait.report",
    "scan_parquet": "userportrait.data",
    "summarise_events": "userportrait.features",
    "summarise_orders": "userportrait.features",
    "tag_customers": "userportrait.portraits",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
