"""Tags that say what a customer prefers, from behaviour that fades with time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from userportrait._core.params import Between, Optional
from userportrait.errors import MissingColumnError
from userportrait.features._preferences_scores import (
    DEFAULT_WEIGHTS,
    Interests,
    best_rows,
    fade,
    ranked_rows,
    rarity,
)
from userportrait.tags._base import Tag
from userportrait.tags._pairs import count_distinct
from userportrait.tags._values import Values, unite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.tags._context import TagContext
    from userportrait.tags._domain import ValueKind
    from userportrait.tags._lines import Lines

__all__ = ["DEFAULT_WEIGHTS", "PreferenceTag"]

_FROM_ORDERS = ("purchase", "return")
_TEXTS = ("item_id", "order_id", "channel", "country", "category", "weekday", "date")


class _Interests(NamedTuple):
    """One row per customer and value with a positive interest, sorted by both."""

    customer: NDArray[np.int64]
    code: NDArray[np.int64]
    interest: NDArray[np.float64]
    values: Values


class _Scores(NamedTuple):
    """One row per customer and value with a positive score, sorted by both."""

    customer: NDArray[np.int64]
    code: NDArray[np.int64]
    score: NDArray[np.float64]
    values: Values


@dataclass(frozen=True, repr=False)
class PreferenceTag(Tag):
    r"""A customer's favourite item, category, channel or the like.

    Parameters
    ----------
    name : str
    by : str
        The column to choose from: of the order lines, the events, or the items table; or
        ``'hour'``, ``'weekday'``, ``'month'``.
    half_life_days : float, default=90
        After so many days a behaviour counts half.
    weights : mapping of str to float, optional
        What each behaviour counts. ``'purchase'`` and ``'return'`` come from order lines,
        other names are values of the events' column `event`; a behaviour that is not named
        does not count. By default purchase 1, return -1, cart 0.3, view 0.1.
    rank : int, default=1
        1 for the favourite, 2 for the second choice, and so on; unknown for a customer with
        fewer values.
    idf : bool, default=True
        Whether values that few customers have weigh more.
    window_days : int, optional
        Only the last so many days: the day of the build and those before it, UTC.
    zone : str, optional
        The time zone of hour, weekday and month; by default UTC.
    description, version, owner, domain, ttl_days, unit, labels, value_labels
        See `Tag`.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.

    Notes
    -----
    For customer :math:`c` and value :math:`v` the interest is

    .. math:: B(c, v) = \sum_{b, d} n_{cvbd}\, w_b\, 2^{-(D - d) / H}

    with :math:`n` the number of lines of behaviour :math:`b` on day :math:`d`, :math:`w` the
    weights, :math:`D` the day of the build and :math:`H` the half-life. An interest that is
    not positive, or nothing but a rounding error, is dropped. The score is term frequency
    times inverse document frequency [1]_, smoothed as in scikit-learn, over the :math:`N`
    customers that have any interest, of whom :math:`n_v` have one in :math:`v`:

    .. math:: S(c, v) = \frac{B(c, v)}{\sum_u B(c, u)}
              \left(1 + \ln \frac{1 + N}{1 + n_v}\right)

    The favourite has the highest score; scores that agree to 12 decimals are ties, which go
    to the smallest value. Lines are counted as whole numbers first, and weighted counts are
    summed in sorted order, so that the order of rows, the engine and the number of threads
    do not matter. Half-life decay composes: a day that passes divides all of a customer's
    interests by the same number, so scores stay as they are while nothing happens.

    References
    ----------
    .. [1] Salton and Buckley (1988), "Term-weighting approaches in automatic text
       retrieval", Information Processing and Management 24(5), 513-523.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.tags import TagContext
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "ann"],
    ...         "order_id": [1, 2, 3],
    ...         "ordered_at": pd.to_datetime(["2025-01-05", "2025-01-06", "2026-02-01"]),
    ...         "category": ["tea", "tea", "cups"],
    ...         "amount": [10.0, 20.0, 50.0],
    ...     }
    ... )
    >>> context = TagContext(frame)
    >>> PreferenceTag("favourite", "category", half_life_days=60).evaluate(context, {}).to_list()
    ['cups']
    """

    by: str
    half_life_days: float = field(default=90.0, kw_only=True)
    weights: Mapping[str, float] | None = field(default=None, kw_only=True, hash=False)
    rank: int = field(default=1, kw_only=True)
    idf: bool = field(default=True, kw_only=True)
    window_days: int | None = field(default=None, kw_only=True)
    zone: str | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "preference"

    def problems(self) -> list[str]:
        """Return one sentence for each parameter that cannot be used."""
        found = [
            Between(0, 36_500, open_low=True).problem("half_life_days", self.half_life_days),
            Between(1, 1000, integer=True).problem("rank", self.rank),
            Optional(Between(1, 36_500, integer=True)).problem("window_days", self.window_days),
        ]
        weights = self._weights
        limits = Between(-1e9, 1e9)
        found += [limits.problem(f"weights[{name!r}]", w) for name, w in weights.items()]
        if not any(problem for problem in found[3:]) and not any(w > 0 for w in weights.values()):
            found.append("weights: at least one must be positive.")
        return [problem for problem in found if problem is not None]

    @property
    def _weights(self) -> Mapping[str, float]:
        weights = DEFAULT_WEIGHTS if self.weights is None else self.weights
        return dict(sorted(weights.items()))

    @property
    def value_kind(self) -> ValueKind | None:
        """The kind of the values, None if only the data can say."""
        if self.domain is not None:
            return self.domain.kind
        if self.by in ("hour", "month"):
            return "number"
        return ("date" if self.by == "date" else "text") if self.by in _TEXTS else None

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns of the order lines that it reads, beside the roles; None for any."""
        return (self.by,)

    def lacks(self, context: TagContext) -> str | None:
        """Say what the tag needs that the context does not have; None if nothing."""
        if context.has_line_column(self.by) or self._event_lines(context) is not None:
            return None
        return f"the column '{self.by}' of the orders, items or events"

    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:  # noqa: ARG002
        """Return every customer's value; see `Tag.evaluate`.

        Raises
        ------
        MissingColumnError
            If neither orders, items nor events have the column.
        """
        scores = self._scores(context)
        if self.rank == 1:
            chosen = best_rows(scores.customer, scores.score)
        else:
            order, rank = ranked_rows(scores.customer, scores.code, scores.score)
            chosen = order[rank == self.rank - 1]
        codes = np.full(len(context.customer_ids), -1, dtype=np.int64)
        codes[scores.customer[chosen]] = scores.code[chosen]
        return scores.values.column(codes)

    def scores(self, context: TagContext, *, top: int | None = None) -> pd.DataFrame:
        """Return the scores behind the tag.

        Parameters
        ----------
        context : TagContext
        top : int, optional
            How many values of each customer; by default all.

        Returns
        -------
        DataFrame
            `customer_id`, `value`, `score` (float64, greater than 0); by customer, best
            first.
        """
        scores = self._scores(context)
        order, rank = ranked_rows(scores.customer, scores.code, scores.score)
        if top is not None:
            order = order[rank < top]
        column = scores.values.column(scores.code[order])
        return pd.DataFrame(
            {
                "customer_id": context.customer_ids[scores.customer[order]],
                "value": column.to_list(),
                "score": scores.score[order],
            }
        )

    # --- what must be known of all customers ---------------------------------------------------

    @property
    def learns(self) -> bool:
        """Whether a value depends on other customers: on how many have each value."""
        return self.idf

    def evidence(self, context: TagContext) -> dict[str, Any]:
        """Count the customers that have an interest, and those of each value."""
        interests = self._interests(context)
        n_liking = np.bincount(interests.code, minlength=len(interests.values.distinct))
        liked = np.flatnonzero(n_liking)
        return {
            "n": len(np.unique(interests.customer)),
            "values": interests.values.distinct[liked].tolist(),
            "counts": n_liking[liked].tolist(),
        }

    def learn(self, evidence: Sequence[Any]) -> dict[str, Any]:
        """Add up the counts; see `Tag.learn`."""
        counts: dict[Any, int] = {}
        for one in evidence:
            for value, n in zip(one["values"], one["counts"], strict=True):
                counts[value] = counts.get(value, 0) + n
        return {
            "n": sum(one["n"] for one in evidence),
            "values": list(counts),
            "counts": list(counts.values()),
        }

    @property
    def _key(self) -> tuple[Any, ...]:
        weights = tuple(self._weights.items())
        return (self.by, self.half_life_days, weights, self.window_days, self.zone)

    def _interests(self, context: TagContext) -> _Interests:
        key = ("interests", *self._key)
        return context.shared(key, lambda: self._make_interests(context))

    def _scores(self, context: TagContext) -> _Scores:
        key = ("preference", *self._key, self.idf)
        return context.shared(key, lambda: self._make_scores(context))

    def _make_scores(self, context: TagContext) -> _Scores:
        """Turn interests into term frequency times inverse document frequency."""
        customer, code, interest, values = self._interests(context)
        score = Interests(customer, code, interest).share
        if self.idf:
            learned = context.learned(self)
            score = score * rarity(learned["n"], _looked_up(learned, values))[code]
        return _Scores(customer, code, score, values)

    def _make_interests(self, context: TagContext) -> _Interests:
        parts = self._behaviour(context)
        codes, distinct = unite([part.values for part in parts])
        divisor = parts[0].values.divisor
        values = Values(np.zeros(0, dtype=np.int32), distinct, divisor)
        customer = np.concatenate([part.customer for part in parts]).astype(np.int64)
        code = np.concatenate(codes).astype(np.int64)
        day = np.concatenate([part.day for part in parts])
        behaviour = np.concatenate([part.behaviour for part in parts])
        kept = code >= 0
        if self.window_days is not None:
            kept &= day > context.today - self.window_days
        if not kept.all():
            customer, code, day, behaviour = (a[kept] for a in (customer, code, day, behaviour))
        parted, times = count_distinct([customer, code, day, behaviour])
        weights = list(self._weights.values())
        customer, code, day, behaviour = parted
        half_life = self.half_life_days
        found = fade(
            customer, code, day, behaviour, times, weights=weights, half_life_days=half_life
        )
        return _Interests(*found, values)

    # --- behaviour -------------------------------------------------------------------------

    def _behaviour(self, context: TagContext) -> list[_Behaviour]:
        events = self._event_lines(context)
        parts = [] if events is None else [self._of_events(events)]
        source = context.lines_with(self.by)
        values = source.values(self.by, self.zone)
        if values is not None:
            parts.insert(0, self._of_orders(source, values))
        if not parts:
            known = sorted({*context.line_columns, "hour", "weekday", "month"})
            raise MissingColumnError(self.by, known, f"tag '{self.name}'")
        return parts

    def _of_orders(self, source: Lines, values: Values) -> _Behaviour:
        names = list(self._weights)
        place = [names.index(name) if name in names else -1 for name in _FROM_ORDERS]
        behaviour = np.where(source.is_return, place[1], place[0])
        return _kept(source, values, behaviour)

    @property
    def counts_events(self) -> bool:
        """Whether some events count, beside purchases and returns."""
        return bool(set(self._weights) - set(_FROM_ORDERS))

    def _event_lines(self, context: TagContext) -> Lines | None:
        """Return the events if some of them count and can say the value."""
        if context.events is None or not self.counts_events:
            return None
        lines = context.event_lines(self.by)
        return lines if lines is not None and lines.values(self.by, self.zone) else None

    def _of_events(self, lines: Lines) -> _Behaviour:
        events, values = lines.values("event"), lines.values(self.by, self.zone)
        assert events is not None  # noqa: S101
        assert values is not None  # noqa: S101
        names = {name: i for i, name in enumerate(self._weights) if name not in _FROM_ORDERS}
        place = np.array([*(names.get(str(e), -1) for e in events.distinct), -1], dtype=np.int64)
        return _kept(lines, values, place[events.codes])

    def describe(self) -> str:
        """Say in words how the values are made."""
        weights = ", ".join(f"{name} {w:g}" for name, w in self._weights.items())
        rank = "" if self.rank == 1 else f" of rank {self.rank}"
        window = "" if self.window_days is None else f" in the last {self.window_days} days"
        idf = "weighted by rarity" if self.idf else "not weighted by rarity"
        return (
            f"preferred '{self.by}'{rank} from behaviour{window} ({weights}), halved every "
            f"{self.half_life_days:g} days, {idf}"
        )


class _Behaviour(NamedTuple):
    """Lines that count, as parallel arrays."""

    customer: NDArray[Any]
    day: NDArray[np.int64]
    behaviour: NDArray[np.int64]
    values: Values


def _looked_up(learned: Mapping[str, Any], values: Values) -> NDArray[np.int64]:
    """Return how many customers have each distinct value."""
    known: pd.Index[Any] = pd.Index(learned["values"])
    counts = np.append(np.array(learned["counts"], dtype=np.int64), 0)
    return np.asarray(counts[known.get_indexer(pd.Index(values.distinct))])


def _kept(lines: Lines, values: Values, behaviour: NDArray[Any]) -> _Behaviour:
    rows = behaviour >= 0
    return _Behaviour(
        lines.customer[rows], lines.day[rows], behaviour[rows].astype(np.int64), values.take(rows)
    )
