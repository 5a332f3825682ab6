"""Does a class keep the promises of a recommender?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from userportrait.testing._promises import (
    check_promises,
    expect,
    missing_methods,
    promise_into,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from userportrait.typing import Recommends

    Check: TypeAlias = "Callable[[Recommends], None]"

__all__ = ["check_recommends"]

_COLUMNS = ("customer_id", "item_id", "score", "rank")

_PROMISES: dict[str, Check] = {}
_promise = promise_into(_PROMISES)


def check_recommends(factory: Callable[[], Recommends]) -> None:
    """Check that a recommender keeps every promise of `userportrait.typing.Recommends`.

    Put it in your own tests.

    Parameters
    ----------
    factory : callable
        Called without arguments, about ten times; returns a fitted recommender that knows two
        customers or more, and has three items or more to recommend to some of them.

    Raises
    ------
    AssertionError
        If a promise is broken. The message names every broken promise and what was seen
        instead; the first error is its cause.

    Notes
    -----
    What a check cannot see is not checked: whether items that a customer has are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.patterns import BasketRuleRecommender
    >>> bought = [(1, "tea"), (1, "cup"), (2, "tea"), (2, "pot"), (3, "milk"), (3, "jam")]
    >>> lines = pd.DataFrame(bought, columns=["customer_id", "item_id"])
    >>> check_recommends(lambda: BasketRuleRecommender().fit(lines))
    """

    def fresh() -> Any:
        found: Any = factory()
        missing_methods(found, ("recommend",), "a Recommends")
        table = found.recommend(None, k=3)
        lacking = [name for name in _COLUMNS if name not in table]
        if lacking:
            raise AssertionError(
                f"recommend() returns a frame without {', '.join(lacking)}; it has "
                f"{', '.join(map(str, table.columns))}."
            )
        if table["customer_id"].nunique() < 2 or table["rank"].max() < 3:
            raise AssertionError(
                "factory() must return a recommender that is fitted, knows two customers or more, "
                "and has three items for some of them: this one has no such lists."
            )
        return found

    check_promises(fresh, _PROMISES)


def _lists(table: pd.DataFrame) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    rows = zip(table["customer_id"].tolist(), table["item_id"].tolist(), strict=True)
    for customer, item in rows:
        found.setdefault(customer, []).append(item)
    return found


def _customers(model: Recommends) -> list[Any]:
    return list(_lists(model.recommend(None, k=3)))


@_promise("each list has ranks 1, 2, … and no more items than asked for")
def _ranks(model: Recommends) -> None:
    for k in (1, 3):
        table = model.recommend(None, k=k)
        ranks: dict[Any, list[int]] = {}
        for customer, rank in zip(table["customer_id"], table["rank"], strict=True):
            ranks.setdefault(customer, []).append(int(rank))
        for found in ranks.values():
            expect(found == list(range(1, len(found) + 1)), f"with k={k}, ranks are {found}")
            expect(len(found) <= k, f"with k={k}, a list has {len(found)} items")


@_promise("no list has an item twice")
def _once(model: Recommends) -> None:
    for items in _lists(model.recommend(None, k=1_000)).values():
        expect(len(set(items)) == len(items), "a list has an item twice")


@_promise("scores do not rise with the rank, and are numbers")
def _scores(model: Recommends) -> None:
    table = model.recommend(None, k=1_000)
    last: dict[Any, float] = {}
    for customer, value in zip(table["customer_id"], table["score"], strict=True):
        score = float(value)
        expect(score == score, "a score is NaN")
        expect(score <= last.get(customer, score), "a score is higher than the one before")
        last[customer] = score


@_promise("a longer list begins with the shorter one")
def _longer(model: Recommends) -> None:
    short, long = (_lists(model.recommend(None, k=k)) for k in (2, 5))
    for customer, items in short.items():
        found = long.get(customer, [])[: len(items)]
        expect(found == items, "the list with k=5 does not begin with the list with k=2")


@_promise("customers come in the order asked")
def _order(model: Recommends) -> None:
    wanted = _customers(model)[::-1]
    found = list(_lists(model.recommend(wanted, k=2)))
    expect(found == wanted, "customers that were asked for in turn come in another order")


@_promise("a list does not depend on who else is asked for")
def _alone(model: Recommends) -> None:
    together = _lists(model.recommend(None, k=5))
    for customer in list(together)[:5]:
        alone = _lists(model.recommend([customer], k=5))
        expect(list(alone) == [customer], "asked for one customer, it answers for another")
        expect(alone[customer] == together[customer], "a customer alone gets another list")


@_promise("the same question has the same answer")
def _again(model: Recommends) -> None:
    one, other = (_lists(model.recommend(None, k=5)) for _ in range(2))
    expect(one == other, "asked again, it answers otherwise")


@_promise("items to exclude are left out")
def _exclude(model: Recommends) -> None:
    table = model.recommend(None, k=3)
    unwanted = set(table["item_id"].tolist()[:2])
    found = model.recommend(None, k=3, exclude=sorted(unwanted, key=str))
    expect(not unwanted & set(found["item_id"].tolist()), "an excluded item is recommended")


@_promise("nobody asked for is an empty answer")
def _nobody(model: Recommends) -> None:
    table = model.recommend([], k=3)
    expect(len(table) == 0, f"for no customers it returns {len(table)} rows")
    lacking = [name for name in _COLUMNS if name not in table]
    expect(not lacking, f"the empty answer lacks {', '.join(lacking)}")


@_promise("a customer that it does not know is no error")
def _stranger(model: Recommends) -> None:
    known = _customers(model)
    stranger: Any = "nobody knows me" if isinstance(known[0], str) else -987_654_321
    found = _lists(model.recommend([stranger, known[0]], k=2))
    expect(set(found) <= {stranger, known[0]}, "it answers for customers not asked for")
    alone = _lists(model.recommend([known[0]], k=2))
    expect(found.get(known[0]) == alone[known[0]], "beside a stranger, a list is another one")


@_promise("a number of items below 1 is refused")
def _none(model: Recommends) -> None:
    for k in (0, -1):
        try:
            model.recommend(None, k=k)
        except ValueError:
            continue
        raise AssertionError(f"k={k} is accepted")
