"""Several models as one, with weights learned on held-out interactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast

import numpy as np

from userportrait._core.params import Between, Optional, Rule, check_params
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.recommend._attributes import attribute_rows, read_attributes
from userportrait.recommend._base import Recommender
from userportrait.recommend._content_based import ContentBased
from userportrait.recommend._hybrid_weights import cut_for_validation, deviation, learn_weights
from userportrait.recommend._interaction_ids import with_more_ids
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.recommend._interactions import csr
from userportrait.recommend._similar import unit_rows
from userportrait.recommend._sparse import top_of_product, transposed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data import Customers, Items, Orders
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._top import Top
    from userportrait.typing import IntoFrame

__all__ = ["Hybrid"]

Models: TypeAlias = "Mapping[str, Recommender] | Sequence[Recommender]"


class Hybrid(Recommender):
    """Blend recommenders; give new items a place by their attributes.

    Parameters
    ----------
    models : mapping of str to Recommender, or sequence of Recommender
        What is blended, by name; by the name of its class in a sequence. The models given are not
        changed; `models_` holds fitted copies.
    weights : mapping of str to float, optional
        How much each model counts, 0 or more. By default they are learned: each customer's newest
        interactions (random ones, without times) are held out, and the blend with the best
        NDCG at 20 for them is kept.
    borrow : float, default=1.0
        For items with attributes (`items` in `fit`): how many customers the scores of the
        nearest items count for, beside those that the item has itself. 0 turns it off.
    n_borrowed : int, default=20
        From how many items with the nearest attributes an item borrows.
    validation_share : float, default=0.2
        Share of each customer's interactions that is held out to learn weights.
    n_validation : int, default=2000
        Most customers that weights are learned from.
    random_state : int, default=0
        For the choice of what is held out.

    Attributes
    ----------
    interactions_ : Interactions
        What `fit` has seen; its items are those of `items` and of the interactions together.
    models_ : dict of str to Recommender
        Fitted on everything.
    weights_ : dict of str to float
        They sum to 1.
    validation_ : dict of str to float
        NDCG at 20 on what was held out, of each model alone and of ``'blend'``; empty if weights
        were given.

    See Also
    --------
    tune : Choose the parameters of one model on a validation cut.

    Notes
    -----
    Scores of a model are divided by their standard deviation over all items, for each customer,
    so that models of any scale can be mixed; the blend is the weighted sum, the linear stacking of
    [1]_ with weights that are not negative. Weights are searched on a grid of steps of 0.1, then
    0.05 around the best, among the 200 best items of each model; of equal ones the first is kept,
    which counts earlier models more.

    An item with *n* customers and the borrowed score *b* of its neighbours by attributes (the mean
    of their scores, weighted by cosine) gets :math:`(n s + c b) / (n + c)` with its own score *s*
    and :math:`c` = `borrow`: a new one what it borrows, a common one what is its own.

    References
    ----------
    .. [1] Breiman (1996), "Stacked regressions", Machine Learning 24, 49-64.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.recommend import EASE, Popularity
    >>> bought = [(1, "tea"), (1, "pot"), (2, "tea"), (2, "pot"), (3, "tea"), (3, "milk")]
    >>> frame = pd.DataFrame(bought, columns=["customer_id", "item_id"])
    >>> model = Hybrid([EASE(l2=1.0), Popularity()], weights={"EASE": 0.7, "Popularity": 0.3})
    >>> model.fit(frame).recommend([3], k=1)[["item_id", "rank", "reason"]]
      item_id  rank          reason
    0     pot     1  because of tea
    """

    models_: dict[str, Recommender]
    weights_: dict[str, float]
    validation_: dict[str, float]

    _rules: ClassVar[Mapping[str, Rule]] = {
        "borrow": Between(0.0, float("inf"), open_high=True),
        "n_borrowed": Between(1, 100_000, integer=True),
        "validation_share": Between(0.0, 1.0, open_low=True, open_high=True),
        "n_validation": Between(1, 10_000_000, integer=True),
        "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
    }
    _learned: ClassVar[tuple[str, ...]] = ("models_", "weights_", "validation_", "_near")

    def __init__(
        self,
        models: Models,
        *,
        weights: Mapping[str, float] | None = None,
        borrow: float = 1.0,
        n_borrowed: int = 20,
        validation_share: float = 0.2,
        n_validation: int = 2000,
        random_state: int = 0,
    ) -> None:
        self.models = models
        self.weights = weights
        self.borrow = borrow
        self.n_borrowed = n_borrowed
        self.validation_share = validation_share
        self.n_validation = n_validation
        self.random_state = random_state

    def fit(
        self,
        interactions: Interactions | Orders | IntoFrame,
        *,
        items: Items | IntoFrame | None = None,
        customers: Customers | IntoFrame | None = None,
    ) -> Self:
        """Learn weights on what is held out, then fit every model on everything.

        Parameters
        ----------
        interactions : Interactions, Orders or frame
            A frame has `customer_id` and `item_id`, and may have `weight` and `occurred_at`.
        items : Items or frame, optional
            `item_id` and attributes, of new items, too; for `ContentBased` models and for
            borrowing.
        customers : Customers or frame, optional
            `customer_id` and tags, for `ContentBased` models.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters do not fit.
        """
        check_params(self, self._rules)
        named = self._named_models()
        data = as_interactions(interactions, owner="Hybrid.fit")
        self._attributes = None
        if items is not None:
            owner = "Hybrid.fit: items"
            self._attributes = read_attributes(items, key="item_id", texts=None, owner=owner)
            data = with_more_ids(data, items=self._attributes.ids, owner="Hybrid.fit")
        self._items, self._customers = items, customers
        self._named = named
        return self._fit(data)

    def _named_models(self) -> dict[str, Recommender]:
        given: Any = self.models
        named: dict[str, Any] = {}
        if isinstance(given, Mapping):
            named |= cast("Mapping[str, Any]", given)
        else:
            for model in cast("Sequence[Any]", given):
                name = type(model).__name__
                same = sum(key.partition(" ")[0] == name for key in named)
                named[f"{name} {same + 1}" if same else name] = model
        problems = [
            f"models: {name!r} must be a Recommender; got {type(model).__name__}."
            for name, model in named.items()
            if not isinstance(model, Recommender)
        ]
        if not named:
            problems.append("models must hold at least one.")
        if self.weights is not None:
            known = list(named)
            problems += [
                f"weights: {unknown_name('model', key, known)}"
                for key in self.weights
                if key not in named
            ]
            rule = Between(0.0, float("inf"), open_high=True)
            found = (rule.problem(f"weights[{k!r}]", v) for k, v in self.weights.items())
            problems += [problem for problem in found if problem is not None]
            if not problems and sum(self.weights.values()) <= 0:
                problems.append("weights must not all be 0.")
        if problems:
            raise InvalidParameterError("Hybrid", problems)
        return named

    def _learn(self, data: Interactions) -> None:
        if not hasattr(self, "_named"):
            message = "a model that was loaded has no attributes; fit it again."
            raise InvalidParameterError("Hybrid.update", [message])
        self.validation_ = {}
        if self.weights is not None:
            total = sum(self.weights.values())
            self.weights_ = {name: self.weights.get(name, 0.0) / total for name in self._named}
        elif len(self._named) == 1:
            self.weights_ = dict.fromkeys(self._named, 1.0)
        else:
            self._learn_weights(data)
        self.models_ = self._fitted(data)
        self._near: Matrix | None = self._nearest(data)

    def _learn_weights(self, data: Interactions) -> None:
        train, held_out = cut_for_validation(data, self.validation_share, self.random_state)
        fitted = self._fitted(train)
        self.weights_, self.validation_ = learn_weights(
            fitted, train, held_out, n_customers=self.n_validation, random_state=self.random_state
        )

    def _fitted(self, data: Interactions) -> dict[str, Recommender]:
        """Return copies of the models, fitted."""
        made: dict[str, Recommender] = {}
        for name, model in self._named.items():
            copy: Any = type(model)(**model.get_params(deep=False))
            if isinstance(copy, (ContentBased, Hybrid)) and self._items is not None:
                copy.fit(data, items=self._items, customers=self._customers)
            else:
                copy.fit(data)
            made[name] = copy
        return made

    def _nearest(self, data: Interactions) -> Matrix | None:
        """Return, for each item, the shares of the nearest items that have customers."""
        if self._attributes is None or self.borrow == 0:
            return None
        facts = unit_rows(attribute_rows(self._attributes, data.item_ids)[0])
        across, _ = transposed(facts, "auto")
        n = data.n_items
        itself = csr(np.ones(n), np.arange(n, dtype=np.int32), np.arange(n + 1), (n, n))
        near = top_of_product(
            facts, across, min(self.n_borrowed, n), allowed=data.item_counts > 0, blocked=itself
        )
        return _shares(near, n)

    def _settle(self) -> None:
        counts = self.interactions_.item_counts
        self._lent = self.borrow / (counts + self.borrow) if self._near is not None else None
        if self._near is not None and self._lent is not None:
            self._lent = np.where(np.diff(self._near.indptr) > 0, self._lent, 0.0)

    def _own_scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        total = np.zeros(history.shape)
        for name, model in self.models_.items():
            if self.weights_[name]:
                scores = np.asarray(model.score_rows(history, known), dtype=np.float64)
                total += scores * (self.weights_[name] / deviation(scores))
        return total

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        total = self._own_scores(history, known)
        if self._near is not None and self._lent is not None:
            borrowed = (self._near @ total.T).T
            total = total * (1.0 - self._lent) + borrowed * self._lent
        # Products of dense matrices differ in their last bits with the number of rows.
        return total.astype(np.float32).astype(np.float64)

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64] | None:
        n_items = self.interactions_.n_items
        history = csr(weights, items.astype(np.int32), np.array([0, len(items)]), (1, n_items))
        own: NDArray[np.float64] | None
        own = self._own_contributions(items, weights, known, item, history)
        if own is None or self._near is None or self._lent is None or not self._lent[item]:
            return own
        total: NDArray[np.float64] = own * (1.0 - self._lent[item])
        start, stop = self._near.indptr[item], self._near.indptr[item + 1]
        for near, share in zip(
            self._near.indices[start:stop], self._near.data[start:stop], strict=True
        ):
            part = self._own_contributions(items, weights, known, int(near), history)
            total = total + part * (share * self._lent[item])
        return total

    def _own_contributions(
        self,
        items: NDArray[np.intp],
        weights: NDArray[np.float64],
        known: int,
        item: int,
        history: Matrix,
    ) -> Any:
        total = np.zeros(len(items))
        place = np.array([known], dtype=np.intp)
        for name, model in self.models_.items():
            if not self.weights_[name]:
                continue
            given = model.contributions(items, weights, known, item)
            if given is None:
                return None
            scores = np.asarray(model.score_rows(history, place), dtype=np.float64)
            total = total + given * (self.weights_[name] / deviation(scores)[0, 0])
        return total

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        """Ask the models in the order of their weights; the first that knows answers."""
        found = np.full(len(row), -1, dtype=np.intp)
        for name in sorted(self.models_, key=lambda key: -self.weights_[key]):
            left = np.flatnonzero(found < 0)
            if not len(left) or not self.weights_[name]:
                break
            found[left] = self.models_[name].main_items(history, known, row[left], item[left])
        return found

    def _cold_top(
        self,
        customers: NDArray[Any],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top | None:
        for name in sorted(self.models_, key=lambda key: -self.weights_[key]):
            found = self.models_[name].cold_top(customers, k, allowed, blocked)
            if found is not None:
                return found
        return None


def _shares(near: Top, n: int) -> Matrix:
    """Return scores of neighbours as rows that sum to 1, columns sorted."""
    inside = near.items >= 0
    row, _ = np.nonzero(inside)
    column, value = near.items[inside], near.scores[inside]
    order = np.lexsort((column, row))
    row, column, value = row[order], column[order], value[order]
    total = np.bincount(row, weights=value, minlength=n)
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=n), out=indptr[1:])
    return csr(value / total[row], column, indptr, (n, n))
