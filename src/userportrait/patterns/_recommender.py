"""Recommending by rules: what goes with a basket or a customer, and which rule says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from userportrait._core.estimator import Estimator
from userportrait._core.params import (
    Between,
    InstanceOf,
    OneOf,
    Optional,
    Rule,
    check_params,
    check_values,
)
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._completion import Completed, Rows, complete_rows
from userportrait.patterns._mine import mine_itemsets
from userportrait.patterns._recommender_history import History, as_history_baskets
from userportrait.patterns._recommender_reasons import explain_rules, reason_texts
from userportrait.patterns._recommender_rules import RuleBook, Scoring, make_rule_book
from userportrait.patterns._rules_derive import derive_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._completion import Combine
    from userportrait.patterns._rules import Rules
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["BasketRuleRecommender"]

_FEWEST = 5


class BasketRuleRecommender(Estimator):
    """Recommend items by association rules, each with the rule that speaks for it.

    It keeps the promises of `userportrait.typing.Recommends`.

    Parameters
    ----------
    min_support : int or float, optional
        Least number (an int) or share (a float) of baskets with the items of a rule. By default
        0.02 % of the baskets, 0.1 % with a `max_antecedent` above 1, and at least 5.
    min_confidence : float, default=0.01
        Least share of the baskets with the left side that hold the right side.
    max_antecedent : int, default=1
        Most items on the left side, 1 to 6. More of them take longer to mine.
    scoring : str, default='cosine'
        What makes a rule good: ``'cosine'`` (the count over the geometric mean of both sides'
        counts), ``'confidence'``, ``'lower_bound'`` (of the confidence, so that rules of few
        baskets count less), ``'lift'`` or ``'leverage'``.
    combine : {'best', 'sum'}, default='best'
        What an item is worth: the score of the best rule that speaks for it, or the sum of the
        scores of all of them.
    rules_per_item : int or None, default=10
        How many rules of each length of the left side may speak for each item: the best ones.
        None for all.
    fill : bool, default=True
        Whether lists that the rules leave short are filled up with the items in most baskets.
        So every customer gets an answer, and a new one does.
    last_baskets : int, optional
        How many of a customer's last baskets the rules look at in `recommend`; by default all.
    confidence_level : float, default=0.95
        Of the lower bound, which is one-sided; 0.5 to 1.

    Attributes
    ----------
    rules_ : Rules
        The rules with one item on the right, as they were derived or given.
    items_ : ndarray of shape (n_items,)
        The items that it knows, sorted.
    n_baskets_ : int
    customer_ids_ : ndarray or None
        The customers that it knows, sorted; None if the baskets had none.
    n_ignored_rules_ : int
        Rules given to `fit` that have several items on the right.

    See Also
    --------
    derive_rules : The rules.
    userportrait.typing.Recommends : What a recommender promises.

    Notes
    -----
    A rule fires in a basket that holds its whole left side. Rules are ordered once: by score,
    then by count, right side, left side. So equal scores never depend on the order of rows. The
    lower bound is Wilson's [1]_. Items of baskets are looked up in a tree of left
    sides, many baskets at a time; time grows with the sets that baskets and rules share.

    References
    ----------
    .. [1] Wilson (1927), "Probable inference, the law of succession, and statistical
       inference", Journal of the American Statistical Association 22(158), 209-212.

    Examples
    --------
    >>> from userportrait.patterns import Baskets
    >>> lists = [["tea", "cup"]] * 8 + [["tea", "pot", "cup"]] * 6 + [["milk"]] * 6 + [["tea"]]
    >>> model = BasketRuleRecommender().fit(Baskets.from_lists(lists))
    >>> model.complete([["tea"], ["pot"]], k=1)
       basket item_id     score  rank                       reason
    0       0     cup  0.966092     1  tea → cup: 14 of 15 baskets
    1       1     cup  0.654654     1    pot → cup: 6 of 6 baskets
    """

    rules_: Rules
    items_: NDArray[Any]
    n_baskets_: int
    customer_ids_: NDArray[Any] | None
    n_ignored_rules_: int

    _rules: ClassVar[Mapping[str, Rule]] = {
        "min_support": Optional(Between(0.0, float("inf"), open_low=True)),
        "min_confidence": Between(0.0, 1.0),
        "max_antecedent": Between(1, 6, integer=True),
        "scoring": OneOf(("confidence", "lower_bound", "lift", "leverage", "cosine")),
        "combine": OneOf(("best", "sum")),
        "rules_per_item": Optional(Between(1, 1_000_000, integer=True)),
        "fill": InstanceOf((bool,), "True or False"),
        "last_baskets": Optional(Between(1, 1_000_000, integer=True)),
        "confidence_level": Between(0.5, 1.0, open_high=True),
    }

    def __init__(
        self,
        *,
        min_support: float | None = None,
        min_confidence: float = 0.01,
        max_antecedent: int = 1,
        scoring: Scoring = "cosine",
        combine: Combine = "best",
        rules_per_item: int | None = 10,
        fill: bool = True,
        last_baskets: int | None = None,
        confidence_level: float = 0.95,
    ) -> None:
        self.min_support = min_support
        self.min_confidence = min_confidence
        self.max_antecedent = max_antecedent
        self.scoring: Scoring = scoring
        self.combine: Combine = combine
        self.rules_per_item = rules_per_item
        self.fill = fill
        self.last_baskets = last_baskets
        self.confidence_level = confidence_level

    def fit(
        self,
        baskets: Baskets | Orders | IntoFrame | Iterable[Iterable[Any]],
        *,
        rules: Rules | None = None,
    ) -> Self:
        """Mine the rules, and remember what each customer has bought.

        Parameters
        ----------
        baskets : Baskets, Orders, frame or lists of items
            A frame has `customer_id` and `item_id`, and may have `order_id` and `ordered_at` or
            `occurred_at`; without `order_id` all items of a customer are one basket.
        rules : Rules, optional
            Rules of your own, mined from baskets with the same items, filtered and pruned as
            you like. Those with several items on the right are not used, and counted. By default
            they are mined with `min_support`, `min_confidence` and `max_antecedent`.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters do not fit; all of them are named.
        InvalidDataError
            If the rules have other items than the baskets.
        """
        check_params(self, self._rules)
        found = as_history_baskets(baskets, owner="BasketRuleRecommender.fit")
        if rules is None:
            rules = self._mined(found)
        self._book: RuleBook = make_rule_book(
            rules, self.scoring, self.confidence_level, self.rules_per_item
        )
        if not np.array_equal(rules.index.items, found.items):
            raise InvalidDataError(
                "BasketRuleRecommender.fit: the rules were mined from other items than the "
                "baskets have. Mine them from the same Baskets."
            )
        self.rules_ = rules
        self.n_ignored_rules_ = len(rules) - self._book.n_rules
        self.items_ = found.items
        self.n_baskets_ = int(found.n_baskets)
        order = np.argsort(-found.item_counts, kind="stable")
        self._popularity = np.empty(len(order), dtype=np.int64)
        self._popularity[order] = np.arange(len(order))
        self._item_counts = found.item_counts
        self._history = History.of(found, self.last_baskets)
        self.customer_ids_ = self._history.customer_ids
        return self

    def _mined(self, baskets: Baskets) -> Rules:
        least = self.min_support
        if least is None:
            share = 0.0002 if self.max_antecedent == 1 else 0.001
            least = max(_FEWEST, int(np.ceil(share * baskets.n_baskets)))
        itemsets = mine_itemsets(baskets, min_support=least, max_length=self.max_antecedent + 1)
        return derive_rules(itemsets, min_confidence=self.min_confidence, max_consequent=1)

    def complete(
        self,
        baskets: Baskets | Iterable[Iterable[Any]],
        *,
        k: int = 10,
        filter_seen: bool = True,
        exclude: Iterable[Any] = (),
        reasons: bool = True,
    ) -> pd.DataFrame:
        """Recommend what goes with baskets.

        Parameters
        ----------
        baskets : Baskets or lists of items
            Items that it does not know are passed over.
        k : int, default=10
            Most items for each basket.
        filter_seen : bool, default=True
            Whether items of the basket itself are left out.
        exclude : iterable of item, default=()
            Items that are never recommended, such as those out of stock.
        reasons : bool, default=True
            Whether to say which rule speaks for each item.

        Returns
        -------
        DataFrame
            `basket` (position, from 0), `item_id`, `score` (0 for an item that no rule speaks
            for), `rank` (from 1), and `reason`: the best rule with its counts, such as
            ``'tea → cup: 14 of 15 baskets'``, or ``'popular'``. By basket, then rank.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        self._check_fitted("rules_")
        self._check_k("complete", k)
        found = as_history_baskets(baskets, owner="BasketRuleRecommender.complete", quiet=True)
        rows = self._known_rows(found)
        done = self._completed(rows, rows if filter_seen else None, k, exclude)
        return self._frame("basket", done.row, done, reasons=reasons)

    def recommend(
        self,
        customers: Sequence[CustomerId] | None = None,
        *,
        k: int = 10,
        filter_seen: bool = True,
        exclude: Iterable[Any] = (),
        reasons: bool = True,
    ) -> pd.DataFrame:
        """Recommend items to customers, by what they have bought.

        Parameters
        ----------
        customers : sequence of int or str, optional
            By default all that `fit` has seen, sorted. A customer that it does not know gets
            the items in most baskets, with `fill`; otherwise no rows.
        k : int, default=10
            Most items for each customer.
        filter_seen : bool, default=True
            Whether items that the customer has ever bought are left out.
        exclude : iterable of item, default=()
            Items that are never recommended, such as those out of stock.
        reasons : bool, default=True
            Whether to say which rule speaks for each item.

        Returns
        -------
        DataFrame
            `customer_id`, `item_id`, `score`, `rank`, `reason`, as `complete`; customers in the
            order given.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidDataError
            If the baskets of `fit` had no customers.
        """
        self._check_fitted("rules_")
        self._check_k("recommend", k)
        if self.customer_ids_ is None:
            raise InvalidDataError(
                "BasketRuleRecommender.recommend: the baskets of fit had no customers. Fit on "
                "Orders, or use complete(baskets)."
            )
        wanted = self.customer_ids_.tolist() if customers is None else list(customers)
        context, seen = self._history.rows_of(wanted)
        done = self._completed(context, seen if filter_seen else None, k, exclude)
        return self._frame("customer_id", _ids(wanted)[done.row], done, reasons=reasons)

    def explain(self, basket: Iterable[Any], item: Any) -> pd.DataFrame:
        """Return every rule that speaks for an item in a basket, best first.

        Parameters
        ----------
        basket : iterable of item
        item : item

        Returns
        -------
        DataFrame
            `antecedent` (a tuple of items), `count` (baskets with the whole rule),
            `n_antecedent`, `n_consequent`, `confidence`, `lift`, `score`. The score of the item
            is that of the first row, or the sum of all (``combine='sum'``).

        Raises
        ------
        InvalidParameterError
            If the item is unknown.
        """
        self._check_fitted("rules_")
        found = as_history_baskets(
            [list(basket)], owner="BasketRuleRecommender.explain", quiet=True
        )
        return explain_rules(
            self._book, self.items_, self.n_baskets_, self._known_rows(found), item
        )

    def _check_k(self, method: str, k: int) -> None:
        owner = f"BasketRuleRecommender.{method}"
        check_values(owner, {"k": k}, {"k": Between(1, 1_000_000, integer=True)})

    def _known_rows(self, baskets: Baskets) -> Rows:
        """Return baskets in the codes of the rules, without items that they do not know."""
        return self._history.recode(baskets, self.items_)

    def _completed(
        self, context: Rows, seen: Rows | None, k: int, exclude: Iterable[Any]
    ) -> Completed:
        if isinstance(exclude, str):
            problem = "exclude must be a list of items, not one text."
            raise InvalidParameterError("BasketRuleRecommender", [problem])
        allowed = self._item_counts > 0
        place = pd.Index(self.items_).get_indexer(pd.Index(list(exclude), dtype=object))
        allowed[place[place >= 0]] = False
        return complete_rows(
            self._book,
            context,
            seen,
            k=k,
            allowed=allowed,
            popularity=self._popularity if self.fill else None,
            combine=self.combine,
        )

    def _frame(
        self, name: str, rows: NDArray[Any], done: Completed, *, reasons: bool
    ) -> pd.DataFrame:
        columns: dict[str, Any] = {
            name: rows,
            "item_id": self.items_[done.item],
            "score": done.score,
            "rank": done.rank,
        }
        if reasons:
            columns["reason"] = reason_texts(self._book, self.items_, done.rule)
        return pd.DataFrame(columns)


def _ids(values: list[Any]) -> NDArray[Any]:
    """Return IDs as int64 if all of them are whole numbers, as objects otherwise."""
    if values and all(isinstance(value, int | np.integer) for value in values):
        return np.array(values, dtype=np.int64)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
