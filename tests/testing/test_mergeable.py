"""The suite for states accepts what keeps its promises and names what does not."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from helpers.engines import installed_engines, to_engine
from userportrait.data import make_shop
from userportrait.features import CustomerSummary
from userportrait.testing import check_mergeable


def batches() -> list[Any]:
    """Rows of a small shop in four parts, each on another engine, times out of order."""
    lines = make_shop(n_customers=25, random_state=3).orders.to_pandas()
    shuffled = lines.sample(frac=1, random_state=0)[["customer_id", "order_id", "ordered_at"]]
    frame = shuffled.assign(quantity=1, price=lines["price"]).reset_index(drop=True)
    engines = installed_engines()
    parts = [frame[i::4].reset_index(drop=True) for i in range(4)]
    return [to_engine(engines[i % len(engines)], part) for i, part in enumerate(parts)]


def test_the_customer_summary_keeps_all_promises() -> None:
    first = batches()[0]
    bad = [
        first.assign(customer_id=range(len(first))),  # whole numbers after texts
        first.assign(ordered_at=None),
        first[:0],
    ]
    check_mergeable(CustomerSummary, batches(), as_of="2026-06-30", refused=bad)


class Broken(CustomerSummary):
    """One fault at a time."""

    fault = ""

    def update(self, batch: Any, *, batch_id: str | None = None) -> Any:
        if self.fault == "keeps a refused name" and batch_id is not None:
            super().update(batch)
            return self
        if self.fault == "takes anything" and not isinstance(batch, pd.DataFrame):
            return self
        found = super().update(batch, batch_id=batch_id)
        if self.fault == "another object":
            return type(self).from_bytes(found.to_bytes())
        return found

    def merge(self, other: Any) -> Any:
        if self.fault == "merges in place":
            self._entries = super().merge(other)._entries
            return self
        return super().merge(other)

    def forget(self, customer_ids: Any) -> int:
        if self.fault == "forgets nothing":
            return 0
        return super().forget(customer_ids)


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        ("keeps a refused name", "a named batch is known and counts once"),
        ("takes anything", "a refused batch leaves the state as it was"),
        ("another object", "update folds a batch into the state itself and returns it"),
        ("merges in place", "merge changes neither side, now or later"),
        ("forgets nothing", "forget erases customers everywhere"),
    ],
)
def test_a_broken_promise_is_named(fault: str, broken: str) -> None:
    kind = type("MyState", (Broken,), {"fault": fault})
    lines = make_shop(n_customers=8, random_state=3).orders.to_pandas()
    with pytest.raises(AssertionError, match=broken) as caught:
        check_mergeable(kind, [lines[:10], lines[10:20], lines[20:]], as_of="2026-06-30")
    assert str(caught.value).startswith("MyState breaks ")


def test_what_is_no_state_is_said_at_once() -> None:
    with pytest.raises(AssertionError, match="dict is not a Mergeable: it lacks batch_ids, fina"):
        check_mergeable(dict, [1, 2], as_of=None)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="needs two or more batches"):
        check_mergeable(CustomerSummary, [1], as_of=None)
