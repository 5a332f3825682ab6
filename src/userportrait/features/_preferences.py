"""What customers prefer, from behaviour that fades, as a state that merges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from userportrait._core import frames
from userportrait._core.display import definition_list, page_fragment
from userportrait._core.entries import Entries
from userportrait._core.params import Between, Optional
from userportrait._core.state import BatchIds, check_other, pack, unpack
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.features._behaviour_windows import checked_customers
from userportrait.features._events_counts import is_new
from userportrait.features._events_days import codes_of, day_limit
from userportrait.features._habits_tiers import PriceTiers, learn_price_tiers
from userportrait.features._preferences_lines import ItemValues, as_table, read_lines
from userportrait.features._preferences_scores import (
    DEFAULT_WEIGHTS,
    Interests,
    fade,
    ranked_rows,
    rarity,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from userportrait.data import Events, Items
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["PreferenceSummary"]

_KIND = "UPPF"
_VERSION = 1
_OF_ORDERS, _OF_EVENTS = 0, 1
_KEYS = ("customer_id", "value", "bucket", "source", "behaviour")


class PreferenceSummary:
    r"""What customers prefer, from behaviour that fades with time, as a state that merges.

    `update` folds in events or order lines, `merge` joins two states, `finalize` scores each
    customer's values. Any split of the rows, in any order, on any engine, gives the same
    scores, bit for bit.

    Parameters
    ----------
    by : str, default='item_id'
        What is preferred: a column of the events and order lines, or of the items, such as
        ``'category'`` or ``'brand'``; or ``'price_band'``, which is made of the items' prices.
    half_life_days : float, default=90
        After so many days a behaviour counts half.
    weights : mapping of str to float, optional
        What each behaviour counts. ``'purchase'`` and ``'return'`` come from order lines,
        other names are values of the events' column `event`; a behaviour that is not named
        does not count. By default purchase 1, return -1, cart 0.3, view 0.1.
    idf : bool, default=True
        Whether values that few customers have weigh more.
    window_days : int, optional
        Only the last so many days, UTC.
    items : Items or frame, optional
        What is sold, with the column `by` (or `price`). A state that was read from bytes has
        no items; give them to `update` then.
    price_band_edges : sequence of float, optional
        Limits of the price bands; see `PriceTiers`. By default the quartiles of the items'
        prices, learned when the state is made.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.
    MissingColumnError
        If the items lack the column.

    Notes
    -----
    The state keeps whole counts of customer, value, behaviour and day. Interest, score and
    ties are those of `userportrait.tags.PreferenceTag`: counts are weighted and halved with
    time, and term frequency times inverse document frequency [1]_ is the score.

    Purchases are told twice where a shop has orders and events. Once a state has seen an
    order line, purchases are taken from order lines alone; before that, events named
    ``'purchase'`` and ``'return'`` count. The value of a row is that of its own column if it
    has one, and that of its item otherwise; rows without a value do not count.

    References
    ----------
    .. [1] Salton and Buckley (1988), "Term-weighting approaches in automatic text
       retrieval", Information Processing and Management 24(5), 513-523.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "ann"],
    ...         "event": ["purchase", "view", "view"],
    ...         "occurred_at": pd.to_datetime(["2025-01-05", "2026-01-06", "2026-02-01"]),
    ...         "item_id": ["p1", "p2", "p2"],
    ...     }
    ... )
    >>> items = pd.DataFrame({"item_id": ["p1", "p2"], "category": ["tea", "cups"]})
    >>> PreferenceSummary("category", items=items).update(frame).finalize()
      customer_id value     score     share
    0         ann  cups  0.788263  0.788263
    1         ann   tea  0.211737  0.211737
    """

    def __init__(
        self,
        by: str = "item_id",
        *,
        half_life_days: float = 90,
        weights: Mapping[str, float] | None = None,
        idf: bool = True,
        window_days: int | None = None,
        items: Items | IntoFrame | None = None,
        price_band_edges: Sequence[float] | None = None,
    ) -> None:
        told = dict(sorted((DEFAULT_WEIGHTS if weights is None else weights).items()))
        _check(by, half_life_days, told, window_days, price_band_edges)
        edges = price_band_edges
        if by == "price_band" and edges is None:
            if items is None:
                problem = "by='price_band' needs price_band_edges, or items to learn them from."
                raise InvalidParameterError("PreferenceSummary", [problem])
            edges = learn_price_tiers(items, n_tiers=4).edges
        self._settings: dict[str, Any] = {
            "by": by,
            "half_life_days": float(half_life_days),
            "weights": {name: float(weight) for name, weight in told.items()},
            "idf": bool(idf),
            "window_days": window_days,
            "price_band_edges": None if edges is None else list(PriceTiers(edges).edges),
        }
        self._items: ItemValues | None = self._values_of(items)
        self._entries: Entries = Entries(_KEYS, ["n"])
        self._has_orders: bool = False
        self._batch_ids: BatchIds = BatchIds()

    def _values_of(self, items: Items | IntoFrame | None) -> ItemValues | None:
        if items is None:
            return None
        edges = self._settings["price_band_edges"]
        tiers = None if edges is None else PriceTiers(edges)
        return ItemValues.of(items, self._settings["by"], tiers)

    def update(
        self,
        batch: Events | Orders | IntoFrame,
        *,
        batch_id: str | None = None,
        items: Items | IntoFrame | None = None,
    ) -> Self:
        """Fold events or order lines into the state and return it.

        Parameters
        ----------
        batch : Events, Orders or frame
            A raw frame with `order_id` and `ordered_at` is taken as order lines, any other as
            events.
        batch_id : str, optional
            The batch's name. It is remembered, so that the batch cannot count twice.
        items : Items or frame, optional
            What is sold, if it has changed; for this batch and all later ones. What earlier
            batches have counted stays.

        Raises
        ------
        DuplicateBatchError
            If a batch of this name is in the state already.
        MissingColumnError
            If neither the batch nor the items have the column `by`.
        InvalidDataError
            If IDs or values are texts in one batch and whole numbers in another.
        """
        owner = "PreferenceSummary.update"
        self._batch_ids.check_new(batch_id, owner=owner)
        values = self._items if items is None else self._values_of(items)
        table = as_table(batch)
        inner = frames.enter(table.frame)
        has_orders = isinstance(table, Orders)
        if frames.is_large(inner, len(table)):
            entries = self._joined_parts(inner, values)
        else:
            entries = self._entries.copy()
            entries.add(self._columns(table, values))
        self._entries, self._items = entries, values
        self._has_orders |= has_orders
        self._batch_ids = self._batch_ids.add(batch_id)
        return self

    def _joined_parts(self, inner: frames.Frame, values: ItemValues | None) -> Entries:
        settings = self._settings

        def reduce(part: Any) -> bytes:
            state = PreferenceSummary(**settings)
            state._items = values
            return (state.update(part) if len(part) else state).to_bytes()

        entries = self._entries
        for payload in frames.collect_batches(inner, reduce):
            entries = entries.join(self.from_bytes(payload)._entries)  # noqa: SLF001
        return entries

    def _columns(self, table: Events | Orders, values: ItemValues | None) -> dict[str, Any]:
        lines = read_lines(table, self._settings["by"], list(self._settings["weights"]), values)
        n = len(lines.bucket)
        source = _OF_ORDERS if isinstance(table, Orders) else _OF_EVENTS
        return {
            "customer_id": lines.customer,
            "value": lines.value,
            "bucket": lines.bucket,
            "source": np.full(n, source, dtype=np.int64),
            "behaviour": lines.behaviour,
            "n": np.ones(n, dtype=np.int64),
        }

    def merge(self, other: Self) -> Self:
        """Return the state of both; neither is changed.

        Raises
        ------
        DuplicateBatchError
            If both hold a batch of the same name.
        InvalidDataError
            If IDs or values are texts in one and whole numbers in the other.
        InvalidParameterError
            If their settings differ, or `other` is no such state.
        """
        check_other(PreferenceSummary, other)
        mine, its = self._settings, other._settings
        problems = [f"{n} differs: {mine[n]!r} and {its[n]!r}." for n in mine if mine[n] != its[n]]
        if problems:
            raise InvalidParameterError("PreferenceSummary.merge", problems)
        merged = type(self)(**mine)
        merged._entries = self._entries.join(other._entries)  # noqa: SLF001
        merged._batch_ids = self._batch_ids.join(other._batch_ids)  # noqa: SLF001
        merged._has_orders = self._has_orders or other._has_orders  # noqa: SLF001
        merged._items = other._items if self._items is None else self._items  # noqa: SLF001
        return merged

    def finalize(
        self, as_of: object = None, *, top: int | None = None, engine: frames.Engine = "pandas"
    ) -> Any:
        """Return each customer's values with a positive interest, best first.

        Parameters
        ----------
        as_of : datetime, date or ISO 8601 text, optional
            A midnight, or a moment after the newest day; later rows are not used. By default
            all rows count.
        top : int, optional
            How many values of each customer; by default all.
        engine : str, default='pandas'
            The library of the result: ``'pandas'``, ``'polars'``, ``'polars-lazy'``,
            ``'pyarrow'`` or ``'duckdb'``.

        Returns
        -------
        frame
            `customer_id`, `value`, `score` and `share`: the value's share of all of the
            customer's interest. Sorted by customer, then by falling score; scores that agree
            to 12 decimals are ties, which go to the smallest value.

        Raises
        ------
        InvalidDataError
            If the state is empty.
        InvalidParameterError
            If `as_of` or `top` does not fit.
        """
        owner = "PreferenceSummary.finalize"
        problem = Optional(Between(1, 2**31, integer=True)).problem("top", top)
        if problem is not None:
            raise InvalidParameterError(owner, [problem])
        interests, customer_ids, values = self._interests(as_of, owner)
        customer, code, _ = interests
        share = interests.share
        score = share
        if self._settings["idf"]:
            n_liking = np.bincount(code, minlength=len(values))
            score = share * rarity(int(is_new(customer).sum()), n_liking)[code]
        order, rank = ranked_rows(customer, code, score)
        if top is not None:
            order = order[rank < top]
        columns = {
            "customer_id": customer_ids[customer[order]],
            "value": values[code[order]],
            "score": score[order],
            "share": share[order],
        }
        return frames.from_arrays(columns, engine)

    def _interests(self, as_of: object, owner: str) -> tuple[Interests, Any, Any]:
        if not self._entries:
            message = f"{owner}: the state is empty. Update it with events or order lines first."
            raise InvalidDataError(message)
        columns: dict[str, Any] = self._entries.packed()
        bucket, behaviour, source = (columns[n] for n in ("bucket", "behaviour", "source"))
        low, high = int(bucket.min()), int(bucket.max())
        limit, today = day_limit(as_of, low, high, owner=owner, what="event or order")
        kept = bucket <= limit
        if self._settings["window_days"] is not None:
            kept &= (bucket >> 1) > today - self._settings["window_days"]
        if self._has_orders:
            names = list(self._settings["weights"])
            twice = [i for i, name in enumerate(names) if name in ("purchase", "return")]
            kept &= (source == _OF_ORDERS) | ~np.isin(behaviour, twice)
        customer, customer_ids = codes_of(columns["customer_id"], presorted=True)
        code, values = codes_of(columns["value"])
        # A day has two buckets, and a behaviour may come from two sources: add them up.
        sums = Entries(["customer", "code", "day", "behaviour"], ["n"])
        sums.add(
            {
                "customer": customer[kept],
                "code": code[kept],
                "day": bucket[kept] >> 1,
                "behaviour": behaviour[kept],
                "n": columns["n"][kept],
            }
        )
        rows: dict[str, Any] = sums.packed() or dict.fromkeys(
            ("customer", "code", "day", "behaviour", "n"), np.zeros(0, dtype=np.int64)
        )
        interests = fade(
            *(rows[name] for name in ("customer", "code", "day", "behaviour", "n")),
            weights=list(self._settings["weights"].values()),
            half_life_days=self._settings["half_life_days"],
        )
        return interests, customer_ids, values

    @property
    def price_bands(self) -> PriceTiers | None:
        """The price bands; None if `by` is something else."""
        edges = self._settings["price_band_edges"]
        return None if edges is None else PriceTiers(edges)

    @property
    def n_customers(self) -> int:
        """How many customers the state knows."""
        return len(self._entries.distinct("customer_id"))

    @property
    def batch_ids(self) -> Collection[str]:
        """The names of the batches that were given with one; tests membership with ``in``."""
        return self._batch_ids

    def forget(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase customers; ignore unknown ones; return how many were there.

        The names of batches stay: a batch that comes again is still refused.
        """
        chosen = checked_customers(customer_ids, owner="PreferenceSummary.forget")
        self._entries, n = self._entries.without("customer_id", chosen)
        return n

    def to_bytes(self) -> bytes:
        """Serialise, with a version; the same content always gives the same bytes.

        The items are not in it.
        """
        facts = {
            "settings": self._settings,
            "has_orders": self._has_orders,
            "batch_ids": self._batch_ids.to_json(),
        }
        return pack(_KIND, _VERSION, facts, {"entries": self._entries.packed()})

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are not a preference summary, or from a later version.
        """
        _, facts, tables = unpack(payload, _KIND, _VERSION, "preference summary", coded=True)
        state = cls(**facts["settings"])
        if tables["entries"]:
            state._entries.add(tables["entries"])
        state._has_orders = bool(facts["has_orders"])
        state._batch_ids = BatchIds.from_json(facts["batch_ids"])
        return state

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PreferenceSummary):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        message = "a PreferenceSummary changes with update, so it cannot be a key."
        raise TypeError(message)

    def __repr__(self) -> str:
        by, n = self._settings["by"], self._entries.n_rows
        return f"<PreferenceSummary by {by}: {self.n_customers:,} customers, {n:,} entries>"

    def _repr_html_(self) -> str:
        rows = {
            "by": self._settings["by"],
            "customers": f"{self.n_customers:,}",
            "entries": f"{self._entries.n_rows:,}",
            "weights": ", ".join(f"{n} {w:g}" for n, w in self._settings["weights"].items()),
            "named batches": f"{len(self._batch_ids):,}",
        }
        return page_fragment("PreferenceSummary", definition_list(rows))


def _check(
    by: object,
    half_life_days: object,
    weights: Mapping[str, float],
    window_days: object,
    price_band_edges: Sequence[float] | None,
) -> None:
    named = isinstance(by, str) and by not in ("", "customer_id")
    found = [
        None if named else f"by must be the name of a column; got {by!r}.",
        Between(0, 36_500, open_low=True).problem("half_life_days", half_life_days),
        Optional(Between(1, 36_500, integer=True)).problem("window_days", window_days),
    ]
    limits = Between(-1e9, 1e9)
    bad = [limits.problem(f"weights[{name!r}]", weight) for name, weight in weights.items()]
    if not any(bad) and not any(weight > 0 for weight in weights.values()):
        bad.append("weights: at least one must be positive.")
    if price_band_edges is not None and by != "price_band":
        bad.append(f"price_band_edges are for by='price_band'; by is {by!r}.")
    problems = [problem for problem in (*found, *bad) if problem is not None]
    if problems:
        raise InvalidParameterError("PreferenceSummary", problems)
