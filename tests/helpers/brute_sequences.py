"""Patterns of sequences by trying every occurrence: slow, and plainly right.

Written from the definition alone: an element lies in the steps from its first to its last, a
choice of one step for each of its items.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise, product
from typing import Any, TypeAlias

__all__ = ["Pattern", "all_patterns", "closed", "contains", "holds", "maximal"]

Pattern: TypeAlias = tuple[tuple[Any, ...], ...]
Customer: TypeAlias = Sequence[tuple[float, frozenset[Any]]]
"""Steps as (time, items), in order."""


def _places(
    element: tuple[Any, ...], customer: Customer, window: float | None
) -> set[tuple[int, int]]:
    """Return (first step, last step) of each way to find an element."""
    where = [[n for n, (_, items) in enumerate(customer) if item in items] for item in element]
    found: set[tuple[int, int]] = set()
    for steps in product(*where):
        low, high = min(steps), max(steps)
        if low == high or (window is not None and customer[high][0] - customer[low][0] <= window):
            found.add((low, high))
    return found


def holds(
    pattern: Pattern,
    customer: Customer,
    *,
    min_gap: float | None = None,
    max_gap: float | None = None,
    max_span: float | None = None,
    window: float | None = None,
) -> bool:
    """Whether a customer holds a pattern: every choice of a place for each element is tried."""
    places = [_places(element, customer, window) for element in pattern]
    for choice in product(*places):
        pairs = list(pairwise(choice))
        time = [step[0] for step in customer]
        if any(low <= before for (_, before), (low, _) in pairs):
            continue
        if min_gap is not None and any(time[b[0]] - time[a[1]] < min_gap for a, b in pairs):
            continue
        if max_gap is not None and any(time[b[1]] - time[a[0]] > max_gap for a, b in pairs):
            continue
        if max_span is not None and time[choice[-1][1]] - time[choice[0][0]] > max_span:
            continue
        return True
    return False


def all_patterns(
    customers: Sequence[Customer],
    min_count: int,
    *,
    max_length: int = 4,
    max_steps: int | None = None,
    **limits: float | None,
) -> dict[Pattern, int]:
    """Return every pattern of at least `min_count` customers, by trying all candidates."""
    items = sorted({item for customer in customers for _, step in customer for item in step})
    found: dict[Pattern, int] = {}
    for pattern in _candidates(items, max_length):
        if max_steps is not None and len(pattern) > max_steps:
            continue
        n = sum(holds(pattern, customer, **limits) for customer in customers)
        if n >= max(1, min_count):
            found[pattern] = n
    return found


def _candidates(items: list[Any], length: int) -> list[Pattern]:
    """Return every pattern of at most `length` items."""
    by_length: list[list[Pattern]] = [[()]]
    for n in range(1, length + 1):
        longer: list[Pattern] = []
        for size in range(1, n + 1):
            for element in combinations(items, size):
                longer.extend((element, *rest) for rest in by_length[n - size])
        by_length.append(longer)
    return [pattern for patterns in by_length[1:] for pattern in patterns]


def contains(large: Pattern, small: Pattern) -> bool:
    """Whether `small` is a part of `large`: its elements in different elements, in order."""
    position = 0
    for element in small:
        while position < len(large) and not set(element) <= set(large[position]):
            position += 1
        if position == len(large):
            return False
        position += 1
    return True


def closed(found: dict[Pattern, int]) -> dict[Pattern, int]:
    """Keep the patterns without a larger one of the same count."""
    return {
        p: n
        for p, n in found.items()
        if not any(m == n and q != p and contains(q, p) for q, m in found.items())
    }


def maximal(found: dict[Pattern, int]) -> dict[Pattern, int]:
    """Keep the patterns without a larger one."""
    return {p: n for p, n in found.items() if not any(q != p and contains(q, p) for q in found)}
