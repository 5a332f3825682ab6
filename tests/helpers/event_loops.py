"""Behaviour figures by plain loops over events, to compare with."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from math import log
from typing import Any

import pandas as pd

__all__ = ["events_of", "loop_over_events", "session_loop"]

KINDS = ("view", "cart", "purchase", "search")
STEPS = ("view", "cart", "purchase")


def events_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Make a frame of (customer, event, minute since 2026-01-01, item, device) rows."""
    customer, event, minute, item, device = zip(*rows, strict=True)
    start = pd.Timestamp("2026-01-01")
    text = pd.Series(["a"]).dtype
    return pd.DataFrame(
        {
            "customer_id": pd.Series(customer),
            "event": pd.Series(event),
            "occurred_at": pd.Series([start + pd.Timedelta(minutes=m) for m in minute]).astype(
                "datetime64[us]"
            ),
            "item_id": pd.Series(item, dtype=text),
            "device": pd.Series(device, dtype=text),
        }
    )


def session_loop(times: list[pd.Timestamp], gap_minutes: float = 30) -> list[list[pd.Timestamp]]:
    """Split sorted times where the pause is longer than the gap."""
    sessions: list[list[pd.Timestamp]] = []
    for time in sorted(times):
        if sessions and (time - sessions[-1][-1]).total_seconds() <= gap_minutes * 60:
            sessions[-1].append(time)
        else:
            sessions.append([time])
    return sessions


def loop_over_events(
    frame: pd.DataFrame, as_of: pd.Timestamp, windows: tuple[int, ...], night: range = range(6)
) -> dict[Any, dict[str, Any]]:
    """Return each customer's figures by name."""
    rows = [row for row in frame.to_dict("records") if row["occurred_at"] <= as_of]
    by_customer: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_customer[row["customer_id"]].append(row)
    return {
        customer: _figures(events, as_of.floor("D"), windows, night)
        for customer, events in by_customer.items()
    }


def _days(later: pd.Timestamp, earlier: pd.Timestamp) -> int:
    return int((later.floor("D") - earlier.floor("D")).days)


def _figures(
    events: list[dict[str, Any]], today: pd.Timestamp, windows: tuple[int, ...], night: range
) -> dict[str, Any]:
    times = sorted(e["occurred_at"] for e in events)
    found: dict[str, Any] = {
        "first_event_at": times[0],
        "last_event_at": times[-1],
        "n_events": len(events),
        "recency": _days(today, times[-1]),
        "tenure": _days(today, times[0]),
    }
    for kind in KINDS:
        own = [e["occurred_at"] for e in events if e["event"] == kind]
        found[f"n_{kind}"] = len(own)
        found[f"recency_{kind}"] = _days(today, max(own)) if own else None
    days = sorted({t.floor("D") for t in times})
    gaps = [_days(b, a) for a, b in itertools.pairwise(days)]
    found["n_days"] = len(days)
    found["mean_gap"] = sum(gaps) / len(gaps) if gaps else None
    found["longest_gap"] = max(gaps) if gaps else None
    sessions = session_loop(times)
    lengths = [(s[-1] - s[0]).total_seconds() / 60 for s in sessions]
    found["n_sessions"] = len(sessions)
    found["session_minutes"] = sum(lengths) / len(sessions)
    found["session_events"] = len(events) / len(sessions)
    found |= _clock(times, night)
    found |= _funnel(events)
    known = [e["device"] for e in events if isinstance(e["device"], str)]
    best = min(known, key=lambda d: (-known.count(d), d), default=None)
    found["favourite_device"] = best
    found["favourite_device_share"] = known.count(best) / len(known) if known else None
    for window in windows:
        recent = [e for e in events if _days(today, e["occurred_at"]) < window]
        found[f"n_events_{window}d"] = len(recent)
        for kind in KINDS:
            found[f"n_{kind}_{window}d"] = sum(e["event"] == kind for e in recent)
        found[f"n_days_{window}d"] = len({e["occurred_at"].floor("D") for e in recent})
        found[f"n_items_{window}d"] = len(_items(recent))
        found[f"n_sessions_{window}d"] = sum(_days(today, s[0]) < window for s in sessions)
    return found


def _items(events: list[dict[str, Any]]) -> set[Any]:
    return {e["item_id"] for e in events if isinstance(e["item_id"], str)}


def _clock(times: list[pd.Timestamp], night: range) -> dict[str, Any]:
    hours, weekdays = Counter(t.hour for t in times), Counter(t.isoweekday() for t in times)
    shares = [n / len(times) for n in hours.values()]
    return {
        "preferred_hour": min(hours, key=lambda h: (-hours[h], h)),
        "preferred_weekday": min(weekdays, key=lambda d: (-weekdays[d], d)),
        "night_share": sum(t.hour in night for t in times) / len(times),
        "weekend_share": sum(t.isoweekday() >= 6 for t in times) / len(times),
        "hour_spread": -sum(s * log(s) for s in shares) / log(24),
    }


def _funnel(events: list[dict[str, Any]]) -> dict[str, Any]:
    reached = dict.fromkeys(STEPS, 0)
    for item in _items(events):
        own = [e for e in events if e["item_id"] == item]
        since = pd.Timestamp.min
        for step in STEPS:
            days = [e["occurred_at"].floor("D") for e in own if e["event"] == step]
            days = [day for day in days if day >= since]
            if not days:
                break
            since = min(days)
            reached[step] += 1
    found: dict[str, Any] = {"n_items": len(_items(events))}
    found |= {f"funnel_{step}": n for step, n in reached.items()}
    deep = [step for step, n in reached.items() if n]
    found["deepest_step"] = deep[-1] if deep else None
    for before, step in itertools.pairwise(STEPS):
        share = reached[step] / reached[before] if reached[before] else None
        found[f"funnel_{step}_share"] = share
    return found
