"""The checks of a recommender name the promise that a class breaks."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from userportrait.testing import _recommends, check_recommends
from userportrait.testing._recommends import _PROMISES

ITEMS = ["tea", "cup", "pot", "jam", "milk", "egg"]


class Honest:
    """Recommends the same items to everybody."""

    turn = 0

    def recommend(
        self, customers: Any = None, *, k: int = 10, filter_seen: bool = True, exclude: Any = ()
    ) -> pd.DataFrame:
        if k < 1:
            raise ValueError("k")
        items = [item for item in ITEMS if item not in set(exclude)][:k]
        wanted = [1, 2, 3] if customers is None else list(customers)
        rows = [
            (customer, item, 1.0 / rank, rank)
            for customer in wanted
            for rank, item in enumerate(items, 1)
        ]
        return pd.DataFrame(rows, columns=["customer_id", "item_id", "score", "rank"])


class Changed(Honest):
    """Changes what an honest one says."""

    def recommend(self, customers: Any = None, **options: Any) -> pd.DataFrame:
        return self.change(super().recommend(customers, **options), customers, options)

    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        raise NotImplementedError


class RanksFromZero(Changed):
    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        return table.assign(rank=table["rank"] - (0 if options["k"] == 3 else 1))


class Twice(Changed):
    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        return table.replace("egg", "tea")


class RisingScores(Changed):
    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        return table.assign(score=table["rank"])


class OtherBeginning(Changed):
    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        return table.replace("tea", "water") if options["k"] == 2 else table


class Sorts(Changed):
    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        return table.sort_values(["customer_id", "rank"])


class LooksAtOthers(Changed):
    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        return table.replace("tea", "water") if table["customer_id"].nunique() == 1 else table


class Wavers(Changed):
    def change(self, table: pd.DataFrame, customers: Any, options: Any) -> pd.DataFrame:
        self.turn += 1
        return table.replace("tea", f"tea {self.turn}")


class IgnoresExclude(Honest):
    def recommend(self, customers: Any = None, **options: Any) -> pd.DataFrame:
        return super().recommend(customers, **options | {"exclude": ()})


class Everybody(Honest):
    def recommend(self, customers: Any = None, **options: Any) -> pd.DataFrame:
        return super().recommend(customers or None, **options)


class KnowsAll(Honest):
    def recommend(self, customers: Any = None, **options: Any) -> pd.DataFrame:
        if customers is not None and set(customers) - {1, 2, 3}:
            raise KeyError("unknown customer")
        return super().recommend(customers, **options)


class AnyNumber(Honest):
    def recommend(self, customers: Any = None, *, k: int = 10, **options: Any) -> pd.DataFrame:
        return super().recommend(customers, k=max(k, 1), **options)


BROKEN: dict[str, type[Honest]] = {
    "each list has ranks 1, 2, … and no more items than asked for": RanksFromZero,
    "no list has an item twice": Twice,
    "scores do not rise with the rank, and are numbers": RisingScores,
    "a longer list begins with the shorter one": OtherBeginning,
    "customers come in the order asked": Sorts,
    "a list does not depend on who else is asked for": LooksAtOthers,
    "the same question has the same answer": Wavers,
    "items to exclude are left out": IgnoresExclude,
    "nobody asked for is an empty answer": Everybody,
    "a customer that it does not know is no error": KnowsAll,
    "a number of items below 1 is refused": AnyNumber,
}


def test_an_honest_recommender_passes() -> None:
    check_recommends(Honest)


@pytest.mark.parametrize("promise", list(BROKEN))
def test_a_broken_promise_is_named(promise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recommends, "_PROMISES", {promise: _PROMISES[promise]})
    with pytest.raises(AssertionError, match=re.escape(f"- {promise}: ")):
        check_recommends(BROKEN[promise])


def test_every_promise_can_be_broken() -> None:
    assert set(BROKEN) == set(_PROMISES)


def test_missing_methods_and_columns_are_named() -> None:
    class Nothing: ...

    class NoScore(Honest):
        def recommend(self, customers: Any = None, **options: Any) -> pd.DataFrame:
            return super().recommend(customers, **options).drop(columns="score")

    with pytest.raises(AssertionError, match="Nothing is not a Recommends: it lacks recommend"):
        check_recommends(Nothing)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="without score"):
        check_recommends(NoScore)
