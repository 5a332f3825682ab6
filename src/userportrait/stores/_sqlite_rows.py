"""The statements on profiles and build in a store file."""

from __future__ import annotations

import sqlite3
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from userportrait.errors import InvalidDataError
from userportrait.stores._encoding import duplicate_customer

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from userportrait.typing import CustomerId

__all__ = [
    "READ_ONE",
    "SCANS",
    "clear",
    "create_tables",
    "delete_many",
    "insert_chunk",
    "read_build",
    "read_many",
    "write_build",
]

# Integer IDs are row numbers, the fastest key SQLite has; text IDs have an index. Each type
# has a table, so 1 and "1" are two customers.
_TABLES: dict[type, str] = {int: "integer_profiles", str: "text_profiles"}
_COLUMNS: dict[type, str] = {
    int: "customer_id INTEGER PRIMARY KEY NOT NULL, profile TEXT NOT NULL",
    str: "customer_id TEXT PRIMARY KEY NOT NULL, profile TEXT NOT NULL",
}
_BUILD = (
    "id INTEGER PRIMARY KEY CHECK (id = 1), document TEXT NOT NULL, n_profiles INTEGER NOT NULL"
)

# S608: table names are the two constants above; values are always bound.
READ_ONE: dict[type, str] = {
    kind: f"SELECT profile FROM {table} WHERE customer_id = ?"  # noqa: S608
    for kind, table in _TABLES.items()
}
SCANS: tuple[str, ...] = tuple(
    f"SELECT customer_id, profile FROM {table}"  # noqa: S608
    for table in _TABLES.values()
)
_INSERT = {kind: f"INSERT INTO {table} VALUES (?, ?)" for kind, table in _TABLES.items()}  # noqa: S608
_DELETE = {
    kind: f"DELETE FROM {table} WHERE customer_id = ?"  # noqa: S608
    for kind, table in _TABLES.items()
}

# Few lengths of IN-lists, so that every statement is prepared once; a shorter list
# repeats its last ID.
_BATCHES = (1, 8, 64, 512)
_READ_MANY = {
    (kind, size): (
        f"SELECT customer_id, profile FROM {table} "  # noqa: S608
        f"WHERE customer_id IN ({','.join('?' * size)})"
    )
    for kind, table in _TABLES.items()
    for size in _BATCHES
}

_Id = TypeVar("_Id", int, str)


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file."""
    for kind, table in _TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({_COLUMNS[kind]})")
    connection.execute(f"CREATE TABLE build ({_BUILD})")


def clear(connection: sqlite3.Connection) -> None:
    """Delete every profile and the build."""
    for table in (*_TABLES.values(), "build"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608


def insert_chunk(
    connection: sqlite3.Connection, chunk: Sequence[tuple[CustomerId, str]], position: int
) -> None:
    """Insert encoded profiles; `position` is that of the first one in the build."""
    for kind, statement in _INSERT.items():
        places = [place for place, row in enumerate(chunk) if type(row[0]) is kind]
        if not places:
            continue
        found = chunk if len(places) == len(chunk) else [chunk[place] for place in places]
        before = connection.total_changes
        try:
            # Keys in order fill the pages one after the other.
            connection.executemany(statement, sorted(found, key=itemgetter(0)))
        except sqlite3.IntegrityError as error:
            order = sorted(range(len(found)), key=lambda at: found[at][0])
            at = order[connection.total_changes - before]
            raise duplicate_customer(position + places[at]) from error
        except UnicodeEncodeError as error:
            raise InvalidDataError(
                "a profile holds half a character (a lone surrogate). "
                "Write it with json.dumps(..., ensure_ascii=True)."
            ) from error


def write_build(connection: sqlite3.Connection, document: str, n_profiles: int) -> None:
    """Write the one build row."""
    connection.execute("INSERT INTO build VALUES (1, ?, ?)", (document, n_profiles))


def read_build(cursor: sqlite3.Cursor) -> tuple[str, int] | None:
    """Return the build as JSON with the number of profiles."""
    found: tuple[str, int] | None = cursor.execute(
        "SELECT document, n_profiles FROM build WHERE id = 1"
    ).fetchone()
    return found


def read_many(
    cursor: sqlite3.Cursor, customer_ids: Collection[CustomerId]
) -> list[tuple[CustomerId, str]]:
    """Return the encoded profiles found, all of them from one build."""
    integers = [key for key in customer_ids if isinstance(key, int)]
    texts = [key for key in customer_ids if isinstance(key, str)]
    if len(customer_ids) <= _BATCHES[-1] and not (integers and texts):
        return [*_read(cursor, integers), *_read(cursor, texts)]
    cursor.execute("BEGIN")
    try:
        return [*_read(cursor, integers), *_read(cursor, texts)]
    finally:
        cursor.execute("COMMIT")


def delete_many(connection: sqlite3.Connection, customer_ids: Collection[CustomerId]) -> int:
    """Delete these customers, keep the count right, return how many were there."""
    n_deleted = 0
    for kind, statement in _DELETE.items():
        before = connection.total_changes
        connection.executemany(
            statement, sorted((key,) for key in customer_ids if type(key) is kind)
        )
        n_found = connection.total_changes - before
        if n_found:
            _rewrite(connection, kind)
        n_deleted += n_found
    connection.execute("UPDATE build SET n_profiles = n_profiles - ?", (n_deleted,))
    return n_deleted


def _rewrite(connection: sqlite3.Connection, kind: type) -> None:
    # Secure deletion overwrites a deleted row, but not the stale copies that SQLite leaves
    # in the gaps of pages when it moves rows between them. Only whole pages are sure: the
    # rows that stay move to new ones, and those of the dropped table are filled with zeros.
    table = _TABLES[kind]
    connection.execute(f"CREATE TABLE kept ({_COLUMNS[kind]})")
    connection.execute(f"INSERT INTO kept SELECT * FROM {table}")  # noqa: S608
    connection.execute(f"DELETE FROM {table}")  # noqa: S608
    connection.execute(f"DROP TABLE {table}")
    connection.execute(f"ALTER TABLE kept RENAME TO {table}")


def _read(cursor: sqlite3.Cursor, keys: list[_Id]) -> list[tuple[CustomerId, str]]:
    found: list[tuple[CustomerId, str]] = []
    for start in range(0, len(keys), _BATCHES[-1]):
        batch = keys[start : start + _BATCHES[-1]]
        size = next(size for size in _BATCHES if len(batch) <= size)
        batch += batch[-1:] * (size - len(batch))
        found += cursor.execute(_READ_MANY[type(batch[0]), size], batch).fetchall()
    return found
