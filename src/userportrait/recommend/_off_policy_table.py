"""What was shown, with what chance, and what came of it: read into arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.display import format_count
from userportrait.data._roles import Role
from userportrait.data._tables import Table
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.recommend._evaluation_table import (
    Relevant,
    check_same_kind,
    places_in,
    read_lists,
)
from userportrait.typing import Recommends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Log", "Policy", "read_log", "read_policy"]

_OWNER = "evaluate_policy"


class Logged(Table):
    """One row for each item that was shown."""

    _roles: ClassVar[tuple[Role, ...]] = (
        Role("reward", "number", "what came of it", True, ("click", "clicked", "purchase")),
        Role("propensity", "number", "the chance of showing it", True, ("probability", "pscore")),
        Role("customer_id", "id", "to whom"),
        Role("item_id", "id", "which item"),
        Role("impression_id", "id", "what was shown together"),
        Role("position", "number", "its place, from 1"),
        Role("target_propensity", "number", "the new policy's chance of showing it"),
        Role("predicted", "number", "the reward foretold for it"),
        Role("predicted_policy", "number", "the reward foretold for the new policy"),
    )


class Probabilities(Table):
    """One row for each item that the new policy may show to a customer."""

    _roles: ClassVar[tuple[Role, ...]] = (
        Role("customer_id", "id", "to whom", True),
        Role("item_id", "id", "which item", True),
        Role("probability", "number", "the chance of showing it", True),
        Role("position", "number", "its place, from 1"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Shown items, sorted by impression, then position.

    Parameters
    ----------
    impression : ndarray of int64
        From 0, each one in turn.
    position : ndarray of int64
        From 0.
    cluster : ndarray of int64, shape (n_impressions,)
        The customer of each impression, or the impression itself.
    reward, propensity : ndarray of float64
    customer, item : ndarray of int64
        Positions in the IDs, which are sorted; empty where the log does not say.
    columns : dict of str to ndarray
        Further columns that were given.
    """

    impression: NDArray[np.int64]
    position: NDArray[np.int64]
    cluster: NDArray[np.int64]
    reward: Floats
    propensity: Floats
    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    customer_ids: NDArray[Any]
    item_ids: NDArray[Any]
    columns: dict[str, Floats]

    @property
    def n_impressions(self) -> int:
        """Number of impressions."""
        return len(self.cluster)

    @property
    def n_positions(self) -> int:
        """Length of the longest impression."""
        return int(self.position.max(initial=-1)) + 1

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each impression."""
        return np.flatnonzero(self.position == 0)

    def sum_by_impression(self, values: Floats) -> Floats:
        """Return the sum of each impression."""
        found = np.bincount(self.impression, weights=values, minlength=self.n_impressions)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """The chance of each customer, position and item; the rest have none.

    Parameters
    ----------
    customer, position, item : ndarray of int64
        Customers and items are positions in the log's IDs; an item that was never shown has a
        place after them.
    probability : ndarray of float64
    """

    customer: NDArray[np.int64]
    position: NDArray[np.int64]
    item: NDArray[np.int64]
    probability: Floats

    def of_rows(self, log: Log) -> Floats:
        """Return the chance that the policy shows what was shown."""
        n_items = int(max(self.item.max(initial=0), log.item.max(initial=0))) + 1
        n_positions = int(max(self.position.max(initial=0), log.position.max(initial=0))) + 1
        own = (self.customer * n_positions + self.position) * n_items + self.item
        order = np.argsort(own)
        key = (log.customer * n_positions + log.position) * n_items + log.item
        at = np.minimum(np.searchsorted(own[order], key), len(own) - 1)
        found = order[at]
        return np.where(own[found] == key, self.probability[found], 0.0)


def read_log(logged: Any) -> Log:
    """Read what was shown.

    Raises
    ------
    MissingColumnError, ColumnTypeError
        If a column is not there, or has a type that it cannot have.
    InvalidDataError
        If a value is missing or out of range, or an impression has a position twice.
    """
    table = Logged(logged)
    present = table.columns
    roles = ["reward", "propensity", "target_propensity", "predicted", "predicted_policy"]
    ids = ["customer_id", "item_id", "impression_id"]
    wanted = [name for name in (*roles, *ids, "position") if name in present]
    raw = frames.collect_columns(frames.enter(table.frame), wanted)
    numbers = {name: _numbers(raw[name], name) for name in roles if name in raw}
    coded = {name: _codes(raw[name], name) for name in ids if name in raw}
    n = len(numbers["reward"])
    place = _numbers(raw["position"], "position") if "position" in raw else None
    order = _order(numbers, coded, place)
    numbers = {name: values[order] for name, values in numbers.items()}
    codes = {name: pair[0][order] for name, pair in coded.items()}
    if "impression_id" in codes:
        impression = codes["impression_id"]
        position = _positions(impression, None if place is None else place[order])
    else:
        impression, position = np.arange(n), np.zeros(n, dtype=np.int64)
    starts = np.flatnonzero(position == 0)
    cluster = codes["customer_id"][starts] if "customer_id" in codes else np.arange(len(starts))
    if "customer_id" in codes and (cluster[impression] != codes["customer_id"]).any():
        message = f"{_OWNER}: an impression has two customers."
        raise InvalidDataError(message, column="impression_id")
    none = np.empty(0, dtype=np.int64)
    return Log(
        impression,
        position,
        cluster,
        numbers.pop("reward"),
        numbers.pop("propensity"),
        codes.get("customer_id", none),
        codes.get("item_id", none),
        coded["customer_id"][1] if "customer_id" in coded else none,
        coded["item_id"][1] if "item_id" in coded else none,
        numbers,
    )


_LIMITS = {
    "reward": (-np.inf, np.inf, "finite numbers"),
    "predicted": (-np.inf, np.inf, "finite numbers"),
    "predicted_policy": (-np.inf, np.inf, "finite numbers"),
    "propensity": (np.finfo(float).tiny, 1.0, "more than 0 and at most 1"),
    "target_propensity": (0.0, 1.0, "in [0, 1]"),
    "probability": (0.0, 1.0, "in [0, 1]"),
    "position": (1.0, 1e6, "whole numbers from 1"),
}


def _numbers(values: Any, name: str) -> Floats:
    found = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    low, high, words = _LIMITS[name]
    bad = ~(np.isfinite(found) & (found >= low) & (found <= high))
    if name == "position":
        bad |= found != np.floor(found)
    if bad.any():
        rows = np.flatnonzero(bad)
        message = f"{_OWNER}: '{name}' must be {words}; {format_count(len(rows), 'row')} are not."
        raise InvalidDataError(message, column=name, rows=rows[:5].tolist(), n_rows=len(rows))
    return found


def _codes(values: Any, name: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
    codes, ids = code_values(values)
    if len(codes) and codes.min() < 0:
        rows = np.flatnonzero(codes < 0)
        message = f"{_OWNER}: '{name}' is missing in {format_count(len(rows), 'row')}."
        raise InvalidDataError(message, column=name, rows=rows[:5].tolist(), n_rows=len(rows))
    return codes.astype(np.int64), ids


def _order(numbers: Any, coded: Any, place: Floats | None) -> NDArray[np.intp]:
    """Return an order of rows that does not depend on the one given, so that sums do not."""
    keys: list[Any] = list(numbers.values())[::-1]
    keys += [coded[name][0] for name in ("item_id", "customer_id") if name in coded]
    if "impression_id" in coded:
        keys += [] if place is None else [place]
        keys += [coded["impression_id"][0]]
    return np.lexsort(keys)


def _positions(impression: NDArray[np.int64], place: Floats | None) -> NDArray[np.int64]:
    """Return positions from 0; rows are sorted by impression and place."""
    n = len(impression)
    new = np.r_[True, impression[1:] != impression[:-1]]
    count = np.arange(n) - np.maximum.accumulate(np.where(new, np.arange(n), 0))
    if place is None:
        if not new.all():
            message = (
                f"{_OWNER}: impressions of several items need a column 'position': 1, 2, … within "
                f"each impression_id."
            )
            raise InvalidDataError(message, column="impression_id")
    elif (place != count + 1).any():
        message = f"{_OWNER}: positions of an impression must be 1, 2, … without a gap."
        raise InvalidDataError(message, column="position")
    return count


def read_policy(policy: Any, log: Log, *, filter_seen: bool) -> Policy:
    """Read what the new policy does for the customers of the log.

    Raises
    ------
    MissingColumnError
        If the log does not say which customer or item.
    InvalidDataError
        If the policy says nothing of a customer, or its chances do not sum to 1.
    """
    for name, codes in (("customer_id", log.customer), ("item_id", log.item)):
        if not len(codes):
            role = f"{_OWNER}: policy= goes by customer and item"
            raise MissingColumnError(name, ["reward", "propensity", *log.columns], role)
    if not isinstance(policy, Recommends):
        inner = frames.enter(policy, argument="policy")
        if "probability" in frames.column_names(inner):
            return _with_probabilities(policy, log)
    return _from_lists(policy, log, filter_seen)


def _from_lists(policy: Any, log: Log, filter_seen: bool) -> Policy:
    n = len(log.customer_ids)
    none = np.zeros(n, dtype=np.int64)
    everybody = Relevant(log.customer_ids, log.item_ids, np.arange(n), none, np.ones(n))
    k = log.n_positions
    lists = read_lists(policy, everybody, k=k, filter_seen=filter_seen, owner=_OWNER)
    item = _with_unshown(places_in(log.item_ids, lists.item_ids), len(log.item_ids))[lists.item]
    made = Policy(lists.customer, lists.place, item, np.ones(len(item)))
    _check_whole(made, log, "has no item for")
    return made


def _with_unshown(place: NDArray[np.intp], n_shown: int) -> NDArray[np.int64]:
    """Give items that were never shown places after those that were."""
    unshown = place < 0
    found = place.astype(np.int64)
    found[unshown] = n_shown + np.arange(int(unshown.sum()))
    return found


def _with_probabilities(policy: Any, log: Log) -> Policy:
    table = Probabilities(policy)
    names = ["customer_id", "item_id", "probability"]
    names += ["position"] if "position" in table.columns else []
    raw = frames.collect_columns(frames.enter(table.frame), names)
    code, customer_ids = code_values(raw["customer_id"])
    item_code, item_ids = code_values(raw["item_id"])
    check_same_kind(customer_ids, log.customer_ids, "customer_id", _OWNER)
    check_same_kind(item_ids, log.item_ids, "item_id", _OWNER)
    customer = places_in(log.customer_ids, customer_ids)[code].astype(np.int64)
    item = _with_unshown(places_in(log.item_ids, item_ids), len(log.item_ids))[item_code]
    probability = _numbers(raw["probability"], "probability")
    position = np.zeros(len(code), dtype=np.int64)
    if "position" in raw:
        position = _numbers(raw["position"], "position").astype(np.int64) - 1
    kept = customer >= 0
    order = np.lexsort((item[kept], position[kept], customer[kept]))
    rows = np.flatnonzero(kept)[order]
    made = Policy(customer[rows], position[rows], item[rows], probability[rows])
    same = np.ones(max(len(made.item) - 1, 0), dtype=bool)
    for part in (made.customer, made.position, made.item):
        same &= part[1:] == part[:-1]
    if same.any():
        message = f"{_OWNER}: policy has a customer and item twice, for one position."
        raise InvalidDataError(message, n_rows=int(same.sum()))
    _check_whole(made, log, "has chances that do not sum to 1 for")
    return made


def _check_whole(policy: Policy, log: Log, words: str) -> None:
    """Raise if a customer and position of the log lacks a whole distribution."""
    n_positions = int(max(policy.position.max(initial=0), log.n_positions - 1)) + 1
    key = policy.customer * n_positions + policy.position
    total = np.bincount(
        key, weights=policy.probability, minlength=len(log.customer_ids) * n_positions
    )
    needed = np.unique(log.customer * n_positions + log.position)
    bad = np.abs(total[needed] - 1.0) > 1e-6
    if bad.any():
        what = format_count(int(bad.sum()), "customer and position", "customers and positions")
        message = (
            f"{_OWNER}: policy {words} {what} of the log. Leave these out of logged, or say what "
            f"the policy shows."
        )
        raise InvalidDataError(message, n_rows=int(bad.sum()))
