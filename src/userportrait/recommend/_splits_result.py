"""The two parts of a cut, and what one of them does not know of the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import pandas as pd

from userportrait._core.display import format_count, page_fragment, table
from userportrait._core.params import InstanceOf, check_values
from userportrait.errors import InvalidDataError
from userportrait.recommend._evaluation_table import check_same_kind, places_in
from userportrait.recommend._splits_rows import SplitRows, read_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

__all__ = ["DataT", "Split", "made_split"]

DataT = TypeVar("DataT")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Split(Generic[DataT]):
    """A part to learn from and a part to be judged by.

    Nothing is dropped without being asked for: what `train` does not know of `test` is counted.
    For a validation part, cut `train` once more.

    Parameters
    ----------
    train, test : Interactions, Orders or frame
        Of the kind that was split. A frame that was not in memory comes as a pandas frame.
    method : str
        How it was cut, in words.
    facts : mapping of str to int
        `n_train` and `n_test` rows, `n_test_customers` and `n_test_items`;
        `n_unknown_customers` and `n_unknown_items`, those of `test` that `train` lacks;
        `n_repeated_pairs` of customer and item that both have; `n_uncut_customers`, who are in
        `train` only; `n_left_out`, rows that `narrow_test` has left out.

    See Also
    --------
    split_by_time, split_last, split_random, split_blocks : Make one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.recommend import split_by_time
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "bo"],
    ...         "item_id": ["tea", "cup", "tea"],
    ...         "occurred_at": pd.to_datetime(["2026-01-01", "2026-01-05", "2026-01-06"]),
    ...     }
    ... )
    >>> split_by_time(frame, at="2026-01-03")
    <Split: 1 row to learn from, 2 rows to be judged by, by time at 2026-01-03>
    """

    train: DataT
    test: DataT
    method: str
    facts: dict[str, int]

    @property
    def n_unknown_customers(self) -> int:
        """Customers of `test` of whom `train` knows nothing."""
        return self.facts["n_unknown_customers"]

    @property
    def n_unknown_items(self) -> int:
        """Items of `test` of which `train` knows nothing."""
        return self.facts["n_unknown_items"]

    @property
    def n_repeated_pairs(self) -> int:
        """Pairs of customer and item that are in both parts."""
        return self.facts["n_repeated_pairs"]

    def narrow_test(
        self,
        *,
        known_customers: bool = False,
        known_items: bool = False,
        new_pairs: bool = False,
    ) -> Split[DataT]:
        """Leave rows out of `test`, and count them.

        Parameters
        ----------
        known_customers, known_items : bool, default=False
            Whether only customers or items stay that `train` has.
        new_pairs : bool, default=False
            Whether only pairs of customer and item stay that `train` does not have: lists
            without what was seen can have no others.

        Returns
        -------
        Split

        Raises
        ------
        InvalidDataError
            If nothing would be left.
        """
        owner = "Split.narrow_test"
        given = {
            "known_customers": known_customers,
            "known_items": known_items,
            "new_pairs": new_pairs,
        }
        check_values(owner, given, {name: InstanceOf((bool,), "a bool") for name in given})
        train, test = read_rows(self.train, owner), read_rows(self.test, owner)
        kept = np.ones(len(test.customer), dtype=bool)
        in_train = _Known(train, test)
        if known_customers:
            kept &= in_train.customers[test.customer]
        if known_items:
            kept &= in_train.items[test.item] | (test.item < 0)
        if new_pairs:
            kept &= ~in_train.pairs
        if not kept.any():
            raise InvalidDataError(f"{owner}: nothing would be left in test.")
        part = test.take(kept)
        left_out = self.facts["n_left_out"] + int((~kept).sum())
        facts = _facts(train, read_rows(part, owner), self.facts["n_uncut_customers"], left_out)
        return Split(train=self.train, test=part, method=self.method, facts=facts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per fact: `fact`, `n`."""
        return pd.DataFrame({"fact": list(self.facts), "n": list(self.facts.values())})

    def to_dict(self) -> dict[str, Any]:
        """Return how it was cut, and the facts."""
        return {"method": self.method, **self.facts}

    def __repr__(self) -> str:
        n_train = format_count(self.facts["n_train"], "row")
        n_test = format_count(self.facts["n_test"], "row")
        return f"<Split: {n_train} to learn from, {n_test} to be judged by, {self.method}>"

    def _repr_html_(self) -> str:
        rows = [[_MEANINGS[name], f"{n:,}"] for name, n in self.facts.items()]
        return page_fragment(f"Split {self.method}", table(("", "n"), rows, numeric=["n"]))


_MEANINGS = {
    "n_train": "rows to learn from",
    "n_test": "rows to be judged by",
    "n_test_customers": "customers to be judged by",
    "n_test_items": "items to be judged by",
    "n_unknown_customers": "of these customers, unknown to train",
    "n_unknown_items": "of these items, unknown to train",
    "n_repeated_pairs": "pairs of customer and item in both parts",
    "n_uncut_customers": "customers in train only",
    "n_left_out": "rows left out of test",
}


class _Known:
    """What of one part the other knows."""

    def __init__(self, train: SplitRows, test: SplitRows) -> None:
        check_same_kind(test.customer_ids, train.customer_ids, "customer_id", "Split")
        check_same_kind(test.item_ids, train.item_ids, "item_id", "Split")
        customer = places_in(train.customer_ids, test.customer_ids)
        item = places_in(train.item_ids, test.item_ids)
        self.customers: Mask = customer >= 0
        self.items: Mask = item >= 0
        own_customer = customer[test.customer].astype(np.int64)
        own_item = np.where(test.item >= 0, item[test.item], -1).astype(np.int64)
        known = (own_customer >= 0) & (own_item >= 0) & test.counts
        key = own_customer * max(len(train.item_ids), 1) + own_item
        self.pairs: Mask = known & np.isin(key, train.pairs)


def made_split(rows: SplitRows, is_test: Mask, method: str, owner: str) -> Split[Any]:
    n_test = int(np.count_nonzero(is_test & rows.counts))
    if not n_test or not (rows.counts & ~is_test).any():
        empty = "be judged by" if not n_test else "learn from"
        message = f"{owner}: cut {method}, there is nothing to {empty}."
        raise InvalidDataError(message)
    return Split(
        train=rows.take(~is_test),
        test=rows.take(is_test),
        method=method,
        facts=_facts_of_cut(rows, is_test),
    )


def _facts_of_cut(rows: SplitRows, is_test: Mask) -> dict[str, int]:
    ours, theirs = rows.counts & is_test, rows.counts & ~is_test
    customers, own_customers = (np.unique(rows.customer[part]) for part in (ours, theirs))
    items, own_items = (np.unique(rows.item[part]) for part in (ours, theirs))
    pairs, own_pairs = (np.unique(rows.pairs[part]) for part in (ours, theirs))
    return {
        "n_train": int(np.count_nonzero(~is_test)),
        "n_test": int(np.count_nonzero(is_test)),
        "n_test_customers": len(customers),
        "n_test_items": len(items),
        "n_unknown_customers": len(np.setdiff1d(customers, own_customers, assume_unique=True)),
        "n_unknown_items": len(np.setdiff1d(items, own_items, assume_unique=True)),
        "n_repeated_pairs": len(np.intersect1d(pairs, own_pairs, assume_unique=True)),
        "n_uncut_customers": len(np.setdiff1d(own_customers, customers, assume_unique=True)),
        "n_left_out": 0,
    }


def _facts(train: SplitRows, test: SplitRows, n_uncut: int, n_left_out: int) -> dict[str, int]:
    known = _Known(train, test)
    counted = test.counts
    customers, items = np.unique(test.customer[counted]), np.unique(test.item[counted])
    return {
        "n_train": len(train.customer),
        "n_test": len(test.customer),
        "n_test_customers": len(customers),
        "n_test_items": len(items),
        "n_unknown_customers": int((~known.customers[customers]).sum()),
        "n_unknown_items": int((~known.items[items]).sum()),
        "n_repeated_pairs": len(np.unique(test.pairs[known.pairs])),
        "n_uncut_customers": n_uncut,
        "n_left_out": n_left_out,
    }
