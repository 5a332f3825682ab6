"""Lists mixed by rules: at most so many of a brand, at least so many of a category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from userportrait._core.params import Between, InstanceOf, check_values
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.recommend._filters_items import as_table
from userportrait.recommend._filters_tables import FilterValue, label_codes, read_table
from userportrait.recommend._rerank_greedy import Needs, choose_greedily, codes_of_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._filters import Candidates, Request
    from userportrait.recommend._filters_items import ItemValues
    from userportrait.recommend._interactions import Interactions
    from userportrait.recommend._top import Top

__all__ = ["AtMostPer", "CategoryQuota"]

_COUNT = Between(1, 1_000_000, integer=True)
_TEXT = InstanceOf((str,), "a text")


@dataclass(frozen=True, repr=False)
class AtMostPer(FilterValue):
    """At most so many items of a brand, a category or another attribute in one list.

    Parameters
    ----------
    n : int
        Most items with the same value.
    items : mapping, Series, Items or frame
        Value by item; a frame has `item_id` and the column `by`.
    by : str, default='brand'
        The attribute. Items without a value are not limited.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the items cannot be read, or one comes twice.

    See Also
    --------
    CategoryQuota : Limits for single values, and least numbers.

    Notes
    -----
    Going down from the best candidate, each item is taken unless its value has been taken `n`
    times; so many candidates are looked at as it takes to fill the list. Of all lists that keep
    the limit, this one has the largest sum of scores. A longer list begins with the shorter one.

    Examples
    --------
    >>> AtMostPer(1, {"p1": "Lipton", "p2": "Lipton", "p3": "Twinings"})
    AtMostPer(n=1, items={'p1': 'Lipton', 'p2': 'Lipton', 'p3': 'Twinings'})
    """

    n: int
    items: ItemValues
    _: KW_ONLY
    by: str = "brand"

    def __post_init__(self) -> None:
        check_values("AtMostPer", {"n": self.n, "by": self.by}, {"n": _COUNT, "by": _TEXT})
        self.set("items", read_table(self.items, {self.by: "label"}, "AtMostPer"))

    def choose(self, request: Request, candidates: Candidates) -> Top:
        """Return the best items that keep the limit."""
        table = as_table(self.items)
        code, n_labels = codes_of_items(table, self.by, request.interactions)
        most = np.full(n_labels, self.n)
        needs = Needs(code, np.zeros(n_labels, dtype=np.intp), most)
        return choose_greedily(request, candidates, needs)

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items of the table the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.items).count_unknown(data)


@dataclass(frozen=True, repr=False)
class CategoryQuota(FilterValue):
    """At least and at most so many items of a category in one list.

    Parameters
    ----------
    items : mapping, Series, Items or frame
        Category by item; a frame has `item_id` and the column `by`.
    at_least : mapping of label to int, default={}
        Least items of some categories. Where a customer may get fewer, all of them come.
    at_most : int or mapping of label to int, default={}
        Most items of every category, or of some. Items without a category are not limited.
    by : str, default='category'
        The attribute: category, brand, or another column.

    Raises
    ------
    InvalidParameterError
        If a category is not in the table, or the least number is above the most. When
        recommending: if lists of `k` cannot hold all that `at_least` asks for.
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the items cannot be read, or one comes twice.

    Notes
    -----
    The list has the largest sum of scores among all that keep the quotas: the best items of each
    category with a least number, and the best others that `at_most` allows. It is ordered by
    score. Since `at_least` speaks of the whole list, a longer list need not begin with the
    shorter one.

    Examples
    --------
    >>> items = {"p1": "tea", "p2": "tea", "p3": "cups"}
    >>> CategoryQuota(items, at_least={"cups": 1}, at_most=3)
    CategoryQuota(items={'p1': 'tea', 'p2': 'tea', 'p3': 'cups'}, at_least={'cups': 1}, at_most=3)
    """

    items: ItemValues
    _: KW_ONLY
    at_least: Mapping[Any, int] | tuple[tuple[Any, int], ...] = ()
    at_most: int | Mapping[Any, int] | tuple[tuple[Any, int], ...] = ()
    by: str = "category"

    def __post_init__(self) -> None:
        owner = "CategoryQuota"
        check_values(owner, {"by": self.by}, {"by": _TEXT})
        table = read_table(self.items, {self.by: "label"}, owner)
        self.set("items", table)
        self.set("at_least", Quotas.of(self.at_least))
        if isinstance(self.at_most, (Mapping, tuple)):
            self.set("at_most", Quotas.of(self.at_most))
        _, labels = label_codes(table.columns[self.by])
        problems = self._problems(labels)
        if problems:
            raise InvalidParameterError(owner, problems)

    def _problems(self, labels: tuple[Any, ...]) -> list[str]:
        known = [str(label) for label in labels]
        problems: list[str] = []
        parts = [("at_least", self.at_least), ("at_most", self.at_most)]
        for name, part in parts:
            if not isinstance(part, Quotas):
                problems.append(_COUNT.problem(name, part) or "")
                continue
            for label, n in part:
                rule = _COUNT if name == "at_least" else Between(0, 1_000_000, integer=True)
                problems.append(rule.problem(f"{name}[{label!r}]", n) or "")
                if label not in labels:
                    problems.append(f"{name}: {unknown_name(self.by, str(label), known)}")
        problems = [problem for problem in problems if problem]
        if not problems:
            least, most = self._limits(labels)
            over = [str(label) for label, a, b in zip(labels, least, most, strict=True) if a > b]
            problems += [f"at_least is above at_most for {label!r}." for label in over]
        return problems

    def _limits(self, labels: tuple[Any, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the least and the most items of each label."""
        place = {label: number for number, label in enumerate(labels)}
        least = np.zeros(len(labels), dtype=np.intp)
        most = np.full(len(labels), np.iinfo(np.intp).max)
        for label, n in Quotas.of(self.at_least):
            least[place[label]] = n
        if isinstance(self.at_most, Quotas):
            for label, n in self.at_most:
                most[place[label]] = n
        else:
            most[:] = self.at_most
        return least, most

    def choose(self, request: Request, candidates: Candidates) -> Top:
        """Return the best items that keep the quotas."""
        table = as_table(self.items)
        _, labels = label_codes(table.columns[self.by])
        code, n_labels = codes_of_items(table, self.by, request.interactions)
        least, most = self._limits(labels)
        there = np.bincount(code[code >= 0], minlength=n_labels)
        needs = Needs(code, np.minimum(least, there), most)
        if needs.least.sum() > request.k:
            problem = (
                f"at_least asks for {int(needs.least.sum()):,} items, but the lists have k="
                f"{request.k:,}."
            )
            raise InvalidParameterError("CategoryQuota", [problem])
        return choose_greedily(request, candidates, needs)

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items of the table the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.items).count_unknown(data)


class Quotas(tuple[tuple[Any, int], ...]):
    """Numbers by label, in the order of the labels."""

    __slots__ = ()

    @classmethod
    def of(cls, value: Any) -> Quotas:
        """Read a mapping."""
        if isinstance(value, Mapping):
            given = cast("Mapping[Any, int]", value)
            return cls(sorted(given.items(), key=lambda pair: str(pair[0])))
        return cls(value)

    def __repr__(self) -> str:
        return repr(dict(self))
