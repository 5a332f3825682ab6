"""The names of a behaviour summary's columns, and what each stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from userportrait.features._events import EventSettings

__all__ = ["check_column_names", "column_names", "name_clashes"]


def column_names(
    settings: EventSettings, windows: Sequence[int], optional: Sequence[str]
) -> list[str]:
    """Name the columns of the summary, in order, given the optional columns of the events."""
    return [name for name, _ in _named(settings, windows, optional)]


def name_clashes(
    settings: EventSettings, windows: Sequence[int], optional: Sequence[str]
) -> list[str]:
    """Return one sentence for each name that would stand for two columns."""
    seen: dict[str, str] = {}
    found: list[str] = []
    remedy = "Rename one of them, or leave out the window." if windows else "Rename one of them."
    for name, meaning in _named(settings, windows, optional):
        if name in seen:
            found.append(f"{name} would stand for {seen[name]} and for {meaning}. {remedy}")
        seen.setdefault(name, meaning)
    return found


def check_column_names(
    settings: EventSettings, windows: Sequence[int], optional: Sequence[str], *, owner: str
) -> None:
    """Raise `InvalidParameterError` if a name would stand for two columns."""
    problems = name_clashes(settings, windows, optional)
    if problems:
        raise InvalidParameterError(owner, problems)


def _named(
    settings: EventSettings, windows: Sequence[int], optional: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield each column's name and what it stands for, in order."""
    kinds, steps = settings.kinds, settings.step_names
    for name in ("customer_id", "first_event_at", "last_event_at", "n_events"):
        yield name, _OWN
    for kind in kinds:
        yield f"n_{kind}", f"the kind {kind!r}"
    yield from (("n_days", _OWN), ("recency", _OWN))
    for kind in kinds:
        yield f"recency_{kind}", f"the kind {kind!r}"
    for name in _MIDDLE:
        yield name, _OWN
    if "item_id" in optional:
        yield "n_items", _OWN
        if steps:
            yield "deepest_step", _OWN
        for step in steps:
            yield f"funnel_{step}", f"the step {step!r}"
        for step in steps[1:]:
            yield f"funnel_{step}_share", f"the share of the step {step!r}"
    for label in settings.labels:
        if label in optional:
            yield f"favourite_{label}", f"the label {label!r}"
            yield f"favourite_{label}_share", f"the share of the label {label!r}"
    for window in windows:
        within = f"in the window of {window} days"
        yield f"n_events_{window}d", f"all events {within}"
        for kind in kinds:
            yield f"n_{kind}_{window}d", f"the kind {kind!r} {within}"
        yield f"n_days_{window}d", f"days {within}"
        yield f"n_sessions_{window}d", f"sessions {within}"
        if "item_id" in optional:
            yield f"n_items_{window}d", f"items {within}"


_OWN = "a column that every summary has"
_MIDDLE = (
    "tenure", "mean_gap", "longest_gap", "n_sessions", "session_minutes", "session_events",
    "preferred_hour", "preferred_weekday", "night_share", "weekend_share", "hour_spread",
)  # fmt: skip
