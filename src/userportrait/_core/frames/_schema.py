"""Words about what a frame holds and what its engine can do, asked before any work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from userportrait._core.frames._engine import Engine, Frame, Kind, column_kinds, column_names
from userportrait.errors import ColumnTypeError, MissingColumnError, UnsupportedOnEngine

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["CAPABILITIES", "Capability", "capabilities", "check_schema", "needs"]

Capability: TypeAlias = Literal[
    "every_word", "sink_parquet", "row_positions", "lazy", "out_of_core", "distributed"
]

CAPABILITIES: dict[Capability, str] = {
    "every_word": "every word of the vocabulary, with the same result",
    "sink_parquet": "writes Parquet by itself",
    "row_positions": "rows have a place, so that messages can name them",
    "lazy": "works when a result is collected, not before",
    "out_of_core": "works on more rows than memory holds",
    "distributed": "works on several machines",
}
"""What an engine may be able to do, and what that means."""

_IN_MEMORY: tuple[Capability, ...] = ("every_word", "sink_parquet", "row_positions")
_DUCKDB: tuple[Capability, ...] = (*_IN_MEMORY, "lazy", "out_of_core")
_ABLE: dict[Engine, tuple[Capability, ...]] = {
    "pandas": _IN_MEMORY,
    "polars": _IN_MEMORY,
    "polars-lazy": (*_IN_MEMORY, "lazy"),
    "pyarrow": _IN_MEMORY,
    "duckdb": _DUCKDB,
    "ibis": _DUCKDB,
    "spark": ("every_word", "sink_parquet", "lazy", "out_of_core", "distributed"),
}
_REMEDIES: dict[Capability, str] = {
    "row_positions": "Keep a column of your own that numbers the rows.",
    "lazy": "Give a polars LazyFrame, a DuckDB relation or a Spark DataFrame.",
    "out_of_core": "Give a DuckDB relation or a Spark DataFrame.",
    "distributed": "Give a Spark DataFrame.",
}


def capabilities(engine: Engine) -> dict[Capability, bool]:
    """Return what an engine can do; `CAPABILITIES` says what each name means."""
    return {name: name in _ABLE[engine] for name in CAPABILITIES}


def needs(frame: Frame, capability: Capability, operation: str) -> None:
    """Raise `UnsupportedOnEngine`, with the remedy, unless the frame's engine can do this.

    Parameters
    ----------
    frame : Frame
    capability : str
        One of `CAPABILITIES`.
    operation : str
        What needs it, the start of the message.
    """
    if capability not in _ABLE[frame.engine]:
        remedy = _REMEDIES.get(capability, "Give another library's frame.")
        raise UnsupportedOnEngine(operation, frame.engine, remedy)


def check_schema(
    frame: Frame, kinds: Mapping[str, Kind | Collection[Kind]], *, what: str = "The frame"
) -> None:
    """Raise unless the columns are there and hold what they should.

    Parameters
    ----------
    frame : Frame
    kinds : mapping of str to kind, or to several of them
        As `column_kinds` names them. A column of nulls without a type fits every kind.
    what : str, default='The frame'
        The start of the message, such as ``"Batch 'orders/7'"``.

    Raises
    ------
    MissingColumnError
        If a column is not there.
    ColumnTypeError
        If a column holds something else.
    """
    have = column_names(frame)
    for name in kinds:
        if name not in have:
            raise MissingColumnError(name, have, f"{what} needs it")
    found = column_kinds(frame, kinds)
    for name, wanted in kinds.items():
        allowed = [wanted] if isinstance(wanted, str) else sorted(wanted)
        if found[name] not in (*allowed, "empty"):
            message = f"{what}: '{name}' holds {found[name]}, not {' or '.join(allowed)}."
            raise ColumnTypeError(message, column=name)
