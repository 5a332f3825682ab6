"""One batch of a stream: brought in, converted, its columns and its clock checked."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from userportrait._core import frames
from userportrait._core.display import format_count
from userportrait._core.units import from_micros, to_micros
from userportrait.data import Customers, Events, Items, Orders, Reviews, Touches
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import pandas as pd

__all__ = ["Batch", "BatchReader", "check_batch_number", "query_of"]

_logger = logging.getLogger("userportrait.streams")

_TIMES = ("ordered_at", "occurred_at", "touched_at", "reviewed_at")
_TABLES = (Customers, Events, Items, Orders, Reviews, Touches)
_FAMILIES = {
    "integer": "numbers",
    "number": "numbers",
    "decimal": "numbers",
    "text": "texts",
    "category": "texts",
    "time": "times",
    "date": "times",
    "boolean": "true and false",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that may be folded.

    Parameters
    ----------
    frame : frame
        Rows to be counted; None if there are none.
    n_rows : int
        How many.
    n_set_aside : int
        How many rows were later than the clock allows.
    columns : mapping of str to str
        What each column of this and earlier batches holds, in plain words.
    """

    frame: Any
    n_rows: int
    n_set_aside: int
    columns: Mapping[str, str]


@dataclass(kw_only=True)
class BatchReader:
    """How the batches of one stream are taken in; see `foreach_batch`."""

    owner: str
    convert: Callable[[Any], Any] | None = None
    time_column: str | None = None
    max_ahead_days: float | None = 1.0
    clock: Callable[[], datetime] | None = None
    set_aside: Callable[[pd.DataFrame, str], object] | None = None
    collect_up_to: int = 1_000_000
    keeps_columns: bool = True
    collects_all: bool = False

    @contextmanager
    def read(self, given: Any, batch_id: str, known: Mapping[str, str]) -> Generator[Batch]:
        """Take a batch in; what Spark holds for it is given up at the end."""
        with frames.quiet_spark() if _is_spark(given) else nullcontext():
            frame, held = self._collected(given)
            try:
                yield self._checked(frame, batch_id, known)
            finally:
                if held is not None:
                    held.unpersist()

    def _collected(self, given: Any) -> tuple[Any, Any]:
        """Bring a small Spark frame here; keep a large one on Spark, computed once."""
        if not _is_spark(given):
            return given, None
        table = given.limit(self.collect_up_to + 1).toArrow()
        if table.num_rows <= self.collect_up_to:
            return table, None
        if self.collects_all:
            message = (
                f"the batch has more than {self.collect_up_to:,} rows, which is the most that is "
                f"collected for an event store. Make batches smaller (such as with "
                f"maxFilesPerTrigger or maxOffsetsPerTrigger), or raise collect_up_to."
            )
            raise InvalidDataError(message)
        held = given.persist()
        return held, held

    def _checked(self, given: Any, batch_id: str, known: Mapping[str, str]) -> Batch:
        frame = given if self.convert is None else self.convert(given)
        entered = frames.enter(frame.frame if isinstance(frame, _TABLES) else frame)
        n_rows = frames.count_rows(entered)
        if n_rows == 0:
            return Batch(None, 0, 0, known)
        columns = self._columns(entered, n_rows, known) if self.keeps_columns else known
        if self.max_ahead_days is None:
            return Batch(frames.leave(entered), n_rows, 0, columns)
        kept, n_ahead = self._until_now(entered, n_rows, batch_id)
        left = None if n_ahead == n_rows else frames.leave(kept)
        return Batch(left, n_rows - n_ahead, n_ahead, columns)

    def _columns(
        self, entered: frames.Frame, n_rows: int, known: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return what each column holds; raise if one holds something else than before."""
        kinds = frames.column_kinds(entered)
        for name in known:
            if name not in kinds:
                message = (
                    f"{self.owner}: the batch lacks '{name}', which earlier batches had "
                    f"({known[name]}). Add the column, with nulls where nothing is known. "
                    f"Nothing of the batch was counted."
                )
                raise InvalidDataError(message, column=name)
        holds = {name: _FAMILIES.get(kind, kind) for name, kind in kinds.items()}
        unsure = [n for n, held in holds.items() if held != "empty" and known.get(n) != held]
        missing = frames.count_missing(entered, unsure) if unsure else {}
        new = {name: holds[name] for name in unsure if missing[name] < n_rows}
        for name, held in new.items():
            if name in known:
                message = (
                    f"{self.owner}: '{name}' held {known[name]} in earlier batches and holds "
                    f"{held} in this one. Convert it to the earlier type. Nothing of the batch "
                    f"was counted."
                )
                raise InvalidDataError(message, column=name)
        return {**known, **new} if new else known

    def _until_now(
        self, entered: frames.Frame, n_rows: int, batch_id: str
    ) -> tuple[frames.Frame, int]:
        """Return the rows that are not too far in the future, and how many are."""
        column = self._time_column(entered)
        limit = self._limit()
        timed = frames.with_epoch_micros(frames.lazily(entered), column, "_at")
        newest = frames.extremes(timed, "_at")[1]
        if newest is None or int(newest) <= to_micros(limit):
            return entered, 0
        missing = frames.count_missing(entered, [column])[column]
        if missing:
            message = (
                f"{self.owner}: {format_count(missing, 'value')} of '{column}' missing; every row "
                f"needs one. Nothing of the batch was counted."
            )
            raise InvalidDataError(message, column=column, n_rows=missing)
        kept = frames.keep_rows_until(entered, column, limit)
        n_ahead = n_rows - frames.count_rows(kept)
        _logger.warning(
            "%s: %s of batch %s set aside: later than %s, the clock plus %g days (newest: %s).",
            self.owner, format_count(n_ahead, "row"), batch_id, limit.isoformat(),
            self.max_ahead_days, from_micros(int(newest)).isoformat(),
        )  # fmt: skip
        if self.set_aside is not None:
            self.set_aside(_rows_after(entered, column, limit), batch_id)
        return kept, n_ahead

    def _time_column(self, entered: frames.Frame) -> str:
        kinds = frames.column_kinds(entered)
        chosen = self.time_column or next((name for name in _TIMES if name in kinds), None)
        if chosen is None or chosen not in kinds:
            wanted = "none of " + ", ".join(_TIMES) if chosen is None else f"no '{chosen}'"
            problem = (
                f"the batch has {wanted}, so its clock cannot be checked. Name the column with "
                f"time_column=, or switch the check off with max_ahead_days=None."
            )
            raise InvalidParameterError(self.owner, [problem])
        if kinds[chosen] not in ("time", "date"):
            held = _FAMILIES.get(kinds[chosen], kinds[chosen])
            message = (
                f"{self.owner}: '{chosen}' must hold times; it holds {held}. Convert it before, "
                f"or with convert=."
            )
            raise ColumnTypeError(message, column=chosen)
        return chosen

    def _limit(self) -> datetime:
        now = datetime.now(UTC) if self.clock is None else self.clock()
        if now.tzinfo is not None:
            now = now.astimezone(UTC).replace(tzinfo=None)
        try:
            return now + timedelta(days=float(self.max_ahead_days or 0.0))
        except OverflowError:
            return datetime.max  # noqa: DTZ901


def _rows_after(entered: frames.Frame, column: str, limit: datetime) -> pd.DataFrame:
    table = frames.to_pandas(entered)
    later: pd.DataFrame = table.loc[table[column] > limit].reset_index(drop=True)
    return later


def _is_spark(frame: object) -> bool:
    return any(base.__module__.partition(".")[0] == "pyspark" for base in type(frame).__mro__)


def query_of(frame: Any) -> str | None:
    """Return the ID of the Spark query that a batch comes from: it belongs to the checkpoint.

    None where there is none, or where Spark does not tell (Spark Connect).
    """
    if not _is_spark(frame):
        return None
    try:
        found = frame.sparkSession.sparkContext.getLocalProperty("sql.streaming.queryId")
    except Exception:  # a missing ID only means one check less
        return None
    return str(found) if found else None


def check_batch_number(batch_id: object, owner: str) -> str:
    """Return a batch's number or name as a text; raise if it is neither."""
    whole = isinstance(batch_id, int) and not isinstance(batch_id, bool) and batch_id >= 0
    if whole or (isinstance(batch_id, str) and batch_id):
        return str(batch_id)
    problem = f"batch_id must be a whole number from 0, or a text; got {batch_id!r}."
    raise InvalidParameterError(owner, [problem])
