"""Sequences: what each customer bought or did, step after step, as sparse arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait.data import Events
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.patterns._baskets import Baskets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = ["IntoSequences", "Sequences", "as_sequences"]


class Sequences:
    """What each customer did, step after step; a step is a set of items at one moment.

    Use `from_baskets`, `from_events` or `from_lists`.

    Parameters
    ----------
    step_ptr : ndarray of int64 of shape (n_customers + 1,)
        Where each customer's steps begin.
    item_ptr : ndarray of int64 of shape (n_steps + 1,)
        Where each step's items begin. No step is empty.
    indices : ndarray of int32
        Item codes, ascending and different in each step.
    items : ndarray of shape (n_items,)
        The item of each code, ascending.
    customer_ids : ndarray of shape (n_customers,)
        Each customer once. A customer without a step counts too.
    at : ndarray of int64 of shape (n_steps,), optional
        Microseconds since 1970-01-01 UTC, ascending within a customer. Without it steps have
        an order and no distance in days.
    ignored : dict of str to int, optional
        What was left out, and how many of it.

    Notes
    -----
    What one customer buys at one moment, in however many baskets, is one step: there is no
    order in it. An item counts once in a step. Empty baskets are no steps.

    See Also
    --------
    mine_sequences : Frequent patterns of such sequences.

    Examples
    --------
    >>> sequences = Sequences.from_lists([[{"pot", "tea"}, {"tea"}], [["tea"], ["cup"]]])
    >>> sequences
    <Sequences: 2 customers, 4 steps, 3 items>
    """

    def __init__(
        self,
        step_ptr: NDArray[np.int64],
        item_ptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        items: NDArray[Any],
        customer_ids: NDArray[Any],
        *,
        at: NDArray[np.int64] | None = None,
        ignored: dict[str, int] | None = None,
    ) -> None:
        self.step_ptr: NDArray[np.int64] = step_ptr
        self.item_ptr: NDArray[np.int64] = item_ptr
        self.indices: NDArray[np.int32] = indices
        self.items: NDArray[Any] = items
        self.customer_ids: NDArray[Any] = customer_ids
        self.at: NDArray[np.int64] | None = at
        self.ignored: dict[str, int] = ignored or {}

    @classmethod
    def from_baskets(cls, baskets: Baskets) -> Sequences:
        """Take each customer's baskets in the order of their times.

        Parameters
        ----------
        baskets : Baskets
            With customers and times. Baskets of no customer are left out and counted in
            `ignored`; customers with empty baskets alone stay, without a step.

        Raises
        ------
        InvalidDataError
            If the baskets have no customers or no times.

        Examples
        --------
        >>> import userportrait as up
        >>> shop = up.make_shop(n_customers=50, random_state=0)
        >>> Sequences.from_baskets(Baskets.from_orders(shop.orders))
        <Sequences: 45 customers, 295 steps, 71 items>
        """
        customers, at = baskets.customers, baskets.at
        for values, what in ((customers, "customers"), (at, "times")):
            if values is None:
                message = (
                    f"Sequences.from_baskets: the baskets have no {what}, and sequences need "
                    f"them. Make the baskets with Baskets.from_orders, or from a frame with "
                    f"customer and time columns, or use Sequences.from_lists."
                )
                raise InvalidDataError(message)
        assert customers is not None  # noqa: S101  # said above; for the type checker
        assert at is not None  # noqa: S101
        ids = baskets.customer_ids
        names = np.arange(int(customers.max(initial=-1)) + 1) if ids is None else ids
        row = np.repeat(np.arange(len(customers)), np.diff(baskets.indptr))
        row_of_known = row[customers[row] >= 0]
        codes = baskets.indices[customers[row] >= 0]
        present = np.zeros(len(names), dtype=bool)
        present[customers[customers >= 0]] = True
        rank = (np.cumsum(present) - 1).astype(np.int64)
        found = _assemble(
            rank[customers[row_of_known]],
            int(present.sum()),
            at[row_of_known].astype(np.int64),
            codes,
        )
        lost = int(np.count_nonzero(customers < 0))
        ignored = {"baskets without a customer": lost} if lost else {}
        return cls(*found[:3], baskets.items, names[present], at=found[3], ignored=ignored)

    @classmethod
    def from_events(cls, events: Events | IntoFrame, *, step: str = "event") -> Sequences:
        """Take each customer's events in the order of their times.

        Parameters
        ----------
        events : Events or frame
            A raw frame must have canonical names.
        step : str, default='event'
            The column that says what happened: ``"event"`` for the kinds of events,
            ``"item_id"`` for the items, or another column of integers or texts. Events
            without a value there are left out and counted in `ignored`.

        Raises
        ------
        MissingColumnError
            If there is no such column.

        Examples
        --------
        >>> import pandas as pd
        >>> log = pd.DataFrame(
        ...     {
        ...         "customer_id": ["ann", "ann", "bo"],
        ...         "event": ["view", "cart", "view"],
        ...         "occurred_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-01-05"]),
        ...     }
        ... )
        >>> Sequences.from_events(log)
        <Sequences: 2 customers, 3 steps, 2 items>
        """
        table = events if isinstance(events, Events) else Events(events)
        if step not in table.columns:
            raise MissingColumnError(step, table.columns, "step")
        inner = frames.with_epoch_micros(
            frames.lazily(frames.enter(table.frame)), "occurred_at", "__at"
        )
        inner = frames.select_columns(inner, list(dict.fromkeys(["customer_id", step, "__at"])))
        arrays = frames.collect_arrays(inner, frames.column_names(inner))
        customer, ids = code_values(arrays["customer_id"])
        code, items = _code_items(arrays[step])
        known = code >= 0
        lost = int(np.count_nonzero(~known))
        found = _assemble(
            customer[known].astype(np.int64),
            len(ids),
            arrays["__at"][known].astype(np.int64),
            code[known],
        )
        ignored = {f"events without '{step}'": lost} if lost else {}
        return cls(*found[:3], items, ids, at=found[3], ignored=ignored)

    @classmethod
    def from_lists(
        cls,
        lists: Iterable[Iterable[Any]],
        *,
        at: Sequence[Sequence[Any]] | None = None,
        customer_ids: Sequence[Any] | None = None,
    ) -> Sequences:
        """Take sequences as lists of steps.

        Parameters
        ----------
        lists : iterable of sequences
            One sequence for each customer; a step is a set, list or tuple of items, or one
            item. Items are all texts or all integers. Empty steps are left out and counted
            in `ignored`.
        at : sequence of sequences of times, optional
            The time of each step, in the form of `lists`. Then steps are ordered by time, and
            those of one moment are one step. Without it the order given counts.
        customer_ids : sequence, optional
            By default 0, 1, 2, …

        Raises
        ------
        InvalidDataError
            If items are neither texts nor integers, or the lengths differ.

        Examples
        --------
        >>> Sequences.from_lists([["view", "cart"], ["view"]])
        <Sequences: 2 customers, 3 steps, 2 items>
        """
        steps = [[_as_step(step) for step in sequence] for sequence in lists]
        ids = _checked_ids(customer_ids, len(steps))
        sizes = [len(step) for sequence in steps for step in sequence]
        values = [item for sequence in steps for step in sequence for item in step]
        codes, items = _code_items(_as_column(values))
        owner = np.repeat(np.arange(len(steps)), [len(sequence) for sequence in steps])
        moments = _moments(at, [len(sequence) for sequence in steps])
        row = np.repeat(np.arange(len(sizes)), sizes)
        order = np.arange(len(sizes)) if moments is None else moments
        found = _assemble(owner[row], len(steps), order[row], codes)
        lost = sizes.count(0)
        times = None if moments is None else found[3]
        ignored = {"empty steps": lost} if lost else {}
        return cls(*found[:3], items, ids, at=times, ignored=ignored)

    def where(self, mask: NDArray[np.bool_]) -> Sequences:
        """Return the sequences of some customers; the vocabulary stays.

        Parameters
        ----------
        mask : ndarray of bool of shape (n_customers,)

        Examples
        --------
        >>> sequences = Sequences.from_lists([["view", "cart"], ["view"]])
        >>> sequences.where(np.array([False, True]))
        <Sequences: 1 customer, 1 step, 2 items>
        """
        sizes = np.diff(self.step_ptr)
        steps = np.repeat(mask, sizes)
        item_sizes = np.diff(self.item_ptr)
        return Sequences(
            np.concatenate(([0], np.cumsum(sizes[mask]))).astype(np.int64),
            np.concatenate(([0], np.cumsum(item_sizes[steps]))).astype(np.int64),
            self.indices[np.repeat(steps, item_sizes)],
            self.items,
            self.customer_ids[mask],
            at=None if self.at is None else self.at[steps],
            ignored=self.ignored,
        )

    @property
    def n_customers(self) -> int:
        """Customers, those without a step included."""
        return len(self.step_ptr) - 1

    @property
    def n_steps(self) -> int:
        """Steps of all customers."""
        return len(self.item_ptr) - 1

    def __len__(self) -> int:
        return self.n_customers

    def _figures(self) -> dict[str, str]:
        return {
            "customers": format_count(self.n_customers, "customer"),
            "steps": format_count(self.n_steps, "step"),
            "items": format_count(len(self.items), "item"),
        }

    def __repr__(self) -> str:
        return f"<Sequences: {', '.join(self._figures().values())}>"

    def _repr_html_(self) -> str:
        rows = {
            "customers": f"{self.n_customers:,}",
            "steps": f"{self.n_steps:,}",
            "items": f"{len(self.items):,}",
            "entries": f"{len(self.indices):,}",
            "times": "no" if self.at is None else "yes",
            **{f"left out: {what}": f"{n:,}" for what, n in self.ignored.items()},
        }
        return page_fragment("Sequences", definition_list(rows))


IntoSequences: TypeAlias = Sequences | Baskets | Events
"""What the miners of sequences read."""


def as_sequences(data: IntoSequences, *, owner: str) -> Sequences:
    """Return the sequences of what was given."""
    given: Any = data
    if isinstance(given, Sequences):
        return given
    if isinstance(given, Baskets):
        return Sequences.from_baskets(given)
    if isinstance(given, Events):
        return Sequences.from_events(given)
    problem = (
        f"the data must be Sequences, Baskets with customers and times, or Events; got "
        f"{type(given).__name__}. Sequences.from_lists takes lists."
    )
    raise InvalidParameterError(owner, [problem])


def _assemble(
    customer: NDArray[np.int64], n_customers: int, at: NDArray[np.int64], code: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Return step_ptr, item_ptr, indices and the steps' times of single entries in any order."""
    order = np.lexsort((code, at, customer))
    customer, at, code = customer[order], at[order], code[order]
    new = np.ones(len(code), dtype=bool)
    new[1:] = (customer[1:] != customer[:-1]) | (at[1:] != at[:-1])
    other = np.ones(len(code), dtype=bool)
    other[1:] = new[1:] | (code[1:] != code[:-1])
    starts = np.flatnonzero(new[other])
    item_ptr = np.append(starts, np.count_nonzero(other)).astype(np.int64)
    steps = np.bincount(customer[new], minlength=n_customers)
    step_ptr = np.concatenate(([0], np.cumsum(steps))).astype(np.int64)
    return step_ptr, item_ptr, code[other].astype(np.int32), at[new]


def _as_step(step: Any) -> list[Any]:
    if isinstance(step, (str, bytes)) or not hasattr(step, "__iter__"):
        return [step]
    return list(step)


def _as_column(values: list[Any]) -> NDArray[Any]:
    """Return integers as int64 and texts as objects; refuse anything else."""
    texts = sum(isinstance(value, str) for value in values)
    if texts == len(values):
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column
    whole = [isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values]
    if not all(whole):
        message = (
            "Sequences.from_lists: items must be all texts or all integers. Convert them, for "
            "example with str."
        )
        rows = [row for row, fits in enumerate(whole) if not fits]
        raise InvalidDataError(message, column="items", rows=rows[:5], n_rows=len(rows))
    return np.array(values, dtype=np.int64)


def _code_items(values: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    if values.dtype.kind == "f":  # integers, some of them missing
        codes = np.full(len(values), -1, dtype=np.int32)
        known = ~np.isnan(values)
        codes[known], items = code_values(values[known])
        whole = items.astype(np.int64)
        return codes, whole if np.array_equal(whole, items) else items
    if values.dtype.kind in "bM":
        message = "steps must be integers or texts. Convert the column first."
        raise InvalidDataError(message)
    return code_values(values)


def _checked_ids(customer_ids: Sequence[Any] | None, n: int) -> NDArray[Any]:
    if customer_ids is None:
        return np.arange(n)
    ids = _as_column(list(customer_ids))
    if len(ids) != n or len(pd.unique(pd.Series(ids))) != n:
        message = (
            f"Sequences.from_lists: customer_ids must hold a different ID for each of the {n} "
            f"sequences; got {len(ids)} IDs. Leave it out for 0, 1, 2, …"
        )
        raise InvalidDataError(message, column="customer_ids")
    return ids


def _moments(at: Sequence[Sequence[Any]] | None, lengths: list[int]) -> NDArray[np.int64] | None:
    """Return the times of all steps as microseconds."""
    if at is None:
        return None
    given = [list(times) for times in at]
    wrong = [n for n, (t, m) in enumerate(zip(given, lengths, strict=False)) if len(t) != m]
    if len(given) != len(lengths) or wrong:
        message = "Sequences.from_lists: `at` must hold one time for each step of `lists`."
        raise InvalidDataError(message, column="at", rows=wrong[:5], n_rows=len(wrong))
    flat = pd.to_datetime(pd.Series([t for times in given for t in times], dtype=object), utc=True)
    found = flat.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    missing = np.flatnonzero(np.isnat(found))
    if len(missing):
        message = "Sequences.from_lists: times are missing; every step needs one."
        raise InvalidDataError(message, column="at", rows=missing[:5].tolist(), n_rows=len(missing))
    return found.view(np.int64)
