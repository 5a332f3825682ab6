"""What a list is worth to its customer: recall, precision, NDCG and their kin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.recommend._evaluation_table import places_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.recommend._evaluation_table import Lists, Relevant

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["ACCURACY", "Gains", "Judged", "Metric", "read_metrics"]

Gains: TypeAlias = Literal["binary", "linear", "exponential"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure and how much of each list it looks at.

    Parameters
    ----------
    name : str
        Such as ``'recall'``.
    k : int
    """

    name: str
    k: int

    def __str__(self) -> str:
        return f"{self.name}@{self.k}"


def read_metrics(metrics: str | Iterable[str], known: Sequence[str], owner: str) -> list[Metric]:
    """Read names such as ``'recall@20'``.

    Raises
    ------
    InvalidParameterError
        If a name is unknown, has no ``@k``, or comes twice; all problems are named.
    """
    names: list[Any] = [metrics] if isinstance(metrics, str) else list(metrics)
    problems: list[str] = []
    found: list[Metric] = []
    for text in names:
        name, _, size = str(text).partition("@")
        if name not in known:
            problems.append(unknown_name("metric", name, known))
        elif not re.fullmatch(r"[1-9]\d{0,5}", size):
            problems.append(
                f"metrics: '{text}' must say how many items of each list count, such as "
                f"'{name}@20'."
            )
        elif Metric(name, int(size)) in found:
            problems.append(f"metrics: '{text}' comes twice.")
        else:
            found.append(Metric(name, int(size)))
    if not names:
        problems.append("metrics must name at least one measure, such as 'recall@20'.")
    if problems:
        raise InvalidParameterError(owner, problems)
    return found


class Judged:
    """Lists beside what customers turned out to want.

    Parameters
    ----------
    relevant : Relevant
    lists : Lists
    gains : {'binary', 'linear', 'exponential'}
        What a wanted item is worth to NDCG: 1, its weight, or 2 to its weight, less 1.
    """

    def __init__(self, relevant: Relevant, lists: Lists, gains: Gains = "binary") -> None:
        self.relevant = relevant
        self.lists = lists
        self.n = relevant.n_customers
        self.n_relevant = relevant.counts
        self._gain = _gains_of(relevant.weight, gains)
        pair = self._found()
        hit = pair >= 0
        self.hit_row = np.flatnonzero(hit)
        """Rows of `lists` with a wanted item, by customer, then place."""
        self._hit_pair = pair[hit]
        self.hit_customer = lists.customer[hit]
        self.hit_place = lists.place[hit]

    def _found(self) -> NDArray[np.intp]:
        """Return which pair of `relevant` each row of the lists is, -1 for none."""
        relevant, lists = self.relevant, self.lists
        n_items = max(len(relevant.item_ids), 1)
        item = places_in(relevant.item_ids, lists.item_ids)[lists.item]
        wanted = relevant.customer * n_items + relevant.item
        key = lists.customer * n_items + item
        at = np.minimum(np.searchsorted(wanted, key), len(wanted) - 1)
        return np.where((wanted[at] == key) & (item >= 0), at, -1)

    def sizes(self, k: int) -> NDArray[np.int64]:
        """Return how many items each list has, of its first `k`."""
        return np.minimum(np.bincount(self.lists.customer, minlength=self.n), k)

    def sum_hits(self, k: int, values: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the hits of each customer among the first `k`, or the sum of their values."""
        inside = self.hit_place < k
        weights = None if values is None else values[inside]
        return np.bincount(self.hit_customer[inside], weights=weights, minlength=self.n)

    @cached_property
    def hit_number(self) -> NDArray[np.int64]:
        """Which of its customer's hits each hit is, from 1."""
        return _numbers_in_group(self.hit_customer) + 1

    @cached_property
    def hit_gain(self) -> Floats:
        """What each hit is worth to NDCG."""
        return self._gain[self._hit_pair]

    @cached_property
    def hit_weight(self) -> Floats:
        """The weight of each hit."""
        return self.relevant.weight[self._hit_pair]

    @cached_property
    def best_order(self) -> tuple[NDArray[np.int64], Floats]:
        """Where each wanted item stands in the best possible list, and what it is worth there."""
        customer = self.relevant.customer
        order = np.lexsort((-self._gain, customer))
        return _numbers_in_group(customer), self._gain[order]


def _gains_of(weight: Floats, gains: Gains) -> Floats:
    if gains == "binary":
        return np.ones(len(weight))
    return weight if gains == "linear" else np.exp2(weight) - 1.0


def _numbers_in_group(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each row within its group, from 0; groups are sorted."""
    n = len(group)
    place = np.arange(n)
    if not n:
        return place
    new = np.r_[True, group[1:] != group[:-1]]
    return place - np.maximum.accumulate(np.where(new, place, 0))


def _recall(judged: Judged, k: int) -> Floats:
    return judged.sum_hits(k) / judged.n_relevant


def _capped_recall(judged: Judged, k: int) -> Floats:
    return judged.sum_hits(k) / np.minimum(judged.n_relevant, k)


def _weighted_recall(judged: Judged, k: int) -> Floats:
    total = np.bincount(judged.relevant.customer, weights=judged.relevant.weight)
    found: Floats = judged.sum_hits(k, judged.hit_weight) / total
    return found


def _precision(judged: Judged, k: int) -> Floats:
    return judged.sum_hits(k) / k


def _f1(judged: Judged, k: int) -> Floats:
    return 2.0 * judged.sum_hits(k) / (judged.n_relevant + k)


def _hit_rate(judged: Judged, k: int) -> Floats:
    return (judged.sum_hits(k) > 0).astype(np.float64)


def _mrr(judged: Judged, k: int) -> Floats:
    first = judged.hit_number == 1
    return judged.sum_hits(k, first / (judged.hit_place + 1.0))


def _map(judged: Judged, k: int) -> Floats:
    precision = judged.hit_number / (judged.hit_place + 1.0)
    found: Floats = judged.sum_hits(k, precision) / np.minimum(judged.n_relevant, k)
    return found


def _ndcg(judged: Judged, k: int) -> Floats:
    got = judged.sum_hits(k, judged.hit_gain / np.log2(judged.hit_place + 2.0))
    place, gain = judged.best_order
    inside = place < k
    worth = gain[inside] / np.log2(place[inside] + 2.0)
    best = np.bincount(judged.relevant.customer[inside], weights=worth, minlength=judged.n)
    # Rounding can put the best list a last bit above its own ideal.
    return np.minimum(got / best, 1.0)


ACCURACY: Mapping[str, Callable[[Judged, int], Floats]] = {
    "recall": _recall,
    "capped_recall": _capped_recall,
    "weighted_recall": _weighted_recall,
    "precision": _precision,
    "f1": _f1,
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "map": _map,
    "ndcg": _ndcg,
}
"""What a list is worth to its customer, from 0 to 1, by name; 0 for an empty list."""
