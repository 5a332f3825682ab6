"""Rows in memory on the connection of a DuckDB relation, which does not tell its connection."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

__all__ = ["query_rows", "unique_name"]


def unique_name() -> str:
    """Return a name that no table, view or variable of the user has."""
    return f"userportrait_{uuid4().hex}"


def query_rows(relation: Any, rows: Any, columns: str = "*") -> Any:
    """Return rows as a relation on another one's connection.

    A relation runs SQL on its connection, and DuckDB finds frames there by the names of
    Python variables; tables and views go first, so the name must be one of its own.

    Raises
    ------
    duckdb.CatalogException
        If the connection does not look for variables.
    """
    name = unique_name()
    globals()[name] = rows
    try:
        return relation.query(unique_name(), f"SELECT {columns} FROM {name}")  # noqa: S608
    finally:
        del globals()[name]
