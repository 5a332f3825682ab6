"""Where portraits, events, states and definitions are kept, and how streams get there.

Portraits: in memory, in an SQLite file, in any mapping of yours. Events: in memory, in a
directory of Parquet files, in a DuckDB file. States: in memory, in a directory. Definitions,
which are versioned documents: in memory, in an SQLite file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports
from userportrait.stores._definition_documents import encode_document
from userportrait.stores._definition_sqlite import SQLiteDefinitionStore
from userportrait.stores._definition_stores import MemoryDefinitionStore
from userportrait.stores._encoding import check_profiles
from userportrait.stores._mapping import MappingStore
from userportrait.stores._memory import MemoryStore
from userportrait.stores._sqlite import SQLiteStore
from userportrait.stores._state_stores import DirectoryStateStore, MemoryStateStore

if TYPE_CHECKING:
    from userportrait.stores._event_duckdb import DuckDBEventStore
    from userportrait.stores._event_memory import MemoryEventStore
    from userportrait.stores._event_parquet import ParquetEventStore
    from userportrait.stores._streams import foreach_batch
    from userportrait.stores._streams_events import EventStream
    from userportrait.stores._streams_state import StateStream

__all__ = [
    "DirectoryStateStore",
    "DuckDBEventStore",
    "EventStream",
    "MappingStore",
    "MemoryDefinitionStore",
    "MemoryEventStore",
    "MemoryStateStore",
    "MemoryStore",
    "ParquetEventStore",
    "SQLiteDefinitionStore",
    "SQLiteStore",
    "StateStream",
    "check_profiles",
    "encode_document",
    "foreach_batch",
]

# Portraits need no dataframe library, so what needs one is loaded when first used.
_HOMES: dict[str, str] = {
    "DuckDBEventStore": "userportrait.stores._event_duckdb",
    "EventStream": "userportrait.stores._streams_events",
    "MemoryEventStore": "userportrait.stores._event_memory",
    "ParquetEventStore": "userportrait.stores._event_parquet",
    "StateStream": "userportrait.stores._streams_state",
    "foreach_batch": "userportrait.stores._streams",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return sorted({*_names(), *__all__})
