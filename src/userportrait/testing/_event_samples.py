"""What the checks of event stores share: sample batches and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.testing._promises import expect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from userportrait.typing import EventStore

__all__ = [
    "TEXTS",
    "append",
    "events_of",
    "expect_kept",
    "expect_refused",
    "expect_rows",
    "read",
    "rows_of",
]

TEXTS = (
    "", "1", "01", "1.0", "a/b", "a b", "é", "e\u0301", "É", "客户 🛒", "%", "A", "a", "null",
    " a", "a\n", "\"double\" 'single' \\back {brace} ?", "line\nbreak\ttab", "x" * 500,
)  # fmt: skip
"""Texts that must come back as they were."""


def events_of(customer_ids: Sequence[Any], *, day: str = "2026-01-05", **columns: Any) -> Any:
    """Return one event for each customer, a minute apart."""
    start = pd.Timestamp(day)
    at = [start + pd.Timedelta(minutes=i) for i in range(len(customer_ids))]
    text = bool(customer_ids) and isinstance(customer_ids[0], str)
    ids = pd.Series(list(customer_ids), dtype=object if text else "int64")
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "event": ["view", "cart", "purchase"] * (len(at) // 3) + ["view"] * (len(at) % 3),
            "occurred_at": pd.Series(at, dtype="datetime64[us]"),
        }
    )
    return frame.assign(**columns)


def append(store: EventStore, events: Any, batch_id: str) -> int:
    """Append a batch; raise unless the result says that its rows were written."""
    n = store.append_events(events, batch_id=batch_id)
    expect(n == len(events), f"append_events returned {n} for a batch of {len(events)} rows")
    return n


def read(store: EventStore, *args: Any, **options: Any) -> dict[str, Any]:
    """Return what a read gives as arrays; raise unless it is in the order of time."""
    frame = frames.enter(store.read_events(*args, **options))
    found = frames.collect_arrays(frame, frames.column_names(frame))
    for name in ("customer_id", "event", "occurred_at"):
        expect(name in found, f"read_events returned no column '{name}'")
    at = np.asarray(found["occurred_at"]).astype("datetime64[us]")
    expect(bool((at[1:] >= at[:-1]).all()), "read_events is not in the order of time")
    return {**found, "occurred_at": at}


def rows_of(columns: Mapping[str, Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return rows of plain values, sorted; None for null."""
    plain = [[_plain(value) for value in np.asarray(columns[name])] for name in names]
    return sorted(zip(*plain, strict=True), key=repr)


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value != value:
        return None
    kind = getattr(value, "dtype", None)
    if kind is None:
        return value
    return str(value) if kind.kind == "M" else value.item()


def expect_rows(found: Mapping[str, Any], wanted: Any, how: str) -> None:
    """Raise unless these are the wanted rows, in the wanted columns or more that are null."""
    names = [str(name) for name in wanted.columns]
    missing = [name for name in names if name not in found]
    expect(not missing, f"{how} lacks the columns {missing}")
    frame = frames.enter(wanted)
    given: Any = frames.collect_arrays(frame, names) if len(wanted) else dict.fromkeys(names, ())
    seen, promised = rows_of(found, names), rows_of(given, names)
    n_seen, n_promised = len(seen), len(promised)
    expect(n_seen == n_promised, f"{how} gives {n_seen} rows where {n_promised} are promised")
    differing = [(a, b) for a, b in zip(seen, promised, strict=True) if _differ(a, b)]
    if differing:
        got, want = differing[0]
        raise AssertionError(f"{how} gives the row {str(got)[:200]} for {str(want)[:200]}")


def _differ(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    # 1 may come back as 1.0 where a column has nulls, "1" may not; true is not 1.
    pairs = list(zip(found, wanted, strict=True))
    kinds = any(isinstance(a, (bool, str)) != isinstance(b, (bool, str)) for a, b in pairs)
    return kinds or any(a != b for a, b in pairs)


def expect_kept(store: EventStore, wanted: Any, when: str) -> None:
    """Raise unless the store holds exactly these rows."""
    expect_rows(read(store), wanted, f"{when}, read_events")


def expect_refused(store: EventStore, events: Any, what: str, kept: Any, *, column: str) -> None:
    """Raise unless a batch is refused by naming the column, and nothing of it is there."""
    try:
        store.append_events(events, batch_id="refused")
    except (InvalidDataError, MissingColumnError) as error:
        found = getattr(error, "column", None)
        expect(found == column, f"{what} was refused with the column {found!r}, not {column!r}")
    except Exception as error:
        kind = type(error).__name__
        message = f"{what} raised {kind} ({error}) where InvalidDataError is promised"
        raise AssertionError(message) from error
    else:
        raise AssertionError(f"{what} was accepted, where InvalidDataError is promised")
    expect(not store.has_batch("refused"), f"{what} was refused, but has_batch says it is there")
    expect_kept(store, kept, f"after {what} was refused")
