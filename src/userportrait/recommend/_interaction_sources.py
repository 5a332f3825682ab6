"""Read interactions from frames of any engine, orders, events and sparse matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import sparse

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.display import format_count
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait.data._order_arrays import OrderArrays, epoch_micros
from userportrait.data._roles import Role
from userportrait.data._tables import Table
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    unknown_name,
)
from userportrait.recommend._interaction_rows import Lines, assemble
from userportrait.recommend._interactions import Feedback, Interactions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data import Events, Orders
    from userportrait.typing import CustomerId, IntoFrame

__all__ = [
    "as_interactions",
    "read_events",
    "read_frame",
    "read_matrix",
    "read_orders",
]


class _InteractionTable(Table):
    """One row per interaction."""

    _roles: ClassVar[tuple[Role, ...]] = (
        Role("customer_id", "id", "who it was", True, ("customer", "userid", "user")),
        Role("item_id", "id", "which item", True, ("item", "productid", "product", "sku")),
        Role("weight", "number", "how much it counts"),
        Role("occurred_at", "time", "when"),
        Role("order_id", "id", "in which order"),
    )
    _cleaner: ClassVar[str] = "clean_orders or clean_events"


def as_interactions(value: object, *, owner: str) -> Interactions:
    """Return interactions, made of orders or of a frame where they are not there yet."""
    from userportrait.data import Events, Orders

    if isinstance(value, Interactions):
        return value
    if isinstance(value, Orders):
        return Interactions.from_orders(value)
    if isinstance(value, Events):
        message = (
            f"{owner}: say what each kind of event counts: Interactions.from_events(events, "
            f"weights={{'view': 1, 'purchase': 5}})."
        )
        raise InvalidDataError(message)
    if sparse.issparse(value) or isinstance(value, np.ndarray):
        message = (
            f"{owner}: a matrix does not say which side the customers are on. Use "
            f"Interactions.from_matrix(matrix, customer_ids=…, item_ids=…)."
        )
        raise InvalidDataError(message)
    return Interactions.from_frame(value)


def read_frame(
    frame: IntoFrame,
    names: Mapping[str, str | None],
    *,
    feedback: Feedback,
    half_life: float | None,
    as_of: object,
) -> Interactions:
    """Read a long frame; see `Interactions.from_frame`."""
    owner = "Interactions.from_frame"
    _check_settings(owner, feedback, half_life)
    inner = frames.enter(frame, argument="frame")
    chosen = _chosen_columns(frames.column_names(inner), names, feedback, owner)
    chosen_frame = frames.select_columns(inner, list(chosen.values()))
    renamed = frames.name_columns(chosen_frame, {name: role for role, name in chosen.items()})
    table = _InteractionTable(frames.leave(renamed))
    columns = frames.collect_columns(frames.enter(table.frame), list(chosen))
    customer, customer_ids = code_values(columns["customer_id"])
    item, item_ids = code_values(columns["item_id"])
    weight = _weights(columns["weight"], owner) if "weight" in chosen else None
    at = _times(columns["occurred_at"], owner) if "occurred_at" in chosen else None
    order = code_values(columns["order_id"])[0] if "order_id" in chosen else None
    flags: dict[str, NDArray[np.bool_]] = {}
    if weight is not None and feedback == "implicit":
        flags["no_weight"] = weight == 0
    lines = Lines(
        customer=customer,
        customer_ids=customer_ids,
        item=item,
        item_ids=item_ids,
        weight=weight,
        at=at,
        order=order,
        flags=flags,
    )
    return assemble(lines, owner, feedback=feedback, half_life=half_life, as_of=as_of)


_GUESSES: dict[str, tuple[str, ...]] = {
    "occurred_at": ("occurred_at", "ordered_at"),
    "order_id": ("order_id",),
}


def _chosen_columns(
    available: Sequence[str], names: Mapping[str, str | None], feedback: Feedback, owner: str
) -> dict[str, str]:
    """Return role to column: those named, and those that go by a known name."""
    guesses = dict(_GUESSES)
    guesses["weight"] = ("weight",) if feedback == "implicit" else ("weight", "rating")
    chosen: dict[str, str] = {}
    for role, name in names.items():
        if name is None:
            found = [guess for guess in guesses[role] if guess in available]
            chosen |= {role: found[0]} if found else {}
        elif name in available:
            chosen[role] = name
        else:
            raise MissingColumnError(name, available, f"{owner}: {role}")
    if feedback == "explicit" and "weight" not in chosen:
        raise MissingColumnError("rating", available, f"{owner}: explicit feedback needs ratings")
    values = list(chosen.values())
    twice = {name for name in values if values.count(name) > 1}
    if twice:
        same = ", ".join(f"{role}='{name}'" for role, name in chosen.items() if name in twice)
        raise InvalidParameterError(owner, [f"two roles name the same column: {same}."])
    return chosen


def _times(values: Any, owner: str) -> NDArray[np.int64]:
    missing = pd.Series(values).isna().to_numpy(dtype=bool)
    if missing.any():
        rows = np.flatnonzero(missing)
        message = (
            f"{owner}: {format_count(len(rows), 'value')} of 'occurred_at' missing; every row "
            f"needs one. Drop those rows, or leave out the column."
        )
        raise InvalidDataError(
            message, column="occurred_at", rows=rows[:5].tolist(), n_rows=len(rows)
        )
    return epoch_micros(values, "occurred_at")


def _weights(values: Any, owner: str) -> NDArray[np.float64]:
    found = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    _check_weights(found, owner)
    return found


def _check_weights(values: NDArray[np.float64], owner: str) -> None:
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        rows = np.flatnonzero(bad)
        message = (
            f"{owner}: weights must be finite numbers of at least 0; "
            f"{format_count(len(rows), 'row')} hold something else. Leave out dislikes and "
            f"returns, or shift ratings to start at 0."
        )
        raise InvalidDataError(message, column="weight", rows=rows[:5].tolist(), n_rows=len(rows))


def read_orders(
    orders: Orders, *, weight: str, half_life: float | None, as_of: object
) -> Interactions:
    """Read order lines; see `Interactions.from_orders`."""
    owner = "Interactions.from_orders"
    check_values(owner, {"weight": weight}, {"weight": OneOf(("lines", "quantity", "amount"))})
    _check_settings(owner, "implicit", half_life)
    if "item_id" not in orders.columns:
        raise MissingColumnError("item_id", orders.columns, owner)
    if weight == "quantity" and "quantity" not in orders.columns:
        raise MissingColumnError("quantity", orders.columns, f"{owner}: weight='quantity'")
    arrays = orders.arrays
    item, item_ids = arrays.codes("item_id")
    flags: dict[str, NDArray[np.bool_]] = {"missing_item_id": item < 0}
    if arrays.has_returns:
        flags["return"] = arrays.is_return
    values: NDArray[np.float64] | None = None
    if weight != "lines":
        raw = arrays.quantity if weight == "quantity" else arrays.amount
        scale = 1.0 if weight == "quantity" else 10.0**-orders.minor_digits
        values = raw.astype(np.float64) * scale
        flags["no_weight"] = np.equal(values, 0)
    lines = Lines(
        customer=arrays.customer,
        customer_ids=arrays.customer_ids,
        item=item,
        item_ids=item_ids,
        weight=values,
        at=arrays.at,
        order=arrays.order,
        flags=flags,
    )
    return assemble(lines, owner, half_life=half_life, as_of=as_of)


def read_events(
    events: Events, *, weights: Mapping[str, float], half_life: float | None, as_of: object
) -> Interactions:
    """Read tracking events; see `Interactions.from_events`."""
    owner = "Interactions.from_events"
    _check_settings(owner, "implicit", half_life)
    if "item_id" not in events.columns:
        raise MissingColumnError("item_id", events.columns, owner)
    names = ["customer_id", "item_id", "event", "occurred_at"]
    columns = frames.collect_columns(frames.enter(events.frame), names)
    event, kinds = code_values(columns["event"])
    known = [str(kind) for kind in kinds.tolist()]
    problems = [unknown_name("event", name, known) for name in weights if name not in known]
    rule = Between(0.0, float("inf"), open_high=True)
    found = (rule.problem(f"weights[{name!r}]", value) for name, value in weights.items())
    problems += [problem for problem in found if problem is not None]
    if not weights:
        problems.append("weights must name at least one kind of event.")
    if problems:
        raise InvalidParameterError(owner, problems)
    customer, customer_ids = code_values(columns["customer_id"])
    item, item_ids = OrderArrays(columns, 0).codes("item_id")
    worth = np.array([float(weights.get(name, 0.0)) for name in known])
    values = worth[event]
    flags = {"missing_item_id": item < 0, "other_event": values == 0}
    at = epoch_micros(columns["occurred_at"], "occurred_at")
    lines = Lines(
        customer=customer,
        customer_ids=customer_ids,
        item=item,
        item_ids=item_ids,
        weight=values,
        at=at,
        flags=flags,
    )
    return assemble(lines, owner, half_life=half_life, as_of=as_of)


def read_matrix(
    matrix: Any,
    customer_ids: Sequence[CustomerId] | NDArray[Any],
    item_ids: Sequence[Any] | NDArray[Any],
    feedback: Feedback,
) -> Interactions:
    """Read a sparse matrix; see `Interactions.from_matrix`."""
    owner = "Interactions.from_matrix"
    _check_settings(owner, feedback, None)
    if getattr(matrix, "ndim", 2) != 2:
        raise InvalidDataError(f"{owner}: the matrix must have two dimensions.")
    given = sparse.csr_array(matrix).tocoo()  # entries that a matrix holds twice are summed
    shape, wanted = given.shape, (len(customer_ids), len(item_ids))
    if shape != wanted:
        hint = " It fits the other way round: give matrix.T." if shape == wanted[::-1] else ""
        message = (
            f"{owner}: the matrix is {shape[0]:,} × {shape[1]:,}, but there are {wanted[0]:,} "
            f"customers (rows) and {wanted[1]:,} items (columns).{hint}"
        )
        raise InvalidDataError(message)
    customer, customers = _coded_ids(customer_ids, "customer_ids", owner)
    item, items = _coded_ids(item_ids, "item_ids", owner)
    weight = np.asarray(given.data, dtype=np.float64)
    _check_weights(weight, owner)
    rows, columns = customer[given.row], item[given.col]
    flags = {} if feedback == "explicit" else {"no_weight": weight == 0}
    lines = Lines(
        customer=rows,
        customer_ids=customers,
        item=columns,
        item_ids=items,
        weight=weight,
        flags=flags,
    )
    return assemble(lines, owner, feedback=feedback, keep_ids=True)


def _coded_ids(values: Any, name: str, owner: str) -> tuple[NDArray[np.int32], NDArray[Any]]:
    if not len(values):
        raise InvalidDataError(f"{owner}: {name} is empty. One is needed.")
    roles = (Role(name, "id", "one for each row or column", required=True),)
    table_class = type(owner, (Table,), {"_roles": roles})
    table: Table = table_class(pd.DataFrame({name: pd.Series(values)}))
    settled = frames.collect_columns(frames.enter(table.frame), [name])[name]
    codes, distinct = code_values(settled)
    if len(distinct) < len(codes):
        rows = np.flatnonzero(pd.Series(codes).duplicated().to_numpy())
        message = f"{owner}: {name} must all be different; some come twice."
        raise InvalidDataError(message, rows=rows[:5].tolist(), n_rows=len(rows))
    return codes, distinct


def _check_settings(owner: str, feedback: Feedback, half_life: float | None) -> None:
    check_values(
        owner,
        {"feedback": feedback, "half_life": half_life},
        {
            "feedback": OneOf(("implicit", "explicit")),
            "half_life": Optional(Between(0.0, float("inf"), open_low=True)),
        },
    )
    if half_life is not None and feedback == "explicit":
        problem = "half_life is for implicit feedback; the newest rating of a pair counts anyway."
        raise InvalidParameterError(owner, [problem])
