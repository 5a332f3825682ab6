"""The other tables of a behaviour summary: funnel, shares, sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.features._behaviour_figures import label_counts
from userportrait.features._events_counts import is_new, run_lengths
from userportrait.features._funnel import reach_steps
from userportrait.features._sessions import join_pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.features._events import EventSettings
    from userportrait.features._events_tables import Counts
    from userportrait.features._funnel import ItemDays
    from userportrait.features._sessions import Pieces

__all__ = ["funnel_table", "session_table", "share_table"]


def funnel_table(items: ItemDays, settings: EventSettings) -> dict[str, Any]:
    """Count pairs and customers at each step."""
    pairs = reach_steps(items, settings.steps)
    names = settings.step_names
    reached = [pairs.customer[pairs.depth >= depth] for depth in range(1, len(names) + 1)]
    n_pairs = np.array([len(customer) for customer in reached], dtype=np.int64)
    n_customers = np.array([int(is_new(c).sum()) for c in reached], dtype=np.int64)
    before = np.append(0, n_pairs[:-1])[: len(names)]
    first = np.full(len(names), n_pairs[0] if len(names) else 0)
    nothing = np.full(len(names), np.nan)
    return {
        "step": np.array(names, dtype=object),
        "n_pairs": n_pairs,
        "n_customers": n_customers,
        "share_of_previous": np.divide(n_pairs, before, out=nothing.copy(), where=before > 0),
        "share_of_first": np.divide(n_pairs, first, out=nothing, where=first > 0),
    }


def share_table(counts: Counts, customer_ids: NDArray[Any], values: NDArray[Any]) -> dict[str, Any]:
    """List every customer's values with their shares, the most frequent first."""
    customer, code, n = label_counts(counts, len(customer_ids), len(values))
    starts = np.flatnonzero(is_new(customer))
    total = np.repeat(np.add.reduceat(n, starts), run_lengths(starts, len(n))) if len(n) else n
    order = np.lexsort((code, -n, customer))
    return {
        "customer_id": customer_ids[customer[order]],
        "value": values[code[order]],
        "n": n[order],
        "share": n[order] / total[order],
    }


def session_table(
    pieces: Pieces, customer_ids: NDArray[Any], settings: EventSettings
) -> dict[str, Any]:
    """List the sessions."""
    sessions = join_pieces(pieces, settings.gap)
    return {
        "customer_id": customer_ids[sessions.customer],
        "started_at": sessions.start.view("datetime64[us]"),
        "ended_at": sessions.end.view("datetime64[us]"),
        "n_events": sessions.n,
    }
