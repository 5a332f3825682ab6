"""Does a class keep the promises of a mergeable state?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.errors import DuplicateBatchError, UserPortraitError
from userportrait.testing._promises import (
    check_promises,
    expect,
    missing_methods,
    promise_into,
)

if TYPE_CHECKING:
    from userportrait.typing import Mergeable

__all__ = ["check_mergeable"]

_METHODS = ("finalize", "forget", "from_bytes", "merge", "to_bytes", "update")
_PARTITIONS = 5


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """What the checks have in common."""

    make_state: Callable[[], Any]
    batches: Sequence[Any]
    as_of: Any
    refused: Sequence[Any]
    customer_ids: Sequence[Any]

    def fold(self, order: Sequence[int]) -> Any:
        """Return a state of some batches; every other one has a name."""
        state = self.make_state()
        for place in order:
            name = f"batch/{place}" if place % 2 else None
            state = state.update(self.batches[place], batch_id=name)
        return state

    def whole(self) -> Any:
        return self.fold(range(len(self.batches)))

    def result(self, state: Any) -> Any:
        return state.finalize(self.as_of)


Check: TypeAlias = "Callable[[_Case], None]"
_PROMISES: dict[str, Check] = {}
_promise = promise_into(_PROMISES)


def check_mergeable(
    make_state: Callable[[], Mergeable],
    batches: Sequence[Any],
    *,
    as_of: Any,
    refused: Sequence[Any] = (),
    customer_ids: Sequence[Any] | None = None,
) -> None:
    """Check that a state keeps every promise of `userportrait.typing.Mergeable`.

    Put it in your own tests. The states of this library pass the same checks.

    Parameters
    ----------
    make_state : callable
        Called without arguments, about 50 times; returns a new, empty state each time.
    batches : sequence
        Two or more batches that `update` takes, not empty, with customers in common. The
        more they differ, the better: rows of one customer in several batches, times out
        of order, frames of several engines.
    as_of : datetime, date or ISO 8601 text
        The moment for `finalize`.
    refused : sequence, default=()
        Batches that `update` has to refuse once the others are folded in, such as one
        whose IDs have another type. An object that is no frame is tried too.
    customer_ids : sequence of int or str, optional
        Customers of the batches, for `forget`; by default the column `customer_id` of the
        result.

    Raises
    ------
    AssertionError
        If a promise is broken. The message names every broken promise and what was seen
        instead; the first error is its cause.

    Notes
    -----
    States are compared by `to_bytes`, which must be equal for equal contents, and by their
    results, bit for bit.

    Examples
    --------
    >>> from userportrait.data import make_shop
    >>> from userportrait.features import CustomerSummary
    >>> lines = make_shop(n_customers=20, random_state=0).orders.to_pandas()
    >>> check_mergeable(CustomerSummary, [lines[:30], lines[30:]], as_of="2026-06-30")
    """
    state: Any = make_state()
    # `batch_ids` is no method but a property.
    names = _METHODS if hasattr(state, "batch_ids") else ("batch_ids", *_METHODS)
    missing_methods(state, names, "a Mergeable")
    if len(batches) < 2:
        raise AssertionError("check_mergeable needs two or more batches.")
    case = _Case(make_state, batches, as_of, (*refused, object()), customer_ids or ())
    if customer_ids is None:
        case = _Case(make_state, batches, as_of, case.refused, _customers(case))
    check_promises(lambda: case, _PROMISES, type(state).__qualname__)


@_promise("update folds a batch into the state itself and returns it")
def _returns_itself(case: _Case) -> None:
    state = case.make_state()
    expect(state.update(case.batches[0]) is state, "update returned another object")


@_promise("any order of batches gives the same state")
def _order(case: _Case) -> None:
    whole = case.whole()
    for seed in range(_PARTITIONS):
        order = _shuffled(case, Random(seed))  # noqa: S311
        _expect_same(case, case.fold(order), whole, f"folding in the order {order}")
        _expect_same(case, case.fold(order[::-1]), whole, f"folding in the order {order[::-1]}")


@_promise("merging any partition is folding all")
def _partitions(case: _Case) -> None:
    whole = case.whole()
    for seed in range(_PARTITIONS):
        random = Random(seed)  # noqa: S311
        order = _shuffled(case, random)
        cut = random.randrange(1, len(order))
        parts = [case.fold(order[:cut]), case.fold(order[cut:])]
        left, right = parts[0].merge(parts[1]), parts[1].merge(parts[0])
        _expect_same(case, left, whole, f"merging {order[:cut]} and {order[cut:]}")
        _expect_same(case, right, left, "merging the other way round")
    states = [case.fold([place]) for place in range(len(case.batches))]
    merged = states[0]
    for state in states[1:]:
        merged = merged.merge(state)
    _expect_same(case, merged, whole, "merging the states of single batches")
    merged = states[-1]
    for state in reversed(states[:-1]):
        merged = state.merge(merged)
    _expect_same(case, merged, whole, "merging them from the right")


@_promise("an empty state changes nothing")
def _identity(case: _Case) -> None:
    whole = case.whole()
    _expect_same(case, whole.merge(case.make_state()), whole, "merging an empty state")
    _expect_same(case, case.make_state().merge(whole), whole, "merging into an empty state")


@_promise("merge changes neither side, now or later")
def _untouched(case: _Case) -> None:
    left, right = case.fold([0]), case.fold([1])
    before = left.to_bytes(), right.to_bytes()
    merged = left.merge(right)
    expect((left.to_bytes(), right.to_bytes()) == before, "merge changed a side")
    merged.update(case.batches[0])
    merged.forget(case.customer_ids)
    expect((left.to_bytes(), right.to_bytes()) == before, "changing the merged state did")


@_promise("bytes come back as the same state, also an empty one, and take more batches")
def _round_trip(case: _Case) -> None:
    empty = case.make_state()
    again = _read(empty, empty.to_bytes())
    expect(again.to_bytes() == empty.to_bytes(), "an empty state came back changed")
    whole = case.whole()
    read = _read(whole, whole.to_bytes())
    _expect_same(case, read, whole, "reading the bytes")
    expect(sorted(read.batch_ids) == sorted(whole.batch_ids), "batch_ids were not kept")
    half = _read(whole, case.fold([0]).to_bytes())
    rest = list(range(1, len(case.batches)))
    _expect_same(case, half.merge(case.fold(rest)), whole, "merging with a state that was read")
    _expect_same(case, again.merge(whole), whole, "merging with an empty state that was read")


@_promise("bytes of something else are refused")
def _foreign_bytes(case: _Case) -> None:
    state = case.whole()
    for payload in (b"", b"no state at all", state.to_bytes()[:-3]):
        _expect_refused(partial(_read, state, payload), "reading other bytes")


@_promise("finalize changes nothing")
def _finalize(case: _Case) -> None:
    state = case.whole()
    before = state.to_bytes()
    first = case.result(state)
    expect(_same(first, case.result(state)), "a second finalize gave another result")
    expect(state.to_bytes() == before, "finalize changed the state")


@_promise("a named batch is known and counts once")
def _named_batches(case: _Case) -> None:
    state = case.make_state().update(case.batches[0], batch_id="a/1")
    expect(list(state.batch_ids) == ["a/1"], f"batch_ids are {list(state.batch_ids)}")
    expect("a/1" in state.batch_ids, "batch_ids does not contain the batch")
    before = state.to_bytes()
    _expect_duplicate(lambda: state.update(case.batches[1], batch_id="a/1"), "a second update")
    expect(state.to_bytes() == before, "a repeated batch changed the state")
    other = case.make_state().update(case.batches[1], batch_id="a/1")
    _expect_duplicate(lambda: state.merge(other), "merging two states that hold it")
    fresh = case.make_state().update(case.batches[1], batch_id="a/2")
    expect(sorted(state.merge(fresh).batch_ids) == ["a/1", "a/2"], "merge lost a batch's name")


@_promise("a refused batch leaves the state as it was")
def _refused(case: _Case) -> None:
    for number, batch in enumerate(case.refused):
        state = case.whole()
        before = state.to_bytes()
        name = f"refused/{number}"
        _expect_refused(partial(state.update, batch, batch_id=name), f"batch {number}")
        expect(state.to_bytes() == before, f"batch {number} was refused, but left a trace")
        expect(name not in state.batch_ids, f"batch {number} was refused, but its name is kept")


@_promise("forget erases customers everywhere and says how many were there")
def _forget(case: _Case) -> None:
    state = case.whole()
    before = state.to_bytes()
    expect(state.forget(["nobody known", -(2**40)]) == 0, "unknown customers were counted")
    expect(state.to_bytes() == before, "forgetting unknown customers changed the state")
    if not case.customer_ids:
        return
    gone = list(case.customer_ids[::2])
    found = state.forget([*gone, gone[0], "nobody known"])
    expect(found == len(set(gone)), f"it returned {found} for {len(set(gone))} customers")
    expect(state.forget(gone) == 0, "they were still there")
    parts = [case.fold([place]) for place in range(len(case.batches))]
    merged = case.make_state()
    for part in parts:
        part.forget(gone)
        merged = merged.merge(part)
    expect(merged.to_bytes() == state.to_bytes(), "forgetting before merging gave another state")
    if len(gone) < len(case.customer_ids):
        left = _column(case.result(state))
        expect(not set(left) & set(gone), "the result still shows one of them")
    expect(
        sorted(state.batch_ids) == sorted(case.whole().batch_ids), "it forgot batches' names too"
    )


def _shuffled(case: _Case, random: Random) -> list[int]:
    order = list(range(len(case.batches)))
    random.shuffle(order)
    return order


def _read(state: Any, payload: bytes) -> Any:
    return state.__class__.from_bytes(payload)


def _expect_same(case: _Case, found: Any, wanted: Any, how: str) -> None:
    expect(found.to_bytes() == wanted.to_bytes(), f"{how} gave other bytes")
    expect(_same(case.result(found), case.result(wanted)), f"{how} gave another result")


def _expect_duplicate(call: Callable[[], object], how: str) -> None:
    try:
        call()
    except DuplicateBatchError:
        return
    raise AssertionError(f"{how} was accepted, where DuplicateBatchError is promised")


def _expect_refused(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except UserPortraitError:
        return
    raise AssertionError(f"{what} was accepted, where an error of this library is promised")


def _same(left: Any, right: Any) -> bool:
    """Compare results of any kind; NaN equals NaN."""
    kind: type[object] = left.__class__
    if hasattr(kind, "equals"):
        return bool(left.equals(right))
    if issubclass(kind, np.ndarray):
        return bool(np.array_equal(left, right, equal_nan=left.dtype.kind == "f"))
    if issubclass(kind, Mapping):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    if issubclass(kind, (list, tuple)):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(_same(a, b) for a, b in pairs)
    return bool(left == right) or (left != left and right != right)


def _customers(case: _Case) -> list[Any]:
    return sorted(set(_column(case.result(case.whole()))))


def _column(result: Any) -> list[Any]:
    """Return the customers of a result, none where it has no such column."""
    try:
        column = result["customer_id"]
    except Exception:
        return []
    values: list[Any] = column.to_list() if hasattr(column, "to_list") else list(column)
    return values
