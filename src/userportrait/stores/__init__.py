"""Where portraits are kept: in memory, in an SQLite file, in any mapping of yours."""

from userportrait.stores._encoding import check_profiles
from userportrait.stores._mapping import MappingStore
from userportrait.stores._memory import MemoryStore
from userportrait.stores._sqlite import SQLiteStore

__all__ = ["MappingStore", "MemoryStore", "SQLiteStore", "check_profiles"]
